/*
 * Stanzas as other clients write and read them, where no other test looks:
 * addresses in LID groups, what the phone tells of addresses.
 */
#include "wa_room_trio.h"

#include "context.pb-c.h"
#include "message.pb-c.h"

#include "wa_lid.h"
#include "wa_sent.h"
#include "wa_stanza.h"


/* A message of our phone to side 0, sealed for it. */
static void
phone_tells(room_t *r, size_t phone, const char *id, const Wa__Message *msg)
{
    bool        pkmsg;
    wa_buf_t    plain = WA_BUF_EMPTY;
    wa_jid_t    to;
    wa_node_t  *enc, *m;
    wa_unit_t  *u;

    assert_int_equal(WA_PB_PACK(msg, &plain), WA_OK);
    to = r->side[0].lid;
    u = wa_unit_new(room_account(r, phone));
    assert_int_equal(wa_sent_enc(u, &r->arena, &to, wa_span_buf(&plain), 0,
                                 &enc, &pkmsg), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[phone].h);
    wa_buf_free(&plain);

    m = wa_node_new(&r->arena, "message");
    wa_node_set_str(&r->arena, m, "id", id);
    wa_node_set_jid(&r->arena, m, "from", &r->side[phone].lid);
    wa_node_set_str(&r->arena, m, "type", "text");
    wa_node_set_str(&r->arena, m, "category", "peer");
    wa_node_set_u64(&r->arena, m, "t",
                    (uint64_t) wa_unix_s(room_account(r, 0)));
    wa_node_add(&r->arena, m, enc);
    room_feed(r, 0, m);
    room_run(r);
}


static void
assert_pair(room_t *r, const char *pn, const char *lid)
{
    char       name[64];
    wa_span_t  value;

    (void) snprintf(name, sizeof(name), "lid/%s", pn);
    assert_int_equal(wa_record_get(room_account(r, 0), name, 0, &value),
                     WA_OK);
    assert_true(wa_span_eq_str(value, lid));

    (void) snprintf(name, sizeof(name), "pn/%s", lid);
    assert_int_equal(wa_record_get(room_account(r, 0), name, 0, &value),
                     WA_OK);
    assert_true(wa_span_eq_str(value, pn));
}


/* Sent by the phone when it moves its chats to LIDs; whatsmeow message.go,
   Baileys process-message. */
static void
the_phone_tells_all_its_lids_at_once(void **state)
{
    size_t     phone;
    room_t    *r = *state;
    wa_buf_t   payload = WA_BUF_EMPTY;

    Wa__Message                          m = WA__MESSAGE__INIT;
    Wa__Message__ProtocolMessage         p =
                                       WA__MESSAGE__PROTOCOL_MESSAGE__INIT;
    Wa__LIDMigrationMappingSyncMessage   sync =
                                WA__LIDMIGRATION_MAPPING_SYNC_MESSAGE__INIT;
    Wa__LIDMigrationMappingSyncPayload   all =
                                WA__LIDMIGRATION_MAPPING_SYNC_PAYLOAD__INIT;
    Wa__LIDMigrationMapping              one =
                                              WA__LIDMIGRATION_MAPPING__INIT;
    Wa__LIDMigrationMapping              two =
                                              WA__LIDMIGRATION_MAPPING__INIT;
    Wa__LIDMigrationMapping              bad =
                                              WA__LIDMIGRATION_MAPPING__INIT;
    Wa__LIDMigrationMapping             *list[3] = { &one, &bad, &two };

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);
    room_send(r, phone, BOB_PN, "warm up");
    room_run(r);

    one.has_pn = 1;
    one.pn = 4915200001;
    one.has_assigned_lid = 1;
    one.assigned_lid = 80000001;
    bad.has_assigned_lid = 1;
    bad.assigned_lid = 80000009;
    two.has_pn = 1;
    two.pn = 4915200002;
    two.has_assigned_lid = 1;
    two.assigned_lid = 80000002;
    two.has_latest_lid = 1;
    two.latest_lid = 80000003;
    all.n_pn_to_lid_mappings = 3;
    all.pn_to_lid_mappings = list;
    assert_int_equal(WA_PB_PACK(&all, &payload), WA_OK);

    sync.has_encoded_mapping_payload = 1;
    sync.encoded_mapping_payload = wa_pb_bytes(wa_span_buf(&payload));
    p.has_type = 1;
    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__LID_MIGRATION_MAPPING_SYNC;
    p.lid_migration_mapping_sync_message = &sync;
    m.protocol_message = &p;
    phone_tells(r, phone, "L1", &m);

    assert_pair(r, "4915200001", "80000001");
    assert_pair(r, "4915200002", "80000003");
    assert_int_equal(room_count(r, 0, "receipt", "peer_msg"), 1);
    assert_int_equal(room_count(r, 0, "receipt", "retry"), 0);

    wa_buf_free(&payload);
}


