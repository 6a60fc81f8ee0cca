/*
 * The maintenance task: one per account, takes one job after the other from
 * a set of wishes, each job a child task.
 *
 * An upload:  make keys, a few per loop turn -> commit -> send -> result ->
 * note it.  A batch whose result never came is not sent again: peers may
 * have been given its keys already.  It stays usable until the server says
 * it has none left, which means that it never arrived.
 */
#include "wa_alive.h"
#include "wa_crypto.h"
#include "wa_prekey_int.h"


/* Two uploads within this time: only if the server's count says so. */
#define UPLOAD_PAUSE_MS  600000


typedef struct {
    uint32_t    first;
    size_t      n;
    size_t      done;                   /* keys made so far                */
    uint8_t   (*priv)[32];
    uint8_t   (*pub)[32];
    uint32_t    signed_id;              /* signed prekey sent along        */
    uint32_t    conn_gen;               /* the connection it is for        */
} upload_t;


static void prekey_want(wa_account_t *a, uint32_t wants);
static void maintain(wa_task_t *t, wa_err_t rc);
static bool maintain_upload_allowed(const wa_account_t *a);
static void count_start(wa_task_t *parent);
static void count_answered(wa_task_t *t, wa_err_t rc);
static void count_note(wa_task_t *t, wa_err_t rc);
static void upload_start(wa_task_t *parent, bool full);
static bool upload_gone(const wa_task_t *t);
static void upload_make(wa_task_t *t, wa_err_t rc);
static void upload_keep(wa_task_t *t, wa_err_t rc);
static void upload_send(wa_task_t *t, wa_err_t rc);
static wa_node_t *upload_iq(wa_task_t *t);
static void upload_refused(wa_task_t *t, wa_err_t rc);
static void upload_answered(wa_task_t *t, wa_err_t rc);
static void upload_note(wa_task_t *t, wa_err_t rc);


void
wa_prekey_after_login(wa_account_t *a)
{
    prekey_want(a, WA_PREKEY_COUNT | WA_PREKEY_DAILY | WA_PREKEY_ROTATE);
}


void
wa_prekey_low(wa_account_t *a)
{
    prekey_want(a, WA_PREKEY_UPLOAD);
}


void
wa_prekey_digest_check(wa_account_t *a)
{
    prekey_want(a, WA_PREKEY_DIGEST);
}


void
wa_prekey_offline(wa_account_t *a)
{
    if (a->prekeys != NULL) {
        a->prekeys->left = -1;
        a->prekeys->wants = 0;
    }
}


int64_t
wa_prekey_left(const wa_account_t *a)
{
    return a->prekeys == NULL ? -1 : a->prekeys->left;
}


static void
prekey_want(wa_account_t *a, uint32_t wants)
{
    wa_task_t     *t;
    wa_prekeys_t  *p;

    p = a->prekeys;

    if (p == NULL) {
        p = wa_calloc(1, sizeof(*p));
        if (p == NULL) {
            return;                     /* the next login asks again       */
        }

        p->left = -1;
        a->prekeys = p;
    }

    p->wants |= wants;

    if (p->task != NULL) {
        return;
    }

    t = wa_task_new(a, "prekeys", maintain);

    if (t != NULL) {
        p->task = t;
        wa_task_ready(t, WA_OK);
    }
}


