/*
 * The list of blocked people, see wa_blocklist.h.
 *
 *     block_ask       <iq get>: for the list, or for its hash after a 409
 *     block_resolve   both addresses of the person, the hash
 *     block_set       <iq set>
 */
#include "wa_blocklist.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_notify.h"
#include "wa_settings.h"


#define BLOCK_STALE       409
#define BLOCK_ATTEMPTS    2
#define BLOCK_PEOPLE_MAX  10000
#define BLOCK_HASH_MAX    128

typedef struct {
    wa_query_t    query;                /* must be first                    */
    wa_jid_t      jid;
    wa_jid_t      lid;
    wa_jid_t      pn;
    wa_jid_t     *people;
    size_t        n_people;
    unsigned      attempts;
    bool          change;
    bool          block;
} block_t;


static void block_ask(wa_task_t *t);
static void block_told(wa_task_t *t, wa_err_t rc);
static wa_err_t block_keep(wa_unit_t *u, const wa_node_t *list);
static wa_err_t block_people(wa_task_t *t, const wa_node_t *list,
    wa_jid_t **people, size_t *n);
static wa_err_t block_need(wa_task_t *t, const wa_jid_t *people, size_t n);
static void block_shown(wa_task_t *t, wa_err_t rc);
static void block_resolve(wa_task_t *t);
static void block_resolved(wa_task_t *t, wa_err_t rc);
static void block_set(wa_task_t *t, wa_err_t rc);
static void block_was_set(wa_task_t *t, wa_err_t rc);
static void block_notified(wa_task_t *t, wa_err_t rc);
static json_t *block_json(wa_account_t *a, const wa_jid_t *people, size_t n);


void
wa_blocklist_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    block_t    *b;
    wa_span_t   action;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "blocklist", block_told, sizeof(block_t));

    if (t == NULL) {
        return;
    }

    b = t->data;

    if (wa_span_eq_str(wa_query_arg(cmd->args, "verb"), "blocklist.get")) {
        block_ask(t);
        return;
    }

    if (!wa_query_arg_jid(cmd->args, "jid", &b->jid)
        || !wa_jid_is_user(&b->jid)
        || wa_account_is_self(a, &b->jid))
    {
        wa_query_refuse(t, "INVALID_RECIPIENT",
                        "The address is not that of another person");
        return;
    }

    action = wa_query_arg(cmd->args, "action");
    b->block = wa_span_eq_str(action, "block");

    if (!b->block && !wa_span_eq_str(action, "unblock")) {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "action: must be \"block\" or \"unblock\"");
        return;
    }

    b->change = true;
    b->jid = wa_jid_person(&b->jid);
    block_resolve(t);
}


