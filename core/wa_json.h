/*
 * jansson values <-> compact JSON text in one pass.
 *
 * Events are written for every message; jansson's own dump walks the value
 * twice to size it and keeps a hash against cycles, which costs as much as
 * decrypting the message.  Its parser fetches every byte by a call.
 */
#ifndef WA_JSON_H
#define WA_JSON_H

#include <jansson.h>

#include "wa_base.h"


/* The deepest value there can be; requests are limited to 32. */
#define WA_JSON_DEPTH_MAX  64

/*
 * Appends the text, members in the order they were set.  Strings must be
 * UTF-8 (wa_json_span() makes them so).
 * WA_ERR_LIMIT: deeper than WA_JSON_DEPTH_MAX.  WA_ERR_NOMEM.  After an
 * error `out` holds a part of the text.
 */
wa_err_t wa_json_write(const json_t *v, wa_buf_t *out);

/*
 * New reference to the object or array that the text is, all of it.  Of
 * members with one name the last one counts.  NULL: not JSON (RFC 8259), a
 * name with a NUL in it, not UTF-8, deeper than WA_JSON_DEPTH_MAX, a number
 * of more than 62 characters or an integer beyond 64 bits, or no memory.
 */
json_t *wa_json_read(wa_span_t text);

/* The string that the object's member is, borrowed from it; p NULL: it is not
   there, or no string. */
wa_span_t wa_json_member(const json_t *o, const char *name);

#endif /* WA_JSON_H */
