/*
 * A request from its arrival to its row:
 *
 *     route -> origin -> credential -> access -> body -> account -> row
 *
 * A worker takes requests a moment before it knows its stores.  After a
 * reload that is no outage: the first requests wait for the first answer.
 */
#include "ngx_http_wahub_api.h"

#include "ngx_http_wahub_auth.h"
#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_cors.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_filter.h"
#include "ngx_http_wahub_link.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_redact.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_route.h"
#include "ngx_http_wahub_script.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_upload.h"

#include "wa_crypto.h"


#define NGX_HTTP_WAHUB_REQUEST_ID_MAX  64
#define NGX_HTTP_WAHUB_START_MAX       2000     /* ms                    */
#define NGX_HTTP_WAHUB_START_LOOK      5


/*
 * Takes a session_id for an account.  KEYS[1]: the tenant's hash;
 * ARGV: session_id, "<id>|<unix s>", limit (0: none).
 * { 0, n } taken, n accounts before; { -1, 0 } session_id is in use;
 * { -2, n } the limit is reached.
 */
static const ngx_str_t  ngx_http_wahub_api_reserve = ngx_string(
    "if redis.call('HEXISTS',KEYS[1],ARGV[1])==1 then return {-1,0} end "
    "local n=redis.call('HLEN',KEYS[1]) local max=tonumber(ARGV[3]) "
    "if max>0 and n>=max then return {-2,n} end "
    "redis.call('HSET',KEYS[1],ARGV[1],ARGV[2]) return {0,n}"
);

/* Gives it back if it is still this account's.  ARGV: session_id, id... */
static const ngx_str_t  ngx_http_wahub_api_unreserve = ngx_string(
    "local v=redis.call('HGET',KEYS[1],ARGV[1]) "
    "if v and string.sub(v,1,36)==string.sub(ARGV[2],1,36) then "
    "return redis.call('HDEL',KEYS[1],ARGV[1]) end return 0"
);


static ngx_int_t ngx_http_wahub_api_check(ngx_http_wahub_ctx_t *ctx,
    const char **code);
