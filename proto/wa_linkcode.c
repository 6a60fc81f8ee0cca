/*
 * Linking by code: wrapping, unwrapping, the key bundle.
 */

#include "wa_linkcode.h"


static const char  wa_linkcode_alphabet[] =
    "123456789ABCDEFGHJKLMNPQRSTVWXYZ";


/* Five bits a character, the highest first. */
void
wa_linkcode_text(const uint8_t random[WA_LINKCODE_RANDOM],
    char out[WA_LINKCODE_LEN + 1])
{
    size_t    i;
    uint64_t  bits;

    bits = 0;

    for (i = 0; i < WA_LINKCODE_RANDOM; i++) {
        bits = (bits << 8) | random[i];
    }

    for (i = WA_LINKCODE_LEN; i > 0; i--) {
        out[i - 1] = wa_linkcode_alphabet[bits & 31];
        bits >>= 5;
    }

    out[WA_LINKCODE_LEN] = '\0';
}


wa_err_t
wa_linkcode_wrap(const uint8_t key[32], const uint8_t salt[WA_LINKCODE_SALT],
    const uint8_t iv[WA_LINKCODE_IV], const uint8_t pub[32],
    uint8_t out[WA_LINKCODE_WRAPPED])
{
    memcpy(out, salt, WA_LINKCODE_SALT);
    memcpy(out + WA_LINKCODE_SALT, iv, WA_LINKCODE_IV);

    return wa_ctr_crypt(key, iv, wa_span(pub, 32),
                        out + WA_LINKCODE_SALT + WA_LINKCODE_IV);
}


wa_err_t
wa_linkcode_unwrap(const uint8_t key[32],
    const uint8_t wrapped[WA_LINKCODE_WRAPPED], uint8_t pub[32])
{
    const uint8_t  *iv;

    iv = wrapped + WA_LINKCODE_SALT;

    return wa_ctr_crypt(key, iv, wa_span(iv + WA_LINKCODE_IV, 32), pub);
}


/* salt || nonce || AES-GCM of identity || primary identity || random */
static wa_err_t
linkcode_seal(const wa_linkcode_keys_t *k, const uint8_t shared[32],
    uint8_t out[WA_LINKCODE_BUNDLE])
{
    uint8_t   key[32], plain[96];
    wa_err_t  rc;

    static const char  info[] =
        "link_code_pairing_key_bundle_encryption_key";

    rc = wa_hkdf(wa_span(shared, 32), wa_span(k->salt, 32),
                 wa_span_str(info), key, sizeof(key));

    memcpy(plain, k->identity_pub, 32);
    memcpy(plain + 32, k->primary_identity, 32);
    memcpy(plain + 64, k->random, 32);
    memcpy(out, k->salt, 32);
    memcpy(out + 32, k->nonce, 12);

    if (rc == WA_OK) {
        rc = wa_gcm_seal(key, k->nonce, wa_span_none(),
                         wa_span(plain, sizeof(plain)), out + 44);
    }

    wa_wipe(key, sizeof(key));
    wa_wipe(plain, sizeof(plain));

    return rc;
}


wa_err_t
wa_linkcode_bundle(const wa_linkcode_keys_t *k,
    uint8_t out[WA_LINKCODE_BUNDLE], uint8_t adv_secret[32])
{
    uint8_t   secrets[96];
    wa_err_t  rc;

    rc = wa_x25519(secrets, k->ephemeral_priv, k->primary_ephemeral);

    if (rc == WA_OK) {
        rc = wa_x25519(secrets + 32, k->identity_priv, k->primary_identity);
    }

    if (rc == WA_OK) {
        rc = linkcode_seal(k, secrets, out);
    }

    if (rc == WA_OK) {
        memcpy(secrets + 64, k->random, 32);
        rc = wa_hkdf(wa_span(secrets, sizeof(secrets)), wa_span_none(),
                     wa_span_str("adv_secret"), adv_secret, 32);
    }

    wa_wipe(secrets, sizeof(secrets));

    return rc;
}
