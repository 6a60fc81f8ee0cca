/*
 * URL and address rules for outbound calls made on a user's behalf.
 */
#include "ngx_http_wahub_ssrf.h"


typedef struct {
    uint32_t    net;
    uint32_t    mask;
} ngx_http_wahub_net4_t;


/* IANA special-purpose registry (RFC 6890 and its updates), host order. */
static const ngx_http_wahub_net4_t  ngx_http_wahub_refused4[] = {
    { 0x00000000, 0xff000000 },     /* 0/8             this network      */
    { 0x0a000000, 0xff000000 },     /* 10/8            private           */
    { 0x64400000, 0xffc00000 },     /* 100.64/10       shared (CGNAT)    */
    { 0x7f000000, 0xff000000 },     /* 127/8           loopback          */
    { 0xa9fe0000, 0xffff0000 },     /* 169.254/16      link-local        */
    { 0xac100000, 0xfff00000 },     /* 172.16/12       private           */
    { 0xc0000000, 0xffffff00 },     /* 192.0.0/24      protocol          */
    { 0xc0000200, 0xffffff00 },     /* 192.0.2/24      documentation     */
    { 0xc0586300, 0xffffff00 },     /* 192.88.99/24    6to4 relay        */
    { 0xc0a80000, 0xffff0000 },     /* 192.168/16      private           */
    { 0xc6120000, 0xfffe0000 },     /* 198.18/15       benchmark         */
    { 0xc6336400, 0xffffff00 },     /* 198.51.100/24   documentation     */
    { 0xcb007100, 0xffffff00 },     /* 203.0.113/24    documentation     */
    { 0xe0000000, 0xf0000000 },     /* 224/4           multicast         */
    { 0xf0000000, 0xf0000000 }      /* 240/4           reserved          */
};


static ngx_int_t ngx_http_wahub_addr4_check(uint32_t addr);
static ngx_int_t ngx_http_wahub_addr6_embeds4(const u_char *p,
    uint32_t *addr);
static ngx_int_t ngx_http_wahub_addr6_check(const u_char *p);
static uint32_t ngx_http_wahub_addr4_read(const u_char *p);
static ngx_int_t ngx_http_wahub_url_host(u_char *p, u_char *last,
    ngx_http_wahub_url_t *u, u_char **rest);
static ngx_int_t ngx_http_wahub_url_port(u_char *p, u_char *last,
    ngx_http_wahub_url_t *u);


