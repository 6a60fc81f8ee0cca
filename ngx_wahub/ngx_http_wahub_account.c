/*
 * Accounts held by this worker.
 *
 *   add --> (waiting) --> open --> verbs and drains --> GONE or drop --> dead
 *                                                 \--> reload: new object
 *
 * Opening is spread: a takeover of a thousand accounts must not become a
 * thousand logins at once.  So many may be under way at a time, which makes
 * the server's pace ours; beyond that a few a second, as some hang.
 */
#include "ngx_http_wahub_account.h"
#include "ngx_http_wahub_behind.h"
#include "ngx_http_wahub_blob.h"
#include "ngx_http_wahub_call.h"
#include "ngx_http_wahub_history_in.h"
#include "ngx_http_wahub_log.h"
#include "ngx_http_wahub_peer.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_store.h"
#include "ngx_http_wahub_stretch.h"
#include "ngx_http_wahub_version.h"
#include "ngx_http_wahub_worker.h"

#include <malloc.h>


#define NGX_HTTP_WAHUB_OPEN_TICK      20         /* ms, plus jitter        */
#define NGX_HTTP_WAHUB_OPEN_BURST     64
#define NGX_HTTP_WAHUB_OPEN_RATE      400        /* accounts a second      */
#define NGX_HTTP_WAHUB_OPEN_TRYING    64         /* logins under way       */
#define NGX_HTTP_WAHUB_OPEN_BEYOND    20         /* a second, beyond that  */
#define NGX_HTTP_WAHUB_CALM           1000       /* ms after a connect     */
#define NGX_HTTP_WAHUB_TRIM_PAUSE     10000      /* between two trims      */
#define NGX_HTTP_WAHUB_FAR            5000       /* ms: a deadline's slack */
#define NGX_HTTP_WAHUB_GRAIN          0xff
#define NGX_HTTP_WAHUB_RELOAD_DELAY   250        /* ms, doubled each time  */
#define NGX_HTTP_WAHUB_RELOAD_MAX     30000
#define NGX_HTTP_WAHUB_RELOAD_CALM    60000


struct ngx_http_wahub_registry_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_rbtree_t                 tree;
    ngx_rbtree_node_t            sentinel;
    ngx_queue_t                  waiting;
    ngx_queue_t                  dead;
    ngx_event_t                  opener;
    ngx_event_t                  reaper;
    ngx_event_t                  calm;
    ngx_msec_t                   trim_at;    /* not before                 */
    ngx_uint_t                   tokens;     /* opens allowed now, * 1000  */
    ngx_uint_t                   beyond;     /* of them, with many trying  */
    ngx_uint_t                   trying;
    ngx_msec_t                   filled;
    ngx_uint_t                   n;
};


static void ngx_http_wahub_registry_opener(ngx_event_t *ev);
static void ngx_http_wahub_registry_reaper(ngx_event_t *ev);
static void ngx_http_wahub_registry_calm(ngx_event_t *ev);
static void ngx_http_wahub_account_timer(ngx_event_t *ev);
static void ngx_http_wahub_account_output(ngx_http_wahub_account_t *slot,
    wa_out_t *out);
static void ngx_http_wahub_account_settle(ngx_http_wahub_account_t *slot);
static void ngx_http_wahub_account_gone(ngx_http_wahub_account_t *slot,
    wa_gone_e gone);
static void ngx_http_wahub_account_reload(ngx_http_wahub_account_t *slot);


