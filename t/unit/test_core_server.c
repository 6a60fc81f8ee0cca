/* Servers other than the usual: long queues, odd ends, unknown stanzas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_host.h"
#include "wa_peer.h"


typedef struct {
    wa_host_t   *h;
    wa_peer_t   *p;
    wa_arena_t  *arena;
} server_t;


static int
setup_fresh(void **state)
{
    static server_t  s;

    s.h = wa_host_create();
    s.p = wa_peer_create(s.h);
    s.arena = wa_peer_arena(s.p);
    wa_host_make(s.h);
    *state = &s;

    return 0;
}


/* Logged in, with the upkeep of prekeys out of the way. */
static int
setup(void **state)
{
    server_t         *s;
    wa_node_t        *count;
    const wa_node_t  *iq;

    (void) setup_fresh(state);
    s = *state;
    wa_peer_link(s->p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_login(s->p);

    iq = wa_peer_expect(s->p, "iq");
    count = wa_node_new(s->arena, "count");
    wa_node_set_u64(s->arena, count, "value", 500);
    wa_peer_result(s->p, iq, count);

    while ((iq = wa_peer_next(s->p)) != NULL) {
        wa_peer_error(s->p, iq, 500);
    }

    return 0;
}


static int
teardown(void **state)
{
    server_t  *s = *state;

    wa_peer_free(s->p);
    wa_host_free(s->h);

    return 0;
}


static wa_state_e
now_state(server_t *s)
{
    return wa_account_state(wa_host_account(s->h));
}


/* <ib><child key=value/></ib> */
static void
say_ib(server_t *s, const char *child, const char *key, const char *value)
{
    wa_node_t  *ib, *c;

    ib = wa_node_new(s->arena, "ib");
    c = wa_node_add_new(s->arena, ib, child);
    wa_node_set_str(s->arena, c, key, value);
    wa_peer_send(s->p, ib);
}


/* n stanzas of the offline queue; how many acks and requests came back. */
static void
say_offline(server_t *s, size_t n, size_t *acks, size_t *requests)
{
    size_t            i;
    wa_node_t        *m;
    const wa_node_t  *c;

    *acks = 0;
    *requests = 0;

    for (i = 1; i <= n; i++) {
        m = wa_node_new(s->arena, "notification");
        wa_node_set_str(s->arena, m, "type", "psa");
        wa_node_set_str(s->arena, m, "from", "s.whatsapp.net");
        wa_node_set_u64(s->arena, m, "id", i);
        wa_node_set_u64(s->arena, m, "offline", i);
        wa_peer_send(s->p, m);

        while ((c = wa_peer_next(s->p)) != NULL) {
            *acks += wa_node_is(c, "ack");
            *requests += wa_node_child(c, "offline_batch") != NULL;
        }
    }
}


static bool
is_request(const wa_node_t *n)
{
    return wa_node_attr_is(wa_node_child(n, "offline_batch"), "count", "200");
}


static void
a_long_offline_queue_is_asked_for_batch_by_batch(void **state)
{
    size_t     acks, requests;
    server_t  *s = *state;

    say_ib(s, "offline_preview", "count", "450");
    assert_true(is_request(wa_peer_next(s->p)));

    say_offline(s, 199, &acks, &requests);
    assert_int_equal(acks, 199);
    assert_int_equal(requests, 0);

    say_offline(s, 1, &acks, &requests);
    assert_int_equal(requests, 1);

    say_offline(s, 200, &acks, &requests);
    assert_int_equal(acks, 200);
    assert_int_equal(requests, 1);

    say_offline(s, 50, &acks, &requests);
    assert_int_equal(acks, 50);
    assert_int_equal(requests, 0);

    wa_peer_advance(s->p, 10000);
    assert_null(wa_peer_next(s->p));
}


/* A server with smaller batches than the one asked for. */
static void
an_offline_queue_that_stops_is_asked_for_again(void **state)
{
    size_t            acks, requests, i;
    server_t         *s = *state;
    const wa_node_t  *iq;

    say_ib(s, "offline_preview", "count", "30");
    assert_true(is_request(wa_peer_next(s->p)));
    say_offline(s, 10, &acks, &requests);
    assert_int_equal(requests, 0);

    wa_peer_advance(s->p, 5000);
    assert_true(is_request(wa_peer_next(s->p)));

    say_offline(s, 10, &acks, &requests);
    say_ib(s, "offline", "count", "20");
    assert_int_equal(now_state(s), WA_STATE_READY);
    wa_peer_advance(s->p, 20000);

    /* Groups are asked for once, and not before the queue's end. */

    iq = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "w:g2"));
    wa_peer_error(s->p, iq, 500);
    assert_null(wa_peer_next(s->p));

    /* A server that never ends the queue is not asked for ever. */
    say_ib(s, "offline_preview", "count", "30");

    for (i = 0; wa_peer_next(s->p) != NULL; i++) {
        assert_true(i < 20);
        wa_peer_advance(s->p, 5000);
    }

    assert_true(i > 1);
}


