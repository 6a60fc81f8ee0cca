/* Noise: the XX transcript, certificates, damaged handshakes, transport. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_failmem.h"
#include "wa_limits.h"
#include "wa_noise.h"
#include "wa_vectors.h"


/* Inside the validity of the test certificates. */
#define NOW_S  1763690000


typedef struct {
    wa_vectors_t    v;
    json_t         *xx;
    wa_span_t       root;
    wa_span_t       e_priv;
    wa_span_t       s_priv;
    wa_span_t       s_pub;
    wa_span_t       payload;
    wa_span_t       server_hello;
} xx_t;


static void
xx_open(xx_t *x)
{
    wa_vectors_open(&x->v, "noise.json");

    x->xx = wa_vectors_get(x->v.root, "handshakes.0");
    assert_string_equal(wa_vectors_str(x->xx, "pattern"), "XX");

    x->root = wa_vectors_hex(&x->v, x->v.root, "keys.root.pub");
    x->e_priv = wa_vectors_hex(&x->v, x->v.root, "keys.client_ephemeral.priv");
    x->s_priv = wa_vectors_hex(&x->v, x->v.root, "keys.client_static.priv");
    x->s_pub = wa_vectors_hex(&x->v, x->v.root, "keys.client_static.pub");
    x->payload = wa_vectors_hex(&x->v, x->xx, "client_payload");
    x->server_hello = wa_vectors_hex(&x->v, x->xx, "server_hello_protobuf");
}


/* A client that has sent its hello. */
static void
xx_start(xx_t *x, wa_noise_t *n)
{
    wa_buf_t  out = WA_BUF_EMPTY;

    assert_int_equal(wa_noise_init(n, x->e_priv.p), WA_OK);
    assert_int_equal(wa_noise_client_hello(n, &out), WA_OK);

    wa_buf_free(&out);
}


static wa_err_t
xx_finish(xx_t *x, wa_noise_t *n, wa_span_t hello, wa_buf_t *out)
{
    return wa_noise_server_hello(n, hello, x->root.p, x->s_priv.p, x->s_pub.p,
                                 x->payload, NOW_S, out);
}


/* A byte string that a vector frame holds behind its header. */
static wa_span_t
body_of(wa_span_t frame)
{
    return wa_span(frame.p + WA_FRAME_HEADER, frame.n - WA_FRAME_HEADER);
}


static void
transcript_matches_vectors(void **state)
{
    size_t      i;
    xx_t        x;
    json_t     *c;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_span_t   plain;
    wa_noise_t  n;
    wa_arena_t  arena;

    (void) state;

    xx_open(&x);
    wa_arena_init(&arena, 0);

    assert_int_equal(wa_noise_init(&n, x.e_priv.p), WA_OK);

    assert_int_equal(wa_frame_intro(wa_span_none(), &out), WA_OK);
    assert_int_equal(wa_noise_client_hello(&n, &out), WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                           wa_vectors_hex(&x.v, x.xx, "wire_1_client")));

    out.n = 0;
    assert_int_equal(xx_finish(&x, &n,
                body_of(wa_vectors_hex(&x.v, x.xx, "wire_2_server")), &out),
                WA_OK);
    assert_true(wa_span_eq(wa_span_buf(&out),
                           wa_vectors_hex(&x.v, x.xx, "wire_3_client")));
    assert_int_equal(n.state, WA_NOISE_TRANSPORT);
    assert_memory_equal(n.write_key,
                        wa_vectors_hex(&x.v, x.xx, "client_write_key").p, 32);
    assert_memory_equal(n.read_key,
                        wa_vectors_hex(&x.v, x.xx, "client_read_key").p, 32);

    json_array_foreach(wa_vectors_get(x.xx, "client_to_server"), i, c) {
        out.n = 0;
        assert_int_equal(wa_noise_seal(&n,
                             wa_vectors_hex(&x.v, c, "plaintext"), &out),
                         WA_OK);
        assert_true(wa_span_eq(wa_span_buf(&out),
                               wa_vectors_hex(&x.v, c, "frame")));
    }

    json_array_foreach(wa_vectors_get(x.xx, "server_to_client"), i, c) {
        assert_int_equal(wa_noise_open(&n,
                             body_of(wa_vectors_hex(&x.v, c, "frame")),
                             &arena, &plain), WA_OK);
        assert_true(wa_span_eq(plain, wa_vectors_hex(&x.v, c, "plaintext")));
    }

    wa_noise_wipe(&n);
    wa_arena_free(&arena);
    wa_buf_free(&out);
    wa_vectors_close(&x.v);
}


