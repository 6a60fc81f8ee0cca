/* WebSocket client: upgrade, frames in every cut, control frames, refusals. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_crypto.h"
#include "wa_failmem.h"
#include "wa_feed.h"
#include "wa_limits.h"
#include "wa_ws.h"


/* RFC 6455 section 1.3: this key has this answer. */
static const uint8_t  sample_nonce[16] = "the sample nonce";

#define SAMPLE_KEY     "dGhlIHNhbXBsZSBub25jZQ=="
#define SAMPLE_ACCEPT  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define ANSWER                                                                \
    "HTTP/1.1 101 Switching Protocols\r\n"                                    \
    "Upgrade: websocket\r\n"                                                  \
    "Connection: Upgrade\r\n"                                                 \
    "Sec-WebSocket-Accept: " SAMPLE_ACCEPT "\r\n\r\n"


static void
sample_random(void *data, uint8_t *p, size_t n)
{
    size_t  i;

    (void) data;

    for (i = 0; i < n; i++) {
        p[i] = sample_nonce[i % 16];
    }
}


static const wa_ws_conf_t  sample_conf = {
    "web.whatsapp.com", "/ws/chat", "https://web.whatsapp.com",
    sample_random, NULL, NULL
};


static wa_ws_t *
ws_new_with(wa_ws_spares_t *spares)
{
    wa_ws_t       *ws;
    wa_buf_t       out = WA_BUF_EMPTY;
    wa_ws_conf_t   conf;

    conf = sample_conf;
    conf.spares = spares;
    assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_OK);
    wa_buf_free(&out);

    return ws;
}


static wa_ws_t *
ws_new(void)
{
    return ws_new_with(NULL);
}


static wa_ws_t *
ws_open_with(wa_ws_spares_t *spares)
{
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    ws = ws_new_with(spares);
    assert_int_equal(wa_ws_feed(ws, wa_span_str(ANSWER), &data, &out), WA_OK);
    assert_int_equal(wa_ws_state(ws), WA_WS_OPEN);
    assert_int_equal(out.n, 0);

    return ws;
}


static wa_ws_t *
ws_open(void)
{
    return ws_open_with(NULL);
}


/* An unmasked frame as a server sends it. */
static void
put_frame(wa_buf_t *b, uint8_t first, wa_span_t payload)
{
    size_t   i, n, bytes;
    uint8_t  head[10];

    head[0] = first;
    n = 2;

    if (payload.n < 126) {
        head[1] = (uint8_t) payload.n;

    } else {
        bytes = (payload.n < 65536) ? 2 : 8;
        head[1] = (bytes == 2) ? 126 : 127;

        for (i = 0; i < bytes; i++) {
            head[n++] = (uint8_t) (payload.n >> 8 * (bytes - 1 - i));
        }
    }

    assert_int_equal(wa_buf_append(b, head, n), WA_OK);
    assert_int_equal(wa_buf_append_span(b, payload), WA_OK);
}


static void
request_is_as_the_rfc_wants_it(void **state)
{
    size_t        i;
    wa_ws_t      *ws;
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_ws_conf_t  conf;

    static const char *const  bad[] = {
        "", "a b", "a\r\nX: y", "a\n", "\x7f", "\xc3\xa4"
    };

    (void) state;

    assert_int_equal(wa_ws_create(&ws, &sample_conf, &out), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out),
        "GET /ws/chat HTTP/1.1\r\n"
        "Host: web.whatsapp.com\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: " SAMPLE_KEY "\r\n"
        "Origin: https://web.whatsapp.com\r\n"
        "Cache-Control: no-cache\r\n"
        "Pragma: no-cache\r\n\r\n"));
    wa_ws_free(ws);

    out.n = 0;
    conf = sample_conf;
    conf.origin = NULL;
    conf.random = NULL;
    assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_OK);
    assert_null(memmem(out.p, out.n, "Origin", 6));
    wa_ws_free(ws);
    wa_ws_free(NULL);

    out.n = 0;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        conf = sample_conf;
        conf.host = bad[i];
        assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_ERR_ARG);
        conf = sample_conf;
        conf.path = bad[i];
        assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_ERR_ARG);
        conf = sample_conf;
        conf.origin = bad[i];
        assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_ERR_ARG);
    }

    conf = sample_conf;
    conf.path = "no-slash";
    assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_ERR_ARG);
    conf.host = NULL;
    assert_int_equal(wa_ws_create(&ws, &conf, &out), WA_ERR_ARG);
    assert_int_equal(out.n, 0);

    wa_buf_free(&out);
}


