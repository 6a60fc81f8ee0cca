/* ADV, client payload, padding and the small hashes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adv.pb-c.h"

#include "wa_adv.h"
#include "wa_clientpayload.h"
#include "wa_failmem.h"
#include "wa_hashes.h"
#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_vectors.h"


typedef struct {
    wa_vectors_t  v;
    wa_span_t     secret;
    wa_span_t     priv;
    wa_span_t     pub;
    wa_span_t     container;
} pair_t;


static const uint8_t  fixed_random[64] = { 1, 2, 3 };


static void
pair_open(pair_t *p)
{
    wa_vectors_open(&p->v, "pairing.json");

    p->secret = wa_vectors_hex(&p->v, p->v.root, "keys.adv_secret");
    p->priv = wa_vectors_hex(&p->v, p->v.root, "keys.identity.priv");
    p->pub = wa_vectors_hex(&p->v, p->v.root, "keys.identity.pub");
    p->container = wa_vectors_hex(&p->v, p->v.root,
                        "pair_success.0.device_identity_container_protobuf");
}


static wa_err_t
pair_run(pair_t *p, wa_span_t container, wa_arena_t *arena, wa_adv_t *out,
    wa_adv_fail_e *fail)
{
    return wa_adv_pair(container, p->secret.p, p->priv.p, p->pub.p,
                       fixed_random, arena, out, fail);
}


/* `mine` is `want` with another device signature. */
static void
assert_signed_alike(wa_span_t mine, wa_span_t want, wa_span_t message,
    const uint8_t pub[32], wa_arena_t *arena)
{
    Wa__ADVSignedDeviceIdentity  *a, *b;

    assert_int_equal(WA_PB_UNPACK(wa__advsigned_device_identity__descriptor,
                                  mine, arena, &a), WA_OK);
    assert_int_equal(WA_PB_UNPACK(wa__advsigned_device_identity__descriptor,
                                  want, arena, &b), WA_OK);

    assert_true(wa_span_eq(wa_pb_span(&a->details), wa_pb_span(&b->details)));
    assert_int_equal(a->has_account_signature_key,
                     b->has_account_signature_key);
    assert_true(wa_span_eq(wa_pb_span(&a->account_signature_key),
                           wa_pb_span(&b->account_signature_key)));
    assert_true(wa_span_eq(wa_pb_span(&a->account_signature),
                           wa_pb_span(&b->account_signature)));

    assert_int_equal(a->device_signature.len, 64);
    assert_true(wa_xeddsa_verify(pub, &message, 1, a->device_signature.data));
    assert_true(wa_xeddsa_verify(pub, &message, 1, b->device_signature.data));
}


static void
pair_success_matches_vectors(void **state)
{
    size_t         i, accepted;
    pair_t         p;
    json_t        *c;
    wa_err_t       rc;
    wa_adv_t       adv;
    wa_arena_t     arena;
    wa_span_t      message;
    wa_adv_fail_e  fail;

    (void) state;

    pair_open(&p);
    wa_arena_init(&arena, 0);
    accepted = 0;

    json_array_foreach(wa_vectors_get(p.v.root, "pair_success"), i, c) {
        const char  *expect;

        expect = wa_vectors_str(c, "expect");
        print_message("case %zu: %s\n", i, expect);

        rc = pair_run(&p, wa_vectors_hex(&p.v, c,
                              "device_identity_container_protobuf"),
                      &arena, &adv, &fail);

        if (strcmp(expect, "ok") != 0) {
            assert_int_equal(rc, WA_ERR_AUTH);
            assert_int_equal(fail,
                strstr(wa_vectors_str(c, "note"), "HMAC") != NULL
                ? WA_ADV_FAIL_HMAC : WA_ADV_FAIL_SIGNATURE);
            continue;
        }

        accepted++;
        assert_int_equal(rc, WA_OK);
        assert_int_equal(fail, WA_ADV_FAIL_NONE);
        assert_int_equal(adv.key_index,
                         atoi(wa_vectors_str(c, "reply_key_index")));
        assert_int_equal(adv.hosted, wa_vectors_int(c, "device_type") == 1);
        assert_memory_equal(adv.account_key,
                    wa_vectors_hex(&p.v, c, "store_identity_key").p, 32);

        message = wa_vectors_hex(&p.v, c, "device_signed_message");
        assert_signed_alike(adv.reply, wa_vectors_hex(&p.v, c,
                            "reply_device_identity_protobuf_example"),
                            message, p.pub.p, &arena);
        assert_signed_alike(adv.stored, wa_vectors_hex(&p.v, c,
                            "stored_account_with_key_protobuf_example"),
                            message, p.pub.p, &arena);
    }

    assert_true(accepted >= 3 && i - accepted >= 2);

    wa_arena_free(&arena);
    wa_vectors_close(&p.v);
}


