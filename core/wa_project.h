/*
 * Projection (job side): a shard's event log -> history database, exactly
 * once.  The position in the log is kept in the same transaction as the rows
 * made of it; whoever comes second, finds the position moved and skips.
 */
#ifndef WA_PROJECT_H
#define WA_PROJECT_H

#include "wa_sql.h"


/* Entry id of a Redis stream. */
typedef struct {
    uint64_t   ms;
    uint64_t   seq;
} wa_log_id_t;

typedef struct {
    uint32_t      shard;
    wa_log_id_t   id;
    wa_span_t     body;       /* JSON of the event, without "id"            */
    wa_span_t     aside;      /* JSON beside it, see wa_event_t; p NULL     */
} wa_log_entry_t;


/*
 * Position of every shard of the list (0-0: nothing yet) in `out`.  A
 * position is on disk together with what was made of the entries up to it:
 * they may be trimmed from the log.
 */
wa_err_t wa_project_positions(wa_sql_t *db, const uint32_t *shards, size_t n,
    wa_log_id_t *out);

/*
 * Projects a batch: entries of any number of shards, in ascending order
 * within each shard, in ONE transaction.  Entries at or below their shard's
 * position are skipped; the epoch fences off a former owner: a shard whose
 * stored epoch is higher is left alone.  Bodies that are no event we know
 * are kept in the table of events and change nothing else; they are never an
 * error.
 *
 * epochs[i] belongs to entries[i]; of a shard's epochs the highest counts.
 * *applied: entries that were taken over; *fenced: shards left alone; both
 * may be NULL.  A shard becomes known with the first batch that names it.
 *
 * WA_ERR_ARG: an id or epoch beyond 2^63.  Else errors of wa_sql.h.  On any
 * error nothing was changed, except that a commit whose answer was lost
 * (WA_ERR_IO, WA_ERR_TIMEOUT) may have happened: the same batch again finds
 * out.
 */
wa_err_t wa_project_batch(wa_sql_t *db, const wa_log_entry_t *entries,
    const uint64_t *epochs, size_t n, size_t *applied, size_t *fenced);

/* How long presence is kept; once, before there are threads.  Not called: 7
   days. */
void wa_project_presence_keep(int64_t ms);

bool wa_log_id_parse(wa_span_t text, wa_log_id_t *out);      /* "ms-seq" */
int wa_log_id_cmp(wa_log_id_t a, wa_log_id_t b);

#endif /* WA_PROJECT_H */
