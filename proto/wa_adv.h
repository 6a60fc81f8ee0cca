/*
 * ADV: the chain of signatures that ties a companion device to its account.
 * Pure functions over the blobs of pair-success and of prekey bundles.
 * Vectors pairing.json.
 */

#ifndef WA_ADV_H
#define WA_ADV_H

#include "wa_base.h"
#include "wa_crypto.h"
#include "wa_limits.h"
#include "wa_mem.h"


typedef enum {
    WA_ADV_FAIL_NONE = 0,
    WA_ADV_FAIL_FORMAT,         /* answer code 500 internal-error */
    WA_ADV_FAIL_HMAC,           /* answer code 401 hmac-mismatch */
    WA_ADV_FAIL_SIGNATURE       /* answer code 401 signature-mismatch */
} wa_adv_fail_e;

/* All spans point into the arena given. */
typedef struct {
    uint8_t    account_key[32]; /* identity of the account's primary */
    uint32_t   raw_id;
    uint32_t   key_index;       /* attribute key-index of the answer */
    uint64_t   timestamp;       /* unix seconds */
    bool       hosted;
    wa_span_t  reply;           /* for pair-device-sign: without the key */
    wa_span_t  stored;          /* to keep, and to send in device-identity */
} wa_adv_t;

/*
 * Verifies the <device-identity> of pair-success and signs it with our
 * identity.  random: 64 fresh bytes for the signature.
 * WA_ERR_AUTH with *fail HMAC or SIGNATURE; WA_ERR_SYNTAX, WA_ERR_LIMIT with
 * FORMAT; WA_ERR_NOMEM.  *out only on success.
 */
wa_err_t wa_adv_pair(wa_span_t container, const uint8_t adv_secret[32],
    const uint8_t identity_priv[32], const uint8_t identity_pub[32],
    const uint8_t random[64], wa_arena_t *arena, wa_adv_t *out,
    wa_adv_fail_e *fail);

/*
 * Verifies the <device-identity> of a companion's prekey bundle or message:
 * account signature and device signature over `identity` (32 bytes).
 * account_key: the stored identity of the user's device 0; used when the blob
 * carries none, NULL when not known (then the blob's own key counts).
 * When both are given they need not be equal: the blob's key is what signs.
 * WA_ERR_AUTH, WA_ERR_SYNTAX, WA_ERR_LIMIT, WA_ERR_NOMEM.
 */
wa_err_t wa_adv_verify_device(wa_span_t signed_identity,
    const uint8_t identity[32], const uint8_t *account_key,
    wa_arena_t *arena);


/* The validated content of a <key-index-list>. */
typedef struct {
    uint32_t         raw_id;
    uint32_t         current_index;
    uint64_t         timestamp;
    const uint32_t  *valid;     /* in the arena */
    size_t           n_valid;
} wa_adv_index_t;

/*
 * Verifies an ADVSignedKeyIndexList against account_key (NULL: the key in the
 * blob).  Errors as wa_adv_verify_device(); *out only on success.
 */
wa_err_t wa_adv_key_index(wa_span_t signed_list, const uint8_t *account_key,
    wa_arena_t *arena, wa_adv_index_t *out);


#endif /* WA_ADV_H */
