/*
 * JSON: jansson takes what we take, as the same value, and what is written
 * reads back as what was read.  (It takes more: it knows no bounds of ours.)
 */

#include "fuzz.h"

#include "wa_json.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t    *v, *other;
    uint8_t   *in;
    wa_buf_t   text = WA_BUF_EMPTY;

    in = wa_fuzz_copy(data, size);
    v = wa_json_read(wa_span(in, size));

    if (v != NULL) {
        other = json_loadb((const char *) in, size, JSON_ALLOW_NUL, NULL);
        wa_fuzz_check(other != NULL && json_equal(v, other));
        json_decref(other);

        wa_fuzz_check(wa_json_write(v, &text) == WA_OK);
        other = wa_json_read(wa_span_buf(&text));
        wa_fuzz_check(other != NULL);
        json_decref(other);
    }

    wa_buf_free(&text);
    json_decref(v);
    free(in);

    return 0;
}
