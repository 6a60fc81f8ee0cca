/* Projection of presence and of what was read on own devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "wa_archive.h"
#include "wa_db_look.h"
#include "wa_project.h"

#define BOB      "15550002@s.whatsapp.net"
#define BOB_LID  "200@lid"
#define DAY_MS   86400000u

#define READ_HERE                                                             \
    "{\"chat\":{\"jid\":\"" BOB "\",\"unread_count\":0}}"
#define READ_ON_PHONE                                                         \
    "{\"chat\":{\"jid\":\"" BOB "\",\"unread_count\":0,"                     \
    "\"source\":\"phone\"}}"


static void
presence(wa_db_t *d, uint64_t ms, const char *chat, const char *status,
    const char *last)
{
    char  data[400];

    (void) snprintf(data, sizeof(data), "{\"chat_jid\":\"%s\",\"jid\":\"" BOB
                    "\",\"lid\":\"" BOB_LID "\",\"status\":\"%s\","
                    "\"last_seen\":%s}", chat, status, last);
    assert_true(wa_db_event(d, ms, "presence.updated", data));
}


static size_t
listed(wa_db_t *d, const wa_archive_query_t *q, size_t total)
{
    size_t             n;
    wa_archive_page_t  page;

    assert_int_equal(wa_archive_presence(d->db, q, &page), WA_OK);
    assert_int_equal(page.total, total);
    n = json_array_size(page.items);
    json_decref(page.items);

    return n;
}


static void
presence_is_kept(void **state)
{
    json_t              *o;
    wa_db_t             *d = *state;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    presence(d, 1000, BOB, "unavailable", "900");
    presence(d, 2000, "1-2@g.us", "composing", "null");
    presence(d, 3000, BOB, "available", "null");
    assert_true(wa_db_event(d, 4000, "presence.updated", "{\"jid\":5}"));

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_presence(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 3);
    o = json_array_get(page.items, 2);
    assert_string_equal(json_string_value(json_object_get(o, "jid")), BOB);
    assert_string_equal(json_string_value(json_object_get(o, "lid")),
                        BOB_LID);
    assert_string_equal(json_string_value(json_object_get(o, "status")),
                        "unavailable");
    assert_int_equal(json_integer_value(json_object_get(o, "last_seen")),
                     900);
    assert_string_equal(json_string_value(json_object_get(o, "logged_at")),
                        "1970-01-01T00:00:01.000Z");
    o = json_array_get(page.items, 0);
    assert_true(json_is_null(json_object_get(o, "last_seen")));
    json_decref(page.items);

    q.limit = 2;
    assert_int_equal(listed(d, &q, 3), 2);
    q.chat = wa_span_str(BOB_LID);
    q.before = 3;
    assert_int_equal(listed(d, &q, 2), 2);
    q.after = 1;
    assert_int_equal(listed(d, &q, 1), 1);
    q.chat = wa_span_str("1-2@g.us");
    assert_int_equal(listed(d, &q, 1), 1);
    q.chat = wa_span_none();
    q.account = wa_span_str("a2");
    assert_int_equal(listed(d, &q, 0), 0);
    wa_archive_query_init(&q, wa_span_str("another"));
    assert_int_equal(listed(d, &q, 0), 0);
}


static void
old_presence_goes(void **state)
{
    wa_db_t  *d = *state;

    presence(d, 1000, BOB, "available", "null");
    presence(d, 2000, BOB, "unavailable", "null");
    presence(d, 1500 + 7 * (uint64_t) DAY_MS, BOB, "available", "null");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_presence"), 2);

    wa_project_presence_keep(DAY_MS);
    presence(d, 1600 + 7 * (uint64_t) DAY_MS, BOB, "paused", "null");
    wa_project_presence_keep(7 * (int64_t) DAY_MS);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_presence"), 2);

    assert_true(wa_db_event(d, 1700 + 7 * (uint64_t) DAY_MS,
                            "session.deleted", "{\"account_id\":\"a1\","
                                               "\"keep_history\":false}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_presence"), 0);
}


static void
message(wa_db_t *d, uint64_t ms, const char *id, int64_t ts)
{
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    m.type = "message.received";
    m.id = id;
    m.ts = ts;
    assert_true(wa_db_message(d, ms, &m));
}


static void
receipt(wa_db_t *d, uint64_t ms, const char *id, const char *status)
{
    char  data[400];

    (void) snprintf(data, sizeof(data), "{\"id\":\"%s\",\"message_id\":\"W"
                    "\",\"chat_jid\":\"" BOB "\",\"recipient_jid\":"
                    "\"1555@s.whatsapp.net\",\"lid\":null,\"from_me\":true,"
                    "\"status\":\"%s\",\"timestamp\":777}", id, status);
    assert_true(wa_db_event(d, ms, "message.receipt", data));
}


static void
what_was_read_elsewhere(void **state)
{
    wa_db_t  *d = *state;

    message(d, 1, "m1", 100);
    message(d, 2, "m2", 200);
    message(d, 3, "m3", 300);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 3);

    receipt(d, 4, "m1", "read");
    receipt(d, 5, "m2", "played");
    receipt(d, 6, "m2", "read");
    receipt(d, 7, "m9", "read");
    assert_string_equal(look(d, "SELECT status FROM wa_messages"
                                " WHERE id = 'm1'"), "READ");
    assert_string_equal(look(d, "SELECT status FROM wa_messages"
                                " WHERE id = 'm2'"), "PLAYED");
    assert_int_equal(number(d, "SELECT read_ts FROM wa_messages"
                               " WHERE id = 'm1'"), 777);
    assert_string_equal(look(d, "SELECT status FROM wa_messages"
                                " WHERE id = 'm3'"), "RECEIVED");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_receipts"), 0);

    /* The third came after the chat was looked at. */

    assert_true(wa_db_event(d, 8, "chat.updated", READ_ON_PHONE));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 1);
    assert_true(wa_db_event(d, 9, "chat.updated", READ_HERE));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 0);

    /* It never makes more unread than there was. */

    assert_true(wa_db_event(d, 10, "chat.updated", READ_ON_PHONE));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 0);
    message(d, 11, "m4", 400);
    receipt(d, 12, "m4", "read");
    assert_true(wa_db_event(d, 13, "chat.updated", READ_ON_PHONE));
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(presence_is_kept),
        WA_DB_BOTH(old_presence_goes),
        WA_DB_BOTH(what_was_read_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
