/* Units: visibility, rollback, order of effects, sealing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_host.h"
#include "wa_store.h"
#include "wa_unit_int.h"


static int
setup(void **state)
{
    *state = wa_host_create();
    wa_host_make(*state);

    return 0;
}


static int
teardown(void **state)
{
    wa_host_free(*state);

    return 0;
}


static void
assert_record(wa_account_t *a, const char *name, const char *value)
{
    wa_span_t  s;

    assert_int_equal(wa_record_get(a, name, 0, &s), WA_OK);

    if (value == NULL) {
        assert_null(s.p);
        return;
    }

    assert_non_null(s.p);
    assert_true(wa_span_eq_str(s, value));
}


static void
a_put_is_seen_at_once_and_sealed_in_the_store(void **state)
{
    wa_host_t     *h = *state;
    wa_unit_t     *u;
    wa_span_t      s;
    wa_account_t  *a;

    a = wa_host_account(h);
    u = wa_unit_new(a);
    assert_int_equal(wa_unit_put(u, "sess/1.0", 0, wa_span_str("ratchet")),
                     WA_OK);
    assert_record(a, "sess/1.0", "ratchet");
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);

    s = wa_host_record(h, "sess/1.0", 0);
    assert_int_equal(s.n, 7 + WA_SEAL_OVERHEAD);
    assert_null(memmem(s.p, s.n, "ratchet", 7));
}


static void
a_record_does_not_open_under_another_name(void **state)
{
    wa_host_t     *h = *state;
    wa_buf_t       sealed = WA_BUF_EMPTY;
    wa_key_t       key;
    uint64_t       token;
    wa_span_t      value;
    wa_account_t  *a;

    a = wa_host_account(h);
    assert_int_equal(wa_record_seal(a, "sess/1.0", wa_span_str("x"),
                                    &sealed), WA_OK);
    key.name = wa_span_str("sess/2.0");
    key.day = 0;
    assert_int_equal(wa_store_load(a, &key, 1, &token), WA_AGAIN);
    value = wa_span_buf(&sealed);
    assert_int_equal(wa_store_loaded(a, token, &value, 1), WA_ERR_AUTH);
    wa_buf_free(&sealed);
}


static void
rollback_restores_values_absence_and_ignorance(void **state)
{
    wa_host_t       *h = *state;
    wa_unit_t       *u;
    wa_span_t        s;
    wa_account_t    *a;
    wa_savepoint_t   sp;

    a = wa_host_account(h);
    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/value", 0, wa_span_str("old"));
    (void) wa_unit_del(u, "k/absent", 0);
    sp = wa_unit_savepoint(u);
    (void) wa_unit_put(u, "k/value", 0, wa_span_str("new"));
    (void) wa_unit_put(u, "k/value", 0, wa_span_str("newer"));
    (void) wa_unit_put(u, "k/absent", 0, wa_span_str("now"));
    (void) wa_unit_put(u, "k/unknown", 0, wa_span_str("now"));
    (void) wa_unit_event(u, "webhook.test", NULL);
    wa_unit_rollback(u, sp);

    assert_record(a, "k/value", "old");
    assert_record(a, "k/absent", NULL);
    assert_int_equal(wa_record_get(a, "k/unknown", 0, &s), WA_AGAIN);

    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);
    assert_int_equal(wa_host_event_count(h, "webhook.test"), 0);
    assert_null(wa_host_record(h, "k/unknown", 0).p);
}


static void
a_dropped_unit_leaves_no_trace(void **state)
{
    wa_host_t     *h = *state;
    size_t         commits;
    wa_unit_t     *u;
    wa_span_t      s;
    wa_account_t  *a;

    a = wa_host_account(h);
    commits = wa_host_commits(h);
    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/1", 0, wa_span_str("x"));
    (void) wa_unit_reply(u, 1, NULL, NULL, json_object());
    wa_unit_drop(u);
    wa_host_drain(h);

    assert_int_equal(wa_host_commits(h), commits);
    assert_int_equal(wa_record_get(a, "k/1", 0, &s), WA_AGAIN);

    /* and another can be made */
    u = wa_unit_new(a);
    assert_non_null(u);
    wa_unit_drop(u);
}


static void
two_open_units_are_refused(void **state)
{
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(*state);
    u = wa_unit_new(a);
    assert_non_null(u);
    assert_null(wa_unit_new(a));
    wa_unit_drop(u);
}


