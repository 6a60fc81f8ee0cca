/*
 * Every task is on one list per account and, while something woke it, on the
 * ready queue.  Tasks are few (tens), so wake-ups search the list.
 */
#include <stdio.h>

#include "wa_alive_throttle.h"
#include "wa_conn.h"
#include "wa_node_codec.h"
#include "wa_out.h"
#include "wa_store.h"
#include "wa_task_int.h"


#define TASK_IQ_TIMEOUT_MS  60000


typedef enum {
    WAIT_NONE = 0,
    WAIT_LOAD,
    WAIT_IQ,
    WAIT_COMMIT,
    WAIT_CHILD,
    WAIT_STRETCH,
    WAIT_TIME,
    WAIT_FETCH,
    WAIT_PARKED
} wa_wait_e;

struct wa_tasks_s {
    wa_task_t   *first;
    wa_task_t   *ready_head;
    wa_task_t  **ready_tail;
    wa_task_t   *parked_head;          /* stanzas behind the running one   */
    wa_task_t  **parked_tail;
    wa_task_t   *serial;               /* the stanza that runs             */
    size_t       parked;
    size_t       parked_bytes;         /* of their stanzas                 */
    size_t       count;
};


static void task_free(wa_task_t *t);
static void task_serial_next(wa_account_t *a);


wa_err_t
wa_tasks_create(wa_account_t *a)
{
    a->tasks = wa_calloc(1, sizeof(wa_tasks_t));

    if (a->tasks == NULL) {
        return WA_ERR_NOMEM;
    }

    a->tasks->ready_tail = &a->tasks->ready_head;
    a->tasks->parked_tail = &a->tasks->parked_head;

    return WA_OK;
}


void
wa_tasks_free(wa_account_t *a)
{
    wa_task_t  *t;

    if (a->tasks == NULL) {
        return;
    }

    while (a->tasks->first != NULL) {
        t = a->tasks->first;
        task_free(t);
    }

    wa_free(a->tasks);
    a->tasks = NULL;
}


wa_task_t *
wa_task_new(wa_account_t *a, const char *what, wa_task_pt resume)
{
    wa_task_t  *t;

    t = wa_calloc(1, sizeof(wa_task_t));
    if (t == NULL) {
        return NULL;
    }

    t->account = a;
    t->what = what;
    t->resume = resume;
    wa_arena_init_pool(&t->arena, &a->engine->arenas);

    t->next = a->tasks->first;

    if (t->next != NULL) {
        t->next->prev = t;
    }

    a->tasks->first = t;
    a->tasks->count++;

    return t;
}


wa_task_t *
wa_task_child(wa_task_t *parent, const char *what, wa_task_pt resume)
{
    wa_task_t  *t;

    t = wa_task_new(parent->account, what, resume);

    if (t != NULL) {
        t->parent = parent;
        parent->wait = WAIT_CHILD;
    }

    return t;
}


void
wa_task_ready(wa_task_t *t, wa_err_t rc)
{
    wa_tasks_t  *ts;

    if (t->ready) {
        return;
    }

    ts = t->account->tasks;
    t->ready = true;
    t->ready_rc = rc;
    t->ready_next = NULL;
    t->wait = WAIT_NONE;
    t->deadline = 0;
    *ts->ready_tail = t;
    ts->ready_tail = &t->ready_next;
}


/* Only tasks that are not on the ready queue are freed, except at the end
   of the account, when the queue dies as a whole. */
static void
task_free(wa_task_t *t)
{
    wa_tasks_t  *ts;

    ts = t->account->tasks;

    if (t->prev != NULL) {
        t->prev->next = t->next;

    } else {
        ts->first = t->next;
    }

    if (t->next != NULL) {
        t->next->prev = t->prev;
    }

    ts->count--;
    wa_wipe(t->key, sizeof(t->key));
    wa_arena_free(&t->arena);
    wa_free(t);
}


void
wa_task_end(wa_task_t *t, wa_err_t rc)
{
    bool           serial;
    wa_account_t  *a;

    a = t->account;
    serial = t->serial;

    if (t->parent != NULL) {

        if (rc == WA_ERR_REFUSED) {
            t->parent->iq_code = t->iq_code;
        }

        wa_task_ready(t->parent, rc);
    }

    task_free(t);

    if (!serial) {
        return;
    }

    a->tasks->serial = NULL;

    /* Unanswered for want of memory: on the next connection the server
       sends it again.  Other errors would come back for ever. */
    if (rc == WA_ERR_NOMEM) {
        wa_conn_closed(a, "out of memory");
    }

    task_serial_next(a);
}


void
wa_tasks_run(wa_account_t *a)
{
    wa_err_t     rc;
    wa_task_t   *t;
    wa_tasks_t  *ts;

    ts = a->tasks;

    while (ts->ready_head != NULL && !a->gone) {
        t = ts->ready_head;
        ts->ready_head = t->ready_next;

        if (ts->ready_head == NULL) {
            ts->ready_tail = &ts->ready_head;
        }

        t->ready = false;
        rc = t->ready_rc;
        t->resume(t, rc);
    }
}