static void
block_ask(wa_task_t *t)
{
    wa_err_t    rc;
    wa_node_t  *iq;

    iq = wa_node_iq(&t->arena, "get", "blocklist");

    t->resume = block_told;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
block_told(wa_task_t *t, wa_err_t rc)
{
    block_t          *b;
    wa_unit_t        *u;
    const wa_node_t  *list;

    b = t->data;

    if (rc == WA_OK) {
        list = wa_node_child(t->answer, "list");
        rc = block_people(t, list, &b->people, &b->n_people);

        if (rc == WA_OK) {
            u = wa_unit_new(t->account);
            (void) block_keep(u, list);
            rc = wa_unit_commit(u, NULL);
        }
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (b->change) {
        block_set(t, WA_OK);
        return;
    }

    t->resume = block_shown;
    rc = block_need(t, b->people, b->n_people);

    if (rc != WA_AGAIN) {
        block_shown(t, rc);
    }
}


/* The list is known by its hash. */
static wa_err_t
block_keep(wa_unit_t *u, const wa_node_t *list)
{
    wa_span_t  hash;

    hash = wa_node_attr(list, "dhash");

    return hash.n == 0 || hash.n > BLOCK_HASH_MAX
           ? wa_unit_del(u, WA_BLOCKLIST_RECORD, 0)
           : wa_unit_put(u, WA_BLOCKLIST_RECORD, 0, hash);
}


static wa_err_t
block_people(wa_task_t *t, const wa_node_t *list, wa_jid_t **people,
    size_t *n)
{
    size_t            max;
    wa_jid_t          jid;
    const wa_node_t  *item;

    *n = 0;
    max = (list == NULL) ? 0 : list->n_nodes;
    max = max < BLOCK_PEOPLE_MAX ? max : BLOCK_PEOPLE_MAX;
    *people = wa_arena_calloc(&t->arena, max + 1, sizeof(wa_jid_t));

    if (*people == NULL) {
        return WA_ERR_NOMEM;
    }

    for (item = wa_node_child(list, "item"); item != NULL && *n < max;
         item = wa_node_sibling(item, "item"))
    {
        if (wa_node_attr_jid(item, "jid", &jid) && wa_jid_is_user(&jid)) {
            (*people)[(*n)++] = wa_jid_person(&jid);
        }
    }

    return WA_OK;
}


/* Both addresses of all of them, and the hash. */
static wa_err_t
block_need(wa_task_t *t, const wa_jid_t *people, size_t n)
{
    size_t     i, k;
    wa_key_t  *keys;

    keys = wa_arena_calloc(&t->arena, n * WA_LID_KEYS + 1, sizeof(wa_key_t));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0, k = 0; i < n; i++) {
        k += wa_lid_need(&people[i], &t->arena, keys + k);
    }

    keys[k].name = wa_span_str(WA_BLOCKLIST_RECORD);
    keys[k++].day = 0;

    return wa_task_need(t, keys, k);
}


static json_t *
block_json(wa_account_t *a, const wa_jid_t *people, size_t n)
{
    size_t   i;
    json_t  *list;

    list = json_array();

    for (i = 0; i < n; i++) {
        (void) json_array_append_new(list, wa_settings_person(a, &people[i]));
    }

    return list;
}


static void
block_shown(wa_task_t *t, wa_err_t rc)
{
    block_t  *b;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    b = t->data;
    wa_query_done(t, json_pack("{s:o}", "blocked",
                               block_json(t->account, b->people,
                                          b->n_people)));
}


/* ---- a change ---- */

static void
block_resolve(wa_task_t *t)
{
    block_t   *b;
    wa_err_t   rc;

    b = t->data;
    t->resume = block_resolved;
    rc = block_need(t, &b->jid, 1);

    if (rc != WA_AGAIN) {
        block_resolved(t, rc);
    }
}


static void
block_resolved(wa_task_t *t, wa_err_t rc)
{
    block_t  *b;

    b = t->data;
    t->resume = block_set;

    if (rc == WA_OK) {

        if (wa_jid_is_pn(&b->jid)) {
            b->pn = b->jid;

        } else {
            (void) wa_pn_of(t->account, &b->jid, &b->pn);
        }

        rc = wa_lid_resolve(t, &b->jid, &b->lid);
    }

    if (rc != WA_AGAIN) {
        block_set(t, rc);
    }
}


/*
 * <item action jid=<LID> [pn_jid|unknown_identifier=true] [dhash]/>: to block,
 * the number, or that it is not known, as with most strangers (zapo, which
 * has it of the web client).
 */
static void
block_set(wa_task_t *t, wa_err_t rc)
{
    block_t    *b;
    wa_span_t   hash;
    wa_node_t  *iq, *item;

    b = t->data;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (b->lid.server == WA_SERVER_NONE) {
        wa_query_refuse(t, "CONTACT_NOT_FOUND", "Not on WhatsApp");
        return;
    }

    iq = wa_node_iq(&t->arena, "set", "blocklist");
    item = wa_node_add_new(&t->arena, iq, "item");
    wa_node_set_str(&t->arena, item, "action", b->block ? "block" : "unblock");
    wa_node_set_jid(&t->arena, item, "jid", &b->lid);

    if (b->block && b->pn.server != WA_SERVER_NONE) {
        wa_node_set_jid(&t->arena, item, "pn_jid", &b->pn);

    } else if (b->block) {
        wa_node_set_str(&t->arena, item, "unknown_identifier", "true");
    }

    if (wa_record_get(t->account, WA_BLOCKLIST_RECORD, 0, &hash) == WA_OK
        && hash.n > 0
        && wa_arena_dup_span(&t->arena, hash, &hash) == WA_OK)
    {
        wa_node_set(&t->arena, item, "dhash", hash);
    }

    b->attempts++;
    t->resume = block_was_set;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
block_was_set(wa_task_t *t, wa_err_t rc)
{
    block_t       *b;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    b = t->data;

    if (rc == WA_ERR_REFUSED && t->iq_code == BLOCK_STALE
        && b->attempts < BLOCK_ATTEMPTS)
    {
        block_ask(t);
        return;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    u = wa_unit_new(a);
    (void) block_keep(u, wa_node_child(t->answer, "list"));
    (void) wa_unit_event(u, "blocklist.updated",
                         json_pack("{s:s, s:[o]}", "action",
                                   b->block ? "block" : "unblock", "people",
                                   wa_settings_person(a, &b->jid)));
    (void) wa_unit_reply(u, b->query.cmd_id, NULL, NULL,
                         json_pack("{s:o, s:o, s:b}",
                                   "jid", wa_json_jid(wa_jid_is_pn(&b->pn)
                                                      ? &b->pn : &b->lid),
                                   "lid", wa_json_jid(&b->lid),
                                   "blocked", (int) b->block));
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_task_end(t, WA_OK);
}


/* ---- changed elsewhere ---- */

void
wa_blocklist_notification(wa_task_t *t)
{
    block_t   *b;
    wa_err_t   rc;

    b = wa_arena_calloc(&t->arena, 1, sizeof(block_t));
    rc = (b == NULL) ? WA_ERR_NOMEM
         : block_people(t, wa_node_child(t->stanza, "blocklist"), &b->people,
                        &b->n_people);
    t->data = b;

    if (rc == WA_OK) {
        t->resume = block_notified;
        rc = block_need(t, b->people, b->n_people);
    }

    if (rc != WA_AGAIN) {
        block_notified(t, rc);
    }
}


static void
block_event(wa_unit_t *u, block_t *b, const wa_node_t *list,
    const char *action)
{
    size_t            i, n;
    wa_jid_t          jid;
    wa_jid_t         *of;
    const wa_node_t  *item;

    of = b->people;
    n = 0;
    i = 0;

    /* The people of one action move to the front. */

    for (item = wa_node_child(list, "item"); item != NULL && i < b->n_people;
         item = wa_node_sibling(item, "item"))
    {
        if (wa_node_attr_jid(item, "jid", &jid) && wa_jid_is_user(&jid)) {

            if (wa_node_attr_is(item, "action", action)) {
                of[n++] = wa_jid_person(&jid);
            }

            i++;
        }
    }

    if (n != 0) {
        (void) wa_unit_event(u, "blocklist.updated",
                             json_pack("{s:s, s:o}", "action", action,
                                       "people",
                                       block_json(wa_unit_account(u), of,
                                                  n)));
    }
}


static void
block_notified(wa_task_t *t, wa_err_t rc)
{
    block_t          *b;
    wa_unit_t        *u;
    const wa_node_t  *list;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    b = t->data;
    list = wa_node_child(t->stanza, "blocklist");
    u = wa_unit_new(t->account);
    (void) block_keep(u, list);

    if (b->n_people == 0) {
        (void) wa_unit_event(u, "blocklist.updated",
                             json_pack("{s:s, s:[]}", "action", "changed",
                                       "people"));

    } else {
        block_event(u, b, list, "block");
        block_event(u, b, list, "unblock");
    }

    wa_notify_account(t, u, "blocklist");
}