static void
effects_leave_in_order_and_only_after_confirmation(void **state)
{
    wa_host_t     *h = *state;
    size_t         replies;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(h);
    replies = wa_host_replies(h);
    wa_host_hold(h, true);

    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/1", 0, wa_span_str("x"));
    (void) wa_unit_reply(u, 1, NULL, NULL, json_object());
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);

    /* Effects without writes wait for what was before them. */
    u = wa_unit_new(a);
    (void) wa_unit_reply(u, 2, NULL, NULL, json_object());
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);

    wa_host_drain(h);
    assert_int_equal(wa_host_held(h), 1);
    assert_int_equal(wa_host_replies(h), replies);

    wa_host_confirm(h);
    assert_int_equal(wa_host_replies(h), replies + 2);
    assert_int_equal(wa_host_reply(h)->id, 2);
}


static void
an_overlong_name_fails_the_unit_and_undoes_it(void **state)
{
    char           name[WA_RECORD_NAME_MAX + 10];
    wa_span_t      s;
    wa_unit_t     *u;
    wa_account_t  *a;

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    a = wa_host_account(*state);
    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/1", 0, wa_span_str("x"));
    assert_int_equal(wa_unit_put(u, name, 0, wa_span_str("x")),
                     WA_ERR_LIMIT);
    assert_int_equal(wa_unit_put(u, "k/2", 0, wa_span_str("x")),
                     WA_ERR_LIMIT);
    assert_int_equal(wa_unit_commit(u, NULL), WA_ERR_LIMIT);
    assert_int_equal(wa_record_get(a, "k/1", 0, &s), WA_AGAIN);
}


static void
memory_is_bounded_and_reloaded_on_demand(void **state)
{
    char           name[32];
    size_t         i;
    uint8_t        big[1024];
    wa_host_t     *h = *state;
    wa_unit_t     *u;
    wa_span_t      s;
    wa_account_t  *a;

    a = wa_host_account(h);
    a->engine->conf.cache_bytes = 64 * 1024;
    memset(big, 'b', sizeof(big));

    for (i = 0; i < 100; i++) {
        (void) snprintf(name, sizeof(name), "k/%zu", i);
        u = wa_unit_new(a);
        (void) wa_unit_put(u, name, 0, wa_span(big, sizeof(big)));
        assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    }

    wa_host_drain(h);
    wa_host_advance(h, 1);
    assert_true(wa_store_footprint(a) < 72 * 1024);
    assert_int_equal(wa_record_get(a, "k/0", 0, &s), WA_AGAIN);
    assert_int_equal(wa_record_get(a, "k/99", 0, &s), WA_OK);

    wa_store_trim(a, 4096);
    assert_true(wa_store_footprint(a) < 8 * 1024);
    assert_int_equal(wa_record_get(a, "k/50", 0, &s), WA_AGAIN);
    assert_int_equal(wa_record_get(a, "k/99", 0, &s), WA_OK);
}


static void
what_a_load_needs_beside_it_stays(void **state)
{
    uint8_t        big[20000];
    wa_key_t       keys[2];
    uint64_t       token;
    wa_unit_t     *u;
    wa_span_t      s, none;
    wa_account_t  *a;

    a = wa_host_account(*state);
    memset(big, 'b', sizeof(big));
    memset(&none, 0, sizeof(none));
    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/big", 0, wa_span(big, sizeof(big)));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    assert_int_equal(wa_commits_flush(a), WA_OK);

    keys[0].name = wa_span_str("k/big");
    keys[0].day = 0;
    keys[1].name = wa_span_str("k/other");
    keys[1].day = 0;
    assert_int_equal(wa_store_load(a, keys, 2, &token), WA_AGAIN);
    wa_store_trim(a, 4096);
    assert_int_equal(wa_record_get(a, "k/big", 0, &s), WA_OK);

    assert_int_equal(wa_store_loaded(a, token, &none, 1), WA_OK);
    assert_int_equal(wa_record_get(a, "k/big", 0, &s), WA_OK);
    assert_int_equal(wa_record_get(a, "k/other", 0, &s), WA_OK);

    wa_store_trim(a, 4096);
    assert_int_equal(wa_record_get(a, "k/big", 0, &s), WA_AGAIN);
}


static void
the_last_write_of_a_name_counts(void **state)
{
    wa_host_t     *h = *state;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(h);
    u = wa_unit_new(a);
    (void) wa_unit_del(u, "k/1", 0);
    (void) wa_unit_put(u, "k/1", 0, wa_span_str("a"));
    (void) wa_unit_put(u, "k/2", 0, wa_span_str("b"));
    (void) wa_unit_del(u, "k/2", 0);
    (void) wa_unit_put(u, "k/1", 5, wa_span_str("c"));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);

    assert_non_null(wa_host_record(h, "k/1", 0).p);
    assert_non_null(wa_host_record(h, "k/1", 5).p);
    assert_null(wa_host_record(h, "k/2", 0).p);
    assert_int_equal(wa_host_last_writes(h), 3);
}


