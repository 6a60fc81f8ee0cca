/* Texts that the server refuses. */
#include "wa_room_pair.h"


static void
refusals_of_the_server_are_failures(void **state)
{
    size_t             i;
    json_t            *e;
    room_t            *r = *state;
    const wa_reply_t  *reply;

    static const struct {
        unsigned     error;
        const char  *code;
    } rows[] = {
        { 463, "REACHOUT_LIMITED" },
        { 479, "STALE_ADDRESS" },
        { 420, "RECIPIENT_REFUSED" },
        { 429, "WHATSAPP_RATE_LIMIT" },
        { 475, "SEND_FAILED" },
        { 400, "SEND_FAILED" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r->ack_error = rows[i].error;
        room_send(r, 0, BOB_PN, "no");
        room_run(r);

        reply = wa_host_reply(r->side[0].h);
        assert_non_null(reply->code);
        assert_string_equal(reply->code, rows[i].code);
        assert_int_equal(json_integer_value(json_object_get(reply->data,
                             "provider_code")), rows[i].error);

        e = room_event(r, 0, "message.failed", i);
        assert_non_null(e);
        assert_string_equal(message_field(e, "status"), "FAILED");
        json_decref(e);
    }

    assert_null(wa_host_record(r->side[0].h, "pending", 0).p);
    assert_int_equal(room_events(r, 0, "message.sent"), 0);
}


/* Refused before anything left: told and kept all the same, once stored. */
static void
recipients_that_whatsapp_does_not_know_are_failures(void **state)
{
    size_t             replies;
    json_t            *e;
    room_t            *r = *state;
    wa_host_t         *h = r->side[0].h;
    const wa_reply_t  *reply;

    replies = wa_host_replies(h);
    room_send(r, 0, "999888777666", "anybody?");
    room_run(r);

    assert_int_equal(wa_host_replies(h), replies + 1);
    reply = wa_host_reply(h);
    assert_string_equal(reply->code, "SEND_FAILED");
    assert_int_equal(json_integer_value(json_object_get(reply->data,
                         "provider_code")), 404);

    assert_int_equal(room_count(r, 0, "message", NULL), 0);
    e = room_event(r, 0, "message.failed", 0);
    assert_non_null(e);
    assert_text(e, "anybody?");
    assert_string_equal(message_field(e, "status"), "FAILED");
    assert_string_equal(message_field(e, "message_id"),
                        json_string_value(json_object_get(reply->data,
                                                          "message_id")));
    json_decref(e);

    /* The next one is not held up. */

    room_send(r, 0, BOB_PN, "hello bob");
    room_run(r);
    assert_null(wa_host_reply(h)->code);
    assert_null(wa_host_record(h, "pending", 0).p);
}


/* Its addresses are looked up, and the message is made anew with its id. */
static void
a_stale_address_is_tried_once_more(void **state)
{
    json_t            *e;
    room_t            *r = *state;
    wa_node_t         *first, *second;
    const wa_reply_t  *reply;

    room_send(r, 0, BOB_PN, "hello bob");
    r->ack_error = 479;

    while (room_count(r, 0, "message", NULL) == 0) {
        assert_true(room_step(r, 0));
    }

    first = room_last(r, 0, "message", NULL);
    r->ack_error = 0;
    room_run(r);
    second = room_last(r, 0, "message", NULL);
    assert_int_equal(room_count(r, 0, "message", NULL), 2);
    assert_true(wa_span_eq(wa_node_attr(first, "id"),
                           wa_node_attr(second, "id")));
    assert_int_equal(room_count(r, 0, "iq", "get"), 3);

    reply = wa_host_reply(r->side[0].h);
    assert_null(reply->code);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
    assert_int_equal(room_events(r, 0, "message.failed"), 0);
    assert_null(wa_host_record(r->side[0].h, "pending", 0).p);

    assert_int_equal(room_events(r, 1, "message.received"), 1);
    e = room_event(r, 1, "message.received", 0);
    assert_text(e, "hello bob");
    json_decref(e);
}


/* The connection ends meanwhile: the next login goes on. */
static void
a_stale_address_survives_a_restart(void **state)
{
    room_t  *r = *state;

    room_send(r, 0, BOB_PN, "hello bob");
    r->ack_error = 479;

    while (room_count(r, 0, "message", NULL) == 0) {
        assert_true(room_step(r, 0));
    }

    r->ack_error = 0;
    room_restart(r, 0);
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(refusals_of_the_server_are_failures),
        T(recipients_that_whatsapp_does_not_know_are_failures),
        T(a_stale_address_is_tried_once_more),
        T(a_stale_address_survives_a_restart)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
