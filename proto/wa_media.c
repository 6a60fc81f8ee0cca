/*
 * Kinds of media, their keys, and the retry envelope, see wa_media.h.
 */
#include "wa_media.h"
#include "wa_rd.h"


#define RETRY_INFO      "WhatsApp Media Retry Notification"
#define RETRY_ID_MAX    128u
#define RETRY_MAX       4096u

/* Fields of ServerErrorReceipt and MediaRetryNotification. */
#define RETRY_ID        1u
#define RETRY_PATH      2u
#define RETRY_RESULT    3u


typedef struct {
    const char  *name;
    const char  *info;
    const char  *mms;
} media_kind_t;

static const media_kind_t  media_kinds[WA_MEDIA_MAX] = {
    { "image", "WhatsApp Image Keys", "image" },
    { "video", "WhatsApp Video Keys", "video" },
    { "audio", "WhatsApp Audio Keys", "audio" },
    { "document", "WhatsApp Document Keys", "document" },
    { "sticker", "WhatsApp Image Keys", "image" },
    { "history", "WhatsApp History Keys", "md-msg-hist" },
    { "app-state", "WhatsApp App State Keys", "md-app-state" },
    { "thumbnail-link", "WhatsApp Link Thumbnail Keys", "thumbnail-link" }
};


static wa_err_t retry_key(const uint8_t key[32], uint8_t out[32]);
static wa_err_t retry_read(wa_span_t in, wa_span_t id,
    wa_media_retry_e *result, wa_span_t *path);
static bool retry_skip(wa_rd_t *r, uint64_t tag);


const char *
wa_media_name(wa_media_e kind)
{
    return (unsigned) kind < WA_MEDIA_MAX ? media_kinds[kind].name : "";
}


const char *
wa_media_mms(wa_media_e kind)
{
    return (unsigned) kind < WA_MEDIA_MAX ? media_kinds[kind].mms : "";
}


wa_err_t
wa_media_parse(wa_span_t name, wa_media_e *kind)
{
    unsigned  i;

    for (i = 0; i < WA_MEDIA_MAX; i++) {

        if (wa_span_eq_str(name, media_kinds[i].name)) {
            *kind = (wa_media_e) i;
            return WA_OK;
        }
    }

    return WA_ERR_ARG;
}


wa_err_t
wa_media_keys(wa_media_e kind, const uint8_t key[32], wa_media_keys_t *out)
{
    uint8_t   okm[16 + 2 * WA_KEY_LEN];
    wa_err_t  rc;

    if ((unsigned) kind >= WA_MEDIA_MAX) {
        return WA_ERR_ARG;
    }

    rc = wa_hkdf(wa_span(key, WA_KEY_LEN), wa_span_none(),
                 wa_span_str(media_kinds[kind].info), okm, sizeof(okm));

    if (rc == WA_OK) {
        memcpy(out->iv, okm, 16);
        memcpy(out->cipher, okm + 16, WA_KEY_LEN);
        memcpy(out->mac, okm + 16 + WA_KEY_LEN, WA_KEY_LEN);
    }

    wa_wipe(okm, sizeof(okm));

    return rc;
}


/* -- asking for another upload -------------------------------------------- */

static wa_err_t
retry_key(const uint8_t key[32], uint8_t out[32])
{
    return wa_hkdf(wa_span(key, WA_KEY_LEN), wa_span_none(),
                   wa_span_str(RETRY_INFO), out, WA_KEY_LEN);
}


