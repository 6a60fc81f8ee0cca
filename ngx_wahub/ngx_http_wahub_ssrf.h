/*
 * Which URLs wahub may call for a user: parsing with a deliberately small
 * grammar, and a check of the resolved address.
 *
 * A name is checked after it is resolved, and the connection is pinned to
 * the address that was checked, so a name that answers differently a
 * second later changes nothing (HTTP contract 11.5).
 */
#ifndef NGX_HTTP_WAHUB_SSRF_H
#define NGX_HTTP_WAHUB_SSRF_H

#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_WAHUB_URL_MAX   2048       /* bytes, HTTP contract 11.5 */
#define NGX_HTTP_WAHUB_HOST_MAX  253        /* bytes, RFC 1035 2.3.4     */


/* Points into the text it was parsed from. */
typedef struct {
    ngx_str_t    text;
    ngx_str_t    host;                      /* without brackets          */
    in_port_t    port;                      /* host byte order           */
    unsigned     https:1;
    unsigned     literal6:1;                /* host was in brackets      */
} ngx_http_wahub_url_t;


/*
 * http or https, a host name or address, an optional port, no credentials,
 * no white space, control characters or backslash.
 * NGX_OK; NGX_DECLINED: not such a URL, `u` is undefined.
 */
ngx_int_t ngx_http_wahub_url_parse(ngx_str_t *text, ngx_http_wahub_url_t *u);

/*
 * What can be told without asking a name server: addresses written out
 * (in any form the C library reads) and "localhost".
 * NGX_OK: nothing against it; NGX_DECLINED: refused.
 * `allow`: array of ngx_cidr_t, may be NULL.
 */
ngx_int_t ngx_http_wahub_url_check(ngx_http_wahub_url_t *u,
    ngx_array_t *allow);

/*
 * NGX_OK: a public unicast address or one inside `allow`.
 * NGX_DECLINED: loopback, private, link-local, shared, benchmark,
 * documentation, multicast or reserved, also in mapped and NAT64 form.
 */
ngx_int_t ngx_http_wahub_addr_check(struct sockaddr *sa, ngx_array_t *allow);

#endif /* NGX_HTTP_WAHUB_SSRF_H */
