/* Receiving: repeats, crashes, forgeries, kinds of content, receipts. */
#include "wa_room_pair.h"

#include <math.h>

#include "wa_failmem.h"

#include "wa_message.h"
#include "wa_padding.h"
#include "wa_pb.h"
#include "wa_sent.h"
#include "wa_signal.h"


static json_t *
data_of(json_t *event)
{
    assert_non_null(event);

    return json_object_get(event, "data");
}


static const char *
field(json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}


/* Encrypts any plaintext from side `from` and hands it to side `to`; a
   session must exist (send a text before). */
static void
deliver_raw(room_t *r, size_t from, size_t to, const char *id, wa_span_t msg,
    const char *category)
{
    bool           pkmsg;
    wa_jid_t       addr, bare;
    wa_node_t     *enc, *m;
    wa_unit_t     *u;
    wa_arena_t    *ar;

    ar = &r->arena;
    addr = r->side[to].lid;

    u = wa_unit_new(room_account(r, from));
    assert_int_equal(wa_sent_enc(u, ar, &addr, msg, 0, &enc, &pkmsg), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[from].h);

    m = wa_node_new(ar, "message");
    wa_node_set_str(ar, m, "id", id);
    wa_node_set_jid(ar, m, "from", &r->side[from].lid);
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_u64(ar, m, "t", (uint64_t) wa_unix_s(room_account(r, from)));

    if (category != NULL) {
        wa_node_set_str(ar, m, "category", category);
    }

    if (wa_jid_eq_bare(&r->side[from].lid, &r->side[to].lid)) {
        bare = wa_jid_bare(&r->side[1].lid);
        wa_node_set_jid(ar, m, "recipient", &bare);
    }

    wa_node_add(ar, m, enc);
    room_feed(r, to, m);
    room_run(r);
}


static void
deliver_message(room_t *r, size_t from, size_t to, const char *id,
    const Wa__Message *msg, const char *category)
{
    wa_buf_t  plain = WA_BUF_EMPTY;

    assert_int_equal(WA_PB_PACK(msg, &plain), WA_OK);
    deliver_raw(r, from, to, id, wa_span_buf(&plain), category);
    wa_buf_free(&plain);
}


/* The copy of the last message for side `to`, as the server had it. */
static wa_node_t *
copy_for(room_t *r, const char *from_lid, uint16_t device)
{
    size_t       k;
    wa_jid_t     jid;
    wa_node_t   *m, *n, *e;
    wa_arena_t  *ar;

    ar = &r->arena;
    m = NULL;

    for (k = r->n_log; k > 0 && m == NULL; k--) {
        m = wa_node_is(r->log[k - 1], "message") ? r->log[k - 1] : NULL;
    }

    assert_non_null(m);
    n = wa_node_child(wa_node_child(m, "participants"), "to");
    assert_non_null(n);

    e = wa_node_child(n, "enc");
    n = wa_node_new(ar, "message");
    wa_node_set(ar, n, "id", wa_node_attr(m, "id"));
    assert_int_equal(wa_jid_make(&jid, wa_span_str(from_lid), WA_SERVER_LID,
                                 device), WA_OK);
    wa_node_set_jid(ar, n, "from", &jid);
    wa_node_set_u64(ar, n, "t", (uint64_t) wa_unix_s(room_account(r, 0)));
    e->next = NULL;
    wa_node_add(ar, n, e);

    return n;
}


static void
a_repeated_delivery_changes_nothing(void **state)
{
    size_t       receipts, i;
    room_t      *r = *state;
    wa_node_t   *copy;

    room_send(r, 0, BOB_PN, "just once");
    room_run(r);
    copy = copy_for(r, ALICE_LID, 5);

    for (i = 0; i < 3; i++) {
        receipts = room_count(r, 1, "receipt", NULL);
        room_feed(r, 1, copy);
        room_run(r);
        assert_int_equal(room_events(r, 1, "message.received"), 1);
        assert_int_equal(room_events(r, 1, "message.undecryptable"), 0);
        assert_int_equal(room_count(r, 1, "receipt", NULL), receipts + 1);
        assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);

        /* Also when nothing is remembered in memory any more. */

        room_restart(r, 1);
    }
}


