/*
 * The records in memory of all accounts of an engine, which is of a worker:
 * the accounts that had a verb least recently give theirs up first.
 */
#ifndef WA_CACHE_H
#define WA_CACHE_H

#include "wa_account_int.h"


/* After each verb: the account was used; its own bound and that of the
   engine hold again. */
void wa_cache_used(wa_account_t *a);

/* Nothing happens on the account for now: it keeps a little. */
void wa_cache_idle(wa_account_t *a);

/* The account goes. */
void wa_cache_forget(wa_account_t *a);

#endif /* WA_CACHE_H */
