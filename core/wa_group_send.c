/*
 * Sending to a group: what the stanza needs, see wa_group_send.h.
 */
#include "wa_group_send_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "wa_bundle.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_signal_group.h"


/* Users in one question about devices, devices in one about bundles. */
#define ROOM_USERS_CHUNK    512
#define ROOM_BUNDLES_CHUNK  512

#define ROOM_DEVICES_MAX    (WA_GROUP_MEMBERS_MAX * 4)


static void room_end(wa_task_t *t, wa_err_t rc);
static void room_begin(wa_task_t *t, wa_err_t rc);
static void room_known(wa_task_t *t, wa_err_t rc);
static wa_err_t room_members(wa_task_t *t, wa_room_t *r);
static void room_forget(wa_account_t *a, const wa_room_t *r);
static void room_devices(wa_task_t *t, wa_err_t rc);
static wa_err_t room_add(wa_task_t *t, wa_room_t *r);
static wa_err_t room_grow(wa_task_t *t, wa_room_t *r, size_t n);
static wa_jid_t room_address(wa_account_t *a, const wa_room_t *r,
    size_t user, const wa_jid_t *device);
static wa_err_t room_unique(wa_task_t *t, wa_room_t *r);
static int room_order(const void *a, const void *b);
static void room_keys(wa_task_t *t, wa_err_t rc);
static wa_err_t room_holders(wa_task_t *t, wa_prepare_t *p);
static void room_sessions(wa_task_t *t, wa_err_t rc);
static void room_fetch(wa_task_t *t);
static void room_fetched(wa_task_t *t, wa_err_t rc);
static void room_ready(wa_task_t *t, wa_err_t rc);
static wa_err_t room_need(wa_task_t *t, wa_prepare_t *p);
static int room_find(const void *key, const void *holder);


static wa_room_t *
room_of(wa_task_t *t)
{
    return ((wa_prepare_t *) t->data)->room;
}


void
wa_group_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt then)
{
    wa_err_t    rc;
    wa_key_t    key;
    wa_room_t  *r;

    r = wa_arena_calloc(&t->arena, 1, sizeof(wa_room_t));

    if (r == NULL) {
        then(t, WA_ERR_NOMEM);
        return;
    }

    p->room = r;
    p->chat = wa_jid_bare(&p->send->to);
    r->then = then;

    if (!wa_group_need(&p->chat, &t->arena, &key)) {
        then(t, WA_ERR_NOMEM);
        return;
    }

    t->resume = room_begin;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        room_begin(t, rc);
    }
}


static void
room_end(wa_task_t *t, wa_err_t rc)
{
    room_of(t)->then(t, rc);
}


static void
room_begin(wa_task_t *t, wa_err_t rc)
{
    wa_room_t     *r;
    wa_prepare_t  *p;

    p = t->data;
    r = p->room;

    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    r->anew = (p->asked || !wa_group_known(t->account, &p->chat));

    t->resume = room_known;
    rc = wa_group_resolve(t, &p->chat, false, NULL);

    if (rc != WA_AGAIN) {
        room_end(t, rc);
    }
}


static void
room_known(wa_task_t *t, wa_err_t rc)
{
    wa_key_t       key;
    wa_room_t     *r;
    wa_prepare_t  *p;

    p = t->data;
    r = p->room;

    if (rc == WA_OK && !wa_group_need(&p->chat, &t->arena, &key)) {
        rc = WA_ERR_NOMEM;
    }

    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    rc = wa_task_need(t, &key, 1);

    if (rc == WA_AGAIN) {
        return;                         /* back here: it is known now */
    }

    if (rc == WA_OK) {
        rc = wa_group_get(t->account, &p->chat, &t->arena, &r->group);
    }

    if (rc == WA_OK) {
        rc = (r->group == NULL) ? WA_ERR_SYNTAX : room_members(t, r);
    }

    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    if (r->anew) {
        room_forget(t->account, r);
    }

    wa_room_ask(t);
}


