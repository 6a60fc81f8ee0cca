/* Projection of the event log: what events become, exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_db_look.h"


static bool
message(wa_db_t *d, uint64_t ms, const char *type, const char *id,
    int64_t ts, const char *body)
{
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    m.type = type;
    m.id = id;
    m.ts = ts;
    m.body = body;

    return wa_db_message(d, ms, &m);
}


static bool
receipt(wa_db_t *d, uint64_t ms, const char *id, const char *status,
    int ts)
{
    char  data[300];

    (void) snprintf(data, sizeof(data), "{\"id\":\"%s\",\"message_id\":\"x\","
                    "\"chat_jid\":\"15550002@s.whatsapp.net\","
                    "\"recipient_jid\":\"15550002@s.whatsapp.net\","
                    "\"status\":\"%s\",\"timestamp\":%d}", id, status, ts);

    return wa_db_event(d, ms, "message.receipt", data);
}


static void
messages_chats_and_contacts(void **state)
{
    wa_db_t  *d = *state;

    assert_true(message(d, 1, "message.received", "m1", 100, "hello"));
    assert_true(message(d, 2, "message.received", "m2", 100, "again"));
    assert_true(message(d, 3, "message.sent", "m3", 101, "answer"));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_events"), 3);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 3);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 2);
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "answer");
    assert_string_equal(look(d, "SELECT lid FROM wa_chats"), "200@lid");
    assert_string_equal(look(d, "SELECT name FROM wa_chats"), "Bo");
    assert_string_equal(look(d, "SELECT notify_name FROM wa_contacts"), "Bo");
    assert_string_equal(look(d, "SELECT phone_number FROM wa_contacts"),
                        "15550002");
    assert_int_equal(number(d, "SELECT ms FROM wa_projection"
                               " WHERE shard = 7 AND seq = 0"), 3);
    assert_string_equal(look(d, "SELECT type FROM wa_events WHERE ms = 3"),
                        "message.sent");
    assert_string_equal(look(d, "SELECT account_id FROM wa_events"
                                " WHERE ms = 3"), "a1");
}


/* PostgreSQL has no NUL in texts: it must not hold up what comes after it. */
static void
a_nul_holds_up_nothing(void **state)
{
    char             *text, *at;
    wa_db_t          *d = *state;
    wa_db_message_t   m;

    memset(&m, 0, sizeof(m));
    m.id = "m1";
    m.body = "nul ###### here";
    m.push_name = "######";
    text = wa_db_message_text(&m);

    while ((at = strstr(text, "######")) != NULL) {
        memcpy(at, "\\u0000", 6);
    }

    assert_true(wa_db_body(d, 7, 1, wa_span_str(text)));
    free(text);
    assert_true(message(d, 2, "message.received", "m2", 101, "next"));
    assert_string_equal(look(d, "SELECT body FROM wa_messages"
                                " WHERE id = 'm1'"),
                        "nul \xef\xbf\xbd here");
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "next");
}


static void
a_replay_changes_nothing(void **state)
{
    wa_db_t  *d = *state;

    assert_true(message(d, 1, "message.received", "m1", 100, "one"));
    assert_true(message(d, 2, "message.received", "m2", 100, "two"));
    assert_false(message(d, 2, "message.received", "m2", 100, "two"));
    assert_false(message(d, 1, "message.received", "m1", 100, "one"));
    assert_true(message(d, 3, "message.received", "m3", 100, "three"));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_events"), 3);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 3);
}


/* The same message under another event id. */
static void
a_message_said_twice_counts_once(void **state)
{
    wa_db_t  *d = *state;

    assert_true(message(d, 1, "message.received", "m1", 100, "hello"));
    assert_true(message(d, 2, "message.received", "m2", 200, "later"));
    assert_true(message(d, 3, "message.received", "m1", 100, "hello"));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_events"), 3);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 2);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 2);
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "later");
}


