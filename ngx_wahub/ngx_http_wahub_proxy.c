/*
 * URLs of proxies.
 */
#include "ngx_http_wahub_proxy.h"


typedef struct {
    ngx_str_t    name;
    unsigned     socks:1;
} ngx_http_wahub_proxy_scheme_t;


static const ngx_http_wahub_proxy_scheme_t  ngx_http_wahub_schemes[] = {
    { ngx_string("http://"), 0 },
    { ngx_string("socks5://"), 1 },
    { ngx_string("socks5h://"), 1 }
};


static ngx_int_t ngx_http_wahub_proxy_host(u_char *p, u_char *last,
    ngx_http_wahub_proxy_t *proxy);
static ngx_int_t ngx_http_wahub_proxy_unescape(u_char *p, u_char *last,
    u_char *out, size_t *len);


ngx_int_t
ngx_http_wahub_proxy_parse(const ngx_str_t *text, ngx_http_wahub_proxy_t *p)
{
    u_char      *start, *last, *at, *colon;
    ngx_uint_t   i, n;

    ngx_memzero(p, sizeof(ngx_http_wahub_proxy_t));

    start = NULL;
    last = text->data + text->len;
    n = sizeof(ngx_http_wahub_schemes)
        / sizeof(ngx_http_wahub_proxy_scheme_t);

    for (i = 0; i < n; i++) {
        if (text->len > ngx_http_wahub_schemes[i].name.len
            && ngx_strncasecmp(text->data,
                               ngx_http_wahub_schemes[i].name.data,
                               ngx_http_wahub_schemes[i].name.len) == 0)
        {
            start = text->data + ngx_http_wahub_schemes[i].name.len;
            p->socks = ngx_http_wahub_schemes[i].socks;
        }
    }

    if (start == NULL || text->len > NGX_HTTP_WAHUB_PROXY_URL) {
        return NGX_DECLINED;
    }

    if (last[-1] == '/') {
        last--;
    }

    for (at = last; at > start && at[-1] != '@'; at--) {
        /* void */
    }

    if (at == start) {
        return ngx_http_wahub_proxy_host(start, last, p);
    }

    colon = ngx_strlchr(start, at - 1, ':');

    if (colon == NULL) {
        colon = at - 1;
    }

    p->credentials = 1;

    if (ngx_http_wahub_proxy_unescape(start, colon, p->user, &p->user_len)
        != NGX_OK || p->user_len == 0)
    {
        return NGX_DECLINED;
    }

    if (colon < at - 1
        && ngx_http_wahub_proxy_unescape(colon + 1, at - 1, p->password,
                                         &p->password_len) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_wahub_proxy_host(at, last, p);
}


/* host:port; a port must be there, as proxies have no usual one. */
static ngx_int_t
ngx_http_wahub_proxy_host(u_char *p, u_char *last,
    ngx_http_wahub_proxy_t *proxy)
{
    u_char                buf[NGX_HTTP_WAHUB_HOST_MAX + 32];
    ngx_str_t             text;
    ngx_http_wahub_url_t  url;

    if ((size_t) (last - p) > NGX_HTTP_WAHUB_HOST_MAX + 8
        || ngx_strlchr(p, last, '/') != NULL
        || ngx_strlchr(p, last, '?') != NULL
        || ngx_strlchr(p, last, '#') != NULL)
    {
        return NGX_DECLINED;
    }

    text.data = buf;
    text.len = (size_t) (ngx_snprintf(buf, sizeof(buf), "http://%*s",
                                      (size_t) (last - p), p) - buf);

    if (ngx_http_wahub_url_parse(&text, &url) != NGX_OK
        || buf[text.len - 1] < '0' || buf[text.len - 1] > '9'
        || url.host.data + url.host.len + url.literal6 >= buf + text.len)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(proxy->host, url.host.data, url.host.len);
    proxy->host[url.host.len] = '\0';
    proxy->port = url.port;
    proxy->literal6 = url.literal6;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_proxy_unescape(u_char *p, u_char *last, u_char *out,
    size_t *len)
{
    size_t     n;
    u_char     ch;
    ngx_int_t  hex;

    n = 0;

    while (p < last) {
        ch = *p++;

        if (ch == '%') {
            hex = (last - p < 2) ? NGX_ERROR : ngx_hextoi(p, 2);

            if (hex == NGX_ERROR) {
                return NGX_DECLINED;
            }

            ch = (u_char) hex;
            p += 2;
        }

        /* line ends would be headers */

        if (ch < ' ' || ch == 0x7f || n == NGX_HTTP_WAHUB_PROXY_MAX) {
            return NGX_DECLINED;
        }

        out[n++] = ch;
    }

    *len = n;

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_proxy_check(ngx_http_wahub_proxy_t *p, ngx_array_t *allow)
{
    ngx_http_wahub_url_t  url;

    ngx_memzero(&url, sizeof(ngx_http_wahub_url_t));
    url.host.data = p->host;
    url.host.len = ngx_strlen(p->host);
    url.literal6 = p->literal6;

    return ngx_http_wahub_url_check(&url, allow);
}
