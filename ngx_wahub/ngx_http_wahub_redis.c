/*
 * nginx events <-> hiredis; the connection.  hiredis is known to
 * the ngx_http_wahub_redis*.c files only.
 *
 *            start                    handshake answered
 *   [down] ---------> [connecting] ----------------------> [up]
 *     ^                    |  error, 2 s                    |
 *     +-- backoff ---------+--------------------------------+  lost, silent
 *
 * hiredis 0.14 reads at most 16 kB per call and owns its descriptor, so
 * both events are level-triggered and the ngx_connection_t is freed, never
 * closed, in the cleanup hook.  All ends meet in that hook: it is the only
 * place that runs for a failed connect, a lost connection and a free.
 *
 * Writing: commands of one turn of the event loop collect in hiredis'
 * buffer and leave together at its end; the write event is armed only when
 * the socket does not take all of it.
 *
 * A script unknown to the server (flushed) is treated as a lost connection:
 * reconnecting loads all scripts, and whoever needs order sends again.
 */
#include "ngx_http_wahub_redis_int.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_REDIS_CONNECT   2000
#define NGX_HTTP_WAHUB_REDIS_SILENT    5000
#define NGX_HTTP_WAHUB_REDIS_TICK      1000
#define NGX_HTTP_WAHUB_REDIS_IDLE      4000
#define NGX_HTTP_WAHUB_REDIS_BACKOFF   2000
#define NGX_HTTP_WAHUB_REDIS_DOUBT     4         /* attempts               */


static void ngx_http_wahub_redis_connect(ngx_http_wahub_redis_t *rc);
static ngx_int_t ngx_http_wahub_redis_attach(ngx_http_wahub_redis_t *rc);
static void ngx_http_wahub_redis_retry(ngx_http_wahub_redis_t *rc);
static void ngx_http_wahub_redis_timer(ngx_event_t *ev);
static void ngx_http_wahub_redis_watch(ngx_http_wahub_redis_t *rc);
static void ngx_http_wahub_redis_read_handler(ngx_event_t *ev);
static void ngx_http_wahub_redis_write_handler(ngx_event_t *ev);
static void ngx_http_wahub_redis_flush_handler(ngx_http_wahub_late_t *late);
static void ngx_http_wahub_redis_add_read(void *data);
static void ngx_http_wahub_redis_del_read(void *data);
static void ngx_http_wahub_redis_add_write(void *data);
static void ngx_http_wahub_redis_del_write(void *data);
static void ngx_http_wahub_redis_cleanup(void *data);
static void ngx_http_wahub_redis_connected(const redisAsyncContext *ac,
    int status);


ngx_http_wahub_redis_t *
ngx_http_wahub_redis_create(ngx_http_wahub_worker_t *w, const char *name)
{
    ngx_http_wahub_redis_t  *rc;

    rc = ngx_calloc(sizeof(ngx_http_wahub_redis_t), w->log);
    if (rc == NULL) {
        return NULL;
    }

    rc->worker = w;
    rc->conf = &w->conf->redis;
    rc->name = name;

    rc->probe_key.data = ngx_pnalloc(ngx_cycle->pool,
                                     w->conf->redis_prefix.len
                                     + sizeof(":probe"));
    if (rc->probe_key.data == NULL) {
        ngx_free(rc);
        return NULL;
    }

    rc->probe_key.len = ngx_sprintf(rc->probe_key.data, "%V:probe",
                                    &w->conf->redis_prefix)
                        - rc->probe_key.data;

    rc->timer.data = rc;
    rc->timer.log = w->log;
    rc->timer.handler = ngx_http_wahub_redis_timer;
    rc->timer.cancelable = 1;

    rc->flush.handler = ngx_http_wahub_redis_flush_handler;

    return rc;
}


ngx_int_t
ngx_http_wahub_redis_on_state(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_state_pt handler, void *data)
{
    if (rc->nstates == NGX_HTTP_WAHUB_REDIS_STATES) {
        return NGX_ERROR;
    }

    rc->states[rc->nstates].handler = handler;
    rc->states[rc->nstates].data = data;
    rc->nstates++;

    return NGX_OK;
}


void
ngx_http_wahub_redis_announce(ngx_http_wahub_redis_t *rc, ngx_uint_t up)
{
    ngx_uint_t  i;

    for (i = 0; i < rc->nstates; i++) {
        rc->states[i].handler(rc->states[i].data, up);
    }
}


