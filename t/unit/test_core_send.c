/* Text both ways between whole accounts. */
#include "wa_room_pair.h"

#include "wa_failmem.h"


static void
a_text_arrives_and_is_confirmed(void **state)
{
    json_t            *e;
    room_t            *r = *state;
    const wa_reply_t  *reply;

    room_send(r, 0, BOB_PN, "hello bob");
    room_run(r);

    reply = wa_host_reply(r->side[0].h);
    assert_null(reply->code);
    assert_string_equal(json_string_value(json_object_get(reply->data,
                                                          "status")), "SENT");
    assert_string_equal(json_string_value(json_object_get(reply->data, "to")),
                        BOB_PN "@s.whatsapp.net");

    assert_int_equal(room_events(r, 1, "message.received"), 1);
    e = room_event(r, 1, "message.received", 0);
    assert_text(e, "hello bob");
    assert_string_equal(message_field(e, "remote_jid"),
                        ALICE_PN "@s.whatsapp.net");
    assert_string_equal(message_field(e, "lid"), ALICE_LID "@lid");
    assert_string_equal(message_field(e, "push_name"), "Some One");
    assert_string_equal(message_field(e, "message_id"),
                        json_string_value(json_object_get(reply->data,
                                                          "message_id")));
    json_decref(e);

    assert_int_equal(room_events(r, 0, "message.sent"), 1);
    e = room_event(r, 0, "message.sent", 0);
    assert_text(e, "hello bob");
    assert_string_equal(message_field(e, "status"), "SENT");
    json_decref(e);

    /* Not shown as available: the receipt is an inactive one. */

    assert_int_equal(room_count(r, 1, "receipt", "inactive"), 1);
    assert_null(wa_host_record(r->side[0].h, "pending", 0).p);
}


static void
an_answer_uses_the_session_of_the_question(void **state)
{
    size_t   i;
    json_t  *e;
    room_t  *r = *state;
    char     text[32];

    room_send(r, 0, BOB_PN, "question");
    room_run(r);

    for (i = 0; i < 5; i++) {
        (void) snprintf(text, sizeof(text), "answer %zu", i);
        room_send(r, 1, ALICE_LID "@lid", text);
        room_run(r);
        e = room_event(r, 0, "message.received", i);
        assert_text(e, text);
        json_decref(e);

        room_send(r, 0, BOB_PN, text);
        room_run(r);
    }

    assert_int_equal(room_events(r, 1, "message.received"), 6);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);
    assert_int_equal(room_count(r, 0, "receipt", "retry"), 0);

    /* One bundle each at most: Bob had a session from Alice's pkmsg. */

    assert_true(wa_node_child(room_last(r, 0, "message", NULL),
                              "device-identity") == NULL);
}


static void
own_devices_get_copies(void **state)
{
    size_t   phone;
    json_t  *e;
    room_t  *r = *state;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);

    room_send(r, 0, BOB_PN, "for bob");
    room_run(r);

    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, phone, "message.received"), 0);
    assert_int_equal(room_events(r, phone, "message.echo"), 1);

    e = room_event(r, phone, "message.echo", 0);
    assert_text(e, "for bob");
    assert_string_equal(message_field(e, "direction"), "OUTBOUND");
    assert_string_equal(message_field(e, "source"), "phone");
    json_decref(e);

    assert_int_equal(room_count(r, phone, "receipt", "sender"), 1);
    assert_true(wa_node_attr_is(room_last(r, phone, "receipt", "sender"),
                                "recipient", BOB_LID "@lid"));

    /* The other way round. */

    room_send(r, phone, BOB_PN, "from the phone");
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.echo"), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
}


static void
a_chat_with_oneself_works(void **state)
{
    size_t   phone;
    json_t  *e;
    room_t  *r = *state;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);

    room_send(r, 0, ALICE_PN, "note to self");
    room_run(r);

    assert_null(wa_host_reply(r->side[0].h)->code);
    e = room_event(r, phone, "message.echo", 0);
    assert_text(e, "note to self");
    json_decref(e);
}


