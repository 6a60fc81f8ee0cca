/*
 * Keys that take tens of milliseconds to make, in the thread pool.
 */
#ifndef NGX_HTTP_WAHUB_STRETCH_H
#define NGX_HTTP_WAHUB_STRETCH_H

#include "ngx_http_wahub_account.h"


/*
 * Copies what it needs; the account hears WA_DONE_STRETCH later, if it is
 * still here.  NGX_ERROR: no memory, or the queue is full.
 */
ngx_int_t ngx_http_wahub_stretch(ngx_http_wahub_account_t *slot,
    const wa_stretch_t *stretch);

#endif /* NGX_HTTP_WAHUB_STRETCH_H */
