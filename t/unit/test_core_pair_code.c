/* Linking by code: its times, and what the phone's side may get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_crypto.h"
#include "wa_host.h"
#include "wa_peer.h"


#define REF  "3@ref"

typedef struct {
    wa_host_t   *h;
    wa_peer_t   *p;
    wa_arena_t  *arena;
} code_t;


/* A QR code is shown. */
static int
setup(void **state)
{
    wa_node_t      *iq, *dev, *ref;
    static code_t   c;

    c.h = wa_host_create();
    c.p = wa_peer_create(c.h);
    c.arena = wa_peer_arena(c.p);
    wa_host_make(c.h);
    wa_peer_connect(c.p);

    iq = wa_node_new(c.arena, "iq");
    wa_node_set_str(c.arena, iq, "type", "set");
    wa_node_set_str(c.arena, iq, "from", "s.whatsapp.net");
    wa_node_set_str(c.arena, iq, "id", "P1");
    wa_node_set_str(c.arena, iq, "xmlns", "md");
    dev = wa_node_add_new(c.arena, iq, "pair-device");
    ref = wa_node_add_new(c.arena, dev, "ref");
    wa_node_bytes(ref, wa_span_str("2@qr"));
    wa_peer_send(c.p, iq);
    (void) wa_peer_expect(c.p, "iq");
    *state = &c;

    return 0;
}


static int
teardown(void **state)
{
    code_t  *c = *state;

    wa_peer_free(c->p);
    wa_host_free(c->h);

    return 0;
}


static wa_state_e
now_state(code_t *c)
{
    return wa_account_state(wa_host_account(c->h));
}


static void
ask(code_t *c)
{
    wa_host_submit(c->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "pair.code",
                             "phone_number", "15550001111"));
}


/* The companion_hello that went out, answered. */
static void
answer_hello(code_t *c, const char *push)
{
    wa_node_t        *reg, *ref;
    const wa_node_t  *iq, *asked;

    iq = wa_peer_expect(c->p, "iq");
    asked = wa_node_child(iq, "link_code_companion_reg");
    assert_true(wa_node_attr_is(asked, "stage", "companion_hello"));
    assert_true(wa_node_attr_is(asked, "jid", "15550001111@s.whatsapp.net"));
    assert_true(wa_node_attr_is(asked, "should_show_push_notification",
                                push));

    reg = wa_node_new(c->arena, "link_code_companion_reg");
    ref = wa_node_add_new(c->arena, reg, "link_code_pairing_ref");
    wa_node_bytes(ref, wa_span_str(REF));
    wa_peer_result(c->p, iq, reg);
}


static void
codes_are_renewed_until_nobody_cares(void **state)
{
    code_t  *c = *state;
    size_t   i;

    assert_int_equal(now_state(c), WA_STATE_QR);
    ask(c);
    assert_int_equal(wa_host_replies(c->h), 1);     /* of the creation */
    answer_hello(c, "true");
    assert_int_equal(wa_host_replies(c->h), 2);
    assert_null(wa_host_reply(c->h)->code);
    assert_int_equal(now_state(c), WA_STATE_CODE);
    assert_int_equal(wa_host_event_count(c->h, "session.pairing_code"), 1);

    /* No more QR codes, and no other connection for want of them. */

    for (i = 2; i <= 3; i++) {
        wa_peer_advance(c->p, 178000);
        assert_null(wa_peer_next(c->p));
        wa_peer_advance(c->p, 2500);
        answer_hello(c, "false");
        assert_int_equal(wa_host_event_count(c->h, "session.pairing_code"),
                         i);
    }

    assert_int_equal(wa_host_event_count(c->h, "session.qr_code"), 1);
    assert_int_equal(wa_host_closes(c->h), 0);

    wa_peer_advance(c->p, 180500);
    answer_hello(c, "false");
    wa_peer_advance(c->p, 70000);
    assert_int_equal(now_state(c), WA_STATE_AUTH_FAILURE);
}


