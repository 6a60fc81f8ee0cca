/*
 * Reading, verifying and fetching prekey bundles.  A fetch copies every
 * bundle out of the answer and makes sessions from a few at a time, because
 * one costs about 0.3 ms and other accounts share the worker.
 */
#include "wa_account_int.h"
#include "wa_adv.h"
#include "wa_bundle.h"
#include "wa_device.h"
#include "wa_rd.h"
#include "wa_signal.h"


#define BUNDLE_STEP      4              /* sessions made per loop turn     */
#define BUNDLE_GONE      406            /* device not registered any more  */
#define BUNDLE_KEY_TYPE  5


typedef struct {
    const wa_jid_t  *devices;           /* in the task's arena             */
    wa_err_t        *results;           /* the parent's                    */
    wa_bundle_t     *bundles;
    size_t          *order;             /* indices, primary devices first  */
    size_t           n;
    size_t           next;              /* first of order not processed    */
} bundle_fetch_t;


static bool bundle_uint(wa_span_t bytes, size_t len, uint32_t *out);
static bool bundle_bytes(wa_span_t bytes, size_t len, uint8_t *out);
static void fetch_order(bundle_fetch_t *f);
static void fetch_start(wa_task_t *t);
static void fetch_answered(wa_task_t *t, wa_err_t rc);
static wa_err_t fetch_take(wa_task_t *t, const wa_node_t *user);
static void fetch_step(wa_task_t *t, wa_err_t rc);
static wa_err_t fetch_process(wa_task_t *t, size_t end);


wa_err_t
wa_bundle_parse(const wa_node_t *node, const wa_node_t *registration,
    wa_bundle_t *out)
{
    wa_span_t         type;
    wa_bundle_t       b;
    const wa_node_t  *skey, *key;

    if (wa_node_child(node, "error") != NULL) {
        return WA_ERR_REFUSED;
    }

    memset(&b, 0, sizeof(b));

    if (registration == NULL) {
        registration = wa_node_child(node, "registration");
    }

    type = wa_node_child_content(node, "type");

    if (type.p != NULL && (type.n != 1 || type.p[0] != BUNDLE_KEY_TYPE)) {
        return WA_ERR_SYNTAX;
    }

    skey = wa_node_child(node, "skey");

    if (!bundle_uint(wa_node_content(registration), 4, &b.registration_id)
        || !bundle_bytes(wa_node_child_content(node, "identity"), 32,
                         b.identity)
        || !bundle_uint(wa_node_child_content(skey, "id"), 3, &b.signed_id)
        || !bundle_bytes(wa_node_child_content(skey, "value"), 32,
                         b.signed_pub)
        || !bundle_bytes(wa_node_child_content(skey, "signature"), 64,
                         b.signature))
    {
        return WA_ERR_SYNTAX;
    }

    key = wa_node_child(node, "key");

    if (key != NULL) {
        b.has_prekey = true;

        if (!bundle_uint(wa_node_child_content(key, "id"), 3, &b.prekey_id)
            || !bundle_bytes(wa_node_child_content(key, "value"), 32,
                             b.prekey_pub))
        {
            return WA_ERR_SYNTAX;
        }
    }

    b.device_identity = wa_node_child_content(node, "device-identity");
    *out = b;

    return WA_OK;
}


static bool
bundle_uint(wa_span_t bytes, size_t len, uint32_t *out)
{
    wa_rd_t  r;

    if (bytes.n != len) {
        return false;
    }

    r = wa_rd(bytes);

    return len == 4 ? wa_rd_u32(&r, out) : wa_rd_u24(&r, out);
}


static bool
bundle_bytes(wa_span_t bytes, size_t len, uint8_t *out)
{
    if (bytes.n != len) {
        return false;
    }

    memcpy(out, bytes.p, len);

    return true;
}


size_t
wa_bundle_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    size_t    n;
    wa_jid_t  primary;
    wa_key_t  pair[WA_SIGNAL_KEYS];

    n = wa_signal_need(jid, arena, keys);
    primary = wa_jid_person(jid);

    if (n == 0 || wa_signal_need(&primary, arena, pair) == 0) {
        return 0;
    }

    keys[n] = pair[1];                  /* its identity                    */

    return n + 1;
}


wa_err_t
wa_bundle_process(wa_unit_t *u, const wa_jid_t *jid, const wa_bundle_t *b,
    wa_arena_t *arena)
{
    bool            known;
    uint8_t         account_key[32];
    wa_err_t        rc;
    wa_jid_t        primary;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (jid->device != 0 && b->device_identity.p != NULL) {
        primary = wa_jid_person(jid);
        known = wa_signal_identity(wa_unit_account(u), &primary,
                                   account_key);
        rc = wa_adv_verify_device(b->device_identity, b->identity,
                                  known ? account_key : NULL, arena);
        if (rc != WA_OK) {
            return rc;
        }
    }

    return wa_signal_session_start(u, jid, b);
}


