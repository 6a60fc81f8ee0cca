/*
 * Profiles: the account's own (/api/profile), and what WhatsApp says about
 * people when it is asked (HTTP contract 7).
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_portrait.h"
#include "ngx_http_wahub_view.h"

#include "wa_jid.h"


/* ms: a question waits its turn, then WhatsApp is asked. */
#define NGX_HTTP_WAHUB_PROFILE_TIMEOUT  26000

#define NGX_HTTP_WAHUB_PROFILE_PHONES   50


static const ngx_http_wahub_field_t  ngx_http_wahub_profile_fields[] = {
    { "name|push_name", "name", ngx_http_wahub_field_text, 1, 100, 0, 0 },
    { "about", "about", ngx_http_wahub_field_text, 0, 556, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


/* Reference 001: not to be taken away. */
static const ngx_http_wahub_field_t  ngx_http_wahub_profile_words[] = {
    { "status|about", "about", ngx_http_wahub_field_text, 1, 556, 1, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static ngx_int_t ngx_http_wahub_person(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_person_picture(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_person_ask(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_person_pictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_person_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_contacts_checked(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_profile_about(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_profile_picture(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_profile_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_profile_portrait(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_profile_unpictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_profile_named(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* -- people --------------------------------------------------------------- */

/* The address in the path.  NGX_ERROR: answered. */
static ngx_int_t
ngx_http_wahub_person(ngx_http_wahub_ctx_t *ctx)
{
    char  text[WA_JID_TEXT_MAX + 1];

    if (ngx_http_wahub_contacts_address(ctx) != NGX_OK
        || ngx_http_wahub_path_jid(ctx, 0, wa_jid_is_user, "a person", text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->args = json_pack("{s:s}", "jid", text);

    if (ctx->args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_wahub_contacts_picture(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_contacts_select(ctx, ngx_http_wahub_person_picture);
}


static void
ngx_http_wahub_person_picture(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  size;

    ngx_str_set(&size, "preview");
    rc = ngx_http_wahub_query(ctx->request, "size", &size);

    if (rc == NGX_ERROR
        || (wa_span_eq_str(ngx_http_wahub_span(&size), "preview") == false
            && wa_span_eq_str(ngx_http_wahub_span(&size), "image") == false))
    {
        ngx_http_wahub_error_query(ctx, "size");
        return;
    }

    if (ngx_http_wahub_person(ctx) != NGX_OK) {
        return;
    }

    (void) json_object_set_new(ctx->args, "size",
                               ngx_http_wahub_json_text(&size));
    ngx_http_wahub_wait_query(ctx, "picture.get",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_person_pictured);
}


static void
ngx_http_wahub_person_pictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:O, s:O, s:O}",
                  "url", json_object_get(result->data, "url"),
                  "id", json_object_get(result->data, "id"),
                  "hidden", json_object_get(result->data, "hidden")));
}


/* By route->arg: about text or business profile. */
void
ngx_http_wahub_contacts_ask(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_contacts_select(ctx, ngx_http_wahub_person_ask);
}


static void
ngx_http_wahub_person_ask(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_person(ctx) != NGX_OK) {
        return;
    }

    ngx_http_wahub_wait_query(ctx, ctx->route->arg
                                   == NGX_HTTP_WAHUB_CONTACT_ABOUT
                                   ? "contact.about" : "contact.business",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_person_told);
}


static void
ngx_http_wahub_person_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t  *data;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    data = ctx->route->arg == NGX_HTTP_WAHUB_CONTACT_ABOUT
           ? result->data : json_object_get(result->data, "business");

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b, s:O}", "success", 1, "data",
                                    data));
}


void
ngx_http_wahub_contacts_check(ngx_http_wahub_ctx_t *ctx)
{
    size_t   i;
    json_t  *phones, *phone;

    phones = ngx_http_wahub_body_get(ctx, "phones");

    if (json_array_size(phones) == 0
        || json_array_size(phones) > NGX_HTTP_WAHUB_PROFILE_PHONES)
    {
        ngx_http_wahub_error_field(ctx, "phones",
            phones == NULL ? "REQUIRED" : "OUT_OF_RANGE",
            "phones: must be 1 to 50 numbers");
        return;
    }

    json_array_foreach(phones, i, phone) {

        if (json_is_string(phone) == 0 || json_string_length(phone) > 40) {
            ngx_http_wahub_error_field(ctx, "phones", "INVALID_TYPE",
                "phones: must be texts of up to 40 characters");
            return;
        }
    }

    ctx->args = json_pack("{s:O}", "phones", phones);
    ngx_http_wahub_wait_query(ctx, "contact.check",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_contacts_checked);
}


static void
ngx_http_wahub_contacts_checked(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:b, s:O}", "success", 1, "data",
                  json_object_get(result->data, "contacts")));
}


/* -- the account's own ---------------------------------------------------- */

/* View, about text, picture: one after another. */
void
ngx_http_wahub_profile_get(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_pack("{s:O?}", "jid", json_object_get(ctx->view,
                                                           "jid"));

    if (json_is_string(json_object_get(ctx->args, "jid")) == 0) {
        ngx_http_wahub_error_details(ctx, "ACCOUNT_NOT_READY", NULL,
            json_pack("{s:O?}", "state", json_object_get(ctx->view,
                                                         "state")));
        return;
    }

    ngx_http_wahub_wait_query(ctx, "contact.about",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_profile_about);
}


static void
ngx_http_wahub_profile_about(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    /* kept with the request; the next question does not look at it */

    (void) json_object_set(ctx->args, "about", result->data);
    ngx_http_wahub_wait_query(ctx, "picture.get",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_profile_picture);
}


static void
ngx_http_wahub_profile_picture(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    json_t  *about, *data;

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    about = json_object_get(ctx->args, "about");
    data = json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}",
        "jid", json_object_get(ctx->view, "jid"),
        "lid", json_object_get(ctx->view, "lid"),
        "phone_number", json_object_get(ctx->view, "phone_number"),
        "push_name", json_object_get(ctx->view, "push_name"),
        "about", json_object_get(about, "about"),
        "about_set_at", json_object_get(about, "set_at"),
        "profile_pic_url", json_object_get(result->data, "url"),
        "picture_id", json_object_get(result->data, "id"));

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        data == NULL ? NULL
        : json_pack("{s:b, s:o}", "success", 1, "data", data));
}


void
ngx_http_wahub_profile_set(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_profile_fields,
                                   ctx->args) != NGX_OK)
    {
        return;
    }

    if (json_object_get(ctx->args, "name") != NULL) {
        ngx_http_wahub_wait_query(ctx, "setting.push_name",
                                  NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                                  ngx_http_wahub_profile_named);

    } else if (json_object_get(ctx->args, "about") != NULL) {
        ngx_http_wahub_wait_query(ctx, "profile.about",
                                  NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                                  ngx_http_wahub_answer_result);

    } else {
        ngx_http_wahub_error_field(ctx, "about", "REQUIRED",
                                   "name or about: is required");
    }
}


