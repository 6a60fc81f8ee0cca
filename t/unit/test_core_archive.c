/* Reading the history database: lists, filters, one message, chats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_archive.h"
#include "wa_db.h"


#define TENANT  wa_span_str("default")


/* Ids of a page, in order, joined by blanks; ends the page. */
static const char *
ids(wa_archive_page_t *page, const char *member)
{
    size_t   i;
    json_t  *item;

    static char  out[1024];

    out[0] = '\0';

    json_array_foreach(page->items, i, item) {
        (void) snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s",
                        i == 0 ? "" : " ",
                        json_string_value(json_object_get(item, member)));
    }

    json_decref(page->items);
    page->items = NULL;

    return out;
}


static const char *
messages(wa_db_t *d, const wa_archive_query_t *q)
{
    wa_archive_page_t  page;

    if (wa_archive_messages(d->db, q, &page) != WA_OK) {
        fail_msg("messages: %s", wa_sql_error(d->db));
    }

    assert_int_equal(page.total, (int64_t) json_array_size(page.items));

    return ids(&page, "id");
}


/* One of each kind that the filters tell apart. */
static void
fill(wa_db_t *d)
{
    size_t  i;

    static const wa_db_message_t  rows[] = {
        { .id = "m1", .ts = 100 },
        { .id = "m2", .ts = 200, .body = "100% Sure_thing" },
        { .id = "m3", .ts = 200, .type = "message.sent", .body = "yes" },
        { .id = "m4", .ts = 300, .kind = "image", .has_media = true },
        { .id = "m5", .ts = 400, .jid = "15550009@s.whatsapp.net",
          .lid = "900@lid", .body = "1000 sureXthing", .push_name = "Zoe" },
        { .id = "m6", .ts = 500, .account = "a2" },
        { .id = "m7", .ts = 600, .tenant = "other", .account = "b1" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(wa_db_message(d, 1000 + i, &rows[i]));
    }
}


static void
filters(void **state)
{
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    fill(d);

    wa_archive_query_init(&q, TENANT);
    assert_string_equal(messages(d, &q), "m6 m5 m4 m3 m2 m1");

    q.ascending = true;
    assert_string_equal(messages(d, &q), "m1 m2 m3 m4 m5 m6");

    q.account = wa_span_str("a1");
    q.before = 400;
    q.after = 100;
    assert_string_equal(messages(d, &q), "m2 m3 m4");

    wa_archive_query_init(&q, TENANT);
    q.chat = wa_span_str("15550009@s.whatsapp.net");
    assert_string_equal(messages(d, &q), "m5");
    q.chat = wa_span_str("900@lid");
    assert_string_equal(messages(d, &q), "m5");

    wa_archive_query_init(&q, TENANT);
    q.from = wa_span_str("900@lid");
    assert_string_equal(messages(d, &q), "m5");
    q.from = wa_span_str("15550009@s.whatsapp.net");
    assert_string_equal(messages(d, &q), "m5");

    wa_archive_query_init(&q, TENANT);
    q.type = wa_span_str("IMAGE");
    assert_string_equal(messages(d, &q), "m4");

    wa_archive_query_init(&q, TENANT);
    q.status = wa_span_str("sent");
    assert_string_equal(messages(d, &q), "m3");

    wa_archive_query_init(&q, TENANT);
    q.direction = wa_span_str("OUTBOUND");
    assert_string_equal(messages(d, &q), "m3");
    q.direction = wa_span_str("SIDEWAYS");
    assert_string_equal(messages(d, &q), "");

    wa_archive_query_init(&q, TENANT);
    q.from_me = 0;
    q.has_media = 1;
    assert_string_equal(messages(d, &q), "m4");
    q.has_media = 0;
    assert_string_equal(messages(d, &q), "m6 m5 m2 m1");
}


static void
a_search_is_no_pattern(void **state)
{
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    fill(d);
    wa_archive_query_init(&q, TENANT);

    q.search = wa_span_str("SURE_");
    assert_string_equal(messages(d, &q), "m2");
    q.search = wa_span_str("100%");
    assert_string_equal(messages(d, &q), "m2");
    q.search = wa_span_str("!");
    assert_string_equal(messages(d, &q), "");
    q.search = wa_span_str("%");
    assert_string_equal(messages(d, &q), "m2");
    q.search = wa_span_str("100");
    assert_string_equal(messages(d, &q), "m5 m2");
}


/* What a client may send where a value is expected. */
static void
a_value_is_never_a_statement(void **state)
{
    size_t              i;
    json_t             *m;
    wa_db_t            *d = *state;
    wa_span_t           s;
    wa_archive_page_t   page;
    wa_archive_query_t  q;

    static const char  *const evil[] = {
        "'", "''", "\"", "\\", "\\'", "' OR '1'='1", "x' OR 1=1 --",
        "'; DROP TABLE wa_messages; --", "$1", "?1", ":a", "@a", "%", "_",
        "!", "!%", "\xc3\xa9'", ") OR (1=1", "/*", "m1' UNION SELECT 1"
    };

    fill(d);

    for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
        s = wa_span_str(evil[i]);

        wa_archive_query_init(&q, TENANT);
        q.account = s;
        assert_string_equal(messages(d, &q), "");
        wa_archive_query_init(&q, TENANT);
        q.chat = s;
        assert_string_equal(messages(d, &q), "");
        wa_archive_query_init(&q, TENANT);
        q.from = s;
        assert_string_equal(messages(d, &q), "");
        wa_archive_query_init(&q, TENANT);
        q.type = s;
        assert_string_equal(messages(d, &q), "");
        wa_archive_query_init(&q, TENANT);
        q.status = s;
        assert_string_equal(messages(d, &q), "");
        wa_archive_query_init(&q, s);
        assert_string_equal(messages(d, &q), "");

        wa_archive_query_init(&q, TENANT);
        assert_int_equal(wa_archive_message(d->db, &q, s, &m), WA_OK);
        assert_null(m);
        assert_int_equal(wa_archive_chat(d->db, &q, s, &m), WA_OK);
        assert_null(m);

        q.search = s;
        assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
        json_decref(page.items);
        q.search = wa_span_none();
        q.cursor = s;
        assert_int_equal(wa_archive_messages(d->db, &q, &page),
                         WA_ERR_SYNTAX);
    }

    wa_archive_query_init(&q, TENANT);
    assert_string_equal(messages(d, &q), "m6 m5 m4 m3 m2 m1");

    q.search = wa_span("\xff\xfe", 2);
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_ERR_ARG);
    assert_null(page.items);
    q.search = wa_span("a\0b", 3);
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_ERR_ARG);
}


