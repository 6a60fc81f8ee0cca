/* Arguments of a send -> Message bytes, and what is seen of them outside. */
#include "wa_compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_b64.h"
#include "wa_failmem.h"
#include "wa_message.h"
#include "wa_pb.h"
#include "wa_stanza.h"
#include "wa_vectors.h"


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
a_quote_is_known_from_the_history(void **state)
{
    made_t  m;

    (void) state;
    make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"3EB0AA\",\"refs\":"
               "{\"quoted_id\":{\"from_me\":false,\"sender\":"
               "\"1@s.whatsapp.net\",\"sender_lid\":\"2@lid\","
               "\"chat\":\"77@g.us\",\"text\":\"no\",\"timestamp\":7,"
               "\"message\":\"CgJvaw==\"}}}");
    assert_null(m.draft->error.code);
    assert_true(m.draft->quoted.known);
    assert_false(m.draft->quoted.missing);
    assert_string_equal(m.draft->quoted.lid.user, "2");
    assert_int_equal(m.draft->quoted.timestamp, 7);
    make_finish(&m);
    assert_string_equal(m.content.quoted_from, "1@s.whatsapp.net");
    assert_string_equal(m.content.quoted_text, "ok");
    assert_string_equal(m.draft->context.remote_jid, "77@g.us");
    unmake(&m);

    make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"3EB0AA\",\"refs\":"
               "{\"quoted_id\":null}}");
    assert_null(m.draft->error.code);
    assert_true(m.draft->quoted.missing);
    unmake(&m);

    make_parse(&m, "{\"text\":\"t\",\"quoted_id\":\"a b\","
               "\"quoted_optional\":true}");
    assert_null(m.draft->error.code);
    assert_null(m.draft->quoted.id.p);
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


/* In a group of LIDs: the list, and the text where it names one of them. */
static void
mentions_are_named_as_the_group_does(void **state)
{
    char      args[256], **list;
    made_t    m;
    size_t    i;
    wa_jid_t  as[3];

    static const struct {
        const char  *args;
        const char  *text;
    } rows[] = {
        { "{\"text\":\"@4915100001, @49151000012 a@2 @4915100002@3 @\",",
          "@70000001, @49151000012 a@2 @70000002@3 @" },
        { "{\"text\":\"@+4915100001 @ 4915100001\",",
          "@+4915100001 @ 4915100001" },
        { "{\"type\":\"edit\",\"target_id\":\"3EB0AA\","
          "\"text\":\"@4915100002\",", "@70000002" },
        { "{\"type\":\"location\",\"latitude\":1,\"longitude\":2,", NULL }
    };

    (void) state;
    assert_int_equal(wa_jid_parse(wa_span_str("70000001@lid"), &as[0]),
                     WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("2@lid"), &as[1]), WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("70000002@lid"), &as[2]),
                     WA_OK);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(args, sizeof(args), "%s\"mentions\":[\"4915100001\","
                        "\"2@lid\",\"4915100002@s.whatsapp.net\"]}",
                        rows[i].args);
        make_parse(&m, args);
        assert_null(m.draft->error.code);
        m.draft->target.known = true;
        m.draft->target.from_me = true;

        assert_int_equal(wa_compose_mentions_as(m.draft, as), WA_OK);
        make_finish(&m);

        if (rows[i].text == NULL) {
            assert_null(m.content.text);

        } else {
            assert_string_equal(m.content.text, rows[i].text);
        }

        list = m.draft->context.mentioned_jid;
        assert_int_equal(m.draft->context.n_mentioned_jid, 3);
        assert_string_equal(list[0], "70000001@lid");
        assert_string_equal(list[1], "2@lid");
        assert_string_equal(list[2], "70000002@lid");
        unmake(&m);
    }
}


