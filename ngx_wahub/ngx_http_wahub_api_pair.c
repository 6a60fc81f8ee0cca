/*
 * Linking by a code that is typed into the phone, and with a passkey.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_pair.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_PAIR_TIMEOUT  30000      /* ms: it may have to dial */


ngx_int_t
ngx_http_wahub_pair_number(const ngx_str_t *text, u_char *digits,
    ngx_str_t *number)
{
    char      buf[WA_JID_TEXT_MAX];
    wa_jid_t  jid;

    if (wa_recipient_parse(ngx_http_wahub_span(text), buf, sizeof(buf))
        != WA_OK
        || wa_jid_parse(wa_span_str(buf), &jid) != WA_OK
        || wa_jid_is_pn(&jid) == 0
        || jid.user_len > NGX_HTTP_WAHUB_NUMBER_MAX)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(digits, jid.user, jid.user_len);
    number->data = digits;
    number->len = jid.user_len;

    return NGX_OK;
}


void
ngx_http_wahub_pair_code(ngx_http_wahub_ctx_t *ctx)
{
    u_char      digits[NGX_HTTP_WAHUB_NUMBER_MAX];
    json_t     *value;
    ngx_str_t   text, number;

    value = ngx_http_wahub_body_get(ctx, "phone_number|phoneNumber|phone");

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (value == NULL) {
        ngx_http_wahub_error_field(ctx, "phone_number", "REQUIRED",
                                   "phone_number: is required");
        return;
    }

    text = ngx_http_wahub_json_str(value);

    if (ngx_http_wahub_pair_number(&text, digits, &number) != NGX_OK) {
        ngx_http_wahub_error(ctx, "INVALID_RECIPIENT",
                             "phone_number is not a phone number");
        return;
    }

    ctx->args = json_pack("{s:o}", "phone_number",
                          ngx_http_wahub_json_text(&number));

    ngx_http_wahub_wait_query(ctx, "pair.code", NGX_HTTP_WAHUB_PAIR_TIMEOUT,
                              ngx_http_wahub_answer_result);
}


void
ngx_http_wahub_passkey_get(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    ngx_http_wahub_wait_query(ctx, "passkey.get",
                              NGX_HTTP_WAHUB_CALL_TIMEOUT,
                              ngx_http_wahub_answer_result);
}


/* {assertion o} or {confirm true}. */
void
ngx_http_wahub_passkey_answer(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *assertion, *confirm;

    assertion = ngx_http_wahub_body_member(ctx, "assertion");
    confirm = ngx_http_wahub_body_member(ctx, "confirm");

    if (json_is_object(assertion) == 0 && json_is_true(confirm) == 0) {
        ngx_http_wahub_error_field(ctx, "assertion", "REQUIRED",
            "assertion: is required, or confirm: true");
        return;
    }

    if (json_is_true(confirm)) {
        ctx->args = json_pack("{s:b}", "confirm", 1);

    } else {
        ctx->args = json_pack("{s:O}", "assertion", assertion);
    }

    ngx_http_wahub_wait_query(ctx, "passkey.answer",
                              NGX_HTTP_WAHUB_PAIR_TIMEOUT,
                              ngx_http_wahub_answer_result);
}