static void
a_server_without_an_offline_queue_is_not_waited_for(void **state)
{
    server_t         *s = *state;
    const wa_node_t  *iq;

    wa_peer_advance(s->p, 4000);
    assert_int_equal(now_state(s), WA_STATE_LOADING);
    wa_peer_advance(s->p, 2000);
    assert_int_equal(now_state(s), WA_STATE_READY);

    /* All else that waits for the end of the queue begins as well. */

    wa_peer_advance(s->p, 20000);
    iq = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "w:g2"));
}


static void
a_queue_that_was_told_of_is_waited_for(void **state)
{
    server_t  *s = *state;

    wa_peer_advance(s->p, 4000);
    say_ib(s, "offline_preview", "count", "30");
    wa_peer_advance(s->p, 20000);
    assert_int_equal(now_state(s), WA_STATE_LOADING);
    wa_peer_advance(s->p, 7000);
    assert_int_equal(now_state(s), WA_STATE_READY);
}


/* Nothing of a stranger's connection is left to a new one. */
static void
a_lost_connection_ends_the_asking(void **state)
{
    server_t  *s = *state;

    say_ib(s, "offline_preview", "count", "30");
    assert_true(is_request(wa_peer_next(s->p)));
    wa_peer_drop(s->p);
    wa_peer_login(s->p);
    (void) wa_peer_expect(s->p, "iq");
    wa_peer_advance(s->p, 4000);
    assert_null(wa_peer_next(s->p));
}


/*
 * The last stanza of a batch comes together with the end of the connection:
 * asking for more fails, and what waited is dropped, that stanza too.  Taken
 * alone it would overtake those before it, which come again.
 */
static void
the_end_of_a_connection_lets_nothing_overtake(void **state)
{
    size_t      i, acks, requests;
    wa_buf_t    bytes = WA_BUF_EMPTY;
    server_t   *s = *state;
    wa_node_t  *m;

    static const char *const  ids[] = { "3EB001", "3EB002", "3EB003" };
    static const uint8_t      close[] = { 0x88, 2, 0x03, 0xe8 };

    say_ib(s, "offline_preview", "count", "400");
    assert_true(is_request(wa_peer_next(s->p)));
    say_offline(s, 197, &acks, &requests);
    assert_int_equal(acks, 197);

    for (i = 0; i < 3; i++) {
        m = wa_node_new(s->arena, "message");
        wa_node_set_str(s->arena, m, "type", "text");
        wa_node_set_str(s->arena, m, "from", "4915100002@s.whatsapp.net");
        wa_node_set_str(s->arena, m, "id", ids[i]);
        wa_node_set_u64(s->arena, m, "offline", 198 + i);
        (void) wa_node_add_new(s->arena, m, "unavailable");
        wa_peer_seal(s->p, m, &bytes);
    }

    assert_int_equal(wa_buf_append(&bytes, close, sizeof(close)), WA_OK);
    (void) wa_account_feed(wa_host_account(s->h), wa_span_buf(&bytes),
                           wa_host_now(s->h));
    wa_host_drain(s->h);
    wa_buf_free(&bytes);

    for (i = 0; i < wa_host_events(s->h); i++) {
        assert_null(strstr(wa_host_event_body(s->h, i), ids[2]));
    }
}


