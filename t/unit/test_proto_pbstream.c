/* Incremental protobuf and inflation: any split of the input gives the same. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_failmem.h"
#include "wa_inflate.h"
#include "wa_pbstream.h"
#include "wa_vectors.h"


/* Feeds everything in pieces of `step` and writes down what comes out;
   conversations, their messages and what is in those are entered, other
   fields taken. */
static wa_err_t
run(wa_span_t in, size_t step, size_t max, char *text, size_t cap)
{
    size_t               n, len;
    bool                 enter;
    uint8_t             *piece;
    wa_err_t             rc;
    wa_pbstream_t       *s;
    wa_pbstream_item_t   item;

    text[0] = '\0';
    s = NULL;
    piece = NULL;
    n = 0;
    rc = wa_pbstream_create(&s);

    while (rc == WA_OK) {
        rc = wa_pbstream_next(s, &item);

        if (rc == WA_AGAIN) {
            free(piece);
            piece = NULL;

            if (in.n == 0) {
                rc = wa_pbstream_finish(s);
                break;
            }

            /* A copy of its own, so that a read beyond it is seen. */

            len = in.n < step ? in.n : step;
            piece = malloc(len);
            assert_non_null(piece);
            memcpy(piece, in.p, len);
            wa_pbstream_feed(s, wa_span(piece, len));
            in = wa_span(in.p + len, in.n - len);
            rc = WA_OK;
            continue;
        }

        if (rc != WA_OK) {
            break;
        }

        n += (size_t) snprintf(text + n, cap - n, "%u:%u:%d=", item.depth,
                               item.number, (int) item.type);

        if (item.type == WA_PBSTREAM_BYTES) {
            n += (size_t) snprintf(text + n, cap - n, "%.*s",
                                   (int) item.bytes.n,
                                   (const char *) item.bytes.p);

        } else {
            n += (size_t) snprintf(text + n, cap - n, "%llu",
                                   (unsigned long long) item.value);
        }

        n += (size_t) snprintf(text + n, cap - n, "\n");

        if (item.type != WA_PBSTREAM_OPEN) {
            continue;
        }

        enter = (item.depth < 2 && item.number == 2)
                || (item.depth == 2 && item.number == 1);
        rc = enter ? wa_pbstream_enter(s) : wa_pbstream_take(s, max);
    }

    free(piece);
    wa_pbstream_free(s);

    return rc;
}


static void
any_split_gives_the_same_fields(void **state)
{
    char          whole[4096], part[4096];
    size_t        step;
    wa_span_t     in;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "history.json");
    in = wa_vectors_hex(&v, v.root, "history_sync_protobuf");

    assert_int_equal(run(in, in.n, 4096, whole, sizeof(whole)), WA_OK);
    assert_non_null(strstr(whole, "1:1:3=19\n"));
    assert_non_null(strstr(whole, "0:5:0=1\n"));
    assert_non_null(strstr(whole, "0:2:6=0\n"));
    assert_non_null(strstr(whole, "old"));

    for (step = 1; step < in.n; step++) {
        assert_int_equal(run(in, step, 4096, part, sizeof(part)), WA_OK);
        assert_string_equal(part, whole);
    }

    wa_vectors_close(&v);
}


static void
what_is_cut_short_is_not_finished(void **state)
{
    char          text[4096];
    size_t        n, good;
    wa_span_t     in;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "history.json");
    in = wa_vectors_hex(&v, v.root, "history_sync_protobuf");
    good = 0;

    for (n = 1; n < in.n; n++) {
        good += run(wa_span(in.p, n), n, 4096, text, sizeof(text)) == WA_OK;
    }

    /* Only between the fields of the outermost message. */

    assert_in_range(good, 1, 6);

    wa_vectors_close(&v);
}


static void
long_fields_are_passed_over(void **state)
{
    char     text[512];
    size_t   step;
    uint8_t  in[64];

    (void) state;

    /* field 1: 60 bytes, then field 3: 7 */

    memset(in, 'x', sizeof(in));
    in[0] = 0x0a;
    in[1] = 60;
    in[62] = 0x18;
    in[63] = 7;

    for (step = 1; step <= sizeof(in); step++) {
        assert_int_equal(run(wa_span(in, sizeof(in)), step, 59, text,
                             sizeof(text)),
                         WA_OK);
        assert_string_equal(text, "0:1:3=60\n0:1:5=0\n0:3:0=7\n");
    }
}


