/*
 * The QR code, as each reference wants it.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_view.h"

#include "wa_qr.h"


#define NGX_HTTP_WAHUB_QR_WAIT   10000      /* ms, contract 4.2          */
#define NGX_HTTP_WAHUB_QR_POLL   250        /* ms                        */


typedef struct {
    ngx_msec_t    deadline;
    ngx_str_t     before;                   /* the code to be replaced   */
} ngx_http_wahub_regenerate_t;

typedef wa_err_t (*ngx_http_wahub_draw_pt)(wa_span_t text, unsigned px,
    wa_buf_t *out);


static void ngx_http_wahub_qr_missing(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_qr_json(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_qr_draw(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_draw_pt draw, ngx_uint_t px, const char *content_type);
static wa_err_t ngx_http_wahub_qr_txt(wa_span_t text, unsigned px,
    wa_buf_t *out);
static void ngx_http_wahub_regenerate_started(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_regenerate_look(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_regenerate_check(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_regenerate_answer(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_accounts_qr(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  format;

    rc = ngx_http_wahub_query(ctx->request, "format", &format);

    if (rc == NGX_DECLINED) {
        ngx_str_set(&format, "json");

    } else if (rc == NGX_ERROR) {
        ngx_str_null(&format);
    }

    if (format.len == 4 && ngx_memcmp(format.data, "json", 4) == 0) {
        ngx_http_wahub_qr_json(ctx);

    } else if (format.len == 3 && ngx_memcmp(format.data, "png", 3) == 0) {
        ngx_http_wahub_qr_draw(ctx, wa_qr_png, NGX_HTTP_WAHUB_QR_PX,
                               "image/png");

    } else if (format.len == 3 && ngx_memcmp(format.data, "svg", 3) == 0) {
        ngx_http_wahub_qr_draw(ctx, wa_qr_svg, NGX_HTTP_WAHUB_QR_PX,
                               "image/svg+xml");

    } else if (format.len == 3 && ngx_memcmp(format.data, "txt", 3) == 0) {
        ngx_http_wahub_qr_draw(ctx, ngx_http_wahub_qr_txt, 0,
                               "text/plain; charset=utf-8");

    } else {
        ngx_http_wahub_error_query(ctx, "format");
    }
}


static wa_err_t
ngx_http_wahub_qr_txt(wa_span_t text, unsigned px, wa_buf_t *out)
{
    (void) px;

    return wa_qr_txt(text, out);
}


/* Says why there is none: that is what the caller acts on. */
static void
ngx_http_wahub_qr_missing(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *details;
    ngx_str_t    state;
    ngx_uint_t   linked;
    const char  *message;

    linked = json_is_true(json_object_get(ctx->view, "linked"));
    state = ngx_http_wahub_view_text(ctx->view, "state");
    details = json_pack("{s:o}", "state", ngx_http_wahub_json_text(&state));

    switch (ngx_http_wahub_view_state(ctx->view)) {

    case WA_STATE_READY:
    case WA_STATE_LOADING:
    case WA_STATE_AUTH:
        message = "No QR code: the account is already connected";
        break;

    case WA_STATE_AUTH_FAILURE:
        message = "No QR code: it expired without being scanned; "
                  "ask for a new one";
        break;

    case WA_STATE_PASSKEY:
        message = "No QR code: WhatsApp asks for a passkey";
        break;

    case WA_STATE_CODE:
        message = "No QR code: a pairing code is shown; relink for a QR "
                  "code";
        break;

    case WA_STATE_INIT:
    case WA_STATE_CONNECTING:
    case WA_STATE_QR:
    case WA_STATE_DISCONNECTED:
        message = linked ? "No QR code: the account is linked, its "
                           "connection is being made"
                         : "No QR code yet: the connection is being made";
        break;

    default:
        message = "No QR code: the account is not being linked";
        break;
    }

    ngx_http_wahub_error_details(ctx, "QR_NOT_AVAILABLE", message, details);
}


static void
ngx_http_wahub_qr_json(ngx_http_wahub_ctx_t *ctx)
{
    json_t     *image;
    ngx_str_t   qr;

    qr = ngx_http_wahub_view_qr(ctx->view);

    if (qr.len == 0) {
        ngx_http_wahub_qr_missing(ctx);
        return;
    }

    image = ngx_http_wahub_view_qr_image(ctx->view);

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:O,s:o,s:o,s:o,s:O?}", "qr_code", image,
                  "timestamp",
                  ngx_http_wahub_json_iso(ngx_http_wahub_wall_ms()),
                  "qr", ngx_http_wahub_json_text(&qr), "qr_image", image,
                  "expires_at", json_object_get(ctx->view,
                                                "qr_expires_at")));
}


static void
ngx_http_wahub_qr_draw(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_draw_pt draw, ngx_uint_t px, const char *content_type)
{
    wa_buf_t   picture = WA_BUF_EMPTY;
    ngx_str_t  qr;

    qr = ngx_http_wahub_view_qr(ctx->view);

    if (qr.len == 0) {
        ngx_http_wahub_qr_missing(ctx);
        return;
    }

    if (draw(ngx_http_wahub_span(&qr), (unsigned) px, &picture) != WA_OK) {
        wa_buf_free(&picture);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_answer_bytes(ctx, content_type, &picture);
}


void
ngx_http_wahub_connection_qr(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t  qr;

    qr = ngx_http_wahub_view_qr(ctx->view);

    if (qr.len == 0) {
        ngx_http_wahub_qr_missing(ctx);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:o,s:o}", "qr", ngx_http_wahub_view_qr_image(ctx->view),
                  "raw", ngx_http_wahub_json_text(&qr)));
}


void
ngx_http_wahub_connection_qr_image(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  px;

    px = NGX_HTTP_WAHUB_QR_PX;

    if (ngx_http_wahub_query_int(ctx->request, "size", 100, 1024, &px)
        == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, "size");
        return;
    }

    ngx_http_wahub_qr_draw(ctx, wa_qr_png, (ngx_uint_t) px, "image/png");
}


void
ngx_http_wahub_sessions_qr(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t  qr;

    qr = ngx_http_wahub_view_qr(ctx->view);

    if (qr.len == 0) {
        ngx_http_wahub_qr_missing(ctx);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:o,s:o,s:o}",
                  "sessionId", ngx_http_wahub_json_text(&ctx->session),
                  "qr", ngx_http_wahub_json_text(&qr),
                  "qr_image", ngx_http_wahub_view_qr_image(ctx->view)));
}


