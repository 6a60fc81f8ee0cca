/*
 * Patches of ours:
 *
 *     write_mine       one at a time; what is known?
 *     write_known      is it all there is?  a key to write with?
 *     write_loaded     the patch, as the collection will be with it
 *     write_answered   taken: it is applied as any other patch is
 *
 * Where the server knows more than we do (409) that is fetched, and the
 * patch made anew; and so it is with the next number, where something has
 * that of a new label already.
 */
#include <stdio.h>

#include "wa_appstate_int.h"
#include "wa_pb.h"


#define WRITE_TRIES    5

/* So many numbers after a taken one are tried one by one; then twice as far
   each time, because labels that were deleted keep theirs. */
#define WRITE_NEXT     8

/* Random bytes of one mutation. */
#define WRITE_IV       16


typedef struct {
    wa_as_waiter_t               waiter;
    wa_appstate_change_t        *changes;
    size_t                       n;
    unsigned                     tries;
    unsigned                     taken;        /* numbers                  */
    bool                         fetched;      /* in this try              */
    Wa__AppStateKeys            *keys;
    wa_span_t                    key_id;
    wa_syncd_keys_t              derived;
    wa_span_t                    index[WA_APPSTATE_CHANGES];   /* JSON     */
    wa_syncd_out_t               out[WA_APPSTATE_CHANGES];
    wa_as_map_t                  map;
    wa_as_input_t                in;
} write_t;


static void write_mine(wa_task_t *t, wa_err_t rc);
static void write_need(wa_task_t *t);
static void write_known(wa_task_t *t, wa_err_t rc);
static void write_fetched(wa_task_t *t, wa_err_t rc);
static wa_err_t write_key(wa_task_t *t, write_t *w);
static wa_err_t write_indexes(wa_task_t *t, write_t *w);
static void write_loaded(wa_task_t *t, wa_err_t rc);
static bool write_taken(write_t *w, wa_err_t *rc);
static wa_err_t write_patch(wa_task_t *t, write_t *w, uint64_t *version);
static wa_err_t write_mutation(wa_task_t *t, write_t *w, size_t i,
    uint8_t hash[WA_LTHASH_LEN]);
static wa_err_t write_ask(wa_task_t *t, write_t *w, uint64_t version);
static void write_answered(wa_task_t *t, wa_err_t rc);
static void write_applied(wa_task_t *t, wa_err_t rc);
static void write_end(wa_task_t *t, wa_err_t rc);


wa_err_t
wa_appstate_write(wa_task_t *parent, wa_appstate_change_t *changes,
    size_t n)
{
    size_t      i;
    write_t    *w;
    wa_task_t  *t;

    for (i = 0; i < n; i++) {

        if (changes[i].collection != changes[0].collection
            || changes[i].n_index == 0
            || changes[i].n_index > WA_APPSTATE_INDEX_MAX)
        {
            return WA_ERR_ARG;
        }
    }

    if (n == 0 || n > WA_APPSTATE_CHANGES) {
        return WA_ERR_ARG;
    }

    if (wa_as_state(parent->account) == NULL) {
        return WA_ERR_NOMEM;
    }

    t = wa_task_child(parent, "app state", write_mine);
    w = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, sizeof(write_t));

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    if (w == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    w->changes = changes;
    w->n = n;
    t->data = w;

    if (wa_as_enter(t, &w->waiter)) {
        wa_task_ready(t, WA_OK);
    }

    return WA_AGAIN;
}


static void
write_mine(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        write_end(t, rc);
        return;
    }

    write_need(t);
}


static void
write_need(wa_task_t *t)
{
    wa_err_t  rc;
    wa_key_t  keys[WA_APPSTATE_KEYS];

    t->resume = write_known;
    rc = wa_task_need(t, keys, wa_appstate_need(keys));

    if (rc != WA_AGAIN) {
        write_known(t, rc);
    }
}


static void
write_known(wa_task_t *t, wa_err_t rc)
{
    size_t               n;
    write_t             *w;
    wa_as_t              as;
    wa_key_t             keys[WA_AS_BUCKETS + WA_APPSTATE_KEYS];
    wa_as_collection_t  *c;

    w = t->data;

    if (rc == WA_OK && !wa_account_online(t->account)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = wa_as_get(t->account, &as);
    }

    if (rc == WA_OK) {
        rc = write_key(t, w);
    }

    if (rc != WA_OK) {
        write_end(t, rc);
        return;
    }

    c = &as.c[w->changes[0].collection];

    if (!w->fetched && (!c->known || c->dirty || c->blocked)) {
        w->fetched = true;
        t->resume = write_fetched;
        rc = wa_as_fetch(t, 1u << w->changes[0].collection);

        if (rc != WA_AGAIN) {
            write_end(t, rc);
        }

        return;
    }

    rc = write_indexes(t, w);
    n = 0;

    if (rc == WA_OK) {
        n = wa_as_map_need(w->map.touched, w->changes[0].collection,
                           &t->arena, keys, &rc);
    }

    n += wa_appstate_need(keys + n);
    t->resume = write_loaded;

    if (rc == WA_OK) {
        rc = wa_task_need(t, keys, n);
    }

    if (rc != WA_AGAIN) {
        write_loaded(t, rc);
    }
}


