/*
 * Finding the master through sentinels.
 *
 * One more connection per worker, to one sentinel after the other until one
 * answers: it asks for the master's address and listens for "+switch-master".
 * The connections for data go where it says, check there that it is the
 * master (ROLE), and make it ask the next sentinel when that goes wrong.
 *
 * What a sentinel says is checked: an address or a host name, and a port.
 */
#include "ngx_http_wahub_redis_int.h"


#define NGX_HTTP_WAHUB_SENTINEL_AGAIN  1000      /* ms between doubts      */
#define NGX_HTTP_WAHUB_SENTINEL_HOST   255


static void ngx_http_wahub_sentinel_answered(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_sentinel_switched(void *data,
    const ngx_str_t *channel, const ngx_str_t *message);
static ngx_int_t ngx_http_wahub_sentinel_found(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *host, const ngx_str_t *port);
static void ngx_http_wahub_sentinel_resolved(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n);
static void ngx_http_wahub_sentinel_set(ngx_http_wahub_redis_t *rc,
    struct sockaddr *sa, socklen_t socklen);


ngx_int_t
ngx_http_wahub_redis_sentinel(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_redis_t           *rc;
    ngx_http_wahub_redis_sentinel_t  *finder;

    if (w->conf->redis.master.len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_wahub_redis_create(w, "sentinel");
    if (rc == NULL) {
        return NGX_ERROR;
    }

    w->sentinel = rc;

    finder = ngx_calloc(sizeof(ngx_http_wahub_redis_sentinel_t), w->log);
    if (finder == NULL) {
        return NGX_ERROR;
    }

    rc->finder = finder;
    ngx_str_set(&finder->channel, "+switch-master");

    /* not every worker starts with the same one */
    rc->addr = (ngx_uint_t) ngx_random();

    return ngx_http_wahub_redis_subscribe(rc, &finder->channel,
                                          ngx_http_wahub_sentinel_switched,
                                          rc);
}


ngx_http_wahub_redis_sentinel_t *
ngx_http_wahub_sentinel_of(ngx_http_wahub_redis_t *rc)
{
    ngx_http_wahub_redis_t  *sentinel = rc->worker->sentinel;

    return sentinel->finder->version == 0 ? NULL : sentinel->finder;
}


ngx_int_t
ngx_http_wahub_sentinel_greet(ngx_http_wahub_redis_t *rc)
{
    ngx_str_t                     argv[3];
    ngx_http_wahub_redis_conf_t  *conf = rc->conf;

    rc->finder->asked_at = ngx_current_msec;

    if (conf->sentinel_password.len != 0) {
        ngx_str_set(&argv[0], "AUTH");
        argv[1] = conf->sentinel_password;

        /* a refusal shows in the next answer */

        if (ngx_http_wahub_redis_queue(rc, NULL, NULL, argv, 2) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&argv[0], "SENTINEL");
    ngx_str_set(&argv[1], "GET-MASTER-ADDR-BY-NAME");
    argv[2] = conf->master;

    return ngx_http_wahub_redis_queue(rc, ngx_http_wahub_sentinel_answered,
                                      rc, argv, 3);
}


static void
ngx_http_wahub_sentinel_answered(void *data,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t                host, port;
    ngx_http_wahub_redis_t  *rc = data;

    if (reply == NULL
        || ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error)
    {
        ngx_http_wahub_redis_greeted(data, reply);
        return;
    }

    if (ngx_http_wahub_redis_count(reply) != 2) {
        ngx_http_wahub_redis_refuse(rc, "asks for a master that the sentinel "
                                    "does not know", &rc->conf->master);
        return;
    }

    host = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 0));
    port = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 1));

    if (ngx_http_wahub_sentinel_found(rc, &host, &port) != NGX_OK) {
        ngx_http_wahub_redis_refuse(rc, "got no address from its sentinel",
                                    &rc->conf->master);
        return;
    }

    ngx_http_wahub_redis_greeted(data, reply);
}


