/* Length framing: vectors, every cut, bounds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_failmem.h"
#include "wa_feed.h"
#include "wa_frame.h"
#include "wa_limits.h"
#include "wa_vectors.h"


typedef struct {
    wa_frame_rd_t   rd;
    wa_span_t       want[16];
    size_t          n_want;
    size_t          seen;
} frames_t;


static void
frames_begin(void *data)
{
    frames_t  *f;

    f = data;
    wa_frame_init(&f->rd, WA_FRAME_MAX);
    f->seen = 0;
}


static void
frames_feed(void *data, wa_span_t piece)
{
    frames_t   *f;
    wa_err_t    rc;
    wa_span_t   frame;

    f = data;

    assert_int_equal(wa_frame_feed(&f->rd, piece), WA_OK);

    while ((rc = wa_frame_next(&f->rd, &frame)) == WA_OK) {
        assert_true(f->seen < f->n_want);
        assert_true(wa_span_eq(frame, f->want[f->seen]));
        f->seen++;
    }

    assert_int_equal(rc, WA_AGAIN);
}


static void
frames_end(void *data)
{
    frames_t  *f;

    f = data;

    assert_int_equal(f->seen, f->n_want);
    assert_null(f->rd.acc.p);               /* idle readers hold nothing */
    wa_frame_free(&f->rd);
}


static void
streams_split_anywhere(void **state)
{
    size_t        i;
    json_t       *c;
    frames_t      f;
    wa_feed_t     feed;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "noise.json");

    f.n_want = 0;

    json_array_foreach(wa_vectors_get(v.root, "framing.frames"), i, c) {
        f.want[f.n_want++] = wa_vectors_unhex(&v, json_string_value(c));
    }

    assert_int_equal(f.n_want, 3);

    feed.begin = frames_begin;
    feed.feed = frames_feed;
    feed.end = frames_end;
    feed.data = &f;

    wa_feed_all(&feed, wa_vectors_hex(&v, v.root, "framing.stream"));

    wa_vectors_close(&v);
}


static void
what_is_written_is_read(void **state)
{
    size_t     i;
    uint8_t    body[700];
    frames_t   f;
    wa_buf_t   out = WA_BUF_EMPTY;
    wa_feed_t  feed;

    static const size_t  sizes[] = { 0, 1, 255, 0, 256, 700, 3 };

    (void) state;

    for (i = 0; i < sizeof(body); i++) {
        body[i] = (uint8_t) (i * 7);
    }

    f.n_want = 0;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        f.want[f.n_want] = wa_span(body, sizes[i]);
        assert_int_equal(wa_frame_write(f.want[f.n_want], &out), WA_OK);
        f.n_want++;
    }

    feed.begin = frames_begin;
    feed.feed = frames_feed;
    feed.end = frames_end;
    feed.data = &f;

    wa_feed_all(&feed, wa_span_buf(&out));
    wa_buf_free(&out);

    assert_int_equal(wa_frame_write(wa_span(body, WA_FRAME_MAX + 1), &out),
                     WA_ERR_LIMIT);
    assert_null(out.p);
}


