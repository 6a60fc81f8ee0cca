/*
 * How an account fares: what it counts, what of it gives cause for concern,
 * and the answer of GET /api/accounts/{id}/health (HTTP contract 20).
 *
 * Counts cover the last 24 hours by the hour and survive in record "alive",
 * which travels in units that are made anyway: what was counted since the
 * last one is lost in a crash.  Reasons for concern are events
 * account.degraded {reason} and account.degraded_cleared {reason}, and the
 * member "degraded" of the view, from which they come back.
 */
#ifndef WA_ALIVE_H
#define WA_ALIVE_H

#include <jansson.h>

#include "wa_account.h"
#include "wa_node.h"
#include "wa_unit.h"


#define WA_RECORD_ALIVE  "alive"

/* Order of the contract's words in wa_alive.c. */
typedef enum {
    WA_DEGRADED_DEAF = 0,       /* connected, but the server was silent    */
    WA_DEGRADED_DECRYPT,        /* many messages do not decrypt            */
    WA_DEGRADED_PREKEYS,        /* the server takes no prekeys of ours     */
    WA_DEGRADED_CLOCK,          /* our clock and the server's differ       */
    WA_DEGRADED_STORAGE,        /* a disk of the host is full              */
    WA_DEGRADED_REASONS
} wa_degraded_e;

typedef enum {
    WA_COUNT_RECONNECTS = 0,    /* connections lost while logged in        */
    WA_COUNT_DECRYPT,           /* messages that did not decrypt           */
    WA_COUNT_RETRIES,           /* messages sent again because of others   */
    WA_COUNTS
} wa_count_e;

/*
 * Messages that may fail to decrypt at once before it is a concern; one is
 * forgiven every six minutes, and it is over when half of them are.
 */
#define WA_ALIVE_DECRYPT_MAX   10
#define WA_ALIVE_DECRYPT_MS    (6 * 60 * 1000)

/* A difference of clocks that is a concern, and one that is not, ms. */
#define WA_ALIVE_CLOCK_MS      60000
#define WA_ALIVE_CLOCK_OK_MS   30000


void wa_alive_free(wa_account_t *a);            /* NULL-safe               */

/* Counts one, and for decryption what follows from it. */
void wa_alive_count(wa_unit_t *u, wa_count_e what);

/* Of the last 24 hours. */
unsigned wa_alive_total(const wa_account_t *a, wa_count_e what);

/* Begins or ends a concern; nothing happens when nothing changes. */
void wa_alive_set(wa_unit_t *u, wa_degraded_e reason, bool on);

/* The same in a unit of its own; none may be open. */
void wa_alive_tell(wa_account_t *a, wa_degraded_e reason, bool on);

/* A stanza came. */
void wa_alive_stanza(wa_account_t *a);

/* A ping was answered after `rtt_ms`. */
void wa_alive_pong(wa_account_t *a, wa_time_t rtt_ms);

/*
 * The server's clock: attribute t (unix s) of an answer that was on its way
 * for some `age_ms`.  Absent or absurd: nothing.  No unit may be open.
 */
void wa_alive_clock(wa_account_t *a, const wa_node_t *node,
    wa_time_t age_ms);

/* Ours minus the server's, ms; 0 until the server told. */
int64_t wa_alive_skew(const wa_account_t *a);

/*
 * The way in that the server proposed did not lead to a handshake: the next
 * connection goes without it.  A login ends that.
 */
void wa_alive_set_routed(wa_account_t *a, bool works);
bool wa_alive_routed(const wa_account_t *a);

/* New reference: an array for the view.  And back, from such an array or
   NULL. */
json_t *wa_alive_view(const wa_account_t *a);
void wa_alive_load_view(wa_account_t *a, const json_t *list);

/* The record; p NULL: there is none.  Anything else than ours is ignored. */
void wa_alive_load(wa_account_t *a, wa_span_t record);

/* When a concern begins or ends by itself; -1: none does. */
wa_time_t wa_alive_deadline(const wa_account_t *a);
void wa_alive_expire(wa_account_t *a);

/*
 * Verb "account.health": {state, since, last_stanza_ms, ping_rtt_ms,
 * reconnects_24h, decrypt_failures_24h, retries_24h, prekeys_left,
 * clock_skew_ms, restricted_until, degraded} and what the host put into the
 * arguments: undelivered_webhooks, owner.  Needs no connection.
 */
void wa_alive_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_ALIVE_H */
