/* Retry receipts both ways. */
#include "wa_room_pair.h"

#include "wa_retry.h"
#include "wa_signal.h"

#define EVE_PN     "4915100003"
#define EVE_LID    "70000003"


/* Deletes a record of a device's session, as a lost store would. */
static void
forget(room_t *r, size_t i, const wa_jid_t *whom)
{
    wa_unit_t  *u;

    u = wa_unit_new(room_account(r, i));
    assert_int_equal(wa_signal_forget(u, whom), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[i].h);
}


static void
warm_up(room_t *r)
{
    room_send(r, 0, BOB_PN, "hello");
    room_run(r);
    room_send(r, 1, ALICE_PN, "hello");
    room_run(r);
    room_send(r, 0, BOB_PN, "hello again");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
    assert_int_equal(room_count(r, 0, "receipt", "retry"), 0);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);
}


static void
assert_last_text(room_t *r, size_t i, size_t nth, const char *text)
{
    json_t  *e, *m;

    e = room_event(r, i, "message.received", nth);
    assert_non_null(e);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "body")), text);
    json_decref(e);
}


static void
a_lost_session_repairs_itself(void **state)
{
    json_t     *e;
    room_t     *r = *state;
    wa_node_t  *again;

    warm_up(r);
    forget(r, 1, &r->side[0].lid);

    room_send(r, 0, BOB_PN, "can you read this?");
    room_run(r);

    assert_int_equal(room_events(r, 1, "message.undecryptable"), 1);
    e = room_event(r, 1, "message.undecryptable", 0);
    assert_true(json_is_true(json_object_get(json_object_get(e, "data"),
                                             "retrying")));
    json_decref(e);

    assert_true(room_count(r, 1, "receipt", "retry") >= 1);
    assert_int_equal(room_events(r, 1, "message.received"), 3);
    assert_last_text(r, 1, 2, "can you read this?");

    /* The repeat is for that device alone and under the same id. */

    again = room_last(r, 0, "message", NULL);
    assert_null(wa_node_child(again, "participants"));
    assert_true(wa_node_attr_is(again, "device_fanout", "false"));
    assert_true(wa_span_eq(wa_node_attr(again, "id"),
                           wa_node_attr(room_last(r, 1, "receipt", "retry"),
                                        "id")));

    room_send(r, 0, BOB_PN, "and this?");
    room_run(r);
    room_send(r, 1, ALICE_PN, "yes");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 4);
    assert_int_equal(room_events(r, 0, "message.received"), 2);
}


static void
a_spoiled_message_is_asked_for_five_times(void **state)
{
    size_t      k, seen;
    room_t     *r = *state;
    uint64_t    count;

    warm_up(r);
    r->spoil = true;
    room_send(r, 0, BOB_PN, "broken on the way");
    room_run(r);

    assert_int_equal(room_count(r, 1, "receipt", "retry"), WA_RETRY_MAX);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
    assert_int_equal(room_events(r, 1, "message.undecryptable"), 1);

    seen = 0;

    for (k = 0; k < r->n_log; k++) {

        if (r->from[k] != 1
            || !wa_node_attr_is(r->log[k], "type", "retry")
            || !wa_node_is(r->log[k], "receipt"))
        {
            continue;
        }

        seen++;
        assert_true(wa_node_attr_u64(wa_node_child(r->log[k], "retry"),
                                     "count", &count));
        assert_int_equal(count, seen);
        assert_int_equal(wa_node_child_content(r->log[k], "registration").n,
                         4);
    }

    /* Afterwards all is well. */

    r->spoil = false;
    room_send(r, 0, BOB_PN, "and now?");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 3);
    assert_last_text(r, 1, 2, "and now?");
}


static void
counts_survive_a_restart(void **state)
{
    size_t   i;
    room_t  *r = *state;

    warm_up(r);
    r->spoil = true;
    r->side[0].away = true;             /* Alice answers no retry receipt */

    room_send(r, 0, BOB_PN, "broken");
    room_run(r);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 1);

    for (i = 0; i < r->n_log; i++) {
        if (r->from[i] == 1 && wa_node_attr_is(r->log[i], "type", "retry")) {
            break;
        }
    }

    room_restart(r, 1);

    /* The server repeats the same stanza. */

    for (i = r->n_log; i > 0; i--) {
        if (r->from[i - 1] == 0 && wa_node_is(r->log[i - 1], "message")) {
            break;
        }
    }

    assert_true(i > 0);
    room_message(r, 0, r->log[i - 1]);
    room_run(r);

    assert_int_equal(room_count(r, 1, "receipt", "retry"), 2);
    assert_true(wa_node_attr_is(wa_node_child(room_last(r, 1, "receipt",
                                                        "retry"), "retry"),
                                "count", "2"));
    assert_non_null(wa_node_child(room_last(r, 1, "receipt", "retry"),
                                  "keys"));
    assert_int_equal(room_events(r, 1, "message.undecryptable"), 1);
}


