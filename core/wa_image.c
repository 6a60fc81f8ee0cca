/* Pictures, see wa_image.h: sizes and directions; formats have own files. */
#include "wa_image_int.h"

#include "wa_mem.h"
#include "wa_rd.h"


#define SUMS  5             /* r, g, b, a, pixels */


static wa_err_t image_read(wa_picture_t *p, wa_span_t file, uint32_t fit);
static wa_err_t image_turn(wa_picture_t *p);
static wa_err_t image_write(const wa_picture_t *p, size_t max,
    wa_buf_t *jpeg);


/* -- scaling -------------------------------------------------------------- */

wa_err_t
wa_picture_begin(wa_picture_t *p, uint32_t width, uint32_t height,
    uint32_t fit)
{
    uint32_t  longer;

    if (width == 0 || height == 0 || width > WA_IMAGE_SIDE_MAX
        || height > WA_IMAGE_SIDE_MAX)
    {
        return WA_ERR_LIMIT;
    }

    longer = width > height ? width : height;
    p->in_width = width;
    p->in_height = height;
    p->out_width = width;
    p->out_height = height;

    if (longer > fit) {
        p->out_width = (uint32_t) ((uint64_t) width * fit / longer);
        p->out_height = (uint32_t) ((uint64_t) height * fit / longer);
        p->out_width = p->out_width == 0 ? 1 : p->out_width;
        p->out_height = p->out_height == 0 ? 1 : p->out_height;
    }

    p->row = 0;
    p->sums = wa_calloc((size_t) p->out_width * SUMS, sizeof(uint64_t));
    p->rgba = wa_calloc((size_t) p->out_width * p->out_height, 4);

    return p->sums == NULL || p->rgba == NULL ? WA_ERR_NOMEM : WA_OK;
}


void
wa_picture_free(wa_picture_t *p)
{
    wa_free(p->sums);
    wa_free(p->rgba);
    p->sums = NULL;
    p->rgba = NULL;
}


/* The rows that fall on row `y` of the result have all come. */
static void
picture_flush(wa_picture_t *p, uint32_t y)
{
    size_t     x, c;
    uint8_t   *out;
    uint64_t  *sum;

    for (x = 0; x < p->out_width; x++) {
        sum = p->sums + x * SUMS;
        out = p->rgba + ((size_t) y * p->out_width + x) * 4;

        if (sum[3] != 0) {
            for (c = 0; c < 3; c++) {
                out[c] = (uint8_t) ((sum[c] + sum[3] / 2) / sum[3]);
            }
        }

        if (sum[4] != 0) {
            out[3] = (uint8_t) ((sum[3] + sum[4] / 2) / sum[4]);
        }
    }

    memset(p->sums, 0, (size_t) p->out_width * SUMS * sizeof(uint64_t));
}


void
wa_picture_row(wa_picture_t *p, const uint8_t *rgba)
{
    uint32_t   x, y, a;
    uint64_t  *sum;

    if (p->row == p->in_height) {
        return;
    }

    for (x = 0; x < p->in_width; x++) {
        sum = p->sums + (uint64_t) x * p->out_width / p->in_width * SUMS;
        a = rgba[4 * x + 3];
        sum[0] += (uint64_t) rgba[4 * x] * a;
        sum[1] += (uint64_t) rgba[4 * x + 1] * a;
        sum[2] += (uint64_t) rgba[4 * x + 2] * a;
        sum[3] += a;
        sum[4]++;
    }

    y = (uint32_t) ((uint64_t) p->row * p->out_height / p->in_height);
    p->row++;

    if (p->row == p->in_height
        || (uint32_t) ((uint64_t) p->row * p->out_height / p->in_height) != y)
    {
        picture_flush(p, y);
    }
}


/* -- direction ------------------------------------------------------------ */

static uint32_t
exif_number(wa_span_t s, size_t at, size_t n, bool big)
{
    size_t    i;
    uint32_t  v;

    if (at > s.n || n > s.n - at) {
        return 0;
    }

    for (v = 0, i = 0; i < n; i++) {
        v = (v << 8) | s.p[big ? at + i : at + n - 1 - i];
    }

    return v;
}


/* Tag 0x0112 of the first directory of a TIFF header (EXIF 2.32, 4.6.4). */
unsigned
wa_image_orientation(wa_span_t exif)
{
    bool       big;
    size_t     at, i, n;
    uint32_t   v;
    wa_span_t  tiff;

    if (exif.n < 14 || memcmp(exif.p, "Exif\0\0", 6) != 0) {
        return 1;
    }

    tiff = wa_span(exif.p + 6, exif.n - 6);
    big = (tiff.p[0] == 'M');
    at = exif_number(tiff, 4, 4, big);
    n = exif_number(tiff, at, 2, big);

    for (i = 0; i < n; i++) {

        if (at > tiff.n || tiff.n - at < 2 + (i + 1) * 12) {
            return 1;
        }

        if (exif_number(tiff, at + 2 + i * 12, 2, big) == 0x0112) {
            v = exif_number(tiff, at + 2 + i * 12 + 8, 2, big);
            return v >= 1 && v <= 8 ? v : 1;
        }
    }

    return 1;
}


