/*
 * Noise XX, client role.  Names of the state as in the Noise specification:
 * h (hash of everything seen), ck (chaining key), k and n (cipher state).
 *
 *     -> e                       client hello
 *     <- e, ee, s, es, payload   server hello: certificate chain
 *     -> s, se, payload          client finish: client payload
 *
 * Rules specific to WhatsApp: messages are protobufs, the nonce is eight zero
 * bytes and a 32-bit counter, transport frames have no associated data.
 * Source: whatsmeow socket/noisehandshake.go, handshake.go; vectors
 * noise.json.
 */

#include "handshake.pb-c.h"

#include "wa_limits.h"
#include "wa_noise_int.h"
#include "wa_pb.h"
#include "wa_wr.h"


const uint8_t  wa_noise_root_production[WA_KEY_LEN] = {
    0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71,
    0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37,
    0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c,
    0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b
};

static const uint8_t  wa_noise_name[32] = "Noise_XX_25519_AESGCM_SHA256\0\0\0";


wa_err_t
wa_noise_mix_hash(wa_noise_t *n, wa_span_t data)
{
    wa_span_t  parts[2];

    parts[0] = wa_span(n->h, sizeof(n->h));
    parts[1] = data;

    return wa_sha256(parts, 2, n->h);
}


wa_err_t
wa_noise_mix_key(wa_noise_t *n, const uint8_t priv[32],
    const uint8_t pub[32])
{
    uint8_t   secret[32], okm[64];
    wa_err_t  rc;

    rc = wa_x25519(secret, priv, pub);

    if (rc == WA_OK) {
        rc = wa_hkdf(wa_span(secret, sizeof(secret)),
                     wa_span(n->ck, sizeof(n->ck)), wa_span_none(),
                     okm, sizeof(okm));
    }

    if (rc == WA_OK) {
        memcpy(n->ck, okm, 32);
        memcpy(n->k, okm + 32, 32);
        n->n = 0;
    }

    wa_wipe(secret, sizeof(secret));
    wa_wipe(okm, sizeof(okm));

    return rc;
}


static void
wa_noise_nonce(uint32_t counter, uint8_t nonce[12])
{
    memset(nonce, 0, 8);

    nonce[8] = (uint8_t) (counter >> 24);
    nonce[9] = (uint8_t) (counter >> 16);
    nonce[10] = (uint8_t) (counter >> 8);
    nonce[11] = (uint8_t) counter;
}


wa_err_t
wa_noise_encrypt(wa_noise_t *n, wa_span_t plain, wa_arena_t *arena,
    wa_span_t *out)
{
    uint8_t   nonce[12], *p;
    wa_err_t  rc;

    p = wa_arena_alloc(arena, plain.n + WA_GCM_TAG_LEN);
    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_noise_nonce(n->n++, nonce);

    rc = wa_gcm_seal(n->k, nonce, wa_span(n->h, sizeof(n->h)), plain, p);
    if (rc != WA_OK) {
        return rc;
    }

    *out = wa_span(p, plain.n + WA_GCM_TAG_LEN);

    return wa_noise_mix_hash(n, *out);
}


wa_err_t
wa_noise_decrypt(wa_noise_t *n, wa_span_t in, wa_arena_t *arena,
    wa_span_t *plain)
{
    uint8_t   nonce[12], *p;
    wa_err_t  rc;

    if (in.n < WA_GCM_TAG_LEN) {
        return WA_ERR_AUTH;
    }

    p = wa_arena_alloc(arena, in.n - WA_GCM_TAG_LEN);
    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_noise_nonce(n->n++, nonce);

    rc = wa_gcm_open(n->k, nonce, wa_span(n->h, sizeof(n->h)), in, p);
    if (rc != WA_OK) {
        return rc;
    }

    *plain = wa_span(p, in.n - WA_GCM_TAG_LEN);

    return wa_noise_mix_hash(n, in);
}