static void
every_bit_of_the_container_counts(void **state)
{
    size_t         i;
    pair_t         p;
    uint8_t       *copy;
    wa_err_t       rc;
    wa_adv_t       adv;
    wa_arena_t     arena;
    wa_adv_fail_e  fail;

    (void) state;

    pair_open(&p);
    wa_arena_init(&arena, 0);

    copy = malloc(WA_ADV_MAX + 1);
    assert_non_null(copy);
    memcpy(copy, p.container.p, p.container.n);

    for (i = 0; i < p.container.n * 8; i++) {
        copy[i / 8] ^= (uint8_t) (1u << i % 8);
        rc = pair_run(&p, wa_span(copy, p.container.n), &arena, &adv, &fail);
        copy[i / 8] ^= (uint8_t) (1u << i % 8);

        /* the last field is the account type E2EE = 0: its value may change */

        if (rc == WA_OK) {
            assert_true(i / 8 >= p.container.n - 2);
            continue;
        }

        assert_true(rc == WA_ERR_AUTH || rc == WA_ERR_SYNTAX);
        assert_int_not_equal(fail, WA_ADV_FAIL_NONE);
        wa_arena_reset(&arena);
    }

    for (i = 0; i < p.container.n - 2; i++) {
        assert_int_not_equal(pair_run(&p, wa_span(copy, i), &arena, &adv,
                                      &fail), WA_OK);
    }

    assert_int_equal(pair_run(&p, wa_span(copy, WA_ADV_MAX + 1), &arena, &adv,
                              &fail), WA_ERR_LIMIT);

    free(copy);
    wa_arena_free(&arena);
    wa_vectors_close(&p.v);
}


/* -- blobs signed by test keys -------------------------------------------- */

typedef struct {
    uint8_t  account[2][32];
    uint8_t  device[2][32];
} keys_t;


static void
sign(uint8_t sig[64], const uint8_t priv[32], uint8_t kind, wa_span_t a,
    wa_span_t b, wa_span_t c)
{
    uint8_t    prefix[2] = { 6, kind };
    wa_span_t  parts[4];

    parts[0] = wa_span(prefix, 2);
    parts[1] = a;
    parts[2] = b;
    parts[3] = c;

    assert_int_equal(wa_xeddsa_sign(sig, priv, parts, 4, fixed_random),
                     WA_OK);
}


