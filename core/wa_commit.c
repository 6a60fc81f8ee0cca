/*
 * Units on their way to the store.  They travel in batches: a batch is one
 * commit of the store.
 *
 *     head -> [ handed out ] -> [ gathering ]
 *
 * While the store works on one commit, the units that follow gather into the
 * next: under load a commit carries what one round trip brought, and an
 * account in peace has each unit confirmed at once, but for patient ones.
 * Records are sealed when their batch is handed out, so one that was written
 * ten times meanwhile is sealed and stored once.
 */
#include "wa_conn.h"
#include "wa_out.h"
#include "wa_store.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"


/* A batch of this size does not wait for the one before it. */
#define BATCH_UNITS_MAX    64
#define BATCH_BYTES_MAX    (256 * 1024)

/* Sealed records of the largest units of a batch. */
#define BATCH_ARENA_MAX    ((size_t) 64 * 1024 * 1024)


typedef struct wa_batch_s  wa_batch_t;

struct wa_batch_s {
    wa_batch_t   *next;
    wa_arena_t    arena;
    wa_commit_t   commit;              /* seq 0: not handed out            */
    wa_unit_t    *first;
    wa_unit_t   **tail;
    wa_time_t     due;                 /* to be handed out; 0: now         */
    size_t        n_units;
    size_t        n_events;
    size_t        bytes;
};

struct wa_commits_s {
    wa_unit_t    *open;                /* under construction               */
    wa_batch_t   *head;
    wa_batch_t  **tail;
    wa_batch_t   *gathering;           /* the last one, or NULL            */
    size_t        handed;              /* batches handed out               */
    size_t        pending;             /* units                            */
    uint64_t      seq;
};


static wa_batch_t *batch_get(wa_account_t *a, bool apart);
static wa_batch_t *batch_last(wa_commits_t *cs);
static void batch_add(wa_commits_t *cs, wa_batch_t *b, wa_unit_t *u);
static bool batch_is_full(const wa_batch_t *b);
static wa_err_t batch_hand_out(wa_account_t *a, wa_batch_t *b);
static wa_err_t batch_events(wa_batch_t *b);
static void batch_free(wa_batch_t *b);
static wa_err_t commit_apart(wa_unit_t *u);
static void unit_release(wa_unit_t *u);


wa_err_t
wa_commits_create(wa_account_t *a)
{
    a->commits = wa_calloc(1, sizeof(wa_commits_t));

    if (a->commits == NULL) {
        return WA_ERR_NOMEM;
    }

    a->commits->tail = &a->commits->head;

    return WA_OK;
}


void
wa_commits_free(wa_account_t *a)
{
    wa_batch_t  *b, *next;

    if (a->commits == NULL) {
        return;
    }

    if (a->commits->open != NULL) {
        wa_unit_free(a->commits->open);
    }

    for (b = a->commits->head; b != NULL; b = next) {
        next = b->next;
        batch_free(b);
    }

    wa_free(a->commits);
    a->commits = NULL;
}


wa_unit_t **
wa_commits_open(wa_account_t *a)
{
    return &a->commits->open;
}


void
wa_commits_set_seq(wa_account_t *a, uint64_t seq)
{
    a->commits->seq = seq;
}


/* ---- batches ---- */

/* The batch that the next unit joins; `apart`: a fresh one. */
static wa_batch_t *
batch_get(wa_account_t *a, bool apart)
{
    wa_batch_t  *b;

    if (a->commits->gathering != NULL && !apart) {
        return a->commits->gathering;
    }

    b = wa_calloc(1, sizeof(wa_batch_t));
    if (b == NULL) {
        return NULL;
    }

    wa_arena_init_pool(&b->arena, &a->engine->arenas);
    wa_arena_set_limit(&b->arena, BATCH_ARENA_MAX);
    b->tail = &b->first;

    return b;
}


static wa_batch_t *
batch_last(wa_commits_t *cs)
{
    wa_batch_t  *b;

    for (b = cs->head; b != NULL && b->next != NULL; b = b->next) {
        /* void */
    }

    return b;
}


static void
batch_add(wa_commits_t *cs, wa_batch_t *b, wa_unit_t *u)
{
    *b->tail = u;
    b->tail = &u->next;
    b->n_units++;
    b->n_events += u->n_events;
    b->bytes += u->bytes;
    cs->pending++;
}


