/*
 * Records of app state, see wa_appstate_int.h.
 */
#include <stdio.h>

#include "wa_appstate_int.h"
#include "wa_pb.h"


static const char *const  collection_names[WA_COLLECTION_MAX] = {
    "critical_block", "critical_unblock_low", "regular_high", "regular_low",
    "regular"
};


static uint8_t *map_find(const wa_as_map_t *m, const uint8_t *index_mac);
static wa_err_t map_room(wa_as_map_t *m, wa_arena_t *arena, unsigned b);


const char *
wa_collection_name(wa_collection_e c)
{
    return collection_names[c];
}


wa_collection_e
wa_collection_find(wa_span_t name)
{
    unsigned  i;

    for (i = 0; i < WA_COLLECTION_MAX; i++) {

        if (wa_span_eq_str(name, collection_names[i])) {
            break;
        }
    }

    return (wa_collection_e) i;
}


wa_err_t
wa_as_get(wa_account_t *a, wa_as_t *out)
{
    size_t                      i;
    wa_err_t                    rc;
    wa_span_t                   value;
    wa_arena_t                  arena;
    Wa__AppState               *s;
    wa_collection_e             k;
    wa_as_collection_t         *c;
    Wa__AppState__Collection   *from;

    memset(out, 0, sizeof(*out));
    rc = wa_record_get(a, WA_AS_RECORD, 0, &value);

    if (rc != WA_OK || value.p == NULL) {
        return rc;
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);
    rc = WA_PB_UNPACK(wa__app_state__descriptor, value, &arena, &s);

    for (i = 0; rc == WA_OK && i < s->n_collections; i++) {
        from = s->collections[i];
        k = wa_collection_find(wa_span_str(from->name));

        if (k == WA_COLLECTION_MAX || from->hash.len != WA_LTHASH_LEN) {
            continue;
        }

        c = &out->c[k];
        c->known = from->known;
        c->dirty = from->dirty;
        c->blocked = from->blocked;
        c->version = from->version;
        c->asked = from->asked;
        memcpy(c->hash, from->hash.data, WA_LTHASH_LEN);
    }

    for (i = 0; rc == WA_OK && i < s->n_requests
                && out->n_requests < WA_AS_REQUESTS; i++)
    {
        if (s->requests[i]->key_id.len > WA_SYNCD_KEY_ID_MAX
            || s->requests[i]->key_id.len == 0)
        {
            continue;
        }

        out->requests[out->n_requests].n = s->requests[i]->key_id.len;
        out->requests[out->n_requests].asked = s->requests[i]->asked;
        memcpy(out->requests[out->n_requests].id,
               s->requests[i]->key_id.data, s->requests[i]->key_id.len);
        out->n_requests++;
    }

    if (rc == WA_OK) {
        out->answers = s->answers & ((1u << WA_AS_ANSWERS) - 1);
    }

    wa_arena_free(&arena);

    return rc;
}


