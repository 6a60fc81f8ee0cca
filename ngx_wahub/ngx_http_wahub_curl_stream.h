/*
 * Large bodies over HTTP(S), to and from files: in a thread, one call for a
 * whole transfer.  In the event loop the encryption and the disk would be in
 * everybody's way.
 */
#ifndef NGX_HTTP_WAHUB_CURL_STREAM_H
#define NGX_HTTP_WAHUB_CURL_STREAM_H

#include "ngx_http_wahub.h"


#define NGX_HTTP_WAHUB_STREAM_URL   2304    /* a location's, with its NUL */


/* Bytes of a body with the answer's status; 0: no more, please. */
typedef ngx_uint_t (*ngx_http_wahub_stream_pt)(void *data,
    ngx_uint_t status, const u_char *p, size_t n);

typedef struct {
    const char                     *url;    /* NUL-terminated             */
    const char                     *ca;     /* PEM file; "": the system's */
    const ngx_http_wahub_addr_t    *addr;   /* connect there, with the port;
                                               NULL: as the name resolves */
    ngx_fd_t                        body;   /* POST what is in this file;
                                               NGX_INVALID_FILE: GET      */
    uint64_t                        size;   /* of `body`                  */
    uint64_t                        from;   /* GET: Range                 */
    ngx_msec_t                      timeout;        /* 0: as long as it
                                               moves                      */
    ngx_http_wahub_stream_pt        take;   /* the answer's body          */
    void                           *data;
    unsigned                        whatsapp:1;     /* its Origin         */
    unsigned                        browser:1;      /* asks for a page as
                                               a browser does             */
    unsigned                        patient:1;      /* a worker that leaves
                                               waits for the end          */
} ngx_http_wahub_stream_t;

typedef struct {
    ngx_uint_t                      status; /* HTTP; 0: there was none    */
    const char                     *error;  /* static text, NULL: none    */
    ngx_uint_t                      retry_after;    /* s; 0: not said     */
    unsigned                        stopped:1;      /* the worker leaves  */
    char                            location[NGX_HTTP_WAHUB_STREAM_URL];
} ngx_http_wahub_streamed_t;


/*
 * Thread.  Redirects are not followed: out->location, "" without one.
 * WA_OK: there was a whole answer, of any status.  WA_ERR_IO: there was
 * none, or it broke off, or `take` wanted no more.  WA_ERR_NOMEM.
 */
wa_err_t ngx_http_wahub_stream(const ngx_http_wahub_stream_t *s,
    ngx_http_wahub_streamed_t *out);

/* Thread: the worker is to end; patient ones go on while it can wait. */
ngx_uint_t ngx_http_wahub_stream_stopped(ngx_uint_t patient);

#endif /* NGX_HTTP_WAHUB_CURL_STREAM_H */
