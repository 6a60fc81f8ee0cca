/*
 * Signal sessions with single devices: the double ratchet of libsignal over
 * the account's records.  wa_signal*.c are the only files that include
 * libsignal.
 *
 * Nothing here waits: the records of an operation must be in memory before
 * it (wa_signal_need() names them for wa_task_need()); one that is not is
 * WA_ERR_STATE.  All changes go into the caller's unit; on every error the
 * unit is as it was before the call.
 *
 * The address decides which session is meant.  Who has a LID must be named by
 * it (wa_lid.h): a person has one session per device, not one per address.
 *
 * Facts: protocol 7.2 (session), 7.11 (what libsignal-protocol-c does).
 */
#ifndef WA_SIGNAL_H
#define WA_SIGNAL_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_unit.h"


/* Codes of <retry error=..>, protocol 8.4. */
typedef enum {
    WA_RETRY_UNKNOWN         = 0,
    WA_RETRY_NO_SESSION      = 1,
    WA_RETRY_INVALID_KEY     = 2,
    WA_RETRY_INVALID_KEY_ID  = 3,
    WA_RETRY_INVALID_MESSAGE = 4,
    WA_RETRY_BAD_MAC         = 7
} wa_retry_e;

/* What decryption found out. */
typedef struct {
    wa_span_t  padded;            /* plaintext with its padding; in the
                                     arena; only on WA_OK                  */
    uint8_t    retry_code;        /* wa_retry_e, for a retry receipt; set
                                     on every error                        */
    bool       identity_changed;  /* a pkmsg brought another identity key
                                     than the known one; it was accepted
                                     and stored; only on WA_OK             */
} wa_signal_plain_t;


/*
 * The engine's libsignal context.  WA_ERR_NOMEM.  Shutdown is NULL-safe
 * in e->signal and may be called twice.
 */
wa_err_t wa_signal_init(wa_engine_t *e);
void wa_signal_shutdown(wa_engine_t *e);


/*
 * Names the records of one device: writes WA_SIGNAL_KEYS keys (text in the
 * arena), returns how many; 0: out of memory, or an address without
 * devices.
 */
#define WA_SIGNAL_KEYS  2

size_t wa_signal_need(const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys);

/*
 * The prekey records that decrypting this pkmsg asks for, beside
 * wa_signal_need(): at most WA_SIGNAL_PREKEY_KEYS, *n may be 0.
 * WA_ERR_SYNTAX: not a pkmsg (answer with a retry receipt, code 4).
 * WA_ERR_NOMEM.
 */
#define WA_SIGNAL_PREKEY_KEYS  2

wa_err_t wa_signal_prekey_need(wa_span_t pkmsg, wa_arena_t *arena,
    wa_key_t *keys, size_t *n);


/* True if something can be encrypted for this device now. */
bool wa_signal_has_session(wa_account_t *a, const wa_jid_t *jid);

/* True if there is a session, of whatever era: it may decrypt. */
bool wa_signal_knows(wa_account_t *a, const wa_jid_t *jid);

/* True if this device has used the session: it has got a message of ours, or
   written first.  Needs its records. */
bool wa_signal_answered(wa_account_t *a, const wa_jid_t *jid);

/*
 * Encrypts for one device and advances the session.  *enc_type is "msg" or
 * "pkmsg" (static), *cipher is in the arena.
 * WA_ERR_NO_SESSION, WA_ERR_STATE, WA_ERR_NOMEM, WA_ERR_DECRYPT (the stored
 * session is not usable: drop it and fetch a bundle).
 */
wa_err_t wa_signal_encrypt(wa_unit_t *u, const wa_jid_t *to,
    wa_span_t padded, wa_arena_t *arena, const char **enc_type,
    wa_span_t *cipher);

/*
 * Decrypts one <enc> of type "msg" or "pkmsg" from one device.  A one-time
 * prekey it used is deleted in the same unit.
 * WA_ERR_NO_SESSION, WA_ERR_DUPLICATE (message key used before; proof of an
 * earlier delivery only if that message is known), WA_ERR_DECRYPT,
 * WA_ERR_SYNTAX (unknown enc_type), WA_ERR_STATE, WA_ERR_NOMEM.
 * Takes <= 0.3 ms (pkmsg).
 */
wa_err_t wa_signal_decrypt(wa_unit_t *u, const wa_jid_t *from,
    wa_span_t enc_type, wa_span_t cipher, wa_arena_t *arena,
    wa_signal_plain_t *out);

/* Deletes the session; the identity stays.  No record is needed. */
wa_err_t wa_signal_session_drop(wa_unit_t *u, const wa_jid_t *jid);

/* Deletes session and identity.  No record is needed. */
wa_err_t wa_signal_forget(wa_unit_t *u, const wa_jid_t *jid);

/*
 * Moves session and identity to another address of the same device; what was
 * at `to` is kept if `from` has nothing.  Needs the records of both.
 */
wa_err_t wa_signal_move(wa_unit_t *u, const wa_jid_t *from,
    const wa_jid_t *to);

/* Registration id of the session's remote side.
   WA_ERR_NO_SESSION, WA_ERR_STATE, WA_ERR_NOMEM. */
wa_err_t wa_signal_remote_registration(wa_account_t *a, const wa_jid_t *jid,
    uint32_t *registration_id);


/* The known identity key (32 bytes) of a device; false: none in memory. */
bool wa_signal_identity(wa_account_t *a, const wa_jid_t *jid,
    uint8_t key[32]);

/* Trusts this identity from now on.  Pairing does it for our own device 0.
   The record is not needed.  WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_signal_identity_save(wa_unit_t *u, const wa_jid_t *jid,
    const uint8_t key[32]);


/*
 * A session from a verified bundle; libsignal checks the signed prekey's
 * signature.  Use wa_bundle_process(), which checks the rest.
 * WA_ERR_AUTH, WA_ERR_STATE, WA_ERR_NOMEM, WA_ERR_SYNTAX.
 */
typedef struct wa_bundle_s  wa_bundle_t;

wa_err_t wa_signal_session_start(wa_unit_t *u, const wa_jid_t *jid,
    const wa_bundle_t *b);

#endif /* WA_SIGNAL_H */
