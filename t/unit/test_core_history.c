/* History of the phone -> rows, and what the account learns of it. */
#include "wa_hist_db.h"

#include "wa_crypto.h"
#include "wa_event_message.h"
#include "wa_vectors.h"


#define ROOM  "120363001@g.us"


/* What a phone sends first, made by another encoder. */
static void
a_chunk_becomes_rows_once(void **state)
{
    int                   i;
    char                  ref[WA_MESSAGE_REF_LEN];
    wa_db_t              *d = *state;
    wa_jid_t              lid;
    wa_span_t             packed;
    wa_vectors_t          v;
    wa_history_conf_t     conf;
    wa_history_totals_t   totals;

    account(d);
    wa_vectors_open(&v, "history.json");
    packed = wa_vectors_hex(&v, v.root, "zlib");
    conf = wa_hist_conf(&packed, NOW);

    for (i = 0; i < 2; i++) {
        totals = take(d, &conf);
        assert_int_equal(totals.messages, 1);
        assert_int_equal(totals.chats, 1);
        assert_int_equal(totals.skipped, 0);
    }

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 1);
    assert_string_equal(look(d, "SELECT chat_jid || ' ' || from_jid || ' '"
                                " || from_lid || ' ' || status || ' ' || type"
                                " || ' ' || body || ' ' || message_id"
                                " FROM wa_messages"),
                        ANN " " ANN " " LID " RECEIVED text old 3EB0AA");

    /* The same id as if it had come by itself. */

    assert_int_equal(wa_jid_parse(wa_span_str(LID), &lid), WA_OK);
    assert_int_equal(wa_message_ref_of("a1", false, &lid,
                                       wa_span_str("3EB0AA"), ref),
                     WA_OK);
    assert_string_equal(look(d, "SELECT id FROM wa_messages"), ref);

    assert_string_equal(look(d, "SELECT jid || ' ' || lid || ' ' || last_body"
                                " FROM wa_chats WHERE unread_count = 1"
                                " AND is_group = 0"),
                        ANN " " LID " old");
    assert_string_equal(look(d, "SELECT last_id FROM wa_chats"), ref);
    assert_string_equal(look(d, "SELECT jid || ' ' || lid || ' '"
                                " || phone_number || ' ' || notify_name"
                                " FROM wa_contacts"),
                        ANN " " LID " 15551234567 Ann");
    assert_non_null(strstr(look(d, "SELECT object FROM wa_messages"),
                           "\"source\":\"history\""));
    wa_vectors_close(&v);
}


static void
the_account_learns_who_is_who(void **state)
{
    json_t             *told, *one;
    wa_span_t           packed;
    wa_history_t       *h;
    wa_vectors_t        v;
    wa_history_conf_t   conf;

    (void) state;

    wa_vectors_open(&v, "history.json");
    packed = wa_vectors_hex(&v, v.root, "zlib");
    conf = wa_hist_conf(&packed, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);

    told = learn(h);
    assert_int_equal(json_array_size(told), 2);

    one = json_array_get(told, 0);
    assert_string_equal(wa_vectors_str(one, "verb"), "history.learn");
    assert_string_equal(wa_vectors_str(one, "pairs.0.0"), ANN);
    assert_string_equal(wa_vectors_str(one, "pairs.0.1"), LID);
    assert_int_equal(json_array_size(json_object_get(one, "pairs")), 1);

    one = json_array_get(told, 1);
    assert_string_equal(wa_vectors_str(one, "people.0.jid"), LID);
    assert_string_equal(wa_vectors_str(one, "people.0.token"),
                        "4he3oojjfJg=");
    assert_int_equal(wa_vectors_int(one, "people.0.received"), 1763500000);
    assert_int_equal(wa_vectors_int(one, "people.0.expiry"), -1);

    json_decref(told);
    wa_history_free(h);
    wa_vectors_close(&v);
}


