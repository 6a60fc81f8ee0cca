/*
 * JSON: jansson takes what we take, as the same value, and what is written
 * reads back as what was read.  (It takes more: it knows no bounds of ours.)
 * A view is there of the same texts, and says what they are.
 */

#include "fuzz.h"

#include "wa_json.h"
#include "wa_jv.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t         *v, *other;
    uint8_t        *in;
    wa_buf_t        text = WA_BUF_EMPTY;
    wa_arena_t      arena;
    const wa_jv_t  *view;

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

    wa_arena_init(&arena, 0);
    wa_arena_set_limit(&arena, 256 * 1024 * 1024);
    view = wa_jv_read(wa_span(in, size), &arena);
    wa_fuzz_check((view != NULL) == (v != NULL));
    wa_fuzz_check(view == NULL || json_is_array(v)
                  || json_object_size(v) <= view->count);
    wa_fuzz_check(view == NULL || json_is_object(v)
                  || json_array_size(v) == view->count);
    wa_arena_free(&arena);

    wa_buf_free(&text);
    json_decref(v);
    free(in);

    return 0;
}
