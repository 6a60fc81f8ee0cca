/*
 * A piece of history as it comes from the phone (job side): zlib around a
 * HistorySync message that may be far larger than memory.  Read block by
 * block, given out field by field.
 */
#ifndef WA_HISTORY_SOURCE_H
#define WA_HISTORY_SOURCE_H

#include "wa_inflate.h"
#include "wa_pbstream.h"


/*
 * Reads up to `cap` bytes at `offset`; *n 0: the end.  May block.
 * WA_ERR_IO, WA_ERR_NOMEM.
 */
typedef wa_err_t (*wa_history_read_pt)(void *ctx, uint64_t offset,
    uint8_t *buf, size_t cap, size_t *n);

typedef struct {
    wa_history_read_pt   read;
    void                *ctx;
    uint64_t             offset;
    wa_inflater_t       *inflater;
    wa_pbstream_t       *stream;
    uint8_t             *blocks;        /* packed, then plain              */
    wa_span_t            in;
} wa_history_source_t;


/* Begins at the first byte.  WA_ERR_NOMEM, WA_ERR_FATAL. */
wa_err_t wa_history_source_open(wa_history_source_t *s,
    wa_history_read_pt read, void *ctx);
void wa_history_source_close(wa_history_source_t *s);   /* zeroed: fine    */

/*
 * As wa_pbstream_next(), but WA_AGAIN is the end of everything.  Enter and
 * take on s->stream.  WA_ERR_SYNTAX: neither zlib nor protobuf, or cut
 * short; WA_ERR_LIMIT: unreasonably large; WA_ERR_IO; WA_ERR_NOMEM.
 */
wa_err_t wa_history_source_next(wa_history_source_t *s,
    wa_pbstream_item_t *item);

#endif /* WA_HISTORY_SOURCE_H */
