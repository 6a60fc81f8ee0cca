/*
 * One round of the projection, see ngx_http_wahub_project.c.
 *
 * Its memory is its own: while a job runs, the loop does not touch it.
 */
#include "ngx_http_wahub_project_int.h"

#include "ngx_http_wahub_behind.h"
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_sql.h"


#define NGX_HTTP_WAHUB_PROJECT_SHARDS   128     /* of a round            */
#define NGX_HTTP_WAHUB_PROJECT_ENTRIES  1024    /* of a round, about     */
#define NGX_HTTP_WAHUB_PROJECT_LEAST    32      /* of one shard          */
#define NGX_HTTP_WAHUB_PROJECT_BYTES    (4 * 1024 * 1024)
#define NGX_HTTP_WAHUB_PROJECT_ASKED    8       /* XRANGEs under way     */
#define NGX_HTTP_WAHUB_PROJECT_LONGEST  30000


/* A shard's part of a round. */
typedef struct {
    ngx_http_wahub_round_t      *round;
    ngx_uint_t                   number;
    uint64_t                     epoch;
    wa_log_id_t                  position;   /* first, then of the last  */
    ngx_uint_t                   n;
    unsigned                     more:1;     /* in the log               */
} ngx_http_wahub_stretch_t;


struct ngx_http_wahub_round_s {
    ngx_http_wahub_projector_t  *projector;
    ngx_pool_t                  *pool;       /* of all that follows      */
    ngx_http_wahub_stretch_t    *shards;
    ngx_uint_t                   n;

    uint32_t                    *unknown;    /* numbers                  */
    wa_log_id_t                 *positions;  /* of these                 */
    ngx_uint_t                   nunknown;

    ngx_str_t                    count;      /* for XRANGE               */
    ngx_uint_t                   ncount;
    ngx_uint_t                   next;       /* shard to ask for         */
    ngx_uint_t                   asked;      /* answers to come          */
    size_t                       bytes;
    ngx_array_t                  entries;    /* wa_log_entry_t           */
    ngx_array_t                  epochs;     /* uint64_t                 */
    size_t                       fenced;
    json_t                      *news;       /* found; or NULL           */
    json_t                      *told;       /* marks to take away       */
    unsigned                     look:1;     /* for news                 */
    unsigned                     unmarked:1; /* what was told            */
    unsigned                     failed:1;   /* Redis                    */
    unsigned                     asides:1;   /* some entry has one       */
};