/* Pages by cursor: nothing twice, nothing left out, while rows come in. */
static void
pages(void **state)
{
    int                 i;
    char                all[1024], cursor[64], id[16];
    wa_db_t            *d = *state;
    wa_db_message_t     m;
    wa_archive_page_t   page;
    wa_archive_query_t  q;

    memset(&m, 0, sizeof(m));
    m.id = id;

    for (i = 0; i < 10; i++) {
        (void) snprintf(id, sizeof(id), "p%d", i);
        m.ts = 100 + i / 4;               /* several in one second */
        assert_true(wa_db_message(d, 1000 + (uint64_t) i, &m));
    }

    wa_archive_query_init(&q, TENANT);
    q.limit = 4;
    all[0] = '\0';

    for (i = 0; i < 10; i++) {
        assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
        assert_int_equal(page.total, 10 + i);
        (void) strcpy(cursor, page.next);
        (void) strcat(strcat(all, ids(&page, "id")), "/");

        if (cursor[0] == '\0') {
            break;
        }

        q.cursor = wa_span_str(cursor);
        (void) snprintf(id, sizeof(id), "n%d", i);
        m.ts = 900;
        assert_true(wa_db_message(d, 2000 + (uint64_t) i, &m));
    }

    assert_string_equal(all, "p9 p8 p7 p6/p5 p4 p3 p2/p1 p0/");

    wa_archive_query_init(&q, TENANT);
    q.limit = 3;
    q.offset = 3;
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
    assert_string_equal(ids(&page, "id"), "p8 p7 p6");
    q.offset = 100;
    assert_int_equal(wa_archive_messages(d->db, &q, &page), WA_OK);
    assert_string_equal(page.next, "");
    assert_string_equal(ids(&page, "id"), "");
}


static void
one_message(void **state)
{
    json_t             *m, *list;
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    fill(d);
    assert_true(wa_db_event(d, 3000, "session.created",
        "{\"account\":{\"name\":\"A\",\"state\":\"INIT\","
        "\"status\":\"INIT\"}}"));
    assert_true(wa_db_event(d, 3001, "message.receipt",
        "{\"id\":\"m3\",\"message_id\":\"Wm3\",\"chat_jid\":\"x\","
        "\"recipient_jid\":\"15550002@s.whatsapp.net\","
        "\"status\":\"delivered\",\"timestamp\":1700000000}"));
    assert_true(wa_db_event(d, 3002, "message.reaction",
        "{\"target_id\":\"m3\",\"chat_jid\":\"x\","
        "\"from_jid\":\"15550002@s.whatsapp.net\","
        "\"emoji\":\"\xf0\x9f\x91\x8d\"}"));

    wa_archive_query_init(&q, TENANT);
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("m3"), &m),
                     WA_OK);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "status")),
                        "DELIVERED");
    assert_string_equal(json_string_value(json_object_get(m,
                                                          "delivered_at")),
                        "2023-11-14T22:13:20.000Z");
    list = json_object_get(m, "receipts");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(list, 0), "status")), "delivered");
    list = json_object_get(m, "reactions");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(list, 0), "emoji")),
                        "\xf0\x9f\x91\x8d");
    json_decref(m);

    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("Wm3"), &m),
                     WA_OK);
    assert_string_equal(json_string_value(json_object_get(m, "id")), "m3");
    json_decref(m);

    /* Another tenant's is not there. */

    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("Wm7"), &m),
                     WA_OK);
    assert_null(m);
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("m7"), &m),
                     WA_OK);
    assert_null(m);
}


