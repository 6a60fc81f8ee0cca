/*
 * Presence: one's own, that of others, and what was told of it (HTTP contract
 * 5.4, 6.2).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


static const ngx_http_wahub_field_t  ngx_http_wahub_presence_fields[] = {
    { "type|presence", "type", ngx_http_wahub_field_text, 1, 16, 1, 0 },
    { "seconds", "seconds", ngx_http_wahub_field_number, 1, 86400, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static void ngx_http_wahub_presence_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_presence_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_presence_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_presence);
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_presence_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_presence_list_query);
    }
}


static void
ngx_http_wahub_presence_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_jid(ctx, "jid", &q.chat) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "before", &q.before) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "after", &q.after) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_presence_run_list);
}


ngx_int_t
ngx_http_wahub_arg_jid(ngx_http_wahub_ctx_t *ctx, json_t *value)
{
    char  text[WA_JID_TEXT_MAX];

    if (!json_is_string(value)
        || json_string_length(value) > 128
        || wa_recipient_parse(wa_span(json_string_value(value),
                                      json_string_length(value)), text,
                              sizeof(text)) != WA_OK)
    {
        ngx_http_wahub_error(ctx, "INVALID_RECIPIENT", NULL);
        return NGX_ERROR;
    }

    if (json_object_set_new(ctx->args, "jid", json_string(text)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* {type, jid?, seconds?}; the command knows the types. */
void
ngx_http_wahub_actions_presence(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *jid;
    const char  *type;

    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_presence_fields,
                                   ctx->args)
        != NGX_OK)
    {
        return;
    }

    jid = ngx_http_wahub_body_get(ctx, "jid|to");
    type = json_string_value(json_object_get(ctx->args, "type"));

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (jid == NULL && type != NULL
        && (ngx_strcmp(type, "composing") == 0
            || ngx_strcmp(type, "recording") == 0
            || ngx_strcmp(type, "paused") == 0))
    {
        ngx_http_wahub_error(ctx, "MISSING_RECIPIENT", NULL);
        return;
    }

    if (jid != NULL && ngx_http_wahub_arg_jid(ctx, jid) != NGX_OK) {
        return;
    }

    ngx_http_wahub_wait_query(ctx, "presence.set",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_presence_told);
}


static void
ngx_http_wahub_presence_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t  *json, *until;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    until = json_object_get(result->data, "until_ms");
    json = json_pack("{s:b, s:O*}", "success", 1, "available",
                     json_object_get(result->data, "available"));

    if (json != NULL && until != NULL) {
        (void) json_object_set_new(json, "until",
                   ngx_http_wahub_json_iso(json_integer_value(until)));
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json);
}


void
ngx_http_wahub_presence_watch(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *jid;

    ctx->args = json_object();
    jid = ngx_http_wahub_body_get(ctx, "jid|to|phone_number");

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (jid == NULL) {
        ngx_http_wahub_error(ctx, "MISSING_RECIPIENT", NULL);
        return;
    }

    if (ngx_http_wahub_arg_jid(ctx, jid) != NGX_OK) {
        return;
    }

    ngx_http_wahub_wait_query(ctx, ctx->route->arg ? "presence.subscribe"
                                                   : "presence.unsubscribe",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_answer_data);
}


void
ngx_http_wahub_presence_watched(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_wait_query(ctx, "presence.list",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_answer_data);
}
