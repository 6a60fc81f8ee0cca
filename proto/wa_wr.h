/*
 * Growing writer with a sticky error: a chain of writes needs one check at
 * its end.  After the first failure nothing more is written; wa_wr_undo()
 * takes back what was written since wa_wr_init().
 */

#ifndef WA_WR_H
#define WA_WR_H

#include "wa_base.h"


typedef struct {
    wa_buf_t  *buf;             /* borrowed; bytes are appended */
    size_t     start;           /* buf->n at wa_wr_init() */
    size_t     max;             /* most bytes this writer may append */
    wa_err_t   err;             /* WA_OK, WA_ERR_NOMEM or WA_ERR_LIMIT */
} wa_wr_t;

void wa_wr_init(wa_wr_t *w, wa_buf_t *buf, size_t max);

void wa_wr_u8(wa_wr_t *w, uint8_t v);
void wa_wr_u16(wa_wr_t *w, uint16_t v);
void wa_wr_u24(wa_wr_t *w, uint32_t v);         /* the low 24 bits */
void wa_wr_u32(wa_wr_t *w, uint32_t v);
void wa_wr_bytes(wa_wr_t *w, const void *p, size_t n);
void wa_wr_span(wa_wr_t *w, wa_span_t s);
void wa_wr_str(wa_wr_t *w, const char *s);
void wa_wr_dec(wa_wr_t *w, uint64_t v);         /* decimal text */

/* Room for n bytes to be filled in by the caller, NULL after an error. */
uint8_t *wa_wr_room(wa_wr_t *w, size_t n);

/* Remembers err unless an earlier one is remembered already. */
void wa_wr_fail(wa_wr_t *w, wa_err_t err);

/* Wipes and drops everything written since wa_wr_init(). */
void wa_wr_undo(wa_wr_t *w);


#endif /* WA_WR_H */
