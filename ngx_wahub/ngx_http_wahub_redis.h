/*
 * Redis connections; commands, scripts and reply readers are in
 * ngx_http_wahub.h, the rest of the interface is here.
 */
#ifndef NGX_HTTP_WAHUB_REDIS_H
#define NGX_HTTP_WAHUB_REDIS_H

#include "ngx_http_wahub.h"


/*
 * Called after the connection came up (scripts loaded, subscriptions sent)
 * or went down (every pending handler has had its NULL reply).  `up` comes
 * again when a server that refused writes takes them.
 */
typedef void (*ngx_http_wahub_redis_state_pt)(void *data, ngx_uint_t up);

/* `name` is for logs: "commands", "subscriptions".  NULL: out of memory. */
ngx_http_wahub_redis_t *ngx_http_wahub_redis_create(
    ngx_http_wahub_worker_t *w, const char *name);

/*
 * With a master's name in the configuration: makes w->sentinel, which tells
 * the other two where to connect.  After them; NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_wahub_redis_sentinel(ngx_http_wahub_worker_t *w);

/* NGX_ERROR: the table of handlers is full. */
ngx_int_t ngx_http_wahub_redis_on_state(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_state_pt handler, void *data);

/*
 * Adds a subscription, before or after the start; kept over reconnects.
 * A connection with subscriptions takes no commands.
 */
ngx_int_t ngx_http_wahub_redis_subscribe(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *channel, ngx_http_wahub_redis_message_pt handler,
    void *data);

/* Connects, and again after every loss, until closed. */
void ngx_http_wahub_redis_start(ngx_http_wahub_redis_t *rc);

/*
 * Without the event loop (worker exit): drives the connection until no
 * command is pending or `timeout` ms have passed.
 */
void ngx_http_wahub_redis_wait(ngx_http_wahub_redis_t *rc,
    ngx_msec_t timeout);

/* Pending handlers get NULL.  NULL-safe; frees rc. */
void ngx_http_wahub_redis_close(ngx_http_wahub_redis_t *rc);

/* Up, or the first try to connect has failed (2 s at most after the start). */
ngx_uint_t ngx_http_wahub_redis_tried(ngx_http_wahub_redis_t *rc);

/*
 * Up, answers within two seconds, and takes writes: not full, not a replica,
 * not without its disk.  What is sent in spite of a 0 here may be refused.
 */
ngx_uint_t ngx_http_wahub_redis_writable(ngx_http_wahub_redis_t *rc);

/* Up, and no command has waited longer than two seconds for its answer. */
ngx_uint_t ngx_http_wahub_redis_answers(ngx_http_wahub_redis_t *rc);

/* Treats the connection as broken: for answers that make no sense. */
void ngx_http_wahub_redis_reset(ngx_http_wahub_redis_t *rc,
    const char *reason);

#endif /* NGX_HTTP_WAHUB_REDIS_H */
