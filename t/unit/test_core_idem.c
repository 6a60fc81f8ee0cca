/* A send with an Idempotency-Key happens once, and a repeat is told what
   happened. */
#include "wa_failmem.h"
#include "wa_keyed.h"

#define DAY_MS  86400000


static void
a_repeat_gets_the_first_answer(void **state)
{
    json_t  *first;
    room_t  *r = *state;

    submit(r, keyed(1, 1, "once"));
    assert_code(r, NULL);
    assert_string_equal(field(r, "status"), "SENT");
    assert_false(replayed(r));
    first = answer(r);

    wa_host_advance(r->side[0].h, 5000);
    submit(r, keyed(1, 1, "once"));
    assert_code(r, NULL);
    assert_true(replayed(r));
    assert_answer(r, first);

    /* Another owner of the account. */

    room_restart(r, 0);
    submit(r, keyed(1, 1, "once"));
    assert_true(replayed(r));
    assert_answer(r, first);

    assert_int_equal(room_count(r, 0, "message", NULL), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    json_decref(first);
}


static void
another_key_is_another_message(void **state)
{
    room_t  *r = *state;

    submit(r, keyed(1, 1, "once"));
    submit(r, keyed(2, 1, "once"));
    assert_false(replayed(r));
    submit(r, keyed(3, 1, "once"));
    assert_int_equal(room_events(r, 1, "message.received"), 3);
}


static void
another_body_is_refused(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "one"));
    assert_int_equal(replies(r), 1);

    /* While the first one runs, and after. */

    submit(r, keyed(1, 2, "two"));
    assert_code(r, "IDEMPOTENCY_KEY_REUSED");

    ack(r, last_id(r), 0);
    assert_string_equal(field(r, "status"), "SENT");
    submit(r, keyed(1, 2, "two"));
    assert_code(r, "IDEMPOTENCY_KEY_REUSED");

    room_restart(r, 0);
    submit(r, keyed(1, 2, "two"));
    assert_code(r, "IDEMPOTENCY_KEY_REUSED");
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


static void
one_of_many_at_once_is_sent(void **state)
{
    size_t   i;
    room_t  *r = *state;

    wa_host_hold(r->side[0].h, true);

    for (i = 0; i < 50; i++) {
        wa_host_submit(r->side[0].h, WA_OP_SEND, keyed(1, 1, "once"));
    }

    /* The create command's, and those of the 49. */

    assert_int_equal(replies(r), 50);
    assert_code(r, "IDEMPOTENCY_IN_PROGRESS");

    wa_host_hold(r->side[0].h, false);
    room_run(r);
    assert_int_equal(replies(r), 51);
    assert_string_equal(field(r, "status"), "SENT");
    assert_int_equal(room_events(r, 1, "message.received"), 1);
}


static void
a_key_lives_a_day(void **state)
{
    room_t  *r = *state;

    submit(r, keyed(1, 1, "daily"));
    wa_host_advance(r->side[0].h, DAY_MS - 10000);
    room_run(r);
    submit(r, keyed(1, 1, "daily"));
    assert_true(replayed(r));

    wa_host_advance(r->side[0].h, 10000);
    room_run(r);
    submit(r, keyed(1, 1, "daily"));
    assert_code(r, NULL);
    assert_false(replayed(r));
    assert_int_equal(room_events(r, 1, "message.received"), 2);

    submit(r, keyed(1, 1, "daily"));
    assert_true(replayed(r));
}


static void
a_repeat_after_a_crash_waits_for_the_first(void **state)
{
    char     id[WA_SENT_ID_MAX + 1];
    size_t   n;
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "unacked"));
    (void) snprintf(id, sizeof(id), "%s", last_id(r));
    assert_int_equal(replies(r), 1);

    room_restart(r, 0);
    room_run(r);
    n = replies(r);
    submit(r, keyed(1, 1, "unacked"));
    assert_int_equal(replies(r), n);

    /* A third request finds the second one waiting. */

    submit(r, keyed(1, 1, "unacked"));
    assert_code(r, "IDEMPOTENCY_IN_PROGRESS");

    ack(r, id, 0);
    assert_int_equal(replies(r), n + 2);
    assert_code(r, NULL);
    assert_true(replayed(r));
    assert_string_equal(field(r, "status"), "SENT");
    assert_string_equal(field(r, "message_id"), id);

    submit(r, keyed(1, 1, "unacked"));
    assert_true(replayed(r));
    assert_string_equal(field(r, "message_id"), id);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
}


/* Without a key the answer need not wait; with one it is what every repeat
   will be told. */