static void
long_frames_poison_the_reader(void **state)
{
    size_t         cut;
    wa_err_t       rc;
    wa_span_t      frame;
    wa_frame_rd_t  rd;

    static const uint8_t  in[] = { 0, 0, 1, 'a', 0, 0, 3, 'b', 'c', 'd' };

    (void) state;

    for (cut = 0; cut <= 7; cut++) {
        wa_frame_init(&rd, 2);

        assert_int_equal(wa_frame_feed(&rd, wa_span(in, cut)), WA_OK);

        while ((rc = wa_frame_next(&rd, &frame)) == WA_OK) {
            assert_true(wa_span_eq_str(frame, "a"));
        }

        if (rc == WA_AGAIN) {
            assert_int_equal(wa_frame_feed(&rd, wa_span(in + cut, 10 - cut)),
                             WA_OK);

            while ((rc = wa_frame_next(&rd, &frame)) == WA_OK) {
                assert_true(wa_span_eq_str(frame, "a"));
            }
        }

        assert_int_equal(rc, WA_ERR_LIMIT);
        assert_int_equal(wa_frame_next(&rd, &frame), WA_ERR_LIMIT);
        assert_int_equal(wa_frame_feed(&rd, wa_span(in, 1)), WA_ERR_LIMIT);
        assert_null(rd.acc.p);
    }

    /* the bound may be raised after the handshake */

    wa_frame_init(&rd, 2);
    wa_frame_set_max(&rd, 3);
    assert_int_equal(wa_frame_feed(&rd, wa_span(in, 10)), WA_OK);
    assert_int_equal(wa_frame_feed(&rd, wa_span(in, 10)), WA_ERR_STATE);
    assert_int_equal(wa_frame_next(&rd, &frame), WA_OK);
    assert_int_equal(wa_frame_next(&rd, &frame), WA_OK);
    assert_true(wa_span_eq_str(frame, "bcd"));
    assert_int_equal(wa_frame_next(&rd, &frame), WA_AGAIN);
    wa_frame_free(&rd);
}


/* A header may promise 16 MB: memory is taken for what came only. */
static void
promises_cost_nothing(void **state)
{
    wa_span_t      frame;
    wa_frame_rd_t  rd;

    static const uint8_t  in[] = { 0xff, 0xff, 0xff, 'x' };

    (void) state;

    wa_frame_init(&rd, WA_FRAME_MAX);
    assert_int_equal(wa_frame_feed(&rd, wa_span(in, sizeof(in))), WA_OK);
    assert_int_equal(wa_frame_next(&rd, &frame), WA_AGAIN);
    assert_true(rd.acc.cap < 1024);
    wa_frame_free(&rd);
}


static void
intros_match_vectors(void **state)
{
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_span_t     want, routing, hello;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "noise.json");

    hello = wa_vectors_hex(&v, v.root, "handshakes.0.client_hello_protobuf");

    assert_int_equal(wa_frame_intro(wa_span_none(), &out), WA_OK);
    assert_int_equal(wa_frame_write(hello, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                    wa_vectors_hex(&v, v.root, "handshakes.0.wire_1_client")));

    out.n = 0;
    routing = wa_vectors_hex(&v, v.root,
                             "intro_with_routing_info.routing_info");
    want = wa_vectors_hex(&v, v.root,
                          "intro_with_routing_info.first_wire_message");

    assert_int_equal(wa_frame_intro(routing, &out), WA_OK);
    assert_int_equal(wa_frame_write(hello, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out), want));

    out.n = 0;
    assert_int_equal(wa_frame_intro(wa_span(want.p, WA_ROUTING_INFO_MAX + 1),
                                    &out), WA_ERR_LIMIT);
    assert_int_equal(out.n, 0);

    wa_buf_free(&out);
    wa_vectors_close(&v);
}


static wa_err_t
frame_scenario(void *data)
{
    size_t         i;
    wa_buf_t       out = WA_BUF_EMPTY;
    wa_err_t       rc;
    wa_span_t      frame;
    wa_frame_rd_t  rd;

    (void) data;

    wa_frame_init(&rd, WA_FRAME_MAX);

    rc = wa_frame_intro(wa_span_str("routing"), &out);

    out.n = 0;

    for (i = 0; i < 40 && rc == WA_OK; i++) {
        rc = wa_frame_write(wa_span_str("some body"), &out);
    }

    for (i = 0; i < out.n && rc == WA_OK; i++) {

        rc = wa_frame_feed(&rd, wa_span(out.p + i, 1));

        while (rc == WA_OK) {
            rc = wa_frame_next(&rd, &frame);
        }

        if (rc == WA_AGAIN) {
            rc = WA_OK;
        }
    }

    wa_frame_free(&rd);
    wa_buf_free(&out);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    (void) state;

    WA_FAILMEM_RUN(frame_scenario, NULL);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(streams_split_anywhere),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(long_frames_poison_the_reader),
        cmocka_unit_test(promises_cost_nothing),
        cmocka_unit_test(intros_match_vectors),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
