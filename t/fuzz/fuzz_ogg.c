/*
 * The length of an Opus stream in an Ogg file.
 */

#include "fuzz.h"

#include "wa_ogg.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t  seconds;

    seconds = 0;

    if (wa_ogg_opus_seconds(wa_span(data, size), &seconds) == WA_OK) {
        wa_fuzz_check(seconds > 0 && seconds <= WA_OGG_SECONDS_MAX);

    } else {
        wa_fuzz_check(seconds == 0);
    }

    return 0;
}
