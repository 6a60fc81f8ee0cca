/*
 * Shards: leases with a fencing epoch.
 *
 *            wanted                 { 1, epoch }
 *   [free] ----------> [asking] ------------------> [held]
 *     ^ ^                 | { 0 }, lost               |  not wanted,
 *     | +-----------------+                           |  or leaving
 *     |                                               v
 *   [releasing] <-- no account, no delivery -- [leaving]
 *
 * The lease is surely ours until (time of the last question that renewed
 * it + lease).  Past that, or when a renewal is refused, the accounts are
 * dropped on the spot; each looks at the clock itself before it acts, so a
 * process that was stopped says nothing when it wakes.  Whatever this worker
 * still believes, the commit script checks the fence.
 */
#include "ngx_http_wahub_behind.h"
#include "ngx_http_wahub_project.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_shard_int.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_SHARD_TICK   250
#define NGX_HTTP_WAHUB_SHARD_RETRY  1000
#define NGX_HTTP_WAHUB_SHARD_GRACE  2500         /* Redis' longest backoff */
#define NGX_HTTP_WAHUB_HOOK_WAIT    1000         /* for deliveries         */


static void ngx_http_wahub_shards_tick(ngx_event_t *ev);
static void ngx_http_wahub_shards_state(void *data, ngx_uint_t up);
static void ngx_http_wahub_shard_acquire(ngx_http_wahub_shard_t *shard);
static void ngx_http_wahub_shard_acquired(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_shard_renew(ngx_http_wahub_shard_t *shard);
static void ngx_http_wahub_shard_renewed(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_shard_leave(ngx_http_wahub_shard_t *shard);
static void ngx_http_wahub_shard_release(ngx_http_wahub_shard_t *shard);
static void ngx_http_wahub_shard_released(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_shard_lost(ngx_http_wahub_shard_t *shard,
    const char *why);


ngx_int_t
ngx_http_wahub_shards_init(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t                i;
    ngx_http_wahub_shards_t  *ss;

    ss = ngx_calloc(sizeof(ngx_http_wahub_shards_t), w->log);
    if (ss == NULL) {
        return NGX_ERROR;
    }

    w->shards = ss;
    ss->worker = w;
    ss->n = w->conf->shards;
    ss->window = NGX_HTTP_WAHUB_PASS_WINDOW;

    ss->elts = ngx_calloc(ss->n * sizeof(ngx_http_wahub_shard_t), w->log);
    if (ss->elts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ss->n; i++) {
        ss->elts[i].worker = w;
        ss->elts[i].number = i;
        ngx_queue_init(&ss->elts[i].accounts);
    }

    ss->pool = ngx_create_pool(1024, w->log);
    ss->spare = ngx_create_pool(1024, w->log);

    if (ss->pool == NULL || ss->spare == NULL) {
        return NGX_ERROR;
    }

    ss->acquire = ngx_http_wahub_redis_add_script(w->redis,
                                             &ngx_http_wahub_script_acquire);
    ss->renew = ngx_http_wahub_redis_add_script(w->redis,
                                               &ngx_http_wahub_script_renew);
    ss->release = ngx_http_wahub_redis_add_script(w->redis,
                                             &ngx_http_wahub_script_release);
    ss->member = ngx_http_wahub_redis_add_script(w->redis,
                                              &ngx_http_wahub_script_member);
    ss->cluster = ngx_http_wahub_redis_add_script(w->redis,
                                             &ngx_http_wahub_script_cluster);

    if (ss->acquire == NGX_ERROR || ss->renew == NGX_ERROR
        || ss->release == NGX_ERROR || ss->member == NGX_ERROR
        || ss->cluster == NGX_ERROR
        || ngx_http_wahub_member_init(ss) != NGX_OK
        || ngx_http_wahub_redis_on_state(w->redis,
                                         ngx_http_wahub_shards_state, ss)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ss->tick.data = ss;
    ss->tick.log = w->log;
    ss->tick.handler = ngx_http_wahub_shards_tick;
    ss->tick.cancelable = 1;

    ngx_add_timer(&ss->tick, NGX_HTTP_WAHUB_SHARD_TICK);

    return NGX_OK;
}


void
ngx_http_wahub_shards_exit(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t                i;
    ngx_http_wahub_shards_t  *ss = w->shards;

    if (ss == NULL) {
        return;
    }

    if (ss->tick.timer_set) {
        ngx_del_timer(&ss->tick);
    }

    if (ss->elts != NULL) {

        for (i = 0; i < ss->n; i++) {
            if (ss->elts[i].fence != NULL) {
                ngx_free(ss->elts[i].fence);
            }
        }

        ngx_free(ss->elts);
    }

    if (ss->pool != NULL) {
        ngx_destroy_pool(ss->pool);
    }

    if (ss->spare != NULL) {
        ngx_destroy_pool(ss->spare);
    }

    ngx_free(ss);
    w->shards = NULL;
}


ngx_http_wahub_shard_t *
ngx_http_wahub_shard_get(ngx_http_wahub_worker_t *w, ngx_uint_t number)
{
    return &w->shards->elts[number];
}


ngx_int_t
ngx_http_wahub_shard_serves(ngx_http_wahub_shard_t *shard)
{
    return shard->state == ngx_http_wahub_shard_held;
}


ngx_uint_t
ngx_http_wahub_shards_held(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t                i, n;
    ngx_http_wahub_shards_t  *ss = w->shards;

    n = 0;

    for (i = 0; i < ss->n; i++) {
        n += (ss->elts[i].state != ngx_http_wahub_shard_free);
    }

    return n;
}


ngx_uint_t
ngx_http_wahub_shard_sure(ngx_http_wahub_shard_t *shard)
{
    if (shard->state != ngx_http_wahub_shard_held
        && shard->state != ngx_http_wahub_shard_leaving)
    {
        return 0;
    }

    ngx_time_update();

    return (ngx_msec_int_t) (shard->until - ngx_current_msec) > 0;
}


/* Those with a lease, for the log: one that was only asked for may be
   another's. */
static ngx_uint_t
ngx_http_wahub_shards_leased(ngx_http_wahub_shards_t *ss)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < ss->n; i++) {
        n += (ss->elts[i].state == ngx_http_wahub_shard_held
              || ss->elts[i].state == ngx_http_wahub_shard_leaving);
    }

    return n;
}


ngx_uint_t
ngx_http_wahub_shards_members(ngx_http_wahub_worker_t *w)
{
    return w->shards->nmembers;
}


ngx_uint_t
ngx_http_wahub_shards_admitted(ngx_http_wahub_worker_t *w)
{
    return w->shards->admitted;
}


ngx_uint_t
ngx_http_wahub_shards_judged(ngx_http_wahub_worker_t *w)
{
    return w->shards->admitted || w->shards->refused;
}


/* -- what to do now ------------------------------------------------------ */

static void
ngx_http_wahub_shards_tick(ngx_event_t *ev)
{
    ngx_uint_t                held;
    ngx_http_wahub_shards_t  *ss = ev->data;

    if (ngx_http_wahub_redis_up(ss->worker->redis)
        && ngx_current_msec - ss->beat_at >= ss->worker->conf->lease / 3)
    {
        if (ss->admitted) {
            ngx_http_wahub_member_beat(ss);

        } else {
            ngx_http_wahub_member_hello(ss);
        }
    }

    if (ss->grace && (ngx_msec_int_t) (ngx_current_msec - ss->grace_at) >= 0) {
        ss->grace = 0;
        ngx_http_wahub_member_beat(ss);
    }

    ngx_http_wahub_pass_tick(ss);
    ngx_http_wahub_shards_act(ss);
    ngx_http_wahub_worker_left(ss->worker);
    ngx_http_wahub_space_look(ss->worker);

    if (ss->lost != 0) {
        ngx_log_error(NGX_LOG_WARN, ss->worker->log, 0,
                      "wahub: lost the leases of %ui shards", ss->lost);
        ss->lost = 0;
    }

    held = ngx_http_wahub_shards_leased(ss);

    if (held != ss->reported) {
        ss->reported = held;
        ngx_log_error(NGX_LOG_NOTICE, ss->worker->log, 0,
                      "wahub: holding %ui of %ui shards, %ui members", held,
                      ss->n, ss->nmembers);
    }

    ngx_add_timer(ev, NGX_HTTP_WAHUB_SHARD_TICK);
}


static void
ngx_http_wahub_shards_state(void *data, ngx_uint_t up)
{
    ngx_uint_t                i;
    ngx_http_wahub_shards_t  *ss = data;

    if (up == 0) {
        return;
    }

    ss->grace = (ss->nmembers != 0);
    ss->grace_at = ngx_current_msec + NGX_HTTP_WAHUB_SHARD_GRACE;

    /* leases may be about to run out: renew now */

    for (i = 0; i < ss->n; i++) {
        ss->elts[i].asked_at = ngx_current_msec - ss->worker->conf->lease;
    }

    ngx_http_wahub_shards_act(ss);
    ngx_http_wahub_member_hello(ss);
}


static void
ngx_http_wahub_shard_act(ngx_http_wahub_shards_t *ss,
    ngx_http_wahub_shard_t *shard)
{
    ngx_uint_t  up;
    ngx_msec_t  now;

    now = ngx_current_msec;
    up = ngx_http_wahub_redis_up(ss->worker->redis);

    switch (shard->state) {

    case ngx_http_wahub_shard_free:

        if (up && shard->wanted && ss->leaving == 0
            && (ngx_msec_int_t) (now - ss->settled_at) >= 0
            && (ngx_msec_int_t) (now - shard->retry_at) >= 0)
        {
            ngx_http_wahub_shard_acquire(shard);
        }

        return;

    case ngx_http_wahub_shard_held:
    case ngx_http_wahub_shard_leaving:

        if ((ngx_msec_int_t) (now - shard->until) >= 0) {
            ngx_http_wahub_shard_lost(shard, "was not renewed in time");
            return;
        }

        if (up && shard->renewing == 0
            && now - shard->asked_at >= ss->worker->conf->lease / 3)
        {
            ngx_http_wahub_shard_renew(shard);
        }

        if (up) {
            ngx_http_wahub_behind_tick(shard);
        }

        if (up && shard->recovering && shard->reading == 0) {
            ngx_http_wahub_webhook_recover(ss->worker, shard->number);
        }

        if (shard->state == ngx_http_wahub_shard_leaving) {
            ngx_http_wahub_shard_emptied(shard);
            return;
        }

        if ((ss->leaving
             || (shard->wanted == 0
                 && (ngx_msec_int_t) (now - ss->rebalance_at) >= 0))
            && ngx_http_wahub_pass_turn(shard))
        {
            ngx_http_wahub_shard_leave(shard);
        }

        return;

    default: /* asking, releasing: an answer will come */
        return;
    }
}


void
ngx_http_wahub_shards_act(ngx_http_wahub_shards_t *ss)
{
    ngx_uint_t  i;

    for (i = 0; i < ss->n; i++) {
        ngx_http_wahub_shard_act(ss, &ss->elts[i]);
    }
}


void
ngx_http_wahub_shards_freed(ngx_http_wahub_shards_t *ss, ngx_uint_t n)
{
    if (n < ss->n) {
        ss->elts[n].freed = 1;
        ss->elts[n].retry_at = ngx_current_msec;
        ngx_http_wahub_shard_act(ss, &ss->elts[n]);
    }
}


/* -- acquiring ----------------------------------------------------------- */

static void
ngx_http_wahub_shard_acquire(ngx_http_wahub_shard_t *shard)
{
    u_char                    lease[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    epoch[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    accounts[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    log[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    px[NGX_INT_T_LEN];
    ngx_str_t                 argv[6];
    ngx_http_wahub_worker_t  *w = shard->worker;

    ngx_http_wahub_key_shard(w->conf, shard->number, "lease", lease,
                             &argv[0]);
    ngx_http_wahub_key_shard(w->conf, shard->number, "epoch", epoch,
                             &argv[1]);
    ngx_http_wahub_key_shard(w->conf, shard->number, "accounts", accounts,
                             &argv[2]);
    ngx_http_wahub_key_shard(w->conf, shard->number, "log", log, &argv[3]);
    argv[4] = w->member;
    argv[5].data = px;
    argv[5].len = ngx_sprintf(px, "%M", w->conf->lease) - px;

    if (ngx_http_wahub_redis_eval(w->redis, w->shards->acquire,
                                  ngx_http_wahub_shard_acquired, shard, argv,
                                  4, 6)
        != NGX_OK)
    {
        shard->retry_at = ngx_current_msec + NGX_HTTP_WAHUB_SHARD_RETRY;
        return;
    }

    shard->state = ngx_http_wahub_shard_asking;
    shard->freed = 0;
    shard->asked_at = ngx_current_msec;
}


/* NGX_ERROR: out of memory. */
static ngx_int_t
ngx_http_wahub_shard_fence(ngx_http_wahub_shard_t *shard, ngx_str_t *epoch)
{
    ngx_str_t  *member = &shard->worker->member;

    if (shard->fence != NULL) {
        ngx_free(shard->fence);
    }

    shard->fence = ngx_alloc(member->len + 1 + epoch->len,
                             shard->worker->log);
    if (shard->fence == NULL) {
        return NGX_ERROR;
    }

    shard->fence_len = ngx_sprintf(shard->fence, "%V:%V", member, epoch)
                       - shard->fence;

    return NGX_OK;
}


static void
ngx_http_wahub_shard_populate(ngx_http_wahub_shard_t *shard,
    ngx_http_wahub_redis_reply_t *ids)
{
    ngx_str_t                  id;
    ngx_uint_t                 i;
    ngx_http_wahub_account_t  *slot;

    for (i = 0; i < ngx_http_wahub_redis_count(ids); i++) {
        id = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(ids, i));

        slot = ngx_http_wahub_account_add(shard->worker, shard, &id);

        if (slot == NULL) {
            ngx_log_error(NGX_LOG_ERR, shard->worker->log, 0,
                          "wahub: account \"%V\" cannot be held", &id);
            continue;
        }

        slot->starting = 1;
        shard->starting++;

        ngx_http_wahub_account_open_later(slot);
    }
}


static void
ngx_http_wahub_shard_acquired(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    int64_t                  wait;
    ngx_str_t                epoch, tail;
    ngx_http_wahub_shard_t  *shard = data;

    shard->state = ngx_http_wahub_shard_free;
    shard->retry_at = ngx_current_msec + NGX_HTTP_WAHUB_SHARD_RETRY / 2
                      + (ngx_msec_t) ngx_random()
                        % (NGX_HTTP_WAHUB_SHARD_RETRY / 2);

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_array) {
        ngx_http_wahub_worker_left(shard->worker);
        return;
    }

    if (ngx_http_wahub_redis_int(ngx_http_wahub_redis_at(reply, 0)) != 1) {
        wait = ngx_http_wahub_redis_int(ngx_http_wahub_redis_at(reply, 1));

        if (wait >= 0 && wait < NGX_HTTP_WAHUB_SHARD_RETRY / 2) {
            shard->retry_at = ngx_current_msec + (ngx_msec_t) wait + 5;
        }

        if (shard->freed) {
            /* released between the question and its answer */
            ngx_http_wahub_shards_freed(shard->worker->shards,
                                        shard->number);
        }

        ngx_http_wahub_worker_left(shard->worker);
        return;
    }

    epoch = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 1));

    if (ngx_http_wahub_shard_fence(shard, &epoch) != NGX_OK) {
        return;
    }

    shard->until = shard->asked_at + shard->worker->conf->lease;
    shard->renewing = 0;
    shard->state = ngx_http_wahub_shard_held;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, shard->worker->log, 0,
                   "wahub: holding shard %ui, epoch %V", shard->number,
                   &epoch);

    if (shard->worker->draining) {
        ngx_http_wahub_shard_leave(shard);
        return;
    }

    ngx_http_wahub_shard_populate(shard, ngx_http_wahub_redis_at(reply, 2));
    ngx_http_wahub_webhook_recover(shard->worker, shard->number);

    tail = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 3));
    ngx_http_wahub_behind_acquired(shard, &tail);
    ngx_http_wahub_project_acquired(shard);
}


