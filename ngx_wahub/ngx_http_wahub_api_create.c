/*
 * Creating an account.
 *
 *     reserve the session_id in the tenant -> WA_OP_CREATE at the owner of
 *     the new id's shard -> answer; a failure gives the session_id back
 *
 * The reservation is the limit's counter too.  One that stays behind (a
 * crash in between) is removed when accounts are listed, which happens
 * here before a refusal becomes final.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_pair.h"
#include "ngx_http_wahub_view.h"

#include "wa_crypto.h"


typedef struct {
    ngx_str_t    session;
    ngx_str_t    value;                 /* "<id>|<unix s>" */
    unsigned     cleaned:1;
    unsigned     row:1;                 /* answer 002's session row */
} ngx_http_wahub_create_t;


static const ngx_http_wahub_field_t  ngx_http_wahub_create_fields[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 120, 1, 0 },
    { "webhook_url", "webhook_url", ngx_http_wahub_field_url, 0, 0, 0, 0 },
    { "session_id|sessionId", "session_id", ngx_http_wahub_field_session,
      0, 0, 0, 0 },
    { "description", "description", ngx_http_wahub_field_text, 0, 1000,
      0, 0 },
    { "user_id|userId", "user_id", ngx_http_wahub_field_text, 1, 128, 0, 0 },
    { "auto_relink", "auto_relink", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "always_available", "always_available", ngx_http_wahub_field_bool,
      0, 0, 0, 0 },
    { "history", "history", ngx_http_wahub_field_history, 0, 0, 0, 0 },
    { "metadata", "metadata", ngx_http_wahub_field_object, 0, 16384, 0, 0 },
    { "is_notification|isNotification", "is_notification",
      ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "ai_config|aiConfig", "ai_config", ngx_http_wahub_field_object,
      0, 16384, 0, 0 },
    { "reject_calls", "reject_calls", ngx_http_wahub_field_bool,
      0, 0, 0, 0 },
    { "reject_calls_text", "reject_calls_text", ngx_http_wahub_field_text,
      1, 4096, 0, 0 },
    { "proxy", "proxy", ngx_http_wahub_field_proxy, 0, 0, 0, 0 },
    { "pairing_phone", "pairing_phone", ngx_http_wahub_field_phone,
      0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static const ngx_http_wahub_field_t  ngx_http_wahub_session_fields[] = {
    { "session_id|sessionId", "session_id", ngx_http_wahub_field_session,
      0, 0, 1, 0 },
    { "name", "name", ngx_http_wahub_field_text, 1, 120, 1, 0 },
    { "description", "description", ngx_http_wahub_field_text, 0, 1000,
      0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static void ngx_http_wahub_create_start(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *fields, ngx_uint_t row);
static ngx_int_t ngx_http_wahub_create_phone(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_create_id(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_create_t *create);
static void ngx_http_wahub_create_reserve(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_create_reserved(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_create_cleaned(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_create_refuse(ngx_http_wahub_ctx_t *ctx,
    int64_t code, int64_t current);
static void ngx_http_wahub_create_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_create_undo(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_accounts_create(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t   provider;
    json_t     *value;

    static const ngx_str_t  web = ngx_string("web");

    value = ngx_http_wahub_body_member(ctx, "provider");
    provider = ngx_http_wahub_json_str(value);

    if (value != NULL && json_is_null(value) == 0
        && ngx_http_wahub_str_eq(&provider, &web) == 0)
    {
        ngx_http_wahub_error_field(ctx, "provider", "UNSUPPORTED",
            "provider: only \"web\" is available in this version");
        return;
    }

    ngx_http_wahub_create_start(ctx, ngx_http_wahub_create_fields, 0);
}


void
ngx_http_wahub_sessions_create(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_create_start(ctx, ngx_http_wahub_session_fields, 1);
}


static void
ngx_http_wahub_create_start(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *fields, ngx_uint_t row)
{
    ngx_http_wahub_create_t  *create;

    ctx->args = json_object();
    create = ngx_pcalloc(ctx->request->pool,
                         sizeof(ngx_http_wahub_create_t));

    if (ctx->args == NULL || create == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    create->row = row ? 1 : 0;
    ctx->state = create;

    if (ngx_http_wahub_body_fields(ctx, fields, ctx->args) != NGX_OK) {
        return;
    }

    if (ngx_http_wahub_create_phone(ctx) != NGX_OK
        || ngx_http_wahub_create_id(ctx, create) != NGX_OK)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_create_reserve(ctx);
}


/* The engine takes digits only. */
static ngx_int_t
ngx_http_wahub_create_phone(ngx_http_wahub_ctx_t *ctx)
{
    u_char      digits[NGX_HTTP_WAHUB_NUMBER_MAX];
    ngx_str_t   text, number;

    text = ngx_http_wahub_json_str(json_object_get(ctx->args,
                                                   "pairing_phone"));

    if (text.len == 0
        || ngx_http_wahub_pair_number(&text, digits, &number) != NGX_OK)
    {
        return NGX_OK;
    }

    return json_object_set_new(ctx->args, "pairing_phone",
                               ngx_http_wahub_json_text(&number)) == 0
           ? NGX_OK : NGX_ERROR;
}


/* A random id (RFC 4122 version 4), the default session_id, the tenant. */
static ngx_int_t
ngx_http_wahub_create_id(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_create_t *create)
{
    u_char     *p, random[16], hex[32];
    ngx_str_t   session;

    wa_random(random, sizeof(random));
    random[6] = (u_char) ((random[6] & 0x0f) | 0x40);
    random[8] = (u_char) ((random[8] & 0x3f) | 0x80);
    ngx_hex_dump(hex, random, sizeof(random));

    p = ngx_pnalloc(ctx->request->pool,
                    NGX_HTTP_WAHUB_UUID_LEN + 1 + NGX_TIME_T_LEN);

    if (p == NULL) {
        return NGX_ERROR;
    }

    create->value.data = p;
    p = ngx_sprintf(p, "%*s-%*s-%*s-%*s-%*s|%T", (size_t) 8, hex,
                    (size_t) 4, hex + 8, (size_t) 4, hex + 12, (size_t) 4,
                    hex + 16, (size_t) 12, hex + 20, ngx_time());
    create->value.len = (size_t) (p - create->value.data);

    ctx->vars.account.data = create->value.data;
    ctx->vars.account.len = NGX_HTTP_WAHUB_UUID_LEN;

    session = ngx_http_wahub_json_str(json_object_get(ctx->args,
                                                      "session_id"));

    if (session.len == 0
        && json_object_set_new(ctx->args, "session_id",
               ngx_http_wahub_json_text(&ctx->vars.account)) != 0)
    {
        return NGX_ERROR;
    }

    create->session = ngx_http_wahub_json_str(
                          json_object_get(ctx->args, "session_id"));

    return json_object_set_new(ctx->args, "tenant_id",
                               ngx_http_wahub_json_text(&ctx->vars.tenant))
           == 0 ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wahub_create_reserve(ngx_http_wahub_ctx_t *ctx)
{
    u_char                    key[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                    max[NGX_INT_T_LEN];
    ngx_str_t                 argv[4];
    ngx_http_wahub_create_t  *create;

    create = ctx->state;

    ngx_http_wahub_key_tenant(ctx->worker->conf, &ctx->vars.tenant, key,
                              &argv[0]);
    argv[1] = create->session;
    argv[2] = create->value;
    argv[3].data = max;
    argv[3].len = (size_t) (ngx_sprintf(max, "%ui",
                                        ctx->worker->conf->max_accounts)
                            - max);

    ngx_http_wahub_wait_eval(ctx, ngx_http_wahub_create_reserved,
                             ctx->worker->api->reserve, argv, 1, 4);
}


static void
ngx_http_wahub_create_reserved(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply)
{
    int64_t                   code, count;
    ngx_http_wahub_create_t  *create;

    create = ctx->state;
    code = ngx_http_wahub_redis_int(ngx_http_wahub_redis_at(reply, 0));
    count = ngx_http_wahub_redis_int(ngx_http_wahub_redis_at(reply, 1));

    if (code < 0 && create->cleaned == 0) {
        create->cleaned = 1;
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_create_cleaned);
        return;
    }

    if (code < 0) {
        ngx_http_wahub_create_refuse(ctx, code, count);
        return;
    }

    /* The tenant's first account is its default. */

    if (json_object_set_new(ctx->args, "is_default",
                            json_boolean(count == 0)) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_CREATE, json_incref(ctx->args),
                             NGX_HTTP_WAHUB_CALL_TIMEOUT,
                             ngx_http_wahub_create_done);
}


/* What was stale is removed by commands that are on their way already. */
static void
ngx_http_wahub_create_cleaned(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    (void) views;

    ngx_http_wahub_create_reserve(ctx);
}


static void
ngx_http_wahub_create_refuse(ngx_http_wahub_ctx_t *ctx, int64_t code,
    int64_t current)
{
    json_t  *details;

    if (code == -1) {
        ngx_http_wahub_error_details(ctx, "ALREADY_EXISTS",
                                     "This session_id is in use",
                                     json_pack("{s:s}", "field",
                                               "session_id"));
        return;
    }

    details = json_pack("{s:I,s:I}", "current", (json_int_t) current, "max",
                        (json_int_t) ctx->worker->conf->max_accounts);

    ngx_http_wahub_error_details(ctx, "MAX_ACCOUNT_LIMIT_REACHED", NULL,
                                 details);
}


static void
ngx_http_wahub_create_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_create_t  *create;

    create = ctx->state;

    if (result->code != NULL) {
        ngx_http_wahub_create_undo(ctx, result);
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_CREATED,
                          create->row
                          ? ngx_http_wahub_view_session(result->data)
                          : ngx_http_wahub_view_account(result->data));
}


/*
 * Not after a time-out: the account may exist.  If it does not, its
 * reservation is stale in a minute.
 */
static void
ngx_http_wahub_create_undo(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    u_char                    key[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t                 argv[3];
    ngx_http_wahub_create_t  *create;

    if (ngx_strcmp(result->code, "OWNER_TIMEOUT") == 0) {
        return;
    }

    create = ctx->state;

    ngx_http_wahub_key_tenant(ctx->worker->conf, &ctx->vars.tenant, key,
                              &argv[0]);
    argv[1] = create->session;
    argv[2] = ctx->vars.account;

    (void) ngx_http_wahub_redis_eval(ctx->worker->redis,
                                     ctx->worker->api->unreserve, NULL,
                                     NULL, argv, 1, 3);
}
