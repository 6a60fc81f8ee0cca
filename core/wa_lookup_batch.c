/*
 * Lookups on their way: the queue, the allowance, the question; see
 * wa_lookup.h.
 */
#include "wa_lookup_int.h"

#include "wa_mem.h"


#define BATCH_IQ_MS   15000

/* Between two questions, ms; as much again by chance. */
#define BATCH_GAP_MS  400

#define HOUR_MS       3600000


static wa_lookups_t *lookups_get(wa_account_t *a);
static int64_t lookup_price(const wa_account_t *a, size_t n);
static void batch_go(wa_task_t *t, wa_err_t rc);
static size_t batch_take(wa_lookups_t *ls);
static wa_node_t *batch_iq(wa_task_t *t, bool about);
static void batch_answered(wa_task_t *t, wa_err_t rc);
static void batch_end(wa_task_t *t, wa_err_t rc);


static wa_lookups_t *
lookups_get(wa_account_t *a)
{
    if (a->lookups == NULL) {
        a->lookups = wa_calloc(1, sizeof(wa_lookups_t));
    }

    return a->lookups;
}


void
wa_lookups_free(wa_account_t *a)
{
    wa_free(a->lookups);
    a->lookups = NULL;
}


/* How long the allowance takes to grow by n. */
static int64_t
lookup_price(const wa_account_t *a, size_t n)
{
    uint32_t  rate;

    rate = a->engine->conf.lookups_per_hour;

    return (int64_t) n * HOUR_MS / (rate != 0 ? rate : WA_LOOKUP_PER_HOUR);
}


/*
 * The allowance as a time: when it is full again.  Taking n of it moves that
 * time on by what n cost; it may lie at most a full allowance ahead.
 */
wa_err_t
wa_lookup_enqueue(wa_account_t *a, wa_lookup_t *l, int64_t *wait_s)
{
    int64_t         spent, late;
    wa_task_t      *t;
    wa_lookup_t   **p;
    wa_lookups_t   *ls;

    ls = lookups_get(a);

    if (ls == NULL) {
        return WA_ERR_NOMEM;
    }

    spent = ls->spent_ms > a->now ? ls->spent_ms : a->now;
    spent += lookup_price(a, l->asked);
    late = spent - a->now - lookup_price(a, WA_LOOKUP_MAX);

    if (late < ls->not_before - a->now) {
        late = ls->not_before - a->now;
    }

    if (late > WA_LOOKUP_WAIT_MS) {
        *wait_s = (late + 999) / 1000;
        return WA_ERR_LIMIT;
    }

    if (ls->batch == NULL) {
        t = wa_task_new(a, "lookups", batch_go);

        if (t == NULL) {
            return WA_ERR_NOMEM;
        }

        ls->batch = t;

        /* What comes in the same moment goes along. */

        (void) wa_task_sleep(t, a->now + (late > 0 ? late : 1));
    }

    ls->spent_ms = spent;
    l->queued = true;

    for (p = &ls->first; *p != NULL; p = &(*p)->next) {
        /* void */
    }

    *p = l;

    return WA_OK;
}


void
wa_lookup_unlink(wa_account_t *a, wa_lookup_t *l)
{
    wa_lookup_t  **p;

    if (!l->queued) {
        return;
    }

    l->queued = false;

    for (p = &a->lookups->first; *p != NULL; p = &(*p)->next) {

        if (*p == l) {
            *p = l->next;
            return;
        }
    }
}


static void
batch_go(wa_task_t *t, wa_err_t rc)
{
    bool           about;
    wa_node_t     *iq;
    wa_account_t  *a;

    a = t->account;

    if (a->lookups->first == NULL) {
        a->lookups->batch = NULL;
        wa_task_end(t, rc);
        return;
    }

    about = a->lookups->first->about;
    (void) batch_take(a->lookups);

    iq = (rc == WA_OK) ? batch_iq(t, about) : NULL;

    if (rc == WA_OK) {
        rc = wa_node_ok(iq);
    }

    if (rc == WA_OK) {
        t->resume = batch_answered;
        rc = wa_task_iq_within(t, iq, BATCH_IQ_MS);
    }

    if (rc != WA_AGAIN) {
        batch_end(t, rc);
    }
}


