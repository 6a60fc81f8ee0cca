/*
 * Media files in pieces, see wa_media.h.
 */
#include "wa_media.h"
#include "wa_mem.h"


/* The end of a stream is held back: the last block, with the padding, and
   the MAC. */
#define OPEN_HELD  (WA_AES_BLOCK + WA_MEDIA_MAC_LEN)


struct wa_media_seal_s {
    wa_cbc_t     *cbc;              /* NULL: as it is */
    wa_hmac_t    *hmac;
    wa_sha256_t  *plain;
    wa_sha256_t  *file;
    uint64_t      length;
    uint64_t      enc_length;
};

struct wa_media_open_s {
    wa_cbc_t     *cbc;
    wa_hmac_t    *hmac;
    wa_sha256_t  *plain;
    wa_sha256_t  *file;
    uint64_t      length;
    uint64_t      enc_length;
    size_t        n;                /* of `held` */
    uint8_t       held[OPEN_HELD];
};


static wa_err_t crypt_start(wa_media_e kind, const uint8_t *key,
    bool encrypt, wa_cbc_t **cbc, wa_hmac_t **hmac);
static wa_err_t open_feed(wa_media_open_t *m, wa_span_t in, wa_buf_t *out);
static wa_err_t open_last(wa_media_open_t *m, wa_buf_t *out);


static wa_err_t
crypt_start(wa_media_e kind, const uint8_t *key, bool encrypt,
    wa_cbc_t **cbc, wa_hmac_t **hmac)
{
    wa_err_t         rc;
    wa_media_keys_t  k;

    if (key == NULL) {
        return WA_OK;
    }

    rc = wa_media_keys(kind, key, &k);

    if (rc == WA_OK) {
        rc = wa_cbc_create(cbc, encrypt, k.cipher, k.iv);
    }

    if (rc == WA_OK) {
        rc = wa_hmac_create(hmac, wa_span(k.mac, sizeof(k.mac)));
    }

    if (rc == WA_OK) {
        rc = wa_hmac_update(*hmac, wa_span(k.iv, sizeof(k.iv)));
    }

    wa_wipe(&k, sizeof(k));

    return rc;
}


/* -- encryption ------------------------------------------------------------ */

