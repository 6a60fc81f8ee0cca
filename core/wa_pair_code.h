/*
 * Linking by a code that a person types into the phone, in place of a QR
 * code (protocol: whatsmeow pair-code.go; proto/wa_linkcode.h).
 *
 *     setting "pairing_phone", or the verb "pair.code"
 *     pair-device came -> the key is stretched -> companion_hello -> ref:
 *     the code is shown, state CODE
 *     <- primary_hello: the code was typed -> companion_finish
 *     <- pair-success: wa_pair.c goes on
 *
 * The number stays in the settings until the account is linked or a QR code
 * is asked for, so a code that ran out, or went down with its connection, is
 * followed by another one.  Only a code that a person asked for makes the
 * phone show a notification.
 */
#ifndef WA_PAIR_CODE_H
#define WA_PAIR_CODE_H

#include "wa_account_int.h"


/* Setting: the number to link with, digits. */
#define WA_PAIR_PHONE  "pairing_phone"

/*
 * Verb "pair.code" {phone_number: digits}: answers {pairing_code "ABCD-EFGH",
 * expires_at} when the code is shown.  INVALID_STATE: linked already, or a
 * code is being made; INVALID_RECIPIENT; SEND_FAILED {provider_code}:
 * WhatsApp gives none for this number now; OWNER_TIMEOUT: no connection.
 */
void wa_pair_code_query(wa_account_t *a, const wa_cmd_t *cmd);

/* The account is to be linked by code. */
bool wa_pair_code_wanted(const wa_account_t *a);

/* The connection may be used for linking: makes the code. */
void wa_pair_code_begin(wa_account_t *a);

/* A person gave the number: the phone may show a notification. */
void wa_pair_code_given(wa_account_t *a);

/* A code is being made, shown or was typed: the connection is needed. */
bool wa_pair_code_busy(const wa_account_t *a);

/* The adv secret is the one that follows from the code: no other may be
   made until pair-success. */
bool wa_pair_code_typed(const wa_account_t *a);

/* The code shown now, "ABCD-EFGH"; false: none.  *expires_ms: unix ms. */
bool wa_pair_code_shown(const wa_account_t *a, char text[10],
    int64_t *expires_ms);

/* Serial <notification type=link_code_companion_reg>.  Ends the task. */
void wa_pair_code_notification(wa_task_t *t);

/* Takes the number out of the settings, which the caller writes. */
void wa_pair_code_forget(wa_account_t *a);

/* The connection is gone and the code with it; a caller who waits goes on
   waiting.  wa_pair_code_free() answers him. */
void wa_pair_code_pause(wa_account_t *a);
void wa_pair_code_free(wa_account_t *a);

void wa_pair_code_expire(wa_account_t *a);
wa_time_t wa_pair_code_deadline(const wa_account_t *a);

#endif /* WA_PAIR_CODE_H */
