/* Privacy tokens: given, received, shown; who is cold. */
#include "wa_room_pair.h"

#include "wa_hashes.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_report.h"


#define WEEK_S     604800


static int64_t
now_s(room_t *r)
{
    return wa_unix_s(room_account(r, 0));
}


/* Sends to Bob and answers the stanza. */
static wa_node_t *
text(room_t *r, const char *to)
{
    wa_node_t  *m;

    room_send(r, 0, to, "hello");
    room_run(r);
    assert_null(wa_host_reply(r->side[0].h)->code);
    m = room_last(r, 0, "message", NULL);
    assert_non_null(m);

    return m;
}


static bool
cold(room_t *r)
{
    return json_is_true(json_object_get(wa_host_reply(r->side[0].h)->data,
                                        "cold"));
}


/* How many tokens Alice gave away; *t and *jid of the last one. */
static size_t
given(room_t *r, uint64_t *t, wa_jid_t *jid)
{
    size_t      k, n;
    wa_node_t  *token;

    for (k = 0, n = 0; k < r->n_log; k++) {
        token = wa_node_child(wa_node_child(r->log[k], "tokens"), "token");

        if (r->from[k] != 0 || token == NULL) {
            continue;
        }

        assert_true(wa_node_attr_is(r->log[k], "xmlns", "privacy"));
        assert_true(wa_node_attr_is(r->log[k], "type", "set"));
        assert_true(wa_node_attr_is(token, "type", "trusted_contact"));
        assert_true(wa_node_attr_u64(token, "t", t));
        assert_true(wa_node_attr_jid(token, "jid", jid));
        n++;
    }

    return n;
}


/* Bob's token reaches Alice; the notification must be acknowledged. */
static void
token(room_t *r, const char *from, const char *lid, int64_t made_s,
    const char *bytes)
{
    size_t      acks;
    wa_node_t  *n, *k;

    acks = room_count(r, 0, "ack", "privacy_token");
    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n1");
    wa_node_set_str(&r->arena, n, "type", "privacy_token");
    wa_node_set_str(&r->arena, n, "from", from);

    if (lid != NULL) {
        wa_node_set_str(&r->arena, n, "sender_lid", lid);
    }

    k = wa_node_add_new(&r->arena, wa_node_add_new(&r->arena, n, "tokens"),
                        "token");
    wa_node_set_str(&r->arena, k, "type", "trusted_contact");
    wa_node_set_str(&r->arena, k, "jid", ALICE_PN ":5@s.whatsapp.net");
    wa_node_set_u64(&r->arena, k, "t", (uint64_t) made_s);
    wa_node_bytes(k, wa_span_str(bytes));
    room_feed(r, 0, n);
    room_run(r);
    assert_int_equal(room_count(r, 0, "ack", "privacy_token"), acks + 1);
}


static void
ours_is_given_once_a_week(void **state)
{
    room_t    *r = *state;
    uint64_t   t;
    wa_jid_t   jid;

    (void) text(r, BOB_PN);
    assert_int_equal(given(r, &t, &jid), 1);
    assert_int_equal(t, now_s(r));
    assert_int_equal(jid.server, WA_SERVER_LID);
    assert_string_equal(jid.user, BOB_LID);

    (void) text(r, BOB_PN);
    room_restart(r, 0);
    (void) text(r, BOB_LID "@lid");
    assert_int_equal(given(r, &t, &jid), 1);

    /* Refused messages introduce nobody. */

    r->ack_error = 463;
    room_send(r, 0, BOB_PN, "no");
    wa_host_advance(r->side[0].h, (wa_time_t) WEEK_S * 1000);
    room_send(r, 0, BOB_PN, "no");
    room_run(r);
    assert_int_equal(given(r, &t, &jid), 1);

    r->ack_error = 0;
    (void) text(r, BOB_PN);
    assert_int_equal(given(r, &t, &jid), 2);
    assert_int_equal(t, now_s(r));
}


/* A burst to one contact gives one token. */
static void
many_messages_give_one_token(void **state)
{
    room_t    *r = *state;
    size_t     i;
    uint64_t   t;
    wa_jid_t   jid;

    for (i = 0; i < 5; i++) {
        room_send(r, 0, BOB_PN, "hello");
    }

    room_run(r);
    assert_int_equal(room_count(r, 0, "message", NULL), 5);
    assert_int_equal(given(r, &t, &jid), 1);
}


