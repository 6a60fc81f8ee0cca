/* Byte strings, allocator, arena, reader, writer, hex and base64. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_b64.h"
#include "wa_base.h"
#include "wa_failmem.h"
#include "wa_limits.h"
#include "wa_mem.h"
#include "wa_rd.h"
#include "wa_wr.h"


static void
errors_have_names(void **state)
{
    (void) state;

    assert_string_equal(wa_err_name(WA_OK), "WA_OK");
    assert_string_equal(wa_err_name(WA_ERR_AUTH), "WA_ERR_AUTH");
    assert_string_equal(wa_err_name(WA_ERR_NOMEM), "WA_ERR_NOMEM");
    assert_string_equal(wa_err_name((wa_err_t) 7), "WA_ERR_UNKNOWN");
    assert_int_equal(WA_ERR_AUTH, -203);
}


static void
sizes_do_not_wrap(void **state)
{
    size_t  n;

    (void) state;

    n = 5;

    assert_true(wa_add_size(SIZE_MAX - 1, 1, &n));
    assert_true(n == SIZE_MAX);
    assert_false(wa_add_size(SIZE_MAX, 1, &n));
    assert_true(n == SIZE_MAX);

    assert_true(wa_mul_size(SIZE_MAX / 2, 2, &n));
    assert_false(wa_mul_size(SIZE_MAX / 2 + 1, 2, &n));
    assert_true(wa_mul_size(SIZE_MAX, 0, &n));
    assert_true(n == 0);
}


static void
decimal_text_is_strict(void **state)
{
    size_t    i;
    int64_t   s;
    uint64_t  u;

    static const char *const  bad[] = {
        "", "-", "+1", " 1", "1 ", "1a", "-1", "18446744073709551616",
        "99999999999999999999", "0x1", "1.0"
    };

    (void) state;

    u = 7;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (wa_span_u64(wa_span_str(bad[i]), &u)) {
            fail_msg("accepted \"%s\"", bad[i]);
        }
    }

    assert_true(u == 7);

    assert_true(wa_span_u64(wa_span_str("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_true(wa_span_u64(wa_span_str("007"), &u));
    assert_true(u == 7);

    assert_true(wa_span_i64(wa_span_str("-9223372036854775808"), &s));
    assert_true(s == INT64_MIN);
    assert_true(wa_span_i64(wa_span_str("9223372036854775807"), &s));
    assert_true(s == INT64_MAX);
    assert_false(wa_span_i64(wa_span_str("9223372036854775808"), &s));
    assert_false(wa_span_i64(wa_span_str("-9223372036854775809"), &s));
    assert_false(wa_span_i64(wa_span_str("--1"), &s));
    assert_false(wa_span_u64(wa_span_none(), &u));
}


static void
buffers_grow_move_and_end(void **state)
{
    size_t    i;
    wa_buf_t  a = WA_BUF_EMPTY;
    wa_buf_t  b = WA_BUF_EMPTY;

    (void) state;

    for (i = 0; i < 1000; i++) {
        assert_int_equal(wa_buf_append_str(&a, "0123456789"), WA_OK);
    }

    assert_int_equal(a.n, 10000);
    assert_memory_equal(a.p + 9990, "0123456789", 10);

    wa_buf_consume(&a, 9995);
    assert_true(wa_span_eq_str(wa_span_buf(&a), "56789"));

    assert_int_equal(wa_buf_append_str(&b, "old"), WA_OK);
    wa_buf_move(&b, &a);
    assert_null(a.p);
    assert_true(wa_span_eq_str(wa_span_buf(&b), "56789"));
    wa_buf_move(&b, &b);
    assert_true(wa_span_eq_str(wa_span_buf(&b), "56789"));

    wa_buf_consume(&b, 100);
    assert_int_equal(b.n, 0);
    assert_int_equal(wa_buf_reserve(&b, SIZE_MAX), WA_ERR_NOMEM);

    wa_buf_wipe(&b);
    wa_buf_wipe(&b);
    wa_buf_free(&a);
    assert_null(b.p);
    assert_int_equal(wa_buf_append(&b, NULL, 0), WA_OK);
    assert_null(b.p);
}


static void
arena_aligns_bounds_and_resets(void **state)
{
    char        *s;
    size_t       i, total;
    uint8_t     *p;
    wa_arena_t   a;

    (void) state;

    wa_arena_init(&a, 256);

    for (i = 1; i < 200; i++) {
        p = wa_arena_alloc(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t) p % 8, 0);
        memset(p, (int) i, i);
    }

    assert_non_null(wa_arena_alloc(&a, 0));

    s = wa_arena_strdup(&a, wa_span_str("abc"));
    assert_string_equal(s, "abc");
    s = wa_arena_strdup(&a, wa_span_none());
    assert_string_equal(s, "");

    p = wa_arena_calloc(&a, 100, 9);
    assert_non_null(p);

    for (i = 0; i < 900; i++) {
        assert_int_equal(p[i], 0);
    }

    assert_null(wa_arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(wa_arena_alloc(&a, SIZE_MAX));
    assert_null(wa_arena_alloc(&a, SIZE_MAX - 20));

    total = a.total;
    wa_arena_set_limit(&a, total + 100);
    assert_null(wa_arena_alloc(&a, 300));
    assert_non_null(wa_arena_alloc(&a, 96));

    wa_arena_reset(&a);
    assert_true(a.total <= 256);
    assert_non_null(wa_arena_alloc(&a, 8));

    wa_arena_free(&a);
    assert_int_equal(a.total, 0);
    wa_arena_free(&a);
}


static void
arena_pool_lends_wiped_chunks(void **state)
{
    size_t           i, k;
    uint8_t         *p;
    wa_arena_t       a[WA_ARENA_SPARES + 4];
    wa_arena_pool_t  pool;

    (void) state;

    memset(&pool, 0, sizeof(pool));

    for (k = 0; k < 2; k++) {

        for (i = 0; i < WA_ARENA_SPARES + 4; i++) {
            wa_arena_init_pool(&a[i], &pool);
            p = wa_arena_alloc(&a[i], 64);
            assert_non_null(p);

            /* A chunk used before tells nothing of what was in it; a fresh
               one is malloc's. */

            if (k == 1 && i < WA_ARENA_SPARES && pool.count != 0) {
                assert_int_equal(p[0], 0);
                assert_int_equal(p[63], 0);
            }

            memset(p, 0x5a, 64);
            assert_non_null(wa_arena_alloc(&a[i], 3 * WA_ARENA_CHUNK));
        }

        assert_int_equal(pool.count, 0);

        for (i = 0; i < WA_ARENA_SPARES + 4; i++) {
            wa_arena_free(&a[i]);
            assert_int_equal(a[i].total, 0);
        }

        assert_true(pool.count <= WA_ARENA_SPARES);
    }

    wa_arena_pool_free(&pool);
    assert_int_equal(pool.count, 0);
}


