/*
 * JSON of message events, see wa_event_message.h.
 */
#include "wa_event_message.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_crypto.h"
#include "wa_event_int.h"
#include "wa_event_mention.h"
#include "wa_filename.h"


/* Text of U+FFFD. */
#define REPLACEMENT  "\xef\xbf\xbd"

/* Bytes of the hash that are shown; all of them when nothing follows. */
#define REF_BYTES    16
#define REF_SHORT    8


static bool ref_id_is_plain(wa_span_t id);
static void put2(wa_jw_t *w, const char *name, const char *alias,
    wa_span_t text);
static void number(wa_jw_t *w, const char *name, uint32_t n);
static void person(wa_jw_t *w, const char *name, const wa_jid_t *jid);
static void legacy(wa_jw_t *w, const char *name, const wa_jid_t *jid);
static void unified_url(wa_account_t *a, const wa_message_view_t *v,
    wa_jw_t *w);
static void message_identity(const wa_event_owner_t *o,
    const wa_message_view_t *v, wa_jw_t *w);
static void message_people(const wa_event_owner_t *o,
    const wa_message_view_t *v, wa_jw_t *w);
static void message_content(const wa_message_view_t *v, wa_jw_t *w);
static void message_media(const wa_message_view_t *v, wa_jw_t *w);
static void message_extra(const wa_message_view_t *v, wa_jw_t *w);
static void message_times(const wa_event_owner_t *o,
    const wa_message_view_t *v, wa_jw_t *w);


wa_event_owner_t
wa_event_owner(const wa_account_t *a)
{
    wa_event_owner_t  o;

    o.id = a->id;
    o.session_id = wa_account_session_id(a);
    o.self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    o.now_ms = wa_unix_ms(a);
    o.master_key = a->engine->conf.master_key;

    return o;
}


wa_err_t
wa_message_ref(const wa_account_t *a, bool from_me, const wa_jid_t *sender,
    wa_span_t message_id, char out[WA_MESSAGE_REF_LEN])
{
    return wa_message_ref_of(a->id, from_me, sender, message_id, out);
}


wa_err_t
wa_message_ref_of(const char *account_id, bool from_me,
    const wa_jid_t *sender, wa_span_t message_id,
    char out[WA_MESSAGE_REF_LEN])
{
    bool       plain;
    char       who[WA_JID_TEXT_MAX];
    size_t     i, n;
    uint8_t    digest[WA_SHA256_LEN];
    wa_err_t   rc;
    wa_span_t  parts[4];

    static const char  hex[] = "0123456789abcdef";

    if (from_me) {
        memcpy(who, "me", 3);

    } else if (wa_jid_format(sender, who, sizeof(who)) == 0) {
        return WA_ERR_ARG;
    }

    /* Lengths are not needed: neither an account id nor an address holds
       the separator. */

    parts[0] = wa_span_str(account_id);
    parts[1] = wa_span_str(who);
    parts[2] = wa_span("/", 1);
    parts[3] = message_id;

    rc = wa_sha256(parts, 4, digest);
    if (rc != WA_OK) {
        return rc;
    }

    plain = ref_id_is_plain(message_id);
    n = plain ? REF_SHORT : REF_BYTES;

    for (i = 0; i < n; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 0x0f];
    }

    out[2 * n] = '\0';

    if (plain) {
        out[2 * n] = '-';
        memcpy(out + 2 * n + 1, message_id.p, message_id.n);
        out[2 * n + 1 + message_id.n] = '\0';
    }

    return WA_OK;
}


/* Fits behind the hash and needs no escaping in a path. */
static bool
ref_id_is_plain(wa_span_t id)
{
    size_t   i;
    uint8_t  c;

    if (id.n == 0 || id.n > WA_MESSAGE_REF_LEN - 2 * REF_SHORT - 2) {
        return false;
    }

    for (i = 0; i < id.n; i++) {
        c = id.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || c == '.' || c == '_'
              || c == '-'))
        {
            return false;
        }
    }

    return true;
}


