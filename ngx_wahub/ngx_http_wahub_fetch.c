/*
 * Fetching for users, see ngx_http_wahub_fetch.h.
 */
#include "ngx_http_wahub_fetch.h"

#include "ngx_http_wahub_ssrf.h"

#include <netdb.h>


#define NGX_HTTP_WAHUB_FETCH_REDIRECTS  3
#define NGX_HTTP_WAHUB_FETCH_IGNORED    65536    /* bytes                 */


/* Addresses that may be called, with the port. */
typedef struct {
    ngx_http_wahub_addr_t         addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
    ngx_uint_t                    n;
} ngx_http_wahub_targets_t;


static ngx_uint_t ngx_http_wahub_fetch_hop(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_streamed_t *out);
static ngx_uint_t ngx_http_wahub_fetch_resolve(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_targets_t *to);
static ngx_uint_t ngx_http_wahub_fetch_take(void *data, ngx_uint_t status,
    const u_char *p, size_t n);


ngx_uint_t
ngx_http_wahub_fetch(ngx_http_wahub_fetch_t *f)
{
    ngx_uint_t                 hops;
    ngx_http_wahub_streamed_t  out;

    f->code = NULL;
    f->message = NULL;
    f->enough = 0;

    for (hops = 0; ngx_http_wahub_fetch_hop(f, &out); hops++) {
        if (hops == NGX_HTTP_WAHUB_FETCH_REDIRECTS) {
            f->code = "MEDIA_FETCH_FAILED";
            f->message = "The URL leads to too many others";
            return 0;
        }

        ngx_memcpy(f->url, out.location, sizeof(f->url));
    }

    return f->code == NULL && f->enough == 0;
}


/* One request.  1: go on with out->location; 0: done, or f->code. */
static ngx_uint_t
ngx_http_wahub_fetch_hop(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_streamed_t *out)
{
    int64_t                       left;
    wa_err_t                      rc;
    ngx_uint_t                    i;
    ngx_http_wahub_stream_t       s;
    ngx_http_wahub_targets_t      to;

    if (ngx_http_wahub_fetch_resolve(f, &to) == 0) {
        return 0;
    }

    ngx_memzero(&s, sizeof(ngx_http_wahub_stream_t));
    s.url = f->url;
    s.ca = f->conf->trusted_certificate.len == 0 ? ""
           : (char *) f->conf->trusted_certificate.data;
    s.body = NGX_INVALID_FILE;
    s.take = ngx_http_wahub_fetch_take;
    s.data = f;
    s.patient = 1;

    /* the next address when there was no answer at all */

    rc = WA_ERR_IO;
    ngx_memzero(out, sizeof(ngx_http_wahub_streamed_t));

    for (i = 0; i < to.n && rc == WA_ERR_IO && out->status == 0; i++) {
        left = f->deadline - ngx_http_wahub_fetch_clock();

        if (left <= 0 || out->stopped) {
            break;
        }

        s.addr = &to.addrs[i];
        s.timeout = (ngx_msec_t) left;
        f->ignored = 0;
        rc = ngx_http_wahub_stream(&s, out);
    }

    if (f->enough) {
        return 0;
    }

    if (rc == WA_ERR_NOMEM) {
        f->code = "INTERNAL_ERROR";

    } else if (out->status == 0 || (out->status / 100 == 2 && rc != WA_OK)) {
        f->code = "MEDIA_FETCH_FAILED";
        f->message = "The URL's server did not send a whole file in time";

    } else if (out->status / 100 == 3 && out->location[0] != '\0') {
        return 1;

    } else if (out->status / 100 != 2) {
        f->code = "MEDIA_FETCH_FAILED";
        f->message = "The URL's server does not give the file";
    }

    return 0;
}


/* 0: f->code says why. */
static ngx_uint_t
ngx_http_wahub_fetch_resolve(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_targets_t *to)
{
    char                    host[NGX_HTTP_WAHUB_HOST_MAX + 1];
    ngx_str_t               text;
    struct addrinfo         hints, *res, *ai;
    ngx_http_wahub_url_t    u;
    ngx_http_wahub_addr_t  *addr;

    to->n = 0;
    text.data = (u_char *) f->url;
    text.len = ngx_strlen(f->url);

    if (ngx_http_wahub_url_parse(&text, &u) != NGX_OK
        || u.host.len > NGX_HTTP_WAHUB_HOST_MAX)
    {
        f->code = "INVALID_URL";
        return 0;
    }

    ngx_memcpy(host, u.host.data, u.host.len);
    host[u.host.len] = '\0';

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;

    if (getaddrinfo(host, NULL, &hints, &res) != 0) {
        f->code = "MEDIA_FETCH_FAILED";
        f->message = "The URL's host is not known";
        return 0;
    }

    for (ai = res; ai != NULL && to->n < NGX_HTTP_WAHUB_ADDRS_MAX;
         ai = ai->ai_next)
    {
        if (ai->ai_addrlen > sizeof(ngx_sockaddr_t)
            || ngx_http_wahub_addr_check(ai->ai_addr,
                                         f->conf->webhook_allow)
               != NGX_OK)
        {
            continue;
        }

        addr = &to->addrs[to->n++];
        ngx_memcpy(&addr->sockaddr, ai->ai_addr, ai->ai_addrlen);
        addr->socklen = ai->ai_addrlen;
        ngx_inet_set_port(&addr->sockaddr.sockaddr, u.port);
    }

    freeaddrinfo(res);

    if (to->n == 0) {
        f->code = "URL_NOT_ALLOWED";
    }

    return to->n != 0;
}


/* What another answer says besides is of no interest; a long one is cut. */
static ngx_uint_t
ngx_http_wahub_fetch_take(void *data, ngx_uint_t status, const u_char *p,
    size_t n)
{
    ngx_http_wahub_fetch_t  *f = data;

    if (status / 100 != 2) {
        f->ignored += n;
        return f->ignored <= NGX_HTTP_WAHUB_FETCH_IGNORED;
    }

    f->enough = (f->take(f->data, p, n) == 0);

    return f->enough == 0;
}


int64_t
ngx_http_wahub_fetch_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
