/*
 * Sends with wait=device: the server has taken the message, and the caller
 * waits for a device of the contact to have it, too.  Only the answer is
 * delayed; nothing here survives a restart, the record of the key says SENT
 * by then.
 */
#include "wa_idem.h"
#include "wa_send.h"
#include "wa_send_int.h"


/* HTTP contract 20. */
#define DEVICE_WAIT_MS  10000


static void device_late(wa_task_t *t, wa_err_t rc);
static void device_answer(wa_account_t *a, wa_send_t *s, const char *status);


bool
wa_send_waits(const wa_account_t *a, const wa_send_t *s)
{
    return s->asked && s->wait_device && s->told == NULL && !a->quiesced
           && a->sends->n_taken < WA_SEND_QUEUE_MAX;
}


void
wa_send_taken(wa_account_t *a, wa_send_t *s)
{
    wa_time_t    at;
    wa_sends_t  *ss;

    ss = a->sends;
    (void) wa_send_detach(a, s);

    s->next = ss->taken;
    ss->taken = s;
    ss->n_taken++;

    s->late = wa_task_new(a, "send device", device_late);

    if (s->late == NULL) {
        device_answer(a, s, "SENT");
        return;
    }

    at = a->now + DEVICE_WAIT_MS;
    s->late->data = s;

    (void) wa_task_sleep(s->late, at < s->reply_at ? at : s->reply_at);
}


void
wa_send_receipt(wa_account_t *a, wa_span_t id, const char *status,
    int64_t ts)
{
    wa_send_t  *s;

    if (a->sends == NULL || status == NULL) {
        return;
    }

    status = strcmp(status, "read") == 0 ? "READ"
             : strcmp(status, "played") == 0 ? "PLAYED" : "DELIVERED";

    for (s = a->sends->taken; s != NULL; s = s->next) {

        if (wa_span_eq(id, wa_span_str(s->id))) {
            s->told_ts = ts;
            device_answer(a, s, status);
            return;
        }
    }

    /* It may overtake the ack. */

    s = wa_send_find(a, id);

    if (s != NULL && s->wait_device) {
        s->told = status;
        s->told_ts = ts;
    }
}


void
wa_sends_taken_end(wa_account_t *a)
{
    while (a->sends->taken != NULL) {
        device_answer(a, a->sends->taken, "SENT");
    }
}


static void
device_late(wa_task_t *t, wa_err_t rc)
{
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    s = t->data;

    wa_task_end(t, rc);

    if (s != NULL) {
        s->late = NULL;
        device_answer(a, s, "SENT");
    }
}


/* Answers and forgets. */
static void
device_answer(wa_account_t *a, wa_send_t *s, const char *status)
{
    wa_err_t     rc;
    json_t      *data;
    wa_unit_t   *u;
    wa_send_t  **ps;

    for (ps = &a->sends->taken; *ps != s; ps = &(*ps)->next) {
        /* void */
    }

    *ps = s->next;
    a->sends->n_taken--;

    if (s->late != NULL) {
        s->late->data = NULL;

        if (!s->late->ready) {
            wa_task_end(s->late, WA_OK);
        }
    }

    data = wa_send_result(a, s, status);
    u = wa_unit_new(a);
    rc = (u == NULL || data == NULL) ? WA_ERR_NOMEM : WA_OK;

    if (rc == WA_OK && strcmp(status, "SENT") != 0) {
        rc = wa_idem_delivered(u, s, status);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, s->cmd_id, NULL, NULL, json_incref(data));
    }

    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    if (rc != WA_OK) {
        wa_account_reply(a, s->cmd_id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
    }

    json_decref(data);
    wa_send_free(s);
}
