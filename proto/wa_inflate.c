/* Bounded zlib inflation. */

#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

#include "wa_inflate.h"
#include "wa_mem.h"


/* First guess: stanzas compress to about a quarter. */
#define WA_INFLATE_RATIO  4u


static voidpf
wa_inflate_alloc(voidpf opaque, uInt items, uInt size)
{
    (void) opaque;

    return wa_calloc(items, size);
}


static void
wa_inflate_release(voidpf opaque, voidpf p)
{
    (void) opaque;

    wa_free(p);
}


/*
 * One byte more than `max` is allowed to come out, so that "exactly max" and
 * "too much" can be told apart.
 */
static wa_err_t
wa_inflate_run(z_stream *z, size_t max, wa_buf_t *out, size_t start)
{
    int     rc;
    size_t  have, room;

    for ( ;; ) {

        have = out->n - start;

        if (have > max) {
            return WA_ERR_LIMIT;
        }

        if (out->n == out->cap) {
            if (wa_buf_reserve(out, 1) != WA_OK) {
                return WA_ERR_NOMEM;
            }
        }

        room = out->cap - out->n;

        if (room > max - have + 1) {
            room = max - have + 1;
        }

        z->next_out = out->p + out->n;
        z->avail_out = (uInt) room;

        rc = inflate(z, Z_NO_FLUSH);

        out->n += room - z->avail_out;

        if (rc == Z_STREAM_END) {

            if (out->n - start > max) {
                return WA_ERR_LIMIT;
            }

            return (z->avail_in == 0) ? WA_OK : WA_ERR_SYNTAX;
        }

        if (rc == Z_MEM_ERROR) {
            return WA_ERR_NOMEM;
        }

        /* No room left is the only good reason to go round again. */

        if (rc != Z_OK || z->avail_out != 0) {
            return WA_ERR_SYNTAX;
        }
    }
}


wa_err_t
wa_inflate(wa_span_t in, size_t max, wa_buf_t *out)
{
    int       zrc;
    size_t    start, guess;
    wa_err_t  rc;
    z_stream  z;

    if (in.n > UINT_MAX || max >= UINT_MAX) {
        return WA_ERR_LIMIT;
    }

    if (in.n == 0) {
        return WA_ERR_SYNTAX;
    }

    memset(&z, 0, sizeof(z));

    z.zalloc = wa_inflate_alloc;
    z.zfree = wa_inflate_release;
    z.next_in = in.p;
    z.avail_in = (uInt) in.n;

    zrc = inflateInit(&z);
    if (zrc != Z_OK) {
        return (zrc == Z_MEM_ERROR) ? WA_ERR_NOMEM : WA_ERR_FATAL;
    }

    start = out->n;
    guess = (in.n < max / WA_INFLATE_RATIO) ? in.n * WA_INFLATE_RATIO : max;

    rc = wa_buf_reserve(out, guess + 1);
    if (rc == WA_OK) {
        rc = wa_inflate_run(&z, max, out, start);
    }

    inflateEnd(&z);

    if (rc != WA_OK) {
        out->n = start;
    }

    return rc;
}


static wa_err_t wa_inflater_start(wa_inflater_t **out, uint64_t max,
    int bits);


struct wa_inflater_s {
    z_stream   z;
    uint64_t   left;            /* bytes that may still come out */
    bool       ended;
};


wa_err_t
wa_inflater_create(wa_inflater_t **out, uint64_t max)
{
    return wa_inflater_start(out, max, MAX_WBITS);
}


/* zlib expects gzip's header and trailer from 16 more bits. */
wa_err_t
wa_inflater_create_gzip(wa_inflater_t **out, uint64_t max)
{
    return wa_inflater_start(out, max, MAX_WBITS + 16);
}


static wa_err_t
wa_inflater_start(wa_inflater_t **out, uint64_t max, int bits)
{
    int             zrc;
    wa_inflater_t  *i;

    i = wa_calloc(1, sizeof(wa_inflater_t));
    if (i == NULL) {
        return WA_ERR_NOMEM;
    }

    i->z.zalloc = wa_inflate_alloc;
    i->z.zfree = wa_inflate_release;
    i->left = max;

    zrc = inflateInit2(&i->z, bits);
    if (zrc != Z_OK) {
        wa_free(i);
        return (zrc == Z_MEM_ERROR) ? WA_ERR_NOMEM : WA_ERR_FATAL;
    }

    *out = i;

    return WA_OK;
}


void
wa_inflater_free(wa_inflater_t *i)
{
    if (i == NULL) {
        return;
    }

    inflateEnd(&i->z);
    wa_free(i);
}


wa_err_t
wa_inflater_run(wa_inflater_t *i, wa_span_t *in, uint8_t *out, size_t cap,
    size_t *n)
{
    int     rc;
    size_t  part;

    *n = 0;

    if (i->ended) {
        return in->n == 0 ? WA_AGAIN : WA_ERR_SYNTAX;
    }

    part = in->n < UINT_MAX ? in->n : UINT_MAX;
    cap = cap < UINT_MAX ? cap : UINT_MAX;

    i->z.next_in = in->p;
    i->z.avail_in = (uInt) part;
    i->z.next_out = out;
    i->z.avail_out = (uInt) cap;

    rc = inflate(&i->z, Z_NO_FLUSH);

    *n = cap - i->z.avail_out;
    part -= i->z.avail_in;
    in->n -= part;

    if (part != 0) {
        in->p += part;
    }

    if (rc == Z_MEM_ERROR) {
        return WA_ERR_NOMEM;
    }

    /* Without input or room there is no progress, which is no error. */

    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
        return WA_ERR_SYNTAX;
    }

    if (*n > i->left) {
        return WA_ERR_LIMIT;
    }

    i->left -= *n;
    i->ended = (rc == Z_STREAM_END);

    if (i->ended) {
        return in->n == 0 ? WA_OK : WA_ERR_SYNTAX;
    }

    return in->n == 0 && *n == 0 ? WA_AGAIN : WA_OK;
}


bool
wa_inflater_ended(const wa_inflater_t *i)
{
    return i->ended;
}
