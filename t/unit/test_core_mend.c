/* A store that was set back: what is made anew, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_bundle.h"
#include "wa_host.h"
#include "wa_mend.h"
#include "wa_prekey_int.h"
#include "wa_signal.h"
#include "wa_signal_group.h"


typedef struct {
    wa_host_t     *host;
    wa_account_t  *a;
    wa_jid_t       peer;
    wa_arena_t     arena;
} party_t;

typedef struct {
    party_t        alice;
    party_t        bob;
} room_t;


/* What wa_task_need() would find out. */
static void
know_absent(wa_account_t *a, const char *name)
{
    wa_span_t   value;
    wa_unit_t  *u;

    if (wa_record_get(a, name, 0, &value) == WA_OK) {
        return;
    }

    u = wa_unit_new(a);
    assert_int_equal(wa_unit_del(u, name, 0), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
}


static void
party_open(party_t *p, const char *peer)
{
    size_t    i, n;
    wa_key_t  keys[WA_SIGNAL_KEYS];

    p->host = wa_host_create();
    wa_host_make(p->host);
    p->a = wa_host_account(p->host);
    p->a->engine->conf.cache_bytes = 1024 * 1024;
    assert_int_equal(wa_jid_parse(wa_span_str(peer), &p->peer), WA_OK);
    wa_arena_init(&p->arena, 0);
    n = wa_signal_need(&p->peer, &p->arena, keys);

    for (i = 0; i < n; i++) {
        know_absent(p->a, wa_arena_strdup(&p->arena, keys[i].name));
    }

    wa_host_drain(p->host);
}


static void
party_close(party_t *p)
{
    wa_host_free(p->host);
    wa_arena_free(&p->arena);
}


/* A session of `p` from the other's bundle, which has no one-time key. */
static void
party_begin(party_t *p, const party_t *other)
{
    wa_unit_t         *u;
    wa_bundle_t        b;
    const wa_creds_t  *creds;

    creds = other->a->creds;
    memset(&b, 0, sizeof(b));
    b.registration_id = creds->registration_id;
    memcpy(b.identity, creds->identity.pub, 32);
    b.signed_id = creds->signed_prekey.id;
    memcpy(b.signed_pub, creds->signed_prekey.key.pub, 32);
    memcpy(b.signature, creds->signed_prekey.signature, 64);

    u = wa_unit_new(p->a);
    assert_int_equal(wa_bundle_process(u, &p->peer, &b, &p->arena), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);
}


static const char *
encrypt_ok(party_t *p, const char *text, wa_span_t *out)
{
    wa_unit_t   *u;
    const char  *type;

    u = wa_unit_new(p->a);
    assert_int_equal(wa_signal_encrypt(u, &p->peer, wa_span_str(text),
                                       &p->arena, &type, out), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);

    return type;
}


static void
decrypt_ok(party_t *p, const char *type, wa_span_t cipher, const char *text)
{
    wa_unit_t          *u;
    wa_signal_plain_t   plain;

    u = wa_unit_new(p->a);
    assert_int_equal(wa_signal_decrypt(u, &p->peer, wa_span_str(type), cipher,
                                       &p->arena, &plain), WA_OK);
    assert_true(wa_span_eq_str(plain.padded, text));
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);
}


static int
setup(void **state)
{
    room_t  *r;

    r = wa_calloc(1, sizeof(room_t));
    assert_non_null(r);
    party_open(&r->alice, "100000000000002@lid");
    party_open(&r->bob, "100000000000001:3@lid");
    *state = r;

    return 0;
}


static int
teardown(void **state)
{
    room_t  *r = *state;

    party_close(&r->alice);
    party_close(&r->bob);
    wa_free(r);

    return 0;
}


