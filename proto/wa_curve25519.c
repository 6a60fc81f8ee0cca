/*
 * libsignal-protocol-c computes X25519 with its own portable
 * curve25519_donna().  Being an exported symbol of a shared library, it can be
 * replaced: this definition is four times as fast.  It works only while the
 * symbol stays visible (the module's version script lists it as global).
 */

#include "wa_crypto.h"


int curve25519_donna(uint8_t *out, const uint8_t *secret,
    const uint8_t *base);


/*
 * out and base may overlap nothing else; all are 32 bytes.  Returns 0 as the
 * original does; -1 with a zeroed result for a point of small order, which
 * the original lets through.
 */
int
curve25519_donna(uint8_t *out, const uint8_t *secret, const uint8_t *base)
{
    static const uint8_t  generator[WA_KEY_LEN] = { 9 };

    if (memcmp(base, generator, WA_KEY_LEN) == 0) {
        return wa_x25519_public(out, secret) == WA_OK ? 0 : -1;
    }

    return wa_x25519(out, secret, base) == WA_OK ? 0 : -1;
}
