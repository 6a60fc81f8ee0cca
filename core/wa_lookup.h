/*
 * Asking WhatsApp about people by usync: who is there, and their about text.
 * Verbs of WA_OP_QUERY:
 *
 *   contact.check     phones: 1 to 50 numbers, as people write them, or
 *                     addresses; a LID by the number that is known of it
 *                     -> {contacts: [{input, exists b, jid?, lid?,
 *                     is_business b, verified_name?, username?, reachable
 *                     warm|cold|limited?}]}, in the order asked; what is no
 *                     number, and a LID without one, does not exist
 *   contact.about     jid -> {jid, lid?, about s|null, set_at iso?, hidden b}
 *
 * reachable: warm, the contact trusts us or has written to us; cold, nothing
 * of it is known, and such messages are few for a young account; limited, it
 * is cold and WhatsApp lets the account write to nobody new.
 *
 * Numbers that nobody knows, asked for in masses, are what gets accounts
 * banned.  So one question is on its way at a time and those behind it go
 * together in the next; and each number takes from an allowance: as many as
 * one question holds (WA_LOOKUP_MAX), refilled at `lookups_per_hour` of the
 * engine.  What would have to wait longer than WA_LOOKUP_WAIT_MS, or after
 * the server said to wait, is refused: RATE_LIMIT_EXCEEDED {retry_after s}.
 * Other errors: VALIDATION_ERROR, those of wa_query_failed().
 *
 * Facts: protocol 15 (number check, about), 7.5 (usync).
 */
#ifndef WA_LOOKUP_H
#define WA_LOOKUP_H

#include "wa_query.h"


/* Numbers in one question, and at once out of a full allowance. */
#define WA_LOOKUP_MAX       50

#define WA_LOOKUP_WAIT_MS   8000

/* Of an engine whose configuration says nothing. */
#define WA_LOOKUP_PER_HOUR  600


typedef struct wa_lookups_s  wa_lookups_t;


/* One function for both: the verb is in the arguments. */
void wa_lookup_query(wa_account_t *a, const wa_cmd_t *cmd);

/* NULL-safe.  The account's tasks have ended. */
void wa_lookups_free(wa_account_t *a);

#endif /* WA_LOOKUP_H */