static const struct {
    const char  *args;
    const char  *code;
    const char  *field;
    const char  *problem;
} refusals[] = {
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
      "VALIDATION_ERROR", "forwarded", "INVALID_TYPE" },
    { "{\"text\":\"a\",\"preview\":{\"url\":\"http://x/\"}}",
      "VALIDATION_ERROR", "preview", "INVALID" },
    { "{\"type\":\"location\",\"longitude\":1}",
      "VALIDATION_ERROR", "latitude", "REQUIRED" },
    { "{\"type\":\"location\",\"latitude\":90.5,\"longitude\":1}",
      "VALIDATION_ERROR", "latitude", "OUT_OF_RANGE" },
    { "{\"type\":\"location\",\"latitude\":1,\"longitude\":\"1\"}",
      "VALIDATION_ERROR", "longitude", "INVALID_TYPE" },
    { "{\"type\":\"contact\",\"name\":\"A\"}",
      "VALIDATION_ERROR", "contact_jid", "REQUIRED" },
    { "{\"type\":\"contact\",\"name\":\"A\",\"contact_jid\":\"1@lid\"}",
      "VALIDATION_ERROR", "contact_jid", "INVALID" },
    { "{\"type\":\"contact\",\"contacts\":[]}",
      "VALIDATION_ERROR", "contacts", "OUT_OF_RANGE" },
    { "{\"type\":\"contact\",\"contacts\":[1]}",
      "VALIDATION_ERROR", "contacts", "INVALID_TYPE" },
    { "{\"type\":\"contact\",\"contacts\":[{\"name\":\"A\"}]}",
      "VALIDATION_ERROR", "phones", "REQUIRED" },
    { "{\"type\":\"contact\",\"contacts\":[{\"name\":\"A\","
      "\"phones\":[\"+49x\"]}]}",
      "VALIDATION_ERROR", "phones", "INVALID" },
    { "{\"type\":\"contact\",\"contacts\":[{\"name\":\"A\","
      "\"vcard\":\"x\"}]}",
      "VALIDATION_ERROR", "vcard", "INVALID" },
    { "{\"type\":\"reaction\",\"emoji\":\"x\"}",
      "VALIDATION_ERROR", "target_id", "REQUIRED" },
    { "{\"type\":\"reaction\",\"target_id\":\"AAAA\"}",
      "VALIDATION_ERROR", "emoji", "REQUIRED" },
    { "{\"type\":\"reaction\",\"target_id\":\"a/b\",\"emoji\":\"\"}",
      "MESSAGE_NOT_FOUND", NULL, NULL },
    { "{\"type\":\"edit\",\"target_id\":\"AAAA\"}",
      "MISSING_CONTENT", NULL, NULL },
    { "{\"type\":\"delete\",\"target_id\":\"AAAA\",\"for\":\"x\"}",
      "VALIDATION_ERROR", "for", "INVALID" },
    { "{\"type\":\"pin\",\"target_id\":\"AAAA\",\"duration\":5}",
      "VALIDATION_ERROR", "duration", "OUT_OF_RANGE" },
    { "{\"type\":\"poll\",\"options\":[\"a\",\"b\"]}",
      "VALIDATION_ERROR", "name", "REQUIRED" },
    { "{\"type\":\"poll\",\"name\":\"Q\"}",
      "VALIDATION_ERROR", "options", "REQUIRED" },
    { "{\"type\":\"poll\",\"name\":\"Q\",\"options\":[\"a\"]}",
      "VALIDATION_ERROR", "options", "OUT_OF_RANGE" },
    { "{\"type\":\"poll\",\"name\":\"Q\",\"options\":[\"a\",\"a\"]}",
      "VALIDATION_ERROR", "options", "INVALID" },
    { "{\"type\":\"poll\",\"name\":\"Q\",\"options\":[\"a\",1]}",
      "VALIDATION_ERROR", "options", "INVALID" },
    { "{\"type\":\"poll\",\"name\":\"Q\",\"options\":[\"a\",\"b\"],"
      "\"selectable\":3}",
      "VALIDATION_ERROR", "selectable", "OUT_OF_RANGE" },
    { "{\"type\":\"event\",\"name\":\"E\"}",
      "VALIDATION_ERROR", "start_time", "REQUIRED" },
    { "{\"type\":\"group_invite\",\"group_jid\":\"1@lid\","
      "\"code\":\"x\"}",
      "VALIDATION_ERROR", "group_jid", "INVALID" },
    { "{\"type\":\"album\",\"images\":1}",
      "VALIDATION_ERROR", "images", "OUT_OF_RANGE" },
    { "{\"type\":\"album\",\"images\":60,\"videos\":60}",
      "VALIDATION_ERROR", "images", "OUT_OF_RANGE" },
    { "{\"type\":\"image\"}", "MISSING_CONTENT", NULL, NULL },
    { "{\"text\":\"a\",\"view_once\":true}",
      "VALIDATION_ERROR", "view_once", "INVALID" },
    { "{\"text\":\"a\",\"view_once\":\"yes\"}",
      "VALIDATION_ERROR", "view_once", "INVALID_TYPE" },
    { "{\"type\":\"image\",\"media\":{\"direct_path\":\"/\"}}",
      "VALIDATION_ERROR", "mimetype", "REQUIRED" },
    { "{\"type\":\"image\",\"media\":{\"direct_path\":\"/\","
      "\"mimetype\":\"a/b\",\"file_sha256\":\"AAAA\"}}",
      "VALIDATION_ERROR", "file_sha256", "INVALID" }
};


