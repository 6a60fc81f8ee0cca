/*
 * Digests, key derivation and AES on OpenSSL, which uses the CPU's
 * instructions for them; random and comparison from libsodium.
 * wa_crypto*.c are the only files that include either.
 */

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <sodium.h>

#include "wa_crypto.h"
#include "wa_crypto_int.h"
#include "wa_limits.h"
#include "wa_mem.h"


/* OpenSSL's lengths are int; this leaves room for a block and a tag. */
#define WA_EVP_MAX       ((size_t) INT_MAX - 64)


struct wa_digest_s {
    EVP_MD_CTX  *ctx;
};


/*
 * Looking an algorithm up by name costs more than a short digest, so each is
 * fetched once.  Written by wa_crypto_init() only, read-only afterwards.
 */
static struct {
    EVP_MD      *sha1;
    EVP_MD      *sha512;
    EVP_MD      *md5;
    EVP_KDF     *pbkdf2;
    EVP_CIPHER  *gcm;
    EVP_CIPHER  *cbc;
    EVP_CIPHER  *ctr;
    bool         sodium_gcm;
    bool         ready;
} wa_evp;


wa_err_t
wa_crypto_init(void)
{
    if (wa_evp.ready) {
        return WA_OK;
    }

    if (sodium_init() < 0) {
        return WA_ERR_FATAL;
    }

    wa_evp.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    wa_evp.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    wa_evp.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    wa_evp.pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
    wa_evp.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    wa_evp.cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    wa_evp.ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);

    if (wa_evp.sha1 == NULL || wa_evp.sha512 == NULL
        || wa_evp.md5 == NULL || wa_evp.pbkdf2 == NULL
        || wa_evp.gcm == NULL || wa_evp.cbc == NULL || wa_evp.ctr == NULL)
    {
        return WA_ERR_FATAL;
    }

    wa_evp.sodium_gcm = crypto_aead_aes256gcm_is_available() != 0;
    wa_evp.ready = true;

    return WA_OK;
}


void
wa_random(void *p, size_t n)
{
    randombytes_buf(p, n);
}


bool
wa_memeq(const void *a, const void *b, size_t n)
{
    return n == 0 || sodium_memcmp(a, b, n) == 0;
}


bool
wa_span_eq_secret(wa_span_t a, wa_span_t b)
{
    return a.n == b.n && wa_memeq(a.p, b.p, a.n);
}


static wa_err_t
wa_digest(const EVP_MD *md, const wa_span_t *parts, size_t n, uint8_t *out)
{
    size_t       i;
    wa_err_t     rc;
    EVP_MD_CTX  *ctx;

    rc = WA_ERR_NOMEM;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return rc;
    }

    if (EVP_DigestInit_ex2(ctx, md, NULL) != 1) {
        goto done;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1) {
            goto done;
        }
    }

    if (EVP_DigestFinal_ex(ctx, out, NULL) == 1) {
        rc = WA_OK;
    }

done:

    EVP_MD_CTX_free(ctx);

    return rc;
}


wa_err_t
wa_hmac_sha512(wa_span_t key, const wa_span_t *parts, size_t n,
    uint8_t out[64])
{
    size_t                        i;
    crypto_auth_hmacsha512_state  h;

    (void) crypto_auth_hmacsha512_init(&h, key.p, key.n);

    for (i = 0; i < n; i++) {
        (void) crypto_auth_hmacsha512_update(&h, parts[i].p, parts[i].n);
    }

    (void) crypto_auth_hmacsha512_final(&h, out);
    wa_wipe(&h, sizeof(h));

    return WA_OK;
}


wa_err_t
wa_sha1(const wa_span_t *parts, size_t n, uint8_t out[20])
{
    return wa_digest(wa_evp.sha1, parts, n, out);
}


wa_err_t
wa_sha512(const wa_span_t *parts, size_t n, uint8_t out[64])
{
    return wa_digest(wa_evp.sha512, parts, n, out);
}


wa_err_t
wa_md5(const wa_span_t *parts, size_t n, uint8_t out[16])
{
    return wa_digest(wa_evp.md5, parts, n, out);
}


wa_err_t
wa_sha512_create(wa_digest_t **out)
{
    wa_digest_t  *d;

    d = wa_alloc(sizeof(*d));
    if (d == NULL) {
        return WA_ERR_NOMEM;
    }

    d->ctx = EVP_MD_CTX_new();

    if (d->ctx == NULL
        || EVP_DigestInit_ex2(d->ctx, wa_evp.sha512, NULL) != 1)
    {
        wa_sha512_free(d);
        return WA_ERR_NOMEM;
    }

    *out = d;

    return WA_OK;
}


