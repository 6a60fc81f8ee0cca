/*
 * A Redis that was set back: after a failover or a restore it has less than
 * it had confirmed.  Found out in two ways:
 *
 * - of an account that this worker has held: the number of its last confirmed
 *   commit is remembered, and the engine compares when it opens the account
 *   (wa_account_expect());
 * - of a shard, by whoever takes it: the history database has events beyond
 *   the end of the shard's log.  Then all its accounts get a mark in Redis,
 *   which lasts until each has been mended (wa_account_behind()), and the log
 *   goes on from where the database is.
 */
#ifndef NGX_HTTP_WAHUB_BEHIND_H
#define NGX_HTTP_WAHUB_BEHIND_H

#include "ngx_http_wahub_shard.h"

#include "wa_project.h"


/* Before ngx_http_wahub_shards_init(). */
ngx_int_t ngx_http_wahub_behind_init(ngx_http_wahub_worker_t *w);

/* Accounts have been dropped.  NULL-safe. */
void ngx_http_wahub_behind_exit(ngx_http_wahub_worker_t *w);

/* Before the account is opened. */
void ngx_http_wahub_behind_expect(ngx_http_wahub_account_t *slot);

/* The account is dropped here, not deleted. */
void ngx_http_wahub_behind_dropped(ngx_http_wahub_account_t *slot);

/* The account is deleted; its slot is dropped next. */
void ngx_http_wahub_behind_deleted(ngx_http_wahub_account_t *slot);

/* The shard is ours; its log ends with the entry `tail`. */
void ngx_http_wahub_behind_acquired(ngx_http_wahub_shard_t *shard,
    ngx_str_t *tail);

/* What the database has, asked for after that. */
void ngx_http_wahub_behind_located(ngx_http_wahub_shard_t *shard,
    wa_log_id_t position);

/* Time passes while the shard is ours: repeats what Redis did not take. */
void ngx_http_wahub_behind_tick(ngx_http_wahub_shard_t *shard);

#endif /* NGX_HTTP_WAHUB_BEHIND_H */