static void
an_answer_under_a_key_is_durable(void **state)
{
    size_t   before;
    room_t  *r = *state;

    submit(r, keyed(9, 9, "session first"));

    r->no_acks = true;
    submit(r, keyed(1, 1, "text"));
    before = replies(r);

    wa_host_hold(r->side[0].h, true);
    ack(r, last_id(r), 0);
    assert_int_equal(wa_host_held(r->side[0].h), 1);
    assert_int_equal(replies(r), before);

    wa_host_hold(r->side[0].h, false);
    assert_int_equal(replies(r), before + 1);
    assert_code(r, NULL);
    assert_string_equal(field(r, "status"), "SENT");
}


static void
a_crash_before_the_frame_left_is_no_loss(void **state)
{
    room_t  *r = *state;

    submit(r, keyed(9, 9, "session first"));

    /* Confirmed by the store, but the process is gone by then. */

    wa_host_hold(r->side[0].h, true);
    wa_host_submit(r->side[0].h, WA_OP_SEND, keyed(1, 1, "committed"));
    assert_int_equal(wa_host_held(r->side[0].h), 1);
    wa_conn_close(room_account(r, 0));
    wa_host_hold(r->side[0].h, false);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);

    room_restart(r, 0);
    room_run(r);
    submit(r, keyed(1, 1, "committed"));
    assert_code(r, NULL);
    assert_true(replayed(r));
    assert_string_equal(field(r, "status"), "SENT");
    assert_int_equal(room_events(r, 1, "message.received"), 2);

    /* Never confirmed: nothing was sent, the repeat is the first. */

    wa_host_hold(r->side[0].h, true);
    wa_host_submit(r->side[0].h, WA_OP_SEND, keyed(2, 2, "lost"));
    wa_host_refuse(r->side[0].h);
    room_restart(r, 0);
    wa_host_hold(r->side[0].h, false);
    room_run(r);
    submit(r, keyed(2, 2, "lost"));
    assert_code(r, NULL);
    assert_false(replayed(r));
    assert_int_equal(room_events(r, 1, "message.received"), 3);
}


static void
after_a_pending_answer_a_repeat_tells_the_truth(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "slow"));
    wa_host_advance(r->side[0].h, 20100);
    assert_string_equal(field(r, "status"), "PENDING");
    assert_false(replayed(r));

    /* Still no ack: it waits as long as the first one did. */

    submit(r, keyed(1, 1, "slow"));
    assert_int_equal(replies(r), 2);
    wa_host_advance(r->side[0].h, 20100);
    assert_int_equal(replies(r), 3);
    assert_string_equal(field(r, "status"), "PENDING");
    assert_true(replayed(r));

    ack(r, last_id(r), 0);
    submit(r, keyed(1, 1, "slow"));
    assert_string_equal(field(r, "status"), "SENT");
    assert_true(replayed(r));
    assert_int_equal(room_events(r, 1, "message.received"), 1);
}


static void
wait_none_is_answered_the_same_way_again(void **state)
{
    json_t  *first, *args;
    room_t  *r = *state;

    r->no_acks = true;
    args = keyed(1, 1, "quick");
    (void) json_object_set_new(args, "wait", json_string("none"));
    submit(r, json_incref(args));
    assert_string_equal(field(r, "status"), "PENDING");
    first = answer(r);

    submit(r, json_incref(args));
    assert_true(replayed(r));
    assert_answer(r, first);

    ack(r, last_id(r), 0);
    room_restart(r, 0);
    submit(r, args);
    assert_true(replayed(r));
    assert_answer(r, first);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    json_decref(first);
}


static void
a_refused_send_frees_its_key(void **state)
{
    room_t  *r = *state;

    r->ack_error = 463;
    submit(r, keyed(1, 1, "cold"));
    assert_code(r, "REACHOUT_LIMITED");

    r->ack_error = 0;
    submit(r, keyed(1, 1, "cold"));
    assert_code(r, NULL);
    assert_false(replayed(r));
    assert_int_equal(room_events(r, 1, "message.received"), 1);
}


static void
a_refusal_nobody_was_told_is_kept(void **state)
{
    char     id[WA_SENT_ID_MAX + 1];
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "cold"));
    (void) snprintf(id, sizeof(id), "%s", last_id(r));
    wa_host_advance(r->side[0].h, 20100);
    assert_string_equal(field(r, "status"), "PENDING");
    ack(r, id, 463);

    submit(r, keyed(1, 1, "cold"));
    assert_code(r, "REACHOUT_LIMITED");
    assert_true(replayed(r));
    assert_string_equal(field(r, "message_id"), id);
    assert_int_equal(json_integer_value(json_object_get(reply(r)->data,
                                        "provider_code")), 463);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


