/* The account's life through its public verbs, on a host in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wa_host.h"


static int
setup(void **state)
{
    *state = wa_host_create();

    return 0;
}


static int
teardown(void **state)
{
    wa_host_free(*state);

    return 0;
}


static json_t *
view_of(wa_host_t *h)
{
    wa_span_t  s;

    s = wa_host_record(h, WA_RECORD_VIEW, 0);
    assert_non_null(s.p);

    return json_loadb((const char *) s.p, s.n, 0, NULL);
}


static void
assert_view(wa_host_t *h, const char *key, const char *value)
{
    json_t  *v;

    v = view_of(h);
    assert_string_equal(json_string_value(json_object_get(v, key)), value);
    json_decref(v);
}


static void
refuse_transport(wa_host_t *h)
{
    wa_done_t  d;

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CONNECT;
    d.err = WA_ERR_STATE;
    d.text = "connection refused";
    assert_int_equal(wa_account_complete(wa_host_account(h), &d,
                                         wa_host_now(h)), WA_OK);
    wa_host_drain(h);
}


static void
create_is_durable_before_it_is_answered_and_dials_after(void **state)
{
    wa_host_t  *h = *state;

    wa_host_hold(h, true);
    wa_host_submit(h, WA_OP_CREATE,
                   json_pack("{s:s, s:s, s:s}", "tenant_id", "default",
                             "session_id", "main", "name", "Main"));

    assert_int_equal(wa_host_held(h), 1);
    assert_int_equal(wa_host_replies(h), 0);
    assert_int_equal(wa_host_connects(h), 0);

    wa_host_confirm(h);

    assert_int_equal(wa_host_replies(h), 1);
    assert_null(wa_host_reply(h)->code);
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(h)->data, "state")), "INIT");
    assert_string_equal(wa_host_event_type(h, 0), "session.created");

    wa_host_hold(h, false);
    assert_int_equal(wa_host_connects(h), 1);
    assert_view(h, "state", "CONNECTING");
    assert_string_equal(wa_account_session_id(wa_host_account(h)), "main");
}


static void
create_without_a_session_id_is_refused_and_leaves_nothing(void **state)
{
    wa_gone_e   why;
    wa_host_t  *h = *state;

    wa_host_submit(h, WA_OP_CREATE, json_pack("{s:s}", "tenant_id", "x"));

    assert_string_equal(wa_host_reply(h)->code, "VALIDATION_ERROR");
    assert_int_equal(wa_host_records(h), 0);
    assert_true(wa_host_gone(h, &why));
}


static void
credentials_are_sealed_at_rest(void **state)
{
    size_t      i;
    wa_span_t   a, b;
    wa_host_t  *h = *state;

    wa_host_make(h);
    a = wa_host_record(h, "creds", 0);
    assert_non_null(a.p);
    assert_true(a.n > 200);

    /* The first byte of the plain form is its version: sealed it is noise. */
    b = wa_span(a.p, 1);

    for (i = 0; i < a.n && a.p[i] == b.p[0]; i++) {
        /* void */
    }

    assert_true(i < a.n);
}


static void
a_refused_connection_is_tried_again_with_backoff(void **state)
{
    wa_host_t  *h = *state;

    wa_host_make(h);
    refuse_transport(h);
    assert_view(h, "state", "DISCONNECTED");
    assert_view(h, "reason", "connection refused");
    assert_int_equal(wa_host_connects(h), 1);

    wa_host_advance(h, 1300);
    assert_int_equal(wa_host_connects(h), 2);
    assert_view(h, "state", "CONNECTING");

    /* The second wait is twice the first. */
    refuse_transport(h);
    wa_host_advance(h, 1300);
    assert_int_equal(wa_host_connects(h), 2);
    wa_host_advance(h, 1200);
    assert_int_equal(wa_host_connects(h), 3);
}


static void
backoff_reaches_its_cap_and_not_more(void **state)
{
    size_t      i, before;
    wa_host_t  *h = *state;

    wa_host_make(h);

    for (i = 0; i < 10; i++) {
        refuse_transport(h);
        wa_host_advance(h, 73000);
    }

    refuse_transport(h);
    before = wa_host_connects(h);
    wa_host_advance(h, 45000);
    assert_int_equal(wa_host_connects(h), before);
    wa_host_advance(h, 28000);
    assert_int_equal(wa_host_connects(h), before + 1);
}


static void
a_dial_that_never_ends_times_out(void **state)
{
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_host_advance(h, 30000);
    assert_true(wa_host_closes(h) >= 1);
    assert_true(wa_host_event_count(h, "session.disconnected") >= 1);
}


