/* Channels: queries, messages both ways, repeats, crashes, bad answers. */
#include "wa_room.h"

#include "wa_failmem.h"

#include "wa_message.h"
#include "wa_mex.h"
#include "wa_newsletter.h"

#define ME_PN    "4915100001"
#define ME_LID   "70000001"
#define CHANNEL  "120363400000000001@newsletter"
#define POST_ID  "3EB0AAAAAAAAAAAAAAAA"


static int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, ME_PN, ME_LID, 5);
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


/* A stanza of the channel; `text` NULL: nothing in it. */
static wa_node_t *
post(room_t *r, const char *id, const char *text, const char *edit)
{
    wa_buf_t     bytes = WA_BUF_EMPTY;
    wa_span_t    copy;
    wa_node_t   *m, *p;
    wa_arena_t  *ar;
    Wa__Message  msg = WA__MESSAGE__INIT;

    ar = &r->arena;
    copy = wa_span("", 0);

    if (text != NULL) {
        msg.conversation = (char *) (uintptr_t) text;
        assert_int_equal(WA_PB_PACK(&msg, &bytes), WA_OK);
        assert_int_equal(wa_arena_dup_span(ar, wa_span_buf(&bytes), &copy),
                         WA_OK);
        wa_buf_free(&bytes);
    }

    m = wa_node_new(ar, "message");
    wa_node_set_str(ar, m, "id", id);
    wa_node_set_str(ar, m, "from", CHANNEL);
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_str(ar, m, "server_id", "117");
    wa_node_set_u64(ar, m, "t", (uint64_t) wa_unix_s(room_account(r, 0)));

    if (edit != NULL) {
        wa_node_set_str(ar, m, "edit", edit);
    }

    p = wa_node_add_new(ar, m, "plaintext");
    wa_node_bytes(p, copy);

    return m;
}


static void
give(room_t *r, const wa_node_t *node)
{
    room_feed(r, 0, node);
    room_run(r);
}


/* The server's ack of the last message, with a number. */
static void
take(room_t *r, const char *server_id)
{
    wa_node_t  *ack;

    ack = room_ack(r, 0);
    wa_node_set_str(&r->arena, ack, "server_id", server_id);
    give(r, ack);
}


static void
submit(room_t *r, const char *args)
{
    json_t  *o;

    o = json_loads(args, 0, NULL);
    assert_non_null(o);
    (void) json_object_set_new(o, "to", json_string(CHANNEL));
    wa_host_submit(r->side[0].h, WA_OP_SEND, o);
    room_run(r);
}


static const char *
code(room_t *r)
{
    return wa_host_reply(r->side[0].h)->code;
}


static wa_node_t *
last(room_t *r)
{
    wa_node_t  *m;

    m = room_last(r, 0, "message", NULL);
    assert_non_null(m);

    return m;
}


static void
assert_plain(room_t *r, const wa_node_t *m, const char *text)
{
    wa_content_t  c;

    assert_int_equal(m->n_nodes, 1);
    assert_int_equal(wa_message_decode(wa_node_child_content(m, "plaintext"),
                                       &r->arena, &c), WA_OK);
    assert_string_equal(c.text, text);
}


/* ---- sending ---- */

static void
a_post_is_plain_and_numbered(void **state)
{
    room_t     *r = *state;
    json_t     *data;
    wa_node_t  *m;
    char        id[64];

    r->no_acks = true;
    submit(r, "{\"type\":\"text\",\"text\":\"hear, hear\"}");

    m = last(r);
    assert_true(wa_node_attr_is(m, "to", CHANNEL));
    assert_true(wa_node_attr_is(m, "type", "text"));
    assert_true(wa_node_attr(m, "edit").p == NULL);
    assert_plain(r, m, "hear, hear");
    assert_int_equal(room_count(r, 0, "iq", NULL), 0);

    take(r, "118");
    assert_null(code(r));
    data = wa_host_reply(r->side[0].h)->data;
    assert_string_equal(json_string_value(json_object_get(data, "to")),
                        CHANNEL);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);

    /* Its echo says nothing new, and its number is known. */

    (void) snprintf(id, sizeof(id), "%.*s", (int) wa_node_attr(m, "id").n,
                    (const char *) wa_node_attr(m, "id").p);
    give(r, post(r, id, "hear, hear", NULL));
    assert_int_equal(room_events(r, 0, "message.received"), 0);
    assert_int_equal(room_events(r, 0, "message.echo"), 0);

    data = json_pack("{s:s, s:s, s:s, s:s}", "to", CHANNEL, "type",
                     "reaction", "emoji", "!", "target_id", id);
    wa_host_submit(r->side[0].h, WA_OP_SEND, data);
    room_run(r);
    assert_true(wa_node_attr_is(last(r), "server_id", "118"));
}


