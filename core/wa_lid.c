/*
 * The PN <-> LID pairs and the move of a person's sessions from PN to LID.
 */
#include <stdio.h>

#include "wa_account_int.h"
#include "wa_device.h"
#include "wa_device_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_signal.h"


#define LID_NAME_LEN     (WA_JID_USER_MAX + 8)
#define LID_DEVICES_MAX  (2 * WA_DEVICES_PER_USER + 3)

/* Content of pn/<lid user>: the number is not known, a chat is. */
#define LID_SHOWN        "?"


typedef struct {
    wa_jid_t   pn;                      /* with the device part given      */
    wa_jid_t   lid;
    wa_jid_t  *out;                     /* wa_lid_resolve(): the parent's  */
    uint16_t   devices[LID_DEVICES_MAX];
    size_t     n_devices;
    wa_device_list_t  list;
} lid_task_t;


static bool lid_name(const wa_jid_t *jid, char *buf);
static bool lid_own(const wa_account_t *a, const wa_jid_t *jid,
    wa_jid_t *other);
static bool lid_other(wa_account_t *a, const wa_jid_t *jid,
    wa_jid_t *other);
static bool lid_known(wa_account_t *a, const wa_jid_t *pn,
    const wa_jid_t *lid);
static wa_err_t lid_merged(wa_unit_t *u, const wa_jid_t *pn,
    const wa_jid_t *lid);
static wa_err_t lid_del_stale(wa_unit_t *u, const wa_jid_t *jid,
    const wa_jid_t *other);
static wa_err_t lid_need_pair(wa_task_t *t);
static void learn_pair(wa_task_t *t, wa_err_t rc);
static void learn_devices(wa_task_t *t, wa_err_t rc);
static void learn_move(wa_task_t *t, wa_err_t rc);
static void learn_add(lid_task_t *d, uint16_t device);
static void learn_add_record(wa_task_t *t, const wa_jid_t *jid);
static void resolve_known(wa_task_t *t, wa_err_t rc);
static void resolve_asked(wa_task_t *t, wa_err_t rc);


size_t
wa_lid_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    char       name[LID_NAME_LEN];
    wa_span_t  text;

    if (!lid_name(jid, name)
        || wa_arena_dup_span(arena, wa_span_str(name), &text) != WA_OK)
    {
        return 0;
    }

    keys[0] = (wa_key_t) { text, 0 };

    return WA_LID_KEYS;
}


bool
wa_lid_of(wa_account_t *a, const wa_jid_t *pn, wa_jid_t *lid)
{
    return wa_jid_is_pn(pn) && lid_other(a, pn, lid);
}


bool
wa_pn_of(wa_account_t *a, const wa_jid_t *lid, wa_jid_t *pn)
{
    return wa_jid_is_lid(lid) && lid_other(a, lid, pn);
}


void
wa_lid_prefer(wa_account_t *a, wa_jid_t *jid)
{
    wa_jid_t  lid;

    if (wa_lid_of(a, jid, &lid)) {
        *jid = lid;
    }
}


/* Record of a pair: lid/<pn user> or pn/<lid user>. */
static bool
lid_name(const wa_jid_t *jid, char *buf)
{
    if (!wa_jid_is_user(jid)) {
        return false;
    }

    snprintf(buf, LID_NAME_LEN, "%s/%s", wa_jid_is_pn(jid) ? "lid" : "pn",
             jid->user);

    return true;
}


/* jid's device at another user: the server keeps its hosted kind. */
static bool
lid_make(const wa_jid_t *jid, wa_span_t user, wa_jid_t *other)
{
    wa_server_e  server;

    switch (jid->server) {

    case WA_SERVER_PN:
        server = WA_SERVER_LID;
        break;

    case WA_SERVER_LID:
        server = WA_SERVER_PN;
        break;

    case WA_SERVER_HOSTED:
        server = WA_SERVER_HOSTED_LID;
        break;

    default:
        server = WA_SERVER_HOSTED;
        break;
    }

    return wa_jid_make(other, user, server, jid->device) == WA_OK;
}


static bool
lid_own(const wa_account_t *a, const wa_jid_t *jid, wa_jid_t *other)
{
    const wa_jid_t  *own, *twin;

    if (a->creds == NULL || a->creds->jid.server == WA_SERVER_NONE
        || a->creds->lid.server == WA_SERVER_NONE)
    {
        return false;
    }

    own = wa_jid_is_pn(jid) ? &a->creds->jid : &a->creds->lid;
    twin = wa_jid_is_pn(jid) ? &a->creds->lid : &a->creds->jid;

    return strcmp(own->user, jid->user) == 0
           && lid_make(jid, wa_span(twin->user, twin->user_len), other);
}


static bool
lid_other(wa_account_t *a, const wa_jid_t *jid, wa_jid_t *other)
{
    char       name[LID_NAME_LEN];
    wa_span_t  user;

    if (lid_own(a, jid, other)) {
        return true;
    }

    return lid_name(jid, name)
           && wa_record_get(a, name, 0, &user) == WA_OK && user.n > 0
           && !wa_span_eq_str(user, LID_SHOWN) && lid_make(jid, user, other);
}


