/* Sender keys and group records: vectors, repeats, gaps, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_group.h"
#include "wa_host.h"
#include "wa_padding.h"
#include "wa_signal_group.h"
#include "wa_vectors.h"


typedef struct {
    wa_vectors_t   v;
    wa_host_t     *host;
    wa_account_t  *a;
    wa_arena_t     arena;
    wa_jid_t       room;
    wa_jid_t       sender;
} side_t;


static void
know_absent(wa_account_t *a, const char *name)
{
    wa_unit_t  *u;

    u = wa_unit_new(a);
    assert_int_equal(wa_unit_del(u, name, 0), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
}


static void
side_know(side_t *s, const wa_jid_t *sender)
{
    wa_key_t  key;

    assert_true(wa_skey_need(&s->room, sender, &s->arena, &key));
    know_absent(s->a, wa_arena_strdup(&s->arena, key.name));
    wa_host_drain(s->host);
}


static void
side_open(side_t *s)
{
    memset(s, 0, sizeof(*s));
    wa_vectors_open(&s->v, "senderkey.json");
    s->host = wa_host_create();
    wa_host_make(s->host);
    s->a = wa_host_account(s->host);
    s->a->engine->conf.cache_bytes = 1024 * 1024;
    wa_arena_init(&s->arena, 0);
    assert_int_equal(wa_jid_parse(wa_span_str(wa_vectors_str(s->v.root,
                         "sender_key_name.group")), &s->room), WA_OK);
    assert_int_equal(wa_jid_parse(wa_span_str("100000000000001:3@lid"),
                                  &s->sender), WA_OK);
    side_know(s, &s->sender);
}


static void
side_close(side_t *s)
{
    wa_host_free(s->host);
    wa_arena_free(&s->arena);
    wa_vectors_close(&s->v);
}


static wa_err_t
process(side_t *s, wa_span_t skdm)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(s->a);
    rc = wa_skey_process(u, &s->room, &s->sender, skdm);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(s->host);

    return rc;
}


static wa_err_t
decrypt(side_t *s, const wa_jid_t *sender, wa_span_t cipher,
    wa_signal_plain_t *out)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(s->a);
    rc = wa_skey_decrypt(u, &s->room, sender, cipher, &s->arena, out);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(s->host);

    return rc;
}


static json_t *
message(side_t *s, size_t i)
{
    return json_array_get(wa_vectors_get(s->v.root, "messages"), i);
}


static void
expect(side_t *s, size_t i)
{
    wa_span_t           plain;
    wa_signal_plain_t   out;

    assert_int_equal(decrypt(s, &s->sender,
                             wa_vectors_hex(&s->v, message(s, i),
                                            "ciphertext"), &out), WA_OK);
    plain = wa_vectors_hex(&s->v, message(s, i), "padded_plaintext");
    assert_true(wa_span_eq(out.padded, plain));
}


static void
vectors_decrypt_in_any_order(void **state)
{
    side_t   s;
    size_t   i;
    json_t  *order;

    (void) state;

    side_open(&s);
    assert_int_equal(process(&s, wa_vectors_hex(&s.v, s.v.root,
                                                "skdm_serialized")), WA_OK);
    order = wa_vectors_get(s.v.root, "decrypt_order");

    for (i = 0; i < json_array_size(order); i++) {
        expect(&s, (size_t) json_integer_value(json_array_get(order, i)));
    }

    side_close(&s);
}


static void
a_key_that_comes_again_changes_nothing(void **state)
{
    side_t              s;
    wa_span_t           skdm;
    wa_signal_plain_t   out;

    (void) state;

    side_open(&s);
    skdm = wa_vectors_hex(&s.v, s.v.root, "skdm_serialized");
    assert_int_equal(process(&s, skdm), WA_OK);
    expect(&s, 1);
    assert_int_equal(process(&s, skdm), WA_OK);
    expect(&s, 0);
    assert_int_equal(decrypt(&s, &s.sender,
                             wa_vectors_hex(&s.v, message(&s, 1),
                                            "ciphertext"), &out),
                     WA_ERR_DUPLICATE);
    side_close(&s);
}


static void
without_a_key_it_says_so(void **state)
{
    side_t              s;
    wa_signal_plain_t   out;

    (void) state;

    side_open(&s);
    assert_int_equal(decrypt(&s, &s.sender,
                             wa_vectors_hex(&s.v, message(&s, 0),
                                            "ciphertext"), &out),
                     WA_ERR_NO_SESSION);
    assert_int_equal(out.retry_code, WA_RETRY_NO_SESSION);
    side_close(&s);
}


static void
what_was_tampered_with_is_refused(void **state)
{
    side_t              s;
    size_t              i;
    uint8_t             bad[512];
    wa_span_t           good;
    wa_signal_plain_t   out;

    (void) state;

    side_open(&s);
    good = wa_vectors_hex(&s.v, s.v.root, "skdm_serialized");

    for (i = 0; i < good.n; i++) {
        (void) process(&s, wa_span(good.p, i));
    }

    assert_false(wa_skey_has(s.a, &s.room, &s.sender));
    assert_int_equal(process(&s, good), WA_OK);
    good = wa_vectors_hex(&s.v, message(&s, 0), "ciphertext");
    assert_true(good.n <= sizeof(bad));

    for (i = 0; i < good.n; i++) {
        memcpy(bad, good.p, good.n);
        bad[i] ^= 0x10;
        assert_int_not_equal(decrypt(&s, &s.sender, wa_span(bad, good.n),
                                     &out), WA_OK);
        assert_int_not_equal(decrypt(&s, &s.sender, wa_span(good.p, i),
                                     &out), WA_OK);
    }

    expect(&s, 0);
    side_close(&s);
}


/* Ours: each message counts on, and a new key is another one. */
static void
our_key_is_used_and_renewed(void **state)
{
    side_t               ours, theirs;
    uint8_t              text[3] = { 'h', 'i', 1 };
    wa_unit_t           *u;
    wa_span_t            first, again, cipher;
    wa_signal_plain_t    out;
    const wa_jid_t      *self;

    (void) state;

    side_open(&ours);
    side_open(&theirs);
    self = &ours.sender;
    u = wa_unit_new(ours.a);

    assert_int_equal(wa_skey_distribution(u, &ours.room, self, &ours.arena,
                                          &first), WA_OK);
    assert_int_equal(wa_skey_encrypt(u, &ours.room, self,
                                     wa_span(text, sizeof(text)),
                                     &ours.arena, &cipher), WA_OK);
    assert_int_equal(process(&theirs, first), WA_OK);
    assert_int_equal(decrypt(&theirs, &theirs.sender, cipher, &out), WA_OK);
    assert_memory_equal(out.padded.p, text, sizeof(text));

    assert_int_equal(wa_skey_drop(u, &ours.room, self), WA_OK);
    assert_int_equal(wa_skey_encrypt(u, &ours.room, self,
                                     wa_span(text, sizeof(text)),
                                     &ours.arena, &cipher),
                     WA_ERR_NO_SESSION);
    assert_int_equal(wa_skey_distribution(u, &ours.room, self, &ours.arena,
                                          &again), WA_OK);
    assert_false(wa_span_eq(first, again));
    assert_int_equal(wa_skey_encrypt(u, &ours.room, self,
                                     wa_span(text, sizeof(text)),
                                     &ours.arena, &cipher), WA_OK);
    assert_int_not_equal(decrypt(&theirs, &theirs.sender, cipher, &out),
                         WA_OK);
    assert_int_equal(process(&theirs, again), WA_OK);
    assert_int_equal(decrypt(&theirs, &theirs.sender, cipher, &out), WA_OK);

    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(ours.host);
    side_close(&ours);
    side_close(&theirs);
}


