/* Prekey bundles: read, verified, fetched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adv.pb-c.h"

#include "wa_account_int.h"
#include "wa_bench.h"
#include "wa_bundle.h"
#include "wa_crypto.h"
#include "wa_pb.h"
#include "wa_signal.h"


static const char  ana_lid[] = "200000000000002@lid";


typedef struct {
    wa_keypair_t  identity;
    wa_keypair_t  signed_key;
    wa_keypair_t  prekey;
} keys_t;


static wa_node_t *
bundle_node(wa_bench_t *b, const char *address, keys_t *k, bool wrong)
{
    uint8_t      point[33], random[64], *sig;
    wa_span_t    part;
    wa_node_t   *user, *node;

    user = wa_node_new(b->arena, "user");
    wa_node_set_str(b->arena, user, "jid", address);

    if (k == NULL) {
        wa_node_set_u64(b->arena, wa_node_add_new(b->arena, user, "error"),
                        "code", 406);
        return user;
    }

    assert_int_equal(wa_x25519_keypair(k->identity.priv, k->identity.pub),
                     WA_OK);
    assert_int_equal(wa_x25519_keypair(k->signed_key.priv,
                                       k->signed_key.pub), WA_OK);
    assert_int_equal(wa_x25519_keypair(k->prekey.priv, k->prekey.pub),
                     WA_OK);
    point[0] = 5;
    memcpy(point + 1, k->signed_key.pub, 32);
    part = wa_span(point, sizeof(point));
    wa_random(random, sizeof(random));
    sig = wa_arena_alloc(b->arena, 64);
    assert_int_equal(wa_xeddsa_sign(sig, k->identity.priv, &part, 1, random),
                     WA_OK);
    sig[3] = wrong ? sig[3] ^ 1 : sig[3];

    wa_node_bytes(wa_node_add_new(b->arena, user, "registration"),
                  wa_span("\x00\x00\x12\x34", 4));
    wa_node_bytes(wa_node_add_new(b->arena, user, "type"),
                  wa_span("\x05", 1));
    wa_node_bytes(wa_node_add_new(b->arena, user, "identity"),
                  wa_span(k->identity.pub, 32));
    node = wa_node_add_new(b->arena, user, "skey");
    wa_node_bytes(wa_node_add_new(b->arena, node, "id"),
                  wa_span("\x00\x00\x01", 3));
    wa_node_bytes(wa_node_add_new(b->arena, node, "value"),
                  wa_span(k->signed_key.pub, 32));
    wa_node_bytes(wa_node_add_new(b->arena, node, "signature"),
                  wa_span(sig, 64));
    node = wa_node_add_new(b->arena, user, "key");
    wa_node_bytes(wa_node_add_new(b->arena, node, "id"),
                  wa_span("\x00\x01\x00", 3));
    wa_node_bytes(wa_node_add_new(b->arena, node, "value"),
                  wa_span(k->prekey.pub, 32));

    return user;
}


/* ADVSignedDeviceIdentity of a companion, signed by `account`. */
static void
add_device_identity(wa_bench_t *b, wa_node_t *user, const keys_t *k,
    const wa_keypair_t *account, bool wrong)
{
    uint8_t                          *sig;
    wa_span_t                         details, identity;
    Wa__ADVDeviceIdentity             d;
    Wa__ADVSignedDeviceIdentity       s;

    wa__advdevice_identity__init(&d);
    d.has_raw_id = d.has_key_index = d.has_timestamp = 1;
    d.key_index = 12;
    details = wa_bench_pack(b, &d.base);
    identity = wa_span(k->identity.pub, 32);

    wa__advsigned_device_identity__init(&s);
    s.has_details = s.has_account_signature_key = 1;
    s.has_account_signature = s.has_device_signature = 1;
    s.details = wa_pb_bytes(details);
    s.account_signature_key = wa_pb_bytes(wa_span(account->pub, 32));
    s.account_signature = wa_pb_bytes(wa_bench_sign(b, account, "\x06\x00",
                              details, identity, wa_span_none()));
    sig = wa_arena_dup(b->arena,
                       wa_bench_sign(b, &k->identity, "\x06\x01", details,
                                     identity,
                                     wa_span(account->pub, 32)).p, 64);
    sig[9] = wrong ? sig[9] ^ 1 : sig[9];
    s.device_signature = wa_pb_bytes(wa_span(sig, 64));

    wa_node_bytes(wa_node_add_new(b->arena, user, "device-identity"),
                  wa_bench_pack(b, &s.base));
}