/* A group: who wrote is asked for, and shown as the account answers. */
static void
groups_show_their_writers(void **state)
{
    json_t              *args, *answer;
    wa_db_t             *d = *state;
    wa_buf_t             packed;
    wa_hist_t            w = { .depth = 0 };
    wa_span_t            span;
    wa_history_t        *h;
    wa_history_conf_t    conf;

    account(d);

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ROOM);
    wa_hist_text(&w, ROOM, false, "G2", "300@lid", "second", NOW - 50, 9);
    wa_hist_text(&w, ROOM, true, "G1", NULL, "mine", NOW - 100, 8);
    wa_hist_text(&w, ROOM, false, "G0", "400@lid", "unknown", NOW - 150, 7);
    wa_hist_varint(&w, 6, 4);
    wa_hist_varint(&w, 9, 86400);
    wa_hist_str(&w, 13, "The Room");
    wa_hist_varint(&w, 16, 1);
    wa_hist_varint(&w, 24, NOW - 3000);
    wa_hist_varint(&w, 25, (uint64_t) -1);
    wa_hist_end(&w);
    wa_hist_begin(&w, 12);
    wa_hist_str(&w, 1, ROOM);
    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, "15559@s.whatsapp.net");
    wa_hist_varint(&w, 2, 1);
    wa_hist_varint(&w, 3, NOW - 9000);
    wa_hist_end(&w);
    wa_hist_end(&w);
    wa_hist_bytes(&w, 19, "0123456789abcdef", 16);

    packed = wa_hist_pack(&w);
    span = wa_span_buf(&packed);
    conf = wa_hist_conf(&span, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_write(h, d->db), WA_ERR_ARG);
    assert_int_equal(wa_history_scan(h), WA_OK);

    assert_int_equal(wa_history_learn(h, &args), WA_OK);
    assert_string_equal(wa_vectors_str(args, "salt"),
                        "MDEyMzQ1Njc4OWFiY2RlZg==");
    json_decref(args);

    assert_int_equal(wa_history_learn(h, &args), WA_OK);
    assert_string_equal(wa_vectors_str(args, "ask.0"), "300@lid");
    assert_string_equal(wa_vectors_str(args, "ask.1"), "400@lid");
    assert_string_equal(wa_vectors_str(args, "ask.2"),
                        "15559@s.whatsapp.net");
    json_decref(args);

    answer = json_pack("{s:[[s, s], [s], [i, i], i]}", "pairs",
                       "15557@s.whatsapp.net", "300@lid", "x", 1, 2, 3);
    wa_history_learnt(h, answer);
    json_decref(answer);
    assert_int_equal(wa_history_learn(h, &args), WA_AGAIN);

    assert_int_equal(write_all(h, d->db), WA_OK);
    wa_history_free(h);

    assert_string_equal(look(d, "SELECT from_jid || ' ' || from_lid || ' '"
                                " || participant FROM wa_messages"
                                " WHERE message_id = 'G2'"),
                        "15557@s.whatsapp.net 300@lid 15557@s.whatsapp.net");
    assert_string_equal(look(d, "SELECT from_jid || ' ' || from_lid"
                                " FROM wa_messages WHERE message_id = 'G0'"),
                        "400@lid 400@lid");
    assert_string_equal(look(d, "SELECT status || ' ' || participant"
                                " FROM wa_messages WHERE from_jid IS NULL"
                                " AND from_me = 1"),
                        "SENT 15550001@s.whatsapp.net");
    assert_string_equal(look(d, "SELECT name || ' ' || last_body"
                                " FROM wa_chats WHERE is_group = 1"
                                " AND is_archived = 1 AND is_pinned = 1"
                                " AND ephemeral_duration = 86400"
                                " AND unread_count = 4"
                                " AND mute_expiry = -1"),
                        "The Room second");
    assert_string_equal(look(d, "SELECT jid || ' ' || reason"
                                " FROM wa_group_past"),
                        "15559@s.whatsapp.net removed");

    wa_buf_free(&packed);
    wa_buf_free(&w.b);
}