static void
a_contacts_token_goes_with_each_message(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    m = text(r, BOB_PN);
    assert_null(wa_node_child(m, "tctoken"));
    assert_null(wa_node_child(m, "cstoken"));
    assert_true(cold(r));

    token(r, BOB_LID "@lid", NULL, now_s(r), "token two");
    m = text(r, BOB_PN);
    assert_true(wa_span_eq_str(wa_node_child_content(m, "tctoken"),
                               "token two"));
    assert_null(wa_node_child(m, "cstoken"));
    assert_false(cold(r));

    /* An older one than we have changes nothing, the next one does. */

    token(r, BOB_LID "@lid", NULL, now_s(r) - 1, "token one");
    m = text(r, BOB_PN);
    assert_true(wa_span_eq_str(wa_node_child_content(m, "tctoken"),
                               "token two"));
    token(r, BOB_PN "@s.whatsapp.net", NULL, now_s(r) + 1, "token three");
    room_restart(r, 0);
    m = text(r, BOB_LID "@lid");
    assert_true(wa_span_eq_str(wa_node_child_content(m, "tctoken"),
                               "token three"));

    /* Four weeks later it is of no use. */

    wa_host_advance(r->side[0].h, (wa_time_t) 4 * WEEK_S * 1000);
    m = text(r, BOB_PN);
    assert_null(wa_node_child(m, "tctoken"));
    assert_true(cold(r));
}


/* And with the one that is asked for again. */
static void
a_resend_carries_the_token(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;

    (void) text(r, BOB_PN);
    room_send(r, 1, ALICE_PN, "hello Alice");
    room_run(r);
    token(r, BOB_LID "@lid", NULL, now_s(r), "token");
    r->spoil = true;
    room_send(r, 0, BOB_PN, "spoilt");
    room_run(r);
    m = room_last(r, 0, "message", NULL);
    assert_true(wa_node_attr_is(m, "device_fanout", "false"));
    assert_true(wa_span_eq_str(wa_node_child_content(m, "tctoken"),
                               "token"));
}


static void
odd_tokens_are_only_acknowledged(void **state)
{
    room_t     *r = *state;
    wa_node_t  *m;
    char        big[WA_TRUST_TOKEN_MAX + 2];

    (void) text(r, BOB_PN);
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    token(r, BOB_LID "@lid", NULL, now_s(r), big);
    token(r, BOB_LID "@lid", NULL, now_s(r), "");
    token(r, BOB_LID "@lid", NULL, 0, "no time");
    token(r, "s.whatsapp.net", NULL, now_s(r), "nobody's");
    token(r, "123@g.us", NULL, now_s(r), "a group's");
    m = text(r, BOB_PN);
    assert_null(wa_node_child(m, "tctoken"));
}


/* It is kept under the number until the LID is known. */
static void
a_token_follows_its_owner_to_the_lid(void **state)
{
    room_t        *r = *state;
    wa_jid_t       jid;
    wa_node_t     *m;
    wa_trust_t     trust;

    token(r, BOB_PN "@s.whatsapp.net", NULL, now_s(r), "by number");
    m = text(r, BOB_PN);
    assert_true(wa_span_eq_str(wa_node_child_content(m, "tctoken"),
                               "by number"));
    assert_null(wa_host_record(r->side[0].h,
                               "trust/" BOB_PN "@s.whatsapp.net", 0).p);

    assert_int_equal(wa_jid_make(&jid, wa_span_str(BOB_LID), WA_SERVER_LID,
                                 0), WA_OK);
    wa_trust_get(room_account(r, 0), &jid, &trust);
    assert_int_equal(trust.received_s, now_s(r));
    assert_int_equal(trust.issued_s, now_s(r));
}


/* The notification is the first that tells both addresses. */
static void
a_token_brings_the_pair(void **state)
{
    room_t    *r = *state;
    wa_jid_t   pn, lid;

    token(r, BOB_PN "@s.whatsapp.net", BOB_LID "@lid", now_s(r), "token");
    assert_int_equal(wa_jid_make(&pn, wa_span_str(BOB_PN), WA_SERVER_PN, 0),
                     WA_OK);
    assert_true(wa_lid_of(room_account(r, 0), &pn, &lid));
    assert_string_equal(lid.user, BOB_LID);
    assert_non_null(wa_host_record(r->side[0].h, "trust/" BOB_LID "@lid",
                                   0).p);
}