/* The form a companion gave to the server: without the account's key. */
static void
drop_account_key(wa_bench_t *b, wa_node_t *user)
{
    wa_node_t                    *node;
    Wa__ADVSignedDeviceIdentity  *s;

    node = wa_node_child(user, "device-identity");
    assert_int_equal(WA_PB_UNPACK(wa__advsigned_device_identity__descriptor,
                                  wa_node_content(node), b->arena, &s),
                     WA_OK);
    s->has_account_signature_key = 0;
    wa_node_bytes(node, wa_bench_pack(b, &s->base));
}


/* What verifies the companion is the identity of the primary beside it. */
static void
a_primary_vouches_whatever_the_order(void **state)
{
    keys_t        k[2];
    wa_bench_t   *b = *state;
    wa_err_t      results[2];
    wa_jid_t      devices[2];
    wa_node_t    *list, *user, *primary;

    devices[0] = wa_bench_jid("200000000000009:12@lid");
    devices[1] = wa_bench_jid("200000000000009@lid");
    assert_int_equal(wa_bundle_fetch(wa_bench_task(b), devices, 2, results),
                     WA_AGAIN);
    wa_bench_run(b);

    primary = bundle_node(b, "200000000000009@lid", &k[1], false);
    user = bundle_node(b, "200000000000009:12@lid", &k[0], false);
    add_device_identity(b, user, &k[0], &k[1].identity, false);
    drop_account_key(b, user);
    list = wa_node_new(b->arena, "list");
    wa_node_add(b->arena, list, user);
    wa_node_add(b->arena, list, primary);
    wa_peer_result(b->peer, wa_peer_expect(b->peer, "iq"), list);
    wa_host_advance(b->host, 1);

    assert_int_equal(b->rc, WA_OK);
    assert_int_equal(results[0], WA_OK);
    assert_int_equal(results[1], WA_OK);
}


