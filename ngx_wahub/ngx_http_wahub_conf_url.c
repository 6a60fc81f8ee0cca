/*
 * URLs in directives: the Redis server and the WhatsApp endpoint.
 */
#include "ngx_http_wahub_conf.h"


#define NGX_HTTP_WAHUB_REDIS_PORT  6379
#define NGX_HTTP_WAHUB_REDIS_DBS   1024


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
ngx_http_wahub_conf_redis_tcp(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *rest)
{
    char       *rv;
    ngx_str_t   shown;
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
        rcf->db = ngx_atoi(u.uri.data + 1, u.uri.len - 1);
        if (rcf->db == NGX_ERROR || rcf->db >= NGX_HTTP_WAHUB_REDIS_DBS) {
            return "has an invalid database number";
        }
    }

    rcf->addrs = u.addrs;
    rcf->naddrs = u.naddrs;

    shown.len = sizeof("redis://") - 1 + rest->len;
    shown.data = ngx_pnalloc(cf->pool, shown.len);
    if (shown.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(shown.data, "redis://%V", rest);
    rcf->url = shown;

    return NGX_CONF_OK;
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

    if (ngx_http_wahub_conf_prefix(&rest, "rediss://")) {
        return "asks for TLS, which the installed hiredis 0.14 does not "
               "have; use a unix socket or a TLS tunnel";
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

    return "must begin with \"redis://\" or \"unix:\"";
}


/* wahub_redis URL [password_file=F] [user=U] [db=N] [tls=on|off] */
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
            rcf->db = ngx_atoi(arg.data, arg.len);
            if (rcf->db == NGX_ERROR
                || rcf->db >= NGX_HTTP_WAHUB_REDIS_DBS)
            {
                return "has an invalid database number";
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

        if (ngx_strcmp(value[i].data, "tls=off") == 0) {
            continue;
        }

        if (ngx_strcmp(value[i].data, "tls=on") == 0) {
            return "asks for TLS, which the installed hiredis 0.14 does not "
                   "have; use a unix socket or a TLS tunnel";
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
