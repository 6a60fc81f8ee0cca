/* Reporting tokens, cstokens and the weeks of trusted-contact tokens. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_failmem.h"
#include "wa_hashes.h"
#include "wa_mem.h"
#include "wa_report.h"
#include "wa_vectors.h"


static wa_err_t
token_of(wa_vectors_t *v, json_t *c, uint8_t out[WA_REPORT_TOKEN_LEN])
{
    return wa_report_token(wa_vectors_hex(v, c, "message_protobuf"),
                           wa_vectors_hex(v, c, "message_secret").p,
                           wa_span_str(wa_vectors_str(c, "stanza_id")),
                           wa_span_str(wa_vectors_str(c, "sender")),
                           wa_span_str(wa_vectors_str(c, "remote")), out);
}


static void
tokens_match_vectors(void **state)
{
    size_t         i;
    json_t        *c;
    uint8_t        token[WA_REPORT_TOKEN_LEN];
    wa_buf_t       content = WA_BUF_EMPTY;
    wa_err_t       rc;
    wa_span_t      want;
    wa_vectors_t   v;

    (void) state;

    wa_vectors_open(&v, "reportingtoken.json");

    json_array_foreach(wa_vectors_get(v.root, "cases"), i, c) {
        content.n = 0;
        assert_int_equal(wa_report_content(wa_vectors_hex(&v, c,
                             "message_protobuf"), &content), WA_OK);
        want = wa_vectors_hex(&v, c, "content");
        assert_true(wa_span_eq(wa_span_buf(&content), want));

        rc = token_of(&v, c, token);

        if (json_is_null(json_object_get(c, "token16"))) {
            assert_int_equal(rc, WA_ERR_STATE);
            continue;
        }

        assert_int_equal(rc, WA_OK);
        assert_memory_equal(token, wa_vectors_hex(&v, c, "token16").p,
                            WA_REPORT_TOKEN_LEN);
    }

    assert_int_equal(i, 6);

    wa_buf_free(&content);
    wa_vectors_close(&v);
}


/* Fields in another order, twice, and of other wire types. */
static void
fields_are_sorted_by_number(void **state)
{
    wa_buf_t  out = WA_BUF_EMPTY;

    static const uint8_t  mixed[] = {
        0x32, 3, 0x0a, 1, 'x',                  /* 6 { 1: "x" }       */
        0x0a, 1, 'a',                           /* 1: "a"             */
        0x10, 5,                                /* 2: 5, not listed   */
        0x2a, 11, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x09, 1,
                                                /* 5 { 5: f64, 1: cut */
        0x0a, 1, 'b'                            /* 1: "b"             */
    };
    static const uint8_t  good[] = {
        0x32, 3, 0x0a, 1, 'x',
        0x0a, 1, 'a',
        0x2a, 16, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 0x18, 0x07,
        0x0a, 1, 'b'
    };
    static const uint8_t  want[] = {
        0x0a, 1, 'a', 0x0a, 1, 'b',
        0x2a, 16, 0x18, 0x07, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8,
        0x32, 3, 0x0a, 1, 'x'
    };

    (void) state;

    assert_int_equal(wa_buf_append(&out, "before", 6), WA_OK);
    assert_int_equal(wa_report_content(wa_span(mixed, sizeof(mixed)), &out),
                     WA_ERR_SYNTAX);
    assert_int_equal(out.n, 6);
    assert_int_equal(wa_report_content(wa_span(good, sizeof(good)), &out),
                     WA_OK);
    assert_int_equal(out.n, 6 + sizeof(want));
    assert_memory_equal(out.p + 6, want, sizeof(want));

    wa_buf_free(&out);
}


static void
odd_bytes_are_refused(void **state)
{
    size_t     i;
    uint8_t    deep[3 * 64];
    wa_buf_t   out = WA_BUF_EMPTY;

    static const struct {
        const char  *bytes;
        size_t       n;
    } bad[] = {
        { "\x00", 1 },                          /* field 0            */
        { "\x0a", 1 },                          /* no length          */
        { "\x0a\x05x", 3 },                     /* too short          */
        { "\x0b", 1 },                          /* a group            */
        { "\x09\x01", 2 },                      /* half a double      */
        { "\x0d\x01", 2 },                      /* half a float       */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10 }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(wa_report_content(wa_span(bad[i].bytes, bad[i].n),
                                           &out), WA_ERR_SYNTAX);
    }

    /* protocolMessage { editedMessage { protocolMessage ... } } */

    for (i = 0; i < sizeof(deep); i += 2) {
        deep[i] = (i / 2 % 2 == 0) ? 0x62 : 0x72;
        deep[i + 1] = (uint8_t) (sizeof(deep) - i - 2 > 127
                                 ? 127 : sizeof(deep) - i - 2);
    }

    assert_int_equal(wa_report_content(wa_span(deep + 64,
                                               sizeof(deep) - 64), &out),
                     WA_ERR_LIMIT);
    assert_int_equal(out.n, 0);
    wa_buf_free(&out);
}


static void
cstokens_and_weeks_match_vectors(void **state)
{
    size_t        i;
    json_t       *c;
    int64_t       now, cutoff;
    uint8_t       token[32];
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "hashes.json");

    json_array_foreach(wa_vectors_get(v.root, "cstoken"), i, c) {
        assert_int_equal(wa_cstoken(wa_vectors_hex(&v, c, "nct_salt"),
                             wa_span_str(wa_vectors_str(c, "recipient_lid")),
                             token), WA_OK);
        assert_memory_equal(token, wa_vectors_hex(&v, c, "cstoken").p, 32);
    }

    assert_int_equal(i, 1);

    json_array_foreach(wa_vectors_get(v.root, "tctoken_bucket"), i, c) {
        now = wa_vectors_int(c, "now");
        cutoff = wa_vectors_int(c, "cutoff_timestamp");

        assert_true(wa_tctoken_valid(cutoff, now));
        assert_false(wa_tctoken_valid(cutoff - 1, now));
        assert_true(wa_tctoken_valid(now, now));
        assert_false(wa_tctoken_valid(0, now));
        assert_true(wa_tctoken_due(0, now));
        assert_false(wa_tctoken_due(now, now));
        assert_false(wa_tctoken_due(now, now - 1));
        assert_true(wa_tctoken_due(cutoff, now));
    }

    wa_vectors_close(&v);
}


typedef struct {
    wa_span_t  message;
    wa_span_t  secret;
} scenario_t;


static wa_err_t
token_scenario(void *data)
{
    uint8_t      token[WA_REPORT_TOKEN_LEN];
    scenario_t  *s;

    s = data;

    return wa_report_token(s->message, s->secret.p, wa_span_str("3EB0AA"),
                           wa_span_str("1@lid"), wa_span_str("2@lid"),
                           token);
}


static void
every_allocation_may_fail(void **state)
{
    json_t        *c;
    scenario_t     s;
    wa_vectors_t   v;

    (void) state;

    wa_vectors_open(&v, "reportingtoken.json");
    c = wa_vectors_get(v.root, "cases.1");
    s.message = wa_vectors_hex(&v, c, "message_protobuf");
    s.secret = wa_vectors_hex(&v, c, "message_secret");

    WA_FAILMEM_RUN(token_scenario, &s);
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
        cmocka_unit_test(tokens_match_vectors),
        cmocka_unit_test(fields_are_sorted_by_number),
        cmocka_unit_test(odd_bytes_are_refused),
        cmocka_unit_test(cstokens_and_weeks_match_vectors),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
