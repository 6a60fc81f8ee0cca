/* Rows of wa_media: adding, finding, changing, listing, counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_archive_media.h"
#include "wa_archive_once.h"
#include "wa_crypto.h"
#include "wa_db.h"


#define TENANT  wa_span_str("default")
#define ID(c)   wa_span_str(c "0000000000000000000000000000000")


static wa_media_t
row(const char *id, const char *account, const char *message)
{
    wa_media_t  m;

    wa_media_init(&m);
    m.id = wa_span_str(id);
    m.tenant = TENANT;
    m.account = wa_span_str(account);
    m.message = wa_span_str(message);
    m.mime = wa_span_str("image/jpeg");
    m.created_ms = 1700000000123;

    return m;
}


static void
test_media_lives(void **state)
{
    json_t      *o;
    wa_db_t     *d = *state;
    wa_media_t   m, got;

    m = row("a0000000000000000000000000000000", "a1", "m1");
    m.message_id = wa_span_str("W1");
    m.descriptor = wa_span_str("sealed");
    m.shard = 7;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    /* a repeat changes nothing */

    m.mime = wa_span_str("text/plain");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    assert_int_equal(wa_media_find(d->db, TENANT, ID("a"), &got), WA_OK);
    assert_true(wa_span_eq_str(got.mime, "image/jpeg"));
    assert_true(wa_span_eq_str(got.descriptor, "sealed"));
    assert_int_equal(got.status, WA_MEDIA_PENDING);
    assert_int_equal(got.size, -1);
    assert_int_equal(got.shard, 7);
    assert_int_equal(got.attempts, 0);
    assert_null(got.path.p);
    wa_media_free(&got);

    /* another tenant's is none */

    assert_int_equal(wa_media_find(d->db, wa_span_str("other"), ID("a"),
                                   &got), WA_OK);
    assert_null(got.id.p);
    assert_int_equal(wa_media_find(d->db, wa_span_none(), ID("a"), &got),
                     WA_OK);
    assert_non_null(got.id.p);
    wa_media_free(&got);

    m.path = wa_span_str("2023/11/14/ff.jpg");
    m.hash = wa_span_str("ff");
    m.mime = wa_span_none();
    m.size = 5;
    m.width = 3;
    assert_int_equal(wa_media_stored(d->db, &m), WA_OK);

    /* what is there stays there */

    m.status = WA_MEDIA_FAILED;
    assert_int_equal(wa_media_settle(d->db, &m), WA_OK);

    assert_int_equal(wa_media_same(d->db, TENANT, wa_span_str("ff"), &got),
                     WA_OK);
    assert_true(wa_span_eq(got.id, ID("a")));
    assert_int_equal(got.status, WA_MEDIA_DOWNLOADED);
    assert_true(wa_span_eq_str(got.mime, "image/jpeg"));
    assert_int_equal(got.width, 3);
    assert_int_equal(got.height, -1);

    o = wa_media_object(&got);
    assert_string_equal(json_string_value(json_object_get(o, "filename")),
                        "a0000000000000000000000000000000.jpg");
    assert_string_equal(json_string_value(json_object_get(o, "created_at")),
                        "2023-11-14T22:13:20.123Z");
    assert_string_equal(json_string_value(json_object_get(o, "message_id")),
                        "W1");
    assert_null(json_object_get(o, "descriptor"));
    assert_true(json_is_null(json_object_get(o, "height")));
    json_decref(o);
    wa_media_free(&got);

    assert_int_equal(wa_media_same(d->db, wa_span_str("other"),
                                   wa_span_str("ff"), &got), WA_OK);
    assert_null(got.id.p);
}


static void
test_media_of_message(void **state)
{
    wa_db_t     *d = *state;
    wa_media_t   m, got;

    m = row("a0000000000000000000000000000000", "a1", "m1");
    m.message_id = wa_span_str("W1");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m = row("b0000000000000000000000000000000", "a2", "m2");
    m.message_id = wa_span_str("W1");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_none(),
                                         wa_span_str("m2"), &got), WA_OK);
    assert_true(wa_span_eq(got.id, ID("b")));
    wa_media_free(&got);

    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_none(),
                                         wa_span_str("W1"), &got),
                     WA_ERR_AMBIGUOUS);
    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_str("a1"),
                                         wa_span_str("W1"), &got), WA_OK);
    assert_true(wa_span_eq(got.id, ID("a")));
    wa_media_free(&got);

    assert_int_equal(wa_media_of_message(d->db, wa_span_str("other"),
                                         wa_span_none(), wa_span_str("m2"),
                                         &got), WA_OK);
    assert_null(got.id.p);
    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_none(),
                                         wa_span("\xff", 1), &got),
                     WA_ERR_ARG);
}


