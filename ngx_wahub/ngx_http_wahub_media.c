/*
 * What came with messages: rows of wa_media that wait for their file are
 * fetched by who holds the account's shard, a few at a time.
 *
 * The rows are written by the projection in the message's own transaction, so
 * a crash loses none: whoever holds the shard next finds them.  A look is one
 * query; it is made when the projection has written such rows, when a place
 * gets free and there may be more, and once in a while for those that were
 * put off.  While the disk is full none is made.
 */
#include "ngx_http_wahub_media.h"

#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_sql.h"


#define NGX_HTTP_WAHUB_MEDIA_PARALLEL  4
#define NGX_HTTP_WAHUB_MEDIA_BATCH     16       /* > PARALLEL            */
#define NGX_HTTP_WAHUB_MEDIA_SOON      20       /* ms                    */
#define NGX_HTTP_WAHUB_MEDIA_IDLE      15000    /* ms between looks      */


/* A place for one file. */
typedef struct {
    ngx_http_wahub_media_t      *media;
    u_char                       id[WA_MEDIA_ID_LEN];
    unsigned                     busy:1;
} ngx_http_wahub_place_t;

typedef struct {
    ngx_http_wahub_media_t      *media;
    int64_t                      now;
    ngx_uint_t                   n;
    uint32_t                    *shards;
    wa_media_list_t              list;
} ngx_http_wahub_look_t;

struct ngx_http_wahub_media_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_event_t                  timer;
    ngx_http_wahub_place_t       places[NGX_HTTP_WAHUB_MEDIA_PARALLEL];
    ngx_uint_t                   busy;
    ngx_http_wahub_look_t       *look;          /* under way             */
    unsigned                     again:1;       /* look once more        */
};


static void ngx_http_wahub_media_timer(ngx_event_t *ev);
static void ngx_http_wahub_media_plan(ngx_http_wahub_media_t *m,
    ngx_msec_t delay);
static ngx_http_wahub_look_t *ngx_http_wahub_look_create(
    ngx_http_wahub_media_t *m);
static void ngx_http_wahub_look_free(ngx_http_wahub_look_t *look);
static wa_err_t ngx_http_wahub_look_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_look_done(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_media_take(ngx_http_wahub_media_t *m,
    wa_media_list_t *list);
static ngx_uint_t ngx_http_wahub_media_has(ngx_http_wahub_media_t *m,
    wa_span_t id);
static void ngx_http_wahub_media_fetched(void *data, const char *error);


ngx_int_t
ngx_http_wahub_media_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_media_t  *m;

    m = ngx_calloc(sizeof(ngx_http_wahub_media_t), w->log);

    if (m == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&w->downloads);
    ngx_queue_init(&w->uploads);
    w->media = m;
    m->worker = w;
    m->timer.data = m;
    m->timer.log = w->log;
    m->timer.handler = ngx_http_wahub_media_timer;
    m->timer.cancelable = 1;

    if (w->conf->media_path.len != 0) {
        ngx_add_timer(&m->timer, NGX_HTTP_WAHUB_MEDIA_IDLE);

        if (access((char *) w->conf->media_path.data, R_OK|W_OK|X_OK) == -1) {
            ngx_log_error(NGX_LOG_ERR, w->log, ngx_errno,
                          "wahub: no file can be kept in \"%V\", "
                          "\"wahub_media_path\": give it to the user of the "
                          "workers", &w->conf->media_path);
        }
    }

    return NGX_OK;
}


void
ngx_http_wahub_media_exit(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_media_t  *m = w->media;

    if (m == NULL) {
        return;
    }

    ngx_http_wahub_media_in_exit(w);
    ngx_http_wahub_media_out_exit(w);

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    if (m->look != NULL) {
        ngx_http_wahub_look_free(m->look);
    }

    ngx_free(m);
    w->media = NULL;
}


void
ngx_http_wahub_media_look(ngx_http_wahub_worker_t *w)
{
    if (w->media != NULL && w->conf->media_path.len != 0) {
        ngx_http_wahub_media_plan(w->media, NGX_HTTP_WAHUB_MEDIA_SOON);
    }
}


static void
ngx_http_wahub_media_plan(ngx_http_wahub_media_t *m, ngx_msec_t delay)
{
    if (m->worker->draining) {
        return;
    }

    if (m->look != NULL || m->busy == NGX_HTTP_WAHUB_MEDIA_PARALLEL) {
        m->again |= (delay < NGX_HTTP_WAHUB_MEDIA_IDLE);
        return;
    }

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    ngx_add_timer(&m->timer, delay);
}


