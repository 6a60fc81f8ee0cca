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
} wa_log_entry_t;


/* Position of every shard of the list (0-0: nothing yet) in `out`. */
wa_err_t wa_project_positions(wa_sql_t *db, const uint32_t *shards, size_t n,
    wa_log_id_t *out);

/*
 * Projects a batch: entries of any number of shards, in ascending order
 * within each shard, in ONE transaction.  Entries at or below their shard's
 * position are skipped; `epoch` (one per shard change, see below) fences off
 * a former owner: a shard whose stored epoch is higher is left alone and
 * counted in *fenced.  Bodies that are no event we know are kept in the
 * table of events and change nothing else; they are never an error.
 *
 * epochs[i] belongs to entries[i].  *applied and *fenced may be NULL.
 * On any error nothing was changed.
 */
wa_err_t wa_project_batch(wa_sql_t *db, const wa_log_entry_t *entries,
    const uint64_t *epochs, size_t n, size_t *applied, size_t *fenced);

bool wa_log_id_parse(wa_span_t text, wa_log_id_t *out);      /* "ms-seq" */
int wa_log_id_cmp(wa_log_id_t a, wa_log_id_t b);

#endif /* WA_PROJECT_H */
