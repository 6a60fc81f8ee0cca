#include <stdio.h>
#include <stdlib.h>

#include "handshake.pb-c.h"

#include "wa_account_int.h"
#include "wa_crypto.h"
#include "wa_noise.h"
#include "wa_node_codec.h"
#include "wa_pb.h"
#include "wa_peer.h"


#define PEER_STANZAS  4096
#define PEER_STEP_MS  5000            /* pings want an answer in time     */
#define PEER_GUID     "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define PEER_CHECK(x)                                                         \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);           \
            exit(99);                                                         \
        }                                                                     \
    } while (0)


typedef enum {
    PEER_UPGRADE = 0,
    PEER_HELLO,
    PEER_FINISH,
    PEER_OPEN
} peer_phase_e;

struct wa_peer_s {
    wa_host_t      *host;
    wa_account_t   *a;
    wa_arena_t      arena;
    wa_keypair_t    root;
    wa_keypair_t    intermediate;
    wa_keypair_t    leaf;
    wa_keypair_t    ephemeral;
    wa_noise_t      noise;
    uint8_t         phase;
    wa_buf_t        stream;             /* unmasked bytes from the client  */
    bool            intro;
    wa_node_t      *nodes[PEER_STANZAS];
    size_t          n_nodes;
    size_t          next;
};


static void peer_pump(wa_peer_t *p);


static void
peer_keypair(wa_keypair_t *k)
{
    PEER_CHECK(wa_x25519_keypair(k->priv, k->pub) == WA_OK);
}


wa_peer_t *
wa_peer_create(wa_host_t *h)
{
    wa_peer_t  *p;

    p = calloc(1, sizeof(*p));
    PEER_CHECK(p != NULL);
    wa_arena_init(&p->arena, 0);
    p->host = h;
    p->a = wa_host_account(h);
    peer_keypair(&p->root);
    peer_keypair(&p->intermediate);
    peer_keypair(&p->leaf);
    memcpy(wa_host_engine(h)->conf.noise_root_key, p->root.pub, 32);

    return p;
}


void
wa_peer_free(wa_peer_t *p)
{
    wa_buf_free(&p->stream);
    wa_arena_free(&p->arena);
    free(p);
}


wa_arena_t *
wa_peer_arena(wa_peer_t *p)
{
    return &p->arena;
}


void
wa_peer_link(wa_peer_t *p, const char *pn, const char *lid)
{
    wa_unit_t   *u;
    wa_creds_t  *c;

    c = p->a->creds;
    PEER_CHECK(wa_jid_parse(wa_span_str(pn), &c->jid) == WA_OK);
    PEER_CHECK(wa_jid_parse(wa_span_str(lid), &c->lid) == WA_OK);
    c->linked = true;
    PEER_CHECK(wa_buf_append_str(&c->device_identity, "identity") == WA_OK);
    u = wa_unit_new(p->a);
    PEER_CHECK(wa_creds_save(u) == WA_OK);
    PEER_CHECK(wa_unit_commit(u, NULL) == WA_OK);
    wa_host_drain(p->host);
}


/* ---- bytes ---- */

static void
peer_feed(wa_peer_t *p, wa_span_t bytes)
{
    (void) wa_account_feed(p->a, bytes, wa_host_now(p->host));
    wa_host_drain(p->host);
}


/* One unmasked binary message. */
static void
peer_ws_message(wa_span_t payload, wa_buf_t *out)
{
    size_t   i;
    uint8_t  head[10];

    head[0] = 0x82;
    head[1] = 127;

    for (i = 0; i < 8; i++) {
        head[2 + i] = (uint8_t) ((uint64_t) payload.n >> (56 - 8 * i));
    }

    if (payload.n < 126) {
        head[1] = (uint8_t) payload.n;
        PEER_CHECK(wa_buf_append(out, head, 2) == WA_OK);

    } else if (payload.n < 65536) {
        head[1] = 126;
        head[2] = (uint8_t) (payload.n >> 8);
        head[3] = (uint8_t) payload.n;
        PEER_CHECK(wa_buf_append(out, head, 4) == WA_OK);

    } else {
        PEER_CHECK(wa_buf_append(out, head, 10) == WA_OK);
    }

    PEER_CHECK(wa_buf_append_span(out, payload) == WA_OK);
}


static void
peer_ws_send(wa_peer_t *p, wa_span_t payload)
{
    wa_buf_t  out = WA_BUF_EMPTY;

    peer_ws_message(payload, &out);
    peer_feed(p, wa_span_buf(&out));
    wa_buf_free(&out);
}