wa_err_t
wa_as_put(wa_unit_t *u, const wa_as_t *as)
{
    size_t                     i;
    wa_buf_t                   out = WA_BUF_EMPTY;
    wa_err_t                   rc;
    Wa__AppState               s;
    Wa__AppState__Request      requests[WA_AS_REQUESTS];
    Wa__AppState__Request     *prequests[WA_AS_REQUESTS];
    Wa__AppState__Collection   list[WA_COLLECTION_MAX];
    Wa__AppState__Collection  *plist[WA_COLLECTION_MAX];

    wa__app_state__init(&s);

    for (i = 0; i < WA_COLLECTION_MAX; i++) {
        wa__app_state__collection__init(&list[i]);
        list[i].name = (char *) (uintptr_t) collection_names[i];
        list[i].has_known = 1;
        list[i].known = as->c[i].known;
        list[i].has_dirty = 1;
        list[i].dirty = as->c[i].dirty;
        list[i].has_blocked = 1;
        list[i].blocked = as->c[i].blocked;
        list[i].has_asked = (as->c[i].asked != 0);
        list[i].asked = as->c[i].asked;
        list[i].has_version = 1;
        list[i].version = as->c[i].version;
        list[i].has_hash = 1;
        list[i].hash = wa_pb_bytes(wa_span(as->c[i].hash, WA_LTHASH_LEN));
        plist[i] = &list[i];
    }

    for (i = 0; i < as->n_requests; i++) {
        wa__app_state__request__init(&requests[i]);
        requests[i].has_key_id = 1;
        requests[i].key_id = wa_pb_bytes(wa_span(as->requests[i].id,
                                                 as->requests[i].n));
        requests[i].has_asked = 1;
        requests[i].asked = as->requests[i].asked;
        prequests[i] = &requests[i];
    }

    s.n_collections = WA_COLLECTION_MAX;
    s.collections = plist;
    s.n_requests = as->n_requests;
    s.requests = prequests;
    s.has_answers = (as->answers != 0);
    s.answers = as->answers;

    rc = WA_PB_PACK(&s, &out);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_AS_RECORD, 0, wa_span_buf(&out));
    }

    wa_buf_free(&out);

    return rc;
}


unsigned
wa_as_bucket(const uint8_t *index_mac)
{
    return index_mac[0] >> 2;
}


void
wa_as_map_name(wa_collection_e c, unsigned bucket, char *name)
{
    (void) snprintf(name, WA_AS_NAME, "as/%s/%02x", collection_names[c],
                    bucket);
}


size_t
wa_as_map_need(uint64_t mask, wa_collection_e c, wa_arena_t *arena,
    wa_key_t *keys, wa_err_t *rc)
{
    char      name[WA_AS_NAME];
    size_t    n;
    unsigned  b;

    n = 0;
    *rc = WA_OK;

    for (b = 0; b < WA_AS_BUCKETS && *rc == WA_OK; b++) {

        if ((mask >> b & 1) != 0) {
            wa_as_map_name(c, b, name);
            keys[n].day = 0;
            *rc = wa_arena_dup_span(arena, wa_span_str(name),
                                    &keys[n].name);
            n++;
        }
    }

    return *rc == WA_OK ? n : 0;
}


uint64_t
wa_as_map_some(uint64_t mask, size_t n)
{
    uint64_t  some;
    unsigned  b;

    for (some = 0, b = 0; b < WA_AS_BUCKETS && n != 0; b++) {

        if ((mask >> b & 1) != 0) {
            some |= (uint64_t) 1 << b;
            n--;
        }
    }

    return some;
}


wa_err_t
wa_as_map_load(wa_account_t *a, wa_collection_e c, uint64_t mask,
    wa_arena_t *arena, wa_as_map_t *m, size_t *bytes)
{
    char       name[WA_AS_NAME];
    unsigned   b;
    wa_err_t   rc;
    wa_span_t  value;

    for (b = 0; b < WA_AS_BUCKETS; b++) {

        if ((mask >> b & 1) == 0) {
            continue;
        }

        wa_as_map_name(c, b, name);
        rc = wa_record_get(a, name, 0, &value);

        if (rc != WA_OK) {
            return rc;
        }

        m->n[b] = 0;
        m->cap[b] = (uint32_t) (value.n / WA_AS_ENTRY);
        *bytes += value.n;

        if (m->cap[b] == 0) {
            continue;
        }

        m->entries[b] = wa_arena_dup(arena, value.p, value.n);

        if (m->entries[b] == NULL) {
            return WA_ERR_NOMEM;
        }

        m->n[b] = m->cap[b];
    }

    return WA_OK;
}