static void ngx_http_wahub_round_located(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_round_read(ngx_http_wahub_round_t *round);
static void ngx_http_wahub_round_write(ngx_http_wahub_round_t *round);
static void ngx_http_wahub_round_news(wa_sql_t *db,
    ngx_http_wahub_round_t *round);
static void ngx_http_wahub_round_written(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_round_failed(ngx_http_wahub_round_t *round,
    wa_err_t err, const char *text);
static void ngx_http_wahub_round_end(ngx_http_wahub_round_t *round,
    ngx_msec_t delay);


/* -- a round: where we are ----------------------------------------------- */

static ngx_http_wahub_round_t *
ngx_http_wahub_round_create(ngx_http_wahub_projector_t *pj, ngx_uint_t n)
{
    ngx_pool_t              *pool;
    ngx_http_wahub_round_t  *round;

    pool = ngx_create_pool(16384, pj->worker->log);
    if (pool == NULL) {
        return NULL;
    }

    round = ngx_pcalloc(pool, sizeof(ngx_http_wahub_round_t));
    if (round == NULL) {
        goto failed;
    }

    round->projector = pj;
    round->pool = pool;

    round->shards = ngx_pcalloc(pool, (n + 1)
                                      * sizeof(ngx_http_wahub_stretch_t));
    round->unknown = ngx_palloc(pool, (n + 1) * sizeof(uint32_t));
    round->positions = ngx_palloc(pool, (n + 1) * sizeof(wa_log_id_t));
    round->count.data = ngx_pnalloc(pool, NGX_INT_T_LEN);

    if (round->shards == NULL || round->unknown == NULL
        || round->positions == NULL || round->count.data == NULL
        || ngx_array_init(&round->entries, pool, 64, sizeof(wa_log_entry_t))
           != NGX_OK
        || ngx_array_init(&round->epochs, pool, 64, sizeof(uint64_t))
           != NGX_OK)
    {
        goto failed;
    }

    if (n != 0) {
        round->ncount = ngx_max(NGX_HTTP_WAHUB_PROJECT_ENTRIES / n,
                                NGX_HTTP_WAHUB_PROJECT_LEAST);
        round->count.len = ngx_sprintf(round->count.data, "%ui",
                                       round->ncount)
                           - round->count.data;
    }

    return round;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


/* thread */
static wa_err_t
ngx_http_wahub_round_locate(wa_sql_t *db, void *data)
{
    ngx_http_wahub_round_t  *round = data;

    return wa_project_positions(db, round->unknown, round->nunknown,
                                round->positions);
}


void
ngx_http_wahub_round_start(ngx_http_wahub_projector_t *pj)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    ngx_http_wahub_round_t     *round;
    ngx_http_wahub_stretch_t   *s;
    ngx_http_wahub_progress_t  *p;

    n = ngx_min(pj->ndirty, NGX_HTTP_WAHUB_PROJECT_SHARDS);

    if (ngx_http_wahub_redis_up(pj->worker->redis) == 0) {
        n = 0;
    }

    if (n == 0 && ngx_http_wahub_sql_up(pj->worker)) {
        return;
    }

    round = ngx_http_wahub_round_create(pj, n);
    if (round == NULL) {
        ngx_add_timer(&pj->timer, NGX_HTTP_WAHUB_PROJECT_AGAIN);
        return;
    }

    pj->round = round;

    while (round->n < n) {
        q = ngx_queue_head(&pj->dirty);
        ngx_queue_remove(q);

        p = ngx_queue_data(q, ngx_http_wahub_progress_t, queue);
        p->dirty = 0;
        pj->ndirty--;

        s = &round->shards[round->n++];
        s->round = round;
        s->number = p - pj->shards;
        s->epoch = p->epoch;
        s->position = p->position;

        if (p->known == 0) {
            round->unknown[round->nunknown++] = (uint32_t) s->number;
        }
    }

    if (round->nunknown == 0) {
        ngx_http_wahub_round_read(round);
        return;
    }

    if (ngx_http_wahub_sql_write(pj->worker, ngx_http_wahub_round_locate,
                                 ngx_http_wahub_round_located, round)
        != NGX_OK)
    {
        ngx_http_wahub_round_failed(round, WA_ERR_NOMEM, "");
    }
}


static void
ngx_http_wahub_round_located(void *data, wa_err_t err, const char *text)
{
    ngx_uint_t                  i, k;
    ngx_http_wahub_round_t     *round = data;
    ngx_http_wahub_stretch_t   *s;
    ngx_http_wahub_progress_t  *p;

    if (err != WA_OK) {
        ngx_http_wahub_round_failed(round, err, text);
        return;
    }

    /* the unknown ones are in the order of the shards */

    for (i = 0, k = 0; i < round->n && k < round->nunknown; i++) {
        s = &round->shards[i];

        if (s->number != round->unknown[k]) {
            continue;
        }

        s->position = round->positions[k++];
        p = &round->projector->shards[s->number];

        if (p->held && p->epoch == s->epoch) {
            p->position = s->position;
            p->known = 1;
            ngx_http_wahub_behind_located(
                ngx_http_wahub_shard_get(round->projector->worker, s->number),
                s->position);
        }
    }

    ngx_http_wahub_round_read(round);
}


/* -- a round: what the logs have ------------------------------------------ */

/* NGX_ERROR: out of memory, or an entry that is not ours. */
static ngx_int_t
ngx_http_wahub_round_entry(ngx_http_wahub_stretch_t *s,
    ngx_http_wahub_redis_reply_t *reply)
{
    u_char                        *p;
    uint64_t                      *epoch;
    ngx_str_t                      id, name, body, aside;
    wa_log_id_t                    position;
    wa_log_entry_t                *entry;
    ngx_http_wahub_round_t        *round = s->round;
    ngx_http_wahub_redis_reply_t  *fields;

    id = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 0));
    fields = ngx_http_wahub_redis_at(reply, 1);
    name = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(fields, 0));
    body = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(fields, 1));
    aside = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(fields, 3));

    if (id.data == NULL || body.data == NULL || name.len != 1
        || name.data[0] != 'e'
        || wa_log_id_parse(ngx_http_wahub_span(&id), &position) == 0)
    {
        ngx_log_error(NGX_LOG_ERR, round->projector->worker->log, 0,
                      "wahub: entry \"%V\" in the log of shard %ui is no "
                      "event", &id, s->number);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(round->pool, body.len + aside.len + 1);
    epoch = ngx_array_push(&round->epochs);
    entry = ngx_array_push(&round->entries);

    if (p == NULL || epoch == NULL || entry == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, body.data, body.len);

    entry->shard = (uint32_t) s->number;
    entry->id = position;
    entry->body = wa_span(p, body.len);
    entry->aside = wa_span_none();

    if (aside.data != NULL) {
        round->asides = 1;
        ngx_memcpy(p + body.len, aside.data, aside.len);
        entry->aside = wa_span(p + body.len, aside.len);
    }

    *epoch = s->epoch;

    s->position = position;
    s->n++;
    round->bytes += body.len + aside.len;

    return NGX_OK;
}