/* <notification><link_code_companion_reg stage=primary_hello> */
static void
say_hello(code_t *c, const char *ref, size_t wrapped, uint8_t identity)
{
    uint8_t     key[32], bytes[100];
    wa_node_t  *n, *reg;

    memset(key, 0, sizeof(key));
    memset(bytes, 7, sizeof(bytes));
    key[0] = identity;

    n = wa_node_new(c->arena, "notification");
    wa_node_set_str(c->arena, n, "type", "link_code_companion_reg");
    wa_node_set_str(c->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(c->arena, n, "id", "77");
    reg = wa_node_add_new(c->arena, n, "link_code_companion_reg");
    wa_node_set_str(c->arena, reg, "stage", "primary_hello");
    wa_node_bytes(wa_node_add_new(c->arena, reg, "link_code_pairing_ref"),
                  wa_span_str(ref));
    wa_node_bytes(wa_node_add_new(c->arena, reg,
                      "link_code_pairing_wrapped_primary_ephemeral_pub"),
                  wa_span(bytes, wrapped));
    wa_node_bytes(wa_node_add_new(c->arena, reg, "primary_identity_pub"),
                  wa_span(key, sizeof(key)));
    wa_peer_send(c->p, n);
    assert_true(wa_node_attr_is(wa_peer_expect(c->p, "ack"), "class",
                                "notification"));
}


static void
wrong_answers_of_the_phone_are_waited_behind(void **state)
{
    code_t  *c = *state;
    size_t   i;

    ask(c);
    answer_hello(c, "true");

    say_hello(c, "3@other", 80, 9);
    say_hello(c, REF, 79, 9);
    say_hello(c, REF, 81, 9);
    assert_null(wa_peer_next(c->p));

    /* A key of small order is no key. */

    say_hello(c, REF, 80, 0);
    assert_null(wa_peer_next(c->p));
    assert_int_equal(now_state(c), WA_STATE_CODE);

    /* Two good ones are left of three attempts. */

    for (i = 0; i < 2; i++) {
        say_hello(c, REF, 80, 9);
        assert_true(wa_node_attr_is(
            wa_node_child(wa_peer_expect(c->p, "iq"),
                          "link_code_companion_reg"),
            "stage", "companion_finish"));
        wa_peer_advance(c->p, 61000);
    }

    say_hello(c, REF, 80, 9);
    assert_null(wa_peer_next(c->p));
}


/* What verifies the phone's signature is durable before the phone can. */
static void
secret_is_stored_before_the_bundle_leaves(void **state)
{
    code_t     *c = *state;
    wa_span_t   before;
    uint8_t    *copy;

    ask(c);
    answer_hello(c, "true");
    before = wa_host_record(c->h, "creds", 0);
    copy = malloc(before.n);
    assert_non_null(copy);
    memcpy(copy, before.p, before.n);

    say_hello(c, REF, 79, 9);       /* its ack needs no commit */
    wa_host_hold(c->h, true);
    say_hello(c, REF, 80, 9);
    assert_int_equal(wa_host_held(c->h), 1);
    assert_null(wa_peer_next(c->p));

    wa_host_hold(c->h, false);
    assert_non_null(wa_peer_next(c->p));
    assert_memory_not_equal(copy, wa_host_record(c->h, "creds", 0).p, 60);
    free(copy);
}


static void
refusals_are_told_and_lead_back_to_the_qr_code(void **state)
{
    size_t            replies;
    code_t           *c = *state;
    const wa_node_t  *iq;

    ask(c);
    iq = wa_peer_expect(c->p, "iq");
    replies = wa_host_replies(c->h);
    wa_host_hold(c->h, true);
    wa_peer_error(c->p, iq, 500);
    assert_int_equal(wa_host_replies(c->h), replies);
    wa_host_hold(c->h, false);

    while (wa_host_held(c->h) != 0) {
        wa_host_confirm(c->h);
    }

    assert_string_equal(wa_host_reply(c->h)->code, "SEND_FAILED");
    assert_int_equal(now_state(c), WA_STATE_QR);

    /* Asked twice at once: one of them. */

    ask(c);
    ask(c);
    assert_string_equal(wa_host_reply(c->h)->code, "INVALID_STATE");
    answer_hello(c, "true");
    assert_null(wa_host_reply(c->h)->code);
    assert_int_equal(now_state(c), WA_STATE_CODE);

    /* The server does not answer any more. */

    ask(c);
    (void) wa_peer_expect(c->p, "iq");
    wa_peer_advance(c->p, 26000);
    assert_string_equal(wa_host_reply(c->h)->code, "OWNER_TIMEOUT");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(codes_are_renewed_until_nobody_cares,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            wrong_answers_of_the_phone_are_waited_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(
            secret_is_stored_before_the_bundle_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(
            refusals_are_told_and_lead_back_to_the_qr_code, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