wa_err_t
wa_task_need(wa_task_t *t, const wa_key_t *keys, size_t n)
{
    wa_err_t  rc;
    uint64_t  token;

    rc = wa_store_load(t->account, keys, n, &token);

    if (rc == WA_AGAIN) {
        t->wait = WAIT_LOAD;
        t->wait_id = token;
    }

    return rc;
}


void
wa_tasks_loaded(wa_account_t *a, uint64_t token, wa_err_t rc)
{
    wa_task_t  *t;

    for (t = a->tasks->first; t != NULL; t = t->next) {

        if (t->wait == WAIT_LOAD && t->wait_id == token) {
            wa_task_ready(t, rc == WA_OK ? WA_OK : WA_ERR_SYNTAX);
            return;
        }
    }
}


wa_err_t
wa_task_iq(wa_task_t *t, wa_node_t *iq)
{
    return wa_task_iq_within(t, iq, TASK_IQ_TIMEOUT_MS);
}


/* Stanzas wait for one another: what one waits for, all wait for. */
static bool
task_is_stanza(const wa_task_t *t)
{
    while (t != NULL && !t->serial) {
        t = t->parent;
    }

    return t != NULL;
}


/* Packed now: what the iq points to may not live until it is sent. */
static wa_err_t
task_hold(wa_task_t *t, const wa_node_t *iq)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    rc = wa_node_pack(iq, &packed);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&packed), &t->held);
    }

    wa_buf_free(&packed);

    return rc;
}


wa_err_t
wa_task_iq_within(wa_task_t *t, wa_node_t *iq, wa_time_t ms)
{
    wa_err_t       rc;
    uint64_t       id;
    wa_time_t      until;
    wa_account_t  *a;

    a = t->account;

    if (a->conn == NULL) {
        return WA_ERR_GONE;
    }

    t->answer = NULL;
    t->iq_code = 0;
    t->held = wa_span_none();
    t->xmlns = wa_throttle_key(wa_node_attr(iq, "xmlns"));
    until = wa_throttle_until(a, t->xmlns);

    if (until - a->now > ms || (until != 0 && task_is_stanza(t))) {
        t->iq_code = WA_CODE_RATE;
        return WA_ERR_REFUSED;
    }

    wa_conn_iq_id(a, &t->arena, iq, &id);
    rc = until == 0 ? wa_account_send_now(a, iq) : task_hold(t, iq);

    if (rc != WA_OK) {
        return rc;
    }

    t->wait = WAIT_IQ;
    t->wait_id = id;
    t->patience = ms;
    t->deadline = until == 0 ? a->now + ms : until;

    return WA_AGAIN;
}


/* Its turn has come, unless another one was too early meanwhile. */
static void
task_release(wa_task_t *t)
{
    wa_time_t  until;

    until = wa_throttle_until(t->account, t->xmlns);

    if (until != 0) {
        t->deadline = until;
        return;
    }

    wa_conn_send_packed(t->account, t->held);
    t->held = wa_span_none();
    t->deadline = t->account->now + t->patience;
}


/*
 * The answer is decoded into the arena of the verb that runs, so the task is
 * resumed here and now instead of through the ready queue: the one place
 * where that is safe, because the dispatcher has nothing left to do with it.
 */
bool
wa_tasks_answer(wa_account_t *a, const wa_node_t *iq)
{
    uint64_t          id, code;
    wa_err_t          rc;
    wa_task_t        *t;
    const wa_node_t  *error;

    if (!wa_conn_iq_match(a, iq, &id)) {
        return false;
    }

    for (t = a->tasks->first; t != NULL; t = t->next) {
        if (t->wait == WAIT_IQ && t->wait_id == id) {
            break;
        }
    }

    if (t == NULL) {
        return false;
    }

    rc = WA_OK;
    error = NULL;

    if (!wa_node_attr_is(iq, "type", "result")) {
        error = wa_node_child(iq, "error");
        rc = WA_ERR_REFUSED;

        if (wa_node_attr_u64(error, "code", &code) && code <= UINT32_MAX) {
            t->iq_code = (uint32_t) code;
        }
    }

    if (t->iq_code == WA_CODE_RATE) {
        wa_throttle_hit(a, t->xmlns, error);

    } else {
        wa_throttle_passed(a, t->xmlns);
    }

    t->wait = WAIT_NONE;
    t->deadline = 0;
    t->answer = iq;
    t->resume(t, rc);

    return true;
}


wa_err_t
wa_task_commit(wa_task_t *t, wa_unit_t *u)
{
    wa_err_t  rc;

    t->wait = WAIT_COMMIT;
    rc = wa_unit_commit(u, t);

    if (rc != WA_OK) {
        t->wait = WAIT_NONE;
        return rc;
    }

    return WA_AGAIN;
}


wa_err_t
wa_task_stretch(wa_task_t *t, wa_stretch_t *job)
{
    job->token = ++t->account->engine->stretches;

    if (wa_outq_stretch(t->account, job) != WA_OK) {
        return WA_ERR_NOMEM;
    }

    t->wait = WAIT_STRETCH;
    t->wait_id = job->token;

    return WA_AGAIN;
}


