/* Small derived values. */

#include <stdlib.h>

#include "wa_hashes.h"
#include "wa_mem.h"
#include "wa_wr.h"


#define WA_DAY_MS  ((int64_t) 24 * 60 * 60 * 1000)

/* Bytes of the digest that a phash and a message id show. */
#define WA_PHASH_BYTES       6u
#define WA_MESSAGE_ID_BYTES  9u

/* Of trusted-contact tokens. */
#define WA_TOKEN_WEEK_S      604800
#define WA_TOKEN_WEEKS       4


/* user.0:device@server; room for the longest of each, and NUL. */
typedef struct {
    char    text[WA_JID_TEXT_MAX];
    size_t  n;
} wa_phash_item_t;


static int
wa_phash_cmp(const void *a, const void *b)
{
    const wa_phash_item_t  *x, *y;

    x = a;
    y = b;

    return strcmp(x->text, y->text);
}


/* The agent, always 0, and the device, even 0, are written out. */
static wa_err_t
wa_phash_item(const wa_jid_t *jid, wa_phash_item_t *item)
{
    wa_wr_t      w;
    wa_buf_t     text = WA_BUF_EMPTY;
    wa_err_t     rc;
    const char  *server;

    server = wa_server_name((wa_server_e) jid->server);

    if (jid->user_len == 0 || server[0] == '\0') {
        return WA_ERR_ARG;
    }

    wa_wr_init(&w, &text, sizeof(item->text));

    wa_wr_bytes(&w, jid->user, jid->user_len);
    wa_wr_str(&w, ".0:");
    wa_wr_dec(&w, jid->device);
    wa_wr_str(&w, "@");
    wa_wr_str(&w, server);
    wa_wr_u8(&w, '\0');

    rc = w.err;

    if (rc == WA_OK) {
        memcpy(item->text, text.p, text.n);
        item->n = text.n - 1;
    }

    wa_buf_free(&text);

    return rc;
}


/* Digest of the sorted items as text. */
static wa_err_t
wa_phash_text(wa_phash_item_t *items, size_t n, char out[WA_PHASH_LEN])
{
    size_t      i;
    uint8_t     digest[WA_SHA256_LEN];
    wa_buf_t    text = WA_BUF_EMPTY;
    wa_err_t    rc;
    wa_span_t  *parts;

    parts = wa_calloc(n, sizeof(*parts));
    if (parts == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < n; i++) {
        parts[i] = wa_span(items[i].text, items[i].n);
    }

    rc = wa_sha256(parts, n, digest);

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span(digest, WA_PHASH_BYTES), WA_B64_STD,
                           &text);
    }

    if (rc == WA_OK) {
        out[0] = '2';
        out[1] = ':';
        memcpy(out + 2, text.p, text.n);
        out[2 + text.n] = '\0';
    }

    wa_buf_free(&text);
    wa_free(parts);

    return rc;
}


wa_err_t
wa_phash(const wa_jid_t *devices, size_t n, char out[WA_PHASH_LEN])
{
    size_t            i;
    wa_err_t          rc;
    wa_phash_item_t  *items;

    items = wa_calloc(n, sizeof(*items));
    if (items == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_OK;

    for (i = 0; i < n && rc == WA_OK; i++) {
        rc = wa_phash_item(&devices[i], &items[i]);
    }

    if (rc == WA_OK) {
        qsort(items, n, sizeof(*items), wa_phash_cmp);
        rc = wa_phash_text(items, n, out);
    }

    wa_free(items);

    return rc;
}


wa_err_t
wa_message_id(int64_t now_s, wa_span_t own_user, const uint8_t random[16],
    char out[WA_MESSAGE_ID_LEN])
{
    static const char  prefix[] = "3EB0";
    static const char  digits[] = "0123456789ABCDEF";

    char       *p;
    size_t      i;
    uint8_t     be64[8], digest[WA_SHA256_LEN];
    wa_err_t    rc;
    wa_span_t   parts[4];

    for (i = 0; i < sizeof(be64); i++) {
        be64[i] = (uint8_t) ((uint64_t) now_s >> (56 - 8 * i));
    }

    parts[0] = wa_span(be64, sizeof(be64));
    parts[1] = own_user;
    parts[2] = wa_span_str("@c.us");
    parts[3] = wa_span(random, 16);

    rc = wa_sha256(parts, 4, digest);
    if (rc != WA_OK) {
        return rc;
    }

    memcpy(out, prefix, sizeof(prefix) - 1);
    p = out + sizeof(prefix) - 1;

    for (i = 0; i < WA_MESSAGE_ID_BYTES; i++) {
        *p++ = digits[digest[i] >> 4];
        *p++ = digits[digest[i] & 15];
    }

    *p = '\0';

    return WA_OK;
}


void
wa_unified_session_id(int64_t now_ms, int64_t offset_ms,
    char out[WA_UNIFIED_LEN])
{
    char      digits[WA_UNIFIED_LEN];
    size_t    n;
    int64_t   week;
    uint64_t  v;

    /* Reduced before adding: both inputs may be anything. */

    week = 7 * WA_DAY_MS;
    v = (uint64_t) ((now_ms % week + offset_ms % week + 3 * WA_DAY_MS
                     + 2 * week) % week);

    n = sizeof(digits);
    digits[--n] = '\0';

    do {
        digits[--n] = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0);

    memcpy(out, digits + n, sizeof(digits) - n);
}


wa_err_t
wa_prekey_digest(const uint8_t identity[32], const uint8_t signed_prekey[32],
    const uint8_t signature[64], const wa_span_t *prekeys, size_t n,
    uint8_t out[20])
{
    size_t      parts_n;
    wa_err_t    rc;
    wa_span_t  *parts;

    if (!wa_add_size(n, 3, &parts_n)) {
        return WA_ERR_NOMEM;
    }

    parts = wa_calloc(parts_n, sizeof(*parts));
    if (parts == NULL) {
        return WA_ERR_NOMEM;
    }

    parts[0] = wa_span(identity, 32);
    parts[1] = wa_span(signed_prekey, 32);
    parts[2] = wa_span(signature, 64);

    if (n != 0) {
        memcpy(parts + 3, prekeys, n * sizeof(*parts));
    }

    rc = wa_sha1(parts, parts_n, out);

    wa_free(parts);

    return rc;
}


wa_err_t
wa_cstoken(wa_span_t salt, wa_span_t lid, uint8_t out[32])
{
    return wa_hmac_sha256(salt, &lid, 1, out);
}


bool
wa_tctoken_valid(int64_t token_s, int64_t now_s)
{
    return token_s > 0
           && token_s / WA_TOKEN_WEEK_S
              >= now_s / WA_TOKEN_WEEK_S - (WA_TOKEN_WEEKS - 1);
}


bool
wa_tctoken_due(int64_t issued_s, int64_t now_s)
{
    return issued_s <= 0
           || now_s / WA_TOKEN_WEEK_S > issued_s / WA_TOKEN_WEEK_S;
}
