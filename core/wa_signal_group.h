/*
 * Sender keys: one chain per sending device and room (a group or
 * status@broadcast), given to the members' devices in a distribution message
 * and used for every message there.
 *
 * Records skey/<room>/<address of the sender>.  As in wa_signal.h nothing
 * waits, all changes go into the caller's unit, and on every error the unit
 * is as it was before.  Senders are named by LID where it is known.
 *
 * Facts: protocol 7.2 (sender keys), 7.11 (what libsignal-protocol-c does).
 */
#ifndef WA_SIGNAL_GROUP_H
#define WA_SIGNAL_GROUP_H

#include "wa_signal.h"


/* Names the record of one sender: writes a key, text in the arena; false:
   out of memory, or addresses without such a record. */
bool wa_skey_need(const wa_jid_t *room, const wa_jid_t *sender,
    wa_arena_t *arena, wa_key_t *key);

/* True if there is a key of this sender. */
bool wa_skey_has(wa_account_t *a, const wa_jid_t *room,
    const wa_jid_t *sender);

/* True if our own key is of an earlier era (wa_mend.h): it must not be
   written with, wa_skey_drop() it. */
bool wa_skey_is_old(wa_account_t *a, const wa_jid_t *room,
    const wa_jid_t *self);

/*
 * Takes in a distribution message.  One that was taken in before changes
 * nothing: starting over would lose the messages that are still to come.
 * WA_ERR_SYNTAX, WA_ERR_STATE, WA_ERR_NOMEM.
 */
wa_err_t wa_skey_process(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *sender, wa_span_t distribution);

/*
 * Decrypts an <enc type=skmsg>.  WA_ERR_NO_SESSION, WA_ERR_DUPLICATE,
 * WA_ERR_DECRYPT, WA_ERR_STATE, WA_ERR_NOMEM; out->retry_code is set then.
 */
wa_err_t wa_skey_decrypt(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *sender, wa_span_t cipher, wa_arena_t *arena,
    wa_signal_plain_t *out);

/*
 * The distribution message of our own key as it stands now, in the arena;
 * makes the key when there is none.  WA_ERR_STATE, WA_ERR_NOMEM,
 * WA_ERR_DECRYPT (the record is not usable: drop it).
 */
wa_err_t wa_skey_distribution(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *self, wa_arena_t *arena, wa_span_t *distribution);

/* Encrypts with our own key.  WA_ERR_NO_SESSION (also of an earlier era),
   WA_ERR_STATE, WA_ERR_NOMEM, WA_ERR_DECRYPT. */
wa_err_t wa_skey_encrypt(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *self, wa_span_t padded, wa_arena_t *arena,
    wa_span_t *cipher);

/* Deletes a sender's key.  No record is needed. */
wa_err_t wa_skey_drop(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *sender);

#endif /* WA_SIGNAL_GROUP_H */