/* "<name> <old address> <old port> <new address> <new port>" */
static void
ngx_http_wahub_sentinel_switched(void *data, const ngx_str_t *channel,
    const ngx_str_t *message)
{
    u_char                  *p, *last;
    ngx_str_t                word[5];
    ngx_uint_t               i;
    ngx_http_wahub_redis_t  *rc = data;

    p = message->data;
    last = p + message->len;

    for (i = 0; i < 5; i++) {
        word[i].data = p;

        while (p < last && *p != ' ') {
            p++;
        }

        word[i].len = (size_t) (p - word[i].data);

        if (p < last) {
            p++;
        }
    }

    if (word[0].len == rc->conf->master.len
        && ngx_memcmp(word[0].data, rc->conf->master.data, word[0].len) == 0)
    {
        (void) ngx_http_wahub_sentinel_found(rc, &word[3], &word[4]);
    }
}


/* NGX_ERROR: that is no address, or out of memory. */
static ngx_int_t
ngx_http_wahub_sentinel_found(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *host, const ngx_str_t *port)
{
    ngx_int_t                         n;
    ngx_addr_t                        addr;
    ngx_pool_t                       *pool;
    ngx_http_wahub_redis_sentinel_t  *finder = rc->finder;

    n = ngx_atoi(port->data, port->len);

    if (n < 1 || n > 65535 || host->len == 0
        || host->len > NGX_HTTP_WAHUB_SENTINEL_HOST)
    {
        return NGX_ERROR;
    }

    if (finder->resolve != NULL) {
        ngx_http_wahub_resolve_cancel(finder->resolve);
        finder->resolve = NULL;
    }

    pool = ngx_create_pool(512, rc->worker->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    finder->port = (in_port_t) n;

    if (ngx_parse_addr(pool, &addr, host->data, host->len) == NGX_OK) {
        ngx_http_wahub_sentinel_set(rc, addr.sockaddr, addr.socklen);

    } else {
        finder->resolve = ngx_http_wahub_resolve(rc->worker, host,
                                         ngx_http_wahub_sentinel_resolved,
                                         rc);
        n = (finder->resolve == NULL) ? 0 : n;
    }

    ngx_destroy_pool(pool);

    return n == 0 ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_wahub_sentinel_resolved(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n)
{
    ngx_sockaddr_t           sa;
    ngx_http_wahub_redis_t  *rc = data;

    rc->finder->resolve = NULL;

    if (n == 0) {
        ngx_http_wahub_redis_reset(rc, "the master's name has no address");
        return;
    }

    sa = addrs[0].sockaddr;
    ngx_http_wahub_sentinel_set(rc, &sa.sockaddr, addrs[0].socklen);
}


static void
ngx_http_wahub_sentinel_set(ngx_http_wahub_redis_t *rc, struct sockaddr *sa,
    socklen_t socklen)
{
    u_char                            text[NGX_SOCKADDR_STRLEN];
    size_t                            len;
    ngx_http_wahub_worker_t          *w = rc->worker;
    ngx_http_wahub_redis_sentinel_t  *finder = rc->finder;

    ngx_inet_set_port(sa, finder->port);

    if (finder->version != 0
        && ngx_cmp_sockaddr(sa, socklen, &finder->sockaddr.sockaddr,
                            finder->socklen, 1)
           == NGX_OK)
    {
        return;
    }

    ngx_memcpy(&finder->sockaddr, sa, socklen);
    finder->socklen = socklen;
    finder->version++;

    len = ngx_sock_ntop(sa, socklen, text, NGX_SOCKADDR_STRLEN, 1);

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "wahub: redis master \"%V\" is at %*s", &rc->conf->master,
                  len, text);

    ngx_http_wahub_redis_moved(w->redis);
    ngx_http_wahub_redis_moved(w->sub);
}


void
ngx_http_wahub_sentinel_doubt(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_redis_t  *rc = w->sentinel;

    if (rc->ac == NULL || ngx_current_msec - rc->finder->asked_at
                          < NGX_HTTP_WAHUB_SENTINEL_AGAIN)
    {
        return;
    }

    /* our doing: not worth a line in the log */

    rc->refused = 1;
    ngx_http_wahub_redis_reset(rc, "another sentinel is asked");
}
