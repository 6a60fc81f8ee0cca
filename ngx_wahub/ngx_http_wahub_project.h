/*
 * Projection: the event logs of the shards this worker holds are copied to
 * the history database, and shortened afterwards.
 */
#ifndef NGX_HTTP_WAHUB_PROJECT_H
#define NGX_HTTP_WAHUB_PROJECT_H

#include "ngx_http_wahub_shard.h"


/* After ngx_http_wahub_sql_init(). */
ngx_int_t ngx_http_wahub_project_init(ngx_http_wahub_worker_t *w);

/* NULL-safe.  Thread jobs have ended, Redis is closed. */
void ngx_http_wahub_project_exit(ngx_http_wahub_worker_t *w);

/* The shard is ours, with a new fence: its log is looked at soon. */
void ngx_http_wahub_project_acquired(ngx_http_wahub_shard_t *shard);

/* The shard is not ours any more.  Idempotent. */
void ngx_http_wahub_project_gone(ngx_http_wahub_shard_t *shard);

/* The shard's log has got an event.  Cheap. */
void ngx_http_wahub_project_mark(ngx_http_wahub_shard_t *shard);

/* The database was found away: try again until it is back. */
void ngx_http_wahub_project_retry(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_PROJECT_H */
