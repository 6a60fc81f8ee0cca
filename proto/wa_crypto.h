/*
 * The only door to OpenSSL and libsodium (wa_crypto.c, wa_crypto_curve.c).
 * No key is kept here: every call takes what it needs and forgets it.
 *
 * Call wa_crypto_init() once per process before anything else and before a
 * second thread starts; the functions are then safe in any thread.
 *
 * Errors, where a function has a wa_err_t: WA_ERR_NOMEM (the library could
 * not allocate), WA_ERR_ARG (length outside the documented range), and those
 * named below.  Outputs are undefined after an error, except that nothing
 * unauthenticated is ever left in a plaintext output.
 */

#ifndef WA_CRYPTO_H
#define WA_CRYPTO_H

#include "wa_b64.h"
#include "wa_base.h"


#define WA_KEY_LEN        32u       /* X25519 and AES-256 keys */
#define WA_SIG_LEN        64u
#define WA_SHA1_LEN       20u
#define WA_SHA256_LEN     32u
#define WA_SHA512_LEN     64u
#define WA_MD5_LEN        16u
#define WA_GCM_TAG_LEN    16u
#define WA_GCM_NONCE_LEN  12u
#define WA_AES_BLOCK      16u

/* wa_seal() output is longer than its input by this: nonce 24 + tag 16. */
#define WA_SEAL_OVERHEAD  40u


/* Idempotent.  WA_ERR_FATAL: a needed algorithm is not available. */
wa_err_t wa_crypto_init(void);

/* Cryptographic random from libsodium; cannot fail after init. */
void wa_random(void *p, size_t n);

/* Constant time in the content; lengths are public. */
bool wa_memeq(const void *a, const void *b, size_t n);
bool wa_span_eq_secret(wa_span_t a, wa_span_t b);


/* -- digests, one shot over the concatenation of n parts ------------------ */

wa_err_t wa_sha256(const wa_span_t *parts, size_t n, uint8_t out[32]);
wa_err_t wa_sha1(const wa_span_t *parts, size_t n, uint8_t out[20]);
wa_err_t wa_sha512(const wa_span_t *parts, size_t n, uint8_t out[64]);
wa_err_t wa_md5(const wa_span_t *parts, size_t n, uint8_t out[16]);

wa_err_t wa_hmac_sha256(wa_span_t key, const wa_span_t *parts, size_t n,
    uint8_t out[32]);
wa_err_t wa_hmac_sha512(wa_span_t key, const wa_span_t *parts, size_t n,
    uint8_t out[64]);


/*
 * Incremental forms, shaped for libsignal's crypto provider.  _final may be
 * called repeatedly: it ends one message and starts the next with the same
 * key.  _free(NULL) is allowed; key material is wiped.
 */
typedef struct wa_hmac_s    wa_hmac_t;
typedef struct wa_digest_s  wa_digest_t;

wa_err_t wa_hmac_create(wa_hmac_t **out, wa_span_t key);
wa_err_t wa_hmac_update(wa_hmac_t *h, wa_span_t data);
wa_err_t wa_hmac_final(wa_hmac_t *h, uint8_t out[32]);
void wa_hmac_free(wa_hmac_t *h);

wa_err_t wa_sha512_create(wa_digest_t **out);
wa_err_t wa_sha512_update(wa_digest_t *d, wa_span_t data);
wa_err_t wa_sha512_final(wa_digest_t *d, uint8_t out[64]);
void wa_sha512_free(wa_digest_t *d);


/* SHA-256 of what comes in pieces; ends with _final, once. */
typedef struct wa_sha256_s  wa_sha256_t;

wa_err_t wa_sha256_create(wa_sha256_t **out);
void wa_sha256_update(wa_sha256_t *d, wa_span_t data);
void wa_sha256_final(wa_sha256_t *d, uint8_t out[32]);
void wa_sha256_free(wa_sha256_t *d);


/*
 * HKDF-SHA256 (RFC 5869).  An empty salt means 32 zero bytes.
 * len <= WA_HKDF_MAX, otherwise WA_ERR_ARG.
 */
