/*
 * What is done in chats beside sending (HTTP contract 5.4, /api/actions).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"
#include "wa_read.h"


#define NGX_HTTP_WAHUB_ACTIONS_AGAIN  300       /* ms                    */


static ngx_uint_t ngx_http_wahub_actions_room(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_actions_find(ngx_http_wahub_ctx_t *ctx);
static wa_err_t ngx_http_wahub_actions_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_actions_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_actions_next(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_actions_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* The command checks what is in `message_ids`.  route->arg: they were
   played.  In groups the history knows who wrote them, if nobody says. */
void
ngx_http_wahub_actions_read(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *jid, *ids, *sender;

    jid = ngx_http_wahub_body_get(ctx, "jid|to");
    ids = ngx_http_wahub_body_get(ctx, "message_ids|messageIds");
    sender = ngx_http_wahub_body_get(ctx, "sender|participant");

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (jid == NULL) {
        ngx_http_wahub_error(ctx, "MISSING_RECIPIENT", NULL);
        return;
    }

    if (ids == NULL) {
        ngx_http_wahub_error_field(ctx, "message_ids", "REQUIRED",
                                   "message_ids: is required");
        return;
    }

    ctx->args = json_pack("{s:O, s:b, s:O*}", "message_ids", ids,
                          "played", (int) ctx->route->arg, "sender", sender);

    if (ngx_http_wahub_arg_jid(ctx, jid) != NGX_OK) {
        return;
    }

    if (sender == NULL && ngx_http_wahub_actions_room(ctx)) {
        ngx_http_wahub_actions_find(ctx);
        return;
    }

    ngx_http_wahub_wait_query(ctx, "message.read",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_actions_done);
}


/* Many write there. */
static ngx_uint_t
ngx_http_wahub_actions_room(ngx_http_wahub_ctx_t *ctx)
{
    wa_jid_t    jid;
    ngx_str_t   text;

    text = ngx_http_wahub_json_str(json_object_get(ctx->args, "jid"));

    return wa_jid_parse(ngx_http_wahub_span(&text), &jid) == WA_OK
           && (wa_jid_is_group(&jid) || wa_jid_is_broadcast(&jid));
}


static void
ngx_http_wahub_actions_find(ngx_http_wahub_ctx_t *ctx)
{
    size_t               i, n;
    json_t              *ids, *id;
    ngx_str_t            chat;
    wa_archive_query_t   q;

    ids = json_object_get(ctx->args, "message_ids");
    n = json_array_size(ids);

    json_array_foreach(ids, i, id) {
        n = json_is_string(id)
            && json_string_length(id) <= NGX_HTTP_WAHUB_HISTORY_ID_MAX
            ? n : 0;
    }

    if (n == 0 || n > WA_READ_IDS_MAX) {
        ngx_http_wahub_error_field(ctx, "message_ids", "INVALID",
            "message_ids: must be 1 to 500 ids of messages");
        return;
    }

    chat = ngx_http_wahub_json_str(json_object_get(ctx->args, "jid"));

    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_over(ctx, &q, &chat, json_deep_copy(ids),
                                ngx_http_wahub_actions_run,
                                ngx_http_wahub_actions_found);
}


/* Thread: {author: [id]} */
static wa_err_t
ngx_http_wahub_actions_run(wa_sql_t *db, void *data)
{
    json_t                    *authors;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_authors(db, &h->q, h->ref, h->extra, &authors);

    if (rc != WA_OK || authors == NULL) {
        return rc;
    }

    return ngx_http_wahub_history_body(h, authors);
}


/* A message is told before it is in the history: once more. */
static void
ngx_http_wahub_actions_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    json_t  *authors;

    if (body->n == 0) {

        if (json_object_get(ctx->args, "again") != NULL
            || json_object_set_new(ctx->args, "again", json_true()) != 0)
        {
            ngx_http_wahub_error(ctx, "MESSAGE_NOT_FOUND", NULL);
            return;
        }

        ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_ACTIONS_AGAIN,
                                  ngx_http_wahub_actions_find);
        return;
    }

    authors = json_loadb((const char *) body->p, body->n, 0, NULL);
    wa_buf_free(body);

    if (json_object_set_new(ctx->args, "authors", authors) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_actions_next(ctx);
}


/* One receipt has one author. */
static void
ngx_http_wahub_actions_next(ngx_http_wahub_ctx_t *ctx)
{
    int      rc;
    void    *one;
    json_t  *authors;

    authors = json_object_get(ctx->args, "authors");
    one = json_object_iter(authors);

    if (one == NULL) {
        ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                              json_pack("{s:b}", "success", 1));
        return;
    }

    rc = json_object_set_new(ctx->args, "sender",
                             json_string(json_object_iter_key(one)));
    rc |= json_object_set(ctx->args, "message_ids",
                          json_object_iter_value(one));
    rc |= json_object_del(authors, json_string_value(
                                json_object_get(ctx->args, "sender")));

    if (rc != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_query(ctx, "message.read",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_actions_done);
}


static void
ngx_http_wahub_actions_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_actions_next(ctx);
}
