/*
 * Loads and commits, carried to Redis and back.
 *
 * Each account has a queue of operations.  They are sent at once, many in
 * flight, and answered in order.  When an answer is lost or Redis refuses
 * for a reason that passes (away, loading, out of memory, read-only), the
 * account is stalled: it waits until nothing is in flight, then sends
 * everything unanswered again, in order.  A commit applied before answers
 * "already", so nothing happens twice.  While stalled the engine sees slow
 * answers only, and pauses its input by itself.
 *
 * An operation outlives its slot when an answer is still to come
 * (op->slot is NULL then).
 */
#include "ngx_http_wahub_log.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_store.h"
#include "ngx_http_wahub_store_int.h"


#define NGX_HTTP_WAHUB_STORE_RETRY  500


static void ngx_http_wahub_store_enqueue(ngx_http_wahub_account_t *slot,
    ngx_http_wahub_op_t *op);
static void ngx_http_wahub_store_stall(ngx_http_wahub_account_t *slot);
static void ngx_http_wahub_store_resume(ngx_http_wahub_store_t *st);
static void ngx_http_wahub_store_state(void *data, ngx_uint_t up);
static void ngx_http_wahub_store_timer(ngx_event_t *ev);
static void ngx_http_wahub_store_free(ngx_http_wahub_op_t *op);


ngx_int_t
ngx_http_wahub_store_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_store_t  *st;

    st = ngx_calloc(sizeof(ngx_http_wahub_store_t), w->log);
    if (st == NULL) {
        return NGX_ERROR;
    }

    w->store = st;
    st->worker = w;
    ngx_queue_init(&st->stalled);

    st->timer.data = st;
    st->timer.log = w->log;
    st->timer.handler = ngx_http_wahub_store_timer;
    st->timer.cancelable = 1;

    st->pool = ngx_create_pool(16384, w->log);
    if (st->pool == NULL) {
        return NGX_ERROR;
    }

    st->script = ngx_http_wahub_redis_add_script(w->redis,
                                              &ngx_http_wahub_script_commit);
    if (st->script == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_redis_on_state(w->redis, ngx_http_wahub_store_state,
                                         st);
}


void
ngx_http_wahub_store_exit(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_store_t  *st = w->store;

    if (st == NULL) {
        return;
    }

    if (st->timer.timer_set) {
        ngx_del_timer(&st->timer);
    }

    if (st->pool != NULL) {
        ngx_destroy_pool(st->pool);
    }

    ngx_free(st);
    w->store = NULL;
}


