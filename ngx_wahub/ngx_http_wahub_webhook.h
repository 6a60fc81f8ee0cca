/*
 * Account webhooks; what other files call is in ngx_http_wahub.h.
 */
#ifndef NGX_HTTP_WAHUB_WEBHOOK_H
#define NGX_HTTP_WAHUB_WEBHOOK_H

#include "ngx_http_wahub.h"


typedef struct ngx_http_wahub_dones_s  ngx_http_wahub_dones_t;


/* NULL: out of memory. */
ngx_http_wahub_dones_t *ngx_http_wahub_dones_create(
    ngx_http_wahub_worker_t *w);

/* Before the Redis connection is closed. */
void ngx_http_wahub_dones_free(ngx_http_wahub_dones_t *dones);

/* Removes a delivery from its shard's hash, now or when Redis is back. */
void ngx_http_wahub_dones_add(ngx_http_wahub_dones_t *dones,
    ngx_uint_t shard, const ngx_str_t *id);

/* 1: added, and its removal is not confirmed. */
ngx_uint_t ngx_http_wahub_dones_has(ngx_http_wahub_dones_t *dones,
    const ngx_str_t *id);


/* An event id, "<ms>-<seq>-<shard>", taken apart; the shard. */
ngx_uint_t ngx_http_wahub_webhook_order(const ngx_str_t *id, uint64_t *ms,
    uint64_t *seq);

/* Deliveries of the shard that waited for older ones start. */
void ngx_http_wahub_webhook_recovered(ngx_http_wahub_worker_t *w,
    ngx_uint_t shard);

/* 1: that delivery of the account is queued, in flight or made here. */
ngx_uint_t ngx_http_wahub_webhook_known(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, const ngx_str_t *id);

#endif /* NGX_HTTP_WAHUB_WEBHOOK_H */