/* A client that has said hello as one whom the server knows. */
static void
ik_start(xx_t *x, wa_noise_t *n, const uint8_t *server, json_t *vector,
    const char *hello)
{
    wa_buf_t   out = WA_BUF_EMPTY;
    wa_span_t  want;

    want = wa_vectors_hex(&x->v, vector, hello);

    assert_int_equal(wa_noise_init(n, x->e_priv.p), WA_OK);
    assert_int_equal(wa_noise_resume(n, server, x->s_priv.p, x->s_pub.p,
                                     x->payload, &out), WA_OK);
    assert_true(wa_span_eq(body_of(wa_span_buf(&out)), want));

    wa_buf_free(&out);
}


static void
known_server_is_resumed_with(void **state)
{
    xx_t        x;
    json_t     *ik;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_span_t   hello;
    wa_noise_t  n;

    (void) state;

    xx_open(&x);
    ik = wa_vectors_get(x.v.root, "handshakes.1");
    assert_string_equal(wa_vectors_str(ik, "pattern"), "IK");
    hello = wa_vectors_hex(&x.v, ik, "server_hello_protobuf");

    ik_start(&x, &n, wa_vectors_hex(&x.v, x.v.root,
                                    "keys.server_static.pub").p, ik,
             "client_hello_protobuf");
    assert_int_equal(xx_finish(&x, &n, hello, &out), WA_OK);
    assert_int_equal(out.n, 0);
    assert_true(n.resumed);
    assert_int_equal(n.state, WA_NOISE_TRANSPORT);
    assert_memory_equal(n.write_key,
                        wa_vectors_hex(&x.v, ik, "client_write_key").p, 32);
    assert_memory_equal(n.read_key,
                        wa_vectors_hex(&x.v, ik, "client_read_key").p, 32);

    /* The same answer is nothing for another key. */

    wa_noise_wipe(&n);
    assert_int_equal(wa_noise_init(&n, x.e_priv.p), WA_OK);
    assert_int_equal(wa_noise_resume(&n, x.root.p, x.s_priv.p, x.s_pub.p,
                                     x.payload, &out), WA_OK);
    out.n = 0;
    assert_int_equal(xx_finish(&x, &n, hello, &out), WA_ERR_AUTH);
    assert_int_equal(n.state, WA_NOISE_FAILED);
    assert_int_equal(n.cert, WA_CERT_OK);
    assert_int_equal(out.n, 0);

    wa_buf_free(&out);
    wa_vectors_close(&x.v);
}


static void
unknown_key_falls_back_to_xx(void **state)
{
    xx_t        x;
    json_t     *fb;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_noise_t  n;

    (void) state;

    xx_open(&x);
    fb = wa_vectors_get(x.v.root, "handshakes.2");
    assert_string_equal(wa_vectors_str(fb, "pattern"), "XXfallback");

    ik_start(&x, &n, wa_vectors_hex(&x.v, fb, "stale_server_static.pub").p,
             fb, "ik_client_hello_protobuf");
    assert_int_equal(xx_finish(&x, &n,
                         wa_vectors_hex(&x.v, fb, "server_hello_protobuf"),
                         &out), WA_OK);
    assert_true(wa_span_eq(body_of(wa_span_buf(&out)),
                    wa_vectors_hex(&x.v, fb, "client_finish_protobuf")));
    assert_false(n.resumed);
    assert_memory_equal(n.write_key,
                        wa_vectors_hex(&x.v, fb, "client_write_key").p, 32);
    assert_memory_equal(n.read_key,
                        wa_vectors_hex(&x.v, fb, "client_read_key").p, 32);

    /* What to resume with the next time. */

    assert_memory_equal(n.server.key,
                        wa_vectors_hex(&x.v, x.v.root,
                                       "keys.server_static.pub").p, 32);
    assert_true(wa_noise_server_valid(&n.server, NOW_S));
    assert_false(wa_noise_server_valid(&n.server, 0));
    assert_false(wa_noise_server_valid(&n.server,
                                       (int64_t) n.server.not_after));

    wa_buf_free(&out);
    wa_vectors_close(&x.v);
}