ngx_int_t
ngx_http_wahub_store_load(ngx_http_wahub_account_t *slot,
    const wa_load_t *load)
{
    ngx_http_wahub_op_t  *op;

    op = ngx_calloc(sizeof(ngx_http_wahub_op_t)
                    + load->n * sizeof(wa_span_t), slot->worker->log);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->load = load;
    op->values = (wa_span_t *) (void *) (op + 1);

    ngx_http_wahub_store_enqueue(slot, op);

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_store_commit(ngx_http_wahub_account_t *slot,
    const wa_commit_t *commit)
{
    size_t                len;
    const char           *url;
    ngx_http_wahub_op_t  *op;

    /* the url of this moment goes with the hooks of this commit */

    url = wa_account_webhook_url(slot->account);
    len = ngx_strlen(url);

    op = ngx_calloc(sizeof(ngx_http_wahub_op_t) + len, slot->worker->log);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->commit = commit;
    op->url.data = (u_char *) (op + 1);
    op->url.len = len;
    ngx_memcpy(op->url.data, url, len);

    ngx_http_wahub_store_enqueue(slot, op);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_store_send(ngx_http_wahub_op_t *op)
{
    if (op->commit != NULL) {
        return ngx_http_wahub_store_send_commit(op);
    }

    return ngx_http_wahub_store_send_load(op);
}


static void
ngx_http_wahub_store_enqueue(ngx_http_wahub_account_t *slot,
    ngx_http_wahub_op_t *op)
{
    op->slot = slot;
    op->store = slot->worker->store;
    ngx_queue_insert_tail(&slot->ops, &op->queue);

    if (slot->is_stalled) {
        return;
    }

    /* counted first: a load may have been sent in part when this fails */

    slot->inflight++;
    op->sent = 1;

    if (ngx_http_wahub_store_send(op) == NGX_OK) {
        return;
    }

    if (op->pending == 0) {
        slot->inflight--;
        op->sent = 0;
    }

    op->failed = 1;
    ngx_http_wahub_store_stall(slot);
}


/* -- answers ------------------------------------------------------------- */

static void
ngx_http_wahub_store_commit_done(ngx_http_wahub_op_t *op)
{
    wa_done_t                  done;
    ngx_http_wahub_account_t  *slot = op->slot;

    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = WA_DONE_COMMIT;
    done.seq = op->commit->seq;
    done.err = op->refused ? WA_ERR_STATE : WA_OK;

    if (op->refused == 0) {
        slot->seq = op->commit->seq;
    }

    ngx_http_wahub_store_free(op);
    ngx_http_wahub_account_done(slot, &done);
}


static void
ngx_http_wahub_store_load_done(ngx_http_wahub_op_t *op)
{
    wa_done_t                  done;
    ngx_http_wahub_account_t  *slot = op->slot;

    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = WA_DONE_LOAD;
    done.err = WA_OK;
    done.token = op->load->token;
    done.values = op->values;
    done.n = op->load->n;

    op->slot = NULL;
    ngx_http_wahub_account_done(slot, &done);

    ngx_http_wahub_store_free(op);
}


/*
 * The last reply of an operation has come.  Replies come in the order of
 * sending, so an operation that succeeded is the oldest of its account,
 * unless an older one failed: then the account is stalled.
 */
void
ngx_http_wahub_store_answered(ngx_http_wahub_op_t *op)
{
    ngx_http_wahub_account_t  *slot = op->slot;

    if (slot == NULL) {
        ngx_http_wahub_store_free(op);
        return;
    }

    slot->inflight--;
    op->sent = 0;

    if (op->failed || slot->is_stalled) {
        ngx_http_wahub_store_stall(slot);
        return;
    }

    ngx_queue_remove(&op->queue);

    if (op->commit != NULL) {
        ngx_http_wahub_store_commit_done(op);
        return;
    }

    ngx_http_wahub_store_load_done(op);
}


void
ngx_http_wahub_store_refused(ngx_http_wahub_op_t *op,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t  text;

    op->failed = 1;

    /* what is wrong with Redis itself has been said there */

    if (reply == NULL || op->slot == NULL || op->slot->is_stalled
        || ngx_http_wahub_redis_writable(op->store->worker->redis) == 0)
    {
        return;
    }

    text = ngx_http_wahub_redis_str(reply);

    ngx_http_wahub_log_line(NGX_LOG_WARN, op->store->worker->log,
                            op->slot->account,
                            "redis refused, repeating: \"%V\"", &text);
}


/* -- stalling and repeating ---------------------------------------------- */

static void
ngx_http_wahub_store_stall(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_store_t  *st = slot->worker->store;

    if (slot->is_stalled == 0) {
        slot->is_stalled = 1;
        ngx_queue_insert_tail(&st->stalled, &slot->stalled);
    }

    /* without a connection the next one resumes */

    if (st->timer.timer_set == 0
        && ngx_http_wahub_redis_up(st->worker->redis))
    {
        ngx_add_timer(&st->timer, NGX_HTTP_WAHUB_STORE_RETRY);
    }
}


static void
ngx_http_wahub_store_state(void *data, ngx_uint_t up)
{
    if (up) {
        ngx_http_wahub_store_resume(data);
    }
}


static void
ngx_http_wahub_store_timer(ngx_event_t *ev)
{
    ngx_http_wahub_store_t  *st = ev->data;

    if (ngx_http_wahub_redis_writable(st->worker->redis)) {
        ngx_http_wahub_store_resume(st);
        return;
    }

    if (ngx_http_wahub_redis_up(st->worker->redis)) {
        /* slow, or refusing: what changes that may not be announced */
        ngx_add_timer(ev, NGX_HTTP_WAHUB_STORE_RETRY);
    }
}


static void
ngx_http_wahub_store_resume(ngx_http_wahub_store_t *st)
{
    ngx_queue_t                again, *q, *o;
    ngx_http_wahub_op_t       *op;
    ngx_http_wahub_account_t  *slot;

    if (ngx_queue_empty(&st->stalled)) {
        return;
    }

    ngx_queue_init(&again);
    ngx_queue_add(&again, &st->stalled);
    ngx_queue_init(&st->stalled);

    while (ngx_queue_empty(&again) == 0) {
        q = ngx_queue_head(&again);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_http_wahub_account_t, stalled);
        slot->is_stalled = 0;

        if (slot->inflight != 0) {
            ngx_http_wahub_store_stall(slot);
            continue;
        }

        for (o = ngx_queue_head(&slot->ops);
             o != ngx_queue_sentinel(&slot->ops);
             o = ngx_queue_next(o))
        {
            op = ngx_queue_data(o, ngx_http_wahub_op_t, queue);

            op->failed = 0;
            op->sent = 1;
            slot->inflight++;

            if (ngx_http_wahub_store_send(op) == NGX_OK) {
                continue;
            }

            if (op->pending == 0) {
                slot->inflight--;
                op->sent = 0;
            }

            op->failed = 1;
            ngx_http_wahub_store_stall(slot);
            break;
        }
    }
}


/* -- the end ------------------------------------------------------------- */

void
ngx_http_wahub_store_forget(ngx_http_wahub_account_t *slot)
{
    ngx_queue_t          *q;
    ngx_http_wahub_op_t  *op;

    if (slot->is_stalled) {
        slot->is_stalled = 0;
        ngx_queue_remove(&slot->stalled);
    }

    while (ngx_queue_empty(&slot->ops) == 0) {
        q = ngx_queue_head(&slot->ops);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_http_wahub_op_t, queue);

        op->slot = NULL;
        op->load = NULL;
        op->commit = NULL;

        if (op->sent == 0) {
            ngx_http_wahub_store_free(op);
        }
    }
}


static void
ngx_http_wahub_store_free(ngx_http_wahub_op_t *op)
{
    if (op->pool != NULL) {
        ngx_destroy_pool(op->pool);
    }

    ngx_free(op);
}
