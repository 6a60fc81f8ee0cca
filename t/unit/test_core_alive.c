/* Liveness by traffic, what an account counts, and what it worries about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_alive.h"
#include "wa_alive_pulse.h"
#include "wa_host.h"
#include "wa_peer.h"


typedef struct {
    wa_host_t  *h;
    wa_peer_t  *p;
} bench_t;


static void
end_of_queue(bench_t *b)
{
    wa_node_t  *n;

    n = wa_node_new(wa_peer_arena(b->p), "ib");
    (void) wa_node_add_new(wa_peer_arena(b->p), n, "offline");
    wa_peer_send(b->p, n);
    assert_int_equal(wa_account_state(wa_host_account(b->h)),
                     WA_STATE_READY);
}


static int
setup(void **state)
{
    static bench_t  b;

    b.h = wa_host_create();
    b.p = wa_peer_create(b.h);
    wa_host_make(b.h);
    wa_peer_link(b.p, "15550001111:3@s.whatsapp.net", "222:3@lid");
    wa_peer_login(b.p);
    end_of_queue(&b);
    *state = &b;

    return 0;
}


static int
teardown(void **state)
{
    bench_t  *b = *state;

    wa_peer_free(b->p);
    wa_host_free(b->h);

    return 0;
}


/* ---- helpers ---- */

static wa_state_e
state_of(bench_t *b)
{
    return wa_account_state(wa_host_account(b->h));
}


/* Something of the server's own accord. */
static void
chatter(bench_t *b)
{
    wa_node_t  *n;

    n = wa_node_new(wa_peer_arena(b->p), "chatstate");
    wa_node_set_str(wa_peer_arena(b->p), n, "from", "333@lid");
    wa_peer_send(b->p, n);
}


/* The n-th event of this type as its "data"; new reference. */
static json_t *
event_data(bench_t *b, const char *type, size_t nth)
{
    size_t   i;
    json_t  *body, *data;

    for (i = 0; i < wa_host_events(b->h); i++) {

        if (strcmp(wa_host_event_type(b->h, i), type) == 0 && nth-- == 0) {
            body = json_loads(wa_host_event_body(b->h, i), 0, NULL);
            data = json_incref(json_object_get(body, "data"));
            json_decref(body);
            return data;
        }
    }

    fail_msg("no event %s", type);

    return NULL;
}


static void
expect_reason(bench_t *b, const char *type, size_t nth, const char *reason)
{
    json_t  *data;

    data = event_data(b, type, nth);
    assert_string_equal(json_string_value(json_object_get(data, "reason")),
                        reason);
    json_decref(data);
}


/* Borrowed until the next reply. */
static const json_t *
health(bench_t *b)
{
    wa_host_submit(b->h, WA_OP_QUERY,
                   json_pack("{s:s, s:i, s:{s:s}}", "verb", "account.health",
                             "undelivered_webhooks", 3, "owner", "node",
                             "here"));
    assert_null(wa_host_reply(b->h)->code);

    return wa_host_reply(b->h)->data;
}


static json_int_t
number(const json_t *o, const char *name)
{
    assert_true(json_is_integer(json_object_get(o, name)));

    return json_integer_value(json_object_get(o, name));
}


static bool
view_says(bench_t *b, const char *reason)
{
    bool        found;
    size_t      i;
    json_t     *view, *list;
    wa_span_t   s;

    s = wa_host_record(b->h, WA_RECORD_VIEW, 0);
    view = json_loadb((const char *) s.p, s.n, 0, NULL);
    list = json_object_get(view, "degraded");
    assert_true(json_is_array(list));
    found = false;

    for (i = 0; i < json_array_size(list); i++) {
        found |= strcmp(json_string_value(json_array_get(list, i)), reason)
                 == 0;
    }

    json_decref(view);

    return found;
}


/* ---- the connection ---- */

