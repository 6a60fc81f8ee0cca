/*
 * Answers to a send.
 */
#include "ngx_http_wahub_message.h"

#include "ngx_http_wahub_send.h"
#include "ngx_http_wahub_view.h"


/* Members of the message object that a text just sent leaves empty. */
static const char  *ngx_http_wahub_message_nulls[] = {
    "client_message_id", "clientMessageId", "from_jid", "participant",
    "push_name", "quoted_id", "quoted_body", "ephemeral_duration",
    "edited_at", "deleted_at", "media_id", "mediaId", "media_mime_type",
    "mediaMimeType", "media_size", "media_filename", "mediaFilename",
    "media_duration", "media_width", "media_height", "media_url", "mediaUrl",
    "mediaCaption", "mediaType", "media_status", "reaction_emoji",
    "reaction_target_id", "poll_name", "poll_options", "poll_results",
    "latitude", "longitude", "location_name", "location_address", "contacts",
    "template_name", "templateName", "template_params", "templateParams",
    "interactive", "error_code", "errorCode", "error_message",
    "errorMessage", "queued_at", "sent_at", "delivered_at", "deliveredAt",
    "read_at", "readAt", "failed_at", "failedAt", "metadata", NULL
};

static const char  *ngx_http_wahub_message_falses[] = {
    "is_forwarded", "is_starred", "is_broadcast", "is_ephemeral",
    "is_view_once", "is_status", "is_deleted", "has_media", NULL
};


static json_t *ngx_http_wahub_message_object(ngx_http_wahub_ctx_t *ctx,
    json_t *data);
static int ngx_http_wahub_message_text(ngx_http_wahub_ctx_t *ctx,
    json_t *object, json_t *data);
