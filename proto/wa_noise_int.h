/* Shared by wa_noise*.c: the symmetric state of the handshake. */

#ifndef WA_NOISE_INT_H
#define WA_NOISE_INT_H

#include "handshake.pb-c.h"

#include "wa_noise.h"


/* h, ck and k become the protocol's name, then the prologue is mixed in. */
wa_err_t wa_noise_begin(wa_noise_t *n, const uint8_t name[32]);

wa_err_t wa_noise_mix_hash(wa_noise_t *n, wa_span_t data);
wa_err_t wa_noise_mix_key(wa_noise_t *n, const uint8_t priv[32],
    const uint8_t pub[32]);

/* Handshake encryption; the result is placed in the arena. */
wa_err_t wa_noise_encrypt(wa_noise_t *n, wa_span_t plain, wa_arena_t *arena,
    wa_span_t *out);

/* WA_ERR_AUTH: it does not authenticate. */
wa_err_t wa_noise_decrypt(wa_noise_t *n, wa_span_t in, wa_arena_t *arena,
    wa_span_t *plain);

/* Appends the message as a frame. */
wa_err_t wa_noise_write(const Wa__HandshakeMessage *msg, wa_buf_t *out);


/* wa_noise_ik.c: the server took the hello; up to the split. */
wa_err_t wa_noise_resumed(wa_noise_t *n, wa_span_t e, wa_span_t payload,
    const uint8_t static_priv[32], wa_arena_t *arena);

/* The server declined: back to where XX has sent its hello. */
wa_err_t wa_noise_fall_back(wa_noise_t *n);


#endif /* WA_NOISE_INT_H */
