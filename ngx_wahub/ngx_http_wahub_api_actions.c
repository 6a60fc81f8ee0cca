/*
 * What is done in chats beside sending (HTTP contract 5.4, /api/actions).
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"


static void ngx_http_wahub_actions_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* The command checks what is in `jid` and `message_ids`. */
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

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY,
                             json_pack("{s:s, s:O, s:O, s:O*}",
                                       "verb", "message.read", "jid", jid,
                                       "message_ids", ids,
                                       "sender", sender),
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

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b}", "success", 1));
}