static void
garbage_from_the_server_ends_the_connection_only(void **state)
{
    wa_done_t   d;
    wa_host_t  *h = *state;

    wa_host_make(h);
    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CONNECT;
    assert_int_equal(wa_account_complete(wa_host_account(h), &d,
                                         wa_host_now(h)), WA_OK);
    wa_host_drain(h);
    assert_non_null(strstr((char *) wa_host_written(h)->p, "GET /ws/chat"));

    assert_int_equal(wa_account_feed(wa_host_account(h),
                     wa_span_str("HTTP/1.1 403 Forbidden\r\n\r\n"),
                     wa_host_now(h)), WA_OK);
    wa_host_drain(h);
    assert_view(h, "state", "DISCONNECTED");
    assert_int_equal(wa_account_feed(wa_host_account(h), wa_span_str("x"),
                     wa_host_now(h)), WA_ERR_STATE);
}


static void
a_server_without_room_is_left_alone_for_a_minute(void **state)
{
    wa_done_t   d;
    wa_host_t  *h = *state;

    wa_host_make(h);
    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CONNECT;
    assert_int_equal(wa_account_complete(wa_host_account(h), &d,
                                         wa_host_now(h)), WA_OK);
    wa_host_drain(h);
    assert_int_equal(wa_account_feed(wa_host_account(h),
                     wa_span_str("HTTP/1.1 429 Too Many Requests\r\n\r\n"),
                     wa_host_now(h)), WA_OK);
    wa_host_drain(h);
    assert_view(h, "state", "DISCONNECTED");
    wa_host_advance(h, 45 * 1000);
    assert_int_equal(wa_host_connects(h), 1);
    wa_host_advance(h, 30 * 1000);
    assert_int_equal(wa_host_connects(h), 2);
}


static void
a_stopped_account_stays_stopped_over_a_restart(void **state)
{
    size_t      before;
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_host_submit(h, WA_OP_STOP, NULL);
    assert_null(wa_host_reply(h)->code);
    assert_view(h, "state", "STOPPED");

    before = wa_host_connects(h);
    wa_host_restart(h);
    wa_host_advance(h, 120000);
    assert_int_equal(wa_host_connects(h), before);
    assert_int_equal(wa_account_state(wa_host_account(h)), WA_STATE_STOPPED);

    wa_host_submit(h, WA_OP_START, NULL);
    assert_int_equal(wa_host_connects(h), before + 1);
}


static void
a_running_account_connects_again_after_a_restart(void **state)
{
    size_t      before;
    wa_host_t  *h = *state;

    wa_host_make(h);
    before = wa_host_connects(h);
    wa_host_restart(h);
    assert_int_equal(wa_host_connects(h), before + 1);
    assert_view(h, "state", "CONNECTING");
    assert_view(h, "name", "Test");
}


static void
a_webhook_changes_without_touching_the_connection(void **state)
{
    size_t      closes;
    wa_host_t  *h = *state;

    wa_host_make(h);
    closes = wa_host_closes(h);
    wa_host_submit(h, WA_OP_UPDATE, json_pack("{s:s}", "webhook_url",
                                              "https://example.org/h"));
    assert_null(wa_host_reply(h)->code);
    assert_string_equal(wa_account_webhook_url(wa_host_account(h)),
                        "https://example.org/h");
    assert_int_equal(wa_host_closes(h), closes);

    wa_host_submit(h, WA_OP_UPDATE, json_pack("{s:n}", "webhook_url"));
    assert_string_equal(wa_account_webhook_url(wa_host_account(h)), "");

    wa_host_submit(h, WA_OP_UPDATE, json_pack("{s:i}", "name", 5));
    assert_string_equal(wa_host_reply(h)->code, "VALIDATION_ERROR");
}


static void
delete_wipes_everything_and_ends_the_object(void **state)
{
    wa_gone_e   why;
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_host_submit(h, WA_OP_DELETE, NULL);

    assert_null(wa_host_reply(h)->code);
    assert_true(wa_host_gone(h, &why));
    assert_int_equal(why, WA_GONE_DELETED);
    assert_int_equal(wa_host_records(h), 0);
    assert_int_equal(wa_host_event_count(h, "session.deleted"), 1);
}


/* The projection of the history is told by the event. */
static void
delete_says_what_becomes_of_the_history(void **state)
{
    wa_host_t   *h = *state;
    const char  *body;

    wa_host_make(h);
    wa_host_submit(h, WA_OP_DELETE, json_pack("{s:b}", "keep_history", 0));

    assert_null(wa_host_reply(h)->code);
    body = wa_host_event_body(h, wa_host_events(h) - 1);
    assert_non_null(strstr(body, "\"session.deleted\""));
    assert_non_null(strstr(body, "\"keep_history\":false"));
}


static void
a_refused_commit_reloads_and_answers_nothing(void **state)
{
    wa_gone_e   why;
    size_t      replies;
    wa_host_t  *h = *state;

    wa_host_make(h);
    replies = wa_host_replies(h);
    wa_host_hold(h, true);
    wa_host_submit(h, WA_OP_UPDATE, json_pack("{s:s}", "name", "Other"));
    wa_host_refuse(h);

    assert_true(wa_host_gone(h, &why));
    assert_int_equal(why, WA_GONE_RELOAD);
    assert_int_equal(wa_host_replies(h), replies);
}


