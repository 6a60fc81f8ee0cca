/*
 * Event logs -> history database.
 *
 * A shard whose log may hold something new is dirty.  Dirty shards are
 * worked on in rounds, one at a time, each for many shards:
 *
 *   [idle] --timer--> positions of shards new to us      job
 *                     what follows them in the logs      XRANGE, some at once
 *                     events and positions               job, one transaction
 *                     logs shortened --> [idle]
 *
 * The position is stored with the rows, and a former owner is fenced off by
 * the shard's epoch, so whatever is lost or repeated on the way: every event
 * gets there once.  A shard that leaves this worker needs no last round.
 *
 * When the database fails, rounds go on with growing pauses and the logs
 * keep what they have.
 */
#include "ngx_http_wahub_project_int.h"

#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_script.h"


#define NGX_HTTP_WAHUB_PROJECT_MANY     32      /* shards: do not wait   */
#define NGX_HTTP_WAHUB_PROJECT_TRIM     3600000 /* ms, at the latest     */


static void ngx_http_wahub_project_timer(ngx_event_t *ev);
static void ngx_http_wahub_project_state(void *data, ngx_uint_t up);


ngx_int_t
ngx_http_wahub_project_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_projector_t  *pj;

    pj = ngx_calloc(sizeof(ngx_http_wahub_projector_t), w->log);
    if (pj == NULL) {
        return NGX_ERROR;
    }

    w->projector = pj;
    pj->worker = w;
    ngx_queue_init(&pj->dirty);

    pj->timer.data = pj;
    pj->timer.log = w->log;
    pj->timer.handler = ngx_http_wahub_project_timer;
    pj->timer.cancelable = 1;

    pj->shards = ngx_calloc(w->conf->shards
                            * sizeof(ngx_http_wahub_progress_t), w->log);
    if (pj->shards == NULL) {
        return NGX_ERROR;
    }

    pj->trim = ngx_http_wahub_redis_add_script(w->redis,
                                               &ngx_http_wahub_script_trim);

    if (pj->trim == NGX_ERROR
        || ngx_http_wahub_redis_on_state(w->redis,
                                         ngx_http_wahub_project_state, pj)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* makes or upgrades the database, and finds out whether it is there */

    ngx_add_timer(&pj->timer, 1);

    return NGX_OK;
}


void
ngx_http_wahub_project_exit(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_projector_t  *pj = w->projector;

    if (pj == NULL) {
        return;
    }

    if (pj->timer.timer_set) {
        ngx_del_timer(&pj->timer);
    }

    if (pj->round != NULL) {
        ngx_http_wahub_round_free(pj->round);
    }

    if (pj->shards != NULL) {
        ngx_free(pj->shards);
    }

    json_decref(pj->news);
    json_decref(pj->told);

    ngx_free(pj);
    w->projector = NULL;
}


/* -- what is to be done -------------------------------------------------- */

void
ngx_http_wahub_project_acquired(ngx_http_wahub_shard_t *shard)
{
    size_t                       n;
    wa_span_t                    epoch;
    ngx_http_wahub_worker_t     *w = shard->worker;
    ngx_http_wahub_progress_t   *p;
    ngx_http_wahub_projector_t  *pj = w->projector;

    p = &pj->shards[shard->number];

    /* "<member>:<epoch>" */

    n = w->member.len + 1;
    epoch = wa_span(shard->fence + n, shard->fence_len - n);

    if (wa_span_u64(epoch, &p->epoch) == 0) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "wahub: shard %ui has a broken epoch", shard->number);
        return;
    }

    p->held = 1;
    p->known = 0;
    p->added = 0;
    p->cut_at = ngx_current_msec - NGX_HTTP_WAHUB_PROJECT_TRIM;

    ngx_http_wahub_project_mark(shard);
}


void
ngx_http_wahub_project_gone(ngx_http_wahub_shard_t *shard)
{
    ngx_http_wahub_progress_t   *p;
    ngx_http_wahub_projector_t  *pj = shard->worker->projector;

    p = &pj->shards[shard->number];
    p->held = 0;

    if (p->dirty) {
        p->dirty = 0;
        ngx_queue_remove(&p->queue);
        pj->ndirty--;
    }
}


