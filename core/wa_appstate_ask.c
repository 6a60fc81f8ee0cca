/*
 * What app state asks our phone for (peer messages).
 *
 *     ask_start      a session with the phone, and our records
 *     ask_reached    one unit: the request, and that it was made
 */
#include "wa_appstate_int.h"
#include "wa_primary.h"


typedef struct {
    wa_as_ask_pt      send;
    void             *what;
} ask_t;


static void ask_start(wa_task_t *t, wa_err_t rc);
static void ask_reached(wa_task_t *t, wa_err_t rc);
static size_t ask_need(wa_task_t *t, wa_key_t *keys);


void
wa_as_ask(wa_account_t *a, wa_as_ask_pt send, const void *what, size_t size)
{
    ask_t      *ask;
    wa_task_t  *t;

    t = wa_task_new(a, "ask phone", ask_start);

    if (t == NULL) {
        return;                         /* with the next fetch */
    }

    ask = wa_arena_calloc(&t->arena, 1, sizeof(ask_t));

    if (ask != NULL) {
        ask->what = wa_arena_alloc(&t->arena, size);
    }

    if (ask == NULL || ask->what == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    memcpy(ask->what, what, size);
    ask->send = send;
    t->data = ask;
    wa_task_ready(t, WA_OK);
}


static void
ask_start(wa_task_t *t, wa_err_t rc)
{
    t->resume = ask_reached;
    rc = wa_primary_reach(t, ask_need);

    if (rc != WA_AGAIN) {
        ask_reached(t, rc);
    }
}


static size_t
ask_need(wa_task_t *t, wa_key_t *keys)
{
    (void) t;

    return wa_appstate_need(keys);
}


static void
ask_reached(wa_task_t *t, wa_err_t rc)
{
    ask_t      *ask;
    wa_unit_t  *u;

    ask = t->data;

    if (rc == WA_OK) {
        u = wa_unit_new(t->account);
        rc = (u == NULL) ? WA_ERR_NOMEM : ask->send(u, t, ask->what);

        if (rc != WA_OK) {
            wa_unit_drop(u);

        } else {
            rc = wa_unit_commit(u, NULL);
        }
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "our phone is not asked: %s",
               wa_err_name(rc));
    }

    wa_task_end(t, rc);
}