ngx_int_t
ngx_http_wahub_registry_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_registry_t  *reg;

    reg = ngx_calloc(sizeof(ngx_http_wahub_registry_t), w->log);
    if (reg == NULL) {
        return NGX_ERROR;
    }

    reg->worker = w;
    ngx_rbtree_init(&reg->tree, &reg->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&reg->waiting);
    ngx_queue_init(&reg->dead);

    reg->tokens = NGX_HTTP_WAHUB_OPEN_BURST * 1000;
    reg->filled = ngx_current_msec;
    reg->trim_at = ngx_current_msec;

    reg->opener.data = reg;
    reg->opener.log = w->log;
    reg->opener.handler = ngx_http_wahub_registry_opener;
    reg->opener.cancelable = 1;

    reg->reaper.data = reg;
    reg->reaper.log = w->log;
    reg->reaper.handler = ngx_http_wahub_registry_reaper;

    reg->calm.data = reg;
    reg->calm.log = w->log;
    reg->calm.handler = ngx_http_wahub_registry_calm;
    reg->calm.cancelable = 1;

    w->registry = reg;

    return NGX_OK;
}


void
ngx_http_wahub_registry_exit(ngx_http_wahub_worker_t *w)
{
    ngx_str_node_t             *sn;
    ngx_http_wahub_registry_t  *reg = w->registry;

    if (reg == NULL) {
        return;
    }

    while (reg->tree.root != reg->tree.sentinel) {
        sn = (ngx_str_node_t *) reg->tree.root;
        ngx_http_wahub_account_drop((ngx_http_wahub_account_t *) sn,
                                    "SHUTTING_DOWN", "worker is exiting");
    }

    ngx_http_wahub_registry_reaper(&reg->reaper);

    if (reg->opener.timer_set) {
        ngx_del_timer(&reg->opener);
    }

    if (reg->calm.timer_set) {
        ngx_del_timer(&reg->calm);
    }

    if (reg->reaper.posted) {
        ngx_delete_posted_event(&reg->reaper);
    }

    ngx_free(reg);
    w->registry = NULL;
}


void
ngx_http_wahub_worker_counts(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_counts_t *counts)
{
    ngx_rbtree_node_t          *node;
    ngx_http_wahub_account_t   *slot;
    ngx_http_wahub_registry_t  *reg = w->registry;

    counts->accounts = reg->n;
    counts->ready = 0;
    counts->shards = ngx_http_wahub_shards_held(w);
    counts->members = ngx_http_wahub_shards_members(w);

    if (reg->n == 0) {
        return;
    }

    for (node = ngx_rbtree_min(reg->tree.root, reg->tree.sentinel);
         node != NULL;
         node = ngx_rbtree_next(&reg->tree, node))
    {
        slot = (ngx_http_wahub_account_t *) node;

        if (wa_account_state(slot->account) == WA_STATE_READY) {
            counts->ready++;
        }
    }
}


ngx_http_wahub_account_t *
ngx_http_wahub_account_find(ngx_http_wahub_worker_t *w, const ngx_str_t *id)
{
    uint32_t    hash;
    ngx_str_t   key;

    key = *id;
    hash = ngx_crc32_short(id->data, id->len);

    return (ngx_http_wahub_account_t *)
               ngx_str_rbtree_lookup(&w->registry->tree, &key, hash);
}


ngx_http_wahub_account_t *
ngx_http_wahub_account_add(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_shard_t *shard, const ngx_str_t *id)
{
    ngx_http_wahub_account_t   *slot;
    ngx_http_wahub_registry_t  *reg = w->registry;

    if (id->len != WA_ACCOUNT_ID_LEN) {
        return NULL;
    }

    slot = ngx_calloc(sizeof(ngx_http_wahub_account_t), w->log);
    if (slot == NULL) {
        return NULL;
    }

    slot->worker = w;
    slot->shard = shard;
    slot->deadline = -1;
    ngx_memcpy(slot->id, id->data, WA_ACCOUNT_ID_LEN);

    ngx_queue_init(&slot->ops);
    ngx_queue_init(&slot->commands);
    ngx_queue_init(&slot->blobs);

    slot->timer.data = slot;
    slot->timer.log = w->log;
    slot->timer.handler = ngx_http_wahub_account_timer;
    slot->timer.cancelable = 1;

    slot->account = wa_account_create(w->engine, ngx_http_wahub_span(id),
                                      slot);
    if (slot->account == NULL) {
        ngx_free(slot);
        return NULL;
    }

    slot->sn.str.data = slot->id;
    slot->sn.str.len = WA_ACCOUNT_ID_LEN;
    slot->sn.node.key = ngx_crc32_short(slot->id, WA_ACCOUNT_ID_LEN);
    ngx_rbtree_insert(&reg->tree, &slot->sn.node);
    ngx_queue_insert_tail(&shard->accounts, &slot->queue);
    reg->n++;

    return slot;
}