static wa_err_t
room_members(wa_task_t *t, wa_room_t *r)
{
    size_t     i;
    wa_jid_t   lid, pn;

    if (r->group->n_members == 0) {
        return WA_ERR_SYNTAX;
    }

    r->lid = (r->group->lid != 0);
    r->users = wa_arena_calloc(&t->arena, r->group->n_members,
                               sizeof(wa_jid_t));
    if (r->users == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < r->group->n_members; i++) {
        wa_group_member_jids(r->group->members[i], &lid, &pn);
        r->users[i] = (lid.server != WA_SERVER_NONE) ? lid : pn;

        if (r->users[i].server == WA_SERVER_NONE) {
            return WA_ERR_SYNTAX;
        }
    }

    r->n_users = i;

    return WA_OK;
}


/* The record was dropped because the server counted other devices. */
static void
room_forget(wa_account_t *a, const wa_room_t *r)
{
    size_t      i;
    wa_unit_t  *u;

    u = wa_unit_new(a);

    for (i = 0; i < r->n_users; i++) {
        (void) wa_devices_forget(u, &r->users[i]);
    }

    if (wa_unit_commit(u, NULL) != WA_OK) {
        wa_log(a, WA_LOG_INFO, "device lists of a group are not dropped");
    }
}


void
wa_room_ask(wa_task_t *t)
{
    size_t      n;
    wa_err_t    rc;
    wa_room_t  *r;

    r = room_of(t);
    n = r->n_users - r->asked;
    n = n < ROOM_USERS_CHUNK ? n : ROOM_USERS_CHUNK;

    t->resume = room_devices;
    rc = wa_devices_resolve(t, r->users + r->asked, n, &r->list);

    if (rc != WA_AGAIN) {
        room_devices(t, rc);
    }
}


static void
room_devices(wa_task_t *t, wa_err_t rc)
{
    size_t         n;
    wa_key_t       keys[2];
    wa_room_t     *r;
    char           name[WA_ROOM_NAME_LEN];
    wa_prepare_t  *p;

    p = t->data;
    r = p->room;

    if (rc == WA_OK) {
        rc = room_add(t, r);
    }

    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    n = r->list.n_users;
    r->asked += n;

    if (n != 0 && r->asked < r->n_users) {
        wa_room_ask(t);
        return;
    }

    if (r->status) {
        rc = room_unique(t, r);

        if (rc != WA_OK) {
            room_end(t, rc);
            return;
        }
    }

    if (!wa_skey_need(&p->chat, wa_group_sender(t->account), &t->arena,
                      &keys[0])
        || !wa_room_holders_name(&p->chat, name)
        || wa_arena_dup_span(&t->arena, wa_span_str(name), &keys[1].name)
           != WA_OK)
    {
        room_end(t, WA_ERR_NOMEM);
        return;
    }

    keys[1].day = 0;

    t->resume = room_keys;
    rc = wa_task_need(t, keys, 2);

    if (rc != WA_AGAIN) {
        room_keys(t, rc);
    }
}


/* Takes over the devices of the last answer.  Those hosted at Meta are not
   part of groups. */
static wa_err_t
room_add(wa_task_t *t, wa_room_t *r)
{
    size_t                    i, k;
    wa_err_t                  rc;
    wa_room_device_t            *x;
    const wa_jid_t           *d;
    const wa_device_user_t   *user;

    rc = room_grow(t, r, r->list.n_devices);

    if (rc != WA_OK) {
        return rc;
    }

    for (i = 0; i < r->list.n_users; i++) {
        user = &r->list.users[i];

        for (k = user->first; k < user->first + user->n; k++) {
            d = &r->list.devices[k];

            if (wa_jid_is_hosted(d)) {
                continue;
            }

            x = &r->devices[r->n_devices];
            x->jid = *d;
            x->to = room_address(t->account, r, r->asked + i, d);

            if (x->to.server == WA_SERVER_NONE
                || wa_jid_format(d, x->name, sizeof(x->name)) == 0)
            {
                continue;
            }

            r->n_devices++;
        }
    }

    return WA_OK;
}