static void
every_device_of_the_contact_gets_a_copy(void **state)
{
    size_t   second, third;
    room_t  *r = *state;

    second = room_add(r, BOB_PN, BOB_LID, 0);
    third = room_add(r, BOB_PN, BOB_LID, 12);

    room_send(r, 0, BOB_PN, "all of you");
    room_run(r);

    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, second, "message.received"), 1);
    assert_int_equal(room_events(r, third, "message.received"), 1);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


static void
bad_commands_are_refused(void **state)
{
    size_t   i;
    room_t  *r = *state;
    char     big[65538];

    static const struct {
        const char  *args;
        const char  *code;
    } rows[] = {
        { "{\"text\":\"x\"}", "MISSING_RECIPIENT" },
        { "{\"to\":\"\",\"text\":\"x\"}", "MISSING_RECIPIENT" },
        { "{\"to\":\"hello\",\"text\":\"x\"}", "INVALID_RECIPIENT" },
        { "{\"to\":\"4915100002\"}", "MISSING_CONTENT" },
        { "{\"to\":\"4915100002\",\"text\":\"\"}", "MISSING_CONTENT" },
        { "{\"to\":\"4915100002\",\"type\":\"template\"}",
          "PROVIDER_UNSUPPORTED" },
        { "{\"to\":\"4915100002\",\"type\":\"image\"}", "MISSING_CONTENT" },
        { "{\"to\":\"123@broadcast\",\"text\":\"x\"}",
          "PROVIDER_UNSUPPORTED" },
        { "{\"to\":\"4915100002\",\"text\":\"x\",\"quoted_id\":\"a/b\"}",
          "MESSAGE_NOT_FOUND" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wa_host_submit(r->side[0].h, WA_OP_SEND,
                       json_loads(rows[i].args, 0, NULL));
        assert_non_null(wa_host_reply(r->side[0].h)->code);
        assert_string_equal(wa_host_reply(r->side[0].h)->code, rows[i].code);
    }

    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    room_send(r, 0, BOB_PN, big);
    assert_string_equal(wa_host_reply(r->side[0].h)->code,
                        "VALIDATION_ERROR");

    wa_host_submit(r->side[0].h, WA_OP_SEND, NULL);
    assert_string_equal(wa_host_reply(r->side[0].h)->code,
                        "MISSING_RECIPIENT");

    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 0);
}


static void
nothing_is_sent_when_not_ready(void **state)
{
    room_t            *r = *state;
    const wa_reply_t  *reply;

    wa_life_move(room_account(r, 0), WA_STATE_LOADING, NULL, 0);
    wa_host_drain(r->side[0].h);

    room_send(r, 0, BOB_PN, "too early");
    reply = wa_host_reply(r->side[0].h);
    assert_string_equal(reply->code, "ACCOUNT_NOT_READY");
    assert_string_equal(json_string_value(json_object_get(reply->data,
                                                          "state")),
                        "LOADING");
}


static void
a_send_meets_a_move_to_another_worker(void **state)
{
    room_t     *r = *state;
    wa_host_t  *h = r->side[0].h;

    room_send(r, 0, BOB_PN, "the state is READY, and yet");
    wa_account_quiesce(room_account(r, 0), wa_host_now(h));
    wa_host_drain(h);

    assert_string_equal(wa_host_reply(h)->code, "OWNER_UNAVAILABLE");
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 0);
}


static void
a_number_without_whatsapp_is_refused(void **state)
{
    room_t  *r = *state;

    room_send(r, 0, "4915199999", "anybody there?");
    room_run(r);

    assert_string_equal(wa_host_reply(r->side[0].h)->code, "SEND_FAILED");
    assert_int_equal(room_count(r, 0, "message", NULL), 0);
}


