/*
 * Time in the list of sends: callers who have waited long enough, stanzas to
 * be repeated, the end of typing.
 */
#include "wa_idem.h"
#include "wa_send.h"
#include "wa_send_typing.h"


static wa_time_t send_deadline(const wa_send_t *s);
static void send_timer(wa_task_t *t, wa_err_t rc);
static void send_timer_entry(wa_account_t *a, wa_send_t *s, bool *resend);


/* -1: none. */
static wa_time_t
send_deadline(const wa_send_t *s)
{
    wa_time_t  at;

    at = -1;

    if (s->asked && !s->dropped && s->state != WA_SEND_COMMITTED) {
        at = s->reply_at;
    }

    if (s->typing_until != 0 && (at < 0 || s->typing_until < at)) {
        at = s->typing_until;
    }

    if (s->state == WA_SEND_DURABLE && (at < 0 || s->repeat_at < at)) {
        at = s->repeat_at;
    }

    return at;
}


void
wa_send_watch(wa_account_t *a, const wa_send_t *s)
{
    wa_time_t    at;
    wa_sends_t  *ss;

    ss = a->sends;
    at = send_deadline(s);

    if (at < 0) {
        return;
    }

    if (ss->timer == NULL) {
        ss->timer = wa_task_new(a, "send timer", send_timer);

        if (ss->timer == NULL) {
            wa_log(a, WA_LOG_WARN, "no memory for a send timer");
            return;
        }

        (void) wa_task_sleep(ss->timer, at);
        return;
    }

    if (!ss->in_timer && !ss->timer->ready && at < ss->timer->deadline) {
        (void) wa_task_sleep(ss->timer, at);
    }
}


static void
send_timer(wa_task_t *t, wa_err_t rc)
{
    bool           resend;
    wa_time_t      at, next;
    wa_send_t     *s;
    wa_sends_t    *ss;
    wa_account_t  *a;

    a = t->account;
    ss = a->sends;
    ss->in_timer = true;
    resend = false;

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_WARN, "send timer: %s", wa_err_name(rc));
    }

    /* Handling one may remove others, so every search starts anew; what was
       handled is not due any more. */

    for (s = ss->head; s != NULL; /* void */) {

        at = send_deadline(s);

        if (at < 0 || at > a->now) {
            s = s->next;
            continue;
        }

        send_timer_entry(a, s, &resend);
        s = ss->head;
    }

    ss->in_timer = false;
    next = -1;

    for (s = ss->head; s != NULL; s = s->next) {
        at = send_deadline(s);

        if (at >= 0 && (next < 0 || at < next)) {
            next = at;
        }
    }

    if (next < 0) {
        ss->timer = NULL;
        wa_task_end(t, WA_OK);

    } else {
        (void) wa_task_sleep(t, next > a->now ? next : a->now + 1);
    }

    if (resend) {
        wa_send_repeat(a);
    }

    wa_send_next(a);
}


const char *
wa_send_failure(const wa_send_t *s)
{
    return s->idem != NULL && !s->idem->checked ? "OWNER_TIMEOUT"
                                                : "SEND_FAILED";
}


static void
send_timer_entry(wa_account_t *a, wa_send_t *s, bool *resend)
{
    switch (s->state) {

    case WA_SEND_QUEUED:

        if (s->typing_until != 0 && s->reply_at > a->now) {
            wa_typing_end(a, s);
            return;
        }

        wa_send_fail(a, s, wa_send_failure(s),
                     "The message was not sent in time", 0);
        return;

    case WA_SEND_PREPARING:

        /* Its task finds the mark and lets go of it. */

        s->asked = false;
        s->dropped = true;
        wa_account_reply(a, s->cmd_id, wa_send_failure(s),
                         "The message was not sent in time", NULL);
        return;

    case WA_SEND_COMMITTED:
        return;

    case WA_SEND_DURABLE:
        break;
    }

    if (s->asked && s->reply_at <= a->now) {
        wa_send_pending(a, s);
    }

    if (s->repeat_at > a->now) {
        return;
    }

    s->repeat_at = a->now + WA_SEND_REPEAT_MS;

    if (!wa_account_online(a)) {
        return;
    }

    if (s->attempts >= WA_SEND_ATTEMPTS_MAX) {
        wa_send_refuse(a, s, "SEND_FAILED",
                       "WhatsApp does not confirm the message", 0);
        return;
    }

    s->due = true;
    *resend = true;
}