static void
reactions_go_by_number(void **state)
{
    room_t     *r = *state;
    json_t     *e, *args;
    wa_node_t  *m;

    give(r, post(r, POST_ID, "react to this", NULL));
    e = room_event(r, 0, "message.received", 0);
    args = json_pack("{s:s, s:s, s:s, s:O}", "to", CHANNEL, "type",
                     "reaction", "emoji", "+", "target_id",
                     json_object_get(json_object_get(json_object_get(e,
                                     "data"), "message"), "id"));
    json_decref(e);
    room_restart(r, 0);
    wa_host_submit(r->side[0].h, WA_OP_SEND, args);
    room_run(r);
    assert_null(code(r));

    m = last(r);
    assert_true(wa_node_attr_is(m, "type", "reaction"));
    assert_true(wa_node_attr_is(m, "server_id", "117"));
    assert_true(wa_node_attr(m, "edit").p == NULL);
    assert_true(wa_node_attr_is(wa_node_child(m, "reaction"), "code", "+"));
    assert_int_equal(m->n_nodes, 1);
    assert_int_equal(room_events(r, 0, "message.reaction"), 1);

    submit(r, "{\"type\":\"reaction\",\"emoji\":\"\",\"target_id\":\"42\"}");
    m = last(r);
    assert_true(wa_node_attr_is(m, "server_id", "42"));
    assert_true(wa_node_attr_is(m, "edit", "7"));
    assert_true(wa_node_attr(wa_node_child(m, "reaction"), "code").p == NULL);

    submit(r, "{\"type\":\"reaction\",\"emoji\":\"+\","
              "\"target_id\":\"3EB0FFFFFFFFFFFFFFFF\"}");
    assert_string_equal(code(r), "MESSAGE_NOT_FOUND");
}


static void
edits_and_deletions_keep_the_id(void **state)
{
    char        id[64], args[200];
    room_t     *r = *state;
    wa_node_t  *m;

    r->no_acks = true;
    submit(r, "{\"type\":\"text\",\"text\":\"one\"}");
    m = last(r);
    (void) snprintf(id, sizeof(id), "%.*s", (int) wa_node_attr(m, "id").n,
                    (const char *) wa_node_attr(m, "id").p);

    (void) snprintf(args, sizeof(args), "{\"type\":\"edit\",\"text\":\"two\","
                    "\"target_id\":\"%s\"}", id);
    submit(r, args);
    assert_string_equal(code(r), "INVALID_STATE");

    take(r, "119");
    submit(r, args);
    m = last(r);
    assert_true(wa_node_attr_is(m, "id", id));
    assert_true(wa_node_attr_is(m, "edit", "3"));
    assert_true(wa_node_attr_is(m, "type", "text"));
    assert_plain(r, m, "two");
    take(r, "119");
    assert_null(code(r));

    (void) snprintf(args, sizeof(args), "{\"type\":\"delete\","
                    "\"target_id\":\"%s\"}", id);
    submit(r, args);
    m = last(r);
    assert_true(wa_node_attr_is(m, "id", id));
    assert_true(wa_node_attr_is(m, "edit", "8"));
    assert_int_equal(wa_node_child(m, "plaintext")->content,
                     WA_CONTENT_BYTES);
    assert_int_equal(wa_node_child_content(m, "plaintext").n, 0);
    take(r, "119");
    assert_null(code(r));
    assert_int_equal(room_count(r, 0, "message", NULL), 3);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
    assert_int_equal(room_events(r, 0, "message.edited"), 1);
    assert_int_equal(room_events(r, 0, "message.deleted"), 1);
}


