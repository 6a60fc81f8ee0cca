/*
 * Notifications about devices.  All of them begin alike:
 *
 *     notice_begin       a pair in the attributes is learnt
 *     notice_learnt      the person's other address
 *     notice_addressed   the device lists of both
 *     *_apply            one unit, with the ack of the stanza
 */
#include "wa_account_int.h"
#include "wa_device_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_notify.h"
#include "wa_privacy.h"
#include "wa_receipt.h"
#include "wa_signal.h"


typedef struct {
    wa_jid_t    user[2];                /* as named, and its other address */
    size_t      n;                      /* 0: of nobody                    */
    wa_task_pt  apply;
} notice_t;


static void notice_begin(wa_task_t *t, const wa_jid_t *user,
    wa_task_pt apply);
static void notice_learnt(wa_task_t *t, wa_err_t rc);
static void notice_addressed(wa_task_t *t, wa_err_t rc);
static void devices_apply(wa_task_t *t, wa_err_t rc);
static void devices_remove(wa_unit_t *u, const notice_t *d,
    wa_device_record_t *rec, const wa_node_t *list);
static wa_err_t devices_check(const notice_t *d,
    const wa_device_record_t *rec, const wa_node_t *change, bool *same);
static void own_apply(wa_task_t *t, wa_err_t rc);
static bool own_listed(const wa_node_t *list, uint16_t device);
static void identity_apply(wa_task_t *t, wa_err_t rc);
static void device_forget(wa_unit_t *u, const notice_t *d,
    const wa_device_t *device);
static void stanza_end(wa_task_t *t, wa_unit_t *u);


void
wa_device_notification(wa_task_t *t)
{
    wa_jid_t  from;

    from.server = WA_SERVER_NONE;
    (void) wa_node_attr_jid(t->stanza, "from", &from);
    notice_begin(t, &from, devices_apply);
}


void
wa_device_own_notification(wa_task_t *t)
{
    notice_begin(t, wa_account_self(t->account, WA_SERVER_PN), own_apply);
}


void
wa_identity_notification(wa_task_t *t)
{
    wa_jid_t  from;

    from.server = WA_SERVER_NONE;
    (void) wa_node_attr_jid(t->stanza, "from", &from);
    notice_begin(t, &from, identity_apply);
}


wa_err_t
wa_identity_event(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    json_t  *data;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    data = json_pack("{s:o, s:o}",
                     "jid", wa_json_jid(pn->server != WA_SERVER_NONE ? pn
                                                                     : lid),
                     "lid", wa_json_jid(lid));

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "identity.changed", data);
}


static void
notice_begin(wa_task_t *t, const wa_jid_t *user, wa_task_pt apply)
{
    wa_err_t   rc;
    wa_jid_t   lid;
    notice_t  *d;

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    d->apply = apply;
    t->data = d;
    t->resume = notice_learnt;
    rc = WA_OK;

    if (wa_jid_is_user(user)) {
        d->user[0] = wa_jid_person(user);
        d->n = 1;

        if (wa_jid_is_pn(user) && wa_node_attr_jid(t->stanza, "lid", &lid)
            && wa_jid_is_lid(&lid))
        {
            lid = wa_jid_person(&lid);
            rc = wa_lid_learn(t, &d->user[0], &lid);
        }
    }

    if (rc != WA_AGAIN) {
        notice_learnt(t, rc);
    }
}


/* What the pair was good for is done or failed: the rest goes on. */
static void
notice_learnt(wa_task_t *t, wa_err_t rc)
{
    wa_key_t   key;
    notice_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "device notification: pair not "
               "learnt: %s", wa_err_name(rc));
    }

    t->resume = notice_addressed;
    rc = WA_OK;

    if (d->n > 0) {
        rc = wa_lid_need(&d->user[0], &t->arena, &key) == 0
             ? WA_ERR_NOMEM : wa_task_need(t, &key, 1);
    }

    if (rc != WA_AGAIN) {
        notice_addressed(t, rc);
    }
}