static wa_err_t
room_grow(wa_task_t *t, wa_room_t *r, size_t n)
{
    size_t          cap;
    wa_room_device_t  *p;

    n += r->n_devices;

    if (n > ROOM_DEVICES_MAX) {
        return WA_ERR_LIMIT;
    }

    if (n <= r->cap_devices) {
        return WA_OK;
    }

    cap = (r->asked + r->list.n_users >= r->n_users) ? n : 2 * n;
    p = wa_arena_calloc(&t->arena, cap, sizeof(wa_room_device_t));

    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    if (r->n_devices != 0) {
        memcpy(p, r->devices, r->n_devices * sizeof(wa_room_device_t));
    }

    r->devices = p;
    r->cap_devices = cap;

    return WA_OK;
}


/* A group is either in LIDs or in phone numbers, sessions are not. */
static wa_jid_t
room_address(wa_account_t *a, const wa_room_t *r, size_t user,
    const wa_jid_t *device)
{
    wa_jid_t  lid, pn, none;

    if (r->lid == wa_jid_is_lid(device)) {
        return *device;
    }

    memset(&none, 0, sizeof(none));
    wa_group_member_jids(r->group->members[user], &lid, &pn);

    if (r->lid) {
        return lid.server == WA_SERVER_NONE
               ? none : wa_jid_with_device(&lid, device->device);
    }

    if (pn.server != WA_SERVER_NONE) {
        return wa_jid_with_device(&pn, device->device);
    }

    return wa_pn_of(a, device, &pn) ? pn : none;
}


/*
 * An audience may name somebody twice, by both addresses, or us.  Somebody
 * has to be left.
 */
static wa_err_t
room_unique(wa_task_t *t, wa_room_t *r)
{
    size_t  i, n, others;

    n = 0;
    others = 0;

    if (r->n_devices != 0) {
        qsort(r->devices, r->n_devices, sizeof(wa_room_device_t),
              room_order);
    }

    for (i = 0; i < r->n_devices; i++) {

        if (n != 0 && wa_jid_eq(&r->devices[n - 1].jid, &r->devices[i].jid)) {
            continue;
        }

        others += !wa_account_is_self(t->account, &r->devices[i].jid);
        r->devices[n++] = r->devices[i];
    }

    r->n_devices = n;

    return others == 0 ? WA_ERR_NO_SESSION : WA_OK;
}


static int
room_order(const void *a, const void *b)
{
    int                      rc;
    const wa_room_device_t  *x = a, *y = b;

    rc = strcmp(x->jid.user, y->jid.user);

    return rc != 0 ? rc : (x->jid.device > y->jid.device)
                          - (x->jid.device < y->jid.device);
}