void
ngx_http_wahub_redis_start(ngx_http_wahub_redis_t *rc)
{
    ngx_http_wahub_redis_connect(rc);
}


ngx_int_t
ngx_http_wahub_redis_up(ngx_http_wahub_redis_t *rc)
{
    return rc->up;
}


ngx_uint_t
ngx_http_wahub_redis_tried(ngx_http_wahub_redis_t *rc)
{
    return rc->up || rc->attempts != 0;
}


void
ngx_http_wahub_redis_close(ngx_http_wahub_redis_t *rc)
{
    ngx_http_wahub_redis_cmd_t  *cmd;

    if (rc == NULL) {
        return;
    }

    rc->closing = 1;

    if (rc->ac != NULL) {
        redisAsyncFree(rc->ac);
    }

    if (rc->timer.timer_set) {
        ngx_del_timer(&rc->timer);
    }

    if (rc->finder != NULL) {

        if (rc->finder->resolve != NULL) {
            ngx_http_wahub_resolve_cancel(rc->finder->resolve);
        }

        ngx_free(rc->finder);
    }

    while (rc->free != NULL) {
        cmd = rc->free;
        rc->free = cmd->next;
        ngx_free(cmd);
    }

    if (rc->buf != NULL) {
        ngx_free(rc->buf);
    }

    ngx_free(rc);
}


void
ngx_http_wahub_redis_reset(ngx_http_wahub_redis_t *rc, const char *reason)
{
    if (rc->ac == NULL || rc->ac->c.flags & REDIS_FREEING) {
        return;
    }

    rc->up = 0;
    rc->reason = reason;
    redisAsyncFree(rc->ac);
}


/* -- connecting ---------------------------------------------------------- */

static redisAsyncContext *
ngx_http_wahub_redis_tcp(struct sockaddr *sa, socklen_t socklen)
{
    u_char  *p, text[NGX_SOCKADDR_STRLEN + 1];
    size_t   len;

    p = text;
    len = ngx_sock_ntop(sa, socklen, text, NGX_SOCKADDR_STRLEN, 0);

    /* without the brackets of an IPv6 address */

    if (len > 2 && text[0] == '[') {
        p++;
        len--;
    }

    text[len] = '\0';

    return redisAsyncConnect((char *) p, ngx_inet_get_port(sa));
}


void
ngx_http_wahub_redis_moved(ngx_http_wahub_redis_t *rc)
{
    if (rc->ac != NULL) {
        ngx_http_wahub_redis_reset(rc, "the master is another one now");
        return;
    }

    if (rc->timer.timer_set) {
        ngx_del_timer(&rc->timer);
    }

    ngx_http_wahub_redis_connect(rc);
}


static void
ngx_http_wahub_redis_connect(ngx_http_wahub_redis_t *rc)
{
    ngx_addr_t                       *addr;
    redisAsyncContext                *ac;
    ngx_http_wahub_redis_sentinel_t  *finder;

    if (rc->conf->path.len != 0) {
        ac = redisAsyncConnectUnix((char *) rc->conf->path.data);

    } else if (rc->conf->master.len != 0 && rc->finder == NULL) {

        finder = ngx_http_wahub_sentinel_of(rc);

        if (finder == NULL) {
            /* ngx_http_wahub_redis_moved() comes */
            return;
        }

        rc->place = finder->version;
        ac = ngx_http_wahub_redis_tcp(&finder->sockaddr.sockaddr,
                                      finder->socklen);

    } else {
        addr = &rc->conf->addrs[rc->addr++ % rc->conf->naddrs];
        ac = ngx_http_wahub_redis_tcp(addr->sockaddr, addr->socklen);
    }

    if (ac == NULL) {
        ngx_http_wahub_redis_retry(rc);
        return;
    }

    if (ac->err) {
        if (rc->attempts == 0) {
            ngx_log_error(NGX_LOG_ERR, rc->worker->log, 0,
                          "wahub: connecting to redis \"%V\" failed: %s",
                          &rc->conf->url, ac->errstr);
        }

        redisAsyncFree(ac);
        ngx_http_wahub_redis_retry(rc);
        return;
    }

#ifdef NGX_HTTP_WAHUB_REDIS_TLS

    if (rc->conf->ssl != NULL
        && ngx_http_wahub_redis_secure(rc, ac) != NGX_OK)
    {
        redisAsyncFree(ac);
        ngx_http_wahub_redis_retry(rc);
        return;
    }

#endif

    rc->ac = ac;

    if (ngx_http_wahub_redis_attach(rc) != NGX_OK) {
        rc->ac = NULL;
        redisAsyncFree(ac);
        ngx_http_wahub_redis_retry(rc);
    }
}


