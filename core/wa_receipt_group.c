/*
 * Receipts of many members in one stanza, as they come for messages to a
 * group that were sent while nobody listened:
 *
 *     <receipt from=<room> id [type]>
 *         <participants key=<message id>><user jid t/>*</participants>*
 *     </receipt>
 *
 * Source: protocol 8.3; whatsmeow receipt.go (grouped receipts).
 */
#include "wa_receipt_int.h"

#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_recent.h"
#include "wa_send.h"


/* Users in one stanza; more are not looked at. */
#define GROUP_USERS_MAX   8192

/* Events in one unit. */
#define GROUP_PIECE       256

typedef struct {
    wa_jid_t     jid;
    wa_span_t    key;            /* borrowed from the stanza */
    int64_t      ts;
} user_t;

typedef struct {
    wa_jid_t     room;
    const char  *status;
    user_t      *users;
    size_t       n;
} group_t;


static wa_err_t group_parse(wa_task_t *t, group_t *g);
static bool group_user(const wa_account_t *a, const wa_node_t *node,
    wa_span_t key, int64_t ts, user_t *user);
static void group_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t group_piece(wa_task_t *t, wa_unit_t *u, size_t from,
    size_t to);


void
wa_receipt_group_stanza(wa_task_t *t, const char *status)
{
    size_t     i, n;
    group_t   *g;
    wa_err_t   rc;
    wa_key_t  *keys;

    g = wa_arena_calloc(&t->arena, 1, sizeof(group_t));
    rc = (g == NULL) ? WA_ERR_NOMEM : WA_OK;

    if (rc == WA_OK) {
        g->status = status;
        rc = group_parse(t, g);
    }

    if (rc == WA_ERR_SYNTAX) {
        wa_receipt_ack_only(t);
        return;
    }

    keys = (rc != WA_OK) ? NULL
           : wa_arena_calloc(&t->arena, g->n + 1,
                             WA_LID_KEYS * sizeof(wa_key_t));

    if (keys == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    for (i = 0, n = 0; i < g->n; i++) {
        n += wa_lid_need(&g->users[i].jid, &t->arena, keys + n);
    }

    t->data = g;
    t->resume = group_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        group_loaded(t, rc);
    }
}


/* WA_ERR_SYNTAX: nobody is told of. */
static wa_err_t
group_parse(wa_task_t *t, group_t *g)
{
    size_t            n;
    int64_t           ts;
    wa_span_t         key;
    const wa_node_t  *list, *node;

    if (!wa_node_attr_jid(t->stanza, "from", &g->room)
        || !(wa_jid_is_group(&g->room) || wa_jid_is_broadcast(&g->room)))
    {
        return WA_ERR_SYNTAX;
    }

    n = 0;

    for (list = wa_node_child(t->stanza, "participants"); list != NULL;
         list = wa_node_sibling(list, "participants"))
    {
        n += list->n_nodes;
    }

    n = n < GROUP_USERS_MAX ? n : GROUP_USERS_MAX;
    g->users = wa_arena_calloc(&t->arena, n + 1, sizeof(user_t));

    if (g->users == NULL) {
        return WA_ERR_NOMEM;
    }

    ts = wa_stanza_time(t->account, t->stanza);

    for (list = wa_node_child(t->stanza, "participants"); list != NULL;
         list = wa_node_sibling(list, "participants"))
    {
        key = wa_node_attr(list, "key");

        if (key.p == NULL) {
            key = wa_node_attr(t->stanza, "id");
        }

        for (node = wa_node_child(list, "user"); node != NULL && g->n < n;
             node = wa_node_sibling(node, "user"))
        {
            g->n += group_user(t->account, node, key, ts, &g->users[g->n]);
        }
    }

    return g->n == 0 ? WA_ERR_SYNTAX : WA_OK;
}


static bool
group_user(const wa_account_t *a, const wa_node_t *node, wa_span_t key,
    int64_t ts, user_t *user)
{
    if (key.n == 0 || key.n > WA_RECEIPT_ID_LEN
        || !wa_node_attr_jid(node, "jid", &user->jid)
        || !wa_jid_is_user(&user->jid)
        || wa_account_is_self(a, &user->jid))
    {
        return false;
    }

    user->key = key;
    user->ts = wa_node_attr(node, "t").p == NULL ? ts
                                                 : wa_stanza_time(a, node);

    return true;
}


/* The ack leaves with the last piece. */
static void
group_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t      i, to;
    group_t    *g;
    wa_unit_t  *u;

    g = t->data;

    for (i = 0; rc == WA_OK && i < g->n; i = to) {
        to = g->n - i < GROUP_PIECE ? g->n : i + GROUP_PIECE;
        u = wa_unit_new(t->account);
        rc = group_piece(t, u, i, to);

        if (rc != WA_OK) {
            wa_unit_drop(u);
            break;
        }

        if (to == g->n) {
            (void) wa_ack_stanza(u, t->stanza, NULL, 0);
        }

        rc = wa_unit_commit(u, NULL);
    }

    for (i = 0; rc == WA_OK && i < g->n; i++) {
        wa_send_receipt(t->account, g->users[i].key, g->status,
                        g->users[i].ts);
    }

    wa_task_end(t, rc);
}


static wa_err_t
group_piece(wa_task_t *t, wa_unit_t *u, size_t from, size_t to)
{
    size_t        i;
    group_t      *g;
    wa_err_t      rc;
    wa_receipt_t  r;

    g = t->data;
    rc = WA_OK;

    memset(&r, 0, sizeof(r));
    r.room = g->room;
    r.status = g->status;

    for (i = from; i < to && rc == WA_OK; i++) {
        wa_receipt_person(t->account, &g->users[i].jid, &r.pn, &r.lid);
        rc = wa_receipt_event(u, &r, g->users[i].key, g->users[i].ts);
    }

    return rc;
}
