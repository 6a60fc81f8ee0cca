/*
 * The transport of one account.  States are handlers; each installs the
 * next:
 *
 *   resolve -> connect -> [proxy] -> [tls handshake] -> open -> (shutdown)
 *           -> closed
 *
 * A peer has a small pool of its own for the connection and its TLS object,
 * and a log that names the account.  Reading uses one buffer per worker.
 * What a turn of the event loop writes leaves at its end at once; kept is
 * only what the socket did not take.  Everything that tells
 * the engine something starts from an event, never from a call of the
 * engine's drain.
 *
 * peer->slot is NULL once the engine has let go (shutdown, close).  A
 * closed peer's memory is freed in a posted event: handlers on the stack
 * may still look at it.
 */
#include "ngx_http_wahub_log.h"
#include "ngx_http_wahub_peer_int.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_PEER_LINGER    5000
#define NGX_HTTP_WAHUB_PEER_OUT_MAX   (4 * 1024 * 1024)
#define NGX_HTTP_WAHUB_PEER_SPARE     65536
#define NGX_HTTP_WAHUB_PEER_TURNS     8          /* reads per wakeup       */
#define NGX_HTTP_WAHUB_PEER_POOL      512
#define NGX_HTTP_WAHUB_PEER_TLS_POOL  1024


static void ngx_http_wahub_peer_opened(ngx_http_wahub_peer_t *peer);
static void ngx_http_wahub_peer_read_handler(ngx_event_t *rev);
static void ngx_http_wahub_peer_write_handler(ngx_event_t *wev);
static void ngx_http_wahub_peer_drain_handler(ngx_event_t *ev);
static void ngx_http_wahub_peer_late(ngx_http_wahub_late_t *late);
static void ngx_http_wahub_peer_report(ngx_event_t *ev);
static u_char *ngx_http_wahub_peer_log(ngx_log_t *log, u_char *buf,
    size_t len);


ngx_int_t
ngx_http_wahub_peer_open(ngx_http_wahub_account_t *slot)
{
    ngx_pool_t               *pool;
    ngx_http_wahub_peer_t    *peer;
    ngx_http_wahub_worker_t  *w = slot->worker;

    pool = ngx_create_pool(w->conf->endpoint.tls
                           ? NGX_HTTP_WAHUB_PEER_TLS_POOL
                           : NGX_HTTP_WAHUB_PEER_POOL, w->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    peer = ngx_pcalloc(pool, sizeof(ngx_http_wahub_peer_t));
    if (peer == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    peer->slot = slot;
    peer->worker = w;
    peer->pool = pool;

    peer->log = *w->log;
    peer->log.handler = ngx_http_wahub_peer_log;
    peer->log.data = peer;
    peer->log.action = (char *) "resolving whatsapp endpoint";
    pool->log = &peer->log;

    peer->event.data = peer;
    peer->event.log = &peer->log;
    peer->event.handler = ngx_http_wahub_peer_report;

    peer->late.handler = ngx_http_wahub_peer_late;

    slot->peer = peer;

    ngx_http_wahub_peer_start(peer);

    return NGX_OK;
}


static void
ngx_http_wahub_peer_opened(ngx_http_wahub_peer_t *peer)
{
    wa_done_t          done;
    ngx_connection_t  *c = peer->connection;

    peer->open = 1;
    peer->log.action = (char *) "talking to whatsapp";

    c->read->handler = ngx_http_wahub_peer_read_handler;
    c->write->handler = ngx_http_wahub_peer_write_handler;

    ngx_free(peer->addrs);
    peer->addrs = NULL;
    ngx_http_wahub_tunnel_free(peer);

    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = WA_DONE_CONNECT;
    done.err = WA_OK;

    ngx_http_wahub_account_done(peer->slot, &done);

    if (peer->slot != NULL && peer->connection != NULL) {
        ngx_http_wahub_peer_read_handler(c->read);
    }
}


/* -- reading ------------------------------------------------------------- */

/* The lease has run out: what came is not ours, what is left stays. */
static ngx_uint_t
ngx_http_wahub_peer_stale(ngx_http_wahub_peer_t *peer)
{
    if (ngx_http_wahub_shard_sure(peer->slot->shard)) {
        return 0;
    }

    ngx_http_wahub_account_drop(peer->slot, "OWNER_UNAVAILABLE",
                                "the account moves to another worker");
    return 1;
}


static void
ngx_http_wahub_peer_read_handler(ngx_event_t *rev)
{
    ssize_t                    n;
    u_char                    *buf;
    ngx_uint_t                 turns;
    ngx_connection_t          *c = rev->data;
    ngx_http_wahub_peer_t     *peer = c->data;
    ngx_http_wahub_account_t  *slot = peer->slot;

    if (c->close) {
        ngx_http_wahub_peer_fail(peer, "worker is shutting down");
        return;
    }

    if (ngx_http_wahub_peer_stale(peer)) {
        return;
    }

    buf = peer->worker->read_buf;

    for (turns = 0; turns < NGX_HTTP_WAHUB_PEER_TURNS; turns++) {

        if (wa_account_paused(slot->account)) {
            /* the bytes wait in the kernel; peer_resume() posts the event */
            break;
        }

        n = c->recv(c, buf, NGX_HTTP_WAHUB_READ_BUF);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_wahub_peer_fail(peer, n == 0 ? "closed by whatsapp"
                                                  : "connection lost");
            return;
        }

        (void) wa_account_feed(slot->account, wa_span(buf, (size_t) n),
                               ngx_http_wahub_worker_now(peer->worker));

        ngx_http_wahub_account_drain(slot);

        if (peer->slot == NULL || peer->connection == NULL) {
            return;
        }
    }

    if (turns == NGX_HTTP_WAHUB_PEER_TURNS) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wahub_peer_fail(peer, "event failed");
    }
}


