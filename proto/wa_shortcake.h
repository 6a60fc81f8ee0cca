/*
 * Linking with a passkey ("shortcake"): what goes back and forth between us
 * and the phone once WhatsApp has asked for a WebAuthn assertion.  Pure
 * functions; protocol: whatsmeow pair-passkey.go.
 */

#ifndef WA_SHORTCAKE_H
#define WA_SHORTCAKE_H

#include "wa_base.h"
#include "wa_crypto.h"


#define WA_SHORTCAKE_REF   512u     /* bytes of a ref, at most               */
#define WA_SHORTCAKE_CODE  10u      /* "ABCD-EFGH" and NUL                   */


/* Shows the phone that the QR code it scanned was ours: from the adv secret
   that was in it.  WA_ERR_NOMEM. */
wa_err_t wa_shortcake_handoff(const uint8_t adv_secret[32],
    uint8_t key[32]);

/*
 * Appends the ProloguePayload: our ephemeral key, the server's ref, and a
 * commitment to `nonce` (32 fresh bytes), which is shown later.
 * device_type: DeviceProps.PlatformType.  WA_ERR_LIMIT: ref too long.
 */
wa_err_t wa_shortcake_prologue(const uint8_t ephemeral_pub[32],
    uint32_t device_type, wa_span_t ref, const uint8_t nonce[32],
    wa_buf_t *out);

/* The handoff key's proof over the payload. */
wa_err_t wa_shortcake_proof(const uint8_t key[32], wa_span_t payload,
    uint8_t out[32]);

/* The phone's answer, PrimaryEphemeralIdentity.  WA_ERR_SYNTAX. */
wa_err_t wa_shortcake_primary(wa_span_t bytes, uint8_t pub[32],
    uint8_t nonce[32]);

/* The key for the request.  WA_ERR_AUTH: the phone's key has small order. */
wa_err_t wa_shortcake_key(const uint8_t ephemeral_priv[32],
    const uint8_t primary_pub[32], uint32_t device_type, wa_span_t ref,
    uint8_t key[32]);

/* What the person compares on both screens. */
wa_err_t wa_shortcake_code(const uint8_t nonce[32],
    const uint8_t primary_pub[32], const uint8_t primary_nonce[32],
    char code[WA_SHORTCAKE_CODE]);

/*
 * Appends the EncryptedPairingRequest: both public keys and the adv secret
 * under `key`; iv: 12 fresh bytes.
 */
wa_err_t wa_shortcake_request(const uint8_t key[32], const uint8_t iv[12],
    const uint8_t noise_pub[32], const uint8_t identity_pub[32],
    const uint8_t adv_secret[32], wa_buf_t *out);


#endif /* WA_SHORTCAKE_H */
