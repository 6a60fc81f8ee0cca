/* JSON text read and written, with jansson as the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_json.h"
#include "wa_jv.h"


static json_t *
read_str(const char *text)
{
    return wa_json_read(wa_span((const uint8_t *) text, strlen(text)));
}


static bool
viewable(const uint8_t *p, size_t n)
{
    bool        is;
    wa_arena_t  arena;

    wa_arena_init(&arena, 0);
    is = wa_jv_read(wa_span(p, n), &arena) != NULL;
    wa_arena_free(&arena);

    return is;
}


static bool
same(const wa_jv_t *v, const json_t *j)
{
    size_t          i;
    json_t         *item;
    const char     *key;
    const wa_jv_t  *c;

    switch (v->type) {

    case WA_JV_NULL:
        return json_is_null(j);

    case WA_JV_TRUE:
        return json_is_true(j);

    case WA_JV_FALSE:
        return json_is_false(j);

    case WA_JV_INT:
        return json_is_integer(j) && json_integer_value(j) == v->u.i;

    case WA_JV_REAL:
        return json_is_real(j) && json_real_value(j) == v->u.d;

    case WA_JV_STRING:
        return json_is_string(j) && json_string_length(j) == v->u.s.n
               && memcmp(json_string_value(j), v->u.s.p, v->u.s.n) == 0;

    case WA_JV_ARRAY:
        c = v->u.child;

        if (json_array_size(j) != v->count) {
            return false;
        }

        json_array_foreach((json_t *) j, i, item) {

            if (!same(c, item)) {
                return false;
            }

            c = c->next;
        }

        return true;

    default:
        break;
    }

    json_object_foreach((json_t *) j, key, item) {
        c = wa_jv_get(v, key);

        if (c == NULL || !same(c, item)) {
            return false;
        }
    }

    return v->count >= json_object_size(j);
}


/* What jansson reads, we read, and the same; what is written comes back.
   (As text: a real number without a fraction is written as an integer.) */
static void
takes_what_jansson_takes(void **state)
{
    size_t          i;
    json_t         *mine, *theirs, *again;
    wa_buf_t        text = WA_BUF_EMPTY;
    wa_buf_t        twice = WA_BUF_EMPTY;
    wa_arena_t      arena;
    const wa_jv_t  *view;

    static const char *const texts[] = {
        "{}", "[]", " [ ] ", "\t{\n}\r\n", "[null,true,false]",
        "[0,-0,1,-1,9223372036854775807,-9223372036854775808]",
        "[0.5,-1.25e3,1E+2,1e-2,0.0,12345678901234567890.0]",
        "{\"a\":1,\"b\":[{\"c\":\"d\"}],\"\":\"\"}",
        "{\"a\":1,\"a\":2}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\u0000x\"]",
        "[\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"]",
        "{\"k\\u0065y\\n\":{\"o\\u0074her\":\"v\\u0061lue\"}}",
        "[[[[[[\"deep\"]]]]]]"
    };

    (void) state;

    wa_arena_init(&arena, 0);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        mine = read_str(texts[i]);
        theirs = json_loads(texts[i], JSON_ALLOW_NUL, NULL);
        assert_non_null(theirs);
        assert_non_null(mine);
        assert_true(json_equal(mine, theirs));

        view = wa_jv_read(wa_span_str(texts[i]), &arena);
        assert_non_null(view);
        assert_true(same(view, theirs));

        text.n = 0;
        assert_int_equal(wa_json_write(mine, &text), WA_OK);
        again = wa_json_read(wa_span_buf(&text));
        assert_non_null(again);
        twice.n = 0;
        assert_int_equal(wa_json_write(again, &twice), WA_OK);
        assert_int_equal(twice.n, text.n);
        assert_memory_equal(twice.p, text.p, text.n);

        json_decref(again);
        json_decref(theirs);
        json_decref(mine);
    }

    wa_arena_free(&arena);
    wa_buf_free(&twice);
    wa_buf_free(&text);
}


static void
refuses_what_jansson_refuses(void **state)
{
    size_t  i;

    static const char *const texts[] = {
        "", " ", "{", "[", "}", "{]", "[1,]", "[,1]", "[1 2]", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "[1]]",
        "[1] x", "1", "\"x\"", "null", "[nul]", "[True]", "[01]", "[-]",
        "[+1]", "[.5]", "[1.]", "[1e]", "[1e+]", "[0x1]", "[1e999]",
        "[9223372036854775808]", "[-9223372036854775809]", "[NaN]",
        "[\"]", "[\"\\\"]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u12g4\"]",
        "[\"\\ud800\"]", "[\"\\udc00\"]", "[\"\\ud800\\u0041\"]",
        "[\"\\ud800x\"]", "[\"a\nb\"]", "[\"\xc3\"]", "[\"\xff\"]",
        "[\"\xed\xa0\x80\"]", "[\"\xc0\x80\"]", "{\"\xff\":1}",
        "{\"a\\u0000b\":1}"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_null(json_loads(texts[i], JSON_ALLOW_NUL, NULL));
        assert_null(read_str(texts[i]));
        assert_false(viewable((const uint8_t *) texts[i], strlen(texts[i])));
    }
}


/* Every beginning of a text is none, and nothing behind it is looked at. */
static void
refuses_what_is_cut(void **state)
{
    size_t    n;
    uint8_t  *copy;

    static const char  text[] = "{\"k\\u00e9\":[1.5e3,true,\"\\ud83d\\ude00\","
                                "null,{\"x\":-12}]}";

    (void) state;

    for (n = 0; n < sizeof(text) - 1; n++) {
        copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        copy = realloc(copy, n == 0 ? 1 : n);
        assert_null(wa_json_read(wa_span(copy, n)));
        assert_false(viewable(copy, n));
        free(copy);
    }
}


static void
refuses_what_is_too_deep_or_long(void **state)
{
    char      text[512];
    size_t    n;
    json_t   *v;

    (void) state;

    for (n = WA_JSON_DEPTH_MAX; n <= WA_JSON_DEPTH_MAX + 2; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        v = wa_json_read(wa_span((uint8_t *) text, 2 * n));
        assert_true((v != NULL) == (n <= WA_JSON_DEPTH_MAX + 1));
        assert_true(viewable((uint8_t *) text, 2 * n) == (v != NULL));
        json_decref(v);
    }

    for (n = 60; n <= 64; n++) {
        text[0] = '[';
        memset(text + 1, '1', n);
        memcpy(text + 2, ".", 1);
        text[n + 1] = ']';
        v = wa_json_read(wa_span((uint8_t *) text, n + 2));
        assert_true((v != NULL) == (n <= 62));
        assert_true(viewable((uint8_t *) text, n + 2) == (v != NULL));
        json_decref(v);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(takes_what_jansson_takes),
        cmocka_unit_test(refuses_what_jansson_refuses),
        cmocka_unit_test(refuses_what_is_cut),
        cmocka_unit_test(refuses_what_is_too_deep_or_long)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
