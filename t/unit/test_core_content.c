/* Kinds of messages, payloads sealed with a message's secret, votes in the
   history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_archive.h"
#include "wa_crypto.h"
#include "wa_db.h"
#include "wa_descriptor.h"
#include "wa_event_int.h"
#include "wa_host.h"
#include "wa_secret.h"
#include "wa_vectors.h"


/* What the contract shows of a message beyond text and media. */
static json_t *
shown(wa_message_view_t *v)
{
    json_t    *o;
    wa_jw_t    w;
    wa_buf_t   text = WA_BUF_EMPTY;

    wa_jw_init(&w, &text);
    wa_jw_open(&w, NULL, '{');
    wa_event_contacts(v->content, &w);
    wa_event_interactive(v, &w);
    wa_jw_close(&w, '}');
    assert_int_equal(w.err, WA_OK);

    o = json_loadb((const char *) text.p, text.n, 0, NULL);
    assert_non_null(o);
    wa_buf_free(&text);

    return o;
}


static void
kinds_are_read(void **state)
{
    size_t              i;
    json_t             *s, *o;
    wa_arena_t          arena;
    wa_vectors_t        v;
    wa_content_t        c;
    wa_message_view_t   view;

    (void) state;
    wa_vectors_open(&v, "content.json");
    wa_arena_init(&arena, 0);
    memset(&view, 0, sizeof(view));
    view.content = &c;

    json_array_foreach(wa_vectors_get(v.root, "samples"), i, s) {
        print_message("%s\n", wa_vectors_str(s, "name"));
        assert_int_equal(wa_message_decode(wa_vectors_hex(&v, s, "hex"),
                                           &arena, &c), WA_OK);
        assert_string_equal(wa_kind_name(c.kind), wa_vectors_str(s, "type"));
        assert_false(c.nothing);
        o = shown(&view);
        assert_true(json_equal(o, wa_vectors_get(s, "json")));
        json_decref(o);
    }

    wa_arena_free(&arena);
    wa_vectors_close(&v);
}


static json_t *
sample(wa_vectors_t *v, const char *name)
{
    size_t   i;
    json_t  *s;

    json_array_foreach(wa_vectors_get(v->root, "samples"), i, s) {

        if (strcmp(wa_vectors_str(s, "name"), name) == 0) {
            return s;
        }
    }

    fail_msg("no sample %s", name);
    return NULL;
}


/* What opens the file is sealed, and is the sender's. */
static void
assert_descriptor(wa_host_t *h, const char *id, const char *text)
{
    json_t          *o;
    wa_buf_t         plain = WA_BUF_EMPTY;
    const uint8_t   *key;

    assert_non_null(text);
    assert_null(strstr(text, "media_key"));
    key = wa_host_account(h)->engine->conf.master_key;
    assert_int_equal(wa_descriptor_open(key, wa_span_str("another"),
                                        wa_span_str(text), &plain),
                     WA_ERR_AUTH);
    plain.n = 0;
    assert_int_equal(wa_descriptor_open(key, wa_span_str(id),
                                        wa_span_str(text), &plain), WA_OK);
    o = json_loadb((const char *) plain.p, plain.n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "media_key")),
                        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    assert_string_equal(json_string_value(json_object_get(o, "message_id")),
                        "M1");
    json_decref(o);
    wa_buf_wipe(&plain);
}


