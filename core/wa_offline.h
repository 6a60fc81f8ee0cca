/*
 * The queue of stanzas that came while we were away.  The server announces
 * it in <offline_preview count=..>, hands out as many as were asked for in
 * <offline_batch count=..>, and waits for the next request.
 */
#ifndef WA_OFFLINE_H
#define WA_OFFLINE_H

#include "wa_account_int.h"
#include "wa_node.h"


/* <offline_preview>: asks for the first batch. */
void wa_offline_preview(wa_account_t *a, const wa_node_t *preview);

/* It came on this connection. */
bool wa_offline_told(const wa_account_t *a);

/* A stanza of the queue came in. */
void wa_offline_seen(wa_account_t *a);

/* <offline>: that was all. */
void wa_offline_end(wa_account_t *a);

void wa_offline_expire(wa_account_t *a);
wa_time_t wa_offline_deadline(const wa_account_t *a);      /* -1: none     */

#endif /* WA_OFFLINE_H */