/* A poll with a vote, a reaction and receipts. */
static void
what_others_did_comes_along(void **state)
{
    json_t              *args;
    wa_db_t             *d = *state;
    uint8_t              digest[32];
    wa_buf_t             packed;
    wa_hist_t            w = { .depth = 0 }, m = { .depth = 0 };
    wa_span_t            span, red;
    wa_history_t        *h;
    wa_history_conf_t    conf;

    account(d);

    wa_hist_begin(&m, 49);                      /* pollCreationMessage     */
    wa_hist_str(&m, 2, "Colour?");
    wa_hist_begin(&m, 3);
    wa_hist_str(&m, 1, "red");
    wa_hist_end(&m);
    wa_hist_begin(&m, 3);
    wa_hist_str(&m, 1, "blue");
    wa_hist_end(&m);
    wa_hist_end(&m);

    red = wa_span_str("red");
    assert_int_equal(wa_sha256(&red, 1, digest), WA_OK);

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ANN);
    wa_hist_msg_begin(&w, ANN, true, "P1", NULL, wa_span_buf(&m.b),
                      NOW - 60, 4);
    wa_hist_begin(&w, 40);
    wa_hist_str(&w, 1, ANN);
    wa_hist_varint(&w, 2, NOW - 59);
    wa_hist_varint(&w, 3, NOW - 58);
    wa_hist_end(&w);
    wa_hist_begin(&w, 41);
    wa_hist_begin(&w, 1);
    wa_hist_varint(&w, 2, 0);
    wa_hist_str(&w, 3, "R1");
    wa_hist_end(&w);
    wa_hist_str(&w, 2, "\xf0\x9f\x91\x8d");
    wa_hist_varint(&w, 4, (NOW - 57) * 1000ull);
    wa_hist_end(&w);
    wa_hist_begin(&w, 45);
    wa_hist_begin(&w, 1);
    wa_hist_varint(&w, 2, 0);
    wa_hist_str(&w, 3, "V1");
    wa_hist_end(&w);
    wa_hist_begin(&w, 2);
    wa_hist_bytes(&w, 1, digest, sizeof(digest));
    wa_hist_end(&w);
    wa_hist_varint(&w, 3, (NOW - 56) * 1000ull);
    wa_hist_end(&w);
    wa_hist_bytes(&w, 49, "01234567890123456789012345678901", 32);
    wa_hist_msg_end(&w, 1);
    wa_hist_end(&w);
    wa_hist_begin(&w, 15);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, LID);
    wa_hist_end(&w);

    packed = wa_hist_pack(&w);
    span = wa_span_buf(&packed);
    conf = wa_hist_conf(&span, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);
    json_decref(learn(h));
    assert_int_equal(write_all(h, d->db), WA_OK);

    assert_int_equal(wa_history_learn(h, &args), WA_OK);
    assert_string_equal(wa_vectors_str(args, "secrets.0.options.1"), "blue");
    assert_string_equal(wa_vectors_str(args, "secrets.0.secret"),
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    assert_string_equal(look(d, "SELECT id FROM wa_messages"),
                        wa_vectors_str(args, "secrets.0.ref"));
    json_decref(args);
    assert_int_equal(wa_history_learn(h, &args), WA_AGAIN);
    wa_history_free(h);

    assert_string_equal(look(d, "SELECT status || ' ' || type"
                                " FROM wa_messages"), "READ poll");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_receipts r"
                               " JOIN wa_messages m ON m.id = r.id"
                               " WHERE recipient_jid = '" ANN "'"), 2);
    assert_string_equal(look(d, "SELECT from_jid || emoji"
                                " FROM wa_reactions"),
                        ANN "\xf0\x9f\x91\x8d");
    assert_string_equal(look(d, "SELECT voter || ' ' || lid || options"
                                " FROM wa_votes"),
                        ANN " " LID "[\"red\"]");

    wa_buf_free(&packed);
    wa_buf_free(&m.b);
    wa_buf_free(&w.b);
}


