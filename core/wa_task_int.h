/*
 * Tasks, the account's side: run queue, wake-ups, the parked stanzas.
 */
#ifndef WA_TASK_INT_H
#define WA_TASK_INT_H

#include "wa_account_int.h"


wa_err_t wa_tasks_create(wa_account_t *a);
void wa_tasks_free(wa_account_t *a);            /* ends all, no resume     */

/* Resumes what is ready, and what becomes ready by that. */
void wa_tasks_run(wa_account_t *a);

/* Wakes the tasks that waited for this load. */
void wa_tasks_loaded(wa_account_t *a, uint64_t token, wa_err_t rc);

/* A key is made; `key` is NULL when it could not be.  WA_ERR_ARG: no task
   waits for it. */
wa_err_t wa_tasks_stretched(wa_account_t *a, uint64_t token,
    const uint8_t *key, wa_err_t rc);
/* A piece of a file came, or none: wakes the task that waits for it. */
void wa_tasks_fetched(wa_account_t *a, uint64_t token, wa_err_t rc,
    wa_span_t piece);

/* An <iq type=result|error>: true if a task waited for it. */
bool wa_tasks_answer(wa_account_t *a, const wa_node_t *iq);

/* The connection ended: iqs in flight fail with WA_ERR_GONE, parked
   stanzas are forgotten (the server sends them again). */
void wa_tasks_conn_lost(wa_account_t *a);

void wa_tasks_expire(wa_account_t *a);
wa_time_t wa_tasks_deadline(const wa_account_t *a);     /* -1: none        */

/*
 * Queues a stanza task: it starts (resume with WA_OK) when all stanzas
 * before it have ended.
 */
void wa_tasks_park(wa_account_t *a, wa_task_t *t);
size_t wa_tasks_parked(const wa_account_t *a);
size_t wa_tasks_parked_bytes(const wa_account_t *a);

size_t wa_tasks_count(const wa_account_t *a);
size_t wa_tasks_footprint(const wa_account_t *a);

#endif /* WA_TASK_INT_H */
