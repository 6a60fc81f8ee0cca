/*
 * Name lookup, TCP and TLS of a transport.
 */
#include "ngx_http_wahub_peer_int.h"


#define NGX_HTTP_WAHUB_PEER_CONNECT   10000
#define NGX_HTTP_WAHUB_PEER_TLS       10000


static void ngx_http_wahub_peer_resolved(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n);
static void ngx_http_wahub_peer_connect_next(ngx_http_wahub_peer_t *peer);
static const char *ngx_http_wahub_peer_why(ngx_err_t err);
static ngx_int_t ngx_http_wahub_peer_connect(ngx_http_wahub_peer_t *peer,
    ngx_http_wahub_addr_t *addr);
static void ngx_http_wahub_peer_connect_handler(ngx_event_t *ev);
static void ngx_http_wahub_peer_connected(ngx_http_wahub_peer_t *peer);
static void ngx_http_wahub_peer_tls_start(ngx_http_wahub_peer_t *peer);
static void ngx_http_wahub_peer_tls_handler(ngx_connection_t *c);
static void ngx_http_wahub_peer_ready(ngx_http_wahub_peer_t *peer);
static void ngx_http_wahub_peer_ready_handler(ngx_event_t *ev);


static ngx_int_t
ngx_http_wahub_peer_literal(const ngx_str_t *host,
    ngx_http_wahub_addr_t *addr)
{
    in_addr_t  inaddr;

    ngx_memzero(addr, sizeof(ngx_http_wahub_addr_t));

    inaddr = ngx_inet_addr(host->data, host->len);

    if (inaddr != INADDR_NONE) {
        addr->sockaddr.sockaddr_in.sin_family = AF_INET;
        addr->sockaddr.sockaddr_in.sin_addr.s_addr = inaddr;
        addr->socklen = sizeof(struct sockaddr_in);
        return NGX_OK;
    }

#if (NGX_HAVE_INET6)
    if (ngx_inet6_addr(host->data, host->len,
                       addr->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        addr->sockaddr.sockaddr_in6.sin6_family = AF_INET6;
        addr->socklen = sizeof(struct sockaddr_in6);
        return NGX_OK;
    }
#endif

    return NGX_ERROR;
}


/* The account's own proxy, or everybody's.  NGX_DECLINED: none. */
static ngx_int_t
ngx_http_wahub_peer_via(ngx_http_wahub_peer_t *peer)
{
    ngx_str_t                 url;
    ngx_uint_t                own;
    ngx_http_wahub_tunnel_t  *t;

    url.data = (u_char *) wa_account_proxy(peer->slot->account);
    url.len = ngx_strlen(url.data);
    own = (url.len > 0);

    if (own == 0) {
        url = peer->worker->conf->proxy;
    }

    if (url.len == 0) {
        return NGX_DECLINED;
    }

    t = ngx_calloc(sizeof(ngx_http_wahub_tunnel_t), &peer->log);
    if (t == NULL) {
        return NGX_ERROR;
    }

    peer->tunnel = t;
    t->checked = own ? 1 : 0;

    return ngx_http_wahub_proxy_parse(&url, &t->proxy) == NGX_OK
           ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wahub_peer_start(ngx_http_wahub_peer_t *peer)
{
    ngx_int_t                   rc;
    ngx_str_t                   host;
    ngx_http_wahub_addr_t       addr;
    ngx_http_wahub_worker_t    *w = peer->worker;
    ngx_http_wahub_endpoint_t  *ep = &w->conf->endpoint;

    rc = ngx_http_wahub_peer_via(peer);

    if (rc == NGX_ERROR) {
        ngx_http_wahub_peer_fail(peer, "the proxy cannot be used");
        return;
    }

    if (rc == NGX_OK) {
        host.data = peer->tunnel->proxy.host;
        host.len = ngx_strlen(host.data);
        peer->port = peer->tunnel->proxy.port;

    } else {
        host = ep->host;
        peer->port = ep->port;
    }

    if (ngx_http_wahub_peer_literal(&host, &addr) == NGX_OK) {
        ngx_http_wahub_peer_resolved(peer, &addr, 1);
        return;
    }

    peer->resolve = ngx_http_wahub_resolve(w, &host,
                                           ngx_http_wahub_peer_resolved,
                                           peer);
    if (peer->resolve == NULL) {
        ngx_http_wahub_peer_fail(peer, "name lookup not possible");
    }
}


/* A user's proxy must not lead into the operator's network. */
static ngx_int_t
ngx_http_wahub_peer_allowed(ngx_http_wahub_peer_t *peer,
    const ngx_http_wahub_addr_t *addr)
{
    ngx_http_wahub_addr_t  copy;

    if (peer->tunnel == NULL || peer->tunnel->checked == 0) {
        return NGX_OK;
    }

    copy = *addr;

    return ngx_http_wahub_addr_check(&copy.sockaddr.sockaddr,
                                     peer->worker->conf->webhook_allow);
}


static void
ngx_http_wahub_peer_resolved(void *data, const ngx_http_wahub_addr_t *addrs,
    ngx_uint_t n)
{
    ngx_uint_t              i;
    ngx_http_wahub_peer_t  *peer = data;

    peer->resolve = NULL;

    if (n == 0) {
        ngx_http_wahub_peer_fail(peer, "name lookup failed");
        return;
    }

    peer->addrs = ngx_alloc(sizeof(ngx_http_wahub_peer_addrs_t), &peer->log);
    if (peer->addrs == NULL) {
        ngx_http_wahub_peer_fail(peer, "out of memory");
        return;
    }

    peer->addrs->n = 0;
    peer->addrs->next = 0;
    peer->addrs->err = 0;

    for (i = 0; i < n; i++) {
        if (ngx_http_wahub_peer_allowed(peer, &addrs[i]) == NGX_OK) {
            peer->addrs->addrs[peer->addrs->n++] = addrs[i];
        }
    }

    if (peer->addrs->n == 0) {
        ngx_http_wahub_peer_fail(peer, "proxy: its address may not be used");
        return;
    }

    ngx_http_wahub_peer_connect_next(peer);
}


/* Tries one address after the other. */
static void
ngx_http_wahub_peer_connect_next(ngx_http_wahub_peer_t *peer)
{
    ngx_int_t                     rc;
    ngx_http_wahub_peer_addrs_t  *addrs = peer->addrs;

    while (addrs->next < addrs->n) {

        rc = ngx_http_wahub_peer_connect(peer, &addrs->addrs[addrs->next++]);

        if (rc == NGX_OK) {
            ngx_http_wahub_peer_connected(peer);
            return;
        }

        if (rc == NGX_AGAIN) {
            return;
        }

        ngx_http_wahub_peer_disconnect(peer);
    }

    ngx_http_wahub_peer_fail(peer, ngx_http_wahub_peer_why(addrs->err));
}


/* The last address's error, in words for the account's reason. */
static const char *
ngx_http_wahub_peer_why(ngx_err_t err)
{
    switch (err) {

    case NGX_ECONNREFUSED:
        return "connection refused";

    case NGX_ETIMEDOUT:
        return "connect timed out";

    case NGX_ENETUNREACH:
    case NGX_EHOSTUNREACH:
        return "network is unreachable";

    default:
        return "connect failed";
    }
}


/* NGX_OK, NGX_AGAIN: connecting; else this address is no good. */
static ngx_int_t
ngx_http_wahub_peer_connect(ngx_http_wahub_peer_t *peer,
    ngx_http_wahub_addr_t *addr)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   pc;

    peer->log.action = (char *) "connecting to whatsapp";

    ngx_inet_set_port(&addr->sockaddr.sockaddr, peer->port);

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));
    pc.sockaddr = &addr->sockaddr.sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &peer->worker->conf->endpoint.url;
    pc.get = ngx_event_get_peer;
    pc.log = &peer->log;
    pc.log_error = NGX_ERROR_INFO;
    pc.so_keepalive = 1;

    rc = ngx_event_connect_peer(&pc);

    if (pc.connection == NULL) {
        peer->addrs->err = ngx_socket_errno;
        return NGX_ERROR;
    }

    c = pc.connection;
    peer->connection = c;

    c->data = peer;
    c->pool = peer->pool;
    c->log = &peer->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_wahub_peer_connect_handler;
    c->write->handler = ngx_http_wahub_peer_connect_handler;
    peer->log.connection = c->number;

    if (rc == NGX_AGAIN) {
        c->write->cancelable = 1;
        ngx_add_timer(c->write, NGX_HTTP_WAHUB_PEER_CONNECT);
    }

    return rc;
}


