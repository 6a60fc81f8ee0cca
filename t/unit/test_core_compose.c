/* Arguments of a send -> Message bytes, and what is seen of them outside. */
#include "wa_compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_message.h"
#include "wa_stanza.h"


static const uint8_t  secret[WA_COMPOSE_SECRET_LEN] = { 3, 3, 3 };


/* One message to 2@lid, as its turn has come. */
typedef struct {
    wa_draft_t         *draft;
    wa_jid_t            chat;
    wa_compose_t        in;
    wa_buf_t            out;
    wa_arena_t          arena;
    wa_content_t        content;
    wa_stanza_attrs_t   attrs;
} made_t;


static void
make_parse(made_t *m, const char *args)
{
    json_t  *v;

    memset(m, 0, sizeof(made_t));

    v = json_loads(args, JSON_ALLOW_NUL, NULL);
    assert_non_null(v);

    m->draft = wa_compose_parse(v);
    json_decref(v);

    assert_non_null(m->draft);
    assert_int_equal(wa_jid_parse(wa_span_str("2@lid"), &m->chat), WA_OK);

    m->in.chat = &m->chat;
    m->in.now_ms = 1700000000123;
    m->in.secret = secret;
    wa_arena_init(&m->arena, 0);
}


static void
make_finish(made_t *m)
{
    assert_int_equal(wa_compose_message(m->draft, &m->in, &m->out), WA_OK);
    assert_int_equal(wa_message_decode(wa_span_buf(&m->out), &m->arena,
                                       &m->content), WA_OK);
    assert_int_equal(wa_stanza_attrs(wa_span_buf(&m->out), &m->arena,
                                     &m->attrs), WA_OK);
}


static void
make(made_t *m, const char *args)
{
    make_parse(m, args);

    if (m->draft->error.code != NULL) {
        fail_msg("%s: %s", args, m->draft->error.message);
    }

    make_finish(m);
}


static void
unmake(made_t *m)
{
    wa_draft_free(m->draft);
    wa_buf_free(&m->out);
    wa_arena_free(&m->arena);
}


static void
a_plain_text_is_short(void **state)
{
    made_t  m;

    (void) state;
    make(&m, "{\"type\":\"TEXT\",\"text\":\"just text\"}");

    assert_int_equal(m.out.n, 2 + 9 + 3 + 34);
    assert_string_equal(m.content.text, "just text");
    assert_false(m.content.forwarded);
    assert_memory_equal(wa_message_secret(wa_span_buf(&m.out), &m.arena).p,
                        secret, 32);
    assert_string_equal(m.attrs.type, "text");
    assert_null(m.attrs.edit);
    assert_null(m.attrs.mediatype);
    assert_null(m.attrs.meta_name);
    assert_false(m.attrs.hide);

    unmake(&m);
}


static void
a_text_has_a_context(void **state)
{
    made_t  m;

    static const uint8_t  quoted[] = { 0x0a, 0x02, 'o', 'k' };

    (void) state;
    make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"3EB0AA\","
               "\"mentions\":[\"+49 151 00001\",\"2@lid\",\"all\"],"
               "\"forwarded\":true,\"expiration\":86400}");
    assert_null(m.draft->error.code);
    assert_true(wa_span_eq_str(m.draft->quoted.id, "3EB0AA"));

    m.draft->quoted.message = wa_span(quoted, sizeof(quoted));
    assert_int_equal(wa_jid_parse(wa_span_str("1@lid"),
                                  &m.draft->quoted.sender), WA_OK);
    m.in.expiration = 604800;
    make_finish(&m);

    assert_string_equal(m.content.text, "t");
    assert_string_equal(m.content.quoted_id, "3EB0AA");
    assert_string_equal(m.content.quoted_from, "1@lid");
    assert_string_equal(m.content.quoted_text, "ok");
    assert_int_equal(m.content.n_mentions, 2);
    assert_string_equal(m.content.mentions[0], "4915100001@s.whatsapp.net");
    assert_string_equal(m.content.mentions[1], "2@lid");
    assert_true(m.content.forwarded);
    assert_int_equal(m.content.forward_score, 1);
    assert_int_equal(m.content.expiration, 86400);
    assert_string_equal(m.attrs.type, "text");

    unmake(&m);

    /* The chat's own setting, and a way around it. */

    make_parse(&m, "{\"text\":\"t\"}");
    m.in.expiration = 604800;
    make_finish(&m);
    assert_int_equal(m.content.expiration, 604800);
    unmake(&m);

    make_parse(&m, "{\"text\":\"t\",\"expiration\":0}");
    m.in.expiration = 604800;
    make_finish(&m);
    assert_int_equal(m.content.expiration, 0);
    unmake(&m);
}


static void
what_is_wrong_is_told(void **state)
{
    size_t  i;
    made_t  m;

    static const struct {
        const char  *args;
        const char  *code;
        const char  *field;
        const char  *problem;
    } rows[] = {
        { "{}", "MISSING_CONTENT", NULL, NULL },
        { "{\"text\":\"\"}", "MISSING_CONTENT", NULL, NULL },
        { "{\"text\":1}", "VALIDATION_ERROR", "text", "INVALID_TYPE" },
        { "{\"text\":\"a\\u0000b\"}", "VALIDATION_ERROR", "text",
          "INVALID" },
        { "{\"type\":\"template\"}", "PROVIDER_UNSUPPORTED", NULL, NULL },
        { "{\"text\":\"a\",\"quoted_id\":\"a/b\"}",
          "MESSAGE_NOT_FOUND", NULL, NULL },
        { "{\"text\":\"a\",\"mentions\":[\"x\"]}",
          "VALIDATION_ERROR", "mentions", "INVALID" },
        { "{\"text\":\"a\",\"mentions\":[1]}",
          "VALIDATION_ERROR", "mentions", "INVALID" },
        { "{\"text\":\"a\",\"expiration\":1.5}",
          "VALIDATION_ERROR", "expiration", "INVALID_TYPE" },
        { "{\"text\":\"a\",\"expiration\":-1}",
          "VALIDATION_ERROR", "expiration", "OUT_OF_RANGE" },
        { "{\"text\":\"a\",\"forwarded\":1}",
          "VALIDATION_ERROR", "forwarded", "INVALID_TYPE" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_parse(&m, rows[i].args);

        assert_non_null(m.draft->error.code);
        assert_string_equal(m.draft->error.code, rows[i].code);

        if (rows[i].field == NULL) {
            assert_null(m.draft->error.field);

        } else {
            assert_string_equal(m.draft->error.field, rows[i].field);
            assert_string_equal(m.draft->error.problem, rows[i].problem);
        }

        unmake(&m);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_plain_text_is_short),
        cmocka_unit_test(a_text_has_a_context),
        cmocka_unit_test(what_is_wrong_is_told)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