static void
make_identity(const keys_t *k, bool hosted, bool with_key, wa_buf_t *out)
{
    uint8_t    account_sig[64], device_sig[64];
    wa_buf_t   details = WA_BUF_EMPTY;
    wa_span_t  identity, account;

    Wa__ADVDeviceIdentity        dev = WA__ADVDEVICE_IDENTITY__INIT;
    Wa__ADVSignedDeviceIdentity  sdi = WA__ADVSIGNED_DEVICE_IDENTITY__INIT;

    dev.has_raw_id = 1;
    dev.raw_id = 5;
    dev.has_device_type = 1;
    dev.device_type = hosted ? WA__ADVENCRYPTION_TYPE__HOSTED
                             : WA__ADVENCRYPTION_TYPE__E2EE;
    assert_int_equal(WA_PB_PACK(&dev, &details), WA_OK);

    identity = wa_span(k->device[1], 32);
    account = wa_span(k->account[1], 32);

    sign(account_sig, k->account[0], hosted ? 5 : 0, wa_span_buf(&details),
         identity, wa_span_none());
    sign(device_sig, k->device[0], hosted ? 6 : 1, wa_span_buf(&details),
         identity, account);

    sdi.has_details = 1;
    sdi.details = wa_pb_bytes(wa_span_buf(&details));
    sdi.has_account_signature_key = with_key;
    sdi.account_signature_key = wa_pb_bytes(account);
    sdi.has_account_signature = 1;
    sdi.account_signature = wa_pb_bytes(wa_span(account_sig, 64));
    sdi.has_device_signature = 1;
    sdi.device_signature = wa_pb_bytes(wa_span(device_sig, 64));

    out->n = 0;
    assert_int_equal(WA_PB_PACK(&sdi, out), WA_OK);
    wa_buf_free(&details);
}


static void
make_keys(keys_t *k)
{
    assert_int_equal(wa_x25519_keypair(k->account[0], k->account[1]), WA_OK);
    assert_int_equal(wa_x25519_keypair(k->device[0], k->device[1]), WA_OK);
}


static void
device_identities_verify(void **state)
{
    size_t      i;
    keys_t      k, other;
    wa_buf_t    blob = WA_BUF_EMPTY;
    wa_arena_t  arena;

    (void) state;

    wa_arena_init(&arena, 0);
    make_keys(&k);
    make_keys(&other);

    for (i = 0; i < 2; i++) {
        make_identity(&k, i == 1, true, &blob);
        assert_int_equal(wa_adv_verify_device(wa_span_buf(&blob), k.device[1],
                                              NULL, &arena), WA_OK);
        assert_int_equal(wa_adv_verify_device(wa_span_buf(&blob),
                                              other.device[1], NULL, &arena),
                         WA_ERR_AUTH);

        make_identity(&k, i == 1, false, &blob);
        assert_int_equal(wa_adv_verify_device(wa_span_buf(&blob), k.device[1],
                                              k.account[1], &arena), WA_OK);
        assert_int_equal(wa_adv_verify_device(wa_span_buf(&blob), k.device[1],
                                              other.account[1], &arena),
                         WA_ERR_AUTH);
        assert_int_equal(wa_adv_verify_device(wa_span_buf(&blob), k.device[1],
                                              NULL, &arena), WA_ERR_SYNTAX);
    }

    for (i = 0; i < blob.n * 8; i++) {
        blob.p[i / 8] ^= (uint8_t) (1u << i % 8);
        assert_int_not_equal(wa_adv_verify_device(wa_span_buf(&blob),
                                 k.device[1], k.account[1], &arena), WA_OK);
        blob.p[i / 8] ^= (uint8_t) (1u << i % 8);
        wa_arena_reset(&arena);
    }

    wa_buf_free(&blob);
    wa_arena_free(&arena);
}


