/*
 * multipart/form-data, see wa_multipart.h.
 *
 * A delimiter is CR LF "--" boundary; the text before the first part is
 * taken as if a CR LF came before it.  CR occurs in a delimiter only at its
 * beginning, so a partial match that fails was body, and only the byte that
 * failed it can begin the next one.
 */
#include "wa_multipart.h"

#include "wa_mem.h"


typedef enum {
    MP_PREAMBLE = 0,          /* before the first delimiter */
    MP_DELIMITER,             /* behind one: "--", or CR LF */
    MP_CLOSING,               /* "-" has come */
    MP_PADDING,               /* blanks before CR LF, then LF */
    MP_HEADERS,
    MP_BODY,
    MP_DONE                   /* closing delimiter seen: the rest is void */
} mp_state_e;

struct wa_multipart_s {
    const wa_multipart_handlers_t  *handlers;
    void        *data;
    mp_state_e   state;
    wa_err_t     rc;
    unsigned     parts;
    bool         cr;              /* MP_PADDING: CR has come */
    size_t       matched;         /* bytes of the delimiter */
    size_t       delimiter_len;
    char         delimiter[4 + WA_MULTIPART_BOUNDARY_MAX];
    size_t       head_len;
    char         head[WA_MULTIPART_HEAD_MAX];
};


static wa_err_t mp_header_byte(wa_multipart_t *mp, uint8_t c);
static wa_err_t mp_begin(wa_multipart_t *mp);


/* -- parameters of a header ----------------------------------------------- */

static uint8_t
mp_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t) (c - 'A' + 'a') : c;
}


static bool
mp_prefix(wa_span_t s, const char *word)
{
    size_t  i;

    for (i = 0; word[i] != '\0'; i++) {
        if (i == s.n || mp_lower(s.p[i]) != (uint8_t) word[i]) {
            return false;
        }
    }

    return true;
}


static wa_span_t
mp_skip(wa_span_t s, size_t n)
{
    return wa_span(s.p + n, s.n - n);
}


static wa_span_t
mp_trim(wa_span_t s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = mp_skip(s, 1);
    }

    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    return s;
}


/*
 * Takes "; name=value" off the front of `s`; value with its quotes.  False:
 * there is none.
 */
static bool
mp_parameter(wa_span_t *s, wa_span_t *name, wa_span_t *value)
{
    size_t     n;
    wa_span_t  rest;

    rest = mp_trim(*s);

    if (rest.n == 0 || rest.p[0] != ';') {
        return false;
    }

    rest = mp_trim(mp_skip(rest, 1));

    for (n = 0; n < rest.n && rest.p[n] != '='; n++) {
        if (rest.p[n] == ';') {
            return false;
        }
    }

    if (n == rest.n) {
        return false;
    }

    *name = mp_trim(wa_span(rest.p, n));
    rest = mp_trim(mp_skip(rest, n + 1));

    if (rest.n > 0 && rest.p[0] == '"') {

        for (n = 1; n < rest.n && rest.p[n] != '"'; n++) {

            /* browsers write %22; others put a backslash before it */

            if (rest.p[n] == '\\' && n + 1 < rest.n) {
                n++;
            }
        }

        if (n == rest.n) {
            return false;
        }

        n++;

    } else {
        for (n = 0; n < rest.n && rest.p[n] != ';'; n++) { /* void */ }
    }

    *value = mp_trim(wa_span(rest.p, n));
    *s = mp_skip(rest, n);

    return true;
}


/*
 * The text of a value, decoded in place (it only becomes shorter).  A
 * backslash escapes a quote or itself: old browsers put Windows paths here.
 */
static wa_span_t
mp_unquote(wa_span_t value)
{
    size_t    i, n;
    uint8_t  *p;

    if (value.n < 2 || value.p[0] != '"') {
        return value;
    }

    p = (uint8_t *) (uintptr_t) value.p;
    n = 0;

    for (i = 1; i < value.n - 1; i++) {

        if (value.p[i] == '\\' && i + 1 < value.n - 1
            && (value.p[i + 1] == '"' || value.p[i + 1] == '\\'))
        {
            i++;
        }

        if (value.n - i > 3 && memcmp(value.p + i, "%22", 3) == 0) {
            p[n++] = '"';
            i += 2;
            continue;
        }

        p[n++] = value.p[i];
    }

    return wa_span(p, n);
}


