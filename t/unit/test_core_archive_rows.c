/* Reading the history database: contacts, totals, chats by their state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_archive.h"
#include "wa_db.h"


#define TENANT  wa_span_str("default")
#define ZOE     "15550009@s.whatsapp.net"
#define DAY     86400


static void
fill(wa_db_t *d)
{
    size_t  i;

    static const wa_db_message_t  rows[] = {
        { .id = "m1", .ts = DAY },
        { .id = "m2", .ts = DAY + 10 },
        { .id = "m3", .ts = 2 * DAY, .type = "message.sent" },
        { .id = "m4", .ts = 2 * DAY, .kind = "image", .has_media = true },
        { .id = "m5", .ts = 4 * DAY, .jid = ZOE, .lid = "900@lid",
          .push_name = "Zoe_1" },
        { .id = "m6", .ts = 5 * DAY, .account = "a2" },
        { .id = "m7", .ts = 6 * DAY, .tenant = "other", .account = "b1" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(wa_db_message(d, 1000 + i, &rows[i]));
    }
}


static const char *
text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}


static json_int_t
number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}


/* Accounts and addresses of a page, joined by blanks; ends the page. */
static const char *
who(wa_db_t *d, const wa_archive_query_t *q)
{
    size_t             i;
    json_t            *item;
    wa_archive_page_t  page;

    static char  out[1024];

    if (wa_archive_contacts(d->db, q, &page) != WA_OK) {
        fail_msg("contacts: %s", wa_sql_error(d->db));
    }

    out[0] = '\0';

    json_array_foreach(page.items, i, item) {
        (void) snprintf(out + strlen(out), sizeof(out) - strlen(out),
                        "%s%s:%.8s", i == 0 ? "" : " ",
                        text(item, "account_id"), text(item, "jid"));
    }

    json_decref(page.items);

    return out;
}


static void
contacts(void **state)
{
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    fill(d);

    wa_archive_query_init(&q, TENANT);
    assert_string_equal(who(d, &q), "a2:15550002 a1:15550009 a1:15550002");

    q.account = wa_span_str("a1");
    assert_string_equal(who(d, &q), "a1:15550009 a1:15550002");

    q.search = wa_span_str("zoe_");
    assert_string_equal(who(d, &q), "a1:15550009");
    q.search = wa_span_str("0002");
    assert_string_equal(who(d, &q), "a1:15550002");
    q.search = wa_span_str("900@lid");
    assert_string_equal(who(d, &q), "a1:15550009");
    q.search = wa_span_str("%");
    assert_string_equal(who(d, &q), "");

    wa_archive_query_init(&q, wa_span_str("other"));
    assert_string_equal(who(d, &q), "b1:15550002");
}


