/* What a message takes over of another one: quotes and captions. */
#include "wa_compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_message.h"
#include "wa_pb.h"


static const uint8_t  secret[WA_COMPOSE_SECRET_LEN] = { 3, 3, 3 };


/* One message to 2@lid. */
typedef struct {
    wa_draft_t    *draft;
    wa_arena_t     arena;
    wa_content_t   content;
} made_t;


static void
make_parse(made_t *m, const char *args)
{
    json_t  *v;

    memset(m, 0, sizeof(made_t));
    wa_arena_init(&m->arena, 0);

    v = json_loads(args, 0, NULL);
    assert_non_null(v);

    m->draft = wa_compose_parse(v);
    json_decref(v);

    assert_non_null(m->draft);
    assert_null(m->draft->error.code);
}


static void
make_finish(made_t *m)
{
    wa_buf_t      out = WA_BUF_EMPTY;
    wa_jid_t      chat;
    wa_compose_t  in;

    memset(&in, 0, sizeof(in));
    assert_int_equal(wa_jid_parse(wa_span_str("2@lid"), &chat), WA_OK);

    in.chat = &chat;
    in.now_ms = 1700000000123;
    in.secret = secret;

    assert_int_equal(wa_compose_message(m->draft, &in, &out), WA_OK);
    assert_int_equal(wa_message_decode(wa_span_buf(&out), &m->arena,
                                       &m->content), WA_OK);
    wa_buf_free(&out);
}


static void
unmake(made_t *m)
{
    wa_draft_free(m->draft);
    wa_arena_free(&m->arena);
}


/* A document with a caption, itself an answer, in `wrap` of `outer`. */
static wa_span_t
wrapped(made_t *m, Wa__Message *outer, Wa__Message__FutureProofMessage **wrap)
{
    wa_buf_t                          out = WA_BUF_EMPTY;
    wa_span_t                         copy;
    Wa__Message                       inner = WA__MESSAGE__INIT;
    Wa__ContextInfo                   info = WA__CONTEXT_INFO__INIT;
    Wa__Message__DocumentMessage      doc
                                      = WA__MESSAGE__DOCUMENT_MESSAGE__INIT;
    Wa__Message__FutureProofMessage   f
                                  = WA__MESSAGE__FUTURE_PROOF_MESSAGE__INIT;

    static char  id[] = "AAAA", caption[] = "inside";

    info.stanza_id = id;
    doc.caption = caption;
    doc.context_info = &info;
    inner.document_message = &doc;
    f.message = &inner;
    *wrap = &f;

    assert_int_equal(WA_PB_PACK(outer, &out), WA_OK);
    assert_int_equal(wa_arena_dup_span(&m->arena, wa_span_buf(&out), &copy),
                     WA_OK);
    wa_buf_free(&out);

    return copy;
}


/* Nobody quotes a wrapper, or the quote of a quoted one. */
static void
what_is_quoted_is_taken_out_of_its_wrapper(void **state)
{
    size_t              i;
    made_t              m;
    Wa__Message         outer[3];
    const Wa__Message  *quoted;

    Wa__Message__FutureProofMessage  **wraps[] = {
        &outer[0].ephemeral_message,
        &outer[1].document_with_caption_message,
        &outer[2].view_once_message_v2
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"3EB0AA\"}");
        wa__message__init(&outer[i]);
        m.draft->quoted.message = wrapped(&m, &outer[i], wraps[i]);
        make_finish(&m);

        quoted = m.content.message->extended_text_message->context_info
                 ->quoted_message;
        assert_non_null(quoted->document_message);
        assert_string_equal(quoted->document_message->caption, "inside");
        assert_null(quoted->document_message->context_info);
        unmake(&m);
    }
}


/* A caption of ours that a phone sent where messages disappear. */
static void
a_caption_in_a_wrapper_is_edited(void **state)
{
    made_t              m;
    Wa__Message         outer = WA__MESSAGE__INIT;
    const Wa__Message  *edited;

    (void) state;

    make_parse(&m, "{\"type\":\"edit\",\"target_id\":\"AAAA\","
               "\"text\":\"new\"}");
    m.draft->target.known = true;
    m.draft->target.from_me = true;
    m.draft->target.message = wrapped(&m, &outer, &outer.ephemeral_message);
    make_finish(&m);

    edited = m.content.message->protocol_message->edited_message;
    assert_null(edited->extended_text_message);
    assert_string_equal(edited->document_message->caption, "new");
    unmake(&m);
}


/* A status is answered in its author's chat. */
static void
where_the_quoted_one_is_is_said(void **state)
{
    size_t                  i;
    made_t                  m;
    const Wa__ContextInfo  *ci;

    static const struct {
        const char  *chat;
        bool         named;
    } rows[] = {
        { "status@broadcast", true },
        { "1-2@g.us", true },
        { "120363000000000001@newsletter", true },
        { "2@lid", false },
        { "49151@s.whatsapp.net", false }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"3EB0AA\"}");
        assert_int_equal(wa_jid_parse(wa_span_str(rows[i].chat),
                                      &m.draft->quoted.chat), WA_OK);
        make_finish(&m);

        ci = m.content.message->extended_text_message->context_info;

        if (rows[i].named) {
            assert_non_null(ci->remote_jid);
            assert_string_equal(ci->remote_jid, rows[i].chat);

        } else {
            assert_null(ci->remote_jid);
        }

        unmake(&m);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_quoted_is_taken_out_of_its_wrapper),
        cmocka_unit_test(a_caption_in_a_wrapper_is_edited),
        cmocka_unit_test(where_the_quoted_one_is_is_said)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
