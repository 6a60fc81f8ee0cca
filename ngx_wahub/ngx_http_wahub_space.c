/*
 * Disks that are full, see ngx_http_wahub_space.h.
 *
 * The database tells itself when it has room again, because its rounds are
 * repeated.  The media store is asked by writing a file of some size.
 */
#include "ngx_http_wahub_space.h"

#include "ngx_http_wahub_file.h"
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_SPACE_CALM    3000       /* ms of room            */
#define NGX_HTTP_WAHUB_SPACE_PROBE   5000       /* ms between two        */
#define NGX_HTTP_WAHUB_SPACE_BYTES   (1024 * 1024)
#define NGX_HTTP_WAHUB_SPACE_SPREAD  500        /* ms, of all accounts   */


struct ngx_http_wahub_space_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_uint_t                   full;          /* bits, as found        */
    ngx_uint_t                   told;          /* ... for the accounts  */
    ngx_atomic_uint_t            seen;          /* of _space_shared      */
    ngx_event_t                  calm;          /* until it is over      */
    ngx_event_t                  timer;         /* of the next probe     */
    unsigned                     known:1;       /* told at all           */
    unsigned                     probing:1;
};

typedef struct {
    ngx_http_wahub_space_t      *space;
    ngx_http_wahub_files_t      *files;
    wa_err_t                     err;
} ngx_http_wahub_probe_t;


static void ngx_http_wahub_space_unshare(void *data);
static void ngx_http_wahub_space_tell(ngx_http_wahub_space_t *s);
static void ngx_http_wahub_space_wake(ngx_http_wahub_account_t *slot);
static void ngx_http_wahub_space_calmed(ngx_event_t *ev);
static void ngx_http_wahub_space_probe(ngx_event_t *ev);
static void ngx_http_wahub_space_write(void *data);
static void ngx_http_wahub_space_written(void *data);


/* Set by threads; one worker is in a process. */
static ngx_atomic_t  ngx_http_wahub_space_lacks;

/* How often a worker of this instance has found no room for files. */
static ngx_atomic_t  *ngx_http_wahub_space_shared;


ngx_int_t
ngx_http_wahub_space_share(ngx_cycle_t *cycle)
{
    ngx_shm_t           *shm;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, sizeof(ngx_shm_t));

    if (cln == NULL) {
        return NGX_ERROR;
    }

    shm = cln->data;
    ngx_memzero(shm, sizeof(ngx_shm_t));
    shm->size = ngx_pagesize;
    ngx_str_set(&shm->name, "wahub_space");
    shm->log = cycle->log;

    if (ngx_shm_alloc(shm) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_wahub_space_unshare;
    ngx_http_wahub_space_shared = (ngx_atomic_t *) shm->addr;

    return NGX_OK;
}


static void
ngx_http_wahub_space_unshare(void *data)
{
    ngx_shm_free(data);
}


ngx_int_t
ngx_http_wahub_space_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_space_t  *s;

    s = ngx_calloc(sizeof(ngx_http_wahub_space_t), w->log);
    if (s == NULL) {
        return NGX_ERROR;
    }

    w->space = s;
    s->worker = w;
    s->seen = *ngx_http_wahub_space_shared;

    s->calm.data = s;
    s->calm.log = w->log;
    s->calm.handler = ngx_http_wahub_space_calmed;
    s->calm.cancelable = 1;

    s->timer.data = s;
    s->timer.log = w->log;
    s->timer.handler = ngx_http_wahub_space_probe;
    s->timer.cancelable = 1;

    return NGX_OK;
}


