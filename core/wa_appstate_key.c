/*
 * Keys of app state: shared by our phone, asked for when one is missing.
 */
#include "message.pb-c.h"

#include "wa_appstate_int.h"
#include "wa_pb.h"
#include "wa_primary.h"


/* A phone makes a new key some times a year. */
#define KEYS_MAX       1024

#define KEY_DATA_MAX   64


typedef Wa__AppStateKeys__Key  share_key_t;

typedef struct {
    wa_as_request_t   missing[WA_AS_REQUESTS];
    size_t            n;
} ask_t;


static wa_err_t share_one(wa_arena_t *arena, Wa__AppStateKeys *list,
    const Wa__AppStateSyncKey *key, bool *changed);
static wa_err_t ask_send(wa_unit_t *u, wa_task_t *t, const void *what);
static wa_err_t ask_message(wa_unit_t *u, wa_task_t *t, const ask_t *ask,
    const bool *due);


size_t
wa_appstate_need(wa_key_t *keys)
{
    keys[0].name = wa_span_str(WA_AS_RECORD);
    keys[0].day = 0;
    keys[1].name = wa_span_str(WA_AS_RECORD_KEYS);
    keys[1].day = 0;

    return WA_APPSTATE_KEYS;
}


wa_err_t
wa_as_keys_get(wa_account_t *a, wa_arena_t *arena, Wa__AppStateKeys **out)
{
    wa_err_t   rc;
    wa_span_t  value;

    rc = wa_record_get(a, WA_AS_RECORD_KEYS, 0, &value);

    if (rc != WA_OK) {
        return rc;
    }

    if (value.p != NULL) {
        return WA_PB_UNPACK(wa__app_state_keys__descriptor, value, arena,
                            out);
    }

    *out = wa_arena_calloc(arena, 1, sizeof(Wa__AppStateKeys));

    if (*out == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__app_state_keys__init(*out);

    return WA_OK;
}


bool
wa_as_key(const Wa__AppStateKeys *list, wa_span_t id, wa_syncd_keys_t *out)
{
    size_t  i;

    for (i = 0; i < list->n_keys; i++) {

        if (wa_span_eq(wa_pb_span(&list->keys[i]->id), id)) {
            return wa_syncd_keys(wa_pb_span(&list->keys[i]->data), out)
                   == WA_OK;
        }
    }

    return false;
}


/* Of the same time the one with the greater id. */
const Wa__AppStateKeys__Key *
wa_as_key_newest(const Wa__AppStateKeys *list)
{
    size_t         i, n;
    const share_key_t  *k, *best;

    best = NULL;

    for (i = 0; i < list->n_keys; i++) {
        k = list->keys[i];

        if (best == NULL || k->timestamp > best->timestamp) {
            best = k;
            continue;
        }

        n = k->id.len < best->id.len ? k->id.len : best->id.len;

        if (k->timestamp == best->timestamp
            && memcmp(k->id.data, best->id.data, n) > 0)
        {
            best = k;
        }
    }

    return best;
}


wa_err_t
wa_appstate_shared(wa_unit_t *u, wa_arena_t *arena,
    const Wa__AppStateSyncKeyShare *share)
{
    bool               changed;
    size_t             i;
    wa_as_t            as;
    wa_buf_t           out = WA_BUF_EMPTY;
    wa_err_t           rc;
    unsigned           mask;
    wa_account_t      *a;
    Wa__AppStateKeys  *list;

    a = wa_unit_account(u);
    changed = false;
    rc = wa_as_keys_get(a, arena, &list);

    for (i = 0; rc == WA_OK && i < share->n_keys; i++) {
        rc = share_one(arena, list, share->keys[i], &changed);
    }

    if (rc == WA_OK) {
        rc = wa_as_get(a, &as);
    }

    if (rc != WA_OK || !changed) {
        return rc;
    }

    rc = WA_PB_PACK(list, &out);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_AS_RECORD_KEYS, 0, wa_span_buf(&out));
    }

    wa_buf_wipe(&out);

    for (mask = 0, i = 0; i < WA_COLLECTION_MAX; i++) {

        if (!as.c[i].known || as.c[i].blocked || as.c[i].dirty) {
            mask |= 1u << i;
        }
    }

    if (rc == WA_OK && wa_as_state(a) != NULL) {
        a->appstate->answered |= (as.answers != 0);
        wa_as_want(a, mask);
    }

    return rc;
}