/* Start, and the end of every job. */
static void
maintain(wa_task_t *t, wa_err_t rc)
{
    uint32_t              full;
    wa_account_t         *a;
    wa_prekeys_t         *p;
    wa_prekey_counters_t  c;

    a = t->account;
    p = a->prekeys;

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_INFO, "prekey upkeep: %s", wa_err_name(rc));

        /* What is wanted may already be the wish of the next login. */

        if ((rc == WA_ERR_GONE && !wa_account_online(a))
            || rc == WA_ERR_NOMEM)
        {
            p->wants = 0;
        }
    }

    t->resume = maintain;

    if (p->wants != 0) {
        rc = wa_prekey_counters_need(t);

        if (rc == WA_AGAIN) {
            return;
        }

        if (rc == WA_OK) {
            rc = wa_prekey_counters_get(a, &c);
        }
    }

    if (p->wants == 0 || rc != WA_OK) {
        p->task = NULL;
        p->wants = 0;
        wa_task_end(t, rc);
        return;
    }

    if ((p->wants & WA_PREKEY_UPLOAD) && !maintain_upload_allowed(a)) {
        p->wants &= ~(WA_PREKEY_UPLOAD | WA_PREKEY_FULL);
        p->wants |= WA_PREKEY_COUNT;
    }

    if (p->wants & WA_PREKEY_COUNT) {
        p->wants &= ~WA_PREKEY_COUNT;
        count_start(t);
        return;
    }

    if (p->wants & WA_PREKEY_UPLOAD) {
        full = p->wants & WA_PREKEY_FULL;
        p->wants &= ~(WA_PREKEY_UPLOAD | WA_PREKEY_FULL);
        upload_start(t, full != 0 || !c.uploaded);
        return;
    }

    if ((p->wants & WA_PREKEY_DIGEST)
        || ((p->wants & WA_PREKEY_DAILY)
            && wa_unix_s(a) - c.digest_s >= WA_PREKEY_DAILY_S))
    {
        p->wants &= ~(WA_PREKEY_DIGEST | WA_PREKEY_DAILY);
        wa_prekey_digest_start(t);
        return;
    }

    if ((p->wants & WA_PREKEY_ROTATE)
        && (c.signed_sent != a->creds->signed_prekey.id
            || wa_unix_s(a) - a->creds->signed_prekey.created_s
               >= WA_PREKEY_ROTATE_S))
    {
        p->wants &= ~WA_PREKEY_ROTATE;
        wa_prekey_rotate_start(t);
        return;
    }

    /* What is left was not due. */
    p->wants = 0;
    p->task = NULL;
    wa_task_end(t, WA_OK);
}


static bool
maintain_upload_allowed(const wa_account_t *a)
{
    const wa_prekeys_t  *p;

    p = a->prekeys;

    return p->uploaded_at == 0
           || a->now - p->uploaded_at >= UPLOAD_PAUSE_MS
           || (p->left >= 0 && p->left < (int64_t) WA_PREKEY_LOW);
}


wa_task_t *
wa_prekey_child(wa_task_t *parent, const char *what, size_t data_size)
{
    wa_task_t  *t;

    t = wa_task_child(parent, what, NULL);

    if (t == NULL) {
        wa_task_ready(parent, WA_ERR_NOMEM);
        return NULL;
    }

    t->data = wa_arena_calloc(&t->arena, 1, data_size);

    if (t->data == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return NULL;
    }

    return t;
}


/* ---- count ---- */

