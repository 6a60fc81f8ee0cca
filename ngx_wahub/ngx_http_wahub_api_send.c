/*
 * The content of a message, from a request's body (HTTP contract 5.1).
 */
#include "ngx_http_wahub_send.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"

#include "wa_mime.h"


#define NGX_HTTP_WAHUB_ALL  0

#define KIND(name)  NGX_HTTP_WAHUB_KIND_ ## name


typedef struct {
    const char  *name;
    ngx_int_t    kind;
} ngx_http_wahub_kind_t;

/* A member of bodies, for one kind of message or for all. */
typedef struct {
    ngx_int_t    kind;
    const char  *names;
    const char  *target;
} ngx_http_wahub_member_t;


static const ngx_http_wahub_kind_t  ngx_http_wahub_kinds[] = {
    { "text", KIND(TEXT) },
    { "image", KIND(IMAGE) },
    { "video", KIND(VIDEO) },
    { "audio", KIND(AUDIO) },
    { "document", KIND(DOCUMENT) },
    { "sticker", KIND(STICKER) },
    { "album", KIND(ALBUM) },
    { "location", KIND(LOCATION) },
    { "contact", KIND(CONTACT) },
    { "reaction", KIND(REACTION) },
    { "poll", KIND(POLL) },
    { "event", KIND(EVENT) },
    { "group_invite", KIND(INVITE) },
    { "edit", KIND(EDIT) },
    { "delete", KIND(DELETE) },
    { "pin", KIND(PIN) },
    { "keep", KIND(KEEP) },
    { "star", KIND(STAR) },
    { "template", KIND(OTHER) },
    { "interactive", KIND(OTHER) },
    { NULL, 0 }
};

/* Who sends says nothing more; reference 000. */
static const ngx_http_wahub_kind_t  ngx_http_wahub_kind_file = {
    "file", KIND(FILE)
};

/* The command checks the values. */
static const ngx_http_wahub_member_t  ngx_http_wahub_members[] = {
    { NGX_HTTP_WAHUB_ALL, "quoted_id", "quoted_id" },
    { NGX_HTTP_WAHUB_ALL, "mentions", "mentions" },
    { NGX_HTTP_WAHUB_ALL, "expiration", "expiration" },
    { NGX_HTTP_WAHUB_ALL, "forwarded", "forwarded" },
    { NGX_HTTP_WAHUB_ALL, "forward_score", "forward_score" },
    { NGX_HTTP_WAHUB_ALL, "view_once", "view_once" },
    { NGX_HTTP_WAHUB_ALL, "typing_ms|typingMs", "typing_ms" },

    { NGX_HTTP_WAHUB_ALL, "audience", "audience" },

    { KIND(TEXT), "text|message|body", "text" },
    { KIND(TEXT), "background_argb", "background_argb" },
    { KIND(TEXT), "text_argb", "text_argb" },
    { KIND(TEXT), "font", "font" },
    { KIND(EDIT), "text|message|body", "text" },

    { KIND(IMAGE), "caption", "caption" },
    { KIND(IMAGE), "album_id|albumId", "target_id" },
    { KIND(VIDEO), "caption", "caption" },
    { KIND(VIDEO), "album_id|albumId", "target_id" },
    { KIND(VIDEO), "gif", "gif" },
    { KIND(VIDEO), "note", "note" },
    { KIND(AUDIO), "ptt", "ptt" },
    { KIND(AUDIO), "duration", "duration" },
    { KIND(AUDIO), "background_argb", "background_argb" },
    { KIND(DOCUMENT), "caption", "caption" },
    { KIND(DOCUMENT), "filename|fileName", "filename" },
    { KIND(FILE), "caption", "caption" },
    { KIND(FILE), "filename|fileName", "filename" },

    { KIND(ALBUM), "images", "images" },
    { KIND(ALBUM), "videos", "videos" },

    { KIND(LOCATION), "latitude", "latitude" },
    { KIND(LOCATION), "longitude", "longitude" },
    { KIND(LOCATION), "name", "name" },
    { KIND(LOCATION), "address", "address" },
    { KIND(LOCATION), "live", "live" },
    { KIND(LOCATION), "accuracy", "accuracy" },
    { KIND(LOCATION), "speed", "speed" },
    { KIND(LOCATION), "heading", "heading" },

    { KIND(CONTACT), "contact_jid", "contact_jid" },
    { KIND(CONTACT), "name", "name" },
    { KIND(CONTACT), "contacts", "contacts" },

    { KIND(REACTION), "target_id|message_id|messageId", "target_id" },
    { KIND(REACTION), "emoji", "emoji" },

    { KIND(POLL), "name", "name" },
    { KIND(POLL), "options", "options" },
    { KIND(POLL), "selectable", "selectable" },

    { KIND(EVENT), "name", "name" },
    { KIND(EVENT), "description", "description" },
    { KIND(EVENT), "start_time", "start_time" },
    { KIND(EVENT), "end_time", "end_time" },
    { KIND(EVENT), "location", "location" },
    { KIND(EVENT), "join_link", "join_link" },
    { KIND(EVENT), "extra_guests", "extra_guests" },
    { KIND(EVENT), "canceled", "canceled" },

    { KIND(INVITE), "group_jid", "group_jid" },
    { KIND(INVITE), "code", "code" },
    { KIND(INVITE), "name", "name" },
    { KIND(INVITE), "caption", "caption" },
    { KIND(INVITE), "expires_at", "expires_at" },

    { KIND(EDIT), "target_id|message_id|messageId", "target_id" },
    { KIND(DELETE), "target_id|message_id|messageId", "target_id" },
    { KIND(DELETE), "for", "for" },
    { KIND(PIN), "target_id|message_id|messageId", "target_id" },
    { KIND(PIN), "value", "value" },
    { KIND(PIN), "duration", "duration" },
    { KIND(KEEP), "target_id|message_id|messageId", "target_id" },
    { KIND(KEEP), "value", "value" },
    { KIND(STAR), "target_id|message_id|messageId", "target_id" },
    { KIND(STAR), "value", "value" },
    { 0, NULL, NULL }
};


