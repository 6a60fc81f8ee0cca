/*
 * /api/groups (HTTP contract 7): what is known of groups, what is asked of
 * WhatsApp about them, and what is done in them.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_portrait.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_GROUP_TIMEOUT  25000     /* ms: WhatsApp is asked */
#define NGX_HTTP_WAHUB_GROUP_PEOPLE   256


static const ngx_http_wahub_field_t  ngx_http_wahub_group_new[] = {
    { "subject|name", "subject", ngx_http_wahub_field_text, 1, 400, 1, 0 },
    { "community", "community", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "community_jid", "parent", ngx_http_wahub_field_text, 1, 128, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_group_subject[] = {
    { "subject|name", "subject", ngx_http_wahub_field_text, 1, 400, 1, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_group_about[] = {
    { "description", "description", ngx_http_wahub_field_text, 0, 8192,
      1, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_group_settings[] = {
    { "announce", "announce", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "restrict", "locked", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "join_approval", "join_approval", ngx_http_wahub_field_bool, 0, 0,
      0, 0 },
    { "ephemeral_duration", "ephemeral_duration",
      ngx_http_wahub_field_number, 0, 365 * 86400, 0, 0 },
    { "member_add_mode", "member_add_mode", ngx_http_wahub_field_text, 1, 8,
      0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

static const ngx_http_wahub_field_t  ngx_http_wahub_group_code[] = {
    { "code", "code", ngx_http_wahub_field_text, 1, 64, 1, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};

/* By route->arg. */
static const char *const  ngx_http_wahub_group_verbs[] = {
    "group.get", "group.metadata", "group.invite", "group.requests",
    "group.linked", "group.leave", "group.subject", "group.description",
    "group.settings", "group.participants", "group.answer", "group.link",
    "group.unlink", "group.invite", "picture.remove"
};


static ngx_int_t ngx_http_wahub_group_jid(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_group_people(ngx_http_wahub_ctx_t *ctx,
    const char *names, const char *target, ngx_uint_t groups);
static ngx_int_t ngx_http_wahub_group_action(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_group_call(ngx_http_wahub_ctx_t *ctx,
    const char *verb, ngx_http_wahub_result_pt handler);
static void ngx_http_wahub_group_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static ngx_int_t ngx_http_wahub_group_elsewhere(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_group_again(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_group_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_group_portrait(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_group_pictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_group_created(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* Rows that take nothing but the group. */
void
ngx_http_wahub_groups_ask(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = (ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_REVOKE)
                ? json_pack("{s:b}", "revoke", 1) : json_object();

    if (ngx_http_wahub_group_jid(ctx) == NGX_OK) {
        ngx_http_wahub_group_call(ctx,
            ngx_http_wahub_group_verbs[ctx->route->arg],
            ngx_http_wahub_group_told);
    }
}


/* Rows that take fields. */
void
ngx_http_wahub_groups_set(ngx_http_wahub_ctx_t *ctx)
{
    const ngx_http_wahub_field_t  *fields;

    fields = ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_SUBJECT
             ? ngx_http_wahub_group_subject
             : ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_DESCRIPTION
               ? ngx_http_wahub_group_about : ngx_http_wahub_group_settings;

    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, fields, ctx->args) != NGX_OK) {
        return;
    }

    if (fields == ngx_http_wahub_group_settings
        && json_object_size(ctx->args) != 1)
    {
        ngx_http_wahub_error_field(ctx, "announce", "REQUIRED",
            "exactly one of announce, restrict, join_approval, "
            "ephemeral_duration, member_add_mode");
        return;
    }

    if (ngx_http_wahub_group_jid(ctx) == NGX_OK) {
        ngx_http_wahub_group_call(ctx,
            ngx_http_wahub_group_verbs[ctx->route->arg],
            ngx_http_wahub_group_told);
    }
}


/* Rows that name people, or groups. */
void
ngx_http_wahub_groups_people(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_uint_t  groups;

    groups = ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_LINK
             || ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_UNLINK;

    ctx->args = json_object();

    rc = groups ? ngx_http_wahub_group_people(ctx, "groups", "groups", 1)
                : ngx_http_wahub_group_people(ctx, "participants",
                                              "participants", 0);

    if (rc == NGX_OK && groups == 0) {
        rc = ngx_http_wahub_group_action(ctx);
    }

    if (rc == NGX_OK && ngx_http_wahub_group_jid(ctx) == NGX_OK) {
        ngx_http_wahub_group_call(ctx,
            ngx_http_wahub_group_verbs[ctx->route->arg],
            ngx_http_wahub_group_told);
    }
}


void
ngx_http_wahub_groups_sync(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_group_call(ctx, "group.sync", ngx_http_wahub_group_told);
}


void
ngx_http_wahub_groups_create(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_group_new, ctx->args)
        != NGX_OK)
    {
        return;
    }

    if (json_is_true(json_object_get(ctx->args, "community")) == 0
        && ngx_http_wahub_group_people(ctx, "participants", "participants",
                                       0) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_group_call(ctx, "group.create",
                              ngx_http_wahub_group_created);
}


void
ngx_http_wahub_groups_join(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_group_code, ctx->args)
        == NGX_OK)
    {
        ngx_http_wahub_group_call(ctx, "group.join",
                                  ngx_http_wahub_group_told);
    }
}


void
ngx_http_wahub_groups_inspect(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_pack("{s:o}", "code",
                          ngx_http_wahub_json_text(&ctx->params[0]));
    ngx_http_wahub_group_call(ctx, "group.inspect",
                              ngx_http_wahub_group_told);
}


void
ngx_http_wahub_groups_picture(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  size;

    ngx_str_set(&size, "preview");
    rc = ngx_http_wahub_query(ctx->request, "size", &size);

    if (rc == NGX_ERROR
        || (wa_span_eq_str(ngx_http_wahub_span(&size), "preview") == false
            && wa_span_eq_str(ngx_http_wahub_span(&size), "image") == false))
    {
        ngx_http_wahub_error(ctx, "INVALID_PARAMETER",
                             "size: preview or image");
        return;
    }

    ctx->args = json_pack("{s:o}", "size", ngx_http_wahub_json_text(&size));

    if (ngx_http_wahub_group_jid(ctx) == NGX_OK) {
        ngx_http_wahub_group_call(ctx, "picture.get",
                                  ngx_http_wahub_group_pictured);
    }
}


void
ngx_http_wahub_groups_set_picture(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_group_jid(ctx) == NGX_OK) {
        ngx_http_wahub_source_open(ctx, 0, "image",
                                   ngx_http_wahub_group_opened);
    }
}


static void
ngx_http_wahub_group_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    ngx_http_wahub_portrait_make(ctx, m, ngx_http_wahub_group_portrait);
}


static void
ngx_http_wahub_group_portrait(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_group_call(ctx, "picture.set", ngx_http_wahub_group_told);
}


/* -- arguments ------------------------------------------------------------ */

/* NGX_ERROR: answered. */
static ngx_int_t
ngx_http_wahub_group_jid(ngx_http_wahub_ctx_t *ctx)
{
    char  text[WA_JID_TEXT_MAX + 1];

    if (ngx_http_wahub_path_jid(ctx, 0, wa_jid_is_group, "a group", text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (json_object_set_new(ctx->args, "jid", json_string(text)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_group_people(ngx_http_wahub_ctx_t *ctx, const char *names,
    const char *target, ngx_uint_t groups)
{
    char        text[WA_JID_TEXT_MAX + 1];
    size_t      i;
    json_t     *list, *item, *out;
    wa_jid_t    jid;
    ngx_str_t   value;

    list = ngx_http_wahub_body_get(ctx, names);

    if (json_array_size(list) == 0
        || json_array_size(list) > NGX_HTTP_WAHUB_GROUP_PEOPLE)
    {
        ngx_http_wahub_error_field(ctx, target, "INVALID_TYPE",
            "must be an array of 1 to 256 addresses");
        return NGX_ERROR;
    }

    out = json_array();

    json_array_foreach(list, i, item) {
        value = ngx_http_wahub_json_str(item);

        if (value.len == 0 || value.len > 128
            || wa_recipient_parse(ngx_http_wahub_span(&value), text,
                                  sizeof(text)) != WA_OK
            || wa_jid_parse(wa_span_str(text), &jid) != WA_OK
            || (groups ? wa_jid_is_group(&jid) : wa_jid_is_user(&jid)) == 0)
        {
            json_decref(out);
            ngx_http_wahub_error(ctx, "INVALID_RECIPIENT", NULL);
            return NGX_ERROR;
        }

        (void) json_array_append_new(out, json_string(text));
    }

    if (json_object_set_new(ctx->args, target, out) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_group_action(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *action;

    action = ngx_http_wahub_body_get(ctx, "action");

    if (json_is_string(action) == 0) {
        ngx_http_wahub_error_field(ctx, "action", "REQUIRED",
                                   "action: is missing");
        return NGX_ERROR;
    }

    if (json_object_set(ctx->args, "action", action) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* -- calls and answers ---------------------------------------------------- */

static void
ngx_http_wahub_group_call(ngx_http_wahub_ctx_t *ctx, const char *verb,
    ngx_http_wahub_result_pt handler)
{
    ngx_http_wahub_wait_query(ctx, verb, NGX_HTTP_WAHUB_GROUP_TIMEOUT,
                              handler);
}


static void
ngx_http_wahub_group_told(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL
        && ngx_http_wahub_group_elsewhere(ctx, result) == NGX_OK)
    {
        return;
    }

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    if (ctx->route->handler == ngx_http_wahub_groups_ask
        && ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_GET)
    {
        ngx_http_wahub_groups_show(ctx, json_incref(result->data));
        return;
    }

    if (ctx->route->method == NGX_HTTP_DELETE) {
        ngx_http_wahub_answer_done_with(ctx, result,
            ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_REVOKE
            ? "Invite code revoked"
            : ctx->route->arg == NGX_HTTP_WAHUB_GROUPS_NO_PICTURE
              ? "Picture removed" : "Groups unlinked");
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json_incref(result->data));
}


/*
 * Reading works on all accounts: what the default one may not see, or cannot
 * ask for now, is asked of an account that is in the group.  NGX_OK: on the
 * way, or answered.
 */
static ngx_int_t
ngx_http_wahub_group_elsewhere(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_str_t   ref;
    json_int_t  status;

    status = json_integer_value(json_object_get(result->data,
                                                "provider_code"));

    if (ctx->route->method != NGX_HTTP_GET
        || json_object_get(ctx->args, "jid") == NULL
        || json_object_get(ctx->args, "refused") != NULL
        || (status != 401 && status != 403
            && ngx_strcmp(result->code, "GROUP_NOT_FOUND") != 0
            && ngx_strcmp(result->code, "ACCOUNT_NOT_READY") != 0))
    {
        return NGX_DECLINED;
    }

    switch (ngx_http_wahub_lookup_selector(ctx, &ref)) {

    case NGX_OK:
        return NGX_DECLINED;

    case NGX_ERROR:
        return NGX_OK;

    default:
        break;
    }

    /* kept with the request: the answer if there is no such account */

    if (json_object_set_new(ctx->args, "refused",
            json_pack("{s:s, s:s?, s:O?}", "code", result->code, "message",
                      result->message, "details", result->data)) != 0)
    {
        return NGX_DECLINED;
    }

    ref = ngx_http_wahub_json_str(json_object_get(ctx->args, "jid"));
    ngx_http_wahub_groups_holder(ctx, &ref, ngx_http_wahub_group_again);

    return NGX_OK;
}


/* No account: none is in the group. */
static void
ngx_http_wahub_group_again(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *refused;

    refused = json_object_get(ctx->args, "refused");

    if (ctx->vars.account.len == 0) {
        ngx_http_wahub_error_details(ctx,
            json_string_value(json_object_get(refused, "code")),
            json_string_value(json_object_get(refused, "message")),
            json_incref(json_object_get(refused, "details")));
        return;
    }

    ngx_http_wahub_group_call(ctx,
        ngx_http_wahub_group_verbs[ctx->route->arg],
        ngx_http_wahub_group_told);
}


static void
ngx_http_wahub_group_pictured(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:O?}", "url", json_object_get(result->data, "url")));
}


static void
ngx_http_wahub_group_created(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    (void) json_object_set(result->data, "first_seen_at",
                           json_object_get(result->data, "updated_at"));

    ngx_http_wahub_answer(ctx, NGX_HTTP_CREATED, json_incref(result->data));
}
