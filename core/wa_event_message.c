/*
 * JSON of message events, see wa_event_message.h.
 *
 * Keys are our own literals: the setters that skip the UTF-8 check are used
 * for them and for text checked or made here.  A failed allocation leaves a
 * member out and is noticed once, by put()'s caller, through the count of
 * failures in the writer.
 */
#include "wa_event_message.h"

#include <math.h>
#include <stdio.h>

#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_crypto.h"


/* Text of U+FFFD. */
#define REPLACEMENT  "\xef\xbf\xbd"

/* Bytes of the hash that are shown; all of them when nothing follows. */
#define REF_BYTES    16
#define REF_SHORT    8

/* An object under construction. */
typedef struct {
    json_t  *o;
    bool     failed;
} obj_t;


static bool ref_id_is_plain(wa_span_t id);
static void put(obj_t *w, const char *key, json_t *value);
static void put2(obj_t *w, const char *key, const char *alias,
    json_t *value);
static void put_str(obj_t *w, const char *key, const char *value);
static json_t *str(const char *s);
static json_t *number(double v);
static json_t *person(const wa_jid_t *jid);
static json_t *legacy(const wa_jid_t *jid);
static void message_identity(wa_account_t *a, const wa_message_view_t *v,
    obj_t *w);
static void message_people(wa_account_t *a, const wa_message_view_t *v,
    obj_t *w);
static void message_content(const wa_message_view_t *v, obj_t *w);
static void message_extra(const wa_content_t *c, obj_t *w);
static void message_times(wa_account_t *a, const wa_message_view_t *v,
    obj_t *w);
static json_t *mention_list(const wa_content_t *c);
static size_t utf8_len(const uint8_t *p, size_t left);


wa_err_t
wa_message_ref(const wa_account_t *a, bool from_me, const wa_jid_t *sender,
    wa_span_t message_id, char out[WA_MESSAGE_REF_LEN])
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

    parts[0] = wa_span_str(a->id);
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


json_t *
wa_event_message(wa_account_t *a, const wa_message_view_t *v)
{
    obj_t  w;

    w.o = json_object();
    w.failed = (w.o == NULL);

    message_identity(a, v, &w);
    message_people(a, v, &w);
    message_content(v, &w);
    message_times(a, v, &w);

    if (w.failed) {
        json_decref(w.o);
        return NULL;
    }

    return w.o;
}


static void
message_identity(wa_account_t *a, const wa_message_view_t *v, obj_t *w)
{
    json_t  *metadata;

    put_str(w, "id", v->ref);
    put2(w, "message_id", "waMessageId", wa_json_span(v->message_id));
    put2(w, "client_message_id", "clientMessageId",
         wa_json_text(v->client_id));
    put_str(w, "account_id", a->id);
    put2(w, "session_id", "sessionId", str(wa_account_session_id(a)));
    put_str(w, "direction", v->from_me ? "OUTBOUND" : "INBOUND");
    put_str(w, "status", v->status);
    put_str(w, "source", v->source);
    put(w, "timestamp", json_integer(v->timestamp));

    metadata = NULL;

    if (v->metadata != NULL) {
        metadata = json_loads(v->metadata, 0, NULL);
    }

    put(w, "metadata", metadata == NULL ? json_null() : metadata);

    if (v->error_code != NULL) {
        put2(w, "error_code", "errorCode", wa_json_text(v->error_code));
        put2(w, "error_message", "errorMessage",
             wa_json_text(v->error_message));
    }
}


static void
message_people(wa_account_t *a, const wa_message_view_t *v, obj_t *w)
{
    wa_jid_t         self;
    const wa_jid_t  *from, *to;

    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    from = v->from_me ? &self : &v->sender;
    to = v->from_me ? &v->chat : &self;

    put2(w, "remote_jid", "jid", wa_json_jid(&v->chat));
    put(w, "lid", wa_json_jid(&v->chat_lid));
    put(w, "from_jid", v->from_me ? json_null() : wa_json_jid(from));
    put(w, "from_lid", v->from_me ? json_null()
                                  : wa_json_jid(&v->sender_lid));
    put(w, "participant", json_null());
    put(w, "from_me", json_boolean(v->from_me));
    put(w, "from", person(from));
    put(w, "to", person(to));
    put(w, "phone_number", v->chat.server == WA_SERVER_PN
                               ? str(v->chat.user) : json_null());
    put(w, "push_name", v->push_name.p == NULL
                            ? json_null() : wa_json_span(v->push_name));
}


