/* Length of voice notes. */
#include "wa_ogg.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>


typedef struct {
    uint8_t  p[200000];
    size_t   n;
} file_t;


/* A page of one packet; lacing values as far as they are looked at. */
static void
page(file_t *f, uint8_t flags, uint32_t serial, uint64_t granule,
    const void *body, size_t n)
{
    size_t    i;
    uint8_t  *p;

    p = f->p + f->n;
    memset(p, 0, 28);
    memcpy(p, "OggS", 4);
    p[5] = flags;

    for (i = 0; i < 8; i++) {
        p[6 + i] = (uint8_t) (granule >> (8 * i));
    }

    for (i = 0; i < 4; i++) {
        p[14 + i] = (uint8_t) (serial >> (8 * i));
    }

    p[26] = 1;
    p[27] = (uint8_t) n;
    memcpy(p + 28, body, n);
    f->n += 28 + n;
}


static void
head(file_t *f, uint16_t skip)
{
    uint8_t  packet[19] = "OpusHead\1\1";

    packet[10] = (uint8_t) skip;
    packet[11] = (uint8_t) (skip >> 8);
    f->n = 0;
    page(f, 2, 7, 0, packet, sizeof(packet));
}


static wa_err_t
length(const file_t *f, uint32_t *s)
{
    *s = 0;

    return wa_ogg_opus_seconds(wa_span(f->p, f->n), s);
}


static file_t  f;


static void
the_last_page_tells(void **state)
{
    uint32_t  s;

    (void) state;

    head(&f, 312);
    page(&f, 0, 7, 48000, "OggS", 4);
    page(&f, 4, 7, 5 * 48000 + 312, "abc", 3);
    assert_int_equal(length(&f, &s), WA_OK);
    assert_int_equal(s, 5);

    /* Another stream's page, and one on which no packet ends. */

    page(&f, 4, 8, 99 * 48000, "abc", 3);
    page(&f, 4, 7, UINT64_MAX, "abc", 3);
    assert_int_equal(length(&f, &s), WA_OK);
    assert_int_equal(s, 5);

    /* Rounded, but never to nothing. */

    head(&f, 0);
    page(&f, 4, 7, 90000, "x", 1);
    assert_int_equal(length(&f, &s), WA_OK);
    assert_int_equal(s, 2);

    head(&f, 0);
    page(&f, 4, 7, 10, "x", 1);
    assert_int_equal(length(&f, &s), WA_OK);
    assert_int_equal(s, 1);
}


static void
what_tells_nothing_is_refused(void **state)
{
    size_t    n;
    uint32_t  s;

    (void) state;

    head(&f, 312);
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);
    page(&f, 4, 7, 312, "x", 1);
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);

    head(&f, 0);
    page(&f, 4, 7, (uint64_t) INT64_MAX, "x", 1);
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);

    head(&f, 0);
    f.p[28] = 'V';
    page(&f, 4, 7, 48000, "x", 1);
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);

    head(&f, 0);
    f.p[5] = 0;
    page(&f, 4, 7, 48000, "x", 1);
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);

    /* Far from the end nothing is looked for. */

    head(&f, 0);
    page(&f, 4, 7, 48000, "x", 1);
    memset(f.p + f.n, 'x', 70000);
    f.n += 70000;
    assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);

    head(&f, 0);
    page(&f, 4, 7, 48000, "x", 1);
    n = f.n;

    for (f.n = 0; f.n < n - 2; f.n++) {
        assert_int_equal(length(&f, &s), WA_ERR_SYNTAX);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_page_tells),
        cmocka_unit_test(what_tells_nothing_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
