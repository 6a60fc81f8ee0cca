/* Projection of app state, and reading it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "wa_archive.h"
#include "wa_db.h"

#define CHAT  "15550002@s.whatsapp.net"
#define ROOM  "120363001@g.us"


static void
event(wa_db_t *d, uint64_t ms, const char *type, const char *data)
{
    assert_true(wa_db_event(d, ms, type, data));
}


/* One member of the chat as the API shows it; a new reference. */
static json_t *
shown(wa_db_t *d, const char *name)
{
    json_t              *chat, *v;
    wa_archive_query_t   q;

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_chat(d->db, &q, wa_span_str(CHAT), &chat),
                     WA_OK);
    assert_non_null(chat);
    wa_archive_chat_now(chat, 1000);
    v = json_incref(json_object_get(chat, name));
    json_decref(chat);

    return v;
}


static void
assert_shown(wa_db_t *d, const char *name, const char *json)
{
    char    *text;
    json_t  *v;

    v = shown(d, name);
    text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, json);
    free(text);
    json_decref(v);
}


static void
chats_are_what_all_devices_know(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m = { .type = "message.received", .id = "1" };

    /* before there is any message, but only for what is so */

    event(d, 1000, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"lid\":\"200@lid\",\"is_group\":false,\"is_archived\":false}}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_chats"), 0);
    event(d, 1100, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"lid\":\"200@lid\",\"is_group\":false,\"is_archived\":true}}");
    assert_shown(d, "is_archived", "true");
    assert_shown(d, "lid", "\"200@lid\"");

    m.ts = 500;
    assert_true(wa_db_message(d, 1200, &m));
    assert_shown(d, "is_archived", "true");
    assert_shown(d, "last_message_body", "\"hello\"");
    assert_shown(d, "unread_count", "1");

    event(d, 1300, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_pinned\":true}}");
    event(d, 1400, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_archived\":false}}");
    assert_shown(d, "is_archived", "false");
    assert_shown(d, "is_pinned", "true");

    event(d, 1500, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_muted\":true,\"mute_expiry\":2000}}");
    assert_shown(d, "is_muted", "true");
    assert_shown(d, "mute_expiry", "2000");
    event(d, 1600, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_muted\":true,\"mute_expiry\":900}}");
    assert_shown(d, "is_muted", "false");
    event(d, 1700, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_muted\":true,\"mute_expiry\":null}}");
    assert_shown(d, "is_muted", "true");
    assert_shown(d, "mute_expiry", "null");
    event(d, 1800, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"is_muted\":false,\"mute_expiry\":null}}");
    assert_shown(d, "is_muted", "false");
}


static void
reading_up_to_a_message(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m = { .type = "message.received", .id = "1" };

    m.ts = 100;
    assert_true(wa_db_message(d, 1000, &m));
    m.id = "2";
    m.ts = 200;
    assert_true(wa_db_message(d, 1100, &m));
    m.id = "3";
    m.ts = 300;
    assert_true(wa_db_message(d, 1200, &m));
    assert_shown(d, "unread_count", "3");

    event(d, 1300, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"unread_count\":0,\"marked_unread\":false,\"read_until\":200}}");
    assert_shown(d, "unread_count", "1");
    event(d, 1400, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"unread_count\":0,\"marked_unread\":false,\"read_until\":300}}");
    assert_shown(d, "unread_count", "0");
    event(d, 1500, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"marked_unread\":true}}");
    assert_shown(d, "unread_count", "1");
    event(d, 1600, "chat.updated", "{\"chat\":{\"jid\":\"" CHAT "\","
          "\"unread_count\":0,\"marked_unread\":false}}");
    assert_shown(d, "unread_count", "0");
}


static void
clearing_and_deleting(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m = { .type = "message.received", .id = "1" };

    m.ts = 100;
    assert_true(wa_db_message(d, 1000, &m));
    m.id = "2";
    m.ts = 200;
    assert_true(wa_db_message(d, 1100, &m));

    event(d, 1200, "message.starred", "{\"id\":\"1\",\"value\":true}");
    event(d, 1300, "chat.cleared", "{\"jid\":\"" CHAT "\",\"until\":200,"
          "\"keep_starred\":true}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_messages"
                                      " WHERE deleted_at IS NOT NULL"), 1);
    assert_shown(d, "last_message_body", "null");

    m.id = "3";
    m.ts = 300;
    assert_true(wa_db_message(d, 1400, &m));
    event(d, 1500, "chat.deleted", "{\"jid\":\"" CHAT "\",\"until\":200}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_messages"
                                      " WHERE deleted_at IS NOT NULL"), 2);
    assert_shown(d, "last_message_body", "\"hello\"");
    event(d, 600000, "chat.deleted", "{\"jid\":\"" CHAT "\"}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_chats"), 0);
}


