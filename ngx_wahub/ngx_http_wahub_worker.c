/*
 * A worker's life.
 *
 *   start:  root object, Redis connections; shards come when Redis answers
 *   leave:  nginx reloads or quits: hand over shards, wait for what is under
 *           way, at most 28 s (one timer that is not cancelable holds the
 *           process; nginx exits when it is gone)
 *   exit:   release what is still held if Redis answers at once, close
 *
 * nginx tells a worker that it is to leave by closing idle connections: a
 * connection without a socket, marked idle, hears it in the same turn.
 */
#include "ngx_http_wahub_account.h"
#include "ngx_http_wahub_behind.h"
#include "ngx_http_wahub_call.h"
#include "ngx_http_wahub_file.h"
#include "ngx_http_wahub_history_in.h"
#include "ngx_http_wahub_log.h"
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_project.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_resolve.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_store.h"
#include "ngx_http_wahub_version.h"
#include "ngx_http_wahub_worker.h"

#include "wa_crypto.h"
#include "wa_project.h"


#define NGX_HTTP_WAHUB_LEAVE_MAX   28000
#define NGX_HTTP_WAHUB_STAY_MAX    5000         /* for what requests want  */
#define NGX_HTTP_WAHUB_EXIT_WAIT   200
#define NGX_HTTP_WAHUB_HOST_MAX    63
#define NGX_HTTP_WAHUB_LATE_TRIES  16
#define NGX_HTTP_WAHUB_MEMBER_LEN  128


/* A worker and what only this file knows of it. */
typedef struct {
    ngx_http_wahub_worker_t      worker;
    ngx_log_t                    log;
    ngx_connection_t            *watcher;    /* NULL: leaving              */
    ngx_event_t                  leave;      /* holds the process          */
    ngx_event_t                  stay;       /* holds it for requests      */
    ngx_msec_t                   left;       /* when it began to leave     */
    ngx_msec_t                   clock;      /* of the last set_clock      */
    u_char                       member[NGX_HTTP_WAHUB_MEMBER_LEN];
} ngx_http_wahub_process_t;


static ngx_int_t ngx_http_wahub_worker_engine(ngx_http_wahub_worker_t *w);
static ngx_int_t ngx_http_wahub_worker_parts(ngx_http_wahub_worker_t *w);
static ngx_int_t ngx_http_wahub_worker_watch(ngx_http_wahub_process_t *ps);
static void ngx_http_wahub_worker_unwatch(ngx_http_wahub_process_t *ps);
static void ngx_http_wahub_worker_watcher(ngx_event_t *ev);
static void ngx_http_wahub_worker_leave(ngx_event_t *ev);
static void ngx_http_wahub_worker_stayed(ngx_event_t *ev);
static void ngx_http_wahub_worker_late(ngx_event_t *ev);


/* "<host>-<8 hex>-<slot>-<pid>": no two processes ever share it. */
static void
ngx_http_wahub_worker_name(ngx_http_wahub_process_t *ps)
{
    size_t    i, n;
    u_char    ch, host[NGX_HTTP_WAHUB_HOST_MAX];
    uint32_t  salt;

    n = ngx_min(ngx_cycle->hostname.len, NGX_HTTP_WAHUB_HOST_MAX);

    for (i = 0; i < n; i++) {
        ch = ngx_cycle->hostname.data[i];

        host[i] = ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
                   || (ch >= '0' && ch <= '9') || ch == '.') ? ch : '_';
    }

    wa_random(&salt, sizeof(salt));

    ps->worker.member.data = ps->member;
    ps->worker.member.len = ngx_snprintf(ps->member, sizeof(ps->member),
                                         "%*s-%08xD-%ui-%P", n, host, salt,
                                         ngx_worker, ngx_pid)
                            - ps->member;
}