static void
answers_are_judged(void **state)
{
    size_t     i;
    wa_err_t   rc;
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

#define L1    "HTTP/1.1 101 Switching Protocols\r\n"
#define UP    "Upgrade: websocket\r\n"
#define CONN  "Connection: Upgrade\r\n"
#define ACC   "Sec-WebSocket-Accept: " SAMPLE_ACCEPT "\r\n"

    static const struct {
        const char  *text;
        wa_err_t     rc;
        unsigned     status;
    } rows[] = {
        { L1 UP CONN ACC "\r\n", WA_OK, 101 },
        { "HTTP/1.1 101\r\n" ACC CONN UP "\r\n", WA_OK, 101 },
        { L1 "UPGRADE:WebSocket \r\nconnection: keep-alive , upgrade\r\n"
          "sec-websocket-accept:\t" SAMPLE_ACCEPT "\r\nServer: x\r\n\r\n",
          WA_OK, 101 },
        { L1 UP CONN "\r\n", WA_ERR_SYNTAX, 101 },
        { L1 UP ACC "\r\n", WA_ERR_SYNTAX, 101 },
        { L1 CONN ACC "\r\n", WA_ERR_SYNTAX, 101 },
        { L1 UP "Connection: upgraded\r\n" ACC "\r\n", WA_ERR_SYNTAX, 101 },
        { L1 UP CONN "Sec-WebSocket-Accept: wrong\r\n\r\n", WA_ERR_SYNTAX,
          101 },
        { L1 UP CONN ACC "Sec-WebSocket-Extensions: permessage-deflate\r\n"
          "\r\n", WA_ERR_SYNTAX, 101 },
        { L1 UP CONN ACC "Sec-WebSocket-Protocol: chat\r\n\r\n",
          WA_ERR_SYNTAX, 101 },
        { L1 UP CONN ACC "no colon\r\n\r\n", WA_ERR_SYNTAX, 101 },
        { L1 UP CONN ACC ": no name\r\n\r\n", WA_ERR_SYNTAX, 101 },
        { "HTTP/1.1 403 Forbidden\r\n\r\n", WA_ERR_SYNTAX, 403 },
        { "HTTP/1.1 429\r\nRetry-After: 3\r\n\r\n", WA_ERR_SYNTAX, 429 },
        { "HTTP/1.1 1010 x\r\n\r\n", WA_ERR_SYNTAX, 0 },
        { "HTTP/1.0 101 x\r\n\r\n", WA_ERR_SYNTAX, 0 },
        { "HTTP/1.1 10\r\n\r\n", WA_ERR_SYNTAX, 0 },
        { "SSH-2.0-x\r\n\r\n", WA_ERR_SYNTAX, 0 },
        { "\r\n\r\n", WA_ERR_SYNTAX, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws = ws_new();
        rc = wa_ws_feed(ws, wa_span_str(rows[i].text), &data, &out);

        if (rc != rows[i].rc || wa_ws_http_status(ws) != rows[i].status) {
            fail_msg("%s: %s, status %u", rows[i].text, wa_err_name(rc),
                     wa_ws_http_status(ws));
        }

        assert_int_equal(wa_ws_state(ws),
                         rc == WA_OK ? WA_WS_OPEN : WA_WS_FAILED);
        assert_int_equal(wa_ws_feed(ws, wa_span_none(), &data, &out), rc);
        assert_int_equal(out.n, 0);
        wa_ws_free(ws);
    }
}


static void
endless_answers_are_cut(void **state)
{
    size_t     i;
    wa_err_t   rc;
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    (void) state;

    ws = ws_new();
    rc = WA_OK;

    for (i = 0; i < 10000 && rc == WA_OK; i++) {
        rc = wa_ws_feed(ws, wa_span_str("x"), &data, &out);
    }

    assert_int_equal(rc, WA_ERR_LIMIT);
    assert_int_equal(i, WA_WS_RESPONSE_MAX);
    wa_ws_free(ws);
}


/* -- a conversation in every cut ------------------------------------------- */

typedef struct {
    wa_ws_t    *ws;
    wa_buf_t    data;
    wa_buf_t    out;
    wa_span_t   want;
    size_t      pongs;
} talk_t;


static void
talk_begin(void *data)
{
    talk_t  *t;

    t = data;
    t->ws = ws_new();
}


static void
talk_feed(void *data, wa_span_t piece)
{
    talk_t  *t;

    t = data;
    assert_int_equal(wa_ws_feed(t->ws, piece, &t->data, &t->out), WA_OK);
}


static void
talk_end(void *data)
{
    talk_t  *t;

    /* two pongs (payloads "hi" and none) and the close 1001, all masked */
    static const uint8_t  want[] = {
        0x8a, 0x82, 't', 'h', 'e', ' ', 'h' ^ 't', 'i' ^ 'h',
        0x8a, 0x80, 't', 'h', 'e', ' ',
        0x88, 0x82, 't', 'h', 'e', ' ', 0x03 ^ 't', 0xe9 ^ 'h'
    };

    t = data;

    assert_int_equal(t->data.n, t->want.n);
    assert_memory_equal(t->data.p, t->want.p, t->want.n);
    assert_int_equal(t->out.n, sizeof(want));
    assert_memory_equal(t->out.p, want, sizeof(want));
    assert_int_equal(wa_ws_state(t->ws), WA_WS_CLOSED);
    assert_int_equal(wa_ws_close_code(t->ws), 1001);

    wa_buf_free(&t->data);
    wa_buf_free(&t->out);
    wa_ws_free(t->ws);
}


static void
conversations_split_anywhere(void **state)
{
    talk_t     t;
    size_t     i;
    uint8_t    bytes[300];
    wa_buf_t   in = WA_BUF_EMPTY;
    wa_buf_t   want = WA_BUF_EMPTY;
    wa_feed_t  feed;

    (void) state;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t) i;
    }

    assert_int_equal(wa_buf_append_str(&in, ANSWER), WA_OK);

    put_frame(&in, 0x82, wa_span(bytes, 5));            /* whole */
    put_frame(&in, 0x82, wa_span_none());
    put_frame(&in, 0x02, wa_span(bytes, 130));          /* in three parts */
    put_frame(&in, 0x89, wa_span_str("hi"));            /* ping between */
    put_frame(&in, 0x00, wa_span_none());
    put_frame(&in, 0x80, wa_span(bytes, 125));
    put_frame(&in, 0x81, wa_span_str("ignored text"));
    put_frame(&in, 0x01, wa_span_str("ignored"));
    put_frame(&in, 0x8a, wa_span_str("pong"));
    put_frame(&in, 0x80, wa_span_str("too"));
    put_frame(&in, 0x89, wa_span_none());
    put_frame(&in, 0x82, wa_span(bytes, 300));
    put_frame(&in, 0x88, wa_span("\x03\xe9" "away", 6));
    put_frame(&in, 0x82, wa_span_str("after the end"));

    assert_int_equal(wa_buf_append(&want, bytes, 5), WA_OK);
    assert_int_equal(wa_buf_append(&want, bytes, 130), WA_OK);
    assert_int_equal(wa_buf_append(&want, bytes, 125), WA_OK);
    assert_int_equal(wa_buf_append(&want, bytes, 300), WA_OK);

    memset(&t, 0, sizeof(t));
    t.want = wa_span_buf(&want);

    feed.begin = talk_begin;
    feed.feed = talk_feed;
    feed.end = talk_end;
    feed.data = &t;

    wa_feed_all(&feed, wa_span_buf(&in));

    wa_buf_free(&in);
    wa_buf_free(&want);
}


