/* What WhatsApp does not let an account do: noticed, told, kept, ended. */
#include "wa_room_people.h"

#include "wa_restrict.h"


static int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, ALICE_PN, ALICE_LID, 5);
    room_add(r, BOB_PN, BOB_LID, 7);
    room_add(r, CAROL_PN, CAROL_LID, 0);
    *state = r;

    return 0;
}


static void
text(room_t *r, const char *to, unsigned error)
{
    r->ack_error = error;
    room_send(r, 0, to, "hello");
    room_run(r);
    r->ack_error = 0;
}


/* The i-th event of a type has this kind, code and end ("": none). */
static void
assert_told(room_t *r, const char *type, size_t i, const char *kind,
    int code, const char *until)
{
    json_t  *e, *data, *end;

    e = room_event(r, 0, type, i);
    assert_non_null(e);
    data = json_object_get(e, "data");
    assert_string_equal(json_string_value(json_object_get(data, "kind")),
                        kind);
    assert_int_equal(json_integer_value(json_object_get(data, "code")), code);
    end = json_object_get(data, "until");

    if (*until == '\0') {
        assert_null(json_string_value(end));

    } else {
        assert_string_equal(json_string_value(end), until);
    }

    json_decref(e);
}


/* Restrictions told, ended, and shown in the view. */
static void
assert_counts(room_t *r, size_t set, size_t cleared, size_t shown)
{
    json_t     *v;
    wa_span_t   view;

    assert_int_equal(room_events(r, 0, "account.restricted"), set);
    assert_int_equal(room_events(r, 0, "account.restricted_cleared"),
                     cleared);

    view = wa_host_record(r->side[0].h, "view", 0);
    v = json_loadb((const char *) view.p, view.n, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(v, "restrictions")),
                     shown);
    json_decref(v);
}


static void
timelock(room_t *r, bool active, const char *ends)
{
    char        body[300];
    wa_node_t  *n, *u;
    wa_span_t   copy;

    (void) snprintf(body, sizeof(body), "{\"data\":{"
                    "\"xwa2_notify_account_reachout_timelock\":{"
                    "\"is_active\":%s,\"enforcement_type\":"
                    "\"RESTRICT_ALL_COMPANIONS\",\"time_enforcement_ends\":"
                    "%s}}}", active ? "true" : "false", ends);
    assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_str(body), &copy),
                     WA_OK);

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n1");
    wa_node_set_str(&r->arena, n, "type", "mex");
    wa_node_set_str(&r->arena, n, "from", "s.whatsapp.net");
    u = wa_node_add_new(&r->arena, n, "update");
    wa_node_set_str(&r->arena, u, "op_name",
                    "NotificationUserReachoutTimelockUpdate");
    wa_node_bytes(u, copy);
    room_feed(r, 0, n);
    room_run(r);
}


static void
two_refused_contacts_are_a_restriction(void **state)
{
    room_t  *r = *state;

    text(r, BOB_PN, 463);
    text(r, BOB_LID "@lid", 463);
    assert_counts(r, 0, 0, 0);
    text(r, CAROL_PN, 463);
    assert_counts(r, 1, 0, 1);
    assert_told(r, "account.restricted", 0, "reachout", 463, "");
    text(r, BOB_PN, 463);
    assert_counts(r, 1, 0, 1);

    /* Who knows us gets messages all the time: that says nothing. */

    room_send(r, 1, ALICE_PN, "hello Alice");
    room_run(r);
    text(r, BOB_PN, 0);
    assert_counts(r, 1, 0, 1);

    room_restart(r, 0);
    text(r, CAROL_PN, 0);
    assert_counts(r, 1, 1, 0);
    assert_told(r, "account.restricted_cleared", 0, "reachout", 463, "");

    /* One contact after that is that contact's matter. */

    text(r, CAROL_PN, 463);
    assert_counts(r, 1, 1, 0);
}


static void
rate_and_cap_are_told_at_once(void **state)
{
    room_t  *r = *state;

    text(r, BOB_PN, 429);
    assert_counts(r, 1, 0, 1);
    assert_told(r, "account.restricted", 0, "rate", 429, "");
    text(r, BOB_PN, 429);
    text(r, BOB_PN, 400);
    text(r, CAROL_PN, 475);
    assert_counts(r, 2, 0, 2);
    assert_told(r, "account.restricted", 1, "reachout", 475, "");
    text(r, BOB_PN, 0);
    assert_counts(r, 2, 2, 0);
}


static void
a_timelock_ends_when_it_says(void **state)
{
    char     now[32];
    room_t  *r = *state;

    timelock(r, false, "null");
    assert_counts(r, 0, 0, 0);

    /* The tests begin on 2026-01-01. */

    timelock(r, true, "\"1767571200\"");
    assert_counts(r, 1, 0, 1);
    assert_told(r, "account.restricted", 0, "reachout", 463,
                "2026-01-05T00:00:00.000Z");
    timelock(r, true, "\"1767571200\"");
    text(r, BOB_PN, 463);
    text(r, CAROL_PN, 463);
    assert_counts(r, 1, 0, 1);
    timelock(r, true, "1767657600");
    assert_counts(r, 2, 0, 1);

    room_restart(r, 0);
    assert_counts(r, 2, 0, 1);
    assert_true(wa_restrict_deadline(room_account(r, 0)) > 0);
    wa_host_advance(r->side[0].h, (wa_time_t) 6 * 86400 * 1000);
    assert_counts(r, 2, 1, 0);
    assert_string_equal(wa_iso_time(1767657600000, now),
                        "2026-01-06T00:00:00.000Z");
    assert_int_equal(wa_restrict_deadline(room_account(r, 0)), -1);

    /* Or when the server says so. */

    timelock(r, true, "\"99999999999999999999\"");
    assert_told(r, "account.restricted", 2, "reachout", 463, "");
    timelock(r, false, "null");
    assert_counts(r, 3, 2, 0);
}


static void
a_ban_ends_with_the_next_login(void **state)
{
    room_t        *r = *state;
    wa_account_t  *a;

    a = room_account(r, 0);
    wa_life_ban(a, "temporarily banned (402)", 402,
                INT64_C(1767571200000));
    room_kick(r, 0);
    assert_counts(r, 1, 0, 1);
    assert_told(r, "account.restricted", 0, "temporary_ban", 402,
                "2026-01-05T00:00:00.000Z");
    room_restart(r, 0);
    assert_counts(r, 1, 1, 0);
    assert_told(r, "account.restricted_cleared", 0, "temporary_ban", 402,
                "");
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(two_refused_contacts_are_a_restriction),
        T(rate_and_cap_are_told_at_once),
        T(a_timelock_ends_when_it_says),
        T(a_ban_ends_with_the_next_login),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
