/*
 * A transport's way through its proxy.  Each step is a handler for what comes
 * next:
 *
 *   HTTP    CONNECT -> header
 *   SOCKS5  methods -> [credentials ->] request -> address
 *
 * Nothing may come behind the answer: it is us who speak first through the
 * tunnel.
 */
#include "ngx_http_wahub_peer_int.h"

#include "wa_b64.h"


#define NGX_HTTP_WAHUB_TUNNEL_TIME  15000       /* ms, all of it           */


static void ngx_http_wahub_tunnel_read(ngx_event_t *rev);
static void ngx_http_wahub_tunnel_write(ngx_event_t *wev);
static ngx_int_t ngx_http_wahub_tunnel_connect(
    ngx_http_wahub_peer_t *peer);
static ngx_int_t ngx_http_wahub_tunnel_header(ngx_http_wahub_peer_t *peer);
static ngx_int_t ngx_http_wahub_tunnel_method(ngx_http_wahub_peer_t *peer);
static ngx_int_t ngx_http_wahub_tunnel_auth(ngx_http_wahub_peer_t *peer);
static ngx_int_t ngx_http_wahub_tunnel_request(ngx_http_wahub_peer_t *peer);
static ngx_int_t ngx_http_wahub_tunnel_reply(ngx_http_wahub_peer_t *peer);


void
ngx_http_wahub_tunnel_start(ngx_http_wahub_peer_t *peer)
{
    ngx_connection_t         *c = peer->connection;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;

    peer->log.action = (char *) "talking to the proxy";

    c->read->handler = ngx_http_wahub_tunnel_read;
    c->write->handler = ngx_http_wahub_tunnel_write;
    c->read->cancelable = 1;
    ngx_add_timer(c->read, NGX_HTTP_WAHUB_TUNNEL_TIME);

    t->in_len = 0;
    t->out_len = 0;
    t->sent = 0;

    if (t->proxy.socks == 0) {

        if (ngx_http_wahub_tunnel_connect(peer) != NGX_OK) {
            ngx_http_wahub_peer_fail(peer, "out of memory");
            return;
        }

    } else {
        t->out[0] = 5;
        t->out[1] = t->proxy.credentials ? 2 : 1;
        t->out[2] = 0;
        t->out[3] = 2;
        t->out_len = t->proxy.credentials ? 4 : 3;
        t->want = 2;
        t->step = ngx_http_wahub_tunnel_method;
    }

    ngx_http_wahub_tunnel_write(c->write);
}


void
ngx_http_wahub_tunnel_free(ngx_http_wahub_peer_t *peer)
{
    if (peer->tunnel != NULL) {
        wa_wipe(peer->tunnel, sizeof(ngx_http_wahub_tunnel_t));
        ngx_free(peer->tunnel);
        peer->tunnel = NULL;
    }
}


static void
ngx_http_wahub_tunnel_write(ngx_event_t *wev)
{
    ssize_t                   n;
    ngx_connection_t         *c = wev->data;
    ngx_http_wahub_peer_t    *peer = c->data;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;

    if (c->close) {
        ngx_http_wahub_peer_fail(peer, "worker is shutting down");
        return;
    }

    while (t->sent < t->out_len) {
        n = c->send(c, t->out + t->sent, t->out_len - t->sent);

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_wahub_peer_fail(peer, "proxy: connection lost");
            return;
        }

        t->sent += (size_t) n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_http_wahub_peer_fail(peer, "event failed");
    }
}


/* Reads what the step wants, and no more. */
static void
ngx_http_wahub_tunnel_read(ngx_event_t *rev)
{
    ssize_t                   n;
    ngx_int_t                 rc;
    ngx_connection_t         *c = rev->data;
    ngx_http_wahub_peer_t    *peer = c->data;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;

    if (c->close) {
        ngx_http_wahub_peer_fail(peer, "worker is shutting down");
        return;
    }

    if (rev->timedout) {
        ngx_http_wahub_peer_fail(peer, "proxy: no answer in time");
        return;
    }

    for ( ;; ) {
        n = c->recv(c, t->in + t->in_len, t->want - t->in_len);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_wahub_peer_fail(peer, "proxy: connection lost");
            return;
        }

        t->in_len += (size_t) n;

        /* a header ends where it ends */

        if (t->in_len < t->want
            && t->step != ngx_http_wahub_tunnel_header)
        {
            continue;
        }

        rc = t->step(peer);

        if (rc == NGX_ERROR) {
            return;
        }

        if (rc == NGX_DONE) {
            ngx_del_timer(c->read);
            ngx_http_wahub_peer_tunnelled(peer);
            return;
        }

        if (t->sent < t->out_len) {
            ngx_http_wahub_tunnel_write(c->write);

            if (peer->connection == NULL) {
                return;
            }
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wahub_peer_fail(peer, "event failed");
    }
}