static int
mp_hex(uint8_t c)
{
    c = mp_lower(c);

    return (c >= '0' && c <= '9') ? c - '0'
           : (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* RFC 5987: utf-8'language'%xx; decoded in place.  p NULL: not that. */
static wa_span_t
mp_extended(wa_span_t value)
{
    int       high, low;
    size_t    i, n;
    uint8_t  *p;

    if (!mp_prefix(value, "utf-8'")) {
        return wa_span_none();
    }

    for (i = 6; i < value.n && value.p[i] != '\''; i++) { /* void */ }

    if (i == value.n) {
        return wa_span_none();
    }

    p = (uint8_t *) (uintptr_t) value.p;

    for (n = 0, i++; i < value.n; i++) {

        if (value.p[i] != '%') {
            p[n++] = value.p[i];
            continue;
        }

        high = value.n - i > 2 ? mp_hex(value.p[i + 1]) : -1;
        low = value.n - i > 2 ? mp_hex(value.p[i + 2]) : -1;

        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return wa_span_none();
        }

        p[n++] = (uint8_t) (high << 4 | low);
        i += 2;
    }

    return wa_span(p, n);
}


bool
wa_multipart_boundary(wa_span_t content_type,
    char out[WA_MULTIPART_BOUNDARY_MAX + 1])
{
    size_t     i;
    wa_span_t  s, name, value;

    static const char  type[] = "multipart/form-data";

    s = mp_trim(content_type);

    if (!mp_prefix(s, type)) {
        return false;
    }

    s = mp_skip(s, sizeof(type) - 1);

    while (mp_parameter(&s, &name, &value)) {

        if (name.n != 8 || !mp_prefix(name, "boundary")) {
            continue;
        }

        if (value.n >= 2 && value.p[0] == '"') {
            value = wa_span(value.p + 1, value.n - 2);
        }

        if (value.n == 0 || value.n > WA_MULTIPART_BOUNDARY_MAX) {
            return false;
        }

        for (i = 0; i < value.n; i++) {
            if (value.p[i] < ' ' || value.p[i] > '~' || value.p[i] == '\\'
                || value.p[i] == '"')
            {
                return false;
            }
        }

        memcpy(out, value.p, value.n);
        out[value.n] = '\0';

        return true;
    }

    return false;
}


/* -- the stream ----------------------------------------------------------- */

wa_err_t
wa_multipart_create(wa_multipart_t **out, const char *boundary,
    const wa_multipart_handlers_t *handlers, void *data)
{
    size_t           n;
    wa_multipart_t  *mp;

    n = strlen(boundary);

    if (n == 0 || n > WA_MULTIPART_BOUNDARY_MAX) {
        return WA_ERR_ARG;
    }

    mp = wa_calloc(1, sizeof(*mp));

    if (mp == NULL) {
        return WA_ERR_NOMEM;
    }

    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, boundary, n);
    mp->delimiter_len = 4 + n;
    mp->matched = 2;
    mp->handlers = handlers;
    mp->data = data;
    *out = mp;

    return WA_OK;
}


void
wa_multipart_free(wa_multipart_t *mp)
{
    wa_free(mp);
}


static wa_err_t
mp_give(wa_multipart_t *mp, wa_span_t bytes)
{
    if (mp->state != MP_BODY || bytes.n == 0) {
        return WA_OK;
    }

    return mp->handlers->body(mp->data, bytes);
}


/*
 * Body, or what comes before the first part: up to a delimiter.  What is
 * given on is as long as can be: a CR that begins nothing does not cut it.
 */
static wa_err_t
mp_text(wa_multipart_t *mp, wa_span_t *in)
{
    size_t          carried;      /* matched in earlier pieces */
    wa_err_t        rc;
    const uint8_t  *p, *end, *start;

    start = in->p;
    end = in->p + in->n;
    carried = mp->matched;

    for (p = start; p < end; /* void */) {

        if (mp->matched == 0) {
            p = memchr(p, '\r', (size_t) (end - p));

            if (p == NULL) {
                break;
            }

            p++;
            mp->matched = 1;
            continue;
        }

        if (*p != (uint8_t) mp->delimiter[mp->matched]) {

            /* what matched so far was text */

            rc = mp_give(mp, wa_span(mp->delimiter, carried));

            if (rc != WA_OK) {
                return rc;
            }

            mp->matched = 0;
            carried = 0;
            continue;
        }

        p++;

        if (++mp->matched == mp->delimiter_len) {
            break;
        }
    }

    if (p == NULL) {
        p = end;
    }

    *in = wa_span(p, (size_t) (end - p));
    rc = mp_give(mp, wa_span(start, (size_t) (p - start)
                                    - (mp->matched - carried)));

    if (rc != WA_OK || mp->matched != mp->delimiter_len) {
        return rc;
    }

    rc = (mp->state == MP_BODY) ? mp->handlers->end(mp->data) : WA_OK;
    mp->matched = 0;
    mp->state = MP_DELIMITER;

    return rc;
}


