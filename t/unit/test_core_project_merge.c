/* Projection of chat.merged: two addresses turn out to be one person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "wa_archive.h"
#include "wa_db_look.h"

#define PN   "15550002@s.whatsapp.net"
#define LID  "200@lid"


static void
message(wa_db_t *d, uint64_t ms, const char *id, const char *jid,
    const char *lid, int64_t ts, const char *type)
{
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    m.type = type;
    m.id = id;
    m.jid = jid;
    m.lid = lid;
    m.ts = ts;
    m.body = id;
    assert_true(wa_db_message(d, ms, &m));
}


static void
receipt(wa_db_t *d, uint64_t ms, const char *id, const char *who)
{
    char  data[300];

    (void) snprintf(data, sizeof(data), "{\"id\":\"%s\",\"message_id\":\"x\","
                    "\"chat_jid\":\"%s\",\"recipient_jid\":\"%s\","
                    "\"status\":\"read\",\"timestamp\":5}", id, who, who);
    assert_true(wa_db_event(d, ms, "message.receipt", data));
}


static void
reaction(wa_db_t *d, uint64_t ms, const char *id, const char *who)
{
    char  data[300];

    (void) snprintf(data, sizeof(data), "{\"target_id\":\"%s\","
                    "\"chat_jid\":\"%s\",\"from_jid\":\"%s\",\"emoji\":"
                    "\"x\"}", id, who, who);
    assert_true(wa_db_event(d, ms, "message.reaction", data));
}


static void
vote(wa_db_t *d, uint64_t ms, const char *id, const char *who, int at,
    const char *option)
{
    char  data[300];

    (void) snprintf(data, sizeof(data), "{\"target_id\":\"%s\","
                    "\"voter_jid\":\"%s\",\"voter_lid\":null,"
                    "\"options\":[\"%s\"],\"timestamp_ms\":%d}", id, who,
                    option, at);
    assert_true(wa_db_event(d, ms, "poll.vote", data));
}


static bool
merge(wa_db_t *d, uint64_t ms, const char *from, const char *into)
{
    char  data[200];

    (void) snprintf(data, sizeof(data), "{\"from\":\"%s\",\"into\":\"%s\","
                    "\"lid\":\"" LID "\"}", from, into);

    return wa_db_event(d, ms, "chat.merged", data);
}


static json_t *
object(wa_db_t *d, const char *id)
{
    char     query[100];
    json_t  *m;

    (void) snprintf(query, sizeof(query),
                    "SELECT object FROM wa_messages WHERE id = '%s'", id);
    m = json_loads(look(d, query), 0, NULL);
    assert_non_null(m);

    return m;
}


/* The number had no chat yet. */
static void
a_chat_gets_its_number(void **state)
{
    json_t   *m;
    wa_db_t  *d = *state;

    message(d, 1, "m1", LID, LID, 100, "message.received");
    message(d, 2, "m2", LID, LID, 101, "message.sent");
    message(d, 3, "other", "15559999@s.whatsapp.net", "300@lid", 102,
            "message.received");
    receipt(d, 4, "m2", LID);
    reaction(d, 5, "m2", LID);
    assert_true(merge(d, 6, LID, PN));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_chats"), 2);
    assert_string_equal(look(d, "SELECT lid FROM wa_chats WHERE jid = '" PN
                                "'"), LID);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"
                               " WHERE jid = '" PN "'"), 1);
    assert_string_equal(look(d, "SELECT last_body FROM wa_chats"
                                " WHERE jid = '" PN "'"), "m2");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"
                               " WHERE chat_jid = '" PN "'"), 2);
    assert_string_equal(look(d, "SELECT from_jid FROM wa_messages"
                                " WHERE id = 'm1'"), PN);
    assert_string_equal(look(d, "SELECT recipient_jid FROM wa_receipts"), PN);
    assert_string_equal(look(d, "SELECT from_jid FROM wa_reactions"), PN);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_contacts"), 2);
    assert_string_equal(look(d, "SELECT phone_number FROM wa_contacts"
                                " WHERE jid = '" PN "'"), "15550002");

    m = object(d, "m1");
    assert_string_equal(json_string_value(json_object_get(m, "remote_jid")),
                        PN);
    assert_string_equal(json_string_value(json_object_get(m, "from_jid")),
                        PN);
    assert_string_equal(json_string_value(json_object_get(m, "lid")), LID);
    json_decref(m);
}


/* Both had one. */
static void
two_chats_become_one(void **state)
{
    wa_db_t  *d = *state;

    message(d, 1, "m1", PN, LID, 300, "message.received");
    message(d, 2, "m2", LID, LID, 200, "message.received");
    message(d, 3, "m3", LID, LID, 201, "message.sent");
    receipt(d, 4, "m3", LID);
    receipt(d, 5, "m3", PN);
    reaction(d, 6, "m3", LID);
    reaction(d, 7, "m3", PN);
    assert_true(merge(d, 8, LID, PN));
    assert_false(merge(d, 8, LID, PN));
    assert_true(merge(d, 9, LID, PN));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_chats"), 1);
    assert_int_equal(number(d, "SELECT unread_count FROM wa_chats"), 2);
    assert_string_equal(look(d, "SELECT last_id FROM wa_chats"), "m1");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_receipts"), 1);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_reactions"), 1);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_contacts"), 1);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"
                               " WHERE chat_jid = '" PN "'"), 3);
}


