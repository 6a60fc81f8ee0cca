/*
 * Operations as Redis commands, and their replies.
 */
#include "ngx_http_wahub_log.h"
#include "ngx_http_wahub_project.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_store_int.h"


/* A wipe deletes the buckets of these days around today. */
#define NGX_HTTP_WAHUB_WIPE_BEFORE  (WA_BUCKET_DAYS + 1)
#define NGX_HTTP_WAHUB_WIPE_AFTER   1
#define NGX_HTTP_WAHUB_WIPE_DAYS                                             \
    (NGX_HTTP_WAHUB_WIPE_BEFORE + 1 + NGX_HTTP_WAHUB_WIPE_AFTER)


/* Arguments of one command; memory from the store's pool. */
typedef struct {
    ngx_pool_t                  *pool;
    ngx_str_t                   *elts;
    ngx_uint_t                   n;
    ngx_uint_t                   failed;     /* out of memory              */
} ngx_http_wahub_args_t;


typedef struct {
    ngx_http_wahub_op_t         *op;
    uint32_t                     day;
    unsigned                     copy:1;     /* values outlive the reply   */
} ngx_http_wahub_part_t;


static void ngx_http_wahub_store_load_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_store_part_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_store_commit_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);


/* -- arguments ----------------------------------------------------------- */

