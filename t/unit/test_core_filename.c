/* Names that others chose, Content-Disposition, signed links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_crypto.h"
#include "wa_filename.h"
#include "wa_mime.h"


#define A50   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A250  A50 A50 A50 A50 A50


static void
test_clean(void **state)
{
    size_t  i;
    char    out[WA_FILENAME_MAX + 1];

    static const struct {
        const char  *in;
        const char  *out;
    } list[] = {
        { "photo.jpg", "photo.jpg" },
        { "my photo (1).jpg", "my photo (1).jpg" },
        { "../../etc/passwd", "passwd" },
        { "C:\\Users\\x\\a.doc", "a.doc" },
        { "/", "" },
        { "..", "" },
        { " .hidden ", "hidden" },
        { "a\r\nSet-Cookie: x", "aSet-Cookie: x" },
        { "\x7f\x01", "" },
        { "\xc3\xa4.txt", "\xc3\xa4.txt" },
        { "\xff.txt", "_.txt" },
        { "", "" },
        { A250 "12345678", A250 "12345" },
        { A250 "1234\xc3\xa4", A250 "1234" }
    };

    (void) state;

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        assert_int_equal(wa_filename_clean(wa_span_str(list[i].in), out),
                         list[i].out[0] != '\0');
        assert_string_equal(out, list[i].out);
    }
}


static void
test_key(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "a", "0123abcd.jpg", "A-b_c.tar.gz", "a."
    };
    static const char *const  bad[] = {
        "", ".", "..", ".a", "a..b", "a/b", "a\\b", "a%2fb", "a b", "a\nb",
        "\xc3\xa4"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(wa_filename_is_key(wa_span_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(wa_filename_is_key(wa_span_str(bad[i])));
    }

    assert_false(wa_filename_is_key(wa_span("a\0b", 3)));
    assert_true(wa_filename_is_key(wa_span(A250, 160)));
    assert_false(wa_filename_is_key(wa_span(A250, 161)));
}


static void
test_disposition(void **state)
{
    size_t    i;
    wa_buf_t  out;

    static const struct {
        const char  *name;
        const char  *out;
    } list[] = {
        { "", "inline" },
        { "a b.jpg", "inline; filename=\"a b.jpg\"" },
        { "a\"b\\c%d", "inline; filename=\"a_b_c_d\";"
                       " filename*=UTF-8''a%22b%5Cc%25d" },
        { "\xc3\xa4;.txt", "inline; filename=\"__;.txt\";"
                           " filename*=UTF-8''%C3%A4%3B.txt" },
        { "a\r\nX: y", "inline; filename=\"a__X: y\";"
                       " filename*=UTF-8''a%0D%0AX%3A%20y" }
    };

    (void) state;
    memset(&out, 0, sizeof(out));

    for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        out.n = 0;
        assert_int_equal(wa_filename_disposition(false,
                             wa_span_str(list[i].name), &out), WA_OK);
        assert_true(wa_span_eq_str(wa_span_buf(&out), list[i].out));
    }

    out.n = 0;
    assert_int_equal(wa_filename_disposition(true, wa_span_str("x"), &out),
                     WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out),
                               "attachment; filename=\"x\""));
    wa_buf_free(&out);
}


static void
test_link(void **state)
{
    size_t     i;
    uint8_t    master[32], key[32], other[32];
    int64_t    now, until;
    wa_buf_t   link, again;
    wa_span_t  path, exp, sig;

    (void) state;
    memset(&link, 0, sizeof(link));
    memset(&again, 0, sizeof(again));
    assert_int_equal(wa_crypto_init(), WA_OK);
    memset(master, 7, sizeof(master));
    assert_int_equal(wa_link_key(master, key), WA_OK);
    assert_memory_not_equal(master, key, 32);
    master[0]++;
    assert_int_equal(wa_link_key(master, other), WA_OK);

    now = 1700000000;
    path = wa_span_str("/files/main/0123.jpg");
    assert_int_equal(wa_link_sign(key, path, now, &link), WA_OK);
    assert_int_equal(wa_link_sign(key, path, now + 60, &again), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&link), wa_span_buf(&again)));
    assert_int_equal(link.n, path.n + sizeof("?exp=1700000000&sig=") - 1
                             + WA_LINK_SIG_LEN);
    assert_memory_equal(link.p, path.p, path.n);

    exp = wa_span(link.p + path.n + 5, 10);
    sig = wa_span(link.p + link.n - WA_LINK_SIG_LEN, WA_LINK_SIG_LEN);
    assert_true(wa_span_i64(exp, &until));
    assert_in_range(until, now + WA_LINK_SECONDS,
                    now + WA_LINK_SECONDS + 86400);

    assert_true(wa_link_check(key, path, exp, sig, now));
    assert_true(wa_link_check(key, path, exp, sig, until));
    assert_false(wa_link_check(key, path, exp, sig, until + 1));
    assert_false(wa_link_check(other, path, exp, sig, now));
    assert_false(wa_link_check(key, wa_span_str("/files/main/0124.jpg"), exp,
                               sig, now));
    assert_false(wa_link_check(key, path, wa_span_str("1999999999"), sig,
                               now));
    assert_false(wa_link_check(key, path, wa_span_str("x"), sig, now));
    assert_false(wa_link_check(key, path, exp, wa_span_none(), now));

    /* every byte of the signature counts */

    for (i = 0; i < sig.n; i++) {
        link.p[link.n - WA_LINK_SIG_LEN + i] ^= 1;
        assert_false(wa_link_check(key, path, exp, sig, now));
        link.p[link.n - WA_LINK_SIG_LEN + i] ^= 1;
    }

    wa_buf_free(&link);
    wa_buf_free(&again);
}


