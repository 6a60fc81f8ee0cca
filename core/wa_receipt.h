/*
 * Acks and receipts, both ways.
 *
 * Every inbound message, receipt, notification, call, status and appdata
 * stanza is answered exactly once per delivery, by a receipt or by an ack;
 * an unanswered one is sent again and in the end closes the stream.  All
 * answers are held by a unit: they leave when what they confirm is durable.
 * Source: protocol notes on acks and receipts; whatsmeow receipt.go.
 */
#ifndef WA_RECEIPT_H
#define WA_RECEIPT_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_node.h"
#include "wa_task.h"
#include "wa_unit.h"


/* Codes for `error` of wa_ack_stanza(): "do not send this again". */
#define WA_NACK_PARSE         487
#define WA_NACK_STANZA        488
#define WA_NACK_PROTOBUF      491
#define WA_NACK_OLD_COUNTER   496
#define WA_NACK_UNHANDLED     500

/*
 * Holds <ack class=tag id to=from [participant recipient type error]>.
 * `type` replaces the stanza's own type; NULL copies it, except for messages
 * whose acks carry none.  `error` 0: none.
 * WA_ERR_SYNTAX: the stanza has no id or no sender; WA_ERR_NOMEM.
 */
wa_err_t wa_ack_stanza(wa_unit_t *u, const wa_node_t *stanza,
    const char *type, unsigned error);

/*
 * Holds the receipt of a <message> that was taken in:
 *   type NULL          delivered: no type while the account is shown as
 *                      available, otherwise "inactive"; for what comes from
 *                      the offline queue together with its neighbours
 *   "sender"           a copy of what another own device sent; `chat` is
 *                      named as recipient
 *   "peer_msg"         protocol message between own devices
 * `chat`: used by "sender" only, may be NULL otherwise; its device is
 * ignored.
 * WA_ERR_SYNTAX, WA_ERR_NOMEM as above.
 */
wa_err_t wa_receipt_message(wa_unit_t *u, const wa_node_t *stanza,
    const char *type, const wa_jid_t *chat);

/* Holds the receipt of history that message `id` of our phone offered, and
   that was taken in: the phone's copy on the servers may go.  WA_ERR_NOMEM. */
wa_err_t wa_receipt_history(wa_unit_t *u, const char *id);

/*
 * Serial task of an inbound <receipt>: message.receipt events for messages
 * of ours, a resend for type=retry, and its ack.  Ends the task.
 */
void wa_receipt_stanza(wa_task_t *t);

#endif /* WA_RECEIPT_H */
