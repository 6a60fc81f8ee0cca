/*
 * One snapshot or one patch of app state: reading it, and what must be right
 * before anything of it counts.
 *
 *     apply_scan      every record once: what changes, which keys
 *     apply_scanned   of a patch whose mutations are a file: that, too
 *     apply_need      the map's part that changes
 *     apply_mix       hash and map, as they will be
 *     apply_check     the MACs; then wa_appstate_take.c
 *
 * Files come in pieces from the host and are read twice, so neither they nor
 * what is in them is ever in memory as a whole.  Long ones are worked on in
 * slices, so that the host's loop goes on between them.
 *
 * What our phone sent instead of a snapshot (recovery) has no MAC of its own:
 * it came from the phone alone, end to end.  It is whole when its records
 * make the hash that it names.
 */
#include "wa_appstate_int.h"
#include "wa_media_verbs.h"
#include "wa_out.h"


#define SCAN_SLICE  2000                /* records, not decrypted          */

/* A record as our phone sends it costs as much as so many of them: its index
   MAC is made here. */
#define SCAN_PLAIN  8

/* Of what our phone sent, unpacked. */
#define PLAIN_MAX   (16u * 1024 * 1024)
#define PLAIN_PIECE 8192

/* Buckets of the map that are opened at once, in bytes. */
#define LOAD_SLICE  (512u * 1024)

/* What is mixed at once: a change costs as much as looking at so many entries
   of its bucket, and that. */
#define MIX_SLICE   100000
#define MIX_COST    500


static void apply_begin(wa_task_t *t, wa_err_t rc);
static void apply_scan(wa_task_t *t, wa_err_t rc);
static wa_err_t apply_change(wa_task_t *t, wa_as_apply_t *ap,
    const wa_syncd_record_t *r);
static void apply_missing(wa_as_apply_t *ap, wa_span_t id);
static wa_err_t apply_recovered(wa_as_apply_t *ap, const wa_as_t *as);
static void apply_scanned(wa_task_t *t);
static void apply_known(wa_task_t *t, wa_err_t rc);
static wa_err_t apply_version(wa_task_t *t, wa_as_apply_t *ap, bool *skip);
static void apply_need(wa_task_t *t);
static void apply_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t apply_mac(wa_task_t *t, wa_as_apply_t *ap);
static void apply_mix(wa_task_t *t, wa_err_t rc);
static wa_err_t apply_check(wa_task_t *t, wa_as_apply_t *ap);
static wa_err_t source_feed(wa_task_t *t, wa_as_apply_t *ap);
static wa_err_t source_fetch(wa_task_t *t);
static void source_hosts(wa_task_t *t, wa_err_t rc);


wa_err_t
wa_as_apply(wa_task_t *parent, wa_as_input_t *in)
{
    wa_err_t        rc;
    wa_task_t      *t;
    wa_key_t        keys[WA_APPSTATE_KEYS];
    wa_as_apply_t  *ap;

    t = wa_task_child(parent, "app state", apply_begin);
    ap = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, sizeof(*ap));

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    if (ap == NULL || !wa_as_reader(t->account)) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    ap->in = in;
    t->data = ap;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        apply_begin(t, rc);
    }

    return WA_AGAIN;
}


static void
apply_begin(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t  *ap;

    ap = t->data;
    ap->form = ap->in->recovery ? WA_SYNCD_RECOVERY
               : ap->in->snapshot ? WA_SYNCD_SNAPSHOT : WA_SYNCD_PATCH;
    ap->external = (ap->form == WA_SYNCD_SNAPSHOT);

    if (rc == WA_OK && ap->external) {
        rc = wa_syncd_blob_read(ap->in->bytes, &ap->blob);
    }

    if (rc == WA_OK) {
        rc = wa_as_keys_get(t->account, &t->arena, &ap->keys);
    }

    if (rc != WA_OK) {
        wa_as_apply_end(t, rc);
        return;
    }

    wa_as_source_open(t, ap);
    apply_scan(t, WA_OK);
}


/* -- where records come from ---------------------------------------------- */

void
wa_as_source_open(wa_task_t *t, wa_as_apply_t *ap)
{
    wa_syncd_reader_t  *r;

    r = t->account->appstate->reader;
    wa_syncd_reader_free(r);
    wa_syncd_reader_init(r, ap->form);
    wa_inflater_free(t->account->appstate->inflater);
    t->account->appstate->inflater = NULL;
    ap->rest = ap->in->bytes;
    ap->ended = false;
    ap->f.offset = 0;
}