static void
the_same_id_encrypted_anew_is_not_delivered_twice(void **state)
{
    room_t       *r = *state;
    Wa__Message   m = WA__MESSAGE__INIT;
    char          text[] = "again";

    room_send(r, 0, BOB_PN, "first");
    room_run(r);

    m.conversation = text;
    deliver_message(r, 0, 1, "SAMEID", &m, NULL);
    deliver_message(r, 0, 1, "SAMEID", &m, NULL);
    assert_int_equal(room_events(r, 1, "message.received"), 2);

    room_restart(r, 1);
    deliver_message(r, 0, 1, "SAMEID", &m, NULL);
    assert_int_equal(room_events(r, 1, "message.received"), 2);

    /* The ratchet went along all the time. */

    deliver_message(r, 0, 1, "OTHERID", &m, NULL);
    assert_int_equal(room_events(r, 1, "message.received"), 3);
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);
}


static void
no_receipt_leaves_before_its_commit(void **state)
{
    room_t  *r = *state;

    wa_host_hold(r->side[1].h, true);
    room_send(r, 0, BOB_PN, "careful");
    room_run(r);
    assert_int_equal(room_count(r, 1, "receipt", NULL), 0);

    while (wa_host_held(r->side[1].h) > 0) {
        wa_host_confirm(r->side[1].h);
        room_run(r);
    }

    assert_int_equal(room_count(r, 1, "receipt", NULL), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    wa_host_hold(r->side[1].h, false);
}


static void
a_crash_before_the_commit_loses_nothing(void **state)
{
    json_t     *e;
    room_t     *r = *state;
    wa_node_t  *copy;

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);

    r->side[1].away = true;
    room_send(r, 0, BOB_PN, "do not lose me");
    room_run(r);
    copy = copy_for(r, ALICE_LID, 5);
    r->side[1].away = false;

    wa_host_hold(r->side[1].h, true);
    room_feed(r, 1, copy);
    assert_true(wa_host_held(r->side[1].h) > 0);

    /* The object dies with its commit unapplied; the server repeats. */

    wa_host_hold(r->side[1].h, true);
    wa_host_refuse(r->side[1].h);
    wa_host_hold(r->side[1].h, false);
    room_restart(r, 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);

    room_feed(r, 1, copy);
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
    e = room_event(r, 1, "message.received", 1);
    assert_string_equal(field(json_object_get(data_of(e), "message"), "body"),
                        "do not lose me");
    json_decref(e);
}


static void
a_forgery_leaves_the_records_alone(void **state)
{
    size_t      before;
    room_t     *r = *state;
    wa_buf_t    kept = WA_BUF_EMPTY;
    wa_span_t   now;

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);
    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);

    (void) wa_buf_append_span(&kept,
                              wa_host_record(r->side[1].h,
                                             "sess/" ALICE_LID "_1.5", 0));
    assert_true(kept.n != 0);
    before = room_events(r, 1, "message.received");

    r->spoil = true;
    room_send(r, 0, BOB_PN, "forged");

    /* One delivery only: the repair is not part of this. */

    assert_true(room_step(r, 0));

    now = wa_host_record(r->side[1].h, "sess/" ALICE_LID "_1.5", 0);
    assert_true(wa_span_eq(now, wa_span_buf(&kept)));
    assert_int_equal(room_events(r, 1, "message.received"), before);
    assert_int_equal(room_events(r, 1, "message.undecryptable"), 1);
    wa_buf_free(&kept);
}