static void
a_dirty_account_is_cleaned(void **state)
{
    size_t            i;
    wa_node_t        *ib, *dirty;
    server_t         *s = *state;
    const wa_node_t  *iq, *clean;

    static const char *const  types[] = {
        "account_sync", "newsletter_metadata"
    };

    ib = wa_node_new(s->arena, "ib");
    dirty = wa_node_add_new(s->arena, ib, "dirty");
    wa_node_set_str(s->arena, dirty, "timestamp", "1767225600");

    for (i = 0; i < 2; i++) {
        wa_node_set_str(s->arena, dirty, "type", types[i]);
        wa_peer_send(s->p, ib);

        iq = wa_peer_expect(s->p, "iq");
        assert_true(wa_node_attr_is(iq, "type", "set"));
        assert_true(wa_node_attr_is(iq, "xmlns", "urn:xmpp:whatsapp:dirty"));
        clean = wa_node_child(iq, "clean");
        assert_true(wa_node_attr_is(clean, "type", types[i]));
        assert_true(wa_node_attr_is(clean, "timestamp", "1767225600"));
        wa_peer_result(s->p, iq, NULL);
    }

    /* What nothing was done about is not declared clean. */
    wa_node_set_str(s->arena, dirty, "type", "groups");
    wa_peer_send(s->p, ib);
    assert_null(wa_peer_next(s->p));
}


/* Without an answer it stays in the offline queue (whatsapp-rust
   client/node_io.rs); one without an id wants none. */
static void
an_unknown_stanza_is_refused(void **state)
{
    wa_node_t        *n;
    server_t         *s = *state;
    const wa_node_t  *ack;

    n = wa_node_new(s->arena, "novelty");
    wa_node_set_str(s->arena, n, "from", "s.whatsapp.net");
    wa_peer_send(s->p, n);
    assert_null(wa_peer_next(s->p));

    wa_node_set_str(s->arena, n, "id", "N1");
    wa_node_set_str(s->arena, n, "offline", "1");
    wa_peer_send(s->p, n);
    ack = wa_peer_expect(s->p, "ack");
    assert_true(wa_node_attr_is(ack, "class", "novelty"));
    assert_true(wa_node_attr_is(ack, "id", "N1"));
    assert_true(wa_node_attr_is(ack, "to", "s.whatsapp.net"));
    assert_true(wa_node_attr_is(ack, "error", "488"));
    assert_null(wa_peer_next(s->p));
    assert_int_equal(wa_host_event_count(s->h, "session.disconnected"), 0);
}


/* By its name or by its namespace; with an id or without (whatsapp-rust
   client/node_io.rs). */
static void
a_ping_is_answered(void **state)
{
    wa_node_t        *n;
    server_t         *s = *state;
    const wa_node_t  *pong;

    n = wa_node_new(s->arena, "iq");
    wa_node_set_str(s->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, n, "type", "get");
    wa_node_set_str(s->arena, n, "xmlns", "urn:xmpp:ping");
    wa_peer_send(s->p, n);
    pong = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(pong, "type", "result"));
    assert_null(wa_node_attr(pong, "id").p);

    n = wa_node_new(s->arena, "iq");
    wa_node_set_str(s->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, n, "type", "get");
    wa_node_set_str(s->arena, n, "id", "P1");
    (void) wa_node_add_new(s->arena, n, "ping");
    wa_peer_send(s->p, n);
    pong = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(pong, "type", "result"));
    assert_true(wa_node_attr_is(pong, "id", "P1"));
}


static void
a_message_from_nowhere_is_acknowledged(void **state)
{
    size_t            i;
    wa_node_t        *n;
    server_t         *s = *state;
    const wa_node_t  *ack;

    static const char *const  from[] = {
        "a:b@lid", "1:2:x@s.whatsapp.net", "x@somewhere.new",
        "0123456789012345678901234567890123456789012345678901234567890123@lid"
    };

    for (i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        n = wa_node_new(s->arena, "message");
        wa_node_set_str(s->arena, n, "id", "M1");
        wa_node_set_str(s->arena, n, "from", from[i]);
        wa_peer_send(s->p, n);

        ack = wa_peer_expect(s->p, "ack");
        assert_true(wa_node_attr_is(ack, "class", "message"));
        assert_true(wa_node_attr_is(ack, "to", from[i]));
    }
}


/* Not logged in yet: there is no link to lose, and dialling again at once
   would go on for ever. */
