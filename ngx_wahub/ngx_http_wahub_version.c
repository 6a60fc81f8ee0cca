/*
 * Looking for the client version.
 *
 *   ask -> (posted) GET from Redis -> newer? -> answer
 *                                  -> job: the page -> newer? -> SET, answer
 *
 * Who waits is found again by its id.
 */
#include "ngx_http_wahub_version.h"

#include "ngx_http_wahub_curl_stream.h"
#include "ngx_http_wahub_redis.h"

#include "wa_version.h"


#define NGX_HTTP_WAHUB_VERSION_PAUSE    60000   /* ms after a vain look     */
#define NGX_HTTP_WAHUB_VERSION_TIMEOUT  15000   /* ms, a page               */
#define NGX_HTTP_WAHUB_VERSION_PAGE     (8 * 1024 * 1024)   /* bytes        */


typedef struct {
    ngx_queue_t                   queue;
    u_char                        id[WA_ACCOUNT_ID_LEN];
} ngx_http_wahub_version_wait_t;

struct ngx_http_wahub_versions_s {
    ngx_http_wahub_worker_t      *worker;
    ngx_queue_t                   waiting;
    ngx_event_t                   event;
    ngx_msec_t                    tried;
    const char                   *failure;      /* of the last look; NULL   */
    unsigned                      busy:1;
};

typedef struct {
    ngx_http_wahub_worker_t      *worker;
    ngx_http_wahub_main_conf_t   *conf;
    wa_version_find_t             find;
    size_t                        left;         /* of the page              */
    const char                   *failure;
} ngx_http_wahub_version_job_t;


/* Where it is named unless told otherwise (core/wa_version.h). */
static const char  *const ngx_http_wahub_version_pages[] = {
    "https://web.whatsapp.com/",
    "https://web.whatsapp.com/sw.js"
};


static void ngx_http_wahub_version_state(void *data, ngx_uint_t up);
static void ngx_http_wahub_version_start(ngx_event_t *ev);
static void ngx_http_wahub_version_look(ngx_http_wahub_versions_t *v);
static void ngx_http_wahub_version_answer(ngx_http_wahub_versions_t *v,
    const char *failure);


ngx_int_t
ngx_http_wahub_version_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_versions_t  *v;

    v = ngx_calloc(sizeof(ngx_http_wahub_versions_t), w->log);
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->worker = w;
    ngx_queue_init(&v->waiting);
    v->event.data = v;
    v->event.log = w->log;
    v->event.handler = ngx_http_wahub_version_start;
    w->versions = v;

    return ngx_http_wahub_redis_on_state(w->redis,
                                         ngx_http_wahub_version_state, v);
}


void
ngx_http_wahub_version_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                *q;
    ngx_http_wahub_versions_t  *v = w->versions;

    if (v == NULL) {
        return;
    }

    while (ngx_queue_empty(&v->waiting) == 0) {
        q = ngx_queue_head(&v->waiting);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_wahub_version_wait_t, queue));
    }

    if (v->event.posted) {
        ngx_delete_posted_event(&v->event);
    }

    ngx_free(v);
    w->versions = NULL;
}


/* "<prefix>:version", one text for the whole cluster. */
static void
ngx_http_wahub_version_key(ngx_http_wahub_worker_t *w, u_char *buf,
    ngx_str_t *key)
{
    key->data = buf;
    key->len = (size_t) (ngx_snprintf(buf, NGX_HTTP_WAHUB_KEY_MAX,
                                      "%V:version", &w->conf->redis_prefix)
                         - buf);
}


/* 1: it is newer, and from now on the one we name. */
static ngx_uint_t
ngx_http_wahub_version_take(ngx_http_wahub_worker_t *w, uint32_t build,
    const char *from)
{
    char  text[WA_VERSION_TEXT];

    if (build <= wa_engine_version(w->engine)) {
        return 0;
    }

    wa_engine_set_version(w->engine, build);
    wa_version_format(build, text);
    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "wahub: the client version is %s now, from %s", text, from);

    return 1;
}