wa_err_t
wa_as_source_next(wa_task_t *t, wa_as_apply_t *ap,
    wa_syncd_record_t *record)
{
    wa_err_t            rc;
    wa_syncd_reader_t  *r;

    r = t->account->appstate->reader;

    for ( ;; ) {
        rc = wa_syncd_reader_next(r, record);

        if (rc != WA_AGAIN) {
            return rc;
        }

        if (ap->ended) {
            return wa_syncd_reader_ended(r) ? WA_ERR_STATE : WA_ERR_SYNTAX;
        }

        if (ap->external) {
            return WA_AGAIN;
        }

        rc = source_feed(t, ap);

        if (rc != WA_OK) {
            return rc;
        }
    }
}


/* Bytes that are here already: at once, or as they are unpacked. */
static wa_err_t
source_feed(wa_task_t *t, wa_as_apply_t *ap)
{
    size_t                 n;
    uint8_t                piece[PLAIN_PIECE];
    wa_err_t               rc;
    struct wa_appstate_s  *s;

    s = t->account->appstate;

    if (!ap->in->packed) {
        ap->ended = true;
        return wa_syncd_reader_feed(s->reader, ap->rest);
    }

    rc = WA_OK;

    if (s->inflater == NULL) {
        rc = wa_inflater_create_gzip(&s->inflater, PLAIN_MAX);
    }

    if (rc == WA_OK) {
        rc = wa_inflater_run(s->inflater, &ap->rest, piece, sizeof(piece),
                             &n);
    }

    if (rc == WA_OK) {
        ap->ended = wa_inflater_ended(s->inflater);
        rc = wa_syncd_reader_feed(s->reader, wa_span(piece, n));
    }

    wa_wipe(piece, sizeof(piece));

    return rc == WA_AGAIN ? WA_ERR_SYNTAX : rc;
}


wa_err_t
wa_as_source_wait(wa_task_t *t, wa_as_apply_t *ap, wa_task_pt then)
{
    ap->next = then;
    ap->f.conn = wa_media_conn(t->account);

    if (ap->fetched || ap->f.conn != NULL) {
        return source_fetch(t);
    }

    t->resume = source_hosts;

    return wa_task_iq(t, wa_media_conn_iq(&t->arena));
}


/* Without an answer the well-known hosts must do. */
static void
source_hosts(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t  *ap;

    ap = t->data;

    if (rc == WA_OK) {
        wa_media_conn_take(t->account, t->answer);
        ap->f.conn = wa_media_conn(t->account);
    }

    if (rc != WA_ERR_GONE) {
        rc = source_fetch(t);
    }

    if (rc != WA_AGAIN) {
        wa_as_apply_end(t, rc == WA_ERR_GONE ? WA_ERR_TIMEOUT : rc);
    }
}


static wa_err_t
source_fetch(wa_task_t *t)
{
    wa_as_apply_t  *ap;

    ap = t->data;

    if (!ap->fetched) {
        ap->fetched = true;
        ap->f.token = ++t->account->appstate->tokens;
        ap->f.kind = WA_MEDIA_APP_STATE;
        ap->f.path = wa_span_str(ap->blob.path);
        ap->f.key = ap->blob.media_key;
        ap->f.sha256 = ap->blob.has_sha256 ? ap->blob.sha256 : NULL;
        ap->f.enc_sha256 = ap->blob.has_enc_sha256 ? ap->blob.enc_sha256
                                                   : NULL;
    }

    ap->fetching = true;
    t->resume = ap->next;

    return wa_task_fetch(t, &ap->f);
}


wa_err_t
wa_as_source_take(wa_task_t *t, wa_as_apply_t *ap, wa_err_t rc)
{
    if (!ap->fetching) {
        return rc;
    }

    ap->fetching = false;

    if (rc == WA_OK && t->piece.n == 0) {
        ap->ended = true;

    } else if (rc == WA_OK) {
        ap->f.offset += t->piece.n;
        rc = wa_syncd_reader_feed(t->account->appstate->reader, t->piece);
    }

    return rc;
}


/* -- what changes --------------------------------------------------------- */

