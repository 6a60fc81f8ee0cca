/*
 * The engine's loads and commits <-> Redis.
 */
#ifndef NGX_HTTP_WAHUB_STORE_H
#define NGX_HTTP_WAHUB_STORE_H

#include "ngx_http_wahub_account.h"


ngx_int_t ngx_http_wahub_store_init(ngx_http_wahub_worker_t *w);
void ngx_http_wahub_store_exit(ngx_http_wahub_worker_t *w);

/*
 * Carries the operation out, after all earlier ones of the account, as
 * often as it takes; answers with ngx_http_wahub_account_done(), never from
 * inside the call.  NGX_ERROR: out of memory, nothing queued.
 */
ngx_int_t ngx_http_wahub_store_load(ngx_http_wahub_account_t *slot,
    const wa_load_t *load);
ngx_int_t ngx_http_wahub_store_commit(ngx_http_wahub_account_t *slot,
    const wa_commit_t *commit);

/* The slot goes: its operations are not answered any more. */
void ngx_http_wahub_store_forget(ngx_http_wahub_account_t *slot);

#endif /* NGX_HTTP_WAHUB_STORE_H */
