/*
 * Answers to a send.
 */
#include "ngx_http_wahub_message.h"

#include "ngx_http_wahub_link.h"
#include "ngx_http_wahub_send.h"
#include "ngx_http_wahub_view.h"

#include "wa_archive.h"
#include "wa_jid.h"


#define PHONE_SERVER      "@s.whatsapp.net"
#define GROUP_SERVER      "@g.us"
#define CHANNEL_SERVER    "@newsletter"
#define STATUS_JID        "status@broadcast"


static json_t *ngx_http_wahub_message_object(ngx_http_wahub_ctx_t *ctx,
    json_t *data);
static int ngx_http_wahub_message_stored(ngx_http_wahub_ctx_t *ctx,
    json_t *object, json_t *stored);
static int ngx_http_wahub_message_text(ngx_http_wahub_ctx_t *ctx,
    json_t *object, json_t *data);
static int ngx_http_wahub_message_receipt(json_t *object);
static json_t *ngx_http_wahub_message_body(json_t *args);
static int ngx_http_wahub_message_room(ngx_http_wahub_ctx_t *ctx,
    json_t *object, json_t *data);
static int ngx_http_wahub_message_content(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static json_t *ngx_http_wahub_message_mentions(json_t *args);
static int ngx_http_wahub_message_expires(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static int ngx_http_wahub_message_medium(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static int ngx_http_wahub_message_url(ngx_http_wahub_ctx_t *ctx,
    json_t *object, json_t *media);
static const char *ngx_http_wahub_message_sort(json_t *args,
    const char *type);
static int ngx_http_wahub_message_card(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static ngx_uint_t ngx_http_wahub_message_is(json_t *o, const char *name,
    const char *word);
static json_t *ngx_http_wahub_message_digits(json_t *jid);
static ngx_uint_t ngx_http_wahub_message_at(json_t *jid, const char *server);
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
    (void) json_object_del(data, "receipt");

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
    int        user;
    json_t    *value;
    ngx_str_t  jid;

    value = json_object_get(data, "jid");
    jid = ngx_http_wahub_json_str(value);

    if (ngx_http_wahub_message_at(value, PHONE_SERVER) == 0) {
        return ngx_http_wahub_json_text(&jid);
    }

    user = (int) (jid.len - (sizeof(PHONE_SERVER) - 1));

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
    int      rc;
    json_t  *object, *stored;

    object = json_pack("{s:b}", "success", 1);

    if (object == NULL) {
        return NULL;
    }

    rc = json_object_update(object, data);
    stored = json_object_get(ctx->args, "object");

    if (stored != NULL) {
        rc |= ngx_http_wahub_message_stored(ctx, object, stored);

    } else {
        rc |= ngx_http_wahub_message_text(ctx, object, data);
        rc |= ngx_http_wahub_message_receipt(object);
        rc |= ngx_http_wahub_message_room(ctx, object, data);
        rc |= ngx_http_wahub_message_content(ctx, object);
        rc |= ngx_http_wahub_message_expires(ctx, object);
        rc |= ngx_http_wahub_message_medium(ctx, object);
        rc |= ngx_http_wahub_message_card(ctx, object);
        rc |= wa_archive_fill(object) ? 0 : -1;
    }

    if (rc != 0) {
        json_decref(object);
        return NULL;
    }

    return object;
}


/*
 * What only our own devices get to know changes a message that is there
 * already, of whomever: `stored`, as the history had it before.
 */
static int
ngx_http_wahub_message_stored(ngx_http_wahub_ctx_t *ctx, json_t *object,
    json_t *stored)
{
    int      rc;
    json_t  *starred;

    rc = json_object_update_missing(object, stored);
    starred = json_object_get(ctx->args, "starred");

    if (starred != NULL) {
        rc |= json_object_set(object, "is_starred", starred);

    } else {
        rc |= json_object_set_new(object, "is_deleted", json_true());
        rc |= json_object_set_new(object, "deleted_at",
                  ngx_http_wahub_json_iso((int64_t) ngx_time() * 1000));
    }

    return rc;
}


static int
ngx_http_wahub_message_text(ngx_http_wahub_ctx_t *ctx, json_t *object,
    json_t *data)
{
    int      rc;
    json_t  *now, *text, *client, *quoted, *metadata;

    now = ngx_http_wahub_message_time(data);
    text = ngx_http_wahub_message_body(ctx->args);
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
    if (ngx_http_wahub_message_is(data, "status", "PENDING") == 0) {
        rc |= json_object_set(object, "sent_at", now);
    }

    rc |= json_object_set_new(object, "phone_number",
              ngx_http_wahub_message_digits(json_object_get(data, "jid")));
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
    json_decref(text);

    return rc;
}


/* The receipt that was waited for (wait=device), as the history tells it:
   what is read has come, too. */
static int
ngx_http_wahub_message_receipt(json_t *object)
{
    int      rc;
    json_t  *receipt, *at;

    receipt = json_object_get(object, "receipt");

    if (receipt == NULL) {
        return 0;
    }

    at = ngx_http_wahub_json_iso(json_integer_value(receipt) * 1000);
    rc = ngx_http_wahub_message_both(object, "delivered_at", "deliveredAt",
                                     at);

    if (ngx_http_wahub_message_is(object, "status", "DELIVERED") == 0) {
        rc |= ngx_http_wahub_message_both(object, "read_at", "readAt", at);
    }

    json_decref(at);

    return rc | json_object_del(object, "receipt");
}


/* As the history has it.  A new reference; NULL: no text. */
static json_t *
ngx_http_wahub_message_body(json_t *args)
{
    size_t       n;
    json_t      *text, *contacts;
    ngx_uint_t   card;

    text = json_object_get(args, "text");

    if (text == NULL) {
        text = json_object_get(args, "caption");
    }

    card = ngx_http_wahub_message_is(args, "type", "contact");

    if (text == NULL
        && (card || ngx_http_wahub_message_is(args, "type", "poll")
            || ngx_http_wahub_message_is(args, "type", "event")))
    {
        text = json_object_get(args, "name");
    }

    contacts = json_object_get(args, "contacts");

    if (text == NULL && card && json_is_array(contacts)) {
        n = json_array_size(contacts);

        if (n != 1) {
            return json_sprintf("%u contacts", (unsigned) n);
        }

        text = json_object_get(json_array_get(contacts, 0), "name");
    }

    return json_incref(text);
}


/* Said to many: then who said it is a member of its own. */
static int
ngx_http_wahub_message_room(ngx_http_wahub_ctx_t *ctx, json_t *object,
    json_t *data)
{
    int          rc;
    ngx_uint_t   status;

    status = ngx_http_wahub_message_is(data, "jid", STATUS_JID);
    rc = json_object_set_new(object, "is_status", json_boolean(status));

    if (ctx->phone.len != 0
        && (status
            || ngx_http_wahub_message_at(json_object_get(data, "jid"),
                                         GROUP_SERVER)))
    {
        rc |= json_object_set_new(object, "participant",
                                  json_sprintf("%.*s" PHONE_SERVER,
                                               (int) ctx->phone.len,
                                               (char *) ctx->phone.data));
    }

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

    rc |= json_object_set_new(object, "mentions",
                              ngx_http_wahub_message_mentions(ctx->args));

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


/* Addresses in one form, whatever the request had; "all" is "all". */
static json_t *
ngx_http_wahub_message_mentions(json_t *args)
{
    char       text[WA_JID_TEXT_MAX + 1];
    size_t     i;
    json_t    *value, *one, *list;
    wa_err_t   rc;

    value = json_object_get(args, "mentions");
    list = json_array();

    if (json_is_string(value) && json_array_append(list, value) != 0) {
        json_decref(list);
        return NULL;
    }

    json_array_foreach(value, i, one) {
        rc = wa_recipient_parse(wa_span(json_string_value(one),
                                        json_string_length(one)),
                                text, sizeof(text));

        if ((rc == WA_OK ? json_array_append_new(list, json_string(text))
                         : json_array_append(list, one))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* What the request says; the setting of the chat is the engine's. */
static int
ngx_http_wahub_message_expires(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    json_t  *value;

    value = json_object_get(ctx->args, "expiration");

    if (json_integer_value(value) <= 0
        || ngx_http_wahub_message_is(object, "message_type", "protocol")
        || ngx_http_wahub_message_is(object, "message_type", "reaction")
        || ngx_http_wahub_message_at(json_object_get(object, "jid"),
                                     CHANNEL_SERVER))
    {
        return 0;
    }

    return json_object_set_new(object, "is_ephemeral", json_true())
           | json_object_set(object, "ephemeral_duration", value);
}


/* What the file is that was sent. */
static int
ngx_http_wahub_message_medium(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    int          rc;
    json_t      *media, *value;
    ngx_uint_t   i;
    const char  *type;

    static const struct {
        const char  *from;
        const char  *one;
        const char  *two;
    } members[] = {
        { "media_id", "media_id", "mediaId" },
        { "mimetype", "media_mime_type", "mediaMimeType" },
        { "file_length", "media_size", NULL },
        { "seconds", "media_duration", NULL },
        { "width", "media_width", NULL },
        { "height", "media_height", NULL }
    };

    media = json_object_get(ctx->args, "media");

    if (json_is_object(media) == 0) {
        return 0;
    }

    type = json_string_value(json_object_get(object, "message_type"));

    rc = json_object_set_new(object, "has_media", json_true());
    rc |= json_object_set_new(object, "media_status",
                              json_string("downloaded"));
    rc |= json_object_set_new(object, "mediaType",
              json_string(ngx_http_wahub_message_sort(ctx->args, type)));

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        rc |= ngx_http_wahub_message_both(object, members[i].one,
                                          members[i].two,
                                          json_object_get(media,
                                                          members[i].from));
    }

    rc |= ngx_http_wahub_message_url(ctx, object, media);
    rc |= ngx_http_wahub_message_both(object, "media_duration", NULL,
              json_object_get(ctx->args, "duration"));
    rc |= ngx_http_wahub_message_both(object, "mediaCaption", NULL,
              json_object_get(ctx->args, "caption"));

    if (type != NULL && ngx_strcmp(type, "document") == 0) {
        value = json_object_get(ctx->args, "filename");
        value = value != NULL ? value : json_object_get(media, "filename");
        rc |= ngx_http_wahub_message_both(object, "media_filename",
                                          "mediaFilename", value);
    }

    return rc;
}


/* Signed at the time of the message: a repeat shows the same. */
static int
ngx_http_wahub_message_url(ngx_http_wahub_ctx_t *ctx, json_t *object,
    json_t *media)
{
    int                rc;
    json_t            *links, *id, *mime;
    wa_media_t         m;
    wa_media_links_t   with;

    id = json_object_get(media, "media_id");
    mime = json_object_get(media, "mimetype");

    if (json_is_string(id) == 0) {
        return 0;
    }

    ngx_memzero(&m, sizeof(wa_media_t));

    m.id = wa_span(json_string_value(id), json_string_length(id));
    m.mime = wa_span(json_string_value(mime), json_string_length(mime));

    ngx_http_wahub_link_with(ctx, &with);
    with.now = json_integer_value(json_object_get(object, "timestamp"));

    links = json_object();
    rc = wa_media_sign(links, &m, &with) == WA_OK ? 0 : -1;

    wa_wipe(&with, sizeof(wa_media_links_t));

    rc |= ngx_http_wahub_message_both(object, "media_url", "mediaUrl",
                                      json_object_get(links, "url"));
    json_decref(links);

    return rc;
}


/* As events name it. */
static const char *
ngx_http_wahub_message_sort(json_t *args, const char *type)
{
    if (json_is_true(json_object_get(args, "ptt"))) {
        return "ptt";
    }

    if (json_is_true(json_object_get(args, "note"))) {
        return "ptv";
    }

    return json_is_true(json_object_get(args, "gif")) ? "gif" : type;
}


/* {contact_jid, name}, as one of a list. */
static int
ngx_http_wahub_message_card(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    char     text[WA_JID_TEXT_MAX + 1];
    json_t  *jid, *phone;

    jid = json_object_get(ctx->args, "contact_jid");

    if (jid == NULL || json_object_get(object, "contacts") != NULL
        || wa_recipient_parse(wa_span(json_string_value(jid),
                                      json_string_length(jid)), text,
                              sizeof(text)) != WA_OK)
    {
        return 0;
    }

    jid = json_string(text);
    phone = ngx_http_wahub_message_digits(jid);
    json_decref(jid);

    return json_object_set_new(object, "contacts",
               json_pack("[{s:O?, s:[o]}]",
                         "name", json_object_get(ctx->args, "name"),
                         "phones", phone));
}


static ngx_uint_t
ngx_http_wahub_message_is(json_t *o, const char *name, const char *word)
{
    const char  *text;

    text = json_string_value(json_object_get(o, name));

    return text != NULL && ngx_strcmp(text, word) == 0;
}


/* null: not the address of a phone. */
static json_t *
ngx_http_wahub_message_digits(json_t *jid)
{
    ngx_str_t  text;

    if (ngx_http_wahub_message_at(jid, PHONE_SERVER) == 0) {
        return json_null();
    }

    text = ngx_http_wahub_json_str(jid);

    text.len -= sizeof(PHONE_SERVER) - 1;

    return ngx_http_wahub_json_text(&text);
}


static ngx_uint_t
ngx_http_wahub_message_at(json_t *jid, const char *server)
{
    size_t     n;
    ngx_str_t  text;

    text = ngx_http_wahub_json_str(jid);
    n = ngx_strlen(server);

    return text.len > n
           && ngx_memcmp(text.data + text.len - n, server, n) == 0;
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
        "edit", "delete", "pin", "keep", "star", NULL
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

    if (ngx_strcmp(kind, "group_invite") == 0
        || ngx_strcmp(kind, "album") == 0)
    {
        kind = "interactive";
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