/* The file is an upload; the message that it went out with names it. */
static void
test_media_of_sent(void **state)
{
    size_t       i;
    wa_db_t     *d = *state;
    wa_media_t   m, got;

    static const char *const  refs[] = { "s1", "WS1" };

    m = row("c0000000000000000000000000000000", "", "");
    m.account = wa_span_none();
    m.message = wa_span_none();
    m.status = WA_MEDIA_DOWNLOADED;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    assert_true(wa_db_event(d, 900, "session.created", "{\"account\":{"
                            "\"name\":\"A\",\"state\":\"INIT\","
                            "\"status\":\"INIT\"}}"));
    assert_true(wa_db_event(d, 1000, "message.sent", "{\"message\":{"
        "\"id\":\"s1\",\"message_id\":\"WS1\",\"account_id\":\"a1\","
        "\"remote_jid\":\"15550002@s.whatsapp.net\",\"from_me\":true,"
        "\"message_type\":\"image\",\"has_media\":true,"
        "\"status\":\"SENT\",\"timestamp\":100,"
        "\"media_id\":\"c0000000000000000000000000000000\"}}"));

    for (i = 0; i < 2; i++) {
        assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_none(),
                                             wa_span_str(refs[i]), &got),
                         WA_OK);
        assert_true(wa_span_eq(got.id, ID("c")));
        assert_true(wa_span_eq_str(got.account, "a1"));
        assert_true(wa_span_eq_str(got.message, "s1"));
        assert_true(wa_span_eq_str(got.message_id, "WS1"));
        assert_true(wa_span_eq_str(got.mime, "image/jpeg"));
        wa_media_free(&got);
    }

    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_str("a2"),
                                         wa_span_str("s1"), &got), WA_OK);
    assert_null(got.id.p);

    /* Another account of the tenant has received it. */

    m = row("d0000000000000000000000000000000", "a2", "r1");
    m.message_id = wa_span_str("WS1");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    assert_int_equal(wa_media_of_message(d->db, TENANT, wa_span_none(),
                                         wa_span_str("WS1"), &got),
                     WA_ERR_AMBIGUOUS);

    for (i = 0; i < 4; i++) {
        assert_int_equal(wa_media_of_message(d->db, TENANT,
                             i == 0 ? wa_span_str("a1")
                             : i == 1 ? wa_span_str("a2") : wa_span_none(),
                             wa_span_str(i < 2 ? "WS1"
                                         : i == 2 ? "s1" : "r1"), &got),
                         WA_OK);
        assert_true(wa_span_eq(got.id, i % 2 == 0 ? ID("c") : ID("d")));
        wa_media_free(&got);
    }
}


static void
test_media_pending(void **state)
{
    wa_db_t          *d = *state;
    uint32_t          shards[] = { 3, 7 };
    wa_media_t        m;
    wa_media_list_t   list;

    m = row("a0000000000000000000000000000000", "a1", "m1");
    m.shard = 7;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m = row("b0000000000000000000000000000000", "a2", "m2");
    m.shard = 8;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m = row("c0000000000000000000000000000000", "a1", "m3");
    m.shard = 3;
    m.created_ms--;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    assert_int_equal(wa_media_pending(d->db, shards, 2, 1, 10, &list), WA_OK);
    assert_int_equal(list.n, 2);
    assert_true(wa_span_eq(list.items[0].id, ID("c")));
    assert_true(wa_span_eq(list.items[1].id, ID("a")));
    wa_media_list_free(&list);

    /* a failed attempt waits */

    m.error = wa_span_str("HTTP 500");
    m.attempts = 2;
    m.retry_ms = 1000;
    assert_int_equal(wa_media_settle(d->db, &m), WA_OK);
    assert_int_equal(wa_media_pending(d->db, shards, 2, 999, 10, &list),
                     WA_OK);
    assert_int_equal(list.n, 1);
    wa_media_list_free(&list);
    assert_int_equal(wa_media_pending(d->db, shards, 2, 1000, 1, &list),
                     WA_OK);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.items[0].attempts, 2);
    assert_true(wa_span_eq_str(list.items[0].error, "HTTP 500"));
    wa_media_list_free(&list);

    assert_int_equal(wa_media_pending(d->db, shards, 0, 1000, 1, &list),
                     WA_OK);
    assert_int_equal(list.n, 0);
}