void
ngx_http_wahub_space_exit(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_space_t  *s = w->space;

    if (s == NULL) {
        return;
    }

    if (s->calm.timer_set) {
        ngx_del_timer(&s->calm);
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_free(s);
    w->space = NULL;
}


/* -- what is full --------------------------------------------------------- */

void
ngx_http_wahub_space_set(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_space_e what, ngx_uint_t full)
{
    ngx_http_wahub_space_t  *s = w->space;

    if (full) {
        s->full |= what;

        if (s->calm.timer_set) {
            ngx_del_timer(&s->calm);
        }

        if (s->told == 0) {
            s->told = 1;
            ngx_http_wahub_space_tell(s);
        }

        return;
    }

    s->full &= ~(ngx_uint_t) what;

    if (s->full != 0) {
        return;
    }

    if (s->known == 0) {
        ngx_http_wahub_space_tell(s);

    } else if (s->told && s->calm.timer_set == 0) {
        ngx_add_timer(&s->calm, NGX_HTTP_WAHUB_SPACE_CALM);
    }
}


ngx_uint_t
ngx_http_wahub_space_full(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_space_e what)
{
    return (w->space->full & what) != 0;
}


static void
ngx_http_wahub_space_calmed(ngx_event_t *ev)
{
    ngx_http_wahub_space_t  *s = ev->data;

    s->told = 0;
    ngx_http_wahub_space_tell(s);
}


static void
ngx_http_wahub_space_tell(ngx_http_wahub_space_t *s)
{
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_http_wahub_shard_t   *shard;
    ngx_http_wahub_worker_t  *w = s->worker;

    s->known = 1;
    wa_engine_set_full(w->engine, s->told != 0);

    for (i = 0; i < w->conf->shards; i++) {
        shard = ngx_http_wahub_shard_get(w, i);

        for (q = ngx_queue_head(&shard->accounts);
             q != ngx_queue_sentinel(&shard->accounts);
             q = ngx_queue_next(q))
        {
            ngx_http_wahub_space_wake(ngx_queue_data(q,
                                          ngx_http_wahub_account_t, queue));
        }
    }
}


/* Its deadline is over, but not those of all at once. */
static void
ngx_http_wahub_space_wake(ngx_http_wahub_account_t *slot)
{
    wa_time_t   at, now;
    ngx_msec_t  delay;

    if (slot->account == NULL || slot->opened == 0 || slot->quiesced) {
        return;
    }

    delay = 1 + (ngx_msec_t) ngx_random() % NGX_HTTP_WAHUB_SPACE_SPREAD;
    now = ngx_http_wahub_worker_now(slot->worker);
    at = now + (wa_time_t) delay;

    if (slot->deadline != -1 && slot->deadline <= at) {
        return;
    }

    slot->deadline = at;
    ngx_add_timer(&slot->timer, delay);
}


/* -- the media store ------------------------------------------------------ */

void
ngx_http_wahub_space_lacking(void)
{
    (void) ngx_atomic_cmp_set(&ngx_http_wahub_space_lacks, 0, 1);
}


void
ngx_http_wahub_space_look(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_space_t  *s = w->space;

    if (s == NULL) {
        return;
    }

    if (ngx_atomic_cmp_set(&ngx_http_wahub_space_lacks, 1, 0)) {
        (void) ngx_atomic_fetch_add(ngx_http_wahub_space_shared, 1);

    } else if (*ngx_http_wahub_space_shared == s->seen) {
        return;
    }

    s->seen = *ngx_http_wahub_space_shared;

    if (ngx_http_wahub_space_full(w, ngx_http_wahub_space_media) == 0) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "wahub: no space left for files below \"%V\": make "
                      "room on its disk; uploads are refused, downloads "
                      "wait", &w->conf->media_path);
    }

    ngx_http_wahub_space_set(w, ngx_http_wahub_space_media, 1);

    if (s->probing == 0 && s->timer.timer_set == 0) {
        ngx_add_timer(&s->timer, NGX_HTTP_WAHUB_SPACE_PROBE);
    }
}


static void
ngx_http_wahub_space_probe(ngx_event_t *ev)
{
    ngx_http_wahub_probe_t   *probe;
    ngx_http_wahub_space_t   *s = ev->data;
    ngx_http_wahub_worker_t  *w = s->worker;

    if (w->draining) {
        return;
    }

    probe = ngx_http_wahub_job_data(w, sizeof(ngx_http_wahub_probe_t));

    if (probe != NULL) {
        probe->space = s;
        probe->files = w->files;

        if (ngx_http_wahub_job_post(probe, ngx_http_wahub_space_write,
                                    ngx_http_wahub_space_written)
            == NGX_OK)
        {
            s->probing = 1;
            return;
        }
    }

    ngx_add_timer(&s->timer, NGX_HTTP_WAHUB_SPACE_PROBE);
}


/* thread: a quota is found by writing only */
static void
ngx_http_wahub_space_write(void *data)
{
    size_t                   i;
    u_char                   bytes[4096];
    ngx_http_wahub_file_t    f;
    ngx_http_wahub_probe_t  *probe = data;

    ngx_memset(bytes, 'w', sizeof(bytes));
    probe->err = ngx_http_wahub_file_create(probe->files, &f);

    if (probe->err != WA_OK) {
        return;
    }

    for (i = 0; i < NGX_HTTP_WAHUB_SPACE_BYTES && probe->err == WA_OK;
         i += sizeof(bytes))
    {
        probe->err = ngx_http_wahub_file_write(&f,
                                            wa_span(bytes, sizeof(bytes)));
    }

    /* a file system may find out late */

    if (probe->err == WA_OK && fdatasync(f.fd) == -1) {
        probe->err = WA_ERR_FULL;
    }

    ngx_http_wahub_file_drop(&f);
}


static void
ngx_http_wahub_space_written(void *data)
{
    ngx_http_wahub_probe_t   *probe = data;
    ngx_http_wahub_space_t   *s = probe->space;
    ngx_http_wahub_worker_t  *w = s->worker;

    s->probing = 0;

    if (probe->err != WA_OK) {
        if (s->timer.timer_set == 0) {
            ngx_add_timer(&s->timer, NGX_HTTP_WAHUB_SPACE_PROBE);
        }

        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "wahub: there is room for files again");
    ngx_http_wahub_space_set(w, ngx_http_wahub_space_media, 0);
    ngx_http_wahub_media_look(w);
}
