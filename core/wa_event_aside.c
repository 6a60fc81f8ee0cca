/*
 * What is kept beside a message's event, see wa_event_message.h.
 */
#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_event_int.h"


/* Larger ones are not kept: a picture of a link is some 100 kB. */
#define ASIDE_RAW_MAX    (256 * 1024)


static void aside_media(const wa_message_view_t *v, wa_jw_t *w);
static void bytes(wa_jw_t *w, const char *name, wa_span_t s);
static void positive(wa_jw_t *w, const char *name, int64_t i);
static bool has_raw(const wa_message_view_t *v);


bool
wa_event_has_aside(const wa_message_view_t *v)
{
    return v->media_id != NULL || has_raw(v);
}


void
wa_event_aside(const wa_message_view_t *v, wa_jw_t *w)
{
    wa_jw_open(w, NULL, '{');

    if (v->media_id != NULL) {
        aside_media(v, w);
    }

    if (has_raw(v)) {
        bytes(w, WA_JW("raw"), v->plain);
    }

    wa_jw_close(w, '}');
}


static bool
has_raw(const wa_message_view_t *v)
{
    return v->content->raw && v->plain.n != 0 && v->plain.n <= ASIDE_RAW_MAX;
}


static void
aside_media(const wa_message_view_t *v, wa_jw_t *w)
{
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

    if (m->url != NULL) {
        wa_jw_str(w, WA_JW("url"), m->url);
    }

    wa_jw_str(w, WA_JW("direct_path"), m->direct_path);
    bytes(w, WA_JW("media_key"), m->key);
    bytes(w, WA_JW("file_sha256"), m->sha256);
    bytes(w, WA_JW("file_enc_sha256"), m->enc_sha256);
    wa_jw_int(w, WA_JW("file_length"), (int64_t) c->file_len);
    wa_jw_int(w, WA_JW("media_key_timestamp"), m->key_timestamp);
    positive(w, WA_JW("seconds"), c->seconds);
    positive(w, WA_JW("width"), m->width);
    positive(w, WA_JW("height"), m->height);

    if (m->thumbnail.n != 0) {
        bytes(w, WA_JW("thumbnail"), m->thumbnail);
    }

    if (m->waveform.n != 0) {
        bytes(w, WA_JW("waveform"), m->waveform);
    }

    wa_jw_close(w, '}');
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
