/*
 * The waveform of a voice note: Opus in Ogg, decoded by libopusfile.
 */

#include "fuzz.h"

#include "wa_wave.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i;
    uint8_t   max, wave[WA_WAVE_LEN];
    wa_err_t  rc;

    rc = wa_wave_opus(wa_span(data, size), wave);
    max = 0;

    for (i = 0; i < WA_WAVE_LEN; i++) {
        max = wave[i] > max ? wave[i] : max;
    }

    wa_fuzz_check(rc == WA_OK ? (max == 0 || max == 100) : max == 0);

    return 0;
}