/* Of two votes that turn out to be one person's the later counts. */
static void
votes_follow(void **state)
{
    wa_db_t  *d = *state;

    message(d, 1, "p1", LID, LID, 100, "message.received");
    message(d, 2, "p2", PN, LID, 101, "message.received");
    message(d, 3, "p3", LID, LID, 102, "message.received");
    vote(d, 4, "p1", LID, 10, "A");
    vote(d, 5, "p2", PN, 20, "old");
    vote(d, 6, "p2", LID, 21, "new");
    vote(d, 7, "p3", PN, 31, "new");
    vote(d, 8, "p3", LID, 30, "old");
    vote(d, 9, "p3", "300@lid", 30, "C");
    assert_true(merge(d, 10, LID, PN));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_votes"), 4);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_votes WHERE voter = '"
                               PN "'"), 3);
    assert_string_equal(look(d, "SELECT options FROM wa_votes"
                                " WHERE id = 'p1'"), "[\"A\"]");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_votes"
                               " WHERE options = '[\"new\"]'"), 2);
}


/* What a member did in a group is his under his number, too. */
static void
members_follow(void **state)
{
    wa_db_t  *d = *state;

    message(d, 1, "g1", "1203@g.us", NULL, 100, "message.received");
    reaction(d, 2, "g1", LID);
    reaction(d, 3, "g1", "300@lid");
    vote(d, 4, "g1", LID, 10, "A");
    vote(d, 5, "g1", "300@lid", 11, "B");
    assert_true(merge(d, 6, LID, PN));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_reactions"), 2);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_reactions"
                               " WHERE from_jid = '" PN "'"), 1);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_votes"), 2);
    assert_string_equal(look(d, "SELECT options FROM wa_votes"
                                " WHERE voter = '" PN "'"), "[\"A\"]");
}


static void
removed(wa_db_t *d, uint64_t ms, const char *room, const char *by,
    const char *who)
{
    char  data[300];

    (void) snprintf(data, sizeof(data), "{\"jid\":\"%s\",\"action\":"
                    "\"remove\",\"by_jid\":\"%s\",\"participants\":"
                    "[\"%s\"]}", room, by, who);
    assert_true(wa_db_event(d, ms, "group.participants", data));
}


/* Who left a group under the hidden address, and under both. */
static void
past_members_follow(void **state)
{
    wa_db_t  *d = *state;

    removed(d, 1000, "1203@g.us", LID, LID);
    removed(d, 2000, "1204@g.us", PN, PN);
    removed(d, 3000, "1204@g.us", "300@lid", LID);
    removed(d, 4000, "1205@g.us", LID, LID);
    removed(d, 5000, "1205@g.us", "300@lid", PN);
    removed(d, 6000, "1203@g.us", "", "300@lid");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_past"), 6);
    assert_true(merge(d, 7000, LID, PN));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_past"), 4);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_past"
                               " WHERE jid = '" LID "'"), 0);
    assert_string_equal(look(d, "SELECT jid || ' ' || lid || ' ' || reason"
                                " FROM wa_group_past WHERE left_ts = 1"),
                        PN " " LID " left");
    assert_string_equal(look(d, "SELECT lid || ' ' || reason || ' ' ||"
                                " left_ts FROM wa_group_past"
                                " WHERE group_jid = '1204@g.us'"),
                        LID " removed 3");
    assert_string_equal(look(d, "SELECT lid || ' ' || reason || ' ' ||"
                                " left_ts FROM wa_group_past"
                                " WHERE group_jid = '1205@g.us'"),
                        LID " removed 5");
}


/* Another account's chats, a body that looks like an address. */
static void
nothing_else_is_touched(void **state)
{
    json_t           *o;
    wa_db_t          *d = *state;
    wa_db_message_t   m;

    memset(&m, 0, sizeof(m));
    m.type = "message.received";
    m.id = "theirs";
    m.account = "a2";
    m.jid = LID;
    m.lid = LID;
    m.ts = 100;
    assert_true(wa_db_message(d, 1, &m));

    memset(&m, 0, sizeof(m));
    m.type = "message.received";
    m.id = "ours";
    m.jid = LID;
    m.lid = LID;
    m.ts = 100;
    m.body = "\\\"jid\\\":\\\"" LID "\\\"";
    assert_true(wa_db_message(d, 2, &m));

    assert_true(merge(d, 3, LID, PN));
    assert_true(merge(d, 4, "", PN));
    assert_true(wa_db_event(d, 5, "chat.merged", "{\"from\":1}"));

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_chats"
                               " WHERE jid = '" LID "'"), 1);
    assert_string_equal(look(d, "SELECT chat_jid FROM wa_messages"
                                " WHERE id = 'theirs'"), LID);
    o = object(d, "ours");
    assert_string_equal(json_string_value(json_object_get(o, "body")),
                        look(d, "SELECT body FROM wa_messages"
                                " WHERE id = 'ours'"));
    assert_non_null(strstr(look(d, "SELECT body FROM wa_messages"
                                   " WHERE id = 'ours'"), LID));
    json_decref(o);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(a_chat_gets_its_number),
        WA_DB_BOTH(two_chats_become_one),
        WA_DB_BOTH(votes_follow),
        WA_DB_BOTH(members_follow),
        WA_DB_BOTH(past_members_follow),
        WA_DB_BOTH(nothing_else_is_touched),
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