static bool
batch_is_full(const wa_batch_t *b)
{
    return b->n_units >= BATCH_UNITS_MAX || b->bytes >= BATCH_BYTES_MAX;
}


/* After an error the batch is as it was, and gathers on. */
static wa_err_t
batch_hand_out(wa_account_t *a, wa_batch_t *b)
{
    wa_err_t       rc;
    wa_commits_t  *cs;

    cs = a->commits;
    b->commit.seq = cs->seq + 1;
    rc = batch_events(b);

    if (rc == WA_OK) {
        rc = wa_outq_commit(a, &b->commit);
    }

    if (rc == WA_OK) {
        rc = wa_store_take(a, &b->arena, &b->commit.writes,
                           &b->commit.n_writes);

        if (rc != WA_OK) {
            wa_outq_uncommit(a);
        }
    }

    if (rc != WA_OK) {
        b->commit.seq = 0;
        return rc;
    }

    cs->seq++;
    cs->handed++;

    if (cs->gathering == b) {
        cs->gathering = NULL;
    }

    return WA_OK;
}


static wa_err_t
batch_events(wa_batch_t *b)
{
    size_t               n;
    wa_unit_t           *u;
    wa_event_t          *events;
    const wa_unit_op_t  *op;

    events = wa_arena_calloc(&b->arena, b->n_events + 1, sizeof(wa_event_t));
    if (events == NULL) {
        return WA_ERR_NOMEM;
    }

    n = 0;

    for (u = b->first; u != NULL; u = u->next) {
        for (op = u->first; op != NULL; op = op->next) {
            if (op->kind == WA_UNIT_EVENT) {
                events[n++] = op->u.event;
            }
        }
    }

    b->commit.events = events;
    b->commit.n_events = n;

    return WA_OK;
}


static void
batch_free(wa_batch_t *b)
{
    wa_unit_t  *u, *next;

    for (u = b->first; u != NULL; u = next) {
        next = u->next;
        wa_unit_free(u);
    }

    wa_arena_free(&b->arena);
    wa_free(b);
}


/* ---- units in ---- */

wa_err_t
wa_unit_commit(wa_unit_t *u, wa_task_t *then)
{
    wa_err_t       rc;
    wa_batch_t    *b;
    wa_commits_t  *cs;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    cs = u->account->commits;
    rc = u->err;

    if (rc == WA_OK && u->account->gone) {
        rc = WA_ERR_GONE;
    }

    u->then = then;

    if (rc == WA_OK && (u->create || u->reset || u->wipe)) {
        return commit_apart(u);
    }

    b = NULL;

    if (rc == WA_OK && u->n_writes + u->n_events > 0) {
        b = batch_get(u->account, false);
        rc = (b == NULL) ? WA_ERR_NOMEM : WA_OK;
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        return rc;
    }

    cs->open = NULL;

    if (b == NULL) {

        /* Effects only: they wait for what was before them. */

        b = batch_last(cs);

        if (b == NULL) {
            unit_release(u);
            wa_unit_free(u);

        } else {
            batch_add(cs, b, u);
        }

        return WA_OK;
    }

    if (b->n_units == 0) {
        *cs->tail = b;
        cs->tail = &b->next;
        cs->gathering = b;
        b->due = u->account->now + WA_UNIT_PATIENCE_MS;
    }

    if (!u->patient) {
        b->due = 0;
    }

    batch_add(cs, b, u);
    wa_unit_settle(u);

    if (batch_is_full(b)) {
        (void) batch_hand_out(u->account, b);
    }

    return WA_OK;
}


/*
 * The account is made, emptied or wiped: such a unit is a commit of its own,
 * and on its way before anything is loaded again.
 */
static wa_err_t
commit_apart(wa_unit_t *u)
{
    wa_err_t       rc;
    wa_batch_t    *b;
    wa_account_t  *a;
    wa_commits_t  *cs;

    a = u->account;
    cs = a->commits;
    rc = WA_OK;

    if (cs->gathering != NULL) {
        rc = batch_hand_out(a, cs->gathering);
    }

    b = (rc == WA_OK) ? batch_get(a, true) : NULL;

    if (b == NULL) {
        wa_unit_drop(u);
        return WA_ERR_NOMEM;
    }

    b->commit.create = u->create;
    b->commit.reset = u->reset;
    b->commit.wipe = u->wipe;
    batch_add(cs, b, u);
    wa_unit_mark_writes(u);
    rc = batch_hand_out(a, b);

    if (rc != WA_OK) {
        wa_store_unmark(a);
        cs->pending--;
        b->first = NULL;
        batch_free(b);
        wa_unit_drop(u);

        return rc;
    }

    cs->open = NULL;
    wa_unit_settle(u);
    *cs->tail = b;
    cs->tail = &b->next;

    return WA_OK;
}