static void
hostile_bytes_are_refused(void **state)
{
    size_t  i, step;
    char    text[512];

    static const struct {
        const char  *bytes;
        size_t       n;
        wa_err_t     rc;
    } cases[] = {
        { "\x00\x01", 2, WA_ERR_SYNTAX },                   /* number 0    */
        { "\x0b", 1, WA_ERR_SYNTAX },                       /* a group     */
        { "\x0f", 1, WA_ERR_SYNTAX },
        { "\x12\x02\x0a\x01", 4, WA_ERR_SYNTAX },           /* past parent */
        { "\x12\x01\x08\x01", 4, WA_ERR_SYNTAX },           /* cut by it   */
        { "\x12\x02\x0d\x01\x01\x01\x01", 7, WA_ERR_SYNTAX },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11,
          WA_ERR_SYNTAX },                                  /* 65 bits     */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 12,
          WA_ERR_SYNTAX },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, WA_OK },
        { "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12,
          WA_ERR_SYNTAX },                                  /* too long    */
        { "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7fx", 11,
          WA_ERR_SYNTAX },                                  /* never ends  */
        { "\x12\x00\x1a\x00", 4, WA_OK },
        { "\x09\x01\x02\x03\x04\x05\x06\x07\x08", 9, WA_OK },
        { "\x09\x01\x02\x03\x04\x05\x06\x07", 8, WA_ERR_SYNTAX },
        { "", 0, WA_OK }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        for (step = 1; step <= cases[i].n + 1; step++) {
            assert_int_equal(run(wa_span(cases[i].bytes, cases[i].n), step,
                                 4096, text, sizeof(text)),
                             cases[i].rc);
        }
    }
}


/* Entered again and again: 8 levels, then no more. */
static void
depth_is_bounded(void **state)
{
    size_t               i;
    uint8_t              in[32];
    wa_err_t             rc;
    wa_pbstream_t       *s;
    wa_pbstream_item_t   item;

    (void) state;

    for (i = 0; i < 16; i++) {
        in[2 * i] = 0x12;
        in[2 * i + 1] = (uint8_t) (30 - 2 * i);
    }

    assert_int_equal(wa_pbstream_create(&s), WA_OK);
    wa_pbstream_feed(s, wa_span(in, sizeof(in)));

    for (i = 0; i < WA_PBSTREAM_DEPTH; i++) {
        assert_int_equal(wa_pbstream_next(s, &item), WA_OK);
        assert_int_equal(item.type, WA_PBSTREAM_OPEN);
        assert_int_equal(wa_pbstream_enter(s), WA_OK);
        assert_int_equal(wa_pbstream_enter(s), WA_ERR_STATE);
        assert_int_equal(wa_pbstream_take(s, 1), WA_ERR_STATE);
    }

    assert_int_equal(wa_pbstream_next(s, &item), WA_OK);
    assert_int_equal(wa_pbstream_enter(s), WA_ERR_LIMIT);

    for (i = 0; i < WA_PBSTREAM_DEPTH; i++) {
        rc = wa_pbstream_next(s, &item);
        assert_int_equal(rc, WA_OK);
        assert_int_equal(item.type, WA_PBSTREAM_END);
    }

    assert_int_equal(wa_pbstream_next(s, &item), WA_AGAIN);
    assert_int_equal(wa_pbstream_finish(s), WA_OK);
    wa_pbstream_free(s);
}


/* -- inflation ------------------------------------------------------------- */

static wa_err_t
inflate_pieces(wa_span_t in, size_t step, size_t room, uint64_t max,
    wa_buf_t *out)
{
    size_t          n, len;
    uint8_t         piece[64];
    wa_err_t        rc;
    wa_span_t       part;
    wa_inflater_t  *z;

    part = wa_span_none();
    rc = wa_inflater_create(&z, max);

    if (rc != WA_OK) {
        return rc;
    }

    for ( ;; ) {
        rc = wa_inflater_run(z, &part, piece, room, &n);

        if (rc == WA_OK || rc == WA_AGAIN) {
            assert_true(n <= room);

            if (wa_buf_append(out, piece, n) != WA_OK) {
                rc = WA_ERR_NOMEM;
                break;
            }
        }

        if (rc == WA_AGAIN && in.n != 0) {
            len = in.n < step ? in.n : step;
            part = wa_span(in.p, len);
            in = wa_span(in.p + len, in.n - len);
            continue;
        }

        if (rc == WA_AGAIN) {
            rc = wa_inflater_ended(z) ? WA_OK : WA_ERR_SYNTAX;
            break;
        }

        if (rc != WA_OK) {
            break;
        }
    }

    wa_inflater_free(z);

    return rc;
}