wa_err_t
wa_media_retry_seal(const uint8_t key[32], wa_span_t id,
    const uint8_t iv[12], wa_buf_t *out)
{
    size_t    n;
    uint8_t   k[WA_KEY_LEN], plain[RETRY_ID_MAX + 3];
    wa_err_t  rc;

    if (id.n == 0 || id.n > RETRY_ID_MAX) {
        return WA_ERR_ARG;
    }

    /* field 1, a string; its length takes two bytes from 128 on */

    n = 0;
    plain[n++] = RETRY_ID << 3 | 2;

    if (id.n == RETRY_ID_MAX) {
        plain[n++] = 0x80;
        plain[n++] = 1;

    } else {
        plain[n++] = (uint8_t) id.n;
    }

    memcpy(plain + n, id.p, id.n);
    n += id.n;

    rc = wa_buf_reserve(out, n + WA_GCM_TAG_LEN);

    if (rc == WA_OK) {
        rc = retry_key(key, k);
    }

    if (rc == WA_OK) {
        rc = wa_gcm_seal(k, iv, id, wa_span(plain, n), out->p + out->n);
        wa_wipe(k, sizeof(k));
    }

    if (rc == WA_OK) {
        out->n += n + WA_GCM_TAG_LEN;
    }

    return rc;
}


wa_err_t
wa_media_retry_open(const uint8_t key[32], wa_span_t id, wa_span_t iv,
    wa_span_t sealed, wa_media_retry_e *result, wa_buf_t *path)
{
    uint8_t    k[WA_KEY_LEN], plain[RETRY_MAX];
    wa_err_t   rc;
    wa_span_t  found;

    if (sealed.n > RETRY_MAX) {
        return WA_ERR_LIMIT;
    }

    if (iv.n != WA_GCM_NONCE_LEN || sealed.n < WA_GCM_TAG_LEN) {
        return WA_ERR_AUTH;
    }

    rc = retry_key(key, k);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_gcm_open(k, iv.p, id, sealed, plain);
    wa_wipe(k, sizeof(k));

    if (rc == WA_OK) {
        rc = retry_read(wa_span(plain, sealed.n - WA_GCM_TAG_LEN), id,
                        result, &found);
    }

    if (rc == WA_OK && *result == WA_MEDIA_RETRY_OK) {
        rc = wa_buf_append_span(path, found);
    }

    wa_wipe(plain, sizeof(plain));

    return rc;
}


static wa_err_t
retry_read(wa_span_t in, wa_span_t id, wa_media_retry_e *result,
    wa_span_t *path)
{
    bool       same;
    wa_rd_t    r;
    uint64_t   tag, v;
    wa_span_t  s;

    r = wa_rd(in);
    *path = wa_span_none();
    *result = WA_MEDIA_RETRY_ERROR;
    same = false;

    while (wa_rd_left(&r) != 0) {

        if (!wa_rd_varint(&r, &tag)) {
            return WA_ERR_SYNTAX;
        }

        if (tag == (RETRY_ID << 3 | 2) || tag == (RETRY_PATH << 3 | 2)) {

            if (!wa_rd_varint(&r, &v) || v > wa_rd_left(&r)
                || !wa_rd_bytes(&r, (size_t) v, &s))
            {
                return WA_ERR_SYNTAX;
            }

            if (tag >> 3 == RETRY_PATH) {
                *path = s;

            } else {
                same = wa_span_eq(s, id);
            }

        } else if (tag == (RETRY_RESULT << 3 | 0)) {

            if (!wa_rd_varint(&r, &v)) {
                return WA_ERR_SYNTAX;
            }

            *result = v <= WA_MEDIA_RETRY_DECRYPT ? (wa_media_retry_e) v
                                                  : WA_MEDIA_RETRY_ERROR;

        } else if (!retry_skip(&r, tag)) {
            return WA_ERR_SYNTAX;
        }
    }

    if (!same || (*result == WA_MEDIA_RETRY_OK && path->n == 0)) {
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


/* A field that is not known here, by its wire type. */
static bool
retry_skip(wa_rd_t *r, uint64_t tag)
{
    uint64_t   v;
    wa_span_t  s;

    switch (tag & 7) {

    case 0:
        return wa_rd_varint(r, &v);

    case 1:
        return wa_rd_bytes(r, 8, &s);

    case 2:
        return wa_rd_varint(r, &v) && v <= wa_rd_left(r)
               && wa_rd_bytes(r, (size_t) v, &s);

    case 5:
        return wa_rd_bytes(r, 4, &s);

    default:
        return false;
    }
}