/* <notification type=w:gp2><create><group/></create>: side 0 gets to know a
   group of all three. */
static void
know_group(room_t *r, const char *jid, bool lid)
{
    size_t      i;
    wa_jid_t    pn, l;
    wa_node_t  *n, *g, *p;

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "G1");
    wa_node_set_str(&r->arena, n, "from", jid);
    wa_node_set_str(&r->arena, n, "type", "w:gp2");
    g = wa_node_add_new(&r->arena, wa_node_add_new(&r->arena, n, "create"),
                        "group");
    wa_node_set_str(&r->arena, g, "id", jid);
    wa_node_set_str(&r->arena, g, "subject", "three");
    wa_node_set_str(&r->arena, g, "addressing_mode", lid ? "lid" : "pn");

    for (i = 0; i < 3; i++) {
        pn = wa_jid_bare(&r->side[i].pn);
        l = wa_jid_bare(&r->side[i].lid);
        p = wa_node_add_new(&r->arena, g, "participant");
        wa_node_set_jid(&r->arena, p, "jid", lid ? &l : &pn);
        wa_node_set_jid(&r->arena, p, lid ? "phone_number" : "lid",
                        lid ? &pn : &l);
    }

    room_feed(r, 0, n);
    room_run(r);
}


static void
read_in(room_t *r, const char *chat, const char *sender)
{
    wa_host_submit(r->side[0].h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:s, s:[s]}", "verb",
                             "message.read", "jid", chat, "sender", sender,
                             "message_ids", "3EB0AA"));
    room_run(r);
}


static void
assert_participant(room_t *r, const char *jid)
{
    wa_node_t  *n;

    n = room_last(r, 0, "receipt", "read");
    assert_non_null(n);
    assert_true(wa_node_attr_is(n, "participant", jid));
}


static void
reading_names_the_writer_as_the_group_does(void **state)
{
    room_t  *r = *state;

    know_group(r, "120363000000000001@g.us", true);
    read_in(r, "120363000000000001@g.us", BOB_PN "@s.whatsapp.net");
    assert_participant(r, BOB_LID "@lid");
    read_in(r, "120363000000000001@g.us", CAROL_LID "@lid");
    assert_participant(r, CAROL_LID "@lid");

    know_group(r, "4915100001-1500000000@g.us", false);
    read_in(r, "4915100001-1500000000@g.us", BOB_LID "@lid");
    assert_participant(r, BOB_PN "@s.whatsapp.net");
    read_in(r, "4915100001-1500000000@g.us", CAROL_PN "@s.whatsapp.net");
    assert_participant(r, CAROL_PN "@s.whatsapp.net");

    /* Nobody knows better. */

    read_in(r, "4915100001-1500000000@g.us", "99999999@lid");
    assert_participant(r, "99999999@lid");
}


#define ROOM  "120363000000000001@g.us"