static void
wrong_root_is_told_from_wrong_bytes(void **state)
{
    xx_t        x;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_noise_t  n;

    (void) state;

    xx_open(&x);
    xx_start(&x, &n);

    assert_int_equal(wa_noise_server_hello(&n, x.server_hello,
                         wa_noise_root_production, x.s_priv.p, x.s_pub.p,
                         x.payload, NOW_S, &out), WA_ERR_AUTH);
    assert_int_equal(n.cert, WA_CERT_ROOT);
    assert_int_equal(n.state, WA_NOISE_FAILED);
    assert_int_equal(out.n, 0);
    assert_string_equal(wa_cert_name((wa_cert_e) n.cert), "root");

    assert_int_equal(xx_finish(&x, &n, x.server_hello, &out), WA_ERR_STATE);
    assert_int_equal(wa_noise_client_hello(&n, &out), WA_ERR_STATE);

    assert_memory_equal(wa_noise_root_production,
        wa_vectors_hex(&x.v, x.v.root, "production_root_public_key").p, 32);

    wa_buf_free(&out);
    wa_vectors_close(&x.v);
}


static void
every_bit_of_the_hello_is_authenticated(void **state)
{
    xx_t        x;
    size_t      i;
    uint8_t    *copy;
    wa_err_t    rc;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_noise_t  ready, n;

    (void) state;

    xx_open(&x);
    xx_start(&x, &ready);

    copy = malloc(x.server_hello.n);
    assert_non_null(copy);
    memcpy(copy, x.server_hello.p, x.server_hello.n);

    for (i = 0; i < x.server_hello.n * 8; i++) {
        copy[i / 8] ^= (uint8_t) (1u << i % 8);

        n = ready;
        rc = xx_finish(&x, &n, wa_span(copy, x.server_hello.n), &out);

        copy[i / 8] ^= (uint8_t) (1u << i % 8);

        /* X25519 ignores the top bit of a public key, but h does not */

        assert_true(rc == WA_ERR_AUTH || rc == WA_ERR_SYNTAX);
        assert_int_equal(n.state, WA_NOISE_FAILED);
        assert_int_equal(out.n, 0);
    }

    for (i = 0; i < x.server_hello.n; i++) {
        n = ready;
        assert_int_equal(xx_finish(&x, &n, wa_span(copy, i), &out),
                         WA_ERR_SYNTAX);
    }

    free(copy);
    wa_buf_free(&out);
    wa_vectors_close(&x.v);
}


/* -- certificates ---------------------------------------------------------- */

static void
put_field(wa_buf_t *b, uint8_t number, wa_span_t body)
{
    uint8_t  head[3];

    head[0] = (uint8_t) (number << 3 | 2);
    head[1] = (uint8_t) (0x80 | (body.n & 0x7f));
    head[2] = (uint8_t) (body.n >> 7);

    assert_int_equal(wa_buf_append(b, head, 3), WA_OK);
    assert_int_equal(wa_buf_append_span(b, body), WA_OK);
}


static void
put_cert(wa_buf_t *chain, uint8_t number, wa_span_t details,
    wa_span_t signature)
{
    wa_buf_t  cert = WA_BUF_EMPTY;

    put_field(&cert, 1, details);
    put_field(&cert, 2, signature);
    put_field(chain, number, wa_span_buf(&cert));
    wa_buf_free(&cert);
}


