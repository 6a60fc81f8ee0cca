/* Growing writer. */

#include "wa_wr.h"


void
wa_wr_init(wa_wr_t *w, wa_buf_t *buf, size_t max)
{
    w->buf = buf;
    w->start = buf->n;
    w->max = max;
    w->err = WA_OK;
}


void
wa_wr_fail(wa_wr_t *w, wa_err_t err)
{
    if (w->err == WA_OK) {
        w->err = err;
    }
}


void
wa_wr_undo(wa_wr_t *w)
{
    if (w->buf->n > w->start) {
        wa_wipe(w->buf->p + w->start, w->buf->n - w->start);
        w->buf->n = w->start;
    }
}


uint8_t *
wa_wr_room(wa_wr_t *w, size_t n)
{
    uint8_t   *p;
    wa_err_t   rc;

    if (w->err != WA_OK) {
        return NULL;
    }

    if (n > w->max - (w->buf->n - w->start)) {
        w->err = WA_ERR_LIMIT;
        return NULL;
    }

    rc = wa_buf_reserve(w->buf, n);
    if (rc != WA_OK) {
        w->err = rc;
        return NULL;
    }

    p = w->buf->p + w->buf->n;
    w->buf->n += n;

    return p;
}


void
wa_wr_bytes(wa_wr_t *w, const void *p, size_t n)
{
    uint8_t  *room;

    if (n == 0) {
        return;
    }

    room = wa_wr_room(w, n);
    if (room != NULL) {
        memcpy(room, p, n);
    }
}


void
wa_wr_span(wa_wr_t *w, wa_span_t s)
{
    wa_wr_bytes(w, s.p, s.n);
}


void
wa_wr_str(wa_wr_t *w, const char *s)
{
    wa_wr_span(w, wa_span_str(s));
}


void
wa_wr_u8(wa_wr_t *w, uint8_t v)
{
    wa_wr_bytes(w, &v, 1);
}


void
wa_wr_u16(wa_wr_t *w, uint16_t v)
{
    uint8_t  b[2];

    b[0] = (uint8_t) (v >> 8);
    b[1] = (uint8_t) v;

    wa_wr_bytes(w, b, sizeof(b));
}


void
wa_wr_u24(wa_wr_t *w, uint32_t v)
{
    uint8_t  b[3];

    b[0] = (uint8_t) (v >> 16);
    b[1] = (uint8_t) (v >> 8);
    b[2] = (uint8_t) v;

    wa_wr_bytes(w, b, sizeof(b));
}


void
wa_wr_u32(wa_wr_t *w, uint32_t v)
{
    uint8_t  b[4];

    b[0] = (uint8_t) (v >> 24);
    b[1] = (uint8_t) (v >> 16);
    b[2] = (uint8_t) (v >> 8);
    b[3] = (uint8_t) v;

    wa_wr_bytes(w, b, sizeof(b));
}


void
wa_wr_dec(wa_wr_t *w, uint64_t v)
{
    size_t   n;
    uint8_t  text[20];              /* digits of 2^64 - 1 */

    n = sizeof(text);

    do {
        text[--n] = (uint8_t) ('0' + v % 10);
        v /= 10;
    } while (v != 0);

    wa_wr_bytes(w, text + n, sizeof(text) - n);
}
