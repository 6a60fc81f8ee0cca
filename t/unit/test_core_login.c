/* Every way the server ends a stream, and what the account does then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wa_host.h"
#include "wa_peer.h"


typedef struct {
    wa_host_t  *h;
    wa_peer_t  *p;
} room_t;


static int
setup(void **state)
{
    static room_t  room;

    room.h = wa_host_create();
    room.p = wa_peer_create(room.h);
    wa_host_make(room.h);
    wa_peer_link(room.p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_login(room.p);
    *state = &room;

    return 0;
}


static int
teardown(void **state)
{
    room_t  *r = *state;

    wa_peer_free(r->p);
    wa_host_free(r->h);

    return 0;
}


static wa_state_e
now_state(room_t *r)
{
    return wa_account_state(wa_host_account(r->h));
}


/* A fresh room for each row of a table. */
static void
again(room_t *r)
{
    void  *state = r;

    (void) teardown(&state);
    (void) setup(&state);
}


static void
say_failure(room_t *r, const char *reason, const char *expire)
{
    wa_node_t  *n;

    n = wa_node_new(wa_peer_arena(r->p), "failure");
    wa_node_set_str(wa_peer_arena(r->p), n, "reason", reason);

    if (expire != NULL) {
        wa_node_set_str(wa_peer_arena(r->p), n, "expire", expire);
    }

    wa_peer_send(r->p, n);
}


