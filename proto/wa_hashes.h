/*
 * Small derived values.  Vectors hashes.json.
 */

#ifndef WA_HASHES_H
#define WA_HASHES_H

#include "wa_base.h"
#include "wa_crypto.h"
#include "wa_jid.h"


/* "2:" and 8 characters of base64 and NUL. */
#define WA_PHASH_LEN       11u

/* "3EB0" and 18 hex digits and NUL. */
#define WA_MESSAGE_ID_LEN  23u

/* Decimal, below seven days in milliseconds, and NUL. */
#define WA_UNIFIED_LEN     16u

/*
 * Hash of a set of devices.  The array is not changed; duplicates count as
 * given.  WA_ERR_ARG: an address without a text form.  WA_ERR_NOMEM.
 */
wa_err_t wa_phash(const wa_jid_t *devices, size_t n, char out[WA_PHASH_LEN]);

/*
 * Message id, second form.  own_user: user part of our own PN (without
 * device); random: 16 fresh bytes.
 */
wa_err_t wa_message_id(int64_t now_s, wa_span_t own_user,
    const uint8_t random[16], char out[WA_MESSAGE_ID_LEN]);

/* now_ms: unix clock; offset_ms: server clock minus ours. */
void wa_unified_session_id(int64_t now_ms, int64_t offset_ms,
    char out[WA_UNIFIED_LEN]);

/* SHA-1 over identity, signed prekey, signature, one-time prekeys in order. */
wa_err_t wa_prekey_digest(const uint8_t identity[32],
    const uint8_t signed_prekey[32], const uint8_t signature[64],
    const wa_span_t *prekeys, size_t n, uint8_t out[20]);

/*
 * The token that stands in for a trusted-contact token of a contact who has
 * given none.  salt: the account's; lid: bare address as text.
 */
wa_err_t wa_cstoken(wa_span_t salt, wa_span_t lid, uint8_t out[32]);

/*
 * Trusted-contact tokens are valid by weeks of unix time: the present one and
 * the three before it.  Times are unix seconds.
 */
bool wa_tctoken_valid(int64_t token_s, int64_t now_s);

/* A week began since `issued_s` (0: never issued): ours is to be renewed. */
bool wa_tctoken_due(int64_t issued_s, int64_t now_s);


#endif /* WA_HASHES_H */
