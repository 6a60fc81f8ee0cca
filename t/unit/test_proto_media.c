/* Media files: vectors, pieces of all sizes, and what must be refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_failmem.h"
#include "wa_media.h"
#include "wa_vectors.h"


static wa_media_e
kind_of(const char *name)
{
    wa_media_e  kind;

    if (wa_media_parse(wa_span_str(name), &kind) != WA_OK) {
        fail_msg("no kind %s", name);
    }

    return kind;
}


static wa_err_t
seal_pieces(wa_media_e kind, const uint8_t *key, wa_span_t in, size_t step,
    wa_buf_t *out, wa_media_sums_t *sums)
{
    size_t            at, n;
    wa_err_t          rc;
    wa_media_seal_t  *m;

    rc = wa_media_seal_create(&m, kind, key);

    if (rc != WA_OK) {
        return rc;
    }

    for (at = 0; rc == WA_OK && at < in.n; at += n) {
        n = (in.n - at < step) ? in.n - at : step;
        rc = wa_media_seal_update(m, wa_span(in.p + at, n), out);
    }

    if (rc == WA_OK) {
        rc = wa_media_seal_final(m, out, sums);
    }

    wa_media_seal_free(m);

    return rc;
}


static wa_err_t
open_pieces(wa_media_e kind, const uint8_t *key, wa_span_t in, size_t step,
    wa_buf_t *out, wa_media_sums_t *sums)
{
    size_t            at, n;
    wa_err_t          rc;
    wa_media_open_t  *m;

    rc = wa_media_open_create(&m, kind, key);

    if (rc != WA_OK) {
        return rc;
    }

    for (at = 0; rc == WA_OK && at < in.n; at += n) {
        n = (in.n - at < step) ? in.n - at : step;
        rc = wa_media_open_update(m, wa_span(in.p + at, n), out);
    }

    if (rc == WA_OK) {
        rc = wa_media_open_final(m, out, sums);
    }

    wa_media_open_free(m);

    return rc;
}


static void
keys_match_vectors(void **state)
{
    size_t            i, n;
    json_t           *c;
    wa_span_t         key;
    wa_media_e        kind;
    wa_vectors_t      v;
    wa_media_keys_t   keys;

    (void) state;

    wa_vectors_open(&v, "media.json");
    key = wa_vectors_hex(&v, v.root, "media_key");
    n = 0;

    json_array_foreach(wa_vectors_get(v.root, "expansion"), i, c) {

        if (wa_media_parse(wa_span_str(wa_vectors_str(c, "type")), &kind)
            != WA_OK)
        {
            continue;
        }

        assert_int_equal(wa_media_keys(kind, key.p, &keys), WA_OK);
        assert_true(wa_span_eq(wa_span(keys.iv, 16),
                               wa_vectors_hex(&v, c, "iv")));
        assert_true(wa_span_eq(wa_span(keys.cipher, 32),
                               wa_vectors_hex(&v, c, "cipher_key")));
        assert_true(wa_span_eq(wa_span(keys.mac, 32),
                               wa_vectors_hex(&v, c, "mac_key")));
        n++;
    }

    assert_int_equal(n, 6);
    assert_int_equal(wa_media_keys(WA_MEDIA_HISTORY, key.p, &keys), WA_OK);
    assert_int_equal(wa_media_keys(WA_MEDIA_MAX, key.p, &keys), WA_ERR_ARG);
    assert_string_equal(wa_media_mms(WA_MEDIA_STICKER), "image");
    assert_string_equal(wa_media_name(WA_MEDIA_STICKER), "sticker");
    wa_vectors_close(&v);
}


static void
files_match_vectors(void **state)
{
    size_t            i, step;
    json_t           *c;
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_span_t         key, plain, file;
    wa_media_e        kind;
    wa_vectors_t      v;
    wa_media_sums_t   sums;

    (void) state;

    wa_vectors_open(&v, "media.json");

    json_array_foreach(wa_vectors_get(v.root, "files"), i, c) {
        kind = kind_of(wa_vectors_str(c, "type"));
        key = wa_vectors_hex(&v, c, "media_key");
        plain = wa_vectors_hex(&v, c, "plaintext");
        file = wa_vectors_hex(&v, c, "ciphertext_with_mac");

        for (step = 1; step < 80; step += 3) {
            out.n = 0;
            assert_int_equal(seal_pieces(kind, key.p, plain, step, &out,
                                         &sums), WA_OK);
            assert_true(wa_span_eq(wa_span_buf(&out), file));
            assert_true(wa_span_eq(wa_span(sums.sha256, 32),
                                   wa_vectors_hex(&v, c, "file_sha256")));
            assert_true(wa_span_eq(wa_span(sums.enc_sha256, 32),
                                   wa_vectors_hex(&v, c,
                                                  "file_enc_sha256")));
            assert_int_equal(sums.length, plain.n);
            assert_int_equal(sums.enc_length, file.n);

            out.n = 0;
            memset(&sums, 0, sizeof(sums));
            assert_int_equal(open_pieces(kind, key.p, file, step, &out,
                                         &sums), WA_OK);
            assert_true(wa_span_eq(wa_span_buf(&out), plain));
            assert_true(wa_span_eq(wa_span(sums.sha256, 32),
                                   wa_vectors_hex(&v, c, "file_sha256")));
            assert_int_equal(sums.length, plain.n);
        }
    }

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


/* Every byte of a file counts, and so does its length. */
static void
changed_files_are_refused(void **state)
{
    size_t            i;
    uint8_t           key[32], plain[50];
    wa_err_t          rc;
    wa_buf_t          file = WA_BUF_EMPTY;
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_media_sums_t   sums;

    (void) state;

    memset(key, 7, sizeof(key));
    memset(plain, 9, sizeof(plain));
    assert_int_equal(seal_pieces(WA_MEDIA_AUDIO, key,
                                 wa_span(plain, sizeof(plain)), 50, &file,
                                 &sums), WA_OK);

    for (i = 0; i < file.n; i++) {
        file.p[i] ^= 1;
        out.n = 0;
        rc = open_pieces(WA_MEDIA_AUDIO, key, wa_span_buf(&file), 11, &out,
                         &sums);
        assert_int_equal(rc, WA_ERR_AUTH);
        file.p[i] ^= 1;
    }

    for (i = 0; i < file.n; i++) {
        out.n = 0;
        rc = open_pieces(WA_MEDIA_AUDIO, key, wa_span(file.p, i), 64, &out,
                         &sums);
        assert_int_equal(rc, WA_ERR_AUTH);
    }

    out.n = 0;
    assert_int_equal(open_pieces(WA_MEDIA_VIDEO, key, wa_span_buf(&file), 64,
                                 &out, &sums), WA_ERR_AUTH);

    wa_buf_free(&file);
    wa_buf_free(&out);
}


