/*
 * URLs in directives: the Redis server and the WhatsApp endpoint.
 */
#include "ngx_http_wahub_conf.h"


#define NGX_HTTP_WAHUB_REDIS_PORT  6379
#define NGX_HTTP_WAHUB_REDIS_DBS   1024

#define NGX_HTTP_WAHUB_SENTINEL_PORT  26379
#define NGX_HTTP_WAHUB_SENTINELS_MAX  32         /* addresses of them      */


static ngx_int_t
ngx_http_wahub_conf_prefix(ngx_str_t *url, const char *prefix)
{
    size_t  n;

    n = ngx_strlen(prefix);

    if (url->len < n
        || ngx_strncasecmp(url->data, (u_char *) prefix, n) != 0)
    {
        return 0;
    }

    url->data += n;
    url->len -= n;

    return 1;
}


static ngx_int_t
ngx_http_wahub_conf_copy(ngx_conf_t *cf, ngx_str_t *dst, const u_char *p,
    size_t len)
{
    dst->data = ngx_pnalloc(cf->pool, len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(dst->data, p, len) = '\0';
    dst->len = len;

    return NGX_OK;
}


/*
 * "user@" or "user:password@", the password percent-encoded; an "@" in it
 * that is not is understood too.
 */
static char *
ngx_http_wahub_conf_userinfo(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *rest)
{
    u_char     *at, *colon, *dst, *src;
    ngx_str_t   user, password;

    for (at = rest->data + rest->len - 1; at > rest->data; at--) {
        if (*at == '@') {
            break;
        }
    }

    if (at <= rest->data) {
        return NGX_CONF_OK;
    }

    colon = ngx_strlchr(rest->data, at, ':');

    if (colon == NULL) {
        rcf->user.data = rest->data;
        rcf->user.len = (size_t) (at - rest->data);
        rest->len -= (size_t) (at + 1 - rest->data);
        rest->data = at + 1;

        return NGX_CONF_OK;
    }

    if (ngx_http_wahub_conf_copy(cf, &user, rest->data, colon - rest->data)
        != NGX_OK
        || ngx_http_wahub_conf_copy(cf, &password, colon + 1,
                                    at - colon - 1)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    dst = password.data;
    src = password.data;
    ngx_unescape_uri(&dst, &src, password.len, 0);
    password.len = dst - password.data;

    rcf->user = user;
    rcf->password = password;

    rest->len -= at + 1 - rest->data;
    rest->data = at + 1;

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "the redis password is readable in the "
                       "configuration, use \"password_file=\"");

    return NGX_CONF_OK;
}


static char *
ngx_http_wahub_conf_redis_db(ngx_http_wahub_redis_conf_t *rcf, u_char *p,
    size_t len)
{
    rcf->db = (len == 0) ? 0 : ngx_atoi(p, len);

    if (rcf->db == NGX_ERROR || rcf->db >= NGX_HTTP_WAHUB_REDIS_DBS) {
        return "has an invalid database number";
    }

    return NGX_CONF_OK;
}


/* What logs show of a URL: no user, no password. */
static char *
ngx_http_wahub_conf_shown(ngx_conf_t *cf, ngx_http_wahub_redis_conf_t *rcf,
    const char *scheme, ngx_str_t *rest)
{
    size_t  len;

    len = ngx_strlen(scheme) + rest->len;

    rcf->url.data = ngx_pnalloc(cf->pool, len);
    if (rcf->url.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(rcf->url.data, "%s%V", scheme, rest);
    rcf->url.len = len;

    return NGX_CONF_OK;
}


static char *
ngx_http_wahub_conf_redis_tcp(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *rest)
{
    char       *rv;
    ngx_url_t   u;

    rv = ngx_http_wahub_conf_userinfo(cf, rcf, rest);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = *rest;
    u.default_port = NGX_HTTP_WAHUB_REDIS_PORT;
    u.uri_part = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        return u.err ? u.err : NGX_CONF_ERROR;
    }

    if (u.uri.len > 1) {
        rv = ngx_http_wahub_conf_redis_db(rcf, u.uri.data + 1, u.uri.len - 1);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rcf->addrs = u.addrs;
    rcf->naddrs = u.naddrs;

    if (u.host.len > 2 && u.host.data[0] == '[') {
        u.host.data++;
        u.host.len -= 2;
    }

    if (ngx_http_wahub_conf_copy(cf, &rcf->host, u.host.data, u.host.len)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_wahub_conf_shown(cf, rcf, rcf->tls ? "rediss://"
                                                       : "redis://", rest);
}


/* "host[:port],host[:port]": the addresses of all of them. */
static char *
ngx_http_wahub_conf_sentinels(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, u_char *p, u_char *last)
{
    u_char      *comma;
    ngx_url_t    u;
    ngx_uint_t   i;

    rcf->addrs = ngx_palloc(cf->pool, NGX_HTTP_WAHUB_SENTINELS_MAX
                                      * sizeof(ngx_addr_t));
    if (rcf->addrs == NULL) {
        return NGX_CONF_ERROR;
    }

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        ngx_memzero(&u, sizeof(ngx_url_t));
        u.url.data = p;
        u.url.len = (size_t) (comma - p);
        u.default_port = NGX_HTTP_WAHUB_SENTINEL_PORT;

        if (u.url.len == 0) {
            return "has an empty name among its sentinels";
        }

        if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
            return u.err ? u.err : NGX_CONF_ERROR;
        }

        for (i = 0; i < u.naddrs; i++) {
            if (rcf->naddrs == NGX_HTTP_WAHUB_SENTINELS_MAX) {
                return "has too many sentinels";
            }

            rcf->addrs[rcf->naddrs++] = u.addrs[i];
        }

        if (comma == last) {
            return NGX_CONF_OK;
        }

        p = comma + 1;
    }
}


/* [user:password@]host[:port],host[:port]/master[/db] */
static char *
ngx_http_wahub_conf_redis_sentinel(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *rest)
{
    char    *rv;
    u_char  *p, *last, *name, *slash;

    rv = ngx_http_wahub_conf_userinfo(cf, rcf, rest);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    last = rest->data + rest->len;
    name = ngx_strlchr(rest->data, last, '/');

    if (name == NULL || name + 1 == last) {
        return "needs the name of the master, as in "
               "sentinel://host,host/master";
    }

    rv = ngx_http_wahub_conf_sentinels(cf, rcf, rest->data, name);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    name++;
    slash = ngx_strlchr(name, last, '/');

    if (slash == NULL) {
        slash = last;

    } else {
        rv = ngx_http_wahub_conf_redis_db(rcf, slash + 1,
                                          (size_t) (last - slash - 1));
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    for (p = name; p < slash; p++) {
        if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z')
            && (*p < '0' || *p > '9') && *p != '.' && *p != '-' && *p != '_')
        {
            return "has an invalid master name";
        }
    }

    rcf->master.data = name;
    rcf->master.len = (size_t) (slash - name);

    if (rcf->master.len == 0) {
        return "has an invalid master name";
    }

    return ngx_http_wahub_conf_shown(cf, rcf, "sentinel://", rest);
}


char *
ngx_http_wahub_conf_redis_url(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *url)
{
    ngx_str_t  rest;

    rest = *url;

    if (ngx_http_wahub_conf_prefix(&rest, "redis://")) {
        return ngx_http_wahub_conf_redis_tcp(cf, rcf, &rest);
    }

    if (ngx_http_wahub_conf_prefix(&rest, "sentinel://")) {
        return ngx_http_wahub_conf_redis_sentinel(cf, rcf, &rest);
    }

    if (ngx_http_wahub_conf_prefix(&rest, "rediss://")) {
        rcf->tls = 1;
        return ngx_http_wahub_conf_redis_tcp(cf, rcf, &rest);
    }

    if (ngx_http_wahub_conf_prefix(&rest, "redis+unix://")
        || ngx_http_wahub_conf_prefix(&rest, "unix://")
        || ngx_http_wahub_conf_prefix(&rest, "unix:"))
    {
        if (rest.len == 0 || rest.data[0] != '/') {
            return "needs an absolute path of a unix socket";
        }

        rcf->url = *url;

        return ngx_http_wahub_conf_copy(cf, &rcf->path, rest.data, rest.len)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    return "must begin with \"redis://\", \"rediss://\", "
           "\"sentinel://\" or \"unix:\"";
}


/* TLS for Redis, as far as the hiredis that we were built with has it. */
ngx_int_t
ngx_http_wahub_conf_redis_tls(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf)
{
#ifdef NGX_HTTP_WAHUB_REDIS_TLS
    ngx_str_t                    *ca;
    ngx_pool_cleanup_t           *cln;
#endif
    ngx_http_wahub_redis_conf_t  *rcf = &wmcf->redis;

    if (rcf->tls == 0) {
        return NGX_OK;
    }

    if (rcf->path.len != 0 || rcf->master.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_redis\" has TLS for \"rediss://\" only");
        return NGX_ERROR;
    }

#ifdef NGX_HTTP_WAHUB_REDIS_TLS

    rcf->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (rcf->ssl == NULL) {
        return NGX_ERROR;
    }

    rcf->ssl->log = &cf->cycle->new_log;

    if (ngx_ssl_create(rcf->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(rcf->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = rcf->ssl;

    ca = rcf->ca.len ? &rcf->ca : &wmcf->trusted_certificate;

    if (ngx_ssl_trusted_certificate(cf, rcf->ssl, ca, 8) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nginx' callbacks look for its connection behind the session, and its
       verification accepts everything to judge later */

    SSL_CTX_set_info_callback(rcf->ssl->ctx, NULL);
    SSL_CTX_set_verify(rcf->ssl->ctx, SSL_VERIFY_PEER, NULL);

    return NGX_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"wahub_redis\" asks for TLS, which the hiredis that "
                       "this module was built with does not have (1.0 or "
                       "later with ssl does); use a unix socket or a TLS "
                       "tunnel");
    return NGX_ERROR;

#endif
}


/*
 * wahub_redis URL [password_file=F] [user=U] [db=N] [tls=on|off] [ca=F]
 *             [sentinel_password_file=F]
 */
char *
ngx_http_wahub_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    char                         *rv;
    ngx_str_t                    *value, arg;
    ngx_uint_t                    i;
    ngx_http_wahub_redis_conf_t  *rcf = &wmcf->redis;

    if (rcf->url.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rv = ngx_http_wahub_conf_redis_url(cf, rcf, &value[1]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        arg = value[i];

        if (ngx_http_wahub_conf_prefix(&arg, "user=")) {
            rcf->user = arg;
            continue;
        }

        if (ngx_http_wahub_conf_prefix(&arg, "db=")) {
            rv = ngx_http_wahub_conf_redis_db(rcf, arg.data, arg.len);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_http_wahub_conf_prefix(&arg, "password_file=")) {
            if (ngx_http_wahub_conf_secret_line(cf, &arg, &rcf->password)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_http_wahub_conf_prefix(&arg, "sentinel_password_file=")) {
            if (ngx_http_wahub_conf_secret_line(cf, &arg,
                                                &rcf->sentinel_password)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strcmp(value[i].data, "tls=off") == 0) {
            continue;
        }

        if (ngx_strcmp(value[i].data, "tls=on") == 0) {
            rcf->tls = 1;
            continue;
        }

        if (ngx_http_wahub_conf_prefix(&arg, "ca=")) {
            rcf->ca = arg;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_wahub_conf_endpoint_url(ngx_conf_t *cf,
    ngx_http_wahub_endpoint_t *ep, ngx_str_t *url)
{
    ngx_url_t   u;
    ngx_str_t   host, path;
    ngx_addr_t  addr;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = *url;

    if (ngx_http_wahub_conf_prefix(&u.url, "wss://")) {
        ep->tls = 1;
        u.default_port = 443;

    } else if (ngx_http_wahub_conf_prefix(&u.url, "ws://")) {
        u.default_port = 80;

    } else {
        return "must begin with \"wss://\" or \"ws://\"";
    }

    u.uri_part = 1;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        return u.err ? u.err : NGX_CONF_ERROR;
    }

    host = u.host;

    if (host.len > 2 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    if (host.len == 0) {
        return "has no host";
    }

    path = u.uri;

    if (path.len == 0 || (path.len == 1 && path.data[0] == '/')) {
        ngx_str_set(&path, "/ws/chat");
    }

    if (ngx_http_wahub_conf_copy(cf, &ep->host, host.data, host.len)
        != NGX_OK
        || ngx_http_wahub_conf_copy(cf, &ep->path, path.data, path.len)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ep->url = *url;
    ep->port = u.port;
    ep->literal = (ngx_parse_addr(cf->pool, &addr, host.data, host.len)
                   == NGX_OK);

    return NGX_CONF_OK;
}


/* wahub_endpoint wss://HOST[:PORT][/PATH] | ws://... */
char *
ngx_http_wahub_conf_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    ngx_str_t  *value;

    if (wmcf->endpoint.url.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_wahub_conf_endpoint_url(cf, &wmcf->endpoint, &value[1]);
}
