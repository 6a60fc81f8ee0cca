/*
 * Device list records and the notifications that end them.
 *
 * Record dev/<user@server>:  u8 version, u32 u32 fetched (unix s), u16 count,
 * count x { u16 id, u8 flags }.
 */
#include <stdio.h>

#include "wa_account_int.h"
#include "wa_device_int.h"
#include "wa_lid.h"
#include "wa_rd.h"
#include "wa_receipt.h"
#include "wa_signal.h"
#include "wa_wr.h"


#define DEVICE_VERSION   1
#define DEVICE_HOSTED    0x01
#define DEVICE_NAME_LEN  (WA_JID_TEXT_MAX + 5)


/* State of the identity notification. */
typedef struct {
    wa_jid_t  user[2];                  /* as named, and its other address */
    size_t    n;
} identity_task_t;


static bool device_name(const wa_jid_t *jid, char *buf);
static bool device_decode(wa_span_t in, wa_device_record_t *rec);
static void notice_apply(wa_task_t *t, wa_err_t rc);
static void notice_drop_sessions(wa_unit_t *u, const wa_node_t *remove);
static void identity_lists(wa_task_t *t, wa_err_t rc);
static void identity_apply(wa_task_t *t, wa_err_t rc);
static void stanza_end(wa_task_t *t, wa_unit_t *u);


size_t
wa_device_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    char       name[DEVICE_NAME_LEN];
    wa_span_t  text;

    if (!device_name(jid, name)
        || wa_arena_dup_span(arena, wa_span_str(name), &text) != WA_OK)
    {
        return 0;
    }

    keys[0] = (wa_key_t) { text, 0 };

    return 1;
}


bool
wa_device_record_get(wa_account_t *a, const wa_jid_t *jid,
    wa_device_record_t *rec)
{
    char       name[DEVICE_NAME_LEN];
    wa_span_t  value;

    return device_name(jid, name)
           && wa_record_get(a, name, 0, &value) == WA_OK && value.p != NULL
           && device_decode(value, rec);
}


wa_err_t
wa_device_record_put(wa_unit_t *u, const wa_jid_t *jid,
    const wa_device_record_t *rec)
{
    char      name[DEVICE_NAME_LEN];
    size_t    i;
    wa_wr_t   w;
    wa_buf_t  buf = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (!device_name(jid, name)) {
        return WA_ERR_ARG;
    }

    wa_wr_init(&w, &buf, WA_RECORD_VALUE_MAX);
    wa_wr_u8(&w, DEVICE_VERSION);
    wa_wr_u32(&w, (uint32_t) ((uint64_t) rec->fetched_s >> 32));
    wa_wr_u32(&w, (uint32_t) (uint64_t) rec->fetched_s);
    wa_wr_u16(&w, (uint16_t) rec->n);

    for (i = 0; i < rec->n; i++) {
        wa_wr_u16(&w, rec->devices[i].id);
        wa_wr_u8(&w, rec->devices[i].hosted ? DEVICE_HOSTED : 0);
    }

    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&buf));
    }

    wa_buf_free(&buf);

    return rc;
}


/* A record this version cannot read counts as none: it is asked for. */
static bool
device_decode(wa_span_t in, wa_device_record_t *rec)
{
    size_t    i;
    uint8_t   version, flags;
    wa_rd_t   r;
    uint16_t  n, id;
    uint32_t  high, low;

    r = wa_rd(in);

    if (!wa_rd_u8(&r, &version) || version != DEVICE_VERSION
        || !wa_rd_u32(&r, &high) || !wa_rd_u32(&r, &low)
        || !wa_rd_u16(&r, &n) || n > WA_DEVICES_PER_USER
        || wa_rd_left(&r) != (size_t) n * 3)
    {
        return false;
    }

    rec->fetched_s = (int64_t) ((uint64_t) high << 32 | low);
    rec->n = n;

    for (i = 0; i < n; i++) {

        if (!wa_rd_u16(&r, &id) || !wa_rd_u8(&r, &flags)) {
            return false;
        }

        rec->devices[i].id = id;
        rec->devices[i].hosted = (flags & DEVICE_HOSTED) != 0;
    }

    return true;
}