static void
a_write_wins_over_an_older_read(void **state)
{
    wa_host_t     *h = *state;
    wa_buf_t       sealed = WA_BUF_EMPTY;
    wa_key_t       key;
    uint64_t       token;
    wa_unit_t     *u;
    wa_span_t      value;
    wa_account_t  *a;

    a = wa_host_account(h);
    key.name = wa_span_str("k/raced");
    key.day = 0;
    assert_int_equal(wa_store_load(a, &key, 1, &token), WA_AGAIN);

    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/raced", 0, wa_span_str("new"));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);

    assert_int_equal(wa_record_seal(a, "k/raced", wa_span_str("old"),
                                    &sealed), WA_OK);
    value = wa_span_buf(&sealed);
    assert_int_equal(wa_store_loaded(a, token, &value, 1), WA_OK);
    assert_record(a, "k/raced", "new");
    wa_buf_free(&sealed);
}


static void
put_and_reply(wa_account_t *a, const char *name, const char *value,
    uint64_t id)
{
    wa_unit_t  *u;

    u = wa_unit_new(a);
    (void) wa_unit_put(u, name, 0, wa_span_str(value));
    (void) wa_unit_event(u, "webhook.test", NULL);
    (void) wa_unit_reply(u, id, NULL, NULL, json_object());
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
}


static void
units_behind_a_commit_travel_together(void **state)
{
    size_t         commits, replies;
    wa_host_t     *h = *state;
    wa_account_t  *a;

    a = wa_host_account(h);
    wa_host_hold(h, true);
    commits = wa_host_commits(h);
    replies = wa_host_replies(h);

    put_and_reply(a, "k/1", "first", 1);
    wa_host_drain(h);
    put_and_reply(a, "k/1", "second", 2);
    wa_host_drain(h);
    put_and_reply(a, "k/2", "x", 3);
    put_and_reply(a, "k/1", "third", 4);
    wa_host_drain(h);
    assert_int_equal(wa_host_held(h), 1);
    assert_false(wa_account_idle(a));

    wa_host_confirm(h);
    assert_int_equal(wa_host_replies(h), replies + 1);
    assert_int_equal(wa_host_held(h), 1);

    wa_host_confirm(h);
    assert_int_equal(wa_host_commits(h), commits + 2);
    assert_int_equal(wa_host_last_writes(h), 2);
    assert_int_equal(wa_host_event_count(h, "webhook.test"), 4);
    assert_int_equal(wa_host_replies(h), replies + 4);
    assert_int_equal(wa_host_reply(h)->id, 4);
    assert_int_equal(wa_host_held(h), 0);
    assert_true(wa_account_idle(a));

    wa_host_hold(h, false);
    wa_host_restart(h);
    a = wa_host_account(h);
    wa_host_drain(h);
    assert_int_equal(wa_host_record(h, "k/1", 0).n, 5 + WA_SEAL_OVERHEAD);
}


/* Many do not wait: what is not confirmed stays small, and is sent on. */
static void
a_large_batch_does_not_wait(void **state)
{
    size_t         i;
    wa_host_t     *h = *state;
    wa_account_t  *a;

    a = wa_host_account(h);
    wa_host_hold(h, true);

    for (i = 0; i < 140; i++) {
        put_and_reply(a, "k/1", "value", i);
        wa_host_drain(h);
    }

    assert_true(wa_host_held(h) >= 3);
    assert_true(wa_account_paused(a));

    while (wa_host_held(h) > 0) {
        wa_host_confirm(h);
    }

    assert_int_equal(wa_host_reply(h)->id, 139);
    assert_int_equal(wa_commits_pending(a), 0);
}


static void
what_is_in_no_commit_stays_in_memory(void **state)
{
    wa_host_t     *h = *state;
    wa_span_t      s;
    wa_account_t  *a;

    a = wa_host_account(h);
    wa_host_hold(h, true);
    put_and_reply(a, "k/1", "one", 1);
    wa_host_drain(h);
    put_and_reply(a, "k/2", "two", 2);
    wa_host_drain(h);

    /* The store would answer that there is no k/2. */

    wa_store_trim(a, 0);
    assert_record(a, "k/2", "two");
    assert_int_equal(wa_record_get(a, "k/1", 0, &s), WA_AGAIN);

    wa_host_confirm(h);
    wa_store_trim(a, 0);
    assert_int_equal(wa_record_get(a, "k/2", 0, &s), WA_AGAIN);
    wa_host_hold(h, false);
}