void
ngx_http_wahub_peer_resume(ngx_http_wahub_peer_t *peer)
{
    if (peer->open && peer->connection != NULL
        && peer->connection->read->ready)
    {
        ngx_post_event(peer->connection->read, &ngx_posted_events);
    }
}


/* -- writing ------------------------------------------------------------- */

void
ngx_http_wahub_peer_send(ngx_http_wahub_peer_t *peer, wa_span_t bytes)
{
    if (peer->closed || peer->failure != NULL) {
        return;
    }

    if (peer->out.p == NULL) {
        wa_buf_move(&peer->out, &peer->worker->spare);
    }

    if (peer->out.n - peer->sent + bytes.n > NGX_HTTP_WAHUB_PEER_OUT_MAX
        || wa_buf_append_span(&peer->out, bytes) != WA_OK)
    {
        ngx_http_wahub_peer_fail(peer, "too much unsent");
        return;
    }

    ngx_http_wahub_late(peer->worker, &peer->late);
}


static void
ngx_http_wahub_peer_late(ngx_http_wahub_late_t *late)
{
    ngx_http_wahub_peer_t  *peer;

    peer = ngx_queue_data(late, ngx_http_wahub_peer_t, late);

    if (peer->slot == NULL || ngx_http_wahub_peer_stale(peer) == 0) {
        ngx_http_wahub_peer_flush(peer);
    }
}


/* An idle account keeps no buffer: the next one that writes gets it. */
static void
ngx_http_wahub_peer_spare(ngx_http_wahub_peer_t *peer)
{
    peer->out.n = 0;
    peer->sent = 0;

    if (peer->out.cap > NGX_HTTP_WAHUB_PEER_SPARE) {
        wa_buf_free(&peer->out);
        return;
    }

    wa_buf_move(&peer->worker->spare, &peer->out);
}


void
ngx_http_wahub_peer_flush(ngx_http_wahub_peer_t *peer)
{
    ssize_t            n;
    ngx_connection_t  *c = peer->connection;

    ngx_http_wahub_late_cancel(&peer->late);

    if (peer->open == 0 || peer->closed || peer->failure != NULL) {
        return;
    }

    while (peer->sent < peer->out.n) {

        n = c->send(c, peer->out.p + peer->sent, peer->out.n - peer->sent);

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_wahub_peer_fail(peer, "connection lost");
            return;
        }

        peer->sent += (size_t) n;
    }

    if (peer->sent == peer->out.n) {
        ngx_http_wahub_peer_spare(peer);
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_wahub_peer_fail(peer, "event failed");
    }
}


static void
ngx_http_wahub_peer_write_handler(ngx_event_t *wev)
{
    ngx_connection_t       *c = wev->data;
    ngx_http_wahub_peer_t  *peer = c->data;

    if (c->close) {
        ngx_http_wahub_peer_fail(peer, "worker is shutting down");
        return;
    }

    if (ngx_http_wahub_peer_stale(peer) == 0) {
        ngx_http_wahub_peer_flush(peer);
    }
}


/* -- the end ------------------------------------------------------------- */