/* Nobody knows whether the contact got it: it is not sent again. */
static void
a_send_given_up_is_not_sent_again(void **state)
{
    size_t   i, n;
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "anybody?"));

    for (i = 0; i < 20; i++) {
        wa_host_advance(r->side[0].h, 80000);
        room_run(r);
    }

    assert_int_equal(room_events(r, 0, "message.failed"), 1);
    n = room_count(r, 0, "message", NULL);

    submit(r, keyed(1, 1, "anybody?"));
    assert_code(r, "SEND_FAILED");
    assert_true(replayed(r));
    assert_int_equal(room_count(r, 0, "message", NULL), n);
}


static void
a_send_lost_by_unlinking_is_not_called_sent(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "gone"));
    wa_sends_reset(room_account(r, 0));
    wa_host_drain(r->side[0].h);
    assert_code(r, "SEND_FAILED");

    submit(r, keyed(1, 1, "gone"));
    assert_code(r, "SEND_FAILED");
    assert_true(replayed(r));
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


static void
a_repeat_is_answered_in_every_state(void **state)
{
    size_t   n;
    json_t  *first;
    room_t  *r = *state;

    submit(r, keyed(1, 1, "done"));
    first = answer(r);
    r->no_acks = true;
    submit(r, keyed(2, 2, "open"));

    wa_host_restart(r->side[0].h);
    n = replies(r);
    assert_int_not_equal(wa_account_state(room_account(r, 0)),
                         WA_STATE_READY);

    submit(r, keyed(1, 1, "done"));
    assert_int_equal(replies(r), n + 1);
    assert_true(replayed(r));
    assert_answer(r, first);

    submit(r, keyed(1, 3, "other"));
    assert_code(r, "IDEMPOTENCY_KEY_REUSED");
    submit(r, keyed(3, 3, "new"));
    assert_code(r, "ACCOUNT_NOT_READY");

    /* What is on its way is waited for. */

    n = replies(r);
    submit(r, keyed(2, 2, "open"));
    assert_int_equal(replies(r), n);

    r->no_acks = false;
    wa_conn_dial(room_account(r, 0));
    room_ready(r, 0);
    room_run(r);
    assert_int_equal(replies(r), n + 1);
    assert_string_equal(field(r, "status"), "SENT");
    assert_true(replayed(r));

    submit(r, keyed(3, 3, "new"));
    assert_code(r, NULL);
    assert_false(replayed(r));
    assert_int_equal(room_events(r, 1, "message.received"), 3);
    json_decref(first);
}