static void
a_cold_record_leaves_with_its_commit(void **state)
{
    wa_host_t     *h = *state;
    wa_key_t       key;
    uint64_t       token;
    wa_unit_t     *u;
    wa_span_t      s;
    wa_account_t  *a;

    a = wa_host_account(h);
    u = wa_unit_new(a);
    (void) wa_unit_put_cold(u, "k/cold", 0, wa_span_str("x"));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    assert_record(a, "k/cold", "x");
    wa_host_drain(h);
    assert_int_equal(wa_record_get(a, "k/cold", 0, &s), WA_AGAIN);
    assert_non_null(wa_host_record(h, "k/cold", 0).p);

    /* Not while an older answer may come. */

    key.name = wa_span_str("k/raced");
    key.day = 0;
    assert_int_equal(wa_store_load(a, &key, 1, &token), WA_AGAIN);
    u = wa_unit_new(a);
    (void) wa_unit_put_cold(u, "k/raced", 0, wa_span_str("new"));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    assert_int_equal(wa_commits_flush(a), WA_OK);
    wa_store_trim(a, 0);
    memset(&s, 0, sizeof(s));
    assert_int_equal(wa_store_loaded(a, token, &s, 1), WA_OK);
    assert_record(a, "k/raced", "new");
}


static void
emptying_comes_after_what_was_before_it(void **state)
{
    wa_host_t     *h = *state;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(h);
    wa_host_hold(h, true);
    put_and_reply(a, "k/1", "one", 1);
    wa_host_drain(h);
    put_and_reply(a, "k/2", "two", 2);

    u = wa_unit_new(a);
    wa_unit_mark_reset(u);
    (void) wa_unit_put(u, "k/3", 0, wa_span_str("three"));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    put_and_reply(a, "k/4", "four", 4);
    wa_host_drain(h);
    assert_int_equal(wa_host_held(h), 3);

    wa_host_hold(h, false);
    assert_null(wa_host_record(h, "k/1", 0).p);
    assert_null(wa_host_record(h, "k/2", 0).p);
    assert_non_null(wa_host_record(h, "k/3", 0).p);
    assert_non_null(wa_host_record(h, "k/4", 0).p);
}


static void
a_patient_unit_waits_for_company(void **state)
{
    size_t         commits;
    wa_host_t     *h = *state;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = wa_host_account(h);
    commits = wa_host_commits(h);

    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/1", 0, wa_span_str("x"));
    wa_unit_set_patient(u);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);
    assert_int_equal(wa_host_commits(h), commits);
    assert_true(wa_account_deadline(a) <= wa_host_now(h)
                                          + WA_UNIT_PATIENCE_MS);

    /* Not for long. */

    wa_host_advance(h, WA_UNIT_PATIENCE_MS);
    assert_int_equal(wa_host_commits(h), commits + 1);
    assert_non_null(wa_host_record(h, "k/1", 0).p);

    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/2", 0, wa_span_str("x"));
    wa_unit_set_patient(u);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);
    put_and_reply(a, "k/3", "x", 1);
    wa_host_drain(h);
    assert_int_equal(wa_host_commits(h), commits + 2);
    assert_int_equal(wa_host_last_writes(h), 2);

    /* Who leaves does not wait. */

    u = wa_unit_new(a);
    (void) wa_unit_put(u, "k/4", 0, wa_span_str("x"));
    wa_unit_set_patient(u);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_account_quiesce(a, wa_host_now(h));
    wa_host_drain(h);
    assert_true(wa_account_idle(a));
    assert_non_null(wa_host_record(h, "k/4", 0).p);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(a_put_is_seen_at_once_and_sealed_in_the_store),
        T(a_record_does_not_open_under_another_name),
        T(rollback_restores_values_absence_and_ignorance),
        T(a_dropped_unit_leaves_no_trace),
        T(two_open_units_are_refused),
        T(effects_leave_in_order_and_only_after_confirmation),
        T(an_overlong_name_fails_the_unit_and_undoes_it),
        T(memory_is_bounded_and_reloaded_on_demand),
        T(what_a_load_needs_beside_it_stays),
        T(the_last_write_of_a_name_counts),
        T(a_write_wins_over_an_older_read),
        T(units_behind_a_commit_travel_together),
        T(a_large_batch_does_not_wait),
        T(what_is_in_no_commit_stays_in_memory),
        T(a_cold_record_leaves_with_its_commit),
        T(emptying_comes_after_what_was_before_it),
        T(a_patient_unit_waits_for_company)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