static ngx_int_t
ngx_http_wahub_peer_test_connect(ngx_connection_t *c)
{
    int                     err;
    socklen_t               len;
    ngx_http_wahub_peer_t  *peer = c->data;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        peer->addrs->err = err;
        c->log_error = NGX_ERROR_INFO;
        (void) ngx_connection_error(c, err, (char *) "connect() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_wahub_peer_connect_handler(ngx_event_t *ev)
{
    ngx_connection_t       *c = ev->data;
    ngx_http_wahub_peer_t  *peer = c->data;

    if (c->close) {
        ngx_http_wahub_peer_fail(peer, "worker is shutting down");
        return;
    }

    if (ev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "whatsapp did not answer");
        peer->addrs->err = NGX_ETIMEDOUT;
        ngx_http_wahub_peer_disconnect(peer);
        ngx_http_wahub_peer_connect_next(peer);
        return;
    }

    if (ngx_http_wahub_peer_test_connect(c) != NGX_OK) {
        ngx_http_wahub_peer_disconnect(peer);
        ngx_http_wahub_peer_connect_next(peer);
        return;
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_http_wahub_peer_connected(peer);
}


static void
ngx_http_wahub_peer_connected(ngx_http_wahub_peer_t *peer)
{
    ngx_connection_t  *c = peer->connection;

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_wahub_peer_fail(peer, "setting TCP_NODELAY failed");
        return;
    }

    if (peer->tunnel != NULL) {
        ngx_http_wahub_tunnel_start(peer);
        return;
    }

    ngx_http_wahub_peer_tunnelled(peer);
}


void
ngx_http_wahub_peer_tunnelled(ngx_http_wahub_peer_t *peer)
{
    if (peer->worker->conf->endpoint.tls) {
        ngx_http_wahub_peer_tls_start(peer);
        return;
    }

    ngx_http_wahub_peer_ready(peer);
}


static void
ngx_http_wahub_peer_tls_start(ngx_http_wahub_peer_t *peer)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c = peer->connection;
    ngx_http_wahub_endpoint_t  *ep = &peer->worker->conf->endpoint;

    peer->log.action = (char *) "handshaking with whatsapp";

    if (ngx_ssl_create_connection(peer->worker->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_wahub_peer_fail(peer, "TLS failed");
        return;
    }

    c->ssl->no_wait_shutdown = 1;

    if (ep->literal) {
        if (X509_VERIFY_PARAM_set1_ip_asc(
                                      SSL_get0_param(c->ssl->connection),
                                      (char *) ep->host.data)
            == 0)
        {
            ngx_http_wahub_peer_fail(peer, "TLS failed");
            return;
        }

    } else if (SSL_set_tlsext_host_name(c->ssl->connection,
                                        (char *) ep->host.data)
               == 0)
    {
        ngx_http_wahub_peer_fail(peer, "TLS failed");
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->read->cancelable = 1;
        c->write->cancelable = 1;
        ngx_add_timer(c->write, NGX_HTTP_WAHUB_PEER_TLS);
        c->ssl->handler = ngx_http_wahub_peer_tls_handler;
        return;
    }

    ngx_http_wahub_peer_tls_handler(c);
}


static void
ngx_http_wahub_peer_tls_handler(ngx_connection_t *c)
{
    long                        rc;
    ngx_http_wahub_peer_t      *peer = c->data;
    ngx_http_wahub_endpoint_t  *ep = &peer->worker->conf->endpoint;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->ssl->handshaked == 0) {
        ngx_http_wahub_peer_fail(peer, c->write->timedout
                                       ? "TLS handshake timed out"
                                       : "TLS handshake failed");
        return;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "certificate of \"%V\" is not trusted: (%l:%s)",
                      &ep->url, rc, X509_verify_cert_error_string(rc));
        ngx_http_wahub_peer_fail(peer, "TLS certificate is not trusted");
        return;
    }

    if (ep->literal == 0 && ngx_ssl_check_host(c, &ep->host) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "certificate of \"%V\" is for another host", &ep->url);
        ngx_http_wahub_peer_fail(peer, "TLS certificate is for another host");
        return;
    }

    ngx_http_wahub_peer_ready(peer);
}


/*
 * Tells the engine from a posted event: this may run inside peer_open(),
 * while the engine is being drained.
 */
static void
ngx_http_wahub_peer_ready(ngx_http_wahub_peer_t *peer)
{
    ngx_connection_t  *c = peer->connection;

    c->read->handler = ngx_http_wahub_peer_ready_handler;
    c->write->handler = ngx_http_wahub_peer_ready_handler;

    ngx_post_event(&peer->event, &ngx_posted_events);
}


/* Until the posted event: readiness is remembered, nothing is done. */
static void
ngx_http_wahub_peer_ready_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;

    if (c->close) {
        ngx_http_wahub_peer_fail(c->data, "worker is shutting down");
    }
}
