/*
 * Answers under an Idempotency-Key in the history database (job side), for
 * requests that belong to no account; those that do: wa_idem.h.  A row of
 * wa_once is written in the transaction that does what was asked for, so
 * there is either both or neither.
 */
#ifndef WA_ARCHIVE_ONCE_H
#define WA_ARCHIVE_ONCE_H

#include <jansson.h>

#include "wa_sql.h"


/* How long a key counts, ms. */
#define WA_ONCE_MS  86400000


typedef enum {
    WA_ONCE_NEW = 0,        /* the caller's; wa_once_answer() has to follow */
    WA_ONCE_KNOWN,          /* answered before                              */
    WA_ONCE_OTHER           /* answered before, another request             */
} wa_once_e;

typedef struct {
    wa_span_t   key;        /* of the whole world's: the tenant is in it    */
    wa_span_t   body;       /* what the request must be equal in            */
    int64_t     now_ms;     /* unix ms                                      */
} wa_once_t;


/*
 * Inside a transaction, as its first statement: claims the key.  Who comes
 * while another one's transaction has it waits for that to end.  *answer: of
 * WA_ONCE_KNOWN, a new reference; else NULL.  Errors of wa_sql.h; also
 * WA_ERR_FATAL: the row is not one of ours.
 */
wa_err_t wa_once_claim(wa_sql_t *db, const wa_once_t *o, wa_once_e *found,
    json_t **answer);

/* In the same transaction: what a repeat is given, an object. */
wa_err_t wa_once_answer(wa_sql_t *db, const wa_once_t *o,
    const json_t *answer);

/* Outside of one: removes some of what counts no more. */
wa_err_t wa_once_forget(wa_sql_t *db, int64_t now_ms);

#endif /* WA_ARCHIVE_ONCE_H */
