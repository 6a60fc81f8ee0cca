/* Projection of groups and stories, and reading them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "wa_archive.h"
#include "wa_db_look.h"

#define ROOM  "120363001@g.us"
#define BIG   1024


/* `people` is the inside of "participants". */
static void
group(wa_db_t *d, uint64_t ms, const char *jid, const char *name,
    const char *people)
{
    char    *data;
    size_t   n;

    n = strlen(people) + 600;
    data = malloc(n);
    assert_non_null(data);

    (void) snprintf(data, n, "{\"type\":\"group.updated\",\"tenant_id\":"
                    "\"default\",\"account_id\":\"a1\",\"session_id\":"
                    "\"s\",\"timestamp\":\"t\",\"data\":{\"group\":"
                    "{\"jid\":\"%s\",\"account_id\":\"a1\","
                    "\"name\":\"%s\",\"participant_count\":2,"
                    "\"community_jid\":null,\"participants\":[%s]},"
                    "\"created\":false}}", jid, name, people);
    assert_true(wa_db_body(d, 7, ms, wa_span_str(data)));
    free(data);
}


static void
person(char *out, size_t cap, unsigned i, const char *role)
{
    (void) snprintf(out, cap, "%s{\"participant_jid\":\"1555%u@s.whatsapp"
                    ".net\",\"jid\":\"1555%u@s.whatsapp.net\",\"lid\":"
                    "\"2%u@lid\",\"role\":\"%s\"}", i == 0 ? "" : ",", i, i,
                    i, role);
}


static void
a_group_is_kept(void **state)
{
    char                 a[200], b[200], both[400];
    json_t              *o;
    wa_db_t             *d = *state;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    person(a, sizeof(a), 0, "superadmin");
    person(b, sizeof(b), 1, "member");
    (void) snprintf(both, sizeof(both), "%s%s", a, b);

    group(d, 1000, ROOM, "first", both);
    group(d, 2000, "120363002@g.us", "Other Room", a);
    group(d, 3000, ROOM, "sec\\u0000ond", both);

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_groups"), 2);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"), 3);
    assert_string_equal(look(d, "SELECT role FROM wa_group_members WHERE"
                                " group_jid = '" ROOM "' AND lid ="
                                " '20@lid'"), "superadmin");

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 2);
    o = json_array_get(page.items, 1);
    assert_string_equal(json_string_value(json_object_get(o, "jid")), ROOM);
    assert_null(json_object_get(o, "participants"));
    assert_string_equal(json_string_value(json_object_get(o,
                            "first_seen_at")), "1970-01-01T00:00:01.000Z");
    assert_string_equal(json_string_value(json_object_get(o, "updated_at")),
                        "1970-01-01T00:00:03.000Z");
    json_decref(page.items);

    q.search = wa_span_str("oTHER");
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    wa_archive_query_init(&q, wa_span_str("another"));
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 0);
    json_decref(page.items);
}


static void
expect_time(const json_t *o, const char *name, const char *value)
{
    const char  *s;

    s = json_string_value(json_object_get(o, name));

    if (value == NULL) {
        assert_true(json_is_null(json_object_get(o, name)));

    } else {
        assert_non_null(s);
        assert_string_equal(s, value);
    }
}


static void
members_are_known_since(void **state)
{
    char                 a[200], b[200], both[400];
    json_t              *o, *list;
    wa_db_t             *d = *state;
    wa_archive_query_t   q;

    person(a, sizeof(a), 0, "admin");
    person(b, sizeof(b), 1, "member");
    (void) snprintf(both, sizeof(both), "%s%s", a, b);
    group(d, 1000, ROOM, "room", a);
    group(d, 2000, ROOM, "room", both);

    wa_archive_query_init(&q, wa_span_str("default"));
    q.account = wa_span_str("a1");
    o = json_pack("{s:s, s:[{s:s}, {s:s}, {s:s}]}", "jid", ROOM,
                  "participants", "jid", "15550@s.whatsapp.net",
                  "jid", "15551@s.whatsapp.net",
                  "jid", "15552@s.whatsapp.net");
    list = json_object_get(o, "participants");

    assert_int_equal(wa_archive_group_since(d->db, &q, o), WA_OK);
    expect_time(o, "first_seen_at", "1970-01-01T00:00:01.000Z");
    expect_time(json_array_get(list, 0), "added_at",
                "1970-01-01T00:00:01.000Z");
    expect_time(json_array_get(list, 1), "added_at",
                "1970-01-01T00:00:02.000Z");
    expect_time(json_array_get(list, 2), "added_at", NULL);

    q.account = wa_span_str("a2");
    assert_int_equal(wa_archive_group_since(d->db, &q, o), WA_OK);
    expect_time(o, "first_seen_at", NULL);
    expect_time(json_array_get(list, 0), "added_at", NULL);
    json_decref(o);
}