static void
test_mime(void **state)
{
    char        out[WA_MIME_MAX];
    wa_mime_t  *m;

    (void) state;

    assert_true(wa_mime_parse(wa_span_str("Image/JPEG"), out));
    assert_string_equal(out, "image/jpeg");
    assert_true(wa_mime_parse(wa_span_str("audio/ogg; codecs=opus"), out));
    assert_string_equal(out, "audio/ogg; codecs=opus");
    assert_true(wa_mime_is(out, "audio/ogg"));
    assert_string_equal(wa_mime_extension(out), "ogg");
    assert_true(wa_mime_parse(wa_span_str("text/html; x=\"<\r\n\""), out));
    assert_string_equal(out, "text/html");
    assert_false(wa_mime_parse(wa_span_str("image"), out));
    assert_false(wa_mime_parse(wa_span_str("image/"), out));
    assert_false(wa_mime_parse(wa_span_str("/jpeg"), out));
    assert_false(wa_mime_parse(wa_span_str("a/b/c"), out));
    assert_false(wa_mime_parse(wa_span_str("a/b\r\nX: y"), out));
    assert_false(wa_mime_parse(wa_span_str("a/" A250), out));
    assert_false(wa_mime_is("image/jpegx", "image/jpeg"));

    assert_string_equal(wa_mime_of_name(wa_span_str("a.tar.GZ")),
                        "application/gzip");
    assert_null(wa_mime_of_name(wa_span_str("jpg")));
    assert_null(wa_mime_of_name(wa_span_str("x.")));
    assert_null(wa_mime_of_name(wa_span_str("x." A50)));
    assert_string_equal(wa_mime_extension("x/y"), "bin");

    assert_true(wa_mime_is_inline("image/png"));
    assert_false(wa_mime_is_inline("image/svg+xml"));
    assert_false(wa_mime_is_inline("text/html"));
    assert_false(wa_mime_is_inline("application/xml"));

    assert_int_equal(wa_mime_create(&m), WA_OK);
    assert_true(wa_mime_sniff(m, wa_span_str("%PDF-1.4\n%\xc3\xa4"), out));
    assert_string_equal(out, "application/pdf");
    assert_true(wa_mime_sniff(m, wa_span_str("GIF89a\1\0\1\0"), out));
    assert_string_equal(out, "image/gif");
    assert_false(wa_mime_sniff(m, wa_span_str("hello there\n"), out));
    assert_string_equal(out, "text/plain");
    assert_false(wa_mime_sniff(m, wa_span_none(), out));
    wa_mime_free(m);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_disposition),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_mime)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