static void
key_index_lists_verify(void **state)
{
    keys_t          k, other;
    uint8_t         sig[64];
    wa_buf_t        details = WA_BUF_EMPTY;
    wa_buf_t        blob = WA_BUF_EMPTY;
    wa_arena_t      arena;
    wa_adv_index_t  index;
    uint32_t        valid[] = { 0, 3, 300 };

    Wa__ADVKeyIndexList        list = WA__ADVKEY_INDEX_LIST__INIT;
    Wa__ADVSignedKeyIndexList  s = WA__ADVSIGNED_KEY_INDEX_LIST__INIT;

    (void) state;

    wa_arena_init(&arena, 0);
    make_keys(&k);
    make_keys(&other);

    list.has_raw_id = 1;
    list.raw_id = 77;
    list.has_timestamp = 1;
    list.timestamp = 1763690000;
    list.has_current_index = 1;
    list.current_index = 300;
    list.n_valid_indexes = 3;
    list.valid_indexes = valid;
    assert_int_equal(WA_PB_PACK(&list, &details), WA_OK);

    sign(sig, k.account[0], 2, wa_span_buf(&details), wa_span_none(),
         wa_span_none());

    s.has_details = 1;
    s.details = wa_pb_bytes(wa_span_buf(&details));
    s.has_account_signature = 1;
    s.account_signature = wa_pb_bytes(wa_span(sig, 64));
    assert_int_equal(WA_PB_PACK(&s, &blob), WA_OK);

    assert_int_equal(wa_adv_key_index(wa_span_buf(&blob), k.account[1],
                                      &arena, &index), WA_OK);
    assert_int_equal(index.raw_id, 77);
    assert_int_equal(index.current_index, 300);
    assert_int_equal(index.timestamp, 1763690000);
    assert_int_equal(index.n_valid, 3);
    assert_memory_equal(index.valid, valid, sizeof(valid));

    assert_int_equal(wa_adv_key_index(wa_span_buf(&blob), other.account[1],
                                      &arena, &index), WA_ERR_AUTH);
    assert_int_equal(wa_adv_key_index(wa_span_buf(&blob), NULL, &arena,
                                      &index), WA_ERR_SYNTAX);

    s.has_account_signature_key = 1;
    s.account_signature_key = wa_pb_bytes(wa_span(k.account[1], 32));
    blob.n = 0;
    assert_int_equal(WA_PB_PACK(&s, &blob), WA_OK);
    assert_int_equal(wa_adv_key_index(wa_span_buf(&blob), NULL, &arena,
                                      &index), WA_OK);

    wa_buf_free(&details);
    wa_buf_free(&blob);
    wa_arena_free(&arena);
}


/* -- client payload -------------------------------------------------------- */

static void
payloads_match_vectors(void **state)
{
    json_t              *c;
    wa_buf_t             out = WA_BUF_EMPTY;
    wa_client_t          client;
    wa_vectors_t         v;
    wa_client_keys_t     keys;
    wa_client_login_t    login;
    wa_client_device_t   device;

    (void) state;

    wa_vectors_open(&v, "pairing.json");
    c = wa_vectors_get(v.root, "client_payload");

    memset(&client, 0, sizeof(client));
    memset(&device, 0, sizeof(device));
    memset(&keys, 0, sizeof(keys));
    memset(&login, 0, sizeof(login));

    client.version[0] = 2;
    client.version[1] = 3000;
    client.version[2] = 1045649367;

    device.os = "Mac OS";
    device.version[0] = 10;
    device.version[1] = 15;
    device.version[2] = 7;
    device.platform_type = 1;

    assert_int_equal(wa_clientpayload_device(&device, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                    wa_vectors_hex(&v, c, "device_props_protobuf")));

    keys.registration_id = 12345;
    memcpy(keys.identity,
           wa_vectors_hex(&v, v.root, "keys.identity.pub").p, 32);
    keys.signed_prekey_id = 1;
    memcpy(keys.signed_prekey,
           wa_vectors_hex(&v, v.root, "keys.signed_prekey.pub").p, 32);
    memcpy(keys.signature,
           wa_vectors_hex(&v, v.root, "keys.signed_prekey_signature").p, 64);

    out.n = 0;
    assert_int_equal(wa_clientpayload_register(&client, &device, &keys, &out),
                     WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                    wa_vectors_hex(&v, c, "registration_protobuf")));

    keys.signed_prekey_id = 0x1000000;
    assert_int_equal(wa_clientpayload_register(&client, &device, &keys, &out),
                     WA_ERR_ARG);

    login.username = 15551234567;
    login.device = 12;
    login.passive = true;

    out.n = 0;
    assert_int_equal(wa_clientpayload_login(&client, &login, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                    wa_vectors_hex(&v, c, "login_protobuf")));

    /* the optional ones are there when asked for */

    client.push_name = "Ann";
    client.language = "de";
    client.country = "CH";
    login.login_counter = 3;
    login.lid_db_migrated = true;
    out.n = 0;
    assert_int_equal(wa_clientpayload_login(&client, &login, &out), WA_OK);
    assert_non_null(memmem(out.p, out.n, "\x3a\x03" "Ann", 5));
    assert_non_null(memmem(out.p, out.n, "\x5a\x02" "de", 4));
    assert_non_null(memmem(out.p, out.n, "\x62\x02" "CH", 4));
    assert_non_null(memmem(out.p, out.n, "\xc0\x01\x03", 3));
    assert_non_null(memmem(out.p, out.n, "\xc8\x02\x01", 3));

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


