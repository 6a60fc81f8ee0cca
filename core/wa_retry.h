/*
 * Retry receipts, both ways.
 *
 * Out: a message that cannot be decrypted is asked for again, at most five
 * times; from the second time on with fresh keys of ours, so that the peer
 * can start a new session.  The count lives in rtry/<hash>.  Our phone is
 * asked for it too (wa_placeholder.h), should the peer not answer.
 *
 * In: a device could not decrypt what we sent; the text is encrypted again
 * for that device alone, from the out/<id> record, under the same id.
 * Counts per device live in the same record, so both survive restarts.
 * Source: protocol notes on retry receipts; whatsmeow retry.go.
 */
#ifndef WA_RETRY_H
#define WA_RETRY_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_task.h"
#include "wa_unit.h"


/* Retry receipts sent, and honoured, for one message. */
#define WA_RETRY_MAX  5

/*
 * Takes over the stanza task of a message that failed to decrypt: counts,
 * holds the retry receipt and the ack, emits message.undecryptable the
 * first time.  `chat` and `sender` as they appear in events; `reason` is a
 * wa_retry_e (wa_signal.h).  Ends the task.
 */
void wa_retry_request(wa_task_t *t, const wa_jid_t *chat,
    const wa_jid_t *sender, uint8_t reason);

/*
 * Puts message.undecryptable into the unit.  `retrying`: it may still come;
 * `reason`: "decrypt", or why there is no content.  WA_ERR_NOMEM.
 */
wa_err_t wa_retry_tell(wa_unit_t *u, wa_span_t id, const wa_jid_t *chat,
    const wa_jid_t *sender, bool retrying, const char *reason);

/* Takes over the task of an inbound <receipt type=retry>.  Ends the task. */
void wa_retry_answer(wa_task_t *t);

/*
 * The same when the message is not kept: a member's device, named as its
 * session is, leaves the holders of our sender key, so the next message
 * brings that (protocol 8.5).  A status stays shown to whom it was: whom it
 * may be taken back from is known from its holders.  Ends the task.
 */
void wa_retry_unkept(wa_task_t *t, const wa_jid_t *room,
    const wa_jid_t *device);

#endif /* WA_RETRY_H */
