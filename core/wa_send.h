/*
 * WA_OP_SEND: command -> encrypted copies -> <message> -> server ack.
 *
 *     queue -> LID -> devices -> bundles -> unit {sessions, out/<id>,
 *     pend/<id>, pending, held stanza} -> ack -> reply, unit {event}
 *
 * The message id is durable before the first frame with it leaves, and every
 * repeat uses the same bytes, so that the server drops repeats.  Sends of
 * one account are prepared one at a time and leave in the order they came;
 * many may wait for their acks.
 */
#ifndef WA_SEND_H
#define WA_SEND_H

#include "wa_account.h"
#include "wa_node.h"


/* Sends without a server ack that one account may have on the way. */
#define WA_SEND_UNACKED_MAX   256

/* Sends waiting for their turn; more are refused. */
#define WA_SEND_QUEUE_MAX     1024

/* No ack for so long on a living connection: repeat the stanza (ms). */
#define WA_SEND_REPEAT_MS     75000

/* A stanza repeated so often without any answer is given up. */
#define WA_SEND_ATTEMPTS_MAX  10

/*
 * Takes the command; the answer is always a reply:
 *   data {success, id, message_id, status PENDING|SENT|DELIVERED|READ|PLAYED,
 *   to, timestamp, receipt? (unix s, of the last three), ...}
 *   or ACCOUNT_NOT_READY {state}, MISSING_RECIPIENT, INVALID_RECIPIENT,
 *   MISSING_CONTENT, INVALID_PARAMETER, PROVIDER_UNSUPPORTED,
 *   RATE_LIMIT_EXCEEDED, SEND_FAILED and its kin {provider_code},
 *   IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_KEY_REUSED, OWNER_TIMEOUT.
 * An answer that was given to an earlier request with the same key has the
 * member "replayed" in its data: that request's id, or "".
 */
void wa_send_start(wa_account_t *a, const wa_cmd_t *cmd);

/* <ack class=message>: settles the send of that id; others are ignored. */
void wa_send_acked(wa_account_t *a, const wa_node_t *ack);

/*
 * A receipt of the contact, committed: "delivered", "read" or "played", at
 * `ts` (unix s).  Answers the command that waits for it.
 */
void wa_send_receipt(wa_account_t *a, wa_span_t id, const char *status,
    int64_t ts);

/* Logged in: repeats everything that has no ack yet, in its order. */
void wa_send_online(wa_account_t *a);

/*
 * The link is gone (logged out, relinked): waiting commands are answered,
 * everything else is forgotten.  The records go with the account's reset.
 */
void wa_sends_reset(wa_account_t *a);

/*
 * The account moves to another owner, which repeats what is durable: these
 * commands are told so (PENDING), now or when their commit is confirmed.
 */
void wa_sends_quiesce(wa_account_t *a);

/* Frees all send state without answering.  Called by wa_account_free(). */
void wa_sends_free(wa_account_t *a);

#endif /* WA_SEND_H */