static void
ngx_http_wahub_round_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_uint_t                 i, n;
    ngx_http_wahub_round_t    *round;
    ngx_http_wahub_stretch_t  *s = data;

    round = s->round;
    round->asked--;

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_array) {
        round->failed = 1;
    }

    n = ngx_http_wahub_redis_count(reply);
    s->more = (n >= round->ncount);

    for (i = 0; i < n && round->failed == 0; i++) {

        if (round->bytes >= NGX_HTTP_WAHUB_PROJECT_BYTES) {
            s->more = 1;
            break;
        }

        if (ngx_http_wahub_round_entry(s, ngx_http_wahub_redis_at(reply, i))
            != NGX_OK)
        {
            round->failed = 1;
        }
    }

    ngx_http_wahub_round_read(round);
}


/* NGX_DECLINED: Redis is away. */
static ngx_int_t
ngx_http_wahub_round_ask(ngx_http_wahub_stretch_t *s)
{
    u_char                    key[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    from[NGX_HTTP_WAHUB_LOG_ID_LEN];
    ngx_str_t                 argv[6];
    ngx_http_wahub_worker_t  *w = s->round->projector->worker;

    ngx_str_set(&argv[0], "XRANGE");
    ngx_http_wahub_key_shard(w->conf, s->number, "log", key, &argv[1]);
    argv[2].data = from;
    argv[2].len = ngx_sprintf(from, "(%uL-%uL", s->position.ms,
                              s->position.seq)
                  - from;
    ngx_str_set(&argv[3], "+");
    ngx_str_set(&argv[4], "COUNT");
    argv[5] = s->round->count;

    return ngx_http_wahub_redis_command(w->redis, ngx_http_wahub_round_reply,
                                        s, argv, 6);
}


/* Asks for the next shards; goes on when all have answered. */
static void
ngx_http_wahub_round_read(ngx_http_wahub_round_t *round)
{
    ngx_http_wahub_stretch_t  *s;

    while (round->failed == 0 && round->next < round->n
           && round->asked < NGX_HTTP_WAHUB_PROJECT_ASKED)
    {
        s = &round->shards[round->next++];

        if (round->bytes >= NGX_HTTP_WAHUB_PROJECT_BYTES) {
            s->more = 1;
            continue;
        }

        if (ngx_http_wahub_round_ask(s) != NGX_OK) {
            round->failed = 1;
            break;
        }

        round->asked++;
    }

    if (round->asked != 0) {
        return;
    }

    if (round->failed) {
        ngx_http_wahub_round_failed(round, WA_AGAIN, "");
        return;
    }

    ngx_http_wahub_round_write(round);
}


/* -- a round: into the database ------------------------------------------- */

/* thread */
static wa_err_t
ngx_http_wahub_round_batch(wa_sql_t *db, void *data)
{
    wa_err_t                 rc;
    ngx_http_wahub_round_t  *round = data;

    if (round->entries.nelts == 0) {
        return ngx_http_wahub_sql_ping(db, NULL);
    }

    rc = wa_project_batch(db, round->entries.elts, round->epochs.elts,
                          round->entries.nelts, NULL, &round->fenced);

    if (rc == WA_OK) {
        ngx_http_wahub_round_news(db, round);
    }

    return rc;
}


/* Nothing of this holds up the rows: what fails stays marked. */
static void
ngx_http_wahub_round_news(wa_sql_t *db, ngx_http_wahub_round_t *round)
{
    ngx_uint_t   i;
    uint32_t    *numbers;

    if (round->told != NULL && wa_news_told(db, round->told) != WA_OK) {
        return;
    }

    round->unmarked = 1;
    numbers = round->look ? ngx_alloc(round->n * sizeof(uint32_t),
                                      ngx_cycle->log)
                          : NULL;

    if (numbers == NULL) {
        return;
    }

    for (i = 0; i < round->n; i++) {
        numbers[i] = (uint32_t) round->shards[i].number;
    }

    json_decref(round->news);
    (void) wa_news_find(db, numbers, round->n, &round->news);
    ngx_free(numbers);
}


static void
ngx_http_wahub_round_write(ngx_http_wahub_round_t *round)
{
    ngx_http_wahub_worker_t  *w = round->projector->worker;

    if (round->entries.nelts == 0 && ngx_http_wahub_sql_up(w)) {
        ngx_http_wahub_round_written(round, WA_OK, "");
        return;
    }

    if (w->draining) {
        /* the next owner goes on from here */
        ngx_http_wahub_round_end(round, NGX_HTTP_WAHUB_PROJECT_DELAY);
        return;
    }

    if (round->projector->telling == 0) {
        round->look = 1;
        round->told = round->projector->told;
        round->projector->told = NULL;
    }

    if (ngx_http_wahub_sql_write(w, ngx_http_wahub_round_batch,
                                 ngx_http_wahub_round_written, round)
        != NGX_OK)
    {
        ngx_http_wahub_round_failed(round, WA_ERR_NOMEM, "");
    }
}


static void
ngx_http_wahub_round_fenced(ngx_http_wahub_round_t *round)
{
    ngx_uint_t                   i, number;
    ngx_http_wahub_worker_t     *w;
    ngx_http_wahub_projector_t  *pj = round->projector;

    w = pj->worker;

    if (pj->fenced == 0) {
        pj->fenced = 1;
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "wahub: %uz shards are projected by a newer owner",
                      round->fenced);
    }

    /* which ones, their leases tell */

    for (i = 0; i < round->n; i++) {
        number = round->shards[i].number;

        pj->shards[number].known = 0;
        ngx_http_wahub_project_dirty(pj, number);
        ngx_http_wahub_shard_suspect(ngx_http_wahub_shard_get(w, number));
    }

    pj->pause = NGX_HTTP_WAHUB_PROJECT_PAUSE;
}