static void
write_fetched(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        write_end(t, rc);
        return;
    }

    write_need(t);
}


static wa_err_t
write_key(wa_task_t *t, write_t *w)
{
    wa_err_t                      rc;
    const Wa__AppStateKeys__Key  *key;

    rc = wa_as_keys_get(t->account, &t->arena, &w->keys);

    if (rc != WA_OK) {
        return rc;
    }

    key = wa_as_key_newest(w->keys);

    if (key == NULL) {
        return WA_ERR_STATE;
    }

    w->key_id = wa_pb_span(&key->id);

    return wa_syncd_keys(wa_pb_span(&key->data), &w->derived);
}


static wa_err_t
write_indexes(wa_task_t *t, write_t *w)
{
    char                  *text;
    size_t                 i, k;
    json_t                *list;
    wa_err_t               rc;
    wa_appstate_change_t  *c;

    memset(&w->map, 0, sizeof(w->map));
    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < w->n; i++) {
        c = &w->changes[i];
        list = json_array();

        if (c->number != 0) {
            (void) snprintf(c->digits, sizeof(c->digits), "%u", c->number);
            c->index[c->n_index - 1] = wa_span_str(c->digits);
        }

        for (k = 0; k < c->n_index; k++) {
            (void) json_array_append_new(list,
                json_stringn((const char *) c->index[k].p, c->index[k].n));
        }

        text = json_array_size(list) == c->n_index
               ? json_dumps(list, JSON_COMPACT) : NULL;
        rc = text == NULL ? WA_ERR_NOMEM
             : wa_arena_dup_span(&t->arena, wa_span_str(text),
                                 &w->index[i]);
        free(text);
        json_decref(list);

        if (rc == WA_OK) {
            rc = wa_syncd_index_mac(&w->derived, w->index[i],
                                    w->out[i].index_mac);
        }

        if (rc == WA_OK) {
            w->map.touched |= (uint64_t) 1
                              << wa_as_bucket(w->out[i].index_mac);
        }
    }

    return rc;
}


static void
write_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t     bytes;
    write_t   *w;
    uint64_t   version;

    w = t->data;
    version = 0;
    bytes = 0;

    if (rc == WA_OK) {
        rc = wa_as_map_load(t->account, w->changes[0].collection,
                            w->map.touched, &t->arena, &w->map, &bytes);
    }

    if (rc == WA_OK && write_taken(w, &rc)) {
        write_need(t);
        return;
    }

    if (rc == WA_OK) {
        rc = write_patch(t, w, &version);
    }

    if (rc == WA_OK) {
        rc = write_ask(t, w, version);
    }

    if (rc != WA_AGAIN) {
        write_end(t, rc);
    }
}


/* Of a new one, whose number is proposed by who does not know all that was
   made lately; true: with another number, once more. */
static bool
write_taken(write_t *w, wa_err_t *rc)
{
    size_t                 i;
    uint32_t               step;
    wa_appstate_change_t  *c;

    for (i = 0; i < w->n; i++) {
        c = &w->changes[i];

        if (c->number == 0 || !wa_as_map_has(&w->map, w->out[i].index_mac)) {
            continue;
        }

        step = w->taken < WRITE_NEXT ? 1 : 2u << (w->taken - WRITE_NEXT);

        if (c->number > INT32_MAX - step) {
            *rc = WA_ERR_LIMIT;
            return false;
        }

        c->number += step;
        w->taken++;

        return true;
    }

    return false;
}


/* w->in becomes the patch; *version: of what it follows. */
static wa_err_t
write_patch(wa_task_t *t, write_t *w, uint64_t *version)
{
    size_t            i;
    uint8_t           hash[WA_LTHASH_LEN], snapshot[WA_SYNCD_MAC_LEN];
    uint8_t           patch[WA_SYNCD_MAC_LEN];
    uint8_t           macs[WA_APPSTATE_CHANGES][WA_SYNCD_MAC_LEN];
    wa_as_t           as;
    wa_buf_t          bytes = WA_BUF_EMPTY;
    wa_err_t          rc;
    wa_span_t         name, blob;
    wa_collection_e   k;

    k = w->changes[0].collection;
    name = wa_span_str(wa_collection_name(k));
    rc = wa_as_get(t->account, &as);

    if (rc != WA_OK) {
        return rc;
    }

    memcpy(hash, as.c[k].hash, sizeof(hash));
    *version = as.c[k].version;

    for (i = 0; rc == WA_OK && i < w->n; i++) {
        rc = write_mutation(t, w, i, hash);

        if (rc == WA_OK) {
            blob = w->out[i].blob;
            memcpy(macs[i], blob.p + blob.n - WA_SYNCD_MAC_LEN,
                   WA_SYNCD_MAC_LEN);
        }
    }

    if (rc == WA_OK) {
        rc = wa_syncd_snapshot_mac(&w->derived, hash, *version + 1, name,
                                   snapshot);
    }

    if (rc == WA_OK) {
        rc = wa_syncd_patch_mac(&w->derived, snapshot, macs[0], w->n,
                                WA_SYNCD_MAC_LEN, *version + 1, name, patch);
    }

    if (rc == WA_OK) {
        rc = wa_syncd_patch_pack(w->out, w->n, w->key_id, snapshot, patch,
                                 &bytes);
    }

    memset(&w->in, 0, sizeof(w->in));
    w->in.collection = k;

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&bytes),
                               &w->in.bytes);
    }

    wa_buf_free(&bytes);

    return rc;
}