static void
a_batch_overlaps_and_mixes_shards(void **state)
{
    char            *text[4];
    size_t           i, applied, fenced;
    wa_db_t         *d = *state;
    uint32_t         shards[4] = { 9, 3, 11, 9 };
    uint64_t         epochs[4] = { 1, 1, 1, 1 };
    wa_log_id_t      at[4];
    wa_log_entry_t   e[4];
    wa_db_message_t  m;

    static const char  *const ids[] = { "m0", "m1", "m2", "m3" };

    memset(e, 0, sizeof(e));

    for (i = 0; i < 4; i++) {
        memset(&m, 0, sizeof(m));
        m.id = ids[i];
        text[i] = wa_db_message_text(&m);
        e[i].shard = (i % 2 == 0) ? 9 : 3;
        e[i].id.ms = 50;
        e[i].id.seq = i;
        e[i].body = wa_span_str(text[i]);
    }

    e[0].id.seq = 1;
    assert_int_equal(wa_project_batch(d->db, e, epochs, 2, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 2);
    assert_int_equal(wa_project_batch(d->db, e, epochs, 4, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 2);
    assert_int_equal(fenced, 0);
    assert_int_equal(wa_project_batch(d->db, e, epochs, 0, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 0);

    assert_int_equal(wa_project_positions(d->db, shards, 4, at), WA_OK);
    assert_int_equal(at[0].seq, 2);
    assert_int_equal(at[1].seq, 3);
    assert_int_equal(at[2].ms, 0);
    assert_int_equal(at[3].seq, 2);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 4);

    e[0].id.ms = UINT64_MAX;
    assert_int_equal(wa_project_batch(d->db, e, epochs, 1, NULL, NULL),
                     WA_ERR_ARG);

    for (i = 0; i < 4; i++) {
        free(text[i]);
    }
}


static void
a_former_owner_writes_nothing(void **state)
{
    char            *text[2];
    size_t           applied, fenced;
    wa_db_t         *d = *state;
    uint64_t         epochs[2];
    wa_log_entry_t   e[2];
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    m.id = "m1";
    text[0] = wa_db_message_text(&m);
    m.id = "m2";
    text[1] = wa_db_message_text(&m);

    memset(e, 0, sizeof(e));
    e[0].shard = 1;
    e[1].shard = 2;
    e[0].id.ms = e[1].id.ms = 5;
    e[0].id.seq = e[1].id.seq = 0;
    e[0].body = wa_span_str(text[0]);
    e[1].body = wa_span_str(text[1]);

    /* The new owner of shard 1 has been here, with nothing to say yet. */

    epochs[0] = 4;
    e[0].id.ms = 0;
    assert_int_equal(wa_project_batch(d->db, e, epochs, 1, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 0);
    e[0].id.ms = 5;

    epochs[0] = 3;
    epochs[1] = 3;
    assert_int_equal(wa_project_batch(d->db, e, epochs, 2, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(fenced, 1);
    assert_string_equal(look(d, "SELECT id FROM wa_messages"), "m2");
    assert_int_equal(number(d, "SELECT epoch FROM wa_projection"
                               " WHERE shard = 1 AND ms = 0"), 4);

    epochs[0] = 4;
    assert_int_equal(wa_project_batch(d->db, e, epochs, 1, &applied, &fenced),
                     WA_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(fenced, 0);

    free(text[0]);
    free(text[1]);
}


static void
a_status_only_moves_forward(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m;

    static const char  status[] = "SELECT status FROM wa_messages"
                                  " WHERE id = 'm1'";

    memset(&m, 0, sizeof(m));
    m.type = "message.queued";
    m.id = "m1";
    m.status = "QUEUED";
    assert_true(wa_db_message(d, 1, &m));
    assert_string_equal(look(d, status), "QUEUED");

    assert_true(message(d, 2, "message.sent", "m1", 100, "hello"));
    assert_string_equal(look(d, status), "SENT");

    assert_true(receipt(d, 3, "m1", "read", 120));
    assert_string_equal(look(d, status), "READ");
    assert_true(receipt(d, 4, "m1", "delivered", 110));
    assert_string_equal(look(d, status), "READ");
    assert_true(receipt(d, 5, "m1", "sent", 130));
    assert_true(message(d, 6, "message.sent", "m1", 100, "hello"));

    m.type = "message.failed";
    m.status = "FAILED";
    assert_true(wa_db_message(d, 7, &m));
    assert_string_equal(look(d, status), "READ");

    assert_true(receipt(d, 8, "m1", "played", 140));
    assert_string_equal(look(d, status), "PLAYED");
    assert_int_equal(number(d, "SELECT delivered_ts FROM wa_messages"), 110);
    assert_int_equal(number(d, "SELECT read_ts FROM wa_messages"), 120);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_receipts"), 4);

    /* No receipt makes a message of someone else's read. */

    assert_true(message(d, 9, "message.received", "m2", 100, "hello"));
    assert_true(receipt(d, 10, "m2", "read", 120));
    assert_string_equal(look(d, "SELECT status FROM wa_messages"
                                " WHERE id = 'm2'"), "RECEIVED");
}


static void
a_receipt_may_come_before_its_message(void **state)
{
    wa_db_t  *d = *state;

    assert_true(receipt(d, 1, "m1", "delivered", 110));
    assert_true(message(d, 2, "message.sent", "m1", 100, "hello"));
    assert_string_equal(look(d, "SELECT status FROM wa_messages"),
                        "DELIVERED");
    assert_int_equal(number(d, "SELECT delivered_ts FROM wa_messages"), 110);
}


static void
a_failure_is_left_for_proof_only(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    m.type = "message.failed";
    m.id = "m1";
    m.status = "FAILED";
    assert_true(wa_db_message(d, 1, &m));
    assert_true(message(d, 2, "message.sent", "m1", 100, "hello"));
    assert_string_equal(look(d, "SELECT status FROM wa_messages"), "FAILED");
    assert_true(receipt(d, 3, "m1", "delivered", 110));
    assert_string_equal(look(d, "SELECT status FROM wa_messages"),
                        "DELIVERED");
}


static void
edited_deleted_starred(void **state)
{
    wa_db_t  *d = *state;

    assert_true(message(d, 1, "message.received", "m1", 100, "first"));
    assert_true(wa_db_event(d, 2, "message.edited",
        "{\"id\":\"m1\",\"body\":\"second\","
        "\"edited_at\":\"2026-11-21T10:00:02.000Z\"}"));
    assert_string_equal(look(d, "SELECT body FROM wa_messages"), "second");
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "second");

    /* An older edit that comes late. */

    assert_true(wa_db_event(d, 3, "message.edited",
        "{\"id\":\"m1\",\"body\":\"between\","
        "\"edited_at\":\"2026-11-21T10:00:01.000Z\"}"));
    assert_string_equal(look(d, "SELECT body FROM wa_messages"), "second");
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "second");

    assert_true(wa_db_event(d, 4, "message.starred",
                            "{\"id\":\"m1\",\"value\":true}"));
    assert_int_equal(number(d, "SELECT is_starred FROM wa_messages"), 1);
    assert_true(wa_db_event(d, 5, "message.starred",
                            "{\"id\":\"m1\",\"value\":false}"));
    assert_int_equal(number(d, "SELECT is_starred FROM wa_messages"), 0);

    assert_true(wa_db_event(d, 6, "message.deleted",
        "{\"id\":\"m1\",\"for\":\"everyone\","
        "\"deleted_at\":\"2026-11-21T10:00:09.000Z\"}"));
    assert_string_equal(look(d, "SELECT deleted_at FROM wa_messages"),
                        "2026-11-21T10:00:09.000Z");
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "");
    assert_int_equal(number(d, "SELECT by_admin FROM wa_messages"), 1);

    /* Of messages that nobody knows: no row, no error. */

    assert_true(wa_db_event(d, 7, "message.edited",
        "{\"id\":\"m9\",\"body\":\"x\","
        "\"edited_at\":\"2026-11-21T10:00:02.000Z\"}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 1);
}


static void
reactions(void **state)
{
    wa_db_t  *d = *state;

#define REACTION(emoji)                                                       \
    "{\"target_id\":\"m1\",\"chat_jid\":\"c\",\"from_jid\":\"f\","            \
    "\"from_me\":false,\"emoji\":\"" emoji "\"}"

    assert_true(wa_db_event(d, 1, "message.reaction", REACTION("A")));
    assert_true(wa_db_event(d, 2, "message.reaction", REACTION("B")));
    assert_string_equal(look(d, "SELECT emoji FROM wa_reactions"), "B");
    assert_true(wa_db_event(d, 3, "message.reaction", REACTION("")));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_reactions"), 0);
}


static void
chats_and_unread(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m;

    assert_true(message(d, 1, "message.received", "m1", 300, "newest"));

    /* An older one, kept back by WhatsApp, does not become the last. */

    assert_true(message(d, 2, "message.received", "m2", 200, "older"));
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"), "newest");
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 2);

    /* Sent by a program: nobody has read. */

    assert_true(message(d, 3, "message.sent", "m3", 400, "by api"));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 2);

    memset(&m, 0, sizeof(m));
    m.type = "message.echo";
    m.id = "m4";
    m.source = "phone";
    m.ts = 500;
    assert_true(wa_db_message(d, 4, &m));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 0);

    /* What changes another message is no chat's last one. */

    memset(&m, 0, sizeof(m));
    m.type = "message.sent";
    m.id = "r1";
    m.kind = "reaction";
    m.ts = 501;
    assert_true(wa_db_message(d, 5, &m));
    assert_string_equal(look(d, "SELECT last_id FROM wa_chats"), "m4");

    memset(&m, 0, sizeof(m));
    m.id = "g1";
    m.jid = "123-456@g.us";
    assert_true(wa_db_message(d, 6, &m));
    assert_int_equal(number(d, "SELECT is_group FROM wa_chats"
                               " WHERE jid = '123-456@g.us'"), 1);

    /* The list shows the first 200 characters. */

    memset(&m, 0, sizeof(m));
    m.id = "m5";
    m.ts = 900;
    m.body = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "\xe2\x82\xac and more";
    assert_true(wa_db_message(d, 7, &m));
    assert_int_equal(strlen(look(d, "SELECT last_body FROM wa_chats"
                                    " WHERE last_ts = 900")), 202);
}


/* What is one batch to the log says the same as one by one. */
static void
chats_of_a_batch(void **state)
{
    char            *text[10];
    size_t           i;
    wa_db_t         *d = *state;
    uint64_t         epochs[10] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    wa_log_entry_t   e[10];

    static const wa_db_message_t  in[9] = {
        { .id = "m1", .ts = 100, .body = "one" },
        { .id = "m2", .ts = 101, .body = "two" },
        { .id = "m3", .ts = 102, .type = "message.echo", .source = "phone",
          .body = "three" },
        { .id = "m4", .ts = 105, .body = "four" },
        { .id = "p1", .ts = 104, .kind = "protocol" },
        { .id = "v1", .ts = 104, .kind = "poll_update" },
        { .id = "m5", .ts = 103, .body = "five" },
        { .id = "m1", .ts = 100, .body = "one" },
        { .id = "m6", .ts = 100, .body = "six", .jid = "15550003@lid" }
    };

    assert_true(message(d, 1, "message.received", "m0", 90, "zero"));
    memset(e, 0, sizeof(e));

    for (i = 0; i < 10; i++) {
        text[i] = i < 9 ? wa_db_message_text(&in[i])
                        : strdup("{\"type\":\"message.edited\",\"timestamp\":"
                                 "\"2026-11-21T10:00:00.000Z\",\"tenant_id\":"
                                 "\"default\",\"account_id\":\"a1\","
                                 "\"session_id\":\"s1\",\"data\":{\"id\":"
                                 "\"m4\",\"body\":\"4\",\"edited_at\":"
                                 "\"2026-11-21T10:00:00.000Z\"}}");
        e[i].shard = 7;
        e[i].id.ms = 2 + i;
        e[i].body = wa_span_str(text[i]);
    }

    assert_int_equal(wa_project_batch(d->db, e, epochs, 10, NULL, NULL),
                     WA_OK);

    /* Two since the phone answered; the repeat, a pin and a vote are none. */

    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"
                               " WHERE jid = '15550002@s.whatsapp.net'"), 2);
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"
                                " WHERE jid = '15550002@s.whatsapp.net'"),
                        "4");
    assert_string_equal(look(d, "SELECT last_id FROM wa_chats"
                                " WHERE jid = '15550002@s.whatsapp.net'"),
                        "m4");
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"
                               " WHERE jid = '15550003@lid'"), 1);

    for (i = 0; i < 10; i++) {
        free(text[i]);
    }
}


