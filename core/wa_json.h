/*
 * jansson values -> compact JSON text in one pass.
 *
 * Events are written for every message; jansson's own dump walks the value
 * twice to size it and keeps a hash against cycles, which costs as much as
 * decrypting the message.
 */
#ifndef WA_JSON_H
#define WA_JSON_H

#include <jansson.h>

#include "wa_base.h"


/* The deepest value that can be written; requests are limited to 32. */
#define WA_JSON_DEPTH_MAX  64

/*
 * Appends the text, members in the order they were set.  Strings must be
 * UTF-8 (wa_json_span() makes them so).
 * WA_ERR_LIMIT: deeper than WA_JSON_DEPTH_MAX.  WA_ERR_NOMEM.  After an
 * error `out` holds a part of the text.
 */
wa_err_t wa_json_write(const json_t *v, wa_buf_t *out);

#endif /* WA_JSON_H */