/* A right MAC over a wrong padding: whoever made it had the key. */
static void
wrong_padding_is_refused(void **state)
{
    size_t            n, i;
    uint8_t           key[32], file[42], mac[32], block[16];
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_cbc_t         *cbc;
    wa_span_t         parts[2];
    wa_media_keys_t   keys;
    wa_media_sums_t   sums;

    static const uint8_t  ends[][2] = {
        { 0, 0 }, { 17, 17 }, { 3, 2 }, { 1, 1 }
    };

    (void) state;

    memset(key, 1, sizeof(key));
    assert_int_equal(wa_media_keys(WA_MEDIA_IMAGE, key, &keys), WA_OK);

    for (i = 0; i < 4; i++) {
        memset(block, 5, sizeof(block));
        block[14] = ends[i][0];
        block[15] = ends[i][1];

        assert_int_equal(wa_cbc_create(&cbc, true, keys.cipher, keys.iv),
                         WA_OK);
        assert_int_equal(wa_cbc_update(cbc, wa_span(block, 16), file, &n),
                         WA_OK);
        assert_int_equal(n, 16);
        wa_cbc_free(cbc);

        parts[0] = wa_span(keys.iv, 16);
        parts[1] = wa_span(file, 16);
        assert_int_equal(wa_hmac_sha256(wa_span(keys.mac, 32), parts, 2, mac),
                         WA_OK);
        memcpy(file + 16, mac, WA_MEDIA_MAC_LEN);

        out.n = 0;
        assert_int_equal(open_pieces(WA_MEDIA_IMAGE, key, wa_span(file, 26),
                                     26, &out, &sums),
                         i == 3 ? WA_OK : WA_ERR_DECRYPT);
        assert_int_equal(out.n, i == 3 ? 15 : 0);
    }

    wa_buf_free(&out);
}


static void
plain_files_keep_their_bytes(void **state)
{
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_media_sums_t   sums, back;

    (void) state;

    assert_int_equal(seal_pieces(WA_MEDIA_IMAGE, NULL, wa_span_str("channel"),
                                 3, &out, &sums), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out), "channel"));
    assert_memory_equal(sums.sha256, sums.enc_sha256, 32);
    assert_int_equal(sums.enc_length, 7);

    out.n = 0;
    assert_int_equal(open_pieces(WA_MEDIA_IMAGE, NULL, wa_span_str("channel"),
                                 2, &out, &back), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out), "channel"));
    assert_memory_equal(sums.sha256, back.sha256, 32);
    wa_buf_free(&out);
}