static void
accounts(void **state)
{
    wa_db_t  *d = *state;

    assert_true(wa_db_event(d, 1, "session.status",
        "{\"state\":\"QR\",\"previous\":\"INIT\",\"status\":\"QR\"}"));
    assert_string_equal(look(d, "SELECT state FROM wa_accounts"), "QR");
    assert_true(wa_db_event(d, 2, "session.created",
        "{\"account\":{\"name\":\"Shop\",\"state\":\"INIT\","
        "\"status\":\"INIT\"}}"));
    assert_true(wa_db_event(d, 3, "session.qr_code",
        "{\"qr\":\"2@x\",\"qr_image\":\"data:image/png;base64,AAAA\","
        "\"expires_at\":\"2026-11-21T10:01:00.000Z\"}"));
    assert_true(wa_db_event(d, 4, "session.status",
        "{\"state\":\"READY\",\"previous\":\"AUTH\",\"status\":\"READY\","
        "\"reason\":\"fine\"}"));
    assert_true(wa_db_event(d, 5, "session.connected",
        "{\"whatsapp_number\":\"15550001\",\"user\":"
        "{\"id\":\"15550001@s.whatsapp.net\",\"name\":null}}"));

    assert_string_equal(look(d, "SELECT name FROM wa_accounts"), "Shop");
    assert_string_equal(look(d, "SELECT state FROM wa_accounts"), "READY");
    assert_string_equal(look(d, "SELECT reason FROM wa_accounts"), "fine");
    assert_string_equal(look(d, "SELECT whatsapp_number FROM wa_accounts"),
                        "15550001");
    assert_null(strstr(look(d, "SELECT body FROM wa_events WHERE ms = 3"),
                       "qr_image"));
    assert_non_null(strstr(look(d, "SELECT body FROM wa_events"
                                   " WHERE ms = 3"), "2@x"));
}


