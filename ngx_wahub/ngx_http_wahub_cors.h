/*
 * Cross-origin rules (HTTP contract 2.8).
 */
#ifndef NGX_HTTP_WAHUB_CORS_H
#define NGX_HTTP_WAHUB_CORS_H

#include "ngx_http_wahub_api.h"


/*
 * Looks at the Origin header and remembers what to answer in the context.
 * NGX_OK: no Origin, or allowed.  NGX_DECLINED: ORIGIN_NOT_ALLOWED.
 * `public`: a row without credentials, open to every origin.
 */
ngx_int_t ngx_http_wahub_cors_check(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t public);

/* Adds the headers that ngx_http_wahub_cors_check() decided. */
ngx_int_t ngx_http_wahub_cors_headers(ngx_http_wahub_ctx_t *ctx);

#endif /* NGX_HTTP_WAHUB_CORS_H */
