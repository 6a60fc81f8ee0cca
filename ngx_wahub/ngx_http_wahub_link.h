/*
 * Who may read a file: credentials, a signed link, or everybody
 * (wahub_files; HTTP contract 3.1, 8.2).
 */
#ifndef NGX_HTTP_WAHUB_LINK_H
#define NGX_HTTP_WAHUB_LINK_H

#include "ngx_http_wahub_api.h"

#include "wa_archive_media.h"


/*
 * The name in "/files/<session>/<name>" as the client wrote it: NGX_ERROR
 * when it is one that no file has, as those with "..", "%2f" or a second
 * level.  NGX_OK also for every other path.
 */
ngx_int_t ngx_http_wahub_link_name(ngx_http_request_t *r);

/*
 * NULL: the request may read files of `*tenant`, len 0: of any (a signature
 * or the name itself is the proof).  Else the error code.  `open`: the row
 * is one that wahub_files public opens to everybody.
 */
const char *ngx_http_wahub_link_access(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t open, ngx_str_t *tenant);

/* What links in the answer to this request are made with; wipe it.  Its base
   lives as long as the worker. */
void ngx_http_wahub_link_with(ngx_http_wahub_ctx_t *ctx,
    wa_media_links_t *links);

#endif /* NGX_HTTP_WAHUB_LINK_H */