static void
history_goes_with_its_account(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  other = { .id = "m2", .account = "a2" };

    assert_true(wa_db_event(d, 1, "session.status",
        "{\"state\":\"QR\",\"previous\":\"INIT\",\"status\":\"QR\"}"));
    assert_true(message(d, 2, "message.sent", "m1", 100, "hello"));
    assert_true(receipt(d, 3, "m1", "read", 120));
    assert_true(wa_db_message(d, 4, &other));

    assert_true(wa_db_event(d, 5, "session.deleted",
                            "{\"account_id\":\"a1\","
                            "\"keep_history\":true}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 2);

    assert_true(wa_db_event(d, 6, "session.deleted",
                            "{\"account_id\":\"a1\","
                            "\"keep_history\":false}"));
    assert_string_equal(look(d, "SELECT id FROM wa_messages"), "m2");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_receipts"), 0);
    assert_string_equal(look(d, "SELECT account_id FROM wa_chats"), "a2");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_events"
                               " WHERE account_id = 'a1'"
                               " AND type LIKE 'message%'"), 0);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_events"
                               " WHERE account_id = 'a1'"), 3);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_accounts"
                               " WHERE deleted_at IS NOT NULL"), 1);
}


/* Nothing that can be in the log stops the projection. */
static void
any_body_is_taken(void **state)
{
    char             big[3000];
    size_t           i;
    wa_db_t         *d = *state;
    wa_db_message_t  m;

    static const struct {
        const char  *p;
        size_t       n;
    } bodies[] = {
        { "", 0 },
        { "{", 1 },
        { "null", 4 },
        { "[]", 2 },
        { "{}", 2 },
        { "\0", 1 },
        { "\xff\xfe\0\x80", 4 },
        { "{\"type\":1}", 10 },
        { "{\"type\":\"message.received\"}", 27 },
        { "{\"type\":\"x\",\"data\":{}}", 22 }
    };

    static const char  *const data[][2] = {
        { "message.received", "{}" },
        { "message.received", "{\"message\":null}" },
        { "message.received", "{\"message\":{\"id\":7}}" },
        { "message.received", "{\"message\":[]}" },
        { "message.receipt", "{\"id\":\"m1\",\"recipient_jid\":\"j\","
                             "\"status\":\"eaten\",\"timestamp\":1}" },
        { "message.receipt", "{\"id\":\"m1\",\"recipient_jid\":\"j\","
                             "\"status\":\"read\",\"timestamp\":\"x\"}" },
        { "message.reaction", "{}" },
        { "message.edited", "{\"id\":null}" },
        { "message.deleted", "{}" },
        { "message.starred", "{\"value\":1}" },
        { "session.created", "{}" },
        { "session.created", "{\"account\":1}" },
        { "session.status", "{}" },
        { "session.connected", "{\"user\":3}" },
        { "no.such.event", "{\"x\":\"\\u0000\"}" }
    };

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_true(wa_db_body(d, 7, 1 + i,
                               wa_span(bodies[i].p, bodies[i].n)));
    }

    for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        assert_true(wa_db_event(d, 100 + i, data[i][0], data[i][1]));
    }

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 0);

    /* Keys too long to be indexed, and texts of every kind. */

    memset(big, 'k', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    memset(&m, 0, sizeof(m));
    m.id = "m1";
    m.jid = big;
    assert_true(wa_db_message(d, 200, &m));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 0);

    m.jid = NULL;
    m.body = big;
    m.push_name = big;
    assert_true(wa_db_message(d, 201, &m));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 1);
}


