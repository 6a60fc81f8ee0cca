/* History that the own phone offers, seen from the account. */
#include "wa_room.h"

#include "wa_device_int.h"
#include "wa_history.h"
#include "wa_history_verbs.h"
#include "wa_lid.h"
#include "wa_padding.h"
#include "wa_privacy.h"
#include "wa_sent.h"

#define MY_PN   "4915100001"
#define MY_LID  "70000001"

#define ME      0
#define PHONE   1

#define BOB     "4915100002@s.whatsapp.net"
#define BOB_LID "70000002@lid"


static int
setup(void **state)
{
    room_t  *r;

    r = room_create();
    room_add(r, MY_PN, MY_LID, 5);
    room_add(r, MY_PN, MY_LID, 0);

    /* A session of the phone with us. */

    room_send(r, PHONE, MY_PN, "warm up");
    room_run(r);
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_free(*state);

    return 0;
}


/* What the phone offers, with `payload` in it; `kind` -1: it says none. */
static void
offer_kind(room_t *r, const char *id, const char *payload, int kind)
{
    bool          pkmsg;
    wa_buf_t      plain = WA_BUF_EMPTY;
    wa_jid_t      addr;
    wa_node_t    *enc, *m;
    wa_unit_t    *u;
    wa_arena_t   *ar;

    Wa__Message                            msg = WA__MESSAGE__INIT;
    Wa__Message__ProtocolMessage           p =
                                     WA__MESSAGE__PROTOCOL_MESSAGE__INIT;
    Wa__Message__HistorySyncNotification   h =
                            WA__MESSAGE__HISTORY_SYNC_NOTIFICATION__INIT;

    h.has_sync_type = kind >= 0;
    h.sync_type = kind;
    h.has_progress = 1;
    h.progress = 100;
    h.has_initial_hist_bootstrap_inline_payload = 1;
    h.initial_hist_bootstrap_inline_payload =
        wa_pb_bytes(wa_span_str(payload));
    p.has_type = 1;
    p.type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION;
    p.history_sync_notification = &h;
    msg.protocol_message = &p;
    assert_int_equal(WA_PB_PACK(&msg, &plain), WA_OK);

    ar = &r->arena;
    addr = r->side[ME].lid;
    u = wa_unit_new(room_account(r, PHONE));
    assert_int_equal(wa_sent_enc(u, ar, &addr, wa_span_buf(&plain), 0, &enc,
                                 &pkmsg),
                     WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->side[PHONE].h);
    wa_buf_free(&plain);

    m = wa_node_new(ar, "message");
    wa_node_set_str(ar, m, "id", id);
    wa_node_set_jid(ar, m, "from", &r->side[PHONE].lid);
    wa_node_set_str(ar, m, "type", "text");
    wa_node_set_str(ar, m, "category", "peer");
    wa_node_set_u64(ar, m, "t",
                    (uint64_t) wa_unix_s(room_account(r, PHONE)));
    wa_node_add(ar, m, enc);
    room_feed(r, ME, m);
    room_run(r);
}


static void
offer(room_t *r, const char *id, const char *payload)
{
    offer_kind(r, id, payload, WA_HISTORY_RECENT);
}


/* The answer, borrowed; fails the test on an error. */
static const json_t *
query(room_t *r, json_t *args)
{
    assert_non_null(args);
    wa_host_submit(r->side[ME].h, WA_OP_QUERY, args);
    room_run(r);
    assert_null(wa_host_reply(r->side[ME].h)->code);

    return wa_host_reply(r->side[ME].h)->data;
}


static const char *
next(room_t *r)
{
    static char   id[64];
    const json_t *v;

    v = json_object_get(query(r, json_pack("{s:s}", "verb",
                                           "history.next")), "id");
    id[0] = '\0';

    if (v != NULL) {
        (void) snprintf(id, sizeof(id), "%s", json_string_value(v));
    }

    return id;
}


static void
done(room_t *r, const char *id)
{
    (void) query(r, json_pack("{s:s, s:s, s:b, s:i, s:i, s:i}", "verb",
                              "history.done", "id", id, "taken", 1, "chats",
                              2, "contacts", 3, "messages", 4));
}


