/*
 * Accounts held by this worker: one slot each, in a registry by id and in
 * the list of their shard.
 *
 * The slot owns the engine's object, the transport and the queues of what
 * is under way.  After every verb comes ngx_http_wahub_account_drain(),
 * which carries out what the engine asks for.  Slots are freed at one
 * place, a posted event, so that a slot whose `account` is NULL (dropped)
 * stays readable until the end of the current handler.
 */
#ifndef NGX_HTTP_WAHUB_ACCOUNT_H
#define NGX_HTTP_WAHUB_ACCOUNT_H

#include "ngx_http_wahub.h"


typedef struct ngx_http_wahub_shard_s  ngx_http_wahub_shard_t;
typedef struct ngx_http_wahub_peer_s   ngx_http_wahub_peer_t;


struct ngx_http_wahub_account_s {
    ngx_str_node_t               sn;         /* registry, by id            */
    ngx_queue_t                  queue;      /* shard's list; then the dead */
    ngx_queue_t                  waiting;    /* to be opened               */
    ngx_queue_t                  ops;        /* store, oldest first        */
    ngx_queue_t                  commands;   /* unanswered, call.c         */
    ngx_queue_t                  stalled;    /* store's list, see there    */
    ngx_queue_t                  blobs;      /* files the engine reads     */

    ngx_http_wahub_worker_t     *worker;
    ngx_http_wahub_shard_t      *shard;
    wa_account_t                *account;    /* NULL: dropped              */
    ngx_http_wahub_peer_t       *peer;       /* NULL: no transport         */

    ngx_event_t                  timer;      /* engine's deadline          */
    wa_time_t                    deadline;   /* `timer` is armed for; -1   */

    uint64_t                     seq;        /* a commit the store had; 0  */
    ngx_uint_t                   inflight;   /* store operations sent      */
    ngx_uint_t                   reloads;    /* in a row                   */
    ngx_msec_t                   open_at;    /* not opened before          */

    unsigned                     opened:1;
    unsigned                     is_waiting:1;
    unsigned                     starting:1; /* counted by its shard       */
    unsigned                     trying:1;   /* opened, login under way    */
    unsigned                     is_stalled:1;
    unsigned                     quiesced:1;
    unsigned                     draining:1;
    unsigned                     discard:1;  /* was never created          */
    unsigned                     broken:1;   /* out of memory in a drain   */

    u_char                       id[WA_ACCOUNT_ID_LEN + 1];
};


ngx_int_t ngx_http_wahub_registry_init(ngx_http_wahub_worker_t *w);

/* Drops every account.  NULL-safe. */
void ngx_http_wahub_registry_exit(ngx_http_wahub_worker_t *w);

/* NULL: not held here. */
ngx_http_wahub_account_t *ngx_http_wahub_account_find(
    ngx_http_wahub_worker_t *w, const ngx_str_t *id);

/* An empty account; NULL: out of memory, or not an id. */
ngx_http_wahub_account_t *ngx_http_wahub_account_add(
    ngx_http_wahub_worker_t *w, ngx_http_wahub_shard_t *shard,
    const ngx_str_t *id);

/* Opens it when its turn comes: connects are spread over time. */
void ngx_http_wahub_account_open_later(ngx_http_wahub_account_t *slot);

/* Opens it now, if it is not. */
void ngx_http_wahub_account_open(ngx_http_wahub_account_t *slot);

/* Carries out the engine's outputs.  The slot may be dropped by this. */
void ngx_http_wahub_account_drain(ngx_http_wahub_account_t *slot);

/* Hands a completion to the engine, and drains. */
void ngx_http_wahub_account_done(ngx_http_wahub_account_t *slot,
    const wa_done_t *done);

/* Leaves the transport, finishes what is committed, then drops itself. */
void ngx_http_wahub_account_quiesce(ngx_http_wahub_account_t *slot);

/*
 * Forgets the account at once: closes its socket, sends nothing more.
 * Commands that wait get `code`.
 */
void ngx_http_wahub_account_drop(ngx_http_wahub_account_t *slot,
    const char *code, const char *message);

#endif /* NGX_HTTP_WAHUB_ACCOUNT_H */
