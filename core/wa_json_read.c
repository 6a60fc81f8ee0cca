/*
 * The marks of JSON text (RFC 8259), and jansson values made of them, see
 * wa_json.h.  Jansson is asked whether strings are UTF-8.
 */
#include "wa_json_int.h"

#include "wa_mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>


/* Digits of a number; a longer one is refused. */
#define NUMBER_MAX  63


static json_t *read_value(wa_json_reader_t *r, unsigned depth);


void
wa_json_read_space(wa_json_reader_t *r)
{
    while (r->p < r->end
           && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r'
               || *r->p == '\t'))
    {
        r->p++;
    }
}


bool
wa_json_read_mark(wa_json_reader_t *r, uint8_t c)
{
    wa_json_read_space(r);

    if (r->p == r->end || *r->p != c) {
        return false;
    }

    r->p++;

    return true;
}


static bool
read_hex(wa_json_reader_t *r, uint32_t *out)
{
    int       i;
    uint8_t   c;
    uint32_t  v;

    if (r->end - r->p < 4) {
        return false;
    }

    v = 0;

    for (i = 0; i < 4; i++) {
        c = *r->p++;

        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint32_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            v = v << 4 | (uint32_t) (c - 'a' + 10);

        } else if (c >= 'A' && c <= 'F') {
            v = v << 4 | (uint32_t) (c - 'A' + 10);

        } else {
            return false;
        }
    }

    *out = v;

    return true;
}


/* Behind "\u": one code point, of one escape or of two surrogates. */
static bool
read_code(wa_json_reader_t *r, uint32_t *code)
{
    uint32_t  low;

    if (!read_hex(r, code) || (*code >= 0xdc00 && *code <= 0xdfff)) {
        return false;
    }

    if (*code < 0xd800 || *code > 0xdbff) {
        return true;
    }

    if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u') {
        return false;
    }

    r->p += 2;

    if (!read_hex(r, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }

    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);

    return true;
}


