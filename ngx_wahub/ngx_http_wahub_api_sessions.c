/*
 * /tenant/sessions and /session: reference 002.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_page.h"
#include "ngx_http_wahub_view.h"


static void ngx_http_wahub_sessions_listed(ngx_http_wahub_ctx_t *ctx,
    json_t *views);


void
ngx_http_wahub_sessions_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open(ctx, 500) != NULL) {
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_sessions_listed);
    }
}


static void
ngx_http_wahub_sessions_listed(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t   i;
    json_t  *view, *list;

    list = json_array();

    json_array_foreach(views, i, view) {
        if (ngx_http_wahub_page_take(ctx) == 0) {
            continue;
        }

        if (json_array_append_new(list, ngx_http_wahub_view_session(view))
            != 0)
        {
            json_decref(list);
            list = NULL;
            break;
        }
    }

    if (ngx_http_wahub_page_close(ctx) != NGX_OK) {
        json_decref(list);
        list = NULL;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:o,s:I}", "sessions", list,
                  "count", (json_int_t) json_array_size(list)));
}


void
ngx_http_wahub_sessions_status(ngx_http_wahub_ctx_t *ctx)
{
    json_t     *view;
    ngx_str_t   qr;

    view = ctx->view;
    qr = ngx_http_wahub_view_qr(view);

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:o,s:s,s:o,s:s,s:O?,s:O?}",
                  "sessionId", ngx_http_wahub_json_text(&ctx->session),
                  "status", ngx_http_wahub_view_status_session(view),
                  "qr", qr.len == 0 ? json_null()
                                    : ngx_http_wahub_json_text(&qr),
                  "state", wa_state_name(ngx_http_wahub_view_state(view)),
                  "message", json_object_get(view, "message"),
                  "whatsapp_number", json_object_get(view,
                                                     "phone_number")));
}