static void
what_is_offered_is_kept_until_taken(void **state)
{
    char      first[64];
    size_t    told;
    room_t   *r = *state;

    told = wa_host_histories(r->side[ME].h);
    offer(r, "H1", "one");
    assert_int_equal(room_count(r, ME, "receipt", "peer_msg"), 1);
    assert_int_equal(room_count(r, ME, "receipt", "hist_sync"), 0);

    wa_host_advance(r->side[ME].h, 100);
    assert_int_equal(wa_host_histories(r->side[ME].h), told + 1);

    offer(r, "H2", "two");
    offer(r, "H2", "two");

    (void) snprintf(first, sizeof(first), "%s", next(r));
    assert_string_not_equal(first, "");
    assert_string_equal(json_string_value(json_object_get(
        query(r, json_pack("{s:s}", "verb", "history.next")), "inline")),
        "b25l");

    /* A restart forgets nothing. */

    room_restart(r, ME);
    assert_string_equal(next(r), first);

    done(r, first);
    assert_int_equal(room_count(r, ME, "receipt", "hist_sync"), 1);
    assert_true(wa_node_attr_is(room_last(r, ME, "receipt", "hist_sync"),
                                "to", MY_PN "@s.whatsapp.net"));
    assert_int_equal(room_events(r, ME, "history.sync"), 1);
    assert_string_not_equal(next(r), first);

    /* Somebody else was first. */

    done(r, first);
    assert_int_equal(room_events(r, ME, "history.sync"), 1);

    done(r, next(r));
    assert_string_equal(next(r), "");
    assert_int_equal(wa_host_record(r->side[ME].h, WA_HISTORY_RECORD, 0).n,
                     0);
    assert_non_null(strstr(wa_host_event_body(r->side[ME].h,
                        wa_host_events(r->side[ME].h) - 1),
                           "\"is_latest\":true"));
}


/* The phone's kinds by name, and one that is not known yet. */
static void
every_kind_is_told(void **state)
{
    char      id[8];
    json_t   *e;
    size_t    i;
    room_t   *r = *state;

    static const struct {
        int          kind;
        const char  *name;              /* NULL: null                      */
    } kinds[] = {
        { 0, "initial" },               /* INITIAL_BOOTSTRAP               */
        { 1, "status" },                /* INITIAL_STATUS_V3               */
        { 2, "full" },                  /* FULL                            */
        { 3, "recent" },                /* RECENT                          */
        { 4, "push_name" },             /* PUSH_NAME                       */
        { 5, "other" },                 /* NON_BLOCKING_DATA               */
        { 6, "on_demand" },             /* ON_DEMAND                       */
        { 7, NULL },
        { 100000, NULL },
        { -1, NULL }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        (void) snprintf(id, sizeof(id), "K%zu", i);
        offer_kind(r, id, "x", kinds[i].kind);
        assert_int_equal(json_integer_value(json_object_get(
            query(r, json_pack("{s:s}", "verb", "history.next")), "type")),
            kinds[i].kind);
        done(r, next(r));
        assert_int_equal(room_count(r, ME, "receipt", "hist_sync"), i + 1);

        e = room_event(r, ME, "history.sync", i);
        assert_non_null(e);

        if (kinds[i].name == NULL) {
            assert_true(json_is_null(json_object_get(
                json_object_get(e, "data"), "sync_type")));

        } else {
            assert_string_equal(json_string_value(json_object_get(
                json_object_get(e, "data"), "sync_type")), kinds[i].name);
        }

        json_decref(e);
    }
}


static void
what_fails_comes_again_some_times(void **state)
{
    int      i;
    char     id[64];
    room_t  *r = *state;

    offer(r, "H1", "one");
    (void) snprintf(id, sizeof(id), "%s", next(r));

    /* Not its fault: as often as it takes. */

    for (i = 0; i < 20; i++) {
        (void) query(r, json_pack("{s:s, s:s, s:b, s:b}", "verb",
                                  "history.done", "id", id, "taken", 0,
                                  "again", 1));
        assert_string_equal(next(r), "");
        wa_host_advance(r->side[ME].h, 16000);
        assert_string_equal(next(r), id);
    }

    for (i = 0; next(r)[0] != '\0'; i++) {
        (void) query(r, json_pack("{s:s, s:s, s:b}", "verb", "history.done",
                                  "id", id, "taken", 0));
        wa_host_advance(r->side[ME].h, 2 * 3600 * 1000);
    }

    assert_int_equal(i, 8);
    assert_int_equal(room_events(r, ME, "history.sync"), 0);
    assert_int_equal(room_count(r, ME, "receipt", "hist_sync"), 1);
}