/* -- opening ------------------------------------------------------------- */

void
ngx_http_wahub_account_open_later(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_registry_t  *reg = slot->worker->registry;

    if (slot->is_waiting == 0) {
        slot->is_waiting = 1;
        ngx_queue_insert_tail(&reg->waiting, &slot->waiting);
    }

    if (reg->opener.timer_set == 0) {
        ngx_add_timer(&reg->opener, 1);
    }
}


static void
ngx_http_wahub_account_unwait(ngx_http_wahub_account_t *slot)
{
    if (slot->is_waiting) {
        slot->is_waiting = 0;
        ngx_queue_remove(&slot->waiting);
    }
}


void
ngx_http_wahub_account_open(ngx_http_wahub_account_t *slot)
{
    if (slot->opened) {
        return;
    }

    slot->opened = 1;
    ngx_http_wahub_account_unwait(slot);

    slot->trying = 1;
    slot->worker->registry->trying++;

    ngx_http_wahub_behind_expect(slot);

    (void) wa_account_open(slot->account,
                           ngx_http_wahub_worker_now(slot->worker));

    ngx_http_wahub_account_drain(slot);
}


/* The first login has worked or failed, or none is due. */
static void
ngx_http_wahub_account_tried(ngx_http_wahub_account_t *slot)
{
    if (slot->trying) {
        slot->trying = 0;
        slot->worker->registry->trying--;
    }

    if (slot->starting) {
        slot->starting = 0;
        ngx_http_wahub_pass_started(slot->shard);
    }
}


/* Two token buckets: a burst at once, then so many a second. */
static void
ngx_http_wahub_registry_opener(ngx_event_t *ev)
{
    ngx_queue_t                *q, *next;
    ngx_msec_t                  passed;
    ngx_http_wahub_account_t   *slot;
    ngx_http_wahub_registry_t  *reg = ev->data;

    passed = ngx_current_msec - reg->filled;
    reg->filled = ngx_current_msec;
    reg->tokens = ngx_min(reg->tokens
                          + ngx_min(passed, 10000) * NGX_HTTP_WAHUB_OPEN_RATE,
                          NGX_HTTP_WAHUB_OPEN_BURST * 1000);
    reg->beyond = ngx_min(reg->beyond
                          + ngx_min(passed, 10000)
                            * NGX_HTTP_WAHUB_OPEN_BEYOND,
                          NGX_HTTP_WAHUB_OPEN_BEYOND * 1000);

    for (q = ngx_queue_head(&reg->waiting);
         q != ngx_queue_sentinel(&reg->waiting) && reg->tokens >= 1000;
         q = next)
    {
        next = ngx_queue_next(q);
        slot = ngx_queue_data(q, ngx_http_wahub_account_t, waiting);

        if ((ngx_msec_int_t) (slot->open_at - ngx_current_msec) > 0) {
            continue;
        }

        if (reg->trying >= NGX_HTTP_WAHUB_OPEN_TRYING) {

            if (reg->beyond < 1000) {
                break;
            }

            reg->beyond -= 1000;
        }

        reg->tokens -= 1000;

        /* may drop this slot, never another one */
        ngx_http_wahub_account_open(slot);
    }

    if (ngx_queue_empty(&reg->waiting) == 0) {
        ngx_add_timer(ev, NGX_HTTP_WAHUB_OPEN_TICK
                          + (ngx_msec_t) ngx_random()
                            % NGX_HTTP_WAHUB_OPEN_TICK);
    }
}


/*
 * Connecting leaves holes between what stays: handshake buffers, loaded
 * records, for a new link its prekeys.  Once no account has connected for a
 * while, whole pages of them go back to the system.
 */