static void
other_kinds_are_named(void **state)
{
    size_t                      i;
    json_t                     *e, *m;
    room_t                     *r = *state;
    char                        text[] = "a caption", mime[] = "image/jpeg";
    char                        path[] = "/v/t62/x";
    Wa__Message                 msg[5];
    Wa__Message__ImageMessage   image = WA__MESSAGE__IMAGE_MESSAGE__INIT;
    Wa__Message__AudioMessage   audio = WA__MESSAGE__AUDIO_MESSAGE__INIT;
    Wa__Message__LocationMessage  place = WA__MESSAGE__LOCATION_MESSAGE__INIT;
    Wa__Message__FutureProofMessage  wrap =
                                   WA__MESSAGE__FUTURE_PROOF_MESSAGE__INIT;

    static const char *const  types[5] = {
        "IMAGE", "AUDIO", "LOCATION", "IMAGE", "INTERACTIVE"
    };

    for (i = 0; i < 5; i++) {
        wa__message__init(&msg[i]);
    }

    image.caption = text;
    image.mimetype = mime;
    image.direct_path = path;
    msg[0].image_message = &image;
    msg[1].audio_message = &audio;
    place.has_degrees_latitude = 1;
    place.degrees_latitude = 52.5;
    place.has_degrees_longitude = 1;
    place.degrees_longitude = (double) INFINITY;
    msg[2].location_message = &place;
    wrap.message = &msg[0];
    msg[3].view_once_message_v2 = &wrap;

    {
        static Wa__Message__AlbumMessage  album =
                                          WA__MESSAGE__ALBUM_MESSAGE__INIT;

        msg[4].album_message = &album;
    }

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);

    for (i = 0; i < 5; i++) {
        char  id[16];

        (void) snprintf(id, sizeof(id), "KIND%zu", i);
        deliver_message(r, 0, 1, id, &msg[i], NULL);
        e = room_event(r, 1, "message.received", i + 1);
        m = json_object_get(data_of(e), "message");
        assert_string_equal(field(m, "type"), types[i]);

        if (i == 0 || i == 3) {
            assert_string_equal(field(m, "body"), "a caption");
            assert_string_equal(field(m, "media_mime_type"), "image/jpeg");
        }

        assert_int_equal(json_is_true(json_object_get(m, "is_view_once")),
                         i == 3);
        json_decref(e);
    }
}


static void
reactions_edits_and_revokes_point_at_their_message(void **state)
{
    json_t                        *e, *d;
    room_t                        *r = *state;
    char                           text[] = "better";
    char                           emoji[] = "\xf0\x9f\x91\x8d";
    char                           id[64], ref[64];
    Wa__Message                    m = WA__MESSAGE__INIT;
    Wa__Message                    edited = WA__MESSAGE__INIT;
    Wa__MessageKey                 key = WA__MESSAGE_KEY__INIT;
    Wa__Message__ReactionMessage   re = WA__MESSAGE__REACTION_MESSAGE__INIT;
    Wa__Message__ProtocolMessage   p = WA__MESSAGE__PROTOCOL_MESSAGE__INIT;

    room_send(r, 0, BOB_PN, "target");
    room_run(r);

    e = room_event(r, 1, "message.received", 0);
    d = json_object_get(data_of(e), "message");
    (void) snprintf(id, sizeof(id), "%s", field(d, "message_id"));
    (void) snprintf(ref, sizeof(ref), "%s", field(d, "id"));
    json_decref(e);

    key.id = id;
    key.has_from_me = 1;
    key.from_me = 1;                     /* Alice's own, as she sees it */

    re.key = &key;
    re.text = emoji;
    m.reaction_message = &re;
    deliver_message(r, 0, 1, "R1", &m, NULL);
    e = room_event(r, 1, "message.reaction", 0);
    d = data_of(e);
    assert_string_equal(field(d, "target_id"), ref);
    assert_string_equal(field(d, "emoji"), emoji);
    json_decref(e);

    m.reaction_message = NULL;
    edited.conversation = text;
    p.key = &key;
    p.has_type = 1;
    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT;
    p.edited_message = &edited;
    m.protocol_message = &p;
    deliver_message(r, 0, 1, "E1", &m, NULL);
    e = room_event(r, 1, "message.edited", 0);
    d = data_of(e);
    assert_string_equal(field(d, "id"), ref);
    assert_string_equal(field(d, "body"), "better");
    json_decref(e);

    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__REVOKE;
    p.edited_message = NULL;
    deliver_message(r, 0, 1, "D1", &m, NULL);
    e = room_event(r, 1, "message.deleted", 0);
    d = data_of(e);
    assert_string_equal(field(d, "id"), ref);
    json_decref(e);

    /* Nobody takes back what the other one wrote. */

    key.from_me = 0;
    deliver_message(r, 0, 1, "D2", &m, NULL);
    assert_int_equal(room_events(r, 1, "message.deleted"), 1);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
}