static void
members_come_and_go(void **state)
{
    char      a[200], b[200], list[800];
    wa_db_t  *d = *state;

    person(a, sizeof(a), 0, "member");
    group(d, 1, ROOM, "room", a);

    /* Twice, without an address, of other types: what can be read counts. */

    person(b, sizeof(b), 1, "admin");
    (void) snprintf(list, sizeof(list), "{\"jid\":\"15550@s.whatsapp.net\","
                    "\"lid\":null,\"role\":\"admin\"}%s%s,{\"jid\":7},null,"
                    "{\"jid\":\"\",\"role\":\"x\"},"
                    "{\"jid\":\"a\\u0000b\",\"role\":\"x\"}", b, b);
    group(d, 2, ROOM, "room", list);

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"), 3);
    assert_string_equal(look(d, "SELECT role FROM wa_group_members WHERE"
                                " jid = '15550@s.whatsapp.net'"), "admin");
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members WHERE"
                               " lid IS NULL"), 2);

    group(d, 3, ROOM, "room", a);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"), 1);

    assert_true(wa_db_event(d, 4, "group.updated", "{\"group\":{}}"));
    assert_true(wa_db_event(d, 5, "group.updated", "{\"group\":7}"));
    assert_true(wa_db_event(d, 6, "group.participants", "{}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_groups"), 1);
}