/* A key without data: the phone does not have it.  What is known stays. */
static wa_err_t
share_one(wa_arena_t *arena, Wa__AppStateKeys *list,
    const Wa__AppStateSyncKey *key, bool *changed)
{
    size_t      i;
    share_key_t     *k, **keys;
    wa_span_t   id, data;

    if (key->key_id == NULL || key->key_data == NULL) {
        return WA_OK;
    }

    id = wa_pb_span(&key->key_id->key_id);
    data = wa_pb_span(&key->key_data->key_data);

    if (id.n == 0 || id.n > WA_SYNCD_KEY_ID_MAX || data.n == 0
        || data.n > KEY_DATA_MAX || list->n_keys >= KEYS_MAX)
    {
        return WA_OK;
    }

    for (i = 0; i < list->n_keys; i++) {

        if (wa_span_eq(wa_pb_span(&list->keys[i]->id), id)) {
            return WA_OK;
        }
    }

    keys = wa_arena_calloc(arena, list->n_keys + 1, sizeof(*keys));
    k = wa_arena_calloc(arena, 1, sizeof(*k));

    if (keys == NULL || k == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__app_state_keys__key__init(k);
    k->has_id = 1;
    k->id = wa_pb_bytes(id);
    k->has_data = 1;
    k->data = wa_pb_bytes(data);
    k->has_timestamp = 1;
    k->timestamp = key->key_data->has_timestamp ? key->key_data->timestamp
                                                : 0;

    if (list->n_keys != 0) {
        memcpy(keys, list->keys, list->n_keys * sizeof(*keys));
    }

    keys[list->n_keys++] = k;
    list->keys = keys;
    *changed = true;

    return WA_OK;
}


/* -- asking --------------------------------------------------------------- */

void
wa_as_key_ask(wa_account_t *a, const wa_as_request_t *missing, size_t n)
{
    ask_t  ask;

    memset(&ask, 0, sizeof(ask));
    ask.n = n;
    memcpy(ask.missing, missing, n * sizeof(*missing));
    wa_as_ask(a, ask_send, &ask, sizeof(ask));
}


static wa_err_t
ask_send(wa_unit_t *u, wa_task_t *t, const void *what)
{
    bool           due[WA_AS_REQUESTS];
    size_t         i, k, n;
    int64_t        now;
    wa_as_t        as;
    wa_err_t       rc;
    const ask_t   *ask;
    wa_as_request_t  *r;

    ask = what;
    now = wa_unix_s(t->account);
    rc = wa_as_get(t->account, &as);

    if (rc != WA_OK) {
        return rc;
    }

    for (i = 0, n = 0; i < ask->n; i++) {

        for (k = 0; k < as.n_requests; k++) {

            if (as.requests[k].n == ask->missing[i].n
                && memcmp(as.requests[k].id, ask->missing[i].id,
                          as.requests[k].n) == 0)
            {
                break;
            }
        }

        due[i] = k == as.n_requests || now < as.requests[k].asked
                 || now - as.requests[k].asked >= WA_AS_AGAIN_S;

        if (!due[i]) {
            continue;
        }

        if (k == WA_AS_REQUESTS) {
            memmove(as.requests, as.requests + 1,
                    (WA_AS_REQUESTS - 1) * sizeof(as.requests[0]));
            k--;

        } else if (k == as.n_requests) {
            as.n_requests++;
        }

        r = &as.requests[k];
        *r = ask->missing[i];
        r->asked = now;
        n++;
    }

    if (n == 0) {
        return WA_OK;
    }

    rc = ask_message(u, t, ask, due);

    if (rc == WA_OK) {
        rc = wa_as_put(u, &as);
    }

    if (rc == WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "our phone is asked for %u keys of "
               "app state", (unsigned) n);
    }

    return rc;
}


static wa_err_t
ask_message(wa_unit_t *u, wa_task_t *t, const ask_t *ask, const bool *due)
{
    size_t                       i, n;
    wa_primary_message_t         message;
    Wa__AppStateSyncKeyId        ids[WA_AS_REQUESTS];
    Wa__AppStateSyncKeyId       *list[WA_AS_REQUESTS];
    Wa__AppStateSyncKeyRequest   request;

    wa__message__protocol_message__init(&message);
    wa__app_state_sync_key_request__init(&request);

    for (i = 0, n = 0; i < ask->n; i++) {

        if (due[i]) {
            wa__app_state_sync_key_id__init(&ids[n]);
            ids[n].has_key_id = 1;
            ids[n].key_id = wa_pb_bytes(wa_span(ask->missing[i].id,
                                                ask->missing[i].n));
            list[n] = &ids[n];
            n++;
        }
    }

    request.n_key_ids = n;
    request.key_ids = list;
    message.has_type = 1;
    message.type = WA_PRIMARY_TYPE(APP_STATE_SYNC_KEY_REQUEST);
    message.app_state_sync_key_request = &request;

    return wa_primary_send(u, &t->arena, &message);
}
