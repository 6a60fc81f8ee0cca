/* Waveforms of voice notes. */
#include "wa_wave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_vectors.h"


/* Another decoder and another's arithmetic: within rounding. */
static void
test_as_others_draw_it(void **state)
{
    int           i, expected;
    uint8_t       wave[WA_WAVE_LEN];
    json_t       *list;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "waveform.json");
    list = wa_vectors_get(v.root, "waveform");
    assert_int_equal(json_array_size(list), WA_WAVE_LEN);
    assert_int_equal(wa_wave_opus(wa_vectors_hex(&v, v.root, "file"), wave),
                     WA_OK);

    for (i = 0; i < (int) WA_WAVE_LEN; i++) {
        expected = (int) json_integer_value(json_array_get(list, (size_t) i));
        assert_in_range(wave[i] - expected + 3, 0, 6);
    }

    wa_vectors_close(&v);
}


/* Whatever is missing at the end, it is drawn or refused. */
static void
test_cut_off(void **state)
{
    size_t        n, drawn;
    uint8_t      *copy, wave[WA_WAVE_LEN];
    wa_err_t      rc;
    wa_span_t     file;
    wa_vectors_t  v;

    (void) state;

    wa_vectors_open(&v, "waveform.json");
    file = wa_vectors_hex(&v, v.root, "file");
    drawn = 0;

    for (n = 0; n < file.n; n += 7) {
        copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, file.p, n);
        rc = wa_wave_opus(wa_span(copy, n), wave);
        assert_true(rc == WA_OK || rc == WA_ERR_SYNTAX);
        drawn += (rc == WA_OK);
        free(copy);
    }

    assert_true(drawn > 0 && drawn < file.n / 7);
    wa_vectors_close(&v);
}


static void
test_what_is_none(void **state)
{
    uint8_t  *large, wave[WA_WAVE_LEN];

    (void) state;

    assert_int_equal(wa_wave_opus(wa_span_none(), wave), WA_ERR_SYNTAX);
    assert_int_equal(wa_wave_opus(wa_span_str("ID3 is no Ogg"), wave),
                     WA_ERR_SYNTAX);
    assert_int_equal(wa_wave_opus(wa_span_str("OggS and nothing"), wave),
                     WA_ERR_SYNTAX);

    large = calloc(1, WA_WAVE_FILE_MAX + 1);
    assert_non_null(large);
    memcpy(large, "OggS", 4);
    assert_int_equal(wa_wave_opus(wa_span(large, WA_WAVE_FILE_MAX + 1), wave),
                     WA_ERR_LIMIT);
    assert_int_equal(wa_wave_opus(wa_span(large, WA_WAVE_FILE_MAX), wave),
                     WA_ERR_SYNTAX);
    free(large);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_as_others_draw_it),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_what_is_none)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