static void
room_keys(wa_task_t *t, wa_err_t rc)
{
    wa_prepare_t  *p;

    p = t->data;

    if (rc == WA_OK) {
        rc = room_holders(t, p);
    }

    if (rc == WA_OK) {
        t->resume = room_sessions;
        rc = room_need(t, p);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    room_sessions(t, rc);
}


/* Marks the devices that lack the key. */
static wa_err_t
room_holders(wa_task_t *t, wa_prepare_t *p)
{
    char             name[WA_ROOM_NAME_LEN];
    size_t           i, held;
    wa_err_t         rc;
    wa_room_t       *r;
    wa_span_t        value;
    wa_room_device_t   *d;
    Wa__KeyHolders  *h;

    static Wa__KeyHolders  nobody = WA__KEY_HOLDERS__INIT;

    r = p->room;
    h = &nobody;

    if (wa_skey_has(t->account, &p->chat, wa_group_sender(t->account))
        && wa_room_holders_name(&p->chat, name)
        && wa_record_get(t->account, name, 0, &value) == WA_OK
        && value.p != NULL)
    {
        rc = WA_PB_UNPACK(wa__key_holders__descriptor, value, &t->arena, &h);

        if (rc == WA_ERR_NOMEM) {
            return rc;
        }

        h = (rc == WA_OK) ? h : &nobody;
    }

    held = 0;

    for (i = 0; i < r->n_devices; i++) {
        d = &r->devices[i];
        d->lacks = (h->n_devices == 0
                    || bsearch(d->name, h->devices, h->n_devices,
                               sizeof(char *), room_find) == NULL);
        held += (d->lacks == false);
    }

    r->rotate = held != h->n_devices
                || wa_skey_is_old(t->account, &p->chat,
                                  wa_group_sender(t->account));

    for (i = 0; r->rotate && i < r->n_devices; i++) {
        r->devices[i].lacks = true;
    }

    r->n_lacking = r->rotate ? r->n_devices : r->n_devices - held;

    return WA_OK;
}


/* Own key, holders, and the sessions of those who lack it. */
static wa_err_t
room_need(wa_task_t *t, wa_prepare_t *p)
{
    char        name[WA_ROOM_NAME_LEN];
    size_t      i, n;
    wa_key_t   *keys;
    wa_room_t  *r;

    r = p->room;

    keys = wa_arena_calloc(&t->arena, 2 + r->n_lacking * WA_SIGNAL_KEYS,
                           sizeof(wa_key_t));

    if (keys == NULL
        || !wa_skey_need(&p->chat, wa_group_sender(t->account), &t->arena,
                         &keys[0])
        || !wa_room_holders_name(&p->chat, name)
        || wa_arena_dup_span(&t->arena, wa_span_str(name), &keys[1].name)
           != WA_OK)
    {
        return WA_ERR_NOMEM;
    }

    n = 2;

    for (i = 0; i < r->n_devices; i++) {
        if (r->devices[i].lacks) {
            n += wa_signal_need(&r->devices[i].jid, &t->arena, keys + n);
        }
    }

    return wa_task_need(t, keys, n);
}


static void
room_sessions(wa_task_t *t, wa_err_t rc)
{
    size_t      i;
    wa_room_t  *r;

    r = room_of(t);

    if (rc == WA_OK && r->n_lacking != 0) {
        r->missing = wa_arena_calloc(&t->arena, r->n_lacking,
                                     sizeof(wa_jid_t));
        r->results = wa_arena_calloc(&t->arena, r->n_lacking,
                                     sizeof(wa_err_t));

        if (r->missing == NULL || r->results == NULL) {
            rc = WA_ERR_NOMEM;
        }
    }

    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    for (i = 0; i < r->n_devices; i++) {
        if (r->devices[i].lacks
            && !wa_signal_has_session(t->account, &r->devices[i].jid))
        {
            r->missing[r->n_missing++] = r->devices[i].jid;
        }
    }

    room_fetch(t);
}


static void
room_fetch(wa_task_t *t)
{
    size_t      n;
    wa_err_t    rc;
    wa_room_t  *r;

    r = room_of(t);
    n = r->n_missing - r->fetched;
    n = n < ROOM_BUNDLES_CHUNK ? n : ROOM_BUNDLES_CHUNK;

    if (n == 0) {
        t->resume = room_ready;
        rc = room_need(t, t->data);

        if (rc != WA_AGAIN) {
            room_ready(t, rc);
        }

        return;
    }

    t->resume = room_fetched;
    rc = wa_bundle_fetch(t, r->missing + r->fetched, n,
                         r->results + r->fetched);
    r->fetched += n;

    if (rc != WA_AGAIN) {
        room_fetched(t, rc);
    }
}


/* A device without a bundle is left out and asks for the message. */
static void
room_fetched(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        room_end(t, rc);
        return;
    }

    room_fetch(t);
}


static void
room_ready(wa_task_t *t, wa_err_t rc)
{
    room_end(t, rc);
}


bool
wa_room_holders_name(const wa_jid_t *jid, char name[WA_ROOM_NAME_LEN])
{
    char  text[WA_JID_TEXT_MAX];

    if (wa_jid_format(jid, text, sizeof(text)) == 0) {
        return false;
    }

    (void) snprintf(name, WA_ROOM_NAME_LEN, "skto/%s", text);

    return true;
}


static int
room_find(const void *key, const void *holder)
{
    return strcmp(key, *(char *const *) holder);
}
