/*
 * All groups, unasked, see wa_group_sync.h.
 *
 *     sync_known     was it done before?  then a pause
 *     sync_ask       one question
 *     sync_loaded    the answer in pieces, each a unit
 *     sync_next      the next one; at last the mark that it was done
 */
#include "wa_group_sync.h"

#include "wa_account_int.h"
#include "wa_group.h"
#include "wa_pb.h"


/* The pause: accounts that are linked or come back together should not ask
   together.  Milliseconds. */
#define SYNC_PAUSE_LEAST   300
#define SYNC_PAUSE_SPREAD  1700

/* Members in one unit: events of more would be megabytes. */
#define SYNC_PIECE         2000

typedef struct {
    int64_t      dirty;           /* 0: only because it was never done     */
    Wa__Group  **groups;
    wa_jid_t    *jids;
    size_t       n;
    size_t       done;
    size_t       end;             /* of the piece at hand                  */
} sync_t;


static void sync_start(wa_account_t *a);
static void sync_known(wa_task_t *t, wa_err_t rc);
static void sync_ask(wa_task_t *t, wa_err_t rc);
static void sync_answered(wa_task_t *t, wa_err_t rc);
static wa_err_t sync_parse(wa_task_t *t, sync_t *s);
static void sync_load(wa_task_t *t);
static void sync_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t sync_piece(wa_unit_t *u, wa_task_t *t);
static void sync_next(wa_task_t *t, wa_err_t rc);
static void sync_clean(wa_task_t *t, sync_t *s);
static void sync_end(wa_task_t *t, wa_err_t rc);


void
wa_group_sync_ready(wa_account_t *a)
{
    sync_start(a);
}


/* Before the end of the queue it waits for that. */
void
wa_group_sync_dirty(wa_account_t *a, int64_t timestamp)
{
    a->groups_dirty = timestamp;

    if (wa_account_state(a) == WA_STATE_READY) {
        sync_start(a);
    }
}


static void
sync_start(wa_account_t *a)
{
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    if (a->groups_syncing) {
        return;
    }

    t = wa_task_new(a, "groups", sync_known);

    if (t == NULL) {
        return;                         /* at the next login */
    }

    t->data = wa_arena_calloc(&t->arena, 1, sizeof(sync_t));

    if (t->data == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    a->groups_syncing = true;

    key.name = wa_span_str(WA_GROUP_RECORD_LIST);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        sync_known(t, rc);
    }
}


static void
sync_known(wa_task_t *t, wa_err_t rc)
{
    uint8_t        random[2];
    wa_account_t  *a;

    a = t->account;

    if (rc != WA_OK
        || (a->groups_dirty == 0 && wa_group_synced(a, &t->arena)))
    {
        sync_end(t, rc);
        return;
    }

    wa_account_random(a, random, sizeof(random));

    t->resume = sync_ask;
    rc = wa_task_sleep(t, a->now + SYNC_PAUSE_LEAST
                          + (random[0] * 256u + random[1])
                            % SYNC_PAUSE_SPREAD);

    if (rc != WA_AGAIN) {
        sync_end(t, rc);
    }
}


static void
sync_ask(wa_task_t *t, wa_err_t rc)
{
    sync_t     *s;
    wa_node_t  *iq, *list;

    s = t->data;

    if (rc == WA_OK && wa_account_state(t->account) != WA_STATE_READY) {
        rc = WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        sync_end(t, rc);
        return;
    }

    s->dirty = t->account->groups_dirty;

    iq = wa_node_new(&t->arena, "iq");
    wa_node_set_str(&t->arena, iq, "to", "@g.us");
    wa_node_set_str(&t->arena, iq, "type", "get");
    wa_node_set_str(&t->arena, iq, "xmlns", "w:g2");
    list = wa_node_add_new(&t->arena, iq, "participating");
    (void) wa_node_add_new(&t->arena, list, "participants");
    (void) wa_node_add_new(&t->arena, list, "description");

    t->resume = sync_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        sync_end(t, rc);
    }
}


