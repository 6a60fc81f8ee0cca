/*
 * What the account took in lately: a ring of short hashes in memory, so that
 * an ordinary message needs no look-up in the store to know that it is new.
 * What fell out of the ring, or was before this object's life, is answered
 * by the seen/<hash> records.
 */
#ifndef WA_RECENT_H
#define WA_RECENT_H

#include "wa_account.h"
#include "wa_node.h"


/* "seen/" or "rtry/", 32 hex digits, NUL. */
#define WA_STANZA_NAME_LEN  40

/* Identity of a received stanza, the same whenever it is delivered again. */
typedef struct {
    uint64_t  brief;                       /* for the ring                 */
    char      seen[WA_STANZA_NAME_LEN];    /* record seen/<hash>           */
    char      rtry[WA_STANZA_NAME_LEN];    /* record rtry/<hash>           */
    uint32_t  day;                         /* bucket of both               */
} wa_stanza_key_t;


/*
 * From the attributes from, participant and id; the bucket is the day of
 * attribute t, or today when that is missing or out of the buckets' range.
 */
wa_err_t wa_stanza_key(const wa_account_t *a, const wa_node_t *stanza,
    wa_stanza_key_t *out);

/*
 * Attribute t in unix seconds; now when it is missing or no time at all, so
 * that it can be counted with in milliseconds.
 */
int64_t wa_stanza_time(const wa_account_t *a, const wa_node_t *stanza);

/* Ring entry of anything else: hash over the parts. */
wa_err_t wa_recent_brief(const wa_span_t *parts, size_t n, uint64_t *brief);

bool wa_recent_has(const wa_account_t *a, uint64_t brief);

/* Call it once the unit was handed over: a unit that is refused later ends
   this object, and with it the ring. */
void wa_recent_add(wa_account_t *a, uint64_t brief);

void wa_recent_free(wa_account_t *a);

#endif /* WA_RECENT_H */
