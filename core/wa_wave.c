/*
 * Waveforms, see wa_wave.h.
 */
#include "wa_wave.h"

#include <opus/opusfile.h>
#include <stdlib.h>

#include "wa_mem.h"


#define WAVE_RATE     48000u
#define WAVE_STEP     120u          /* samples that are summed up at once    */
#define WAVE_STEPS    (WA_WAVE_SECONDS_MAX * (WAVE_RATE / WAVE_STEP))

/* Two channels; libopusfile recommends room for 120 ms. */
#define WAVE_SAMPLES  (2 * 5760)

/* Places where the stream is broken, or goes on as another one. */
#define WAVE_BREAKS   64u


typedef struct {
    wa_span_t    rest;              /* of the file                           */
    uint32_t    *sums;              /* of WAVE_STEP samples' loudness        */
    size_t       n;                 /* whole ones                            */
    uint32_t     filled;            /* samples in sums[n]                    */
    opus_int16   pcm[WAVE_SAMPLES];
} wave_t;


static wa_err_t wave_decode(wave_t *w);
static void wave_shape(const wave_t *w, uint8_t out[WA_WAVE_LEN]);


static int
wave_read(void *stream, unsigned char *p, int room)
{
    size_t   n;
    wave_t  *w = stream;

    n = (size_t) (room > 0 ? room : 0);
    n = n < w->rest.n ? n : w->rest.n;

    if (n > 0) {
        memcpy(p, w->rest.p, n);
        w->rest = wa_span(w->rest.p + n, w->rest.n - n);
    }

    return (int) n;
}


wa_err_t
wa_wave_opus(wa_span_t file, uint8_t out[WA_WAVE_LEN])
{
    wave_t    *w;
    wa_err_t   rc;

    memset(out, 0, WA_WAVE_LEN);

    if (file.n < 4 || memcmp(file.p, "OggS", 4) != 0) {
        return WA_ERR_SYNTAX;
    }

    if (file.n > WA_WAVE_FILE_MAX) {
        return WA_ERR_LIMIT;
    }

    w = wa_calloc(1, sizeof(*w));

    if (w == NULL) {
        return WA_ERR_NOMEM;
    }

    w->rest = file;
    w->sums = wa_calloc(WAVE_STEPS, sizeof(uint32_t));
    rc = (w->sums == NULL) ? WA_ERR_NOMEM : wave_decode(w);

    if (rc == WA_OK) {
        wave_shape(w, out);
    }

    wa_free(w->sums);
    wa_free(w);

    return rc;
}


/* `n` samples of two channels. */
static wa_err_t
wave_add(wave_t *w, size_t n)
{
    size_t  i;

    for (i = 0; i < 2 * n; i += 2) {

        if (w->n == WAVE_STEPS) {
            return WA_ERR_LIMIT;
        }

        w->sums[w->n] += (uint32_t) abs(w->pcm[i])
                         + (uint32_t) abs(w->pcm[i + 1]);

        if (++w->filled == WAVE_STEP) {
            w->filled = 0;
            w->n++;
        }
    }

    return WA_OK;
}


/*
 * Without seeking, so that it does not go through the file beforehand to
 * count streams.
 */
static wa_err_t
wave_decode(wave_t *w)
{
    int            n, link;
    unsigned       breaks;
    wa_err_t       rc;
    OggOpusFile   *of;

    static const OpusFileCallbacks  callbacks = { wave_read, NULL, NULL,
                                                  NULL };

    of = op_open_callbacks(w, &callbacks, NULL, 0, &n);

    if (of == NULL) {
        return n == OP_EFAULT ? WA_ERR_NOMEM : WA_ERR_SYNTAX;
    }

    rc = WA_OK;
    link = op_current_link(of);

    for (breaks = 0; rc == WA_OK && breaks < WAVE_BREAKS; /* void */ ) {
        n = op_read_stereo(of, w->pcm, WAVE_SAMPLES);

        if (n == OP_HOLE) {
            breaks++;
            continue;
        }

        if (n <= 0) {
            break;
        }

        rc = wave_add(w, (size_t) n);

        if (op_current_link(of) != link) {
            link = op_current_link(of);
            breaks++;
        }
    }

    op_free(of);

    if (rc == WA_OK && w->n == 0) {
        rc = WA_ERR_SYNTAX;
    }

    return rc;
}


/* Sums of at most 240,000 steps of at most 2^23: they fit. */
static void
wave_shape(const wave_t *w, uint8_t out[WA_WAVE_LEN])
{
    size_t    i, from, to, at;
    double    mean[WA_WAVE_LEN], max;
    uint64_t  sum;

    max = 0;

    for (i = 0; i < WA_WAVE_LEN; i++) {
        from = i * w->n / WA_WAVE_LEN;
        to = (i + 1) * w->n / WA_WAVE_LEN;
        to = to > from ? to : from + 1;
        sum = 0;

        for (at = from; at < to; at++) {
            sum += w->sums[at];
        }

        mean[i] = (double) sum / (double) (to - from);
        max = mean[i] > max ? mean[i] : max;
    }

    for (i = 0; max > 0 && i < WA_WAVE_LEN; i++) {
        out[i] = (uint8_t) (100 * (mean[i] / max));
    }
}