/* Posts a report; nothing more is read or written. */
void
ngx_http_wahub_peer_fail(ngx_http_wahub_peer_t *peer, const char *reason)
{
    if (peer->closed || peer->failure != NULL) {
        return;
    }

    if (peer->slot == NULL) {
        ngx_http_wahub_peer_close(peer);
        return;
    }

    ngx_http_wahub_peer_disconnect(peer);

    peer->failure = reason;
    ngx_post_event(&peer->event, &ngx_posted_events);
}


/* Posted: connected, failed, or to be freed. */
static void
ngx_http_wahub_peer_report(ngx_event_t *ev)
{
    wa_done_t                  done;
    ngx_http_wahub_peer_t     *peer = ev->data;
    ngx_http_wahub_account_t  *slot = peer->slot;

    if (peer->closed) {
        ngx_destroy_pool(peer->pool);
        return;
    }

    if (peer->failure == NULL) {
        ngx_http_wahub_peer_opened(peer);
        return;
    }

    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = peer->open ? WA_DONE_CLOSED : WA_DONE_CONNECT;
    done.err = WA_ERR_STATE;
    done.text = peer->failure;

    ngx_http_wahub_log_line(NGX_LOG_INFO, peer->worker->log, slot->account,
                            "%s while %s", peer->failure, peer->log.action);

    ngx_http_wahub_peer_close(peer);
    ngx_http_wahub_account_done(slot, &done);
}


/* Closes the socket; the peer stays. */
void
ngx_http_wahub_peer_disconnect(ngx_http_wahub_peer_t *peer)
{
    ngx_connection_t  *c = peer->connection;

    if (c == NULL) {
        return;
    }

    peer->connection = NULL;

    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = (peer->open == 0 || c->error);

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            /* the notice does not fit into the socket: do without */
            c->timedout = 1;
            (void) ngx_ssl_shutdown(c);
        }
    }

    c->pool = NULL;
    ngx_close_connection(c);
}


void
ngx_http_wahub_peer_shutdown(ngx_http_wahub_peer_t *peer)
{
    ngx_connection_t  *c;

    if (peer->open && peer->failure == NULL) {
        ngx_http_wahub_peer_flush(peer);
    }

    if (peer->open == 0 || peer->closed || peer->failure != NULL
        || peer->out.n == 0)
    {
        ngx_http_wahub_peer_close(peer);
        return;
    }

    /* the rest goes out without the slot */

    if (peer->slot != NULL) {
        peer->slot->peer = NULL;
        peer->slot = NULL;
    }

    c = peer->connection;

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    c->read->handler = ngx_http_wahub_peer_drain_handler;
    c->write->handler = ngx_http_wahub_peer_drain_handler;
    c->write->cancelable = 1;
    ngx_add_timer(c->write, NGX_HTTP_WAHUB_PEER_LINGER);
}


static void
ngx_http_wahub_peer_drain_handler(ngx_event_t *ev)
{
    ngx_connection_t       *c = ev->data;
    ngx_http_wahub_peer_t  *peer = c->data;

    if (ev->timedout || c->close) {
        ngx_http_wahub_peer_close(peer);
        return;
    }

    if (ev->write == 0) {
        return;
    }

    ngx_http_wahub_peer_flush(peer);

    if (peer->closed == 0 && peer->out.n == 0) {
        ngx_http_wahub_peer_close(peer);
    }
}


void
ngx_http_wahub_peer_close(ngx_http_wahub_peer_t *peer)
{
    if (peer->closed) {
        return;
    }

    peer->closed = 1;

    if (peer->slot != NULL) {
        peer->slot->peer = NULL;
        peer->slot = NULL;
    }

    if (peer->resolve != NULL) {
        ngx_http_wahub_resolve_cancel(peer->resolve);
        peer->resolve = NULL;
    }

    ngx_http_wahub_peer_disconnect(peer);

    ngx_http_wahub_late_cancel(&peer->late);
    wa_buf_free(&peer->out);

    if (peer->addrs != NULL) {
        ngx_free(peer->addrs);
        peer->addrs = NULL;
    }

    ngx_http_wahub_tunnel_free(peer);

    ngx_post_event(&peer->event, &ngx_posted_events);
}


static u_char *
ngx_http_wahub_peer_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                 *p;
    ngx_http_wahub_peer_t  *peer = log->data;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
    }

    p = ngx_snprintf(p, buf + len - p, ", peer: %V",
                     &peer->worker->conf->endpoint.url);

    if (peer->slot == NULL) {
        return p;
    }

    return ngx_http_wahub_log_account(p, buf + len - p, peer->slot->account);
}