wa_err_t
wa_as_map_mix(wa_as_map_t *m, wa_arena_t *arena, wa_syncd_op_e op,
    const uint8_t *index_mac, const uint8_t *value_mac,
    uint8_t hash[WA_LTHASH_LEN])
{
    uint8_t   *e;
    wa_err_t   rc;
    unsigned   b;

    b = wa_as_bucket(index_mac);
    e = map_find(m, index_mac);

    if (e == NULL) {

        if (op == WA_SYNCD_REMOVE) {
            return WA_OK;
        }

        rc = map_room(m, arena, b);

        if (rc == WA_OK) {
            rc = wa_lthash_add(hash, value_mac);
        }

        if (rc == WA_OK) {
            e = m->entries[b] + (size_t) m->n[b] * WA_AS_ENTRY;
            memcpy(e, index_mac, WA_SYNCD_MAC_LEN);
            memcpy(e + WA_SYNCD_MAC_LEN, value_mac, WA_SYNCD_MAC_LEN);
            m->n[b]++;
        }

        return rc;
    }

    rc = wa_lthash_sub(hash, e + WA_SYNCD_MAC_LEN);

    if (rc != WA_OK) {
        return rc;
    }

    if (op == WA_SYNCD_SET) {
        memcpy(e + WA_SYNCD_MAC_LEN, value_mac, WA_SYNCD_MAC_LEN);
        return wa_lthash_add(hash, value_mac);
    }

    m->n[b]--;
    memmove(e, m->entries[b] + (size_t) m->n[b] * WA_AS_ENTRY, WA_AS_ENTRY);

    return WA_OK;
}


bool
wa_as_map_has(const wa_as_map_t *m, const uint8_t *index_mac)
{
    return map_find(m, index_mac) != NULL;
}


static uint8_t *
map_find(const wa_as_map_t *m, const uint8_t *index_mac)
{
    uint8_t   *e;
    uint32_t   i;
    unsigned   b;

    b = wa_as_bucket(index_mac);

    for (i = 0; i < m->n[b]; i++) {
        e = m->entries[b] + (size_t) i * WA_AS_ENTRY;

        if (memcmp(e, index_mac, WA_SYNCD_MAC_LEN) == 0) {
            return e;
        }
    }

    return NULL;
}


static wa_err_t
map_room(wa_as_map_t *m, wa_arena_t *arena, unsigned b)
{
    uint8_t   *more;
    uint32_t   cap;

    if (m->n[b] < m->cap[b]) {
        return WA_OK;
    }

    cap = m->cap[b] < 4 ? 8 : 2 * m->cap[b];
    more = wa_arena_alloc(arena, (size_t) cap * WA_AS_ENTRY);

    if (more == NULL) {
        return WA_ERR_NOMEM;
    }

    if (m->n[b] != 0) {
        memcpy(more, m->entries[b], (size_t) m->n[b] * WA_AS_ENTRY);
    }

    m->entries[b] = more;
    m->cap[b] = cap;

    return WA_OK;
}


size_t
wa_as_map_bytes(const wa_as_map_t *m)
{
    size_t    n;
    unsigned  b;

    for (n = 0, b = 0; b < WA_AS_BUCKETS; b++) {

        if ((m->touched >> b & 1) != 0) {
            n += (size_t) m->n[b] * WA_AS_ENTRY;
        }
    }

    return n;
}


wa_err_t
wa_as_map_put(wa_unit_t *u, wa_collection_e c, const wa_as_map_t *m,
    size_t max, unsigned *bucket)
{
    char      name[WA_AS_NAME];
    size_t    n, bytes;
    unsigned  b;
    wa_err_t  rc;

    rc = WA_OK;
    bytes = 0;

    for (b = *bucket; rc == WA_OK && b < WA_AS_BUCKETS && bytes < max; b++) {

        if ((m->touched >> b & 1) == 0) {
            continue;
        }

        wa_as_map_name(c, b, name);
        n = (size_t) m->n[b] * WA_AS_ENTRY;
        bytes += n;
        rc = n == 0 ? wa_unit_del(u, name, 0)
                    : wa_unit_put_cold(u, name, 0, wa_span(m->entries[b], n));
    }

    *bucket = b;

    return rc;
}
