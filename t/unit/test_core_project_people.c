/* Projection of calls and contacts, and reading them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "wa_archive.h"
#include "wa_db.h"
#include "wa_news.h"

#define BOB      "4915100002@s.whatsapp.net"
#define BOB_LID  "70000002@lid"


static uint64_t  clock_ms;


static void
event(wa_db_t *d, const char *type, const char *data)
{
    assert_true(wa_db_event(d, ++clock_ms, type, data));
}


static void
call(wa_db_t *d, const char *id, const char *from, const char *lid,
    const char *status, int t)
{
    char  data[1024];

    (void) snprintf(data, sizeof(data), "{\"call\":{\"id\":\"%s\","
                    "\"account_id\":\"a1\",\"from_jid\":\"%s\","
                    "\"from_lid\":%s,\"group_jid\":null,\"from_me\":false,"
                    "\"status\":\"%s\",\"timestamp\":%d,"
                    "\"participants\":[]}}", id, from, lid, status, t);
    event(d, "call", data);
}


static json_t *
calls(wa_db_t *d, const char *from, int64_t before, int64_t *total)
{
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    wa_archive_query_init(&q, wa_span_str("default"));
    q.limit = 10;
    q.before = before;

    if (from != NULL) {
        q.from = wa_span_str(from);
    }

    assert_int_equal(wa_archive_calls(d->db, &q, &page), WA_OK);
    *total = page.total;

    return page.items;
}


static void
calls_are_kept(void **state)
{
    json_t    *list;
    int64_t    total;
    wa_db_t   *d = *state;

    call(d, "C1", BOB, "\"" BOB_LID "\"", "offer", 1000);
    call(d, "C2", "4915100003@s.whatsapp.net", "null", "offer", 2000);
    call(d, "C1", BOB, "\"" BOB_LID "\"", "timeout", 1000);
    event(d, "call", "{\"call\":{\"id\":7}}");
    event(d, "call", "{\"call\":null}");

    list = calls(d, NULL, 0, &total);
    assert_int_equal(total, 2);
    assert_string_equal(json_string_value(json_object_get(
        json_array_get(list, 0), "id")), "C2");
    assert_string_equal(json_string_value(json_object_get(
        json_array_get(list, 1), "status")), "timeout");
    json_decref(list);

    json_decref(calls(d, BOB_LID, 0, &total));
    assert_int_equal(total, 1);
    json_decref(calls(d, NULL, 2000, &total));
    assert_int_equal(total, 1);
    json_decref(calls(d, "1@g.us", 0, &total));
    assert_int_equal(total, 0);
}


static void
calls_go_with_the_account_and_its_merges(void **state)
{
    json_t    *list;
    int64_t    total;
    wa_db_t   *d = *state;

    call(d, "C1", BOB_LID, "\"" BOB_LID "\"", "offer", 1000);
    event(d, "chat.merged", "{\"from\":\"" BOB_LID "\",\"into\":\"" BOB
          "\",\"lid\":\"" BOB_LID "\"}");

    list = calls(d, BOB, 0, &total);
    assert_int_equal(total, 1);
    assert_string_equal(json_string_value(json_object_get(
        json_array_get(list, 0), "from_jid")), BOB);
    json_decref(list);

    event(d, "session.deleted", "{\"account_id\":\"a1\","
          "\"keep_history\":false}");
    json_decref(calls(d, NULL, 0, &total));
    assert_int_equal(total, 0);
}


static json_t *
contact(wa_db_t *d, const char *jid)
{
    json_t              *one;
    wa_archive_query_t   q;

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_contact(d->db, &q, wa_span_str(jid), &one),
                     WA_OK);

    return one;
}


static void
expect(wa_db_t *d, const char *jid, const char *name, const char *value)
{
    json_t      *one;
    const char  *text;

    one = contact(d, jid);
    assert_non_null(one);
    text = json_string_value(json_object_get(one, name));

    if (value == NULL) {
        assert_null(text);

    } else {
        assert_non_null(text);
        assert_string_equal(text, value);
    }

    json_decref(one);
}


static void
contacts_learn_what_is_told(void **state)
{
    wa_db_t  *d = *state;

    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB "\",\"lid\":"
          "\"" BOB_LID "\",\"status_text\":\"busy\",\"verified_name\":"
          "\"Bob & Co\"}}");
    expect(d, BOB, "status_text", "busy");
    expect(d, BOB_LID, "verified_name", "Bob & Co");
    expect(d, BOB, "phone_number", "4915100002");
    expect(d, BOB, "name", NULL);

    /* what an event does not have stays, null takes away */

    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB "\",\"name\":"
          "\"Bob\",\"status_text\":null}}");
    expect(d, BOB, "name", "Bob");
    expect(d, BOB, "status_text", NULL);
    expect(d, BOB, "verified_name", "Bob & Co");
    expect(d, BOB, "lid", BOB_LID);

    /* of whom nothing is known, that changes nothing */

    event(d, "contact.updated", "{\"contact\":{\"jid\":\"4917@s.whatsapp"
          ".net\",\"lid\":null,\"status_text\":null}}");
    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB "\",\"name\":"
          "null,\"lid\":null}}");
    expect(d, BOB, "name", NULL);
    expect(d, BOB, "lid", BOB_LID);
    expect(d, BOB, "verified_name", "Bob & Co");

    event(d, "contact.updated", "{\"contact\":{\"jid\":17}}");
    event(d, "contact.updated", "{\"contact\":{\"lid\":\"1@lid\"}}");
    event(d, "contact.updated", "{\"contact\":{\"jid\":\"\"}}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_contacts"), 1);
}