static void
what_channels_do_not_have_is_refused(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const struct {
        const char  *args;
        const char  *code;
    } rows[] = {
        { "{\"type\":\"location\",\"latitude\":1,\"longitude\":2}",
          "PROVIDER_UNSUPPORTED" },
        { "{\"type\":\"text\",\"text\":\"x\",\"quoted_id\":\"3EB0AAAA\"}",
          "PROVIDER_UNSUPPORTED" },
        { "{\"type\":\"pin\",\"target_id\":\"3EB0AAAA\"}",
          "PROVIDER_UNSUPPORTED" },
        { "{\"type\":\"image\",\"media\":{\"mimetype\":\"image/png\","
          "\"direct_path\":\"/x\",\"file_length\":1,\"file_sha256\":"
          "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}}",
          "INVALID_MEDIA" },
        { "{\"type\":\"edit\",\"text\":\"x\",\"target_id\":\"3EB0AAAA\"}",
          "MESSAGE_NOT_FOUND" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        submit(r, rows[i].args);
        assert_non_null(code(r));
        assert_string_equal(code(r), rows[i].code);
    }

    assert_int_equal(room_count(r, 0, "message", NULL), 0);
}


static void
media_go_with_their_handle(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    submit(r, "{\"type\":\"image\",\"caption\":\"look\",\"media\":{"
              "\"mimetype\":\"image/png\",\"direct_path\":\"/x\","
              "\"handle\":\"4:abc\",\"file_length\":1,\"file_sha256\":"
              "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}}");
    m = last(r);
    assert_true(wa_node_attr_is(m, "type", "media"));
    assert_true(wa_node_attr_is(m, "media_id", "4:abc"));
    assert_true(wa_node_attr_is(wa_node_child(m, "plaintext"), "mediatype",
                                "image"));
    assert_plain(r, m, "look");
}


/* ---- receiving ---- */

static void
a_post_is_told_once_over_a_crash(void **state)
{
    room_t     *r = *state;
    wa_host_t  *h = r->side[0].h;
    wa_node_t  *ack;

    wa_host_hold(h, true);
    give(r, post(r, POST_ID, "news", NULL));
    assert_int_equal(room_count(r, 0, "ack", NULL), 0);
    wa_host_hold(h, false);
    room_run(r);
    assert_int_equal(room_count(r, 0, "ack", NULL), 1);

    ack = room_last(r, 0, "ack", NULL);
    assert_true(wa_node_attr_is(ack, "class", "message"));
    assert_true(wa_node_attr_is(ack, "to", CHANNEL));
    assert_int_equal(room_count(r, 0, "receipt", NULL), 0);

    room_restart(r, 0);
    give(r, post(r, POST_ID, "news", NULL));
    give(r, post(r, POST_ID, "news", NULL));
    assert_int_equal(room_events(r, 0, "message.received"), 1);
    assert_int_equal(room_count(r, 0, "ack", NULL), 3);
}


static void
edits_are_told_once_each(void **state)
{
    room_t     *r = *state;
    json_t     *e, *first;
    wa_node_t  *m, *meta;
    uint64_t    now;
    size_t      i;

    static const unsigned  times[] = { 1, 1, 2 };

    give(r, post(r, POST_ID, "news", NULL));
    now = (uint64_t) wa_unix_ms(room_account(r, 0));

    for (i = 0; i < 3; i++) {
        m = post(r, POST_ID, "newer", "3");
        meta = wa_node_add_new(&r->arena, m, "meta");
        wa_node_set_u64(&r->arena, meta, "msg_edit_t", now + times[i]);
        give(r, m);
    }

    m = post(r, POST_ID, "newest", "3");
    meta = wa_node_add_new(&r->arena, m, "meta");
    wa_node_set_str(&r->arena, meta, "msg_edit_t", "x");
    give(r, m);

    assert_int_equal(room_events(r, 0, "message.edited"), 3);

    give(r, post(r, POST_ID, NULL, "8"));
    give(r, post(r, POST_ID, NULL, "8"));
    assert_int_equal(room_events(r, 0, "message.deleted"), 1);
    assert_int_equal(room_count(r, 0, "ack", NULL), 7);

    first = room_event(r, 0, "message.received", 0);
    e = room_event(r, 0, "message.edited", 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(e, "data"), "id")),
        json_string_value(json_object_get(json_object_get(
            json_object_get(first, "data"), "message"), "id")));
    json_decref(e);
    json_decref(first);
}


