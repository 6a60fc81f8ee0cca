/*
 * Credentials of requests.
 */
#include "ngx_http_wahub_auth.h"

#include "wa_crypto.h"


#define NGX_HTTP_WAHUB_ACCESS_KEY                                            \
    (NGX_HTTP_WAHUB_ACCESS_READ | NGX_HTTP_WAHUB_ACCESS_SEND                 \
     | NGX_HTTP_WAHUB_ACCESS_MANAGE)


static ngx_int_t ngx_http_wahub_auth_credential(ngx_http_wahub_ctx_t *ctx,
    ngx_str_t *key);
static ngx_int_t ngx_http_wahub_auth_bearer(ngx_str_t *header,
    ngx_str_t *key);
static ngx_uint_t ngx_http_wahub_auth_is_token(ngx_str_t *key);
static ngx_uint_t ngx_http_wahub_auth_key(
    ngx_http_wahub_main_conf_t *conf, ngx_str_t *key);
static ngx_int_t ngx_http_wahub_auth_tenant(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t access);


static const ngx_str_t  ngx_http_wahub_default_tenant =
    ngx_string("default");


ngx_int_t
ngx_http_wahub_auth(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t   key;
    ngx_uint_t  access;

    rc = ngx_http_wahub_auth_credential(ctx, &key);

    if (rc == NGX_ERROR) {
        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        ctx->vars.tenant = ctx->conf->anonymous;
        ctx->access = (ctx->conf->anonymous.len == 0)
                      ? 0 : ctx->conf->anonymous_access;

        return NGX_OK;
    }

    access = ngx_http_wahub_auth_key(ctx->worker->conf, &key);

    if (access == 0) {
        return NGX_DECLINED;
    }

    return ngx_http_wahub_auth_tenant(ctx, access);
}


/* NGX_OK: `key` is to be checked; NGX_DECLINED: none; NGX_ERROR: bad. */
static ngx_int_t
ngx_http_wahub_auth_credential(ngx_http_wahub_ctx_t *ctx, ngx_str_t *key)
{
    ngx_int_t            rc;
    ngx_str_t           *header;
    ngx_http_request_t  *r;

    r = ctx->request;
    header = ngx_http_wahub_header(r, "x-api-key");

    if (header != NULL) {
        *key = *header;
        return NGX_OK;
    }

    if (r->headers_in.authorization != NULL) {
        rc = ngx_http_wahub_auth_bearer(&r->headers_in.authorization->value,
                                        key);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (ctx->conf->query_key != NGX_HTTP_WAHUB_QUERY_KEY_ON) {
        return NGX_DECLINED;
    }

    return ngx_http_wahub_query(r, "api_key", key);
}


/* Other schemes belong to other modules. */
static ngx_int_t
ngx_http_wahub_auth_bearer(ngx_str_t *header, ngx_str_t *key)
{
    u_char  *p, *last;

    if (header->len < sizeof("Bearer") - 1
        || ngx_strncasecmp(header->data, (u_char *) "Bearer",
                           sizeof("Bearer") - 1) != 0)
    {
        return NGX_DECLINED;
    }

    p = header->data + sizeof("Bearer") - 1;
    last = header->data + header->len;

    if (p == last || *p != ' ') {
        return NGX_ERROR;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    while (last > p && *(last - 1) == ' ') {
        last--;
    }

    key->data = p;
    key->len = (size_t) (last - p);

    if (key->len == 0 || ngx_http_wahub_auth_is_token(key)) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A JSON web token has exactly two dots, a key never has. */
static ngx_uint_t
ngx_http_wahub_auth_is_token(ngx_str_t *key)
{
    size_t      i;
    ngx_uint_t  dots;

    dots = 0;

    for (i = 0; i < key->len; i++) {
        if (key->data[i] == '.') {
            dots++;
        }
    }

    return dots == 2;
}


/*
 * What the key allows; 0: not a key.  Every stored hash is compared, so
 * the time does not tell which one came close.
 */
static ngx_uint_t
ngx_http_wahub_auth_key(ngx_http_wahub_main_conf_t *conf, ngx_str_t *key)
{
    uint8_t                     hash[NGX_HTTP_WAHUB_KEY_HASH_LEN];
    wa_span_t                   part;
    ngx_uint_t                  i, access;
    ngx_http_wahub_key_hash_t  *keys;

    part = ngx_http_wahub_span(key);

    if (wa_sha256(&part, 1, hash) != WA_OK) {
        return 0;
    }

    access = 0;

    if (wa_memeq(hash, conf->admin_key.sha256, sizeof(hash))) {
        access |= NGX_HTTP_WAHUB_ACCESS_KEY | NGX_HTTP_WAHUB_ACCESS_ADMIN;
    }

    if (conf->api_keys != NULL) {
        keys = conf->api_keys->elts;

        for (i = 0; i < conf->api_keys->nelts; i++) {
            if (wa_memeq(hash, keys[i].sha256, sizeof(hash))) {
                access |= NGX_HTTP_WAHUB_ACCESS_KEY;
            }
        }
    }

    return access;
}


/*
 * Every key belongs to the default tenant; the admin key may name the
 * tenant it acts in, of which this version has only that one.
 */
static ngx_int_t
ngx_http_wahub_auth_tenant(ngx_http_wahub_ctx_t *ctx, ngx_uint_t access)
{
    ngx_str_t                  *name;
    ngx_http_wahub_loc_conf_t  *conf;

    conf = ctx->conf;

    if (conf->tenant_pinned
        && ngx_http_wahub_str_eq(&conf->tenant,
                                 &ngx_http_wahub_default_tenant) == 0)
    {
        return NGX_DECLINED;
    }

    if (access & NGX_HTTP_WAHUB_ACCESS_ADMIN) {
        name = ngx_http_wahub_header(ctx->request, "x-wahub-tenant");

        if (name != NULL
            && ngx_http_wahub_str_eq(name, &ngx_http_wahub_default_tenant)
               == 0)
        {
            return NGX_DECLINED;
        }
    }

    ctx->vars.tenant = ngx_http_wahub_default_tenant;
    ctx->access = access;

    return NGX_OK;
}
