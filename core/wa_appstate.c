/*
 * App state: what is fetched when, and whose turn it is, see wa_appstate.h.
 *
 *     sync_start     after a login: what is not known, or was dirty
 *     sync_turn      one at a time
 *     sync_mine      first what our phone sent
 *     sync_done      and again what was wanted meanwhile
 */
#include "wa_appstate_int.h"
#include "wa_receipt.h"


/* After a failure: this long, doubled each time, so often. */
#define SYNC_REST_MS    15000
#define SYNC_RESTS_MAX  6

#define SYNC_ALL        ((1u << WA_COLLECTION_MAX) - 1)

typedef struct {
    wa_as_waiter_t   waiter;
    unsigned         mask;
} sync_t;


static void turn_free(struct wa_appstate_s *s);
static void sync_start(wa_account_t *a, wa_task_pt from);
static void sync_listed(wa_task_t *t, wa_err_t rc);
static void sync_listed_known(wa_task_t *t, wa_err_t rc);
static void sync_turn(wa_task_t *t, wa_err_t rc);
static void sync_mine(wa_task_t *t, wa_err_t rc);
static void sync_recovered(wa_task_t *t, wa_err_t rc);
static void sync_done(wa_task_t *t, wa_err_t rc);
static void sync_rested(wa_task_t *t, wa_err_t rc);
static void sync_end(wa_task_t *t, wa_err_t rc);
static void sync_clean(wa_account_t *a);
static void sync_cleaned(wa_task_t *t, wa_err_t rc);
static void told_loaded(wa_task_t *t, wa_err_t rc);


struct wa_appstate_s *
wa_as_state(wa_account_t *a)
{
    if (a->appstate == NULL) {
        a->appstate = wa_calloc(1, sizeof(*a->appstate));

        if (a->appstate != NULL) {
            wa_arena_init_pool(&a->appstate->scratch, &a->engine->arenas);
        }
    }

    return a->appstate;
}


void
wa_appstate_free(wa_account_t *a)
{
    if (a->appstate == NULL) {
        return;
    }

    turn_free(a->appstate);
    wa_free(a->appstate);
    a->appstate = NULL;
}


static void
turn_free(struct wa_appstate_s *s)
{
    if (s->reader != NULL) {
        wa_syncd_reader_free(s->reader);
        wa_free(s->reader);
        s->reader = NULL;
    }

    wa_arena_free(&s->scratch);
    wa_hmac_free(s->patch_mac);
    s->patch_mac = NULL;
    wa_inflater_free(s->inflater);
    s->inflater = NULL;
}


/* -- turns ---------------------------------------------------------------- */

bool
wa_as_enter(wa_task_t *t, wa_as_waiter_t *w)
{
    wa_as_waiter_t        **p;
    struct wa_appstate_s   *s;

    s = t->account->appstate;

    if (!s->busy) {
        s->busy = true;
        return true;
    }

    for (p = &s->waiters; *p != NULL; p = &(*p)->next) { /* void */ }

    w->next = NULL;
    w->task = t;
    *p = w;

    return false;
}


bool
wa_as_reader(wa_account_t *a)
{
    struct wa_appstate_s  *s;

    s = a->appstate;

    if (s->reader == NULL) {
        s->reader = wa_calloc(1, sizeof(*s->reader));
    }

    return s->reader != NULL;
}


/* The turn goes straight to the next one. */
void
wa_as_leave(wa_account_t *a)
{
    wa_as_waiter_t        *w;
    struct wa_appstate_s  *s;

    s = a->appstate;
    turn_free(s);
    w = s->waiters;

    if (w == NULL) {
        s->busy = false;
        return;
    }

    s->waiters = w->next;
    wa_task_ready(w->task, WA_OK);
}


/* -- when ----------------------------------------------------------------- */

void
wa_appstate_ready(wa_account_t *a)
{
    struct wa_appstate_s  *s;

    s = wa_as_state(a);

    if (s == NULL) {
        return;
    }

    s->failures = 0;
    sync_start(a, sync_listed);
}


void
wa_appstate_dirty(wa_account_t *a, int64_t timestamp)
{
    struct wa_appstate_s  *s;

    s = wa_as_state(a);

    if (s != NULL) {
        s->dirty = timestamp;
        wa_as_want(a, SYNC_ALL);
    }
}


/* Before the end of the queue it waits for that. */
void
wa_as_want(wa_account_t *a, unsigned mask)
{
    struct wa_appstate_s  *s;

    s = wa_as_state(a);

    if (s == NULL || (mask == 0 && !s->answered)) {
        return;
    }

    s->wanted |= (uint8_t) mask;

    if (wa_account_state(a) == WA_STATE_READY) {
        sync_start(a, sync_turn);
    }
}


static void
sync_start(wa_account_t *a, wa_task_pt from)
{
    wa_task_t  *t;

    if (a->appstate->syncing) {
        return;
    }

    t = wa_task_new(a, "app state", from);

    if (t == NULL) {
        return;                         /* at the next login */
    }

    t->data = wa_arena_calloc(&t->arena, 1, sizeof(sync_t));

    if (t->data == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    a->appstate->syncing = true;
    wa_task_ready(t, WA_OK);
}


static void
sync_listed(wa_task_t *t, wa_err_t rc)
{
    wa_key_t  keys[WA_APPSTATE_KEYS];

    t->resume = sync_listed_known;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        sync_listed_known(t, rc);
    }
}


