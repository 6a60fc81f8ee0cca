/* QR drawing: libqrencode makes the symbol, libpng the picture. */
#include <stdio.h>
#include <stdlib.h>

#include <png.h>
#include <qrencode.h>

#include "wa_b64.h"
#include "wa_qr.h"


#define QR_QUIET    4
#define QR_PX_MAX   4096
#define QR_TEXT_MAX 2331


static wa_err_t
qr_symbol(wa_span_t text, QRcode **out)
{
    if (text.n == 0 || text.n > QR_TEXT_MAX || text.n > INT32_MAX) {
        return WA_ERR_LIMIT;
    }

    *out = QRcode_encodeData((int) text.n, text.p, 0, QR_ECLEVEL_M);

    return *out == NULL ? WA_ERR_LIMIT : WA_OK;
}


static bool
qr_dark(const QRcode *qr, int x, int y)
{
    if (x < 0 || y < 0 || x >= qr->width || y >= qr->width) {
        return false;
    }

    return (qr->data[y * qr->width + x] & 1) != 0;
}


static void
qr_png_write(png_structp png, png_bytep p, png_size_t n)
{
    if (wa_buf_append(png_get_io_ptr(png), p, n) != WA_OK) {
        png_error(png, "memory");
    }
}


static void
qr_png_flush(png_structp png)
{
    (void) png;
}


/* One row of modules as bits behind `margin` light pixels, dark = 0 (1-bit
   grey). */
static void
qr_row(const QRcode *qr, int y, int scale, int margin, uint8_t *row,
    size_t n)
{
    int  x, i, px;

    memset(row, 0xff, n);

    for (x = 0; x < qr->width; x++) {

        if (!qr_dark(qr, x, y)) {
            continue;
        }

        for (i = 0; i < scale; i++) {
            px = margin + x * scale + i;
            row[px / 8] &= (uint8_t) ~(0x80 >> (px % 8));
        }
    }
}


static wa_err_t
qr_png_draw(const QRcode *qr, int px, wa_buf_t *out)
{
    int          y, scale, margin, width;
    size_t       n;
    uint8_t     *row;
    png_infop    info;
    png_structp  png;

    scale = px / (qr->width + 2 * QR_QUIET);

    if (scale < 1) {
        scale = 1;
    }

    width = (qr->width + 2 * QR_QUIET) * scale;

    if (width < px) {
        width = px;
    }

    margin = (width - qr->width * scale) / 2;
    n = (size_t) (width + 7) / 8;
    row = malloc(n);
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png == NULL ? NULL : png_create_info_struct(png);

    /* libpng reports errors by longjmp: nothing but frees behind it. */
    if (row == NULL || info == NULL || setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        free(row);
        return WA_ERR_NOMEM;
    }

    png_set_write_fn(png, out, qr_png_write, qr_png_flush);
    png_set_IHDR(png, info, (png_uint_32) width, (png_uint_32) width, 1,
                 PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);

    for (y = 0; y < width; y++) {
        /* Rows above the symbol are outside of it too. */
        qr_row(qr, y < margin ? -1 : (y - margin) / scale, scale, margin,
               row, n);
        png_write_row(png, row);
    }

    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);

    return WA_OK;
}


wa_err_t
wa_qr_png(wa_span_t text, unsigned px, wa_buf_t *out)
{
    size_t     before;
    wa_err_t   rc;
    QRcode    *qr;

    if (px > QR_PX_MAX) {
        return WA_ERR_LIMIT;
    }

    rc = qr_symbol(text, &qr);

    if (rc != WA_OK) {
        return rc;
    }

    before = out->n;
    rc = qr_png_draw(qr, (int) px, out);

    if (rc != WA_OK) {
        out->n = before;
    }

    QRcode_free(qr);

    return rc;
}


wa_err_t
wa_qr_data_url(wa_span_t text, unsigned px, wa_buf_t *out)
{
    size_t    before;
    wa_err_t  rc;
    wa_buf_t  png = WA_BUF_EMPTY;

    before = out->n;
    rc = wa_qr_png(text, px, &png);

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "data:image/png;base64,");
    }

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span_buf(&png), WA_B64_STD, out);
    }

    if (rc != WA_OK) {
        out->n = before;
    }

    wa_buf_free(&png);

    return rc;
}


wa_err_t
wa_qr_svg(wa_span_t text, unsigned px, wa_buf_t *out)
{
    int        x, y, n, modules;
    char       piece[160];
    size_t     before;
    wa_err_t   rc;
    QRcode    *qr;

    if (px > QR_PX_MAX) {
        return WA_ERR_LIMIT;
    }

    rc = qr_symbol(text, &qr);

    if (rc != WA_OK) {
        return rc;
    }

    before = out->n;
    modules = qr->width + 2 * QR_QUIET;
    n = snprintf(piece, sizeof(piece),
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
                 "height=\"%u\" viewBox=\"0 0 %d %d\" "
                 "shape-rendering=\"crispEdges\">", px, px, modules,
                 modules);
    rc = wa_buf_append(out, piece, (size_t) n);

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "<path fill=\"#fff\" d=\"M0 0h999v999"
                                    "H0z\"/><path d=\"");
    }

    for (y = 0; y < qr->width; y++) {
        for (x = 0; x < qr->width && rc == WA_OK; x++) {

            if (!qr_dark(qr, x, y)) {
                continue;
            }

            n = snprintf(piece, sizeof(piece), "M%d %dh1v1h-1z",
                         x + QR_QUIET, y + QR_QUIET);
            rc = wa_buf_append(out, piece, (size_t) n);
        }
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(out, "\"/></svg>\n");
    }

    if (rc != WA_OK) {
        out->n = before;
    }

    QRcode_free(qr);

    return rc;
}


/*
 * Two modules a character.  Light modules are drawn (full block), so that
 * the picture is right on a dark terminal; ANSI colours make it right on a
 * light one as well.
 */
wa_err_t
wa_qr_txt(wa_span_t text, wa_buf_t *out)
{
    int          x, y;
    bool         top, bottom;
    size_t       before;
    QRcode      *qr;
    wa_err_t     rc;
    const char  *cell;

    rc = qr_symbol(text, &qr);

    if (rc != WA_OK) {
        return rc;
    }

    before = out->n;

    for (y = -QR_QUIET; y < qr->width + QR_QUIET; y += 2) {

        if (rc == WA_OK) {
            rc = wa_buf_append_str(out, "\033[97;40m");
        }

        for (x = -QR_QUIET; x < qr->width + QR_QUIET && rc == WA_OK; x++) {
            top = !qr_dark(qr, x, y);
            bottom = !qr_dark(qr, x, y + 1);
            cell = top ? (bottom ? "\xe2\x96\x88" : "\xe2\x96\x80")
                       : (bottom ? "\xe2\x96\x84" : " ");
            rc = wa_buf_append_str(out, cell);
        }

        if (rc == WA_OK) {
            rc = wa_buf_append_str(out, "\033[0m\n");
        }
    }

    if (rc != WA_OK) {
        out->n = before;
    }

    QRcode_free(qr);

    return rc;
}