void
ngx_http_wahub_project_mark(ngx_http_wahub_shard_t *shard)
{
    ngx_http_wahub_projector_t  *pj = shard->worker->projector;

    if (pj->shards[shard->number].dirty) {
        return;
    }

    ngx_http_wahub_project_dirty(pj, shard->number);
    ngx_http_wahub_project_plan(pj,
                                pj->ndirty < NGX_HTTP_WAHUB_PROJECT_MANY
                                ? NGX_HTTP_WAHUB_PROJECT_DELAY : 0);
}


void
ngx_http_wahub_project_retry(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_projector_t  *pj = w->projector;

    if (pj->pause == 0) {
        pj->pause = NGX_HTTP_WAHUB_PROJECT_PAUSE;
        ngx_http_wahub_project_plan(pj, NGX_HTTP_WAHUB_PROJECT_DELAY);
    }
}


void
ngx_http_wahub_project_dirty(ngx_http_wahub_projector_t *pj,
    ngx_uint_t number)
{
    ngx_http_wahub_progress_t  *p;

    p = &pj->shards[number];

    if (p->held && p->dirty == 0) {
        p->dirty = 1;
        ngx_queue_insert_tail(&pj->dirty, &p->queue);
        pj->ndirty++;
    }
}


void
ngx_http_wahub_project_plan(ngx_http_wahub_projector_t *pj,
    ngx_msec_t delay)
{
    if (pj->round != NULL || pj->worker->draining) {
        return;
    }

    if (pj->pause != 0) {

        if (pj->timer.timer_set == 0) {
            ngx_add_timer(&pj->timer,
                          pj->pause / 2 + (ngx_msec_t) ngx_random()
                                          % pj->pause);
        }

        return;
    }

    if (pj->ndirty == 0 || ngx_http_wahub_redis_up(pj->worker->redis) == 0) {
        return;
    }

    if (pj->timer.timer_set) {

        if (delay != 0) {
            return;
        }

        ngx_del_timer(&pj->timer);
    }

    ngx_add_timer(&pj->timer, delay);
}


static void
ngx_http_wahub_project_state(void *data, ngx_uint_t up)
{
    if (up) {
        ngx_http_wahub_project_plan(data, NGX_HTTP_WAHUB_PROJECT_DELAY);
    }
}


static void
ngx_http_wahub_project_timer(ngx_event_t *ev)
{
    ngx_http_wahub_projector_t  *pj = ev->data;

    if (pj->round == NULL && pj->worker->draining == 0) {
        ngx_http_wahub_round_start(pj);
    }
}


/* -- the log -------------------------------------------------------------- */

void
ngx_http_wahub_project_trim(ngx_http_wahub_projector_t *pj,
    ngx_uint_t number)
{
    int64_t                      oldest;
    u_char                       key[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                       position[NGX_HTTP_WAHUB_LOG_ID_LEN];
    u_char                       from[NGX_HTTP_WAHUB_LOG_ID_LEN];
    u_char                       count[NGX_INT_T_LEN];
    ngx_str_t                    argv[4];
    ngx_http_wahub_progress_t   *p;
    ngx_http_wahub_main_conf_t  *wmcf = pj->worker->conf;

    p = &pj->shards[number];

    if (p->position.ms == 0
        || (p->added <= wmcf->log_count / 10
            && ngx_current_msec - p->cut_at < NGX_HTTP_WAHUB_PROJECT_TRIM))
    {
        return;
    }

    p->added = 0;
    p->cut_at = ngx_current_msec;

    ngx_http_wahub_key_shard(wmcf, number, "log", key, &argv[0]);

    argv[1].data = position;
    argv[1].len = ngx_sprintf(position, "%uL-%uL", p->position.ms,
                              p->position.seq)
                  - position;
    argv[2].data = count;
    argv[2].len = ngx_sprintf(count, "%ui", wmcf->log_count) - count;

    oldest = ngx_http_wahub_wall_ms() - (int64_t) wmcf->log_age * 1000;

    argv[3] = argv[1];

    if (oldest < 0) {
        oldest = 0;
    }

    if ((uint64_t) oldest < p->position.ms) {
        argv[3].data = from;
        argv[3].len = ngx_sprintf(from, "%L-0", oldest) - from;
    }

    (void) ngx_http_wahub_redis_eval(pj->worker->redis, pj->trim, NULL, NULL,
                                     argv, 1, 4);
}
