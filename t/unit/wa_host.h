/*
 * A host in memory for tests of core/: it keeps the records a commit writes,
 * answers loads from them, and logs what the account puts out.  Commits are
 * confirmed at once unless held; a held commit can be confirmed or refused
 * later, which is how crashes between commit and effect are played.
 */
#ifndef WA_HOST_H
#define WA_HOST_H

#include "wa_account.h"
#include "wa_task.h"


typedef struct wa_host_s  wa_host_t;

wa_host_t *wa_host_create(void);
void wa_host_free(wa_host_t *h);

wa_engine_t *wa_host_engine(wa_host_t *h);

/* The account object; wa_host_restart() frees it and makes a new one over
   the same records, as a worker does after a crash. */
wa_account_t *wa_host_account(wa_host_t *h);
void wa_host_restart(wa_host_t *h);

/* The same, but its records have been asked for and have not come yet. */
void wa_host_reopen(wa_host_t *h);

/* Monotonic ms; wall clock starts at 2026-01-01. */
wa_time_t wa_host_now(const wa_host_t *h);
void wa_host_advance(wa_host_t *h, wa_time_t ms);   /* expires, drains     */

/* Drains the account; called by all functions here that run a verb. */
void wa_host_drain(wa_host_t *h);

/* Creates the account (session_id "test") and returns when drained. */
void wa_host_make(wa_host_t *h);

/* Submits and drains; the reply is then wa_host_reply().  Steals args. */
void wa_host_submit(wa_host_t *h, wa_op_e op, json_t *args);
const wa_reply_t *wa_host_reply(const wa_host_t *h);    /* the last one    */
size_t wa_host_replies(const wa_host_t *h);

/* Answers WA_OUT_VERSION, and drains. */
void wa_host_version(wa_host_t *h, wa_err_t err, const char *text);

/* Holds commits from now on; then confirms or refuses the oldest. */
void wa_host_hold(wa_host_t *h, bool hold);
size_t wa_host_held(const wa_host_t *h);
void wa_host_confirm(wa_host_t *h);
void wa_host_refuse(wa_host_t *h);

/* What came out so far. */
size_t wa_host_commits(const wa_host_t *h);
size_t wa_host_last_writes(const wa_host_t *h);     /* of the last commit  */
size_t wa_host_connects(const wa_host_t *h);
size_t wa_host_closes(const wa_host_t *h);
size_t wa_host_versions(const wa_host_t *h);        /* asked for           */
size_t wa_host_histories(const wa_host_t *h);       /* WA_OUT_HISTORY      */
bool wa_host_gone(const wa_host_t *h, wa_gone_e *why);
wa_buf_t *wa_host_written(wa_host_t *h);            /* transport bytes     */

/* Events in order; body is the JSON text without id. */
size_t wa_host_events(const wa_host_t *h);
const char *wa_host_event_type(const wa_host_t *h, size_t i);
const char *wa_host_event_body(const wa_host_t *h, size_t i);
size_t wa_host_event_count(const wa_host_t *h, const char *type);

/* The one file of the media servers, already decrypted, handed out in pieces
   of so many bytes; and how many the account has done with. */
void wa_host_file(wa_host_t *h, const char *path, wa_span_t bytes,
    size_t piece);
size_t wa_host_files_ended(const wa_host_t *h);

/* A stored record (sealed as the store has it); p NULL: absent. */
wa_span_t wa_host_record(const wa_host_t *h, const char *name,
    uint32_t day);
size_t wa_host_records(const wa_host_t *h);

/* The record comes into memory, as a task that needs it begins. */
static inline void
wa_host_need(wa_host_t *h, wa_account_t *a, const char *name)
{
    wa_key_t    key;
    wa_task_t  *t;

    t = wa_task_new(a, "test", NULL);
    key.name = wa_span_str(name);
    key.day = 0;
    (void) wa_task_need(t, &key, 1);
    wa_task_end(t, WA_OK);
    wa_host_drain(h);
}

#endif /* WA_HOST_H */