wa_err_t
wa_sha512_update(wa_digest_t *d, wa_span_t data)
{
    return EVP_DigestUpdate(d->ctx, data.p, data.n) == 1 ? WA_OK
                                                         : WA_ERR_NOMEM;
}


wa_err_t
wa_sha512_final(wa_digest_t *d, uint8_t out[64])
{
    if (EVP_DigestFinal_ex(d->ctx, out, NULL) != 1) {
        return WA_ERR_NOMEM;
    }

    return EVP_DigestInit_ex2(d->ctx, wa_evp.sha512, NULL) == 1
           ? WA_OK : WA_ERR_NOMEM;
}


void
wa_sha512_free(wa_digest_t *d)
{
    if (d == NULL) {
        return;
    }

    EVP_MD_CTX_free(d->ctx);
    wa_free(d);
}


/* OpenSSL's parameter structs are not const-correct; nothing is written. */
static OSSL_PARAM
wa_param_bytes(const char *name, wa_span_t s)
{
    static uint8_t  empty;

    return OSSL_PARAM_construct_octet_string(name,
               s.n != 0 ? (void *) (uintptr_t) s.p : &empty, s.n);
}


static wa_err_t
wa_kdf(EVP_KDF *kdf, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
    wa_err_t      rc;
    EVP_KDF_CTX  *ctx;

    ctx = EVP_KDF_CTX_new(kdf);
    if (ctx == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = EVP_KDF_derive(ctx, out, len, params) == 1 ? WA_OK : WA_ERR_NOMEM;

    EVP_KDF_CTX_free(ctx);

    return rc;
}


wa_err_t
wa_pbkdf2(wa_span_t password, wa_span_t salt, uint32_t iterations,
    uint8_t *out, size_t len)
{
    static char  name[] = "SHA256";

    int         unchecked;
    uint64_t    count;
    OSSL_PARAM  params[6];

    if (len == 0 || iterations == 0) {
        return WA_ERR_ARG;
    }

    count = iterations;
    unchecked = 1;          /* no SP 800-132 minimum lengths: protocol's own */

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name,
                                                 0);
    params[1] = wa_param_bytes(OSSL_KDF_PARAM_PASSWORD, password);
    params[2] = wa_param_bytes(OSSL_KDF_PARAM_SALT, salt);
    params[3] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count);
    params[4] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked);
    params[5] = OSSL_PARAM_construct_end();

    return wa_kdf(wa_evp.pbkdf2, params, out, len);
}


wa_err_t
wa_gcm_seal_evp(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out)
{
    int              len;
    wa_err_t         rc;
    EVP_CIPHER_CTX  *ctx;

    rc = WA_ERR_NOMEM;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return rc;
    }

    if (EVP_EncryptInit_ex2(ctx, wa_evp.gcm, key, nonce, NULL) != 1) {
        goto done;
    }

    if (aad.n != 0
        && EVP_EncryptUpdate(ctx, NULL, &len, aad.p, (int) aad.n) != 1)
    {
        goto done;
    }

    if (in.n != 0
        && EVP_EncryptUpdate(ctx, out, &len, in.p, (int) in.n) != 1)
    {
        goto done;
    }

    if (EVP_EncryptFinal_ex(ctx, out + in.n, &len) != 1) {
        goto done;
    }

    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, WA_GCM_TAG_LEN,
                            out + in.n)
        == 1)
    {
        rc = WA_OK;
    }

done:

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


wa_err_t
wa_gcm_open_evp(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out)
{
    int              len;
    size_t           n;
    uint8_t          tag[WA_GCM_TAG_LEN];
    wa_err_t         rc;
    EVP_CIPHER_CTX  *ctx;

    n = in.n - WA_GCM_TAG_LEN;
    memcpy(tag, in.p + n, sizeof(tag));

    rc = WA_ERR_NOMEM;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return rc;
    }

    if (EVP_DecryptInit_ex2(ctx, wa_evp.gcm, key, nonce, NULL) != 1) {
        goto done;
    }

    if (aad.n != 0
        && EVP_DecryptUpdate(ctx, NULL, &len, aad.p, (int) aad.n) != 1)
    {
        goto done;
    }

    if (n != 0 && EVP_DecryptUpdate(ctx, out, &len, in.p, (int) n) != 1) {
        goto done;
    }

    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, WA_GCM_TAG_LEN, tag)
        != 1)
    {
        goto done;
    }

    rc = EVP_DecryptFinal_ex(ctx, tag, &len) == 1 ? WA_OK : WA_ERR_AUTH;

