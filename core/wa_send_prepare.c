/*
 * One queued send -> unit with the stanza.
 *
 *     prepare_begin      records that name addresses, repeats and quotes
 *     prepare_known      a key or client's own id seen before?  then who has
 *                        which devices
 *     prepare_devices    session records of all of them
 *     prepare_sessions   bundles for those without a session
 *     prepare_ready      one unit: sessions, out/, pend/, pending, stanza
 *                        (wa_prepare.c)
 *     prepare_durable    the stanza left; the task ends
 *
 * The next send starts as soon as the unit is handed over.
 */
#include "wa_alive_throttle.h"
#include "wa_bundle.h"
#include "wa_expiry.h"
#include "wa_group.h"
#include "wa_group_send.h"
#include "wa_lid.h"
#include "wa_newsletter_send.h"
#include "wa_pb.h"
#include "wa_prepare.h"
#include "wa_privacy.h"
#include "wa_send.h"
#include "wa_send_seal.h"
#include "wa_send_typing.h"
#include "wa_signal.h"
#include "wa_status.h"


static void prepare_begin(wa_task_t *t, wa_err_t rc);
static wa_err_t prepare_begin_keys(wa_task_t *t, wa_prepare_t *p);
static void prepare_known(wa_task_t *t, wa_err_t rc);
static size_t prepare_mention_keys(wa_task_t *t, const wa_send_t *s,
    wa_key_t *keys);
static bool prepare_ask_group(wa_task_t *t, wa_prepare_t *p);
static void prepare_user(wa_task_t *t, wa_prepare_t *p);
static void prepare_others(wa_task_t *t, wa_prepare_t *p);
static bool prepare_seen_before(wa_task_t *t, wa_prepare_t *p);
static void prepare_users(wa_account_t *a, wa_prepare_t *p);
static void prepare_devices(wa_task_t *t, wa_err_t rc);
static bool prepare_addresses(wa_task_t *t, wa_prepare_t *p);
static void prepare_refused(wa_task_t *t, const char *code,
    const char *message, unsigned provider_code);
static void prepare_sessions(wa_task_t *t, wa_err_t rc);
static wa_err_t prepare_find_missing(wa_task_t *t, wa_prepare_t *p);
static void prepare_fetched(wa_task_t *t, wa_err_t rc);
static wa_err_t prepare_need_sessions(wa_task_t *t, wa_prepare_t *p);
static void prepare_ready(wa_task_t *t, wa_err_t rc);
static void prepare_durable(wa_task_t *t, wa_err_t rc);


void
wa_send_prepare(wa_account_t *a, wa_send_t *s)
{
    wa_prepare_t  *p;
    wa_task_t  *t;

    t = wa_task_new(a, "send", prepare_begin);

    if (t == NULL) {
        wa_send_fail(a, s, "INTERNAL_ERROR", "Out of memory", 0);
        return;
    }

    p = wa_arena_calloc(&t->arena, 1, sizeof(wa_prepare_t));

    if (p == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        wa_send_fail(a, s, "INTERNAL_ERROR", "Out of memory", 0);
        return;
    }

    p->send = s;
    t->data = p;
    wa_task_ready(t, WA_OK);
}


static void
prepare_begin(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    t->resume = prepare_known;
    rc = prepare_begin_keys(t, t->data);

    if (rc != WA_AGAIN) {
        prepare_known(t, rc);
    }
}