static void
a_server_that_answers_is_left_alone(void **state)
{
    bench_t  *b = *state;
    size_t    before;

    before = wa_host_connects(b->h);
    wa_peer_advance(b->p, 3600 * 1000);
    assert_int_equal(state_of(b), WA_STATE_READY);
    assert_int_equal(wa_host_connects(b->h), before);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 0);
    assert_true(number(health(b), "ping_rtt_ms") >= 0);
}


static void
silence_means_connecting_at_once_and_a_concern(void **state)
{
    json_t   *data;
    bench_t  *b = *state;
    size_t    before, events;

    before = wa_host_connects(b->h);
    events = wa_host_event_count(b->h, "session.status");
    wa_host_advance(b->h, 19 * 1000);
    assert_int_equal(state_of(b), WA_STATE_READY);

    wa_host_advance(b->h, 32 * 1000);
    assert_int_equal(state_of(b), WA_STATE_CONNECTING);
    assert_int_equal(wa_host_connects(b->h), before + 1);
    assert_int_equal(wa_host_event_count(b->h, "session.disconnected"), 0);
    expect_reason(b, "account.degraded", 0, "deaf");
    assert_true(view_says(b, "deaf"));

    data = event_data(b, "session.status", events);
    assert_string_equal(json_string_value(json_object_get(data, "state")),
                        "CONNECTING");
    assert_string_equal(json_string_value(json_object_get(data, "reason")),
                        "server does not answer pings");
    json_decref(data);

    wa_peer_login(b->p);
    assert_true(view_says(b, "deaf"));
    end_of_queue(b);
    expect_reason(b, "account.degraded_cleared", 0, "deaf");
    assert_false(view_says(b, "deaf"));
    assert_int_equal(number(health(b), "reconnects_24h"), 1);
}


/* Our way out is dead: messages come, but nothing we say is heard. */
static void
a_server_that_talks_but_does_not_hear_us_is_left(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    for (i = 0; i < 16; i++) {
        wa_host_advance(b->h, 5 * 1000);
        chatter(b);
        assert_int_equal(state_of(b), WA_STATE_READY);
    }

    for (i = 0; i < 10 && state_of(b) == WA_STATE_READY; i++) {
        wa_host_advance(b->h, 5 * 1000);

        if (state_of(b) == WA_STATE_READY) {
            chatter(b);
        }
    }

    assert_int_equal(state_of(b), WA_STATE_CONNECTING);
    expect_reason(b, "account.degraded", 0, "deaf");
}


/* Acks are answers: under load no ping is needed. */
static void
answers_to_other_things_prove_life(void **state)
{
    size_t       i;
    wa_node_t   *ack;
    bench_t     *b = *state;

    for (i = 0; i < 30; i++) {
        wa_host_advance(b->h, 10 * 1000);
        ack = wa_node_new(wa_peer_arena(b->p), "ack");
        wa_node_set_str(wa_peer_arena(b->p), ack, "class", "receipt");
        wa_node_set_str(wa_peer_arena(b->p), ack, "id", "1");
        wa_peer_send(b->p, ack);
    }

    /* The peer answers pings whenever it is asked for stanzas. */

    while (wa_peer_next(b->p) != NULL) {
        /* void */
    }

    assert_true(json_is_null(json_object_get(health(b), "ping_rtt_ms")));
    assert_int_equal(state_of(b), WA_STATE_READY);
}


/* The link is gone for good: no dialling in a circle. */
static void
a_server_that_falls_silent_again_and_again_is_followed_slowly(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    wa_host_account(b->h)->engine->conf.deaf_after_ms = 5000;
    wa_peer_drop(b->p);
    wa_host_advance(b->h, 2000);
    wa_peer_login(b->p);
    end_of_queue(b);

    for (i = 0; i < 3; i++) {
        wa_host_advance(b->h, 6 * 1000);
        assert_int_equal(state_of(b), WA_STATE_CONNECTING);
        wa_peer_login(b->p);
        end_of_queue(b);
    }

    wa_host_advance(b->h, 6 * 1000);
    assert_int_equal(state_of(b), WA_STATE_DISCONNECTED);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 4);
}