wa_err_t
wa_bundle_fetch(wa_task_t *parent, const wa_jid_t *devices, size_t n,
    wa_err_t *results)
{
    size_t           i;
    wa_task_t       *t;
    bundle_fetch_t  *f;

    if (n == 0 || n > WA_BUNDLE_MAX) {
        return WA_ERR_ARG;
    }

    t = wa_task_child(parent, "bundles", NULL);
    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    f = wa_arena_calloc(&t->arena, 1, sizeof(*f));

    if (f != NULL) {
        f->devices = wa_arena_dup(&t->arena, devices, n * sizeof(*devices));
        f->bundles = wa_arena_calloc(&t->arena, n, sizeof(wa_bundle_t));
        f->order = wa_arena_calloc(&t->arena, n, sizeof(*f->order));
    }

    for (i = 0; i < n; i++) {
        results[i] = WA_ERR_REFUSED;
    }

    if (f == NULL || f->devices == NULL || f->bundles == NULL
        || f->order == NULL)
    {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    f->results = results;
    f->n = n;
    t->data = f;
    fetch_order(f);
    fetch_start(t);

    return WA_AGAIN;
}


/* The identity of a primary is what its companions are verified with. */
static void
fetch_order(bundle_fetch_t *f)
{
    size_t  i, k;

    k = 0;

    for (i = 0; i < f->n; i++) {
        if (f->devices[i].device == 0) {
            f->order[k++] = i;
        }
    }

    for (i = 0; i < f->n; i++) {
        if (f->devices[i].device != 0) {
            f->order[k++] = i;
        }
    }
}


/* <iq to=S type=get xmlns=encrypt><key><user jid reason=identity/>.. */
static void
fetch_start(wa_task_t *t)
{
    size_t           i;
    wa_err_t         rc;
    wa_node_t       *iq, *key, *user;
    bundle_fetch_t  *f;

    f = t->data;
    iq = wa_node_iq(&t->arena, "get", "encrypt");
    key = wa_node_add_new(&t->arena, iq, "key");

    for (i = 0; i < f->n; i++) {
        user = wa_node_add_new(&t->arena, key, "user");
        wa_node_set_jid(&t->arena, user, "jid", &f->devices[i]);
        wa_node_set_str(&t->arena, user, "reason", "identity");
    }

    t->resume = fetch_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
fetch_answered(wa_task_t *t, wa_err_t rc)
{
    const wa_node_t  *user;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    user = wa_node_child(wa_node_child(t->answer, "list"), "user");

    for ( /* void */ ; user != NULL; user = wa_node_sibling(user, "user")) {
        rc = fetch_take(t, user);

        if (rc != WA_OK) {
            wa_task_end(t, rc);
            return;
        }
    }

    fetch_step(t, WA_OK);
}


/* Notes what the answer says about one device; WA_ERR_NOMEM only. */
static wa_err_t
fetch_take(wa_task_t *t, const wa_node_t *user)
{
    size_t           i;
    uint64_t         code;
    wa_jid_t         jid;
    wa_bundle_t     *b;
    bundle_fetch_t  *f;

    f = t->data;

    if (!wa_node_attr_jid(user, "jid", &jid)) {
        return WA_OK;
    }

    for (i = 0; i < f->n; i++) {
        if (wa_jid_eq(&f->devices[i], &jid)) {
            break;
        }
    }

    if (i == f->n) {
        return WA_OK;                   /* not asked for                   */
    }

    b = &f->bundles[i];
    f->results[i] = wa_bundle_parse(user, NULL, b);

    if (f->results[i] == WA_ERR_REFUSED
        && wa_node_attr_u64(wa_node_child(user, "error"), "code", &code)
        && code == BUNDLE_GONE)
    {
        f->results[i] = WA_ERR_GONE;
    }

    if (f->results[i] != WA_OK || b->device_identity.p == NULL) {
        return WA_OK;
    }

    return wa_arena_dup_span(&t->arena, b->device_identity,
                             &b->device_identity);
}


static void
fetch_step(wa_task_t *t, wa_err_t rc)
{
    size_t           i, k, end, n;
    wa_key_t         keys[BUNDLE_STEP * WA_BUNDLE_KEYS];
    bundle_fetch_t  *f;

    f = t->data;
    t->resume = fetch_step;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (f->next == f->n) {
        wa_task_end(t, WA_OK);
        return;
    }

    end = f->n - f->next > BUNDLE_STEP ? f->next + BUNDLE_STEP : f->n;
    n = 0;

    for (k = f->next; k < end; k++) {
        i = f->order[k];

        if (f->results[i] == WA_OK) {
            n += wa_bundle_need(&f->devices[i], &t->arena, keys + n);
        }
    }

    rc = wa_task_need(t, keys, n);

    if (rc == WA_AGAIN) {
        return;
    }

    if (rc == WA_OK) {
        rc = fetch_process(t, end);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    f->next = end;

    if (f->next == f->n) {
        wa_task_end(t, WA_OK);
        return;
    }

    (void) wa_task_sleep(t, t->account->now);
}


/*
 * The commit is not awaited: what the parent encrypts is held by a later
 * unit, and units are confirmed in order.
 */
static wa_err_t
fetch_process(wa_task_t *t, size_t end)
{
    size_t           i, k;
    wa_unit_t       *u;
    bundle_fetch_t  *f;

    f = t->data;
    u = wa_unit_new(t->account);

    for (k = f->next; k < end; k++) {
        i = f->order[k];

        if (f->results[i] == WA_OK) {
            f->results[i] = wa_bundle_process(u, &f->devices[i],
                                              &f->bundles[i], &t->arena);

        } else if (f->results[i] == WA_ERR_GONE) {
            (void) wa_devices_forget(u, &f->devices[i]);
        }

        if (f->results[i] != WA_OK) {
            wa_log(t->account, WA_LOG_INFO,
                   "no session with device %u of a contact: %s",
                   (unsigned) f->devices[i].device,
                   wa_err_name(f->results[i]));
        }
    }

    return wa_unit_commit(u, NULL);
}