wa_err_t
wa_device_record_move(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    char                name[DEVICE_NAME_LEN];
    wa_err_t            rc;
    wa_account_t       *a;
    wa_device_record_t  rec, there;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);

    if (!wa_device_record_get(a, pn, &rec)) {
        return WA_OK;
    }

    rc = WA_OK;

    if (!wa_device_record_get(a, lid, &there)) {
        rc = wa_device_record_put(u, lid, &rec);
    }

    if (rc == WA_OK && device_name(pn, name)) {
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


wa_err_t
wa_devices_forget(wa_unit_t *u, const wa_jid_t *user)
{
    char      name[DEVICE_NAME_LEN];
    wa_err_t  rc;
    wa_jid_t  other;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!device_name(user, name)) {
        return WA_ERR_ARG;
    }

    rc = wa_unit_del(u, name, 0);

    if (rc == WA_OK
        && (wa_lid_of(wa_unit_account(u), user, &other)
            || wa_pn_of(wa_unit_account(u), user, &other))
        && device_name(&other, name))
    {
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


wa_err_t
wa_devices_phash(const wa_jid_t *devices, size_t n, char out[WA_PHASH_LEN])
{
    return wa_phash(devices, n, out);
}


/* The list is the user's, so hosted devices share the record. */
static bool
device_name(const wa_jid_t *jid, char *buf)
{
    if (!wa_jid_is_user(jid)) {
        return false;
    }

    snprintf(buf, DEVICE_NAME_LEN, "dev/%s@%s", jid->user,
             wa_server_name(wa_jid_is_pn(jid) ? WA_SERVER_PN
                                              : WA_SERVER_LID));

    return true;
}


/* ---- <notification type=devices from=user lid> ---- */

void
wa_device_notification(wa_task_t *t)
{
    wa_err_t  rc;
    wa_jid_t  from, lid;

    t->resume = notice_apply;
    rc = WA_OK;

    if (wa_node_attr_jid(t->stanza, "from", &from) && wa_jid_is_pn(&from)
        && wa_node_attr_jid(t->stanza, "lid", &lid) && wa_jid_is_lid(&lid))
    {
        from = wa_jid_bare(&from);
        lid = wa_jid_bare(&lid);
        rc = wa_lid_learn(t, &from, &lid);
    }

    if (rc != WA_AGAIN) {
        notice_apply(t, rc);
    }
}


/* What the pair was good for is done or failed: the list goes either way. */
static void
notice_apply(wa_task_t *t, wa_err_t rc)
{
    wa_jid_t    from, lid;
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "device notification: pair not "
               "learnt: %s", wa_err_name(rc));
    }

    u = wa_unit_new(t->account);

    if (wa_node_attr_jid(t->stanza, "from", &from)
        && wa_jid_is_user(&from))
    {
        (void) wa_devices_forget(u, &from);
    }

    if (wa_node_attr_jid(t->stanza, "lid", &lid) && wa_jid_is_user(&lid)) {
        (void) wa_devices_forget(u, &lid);
    }

    notice_drop_sessions(u, wa_node_child(t->stanza, "remove"));
    stanza_end(t, u);
}


static void
notice_drop_sessions(wa_unit_t *u, const wa_node_t *removed)
{
    wa_jid_t          jid;
    const wa_node_t  *device;

    device = wa_node_child(removed, "device");

    for ( /* void */ ; device != NULL;
         device = wa_node_sibling(device, "device"))
    {
        if (wa_node_attr_jid(device, "jid", &jid) && jid.device != 0) {
            (void) wa_signal_session_drop(u, &jid);
        }

        if (wa_node_attr_jid(device, "lid", &jid) && jid.device != 0) {
            (void) wa_signal_session_drop(u, &jid);
        }
    }
}


/* ---- <notification type=encrypt from=user><identity/> ---- */

void
wa_identity_notification(wa_task_t *t)
{
    wa_err_t          rc;
    wa_key_t          key;
    identity_task_t  *d;

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = d;
    t->resume = identity_lists;
    rc = WA_OK;

    if (wa_node_attr_jid(t->stanza, "from", &d->user[0])
        && wa_jid_is_user(&d->user[0]))
    {
        d->n = 1;
        d->user[0] = wa_jid_bare(&d->user[0]);
        rc = wa_lid_need(&d->user[0], &t->arena, &key) == 0
             ? WA_ERR_NOMEM : wa_task_need(t, &key, 1);
    }

    if (rc != WA_AGAIN) {
        identity_lists(t, rc);
    }
}


static void
identity_lists(wa_task_t *t, wa_err_t rc)
{
    size_t            i, n;
    wa_key_t          keys[2];
    identity_task_t  *d;

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

    t->resume = identity_apply;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        identity_apply(t, rc);
    }
}


/* Both addresses and every known device: none may keep an old session. */
static void
identity_apply(wa_task_t *t, wa_err_t rc)
{
    size_t              i, j, k;
    wa_jid_t            jid;
    wa_unit_t          *u;
    identity_task_t    *d;
    wa_device_record_t  rec;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    for (i = 0; i < d->n; i++) {
        (void) wa_signal_forget(u, &d->user[i]);

        if (!wa_device_record_get(t->account, &d->user[i], &rec)) {
            continue;
        }

        for (j = 0; j < rec.n; j++) {
            for (k = 0; k < d->n; k++) {
                jid = wa_jid_with_device(&d->user[k], rec.devices[j].id);
                (void) wa_signal_forget(u, &jid);
            }
        }
    }

    if (d->n > 0) {
        (void) wa_devices_forget(u, &d->user[0]);
    }

    stanza_end(t, u);
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