static void
failures_lead_to_their_states(void **state)
{
    room_t  *r = *state;
    size_t   i, before;

    static const struct {
        const char  *reason;
        wa_state_e   end;
        bool         redials;
    } rows[] = {
        { "400", WA_STATE_ERROR, false },
        { "402", WA_STATE_ERROR, false },
        { "405", WA_STATE_DISCONNECTED, false },
        { "406", WA_STATE_ERROR, false },
        { "409", WA_STATE_ERROR, false },
        { "500", WA_STATE_DISCONNECTED, true },
        { "501", WA_STATE_DISCONNECTED, true },
        { "503", WA_STATE_DISCONNECTED, true },
        { "999", WA_STATE_DISCONNECTED, true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        before = wa_host_connects(r->h);
        say_failure(r, rows[i].reason, NULL);

        if (now_state(r) != rows[i].end) {
            fail_msg("failure %s: %s", rows[i].reason,
                     wa_state_name(now_state(r)));
        }

        wa_host_advance(r->h, 75000);

        if ((wa_host_connects(r->h) > before) != rows[i].redials) {
            fail_msg("failure %s: wrong about reconnecting",
                     rows[i].reason);
        }

        again(r);
    }
}


static void
a_logout_wipes_the_credentials_and_shows_a_new_link(void **state)
{
    room_t  *r = *state;
    size_t   i, before;

    static const char  *const reasons[] = { "401", "403" };

    for (i = 0; i < 2; i++) {
        before = wa_host_connects(r->h);
        say_failure(r, reasons[i], NULL);

        assert_int_equal(wa_host_event_count(r->h, "session.logged_out"),
                         1);
        /* auto_relink: it dials at once, with nothing left to log in by */
        assert_int_equal(wa_host_connects(r->h), before + 1);
        assert_int_equal(now_state(r), WA_STATE_CONNECTING);
        assert_string_equal(wa_account_jid(wa_host_account(r->h)), "");
        again(r);
    }
}


static void
a_logout_stays_when_no_relink_is_wanted(void **state)
{
    room_t  *r = *state;
    size_t   before;

    wa_host_submit(r->h, WA_OP_UPDATE, json_pack("{s:b}", "auto_relink", 0));
    before = wa_host_connects(r->h);
    say_failure(r, "401", NULL);
    wa_host_advance(r->h, 75000);
    assert_int_equal(now_state(r), WA_STATE_LOGGED_OUT);
    assert_int_equal(wa_host_connects(r->h), before);
}


static void
a_temporary_ban_is_waited_out_over_a_restart(void **state)
{
    room_t  *r = *state;
    size_t   before;

    say_failure(r, "402", "3600");
    assert_int_equal(now_state(r), WA_STATE_ERROR);
    before = wa_host_connects(r->h);

    wa_host_advance(r->h, 1800 * 1000);
    assert_int_equal(wa_host_connects(r->h), before);

    wa_host_restart(r->h);
    assert_int_equal(wa_host_connects(r->h), before);
    wa_host_advance(r->h, 1700 * 1000);
    assert_int_equal(wa_host_connects(r->h), before);
    wa_host_advance(r->h, 101 * 1000);
    assert_int_equal(wa_host_connects(r->h), before + 1);
}


static wa_node_t *
stream_error(room_t *r, const char *code, const char *child,
    const char *type)
{
    wa_node_t   *n, *c;
    wa_arena_t  *a = wa_peer_arena(r->p);

    n = wa_node_new(a, "stream:error");

    if (code != NULL) {
        wa_node_set_str(a, n, "code", code);
    }

    if (child != NULL) {
        c = wa_node_add_new(a, n, child);

        if (type != NULL) {
            wa_node_set_str(a, c, "type", type);
        }
    }

    return n;
}


static void
stream_errors_lead_to_their_states(void **state)
{
    room_t  *r = *state;
    size_t   i, before;

    static const struct {
        const char  *code;
        const char  *child;
        const char  *type;
        wa_state_e   end;
        bool         redials;
    } rows[] = {
        { "515", NULL, NULL, WA_STATE_CONNECTING, true },
        { "516", NULL, NULL, WA_STATE_CONNECTING, true },
        { "401", "conflict", "device_removed", WA_STATE_CONNECTING, true },
        { NULL, "conflict", "device_removed", WA_STATE_CONNECTING, true },
        { NULL, "conflict", "replaced", WA_STATE_ERROR, false },
        { "440", NULL, NULL, WA_STATE_ERROR, false },
        { "503", NULL, NULL, WA_STATE_DISCONNECTED, true },
        { "429", NULL, NULL, WA_STATE_DISCONNECTED, true },
        { NULL, "xml-not-well-formed", NULL, WA_STATE_DISCONNECTED, true },
        { NULL, "ack", NULL, WA_STATE_DISCONNECTED, true },
        { NULL, NULL, NULL, WA_STATE_DISCONNECTED, true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        before = wa_host_connects(r->h);
        wa_peer_send(r->p, stream_error(r, rows[i].code, rows[i].child,
                                        rows[i].type));

        if (now_state(r) != rows[i].end) {
            fail_msg("row %zu: %s", i, wa_state_name(now_state(r)));
        }

        wa_host_advance(r->h, 75000);

        if ((wa_host_connects(r->h) > before) != rows[i].redials) {
            fail_msg("row %zu: wrong about reconnecting", i);
        }

        again(r);
    }
}


static void
a_server_that_keeps_asking_for_restarts_is_followed_slowly(void **state)
{
    room_t  *r = *state;
    size_t   i, before;

    for (i = 0; i < 10; i++) {
        before = wa_host_connects(r->h);
        wa_peer_send(r->p, stream_error(r, "515", NULL, NULL));

        if (wa_host_connects(r->h) == before) {
            break;
        }

        wa_peer_login(r->p);
    }

    assert_in_range(i, 1, 5);
    assert_int_equal(now_state(r), WA_STATE_DISCONNECTED);
    wa_host_advance(r->h, 75000);
    assert_true(wa_host_connects(r->h) > before);

    /* Once it has been calm, at once again. */
    wa_peer_login(r->p);
    wa_peer_advance(r->p, 60000);
    before = wa_host_connects(r->h);
    wa_peer_send(r->p, stream_error(r, "515", NULL, NULL));
    assert_true(wa_host_connects(r->h) > before);
}


static void
a_rate_limited_stream_is_left_alone_for_a_while(void **state)
{
    room_t  *r = *state;
    size_t   before;

    before = wa_host_connects(r->h);
    wa_peer_send(r->p, stream_error(r, "429", NULL, NULL));
    wa_host_advance(r->h, 45000);
    assert_int_equal(wa_host_connects(r->h), before);
}


static bool
was_said(room_t *r, const char *text)
{
    size_t  i;

    for (i = 0; i < wa_host_events(r->h); i++) {
        if (strstr(wa_host_event_body(r->h, i), text) != NULL) {
            return true;
        }
    }

    return false;
}


static void
silence_is_noticed(void **state)
{
    size_t   i;
    room_t  *r = *state;

    wa_peer_advance(r->p, 300 * 1000);
    assert_int_equal(now_state(r), WA_STATE_READY);

    /* From now on nobody answers the pings. */

    for (i = 0; i < 55 && now_state(r) == WA_STATE_READY; i++) {
        wa_host_advance(r->h, 1000);
    }

    assert_int_equal(now_state(r), WA_STATE_CONNECTING);
    assert_true(was_said(r, "does not answer pings"));
}


static void
ready_comes_with_the_end_of_the_offline_queue(void **state)
{
    room_t      *r = *state;
    wa_node_t   *n, *c;
    wa_arena_t  *a = wa_peer_arena(r->p);

    assert_int_equal(now_state(r), WA_STATE_LOADING);

    n = wa_node_new(a, "ib");
    c = wa_node_add_new(a, n, "offline");
    wa_node_set_u64(a, c, "count", 0);
    wa_peer_send(r->p, n);
    assert_int_equal(now_state(r), WA_STATE_READY);
    assert_int_equal(wa_host_event_count(r->h, "session.connected"), 1);
}


static void
ready_comes_by_itself_when_the_queue_never_ends(void **state)
{
    room_t  *r = *state;

    wa_peer_advance(r->p, 31 * 1000);
    assert_int_equal(now_state(r), WA_STATE_READY);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(failures_lead_to_their_states),
        T(a_logout_wipes_the_credentials_and_shows_a_new_link),
        T(a_logout_stays_when_no_relink_is_wanted),
        T(a_temporary_ban_is_waited_out_over_a_restart),
        T(stream_errors_lead_to_their_states),
        T(a_server_that_keeps_asking_for_restarts_is_followed_slowly),
        T(a_rate_limited_stream_is_left_alone_for_a_while),
        T(silence_is_noticed),
        T(ready_comes_with_the_end_of_the_offline_queue),
        T(ready_comes_by_itself_when_the_queue_never_ends)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
