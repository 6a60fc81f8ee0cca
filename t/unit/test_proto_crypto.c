/* Primitives: known answers, vectors, and what must be refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_crypto.h"
#include "wa_crypto_int.h"
#include "wa_failmem.h"
#include "wa_vectors.h"


int curve25519_donna(uint8_t *out, const uint8_t *secret,
    const uint8_t *base);


static void
assert_hex(const uint8_t *p, size_t n, const char *hex)
{
    wa_buf_t  b = WA_BUF_EMPTY;

    assert_int_equal(wa_hex_encode(wa_span(p, n), &b), WA_OK);

    if (!wa_span_eq_str(wa_span_buf(&b), hex)) {
        fail_msg("%.*s is not %s", (int) b.n, (const char *) b.p, hex);
    }

    wa_buf_free(&b);
}


static void
digests_match_known_answers(void **state)
{
    uint8_t       out[64], key[131];
    wa_span_t     parts[3];
    wa_hmac_t    *hmac;
    wa_digest_t  *digest;

    (void) state;

    /* FIPS 180 and RFC 1321 examples for "abc", given in pieces */

    parts[0] = wa_span_str("a");
    parts[1] = wa_span_none();
    parts[2] = wa_span_str("bc");

    assert_int_equal(wa_sha256(parts, 3, out), WA_OK);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
                        "ff61f20015ad");
    assert_int_equal(wa_sha1(parts, 3, out), WA_OK);
    assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_int_equal(wa_md5(parts, 3, out), WA_OK);
    assert_hex(out, 16, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(wa_sha512(parts, 3, out), WA_OK);
    assert_hex(out, 64, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9e"
                        "eee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423"
                        "643ce80e2a9ac94fa54ca49f");
    assert_int_equal(wa_sha256(NULL, 0, out), WA_OK);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495"
                        "991b7852b855");

    assert_int_equal(wa_sha512_create(&digest), WA_OK);
    assert_int_equal(wa_sha512_update(digest, parts[0]), WA_OK);
    assert_int_equal(wa_sha512_final(digest, out), WA_OK);
    assert_int_equal(wa_sha512_update(digest, wa_span_str("abc")), WA_OK);
    assert_int_equal(wa_sha512_final(digest, out), WA_OK);
    assert_hex(out, 8, "ddaf35a193617aba");
    wa_sha512_free(digest);
    wa_sha512_free(NULL);

    /* RFC 4231 test case 2 */

    parts[0] = wa_span_str("what do ya want ");
    parts[1] = wa_span_str("for nothing?");

    assert_int_equal(wa_hmac_sha256(wa_span_str("Jefe"), parts, 2, out),
                     WA_OK);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec"
                        "58b964ec3843");

    /* RFC 4231 test case 6: a key longer than a block */

    memset(key, 0xaa, sizeof(key));
    parts[2] = wa_span_str("Test Using Larger Than Block-Size Key - Hash Key "
                           "First");
    assert_int_equal(wa_hmac_sha256(wa_span(key, 131), &parts[2], 1, out),
                     WA_OK);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546"
                        "040f0ee37f54");

    assert_int_equal(wa_hmac_create(&hmac, wa_span_str("Jefe")), WA_OK);
    assert_int_equal(wa_hmac_update(hmac, wa_span_str("other")), WA_OK);
    assert_int_equal(wa_hmac_final(hmac, out), WA_OK);
    assert_int_equal(wa_hmac_update(hmac, parts[0]), WA_OK);
    assert_int_equal(wa_hmac_update(hmac, parts[1]), WA_OK);
    assert_int_equal(wa_hmac_final(hmac, out), WA_OK);
    assert_hex(out, 8, "5bdcc146bf60754e");
    wa_hmac_free(hmac);
    wa_hmac_free(NULL);

    assert_int_equal(wa_hmac_sha256(wa_span_none(), NULL, 0, out), WA_OK);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c7"
                        "12144292c5ad");
}


static void
hkdf_matches_vectors(void **state)
{
    size_t        i;
    uint8_t       out[1024];
    json_t       *c;
    wa_span_t     okm;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "hkdf.json");

    json_array_foreach(wa_vectors_get(v.root, "cases"), i, c) {
        okm = wa_vectors_hex(&v, c, "okm");
        assert_int_equal(okm.n, wa_vectors_int(c, "length"));
        assert_true(okm.n <= sizeof(out));

        assert_int_equal(wa_hkdf(wa_vectors_hex(&v, c, "ikm"),
                                 wa_vectors_hex(&v, c, "salt"),
                                 wa_vectors_hex(&v, c, "info"),
                                 out, okm.n), WA_OK);
        assert_memory_equal(out, okm.p, okm.n);
    }

    assert_true(i >= 3);

    assert_int_equal(wa_hkdf(okm, okm, okm, out, 0), WA_ERR_ARG);
    assert_int_equal(wa_hkdf(okm, okm, okm, out, 255 * 32 + 1), WA_ERR_ARG);

    wa_vectors_close(&v);
}


