/* History of the phone -> rows: what is left out, and what goes wrong. */
#include "wa_hist_db.h"

#include "wa_failmem.h"
#include "wa_vectors.h"


static void
what_is_no_message_is_passed_over(void **state)
{
    wa_db_t              *d = *state;
    wa_hist_t             w = { .depth = 0 }, m = { .depth = 0 };
    wa_history_totals_t   t;

    static char  big[2 * 1024 * 1024];

    account(d);
    memset(big, 'x', sizeof(big));

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ANN);
    wa_hist_text(&w, ANN, false, "", NULL, "no id", NOW, 1);

    wa_hist_msg_begin(&w, ANN, false, "S1", NULL, wa_span_none(), NOW, 0);
    wa_hist_varint(&w, 24, 39);                 /* e2e notice              */
    wa_hist_msg_end(&w, 2);

    wa_hist_msg_begin(&w, ANN, false, "S2", NULL, wa_span_none(), NOW - 3, 0);
    wa_hist_varint(&w, 24, 1);                  /* taken back              */
    wa_hist_msg_end(&w, 3);

    wa_hist_msg_begin(&w, ANN, false, "S3", NULL, wa_span_none(), NOW - 4, 0);
    wa_hist_varint(&w, 24, 40);                 /* a missed call           */
    wa_hist_msg_end(&w, 4);

    wa_hist_bytes(&m, 1, big, sizeof(big));
    wa_hist_msg_begin(&w, ANN, false, "S4", NULL, wa_span_buf(&m.b), NOW, 0);
    wa_hist_msg_end(&w, 5);

    wa_hist_msg_begin(&w, ANN, false, "S5", NULL, wa_span("\x0a\x10x", 3),
                      NOW, 0);                  /* not a Message           */
    wa_hist_msg_end(&w, 6);

    wa_hist_text(&w, ANN, false, "S6", NULL, "bad \xff\xfe bytes", NOW - 5,
                 7);
    wa_hist_end(&w);

    wa_hist_begin(&w, 2);                       /* not what a row can hold */
    wa_hist_str(&w, 1, "12036\x9d@g.us");
    wa_hist_text(&w, "x", false, "N0", "30\x9d@lid", "lost", NOW, 1);
    wa_hist_end(&w);

    wa_hist_begin(&w, 2);                       /* a chat without address  */
    wa_hist_str(&w, 1, "nobody");
    wa_hist_text(&w, "nobody", false, "N1", NULL, "lost", NOW, 1);
    wa_hist_end(&w);

    t = take_written(d, &w);
    assert_int_equal(t.messages, 3);
    assert_int_equal(t.skipped, 4);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 3);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages WHERE"
                               " deleted_at IS NOT NULL"), 1);
    assert_string_equal(look(d, "SELECT type FROM wa_messages WHERE"
                                " message_id = 'S3'"), "call");
    assert_string_equal(look(d, "SELECT body FROM wa_messages WHERE"
                                " message_id = 'S6'"),
                        "bad \xef\xbf\xbd\xef\xbf\xbd bytes");

    wa_buf_free(&m.b);
    wa_buf_free(&w.b);
}


static void
depth_is_kept_to(void **state)
{
    wa_db_t              *d = *state;
    wa_buf_t              packed;
    wa_hist_t             w = { .depth = 0 };
    wa_span_t             span;
    wa_history_conf_t     conf;
    wa_history_totals_t   t;

    account(d);

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ANN);
    wa_hist_text(&w, ANN, false, "D1", NULL, "new", NOW - 10, 2);
    wa_hist_text(&w, ANN, false, "D0", NULL, "old", NOW - 90000, 1);
    wa_hist_end(&w);
    wa_hist_begin(&w, 7);
    wa_hist_str(&w, 1, ANN);
    wa_hist_str(&w, 2, "Ann");
    wa_hist_end(&w);

    packed = wa_hist_pack(&w);
    span = wa_span_buf(&packed);

    conf = wa_hist_conf(&span, NOW);
    conf.messages = false;
    t = take(d, &conf);
    assert_int_equal(t.messages + t.chats, 0);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 0);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_chats"), 0);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_contacts"
                               " WHERE notify_name = 'Ann'"), 1);

    conf.messages = true;
    conf.since_s = NOW - 86400;
    t = take(d, &conf);
    assert_int_equal(t.messages, 1);
    assert_string_equal(look(d, "SELECT body FROM wa_messages"), "new");

    wa_buf_free(&packed);
    wa_buf_free(&w.b);
}


/* Files are described, and fetched when somebody asks for them. */
static void
files_are_not_fetched_by_themselves(void **state)
{
    int         i;
    wa_db_t    *d = *state;
    wa_hist_t   w = { .depth = 0 }, m = { .depth = 0 };

    account(d);

    wa_hist_begin(&m, 3);                       /* imageMessage            */
    wa_hist_str(&m, 2, "image/jpeg");
    wa_hist_str(&m, 3, "a cat");
    wa_hist_bytes(&m, 4, "01234567890123456789012345678901", 32);
    wa_hist_varint(&m, 5, 1234);
    wa_hist_bytes(&m, 8, "01234567890123456789012345678901", 32);
    wa_hist_bytes(&m, 9, "01234567890123456789012345678901", 32);
    wa_hist_str(&m, 11, "/v/t62/cat");
    wa_hist_end(&m);

    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ANN);
    wa_hist_msg_begin(&w, ANN, false, "I1", NULL, wa_span_buf(&m.b), NOW, 0);
    wa_hist_msg_end(&w, 1);
    wa_hist_end(&w);

    for (i = 0; i < 2; i++) {
        (void) take_written(d, &w);
    }

    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_media a"
                               " JOIN wa_messages m ON m.id = a.message"
                               " WHERE a.status = 3 AND a.size = 1234"
                               " AND m.has_media = 1"
                               " AND a.descriptor <> ''"
                               " AND m.object LIKE '%' || a.id || '%'"), 1);

    wa_buf_free(&m.b);
    wa_buf_free(&w.b);
}