bool
wa_message_ref_parse(wa_span_t ref, wa_span_t *message_id)
{
    size_t     i;
    uint8_t    c;
    wa_span_t  id;

    if (ref.n <= 2 * REF_SHORT + 1 || ref.p[2 * REF_SHORT] != '-') {
        return false;
    }

    for (i = 0; i < 2 * REF_SHORT; i++) {
        c = ref.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }

    id = wa_span(ref.p + 2 * REF_SHORT + 1, ref.n - 2 * REF_SHORT - 1);

    if (!ref_id_is_plain(id)) {
        return false;
    }

    *message_id = id;

    return true;
}


void
wa_event_message(wa_account_t *a, const wa_message_view_t *v,
    const char *name, wa_jw_t *w)
{
    wa_event_owner_t  o;

    o = wa_event_owner(a);
    wa_event_message_of(&o, v, name, w);
}


void
wa_event_message_of(const wa_event_owner_t *o, const wa_message_view_t *v,
    const char *name, wa_jw_t *w)
{
    wa_jw_open(w, name, '{');
    message_identity(o, v, w);
    message_people(o, v, w);
    message_content(v, w);
    message_times(o, v, w);
    wa_jw_close(w, '}');
}


static void
message_identity(const wa_event_owner_t *o, const wa_message_view_t *v,
    wa_jw_t *w)
{
    wa_jw_str(w, WA_JW("id"), v->ref);
    put2(w, WA_JW("message_id"), WA_JW("waMessageId"), v->message_id);
    put2(w, WA_JW("client_message_id"), WA_JW("clientMessageId"),
         wa_span_str(v->client_id));
    wa_jw_str(w, WA_JW("account_id"), o->id);
    put2(w, WA_JW("session_id"), WA_JW("sessionId"),
         wa_span_str(o->session_id));
    wa_jw_str(w, WA_JW("direction"), v->from_me ? "OUTBOUND" : "INBOUND");
    wa_jw_str(w, WA_JW("status"), v->status);
    wa_jw_str(w, WA_JW("source"), v->source);
    wa_jw_int(w, WA_JW("timestamp"), v->timestamp);
    wa_jw_raw(w, WA_JW("metadata"), wa_span_str(v->metadata));

    if (v->error_code != NULL) {
        put2(w, WA_JW("error_code"), WA_JW("errorCode"),
             wa_span_str(v->error_code));
        put2(w, WA_JW("error_message"), WA_JW("errorMessage"),
             wa_span_str(v->error_message));
        wa_jw_open(w, WA_JW("error"), '{');
        wa_jw_str(w, WA_JW("code"), v->error_code);
        wa_jw_str(w, WA_JW("message"), v->error_message);
        wa_jw_int(w, WA_JW("provider_code"), v->provider_code);
        wa_jw_close(w, '}');
    }
}


/* Said to many: then who said it is a member of its own. */
static bool
message_in_room(const wa_message_view_t *v)
{
    return wa_jid_is_group(&v->chat) || wa_jid_is_broadcast(&v->chat);
}


static void
message_people(const wa_event_owner_t *o, const wa_message_view_t *v,
    wa_jw_t *w)
{
    char             chat[WA_JID_TEXT_MAX];
    wa_span_t        remote;
    const wa_jid_t  *from, *to;

    from = v->from_me ? &o->self : &v->sender;
    to = v->from_me || message_in_room(v) ? &v->chat : &o->self;
    remote = wa_span(chat, wa_jid_format(&v->chat, chat, sizeof(chat)));

    put2(w, WA_JW("remote_jid"), WA_JW("jid"), remote.n == 0
                                               ? wa_span_none() : remote);
    wa_jw_jid(w, WA_JW("lid"), &v->chat_lid);

    if (v->from_me) {
        wa_jw_null(w, WA_JW("from_jid"));
        wa_jw_null(w, WA_JW("from_lid"));

    } else {
        wa_jw_jid(w, WA_JW("from_jid"), from);
        wa_jw_jid(w, WA_JW("from_lid"), &v->sender_lid);
    }

    if (message_in_room(v)) {
        wa_jw_jid(w, WA_JW("participant"), from);

    } else {
        wa_jw_null(w, WA_JW("participant"));
    }

    wa_jw_bool(w, WA_JW("from_me"), v->from_me);
    person(w, WA_JW("from"), from);
    person(w, WA_JW("to"), to);
    wa_jw_str(w, WA_JW("phone_number"), v->chat.server == WA_SERVER_PN
                                        ? v->chat.user : NULL);
    wa_jw_text(w, WA_JW("push_name"), v->push_name);
}