static void
count_start(wa_task_t *parent)
{
    wa_err_t    rc;
    wa_node_t  *iq;
    wa_task_t  *t;

    t = wa_prekey_child(parent, "prekey count", 1);
    if (t == NULL) {
        return;
    }

    iq = wa_node_iq(&t->arena, "get", "encrypt");
    (void) wa_node_add_new(&t->arena, iq, "count");

    t->resume = count_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
count_answered(wa_task_t *t, wa_err_t rc)
{
    uint64_t       value;
    wa_prekeys_t  *p;

    p = t->account->prekeys;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (!wa_node_attr_u64(wa_node_child(t->answer, "count"), "value",
                          &value)
        || value > INT32_MAX)
    {
        wa_task_end(t, WA_ERR_SYNTAX);
        return;
    }

    p->left = (int64_t) value;

    if (value < WA_PREKEY_LOW) {
        p->wants |= WA_PREKEY_UPLOAD;
        wa_task_end(t, WA_OK);
        return;
    }

    count_note(t, WA_OK);
}


/* A batch without a result did arrive, if the server has keys. */
static void
count_note(wa_task_t *t, wa_err_t rc)
{
    wa_prekey_counters_t  c;

    if (!wa_prekey_counters_load(t, count_note, rc, &c)) {
        return;
    }

    if (c.sent_first == c.sent_end) {
        wa_task_end(t, WA_OK);
        return;
    }

    c.sent_first = 0;
    c.sent_end = 0;
    c.uploaded = true;

    wa_prekey_counters_save(t, &c);
}


/* ---- upload ---- */

static void
upload_start(wa_task_t *parent, bool full)
{
    size_t                 n;
    upload_t              *d;
    wa_task_t             *t;
    wa_prekey_counters_t   c;

    t = wa_prekey_child(parent, "prekey upload", sizeof(upload_t));
    if (t == NULL) {
        return;
    }

    d = t->data;
    d->conn_gen = t->account->conn_gens;
    n = full ? WA_PREKEY_FIRST : WA_PREKEY_REFILL;

    d->priv = wa_arena_calloc(&t->arena, n, sizeof(*d->priv));
    d->pub = wa_arena_calloc(&t->arena, n, sizeof(*d->pub));

    if (d->priv == NULL || d->pub == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    if (wa_prekey_counters_get(t->account, &c) != WA_OK) {
        wa_task_end(t, WA_ERR_STATE);
        return;
    }

    /* Ids start again after 12 million keys. */
    d->first = c.next_id;
    d->n = n;

    if (d->first == 0 || d->first + n > WA_PREKEY_RETRY_MIN) {
        d->first = WA_PREKEY_BLOCK;
    }

    upload_make(t, WA_OK);
}


/*
 * The connection the batch is for has ended, and the account may have become
 * another device since.
 */
static bool
upload_gone(const wa_task_t *t)
{
    const upload_t  *d;

    d = t->data;

    return !wa_account_online(t->account)
           || t->account->conn_gens != d->conn_gen;
}


static void
upload_make(wa_task_t *t, wa_err_t rc)
{
    size_t     end;
    upload_t  *d;

    d = t->data;
    t->resume = upload_make;
    end = d->n - d->done > WA_PREKEY_SLICE ? d->done + WA_PREKEY_SLICE
                                           : d->n;

    if (rc == WA_OK && upload_gone(t)) {
        rc = WA_ERR_GONE;
    }

    for ( /* void */ ; d->done < end && rc == WA_OK; d->done++) {
        wa_account_random(t->account, d->priv[d->done], 32);
        wa_creds_clamp(d->priv[d->done]);
        rc = wa_x25519_public(d->pub[d->done], d->priv[d->done]);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);

    } else if (d->done < d->n) {
        (void) wa_task_sleep(t, t->account->now);

    } else {
        upload_keep(t, WA_OK);
    }
}


static void
upload_keep(wa_task_t *t, wa_err_t rc)
{
    uint32_t               end;
    upload_t              *d;
    wa_unit_t             *u;
    wa_account_t          *a;
    wa_prekey_counters_t   c;

    a = t->account;
    d = t->data;

    if (!wa_prekey_counters_load(t, upload_keep, rc, &c)) {
        return;
    }

    if (upload_gone(t)) {
        wa_task_end(t, WA_ERR_GONE);
        return;
    }

    u = wa_unit_new(a);

    if (c.sent_first != c.sent_end && a->prekeys->left == 0) {
        (void) wa_prekey_blocks_del(u, c.sent_first, c.sent_end);
    }

    (void) wa_prekey_blocks_put(u, d->first, (const uint8_t (*)[32]) d->priv,
                                d->n);

    end = d->first + (uint32_t) d->n;
    c.sent_first = d->first;
    c.sent_end = end;
    c.next_id = (end + WA_PREKEY_BLOCK - 1) / WA_PREKEY_BLOCK
                * WA_PREKEY_BLOCK;
    (void) wa_prekey_counters_put(u, &c);

    wa_wipe(d->priv, d->n * sizeof(*d->priv));

    t->resume = upload_send;
    rc = wa_task_commit(t, u);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
upload_send(wa_task_t *t, wa_err_t rc)
{
    wa_node_t  *iq;

    t->resume = upload_answered;

    if (rc == WA_OK && upload_gone(t)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        iq = upload_iq(t);
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static wa_node_t *
upload_iq(wa_task_t *t)
{
    size_t         i;
    uint8_t       *bytes;
    upload_t      *d;
    uint32_t       id;
    wa_node_t     *iq, *list, *key;
    wa_arena_t    *a;
    wa_creds_t    *creds;

    d = t->data;
    a = &t->arena;
    creds = t->account->creds;
    id = creds->registration_id;
    d->signed_id = creds->signed_prekey.id;

    iq = wa_node_iq(a, "set", "encrypt");

    bytes = wa_arena_alloc(a, 5);

    if (bytes == NULL) {
        wa_node_fail(iq, WA_ERR_NOMEM);
        return iq;
    }

    bytes[0] = (uint8_t) (id >> 24);
    bytes[1] = (uint8_t) (id >> 16);
    bytes[2] = (uint8_t) (id >> 8);
    bytes[3] = (uint8_t) id;
    bytes[4] = 5;

    wa_node_bytes(wa_node_add_new(a, iq, "registration"),
                  wa_span(bytes, 4));
    wa_node_bytes(wa_node_add_new(a, iq, "type"), wa_span(bytes + 4, 1));
    wa_node_bytes(wa_node_add_new(a, iq, "identity"),
                  wa_span(creds->identity.pub, 32));
    list = wa_node_add_new(a, iq, "list");

    for (i = 0; i < d->n; i++) {
        key = wa_node_add_new(a, list, "key");
        wa_prekey_id_node(t, key, d->first + (uint32_t) i);
        wa_node_bytes(wa_node_add_new(a, key, "value"),
                      wa_span(d->pub[i], 32));
    }

    wa_node_add(a, iq, wa_prekey_skey_node(t));

    return iq;
}


static void
upload_refused(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;
    wa_task_end(t, rc);

    if (rc == WA_ERR_REFUSED || rc == WA_ERR_TIMEOUT) {
        wa_alive_tell(a, WA_DEGRADED_PREKEYS, true);
    }
}


static void
upload_answered(wa_task_t *t, wa_err_t rc)
{
    upload_t      *d;
    wa_prekeys_t  *p;

    d = t->data;
    p = t->account->prekeys;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "prekeys not uploaded: %s %u",
               wa_err_name(rc), (unsigned) t->iq_code);
        upload_refused(t, rc);
        return;
    }

    wa_alive_tell(t->account, WA_DEGRADED_PREKEYS, false);
    p->left = (p->left < 0 ? 0 : p->left) + (int64_t) d->n;
    p->uploaded_at = t->account->now > 0 ? t->account->now : 1;
    upload_note(t, WA_OK);
}


static void
upload_note(wa_task_t *t, wa_err_t rc)
{
    upload_t              *d;
    wa_prekey_counters_t   c;

    d = t->data;

    if (!wa_prekey_counters_load(t, upload_note, rc, &c)) {
        return;
    }

    /* What was just told need not be compared today. */
    if (!c.uploaded) {
        c.digest_s = wa_unix_s(t->account);
    }

    c.uploaded = true;
    c.signed_sent = d->signed_id;

    if (c.sent_first == d->first) {
        c.sent_first = 0;
        c.sent_end = 0;
    }

    wa_log(t->account, WA_LOG_INFO, "%u prekeys uploaded", (unsigned) d->n);
    wa_prekey_counters_save(t, &c);
}


/* ---- nodes shared with wa_prekey_check.c ---- */

void
wa_prekey_id_node(wa_task_t *t, wa_node_t *parent, uint32_t id)
{
    uint8_t    *bytes;
    wa_node_t  *node;

    node = wa_node_add_new(&t->arena, parent, "id");
    bytes = wa_arena_alloc(&t->arena, 3);

    if (bytes == NULL) {
        wa_node_fail(parent, WA_ERR_NOMEM);
        return;
    }

    bytes[0] = (uint8_t) (id >> 16);
    bytes[1] = (uint8_t) (id >> 8);
    bytes[2] = (uint8_t) id;
    wa_node_bytes(node, wa_span(bytes, 3));
}


/* Packed before the task waits, so the credentials need no copy. */
wa_node_t *
wa_prekey_skey_node(wa_task_t *t)
{
    wa_node_t                 *skey;
    const wa_signed_prekey_t  *key;

    key = &t->account->creds->signed_prekey;
    skey = wa_node_new(&t->arena, "skey");
    wa_prekey_id_node(t, skey, key->id);
    wa_node_bytes(wa_node_add_new(&t->arena, skey, "value"),
                  wa_span(key->key.pub, 32));
    wa_node_bytes(wa_node_add_new(&t->arena, skey, "signature"),
                  wa_span(key->signature, 64));

    return skey;
}