static void
arena_reset_wipes_what_it_keeps(void **state)
{
    size_t       i;
    uint8_t     *p, *again;
    wa_arena_t   a;

    (void) state;

    wa_arena_init(&a, 256);

    p = wa_arena_alloc(&a, 32);
    assert_non_null(p);
    memset(p, 0x5a, 32);

    wa_arena_reset(&a);

    again = wa_arena_alloc(&a, 32);
    assert_non_null(again);

    if (again == p) {               /* one chunk per object under sanitizers */
        for (i = 0; i < 32; i++) {
            assert_int_equal(p[i], 0);
        }
    }

    wa_arena_free(&a);
}


static void
reads_stop_at_the_end(void **state)
{
    wa_rd_t    r;
    uint8_t    v8;
    uint16_t   v16;
    uint32_t   v32;
    uint64_t   v64;
    wa_span_t  s;

    static const uint8_t  in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    static const uint8_t  max[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
    };
    static const uint8_t  over[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02
    };
    static const uint8_t  endless[] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00
    };

    (void) state;

    r = wa_rd(wa_span(in, sizeof(in)));

    assert_true(wa_rd_u8(&r, &v8));
    assert_int_equal(v8, 1);
    assert_true(wa_rd_u16(&r, &v16));
    assert_int_equal(v16, 0x0203);
    assert_true(wa_rd_u24(&r, &v32));
    assert_int_equal(v32, 0x040506);
    assert_true(wa_rd_u32(&r, &v32));
    assert_int_equal(v32, 0x0708090a);

    assert_false(wa_rd_u8(&r, &v8));
    assert_false(wa_rd_u16(&r, &v16));
    assert_false(wa_rd_u24(&r, &v32));
    assert_false(wa_rd_u32(&r, &v32));
    assert_false(wa_rd_bytes(&r, 1, &s));
    assert_false(wa_rd_bytes(&r, SIZE_MAX, &s));
    assert_false(wa_rd_varint(&r, &v64));
    assert_true(wa_rd_bytes(&r, 0, &s));

    r = wa_rd(wa_span(max, sizeof(max)));
    assert_true(wa_rd_varint(&r, &v64));
    assert_true(v64 == UINT64_MAX);

    r = wa_rd(wa_span(over, sizeof(over)));
    assert_false(wa_rd_varint(&r, &v64));

    r = wa_rd(wa_span(endless, sizeof(endless)));
    assert_false(wa_rd_varint(&r, &v64));

    r = wa_rd(wa_span_none());
    assert_int_equal(wa_rd_left(&r), 0);
    assert_false(wa_rd_u8(&r, &v8));
}