static void
calls_are_listed(void **state)
{
    int         i;
    wa_db_t    *d = *state;
    wa_hist_t   w = { .depth = 0 };

    account(d);
    wa_hist_begin(&w, 13);
    wa_hist_varint(&w, 1, 4);                   /* missed                  */
    wa_hist_varint(&w, 5, (NOW - 100) * 1000ull);
    wa_hist_varint(&w, 6, 1);
    wa_hist_varint(&w, 7, 1);
    wa_hist_str(&w, 11, "CALL1");
    wa_hist_str(&w, 12, LID);
    wa_hist_begin(&w, 14);
    wa_hist_str(&w, 1, LID);
    wa_hist_end(&w);
    wa_hist_end(&w);
    wa_hist_begin(&w, 13);                      /* without an id           */
    wa_hist_varint(&w, 5, NOW);
    wa_hist_end(&w);
    wa_hist_begin(&w, 15);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, LID);
    wa_hist_end(&w);

    for (i = 0; i < 2; i++) {
        (void) take_written(d, &w);
    }

    assert_string_equal(look(d, "SELECT object FROM wa_calls"),
        "{\"id\":\"CALL1\",\"account_id\":\"a1\",\"from_jid\":\"" ANN "\","
        "\"from_lid\":\"" LID "\",\"group_jid\":null,\"from_me\":false,"
        "\"is_group\":false,\"is_video\":true,\"status\":\"timeout\","
        "\"timestamp\":1763699900,\"duration\":null,\"is_missed\":true,"
        "\"participants\":[\"" ANN "\"]}");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_calls"), 1);

    wa_buf_free(&w.b);
}


/* Whose call it is tells its maker; the flag only where there is none. */
static void
calls_are_of_who_made_them(void **state)
{
    char        query[80];
    size_t      i;
    wa_db_t    *d = *state;
    wa_hist_t   w = { .depth = 0 };

    static const struct {
        const char  *id;
        const char  *creator;
        bool         incoming;
        const char  *shown;
    } rows[] = {
        { "A", "15550001@s.whatsapp.net", false, "\"from_me\":true" },
        { "B", "15550001@s.whatsapp.net", true, "\"from_me\":true" },
        { "C", "100@lid", true, "\"from_me\":true" },
        { "D", ANN, true, "\"from_me\":false" },
        { "E", LID, false, "\"from_me\":false" },
        { "F", NULL, false, "\"from_me\":true" },
        { "G", NULL, true, "\"from_me\":false" }
    };

    account(d);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wa_hist_begin(&w, 13);
        wa_hist_varint(&w, 1, 4);
        wa_hist_varint(&w, 5, (NOW - 100) * 1000ull);
        wa_hist_varint(&w, 6, rows[i].incoming);
        wa_hist_str(&w, 11, rows[i].id);

        if (rows[i].creator != NULL) {
            wa_hist_str(&w, 12, rows[i].creator);
        }

        wa_hist_end(&w);
    }

    (void) take_written(d, &w);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(query, sizeof(query),
                        "SELECT object FROM wa_calls WHERE id = '%s'",
                        rows[i].id);
        assert_non_null(strstr(look(d, query), rows[i].shown));
    }

    wa_buf_free(&w.b);
}