wa_err_t
wa_media_seal_create(wa_media_seal_t **out, wa_media_e kind,
    const uint8_t *key)
{
    wa_err_t          rc;
    wa_media_seal_t  *m;

    m = wa_calloc(1, sizeof(*m));

    if (m == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = crypt_start(kind, key, true, &m->cbc, &m->hmac);

    if (rc == WA_OK) {
        rc = wa_sha256_create(&m->plain);
    }

    if (rc == WA_OK) {
        rc = wa_sha256_create(&m->file);
    }

    if (rc != WA_OK) {
        wa_media_seal_free(m);
        return rc;
    }

    *out = m;

    return WA_OK;
}


wa_err_t
wa_media_seal_update(wa_media_seal_t *m, wa_span_t in, wa_buf_t *out)
{
    size_t     n;
    wa_err_t   rc;
    wa_span_t  made;

    rc = wa_buf_reserve(out, in.n + WA_MEDIA_MORE);

    if (rc != WA_OK) {
        return rc;
    }

    wa_sha256_update(m->plain, in);
    m->length += in.n;

    if (m->cbc == NULL) {
        wa_sha256_update(m->file, in);
        m->enc_length += in.n;

        return wa_buf_append_span(out, in);
    }

    rc = wa_cbc_update(m->cbc, in, out->p + out->n, &n);

    if (rc != WA_OK) {
        return rc;
    }

    made = wa_span(out->p + out->n, n);
    out->n += n;
    m->enc_length += n;
    wa_sha256_update(m->file, made);

    return wa_hmac_update(m->hmac, made);
}


wa_err_t
wa_media_seal_final(wa_media_seal_t *m, wa_buf_t *out,
    wa_media_sums_t *sums)
{
    size_t     n;
    uint8_t    mac[WA_SHA256_LEN];
    wa_err_t   rc;
    wa_span_t  made;

    rc = wa_buf_reserve(out, WA_MEDIA_MORE);

    if (rc != WA_OK) {
        return rc;
    }

    if (m->cbc != NULL) {
        rc = wa_cbc_final(m->cbc, out->p + out->n, &n);

        if (rc == WA_OK) {
            rc = wa_hmac_update(m->hmac, wa_span(out->p + out->n, n));
        }

        if (rc == WA_OK) {
            rc = wa_hmac_final(m->hmac, mac);
        }

        if (rc != WA_OK) {
            return rc;
        }

        memcpy(out->p + out->n + n, mac, WA_MEDIA_MAC_LEN);
        made = wa_span(out->p + out->n, n + WA_MEDIA_MAC_LEN);
        out->n += made.n;
        m->enc_length += made.n;
        wa_sha256_update(m->file, made);
    }

    wa_sha256_final(m->plain, sums->sha256);
    wa_sha256_final(m->file, sums->enc_sha256);
    sums->length = m->length;
    sums->enc_length = m->enc_length;

    return WA_OK;
}


void
wa_media_seal_free(wa_media_seal_t *m)
{
    if (m == NULL) {
        return;
    }

    wa_cbc_free(m->cbc);
    wa_hmac_free(m->hmac);
    wa_sha256_free(m->plain);
    wa_sha256_free(m->file);
    wa_free(m);
}


/* -- decryption ------------------------------------------------------------ */

wa_err_t
wa_media_open_create(wa_media_open_t **out, wa_media_e kind,
    const uint8_t *key)
{
    wa_err_t          rc;
    wa_media_open_t  *m;

    m = wa_calloc(1, sizeof(*m));

    if (m == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = crypt_start(kind, key, false, &m->cbc, &m->hmac);

    if (rc == WA_OK) {
        rc = wa_sha256_create(&m->plain);
    }

    if (rc == WA_OK) {
        rc = wa_sha256_create(&m->file);
    }

    if (rc != WA_OK) {
        wa_media_open_free(m);
        return rc;
    }

    *out = m;

    return WA_OK;
}


wa_err_t
wa_media_open_update(wa_media_open_t *m, wa_span_t in, wa_buf_t *out)
{
    size_t    n, old;
    wa_err_t  rc;

    rc = wa_buf_reserve(out, in.n + WA_MEDIA_MORE);

    if (rc != WA_OK) {
        return rc;
    }

    wa_sha256_update(m->file, in);
    m->enc_length += in.n;

    if (m->cbc == NULL) {
        wa_sha256_update(m->plain, in);
        m->length += in.n;

        return wa_buf_append_span(out, in);
    }

    if (in.n <= OPEN_HELD - m->n) {
        memcpy(m->held + m->n, in.p, in.n);
        m->n += in.n;

        return WA_OK;
    }

    /* n bytes can go on: first what was held, then of the new ones */

    n = in.n - (OPEN_HELD - m->n);
    old = (n < m->n) ? n : m->n;

    rc = open_feed(m, wa_span(m->held, old), out);

    if (rc == WA_OK) {
        rc = open_feed(m, wa_span(in.p, n - old), out);
    }

    m->n -= old;
    memmove(m->held, m->held + old, m->n);
    memcpy(m->held + m->n, in.p + (n - old), in.n - (n - old));
    m->n = OPEN_HELD;

    return rc;
}


/* Room is there: out of a block cipher comes no more than goes in. */
static wa_err_t
open_feed(wa_media_open_t *m, wa_span_t in, wa_buf_t *out)
{
    size_t    n;
    wa_err_t  rc;

    rc = wa_hmac_update(m->hmac, in);

    if (rc == WA_OK) {
        rc = wa_cbc_update(m->cbc, in, out->p + out->n, &n);
    }

    if (rc != WA_OK) {
        return rc;
    }

    wa_sha256_update(m->plain, wa_span(out->p + out->n, n));
    out->n += n;
    m->length += n;

    return WA_OK;
}


wa_err_t
wa_media_open_final(wa_media_open_t *m, wa_buf_t *out,
    wa_media_sums_t *sums)
{
    wa_err_t  rc;

    if (m->cbc != NULL) {
        rc = open_last(m, out);

        if (rc != WA_OK) {
            return rc;
        }
    }

    wa_sha256_final(m->plain, sums->sha256);
    wa_sha256_final(m->file, sums->enc_sha256);
    sums->length = m->length;
    sums->enc_length = m->enc_length;

    return WA_OK;
}


/* The held block and the MAC behind it. */
static wa_err_t
open_last(wa_media_open_t *m, wa_buf_t *out)
{
    size_t    n, pad;
    uint8_t   mac[WA_SHA256_LEN], block[2 * WA_AES_BLOCK];
    wa_err_t  rc;

    if (m->n != OPEN_HELD) {
        return WA_ERR_AUTH;
    }

    rc = wa_hmac_update(m->hmac, wa_span(m->held, WA_AES_BLOCK));

    if (rc == WA_OK) {
        rc = wa_hmac_final(m->hmac, mac);
    }

    if (rc != WA_OK) {
        return rc;
    }

    if (!wa_memeq(mac, m->held + WA_AES_BLOCK, WA_MEDIA_MAC_LEN)) {
        return WA_ERR_AUTH;
    }

    if ((m->enc_length - WA_MEDIA_MAC_LEN) % WA_AES_BLOCK != 0) {
        return WA_ERR_DECRYPT;
    }

    rc = wa_cbc_update(m->cbc, wa_span(m->held, WA_AES_BLOCK), block, &n);

    if (rc != WA_OK || n != WA_AES_BLOCK) {
        return rc == WA_OK ? WA_ERR_DECRYPT : rc;
    }

    pad = block[WA_AES_BLOCK - 1];
    rc = (pad == 0 || pad > WA_AES_BLOCK) ? WA_ERR_DECRYPT : WA_OK;

    for (n = WA_AES_BLOCK - (rc == WA_OK ? pad : 0); n < WA_AES_BLOCK; n++) {

        if (block[n] != pad) {
            rc = WA_ERR_DECRYPT;
        }
    }

    if (rc == WA_OK) {
        n = WA_AES_BLOCK - pad;
        rc = wa_buf_append(out, block, n);
        wa_sha256_update(m->plain, wa_span(block, n));
        m->length += n;
    }

    wa_wipe(block, sizeof(block));

    return rc;
}


void
wa_media_open_free(wa_media_open_t *m)
{
    if (m == NULL) {
        return;
    }

    wa_cbc_free(m->cbc);
    wa_hmac_free(m->hmac);
    wa_sha256_free(m->plain);
    wa_sha256_free(m->file);
    wa_free(m);
}
