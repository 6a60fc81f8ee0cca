/*
 * Sending (HTTP contract 5.1, 5.2, 5.4): one reader of bodies, one call,
 * and an answer per reference.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_idem.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_message.h"
#include "ngx_http_wahub_send.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_REPLY_MARGIN  5000       /* ms over send_timeout  */


/* Options of the send model; what they are about is the command's. */
static const ngx_http_wahub_field_t  ngx_http_wahub_send_options[] = {
    { "client_message_id|clientMessageId", "client_message_id",
      ngx_http_wahub_field_text, 1, 128, 0, 0 },
    { "metadata", "metadata", ngx_http_wahub_field_object, 0, 4096, 0, 0 },
    { "link_preview|linkPreview", "link_preview", ngx_http_wahub_field_bool,
      0, 0, 0, 0 },
    { "send_at", "send_at", ngx_http_wahub_field_refused, 0, 0, 0, 0 },
    { "ttl", "ttl", ngx_http_wahub_field_refused, 0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

/* Of messages that are no files. */
static const ngx_http_wahub_field_t  ngx_http_wahub_send_no_file[] = {
    { "media_url|mediaUrl|url|base64|media|media_id|mediaId", "media",
      ngx_http_wahub_field_refused, 0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static ngx_int_t ngx_http_wahub_send_account(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_send_recipient(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_send_mode(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_send_wait(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_send_remember(ngx_http_wahub_ctx_t *ctx,
    json_t *data);


void
ngx_http_wahub_messages_send(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  kind;

    ctx->args = json_object();

    if (ctx->args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_send_account(ctx) != NGX_OK
        || ngx_http_wahub_idem_read(ctx) != NGX_OK
        || ngx_http_wahub_send_recipient(ctx) != NGX_OK
        || ngx_http_wahub_send_mode(ctx) != NGX_OK
        || ngx_http_wahub_body_fields(ctx, ngx_http_wahub_send_options,
                                      ctx->args) != NGX_OK)
    {
        return;
    }

    kind = ngx_http_wahub_send_content(ctx);

    if (kind == NGX_ERROR || ngx_http_wahub_send_wait(ctx) != NGX_OK) {
        return;
    }

    if (ngx_http_wahub_send_is_media(kind) == 0
        && ngx_http_wahub_body_fields(ctx, ngx_http_wahub_send_no_file,
                                      ctx->args) != NGX_OK)
    {
        return;
    }

    if (ngx_http_wahub_send_is_mine(ctx, kind)) {
        ngx_http_wahub_send_mine(ctx, kind);
        return;
    }

    ngx_http_wahub_send_refer(ctx, kind);
}


void
ngx_http_wahub_send_referred(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind)
{
    if (ngx_http_wahub_send_is_media(kind)) {
        ngx_http_wahub_send_media(ctx, kind);
        return;
    }

    if (kind == NGX_HTTP_WAHUB_KIND_TEXT
        && json_is_true(json_object_get(ctx->args, "link_preview")))
    {
        ngx_http_wahub_send_preview(ctx);
        return;
    }

    ngx_http_wahub_send_submit(ctx);
}


void
ngx_http_wahub_send_submit(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_idem_args(ctx, ctx->args) != NGX_OK) {
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_SEND, json_incref(ctx->args),
                             ctx->worker->conf->send_timeout
                             + NGX_HTTP_WAHUB_REPLY_MARGIN,
                             ngx_http_wahub_messages_sent);
}


/* Nothing leaves from the account of the path when another one is named. */
static ngx_int_t
ngx_http_wahub_send_account(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  ref;

    rc = ngx_http_wahub_lookup_selector(ctx, &ref);

    if (rc == NGX_OK && ngx_http_wahub_str_eq(&ref, &ctx->session) == 0
        && ngx_http_wahub_str_eq(&ref, &ctx->vars.account) == 0)
    {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_wahub_send_recipient(ngx_http_wahub_ctx_t *ctx)
{
    char        jid[WA_JID_TEXT_MAX + 1];
    json_t     *to;
    ngx_str_t   text;

    to = ngx_http_wahub_body_get(ctx, "to|jid");

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    text = ngx_http_wahub_json_str(to);

    if (to == NULL || (json_is_string(to) && text.len == 0)) {
        ngx_http_wahub_error(ctx, "MISSING_RECIPIENT", NULL);
        return NGX_ERROR;
    }

    if (json_is_string(to) == 0 || text.len > 128
        || wa_recipient_parse(ngx_http_wahub_span(&text), jid, sizeof(jid))
           != WA_OK)
    {
        ngx_http_wahub_error(ctx, "INVALID_RECIPIENT", NULL);
        return NGX_ERROR;
    }

    if (json_object_set_new(ctx->args, "to", json_string(jid)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* At once: the only way there is so far. */
static ngx_int_t
ngx_http_wahub_send_mode(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *value, *queue;
    const char  *text;

    value = ngx_http_wahub_body_get(ctx, "mode");
    text = json_string_value(value);
    queue = ngx_http_wahub_body_get(ctx, "queue");

    if (queue != NULL && json_is_boolean(queue) == 0) {
        ngx_http_wahub_error_field(ctx, "queue", "INVALID_TYPE",
                                   "queue: has the wrong type");
        return NGX_ERROR;
    }

    if (json_is_true(queue)
        || (value != NULL && (text == NULL || strcmp(text, "now") != 0)))
    {
        ngx_http_wahub_error_field(ctx, "mode", "UNSUPPORTED",
            "mode: only \"now\" is available in this version");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* none|server|device: what the answer waits for, within its time. */
static ngx_int_t
ngx_http_wahub_send_wait(ngx_http_wahub_ctx_t *ctx)
{
    json_t     *value;
    ngx_int_t   rc;
    ngx_str_t   wait;

    value = ngx_http_wahub_body_get(ctx, "wait");
    rc = ngx_http_wahub_query(ctx->request, "wait", &wait);

    if (value != NULL) {
        wait = ngx_http_wahub_json_str(value);

    } else if (rc == NGX_DECLINED) {
        ngx_str_set(&wait, "server");

    } else if (rc == NGX_ERROR) {
        ngx_str_null(&wait);
    }

    if ((wait.len != 4 || ngx_memcmp(wait.data, "none", 4) != 0)
        && (wait.len != 6 || (ngx_memcmp(wait.data, "server", 6) != 0
                              && ngx_memcmp(wait.data, "device", 6) != 0)))
    {
        if (value != NULL) {
            ngx_http_wahub_error_field(ctx, "wait", "INVALID",
                                "wait: must be none, server or device");

        } else {
            ngx_http_wahub_error_query(ctx, "wait");
        }

        return NGX_ERROR;
    }

    if (json_object_set_new(ctx->args, "wait",
                            ngx_http_wahub_json_text(&wait)) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_wahub_messages_sent(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_uint_t  status;

    ngx_http_wahub_idem_result(ctx, result);

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_send_remember(ctx, result->data);
    status = ngx_http_wahub_message_status(ctx, result->data);

    ngx_http_wahub_answer(ctx, status,
                          ngx_http_wahub_message_answer(ctx, result->data));
}


/* $wahub_message_id */
static void
ngx_http_wahub_send_remember(ngx_http_wahub_ctx_t *ctx, json_t *data)
{
    ngx_str_t  id;

    id = ngx_http_wahub_json_str(json_object_get(data, "id"));
    ctx->vars.message_id.data = ngx_pstrdup(ctx->request->pool, &id);
    ctx->vars.message_id.len = (ctx->vars.message_id.data == NULL) ? 0
                                                                   : id.len;
}