static void
ngx_http_wahub_media_timer(ngx_event_t *ev)
{
    ngx_http_wahub_look_t   *look;
    ngx_http_wahub_media_t  *m = ev->data;

    if (m->worker->draining || m->look != NULL) {
        return;
    }

    m->again = 0;

    /* without room for files there is nothing to look for */

    look = ngx_http_wahub_space_full(m->worker, ngx_http_wahub_space_media)
           ? NULL : ngx_http_wahub_look_create(m);

    if (look == NULL) {
        ngx_http_wahub_media_plan(m, NGX_HTTP_WAHUB_MEDIA_IDLE);
        return;
    }

    if (ngx_http_wahub_sql_read(m->worker, ngx_http_wahub_look_run,
                                ngx_http_wahub_look_done, look)
        != NGX_OK)
    {
        ngx_http_wahub_look_free(look);
        ngx_http_wahub_media_plan(m, NGX_HTTP_WAHUB_MEDIA_IDLE);
        return;
    }

    m->look = look;
}


/* -- looking -------------------------------------------------------------- */

/* NULL: no shard is held, or out of memory. */
static ngx_http_wahub_look_t *
ngx_http_wahub_look_create(ngx_http_wahub_media_t *m)
{
    ngx_uint_t                i;
    ngx_http_wahub_look_t    *look;
    ngx_http_wahub_worker_t  *w = m->worker;

    look = ngx_calloc(sizeof(ngx_http_wahub_look_t), w->log);

    if (look == NULL) {
        return NULL;
    }

    look->media = m;
    look->now = ngx_http_wahub_wall_ms();
    look->shards = ngx_alloc(w->conf->shards * sizeof(uint32_t), w->log);

    if (look->shards == NULL) {
        ngx_http_wahub_look_free(look);
        return NULL;
    }

    for (i = 0; i < w->conf->shards; i++) {

        if (ngx_http_wahub_shard_serves(ngx_http_wahub_shard_get(w, i))) {
            look->shards[look->n++] = (uint32_t) i;
        }
    }

    if (look->n == 0) {
        ngx_http_wahub_look_free(look);
        return NULL;
    }

    return look;
}


static void
ngx_http_wahub_look_free(ngx_http_wahub_look_t *look)
{
    wa_media_list_free(&look->list);

    if (look->shards != NULL) {
        ngx_free(look->shards);
    }

    ngx_free(look);
}


/* thread */
static wa_err_t
ngx_http_wahub_look_run(wa_sql_t *db, void *data)
{
    ngx_http_wahub_look_t  *look = data;

    wa_media_list_free(&look->list);

    return wa_media_pending(db, look->shards, look->n, look->now,
                            NGX_HTTP_WAHUB_MEDIA_BATCH, &look->list);
}


static void
ngx_http_wahub_look_done(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_look_t   *look = data;
    ngx_http_wahub_media_t  *m = look->media;

    m->look = NULL;

    if (err == WA_OK && m->worker->draining == 0) {
        ngx_http_wahub_media_take(m, &look->list);
    }

    ngx_http_wahub_look_free(look);

    ngx_http_wahub_media_plan(m, (m->again && err == WA_OK)
                                 ? NGX_HTTP_WAHUB_MEDIA_SOON
                                 : NGX_HTTP_WAHUB_MEDIA_IDLE);
}


/* -- fetching ------------------------------------------------------------- */

static void
ngx_http_wahub_media_take(ngx_http_wahub_media_t *m, wa_media_list_t *list)
{
    size_t                   i, next;
    ngx_http_wahub_place_t  *place;

    next = 0;

    for (i = 0; i < NGX_HTTP_WAHUB_MEDIA_PARALLEL; i++) {
        place = &m->places[i];

        if (place->busy) {
            continue;
        }

        while (next < list->n
               && ngx_http_wahub_media_has(m, list->items[next].id))
        {
            next++;
        }

        if (next == list->n) {
            return;
        }

        place->media = m;
        place->busy = 1;
        m->busy++;
        ngx_memcpy(place->id, list->items[next].id.p, WA_MEDIA_ID_LEN);

        if (ngx_http_wahub_media_fetch(m->worker, &list->items[next], 0,
                                       ngx_http_wahub_media_fetched, place)
            == NULL)
        {
            place->busy = 0;
            m->busy--;
            return;
        }

        next++;
    }

    m->again |= (next < list->n);
}


static ngx_uint_t
ngx_http_wahub_media_has(ngx_http_wahub_media_t *m, wa_span_t id)
{
    ngx_uint_t  i;

    if (id.n != WA_MEDIA_ID_LEN) {
        return 1;
    }

    for (i = 0; i < NGX_HTTP_WAHUB_MEDIA_PARALLEL; i++) {

        if (m->places[i].busy
            && ngx_memcmp(m->places[i].id, id.p, WA_MEDIA_ID_LEN) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_wahub_media_fetched(void *data, const char *error)
{
    ngx_http_wahub_place_t  *place = data;
    ngx_http_wahub_media_t  *m = place->media;

    place->busy = 0;
    m->busy--;

    if (m->again) {
        ngx_http_wahub_media_plan(m, NGX_HTTP_WAHUB_MEDIA_SOON);

    } else if (m->timer.timer_set == 0) {
        ngx_http_wahub_media_plan(m, NGX_HTTP_WAHUB_MEDIA_IDLE);
    }
}