/* ---- the clock ---- */

static void
login_at(bench_t *b, int64_t unix_s)
{
    char        text[24];
    wa_node_t  *n;

    wa_peer_drop(b->p);
    wa_host_advance(b->h, 2000);
    wa_peer_connect(b->p);
    n = wa_node_new(wa_peer_arena(b->p), "success");
    (void) snprintf(text, sizeof(text), "%lld", (long long) unix_s);
    wa_node_set_str(wa_peer_arena(b->p), n, "t", text);
    wa_peer_send(b->p, n);
}


static void
a_clock_that_is_wrong_is_told(void **state)
{
    int64_t   now, skew;
    bench_t  *b = *state;

    now = wa_unix_s(wa_host_account(b->h));
    login_at(b, now - 7200);
    expect_reason(b, "account.degraded", 0, "clock");

    skew = (int64_t) number(health(b), "clock_skew_ms");
    assert_true(skew > 7190 * 1000 && skew < 7210 * 1000);

    login_at(b, wa_unix_s(wa_host_account(b->h)));
    expect_reason(b, "account.degraded_cleared", 0, "clock");
    assert_true(llabs((long long) number(health(b), "clock_skew_ms"))
                < 4000);
}


static void
absurd_times_are_not_believed(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    static const int64_t  times[] = {
        0, -1, INT64_MIN, INT64_MAX, INT64_C(253402300799)
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        login_at(b, times[i]);
    }

    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 0);
}


/* ---- disks ---- */

static void
a_full_disk_is_told_once_and_survives_a_restart(void **state)
{
    bench_t  *b = *state;

    wa_engine_set_full(wa_host_engine(b->h), false);
    wa_host_advance(b->h, 1);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 0);

    wa_engine_set_full(wa_host_engine(b->h), true);
    assert_true(wa_account_deadline(wa_host_account(b->h))
                <= wa_host_now(b->h));
    wa_host_advance(b->h, 1);
    expect_reason(b, "account.degraded", 0, "storage");
    assert_true(view_says(b, "storage"));

    assert_int_equal(state_of(b), WA_STATE_READY);
    wa_host_restart(b->h);
    wa_host_advance(b->h, 1000);
    assert_true(view_says(b, "storage"));
    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 1);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded_cleared"),
                     0);

    wa_engine_set_full(wa_host_engine(b->h), false);
    wa_host_advance(b->h, 1);
    expect_reason(b, "account.degraded_cleared", 0, "storage");
    assert_false(view_says(b, "storage"));
}


/* What another host told is kept until this one knows better. */
static void
a_host_that_does_not_know_its_disks_leaves_the_concern(void **state)
{
    bench_t  *b = *state;

    wa_engine_set_full(wa_host_engine(b->h), true);
    wa_host_submit(b->h, WA_OP_STOP, NULL);
    wa_host_advance(b->h, 1);
    expect_reason(b, "account.degraded", 0, "storage");

    wa_host_engine(b->h)->room = 0;
    wa_host_restart(b->h);
    wa_host_advance(b->h, 60 * 1000);
    assert_true(view_says(b, "storage"));
    assert_int_equal(wa_host_event_count(b->h, "account.degraded_cleared"),
                     0);

    wa_engine_set_full(wa_host_engine(b->h), false);
    wa_host_advance(b->h, 1);
    expect_reason(b, "account.degraded_cleared", 0, "storage");
}


/* ---- decryption ---- */