static void
peer_upgrade(wa_peer_t *p, wa_buf_t *in)
{
    char        *text, *key, *end, answer[256];
    uint8_t      hash[20];
    wa_buf_t     accept = WA_BUF_EMPTY;
    wa_span_t    parts[2];

    text = wa_arena_strdup(&p->arena, wa_span_buf(in));
    PEER_CHECK(text != NULL);
    end = strstr(text, "\r\n\r\n");

    if (end == NULL) {
        return;
    }

    key = strstr(text, "Sec-WebSocket-Key: ");
    PEER_CHECK(key != NULL);
    parts[0] = wa_span(key + 19, 24);
    parts[1] = wa_span_str(PEER_GUID);
    PEER_CHECK(wa_sha1(parts, 2, hash) == WA_OK);
    PEER_CHECK(wa_b64_encode(wa_span(hash, 20), WA_B64_STD, &accept)
               == WA_OK);
    (void) snprintf(answer, sizeof(answer),
                    "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: %.*s\r\n\r\n",
                    (int) accept.n, (char *) accept.p);
    wa_buf_free(&accept);
    wa_buf_consume(in, (size_t) (end + 4 - text));
    p->phase = PEER_HELLO;
    p->intro = true;
    peer_feed(p, wa_span_str(answer));
}


/* Moves the payload of complete client frames to p->stream. */
static void
peer_ws_read(wa_peer_t *p, wa_buf_t *in)
{
    size_t    i, head, len;
    uint8_t  *b, *mask;

    for ( ;; ) {
        b = in->p;

        if (in->n < 2) {
            return;
        }

        PEER_CHECK((b[1] & 0x80) != 0);
        len = b[1] & 0x7f;
        head = 2;

        if (len == 126 && in->n >= 4) {
            len = (size_t) b[2] << 8 | b[3];
            head = 4;

        } else if (len == 127 && in->n >= 10) {
            for (len = 0, i = 2; i < 10; i++) {
                len = len << 8 | b[i];
            }

            head = 10;

        } else if (len >= 126) {
            return;
        }

        if (in->n < head + 4 + len) {
            return;
        }

        mask = b + head;

        for (i = 0; i < len; i++) {
            b[head + 4 + i] ^= mask[i % 4];
        }

        if ((b[0] & 0x0f) == 2) {
            PEER_CHECK(wa_buf_append(&p->stream, b + head + 4, len)
                       == WA_OK);
        }

        wa_buf_consume(in, head + 4 + len);
    }
}


/* ---- Noise, responder ---- */

static void
noise_mix_hash(wa_noise_t *n, wa_span_t data)
{
    wa_span_t  parts[2];

    parts[0] = wa_span(n->h, 32);
    parts[1] = data;
    PEER_CHECK(wa_sha256(parts, 2, n->h) == WA_OK);
}


static void
noise_mix_key(wa_noise_t *n, const uint8_t priv[32], const uint8_t pub[32])
{
    uint8_t  secret[32], okm[64];

    PEER_CHECK(wa_x25519(secret, priv, pub) == WA_OK);
    PEER_CHECK(wa_hkdf(wa_span(secret, 32), wa_span(n->ck, 32),
                       wa_span_none(), okm, 64) == WA_OK);
    memcpy(n->ck, okm, 32);
    memcpy(n->k, okm + 32, 32);
    n->n = 0;
}


static wa_span_t
noise_seal(wa_peer_t *p, wa_span_t plain)
{
    uint8_t     nonce[12] = { 0 }, *out;
    wa_noise_t *n;

    n = &p->noise;
    nonce[11] = (uint8_t) n->n++;
    out = wa_arena_alloc(&p->arena, plain.n + 16);
    PEER_CHECK(wa_gcm_seal(n->k, nonce, wa_span(n->h, 32), plain, out)
               == WA_OK);
    noise_mix_hash(n, wa_span(out, plain.n + 16));

    return wa_span(out, plain.n + 16);
}


static wa_span_t
noise_open(wa_peer_t *p, wa_span_t in)
{
    uint8_t     nonce[12] = { 0 }, *out;
    wa_noise_t *n;

    n = &p->noise;
    nonce[11] = (uint8_t) n->n++;
    PEER_CHECK(in.n >= 16);
    out = wa_arena_alloc(&p->arena, in.n);
    PEER_CHECK(wa_gcm_open(n->k, nonce, wa_span(n->h, 32), in, out)
               == WA_OK);
    noise_mix_hash(n, in);

    return wa_span(out, in.n - 16);
}


