/*
 * AES-256-GCM the slower way, for CPUs that libsodium has no code for; tests
 * compare the two.  As wa_gcm_seal() and wa_gcm_open(), lengths unchecked.
 */

#ifndef WA_CRYPTO_INT_H
#define WA_CRYPTO_INT_H

#include "wa_base.h"


wa_err_t wa_gcm_seal_evp(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out);
wa_err_t wa_gcm_open_evp(const uint8_t key[32], const uint8_t nonce[12],
    wa_span_t aad, wa_span_t in, uint8_t *out);


#endif /* WA_CRYPTO_INT_H */