static void
what_is_wrong_is_told(void **state)
{
    size_t  i;
    made_t  m;

    (void) state;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        make_parse(&m, refusals[i].args);

        assert_non_null(m.draft->error.code);
        assert_string_equal(m.draft->error.code, refusals[i].code);

        if (refusals[i].field == NULL) {
            assert_null(m.draft->error.field);

        } else {
            assert_string_equal(m.draft->error.field, refusals[i].field);
            assert_string_equal(m.draft->error.problem, refusals[i].problem);
        }

        unmake(&m);
    }
}


/* {known, from_me, sender, message?} of a case. */
static void
vector_ref(wa_vectors_t *v, json_t *one, const char *name,
    wa_compose_ref_t *ref)
{
    one = json_object_get(one, name);

    if (one == NULL) {
        return;
    }

    ref->known = true;
    ref->from_me = json_is_true(json_object_get(one, "from_me"));
    assert_int_equal(wa_jid_parse(wa_span_str(wa_vectors_str(one, "sender")),
                                  &ref->sender), WA_OK);

    if (wa_vectors_has(one, "message")) {
        ref->message = wa_vectors_hex(v, one, "message");
    }
}


static void
same(const char *name, const char *what, const char *have, json_t *want)
{
    const char  *text;

    text = json_string_value(want);

    if ((have == NULL) != (text == NULL)
        || (have != NULL && strcmp(have, text) != 0))
    {
        fail_msg("%s: %s is %s", name, what, have == NULL ? "absent" : have);
    }
}


static void
vector_attrs(const char *name, const wa_stanza_attrs_t *x, json_t *want)
{
    json_t  *meta;

    meta = json_object_get(want, "meta");

    same(name, "type", x->type, json_object_get(want, "type"));
    same(name, "edit", x->edit, json_object_get(want, "edit"));
    same(name, "mediatype", x->mediatype, json_object_get(want, "mediatype"));
    same(name, "meta", x->meta_name, json_array_get(meta, 0));
    same(name, "meta value", x->meta_value, json_array_get(meta, 1));
    assert_int_equal(x->hide, json_is_true(json_object_get(want, "hide")));
}


/* A case, read from the file. */
typedef struct {
    json_t            *args;
    wa_jid_t           chat;
    wa_compose_t       in;
    wa_compose_ref_t   quoted;
    wa_compose_ref_t   target;
} case_t;


static void
vector_case(wa_vectors_t *v, json_t *one, case_t *c)
{
    memset(c, 0, sizeof(case_t));

    c->args = json_object_get(one, "args");
    vector_ref(v, one, "quoted", &c->quoted);
    vector_ref(v, one, "target", &c->target);

    assert_int_equal(wa_jid_parse(wa_span_str(wa_vectors_str(one, "chat")),
                                  &c->chat), WA_OK);
    c->in.chat = &c->chat;
    c->in.now_ms = wa_vectors_int(v->root, "now");
    c->in.secret = wa_vectors_hex(v, v->root, "secret").p;

    if (wa_vectors_has(one, "expiration")) {
        c->in.expiration = (uint32_t) wa_vectors_int(one, "expiration");
        c->in.expiration_set = wa_vectors_int(one, "expiration_set");
    }
}


