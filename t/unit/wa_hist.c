/* HistorySync protobufs for tests, see wa_hist.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <zlib.h>

#include "wa_hist.h"


static void
put(wa_hist_t *h, const void *p, size_t n)
{
    assert_int_equal(wa_buf_append(&h->b, p, n), WA_OK);
}


static void
put_varint(wa_hist_t *h, uint64_t v)
{
    uint8_t  c;

    do {
        c = (uint8_t) (v & 0x7f);
        v >>= 7;
        c |= v != 0 ? 0x80 : 0;
        put(h, &c, 1);
    } while (v != 0);
}


void
wa_hist_varint(wa_hist_t *h, unsigned number, uint64_t v)
{
    put_varint(h, number << 3);
    put_varint(h, v);
}


void
wa_hist_bytes(wa_hist_t *h, unsigned number, const void *p, size_t n)
{
    put_varint(h, number << 3 | 2);
    put_varint(h, n);
    put(h, p, n);
}


void
wa_hist_str(wa_hist_t *h, unsigned number, const char *s)
{
    wa_hist_bytes(h, number, s, strlen(s));
}


/* Lengths of four bytes, padded as a varint may be. */
void
wa_hist_begin(wa_hist_t *h, unsigned number)
{
    static const uint8_t  none[4];

    put_varint(h, number << 3 | 2);
    put(h, none, sizeof(none));
    assert_true(h->depth < sizeof(h->open) / sizeof(h->open[0]));
    h->open[h->depth++] = h->b.n;
}


void
wa_hist_end(wa_hist_t *h)
{
    size_t    n;
    uint8_t  *p;

    assert_true(h->depth > 0);
    h->depth--;
    n = h->b.n - h->open[h->depth];
    assert_true(n < 1u << 28);

    p = h->b.p + h->open[h->depth] - 4;
    p[0] = (uint8_t) (n | 0x80);
    p[1] = (uint8_t) (n >> 7 | 0x80);
    p[2] = (uint8_t) (n >> 14 | 0x80);
    p[3] = (uint8_t) (n >> 21 & 0x7f);
}


void
wa_hist_msg_begin(wa_hist_t *h, const char *chat, bool from_me,
    const char *id, const char *who, wa_span_t message, uint64_t ts,
    unsigned status)
{
    wa_hist_begin(h, 2);
    wa_hist_begin(h, 1);
    wa_hist_begin(h, 1);
    wa_hist_str(h, 1, chat);
    wa_hist_varint(h, 2, from_me);
    wa_hist_str(h, 3, id);

    if (who != NULL) {
        wa_hist_str(h, 4, who);
    }

    wa_hist_end(h);

    if (message.p != NULL) {
        wa_hist_bytes(h, 2, message.p, message.n);
    }

    wa_hist_varint(h, 3, ts);
    wa_hist_varint(h, 4, status);
}


void
wa_hist_msg_end(wa_hist_t *h, uint64_t order)
{
    wa_hist_end(h);
    wa_hist_varint(h, 2, order);
    wa_hist_end(h);
}


void
wa_hist_text(wa_hist_t *h, const char *chat, bool from_me, const char *id,
    const char *who, const char *text, uint64_t ts, uint64_t order)
{
    wa_hist_t  m = { .depth = 0 };

    wa_hist_str(&m, 1, text);
    wa_hist_msg_begin(h, chat, from_me, id, who, wa_span_buf(&m.b), ts, 2);
    wa_hist_msg_end(h, order);
    wa_buf_free(&m.b);
}


wa_buf_t
wa_hist_pack(const wa_hist_t *h)
{
    uLongf    n;
    wa_buf_t  out = WA_BUF_EMPTY;

    assert_int_equal(h->depth, 0);
    n = compressBound((uLong) h->b.n);
    assert_int_equal(wa_buf_reserve(&out, n), WA_OK);
    assert_int_equal(compress2(out.p, &n, h->b.p, (uLong) h->b.n, 6), Z_OK);
    out.n = n;

    return out;
}


wa_err_t
wa_hist_read(void *ctx, uint64_t offset, uint8_t *buf, size_t cap, size_t *n)
{
    wa_span_t  *s = ctx;

    *n = 0;

    if (offset < s->n) {
        *n = s->n - offset < cap ? s->n - (size_t) offset : cap;
        memcpy(buf, s->p + offset, *n);
    }

    return WA_OK;
}


wa_history_conf_t
wa_hist_conf(wa_span_t *packed, int64_t now_s)
{
    wa_history_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.account_id = "a1";
    conf.session_id = "s1";
    conf.tenant = "default";
    conf.shard = 7;
    conf.now_ms = now_s * 1000;
    conf.messages = true;
    conf.read = wa_hist_read;
    conf.ctx = packed;

    assert_int_equal(wa_jid_parse(wa_span_str("15550001@s.whatsapp.net"),
                                  &conf.pn),
                     WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("100@lid"), &conf.lid), WA_OK);

    return conf;
}
