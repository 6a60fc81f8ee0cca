/*
 * POST /api/media/{id}/retry: a file that is not there is fetched now,
 * whatever its size (HTTP contract 8.1).
 */
#include "ngx_http_wahub_api_media.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_route.h"


/* ms; a larger file goes on after the answer. */
#define NGX_HTTP_WAHUB_RETRY_WAIT  20000


/* Heap, outlives the request. */
typedef struct {
    ngx_http_wahub_wait_t      wait;         /* must be first            */
} ngx_http_wahub_retry_t;


static void ngx_http_wahub_retry_found(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_retry_done(void *data, const char *error);
static void ngx_http_wahub_retry_late(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_files_retry(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, &ctx->params[0], 0,
                              NULL, ngx_http_wahub_retry_found);
}


static void
ngx_http_wahub_retry_answer(ngx_http_wahub_ctx_t *ctx, const char *error)
{
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          error == NULL
                          ? json_pack("{s:b}", "success", 1)
                          : json_pack("{s:b,s:s}", "success", 0, "error",
                                      error));
}


static void
ngx_http_wahub_retry_found(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    ngx_http_wahub_retry_t  *rt;

    if (m->row.id.p == NULL) {
        ngx_http_wahub_error(ctx, "MEDIA_NOT_FOUND", NULL);
        return;
    }

    if (m->row.status == WA_MEDIA_DOWNLOADED) {
        ngx_http_wahub_retry_answer(ctx, NULL);
        return;
    }

    if (m->row.descriptor.p == NULL) {
        ngx_http_wahub_retry_answer(ctx, "nothing says where it is");
        return;
    }

    rt = (void *) ngx_http_wahub_wait_create(ctx,
                                             sizeof(ngx_http_wahub_retry_t));

    if (rt == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_media_fetch(ctx->worker, &m->row, 1,
                                   ngx_http_wahub_retry_done, rt)
        == NULL)
    {
        (void) ngx_http_wahub_wait_end(&rt->wait);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_RETRY_WAIT,
                              ngx_http_wahub_retry_late);
}


static void
ngx_http_wahub_retry_done(void *data, const char *error)
{
    ngx_connection_t        *c;
    ngx_http_wahub_ctx_t    *ctx;
    ngx_http_wahub_retry_t  *rt = data;

    ctx = ngx_http_wahub_wait_end(&rt->wait);

    if (ctx == NULL) {
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    ngx_http_wahub_retry_answer(ctx, error);
    ngx_http_run_posted_requests(c);
}


/* It goes on; media.ready or media.failed tells the end. */
static void
ngx_http_wahub_retry_late(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b,s:s}", "success", 1,
                                    "download_status", "pending"));
}
