/* App state on the wire: vectors, pieces of all sizes, wrong bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_syncd.h"
#include "wa_vectors.h"


typedef struct {
    wa_vectors_t     v;
    wa_span_t        name;
    wa_syncd_keys_t  keys;
} syncd_test_t;


static void
open_vectors(syncd_test_t *s)
{
    wa_vectors_open(&s->v, "appstate.json");
    s->name = wa_span_str(wa_vectors_str(s->v.root, "collection"));

    assert_int_equal(wa_syncd_keys(wa_vectors_hex(&s->v, s->v.root,
                                                  "key_data"), &s->keys),
                     WA_OK);
}


static void
assert_bytes(syncd_test_t *s, json_t *from, const char *path,
    const uint8_t *got, size_t n)
{
    wa_span_t  want;

    want = wa_vectors_hex(&s->v, from, path);
    assert_int_equal(want.n, n);
    assert_memory_equal(want.p, got, n);
}


static void
test_keys(void **state)
{
    syncd_test_t  s;

    (void) state;
    open_vectors(&s);

    assert_bytes(&s, s.v.root, "keys.index_key", s.keys.index, 32);
    assert_bytes(&s, s.v.root, "keys.value_encryption_key", s.keys.cipher,
                 32);
    assert_bytes(&s, s.v.root, "keys.value_mac_key", s.keys.value_mac, 32);
    assert_bytes(&s, s.v.root, "keys.snapshot_mac_key", s.keys.snapshot_mac,
                 32);
    assert_bytes(&s, s.v.root, "keys.patch_mac_key", s.keys.patch_mac, 32);
    assert_int_equal(wa_syncd_keys(wa_span_none(), &s.keys), WA_ERR_ARG);

    wa_vectors_close(&s.v);
}


static void
test_lthash(void **state)
{
    size_t        i;
    json_t       *step;
    uint8_t       hash[WA_LTHASH_LEN];
    wa_span_t     mac;
    syncd_test_t  s;

    (void) state;
    open_vectors(&s);
    memset(hash, 0, sizeof(hash));

    json_array_foreach(wa_vectors_get(s.v.root, "lthash.steps"), i, step) {
        mac = wa_vectors_hex(&s.v, step, "value_mac");

        assert_int_equal(strcmp(wa_vectors_str(step, "op"), "add") == 0
                         ? wa_lthash_add(hash, mac.p)
                         : wa_lthash_sub(hash, mac.p), WA_OK);
        assert_bytes(&s, step, "hash_after", hash, sizeof(hash));
    }

    wa_vectors_close(&s.v);
}


/* Reads the message in pieces of `step` bytes and checks each record. */
static void
read_patch(syncd_test_t *s, json_t *patch, size_t step)
{
    size_t             i, at, n;
    json_t            *list, *m;
    uint8_t            mac[WA_SYNCD_MAC_LEN], macs[8][WA_SYNCD_MAC_LEN];
    wa_buf_t           plain = WA_BUF_EMPTY;
    wa_err_t           rc;
    wa_span_t          in;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    in = wa_vectors_hex(&s->v, patch, "syncd_patch_protobuf");
    list = wa_vectors_get(patch, "mutations");
    wa_syncd_reader_init(&reader, WA_SYNCD_PATCH);
    i = 0;

    for (at = 0; at < in.n; at += n) {
        n = in.n - at < step ? in.n - at : step;
        assert_int_equal(wa_syncd_reader_feed(&reader,
                                              wa_span(in.p + at, n)), WA_OK);

        for ( ;; ) {
            rc = wa_syncd_reader_next(&reader, &r);

            if (rc == WA_AGAIN) {
                break;
            }

            assert_int_equal(rc, WA_OK);
            m = json_array_get(list, i);
            assert_int_equal(r.op == WA_SYNCD_REMOVE,
                             strcmp(wa_vectors_str(m, "operation"),
                                    "REMOVE") == 0);
            assert_bytes(s, m, "index_mac", r.index_mac.p, r.index_mac.n);
            assert_bytes(s, m, "value_mac", r.value_mac.p, r.value_mac.n);
            assert_int_equal(wa_syncd_open(&s->keys, &r, &plain), WA_OK);
            assert_bytes(s, m, "sync_action_data_protobuf", plain.p,
                         plain.n);
            memcpy(macs[i++], r.value_mac.p, WA_SYNCD_MAC_LEN);
            plain.n = 0;
        }
    }

    assert_true(wa_syncd_reader_ended(&reader));
    assert_int_equal(i, json_array_size(list));
    assert_true(reader.head.has_version && reader.head.has_patch_mac
                && reader.head.has_snapshot_mac && !reader.head.has_blob);
    assert_int_equal(reader.head.version,
                     wa_vectors_int(patch, "version"));
    assert_bytes(s, s->v.root, "key_id", reader.head.key_id,
                 reader.head.key_id_len);

    assert_int_equal(wa_syncd_snapshot_mac(&s->keys,
        wa_vectors_hex(&s->v, patch, "lthash_after").p, reader.head.version,
        s->name, mac), WA_OK);
    assert_memory_equal(mac, reader.head.snapshot_mac, sizeof(mac));

    assert_int_equal(wa_syncd_patch_mac(&s->keys, reader.head.snapshot_mac,
        macs[0], i, sizeof(macs[0]), reader.head.version, s->name, mac),
        WA_OK);
    assert_memory_equal(mac, reader.head.patch_mac, sizeof(mac));

    wa_buf_free(&plain);
    wa_syncd_reader_free(&reader);
}


