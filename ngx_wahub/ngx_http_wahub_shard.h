/*
 * Which shards this worker holds.
 */
#ifndef NGX_HTTP_WAHUB_SHARD_H
#define NGX_HTTP_WAHUB_SHARD_H

#include "ngx_http_wahub_account.h"


typedef enum {
    ngx_http_wahub_shard_free = 0,           /* not ours                   */
    ngx_http_wahub_shard_asking,             /* acquire under way          */
    ngx_http_wahub_shard_held,
    ngx_http_wahub_shard_leaving,            /* held, accounts finish      */
    ngx_http_wahub_shard_releasing           /* release under way          */
} ngx_http_wahub_shard_e;


struct ngx_http_wahub_shard_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_uint_t                   number;
    ngx_queue_t                  accounts;
    ngx_msec_t                   until;      /* the lease is sure until    */
    ngx_msec_t                   asked_at;   /* last acquire or renewal    */
    ngx_msec_t                   retry_at;   /* free: ask again            */
    u_char                      *fence;      /* "<member>:<epoch>"         */
    size_t                       fence_len;
    ngx_http_wahub_shard_e       state;
    ngx_uint_t                   starting;   /* accounts not yet tried     */
    ngx_uint_t                   passing;    /* accounts given, not yet up */
    ngx_msec_t                   passing_at;
    ngx_uint_t                   reading;    /* questions for hooks        */
    unsigned                     recovering:1; /* hooks are not all known  */
    unsigned                     renewing:1;
    unsigned                     wanted:1;
    unsigned                     freed:1;    /* while it was asked for     */
};


ngx_int_t ngx_http_wahub_shards_init(ngx_http_wahub_worker_t *w);

/* Accounts must have been dropped.  NULL-safe. */
void ngx_http_wahub_shards_exit(ngx_http_wahub_worker_t *w);

ngx_http_wahub_shard_t *ngx_http_wahub_shard_get(ngx_http_wahub_worker_t *w,
    ngx_uint_t number);

/* Held, and its accounts may take commands. */
ngx_int_t ngx_http_wahub_shard_serves(ngx_http_wahub_shard_t *shard);

/*
 * The lease is sure, by a clock read now: the process may have slept since
 * the event loop read it.  0: whatever the account wants to say must not be
 * said; the shard itself is given up with the next tick.
 */
ngx_uint_t ngx_http_wahub_shard_sure(ngx_http_wahub_shard_t *shard);

/* The store was told that the fence is gone: find out now. */
void ngx_http_wahub_shard_suspect(ngx_http_wahub_shard_t *shard);

/* An account of a leaving shard has ended. */
void ngx_http_wahub_shard_emptied(ngx_http_wahub_shard_t *shard);

/* An account that was `starting` when the shard was taken has been tried. */
void ngx_http_wahub_pass_started(ngx_http_wahub_shard_t *shard);

/* Hands all shards over and leaves the cluster. */
void ngx_http_wahub_shards_leave(ngx_http_wahub_worker_t *w);

/* Shards not yet released. */
ngx_uint_t ngx_http_wahub_shards_held(ngx_http_wahub_worker_t *w);

ngx_uint_t ngx_http_wahub_shards_members(ngx_http_wahub_worker_t *w);

/* This worker may hold shards: it has the cluster's master key and number
   of shards. */
ngx_uint_t ngx_http_wahub_shards_admitted(ngx_http_wahub_worker_t *w);

/* The cluster has said whether it may. */
ngx_uint_t ngx_http_wahub_shards_judged(ngx_http_wahub_worker_t *w);

/* Worker exit without a loop turn: queues releases of what is held. */
void ngx_http_wahub_shards_abandon(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_SHARD_H */