static wa_err_t
prepare_begin_keys(wa_task_t *t, wa_prepare_t *p)
{
    size_t      i, n;
    uint32_t    today;
    wa_err_t    rc;
    wa_key_t   *keys;
    wa_send_t  *s;

    s = p->send;
    n = (s->draft == NULL) ? 0 : s->draft->n_mentions;
    keys = wa_arena_calloc(&t->arena,
                           WA_LID_KEYS * (n + 1) + 1 + WA_IDEM_KEYS
                           + 3 * WA_BUCKET_DAYS + WA_SEAL_KEYS,
                           sizeof(wa_key_t));
    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    today = wa_day(wa_unix_s(t->account));
    n = s->to.server == WA_SERVER_NONE
        ? 0 : wa_lid_need(&s->to, &t->arena, keys);

    if (wa_jid_is_group(&s->to)
        ? wa_group_need(&s->to, &t->arena, keys + n)
        : wa_expiry_need(&s->to, &t->arena, keys + n))
    {
        n++;
    }

    n += wa_idem_need(t->account, s, keys + n);
    n += prepare_mention_keys(t, s, keys + n);
    n += p->seal ? wa_seal_need(t, s, keys + n) : 0;

    if (s->client_id != NULL) {
        rc = wa_client_id_name(s->client_id, p->cid);
        if (rc != WA_OK) {
            return rc;
        }
    }

    if (s->draft != NULL) {
        (void) wa_sent_name("out/", s->draft->quoted.id, p->quoted);
        (void) wa_sent_name("out/", s->draft->target.id, p->target);
    }

    for (i = 0; i < WA_BUCKET_DAYS && i < today; i++) {

        if (p->cid[0] != '\0') {
            keys[n].name = wa_span_str(p->cid);
            keys[n++].day = today - (uint32_t) i;
        }

        if (p->quoted[0] != '\0') {
            keys[n].name = wa_span_str(p->quoted);
            keys[n++].day = today - (uint32_t) i;
        }

        if (p->target[0] != '\0') {
            keys[n].name = wa_span_str(p->target);
            keys[n++].day = today - (uint32_t) i;
        }
    }

    return wa_task_need(t, keys, n);
}


/* Their other addresses: a group names its members in one way. */
static size_t
prepare_mention_keys(wa_task_t *t, const wa_send_t *s, wa_key_t *keys)
{
    size_t  i, n;

    if (s->draft == NULL || !wa_jid_is_group(&s->to)) {
        return 0;
    }

    n = 0;

    for (i = 0; i < s->draft->n_mentions; i++) {
        n += wa_lid_need(&s->draft->mentions[i], &t->arena, keys + n);
    }

    return n;
}


static void
prepare_known(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;
    wa_prepare_t  *p;

    p = t->data;

    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    if (prepare_seen_before(t, p)) {
        return;
    }

    if (wa_account_state(t->account) != WA_STATE_READY) {
        wa_prepare_failed(t, WA_ERR_GONE);
        return;
    }

    if (prepare_ask_group(t, p)) {
        return;
    }

    if (!p->seal && wa_seal_wants(t, p->send)) {
        p->seal = true;
        prepare_begin(t, WA_OK);
        return;
    }

    if (wa_typing_start(t->account, p->send)) {
        a = t->account;
        wa_task_end(t, WA_OK);
        wa_send_next(a);
        return;
    }

    switch (wa_send_target(&p->send->to)) {

    case WA_TARGET_USER:
        prepare_user(t, p);
        break;

    case WA_TARGET_GROUP:
    case WA_TARGET_STATUS:
    case WA_TARGET_NEWSLETTER:
        prepare_others(t, p);
        break;

    default:
        wa_prepare_failed(t, WA_ERR_ARG);
    }
}


/* How people are named in it is said in the message already.  True: it comes
   back to prepare_begin(). */
static bool
prepare_ask_group(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t  rc;

    if (p->asked || !wa_jid_is_group(&p->send->to)
        || wa_group_known(t->account, &p->send->to))
    {
        return false;
    }

    p->asked = true;
    t->resume = prepare_begin;
    rc = wa_group_resolve(t, &p->send->to, false, NULL);

    if (rc != WA_AGAIN) {
        prepare_begin(t, rc);
    }

    return true;
}


static void
prepare_user(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t  rc;

    /* What is referred to is used up here, its records may leave memory
       later. */

    rc = wa_prepare_message(t, p);

    if (rc != WA_OK) {
        wa_prepare_failed(t, rc);
        return;
    }

    wa_prepare_resolve(t, p);
}


