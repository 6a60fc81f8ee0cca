/*
 * Pagination (HTTP contract 2.3): of lists that are filtered in memory, and
 * of those that the history database filters and gives cursors for.
 */
#ifndef NGX_HTTP_WAHUB_PAGE_H
#define NGX_HTTP_WAHUB_PAGE_H

#include "ngx_http_wahub_api.h"


#define NGX_HTTP_WAHUB_LIMIT_MAX   500
#define NGX_HTTP_WAHUB_OFFSET_MAX  100000


typedef struct {
    ngx_int_t    limit;
    ngx_int_t    offset;
    ngx_int_t    seen;
    ngx_str_t    cursor;                        /* len 0: none           */
} ngx_http_wahub_page_t;


/*
 * Reads limit, offset and page; kept as ctx->state.  NULL: answered (a bad
 * or contradicting parameter, or out of memory).
 */
ngx_http_wahub_page_t *ngx_http_wahub_page_open(ngx_http_wahub_ctx_t *ctx,
    ngx_int_t limit);

/* The same for a list with cursors. */
ngx_http_wahub_page_t *ngx_http_wahub_page_open_cursor(
    ngx_http_wahub_ctx_t *ctx, ngx_int_t limit);

/* Counts one more item of the list; 1: it is on the page. */
ngx_uint_t ngx_http_wahub_page_take(ngx_http_wahub_ctx_t *ctx);

/* Sets X-Total-Count, and Link while there is more.  NGX_ERROR: memory. */
ngx_int_t ngx_http_wahub_page_close(ngx_http_wahub_ctx_t *ctx);

/*
 * For a list with cursors: sets X-Total-Count, and Link when `next` is not
 * empty.  NGX_ERROR: memory.
 */
ngx_int_t ngx_http_wahub_page_close_cursor(ngx_http_wahub_ctx_t *ctx,
    ngx_int_t total, const char *next);

#endif /* NGX_HTTP_WAHUB_PAGE_H */
