/*
 * Draws a QR symbol of a text (libqrencode, libpng).  Error correction M,
 * four modules of quiet zone.
 */
#ifndef WA_QR_H
#define WA_QR_H

#include "wa_base.h"

/*
 * PNG, 1 bit per pixel, `px` wide and high: whole pixels per module, what
 * is left widens the quiet zone.  Larger if it does not fit at one pixel per
 * module.  Appends to `out`.  WA_ERR_LIMIT: text too long for a symbol
 * (2,331 bytes) or px over 4096.  WA_ERR_NOMEM.
 */
wa_err_t wa_qr_png(wa_span_t text, unsigned px, wa_buf_t *out);

/* "data:image/png;base64,..." of the same picture.  Same errors. */
wa_err_t wa_qr_data_url(wa_span_t text, unsigned px, wa_buf_t *out);

/* One path in a viewBox, dark on white.  Same errors. */
wa_err_t wa_qr_svg(wa_span_t text, unsigned px, wa_buf_t *out);

/* UTF-8 half blocks, two modules per character, for dark and light
   terminals alike (the quiet zone is drawn).  Same errors. */
wa_err_t wa_qr_txt(wa_span_t text, wa_buf_t *out);

#endif /* WA_QR_H */
