/*
 * Wait objects, for files that need more than one Redis reply.  The
 * functions for rows are in ngx_http_wahub_api.h.
 */
#ifndef NGX_HTTP_WAHUB_WAIT_H
#define NGX_HTTP_WAHUB_WAIT_H

#include "ngx_http_wahub_api.h"


/* Heap, outlives the request; the first member of larger objects. */
struct ngx_http_wahub_wait_s {
    ngx_http_wahub_ctx_t     *ctx;              /* NULL: request is gone */
    ngx_http_wahub_worker_t  *worker;
    ngx_http_wahub_reply_pt   handler;
};


/* Zeroed, linked to the context.  `size` >= the structure's. */
ngx_http_wahub_wait_t *ngx_http_wahub_wait_create(ngx_http_wahub_ctx_t *ctx,
    size_t size);

/* Frees it; the context it belonged to, or NULL. */
ngx_http_wahub_ctx_t *ngx_http_wahub_wait_end(ngx_http_wahub_wait_t *wait);

#endif /* NGX_HTTP_WAHUB_WAIT_H */
