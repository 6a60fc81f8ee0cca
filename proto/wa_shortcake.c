/*
 * Linking with a passkey: payloads and keys.
 */

#include <stdio.h>

#include "shortcake.pb-c.h"

#include "wa_linkcode.h"
#include "wa_pb.h"
#include "wa_shortcake.h"


wa_err_t
wa_shortcake_handoff(const uint8_t adv_secret[32], uint8_t key[32])
{
    return wa_hkdf(wa_span(adv_secret, 32), wa_span_none(),
                   wa_span_str("shortcake-passkey-handoff-v1"), key, 32);
}


wa_err_t
wa_shortcake_prologue(const uint8_t ephemeral_pub[32], uint32_t device_type,
    wa_span_t ref, const uint8_t nonce[32], wa_buf_t *out)
{
    char       text[WA_SHORTCAKE_REF + 1];
    uint8_t    hash[32];
    wa_err_t   rc;
    wa_buf_t   identity = WA_BUF_EMPTY;
    wa_span_t  parts[2];

    Wa__CompanionEphemeralIdentity  id =
                                  WA__COMPANION_EPHEMERAL_IDENTITY__INIT;
    Wa__CompanionCommitment         commitment =
                                  WA__COMPANION_COMMITMENT__INIT;
    Wa__ProloguePayload             payload = WA__PROLOGUE_PAYLOAD__INIT;

    if (ref.n > WA_SHORTCAKE_REF) {
        return WA_ERR_LIMIT;
    }

    memcpy(text, ref.p, ref.n);
    text[ref.n] = '\0';

    id.has_public_key = 1;
    id.public_key = wa_pb_bytes(wa_span(ephemeral_pub, 32));
    id.has_device_type = 1;
    id.device_type = device_type;
    id.ref = text;
    rc = WA_PB_PACK(&id, &identity);

    if (rc == WA_OK) {
        parts[0] = wa_span_buf(&identity);
        parts[1] = wa_span(nonce, 32);
        rc = wa_sha256(parts, 2, hash);
    }

    if (rc == WA_OK) {
        commitment.has_hash = 1;
        commitment.hash = wa_pb_bytes(wa_span(hash, 32));
        payload.has_companion_ephemeral_identity = 1;
        payload.companion_ephemeral_identity =
                                        wa_pb_bytes(wa_span_buf(&identity));
        payload.commitment = &commitment;
        rc = WA_PB_PACK(&payload, out);
    }

    wa_buf_free(&identity);

    return rc;
}


wa_err_t
wa_shortcake_proof(const uint8_t key[32], wa_span_t payload, uint8_t out[32])
{
    return wa_hmac_sha256(wa_span(key, 32), &payload, 1, out);
}


wa_err_t
wa_shortcake_primary(wa_span_t bytes, uint8_t pub[32], uint8_t nonce[32])
{
    wa_err_t    rc;
    wa_arena_t  arena;

    Wa__PrimaryEphemeralIdentity  *id;

    wa_arena_init(&arena, 0);

    rc = WA_PB_UNPACK(wa__primary_ephemeral_identity__descriptor, bytes,
                      &arena, &id);

    if (rc == WA_OK
        && (!id->has_public_key || id->public_key.len != 32
            || !id->has_nonce || id->nonce.len != 32))
    {
        rc = WA_ERR_SYNTAX;
    }

    if (rc == WA_OK) {
        memcpy(pub, id->public_key.data, 32);
        memcpy(nonce, id->nonce.data, 32);
    }

    wa_arena_free(&arena);

    return rc;
}


wa_err_t
wa_shortcake_key(const uint8_t ephemeral_priv[32],
    const uint8_t primary_pub[32], uint32_t device_type, wa_span_t ref,
    uint8_t key[32])
{
    int       n;
    char      salt[WA_SHORTCAKE_REF + 64];
    uint8_t   shared[32];
    wa_err_t  rc;

    if (ref.n > WA_SHORTCAKE_REF) {
        return WA_ERR_LIMIT;
    }

    n = snprintf(salt, sizeof(salt), "Companion Pairing %u with ref %.*s",
                 (unsigned) device_type, (int) ref.n, (const char *) ref.p);

    if (n < 0) {
        return WA_ERR_STATE;
    }

    rc = wa_x25519(shared, ephemeral_priv, primary_pub);

    if (rc == WA_OK) {
        rc = wa_hkdf(wa_span(shared, 32), wa_span(salt, (size_t) n),
                     wa_span_str("Pairing Information Encryption Key"), key,
                     32);
    }

    wa_wipe(shared, sizeof(shared));

    return rc;
}


wa_err_t
wa_shortcake_code(const uint8_t nonce[32], const uint8_t primary_pub[32],
    const uint8_t primary_nonce[32], char code[WA_SHORTCAKE_CODE])
{
    char       text[WA_LINKCODE_LEN + 1];
    size_t     i;
    uint8_t    digest[32];
    wa_err_t   rc;
    wa_span_t  parts[2];

    parts[0] = wa_span(nonce, 32);
    parts[1] = wa_span(primary_pub, 32);
    rc = wa_sha256(parts, 2, digest);

    if (rc != WA_OK) {
        return rc;
    }

    for (i = 0; i < WA_LINKCODE_RANDOM; i++) {
        digest[i] ^= primary_nonce[i];
    }

    wa_linkcode_text(digest, text);
    (void) snprintf(code, WA_SHORTCAKE_CODE, "%.4s-%.4s", text, text + 4);

    return WA_OK;
}


wa_err_t
wa_shortcake_request(const uint8_t key[32], const uint8_t iv[12],
    const uint8_t noise_pub[32], const uint8_t identity_pub[32],
    const uint8_t adv_secret[32], wa_buf_t *out)
{
    uint8_t   sealed[160];
    wa_err_t  rc;
    wa_buf_t  plain = WA_BUF_EMPTY;

    Wa__PairingRequest           request = WA__PAIRING_REQUEST__INIT;
    Wa__EncryptedPairingRequest  wrapped =
                                     WA__ENCRYPTED_PAIRING_REQUEST__INIT;

    request.has_companion_public_key = 1;
    request.companion_public_key = wa_pb_bytes(wa_span(noise_pub, 32));
    request.has_companion_identity_key = 1;
    request.companion_identity_key = wa_pb_bytes(wa_span(identity_pub, 32));
    request.has_adv_secret = 1;
    request.adv_secret = wa_pb_bytes(wa_span(adv_secret, 32));
    rc = WA_PB_PACK(&request, &plain);

    if (rc == WA_OK && plain.n + WA_GCM_TAG_LEN > sizeof(sealed)) {
        rc = WA_ERR_LIMIT;
    }

    if (rc == WA_OK) {
        rc = wa_gcm_seal(key, iv, wa_span_none(), wa_span_buf(&plain),
                         sealed);
    }

    if (rc == WA_OK) {
        wrapped.has_encrypted_payload = 1;
        wrapped.encrypted_payload = wa_pb_bytes(wa_span(sealed,
                                                plain.n + WA_GCM_TAG_LEN));
        wrapped.has_iv = 1;
        wrapped.iv = wa_pb_bytes(wa_span(iv, 12));
        rc = WA_PB_PACK(&wrapped, out);
    }

    wa_buf_wipe(&plain);

    return rc;
}