static void
only_own_devices_may_say_what_was_sent(void **state)
{
    room_t     *r = *state;
    wa_buf_t    inner = WA_BUF_EMPTY, copy = WA_BUF_EMPTY;
    wa_jid_t    bob;

    static const uint8_t  text[] = { 0x0a, 0x02, 'h', 'i' };

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);

    bob = wa_jid_bare(&r->side[1].lid);
    assert_int_equal(wa_buf_append(&inner, text, sizeof(text)), WA_OK);
    assert_int_equal(wa_message_encode_copy(&bob, wa_span_buf(&inner), NULL,
                                            &copy), WA_OK);

    deliver_raw(r, 0, 1, "FAKE1", wa_span_buf(&copy), NULL);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
    assert_int_equal(room_events(r, 1, "message.echo"), 0);

    wa_buf_free(&inner);
    wa_buf_free(&copy);
}


static void
peer_messages_are_answered_and_keys_kept(void **state)
{
    size_t                                   phone;
    room_t                                  *r = *state;
    Wa__Message                              m = WA__MESSAGE__INIT;
    Wa__Message__ProtocolMessage             p =
                                       WA__MESSAGE__PROTOCOL_MESSAGE__INIT;
    Wa__Message__HistorySyncNotification     hist =
                              WA__MESSAGE__HISTORY_SYNC_NOTIFICATION__INIT;
    Wa__AppStateSyncKeyShare        share =
                                WA__APP_STATE_SYNC_KEY_SHARE__INIT;
    Wa__AppStateSyncKey             key = WA__APP_STATE_SYNC_KEY__INIT;
    Wa__AppStateSyncKey            *keys[1] = { &key };
    Wa__AppStateSyncKeyId           id = WA__APP_STATE_SYNC_KEY_ID__INIT;
    Wa__AppStateSyncKeyData         data = WA__APP_STATE_SYNC_KEY_DATA__INIT;
    size_t                                   before;

    phone = room_add(r, ALICE_PN, ALICE_LID, 0);
    room_send(r, phone, BOB_PN, "warm up");
    room_run(r);
    assert_int_equal(room_events(r, 0, "message.echo"), 1);

    p.has_type = 1;
    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION;
    p.history_sync_notification = &hist;
    m.protocol_message = &p;
    deliver_message(r, phone, 0, "H1", &m, "peer");
    assert_int_equal(room_count(r, 0, "receipt", "peer_msg"), 1);

    /* That follows when it was taken in. */

    assert_int_equal(room_count(r, 0, "receipt", "hist_sync"), 0);

    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_SHARE;
    p.history_sync_notification = NULL;
    p.app_state_sync_key_share = &share;
    id.has_key_id = 1;
    id.key_id = wa_pb_bytes(wa_span("\0\1\0\0\0\1", 6));
    data.has_key_data = 1;
    data.key_data = wa_pb_bytes(wa_span_str("0123456789abcdef"
                                            "0123456789abcdef"));
    key.key_id = &id;
    key.key_data = &data;
    share.n_keys = 1;
    share.keys = keys;
    deliver_message(r, phone, 0, "K1", &m, "peer");
    assert_int_equal(room_count(r, 0, "receipt", "peer_msg"), 2);
    assert_non_null(wa_host_record(r->side[0].h, "askeys", 0).p);

    /* From a contact the same means nothing. */

    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);
    before = wa_host_records(r->side[0].h);
    deliver_message(r, 1, 0, "K2", &m, "peer");
    assert_int_equal(wa_host_records(r->side[0].h), before + 1);
    assert_int_equal(room_count(r, 0, "receipt", "peer_msg"), 2);
}


