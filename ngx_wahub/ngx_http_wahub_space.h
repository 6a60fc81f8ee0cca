/*
 * Disks that are full: the history database's and the media store's.
 *
 * While one of them is, the accounts held by this worker are degraded
 * (reason "storage"), which needs neither.  It begins with the first write
 * that finds no room, and ends some seconds after there is room again, so
 * that a disk on the brink does not make an event of every write.
 *
 * The workers of an instance have one media store: what one of them finds,
 * the others take up.  Each finds out for itself that there is room again.
 */
#ifndef NGX_HTTP_WAHUB_SPACE_H
#define NGX_HTTP_WAHUB_SPACE_H

#include "ngx_http_wahub.h"


typedef enum {
    ngx_http_wahub_space_history = 1,
    ngx_http_wahub_space_media = 2
} ngx_http_wahub_space_e;


/*
 * Master, before the workers: the memory they share, which goes with the
 * cycle.
 */
ngx_int_t ngx_http_wahub_space_share(ngx_cycle_t *cycle);

/* Loop, worker start; before the parts that write. */
ngx_int_t ngx_http_wahub_space_init(ngx_http_wahub_worker_t *w);

/* NULL-safe. */
void ngx_http_wahub_space_exit(ngx_http_wahub_worker_t *w);

/* Loop: what the database said of its disk. */
void ngx_http_wahub_space_set(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_space_e what, ngx_uint_t full);

/* Loop. */
ngx_uint_t ngx_http_wahub_space_full(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_space_e what);

/* Any thread: the media store had no room for a write. */
void ngx_http_wahub_space_lacking(void);

/*
 * Loop, after each job and every second or so: takes up what its thread, or
 * another worker, has found.
 */
void ngx_http_wahub_space_look(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_SPACE_H */
