/* A repeat of a client's own id is told what happened to the first. */
#include "wa_keyed.h"


static json_t *
own_id(const char *id)
{
    return json_pack("{s:s, s:s, s:s}", "to", BOB_PN, "text", "order",
                     "client_message_id", id);
}


static void
a_clients_own_id_tells_what_happened(void **state)
{
    size_t   i;
    room_t  *r = *state;

    /* Refused by the server: the id is free again. */

    r->ack_error = 463;
    submit(r, own_id("a"));
    assert_code(r, "REACHOUT_LIMITED");
    r->ack_error = 0;
    submit(r, own_id("a"));
    assert_code(r, NULL);
    assert_null(json_object_get(reply(r)->data, "repeated"));
    submit(r, own_id("a"));
    assert_true(json_is_true(json_object_get(reply(r)->data, "repeated")));
    assert_string_equal(field(r, "status"), "SENT");

    /* Given up: it may have arrived. */

    r->no_acks = true;
    submit(r, own_id("b"));
    submit(r, own_id("b"));
    assert_string_equal(field(r, "status"), "PENDING");

    for (i = 0; i < 20; i++) {
        wa_host_advance(r->side[0].h, 80000);
        room_run(r);
    }

    submit(r, own_id("b"));
    assert_code(r, "SEND_FAILED");

    /* Unlinked meanwhile. */

    submit(r, own_id("c"));
    wa_sends_reset(room_account(r, 0));
    submit(r, own_id("c"));
    assert_code(r, "SEND_FAILED");
    assert_int_equal(room_events(r, 1, "message.received"), 3);
}


/* The key stands for its answer, whatever the other id stands for. */
static void
both_ids_together(void **state)
{
    json_t  *args, *first;
    room_t  *r = *state;

    submit(r, own_id("order"));
    wa_host_advance(r->side[0].h, 90000000);
    room_run(r);

    args = own_id("order");
    (void) json_object_set_new(args, "idempotency",
                               json_pack("{s:s, s:s}", "key", hex(1), "body",
                                         hex(1)));
    submit(r, json_incref(args));
    assert_code(r, NULL);
    assert_true(json_is_true(json_object_get(reply(r)->data, "repeated")));
    assert_false(replayed(r));
    first = answer(r);

    submit(r, args);
    assert_true(replayed(r));
    assert_answer(r, first);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    json_decref(first);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clients_own_id_tells_what_happened),
        TEST(both_ids_together)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