static void
inflation_in_pieces_is_inflation(void **state)
{
    size_t        step, room;
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_span_t     packed, plain;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "history.json");
    packed = wa_vectors_hex(&v, v.root, "zlib");
    plain = wa_vectors_hex(&v, v.root, "history_sync_protobuf");

    for (step = 1; step <= packed.n; step += 7) {

        for (room = 1; room <= 64; room += 9) {
            out.n = 0;
            assert_int_equal(inflate_pieces(packed, step, room, plain.n,
                                            &out),
                             WA_OK);
            assert_true(wa_span_eq(wa_span_buf(&out), plain));
        }
    }

    assert_int_equal(inflate_pieces(packed, 16, 64, plain.n - 1, &out),
                     WA_ERR_LIMIT);
    assert_int_equal(inflate_pieces(wa_span(packed.p, packed.n - 1), 16, 64,
                                    plain.n, &out),
                     WA_ERR_SYNTAX);
    assert_int_equal(inflate_pieces(plain, 16, 64, plain.n, &out),
                     WA_ERR_SYNTAX);
    assert_int_equal(inflate_pieces(wa_span_none(), 16, 64, 100, &out),
                     WA_ERR_SYNTAX);

    out.n = 0;
    assert_int_equal(wa_buf_append_span(&out, packed), WA_OK);
    assert_int_equal(wa_buf_append(&out, "x", 1), WA_OK);
    packed = wa_span_buf(&out);

    {
        wa_buf_t  more = WA_BUF_EMPTY;

        for (step = 1; step <= packed.n; step += 5) {
            assert_int_equal(inflate_pieces(packed, step, 64, 10000, &more),
                             WA_ERR_SYNTAX);
        }

        wa_buf_free(&more);
    }

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


static wa_err_t
scenario(void *data)
{
    char          text[4096];
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_err_t      rc;
    wa_span_t    *in = data;

    rc = run(in[0], 5, 4096, text, sizeof(text));

    if (rc == WA_OK) {
        rc = inflate_pieces(in[1], 5, 64, 10000, &out);
    }

    wa_buf_free(&out);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    wa_span_t     in[2];
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "history.json");
    in[0] = wa_vectors_hex(&v, v.root, "history_sync_protobuf");
    in[1] = wa_vectors_hex(&v, v.root, "zlib");
    WA_FAILMEM_RUN(scenario, in);
    wa_vectors_close(&v);
}


/* "one two one two one two", as gzip -n packs it. */
static void
gzip_is_inflated(void **state)
{
    size_t          i, n;
    uint8_t         plain[64];
    wa_span_t       in;
    wa_inflater_t  *z;

    static uint8_t  packed[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb,
        0xcf, 0x4b, 0x55, 0x28, 0x29, 0xcf, 0x57, 0xc8, 0x47, 0xa5, 0x01,
        0x39, 0x9e, 0x16, 0x4f, 0x17, 0x00, 0x00, 0x00
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        in = wa_span(packed, sizeof(packed) - (i == 1));
        packed[25] ^= (i == 2);                 /* its CRC */
        assert_int_equal(wa_inflater_create_gzip(&z, 23), WA_OK);
        assert_int_equal(wa_inflater_run(z, &in, plain, sizeof(plain), &n),
                         i == 2 ? WA_ERR_SYNTAX : WA_OK);
        assert_true(wa_inflater_ended(z) == (i == 0));
        assert_true(i != 0 || n == 23);
        assert_memory_equal(plain, "one two one two one two", 23);
        wa_inflater_free(z);
    }

    in = wa_span(packed, sizeof(packed));
    assert_int_equal(wa_inflater_create(&z, 23), WA_OK);
    assert_int_equal(wa_inflater_run(z, &in, plain, sizeof(plain), &n),
                     WA_ERR_SYNTAX);
    wa_inflater_free(z);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(any_split_gives_the_same_fields),
        cmocka_unit_test(what_is_cut_short_is_not_finished),
        cmocka_unit_test(long_fields_are_passed_over),
        cmocka_unit_test(hostile_bytes_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(gzip_is_inflated),
        cmocka_unit_test(inflation_in_pieces_is_inflation),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