static void
sync_answered(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK) {
        rc = sync_parse(t, t->data);
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "groups are not known: %s",
               wa_err_name(rc));
        sync_end(t, rc);
        return;
    }

    sync_load(t);
}


/* A group that cannot be read is left out. */
static wa_err_t
sync_parse(wa_task_t *t, sync_t *s)
{
    size_t            n;
    wa_err_t          rc;
    const wa_node_t  *list, *c;

    list = wa_node_child(t->answer, "groups");
    n = 0;

    for (c = wa_node_child(list, "group"); c != NULL && n < WA_GROUP_LIST_MAX;
         c = wa_node_sibling(c, "group"))
    {
        n++;
    }

    s->groups = wa_arena_calloc(&t->arena, n + 1, sizeof(*s->groups));
    s->jids = wa_arena_calloc(&t->arena, n + 1, sizeof(*s->jids));

    if (s->groups == NULL || s->jids == NULL) {
        return WA_ERR_NOMEM;
    }

    for (c = wa_node_child(list, "group"); c != NULL && s->n < n;
         c = wa_node_sibling(c, "group"))
    {
        rc = wa_group_parse(t->account, c, &t->arena, &s->jids[s->n],
                            &s->groups[s->n]);

        if (rc == WA_ERR_NOMEM) {
            return rc;
        }

        s->n += (rc == WA_OK);
    }

    return WA_OK;
}


static void
sync_load(wa_task_t *t)
{
    size_t    members;
    sync_t   *s;
    wa_err_t  rc;

    s = t->data;
    members = 0;

    for (s->end = s->done; s->end < s->n && members < SYNC_PIECE; s->end++) {
        members += s->groups[s->end]->n_members + 1;
    }

    t->resume = sync_loaded;
    rc = wa_group_need_all(t, s->jids + s->done, s->end - s->done);

    if (rc != WA_AGAIN) {
        sync_loaded(t, rc);
    }
}


static void
sync_loaded(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t  *u;

    if (rc != WA_OK) {
        sync_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);
    rc = sync_piece(u, t);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        sync_end(t, rc);
        return;
    }

    t->resume = sync_next;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        sync_end(t, rc);
    }
}


static wa_err_t
sync_piece(wa_unit_t *u, wa_task_t *t)
{
    sync_t   *s;
    wa_err_t  rc;

    s = t->data;
    rc = (u == NULL) ? WA_ERR_NOMEM : WA_OK;

    for ( /* void */ ; rc == WA_OK && s->done < s->end; s->done++) {
        wa_group_keep(t->account, &s->jids[s->done], &t->arena,
                      s->groups[s->done]);
        rc = wa_group_put(u, &s->jids[s->done], s->groups[s->done]);

        if (rc == WA_OK) {
            rc = wa_group_event(u, &s->jids[s->done], s->groups[s->done],
                                false, NULL);
        }
    }

    return rc == WA_OK && s->done == s->n ? wa_group_put_synced(u) : rc;
}


static void
sync_next(wa_task_t *t, wa_err_t rc)
{
    sync_t  *s;

    s = t->data;

    if (rc != WA_OK) {
        sync_end(t, rc);
        return;
    }

    if (s->done < s->n) {
        sync_load(t);
        return;
    }

    sync_clean(t, s);
}


/* Only what is stored is no longer dirty. */
static void
sync_clean(wa_task_t *t, sync_t *s)
{
    wa_err_t    rc;
    wa_node_t  *iq, *clean;

    if (s->dirty == 0) {
        sync_end(t, WA_OK);
        return;
    }

    if (t->account->groups_dirty == s->dirty) {
        t->account->groups_dirty = 0;
    }

    iq = wa_node_iq(&t->arena, "set", "urn:xmpp:whatsapp:dirty");
    clean = wa_node_add_new(&t->arena, iq, "clean");
    wa_node_set_str(&t->arena, clean, "type", "groups");
    wa_node_set_u64(&t->arena, clean, "timestamp", (uint64_t) s->dirty);

    t->resume = sync_end;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        sync_end(t, rc);
    }
}


static void
sync_end(wa_task_t *t, wa_err_t rc)
{
    t->account->groups_syncing = false;
    wa_task_end(t, rc);
}