/* Without any key there is nothing to read: the phone shares them soon. */
static void
sync_listed_known(wa_task_t *t, wa_err_t rc)
{
    size_t             i;
    wa_as_t            as;
    wa_account_t      *a;
    Wa__AppStateKeys  *keys;

    a = t->account;

    if (rc == WA_OK) {
        rc = wa_as_get(a, &as);
    }

    if (rc == WA_OK) {
        rc = wa_as_keys_get(a, &t->arena, &keys);
    }

    if (rc != WA_OK || keys->n_keys == 0) {
        sync_end(t, rc);
        return;
    }

    a->appstate->answered = (as.answers != 0);

    for (i = 0; i < WA_COLLECTION_MAX; i++) {

        if (!as.c[i].known || as.c[i].dirty || as.c[i].blocked) {
            a->appstate->wanted |= (uint8_t) (1u << i);
        }
    }

    sync_turn(t, WA_OK);
}


static void
sync_turn(wa_task_t *t, wa_err_t rc)
{
    sync_t                *sync;
    struct wa_appstate_s  *s;

    s = t->account->appstate;
    sync = t->data;

    if (rc != WA_OK || (s->wanted == 0 && !s->answered)) {
        sync_end(t, rc);
        return;
    }

    t->resume = sync_mine;

    if (wa_as_enter(t, &sync->waiter)) {
        sync_mine(t, WA_OK);
    }
}


static void
sync_mine(wa_task_t *t, wa_err_t rc)
{
    struct wa_appstate_s  *s;

    s = t->account->appstate;

    if (s->answered) {
        s->answered = false;
        t->resume = sync_recovered;
        rc = wa_as_recover(t);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    sync_recovered(t, WA_OK);
}


/* What could not be taken now stays where it is. */
static void
sync_recovered(wa_task_t *t, wa_err_t rc)
{
    sync_t                *sync;
    struct wa_appstate_s  *s;

    s = t->account->appstate;

    if (s->wanted == 0) {
        wa_as_leave(t->account);
        sync_turn(t, WA_OK);
        return;
    }

    sync = t->data;
    sync->mask = s->wanted;
    s->wanted = 0;

    t->resume = sync_done;
    rc = wa_as_fetch(t, sync->mask);

    if (rc != WA_AGAIN) {
        sync_done(t, rc);
    }
}


static void
sync_done(wa_task_t *t, wa_err_t rc)
{
    sync_t                *sync;
    wa_account_t          *a;
    struct wa_appstate_s  *s;

    a = t->account;
    s = a->appstate;
    sync = t->data;
    wa_as_leave(a);

    if (rc == WA_OK) {
        s->failures = 0;

        if (s->dirty != 0 && s->wanted == 0) {
            sync_clean(a);
        }

        t->resume = sync_turn;
        sync_turn(t, WA_OK);
        return;
    }

    wa_log(a, WA_LOG_INFO, "app state is not known: %s", wa_err_name(rc));

    /* What was lost with the connection goes on after the next login. */

    if (!wa_account_online(a) || s->failures >= SYNC_RESTS_MAX) {
        sync_end(t, rc);
        return;
    }

    s->wanted |= (uint8_t) sync->mask;
    t->resume = sync_rested;
    (void) wa_task_sleep(t, a->now + ((wa_time_t) SYNC_REST_MS
                                      << s->failures++));
}


static void
sync_rested(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK && wa_account_state(t->account) != WA_STATE_READY) {
        rc = WA_ERR_GONE;
    }

    t->resume = sync_turn;
    sync_turn(t, rc);
}


static void
sync_end(wa_task_t *t, wa_err_t rc)
{
    t->account->appstate->syncing = false;
    wa_task_end(t, rc);
}


/* Only what is stored is no longer dirty. */
static void
sync_clean(wa_account_t *a)
{
    wa_err_t    rc;
    wa_node_t  *iq, *clean;
    wa_task_t  *t;

    t = wa_task_new(a, "dirty", sync_cleaned);

    if (t == NULL) {
        return;
    }

    iq = wa_node_iq(&t->arena, "set", "urn:xmpp:whatsapp:dirty");
    clean = wa_node_add_new(&t->arena, iq, "clean");
    wa_node_set_str(&t->arena, clean, "type", "syncd_app_state");
    wa_node_set_u64(&t->arena, clean, "timestamp",
                    (uint64_t) a->appstate->dirty);
    a->appstate->dirty = 0;

    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
sync_cleaned(wa_task_t *t, wa_err_t rc)
{
    wa_task_end(t, rc);
}


/* -- server_sync ---------------------------------------------------------- */

/* The server says it once: it is written down before it is acknowledged. */
void
wa_appstate_notification(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  keys[WA_APPSTATE_KEYS];

    t->resume = told_loaded;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        told_loaded(t, rc);
    }
}


static void
told_loaded(wa_task_t *t, wa_err_t rc)
{
    wa_as_t           as;
    uint64_t          version;
    unsigned          mask;
    wa_unit_t        *u;
    wa_account_t     *a;
    wa_collection_e   k;
    const wa_node_t  *c;

    a = t->account;
    mask = 0;

    if (rc == WA_OK) {
        rc = wa_as_get(a, &as);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    for (c = wa_node_child(t->stanza, "collection"); c != NULL;
         c = wa_node_sibling(c, "collection"))
    {
        k = wa_collection_find(wa_node_attr(c, "name"));

        if (k != WA_COLLECTION_MAX
            && (!wa_node_attr_u64(c, "version", &version)
                || !as.c[k].known || version > as.c[k].version))
        {
            as.c[k].dirty = true;
            mask |= 1u << k;
        }
    }

    u = wa_unit_new(a);

    if (mask != 0) {
        (void) wa_as_put(u, &as);
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    rc = wa_unit_commit(u, NULL);
    wa_task_end(t, rc);

    if (rc == WA_OK) {
        wa_as_want(a, mask);
    }
}