static void
put_number(wa_buf_t *b, uint8_t number, uint64_t v)
{
    uint8_t  byte;

    byte = (uint8_t) (number << 3);
    assert_int_equal(wa_buf_append(b, &byte, 1), WA_OK);

    do {
        byte = (uint8_t) ((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        assert_int_equal(wa_buf_append(b, &byte, 1), WA_OK);
        v >>= 7;
    } while (v != 0);
}


typedef struct {
    uint32_t        serial;
    uint32_t        issuer;
    uint64_t        from;
    uint64_t        to;
    const uint8_t  *key;
    const uint8_t  *signer;         /* private key */
} cert_t;


static void
make_cert(wa_buf_t *chain, uint8_t number, const cert_t *c)
{
    uint8_t    sig[64], random[64] = { 3 };
    wa_buf_t   details = WA_BUF_EMPTY;
    wa_span_t  part;

    put_number(&details, 1, c->serial);
    put_number(&details, 2, c->issuer);
    put_field(&details, 3, wa_span(c->key, 32));
    put_number(&details, 4, c->from);
    put_number(&details, 5, c->to);

    part = wa_span_buf(&details);
    assert_int_equal(wa_xeddsa_sign(sig, c->signer, &part, 1, random), WA_OK);
    put_cert(chain, number, part, wa_span(sig, 64));

    wa_buf_free(&details);
}


static void
certificates_are_checked_link_by_link(void **state)
{
    size_t     i;
    uint8_t    root[2][32], mid[2][32], leaf[2][32], other[2][32];
    wa_buf_t   chain = WA_BUF_EMPTY;
    wa_cert_e  why;
    wa_err_t   rc;

    /* which field of which certificate differs, and what must be said */
    static const struct {
        const char  *what;
        uint32_t     mid_issuer;
        uint32_t     leaf_issuer;
        int          wrong_mid_signer;
        int          wrong_leaf_signer;
        int          wrong_leaf_key;
        uint64_t     mid_to;
        uint64_t     leaf_from;
        wa_cert_e    want;
    } rows[] = {
        { "good", 0, 7, 0, 0, 0, 2000, 1000, WA_CERT_OK },
        { "foreign root", 0, 7, 1, 0, 0, 2000, 1000, WA_CERT_ROOT },
        { "issuer of intermediate", 1, 7, 0, 0, 0, 2000, 1000,
          WA_CERT_ISSUER },
        { "issuer of leaf", 0, 8, 0, 0, 0, 2000, 1000, WA_CERT_ISSUER },
        { "leaf signature", 0, 7, 0, 1, 0, 2000, 1000, WA_CERT_LEAF },
        { "leaf key", 0, 7, 0, 0, 1, 2000, 1000, WA_CERT_KEY },
        { "intermediate over", 0, 7, 0, 0, 0, 1500, 1000, WA_CERT_TIME },
        { "leaf not yet", 0, 7, 0, 0, 0, 2000, 1501, WA_CERT_TIME },
        { "at its first second", 0, 7, 0, 0, 0, 2000, 1500, WA_CERT_OK },
        { "at its last second", 0, 7, 0, 0, 0, 1501, 1000, WA_CERT_OK }
    };

    (void) state;

    assert_int_equal(wa_x25519_keypair(root[0], root[1]), WA_OK);
    assert_int_equal(wa_x25519_keypair(mid[0], mid[1]), WA_OK);
    assert_int_equal(wa_x25519_keypair(leaf[0], leaf[1]), WA_OK);
    assert_int_equal(wa_x25519_keypair(other[0], other[1]), WA_OK);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cert_t  m = { 7, rows[i].mid_issuer, 1000, rows[i].mid_to, mid[1],
                      rows[i].wrong_mid_signer ? other[0] : root[0] };
        cert_t  l = { 9, rows[i].leaf_issuer, rows[i].leaf_from, 2000,
                      rows[i].wrong_leaf_key ? other[1] : leaf[1],
                      rows[i].wrong_leaf_signer ? other[0] : mid[0] };

        chain.n = 0;
        make_cert(&chain, 1, &l);
        make_cert(&chain, 2, &m);

        rc = wa_noise_cert_check(wa_span_buf(&chain), root[1], leaf[1], 1500,
                                 &why);

        if (why != rows[i].want || (rc == WA_OK) != (why == WA_CERT_OK)) {
            fail_msg("%s: %s", rows[i].what, wa_cert_name(why));
        }
    }

    for (i = 0; i < chain.n; i++) {
        assert_int_equal(wa_noise_cert_check(wa_span(chain.p, i), root[1],
                                             leaf[1], 1500, &why),
                         WA_ERR_AUTH);
        assert_int_equal(why, WA_CERT_FORMAT);
    }

    assert_int_equal(wa_noise_cert_check(wa_span_buf(&chain), root[1],
                                         leaf[1], -1, &why), WA_ERR_AUTH);
    assert_int_equal(why, WA_CERT_TIME);
    assert_string_equal(wa_cert_name((wa_cert_e) 99), "unknown");

    wa_buf_free(&chain);
}


static void
bad_vector_certificate_is_refused(void **state)
{
    xx_t       x;
    wa_buf_t   chain = WA_BUF_EMPTY;
    wa_cert_e  why;
    wa_span_t  key;

    (void) state;

    xx_open(&x);
    key = wa_vectors_hex(&x.v, x.v.root, "keys.server_static.pub");

    assert_int_equal(wa_noise_cert_check(
                         wa_vectors_hex(&x.v, x.xx, "cert_chain_protobuf"),
                         x.root.p, key.p, NOW_S, &why), WA_OK);

    put_cert(&chain, 1, wa_vectors_hex(&x.v, x.v.root, "cert.leaf_details"),
             wa_vectors_hex(&x.v, x.v.root, "cert.bad_leaf_signature"));
    put_cert(&chain, 2,
             wa_vectors_hex(&x.v, x.v.root, "cert.intermediate_details"),
             wa_vectors_hex(&x.v, x.v.root,
                            "cert.intermediate_signature_by_root"));

    assert_int_equal(wa_noise_cert_check(wa_span_buf(&chain), x.root.p, key.p,
                                         NOW_S, &why), WA_ERR_AUTH);
    assert_int_equal(why, WA_CERT_LEAF);

    wa_buf_free(&chain);
    wa_vectors_close(&x.v);
}


/* -- transport ------------------------------------------------------------- */

/* Two transports with crossed keys, as client and server would have. */
static void
transport_pair(wa_noise_t *a, wa_noise_t *b)
{
    memset(a, 0, sizeof(*a));
    memset(b, 0, sizeof(*b));

    memset(a->write_key, 1, 32);
    memset(b->read_key, 1, 32);
    memset(a->read_key, 2, 32);
    memset(b->write_key, 2, 32);

    a->state = WA_NOISE_TRANSPORT;
    b->state = WA_NOISE_TRANSPORT;
}


static void
transport_counts_and_authenticates(void **state)
{
    size_t      i;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_buf_t    old = WA_BUF_EMPTY;
    wa_span_t   plain;
    wa_noise_t  a, b;
    wa_arena_t  arena;

    static const uint8_t  text[300];

    (void) state;

    wa_arena_init(&arena, 0);
    transport_pair(&a, &b);

    for (i = 0; i < sizeof(text); i++) {
        out.n = 0;
        assert_int_equal(wa_noise_seal(&a, wa_span(text, i), &out), WA_OK);
        assert_int_equal(out.n, WA_FRAME_HEADER + i + WA_GCM_TAG_LEN);
        assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                       &plain), WA_OK);
        assert_true(wa_span_eq(plain, wa_span(text, i)));
        wa_arena_reset(&arena);
    }

    /* a frame again: the counter has moved, the stream is over */

    assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                   &plain), WA_ERR_AUTH);
    assert_int_equal(b.state, WA_NOISE_FAILED);
    assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                   &plain), WA_ERR_STATE);
    assert_int_equal(wa_noise_seal(&b, plain, &old), WA_ERR_STATE);

    transport_pair(&a, &b);
    assert_int_equal(wa_noise_open(&b, wa_span(text, 15), &arena, &plain),
                     WA_ERR_AUTH);

    /* a nonce is never used twice */

    transport_pair(&a, &b);
    a.write_n = UINT32_MAX - 1;
    b.read_n = UINT32_MAX;
    out.n = 0;
    assert_int_equal(wa_noise_seal(&a, wa_span(text, 1), &out), WA_OK);
    assert_int_equal(wa_noise_seal(&a, wa_span(text, 1), &out),
                     WA_ERR_LIMIT);
    assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                   &plain), WA_ERR_LIMIT);

    transport_pair(&a, &b);
    assert_int_equal(wa_noise_seal(&a, wa_span(text, WA_FRAME_MAX - 15),
                                   &out), WA_ERR_LIMIT);

    /* no memory: nothing happened, the frame can be opened later */

    out.n = 0;
    assert_int_equal(wa_noise_seal(&a, wa_span(text, 9), &out), WA_OK);
    wa_arena_free(&arena);
    wa_arena_set_limit(&arena, 4);
    assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                   &plain), WA_ERR_NOMEM);
    wa_arena_set_limit(&arena, 100000);
    assert_int_equal(wa_noise_open(&b, body_of(wa_span_buf(&out)), &arena,
                                   &plain), WA_OK);

    wa_arena_free(&arena);
    wa_buf_free(&out);
    wa_buf_free(&old);
}


