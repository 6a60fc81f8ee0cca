/*
 * A snapshot or patch of app state whose MACs are right: its mutations are
 * opened, told, and with the last of them hash and map are written.
 *
 *     take_open      some mutations
 *     take_need      what is known of the addresses in them
 *     take_learn     pairs of number and LID, one by one
 *     take_tell      one unit
 *     take_map       a large map: units of its own, before the last one
 */
#include "wa_appstate_int.h"
#include "wa_json.h"
#include "wa_lid.h"
#include "wa_pb.h"


/* Bytes of the map that one unit writes. */
#define TAKE_MAP   (512u * 1024)

/* Addresses an item has at most, and those of a pair. */
#define TAKE_JIDS  2


static void take_open(wa_task_t *t, wa_err_t rc);
static wa_err_t take_item(wa_task_t *t, wa_as_apply_t *ap,
    const wa_syncd_record_t *r);
static wa_err_t take_index(wa_arena_t *arena, wa_as_item_t *item);
static void take_need(wa_task_t *t);
static void take_learn(wa_task_t *t, wa_err_t rc);
static void take_tell(wa_task_t *t, wa_err_t rc);
static bool take_is_small(const wa_as_apply_t *ap);
static wa_err_t take_state(wa_unit_t *u, wa_as_apply_t *ap);
static void take_told(wa_task_t *t, wa_err_t rc);
static void take_map(wa_task_t *t);
static void take_map_known(wa_task_t *t, wa_err_t rc);
static void take_map_put(wa_task_t *t, wa_err_t rc);


void
wa_as_take_start(wa_task_t *t)
{
    wa_as_source_open(t, t->data);
    take_open(t, WA_OK);
}


static void
take_open(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t      *ap;
    wa_syncd_record_t   r;

    ap = t->data;
    rc = wa_as_source_take(t, ap, rc);

    while (rc == WA_OK && ap->n_items < WA_AS_SLICE) {
        rc = wa_as_source_next(t, ap, &r);

        if (rc == WA_OK) {
            rc = take_item(t, ap, &r);
        }
    }

    if (rc == WA_AGAIN) {
        rc = wa_as_source_wait(t, ap, take_open);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_ERR_STATE) {
        ap->last = true;
        rc = WA_OK;
    }

    if (rc != WA_OK) {
        wa_as_apply_end(t, rc);
        return;
    }

    take_need(t);
}


static wa_err_t
take_item(wa_task_t *t, wa_as_apply_t *ap, const wa_syncd_record_t *r)
{
    uint8_t                 mac[WA_SYNCD_MAC_LEN];
    wa_buf_t                plain = WA_BUF_EMPTY;
    wa_err_t                rc;
    wa_arena_t             *arena;
    wa_as_item_t           *item;
    Wa__SyncActionData     *d;
    const wa_syncd_keys_t  *keys;

    arena = &t->account->appstate->scratch;
    item = &ap->items[ap->n_items];
    memset(item, 0, sizeof(*item));
    keys = wa_as_derive(t, ap, r->key_id);

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = ap->in->recovery ? wa_buf_append_span(&plain, r->blob)
                          : wa_syncd_open(keys, r, &plain);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span_buf(&plain), &item->raw);
    }

    wa_buf_wipe(&plain);

    if (rc == WA_OK) {
        rc = WA_PB_UNPACK(wa__sync_action_data__descriptor, item->raw,
                          arena, &d);
    }

    if (rc != WA_OK) {
        return rc;
    }

    item->op = r->op;
    item->index = wa_pb_span(&d->index);
    item->value = d->value;
    rc = wa_syncd_index_mac(keys, item->index, mac);

    if (rc == WA_OK && !ap->in->recovery
        && !wa_memeq(mac, r->index_mac.p, sizeof(mac)))
    {
        rc = WA_ERR_AUTH;
    }

    if (rc == WA_OK) {
        rc = take_index(arena, item);
        ap->n_items++;
    }

    return rc;
}


/* An index that is no array of strings says nothing to us; it is kept. */
static wa_err_t
take_index(wa_arena_t *arena, wa_as_item_t *item)
{
    const wa_jv_t  *list, *v;

    list = wa_jv_read(item->index, arena);

    if (list == NULL || list->type != WA_JV_ARRAY || list->count == 0) {
        return WA_OK;
    }

    for (v = list->u.child;
         v != NULL && v->type == WA_JV_STRING
         && item->n_parts < WA_APPSTATE_INDEX_MAX;
         v = v->next)
    {
        item->part[item->n_parts++] = v->u.s;
    }

    return WA_OK;
}


static void
take_need(wa_task_t *t)
{
    size_t          i, k, n, count;
    wa_err_t        rc;
    wa_jid_t        jids[TAKE_JIDS + 2];
    wa_key_t       *keys;
    wa_as_apply_t  *ap;

    ap = t->data;
    ap->learned = 0;
    n = 0;
    keys = wa_arena_alloc(&t->account->appstate->scratch,
                          sizeof(*keys) * (WA_AS_SLICE * (TAKE_JIDS + 2)
                                           + WA_APPSTATE_KEYS));

    if (keys == NULL) {
        wa_as_apply_end(t, WA_ERR_NOMEM);
        return;
    }

    for (i = 0; i < ap->n_items; i++) {
        count = wa_as_event_jids(&ap->items[i], jids);

        if (wa_as_event_pair(&ap->items[i], &jids[count],
                             &jids[count + 1]))
        {
            count += 2;
        }

        for (k = 0; k < count; k++) {
            n += wa_lid_need(&jids[k], &t->account->appstate->scratch,
                             keys + n);
        }
    }

    n += wa_appstate_need(keys + n);
    t->resume = take_learn;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        take_learn(t, rc);
    }
}