/* Those of one kind from the front, as many as one question holds. */
static size_t
batch_take(wa_lookups_t *ls)
{
    size_t        n;
    wa_lookup_t  *l;

    n = 0;

    for (l = ls->first; l != NULL; l = l->next) {

        if (l->about != ls->first->about || n + l->asked > WA_LOOKUP_MAX) {
            break;
        }

        l->taken = true;
        n += l->asked;
    }

    return n;
}


static wa_node_t *
batch_iq(wa_task_t *t, bool about)
{
    size_t        i;
    wa_node_t    *iq, *usync, *query, *list;
    wa_arena_t   *arena;
    wa_lookup_t  *l;

    arena = &t->arena;
    iq = wa_node_iq(arena, "get", "usync");

    usync = wa_node_add_new(arena, iq, "usync");
    wa_node_set(arena, usync, "sid", wa_account_next_id(t->account, arena));
    wa_node_set_str(arena, usync, "mode", "query");
    wa_node_set_str(arena, usync, "last", "true");
    wa_node_set_str(arena, usync, "index", "0");
    wa_node_set_str(arena, usync, "context", "interactive");

    query = wa_node_add_new(arena, usync, "query");

    if (about) {
        (void) wa_node_add_new(arena, query, "status");

    } else {
        (void) wa_node_add_new(arena, query, "contact");
        (void) wa_node_add_new(arena, query, "lid");
        (void) wa_node_add_new(arena,
                               wa_node_add_new(arena, query, "business"),
                               "verified_name");
        (void) wa_node_add_new(arena, query, "username");
    }

    list = wa_node_add_new(arena, usync, "list");

    for (l = t->account->lookups->first; l != NULL; l = l->next) {

        for (i = 0; l->taken && i < l->n; i++) {
            if (l->items[i].user != NULL) {
                wa_node_add(arena, list, l->items[i].user);
                l->items[i].user = NULL;
            }
        }
    }

    return iq;
}


static void
batch_answered(wa_task_t *t, wa_err_t rc)
{
    int64_t           backoff;
    wa_lookup_t      *l;
    wa_account_t     *a;
    const wa_node_t  *usync;

    a = t->account;
    usync = (rc == WA_OK) ? wa_node_child(t->answer, "usync") : NULL;
    backoff = wa_lookup_backoff(usync);

    if (rc == WA_ERR_REFUSED && t->iq_code == 429 && backoff == 0) {
        backoff = 60;
    }

    if (backoff != 0) {
        wa_log(a, WA_LOG_WARN, "WhatsApp answers no lookups for %lld s",
               (long long) backoff);
        a->lookups->not_before = a->now + backoff * 1000;
        rc = WA_ERR_LIMIT;
    }

    for (l = a->lookups->first; l != NULL && rc == WA_OK; l = l->next) {
        if (l->taken) {
            wa_lookup_read(l, wa_node_child(usync, "list"));
        }
    }

    batch_end(t, rc);
}


/* Wakes who asked, and goes on with the others. */
static void
batch_end(wa_task_t *t, wa_err_t rc)
{
    uint8_t        chance;
    wa_lookup_t   *l, *next;
    wa_account_t  *a;

    a = t->account;

    for (l = a->lookups->first; l != NULL; l = next) {
        next = l->next;

        if (l->taken) {
            wa_lookup_unlink(a, l);
            l->answered = true;
            l->rc = rc;
            l->code = t->iq_code;
            wa_task_ready(l->task, WA_OK);
        }
    }

    if (a->lookups->first == NULL) {
        a->lookups->batch = NULL;
        wa_task_end(t, rc);
        return;
    }

    wa_account_random(a, &chance, 1);
    t->resume = batch_go;
    (void) wa_task_sleep(t, a->now + BATCH_GAP_MS
                            + BATCH_GAP_MS * chance / 255);
}