void
wa_prepare_resolve(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t  rc;

    if (wa_jid_is_group(&p->send->to)) {
        wa_group_prepare(t, p, prepare_ready);
        return;
    }

    prepare_users(t->account, p);

    t->resume = prepare_devices;
    rc = wa_devices_resolve(t, p->users, p->n_users, &p->list);

    if (rc != WA_AGAIN) {
        prepare_devices(t, rc);
    }
}


/* Who is meant is found there. */
static void
prepare_others(wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t  rc;

    p->chat = wa_jid_bare(&p->send->to);
    rc = wa_prepare_message(t, p);

    if (rc != WA_OK) {
        wa_prepare_failed(t, rc);
        return;
    }

    if (wa_jid_is_newsletter(&p->chat)) {
        wa_newsletter_prepare(t, p, prepare_ready);
        return;
    }

    if (wa_jid_is_status(&p->chat)) {
        wa_status_prepare(t, p, prepare_ready);
        return;
    }

    wa_group_prepare(t, p, prepare_ready);
}


/* Of its key, or of a client's own id: nothing is sent. */
static bool
prepare_seen_before(wa_task_t *t, wa_prepare_t *p)
{
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    s = p->send;

    if (!wa_idem_known(t, s) && !wa_client_id_known(t, s, p->cid)) {
        return false;
    }

    wa_task_end(t, WA_OK);
    wa_send_remove(a, s);
    wa_send_next(a);

    return true;
}


/* Ourselves by LID when we have one: our other devices get copies. */
static void
prepare_users(wa_account_t *a, wa_prepare_t *p)
{
    wa_jid_t   self;
    wa_send_t  *s;

    s = p->send;

    self = wa_jid_bare(wa_account_self(a, WA_SERVER_LID));

    if (self.server == WA_SERVER_NONE) {
        self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    }

    p->self = wa_jid_eq_bare(&s->to, wa_account_self(a, WA_SERVER_PN))
              || wa_jid_eq_bare(&s->to, wa_account_self(a, WA_SERVER_LID));

    p->n_users = 0;
    p->users[p->n_users++] = s->to;

    wa_lid_prefer(a, &p->users[0]);

    if (!p->self) {
        p->users[p->n_users++] = self;

    } else {
        p->users[0] = self;
    }
}


static void
prepare_devices(wa_task_t *t, wa_err_t rc)
{
    wa_prepare_t  *p;

    p = t->data;

    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    if (!prepare_addresses(t, p)) {
        return;
    }

    t->resume = prepare_sessions;
    rc = prepare_need_sessions(t, p);

    if (rc != WA_AGAIN) {
        prepare_sessions(t, rc);
    }
}


/* Both addresses of the chat; false: failed, the task has ended. */
static bool
prepare_addresses(wa_task_t *t, wa_prepare_t *p)
{
    wa_send_t          *s;
    wa_account_t       *a;
    wa_device_user_t   *user;

    a = t->account;
    s = p->send;
    user = &p->list.users[0];

    if (p->again
        && (user->jid.server == WA_SERVER_NONE || (user->n == 0 && !p->self)))
    {
        wa_prepare_failed(t, WA_ERR_NO_SESSION);
        return false;
    }

    if (user->jid.server == WA_SERVER_NONE || (user->n == 0 && !p->self)) {
        prepare_refused(t, "SEND_FAILED", "The recipient is not on WhatsApp",
                        404);
        return false;
    }

    p->chat = wa_jid_bare(&user->jid);

    if (wa_jid_is_lid(&p->chat)) {
        s->lid = p->chat;
        s->pn = s->to;

        if (wa_jid_is_lid(&s->to) && !wa_pn_of(a, &s->to, &s->pn)) {
            s->pn.server = WA_SERVER_NONE;
        }

    } else {
        s->pn = p->chat;
    }

    return true;
}


