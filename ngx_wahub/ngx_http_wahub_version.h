/*
 * The client version: known from the configuration and from Redis, looked
 * for when the server finds it too old (core/wa_version.h).
 */
#ifndef NGX_HTTP_WAHUB_VERSION_H
#define NGX_HTTP_WAHUB_VERSION_H

#include "ngx_http_wahub_account.h"


/* After the Redis connections and the registry. */
ngx_int_t ngx_http_wahub_version_init(ngx_http_wahub_worker_t *w);

/* NULL-safe. */
void ngx_http_wahub_version_exit(ngx_http_wahub_worker_t *w);

/*
 * WA_OUT_VERSION: the account hears WA_DONE_VERSION later, if it is still
 * here.  Redis is asked first, as another worker may know; then the page, by
 * one job for all that wait, and not again within a minute after it was of no
 * use.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_wahub_version_ask(ngx_http_wahub_account_t *slot);

#endif /* NGX_HTTP_WAHUB_VERSION_H */