wa_err_t
wa_noise_init(wa_noise_t *n, const uint8_t *e_priv)
{
    wa_err_t  rc;

    memset(n, 0, sizeof(*n));

    if (e_priv != NULL) {
        memcpy(n->e_priv, e_priv, WA_KEY_LEN);
        rc = wa_x25519_public(n->e_pub, n->e_priv);

    } else {
        rc = wa_x25519_keypair(n->e_priv, n->e_pub);
    }

    if (rc != WA_OK) {
        return rc;
    }

    return wa_noise_begin(n, wa_noise_name);
}


wa_err_t
wa_noise_begin(wa_noise_t *n, const uint8_t name[32])
{
    memcpy(n->h, name, sizeof(n->h));
    memcpy(n->ck, name, sizeof(n->ck));
    memcpy(n->k, name, sizeof(n->k));
    n->n = 0;

    return wa_noise_mix_hash(n, wa_span(wa_intro, WA_INTRO_LEN));
}


void
wa_noise_wipe(wa_noise_t *n)
{
    wa_wipe(n, sizeof(*n));
    n->state = WA_NOISE_FAILED;
}


/* Errors of the peer's making end the object, ours do not. */
static wa_err_t
wa_noise_fail(wa_noise_t *n, wa_err_t rc, wa_cert_e cert)
{
    if (rc == WA_ERR_AUTH || rc == WA_ERR_SYNTAX) {
        wa_noise_wipe(n);
        n->cert = (uint8_t) cert;
    }

    return rc;
}


wa_err_t
wa_noise_write(const Wa__HandshakeMessage *msg, wa_buf_t *out)
{
    wa_buf_t  body = WA_BUF_EMPTY;
    wa_err_t  rc;

    rc = WA_PB_PACK(msg, &body);
    if (rc == WA_OK) {
        rc = wa_frame_write(wa_span_buf(&body), out);
    }

    wa_buf_free(&body);

    return rc;
}


wa_err_t
wa_noise_client_hello(wa_noise_t *n, wa_buf_t *out)
{
    wa_err_t    rc;
    wa_noise_t  next;

    Wa__HandshakeMessage               msg = WA__HANDSHAKE_MESSAGE__INIT;
    Wa__HandshakeMessage__ClientHello  hello =
                                WA__HANDSHAKE_MESSAGE__CLIENT_HELLO__INIT;

    if (n->state != WA_NOISE_HELLO) {
        return WA_ERR_STATE;
    }

    next = *n;

    rc = wa_noise_mix_hash(&next, wa_span(n->e_pub, WA_KEY_LEN));
    if (rc != WA_OK) {
        goto done;
    }

    hello.has_ephemeral = 1;
    hello.ephemeral = wa_pb_bytes(wa_span(n->e_pub, WA_KEY_LEN));
    msg.client_hello = &hello;

    rc = wa_noise_write(&msg, out);
    if (rc == WA_OK) {
        next.state = WA_NOISE_WAIT;
        *n = next;
    }

done:

    wa_wipe(&next, sizeof(next));

    return rc;
}


/* -- certificate ---------------------------------------------------------- */

typedef Wa__CertChain__NoiseCertificate           wa_cert_t;
typedef Wa__CertChain__NoiseCertificate__Details  wa_cert_details_t;


/* rc of the unpacking; *details stays NULL when the certificate is malformed */
static wa_err_t
wa_cert_read(const wa_cert_t *cert, wa_arena_t *arena,
    wa_cert_details_t **details)
{
    wa_err_t            rc;
    wa_cert_details_t  *d;

    *details = NULL;

    if (cert == NULL
        || cert->has_details == 0
        || cert->has_signature == 0
        || cert->signature.len != WA_SIG_LEN)
    {
        return WA_OK;
    }

    rc = WA_PB_UNPACK(wa__cert_chain__noise_certificate__details__descriptor,
                      wa_pb_span(&cert->details), arena, &d);
    if (rc != WA_OK) {
        return (rc == WA_ERR_NOMEM) ? rc : WA_OK;
    }

    if (d->has_key && d->key.len == WA_KEY_LEN) {
        *details = d;
    }

    return WA_OK;
}