static void
peer_certificate(Wa__CertChain__NoiseCertificate *cert,
    Wa__CertChain__NoiseCertificate__Details *d, wa_arena_t *arena,
    const uint8_t signer[32])
{
    uint8_t    random[64], *sig;
    wa_buf_t   buf = WA_BUF_EMPTY;
    wa_span_t  details;

    PEER_CHECK(WA_PB_PACK(d, &buf) == WA_OK);
    PEER_CHECK(wa_arena_dup_span(arena, wa_span_buf(&buf), &details)
               == WA_OK);
    wa_buf_free(&buf);
    sig = wa_arena_alloc(arena, 64);
    wa_random(random, 64);
    PEER_CHECK(wa_xeddsa_sign(sig, signer, &details, 1, random) == WA_OK);

    cert->has_details = 1;
    cert->details = wa_pb_bytes(details);
    cert->has_signature = 1;
    cert->signature = wa_pb_bytes(wa_span(sig, 64));
}


static wa_span_t
peer_chain(wa_peer_t *p)
{
    wa_buf_t                                   buf = WA_BUF_EMPTY;
    wa_span_t                                  out;
    Wa__CertChain                              chain;
    Wa__CertChain__NoiseCertificate            leaf, middle;
    Wa__CertChain__NoiseCertificate__Details   d;

    wa__cert_chain__init(&chain);
    wa__cert_chain__noise_certificate__init(&leaf);
    wa__cert_chain__noise_certificate__init(&middle);
    wa__cert_chain__noise_certificate__details__init(&d);

    d.has_serial = d.has_issuer_serial = d.has_key = 1;
    d.has_not_before = d.has_not_after = 1;
    d.not_before = 1;
    d.not_after = 4102444800;           /* 2100 */

    d.serial = 1;
    d.issuer_serial = 0;
    d.key = wa_pb_bytes(wa_span(p->intermediate.pub, 32));
    peer_certificate(&middle, &d, &p->arena, p->root.priv);

    d.serial = 2;
    d.issuer_serial = 1;
    d.key = wa_pb_bytes(wa_span(p->leaf.pub, 32));
    peer_certificate(&leaf, &d, &p->arena, p->intermediate.priv);

    chain.leaf = &leaf;
    chain.intermediate = &middle;
    PEER_CHECK(WA_PB_PACK(&chain, &buf) == WA_OK);
    PEER_CHECK(wa_arena_dup_span(&p->arena, wa_span_buf(&buf), &out)
               == WA_OK);
    wa_buf_free(&buf);

    return out;
}


static void
peer_hello(wa_peer_t *p, wa_span_t frame)
{
    wa_buf_t                           body = WA_BUF_EMPTY;
    wa_buf_t                           out = WA_BUF_EMPTY;
    wa_span_t                          text;
    wa_noise_t                        *n;
    const uint8_t                     *client;
    Wa__HandshakeMessage              *hello, answer;
    Wa__HandshakeMessage__ServerHello  sh;

    static const uint8_t  name[32] = "Noise_XX_25519_AESGCM_SHA256\0\0\0";

    PEER_CHECK(WA_PB_UNPACK(wa__handshake_message__descriptor, frame,
                            &p->arena, &hello) == WA_OK);
    PEER_CHECK(hello->client_hello != NULL
               && hello->client_hello->ephemeral.len == 32);
    client = hello->client_hello->ephemeral.data;

    n = &p->noise;
    memset(n, 0, sizeof(*n));
    memcpy(n->h, name, 32);

    /* IK is declined: the hello counts as that of XXfallback. */

    if (hello->client_hello->has_static_) {
        text = wa_span_str("Noise_XXfallback_25519_AESGCM_SHA256");
        PEER_CHECK(wa_sha256(&text, 1, n->h) == WA_OK);
    }

    memcpy(n->ck, n->h, 32);
    memcpy(n->k, n->h, 32);
    noise_mix_hash(n, wa_span(wa_intro, WA_INTRO_LEN));
    noise_mix_hash(n, wa_span(client, 32));

    peer_keypair(&p->ephemeral);
    noise_mix_hash(n, wa_span(p->ephemeral.pub, 32));
    noise_mix_key(n, p->ephemeral.priv, client);

    wa__handshake_message__init(&answer);
    wa__handshake_message__server_hello__init(&sh);
    answer.server_hello = &sh;
    sh.has_ephemeral = sh.has_static_ = sh.has_payload = 1;
    sh.ephemeral = wa_pb_bytes(wa_span(p->ephemeral.pub, 32));
    sh.static_ = wa_pb_bytes(noise_seal(p, wa_span(p->leaf.pub, 32)));
    noise_mix_key(n, p->leaf.priv, client);
    sh.payload = wa_pb_bytes(noise_seal(p, peer_chain(p)));

    PEER_CHECK(WA_PB_PACK(&answer, &body) == WA_OK);
    PEER_CHECK(wa_frame_write(wa_span_buf(&body), &out) == WA_OK);
    p->phase = PEER_FINISH;
    peer_ws_send(p, wa_span_buf(&out));
    wa_buf_free(&body);
    wa_buf_free(&out);
}


