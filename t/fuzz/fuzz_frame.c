/*
 * Length framing.  The first byte seeds the sizes of the pieces; the frames
 * must not depend on how the stream is cut.
 */

#include "fuzz.h"

#include "wa_frame.h"
#include "wa_limits.h"


/* Feeds in pieces of `step` bytes, writes every frame back. */
static wa_err_t
fuzz_run(const uint8_t *p, size_t n, size_t step, wa_buf_t *out)
{
    size_t          at, len;
    uint8_t        *piece;
    wa_err_t        rc;
    wa_span_t       frame;
    wa_frame_rd_t   rd;

    wa_frame_init(&rd, 4096);
    rc = WA_AGAIN;

    for (at = 0; at < n && rc == WA_AGAIN; at += len) {
        len = (n - at < step) ? n - at : step;
        piece = wa_fuzz_copy(p + at, len);

        rc = wa_frame_feed(&rd, wa_span(piece, len));
        wa_fuzz_check(rc == WA_OK);

        while ((rc = wa_frame_next(&rd, &frame)) == WA_OK) {
            wa_fuzz_check(frame.n <= 4096);
            wa_fuzz_check(wa_frame_write(frame, out) == WA_OK);
        }

        wa_fuzz_check(rc == WA_AGAIN || rc == WA_ERR_LIMIT);
        free(piece);
    }

    wa_frame_free(&rd);

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wa_err_t  a, b;
    wa_buf_t  whole = WA_BUF_EMPTY;
    wa_buf_t  cut = WA_BUF_EMPTY;

    if (size == 0) {
        return 0;
    }

    a = fuzz_run(data + 1, size - 1, size, &whole);
    b = fuzz_run(data + 1, size - 1, (size_t) data[0] % 61 + 1, &cut);

    wa_fuzz_check(a == b);
    wa_fuzz_check(wa_span_eq(wa_span_buf(&whole), wa_span_buf(&cut)));

    /* what was framed is a prefix of the stream */

    wa_fuzz_check(whole.n <= size - 1);
    wa_fuzz_check(whole.n == 0 || memcmp(whole.p, data + 1, whole.n) == 0);

    wa_buf_free(&whole);
    wa_buf_free(&cut);

    return 0;
}
