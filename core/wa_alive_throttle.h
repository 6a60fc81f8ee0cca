/*
 * Leaving the server alone when it asks for it: an iq that is refused with
 * 429 closes its namespace for the `backoff` seconds the server names (else
 * 5 s, doubled each time).  Iqs of that namespace wait meanwhile, or are
 * refused with 429 at once when they cannot wait that long.  wa_task.c asks
 * and tells; nobody else needs to.
 */
#ifndef WA_ALIVE_THROTTLE_H
#define WA_ALIVE_THROTTLE_H

#include "wa_account.h"
#include "wa_node.h"


#define WA_CODE_RATE  429


void wa_throttles_free(wa_account_t *a);        /* NULL-safe               */

/* Names a namespace; 0: none. */
uint32_t wa_throttle_key(wa_span_t xmlns);

/* When the namespace may be used again; 0: now. */
wa_time_t wa_throttle_until(const wa_account_t *a, uint32_t key);

/* It was refused: `error` has code 429 and maybe backoff (s). */
void wa_throttle_hit(wa_account_t *a, uint32_t key, const wa_node_t *error);

/* It was answered. */
void wa_throttle_passed(wa_account_t *a, uint32_t key);

#endif /* WA_ALIVE_THROTTLE_H */
