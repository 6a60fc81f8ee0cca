/*
 * JSON text written directly, without values in between: for events, which
 * are made for every message.
 *
 *     wa_jw_t  w;
 *
 *     wa_jw_init(&w, &buf);
 *     wa_jw_open(&w, NULL, '{');
 *     wa_jw_str(&w, WA_JW("id"), id);
 *     wa_jw_open(&w, WA_JW("list"), '[');
 *     wa_jw_int(&w, NULL, 7);
 *     wa_jw_close(&w, ']');
 *     wa_jw_close(&w, '}');
 *     rc = w.err;
 *
 * Names are literals that need no escaping, wrapped by WA_JW(); NULL for an
 * item of a list.  The first error (WA_ERR_NOMEM) stays, everything after it
 * is ignored; the buffer then holds a part of the text.
 */
#ifndef WA_JW_H
#define WA_JW_H

#include "wa_base.h"
#include "wa_jid.h"


typedef struct {
    wa_buf_t  *out;
    wa_err_t   err;
    bool       comma;                 /* the next member is not the first  */
} wa_jw_t;

/* A name as it stands in the text, behind a comma. */
#define WA_JW(name)  (",\"" name "\":")

void wa_jw_init(wa_jw_t *w, wa_buf_t *out);

/* A name alone: its value comes next, with NULL. */
void wa_jw_name(wa_jw_t *w, const char *name);

/* '{' or '['; '}' or ']'. */
void wa_jw_open(wa_jw_t *w, const char *name, char bracket);
void wa_jw_close(wa_jw_t *w, char bracket);

/*
 * Any bytes: what is not UTF-8 becomes U+FFFD (RFC 3629: no overlong forms,
 * no surrogates), and so does NUL, which many readers of JSON refuse.  p or s
 * NULL: null.
 */
void wa_jw_text(wa_jw_t *w, const char *name, wa_span_t text);
void wa_jw_str(wa_jw_t *w, const char *name, const char *s);

/* An address; one that has no text: null. */
void wa_jw_jid(wa_jw_t *w, const char *name, const wa_jid_t *jid);

void wa_jw_int(wa_jw_t *w, const char *name, int64_t v);
void wa_jw_bool(wa_jw_t *w, const char *name, bool v);
void wa_jw_null(wa_jw_t *w, const char *name);

/* JSON has no infinities: they become null. */
void wa_jw_real(wa_jw_t *w, const char *name, double v);

/* "2026-01-20T10:05:00.000Z" */
void wa_jw_time(wa_jw_t *w, const char *name, int64_t unix_ms);

/* JSON text of our own, as it is; p NULL: null. */
void wa_jw_raw(wa_jw_t *w, const char *name, wa_span_t json);

/* Length of the UTF-8 sequence at p (left > 0), 0: not one. */
size_t wa_utf8_len(const uint8_t *p, size_t left);

#endif /* WA_JW_H */