static void
notice_addressed(wa_task_t *t, wa_err_t rc)
{
    size_t     i, n;
    wa_key_t   keys[2];
    notice_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (d->n == 1
        && (wa_lid_of(t->account, &d->user[0], &d->user[1])
            || wa_pn_of(t->account, &d->user[0], &d->user[1])))
    {
        d->n = 2;
    }

    n = 0;

    for (i = 0; i < d->n; i++) {
        n += wa_device_need(&d->user[i], &t->arena, keys + n);
    }

    t->resume = d->apply;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        d->apply(t, rc);
    }
}


/* ---- <notification type=devices from=user lid> ---- */

/*
 * <add>, <remove> or <update>, each with <device>s and the hash of what the
 * list is then.  Removed devices are taken out; new ones are not taken in,
 * since the list from the server comes with a signature.  So the list stays
 * only if its hash is as told.
 */
static void
devices_apply(wa_task_t *t, wa_err_t rc)
{
    bool                same;
    size_t              i;
    notice_t           *d;
    wa_unit_t          *u;
    const wa_node_t    *change, *removed;
    wa_device_record_t  rec;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);
    change = wa_node_first(t->stanza);
    removed = wa_node_child(t->stanza, "remove");
    same = false;

    for (i = 0; i < d->n && !same && u != NULL; i++) {

        if (!wa_device_record_get(t->account, &d->user[i], &rec)) {
            rec.n = 0;
        }

        devices_remove(u, d, &rec, removed);
        rc = devices_check(d, &rec, change, &same);

        if (rc == WA_OK && same) {
            rc = wa_device_record_put(u, &d->user[i], &rec);
        }

        if (rc != WA_OK) {
            wa_unit_fail(u, rc);
        }
    }

    if (!same && d->n > 0) {
        (void) wa_devices_forget(u, &d->user[0]);
    }

    stanza_end(t, u);
}


/* Out of the list and with their sessions, whether it was listed or not. */
static void
devices_remove(wa_unit_t *u, const notice_t *d, wa_device_record_t *rec,
    const wa_node_t *list)
{
    size_t            i;
    wa_jid_t          jid;
    wa_device_t       gone;
    const wa_node_t  *device;

    device = wa_node_child(list, "device");

    for ( /* void */ ; device != NULL;
         device = wa_node_sibling(device, "device"))
    {
        if ((!wa_node_attr_jid(device, "jid", &jid)
             && !wa_node_attr_jid(device, "lid", &jid))
            || jid.device == 0)
        {
            continue;
        }

        gone.id = jid.device;
        gone.hosted = wa_jid_is_hosted(&jid);

        for (i = 0; i < rec->n; i++) {

            if (rec->devices[i].id == jid.device) {
                gone.hosted = rec->devices[i].hosted;
                memmove(&rec->devices[i], &rec->devices[i + 1],
                        (rec->n - i - 1) * sizeof(rec->devices[0]));
                rec->n--;
                break;
            }
        }

        device_forget(u, d, &gone);
    }
}


/* *same: the list has the hash that the notification gives, over either
   address.  WA_ERR_NOMEM. */
static wa_err_t
devices_check(const notice_t *d, const wa_device_record_t *rec,
    const wa_node_t *change, bool *same)
{
    char       hash[WA_PHASH_LEN];
    size_t     i, j;
    wa_err_t   rc;
    wa_jid_t   all[WA_DEVICES_PER_USER];
    wa_span_t  told[2];

    *same = false;
    told[0] = wa_node_attr(change, "device_hash");
    told[1] = wa_node_attr(change, "device_lid_hash");

    for (i = 0; i < d->n && rec->n > 0; i++) {

        for (j = 0; j < rec->n; j++) {
            all[j] = wa_jid_with_device(&d->user[i], rec->devices[j].id);

            if (rec->devices[j].hosted) {
                all[j].server = wa_jid_is_pn(&all[j]) ? WA_SERVER_HOSTED
                                                      : WA_SERVER_HOSTED_LID;
            }
        }

        rc = wa_devices_phash(all, rec->n, hash);

        if (rc != WA_OK) {
            return rc;
        }

        if (wa_span_eq_str(told[0], hash) || wa_span_eq_str(told[1], hash)) {
            *same = true;
        }
    }

    return WA_OK;
}