static void
apply_scan(wa_task_t *t, wa_err_t rc)
{
    size_t              n;
    wa_as_apply_t      *ap;
    wa_syncd_record_t   r;

    ap = t->data;
    rc = wa_as_source_take(t, ap, rc);

    for (n = 0; rc == WA_OK && n < SCAN_SLICE;
         n += ap->in->recovery ? SCAN_PLAIN : 1)
    {
        rc = wa_as_source_next(t, ap, &r);

        if (rc == WA_OK) {
            rc = apply_change(t, ap, &r);
        }
    }

    if (rc == WA_OK) {
        t->resume = apply_scan;
        (void) wa_task_sleep(t, t->account->now);
        return;
    }

    if (rc == WA_ERR_STATE) {
        apply_scanned(t);
        return;
    }

    if (rc == WA_AGAIN) {
        rc = wa_as_source_wait(t, ap, apply_scan);
    }

    if (rc != WA_AGAIN) {
        wa_as_apply_end(t, rc);
    }
}


static wa_err_t
apply_change(wa_task_t *t, wa_as_apply_t *ap, const wa_syncd_record_t *r)
{
    wa_err_t                rc;
    wa_as_block_t          *b;
    wa_as_change_t         *c;
    const wa_syncd_keys_t  *keys;

    if (ap->n_changes >= WA_AS_CHANGES_MAX) {
        return WA_ERR_LIMIT;
    }

    b = ap->block;

    if (b == NULL || b->n == WA_AS_BLOCK) {
        b = wa_arena_alloc(&t->arena, sizeof(*b));

        if (b == NULL) {
            return WA_ERR_NOMEM;
        }

        b->next = NULL;
        b->n = 0;

        if (ap->block == NULL) {
            ap->blocks = b;

        } else {
            ap->block->next = b;
        }

        ap->block = b;
    }

    c = &b->c[b->n++];
    c->op = (uint8_t) r->op;
    memcpy(c->value_mac, r->value_mac.p, WA_SYNCD_MAC_LEN);
    keys = wa_as_derive(t, ap, r->key_id);
    rc = WA_OK;

    if (keys == NULL) {
        apply_missing(ap, r->key_id);
    }

    if (!ap->in->recovery) {
        memcpy(c->index_mac, r->index_mac.p, WA_SYNCD_MAC_LEN);

    } else if (keys != NULL) {
        rc = wa_syncd_index_mac(keys, r->index, c->index_mac);

    } else {
        memset(c->index_mac, 0, WA_SYNCD_MAC_LEN);      /* not used */
    }

    ap->map.touched |= (uint64_t) 1 << wa_as_bucket(c->index_mac);
    ap->n_changes++;

    return rc;
}


static void
apply_missing(wa_as_apply_t *ap, wa_span_t id)
{
    size_t          i;
    wa_as_input_t  *in;

    in = ap->in;

    for (i = 0; i < in->n_missing; i++) {

        if (wa_span_eq(wa_span(in->missing[i].id, in->missing[i].n), id)) {
            return;
        }
    }

    if (i < WA_AS_REQUESTS) {
        memcpy(in->missing[i].id, id.p, id.n);
        in->missing[i].n = id.n;
        in->n_missing++;
    }
}


/* The last ones stay derived: records mostly have the same key. */
const wa_syncd_keys_t *
wa_as_derive(wa_task_t *t, wa_as_apply_t *ap, wa_span_t id)
{
    size_t           i;
    wa_span_t        copy;
    wa_syncd_keys_t  keys;

    for (i = 0; i < ap->n_derived; i++) {

        if (wa_span_eq(ap->derived[i].id, id)) {
            return &ap->derived[i].keys;
        }
    }

    if (!wa_as_key(ap->keys, id, &keys)
        || wa_arena_dup_span(&t->arena, id, &copy) != WA_OK)
    {
        return NULL;
    }

    i = ap->n_derived < WA_AS_DERIVED ? ap->n_derived++ : WA_AS_DERIVED - 1;
    ap->derived[i].id = copy;
    ap->derived[i].keys = keys;
    wa_wipe(&keys, sizeof(keys));

    return &ap->derived[i].keys;
}


static void
apply_scanned(wa_task_t *t)
{
    wa_err_t        rc;
    wa_key_t        keys[WA_APPSTATE_KEYS];
    wa_as_apply_t  *ap;

    ap = t->data;

    if (ap->form != WA_SYNCD_MUTATIONS) {
        ap->head = t->account->appstate->reader->head;

        if (ap->head.has_blob) {
            ap->blob = ap->head.blob;
            ap->external = true;
            ap->form = WA_SYNCD_MUTATIONS;
            wa_as_source_open(t, ap);
            apply_scan(t, WA_OK);
            return;
        }
    }

    t->resume = apply_known;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        apply_known(t, rc);
    }
}