/* Most pairs are known.  One that is refused is not ours to judge. */
static void
take_learn(wa_task_t *t, wa_err_t rc)
{
    wa_key_t        keys[WA_APPSTATE_KEYS];
    wa_jid_t        pn, lid, known;
    wa_as_apply_t  *ap;

    ap = t->data;

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_SYNTAX) {
        wa_as_apply_end(t, rc);
        return;
    }

    while (ap->learned < ap->n_items) {

        if (!wa_as_event_pair(&ap->items[ap->learned++], &pn, &lid)
            || (wa_lid_of(t->account, &pn, &known)
                && wa_jid_eq_bare(&known, &lid)))
        {
            continue;
        }

        t->resume = take_learn;
        rc = wa_lid_learn(t, &pn, &lid);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    t->resume = take_tell;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        take_tell(t, rc);
    }
}


static void
take_tell(wa_task_t *t, wa_err_t rc)
{
    size_t          i;
    wa_as_sink_t    s;
    wa_as_apply_t  *ap;

    ap = t->data;

    if (rc != WA_OK) {
        wa_as_apply_end(t, rc);
        return;
    }

    memset(&s, 0, sizeof(s));
    s.u = wa_unit_new(t->account);
    s.collection = ap->in->collection;
    s.version = ap->version;
    s.snapshot = ap->in->snapshot;
    s.single = !ap->in->snapshot && ap->n_changes <= WA_AS_SINGLE_MAX;
    s.err = (s.u == NULL) ? WA_ERR_NOMEM : WA_OK;

    for (i = 0; i < ap->n_items; i++) {
        wa_as_event(&s, &ap->items[i]);
    }

    rc = wa_as_event_end(&s, ap->last);

    if (rc == WA_OK && ap->last && take_is_small(ap)) {
        rc = take_state(s.u, ap);
    }

    if (rc != WA_OK) {
        wa_unit_drop(s.u);
        wa_as_apply_end(t, rc);
        return;
    }

    if (ap->in->ahead && s.single && ap->last && take_is_small(ap)) {
        wa_as_apply_end(t, wa_unit_commit(s.u, NULL));
        return;
    }

    t->resume = take_told;
    rc = wa_task_commit(t, s.u);

    if (rc != WA_AGAIN) {
        wa_as_apply_end(t, rc);
    }
}


static bool
take_is_small(const wa_as_apply_t *ap)
{
    return wa_as_map_bytes(&ap->map) < TAKE_MAP;
}


/*
 * The rest of the map, as far as one unit goes, and with the end of it what is
 * known then.  Between two units the collection is not known: after a crash
 * all of it is fetched again.
 */
static wa_err_t
take_state(wa_unit_t *u, wa_as_apply_t *ap)
{
    wa_as_t              as;
    wa_err_t             rc;
    wa_as_collection_t  *c;

    rc = wa_as_get(wa_unit_account(u), &as);

    if (rc != WA_OK) {
        return rc == WA_AGAIN ? WA_ERR_IO : rc;
    }

    c = &as.c[ap->in->collection];
    rc = wa_as_map_put(u, ap->in->collection, &ap->map, TAKE_MAP,
                       &ap->bucket);
    c->known = (ap->bucket == WA_AS_BUCKETS);

    if (c->known) {
        c->version = ap->version;
        memcpy(c->hash, ap->hash, WA_LTHASH_LEN);
    }

    return rc == WA_OK ? wa_as_put(u, &as) : rc;
}


static void
take_told(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t  *ap;

    ap = t->data;
    ap->n_items = 0;
    wa_arena_reset(&t->account->appstate->scratch);

    if (rc == WA_OK && ap->last && !take_is_small(ap)) {
        take_map(t);
        return;
    }

    if (rc != WA_OK || ap->last) {
        wa_as_apply_end(t, rc);
        return;
    }

    take_open(t, WA_OK);
}


static void
take_map(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  keys[WA_APPSTATE_KEYS];

    t->resume = take_map_known;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        take_map_known(t, rc);
    }
}


static void
take_map_known(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t  *u;

    u = NULL;

    if (rc == WA_OK) {
        u = wa_unit_new(t->account);
        rc = (u == NULL) ? WA_ERR_NOMEM : take_state(u, t->data);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_as_apply_end(t, rc);
        return;
    }

    t->resume = take_map_put;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        wa_as_apply_end(t, rc);
    }
}


static void
take_map_put(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t  *ap;

    ap = t->data;

    if (rc == WA_OK && ap->bucket < WA_AS_BUCKETS) {
        take_map(t);
        return;
    }

    wa_as_apply_end(t, rc);
}
