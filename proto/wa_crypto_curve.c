/*
 * Curve25519 and sealing, on libsodium; one field inversion on OpenSSL.
 *
 * XEdDSA: an Ed25519 signature made with an X25519 key pair.  The Edwards
 * public key A = aB has an arbitrary sign, so its sign bit is carried in the
 * top bit of the signature, as libsignal's curve25519_sign does.
 */

#include <openssl/bn.h>

#include <sodium.h>

#include "wa_crypto.h"
#include "wa_mem.h"


wa_err_t
wa_x25519_keypair(uint8_t priv[32], uint8_t pub[32])
{
    wa_random(priv, WA_KEY_LEN);

    /* Clamped as RFC 7748 section 5, so that other libraries accept it. */

    priv[0] &= 248;
    priv[31] &= 127;
    priv[31] |= 64;

    return wa_x25519_public(pub, priv);
}


wa_err_t
wa_x25519_public(uint8_t pub[32], const uint8_t priv[32])
{
    return crypto_scalarmult_base(pub, priv) == 0 ? WA_OK : WA_ERR_AUTH;
}


wa_err_t
wa_x25519(uint8_t out[32], const uint8_t priv[32], const uint8_t pub[32])
{
    if (crypto_scalarmult(out, priv, pub) != 0) {
        wa_wipe(out, WA_KEY_LEN);
        return WA_ERR_AUTH;
    }

    return WA_OK;
}


static void
wa_xeddsa_hash(const uint8_t *head, size_t head_n, const wa_span_t *parts,
    size_t n, const uint8_t *tail, size_t tail_n, uint8_t out[32])
{
    size_t                    i;
    uint8_t                   wide[64];
    crypto_hash_sha512_state  state;

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, head, head_n);

    for (i = 0; i < n; i++) {
        if (parts[i].n != 0) {
            crypto_hash_sha512_update(&state, parts[i].p, parts[i].n);
        }
    }

    if (tail_n != 0) {
        crypto_hash_sha512_update(&state, tail, tail_n);
    }

    crypto_hash_sha512_final(&state, wide);
    crypto_core_ed25519_scalar_reduce(out, wide);

    wa_wipe(&state, sizeof(state));
    wa_wipe(wide, sizeof(wide));
}


wa_err_t
wa_xeddsa_sign(uint8_t sig[64], const uint8_t priv[32],
    const wa_span_t *parts, size_t n, const uint8_t random[64])
{
    uint8_t   a[32], ra[64], r[32], k[32], head[64];
    wa_err_t  rc;

    rc = WA_ERR_ARG;

    memcpy(a, priv, sizeof(a));
    a[0] &= 248;
    a[31] &= 127;
    a[31] |= 64;

    /* ra = R || A, so that the second hash has its head in one piece. */

    if (crypto_scalarmult_ed25519_base_noclamp(ra + 32, a) != 0) {
        goto done;
    }

    /* r = H(0xfe 0xff^31 || a || message || random): the XEdDSA "hash_1" */

    memset(head, 0xff, 32);
    head[0] = 0xfe;
    memcpy(head + 32, a, 32);

    wa_xeddsa_hash(head, sizeof(head), parts, n, random, 64, r);

    if (crypto_scalarmult_ed25519_base_noclamp(ra, r) != 0) {
        goto done;
    }

    wa_xeddsa_hash(ra, sizeof(ra), parts, n, NULL, 0, k);

    /* s = r + k * a; the sign of A travels in the unused top bit of s */

    memcpy(sig, ra, 32);
    crypto_core_ed25519_scalar_mul(k, k, a);
    crypto_core_ed25519_scalar_add(sig + 32, k, r);
    sig[63] = (uint8_t) ((sig[63] & 0x7f) | (ra[63] & 0x80));

    rc = WA_OK;

done:

    wa_wipe(a, sizeof(a));
    wa_wipe(r, sizeof(r));
    wa_wipe(k, sizeof(k));
    wa_wipe(head, sizeof(head));

    return rc;
}