static void
message_content(const wa_message_view_t *v, wa_jw_t *w)
{
    const wa_content_t  *c;

    c = v->content;

    wa_jw_str(w, WA_JW("message_type"), wa_kind_name(c->kind));
    wa_jw_str(w, WA_JW("type"), wa_kind_name_upper(c->kind));
    put2(w, WA_JW("body"), WA_JW("text"), wa_span_str(c->text));
    wa_jw_str(w, WA_JW("quoted_id"), c->quoted_id);

    if (c->quoted_id != NULL) {
        wa_jw_str(w, WA_JW("quoted_body"), c->quoted_text);
    }

    wa_mentions_json(v, w);
    wa_jw_bool(w, WA_JW("is_forwarded"), c->forwarded);
    wa_jw_int(w, WA_JW("forward_score"), c->forward_score);
    wa_jw_bool(w, WA_JW("is_starred"), false);
    wa_jw_bool(w, WA_JW("is_broadcast"), v->listed
                                         || wa_jid_is_list(&v->chat));
    wa_jw_bool(w, WA_JW("is_ephemeral"), c->ephemeral);

    if (c->expiration == 0) {
        wa_jw_null(w, WA_JW("ephemeral_duration"));

    } else {
        wa_jw_int(w, WA_JW("ephemeral_duration"), c->expiration);
    }

    wa_jw_bool(w, WA_JW("is_view_once"), c->view_once);
    wa_jw_bool(w, WA_JW("is_status"), wa_jid_is_status(&v->chat));
    wa_jw_int(w, WA_JW("edit_type"), 0);
    wa_jw_bool(w, WA_JW("is_deleted"), false);
    message_media(v, w);
    message_extra(v, w);
}


static void
message_media(const wa_message_view_t *v, wa_jw_t *w)
{
    const wa_content_t  *c;

    c = v->content;
    wa_jw_bool(w, WA_JW("has_media"), c->medium.kind != NULL);

    if (c->medium.kind == NULL) {
        return;
    }

    put2(w, WA_JW("media_id"), WA_JW("mediaId"), wa_span_str(v->media_id));
    put2(w, WA_JW("media_mime_type"), WA_JW("mediaMimeType"),
         wa_span_str(c->mimetype));
    wa_jw_int(w, WA_JW("media_size"), (int64_t) c->file_len);
    put2(w, WA_JW("media_filename"), WA_JW("mediaFilename"),
         wa_span_str(c->filename));
    number(w, WA_JW("media_duration"), c->seconds);
    number(w, WA_JW("media_width"), c->medium.width);
    number(w, WA_JW("media_height"), c->medium.height);
    wa_jw_str(w, WA_JW("mediaCaption"), c->text);
    wa_jw_str(w, WA_JW("mediaType"), c->medium.kind);
}


