/*
 * Fetching all groups unasked: once after linking, and when the server says
 * that what we know of them is out of date (<ib><dirty type=groups>).
 * Source: protocol notes, dirty bits.
 */
#ifndef WA_GROUP_SYNC_H
#define WA_GROUP_SYNC_H

#include "wa_account.h"


/* The offline queue has come to its end: the moment for it. */
void wa_group_sync_ready(wa_account_t *a);

/* The server's mark; `timestamp` of it, which takes it away in the end. */
void wa_group_sync_dirty(wa_account_t *a, int64_t timestamp);

#endif /* WA_GROUP_SYNC_H */
