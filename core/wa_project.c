/*
 * Projection: order, position and fence of a batch, see wa_project.h.
 */
#include "wa_project.h"

#include <stdlib.h>

#include "wa_limits.h"
#include "wa_project_int.h"


/* Bytes that the copies made for one entry may take. */
#define PROJECT_ARENA_MAX  (4 * 1024 * 1024)

typedef struct {
    uint32_t      shard;
    uint64_t      epoch;
    wa_log_id_t   id;
    bool          fenced;
    bool          moved;
} place_t;


static wa_err_t places_make(const wa_log_entry_t *entries,
    const uint64_t *epochs, size_t n, place_t **out, size_t *count);
static int place_cmp(const void *a, const void *b);
static wa_err_t place_claim(wa_sql_t *db, place_t *p);
static wa_err_t place_store(wa_sql_t *db, const place_t *p);
static wa_err_t batch_run(wa_sql_t *db, const wa_log_entry_t *entries,
    size_t n, place_t *places, size_t n_places, size_t *applied);


wa_err_t
wa_project_positions(wa_sql_t *db, const uint32_t *shards, size_t n,
    wa_log_id_t *out)
{
    size_t          i;
    uint32_t        shard;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    memset(out, 0, n * sizeof(wa_log_id_t));

    rc = wa_sql_query(db, "SELECT shard, ms, seq FROM wa_projection", NULL, 0,
                      &rows);

    if (rc != WA_OK) {
        return rc;
    }

    for ( ;; ) {
        rc = wa_sql_next(rows);

        if (rc != WA_OK) {
            break;
        }

        shard = (uint32_t) wa_sql_int(rows, 0);

        for (i = 0; i < n; i++) {

            if (shards[i] == shard) {
                out[i].ms = (uint64_t) wa_sql_int(rows, 1);
                out[i].seq = (uint64_t) wa_sql_int(rows, 2);
            }
        }
    }

    wa_sql_rows_free(rows);

    return rc == WA_AGAIN ? WA_OK : rc;
}


wa_err_t
wa_project_batch(wa_sql_t *db, const wa_log_entry_t *entries,
    const uint64_t *epochs, size_t n, size_t *applied, size_t *fenced)
{
    size_t    i, count, done, left;
    place_t  *places;
    wa_err_t  rc;

    done = 0;
    left = 0;
    places = NULL;
    count = 0;

    rc = places_make(entries, epochs, n, &places, &count);

    if (rc == WA_OK && count > 0) {
        rc = wa_sql_begin(db);

        /* Locks are taken in one order, so projectors cannot wait for each
           other in a circle. */

        for (i = 0; rc == WA_OK && i < count; i++) {
            rc = place_claim(db, &places[i]);
            left += places[i].fenced;
        }

        if (rc == WA_OK) {
            rc = batch_run(db, entries, n, places, count, &done);
        }

        for (i = 0; rc == WA_OK && i < count; i++) {

            if (places[i].moved) {
                rc = place_store(db, &places[i]);
            }
        }

        if (rc == WA_OK) {
            rc = wa_sql_commit(db);

        } else {
            wa_sql_rollback(db);
        }
    }

    wa_free(places);

    if (rc != WA_OK) {
        return rc;
    }

    if (applied != NULL) {
        *applied = done;
    }

    if (fenced != NULL) {
        *fenced = left;
    }

    return WA_OK;
}


/* The batch's shards, each once, in ascending order. */
static wa_err_t
places_make(const wa_log_entry_t *entries, const uint64_t *epochs, size_t n,
    place_t **out, size_t *count)
{
    size_t    i, k;
    place_t  *p;

    if (n == 0) {
        return WA_OK;
    }

    for (i = 0; i < n; i++) {

        if (entries[i].id.ms > INT64_MAX || entries[i].id.seq > INT64_MAX
            || epochs[i] > INT64_MAX || entries[i].shard > INT32_MAX)
        {
            return WA_ERR_ARG;
        }
    }

    p = wa_calloc(n, sizeof(place_t));
    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    k = 0;

    for (i = 0; i < n; i++) {

        /* Mostly in runs: what is the same as before needs no place. */

        if (k == 0 || p[k - 1].shard != entries[i].shard
            || p[k - 1].epoch != epochs[i])
        {
            p[k].shard = entries[i].shard;
            p[k].epoch = epochs[i];
            k++;
        }
    }

    qsort(p, k, sizeof(place_t), place_cmp);

    n = k;
    k = 0;

    for (i = 0; i < n; i++) {

        if (k == 0 || p[k - 1].shard != p[i].shard) {
            p[k++] = p[i];

        } else if (p[i].epoch > p[k - 1].epoch) {
            p[k - 1].epoch = p[i].epoch;
        }
    }

    *out = p;
    *count = k;

    return WA_OK;
}