static void
pages_of_contacts(void **state)
{
    char                next[64];
    wa_db_t            *d = *state;
    wa_archive_page_t   page;
    wa_archive_query_t  q;

    fill(d);

    wa_archive_query_init(&q, TENANT);
    q.limit = 2;
    assert_int_equal(wa_archive_contacts(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 3);
    assert_int_equal(json_array_size(page.items), 2);
    json_decref(page.items);
    (void) strcpy(next, page.next);

    q.cursor = wa_span_str(next);
    assert_int_equal(wa_archive_contacts(d->db, &q, &page), WA_OK);
    assert_string_equal(page.next, "");
    assert_int_equal(json_array_size(page.items), 1);
    assert_string_equal(text(json_array_get(page.items, 0), "account_id"),
                        "a1");
    json_decref(page.items);
}


static void
one_contact(void **state)
{
    size_t              i;
    json_t             *c;
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    static const char  *const addresses[] = { ZOE, "900@lid" };

    fill(d);
    wa_archive_query_init(&q, TENANT);

    for (i = 0; i < 2; i++) {
        assert_int_equal(wa_archive_contact(d->db, &q,
                             wa_span_str(addresses[i]), &c), WA_OK);
        assert_non_null(c);
        assert_string_equal(text(c, "id"), "a1:" ZOE);
        assert_string_equal(text(c, "jid"), ZOE);
        assert_string_equal(text(c, "lid"), "900@lid");
        assert_string_equal(text(c, "phone_number"), "15550009");
        assert_string_equal(text(c, "phoneNumber"), "15550009");
        assert_string_equal(text(c, "name"), "Zoe_1");
        assert_string_equal(text(c, "notify_name"), "Zoe_1");
        assert_string_equal(text(c, "lastMessageAt"),
                            "1970-01-05T00:00:00.000Z");
        assert_string_equal(text(c, "first_seen_at"),
                            "1970-01-01T00:00:01.004Z");
        assert_int_equal(number(c, "totalMessages"), 1);
        assert_int_equal(json_array_size(json_object_get(c, "tags")), 0);
        json_decref(c);
    }

    /* Messages of both directions count, those of another account do not. */

    q.account = wa_span_str("a1");
    assert_int_equal(wa_archive_contact(d->db, &q, wa_span_str("200@lid"),
                                        &c), WA_OK);
    assert_int_equal(number(c, "totalMessages"), 4);
    assert_string_equal(text(c, "name"), "Bo");
    json_decref(c);

    assert_int_equal(wa_archive_contact(d->db, &q, wa_span_str("1@lid"), &c),
                     WA_OK);
    assert_null(c);
    q.account = wa_span_none();
    q.tenant = wa_span_str("other");
    assert_int_equal(wa_archive_contact(d->db, &q, wa_span_str(ZOE), &c),
                     WA_OK);
    assert_null(c);
}


/* A name that comes later is taken, the same once more is no news. */
static void
a_contact_is_renamed(void **state)
{
    json_t             *c;
    wa_db_t            *d = *state;
    wa_db_message_t     m = { .id = "m1", .push_name = "Old" };
    wa_archive_query_t  q;

    assert_true(wa_db_message(d, 1, &m));
    m.id = "m2";
    m.push_name = "New";
    assert_true(wa_db_message(d, 2, &m));
    m.id = "m3";
    assert_true(wa_db_message(d, 3, &m));

    wa_archive_query_init(&q, TENANT);
    assert_int_equal(wa_archive_contact(d->db, &q, wa_span_str("200@lid"),
                                        &c), WA_OK);
    assert_string_equal(text(c, "notify_name"), "New");
    assert_string_equal(text(c, "first_seen_at"),
                        "1970-01-01T00:00:00.001Z");
    assert_string_equal(text(c, "updated_at"), "1970-01-01T00:00:00.002Z");
    json_decref(c);
}


static void
totals(void **state)
{
    json_t             *s, *list;
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    wa_archive_query_init(&q, TENANT);
    assert_int_equal(wa_archive_stats(d->db, &q, &s), WA_OK);
    assert_int_equal(number(s, "total"), 0);
    assert_int_equal(json_array_size(json_object_get(s, "byDay")), 0);
    json_decref(s);

    fill(d);

    assert_int_equal(wa_archive_stats(d->db, &q, &s), WA_OK);
    assert_int_equal(number(s, "total"), 6);
    assert_int_equal(number(s, "mediaCount"), 1);

    list = json_object_get(s, "byType");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text(json_array_get(list, 0), "message_type"),
                        "text");
    assert_int_equal(number(json_array_get(list, 0), "count"), 5);
    assert_null(json_object_get(json_array_get(list, 0), "media"));

    list = json_object_get(s, "byChat");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text(json_array_get(list, 1), "remote_jid"), ZOE);
    assert_int_equal(number(json_array_get(list, 0), "count"), 5);

    list = json_object_get(s, "byDay");
    assert_int_equal(json_array_size(list), 4);
    assert_string_equal(text(json_array_get(list, 0), "day"), "1970-01-06");
    assert_string_equal(text(json_array_get(list, 3), "day"), "1970-01-02");
    assert_int_equal(number(json_array_get(list, 3), "count"), 2);
    json_decref(s);

    q.account = wa_span_str("a2");
    assert_int_equal(wa_archive_stats(d->db, &q, &s), WA_OK);
    assert_int_equal(number(s, "total"), 1);
    json_decref(s);
}


static int64_t
count_chats(wa_db_t *d, const wa_archive_query_t *q)
{
    wa_archive_page_t  page;

    assert_int_equal(wa_archive_chats(d->db, q, &page), WA_OK);
    json_decref(page.items);

    return page.total;
}


static void
chats_by_state(void **state)
{
    wa_db_t            *d = *state;
    wa_db_message_t     phone = { .id = "m8", .type = "message.echo",
                                  .jid = ZOE, .source = "phone",
                                  .ts = 7 * DAY };
    wa_archive_query_t  q;

    fill(d);

    wa_archive_query_init(&q, TENANT);
    q.unread = 1;
    assert_int_equal(count_chats(d, &q), 3);
    assert_true(wa_db_message(d, 2000, &phone));
    assert_int_equal(count_chats(d, &q), 2);
    q.unread = 0;
    assert_int_equal(count_chats(d, &q), 1);

    q.unread = -1;
    q.archived = 0;
    assert_int_equal(count_chats(d, &q), 3);
    q.archived = 1;
    assert_int_equal(count_chats(d, &q), 0);
}


static void
messages_with_more(void **state)
{
    json_t             *m;
    wa_db_t            *d = *state;
    wa_archive_page_t   page;
    wa_archive_query_t  q;

    fill(d);
    assert_true(wa_db_event(d, 3001, "message.receipt",
        "{\"id\":\"m3\",\"message_id\":\"Wm3\",\"chat_jid\":\"x\","
        "\"recipient_jid\":\"15550002@s.whatsapp.net\","
        "\"status\":\"delivered\",\"timestamp\":1700000000}"));

    wa_archive_query_init(&q, TENANT);
    q.status = wa_span_str("delivered");
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
    m = json_array_get(page.items, 0);
    assert_null(json_object_get(m, "receipts"));
    json_decref(page.items);

    q.receipts = true;
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
    m = json_array_get(page.items, 0);
    assert_int_equal(json_array_size(json_object_get(m, "receipts")), 1);
    assert_null(json_object_get(m, "reactions"));
    json_decref(page.items);

    q.reactions = true;
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
    m = json_array_get(page.items, 0);
    assert_true(json_is_array(json_object_get(m, "reactions")));
    json_decref(page.items);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(contacts),
        WA_DB_BOTH(pages_of_contacts),
        WA_DB_BOTH(one_contact),
        WA_DB_BOTH(a_contact_is_renamed),
        WA_DB_BOTH(totals),
        WA_DB_BOTH(chats_by_state),
        WA_DB_BOTH(messages_with_more)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