static ngx_int_t
ngx_http_wahub_tunnel_refused(ngx_http_wahub_peer_t *peer,
    const char *reason)
{
    ngx_http_wahub_peer_fail(peer, reason);

    return NGX_ERROR;
}


/* The next step, which wants so many bytes. */
static ngx_int_t
ngx_http_wahub_tunnel_next(ngx_http_wahub_tunnel_t *t,
    ngx_http_wahub_tunnel_pt step, size_t want, size_t out_len)
{
    t->step = step;
    t->want = want;
    t->in_len = 0;
    t->out_len = out_len;
    t->sent = 0;

    return NGX_OK;
}


/* -- HTTP ---------------------------------------------------------------- */

static ngx_int_t
ngx_http_wahub_tunnel_connect(ngx_http_wahub_peer_t *peer)
{
    u_char                     *p, *last;
    wa_err_t                    rc;
    wa_buf_t                    both = WA_BUF_EMPTY, b64 = WA_BUF_EMPTY;
    const char                 *form;
    ngx_http_wahub_tunnel_t    *t = peer->tunnel;
    ngx_http_wahub_endpoint_t  *ep = &peer->worker->conf->endpoint;

    form = ngx_strlchr(ep->host.data, ep->host.data + ep->host.len, ':')
           ? "CONNECT [%V]:%d HTTP/1.1\r\nHost: [%V]:%d\r\n"
           : "CONNECT %V:%d HTTP/1.1\r\nHost: %V:%d\r\n";

    last = t->out + sizeof(t->out);
    p = ngx_slprintf(t->out, last, form, &ep->host, (int) ep->port,
                     &ep->host, (int) ep->port);

    if (t->proxy.credentials) {
        rc = wa_buf_append(&both, t->proxy.user, t->proxy.user_len);

        if (rc == WA_OK) {
            rc = wa_buf_append(&both, ":", 1);
        }

        if (rc == WA_OK) {
            rc = wa_buf_append(&both, t->proxy.password,
                               t->proxy.password_len);
        }

        if (rc == WA_OK) {
            rc = wa_b64_encode(wa_span_buf(&both), WA_B64_STD, &b64);
        }

        p = ngx_slprintf(p, last, "Proxy-Authorization: Basic %*s\r\n",
                         b64.n, b64.p);
        wa_buf_wipe(&both);
        wa_buf_wipe(&b64);

        if (rc != WA_OK) {
            return NGX_ERROR;
        }
    }

    p = ngx_slprintf(p, last, "\r\n");

    return ngx_http_wahub_tunnel_next(t, ngx_http_wahub_tunnel_header,
                                      sizeof(t->in),
                                      (size_t) (p - t->out));
}


/* "HTTP/1.1 200 ..." and an empty line at the very end. */
static ngx_int_t
ngx_http_wahub_tunnel_header(ngx_http_wahub_peer_t *peer)
{
    size_t                    i;
    ngx_int_t                 status;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;

    for (i = 4; i <= t->in_len; i++) {
        if (ngx_memcmp(t->in + i - 4, "\r\n\r\n", 4) == 0) {
            break;
        }
    }

    if (i > t->in_len) {
        return t->in_len == t->want
               ? ngx_http_wahub_tunnel_refused(peer, "proxy: its answer is "
                                               "too long")
               : NGX_OK;
    }

    status = (ngx_memcmp(t->in, "HTTP/1.", 7) == 0 && t->in_len > 12
              && t->in[8] == ' ')
             ? ngx_atoi(t->in + 9, 3) : NGX_ERROR;

    if (status == 407 || status == 401) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it wants other "
                                             "credentials");
    }

    if (status == 403) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it does not allow "
                                             "this connection");
    }

    if (status < 200 || status > 299 || i != t->in_len) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it does not "
                                             "connect to WhatsApp");
    }

    return NGX_DONE;
}