/* The server has another view of the group than the record. */
static bool
answer_moved(room_t *r, size_t i, const wa_node_t *iq)
{
    size_t      k;
    wa_jid_t    pn, lid;
    wa_node_t  *n, *g, *p;

    if (!wa_node_attr_is(iq, "xmlns", "w:g2")) {
        return false;
    }

    n = wa_node_new(&r->arena, "iq");
    wa_node_set_str(&r->arena, n, "type", "result");
    wa_node_set(&r->arena, n, "id", wa_node_attr(iq, "id"));
    g = wa_node_add_new(&r->arena, n, "group");
    wa_node_set_str(&r->arena, g, "id", ROOM);
    wa_node_set_str(&r->arena, g, "addressing_mode", "lid");

    for (k = 0; k < 3; k++) {
        pn = wa_jid_bare(&r->side[k].pn);
        lid = wa_jid_bare(&r->side[k].lid);
        p = wa_node_add_new(&r->arena, g, "participant");
        wa_node_set_jid(&r->arena, p, "jid", &lid);
        wa_node_set_jid(&r->arena, p, "phone_number", &pn);
    }

    r->ack_error = 0;
    room_feed(r, i, n);

    return true;
}


static void
a_group_that_moved_to_lids_gets_the_message_all_the_same(void **state)
{
    room_t     *r = *state;
    wa_span_t   id;
    wa_node_t  *m;

    know_group(r, ROOM, false);
    r->answer = answer_moved;
    r->ack_error = 421;
    room_send(r, 0, ROOM, "are you all there?");
    room_run(r);

    assert_int_equal(room_count(r, 0, "message", "text"), 2);
    m = room_last(r, 0, "message", "text");
    assert_true(wa_node_attr_is(m, "addressing_mode", "lid"));
    id = wa_node_attr(m, "id");
    assert_true(wa_node_attr_is(wa_node_child(wa_node_child(m,
                                    "participants"), "to"), "jid",
                                BOB_LID ":7@lid"));
    assert_null(wa_host_reply(r->side[0].h)->code);
    assert_true(wa_span_eq_str(id, json_string_value(json_object_get(
                    wa_host_reply(r->side[0].h)->data, "message_id"))));
    assert_int_equal(room_events(r, 0, "message.failed"), 0);
}


static void
a_group_refused_twice_is_told(void **state)
{
    room_t  *r = *state;

    know_group(r, ROOM, false);
    r->answer = answer_moved;
    r->ack_error = 421;
    room_send(r, 0, ROOM, "first");
    room_run(r);
    assert_null(wa_host_reply(r->side[0].h)->code);

    /* Asked for a moment ago: not once more. */

    r->ack_error = 421;
    room_send(r, 0, ROOM, "second");
    room_run(r);
    assert_int_equal(room_count(r, 0, "message", "text"), 3);
    assert_string_equal(wa_host_reply(r->side[0].h)->code, "STALE_ADDRESS");
}


static void
a_key_in_a_refused_message_was_given_to_nobody(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    know_group(r, ROOM, true);
    r->ack_error = 403;
    room_send(r, 0, ROOM, "may I?");
    room_run(r);
    assert_string_equal(wa_host_reply(r->side[0].h)->code, "SEND_FAILED");

    r->ack_error = 0;
    room_send(r, 0, ROOM, "now I may");
    room_run(r);
    m = room_last(r, 0, "message", "text");
    assert_non_null(wa_node_child(m, "participants"));

    room_send(r, 0, ROOM, "and again");
    room_run(r);
    m = room_last(r, 0, "message", "text");
    assert_null(wa_node_child(m, "participants"));
}