static ngx_int_t
ngx_http_wahub_args_init(ngx_http_wahub_args_t *args, ngx_pool_t *pool,
    ngx_uint_t max)
{
    ngx_reset_pool(pool);

    args->pool = pool;
    args->n = 0;
    args->failed = 0;
    args->elts = ngx_palloc(pool, max * sizeof(ngx_str_t));

    return args->elts == NULL ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_wahub_args_add(ngx_http_wahub_args_t *args, const void *p, size_t n)
{
    args->elts[args->n].data = (u_char *) (uintptr_t) p;
    args->elts[args->n].len = n;
    args->n++;
}


static void
ngx_http_wahub_args_number(ngx_http_wahub_args_t *args, uint64_t number)
{
    u_char  *p;

    p = ngx_pnalloc(args->pool, NGX_INT64_LEN);
    if (p == NULL) {
        args->failed = 1;
        return;
    }

    ngx_http_wahub_args_add(args, p, ngx_sprintf(p, "%uL", number) - p);
}


/* A key of the account: its hash, or the bucket of a day. */
static void
ngx_http_wahub_args_hash(ngx_http_wahub_args_t *args,
    ngx_http_wahub_account_t *slot, uint32_t day)
{
    u_char     *buf, *p;
    ngx_str_t   key;

    buf = ngx_pnalloc(args->pool, NGX_HTTP_WAHUB_KEY_MAX);
    if (buf == NULL) {
        args->failed = 1;
        return;
    }

    ngx_http_wahub_key_account(slot->worker->conf, &slot->sn.str, buf, &key);

    if (day != 0) {
        p = ngx_snprintf(buf + key.len, NGX_HTTP_WAHUB_KEY_MAX - key.len,
                         ":%uD", day);
        key.len = p - buf;
    }

    ngx_http_wahub_args_add(args, key.data, key.len);
}


static void
ngx_http_wahub_args_key(ngx_http_wahub_args_t *args,
    ngx_http_wahub_shard_t *shard, const char *name)
{
    u_char     *buf;
    ngx_str_t   key;

    buf = ngx_pnalloc(args->pool, NGX_HTTP_WAHUB_KEY_MAX);
    if (buf == NULL) {
        args->failed = 1;
        return;
    }

    ngx_http_wahub_key_shard(shard->worker->conf, shard->number, name, buf,
                             &key);
    ngx_http_wahub_args_add(args, key.data, key.len);
}


/* -- loads --------------------------------------------------------------- */

static ngx_int_t
ngx_http_wahub_store_hmget(ngx_http_wahub_op_t *op, uint32_t day,
    ngx_http_wahub_redis_pt handler, void *data)
{
    size_t                  i;
    ngx_int_t               rc;
    const wa_key_t         *key;
    const wa_load_t        *load = op->load;
    ngx_http_wahub_args_t   args;

    if (ngx_http_wahub_args_init(&args, op->store->pool, load->n + 2)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wahub_args_add(&args, "HMGET", sizeof("HMGET") - 1);
    ngx_http_wahub_args_hash(&args, op->slot, day);

    for (i = 0; i < load->n; i++) {
        key = &load->keys[i];

        if (key->day == day) {
            ngx_http_wahub_args_add(&args, key->name.p, key->name.n);
        }
    }

    if (args.failed) {
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_redis_command(op->store->worker->redis, handler, data,
                                      args.elts, args.n);
    if (rc == NGX_OK) {
        op->pending++;
    }

    return rc;
}


/* The keys of several hashes: one HMGET each, values copied. */
static ngx_int_t
ngx_http_wahub_store_send_parts(ngx_http_wahub_op_t *op)
{
    size_t                  i, j;
    ngx_int_t               rc;
    const wa_load_t        *load = op->load;
    ngx_http_wahub_part_t  *part;

    if (op->pool != NULL) {
        ngx_destroy_pool(op->pool);
    }

    op->pool = ngx_create_pool(1024, op->store->worker->log);
    if (op->pool == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < load->n; i++) {

        for (j = 0; j < i; j++) {
            if (load->keys[j].day == load->keys[i].day) {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        part = ngx_palloc(op->pool, sizeof(ngx_http_wahub_part_t));
        if (part == NULL) {
            return NGX_ERROR;
        }

        part->op = op;
        part->day = load->keys[i].day;

        rc = ngx_http_wahub_store_hmget(op, part->day,
                                        ngx_http_wahub_store_part_reply,
                                        part);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_store_send_load(ngx_http_wahub_op_t *op)
{
    size_t            i;
    const wa_load_t  *load = op->load;

    ngx_memzero(op->values, load->n * sizeof(wa_span_t));

    for (i = 1; i < load->n; i++) {
        if (load->keys[i].day != load->keys[0].day) {
            return ngx_http_wahub_store_send_parts(op);
        }
    }

    return ngx_http_wahub_store_hmget(op, load->n ? load->keys[0].day : 0,
                                      ngx_http_wahub_store_load_reply, op);
}


/* Values of one day, out of an answer. */
static ngx_int_t
ngx_http_wahub_store_values(ngx_http_wahub_op_t *op, uint32_t day,
    ngx_http_wahub_redis_reply_t *reply)
{
    u_char           *p;
    size_t            i, k;
    ngx_str_t         text;
    const wa_load_t  *load = op->load;

    k = 0;

    for (i = 0; i < load->n; i++) {

        if (load->keys[i].day != day) {
            continue;
        }

        text = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, k++));

        if (text.data == NULL) {
            continue;
        }

        p = text.data;

        if (op->pool != NULL) {
            p = ngx_pnalloc(op->pool, text.len + 1);
            if (p == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(p, text.data, text.len);
        }

        op->values[i] = wa_span(p, text.len);
    }

    return k == ngx_http_wahub_redis_count(reply) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wahub_store_load_part(ngx_http_wahub_op_t *op, uint32_t day,
    ngx_http_wahub_redis_reply_t *reply)
{
    op->pending--;

    if (op->slot != NULL) {

        if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_array
            || ngx_http_wahub_store_values(op, day, reply) != NGX_OK)
        {
            ngx_http_wahub_store_refused(op, reply);
        }
    }

    if (op->pending == 0) {
        ngx_http_wahub_store_answered(op);
    }
}


static void
ngx_http_wahub_store_load_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply)
{
    uint32_t              day;
    ngx_http_wahub_op_t  *op = data;

    day = (op->load != NULL && op->load->n) ? op->load->keys[0].day : 0;

    ngx_http_wahub_store_load_part(op, day, reply);
}


static void
ngx_http_wahub_store_part_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_part_t  *part = data;

    ngx_http_wahub_store_load_part(part->op, part->day, reply);
}


/* -- commits ------------------------------------------------------------- */

/* The writes of one hash: counts, fields with values, deleted fields. */
static void
ngx_http_wahub_store_add_writes(ngx_http_wahub_args_t *args,
    const wa_commit_t *commit, uint32_t day)
{
    size_t             i, sets, dels;
    const wa_write_t  *write;

    sets = (day == 0);                       /* "seq" */
    dels = 0;

    for (i = 0; i < commit->n_writes; i++) {
        write = &commit->writes[i];

        if (write->key.day == day) {
            sets += (write->value.p != NULL);
            dels += (write->value.p == NULL);
        }
    }

    ngx_http_wahub_args_number(args, sets);
    ngx_http_wahub_args_number(args, dels);

    if (day == 0) {
        ngx_http_wahub_args_add(args, "seq", sizeof("seq") - 1);
        ngx_http_wahub_args_number(args, commit->seq);
    }

    for (i = 0; i < commit->n_writes; i++) {
        write = &commit->writes[i];

        if (write->key.day == day && write->value.p != NULL) {
            ngx_http_wahub_args_add(args, write->key.name.p,
                                    write->key.name.n);
            ngx_http_wahub_args_add(args, write->value.p, write->value.n);
        }
    }

    for (i = 0; i < commit->n_writes; i++) {
        write = &commit->writes[i];

        if (write->key.day == day && write->value.p == NULL) {
            ngx_http_wahub_args_add(args, write->key.name.p,
                                    write->key.name.n);
        }
    }
}


/* True for the first write of each bucket. */
static ngx_uint_t
ngx_http_wahub_store_new_bucket(const wa_commit_t *commit, size_t i)
{
    size_t    j;
    uint32_t  day;

    day = commit->writes[i].key.day;

    if (day == 0) {
        return 0;
    }

    for (j = 0; j < i; j++) {
        if (commit->writes[j].key.day == day) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_wahub_store_add_keys(ngx_http_wahub_args_t *args,
    ngx_http_wahub_op_t *op)
{
    size_t                     i;
    uint32_t                   day, today;
    const wa_commit_t         *commit = op->commit;
    ngx_http_wahub_account_t  *slot = op->slot;

    ngx_http_wahub_args_key(args, slot->shard, "lease");
    ngx_http_wahub_args_hash(args, slot, 0);
    ngx_http_wahub_args_key(args, slot->shard, "log");
    ngx_http_wahub_args_key(args, slot->shard, "hook");
    ngx_http_wahub_args_key(args, slot->shard, "accounts");

    if (commit->wipe) {
        today = (uint32_t) (ngx_time() / 86400);

        for (day = today - NGX_HTTP_WAHUB_WIPE_BEFORE;
             day <= today + NGX_HTTP_WAHUB_WIPE_AFTER;
             day++)
        {
            ngx_http_wahub_args_hash(args, slot, day);
        }

        return;
    }

    for (i = 0; i < commit->n_writes; i++) {
        if (ngx_http_wahub_store_new_bucket(commit, i)) {
            ngx_http_wahub_args_hash(args, slot, commit->writes[i].key.day);
        }
    }
}


/* {"account":"...","url":"...","body":{...}} */
static void
ngx_http_wahub_store_add_hook(ngx_http_wahub_args_t *args,
    ngx_http_wahub_op_t *op, const wa_event_t *event)
{
    u_char  *buf, *p;
    size_t   len;

    if (event->hook.p == NULL || op->url.len == 0) {
        ngx_http_wahub_args_add(args, "", 0);
        return;
    }

    len = sizeof("{\"account\":\"\",\"url\":\"\",\"body\":}")
          + WA_ACCOUNT_ID_LEN + op->url.len
          + ngx_escape_json(NULL, op->url.data, op->url.len)
          + event->hook.n;

    buf = ngx_pnalloc(args->pool, len);
    if (buf == NULL) {
        args->failed = 1;
        return;
    }

    p = ngx_sprintf(buf, "{\"account\":\"%V\",\"url\":\"", &op->slot->sn.str);
    p = (u_char *) ngx_escape_json(p, op->url.data, op->url.len);
    p = ngx_cpymem(p, "\",\"body\":", sizeof("\",\"body\":") - 1);
    p = ngx_cpymem(p, event->hook.p, event->hook.n);
    *p++ = '}';

    ngx_http_wahub_args_add(args, buf, p - buf);
}


static void
ngx_http_wahub_store_add_events(ngx_http_wahub_args_t *args,
    ngx_http_wahub_op_t *op)
{
    size_t             i;
    const wa_event_t  *event;

    ngx_http_wahub_args_number(args, op->commit->n_events);

    for (i = 0; i < op->commit->n_events; i++) {
        event = &op->commit->events[i];

        ngx_http_wahub_args_add(args, event->body.p, event->body.n);
        ngx_http_wahub_store_add_hook(args, op, event);
        ngx_http_wahub_args_add(args, event->aside.n == 0
                                      ? (const void *) "" : event->aside.p,
                                event->aside.n);
    }
}


/* "<prefix>:events:<tenant>:<session id>" */
static void
ngx_http_wahub_store_add_channel(ngx_http_wahub_args_t *args,
    ngx_http_wahub_account_t *slot)
{
    u_char      *buf, *p;
    const char  *tenant, *session;

    tenant = wa_account_tenant(slot->account);
    session = wa_account_session_id(slot->account);

    buf = ngx_pnalloc(args->pool, slot->worker->conf->redis_prefix.len
                                  + sizeof(":events::")
                                  + ngx_strlen(tenant) + ngx_strlen(session));
    if (buf == NULL) {
        args->failed = 1;
        return;
    }

    p = ngx_sprintf(buf, "%V:events:%s:%s", &slot->worker->conf->redis_prefix,
                    tenant, session);

    ngx_http_wahub_args_add(args, buf, p - buf);
}


ngx_int_t
ngx_http_wahub_store_send_commit(ngx_http_wahub_op_t *op)
{
    size_t                     i;
    ngx_int_t                  rc;
    ngx_uint_t                 nkeys, max;
    const wa_commit_t         *commit = op->commit;
    ngx_http_wahub_args_t      args;
    ngx_http_wahub_account_t  *slot = op->slot;

    /* at most: keys, head, for each write a bucket of its own, events */

    max = 5 + NGX_HTTP_WAHUB_WIPE_DAYS + 6 + 2 + 2 + 1
          + commit->n_writes * (1 + 3 + 2) + commit->n_events * 3;

    if (ngx_http_wahub_args_init(&args, op->store->pool, max) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wahub_store_add_keys(&args, op);
    nkeys = args.n;

    ngx_http_wahub_args_add(&args, slot->shard->fence,
                            slot->shard->fence_len);
    ngx_http_wahub_args_number(&args, commit->seq);
    ngx_http_wahub_args_add(&args, slot->id, WA_ACCOUNT_ID_LEN);
    ngx_http_wahub_args_number(&args, slot->shard->number);
    ngx_http_wahub_store_add_channel(&args, slot);
    ngx_http_wahub_args_add(&args, commit->wipe ? "w"
                                   : commit->reset ? "r" : "c",
                            commit->wipe || commit->reset || commit->create);

    if (commit->wipe) {
        ngx_http_wahub_args_number(&args, 0);
        ngx_http_wahub_args_number(&args, 0);

    } else {
        ngx_http_wahub_store_add_writes(&args, commit, 0);

        for (i = 0; i < commit->n_writes; i++) {

            if (ngx_http_wahub_store_new_bucket(commit, i) == 0) {
                continue;
            }

            ngx_http_wahub_args_number(&args,
                                       ((uint64_t) commit->writes[i].key.day
                                        + WA_BUCKET_DAYS) * 86400);
            ngx_http_wahub_store_add_writes(&args, commit,
                                            commit->writes[i].key.day);
        }
    }

    ngx_http_wahub_store_add_events(&args, op);

    if (args.failed) {
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_redis_eval(op->store->worker->redis,
                                   op->store->script,
                                   ngx_http_wahub_store_commit_reply, op,
                                   args.elts, nkeys, args.n);
    if (rc == NGX_OK) {
        op->pending = 1;
    }

    return rc;
}


/* -- answers to commits -------------------------------------------------- */

static void
ngx_http_wahub_store_hooks(ngx_http_wahub_op_t *op,
    ngx_http_wahub_redis_reply_t *reply)
{
    size_t                     i;
    ngx_str_t                  id, body;
    const wa_event_t          *event;
    ngx_http_wahub_account_t  *slot = op->slot;

    if (op->url.len == 0) {
        return;
    }

    for (i = 0; i < op->commit->n_events; i++) {
        event = &op->commit->events[i];

        if (event->hook.p == NULL) {
            continue;
        }

        if (reply == NULL) {
            /* the first answer, with the ids, was lost */
            ngx_http_wahub_webhook_recover(slot->worker,
                                           slot->shard->number);
            return;
        }

        id = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, i));
        body.data = (u_char *) (uintptr_t) event->hook.p;
        body.len = event->hook.n;

        ngx_http_wahub_webhook_start(slot->worker, &slot->sn.str, &op->url,
                                     &id, &body);
    }
}


static void
ngx_http_wahub_store_commit_result(ngx_http_wahub_op_t *op,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_account_t  *slot = op->slot;

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_array) {

        if (op->commit->n_events != 0) {
            ngx_http_wahub_project_mark(slot->shard);
        }

        if (slot->is_stalled == 0) {
            ngx_http_wahub_store_hooks(op, reply);
        }

        return;
    }

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_integer) {
        ngx_http_wahub_store_refused(op, reply);
        return;
    }

    if (slot->is_stalled) {
        /* an older commit is to be repeated: this answer means nothing */
        return;
    }

    switch (ngx_http_wahub_redis_int(reply)) {

    case NGX_HTTP_WAHUB_COMMIT_ALREADY:
        ngx_http_wahub_project_mark(slot->shard);
        ngx_http_wahub_store_hooks(op, NULL);
        return;

    case NGX_HTTP_WAHUB_COMMIT_FENCED:
        ngx_http_wahub_log_line(NGX_LOG_WARN, op->store->worker->log,
                                slot->account,
                                "commit refused, shard %ui is not ours",
                                slot->shard->number);
        ngx_http_wahub_shard_suspect(slot->shard);
        break;

    default: /* NGX_HTTP_WAHUB_COMMIT_MISMATCH */

        /* it had what this commit is based on */

        slot->seq = op->commit->seq - 1;

        ngx_http_wahub_log_line(NGX_LOG_ERR, op->store->worker->log,
                                slot->account,
                                "commit %uL does not follow the stored one, "
                                "redis was set back", op->commit->seq);
        break;
    }

    op->refused = 1;
}


static void
ngx_http_wahub_store_commit_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_op_t  *op = data;

    op->pending = 0;

    if (op->slot != NULL) {
        ngx_http_wahub_store_commit_result(op, reply);
    }

    ngx_http_wahub_store_answered(op);
}
