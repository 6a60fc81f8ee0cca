/* Message bytes <-> content, and its JSON. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_filename.h"
#include "wa_host.h"
#include "wa_json.h"
#include "wa_message.h"
#include "wa_vectors.h"


static wa_span_t
sample(wa_vectors_t *v, const char *name)
{
    size_t    i;
    json_t   *s;

    json_array_foreach(wa_vectors_get(v->root, "samples"), i, s) {

        if (strcmp(wa_vectors_str(s, "name"), name) == 0) {
            return wa_vectors_hex(v, s, "hex");
        }
    }

    fail_msg("no sample %s", name);
    return wa_span_none();
}


static void
samples_decode(void **state)
{
    size_t        i;
    wa_vectors_t   v;
    wa_arena_t    arena;
    wa_content_t  c;

    static const struct {
        const char  *name;
        wa_kind_e    kind;
        const char  *text;
    } rows[] = {
        { "text", WA_KIND_TEXT, "hello" },
        { "reply with mention", WA_KIND_TEXT, "@15551234567 hi" },
        { "reaction", WA_KIND_REACTION, NULL },
        { "revoke own", WA_KIND_PROTOCOL, NULL },
        { "edit", WA_KIND_PROTOCOL, "new" },
        { "ephemeral setting", WA_KIND_PROTOCOL, NULL },
        { "app state key share", WA_KIND_PROTOCOL, NULL },
        { "device sent", WA_KIND_TEXT, "hello" },
        { "poll creation v3", WA_KIND_POLL, "Q" },
        { "image", WA_KIND_IMAGE, "c" },
        { "ptt", WA_KIND_AUDIO, NULL },
        { "location", WA_KIND_LOCATION, NULL },
        { "contact", WA_KIND_CONTACT, "Ann" },
        { "pin", WA_KIND_PROTOCOL, NULL }
    };

    (void) state;
    wa_arena_init(&arena, 0);
    wa_vectors_open(&v, "protobuf.json");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].name);
        assert_int_equal(wa_message_decode(sample(&v, rows[i].name),
                                           &arena, &c), WA_OK);
        assert_int_equal(c.kind, rows[i].kind);
        assert_false(c.nothing);

        if (rows[i].text == NULL) {
            assert_null(c.text);

        } else {
            assert_non_null(c.text);
            assert_string_equal(c.text, rows[i].text);
        }
    }

    assert_int_equal(wa_message_decode(sample(&v, "reply with mention"),
                                       &arena, &c), WA_OK);
    assert_string_equal(c.quoted_id, "3EB0AA");
    assert_string_equal(c.quoted_text, "hello");
    assert_int_equal(c.n_mentions, 1);

    assert_int_equal(wa_message_decode(sample(&v, "device sent"),
                                       &arena, &c), WA_OK);
    assert_true(c.sent_copy);
    assert_string_equal(c.sent_to, "100000012345678@lid");

    wa_vectors_close(&v);
    wa_arena_free(&arena);
}


static void
own_copies_are_encoded_as_others_do(void **state)
{
    wa_vectors_t   v;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_jid_t     to;
    wa_span_t    want, secret;
    wa_arena_t   arena;

    (void) state;
    wa_arena_init(&arena, 0);
    wa_vectors_open(&v, "protobuf.json");
    want = sample(&v, "device sent");
    secret = wa_message_secret(want, &arena);
    assert_int_equal(secret.n, 32);

    assert_int_equal(wa_jid_parse(wa_span_str("100000012345678@lid"), &to),
                     WA_OK);
    assert_int_equal(wa_message_encode_copy(&to, sample(&v, "text"),
                                            secret.p, &out), WA_OK);
    assert_true(wa_span_eq(want, wa_span_buf(&out)));

    wa_buf_free(&out);
    wa_vectors_close(&v);
    wa_arena_free(&arena);
}


static void
bad_bytes_are_refused(void **state)
{
    size_t        i;
    uint8_t       deep[4096];
    wa_arena_t    arena;
    wa_content_t  c;

    static const uint8_t  cut[] = { 0x0a, 0x05, 'h' };

    (void) state;
    wa_arena_init(&arena, 0);

    assert_int_equal(wa_message_decode(wa_span(cut, sizeof(cut)), &arena, &c),
                     WA_ERR_SYNTAX);

    /* ephemeral{message{ephemeral{message{...}}}}, each level 3 + 2..3. */

    for (i = sizeof(deep); i >= 8; i -= 7) {
        size_t  left = sizeof(deep) - i;

        deep[i - 7] = 0xc2;
        deep[i - 6] = 0x02;
        deep[i - 5] = (uint8_t) ((left + 3) | 0x80);
        deep[i - 4] = (uint8_t) ((left + 3) >> 7);
        deep[i - 3] = 0x0a;
        deep[i - 2] = (uint8_t) (left | 0x80);
        deep[i - 1] = (uint8_t) (left >> 7);
    }

    assert_int_equal(wa_message_decode(wa_span(deep + sizeof(deep) - 7 * 580,
                                               7 * 580), &arena, &c),
                     WA_ERR_LIMIT);

    assert_int_equal(wa_message_decode(wa_span_none(), &arena, &c), WA_OK);
    assert_true(c.nothing);

    wa_arena_free(&arena);
}