static void
who_wrote_to_us_is_not_cold(void **state)
{
    room_t  *r = *state;

    (void) text(r, BOB_PN);
    assert_true(cold(r));
    room_send(r, 1, ALICE_PN, "hello Alice");
    room_run(r);
    (void) text(r, BOB_PN);
    assert_false(cold(r));

    /* A note to oneself goes to nobody new. */

    room_send(r, 0, ALICE_PN, "note");
    room_run(r);
    assert_false(cold(r));
}


static void
a_cstoken_stands_in(void **state)
{
    room_t     *r = *state;
    uint8_t     want[32];
    wa_unit_t  *u;
    wa_node_t  *m;

    static const uint8_t  salt[32] = { 1, 2, 3 };

    u = wa_unit_new(room_account(r, 0));
    assert_int_equal(wa_privacy_salt(u, wa_span(salt, sizeof(salt))), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);

    m = text(r, BOB_PN);
    assert_int_equal(wa_cstoken(wa_span(salt, sizeof(salt)),
                                wa_span_str(BOB_LID "@lid"), want), WA_OK);
    assert_int_equal(wa_node_child_content(m, "cstoken").n, 32);
    assert_memory_equal(wa_node_child_content(m, "cstoken").p, want, 32);
    assert_true(cold(r));

    token(r, BOB_LID "@lid", NULL, now_s(r), "token");
    m = text(r, BOB_PN);
    assert_null(wa_node_child(m, "cstoken"));
    assert_non_null(wa_node_child(m, "tctoken"));

    u = wa_unit_new(room_account(r, 0));
    assert_int_equal(wa_privacy_salt(u, wa_span_none()), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    room_kick(r, 0);
    assert_null(wa_host_record(r->side[0].h, "nct", 0).p);
}


static void
every_text_can_be_reported(void **state)
{
    room_t           *r = *state;
    wa_node_t        *m;
    const wa_node_t  *k;

    m = text(r, BOB_PN);
    k = wa_node_child(wa_node_child(m, "reporting"), "reporting_token");
    assert_true(wa_node_attr_is(k, "v", "2"));
    assert_int_equal(wa_node_content(k).n, WA_REPORT_TOKEN_LEN);
}


/* Whoever registered anew gets our token again, as old as it is. */
static void
a_new_registration_gets_the_token_again(void **state)
{
    room_t     *r = *state;
    int64_t     first;
    uint64_t    t;
    wa_jid_t    jid;
    wa_node_t  *n;

    (void) text(r, BOB_PN);
    first = now_s(r);
    wa_host_advance(r->side[0].h, 10000);

    n = wa_node_new(&r->arena, "notification");
    wa_node_set_str(&r->arena, n, "id", "n1");
    wa_node_set_str(&r->arena, n, "type", "encrypt");
    wa_node_set_str(&r->arena, n, "from", BOB_PN "@s.whatsapp.net");
    (void) wa_node_add_new(&r->arena, n, "identity");
    room_feed(r, 0, n);
    room_run(r);

    assert_int_equal(given(r, &t, &jid), 2);
    assert_int_equal(t, first);
    assert_string_equal(jid.user, BOB_LID);
    assert_int_equal(room_events(r, 0, "identity.changed"), 1);
}


/* Under an Idempotency-Key, too, and after a crash. */
static void
a_repeat_is_as_cold_as_the_first(void **state)
{
    size_t   i;
    room_t  *r = *state;

    static const char  hash[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    for (i = 0; i < 3; i++) {
        wa_host_submit(r->side[0].h, WA_OP_SEND,
                       json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}",
                                 "to", BOB_PN, "type", "text", "text", "x",
                                 "idempotency", "key", hash, "body", hash));
        room_run(r);
        assert_null(wa_host_reply(r->side[0].h)->code);
        assert_true(cold(r));

        if (i == 1) {
            room_restart(r, 0);
        }
    }

    assert_int_equal(room_count(r, 0, "message", NULL), 1);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(ours_is_given_once_a_week),
        T(many_messages_give_one_token),
        T(a_contacts_token_goes_with_each_message),
        T(a_resend_carries_the_token),
        T(odd_tokens_are_only_acknowledged),
        T(a_token_follows_its_owner_to_the_lid),
        T(a_token_brings_the_pair),
        T(who_wrote_to_us_is_not_cold),
        T(a_cstoken_stands_in),
        T(every_text_can_be_reported),
        T(a_new_registration_gets_the_token_again),
        T(a_repeat_is_as_cold_as_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