static void
vector_known(wa_compose_ref_t *ref, const wa_compose_ref_t *known)
{
    wa_span_t  id;

    if (known->known) {
        id = ref->id;
        *ref = *known;
        ref->id = id;
    }
}


/* The message of one case, or why there is none. */
static wa_err_t
vector_run(const case_t *c, made_t *m)
{
    memset(m, 0, sizeof(made_t));

    m->draft = wa_compose_parse(c->args);

    if (m->draft == NULL) {
        return WA_ERR_NOMEM;
    }

    if (m->draft->error.code != NULL) {
        return strcmp(m->draft->error.code, "INTERNAL_ERROR") == 0
               ? WA_ERR_NOMEM : WA_ERR_ARG;
    }

    vector_known(&m->draft->quoted, &c->quoted);
    vector_known(&m->draft->target, &c->target);

    return wa_compose_message(m->draft, &c->in, &m->out);
}


static void
messages_are_as_baileys_makes_them(void **state)
{
    size_t              i;
    case_t              c;
    json_t             *list, *one;
    made_t              m;
    wa_buf_t            hex = WA_BUF_EMPTY;
    const char         *name;
    wa_vectors_t        v;
    wa_stanza_attrs_t   again;

    (void) state;
    wa_vectors_open(&v, "compose.json");
    list = wa_vectors_get(v.root, "cases");
    assert_true(json_array_size(list) > 30);

    json_array_foreach(list, i, one) {
        name = wa_vectors_str(one, "name");

        vector_case(&v, one, &c);

        if (vector_run(&c, &m) != WA_OK) {
            fail_msg("%s: %s", name, m.draft->error.message);
        }

        wa_buf_free(&hex);
        assert_int_equal(wa_hex_encode(wa_span_buf(&m.out), &hex), WA_OK);
        assert_int_equal(wa_buf_append(&hex, "", 1), WA_OK);

        if (strcmp((char *) hex.p, wa_vectors_str(one, "message")) != 0) {
            fail_msg("%s: %s", name, (char *) hex.p);
        }

        wa_stanza_of(&m.draft->message, &m.attrs);
        vector_attrs(name, &m.attrs, json_object_get(one, "attrs"));

        wa_arena_init(&m.arena, 0);
        assert_int_equal(wa_stanza_attrs(wa_span_buf(&m.out), &m.arena,
                                         &again), WA_OK);
        vector_attrs(name, &again, json_object_get(one, "attrs"));
        unmake(&m);
    }

    wa_buf_free(&hex);
    wa_vectors_close(&v);
}


static wa_err_t
starved(void *data)
{
    made_t    m;
    wa_err_t  rc;

    rc = vector_run(data, &m);

    wa_draft_free(m.draft);
    wa_buf_free(&m.out);

    return rc;
}


static void
no_memory_is_survived(void **state)
{
    size_t        i;
    case_t        c;
    json_t       *list, *one;
    wa_vectors_t  v;

    (void) state;
    wa_vectors_open(&v, "compose.json");
    list = wa_vectors_get(v.root, "cases");

    json_array_foreach(list, i, one) {
        vector_case(&v, one, &c);
        WA_FAILMEM_RUN(starved, &c);
    }

    wa_vectors_close(&v);
}