/* -- keeping ------------------------------------------------------------- */

static void
ngx_http_wahub_shard_renew(ngx_http_wahub_shard_t *shard)
{
    u_char                   *colon;
    u_char                    lease[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    epoch[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    px[NGX_INT_T_LEN];
    ngx_str_t                 argv[5];
    ngx_http_wahub_worker_t  *w = shard->worker;

    ngx_http_wahub_key_shard(w->conf, shard->number, "lease", lease,
                             &argv[0]);
    ngx_http_wahub_key_shard(w->conf, shard->number, "epoch", epoch,
                             &argv[1]);

    argv[2].data = shard->fence;
    argv[2].len = shard->fence_len;
    argv[3].data = px;
    argv[3].len = ngx_sprintf(px, "%M", w->conf->lease) - px;

    colon = shard->fence + w->member.len + 1;
    argv[4].data = colon;
    argv[4].len = shard->fence + shard->fence_len - colon;

    if (ngx_http_wahub_redis_eval(w->redis, w->shards->renew,
                                  ngx_http_wahub_shard_renewed, shard, argv,
                                  2, 5)
        == NGX_OK)
    {
        shard->renewing = 1;
        shard->asked_at = ngx_current_msec;
    }
}


static void
ngx_http_wahub_shard_renewed(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_shard_t  *shard = data;

    if (shard->renewing == 0) {
        return;
    }

    shard->renewing = 0;

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_integer) {
        /* ask again with the next tick */
        shard->asked_at = shard->until - shard->worker->conf->lease;
        return;
    }

    if (ngx_http_wahub_redis_int(reply) == 1) {
        shard->until = shard->asked_at + shard->worker->conf->lease;
        return;
    }

    ngx_http_wahub_shard_lost(shard, "belongs to another worker");
}


void
ngx_http_wahub_shard_suspect(ngx_http_wahub_shard_t *shard)
{
    if (shard->renewing == 0
        && (shard->state == ngx_http_wahub_shard_held
            || shard->state == ngx_http_wahub_shard_leaving))
    {
        ngx_http_wahub_shard_renew(shard);
    }
}


static void
ngx_http_wahub_shard_lost(ngx_http_wahub_shard_t *shard, const char *why)
{
    ngx_queue_t               *q;
    ngx_http_wahub_account_t  *slot;

    ngx_log_error(NGX_LOG_INFO, shard->worker->log, 0,
                  "wahub: lost shard %ui: its lease %s", shard->number, why);

    shard->worker->shards->lost++;

    shard->state = ngx_http_wahub_shard_free;
    shard->renewing = 0;
    shard->retry_at = ngx_current_msec + NGX_HTTP_WAHUB_SHARD_RETRY;

    while (ngx_queue_empty(&shard->accounts) == 0) {
        q = ngx_queue_head(&shard->accounts);
        slot = ngx_queue_data(q, ngx_http_wahub_account_t, queue);

        ngx_http_wahub_account_drop(slot, "OWNER_UNAVAILABLE",
                                    "the account moves to another worker");
    }

    shard->recovering = 0;
    ngx_http_wahub_webhook_forget(shard->worker, shard->number);
    ngx_http_wahub_project_gone(shard);
    ngx_http_wahub_worker_left(shard->worker);
}


/* -- giving -------------------------------------------------------------- */

static void
ngx_http_wahub_shard_leave(ngx_http_wahub_shard_t *shard)
{
    ngx_queue_t               *q, *next;
    ngx_http_wahub_account_t  *slot;

    shard->state = ngx_http_wahub_shard_leaving;
    shard->retry_at = ngx_current_msec + NGX_HTTP_WAHUB_HOOK_WAIT;

    for (q = ngx_queue_head(&shard->accounts);
         q != ngx_queue_sentinel(&shard->accounts);
         q = next)
    {
        next = ngx_queue_next(q);
        slot = ngx_queue_data(q, ngx_http_wahub_account_t, queue);

        ngx_http_wahub_account_quiesce(slot);
    }

    ngx_http_wahub_shard_emptied(shard);
}


/*
 * A delivery under way when the shard changes hands is sent twice: the new
 * owner finds it pending.  So give deliveries a moment to end.
 */
void
ngx_http_wahub_shard_emptied(ngx_http_wahub_shard_t *shard)
{
    if (shard->state != ngx_http_wahub_shard_leaving
        || ngx_queue_empty(&shard->accounts) == 0)
    {
        return;
    }

    if (ngx_http_wahub_webhook_inflight(shard->worker) != 0
        && (ngx_msec_int_t) (ngx_current_msec - shard->retry_at) < 0)
    {
        return;
    }

    shard->recovering = 0;
    ngx_http_wahub_webhook_forget(shard->worker, shard->number);
    ngx_http_wahub_shard_release(shard);
}


static void
ngx_http_wahub_shard_release(ngx_http_wahub_shard_t *shard)
{
    u_char                    lease[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    notice[sizeof("free ") + NGX_INT_T_LEN];
    ngx_str_t                 argv[4];
    ngx_http_wahub_worker_t  *w = shard->worker;

    ngx_http_wahub_key_shard(w->conf, shard->number, "lease", lease,
                             &argv[0]);

    argv[1].data = shard->fence;
    argv[1].len = shard->fence_len;
    argv[2] = w->shards->channel;
    argv[3].data = notice;
    argv[3].len = ngx_sprintf(notice, "free %ui", shard->number) - notice;

    shard->state = ngx_http_wahub_shard_releasing;
    ngx_http_wahub_project_gone(shard);

    if (ngx_http_wahub_redis_eval(w->redis, w->shards->release,
                                  ngx_http_wahub_shard_released, shard, argv,
                                  1, 4)
        != NGX_OK)
    {
        /* Redis is away: the lease runs out by itself */
        ngx_http_wahub_shard_released(shard, NULL);
    }
}


static void
ngx_http_wahub_shard_released(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_shard_t  *shard = data;

    shard->state = ngx_http_wahub_shard_free;
    shard->renewing = 0;
    shard->retry_at = ngx_current_msec + NGX_HTTP_WAHUB_SHARD_RETRY;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, shard->worker->log, 0,
                   "wahub: released shard %ui", shard->number);

    ngx_http_wahub_worker_left(shard->worker);
}


void
ngx_http_wahub_shards_leave(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_member_leave(w->shards);
    ngx_http_wahub_pass_leave(w->shards);
    ngx_http_wahub_shards_act(w->shards);
}


void
ngx_http_wahub_shards_abandon(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t                i;
    ngx_http_wahub_shards_t  *ss = w->shards;

    if (ss->leaving == 0) {
        ngx_http_wahub_member_leave(ss);
    }

    for (i = 0; i < ss->n; i++) {
        if (ss->elts[i].state == ngx_http_wahub_shard_held
            || ss->elts[i].state == ngx_http_wahub_shard_leaving)
        {
            ngx_http_wahub_shard_release(&ss->elts[i]);
        }
    }
}
