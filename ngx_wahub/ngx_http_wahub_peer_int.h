/*
 * The struct of a transport, shared by ngx_http_wahub_peer*.c.
 */
#ifndef NGX_HTTP_WAHUB_PEER_INT_H
#define NGX_HTTP_WAHUB_PEER_INT_H

#include "ngx_http_wahub_peer.h"
#include "ngx_http_wahub_proxy.h"


typedef struct {
    ngx_uint_t                n;
    ngx_uint_t                next;
    ngx_err_t                 err;           /* of the last one            */
    ngx_http_wahub_addr_t     addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
} ngx_http_wahub_peer_addrs_t;


typedef ngx_int_t (*ngx_http_wahub_tunnel_pt)(ngx_http_wahub_peer_t *peer);

/* The way through a proxy; out: the longest CONNECT, with credentials. */
typedef struct {
    ngx_http_wahub_proxy_t        proxy;
    ngx_http_wahub_tunnel_pt      step;      /* for the next `want` bytes  */
    size_t                        want;
    size_t                        in_len;
    size_t                        out_len;
    size_t                        sent;
    unsigned                      checked:1; /* a user's: not everywhere   */
    u_char                        in[4096];
    u_char                        out[2048];
} ngx_http_wahub_tunnel_t;


struct ngx_http_wahub_peer_s {
    ngx_http_wahub_account_t     *slot;
    ngx_http_wahub_worker_t      *worker;
    ngx_connection_t             *connection;
    ngx_pool_t                   *pool;      /* this struct lives in it    */
    ngx_http_wahub_resolve_t     *resolve;
    ngx_http_wahub_peer_addrs_t  *addrs;     /* while connecting           */
    ngx_http_wahub_tunnel_t      *tunnel;    /* the same; NULL: no proxy   */
    in_port_t                     port;      /* where to connect           */
    ngx_event_t                   event;     /* posted: report, or free    */
    const char                   *failure;   /* to be reported             */
    wa_buf_t                      out;       /* not taken by the socket    */
    size_t                        sent;      /* of out                     */
    ngx_http_wahub_late_t         late;      /* flush                      */
    ngx_log_t                     log;
    unsigned                      open:1;    /* engine knows it is up      */
    unsigned                      closed:1;
};


/*
 * ngx_http_wahub_peer_connect.c: looks the endpoint up and connects; ends
 * with peer->event posted, or with ngx_http_wahub_peer_fail().
 */
void ngx_http_wahub_peer_start(ngx_http_wahub_peer_t *peer);

/* The proxy has connected us: TLS, then ready. */
void ngx_http_wahub_peer_tunnelled(ngx_http_wahub_peer_t *peer);

/*
 * ngx_http_wahub_peer_proxy.c: asks peer->tunnel->proxy, to which peer is
 * connected, for the endpoint; ends with ngx_http_wahub_peer_tunnelled(), or
 * with ngx_http_wahub_peer_fail().
 */
void ngx_http_wahub_tunnel_start(ngx_http_wahub_peer_t *peer);

/* Wipes and frees peer->tunnel.  NULL-safe. */
void ngx_http_wahub_tunnel_free(ngx_http_wahub_peer_t *peer);

/* Posts a report; nothing more is read or written.  Idempotent. */
void ngx_http_wahub_peer_fail(ngx_http_wahub_peer_t *peer,
    const char *reason);

/* Closes the socket; the peer stays. */
void ngx_http_wahub_peer_disconnect(ngx_http_wahub_peer_t *peer);

#endif /* NGX_HTTP_WAHUB_PEER_INT_H */
