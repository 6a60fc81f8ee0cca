/* Own prekeys: upload, refill, digest, rotation, keys of retry receipts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_crypto.h"
#include "wa_hashes.h"
#include "wa_host.h"
#include "wa_peer.h"
#include "wa_prekey_int.h"


typedef struct {
    wa_host_t     *host;
    wa_peer_t     *peer;
    wa_account_t  *a;
    wa_arena_t    *arena;
} bench_t;


static int
setup(void **state)
{
    bench_t  *b;

    b = calloc(1, sizeof(*b));
    b->host = wa_host_create();
    wa_host_make(b->host);
    b->peer = wa_peer_create(b->host);
    b->a = wa_host_account(b->host);
    b->arena = wa_peer_arena(b->peer);
    wa_peer_link(b->peer, "15550001:7@s.whatsapp.net", "100000000000001:7"
                 "@lid");
    wa_peer_login(b->peer);
    *state = b;

    return 0;
}


static int
teardown(void **state)
{
    bench_t  *b = *state;

    wa_peer_free(b->peer);
    wa_host_free(b->host);
    free(b);

    return 0;
}


/* The next stanza that is not the ack of a notification, nor one of the
   questions that an account has once it is READY. */
static const wa_node_t *
next_stanza(bench_t *b)
{
    const wa_node_t  *node;

    do {
        node = wa_peer_next(b->peer);
    } while (wa_node_is(node, "ack")
             || (wa_node_is(node, "iq")
                 && !wa_node_attr_is(node, "xmlns", "encrypt")));

    return node;
}


/* <notification type=encrypt> of the server, with a child of this name. */
static void
notify(bench_t *b, const char *child)
{
    wa_node_t  *n;

    n = wa_node_new(b->arena, "notification");
    wa_node_set_str(b->arena, n, "type", "encrypt");
    wa_node_set_str(b->arena, n, "from", "s.whatsapp.net");
    wa_node_set_str(b->arena, n, "id", "77");
    wa_node_set_u64(b->arena, wa_node_add_new(b->arena, n, child), "value",
                    3);
    wa_peer_send(b->peer, n);
}


/* The iq about prekeys that comes next; time passes for sliced work. */
static const wa_node_t *
next_iq(bench_t *b, const char *child)
{
    const wa_node_t  *iq;

    iq = next_stanza(b);

    if (iq == NULL) {
        wa_host_advance(b->host, 1);
        iq = next_stanza(b);
    }

    assert_non_null(iq);
    assert_true(wa_node_attr_is(iq, "xmlns", "encrypt"));
    assert_non_null(wa_node_child(iq, child));

    return iq;
}


static void
nothing_more(bench_t *b)
{
    wa_host_advance(b->host, 10);
    assert_null(next_stanza(b));
}


static void
answer_count(bench_t *b, uint64_t n)
{
    wa_node_t        *count;
    const wa_node_t  *iq;

    iq = next_iq(b, "count");
    count = wa_node_new(b->arena, "count");
    wa_node_set_u64(b->arena, count, "value", n);
    wa_peer_result(b->peer, iq, count);
}


static uint32_t
u24(wa_span_t s)
{
    assert_int_equal(s.n, 3);

    return (uint32_t) s.p[0] << 16 | (uint32_t) s.p[1] << 8 | s.p[2];
}


/* Every key of an upload is durable, not in memory, and its halves belong
   together. */