static void
bundles_become_sessions(void **state)
{
    size_t             i;
    keys_t             k[6];
    uint8_t            key[32];
    wa_bench_t        *b = *state;
    wa_err_t           results[6];
    wa_jid_t           devices[6];
    wa_node_t         *list, *user;
    wa_keypair_t       account;
    const wa_node_t   *iq;

    static const char *const  names[6] = {
        "200000000000002@lid", "200000000000002:12@lid",
        "200000000000002:13@lid", "200000000000002:14@lid",
        "200000000000002:15@lid", "200000000000003:2@lid"
    };

    wa_bench_put(b, "dev/200000000000002@lid", "value");
    assert_int_equal(wa_x25519_keypair(account.priv, account.pub), WA_OK);

    for (i = 0; i < 6; i++) {
        devices[i] = wa_bench_jid(names[i]);
    }

    assert_int_equal(wa_bundle_fetch(wa_bench_task(b), devices, 6, results),
                     WA_AGAIN);
    wa_bench_run(b);
    iq = wa_peer_expect(b->peer, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "encrypt"));
    assert_int_equal(wa_node_child(iq, "key")->n_nodes, 6);
    assert_true(wa_node_attr_is(wa_node_first(wa_node_child(iq, "key")),
                                "reason", "identity"));

    list = wa_node_new(b->arena, "list");
    wa_node_add(b->arena, list, bundle_node(b, names[0], &k[0], false));
    user = bundle_node(b, names[1], &k[1], false);
    add_device_identity(b, user, &k[1], &account, false);
    wa_node_add(b->arena, list, user);
    wa_node_add(b->arena, list, bundle_node(b, names[2], &k[2], true));
    wa_node_add(b->arena, list, bundle_node(b, names[3], NULL, false));
    user = bundle_node(b, names[4], &k[4], false);
    add_device_identity(b, user, &k[4], &account, true);
    wa_node_add(b->arena, list, user);
    wa_peer_result(b->peer, iq, list);
    wa_host_advance(b->host, 1);

    assert_true(b->ended);
    assert_int_equal(b->rc, WA_OK);
    assert_int_equal(results[0], WA_OK);
    assert_int_equal(results[1], WA_OK);
    assert_int_equal(results[2], WA_ERR_AUTH);
    assert_int_equal(results[3], WA_ERR_GONE);
    assert_int_equal(results[4], WA_ERR_AUTH);
    assert_int_equal(results[5], WA_ERR_REFUSED);

    for (i = 0; i < 6; i++) {
        assert_int_equal(wa_signal_has_session(b->a, &devices[i]), i < 2);
    }

    assert_true(wa_signal_identity(b->a, &devices[1], key));
    assert_memory_equal(key, k[1].identity.pub, 32);
    assert_true(wa_bench_stored(b, "sess/200000000000002_1.0"));
    assert_true(wa_bench_stored(b, "sess/200000000000002_1.12"));
    assert_false(wa_bench_stored(b, "dev/200000000000002@lid"));

    /* The whole query fails. */
    assert_int_equal(wa_bundle_fetch(wa_bench_task(b), devices, 0, results),
                     WA_ERR_ARG);
    assert_int_equal(wa_bundle_fetch(wa_bench_task(b), devices, 1, results),
                     WA_AGAIN);
    wa_bench_run(b);
    wa_peer_error(b->peer, wa_peer_expect(b->peer, "iq"), 500);
    assert_int_equal(b->rc, WA_ERR_REFUSED);
}


static void
malformed_bundles_are_refused(void **state)
{
    size_t            i;
    keys_t            k;
    wa_bench_t       *b = *state;
    wa_node_t        *user, *node;
    wa_bundle_t       out;

    static const char *const  parts[] = {
        "registration", "identity", "skey", "type"
    };

    user = bundle_node(b, ana_lid, &k, false);
    assert_int_equal(wa_bundle_parse(user, NULL, &out), WA_OK);
    assert_int_equal(out.registration_id, 0x1234);
    assert_int_equal(out.signed_id, 1);
    assert_int_equal(out.prekey_id, 256);
    assert_true(out.has_prekey);

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        user = bundle_node(b, ana_lid, &k, false);
        node = wa_node_child(user, parts[i]);
        node->content = WA_CONTENT_BYTES;
        node->first = NULL;
        node->bytes = wa_span("xy", 2);
        assert_int_equal(wa_bundle_parse(user, NULL, &out), WA_ERR_SYNTAX);
    }

    /* No one-time key is normal, half of one is not. */
    user = bundle_node(b, ana_lid, &k, false);
    wa_node_child(user, "key")->tag = wa_span_str("other");
    assert_int_equal(wa_bundle_parse(user, NULL, &out), WA_OK);
    assert_false(out.has_prekey);

    user = bundle_node(b, ana_lid, &k, false);
    wa_node_child(wa_node_child(user, "key"), "value")->bytes.n = 31;
    assert_int_equal(wa_bundle_parse(user, NULL, &out), WA_ERR_SYNTAX);
    assert_int_equal(wa_bundle_parse(NULL, NULL, &out), WA_ERR_SYNTAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(bundles_become_sessions,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            a_primary_vouches_whatever_the_order, wa_bench_setup,
            wa_bench_teardown),
        cmocka_unit_test_setup_teardown(malformed_bundles_are_refused,
            wa_bench_setup, wa_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