static void
writes_are_bounded_and_undone(void **state)
{
    wa_wr_t   w;
    wa_buf_t  b = WA_BUF_EMPTY;

    static const uint8_t  want[] = {
        'x', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, '0', '1', '8', '4', '4', '6', '7',
        '4', '4', '0', '7', '3', '7', '0', '9', '5', '5', '1', '6', '1', '5'
    };

    (void) state;

    assert_int_equal(wa_buf_append_str(&b, "x"), WA_OK);

    wa_wr_init(&w, &b, 31);
    wa_wr_u8(&w, 1);
    wa_wr_u16(&w, 0x0203);
    wa_wr_u24(&w, 0x040506);
    wa_wr_u32(&w, 0x0708090a);
    wa_wr_dec(&w, 0);
    wa_wr_dec(&w, UINT64_MAX);

    assert_int_equal(w.err, WA_OK);
    assert_int_equal(b.n, sizeof(want));
    assert_memory_equal(b.p, want, sizeof(want));

    wa_wr_str(&w, "");
    assert_int_equal(w.err, WA_OK);
    wa_wr_u8(&w, 0);
    assert_int_equal(w.err, WA_ERR_LIMIT);
    assert_null(wa_wr_room(&w, 0));
    wa_wr_fail(&w, WA_ERR_ARG);
    assert_int_equal(w.err, WA_ERR_LIMIT);

    wa_wr_undo(&w);
    assert_int_equal(b.n, 1);

    wa_buf_free(&b);
}


static void
hex_round_trips(void **state)
{
    uint8_t   bytes[4];
    wa_buf_t  b = WA_BUF_EMPTY;

    static const uint8_t  in[] = { 0x00, 0x7f, 0x80, 0xff };

    (void) state;

    assert_int_equal(wa_hex_encode(wa_span(in, 4), &b), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&b), "007f80ff"));

    assert_int_equal(wa_hex_decode(wa_span_buf(&b), bytes, 4), WA_OK);
    assert_memory_equal(bytes, in, 4);
    assert_int_equal(wa_hex_decode(wa_span_str("007F80fF"), bytes, 4), WA_OK);
    assert_memory_equal(bytes, in, 4);

    assert_int_equal(wa_hex_decode(wa_span_str("007f80f"), bytes, 4),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_hex_decode(wa_span_str("007f80"), bytes, 4),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_hex_decode(wa_span_str("007f80fg"), bytes, 4),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_hex_decode(wa_span_none(), bytes, 0), WA_OK);

    wa_buf_free(&b);
}