static void
peer_finish(wa_peer_t *p, wa_span_t frame)
{
    uint8_t                okm[64];
    wa_span_t              key;
    wa_noise_t            *n;
    Wa__HandshakeMessage  *m;

    PEER_CHECK(WA_PB_UNPACK(wa__handshake_message__descriptor, frame,
                            &p->arena, &m) == WA_OK);
    PEER_CHECK(m->client_finish != NULL);
    n = &p->noise;
    key = noise_open(p, wa_pb_span(&m->client_finish->static_));
    PEER_CHECK(key.n == 32);
    noise_mix_key(n, p->ephemeral.priv, key.p);
    (void) noise_open(p, wa_pb_span(&m->client_finish->payload));

    PEER_CHECK(wa_hkdf(wa_span_none(), wa_span(n->ck, 32), wa_span_none(),
                       okm, 64) == WA_OK);
    memcpy(n->read_key, okm, 32);
    memcpy(n->write_key, okm + 32, 32);
    n->state = WA_NOISE_TRANSPORT;
    p->phase = PEER_OPEN;
}


/* ---- stanzas ---- */

static void
peer_stanza(wa_peer_t *p, wa_span_t frame)
{
    wa_span_t   plain;
    wa_node_t  *node;

    PEER_CHECK(wa_noise_open(&p->noise, frame, &p->arena, &plain) == WA_OK);
    PEER_CHECK(wa_node_unpack(plain, &p->arena, &node) == WA_OK);

    if (wa_node_is(node, "iq") && wa_node_attr_is(node, "xmlns", "w:p")) {
        wa_peer_result(p, node, NULL);
        return;
    }

    PEER_CHECK(p->n_nodes < PEER_STANZAS);
    p->nodes[p->n_nodes++] = node;
}


static void
peer_frames(wa_peer_t *p)
{
    size_t    len;
    uint8_t  *b, *body;

    if (p->intro && p->stream.n >= WA_INTRO_LEN) {
        PEER_CHECK(memcmp(p->stream.p, wa_intro, WA_INTRO_LEN) == 0);
        wa_buf_consume(&p->stream, WA_INTRO_LEN);
        p->intro = false;
    }

    while (!p->intro && p->stream.n >= 3) {
        b = p->stream.p;
        len = (size_t) b[0] << 16 | (size_t) b[1] << 8 | b[2];

        if (p->stream.n < 3 + len) {
            return;
        }

        body = wa_arena_dup(&p->arena, b + 3, len);
        PEER_CHECK(body != NULL);
        wa_buf_consume(&p->stream, 3 + len);

        if (p->phase == PEER_HELLO) {
            peer_hello(p, wa_span(body, len));

        } else if (p->phase == PEER_FINISH) {
            peer_finish(p, wa_span(body, len));

        } else {
            peer_stanza(p, wa_span(body, len));
        }
    }
}


static void
peer_pump(wa_peer_t *p)
{
    size_t     n;
    wa_buf_t  *in;

    in = wa_host_written(p->host);

    do {
        n = in->n;

        if (p->phase == PEER_UPGRADE) {
            peer_upgrade(p, in);

        } else {
            peer_ws_read(p, in);
            peer_frames(p);
        }
    } while (in->n != 0 && in->n != n);

    if (p->phase != PEER_UPGRADE) {
        peer_ws_read(p, in);
        peer_frames(p);
    }
}