static void
retry_matches_vectors(void **state)
{
    size_t             i;
    json_t            *c;
    uint8_t            changed[256];
    wa_buf_t           out = WA_BUF_EMPTY;
    wa_span_t          key, iv, id, sealed;
    wa_vectors_t       v;
    wa_media_retry_e   result;

    (void) state;

    wa_vectors_open(&v, "media.json");
    c = wa_vectors_get(v.root, "media_retry");
    key = wa_vectors_hex(&v, c, "media_key");
    iv = wa_vectors_hex(&v, c, "iv");
    id = wa_span_str(wa_vectors_str(c, "message_id"));

    assert_int_equal(wa_media_retry_seal(key.p, id, iv.p, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                           wa_vectors_hex(&v, c, "enc_p_of_request")));

    out.n = 0;
    sealed = wa_vectors_hex(&v, c, "enc_p_of_notification");
    assert_int_equal(wa_media_retry_open(key.p, id, iv, sealed, &result,
                                         &out), WA_OK);
    assert_int_equal(result, WA_MEDIA_RETRY_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out),
                               wa_vectors_str(c,
                                   "baileys_decrypts.directPath")));

    for (i = 0; i < sealed.n; i++) {
        memcpy(changed, sealed.p, sealed.n);
        changed[i] ^= 0x40;
        assert_int_equal(wa_media_retry_open(key.p, id, iv,
                                             wa_span(changed, sealed.n),
                                             &result, &out), WA_ERR_AUTH);
    }

    assert_int_equal(wa_media_retry_open(key.p, wa_span_str("other"), iv,
                                         sealed, &result, &out),
                     WA_ERR_AUTH);
    assert_int_equal(wa_media_retry_open(key.p, id, wa_span(iv.p, 11), sealed,
                                         &result, &out), WA_ERR_AUTH);
    assert_int_equal(wa_media_retry_open(key.p, id, iv, wa_span(sealed.p, 9),
                                         &result, &out), WA_ERR_AUTH);
    wa_buf_free(&out);
    wa_vectors_close(&v);
}


/* Answers as a phone might seal them. */
static void
retry_answers_are_read_with_care(void **state)
{
    size_t             i;
    uint8_t            key[32], k[32], iv[12], sealed[128];
    wa_buf_t           path = WA_BUF_EMPTY;
    wa_span_t          id;
    wa_media_retry_e   result;

    static const struct {
        const char        *plain;
        size_t             n;
        wa_err_t           rc;
        wa_media_retry_e   result;
    } cases[] = {
        { "\x0a\x02" "ID\x12\x01/\x18\x01", 9, WA_OK, WA_MEDIA_RETRY_OK },
        { "\x0a\x02" "ID\x18\x02", 6, WA_OK, WA_MEDIA_RETRY_NOT_FOUND },
        { "\x0a\x02" "ID\x18\x09", 6, WA_OK, WA_MEDIA_RETRY_ERROR },
        { "\x0a\x02" "ID\x22\x01x\x2d" "abcd\x18\x03", 14, WA_OK,
          WA_MEDIA_RETRY_DECRYPT },
        { "\x0a\x02" "ID\x18\x01", 6, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK },
        { "\x0a\x02" "IX\x18\x02", 6, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK },
        { "\x18\x02", 2, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK },
        { "\x0a\x7f" "ID", 4, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK },
        { "\x0a\x02" "ID\x18", 5, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK },
        { "\x0a\x02" "ID\x1b", 5, WA_ERR_SYNTAX, WA_MEDIA_RETRY_OK }
    };

    (void) state;

    memset(key, 3, sizeof(key));
    memset(iv, 4, sizeof(iv));
    id = wa_span_str("ID");
    assert_int_equal(wa_hkdf(wa_span(key, 32), wa_span_none(),
                             wa_span_str("WhatsApp Media Retry Notification"),
                             k, 32), WA_OK);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(wa_gcm_seal(k, iv, id,
                                     wa_span(cases[i].plain, cases[i].n),
                                     sealed), WA_OK);
        path.n = 0;
        assert_int_equal(wa_media_retry_open(key, id, wa_span(iv, 12),
                             wa_span(sealed, cases[i].n + 16), &result,
                             &path), cases[i].rc);

        if (cases[i].rc == WA_OK) {
            assert_int_equal(result, cases[i].result);
            assert_int_equal(path.n, result == WA_MEDIA_RETRY_OK ? 1 : 0);
        }
    }

    wa_buf_free(&path);
}


static wa_err_t
scenario(void *data)
{
    wa_err_t          rc;
    wa_buf_t          file = WA_BUF_EMPTY;
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_media_sums_t   sums;

    rc = seal_pieces(WA_MEDIA_IMAGE, data, wa_span_str("some bytes"), 4,
                     &file, &sums);

    if (rc == WA_OK) {
        rc = open_pieces(WA_MEDIA_IMAGE, data, wa_span_buf(&file), 7, &out,
                         &sums);
    }

    wa_buf_free(&file);
    wa_buf_free(&out);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    uint8_t  key[32];

    (void) state;

    memset(key, 8, sizeof(key));
    WA_FAILMEM_RUN(scenario, key);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(keys_match_vectors),
        cmocka_unit_test(files_match_vectors),
        cmocka_unit_test(changed_files_are_refused),
        cmocka_unit_test(wrong_padding_is_refused),
        cmocka_unit_test(plain_files_keep_their_bytes),
        cmocka_unit_test(retry_matches_vectors),
        cmocka_unit_test(retry_answers_are_read_with_care),
        cmocka_unit_test(every_allocation_may_fail)
    };

    if (wa_crypto_init() != WA_OK) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