static void
undecryptable(bench_t *b, size_t i)
{
    char         id[24];
    wa_node_t   *n, *enc;
    wa_arena_t  *ar = wa_peer_arena(b->p);

    (void) snprintf(id, sizeof(id), "3EB0%08zX", i);
    n = wa_node_new(ar, "message");
    wa_node_set(ar, n, "id", wa_span_str(id));
    wa_node_set_str(ar, n, "from", "333:0@lid");
    wa_node_set_str(ar, n, "type", "text");
    wa_node_set_u64(ar, n, "t",
                    (uint64_t) wa_unix_s(wa_host_account(b->h)));
    enc = wa_node_add_new(ar, n, "enc");
    wa_node_set_str(ar, enc, "v", "2");
    wa_node_set_str(ar, enc, "type", "msg");
    wa_node_bytes(enc, wa_span_str("no ciphertext of anybody"));
    wa_peer_send(b->p, n);
    wa_host_advance(b->h, 25);
}


static void
many_messages_that_do_not_decrypt_are_a_concern_for_a_while(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    for (i = 0; i < WA_ALIVE_DECRYPT_MAX - 1; i++) {
        undecryptable(b, i);
    }

    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 0);

    /* The same one again is the same failure. */
    undecryptable(b, 0);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded"), 0);

    undecryptable(b, i);
    expect_reason(b, "account.degraded", 0, "decrypt");
    assert_int_equal(number(health(b), "decrypt_failures_24h"),
                     WA_ALIVE_DECRYPT_MAX);

    wa_peer_advance(b->p, 20 * 60 * 1000);
    assert_int_equal(wa_host_event_count(b->h, "account.degraded_cleared"),
                     0);
    wa_peer_advance(b->p, 15 * 60 * 1000);
    expect_reason(b, "account.degraded_cleared", 0, "decrypt");
}


static void
counts_and_concerns_survive_a_restart_and_fade_within_a_day(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    for (i = 0; i < WA_ALIVE_DECRYPT_MAX; i++) {
        undecryptable(b, i);
    }

    wa_host_restart(b->h);
    assert_true(view_says(b, "decrypt"));
    assert_int_equal(number(health(b), "decrypt_failures_24h"),
                     WA_ALIVE_DECRYPT_MAX);

    wa_host_advance(b->h, 20 * 3600 * 1000);
    assert_false(view_says(b, "decrypt"));
    assert_int_equal(number(health(b), "decrypt_failures_24h"),
                     WA_ALIVE_DECRYPT_MAX);
    wa_host_advance(b->h, 5 * 3600 * 1000);
    assert_int_equal(number(health(b), "decrypt_failures_24h"), 0);
}


/* ---- prekeys ---- */

/* The next iq about prekeys; time passes for sliced work. */
static const wa_node_t *
prekey_iq(bench_t *b, const char *child)
{
    size_t            i;
    const wa_node_t  *n;

    for (i = 0; i < 200; i++) {
        n = wa_peer_next(b->p);

        if (n == NULL) {
            wa_host_advance(b->h, 1);

        } else if (wa_node_is(n, "iq") && wa_node_child(n, child) != NULL) {
            return n;
        }
    }

    fail_msg("no iq with <%s>", child);

    return NULL;
}


static void
upload_ends(bench_t *b, unsigned code)
{
    wa_node_t        *count;
    const wa_node_t  *iq;

    iq = prekey_iq(b, "count");
    count = wa_node_new(wa_peer_arena(b->p), "count");
    wa_node_set_u64(wa_peer_arena(b->p), count, "value", 0);
    wa_peer_result(b->p, iq, count);
    iq = prekey_iq(b, "list");

    if (code != 0) {
        wa_peer_error(b->p, iq, code);

    } else {
        wa_peer_result(b->p, iq, NULL);
    }
}


static void
prekeys_that_the_server_does_not_take_are_a_concern(void **state)
{
    bench_t  *b = *state;

    assert_true(json_is_null(json_object_get(health(b), "prekeys_left")));
    upload_ends(b, 500);
    expect_reason(b, "account.degraded", 0, "prekeys");

    wa_peer_drop(b->p);
    wa_host_advance(b->h, 2000);
    wa_peer_login(b->p);
    upload_ends(b, 0);
    expect_reason(b, "account.degraded_cleared", 0, "prekeys");
    assert_true(number(health(b), "prekeys_left") > 0);
}


