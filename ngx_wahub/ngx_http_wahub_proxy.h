/*
 * Proxies on the way to WhatsApp: HTTP CONNECT (RFC 9110 9.3.6) and SOCKS5
 * (RFC 1928, credentials RFC 1929).  The proxy looks the name up; TLS goes
 * through it, so it sees neither keys nor messages.
 */
#ifndef NGX_HTTP_WAHUB_PROXY_H
#define NGX_HTTP_WAHUB_PROXY_H

#include "ngx_http_wahub_ssrf.h"


#define NGX_HTTP_WAHUB_PROXY_URL  1024      /* bytes                       */
#define NGX_HTTP_WAHUB_PROXY_MAX  255       /* user, password: RFC 1929    */


/* Points to nothing outside. */
typedef struct {
    u_char       host[NGX_HTTP_WAHUB_HOST_MAX + 1];     /* NUL-terminated  */
    in_port_t    port;                      /* host byte order             */
    u_char       user[NGX_HTTP_WAHUB_PROXY_MAX];
    u_char       password[NGX_HTTP_WAHUB_PROXY_MAX];
    size_t       user_len;
    size_t       password_len;
    unsigned     socks:1;                   /* otherwise HTTP              */
    unsigned     literal6:1;
    unsigned     credentials:1;
} ngx_http_wahub_proxy_t;


/*
 * http://[user:password@]host:port, also socks5:// and socks5h://, which are
 * the same here; user and password may have %XX.
 * NGX_OK; NGX_DECLINED: not such a URL, `p` is undefined.
 */
ngx_int_t ngx_http_wahub_proxy_parse(const ngx_str_t *text,
    ngx_http_wahub_proxy_t *p);

/*
 * What can be told of a user's proxy without a name server, by the rules of
 * ngx_http_wahub_url_check(): NGX_OK, or NGX_DECLINED.
 */
ngx_int_t ngx_http_wahub_proxy_check(ngx_http_wahub_proxy_t *p,
    ngx_array_t *allow);

#endif /* NGX_HTTP_WAHUB_PROXY_H */