static void
broken_frames_end_the_connection(void **state)
{
    size_t     i;
    wa_err_t   rc;
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    static const struct {
        const char  *what;
        const char  *bytes;
        size_t       n;
        wa_err_t     rc;
    } rows[] = {
        { "reserved bit", "\xc2\x01x", 3, WA_ERR_SYNTAX },
        { "opcode 3", "\x83\x01x", 3, WA_ERR_SYNTAX },
        { "opcode 11", "\x8b\x01x", 3, WA_ERR_SYNTAX },
        { "masked", "\x82\x81mask" "x", 7, WA_ERR_SYNTAX },
        { "continuation of nothing", "\x80\x01x", 3, WA_ERR_SYNTAX },
        { "message within a message", "\x02\x01x\x82\x01y", 6,
          WA_ERR_SYNTAX },
        { "ping in parts", "\x09\x01x", 3, WA_ERR_SYNTAX },
        { "ping of 126", "\x89\x7e\x00\x7ex", 5, WA_ERR_SYNTAX },
        { "close of one byte", "\x88\x01x", 3, WA_ERR_SYNTAX },
        { "length not minimal", "\x82\x7e\x00\x01x", 5, WA_ERR_SYNTAX },
        { "length not minimal, 8", "\x82\x7f\0\0\0\0\0\0\0\x01x", 11,
          WA_ERR_SYNTAX },
        { "length with top bit", "\x82\x7f\xff\0\0\0\0\0\0\x01x", 11,
          WA_ERR_SYNTAX },
        { "2^40 bytes", "\x82\x7f\0\0\1\0\0\0\0\0x", 11, WA_ERR_LIMIT }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws = ws_open();
        out.n = 0;

        rc = wa_ws_feed(ws, wa_span(rows[i].bytes, rows[i].n), &data, &out);

        if (rc != rows[i].rc) {
            fail_msg("%s: %s", rows[i].what, wa_err_name(rc));
        }

        assert_int_equal(wa_ws_state(ws), WA_WS_FAILED);
        assert_int_equal(wa_ws_feed(ws, wa_span_str("x"), &data, &out), rc);

        /* the peer is told why, once */

        assert_int_equal(out.n, 8);
        assert_int_equal(out.p[0], 0x88);
        assert_int_equal((out.p[6] ^ out.p[2]) << 8 | (out.p[7] ^ out.p[3]),
                         rc == WA_ERR_LIMIT ? 1009 : 1002);

        assert_int_equal(wa_ws_send(ws, wa_span_str("x"), &out),
                         WA_ERR_STATE);
        assert_int_equal(wa_ws_ping(ws, wa_span_none(), &out), WA_ERR_STATE);
        assert_int_equal(wa_ws_close(ws, 1000, &out), WA_OK);
        assert_int_equal(out.n, 8);

        wa_ws_free(ws);
    }

    wa_buf_free(&data);
    wa_buf_free(&out);
}


