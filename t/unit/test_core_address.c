/* One person, several addresses: LID, phone number, hosted devices. */
#include "wa_room_pair.h"

#include "wa_pb.h"
#include "wa_sent.h"


/* Alice's next copy for Bob, taken from the server's hands. */
static wa_node_t *
take_copy(room_t *r, const char *text)
{
    wa_node_t    *m, *enc;
    wa_arena_t   *ar;

    ar = &r->arena;
    r->side[1].away = true;
    room_send(r, 0, BOB_PN, text);
    room_run(r);
    r->side[1].away = false;
    wa_buf_free(&r->side[1].queue[--r->side[1].n_queue]);

    enc = wa_node_child(wa_node_child(wa_node_child(
              room_last(r, 0, "message", NULL), "participants"), "to"),
              "enc");
    m = wa_node_new(ar, "message");
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_u64(ar, m, "t", (uint64_t) wa_unix_s(room_account(r, 0)));
    wa_node_set(ar, m, "id",
                wa_node_attr(room_last(r, 0, "message", NULL), "id"));
    enc->next = NULL;
    wa_node_add(ar, m, enc);

    return m;
}


static void
give(room_t *r, wa_node_t *m, const char *from, const char *key,
    const char *value)
{
    wa_node_set_str(&r->arena, m, "from", from);

    if (key != NULL) {
        wa_node_set_str(&r->arena, m, key, value);
    }

    room_feed(r, 1, m);
    room_run(r);
}


static void
assert_chats(room_t *r, const char *chat, size_t n)
{
    size_t   i;
    json_t  *e;

    assert_int_equal(room_events(r, 1, "message.received"), n);
    assert_int_equal(room_events(r, 1, "message.undecryptable"), 0);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);

    for (i = 0; i < n; i++) {
        e = room_event(r, 1, "message.received", i);
        assert_string_equal(json_string_value(json_object_get(json_object_get(
                json_object_get(e, "data"), "message"), "remote_jid")),
                            chat);
        json_decref(e);
    }
}


/* A companion nobody asked the list for: its session moves with the pair. */
static void
a_companions_session_follows_to_the_lid(void **state)
{
    room_t  *r = *state;

    give(r, take_copy(r, "one"), ALICE_PN ":5@s.whatsapp.net", NULL, NULL);
    give(r, take_copy(r, "two"), ALICE_LID ":5@lid", "sender_pn",
         ALICE_PN "@s.whatsapp.net");
    give(r, take_copy(r, "three"), ALICE_PN ":5@s.whatsapp.net", NULL, NULL);
    assert_chats(r, ALICE_PN "@s.whatsapp.net", 3);
}


/* The pair was learnt by something else, which knew nothing of the device. */
static void
a_session_left_at_the_number_is_found(void **state)
{
    room_t      *r = *state;
    wa_node_t   *n;
    wa_arena_t  *ar = &r->arena;

    give(r, take_copy(r, "one"), ALICE_PN ":5@s.whatsapp.net", NULL, NULL);

    n = wa_node_new(ar, "notification");
    wa_node_set_str(ar, n, "type", "devices");
    wa_node_set_str(ar, n, "id", "N1");
    wa_node_set_str(ar, n, "from", ALICE_PN "@s.whatsapp.net");
    wa_node_set_str(ar, n, "lid", ALICE_LID "@lid");
    (void) wa_node_add_new(ar, n, "update");
    room_feed(r, 1, n);
    room_run(r);

    give(r, take_copy(r, "two"), ALICE_LID ":5@lid", NULL, NULL);
    give(r, take_copy(r, "three"), ALICE_PN ":5@s.whatsapp.net", NULL, NULL);
    assert_chats(r, ALICE_PN "@s.whatsapp.net", 3);
}


/* A business's hosted device speaks for the same person. */
static void
a_hosted_device_writes_in_its_persons_chat(void **state)
{
    room_t  *r = *state;

    give(r, take_copy(r, "one"), ALICE_PN ":5@s.whatsapp.net", NULL, NULL);
    room_free(r);
    (void) setup(state);
    r = *state;
    give(r, take_copy(r, "one"), ALICE_PN ":99@hosted", NULL, NULL);
    give(r, take_copy(r, "two"), ALICE_PN ":99@hosted", "sender_lid",
         ALICE_LID "@lid");
    assert_chats(r, ALICE_PN "@s.whatsapp.net", 2);
}


/* Numbers and LIDs in one stanza are refused by the server. */
static void
a_contact_without_a_lid_is_written_to_in_numbers(void **state)
{
    size_t            phone, n;
    wa_jid_t          jid;
    room_t           *r = *state;
    wa_node_t        *msg;
    const wa_node_t  *to;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);
    r->no_lids = true;
    room_send(r, 0, BOB_PN, "hello");
    room_run(r);

    msg = room_last(r, 0, "message", NULL);
    assert_true(wa_node_attr_is(msg, "to", BOB_PN "@s.whatsapp.net"));
    to = wa_node_child(wa_node_child(msg, "participants"), "to");

    for (n = 0; to != NULL; to = wa_node_sibling(to, "to")) {
        assert_true(wa_node_attr_jid(to, "jid", &jid));
        assert_int_equal(jid.server, WA_SERVER_PN);
        n++;
    }

    assert_int_equal(n, 2);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, phone, "message.echo"), 1);
    assert_int_equal(room_count(r, phone, "receipt", "retry"), 0);
}


/* The server says that the LID is not the peer's any more. */
static void
a_changed_lid_is_asked_for_and_learnt(void **state)
{
    room_t     *r = *state;
    wa_node_t  *iq;

    room_send(r, 0, BOB_PN, "to the old one");
    room_run(r);
    assert_true(wa_node_attr_is(room_last(r, 0, "message", NULL), "to",
                                BOB_LID "@lid"));

    assert_int_equal(wa_jid_make(&r->side[1].lid, wa_span_str("70000099"),
                                 WA_SERVER_LID, 7), WA_OK);
    r->refresh_lid = true;
    room_send(r, 0, BOB_PN, "still the old one");
    room_run(r);
    r->refresh_lid = false;

    iq = room_last(r, 0, "iq", NULL);
    assert_true(wa_node_attr_is(wa_node_child(wa_node_child(
                    wa_node_child(iq, "usync"), "list"), "user"), "jid",
                    BOB_PN "@s.whatsapp.net"));

    room_send(r, 0, BOB_PN, "to the new one");
    room_run(r);
    assert_true(wa_node_attr_is(room_last(r, 0, "message", NULL), "to",
                                "70000099@lid"));
}


/* A time that no calendar has does not break the arithmetic behind it. */
static void
an_impossible_time_is_taken_as_now(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    m = take_copy(r, "one");
    wa_node_set_str(&r->arena, m, "t", "9223372036854775807");
    give(r, m, ALICE_LID ":5@lid", "sender_pn", ALICE_PN "@s.whatsapp.net");
    assert_chats(r, ALICE_PN "@s.whatsapp.net", 1);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(a_companions_session_follows_to_the_lid),
        T(a_session_left_at_the_number_is_found),
        T(a_hosted_device_writes_in_its_persons_chat),
        T(a_contact_without_a_lid_is_written_to_in_numbers),
        T(a_changed_lid_is_asked_for_and_learnt),
        T(an_impossible_time_is_taken_as_now)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
