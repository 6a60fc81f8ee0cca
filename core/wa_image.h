/*
 * Pictures: dimensions, thumbnails, stickers.  JPEG, PNG and WebP are read
 * from memory (a mapped file) by libjpeg, libpng and libwebp.
 *
 * Slow by their nature: job side.  A picture is untrusted input: how many
 * pixels are looked at and how much memory is taken has limits, whatever its
 * header says.
 */
#ifndef WA_IMAGE_H
#define WA_IMAGE_H

#include "wa_base.h"


/* Longer side of a thumbnail, and the size that WhatsApp gives a sticker. */
#define WA_IMAGE_THUMB        100u
#define WA_IMAGE_STICKER      512u

/* A thumbnail travels inside the message, in base64 inside the API. */
#define WA_IMAGE_THUMB_MAX    12288u

/* Bytes; WhatsApp's clients show no larger still sticker. */
#define WA_IMAGE_STICKER_MAX  102400u

/* Of a profile's picture: side, bytes. */
#define WA_IMAGE_PORTRAIT      640u
#define WA_IMAGE_PORTRAIT_MAX  262144u

/* Side, and pixels of a picture that is decoded row by row or at once. */
#define WA_IMAGE_SIDE_MAX     65500u
#define WA_IMAGE_ROWS_MAX     200000000u
#define WA_IMAGE_WHOLE_MAX    16777216u

/* What libjpeg may take for a progressive picture. */
#define WA_IMAGE_MEMORY_MAX   (64L * 1024 * 1024)


/*
 * Width and height as shown (after turning it as its camera said), and a
 * JPEG thumbnail, appended to `thumb`; a smaller picture keeps its size.
 * WA_ERR_SYNTAX: not a picture that can be read.  WA_ERR_LIMIT: too large.
 * After both *width and *height are right if they are not 0: a header may be
 * good where the rest is not, and animations have no thumbnail.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_image_examine(wa_span_t file, uint32_t *width, uint32_t *height,
    wa_buf_t *thumb);

/*
 * A still WebP of WA_IMAGE_STICKER squared, the picture in its middle on a
 * transparent ground, appended to `webp`.  Errors as above; WA_ERR_LIMIT
 * also when it does not get below WA_IMAGE_STICKER_MAX.
 */
wa_err_t wa_image_sticker(wa_span_t file, wa_buf_t *webp);

/*
 * A JPEG for a profile: the square in the middle, up to WA_IMAGE_PORTRAIT
 * pixels a side and, unless the errors of above come, WA_IMAGE_PORTRAIT_MAX
 * bytes; appended to `jpeg`.
 */
wa_err_t wa_image_portrait(wa_span_t file, wa_buf_t *jpeg);

#endif /* WA_IMAGE_H */
