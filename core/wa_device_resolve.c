/*
 * From users to devices:
 *
 *     pairs known? -> lists known? -> usync for the rest -> learn LIDs
 *         -> verify key index lists -> keep -> answer
 *
 * Every step that needs records asks for them first; the two first ones are
 * also tried without a task, which is the common case of a send.
 */
#include "wa_account_int.h"
#include "wa_adv.h"
#include "wa_alive_throttle.h"
#include "wa_device_int.h"
#include "wa_lid.h"
#include "wa_signal.h"


#define RESOLVE_NO_INDEX  UINT32_MAX

/* A list that did not verify is believed for so long only. */
#define RESOLVE_DOUBT_S   600

/* Numbers of so many at a time are learnt; a group tells its own. */
#define RESOLVE_NUMBERS   8


typedef struct {
    wa_jid_t            asked;      /* bare, never hosted                  */
    wa_jid_t            jid;        /* its LID once that is known          */
    bool                listed;     /* `rec` holds its devices             */
    bool                fetched;    /* from the server: to be stored       */
    wa_device_record_t  rec;
    uint32_t            index[WA_DEVICES_PER_USER];     /* key-index       */
    wa_span_t           signed_list;
    wa_jid_t            lid;        /* as the server says; may be NONE     */
    wa_jid_t            pn;         /* the same, of who was asked by LID   */
} resolve_user_t;

typedef struct {
    resolve_user_t    *users;
    size_t             n;
    size_t             learning;    /* next whose pair is to be learnt     */
    wa_device_list_t  *out;         /* the parent's                        */
    wa_arena_t        *out_arena;
} resolve_t;


static wa_err_t resolve_init(resolve_t *d, wa_arena_t *arena,
    const wa_jid_t *users, size_t n);
static bool resolve_memory(wa_account_t *a, resolve_t *d);
static void resolve_user_lookup(wa_account_t *a, resolve_user_t *u);
static wa_err_t resolve_output(wa_account_t *a, const resolve_t *d);
static void resolve_pairs(wa_task_t *t, wa_err_t rc);
static void resolve_lists(wa_task_t *t, wa_err_t rc);
static void resolve_try(wa_task_t *t, wa_err_t rc);
static wa_node_t *resolve_iq(wa_task_t *t);
static void resolve_answered(wa_task_t *t, wa_err_t rc);
static bool resolve_is_repeated(const resolve_t *d, size_t i);
static wa_err_t resolve_take(wa_task_t *t, const wa_node_t *node);
static wa_err_t resolve_take_user(wa_task_t *t, resolve_user_t *u,
    const wa_node_t *node);
static void resolve_take_devices(resolve_user_t *u, const wa_node_t *list);
static void resolve_learn(wa_task_t *t, wa_err_t rc);
static void resolve_identities(wa_task_t *t);
static void resolve_store(wa_task_t *t, wa_err_t rc);
static wa_err_t resolve_verify(wa_task_t *t, resolve_user_t *u);
static void resolve_end(wa_task_t *t, wa_err_t rc);


