/*
 * Outbound HTTP(S): one libcurl multi handle per worker on nginx's events.
 *
 * libcurl never resolves a name here: the caller gives the address, which
 * it has checked, and every connection of the transfer goes there.
 */
#ifndef NGX_HTTP_WAHUB_CURL_H
#define NGX_HTTP_WAHUB_CURL_H

#include "ngx_http_wahub.h"


typedef struct ngx_http_wahub_transfer_s  ngx_http_wahub_transfer_t;

/* How a transfer ended. */
typedef struct {
    ngx_uint_t              status;         /* HTTP; 0: there was none   */
    const char             *error;          /* static text, NULL: none   */
    unsigned                unreached:1;    /* not even connected        */
} ngx_http_wahub_outcome_t;

typedef void (*ngx_http_wahub_curl_pt)(void *data,
    const ngx_http_wahub_outcome_t *outcome);

/* A POST; all members are copied. */
typedef struct {
    ngx_str_t               url;
    const ngx_str_t        *headers;        /* "Name: value"             */
    ngx_uint_t              nheaders;
    ngx_str_t               body;
    ngx_msec_t              timeout;        /* of the whole transfer     */
    ngx_http_wahub_addr_t   addr;           /* with the port             */
} ngx_http_wahub_post_t;


/*
 * The handler is called exactly once, never from inside this function,
 * unless cancelled; the handle is dead from then on.  Redirects are not
 * followed.  NULL: out of memory.
 */
ngx_http_wahub_transfer_t *ngx_http_wahub_curl_post(
    ngx_http_wahub_worker_t *w, const ngx_http_wahub_post_t *post,
    ngx_http_wahub_curl_pt handler, void *data);

/* Not from inside a curl handler of the same transfer. */
void ngx_http_wahub_curl_cancel(ngx_http_wahub_transfer_t *t);

#endif /* NGX_HTTP_WAHUB_CURL_H */