static void
a_group_is_read(void **state)
{
    side_t       s;
    wa_jid_t     jid, lid, pn;
    Wa__Group   *g;
    wa_node_t   *n, *p;

    (void) state;

    side_open(&s);
    n = wa_node_new(&s.arena, "group");
    assert_int_equal(wa_group_parse(s.a, n, &s.arena, &jid, &g),
                     WA_ERR_SYNTAX);
    wa_node_set_str(&s.arena, n, "id", "120363040000000000");
    wa_node_set_str(&s.arena, n, "subject", "a name");
    wa_node_set_str(&s.arena, n, "addressing_mode", "lid");
    (void) wa_node_add_new(&s.arena, n, "announcement");
    p = wa_node_add_new(&s.arena, n, "participant");
    wa_node_set_str(&s.arena, p, "jid", "100000000000001@lid");
    wa_node_set_str(&s.arena, p, "phone_number", "4915@s.whatsapp.net");
    wa_node_set_str(&s.arena, p, "type", "superadmin");
    p = wa_node_add_new(&s.arena, n, "participant");
    wa_node_set_str(&s.arena, p, "jid", "nonsense");
    p = wa_node_add_new(&s.arena, n, "participant");
    wa_node_set_str(&s.arena, p, "jid", "100000000000002@lid");
    wa_node_set_str(&s.arena, p, "error", "403");

    assert_int_equal(wa_group_parse(s.a, n, &s.arena, &jid, &g), WA_OK);
    assert_true(wa_jid_eq(&jid, &s.room));
    assert_string_equal(g->subject, "a name");
    assert_true(g->announce);
    assert_false(g->locked);
    assert_int_equal(g->n_members, 1);
    wa_group_member_jids(g->members[0], &lid, &pn);
    assert_string_equal(pn.user, "4915");
    assert_ptr_equal(wa_group_member(g, &lid), g->members[0]);
    assert_ptr_equal(wa_group_member(g, &pn), g->members[0]);
    lid.user[0] = '2';
    assert_null(wa_group_member(g, &lid));
    side_close(&s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors_decrypt_in_any_order),
        cmocka_unit_test(a_key_that_comes_again_changes_nothing),
        cmocka_unit_test(without_a_key_it_says_so),
        cmocka_unit_test(what_was_tampered_with_is_refused),
        cmocka_unit_test(our_key_is_used_and_renewed),
        cmocka_unit_test(a_group_is_read)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