static void
garbage_that_decrypts_is_refused_for_good(void **state)
{
    wa_node_t  *ack;
    room_t     *r = *state;

    static const uint8_t  bad[] = { 0x0a, 0xff, 0xff, 0xff };

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);

    deliver_raw(r, 0, 1, "BAD1", wa_span(bad, sizeof(bad)), NULL);
    ack = room_last(r, 1, "ack", NULL);
    assert_non_null(ack);
    assert_true(wa_node_attr_is(ack, "error", "491"));
    assert_true(wa_node_attr_is(ack, "id", "BAD1"));
    assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);

    room_send(r, 0, BOB_PN, "still works");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 2);
}


static void
assert_unknown(room_t *r, size_t i)
{
    json_t  *e, *m;

    e = room_event(r, 1, "message.received", i);
    m = json_object_get(json_object_get(e, "data"), "message");
    assert_string_equal(json_string_value(json_object_get(m, "type")),
                        "UNKNOWN");
    assert_true(json_is_null(json_object_get(m, "body")));
    json_decref(e);
}


static void
what_is_not_for_us_is_acknowledged(void **state)
{
    size_t       i;
    wa_node_t   *n, *e, *ack;
    wa_arena_t  *ar;
    room_t      *r = *state;

    static const struct {
        const char  *tag;
        const char  *from;
        const char  *participant;
    } rows[] = {
        { "message", "123456@g.us", "999@lid" },
        { "message", "status@broadcast", "999@lid" },
        { "message", "123@newsletter", NULL },
        { "status", "status@broadcast", "999@lid" },
        { "appdata", "999@lid", NULL },
        { "message", "999:3@lid", NULL }
    };
    static const char *const  ids[] = { "X1", "X1", "X1", "X1", "X1", "X2" };

    ar = &r->arena;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = wa_node_new(ar, rows[i].tag);
        wa_node_set_str(ar, n, "id", ids[i]);
        wa_node_set_str(ar, n, "from", rows[i].from);

        if (rows[i].participant != NULL) {
            wa_node_set_str(ar, n, "participant", rows[i].participant);
        }

        e = wa_node_add_new(ar, n, "enc");
        wa_node_set_str(ar, e, "v", "2");
        wa_node_set_str(ar, e, "type", "skmsg");
        wa_node_bytes(e, wa_span("xx", 2));

        room_feed(r, 1, n);
        room_run(r);
        ack = room_last(r, 1, "ack", NULL);
        assert_non_null(ack);
        assert_int_equal(room_count(r, 1, "ack", NULL), i + 1);
        assert_true(wa_node_attr_is(ack, "class", rows[i].tag));
        assert_true(wa_node_attr_is(ack, "to", rows[i].from));
        assert_null(wa_node_attr(ack, "error").p);
    }

    /* Only the last two are somebody's message to us, of an unknown kind. */

    assert_int_equal(room_events(r, 1, "message.received"), 2);
    assert_unknown(r, 0);
    assert_unknown(r, 1);
}


static void
hostile_stanzas_are_survived(void **state)
{
    size_t       i, k;
    wa_node_t   *n, *e;
    wa_arena_t  *ar;
    room_t      *r = *state;

    static const char *const  types[] = { "msg", "pkmsg", "msmsg", "" };
    static const char *const  attrs[] = {
        "id", "from", "participant", "recipient", "t", "sender_pn",
        "sender_lid", "category", "notify", "type"
    };
    static const char *const  values[] = {
        "", "@", "1@s.whatsapp.net", "-1", "99999999999999999999999",
        "70000002@lid", "\xff\xfe", "peer", "a:b@lid", "70000001:5@lid"
    };
    static const uint8_t  junk[64] = { 0x33, 0x08, 0x01, 0x12, 0x21, 0x05 };

    ar = &r->arena;

    for (i = 0; i < 2000; i++) {
        n = wa_node_new(ar, i % 3 == 0 ? "receipt" : "message");

        for (k = 0; k < 6; k++) {
            wa_node_set_str(ar, n, attrs[(i * 7 + k * 3) % 10],
                            values[(i * 11 + k * 5 + i / 10) % 10]);
        }

        if (i % 5 == 0) {
            wa_node_set_str(ar, n, "from", "70000001:5@lid");
            wa_node_set_str(ar, n, "id", "HOSTILE");
        }

        if (i % 7 == 0) {
            wa_node_set_str(ar, n, "type", "retry");
            e = wa_node_add_new(ar, n, "retry");
            wa_node_set_str(ar, e, "count", values[i % 10]);
            wa_node_set_str(ar, e, "id", values[(i + 3) % 10]);
            wa_node_set_str(ar, e, "t", values[(i + 1) % 10]);
        }

        e = wa_node_add_new(ar, n, "enc");
        wa_node_set_str(ar, e, "type", types[i % 4]);
        wa_node_set_str(ar, e, "v", i % 2 ? "2" : "3");
        wa_node_bytes(e, wa_span(junk, i % sizeof(junk)));

        room_feed(r, 1, n);
        wa_host_drain(r->side[1].h);

        if (i % 50 == 0) {
            room_run(r);
        }
    }

    room_run(r);

    /* What comes in an unknown envelope is told as that, nothing else is. */

    k = room_events(r, 1, "message.received");

    for (i = 0; i < k; i++) {
        assert_unknown(r, i);
    }

    /* Alice still gets through. */

    room_send(r, 0, BOB_PN, "hello");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), k + 1);
}