static void
ngx_http_wahub_round_written(void *data, wa_err_t err, const char *text)
{
    ngx_msec_t                   delay;
    ngx_uint_t                   i;
    ngx_http_wahub_round_t      *round = data;
    ngx_http_wahub_stretch_t    *s;
    ngx_http_wahub_progress_t   *p;
    ngx_http_wahub_projector_t  *pj = round->projector;

    if (err != WA_OK) {
        ngx_http_wahub_round_failed(round, err, text);
        return;
    }

    if (round->asides) {
        ngx_http_wahub_media_look(pj->worker);
    }

    pj->pause = 0;
    ngx_http_wahub_sql_report(pj->worker, WA_OK, "");

    if (round->fenced != 0) {
        ngx_http_wahub_round_fenced(round);
        ngx_http_wahub_round_end(round, NGX_HTTP_WAHUB_PROJECT_DELAY);
        return;
    }

    pj->fenced = 0;
    delay = NGX_HTTP_WAHUB_PROJECT_DELAY;

    if (round->news != NULL) {
        ngx_http_wahub_news_tell(pj, round->news);
        round->news = NULL;
    }

    for (i = 0; i < round->n; i++) {
        s = &round->shards[i];
        p = &pj->shards[s->number];

        if (p->held == 0 || p->epoch != s->epoch) {
            continue;
        }

        p->position = s->position;
        p->added += s->n;

        ngx_http_wahub_project_trim(pj, s->number);

        if (s->more) {
            ngx_http_wahub_project_dirty(pj, s->number);
            delay = 0;
        }
    }

    ngx_http_wahub_round_end(round, delay);
}


/* WA_AGAIN: Redis did not answer as it should; else the database. */
static void
ngx_http_wahub_round_failed(ngx_http_wahub_round_t *round, wa_err_t err,
    const char *text)
{
    ngx_uint_t                   i;
    ngx_http_wahub_projector_t  *pj = round->projector;

    for (i = 0; i < round->n; i++) {
        ngx_http_wahub_project_dirty(pj, round->shards[i].number);
    }

    if (err != WA_AGAIN) {
        ngx_http_wahub_sql_report(pj->worker, err, text);

        pj->pause = ngx_max(pj->pause * 2, NGX_HTTP_WAHUB_PROJECT_PAUSE);

        if (pj->pause > NGX_HTTP_WAHUB_PROJECT_LONGEST
            || err == WA_ERR_VERSION)
        {
            pj->pause = NGX_HTTP_WAHUB_PROJECT_LONGEST;
        }

    } else if (pj->worker->draining == 0 && pj->pause == 0) {
        ngx_add_timer(&pj->timer, NGX_HTTP_WAHUB_PROJECT_AGAIN);
    }

    ngx_http_wahub_round_end(round, NGX_HTTP_WAHUB_PROJECT_DELAY);
}


static void
ngx_http_wahub_round_end(ngx_http_wahub_round_t *round, ngx_msec_t delay)
{
    ngx_http_wahub_projector_t  *pj = round->projector;

    pj->round = NULL;
    ngx_http_wahub_round_free(round);

    /* shards that were left over, or have got something meanwhile */

    ngx_http_wahub_project_plan(pj, delay);
}


void
ngx_http_wahub_round_free(ngx_http_wahub_round_t *round)
{
    if (round->unmarked) {
        json_decref(round->told);

    } else if (round->told != NULL) {
        round->projector->told = round->told;
    }

    json_decref(round->news);
    ngx_destroy_pool(round->pool);
}
