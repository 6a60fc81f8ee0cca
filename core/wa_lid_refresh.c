/*
 * Addresses that change: the server says so in an ack, or a contact's new
 * number is told.
 */
#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_receipt.h"


typedef struct {
    wa_jid_t  pn;
    wa_jid_t  lid;
} refresh_t;


static wa_node_t *refresh_iq(wa_task_t *t, const wa_jid_t *pn);
static void refresh_asked(wa_task_t *t, wa_err_t rc);
static void refresh_learnt(wa_task_t *t, wa_err_t rc);
static void notice_learnt(wa_task_t *t, wa_err_t rc);


void
wa_lid_refresh(wa_account_t *a, const wa_jid_t *pn)
{
    wa_err_t     rc;
    wa_task_t   *t;
    wa_node_t   *iq;
    refresh_t  *d;

    t = wa_task_new(a, "lid", refresh_asked);

    if (t == NULL) {
        return;                         /* the next ack says it again      */
    }

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));
    rc = WA_ERR_NOMEM;

    if (d != NULL) {
        d->pn = wa_jid_person(pn);
        t->data = d;
        iq = refresh_iq(t, &d->pn);
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


/* usync with protocol lid alone. */
static wa_node_t *
refresh_iq(wa_task_t *t, const wa_jid_t *pn)
{
    wa_node_t   *iq, *usync, *user;
    wa_arena_t  *a;

    a = &t->arena;
    iq = wa_node_iq(a, "get", "usync");

    usync = wa_node_add_new(a, iq, "usync");
    wa_node_set(a, usync, "sid", wa_account_next_id(t->account, a));
    wa_node_set_str(a, usync, "mode", "query");
    wa_node_set_str(a, usync, "last", "true");
    wa_node_set_str(a, usync, "index", "0");
    wa_node_set_str(a, usync, "context", "background");
    (void) wa_node_add_new(a, wa_node_add_new(a, usync, "query"), "lid");

    user = wa_node_add_new(a, wa_node_add_new(a, usync, "list"), "user");
    wa_node_set_jid(a, user, "jid", pn);

    return iq;
}


static void
refresh_asked(wa_task_t *t, wa_err_t rc)
{
    refresh_t       *d;
    const wa_node_t  *user;

    d = t->data;
    user = NULL;

    if (rc == WA_OK) {
        user = wa_node_child(wa_node_child(wa_node_child(t->answer, "usync"),
                                           "list"), "user");
    }

    if (!wa_node_attr_jid(wa_node_child(user, "lid"), "val", &d->lid)
        || !wa_jid_is_lid(&d->lid))
    {
        wa_task_end(t, rc);
        return;
    }

    d->lid = wa_jid_person(&d->lid);
    t->resume = refresh_learnt;
    rc = wa_lid_learn(t, &d->pn, &d->lid);

    if (rc != WA_AGAIN) {
        refresh_learnt(t, rc);
    }
}


static void
refresh_learnt(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "LID not learnt: %s",
               wa_err_name(rc));
    }

    wa_task_end(t, rc);
}


/* ---- <notification type=contacts><modify old new new_lid/> ---- */

void
wa_lid_notification(wa_task_t *t)
{
    wa_err_t          rc;
    wa_jid_t          pn, lid;
    const wa_node_t  *modify;

    t->resume = notice_learnt;
    rc = WA_OK;
    modify = wa_node_child(t->stanza, "modify");

    if (wa_node_attr_jid(modify, "new", &pn) && wa_jid_is_pn(&pn)
        && wa_node_attr_jid(modify, "new_lid", &lid) && wa_jid_is_lid(&lid))
    {
        pn = wa_jid_person(&pn);
        lid = wa_jid_person(&lid);
        rc = wa_lid_learn(t, &pn, &lid);
    }

    if (rc != WA_AGAIN) {
        notice_learnt(t, rc);
    }
}


static void
notice_learnt(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "changed number not learnt: %s",
               wa_err_name(rc));
    }

    u = wa_unit_new(t->account);
    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}
