/*
 * The content of a message, from a request's body (HTTP contract 5.1).
 */
#include "ngx_http_wahub_send.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"


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
    { "star", KIND(OTHER) },
    { "template", KIND(OTHER) },
    { "interactive", KIND(OTHER) },
    { NULL, 0 }
};

/* The command checks the values. */
static const ngx_http_wahub_member_t  ngx_http_wahub_members[] = {
    { NGX_HTTP_WAHUB_ALL, "quoted_id", "quoted_id" },
    { NGX_HTTP_WAHUB_ALL, "mentions", "mentions" },
    { NGX_HTTP_WAHUB_ALL, "expiration", "expiration" },
    { NGX_HTTP_WAHUB_ALL, "forwarded", "forwarded" },
    { NGX_HTTP_WAHUB_ALL, "forward_score", "forward_score" },
    { NGX_HTTP_WAHUB_ALL, "view_once", "view_once" },

    { KIND(TEXT), "text|message|body", "text" },
    { KIND(EDIT), "text|message|body", "text" },

    { KIND(IMAGE), "caption", "caption" },
    { KIND(VIDEO), "caption", "caption" },
    { KIND(VIDEO), "gif", "gif" },
    { KIND(VIDEO), "note", "note" },
    { KIND(AUDIO), "ptt", "ptt" },
    { KIND(AUDIO), "duration", "duration" },
    { KIND(DOCUMENT), "caption", "caption" },
    { KIND(DOCUMENT), "filename|fileName", "filename" },

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
    { 0, NULL, NULL }
};


static ngx_int_t ngx_http_wahub_send_kind(ngx_http_wahub_ctx_t *ctx);
static const ngx_http_wahub_kind_t *ngx_http_wahub_send_named(
    ngx_http_wahub_ctx_t *ctx);


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

    return kind;
}


/* The row's, or what the body says; lower case in ctx->args. */
static ngx_int_t
ngx_http_wahub_send_kind(ngx_http_wahub_ctx_t *ctx)
{
    const ngx_http_wahub_kind_t  *k;

    k = ngx_http_wahub_send_named(ctx);

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


static const ngx_http_wahub_kind_t *
ngx_http_wahub_send_named(ngx_http_wahub_ctx_t *ctx)
{
    json_t                       *value;
    ngx_int_t                     kind;
    const char                   *text;
    const ngx_http_wahub_kind_t  *k;

    kind = ctx->route->arg & NGX_HTTP_WAHUB_SEND_KIND;
    text = "text";

    if (kind == NGX_HTTP_WAHUB_KIND_ANY) {
        value = ngx_http_wahub_body_get(ctx, "type");

        if (value != NULL) {
            text = json_string_value(value);
        }
    }

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


ngx_uint_t
ngx_http_wahub_send_is_media(ngx_int_t kind)
{
    switch (kind) {

    case NGX_HTTP_WAHUB_KIND_IMAGE:
    case NGX_HTTP_WAHUB_KIND_VIDEO:
    case NGX_HTTP_WAHUB_KIND_AUDIO:
    case NGX_HTTP_WAHUB_KIND_DOCUMENT:
    case NGX_HTTP_WAHUB_KIND_STICKER:
        return 1;

    default:
        return 0;
    }
}
