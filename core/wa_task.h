/*
 * A task is work that waits: for records, for an iq answer, for a commit,
 * for a child, for time.  Straight-line code cut at its waits; the part
 * after a wait is the function in `resume`.
 *
 *     static void
 *     fetch_start(wa_task_t *t, wa_err_t rc)
 *     {
 *         ...
 *         t->resume = fetch_answered;
 *         rc = wa_task_iq(t, iq);          WA_AGAIN: the handler returns
 *         if (rc != WA_AGAIN) {
 *             wa_task_end(t, rc);
 *         }
 *     }
 *
 * Rules: a resume function ends in exactly one of: a wait that answered
 * WA_AGAIN, a started child, or wa_task_end().  After wa_task_end() the
 * task must not be touched.  Nothing is resumed recursively: ready tasks
 * run from the account's run queue before the verb returns.
 */
#ifndef WA_TASK_H
#define WA_TASK_H

#include "wa_account.h"
#include "wa_mem.h"
#include "wa_node.h"


typedef struct wa_task_s  wa_task_t;
typedef struct wa_unit_s  wa_unit_t;

typedef void (*wa_task_pt)(wa_task_t *t, wa_err_t rc);

struct wa_task_s {
    wa_account_t   *account;
    wa_task_pt      resume;
    const char     *what;          /* for logs: "send", "usync"            */
    wa_arena_t      arena;         /* dies with the task                   */
    void           *data;          /* the task's own state, in its arena   */

    /* Stanza tasks: the stanza, alive as long as the task. */
    const wa_node_t *stanza;

    /* After wa_task_iq(): the answer, valid during this resume only.
       NULL unless rc is WA_OK or WA_ERR_REFUSED. */
    const wa_node_t *answer;
    uint32_t         iq_code;      /* WA_ERR_REFUSED: <error code>, 0 none */

    /* After wa_task_stretch(); wiped with the task. */
    uint8_t          key[WA_KEY_LEN];
    wa_span_t        piece;        /* after wa_task_fetch()                */

    /* Private to wa_task.c. */
    wa_task_t      *parent;
    wa_task_t      *next;
    wa_task_t      *prev;
    wa_task_t      *ready_next;
    wa_err_t        ready_rc;
    uint64_t        wait_id;
    wa_time_t       deadline;
    wa_span_t       held;          /* an iq that waits for its turn        */
    wa_time_t       patience;      /* after it was sent                    */
    uint32_t        xmlns;         /* wa_throttle_key()                    */
    uint8_t         wait;          /* wa_wait_e                            */
    uint8_t         list;
    bool            ready;
    bool            serial;        /* ends -> the next parked stanza       */
};


/* NULL: out of memory.  `resume` is not called by this; call it yourself
   or wa_task_ready(). */
wa_task_t *wa_task_new(wa_account_t *a, const char *what, wa_task_pt resume);

/* As above; when the child ends with rc its parent is resumed with rc. The
   parent must not wait for anything else meanwhile. */
wa_task_t *wa_task_child(wa_task_t *parent, const char *what,
    wa_task_pt resume);

/* Queues the task to be resumed with rc before the verb returns. */
void wa_task_ready(wa_task_t *t, wa_err_t rc);

/* Frees the task; its parent becomes ready with rc, and with WA_ERR_REFUSED
   has its iq_code. */
void wa_task_end(wa_task_t *t, wa_err_t rc);

/*
 * Makes records available to wa_record_get().  WA_OK: all are in memory,
 * go on now.  WA_AGAIN: `resume` is called with WA_OK when they are (or an
 * error: WA_ERR_SYNTAX a record does not unseal).  Names are copied.
 * WA_ERR_NOMEM.  A record needed may fall out of memory again at any later
 * wait: ask again after each.
 */
wa_err_t wa_task_need(wa_task_t *t, const wa_key_t *keys, size_t n);

/*
 * Sends an iq (gives it its id) and waits.  WA_AGAIN; then `resume` with
 * WA_OK (type=result), WA_ERR_REFUSED (type=error; t->iq_code),
 * WA_ERR_TIMEOUT (60 s), WA_ERR_GONE (connection lost).
 * WA_ERR_GONE at once: not connected.  WA_ERR_REFUSED at once: the server
 * asked to be left alone for longer than that, or a stanza would wait for it
 * (t->iq_code 429); otherwise the iq is sent later.  WA_ERR_NOMEM, and what
 * wa_node_ok() says of the iq, which need not be asked before.
 * Not held by a unit: only for iqs that make no claim about state.
 */
wa_err_t wa_task_iq(wa_task_t *t, wa_node_t *iq);

/* The same with another patience than 60 s. */
wa_err_t wa_task_iq_within(wa_task_t *t, wa_node_t *iq, wa_time_t ms);

/* WA_AGAIN; `resume` with WA_OK after confirmation; other codes: the unit
   failed and is undone, no resume. */
wa_err_t wa_task_commit(wa_task_t *t, wa_unit_t *u);

/*
 * Makes the key `job` describes, outside of this thread; its token is given
 * here.  `job` and what it points to live in the task's arena.  WA_AGAIN;
 * then `resume` with WA_OK and the key in t->key, or with the error of the
 * host.  WA_ERR_NOMEM.
 */
wa_err_t wa_task_stretch(wa_task_t *t, wa_stretch_t *job);

/*
 * The next piece of a file; f->token is the task's own and f lives as long as
 * it waits.  WA_AGAIN; `resume` with WA_OK and t->piece (empty: the end),
 * valid during that resume only, or an error of WA_DONE_FETCH.  WA_ERR_NOMEM.
 */
wa_err_t wa_task_fetch(wa_task_t *t, const wa_file_fetch_t *f);

/* `resume` with WA_OK at `when`. WA_AGAIN. */
wa_err_t wa_task_sleep(wa_task_t *t, wa_time_t when);

#endif /* WA_TASK_H */