ngx_int_t
ngx_http_wahub_worker_start(ngx_cycle_t *cycle,
    ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_http_wahub_worker_t   *w;
    ngx_http_wahub_process_t  *ps;

    ps = ngx_pcalloc(cycle->pool, sizeof(ngx_http_wahub_process_t));
    if (ps == NULL) {
        return NGX_OK;
    }

    w = &ps->worker;

    ps->log = *cycle->log;
    w->log = &ps->log;
    w->conf = wmcf;
    wmcf->worker = w;

    ps->stay.data = ps;
    ps->stay.log = w->log;
    ps->stay.handler = ngx_http_wahub_worker_stayed;

    ps->leave.data = ps;
    ps->leave.log = w->log;
    ps->leave.handler = ngx_http_wahub_worker_leave;

    ngx_queue_init(&w->late);
    w->late_event.data = w;
    w->late_event.log = w->log;
    w->late_event.handler = ngx_http_wahub_worker_late;

    if (wa_crypto_init() != WA_OK) {
        goto failed;
    }

    ngx_http_wahub_worker_name(ps);

    if (ngx_http_wahub_worker_engine(w) != NGX_OK
        || ngx_http_wahub_worker_parts(w) != NGX_OK
        || ngx_http_wahub_worker_watch(ps) != NGX_OK)
    {
        goto failed;
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0, "wahub: worker \"%V\" starts",
                  &w->member);

    if (w->sentinel != NULL) {
        ngx_http_wahub_redis_start(w->sentinel);
    }

    ngx_http_wahub_redis_start(w->redis);
    ngx_http_wahub_redis_start(w->sub);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                  "wahub: this worker cannot start wahub");

    ngx_http_wahub_worker_exit(wmcf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_worker_engine(ngx_http_wahub_worker_t *w)
{
    u_char                       host[NGX_MAXHOSTNAMELEN + 16];
    u_char                      *p;
    wa_engine_conf_t             ec;
    ngx_http_wahub_endpoint_t   *ep;
    ngx_http_wahub_main_conf_t  *wmcf = w->conf;

    ep = &wmcf->endpoint;

    p = ngx_snprintf(host, sizeof(host) - 1,
                     ngx_strchr(ep->host.data, ':') ? "[%V]" : "%V",
                     &ep->host);

    if (ep->port != (ep->tls ? 443 : 80)) {
        p = ngx_snprintf(p, host + sizeof(host) - 1 - p, ":%ui",
                         (ngx_uint_t) ep->port);
    }

    *p = '\0';

    ngx_memzero(&ec, sizeof(wa_engine_conf_t));
    ngx_memcpy(ec.master_key, wmcf->secret_key, WA_KEY_LEN);
    ngx_memcpy(ec.noise_root_key, wmcf->noise_root_key, WA_KEY_LEN);
    ec.ws_host = (char *) host;
    ec.ws_path = (char *) ep->path.data;
    ec.build = wmcf->client_build;
    ec.public_url = (char *) wmcf->public_url.data;
    ec.query_ids = wmcf->query_ids;
    ec.qr_timeout_ms = (uint32_t) wmcf->qr_timeout;
    ec.send_timeout_ms = (uint32_t) wmcf->send_timeout;
    ec.deaf_after_ms = (uint32_t) wmcf->deaf_after;
    ec.lookups_per_hour = (uint32_t) wmcf->lookup_rate;
    wa_project_presence_keep((int64_t) wmcf->presence_retention * 1000);
    ec.log = ngx_http_wahub_log_engine;
    ec.log_ctx = w;

    w->engine = wa_engine_create(&ec);

    wa_wipe(&ec, sizeof(wa_engine_conf_t));

    return w->engine == NULL ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_wahub_worker_parts(ngx_http_wahub_worker_t *w)
{
    w->read_buf = ngx_alloc(NGX_HTTP_WAHUB_READ_BUF, w->log);
    if (w->read_buf == NULL) {
        return NGX_ERROR;
    }

    w->redis = ngx_http_wahub_redis_create(w, "commands");
    if (w->redis == NULL) {
        return NGX_ERROR;
    }

    w->sub = ngx_http_wahub_redis_create(w, "subscriptions");
    if (w->sub == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_redis_sentinel(w) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * Shards before the store: when Redis comes back, leases are renewed
     * before commits are repeated.
     */

    if (ngx_http_wahub_resolver_init(w) != NGX_OK
        || ngx_http_wahub_registry_init(w) != NGX_OK
        || ngx_http_wahub_version_init(w) != NGX_OK
        || ngx_http_wahub_space_init(w) != NGX_OK
        || ngx_http_wahub_sql_init(w) != NGX_OK
        || ngx_http_wahub_file_init(w) != NGX_OK
        || ngx_http_wahub_project_init(w) != NGX_OK
        || ngx_http_wahub_behind_init(w) != NGX_OK
        || ngx_http_wahub_shards_init(w) != NGX_OK
        || ngx_http_wahub_store_init(w) != NGX_OK
        || ngx_http_wahub_calls_init(w) != NGX_OK
        || ngx_http_wahub_curl_init(w) != NGX_OK
        || ngx_http_wahub_webhook_init(w) != NGX_OK
        || ngx_http_wahub_media_init(w) != NGX_OK
        || ngx_http_wahub_history_in_init(w) != NGX_OK
        || ngx_http_wahub_api_init(w) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


wa_time_t
ngx_http_wahub_worker_now(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_process_t  *ps = (ngx_http_wahub_process_t *) w;

    if (ps->clock != ngx_current_msec) {
        ps->clock = ngx_current_msec;
        wa_engine_set_clock(w->engine, ngx_http_wahub_wall_ms(),
                            (wa_time_t) ngx_current_msec);
    }

    return (wa_time_t) ngx_current_msec;
}


/* -- the end of a turn --------------------------------------------------- */

void
ngx_http_wahub_late(ngx_http_wahub_worker_t *w, ngx_http_wahub_late_t *late)
{
    if (late->queued) {
        return;
    }

    late->queued = 1;
    ngx_queue_insert_tail(&w->late, &late->queue);

    ngx_post_event(&w->late_event, &ngx_posted_events);
}


void
ngx_http_wahub_late_cancel(ngx_http_wahub_late_t *late)
{
    if (late->queued) {
        late->queued = 0;
        ngx_queue_remove(&late->queue);
    }
}


/*
 * The first thing written in a turn posts this event, and what comes later
 * is posted behind it: so it goes to the end again, a few times, as others
 * may do the same.
 */
static void
ngx_http_wahub_worker_late(ngx_event_t *ev)
{
    ngx_queue_t              *q;
    ngx_http_wahub_late_t    *late;
    ngx_http_wahub_worker_t  *w = ev->data;

    if (ngx_queue_empty(&ngx_posted_events) == 0
        && w->late_tries < NGX_HTTP_WAHUB_LATE_TRIES)
    {
        w->late_tries++;
        ngx_post_event(ev, &ngx_posted_events);
        return;
    }

    w->late_tries = 0;

    while (ngx_queue_empty(&w->late) == 0) {
        q = ngx_queue_head(&w->late);
        late = ngx_queue_data(q, ngx_http_wahub_late_t, queue);

        ngx_http_wahub_late_cancel(late);
        late->handler(late);
    }
}


/* -- leaving ------------------------------------------------------------- */

static ngx_int_t
ngx_http_wahub_worker_watch(ngx_http_wahub_process_t *ps)
{
    ngx_connection_t  *c, *saved;

    /* nginx files the connection under its descriptor: there is none */

    saved = ngx_cycle->files ? ngx_cycle->files[0] : NULL;

    c = ngx_get_connection(0, ps->worker.log);

    if (ngx_cycle->files) {
        ngx_cycle->files[0] = saved;
    }

    if (c == NULL) {
        return NGX_ERROR;
    }

    c->fd = (ngx_socket_t) -2;
    c->idle = 1;
    c->data = ps;
    c->read->handler = ngx_http_wahub_worker_watcher;
    c->read->log = c->log;
    c->write->log = c->log;

    ps->watcher = c;

    return NGX_OK;
}


static void
ngx_http_wahub_worker_unwatch(ngx_http_wahub_process_t *ps)
{
    ngx_connection_t  *c = ps->watcher;

    if (c == NULL) {
        return;
    }

    ps->watcher = NULL;

    /* freed without a look into the table of descriptors */

    c->fd = 0;
    c->idle = 0;

    if (ngx_cycle->files && ngx_cycle->files[0] == c) {
        ngx_cycle->files[0] = NULL;
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_http_wahub_worker_watcher(ngx_event_t *ev)
{
    ngx_connection_t          *c = ev->data;
    ngx_http_wahub_worker_t   *w;
    ngx_http_wahub_process_t  *ps = c->data;

    if (c->close == 0) {
        return;
    }

    w = &ps->worker;

    ngx_http_wahub_worker_unwatch(ps);

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "wahub: worker \"%V\" leaves", &w->member);

    w->draining = 1;
    ps->left = ngx_current_msec;
    ngx_add_timer(&ps->leave, NGX_HTTP_WAHUB_LEAVE_MAX);

    ngx_http_wahub_worker_waits(w);
    ngx_http_wahub_shards_leave(w);
    ngx_http_wahub_worker_left(w);
}


static void
ngx_http_wahub_worker_leave(ngx_event_t *ev)
{
    ngx_http_wahub_process_t  *ps = ev->data;

    ngx_log_error(NGX_LOG_WARN, ps->worker.log, 0,
                  "wahub: leaving with %ui shards, %ui deliveries and %ui "
                  "jobs unfinished", ngx_http_wahub_shards_held(&ps->worker),
                  ngx_http_wahub_webhook_inflight(&ps->worker),
                  ps->worker.jobs);
}


void
ngx_http_wahub_worker_left(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_process_t  *ps = (ngx_http_wahub_process_t *) w;

    if (w->draining == 0 || ps->leave.timer_set == 0) {
        return;
    }

    if (ngx_http_wahub_shards_held(w) != 0 || w->jobs != 0
        || ngx_http_wahub_webhook_inflight(w) != 0)
    {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "wahub: worker \"%V\" has handed over", &w->member);

    ngx_del_timer(&ps->leave);
}


void
ngx_http_wahub_worker_waits(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_process_t  *ps = (ngx_http_wahub_process_t *) w;

    if (w->waits == 0) {

        if (ps->stay.timer_set) {
            ngx_del_timer(&ps->stay);
        }

        return;
    }

    if (w->draining && ps->stay.timer_set == 0) {
        ngx_add_timer(&ps->stay, NGX_HTTP_WAHUB_STAY_MAX);
    }
}


static void
ngx_http_wahub_worker_stayed(ngx_event_t *ev)
{
    ngx_http_wahub_process_t  *ps = ev->data;

    /* a thread works for one that came when all else was handed over */

    if (ps->worker.jobs != 0
        && ngx_current_msec - ps->left < NGX_HTTP_WAHUB_LEAVE_MAX)
    {
        ngx_add_timer(ev, NGX_HTTP_WAHUB_STAY_MAX);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ps->worker.log, 0,
                  "wahub: leaving, %ui requests still wait for Redis",
                  ps->worker.waits);
}


/* -- exit ---------------------------------------------------------------- */

void
ngx_http_wahub_worker_exit(ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_http_wahub_worker_t   *w = wmcf->worker;
    ngx_http_wahub_process_t  *ps = (ngx_http_wahub_process_t *) w;

    w->draining = 1;

    /* who waits for a query hears while all parts are there */

    ngx_http_wahub_sql_abandon(w);
    ngx_http_wahub_worker_unwatch(ps);

    if (ps->leave.timer_set) {
        ngx_del_timer(&ps->leave);
    }

    if (ps->stay.timer_set) {
        ngx_del_timer(&ps->stay);
    }

    /* sockets first: the next holder logs in as soon as leases are free */

    ngx_http_wahub_registry_exit(w);

    if (w->shards != NULL && w->redis != NULL
        && ngx_http_wahub_redis_up(w->redis))
    {
        ngx_http_wahub_shards_abandon(w);
        ngx_http_wahub_redis_wait(w->redis, NGX_HTTP_WAHUB_EXIT_WAIT);
    }

    ngx_http_wahub_version_exit(w);
    ngx_http_wahub_media_exit(w);
    ngx_http_wahub_history_in_exit(w);
    ngx_http_wahub_webhook_exit(w);
    ngx_http_wahub_curl_exit(w);

    ngx_http_wahub_redis_close(w->sub);
    ngx_http_wahub_redis_close(w->redis);
    ngx_http_wahub_redis_close(w->sentinel);

    /* requests that waited for Redis have been answered by now */

    ngx_http_wahub_api_exit(w);
    ngx_http_wahub_calls_exit(w);
    ngx_http_wahub_store_exit(w);
    ngx_http_wahub_shards_exit(w);
    ngx_http_wahub_behind_exit(w);
    ngx_http_wahub_project_exit(w);
    ngx_http_wahub_sql_exit(w);
    ngx_http_wahub_file_exit(w);
    ngx_http_wahub_space_exit(w);
    ngx_http_wahub_resolver_exit(w);

    wa_engine_free(w->engine);

    if (w->read_buf != NULL) {
        ngx_free(w->read_buf);
    }

    wa_buf_free(&w->spare);

    if (w->late_event.posted) {
        ngx_delete_posted_event(&w->late_event);
    }

    wmcf->worker = NULL;
}
