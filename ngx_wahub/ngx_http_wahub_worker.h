/*
 * A worker's life: start, leaving, exit.
 */
#ifndef NGX_HTTP_WAHUB_WORKER_H
#define NGX_HTTP_WAHUB_WORKER_H

#include "ngx_http_wahub.h"


/*
 * Makes wmcf->worker and connects to Redis.  NGX_ERROR would keep nginx
 * from ever starting workers again, so a worker that cannot run wahub logs
 * it and serves the rest.
 */
ngx_int_t ngx_http_wahub_worker_start(ngx_cycle_t *cycle,
    ngx_http_wahub_main_conf_t *wmcf);

/* Gives leases back if Redis answers quickly, closes everything. */
void ngx_http_wahub_worker_exit(ngx_http_wahub_main_conf_t *wmcf);

/* The clock of the engine's verbs: monotonic ms; sets its wall clock. */
wa_time_t ngx_http_wahub_worker_now(ngx_http_wahub_worker_t *w);

/*
 * Once for every turn it is asked for, however often; never from inside
 * this call.  Cancel before the owner's memory goes.
 */
void ngx_http_wahub_late(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_late_t *late);
void ngx_http_wahub_late_cancel(ngx_http_wahub_late_t *late);

/*
 * A leaving worker has something less to wait for: exits when nothing is
 * left.  Cheap; called wherever an account, a delivery or a job ends.
 */
void ngx_http_wahub_worker_left(ngx_http_wahub_worker_t *w);

/* w->waits has changed: a leaving worker stays until it is zero. */
void ngx_http_wahub_worker_waits(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_WORKER_H */
