/*
 * Writing answers.
 */
#include "ngx_http_wahub_api.h"
#include "ngx_http_wahub_error.h"

#include "wa_b64.h"
#include "wa_json.h"

#include <time.h>


/* An answer to a send is half of this. */
#define NGX_HTTP_WAHUB_ANSWER_GUESS  1024


static void ngx_http_wahub_answer_finish(ngx_http_wahub_ctx_t *ctx,
    ngx_int_t rc);
static ngx_int_t ngx_http_wahub_answer_memory(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t status, const char *content_type, u_char *p, size_t len);
static void ngx_http_wahub_answer_free(void *data);


void
ngx_http_wahub_answer(ngx_http_wahub_ctx_t *ctx, ngx_uint_t status,
    json_t *json)
{
    ngx_http_wahub_answer_finish(ctx,
        ngx_http_wahub_answer_send(ctx, status, json));
}


void
ngx_http_wahub_answer_done(ngx_http_wahub_ctx_t *ctx, const char *message)
{
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b,s:s}", "success", 1,
                                    "message", message));
}


void
ngx_http_wahub_answer_done_with(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result, const char *message)
{
    json_t  *json;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    json = json_pack("{s:b,s:s}", "success", 1, "message", message);

    if (json_object_update_missing(json, result->data) != 0) {
        json_decref(json);
        json = NULL;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json);
}


void
ngx_http_wahub_answer_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json_incref(result->data));
}


void
ngx_http_wahub_answer_data(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b, s:O}", "success", 1, "data",
                                    result->data));
}


void
ngx_http_wahub_answer_bytes(ngx_http_wahub_ctx_t *ctx,
    const char *content_type, wa_buf_t *body)
{
    u_char     *p;
    ngx_int_t   rc;

    p = ngx_pnalloc(ctx->request->pool, body->n);

    if (p == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        ngx_memcpy(p, body->p, body->n);
        rc = ngx_http_wahub_answer_memory(ctx, NGX_HTTP_OK, content_type, p,
                                          body->n);
    }

    wa_buf_free(body);
    ngx_http_wahub_answer_finish(ctx, rc);
}


void
ngx_http_wahub_answer_empty(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->answered = 1;
    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    ngx_http_wahub_answer_finish(ctx, ngx_http_send_header(r));
}


ngx_int_t
ngx_http_wahub_answer_send(ngx_http_wahub_ctx_t *ctx, ngx_uint_t status,
    json_t *json)
{
    wa_err_t             rc;
    wa_buf_t            *text;
    ngx_pool_cleanup_t  *cln;

    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_pool_cleanup_add(ctx->request->pool, sizeof(wa_buf_t));

    if (cln == NULL) {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text = cln->data;
    ngx_memzero(text, sizeof(wa_buf_t));
    cln->handler = ngx_http_wahub_answer_free;

    rc = wa_buf_reserve(text, NGX_HTTP_WAHUB_ANSWER_GUESS);

    if (rc == WA_OK) {
        rc = wa_json_write(json, text);
    }

    json_decref(json);

    if (rc != WA_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_wahub_answer_memory(ctx, status, "application/json",
                                        text->p, text->n);
}


static void
ngx_http_wahub_answer_free(void *data)
{
    wa_buf_free(data);
}


static ngx_int_t
ngx_http_wahub_answer_memory(ngx_http_wahub_ctx_t *ctx, ngx_uint_t status,
    const char *content_type, u_char *p, size_t len)
{
    ngx_buf_t           *b;
    ngx_int_t            rc;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->answered = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) len;
    r->headers_out.content_type = ngx_http_wahub_cstr(content_type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);

    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = p;
    b->last = p + len;
    b->memory = (len > 0) ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* The request's memory may be gone when this returns. */
static void
ngx_http_wahub_answer_finish(ngx_http_wahub_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_wahub_wait_cancel(ctx);
    ngx_http_finalize_request(ctx->request, rc);
}


ngx_str_t
ngx_http_wahub_json_str(const json_t *json)
{
    ngx_str_t  s;

    if (json_is_string(json) == 0) {
        ngx_str_null(&s);
        return s;
    }

    s.data = (u_char *) json_string_value(json);
    s.len = json_string_length(json);

    return s;
}


ngx_uint_t
ngx_http_wahub_json_key(const json_t *o, const char *name, u_char out[32])
{
    json_t      *v;
    wa_buf_t     bytes = WA_BUF_EMPTY;
    ngx_uint_t   good;

    v = json_object_get(o, name);

    good = json_is_string(v)
           && wa_b64_decode(wa_span(json_string_value(v),
                                    json_string_length(v)),
                            WA_B64_STD, &bytes)
              == WA_OK
           && bytes.n == 32;

    if (good) {
        ngx_memcpy(out, bytes.p, 32);
    }

    wa_buf_wipe(&bytes);

    return good;
}


json_t *
ngx_http_wahub_json_text(const ngx_str_t *s)
{
    return json_stringn(s->len == 0 ? "" : (const char *) s->data, s->len);
}


json_t *
ngx_http_wahub_json_iso(int64_t ms)
{
    time_t     sec;
    u_char     buf[sizeof("2025-01-20T10:05:00.000Z") + 8];
    u_char    *p;
    ngx_tm_t   tm;

    sec = (time_t) (ms / 1000);
    ngx_gmtime(sec, &tm);

    p = ngx_snprintf(buf, sizeof(buf), "%4d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                     tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                     tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                     (int) (ms % 1000));

    return json_stringn((char *) buf, (size_t) (p - buf));
}
