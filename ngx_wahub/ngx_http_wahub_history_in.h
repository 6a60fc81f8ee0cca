/*
 * History that phones offer: fetched, and taken into the history database.
 */
#ifndef NGX_HTTP_WAHUB_HISTORY_IN_H
#define NGX_HTTP_WAHUB_HISTORY_IN_H

#include "ngx_http_wahub.h"


ngx_int_t ngx_http_wahub_history_in_init(ngx_http_wahub_worker_t *w);

/* NULL-safe.  What is under way is never answered any more. */
void ngx_http_wahub_history_in_exit(ngx_http_wahub_worker_t *w);

/* An account held here has some (WA_OUT_HISTORY); not from inside a drain's
   end: begins in a posted event. */
void ngx_http_wahub_history_in_wake(ngx_http_wahub_worker_t *w,
    const u_char id[WA_ACCOUNT_ID_LEN]);

#endif /* NGX_HTTP_WAHUB_HISTORY_IN_H */
