/* Sessions: the vectors byte for byte, forgeries, duplicates, moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_bundle.h"
#include "wa_crypto.h"
#include "wa_failmem.h"
#include "wa_host.h"
#include "wa_prekey_int.h"
#include "wa_signal.h"
#include "wa_signal_wire.h"
#include "wa_store.h"
#include "wa_vectors.h"


/* Private keys that the next 32-byte requests are answered with. */
static struct {
    uint8_t  keys[16][32];
    size_t   n;
    size_t   next;
} script;

typedef struct {
    wa_host_t     *host;
    wa_account_t  *a;
    wa_jid_t       peer;
    wa_arena_t     arena;
} party_t;

typedef struct {
    wa_vectors_t   v;
    party_t        alice;
    party_t        bob;
} room_t;


static void
scripted_random(void *ctx, uint8_t *p, size_t n)
{
    (void) ctx;

    if (n == 32 && script.next < script.n) {
        memcpy(p, script.keys[script.next++], 32);
        return;
    }

    wa_random(p, n);
}


static void
keypair(wa_vectors_t *v, json_t *from, const char *path, wa_keypair_t *out)
{
    char  name[64];

    snprintf(name, sizeof(name), "%s.priv", path);
    memcpy(out->priv, wa_vectors_hex(v, from, name).p, 32);
    snprintf(name, sizeof(name), "%s.pub", path);
    memcpy(out->pub, wa_vectors_hex(v, from, name).p, 32);
}


/* Absent in the store: what wa_task_need() would find out. */
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
know(party_t *p, const wa_jid_t *jid)
{
    size_t    i, n;
    wa_key_t  keys[WA_SIGNAL_KEYS];

    n = wa_signal_need(jid, &p->arena, keys);
    assert_int_equal(n, WA_SIGNAL_KEYS);

    for (i = 0; i < n; i++) {
        know_absent(p->a, wa_arena_strdup(&p->arena, keys[i].name));
    }
}


static void
party_open(party_t *p, const char *peer)
{
    p->host = wa_host_create();
    wa_host_make(p->host);
    p->a = wa_host_account(p->host);
    p->a->engine->conf.random = scripted_random;
    p->a->engine->conf.cache_bytes = 1024 * 1024;
    assert_non_null(p->a->creds);
    assert_int_equal(wa_jid_parse(wa_span_str(peer), &p->peer), WA_OK);
    wa_arena_init(&p->arena, 0);
    know(p, &p->peer);
    wa_host_drain(p->host);
}


static void
party_close(party_t *p)
{
    wa_host_free(p->host);
    wa_arena_free(&p->arena);
}


static void
room_open(room_t *r)
{
    memset(r, 0, sizeof(*r));
    memset(&script, 0, sizeof(script));
    wa_vectors_open(&r->v, "signal.json");
    party_open(&r->alice, "100000000000002@lid");
    party_open(&r->bob, "100000000000001:3@lid");
}


static void
room_close(room_t *r)
{
    party_close(&r->alice);
    party_close(&r->bob);
    wa_vectors_close(&r->v);
}