wa_err_t
wa_devices_resolve(wa_task_t *parent, const wa_jid_t *users, size_t n,
    wa_device_list_t *out)
{
    size_t      i;
    wa_err_t    rc;
    resolve_t  *d;
    wa_task_t  *t;

    memset(out, 0, sizeof(*out));

    if (n == 0 || n > WA_DEVICE_USERS_MAX) {
        return WA_ERR_ARG;
    }

    for (i = 0; i < n; i++) {
        if (!wa_jid_is_user(&users[i])) {
            return WA_ERR_ARG;
        }
    }

    /* The state lives with the parent: a child is not always needed. */
    d = wa_arena_calloc(&parent->arena, 1, sizeof(*d));
    if (d == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = resolve_init(d, &parent->arena, users, n);

    if (rc != WA_OK) {
        return rc;
    }

    d->out = out;
    d->out_arena = &parent->arena;

    if (resolve_memory(parent->account, d)) {
        return resolve_output(parent->account, d);
    }

    t = wa_task_child(parent, "devices", resolve_pairs);
    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    t->data = d;
    resolve_pairs(t, WA_OK);

    return WA_AGAIN;
}


static wa_err_t
resolve_init(resolve_t *d, wa_arena_t *arena, const wa_jid_t *users,
    size_t n)
{
    size_t           i;
    resolve_user_t  *u;

    d->users = wa_arena_calloc(arena, n, sizeof(resolve_user_t));
    if (d->users == NULL) {
        return WA_ERR_NOMEM;
    }

    d->n = n;

    for (i = 0; i < n; i++) {
        u = &d->users[i];
        u->asked = wa_jid_bare(&users[i]);
        u->asked.server = wa_jid_is_pn(&users[i]) ? WA_SERVER_PN
                                                  : WA_SERVER_LID;
        u->jid = u->asked;
    }

    return WA_OK;
}


/* True if every user's list is in memory and fresh. */
static bool
resolve_memory(wa_account_t *a, resolve_t *d)
{
    size_t  i;

    for (i = 0; i < d->n; i++) {
        resolve_user_lookup(a, &d->users[i]);

        if (!d->users[i].listed) {
            return false;
        }
    }

    return true;
}


/*
 * A PN whose LID is not known is never taken from a record: the answer of
 * the server brings the LID.
 */
static void
resolve_user_lookup(wa_account_t *a, resolve_user_t *u)
{
    int64_t  age;

    wa_lid_prefer(a, &u->jid);

    if (u->listed || wa_jid_is_pn(&u->jid)
        || !wa_device_record_get(a, &u->jid, &u->rec))
    {
        return;
    }

    age = wa_unix_s(a) - u->rec.fetched_s;
    u->listed = (age >= 0 && age < WA_DEVICES_FRESH_S && u->rec.n > 0);
}


/* ---- the answer ---- */

static bool
resolve_is_self(const wa_account_t *a, const resolve_user_t *u,
    const wa_device_t *dev)
{
    const wa_jid_t  *own;

    if (a->creds == NULL) {
        return false;
    }

    own = wa_jid_is_pn(&u->jid) ? &a->creds->jid : &a->creds->lid;

    return own->device == dev->id && strcmp(own->user, u->jid.user) == 0;
}


static wa_err_t
resolve_output(wa_account_t *a, const resolve_t *d)
{
    size_t                 i, j, total;
    wa_jid_t              *jid;
    wa_device_list_t       out;
    const resolve_user_t  *u;

    total = 0;

    for (i = 0; i < d->n; i++) {
        total += d->users[i].rec.n;
    }

    out.users = wa_arena_calloc(d->out_arena, d->n,
                                sizeof(wa_device_user_t));
    out.devices = wa_arena_calloc(d->out_arena, total + 1, sizeof(wa_jid_t));

    if (out.users == NULL || out.devices == NULL) {
        return WA_ERR_NOMEM;
    }

    out.n_users = d->n;
    out.n_devices = 0;

    for (i = 0; i < d->n; i++) {
        u = &d->users[i];
        out.users[i].first = out.n_devices;

        if (!u->listed && wa_jid_is_pn(&u->jid)) {
            continue;                   /* zeroed: not on WhatsApp         */
        }

        out.users[i].jid = u->jid;

        for (j = 0; u->listed && j < u->rec.n; j++) {

            if (resolve_is_self(a, u, &u->rec.devices[j])) {
                continue;
            }

            jid = &out.devices[out.n_devices++];
            *jid = wa_jid_with_device(&u->jid, u->rec.devices[j].id);

            if (u->rec.devices[j].hosted) {
                jid->server = wa_jid_is_pn(jid) ? WA_SERVER_HOSTED
                                                : WA_SERVER_HOSTED_LID;
            }
        }

        out.users[i].n = out.n_devices - out.users[i].first;
    }

    *d->out = out;

    return WA_OK;
}


/* ---- records ---- */

static void
resolve_pairs(wa_task_t *t, wa_err_t rc)
{
    size_t      i, n;
    wa_key_t   *keys;
    resolve_t  *d;

    d = t->data;
    keys = wa_arena_calloc(&t->arena, d->n, sizeof(wa_key_t));

    if (rc != WA_OK || keys == NULL) {
        wa_task_end(t, rc != WA_OK ? rc : WA_ERR_NOMEM);
        return;
    }

    n = 0;

    for (i = 0; i < d->n; i++) {
        if (wa_jid_is_pn(&d->users[i].jid)) {
            n += wa_lid_need(&d->users[i].jid, &t->arena, keys + n);
        }
    }

    t->resume = resolve_lists;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        resolve_lists(t, rc);
    }
}


