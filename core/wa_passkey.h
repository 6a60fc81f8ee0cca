/*
 * Linking an account that WhatsApp wants a passkey for (HTTP contract 20;
 * protocol: whatsmeow pair-passkey.go, proto/wa_shortcake.h).
 *
 *     the QR code was scanned
 *     <- passkey_prologue_request    stage challenge: state PASSKEY
 *     verb "passkey.answer" {assertion}: ref, passkey_prologue
 *     <- crsc_continuation           stage confirm: a code to compare
 *     verb "passkey.answer" {confirm: true}: encrypted_pairing_request
 *     <- pair-success                wa_pair.c goes on
 *
 * The assertion is made by a browser or a phone that has the passkey; wahub
 * only carries it.  All of it belongs to one connection: with that it ends,
 * and linking begins anew.
 */
#ifndef WA_PASSKEY_H
#define WA_PASSKEY_H

#include "wa_account_int.h"


/*
 * Verb "passkey.get": {stage "challenge"|"confirm", rp_id, challenge o,
 * code?, expires_at}.  RESOURCE_NOT_FOUND: none is pending.
 */
void wa_passkey_get(wa_account_t *a, const wa_cmd_t *cmd);

/*
 * Verb "passkey.answer" {assertion o} or {confirm: true}: answers {success,
 * stage} when WhatsApp took it.  RESOURCE_NOT_FOUND; INVALID_STATE: it is the
 * other one's turn; VALIDATION_ERROR: no assertion; SEND_FAILED
 * {provider_code}.
 */
void wa_passkey_answer(wa_account_t *a, const wa_cmd_t *cmd);

/* Serial notifications.  They end the task. */
void wa_passkey_request(wa_task_t *t);
void wa_passkey_continuation(wa_task_t *t);

/* One is under way on this connection: the adv secret stays as it is. */
bool wa_passkey_pending(const wa_account_t *a);

/* Adds session.passkey of the present stage, if there is one. */
void wa_passkey_event(wa_unit_t *u);

void wa_passkey_free(wa_account_t *a);

void wa_passkey_expire(wa_account_t *a);
wa_time_t wa_passkey_deadline(const wa_account_t *a);

#endif /* WA_PASSKEY_H */