static void
people_are_learnt(void **state)
{
    room_t         *r = *state;
    wa_jid_t        bob, lid;
    wa_trust_t      trust;
    wa_account_t   *a;
    const json_t   *pairs;

    assert_int_equal(wa_jid_parse(wa_span_str(BOB), &bob), WA_OK);
    a = room_account(r, ME);

    pairs = json_object_get(query(r, json_pack(
        "{s:s, s:[[s, s], [s, s], [s], s], s:[s, s, i],"
        " s:[{s:s, s:s, s:i, s:i, s:i, s:i}, {s:s}], s:s}",
        "verb", "history.learn", "pairs", BOB, BOB_LID, "x", "y", "z", "w",
        "ask", BOB_LID, "4915100009@s.whatsapp.net", 3,
        "people", "jid", BOB_LID, "token", "dG9rZW4=", "received",
        1700000000, "issued", 1700000001, "expiry", 86400, "expiry_set",
        1700000002, "jid", "nobody", "salt",
        "MDEyMzQ1Njc4OWFiY2RlZg==")), "pairs");

    assert_int_equal(json_array_size(pairs), 1);
    assert_string_equal(json_string_value(json_array_get(
        json_array_get(pairs, 0), 0)), BOB);
    assert_true(wa_lid_of(a, &bob, &lid));
    assert_string_equal(lid.user, "70000002");
    wa_trust_get(a, &lid, &trust);
    assert_int_equal(trust.received_s, 1700000000);
    assert_int_equal(trust.issued_s, 1700000001);
    assert_true(wa_span_eq_str(trust.token, "token"));
    assert_int_not_equal(wa_host_record(r->side[ME].h, "nct", 0).n, 0);
    assert_int_not_equal(wa_host_record(r->side[ME].h, "exp/" BOB_LID, 0).n,
                         0);

    /* What is known already came later than history; older tokens too. */

    (void) query(r, json_pack("{s:s, s:[[s, s]], s:[{s:s, s:s, s:i}]}",
        "verb", "history.learn", "pairs", BOB, "79999999@lid", "people",
        "jid", BOB_LID, "token", "b2xk", "received", 1600000000));
    assert_true(wa_lid_of(a, &bob, &lid));
    assert_string_equal(lid.user, "70000002");
    wa_trust_get(a, &lid, &trust);
    assert_true(wa_span_eq_str(trust.token, "token"));
}


/* Beside people nobody has met one with devices, whose session moves. */
static void
who_was_met_is_learnt_too(void **state)
{
    room_t               *r = *state;
    wa_jid_t              met, new, out;
    wa_unit_t            *u;
    wa_account_t         *a;
    wa_device_record_t    rec;

    a = room_account(r, ME);
    assert_int_equal(wa_jid_parse(wa_span_str("4915100003@s.whatsapp.net"),
                                  &met), WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("70000004@lid"), &new), WA_OK);

    memset(&rec, 0, sizeof(rec));
    rec.fetched_s = 1700000000;
    rec.n = 2;
    rec.devices[1].id = 4;
    u = wa_unit_new(a);
    assert_int_equal(wa_device_record_put(u, &met, &rec), WA_OK);
    assert_int_equal(wa_unit_put(u, "sess/4915100003.4", 0,
                                 wa_span_str("s4")), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    room_run(r);

    (void) query(r, json_pack("{s:s, s:[[s, s], [s, s]]}",
        "verb", "history.learn", "pairs",
        "4915100003@s.whatsapp.net", "70000003@lid",
        "4915100004@s.whatsapp.net", "70000004@lid"));
    assert_true(wa_lid_of(a, &met, &out));
    assert_string_equal(out.user, "70000003");
    assert_true(wa_pn_of(a, &new, &out));
    assert_string_equal(out.user, "4915100004");
    assert_int_not_equal(wa_host_record(r->side[ME].h,
                                        "sess/70000003_1.4", 0).n, 0);
    assert_int_equal(wa_host_record(r->side[ME].h, "sess/4915100003.4",
                                    0).n, 0);
}


static void
requests_that_say_nothing_do_no_harm(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const char *const  bad[] = {
        "{\"verb\":\"history.done\"}",
        "{\"verb\":\"history.done\",\"id\":\"../creds\"}",
        "{\"verb\":\"history.done\",\"id\":\"\"}",
        "{\"verb\":\"history.ask\"}",
        "{\"verb\":\"history.ask\",\"chat\":\"1@lid\",\"oldest_id\":\"x\","
        "\"oldest_timestamp\":-1,\"count\":5}",
        "{\"verb\":\"history.ask\",\"chat\":\"1@lid\",\"oldest_id\":\"x\","
        "\"oldest_timestamp\":1,\"count\":5000}"
    };
    static const char *const  good[] = {
        "{\"verb\":\"history.learn\"}",
        "{\"verb\":\"history.learn\",\"pairs\":7,\"ask\":{},\"people\":[7],"
        "\"salt\":\"?\",\"secrets\":[{},{\"ref\":\"../creds\","
        "\"secret\":\"AA==\"}]}",
        "{\"verb\":\"history.done\",\"id\":\"nothing\",\"taken\":true}"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wa_host_submit(r->side[ME].h, WA_OP_QUERY,
                       json_loads(bad[i], 0, NULL));
        room_run(r);
        assert_string_equal(wa_host_reply(r->side[ME].h)->code,
                            "INVALID_PARAMETER");
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void) query(r, json_loads(good[i], 0, NULL));
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(what_is_offered_is_kept_until_taken,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_kind_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_fails_comes_again_some_times,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(people_are_learnt, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_met_is_learnt_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_that_say_nothing_do_no_harm,
                                        setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
