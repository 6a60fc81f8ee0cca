/*
 * Groups and stories, read from the history database (HTTP contract 6.2, 7).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


static const ngx_http_wahub_filter_t  ngx_http_wahub_room_filters[] = {
    { "search", NULL, offsetof(wa_archive_query_t, search) },
    { NULL, NULL, 0 }
};


static void ngx_http_wahub_groups_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_groups_held(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_groups_past_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_stories_list_query(ngx_http_wahub_ctx_t *ctx);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_groups_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_groups);
}


/* The group is there but for what only the history knows. */
static wa_err_t
ngx_http_wahub_groups_run_one(wa_sql_t *db, void *data)
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_group_since(db, &h->q, h->extra);

    return rc == WA_OK
           ? ngx_http_wahub_history_body(h, json_incref(h->extra)) : rc;
}


/* {account_id} of one that is in the group; no body: there is none. */
static wa_err_t
ngx_http_wahub_groups_run_holder(wa_sql_t *db, void *data)
{
    size_t                     i;
    json_t                    *group, *body;
    wa_err_t                   rc;
    wa_span_t                  jid;
    wa_archive_query_t         q;
    ngx_http_wahub_history_t  *h = data;

    q = h->q;
    q.search = h->ref;
    q.limit = 20;
    rc = wa_archive_groups(db, &q, &h->page);

    if (rc != WA_OK) {
        return rc;
    }

    body = NULL;

    json_array_foreach(h->page.items, i, group) {
        jid = wa_span_str(json_string_value(json_object_get(group, "jid")));

        if (wa_span_eq(jid, h->ref)) {
            body = json_pack("{s:O}", "account_id",
                             json_object_get(group, "account_id"));
            break;
        }
    }

    json_decref(h->page.items);
    h->page.items = NULL;

    return body == NULL ? WA_OK : ngx_http_wahub_history_body(h, body);
}


static wa_err_t
ngx_http_wahub_groups_run_past(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_group_past);
}


static wa_err_t
ngx_http_wahub_stories_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_stories);
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_groups_show(ngx_http_wahub_ctx_t *ctx, json_t *group)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_start(ctx, &q, &ctx->params[0], group,
                                 "GROUP_NOT_FOUND",
                                 ngx_http_wahub_groups_run_one);
}


void
ngx_http_wahub_groups_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_groups_list_query);
    }
}


static void
ngx_http_wahub_groups_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_filters(ctx, ngx_http_wahub_room_filters, &q)
        != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_groups_run_list);
}


void
ngx_http_wahub_groups_holder(ngx_http_wahub_ctx_t *ctx, const ngx_str_t *jid,
    ngx_http_wahub_row_pt next)
{
    wa_archive_query_t  q;

    ngx_str_null(&ctx->vars.account);
    ngx_http_wahub_history_query(ctx, NULL, &q);

    ctx->next = next;
    ngx_http_wahub_history_then(ctx, &q, jid, NULL,
                                ngx_http_wahub_groups_run_holder,
                                ngx_http_wahub_groups_held);
}


static void
ngx_http_wahub_groups_held(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    json_t     *found;
    ngx_str_t   text, id;

    if (body->n == 0) {
        ctx->next(ctx);
        return;
    }

    found = json_loadb((const char *) body->p, body->n, 0, NULL);
    wa_buf_free(body);

    text = ngx_http_wahub_json_str(json_object_get(found, "account_id"));
    id.len = text.len;
    id.data = ngx_pstrdup(ctx->request->pool, &text);
    json_decref(found);

    if (id.data == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_lookup_account(ctx, &id, ctx->next);
}


/* Who was in a group. */
void
ngx_http_wahub_groups_past(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_groups_past_query);
    }
}


static void
ngx_http_wahub_groups_past_query(ngx_http_wahub_ctx_t *ctx)
{
    char                 text[WA_JID_TEXT_MAX + 1];
    wa_archive_query_t   q;

    if (ngx_http_wahub_path_jid(ctx, 0, wa_jid_is_group, "a group", text)
        != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_query(ctx, ctx->state, &q);
    q.chat = wa_span_str(text);
    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_groups_run_past);
}


void
ngx_http_wahub_stories_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_stories_list_query);
    }
}


static void
ngx_http_wahub_stories_list_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_of_person(ctx, ngx_http_wahub_stories_run_list);
}
