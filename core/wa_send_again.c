/*
 * A durable send whose addresses the server did not accept: the same id and
 * Message for the devices as they are now.  It goes the way of any other
 * (wa_send_prepare.c) from the device lists on, and stays DURABLE meanwhile:
 * timers, handovers and a restart find it as they find all sends.
 */
#include "wa_pb.h"
#include "wa_prepare.h"
#include "wa_send.h"


static void again_begin(wa_task_t *t, wa_err_t rc);
static wa_err_t again_need(wa_task_t *t, wa_prepare_t *p);
static void again_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t again_wire(wa_task_t *t, wa_prepare_t *p);
static void again_durable(wa_task_t *t, wa_err_t rc);


void
wa_send_prepare_again(wa_account_t *a, wa_send_t *s)
{
    wa_task_t     *t;
    wa_prepare_t  *p;

    t = wa_task_new(a, "send again", again_begin);

    if (t == NULL) {
        return;                         /* repeated as it was, in time     */
    }

    p = wa_arena_calloc(&t->arena, 1, sizeof(wa_prepare_t));

    if (p == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    p->send = s;
    p->again = true;
    memcpy(p->id, s->id, sizeof(p->id));
    t->data = p;
    wa_task_ready(t, WA_OK);
}


static void
again_begin(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK && !wa_prepare_dropped(t)) {
        t->resume = again_loaded;
        rc = again_need(t, t->data);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    again_loaded(t, rc);
}


static wa_err_t
again_need(wa_task_t *t, wa_prepare_t *p)
{
    wa_key_t  *key;

    key = wa_arena_calloc(&t->arena, 1, sizeof(wa_key_t));

    if (key == NULL || !wa_sent_name("out/", wa_span_str(p->id), p->target)) {
        return WA_ERR_NOMEM;
    }

    key->name = wa_span_str(p->target);
    key->day = wa_day(p->send->ts);

    return wa_task_need(t, key, 1);
}


static void
again_loaded(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK && !wa_prepare_dropped(t)) {
        rc = again_wire(t, t->data);

        if (rc == WA_OK) {
            rc = wa_prepare_again(t, t->data);
        }

        if (rc == WA_OK) {
            wa_prepare_resolve(t, t->data);
            return;
        }
    }

    wa_prepare_again_failed(t, rc);
}


/* What left may have been sealed: the record has it, the send what is in
   it. */
static wa_err_t
again_wire(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t          rc;
    wa_span_t         value;
    Wa__SentMessage  *sent;

    rc = wa_record_get(t->account, p->target, wa_day(p->send->ts), &value);

    if (rc == WA_OK && value.p != NULL) {
        rc = WA_PB_UNPACK(wa__sent_message__descriptor, value, &t->arena,
                          &sent);

        if (rc == WA_OK && sent->has_message) {
            p->wire = wa_pb_span(&sent->message);
        }
    }

    return rc;
}


/* It stays what it was: durable, and refused. */
void
wa_prepare_again_failed(wa_task_t *t, wa_err_t rc)
{
    bool           gone;
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    gone = wa_prepare_dropped(t);
    s = ((wa_prepare_t *) t->data)->send;
    wa_task_end(t, rc);

    if (gone) {
        return;
    }

    if (rc == WA_ERR_GONE) {
        s->renewed = false;             /* the next login repeats it       */
        return;
    }

    wa_log(a, WA_LOG_INFO, "message is not made anew: %s", wa_err_name(rc));
    wa_send_refuse(a, s, "STALE_ADDRESS",
                   "WhatsApp does not accept the recipient's address",
                   wa_jid_is_group(&s->to) ? 421 : 479);
}


/* The entry counts as unacked all the time. */
void
wa_prepare_again_ready(wa_task_t *t, wa_unit_t *u)
{
    wa_err_t  rc;

    rc = wa_prepare_unit(u, t, t->data);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_prepare_again_failed(t, rc);
        return;
    }

    t->resume = again_durable;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        wa_prepare_again_failed(t, rc);
    }
}


static void
again_durable(wa_task_t *t, wa_err_t rc)
{
    bool           gone;
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    gone = wa_prepare_dropped(t);
    s = ((wa_prepare_t *) t->data)->send;
    wa_task_end(t, rc);

    if (!gone) {
        s->repeat_at = a->now + WA_SEND_REPEAT_MS;
        wa_send_watch(a, s);
    }
}