wa_err_t
wa_tasks_stretched(wa_account_t *a, uint64_t token, const uint8_t *key,
    wa_err_t rc)
{
    wa_task_t  *t;

    for (t = a->tasks->first; t != NULL; t = t->next) {

        if (t->wait != WAIT_STRETCH || t->wait_id != token) {
            continue;
        }

        if (rc == WA_OK && key != NULL) {
            memcpy(t->key, key, sizeof(t->key));

        } else if (rc == WA_OK) {
            rc = WA_ERR_STATE;
        }

        wa_task_ready(t, rc);

        return WA_OK;
    }

    return WA_ERR_ARG;
}


wa_err_t
wa_task_fetch(wa_task_t *t, const wa_file_fetch_t *f)
{
    wa_err_t  rc;

    rc = wa_outq_fetch(t->account, f);

    if (rc != WA_OK) {
        return rc;
    }

    t->wait = WAIT_FETCH;
    t->wait_id = f->token;

    return WA_AGAIN;
}


/* The piece is borrowed from the host, so the task is resumed at once. */
void
wa_tasks_fetched(wa_account_t *a, uint64_t token, wa_err_t rc,
    wa_span_t piece)
{
    wa_task_t  *t;

    for (t = a->tasks->first; t != NULL; t = t->next) {

        if (t->wait == WAIT_FETCH && t->wait_id == token) {
            t->wait = WAIT_NONE;
            t->piece = piece;
            t->resume(t, rc);
            return;
        }
    }
}


wa_err_t
wa_task_sleep(wa_task_t *t, wa_time_t when)
{
    t->wait = WAIT_TIME;
    t->deadline = when > 0 ? when : 1;

    return WA_AGAIN;
}


void
wa_tasks_expire(wa_account_t *a)
{
    wa_task_t  *t;

    for (t = a->tasks->first; t != NULL; t = t->next) {

        if (t->deadline == 0 || t->deadline > a->now || t->ready) {
            continue;
        }

        if (t->wait == WAIT_TIME) {
            wa_task_ready(t, WA_OK);

        } else if (t->wait == WAIT_IQ && t->held.p != NULL) {
            task_release(t);

        } else if (t->wait == WAIT_IQ) {
            wa_log(a, WA_LOG_INFO, "iq of \"%s\" was not answered", t->what);
            t->answer = NULL;
            wa_task_ready(t, WA_ERR_TIMEOUT);
        }
    }
}


wa_time_t
wa_tasks_deadline(const wa_account_t *a)
{
    wa_time_t         min;
    const wa_task_t  *t;

    min = -1;

    for (t = a->tasks->first; t != NULL; t = t->next) {

        if (t->deadline != 0 && (min < 0 || t->deadline < min)) {
            min = t->deadline;
        }
    }

    return min;
}


void
wa_tasks_conn_lost(wa_account_t *a)
{
    wa_task_t   *t;
    wa_tasks_t  *ts;

    ts = a->tasks;

    while (ts->parked_head != NULL) {
        t = ts->parked_head;
        ts->parked_head = t->ready_next;
        task_free(t);
    }

    ts->parked_tail = &ts->parked_head;
    ts->parked = 0;
    ts->parked_bytes = 0;

    for (t = ts->first; t != NULL; t = t->next) {

        if (t->wait == WAIT_IQ && !t->ready) {
            t->answer = NULL;
            wa_task_ready(t, WA_ERR_GONE);
        }
    }
}


void
wa_tasks_park(wa_account_t *a, wa_task_t *t)
{
    wa_tasks_t  *ts;

    ts = a->tasks;
    t->serial = true;
    t->wait = WAIT_PARKED;
    t->ready_next = NULL;
    *ts->parked_tail = t;
    ts->parked_tail = &t->ready_next;
    ts->parked++;
    ts->parked_bytes += t->arena.total;

    if (ts->serial == NULL) {
        task_serial_next(a);
    }
}


static void
task_serial_next(wa_account_t *a)
{
    wa_task_t   *t;
    wa_tasks_t  *ts;

    ts = a->tasks;
    t = ts->parked_head;

    if (t == NULL) {
        return;
    }

    ts->parked_head = t->ready_next;

    if (ts->parked_head == NULL) {
        ts->parked_tail = &ts->parked_head;
    }

    ts->parked--;
    ts->parked_bytes -= t->arena.total;
    ts->serial = t;
    wa_task_ready(t, WA_OK);
}


size_t
wa_tasks_parked(const wa_account_t *a)
{
    return a->tasks->parked;
}


size_t
wa_tasks_parked_bytes(const wa_account_t *a)
{
    return a->tasks->parked_bytes;
}


size_t
wa_tasks_count(const wa_account_t *a)
{
    return a->tasks->count;
}


size_t
wa_tasks_footprint(const wa_account_t *a)
{
    size_t            n;
    const wa_task_t  *t;

    n = sizeof(wa_tasks_t);

    for (t = a->tasks->first; t != NULL; t = t->next) {
        n += sizeof(*t) + t->arena.total;
    }

    return n;
}