static void
message_extra(const wa_message_view_t *v, wa_jw_t *w)
{
    size_t               i;
    const wa_content_t  *c;

    c = v->content;

    if (c->kind == WA_KIND_LOCATION
        || (c->kind == WA_KIND_EVENT && c->message != NULL
            && c->message->event_message->location != NULL))
    {
        wa_jw_real(w, WA_JW("latitude"), c->latitude);
        wa_jw_real(w, WA_JW("longitude"), c->longitude);
        wa_jw_str(w, WA_JW("location_name"), c->place_name);
        wa_jw_str(w, WA_JW("location_address"), c->place_address);
    }

    if (c->kind == WA_KIND_REACTION) {
        wa_jw_str(w, WA_JW("reaction_emoji"), c->emoji);
        wa_jw_str(w, WA_JW("reaction_target_id"), v->target_ref);
    }

    if (c->kind == WA_KIND_POLL) {
        wa_jw_str(w, WA_JW("poll_name"), c->poll_name);
        wa_jw_open(w, WA_JW("poll_options"), '[');

        for (i = 0; i < c->n_poll_options; i++) {
            wa_jw_str(w, NULL, c->poll_options[i]);
        }

        wa_jw_close(w, ']');
        wa_jw_open(w, WA_JW("poll_results"), '[');

        for (i = 0; i < c->n_poll_options; i++) {
            wa_jw_open(w, NULL, '{');
            wa_jw_str(w, WA_JW("option"), c->poll_options[i]);
            wa_jw_open(w, WA_JW("voters"), '[');
            wa_jw_close(w, ']');
            wa_jw_close(w, '}');
        }

        wa_jw_close(w, ']');
    }

    wa_event_contacts(c, w);
    wa_event_interactive(v, w);
}


static void
message_times(const wa_event_owner_t *o, const wa_message_view_t *v,
    wa_jw_t *w)
{
    char       now[32], sent[32];
    wa_span_t  now_text;

    now_text = wa_span_str(wa_iso_time(o->now_ms, now));

    put2(w, WA_JW("created_at"), WA_JW("createdAt"),
         wa_span_str(wa_iso_time(v->timestamp * 1000, sent)));
    put2(w, WA_JW("updated_at"), WA_JW("updatedAt"), now_text);

    if (strcmp(v->status, "SENT") == 0) {
        wa_jw_text(w, WA_JW("sent_at"), now_text);

    } else if (strcmp(v->status, "FAILED") == 0) {
        put2(w, WA_JW("failed_at"), WA_JW("failedAt"), now_text);
    }
}


void
wa_event_unified(wa_account_t *a, const wa_message_view_t *v, wa_jw_t *w)
{
    wa_jid_t             self;
    const wa_content_t  *c;

    c = v->content;
    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    wa_jw_open(w, NULL, '{');
    wa_jw_str(w, WA_JW("event"), "message");
    wa_jw_str(w, WA_JW("direction"), v->from_me ? "outbound" : "inbound");
    wa_jw_str(w, WA_JW("account_id"), a->id);
    wa_jw_text(w, WA_JW("message_id"), v->message_id);
    wa_jw_int(w, WA_JW("timestamp"), v->timestamp);
    legacy(w, WA_JW("from"), v->from_me ? &self : &v->sender);
    legacy(w, WA_JW("to"), v->from_me || message_in_room(v) ? &v->chat
                                                            : &self);

    if (message_in_room(v)) {
        legacy(w, WA_JW("participant"), v->from_me ? &self : &v->sender);
    }

    wa_jw_bool(w, WA_JW("from_me"), v->from_me);
    wa_jw_bool(w, WA_JW("is_group"), wa_jid_is_group(&v->chat));
    wa_jw_str(w, WA_JW("type"), wa_kind_name(c->kind));
    wa_jw_str(w, WA_JW("text"), c->text);

    if (c->mimetype == NULL) {
        wa_jw_null(w, WA_JW("media"));

    } else {
        wa_jw_open(w, WA_JW("media"), '{');
        wa_jw_str(w, WA_JW("mimetype"), c->mimetype);
        wa_jw_str(w, WA_JW("filename"), c->filename);
        wa_jw_int(w, WA_JW("size"), (int64_t) c->file_len);
        unified_url(a, v, w);
        number(w, WA_JW("duration"), c->seconds);
        wa_jw_close(w, '}');
    }

    wa_jw_close(w, '}');
}