static void
an_album_and_one_of_its_pictures(void **state)
{
    made_t                        m;
    const Wa__MessageKey         *key;
    const Wa__MessageAssociation *a;

    (void) state;
    make(&m, "{\"type\":\"album\",\"images\":2,\"videos\":1}");
    assert_int_equal(m.content.message->album_message->expected_image_count,
                     2);
    assert_int_equal(m.content.message->album_message->expected_video_count,
                     1);
    assert_string_equal(m.attrs.type, "text");
    assert_null(m.content.album);
    unmake(&m);

    make_parse(&m, "{\"type\":\"image\",\"target_id\":\"AAAA\","
               "\"media\":{\"direct_path\":\"/\",\"mimetype\":\"image/png\","
               "\"file_length\":1,\"file_sha256\":"
               "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}}");
    assert_null(m.draft->error.code);

    assert_int_equal(wa_compose_message(m.draft, &m.in, &m.out), WA_ERR_ARG);
    assert_string_equal(m.draft->error.code, "MESSAGE_NOT_FOUND");

    memset(&m.draft->error, 0, sizeof(m.draft->error));
    m.draft->target.from_me = true;
    make_finish(&m);

    a = m.content.info->message_association;
    key = a->parent_message_key;
    assert_int_equal(a->association_type, WA_MESSAGE_ALBUM);
    assert_string_equal(key->id, "AAAA");
    assert_string_equal(key->remote_jid, "2@lid");
    assert_true(key->from_me);
    assert_null(key->participant);
    assert_ptr_equal(m.content.album, key);
    assert_int_equal(m.content.kind, WA_KIND_IMAGE);
    assert_string_equal(m.attrs.mediatype, "image");
    unmake(&m);
}


/* When its turn comes: whose message it is decides. */
static void
others_messages_are_not_changed(void **state)
{
    size_t  i;
    made_t  m;

    static const struct {
        const char  *args;
        const char  *chat;
        bool         known;
        bool         own;
        int64_t      age;
        const char  *code;
    } rows[] = {
        { "{\"type\":\"edit\",\"target_id\":\"AAAA\",\"text\":\"x\"}",
          "2@lid", false, false, 0, "MESSAGE_NOT_FOUND" },
        { "{\"type\":\"edit\",\"target_id\":\"AAAA\",\"text\":\"x\"}",
          "2@lid", true, false, 0, "INVALID_STATE" },
        { "{\"type\":\"edit\",\"target_id\":\"AAAA\",\"text\":\"x\"}",
          "2@lid", true, true, 1201, "INVALID_STATE" },
        { "{\"type\":\"edit\",\"target_id\":\"AAAA\",\"text\":\"x\"}",
          "2@lid", true, true, 1200, NULL },
        { "{\"type\":\"edit\",\"target_id\":\"AAAA\",\"text\":\"x\"}",
          "1-2@g.us", true, false, 0, "INVALID_STATE" },
        { "{\"type\":\"delete\",\"target_id\":\"AAAA\"}",
          "2@lid", true, false, 0, "INVALID_STATE" },
        { "{\"type\":\"delete\",\"target_id\":\"AAAA\"}",
          "2@lid", true, true, 99999999, NULL },
        { "{\"type\":\"delete\",\"target_id\":\"AAAA\"}",
          "1-2@g.us", true, false, 0, "MESSAGE_NOT_FOUND" },
        { "{\"type\":\"reaction\",\"target_id\":\"AAAA\",\"emoji\":\"x\"}",
          "2@lid", false, false, 0, NULL },
        { "{\"type\":\"reaction\",\"target_id\":\"AAAA\",\"emoji\":\"x\"}",
          "1-2@g.us", false, false, 0, "MESSAGE_NOT_FOUND" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_parse(&m, rows[i].args);
        assert_null(m.draft->error.code);
        assert_int_equal(wa_jid_parse(wa_span_str(rows[i].chat), &m.chat),
                         WA_OK);

        m.draft->target.known = rows[i].known;
        m.draft->target.from_me = rows[i].own;
        m.draft->target.timestamp = m.in.now_ms / 1000 - rows[i].age;

        if (rows[i].code == NULL) {
            assert_int_equal(wa_compose_message(m.draft, &m.in, &m.out),
                             WA_OK);

        } else {
            assert_int_equal(wa_compose_message(m.draft, &m.in, &m.out),
                             WA_ERR_ARG);
            assert_string_equal(m.draft->error.code, rows[i].code);
        }

        unmake(&m);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_plain_text_is_short),
        cmocka_unit_test(a_quote_is_known_from_the_history),
        cmocka_unit_test(a_text_has_a_context),
        cmocka_unit_test(mentions_are_named_as_the_group_does),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(messages_are_as_baileys_makes_them),
        cmocka_unit_test(an_album_and_one_of_its_pictures),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(others_messages_are_not_changed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