/* Bob's keys and bundle of conversation `c`. */
static void
room_bundle(room_t *r, json_t *c, wa_bundle_t *b)
{
    char          name[WA_PREKEY_NAME_LEN];
    wa_unit_t    *u;
    wa_creds_t   *bob;
    wa_keypair_t  one;

    bob = r->bob.a->creds;
    keypair(&r->v, c, "bob.identity", &bob->identity);
    keypair(&r->v, c, "bob.signed_prekey", &bob->signed_prekey.key);
    memcpy(bob->signed_prekey.signature,
           wa_vectors_hex(&r->v, c, "bob.signed_prekey.signature").p, 64);
    bob->signed_prekey.id
        = (uint32_t) wa_vectors_int(c, "bob.signed_prekey.id");
    bob->registration_id
        = (uint32_t) wa_vectors_int(c, "bob.registration_id");

    memset(b, 0, sizeof(*b));
    b->registration_id = bob->registration_id;
    memcpy(b->identity, bob->identity.pub, 32);
    b->signed_id = bob->signed_prekey.id;
    memcpy(b->signed_pub, bob->signed_prekey.key.pub, 32);
    memcpy(b->signature, bob->signed_prekey.signature, 64);

    if (json_is_true(json_object_get(c, "with_one_time_prekey"))) {
        keypair(&r->v, c, "bob.one_time_prekey", &one);
        b->has_prekey = true;
        b->prekey_id
            = (uint32_t) wa_vectors_int(c, "bob.one_time_prekey.id");
        memcpy(b->prekey_pub, one.pub, 32);

        u = wa_unit_new(r->bob.a);
        assert_int_equal(wa_prekey_blocks_put(u, b->prekey_id,
                             (const uint8_t (*)[32]) &one.priv, 1), WA_OK);
        assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
        wa_host_drain(r->bob.host);

        wa_prekey_name(b->prekey_id, name);
        wa_host_need(r->bob.host, r->bob.a, name);
    }
}


static void
room_start(room_t *r, json_t *c)
{
    size_t        i;
    json_t       *keys;
    wa_unit_t    *u;
    wa_bundle_t   b;
    wa_keypair_t  pair;
    wa_creds_t   *alice;

    memset(&script, 0, sizeof(script));
    keys = wa_vectors_get(c, "generated_key_pairs_in_order");
    script.n = json_array_size(keys);

    for (i = 0; i < script.n; i++) {
        memcpy(script.keys[i],
               wa_vectors_hex(&r->v, json_array_get(keys, i), "priv").p, 32);
    }

    alice = r->alice.a->creds;
    keypair(&r->v, c, "alice.identity", &pair);
    alice->identity = pair;
    alice->registration_id
        = (uint32_t) wa_vectors_int(c, "alice.registration_id");

    room_bundle(r, c, &b);

    u = wa_unit_new(r->alice.a);
    assert_int_equal(wa_bundle_process(u, &r->alice.peer, &b,
                                       &r->alice.arena), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r->alice.host);
}


static void
encrypt_ok(party_t *p, wa_span_t padded, const char **type, wa_span_t *out)
{
    wa_unit_t  *u;

    u = wa_unit_new(p->a);
    assert_int_equal(wa_signal_encrypt(u, &p->peer, padded, &p->arena, type,
                                       out), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);
}


static wa_err_t
decrypt(party_t *p, const char *type, wa_span_t cipher,
    wa_signal_plain_t *plain)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(p->a);
    rc = wa_signal_decrypt(u, &p->peer, wa_span_str(type), cipher, &p->arena,
                           plain);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(p->host);

    return rc;
}


/*
 * Everything of the first flight of message i is encrypted before it is
 * delivered: in counter order, as its sender did.
 */
static void
encrypt_flight(room_t *r, json_t *list, size_t i, bool *done)
{
    size_t       j, next;
    int64_t      counter, least;
    json_t      *m, *first;
    party_t     *from;
    wa_span_t    cipher;
    const char  *type;

    first = json_array_get(list, i);

    for ( ;; ) {
        next = SIZE_MAX;
        least = 0;

        for (j = 0; j < json_array_size(list); j++) {
            m = json_array_get(list, j);

            if (done[j]
                || strcmp(wa_vectors_str(m, "message_fields.ratchet_key"),
                          wa_vectors_str(first,
                                         "message_fields.ratchet_key")) != 0)
            {
                continue;
            }

            counter = wa_vectors_int(m, "message_fields.counter");

            if (next == SIZE_MAX || counter < least) {
                next = j;
                least = counter;
            }
        }

        if (next == SIZE_MAX) {
            return;
        }

        m = json_array_get(list, next);
        done[next] = true;
        from = strcmp(wa_vectors_str(m, "from"), "alice") == 0 ? &r->alice
                                                               : &r->bob;
        encrypt_ok(from, wa_vectors_hex(&r->v, m, "padded_plaintext"), &type,
                   &cipher);
        assert_string_equal(type, wa_vectors_str(m, "type"));
        assert_true(wa_span_eq(cipher,
                               wa_vectors_hex(&r->v, m, "ciphertext")));
    }
}