static void
message_content(const wa_message_view_t *v, obj_t *w)
{
    bool                 media;
    const wa_content_t  *c;

    c = v->content;
    media = (c->mimetype != NULL || c->file_len != 0);

    put_str(w, "message_type", wa_kind_name(c->kind));
    put_str(w, "type", wa_kind_name_upper(c->kind));
    put2(w, "body", "text", wa_json_text(c->text));
    put(w, "quoted_id", wa_json_text(c->quoted_id));

    if (c->quoted_id != NULL) {
        put(w, "quoted_body", wa_json_text(c->quoted_text));
    }

    put(w, "mentions", mention_list(c));
    put(w, "is_forwarded", json_boolean(c->forwarded));
    put(w, "forward_score", json_integer(c->forward_score));
    put(w, "is_starred", json_false());
    put(w, "is_broadcast", json_false());
    put(w, "is_ephemeral", json_boolean(c->ephemeral));
    put(w, "ephemeral_duration", c->expiration == 0
                                     ? json_null()
                                     : json_integer(c->expiration));
    put(w, "is_view_once", json_boolean(c->view_once));
    put(w, "is_status", json_false());
    put(w, "edit_type", json_integer(0));
    put(w, "is_deleted", json_false());
    put(w, "has_media", json_boolean(media));

    if (media) {
        put2(w, "media_mime_type", "mediaMimeType",
             wa_json_text(c->mimetype));
        put(w, "media_size", json_integer((json_int_t) c->file_len));
        put2(w, "media_filename", "mediaFilename",
             wa_json_text(c->filename));
        put(w, "media_duration", c->seconds == 0
                                     ? json_null()
                                     : json_integer(c->seconds));
        put_str(w, "mediaType", wa_kind_name(c->kind));
    }

    message_extra(c, w);
}


static void
message_extra(const wa_content_t *c, obj_t *w)
{
    size_t   i;
    json_t  *list, *item;

    if (c->kind == WA_KIND_LOCATION) {
        put(w, "latitude", number(c->latitude));
        put(w, "longitude", number(c->longitude));
        put(w, "location_name", wa_json_text(c->place_name));
        put(w, "location_address", wa_json_text(c->place_address));
    }

    if (c->kind == WA_KIND_POLL) {
        put(w, "poll_name", wa_json_text(c->poll_name));

        list = json_array();

        for (i = 0; list != NULL && i < c->n_poll_options; i++) {
            item = wa_json_text(c->poll_options[i]);

            if (item == NULL || json_array_append_new(list, item) != 0) {
                w->failed = true;
                break;
            }
        }

        put(w, "poll_options", list);
    }
}


static void
message_times(wa_account_t *a, const wa_message_view_t *v, obj_t *w)
{
    char  now[32], sent[32];

    wa_iso_time(wa_unix_ms(a), now);
    wa_iso_time(v->timestamp * 1000, sent);

    put2(w, "created_at", "createdAt", str(sent));
    put2(w, "updated_at", "updatedAt", str(now));

    if (strcmp(v->status, "SENT") == 0) {
        put(w, "sent_at", str(now));

    } else if (strcmp(v->status, "FAILED") == 0) {
        put2(w, "failed_at", "failedAt", str(now));
    }
}


