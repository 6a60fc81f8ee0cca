/* Pictures: sizes, directions, thumbnails, stickers, and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <png.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include "wa_image_int.h"
#include "wa_mem.h"


/* Left half red, right half blue. */
static uint8_t *
halves(uint32_t width, uint32_t height, size_t channels)
{
    size_t    i, x;
    uint8_t  *p;

    p = calloc((size_t) width * height, channels);
    assert_non_null(p);

    for (i = 0; i < (size_t) width * height; i++) {
        x = i % width;
        p[i * channels + (x < width / 2 ? 0 : 2)] = 255;

        if (channels == 4) {
            p[i * channels + 3] = 255;
        }
    }

    return p;
}


static void
make_jpeg(uint32_t width, uint32_t height, wa_buf_t *out)
{
    uint8_t  *p;

    p = halves(width, height, 4);
    assert_int_equal(wa_image_write_jpeg(p, width, height, 90, out), WA_OK);
    free(p);
}


static void
make_png(uint32_t width, uint32_t height, wa_buf_t *out)
{
    uint8_t           *p;
    png_image          image;
    png_alloc_size_t   n;

    p = halves(width, height, 4);
    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGBA;
    n = PNG_IMAGE_PNG_SIZE_MAX(image);
    assert_int_equal(wa_buf_reserve(out, n), WA_OK);
    assert_true(png_image_write_to_memory(&image, out->p, &n, 0, p, 0,
                                          NULL));
    out->n = n;
    free(p);
}


static void
png_to_buf(png_structp png, png_bytep p, size_t n)
{
    assert_int_equal(wa_buf_append(png_get_io_ptr(png), p, n), WA_OK);
}


/* Interlaced, gray with 16 bits: what few encoders write. */
static void
make_odd_png(uint32_t width, uint32_t height, wa_buf_t *out)
{
    int           pass;
    uint8_t      *row;
    uint32_t      y;
    png_infop     info;
    png_structp   png;

    row = calloc(width, 2);
    memset(row, 0x80, (size_t) width * 2);
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png_create_info_struct(png);
    assert_int_equal(setjmp(png_jmpbuf(png)), 0);
    png_set_write_fn(png, out, png_to_buf, NULL);
    png_set_IHDR(png, info, width, height, 16, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_ADAM7, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);

    for (pass = png_set_interlace_handling(png); pass > 0; pass--) {
        for (y = 0; y < height; y++) {
            png_write_row(png, row);
        }
    }

    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(row);
}


static void
make_webp(uint32_t width, uint32_t height, wa_buf_t *out)
{
    size_t    n;
    uint8_t  *p, *webp;

    p = halves(width, height, 4);
    n = WebPEncodeLosslessRGBA(p, (int) width, (int) height,
                               (int) width * 4, &webp);
    assert_true(n > 0);
    assert_int_equal(wa_buf_append(out, webp, n), WA_OK);
    WebPFree(webp);
    free(p);
}


/* An APP1 marker behind SOI that says how the camera was held. */
static void
turn_jpeg(wa_buf_t *jpeg, uint8_t orientation, bool big)
{
    wa_buf_t  out;

    static const uint8_t  le[] = {
        0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0,
        8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    };
    static const uint8_t  be[] = {
        0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42,
        0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0
    };

    memset(&out, 0, sizeof(out));
    assert_int_equal(wa_buf_append(&out, jpeg->p, 2), WA_OK);
    assert_int_equal(wa_buf_append(&out, big ? be : le, sizeof(le)), WA_OK);
    out.p[2 + (big ? 29 : 28)] = orientation;
    assert_int_equal(wa_buf_append(&out, jpeg->p + 2, jpeg->n - 2), WA_OK);
    wa_buf_move(jpeg, &out);
}


/* Which colour the middle of that edge of a thumbnail has: 'r' or 'b'. */
static char
edge(const wa_buf_t *thumb, char side)
{
    char           c;
    uint8_t       *p;
    uint32_t       x, y;
    wa_picture_t   pic;

    memset(&pic, 0, sizeof(pic));
    assert_int_equal(wa_picture_jpeg(&pic, wa_span_buf(thumb), 1000), WA_OK);
    x = side == 'l' ? 0 : side == 'r' ? pic.out_width - 1 : pic.out_width / 4;
    y = side == 't' ? 0 : side == 'b' ? pic.out_height - 1
                                      : pic.out_height / 4;
    p = pic.rgba + ((size_t) y * pic.out_width + x) * 4;
    c = p[0] > 200 && p[2] < 50 ? 'r' : p[2] > 200 && p[0] < 50 ? 'b' : '?';
    wa_picture_free(&pic);

    return c;
}


