/*
 * Two further jobs of the maintenance task: comparing the server's digest of
 * our keys with what we have, and rotating the signed prekey.
 */
#include "wa_crypto.h"
#include "wa_hashes.h"
#include "wa_prekey_int.h"
#include "wa_rd.h"


#define CHECK_IDS_MAX     4096          /* the server keeps about 900      */
#define CHECK_BLOCKS_MAX  256
#define CHECK_NOT_FOUND   404


typedef struct {
    uint32_t   *ids;
    uint8_t   (*keys)[32];              /* private, then public halves     */
    size_t      n;
    size_t      done;
    uint8_t     hash[WA_SHA1_LEN];
    size_t      hash_len;               /* the server may send a part      */
} digest_t;


static void digest_answered(wa_task_t *t, wa_err_t rc);
static void digest_mismatch(wa_task_t *t, const char *what);
static const char *digest_compare(wa_task_t *t, const wa_node_t *digest);
static wa_err_t digest_ids(wa_task_t *t, const wa_node_t *list);
static void digest_need(wa_task_t *t);
static void digest_load(wa_task_t *t, wa_err_t rc);
static void digest_publics(wa_task_t *t, wa_err_t rc);
static void digest_decide(wa_task_t *t);
static void digest_note(wa_task_t *t, wa_err_t rc);
static void rotate_send(wa_task_t *t, wa_err_t rc);
static void rotate_answered(wa_task_t *t, wa_err_t rc);
static void rotate_note(wa_task_t *t, wa_err_t rc);


/* ---- digest ---- */

