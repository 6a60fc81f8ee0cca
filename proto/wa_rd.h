/*
 * Bounded reader.  Every read checks before it moves; a failed read returns
 * false (or NULL) and leaves the reader where it was.  Integers are big-endian
 * unless the name says "le".
 */

#ifndef WA_RD_H
#define WA_RD_H

#include "wa_base.h"


typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} wa_rd_t;


static inline wa_rd_t
wa_rd(wa_span_t s)
{
    static const uint8_t  nothing;

    wa_rd_t  r;

    r.p = (s.p == NULL) ? &nothing : s.p;
    r.end = r.p + s.n;

    return r;
}


static inline size_t
wa_rd_left(const wa_rd_t *r)
{
    return (size_t) (r->end - r->p);
}


static inline bool
wa_rd_bytes(wa_rd_t *r, size_t n, wa_span_t *out)
{
    if (n > wa_rd_left(r)) {
        return false;
    }

    *out = wa_span(r->p, n);
    r->p += n;

    return true;
}


static inline bool
wa_rd_u8(wa_rd_t *r, uint8_t *v)
{
    if (wa_rd_left(r) < 1) {
        return false;
    }

    *v = *r->p++;
    return true;
}


static inline bool
wa_rd_u16(wa_rd_t *r, uint16_t *v)
{
    if (wa_rd_left(r) < 2) {
        return false;
    }

    *v = (uint16_t) ((r->p[0] << 8) | r->p[1]);
    r->p += 2;

    return true;
}


static inline bool
wa_rd_u24(wa_rd_t *r, uint32_t *v)
{
    if (wa_rd_left(r) < 3) {
        return false;
    }

    *v = ((uint32_t) r->p[0] << 16) | ((uint32_t) r->p[1] << 8) | r->p[2];
    r->p += 3;

    return true;
}


static inline bool
wa_rd_u32(wa_rd_t *r, uint32_t *v)
{
    if (wa_rd_left(r) < 4) {
        return false;
    }

    *v = ((uint32_t) r->p[0] << 24) | ((uint32_t) r->p[1] << 16)
         | ((uint32_t) r->p[2] << 8) | r->p[3];
    r->p += 4;

    return true;
}


/* Protobuf varint, at most 10 bytes, the value must fit 64 bits. */
static inline bool
wa_rd_varint(wa_rd_t *r, uint64_t *v)
{
    size_t    i, left;
    uint64_t  value;

    left = wa_rd_left(r);
    value = 0;

    for (i = 0; i < 10 && i < left; i++) {

        if (i == 9 && r->p[i] > 1) {
            return false;
        }

        value |= (uint64_t) (r->p[i] & 0x7f) << (7 * i);

        if ((r->p[i] & 0x80) == 0) {
            r->p += i + 1;
            *v = value;
            return true;
        }
    }

    return false;
}


#endif /* WA_RD_H */