static void
calls_out_of_order_are_refused(void **state)
{
    xx_t        x;
    wa_buf_t    out = WA_BUF_EMPTY;
    wa_span_t   plain;
    wa_noise_t  n, m;
    wa_arena_t  arena;

    (void) state;

    xx_open(&x);
    wa_arena_init(&arena, 0);

    assert_int_equal(wa_noise_init(&n, NULL), WA_OK);
    assert_int_equal(wa_noise_init(&m, NULL), WA_OK);
    assert_memory_not_equal(n.e_priv, m.e_priv, 32);

    assert_int_equal(xx_finish(&x, &n, x.server_hello, &out), WA_ERR_STATE);
    assert_int_equal(wa_noise_seal(&n, x.payload, &out), WA_ERR_STATE);
    assert_int_equal(wa_noise_open(&n, x.payload, &arena, &plain),
                     WA_ERR_STATE);
    assert_int_equal(out.n, 0);
    assert_int_equal(wa_noise_client_hello(&n, &out), WA_OK);
    assert_int_equal(wa_noise_client_hello(&n, &out), WA_ERR_STATE);

    /* another ephemeral than the server answered to */

    out.n = 0;
    assert_int_equal(xx_finish(&x, &n, x.server_hello, &out), WA_ERR_AUTH);
    assert_int_equal(n.cert, WA_CERT_OK);
    assert_int_equal(out.n, 0);

    wa_buf_free(&out);
    wa_arena_free(&arena);
    wa_vectors_close(&x.v);
}