static void
test_patches(void **state)
{
    size_t        i, step;
    json_t       *patch;
    syncd_test_t  s;

    (void) state;
    open_vectors(&s);

    json_array_foreach(wa_vectors_get(s.v.root, "patches"), i, patch) {

        for (step = 1; step < 700; step += 23) {
            read_patch(&s, patch, step);
        }
    }

    wa_vectors_close(&s.v);
}


static void
test_snapshot(void **state)
{
    size_t             n;
    uint8_t            hash[WA_LTHASH_LEN], mac[WA_SYNCD_MAC_LEN];
    wa_span_t          in;
    syncd_test_t       s;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    (void) state;
    open_vectors(&s);
    memset(hash, 0, sizeof(hash));
    in = wa_vectors_hex(&s.v, s.v.root,
                        "snapshot_v2.syncd_snapshot_protobuf");
    wa_syncd_reader_init(&reader, WA_SYNCD_SNAPSHOT);
    assert_int_equal(wa_syncd_reader_feed(&reader, in), WA_OK);

    for (n = 0; wa_syncd_reader_next(&reader, &r) == WA_OK; n++) {
        assert_int_equal(wa_lthash_add(hash, r.value_mac.p), WA_OK);
    }

    assert_int_equal(n, 2);
    assert_true(wa_syncd_reader_ended(&reader));
    assert_bytes(&s, s.v.root, "snapshot_v2.lthash", hash, sizeof(hash));
    assert_int_equal(wa_syncd_snapshot_mac(&s.keys, hash,
                                           reader.head.version, s.name, mac),
                     WA_OK);
    assert_bytes(&s, s.v.root, "snapshot_v2.mac", mac, sizeof(mac));
    assert_memory_equal(mac, reader.head.snapshot_mac, sizeof(mac));

    wa_syncd_reader_free(&reader);
    wa_vectors_close(&s.v);
}


/* What we make is what the vectors have, byte for byte but for the version,
   which the server counts. */
static void
test_made(void **state)
{
    json_t          *patch, *m;
    uint8_t          mac[WA_SYNCD_MAC_LEN];
    wa_buf_t         blobs[2] = { WA_BUF_EMPTY, WA_BUF_EMPTY };
    wa_buf_t         out = WA_BUF_EMPTY;
    size_t           i;
    wa_span_t        id, want;
    syncd_test_t     s;
    wa_syncd_out_t   list[2];

    (void) state;
    open_vectors(&s);
    id = wa_vectors_hex(&s.v, s.v.root, "key_id");
    patch = wa_vectors_get(s.v.root, "patches.0");

    for (i = 0; i < 2; i++) {
        m = json_array_get(wa_vectors_get(patch, "mutations"), i);

        assert_int_equal(wa_syncd_seal(&s.keys, WA_SYNCD_SET, id,
            wa_vectors_hex(&s.v, m, "iv").p,
            wa_vectors_hex(&s.v, m, "sync_action_data_protobuf"),
            &blobs[i]), WA_OK);
        assert_bytes(&s, m, "value_blob", blobs[i].p, blobs[i].n);

        list[i].op = WA_SYNCD_SET;
        list[i].blob = wa_span_buf(&blobs[i]);
        memcpy(list[i].index_mac, wa_vectors_hex(&s.v, m, "index_mac").p,
               WA_SYNCD_MAC_LEN);
    }

    m = json_array_get(wa_vectors_get(patch, "mutations"), 0);
    want = wa_span_str("[\"mute\",\"15551234567@s.whatsapp.net\"]");
    assert_int_equal(wa_syncd_index_mac(&s.keys, want, mac), WA_OK);
    assert_memory_equal(mac, list[0].index_mac, sizeof(mac));

    assert_int_equal(wa_syncd_patch_pack(list, 2, id,
        wa_vectors_hex(&s.v, patch, "snapshot_mac").p,
        wa_vectors_hex(&s.v, patch, "patch_mac").p, &out), WA_OK);

    want = wa_vectors_hex(&s.v, patch, "syncd_patch_protobuf");
    assert_int_equal(out.n + 4, want.n);
    assert_memory_equal(out.p, want.p + 4, out.n);

    wa_buf_free(&blobs[0]);
    wa_buf_free(&blobs[1]);
    wa_buf_free(&out);
    wa_vectors_close(&s.v);
}