static void
vectors_replay_byte_for_byte(void **state)
{
    bool               done[16];
    size_t             i, j;
    json_t            *list, *m, *all, *c;
    room_t             r;
    uint8_t            key[32];
    party_t           *to;
    uint32_t           id;
    wa_signal_plain_t  plain;

    (void) state;
    room_open(&r);
    all = wa_vectors_get(r.v.root, "conversations");

    for (i = 0; i < json_array_size(all); i++) {
        room_close(&r);
        room_open(&r);
        all = wa_vectors_get(r.v.root, "conversations");
        c = json_array_get(all, i);
        room_start(&r, c);
        memset(done, 0, sizeof(done));
        list = wa_vectors_get(c, "deliver_in_this_order");
        assert_true(json_array_size(list) >= 5);

        for (j = 0; j < json_array_size(list); j++) {
            encrypt_flight(&r, list, j, done);
            m = json_array_get(list, j);
            to = strcmp(wa_vectors_str(m, "from"), "alice") == 0
                 ? &r.bob : &r.alice;
            assert_int_equal(decrypt(to, wa_vectors_str(m, "type"),
                                     wa_vectors_hex(&r.v, m, "ciphertext"),
                                     &plain), WA_OK);
            assert_true(wa_span_eq(plain.padded,
                            wa_vectors_hex(&r.v, m, "padded_plaintext")));
            assert_false(plain.identity_changed);
        }

        assert_int_equal(script.next, script.n);

        /* The one-time key is gone, the peer's identity is known. */
        if (json_is_true(json_object_get(c, "with_one_time_prekey"))) {
            assert_int_equal(wa_prekey_get(r.bob.a, 77, key),
                             WA_ERR_NO_SESSION);
        }

        assert_true(wa_signal_identity(r.bob.a, &r.bob.peer, key));
        assert_memory_equal(key, r.alice.a->creds->identity.pub, 32);
        assert_int_equal(wa_signal_remote_registration(r.bob.a, &r.bob.peer,
                                                       &id), WA_OK);
        assert_int_equal(id, r.alice.a->creds->registration_id);
        assert_int_equal(wa_signal_remote_registration(r.alice.a,
                                                       &r.alice.peer, &id),
                         WA_OK);
        assert_int_equal(id, r.bob.a->creds->registration_id);
    }

    room_close(&r);
}


/* All that a message can change, as one hash. */
static void
fingerprint(party_t *p, uint8_t out[32])
{
    size_t     i, n;
    wa_span_t  value, parts[8];

    static const char *const  names[] = {
        "sess/100000000000001_1.3", "ident/100000000000001_1.3", "pk/1",
        "sess/100000000000002_1.0", "ident/100000000000002_1.0", "prekeys"
    };

    n = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (wa_record_get(p->a, names[i], 0, &value) == WA_OK) {
            parts[n++] = value;
        }
    }

    assert_int_equal(wa_sha256(parts, n, out), WA_OK);
}


static void
start_first(room_t *r, wa_span_t *pkmsg)
{
    json_t      *c;
    const char  *type;

    room_open(r);
    c = json_array_get(wa_vectors_get(r->v.root, "conversations"), 0);
    room_start(r, c);
    encrypt_ok(&r->alice, wa_span_str("hello\x01"), &type, pkmsg);
    assert_string_equal(type, "pkmsg");
}