/* RFC 4648 section 10, and what must be refused. */
static void
base64_is_strict(void **state)
{
    size_t    i;
    wa_buf_t  b = WA_BUF_EMPTY;

    static const struct {
        const char  *plain;
        const char  *std;
        const char  *url;
    } good[] = {
        { "",       "",         ""         },
        { "f",      "Zg==",     "Zg"       },
        { "fo",     "Zm8=",     "Zm8"      },
        { "foo",    "Zm9v",     "Zm9v"     },
        { "foob",   "Zm9vYg==", "Zm9vYg"   },
        { "fooba",  "Zm9vYmE=", "Zm9vYmE"  },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/", "-_-_"   }
    };

    static const char *const  bad[] = {
        "Zg", "Zg=", "Zg===", "Z", "Zh==", "Zm9=", "Zm9v=", "====", "Zm 9v",
        "Zm9v\n", "-_-_", "A===", "=", "Zg==Zg=="
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {

        b.n = 0;
        assert_int_equal(wa_b64_encode(wa_span_str(good[i].plain), WA_B64_STD,
                                       &b), WA_OK);
        assert_true(wa_span_eq_str(wa_span_buf(&b), good[i].std));

        b.n = 0;
        assert_int_equal(wa_b64_encode(wa_span_str(good[i].plain), WA_B64_URL,
                                       &b), WA_OK);
        assert_true(wa_span_eq_str(wa_span_buf(&b), good[i].url));

        b.n = 0;
        assert_int_equal(wa_b64_decode(wa_span_str(good[i].std), WA_B64_STD,
                                       &b), WA_OK);
        assert_true(wa_span_eq_str(wa_span_buf(&b), good[i].plain));

        b.n = 0;
        assert_int_equal(wa_b64_decode(wa_span_str(good[i].url), WA_B64_URL,
                                       &b), WA_OK);
        assert_true(wa_span_eq_str(wa_span_buf(&b), good[i].plain));
    }

    b.n = 0;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (wa_b64_decode(wa_span_str(bad[i]), WA_B64_STD, &b)
            != WA_ERR_SYNTAX)
        {
            fail_msg("accepted \"%s\"", bad[i]);
        }

        assert_int_equal(b.n, 0);
    }

    assert_int_equal(wa_b64_decode(wa_span_str("Zg=="), WA_B64_URL, &b),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_b64_decode(wa_span_str("+/+/"), WA_B64_URL, &b),
                     WA_ERR_SYNTAX);

    wa_buf_free(&b);
}


static wa_err_t
base_scenario(void *data)
{
    wa_wr_t     w;
    wa_buf_t    b = WA_BUF_EMPTY;
    wa_buf_t    c = WA_BUF_EMPTY;
    wa_err_t    rc;
    wa_span_t   s;
    wa_arena_t  a;

    (void) data;

    wa_arena_init(&a, 64);
    wa_wr_init(&w, &b, SIZE_MAX);

    wa_wr_str(&w, "some text that is longer than the smallest allocation, "
                  "so that the buffer has to grow once more");
    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span_buf(&b), WA_B64_STD, &c);
    }

    b.n = 0;

    if (rc == WA_OK) {
        rc = wa_b64_decode(wa_span_buf(&c), WA_B64_STD, &b);
    }

    if (rc == WA_OK) {
        rc = wa_hex_encode(wa_span_buf(&b), &c);
    }

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&a, wa_span_buf(&c), &s);
    }

    if (rc == WA_OK && wa_arena_strdup(&a, wa_span_str("x")) == NULL) {
        rc = WA_ERR_NOMEM;
    }

    wa_buf_free(&b);
    wa_buf_wipe(&c);
    wa_arena_free(&a);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    (void) state;

    WA_FAILMEM_RUN(base_scenario, NULL);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(decimal_text_is_strict),
        cmocka_unit_test(buffers_grow_move_and_end),
        cmocka_unit_test(arena_aligns_bounds_and_resets),
        cmocka_unit_test(arena_pool_lends_wiped_chunks),
        cmocka_unit_test(arena_reset_wipes_what_it_keeps),
        cmocka_unit_test(reads_stop_at_the_end),
        cmocka_unit_test(writes_are_bounded_and_undone),
        cmocka_unit_test(hex_round_trips),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