/* -- padding and hashes ---------------------------------------------------- */

static void
padding_matches_vectors(void **state)
{
    size_t        i, k;
    json_t       *c;
    wa_buf_t      b = WA_BUF_EMPTY;
    wa_span_t     s, before;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "padding.json");

    json_array_foreach(wa_vectors_get(v.root, "ok"), i, c) {
        s = wa_vectors_hex(&v, c, "padded");
        assert_int_equal(wa_padding_strip(&s), WA_OK);
        assert_true(wa_span_eq(s, wa_vectors_hex(&v, c, "unpadded")));
    }

    json_array_foreach(wa_vectors_get(v.root, "bad"), i, c) {
        s = wa_vectors_hex(&v, c, "hex");
        before = s;
        assert_int_equal(wa_padding_strip(&s), WA_ERR_SYNTAX);
        assert_int_equal(s.n, before.n);
    }

    for (i = 0; i < 256; i++) {
        b.n = 0;
        assert_int_equal(wa_buf_append_str(&b, "text"), WA_OK);
        assert_int_equal(wa_padding_add(&b, (uint8_t) i), WA_OK);
        assert_int_equal(b.n, 4 + (i & 15) + 1);
        s = wa_span_buf(&b);
        assert_int_equal(wa_padding_strip(&s), WA_OK);
        assert_true(wa_span_eq_str(s, "text"));

        for (k = 4; k + 1 < b.n; k++) {
            b.p[k] ^= 0x20;
            s = wa_span_buf(&b);
            assert_int_equal(wa_padding_strip(&s), WA_ERR_SYNTAX);
            b.p[k] ^= 0x20;
        }
    }

    wa_buf_free(&b);
    wa_vectors_close(&v);
}


/* "user.0:device@server" to an address */
static void
read_device(const char *text, wa_jid_t *jid)
{
    char         plain[128];
    const char  *dot;

    dot = strstr(text, ".0:");
    assert_non_null(dot);
    snprintf(plain, sizeof(plain), "%.*s%s", (int) (dot - text), text,
             dot + 2);
    assert_int_equal(wa_jid_parse(wa_span_str(plain), jid), WA_OK);
}