wa_err_t
wa_commits_flush(wa_account_t *a)
{
    return a->commits->gathering == NULL
           ? WA_OK : batch_hand_out(a, a->commits->gathering);
}


void
wa_commits_next(wa_account_t *a)
{
    wa_batch_t    *b;
    wa_commits_t  *cs;

    cs = a->commits;
    b = cs->gathering;

    if (b == NULL || a->gone) {
        return;
    }

    if (!batch_is_full(b)
        && (cs->handed != 0 || (b->due > a->now && !a->quiesced)))
    {
        return;
    }

    if (batch_hand_out(a, b) != WA_OK) {
        wa_log(a, WA_LOG_WARN, "no memory for a commit, it waits");
    }
}


wa_time_t
wa_commits_deadline(const wa_account_t *a)
{
    const wa_commits_t  *cs;

    cs = a->commits;

    return (cs->gathering == NULL || cs->handed != 0 || cs->gathering->due == 0)
           ? -1 : cs->gathering->due;
}


/* ---- confirmations ---- */

wa_err_t
wa_commits_done(wa_account_t *a, uint64_t seq, wa_err_t err)
{
    bool           wiped;
    wa_unit_t     *u;
    wa_batch_t    *b;
    wa_commits_t  *cs;

    cs = a->commits;
    b = cs->head;

    if (b == NULL || seq == 0 || b->commit.seq != seq) {
        return WA_ERR_ARG;
    }

    if (err != WA_OK) {
        wa_log(a, WA_LOG_WARN, "commit %llu was refused, reloading",
               (unsigned long long) seq);
        wa_outq_gone(a, WA_GONE_RELOAD);
        return WA_OK;
    }

    /* It stays the head meanwhile: effects that follow queue up behind. */

    for (u = b->first; u != NULL; u = b->first) {
        cs->pending--;
        unit_release(u);
        b->first = u->next;
        wa_unit_free(u);
    }

    cs->handed--;
    cs->head = b->next;

    if (cs->head == NULL) {
        cs->tail = &cs->head;
    }

    wiped = b->commit.wipe;
    batch_free(b);

    if (wiped) {
        wa_outq_gone(a, WA_GONE_DELETED);
    }

    return WA_OK;
}


static void
unit_release(wa_unit_t *u)
{
    wa_account_t  *a;
    wa_unit_op_t  *op;

    a = u->account;

    for (op = u->first; op != NULL; op = op->next) {

        if (op->kind == WA_UNIT_FRAME) {
            if (u->conn_gen == wa_conn_generation(a)) {
                wa_conn_send_packed(a, op->u.frame);
            }

        } else if (op->kind == WA_UNIT_RECEIPT) {
            if (u->conn_gen == wa_conn_generation(a)) {
                wa_receipts_add(a, &op->u.receipt.key, op->u.receipt.id);
            }

        } else if (op->kind == WA_UNIT_REPLY) {
            (void) wa_outq_reply(a, op->u.reply.id, op->u.reply.code,
                                 op->u.reply.message, op->u.reply.data);
            op->u.reply.data = NULL;
        }
    }

    if (u->then != NULL) {
        wa_task_ready(u->then, WA_OK);
    }
}


size_t
wa_commits_pending(const wa_account_t *a)
{
    return a->commits->pending;
}


size_t
wa_commits_footprint(const wa_account_t *a)
{
    size_t             n;
    const wa_unit_t   *u;
    const wa_batch_t  *b;

    n = sizeof(wa_commits_t);

    for (b = a->commits->head; b != NULL; b = b->next) {
        n += sizeof(*b) + b->arena.total;

        for (u = b->first; u != NULL; u = u->next) {
            n += sizeof(*u) + u->arena.total;
        }
    }

    return n;
}