/* A NUL in a text: PostgreSQL has none, so neither has the other. */
static void
a_nul_is_replaced(void **state)
{
    char            *text, *at;
    wa_db_t         *d = *state;
    wa_db_message_t  m = { .id = "m1", .body = "a#b" };

    text = wa_db_message_text(&m);

    /* The other place of the text goes: there is room for the escape. */

    at = strstr(text, ",\"text\":\"a#b\"");
    assert_non_null(at);
    memmove(at, at + 13, strlen(at + 13) + 1);
    at = strstr(text, "a#b");
    assert_non_null(at);
    memmove(at + 8, at + 3, strlen(at + 3) + 1);
    memcpy(at, "a\\u0000b", 8);
    assert_true(wa_db_body(d, 7, 1, wa_span_str(text)));
    free(text);

    assert_string_equal(look(d, "SELECT body FROM wa_messages"),
                        "a\xef\xbf\xbd" "b");
    assert_non_null(strstr(look(d, "SELECT object FROM wa_messages"),
                           "a\\u0000b"));
}


static void
log_ids(void **state)
{
    size_t       i;
    wa_log_id_t  a, b;

    static const char  *const bad[] = {
        "", "-", "1", "1-", "-1", "a-1", "1-a", "1-1-1", " 1-1", "1-1 ",
        "18446744073709551616-0", "1--1", "+1-1"
    };

    (void) state;

    assert_true(wa_log_id_parse(wa_span_str("1700000000000-12"), &a));
    assert_true(a.ms == 1700000000000 && a.seq == 12);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        if (wa_log_id_parse(wa_span_str(bad[i]), &a)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }

    b = a;
    assert_int_equal(wa_log_id_cmp(a, b), 0);
    b.seq++;
    assert_true(wa_log_id_cmp(a, b) < 0);
    b.ms--;
    assert_true(wa_log_id_cmp(a, b) > 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(messages_chats_and_contacts),
        WA_DB_BOTH(a_nul_holds_up_nothing),
        WA_DB_BOTH(a_replay_changes_nothing),
        WA_DB_BOTH(a_message_said_twice_counts_once),
        WA_DB_BOTH(a_batch_overlaps_and_mixes_shards),
        WA_DB_BOTH(a_former_owner_writes_nothing),
        WA_DB_BOTH(a_status_only_moves_forward),
        WA_DB_BOTH(a_receipt_may_come_before_its_message),
        WA_DB_BOTH(a_failure_is_left_for_proof_only),
        WA_DB_BOTH(edited_deleted_starred),
        WA_DB_BOTH(reactions),
        WA_DB_BOTH(chats_and_unread),
        WA_DB_BOTH(chats_of_a_batch),
        WA_DB_BOTH(accounts),
        WA_DB_BOTH(history_goes_with_its_account),
        WA_DB_BOTH(any_body_is_taken),
        WA_DB_BOTH(a_nul_is_replaced),
        cmocka_unit_test(log_ids)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
