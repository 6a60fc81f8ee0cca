/*
 * The module is of nginx's type HTTP_AUX_FILTER (see `config`): its filters
 * run before those that write, so the headers added here pass through
 * add_header, gzip and the rest like any other.
 */
#include "ngx_http_wahub_filter.h"

#include "ngx_http_wahub_cors.h"
#include "ngx_http_wahub_error.h"


typedef struct {
    ngx_uint_t    method;
    ngx_str_t     name;
} ngx_http_wahub_method_t;


static const ngx_http_wahub_method_t  ngx_http_wahub_methods[] = {
    { NGX_HTTP_GET, ngx_string("GET") },
    { NGX_HTTP_HEAD, ngx_string("HEAD") },
    { NGX_HTTP_POST, ngx_string("POST") },
    { NGX_HTTP_PUT, ngx_string("PUT") },
    { NGX_HTTP_PATCH, ngx_string("PATCH") },
    { NGX_HTTP_DELETE, ngx_string("DELETE") }
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t ngx_http_wahub_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_wahub_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_wahub_filter_replace(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_filter_headers(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_filter_number(ngx_http_request_t *r,
    const char *name, ngx_uint_t n);
static ngx_int_t ngx_http_wahub_filter_allow(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_filter_install(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_wahub_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_wahub_body_filter;
}


static ngx_int_t
ngx_http_wahub_header_filter(ngx_http_request_t *r)
{
    ngx_http_wahub_ctx_t       *ctx;
    ngx_http_wahub_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_wahub_module);

    if (wlcf->groups == 0 || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_wahub_api_open(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->answered == 0
        && r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        && ngx_http_wahub_filter_replace(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_filter_headers(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* nginx's HTML error page gives way to the one error shape. */
static ngx_int_t
ngx_http_wahub_filter_replace(ngx_http_wahub_ctx_t *ctx)
{
    char                *text;
    size_t               len;
    json_t              *json;
    ngx_buf_t           *b;
    ngx_uint_t           status;
    const char          *code;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = ctx->request;
    ngx_str_null(&ctx->cache);
    code = ngx_http_wahub_error_of_status(r->headers_out.status);
    json = ngx_http_wahub_error_body(ctx, code, NULL, NULL, &status);

    if (json == NULL) {
        return NGX_ERROR;
    }

    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        return NGX_ERROR;
    }

    len = ngx_strlen(text);
    b = ngx_create_temp_buf(r->pool, len);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        free(text);
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->pos, text, len);
    b->last_buf = 1;
    b->last_in_chain = 1;
    free(text);

    cl->buf = b;
    cl->next = NULL;
    ctx->replaced = cl;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->headers_out.content_length_n = (off_t) len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t           *cl;
    ngx_http_wahub_ctx_t  *ctx;

    ctx = ngx_http_wahub_api_ctx(r);

    if (ctx == NULL || ctx->replaced == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    /* The body goes out once; what still comes of the page is dropped. */

    if (ctx->replaced->buf->last == ctx->replaced->buf->start) {
        return NGX_OK;
    }

    cl = ngx_alloc_chain_link(r->pool);

    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = ngx_calloc_buf(r->pool);

    if (cl->buf == NULL) {
        return NGX_ERROR;
    }

    *cl->buf = *ctx->replaced->buf;
    cl->next = NULL;
    ctx->replaced->buf->last = ctx->replaced->buf->start;

    return ngx_http_next_body_filter(r, cl);
}


ngx_int_t
ngx_http_wahub_filter_add(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = ngx_http_wahub_cstr(name);
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_filter_number(ngx_http_request_t *r, const char *name,
    ngx_uint_t n)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);

    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = (size_t) (ngx_sprintf(value.data, "%ui", n) - value.data);

    return ngx_http_wahub_filter_add(r, name, &value);
}


static ngx_int_t
ngx_http_wahub_filter_headers(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    static const ngx_str_t  no_store = ngx_string("no-store");
    static const ngx_str_t  nosniff = ngx_string("nosniff");
    static const ngx_str_t  bearer = ngx_string("Bearer");
    static const ngx_str_t  yes = ngx_string("true");

    r = ctx->request;

    if (ngx_http_wahub_filter_add(r, "X-Request-Id", &ctx->vars.request_id)
            != NGX_OK
        || ngx_http_wahub_filter_add(r, "Cache-Control",
                                     ctx->cache.len > 0 ? &ctx->cache
                                                        : &no_store)
               != NGX_OK
        || ngx_http_wahub_filter_add(r, "X-Content-Type-Options", &nosniff)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->headers_out.status == NGX_HTTP_UNAUTHORIZED
        && r->headers_out.www_authenticate == NULL
        && ngx_http_wahub_filter_add(r, "WWW-Authenticate", &bearer)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->retry_after > 0
        && ngx_http_wahub_filter_number(r, "Retry-After", ctx->retry_after)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->replayed
        && ngx_http_wahub_filter_add(r, "Idempotent-Replayed", &yes)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->total >= 0
        && ngx_http_wahub_filter_number(r, "X-Total-Count",
                                        (ngx_uint_t) ctx->total) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->link.len > 0
        && ngx_http_wahub_filter_add(r, "Link", &ctx->link) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->allow != 0 && ngx_http_wahub_filter_allow(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_cors_headers(ctx);
}


static ngx_int_t
ngx_http_wahub_filter_allow(ngx_http_wahub_ctx_t *ctx)
{
    u_char      *p;
    ngx_str_t    value;
    ngx_uint_t   i, n;

    n = sizeof(ngx_http_wahub_methods) / sizeof(ngx_http_wahub_method_t);

    value.data = ngx_pnalloc(ctx->request->pool,
                             n * sizeof("DELETE, ") + sizeof("OPTIONS"));

    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;

    for (i = 0; i < n; i++) {
        if (ctx->allow & ngx_http_wahub_methods[i].method) {
            p = ngx_sprintf(p, "%V, ", &ngx_http_wahub_methods[i].name);
        }
    }

    p = ngx_cpymem(p, "OPTIONS", sizeof("OPTIONS") - 1);
    value.len = (size_t) (p - value.data);

    return ngx_http_wahub_filter_add(ctx->request, "Allow", &value);
}