static void
a_send_before_ready_is_not_accepted(void **state)
{
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_host_submit(h, WA_OP_SEND,
                   json_pack("{s:s, s:s, s:s}", "to",
                             "393331234567@s.whatsapp.net", "type", "text",
                             "text", "hi"));
    assert_string_equal(wa_host_reply(h)->code, "ACCOUNT_NOT_READY");
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(h)->data, "state")),
                        "CONNECTING");
}


static void
a_query_before_ready_is_not_accepted(void **state)
{
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_host_submit(h, WA_OP_QUERY, json_pack("{s:s}", "verb", "any"));
    assert_string_equal(wa_host_reply(h)->code, "ACCOUNT_NOT_READY");
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(h)->data, "state")),
                        "CONNECTING");
}


static void
a_command_before_the_records_came_may_be_repeated(void **state)
{
    wa_host_t  *h = *state;

    static const wa_op_e  ops[] = { WA_OP_SEND, WA_OP_STOP, WA_OP_UPDATE };

    wa_host_make(h);

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        wa_host_reopen(h);
        wa_host_submit(h, ops[i],
                       json_pack("{s:s, s:s, s:s}", "to",
                                 "393331234567@s.whatsapp.net", "type",
                                 "text", "text", "hi"));
        assert_int_equal(wa_host_replies(h), 2 + i);
        assert_non_null(wa_host_reply(h)->code);
        assert_string_equal(wa_host_reply(h)->code, "OWNER_UNAVAILABLE");
    }
}


static void
a_quiesced_account_lets_go_and_takes_nothing_new(void **state)
{
    wa_host_t  *h = *state;

    wa_host_make(h);
    wa_account_quiesce(wa_host_account(h), wa_host_now(h));
    wa_host_drain(h);
    assert_true(wa_account_idle(wa_host_account(h)));
    assert_true(wa_host_closes(h) >= 1);

    wa_host_submit(h, WA_OP_STOP, NULL);
    assert_string_equal(wa_host_reply(h)->code, "OWNER_UNAVAILABLE");
}


static void
a_close_comes_before_the_next_connect(void **state)
{
    wa_cmd_t    cmd;
    wa_out_t    out;
    wa_done_t   d;
    wa_host_t  *h = *state;
    wa_out_e    order[8];
    size_t      n;

    wa_host_make(h);
    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CONNECT;
    (void) wa_account_complete(wa_host_account(h), &d, wa_host_now(h));
    wa_host_drain(h);

    memset(&cmd, 0, sizeof(cmd));
    cmd.op = WA_OP_RESTART;
    (void) wa_account_submit(wa_host_account(h), &cmd, wa_host_now(h));
    n = 0;

    while (wa_account_next(wa_host_account(h), &out)) {
        if (out.type == WA_OUT_CLOSE || out.type == WA_OUT_CONNECT) {
            assert_true(n < 8);
            order[n++] = out.type;
        }
    }

    assert_int_equal(n, 2);
    assert_int_equal(order[0], WA_OUT_CLOSE);
    assert_int_equal(order[1], WA_OUT_CONNECT);
}


static void
verbs_inside_a_drain_are_refused(void **state)
{
    wa_out_t    out;
    wa_cmd_t    cmd;
    wa_host_t  *h = *state;

    memset(&cmd, 0, sizeof(cmd));
    cmd.op = WA_OP_CREATE;
    cmd.args = json_pack("{s:s, s:s}", "tenant_id", "d", "session_id", "s");
    assert_int_equal(wa_account_submit(wa_host_account(h), &cmd, 1000),
                     WA_OK);
    assert_true(wa_account_next(wa_host_account(h), &out));
    assert_int_equal(wa_account_expire(wa_host_account(h), 1000),
                     WA_ERR_STATE);
    json_decref(cmd.args);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(create_is_durable_before_it_is_answered_and_dials_after),
        T(create_without_a_session_id_is_refused_and_leaves_nothing),
        T(credentials_are_sealed_at_rest),
        T(a_refused_connection_is_tried_again_with_backoff),
        T(backoff_reaches_its_cap_and_not_more),
        T(a_dial_that_never_ends_times_out),
        T(garbage_from_the_server_ends_the_connection_only),
        T(a_server_without_room_is_left_alone_for_a_minute),
        T(a_stopped_account_stays_stopped_over_a_restart),
        T(a_running_account_connects_again_after_a_restart),
        T(a_webhook_changes_without_touching_the_connection),
        T(delete_wipes_everything_and_ends_the_object),
        T(delete_says_what_becomes_of_the_history),
        T(a_refused_commit_reloads_and_answers_nothing),
        T(a_send_before_ready_is_not_accepted),
        T(a_query_before_ready_is_not_accepted),
        T(a_command_before_the_records_came_may_be_repeated),
        T(a_quiesced_account_lets_go_and_takes_nothing_new),
        T(a_close_comes_before_the_next_connect),
        T(verbs_inside_a_drain_are_refused)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