static void
test_media_lists(void **state)
{
    json_t           *stats, *types;
    wa_db_t          *d = *state;
    wa_media_t        m;
    wa_media_list_t   list;

    m = row("a0000000000000000000000000000000", "a1", "m1");
    m.status = WA_MEDIA_DOWNLOADED;
    m.size = 100;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m = row("b0000000000000000000000000000000", "a2", "m2");
    m.status = WA_MEDIA_SKIPPED;
    m.size = 50;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m = row("c0000000000000000000000000000000", "a1", "m3");
    m.mime = wa_span_str("video/mp4");
    m.created_ms++;
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    m.id = ID("d");
    m.tenant = wa_span_str("other");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    assert_int_equal(wa_media_recent(d->db, TENANT, wa_span_none(), 2,
                                     &list), WA_OK);
    assert_int_equal(list.n, 2);
    assert_true(wa_span_eq(list.items[0].id, ID("c")));
    wa_media_list_free(&list);
    assert_int_equal(wa_media_recent(d->db, TENANT, wa_span_str("a2"), 9,
                                     &list), WA_OK);
    assert_int_equal(list.n, 1);
    wa_media_list_free(&list);

    assert_int_equal(wa_media_stats(d->db, TENANT, wa_span_none(), &stats),
                     WA_OK);
    assert_int_equal(json_integer_value(json_object_get(stats, "total")), 3);
    assert_int_equal(json_integer_value(json_object_get(stats,
                         "downloaded")), 1);
    assert_int_equal(json_integer_value(json_object_get(stats,
                         "pending")), 2);
    assert_int_equal(json_integer_value(json_object_get(stats,
                         "totalSize")), 100);
    types = json_object_get(stats, "byType");
    assert_int_equal(json_array_size(types), 2);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(types, 0), "count")), 2);
    json_decref(stats);

    assert_int_equal(wa_media_stats(d->db, wa_span_str("nobody"),
                                    wa_span_none(), &stats), WA_OK);
    assert_int_equal(json_integer_value(json_object_get(stats, "total")), 0);
    json_decref(stats);
}


static void
test_media_lay(void **state)
{
    char               text[64];
    size_t             i;
    json_t            *messages, *one;
    wa_db_t           *d = *state;
    wa_media_t         m;
    wa_media_links_t   links = { { 1 }, { NULL, 0 }, 1000 };

    assert_int_equal(wa_crypto_init(), WA_OK);
    messages = json_array();

    /* more than one statement's worth; every second has a row */

    for (i = 0; i < 100; i++) {
        (void) snprintf(text, sizeof(text), "m%zu", i);
        json_array_append_new(messages, json_pack("{s:s,s:s,s:b}", "id",
                                  text, "account_id", "a1", "has_media",
                                  i != 4));

        if (i % 2 == 0) {
            m = row("", "a1", text);
            (void) snprintf(text + 16, sizeof(text) - 16, "%032zx", i);
            m.id = wa_span_str(text + 16);
            m.status = WA_MEDIA_DOWNLOADED;
            m.width = 7;
            assert_int_equal(wa_media_add(d->db, &m), WA_OK);
        }
    }

    /* a file of the store that was sent belongs to no message */

    m = row("e0000000000000000000000000000000", "a1", "");
    m.account = wa_span(NULL, 0);
    m.message = wa_span(NULL, 0);
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);
    json_object_set_new(json_array_get(messages, 7), "media_id",
                        json_string("e0000000000000000000000000000000"));

    /* another account's message of the same name is another one */

    m = row("f0000000000000000000000000000000", "a2", "m1");
    assert_int_equal(wa_media_add(d->db, &m), WA_OK);

    assert_int_equal(wa_media_lay(d->db, TENANT, messages, &links),
                     WA_OK);

    for (i = 0; i < 100; i++) {
        one = json_array_get(messages, i);
        assert_int_equal(json_object_get(one, "media_status") != NULL,
                         (i % 2 == 0 && i != 4) || i == 7);
    }

    one = json_array_get(messages, 98);
    assert_string_equal(json_string_value(json_object_get(one, "mediaId")),
                        "00000000000000000000000000000062");
    assert_non_null(strstr(json_string_value(json_object_get(one,
                                                             "media_url")),
                           "/files/a1/00000000000000000000000000000062.jpg"
                           "?exp="));
    assert_string_equal(json_string_value(json_object_get(one,
                            "media_status")), "downloaded");
    assert_int_equal(json_integer_value(json_object_get(one,
                         "media_width")), 7);
    assert_null(json_object_get(one, "media_height"));

    one = json_incref(json_array_get(messages, 0));
    json_decref(messages);
    json_object_del(one, "media_status");
    assert_int_equal(wa_media_lay(d->db, wa_span_str("other"), one, &links),
                     WA_OK);
    assert_null(json_object_get(one, "media_status"));
    links.base = wa_span_str("https://a.example/wa");
    assert_int_equal(wa_media_lay(d->db, TENANT, one, &links), WA_OK);
    assert_non_null(json_object_get(one, "media_status"));
    assert_ptr_equal(strstr(json_string_value(json_object_get(one,
                                "media_url")), "https://a.example/wa/files/"),
                     json_string_value(json_object_get(one, "media_url")));
    json_decref(one);
}