static void
ngx_http_wahub_registry_calm(ngx_event_t *ev)
{
    ngx_msec_int_t              left;
    ngx_http_wahub_registry_t  *reg = ev->data;

    left = (ngx_msec_int_t) (reg->trim_at - ngx_current_msec);

    if (left > 0) {
        ngx_add_timer(ev, (ngx_msec_t) left);
        return;
    }

    (void) malloc_trim(0);
    reg->trim_at = ngx_current_msec + NGX_HTTP_WAHUB_TRIM_PAUSE;
}


static void
ngx_http_wahub_registry_stir(ngx_http_wahub_registry_t *reg)
{
    ngx_msec_t  at;

    at = ngx_current_msec + NGX_HTTP_WAHUB_CALM;

    if ((ngx_msec_int_t) (at - reg->trim_at) > 0) {
        reg->trim_at = at;
    }

    if (reg->calm.timer_set == 0) {
        ngx_add_timer(&reg->calm, NGX_HTTP_WAHUB_CALM);
    }
}


/* -- verbs and outputs --------------------------------------------------- */

void
ngx_http_wahub_account_done(ngx_http_wahub_account_t *slot,
    const wa_done_t *done)
{
    if (slot->account == NULL) {
        return;
    }

    (void) wa_account_complete(slot->account, done,
                               ngx_http_wahub_worker_now(slot->worker));

    ngx_http_wahub_account_drain(slot);
}


static void
ngx_http_wahub_account_timer(ngx_event_t *ev)
{
    wa_time_t                  now, deadline;
    ngx_http_wahub_account_t  *slot = ev->data;

    slot->deadline = -1;

    now = ngx_http_wahub_worker_now(slot->worker);
    deadline = wa_account_deadline(slot->account);

    /* deadlines that moved away do not move the timer */

    if (deadline != -1 && deadline <= now) {
        (void) wa_account_expire(slot->account, now);
    }

    ngx_http_wahub_account_drain(slot);
}


/*
 * To the end, always: the engine refuses every verb between its first and
 * its last output.  What one verb puts out is bounded by what it was given.
 * Nothing is put out on a lease that has run out.
 */
void
ngx_http_wahub_account_drain(ngx_http_wahub_account_t *slot)
{
    wa_out_t  out;

    if (slot->account == NULL || slot->draining) {
        return;
    }

    if (ngx_http_wahub_shard_sure(slot->shard) == 0) {
        ngx_http_wahub_account_drop(slot, "OWNER_UNAVAILABLE",
                                    "the account moves to another worker");
        return;
    }

    slot->draining = 1;

    while (wa_account_next(slot->account, &out)) {

        if (out.type == WA_OUT_GONE) {
            slot->draining = 0;
            ngx_http_wahub_account_gone(slot, out.u.gone);
            return;
        }

        ngx_http_wahub_account_output(slot, &out);
    }

    slot->draining = 0;

    ngx_http_wahub_account_settle(slot);
}


/*
 * One output.  Nothing here calls the engine: what fails at once is
 * reported from a posted event.  Without memory the account is reloaded,
 * which loses nothing that was confirmed.
 */
