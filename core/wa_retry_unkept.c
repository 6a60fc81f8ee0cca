/*
 * A device asks for a message that is not kept, see wa_retry.h.
 */
#include "wa_retry.h"

#include "wa_account_int.h"
#include "wa_group_send.h"
#include "wa_receipt.h"


typedef struct {
    wa_jid_t  group;
    wa_jid_t  device;
} unkept_t;


static void unkept_loaded(wa_task_t *t, wa_err_t rc);


void
wa_retry_unkept(wa_task_t *t, const wa_jid_t *room, const wa_jid_t *device)
{
    wa_err_t   rc;
    wa_key_t   key;
    unkept_t  *x;

    x = wa_arena_calloc(&t->arena, 1, sizeof(unkept_t));

    if (x == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    x->group = *room;
    x->device = *device;
    t->data = x;

    if (!wa_jid_is_group(room)) {
        unkept_loaded(t, WA_OK);
        return;
    }

    if (!wa_group_holders_need(room, &t->arena, &key)) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->resume = unkept_loaded;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        unkept_loaded(t, rc);
    }
}


static void
unkept_loaded(wa_task_t *t, wa_err_t rc)
{
    unkept_t   *x;
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    x = t->data;
    u = wa_unit_new(t->account);

    if (wa_jid_is_group(&x->group)) {
        rc = wa_group_holder_gone(u, &x->group, &x->device, &t->arena);
    }

    if (rc == WA_OK) {
        rc = wa_ack_stanza(u, t->stanza, NULL, 0);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc == WA_ERR_NOMEM ? rc : WA_OK);
        return;
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}
