/* Pure helpers of the contract: recipients, shards, operations, QR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account.h"
#include "wa_qr.h"


static void
recipients(void **state)
{
    char    out[128];
    size_t  i;

    static const struct {
        const char  *in;
        const char  *out;              /* NULL: refused */
    } rows[] = {
        { "393331234567", "393331234567@s.whatsapp.net" },
        { "+39 333 123-45.67", "393331234567@s.whatsapp.net" },
        { "(39)3331234567", "393331234567@s.whatsapp.net" },
        { "393331234567@c.us", "393331234567@s.whatsapp.net" },
        { "393331234567@s.whatsapp.net", "393331234567@s.whatsapp.net" },
        { "393331234567:12@s.whatsapp.net", "393331234567@s.whatsapp.net" },
        { "1234567890@lid", "1234567890@lid" },
        { "120363000000000000@g.us", "120363000000000000@g.us" },
        { "39333-1400000000@g.us", "39333-1400000000@g.us" },
        { "status@broadcast", "status@broadcast" },
        { "12345@newsletter", "12345@newsletter" },
        { "0039333123456", NULL },
        { "1234", NULL },
        { "123456789012345678901", NULL },
        { "12+345678", NULL },
        { "", NULL },
        { "@s.whatsapp.net", NULL },
        { "s.whatsapp.net", NULL },
        { "abc@s.whatsapp.net", NULL },
        { "1-2-3@g.us", NULL },
        { "393331234567@example.org", NULL },
        { "39333\n1234567", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wa_err_t  rc;

        rc = wa_recipient_parse(wa_span_str(rows[i].in), out, sizeof(out));

        if (rows[i].out == NULL) {
            if (rc != WA_ERR_ARG) {
                fail_msg("\"%s\" was taken", rows[i].in);
            }

            continue;
        }

        if (rc != WA_OK) {
            fail_msg("\"%s\" was refused", rows[i].in);
        }

        assert_string_equal(out, rows[i].out);
    }
}


static void
shards_are_stable_and_spread(void **state)
{
    char      id[40];
    size_t    i;
    unsigned  seen[16] = { 0 };

    (void) state;

    /* FNV-1a of "a" is 0xe40c292c (reference value of the hash's authors) */
    assert_int_equal(wa_shard_of(wa_span_str("a"), 256), 0x2c);
    assert_int_equal(wa_shard_of(wa_span_str(""), 256), 0xc5);

    for (i = 0; i < 1600; i++) {
        (void) snprintf(id, sizeof(id), "%08zx-0000-4000-8000-0000", i);
        seen[wa_shard_of(wa_span_str(id), 16)]++;
    }

    for (i = 0; i < 16; i++) {
        assert_in_range(seen[i], 50, 160);
    }
}


static void
operations_round_trip(void **state)
{
    size_t   i;
    wa_op_e  op;

    (void) state;

    for (i = 0; i < WA_OP_MAX; i++) {
        assert_int_equal(wa_op_parse(wa_span_str(wa_op_name((wa_op_e) i)),
                                     &op), WA_OK);
        assert_int_equal(op, i);
    }

    assert_int_equal(wa_op_parse(wa_span_str("explode"), &op), WA_ERR_ARG);
}


static void
qr_pictures(void **state)
{
    wa_buf_t   out = WA_BUF_EMPTY;
    wa_span_t  text;

    static const uint8_t  png[] = { 0x89, 'P', 'N', 'G' };

    (void) state;
    text = wa_span_str("https://wa.me/settings/linked_devices#2@abc,def");

    assert_int_equal(wa_qr_png(text, 256, &out), WA_OK);
    assert_memory_equal(out.p, png, sizeof(png));
    /* IHDR: width, height at 16 and 20 */
    assert_int_equal((out.p[18] << 8) | out.p[19], 256);
    assert_memory_equal(out.p + 16, out.p + 20, 4);
    wa_buf_free(&out);

    assert_int_equal(wa_qr_data_url(text, 1, &out), WA_OK);
    assert_memory_equal(out.p, "data:image/png;base64,iVBOR", 27);
    wa_buf_free(&out);

    assert_int_equal(wa_qr_svg(text, 100, &out), WA_OK);
    assert_memory_equal(out.p, "<svg ", 5);
    wa_buf_free(&out);

    assert_int_equal(wa_qr_txt(text, &out), WA_OK);
    assert_non_null(memmem(out.p, out.n, "\xe2\x96\x80", 3));
    wa_buf_free(&out);

    assert_int_equal(wa_qr_png(wa_span_str(""), 1, &out), WA_ERR_LIMIT);
    assert_int_equal(wa_qr_png(text, 5000, &out), WA_ERR_LIMIT);
    assert_null(out.p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(recipients),
        cmocka_unit_test(shards_are_stable_and_spread),
        cmocka_unit_test(operations_round_trip),
        cmocka_unit_test(qr_pictures)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