static void
ngx_http_wahub_profile_named(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    if (json_object_get(ctx->args, "about") == NULL) {
        ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                              json_pack("{s:b}", "success", 1));
        return;
    }

    ngx_http_wahub_wait_query(ctx, "profile.about",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_answer_result);
}


/* PUT /api/actions/profile-status */
void
ngx_http_wahub_profile_status(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_profile_words,
                                   ctx->args) == NGX_OK)
    {
        ngx_http_wahub_wait_query(ctx, "profile.about",
                                  NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                                  ngx_http_wahub_answer_result);
    }
}


void
ngx_http_wahub_profile_set_picture(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_source_open(ctx, 0, "image",
                               ngx_http_wahub_profile_opened);
}


static void
ngx_http_wahub_profile_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    ngx_http_wahub_portrait_make(ctx, m, ngx_http_wahub_profile_portrait);
}


static void
ngx_http_wahub_profile_portrait(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_wait_query(ctx, "picture.set",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_answer_result);
}


void
ngx_http_wahub_profile_no_picture(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_wait_query(ctx, "picture.remove",
                              NGX_HTTP_WAHUB_PROFILE_TIMEOUT,
                              ngx_http_wahub_profile_unpictured);
}


static void
ngx_http_wahub_profile_unpictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_answer_done_with(ctx, result, "Picture removed");
}
