/*
 * <message> (and <appdata>, <status>) -> plaintext -> event.
 *
 *     stanza -> addresses -> records -> decrypt -> content -> unit:
 *     {session, used prekey, seen, event, receipt}
 *
 * The unit is handed over without waiting for its confirmation: the next
 * stanza is worked on meanwhile, the receipt leaves once it is durable.
 */
#ifndef WA_RECV_H
#define WA_RECV_H

#include "wa_account.h"
#include "wa_task.h"


/* Serial task of the stanza in t->stanza; ends the task in every case. */
void wa_recv_message(wa_task_t *t);

/* Frees what the account remembers of lately seen messages.  NULL-safe in
   the field; called by wa_account_free(). */
void wa_recv_free(wa_account_t *a);

#endif /* WA_RECV_H */