wa_err_t
wa_lid_shown(wa_unit_t *u, const wa_jid_t *lid)
{
    char       name[LID_NAME_LEN];
    wa_span_t  value;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!wa_jid_is_lid(lid) || !lid_name(lid, name)
        || wa_record_get(wa_unit_account(u), name, 0, &value) != WA_OK
        || value.p != NULL)
    {
        return WA_OK;
    }

    return wa_unit_put(u, name, 0, wa_span_str(LID_SHOWN));
}


static bool
lid_known(wa_account_t *a, const wa_jid_t *pn, const wa_jid_t *lid)
{
    wa_jid_t  there, back;

    return lid_other(a, pn, &there) && strcmp(there.user, lid->user) == 0
           && lid_other(a, lid, &back) && strcmp(back.user, pn->user) == 0;
}


wa_err_t
wa_lid_put(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    char            name[LID_NAME_LEN];
    wa_err_t        rc;
    wa_savepoint_t  sp;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!wa_jid_is_pn(pn) || !wa_jid_is_lid(lid)) {
        return WA_ERR_ARG;
    }

    sp = wa_unit_savepoint(u);
    rc = lid_merged(u, pn, lid);

    if (rc == WA_OK) {
        rc = lid_del_stale(u, pn, lid);
    }

    if (rc == WA_OK) {
        rc = lid_del_stale(u, lid, pn);
    }

    if (rc == WA_OK) {
        (void) lid_name(pn, name);
        rc = wa_unit_put(u, name, 0, wa_span(lid->user, lid->user_len));
    }

    if (rc == WA_OK) {
        (void) lid_name(lid, name);
        rc = wa_unit_put(u, name, 0, wa_span(pn->user, pn->user_len));
    }

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
    }

    return rc;
}


/* What was shown under the LID alone, or under the person's old number. */
static wa_err_t
lid_merged(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid)
{
    char           name[LID_NAME_LEN];
    json_t        *data;
    wa_jid_t       from, into, person;
    wa_span_t      value;
    wa_account_t  *a;

    a = wa_unit_account(u);
    into = wa_jid_person(pn);
    person = wa_jid_person(lid);

    if (lid_name(lid, name)
        && wa_record_get(a, name, 0, &value) == WA_OK
        && wa_span_eq_str(value, LID_SHOWN))
    {
        from = person;

    } else if (!lid_other(a, &person, &from)
               || wa_jid_eq_bare(&from, &into))
    {
        return WA_OK;
    }

    data = json_pack("{s:o, s:o, s:o}", "from", wa_json_jid(&from),
                     "into", wa_json_jid(&into),
                     "lid", wa_json_jid(&person));

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "chat.merged", data);
}


/* If `jid` belonged to somebody else before, that one's half is deleted. */
static wa_err_t
lid_del_stale(wa_unit_t *u, const wa_jid_t *jid, const wa_jid_t *other)
{
    char           name[LID_NAME_LEN];
    wa_jid_t       old;
    wa_account_t  *a;

    a = wa_unit_account(u);

    if (!lid_other(a, jid, &old) || strcmp(old.user, other->user) == 0
        || !lid_name(&old, name))
    {
        return WA_OK;
    }

    return wa_unit_del(u, name, 0);
}


/* ---- learning a pair ---- */

wa_err_t
wa_lid_learn(wa_task_t *parent, const wa_jid_t *pn, const wa_jid_t *lid)
{
    wa_jid_t       own;
    wa_task_t     *t;
    lid_task_t    *d;
    wa_account_t  *a;

    a = parent->account;

    if (!wa_jid_is_pn(pn) || !wa_jid_is_lid(lid)) {
        return WA_ERR_ARG;
    }

    if (lid_known(a, pn, lid)) {
        return WA_OK;
    }

    if (lid_own(a, pn, &own) || lid_own(a, lid, &own)) {
        return WA_ERR_ARG;
    }

    t = wa_task_child(parent, "lid", learn_pair);
    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    d->pn = *pn;
    d->lid = *lid;
    t->data = d;
    learn_pair(t, WA_OK);

    return WA_AGAIN;
}