/* ---- a server that has had enough ---- */

static void
ask(bench_t *b)
{
    wa_host_submit(b->h, WA_OP_QUERY,
                   json_pack("{s:s, s:s}", "verb", "group.inspect", "code",
                             "AbCdEfGhIjKlMnOpQrStUv"));
}


/* The next such question; NULL: none. */
static const wa_node_t *
asked(bench_t *b)
{
    const wa_node_t  *n;

    do {
        n = wa_peer_next(b->p);
    } while (n != NULL && (!wa_node_is(n, "iq")
                           || wa_node_child(n, "invite") == NULL));

    return n;
}


static void
refuse(bench_t *b, const wa_node_t *iq, const char *backoff)
{
    wa_node_t   *answer, *error;
    wa_arena_t  *ar = wa_peer_arena(b->p);

    assert_non_null(iq);
    answer = wa_peer_answer(b->p, iq, "error");
    error = wa_node_add_new(ar, answer, "error");
    wa_node_set_str(ar, error, "code", "429");
    wa_node_set_str(ar, error, "text", "rate-overlimit");

    if (backoff != NULL) {
        wa_node_set_str(ar, error, "backoff", backoff);
    }

    wa_peer_send(b->p, answer);
}


static void
a_server_that_asks_to_be_left_alone_is_left_alone(void **state)
{
    size_t            replies;
    bench_t          *b = *state;
    const wa_node_t  *iq;

    ask(b);
    refuse(b, asked(b), "10");
    assert_string_equal(wa_host_reply(b->h)->code, "WHATSAPP_RATE_LIMIT");

    /* The next one waits its turn, and what it asks is asked then. */

    replies = wa_host_replies(b->h);
    ask(b);
    ask(b);
    assert_int_equal(wa_host_replies(b->h), replies);
    wa_peer_advance(b->p, 9900);
    assert_null(asked(b));
    assert_int_equal(wa_host_replies(b->h), replies);

    wa_peer_advance(b->p, 2200);
    iq = asked(b);
    assert_non_null(iq);
    wa_peer_error(b->p, iq, 404);
    assert_non_null(asked(b));
    assert_int_equal(wa_host_replies(b->h), replies + 1);
    assert_string_not_equal(wa_host_reply(b->h)->code,
                            "WHATSAPP_RATE_LIMIT");

    /* The server is content again. */

    ask(b);
    assert_non_null(asked(b));
}


static void
who_cannot_wait_so_long_is_told_at_once(void **state)
{
    size_t    replies;
    bench_t  *b = *state;

    ask(b);
    refuse(b, asked(b), "3600");
    replies = wa_host_replies(b->h);
    ask(b);
    assert_int_equal(wa_host_replies(b->h), replies + 1);
    assert_string_equal(wa_host_reply(b->h)->code, "WHATSAPP_RATE_LIMIT");
    assert_null(asked(b));

    /* Never longer than ten minutes, and a fifth of that. */

    wa_peer_advance(b->p, 12 * 60 * 1000);
    ask(b);
    assert_non_null(asked(b));
}


/* Others wait behind a stanza: what it would ask is refused instead. */
static void
stanzas_do_not_wait_for_a_server_that_rests(void **state)
{
    bench_t          *b = *state;
    wa_node_t        *n;
    wa_arena_t       *ar = wa_peer_arena(b->p);
    const wa_node_t  *said;

    ask(b);
    refuse(b, asked(b), "10");

    n = wa_node_new(ar, "notification");
    wa_node_set_str(ar, n, "id", "n1");
    wa_node_set_str(ar, n, "type", "w:gp2");
    wa_node_set_str(ar, n, "from", "120363000000000042@g.us");
    wa_node_set_str(ar, n, "participant", "333@lid");
    (void) wa_node_add_new(ar, n, "locked");
    wa_peer_send(b->p, n);
    wa_host_advance(b->h, 50);

    do {
        said = wa_peer_next(b->p);
        assert_non_null(said);
    } while (!wa_node_is(said, "ack") || !wa_node_attr_is(said, "id", "n1"));
}