static ngx_int_t
ngx_http_wahub_redis_attach(ngx_http_wahub_redis_t *rc)
{
    ngx_connection_t   *c;
    redisAsyncContext  *ac = rc->ac;

    c = ngx_get_connection(ac->c.fd, rc->worker->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = rc;
    c->read->handler = ngx_http_wahub_redis_read_handler;
    c->write->handler = ngx_http_wahub_redis_write_handler;
    c->read->log = c->log;
    c->write->log = c->log;

    rc->connection = c;

    ac->data = rc;
    ac->ev.data = rc;
    ac->ev.addRead = ngx_http_wahub_redis_add_read;
    ac->ev.delRead = ngx_http_wahub_redis_del_read;
    ac->ev.addWrite = ngx_http_wahub_redis_add_write;
    ac->ev.delWrite = ngx_http_wahub_redis_del_write;
    ac->ev.cleanup = ngx_http_wahub_redis_cleanup;

    ngx_add_timer(&rc->timer, NGX_HTTP_WAHUB_REDIS_CONNECT);

    /* asks for the write event that completes the connect */
    (void) redisAsyncSetConnectCallback(ac, ngx_http_wahub_redis_connected);

    return NGX_OK;
}


/* Delay before the next try: 50 ms, doubled up to 2 s, half of it random. */
static void
ngx_http_wahub_redis_retry(ngx_http_wahub_redis_t *rc)
{
    ngx_msec_t  delay;

    delay = 50 << ngx_min(rc->attempts, 6);
    delay = ngx_min(delay, NGX_HTTP_WAHUB_REDIS_BACKOFF);
    delay = delay / 2 + ngx_random() % (delay / 2 + 1);

    rc->attempts++;

    if (rc->conf->master.len != 0 && rc->finder == NULL
        && rc->attempts % NGX_HTTP_WAHUB_REDIS_DOUBT == 0)
    {
        ngx_http_wahub_sentinel_doubt(rc->worker);
    }

    if (rc->timer.timer_set) {
        ngx_del_timer(&rc->timer);
    }

    ngx_add_timer(&rc->timer, delay);
}


static void
ngx_http_wahub_redis_timer(ngx_event_t *ev)
{
    ngx_http_wahub_redis_t  *rc = ev->data;

    if (rc->ac == NULL) {
        ngx_http_wahub_redis_connect(rc);
        return;
    }

    if (rc->up) {
        ngx_http_wahub_redis_watch(rc);
        return;
    }

    if (rc->attempts == 0) {
        ngx_log_error(NGX_LOG_ERR, rc->worker->log, 0,
                      "wahub: redis \"%V\" does not answer", &rc->conf->url);
    }

    redisAsyncFree(rc->ac);
}


static void
ngx_http_wahub_redis_watch(ngx_http_wahub_redis_t *rc)
{
    ngx_msec_t  silent;

    silent = ngx_current_msec - rc->heard;

    if (rc->nchannels != 0) {

        if (silent >= NGX_HTTP_WAHUB_REDIS_SILENT * 2) {
            ngx_http_wahub_redis_reset(rc, "silent");
            return;
        }

        /* a repeated SUBSCRIBE is the ping of a subscriber: hiredis 0.14
           cannot match the answer of a PING in that mode */

        if (silent >= NGX_HTTP_WAHUB_REDIS_IDLE) {
            ngx_http_wahub_redis_listen(rc, &rc->channels[0]);
        }

    } else {

        if (rc->pending != 0 && silent >= NGX_HTTP_WAHUB_REDIS_SILENT) {
            ngx_http_wahub_redis_reset(rc, "no answer");
            return;
        }

        ngx_http_wahub_redis_probe(rc);
    }

    ngx_add_timer(&rc->timer, rc->trouble ? NGX_HTTP_WAHUB_REDIS_TICK / 2
                                          : NGX_HTTP_WAHUB_REDIS_TICK);
}


/* -- hiredis' hooks ------------------------------------------------------ */

static void
ngx_http_wahub_redis_read_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c = ev->data;
    ngx_http_wahub_redis_t  *rc = c->data;

    redisAsyncHandleRead(rc->ac);
}