static void
curve_matches_vectors(void **state)
{
    size_t        i;
    uint8_t       out[32], pub[32];
    json_t       *c;
    wa_span_t     m, sig, key, priv;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "curve.json");

    json_array_foreach(wa_vectors_get(v.root, "x25519"), i, c) {
        priv = wa_vectors_hex(&v, c, "a.priv");
        key = wa_vectors_hex(&v, c, "b.pub");

        assert_int_equal(wa_x25519(out, priv.p, key.p), WA_OK);
        assert_memory_equal(out, wa_vectors_hex(&v, c, "shared").p, 32);

        assert_int_equal(curve25519_donna(out, priv.p, key.p), 0);
        assert_memory_equal(out, wa_vectors_hex(&v, c, "shared").p, 32);

        assert_int_equal(wa_x25519_public(pub, priv.p), WA_OK);
        assert_memory_equal(pub, wa_vectors_hex(&v, c, "a.pub").p, 32);
    }

    json_array_foreach(wa_vectors_get(v.root, "xeddsa"), i, c) {
        key = wa_vectors_hex(&v, c, "public");
        m = wa_vectors_hex(&v, c, "message");

        sig = wa_vectors_hex(&v, c, "signature");
        assert_int_equal(sig.n, 64);
        assert_int_equal(wa_xeddsa_verify(key.p, &m, 1, sig.p),
                         json_is_true(wa_vectors_get(c, "valid")));

        sig = wa_vectors_hex(&v, c, "tampered_signature");
        assert_int_equal(wa_xeddsa_verify(key.p, &m, 1, sig.p),
                         json_is_true(wa_vectors_get(c, "tampered_valid")));
    }

    assert_true(i >= 4);

    wa_vectors_close(&v);
}


/* What the replaced function promises: generator form, small order. */
static void
donna_is_a_drop_in(void **state)
{
    uint8_t  priv[32], pub[32], out[32];
    size_t   i;

    static const uint8_t  generator[32] = { 9 };
    static const uint8_t  zero[32];
    static const uint8_t  one[32] = { 1 };

    (void) state;

    for (i = 0; i < 16; i++) {
        assert_int_equal(wa_x25519_keypair(priv, pub), WA_OK);
        assert_int_equal(curve25519_donna(out, priv, generator), 0);
        assert_memory_equal(out, pub, 32);
    }

    memset(out, 1, sizeof(out));
    assert_int_equal(curve25519_donna(out, priv, zero), -1);
    assert_memory_equal(out, zero, 32);

    assert_int_equal(wa_x25519(out, priv, one), WA_ERR_AUTH);
    assert_memory_equal(out, zero, 32);
}


static void
signatures_verify_only_what_was_signed(void **state)
{
    size_t     i, bit;
    uint8_t    priv[32], pub[32], other[32], sig[64], random[64], msg[100];
    wa_span_t  whole, parts[3];

    (void) state;

    for (i = 0; i < 200; i++) {
        assert_int_equal(wa_x25519_keypair(priv, pub), WA_OK);
        wa_random(random, sizeof(random));
        wa_random(msg, sizeof(msg));

        parts[0] = wa_span(msg, i % 40);
        parts[1] = wa_span(msg + i % 40, 0);
        parts[2] = wa_span(msg + i % 40, sizeof(msg) - i % 40);
        whole = wa_span(msg, sizeof(msg));

        assert_int_equal(wa_xeddsa_sign(sig, priv, parts, 3, random), WA_OK);
        assert_true(wa_xeddsa_verify(pub, &whole, 1, sig));
        assert_true(wa_xeddsa_verify(pub, parts, 3, sig));

        bit = i % 512;
        sig[bit / 8] ^= (uint8_t) (1u << bit % 8);
        assert_false(wa_xeddsa_verify(pub, &whole, 1, sig));
        sig[bit / 8] ^= (uint8_t) (1u << bit % 8);

        msg[i % sizeof(msg)] ^= 1;
        assert_false(wa_xeddsa_verify(pub, &whole, 1, sig));
        msg[i % sizeof(msg)] ^= 1;

        assert_int_equal(wa_x25519_keypair(priv, other), WA_OK);
        assert_false(wa_xeddsa_verify(other, &whole, 1, sig));
    }

    /* u = -1 has no Edwards form; empty messages are legal */

    memset(other, 0xff, sizeof(other));
    other[0] = 0xec;
    assert_false(wa_xeddsa_verify(other, &whole, 1, sig));

    memset(other, 0, sizeof(other));
    assert_false(wa_xeddsa_verify(other, &whole, 1, sig));

    assert_int_equal(wa_x25519_keypair(priv, pub), WA_OK);
    assert_int_equal(wa_xeddsa_sign(sig, priv, NULL, 0, random), WA_OK);
    assert_true(wa_xeddsa_verify(pub, NULL, 0, sig));
}