static json_t *
mention_list(const wa_content_t *c)
{
    size_t   i;
    json_t  *list, *item;

    list = json_array();

    for (i = 0; list != NULL && i < c->n_mentions; i++) {
        item = wa_json_text(c->mentions[i]);

        if (item == NULL || json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


json_t *
wa_event_unified(wa_account_t *a, const wa_message_view_t *v)
{
    obj_t                w;
    obj_t                m;
    wa_jid_t             self;
    const wa_content_t  *c;

    c = v->content;
    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    w.o = json_object();
    w.failed = (w.o == NULL);

    put_str(&w, "event", "message");
    put_str(&w, "direction", v->from_me ? "outbound" : "inbound");
    put_str(&w, "account_id", a->id);
    put(&w, "message_id", wa_json_span(v->message_id));
    put(&w, "timestamp", json_integer(v->timestamp));
    put(&w, "from", legacy(v->from_me ? &self : &v->sender));
    put(&w, "to", legacy(v->from_me ? &v->chat : &self));
    put(&w, "from_me", json_boolean(v->from_me));
    put(&w, "is_group", json_boolean(wa_jid_is_group(&v->chat)));
    put_str(&w, "type", wa_kind_name(c->kind));
    put(&w, "text", wa_json_text(c->text));

    if (c->mimetype == NULL) {
        put(&w, "media", json_null());

    } else {
        m.o = json_object();
        m.failed = (m.o == NULL);

        put(&m, "mimetype", wa_json_text(c->mimetype));
        put(&m, "filename", wa_json_text(c->filename));
        put(&m, "size", json_integer((json_int_t) c->file_len));

        w.failed |= m.failed;
        put(&w, "media", m.o);
    }

    if (w.failed) {
        json_decref(w.o);
        return NULL;
    }

    return w.o;
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
        n = utf8_len(text.p + i, text.n - i);

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
        n = utf8_len(text.p + i, text.n - i);

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


/*
 * Length of the UTF-8 sequence at p, 0: not one.  Overlong forms,
 * surrogates and values above U+10FFFF are not UTF-8 (RFC 3629).
 */
static size_t
utf8_len(const uint8_t *p, size_t left)
{
    size_t    i, n;
    uint32_t  v, min;

    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] < 0xe0) {
        n = 2;
        v = p[0] & 0x1f;
        min = 0x80;

    } else if ((p[0] & 0xf0) == 0xe0) {
        n = 3;
        v = p[0] & 0x0f;
        min = 0x800;

    } else if (p[0] >= 0xf0 && p[0] < 0xf5) {
        n = 4;
        v = p[0] & 0x07;
        min = 0x10000;

    } else {
        return 0;
    }

    if (n > left) {
        return 0;
    }

    for (i = 1; i < n; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        v = (v << 6) | (p[i] & 0x3f);
    }

    if (v < min || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)) {
        return 0;
    }

    return n;
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
static json_t *
person(const wa_jid_t *jid)
{
    return jid->server == WA_SERVER_PN ? wa_json_text(jid->user)
                                       : wa_json_jid(jid);
}


/* The unified format's address: @c.us for phone numbers. */
static json_t *
legacy(const wa_jid_t *jid)
{
    char  buf[WA_JID_TEXT_MAX];

    if (jid->server != WA_SERVER_PN) {
        return wa_json_jid(jid);
    }

    (void) snprintf(buf, sizeof(buf), "%s@c.us", jid->user);

    return wa_json_text(buf);
}


/* JSON has no infinities; a peer may send them. */
static json_t *
number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}


static json_t *
str(const char *s)
{
    return s == NULL ? json_null() : json_string_nocheck(s);
}


static void
put_str(obj_t *w, const char *key, const char *value)
{
    put(w, key, str(value));
}


/* Steals value; NULL marks the writer as failed. */
static void
put(obj_t *w, const char *key, json_t *value)
{
    if (value == NULL || w->failed) {
        json_decref(value);
        w->failed = true;
        return;
    }

    if (json_object_set_new_nocheck(w->o, key, value) != 0) {
        w->failed = true;
    }
}


/* The same value under both names that the contract gives it. */
static void
put2(obj_t *w, const char *key, const char *alias, json_t *value)
{
    if (value != NULL) {
        put(w, alias, json_incref(value));
    }

    put(w, key, value);
}