static void
check_masks(wa_ws_spares_t *spares)
{
    size_t     i, k, n, head;
    uint8_t   *payload;
    wa_ws_t   *ws;
    wa_buf_t   out = WA_BUF_EMPTY;

    static const size_t  sizes[] = {
        0, 1, 125, 126, 4095, 4096, 4097, 65535, 65536, 200000
    };

    payload = malloc(200000);
    assert_non_null(payload);

    for (i = 0; i < 200000; i++) {
        payload[i] = (uint8_t) (i * 11);
    }

    ws = ws_open_with(spares);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        n = sizes[i];
        out.n = 0;
        assert_int_equal(wa_ws_send(ws, wa_span(payload, n), &out), WA_OK);

        head = (n < 126) ? 2 : (n < 65536) ? 4 : 10;
        assert_int_equal(out.n, head + 4 + n);
        assert_int_equal(out.p[0], 0x82);
        assert_true(out.p[1] & 0x80);

        for (k = 0; k < n; k++) {
            assert_int_equal(out.p[head + 4 + k] ^ out.p[head + k % 4],
                             payload[k]);
        }
    }

    out.n = 0;
    assert_int_equal(wa_ws_ping(ws, wa_span_str("p"), &out), WA_OK);
    assert_int_equal(out.p[0], 0x89);
    assert_int_equal(wa_ws_ping(ws, wa_span(payload, 126), &out), WA_ERR_ARG);

    wa_ws_free(ws);
    wa_buf_free(&out);
    free(payload);
}


static void
sent_frames_are_masked(void **state)
{
    wa_ws_spares_t  spares;

    (void) state;

    memset(&spares, 0, sizeof(spares));
    check_masks(NULL);
    check_masks(&spares);
    assert_non_null(spares.idle);
    check_masks(&spares);
    wa_ws_spares_free(&spares);
    assert_null(spares.idle);
}


/* Two connections on one set of spares, cut in the middle of frames. */
static void
spares_are_lent_between_frames_only(void **state)
{
    size_t           i, k;
    wa_ws_t         *ws[2];
    wa_buf_t         in = WA_BUF_EMPTY, out = WA_BUF_EMPTY;
    wa_buf_t         data[2] = { WA_BUF_EMPTY, WA_BUF_EMPTY };
    wa_ws_spares_t   spares;

    (void) state;

    memset(&spares, 0, sizeof(spares));
    ws[0] = ws_open_with(&spares);
    ws[1] = ws_open_with(&spares);

    for (i = 0; i < 40; i++) {
        put_frame(&in, 0x82, wa_span_str("some bytes of a frame"));
        put_frame(&in, 0x89, wa_span_str("ping"));
    }

    for (i = 0; i < in.n; i += 7) {
        for (k = 0; k < 2; k++) {
            assert_int_equal(wa_ws_feed(ws[k],
                                 wa_span(in.p + i, in.n - i < 7 ? in.n - i
                                                                : 7),
                                 &data[k], &out), WA_OK);
            assert_int_equal(wa_ws_send(ws[k], wa_span_str("x"), &out),
                             WA_OK);
        }
    }

    for (k = 0; k < 2; k++) {
        assert_int_equal(data[k].n, 40 * 21);

        for (i = 0; i < 40; i++) {
            assert_memory_equal(data[k].p + 21 * i, "some bytes of a frame",
                                21);
        }

        wa_buf_free(&data[k]);
    }

    /* One that breaks off takes nothing back. */

    assert_int_equal(wa_ws_feed(ws[0], wa_span_str("\xff\xff"), &data[0],
                                &out), WA_ERR_SYNTAX);
    assert_int_equal(wa_ws_feed(ws[1], wa_span_str("\x82\x05" "he"), &data[1],
                                &out), WA_OK);
    wa_ws_free(ws[0]);
    assert_int_equal(wa_ws_feed(ws[1], wa_span_str("llo"), &data[1], &out),
                     WA_OK);
    assert_memory_equal(data[1].p, "hello", 5);

    wa_ws_free(ws[1]);
    wa_ws_spares_free(&spares);
    wa_buf_free(&data[1]);
    wa_buf_free(&in);
    wa_buf_free(&out);
}


