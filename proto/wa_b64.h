/*
 * Text forms of bytes: hex and base64 (RFC 4648 sections 4 and 5).
 */

#ifndef WA_B64_H
#define WA_B64_H

#include "wa_base.h"


typedef enum {
    WA_B64_STD = 0,             /* + / and padding, as WhatsApp's QR uses */
    WA_B64_URL                  /* - _ and no padding */
} wa_b64_e;

/* Both append to out.  WA_ERR_NOMEM: out unchanged. */
wa_err_t wa_b64_encode(wa_span_t in, wa_b64_e kind, wa_buf_t *out);

/*
 * Strict: only the alphabet of `kind`, canonical trailing bits.  Padding is
 * required for WA_B64_STD and refused for WA_B64_URL.  WA_ERR_SYNTAX.
 */
wa_err_t wa_b64_decode(wa_span_t in, wa_b64_e kind, wa_buf_t *out);

/* Lower case, appended to out. */
wa_err_t wa_hex_encode(wa_span_t in, wa_buf_t *out);

/* Either case; in.n must be exactly 2 * n.  WA_ERR_SYNTAX: out undefined. */
wa_err_t wa_hex_decode(wa_span_t in, uint8_t *out, size_t n);


#endif /* WA_B64_H */