/*
 * Montgomery u to Edwards y = (u - 1) / (u + 1) mod 2^255 - 19; libsodium has
 * the opposite direction only.  All values are public.
 */
static bool
wa_edwards_y(const uint8_t u[32], uint8_t y[32])
{
    bool     ok;
    BN_CTX  *ctx;
    BIGNUM  *p, *num, *den;
    uint8_t  masked[32];

    ok = false;

    memcpy(masked, u, sizeof(masked));
    masked[31] &= 0x7f;

    ctx = BN_CTX_new();
    if (ctx == NULL) {
        return false;
    }

    BN_CTX_start(ctx);

    p = BN_CTX_get(ctx);
    num = BN_CTX_get(ctx);
    den = BN_CTX_get(ctx);

    if (den == NULL
        || BN_set_bit(p, 255) != 1
        || BN_sub_word(p, 19) != 1
        || BN_lebin2bn(masked, sizeof(masked), num) == NULL
        || BN_copy(den, num) == NULL
        || BN_add_word(den, 1) != 1
        || BN_mod_inverse(den, den, p, ctx) == NULL     /* fails for u = -1 */
        || BN_mod_sub(num, num, BN_value_one(), p, ctx) != 1
        || BN_mod_mul(num, num, den, p, ctx) != 1
        || BN_bn2lebinpad(num, y, 32) != 32)
    {
        goto done;
    }

    ok = true;

done:

    BN_CTX_end(ctx);
    BN_CTX_free(ctx);

    return ok;
}


bool
wa_xeddsa_verify(const uint8_t pub[32], const wa_span_t *parts, size_t n,
    const uint8_t sig[64])
{
    bool      ok;
    size_t    i;
    uint8_t   y[32], s[64];
    wa_buf_t  message = WA_BUF_EMPTY;

    if (!wa_edwards_y(pub, y)) {
        return false;
    }

    memcpy(s, sig, sizeof(s));
    y[31] = (uint8_t) (y[31] | (s[63] & 0x80));
    s[63] &= 0x7f;

    /* libsodium verifies one piece only */

    if (n == 1) {
        return crypto_sign_verify_detached(s, parts[0].p, parts[0].n, y) == 0;
    }

    ok = true;

    for (i = 0; i < n && ok; i++) {
        ok = wa_buf_append_span(&message, parts[i]) == WA_OK;
    }

    if (ok) {
        ok = crypto_sign_verify_detached(s, message.p, message.n, y) == 0;
    }

    wa_buf_free(&message);

    return ok;
}


wa_err_t
wa_seal(const uint8_t key[32], wa_span_t aad, wa_span_t plain, wa_buf_t *out)
{
    size_t    need;
    uint8_t  *nonce;

    if (!wa_add_size(plain.n, WA_SEAL_OVERHEAD, &need)
        || wa_buf_reserve(out, need) != WA_OK)
    {
        return WA_ERR_NOMEM;
    }

    nonce = out->p + out->n;
    wa_random(nonce, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);

    crypto_aead_xchacha20poly1305_ietf_encrypt(
        nonce + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, NULL,
        plain.p, plain.n, aad.p, aad.n, NULL, nonce, key);

    out->n += need;

    return WA_OK;
}


wa_err_t
wa_unseal(const uint8_t key[32], wa_span_t aad, wa_span_t sealed,
    wa_buf_t *out)
{
    size_t  n;

    _Static_assert(WA_SEAL_OVERHEAD
                   == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
                      + crypto_aead_xchacha20poly1305_ietf_ABYTES,
                   "sealed form is nonce, ciphertext, tag");

    if (sealed.n < WA_SEAL_OVERHEAD) {
        return WA_ERR_AUTH;
    }

    n = sealed.n - WA_SEAL_OVERHEAD;

    /* One byte more: out must have an address even for an empty plaintext. */

    if (wa_buf_reserve(out, n + 1) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->p + out->n, NULL, NULL,
            sealed.p + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
            sealed.n - crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
            aad.p, aad.n, sealed.p, key)
        != 0)
    {
        return WA_ERR_AUTH;
    }

    out->n += n;

    return WA_OK;
}
