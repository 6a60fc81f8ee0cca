/*
 * Linking by a code that a person types: the messages that the code
 * protects.  Pure functions; protocol: whatsmeow pair-code.go, vectors
 * paircode.json.
 *
 * Keys stretched from the code (PBKDF2, WA_LINKCODE_ITERATIONS) take tens of
 * milliseconds to make and are therefore given here, not made.
 */

#ifndef WA_LINKCODE_H
#define WA_LINKCODE_H

#include "wa_base.h"
#include "wa_crypto.h"


#define WA_LINKCODE_RANDOM      5u      /* bytes a code is made of           */
#define WA_LINKCODE_LEN         8u      /* characters                        */
#define WA_LINKCODE_ITERATIONS  131072u
#define WA_LINKCODE_SALT        32u
#define WA_LINKCODE_IV          16u

/* salt, iv, key under AES-256-CTR */
#define WA_LINKCODE_WRAPPED     80u

/* salt 32, nonce 12, three keys of 32, tag 16 */
#define WA_LINKCODE_BUNDLE      156u


/* The code as text, NUL-terminated. */
void wa_linkcode_text(const uint8_t random[WA_LINKCODE_RANDOM],
    char out[WA_LINKCODE_LEN + 1]);

/*
 * Our ephemeral public key under `key`, which was stretched with `salt`.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_linkcode_wrap(const uint8_t key[32],
    const uint8_t salt[WA_LINKCODE_SALT], const uint8_t iv[WA_LINKCODE_IV],
    const uint8_t pub[32], uint8_t out[WA_LINKCODE_WRAPPED]);

/*
 * The phone's ephemeral public key.  `key` was stretched with the first
 * WA_LINKCODE_SALT bytes of `wrapped`.  A wrong key cannot be told from a
 * right one here.  WA_ERR_NOMEM.
 */
wa_err_t wa_linkcode_unwrap(const uint8_t key[32],
    const uint8_t wrapped[WA_LINKCODE_WRAPPED], uint8_t pub[32]);

/* What goes into the bundle; all of it ours but the two public keys. */
typedef struct {
    const uint8_t  *ephemeral_priv;     /* 32                              */
    const uint8_t  *identity_priv;      /* 32                              */
    const uint8_t  *identity_pub;       /* 32                              */
    const uint8_t  *primary_ephemeral;  /* 32, the phone's, public         */
    const uint8_t  *primary_identity;   /* 32, the phone's, public         */
    const uint8_t  *salt;               /* 32 fresh bytes                  */
    const uint8_t  *nonce;              /* 12 fresh bytes                  */
    const uint8_t  *random;             /* 32 fresh bytes                  */
} wa_linkcode_keys_t;

/*
 * The sealed key bundle for the phone, and the adv secret that both sides
 * derive: it verifies the pair-success that follows.
 * WA_ERR_AUTH: a public key of the phone has small order.  WA_ERR_NOMEM.
 */
wa_err_t wa_linkcode_bundle(const wa_linkcode_keys_t *keys,
    uint8_t out[WA_LINKCODE_BUNDLE], uint8_t adv_secret[32]);


#endif /* WA_LINKCODE_H */