static void
learn_pair(wa_task_t *t, wa_err_t rc)
{
    wa_key_t     keys[4];
    lid_task_t  *d;

    d = t->data;

    if (rc == WA_OK) {
        rc = lid_need_pair(t);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc != WA_OK || lid_known(t->account, &d->pn, &d->lid)) {
        wa_task_end(t, rc);
        return;
    }

    t->resume = learn_devices;

    if (wa_device_need(&d->pn, &t->arena, &keys[0]) == 0
        || wa_device_need(&d->lid, &t->arena, &keys[1]) == 0)
    {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    rc = wa_task_need(t, keys, 2);

    if (rc != WA_AGAIN) {
        learn_devices(t, rc);
    }
}


static wa_err_t
lid_need_pair(wa_task_t *t)
{
    wa_key_t     keys[2];
    lid_task_t  *d;

    d = t->data;

    if (wa_lid_need(&d->pn, &t->arena, &keys[0]) == 0
        || wa_lid_need(&d->lid, &t->arena, &keys[1]) == 0)
    {
        return WA_ERR_NOMEM;
    }

    return wa_task_need(t, keys, 2);
}


static void
learn_devices(wa_task_t *t, wa_err_t rc)
{
    size_t       i, n;
    wa_jid_t     from, to;
    wa_key_t    *keys;
    lid_task_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    d->n_devices = 0;
    learn_add(d, 0);
    learn_add(d, d->pn.device);
    learn_add(d, d->lid.device);
    learn_add_record(t, &d->pn);
    learn_add_record(t, &d->lid);

    keys = wa_arena_calloc(&t->arena,
                           d->n_devices * 2 * WA_SIGNAL_KEYS + 4
                           + 2 * WA_PRIVACY_KEYS,
                           sizeof(wa_key_t));
    if (keys == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    n = 0;

    for (i = 0; i < d->n_devices; i++) {
        from = wa_jid_with_device(&d->pn, d->devices[i]);
        to = wa_jid_with_device(&d->lid, d->devices[i]);
        n += wa_signal_need(&from, &t->arena, keys + n);
        n += wa_signal_need(&to, &t->arena, keys + n);
    }

    n += wa_device_need(&d->pn, &t->arena, keys + n);
    n += wa_device_need(&d->lid, &t->arena, keys + n);
    n += wa_lid_need(&d->pn, &t->arena, keys + n);
    n += wa_lid_need(&d->lid, &t->arena, keys + n);
    n += wa_privacy_need(&d->pn, &t->arena, keys + n);
    n += wa_privacy_need(&d->lid, &t->arena, keys + n);

    t->resume = learn_move;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        learn_move(t, rc);
    }
}


static void
learn_move(wa_task_t *t, wa_err_t rc)
{
    size_t       i;
    wa_jid_t     from, to;
    wa_unit_t   *u;
    lid_task_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);
    rc = wa_lid_put(u, &d->pn, &d->lid);

    for (i = 0; i < d->n_devices && rc == WA_OK; i++) {
        from = wa_jid_with_device(&d->pn, d->devices[i]);
        to = wa_jid_with_device(&d->lid, d->devices[i]);
        rc = wa_signal_move(u, &from, &to);
    }

    if (rc == WA_OK) {
        rc = wa_device_record_move(u, &d->pn, &d->lid);
    }

    if (rc == WA_OK) {
        rc = wa_trust_move(u, &d->pn, &d->lid);
    }

    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    wa_task_end(t, rc);
}


static void
learn_add(lid_task_t *d, uint16_t device)
{
    size_t  i;

    for (i = 0; i < d->n_devices; i++) {
        if (d->devices[i] == device) {
            return;
        }
    }

    if (d->n_devices < LID_DEVICES_MAX) {
        d->devices[d->n_devices++] = device;
    }
}


static void
learn_add_record(wa_task_t *t, const wa_jid_t *jid)
{
    size_t              i;
    wa_device_record_t  rec;

    if (wa_device_record_get(t->account, jid, &rec)) {
        for (i = 0; i < rec.n; i++) {
            learn_add(t->data, rec.devices[i].id);
        }
    }
}


/* ---- finding a LID ---- */

wa_err_t
wa_lid_resolve(wa_task_t *parent, const wa_jid_t *jid, wa_jid_t *lid)
{
    wa_task_t   *t;
    lid_task_t  *d;

    memset(lid, 0, sizeof(*lid));

    if (!wa_jid_is_user(jid)) {
        return WA_ERR_ARG;
    }

    if (wa_jid_is_lid(jid)) {
        *lid = *jid;
        return WA_OK;
    }

    if (wa_lid_of(parent->account, jid, lid)) {
        return WA_OK;
    }

    t = wa_task_child(parent, "lid", resolve_known);
    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    d->pn = *jid;
    d->out = lid;
    t->data = d;
    resolve_known(t, WA_OK);

    return WA_AGAIN;
}


static void
resolve_known(wa_task_t *t, wa_err_t rc)
{
    wa_key_t     key;
    lid_task_t  *d;

    d = t->data;

    if (rc == WA_OK) {
        rc = wa_lid_need(&d->pn, &t->arena, &key) == 0
             ? WA_ERR_NOMEM : wa_task_need(t, &key, 1);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc != WA_OK || wa_lid_of(t->account, &d->pn, d->out)) {
        wa_task_end(t, rc);
        return;
    }

    /* Devices are asked for with it: who resolves a LID is about to send. */
    t->resume = resolve_asked;
    rc = wa_devices_resolve(t, &d->pn, 1, &d->list);

    if (rc != WA_AGAIN) {
        resolve_asked(t, rc);
    }
}


static void
resolve_asked(wa_task_t *t, wa_err_t rc)
{
    lid_task_t  *d;

    d = t->data;

    if (rc == WA_OK && wa_jid_is_lid(&d->list.users[0].jid)) {
        *d->out = wa_jid_with_device(&d->list.users[0].jid, d->pn.device);
    }

    wa_task_end(t, rc);
}
