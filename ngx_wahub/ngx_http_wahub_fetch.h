/*
 * What a URL names, on a user's behalf (HTTP contract 11.5): each address is
 * checked and pinned, redirects included.
 */
#ifndef NGX_HTTP_WAHUB_FETCH_H
#define NGX_HTTP_WAHUB_FETCH_H

#include "ngx_http_wahub_curl_stream.h"


/* Bytes of the file; 0: no more, please. */
typedef ngx_uint_t (*ngx_http_wahub_fetch_pt)(void *data, const u_char *p,
    size_t n);

typedef struct {
    ngx_http_wahub_main_conf_t   *conf;
    char                          url[NGX_HTTP_WAHUB_STREAM_URL];
    int64_t                       deadline;     /* of _fetch_clock()     */
    ngx_http_wahub_fetch_pt       take;
    void                         *data;

    const char                   *code;         /* why not; static       */
    const char                   *message;      /* or NULL               */
    uint64_t                      ignored;      /* of other answers      */
    unsigned                      enough:1;     /* `take` wanted no more */
} ngx_http_wahub_fetch_t;


/*
 * Thread.  1: the whole file went to `take`.  0: f->code (INVALID_URL,
 * URL_NOT_ALLOWED, MEDIA_FETCH_FAILED, INTERNAL_ERROR), or f->enough.
 * f->url is then where it was found.
 */
ngx_uint_t ngx_http_wahub_fetch(ngx_http_wahub_fetch_t *f);

/* Any thread; ms. */
int64_t ngx_http_wahub_fetch_clock(void);

#endif /* NGX_HTTP_WAHUB_FETCH_H */