static wa_err_t
prepare_need_sessions(wa_task_t *t, wa_prepare_t *p)
{
    size_t     i, n;
    wa_key_t  *keys;

    if (p->list.n_devices == 0) {
        return WA_OK;
    }

    keys = wa_arena_calloc(&t->arena, p->list.n_devices * WA_SIGNAL_KEYS
                                      + WA_PRIVACY_KEYS + WA_LID_KEYS,
                           sizeof(wa_key_t));
    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    n = wa_privacy_need(&p->chat, &t->arena, keys);
    n += wa_lid_need(&p->chat, &t->arena, keys + n);

    for (i = 0; i < p->list.n_devices; i++) {
        n += wa_signal_need(&p->list.devices[i], &t->arena, keys + n);
    }

    return wa_task_need(t, keys, n);
}


static void
prepare_sessions(wa_task_t *t, wa_err_t rc)
{
    wa_prepare_t  *p;

    p = t->data;

    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    rc = prepare_find_missing(t, p);

    if (rc != WA_OK) {
        wa_prepare_failed(t, rc);
        return;
    }

    if (p->n_missing == 0) {
        prepare_ready(t, WA_OK);
        return;
    }

    t->resume = prepare_fetched;
    rc = wa_bundle_fetch(t, p->missing, p->n_missing, p->results);

    if (rc != WA_AGAIN) {
        prepare_fetched(t, rc);
    }
}


static wa_err_t
prepare_find_missing(wa_task_t *t, wa_prepare_t *p)
{
    size_t            i;
    const wa_jid_t   *d;

    if (p->list.n_devices == 0) {
        return WA_OK;
    }

    p->missing = wa_arena_calloc(&t->arena, p->list.n_devices,
                                 sizeof(wa_jid_t));
    p->results = wa_arena_calloc(&t->arena, p->list.n_devices,
                                 sizeof(wa_err_t));

    if (p->missing == NULL || p->results == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < p->list.n_devices; i++) {
        d = &p->list.devices[i];

        if (!wa_signal_has_session(t->account, d)) {
            p->missing[p->n_missing++] = *d;
        }
    }

    return WA_OK;
}


static void
prepare_fetched(wa_task_t *t, wa_err_t rc)
{
    size_t      i;
    wa_prepare_t  *p;

    p = t->data;

    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    for (i = 0; i < p->n_missing; i++) {

        if (p->results[i] != WA_OK) {
            wa_log(t->account, WA_LOG_INFO, "a device is left out: %s",
                   wa_err_name(p->results[i]));
        }
    }

    t->resume = prepare_ready;
    rc = prepare_need_sessions(t, p);

    if (rc != WA_AGAIN) {
        prepare_ready(t, rc);
    }
}


static void
prepare_ready(wa_task_t *t, wa_err_t rc)
{
    json_t         *data;
    wa_prepare_t      *p;
    wa_send_t      *s;
    wa_unit_t      *u;
    wa_sends_t     *ss;
    wa_account_t   *a;

    a = t->account;
    ss = a->sends;
    p = t->data;
    s = p->send;

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc != WA_OK || wa_prepare_dropped(t)) {
        wa_prepare_failed(t, rc);
        return;
    }

    u = wa_unit_new(a);

    if (p->again) {
        wa_prepare_again_ready(t, u);
        return;
    }

    /* From here on it counts as unacked: record "pending" lists it. */

    s->state = WA_SEND_COMMITTED;
    rc = wa_prepare_unit(u, t, p);

    if (rc == WA_OK && s->asked && s->wait_none) {
        data = wa_send_result(a, s, "PENDING");
        rc = data == NULL ? WA_ERR_NOMEM
                          : wa_unit_reply(u, s->cmd_id, NULL, NULL, data);
    }

    if (rc != WA_OK) {
        s->state = WA_SEND_PREPARING;
        wa_unit_drop(u);
        wa_prepare_failed(t, rc);
        return;
    }

    t->resume = prepare_durable;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        s->state = WA_SEND_PREPARING;
        wa_prepare_failed(t, rc);
        return;
    }

    s->asked = s->asked && !s->wait_none;
    wa_draft_free(s->draft);
    s->draft = NULL;
    ss->preparing = false;
    ss->unacked++;

    wa_send_next(a);
}