static void
no_frame_leaves_before_its_commit(void **state)
{
    room_t  *r = *state;

    room_send(r, 0, BOB_PN, "first");
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);

    wa_host_hold(r->side[0].h, true);
    room_send(r, 0, BOB_PN, "second");
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
    assert_true(wa_host_held(r->side[0].h) > 0);

    wa_host_hold(r->side[0].h, false);
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 2);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
}


/* Good news need not be durable to be true; bad news must be. */
static void
an_ack_is_answered_at_once_a_refusal_when_durable(void **state)
{
    size_t   replies;
    room_t  *r = *state;

    room_send(r, 0, BOB_PN, "first");
    room_run(r);

    r->no_acks = true;
    room_send(r, 0, BOB_PN, "second");
    room_run(r);
    replies = wa_host_replies(r->side[0].h);

    wa_host_hold(r->side[0].h, true);
    room_feed(r, 0, room_ack(r, 0));
    assert_int_equal(wa_host_replies(r->side[0].h), replies + 1);
    assert_null(wa_host_reply(r->side[0].h)->code);

    /* Its records wait for company, then for the store. */

    assert_int_equal(wa_host_held(r->side[0].h), 0);
    wa_host_advance(r->side[0].h, WA_UNIT_PATIENCE_MS);
    assert_int_equal(wa_host_held(r->side[0].h), 1);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);

    /* The crash comes first: the message is repeated, and reported once. */

    wa_host_hold(r->side[0].h, false);
    room_send(r, 0, BOB_PN, "third");
    room_run(r);
    room_feed(r, 0, room_ack(r, 0));
    assert_int_equal(room_events(r, 0, "message.sent"), 2);
    r->no_acks = false;
    room_restart(r, 0);
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.sent"), 3);
    assert_int_equal(room_events(r, 1, "message.received"), 3);

    r->no_acks = true;
    room_send(r, 0, BOB_PN, "fourth");
    room_run(r);
    replies = wa_host_replies(r->side[0].h);
    wa_host_hold(r->side[0].h, true);
    r->ack_error = 463;
    room_feed(r, 0, room_ack(r, 0));
    wa_host_drain(r->side[0].h);
    assert_int_equal(wa_host_held(r->side[0].h), 1);
    assert_int_equal(wa_host_replies(r->side[0].h), replies);
    wa_host_confirm(r->side[0].h);
    assert_int_equal(wa_host_replies(r->side[0].h), replies + 1);
    assert_string_equal(wa_host_reply(r->side[0].h)->code,
                        "REACHOUT_LIMITED");
    wa_host_hold(r->side[0].h, false);
}


static void
an_unconfirmed_send_survives_a_crash(void **state)
{
    wa_buf_t  first = WA_BUF_EMPTY;
    wa_buf_t  second = WA_BUF_EMPTY;
    room_t   *r = *state;

    r->no_acks = true;
    room_send(r, 0, BOB_PN, "keep me");
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 1);
    assert_int_equal(wa_node_pack(room_last(r, 0, "message", NULL), &first),
                     WA_OK);

    r->no_acks = false;
    room_restart(r, 0);
    room_run(r);

    /* The very same bytes: the server and the contact drop the repeat. */

    assert_int_equal(room_count(r, 0, "message", NULL), 2);
    assert_int_equal(wa_node_pack(room_last(r, 0, "message", NULL), &second),
                     WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&first), wa_span_buf(&second)));
    wa_buf_free(&first);
    wa_buf_free(&second);

    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
    assert_null(wa_host_record(r->side[0].h, "pending", 0).p);

    room_restart(r, 0);
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 2);
}


static void
a_send_committed_but_not_written_leaves_after_reconnect(void **state)
{
    room_t  *r = *state;

    room_send(r, 0, BOB_PN, "first");
    room_run(r);

    wa_host_hold(r->side[0].h, true);
    room_send(r, 0, BOB_PN, "second");
    wa_host_drain(r->side[0].h);

    wa_conn_close(room_account(r, 0));
    wa_conn_dial(room_account(r, 0));
    wa_host_hold(r->side[0].h, false);
    room_ready(r, 0);
    room_run(r);

    assert_int_equal(room_events(r, 1, "message.received"), 2);
    assert_int_equal(room_events(r, 0, "message.sent"), 2);
}