static void
the_account_must_be_there(void **state)
{
    size_t              cut;
    wa_db_t            *d = *state;
    wa_span_t           packed, part;
    wa_history_t       *h;
    wa_vectors_t        v;
    wa_history_conf_t   conf;

    wa_vectors_open(&v, "history.json");
    packed = wa_vectors_hex(&v, v.root, "zlib");
    conf = wa_hist_conf(&packed, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);
    assert_int_equal(wa_history_write(h, d->db), WA_ERR_STATE);
    account(d);
    assert_int_equal(wa_history_write(h, d->db), WA_OK);
    assert_int_equal(wa_history_write(h, d->db), WA_OK);
    assert_true(wa_db_event(d, 9, "session.deleted",
                            "{\"keep_history\":false}"));
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 0);
    assert_int_equal(wa_history_write(h, d->db), WA_ERR_GONE);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 0);
    wa_history_free(h);

    for (cut = 0; cut < packed.n; cut++) {
        part = wa_span(packed.p, cut);
        conf.ctx = &part;
        assert_int_equal(wa_history_create(&h, &conf), WA_OK);
        assert_int_equal(wa_history_scan(h), WA_ERR_SYNTAX);
        wa_history_free(h);
    }

    wa_vectors_close(&v);
}


/* More than one transaction: what was cut off begins again. */
static void
a_broken_pass_begins_again(void **state)
{
    int                  i;
    char                 id[32];
    wa_db_t             *d = *state;
    wa_buf_t             packed;
    wa_hist_t            w = { .depth = 0 };
    wa_span_t            span;
    wa_history_t        *h;
    wa_history_conf_t    conf;

    account(d);
    wa_hist_begin(&w, 2);
    wa_hist_str(&w, 1, ANN);

    for (i = 0; i < 700; i++) {
        (void) snprintf(id, sizeof(id), "M%d", i);
        wa_hist_text(&w, ANN, i % 3 == 0, id, NULL, "many", NOW - i,
                     (uint64_t) (1000 - i));
    }

    wa_hist_end(&w);
    packed = wa_hist_pack(&w);
    span = wa_span_buf(&packed);
    conf = wa_hist_conf(&span, NOW);
    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);

    assert_int_equal(wa_history_write(h, d->db), WA_AGAIN);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 512);

    wa_sql_close(d->db);
    assert_int_equal(wa_history_write(h, d->db), WA_ERR_STATE);
    assert_int_equal(wa_sql_open(d->db), WA_OK);

    assert_int_equal(wa_history_write(h, d->db), WA_AGAIN);
    assert_int_equal(wa_history_totals(h)->messages, 512);
    assert_int_equal(write_all(h, d->db), WA_OK);
    assert_int_equal(wa_history_totals(h)->messages, 700);
    assert_int_equal(number(d, "SELECT COUNT(*) FROM wa_messages"), 700);
    assert_string_equal(look(d, "SELECT m.message_id FROM wa_chats c"
                                " JOIN wa_messages m ON m.id = c.last_id"),
                        "M0");

    wa_history_free(h);
    wa_buf_free(&packed);
    wa_buf_free(&w.b);
}


typedef struct {
    wa_db_t             *db;
    wa_history_conf_t    conf;
} scenario_t;


static wa_err_t
scenario(void *data)
{
    json_t        *args, *answer;
    wa_sql_t      *db;
    wa_err_t       rc;
    scenario_t    *s = data;
    wa_history_t  *h;

    h = NULL;
    db = wa_sql_create(&s->db->conf);
    rc = db == NULL ? WA_ERR_NOMEM : wa_sql_open(db);

    if (rc == WA_OK) {
        rc = wa_history_create(&h, &s->conf);
    }

    if (rc == WA_OK) {
        rc = wa_history_scan(h);
    }

    while (rc == WA_OK && (rc = wa_history_learn(h, &args)) == WA_OK) {
        json_decref(args);
    }

    if (rc == WA_AGAIN) {
        answer = json_pack("{s:[[s,s]]}", "pairs", "1@s.whatsapp.net",
                           "2@lid");
        wa_history_learnt(h, answer);
        json_decref(answer);
        rc = write_all(h, db);
    }

    wa_history_free(h);
    wa_sql_free(db);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    wa_span_t      packed;
    scenario_t     s;
    wa_vectors_t   v;

    s.db = *state;
    account(s.db);
    wa_vectors_open(&v, "history.json");
    packed = wa_vectors_hex(&v, v.root, "zlib");
    s.conf = wa_hist_conf(&packed, NOW);
    WA_FAILMEM_RUN(scenario, &s);
    wa_vectors_close(&v);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(what_is_no_message_is_passed_over),
        WA_DB_BOTH(depth_is_kept_to),
        WA_DB_BOTH(files_are_not_fetched_by_themselves),
        WA_DB_BOTH(the_account_must_be_there),
        WA_DB_BOTH(a_broken_pass_begins_again),
        WA_DB_SQLITE(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