static void
refusals_without_a_time_double_it(void **state)
{
    size_t    i;
    bench_t  *b = *state;

    ask(b);
    refuse(b, asked(b), NULL);

    for (i = 0; i < 2; i++) {
        ask(b);
        wa_peer_advance(b->p, (wa_time_t) 4900 << i);
        assert_null(asked(b));
        wa_peer_advance(b->p, (wa_time_t) 1200 << i);
        refuse(b, asked(b), NULL);
    }
}


static void
a_connection_that_ends_ends_the_waiting_too(void **state)
{
    size_t    replies;
    bench_t  *b = *state;

    ask(b);
    refuse(b, asked(b), "10");
    ask(b);
    replies = wa_host_replies(b->h);
    wa_peer_drop(b->p);
    assert_int_equal(wa_host_replies(b->h), replies + 1);
    assert_string_equal(wa_host_reply(b->h)->code, "ACCOUNT_NOT_READY");
}


/* ---- the answer ---- */

static void
health_is_told_whole(void **state)
{
    size_t         i;
    bench_t       *b = *state;
    const json_t  *o;

    static const char *const  members[] = {
        "state", "since", "last_stanza_ms", "ping_rtt_ms", "reconnects_24h",
        "decrypt_failures_24h", "retries_24h", "undelivered_webhooks",
        "prekeys_left", "clock_skew_ms", "restricted_until", "owner",
        "degraded"
    };

    wa_peer_advance(b->p, 1500);
    o = health(b);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        assert_non_null(json_object_get(o, members[i]));
    }

    assert_string_equal(json_string_value(json_object_get(o, "state")),
                        "READY");
    assert_true(json_is_string(json_object_get(o, "since")));
    assert_int_equal(number(o, "last_stanza_ms"), 1500);
    assert_int_equal(number(o, "undelivered_webhooks"), 3);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(o, "owner"), "node")), "here");
}


static void
an_account_that_is_stopped_has_health_too(void **state)
{
    bench_t  *b = *state;

    wa_host_submit(b->h, WA_OP_STOP, NULL);
    assert_string_equal(json_string_value(json_object_get(health(b),
                            "state")), "STOPPED");
    assert_int_equal(number(health(b), "reconnects_24h"), 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(a_server_that_answers_is_left_alone),
        T(silence_means_connecting_at_once_and_a_concern),
        T(a_server_that_talks_but_does_not_hear_us_is_left),
        T(answers_to_other_things_prove_life),
        T(a_server_that_falls_silent_again_and_again_is_followed_slowly),
        T(a_clock_that_is_wrong_is_told),
        T(absurd_times_are_not_believed),
        T(a_full_disk_is_told_once_and_survives_a_restart),
        T(a_host_that_does_not_know_its_disks_leaves_the_concern),
        T(many_messages_that_do_not_decrypt_are_a_concern_for_a_while),
        T(counts_and_concerns_survive_a_restart_and_fade_within_a_day),
        T(prekeys_that_the_server_does_not_take_are_a_concern),
        T(a_server_that_asks_to_be_left_alone_is_left_alone),
        T(who_cannot_wait_so_long_is_told_at_once),
        T(stanzas_do_not_wait_for_a_server_that_rests),
        T(refusals_without_a_time_double_it),
        T(a_connection_that_ends_ends_the_waiting_too),
        T(health_is_told_whole),
        T(an_account_that_is_stopped_has_health_too)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