/* Where an action names no writer, the id and the chat lead to it. */
static void
messages_by_either_id(void **state)
{
    wa_db_t         *d = *state;
    wa_db_message_t  m = { .type = "message.received", .id = "1" };

    m.jid = ROOM;
    assert_true(wa_db_message(d, 1000, &m));
    event(d, 1100, "message.starred", "{\"id\":\"W1\",\"message_id\":\"W1\","
          "\"chat_jid\":\"" ROOM "\",\"value\":true}");
    assert_int_equal(wa_db_int(d->db, "SELECT is_starred FROM wa_messages"),
                     1);
    event(d, 1200, "message.starred", "{\"id\":\"1\",\"message_id\":\"W1\","
          "\"chat_jid\":\"" ROOM "\",\"value\":false}");
    assert_int_equal(wa_db_int(d->db, "SELECT is_starred FROM wa_messages"),
                     0);
    event(d, 1300, "message.deleted", "{\"id\":\"W1\",\"message_id\":\"W1\","
          "\"chat_jid\":\"other@g.us\",\"for\":\"me\",\"deleted_at\":\"x\"}"
          );
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_messages"
                                      " WHERE deleted_at IS NULL"), 1);
    event(d, 1400, "message.deleted", "{\"id\":\"W1\",\"message_id\":\"W1\","
          "\"chat_jid\":\"" ROOM "\",\"for\":\"me\",\"deleted_at\":\"x\"}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_messages"
                                      " WHERE deleted_at IS NULL"), 0);

    /* an event about nobody's message changes none */

    event(d, 1500, "message.starred", "{\"id\":\"\",\"value\":true}");
    assert_int_equal(wa_db_int(d->db, "SELECT is_starred FROM wa_messages"),
                     0);
}


static void
names_and_labels(void **state)
{
    json_t              *o;
    wa_db_t             *d = *state;
    int64_t              next;
    wa_db_message_t      m = { .type = "message.received", .id = "1" };
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    m.push_name = "self given";
    assert_true(wa_db_message(d, 1000, &m));
    assert_shown(d, "name", "\"self given\"");
    event(d, 1100, "contact.updated", "{\"contact\":{\"jid\":\"" CHAT "\","
          "\"lid\":\"200@lid\",\"name\":\"Book\",\"short_name\":\"B\"}}");
    assert_shown(d, "name", "\"Book\"");

    wa_archive_query_init(&q, wa_span_str("default"));
    q.search = wa_span_str("book");
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    event(d, 1200, "contact.updated", "{\"contact\":{\"jid\":\"" CHAT "\","
          "\"lid\":null,\"name\":null,\"short_name\":null}}");
    assert_shown(d, "name", "\"self given\"");

    event(d, 1300, "label.updated", "{\"id\":\"7\",\"name\":\"Seven\","
          "\"color\":\"3\",\"deleted\":false}");
    event(d, 1400, "label.associated", "{\"label_id\":\"7\",\"type\":"
          "\"chat\",\"chat_jid\":\"200@lid\",\"message_id\":null,"
          "\"value\":true}");
    event(d, 1500, "chat.merged", "{\"from\":\"200@lid\",\"into\":\"" CHAT
          "\",\"lid\":\"200@lid\"}");

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_labels(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    o = json_array_get(page.items, 0);
    assert_string_equal(json_string_value(json_object_get(o, "name")),
                        "Seven");
    o = json_object_get(o, "chats");
    assert_int_equal(json_array_size(o), 1);
    assert_string_equal(json_string_value(json_array_get(o, 0)), CHAT);
    json_decref(page.items);

    assert_int_equal(wa_archive_label_next(d->db, wa_span_str("a1"), &next),
                     WA_OK);
    assert_int_equal(next, 8);
    event(d, 1600, "label.associated", "{\"label_id\":\"7\",\"type\":"
          "\"chat\",\"chat_jid\":\"" CHAT "\",\"value\":false}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM"
                                      " wa_label_links"), 0);
    event(d, 1700, "label.updated", "{\"id\":\"7\",\"name\":\"\","
          "\"deleted\":true}");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_labels"), 0);
}


/* Many beside one event, and what has no meaning yet. */
static void
many_beside_one(void **state)
{
    char             body[300], text[64];
    wa_db_t         *d = *state;
    uint64_t         epoch;
    wa_log_entry_t   e;

    static const char  aside[] =
        "{\"events\":[{\"type\":\"contact.updated\",\"data\":{\"contact\":"
        "{\"jid\":\"1@s.whatsapp.net\",\"name\":\"One\"}}},"
        "{\"type\":\"nonsense\"},{\"type\":\"setting.updated\",\"data\":"
        "{\"name\":\"locale\",\"value\":\"de\"}},"
        "{\"type\":\"app_state.kept\",\"data\":{\"collection\":\"regular\","
        "\"index\":\"[\\\"new\\\"]\",\"removed\":false,\"raw\":\"AA==\"}},"
        "{\"type\":\"app_state.synced\",\"data\":{}}]}";

    (void) snprintf(body, sizeof(body), "{\"type\":\"app_state.synced\","
                    "\"tenant_id\":\"default\",\"account_id\":\"a1\","
                    "\"session_id\":\"s\",\"timestamp\":\"t\",\"data\":"
                    "{\"collection\":\"regular\",\"changes\":4}}");
    memset(&e, 0, sizeof(e));
    e.shard = 7;
    e.id.ms = 1000;
    e.body = wa_span_str(body);
    e.aside = wa_span_str(aside);
    epoch = 1;
    assert_int_equal(wa_project_batch(d->db, &e, &epoch, 1, NULL, NULL),
                     WA_OK);

    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_contacts"
                                      " WHERE name = 'One'"), 1);
    wa_db_text(d->db, "SELECT value FROM wa_app_state WHERE idx = 'locale'",
               text, sizeof(text));
    assert_string_equal(text, "\"de\"");
    wa_db_text(d->db, "SELECT raw FROM wa_app_state"
                      " WHERE idx = '[\"new\"]'", text, sizeof(text));
    assert_string_equal(text, "AA==");
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_events"), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(chats_are_what_all_devices_know),
        WA_DB_BOTH(reading_up_to_a_message),
        WA_DB_BOTH(clearing_and_deleting),
        WA_DB_BOTH(messages_by_either_id),
        WA_DB_BOTH(names_and_labels),
        WA_DB_BOTH(many_beside_one)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
