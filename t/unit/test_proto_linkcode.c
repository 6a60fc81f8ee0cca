/* Linking by code: every step against the vectors. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_linkcode.h"
#include "wa_vectors.h"


static wa_span_t
hex(wa_vectors_t *v, const char *path)
{
    return wa_vectors_hex(v, v->root, path);
}


static void
codes_are_spelled_as_phones_read_them(void **state)
{
    char          text[WA_LINKCODE_LEN + 1];
    size_t        i;
    json_t       *c;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "paircode.json");

    json_array_foreach(wa_vectors_get(v.root, "crockford"), i, c) {
        wa_linkcode_text(wa_vectors_hex(&v, c, "bytes").p, text);
        assert_string_equal(text, wa_vectors_str(c, "code"));
    }

    wa_vectors_close(&v);
}


static void
keys_are_wrapped_as_in_the_vectors(void **state)
{
    uint8_t       key[32], pub[32], wrapped[WA_LINKCODE_WRAPPED];
    wa_span_t     want;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "paircode.json");

    assert_int_equal(wa_pbkdf2(wa_span_str(wa_vectors_str(v.root, "code")),
                               hex(&v, "salt"), WA_LINKCODE_ITERATIONS, key,
                               32), WA_OK);
    assert_memory_equal(key, hex(&v, "pbkdf2_key").p, 32);

    want = hex(&v, "link_code_pairing_wrapped_companion_ephemeral_pub");
    assert_int_equal(want.n, WA_LINKCODE_WRAPPED);
    assert_int_equal(wa_linkcode_wrap(key, hex(&v, "salt").p,
                                      hex(&v, "iv").p,
                                      hex(&v, "companion_ephemeral.pub").p,
                                      wrapped), WA_OK);
    assert_memory_equal(wrapped, want.p, WA_LINKCODE_WRAPPED);

    want = hex(&v, "link_code_pairing_wrapped_primary_ephemeral_pub");
    assert_int_equal(wa_linkcode_unwrap(hex(&v, "primary_pbkdf2_key").p,
                                        want.p, pub), WA_OK);
    assert_memory_equal(pub, hex(&v, "primary_ephemeral.pub").p, 32);

    wa_vectors_close(&v);
}


static void
bundle_and_secret_are_those_of_the_vectors(void **state)
{
    uint8_t             out[WA_LINKCODE_BUNDLE], secret[32];
    wa_span_t           want;
    wa_vectors_t        v;
    wa_linkcode_keys_t  k;

    static const uint8_t  low_order[32];

    (void) state;

    wa_vectors_open(&v, "paircode.json");

    k.ephemeral_priv = hex(&v, "companion_ephemeral.priv").p;
    k.identity_priv = hex(&v, "companion_identity.priv").p;
    k.identity_pub = hex(&v, "companion_identity.pub").p;
    k.primary_ephemeral = hex(&v, "primary_ephemeral.pub").p;
    k.primary_identity = hex(&v, "primary_identity.pub").p;
    k.salt = hex(&v, "key_bundle_salt").p;
    k.nonce = hex(&v, "key_bundle_nonce").p;
    k.random = hex(&v, "adv_random").p;

    assert_int_equal(wa_linkcode_bundle(&k, out, secret), WA_OK);
    assert_memory_equal(secret, hex(&v, "adv_secret").p, 32);

    want = hex(&v, "link_code_pairing_wrapped_key_bundle");
    assert_int_equal(want.n, WA_LINKCODE_BUNDLE);
    assert_memory_equal(out, want.p, WA_LINKCODE_BUNDLE);

    k.primary_ephemeral = low_order;
    assert_int_equal(wa_linkcode_bundle(&k, out, secret), WA_ERR_AUTH);

    k.primary_ephemeral = hex(&v, "primary_ephemeral.pub").p;
    k.primary_identity = low_order;
    assert_int_equal(wa_linkcode_bundle(&k, out, secret), WA_ERR_AUTH);

    wa_vectors_close(&v);
}


static int
setup(void **state)
{
    (void) state;

    return wa_crypto_init() == WA_OK ? 0 : -1;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(codes_are_spelled_as_phones_read_them),
        cmocka_unit_test(keys_are_wrapped_as_in_the_vectors),
        cmocka_unit_test(bundle_and_secret_are_those_of_the_vectors)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
