/*
 * Incremental protobuf reader: the input comes in pieces of any size, fields
 * go out one by one, and only those that somebody wants whole are held in
 * memory.
 *
 *     for ( ;; ) {
 *         rc = wa_pbstream_next(s, &item);
 *
 *         if (rc == WA_AGAIN) {
 *             ... another piece: wa_pbstream_feed(), at the end of the input
 *             wa_pbstream_finish() ...
 *         }
 *
 *         WA_PBSTREAM_OPEN: wa_pbstream_enter() to see its fields,
 *         wa_pbstream_take() to have its bytes, nothing to pass over it
 *     }
 *
 * It knows no schema.  A length that reaches beyond the field around it is an
 * error, so nested fields always end where their parent says.
 */

#ifndef WA_PBSTREAM_H
#define WA_PBSTREAM_H

#include "wa_base.h"


/* Messages within each other that can be entered. */
#define WA_PBSTREAM_DEPTH  8u


typedef enum {
    WA_PBSTREAM_VARINT = 0,     /* value                                   */
    WA_PBSTREAM_FIXED64,        /* value                                   */
    WA_PBSTREAM_FIXED32,        /* value                                   */
    WA_PBSTREAM_OPEN,           /* value: its length; see above            */
    WA_PBSTREAM_BYTES,          /* bytes: what was taken                   */
    WA_PBSTREAM_LARGE,          /* it was longer than allowed, passed over */
    WA_PBSTREAM_END             /* of the field that was entered           */
} wa_pbstream_e;

typedef struct {
    wa_pbstream_e   type;
    uint32_t        number;     /* of the field                            */
    uint32_t        depth;      /* fields around it that were entered      */
    uint64_t        value;
    wa_span_t       bytes;      /* borrowed until the next call            */
} wa_pbstream_item_t;

typedef struct wa_pbstream_s  wa_pbstream_t;


/* WA_ERR_NOMEM. */
wa_err_t wa_pbstream_create(wa_pbstream_t **out);
void wa_pbstream_free(wa_pbstream_t *s);        /* NULL-safe; wipes        */

/* The next piece, after WA_AGAIN; borrowed until WA_AGAIN comes again. */
void wa_pbstream_feed(wa_pbstream_t *s, wa_span_t in);

/*
 * WA_OK: *item.  WA_AGAIN: the piece is used up.  WA_ERR_SYNTAX: no protobuf,
 * or a group; WA_ERR_NOMEM.  An error stays.
 */
wa_err_t wa_pbstream_next(wa_pbstream_t *s, wa_pbstream_item_t *item);

/* After WA_PBSTREAM_OPEN: its fields come next, then WA_PBSTREAM_END.
   WA_ERR_LIMIT: too deep, it is passed over.  WA_ERR_STATE: nothing is
   open. */
wa_err_t wa_pbstream_enter(wa_pbstream_t *s);

/* After WA_PBSTREAM_OPEN: WA_PBSTREAM_BYTES comes next or, above `max`,
   WA_PBSTREAM_LARGE.  WA_ERR_STATE: nothing is open. */
wa_err_t wa_pbstream_take(wa_pbstream_t *s, size_t max);

/* The input is over.  WA_ERR_SYNTAX: in the middle of a field. */
wa_err_t wa_pbstream_finish(const wa_pbstream_t *s);

#endif /* WA_PBSTREAM_H */
