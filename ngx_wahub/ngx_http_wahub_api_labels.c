/*
 * Labels of chats (HTTP contract 6.2): read from the history, changed by
 * commands.
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_LABELS_TIMEOUT  30000
#define NGX_HTTP_WAHUB_LABELS_ID_MAX   64
#define NGX_HTTP_WAHUB_LABELS_COLOR    19      /* the palette's last     */


static const ngx_http_wahub_field_t  ngx_http_wahub_label_fields[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 100, 1, 0 },
    { "color", "color", ngx_http_wahub_field_number, 0,
      NGX_HTTP_WAHUB_LABELS_COLOR, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_label_changes[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 100, 0, 0 },
    { "color", "color", ngx_http_wahub_field_number, 0,
      NGX_HTTP_WAHUB_LABELS_COLOR, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static void ngx_http_wahub_labels_list_query(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_labels_fields(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_labels_find(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_labels_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_labels_act(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_labels_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_labels_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_labels);
}


/* One label; no body: there is none. */
static wa_err_t
ngx_http_wahub_labels_run_one(wa_sql_t *db, void *data)
{
    json_t                    *label;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;
    wa_archive_query_t         q = h->q;

    q.chat = h->ref;
    rc = wa_archive_labels(db, &q, &h->page);

    if (rc != WA_OK) {
        return rc;
    }

    label = json_incref(json_array_get(h->page.items, 0));
    json_decref(h->page.items);
    h->page.items = NULL;

    return label == NULL ? WA_OK : ngx_http_wahub_history_body(h, label);
}


/* The number of a new one. */
static wa_err_t
ngx_http_wahub_labels_run_next(wa_sql_t *db, void *data)
{
    int64_t                    id;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_label_next(db, h->q.account, &id);

    return rc != WA_OK ? rc : ngx_http_wahub_history_body(h,
        json_pack("{s:o}", "id", json_sprintf("%lld", (long long) id)));
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_labels_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_labels_list_query);
    }
}


static void
ngx_http_wahub_labels_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);
    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_labels_run_list);
}


/* The account is selected already. */
void
ngx_http_wahub_labels_create(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_label_fields,
                                   ctx->args)
        != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_query(ctx, NULL, &q);
    q.account = ngx_http_wahub_span(&ctx->vars.account);
    ngx_http_wahub_history_then(ctx, &q, &ctx->vars.account,
                                "INTERNAL_ERROR",
                                ngx_http_wahub_labels_run_next,
                                ngx_http_wahub_labels_found);
}


/* A chat's label may be that of one of its messages: ?message=<WhatsApp's
   id>. */
void
ngx_http_wahub_labels_change(ngx_http_wahub_ctx_t *ctx)
{
    char        jid[WA_JID_TEXT_MAX + 1];
    ngx_int_t   rc;
    ngx_str_t   message;

    ctx->args = json_object();
    rc = NGX_OK;

    if (ctx->route->arg == NGX_HTTP_WAHUB_LABELS_EDIT) {
        rc = ngx_http_wahub_labels_fields(ctx);

    } else if (ctx->route->arg == NGX_HTTP_WAHUB_LABELS_DELETE) {
        (void) json_object_set_new(ctx->args, "deleted", json_true());

    } else {

        if (ngx_http_wahub_path_jid(ctx, 1, NULL, NULL, jid) != NGX_OK) {
            return;
        }

        if (ngx_http_wahub_query(ctx->request, "message", &message)
            == NGX_OK)
        {
            (void) json_object_set_new(ctx->args, "message_id",
                                       ngx_http_wahub_json_text(&message));
        }

        (void) json_object_set_new(ctx->args, "jid", json_string(jid));
        (void) json_object_set_new(ctx->args, "value",
            json_boolean(ctx->route->arg == NGX_HTTP_WAHUB_LABELS_ADD));
    }

    if (rc == NGX_OK) {
        ngx_http_wahub_history_account(ctx, ngx_http_wahub_labels_find);
    }
}


