/*
 * Shared by uploads and downloads.  Everything runs in threads.
 */
#ifndef NGX_HTTP_WAHUB_WIRE_INT_H
#define NGX_HTTP_WAHUB_WIRE_INT_H

#include "ngx_http_wahub_curl_stream.h"
#include "ngx_http_wahub_wire.h"


/* How often all hosts are tried, with pauses in between. */
#define NGX_HTTP_WAHUB_WIRE_ROUNDS  3


/* Keeps the reason, cut to its size, and gives `result` back. */
static ngx_inline ngx_http_wahub_wire_e
ngx_http_wahub_wire_fail(char error[NGX_HTTP_WAHUB_WIRE_ERROR],
    const char *text, ngx_http_wahub_wire_e result)
{
    (void) ngx_cpystrn((u_char *) error, (u_char *) text,
                       NGX_HTTP_WAHUB_WIRE_ERROR);

    return result;
}


/* Before a round; NGX_ERROR: the worker leaves. */
ngx_int_t ngx_http_wahub_wire_pause(ngx_uint_t round, ngx_uint_t patient);

/* All of it, at the file's position. */
ngx_int_t ngx_http_wahub_wire_write(ngx_fd_t fd, const wa_buf_t *bytes);

#endif /* NGX_HTTP_WAHUB_WIRE_INT_H */