static void
ngx_http_wahub_account_output(ngx_http_wahub_account_t *slot, wa_out_t *out)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    switch (out->type) {

    case WA_OUT_LOAD:
        rc = ngx_http_wahub_store_load(slot, out->u.load);
        break;

    case WA_OUT_COMMIT:
        rc = ngx_http_wahub_store_commit(slot, out->u.commit);
        break;

    case WA_OUT_CONNECT:
        if (slot->peer != NULL) {
            ngx_http_wahub_peer_close(slot->peer);
        }

        ngx_http_wahub_registry_stir(slot->worker->registry);
        rc = ngx_http_wahub_peer_open(slot);
        break;

    case WA_OUT_WRITE:
        if (slot->peer != NULL) {
            ngx_http_wahub_peer_send(slot->peer, out->u.bytes);
        }

        break;

    case WA_OUT_CLOSE:
        if (slot->peer != NULL) {
            ngx_http_wahub_peer_shutdown(slot->peer);
        }

        break;

    case WA_OUT_VERSION:
        rc = ngx_http_wahub_version_ask(slot);
        break;

    case WA_OUT_STRETCH:
        rc = ngx_http_wahub_stretch(slot, out->u.stretch);
        break;

    case WA_OUT_REPLY:
        ngx_http_wahub_call_reply(slot, &out->u.reply);
        break;

    case WA_OUT_HISTORY:
        ngx_http_wahub_history_in_wake(slot->worker, slot->id);
        break;

    case WA_OUT_FETCH:
        rc = ngx_http_wahub_blob_fetch(slot, out->u.fetch);
        break;

    case WA_OUT_FETCHED:
        ngx_http_wahub_blob_end(slot, out->u.token);
        break;

    default: /* WA_OUT_GONE: the caller's */
        break;
    }

    if (rc != NGX_OK) {
        slot->broken = 1;
    }
}


/*
 * What is due in some seconds may be a little late: the pings of accounts
 * that idle then fall into the same turns of the event loop.
 */
static wa_time_t
ngx_http_wahub_account_round(wa_time_t deadline, wa_time_t now)
{
    if (deadline == -1 || deadline - now < NGX_HTTP_WAHUB_FAR) {
        return deadline;
    }

    return deadline | NGX_HTTP_WAHUB_GRAIN;
}


/* After a drain: arm the timer, look what has ended. */
static void
ngx_http_wahub_account_settle(ngx_http_wahub_account_t *slot)
{
    wa_state_e  state;
    wa_time_t   now, deadline;

    if (slot->trying) {
        state = wa_account_state(slot->account);

        if (state != WA_STATE_INIT && state != WA_STATE_CONNECTING) {
            ngx_http_wahub_account_tried(slot);
        }
    }

    if (slot->broken) {
        ngx_http_wahub_log_line(NGX_LOG_ERR, slot->worker->log,
                                slot->account,
                                "out of memory, reloading the account");
        ngx_http_wahub_account_reload(slot);
        return;
    }

    if (slot->peer != NULL && wa_account_paused(slot->account) == false) {
        ngx_http_wahub_peer_resume(slot->peer);
    }

    if (slot->discard) {
        ngx_http_wahub_account_drop(slot, "ACCOUNT_NOT_FOUND",
                                    "Account not found");
        return;
    }

    if (slot->quiesced && wa_account_idle(slot->account)) {

        if (slot->peer != NULL) {
            ngx_http_wahub_peer_flush(slot->peer);
        }

        ngx_http_wahub_account_drop(slot, "OWNER_UNAVAILABLE",
                                    "the account moves to another worker");
        return;
    }

    now = ngx_http_wahub_worker_now(slot->worker);
    deadline = ngx_http_wahub_account_round(wa_account_deadline(slot->account),
                                            now);

    if (deadline == -1
        || (slot->deadline != -1 && slot->deadline <= deadline))
    {
        return;
    }

    if (slot->timer.timer_set) {
        ngx_del_timer(&slot->timer);
    }

    slot->deadline = deadline;
    ngx_add_timer(&slot->timer,
                  deadline > now ? (ngx_msec_t) (deadline - now) : 1);
}


/* -- the end ------------------------------------------------------------- */

static void
ngx_http_wahub_account_gone(ngx_http_wahub_account_t *slot, wa_gone_e gone)
{
    if (gone == WA_GONE_RELOAD) {
        ngx_http_wahub_account_reload(slot);
        return;
    }

    ngx_http_wahub_behind_deleted(slot);
    ngx_http_wahub_account_drop(slot, "ACCOUNT_NOT_FOUND",
                                "Account not found");
}


/*
 * A new object in a new slot reads what the store says.  The delay grows
 * while that goes wrong again and again.
 */
