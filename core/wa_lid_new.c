/*
 * Learning many pairs at once: people nobody has dealt with yet, as a phone's
 * history names them by the thousand.  One load and one unit for all of them,
 * where wa_lid_learn() takes three loads and a unit for each.
 */
#include "wa_account_int.h"
#include "wa_device.h"
#include "wa_device_int.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_signal.h"


/* Of both addresses: the other one, devices, the phone's session, tokens. */
#define NEW_KEYS  (2 * (WA_LID_KEYS + 1 + WA_SIGNAL_KEYS + WA_PRIVACY_KEYS))


typedef struct {
    size_t          n;
    wa_lid_pair_t   pairs[WA_LID_NEW_MAX];
} new_t;


static void new_start(wa_task_t *t, wa_err_t rc);
static void new_loaded(wa_task_t *t, wa_err_t rc);
static size_t new_need(wa_arena_t *arena, const wa_jid_t *jid,
    wa_key_t *keys);
static bool new_is(wa_account_t *a, const wa_lid_pair_t *p);
static wa_err_t new_put(wa_unit_t *u, const wa_lid_pair_t *p);


wa_err_t
wa_lid_learn_new(wa_task_t *parent, const wa_lid_pair_t *pairs, size_t n)
{
    new_t      *d;
    wa_task_t  *t;

    t = wa_task_child(parent, "lids", new_start);

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    d->n = n < WA_LID_NEW_MAX ? n : WA_LID_NEW_MAX;

    if (d->n != 0) {
        memcpy(d->pairs, pairs, d->n * sizeof(*pairs));
    }

    t->data = d;
    new_start(t, WA_OK);

    return WA_AGAIN;
}


static void
new_start(wa_task_t *t, wa_err_t rc)
{
    size_t      i, n;
    new_t      *d;
    wa_key_t   *keys;

    d = t->data;
    keys = wa_arena_calloc(&t->arena, d->n * NEW_KEYS + 1, sizeof(*keys));

    if (rc != WA_OK || keys == NULL) {
        wa_task_end(t, rc == WA_OK ? WA_ERR_NOMEM : rc);
        return;
    }

    for (i = 0, n = 0; i < d->n; i++) {
        n += new_need(&t->arena, &d->pairs[i].pn, keys + n);
        n += new_need(&t->arena, &d->pairs[i].lid, keys + n);
    }

    t->resume = new_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        new_loaded(t, rc);
    }
}


static size_t
new_need(wa_arena_t *arena, const wa_jid_t *jid, wa_key_t *keys)
{
    size_t  n;

    n = wa_lid_need(jid, arena, keys);
    n += wa_device_need(jid, arena, keys + n);
    n += wa_signal_need(jid, arena, keys + n);

    return n + wa_privacy_need(jid, arena, keys + n);
}


static void
new_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t      i;
    new_t      *d;
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    d = t->data;
    u = wa_unit_new(t->account);
    rc = u == NULL ? WA_ERR_NOMEM : WA_OK;

    for (i = 0; rc == WA_OK && i < d->n; i++) {

        if (new_is(t->account, &d->pairs[i])) {
            rc = new_put(u, &d->pairs[i]);
        }
    }

    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    wa_task_end(t, rc);
}


/* Of what was put before, too: a unit's puts are seen at once. */
static bool
new_is(wa_account_t *a, const wa_lid_pair_t *p)
{
    wa_jid_t            known;
    wa_device_record_t  rec;

    return p->pn.server == WA_SERVER_PN && p->lid.server == WA_SERVER_LID
           && p->pn.device == 0 && p->lid.device == 0
           && !wa_lid_of(a, &p->pn, &known)
           && !wa_pn_of(a, &p->lid, &known)
           && !wa_device_record_get(a, &p->pn, &rec)
           && !wa_device_record_get(a, &p->lid, &rec);
}


static wa_err_t
new_put(wa_unit_t *u, const wa_lid_pair_t *p)
{
    wa_err_t  rc;

    rc = wa_lid_put(u, &p->pn, &p->lid);

    if (rc == WA_OK) {
        rc = wa_signal_move(u, &p->pn, &p->lid);
    }

    return rc == WA_OK ? wa_trust_move(u, &p->pn, &p->lid) : rc;
}
