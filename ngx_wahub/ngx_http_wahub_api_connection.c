/*
 * /api/connection: the selected account, in the words of reference 001;
 * its actions also serve reference 002's.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_view.h"


#define NGX_HTTP_WAHUB_ACTION_TIMEOUT  20000    /* ms */


static void ngx_http_wahub_connection_choose(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_connection_show(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_connection_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* Unlike other rows it answers when the tenant has no account at all. */
void
ngx_http_wahub_connection_status(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  ref;

    rc = ngx_http_wahub_lookup_selector(ctx, &ref);

    if (rc == NGX_ERROR) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_wahub_lookup_account(ctx, &ref,
                                      ngx_http_wahub_connection_show);
        return;
    }

    ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_connection_choose);
}


static void
ngx_http_wahub_connection_choose(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    json_t  *view;

    view = ngx_http_wahub_lookup_default(views);

    if (view == NULL) {
        ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
            json_pack("{s:s,s:n,s:b,s:n,s:n}", "status", "disconnected",
                      "jid", "hasQR", 0, "account_id", "state"));
        return;
    }

    ngx_http_wahub_lookup_use(ctx, view);
    ngx_http_wahub_connection_show(ctx);
}


static void
ngx_http_wahub_connection_show(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t  qr;

    qr = ngx_http_wahub_view_qr(ctx->view);

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:s,s:O?,s:b,s:O?,s:s}",
                  "status", ngx_http_wahub_view_status_hub(ctx->view),
                  "jid", json_object_get(ctx->view, "jid"),
                  "hasQR", qr.len > 0,
                  "account_id", json_object_get(ctx->view, "id"),
                  "state",
                  wa_state_name(ngx_http_wahub_view_state(ctx->view))));
}


void
ngx_http_wahub_connection_action(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_wait_call(ctx, (wa_op_e) ctx->route->arg, NULL,
                             NGX_HTTP_WAHUB_ACTION_TIMEOUT,
                             ngx_http_wahub_connection_done);
}


static void
ngx_http_wahub_connection_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    switch (ctx->route->arg) {

    case WA_OP_LOGOUT:
        ngx_http_wahub_answer_done(ctx, "Logged out");
        break;

    case WA_OP_RELINK:
        ngx_http_wahub_answer_done(ctx, "A new QR code is being generated");
        break;

    case WA_OP_STOP:
        ngx_http_wahub_answer_done(ctx, "Session disconnected");
        break;

    default: /* WA_OP_RESTART */
        ngx_http_wahub_answer_done(ctx, "Connection is being restarted");
        break;
    }
}