static void
apply_known(wa_task_t *t, wa_err_t rc)
{
    bool            skip;
    wa_span_t       id;
    wa_as_apply_t  *ap;

    ap = t->data;
    skip = false;

    if (rc == WA_OK) {
        rc = apply_version(t, ap, &skip);
    }

    if (rc != WA_OK || skip) {
        wa_as_apply_end(t, rc);
        return;
    }

    id = wa_span(ap->head.key_id, ap->head.key_id_len);

    if (!ap->in->recovery && wa_as_derive(t, ap, id) == NULL) {
        apply_missing(ap, id);
    }

    if (ap->in->n_missing != 0) {
        wa_as_apply_end(t, WA_ERR_NO_SESSION);
        return;
    }

    apply_need(t);
}


/* A patch follows what is known, or it is known already. */
static wa_err_t
apply_version(wa_task_t *t, wa_as_apply_t *ap, bool *skip)
{
    wa_as_t    as;
    uint64_t   known;
    wa_err_t   rc;

    *skip = false;
    rc = wa_as_get(t->account, &as);

    if (rc != WA_OK) {
        return rc;
    }

    if (ap->in->recovery) {
        return apply_recovered(ap, &as);
    }

    known = as.c[ap->in->collection].version;

    if (!ap->head.has_snapshot_mac || ap->head.key_id_len == 0
        || (!ap->in->snapshot && !ap->head.has_patch_mac)
        || (ap->in->snapshot && !ap->head.has_version)
        || ap->head.has_exit)
    {
        return WA_ERR_SYNTAX;
    }

    ap->version = ap->head.has_version ? ap->head.version : known + 1;

    if (ap->in->snapshot) {
        return WA_OK;
    }

    *skip = ap->version <= known;

    return *skip || ap->version == known + 1 ? WA_OK : WA_ERR_AUTH;
}


/* Wanted still, and not from before what is known. */
static wa_err_t
apply_recovered(wa_as_apply_t *ap, const wa_as_t *as)
{
    wa_collection_e            k;
    const wa_syncd_head_t     *h;
    const wa_as_collection_t  *c;

    h = &ap->head;
    k = wa_collection_find(wa_span(h->name, h->name_len));

    if (k == WA_COLLECTION_MAX || !h->has_version || h->version == 0
        || !h->has_hash)
    {
        return WA_ERR_SYNTAX;
    }

    c = &as->c[k];

    if (c->asked == 0
        || (c->known && (!c->dirty || h->version < c->version)))
    {
        return WA_ERR_STATE;
    }

    ap->in->collection = k;
    ap->version = h->version;

    return WA_OK;
}


/* -- hash and map --------------------------------------------------------- */

/* A snapshot starts from nothing and replaces all of the map.  The first
   bucket tells how many of them are read at a time. */
static void
apply_need(wa_task_t *t)
{
    size_t          n, some;
    uint64_t        left;
    wa_err_t        rc;
    wa_key_t        keys[WA_AS_BUCKETS + WA_APPSTATE_KEYS];
    wa_as_apply_t  *ap;

    ap = t->data;

    if (ap->in->snapshot) {
        ap->map.touched = UINT64_MAX;
        ap->loaded = UINT64_MAX;
    }

    left = ap->map.touched & ~ap->loaded;
    some = ap->loaded == 0 ? 1 : LOAD_SLICE / (ap->largest + 1) + 1;
    ap->loading = wa_as_map_some(left, some);
    n = wa_as_map_need(ap->loading, ap->in->collection, &t->arena, keys, &rc);
    n += wa_appstate_need(keys + n);
    t->resume = apply_loaded;

    if (rc == WA_OK) {
        rc = wa_task_need(t, keys, n);
    }

    if (rc != WA_AGAIN) {
        apply_loaded(t, rc);
    }
}