static void
resolve_lists(wa_task_t *t, wa_err_t rc)
{
    size_t      i, n;
    wa_key_t   *keys;
    resolve_t  *d;

    d = t->data;
    keys = wa_arena_calloc(&t->arena, d->n, sizeof(wa_key_t));

    if (rc != WA_OK || keys == NULL) {
        wa_task_end(t, rc != WA_OK ? rc : WA_ERR_NOMEM);
        return;
    }

    n = 0;

    for (i = 0; i < d->n; i++) {
        resolve_user_lookup(t->account, &d->users[i]);

        if (!d->users[i].listed) {
            n += wa_device_need(&d->users[i].jid, &t->arena, keys + n);
        }
    }

    t->resume = resolve_try;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        resolve_try(t, rc);
    }
}


static void
resolve_try(wa_task_t *t, wa_err_t rc)
{
    size_t      i;
    bool        all;
    resolve_t  *d;
    wa_node_t  *iq;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    all = true;

    for (i = 0; i < d->n; i++) {
        resolve_user_lookup(t->account, &d->users[i]);
        all = all && d->users[i].listed;
    }

    if (all) {
        resolve_end(t, WA_OK);
        return;
    }

    iq = resolve_iq(t);
    t->resume = resolve_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


/* ---- usync ---- */

static wa_node_t *
resolve_iq(wa_task_t *t)
{
    size_t       i;
    wa_node_t   *iq, *usync, *query, *list, *user;
    resolve_t   *d;
    wa_arena_t  *a;

    d = t->data;
    a = &t->arena;

    iq = wa_node_iq(a, "get", "usync");

    usync = wa_node_add_new(a, iq, "usync");
    wa_node_set(a, usync, "sid", wa_account_next_id(t->account, a));
    wa_node_set_str(a, usync, "mode", "query");
    wa_node_set_str(a, usync, "last", "true");
    wa_node_set_str(a, usync, "index", "0");
    wa_node_set_str(a, usync, "context", "message");

    query = wa_node_add_new(a, usync, "query");
    wa_node_set_str(a, wa_node_add_new(a, query, "devices"), "version", "2");
    (void) wa_node_add_new(a, query, "lid");

    list = wa_node_add_new(a, usync, "list");

    for (i = 0; i < d->n; i++) {
        if (!d->users[i].listed && !resolve_is_repeated(d, i)) {
            user = wa_node_add_new(a, list, "user");
            wa_node_set_jid(a, user, "jid", &d->users[i].jid);
        }
    }

    return iq;
}


static void
resolve_answered(wa_task_t *t, wa_err_t rc)
{
    uint64_t          code;
    const wa_node_t  *usync, *user, *error;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    usync = wa_node_child(t->answer, "usync");

    /* Rate limits are told per protocol, not as an error of the iq. */
    error = wa_node_child(wa_node_child(wa_node_child(usync, "result"),
                                        "devices"), "error");

    if (error != NULL) {

        if (wa_node_attr_u64(error, "code", &code) && code == WA_CODE_RATE) {
            t->iq_code = WA_CODE_RATE;
            wa_throttle_hit(t->account, t->xmlns, error);
        }

        wa_task_end(t, WA_ERR_REFUSED);
        return;
    }

    user = wa_node_child(wa_node_child(usync, "list"), "user");

    for ( /* void */ ; user != NULL; user = wa_node_sibling(user, "user")) {
        rc = resolve_take(t, user);

        if (rc != WA_OK) {
            wa_task_end(t, rc);
            return;
        }
    }

    resolve_learn(t, WA_OK);
}


/* A person may be asked for twice: the recipient of a note to oneself. */
static bool
resolve_is_repeated(const resolve_t *d, size_t i)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (wa_jid_eq(&d->users[j].jid, &d->users[i].jid)) {
            return true;
        }
    }

    return false;
}