static bool
wa_cert_signed(const wa_cert_t *cert, const uint8_t key[32])
{
    wa_span_t  details;

    details = wa_pb_span(&cert->details);

    return wa_xeddsa_verify(key, &details, 1, cert->signature.data);
}


static bool
wa_cert_in_time(const wa_cert_details_t *d, int64_t now_s)
{
    return now_s >= 0
           && (uint64_t) now_s >= d->not_before
           && (uint64_t) now_s < d->not_after;
}


/* The time in which the whole chain is valid. */
static void
wa_cert_learn(const wa_cert_details_t *leaf, const wa_cert_details_t *middle,
    wa_noise_server_t *server)
{
    memcpy(server->key, leaf->key.data, WA_KEY_LEN);
    server->not_before = leaf->not_before > middle->not_before
                         ? leaf->not_before : middle->not_before;
    server->not_after = leaf->not_after < middle->not_after
                        ? leaf->not_after : middle->not_after;
}


static wa_err_t
wa_cert_verify(wa_span_t bytes, const uint8_t root_key[32],
    const uint8_t server_static[32], int64_t now_s, wa_arena_t *arena,
    wa_cert_e *why, wa_noise_server_t *server)
{
    wa_err_t            rc;
    Wa__CertChain      *chain;
    wa_cert_details_t  *leaf, *middle;

    *why = WA_CERT_FORMAT;

    rc = WA_PB_UNPACK(wa__cert_chain__descriptor, bytes, arena, &chain);
    if (rc != WA_OK) {
        return (rc == WA_ERR_NOMEM) ? rc : WA_ERR_AUTH;
    }

    rc = wa_cert_read(chain->intermediate, arena, &middle);
    if (rc == WA_OK) {
        rc = wa_cert_read(chain->leaf, arena, &leaf);
    }

    if (rc != WA_OK) {
        return rc;
    }

    if (middle == NULL || leaf == NULL) {
        return WA_ERR_AUTH;
    }

    if (!wa_cert_signed(chain->intermediate, root_key)) {
        *why = WA_CERT_ROOT;

    } else if (middle->issuer_serial != 0
               || leaf->issuer_serial != middle->serial)
    {
        *why = WA_CERT_ISSUER;

    } else if (!wa_cert_signed(chain->leaf, middle->key.data)) {
        *why = WA_CERT_LEAF;

    } else if (!wa_memeq(leaf->key.data, server_static, WA_KEY_LEN)) {
        *why = WA_CERT_KEY;

    } else if (!wa_cert_in_time(middle, now_s)
               || !wa_cert_in_time(leaf, now_s))
    {
        *why = WA_CERT_TIME;

    } else {
        *why = WA_CERT_OK;
        wa_cert_learn(leaf, middle, server);
    }

    return (*why == WA_CERT_OK) ? WA_OK : WA_ERR_AUTH;
}


wa_err_t
wa_noise_cert_check(wa_span_t chain, const uint8_t root_key[32],
    const uint8_t server_static[32], int64_t now_s, wa_cert_e *why)
{
    wa_err_t           rc;
    wa_arena_t         arena;
    wa_noise_server_t  server;

    wa_arena_init(&arena, 0);

    rc = wa_cert_verify(chain, root_key, server_static, now_s, &arena, why,
                        &server);

    wa_arena_free(&arena);

    return rc;
}


const char *
wa_cert_name(wa_cert_e cert)
{
    static const char *const  names[] = {
        "ok", "format", "root", "issuer", "leaf", "key", "time"
    };

    if ((size_t) cert >= sizeof(names) / sizeof(names[0])) {
        return "unknown";
    }

    return names[cert];
}


/* -- server hello, client finish ------------------------------------------ */