static void
a_retry_is_answered_after_a_restart(void **state)
{
    room_t  *r = *state;

    warm_up(r);
    forget(r, 1, &r->side[0].lid);

    r->side[0].away = true;
    room_send(r, 0, BOB_PN, "kept on disk");
    room_run(r);
    room_restart(r, 0);
    room_back(r, 0);
    room_run(r);

    assert_last_text(r, 1, 2, "kept on disk");
    assert_int_equal(room_events(r, 0, "message.sent"), 3);
}


/* A retry receipt of side `i` for a message id. */
static wa_node_t *
retry_of(room_t *r, size_t i, const char *id, unsigned count)
{
    wa_node_t   *n, *x;
    wa_arena_t  *ar;

    static const uint8_t  reg[4] = { 0, 0, 0, 9 };

    ar = &r->arena;
    n = wa_node_new(ar, "receipt");
    wa_node_set_str(ar, n, "id", id);
    wa_node_set_jid(ar, n, "from", &r->side[i].lid);
    wa_node_set_str(ar, n, "type", "retry");
    x = wa_node_add_new(ar, n, "retry");
    wa_node_set_str(ar, x, "id", id);
    wa_node_set_u64(ar, x, "count", count);
    wa_node_set_u64(ar, x, "t", (uint64_t) wa_unix_s(room_account(r, 0)));
    wa_node_set_str(ar, x, "v", "1");
    wa_node_bytes(wa_node_add_new(ar, n, "registration"), wa_span(reg, 4));

    return n;
}


static void
strangers_get_nothing(void **state)
{
    size_t   eve, before;
    char     id[64];
    room_t  *r = *state;

    eve = room_add(r, EVE_PN, EVE_LID, 3);
    warm_up(r);
    (void) snprintf(id, sizeof(id), "%s",
                    json_string_value(json_object_get(
                        wa_host_reply(r->side[0].h)->data, "message_id")));
    before = room_count(r, 0, "message", NULL);

    room_feed(r, 0, retry_of(r, eve, id, 1));
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), before);
    assert_true(wa_node_attr_is(room_last(r, 0, "ack", NULL), "type",
                                "retry"));
    assert_int_equal(room_events(r, eve, "message.received"), 0);

    /* Nor does anybody for an id that was never sent. */

    room_feed(r, 0, retry_of(r, 1, "3EB0FFFFFFFFFFFFFFFFFF", 1));
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), before);
}


static void
a_device_is_answered_five_times_only(void **state)
{
    size_t   i, before;
    char     id[64];
    room_t  *r = *state;

    warm_up(r);
    (void) snprintf(id, sizeof(id), "%s",
                    json_string_value(json_object_get(
                        wa_host_reply(r->side[0].h)->data, "message_id")));
    before = room_count(r, 0, "message", NULL);

    for (i = 0; i < 9; i++) {
        room_feed(r, 0, retry_of(r, 1, id, 1));
        room_run(r);

        if (i == 3) {
            room_restart(r, 0);
            room_run(r);
        }
    }

    assert_int_equal(room_count(r, 0, "message", NULL), before + WA_RETRY_MAX);

    /* The repeats were decrypted and known: no second event. */

    assert_int_equal(room_events(r, 1, "message.received"), 2);
    assert_int_equal(room_count(r, 0, "ack", NULL), 9
                     + room_count(r, 1, "receipt", NULL));
}


/* How often side 0 asked for keys of other devices. */
static size_t
fetches(const room_t *r)
{
    size_t  k, n;

    n = 0;

    for (k = 0; k < r->n_log; k++) {
        n += r->from[k] == 0 && wa_node_is(r->log[k], "iq")
             && wa_node_child(r->log[k], "key") != NULL
             && wa_node_attr_is(r->log[k], "xmlns", "encrypt");
    }

    return n;
}


/* Asks with the registration id that the sender knows. */
static void
ask_again(room_t *r, const char *id, unsigned count)
{
    wa_node_t  *n, *reg;

    n = retry_of(r, 1, id, count);
    reg = (wa_node_t *) (uintptr_t) wa_node_child(n, "registration");
    room_be(&r->arena, reg, room_account(r, 1)->creds->registration_id, 4);
    room_feed(r, 0, n);
    room_run(r);
}


