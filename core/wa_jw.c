/*
 * JSON text written directly, see wa_jw.h.
 */
#include "wa_jw.h"

#include <math.h>
#include <stdio.h>

#include "wa_account_int.h"


/* Text of U+FFFD. */
#define REPLACEMENT  "\xef\xbf\xbd"

/* Digits of an int64_t and its sign. */
#define INT_TEXT     24


static void jw_name(wa_jw_t *w, const char *name);
static size_t jw_plain(const uint8_t *p, size_t n);
static void jw_odd(wa_jw_t *w, uint8_t c);


void
wa_jw_init(wa_jw_t *w, wa_buf_t *out)
{
    w->out = out;
    w->err = WA_OK;
    w->comma = false;
}


static void
jw_put(wa_jw_t *w, const void *p, size_t n)
{
    if (w->err == WA_OK) {
        w->err = wa_buf_append(w->out, p, n);
    }
}


static void
jw_name(wa_jw_t *w, const char *name)
{
    if (name != NULL) {
        name += !w->comma;
        jw_put(w, name, strlen(name));

    } else if (w->comma) {
        jw_put(w, ",", 1);
    }

    w->comma = true;
}


void
wa_jw_name(wa_jw_t *w, const char *name)
{
    jw_name(w, name);
    w->comma = false;
}


void
wa_jw_open(wa_jw_t *w, const char *name, char bracket)
{
    jw_name(w, name);
    jw_put(w, &bracket, 1);
    w->comma = false;
}


void
wa_jw_close(wa_jw_t *w, char bracket)
{
    jw_put(w, &bracket, 1);
    w->comma = true;
}


void
wa_jw_text(wa_jw_t *w, const char *name, wa_span_t text)
{
    size_t  n;

    if (text.p == NULL) {
        wa_jw_null(w, name);
        return;
    }

    jw_name(w, name);

    /* Room for all of it unless much is to be escaped. */

    if (w->err == WA_OK) {
        w->err = wa_buf_reserve(w->out, text.n + 2);
    }

    jw_put(w, "\"", 1);

    while (text.n > 0 && w->err == WA_OK) {
        n = jw_plain(text.p, text.n);
        jw_put(w, text.p, n);

        if (n < text.n) {
            jw_odd(w, text.p[n++]);
        }

        text.p += n;
        text.n -= n;
    }

    jw_put(w, "\"", 1);
}


/* How many bytes stand for themselves (RFC 8259 7). */
static size_t
jw_plain(const uint8_t *p, size_t n)
{
    size_t  i, k;

    for (i = 0; i < n; i += k) {
        k = 1;

        if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
            break;
        }

        if (p[i] >= 0x80) {
            k = wa_utf8_len(p + i, n - i);

            if (k == 0) {
                break;
            }
        }
    }

    return i;
}


/* A byte that does not stand for itself. */
static void
jw_odd(wa_jw_t *w, uint8_t c)
{
    char  text[8];

    switch (c) {

    case '"':
        jw_put(w, "\\\"", 2);
        break;

    case '\\':
        jw_put(w, "\\\\", 2);
        break;

    case '\n':
        jw_put(w, "\\n", 2);
        break;

    case '\r':
        jw_put(w, "\\r", 2);
        break;

    case '\t':
        jw_put(w, "\\t", 2);
        break;

    default:

        if (c >= 0x80 || c == 0) {
            jw_put(w, REPLACEMENT, 3);

        } else {
            (void) snprintf(text, sizeof(text), "\\u%04x", c);
            jw_put(w, text, 6);
        }
    }
}


void
wa_jw_str(wa_jw_t *w, const char *name, const char *s)
{
    wa_jw_text(w, name, wa_span_str(s));
}


void
wa_jw_jid(wa_jw_t *w, const char *name, const wa_jid_t *jid)
{
    char    buf[WA_JID_TEXT_MAX];
    size_t  n;

    n = wa_jid_format(jid, buf, sizeof(buf));
    wa_jw_text(w, name, n == 0 ? wa_span_none() : wa_span(buf, n));
}


void
wa_jw_int(wa_jw_t *w, const char *name, int64_t v)
{
    char      text[INT_TEXT], *p;
    uint64_t  u;

    u = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
    p = text + sizeof(text);

    do {
        *--p = (char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    if (v < 0) {
        *--p = '-';
    }

    jw_name(w, name);
    jw_put(w, p, (size_t) (text + sizeof(text) - p));
}


void
wa_jw_bool(wa_jw_t *w, const char *name, bool v)
{
    jw_name(w, name);
    jw_put(w, v ? "true" : "false", v ? 4 : 5);
}


void
wa_jw_null(wa_jw_t *w, const char *name)
{
    jw_name(w, name);
    jw_put(w, "null", 4);
}


void
wa_jw_real(wa_jw_t *w, const char *name, double v)
{
    int   n;
    char  text[64];

    if (!isfinite(v)) {
        wa_jw_null(w, name);
        return;
    }

    /* 17 digits give every double back. */

    n = snprintf(text, sizeof(text), "%.17g", v);

    jw_name(w, name);
    jw_put(w, text, (size_t) n);
}


void
wa_jw_time(wa_jw_t *w, const char *name, int64_t unix_ms)
{
    char  iso[32];

    wa_jw_str(w, name, wa_iso_time(unix_ms, iso));
}


void
wa_jw_raw(wa_jw_t *w, const char *name, wa_span_t json)
{
    if (json.p == NULL) {
        wa_jw_null(w, name);
        return;
    }

    jw_name(w, name);
    jw_put(w, json.p, json.n);
}


/*
 * Overlong forms, surrogates and values above U+10FFFF are not UTF-8
 * (RFC 3629).
 */
size_t
wa_utf8_len(const uint8_t *p, size_t left)
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
