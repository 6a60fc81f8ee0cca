/*
 * A Redis that was set back, see ngx_http_wahub_behind.h.
 */
#include "ngx_http_wahub_behind.h"

#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_worker.h"


/* The last commit of an account that was held here. */
typedef struct {
    ngx_str_node_t               sn;
    u_char                       id[WA_ACCOUNT_ID_LEN];
    uint64_t                     seq;
} ngx_http_wahub_last_t;


typedef struct {
    wa_log_id_t                  tail;       /* when the shard was taken   */
    wa_log_id_t                  position;   /* of the database, beyond it */
    unsigned                     known:1;    /* tail is to be compared     */
    unsigned                     found:1;    /* it is behind               */
    unsigned                     asking:1;   /* the script is under way    */
} ngx_http_wahub_tail_t;


struct ngx_http_wahub_behind_s {
    ngx_http_wahub_tail_t       *tails;      /* by shard                   */
    ngx_rbtree_t                 tree;       /* ngx_http_wahub_last_t      */
    ngx_rbtree_node_t            sentinel;
    ngx_int_t                    script;
};


static void ngx_http_wahub_behind_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);


ngx_int_t
ngx_http_wahub_behind_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_behind_t  *b;

    b = ngx_calloc(sizeof(ngx_http_wahub_behind_t), w->log);
    if (b == NULL) {
        return NGX_ERROR;
    }

    w->behind = b;
    ngx_rbtree_init(&b->tree, &b->sentinel, ngx_str_rbtree_insert_value);

    b->tails = ngx_calloc(w->conf->shards * sizeof(ngx_http_wahub_tail_t),
                          w->log);
    if (b->tails == NULL) {
        return NGX_ERROR;
    }

    b->script = ngx_http_wahub_redis_add_script(w->redis,
                                              &ngx_http_wahub_script_behind);

    return b->script == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


void
ngx_http_wahub_behind_exit(ngx_http_wahub_worker_t *w)
{
    ngx_rbtree_node_t        *node;
    ngx_http_wahub_behind_t  *b = w->behind;

    if (b == NULL) {
        return;
    }

    while (b->tree.root != &b->sentinel) {
        node = b->tree.root;
        ngx_rbtree_delete(&b->tree, node);
        ngx_free(node);
    }

    if (b->tails != NULL) {
        ngx_free(b->tails);
    }

    ngx_free(b);
    w->behind = NULL;
}


/* -- of an account ------------------------------------------------------- */

static ngx_http_wahub_last_t *
ngx_http_wahub_behind_last(ngx_http_wahub_account_t *slot)
{
    return (ngx_http_wahub_last_t *)
               ngx_str_rbtree_lookup(&slot->worker->behind->tree,
                                     &slot->sn.str, slot->sn.node.key);
}


void
ngx_http_wahub_behind_expect(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_last_t  *last;

    last = ngx_http_wahub_behind_last(slot);

    if (last != NULL) {
        wa_account_expect(slot->account, last->seq);
    }
}


/*
 * What this slot was confirmed counts, even if it is less than what one
 * before it was: that has been mended.
 */
void
ngx_http_wahub_behind_dropped(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_last_t    *last;
    ngx_http_wahub_behind_t  *b = slot->worker->behind;

    last = ngx_http_wahub_behind_last(slot);

    if (slot->seq == 0) {
        return;
    }

    if (last == NULL) {
        last = ngx_calloc(sizeof(ngx_http_wahub_last_t), slot->worker->log);
        if (last == NULL) {
            return;
        }

        ngx_memcpy(last->id, slot->id, WA_ACCOUNT_ID_LEN);
        last->sn.str.data = last->id;
        last->sn.str.len = WA_ACCOUNT_ID_LEN;
        last->sn.node.key = slot->sn.node.key;
        ngx_rbtree_insert(&b->tree, &last->sn.node);
    }

    last->seq = slot->seq;
}


void
ngx_http_wahub_behind_deleted(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_last_t  *last;

    last = ngx_http_wahub_behind_last(slot);
    slot->seq = 0;

    if (last != NULL) {
        ngx_rbtree_delete(&slot->worker->behind->tree, &last->sn.node);
        ngx_free(last);
    }
}


/* -- of a shard ---------------------------------------------------------- */