static ngx_int_t
ngx_http_wahub_labels_fields(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_label_changes,
                                   ctx->args)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_object_size(ctx->args) == 0) {
        ngx_http_wahub_error_field(ctx, "name", "REQUIRED",
                                   "at least one of name, color");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_wahub_labels_find(ngx_http_wahub_ctx_t *ctx)
{
    json_t              *text;
    wa_archive_query_t   q;

    text = ngx_http_wahub_json_text(&ctx->params[0]);
    json_decref(text);

    if (text == NULL || ctx->params[0].len > NGX_HTTP_WAHUB_LABELS_ID_MAX) {
        ngx_http_wahub_error(ctx, "RESOURCE_NOT_FOUND", NULL);
        return;
    }

    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_then(ctx, &q, &ctx->params[0], NULL,
                                ngx_http_wahub_labels_run_one,
                                ngx_http_wahub_labels_found);
}


/* {id, account_id?, name?, color?}: what is not said stays. */
static void
ngx_http_wahub_labels_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    int          rc;
    json_t      *found;
    ngx_str_t   *account;
    const char  *color;

    if (body->n == 0) {
        ngx_http_wahub_history_again(ctx, "RESOURCE_NOT_FOUND",
                                     ngx_http_wahub_labels_find);
        return;
    }

    found = json_loadb((const char *) body->p, body->n, JSON_ALLOW_NUL,
                       NULL);
    wa_buf_free(body);

    rc = json_object_set(ctx->args, "id", json_object_get(found, "id"));

    if (rc == 0 && json_object_get(ctx->args, "name") == NULL) {
        rc = json_object_set_new(ctx->args, "name",
                 json_incref(json_object_get(found, "name")));
    }

    color = json_string_value(json_object_get(found, "color"));

    if (rc == 0 && color != NULL
        && json_object_get(ctx->args, "color") == NULL)
    {
        rc = json_object_set_new(ctx->args, "color",
                                 json_integer(strtol(color, NULL, 10)));
    }

    if (ctx->route->arg == NGX_HTTP_WAHUB_LABELS_CREATE) {
        json_decref(found);
        rc |= json_object_set_new(ctx->args, "new", json_true());

        if (rc == 0) {
            ngx_http_wahub_labels_act(ctx);
            return;
        }

        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    account = ngx_palloc(ctx->request->pool, sizeof(ngx_str_t));
    rc |= json_object_set_new(ctx->args, "object", found);

    if (rc != 0 || account == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    /* lives as long as ctx->args */
    *account = ngx_http_wahub_json_str(json_object_get(found, "account_id"));
    ngx_http_wahub_lookup_account(ctx, account, ngx_http_wahub_labels_act);
}


static void
ngx_http_wahub_labels_act(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *args;
    const char  *verb;

    verb = ctx->route->arg != NGX_HTTP_WAHUB_LABELS_ADD
           && ctx->route->arg != NGX_HTTP_WAHUB_LABELS_REMOVE
           ? "label.edit"
           : json_object_get(ctx->args, "message_id") != NULL
             ? "label.message" : "label.chat";
    args = json_copy(ctx->args);

    if (args == NULL
        || json_object_set_new(args, "verb", json_string(verb)) != 0)
    {
        json_decref(args);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    (void) json_object_del(args, "object");
    (void) json_object_del(args, "again");

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY, args,
                             NGX_HTTP_WAHUB_LABELS_TIMEOUT,
                             ngx_http_wahub_labels_done);
}


static void
ngx_http_wahub_labels_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t      *id, *chats;
    json_int_t   color;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    switch (ctx->route->arg) {

    case NGX_HTTP_WAHUB_LABELS_CREATE:
    case NGX_HTTP_WAHUB_LABELS_EDIT:
        color = json_integer_value(json_object_get(ctx->args, "color"));
        chats = json_object_get(json_object_get(ctx->args, "object"),
                                "chats");
        id = json_object_get(result->data, "id");

        if (id == NULL) {
            id = json_object_get(ctx->args, "id");
        }

        ngx_http_wahub_answer(ctx,
            ctx->route->arg == NGX_HTTP_WAHUB_LABELS_CREATE
            ? NGX_HTTP_CREATED : NGX_HTTP_OK,
            json_pack("{s:O, s:s%, s:O, s:o, s:o}",
                      "id", id,
                      "account_id", (char *) ctx->vars.account.data,
                      ctx->vars.account.len,
                      "name", json_object_get(ctx->args, "name"),
                      "color", json_sprintf("%lld", (long long) color),
                      "chats", chats == NULL ? json_array()
                                             : json_incref(chats)));
        break;

    case NGX_HTTP_WAHUB_LABELS_DELETE:
        ngx_http_wahub_answer_done(ctx, "Label deleted");
        break;

    default:
        ngx_http_wahub_answer_done(ctx, "Label changed");
    }
}