static void
ngx_http_wahub_redis_write_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c = ev->data;
    ngx_http_wahub_redis_t  *rc = c->data;

    redisAsyncHandleWrite(rc->ac);
}


static void
ngx_http_wahub_redis_flush_handler(ngx_http_wahub_late_t *late)
{
    ngx_http_wahub_redis_t  *rc;

    rc = ngx_queue_data(late, ngx_http_wahub_redis_t, flush);

    if (rc->ac == NULL) {
        return;
    }

    rc->flushing = 1;
    redisAsyncHandleWrite(rc->ac);
    rc->flushing = 0;
}


static void
ngx_http_wahub_redis_add_read(void *data)
{
    ngx_http_wahub_redis_t  *rc = data;

    if (rc->connection->read->active == 0) {
        (void) ngx_add_event(rc->connection->read, NGX_READ_EVENT,
                             NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_wahub_redis_del_read(void *data)
{
    ngx_http_wahub_redis_t  *rc = data;

    if (rc->connection->read->active) {
        (void) ngx_del_event(rc->connection->read, NGX_READ_EVENT, 0);
    }
}


static void
ngx_http_wahub_redis_add_write(void *data)
{
    ngx_http_wahub_redis_t  *rc = data;

    if (rc->connection->write->active) {
        return;
    }

    /* asked for while flushing: the socket says when to go on */

    if (rc->flushing == 0 && rc->ac->c.flags & REDIS_CONNECTED) {
        ngx_http_wahub_late(rc->worker, &rc->flush);
        return;
    }

    (void) ngx_add_event(rc->connection->write, NGX_WRITE_EVENT,
                         NGX_LEVEL_EVENT);
}


static void
ngx_http_wahub_redis_del_write(void *data)
{
    ngx_http_wahub_redis_t  *rc = data;

    if (rc->connection->write->active) {
        (void) ngx_del_event(rc->connection->write, NGX_WRITE_EVENT, 0);
    }
}


static void
ngx_http_wahub_redis_cleanup(void *data)
{
    const char              *reason;
    ngx_connection_t        *c;
    ngx_http_wahub_redis_t  *rc = data;

    c = rc->connection;
    reason = rc->ac->err ? rc->ac->errstr : rc->reason;

#ifdef NGX_HTTP_WAHUB_REDIS_TLS

    /* hiredis says no more than that it failed */

    if (ngx_http_wahub_redis_distrust(rc) != NULL) {
        reason = ngx_http_wahub_redis_distrust(rc);
    }

    rc->tls = NULL;

#endif

    if (rc->attempts == 0 && rc->closing == 0 && rc->refused == 0) {
        ngx_log_error(NGX_LOG_WARN, rc->worker->log, 0,
                      "wahub: redis connection (%s) to \"%V\" is down%s%s",
                      rc->name, &rc->conf->url, reason ? ": " : "",
                      reason ? reason : "");
    }

    ngx_http_wahub_redis_del_read(rc);
    ngx_http_wahub_redis_del_write(rc);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_http_wahub_late_cancel(&rc->flush);

    /* hiredis closes the descriptor */
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    rc->ac->ev.data = NULL;
    rc->ac = NULL;
    rc->connection = NULL;
    rc->up = 0;
    rc->refused = 0;
    rc->probing = 0;
    rc->trouble = NULL;
    rc->reason = NULL;

    if (rc->closing) {
        return;
    }

    ngx_http_wahub_redis_retry(rc);

    if (rc->announced) {
        rc->announced = 0;
        ngx_http_wahub_redis_announce(rc, 0);
    }
}


/* -- the handshake ------------------------------------------------------- */

void
ngx_http_wahub_redis_refuse(ngx_http_wahub_redis_t *rc, const char *reason,
    const ngx_str_t *text)
{
    if (reason != rc->refusal) {
        ngx_log_error(NGX_LOG_ERR, rc->worker->log, 0,
                      "wahub: redis \"%V\" %s: \"%V\"", &rc->conf->url,
                      reason, text);
    }

    rc->refusal = reason;
    rc->refused = 1;
    redisAsyncFree(rc->ac);
}


void
ngx_http_wahub_redis_greeted(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t                text;
    ngx_uint_t               i, level;
    const char              *reason;
    ngx_http_wahub_redis_t  *rc = data;

    if (reply == NULL) {
        return;
    }

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error) {
        text = ngx_http_wahub_redis_str(reply);
        reason = ngx_http_wahub_redis_diagnose(reply);
        ngx_http_wahub_redis_refuse(rc, reason ? reason : "refused", &text);
        return;
    }

    level = (rc->finder == NULL) ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, rc->worker->log, 0,
                  "wahub: redis connection (%s) to \"%V\" is up", rc->name,
                  &rc->conf->url);

    rc->up = 1;
    rc->announced = 1;
    rc->attempts = 0;
    rc->refusal = NULL;
    rc->heard = ngx_current_msec;

    ngx_del_timer(&rc->timer);
    ngx_add_timer(&rc->timer, NGX_HTTP_WAHUB_REDIS_TICK);

    for (i = 0; i < rc->nchannels; i++) {
        ngx_http_wahub_redis_listen(rc, &rc->channels[i]);
    }

    if (rc->nchannels == 0) {
        ngx_http_wahub_redis_probe(rc);
    }

    ngx_http_wahub_redis_announce(rc, 1);
}


/* AUTH and the like: only a refusal matters, the rest waits for PING. */
static void
ngx_http_wahub_redis_step(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error) {
        ngx_http_wahub_redis_greeted(data, reply);
    }
}


