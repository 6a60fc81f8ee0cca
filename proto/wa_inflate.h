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


#endif /* WA_INFLATE_H */
