/* PNG in, by libpng. */
#include "wa_image_int.h"

#include <setjmp.h>

#include <png.h>

#include "wa_mem.h"
#include "wa_rd.h"


typedef struct {
    wa_rd_t    in;
    uint8_t   *rows;          /* one row, or all of an interlaced picture */
} png_in_t;


static void
png_give(png_structp png, png_bytep out, size_t n)
{
    png_in_t  *in = png_get_io_ptr(png);

    if (n > (size_t) (in->in.end - in->in.p)) {
        png_error(png, "short");
    }

    memcpy(out, in->in.p, n);
    in->in.p += n;
}


static void
png_failed(png_structp png, png_const_charp text)
{
    (void) text;
    png_longjmp(png, 1);
}


static void
png_warned(png_structp png, png_const_charp text)
{
    (void) png;
    (void) text;
}


/* Everything becomes RGBA with 8 bits. */
static void
png_convert(png_structp png)
{
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
}


static wa_err_t
png_decode(png_structp png, png_infop info, png_in_t *in, wa_picture_t *p,
    uint32_t fit)
{
    int        pass, passes;
    size_t     stride;
    wa_err_t   rc;
    uint32_t   y;

    png_read_info(png, info);
    p->width = png_get_image_width(png, info);
    p->height = png_get_image_height(png, info);

    png_convert(png);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    stride = (size_t) p->width * 4;

    if ((uint64_t) p->width * p->height
            > (passes > 1 ? WA_IMAGE_WHOLE_MAX : WA_IMAGE_ROWS_MAX)
        || png_get_rowbytes(png, info) != stride)
    {
        return WA_ERR_LIMIT;
    }

    rc = wa_picture_begin(p, p->width, p->height, fit);

    if (rc != WA_OK) {
        return rc;
    }

    in->rows = wa_calloc(passes > 1 ? p->height : 1, stride);

    if (in->rows == NULL) {
        return WA_ERR_NOMEM;
    }

    for (pass = 0; pass < passes - 1; pass++) {
        for (y = 0; y < p->height; y++) {
            png_read_row(png, in->rows + y * stride, NULL);
        }
    }

    for (y = 0; y < p->height; y++) {
        png_read_row(png, in->rows + (passes > 1 ? y * stride : 0), NULL);
        wa_picture_row(p, in->rows + (passes > 1 ? y * stride : 0));
    }

    return WA_OK;
}


wa_err_t
wa_picture_png(wa_picture_t *p, wa_span_t file, uint32_t fit)
{
    png_in_t      in;
    wa_err_t      rc;
    png_infop     info;
    png_structp   png;

    in.in.p = file.p;
    in.in.end = file.p + file.n;
    in.rows = NULL;

    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed,
                                 png_warned);
    if (png == NULL) {
        return WA_ERR_NOMEM;
    }

    info = png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        return WA_ERR_NOMEM;
    }

    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_read_struct(&png, &info, NULL);
        wa_free(in.rows);
        return WA_ERR_SYNTAX;
    }

    png_set_user_limits(png, WA_IMAGE_SIDE_MAX, WA_IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(png, 4 * 1024 * 1024);
    png_set_chunk_cache_max(png, 64);
    png_set_read_fn(png, &in, png_give);

    rc = png_decode(png, info, &in, p, fit);

    png_destroy_read_struct(&png, &info, NULL);
    wa_free(in.rows);

    return rc;
}