typedef wa_err_t (*gcm_pt)(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out);


/* NIST GCM test case 14 key (zero), and every bit of a short message. */
static void
gcm_check(gcm_pt gcm_seal, gcm_pt gcm_open)
{
    size_t     i;
    uint8_t    sealed[64], plain[64], copy[64];
    wa_span_t  aad;

    static const uint8_t  zero[32];

    assert_int_equal(gcm_seal(zero, zero, wa_span_none(),
                                 wa_span(zero, 16), sealed), WA_OK);
    assert_hex(sealed, 32, "cea7403d4d606b6e074ec5d3baf39d18"
                           "d0d1c8a799996bf0265b98b5d48ab919");

    assert_int_equal(gcm_seal(zero, zero, wa_span_none(), wa_span_none(),
                                 sealed), WA_OK);
    assert_hex(sealed, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    assert_int_equal(gcm_open(zero, zero, wa_span_none(),
                                 wa_span(sealed, 16), plain), WA_OK);

    aad = wa_span_str("header");
    assert_int_equal(gcm_seal(zero, zero, aad, wa_span_str("plaintext"),
                                 sealed), WA_OK);
    assert_int_equal(gcm_open(zero, zero, aad, wa_span(sealed, 25), plain),
                     WA_OK);
    assert_memory_equal(plain, "plaintext", 9);

    /* in place */

    memcpy(copy, sealed, 25);
    assert_int_equal(gcm_open(zero, zero, aad, wa_span(copy, 25), copy),
                     WA_OK);
    assert_memory_equal(copy, "plaintext", 9);

    for (i = 0; i < 25 * 8; i++) {
        sealed[i / 8] ^= (uint8_t) (1u << i % 8);
        assert_int_equal(gcm_open(zero, zero, aad, wa_span(sealed, 25),
                                     plain), WA_ERR_AUTH);
        assert_memory_equal(plain, zero, 9);
        sealed[i / 8] ^= (uint8_t) (1u << i % 8);
    }

    assert_int_equal(gcm_open(zero, zero, wa_span_none(),
                                 wa_span(sealed, 25), plain), WA_ERR_AUTH);
}


static void
gcm_authenticates_every_bit(void **state)
{
    uint8_t  plain[64];

    (void) state;

    gcm_check(wa_gcm_seal, wa_gcm_open);
    gcm_check(wa_gcm_seal_evp, wa_gcm_open_evp);
    gcm_check(wa_gcm_seal, wa_gcm_open_evp);

    assert_int_equal(wa_gcm_open(plain, plain, wa_span_none(),
                                 wa_span(plain, 15), plain), WA_ERR_AUTH);
}


static void
cbc_and_ctr_round_trip(void **state)
{
    size_t    i;
    uint8_t   key[32], iv[16], in[70], ctr[70];
    wa_buf_t  ct = WA_BUF_EMPTY;
    wa_buf_t  pt = WA_BUF_EMPTY;

    /* NIST SP 800-38A F.2.5 and F.5.5, first block */
    static const char  nist_key[] = "603deb1015ca71be2b73aef0857d7781"
                                    "1f352c073b6108d72d9810a30914dff4";
    static const char  nist_in[] = "6bc1bee22e409f96e93d7e117393172a";

    (void) state;

    assert_int_equal(wa_hex_decode(wa_span_str(nist_key), key, 32), WA_OK);
    assert_int_equal(wa_hex_decode(wa_span_str(nist_in), in, 16), WA_OK);
    assert_int_equal(wa_hex_decode(wa_span_str(
                         "000102030405060708090a0b0c0d0e0f"), iv, 16), WA_OK);

    assert_int_equal(wa_cbc_encrypt(key, iv, wa_span(in, 16), &ct), WA_OK);
    assert_int_equal(ct.n, 32);
    assert_hex(ct.p, 16, "f58c4c04d6e5f1ba779eabfb5f7bfbd6");

    assert_int_equal(wa_hex_decode(wa_span_str(
                         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), iv, 16), WA_OK);
    assert_int_equal(wa_ctr_crypt(key, iv, wa_span(in, 16), ctr), WA_OK);
    assert_hex(ctr, 16, "601ec313775789a5b7a7f504bbf3d228");

    wa_random(in, sizeof(in));

    for (i = 0; i <= sizeof(in); i++) {
        ct.n = 0;
        pt.n = 0;
        assert_int_equal(wa_cbc_encrypt(key, iv, wa_span(in, i), &ct), WA_OK);
        assert_int_equal(ct.n, i / 16 * 16 + 16);
        assert_int_equal(wa_cbc_decrypt(key, iv, wa_span_buf(&ct), &pt),
                         WA_OK);
        assert_int_equal(pt.n, i);
        assert_memory_equal(pt.p, in, i);

        assert_int_equal(wa_ctr_crypt(key, iv, wa_span(in, i), ctr), WA_OK);
        assert_int_equal(wa_ctr_crypt(key, iv, wa_span(ctr, i), ctr), WA_OK);
        assert_memory_equal(ctr, in, i);
    }

    pt.n = 0;
    assert_int_equal(wa_cbc_decrypt(key, iv, wa_span_none(), &pt),
                     WA_ERR_DECRYPT);
    assert_int_equal(wa_cbc_decrypt(key, iv, wa_span(ct.p, ct.n - 1), &pt),
                     WA_ERR_DECRYPT);
    assert_int_equal(wa_cbc_decrypt(key, iv, wa_span(ct.p, ct.n - 16), &pt),
                     WA_ERR_DECRYPT);
    assert_int_equal(pt.n, 0);

    wa_buf_free(&ct);
    wa_buf_free(&pt);
}


/* PBKDF2, CTR, GCM and HKDF as the pairing code uses them. */
static void
pair_code_keys_match_vectors(void **state)
{
    uint8_t       key[32], out[128], secret[32];
    wa_span_t     wrapped, text, bundle;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "paircode.json");

    text = wa_span_str(wa_vectors_str(v.root, "code"));
    wrapped = wa_vectors_hex(&v, v.root,
                        "link_code_pairing_wrapped_companion_ephemeral_pub");

    assert_int_equal(wrapped.n, 80);
    assert_int_equal(wa_pbkdf2(text, wa_span(wrapped.p, 32), 131072, key, 32),
                     WA_OK);
    assert_memory_equal(key, wa_vectors_hex(&v, v.root, "pbkdf2_key").p, 32);

    assert_int_equal(wa_ctr_crypt(key, wrapped.p + 32,
                                  wa_span(wrapped.p + 48, 32), out), WA_OK);
    assert_memory_equal(out, wa_vectors_hex(&v, v.root,
                                            "companion_ephemeral.pub").p, 32);

    assert_int_equal(wa_pbkdf2(text, text, 0, key, 32), WA_ERR_ARG);

    /* key bundle: salt 32, nonce 12, ciphertext and tag */

    assert_int_equal(wa_x25519(secret,
                         wa_vectors_hex(&v, v.root,
                                        "companion_ephemeral.priv").p,
                         wa_vectors_hex(&v, v.root,
                                        "primary_ephemeral.pub").p), WA_OK);

    wrapped = wa_vectors_hex(&v, v.root,
                             "link_code_pairing_wrapped_key_bundle");
    bundle = wa_vectors_hex(&v, v.root, "key_bundle_plaintext");

    assert_int_equal(wa_hkdf(wa_span(secret, 32), wa_span(wrapped.p, 32),
                  wa_span_str("link_code_pairing_key_bundle_encryption_key"),
                  key, 32), WA_OK);
    assert_int_equal(wa_gcm_open(key, wrapped.p + 32, wa_span_none(),
                                 wa_span(wrapped.p + 44, wrapped.n - 44),
                                 out), WA_OK);
    assert_int_equal(wrapped.n - 44 - 16, bundle.n);
    assert_memory_equal(out, bundle.p, bundle.n);

    assert_int_equal(wa_hkdf(wa_vectors_hex(&v, v.root, "adv_secret_input"),
                             wa_span_none(), wa_span_str("adv_secret"),
                             key, 32), WA_OK);
    assert_memory_equal(key, wa_vectors_hex(&v, v.root, "adv_secret").p, 32);

    wa_vectors_close(&v);
}