static void
a_forged_message_changes_nothing(void **state)
{
    size_t             i, commits;
    room_t             r;
    uint8_t            before[32], after[32];
    wa_err_t           rc;
    wa_buf_t           copy = WA_BUF_EMPTY;
    wa_span_t          pkmsg, msg;
    const char        *type;
    wa_signal_plain_t  plain;

    (void) state;
    start_first(&r, &pkmsg);

    fingerprint(&r.bob, before);
    commits = wa_host_commits(r.bob.host);
    assert_int_equal(wa_buf_append_span(&copy, pkmsg), WA_OK);

    /* Registration id and unknown fields are outside the MAC. */
    for (i = 0; i < copy.n; i++) {
        copy.p[i] ^= 0x41;
        rc = decrypt(&r.bob, "pkmsg", wa_span_buf(&copy), &plain);
        copy.p[i] ^= 0x41;

        if (rc != WA_OK) {
            fingerprint(&r.bob, after);
            assert_memory_equal(before, after, 32);
            assert_null(plain.padded.p);
            assert_int_equal(wa_host_commits(r.bob.host), commits);
            continue;
        }

        assert_true(i >= copy.n - 4);
        break;
    }

    if (i == copy.n) {
        assert_int_equal(decrypt(&r.bob, "pkmsg", pkmsg, &plain), WA_OK);
    }

    encrypt_ok(&r.bob, wa_span_str("answer\x01"), &type, &msg);
    assert_string_equal(type, "msg");

    wa_buf_free(&copy);
    assert_int_equal(wa_buf_append_span(&copy, msg), WA_OK);
    fingerprint(&r.alice, before);
    commits = wa_host_commits(r.alice.host);

    for (i = 0; i < copy.n; i++) {
        copy.p[i] ^= 0x10;
        rc = decrypt(&r.alice, "msg", wa_span_buf(&copy), &plain);
        copy.p[i] ^= 0x10;
        assert_int_equal(rc, WA_ERR_DECRYPT);
        fingerprint(&r.alice, after);
        assert_memory_equal(before, after, 32);
        assert_int_equal(wa_host_commits(r.alice.host), commits);
    }

    /* Cut anywhere. */
    for (i = 0; i < copy.n; i++) {
        assert_int_equal(decrypt(&r.alice, "msg", wa_span(copy.p, i),
                                 &plain), WA_ERR_DECRYPT);
    }

    assert_int_equal(decrypt(&r.alice, "msg", msg, &plain), WA_OK);
    assert_true(wa_span_eq_str(plain.padded, "answer\x01"));

    wa_buf_free(&copy);
    room_close(&r);
}