static void
nonsense_is_acknowledged(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    static const uint8_t  bad[] = { 0xff, 0xff, 0xff };

    m = post(r, POST_ID, "x", NULL);
    wa_node_bytes(wa_node_child(m, "plaintext"), wa_span(bad, 3));
    give(r, m);
    assert_true(wa_node_attr_is(room_last(r, 0, "ack", NULL), "error",
                                "491"));

    m = post(r, "3EB0BBBBBBBBBBBBBBBB", NULL, NULL);
    give(r, m);
    m = wa_node_new(&r->arena, "message");
    wa_node_set_str(&r->arena, m, "id", "3EB0CCCCCCCCCCCCCCCC");
    wa_node_set_str(&r->arena, m, "from", CHANNEL);
    give(r, m);
    m = wa_node_new(&r->arena, "status");
    wa_node_set_str(&r->arena, m, "id", "3EB0DDDDDDDDDDDDDDDD");
    wa_node_set_str(&r->arena, m, "from", CHANNEL);
    give(r, m);
    assert_int_equal(room_count(r, 0, "ack", NULL), 4);
    assert_int_equal(room_events(r, 0, "message.received"), 0);
}


static void
fail_from(size_t n)
{
    static const wa_mem_hooks_t  hooks = {
        wa_failmem_alloc, wa_failmem_realloc, wa_failmem_free
    };

    wa_failmem.count = 0;
    wa_failmem.fail_at = n;
    wa_mem_set_hooks(n == 0 ? NULL : &hooks);
}


static void
short_memory_loses_no_post(void **state)
{
    char         id[32];
    size_t       n, done;
    room_t      *r = *state;
    wa_buf_t     packed = WA_BUF_EMPTY;
    wa_gone_e    why;
    wa_node_t   *m;

    for (n = 1, done = 0; n < 1000 && done < 3; n++) {
        (void) snprintf(id, sizeof(id), "3EB0%016zu", n);
        m = post(r, id, "news", NULL);
        assert_int_equal(wa_node_pack(m, &packed), WA_OK);

        fail_from(n);
        (void) wa_account_feed(room_account(r, 0), wa_span_buf(&packed),
                               wa_host_now(r->side[0].h));
        wa_host_drain(r->side[0].h);
        done += (wa_failmem.count < n);
        fail_from(0);
        wa_buf_free(&packed);

        if (wa_host_gone(r->side[0].h, &why)) {
            room_restart(r, 0);
        }

        give(r, m);
        assert_int_equal(room_events(r, 0, "message.received"), n);
    }

    assert_true(n < 1000);
    assert_true(n > 10);
}


/* ---- queries ---- */

static void
ask(room_t *r, const char *args)
{
    wa_host_submit(r->side[0].h, WA_OP_QUERY, json_loads(args, 0, NULL));
}


/* The last iq is answered with this text. */
static void
answer(room_t *r, const char *text)
{
    wa_node_t   *iq, *n;
    wa_conn_t   *c;
    wa_span_t    bytes;
    wa_arena_t  *ar;

    ar = &r->arena;
    wa_host_drain(r->side[0].h);
    c = room_account(r, 0)->conn;
    assert_int_equal(c->n_out, 1);
    assert_int_equal(wa_arena_dup_span(ar, wa_span(c->out[0].p,
                                                   c->out[0].n), &bytes),
                     WA_OK);
    free(c->out[0].p);
    c->n_out = 0;
    assert_int_equal(wa_node_unpack(bytes, ar, &iq), WA_OK);
    assert_true(wa_node_attr_is(iq, "xmlns", "w:mex"));

    n = wa_node_new(ar, "iq");
    wa_node_set_str(ar, n, "type", "result");
    wa_node_set(ar, n, "id", wa_node_attr(iq, "id"));

    if (text != NULL) {
        wa_node_bytes(wa_node_add_new(ar, n, "result"), wa_span_str(text));
    }

    room_feed(r, 0, n);
}