void
wa_prekey_digest_start(wa_task_t *parent)
{
    wa_err_t    rc;
    wa_node_t  *iq;
    wa_task_t  *t;

    t = wa_prekey_child(parent, "prekey digest", sizeof(digest_t));
    if (t == NULL) {
        return;
    }

    iq = wa_node_iq(&t->arena, "get", "encrypt");
    (void) wa_node_add_new(&t->arena, iq, "digest");

    t->resume = digest_answered;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
digest_answered(wa_task_t *t, wa_err_t rc)
{
    const char       *what;
    const wa_node_t  *digest;

    if (rc == WA_ERR_REFUSED && t->iq_code == CHECK_NOT_FOUND) {
        digest_mismatch(t, "the server has no keys");
        return;
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    digest = wa_node_child(t->answer, "digest");
    what = digest_compare(t, digest);

    if (what != NULL) {
        digest_mismatch(t, what);
        return;
    }

    rc = digest_ids(t, wa_node_child(digest, "list"));

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    digest_need(t);
}


/* The server's keys are not ours: give it new ones. */
static void
digest_mismatch(wa_task_t *t, const char *what)
{
    wa_log(t->account, WA_LOG_NOTICE, "prekey digest differs: %s", what);
    t->account->prekeys->wants |= WA_PREKEY_UPLOAD | WA_PREKEY_FULL;
    wa_task_end(t, WA_OK);
}


/* The parts that need no one-time keys; NULL: they agree. */
static const char *
digest_compare(wa_task_t *t, const wa_node_t *digest)
{
    wa_rd_t            r;
    uint32_t           id;
    wa_span_t          hash;
    digest_t          *d;
    const wa_node_t   *skey;
    const wa_creds_t  *creds;

    d = t->data;
    creds = t->account->creds;
    r = wa_rd(wa_node_child_content(digest, "registration"));

    if (!wa_rd_u32(&r, &id) || id != creds->registration_id) {
        return "registration id";
    }

    if (!wa_span_eq(wa_node_child_content(digest, "identity"),
                    wa_span(creds->identity.pub, 32)))
    {
        return "identity key";
    }

    skey = wa_node_child(digest, "skey");
    r = wa_rd(wa_node_child_content(skey, "id"));

    if (!wa_rd_u24(&r, &id) || id != creds->signed_prekey.id
        || !wa_span_eq(wa_node_child_content(skey, "value"),
                       wa_span(creds->signed_prekey.key.pub, 32)))
    {
        return "signed prekey";
    }

    hash = wa_node_child_content(digest, "hash");

    if (hash.n == 0 || hash.n > sizeof(d->hash)) {
        return "hash length";
    }

    memcpy(d->hash, hash.p, hash.n);
    d->hash_len = hash.n;

    return NULL;
}


static wa_err_t
digest_ids(wa_task_t *t, const wa_node_t *list)
{
    wa_rd_t           r;
    digest_t         *d;
    const wa_node_t  *node;

    d = t->data;

    if (list != NULL && list->n_nodes > CHECK_IDS_MAX) {
        return WA_ERR_LIMIT;
    }

    d->ids = wa_arena_calloc(&t->arena,
                             list == NULL ? 1 : list->n_nodes + (size_t) 1,
                             sizeof(uint32_t));
    if (d->ids == NULL) {
        return WA_ERR_NOMEM;
    }

    node = wa_node_child(list, "id");

    for ( /* void */ ; node != NULL; node = wa_node_sibling(node, "id")) {
        r = wa_rd(wa_node_content(node));

        if (!wa_rd_u24(&r, &d->ids[d->n]) || wa_rd_left(&r) != 0) {
            return WA_ERR_SYNTAX;
        }

        d->n++;
    }

    d->keys = wa_arena_calloc(&t->arena, d->n + 1, sizeof(*d->keys));

    return d->keys == NULL ? WA_ERR_NOMEM : WA_OK;
}


/* Asks for each block once; ids of a batch come in order, mostly. */
static void
digest_need(wa_task_t *t)
{
    char       name[WA_PREKEY_NAME_LEN];
    size_t     i, j, n;
    digest_t  *d;
    wa_err_t   rc;
    uint32_t   block, blocks[CHECK_BLOCKS_MAX];
    wa_key_t  *keys;

    d = t->data;
    keys = wa_arena_calloc(&t->arena, CHECK_BLOCKS_MAX, sizeof(wa_key_t));
    rc = (keys == NULL) ? WA_ERR_NOMEM : WA_OK;
    n = 0;

    for (i = 0; i < d->n && rc == WA_OK; i++) {
        block = d->ids[i] / WA_PREKEY_BLOCK;

        for (j = n; j > 0; j--) {
            if (blocks[j - 1] == block) {
                break;
            }
        }

        if (j > 0) {
            continue;
        }

        if (n == CHECK_BLOCKS_MAX || d->ids[i] >= WA_PREKEY_RETRY_MIN) {
            digest_mismatch(t, "ids that were never uploaded");
            return;
        }

        wa_prekey_name(d->ids[i], name);
        rc = wa_arena_dup_span(&t->arena, wa_span_str(name), &keys[n].name);
        blocks[n++] = block;
    }

    t->resume = digest_load;

    if (rc == WA_OK) {
        rc = wa_task_need(t, keys, n);
    }

    if (rc != WA_AGAIN) {
        digest_load(t, rc);
    }
}


static void
digest_load(wa_task_t *t, wa_err_t rc)
{
    size_t     i;
    digest_t  *d;

    d = t->data;

    for (i = 0; i < d->n && rc == WA_OK; i++) {
        rc = wa_prekey_get(t->account, d->ids[i], d->keys[i]);
    }

    if (rc == WA_ERR_NO_SESSION) {
        digest_mismatch(t, "keys that are not ours");
        return;
    }

    digest_publics(t, rc);
}


static void
digest_publics(wa_task_t *t, wa_err_t rc)
{
    size_t     end;
    uint8_t    pub[32];
    digest_t  *d;

    d = t->data;
    t->resume = digest_publics;
    end = d->n - d->done > WA_PREKEY_SLICE ? d->done + WA_PREKEY_SLICE
                                           : d->n;

    for ( /* void */ ; d->done < end && rc == WA_OK; d->done++) {
        rc = wa_x25519_public(pub, d->keys[d->done]);
        memcpy(d->keys[d->done], pub, sizeof(pub));
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);

    } else if (d->done < d->n) {
        (void) wa_task_sleep(t, t->account->now);

    } else {
        digest_decide(t);
    }
}


static void
digest_decide(wa_task_t *t)
{
    size_t             i;
    uint8_t            hash[WA_SHA1_LEN];
    wa_err_t           rc;
    digest_t          *d;
    wa_span_t         *keys;
    const wa_creds_t  *creds;

    d = t->data;
    creds = t->account->creds;
    keys = wa_arena_calloc(&t->arena, d->n + 1, sizeof(wa_span_t));

    if (keys == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    for (i = 0; i < d->n; i++) {
        keys[i] = wa_span(d->keys[i], 32);
    }

    rc = wa_prekey_digest(creds->identity.pub, creds->signed_prekey.key.pub,
                          creds->signed_prekey.signature, keys, d->n, hash);

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (memcmp(hash, d->hash, d->hash_len) != 0) {
        digest_mismatch(t, "hash");
        return;
    }

    digest_note(t, WA_OK);
}


static void
digest_note(wa_task_t *t, wa_err_t rc)
{
    wa_prekey_counters_t  c;

    if (!wa_prekey_counters_load(t, digest_note, rc, &c)) {
        return;
    }

    c.digest_s = wa_unix_s(t->account);
    c.signed_sent = t->account->creds->signed_prekey.id;

    wa_prekey_counters_save(t, &c);
}


/* ---- rotation ---- */

/*
 * The old key moves to its own record for pkmsgs on their way; the one
 * before it is deleted.  When only the server's word is missing, the current
 * key is sent again.
 */
void
wa_prekey_rotate_start(wa_task_t *parent)
{
    char                 name[WA_PREKEY_NAME_LEN];
    wa_err_t             rc;
    wa_task_t           *t;
    wa_unit_t           *u;
    wa_account_t        *a;
    wa_signed_prekey_t   fresh, old;

    t = wa_prekey_child(parent, "signed prekey", sizeof(uint32_t));
    if (t == NULL) {
        return;
    }

    a = t->account;
    old = a->creds->signed_prekey;
    t->resume = rotate_send;

    if (wa_unix_s(a) - old.created_s < WA_PREKEY_ROTATE_S) {
        wa_wipe(&old, sizeof(old));
        rotate_send(t, WA_OK);
        return;
    }

    rc = WA_ERR_NOMEM;

    if (wa_prekey_signed_make(a, 1, &fresh)) {
        u = wa_unit_new(a);
        (void) wa_prekey_signed_put(u, &old);

        if (old.id > 1) {
            wa_prekey_signed_name(old.id - 1, name);
            (void) wa_unit_del(u, name, 0);
        }

        a->creds->signed_prekey = fresh;
        (void) wa_creds_save(u);
        rc = wa_task_commit(t, u);

        if (rc != WA_AGAIN) {
            a->creds->signed_prekey = old;
        }
    }

    wa_wipe(&fresh, sizeof(fresh));
    wa_wipe(&old, sizeof(old));

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


bool
wa_prekey_signed_make(wa_account_t *a, uint32_t step,
    wa_signed_prekey_t *out)
{
    uint8_t     point[33], random[64];
    wa_err_t    rc;
    wa_span_t   part;

    out->id = (a->creds->signed_prekey.id + step - 1) % WA_PREKEY_ID_MAX + 1;
    out->created_s = wa_unix_s(a);
    wa_account_random(a, out->key.priv, sizeof(out->key.priv));
    wa_creds_clamp(out->key.priv);
    rc = wa_x25519_public(out->key.pub, out->key.priv);

    if (rc == WA_OK) {
        point[0] = 0x05;
        memcpy(point + 1, out->key.pub, 32);
        part = wa_span(point, sizeof(point));
        wa_account_random(a, random, sizeof(random));
        rc = wa_xeddsa_sign(out->signature, a->creds->identity.priv, &part,
                            1, random);
        wa_wipe(random, sizeof(random));
    }

    return rc == WA_OK;
}


static void
rotate_send(wa_task_t *t, wa_err_t rc)
{
    wa_node_t  *iq, *rotate;

    t->resume = rotate_answered;

    if (rc == WA_OK) {
        iq = wa_node_iq(&t->arena, "set", "encrypt");
        rotate = wa_node_add_new(&t->arena, iq, "rotate");
        wa_node_add(&t->arena, rotate, wa_prekey_skey_node(t));
        *(uint32_t *) t->data = t->account->creds->signed_prekey.id;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
rotate_answered(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "signed prekey not rotated: %s %u",
               wa_err_name(rc), (unsigned) t->iq_code);
        wa_task_end(t, rc);
        return;
    }

    rotate_note(t, WA_OK);
}


static void
rotate_note(wa_task_t *t, wa_err_t rc)
{
    wa_prekey_counters_t  c;

    if (!wa_prekey_counters_load(t, rotate_note, rc, &c)) {
        return;
    }

    c.signed_sent = *(uint32_t *) t->data;

    wa_prekey_counters_save(t, &c);
}