/* Bob gives us his token. */
static void
trust_of_bob(room_t *r)
{
    wa_jid_t    bob, lid;
    wa_node_t  *n, *token;

    bob = wa_jid_bare(&r->side[1].pn);
    lid = wa_jid_bare(&r->side[1].lid);
    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "T1");
    wa_node_set_str(&r->arena, n, "type", "privacy_token");
    wa_node_set_jid(&r->arena, n, "from", &bob);
    wa_node_set_jid(&r->arena, n, "sender_lid", &lid);
    token = wa_node_add_new(&r->arena, wa_node_add_new(&r->arena, n,
                                                       "tokens"), "token");
    wa_node_set_str(&r->arena, token, "type", "trusted_contact");
    wa_node_set_u64(&r->arena, token, "t",
                    (uint64_t) wa_unix_s(room_account(r, 0)));
    wa_node_bytes(token, wa_span("\x01\x02token", 7));
    room_feed(r, 0, n);
    room_run(r);
}


static const wa_node_t *
asked_in(room_t *r, json_t *args, const char *tag)
{
    wa_node_t  *iq;

    wa_host_submit(r->side[0].h, WA_OP_QUERY, args);
    room_run(r);
    iq = room_last(r, 0, "iq", "set");
    assert_non_null(iq);
    assert_true(wa_node_attr_is(iq, "xmlns", "w:g2"));

    return wa_node_child(wa_node_child(iq, tag), "participant");
}


static void
assert_known(const wa_node_t *p, bool named)
{
    assert_non_null(p);
    assert_true(wa_span_eq(wa_node_child_content(p, "privacy"),
                           wa_span("\x01\x02token", 7)));
    assert_int_equal(wa_node_attr_is(p, "phone_number",
                                     BOB_PN "@s.whatsapp.net"), named);
}


static void
who_is_asked_in_sees_that_he_knows_us(void **state)
{
    room_t           *r = *state;
    const wa_node_t  *p;

    trust_of_bob(r);

    p = asked_in(r, json_pack("{s:s, s:s, s:s, s:[s, s]}",
                              "verb", "group.participants", "jid", ROOM,
                              "action", "add", "participants",
                              BOB_LID "@lid", CAROL_PN "@s.whatsapp.net"),
                 "add");
    assert_known(p, true);
    p = wa_node_sibling(p, "participant");
    assert_non_null(p);
    assert_null(wa_node_child(p, "privacy"));
    assert_null(wa_node_attr(p, "phone_number").p);

    p = asked_in(r, json_pack("{s:s, s:s, s:[s]}", "verb", "group.create",
                              "subject", "we two", "participants",
                              BOB_PN "@s.whatsapp.net"), "create");
    assert_known(p, false);

    /* Who is there already needs none. */

    p = asked_in(r, json_pack("{s:s, s:s, s:s, s:[s]}",
                              "verb", "group.participants", "jid", ROOM,
                              "action", "promote", "participants",
                              BOB_LID "@lid"), "promote");
    assert_null(wa_node_child(p, "privacy"));
}