/* -- SOCKS5 -------------------------------------------------------------- */

static ngx_int_t
ngx_http_wahub_tunnel_method(ngx_http_wahub_peer_t *peer)
{
    u_char                   *p;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;
    ngx_http_wahub_proxy_t   *proxy = &t->proxy;

    if (t->in[0] != 5) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it does not speak "
                                             "SOCKS5");
    }

    if (t->in[1] == 0) {
        return ngx_http_wahub_tunnel_request(peer);
    }

    if (t->in[1] != 2 || proxy->credentials == 0) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it wants other "
                                             "credentials");
    }

    p = t->out;
    *p++ = 1;
    *p++ = (u_char) proxy->user_len;
    p = ngx_cpymem(p, proxy->user, proxy->user_len);
    *p++ = (u_char) proxy->password_len;
    p = ngx_cpymem(p, proxy->password, proxy->password_len);

    return ngx_http_wahub_tunnel_next(t, ngx_http_wahub_tunnel_auth, 2,
                                      (size_t) (p - t->out));
}


static ngx_int_t
ngx_http_wahub_tunnel_auth(ngx_http_wahub_peer_t *peer)
{
    if (peer->tunnel->in[1] != 0) {
        return ngx_http_wahub_tunnel_refused(peer, "proxy: it wants other "
                                             "credentials");
    }

    return ngx_http_wahub_tunnel_request(peer);
}


static ngx_int_t
ngx_http_wahub_tunnel_request(ngx_http_wahub_peer_t *peer)
{
    u_char                     *p;
    in_addr_t                   addr;
    ngx_http_wahub_tunnel_t    *t = peer->tunnel;
    ngx_http_wahub_endpoint_t  *ep = &peer->worker->conf->endpoint;

    p = t->out;
    *p++ = 5;
    *p++ = 1;
    *p++ = 0;

    addr = ep->literal ? ngx_inet_addr(ep->host.data, ep->host.len)
                       : INADDR_NONE;

    if (addr != INADDR_NONE) {
        *p++ = 1;
        p = ngx_cpymem(p, &addr, 4);

#if (NGX_HAVE_INET6)
    } else if (ep->literal
               && ngx_inet6_addr(ep->host.data, ep->host.len, p + 1)
                  == NGX_OK)
    {
        *p = 4;
        p += 17;
#endif

    } else {
        *p++ = 3;
        *p++ = (u_char) ep->host.len;
        p = ngx_cpymem(p, ep->host.data, ep->host.len);
    }

    *p++ = (u_char) (ep->port >> 8);
    *p++ = (u_char) ep->port;

    return ngx_http_wahub_tunnel_next(t, ngx_http_wahub_tunnel_reply, 5,
                                      (size_t) (p - t->out));
}


/* Five bytes tell how long the rest is: an address and a port. */
static ngx_int_t
ngx_http_wahub_tunnel_reply(ngx_http_wahub_peer_t *peer)
{
    size_t                    whole;
    ngx_http_wahub_tunnel_t  *t = peer->tunnel;

    if (t->in[0] != 5 || t->in[1] != 0) {
        return ngx_http_wahub_tunnel_refused(peer, t->in[1] == 2
                   ? "proxy: it does not allow this connection"
                   : "proxy: it does not connect to WhatsApp");
    }

    switch (t->in[3]) {

    case 1:
        whole = 4 + 4 + 2;
        break;

    case 3:
        whole = 5 + (size_t) t->in[4] + 2;
        break;

    case 4:
        whole = 4 + 16 + 2;
        break;

    default:
        return ngx_http_wahub_tunnel_refused(peer, "proxy: its answer cannot "
                                             "be read");
    }

    if (t->in_len < whole) {
        t->want = whole;
        return NGX_OK;
    }

    return NGX_DONE;
}
