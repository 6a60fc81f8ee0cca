/*
 * A picture being made smaller while it is read: rows go in, each pixel of
 * the result is the mean of the rectangle that falls on it.
 */
#ifndef WA_IMAGE_INT_H
#define WA_IMAGE_INT_H

#include "wa_image.h"


typedef struct {
    /* as stored; set as soon as the header is read */
    uint32_t    width;
    uint32_t    height;
    unsigned    orientation;          /* EXIF, 1..8 */

    uint32_t    in_width;             /* of the rows that come */
    uint32_t    in_height;
    uint32_t    out_width;
    uint32_t    out_height;
    uint32_t    row;                  /* next to come */
    uint64_t   *sums;                 /* r, g, b weighted with a; a; pixels */
    uint8_t    *rgba;                 /* out_width * out_height * 4 */
} wa_picture_t;


/* Rows of this size come, the result fits into a square of `fit`. */
wa_err_t wa_picture_begin(wa_picture_t *p, uint32_t width, uint32_t height,
    uint32_t fit);
void wa_picture_row(wa_picture_t *p, const uint8_t *rgba);
void wa_picture_free(wa_picture_t *p);

/* One reader per format: `p` all zero; errors of wa_image_examine(). */
wa_err_t wa_picture_jpeg(wa_picture_t *p, wa_span_t file, uint32_t fit);
wa_err_t wa_picture_png(wa_picture_t *p, wa_span_t file, uint32_t fit);
wa_err_t wa_picture_webp(wa_picture_t *p, wa_span_t file, uint32_t fit);

/* 1..8 from the content of an APP1 marker; 1 when it says nothing. */
unsigned wa_image_orientation(wa_span_t exif);

/* `rgba` over white.  WA_ERR_NOMEM. */
wa_err_t wa_image_write_jpeg(const uint8_t *rgba, uint32_t width,
    uint32_t height, int quality, wa_buf_t *out);
wa_err_t wa_image_write_sticker(const uint8_t *rgba, uint32_t width,
    uint32_t height, wa_buf_t *out);

#endif /* WA_IMAGE_INT_H */
