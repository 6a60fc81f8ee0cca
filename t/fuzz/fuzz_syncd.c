/*
 * App state: a message in pieces must give the same records as the message
 * at once, and what is in a mutation is read within its bounds.  First byte:
 * which message, and the size of the pieces.
 */

#include "fuzz.h"

#include "appstate.pb-c.h"
#include "wa_jv.h"
#include "wa_pb.h"
#include "wa_syncd.h"


/* First bytes from here on: what a phone sends; else by five. */
#define RECOVERY  240


typedef struct {
    wa_err_t         rc;
    size_t           n;
    uint32_t         sum;
    wa_syncd_head_t  head;
} result_t;


static uint32_t
fuzz_sum(uint32_t sum, wa_span_t s)
{
    size_t  i;

    for (i = 0; i < s.n; i++) {
        sum = (sum ^ s.p[i]) * 16777619u;
    }

    return sum;
}


static void
fuzz_read(wa_syncd_form_e form, const uint8_t *p, size_t n, size_t step,
    result_t *out)
{
    size_t             at, len;
    uint8_t           *piece;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    memset(out, 0, sizeof(*out));
    wa_syncd_reader_init(&reader, form);

    for (at = 0; at < n && (out->rc == WA_OK || out->rc == WA_AGAIN);
         at += len)
    {
        len = (n - at < step) ? n - at : step;
        piece = wa_fuzz_copy(p + at, len);
        wa_fuzz_check(wa_syncd_reader_feed(&reader, wa_span(piece, len))
                      == WA_OK);
        free(piece);

        while ((out->rc = wa_syncd_reader_next(&reader, &r)) == WA_OK) {
            wa_fuzz_check((form == WA_SYNCD_RECOVERY
                           ? r.index.n != 0
                           : r.index_mac.n == WA_SYNCD_MAC_LEN)
                          && r.value_mac.n == WA_SYNCD_MAC_LEN
                          && r.key_id.n <= WA_SYNCD_KEY_ID_MAX);
            out->n++;
            out->sum = fuzz_sum(out->sum, r.index_mac);
            out->sum = fuzz_sum(out->sum, r.index);
            out->sum = fuzz_sum(out->sum, r.blob);
            out->sum = fuzz_sum(out->sum, r.key_id);
        }
    }

    if (out->rc == WA_AGAIN && !wa_syncd_reader_ended(&reader)) {
        out->rc = WA_ERR_SYNTAX;
    }

    out->head = reader.head;
    wa_syncd_reader_free(&reader);
}


static void
fuzz_both(wa_syncd_form_e form, const uint8_t *p, size_t n, size_t step)
{
    result_t  whole, pieces;

    fuzz_read(form, p, n, n + 1, &whole);
    fuzz_read(form, p, n, step + 1, &pieces);

    wa_fuzz_check(whole.rc == pieces.rc && whole.n == pieces.n
                  && whole.sum == pieces.sum);
}


/* What a mutation holds when it was opened. */
static void
fuzz_action(const uint8_t *p, size_t n)
{
    uint8_t              *copy;
    wa_arena_t            arena;
    Wa__SyncActionData   *d;

    copy = wa_fuzz_copy(p, n);
    wa_arena_init(&arena, 0);

    if (WA_PB_UNPACK(wa__sync_action_data__descriptor, wa_span(copy, n),
                     &arena, &d) == WA_OK)
    {
        (void) wa_jv_read(wa_pb_span(&d->index), &arena);
    }

    wa_arena_free(&arena);
    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wa_syncd_blob_t  blob;

    if (size < 1) {
        return 0;
    }

    if (data[0] >= RECOVERY) {
        fuzz_both(WA_SYNCD_RECOVERY, data + 1, size - 1, data[0] - RECOVERY);
        return 0;
    }

    if (data[0] % 5 == 3) {
        (void) wa_syncd_blob_read(wa_span(data + 1, size - 1), &blob);
        return 0;
    }

    if (data[0] % 5 == 4) {
        fuzz_action(data + 1, size - 1);
        return 0;
    }

    fuzz_both((wa_syncd_form_e) (data[0] % 5), data + 1, size - 1,
              data[0] / 5);

    return 0;
}