static ngx_int_t ngx_http_wahub_send_kind(ngx_http_wahub_ctx_t *ctx);
static const ngx_http_wahub_kind_t *ngx_http_wahub_send_named(
    ngx_http_wahub_ctx_t *ctx);
static const ngx_http_wahub_kind_t *ngx_http_wahub_send_find(
    ngx_int_t kind, const char *text);
static const ngx_http_wahub_kind_t *ngx_http_wahub_send_of_file(
    ngx_http_wahub_ctx_t *ctx, ngx_uint_t required);


ngx_int_t
ngx_http_wahub_send_content(ngx_http_wahub_ctx_t *ctx)
{
    json_t                         *value;
    ngx_int_t                       kind;
    const ngx_http_wahub_member_t  *m;

    kind = ngx_http_wahub_send_kind(ctx);

    if (kind == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (m = ngx_http_wahub_members; m->names != NULL; m++) {

        if (m->kind != NGX_HTTP_WAHUB_ALL && m->kind != kind) {
            continue;
        }

        value = ngx_http_wahub_body_get(ctx, m->names);

        if (ctx->conflict) {
            ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
            return NGX_ERROR;
        }

        if (value != NULL
            && json_object_set(ctx->args, m->target, value) != 0)
        {
            ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
            return NGX_ERROR;
        }
    }

    /* the text beside reference 000's media_url is not lost */

    if ((ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE)
        == NGX_HTTP_WAHUB_SEND_000
        && ngx_http_wahub_send_is_media(kind)
        && json_object_get(ctx->args, "caption") == NULL)
    {
        value = ngx_http_wahub_body_get(ctx, "message|text");

        if (value != NULL) {
            (void) json_object_set(ctx->args, "caption", value);
        }
    }

    return kind;
}


/* The row's, or what the body says; lower case in ctx->args. */
static ngx_int_t
ngx_http_wahub_send_kind(ngx_http_wahub_ctx_t *ctx)
{
    const ngx_http_wahub_kind_t  *k;

    k = ngx_http_wahub_send_named(ctx);

    if (k == NULL) {
        return NGX_ERROR;
    }

    if (k->name == NULL) {
        ngx_http_wahub_error_field(ctx, "type", "INVALID",
                                   "type: there is no such kind of message");
        return NGX_ERROR;
    }

    if (json_object_set_new(ctx->args, "type", json_string(k->name)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return k->kind;
}


/* NULL: answered; its name is NULL: there is none. */
static const ngx_http_wahub_kind_t *
ngx_http_wahub_send_named(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *value;
    ngx_int_t    kind, style;
    const char  *text;

    kind = ctx->route->arg & NGX_HTTP_WAHUB_SEND_KIND;
    style = ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE;
    text = "text";

    if (style == NGX_HTTP_WAHUB_SEND_003_MEDIA) {
        return ngx_http_wahub_send_of_file(ctx, 1);
    }

    if (kind == NGX_HTTP_WAHUB_KIND_ANY) {
        value = ngx_http_wahub_body_get(ctx, "type");

        if (value != NULL) {
            text = json_string_value(value);

        } else if (style == NGX_HTTP_WAHUB_SEND_000
                   && (ngx_http_wahub_body_get(ctx,
                           "media_url|mediaUrl|url|base64|media|media_id"
                           "|mediaId")
                       != NULL
                       || ctx->upload != NULL))
        {
            return ngx_http_wahub_send_of_file(ctx, 0);
        }
    }

    return ngx_http_wahub_send_find(kind, text);
}


static const ngx_http_wahub_kind_t *
ngx_http_wahub_send_find(ngx_int_t kind, const char *text)
{
    const ngx_http_wahub_kind_t  *k;

    for (k = ngx_http_wahub_kinds; k->name != NULL; k++) {

        if (kind != NGX_HTTP_WAHUB_KIND_ANY ? k->kind == kind
            : text != NULL && ngx_strcasecmp((u_char *) text,
                                             (u_char *) k->name) == 0)
        {
            break;
        }
    }

    return k;
}


/* The references' rows for files: "media_type", a kind or a MIME type. */
static const ngx_http_wahub_kind_t *
ngx_http_wahub_send_of_file(ngx_http_wahub_ctx_t *ctx, ngx_uint_t required)
{
    json_t                       *value;
    const char                   *text;
    const ngx_http_wahub_kind_t  *k;

    value = ngx_http_wahub_body_get(ctx, "media_type|mediaType");

    if (value == NULL) {
        if (required == 0) {
            return &ngx_http_wahub_kind_file;
        }

        ngx_http_wahub_error_field(ctx, "mediaType", "REQUIRED",
                                   "mediaType: is required");
        return NULL;
    }

    text = json_string_value(value);

    if (text != NULL && strchr(text, '/') != NULL) {
        text = ngx_http_wahub_send_type(wa_span_str(text));
    }

    k = ngx_http_wahub_send_find(NGX_HTTP_WAHUB_KIND_ANY, text);

    if (k->name == NULL || ngx_http_wahub_send_is_media(k->kind) == 0) {
        ngx_http_wahub_error(ctx, "INVALID_MEDIA_TYPE", NULL);
        return NULL;
    }

    return k;
}


const char *
ngx_http_wahub_send_type(wa_span_t mime)
{
    char        type[WA_MIME_MAX];
    ngx_uint_t  i;

    static const struct {
        const char  *mime;
        const char  *type;
    } types[] = {
        { "image/jpeg", "image" },
        { "image/png", "image" },
        { "image/webp", "image" },
        { "video/mp4", "video" },
        { "video/3gpp", "video" },
        { "audio/aac", "audio" },
        { "audio/amr", "audio" },
        { "audio/mp4", "audio" },
        { "audio/mpeg", "audio" },
        { "audio/ogg", "audio" }
    };

    if (wa_mime_parse(mime, type)) {
        for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (wa_mime_is(type, types[i].mime)) {
                return types[i].type;
            }
        }
    }

    return "document";
}


ngx_uint_t
ngx_http_wahub_send_is_media(ngx_int_t kind)
{
    switch (kind) {

    case NGX_HTTP_WAHUB_KIND_IMAGE:
    case NGX_HTTP_WAHUB_KIND_VIDEO:
    case NGX_HTTP_WAHUB_KIND_AUDIO:
    case NGX_HTTP_WAHUB_KIND_DOCUMENT:
    case NGX_HTTP_WAHUB_KIND_STICKER:
    case NGX_HTTP_WAHUB_KIND_FILE:
        return 1;

    default:
        return 0;
    }
}