static void
live_messages_win(void **state)
{
    char              ref[WA_MESSAGE_REF_LEN];
    wa_db_t          *d = *state;
    wa_hist_t         w = { .depth = 0 };
    wa_jid_t          lid;
    wa_db_message_t   m;

    account(d);

    /* One came live, as its own event tells. */

    assert_int_equal(wa_jid_parse(wa_span_str("200@lid"), &lid), WA_OK);
    assert_int_equal(wa_message_ref_of("a1", false, &lid,
                                       wa_span_str("L1"), ref),
                     WA_OK);
    memset(&m, 0, sizeof(m));
    m.id = ref;
    m.body = "live";
    m.ts = NOW - 10;
    assert_true(wa_db_message(d, 1000, &m));

    /* Another one while the hidden address was not known. */

    m.id = "elsewhere";
    m.body = "live too";
    m.ts = NOW - 5;
    assert_true(wa_db_message(d, 1001, &m));

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, "200@lid");
    wa_hist_text(&w, "200@lid", false, "Welsewhere", NULL, "phone's", NOW - 5,
                 2);
    wa_hist_text(&w, "200@lid", false, "L1", NULL, "phone's", NOW - 10, 1);
    wa_hist_text(&w, "200@lid", false, "L0", NULL, "before", NOW - 20, 0);
    wa_hist_varint(&w, 6, 9);
    wa_hist_str(&w, 13, "Bo of the book");
    wa_hist_str(&w, 39, "15550002@s.whatsapp.net");
    wa_hist_end(&w);

    assert_int_equal(take_written(d, &w).messages, 3);

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 3);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"
                               " WHERE body = 'phone''s'"), 0);
    assert_string_equal(look(d, "SELECT last_body || ' ' || name"
                                " FROM wa_chats WHERE unread_count = 2"),
                        "live too Bo");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_chats"), 1);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_contacts"), 1);

    wa_buf_free(&w.b);
}


/* The projection may come behind: what its event says counts all the same. */
static void
live_messages_win_behind(void **state)
{
    char              ref[WA_MESSAGE_REF_LEN];
    wa_db_t          *d = *state;
    wa_hist_t         w = { .depth = 0 };
    wa_jid_t          lid;
    wa_db_message_t   m;

    account(d);
    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, "200@lid");
    wa_hist_text(&w, "200@lid", false, "L1", NULL, "phone's", NOW - 10, 1);
    wa_hist_str(&w, 39, "15550002@s.whatsapp.net");
    wa_hist_end(&w);
    (void) take_written(d, &w);

    assert_int_equal(wa_jid_parse(wa_span_str("200@lid"), &lid), WA_OK);
    assert_int_equal(wa_message_ref_of("a1", false, &lid,
                                       wa_span_str("L1"), ref),
                     WA_OK);
    memset(&m, 0, sizeof(m));
    m.id = ref;
    m.body = "live";
    m.ts = NOW - 10;
    assert_true(wa_db_message(d, 1700000000000, &m));

    assert_string_equal(look(d, "SELECT body FROM wa_messages"), "live");
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"
                                " WHERE unread_count = 1"), "live");

    /* A repeat of the event, or of the piece, changes nothing any more. */

    m.body = "again";
    assert_true(wa_db_message(d, 1700000000001, &m));
    (void) take_written(d, &w);
    assert_string_equal(look(d, "SELECT body FROM wa_messages"), "live");
    wa_buf_free(&w.b);
}


/* INITIAL_STATUS_V3: who wrote stands in the key, or beside it. */
static void
statuses_are_taken_in(void **state)
{
    int                    i;
    wa_db_t               *d = *state;
    wa_hist_t              w = { .depth = 0 };
    wa_history_totals_t    t;

    account(d);
    wa_hist_varint(&w, 1, WA_HISTORY_STATUS);

    for (i = 0; i < 3; i++) {
        wa_hist_begin(&w, 3);
        wa_hist_begin(&w, 1);
        wa_hist_str(&w, 1, "status@broadcast");
        wa_hist_varint(&w, 2, i == 2);
        wa_hist_str(&w, 3, i == 0 ? "ST0" : i == 1 ? "ST1" : "ST2");

        if (i == 0) {
            wa_hist_str(&w, 4, LID);
        }

        wa_hist_end(&w);
        wa_hist_bytes(&w, 2, "\x0a\x04news", 6);
        wa_hist_varint(&w, 3, (uint64_t) (NOW - 60 * (i + 1)));

        if (i == 1) {
            wa_hist_str(&w, 5, "300@lid");
        }

        wa_hist_end(&w);
    }

    wa_hist_begin(&w, 15);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, LID);
    wa_hist_end(&w);

    for (i = 0; i < 2; i++) {
        t = take_written(d, &w);
        assert_int_equal(t.messages, 3);
        assert_int_equal(t.chats, 0);
        assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages WHERE"
                                   " chat_jid = 'status@broadcast' AND"
                                   " body = 'news'"), 3);
    }

    assert_string_equal(look(d, "SELECT from_jid || ' ' || from_lid FROM"
                                " wa_messages WHERE message_id = 'ST0'"),
                        ANN " " LID);
    assert_string_equal(look(d, "SELECT from_jid FROM wa_messages WHERE"
                                " message_id = 'ST1'"), "300@lid");
    assert_int_equal(number(d, "SELECT from_me FROM wa_messages WHERE"
                               " message_id = 'ST2'"), 1);
    wa_buf_free(&w.b);
}