static void
bad_answers_are_errors(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const struct {
        const char  *text;
        const char  *code;
    } rows[] = {
        { NULL, "INTERNAL_ERROR" },
        { "", "INTERNAL_ERROR" },
        { "[]", "INTERNAL_ERROR" },
        { "{\"data\":{}}", "INTERNAL_ERROR" },
        { "{\"data\":{\"xwa2_newsletter\":null}}", "RESOURCE_NOT_FOUND" },
        { "{\"data\":{\"xwa2_newsletter\":{\"id\":\"1@g.us\"}}}",
          "INTERNAL_ERROR" },
        { "{\"data\":null,\"errors\":[{}]}", "SEND_FAILED" },
        { "{\"errors\":[{\"extensions\":{\"error_code\":403}}]}",
          "FORBIDDEN" },
        { "{\"errors\":[{\"extensions\":{\"error_code\":-1}}]}",
          "SEND_FAILED" },
        { "{\"errors\":[{\"extensions\":{\"error_code\":429}}]}",
          "WHATSAPP_RATE_LIMIT" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(r, "{\"verb\":\"channel.get\",\"key\":\"abc\"}");
        answer(r, rows[i].text);
        assert_non_null(code(r));
        assert_string_equal(code(r), rows[i].code);
    }

    ask(r, "{\"verb\":\"channel.get\",\"key\":\"abc\"}");
    answer(r, "{\"data\":{\"xwa2_newsletter\":{\"id\":\"" CHANNEL "\","
              "\"thread_metadata\":{\"name\":{\"text\":\"N\"},"
              "\"subscribers_count\":\"x\"},\"viewer_metadata\":null}}}");
    assert_null(code(r));
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(r->side[0].h)->data, "name")), "N");
    assert_true(json_is_null(json_object_get(
                    wa_host_reply(r->side[0].h)->data, "subscribers")));
}


static void
bad_questions_are_refused(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const struct {
        const char  *args;
        const char  *code;
    } rows[] = {
        { "{\"verb\":\"channel.follow\"}", "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.follow\",\"jid\":\"1@g.us\"}",
          "INVALID_RECIPIENT" },
        { "{\"verb\":\"channel.follow\",\"jid\":7}", "INVALID_RECIPIENT" },
        { "{\"verb\":\"channel.messages\"}", "INVALID_RECIPIENT" },
        { "{\"verb\":\"channel.messages\",\"jid\":\"" CHANNEL "\","
          "\"limit\":101}", "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.viewed\",\"jid\":\"" CHANNEL "\","
          "\"server_ids\":[]}", "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.viewed\",\"jid\":\"" CHANNEL "\","
          "\"server_ids\":[0]}", "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.create\"}", "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.update\",\"jid\":\"" CHANNEL "\"}",
          "VALIDATION_ERROR" },
        { "{\"verb\":\"channel.get\"}", "VALIDATION_ERROR" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(r, rows[i].args);
        assert_non_null(code(r));
        assert_string_equal(code(r), rows[i].code);
    }

    room_run(r);
    assert_int_equal(room_count(r, 0, "iq", NULL), 0);
}


static void
numbers_of_queries_are_set(void **state)
{
    size_t        i;
    wa_mex_ids_t  ids;

    static const struct {
        const char  *name;
        const char  *id;
        wa_err_t     rc;
    } rows[] = {
        { "channel.get", "01234567890123456789", WA_OK },
        { "profile.about", "7", WA_OK },
        { "channel.get", "1", WA_ERR_DUPLICATE },
        { "channel.list", "", WA_ERR_SYNTAX },
        { "channel.list", "012345678901234567890", WA_ERR_SYNTAX },
        { "channel.list", "-1", WA_ERR_SYNTAX },
        { "channel.list", "12x", WA_ERR_SYNTAX },
        { "channel.lis", "1", WA_ERR_GONE },
        { "channel.messages", "1", WA_ERR_GONE },
        { "", "1", WA_ERR_GONE }
    };

    (void) state;

    memset(&ids, 0, sizeof(ids));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(wa_mex_ids_set(&ids, wa_span_str(rows[i].name),
                                        wa_span_str(rows[i].id)),
                         rows[i].rc);
    }

    assert_string_equal(wa_mex_ids_get(&ids, WA_MEX_CHANNEL_GET),
                        "01234567890123456789");
    assert_string_equal(wa_mex_ids_get(&ids, WA_MEX_CHANNEL_LIST),
                        "6388546374527196");
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(a_post_is_plain_and_numbered),
        T(reactions_go_by_number),
        T(edits_and_deletions_keep_the_id),
        T(what_channels_do_not_have_is_refused),
        T(media_go_with_their_handle),
        T(a_post_is_told_once_over_a_crash),
        T(edits_are_told_once_each),
        T(nonsense_is_acknowledged),
        T(short_memory_loses_no_post),
        T(bad_answers_are_errors),
        T(bad_questions_are_refused),
        cmocka_unit_test(numbers_of_queries_are_set)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
