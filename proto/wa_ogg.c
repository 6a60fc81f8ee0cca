/*
 * Length of an Opus stream in an Ogg file, see wa_ogg.h.
 */
#include "wa_ogg.h"


#define OGG_HEADER      27          /* of a page, before its lacing values */
#define OGG_PAGE_MAX    65307

#define OGG_FIRST       0x02        /* flag: begins a stream               */

#define OPUS_RATE       48000
#define OPUS_HEAD       12          /* "OpusHead" to the pre-skip          */


static bool ogg_page(wa_span_t at, uint32_t *serial, uint64_t *granule);
static uint64_t ogg_le(const uint8_t *p, size_t n);


wa_err_t
wa_ogg_opus_seconds(wa_span_t file, uint32_t *seconds)
{
    size_t          i, low, body;
    uint32_t        serial, other;
    uint64_t        granule, skip, n;
    const uint8_t  *p;

    if (!ogg_page(file, &serial, &granule) || (file.p[5] & OGG_FIRST) == 0) {
        return WA_ERR_SYNTAX;
    }

    body = OGG_HEADER + (size_t) file.p[26];

    if (file.n < body + OPUS_HEAD
        || memcmp(file.p + body, "OpusHead", 8) != 0)
    {
        return WA_ERR_SYNTAX;
    }

    p = file.p + body + 10;
    skip = ogg_le(p, 2);
    low = file.n > OGG_PAGE_MAX ? file.n - OGG_PAGE_MAX : 0;

    /* Backwards: the last page on which a packet of the stream ends. */

    for (i = file.n; i-- > low; /* void */ ) {

        if (file.p[i] != 'O'
            || !ogg_page(wa_span(file.p + i, file.n - i), &other, &granule)
            || other != serial || granule > INT64_MAX)
        {
            continue;
        }

        if (granule <= skip) {
            return WA_ERR_SYNTAX;
        }

        n = (granule - skip + OPUS_RATE / 2) / OPUS_RATE;

        if (n > WA_OGG_SECONDS_MAX) {
            return WA_ERR_SYNTAX;
        }

        *seconds = n == 0 ? 1 : (uint32_t) n;

        return WA_OK;
    }

    return WA_ERR_SYNTAX;
}


/* A header of a page of version 0. */
static bool
ogg_page(wa_span_t at, uint32_t *serial, uint64_t *granule)
{
    if (at.n < OGG_HEADER || memcmp(at.p, "OggS", 4) != 0 || at.p[4] != 0) {
        return false;
    }

    *granule = ogg_le(at.p + 6, 8);
    *serial = (uint32_t) ogg_le(at.p + 14, 4);

    return true;
}


static uint64_t
ogg_le(const uint8_t *p, size_t n)
{
    uint64_t  v;

    for (v = 0; n > 0; n--) {
        v = v << 8 | p[n - 1];
    }

    return v;
}