ngx_int_t
ngx_http_wahub_url_parse(ngx_str_t *text, ngx_http_wahub_url_t *u)
{
    u_char  *p, *last, *end, *rest;

    ngx_memzero(u, sizeof(ngx_http_wahub_url_t));

    if (text->len == 0 || text->len > NGX_HTTP_WAHUB_URL_MAX) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;

    for (end = p; end < last; end++) {
        if (*end <= ' ' || *end == 0x7f || *end == '\\') {
            return NGX_DECLINED;
        }
    }

    if (text->len > 8 && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0) {
        u->https = 1;
        p += 8;

    } else if (text->len > 7
               && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0)
    {
        p += 7;

    } else {
        return NGX_DECLINED;
    }

    for (end = p; end < last; end++) {
        if (*end == '/' || *end == '?' || *end == '#') {
            break;
        }
    }

    u->text = *text;
    u->port = u->https ? 443 : 80;

    if (ngx_http_wahub_url_host(p, end, u, &rest) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (rest == end) {
        return NGX_OK;
    }

    return ngx_http_wahub_url_port(rest, end, u);
}


/* Letters, digits, ".", "-", "_" only: credentials ("@") end the attempt. */
static ngx_int_t
ngx_http_wahub_url_host(u_char *p, u_char *last, ngx_http_wahub_url_t *u,
    u_char **rest)
{
    u_char  *start, ch;

    if (p < last && *p == '[') {
        start = ++p;

        while (p < last && *p != ']') {
            ch = (u_char) (*p | 0x20);

            if ((ch < 'a' || ch > 'f') && (*p < '0' || *p > '9')
                && *p != ':' && *p != '.')
            {
                return NGX_DECLINED;
            }

            p++;
        }

        if (p == last || p == start) {
            return NGX_DECLINED;
        }

        u->literal6 = 1;
        u->host.data = start;
        u->host.len = (size_t) (p - start);
        *rest = p + 1;

        if (u->host.len >= INET6_ADDRSTRLEN) {
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    start = p;

    while (p < last && *p != ':') {
        ch = (u_char) (*p | 0x20);

        if ((ch < 'a' || ch > 'z') && (*p < '0' || *p > '9')
            && *p != '.' && *p != '-' && *p != '_')
        {
            return NGX_DECLINED;
        }

        p++;
    }

    u->host.data = start;
    u->host.len = (size_t) (p - start);

    if (u->host.len == 0 || u->host.len > NGX_HTTP_WAHUB_HOST_MAX) {
        return NGX_DECLINED;
    }

    *rest = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_url_port(u_char *p, u_char *last, ngx_http_wahub_url_t *u)
{
    ngx_int_t  port;

    if (*p != ':') {
        return NGX_DECLINED;
    }

    p++;

    if (p == last) {
        return NGX_OK;
    }

    port = ngx_atoi(p, (size_t) (last - p));

    if (port < 1 || port > 65535) {
        return NGX_DECLINED;
    }

    u->port = (in_port_t) port;

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_url_check(ngx_http_wahub_url_t *u, ngx_array_t *allow)
{
    u_char               host[NGX_HTTP_WAHUB_HOST_MAX + 1];
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    if (u->host.len > NGX_HTTP_WAHUB_HOST_MAX) {
        return NGX_DECLINED;
    }

    ngx_memcpy(host, u->host.data, u->host.len);
    host[u->host.len] = '\0';

    if (u->literal6) {
        ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
        sin6.sin6_family = AF_INET6;

        if (inet_pton(AF_INET6, (char *) host, &sin6.sin6_addr) != 1) {
            return NGX_DECLINED;
        }

        return ngx_http_wahub_addr_check((struct sockaddr *) &sin6, allow);
    }

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;

    if (ngx_strcasecmp(host, (u_char *) "localhost") == 0) {
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    } else if (inet_aton((char *) host, &sin.sin_addr) == 0) {
        return NGX_OK;
    }

    return ngx_http_wahub_addr_check((struct sockaddr *) &sin, allow);
}


ngx_int_t
ngx_http_wahub_addr_check(struct sockaddr *sa, ngx_array_t *allow)
{
    uint32_t              addr;
    u_char               *p;
    struct sockaddr_in    sin, *sin4;
    struct sockaddr_in6  *sin6;

    switch (sa->sa_family) {

    case AF_INET6:

        sin6 = (void *) sa;
        p = sin6->sin6_addr.s6_addr;

        if (ngx_http_wahub_addr6_embeds4(p, &addr) == NGX_OK) {
            ngx_memzero(&sin, sizeof(struct sockaddr_in));
            sin.sin_family = AF_INET;
            sin.sin_addr.s_addr = htonl(addr);

            return ngx_http_wahub_addr_check((struct sockaddr *) &sin,
                                             allow);
        }

        if (allow != NULL && ngx_cidr_match(sa, allow) == NGX_OK) {
            return NGX_OK;
        }

        return ngx_http_wahub_addr6_check(p);

    case AF_INET:

        if (allow != NULL && ngx_cidr_match(sa, allow) == NGX_OK) {
            return NGX_OK;
        }

        sin4 = (void *) sa;

        return ngx_http_wahub_addr4_check(ntohl(sin4->sin_addr.s_addr));

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_wahub_addr4_check(uint32_t addr)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_http_wahub_refused4) / sizeof(ngx_http_wahub_net4_t);

    for (i = 0; i < n; i++) {
        if ((addr & ngx_http_wahub_refused4[i].mask)
            == ngx_http_wahub_refused4[i].net)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/*
 * ::ffff:a.b.c.d (RFC 4291 2.5.5.2) and 64:ff9b::a.b.c.d (RFC 6052) reach
 * the IPv4 host, so the IPv4 rules decide.
 */
static ngx_int_t
ngx_http_wahub_addr6_embeds4(const u_char *p, uint32_t *addr)
{
    static const u_char  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0xff, 0xff };
    static const u_char  nat64[12] = { 0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0,
                                       0, 0, 0, 0 };

    if (ngx_memcmp(p, mapped, 12) != 0 && ngx_memcmp(p, nat64, 12) != 0) {
        return NGX_DECLINED;
    }

    *addr = ngx_http_wahub_addr4_read(p + 12);

    return NGX_OK;
}


/*
 * Only 2000::/3 is assigned as global unicast.  Inside it refused:
 * 2001::/23 (Teredo, ORCHID and other protocol use), 2001:db8::/32 and
 * 3fff::/20 (documentation), 2002::/16 (6to4 hides an IPv4 address).
 */
static ngx_int_t
ngx_http_wahub_addr6_check(const u_char *p)
{
    uint32_t  top;

    if ((p[0] & 0xe0) != 0x20) {
        return NGX_DECLINED;
    }

    top = ngx_http_wahub_addr4_read(p);

    if ((top & 0xfffffe00) == 0x20010000
        || top == 0x20010db8
        || (top & 0xffff0000) == 0x20020000
        || (top & 0xfffff000) == 0x3fff0000)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static uint32_t
ngx_http_wahub_addr4_read(const u_char *p)
{
    return ((uint32_t) p[0] << 24) | ((uint32_t) p[1] << 16)
           | ((uint32_t) p[2] << 8) | (uint32_t) p[3];
}
