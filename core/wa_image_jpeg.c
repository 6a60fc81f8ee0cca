/* JPEG in and out, by libjpeg. */
#include "wa_image_int.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "wa_mem.h"


/* More passes over one picture than any encoder writes. */
#define JPEG_SCANS_MAX  64


/* libjpeg leaves by a jump: what it must not lose is kept here. */
typedef struct {
    struct jpeg_error_mgr     error;          /* must be first */
    struct jpeg_progress_mgr  progress;
    jmp_buf                   jump;
    uint8_t                  *row;
    unsigned char            *out;
    unsigned long             out_len;
} jpeg_t;


static void
jpeg_failed(j_common_ptr c)
{
    jpeg_t  *j = (jpeg_t *) (void *) c->err;

    longjmp(j->jump, 1);
}


/* Damaged pictures bring warnings without end; nobody reads them. */
static void
jpeg_message(j_common_ptr c, int level)
{
    (void) c;
    (void) level;
}


static void
jpeg_progress(j_common_ptr c)
{
    j_decompress_ptr  d = (j_decompress_ptr) c;

    if (c->is_decompressor && d->input_scan_number > JPEG_SCANS_MAX) {
        jpeg_failed(c);
    }
}


static void
jpeg_begin(jpeg_t *j, j_common_ptr c)
{
    memset(j, 0, sizeof(*j));
    c->err = jpeg_std_error(&j->error);
    j->error.error_exit = jpeg_failed;
    j->error.emit_message = jpeg_message;
}


static void
jpeg_scale(j_decompress_ptr d, uint32_t fit)
{
    unsigned  longer;

    longer = d->image_width > d->image_height ? d->image_width
                                              : d->image_height;
    d->scale_num = 1;
    d->scale_denom = 8;

    /* twice the size that is wanted: the mean does the rest */

    while (d->scale_denom > 1 && longer / d->scale_denom < 2 * fit) {
        d->scale_denom /= 2;
    }
}


static wa_err_t
jpeg_decode(jpeg_t *j, j_decompress_ptr d, wa_picture_t *p, uint32_t fit)
{
    wa_err_t            rc;
    JSAMPROW            row;
    jpeg_saved_marker_ptr  m;

    jpeg_save_markers(d, JPEG_APP0 + 1, 0xffff);
    (void) jpeg_read_header(d, TRUE);

    p->width = d->image_width;
    p->height = d->image_height;

    for (m = d->marker_list; m != NULL && p->orientation <= 1; m = m->next) {
        p->orientation = wa_image_orientation(wa_span(m->data,
                                                      m->data_length));
    }

    if ((uint64_t) p->width * p->height > WA_IMAGE_ROWS_MAX) {
        return WA_ERR_LIMIT;
    }

    jpeg_scale(d, fit);
    d->out_color_space = JCS_EXT_RGBA;
    d->dct_method = JDCT_ISLOW;
    (void) jpeg_start_decompress(d);

    rc = wa_picture_begin(p, d->output_width, d->output_height, fit);

    if (rc != WA_OK) {
        return rc;
    }

    j->row = wa_alloc((size_t) d->output_width * 4);

    if (j->row == NULL) {
        return WA_ERR_NOMEM;
    }

    row = j->row;

    while (d->output_scanline < d->output_height) {
        if (jpeg_read_scanlines(d, &row, 1) == 1) {
            wa_picture_row(p, j->row);
        }
    }

    return WA_OK;
}


wa_err_t
wa_picture_jpeg(wa_picture_t *p, wa_span_t file, uint32_t fit)
{
    jpeg_t                         j;
    wa_err_t                       rc;
    struct jpeg_decompress_struct  d;

    memset(&d, 0, sizeof(d));
    jpeg_begin(&j, (j_common_ptr) &d);

    if (setjmp(j.jump) != 0) {
        jpeg_destroy_decompress(&d);
        wa_free(j.row);
        return WA_ERR_SYNTAX;
    }

    jpeg_create_decompress(&d);
    d.mem->max_memory_to_use = WA_IMAGE_MEMORY_MAX;
    j.progress.progress_monitor = jpeg_progress;
    d.progress = &j.progress;
    jpeg_mem_src(&d, file.p, file.n);

    rc = jpeg_decode(&j, &d, p, fit);

    jpeg_destroy_decompress(&d);
    wa_free(j.row);

    return rc;
}


static void
jpeg_encode(jpeg_t *j, j_compress_ptr c, const uint8_t *rgba, uint32_t width,
    uint32_t height, int quality)
{
    uint8_t   a;
    uint32_t  x, i;
    JSAMPROW  row;

    c->image_width = width;
    c->image_height = height;
    c->input_components = 3;
    c->in_color_space = JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, quality, TRUE);
    jpeg_start_compress(c, TRUE);

    row = j->row;

    while (c->next_scanline < height) {

        for (x = 0; x < width; x++, rgba += 4) {
            a = rgba[3];

            for (i = 0; i < 3; i++) {
                row[3 * x + i] = (uint8_t) ((rgba[i] * a + 255 * (255 - a))
                                            / 255);
            }
        }

        (void) jpeg_write_scanlines(c, &row, 1);
    }

    jpeg_finish_compress(c);
}


wa_err_t
wa_image_write_jpeg(const uint8_t *rgba, uint32_t width, uint32_t height,
    int quality, wa_buf_t *out)
{
    jpeg_t                       j;
    wa_err_t                     rc;
    struct jpeg_compress_struct  c;

    memset(&c, 0, sizeof(c));
    jpeg_begin(&j, (j_common_ptr) &c);
    rc = WA_ERR_NOMEM;

    if (setjmp(j.jump) == 0) {
        jpeg_create_compress(&c);
        j.row = wa_alloc((size_t) width * 3);

        if (j.row != NULL) {
            jpeg_mem_dest(&c, &j.out, &j.out_len);
            jpeg_encode(&j, &c, rgba, width, height, quality);
            rc = wa_buf_append(out, j.out, j.out_len);
        }
    }

    jpeg_destroy_compress(&c);
    wa_free(j.row);
    free(j.out);

    return rc;
}
