/*
 * GET /api/accounts/{id}/health (HTTP contract 20): what the account's owner
 * knows of it, asked for through the command channel, so that an owner that
 * does not answer is part of the answer.
 */
#include "ngx_http_wahub_route.h"


void
ngx_http_wahub_accounts_health(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    ngx_http_wahub_wait_query(ctx, "account.health",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_answer_data);
}
