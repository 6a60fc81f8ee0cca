/*
 * limit, offset, page, cursor.
 */
#include "ngx_http_wahub_page.h"

#include "ngx_http_wahub_error.h"


static ngx_http_wahub_page_t *ngx_http_wahub_page_create(
    ngx_http_wahub_ctx_t *ctx, ngx_int_t limit, ngx_uint_t cursors);
static ngx_int_t ngx_http_wahub_page_read(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_page_t *page, ngx_uint_t cursors);
static ngx_int_t ngx_http_wahub_page_cursor(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_page_t *page, ngx_uint_t cursors);
static ngx_int_t ngx_http_wahub_page_link(ngx_http_wahub_ctx_t *ctx,
    const u_char *where, size_t len);
static ngx_int_t ngx_http_wahub_page_limit(ngx_http_request_t *r,
    ngx_http_wahub_page_t *page);
static u_char *ngx_http_wahub_page_args(ngx_http_request_t *r, u_char *p);


ngx_http_wahub_page_t *
ngx_http_wahub_page_open(ngx_http_wahub_ctx_t *ctx, ngx_int_t limit)
{
    return ngx_http_wahub_page_create(ctx, limit, 0);
}


ngx_http_wahub_page_t *
ngx_http_wahub_page_open_cursor(ngx_http_wahub_ctx_t *ctx, ngx_int_t limit)
{
    return ngx_http_wahub_page_create(ctx, limit, 1);
}


static ngx_http_wahub_page_t *
ngx_http_wahub_page_create(ngx_http_wahub_ctx_t *ctx, ngx_int_t limit,
    ngx_uint_t cursors)
{
    ngx_http_wahub_page_t  *page;

    page = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wahub_page_t));

    if (page == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NULL;
    }

    page->limit = limit;
    ctx->state = page;

    return ngx_http_wahub_page_read(ctx, page, cursors) == NGX_OK ? page
                                                                  : NULL;
}