static void
a_webhook_gets_the_unified_form(void **state)
{
    room_t  *r = *state;

    wa_host_submit(r->side[1].h, WA_OP_UPDATE,
                   json_pack("{s:s}", "webhook_url", "http://127.0.0.1/h"));
    assert_null(wa_host_reply(r->side[1].h)->code);
    room_send(r, 0, BOB_PN, "to the hook");
    room_run(r);
    assert_int_equal(room_events(r, 1, "message.received"), 1);
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


/* A delivery without memory is one that did not happen: the server offers it
   again, and then it arrives, once. */
static void
short_memory_loses_no_message(void **state)
{
    char         text[32];
    size_t       n, done, expect;
    room_t      *r = *state;
    wa_buf_t     packed = WA_BUF_EMPTY;
    wa_gone_e    why;
    wa_node_t   *copy;

    room_send(r, 0, BOB_PN, "warm up");
    room_run(r);
    room_send(r, 1, ALICE_PN, "warm up");
    room_run(r);
    expect = room_events(r, 1, "message.received");

    for (n = 1, done = 0; n < 1000 && done < 3; n++) {
        (void) snprintf(text, sizeof(text), "text %zu", n);
        r->side[1].away = true;
        room_send(r, 0, BOB_PN, text);
        room_run(r);
        r->side[1].away = false;
        wa_buf_free(&r->side[1].queue[--r->side[1].n_queue]);
        copy = copy_for(r, ALICE_LID, 5);
        assert_int_equal(wa_node_pack(copy, &packed), WA_OK);

        fail_from(n);
        (void) wa_account_feed(room_account(r, 1), wa_span_buf(&packed),
                               wa_host_now(r->side[1].h));
        wa_host_drain(r->side[1].h);
        done += (wa_failmem.count < n);
        fail_from(0);
        wa_buf_free(&packed);

        if (wa_host_gone(r->side[1].h, &why)) {
            room_restart(r, 1);
        }

        room_feed(r, 1, copy);
        room_run(r);
        expect++;
        assert_int_equal(room_events(r, 1, "message.received"), expect);
        assert_int_equal(room_events(r, 1, "message.undecryptable"), 0);
        assert_int_equal(room_count(r, 1, "receipt", "retry"), 0);
    }

    assert_true(n < 1000);
    assert_true(n > 15);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeated_delivery_changes_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_same_id_encrypted_anew_is_not_delivered_twice, setup,
            teardown),
        cmocka_unit_test_setup_teardown(no_receipt_leaves_before_its_commit,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_crash_before_the_commit_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forgery_leaves_the_records_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(other_kinds_are_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            reactions_edits_and_revokes_point_at_their_message, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            only_own_devices_may_say_what_was_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(
            peer_messages_are_answered_and_keys_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(
            garbage_that_decrypts_is_refused_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_for_us_is_acknowledged,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_stanzas_are_survived, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_webhook_gets_the_unified_form,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(short_memory_loses_no_message, setup,
                                        teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