static size_t
check_upload(bench_t *b, const wa_node_t *iq, uint32_t first)
{
    char              name[WA_PREKEY_NAME_LEN];
    size_t            n;
    uint8_t           priv[32], pub[32], point[33];
    uint32_t          id;
    wa_span_t         value, part;
    const wa_node_t  *key, *skey;

    assert_true(wa_node_attr_is(iq, "type", "set"));
    assert_int_equal(wa_node_child_content(iq, "registration").n, 4);
    assert_true(wa_span_eq(wa_node_child_content(iq, "type"),
                           wa_span("\x05", 1)));
    assert_true(wa_span_eq(wa_node_child_content(iq, "identity"),
                           wa_span(b->a->creds->identity.pub, 32)));

    skey = wa_node_child(iq, "skey");
    assert_int_equal(u24(wa_node_child_content(skey, "id")),
                     b->a->creds->signed_prekey.id);
    point[0] = 5;
    memcpy(point + 1, wa_node_child_content(skey, "value").p, 32);
    part = wa_span(point, 33);
    assert_int_equal(wa_node_child_content(skey, "signature").n, 64);
    assert_true(wa_xeddsa_verify(b->a->creds->identity.pub, &part, 1,
                    wa_node_child_content(skey, "signature").p));

    n = 0;

    for (key = wa_node_first(wa_node_child(iq, "list")); key != NULL;
         key = key->next, n++)
    {
        id = u24(wa_node_child_content(key, "id"));
        assert_int_equal(id, first + n);
        value = wa_node_child_content(key, "value");
        assert_int_equal(value.n, 32);

        wa_prekey_name(id, name);
        assert_non_null(wa_host_record(b->host, name, 0).p);

        if (n == 0 || id % WA_PREKEY_BLOCK == 0) {
            assert_int_equal(wa_record_get(b->a, name, 0, &part), WA_AGAIN);
            wa_host_need(b->host, b->a, name);
        }

        assert_int_equal(wa_prekey_get(b->a, id, priv), WA_OK);
        assert_int_equal(wa_x25519_public(pub, priv), WA_OK);
        assert_memory_equal(pub, value.p, 32);
    }

    return n;
}


static void
the_first_login_uploads_812_keys(void **state)
{
    bench_t          *b = *state;
    const wa_node_t  *iq;

    assert_int_equal(wa_prekey_left(b->a), -1);
    answer_count(b, 0);
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 1), 812);
    wa_peer_result(b->peer, iq, NULL);
    assert_int_equal(wa_prekey_left(b->a), 812);
    nothing_more(b);

    /* Told to be low at once: only the count is asked. */
    notify(b, "count");
    answer_count(b, 812);
    nothing_more(b);

    /* Low for real, later: 50 more, of a new block. */
    wa_peer_advance(b->peer, 700000);
    notify(b, "count");
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 832), 50);
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);
}


static void
keys_are_durable_before_they_leave(void **state)
{
    bench_t          *b = *state;
    const wa_node_t  *iq;

    wa_host_hold(b->host, true);
    answer_count(b, 2);
    nothing_more(b);
    assert_int_equal(wa_host_held(b->host), 1);

    wa_host_hold(b->host, false);
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 1), 812);
}


static void
a_batch_without_a_result_is_not_sent_again(void **state)
{
    bench_t          *b = *state;
    const wa_node_t  *iq;

    answer_count(b, 0);
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 1), 812);
    wa_peer_drop(b->peer);
    wa_prekey_offline(b->a);
    assert_int_equal(wa_prekey_left(b->a), -1);

    /* It never arrived: another one, the first is deleted. */
    wa_peer_login(b->peer);
    answer_count(b, 0);
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 832), 812);
    assert_null(wa_host_record(b->host, "pk/3", 0).p);
    assert_non_null(wa_host_record(b->host, "pk/14", 0).p);
    wa_peer_drop(b->peer);
    wa_prekey_offline(b->a);

    /* It did arrive: nothing to upload, and from now on 50. */
    wa_peer_login(b->peer);
    answer_count(b, 800);
    iq = next_iq(b, "digest");
    wa_peer_error(b->peer, iq, 503);
    iq = next_iq(b, "rotate");
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);
    notify(b, "count");
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 1664), 50);
}