/* Keys and bytes stay beside the event. */
static void
a_medium_is_described_aside(void **state)
{
    json_t             *o, *m;
    wa_jw_t             w;
    wa_buf_t            text = WA_BUF_EMPTY;
    wa_arena_t          arena;
    wa_vectors_t        v;
    wa_content_t        c;
    wa_message_view_t   view;
    wa_host_t          *h;

    (void) state;
    h = wa_host_create();
    wa_host_make(h);
    wa_vectors_open(&v, "content.json");
    wa_arena_init(&arena, 0);
    memset(&view, 0, sizeof(view));
    view.content = &c;
    view.message_id = wa_span_str("M1");
    view.media_id = "00112233445566778899aabbccddeeff";
    view.plain = wa_vectors_hex(&v, sample(&v, "voice note"), "hex");

    assert_int_equal(wa_message_decode(view.plain, &arena, &c), WA_OK);
    assert_true(wa_event_has_aside(&view));
    wa_jw_init(&w, &text);
    wa_event_aside(wa_host_account(h), &view, &w);
    o = json_loadb((const char *) text.p, text.n, 0, NULL);
    m = json_object_get(o, "media");
    assert_string_equal(json_string_value(json_object_get(m, "kind")), "ptt");
    assert_int_equal(json_integer_value(json_object_get(m, "file_length")),
                     99);
    assert_null(json_object_get(m, "media_key"));
    assert_descriptor(h, view.media_id,
                      json_string_value(json_object_get(m, "descriptor")));
    assert_null(json_object_get(o, "raw"));
    json_decref(o);
    wa_buf_free(&text);

    view.media_id = NULL;
    view.plain = wa_vectors_hex(&v, sample(&v, "not known"), "hex");
    assert_int_equal(wa_message_decode(view.plain, &arena, &c), WA_OK);
    assert_true(wa_event_has_aside(&view));
    wa_jw_init(&w, &text);
    wa_event_aside(wa_host_account(h), &view, &w);
    o = json_loadb((const char *) text.p, text.n, 0, NULL);
    assert_non_null(json_object_get(o, "raw"));
    assert_null(json_object_get(o, "media"));
    json_decref(o);
    wa_buf_free(&text);

    wa_arena_free(&arena);
    wa_vectors_close(&v);
    wa_host_free(h);
}


static wa_sealed_e
use_of(const char *name)
{
    size_t  i;

    static const struct {
        const char   *name;
        wa_sealed_e   use;
    } rows[] = {
        { "Poll Vote", WA_SEALED_POLL_VOTE },
        { "Event Response", WA_SEALED_EVENT_RESPONSE },
        { "Enc Reaction", WA_SEALED_REACTION },
        { "Enc Comment", WA_SEALED_COMMENT },
        { "Message Edit", WA_SEALED_MESSAGE_EDIT },
        { "Event Edit", WA_SEALED_EVENT_EDIT },
        { "Poll Edit", WA_SEALED_POLL_EDIT }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].use;
        }
    }

    return WA_SEALED_NONE;
}


static void
sealed_payloads_open(void **state)
{
    size_t         i, n;
    json_t        *s;
    wa_span_t      iv, payload, plain;
    wa_arena_t     arena;
    wa_vectors_t   v;
    wa_span_t      sealed;
    wa_secret_t    k;

    (void) state;
    assert_int_equal(wa_crypto_init(), WA_OK);
    wa_vectors_open(&v, "msgsecret.json");
    wa_arena_init(&arena, 0);
    n = 0;

    json_array_foreach(wa_vectors_get(v.root, "cases"), i, s) {
        memset(&k, 0, sizeof(k));
        k.use = use_of(wa_vectors_str(s, "use_case"));

        if (k.use == WA_SEALED_NONE) {
            continue;
        }

        k.secret = wa_vectors_hex(&v, s, "message_secret");
        k.message_id = wa_span_str(wa_vectors_str(s, "orig_msg_id"));
        assert_int_equal(wa_jid_parse(wa_span_str(wa_vectors_str(s,
                             "orig_sender")), &k.author), WA_OK);
        assert_int_equal(wa_jid_parse(wa_span_str(wa_vectors_str(s,
                             "modification_sender")), &k.writer), WA_OK);
        iv = wa_vectors_hex(&v, s, "iv");
        payload = wa_vectors_hex(&v, s, "payload");

        assert_int_equal(wa_secret_open(&k, iv, payload, &arena, &plain),
                         WA_OK);
        assert_true(wa_span_eq(plain, wa_vectors_hex(&v, s, "plaintext")));

        assert_int_equal(wa_secret_seal(&k, iv, plain, &arena, &sealed),
                         WA_OK);
        assert_true(wa_span_eq(sealed, payload));
        assert_int_equal(wa_secret_seal(&k, wa_span(iv.p, 11), plain, &arena,
                                        &sealed), WA_ERR_SYNTAX);

        assert_int_equal(wa_secret_open(&k, wa_span(iv.p, 11), payload,
                                        &arena, &plain), WA_ERR_SYNTAX);
        assert_int_equal(wa_secret_open(&k, iv, wa_span(payload.p, 15),
                                        &arena, &plain), WA_ERR_SYNTAX);
        k.writer = k.author;
        assert_int_equal(wa_secret_open(&k, iv, payload, &arena, &plain),
                         WA_ERR_AUTH);
        n++;
    }

    assert_int_equal(n, 7);
    wa_arena_free(&arena);
    wa_vectors_close(&v);
}


