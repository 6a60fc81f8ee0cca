/*
 * The account's privacy settings at WhatsApp, and whom it has blocked (HTTP
 * contract 4.2).
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"

#include "wa_jid.h"


/* WhatsApp is asked, once for each setting. */
#define NGX_HTTP_WAHUB_PRIVACY_TIMEOUT  30000

#define NGX_HTTP_WAHUB_PRIVACY_PEOPLE   256


static ngx_int_t ngx_http_wahub_privacy_people(ngx_http_wahub_ctx_t *ctx,
    const char *name);
static void ngx_http_wahub_privacy_call(ngx_http_wahub_ctx_t *ctx,
    const char *verb);


void
ngx_http_wahub_privacy_get(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_privacy_call(ctx, "privacy.get");
}


/* The body is the settings: the command knows names and values. */
void
ngx_http_wahub_privacy_set(ngx_http_wahub_ctx_t *ctx)
{
    if (json_object_size(ctx->body) == 0) {
        ngx_http_wahub_error_field(ctx, "settings", "REQUIRED",
                                   "at least one setting is required");
        return;
    }

    ctx->args = json_pack("{s:O}", "settings", ctx->body);
    ngx_http_wahub_privacy_call(ctx, "privacy.set");
}


/* Who is left out of one setting. */
void
ngx_http_wahub_privacy_list(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_pack("{s:o}", "name",
                          ngx_http_wahub_json_text(&ctx->params[1]));
    ngx_http_wahub_privacy_call(ctx, "privacy.list");
}


void
ngx_http_wahub_privacy_except(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_pack("{s:o}", "name",
                          ngx_http_wahub_json_text(&ctx->params[1]));

    if (ngx_http_wahub_privacy_people(ctx, "add") == NGX_OK
        && ngx_http_wahub_privacy_people(ctx, "remove") == NGX_OK)
    {
        ngx_http_wahub_privacy_call(ctx, "privacy.except");
    }
}


/* Numbers and addresses become addresses. */
static ngx_int_t
ngx_http_wahub_privacy_people(ngx_http_wahub_ctx_t *ctx, const char *name)
{
    size_t   i;
    char     text[WA_JID_TEXT_MAX];
    json_t  *list, *people, *person;

    list = ngx_http_wahub_body_get(ctx, name);
    people = json_array();

    if (list != NULL
        && (!json_is_array(list)
            || json_array_size(list) > NGX_HTTP_WAHUB_PRIVACY_PEOPLE))
    {
        json_decref(people);
        ngx_http_wahub_error_field(ctx, name, "INVALID",
                                   "is not a list of at most 256 people");
        return NGX_ERROR;
    }

    json_array_foreach(list, i, person) {

        if (!json_is_string(person)
            || wa_recipient_parse(wa_span(json_string_value(person),
                                          json_string_length(person)), text,
                                  sizeof(text)) != WA_OK)
        {
            json_decref(people);
            ngx_http_wahub_error(ctx, "INVALID_RECIPIENT", NULL);
            return NGX_ERROR;
        }

        (void) json_array_append_new(people, json_string(text));
    }

    if (json_object_set_new(ctx->args, name, people) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_wahub_blocklist_get(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_privacy_call(ctx, "blocklist.get");
}


void
ngx_http_wahub_blocklist_set(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *jid, *action;

    ctx->args = json_object();
    jid = ngx_http_wahub_body_get(ctx, "jid|phone_number|to");
    action = ngx_http_wahub_body_get(ctx, "action");

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

    if (action != NULL
        && json_object_set(ctx->args, "action", action) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_privacy_call(ctx, "blocklist.set");
}


static void
ngx_http_wahub_privacy_call(ngx_http_wahub_ctx_t *ctx, const char *verb)
{
    if (ctx->args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_query(ctx, verb, NGX_HTTP_WAHUB_PRIVACY_TIMEOUT,
                              ngx_http_wahub_answer_data);
}
