/* typing_ms: what the chat is shown before a message comes. */
#include "wa_room_trio.h"


static void
send_typing(room_t *r, const char *to, const char *text, int ms,
    const char *key)
{
    char     hex[65];
    json_t  *args;

    args = json_pack("{s:s, s:s, s:s, s:i}", "to", to, "type", "text",
                     "text", text, "typing_ms", ms);

    if (key != NULL) {
        memset(hex, key[0], 64);
        hex[64] = '\0';
        (void) json_object_set_new(args, "idempotency",
                                   json_pack("{s:s, s:s}", "key", hex,
                                             "body", hex));
    }

    wa_host_submit(r->side[0].h, WA_OP_SEND, args);
}


/* Not by room_run(): that lets time pass for patient units only. */
static void
pass(room_t *r, wa_time_t ms)
{
    wa_host_advance(r->side[0].h, ms);
    room_run(r);
}


static size_t
bodies(room_t *r, size_t side, const char *text)
{
    size_t   i, n;
    json_t  *e;

    n = 0;

    for (i = 0; (e = room_event(r, side, "message.received", i)) != NULL;
         i++)
    {
        n += strcmp(json_string_value(json_object_get(json_object_get(
                        json_object_get(e, "data"), "message"), "body")),
                    text)
             == 0;
        json_decref(e);
    }

    return n;
}


static void
a_chat_is_shown_typing_before_the_message(void **state)
{
    room_t     *r = *state;
    wa_node_t  *n;

    send_typing(r, BOB_PN, "one", 3000, NULL);
    room_run(r);

    assert_int_equal(room_count(r, 0, "chatstate", NULL), 1);
    n = room_last(r, 0, "chatstate", NULL);
    assert_non_null(wa_node_child(n, "composing"));
    assert_true(wa_node_attr_is(n, "to", BOB_PN "@s.whatsapp.net"));
    assert_int_equal(room_count(r, 0, "message", NULL), 0);

    pass(r, 2500);
    assert_int_equal(room_count(r, 0, "message", NULL), 0);

    pass(r, 501);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
    assert_int_equal(room_count(r, 0, "chatstate", NULL), 1);
    assert_int_equal(bodies(r, 1, "one"), 1);
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(r->side[0].h)->data, "status")),
                        "SENT");

    /* By LID, once it is known; recording, where it is a voice. */

    send_typing(r, BOB_PN, "two", 100, NULL);
    room_run(r);
    n = room_last(r, 0, "chatstate", NULL);
    assert_true(wa_node_attr_is(n, "to", BOB_LID "@lid"));
    pass(r, 101);
    assert_int_equal(bodies(r, 1, "two"), 1);
}


static void
other_chats_do_not_wait_and_the_same_keeps_its_order(void **state)
{
    room_t  *r = *state;
    json_t  *e;

    send_typing(r, BOB_PN, "first", 2000, NULL);
    room_send(r, 0, BOB_PN, "second");
    room_send(r, 0, CAROL_PN, "other");
    room_run(r);

    assert_int_equal(bodies(r, 2, "other"), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 0);

    pass(r, 2001);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
    e = room_event(r, 1, "message.received", 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(
                        json_object_get(e, "data"), "message"), "body")),
                        "first");
    json_decref(e);
}


/* The caller's 20 s are not used up by it. */
static void
typing_takes_at_most_half_of_the_callers_patience(void **state)
{
    room_t  *r = *state;

    wa_host_engine(r->side[0].h)->conf.send_timeout_ms = 4000;

    send_typing(r, BOB_PN, "short", 10000, NULL);
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 0);
    pass(r, 2001);
    assert_int_equal(bodies(r, 1, "short"), 1);
}


static void
a_repeat_with_its_key_types_once(void **state)
{
    room_t            *r = *state;
    const wa_reply_t  *reply;

    send_typing(r, BOB_PN, "keyed", 1000, "a");
    room_run(r);

    send_typing(r, BOB_PN, "keyed", 1000, "a");
    room_run(r);
    reply = wa_host_reply(r->side[0].h);
    assert_string_equal(reply->code, "IDEMPOTENCY_IN_PROGRESS");

    pass(r, 1001);
    assert_int_equal(bodies(r, 1, "keyed"), 1);

    send_typing(r, BOB_PN, "keyed", 1000, "a");
    room_run(r);
    reply = wa_host_reply(r->side[0].h);
    assert_null(reply->code);
    assert_int_equal(room_count(r, 0, "chatstate", NULL), 1);
    assert_int_equal(bodies(r, 1, "keyed"), 1);
}


static void
whoever_types_is_told_of_a_move(void **state)
{
    room_t            *r = *state;
    const wa_reply_t  *reply;

    send_typing(r, BOB_PN, "moved", 1000, NULL);
    room_run(r);
    wa_account_quiesce(room_account(r, 0), wa_host_now(r->side[0].h));
    wa_host_drain(r->side[0].h);

    reply = wa_host_reply(r->side[0].h);
    assert_string_equal(reply->code, "OWNER_UNAVAILABLE");
    assert_true(wa_account_idle(room_account(r, 0)));
}


static void
a_message_that_does_not_come_ends_the_typing(void **state)
{
    room_t            *r = *state;
    const wa_reply_t  *reply;

    send_typing(r, "4915100099", "nobody", 500, NULL);
    room_run(r);
    pass(r, 501);

    reply = wa_host_reply(r->side[0].h);
    assert_string_equal(reply->code, "SEND_FAILED");
    assert_int_equal(room_count(r, 0, "chatstate", NULL), 2);
    assert_non_null(wa_node_child(room_last(r, 0, "chatstate", NULL),
                                  "paused"));
}


static void
a_bad_time_is_refused(void **state)
{
    room_t  *r = *state;

    send_typing(r, BOB_PN, "too long", 10001, NULL);
    assert_string_equal(wa_host_reply(r->side[0].h)->code,
                        "VALIDATION_ERROR");
    send_typing(r, BOB_PN, "negative", -1, NULL);
    assert_string_equal(wa_host_reply(r->side[0].h)->code,
                        "VALIDATION_ERROR");
    room_run(r);
    assert_int_equal(room_count(r, 0, "chatstate", NULL), 0);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_chat_is_shown_typing_before_the_message),
        T(other_chats_do_not_wait_and_the_same_keeps_its_order),
        T(typing_takes_at_most_half_of_the_callers_patience),
        T(a_repeat_with_its_key_types_once),
        T(whoever_types_is_told_of_a_move),
        T(a_message_that_does_not_come_ends_the_typing),
        T(a_bad_time_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