static void
a_refused_registration_is_not_repeated(void **state)
{
    size_t      i, before;
    wa_node_t  *n;
    server_t   *s;

    static const char *const  ends[][3] = {
        { "failure", "reason", "401" },
        { "failure", "reason", "403" },
        { "stream:error", "code", "401" },
        { "stream:error", "code", "516" }
    };

    for (i = 0; i < 4; i++) {
        s = *state;
        wa_peer_connect(s->p);
        before = wa_host_connects(s->h);
        n = wa_node_new(s->arena, ends[i][0]);
        wa_node_set_str(s->arena, n, ends[i][1], ends[i][2]);
        wa_peer_send(s->p, n);

        assert_int_equal(now_state(s), WA_STATE_AUTH_FAILURE);
        wa_host_advance(s->h, 75000);
        assert_int_equal(wa_host_connects(s->h), before);
        assert_int_equal(wa_host_event_count(s->h, "session.logged_out"), 0);

        (void) teardown(state);
        (void) setup_fresh(state);
    }
}


/* The answer to <active/> is not what the rest of a login hangs on. */
static void
a_refused_activation_does_not_end_the_login(void **state)
{
    wa_node_t        *success;
    server_t         *s = *state;
    const wa_node_t  *iq;

    wa_peer_link(s->p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_connect(s->p);
    success = wa_node_new(s->arena, "success");
    wa_peer_send(s->p, success);

    iq = wa_peer_expect(s->p, "iq");
    assert_non_null(wa_node_child(iq, "active"));
    wa_peer_error(s->p, iq, 500);
    (void) wa_peer_expect(s->p, "ib");
    iq = wa_peer_expect(s->p, "iq");
    assert_non_null(wa_node_child(iq, "count"));
}


static wa_node_t *
pair_device(server_t *s, size_t refs)
{
    wa_node_t  *iq, *dev;

    iq = wa_node_new(s->arena, "iq");
    wa_node_set_str(s->arena, iq, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, iq, "type", "set");
    wa_node_set_str(s->arena, iq, "id", "P1");
    wa_node_set_str(s->arena, iq, "xmlns", "md");
    dev = wa_node_add_new(s->arena, iq, "pair-device");

    for ( /* void */ ; refs > 0; refs--) {
        wa_node_bytes(wa_node_add_new(s->arena, dev, "ref"),
                      wa_span("2@ref", 5));
    }

    return iq;
}


static void
codes_change_after_60_and_then_every_20_seconds(void **state)
{
    size_t            i, connects;
    server_t         *s = *state;
    const wa_node_t  *iq;

    wa_peer_connect(s->p);
    wa_peer_send(s->p, pair_device(s, 3));
    iq = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(iq, "type", "result"));
    assert_true(wa_node_attr_is(iq, "id", "P1"));
    assert_int_equal(now_state(s), WA_STATE_QR);
    connects = wa_host_connects(s->h);

    wa_peer_advance(s->p, 59000);
    assert_int_equal(wa_host_event_count(s->h, "session.qr_code"), 1);
    wa_peer_advance(s->p, 2000);

    for (i = 2; i <= 3; i++) {
        assert_int_equal(wa_host_event_count(s->h, "session.qr_code"), i);
        assert_int_equal(wa_host_connects(s->h), connects);
        wa_peer_advance(s->p, 20000);
    }

    /* They are used up: another connection brings more. */
    assert_int_equal(wa_host_connects(s->h), connects + 1);
    assert_int_equal(now_state(s), WA_STATE_QR);
}


/* The code on show holds a secret that the phone must not use any more. */
static void
a_code_is_drawn_again_on_demand(void **state)
{
    size_t            i;
    json_t           *old, *fresh;
    wa_node_t        *n;
    server_t         *s = *state;
    const wa_node_t  *ack;

    wa_peer_connect(s->p);
    wa_peer_send(s->p, pair_device(s, 3));
    (void) wa_peer_expect(s->p, "iq");
    i = wa_host_events(s->h) - 1;
    assert_string_equal(wa_host_event_type(s->h, i), "session.qr_code");
    old = json_loads(wa_host_event_body(s->h, i), 0, NULL);

    n = wa_node_new(s->arena, "notification");
    wa_node_set_str(s->arena, n, "type", "companion_reg_refresh");
    wa_node_set_str(s->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, n, "id", "R1");
    (void) wa_node_add_new(s->arena, n, "pair-device-rotate-qr");
    wa_peer_send(s->p, n);

    ack = wa_peer_expect(s->p, "ack");
    assert_true(wa_node_attr_is(ack, "class", "notification"));
    assert_true(wa_node_attr_is(ack, "type", "companion_reg_refresh"));
    assert_int_equal(wa_host_event_count(s->h, "session.qr_code"), 2);

    i = wa_host_events(s->h) - 1;
    fresh = json_loads(wa_host_event_body(s->h, i), 0, NULL);
    assert_false(json_equal(json_object_get(old, "data"),
                            json_object_get(fresh, "data")));
    json_decref(old);
    json_decref(fresh);
}


