/*
 * Access to files, see ngx_http_wahub_link.h.
 */
#include "ngx_http_wahub_link.h"

#include "wa_filename.h"


ngx_int_t
ngx_http_wahub_link_name(ngx_http_request_t *r)
{
    u_char     *p, *last, *name;
    wa_span_t   key;

    static const ngx_str_t  prefix = ngx_string("/files/");

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    if (r->unparsed_uri.len < prefix.len
        || ngx_memcmp(p, prefix.data, prefix.len) != 0)
    {
        return NGX_OK;
    }

    p += prefix.len;
    name = ngx_strlchr(p, last, '?');

    if (name != NULL) {
        last = name;
    }

    name = ngx_strlchr(p, last, '/');

    if (name == NULL) {
        key = wa_span(p, (size_t) (last - p));
        return wa_filename_is_key(key) ? NGX_OK : NGX_ERROR;
    }

    key = wa_span(name + 1, (size_t) (last - name - 1));

    if (wa_filename_is_key(key) == false) {
        return NGX_ERROR;
    }

    key = wa_span(p, (size_t) (name - p));

    return wa_filename_is_key(key) ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wahub_link_with(ngx_http_wahub_ctx_t *ctx, wa_media_links_t *links)
{
    ngx_memcpy(links->key, ctx->worker->conf->link_key, WA_KEY_LEN);
    links->base = ngx_http_wahub_span(&ctx->conf->public_url);
    links->now = ngx_time();
}


const char *
ngx_http_wahub_link_access(ngx_http_wahub_ctx_t *ctx, ngx_uint_t open,
    ngx_str_t *tenant)
{
    ngx_str_t                   exp, sig;
    ngx_uint_t                  given;
    ngx_http_wahub_loc_conf_t  *conf = ctx->conf;

    ngx_str_null(tenant);

    given = (ngx_http_wahub_query(ctx->request, "sig", &sig) == NGX_OK);

    if (given && conf->files != NGX_HTTP_WAHUB_FILES_PRIVATE
        && ngx_http_wahub_query(ctx->request, "exp", &exp) == NGX_OK
        && wa_link_check(ctx->worker->conf->link_key,
                         ngx_http_wahub_span(&ctx->path),
                         ngx_http_wahub_span(&exp),
                         ngx_http_wahub_span(&sig), ngx_time()))
    {
        if (conf->tenant_pinned) {
            *tenant = conf->tenant;
        }

        return NULL;
    }

    if (ctx->access & NGX_HTTP_WAHUB_ACCESS_READ) {
        *tenant = ctx->vars.tenant;
        return NULL;
    }

    if (open && conf->files == NGX_HTTP_WAHUB_FILES_PUBLIC) {
        *tenant = conf->tenant;
        return NULL;
    }

    if (ctx->vars.tenant.len != 0) {
        return "INSUFFICIENT_SCOPE";
    }

    return given ? "INVALID_SIGNATURE" : "UNAUTHORIZED";
}