static bool
put_code(wa_buf_t *out, uint32_t c)
{
    size_t   n;
    uint8_t  b[4];

    if (c < 0x80) {
        b[0] = (uint8_t) c;
        n = 1;

    } else if (c < 0x800) {
        b[0] = (uint8_t) (0xc0 | c >> 6);
        b[1] = (uint8_t) (0x80 | (c & 0x3f));
        n = 2;

    } else if (c < 0x10000) {
        b[0] = (uint8_t) (0xe0 | c >> 12);
        b[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        b[2] = (uint8_t) (0x80 | (c & 0x3f));
        n = 3;

    } else {
        b[0] = (uint8_t) (0xf0 | c >> 18);
        b[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
        b[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        b[3] = (uint8_t) (0x80 | (c & 0x3f));
        n = 4;
    }

    return wa_buf_append(out, b, n) == WA_OK;
}


static bool
read_escape(wa_json_reader_t *r)
{
    uint8_t      c;
    uint32_t     code;
    const char  *at;

    static const char  names[] = "\"\\/bfnrt";
    static const char  bytes[] = "\"\\/\b\f\n\r\t";

    if (r->p == r->end) {
        return false;
    }

    c = *r->p++;

    if (c == 'u') {
        return read_code(r, &code) && put_code(&r->text, code);
    }

    at = c == '\0' ? NULL : strchr(names, c);

    return at != NULL
           && wa_buf_append(&r->text, bytes + (at - names), 1) == WA_OK;
}


/* Nonzero: a byte of the eight is below 0x20, a quote or a backslash.  (What
   stands behind such a byte may seem to be one.) */
static uint64_t
eight_special(const uint8_t *p)
{
    uint64_t  x, quote, slash;

    static const uint64_t  ones = 0x0101010101010101u;
    static const uint64_t  tops = 0x8080808080808080u;

    memcpy(&x, p, sizeof(x));
    quote = x ^ (ones * '"');
    slash = x ^ (ones * '\\');

    return (((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote)
            | ((slash - ones) & ~slash)) & tops;
}


static size_t
read_plain(const wa_json_reader_t *r)
{
    const uint8_t  *p;

    for (p = r->p; r->end - p >= 8 && eight_special(p) == 0; p += 8) {
        /* void */
    }

    for ( /* void */ ; p < r->end; p++) {
        if (*p < 0x20 || *p == '"' || *p == '\\') {
            break;
        }
    }

    return (size_t) (p - r->p);
}


bool
wa_json_read_string(wa_json_reader_t *r, wa_span_t *out)
{
    size_t  n;

    n = read_plain(r);

    if (r->p + n < r->end && r->p[n] == '"') {
        *out = wa_span(r->p, n);
        r->p += n + 1;
        return true;
    }

    r->text.n = 0;

    for ( ;; ) {
        n = read_plain(r);

        if (r->p + n == r->end || r->p[n] < 0x20
            || wa_buf_append(&r->text, r->p, n) != WA_OK)
        {
            return false;
        }

        r->p += n + 1;

        if (r->p[-1] == '"') {
            *out = wa_span_buf(&r->text);
            return true;
        }

        if (!read_escape(r)) {
            return false;
        }
    }
}


static const char *
span_chars(wa_span_t s)
{
    return s.n == 0 ? "" : (const char *) s.p;
}


static json_t *
read_text(wa_json_reader_t *r)
{
    wa_span_t  s;

    return wa_json_read_string(r, &s) ? json_stringn(span_chars(s), s.n) : NULL;
}


/* Steals `o`. */
static json_t *
read_members(wa_json_reader_t *r, json_t *o, unsigned depth)
{
    char       *key;
    json_t     *v;
    wa_span_t   s;

    if (o == NULL || wa_json_read_mark(r, '}')) {
        return o;
    }

    do {
        if (!wa_json_read_mark(r, '"') || !wa_json_read_string(r, &s)
            || memchr(span_chars(s), '\0', s.n) != NULL)
        {
            goto failed;
        }

        /* reading the value may use the room of the key's text */

        key = NULL;

        if (s.p == r->text.p) {
            key = wa_alloc(s.n + 1);

            if (key == NULL) {
                goto failed;
            }

            memcpy(key, span_chars(s), s.n);
            s.p = (uint8_t *) key;
        }

        v = wa_json_read_mark(r, ':') ? read_value(r, depth) : NULL;

        if (v == NULL
            || json_object_setn_new(o, span_chars(s), s.n, v) != 0)
        {
            wa_free(key);
            goto failed;
        }

        wa_free(key);

    } while (wa_json_read_mark(r, ','));

    if (wa_json_read_mark(r, '}')) {
        return o;
    }

failed:

    json_decref(o);

    return NULL;
}


/* Steals `list`. */
static json_t *
read_items(wa_json_reader_t *r, json_t *list, unsigned depth)
{
    json_t  *v;

    if (list == NULL || wa_json_read_mark(r, ']')) {
        return list;
    }

    do {
        v = read_value(r, depth);

        if (v == NULL || json_array_append_new(list, v) != 0) {
            goto failed;
        }

    } while (wa_json_read_mark(r, ','));

    if (wa_json_read_mark(r, ']')) {
        return list;
    }

failed:

    json_decref(list);

    return NULL;
}


bool
wa_json_read_word(wa_json_reader_t *r, const char *word)
{
    size_t  n;

    n = strlen(word);

    if ((size_t) (r->end - r->p) < n || memcmp(r->p, word, n) != 0) {
        return false;
    }

    r->p += n;

    return true;
}


static json_t *
read_word(wa_json_reader_t *r, const char *word, json_t *v)
{
    return wa_json_read_word(r, word) ? v : NULL;
}


static size_t
read_digits(const char *p)
{
    return strspn(p, "0123456789");
}


bool
wa_json_read_number(wa_json_reader_t *r, bool *real, int64_t *i, double *d)
{
    char    text[NUMBER_MAX + 1], *p, *end;
    size_t  n;

    for (n = 0; n < NUMBER_MAX && r->p + n < r->end; n++) {
        text[n] = (char) r->p[n];

        if (text[n] == ',' || text[n] == '}') {
            break;
        }
    }

    text[n] = '\0';
    p = text + (text[0] == '-');
    n = read_digits(p);

    if (n == 0 || (n > 1 && *p == '0')) {
        return false;
    }

    p += n;
    *real = false;

    if (*p == '.') {
        *real = true;
        n = read_digits(++p);
        p += n;
    }

    if (n != 0 && (*p == 'e' || *p == 'E')) {
        *real = true;
        p++;
        p += (*p == '+' || *p == '-');
        n = read_digits(p);
        p += n;
    }

    if (n == 0 || p == text + NUMBER_MAX) {
        return false;
    }

    *p = '\0';
    r->p += p - text;
    errno = 0;

    if (*real) {
        *d = strtod(text, &end);
        return end == p && isfinite(*d);
    }

    *i = strtoll(text, &end, 10);

    return errno == 0 && end == p;
}


static json_t *
read_number(wa_json_reader_t *r)
{
    bool     real;
    double   d;
    int64_t  i;

    if (!wa_json_read_number(r, &real, &i, &d)) {
        return NULL;
    }

    return real ? json_real(d) : json_integer(i);
}


static json_t *
read_value(wa_json_reader_t *r, unsigned depth)
{
    wa_json_read_space(r);

    if (r->p == r->end || depth > WA_JSON_DEPTH_MAX) {
        return NULL;
    }

    switch (*r->p) {

    case '{':
        r->p++;
        return read_members(r, json_object(), depth + 1);

    case '[':
        r->p++;
        return read_items(r, json_array(), depth + 1);

    case '"':
        r->p++;
        return read_text(r);

    case 't':
        return read_word(r, "true", json_true());

    case 'f':
        return read_word(r, "false", json_false());

    case 'n':
        return read_word(r, "null", json_null());

    default:
        return read_number(r);
    }
}


json_t *
wa_json_read(wa_span_t text)
{
    json_t    *v;
    wa_json_reader_t   r = { text.p, text.p + text.n, WA_BUF_EMPTY };

    if (text.n == 0) {
        return NULL;
    }

    v = read_value(&r, 0);
    wa_json_read_space(&r);

    if (v != NULL && (r.p != r.end || (!json_is_object(v)
                                       && !json_is_array(v))))
    {
        json_decref(v);
        v = NULL;
    }

    wa_buf_wipe(&r.text);

    return v;
}
