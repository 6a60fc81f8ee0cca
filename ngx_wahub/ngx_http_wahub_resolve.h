/*
 * Name lookups; the rest of the interface is in ngx_http_wahub.h.
 */
#ifndef NGX_HTTP_WAHUB_RESOLVE_H
#define NGX_HTTP_WAHUB_RESOLVE_H

#include "ngx_http_wahub.h"


ngx_int_t ngx_http_wahub_resolver_init(ngx_http_wahub_worker_t *w);

/* Waiting callers are not called any more.  NULL-safe. */
void ngx_http_wahub_resolver_exit(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_RESOLVE_H */
