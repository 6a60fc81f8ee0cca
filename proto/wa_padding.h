/*
 * Padding of message plaintext before Signal encryption: k bytes of value k.
 * The official client uses 1..16, whatsmeow 1..15; any 1..255 is read.
 * Vectors padding.json.
 */

#ifndef WA_PADDING_H
#define WA_PADDING_H

#include "wa_base.h"


/* Appends (random & 15) + 1 bytes. */
wa_err_t wa_padding_add(wa_buf_t *plain, uint8_t random);

/*
 * Shortens *plain by its padding.  WA_ERR_SYNTAX: empty, count 0 or more than
 * there is, or a padding byte differs; *plain is then untouched.
 */
wa_err_t wa_padding_strip(wa_span_t *plain);


#endif /* WA_PADDING_H */