/* KEYS: lease, log, hash of each account.  ARGV: fence, position. */
static ngx_int_t
ngx_http_wahub_behind_mark(ngx_http_wahub_shard_t *shard,
    ngx_http_wahub_tail_t *tail, ngx_pool_t *pool)
{
    u_char                    *p;
    ngx_str_t                 *argv;
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_http_wahub_worker_t   *w = shard->worker;
    ngx_http_wahub_account_t  *slot;

    n = 4;

    for (q = ngx_queue_head(&shard->accounts);
         q != ngx_queue_sentinel(&shard->accounts);
         q = ngx_queue_next(q))
    {
        n++;
    }

    argv = ngx_palloc(pool, n * sizeof(ngx_str_t));
    p = ngx_pnalloc(pool, n * NGX_HTTP_WAHUB_KEY_MAX);

    if (argv == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_wahub_key_shard(w->conf, shard->number, "lease", p, &argv[0]);
    p += NGX_HTTP_WAHUB_KEY_MAX;
    ngx_http_wahub_key_shard(w->conf, shard->number, "log", p, &argv[1]);
    n = 2;

    for (q = ngx_queue_head(&shard->accounts);
         q != ngx_queue_sentinel(&shard->accounts);
         q = ngx_queue_next(q))
    {
        slot = ngx_queue_data(q, ngx_http_wahub_account_t, queue);
        p += NGX_HTTP_WAHUB_KEY_MAX;
        ngx_http_wahub_key_account(w->conf, &slot->sn.str, p, &argv[n++]);
    }

    p += NGX_HTTP_WAHUB_KEY_MAX;

    argv[n].data = shard->fence;
    argv[n].len = shard->fence_len;
    argv[n + 1].data = p;
    argv[n + 1].len = ngx_sprintf(p, "%uL-%uL", tail->position.ms,
                                  tail->position.seq)
                      - p;

    return ngx_http_wahub_redis_eval(w->redis, w->behind->script,
                                     ngx_http_wahub_behind_reply, shard,
                                     argv, n, n + 2);
}


void
ngx_http_wahub_behind_tick(ngx_http_wahub_shard_t *shard)
{
    ngx_int_t               rc;
    ngx_pool_t             *pool;
    ngx_http_wahub_tail_t  *tail;

    tail = &shard->worker->behind->tails[shard->number];

    if (tail->found == 0 || tail->asking) {
        return;
    }

    pool = ngx_create_pool(4096, shard->worker->log);
    if (pool == NULL) {
        return;
    }

    rc = ngx_http_wahub_behind_mark(shard, tail, pool);
    ngx_destroy_pool(pool);

    tail->asking = (rc == NGX_OK);
}


/* Which accounts have loaded before the mark was there?  All are told. */
static void
ngx_http_wahub_behind_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_queue_t               *q, *next;
    ngx_http_wahub_tail_t     *tail;
    ngx_http_wahub_shard_t    *shard = data;
    ngx_http_wahub_account_t  *slot;

    tail = &shard->worker->behind->tails[shard->number];
    tail->asking = 0;

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_integer
        || ngx_http_wahub_redis_int(reply) != 1)
    {
        return;
    }

    tail->found = 0;

    for (q = ngx_queue_head(&shard->accounts);
         q != ngx_queue_sentinel(&shard->accounts);
         q = next)
    {
        next = ngx_queue_next(q);
        slot = ngx_queue_data(q, ngx_http_wahub_account_t, queue);

        if (slot->opened == 0) {
            continue;
        }

        (void) wa_account_behind(slot->account,
                                 ngx_http_wahub_worker_now(slot->worker));

        /* may drop this slot, never another one */
        ngx_http_wahub_account_drain(slot);
    }
}


void
ngx_http_wahub_behind_acquired(ngx_http_wahub_shard_t *shard,
    ngx_str_t *text)
{
    ngx_http_wahub_tail_t  *tail;

    tail = &shard->worker->behind->tails[shard->number];

    tail->found = 0;
    tail->known = wa_log_id_parse(ngx_http_wahub_span(text), &tail->tail);
}


/*
 * Only the first answer counts: later ones may have what was written since.
 * A shard without accounts has nothing to mend, as that of a new Redis.
 */
void
ngx_http_wahub_behind_located(ngx_http_wahub_shard_t *shard,
    wa_log_id_t position)
{
    ngx_http_wahub_tail_t  *tail;

    tail = &shard->worker->behind->tails[shard->number];

    if (tail->known == 0) {
        return;
    }

    tail->known = 0;

    if (wa_log_id_cmp(tail->tail, position) >= 0
        || ngx_queue_empty(&shard->accounts))
    {
        return;
    }

    tail->found = 1;
    tail->position = position;

    ngx_log_error(NGX_LOG_WARN, shard->worker->log, 0,
                  "wahub: redis was set back: the log of shard %ui ends at "
                  "%uL-%uL, the history database has %uL-%uL",
                  shard->number, tail->tail.ms, tail->tail.seq, position.ms,
                  position.seq);

    ngx_http_wahub_behind_tick(shard);
}
