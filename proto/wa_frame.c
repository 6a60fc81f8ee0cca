/* Length framing and connection intro. */

#include "wa_frame.h"
#include "wa_limits.h"
#include "wa_rd.h"
#include "wa_wr.h"


const uint8_t  wa_intro[WA_INTRO_LEN] = { 'W', 'A', 6, 3 };

/* Edge routing block: "ED", version 0, type 1. */
static const uint8_t  wa_intro_routing[4] = { 'E', 'D', 0, 1 };


void
wa_frame_init(wa_frame_rd_t *f, uint32_t max)
{
    memset(f, 0, sizeof(*f));
    f->max = max;
}


void
wa_frame_set_max(wa_frame_rd_t *f, uint32_t max)
{
    f->max = max;
}


wa_err_t
wa_frame_feed(wa_frame_rd_t *f, wa_span_t in)
{
    if (f->err != WA_OK) {
        return f->err;
    }

    if (f->in.n != 0) {
        return WA_ERR_STATE;
    }

    f->in = in;

    return WA_OK;
}


static wa_err_t
wa_frame_poison(wa_frame_rd_t *f, wa_err_t err)
{
    f->err = err;
    f->in = wa_span_none();
    wa_buf_free(&f->acc);

    return err;
}


/* Moves at most n bytes of the input into the accumulator. */
static wa_err_t
wa_frame_take(wa_frame_rd_t *f, size_t n)
{
    wa_err_t  rc;

    if (n > f->in.n) {
        n = f->in.n;
    }

    rc = wa_buf_append(&f->acc, f->in.p, n);
    if (rc != WA_OK) {
        return rc;
    }

    f->in.p += n;
    f->in.n -= n;

    return WA_OK;
}


/* Continues a frame that an earlier input began. */
static wa_err_t
wa_frame_resume(wa_frame_rd_t *f, wa_span_t *frame)
{
    wa_rd_t    r;
    uint32_t   len;
    wa_err_t   rc;

    if (f->acc.n < WA_FRAME_HEADER) {

        rc = wa_frame_take(f, WA_FRAME_HEADER - f->acc.n);
        if (rc != WA_OK) {
            return wa_frame_poison(f, rc);
        }
    }

    r = wa_rd(wa_span_buf(&f->acc));

    if (!wa_rd_u24(&r, &len)) {
        return WA_AGAIN;
    }

    if (len > f->max) {
        return wa_frame_poison(f, WA_ERR_LIMIT);
    }

    /* Memory grows with what arrived, not with what the header promises. */

    rc = wa_frame_take(f, len - wa_rd_left(&r));
    if (rc != WA_OK) {
        return wa_frame_poison(f, rc);
    }

    if (f->acc.n < WA_FRAME_HEADER + (size_t) len) {
        return WA_AGAIN;
    }

    *frame = wa_span(f->acc.p + WA_FRAME_HEADER, len);
    f->done = true;

    return WA_OK;
}


wa_err_t
wa_frame_next(wa_frame_rd_t *f, wa_span_t *frame)
{
    wa_rd_t    r;
    uint32_t   len;
    wa_err_t   rc;
    wa_span_t  body;

    if (f->err != WA_OK) {
        return f->err;
    }

    if (f->done) {
        f->done = false;
        wa_buf_free(&f->acc);
    }

    if (f->acc.n != 0) {
        return wa_frame_resume(f, frame);
    }

    r = wa_rd(f->in);

    if (wa_rd_u24(&r, &len)) {

        if (len > f->max) {
            return wa_frame_poison(f, WA_ERR_LIMIT);
        }

        if (wa_rd_bytes(&r, len, &body)) {
            f->in = wa_span(r.p, wa_rd_left(&r));
            *frame = body;
            return WA_OK;
        }
    }

    rc = wa_frame_take(f, f->in.n);
    if (rc != WA_OK) {
        return wa_frame_poison(f, rc);
    }

    return WA_AGAIN;
}


void
wa_frame_free(wa_frame_rd_t *f)
{
    wa_buf_free(&f->acc);
    f->in = wa_span_none();
    f->done = false;
}


wa_err_t
wa_frame_write(wa_span_t body, wa_buf_t *out)
{
    wa_wr_t  w;

    if (body.n > WA_FRAME_MAX) {
        return WA_ERR_LIMIT;
    }

    wa_wr_init(&w, out, SIZE_MAX);
    wa_wr_u24(&w, (uint32_t) body.n);
    wa_wr_span(&w, body);

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}


wa_err_t
wa_frame_intro(wa_span_t routing, wa_buf_t *out)
{
    wa_wr_t  w;

    if (routing.n > WA_ROUTING_INFO_MAX) {
        return WA_ERR_LIMIT;
    }

    wa_wr_init(&w, out, SIZE_MAX);

    if (routing.n != 0) {
        wa_wr_bytes(&w, wa_intro_routing, sizeof(wa_intro_routing));
        wa_wr_u24(&w, (uint32_t) routing.n);
        wa_wr_span(&w, routing);
    }

    wa_wr_bytes(&w, wa_intro, sizeof(wa_intro));

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}
