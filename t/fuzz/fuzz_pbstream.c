/*
 * Incremental protobuf: the same fields whatever the split, and none that
 * reaches beyond the one around it.  First byte: size of the pieces; second:
 * which fields are entered.
 */

#include "fuzz.h"

#include "wa_pbstream.h"


typedef struct {
    uint64_t   hash;            /* of everything that came out */
    wa_err_t   rc;
} outcome_t;


static void
mix(outcome_t *o, const void *p, size_t n)
{
    size_t          i;
    const uint8_t  *c = p;

    for (i = 0; i < n; i++) {
        o->hash = (o->hash ^ c[i]) * 1099511628211u;
    }
}


static outcome_t
walk(const uint8_t *p, size_t n, size_t step, uint8_t enter)
{
    size_t               len;
    uint8_t             *piece;
    wa_err_t             rc;
    outcome_t            o;
    wa_pbstream_t       *s;
    wa_pbstream_item_t   item;

    o.hash = 14695981039346656037u;
    piece = NULL;
    wa_fuzz_check(wa_pbstream_create(&s) == WA_OK);

    for ( ;; ) {
        rc = wa_pbstream_next(s, &item);

        if (rc == WA_AGAIN) {
            free(piece);
            piece = NULL;

            if (n == 0) {
                rc = wa_pbstream_finish(s);
                break;
            }

            len = n < step ? n : step;
            piece = wa_fuzz_copy(p, len);
            wa_pbstream_feed(s, wa_span(piece, len));
            p += len;
            n -= len;
            continue;
        }

        if (rc != WA_OK) {
            break;
        }

        mix(&o, &item.type, sizeof(item.type));
        mix(&o, &item.number, sizeof(item.number));
        mix(&o, &item.depth, sizeof(item.depth));
        mix(&o, &item.value, sizeof(item.value));
        mix(&o, item.bytes.p, item.bytes.n);
        wa_fuzz_check(item.depth <= WA_PBSTREAM_DEPTH);

        if (item.type != WA_PBSTREAM_OPEN) {
            continue;
        }

        if ((enter >> (item.number % 8)) & 1) {
            rc = wa_pbstream_enter(s);
            wa_fuzz_check(rc == WA_OK || item.depth == WA_PBSTREAM_DEPTH);

        } else {
            wa_fuzz_check(wa_pbstream_take(s, 64) == WA_OK);
        }
    }

    free(piece);
    wa_pbstream_free(s);
    o.rc = rc;

    return o;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome_t  a, b;

    if (size < 2) {
        return 0;
    }

    a = walk(data + 2, size - 2, size, data[1]);
    b = walk(data + 2, size - 2, (size_t) data[0] % 61 + 1, data[1]);

    wa_fuzz_check(a.rc == b.rc && a.hash == b.hash);

    return 0;
}
