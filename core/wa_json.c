/*
 * JSON text, see wa_json.h.
 */
#include "wa_json.h"

#include <stdio.h>


static wa_err_t json_value(const json_t *v, wa_buf_t *out, unsigned depth);
static wa_err_t json_members(const json_t *v, wa_buf_t *out, unsigned depth);
static wa_err_t json_items(const json_t *v, wa_buf_t *out, unsigned depth);
static wa_err_t json_number(const json_t *v, wa_buf_t *out);
static wa_err_t json_text(const char *p, size_t n, wa_buf_t *out);
static size_t json_plain(const uint8_t *p, size_t n);
static wa_err_t json_escape(uint8_t c, wa_buf_t *out);


wa_err_t
wa_json_write(const json_t *v, wa_buf_t *out)
{
    return json_value(v, out, 0);
}


static wa_err_t
json_value(const json_t *v, wa_buf_t *out, unsigned depth)
{
    if (depth > WA_JSON_DEPTH_MAX) {
        return WA_ERR_LIMIT;
    }

    switch (json_typeof(v)) {

    case JSON_OBJECT:
        return json_members(v, out, depth + 1);

    case JSON_ARRAY:
        return json_items(v, out, depth + 1);

    case JSON_STRING:
        return json_text(json_string_value(v), json_string_length(v), out);

    case JSON_TRUE:
        return wa_buf_append(out, "true", 4);

    case JSON_FALSE:
        return wa_buf_append(out, "false", 5);

    case JSON_NULL:
        return wa_buf_append(out, "null", 4);

    default:
        return json_number(v, out);
    }
}


static wa_err_t
json_members(const json_t *v, wa_buf_t *out, unsigned depth)
{
    void        *it;
    json_t      *o;
    wa_err_t     rc;
    const char  *key, *comma;

    /* jansson wants a writable object to iterate; it is not changed. */

    o = (json_t *) (uintptr_t) v;
    comma = "{";
    rc = WA_OK;

    for (it = json_object_iter(o); it != NULL && rc == WA_OK;
         it = json_object_iter_next(o, it))
    {
        key = json_object_iter_key(it);
        rc = wa_buf_append(out, comma, 1);
        comma = ",";

        if (rc == WA_OK) {
            rc = json_text(key, strlen(key), out);
        }

        if (rc == WA_OK) {
            rc = wa_buf_append(out, ":", 1);
        }

        if (rc == WA_OK) {
            rc = json_value(json_object_iter_value(it), out, depth);
        }
    }

    if (rc == WA_OK) {
        rc = comma[0] == '{' ? wa_buf_append(out, "{}", 2)
                             : wa_buf_append(out, "}", 1);
    }

    return rc;
}


static wa_err_t
json_items(const json_t *v, wa_buf_t *out, unsigned depth)
{
    size_t    i, n;
    wa_err_t  rc;

    n = json_array_size(v);
    rc = wa_buf_append(out, "[", 1);

    for (i = 0; i < n && rc == WA_OK; i++) {

        if (i != 0) {
            rc = wa_buf_append(out, ",", 1);
        }

        if (rc == WA_OK) {
            rc = json_value(json_array_get(v, i), out, depth);
        }
    }

    return rc == WA_OK ? wa_buf_append(out, "]", 1) : rc;
}


static wa_err_t
json_number(const json_t *v, wa_buf_t *out)
{
    int   n;
    char  text[64];

    if (json_is_integer(v)) {
        n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                     json_integer_value(v));

    } else {

        /* 17 digits give every double back. */

        n = snprintf(text, sizeof(text), "%.17g", json_real_value(v));
    }

    return wa_buf_append(out, text, (size_t) n);
}


static wa_err_t
json_text(const char *p, size_t n, wa_buf_t *out)
{
    size_t          k;
    wa_err_t        rc;
    const uint8_t  *s;

    s = (const uint8_t *) p;
    rc = wa_buf_append(out, "\"", 1);

    while (n > 0 && rc == WA_OK) {
        k = json_plain(s, n);
        rc = wa_buf_append(out, s, k);
        s += k;
        n -= k;

        if (n > 0 && rc == WA_OK) {
            rc = json_escape(*s, out);
            s++;
            n--;
        }
    }

    return rc == WA_OK ? wa_buf_append(out, "\"", 1) : rc;
}


/* How many bytes need no escape (RFC 8259 7). */
static size_t
json_plain(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
            break;
        }
    }

    return i;
}


static wa_err_t
json_escape(uint8_t c, wa_buf_t *out)
{
    char  text[8];

    switch (c) {

    case '"':
        return wa_buf_append(out, "\\\"", 2);

    case '\\':
        return wa_buf_append(out, "\\\\", 2);

    case '\n':
        return wa_buf_append(out, "\\n", 2);

    case '\r':
        return wa_buf_append(out, "\\r", 2);

    case '\t':
        return wa_buf_append(out, "\\t", 2);

    default:
        (void) snprintf(text, sizeof(text), "\\u%04x", c);
        return wa_buf_append(out, text, 6);
    }
}


wa_span_t
wa_json_member(const json_t *o, const char *name)
{
    const json_t  *value;

    value = json_object_get(o, name);

    if (!json_is_string(value)) {
        return wa_span_none();
    }

    return wa_span(json_string_value(value), json_string_length(value));
}
