/*
 * /api/calls: the log of calls, from the history database, and refusing one
 * (HTTP contract 6.2).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"


/* Bytes; WhatsApp's ids are of 32. */
#define NGX_HTTP_WAHUB_CALL_ID_MAX  128


static const ngx_http_wahub_field_t  ngx_http_wahub_call_fields[] = {
    { "text|message", "text", ngx_http_wahub_field_text, 1, 4096, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static void ngx_http_wahub_calls_list_query(ngx_http_wahub_ctx_t *ctx);


/* thread */
static wa_err_t
ngx_http_wahub_calls_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_calls);
}


void
ngx_http_wahub_calls_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_account(ctx, ngx_http_wahub_calls_list_query);
    }
}


static void
ngx_http_wahub_calls_list_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_of_person(ctx, ngx_http_wahub_calls_run_list);
}


void
ngx_http_wahub_calls_reject(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *id;

    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_call_fields,
                                   ctx->args) != NGX_OK)
    {
        return;
    }

    id = ctx->params[0].len > NGX_HTTP_WAHUB_CALL_ID_MAX
         ? NULL : ngx_http_wahub_json_text(&ctx->params[0]);

    if (id == NULL) {
        ngx_http_wahub_error(ctx, "RESOURCE_NOT_FOUND",
                             "There is no such call");
        return;
    }

    if (json_object_set_new(ctx->args, "id", id) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_query(ctx, "call.reject",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_answer_data);
}