static int ngx_http_wahub_message_content(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static int ngx_http_wahub_message_kind(json_t *args, json_t *object);
static int ngx_http_wahub_message_both(json_t *object, const char *one,
    const char *two, json_t *value);
static json_t *ngx_http_wahub_message_with(json_t *data, json_t *first);
static json_t *ngx_http_wahub_message_legacy(json_t *data);
static json_t *ngx_http_wahub_message_time(json_t *data);


ngx_uint_t
ngx_http_wahub_message_status(ngx_http_wahub_ctx_t *ctx, json_t *data)
{
    ngx_int_t  style;
    ngx_str_t  status;

    static const ngx_str_t  pending = ngx_string("PENDING");

    style = ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE;

    if (style != NGX_HTTP_WAHUB_SEND_ACCOUNT
        && style != NGX_HTTP_WAHUB_SEND_MESSAGE)
    {
        return NGX_HTTP_OK;
    }

    if (json_is_true(json_object_get(data, "repeated"))) {
        return NGX_HTTP_OK;
    }

    status = ngx_http_wahub_json_str(json_object_get(data, "status"));

    return ngx_http_wahub_str_eq(&status, &pending) ? NGX_HTTP_ACCEPTED
                                                    : NGX_HTTP_CREATED;
}


json_t *
ngx_http_wahub_message_answer(ngx_http_wahub_ctx_t *ctx, json_t *data)
{
    json_t  *first;

    (void) json_object_del(data, "repeated");

    switch (ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE) {

    case NGX_HTTP_WAHUB_SEND_MESSAGE:
        return ngx_http_wahub_message_object(ctx, data);

    case NGX_HTTP_WAHUB_SEND_000:
        first = json_pack("{s:b,s:s,s:o}", "success", 1,
                          "message",
                          json_object_get(ctx->args, "media") == NULL
                          ? "Text message sent" : "Media message sent",
                          "to", ngx_http_wahub_message_legacy(data));
        break;

    case NGX_HTTP_WAHUB_SEND_002:
        first = json_pack("{s:b,s:o}", "success", 1, "sessionId",
                          ngx_http_wahub_json_text(&ctx->session));
        break;

    case NGX_HTTP_WAHUB_SEND_003:
        return json_pack("{s:b,s:{s:O?,s:O?,s:o,s:O?}}", "success", 1,
            "data", "messageId", json_object_get(data, "id"),
            "status", json_object_get(data, "status"),
            "queuedAt", ngx_http_wahub_message_time(data),
            "waMessageId", json_object_get(data, "message_id"));

    case NGX_HTTP_WAHUB_SEND_003_MEDIA:
        return json_pack("{s:b,s:{s:O?,s:O?,s:O?}}", "success", 1,
            "data", "messageId", json_object_get(data, "id"),
            "status", json_object_get(data, "status"),
            "mediaType", json_object_get(ctx->args, "type"));

    default: /* NGX_HTTP_WAHUB_SEND_ACCOUNT, NGX_HTTP_WAHUB_SEND_001 */
        first = json_pack("{s:b}", "success", 1);
        break;
    }

    return ngx_http_wahub_message_with(data, first);
}


/* Takes the reference `first`; its members win. */
static json_t *
ngx_http_wahub_message_with(json_t *data, json_t *first)
{
    if (first != NULL && json_object_update_missing(first, data) != 0) {
        json_decref(first);
        return NULL;
    }

    return first;
}


/* "<digits>@c.us", as reference 000 writes a phone's address. */
static json_t *
ngx_http_wahub_message_legacy(json_t *data)
{
    int         user;
    ngx_str_t   jid;

    static const ngx_str_t  server = ngx_string("@s.whatsapp.net");

    jid = ngx_http_wahub_json_str(json_object_get(data, "jid"));

    if (jid.len <= server.len
        || ngx_memcmp(jid.data + jid.len - server.len, server.data,
                      server.len) != 0)
    {
        return ngx_http_wahub_json_text(&jid);
    }

    user = (int) (jid.len - server.len);

    return json_sprintf("%.*s@c.us", user, (char *) jid.data);
}


/* The message's own time, as events tell it: a repeat shows the same. */
static json_t *
ngx_http_wahub_message_time(json_t *data)
{
    return ngx_http_wahub_json_iso(
               json_integer_value(json_object_get(data, "timestamp")) * 1000);
}


/* The message object of contract 6.1 around the send result. */
static json_t *
ngx_http_wahub_message_object(ngx_http_wahub_ctx_t *ctx, json_t *data)
{
    int          rc;
    json_t      *object;
    ngx_uint_t   i;

    object = json_pack("{s:b}", "success", 1);

    if (object == NULL) {
        return NULL;
    }

    rc = json_object_update(object, data);
    rc |= ngx_http_wahub_message_text(ctx, object, data);
    rc |= ngx_http_wahub_message_content(ctx, object);

    for (i = 0; ngx_http_wahub_message_falses[i] != NULL; i++) {
        if (json_object_get(object, ngx_http_wahub_message_falses[i])
            == NULL)
        {
            rc |= json_object_set_new(object,
                                      ngx_http_wahub_message_falses[i],
                                      json_false());
        }
    }

    for (i = 0; ngx_http_wahub_message_nulls[i] != NULL; i++) {
        if (json_object_get(object, ngx_http_wahub_message_nulls[i])
            == NULL)
        {
            rc |= json_object_set_new(object,
                                      ngx_http_wahub_message_nulls[i],
                                      json_null());
        }
    }

    if (rc != 0) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static int
ngx_http_wahub_message_text(ngx_http_wahub_ctx_t *ctx, json_t *object,
    json_t *data)
{
    int      rc;
    json_t  *now, *text, *client, *quoted, *metadata;

    now = ngx_http_wahub_message_time(data);
    text = json_object_get(ctx->args, "text");

    if (text == NULL) {
        text = json_object_get(ctx->args, "caption");
    }

    client = json_object_get(ctx->args, "client_message_id");
    quoted = json_object_get(ctx->args, "quoted_id");
    metadata = json_object_get(ctx->args, "metadata");

    rc = ngx_http_wahub_message_both(object, "message_id", "waMessageId",
                                     json_object_get(data, "message_id"));
    rc |= ngx_http_wahub_message_both(object, "remote_jid", "jid",
                                      json_object_get(data, "jid"));
    rc |= ngx_http_wahub_message_both(object, "body", "text", text);
    rc |= ngx_http_wahub_message_both(object, "created_at", "createdAt",
                                      now);
    rc |= ngx_http_wahub_message_both(object, "updated_at", "updatedAt",
                                      now);
    rc |= json_object_set_new(object, "from",
              ctx->phone.len == 0 ? json_null()
                                  : ngx_http_wahub_json_text(&ctx->phone));
    rc |= ngx_http_wahub_message_both(object, "client_message_id",
                                      "clientMessageId", client);
    rc |= ngx_http_wahub_message_both(object, "quoted_id", NULL, quoted);
    rc |= ngx_http_wahub_message_both(object, "metadata", NULL, metadata);

    rc |= json_object_set_new(object, "direction", json_string("OUTBOUND"));
    rc |= json_object_set_new(object, "source", json_string("api"));
    rc |= json_object_set_new(object, "from_me", json_true());
    rc |= json_object_set_new(object, "edit_type", json_integer(0));

    json_decref(now);

    return rc;
}


/* What was asked for, under the names of the message object. */
static int
ngx_http_wahub_message_content(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    int          rc;
    json_t      *value;
    ngx_uint_t   i;

    static const struct {
        const char  *kind;              /* NULL: of all                   */
        const char  *from;
        const char  *to;
    } members[] = {
        { "location", "latitude", "latitude" },
        { "location", "longitude", "longitude" },
        { "location", "name", "location_name" },
        { "location", "address", "location_address" },
        { "poll", "name", "poll_name" },
        { "poll", "options", "poll_options" },
        { "contact", "contacts", "contacts" },
        { "reaction", "emoji", "reaction_emoji" },
        { "reaction", "target_id", "reaction_target_id" },
        { NULL, "forwarded", "is_forwarded" },
        { NULL, "view_once", "is_view_once" }
    };

    rc = ngx_http_wahub_message_kind(ctx->args, object);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        value = json_object_get(ctx->args, members[i].from);

        if (value == NULL
            || (members[i].kind != NULL
                && ngx_strcmp(members[i].kind,
                              json_string_value(json_object_get(object,
                                                       "message_type")))
                   != 0))
        {
            continue;
        }

        rc |= json_object_set(object, members[i].to, value);
    }

    value = json_object_get(ctx->args, "mentions");
    rc |= json_object_set_new(object, "mentions",
                              json_is_array(value) ? json_incref(value)
                                                   : json_array());

    value = json_object_get(ctx->args, "forward_score");

    if (value == NULL) {
        value = json_object_get(object, "is_forwarded");
        rc |= json_object_set_new(object, "forward_score",
                                  json_integer(json_is_true(value)));

    } else {
        rc |= json_object_set(object, "forward_score", value);
    }

    return rc;
}


/* Edits and their kin are protocol messages to the contract. */
static int
ngx_http_wahub_message_kind(json_t *args, json_t *object)
{
    int          rc;
    u_char       upper[32], *p;
    const char  *kind;
    ngx_uint_t   i;

    static const char *const  changes[] = {
        "edit", "delete", "pin", "keep", NULL
    };

    kind = json_string_value(json_object_get(args, "type"));

    if (kind == NULL) {
        kind = "text";
    }

    for (i = 0; changes[i] != NULL; i++) {
        if (ngx_strcmp(kind, changes[i]) == 0) {
            kind = "protocol";
            break;
        }
    }

    if (ngx_strcmp(kind, "group_invite") == 0) {
        kind = "unsupported";
    }

    rc = json_object_set_new(object, "message_type", json_string(kind));

    p = ngx_cpystrn(upper, (u_char *) kind, sizeof(upper));

    while (p-- > upper) {
        *p = ngx_toupper(*p);
    }

    return rc | json_object_set_new(object, "type",
                                    json_string((char *) upper));
}


static int
ngx_http_wahub_message_both(json_t *object, const char *one,
    const char *two, json_t *value)
{
    int  rc;

    if (value == NULL) {
        return 0;
    }

    rc = json_object_set(object, one, value);

    if (two != NULL) {
        rc |= json_object_set(object, two, value);
    }

    return rc;
}
