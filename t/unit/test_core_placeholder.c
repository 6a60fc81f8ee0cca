/* Messages without their content, asked for at the own phone. */
#include "wa_room.h"

#include "wa_placeholder.h"

#define MY_PN    "4915100001"
#define MY_LID   "70000001"
#define BOB_PN   "4915100002"
#define BOB_LID  "70000002"

#define ME     0
#define PHONE  1

#define HOUR_MS  3600000


static int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, MY_PN, MY_LID, 5);
    room_add(r, MY_PN, MY_LID, 0);
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


/* <unavailable [type]/> of Bob's. */
static void
unavailable(room_t *r, const char *id, const char *type, int64_t age_s)
{
    wa_node_t    *m, *n;
    wa_arena_t   *ar;

    ar = &r->arena;
    m = wa_node_new(ar, "message");
    wa_node_set_str(ar, m, "id", id);
    wa_node_set_str(ar, m, "from", BOB_LID "@lid");
    wa_node_set_str(ar, m, "sender_pn", BOB_PN "@s.whatsapp.net");
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_u64(ar, m, "t",
                    (uint64_t) (wa_unix_s(room_account(r, ME)) - age_s));
    n = wa_node_add_new(ar, m, "unavailable");

    if (type != NULL) {
        wa_node_set_str(ar, n, "type", type);
    }

    room_feed(r, ME, m);
    room_run(r);
}


/* Requests to the phone so far; checks their form. */
static size_t
requests(const room_t *r)
{
    size_t      k, n;
    wa_node_t  *m;

    n = 0;

    for (k = 0; k < r->n_log; k++) {
        m = r->log[k];

        if (r->from[k] != ME || !wa_node_is(m, "message")
            || !wa_node_attr_is(m, "category", "peer"))
        {
            continue;
        }

        n++;
        assert_true(wa_node_attr_is(m, "to", MY_PN "@s.whatsapp.net"));
        assert_true(wa_node_attr_is(wa_node_child(m, "meta"), "appdata",
                                    "default"));
        assert_non_null(wa_node_child(m, "enc"));
        assert_null(wa_node_child(m, "participants"));
    }

    return n;
}


static void
later(room_t *r, wa_time_t ms)
{
    wa_host_advance(r->side[ME].h, ms);
    room_run(r);
}


static size_t
listed(const room_t *r)
{
    return wa_host_record(r->side[ME].h, WA_PLACEHOLDER_RECORD, 0).n;
}


static void
asked_three_times_and_no_more(void **state)
{
    size_t   i;
    room_t  *r = *state;

    unavailable(r, "3EB0AA", NULL, 0);
    assert_int_equal(room_events(r, ME, "message.undecryptable"), 1);
    assert_int_equal(room_count(r, ME, "ack", NULL), 1);
    assert_int_equal(room_count(r, ME, "receipt", "retry"), 0);
    assert_true(listed(r) > 0);

    later(r, 1000);
    assert_int_equal(requests(r), 1);

    later(r, 500 * 1000);
    assert_int_equal(requests(r), 1);
    later(r, 200 * 1000);
    assert_int_equal(requests(r), 2);
    later(r, HOUR_MS + 1000);
    assert_int_equal(requests(r), 3);

    for (i = 0; i < 30; i++) {
        later(r, HOUR_MS);
    }

    assert_int_equal(requests(r), 3);
    assert_int_equal(listed(r), 0);
    assert_int_equal(room_events(r, ME, "message.undecryptable"), 1);
}


static void
a_restart_forgets_nothing(void **state)
{
    room_t  *r = *state;

    unavailable(r, "3EB0AA", NULL, 0);
    room_restart(r, ME);
    wa_placeholder_online(room_account(r, ME));
    room_run(r);
    assert_int_equal(requests(r), 0);

    later(r, 11000);
    assert_int_equal(requests(r), 1);

    /* Said again after it: told already, and asked for once. */

    unavailable(r, "3EB0AA", NULL, 0);
    later(r, 11000);
    assert_int_equal(requests(r), 1);
    assert_int_equal(room_events(r, ME, "message.undecryptable"), 1);
}


static void
many_go_together_and_are_bounded(void **state)
{
    size_t   i, told;
    char    *id;
    json_t  *e;
    room_t  *r = *state;

    for (i = 0; i < WA_PLACEHOLDER_MAX + 10; i++) {
        id = wa_arena_alloc(&r->arena, 16);
        (void) snprintf(id, 16, "3EB0%04zX", i);
        unavailable(r, id, NULL, 0);
    }

    assert_int_equal(room_events(r, ME, "message.undecryptable"),
                     WA_PLACEHOLDER_MAX + 10);
    told = 0;

    for (i = 0; i < WA_PLACEHOLDER_MAX + 10; i++) {
        e = room_event(r, ME, "message.undecryptable", i);
        told += json_is_true(json_object_get(json_object_get(e, "data"),
                                             "retrying"));
        json_decref(e);
    }

    assert_true(told >= WA_PLACEHOLDER_MAX);

    for (i = 0; i < 30; i++) {
        later(r, 1000);
    }

    assert_true(requests(r) <= 1 + (WA_PLACEHOLDER_MAX + 10) / 16);
    assert_true(requests(r) >= WA_PLACEHOLDER_MAX / 16);
}


static void
some_are_told_and_not_asked_for(void **state)
{
    room_t  *r = *state;

    unavailable(r, "3EB0AA", "view_once", 0);
    unavailable(r, "3EB0AB", "bot_unavailable_fanout", 0);
    unavailable(r, "3EB0AC", NULL, 15 * 86400);
    assert_int_equal(room_events(r, ME, "message.undecryptable"), 3);
    assert_int_equal(listed(r), 0);
    later(r, 11000);
    assert_int_equal(requests(r), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(asked_three_times_and_no_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_forgets_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(many_go_together_and_are_bounded,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(some_are_told_and_not_asked_for,
                                        setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