/* Confirmed: the stanza was let go, unless the connection it was made for
   had ended by then. */
static void
prepare_durable(wa_task_t *t, wa_err_t rc)
{
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    s = ((wa_prepare_t *) t->data)->send;

    wa_task_end(t, rc);

    if (s->dropped) {
        wa_send_remove(a, s);
        return;
    }

    s->state = WA_SEND_DURABLE;
    s->attempts = 1;
    s->repeat_at = a->now + WA_SEND_REPEAT_MS;

    if (a->quiesced && s->asked) {
        wa_send_pending(a, s);
    }

    wa_send_watch(a, s);

    if (s->due) {
        wa_send_repeat(a);
    }
}


/* Ends the task, answers the command, lets the next one in. */
void
wa_prepare_failed(wa_task_t *t, wa_err_t rc)
{
    bool                       rate;
    wa_send_t                 *s;
    wa_account_t              *a;
    const wa_compose_error_t  *e;

    if (((wa_prepare_t *) t->data)->again) {
        wa_prepare_again_failed(t, rc);
        return;
    }

    a = t->account;
    s = ((wa_prepare_t *) t->data)->send;

    wa_log(a, WA_LOG_INFO, "message is not sent: %s",
           s->dropped ? "out of time" : wa_err_name(rc));

    if (rc == WA_ERR_REFUSED) {
        rate = (t->iq_code == WA_CODE_RATE);
        prepare_refused(t, rate ? "WHATSAPP_RATE_LIMIT" : "SEND_FAILED",
                        rate ? "WhatsApp asks for fewer queries: try later"
                        : "WhatsApp refused to tell about the recipient",
                        t->iq_code);
        return;
    }

    wa_task_end(t, rc);

    e = s->draft == NULL ? NULL : &s->draft->error;

    if (rc == WA_ERR_ARG && e != NULL && e->code != NULL) {
        wa_send_fail(a, s, e->code, e->message, 0);
        return;
    }

    switch (rc) {

    case WA_OK:
        wa_send_fail(a, s, "SEND_FAILED",
                     "The message was not sent in time", 0);
        break;

    case WA_ERR_GONE:
        wa_send_not_ready(a, s);
        wa_send_next(a);
        break;

    case WA_ERR_TIMEOUT:
        wa_send_fail(a, s, "SEND_FAILED", "WhatsApp does not answer", 0);
        break;

    case WA_ERR_NOMEM:
        wa_send_fail(a, s, "INTERNAL_ERROR", "Out of memory", 0);
        break;

    default:
        wa_send_fail(a, s, "SEND_FAILED",
                     "No device of the recipient can be encrypted for", 0);
    }
}


/*
 * WhatsApp's word before anything left.  It is told and kept like a refusal
 * of the message itself, which therefore has to be there.  Ends the task.
 */
static void
prepare_refused(wa_task_t *t, const char *code, const char *message,
    unsigned provider_code)
{
    wa_err_t       rc;
    wa_send_t     *s;
    wa_account_t  *a;

    a = t->account;
    s = ((wa_prepare_t *) t->data)->send;
    rc = s->dropped ? WA_ERR_GONE : WA_OK;

    if (rc == WA_OK && s->message.n == 0) {
        rc = wa_prepare_message(t, t->data);
    }

    wa_task_end(t, WA_OK);

    if (rc != WA_OK) {
        wa_send_fail(a, s, code, message, provider_code);
        return;
    }

    wa_typing_paused(a, s);
    wa_send_refuse(a, s, code, message, provider_code);
}


/* One that is made anew may be settled and freed meanwhile. */
bool
wa_prepare_dropped(wa_task_t *t)
{
    wa_prepare_t  *p;

    p = t->data;

    if (p->again
        && wa_send_find(t->account, wa_span_str(p->id)) != p->send)
    {
        return true;
    }

    return p->send->dropped;
}
