/*
 * POST /api/chats/{jid}/history: older messages of a chat, which the phone
 * may have (HTTP contract 20).  They come as history does, with history.sync.
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_OLDER_TIMEOUT  30000     /* ms: the phone's keys may
                                                   have to be fetched    */
#define NGX_HTTP_WAHUB_OLDER_COUNT    50


static const ngx_http_wahub_field_t  ngx_http_wahub_older_fields[] = {
    { "count|limit", "count", ngx_http_wahub_field_number, 1, 500, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static wa_err_t ngx_http_wahub_older_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_older_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_older_asked(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_chats_older(ngx_http_wahub_ctx_t *ctx)
{
    char                *text;
    ngx_str_t            jid;
    wa_archive_query_t   q;

    ctx->args = json_pack("{s:i}", "count", NGX_HTTP_WAHUB_OLDER_COUNT);
    text = ngx_palloc(ctx->request->pool, WA_JID_TEXT_MAX);

    if (ctx->args == NULL || text == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_older_fields,
                                   ctx->args)
        != NGX_OK)
    {
        return;
    }

    if (wa_recipient_parse(ngx_http_wahub_span(&ctx->params[0]), text,
                           WA_JID_TEXT_MAX)
        != WA_OK)
    {
        ngx_http_wahub_error(ctx, "INVALID_RECIPIENT", NULL);
        return;
    }

    jid.data = (u_char *) text;
    jid.len = ngx_strlen(text);
    ngx_http_wahub_history_query(ctx, NULL, &q);
    q.account = ngx_http_wahub_span(&ctx->vars.account);
    ngx_http_wahub_history_then(ctx, &q, &jid, "CHAT_NOT_FOUND",
                                ngx_http_wahub_older_run,
                                ngx_http_wahub_older_found);
}


/* Thread: the oldest message of the chat that is known. */
static wa_err_t
ngx_http_wahub_older_run(wa_sql_t *db, void *data)
{
    json_t                    *oldest;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;
    wa_archive_query_t         q = h->q;

    q.chat = h->ref;
    q.limit = 1;
    q.ascending = true;
    rc = wa_archive_messages(db, &q, &h->page);

    if (rc != WA_OK) {
        return rc;
    }

    oldest = json_incref(json_array_get(h->page.items, 0));
    json_decref(h->page.items);
    h->page.items = NULL;

    return oldest == NULL ? WA_OK : ngx_http_wahub_history_body(h, oldest);
}


static void
ngx_http_wahub_older_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    int      rc;
    json_t  *m, *lid;

    m = json_loadb((const char *) body->p, body->n, JSON_ALLOW_NUL, NULL);
    wa_buf_free(body);

    /* The phone keeps its chats under the hidden address. */

    lid = json_object_get(m, "lid");

    rc = json_object_set(ctx->args, "chat",
                         json_is_string(lid) ? lid
                                             : json_object_get(m,
                                                               "remote_jid"));
    rc |= json_object_set(ctx->args, "oldest_id",
                          json_object_get(m, "message_id"));
    rc |= json_object_set(ctx->args, "oldest_from_me",
                          json_object_get(m, "from_me"));
    rc |= json_object_set(ctx->args, "oldest_timestamp",
                          json_object_get(m, "timestamp"));
    json_decref(m);

    if (rc != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_query(ctx, "history.ask",
                              NGX_HTTP_WAHUB_OLDER_TIMEOUT,
                              ngx_http_wahub_older_asked);
}


static void
ngx_http_wahub_older_asked(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_ACCEPTED,
                          json_pack("{s:b, s:s}", "success", 1, "message",
                                    "The phone was asked for older "
                                    "messages"));
}