static void
malformed_requests_keep_their_answer(void **state)
{
    json_t  *args;
    room_t  *r = *state;

    /* Found by the caller, */

    args = json_pack("{s:{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}}}",
                     "idempotency", "key", hex(1), "body", hex(1),
                     "request_id", "first-request", "refusal",
                     "code", "MISSING_CONTENT", "message", "no text",
                     "details", "a", "b");
    submit(r, json_incref(args));
    assert_code(r, "MISSING_CONTENT");
    assert_string_equal(reply(r)->message, "no text");
    assert_string_equal(field(r, "a"), "b");
    assert_false(replayed(r));

    room_restart(r, 0);
    submit(r, args);
    assert_code(r, "MISSING_CONTENT");
    assert_string_equal(reply(r)->message, "no text");
    assert_string_equal(field(r, "a"), "b");
    assert_string_equal(field(r, "replayed"), "first-request");

    submit(r, keyed(1, 2, "good now"));
    assert_code(r, "IDEMPOTENCY_KEY_REUSED");

    /* and found here. */

    args = keyed(2, 2, "quote");
    (void) json_object_set_new(args, "quoted_id", json_string("a/b"));
    submit(r, json_incref(args));
    assert_code(r, "MESSAGE_NOT_FOUND");
    assert_false(replayed(r));
    submit(r, args);
    assert_code(r, "MESSAGE_NOT_FOUND");
    assert_true(replayed(r));

    /* What another time would be answered otherwise is not kept. */

    args = keyed(3, 3, "list");
    (void) json_object_set_new(args, "to", json_string("123@broadcast"));
    submit(r, args);
    assert_code(r, "PROVIDER_UNSUPPORTED");
    submit(r, keyed(3, 4, "person"));
    assert_code(r, NULL);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


static void
a_malformed_key_is_an_error(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const char  *args[] = {
        "{\"to\":\"" BOB_PN "\",\"text\":\"x\",\"idempotency\":{}}",
        "{\"to\":\"" BOB_PN "\",\"text\":\"x\",\"idempotency\":7}",
        "{\"to\":\"" BOB_PN "\",\"text\":\"x\",\"idempotency\":"
            "{\"key\":\"00\",\"body\":\"00\"}}"
    };

    for (i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        submit(r, json_loads(args[i], 0, NULL));
        assert_code(r, "INTERNAL_ERROR");
    }

    assert_int_equal(room_count(r, 0, "message", NULL), 0);
}


static void
a_handover_tells_what_is_durable(void **state)
{
    size_t   n;
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, keyed(1, 1, "on its way"));
    n = replies(r);
    wa_account_quiesce(room_account(r, 0), wa_host_now(r->side[0].h));
    wa_host_drain(r->side[0].h);
    assert_int_equal(replies(r), n + 1);
    assert_code(r, NULL);
    assert_string_equal(field(r, "status"), "PENDING");

    r->no_acks = false;
    room_restart(r, 0);
    room_run(r);
    submit(r, keyed(1, 1, "on its way"));
    assert_string_equal(field(r, "status"), "SENT");
    assert_true(replayed(r));

    /* The same while its commit is on the way to the store. */

    wa_host_hold(r->side[0].h, true);
    wa_host_submit(r->side[0].h, WA_OP_SEND, keyed(2, 2, "nearly"));
    n = replies(r);
    wa_account_quiesce(room_account(r, 0), wa_host_now(r->side[0].h));
    wa_host_drain(r->side[0].h);
    assert_int_equal(replies(r), n);
    wa_host_hold(r->side[0].h, false);
    assert_int_equal(replies(r), n + 1);
    assert_string_equal(field(r, "status"), "PENDING");

    room_restart(r, 0);
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
}


static void
fail_from(size_t n)
{
    static const wa_mem_hooks_t  hooks = {
        wa_failmem_alloc, wa_failmem_realloc, wa_failmem_free
    };

    wa_failmem.count = 0;
    wa_failmem.fail_at = n;
    wa_mem_set_hooks(n == 0 ? NULL : &hooks);
}


/* Wherever memory ends, the same key never sends twice. */
static void
short_memory_does_not_send_twice(void **state)
{
    char       text[32];
    size_t     n, done, sent;
    room_t    *r = *state;
    wa_gone_e  why;

    submit(r, keyed(5000, 1, "warm up"));

    for (n = 1, done = 0; n < 1500 && done < 3; n++) {
        (void) snprintf(text, sizeof(text), "text %zu", n);
        sent = room_events(r, 1, "message.received");

        fail_from(n);
        wa_host_submit(r->side[0].h, WA_OP_SEND,
                       keyed((unsigned) n, 1, text));
        done += (wa_failmem.count < n);
        fail_from(0);

        if (wa_host_gone(r->side[0].h, &why)) {
            room_restart(r, 0);
        }

        room_run(r);

        if (n % 40 == 0) {
            room_restart(r, 0);
            room_run(r);
        }

        submit(r, keyed((unsigned) n, 1, text));
        submit(r, keyed((unsigned) n, 1, text));
        assert_code(r, NULL);
        assert_string_equal(field(r, "status"), "SENT");
        assert_true(replayed(r));
        assert_int_equal(room_events(r, 1, "message.received"), sent + 1);
    }

    assert_true(n < 1500);
    assert_true(n > 20);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_repeat_gets_the_first_answer),
        TEST(another_key_is_another_message),
        TEST(another_body_is_refused),
        TEST(one_of_many_at_once_is_sent),
        TEST(a_key_lives_a_day),
        TEST(a_repeat_after_a_crash_waits_for_the_first),
        TEST(an_answer_under_a_key_is_durable),
        TEST(a_crash_before_the_frame_left_is_no_loss),
        TEST(after_a_pending_answer_a_repeat_tells_the_truth),
        TEST(wait_none_is_answered_the_same_way_again),
        TEST(a_refused_send_frees_its_key),
        TEST(a_refusal_nobody_was_told_is_kept),
        TEST(a_send_given_up_is_not_sent_again),
        TEST(a_send_lost_by_unlinking_is_not_called_sent),
        TEST(a_repeat_is_answered_in_every_state),
        TEST(malformed_requests_keep_their_answer),
        TEST(a_malformed_key_is_an_error),
        TEST(a_handover_tells_what_is_durable),
        TEST(short_memory_does_not_send_twice)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
