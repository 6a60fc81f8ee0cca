/*
 * Noise IK, client role: the server's static key is known from before.
 *
 *     <- s                       (pre-message)
 *     -> e, es, s, ss, payload   client hello: client payload
 *     <- e, ee, se, payload      server hello
 *
 * A server that does not have that key any more answers with a static of its
 * own: the hello counts as that of XXfallback then.
 */

#include "wa_noise_int.h"
#include "wa_pb.h"


static const uint8_t  wa_noise_ik[32] = "Noise_IK_25519_AESGCM_SHA256\0\0\0";

/* Longer than a hash, so its hash is what the state begins with. */
static const char  wa_noise_fallback[] =
    "Noise_XXfallback_25519_AESGCM_SHA256";


bool
wa_noise_server_valid(const wa_noise_server_t *server, int64_t now_s)
{
    return now_s >= 0
           && (uint64_t) now_s >= server->not_before
           && (uint64_t) now_s < server->not_after;
}


/* Steps "s (pre), e, es, s, ss, payload". */
static wa_err_t
wa_noise_ik_hello(wa_noise_t *n, const uint8_t server_key[32],
    const uint8_t static_priv[32], const uint8_t static_pub[32],
    wa_span_t client_payload, wa_arena_t *arena, wa_span_t *key,
    wa_span_t *payload)
{
    wa_err_t  rc;

    rc = wa_noise_begin(n, wa_noise_ik);

    if (rc == WA_OK) {
        rc = wa_noise_mix_hash(n, wa_span(server_key, WA_KEY_LEN));
    }

    if (rc == WA_OK) {
        rc = wa_noise_mix_hash(n, wa_span(n->e_pub, WA_KEY_LEN));
    }

    if (rc == WA_OK) {
        rc = wa_noise_mix_key(n, n->e_priv, server_key);
    }

    if (rc == WA_OK) {
        rc = wa_noise_encrypt(n, wa_span(static_pub, WA_KEY_LEN), arena, key);
    }

    if (rc == WA_OK) {
        rc = wa_noise_mix_key(n, static_priv, server_key);
    }

    if (rc == WA_OK) {
        rc = wa_noise_encrypt(n, client_payload, arena, payload);
    }

    return rc;
}


wa_err_t
wa_noise_resume(wa_noise_t *n, const uint8_t server_key[32],
    const uint8_t static_priv[32], const uint8_t static_pub[32],
    wa_span_t client_payload, wa_buf_t *out)
{
    wa_err_t    rc;
    wa_span_t   key, payload;
    wa_noise_t  next;
    wa_arena_t  arena;

    Wa__HandshakeMessage               msg = WA__HANDSHAKE_MESSAGE__INIT;
    Wa__HandshakeMessage__ClientHello  hello =
                                WA__HANDSHAKE_MESSAGE__CLIENT_HELLO__INIT;

    if (n->state != WA_NOISE_HELLO) {
        return WA_ERR_STATE;
    }

    next = *n;
    wa_arena_init(&arena, 0);

    rc = wa_noise_ik_hello(&next, server_key, static_priv, static_pub,
                           client_payload, &arena, &key, &payload);

    if (rc == WA_OK) {
        hello.has_ephemeral = 1;
        hello.ephemeral = wa_pb_bytes(wa_span(n->e_pub, WA_KEY_LEN));
        hello.has_static_ = 1;
        hello.static_ = wa_pb_bytes(key);
        hello.has_payload = 1;
        hello.payload = wa_pb_bytes(payload);
        msg.client_hello = &hello;

        rc = wa_noise_write(&msg, out);
    }

    if (rc == WA_OK) {
        next.state = WA_NOISE_WAIT;
        next.resuming = true;
        *n = next;
    }

    wa_wipe(&next, sizeof(next));
    wa_arena_free(&arena);

    return rc;
}


/*
 * Steps "e, ee, se, payload".  That the payload authenticates shows that the
 * server has the key; what it says is not needed.
 */
wa_err_t
wa_noise_resumed(wa_noise_t *n, wa_span_t e, wa_span_t payload,
    const uint8_t static_priv[32], wa_arena_t *arena)
{
    wa_err_t   rc;
    wa_span_t  plain;

    rc = wa_noise_mix_hash(n, e);

    if (rc == WA_OK) {
        rc = wa_noise_mix_key(n, n->e_priv, e.p);
    }

    if (rc == WA_OK) {
        rc = wa_noise_mix_key(n, static_priv, e.p);
    }

    if (rc == WA_OK) {
        rc = wa_noise_decrypt(n, payload, arena, &plain);
    }

    return rc;
}


wa_err_t
wa_noise_fall_back(wa_noise_t *n)
{
    uint8_t    name[32];
    wa_err_t   rc;
    wa_span_t  text;

    text = wa_span_str(wa_noise_fallback);
    n->resuming = false;
    rc = wa_sha256(&text, 1, name);

    if (rc == WA_OK) {
        rc = wa_noise_begin(n, name);
    }

    if (rc == WA_OK) {
        rc = wa_noise_mix_hash(n, wa_span(n->e_pub, WA_KEY_LEN));
    }

    return rc;
}