static wa_err_t
write_mutation(wa_task_t *t, write_t *w, size_t i,
    uint8_t hash[WA_LTHASH_LEN])
{
    uint8_t                      iv[WRITE_IV];
    wa_buf_t                     plain = WA_BUF_EMPTY, blob = WA_BUF_EMPTY;
    wa_err_t                     rc;
    Wa__SyncActionData           data;
    const wa_appstate_change_t  *c;

    c = &w->changes[i];
    wa__sync_action_data__init(&data);
    c->value->has_timestamp = 1;
    c->value->timestamp = wa_unix_ms(t->account);
    data.has_index = 1;
    data.index = wa_pb_bytes(w->index[i]);
    data.value = c->value;
    data.has_padding = 1;
    data.has_version = 1;
    data.version = c->version;

    wa_account_random(t->account, iv, sizeof(iv));
    rc = WA_PB_PACK(&data, &plain);

    if (rc == WA_OK) {
        rc = wa_syncd_seal(&w->derived, c->op, w->key_id, iv,
                           wa_span_buf(&plain), &blob);
    }

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&blob),
                               &w->out[i].blob);
    }

    if (rc == WA_OK) {
        w->out[i].op = c->op;
        rc = wa_as_map_mix(&w->map, &t->arena, c->op, w->out[i].index_mac,
                           blob.p + blob.n - WA_SYNCD_MAC_LEN, hash);
    }

    wa_buf_wipe(&plain);
    wa_buf_free(&blob);

    return rc;
}


static wa_err_t
write_ask(wa_task_t *t, write_t *w, uint64_t version)
{
    wa_node_t  *iq, *c, *patch;

    iq = wa_node_iq(&t->arena, "set", "w:sync:app:state");
    c = wa_node_add_new(&t->arena,
                        wa_node_add_new(&t->arena, iq, "sync"),
                        "collection");
    wa_node_set_str(&t->arena, c, "name",
                    wa_collection_name(w->in.collection));
    wa_node_set_u64(&t->arena, c, "version", version);
    wa_node_set_str(&t->arena, c, "return_snapshot", "false");
    patch = wa_node_add_new(&t->arena, c, "patch");
    wa_node_bytes(patch, w->in.bytes);

    t->resume = write_answered;
    return wa_task_iq(t, iq);
}


static void
write_answered(wa_task_t *t, wa_err_t rc)
{
    write_t          *w;
    uint64_t          code;
    const wa_node_t  *c;

    w = t->data;
    code = 0;

    if (rc == WA_OK) {
        c = wa_node_child(wa_node_child(t->answer, "sync"), "collection");

        if (c == NULL || wa_node_attr_is(c, "type", "error")) {
            (void) wa_node_attr_u64(wa_node_child(c, "error"), "code",
                                    &code);
            rc = WA_ERR_REFUSED;
        }

    } else if (rc == WA_ERR_REFUSED) {
        code = t->iq_code;
    }

    if (rc == WA_ERR_REFUSED && code == 409 && ++w->tries < WRITE_TRIES) {
        w->fetched = true;
        t->resume = write_fetched;
        rc = wa_as_fetch(t, 1u << w->in.collection);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_ERR_REFUSED) {
        wa_log(t->account, WA_LOG_WARN, "the server refuses a patch of app "
               "state %s: %u", wa_collection_name(w->in.collection),
               (unsigned) code);
    }

    if (rc == WA_OK) {
        t->resume = write_applied;
        rc = wa_as_apply(t, &w->in);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    write_end(t, rc);
}


/* The server has it: if it is not applied now, it is fetched. */
static void
write_applied(wa_task_t *t, wa_err_t rc)
{
    write_t  *w;

    w = t->data;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "our own patch of app state is not "
               "applied: %s", wa_err_name(rc));
        wa_as_want(t->account, 1u << w->in.collection);
    }

    write_end(t, WA_OK);
}


static void
write_end(wa_task_t *t, wa_err_t rc)
{
    write_t  *w;

    w = t->data;
    wa_wipe(&w->derived, sizeof(w->derived));
    wa_as_leave(t->account);
    wa_task_end(t, rc);
}
