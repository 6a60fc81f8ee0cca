/* Names and links, see wa_filename.h. */
#include "wa_filename.h"

#include <stdio.h>

#include <jansson.h>

#include "wa_crypto.h"
#include "wa_mime.h"


#define LINK_PATH_MAX  256u


static bool
is_text(wa_span_t s)
{
    json_t  *checked;

    checked = json_stringn(s.n == 0 ? "" : (const char *) s.p, s.n);
    json_decref(checked);

    return checked != NULL;
}


bool
wa_filename_clean(wa_span_t name, char out[WA_FILENAME_MAX + 1])
{
    bool      text;
    size_t    i, n;
    uint8_t   c;

    for (i = name.n; i > 0; i--) {
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\') {
            break;
        }
    }

    name = wa_span(name.p + i, name.n - i);
    text = is_text(name);
    n = 0;

    for (i = 0; i < name.n; i++) {
        c = name.p[i];

        if (c < 0x20 || c == 0x7f || (n == 0 && (c == '.' || c == ' '))) {
            continue;
        }

        if (n == WA_FILENAME_MAX) {
            break;
        }

        out[n++] = (char) (c >= 0x80 && !text ? '_' : c);
    }

    /* a character that was cut goes as a whole */

    if (i < name.n && text) {
        while (n > 0 && !is_text(wa_span(out, n))) {
            n--;
        }
    }

    while (n > 0 && out[n - 1] == ' ') {
        n--;
    }

    out[n] = '\0';

    return n > 0;
}


bool
wa_filename_is_key(wa_span_t name)
{
    size_t   i;
    uint8_t  c;

    if (name.n == 0 || name.n > WA_FILENAME_KEY_MAX || name.p[0] == '.') {
        return false;
    }

    for (i = 0; i < name.n; i++) {
        c = name.p[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z') && c != '.' && c != '_' && c != '-')
        {
            return false;
        }

        if (c == '.' && name.p[i - 1] == '.') {
            return false;
        }
    }

    return true;
}


/* attr-char of RFC 5987 */
static bool
is_attr_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z') || (c != '\0'
                                         && strchr("!#$&+-.^_`|~", c));
}


wa_err_t
wa_filename_disposition(bool attachment, wa_span_t name, wa_buf_t *out)
{
    char      c, hex[4];
    bool      plain;
    size_t    i;
    wa_err_t  rc;

    rc = wa_buf_append_str(out, attachment ? "attachment" : "inline");

    if (rc != WA_OK || name.n == 0) {
        return rc;
    }

    rc = wa_buf_append_str(out, "; filename=\"");
    plain = true;

    for (i = 0; rc == WA_OK && i < name.n; i++) {
        c = (char) name.p[i];

        if (name.p[i] < 0x20 || name.p[i] > 0x7e || c == '"' || c == '\\'
            || c == '%' || c == '/')
        {
            c = '_';
            plain = false;
        }

        rc = wa_buf_append(out, &c, 1);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "\"");
    }

    if (rc != WA_OK || plain) {
        return rc;
    }

    rc = wa_buf_append_str(out, "; filename*=UTF-8''");

    for (i = 0; rc == WA_OK && i < name.n; i++) {

        if (is_attr_char(name.p[i])) {
            rc = wa_buf_append(out, name.p + i, 1);
            continue;
        }

        (void) snprintf(hex, sizeof(hex), "%%%02X", name.p[i]);
        rc = wa_buf_append(out, hex, 3);
    }

    return rc;
}


/* -- links ---------------------------------------------------------------- */

wa_err_t
wa_link_key(const uint8_t master[32], uint8_t key[32])
{
    return wa_hkdf(wa_span(master, 32), wa_span_none(),
                   wa_span_str("wahub links to files"), key, 32);
}


static wa_err_t
link_signature(const uint8_t key[32], wa_span_t path, wa_span_t exp,
    wa_buf_t *out)
{
    uint8_t    mac[32];
    wa_err_t   rc;
    wa_span_t  parts[3];

    parts[0] = path;
    parts[1] = wa_span_str("?");
    parts[2] = exp;

    rc = wa_hmac_sha256(wa_span(key, 32), parts, 3, mac);

    return rc == WA_OK ? wa_b64_encode(wa_span(mac, 32), WA_B64_URL, out)
                       : rc;
}


wa_err_t
wa_link_sign(const uint8_t key[32], wa_span_t path, int64_t now,
    wa_buf_t *out)
{
    char      exp[24];
    wa_err_t  rc;

    (void) snprintf(exp, sizeof(exp), "%lld",
                    (long long) ((now + WA_LINK_SECONDS) / 86400 + 1)
                    * 86400);

    rc = wa_buf_append_span(out, path);

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "?exp=");
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, exp);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "&sig=");
    }

    return rc == WA_OK ? link_signature(key, path, wa_span_str(exp), out)
                       : rc;
}


wa_err_t
wa_link_media(const wa_media_links_t *links, wa_span_t account, wa_span_t id,
    wa_span_t mime, wa_buf_t *out)
{
    int          n;
    char         path[LINK_PATH_MAX], type[WA_MIME_MAX];
    wa_err_t     rc;
    const char  *extension;

    if (account.n == 0) {
        account = wa_span_str("media");
    }

    extension = wa_mime_parse(mime, type) ? wa_mime_extension(type) : "bin";
    n = snprintf(path, sizeof(path), "/files/%.*s/%.*s.%s", (int) account.n,
                 (const char *) account.p, (int) id.n, (const char *) id.p,
                 extension);

    if (n < 0 || (size_t) n >= sizeof(path)) {
        return WA_ERR_NOMEM;
    }

    rc = wa_buf_append_span(out, links->base);

    return rc == WA_OK
           ? wa_link_sign(links->key, wa_span(path, (size_t) n), links->now,
                          out)
           : rc;
}


bool
wa_link_check(const uint8_t key[32], wa_span_t path, wa_span_t exp,
    wa_span_t sig, int64_t now)
{
    bool      good;
    int64_t   until;
    wa_buf_t  right;

    if (!wa_span_i64(exp, &until) || until < now) {
        return false;
    }

    memset(&right, 0, sizeof(right));

    good = link_signature(key, path, exp, &right) == WA_OK
           && wa_span_eq_secret(wa_span_buf(&right), sig);

    wa_buf_wipe(&right);

    return good;
}