/* One wrong byte: no record opens that did not say so before. */
static void
test_wrong(void **state)
{
    size_t             i;
    json_t            *patch;
    uint8_t           *copy;
    wa_buf_t           plain = WA_BUF_EMPTY;
    wa_err_t           rc;
    wa_span_t          in;
    syncd_test_t       s;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    (void) state;
    open_vectors(&s);
    patch = wa_vectors_get(s.v.root, "patches.1");
    in = wa_vectors_hex(&s.v, patch, "syncd_patch_protobuf");
    copy = malloc(in.n);
    assert_non_null(copy);

    for (i = 0; i < in.n; i++) {
        memcpy(copy, in.p, in.n);
        copy[i] ^= 0x41;
        wa_syncd_reader_init(&reader, WA_SYNCD_PATCH);
        assert_int_equal(wa_syncd_reader_feed(&reader, wa_span(copy, in.n)),
                         WA_OK);

        do {
            rc = wa_syncd_reader_next(&reader, &r);

            if (rc == WA_OK) {
                rc = wa_syncd_open(&s.keys, &r, &plain);
                assert_true(rc == WA_OK || rc == WA_ERR_AUTH
                            || rc == WA_ERR_DECRYPT);

                if (rc == WA_OK) {
                    assert_bytes(&s, patch,
                                 "mutations.0.sync_action_data_protobuf",
                                 plain.p, plain.n);
                }

                plain.n = 0;
                rc = WA_OK;
            }

        } while (rc == WA_OK);

        wa_syncd_reader_free(&reader);
    }

    free(copy);
    wa_buf_free(&plain);
    wa_vectors_close(&s.v);
}


/* A key id without an id in it. */
static void
test_empty(void **state)
{
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    (void) state;
    wa_syncd_reader_init(&reader, WA_SYNCD_SNAPSHOT);
    assert_int_equal(wa_syncd_reader_feed(&reader, wa_span("\x22\0", 2)),
                     WA_OK);
    assert_int_equal(wa_syncd_reader_next(&reader, &r), WA_ERR_SYNTAX);
    wa_syncd_reader_free(&reader);
}


static void
test_blob(void **state)
{
    uint8_t          bytes[2 + 32 + 2 + 4 + 2 + 32];
    wa_syncd_blob_t  b;

    (void) state;
    memset(bytes, 7, sizeof(bytes));
    bytes[0] = 0x0a;
    bytes[1] = 32;
    bytes[34] = 0x12;
    bytes[35] = 4;
    memcpy(bytes + 36, "/a/b", 4);
    bytes[40] = 0x32;
    bytes[41] = 32;

    assert_int_equal(wa_syncd_blob_read(wa_span(bytes, sizeof(bytes)), &b),
                     WA_OK);
    assert_string_equal(b.path, "/a/b");
    assert_true(b.has_enc_sha256 && !b.has_sha256);

    /* without digests, without a path, cut off */

    assert_int_equal(wa_syncd_blob_read(wa_span(bytes, 40), &b),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_syncd_blob_read(wa_span(bytes, 34), &b),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_syncd_blob_read(wa_span(bytes, 33), &b),
                     WA_ERR_SYNTAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_lthash),
        cmocka_unit_test(test_patches),
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_blob)
    };

    if (wa_crypto_init() != WA_OK) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