static void
peers_text_becomes_valid_json(void **state)
{
    size_t   i;
    json_t  *v;

    static const struct {
        const char  *in;
        const char  *out;
    } rows[] = {
        { "plain", "plain" },
        { "", "" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xf0\x9f\x91\x8d", "\xf0\x9f\x91\x8d" },
        { "a\xff" "b", "a\xef\xbf\xbd" "b" },
        { "\xc3", "\xef\xbf\xbd" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf5\x80\x80\x80",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        v = wa_json_text(rows[i].in);
        assert_string_equal(json_string_value(v), rows[i].out);
        json_decref(v);
    }

    assert_true(json_is_null(wa_json_text(NULL)));
}


static void
json_text_reads_back(void **state)
{
    size_t     i;
    json_t    *v, *back;
    wa_buf_t   out = WA_BUF_EMPTY;

    static const char *const  rows[] = {
        "{}", "[]", "{\"a\":[]}", "[1,-5,9007199254740993]",
        "[true,false,null]", "[0.1,52.5,1e300,-0.25]",
        "{\"z\":1,\"a\":{\"b\":[{},[[]],\"\"]}}",
        "[\"q\\\"b\\\\s\\n\\r\\t\\u0001\\u001f/\\u00e9\\ud83d\\ude00\"]"
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        v = json_loads(rows[i], 0, NULL);
        assert_non_null(v);
        assert_int_equal(wa_json_write(v, &out), WA_OK);
        back = json_loadb((const char *) out.p, out.n, 0, NULL);
        assert_non_null(back);
        assert_true(json_equal(v, back));

        if (i < 5) {
            assert_true(wa_span_eq_str(wa_span_buf(&out), rows[i]));
        }

        json_decref(v);
        json_decref(back);
        wa_buf_free(&out);
    }

    /* Members keep their order, and depth ends. */

    v = json_array();

    for (i = 0; i < 70; i++) {
        back = json_array();
        assert_int_equal(json_array_append_new(back, v), 0);
        v = back;
    }

    assert_int_equal(wa_json_write(v, &out), WA_ERR_LIMIT);
    json_decref(v);
    wa_buf_free(&out);
}


/* Written directly: the same text, whatever the bytes. */
static void
json_is_written_without_values(void **state)
{
    size_t    i;
    json_t   *v;
    wa_jw_t   w;
    wa_buf_t  out = WA_BUF_EMPTY;

    static const struct {
        const char  *in;
        size_t       n;
        const char  *out;
    } rows[] = {
        { "", 0, "" }, { "plain", 5, "plain" },
        { "a\0b", 3, "a\xef\xbf\xbd" "b" },
        { "\"\\/\n\r\t\x01\x1f\x7f", 9,
          "\\\"\\\\/\\n\\r\\t\\u0001\\u001f\x7f" },
        { "\xc3\xa9\xf0\x9f\x98\x80", 6, "\xc3\xa9\xf0\x9f\x98\x80" },
        { "\xc3", 1, "\xef\xbf\xbd" },
        { "x\xff\xfey", 4, "x\xef\xbf\xbd\xef\xbf\xbdy" },
        { "\xed\xa0\x80", 3,
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wa_jw_init(&w, &out);
        wa_jw_text(&w, NULL, wa_span(rows[i].in, rows[i].n));
        assert_int_equal(w.err, WA_OK);
        assert_int_equal(out.n, strlen(rows[i].out) + 2);
        assert_memory_equal(out.p + 1, rows[i].out, out.n - 2);
        assert_int_equal(out.p[0], '"');
        assert_int_equal(out.p[out.n - 1], '"');

        v = json_loadb((const char *) out.p, out.n,
                       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(v);
        json_decref(v);
        wa_buf_free(&out);
    }

    wa_jw_init(&w, &out);
    wa_jw_open(&w, NULL, '{');
    wa_jw_int(&w, WA_JW("min"), INT64_MIN);
    wa_jw_int(&w, WA_JW("max"), INT64_MAX);
    wa_jw_open(&w, WA_JW("list"), '[');
    wa_jw_int(&w, NULL, 0);
    wa_jw_open(&w, NULL, '{');
    wa_jw_close(&w, '}');
    wa_jw_real(&w, NULL, 0.5);
    wa_jw_real(&w, NULL, INFINITY);
    wa_jw_close(&w, ']');
    wa_jw_str(&w, WA_JW("none"), NULL);
    wa_jw_bool(&w, WA_JW("yes"), true);
    wa_jw_time(&w, WA_JW("at"), 1768903500123);
    wa_jw_close(&w, '}');
    assert_int_equal(w.err, WA_OK);
    assert_true(wa_span_eq_str(wa_span_buf(&out),
        "{\"min\":-9223372036854775808,\"max\":9223372036854775807,"
        "\"list\":[0,{},0.5,null],\"none\":null,\"yes\":true,"
        "\"at\":\"2026-01-20T10:05:00.123Z\"}"));
    wa_buf_free(&out);
}


/* Against the C library, over leap days, centuries and both ends. */
static void
times_read_as_iso(void **state)
{
    char       want[100], got[32];
    size_t     i;
    time_t     s;
    int64_t    ms;
    struct tm  tm;

    (void) state;
    ms = INT64_C(-62135596800000);

    for (i = 0; i < 40000; i++) {
        s = (time_t) (ms / 1000 - (ms % 1000 < 0));
        assert_non_null(gmtime_r(&s, &tm));
        (void) snprintf(want, sizeof(want),
                        "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec,
                        (int) (ms - (int64_t) s * 1000));
        assert_string_equal(wa_iso_time(ms, got), want);
        ms += INT64_C(7888023777);
    }

    assert_string_equal(wa_iso_time(INT64_MAX, got),
                        "1970-01-01T00:00:00.000Z");
}


static void
references_tell_messages_apart(void **state)
{
    char           a[WA_MESSAGE_REF_LEN], b[WA_MESSAGE_REF_LEN];
    wa_host_t     *h;
    wa_jid_t       one, two;
    wa_span_t      id;
    wa_account_t  *acc;

    (void) state;
    h = wa_host_create();
    acc = wa_host_account(h);
    assert_int_equal(wa_jid_parse(wa_span_str("1@lid"), &one), WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("2@lid"), &two), WA_OK);

    assert_int_equal(wa_message_ref(acc, false, &one, wa_span_str("X"), a),
                     WA_OK);
    assert_int_equal(strlen(a), 18);
    assert_int_equal(wa_message_ref(acc, false, &one, wa_span_str("X"), b),
                     WA_OK);
    assert_string_equal(a, b);
    assert_int_equal(wa_message_ref(acc, false, &two, wa_span_str("X"), b),
                     WA_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(wa_message_ref(acc, true, NULL, wa_span_str("X"), b),
                     WA_OK);
    assert_string_not_equal(a, b);

    /* It leads back to the WhatsApp id, unless that is an unusual one. */
    assert_true(wa_message_ref_parse(wa_span_str(a), &id));
    assert_true(wa_span_eq_str(id, "X"));
    assert_int_equal(wa_message_ref(acc, false, &one, wa_span_str("a b"), a),
                     WA_OK);
    assert_int_equal(strlen(a), 32);
    assert_false(wa_message_ref_parse(wa_span_str(a), &id));
    assert_false(wa_message_ref_parse(wa_span_str("3EB0123456789ABCDEF012"),
                                      &id));

    wa_host_free(h);
}


static void
the_unified_form_is_as_documented(void **state)
{
    char                ref[WA_MESSAGE_REF_LEN] = "r";
    char                exp[24], sig[WA_LINK_SIG_LEN + 1];
    json_t             *u, *want;
    wa_jw_t             w;
    wa_buf_t            text = WA_BUF_EMPTY;
    wa_host_t          *h;
    wa_content_t        c;
    wa_account_t       *a;
    wa_span_t           path;
    const char         *url;
    wa_message_view_t   v;

    (void) state;
    h = wa_host_create();
    wa_host_make(h);
    a = wa_host_account(h);
    assert_int_equal(wa_jid_parse(wa_span_str("98765@s.whatsapp.net"),
                                  &a->creds->jid), WA_OK);

    memset(&c, 0, sizeof(c));
    memset(&v, 0, sizeof(v));
    c.kind = WA_KIND_TEXT;
    c.text = "hello";
    v.content = &c;
    v.ref = ref;
    v.message_id = wa_span_str("3EB0C0FFEE");
    v.timestamp = 1706400000;
    v.status = "RECEIVED";
    v.source = "whatsapp";
    assert_int_equal(wa_jid_parse(wa_span_str("12345@s.whatsapp.net"),
                                  &v.chat), WA_OK);
    v.sender = v.chat;

    wa_jw_init(&w, &text);
    wa_event_unified(a, &v, &w);
    assert_int_equal(w.err, WA_OK);
    u = json_loadb((const char *) text.p, text.n, 0, NULL);
    wa_buf_free(&text);
    want = json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:b,s:b,s:s,s:s,s:n}",
                     "event", "message", "direction", "inbound",
                     "account_id", a->id, "message_id", "3EB0C0FFEE",
                     "timestamp", 1706400000, "from", "12345@c.us", "to",
                     "98765@c.us", "from_me", 0, "is_group", 0, "type",
                     "text", "text", "hello", "media");
    assert_non_null(want);
    assert_true(json_equal(u, want));

    json_decref(u);
    json_decref(want);

    /* A voice note in a group. */

    c.kind = WA_KIND_AUDIO;
    c.text = NULL;
    c.mimetype = "audio/ogg";
    c.file_len = 8;
    c.seconds = 2;
    assert_int_equal(wa_jid_parse(wa_span_str("120363@g.us"), &v.chat),
                     WA_OK);

    wa_jw_init(&w, &text);
    wa_event_unified(a, &v, &w);
    assert_int_equal(w.err, WA_OK);
    u = json_loadb((const char *) text.p, text.n, 0, NULL);
    wa_buf_free(&text);
    want = json_pack("{s:s, s:n, s:i, s:n, s:i}", "mimetype", "audio/ogg",
                     "filename", "size", 8, "media_url", "duration", 2);
    assert_true(json_equal(json_object_get(u, "media"), want));
    assert_string_equal(json_string_value(json_object_get(u, "participant")),
                        "12345@c.us");
    json_decref(u);
    json_decref(want);

    /* The file has a link before it is there. */

    v.media_id = "0123456789abcdef0123456789abcdef";
    wa_jw_init(&w, &text);
    wa_event_unified(a, &v, &w);
    assert_int_equal(w.err, WA_OK);
    u = json_loadb((const char *) text.p, text.n, 0, NULL);
    wa_buf_free(&text);
    url = json_string_value(json_object_get(json_object_get(u, "media"),
                                            "media_url"));
    assert_non_null(url);
    want = json_sprintf("/files/%s/%s.ogg", a->id, v.media_id);
    path = wa_span_str(json_string_value(want));
    assert_memory_equal(url, path.p, path.n);
    assert_int_equal(sscanf(url + path.n, "?exp=%20[0-9]&sig=%43s", exp,
                            sig), 2);
    assert_true(wa_link_check(a->engine->link_key, path, wa_span_str(exp),
                              wa_span_str(sig), wa_unix_ms(a) / 1000));

    json_decref(u);
    json_decref(want);
    wa_host_free(h);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode),
        cmocka_unit_test(own_copies_are_encoded_as_others_do),
        cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(peers_text_becomes_valid_json),
        cmocka_unit_test(json_text_reads_back),
        cmocka_unit_test(json_is_written_without_values),
        cmocka_unit_test(times_read_as_iso),
        cmocka_unit_test(references_tell_messages_apart),
        cmocka_unit_test(the_unified_form_is_as_documented)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