static uint32_t
ngx_http_wahub_version_read(ngx_http_wahub_redis_reply_t *reply)
{
    uint32_t   build;
    ngx_str_t  text;

    if (reply == NULL) {
        return 0;
    }

    text = ngx_http_wahub_redis_str(reply);

    return wa_version_parse(ngx_http_wahub_span(&text), &build) == WA_OK
           ? build : 0;
}


static ngx_int_t
ngx_http_wahub_version_get(ngx_http_wahub_versions_t *v,
    ngx_http_wahub_redis_pt handler)
{
    u_char     buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t  argv[2];

    ngx_str_set(&argv[0], "GET");
    ngx_http_wahub_version_key(v->worker, buf, &argv[1]);

    /* the worker outlives what waits for Redis, `v` does not */

    return ngx_http_wahub_redis_command(v->worker->redis, handler, v->worker,
                                        argv, 2);
}


/* -- at the start -------------------------------------------------------- */

static void
ngx_http_wahub_version_known(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_worker_t  *w = data;

    (void) ngx_http_wahub_version_take(w, ngx_http_wahub_version_read(reply),
                                       "Redis");
}


static void
ngx_http_wahub_version_state(void *data, ngx_uint_t up)
{
    if (up) {
        (void) ngx_http_wahub_version_get(data,
                                          ngx_http_wahub_version_known);
    }
}


/* -- when the server wants a newer one ----------------------------------- */