void
wa_peer_seal(wa_peer_t *p, const wa_node_t *node, wa_buf_t *out)
{
    wa_buf_t  packed = WA_BUF_EMPTY;
    wa_buf_t  frame = WA_BUF_EMPTY;

    PEER_CHECK(p->phase == PEER_OPEN);
    PEER_CHECK(wa_node_pack(node, &packed) == WA_OK);
    PEER_CHECK(wa_noise_seal(&p->noise, wa_span_buf(&packed), &frame)
               == WA_OK);
    peer_ws_message(wa_span_buf(&frame), out);
    wa_buf_free(&packed);
    wa_buf_free(&frame);
}


void
wa_peer_send(wa_peer_t *p, const wa_node_t *node)
{
    wa_buf_t  out = WA_BUF_EMPTY;

    wa_peer_seal(p, node, &out);
    peer_feed(p, wa_span_buf(&out));
    wa_buf_free(&out);
}


const wa_node_t *
wa_peer_next(wa_peer_t *p)
{
    peer_pump(p);

    return p->next == p->n_nodes ? NULL : p->nodes[p->next++];
}


void
wa_peer_advance(wa_peer_t *p, wa_time_t ms)
{
    wa_time_t  step;

    for ( /* void */ ; ms > 0; ms -= step) {
        step = ms > PEER_STEP_MS ? PEER_STEP_MS : ms;
        wa_host_advance(p->host, step);
        peer_pump(p);
    }
}


const wa_node_t *
wa_peer_expect(wa_peer_t *p, const char *tag)
{
    const wa_node_t  *node;

    node = wa_peer_next(p);

    if (!wa_node_is(node, tag)) {
        fprintf(stderr, "a <%s> was expected, got <%.*s>\n", tag,
                node == NULL ? 0 : (int) node->tag.n,
                node == NULL ? "" : (const char *) node->tag.p);
        exit(99);
    }

    return node;
}


wa_node_t *
wa_peer_answer(wa_peer_t *p, const wa_node_t *iq, const char *type)
{
    wa_node_t  *answer;

    answer = wa_node_new(&p->arena, "iq");
    wa_node_set_str(&p->arena, answer, "from", "s.whatsapp.net");
    wa_node_set_str(&p->arena, answer, "type", type);
    wa_node_set(&p->arena, answer, "id", wa_node_attr(iq, "id"));

    return answer;
}


void
wa_peer_result(wa_peer_t *p, const wa_node_t *iq, wa_node_t *child)
{
    wa_node_t  *answer;

    answer = wa_peer_answer(p, iq, "result");

    if (child != NULL) {
        wa_node_add(&p->arena, answer, child);
    }

    wa_peer_send(p, answer);
}


void
wa_peer_error(wa_peer_t *p, const wa_node_t *iq, unsigned code)
{
    wa_node_t  *answer;

    answer = wa_peer_answer(p, iq, "error");
    wa_node_set_u64(&p->arena, wa_node_add_new(&p->arena, answer, "error"),
                    "code", code);
    wa_peer_send(p, answer);
}


void
wa_peer_connect(wa_peer_t *p)
{
    int        tries;
    wa_done_t  d;

    p->a = wa_host_account(p->host);
    p->phase = PEER_UPGRADE;
    p->next = p->n_nodes;
    p->stream.n = 0;
    wa_host_written(p->host)->n = 0;

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CONNECT;

    /* It may be waiting to dial again. */
    for (tries = 0; tries < 200 && p->phase == PEER_UPGRADE; tries++) {

        if (tries > 0) {
            wa_host_advance(p->host, 1000);
        }

        (void) wa_account_complete(p->a, &d, wa_host_now(p->host));
        wa_host_drain(p->host);
        peer_pump(p);
    }

    PEER_CHECK(p->phase == PEER_OPEN);
}


void
wa_peer_login(wa_peer_t *p)
{
    wa_node_t        *success;
    const wa_node_t  *node;

    wa_peer_connect(p);

    success = wa_node_new(&p->arena, "success");
    wa_node_set_u64(&p->arena, success, "t", 1767225600);
    wa_peer_send(p, success);

    node = wa_peer_expect(p, "iq");
    PEER_CHECK(wa_node_attr_is(node, "xmlns", "passive"));
    wa_peer_result(p, node, NULL);
    node = wa_peer_expect(p, "ib");
    PEER_CHECK(wa_node_child(node, "unified_session") != NULL);
}


void
wa_peer_drop(wa_peer_t *p)
{
    wa_done_t  d;

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_CLOSED;
    d.text = "dropped by the test";
    (void) wa_account_complete(p->a, &d, wa_host_now(p->host));
    wa_host_drain(p->host);
}