static void
a_silent_server_makes_it_pending_and_repeated(void **state)
{
    size_t             i;
    room_t            *r = *state;
    const wa_reply_t  *reply;

    r->no_acks = true;
    room_send(r, 0, BOB_PN, "anybody?");
    room_run(r);
    assert_int_equal(wa_host_replies(r->side[0].h), 1);

    wa_host_advance(r->side[0].h, 20100);
    reply = wa_host_reply(r->side[0].h);
    assert_int_equal(wa_host_replies(r->side[0].h), 2);
    assert_null(reply->code);
    assert_string_equal(json_string_value(json_object_get(reply->data,
                                                          "status")),
                        "PENDING");

    wa_host_advance(r->side[0].h, 60000);
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 2);

    /* Not for ever. */

    for (i = 0; i < 20; i++) {
        wa_host_advance(r->side[0].h, 80000);
        room_run(r);
    }

    assert_int_equal(room_count(r, 0, "message", NULL), WA_SEND_ATTEMPTS_MAX);
    assert_int_equal(room_events(r, 0, "message.failed"), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(wa_host_replies(r->side[0].h), 2);
}


static void
wait_none_is_answered_when_durable(void **state)
{
    room_t            *r = *state;
    const wa_reply_t  *reply;

    r->no_acks = true;
    wa_host_submit(r->side[0].h, WA_OP_SEND,
                   json_pack("{s:s, s:s, s:s}", "to", BOB_PN, "text", "quick",
                             "wait", "none"));
    room_run(r);

    reply = wa_host_reply(r->side[0].h);
    assert_int_equal(wa_host_replies(r->side[0].h), 2);
    assert_string_equal(json_string_value(json_object_get(reply->data,
                                                          "status")),
                        "PENDING");
}


static void
the_order_of_many_sends_is_kept(void **state)
{
    size_t   i;
    json_t  *e;
    room_t  *r = *state;
    char     text[32];

    for (i = 0; i < 50; i++) {
        (void) snprintf(text, sizeof(text), "number %zu", i);
        room_send(r, 0, BOB_PN, text);
    }

    room_run(r);
    assert_int_equal(wa_host_replies(r->side[0].h), 51);

    for (i = 0; i < 50; i++) {
        (void) snprintf(text, sizeof(text), "number %zu", i);
        e = room_event(r, 1, "message.received", i);
        assert_text(e, text);
        json_decref(e);
    }

    assert_int_equal(room_count(r, 0, "iq", NULL)
                     - room_count(r, 0, "iq", "set"), 2);
}


static void
a_clients_own_id_is_sent_once(void **state)
{
    room_t  *r = *state;
    char     id[64];

    static const char  args[] =
        "{\"to\":\"" BOB_PN "\",\"text\":\"once\","
        "\"client_message_id\":\"order-17\",\"metadata\":{\"k\":[1,2]}}";

    wa_host_submit(r->side[0].h, WA_OP_SEND, json_loads(args, 0, NULL));
    room_run(r);
    (void) snprintf(id, sizeof(id), "%s",
                    json_string_value(json_object_get(
                        wa_host_reply(r->side[0].h)->data, "message_id")));

    room_restart(r, 0);
    wa_host_submit(r->side[0].h, WA_OP_SEND, json_loads(args, 0, NULL));
    room_run(r);

    assert_int_equal(wa_host_replies(r->side[0].h), 3);
    assert_string_equal(json_string_value(json_object_get(
                            wa_host_reply(r->side[0].h)->data,
                            "message_id")), id);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, 0, "message.sent"), 1);
}


