/* Projection of the event log: what events become, exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_db.h"
#include "wa_project.h"


/* A message event of account "a1"; `id` names it. */
#define MESSAGE(type, id, me, status, ts, body)                               \
    "{\"type\":\"" type "\",\"timestamp\":\"2026-11-21T10:00:00.000Z\","      \
    "\"tenant_id\":\"default\",\"account_id\":\"a1\",\"session_id\":\"s1\","  \
    "\"data\":{\"message\":{\"id\":\"" id "\",\"message_id\":\"W" id "\","    \
    "\"account_id\":\"a1\",\"remote_jid\":\"15550002@s.whatsapp.net\","       \
    "\"lid\":\"200@lid\",\"from_me\":" me ","                                 \
    "\"from_jid\":\"15550002@s.whatsapp.net\",\"from_lid\":\"200@lid\","      \
    "\"message_type\":\"text\",\"type\":\"TEXT\",\"has_media\":false,"        \
    "\"status\":\"" status "\",\"source\":\"whatsapp\","                      \
    "\"push_name\":\"Bo\",\"timestamp\":" #ts ",\"body\":\"" body "\"}}}"

#define RECEIVED(id, ts, body)                                                \
    MESSAGE("message.received", id, "false", "RECEIVED", ts, body)
#define SENT(id, ts, body)                                                    \
    MESSAGE("message.sent", id, "true", "SENT", ts, body)


static wa_log_entry_t
entry(uint32_t shard, uint64_t ms, uint64_t seq, const char *body)
{
    wa_log_entry_t  e;

    e.shard = shard;
    e.id.ms = ms;
    e.id.seq = seq;
    e.body = wa_span_str(body);

    return e;
}


/* Projects with one epoch for all; counts what was applied. */
static size_t
project(wa_sql_t *db, const wa_log_entry_t *entries, size_t n,
    uint64_t epoch, size_t *fenced)
{
    size_t    i, applied;
    uint64_t  epochs[64];

    assert_true(n <= 64);

    for (i = 0; i < n; i++) {
        epochs[i] = epoch;
    }

    applied = 12345;

    if (wa_project_batch(db, entries, epochs, n, &applied, fenced) != WA_OK) {
        fail_msg("batch: %s", wa_sql_error(db));
    }

    return applied;
}


static void
messages_chats_and_contacts(void **state)
{
    char            text[256];
    wa_db_t        *d = *state;
    wa_log_entry_t  e[3];

    e[0] = entry(7, 1000, 0, RECEIVED("m1", 100, "hello"));
    e[1] = entry(7, 1000, 1, RECEIVED("m2", 100, "again"));
    e[2] = entry(7, 1001, 0, SENT("m3", 101, "answer"));

    assert_int_equal(project(d->db, e, 3, 1, NULL), 3);

    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_events"), 3);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_messages"), 3);
    assert_int_equal(wa_db_int(d->db, "SELECT unread_count FROM wa_chats"),
                     2);
    wa_db_text(d->db, "SELECT last_body FROM wa_chats", text, sizeof(text));
    assert_string_equal(text, "answer");
    wa_db_text(d->db, "SELECT notify_name FROM wa_contacts", text,
               sizeof(text));
    assert_string_equal(text, "Bo");
    assert_int_equal(wa_db_int(d->db, "SELECT ms FROM wa_projection"
                                      " WHERE shard = 7 AND seq = 0"), 1001);
}


static void
a_replay_changes_nothing(void **state)
{
    wa_db_t        *d = *state;
    wa_log_entry_t  e[3];

    e[0] = entry(7, 1000, 0, RECEIVED("m1", 100, "hello"));
    e[1] = entry(7, 1000, 1, RECEIVED("m2", 100, "again"));
    e[2] = entry(7, 1002, 0, RECEIVED("m3", 100, "more"));

    assert_int_equal(project(d->db, e, 2, 1, NULL), 2);
    assert_int_equal(project(d->db, e, 2, 1, NULL), 0);
    assert_int_equal(project(d->db, e, 3, 1, NULL), 1);
    assert_int_equal(project(d->db, e + 1, 2, 1, NULL), 0);

    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_events"), 3);
    assert_int_equal(wa_db_int(d->db, "SELECT unread_count FROM wa_chats"),
                     3);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(messages_chats_and_contacts),
        WA_DB_BOTH(a_replay_changes_nothing)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