static void
a_device_gets_one_new_session_in_an_hour(void **state)
{
    char     id[2][64];
    size_t   i, asked, sent;
    room_t  *r = *state;

    warm_up(r);

    for (i = 0; i < 2; i++) {
        room_send(r, 0, BOB_PN, "asked for again");
        room_run(r);
        (void) snprintf(id[i], sizeof(id[i]), "%s",
                        json_string_value(json_object_get(
                            wa_host_reply(r->side[0].h)->data,
                            "message_id")));
    }

    asked = fetches(r);
    sent = room_count(r, 0, "message", NULL);

    ask_again(r, id[0], 2);
    assert_int_equal(fetches(r), asked + 1);
    ask_again(r, id[1], 2);
    ask_again(r, id[1], 3);
    assert_int_equal(fetches(r), asked + 1);
    assert_int_equal(room_count(r, 0, "message", NULL), sent + 3);

    room_restart(r, 0);
    room_run(r);
    ask_again(r, id[1], 4);
    assert_int_equal(fetches(r), asked + 1);

    wa_host_advance(r->side[0].h, 3601 * 1000);
    ask_again(r, id[0], 3);
    assert_int_equal(fetches(r), asked + 2);
    assert_int_equal(room_count(r, 0, "message", NULL), sent + 5);
}


static void
an_own_device_gets_its_copy_again(void **state)
{
    size_t   phone;
    room_t  *r = *state;
    json_t  *e, *m;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);
    warm_up(r);
    assert_int_equal(room_events(r, phone, "message.echo"), 2);

    forget(r, phone, &r->side[0].lid);
    room_send(r, 0, BOB_PN, "for the phone too");
    room_run(r);

    assert_int_equal(room_events(r, phone, "message.echo"), 3);
    e = room_event(r, phone, "message.echo", 2);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "body")),
                        "for the phone too");
    assert_string_equal(json_string_value(json_object_get(m, "remote_jid")),
                        BOB_PN "@s.whatsapp.net");
    json_decref(e);
}


static void
read_receipts_become_events_once_per_person(void **state)
{
    size_t       i;
    json_t      *e, *d;
    room_t      *r = *state;
    wa_jid_t     other;
    wa_node_t   *n, *list, *item;
    wa_arena_t  *ar;

    ar = &r->arena;
    warm_up(r);
    assert_int_equal(room_events(r, 0, "message.receipt"), 0);

    for (i = 0; i < 3; i++) {
        n = wa_node_new(ar, "receipt");
        wa_node_set_str(ar, n, "id", "M1");
        wa_node_set_str(ar, n, "type", "read");
        wa_node_set_str(ar, n, "t", "1767225700");
        other = wa_jid_with_device(&r->side[1].lid, (uint16_t) i);
        wa_node_set_jid(ar, n, "from", &other);
        list = wa_node_add_new(ar, n, "list");
        item = wa_node_add_new(ar, list, "item");
        wa_node_set_str(ar, item, "id", "M2");
        room_feed(r, 0, n);
        room_run(r);
    }

    assert_int_equal(room_events(r, 0, "message.receipt"), 2);
    e = room_event(r, 0, "message.receipt", 1);
    d = json_object_get(e, "data");
    assert_string_equal(json_string_value(json_object_get(d, "message_id")),
                        "M2");
    assert_string_equal(json_string_value(json_object_get(d, "chat_jid")),
                        BOB_PN "@s.whatsapp.net");
    assert_string_equal(json_string_value(json_object_get(d, "status")),
                        "read");
    assert_int_equal(json_integer_value(json_object_get(d, "timestamp")),
                     1767225700);
    json_decref(e);

    n = wa_node_new(ar, "receipt");
    wa_node_set_str(ar, n, "id", "M1");
    wa_node_set_jid(ar, n, "from", &r->side[1].lid);
    room_feed(r, 0, n);
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.receipt"), 3);
    assert_null(wa_node_attr(room_last(r, 0, "ack", NULL), "type").p);
    assert_true(wa_node_attr_is(room_last(r, 0, "ack", NULL), "class",
                                "receipt"));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_session_repairs_itself, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_spoiled_message_is_asked_for_five_times, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_survive_a_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_retry_is_answered_after_a_restart,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_get_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_device_is_answered_five_times_only,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_device_gets_one_new_session_in_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(an_own_device_gets_its_copy_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            read_receipts_become_events_once_per_person, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
