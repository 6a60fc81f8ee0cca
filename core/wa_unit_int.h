/*
 * Units, the account's side: the queue of those handed to the store.
 */
#ifndef WA_UNIT_INT_H
#define WA_UNIT_INT_H

#include "wa_account_int.h"


wa_err_t wa_commits_create(wa_account_t *a);
void wa_commits_free(wa_account_t *a);

/* The number of the last commit the store is known to hold (at open). */
void wa_commits_set_seq(wa_account_t *a, uint64_t seq);

/* Marks the unit: see wa_commit_t. */
void wa_unit_mark_create(wa_unit_t *u);
void wa_unit_mark_wipe(wa_unit_t *u);

/* As above, and forgets every record in memory: puts come after this. */
void wa_unit_mark_reset(wa_unit_t *u);

/*
 * The host's answer to a commit.  WA_ERR_ARG: not the oldest one.  An err
 * other than WA_OK ends the account (WA_OUT_GONE).
 */
wa_err_t wa_commits_done(wa_account_t *a, uint64_t seq, wa_err_t err);

/* Units not confirmed yet. */
size_t wa_commits_pending(const wa_account_t *a);

size_t wa_commits_footprint(const wa_account_t *a);

#endif /* WA_UNIT_INT_H */