static void
a_message_that_is_referred_to(void **state)
{
    size_t              i;
    json_t             *m;
    wa_db_t            *d = *state;
    wa_archive_query_t  q;

    static const char  *ids[] = { "m5", "Wm5" };
    static const char  *none[] = { "m6", "Wm7", "m7", "no", "' OR 1=1 --" };

    fill(d);
    wa_archive_query_init(&q, TENANT);
    q.account = wa_span_str("a1");

    for (i = 0; i < 2; i++) {
        assert_int_equal(wa_archive_refer(d->db, &q, wa_span_str(ids[i]),
                                          &m), WA_OK);
        assert_non_null(m);
        assert_string_equal(json_string_value(json_object_get(m, "chat")),
                            "15550009@s.whatsapp.net");
        assert_string_equal(json_string_value(json_object_get(m,
                                                              "sender")),
                            "15550009@s.whatsapp.net");
        assert_string_equal(json_string_value(json_object_get(m,
                                                          "sender_lid")),
                            "900@lid");
        assert_string_equal(json_string_value(json_object_get(m, "text")),
                            "1000 sureXthing");
        assert_true(json_is_false(json_object_get(m, "from_me")));
        assert_int_equal(json_integer_value(json_object_get(m,
                                                     "timestamp")), 400);
        json_decref(m);
    }

    assert_int_equal(wa_archive_refer(d->db, &q, wa_span_str("m3"), &m),
                     WA_OK);
    assert_true(json_is_true(json_object_get(m, "from_me")));
    json_decref(m);

    /* Another account's, another tenant's, nobody's. */

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(wa_archive_refer(d->db, &q, wa_span_str(none[i]),
                                          &m), WA_OK);
        assert_null(m);
    }
}


static void
an_id_of_two_accounts(void **state)
{
    json_t             *m;
    wa_db_t            *d = *state;
    wa_db_message_t     a = { .id = "m1" };
    wa_archive_query_t  q;

    assert_true(wa_db_message(d, 1, &a));
    a.account = "a2";
    assert_true(wa_db_message(d, 2, &a));

    wa_archive_query_init(&q, TENANT);
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("Wm1"), &m),
                     WA_ERR_AMBIGUOUS);

    q.account = wa_span_str("a2");
    assert_int_equal(wa_archive_message(d->db, &q, wa_span_str("Wm1"), &m),
                     WA_OK);
    assert_string_equal(json_string_value(json_object_get(m, "account_id")),
                        "a2");
    json_decref(m);
}


static void
chats(void **state)
{
    json_t             *c;
    wa_db_t            *d = *state;
    wa_archive_page_t   page;
    wa_archive_query_t  q;

    fill(d);

    wa_archive_query_init(&q, TENANT);
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 3);
    c = json_array_get(page.items, 1);
    assert_string_equal(json_string_value(json_object_get(c, "name")), "Zoe");
    assert_int_equal(json_integer_value(json_object_get(c, "unread_count")),
                     1);
    assert_int_equal(json_integer_value(json_object_get(c,
                                                        "last_message_ts")),
                     400);
    assert_true(json_is_false(json_object_get(c, "is_group")));
    assert_string_equal(ids(&page, "account_id"), "a2 a1 a1");

    q.search = wa_span_str("zo");
    assert_int_equal(wa_archive_chats(d->db, &q, &page), WA_OK);
    assert_int_equal(page.total, 1);
    assert_string_equal(ids(&page, "jid"), "15550009@s.whatsapp.net");

    q.search = wa_span_none();
    q.account = wa_span_str("a1");
    assert_int_equal(wa_archive_chat(d->db, &q, wa_span_str("200@lid"), &c),
                     WA_OK);
    assert_non_null(c);
    assert_string_equal(json_string_value(json_object_get(c, "jid")),
                        "15550002@s.whatsapp.net");
    assert_int_equal(json_array_size(json_object_get(c, "recent_messages")),
                     4);
    json_decref(c);

    assert_int_equal(wa_archive_chat(d->db, &q, wa_span_str("1@lid"), &c),
                     WA_OK);
    assert_null(c);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(filters),
        WA_DB_BOTH(a_search_is_no_pattern),
        WA_DB_BOTH(a_value_is_never_a_statement),
        WA_DB_BOTH(pages),
        WA_DB_BOTH(one_message),
        WA_DB_BOTH(a_message_that_is_referred_to),
        WA_DB_BOTH(an_id_of_two_accounts),
        WA_DB_BOTH(chats)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