static void
test_formats(void **state)
{
    size_t     i;
    wa_buf_t   file, thumb;
    uint32_t   w, h;

    static void  (*const make[])(uint32_t, uint32_t, wa_buf_t *) = {
        make_jpeg, make_png, make_webp
    };

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&thumb, 0, sizeof(thumb));

    for (i = 0; i < 3; i++) {
        file.n = 0;
        thumb.n = 0;
        make[i](900, 300, &file);
        assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h,
                                          &thumb), WA_OK);
        assert_int_equal(w, 900);
        assert_int_equal(h, 300);
        assert_true(thumb.n < WA_IMAGE_THUMB_MAX);
        assert_int_equal(edge(&thumb, 'l'), 'r');
        assert_int_equal(edge(&thumb, 'r'), 'b');
        assert_int_equal(wa_image_examine(wa_span_buf(&thumb), &w, &h,
                                          &file), WA_OK);
        assert_int_equal(w, 100);
        assert_int_equal(h, 33);

        /* a small one keeps its size; one line */

        file.n = 0;
        thumb.n = 0;
        make[i](40, 1, &file);
        assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h,
                                          &thumb), WA_OK);
        assert_int_equal(w, 40);
        assert_int_equal(h, 1);
    }

    file.n = 0;
    thumb.n = 0;
    make_odd_png(201, 403, &file);
    assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h, &thumb),
                     WA_OK);
    assert_int_equal(w, 201);
    assert_int_equal(h, 403);

    wa_buf_free(&file);
    wa_buf_free(&thumb);
}


static void
test_directions(void **state)
{
    uint8_t    o;
    wa_buf_t   file, thumb;
    uint32_t   w, h;

    /* where the red half of an upright picture is then */
    static const char  red[] = "?lrrlttbb";

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&thumb, 0, sizeof(thumb));

    for (o = 1; o <= 8; o++) {
        file.n = 0;
        thumb.n = 0;
        make_jpeg(400, 200, &file);
        turn_jpeg(&file, o, (o & 1) != 0);
        assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h,
                                          &thumb), WA_OK);
        assert_int_equal(w, o >= 5 ? 200 : 400);
        assert_int_equal(h, o >= 5 ? 400 : 200);

        if (edge(&thumb, red[o]) != 'r') {
            fail_msg("orientation %u", o);
        }
    }

    assert_int_equal(wa_image_orientation(wa_span_str("Exif")), 1);
    assert_int_equal(wa_image_orientation(
                         wa_span("Exif\0\0II*\0\xff\xff\xff\xff", 14)), 1);
    assert_int_equal(wa_image_orientation(
                         wa_span("Exif\0\0II*\0\x08\0\0\0\xff\xff", 16)), 1);

    wa_buf_free(&file);
    wa_buf_free(&thumb);
}


/* Whatever is cut or changed: an error or a picture, never more. */
static void
test_damage(void **state)
{
    size_t     i, k;
    uint8_t   *copy;
    wa_buf_t   file, thumb;
    uint32_t   w, h;

    static void  (*const make[])(uint32_t, uint32_t, wa_buf_t *) = {
        make_jpeg, make_png, make_webp
    };

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&thumb, 0, sizeof(thumb));

    for (i = 0; i < 3; i++) {
        file.n = 0;
        make[i](64, 48, &file);

        for (k = 0; k < file.n; k += k < 64 ? 1 : 7) {
            copy = malloc(k + 1);
            memcpy(copy, file.p, k);
            thumb.n = 0;
            (void) wa_image_examine(wa_span(copy, k), &w, &h, &thumb);
            free(copy);

            file.p[k] ^= 0x55;
            thumb.n = 0;
            (void) wa_image_examine(wa_span_buf(&file), &w, &h, &thumb);
            file.p[k] ^= 0x55;
        }
    }

    assert_int_equal(wa_image_examine(wa_span_none(), &w, &h, &thumb),
                     WA_ERR_SYNTAX);
    assert_int_equal(w, 0);
    assert_int_equal(wa_image_examine(wa_span_str("GIF89a"), &w, &h, &thumb),
                     WA_ERR_SYNTAX);

    wa_buf_free(&file);
    wa_buf_free(&thumb);
}


