/*
 * A store that was set back: a failover that lost what had been confirmed, or
 * a backup that was put in place.  The account's records are then from before
 * messages that have left, and going on from them would use message keys a
 * second time.
 *
 * So a new era begins.  What is to be written with, sessions and our own
 * sender keys, has to carry the mark of the account's era (wa_signal_state.c);
 * others still decrypt, as what contacts send belongs to them, but the next
 * message to a device fetches a bundle and the next one to a room makes
 * another sender key.  Our signed prekey and the ids of one-time prekeys are
 * new as well, and the server is asked what it has of them: it may know keys
 * that we have lost.  Before the first mend the era is 0 and nothing carries
 * a mark.
 */
#ifndef WA_MEND_H
#define WA_MEND_H

#include "wa_account.h"


/* Begins the new era.  When it is durable, or cannot be because the account
   ends, `then` (may be NULL) is called; not at all in the latter case. */
void wa_mend_start(wa_account_t *a, void (*then)(wa_account_t *a));

#endif /* WA_MEND_H */