/* "jid reason left_at" of each, newest first. */
static const char *
past(wa_db_t *d, const char *tenant)
{
    size_t               i;
    json_t              *o;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    static char  out[512];

    out[0] = '\0';
    wa_archive_query_init(&q, wa_span_str(tenant));
    q.chat = wa_span_str(ROOM);
    assert_int_equal(wa_archive_group_past(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, json_array_size(page.items));

    json_array_foreach(page.items, i, o) {
        (void) snprintf(out + strlen(out), sizeof(out) - strlen(out),
                        "%s %s %s %lld,",
                        json_string_value(json_object_get(o, "jid")),
                        json_is_null(json_object_get(o, "lid")) ? "-"
                        : json_string_value(json_object_get(o, "lid")),
                        json_string_value(json_object_get(o, "reason")),
                        json_integer_value(json_object_get(o, "left_at")));
    }

    json_decref(page.items);

    return out;
}


static void
removed(wa_db_t *d, uint64_t ms, const char *by, const char *who)
{
    char  data[512];

    (void) snprintf(data, sizeof(data), "{\"jid\":\"" ROOM "\","
                    "\"action\":\"remove\",\"by_jid\":%s,"
                    "\"participants\":[%s]}", by, who);
    assert_true(wa_db_event(d, ms, "group.participants", data));
}


static void
who_left_is_known(void **state)
{
    char      people[400];
    wa_db_t  *d = *state;

    assert_true(wa_db_event(d, 1, "session.created",
        "{\"account\":{\"name\":\"Shop\",\"state\":\"INIT\","
        "\"status\":\"INIT\"}}"));
    person(people, sizeof(people), 0, "member");
    group(d, 2, ROOM, "room", people);
    assert_string_equal(past(d, "default"), "");

    removed(d, 5000, "\"15550@s.whatsapp.net\"",
         "\"15550@s.whatsapp.net\",7,\"a\\u0000b\",\"\"");
    removed(d, 6000, "\"15559@s.whatsapp.net\"", "\"15558@s.whatsapp.net\"");
    group(d, 7000, ROOM, "room", "");
    assert_string_equal(past(d, "default"),
        "15558@s.whatsapp.net - removed 6,"
        "15550@s.whatsapp.net 20@lid left 5,");
    assert_string_equal(past(d, "another"), "");

    /* Told once more, or before: the last time counts. */

    removed(d, 8000, "null", "\"15558@s.whatsapp.net\"");
    assert_string_equal(past(d, "default"),
        "15558@s.whatsapp.net - left 8,"
        "15550@s.whatsapp.net 20@lid left 5,");

    /* Who is back is not listed. */

    group(d, 9000, ROOM, "room", people);
    assert_string_equal(past(d, "default"), "15558@s.whatsapp.net - left 8,");
}


static void
told_aside(wa_db_t *d, uint64_t ms, const char *body, const char *aside)
{
    size_t           applied;
    uint64_t         epoch;
    wa_log_entry_t   e;

    memset(&e, 0, sizeof(e));
    e.shard = 7;
    e.id.ms = ms;
    e.body = wa_span_str(body);
    e.aside = wa_span_str(aside);
    epoch = 1;

    assert_int_equal(wa_project_batch(d->db, &e, &epoch, 1, &applied, NULL),
                     WA_OK);
    assert_int_equal(applied, 1);
}


static void
what_was_left_is_not_listed(void **state)
{
    char                 a[200];
    wa_db_t             *d = *state;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    static const char  gone[] =
        "{\"type\":\"group.participants\",\"tenant_id\":\"default\","
        "\"account_id\":\"a1\",\"session_id\":\"s\",\"timestamp\":\"t\","
        "\"data\":{\"jid\":\"" ROOM "\",\"action\":\"remove\","
        "\"participants\":[]}}";

    person(a, sizeof(a), 0, "member");
    group(d, 1, ROOM, "room", a);
    wa_archive_query_init(&q, wa_span_str("default"));

    told_aside(d, 2, gone, "");
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    told_aside(d, 3, gone, "{\"left\":true}");
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 0);
    json_decref(page.items);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"), 0);

    group(d, 4, ROOM, "back again", a);
    assert_int_equal(wa_archive_groups(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    assert_true(wa_db_event(d, 5, "session.deleted",
                            "{\"keep_history\":false}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_groups"), 0);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"), 0);
}


static void
a_big_group_is_cheap(void **state)
{
    char             *people, one[200];
    size_t            n;
    unsigned          i;
    wa_db_t          *d = *state;
    struct timespec   t0, t1;

    people = malloc(BIG * sizeof(one));
    assert_non_null(people);

    for (i = 0, n = 0; i < BIG; i++) {
        person(one, sizeof(one), i, "member");
        memcpy(people + n, one, strlen(one) + 1);
        n += strlen(one);
    }

    clock_gettime(CLOCK_MONOTONIC, &t0);
    group(d, 1, ROOM, "big", people);
    group(d, 2, ROOM, "big and renamed", people);
    clock_gettime(CLOCK_MONOTONIC, &t1);

    print_message("two changes of a group of %d: %.1f ms\n", BIG,
                  (double) (t1.tv_sec - t0.tv_sec) * 1e3
                  + (double) (t1.tv_nsec - t0.tv_nsec) / 1e6);

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_group_members"),
                     BIG);
    free(people);
}


static void
stories_are_read(void **state)
{
    json_t              *o;
    wa_db_t             *d = *state;
    wa_db_message_t      m;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    memset(&m, 0, sizeof(m));
    m.type = "message.received";
    m.id = "m1";
    m.jid = "status@broadcast";
    m.ts = 1000;
    assert_true(wa_db_message(d, 1, &m));
    m.id = "m2";
    m.ts = 2000;
    assert_true(wa_db_message(d, 2, &m));
    m.id = "m3";
    m.jid = NULL;
    assert_true(wa_db_message(d, 3, &m));

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_stories(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 2);
    o = json_array_get(page.items, 0);
    assert_string_equal(json_string_value(json_object_get(o, "id")), "m2");
    assert_string_equal(json_string_value(json_object_get(o, "expires_at")),
                        "1970-01-02T00:33:20.000Z");
    json_decref(page.items);

    q.before = 2000;
    assert_int_equal(wa_archive_stories(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    assert_true(wa_db_event(d, 4, "message.deleted", "{\"id\":\"m1\","
                            "\"message_id\":\"Wm1\",\"chat_jid\":"
                            "\"status@broadcast\",\"deleted_at\":\"t\"}"));
    assert_int_equal(wa_archive_stories(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 0);
    json_decref(page.items);
}


static void
a_chat_has_the_name_of_its_group(void **state)
{
    json_t              *o;
    wa_db_t             *d = *state;
    wa_db_message_t      m = { .id = "m1", .jid = ROOM, .ts = 1000 };
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    assert_true(wa_db_message(d, 1, &m));
    group(d, 2, ROOM, "Old", "");
    group(d, 3, ROOM, "Walkers", "");

    wa_archive_query_init(&q, wa_span_str("default"));
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    o = json_array_get(page.items, 0);
    assert_string_equal(json_string_value(json_object_get(o, "name")),
                        "Walkers");
    json_decref(page.items);

    q.search = wa_span_str("walk");
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    json_decref(page.items);

    q.search = wa_span_str("old");
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 0);
    json_decref(page.items);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(a_group_is_kept),
        WA_DB_BOTH(members_are_known_since),
        WA_DB_BOTH(members_come_and_go),
        WA_DB_BOTH(who_left_is_known),
        WA_DB_BOTH(what_was_left_is_not_listed),
        WA_DB_BOTH(a_big_group_is_cheap),
        WA_DB_BOTH(stories_are_read),
        WA_DB_BOTH(a_chat_has_the_name_of_its_group),
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