/* NON_BLOCKING_DATA: settings, stickers, nonces; of people what there is. */
static void
other_data_hides_nothing(void **state)
{
    unsigned               i;
    json_t                *told;
    wa_db_t               *d = *state;
    wa_buf_t               packed;
    wa_hist_t              w = { .depth = 0 };
    wa_span_t              span;
    wa_history_t          *h;
    wa_history_conf_t      conf;
    wa_history_totals_t    t;

    account(d);
    wa_hist_varint(&w, 1, WA_HISTORY_OTHER);
    wa_hist_varint(&w, 6, 100);
    wa_hist_begin(&w, 7);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, "Ann");
    wa_hist_end(&w);
    wa_hist_begin(&w, 7);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, "-");                    /* none was set            */
    wa_hist_end(&w);
    wa_hist_begin(&w, 8);                       /* globalSettings          */
    wa_hist_varint(&w, 14, 1);
    wa_hist_varint(&w, 20, NOW);                /* LIDs since then         */
    wa_hist_end(&w);
    wa_hist_bytes(&w, 9, "0123456789abcdef0123456789abcdef", 32);
    wa_hist_begin(&w, 11);                      /* a sticker               */
    wa_hist_str(&w, 1, "https://example.com/sticker");
    wa_hist_end(&w);
    wa_hist_varint(&w, 14, 1);
    wa_hist_begin(&w, 15);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, LID);
    wa_hist_end(&w);
    wa_hist_str(&w, 16, "a nonce");             /* companionMetaNonce      */

    for (i = 17; i < 64; i++) {                 /* not yet, or not known   */
        wa_hist_bytes(&w, i, "\xff\x00?", 3);
    }

    packed = wa_hist_pack(&w);
    span = wa_span_buf(&packed);
    conf = wa_hist_conf(&span, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);
    told = learn(h);
    assert_string_equal(wa_vectors_str(json_array_get(told, 0),
                                       "pairs.0.1"), LID);
    json_decref(told);
    assert_int_equal(write_all(h, d->db), WA_OK);
    t = *wa_history_totals(h);
    wa_history_free(h);

    assert_int_equal(t.messages + t.chats + t.skipped, 0);
    assert_int_equal(t.contacts, 1);
    assert_string_equal(look(d, "SELECT notify_name || ' ' || lid FROM"
                                " wa_contacts WHERE jid = '" ANN "'"),
                        "Ann " LID);
    wa_buf_free(&packed);
    wa_buf_free(&w.b);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_account_learns_who_is_who),
        WA_DB_BOTH(a_chunk_becomes_rows_once),
        WA_DB_BOTH(groups_show_their_writers),
        WA_DB_BOTH(what_others_did_comes_along),
        WA_DB_BOTH(calls_are_listed),
        WA_DB_BOTH(calls_are_of_who_made_them),
        WA_DB_BOTH(statuses_are_taken_in),
        WA_DB_BOTH(other_data_hides_nothing),
        WA_DB_BOTH(live_messages_win),
        WA_DB_BOTH(live_messages_win_behind)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
