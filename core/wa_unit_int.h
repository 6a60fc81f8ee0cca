/*
 * Units, the account's side: what wa_unit.c builds and wa_commit.c carries
 * to the store.
 */
#ifndef WA_UNIT_INT_H
#define WA_UNIT_INT_H

#include "wa_account_int.h"
#include "wa_receipt_batch.h"
#include "wa_store.h"


typedef enum {
    WA_UNIT_WRITE = 0,
    WA_UNIT_EVENT,
    WA_UNIT_FRAME,
    WA_UNIT_REPLY,
    WA_UNIT_RECEIPT
} wa_unit_op_e;

typedef struct wa_unit_op_s  wa_unit_op_t;

struct wa_unit_op_s {
    wa_unit_op_t  *prev;
    wa_unit_op_t  *next;
    wa_unit_op_e   kind;

    union {
        struct {
            bool         cold;
            wa_prior_t   prior;        /* until committed                  */
        } write;

        wa_event_t       event;

        wa_span_t        frame;        /* flag byte and packed node        */

        struct {
            wa_receipt_key_t  key;
            wa_span_t         id;
        } receipt;

        struct {
            uint64_t     id;
            const char  *code;
            const char  *message;
            json_t      *data;
        } reply;
    } u;
};

struct wa_unit_s {
    wa_account_t  *account;
    wa_arena_t     arena;
    wa_unit_op_t  *first;
    wa_unit_op_t  *last;
    size_t         n_ops;
    size_t         n_writes;
    size_t         n_events;
    size_t         bytes;              /* of values and events             */
    const char    *event_type;         /* between begin and end            */
    wa_err_t       err;
    bool           create;             /* see wa_commit_t                  */
    bool           reset;
    bool           wipe;
    bool           patient;
    wa_task_t     *then;
    uint32_t       conn_gen;           /* connection its frames are for    */
    wa_unit_t     *next;
};


/* ---- wa_unit.c ---- */

/* Marks the unit: see wa_commit_t. */
void wa_unit_mark_create(wa_unit_t *u);
void wa_unit_mark_wipe(wa_unit_t *u);

/* As above, and forgets every record in memory: puts come after this. */
void wa_unit_mark_reset(wa_unit_t *u);

/* Its records belong to the next batch (wa_store_mark()). */
void wa_unit_mark_writes(wa_unit_t *u);

/* Committed: marks its records and forgets how to undo them. */
void wa_unit_settle(wa_unit_t *u);

void wa_unit_free(wa_unit_t *u);


/* ---- wa_commit.c ---- */

wa_err_t wa_commits_create(wa_account_t *a);
void wa_commits_free(wa_account_t *a);

/* The number of the last commit the store is known to hold (at open). */
void wa_commits_set_seq(wa_account_t *a, uint64_t seq);

/* Where the unit under construction is kept. */
wa_unit_t **wa_commits_open(wa_account_t *a);

/* Hands out what gathers, if it is time: before outputs are taken. */
void wa_commits_next(wa_account_t *a);

/* Hands it out now.  WA_ERR_NOMEM: it gathers on. */
wa_err_t wa_commits_flush(wa_account_t *a);

/*
 * The host's answer to a commit.  WA_ERR_ARG: not the oldest one.  An err
 * other than WA_OK ends the account (WA_OUT_GONE).
 */
wa_err_t wa_commits_done(wa_account_t *a, uint64_t seq, wa_err_t err);

/* When what gathers is to be handed out; -1: nothing waits for a time. */
wa_time_t wa_commits_deadline(const wa_account_t *a);

/* Units not confirmed yet. */
size_t wa_commits_pending(const wa_account_t *a);

size_t wa_commits_footprint(const wa_account_t *a);

#endif /* WA_UNIT_INT_H */