/* Copies one <user> for everyone it speaks of; WA_ERR_NOMEM. */
static wa_err_t
resolve_take(wa_task_t *t, const wa_node_t *node)
{
    size_t           i;
    wa_err_t         rc;
    wa_jid_t         jid, pn, lid;
    resolve_t       *d;
    resolve_user_t  *u;

    d = t->data;

    if (!wa_node_attr_jid(node, "jid", &jid)) {
        return WA_OK;
    }

    if (!wa_node_attr_jid(node, "pn_jid", &pn)) {
        pn = jid;
    }

    /* Asked by LID, a server may still answer by number. */
    if (!wa_node_attr_jid(wa_node_child(node, "lid"), "val", &lid)) {
        lid = jid;
    }

    rc = WA_OK;

    for (i = 0; i < d->n && rc == WA_OK; i++) {
        u = &d->users[i];

        if (!u->listed && (wa_jid_eq_bare(&u->jid, &jid)
                           || wa_jid_eq_bare(&u->jid, &pn)
                           || wa_jid_eq_bare(&u->jid, &lid)))
        {
            rc = resolve_take_user(t, u, node);
        }
    }

    return rc;
}


/* The answer lives for this call only, so everything is copied. */
static wa_err_t
resolve_take_user(wa_task_t *t, resolve_user_t *u, const wa_node_t *node)
{
    wa_err_t          rc;
    wa_jid_t          jid;
    wa_span_t         signed_list;
    const wa_node_t  *devices;

    if (wa_jid_is_pn(&u->jid)) {

        if ((wa_node_attr_jid(wa_node_child(node, "lid"), "val", &jid)
             || wa_node_attr_jid(node, "jid", &jid))
            && wa_jid_is_lid(&jid))
        {
            u->lid = wa_jid_bare(&jid);
        }

    } else if ((wa_node_attr_jid(node, "pn_jid", &jid)
                || wa_node_attr_jid(node, "jid", &jid))
               && wa_jid_is_pn(&jid))
    {
        u->pn = wa_jid_bare(&jid);
    }

    devices = wa_node_child(node, "devices");
    resolve_take_devices(u, wa_node_child(devices, "device-list"));
    signed_list = wa_node_child_content(devices, "key-index-list");

    if (signed_list.n != 0) {
        rc = wa_arena_dup_span(&t->arena, signed_list, &u->signed_list);

        if (rc != WA_OK) {
            return rc;
        }
    }

    u->listed = (u->rec.n > 0);
    u->fetched = u->listed;
    u->rec.fetched_s = wa_unix_s(t->account);

    return WA_OK;
}


static void
resolve_take_devices(resolve_user_t *u, const wa_node_t *list)
{
    uint64_t          id, key_index;
    wa_device_t      *dev;
    const wa_node_t  *node;

    u->rec.n = 0;
    node = wa_node_child(list, "device");

    for ( /* void */ ; node != NULL; node = wa_node_sibling(node, "device"))
    {
        if (!wa_node_attr_u64(node, "id", &id) || id > UINT16_MAX
            || u->rec.n == WA_DEVICES_PER_USER)
        {
            continue;
        }

        if (!wa_node_attr_u64(node, "key-index", &key_index)
            || key_index >= RESOLVE_NO_INDEX)
        {
            key_index = RESOLVE_NO_INDEX;
        }

        u->index[u->rec.n] = (uint32_t) key_index;
        dev = &u->rec.devices[u->rec.n++];
        dev->id = (uint16_t) id;
        dev->hosted = wa_node_attr_is(node, "is_hosted", "true");
    }
}