static wa_err_t
wa_noise_parse_hello(wa_span_t msg, wa_arena_t *arena,
    Wa__HandshakeMessage__ServerHello **hello)
{
    wa_err_t               rc;
    Wa__HandshakeMessage  *hm;

    rc = WA_PB_UNPACK(wa__handshake_message__descriptor, msg, arena, &hm);
    if (rc != WA_OK) {
        return (rc == WA_ERR_NOMEM) ? rc : WA_ERR_SYNTAX;
    }

    *hello = hm->server_hello;

    if (*hello == NULL
        || (*hello)->has_ephemeral == 0
        || (*hello)->ephemeral.len != WA_KEY_LEN
        || (*hello)->has_payload == 0)
    {
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


/* Steps "e, ee, s, es, payload"; leaves the server's ephemeral in e. */
static wa_err_t
wa_noise_read_hello(wa_noise_t *n,
    const Wa__HandshakeMessage__ServerHello *hello,
    const uint8_t root_key[32], int64_t now_s, wa_arena_t *arena,
    uint8_t e[32], wa_cert_e *why)
{
    wa_err_t   rc;
    wa_span_t  server_static, chain;

    if (hello->has_static_ == 0
        || hello->static_.len != WA_KEY_LEN + WA_GCM_TAG_LEN)
    {
        return WA_ERR_SYNTAX;
    }

    memcpy(e, hello->ephemeral.data, WA_KEY_LEN);

    rc = wa_noise_mix_hash(n, wa_span(e, WA_KEY_LEN));
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_mix_key(n, n->e_priv, e);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_decrypt(n, wa_pb_span(&hello->static_), arena,
                          &server_static);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_mix_key(n, n->e_priv, server_static.p);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_decrypt(n, wa_pb_span(&hello->payload), arena, &chain);
    if (rc != WA_OK) {
        return rc;
    }

    return wa_cert_verify(chain, root_key, server_static.p, now_s, arena,
                          why, &n->server);
}


/* Steps "s, se, payload". */
static wa_err_t
wa_noise_write_finish(wa_noise_t *n, const uint8_t e[32],
    const uint8_t static_priv[32], const uint8_t static_pub[32],
    wa_span_t client_payload, wa_arena_t *arena, wa_buf_t *out)
{
    wa_err_t   rc;
    wa_span_t  key, payload;

    Wa__HandshakeMessage                msg = WA__HANDSHAKE_MESSAGE__INIT;
    Wa__HandshakeMessage__ClientFinish  finish =
                                WA__HANDSHAKE_MESSAGE__CLIENT_FINISH__INIT;

    rc = wa_noise_encrypt(n, wa_span(static_pub, WA_KEY_LEN), arena, &key);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_mix_key(n, static_priv, e);
    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_noise_encrypt(n, client_payload, arena, &payload);
    if (rc != WA_OK) {
        return rc;
    }

    finish.has_static_ = 1;
    finish.static_ = wa_pb_bytes(key);
    finish.has_payload = 1;
    finish.payload = wa_pb_bytes(payload);
    msg.client_finish = &finish;

    return wa_noise_write(&msg, out);
}


/* Derives the transport keys and forgets the handshake. */
static wa_err_t
wa_noise_split(wa_noise_t *n)
{
    bool               resumed;
    uint8_t            okm[64];
    wa_err_t           rc;
    wa_noise_server_t  server;

    rc = wa_hkdf(wa_span_none(), wa_span(n->ck, sizeof(n->ck)),
                 wa_span_none(), okm, sizeof(okm));

    if (rc == WA_OK) {
        server = n->server;
        resumed = n->resuming;
        wa_wipe(n, sizeof(*n));
        n->server = server;
        n->resumed = resumed;
        memcpy(n->write_key, okm, 32);
        memcpy(n->read_key, okm + 32, 32);
        n->state = WA_NOISE_TRANSPORT;
    }

    wa_wipe(okm, sizeof(okm));

    return rc;
}


wa_err_t
wa_noise_server_hello(wa_noise_t *n, wa_span_t msg,
    const uint8_t root_key[32], const uint8_t static_priv[32],
    const uint8_t static_pub[32], wa_span_t client_payload, int64_t now_s,
    wa_buf_t *out)
{
    size_t      start;
    uint8_t     e[32];
    wa_err_t    rc;
    wa_cert_e   why;
    wa_noise_t  next;
    wa_arena_t  arena;

    Wa__HandshakeMessage__ServerHello  *hello;

    if (n->state != WA_NOISE_WAIT) {
        return WA_ERR_STATE;
    }

    why = WA_CERT_OK;
    next = *n;
    start = out->n;

    wa_arena_init(&arena, 0);

    rc = wa_noise_parse_hello(msg, &arena, &hello);
    if (rc != WA_OK) {
        goto done;
    }

    if (n->resuming && hello->has_static_ == 0) {
        rc = wa_noise_resumed(&next, wa_pb_span(&hello->ephemeral),
                              wa_pb_span(&hello->payload), static_priv,
                              &arena);
        if (rc != WA_OK) {
            goto done;
        }

        goto split;
    }

    if (n->resuming) {
        rc = wa_noise_fall_back(&next);
        if (rc != WA_OK) {
            goto done;
        }
    }

    rc = wa_noise_read_hello(&next, hello, root_key, now_s, &arena, e, &why);
    if (rc != WA_OK) {
        goto done;
    }

    rc = wa_noise_write_finish(&next, e, static_priv, static_pub,
                               client_payload, &arena, out);
    if (rc != WA_OK) {
        goto done;
    }

split:

    rc = wa_noise_split(&next);
    if (rc != WA_OK) {
        out->n = start;
        goto done;
    }

    *n = next;

done:

    wa_wipe(&next, sizeof(next));
    wa_arena_free(&arena);

    return wa_noise_fail(n, rc, why);
}


/* -- transport ------------------------------------------------------------ */

wa_err_t
wa_noise_seal(wa_noise_t *n, wa_span_t plain, wa_buf_t *out)
{
    uint8_t   nonce[12], *p;
    wa_wr_t   w;
    wa_err_t  rc;

    if (n->state != WA_NOISE_TRANSPORT) {
        return WA_ERR_STATE;
    }

    if (plain.n > WA_FRAME_MAX - WA_GCM_TAG_LEN || n->write_n == UINT32_MAX) {
        return WA_ERR_LIMIT;
    }

    wa_wr_init(&w, out, SIZE_MAX);
    wa_wr_u24(&w, (uint32_t) (plain.n + WA_GCM_TAG_LEN));

    p = wa_wr_room(&w, plain.n + WA_GCM_TAG_LEN);
    if (p == NULL) {
        wa_wr_undo(&w);
        return w.err;
    }

    wa_noise_nonce(n->write_n, nonce);

    rc = wa_gcm_seal(n->write_key, nonce, wa_span_none(), plain, p);
    if (rc != WA_OK) {
        wa_wr_undo(&w);
        return rc;
    }

    n->write_n++;

    return WA_OK;
}


wa_err_t
wa_noise_open(wa_noise_t *n, wa_span_t frame, wa_arena_t *arena,
    wa_span_t *plain)
{
    uint8_t   nonce[12], *p;
    wa_err_t  rc;

    if (n->state != WA_NOISE_TRANSPORT) {
        return WA_ERR_STATE;
    }

    if (n->read_n == UINT32_MAX) {
        return WA_ERR_LIMIT;
    }

    if (frame.n < WA_GCM_TAG_LEN) {
        return wa_noise_fail(n, WA_ERR_AUTH, WA_CERT_OK);
    }

    p = wa_arena_alloc(arena, frame.n - WA_GCM_TAG_LEN);
    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_noise_nonce(n->read_n, nonce);

    rc = wa_gcm_open(n->read_key, nonce, wa_span_none(), frame, p);
    if (rc != WA_OK) {
        return wa_noise_fail(n, rc, WA_CERT_OK);
    }

    n->read_n++;
    *plain = wa_span(p, frame.n - WA_GCM_TAG_LEN);

    return WA_OK;
}