static void
apply_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t          bytes;
    wa_as_t         as;
    wa_as_apply_t  *ap;

    ap = t->data;
    bytes = 0;

    if (rc == WA_OK) {
        rc = wa_as_map_load(t->account, ap->in->collection, ap->loading,
                            &t->arena, &ap->map, &bytes);
        ap->loaded |= ap->loading;
        ap->largest = bytes > ap->largest ? bytes : ap->largest;
    }

    if (rc == WA_OK && (ap->map.touched & ~ap->loaded) != 0) {
        apply_need(t);
        return;
    }

    if (rc == WA_OK && !ap->in->snapshot) {
        rc = wa_as_get(t->account, &as);
    }

    if (rc == WA_OK && !ap->in->snapshot) {
        memcpy(ap->hash, as.c[ap->in->collection].hash, WA_LTHASH_LEN);
        rc = apply_mac(t, ap);
    }

    if (rc != WA_OK) {
        wa_as_apply_end(t, rc);
        return;
    }

    ap->block = ap->blocks;
    ap->told = 0;
    apply_mix(t, WA_OK);
}


/* The MAC of a patch goes over the value MACs of all its mutations. */
static wa_err_t
apply_mac(wa_task_t *t, wa_as_apply_t *ap)
{
    const wa_syncd_keys_t  *keys;

    keys = wa_as_derive(t, ap, wa_span(ap->head.key_id,
                                       ap->head.key_id_len));

    return keys == NULL
           ? WA_ERR_NOMEM
           : wa_syncd_patch_mac_begin(keys, ap->head.snapshot_mac,
                                      &t->account->appstate->patch_mac);
}


static void
apply_mix(wa_task_t *t, wa_err_t rc)
{
    size_t                 cost;
    wa_as_apply_t         *ap;
    const wa_as_change_t  *c;

    ap = t->data;
    cost = 0;

    while (rc == WA_OK && ap->block != NULL && cost < MIX_SLICE) {
        c = &ap->block->c[ap->told];
        cost += MIX_COST + ap->map.n[wa_as_bucket(c->index_mac)];
        rc = wa_as_map_mix(&ap->map, &t->arena,
                           c->op == WA_SYNCD_SET ? WA_SYNCD_SET
                                                 : WA_SYNCD_REMOVE,
                           c->index_mac, c->value_mac, ap->hash);

        if (rc == WA_OK && !ap->in->snapshot) {
            rc = wa_hmac_update(t->account->appstate->patch_mac,
                                wa_span(c->value_mac, WA_SYNCD_MAC_LEN));
        }

        if (++ap->told == ap->block->n) {
            ap->block = ap->block->next;
            ap->told = 0;
        }
    }

    if (rc == WA_OK && ap->block != NULL) {
        t->resume = apply_mix;
        (void) wa_task_sleep(t, t->account->now);
        return;
    }

    if (rc == WA_OK) {
        rc = apply_check(t, ap);
    }

    if (rc != WA_OK) {
        wa_as_apply_end(t, rc);
        return;
    }

    ap->told = 0;
    wa_as_take_start(t);
}


static wa_err_t
apply_check(wa_task_t *t, wa_as_apply_t *ap)
{
    uint8_t                 mac[WA_SYNCD_MAC_LEN];
    wa_err_t                rc;
    wa_span_t               name;
    const wa_syncd_keys_t  *keys;

    if (ap->in->recovery) {
        return wa_memeq(ap->hash, ap->head.hash, WA_LTHASH_LEN)
               ? WA_OK : WA_ERR_AUTH;
    }

    keys = wa_as_derive(t, ap, wa_span(ap->head.key_id,
                                       ap->head.key_id_len));
    name = wa_span_str(wa_collection_name(ap->in->collection));

    if (keys == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_syncd_snapshot_mac(keys, ap->hash, ap->version, name, mac);

    if (rc == WA_OK && !wa_memeq(mac, ap->head.snapshot_mac, sizeof(mac))) {
        rc = WA_ERR_AUTH;
    }

    if (rc != WA_OK || ap->in->snapshot) {
        return rc;
    }

    rc = wa_syncd_patch_mac_end(t->account->appstate->patch_mac, ap->version,
                                name, mac);

    if (rc == WA_OK && !wa_memeq(mac, ap->head.patch_mac, sizeof(mac))) {
        rc = WA_ERR_AUTH;
    }

    return rc;
}


void
wa_as_apply_end(wa_task_t *t, wa_err_t rc)
{
    wa_as_apply_t  *ap;

    ap = t->data;

    if (ap->fetched) {
        (void) wa_outq_fetched(t->account, ap->f.token);
    }

    wa_hmac_free(t->account->appstate->patch_mac);
    t->account->appstate->patch_mac = NULL;
    wa_inflater_free(t->account->appstate->inflater);
    t->account->appstate->inflater = NULL;
    wa_task_end(t, rc);
}