/* Failed allocations leave the object as it was: the retry succeeds. */
static wa_err_t
noise_scenario(void *data)
{
    xx_t        *x;
    wa_err_t     rc, again;
    wa_buf_t     out = WA_BUF_EMPTY;
    wa_noise_t   n;

    x = data;

    assert_int_equal(wa_noise_init(&n, x->e_priv.p), WA_OK);

    rc = wa_noise_client_hello(&n, &out);
    if (rc != WA_OK) {
        assert_int_equal(wa_noise_client_hello(&n, &out), WA_OK);
    }

    out.n = 0;

    again = xx_finish(x, &n, x->server_hello, &out);
    if (again != WA_OK) {
        assert_int_equal(again, WA_ERR_NOMEM);
        assert_int_equal(out.n, 0);
        assert_int_equal(xx_finish(x, &n, x->server_hello, &out), WA_OK);
        rc = again;
    }

    assert_int_equal(n.state, WA_NOISE_TRANSPORT);
    wa_buf_free(&out);

    again = wa_noise_seal(&n, x->payload, &out);
    if (again != WA_OK) {
        assert_int_equal(n.write_n, 0);
        rc = again;
    }

    wa_noise_wipe(&n);
    wa_buf_free(&out);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    xx_t  x;

    (void) state;

    xx_open(&x);
    WA_FAILMEM_RUN(noise_scenario, &x);
    wa_vectors_close(&x.v);
}


static int
setup(void **state)
{
    (void) state;

    return wa_crypto_init() == WA_OK ? 0 : -1;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(transcript_matches_vectors),
        cmocka_unit_test(known_server_is_resumed_with),
        cmocka_unit_test(unknown_key_falls_back_to_xx),
        cmocka_unit_test(wrong_root_is_told_from_wrong_bytes),
        cmocka_unit_test(every_bit_of_the_hello_is_authenticated),
        cmocka_unit_test(certificates_are_checked_link_by_link),
        cmocka_unit_test(bad_vector_certificate_is_refused),
        cmocka_unit_test(transport_counts_and_authenticates),
        cmocka_unit_test(calls_out_of_order_are_refused),
        cmocka_unit_test(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