static void
closing_from_our_side(void **state)
{
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    (void) state;

    ws = ws_new();
    assert_int_equal(wa_ws_send(ws, wa_span_str("early"), &out),
                     WA_ERR_STATE);
    assert_int_equal(wa_ws_close(ws, 1000, &out), WA_OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(wa_ws_feed(ws, wa_span_str(ANSWER), &data, &out), WA_OK);

    assert_int_equal(wa_ws_close(ws, 1000, &out), WA_OK);
    assert_int_equal(out.n, 8);
    assert_int_equal(wa_ws_state(ws), WA_WS_CLOSING);
    assert_int_equal(wa_ws_close(ws, 1000, &out), WA_OK);
    assert_int_equal(out.n, 8);
    assert_int_equal(wa_ws_close_code(ws), 0);

    /* data may still be on its way; pings need no answer any more */

    assert_int_equal(wa_ws_feed(ws, wa_span_str("\x82\x01x\x89\x01y"), &data,
                                &out), WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&data), "x"));
    assert_int_equal(wa_ws_feed(ws, wa_span("\x88\x00", 2), &data, &out),
                     WA_OK);
    assert_int_equal(wa_ws_state(ws), WA_WS_CLOSED);
    assert_int_equal(wa_ws_close_code(ws), 1005);
    assert_int_equal(out.n, 8);

    wa_ws_free(ws);
    wa_buf_free(&data);
    wa_buf_free(&out);
}


static void
idle_connections_are_small(void **state)
{
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    (void) state;

    ws = ws_open();
    print_message("idle: %zu bytes\n", wa_ws_memory(ws));
    assert_true(wa_ws_memory(ws) <= 256);

    assert_int_equal(wa_ws_feed(ws, wa_span("\x82\x02x", 3), &data, &out),
                     WA_OK);
    assert_true(wa_ws_memory(ws) > 4096);
    assert_int_equal(wa_ws_feed(ws, wa_span_str("y\x89\x01p"), &data, &out),
                     WA_OK);
    assert_true(wa_ws_memory(ws) <= 256);

    wa_ws_free(ws);
    wa_buf_free(&data);
    wa_buf_free(&out);
}


static wa_err_t
ws_scenario(void *unused)
{
    wa_err_t   rc;
    wa_ws_t   *ws;
    wa_buf_t   data = WA_BUF_EMPTY;
    wa_buf_t   out = WA_BUF_EMPTY;

    (void) unused;

    ws = NULL;

    rc = wa_ws_create(&ws, &sample_conf, &out);

    if (rc == WA_OK) {
        rc = wa_ws_feed(ws, wa_span_str(ANSWER "\x82\x01x\x89\x01y"), &data,
                        &out);
    }

    if (rc == WA_OK) {
        rc = wa_ws_send(ws, wa_span_str("payload"), &out);
    }

    if (rc == WA_OK) {
        rc = wa_ws_close(ws, 1000, &out);
    }

    wa_ws_free(ws);
    wa_buf_free(&data);
    wa_buf_free(&out);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    (void) state;

    WA_FAILMEM_RUN(ws_scenario, NULL);
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
        cmocka_unit_test(request_is_as_the_rfc_wants_it),
        cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(endless_answers_are_cut),
        cmocka_unit_test(conversations_split_anywhere),
        cmocka_unit_test(broken_frames_end_the_connection),
        cmocka_unit_test(sent_frames_are_masked),
        cmocka_unit_test(spares_are_lent_between_frames_only),
        cmocka_unit_test(closing_from_our_side),
        cmocka_unit_test(idle_connections_are_small),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