static void
vote(wa_db_t *d, uint64_t ms, const char *voter, const char *lid,
    const char *options, int at)
{
    char  data[512];

    (void) snprintf(data, sizeof(data), "{\"target_id\":\"p1\",\"voter_jid\":"
                    "\"%s\",\"voter_lid\":%s,\"options\":%s,"
                    "\"timestamp_ms\":%d}", voter, lid, options, at);
    assert_true(wa_db_event(d, ms, "poll.vote", data));
}


/* Voters of an option, with spaces between. */
static void
voters(wa_db_t *d, size_t option, const char *want)
{
    char                text[256] = "";
    size_t              i;
    json_t             *m, *one, *list;
    wa_archive_query_t  q;

    wa_archive_query_init(&q, wa_span_str("default"));
    q.account = wa_span_str("a1");
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("p1"), &m),
                     WA_OK);
    assert_non_null(m);
    list = json_object_get(json_array_get(json_object_get(m, "poll_results"),
                                          option), "voters");

    json_array_foreach(list, i, one) {
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "%s%s", i == 0 ? "" : " ", json_string_value(one));
    }

    assert_string_equal(text, want);
    json_decref(m);
}


static void
votes_are_counted(void **state)
{
    wa_db_t  *d = *state;

    assert_true(wa_db_event(d, 1, "message.received",
        "{\"message\":{\"id\":\"p1\",\"message_id\":\"W\",\"remote_jid\":"
        "\"1@s.whatsapp.net\",\"from_jid\":\"1@s.whatsapp.net\","
        "\"message_type\":\"poll\",\"status\":\"RECEIVED\",\"timestamp\":1,"
        "\"poll_options\":[\"A\",\"B\"]}}"));
    voters(d, 0, "");

    vote(d, 2, "5@lid", "\"5@lid\"", "[\"A\"]", 10);
    vote(d, 3, "6@s.whatsapp.net", "null", "[\"A\",\"B\"]", 11);
    voters(d, 0, "5@lid 6@s.whatsapp.net");
    voters(d, 1, "6@s.whatsapp.net");

    /* The newest counts, whenever it comes; a LID's number is learned. */

    vote(d, 4, "6@s.whatsapp.net", "null", "[\"B\"]", 9);
    voters(d, 0, "5@lid 6@s.whatsapp.net");
    vote(d, 5, "5@s.whatsapp.net", "\"5@lid\"", "[\"B\"]", 12);
    voters(d, 0, "6@s.whatsapp.net");
    voters(d, 1, "6@s.whatsapp.net 5@s.whatsapp.net");
    vote(d, 6, "6@s.whatsapp.net", "null", "[]", 13);
    voters(d, 1, "5@s.whatsapp.net");

    /* What is no vote changes nothing. */

    assert_true(wa_db_event(d, 7, "poll.vote", "{\"target_id\":\"p1\","
                            "\"voter_jid\":\"7@lid\",\"options\":\"A\"}"));
    voters(d, 0, "");
}


static void
raw_messages_are_kept(void **state)
{
    json_t              *m;
    uint64_t             epoch;
    wa_db_t             *d = *state;
    char                *text;
    wa_log_entry_t       e;
    wa_db_message_t      one;
    wa_archive_query_t   q;

    memset(&e, 0, sizeof(e));
    memset(&one, 0, sizeof(one));
    one.id = "m1";
    text = wa_db_message_text(&one);
    epoch = 1;
    e.shard = 7;
    e.id.ms = 1;
    e.body = wa_span_str(text);
    e.aside = wa_span_str("{\"raw\":\"CgJoaQ==\"}");
    assert_int_equal(wa_project_batch(d->db, &e, &epoch, 1, NULL, NULL),
                     WA_OK);

    wa_archive_query_init(&q, wa_span_str("default"));
    q.account = wa_span_str("a1");
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("m1"), &m),
                     WA_OK);
    assert_null(json_object_get(m, "raw"));
    json_decref(m);

    q.raw = true;
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("m1"), &m),
                     WA_OK);
    assert_string_equal(json_string_value(json_object_get(m, "raw")),
                        "CgJoaQ==");
    json_decref(m);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_read),
        cmocka_unit_test(a_medium_is_described_aside),
        cmocka_unit_test(sealed_payloads_open),
        WA_DB_BOTH(votes_are_counted),
        WA_DB_BOTH(raw_messages_are_kept)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
