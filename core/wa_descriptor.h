/*
 * Where a medium is and how it is opened, as it is kept in the history
 * database: JSON, sealed with a key of its own made of the master key, bound
 * to the medium's id.
 */
#ifndef WA_DESCRIPTOR_H
#define WA_DESCRIPTOR_H

#include "wa_base.h"
#include "wa_crypto.h"


/* Appends base64 text.  WA_ERR_NOMEM. */
wa_err_t wa_descriptor_seal(const uint8_t master[WA_KEY_LEN],
    wa_span_t media_id, wa_span_t json, wa_buf_t *out);

/*
 * Appends the JSON; wipe it.  WA_ERR_AUTH: not sealed with this key for this
 * id.  WA_ERR_SYNTAX: no such text.  WA_ERR_NOMEM.
 */
wa_err_t wa_descriptor_open(const uint8_t master[WA_KEY_LEN],
    wa_span_t media_id, wa_span_t text, wa_buf_t *out);

#endif /* WA_DESCRIPTOR_H */
