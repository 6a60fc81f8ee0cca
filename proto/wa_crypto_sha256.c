/*
 * SHA-256, its HMAC (RFC 2104) and HKDF (RFC 5869), some forty per text
 * message: on OpenSSL's plain functions, which keep their state where the
 * caller wants it.  The EVP interface makes several heap objects for each
 * digest, which costs more than the short texts of the Signal ratchet
 * themselves.  The CPU's instructions are used all the same.
 *
 * OpenSSL 3 calls these functions deprecated, in favour of EVP.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include "wa_crypto.h"
#include "wa_limits.h"
#include "wa_mem.h"


#define SHA256_BLOCK  64u


struct wa_hmac_s {
    SHA256_CTX  inner;                /* after key ^ ipad                  */
    SHA256_CTX  outer;                /* after key ^ opad                  */
    SHA256_CTX  run;                  /* inner and the text so far         */
};


wa_err_t
wa_sha256(const wa_span_t *parts, size_t n, uint8_t out[32])
{
    size_t      i;
    SHA256_CTX  c;

    (void) SHA256_Init(&c);

    for (i = 0; i < n; i++) {
        (void) SHA256_Update(&c, parts[i].p, parts[i].n);
    }

    (void) SHA256_Final(out, &c);
    wa_wipe(&c, sizeof(c));

    return WA_OK;
}


static void
hmac_open(wa_hmac_t *h, wa_span_t key)
{
    size_t   i;
    uint8_t  block[SHA256_BLOCK];

    memset(block, 0, sizeof(block));

    if (key.n > sizeof(block)) {
        (void) wa_sha256(&key, 1, block);

    } else if (key.n != 0) {
        memcpy(block, key.p, key.n);
    }

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36;
    }

    (void) SHA256_Init(&h->inner);
    (void) SHA256_Update(&h->inner, block, sizeof(block));

    for (i = 0; i < sizeof(block); i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    (void) SHA256_Init(&h->outer);
    (void) SHA256_Update(&h->outer, block, sizeof(block));

    h->run = h->inner;
    wa_wipe(block, sizeof(block));
}


static void
hmac_end(wa_hmac_t *h, uint8_t out[32])
{
    SHA256_CTX  c;

    (void) SHA256_Final(out, &h->run);

    c = h->outer;
    (void) SHA256_Update(&c, out, WA_SHA256_LEN);
    (void) SHA256_Final(out, &c);

    h->run = h->inner;
    wa_wipe(&c, sizeof(c));
}


wa_err_t
wa_hmac_sha256(wa_span_t key, const wa_span_t *parts, size_t n,
    uint8_t out[32])
{
    size_t     i;
    wa_hmac_t  h;

    hmac_open(&h, key);

    for (i = 0; i < n; i++) {
        (void) wa_hmac_update(&h, parts[i]);
    }

    hmac_end(&h, out);
    wa_wipe(&h, sizeof(h));

    return WA_OK;
}


/* RFC 5869: out is T(1) | T(2) | ..., T(i) = HMAC(prk, T(i-1) | info | i). */
wa_err_t
wa_hkdf(wa_span_t ikm, wa_span_t salt, wa_span_t info, uint8_t *out,
    size_t len)
{
    size_t     n;
    uint8_t    prk[WA_SHA256_LEN], t[WA_SHA256_LEN], i;
    wa_hmac_t  h;

    if (len == 0 || len > WA_HKDF_MAX) {
        return WA_ERR_ARG;
    }

    hmac_open(&h, salt);
    (void) wa_hmac_update(&h, ikm);
    hmac_end(&h, prk);
    hmac_open(&h, wa_span(prk, sizeof(prk)));

    for (i = 1; len != 0; i++) {

        if (i != 1) {
            (void) wa_hmac_update(&h, wa_span(t, sizeof(t)));
        }

        (void) wa_hmac_update(&h, info);
        (void) wa_hmac_update(&h, wa_span(&i, 1));
        hmac_end(&h, t);

        n = len < sizeof(t) ? len : sizeof(t);
        memcpy(out, t, n);
        out += n;
        len -= n;
    }

    wa_wipe(&h, sizeof(h));
    wa_wipe(prk, sizeof(prk));
    wa_wipe(t, sizeof(t));

    return WA_OK;
}


wa_err_t
wa_hmac_create(wa_hmac_t **out, wa_span_t key)
{
    wa_hmac_t  *h;

    h = wa_alloc(sizeof(*h));
    if (h == NULL) {
        return WA_ERR_NOMEM;
    }

    hmac_open(h, key);
    *out = h;

    return WA_OK;
}


wa_err_t
wa_hmac_update(wa_hmac_t *h, wa_span_t data)
{
    (void) SHA256_Update(&h->run, data.p, data.n);

    return WA_OK;
}


wa_err_t
wa_hmac_final(wa_hmac_t *h, uint8_t out[32])
{
    hmac_end(h, out);

    return WA_OK;
}


void
wa_hmac_free(wa_hmac_t *h)
{
    if (h == NULL) {
        return;
    }

    wa_wipe(h, sizeof(*h));
    wa_free(h);
}