/* <digest> over the keys of an upload, without the first `used` ones. */
static wa_node_t *
digest_node(bench_t *b, const wa_node_t *upload, size_t used)
{
    size_t            n;
    uint8_t          *hash;
    wa_node_t        *d, *skey, *list;
    wa_span_t         keys[812];
    const wa_node_t  *from, *key;

    d = wa_node_new(b->arena, "digest");
    wa_node_bytes(wa_node_add_new(b->arena, d, "registration"),
                  wa_node_child_content(upload, "registration"));
    wa_node_bytes(wa_node_add_new(b->arena, d, "identity"),
                  wa_node_child_content(upload, "identity"));
    from = wa_node_child(upload, "skey");
    skey = wa_node_add_new(b->arena, d, "skey");
    wa_node_bytes(wa_node_add_new(b->arena, skey, "id"),
                  wa_node_child_content(from, "id"));
    wa_node_bytes(wa_node_add_new(b->arena, skey, "value"),
                  wa_node_child_content(from, "value"));
    wa_node_bytes(wa_node_add_new(b->arena, skey, "signature"),
                  wa_node_child_content(from, "signature"));
    list = wa_node_add_new(b->arena, d, "list");
    n = 0;

    for (key = wa_node_first(wa_node_child(upload, "list")); key != NULL;
         key = key->next)
    {
        if (used > 0) {
            used--;
            continue;
        }

        wa_node_bytes(wa_node_add_new(b->arena, list, "id"),
                      wa_node_child_content(key, "id"));
        keys[n++] = wa_node_child_content(key, "value");
    }

    hash = wa_arena_alloc(b->arena, 20);
    assert_int_equal(wa_prekey_digest(b->a->creds->identity.pub,
                         wa_node_child_content(from, "value").p,
                         wa_node_child_content(from, "signature").p, keys, n,
                         hash), WA_OK);
    wa_node_bytes(wa_node_add_new(b->arena, d, "hash"), wa_span(hash, 20));

    return d;
}


static void
digests_are_compared(void **state)
{
    bench_t          *b = *state;
    wa_node_t        *d, *hash;
    const wa_node_t  *iq, *upload;

    answer_count(b, 0);
    upload = next_iq(b, "list");
    wa_peer_result(b->peer, upload, NULL);
    nothing_more(b);

    /* Agreement. */
    notify(b, "digest");
    iq = next_iq(b, "digest");
    wa_peer_result(b->peer, iq, digest_node(b, upload, 100));
    nothing_more(b);

    /* A truncated hash is compared as far as it goes. */
    notify(b, "digest");
    iq = next_iq(b, "digest");
    d = digest_node(b, upload, 100);
    hash = wa_node_child(d, "hash");
    hash->bytes.n = 8;
    wa_peer_result(b->peer, iq, d);
    nothing_more(b);

    /* Another hash: a full upload, unless one was made just now. */
    wa_peer_advance(b->peer, 700000);
    notify(b, "digest");
    iq = next_iq(b, "digest");
    d = digest_node(b, upload, 0);
    hash = wa_node_child(d, "hash");
    hash->bytes = wa_span("12345678901234567890", 20);
    wa_peer_result(b->peer, iq, d);
    iq = next_iq(b, "list");
    assert_int_equal(check_upload(b, iq, 832), 812);
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);

    /* The server lost everything, but an upload has just ended. */
    notify(b, "digest");
    iq = next_iq(b, "digest");
    wa_peer_error(b->peer, iq, 404);
    answer_count(b, 0);
    iq = next_iq(b, "list");
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);
}


static void
the_signed_prekey_rotates_by_age(void **state)
{
    bench_t             *b = *state;
    uint32_t             id;
    wa_signed_prekey_t   old, read;
    const wa_node_t     *iq, *skey;

    answer_count(b, 0);
    iq = next_iq(b, "list");
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);
    b->a->creds->signed_prekey.created_s -= 28 * 86400;
    old = b->a->creds->signed_prekey;
    wa_peer_drop(b->peer);
    wa_prekey_offline(b->a);
    wa_peer_login(b->peer);
    answer_count(b, 500);
    iq = next_iq(b, "rotate");
    skey = wa_node_child(wa_node_child(iq, "rotate"), "skey");
    id = u24(wa_node_child_content(skey, "id"));
    assert_int_equal(id, old.id + 1);
    assert_int_equal(b->a->creds->signed_prekey.id, id);
    assert_true(wa_span_eq(wa_node_child_content(skey, "value"),
                    wa_span(b->a->creds->signed_prekey.key.pub, 32)));
    assert_non_null(wa_host_record(b->host, "spk/1", 0).p);

    /* Without an answer the same key is sent at the next login. */
    wa_peer_drop(b->peer);
    wa_prekey_offline(b->a);
    wa_peer_login(b->peer);
    answer_count(b, 500);
    iq = next_iq(b, "rotate");
    skey = wa_node_child(wa_node_child(iq, "rotate"), "skey");
    assert_int_equal(u24(wa_node_child_content(skey, "id")), id);
    wa_peer_result(b->peer, iq, NULL);
    nothing_more(b);

    /* The old one still opens a late pkmsg. */
    wa_host_need(b->host, b->a, "spk/1");
    assert_int_equal(wa_prekey_signed_get(b->a, 1, &read), WA_OK);
    assert_memory_equal(read.key.priv, old.key.priv, 32);
    assert_memory_equal(read.signature, old.signature, 64);
    assert_int_equal(read.created_s, old.created_s);
}