static const char *ngx_http_wahub_api_access(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_api_refuse(ngx_http_wahub_ctx_t *ctx,
    const char *code);
static void ngx_http_wahub_api_body(ngx_http_request_t *r);
static ngx_uint_t ngx_http_wahub_api_settled(ngx_http_wahub_worker_t *w);
static void ngx_http_wahub_api_begin(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_api_row(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_api_request_id(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_api_path(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_api_cleanup(void *data);


ngx_int_t
ngx_http_wahub_api_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    const char            *code;
    ngx_http_wahub_ctx_t  *ctx;

    ctx = ngx_http_wahub_api_open(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* An error_page of the server led here: the error stays that error. */

    if (r->err_status != 0) {
        return ngx_http_wahub_api_refuse(ctx,
                   ngx_http_wahub_error_of_status(r->err_status));
    }

    if (ctx->worker == NULL) {
        return ngx_http_wahub_api_refuse(ctx, "STORE_UNAVAILABLE");
    }

    rc = ngx_http_wahub_api_check(ctx, &code);

    if (rc != NGX_OK) {
        return ngx_http_wahub_api_refuse(ctx, code);
    }

    if (ctx->preflight) {
        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        ctx->answered = 1;
        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;

        return ngx_http_send_header(r);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_wahub_api_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_wahub_api_check(ngx_http_wahub_ctx_t *ctx, const char **code)
{
    ngx_int_t            rc;
    ngx_uint_t           public;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->preflight = (r->method == NGX_HTTP_OPTIONS);

    /* before nginx's own reading of dots and escapes makes a path of it */

    if (ngx_http_wahub_link_name(r) != NGX_OK) {
        *code = "INVALID_FILE_NAME";
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_route_find(ctx, r->method);

    if (rc == NGX_DECLINED) {
        *code = "ROUTE_NOT_FOUND";
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT) {
        *code = "METHOD_NOT_ALLOWED";
        return NGX_ERROR;
    }

    public = (ctx->route->access == NGX_HTTP_WAHUB_ACCESS_PUBLIC);

    if (ngx_http_wahub_cors_check(ctx, public) != NGX_OK) {
        *code = "ORIGIN_NOT_ALLOWED";
        return NGX_ERROR;
    }

    if (ctx->preflight) {
        return NGX_OK;
    }

    ctx->allow = 0;

    if (ngx_http_wahub_auth(ctx) != NGX_OK) {
        *code = "UNAUTHORIZED";
        return NGX_ERROR;
    }

    *code = ngx_http_wahub_api_access(ctx);

    if (*code != NULL) {
        return NGX_ERROR;
    }

    if (r->headers_in.content_length_n
        > (off_t) ngx_http_wahub_upload_limit(ctx))
    {
        *code = "BODY_TOO_LARGE";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static const char *
ngx_http_wahub_api_access(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t  needed;

    needed = ctx->route->access;

    if (needed == NGX_HTTP_WAHUB_ACCESS_PUBLIC) {
        return NULL;
    }

    if (ctx->vars.tenant.len == 0) {
        return "UNAUTHORIZED";
    }

    return (ctx->access & needed) == needed ? NULL : "INSUFFICIENT_SCOPE";
}


/* Before the body was read: it is thrown away. */
static ngx_int_t
ngx_http_wahub_api_refuse(ngx_http_wahub_ctx_t *ctx, const char *code)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(ctx->request);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_wahub_error_send(ctx, code, NULL);
}


static void
ngx_http_wahub_api_body(ngx_http_request_t *r)
{
    /*
     * A read may be dropped when its client goes away; an action that has
     * begun is brought to its end.
     */

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        r->read_event_handler = ngx_http_test_reading;
    }

    ngx_http_wahub_api_begin(ngx_http_wahub_api_ctx(r));
}


/* Redis and the history have answered once, or failed to. */
static ngx_uint_t
ngx_http_wahub_api_settled(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_api_t  *api = w->api;

    if (api->settled == 0
        && (ngx_current_msec - api->began >= NGX_HTTP_WAHUB_START_MAX
            || (ngx_http_wahub_redis_tried(w->redis)
                && ngx_http_wahub_redis_tried(w->sub)
                && (ngx_http_wahub_redis_up(w->redis) == 0
                    || ngx_http_wahub_shards_judged(w))
                && ngx_http_wahub_sql_known(w))))
    {
        api->settled = 1;
    }

    return api->settled;
}


static void
ngx_http_wahub_api_begin(ngx_http_wahub_ctx_t *ctx)
{
    const char  *code, *message;

    if (ngx_http_wahub_api_settled(ctx->worker) == 0) {
        ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_START_LOOK,
                                  ngx_http_wahub_api_begin);
        return;
    }

    if ((ctx->request->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) == 0) {

        if (ngx_http_wahub_upload_wanted(ctx)) {
            ngx_http_wahub_upload_read(ctx, ngx_http_wahub_api_row);
            return;
        }

        code = ngx_http_wahub_body_parse(ctx, &message);

        if (code != NULL) {
            ngx_http_wahub_error(ctx, code, message);
            return;
        }
    }

    ngx_http_wahub_api_row(ctx);
}


/* The body is there: the account, then the row. */
static void
ngx_http_wahub_api_row(ngx_http_wahub_ctx_t *ctx)
{
    switch (ctx->route->account & NGX_HTTP_WAHUB_ACCOUNT_KIND) {

    case NGX_HTTP_WAHUB_ACCOUNT_PATH:
        ngx_http_wahub_lookup_account(ctx, &ctx->params[0],
                                      ctx->route->handler);
        break;

    case NGX_HTTP_WAHUB_ACCOUNT_SELECT:
        ngx_http_wahub_lookup_selected(ctx, ctx->route->handler);
        break;

    default: /* NGX_HTTP_WAHUB_ACCOUNT_NONE */
        ctx->route->handler(ctx);
        break;
    }
}


ngx_http_wahub_ctx_t *
ngx_http_wahub_api_open(ngx_http_request_t *r)
{
    ngx_http_cleanup_t    *cln;
    ngx_http_wahub_ctx_t  *ctx;

    ctx = ngx_http_wahub_api_ctx(r);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_wahub_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_wahub_module);
    ctx->worker = ngx_http_wahub_worker_of(r);
    ctx->total = -1;

    cln->handler = ngx_http_wahub_api_cleanup;
    cln->data = ctx;

    ngx_http_wahub_api_path(ctx);

    if (ngx_http_wahub_api_request_id(ctx) != NGX_OK) {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_wahub_module);

    return ctx;
}


/* The caller's own id when it is harmless in a log, else a new one. */
static ngx_int_t
ngx_http_wahub_api_request_id(ngx_http_wahub_ctx_t *ctx)
{
    size_t      i;
    u_char      ch, random[16];
    ngx_str_t  *given;

    given = ngx_http_wahub_header(ctx->request, "x-request-id");

    if (given != NULL && given->len > 0
        && given->len <= NGX_HTTP_WAHUB_REQUEST_ID_MAX)
    {
        for (i = 0; i < given->len; i++) {
            ch = given->data[i];

            if ((ch < '0' || ch > '9') && (ch < 'A' || ch > 'Z')
                && (ch < 'a' || ch > 'z') && ch != '.' && ch != '_'
                && ch != '-')
            {
                break;
            }
        }

        if (i == given->len) {
            ctx->vars.request_id = *given;
            return NGX_OK;
        }
    }

    ctx->vars.request_id.data = ngx_pnalloc(ctx->request->pool,
                                            2 * sizeof(random));

    if (ctx->vars.request_id.data == NULL) {
        return NGX_ERROR;
    }

    wa_random(random, sizeof(random));
    ngx_hex_dump(ctx->vars.request_id.data, random, sizeof(random));
    ctx->vars.request_id.len = 2 * sizeof(random);

    return NGX_OK;
}


/* "/api/v1/x" is "/api/x". */
static void
ngx_http_wahub_api_path(ngx_http_wahub_ctx_t *ctx)
{
    u_char     *p;
    size_t      rest;
    ngx_str_t  *uri;

    static const ngx_str_t  v1 = ngx_string("/api/v1");

    uri = &ctx->request->uri;
    ctx->path = *uri;

    if (uri->len < v1.len || ngx_memcmp(uri->data, v1.data, v1.len) != 0
        || (uri->len > v1.len && uri->data[v1.len] != '/'))
    {
        return;
    }

    rest = uri->len - v1.len;
    p = ngx_pnalloc(ctx->request->pool, sizeof("/api") - 1 + rest);

    if (p == NULL) {
        return;
    }

    ctx->path.data = p;
    ctx->path.len = sizeof("/api") - 1 + rest;
    p = ngx_cpymem(p, "/api", sizeof("/api") - 1);
    ngx_memcpy(p, uri->data + v1.len, rest);
}


static void
ngx_http_wahub_api_cleanup(void *data)
{
    ngx_http_wahub_ctx_t  *ctx;

    ctx = data;

    ngx_http_wahub_wait_cancel(ctx);

    ngx_http_wahub_upload_free(ctx->worker, ctx->upload);
    ctx->upload = NULL;

    json_decref(ctx->body);
    json_decref(ctx->view);
    json_decref(ctx->args);
    json_decref(ctx->idem);
    ctx->idem = NULL;
    ctx->body = NULL;
    ctx->view = NULL;
    ctx->args = NULL;
}


ngx_int_t
ngx_http_wahub_api_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_wahub_filter_install();

    return ngx_http_wahub_redact_install(cf);
}


ngx_int_t
ngx_http_wahub_api_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_api_t  *api;

    api = ngx_calloc(sizeof(ngx_http_wahub_api_t), w->log);

    if (api == NULL) {
        return NGX_ERROR;
    }

    w->api = api;
    api->started = ngx_time();
    api->began = ngx_current_msec;
    api->reserve = ngx_http_wahub_redis_add_script(w->redis,
                       &ngx_http_wahub_api_reserve);
    api->unreserve = ngx_http_wahub_redis_add_script(w->redis,
                         &ngx_http_wahub_api_unreserve);

    api->view = ngx_http_wahub_redis_add_script(w->redis,
                    &ngx_http_wahub_script_view);

    if (api->reserve == NGX_ERROR || api->unreserve == NGX_ERROR
        || api->view == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_wahub_api_exit(ngx_http_wahub_worker_t *w)
{
    if (w->api != NULL) {
        ngx_free(w->api);
        w->api = NULL;
    }
}