static void
a_wrong_phash_drops_the_device_lists(void **state)
{
    size_t   before;
    room_t  *r = *state;

    r->phash = "2:AAAAAAAA";
    room_send(r, 0, BOB_PN, "one");
    room_run(r);
    before = room_count(r, 0, "iq", "get");

    r->phash = NULL;
    room_send(r, 0, BOB_PN, "two");
    room_run(r);
    assert_int_equal(room_count(r, 0, "iq", "get"), before + 1);

    room_send(r, 0, BOB_PN, "three");
    room_run(r);
    assert_int_equal(room_count(r, 0, "iq", "get"), before + 1);
}


static void
a_quote_names_its_message(void **state)
{
    json_t  *e;
    room_t  *r = *state;
    json_t  *args;

    room_send(r, 0, BOB_PN, "the original");
    room_run(r);

    args = json_pack("{s:s, s:s, s:O}", "to", BOB_PN, "text", "the reply",
                     "quoted_id",
                     json_object_get(wa_host_reply(r->side[0].h)->data,
                                     "message_id"));
    wa_host_submit(r->side[0].h, WA_OP_SEND, args);
    room_run(r);

    e = room_event(r, 1, "message.received", 1);
    assert_text(e, "the reply");
    assert_string_equal(message_field(e, "quoted_body"), "the original");
    json_decref(e);
}


static void
unlinking_answers_what_waits(void **state)
{
    room_t  *r = *state;

    r->no_acks = true;
    room_send(r, 0, BOB_PN, "gone");
    room_run(r);

    wa_sends_reset(room_account(r, 0));
    wa_host_drain(r->side[0].h);
    assert_string_equal(wa_host_reply(r->side[0].h)->code, "SEND_FAILED");

    wa_host_advance(r->side[0].h, 200000);
    assert_int_equal(wa_host_replies(r->side[0].h), 2);
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


/* Without memory a send or a receipt may fail; what was confirmed stays true
   and the next one works. */
static void
short_memory_is_survived(void **state)
{
    bool       gone;
    char       text[32];
    size_t     n, done, sent;
    room_t    *r = *state;
    wa_gone_e  why;

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);
    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);

    for (n = 1, done = 0; n < 2000 && done < 3; n++) {
        (void) snprintf(text, sizeof(text), "text %zu", n);

        fail_from(n);
        room_send(r, 0, BOB_PN, text);
        done += (wa_failmem.count < n);
        fail_from(0);

        /* The server takes what came out, and repeats nothing: what was not
           acknowledged is offered again by the restart. */

        if (wa_host_gone(r->side[0].h, &why)) {
            room_restart(r, 0);
        }

        room_run(r);

        if (n % 40 == 0) {
            room_restart(r, 0);
            room_run(r);
        }
    }

    assert_true(n < 2000);

    room_restart(r, 0);
    room_run(r);

    sent = room_events(r, 0, "message.sent");
    assert_int_equal(room_events(r, 1, "message.received"), sent);
    assert_int_equal(room_events(r, 1, "message.undecryptable"), 0);

    room_send(r, 0, BOB_PN, "afterwards");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), sent + 1);

    gone = wa_host_gone(r->side[0].h, &why);
    assert_false(gone);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_text_arrives_and_is_confirmed),
        T(an_answer_uses_the_session_of_the_question),
        T(own_devices_get_copies),
        T(a_chat_with_oneself_works),
        T(every_device_of_the_contact_gets_a_copy),
        T(bad_commands_are_refused),
        T(nothing_is_sent_when_not_ready),
        T(a_send_meets_a_move_to_another_worker),
        T(a_number_without_whatsapp_is_refused),
        T(no_frame_leaves_before_its_commit),
        T(an_ack_is_answered_at_once_a_refusal_when_durable),
        T(an_unconfirmed_send_survives_a_crash),
        T(a_send_committed_but_not_written_leaves_after_reconnect),
        T(a_silent_server_makes_it_pending_and_repeated),
        T(wait_none_is_answered_when_durable),
        T(the_order_of_many_sends_is_kept),
        T(a_clients_own_id_is_sent_once),
        T(a_wrong_phash_drops_the_device_lists),
        T(a_quote_names_its_message),
        T(unlinking_answers_what_waits),
        T(short_memory_is_survived)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