static void
sealed_values_open_only_unchanged(void **state)
{
    size_t     i;
    uint8_t    key[32], other[32];
    wa_buf_t   box = WA_BUF_EMPTY;
    wa_buf_t   again = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;
    wa_span_t  aad;

    (void) state;

    wa_random(key, sizeof(key));
    wa_random(other, sizeof(other));
    aad = wa_span_str("account 1");

    assert_int_equal(wa_seal(key, aad, wa_span_str("secret"), &box), WA_OK);
    assert_int_equal(box.n, 6 + WA_SEAL_OVERHEAD);
    assert_int_equal(wa_seal(key, aad, wa_span_str("secret"), &again), WA_OK);
    assert_false(wa_span_eq(wa_span_buf(&box), wa_span_buf(&again)));

    assert_int_equal(wa_buf_append_str(&out, "x"), WA_OK);
    assert_int_equal(wa_unseal(key, aad, wa_span_buf(&box), &out), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out), "xsecret"));

    for (i = 0; i < box.n * 8; i++) {
        box.p[i / 8] ^= (uint8_t) (1u << i % 8);
        assert_int_equal(wa_unseal(key, aad, wa_span_buf(&box), &out),
                         WA_ERR_AUTH);
        box.p[i / 8] ^= (uint8_t) (1u << i % 8);
    }

    for (i = 0; i < box.n; i++) {
        assert_int_equal(wa_unseal(key, aad, wa_span(box.p, i), &out),
                         WA_ERR_AUTH);
    }

    assert_int_equal(wa_unseal(other, aad, wa_span_buf(&box), &out),
                     WA_ERR_AUTH);
    assert_int_equal(wa_unseal(key, wa_span_str("account 2"),
                               wa_span_buf(&box), &out), WA_ERR_AUTH);
    assert_int_equal(out.n, 7);

    box.n = 0;
    out.n = 0;
    assert_int_equal(wa_seal(key, wa_span_none(), wa_span_none(), &box),
                     WA_OK);
    assert_int_equal(wa_unseal(key, wa_span_none(), wa_span_buf(&box), &out),
                     WA_OK);
    assert_int_equal(out.n, 0);

    wa_buf_free(&box);
    wa_buf_free(&again);
    wa_buf_free(&out);
}