ngx_int_t
ngx_http_wahub_version_ask(ngx_http_wahub_account_t *slot)
{
    ngx_http_wahub_versions_t      *v = slot->worker->versions;
    ngx_http_wahub_version_wait_t  *wait;

    wait = ngx_alloc(sizeof(ngx_http_wahub_version_wait_t),
                     slot->worker->log);
    if (wait == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(wait->id, slot->id, WA_ACCOUNT_ID_LEN);
    ngx_queue_insert_tail(&v->waiting, &wait->queue);

    if (v->busy == 0) {
        v->busy = 1;
        ngx_post_event(&v->event, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_wahub_version_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_worker_t    *w = data;
    ngx_http_wahub_versions_t  *v = w->versions;

    /* a worker that exits has dropped its accounts before Redis answers */

    if (v == NULL || w->registry == NULL) {
        return;
    }

    if (ngx_http_wahub_version_take(w, ngx_http_wahub_version_read(reply),
                                    "Redis"))
    {
        ngx_http_wahub_version_answer(v, NULL);
        return;
    }

    ngx_http_wahub_version_look(v);
}


static void
ngx_http_wahub_version_start(ngx_event_t *ev)
{
    ngx_http_wahub_versions_t  *v = ev->data;

    if (ngx_http_wahub_version_get(v, ngx_http_wahub_version_reply)
        != NGX_OK)
    {
        ngx_http_wahub_version_look(v);
    }
}


static ngx_uint_t
ngx_http_wahub_version_piece(void *data, ngx_uint_t status, const u_char *p,
    size_t n)
{
    ngx_http_wahub_version_job_t  *job = data;

    if (status != NGX_HTTP_OK || n > job->left) {
        return 0;
    }

    job->left -= n;

    return wa_version_find(&job->find, wa_span(p, n)) ? 0 : 1;
}


static void
ngx_http_wahub_version_page(ngx_http_wahub_version_job_t *job,
    const char *url)
{
    ngx_http_wahub_stream_t    s;
    ngx_http_wahub_streamed_t  out;

    ngx_memzero(&job->find, sizeof(wa_version_find_t));
    ngx_memzero(&s, sizeof(ngx_http_wahub_stream_t));

    job->left = NGX_HTTP_WAHUB_VERSION_PAGE;
    s.url = url;
    s.ca = job->conf->trusted_certificate.len == 0 ? ""
           : (char *) job->conf->trusted_certificate.data;
    s.body = NGX_INVALID_FILE;
    s.timeout = NGX_HTTP_WAHUB_VERSION_TIMEOUT;
    s.take = ngx_http_wahub_version_piece;
    s.data = job;
    s.browser = 1;

    (void) ngx_http_wahub_stream(&s, &out);

    if (job->find.build == 0) {
        job->failure = out.status == 0 ? "its page cannot be reached"
                       : out.status == NGX_HTTP_OK ? "its page names none"
                       : "its page is refused";
    }
}


static void
ngx_http_wahub_version_run(void *data)
{
    ngx_uint_t                     i, n;
    ngx_http_wahub_version_job_t  *job = data;

    if (job->conf->version_url.len > 0) {
        ngx_http_wahub_version_page(job,
                                    (char *) job->conf->version_url.data);
        return;
    }

    n = sizeof(ngx_http_wahub_version_pages) / sizeof(char *);

    for (i = 0; i < n && job->find.build == 0; i++) {
        ngx_http_wahub_version_page(job, ngx_http_wahub_version_pages[i]);
    }
}


static void
ngx_http_wahub_version_found(void *data)
{
    u_char                         buf[NGX_HTTP_WAHUB_KEY_MAX];
    char                           text[WA_VERSION_TEXT];
    ngx_str_t                      argv[3];
    ngx_http_wahub_version_job_t  *job = data;
    ngx_http_wahub_versions_t     *v = job->worker->versions;

    if (v == NULL) {
        return;
    }

    v->tried = ngx_current_msec;

    if (job->find.build == 0) {
        ngx_http_wahub_version_answer(v, job->failure);
        return;
    }

    if (ngx_http_wahub_version_take(job->worker, job->find.build,
                                    "WhatsApp's page") == 0)
    {
        ngx_http_wahub_version_answer(v, "its page names no newer one");
        return;
    }

    wa_version_format(job->find.build, text);
    ngx_str_set(&argv[0], "SET");
    ngx_http_wahub_version_key(job->worker, buf, &argv[1]);
    argv[2].data = (u_char *) text;
    argv[2].len = ngx_strlen(text);
    (void) ngx_http_wahub_redis_command(job->worker->redis, NULL, NULL, argv,
                                        3);

    ngx_http_wahub_version_answer(v, NULL);
}


static void
ngx_http_wahub_version_look(ngx_http_wahub_versions_t *v)
{
    ngx_http_wahub_version_job_t  *job;

    if (v->failure != NULL
        && ngx_current_msec - v->tried < NGX_HTTP_WAHUB_VERSION_PAUSE)
    {
        ngx_http_wahub_version_answer(v, v->failure);
        return;
    }

    job = ngx_http_wahub_job_data(v->worker,
                                  sizeof(ngx_http_wahub_version_job_t));
    if (job == NULL) {
        ngx_http_wahub_version_answer(v, "out of memory");
        return;
    }

    job->worker = v->worker;
    job->conf = v->worker->conf;

    if (ngx_http_wahub_job_post(job, ngx_http_wahub_version_run,
                                ngx_http_wahub_version_found)
        != NGX_OK)
    {
        ngx_http_wahub_version_answer(v, "the thread pool is full");
    }
}


/* Tells everybody who waits; who asks meanwhile waits for the next look. */
static void
ngx_http_wahub_version_answer(ngx_http_wahub_versions_t *v,
    const char *failure)
{
    wa_done_t                       done;
    ngx_str_t                       id;
    ngx_queue_t                    *q, asked;
    ngx_http_wahub_account_t       *slot;
    ngx_http_wahub_version_wait_t  *wait;

    v->busy = 0;
    v->failure = failure;

    if (failure != NULL) {
        ngx_log_error(NGX_LOG_ERR, v->worker->log, 0,
                      "wahub: WhatsApp wants a newer client version: %s",
                      failure);
    }

    ngx_queue_init(&asked);

    if (ngx_queue_empty(&v->waiting) == 0) {
        ngx_queue_add(&asked, &v->waiting);
        ngx_queue_init(&v->waiting);
    }

    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = WA_DONE_VERSION;
    done.err = failure == NULL ? WA_OK : WA_ERR_STATE;
    done.text = failure;

    while (ngx_queue_empty(&asked) == 0) {
        q = ngx_queue_head(&asked);
        ngx_queue_remove(q);
        wait = ngx_queue_data(q, ngx_http_wahub_version_wait_t, queue);

        id.data = wait->id;
        id.len = WA_ACCOUNT_ID_LEN;
        slot = ngx_http_wahub_account_find(v->worker, &id);

        if (slot != NULL) {
            ngx_http_wahub_account_done(slot, &done);
        }

        ngx_free(wait);
    }
}
