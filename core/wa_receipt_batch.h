/*
 * Delivery receipts of the offline queue: gathered, one stanza with a <list>
 * for all messages of a chat, author and type.
 *
 * What is gathered is durable already (its unit is confirmed); it leaves
 * within WA_RECEIPTS_WAIT_MS or when there is enough of it.  On a connection
 * that ended before, it is forgotten: the server repeats those messages.
 * Source: protocol notes on receipts, offline queue.
 */
#ifndef WA_RECEIPT_BATCH_H
#define WA_RECEIPT_BATCH_H

#include "wa_account.h"


#define WA_RECEIPTS_WAIT_MS  50

/* What tells one stanza from another; `type` "": none. */
typedef struct {
    wa_span_t  to;
    wa_span_t  participant;         /* p NULL: none                        */
    wa_span_t  type;
} wa_receipt_key_t;

/* A message was taken in.  Without memory its receipt leaves alone. */
void wa_receipts_add(wa_account_t *a, const wa_receipt_key_t *key,
    wa_span_t id);

/* Sends what is gathered. */
void wa_receipts_flush(wa_account_t *a);

/* Frees without sending.  NULL-safe; called with the rest of receiving. */
void wa_receipts_free(wa_account_t *a);

#endif /* WA_RECEIPT_BATCH_H */