static const wa_node_t *
asked_again(room_t *r, const char *id, const char *chat,
    const char *participant)
{
    json_t     *args;
    wa_node_t  *n;

    args = json_pack("{s:s, s:s, s:s, s:b, s:s}", "verb", "media.retry",
                     "message_id", id, "chat", chat, "from_me", 0,
                     "media_key",
                     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");

    if (participant != NULL) {
        (void) json_object_set_new(args, "participant",
                                   json_string(participant));
    }

    wa_host_submit(r->side[0].h, WA_OP_QUERY, args);
    room_run(r);
    n = room_last(r, 0, "receipt", "server-error");
    assert_non_null(n);
    assert_true(wa_node_attr_is(n, "id", id));

    return wa_node_child(n, "rmr");
}


static void
the_phone_is_asked_for_files_by_the_addresses_it_knows(void **state)
{
    room_t           *r = *state;
    const wa_node_t  *rmr;

    trust_of_bob(r);
    rmr = asked_again(r, "M1", BOB_PN "@s.whatsapp.net", NULL);
    assert_true(wa_node_attr_is(rmr, "jid", BOB_LID "@lid"));
    assert_null(wa_node_attr(rmr, "participant").p);

    know_group(r, ROOM, true);
    rmr = asked_again(r, "M2", ROOM, CAROL_PN "@s.whatsapp.net");
    assert_true(wa_node_attr_is(rmr, "jid", ROOM));
    assert_true(wa_node_attr_is(rmr, "participant", CAROL_LID "@lid"));
}


static bool
answer_added(room_t *r, size_t i, const wa_node_t *iq)
{
    wa_node_t  *n, *p;

    if (!wa_node_attr_is(iq, "xmlns", "w:g2")) {
        return false;
    }

    n = wa_node_new(&r->arena, "iq");
    wa_node_set_str(&r->arena, n, "type", "result");
    wa_node_set(&r->arena, n, "id", wa_node_attr(iq, "id"));
    p = wa_node_add_new(&r->arena, wa_node_add_new(&r->arena, n, "add"),
                        "participant");
    wa_node_set_str(&r->arena, p, "jid", BOB_LID "@lid");
    wa_node_set_str(&r->arena, p, "phone_number", BOB_PN "@s.whatsapp.net");
    wa_node_set_str(&r->arena, p, "error", "409");
    room_feed(r, i, n);

    return true;
}


static void
a_result_names_the_number_where_it_is_told(void **state)
{
    json_t  *o;
    room_t  *r = *state;

    r->answer = answer_added;
    wa_host_submit(r->side[0].h, WA_OP_QUERY,
                   json_pack("{s:s, s:s, s:s, s:[s]}",
                             "verb", "group.participants", "jid", ROOM,
                             "action", "add", "participants",
                             BOB_PN "@s.whatsapp.net"));
    room_run(r);
    o = json_array_get(json_object_get(wa_host_reply(r->side[0].h)->data,
                                       "result"), 0);
    assert_string_equal(json_string_value(json_object_get(o, "jid")),
                        BOB_PN "@s.whatsapp.net");
    assert_string_equal(json_string_value(json_object_get(o, "status")),
                        "409");
}


/* Baileys takes <leave> for what <remove> of oneself is. */
static void
who_leaves_by_another_word_is_gone_too(void **state)
{
    json_t     *e;
    room_t     *r = *state;
    wa_node_t  *n, *p;

    know_group(r, ROOM, true);
    room_send(r, 0, ROOM, "to three");
    room_run(r);

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "G2");
    wa_node_set_str(&r->arena, n, "from", ROOM);
    wa_node_set_str(&r->arena, n, "type", "w:gp2");
    wa_node_set_str(&r->arena, n, "participant", CAROL_LID "@lid");
    p = wa_node_add_new(&r->arena, wa_node_add_new(&r->arena, n, "leave"),
                        "participant");
    wa_node_set_str(&r->arena, p, "jid", CAROL_LID "@lid");
    room_feed(r, 0, n);
    room_run(r);

    e = room_event(r, 0, "group.participants", 0);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(e, "data"), "action")), "remove");
    json_decref(e);

    /* Another key, which she does not get. */

    room_send(r, 0, ROOM, "to two");
    room_run(r);
    p = wa_node_child(room_last(r, 0, "message", "text"), "participants");
    p = wa_node_child(p, "to");
    assert_true(wa_node_attr_is(p, "jid", BOB_LID ":7@lid"));
    assert_null(wa_node_sibling(p, "to"));
}


static void
bot_says(room_t *r, const char *from, const char *id, const char *edit)
{
    wa_node_t  *n, *enc;

    n = wa_node_new(&r->arena, "message");
    wa_node_set_str(&r->arena, n, "id", id);
    wa_node_set_str(&r->arena, n, "from", from);
    wa_node_set_str(&r->arena, n, "type", "text");
    wa_node_set_u64(&r->arena, n, "t",
                    (uint64_t) wa_unix_s(room_account(r, 0)));

    if (strcmp(from, ROOM) == 0) {
        wa_node_set_str(&r->arena, n, "participant", "867051314767696@bot");
    }

    if (strcmp(from, ALICE_LID "@lid") == 0) {
        wa_node_set_str(&r->arena, n, "recipient", "867051314767696@bot");
    }

    enc = wa_node_add_new(&r->arena, n, "enc");
    wa_node_set_str(&r->arena, enc, "v", "2");
    wa_node_set_str(&r->arena, enc, "type", "msmsg");
    wa_node_bytes(enc, wa_span_str("sealed"));

    if (edit != NULL) {
        wa_node_set_str(&r->arena, wa_node_add_new(&r->arena, n, "bot"),
                        "edit", edit);
    }

    room_feed(r, 0, n);
    room_run(r);
}


