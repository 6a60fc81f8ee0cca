/* The only door to zlib. */

#ifndef WA_INFLATE_H
#define WA_INFLATE_H

#include "wa_base.h"


/*
 * Appends the inflated form of a complete zlib stream (RFC 1950) to out.
 * WA_ERR_SYNTAX: not a zlib stream, cut short, or bytes follow its end.
 * WA_ERR_LIMIT: more than `max` bytes would come out.  WA_ERR_NOMEM.
 * After an error out holds what it held before.
 */
wa_err_t wa_inflate(wa_span_t in, size_t max, wa_buf_t *out);


/* The same in pieces, for what need not be in memory as a whole. */
typedef struct wa_inflater_s  wa_inflater_t;

/* At most `max` bytes will come out of it.  WA_ERR_NOMEM; WA_ERR_FATAL: zlib
   does not start. */
wa_err_t wa_inflater_create(wa_inflater_t **out, uint64_t max);

/* The same for one gzip member (RFC 1952). */
wa_err_t wa_inflater_create_gzip(wa_inflater_t **out, uint64_t max);
void wa_inflater_free(wa_inflater_t *z);                /* NULL-safe */

/*
 * Reads from *in, which moves on, and writes up to `cap` (> 0) bytes; *n
 * tells how many.  WA_OK: again, with room and what is left of *in.
 * WA_AGAIN: *in is used up, more of it is needed.  WA_ERR_SYNTAX: no zlib
 * stream, or bytes follow its end; WA_ERR_LIMIT; WA_ERR_NOMEM.
 */
wa_err_t wa_inflater_run(wa_inflater_t *z, wa_span_t *in, uint8_t *out,
    size_t cap, size_t *n);

/* The stream is complete. */
bool wa_inflater_ended(const wa_inflater_t *z);


#endif /* WA_INFLATE_H */