static void
a_merged_contact_keeps_what_was_told(void **state)
{
    wa_db_t  *d = *state;

    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB_LID "\","
          "\"lid\":\"" BOB_LID "\",\"name\":\"by lid\",\"username\":\"b\"}}");
    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB "\","
          "\"name\":\"by number\"}}");
    event(d, "chat.merged", "{\"from\":\"" BOB_LID "\",\"into\":\"" BOB
          "\",\"lid\":\"" BOB_LID "\"}");
    expect(d, BOB, "name", "by number");
    expect(d, BOB, "username", "b");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_contacts"), 1);
}


static json_t *
news(wa_db_t *d, uint32_t shard)
{
    json_t  *found;

    assert_int_equal(wa_news_find(d->db, &shard, 1, &found), WA_OK);

    return found;
}


/* The `i`th of the news as an event, which then is projected itself. */
static const char *
told(wa_db_t *d, const json_t *list, size_t i, uint64_t ms)
{
    char          *text;
    const char    *type;
    const json_t  *item;

    item = json_array_get(list, i);
    type = json_string_value(json_object_get(item, "type"));
    text = json_dumps(json_object_get(item, "data"), JSON_COMPACT);
    assert_non_null(text);
    assert_true(wa_db_event(d, ms, type, text));
    free(text);

    return type;
}


static const json_t *
told_data(const json_t *list, size_t i, const char *name)
{
    return json_object_get(json_object_get(json_array_get(list, i), "data"),
                           name);
}


static void
assert_called(const json_t *list, size_t i, const char *name, bool created)
{
    assert_string_equal(json_string_value(json_object_get(
                            told_data(list, i, "contact"), "notify_name")),
                        name);
    assert_true(json_is_true(told_data(list, i, "created")) == created);
}


/* Who writes for the first time, and under another name, is told once; the
   telling changes nothing. */
static void
messages_make_news(void **state)
{
    json_t           *list, *late;
    wa_db_t          *d = *state;
    wa_db_message_t   m = { .type = "message.received", .id = "1" };

    event(d, "contact.updated", "{\"contact\":{\"jid\":\"" BOB "\","
          "\"name\":\"From the book\"}}");
    assert_null(news(d, 7));
    assert_true(wa_db_message(d, 100000, &m));
    assert_null(news(d, 8));
    list = news(d, 7);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(told(d, list, 0, 100001), "chat.updated");
    assert_string_equal(told(d, list, 1, 100002), "contact.updated");
    assert_string_equal(json_string_value(json_object_get(
                            told_data(list, 0, "chat"), "jid")),
                        "15550002@s.whatsapp.net");
    assert_string_equal(json_string_value(json_object_get(
                            told_data(list, 0, "chat"),
                            "last_message_body")), "hello");
    assert_true(json_is_true(told_data(list, 0, "created")));
    assert_called(list, 1, "Bo", true);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_contacts"
                                      " WHERE notify_name = 'Bo'"
                                      " AND name IS NULL"), 1);
    assert_int_equal(wa_db_int(d->db, "SELECT unread_count FROM wa_chats"),
                     1);

    /* once, and what has changed meanwhile again */

    m.id = "2";
    m.push_name = "Bobby";
    assert_true(wa_db_message(d, 100003, &m));
    assert_int_equal(wa_news_told(d->db, list), WA_OK);
    json_decref(list);
    list = news(d, 7);
    assert_int_equal(json_array_size(list), 1);
    assert_called(list, 0, "Bobby", false);
    assert_int_equal(wa_news_told(d->db, list), WA_OK);
    json_decref(list);
    assert_null(news(d, 7));

    m.id = "3";
    assert_true(wa_db_message(d, 100004, &m));
    assert_null(news(d, 7));
    m.id = "4";
    m.push_name = "Robert";
    assert_true(wa_db_message(d, 100005, &m));
    list = news(d, 7);
    assert_called(list, 0, "Robert", false);
    m.id = "5";
    m.push_name = "Rob";
    assert_true(wa_db_message(d, 100006, &m));
    assert_int_equal(wa_news_told(d->db, list), WA_OK);
    late = news(d, 7);
    assert_called(late, 0, "Rob", false);
    json_decref(late);
    json_decref(list);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(calls_are_kept),
        WA_DB_BOTH(calls_go_with_the_account_and_its_merges),
        WA_DB_BOTH(contacts_learn_what_is_told),
        WA_DB_BOTH(a_merged_contact_keeps_what_was_told),
        WA_DB_BOTH(messages_make_news),
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