wa_err_t wa_hkdf(wa_span_t ikm, wa_span_t salt, wa_span_t info, uint8_t *out,
    size_t len);

/* PBKDF2-HMAC-SHA256; slow on purpose: 131072 iterations take tens of ms. */
wa_err_t wa_pbkdf2(wa_span_t password, wa_span_t salt, uint32_t iterations,
    uint8_t *out, size_t len);


/* -- AES-256 -------------------------------------------------------------- */

/*
 * GCM with a 12-byte nonce.  Seal writes in.n + 16 bytes to out; open takes
 * ciphertext || tag and writes in.n - 16 bytes.  In place is allowed when
 * out == in.p.  WA_ERR_AUTH: tag does not match, or in is shorter than it.
 */
wa_err_t wa_gcm_seal(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out);
wa_err_t wa_gcm_open(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out);

/*
 * CBC with PKCS#7, appended to out.  Decrypt: WA_ERR_DECRYPT when the length
 * is not a positive multiple of 16 or the padding is wrong.  Verify a MAC
 * first: this says nothing about who wrote the bytes.
 */
wa_err_t wa_cbc_encrypt(const uint8_t key[32], const uint8_t iv[16],
    wa_span_t in, wa_buf_t *out);
wa_err_t wa_cbc_decrypt(const uint8_t key[32], const uint8_t iv[16],
    wa_span_t in, wa_buf_t *out);

/*
 * CBC in pieces.  Encrypting ends with a PKCS#7 block; decrypting leaves the
 * padding to the caller, so input must come in whole blocks there.  Update
 * writes at most in.n + 16 bytes, final at most 16; *n is how many.
 * WA_ERR_ARG: a piece above 1 GiB.
 */
typedef struct wa_cbc_s  wa_cbc_t;

wa_err_t wa_cbc_create(wa_cbc_t **out, bool encrypt, const uint8_t key[32],
    const uint8_t iv[16]);
wa_err_t wa_cbc_update(wa_cbc_t *c, wa_span_t in, uint8_t *out, size_t *n);
wa_err_t wa_cbc_final(wa_cbc_t *c, uint8_t *out, size_t *n);
void wa_cbc_free(wa_cbc_t *c);

/* CTR, in.n bytes to out; the same call decrypts.  In place allowed. */
wa_err_t wa_ctr_crypt(const uint8_t key[32], const uint8_t iv[16],
    wa_span_t in, uint8_t *out);


/* -- Curve25519 ----------------------------------------------------------- */

/* Random clamped private key and its public key. */
wa_err_t wa_x25519_keypair(uint8_t priv[32], uint8_t pub[32]);
wa_err_t wa_x25519_public(uint8_t pub[32], const uint8_t priv[32]);

/* WA_ERR_AUTH: the peer's point has small order (all-zero secret). */
wa_err_t wa_x25519(uint8_t out[32], const uint8_t priv[32],
    const uint8_t pub[32]);

/*
 * Signatures with X25519 keys, as libsignal's curve_calculate_signature and
 * curve_verify_signature make and check them (not plain Ed25519).
 * `random` must be 64 fresh bytes; a repeated value with another message
 * gives the key away only together with a broken hash, but do not.
 * The message is the concatenation of n parts.
 */
wa_err_t wa_xeddsa_sign(uint8_t sig[64], const uint8_t priv[32],
    const wa_span_t *parts, size_t n, const uint8_t random[64]);

/* False also for malformed input and when memory is short. */
bool wa_xeddsa_verify(const uint8_t pub[32], const wa_span_t *parts,
    size_t n, const uint8_t sig[64]);


/* -- sealing at rest ------------------------------------------------------ */

/*
 * XChaCha20-Poly1305: out gets nonce(24) || ciphertext || tag(16), appended.
 * Unseal: WA_ERR_AUTH for a wrong key, aad or byte; out is then unchanged.
 */
wa_err_t wa_seal(const uint8_t key[32], wa_span_t aad, wa_span_t plain,
    wa_buf_t *out);
wa_err_t wa_unseal(const uint8_t key[32], wa_span_t aad, wa_span_t sealed,
    wa_buf_t *out);


#endif /* WA_CRYPTO_H */
