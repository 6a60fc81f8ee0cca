/*
 * multipart/form-data.  The first byte says how the stream is cut: what comes
 * out must not depend on it.
 */

#include "fuzz.h"

#include "wa_multipart.h"


typedef struct {
    wa_buf_t  seen;
    bool      open;
} fuzz_parts_t;


static wa_err_t
fuzz_begin(void *data, const wa_part_t *part)
{
    fuzz_parts_t  *p = data;

    wa_fuzz_check(!p->open);
    wa_fuzz_check(part->name.p != NULL);
    wa_fuzz_check(part->name.n <= WA_MULTIPART_NAME_MAX);
    wa_fuzz_check(part->filename.n == 0
                  || memchr(part->filename.p, '\r', part->filename.n)
                     == NULL);
    p->open = true;

    return wa_buf_append_span(&p->seen, part->name);
}


static wa_err_t
fuzz_body(void *data, wa_span_t bytes)
{
    fuzz_parts_t  *p = data;

    wa_fuzz_check(p->open && bytes.n > 0);

    return wa_buf_append_span(&p->seen, bytes);
}


static wa_err_t
fuzz_end(void *data)
{
    fuzz_parts_t  *p = data;

    wa_fuzz_check(p->open);
    p->open = false;

    return wa_buf_append_str(&p->seen, "|");
}


static const wa_multipart_handlers_t  fuzz_handlers = {
    fuzz_begin, fuzz_body, fuzz_end
};


static wa_err_t
fuzz_run(const uint8_t *p, size_t n, size_t step, fuzz_parts_t *out)
{
    size_t           at, len;
    uint8_t         *piece;
    wa_err_t         rc;
    wa_multipart_t  *mp;

    wa_fuzz_check(wa_multipart_create(&mp, "b", &fuzz_handlers, out)
                  == WA_OK);
    rc = WA_OK;

    for (at = 0; at < n && rc == WA_OK; at += len) {
        len = (n - at < step) ? n - at : step;
        piece = wa_fuzz_copy(p + at, len);
        rc = wa_multipart_feed(mp, wa_span(piece, len));
        free(piece);
    }

    rc = wa_multipart_finish(mp);
    wa_multipart_free(mp);

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          boundary[WA_MULTIPART_BOUNDARY_MAX + 1];
    uint8_t      *copy;
    wa_err_t      rc;
    fuzz_parts_t  whole, cut;

    if (size == 0) {
        return 0;
    }

    memset(&whole, 0, sizeof(whole));
    memset(&cut, 0, sizeof(cut));

    rc = fuzz_run(data + 1, size - 1, size, &whole);
    wa_fuzz_check(fuzz_run(data + 1, size - 1, (size_t) data[0] % 32 + 1,
                           &cut) == rc);
    wa_fuzz_check(wa_span_eq(wa_span_buf(&whole.seen),
                             wa_span_buf(&cut.seen)));
    wa_fuzz_check(rc != WA_OK || !whole.open);

    copy = wa_fuzz_copy(data + 1, size - 1);

    if (wa_multipart_boundary(wa_span(copy, size - 1), boundary)) {
        wa_fuzz_check(boundary[0] != '\0');
    }

    free(copy);
    wa_buf_free(&whole.seen);
    wa_buf_free(&cut.seen);

    return 0;
}