static void
errors_tell_what_to_answer(void **state)
{
    room_t             r;
    wa_jid_t           stranger;
    wa_unit_t         *u;
    wa_span_t          pkmsg, msg, second;
    const char        *type;
    wa_signal_plain_t  plain;

    (void) state;
    start_first(&r, &pkmsg);
    encrypt_ok(&r.alice, wa_span_str("second\x01"), &type, &second);

    assert_int_equal(decrypt(&r.bob, "skmsg", pkmsg, &plain),
                     WA_ERR_SYNTAX);

    /* The used-up prekey of a session that was dropped. */
    assert_int_equal(decrypt(&r.bob, "pkmsg", pkmsg, &plain), WA_OK);
    assert_int_equal(decrypt(&r.bob, "pkmsg", pkmsg, &plain),
                     WA_ERR_DUPLICATE);
    u = wa_unit_new(r.bob.a);
    assert_int_equal(wa_signal_session_drop(u, &r.bob.peer), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    assert_false(wa_signal_has_session(r.bob.a, &r.bob.peer));
    assert_int_equal(decrypt(&r.bob, "pkmsg", second, &plain),
                     WA_ERR_DECRYPT);
    assert_int_equal(plain.retry_code, WA_RETRY_INVALID_KEY_ID);

    /* A msg without a session. */
    msg = wa_vectors_hex(&r.v, r.v.root,
                         "conversations.0.deliver_in_this_order.3."
                         "ciphertext");
    assert_int_equal(decrypt(&r.bob, "msg", msg, &plain),
                     WA_ERR_NO_SESSION);
    assert_int_equal(plain.retry_code, WA_RETRY_NO_SESSION);

    /* Garbage. */
    assert_int_equal(decrypt(&r.bob, "msg", wa_span_str("nonsense"),
                             &plain), WA_ERR_DECRYPT);
    assert_int_equal(plain.retry_code, WA_RETRY_INVALID_MESSAGE);

    /* No session to encrypt with; records never asked for. */
    assert_int_equal(wa_jid_parse(wa_span_str("77:1@lid"), &stranger),
                     WA_OK);
    u = wa_unit_new(r.alice.a);
    assert_int_equal(wa_signal_encrypt(u, &stranger, wa_span_str("x"),
                                       &r.alice.arena, &type, &second),
                     WA_ERR_NO_SESSION);
    assert_int_equal(wa_signal_decrypt(u, &stranger, wa_span_str("msg"), msg,
                                       &r.alice.arena, &plain),
                     WA_ERR_STATE);
    wa_unit_drop(u);

    room_close(&r);
}


static void
a_new_identity_is_accepted_and_reported(void **state)
{
    json_t            *c;
    room_t             r;
    uint8_t            key[32];
    wa_unit_t         *u;
    wa_span_t          pkmsg;
    wa_bundle_t        b;
    const char        *type;
    wa_signal_plain_t  plain;

    (void) state;
    start_first(&r, &pkmsg);
    assert_int_equal(decrypt(&r.bob, "pkmsg", pkmsg, &plain), WA_OK);
    assert_false(plain.identity_changed);

    /* Alice registers anew and writes to Bob without a one-time prekey. */
    c = json_array_get(wa_vectors_get(r.v.root, "conversations"), 1);
    wa_random(r.alice.a->creds->identity.priv, 32);
    wa_creds_clamp(r.alice.a->creds->identity.priv);
    assert_int_equal(wa_x25519_public(r.alice.a->creds->identity.pub,
                                      r.alice.a->creds->identity.priv),
                     WA_OK);
    room_bundle(&r, c, &b);
    u = wa_unit_new(r.alice.a);
    assert_int_equal(wa_signal_forget(u, &r.alice.peer), WA_OK);
    assert_int_equal(wa_bundle_process(u, &r.alice.peer, &b,
                                       &r.alice.arena), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r.alice.host);

    encrypt_ok(&r.alice, wa_span_str("new\x01"), &type, &pkmsg);
    assert_int_equal(decrypt(&r.bob, "pkmsg", pkmsg, &plain), WA_OK);
    assert_true(plain.identity_changed);
    assert_true(wa_signal_identity(r.bob.a, &r.bob.peer, key));
    assert_memory_equal(key, r.alice.a->creds->identity.pub, 32);

    room_close(&r);
}


static void
a_bundle_with_a_wrong_signature_is_refused(void **state)
{
    room_t       r;
    json_t      *c;
    wa_unit_t   *u;
    wa_bundle_t  b;

    (void) state;
    room_open(&r);
    c = json_array_get(wa_vectors_get(r.v.root, "conversations"), 0);
    room_bundle(&r, c, &b);
    b.signature[5] ^= 1;

    u = wa_unit_new(r.alice.a);
    assert_int_equal(wa_bundle_process(u, &r.alice.peer, &b,
                                       &r.alice.arena), WA_ERR_AUTH);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    assert_false(wa_signal_has_session(r.alice.a, &r.alice.peer));
    room_close(&r);
}


static void
a_session_moves_to_another_address(void **state)
{
    room_t             r;
    wa_jid_t           pn;
    wa_unit_t         *u;
    wa_span_t          first, second;
    const char        *type;
    wa_signal_plain_t  plain;

    (void) state;
    start_first(&r, &first);
    encrypt_ok(&r.alice, wa_span_str("two\x01"), &type, &second);
    assert_int_equal(decrypt(&r.bob, "pkmsg", first, &plain), WA_OK);

    assert_int_equal(wa_jid_parse(wa_span_str("15550001:3@s.whatsapp.net"),
                                  &pn), WA_OK);
    know(&r.bob, &pn);
    u = wa_unit_new(r.bob.a);
    assert_int_equal(wa_signal_move(u, &r.bob.peer, &pn), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(r.bob.host);

    assert_false(wa_signal_has_session(r.bob.a, &r.bob.peer));
    assert_true(wa_signal_has_session(r.bob.a, &pn));
    r.bob.peer = pn;
    assert_int_equal(decrypt(&r.bob, "pkmsg", second, &plain), WA_OK);
    assert_true(wa_span_eq_str(plain.padded, "two\x01"));
    room_close(&r);
}


/* The n-th allocation of an operation fails: an error, nothing changed. */
static void
no_memory_changes_nothing(void **state)
{
    size_t             n;
    room_t             r;
    uint8_t            before[32], after[32];
    wa_err_t           rc;
    wa_unit_t         *u;
    wa_span_t          pkmsg;
    wa_signal_plain_t  plain;

    static const wa_mem_hooks_t  hooks = {
        wa_failmem_alloc, wa_failmem_realloc, wa_failmem_free
    };

    (void) state;
    wa_failmem.fail_at = 0;
    wa_mem_set_hooks(&hooks);
    start_first(&r, &pkmsg);
    fingerprint(&r.bob, before);

    for (n = 1; n < 400; n++) {
        u = wa_unit_new(r.bob.a);
        wa_failmem.count = 0;
        wa_failmem.fail_at = n;
        rc = wa_signal_decrypt(u, &r.bob.peer, wa_span_str("pkmsg"), pkmsg,
                               &r.bob.arena, &plain);
        wa_failmem.fail_at = 0;

        if (rc == WA_OK) {
            assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
            break;
        }

        wa_unit_drop(u);
        fingerprint(&r.bob, after);
        assert_memory_equal(before, after, 32);
    }

    assert_int_equal(rc, WA_OK);
    assert_true(n > 10);
    wa_host_drain(r.bob.host);
    room_close(&r);
    wa_mem_set_hooks(NULL);
}


static void
prekeys_of_a_pkmsg_are_named(void **state)
{
    size_t        n;
    wa_key_t      keys[WA_SIGNAL_PREKEY_KEYS];
    wa_span_t     pkmsg;
    wa_arena_t    arena;
    wa_vectors_t  v;

    (void) state;
    wa_arena_init(&arena, 0);
    wa_vectors_open(&v, "signal.json");
    pkmsg = wa_vectors_hex(&v, v.root,
                           "conversations.0.deliver_in_this_order.0."
                           "ciphertext");
    assert_int_equal(wa_signal_prekey_need(pkmsg, &arena, keys, &n), WA_OK);
    assert_int_equal(n, 2);
    assert_true(wa_span_eq_str(keys[0].name, "pk/1"));
    assert_true(wa_span_eq_str(keys[1].name, "spk/1"));

    pkmsg = wa_vectors_hex(&v, v.root,
                           "conversations.1.deliver_in_this_order.0."
                           "ciphertext");
    assert_int_equal(wa_signal_prekey_need(pkmsg, &arena, keys, &n), WA_OK);
    assert_int_equal(n, 1);
    assert_true(wa_span_eq_str(keys[0].name, "spk/1"));

    for (n = 0; n < pkmsg.n; n++) {
        size_t  m;

        assert_int_equal(wa_signal_prekey_need(wa_span(pkmsg.p, n), &arena,
                                               keys, &m), WA_ERR_SYNTAX);

        if (n == pkmsg.n - 4) {
            break;                      /* the last field may be missing   */
        }
    }

    wa_vectors_close(&v);
    wa_arena_free(&arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors_replay_byte_for_byte),
        cmocka_unit_test(a_forged_message_changes_nothing),
        cmocka_unit_test(errors_tell_what_to_answer),
        cmocka_unit_test(a_new_identity_is_accepted_and_reported),
        cmocka_unit_test(a_bundle_with_a_wrong_signature_is_refused),
        cmocka_unit_test(a_session_moves_to_another_address),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(prekeys_of_a_pkmsg_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