/* ---- <notification type=account_sync><devices dhash><device jid/>.. ---- */

/* All devices of ours: sessions of those that are gone, and the list. */
static void
own_apply(wa_task_t *t, wa_err_t rc)
{
    size_t              i, j;
    notice_t           *d;
    wa_unit_t          *u;
    const wa_node_t    *list;
    wa_device_record_t  rec;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);
    list = wa_node_child(t->stanza, "devices");

    for (i = 0; i < d->n; i++) {

        if (wa_node_child(list, "device") == NULL
            || !wa_device_record_get(t->account, &d->user[i], &rec))
        {
            continue;
        }

        for (j = 0; j < rec.n; j++) {

            if (rec.devices[j].id != 0
                && !own_listed(list, rec.devices[j].id))
            {
                device_forget(u, d, &rec.devices[j]);
            }
        }
    }

    if (d->n > 0) {
        (void) wa_devices_forget(u, &d->user[0]);
    }

    wa_notify_account(t, u, "devices");
}


static bool
own_listed(const wa_node_t *list, uint16_t device)
{
    wa_jid_t          jid;
    const wa_node_t  *node;

    node = wa_node_child(list, "device");

    for ( /* void */ ; node != NULL; node = wa_node_sibling(node, "device")) {

        if (wa_node_attr_jid(node, "jid", &jid) && jid.device == device) {
            return true;
        }
    }

    return false;
}


/* ---- <notification type=encrypt from=user><identity/> ---- */

/* Both addresses and every known device: none may keep an old session. */
static void
identity_apply(wa_task_t *t, wa_err_t rc)
{
    size_t               i, j;
    notice_t            *d;
    wa_unit_t           *u;
    wa_device_t          primary;
    wa_account_t        *a;
    wa_device_record_t   rec;

    a = t->account;
    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(a);
    primary.id = 0;
    primary.hosted = false;

    if (d->n > 0) {
        device_forget(u, d, &primary);
    }

    for (i = 0; i < d->n; i++) {

        if (!wa_device_record_get(a, &d->user[i], &rec)) {
            continue;
        }

        for (j = 0; j < rec.n; j++) {
            device_forget(u, d, &rec.devices[j]);
        }
    }

    if (d->n > 0) {
        (void) wa_devices_forget(u, &d->user[0]);
    }

    if (d->n > 0 && !wa_account_is_self(a, &d->user[0])) {
        i = (d->n == 2 && wa_jid_is_lid(&d->user[0])) ? 1 : 0;
        (void) wa_identity_event(u, &d->user[i],
                                 wa_jid_is_lid(&d->user[0]) ? &d->user[0]
                                                            : &d->user[1]);
        wa_privacy_reissue(a, wa_jid_is_lid(&d->user[0]) || d->n == 1
                              ? &d->user[0] : &d->user[1]);
    }

    stanza_end(t, u);
}


/* ---- both ---- */

static void
device_forget(wa_unit_t *u, const notice_t *d, const wa_device_t *device)
{
    size_t    i;
    wa_jid_t  jid;

    for (i = 0; i < d->n; i++) {
        jid = wa_jid_with_device(&d->user[i], device->id);

        if (device->hosted) {
            jid.server = wa_jid_is_pn(&jid) ? WA_SERVER_HOSTED
                                            : WA_SERVER_HOSTED_LID;
        }

        (void) wa_signal_forget(u, &jid);
    }
}


/* The serial task need not wait: its ack is held by the unit. */
static void
stanza_end(wa_task_t *t, wa_unit_t *u)
{
    wa_err_t  rc;

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "notification not handled: %s",
               wa_err_name(rc));
    }

    wa_task_end(t, rc);
}