/* The square in the middle, 640 pixels at most. */
static void
test_portraits(void **state)
{
    size_t     i;
    wa_buf_t   file, jpeg, thumb;
    uint32_t   w, h;

    static const uint32_t  sizes[][3] = {
        { 1600, 800, 640 }, { 500, 1500, 426 }, { 2000, 2000, 640 },
        { 50, 40, 40 }, { 1, 9, 1 }
    };

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&jpeg, 0, sizeof(jpeg));
    memset(&thumb, 0, sizeof(thumb));

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        file.n = 0;
        jpeg.n = 0;
        thumb.n = 0;
        make_png(sizes[i][0], sizes[i][1], &file);
        assert_int_equal(wa_image_portrait(wa_span_buf(&file), &jpeg), WA_OK);
        assert_true(jpeg.n <= WA_IMAGE_PORTRAIT_MAX);
        assert_int_equal(wa_image_examine(wa_span_buf(&jpeg), &w, &h,
                                          &thumb), WA_OK);
        assert_int_equal(w, sizes[i][2]);
        assert_int_equal(h, sizes[i][2]);

        if (w > 1) {
            assert_int_equal(edge(&jpeg, 'l'), 'r');
            assert_int_equal(edge(&jpeg, 'r'), 'b');
        }
    }

    jpeg.n = 0;
    assert_int_equal(wa_image_portrait(wa_span_str("GIF89a"), &jpeg),
                     WA_ERR_SYNTAX);
    assert_int_equal(jpeg.n, 0);

    wa_buf_free(&file);
    wa_buf_free(&jpeg);
    wa_buf_free(&thumb);
}


/* Headers that promise gigabytes. */
static void
test_bombs(void **state)
{
    size_t     i;
    wa_buf_t   file, thumb;
    uint32_t   w, h;

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&thumb, 0, sizeof(thumb));

    make_jpeg(16, 16, &file);

    for (i = 0; i + 9 < file.n; i++) {
        if (file.p[i] == 0xff && file.p[i + 1] == 0xc0) {
            memset(file.p + i + 5, 0xfd, 4);
        }
    }

    assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h, &thumb),
                     WA_ERR_LIMIT);
    assert_int_equal(w, 0xfdfd);
    assert_int_equal(thumb.n, 0);

    file.n = 0;
    make_webp(16, 16, &file);
    assert_memory_equal(file.p + 12, "VP8L", 4);
    file.p[21] = 0xff;                  /* 14 bits of width, then height */
    file.p[22] = 0xff;
    file.p[23] = 0xff;
    file.p[24] |= 0x0f;
    assert_int_equal(wa_image_examine(wa_span_buf(&file), &w, &h, &thumb),
                     WA_ERR_LIMIT);

    wa_buf_free(&file);
    wa_buf_free(&thumb);
}


static void
test_stickers(void **state)
{
    int        w, h;
    size_t     i;
    uint8_t   *rgba, *p;
    wa_buf_t   file, webp;

    static void  (*const make[])(uint32_t, uint32_t, wa_buf_t *) = {
        make_jpeg, make_png, make_webp, make_png
    };
    static const uint32_t  sizes[][2] = {
        { 1000, 500 }, { 512, 256 }, { 2000, 1000 }, { 20, 10 }
    };

    (void) state;
    memset(&file, 0, sizeof(file));
    memset(&webp, 0, sizeof(webp));

    for (i = 0; i < 4; i++) {
        file.n = 0;
        webp.n = 0;
        make[i](sizes[i][0], sizes[i][1], &file);
        assert_int_equal(wa_image_sticker(wa_span_buf(&file), &webp), WA_OK);
        assert_true(webp.n <= WA_IMAGE_STICKER_MAX);

        rgba = WebPDecodeRGBA(webp.p, webp.n, &w, &h);
        assert_non_null(rgba);
        assert_int_equal(w, 512);
        assert_int_equal(h, 512);

        /* nothing above and below, red and blue between */

        assert_int_equal(rgba[(20 * 512 + 256) * 4 + 3], 0);
        assert_int_equal(rgba[(500 * 512 + 256) * 4 + 3], 0);
        p = rgba + (256 * 512 + 100) * 4;
        assert_true(p[3] == 255 && p[0] > 200 && p[2] < 60);
        p = rgba + (256 * 512 + 400) * 4;
        assert_true(p[3] == 255 && p[2] > 200 && p[0] < 60);
        WebPFree(rgba);
    }

    assert_int_equal(wa_image_sticker(wa_span_str("no picture"), &webp),
                     WA_ERR_SYNTAX);

    wa_buf_free(&file);
    wa_buf_free(&webp);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_portraits),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_stickers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