static void
hashes_match_vectors(void **state)
{
    char          phash[WA_PHASH_LEN], id[WA_MESSAGE_ID_LEN];
    char          session[WA_UNIFIED_LEN];
    size_t        i, k, n;
    json_t       *c, *d;
    uint8_t       digest[20];
    wa_jid_t      devices[8];
    wa_span_t     prekeys[8];
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "hashes.json");

    json_array_foreach(wa_vectors_get(v.root, "phash_v2"), i, c) {
        n = 0;

        json_array_foreach(wa_vectors_get(c, "device_strings_input"), k, d) {
            read_device(json_string_value(d), &devices[n++]);
        }

        assert_int_equal(wa_phash(devices, n, phash), WA_OK);
        assert_string_equal(phash, wa_vectors_str(c, "phash"));
    }

    assert_int_equal(i, 2);
    memset(&devices[0], 0, sizeof(devices[0]));
    assert_int_equal(wa_phash(devices, 1, phash), WA_ERR_ARG);

    c = wa_vectors_get(v.root, "message_id_v2");
    assert_int_equal(wa_message_id(wa_vectors_int(c, "unix_seconds"),
                         wa_span_str(wa_vectors_str(c, "own_user")),
                         wa_vectors_hex(&v, c, "random16").p, id), WA_OK);
    assert_string_equal(id, wa_vectors_str(c, "id"));

    json_array_foreach(wa_vectors_get(v.root, "unified_session"), i, c) {
        wa_unified_session_id(wa_vectors_int(c, "now_ms"),
                              wa_vectors_int(c, "server_offset_ms"), session);
        assert_string_equal(session, wa_vectors_str(c, "id"));
    }

    wa_unified_session_id(INT64_MIN, INT64_MIN, session);
    assert_true(strlen(session) > 0);
    wa_unified_session_id(INT64_MAX, INT64_MAX, session);
    assert_true(strlen(session) > 0);

    c = wa_vectors_get(v.root, "prekey_digest");
    n = 0;

    json_array_foreach(wa_vectors_get(c, "prekeys_in_list_order"), k, d) {
        prekeys[n++] = wa_vectors_unhex(&v, json_string_value(d));
    }

    assert_int_equal(wa_prekey_digest(wa_vectors_hex(&v, c, "identity").p,
                                  wa_vectors_hex(&v, c, "signed_prekey").p,
                                  wa_vectors_hex(&v, c, "signature").p,
                                  prekeys, n, digest), WA_OK);
    assert_memory_equal(digest, wa_vectors_hex(&v, c, "sha1").p, 20);

    wa_vectors_close(&v);
}


static wa_err_t
pair_scenario(void *data)
{
    char                 phash[WA_PHASH_LEN];
    pair_t              *p;
    uint8_t              digest[20];
    wa_err_t             rc;
    wa_adv_t             adv;
    wa_buf_t             out = WA_BUF_EMPTY;
    wa_jid_t             jid;
    wa_span_t            key;
    wa_arena_t           arena;
    wa_client_t          client;
    wa_adv_fail_e        fail;
    wa_client_keys_t     keys;
    wa_client_device_t   device;

    p = data;

    memset(&client, 0, sizeof(client));
    memset(&device, 0, sizeof(device));
    memset(&keys, 0, sizeof(keys));

    wa_arena_init(&arena, 64);

    rc = pair_run(p, p->container, &arena, &adv, &fail);

    if (rc == WA_OK) {
        rc = wa_clientpayload_register(&client, &device, &keys, &out);
    }

    if (rc == WA_OK) {
        rc = wa_jid_parse(wa_span_str("1:2@lid"), &jid);
    }

    if (rc == WA_OK) {
        rc = wa_phash(&jid, 1, phash);
    }

    key = p->pub;

    if (rc == WA_OK) {
        rc = wa_prekey_digest(p->pub.p, p->pub.p, fixed_random, &key, 1,
                              digest);
    }

    wa_buf_free(&out);
    wa_arena_free(&arena);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    pair_t  p;

    (void) state;

    pair_open(&p);
    WA_FAILMEM_RUN(pair_scenario, &p);
    wa_vectors_close(&p.v);
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
        cmocka_unit_test(pair_success_matches_vectors),
        cmocka_unit_test(every_bit_of_the_container_counts),
        cmocka_unit_test(device_identities_verify),
        cmocka_unit_test(key_index_lists_verify),
        cmocka_unit_test(payloads_match_vectors),
        cmocka_unit_test(padding_matches_vectors),
        cmocka_unit_test(hashes_match_vectors),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
