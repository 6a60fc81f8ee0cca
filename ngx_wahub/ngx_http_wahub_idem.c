/*
 * Idempotency-Key, see ngx_http_wahub_idem.h.
 */
#include "ngx_http_wahub_idem.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"
#include "ngx_http_wahub_upload.h"

#include "wa_crypto.h"


#define NGX_HTTP_WAHUB_IDEM_KEY_MAX  255
#define NGX_HTTP_WAHUB_IDEM_TIMEOUT  5000       /* ms, to keep a refusal */


static json_t *ngx_http_wahub_idem_hash(const wa_span_t *parts, size_t n);
static ngx_uint_t ngx_http_wahub_idem_kept(ngx_uint_t status);
static void ngx_http_wahub_idem_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


ngx_int_t
ngx_http_wahub_idem_read(ngx_http_wahub_ctx_t *ctx)
{
    size_t      i;
    ngx_str_t  *key;
    wa_span_t   parts[7], body;

    static const ngx_str_t  nul = { 1, (u_char *) "" };

    key = ngx_http_wahub_header(ctx->request, "idempotency-key");

    if (key == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] < 0x20 || key->data[i] > 0x7e) {
            break;
        }
    }

    if (key->len == 0 || key->len > NGX_HTTP_WAHUB_IDEM_KEY_MAX
        || i != key->len)
    {
        ngx_http_wahub_error_field(ctx, "Idempotency-Key", "INVALID",
            "Idempotency-Key: must be 1 to 255 printable ASCII characters");
        return NGX_ERROR;
    }

    parts[0] = ngx_http_wahub_span(&ctx->vars.tenant);
    parts[1] = ngx_http_wahub_span(&nul);
    parts[2] = ngx_http_wahub_span(&ctx->request->method_name);
    parts[3] = ngx_http_wahub_span(&nul);
    parts[4] = ngx_http_wahub_span(&ctx->path);
    parts[5] = ngx_http_wahub_span(&nul);
    parts[6] = ngx_http_wahub_span(key);
    body = ngx_http_wahub_span(&ctx->raw);

    ctx->idem = json_pack("{s:o,s:o,s:o}",
                          "key", ngx_http_wahub_idem_hash(parts, 7),
                          "body", ngx_http_wahub_idem_hash(&body, 1),
                          "request_id",
                          ngx_http_wahub_json_text(&ctx->vars.request_id));

    if (ctx->idem == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static json_t *
ngx_http_wahub_idem_hash(const wa_span_t *parts, size_t n)
{
    u_char     text[2 * WA_SHA256_LEN];
    uint8_t    digest[WA_SHA256_LEN];
    ngx_str_t  hex;

    if (wa_sha256(parts, n, digest) != WA_OK) {
        return NULL;
    }

    ngx_hex_dump(text, digest, WA_SHA256_LEN);
    hex.data = text;
    hex.len = sizeof(text);

    return ngx_http_wahub_json_text(&hex);
}


ngx_int_t
ngx_http_wahub_idem_args(ngx_http_wahub_ctx_t *ctx, json_t *args)
{
    json_t  *idem;

    idem = ctx->idem;
    ctx->idem = NULL;

    if (idem != NULL && json_object_set_new(args, "idempotency", idem) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wahub_idem_kept(ngx_uint_t status)
{
    return status >= 400 && status < 500 && status != 401 && status != 408
           && status != 409 && status != 429;
}


ngx_int_t
ngx_http_wahub_idem_keep(ngx_http_wahub_ctx_t *ctx, const char *code,
    ngx_uint_t status, const char *message, json_t *details)
{
    int      rc;
    json_t  *idem, *refusal, *args;

    if (ctx->idem == NULL || ngx_http_wahub_idem_kept(status) == 0) {
        return NGX_DECLINED;
    }

    refusal = json_pack("{s:s,s:s?,s:O?}", "code", code, "message", message,
                        "details", details);

    if (ctx->idem_next != NULL) {

        if (ngx_http_wahub_upload_refuse(ctx, refusal, ctx->idem_next)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        json_decref(details);
        return NGX_OK;
    }

    idem = ctx->idem;
    ctx->idem = NULL;
    args = json_object();

    rc = json_object_set_new(idem, "refusal", refusal);
    rc |= json_object_set(ctx->args, "idempotency", idem);
    rc |= json_object_set_new(args, "idempotency", idem);

    if (rc != 0) {
        json_decref(args);
        return NGX_DECLINED;
    }

    json_decref(details);

    ngx_http_wahub_wait_call(ctx, WA_OP_SEND, args,
                             NGX_HTTP_WAHUB_IDEM_TIMEOUT,
                             ngx_http_wahub_idem_done);

    return NGX_OK;
}


/* Whether it could be kept or not, the request is refused. */
static void
ngx_http_wahub_idem_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t      *refusal;
    const char  *code;

    refusal = json_object_get(json_object_get(ctx->args, "idempotency"),
                              "refusal");
    code = json_string_value(json_object_get(refusal, "code"));

    ngx_http_wahub_idem_result(ctx, result);

    if (ctx->replayed || (result->code != NULL
        && (ngx_strcmp(result->code, "IDEMPOTENCY_IN_PROGRESS") == 0
            || ngx_strcmp(result->code, "IDEMPOTENCY_KEY_REUSED") == 0)))
    {
        ngx_http_wahub_messages_sent(ctx, result);
        return;
    }

    ngx_http_wahub_error_details(ctx, code,
        json_string_value(json_object_get(refusal, "message")),
        json_incref(json_object_get(refusal, "details")));
}


void
ngx_http_wahub_idem_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t     *mark;
    ngx_str_t   id;

    mark = json_object_get(result->data, "replayed");

    if (mark == NULL) {
        return;
    }

    ctx->replayed = 1;
    id = ngx_http_wahub_json_str(mark);

    if (id.len > 0) {
        ctx->first_id.data = ngx_pstrdup(ctx->request->pool, &id);
        ctx->first_id.len = (ctx->first_id.data == NULL) ? 0 : id.len;
    }

    (void) json_object_del(result->data, "replayed");
}
