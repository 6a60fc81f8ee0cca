/*
 * Passing shards on without leaving their accounts in the dark.
 *
 *   giver                               taker
 *   held: sockets work, waits its turn
 *   leave, release  -- "free n" ------> acquire, log the accounts in
 *   the next ones   <------ "up n" ---- all of them tried
 *
 * Only a few accounts are between two owners at a time, so each is without a
 * socket for as long as a few logins take, however many move.  A taker that
 * stays silent is waited for a moment only; a giver that has to be gone soon
 * gives faster and in the end everything.
 *
 * nginx's reload starts the new workers just before it tells the old ones to
 * leave: the old hold on to their accounts until a new one has joined.
 */
#include <ngx_channel.h>

#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_shard_int.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_PASS_WAIT    3000         /* for "up"               */
#define NGX_HTTP_WAHUB_PASS_HEIR    2000         /* for a new member       */
#define NGX_HTTP_WAHUB_PASS_MAX     25000        /* to pass on everything  */
#define NGX_HTTP_WAHUB_PASS_LOOK    1000         /* between looks at pace  */


static void ngx_http_wahub_pass_counted(void *data,
    ngx_http_wahub_redis_reply_t *reply);


/* Whether the master has started more workers than it should have: those of
   the next configuration. */
static ngx_uint_t
ngx_http_wahub_pass_reload(void)
{
    ngx_int_t         i;
    ngx_int_t         n;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    n = 1;

    for (i = 0; i < ngx_last_process; i++) {
        if (i != ngx_process_slot && ngx_processes[i].pid > 0
            && ngx_processes[i].channel[0] != -1)
        {
            n++;
        }
    }

    return n > ccf->worker_processes;
}


/* How many accounts wait for their turn. */
static ngx_uint_t
ngx_http_wahub_pass_size(ngx_http_wahub_shard_t *shard)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(&shard->accounts);
         q != ngx_queue_sentinel(&shard->accounts);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n;
}


static void
ngx_http_wahub_pass_count(ngx_http_wahub_shards_t *ss)
{
    ngx_str_t  argv[2];

    ngx_str_set(&argv[0], "ZCARD");
    argv[1] = ss->members_key;

    (void) ngx_http_wahub_redis_command(ss->worker->redis,
                                        ngx_http_wahub_pass_counted, ss, argv,
                                        2);
}


static void
ngx_http_wahub_pass_counted(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_shards_t  *ss = data;

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_integer) {
        ss->alone = (ngx_http_wahub_redis_int(reply) == 0);
        ngx_http_wahub_shards_act(ss);
    }
}


void
ngx_http_wahub_pass_leave(ngx_http_wahub_shards_t *ss)
{
    ngx_uint_t  i;

    ss->leave_at = ngx_current_msec;
    ss->look_at = ngx_current_msec + NGX_HTTP_WAHUB_PASS_HEIR;
    ss->to_pass = 0;
    ss->passed = 0;

    for (i = 0; i < ss->n; i++) {
        ss->to_pass += ngx_http_wahub_pass_size(&ss->elts[i]);
    }

    ngx_http_wahub_pass_count(ss);
}


/* The worker leaves, and waiting for the others' pace would help nobody. */
static ngx_uint_t
ngx_http_wahub_pass_hurry(ngx_http_wahub_shards_t *ss)
{
    ngx_msec_t  spent;

    if (ss->leaving == 0) {
        return 0;
    }

    spent = ngx_current_msec - ss->leave_at;

    if (ss->alone) {
        return spent >= NGX_HTTP_WAHUB_PASS_HEIR
               || ngx_http_wahub_pass_reload() == 0;
    }

    return spent >= NGX_HTTP_WAHUB_PASS_MAX;
}


ngx_uint_t
ngx_http_wahub_pass_turn(ngx_http_wahub_shard_t *shard)
{
    ngx_uint_t                n;
    ngx_http_wahub_shards_t  *ss = shard->worker->shards;

    if (ngx_queue_empty(&shard->accounts)
        || ngx_http_wahub_redis_up(ss->worker->redis) == 0
        || ngx_http_wahub_pass_hurry(ss))
    {
        return 1;
    }

    /* who has just joined takes nothing yet */

    if (ss->alone || (ngx_msec_int_t) (ngx_current_msec - ss->rebalance_at) < 0
        || ss->passing >= ss->window)
    {
        return 0;
    }

    n = ngx_http_wahub_pass_size(shard);

    if (ss->passing != 0 && ss->passing + n > ss->window) {
        return 0;
    }

    shard->passing = n;
    shard->passing_at = ngx_current_msec;
    ss->passing += n;

    return 1;
}


static void
ngx_http_wahub_pass_done(ngx_http_wahub_shards_t *ss,
    ngx_http_wahub_shard_t *shard)
{
    ss->passing -= shard->passing;
    ss->passed += shard->passing;
    shard->passing = 0;
}


void
ngx_http_wahub_pass_up(ngx_http_wahub_shards_t *ss, ngx_uint_t n)
{
    if (n < ss->n && ss->elts[n].passing != 0) {
        ngx_http_wahub_pass_done(ss, &ss->elts[n]);
        ngx_http_wahub_shards_act(ss);
    }
}


void
ngx_http_wahub_pass_tick(ngx_http_wahub_shards_t *ss)
{
    ngx_uint_t               i;
    ngx_msec_t               spent;
    ngx_http_wahub_shard_t  *shard;

    for (i = 0; ss->passing != 0 && i < ss->n; i++) {
        shard = &ss->elts[i];

        if (shard->passing != 0
            && ngx_current_msec - shard->passing_at
               >= NGX_HTTP_WAHUB_PASS_WAIT)
        {
            ngx_http_wahub_pass_done(ss, shard);
        }
    }

    if (ss->leaving == 0
        || (ngx_msec_int_t) (ngx_current_msec - ss->look_at) < 0
        || ss->window >= ss->to_pass)
    {
        return;
    }

    /* behind the time: the server is far, or slow */

    ss->look_at = ngx_current_msec + NGX_HTTP_WAHUB_PASS_LOOK;
    spent = ngx_current_msec - ss->leave_at;

    if (ss->passed * NGX_HTTP_WAHUB_PASS_MAX < ss->to_pass * spent) {
        ss->window *= 2;
    }
}


void
ngx_http_wahub_pass_members(ngx_http_wahub_shards_t *ss)
{
    if (ss->leaving) {
        ngx_http_wahub_pass_count(ss);
    }
}


void
ngx_http_wahub_pass_started(ngx_http_wahub_shard_t *shard)
{
    u_char                    text[sizeof("up ") + NGX_INT_T_LEN];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w = shard->worker;

    if (--shard->starting != 0
        || shard->state != ngx_http_wahub_shard_held)
    {
        return;
    }

    ngx_str_set(&argv[0], "PUBLISH");
    argv[1] = w->shards->channel;
    argv[2].data = text;
    argv[2].len = ngx_sprintf(text, "up %ui", shard->number) - text;

    (void) ngx_http_wahub_redis_command(w->redis, NULL, NULL, argv, 3);
}
