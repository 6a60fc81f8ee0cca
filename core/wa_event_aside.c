/*
 * What is kept beside a message's event, see wa_event_message.h.
 */
#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_descriptor.h"
#include "wa_event_int.h"


/* Larger ones are not kept: a picture of a link is some 100 kB. */
#define ASIDE_RAW_MAX    (256 * 1024)


static void aside_media(wa_account_t *a, const wa_message_view_t *v,
    wa_jw_t *w);
static wa_err_t aside_descriptor(const wa_message_view_t *v, wa_buf_t *out);
static void bytes(wa_jw_t *w, const char *name, wa_span_t s);
static void positive(wa_jw_t *w, const char *name, int64_t i);
static bool has_medium(const wa_message_view_t *v);
static bool has_raw(const wa_message_view_t *v);


bool
wa_event_has_aside(const wa_message_view_t *v)
{
    return has_medium(v) || has_raw(v);
}


void
wa_event_aside(wa_account_t *a, const wa_message_view_t *v, wa_jw_t *w)
{
    wa_jw_open(w, NULL, '{');

    if (has_medium(v)) {
        aside_media(a, v, w);
    }

    if (has_raw(v)) {
        bytes(w, WA_JW("raw"), v->plain);
    }

    wa_jw_close(w, '}');
}


/* One that is still to be fetched. */
static bool
has_medium(const wa_message_view_t *v)
{
    return v->media_id != NULL && !v->stored;
}


static bool
has_raw(const wa_message_view_t *v)
{
    return v->content->raw && v->plain.n != 0 && v->plain.n <= ASIDE_RAW_MAX;
}


/* In the clear: what a row of wa_media shows. */
static void
aside_media(wa_account_t *a, const wa_message_view_t *v, wa_jw_t *w)
{
    wa_err_t             rc;
    wa_buf_t             text = WA_BUF_EMPTY;
    wa_event_owner_t     o;
    const wa_medium_t   *m;
    const wa_content_t  *c;

    c = v->content;
    m = &c->medium;

    wa_jw_open(w, WA_JW("media"), '{');
    wa_jw_str(w, WA_JW("id"), v->media_id);
    wa_jw_str(w, WA_JW("kind"), m->kind);
    wa_jw_str(w, WA_JW("mimetype"), c->mimetype);

    if (c->filename != NULL) {
        wa_jw_str(w, WA_JW("filename"), c->filename);
    }

    positive(w, WA_JW("file_length"), (int64_t) c->file_len);
    positive(w, WA_JW("seconds"), c->seconds);
    positive(w, WA_JW("width"), m->width);
    positive(w, WA_JW("height"), m->height);

    o = wa_event_owner(a);
    rc = wa_event_descriptor(&o, v, &text);

    if (rc != WA_OK) {
        w->err = (w->err == WA_OK) ? rc : w->err;
    }

    wa_jw_text(w, WA_JW("descriptor"), wa_span_buf(&text));
    wa_jw_close(w, '}');

    wa_buf_free(&text);
}


wa_err_t
wa_event_descriptor(const wa_event_owner_t *o, const wa_message_view_t *v,
    wa_buf_t *out)
{
    wa_buf_t  plain = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = aside_descriptor(v, &plain);

    if (rc == WA_OK) {
        rc = wa_descriptor_seal(o->master_key, wa_span_str(v->media_id),
                                wa_span_buf(&plain), out);
    }

    wa_buf_wipe(&plain);

    return rc;
}


/* Sealed: where the file is, how it is opened, and whom to ask for it. */
static wa_err_t
aside_descriptor(const wa_message_view_t *v, wa_buf_t *out)
{
    wa_jw_t             w;
    const wa_medium_t  *m;

    m = &v->content->medium;

    wa_jw_init(&w, out);
    wa_jw_open(&w, NULL, '{');
    wa_jw_str(&w, WA_JW("url"), m->url);
    wa_jw_str(&w, WA_JW("direct_path"), m->direct_path);
    bytes(&w, WA_JW("media_key"), m->key);
    bytes(&w, WA_JW("file_sha256"), m->sha256);
    bytes(&w, WA_JW("file_enc_sha256"), m->enc_sha256);
    wa_jw_int(&w, WA_JW("media_key_timestamp"), m->key_timestamp);
    wa_jw_text(&w, WA_JW("message_id"), v->message_id);
    wa_jw_jid(&w, WA_JW("chat"), v->chat_lid.server != WA_SERVER_NONE
                                 ? &v->chat_lid : &v->chat);
    wa_jw_bool(&w, WA_JW("from_me"), v->from_me);

    if (wa_jid_is_group(&v->chat) && !v->from_me) {
        wa_jw_jid(&w, WA_JW("participant"),
                  v->sender_lid.server != WA_SERVER_NONE ? &v->sender_lid
                                                         : &v->sender);
    }

    wa_jw_close(&w, '}');

    return w.err;
}


/* Base64, or null: not there, or too large. */
static void
bytes(wa_jw_t *w, const char *name, wa_span_t s)
{
    wa_err_t  rc;
    wa_buf_t  text = WA_BUF_EMPTY;

    if (s.n == 0 || s.n > ASIDE_RAW_MAX) {
        wa_jw_null(w, name);
        return;
    }

    rc = wa_b64_encode(s, WA_B64_STD, &text);

    if (rc != WA_OK) {
        w->err = (w->err == WA_OK) ? rc : w->err;

    } else {
        wa_jw_text(w, name, wa_span_buf(&text));
    }

    wa_buf_wipe(&text);
}


static void
positive(wa_jw_t *w, const char *name, int64_t i)
{
    if (i > 0) {
        wa_jw_int(w, name, i);
    }
}


void
wa_medium_id(wa_account_t *a, char out[WA_MEDIUM_ID_SIZE])
{
    size_t   i;
    uint8_t  random[(WA_MEDIUM_ID_SIZE - 1) / 2];

    static const char  hex[] = "0123456789abcdef";

    wa_account_random(a, random, sizeof(random));

    for (i = 0; i < sizeof(random); i++) {
        out[2 * i] = hex[random[i] >> 4];
        out[2 * i + 1] = hex[random[i] & 0x0f];
    }

    out[2 * i] = '\0';
}