void
ngx_http_wahub_sessions_regenerate(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t                     before;
    ngx_http_wahub_regenerate_t  *regenerate;

    regenerate = ngx_pcalloc(ctx->request->pool,
                             sizeof(ngx_http_wahub_regenerate_t));

    if (regenerate == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    before = ngx_http_wahub_view_qr(ctx->view);
    regenerate->before.data = ngx_pstrdup(ctx->request->pool, &before);
    regenerate->before.len = (regenerate->before.data == NULL) ? 0
                                                               : before.len;
    ctx->state = regenerate;

    ngx_http_wahub_wait_call(ctx, WA_OP_RELINK, NULL, NGX_HTTP_WAHUB_QR_WAIT,
                             ngx_http_wahub_regenerate_started);
}


static void
ngx_http_wahub_regenerate_started(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_regenerate_t  *regenerate;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    regenerate = ctx->state;
    regenerate->deadline = ngx_current_msec + NGX_HTTP_WAHUB_QR_WAIT;

    ngx_http_wahub_regenerate_look(ctx);
}


static void
ngx_http_wahub_regenerate_look(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_lookup_again(ctx, ngx_http_wahub_regenerate_check);
}


static void
ngx_http_wahub_regenerate_check(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t                     qr;
    ngx_http_wahub_regenerate_t  *regenerate;

    regenerate = ctx->state;
    qr = ngx_http_wahub_view_qr(ctx->view);

    if ((qr.len > 0 && ngx_http_wahub_str_eq(&qr, &regenerate->before) == 0)
        || (ngx_msec_int_t) (regenerate->deadline - ngx_current_msec) <= 0)
    {
        ngx_http_wahub_regenerate_answer(ctx);
        return;
    }

    ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_QR_POLL,
                              ngx_http_wahub_regenerate_look);
}


static void
ngx_http_wahub_regenerate_answer(ngx_http_wahub_ctx_t *ctx)
{
    json_t                       *json;
    ngx_str_t                     qr;
    ngx_uint_t                    fresh;
    ngx_http_wahub_regenerate_t  *regenerate;

    regenerate = ctx->state;
    qr = ngx_http_wahub_view_qr(ctx->view);
    fresh = (qr.len > 0
             && ngx_http_wahub_str_eq(&qr, &regenerate->before) == 0);

    json = json_pack("{s:b,s:s,s:o,s:o,s:o}", "success", 1,
        "message", fresh ? "New QR code generated"
                         : "A new QR code is being generated",
        "sessionId", ngx_http_wahub_json_text(&ctx->session),
        "qr", fresh ? ngx_http_wahub_json_text(&qr) : json_null(),
        "qr_image", fresh ? ngx_http_wahub_view_qr_image(ctx->view)
                          : json_null());

    ngx_http_wahub_answer(ctx, fresh ? NGX_HTTP_OK : NGX_HTTP_ACCEPTED,
                          json);
}
