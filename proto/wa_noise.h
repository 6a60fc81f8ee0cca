/*
 * Noise XX_25519_AESGCM_SHA256, client side, and the transport ciphers that
 * follow it; with a server key that is known from before, IK in its place,
 * which saves a round trip (wa_noise_resume).
 *
 *     wa_noise_init                        state: HELLO
 *     wa_noise_client_hello  -> frame      state: WAIT
 *     wa_noise_server_hello  <- frame
 *                            -> frame      state: TRANSPORT
 *     wa_noise_seal / wa_noise_open
 *
 * The intro (wa_frame_intro) goes before the first frame and is not written
 * here.  All output is appended with its 3-byte frame header, all input is a
 * frame body as wa_frame_next() gives it.
 *
 * WA_ERR_AUTH and WA_ERR_SYNTAX poison the object (WA_NOISE_FAILED, keys
 * wiped): the counters of both sides no longer agree, the connection must be
 * closed.  After any other error the object is as before the call.
 * WA_ERR_STATE: call out of order.
 */

#ifndef WA_NOISE_H
#define WA_NOISE_H

#include "wa_base.h"
#include "wa_crypto.h"
#include "wa_frame.h"
#include "wa_mem.h"


/* WhatsApp's production root public key ("WhatsAppLongTerm1", serial 0). */
extern const uint8_t  wa_noise_root_production[WA_KEY_LEN];

typedef enum {
    WA_NOISE_HELLO = 0,
    WA_NOISE_WAIT,
    WA_NOISE_TRANSPORT,
    WA_NOISE_FAILED
} wa_noise_state_e;

/* Why the server's certificate was refused; 0 when it was not. */
typedef enum {
    WA_CERT_OK = 0,
    WA_CERT_FORMAT,             /* not the expected protobuf or lengths */
    WA_CERT_ROOT,               /* intermediate not signed by the root key */
    WA_CERT_ISSUER,             /* serial numbers do not chain */
    WA_CERT_LEAF,               /* leaf not signed by the intermediate */
    WA_CERT_KEY,                /* leaf is for another static key */
    WA_CERT_TIME                /* outside its validity */
} wa_cert_e;

/* The server as its certificates described it; times in unix seconds. */
typedef struct {
    uint8_t   key[WA_KEY_LEN];
    uint64_t  not_before;
    uint64_t  not_after;
} wa_noise_server_t;

typedef struct {
    uint8_t   h[32];            /* handshake only, wiped afterwards */
    uint8_t   ck[32];
    uint8_t   k[32];
    uint8_t   e_priv[32];
    uint8_t   e_pub[32];
    uint8_t   write_key[32];    /* transport */
    uint8_t   read_key[32];
    uint32_t  n;                /* handshake counter */
    uint32_t  write_n;
    uint32_t  read_n;
    uint8_t   state;            /* wa_noise_state_e */
    uint8_t   cert;             /* wa_cert_e */
    bool      resuming;         /* IK; false again when XX took its place */
    bool      resumed;          /* transport: by IK */
    wa_noise_server_t  server;  /* transport, unless resumed: as told now */
} wa_noise_t;

/*
 * e_priv: ephemeral private key, NULL for a random one (always, outside of
 * tests).  The object holds secrets: end it with wa_noise_wipe().
 */
wa_err_t wa_noise_init(wa_noise_t *n, const uint8_t *e_priv);
void wa_noise_wipe(wa_noise_t *n);

wa_err_t wa_noise_client_hello(wa_noise_t *n, wa_buf_t *out);

/*
 * In place of wa_noise_client_hello(): says hello as one whom the server of
 * `server_key` knows, and sends the client payload at once.  The server may
 * decline; wa_noise_server_hello() then goes on with XX (XXfallback) by
 * itself.  Source: whatsapp-rust, noise_handshake.md; vectors noise.json.
 */
wa_err_t wa_noise_resume(wa_noise_t *n, const uint8_t server_key[32],
    const uint8_t static_priv[32], const uint8_t static_pub[32],
    wa_span_t client_payload, wa_buf_t *out);

/* The server's certificates hold at now_s (unix seconds). */
bool wa_noise_server_valid(const wa_noise_server_t *server, int64_t now_s);

/*
 * Checks the server hello and its certificate chain, appends the client
 * finish frame with the encrypted client payload, switches to transport.
 * After wa_noise_resume() there is no finish, unless the server declined:
 * nothing is appended, and n->resumed is true.
 * now_s: unix seconds, for the validity times.
 * WA_ERR_SYNTAX: not a server hello.
 * WA_ERR_AUTH: a tag did not match or the certificate was refused; n->cert
 * tells which check failed (WA_CERT_ROOT: the server is not one whose chain
 * ends at root_key), WA_CERT_OK means that a decryption failed.
 */
wa_err_t wa_noise_server_hello(wa_noise_t *n, wa_span_t msg,
    const uint8_t root_key[32], const uint8_t static_priv[32],
    const uint8_t static_pub[32], wa_span_t client_payload, int64_t now_s,
    wa_buf_t *out);

/*
 * Encrypts one frame, header included, appended to out.
 * WA_ERR_LIMIT: longer than a frame can be, or 2^32 frames were sent.
 */
wa_err_t wa_noise_seal(wa_noise_t *n, wa_span_t plain, wa_buf_t *out);

/*
 * Decrypts one frame body into arena memory (a node tree decoded from it then
 * lives exactly as long).  WA_ERR_AUTH: tag mismatch, final.
 */
wa_err_t wa_noise_open(wa_noise_t *n, wa_span_t frame, wa_arena_t *arena,
    wa_span_t *plain);

/*
 * The pure check of a CertChain protobuf against the root key and the
 * server's static key.  WA_OK; WA_ERR_AUTH with the reason in *why;
 * WA_ERR_NOMEM.
 */
wa_err_t wa_noise_cert_check(wa_span_t chain, const uint8_t root_key[32],
    const uint8_t server_static[32], int64_t now_s, wa_cert_e *why);

/* "root", "time", ... for log lines. */
const char *wa_cert_name(wa_cert_e cert);


#endif /* WA_NOISE_H */