done:

    if (rc != WA_OK) {
        wa_wipe(out, n);
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


/*
 * libsodium's takes half the time of EVP for a stanza, because it allocates
 * nothing, but knows only CPUs with instructions for it.
 */
wa_err_t
wa_gcm_seal(const uint8_t key[32], const uint8_t nonce[12], wa_span_t aad,
    wa_span_t in, uint8_t *out)
{
    if (in.n > WA_EVP_MAX || aad.n > WA_EVP_MAX) {
        return WA_ERR_ARG;
    }

    if (!wa_evp.sodium_gcm) {
        return wa_gcm_seal_evp(key, nonce, aad, in, out);
    }

    return crypto_aead_aes256gcm_encrypt(out, NULL, in.p, in.n, aad.p, aad.n,
                                         NULL, nonce, key)
           == 0 ? WA_OK : WA_ERR_NOMEM;
}


wa_err_t
wa_gcm_open(const uint8_t key[32], const uint8_t nonce[12], wa_span_t aad,
    wa_span_t in, uint8_t *out)
{
    if (in.n < WA_GCM_TAG_LEN) {
        return WA_ERR_AUTH;
    }

    if (in.n > WA_EVP_MAX || aad.n > WA_EVP_MAX) {
        return WA_ERR_ARG;
    }

    if (!wa_evp.sodium_gcm) {
        return wa_gcm_open_evp(key, nonce, aad, in, out);
    }

    if (crypto_aead_aes256gcm_decrypt(out, NULL, NULL, in.p, in.n, aad.p,
                                      aad.n, nonce, key)
        != 0)
    {
        wa_wipe(out, in.n - WA_GCM_TAG_LEN);
        return WA_ERR_AUTH;
    }

    return WA_OK;
}


wa_err_t
wa_cbc_encrypt(const uint8_t key[32], const uint8_t iv[16], wa_span_t in,
    wa_buf_t *out)
{
    int              n, last;
    wa_err_t         rc;
    EVP_CIPHER_CTX  *ctx;

    if (in.n > WA_EVP_MAX) {
        return WA_ERR_ARG;
    }

    rc = wa_buf_reserve(out, in.n + WA_AES_BLOCK);
    if (rc != WA_OK) {
        return rc;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_ERR_NOMEM;
    n = 0;

    if (EVP_EncryptInit_ex2(ctx, wa_evp.cbc, key, iv, NULL) == 1
        && (in.n == 0
            || EVP_EncryptUpdate(ctx, out->p + out->n, &n, in.p, (int) in.n)
               == 1)
        && EVP_EncryptFinal_ex(ctx, out->p + out->n + n, &last) == 1)
    {
        out->n += (size_t) n + (size_t) last;
        rc = WA_OK;
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


wa_err_t
wa_cbc_decrypt(const uint8_t key[32], const uint8_t iv[16], wa_span_t in,
    wa_buf_t *out)
{
    int              n, last;
    wa_err_t         rc;
    EVP_CIPHER_CTX  *ctx;

    if (in.n == 0 || in.n % WA_AES_BLOCK != 0) {
        return WA_ERR_DECRYPT;
    }

    if (in.n > WA_EVP_MAX) {
        return WA_ERR_ARG;
    }

    rc = wa_buf_reserve(out, in.n + WA_AES_BLOCK);
    if (rc != WA_OK) {
        return rc;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_ERR_NOMEM;

    if (EVP_DecryptInit_ex2(ctx, wa_evp.cbc, key, iv, NULL) == 1
        && EVP_DecryptUpdate(ctx, out->p + out->n, &n, in.p, (int) in.n) == 1)
    {
        rc = WA_ERR_DECRYPT;

        if (EVP_DecryptFinal_ex(ctx, out->p + out->n + n, &last) == 1) {
            out->n += (size_t) n + (size_t) last;
            rc = WA_OK;
        }
    }

    if (rc != WA_OK) {
        wa_wipe(out->p + out->n, in.n);
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


wa_err_t
wa_ctr_crypt(const uint8_t key[32], const uint8_t iv[16], wa_span_t in,
    uint8_t *out)
{
    int              n;
    wa_err_t         rc;
    EVP_CIPHER_CTX  *ctx;

    if (in.n > WA_EVP_MAX) {
        return WA_ERR_ARG;
    }

    if (in.n == 0) {
        return WA_OK;
    }

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_ERR_NOMEM;

    if (EVP_EncryptInit_ex2(ctx, wa_evp.ctr, key, iv, NULL) == 1
        && EVP_EncryptUpdate(ctx, out, &n, in.p, (int) in.n) == 1)
    {
        rc = WA_OK;
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}
