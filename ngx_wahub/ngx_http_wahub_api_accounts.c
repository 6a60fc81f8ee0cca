/*
 * /api/accounts: list, read, change, delete, life cycle.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_page.h"
#include "ngx_http_wahub_view.h"


#define NGX_HTTP_WAHUB_UNLINK_TIMEOUT  20000    /* ms: WhatsApp is asked */


/* What PATCH may change. */
static const ngx_http_wahub_field_t  ngx_http_wahub_patch_fields[] = {
    { "name", "name", ngx_http_wahub_field_text, 1, 120, 0, 0 },
    { "description", "description", ngx_http_wahub_field_text, 0, 1000,
      0, 1 },
    { "user_id|userId", "user_id", ngx_http_wahub_field_text, 1, 128, 0, 1 },
    { "auto_relink", "auto_relink", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "always_available", "always_available", ngx_http_wahub_field_bool,
      0, 0, 0, 0 },
    { "drip_per_minute", "drip_per_minute", ngx_http_wahub_field_number,
      0, 6000, 0, 0 },
    { "is_default", "is_default", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "history", "history", ngx_http_wahub_field_history, 0, 0, 0, 1 },
    { "metadata", "metadata", ngx_http_wahub_field_object, 0, 16384, 0, 1 },
    { "is_notification|isNotification", "is_notification",
      ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "ai_config|aiConfig", "ai_config", ngx_http_wahub_field_object,
      0, 16384, 0, 1 },
    { "reject_calls", "reject_calls", ngx_http_wahub_field_bool,
      0, 0, 0, 0 },
    { "reject_calls_text", "reject_calls_text", ngx_http_wahub_field_text,
      1, 4096, 0, 1 },
    { "proxy", "proxy", ngx_http_wahub_field_proxy, 0, 0, 0, 1 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static const ngx_http_wahub_field_t  ngx_http_wahub_webhook_fields[] = {
    { "webhook_url", "webhook_url", ngx_http_wahub_field_url, 0, 0, 1, 1 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static void ngx_http_wahub_accounts_listed(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static ngx_int_t ngx_http_wahub_accounts_filter(ngx_http_wahub_ctx_t *ctx,
    const char *name, ngx_uint_t (*known)(wa_span_t word),
    ngx_str_t *value);
static ngx_uint_t ngx_http_wahub_accounts_provider(wa_span_t word);
static ngx_uint_t ngx_http_wahub_accounts_state(wa_span_t word);
static void ngx_http_wahub_accounts_update(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_accounts_undefault(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_accounts_ignored(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_accounts_changed(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_accounts_deleted(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_accounts_list(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_page_t  *page;

    page = ngx_http_wahub_page_open(ctx, 500);

    if (page != NULL) {
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_accounts_listed);
    }
}


static void
ngx_http_wahub_accounts_listed(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t      i;
    json_t     *view, *list;
    ngx_str_t   provider, state, text;

    if (ngx_http_wahub_accounts_filter(ctx, "provider",
                                       ngx_http_wahub_accounts_provider,
                                       &provider) != NGX_OK
        || ngx_http_wahub_accounts_filter(ctx, "state",
                                          ngx_http_wahub_accounts_state,
                                          &state) != NGX_OK)
    {
        return;
    }

    list = json_array();

    json_array_foreach(views, i, view) {
        text = ngx_http_wahub_view_text(view, "provider");

        if (provider.len > 0
            && ngx_http_wahub_str_eq(&text, &provider) == 0)
        {
            continue;
        }

        text = ngx_http_wahub_view_text(view, "state");

        if (state.len > 0 && ngx_http_wahub_str_eq(&text, &state) == 0) {
            continue;
        }

        if (ngx_http_wahub_page_take(ctx) == 0) {
            continue;
        }

        if (json_array_append_new(list, ngx_http_wahub_view_account(view))
            != 0)
        {
            json_decref(list);
            list = NULL;
            break;
        }
    }

    if (ngx_http_wahub_page_close(ctx) != NGX_OK) {
        json_decref(list);
        list = NULL;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, list);
}


/* NGX_ERROR: answered.  Without the argument `value` is empty. */
static ngx_int_t
ngx_http_wahub_accounts_filter(ngx_http_wahub_ctx_t *ctx, const char *name,
    ngx_uint_t (*known)(wa_span_t word), ngx_str_t *value)
{
    ngx_int_t  rc;

    ngx_str_null(value);
    rc = ngx_http_wahub_query(ctx->request, name, value);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_OK && known(ngx_http_wahub_span(value))) {
        return NGX_OK;
    }

    ngx_http_wahub_error_query(ctx, name);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_wahub_accounts_provider(wa_span_t word)
{
    return wa_span_eq_str(word, "web") || wa_span_eq_str(word, "cloud")
           || wa_span_eq_str(word, "external");
}


static ngx_uint_t
ngx_http_wahub_accounts_state(wa_span_t word)
{
    ngx_uint_t  state;

    for (state = WA_STATE_INIT; state <= WA_STATE_ERROR; state++) {
        if (wa_span_eq_str(word, wa_state_name((wa_state_e) state))) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_wahub_accounts_get(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          ngx_http_wahub_view_account(ctx->view));
}


void
ngx_http_wahub_accounts_patch(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_patch_fields,
                                   ctx->args) != NGX_OK)
    {
        return;
    }

    if (json_is_true(json_object_get(ctx->args, "is_default"))) {
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_accounts_undefault);
        return;
    }

    ngx_http_wahub_accounts_update(ctx);
}


/* One default per tenant: the others lose the flag. */
static void
ngx_http_wahub_accounts_undefault(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t      i;
    json_t     *view, *args;
    ngx_str_t   id;

    args = json_pack("{s:b}", "is_default", 0);

    json_array_foreach(views, i, view) {
        id = ngx_http_wahub_view_text(view, "id");

        if (json_is_true(json_object_get(view, "is_default")) == 0
            || ngx_http_wahub_str_eq(&id, &ctx->vars.account))
        {
            continue;
        }

        (void) ngx_http_wahub_call(ctx->worker, &id, WA_OP_UPDATE, args,
                                   NGX_HTTP_WAHUB_CALL_TIMEOUT,
                                   ngx_http_wahub_accounts_ignored, NULL);
    }

    json_decref(args);
    ngx_http_wahub_accounts_update(ctx);
}


static void
ngx_http_wahub_accounts_ignored(void *data,
    const ngx_http_wahub_result_t *result)
{
    (void) data;

    if (result->code != NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "clearing the default flag of an account failed: %s",
                      result->code);
    }
}


void
ngx_http_wahub_accounts_webhook(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_webhook_fields,
                                   ctx->args) == NGX_OK)
    {
        ngx_http_wahub_accounts_update(ctx);
    }
}


static void
ngx_http_wahub_accounts_update(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_wait_call(ctx, WA_OP_UPDATE, json_incref(ctx->args),
                             NGX_HTTP_WAHUB_CALL_TIMEOUT,
                             ngx_http_wahub_accounts_changed);
}


void
ngx_http_wahub_accounts_action(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_wait_call(ctx, (wa_op_e) ctx->route->arg, NULL,
                             NGX_HTTP_WAHUB_UNLINK_TIMEOUT,
                             ngx_http_wahub_accounts_changed);
}


static void
ngx_http_wahub_accounts_changed(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          ngx_http_wahub_view_account(result->data));
}


void
ngx_http_wahub_accounts_delete(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t  keep, logout;

    keep = 0;
    logout = 1;

    if (ngx_http_wahub_query_bool(ctx->request, "keep_history", &keep)
        == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, "keep_history");
        return;
    }

    if (ngx_http_wahub_query_bool(ctx->request, "logout", &logout)
        == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, "logout");
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_DELETE,
                             json_pack("{s:b, s:b}", "logout", (int) logout,
                                       "keep_history", (int) keep),
                             NGX_HTTP_WAHUB_UNLINK_TIMEOUT,
                             ngx_http_wahub_accounts_deleted);
}


/* The slot is free from here on; a failure leaves it to the next listing. */
static void
ngx_http_wahub_accounts_deleted(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    u_char     buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t  argv[3];

    static const ngx_str_t  sessions = ngx_string("/session/");

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_key_tenant(ctx->worker->conf, &ctx->vars.tenant, buf,
                              &argv[0]);
    argv[1] = ctx->session;
    argv[2] = ctx->vars.account;

    (void) ngx_http_wahub_redis_eval(ctx->worker->redis,
                                     ctx->worker->api->unreserve, NULL,
                                     NULL, argv, 1, 3);

    if (ctx->path.len > sessions.len
        && ngx_memcmp(ctx->path.data, sessions.data, sessions.len) == 0)
    {
        ngx_http_wahub_answer_done(ctx, "Session deleted successfully");
        return;
    }

    ngx_http_wahub_answer_done(ctx, "Account deleted successfully");
}