static void
what_a_bot_says_is_told_once_as_unknown(void **state)
{
    json_t  *e, *m;
    room_t  *r = *state;

    bot_says(r, "867051314767696@bot", "B1", "first");
    bot_says(r, "867051314767696@bot", "B2", "inner");
    bot_says(r, "867051314767696@bot", "B3", "last");
    assert_int_equal(room_events(r, 0, "message.received"), 1);
    e = room_event(r, 0, "message.received", 0);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "type")),
                        "UNKNOWN");
    assert_string_equal(json_string_value(json_object_get(m, "remote_jid")),
                        "867051314767696@bot");
    json_decref(e);

    bot_says(r, ROOM, "B4", NULL);
    assert_int_equal(room_events(r, 0, "message.received"), 2);
    e = room_event(r, 0, "message.received", 1);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "remote_jid")),
                        ROOM);
    assert_string_equal(json_string_value(json_object_get(m, "participant")),
                        "867051314767696@bot");
    json_decref(e);

    assert_int_equal(room_count(r, 0, "ack", NULL), 4);
    assert_int_equal(room_count(r, 0, "receipt", NULL), 0);
}


/* No ack takes the copy of what we sent out of the server's queue. */
static void
what_our_phone_asks_a_bot_is_an_echo(void **state)
{
    json_t           *e;
    room_t           *r = *state;
    const wa_node_t  *n;

    bot_says(r, ALICE_LID "@lid", "B1", NULL);
    n = room_last(r, 0, "receipt", "sender");
    assert_non_null(n);
    assert_true(wa_node_attr_is(n, "recipient", "867051314767696@bot"));
    e = room_event(r, 0, "message.echo", 0);
    assert_non_null(e);
    assert_string_equal(message_field(e, "jid"), "867051314767696@bot");
    json_decref(e);
}


/* What Bob wrote, in a stanza of another name; its id. */
static void
told_otherwise(room_t *r, const char *tag, const char *from, const char *id)
{
    bool         pkmsg;
    wa_buf_t     plain = WA_BUF_EMPTY;
    wa_jid_t     to;
    wa_node_t   *enc, *n;
    wa_unit_t   *u;
    Wa__Message  m = WA__MESSAGE__INIT;

    static char  text[] = "here";

    m.conversation = text;
    assert_int_equal(WA_PB_PACK(&m, &plain), WA_OK);
    to = r->side[0].lid;
    u = wa_unit_new(room_account(r, 1));
    assert_int_equal(wa_sent_enc(u, &r->arena, &to, wa_span_buf(&plain), 0,
                                 &enc, &pkmsg), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[1].h);
    wa_buf_free(&plain);

    n = wa_node_new(&r->arena, tag);
    wa_node_set_str(&r->arena, n, "id", id);
    wa_node_set_str(&r->arena, n, "type", "text");
    wa_node_set_str(&r->arena, n, "notify", "-");
    wa_node_set_u64(&r->arena, n, "t",
                    (uint64_t) wa_unix_s(room_account(r, 0)));

    if (from == NULL) {
        wa_node_set_jid(&r->arena, n, "from", &r->side[1].lid);

    } else {
        wa_node_set_str(&r->arena, n, "from", from);
        wa_node_set_jid(&r->arena, n, "participant", &r->side[1].lid);
    }

    wa_node_add(&r->arena, n, enc);
    room_feed(r, 0, n);
    room_run(r);
}