/* Where the file will be: it is being fetched.  Null: there is none. */
static void
unified_url(wa_account_t *a, const wa_message_view_t *v, wa_jw_t *w)
{
    wa_buf_t          link = WA_BUF_EMPTY;
    wa_media_links_t  links;

    if (v->media_id != NULL) {
        memcpy(links.key, a->engine->link_key, sizeof(links.key));
        links.base = wa_span_str(a->engine->conf.public_url);
        links.now = wa_unix_ms(a) / 1000;

        if (wa_link_media(&links, wa_span_str(a->id),
                          wa_span_str(v->media_id),
                          wa_span_str(v->content->mimetype), &link)
            != WA_OK)
        {
            w->err = WA_ERR_NOMEM;
        }

        wa_wipe(&links, sizeof(links));
    }

    wa_jw_text(w, WA_JW("media_url"), link.n == 0 ? wa_span_none()
                                                  : wa_span_buf(&link));
    wa_buf_free(&link);
}


json_t *
wa_json_text(const char *text)
{
    return text == NULL ? json_null() : wa_json_span(wa_span_str(text));
}


json_t *
wa_json_span(wa_span_t text)
{
    size_t    i, n, bad;
    json_t   *v;
    wa_buf_t  clean = WA_BUF_EMPTY;

    bad = 0;

    for (i = 0; i < text.n; i += n) {
        n = wa_utf8_len(text.p + i, text.n - i);

        if (n == 0) {
            bad++;
            n = 1;
        }
    }

    if (bad == 0) {
        return json_stringn_nocheck(text.n == 0 ? "" : (const char *) text.p,
                                    text.n);
    }

    if (wa_buf_reserve(&clean, text.n + 2 * bad) != WA_OK) {
        return NULL;
    }

    for (i = 0; i < text.n; i += n) {
        n = wa_utf8_len(text.p + i, text.n - i);

        if (n == 0) {
            memcpy(clean.p + clean.n, REPLACEMENT, 3);
            clean.n += 3;
            n = 1;

        } else {
            memcpy(clean.p + clean.n, text.p + i, n);
            clean.n += n;
        }
    }

    v = json_stringn_nocheck((const char *) clean.p, clean.n);
    wa_buf_wipe(&clean);

    return v;
}


json_t *
wa_json_jid(const wa_jid_t *jid)
{
    char  buf[WA_JID_TEXT_MAX];

    if (wa_jid_format(jid, buf, sizeof(buf)) == 0) {
        return json_null();
    }

    return wa_json_text(buf);
}


/* Digits of a phone address, the address itself otherwise. */
static void
person(wa_jw_t *w, const char *name, const wa_jid_t *jid)
{
    if (jid->server == WA_SERVER_PN) {
        wa_jw_str(w, name, jid->user);

    } else {
        wa_jw_jid(w, name, jid);
    }
}


/* The unified format's address: @c.us for phone numbers. */
static void
legacy(wa_jw_t *w, const char *name, const wa_jid_t *jid)
{
    char  buf[WA_JID_TEXT_MAX];

    if (jid->server != WA_SERVER_PN) {
        wa_jw_jid(w, name, jid);
        return;
    }

    (void) snprintf(buf, sizeof(buf), "%s@c.us", jid->user);

    wa_jw_str(w, name, buf);
}


/* The same text under both names that the contract gives it. */
static void
put2(wa_jw_t *w, const char *name, const char *alias, wa_span_t text)
{
    wa_jw_text(w, name, text);
    wa_jw_text(w, alias, text);
}


/* 0: not known. */
static void
number(wa_jw_t *w, const char *name, uint32_t n)
{
    if (n == 0) {
        wa_jw_null(w, name);

    } else {
        wa_jw_int(w, name, n);
    }
}