static void
a_session_of_an_earlier_era_only_decrypts(void **state)
{
    room_t      *r = *state;
    wa_unit_t   *u;
    wa_span_t    one, two, three, out;
    const char  *type;

    party_begin(&r->alice, &r->bob);
    (void) encrypt_ok(&r->alice, "one\x01", &one);
    (void) encrypt_ok(&r->alice, "two\x01", &two);
    assert_string_equal(encrypt_ok(&r->alice, "three\x01", &three), "pkmsg");

    decrypt_ok(&r->bob, "pkmsg", one, "one\x01");
    assert_true(wa_signal_has_session(r->bob.a, &r->bob.peer));

    r->bob.a->creds->era = 0x01020304;
    assert_false(wa_signal_has_session(r->bob.a, &r->bob.peer));
    assert_true(wa_signal_knows(r->bob.a, &r->bob.peer));

    u = wa_unit_new(r->bob.a);
    assert_int_equal(wa_signal_encrypt(u, &r->bob.peer,
                                       wa_span_str("no\x01"), &r->bob.arena,
                                       &type, &out), WA_ERR_NO_SESSION);
    wa_unit_drop(u);

    decrypt_ok(&r->bob, "pkmsg", two, "two\x01");
    assert_false(wa_signal_has_session(r->bob.a, &r->bob.peer));

    /* With a new one it writes, until the old one takes its place again. */

    party_begin(&r->bob, &r->alice);
    assert_true(wa_signal_has_session(r->bob.a, &r->bob.peer));
    (void) encrypt_ok(&r->bob, "new\x01", &out);
    assert_true(wa_signal_has_session(r->bob.a, &r->bob.peer));

    decrypt_ok(&r->bob, "pkmsg", three, "three\x01");
    assert_false(wa_signal_has_session(r->bob.a, &r->bob.peer));
}


/* Who begins a session with us makes it of our keys and of chance. */
static void
a_session_that_begins_is_of_this_era(void **state)
{
    room_t      *r = *state;
    wa_span_t    out;

    r->bob.a->creds->era = 1;
    party_begin(&r->alice, &r->bob);
    (void) encrypt_ok(&r->alice, "one\x01", &out);
    decrypt_ok(&r->bob, "pkmsg", out, "one\x01");
    assert_true(wa_signal_has_session(r->bob.a, &r->bob.peer));

    assert_string_equal(encrypt_ok(&r->bob, "back\x01", &out), "msg");
    decrypt_ok(&r->alice, "msg", out, "back\x01");
    assert_string_equal(encrypt_ok(&r->alice, "more\x01", &out), "msg");
    decrypt_ok(&r->bob, "msg", out, "more\x01");
    assert_true(wa_signal_has_session(r->bob.a, &r->bob.peer));
}


static void
a_sender_key_of_an_earlier_era_is_not_used(void **state)
{
    party_t     *p = &((room_t *) *state)->alice;
    wa_jid_t     room, self;
    wa_key_t     key;
    wa_span_t    out;
    wa_unit_t   *u;

    assert_int_equal(wa_jid_parse(wa_span_str("120363000000000000@g.us"),
                                  &room), WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("100000000000001:3@lid"),
                                  &self), WA_OK);
    assert_true(wa_skey_need(&room, &self, &p->arena, &key));
    know_absent(p->a, wa_arena_strdup(&p->arena, key.name));

    u = wa_unit_new(p->a);
    assert_int_equal(wa_skey_distribution(u, &room, &self, &p->arena, &out),
                     WA_OK);
    assert_int_equal(wa_skey_encrypt(u, &room, &self, wa_span_str("a\x01"),
                                     &p->arena, &out), WA_OK);

    p->a->creds->era = 5;
    assert_true(wa_skey_is_old(p->a, &room, &self));
    assert_int_equal(wa_skey_encrypt(u, &room, &self, wa_span_str("b\x01"),
                                     &p->arena, &out), WA_ERR_NO_SESSION);
    assert_int_equal(wa_skey_distribution(u, &room, &self, &p->arena, &out),
                     WA_OK);
    assert_true(wa_skey_is_old(p->a, &room, &self));

    assert_int_equal(wa_skey_drop(u, &room, &self), WA_OK);
    assert_int_equal(wa_skey_distribution(u, &room, &self, &p->arena, &out),
                     WA_OK);
    assert_false(wa_skey_is_old(p->a, &room, &self));
    assert_int_equal(wa_skey_encrypt(u, &room, &self, wa_span_str("c\x01"),
                                     &p->arena, &out), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);
}