static void
an_answer_that_cannot_be_read_is_refused(void **state)
{
    wa_node_t        *iq, *ps;
    server_t         *s = *state;
    const wa_node_t  *answer;

    wa_peer_connect(s->p);
    wa_peer_send(s->p, pair_device(s, 3));
    (void) wa_peer_expect(s->p, "iq");

    iq = wa_node_new(s->arena, "iq");
    wa_node_set_str(s->arena, iq, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, iq, "type", "set");
    wa_node_set_str(s->arena, iq, "id", "P2");
    wa_node_set_str(s->arena, iq, "xmlns", "md");
    ps = wa_node_add_new(s->arena, iq, "pair-success");
    wa_node_bytes(wa_node_add_new(s->arena, ps, "device-identity"),
                  wa_span("\xff\xff", 2));
    wa_peer_send(s->p, iq);

    answer = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(answer, "type", "error"));
    assert_true(wa_node_attr_is(answer, "id", "P2"));
    assert_true(wa_node_attr_is(wa_node_child(answer, "error"), "code",
                                "500"));
    assert_int_equal(now_state(s), WA_STATE_AUTH_FAILURE);
}


static void
a_passkey_is_asked_for_in_vain(void **state)
{
    char             *view;
    wa_node_t        *n;
    server_t         *s = *state;
    const wa_node_t  *iq;

    wa_peer_connect(s->p);
    wa_peer_send(s->p, pair_device(s, 3));
    (void) wa_peer_expect(s->p, "iq");

    n = wa_node_new(s->arena, "notification");
    wa_node_set_str(s->arena, n, "type", "passkey_prologue_request");
    wa_node_set_str(s->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(s->arena, n, "id", "K1");
    wa_peer_send(s->p, n);
    assert_true(wa_node_attr_is(wa_peer_expect(s->p, "ack"), "type",
                                "passkey_prologue_request"));
    iq = wa_peer_expect(s->p, "iq");
    assert_non_null(wa_node_child(iq, "passkey_request_options"));
    wa_peer_error(s->p, iq, 500);
    assert_int_equal(now_state(s), WA_STATE_QR);

    wa_host_submit(s->h, WA_OP_START, json_object());
    view = json_dumps(wa_host_reply(s->h)->data, 0);
    assert_non_null(strstr(view, "passkey"));
    free(view);
}


/* A server with nothing to show: the wait has an end, and no deadline stays
   in the past, where it would wake the host for ever. */
static void
a_pairing_without_refs_ends(void **state)
{
    int               i;
    server_t         *s = *state;
    const wa_node_t  *iq;

    wa_peer_connect(s->p);
    wa_peer_send(s->p, pair_device(s, 0));
    iq = wa_peer_expect(s->p, "iq");
    assert_true(wa_node_attr_is(iq, "type", "result"));

    for (i = 0; i < 60; i++) {
        wa_host_advance(s->h, 20000);
        assert_true(wa_account_deadline(wa_host_account(s->h)) == -1
                    || wa_account_deadline(wa_host_account(s->h))
                       > wa_host_now(s->h));
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define F(f)  cmocka_unit_test_setup_teardown(f, setup_fresh, teardown)
    const struct CMUnitTest  tests[] = {
        T(a_long_offline_queue_is_asked_for_batch_by_batch),
        T(an_offline_queue_that_stops_is_asked_for_again),
        T(a_server_without_an_offline_queue_is_not_waited_for),
        T(a_queue_that_was_told_of_is_waited_for),
        T(a_lost_connection_ends_the_asking),
        T(the_end_of_a_connection_lets_nothing_overtake),
        T(a_dirty_account_is_cleaned),
        T(an_unknown_stanza_is_refused),
        T(a_ping_is_answered),
        T(a_message_from_nowhere_is_acknowledged),
        F(a_refused_registration_is_not_repeated),
        F(a_refused_activation_does_not_end_the_login),
        F(codes_change_after_60_and_then_every_20_seconds),
        F(a_code_is_drawn_again_on_demand),
        F(an_answer_that_cannot_be_read_is_refused),
        F(a_passkey_is_asked_for_in_vain),
        F(a_pairing_without_refs_ends)
    };
#undef T
#undef F

    return cmocka_run_group_tests(tests, NULL, NULL);
}
