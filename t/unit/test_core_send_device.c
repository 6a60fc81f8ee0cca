/* wait=device: the answer waits for a device of the contact, for a while. */
#include "wa_keyed.h"


static json_t *
waiting(unsigned key, const char *text)
{
    json_t  *args;

    args = keyed(key, key, text);
    (void) json_object_set_new(args, "wait", json_string("device"));

    return args;
}


static void
receipt(room_t *r, const char *id, const char *type)
{
    wa_node_t  *n;

    n = wa_node_new(&r->arena, "receipt");
    wa_node_set_str(&r->arena, n, "id", id);
    wa_node_set_jid(&r->arena, n, "from", &r->side[1].lid);
    wa_node_set_str(&r->arena, n, "t", "1767225600");

    if (type != NULL) {
        wa_node_set_str(&r->arena, n, "type", type);
    }

    room_feed(r, 0, n);
    room_run(r);
}


/* Unix seconds; 0: it is not told. */
static json_int_t
receipt_time(room_t *r)
{
    return json_integer_value(json_object_get(reply(r)->data, "receipt"));
}


static void
the_receipt_is_the_answer(void **state)
{
    size_t   i, n;
    json_t  *first;
    room_t  *r = *state;

    static const char  *rows[][2] = {
        { NULL, "DELIVERED" }, { "read", "READ" }, { "played", "PLAYED" }
    };

    for (i = 0; i < 3; i++) {
        n = replies(r);
        submit(r, waiting((unsigned) i, "wait for it"));
        assert_int_equal(replies(r), n);
        assert_int_equal(room_events(r, 0, "message.sent"), i + 1);

        /* As much is known, but it is not said yet. */

        submit(r, waiting((unsigned) i, "wait for it"));
        assert_code(r, "IDEMPOTENCY_IN_PROGRESS");

        receipt(r, "someone-elses", NULL);
        assert_int_equal(replies(r), n + 1);
        receipt(r, last_id(r), rows[i][0]);
        assert_int_equal(replies(r), n + 2);
        assert_code(r, NULL);
        assert_string_equal(field(r, "status"), rows[i][1]);
        assert_int_equal(receipt_time(r), 1767225600);
        assert_string_equal(field(r, "message_id"), last_id(r));
        first = answer(r);

        /* The time-out has nobody left to tell. */

        wa_host_advance(r->side[0].h, 11000);
        assert_int_equal(replies(r), n + 2);

        room_restart(r, 0);
        submit(r, waiting((unsigned) i, "wait for it"));
        assert_true(replayed(r));
        assert_answer(r, first);
        json_decref(first);
    }
}


static void
silence_is_answered_with_what_is_known(void **state)
{
    room_t  *r = *state;

    submit(r, waiting(1, "nobody there"));
    wa_host_advance(r->side[0].h, 9900);
    assert_int_equal(replies(r), 1);
    wa_host_advance(r->side[0].h, 200);
    assert_int_equal(replies(r), 2);
    assert_string_equal(field(r, "status"), "SENT");
    assert_int_equal(receipt_time(r), 0);

    receipt(r, last_id(r), NULL);
    assert_int_equal(replies(r), 2);
    submit(r, waiting(1, "nobody there"));
    assert_true(replayed(r));
    assert_string_equal(field(r, "status"), "SENT");
}


static void
a_receipt_may_overtake_the_ack(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, waiting(1, "fast"));
    receipt(r, last_id(r), NULL);
    assert_int_equal(replies(r), 1);
    ack(r, last_id(r), 0);
    assert_int_equal(replies(r), 2);
    assert_string_equal(field(r, "status"), "DELIVERED");
    assert_int_equal(receipt_time(r), 1767225600);
    submit(r, waiting(1, "fast"));
    assert_true(replayed(r));
    assert_string_equal(field(r, "status"), "DELIVERED");
    assert_int_equal(receipt_time(r), 1767225600);
}


static void
a_receipt_without_an_ack_is_not_told(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, waiting(1, "no ack yet"));
    receipt(r, last_id(r), NULL);
    wa_host_advance(r->side[0].h, 20100);
    assert_int_equal(replies(r), 2);
    assert_string_equal(field(r, "status"), "PENDING");
    assert_int_equal(receipt_time(r), 0);
}


static void
without_an_ack_it_is_pending(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    submit(r, waiting(1, "no ack"));
    wa_host_advance(r->side[0].h, 20100);
    assert_int_equal(replies(r), 2);
    assert_string_equal(field(r, "status"), "PENDING");

    /* The repeat waits for a device, too. */

    submit(r, waiting(1, "no ack"));
    ack(r, last_id(r), 0);
    assert_int_equal(replies(r), 2);
    receipt(r, last_id(r), NULL);
    assert_int_equal(replies(r), 3);
    assert_string_equal(field(r, "status"), "DELIVERED");
    assert_true(replayed(r));
}


static void
what_ends_the_account_ends_the_wait(void **state)
{
    room_t  *r = *state;

    r->ack_error = 463;
    submit(r, waiting(1, "refused"));
    assert_code(r, "REACHOUT_LIMITED");
    r->ack_error = 0;

    submit(r, waiting(2, "handover"));
    assert_int_equal(replies(r), 2);
    wa_account_quiesce(room_account(r, 0), wa_host_now(r->side[0].h));
    wa_host_drain(r->side[0].h);
    assert_int_equal(replies(r), 3);
    assert_string_equal(field(r, "status"), "SENT");

    /* Freed with somebody waiting. */

    room_restart(r, 0);
    submit(r, waiting(3, "restart"));
    room_restart(r, 0);
    submit(r, waiting(3, "restart"));
    assert_true(replayed(r));
    assert_string_equal(field(r, "status"), "SENT");
}


static void
the_answer_is_held_by_the_store(void **state)
{
    room_t  *r = *state;

    submit(r, waiting(1, "held"));
    wa_host_hold(r->side[0].h, true);
    receipt(r, last_id(r), NULL);
    assert_int_equal(replies(r), 1);
    wa_host_hold(r->side[0].h, false);
    assert_int_equal(replies(r), 2);
    assert_string_equal(field(r, "status"), "DELIVERED");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_receipt_is_the_answer),
        TEST(silence_is_answered_with_what_is_known),
        TEST(a_receipt_may_overtake_the_ack),
        TEST(a_receipt_without_an_ack_is_not_told),
        TEST(without_an_ack_it_is_pending),
        TEST(what_ends_the_account_ends_the_wait),
        TEST(the_answer_is_held_by_the_store)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