/* A load that finds less than was confirmed: mended first, then connected,
   and not again. */
static void
a_store_behind_what_it_confirmed_is_mended(void **state)
{
    size_t       connects;
    uint32_t     era, id;
    wa_host_t   *h = ((room_t *) *state)->alice.host;

    id = wa_host_account(h)->creds->signed_prekey.id;
    connects = wa_host_connects(h);
    wa_host_reopen(h);
    wa_account_expect(wa_host_account(h), 1000);
    wa_host_hold(h, true);
    wa_host_drain(h);
    assert_int_equal(wa_host_connects(h), connects);
    assert_int_equal(wa_host_held(h), 1);

    wa_host_confirm(h);
    wa_host_hold(h, false);
    wa_host_drain(h);
    assert_true(wa_host_connects(h) > connects);
    era = wa_host_account(h)->creds->era;
    assert_int_not_equal(era, 0);
    assert_true(wa_host_account(h)->creds->signed_prekey.id > id + 1);

    wa_host_restart(h);
    assert_int_equal(wa_host_account(h)->creds->era, era);

    /* One commit before what it has is nothing to worry about. */

    wa_host_reopen(h);
    wa_account_expect(wa_host_account(h), 1);
    wa_host_drain(h);
    assert_int_equal(wa_host_account(h)->creds->era, era);
}


static void
the_mark_of_the_host_is_taken_away(void **state)
{
    uint32_t     era;
    party_t     *p = &((room_t *) *state)->alice;
    wa_host_t   *h = p->host;
    wa_unit_t   *u;

    u = wa_unit_new(p->a);
    assert_int_equal(wa_unit_put(u, WA_RECORD_BEHIND, 0,
                                 wa_span_str("1-2")), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(h);
    assert_true(wa_span_eq_str(wa_host_record(h, WA_RECORD_BEHIND, 0),
                               "1-2"));

    wa_host_restart(h);
    era = wa_host_account(h)->creds->era;
    assert_int_not_equal(era, 0);
    assert_null(wa_host_record(h, WA_RECORD_BEHIND, 0).p);

    wa_host_restart(h);
    assert_int_equal(wa_host_account(h)->creds->era, era);
}


static void
the_host_may_say_so_at_any_time(void **state)
{
    uint32_t     era;
    wa_host_t   *h = ((room_t *) *state)->alice.host;

    /* before its records came */

    wa_host_reopen(h);
    assert_int_equal(wa_account_behind(wa_host_account(h), wa_host_now(h)),
                     WA_OK);
    wa_host_drain(h);
    era = wa_host_account(h)->creds->era;
    assert_int_not_equal(era, 0);

    /* while it runs */

    assert_int_equal(wa_account_behind(wa_host_account(h), wa_host_now(h)),
                     WA_OK);
    wa_host_drain(h);
    assert_int_not_equal(wa_host_account(h)->creds->era, era);
    era = wa_host_account(h)->creds->era;

    wa_host_restart(h);
    assert_int_equal(wa_host_account(h)->creds->era, era);

    /* when it leaves: the next owner finds the mark */

    wa_account_quiesce(wa_host_account(h), wa_host_now(h));
    wa_host_drain(h);
    assert_int_equal(wa_account_behind(wa_host_account(h), wa_host_now(h)),
                     WA_OK);
    wa_host_drain(h);
    assert_int_equal(wa_host_account(h)->creds->era, era);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(a_session_of_an_earlier_era_only_decrypts),
        T(a_session_that_begins_is_of_this_era),
        T(a_sender_key_of_an_earlier_era_is_not_used),
        T(a_store_behind_what_it_confirmed_is_mended),
        T(the_mark_of_the_host_is_taken_away),
        T(the_host_may_say_so_at_any_time)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