static void
blocks_lose_exactly_the_used_key(void **state)
{
    bench_t    *b = *state;
    size_t      i, j;
    uint8_t     priv[130][32], got[32];
    wa_unit_t  *u;
    wa_span_t   value;

    for (i = 0; i < 130; i++) {
        memset(priv[i], (int) i, 32);
    }

    u = wa_unit_new(b->a);
    assert_int_equal(wa_prekey_blocks_put(u, 1,
                         (const uint8_t (*)[32]) priv, 130), WA_OK);

    for (i = 0; i < 130; i++) {
        j = (i * 37) % 130;
        assert_int_equal(wa_prekey_get(b->a, (uint32_t) j + 1, got), WA_OK);
        assert_memory_equal(got, priv[j], 32);
        assert_int_equal(wa_prekey_remove(u, (uint32_t) j + 1), WA_OK);
        assert_int_equal(wa_prekey_get(b->a, (uint32_t) j + 1, got),
                         WA_ERR_NO_SESSION);
        /* Twice does no harm. */
        assert_int_equal(wa_prekey_remove(u, (uint32_t) j + 1), WA_OK);
    }

    assert_int_equal(wa_record_get(b->a, "pk/1", 0, &value), WA_OK);
    assert_null(value.p);
    assert_int_equal(wa_prekey_get(b->a, 0, got), WA_ERR_NO_SESSION);
    assert_int_equal(wa_prekey_get(b->a, WA_PREKEY_ID_MAX + 1, got),
                     WA_ERR_NO_SESSION);
    assert_int_equal(wa_prekey_get(b->a, 9999, got), WA_ERR_STATE);
    wa_unit_drop(u);
}


static void
keys_for_retry_receipts_are_apart(void **state)
{
    bench_t    *b = *state;
    char        name[WA_PREKEY_NAME_LEN];
    size_t      i;
    uint8_t     pub[32], want[32], priv[32];
    uint32_t    id, first, last;
    wa_unit_t  *u;
    wa_span_t   value;

    answer_count(b, 500);
    first = 0;
    last = 0;

    for (i = 0; i < 300; i++) {
        u = wa_unit_new(b->a);
        assert_int_equal(wa_prekey_take(u, &id, pub), WA_OK);
        assert_true(id >= WA_PREKEY_RETRY_MIN && id <= WA_PREKEY_ID_MAX);
        assert_true(i == 0 || id == last + 1);
        assert_int_equal(wa_prekey_get(b->a, id, priv), WA_OK);
        assert_int_equal(wa_x25519_public(want, priv), WA_OK);
        assert_memory_equal(pub, want, 32);
        assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
        wa_host_drain(b->host);
        first = i == 0 ? id : first;
        last = id;
    }

    wa_prekey_name(first, name);
    value = wa_host_record(b->host, name, 0);
    assert_null(value.p);
    wa_prekey_name(last, name);
    assert_non_null(wa_host_record(b->host, name, 0).p);

    u = wa_unit_new(b->a);
    assert_int_equal(wa_prekey_remove(u, last), WA_OK);
    assert_int_equal(wa_prekey_get(b->a, last, priv), WA_ERR_NO_SESSION);
    wa_unit_drop(u);
    assert_int_equal(wa_prekey_get(b->a, last, priv), WA_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(the_first_login_uploads_812_keys,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(keys_are_durable_before_they_leave,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_batch_without_a_result_is_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(digests_are_compared, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_signed_prekey_rotates_by_age,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_lose_exactly_the_used_key,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(keys_for_retry_receipts_are_apart,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