/* Between a delimiter and the headers. */
static wa_err_t
mp_between(wa_multipart_t *mp, uint8_t c)
{
    switch (mp->state) {

    case MP_DELIMITER:
        mp->cr = false;
        mp->state = (c == '-') ? MP_CLOSING : MP_PADDING;

        if (c == '-') {
            return WA_OK;
        }

        break;

    case MP_CLOSING:
        mp->state = MP_DONE;
        return c == '-' ? WA_OK : WA_ERR_SYNTAX;

    default:
        break;
    }

    if (mp->cr) {
        mp->state = MP_HEADERS;
        mp->head_len = 0;
        return c == '\n' ? WA_OK : WA_ERR_SYNTAX;
    }

    mp->cr = (c == '\r');

    return mp->cr || c == ' ' || c == '\t' ? WA_OK : WA_ERR_SYNTAX;
}


wa_err_t
wa_multipart_feed(wa_multipart_t *mp, wa_span_t bytes)
{
    while (mp->rc == WA_OK && bytes.n > 0) {

        switch (mp->state) {

        case MP_PREAMBLE:
        case MP_BODY:
            mp->rc = mp_text(mp, &bytes);
            break;

        case MP_HEADERS:
            mp->rc = mp_header_byte(mp, bytes.p[0]);
            bytes = mp_skip(bytes, 1);
            break;

        case MP_DONE:
            return WA_OK;

        default:
            mp->rc = mp_between(mp, bytes.p[0]);
            bytes = mp_skip(bytes, 1);
            break;
        }
    }

    return mp->rc;
}


wa_err_t
wa_multipart_finish(wa_multipart_t *mp)
{
    if (mp->rc == WA_OK && mp->state != MP_DONE) {
        mp->rc = WA_ERR_SYNTAX;
    }

    return mp->rc;
}


/* -- headers -------------------------------------------------------------- */

/* Collects the headers up to the empty line. */
static wa_err_t
mp_header_byte(wa_multipart_t *mp, uint8_t c)
{
    size_t  n;

    if (mp->head_len == sizeof(mp->head)) {
        return WA_ERR_LIMIT;
    }

    if (c == '\0') {
        return WA_ERR_SYNTAX;
    }

    mp->head[mp->head_len++] = (char) c;
    n = mp->head_len;

    if (c != '\n') {
        return WA_OK;
    }

    if (n < 2 || mp->head[n - 2] != '\r') {
        return WA_ERR_SYNTAX;
    }

    if (n == 2 || (n >= 4 && memcmp(mp->head + n - 4, "\r\n\r\n", 4) == 0)) {
        mp->head_len = n - 2;
        return mp_begin(mp);
    }

    return WA_OK;
}


static bool
mp_disposition(wa_span_t value, wa_part_t *part)
{
    wa_span_t  s, name, text;

    static const char  kind[] = "form-data";

    s = mp_trim(value);

    if (!mp_prefix(s, kind)) {
        return false;
    }

    s = mp_skip(s, sizeof(kind) - 1);

    while (mp_parameter(&s, &name, &text)) {

        if (name.n == 4 && mp_prefix(name, "name")) {
            part->name = mp_unquote(text);

        } else if (name.n == 8 && mp_prefix(name, "filename")) {
            if (part->filename.p == NULL) {
                part->filename = mp_unquote(text);
            }

        } else if (name.n == 9 && mp_prefix(name, "filename*")) {
            text = mp_extended(text);

            if (text.p != NULL) {
                part->filename = text;
            }
        }
    }

    return part->name.p != NULL;
}


static wa_err_t
mp_begin(wa_multipart_t *mp)
{
    bool        known;
    size_t      n;
    wa_span_t   rest, line;
    wa_part_t   part;

    memset(&part, 0, sizeof(part));
    known = false;
    rest = wa_span(mp->head, mp->head_len);

    while (rest.n > 0) {

        for (n = 0; rest.p[n] != '\r' || rest.p[n + 1] != '\n'; n++) {
            if (n + 2 == rest.n) {
                return WA_ERR_SYNTAX;
            }
        }

        line = wa_span(rest.p, n);
        rest = mp_skip(rest, n + 2);

        if (memchr(line.p, '\r', line.n) != NULL) {
            return WA_ERR_SYNTAX;
        }

        if (mp_prefix(line, "content-disposition:")) {
            known = !known && mp_disposition(mp_skip(line, 20), &part);

            if (!known) {
                return WA_ERR_SYNTAX;
            }

        } else if (mp_prefix(line, "content-type:")) {
            part.type = mp_trim(mp_skip(line, 13));
        }
    }

    if (!known) {
        return WA_ERR_SYNTAX;
    }

    if (++mp->parts > WA_MULTIPART_PARTS_MAX
        || part.name.n > WA_MULTIPART_NAME_MAX
        || part.filename.n > WA_MULTIPART_HEAD_MAX / 2)
    {
        return WA_ERR_LIMIT;
    }

    /* an empty body is a delimiter at once */

    mp->state = MP_BODY;
    mp->matched = 0;

    return mp->handlers->begin(mp->data, &part);
}