static ngx_int_t
ngx_http_wahub_page_read(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_page_t *page, ngx_uint_t cursors)
{
    ngx_int_t            rc, number;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_http_wahub_page_limit(r, page) != NGX_OK) {
        ngx_http_wahub_error_query(ctx, "limit");
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_query_int(r, "offset", 0, NGX_HTTP_WAHUB_OFFSET_MAX,
                                  &page->offset);

    if (rc == NGX_ERROR) {
        ngx_http_wahub_error_query(ctx, "offset");
        return NGX_ERROR;
    }

    if (ngx_http_wahub_page_cursor(ctx, page, cursors) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (ngx_http_wahub_query_int(r, "page", 1, NGX_MAX_INT32_VALUE,
                                     &number))
    {

    case NGX_DECLINED:
        return NGX_OK;

    case NGX_OK:
        break;

    default:
        ngx_http_wahub_error_query(ctx, "page");
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    page->offset = (number - 1) * page->limit;

    if (page->offset > NGX_HTTP_WAHUB_OFFSET_MAX) {
        ngx_http_wahub_error_query(ctx, "page");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_page_cursor(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_page_t *page, ngx_uint_t cursors)
{
    ngx_int_t            rc;
    ngx_str_t            other;
    ngx_http_request_t  *r;

    r = ctx->request;
    rc = ngx_http_wahub_query(r, "cursor", &page->cursor);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (ngx_http_wahub_query(r, "offset", &other) != NGX_DECLINED
        || ngx_http_wahub_query(r, "page", &other) != NGX_DECLINED)
    {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    if (rc == NGX_ERROR || cursors == 0 || page->cursor.len == 0) {
        ngx_http_wahub_error_query(ctx, "cursor");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Digits only; more than the most is the most, however many digits. */
static ngx_int_t
ngx_http_wahub_page_limit(ngx_http_request_t *r, ngx_http_wahub_page_t *page)
{
    size_t     i;
    ngx_int_t  rc, limit;
    ngx_str_t  text;

    rc = ngx_http_wahub_query(r, "limit", &text);

    if (rc != NGX_OK || text.len == 0) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    limit = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return NGX_ERROR;
        }

        limit = limit * 10 + (text.data[i] - '0');
        limit = ngx_min(limit, NGX_HTTP_WAHUB_LIMIT_MAX);
    }

    page->limit = limit;

    return limit > 0 ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_http_wahub_page_take(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t               i;
    ngx_http_wahub_page_t  *page;

    page = ctx->state;
    i = page->seen++;

    return i >= page->offset && i < page->offset + page->limit;
}


ngx_int_t
ngx_http_wahub_page_close(ngx_http_wahub_ctx_t *ctx)
{
    u_char                 *last, where[sizeof("offset=") + NGX_INT_T_LEN];
    ngx_http_wahub_page_t  *page;

    page = ctx->state;
    ctx->total = page->seen;

    if (page->offset + page->limit >= page->seen) {
        return NGX_OK;
    }

    last = ngx_sprintf(where, "offset=%i", page->offset + page->limit);

    return ngx_http_wahub_page_link(ctx, where, last - where);
}


ngx_int_t
ngx_http_wahub_page_close_cursor(ngx_http_wahub_ctx_t *ctx, ngx_int_t total,
    const char *next)
{
    u_char  *last, where[128];

    ctx->total = total;

    if (next[0] == '\0') {
        return NGX_OK;
    }

    last = ngx_snprintf(where, sizeof(where), "cursor=%s", next);

    return ngx_http_wahub_page_link(ctx, where, last - where);
}


/* The request again, but from `where` on. */
static ngx_int_t
ngx_http_wahub_page_link(ngx_http_wahub_ctx_t *ctx, const u_char *where,
    size_t len)
{
    u_char                 *p;
    ngx_http_request_t     *r;
    ngx_http_wahub_page_t  *page;

    r = ctx->request;
    page = ctx->state;

    p = ngx_pnalloc(r->pool, r->uri.len * 3 + r->args.len + len
                             + sizeof("<?limit=&&>; rel=\"next\"")
                             + NGX_INT_T_LEN);

    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->link.data = p;
    *p++ = '<';
    p = (u_char *) ngx_escape_uri(p, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    p = ngx_sprintf(p, "?limit=%i&", page->limit);
    p = ngx_cpymem(p, where, len);
    p = ngx_http_wahub_page_args(r, p);
    p = ngx_cpymem(p, ">; rel=\"next\"", sizeof(">; rel=\"next\"") - 1);
    ctx->link.len = (size_t) (p - ctx->link.data);

    return NGX_OK;
}


/* The other arguments, without those replaced and without credentials. */
static u_char *
ngx_http_wahub_page_args(ngx_http_request_t *r, u_char *p)
{
    u_char      *arg, *last, *end;
    ngx_uint_t   i;

    static const ngx_str_t  left_out[] = {
        ngx_string("limit="),
        ngx_string("offset="),
        ngx_string("page="),
        ngx_string("cursor="),
        ngx_string("api_key="),
        ngx_string("token="),
        ngx_string("ticket="),
        ngx_null_string
    };

    arg = r->args.data;
    last = arg + r->args.len;

    for ( /* void */ ; arg < last; arg = end + 1) {
        end = ngx_strlchr(arg, last, '&');

        if (end == NULL) {
            end = last;
        }

        for (i = 0; left_out[i].len > 0; i++) {
            if ((size_t) (end - arg) >= left_out[i].len
                && ngx_memcmp(arg, left_out[i].data, left_out[i].len) == 0)
            {
                break;
            }
        }

        if (left_out[i].len > 0 || end == arg) {
            continue;
        }

        *p++ = '&';

        while (arg < end) {
            if (*arg != '<' && *arg != '>' && *arg != '"') {
                *p++ = *arg;
            }

            arg++;
        }
    }

    return p;
}