static wa_err_t
crypto_scenario(void *data)
{
    uint8_t       key[32] = { 1 }, mac[64];
    wa_buf_t      a = WA_BUF_EMPTY;
    wa_buf_t      b = WA_BUF_EMPTY;
    wa_err_t      rc;
    wa_span_t     text;
    wa_hmac_t    *hmac;
    wa_digest_t  *digest;

    (void) data;

    text = wa_span_str("a text of some length");
    hmac = NULL;
    digest = NULL;

    rc = wa_cbc_encrypt(key, key, text, &a);

    if (rc == WA_OK) {
        rc = wa_cbc_decrypt(key, key, wa_span_buf(&a), &b);
    }

    a.n = 0;

    if (rc == WA_OK) {
        rc = wa_seal(key, text, text, &a);
    }

    b.n = 0;

    if (rc == WA_OK) {
        rc = wa_unseal(key, text, wa_span_buf(&a), &b);
    }

    if (rc == WA_OK) {
        rc = wa_hmac_create(&hmac, text);
    }

    if (rc == WA_OK) {
        rc = wa_hmac_final(hmac, mac);
    }

    if (rc == WA_OK) {
        rc = wa_sha512_create(&digest);
    }

    wa_hmac_free(hmac);
    wa_sha512_free(digest);
    wa_buf_free(&a);
    wa_buf_free(&b);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    (void) state;

    WA_FAILMEM_RUN(crypto_scenario, NULL);
}


static int
setup(void **state)
{
    (void) state;

    return (wa_crypto_init() == WA_OK && wa_crypto_init() == WA_OK) ? 0 : -1;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(digests_match_known_answers),
        cmocka_unit_test(hkdf_matches_vectors),
        cmocka_unit_test(curve_matches_vectors),
        cmocka_unit_test(donna_is_a_drop_in),
        cmocka_unit_test(signatures_verify_only_what_was_signed),
        cmocka_unit_test(gcm_authenticates_every_bit),
        cmocka_unit_test(cbc_and_ctr_round_trip),
        cmocka_unit_test(pair_code_keys_match_vectors),
        cmocka_unit_test(sealed_values_open_only_unchanged),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
