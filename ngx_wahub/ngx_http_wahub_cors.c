/*
 * Cross-origin requests.
 */
#include "ngx_http_wahub_cors.h"

#include "ngx_http_wahub_filter.h"
#include "ngx_http_wahub_ssrf.h"


#define NGX_HTTP_WAHUB_CORS_METHODS                                          \
    "GET, POST, PUT, PATCH, DELETE, OPTIONS"

#define NGX_HTTP_WAHUB_CORS_PUBLIC_METHODS                                   \
    "GET, OPTIONS"

#define NGX_HTTP_WAHUB_CORS_REQUEST_HEADERS                                  \
    "Content-Type, Authorization, X-Api-Key, Idempotency-Key, "              \
    "Last-Event-ID, X-Wahub-Account, X-Request-Id"

#define NGX_HTTP_WAHUB_CORS_EXPOSED                                          \
    "X-Request-Id, Idempotent-Replayed, RateLimit-Limit, "                   \
    "RateLimit-Remaining, RateLimit-Reset, X-RateLimit-Limit, "              \
    "X-RateLimit-Remaining, X-RateLimit-Reset, X-Rate-Limit-Remaining, "     \
    "Retry-After, ETag, Last-Modified, Accept-Ranges, X-Total-Count, Link"


static ngx_uint_t ngx_http_wahub_cors_same_host(ngx_http_request_t *r,
    ngx_http_wahub_url_t *u);
static ngx_uint_t ngx_http_wahub_cors_is_local(ngx_http_wahub_url_t *u);
static ngx_uint_t ngx_http_wahub_cors_match(const ngx_str_t *rule,
    const ngx_str_t *origin);
static ngx_uint_t ngx_http_wahub_cors_is_public(ngx_http_wahub_ctx_t *ctx);


ngx_int_t
ngx_http_wahub_cors_check(ngx_http_wahub_ctx_t *ctx, ngx_uint_t public)
{
    ngx_str_t             *origin, *rules;
    ngx_uint_t             i, any;
    ngx_http_wahub_url_t   u;

    origin = ngx_http_wahub_header(ctx->request, "origin");

    if (origin == NULL || origin->len == 0) {
        return NGX_OK;
    }

    if (public) {
        ngx_str_set(&ctx->origin, "*");
        return NGX_OK;
    }

    any = 0;

    if (ctx->conf->cors_origins != NULL) {
        rules = ctx->conf->cors_origins->elts;

        for (i = 0; i < ctx->conf->cors_origins->nelts; i++) {
            if (rules[i].len == 1 && rules[i].data[0] == '*') {
                any = 1;
                continue;
            }

            if (ngx_http_wahub_cors_match(&rules[i], origin)) {
                ctx->origin = *origin;
                ctx->credentials = 1;
                return NGX_OK;
            }
        }
    }

    if (ngx_http_wahub_url_parse(origin, &u) == NGX_OK
        && (ngx_http_wahub_cors_same_host(ctx->request, &u)
            || (ctx->conf->cors_local && ngx_http_wahub_cors_is_local(&u))))
    {
        ctx->origin = *origin;
        ctx->credentials = 1;
        return NGX_OK;
    }

    if (any) {
        ngx_str_set(&ctx->origin, "*");
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* The Origin names the host and port the request was sent to. */
static ngx_uint_t
ngx_http_wahub_cors_same_host(ngx_http_request_t *r, ngx_http_wahub_url_t *u)
{
    ngx_str_t  *host, authority;

    if (r->headers_in.host == NULL) {
        return 0;
    }

    host = &r->headers_in.host->value;

    authority.data = u->text.data + (u->https ? 8 : 7);
    authority.len = u->text.len - (u->https ? 8u : 7u);

    return authority.len == host->len
           && ngx_strncasecmp(authority.data, host->data, host->len) == 0;
}


/* An address that outbound calls refuse is a local one. */
static ngx_uint_t
ngx_http_wahub_cors_is_local(ngx_http_wahub_url_t *u)
{
    return ngx_http_wahub_url_check(u, NULL) == NGX_DECLINED;
}


/* Exact, or with a star that stands for one label ("*.example.com"). */
static ngx_uint_t
ngx_http_wahub_cors_match(const ngx_str_t *rule, const ngx_str_t *origin)
{
    size_t   head, tail;
    u_char  *star, *label, *last;

    if (rule->len == origin->len
        && ngx_strncasecmp(rule->data, origin->data, rule->len) == 0)
    {
        return 1;
    }

    star = ngx_strlchr(rule->data, rule->data + rule->len, '*');

    if (star == NULL) {
        return 0;
    }

    head = (size_t) (star - rule->data);
    tail = rule->len - head - 1;

    if (origin->len < head + 1 + tail
        || ngx_strncasecmp(origin->data, rule->data, head) != 0
        || ngx_strncasecmp(origin->data + origin->len - tail, star + 1, tail)
           != 0)
    {
        return 0;
    }

    label = origin->data + head;
    last = origin->data + origin->len - tail;

    while (label < last) {
        if (*label == '.' || *label == '/' || *label == ':'
            || *label == '@')
        {
            return 0;
        }

        label++;
    }

    return 1;
}


static ngx_uint_t
ngx_http_wahub_cors_is_public(ngx_http_wahub_ctx_t *ctx)
{
    return ctx->route != NULL
           && ctx->route->access == NGX_HTTP_WAHUB_ACCESS_PUBLIC;
}


ngx_int_t
ngx_http_wahub_cors_headers(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t           i;
    ngx_http_request_t  *r;

    static const ngx_str_t  yes = ngx_string("true");
    static const ngx_str_t  vary = ngx_string("Origin");
    static const ngx_str_t  age = ngx_string("600");
    static const ngx_str_t  exposed = ngx_string(NGX_HTTP_WAHUB_CORS_EXPOSED);
    static const ngx_str_t  all = ngx_string(NGX_HTTP_WAHUB_CORS_METHODS);
    static const ngx_str_t  get =
        ngx_string(NGX_HTTP_WAHUB_CORS_PUBLIC_METHODS);
    static const ngx_str_t  headers =
        ngx_string(NGX_HTTP_WAHUB_CORS_REQUEST_HEADERS);

    const ngx_str_t  *methods = ngx_http_wahub_cors_is_public(ctx) ? &get
                                                                   : &all;
    const struct {
        ngx_uint_t        wanted;
        const char       *name;
        const ngx_str_t  *value;
    } rows[] = {
        { 1, "Access-Control-Allow-Origin", &ctx->origin },
        { ctx->credentials, "Access-Control-Allow-Credentials", &yes },
        { ctx->credentials, "Vary", &vary },
        { ctx->preflight == 0, "Access-Control-Expose-Headers", &exposed },
        { ctx->preflight, "Access-Control-Allow-Methods", methods },
        { ctx->preflight, "Access-Control-Allow-Headers", &headers },
        { ctx->preflight, "Access-Control-Max-Age", &age }
    };

    r = ctx->request;

    if (ctx->origin.len == 0) {
        return NGX_OK;
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].wanted
            && ngx_http_wahub_filter_add(r, rows[i].name, rows[i].value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
