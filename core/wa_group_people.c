/*
 * People who are asked into a group: what shows the server that they know us.
 * Their privacy settings may let in only whom they know, and a person named
 * by LID is named by number, too.  Source: protocol 7.8, 14; whatsmeow
 * group.go (CreateGroup, UpdateGroupParticipants).
 */
#include "wa_group_query_int.h"

#include "wa_lid.h"
#include "wa_privacy.h"


/* Which records of a person are needed. */
typedef size_t (*people_need_pt)(wa_account_t *a, const wa_jid_t *jid,
    wa_arena_t *arena, wa_key_t *keys);


static wa_err_t people_need(wa_task_t *t, people_need_pt need);
static void people_known(wa_task_t *t, wa_err_t rc);
static void people_ready(wa_task_t *t, wa_err_t rc);
static wa_err_t people_add(wa_task_t *t, wa_node_t *node);


static size_t
need_address(wa_account_t *a, const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys)
{
    (void) a;

    return wa_lid_need(jid, arena, keys);
}


/* Tokens are kept under the LID when it is known. */
static size_t
need_token(wa_account_t *a, const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys)
{
    size_t    n;
    wa_jid_t  person;

    person = *jid;
    wa_lid_prefer(a, &person);
    n = wa_lid_need(jid, arena, keys);

    return n + wa_privacy_need(&person, arena, keys + n);
}


void
wa_group_ask_in(wa_task_t *t)
{
    wa_err_t        rc;
    group_query_t  *q;

    q = t->data;
    q->asked = t->resume;
    t->resume = people_known;
    rc = people_need(t, need_address);

    if (rc != WA_AGAIN) {
        people_known(t, rc);
    }
}


static wa_err_t
people_need(wa_task_t *t, people_need_pt need)
{
    size_t            n;
    wa_jid_t          jid;
    wa_key_t         *keys;
    group_query_t    *q;
    const wa_node_t  *p;

    q = t->data;
    keys = wa_arena_calloc(&t->arena, q->people->n_nodes + 1,
                           (WA_LID_KEYS + WA_PRIVACY_KEYS)
                           * sizeof(wa_key_t));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    n = 0;

    for (p = wa_node_child(q->people, "participant"); p != NULL;
         p = wa_node_sibling(p, "participant"))
    {
        if (wa_node_attr_jid(p, "jid", &jid)) {
            n += need(t->account, &jid, &t->arena, keys + n);
        }
    }

    return wa_task_need(t, keys, n);
}


static void
people_known(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK) {
        t->resume = people_ready;
        rc = people_need(t, need_token);
    }

    if (rc != WA_AGAIN) {
        people_ready(t, rc);
    }
}


static void
people_ready(wa_task_t *t, wa_err_t rc)
{
    wa_node_t      *p;
    group_query_t  *q;

    q = t->data;

    for (p = wa_node_first(q->people); p != NULL && rc == WA_OK;
         p = p->next)
    {
        if (wa_node_is(p, "participant")) {
            rc = people_add(t, p);
        }
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    t->resume = q->asked;
    wa_group_ask(t, q->iq);
}


static wa_err_t
people_add(wa_task_t *t, wa_node_t *node)
{
    wa_jid_t       jid, pn;
    wa_account_t  *a;

    a = t->account;

    if (!wa_node_attr_jid(node, "jid", &jid)) {
        return WA_OK;
    }

    if (wa_pn_of(a, &jid, &pn)) {
        wa_node_set_jid(&t->arena, node, "phone_number", &pn);
    }

    wa_lid_prefer(a, &jid);

    return wa_privacy_member(a, &t->arena, &jid, node);
}