/* Turns the result so that orientation 1 is true of it. */
static wa_err_t
image_turn(wa_picture_t *p)
{
    bool       swap;
    uint8_t   *to;
    uint32_t   w, h, x, y, sx, sy;

    if (p->orientation <= 1) {
        return WA_OK;
    }

    swap = (p->orientation >= 5);
    w = swap ? p->out_height : p->out_width;
    h = swap ? p->out_width : p->out_height;
    to = wa_calloc((size_t) w * h, 4);

    if (to == NULL) {
        return WA_ERR_NOMEM;
    }

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            sx = swap ? y : x;
            sy = swap ? x : y;

            /* 2, 3, 7, 8: from the right; 3, 4, 6, 7: from below */

            if (p->orientation == 2 || p->orientation == 3
                || p->orientation == 7 || p->orientation == 8)
            {
                sx = p->out_width - 1 - sx;
            }

            if (p->orientation == 3 || p->orientation == 4
                || p->orientation == 6 || p->orientation == 7)
            {
                sy = p->out_height - 1 - sy;
            }

            memcpy(to + ((size_t) y * w + x) * 4,
                   p->rgba + ((size_t) sy * p->out_width + sx) * 4, 4);
        }
    }

    wa_free(p->rgba);
    p->rgba = to;
    p->out_width = w;
    p->out_height = h;

    return WA_OK;
}


/* -- entries -------------------------------------------------------------- */

static wa_err_t
image_read(wa_picture_t *p, wa_span_t file, uint32_t fit)
{
    wa_err_t  rc;

    memset(p, 0, sizeof(*p));
    p->orientation = 1;

    if (file.n >= 3 && memcmp(file.p, "\xff\xd8\xff", 3) == 0) {
        rc = wa_picture_jpeg(p, file, fit);

    } else if (file.n >= 8 && memcmp(file.p, "\x89PNG\r\n\x1a\n", 8) == 0) {
        rc = wa_picture_png(p, file, fit);

    } else if (file.n >= 12 && memcmp(file.p, "RIFF", 4) == 0
               && memcmp(file.p + 8, "WEBP", 4) == 0)
    {
        rc = wa_picture_webp(p, file, fit);

    } else {
        rc = WA_ERR_SYNTAX;
    }

    return rc == WA_OK ? image_turn(p) : rc;
}


wa_err_t
wa_image_examine(wa_span_t file, uint32_t *width, uint32_t *height,
    wa_buf_t *thumb)
{
    wa_err_t      rc;
    wa_picture_t  p;

    rc = image_read(&p, file, WA_IMAGE_THUMB);

    *width = p.orientation >= 5 ? p.height : p.width;
    *height = p.orientation >= 5 ? p.width : p.height;

    if (rc == WA_OK) {
        rc = image_write(&p, WA_IMAGE_THUMB_MAX, thumb);
    }

    wa_picture_free(&p);

    return rc;
}


/* As well as `max` bytes can show it; the worst one may be larger. */
static wa_err_t
image_write(const wa_picture_t *p, size_t max, wa_buf_t *jpeg)
{
    int       quality;
    size_t    before;
    wa_err_t  rc;

    rc = WA_OK;
    before = jpeg->n;

    for (quality = 80; rc == WA_OK && quality >= 20; quality -= 20) {
        jpeg->n = before;
        rc = wa_image_write_jpeg(p->rgba, p->out_width, p->out_height,
                                 quality, jpeg);

        if (jpeg->n - before <= max) {
            break;
        }
    }

    return rc;
}


wa_err_t
wa_image_portrait(wa_span_t file, wa_buf_t *jpeg)
{
    wa_err_t      rc;
    uint32_t      side, x, y, i;
    wa_picture_t  p, square;

    memset(&square, 0, sizeof(square));
    rc = image_read(&p, file, 2 * WA_IMAGE_PORTRAIT);

    if (rc == WA_OK) {
        side = p.out_width < p.out_height ? p.out_width : p.out_height;
        rc = wa_picture_begin(&square, side, side, WA_IMAGE_PORTRAIT);
    }

    if (rc == WA_OK) {
        x = (p.out_width - side) / 2;
        y = (p.out_height - side) / 2;

        for (i = 0; i < side; i++) {
            wa_picture_row(&square, p.rgba
                                    + ((size_t) (y + i) * p.out_width + x) * 4);
        }

        rc = image_write(&square, WA_IMAGE_PORTRAIT_MAX, jpeg);
    }

    wa_picture_free(&square);
    wa_picture_free(&p);

    return rc;
}


wa_err_t
wa_image_sticker(wa_span_t file, wa_buf_t *webp)
{
    wa_err_t      rc;
    wa_picture_t  p;

    rc = image_read(&p, file, WA_IMAGE_STICKER);

    if (rc == WA_OK) {
        rc = wa_image_write_sticker(p.rgba, p.out_width, p.out_height, webp);
    }

    wa_picture_free(&p);

    return rc;
}