/* Sentinels name masters; what answers there may be one no more. */
static void
ngx_http_wahub_redis_role(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t                role;
    ngx_http_wahub_redis_t  *rc = data;

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_array) {
        ngx_http_wahub_redis_step(data, reply);
        return;
    }

    role = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 0));

    if (role.len != 6 || ngx_memcmp(role.data, "master", 6) != 0) {
        ngx_http_wahub_redis_refuse(rc, "is not the master", &role);
        ngx_http_wahub_sentinel_doubt(rc->worker);
    }
}


static ngx_int_t
ngx_http_wahub_redis_login(ngx_http_wahub_redis_t *rc)
{
    u_char                        db[NGX_INT_T_LEN];
    ngx_str_t                     argv[3];
    ngx_uint_t                    n;
    ngx_http_wahub_redis_conf_t  *conf = rc->conf;

    if (conf->password.len != 0) {
        n = 0;
        ngx_str_set(&argv[n], "AUTH");
        n++;

        if (conf->user.len != 0) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        if (ngx_http_wahub_redis_queue(rc, ngx_http_wahub_redis_step, rc,
                                       argv, n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (conf->master.len != 0) {
        ngx_str_set(&argv[0], "ROLE");

        if (ngx_http_wahub_redis_queue(rc, ngx_http_wahub_redis_role, rc,
                                       argv, 1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (conf->db != 0) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%i", conf->db) - db;

        if (ngx_http_wahub_redis_queue(rc, ngx_http_wahub_redis_step, rc,
                                       argv, 2)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_wahub_redis_connected(const redisAsyncContext *ac, int status)
{
    ngx_str_t                argv[3];
    ngx_uint_t               i;
    ngx_http_wahub_redis_t  *rc = ac->data;

    if (status != REDIS_OK) {
        /* hiredis frees the context next; the cleanup hook goes on */
        return;
    }

    if (rc->finder != NULL) {
        if (ngx_http_wahub_sentinel_greet(rc) == NGX_OK) {
            return;
        }

        goto failed;
    }

    if (ngx_http_wahub_redis_login(rc) != NGX_OK) {
        goto failed;
    }

    for (i = 0; i < rc->nscripts; i++) {
        ngx_str_set(&argv[0], "SCRIPT");
        ngx_str_set(&argv[1], "LOAD");
        argv[2] = *rc->scripts[i].text;

        if (ngx_http_wahub_redis_queue(rc, ngx_http_wahub_redis_step, rc,
                                       argv, 3)
            != NGX_OK)
        {
            goto failed;
        }
    }

    ngx_str_set(&argv[0], "PING");

    if (ngx_http_wahub_redis_queue(rc, ngx_http_wahub_redis_greeted, rc,
                                   argv, 1)
        == NGX_OK)
    {
        return;
    }

failed:

    ngx_log_error(NGX_LOG_ERR, rc->worker->log, 0,
                  "wahub: no memory for redis handshake");
}