static int
place_cmp(const void *a, const void *b)
{
    const place_t  *x = a, *y = b;

    return (x->shard > y->shard) - (x->shard < y->shard);
}


/*
 * Locks the shard's row until the end of the transaction, raises its epoch
 * and reads its position, in one statement; no row comes back when a higher
 * epoch is there.
 */
static wa_err_t
place_claim(wa_sql_t *db, place_t *p)
{
    wa_err_t        rc;
    wa_sql_rows_t  *rows;
    wa_sql_value_t  v[2];

    v[0].type = WA_SQL_INT;
    v[0].i = p->shard;
    v[1].type = WA_SQL_INT;
    v[1].i = (int64_t) p->epoch;

    rc = wa_sql_query(db,
        "INSERT INTO wa_projection (shard, ms, seq, epoch)"
        " VALUES ($1, 0, 0, $2)"
        " ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch"
        " WHERE wa_projection.epoch <= excluded.epoch"
        " RETURNING ms, seq", v, 2, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_sql_next(rows);

    if (rc == WA_OK) {
        p->id.ms = (uint64_t) wa_sql_int(rows, 0);
        p->id.seq = (uint64_t) wa_sql_int(rows, 1);

    } else if (rc == WA_AGAIN) {
        p->fenced = true;
        rc = WA_OK;
    }

    wa_sql_rows_free(rows);

    return rc;
}


static wa_err_t
place_store(wa_sql_t *db, const place_t *p)
{
    wa_sql_value_t  v[3];

    v[0].type = WA_SQL_INT;
    v[0].i = p->shard;
    v[1].type = WA_SQL_INT;
    v[1].i = (int64_t) p->id.ms;
    v[2].type = WA_SQL_INT;
    v[2].i = (int64_t) p->id.seq;

    return wa_sql_exec(db, "UPDATE wa_projection SET ms = $2, seq = $3"
                           " WHERE shard = $1", v, 3, NULL);
}


static wa_err_t
batch_run(wa_sql_t *db, const wa_log_entry_t *entries, size_t n,
    place_t *places, size_t n_places, size_t *applied)
{
    size_t      i;
    place_t     key, *p;
    wa_err_t    rc;
    wa_arena_t  arena;
    wa_batch_t  batch;

    wa_arena_init(&arena, 0);
    wa_arena_set_limit(&arena, PROJECT_ARENA_MAX);
    memset(&key, 0, sizeof(key));
    rc = wa_batch_init(&batch, n);

    for (i = 0; rc == WA_OK && i < n; i++) {
        key.shard = entries[i].shard;
        p = bsearch(&key, places, n_places, sizeof(place_t), place_cmp);

        if (p == NULL || p->fenced
            || wa_log_id_cmp(entries[i].id, p->id) <= 0)
        {
            continue;
        }

        rc = wa_project_event(db, &entries[i], &batch, &arena);
        wa_arena_reset(&arena);

        p->id = entries[i].id;
        p->moved = true;
        (*applied)++;
    }

    if (rc == WA_OK) {
        rc = wa_batch_flush(&batch, db);
    }

    wa_batch_free(&batch);
    wa_arena_free(&arena);

    return rc;
}


bool
wa_log_id_parse(wa_span_t text, wa_log_id_t *out)
{
    size_t       i;
    wa_log_id_t  id;

    for (i = 0; i < text.n && text.p[i] != '-'; i++) { /* void */ }

    if (i == text.n || !wa_span_u64(wa_span(text.p, i), &id.ms)
        || !wa_span_u64(wa_span(text.p + i + 1, text.n - i - 1), &id.seq))
    {
        return false;
    }

    *out = id;

    return true;
}


int
wa_log_id_cmp(wa_log_id_t a, wa_log_id_t b)
{
    if (a.ms != b.ms) {
        return a.ms > b.ms ? 1 : -1;
    }

    return (a.seq > b.seq) - (a.seq < b.seq);
}