static void
ngx_http_wahub_account_reload(ngx_http_wahub_account_t *slot)
{
    u_char                     buf[WA_ACCOUNT_ID_LEN];
    ngx_str_t                  id;
    ngx_msec_t                 delay;
    ngx_uint_t                 reloads;
    ngx_http_wahub_shard_t    *shard;
    ngx_http_wahub_worker_t   *w;

    w = slot->worker;
    shard = slot->shard;

    id.data = buf;
    id.len = WA_ACCOUNT_ID_LEN;
    ngx_memcpy(buf, slot->id, WA_ACCOUNT_ID_LEN);

    reloads = slot->reloads + 1;

    if ((ngx_msec_int_t) (ngx_current_msec - slot->open_at)
        > NGX_HTTP_WAHUB_RELOAD_CALM)
    {
        reloads = 1;
    }

    ngx_http_wahub_account_drop(slot, "STORE_UNAVAILABLE",
                                "the account is being reloaded");

    if (ngx_http_wahub_shard_serves(shard) == 0) {
        return;
    }

    slot = ngx_http_wahub_account_add(w, shard, &id);
    if (slot == NULL) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "wahub: no memory to reload account %V", &id);
        return;
    }

    delay = NGX_HTTP_WAHUB_RELOAD_DELAY << ngx_min(reloads - 1, 7);
    delay = ngx_min(delay, NGX_HTTP_WAHUB_RELOAD_MAX);

    slot->reloads = reloads;
    slot->open_at = ngx_current_msec + delay;

    ngx_http_wahub_account_open_later(slot);
}


void
ngx_http_wahub_account_quiesce(ngx_http_wahub_account_t *slot)
{
    if (slot->quiesced || slot->account == NULL) {
        return;
    }

    slot->quiesced = 1;
    ngx_http_wahub_account_unwait(slot);

    if (slot->opened) {
        wa_account_quiesce(slot->account,
                           ngx_http_wahub_worker_now(slot->worker));
        ngx_http_wahub_account_drain(slot);
        return;
    }

    ngx_http_wahub_account_drop(slot, "OWNER_UNAVAILABLE",
                                "the account moves to another worker");
}


void
ngx_http_wahub_account_drop(ngx_http_wahub_account_t *slot, const char *code,
    const char *message)
{
    wa_account_t               *a;
    ngx_http_wahub_registry_t  *reg = slot->worker->registry;

    if (slot->account == NULL) {
        return;
    }

    a = slot->account;
    slot->account = NULL;

    ngx_http_wahub_account_tried(slot);
    ngx_http_wahub_behind_dropped(slot);

    if (slot->peer != NULL) {
        ngx_http_wahub_peer_close(slot->peer);
    }

    ngx_http_wahub_store_forget(slot);
    ngx_http_wahub_blob_forget(slot);
    ngx_http_wahub_call_abort(slot, code, message,
                              slot->quiesced == 0
                              || wa_account_idle(a) == 0);
    ngx_http_wahub_account_unwait(slot);

    if (slot->timer.timer_set) {
        ngx_del_timer(&slot->timer);
    }

    wa_account_free(a);

    ngx_rbtree_delete(&reg->tree, &slot->sn.node);
    ngx_queue_remove(&slot->queue);
    ngx_queue_insert_tail(&reg->dead, &slot->queue);
    reg->n--;

    ngx_post_event(&reg->reaper, &ngx_posted_events);
}


/* The only place where slots are freed. */
static void
ngx_http_wahub_registry_reaper(ngx_event_t *ev)
{
    ngx_queue_t                *q;
    ngx_http_wahub_shard_t     *shard;
    ngx_http_wahub_account_t   *slot;
    ngx_http_wahub_registry_t  *reg = ev->data;

    while (ngx_queue_empty(&reg->dead) == 0) {
        q = ngx_queue_head(&reg->dead);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_http_wahub_account_t, queue);
        shard = slot->shard;
        ngx_free(slot);

        ngx_http_wahub_shard_emptied(shard);
    }
}