/* One pair after the other; a pair that is refused does not stop the rest. */
static void
resolve_learn(wa_task_t *t, wa_err_t rc)
{
    resolve_t       *d;
    resolve_user_t  *u;

    d = t->data;

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_GONE) {
        wa_task_end(t, rc);
        return;
    }

    t->resume = resolve_learn;

    while (d->learning < d->n) {
        u = &d->users[d->learning++];

        if (u->lid.server != WA_SERVER_NONE) {
            u->jid = u->lid;
            rc = wa_lid_learn(t, &u->asked, &u->lid);

        } else if (u->pn.server != WA_SERVER_NONE
                   && d->n <= RESOLVE_NUMBERS)
        {
            rc = wa_lid_learn(t, &u->pn, &u->jid);

        } else {
            continue;
        }

        if (rc == WA_AGAIN) {
            return;
        }
    }

    resolve_identities(t);
}


/* The identities of the primaries, which sign the key index lists. */
static void
resolve_identities(wa_task_t *t)
{
    size_t      i, n;
    wa_err_t    rc;
    wa_key_t   *keys;
    resolve_t  *d;

    d = t->data;
    keys = wa_arena_calloc(&t->arena, d->n * WA_SIGNAL_KEYS,
                           sizeof(wa_key_t));
    if (keys == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    n = 0;

    for (i = 0; i < d->n; i++) {
        if (d->users[i].signed_list.p != NULL) {
            n += wa_signal_need(&d->users[i].jid, &t->arena, keys + n);
        }
    }

    t->resume = resolve_store;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        resolve_store(t, rc);
    }
}


static void
resolve_store(wa_task_t *t, wa_err_t rc)
{
    size_t           i;
    wa_unit_t       *u;
    resolve_t       *d;
    resolve_user_t  *user;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    for (i = 0; i < d->n && rc == WA_OK; i++) {
        user = &d->users[i];

        if (user->fetched) {
            rc = resolve_verify(t, user);
            (void) wa_device_record_put(u, &user->jid, &user->rec);
        }
    }

    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    resolve_end(t, rc);
}


/*
 * Drops companions that the account has not signed for.  The account's key
 * is the known identity of its device 0; only for a user never met before it
 * is the one in the list.  A list with a wrong signature leaves device 0; one
 * that cannot be checked counts as none, which the server may send as well.
 * WA_ERR_NOMEM only.
 */
static wa_err_t
resolve_verify(wa_task_t *t, resolve_user_t *u)
{
    bool            known, valid;
    size_t          i, j, n;
    uint8_t         key[32];
    wa_err_t        rc;
    wa_adv_index_t  list;

    if (u->signed_list.p == NULL) {
        return WA_OK;
    }

    known = wa_signal_identity(t->account, &u->jid, key);
    memset(&list, 0, sizeof(list));
    rc = wa_adv_key_index(u->signed_list, known ? key : NULL, &t->arena,
                          &list);

    if (rc == WA_ERR_NOMEM) {
        return rc;
    }

    if (rc == WA_ERR_SYNTAX || rc == WA_ERR_LIMIT) {
        wa_log(t->account, WA_LOG_INFO,
               "key index list of a contact cannot be checked: %s",
               wa_err_name(rc));
        return WA_OK;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN,
               "key index list of a contact is not valid: %s",
               wa_err_name(rc));
        u->rec.fetched_s -= WA_DEVICES_FRESH_S - RESOLVE_DOUBT_S;
    }

    n = 0;

    for (i = 0; i < u->rec.n; i++) {
        valid = (u->rec.devices[i].id == 0);

        for (j = 0; j < list.n_valid && !valid; j++) {
            valid = (u->index[i] != RESOLVE_NO_INDEX
                     && list.valid[j] == u->index[i]);
        }

        if (valid) {
            u->rec.devices[n++] = u->rec.devices[i];
        }
    }

    u->rec.n = n;

    return WA_OK;
}


static void
resolve_end(wa_task_t *t, wa_err_t rc)
{
    if (rc == WA_OK) {
        rc = resolve_output(t->account, t->data);
    }

    wa_task_end(t, rc);
}
