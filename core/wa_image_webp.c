/* WebP in and out, by libwebp. */
#include "wa_image_int.h"

#include <webp/decode.h>
#include <webp/encode.h>

#include "wa_mem.h"


wa_err_t
wa_picture_webp(wa_picture_t *p, wa_span_t file, uint32_t fit)
{
    uint8_t                *rgba;
    wa_err_t                rc;
    uint32_t                y;
    WebPDecoderConfig       config;

    if (WebPInitDecoderConfig(&config) == 0
        || WebPGetFeatures(file.p, file.n, &config.input) != VP8_STATUS_OK)
    {
        return WA_ERR_SYNTAX;
    }

    p->width = (uint32_t) config.input.width;
    p->height = (uint32_t) config.input.height;

    if (config.input.has_animation) {
        return WA_ERR_SYNTAX;
    }

    if ((uint64_t) p->width * p->height > WA_IMAGE_WHOLE_MAX) {
        return WA_ERR_LIMIT;
    }

    config.output.colorspace = MODE_RGBA;

    if (WebPDecode(file.p, file.n, &config) != VP8_STATUS_OK) {
        WebPFreeDecBuffer(&config.output);
        return WA_ERR_SYNTAX;
    }

    rgba = config.output.u.RGBA.rgba;
    rc = wa_picture_begin(p, p->width, p->height, fit);

    for (y = 0; rc == WA_OK && y < p->height; y++) {
        wa_picture_row(p, rgba + (size_t) y
                                 * (size_t) config.output.u.RGBA.stride);
    }

    WebPFreeDecBuffer(&config.output);

    return rc;
}


static wa_err_t
webp_encode(WebPPicture *picture, float quality, wa_buf_t *out)
{
    wa_err_t          rc;
    WebPConfig        config;
    WebPMemoryWriter  writer;

    if (WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, quality) == 0) {
        return WA_ERR_NOMEM;
    }

    WebPMemoryWriterInit(&writer);
    picture->writer = WebPMemoryWrite;
    picture->custom_ptr = &writer;

    rc = WebPEncode(&config, picture) == 0
         ? WA_ERR_NOMEM : wa_buf_append(out, writer.mem, writer.size);

    WebPMemoryWriterClear(&writer);

    return rc;
}


/* Pixels as they are, enlarged if they are few, in the middle of a square. */
static wa_err_t
webp_square(WebPPicture *picture, const uint8_t *rgba, uint32_t width,
    uint32_t height)
{
    int       w, h, side, ok;
    size_t    x, y;
    uint32_t  longer, *from;
    WebPPicture  whole;

    side = (int) WA_IMAGE_STICKER;
    longer = width > height ? width : height;
    w = (int) ((uint64_t) width * WA_IMAGE_STICKER / longer);
    h = (int) ((uint64_t) height * WA_IMAGE_STICKER / longer);
    w = w == 0 ? 1 : w;
    h = h == 0 ? 1 : h;

    picture->use_argb = 1;
    picture->width = (int) width;
    picture->height = (int) height;

    if (WebPPictureImportRGBA(picture, rgba, (int) width * 4) == 0
        || ((w != (int) width || h != (int) height)
            && WebPPictureRescale(picture, w, h) == 0)
        || WebPPictureInit(&whole) == 0)
    {
        return WA_ERR_NOMEM;
    }

    whole.use_argb = 1;
    whole.width = side;
    whole.height = side;
    ok = WebPPictureAlloc(&whole);

    if (ok == 0) {
        return WA_ERR_NOMEM;
    }

    for (y = 0; y < (size_t) side; y++) {
        memset(whole.argb + y * (size_t) whole.argb_stride, 0,
               (size_t) side * sizeof(uint32_t));
    }

    for (y = 0; y < (size_t) h; y++) {
        from = picture->argb + y * (size_t) picture->argb_stride;
        x = (y + (size_t) (side - h) / 2) * (size_t) whole.argb_stride
            + (size_t) (side - w) / 2;
        memcpy(whole.argb + x, from, (size_t) w * sizeof(uint32_t));
    }

    WebPPictureFree(picture);
    *picture = whole;

    return WA_OK;
}


wa_err_t
wa_image_write_sticker(const uint8_t *rgba, uint32_t width, uint32_t height,
    wa_buf_t *out)
{
    float        quality;
    size_t       before;
    wa_err_t     rc;
    WebPPicture  picture;

    if (WebPPictureInit(&picture) == 0) {
        return WA_ERR_NOMEM;
    }

    rc = webp_square(&picture, rgba, width, height);
    before = out->n;

    for (quality = 80; rc == WA_OK; quality -= 20) {
        out->n = before;
        rc = webp_encode(&picture, quality, out);

        if (rc != WA_OK || out->n - before <= WA_IMAGE_STICKER_MAX) {
            break;
        }

        if (quality < 30) {
            out->n = before;
            rc = WA_ERR_LIMIT;
        }
    }

    WebPPictureFree(&picture);

    return rc;
}