static void
test_media_ids(void **state)
{
    char  one[WA_MEDIA_ID_LEN + 1], two[WA_MEDIA_ID_LEN + 1];

    (void) state;

    wa_media_id_make(one);
    wa_media_id_make(two);
    assert_true(wa_media_id_valid(wa_span_str(one)));
    assert_string_not_equal(one, two);
    assert_false(wa_media_id_valid(wa_span_str("")));
    assert_false(wa_media_id_valid(wa_span(one, 31)));
    assert_false(wa_media_id_valid(
                     wa_span_str("A0000000000000000000000000000000")));
    assert_string_equal(wa_media_status_name(WA_MEDIA_EXPIRED), "expired");
}


/* -- Idempotency-Keys ----------------------------------------------------- */

static wa_once_e
claim(wa_sql_t *db, const wa_once_t *o, const char *known)
{
    json_t     *answer;
    wa_once_e   found;

    assert_int_equal(wa_once_claim(db, o, &found, &answer), WA_OK);

    if (known == NULL) {
        assert_null(answer);

    } else {
        assert_string_equal(json_string_value(json_object_get(answer, "a")),
                            known);
    }

    json_decref(answer);

    return found;
}


static void
answer(wa_sql_t *db, const wa_once_t *o, const char *text)
{
    json_t  *a;

    a = json_pack("{s:s}", "a", text);
    assert_int_equal(wa_once_answer(db, o, a), WA_OK);
    json_decref(a);
}


static void
test_once(void **state)
{
    wa_db_t    *d = *state;
    wa_once_t   o, other;

    o.key = wa_span_str("k1");
    o.body = wa_span_str("b1");
    o.now_ms = 1700000000000;
    other = o;
    other.body = wa_span_str("b2");

    /* what was rolled back did not happen */

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(claim(d->db, &o, NULL), WA_ONCE_NEW);
    answer(d->db, &o, "never");
    wa_sql_rollback(d->db);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(claim(d->db, &o, NULL), WA_ONCE_NEW);
    answer(d->db, &o, "x");
    assert_int_equal(wa_sql_commit(d->db), WA_OK);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(claim(d->db, &o, "x"), WA_ONCE_KNOWN);
    assert_int_equal(claim(d->db, &other, NULL), WA_ONCE_OTHER);

    /* a day later it is new */

    other.now_ms += WA_ONCE_MS - 1;
    assert_int_equal(claim(d->db, &other, NULL), WA_ONCE_OTHER);
    other.now_ms++;
    assert_int_equal(claim(d->db, &other, NULL), WA_ONCE_NEW);
    answer(d->db, &other, "y");
    assert_int_equal(claim(d->db, &other, "y"), WA_ONCE_KNOWN);
    assert_int_equal(wa_sql_commit(d->db), WA_OK);

    assert_int_equal(wa_once_forget(d->db, o.now_ms + WA_ONCE_MS), WA_OK);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_once"), 1);
    assert_int_equal(wa_once_forget(d->db, o.now_ms + 2 * WA_ONCE_MS),
                     WA_OK);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_once"), 0);
}


/* A row that is damaged does not count as an answer. */
static void
test_once_damaged(void **state)
{
    json_t     *found_answer;
    wa_db_t    *d = *state;
    wa_once_e   found;
    wa_once_t   o;

    o.key = wa_span_str("k1");
    o.body = wa_span_str("b1");
    o.now_ms = 5;

    assert_int_equal(wa_sql_script(d->db, "INSERT INTO wa_once (id, body,"
                         " answer, created_ms) VALUES ('k1', 'b1', '[', 5)"),
                     WA_OK);
    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(wa_once_claim(d->db, &o, &found, &found_answer),
                     WA_ERR_FATAL);
    assert_null(found_answer);
    wa_sql_rollback(d->db);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_media_ids),
        WA_DB_BOTH(test_media_lives),
        WA_DB_BOTH(test_media_of_message),
        WA_DB_BOTH(test_media_of_sent),
        WA_DB_BOTH(test_media_pending),
        WA_DB_BOTH(test_media_lists),
        WA_DB_BOTH(test_media_lay),
        WA_DB_BOTH(test_once),
        WA_DB_BOTH(test_once_damaged)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