static void
assert_acked(room_t *r, const char *class, const char *id)
{
    wa_node_t  *ack;

    ack = room_last(r, 0, "ack", NULL);
    assert_non_null(ack);
    assert_true(wa_node_attr_is(ack, "class", class));
    assert_true(wa_node_attr_is(ack, "id", id));
    assert_null(wa_node_attr(ack, "error").p);
}


/* A status comes as <status> as well, a message as <appdata>: they are owed an
   ack of their own name (whatsapp-rust client/node_io.rs). */
static void
messages_under_other_names_are_told(void **state)
{
    json_t  *e, *m;
    room_t  *r = *state;

    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);
    told_otherwise(r, "status", "status@broadcast", "S1");
    assert_int_equal(room_events(r, 0, "message.received"), 2);
    e = room_event(r, 0, "message.received", 1);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "remote_jid")),
                        "status@broadcast");
    assert_true(json_is_true(json_object_get(m, "is_status")));
    json_decref(e);
    assert_acked(r, "status", "S1");

    told_otherwise(r, "appdata", NULL, "A1");
    assert_int_equal(room_events(r, 0, "message.received"), 3);
    assert_acked(r, "appdata", "A1");
    assert_int_equal(room_count(r, 0, "receipt", NULL), 3);

    /* Nobody else's status is read. */

    told_otherwise(r, "status", NULL, "S2");
    assert_int_equal(room_events(r, 0, "message.received"), 3);
    assert_acked(r, "status", "S2");
}


/* Who gets it sees it in the chat with its writer; what comes to a list of
   ours from another device of ours stays there. */
static void
what_was_sent_to_a_list_is_in_the_chat_with_its_writer(void **state)
{
    json_t      *e, *m;
    room_t      *r = *state;
    wa_node_t   *n;

    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);
    told_otherwise(r, "message", "1700000000@broadcast", "L1");
    assert_int_equal(room_events(r, 0, "message.received"), 2);
    e = room_event(r, 0, "message.received", 1);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_text(e, "here");
    assert_string_equal(message_field(e, "jid"), BOB_PN "@s.whatsapp.net");
    assert_string_equal(message_field(e, "lid"), BOB_LID "@lid");
    assert_true(json_is_true(json_object_get(m, "is_broadcast")));
    assert_true(json_is_null(json_object_get(m, "participant")));
    assert_true(json_is_null(json_object_get(m, "push_name")));
    json_decref(e);

    /* The server is answered as it asks. */

    n = room_last(r, 0, "receipt", NULL);
    assert_true(wa_node_attr_is(n, "to", "1700000000@broadcast"));
    assert_true(wa_node_attr_is(n, "participant", BOB_LID ":7@lid"));
}


static void
an_invitation_is_shown_as_a_link(void **state)
{
    Wa__Message                      m = WA__MESSAGE__INIT;
    wa_stanza_attrs_t                x;
    Wa__Message__GroupInviteMessage  g =
                                    WA__MESSAGE__GROUP_INVITE_MESSAGE__INIT;

    (void) state;

    m.group_invite_message = &g;
    wa_stanza_of(&m, &x);
    assert_string_equal(x.type, "media");
    assert_string_equal(x.mediatype, "url");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            the_phone_tells_all_its_lids_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            reading_names_the_writer_as_the_group_does, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_group_that_moved_to_lids_gets_the_message_all_the_same, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_group_refused_twice_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_key_in_a_refused_message_was_given_to_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_is_asked_in_sees_that_he_knows_us, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_phone_is_asked_for_files_by_the_addresses_it_knows, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_result_names_the_number_where_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_leaves_by_another_word_is_gone_too, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_bot_says_is_told_once_as_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_our_phone_asks_a_bot_is_an_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(
            messages_under_other_names_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_was_sent_to_a_list_is_in_the_chat_with_its_writer, setup,
            teardown),
        cmocka_unit_test(an_invitation_is_shown_as_a_link)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
