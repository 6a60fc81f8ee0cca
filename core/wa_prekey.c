/*
 * Records of our own prekeys.
 *
 *   prekeys   u8 version, u32 next_id, u32 sent_first, u32 sent_end,
 *             u32 retry_next, u32 signed_sent, u8 uploaded, u64 digest_s
 *   pk/<n>    u8 version, u64 bitmap (bit i: id n*64+i is there),
 *             32 bytes per set bit, lowest id first
 *   pk/r<id>  u8 version, 32 bytes
 *   spk/<id>  u8 version, u32 id, 32 private, 32 public, 64 signature,
 *             u64 created (unix s)
 *
 * Public keys are not kept: they are made again for the rare digest check.
 */
#include <stdio.h>

#include "wa_crypto.h"
#include "wa_prekey_int.h"
#include "wa_rd.h"
#include "wa_wr.h"


#define PREKEY_VERSION    1
#define PREKEY_HEAD       9             /* version and bitmap              */
#define PREKEY_BLOCK_MAX  (PREKEY_HEAD + 32 * WA_PREKEY_BLOCK)
#define PREKEY_SPK_LEN    (1 + 4 + 32 + 32 + 64 + 8)

/* Unused keys of retry receipts are deleted when so many newer ones exist. */
#define PREKEY_RETRY_KEPT 256u

/* More ids than a store that was set back may have forgotten. */
#define PREKEY_RENEW_STEP         8192u
#define PREKEY_RENEW_SIGNED_STEP  64u


static bool block_read(wa_span_t in, uint64_t *bitmap);
static size_t block_offset(uint64_t bitmap, uint32_t bit);
static wa_err_t prekey_record(wa_account_t *a, uint32_t id, char *name,
    wa_span_t *value);
static void wr_u64(wa_wr_t *w, uint64_t v);
static bool rd_u64(wa_rd_t *r, uint64_t *v);


void
wa_prekeys_free(wa_account_t *a)
{
    wa_free(a->prekeys);
    a->prekeys = NULL;
}


void
wa_prekey_name(uint32_t id, char *buf)
{
    if (id >= WA_PREKEY_RETRY_MIN) {
        snprintf(buf, WA_PREKEY_NAME_LEN, "pk/r%u", (unsigned) id);

    } else {
        snprintf(buf, WA_PREKEY_NAME_LEN, "pk/%u",
                 (unsigned) (id / WA_PREKEY_BLOCK));
    }
}


void
wa_prekey_signed_name(uint32_t id, char *buf)
{
    snprintf(buf, WA_PREKEY_NAME_LEN, "spk/%u", (unsigned) id);
}


/* ---- counters ---- */

wa_err_t
wa_prekey_counters_need(wa_task_t *t)
{
    wa_key_t  key;

    key.name = wa_span_str(WA_PREKEY_RECORD);
    key.day = 0;

    return wa_task_need(t, &key, 1);
}


bool
wa_prekey_counters_load(wa_task_t *t, wa_task_pt self, wa_err_t rc,
    wa_prekey_counters_t *c)
{
    t->resume = self;

    if (rc == WA_OK) {
        rc = wa_prekey_counters_need(t);

        if (rc == WA_AGAIN) {
            return false;
        }
    }

    if (rc == WA_OK) {
        rc = wa_prekey_counters_get(t->account, c);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
    }

    return rc == WA_OK;
}


void
wa_prekey_counters_save(wa_task_t *t, const wa_prekey_counters_t *c)
{
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    (void) wa_prekey_counters_put(u, c);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


wa_err_t
wa_prekey_counters_get(wa_account_t *a, wa_prekey_counters_t *c)
{
    uint8_t               version, uploaded;
    wa_rd_t               r;
    uint64_t              digest_s;
    wa_span_t             value;
    wa_prekey_counters_t  read;

    if (wa_record_get(a, WA_PREKEY_RECORD, 0, &value) != WA_OK) {
        return WA_ERR_STATE;
    }

    memset(&read, 0, sizeof(read));
    read.next_id = 1;
    read.retry_next = WA_PREKEY_RETRY_MIN;

    if (value.p != NULL) {
        r = wa_rd(value);

        if (!wa_rd_u8(&r, &version) || version != PREKEY_VERSION
            || !wa_rd_u32(&r, &read.next_id)
            || !wa_rd_u32(&r, &read.sent_first)
            || !wa_rd_u32(&r, &read.sent_end)
            || !wa_rd_u32(&r, &read.retry_next)
            || !wa_rd_u32(&r, &read.signed_sent)
            || !wa_rd_u8(&r, &uploaded) || !rd_u64(&r, &digest_s))
        {
            return WA_ERR_SYNTAX;
        }

        read.uploaded = (uploaded != 0);
        read.digest_s = (int64_t) digest_s;
    }

    *c = read;

    return WA_OK;
}


wa_err_t
wa_prekey_counters_put(wa_unit_t *u, const wa_prekey_counters_t *c)
{
    wa_wr_t   w;
    wa_err_t  rc;
    wa_buf_t  buf = WA_BUF_EMPTY;

    wa_wr_init(&w, &buf, WA_RECORD_VALUE_MAX);
    wa_wr_u8(&w, PREKEY_VERSION);
    wa_wr_u32(&w, c->next_id);
    wa_wr_u32(&w, c->sent_first);
    wa_wr_u32(&w, c->sent_end);
    wa_wr_u32(&w, c->retry_next);
    wa_wr_u32(&w, c->signed_sent);
    wa_wr_u8(&w, c->uploaded ? 1 : 0);
    wr_u64(&w, (uint64_t) c->digest_s);

    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_PREKEY_RECORD, 0, wa_span_buf(&buf));
    }

    wa_buf_free(&buf);

    return rc;
}


/* ---- one-time keys ---- */

wa_err_t
wa_prekey_blocks_put(wa_unit_t *u, uint32_t first,
    const uint8_t (*priv)[32], size_t n)
{
    char      name[WA_PREKEY_NAME_LEN];
    size_t    i;
    wa_wr_t   w;
    uint32_t  bit, count;
    uint64_t  bitmap;
    wa_err_t  rc;
    wa_buf_t  buf = WA_BUF_EMPTY;

    rc = WA_OK;

    for (i = 0; i < n && rc == WA_OK; i += count) {
        bit = (first + (uint32_t) i) % WA_PREKEY_BLOCK;
        count = WA_PREKEY_BLOCK - bit;

        if (count > n - i) {
            count = (uint32_t) (n - i);
        }

        bitmap = (count == WA_PREKEY_BLOCK) ? UINT64_MAX
                                            : ((uint64_t) 1 << count) - 1;
        wa_wr_init(&w, &buf, PREKEY_BLOCK_MAX);
        wa_wr_u8(&w, PREKEY_VERSION);
        wr_u64(&w, bitmap << bit);
        wa_wr_bytes(&w, priv + i, (size_t) count * 32);

        rc = w.err;

        if (rc == WA_OK) {
            wa_prekey_name(first + (uint32_t) i, name);

            /* most of them are asked for much later, if ever */
            rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&buf));
        }

        wa_buf_wipe(&buf);
    }

    return rc;
}


wa_err_t
wa_prekey_blocks_del(wa_unit_t *u, uint32_t first, uint32_t end)
{
    char      name[WA_PREKEY_NAME_LEN];
    uint32_t  id;
    wa_err_t  rc;

    rc = WA_OK;
    id = first - first % WA_PREKEY_BLOCK;

    for ( /* void */ ; id < end && rc == WA_OK; id += WA_PREKEY_BLOCK) {
        wa_prekey_name(id, name);
        rc = wa_unit_del(u, name, 0);
    }

    return rc;
}


/* The record an id lives in; value->p NULL: none. */
static wa_err_t
prekey_record(wa_account_t *a, uint32_t id, char *name, wa_span_t *value)
{
    if (id == 0 || id > WA_PREKEY_ID_MAX) {
        return WA_ERR_NO_SESSION;
    }

    wa_prekey_name(id, name);

    return wa_record_get(a, name, 0, value) == WA_OK ? WA_OK : WA_ERR_STATE;
}


wa_err_t
wa_prekey_get(wa_account_t *a, uint32_t id, uint8_t priv[32])
{
    char       name[WA_PREKEY_NAME_LEN];
    uint32_t   bit;
    uint64_t   bitmap;
    wa_err_t   rc;
    wa_span_t  value;

    rc = prekey_record(a, id, name, &value);

    if (rc != WA_OK) {
        return rc;
    }

    if (id >= WA_PREKEY_RETRY_MIN) {

        if (value.n != 1 + 32 || value.p[0] != PREKEY_VERSION) {
            return WA_ERR_NO_SESSION;
        }

        memcpy(priv, value.p + 1, 32);

        return WA_OK;
    }

    bit = id % WA_PREKEY_BLOCK;

    if (!block_read(value, &bitmap) || (bitmap >> bit & 1) == 0) {
        return WA_ERR_NO_SESSION;
    }

    memcpy(priv, value.p + block_offset(bitmap, bit), 32);

    return WA_OK;
}


wa_err_t
wa_prekey_remove(wa_unit_t *u, uint32_t id)
{
    char       name[WA_PREKEY_NAME_LEN];
    size_t     at;
    wa_wr_t    w;
    uint32_t   bit;
    uint64_t   bitmap;
    wa_err_t   rc;
    wa_buf_t   buf = WA_BUF_EMPTY;
    wa_span_t  value;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = prekey_record(wa_unit_account(u), id, name, &value);

    if (rc != WA_OK) {
        return rc == WA_ERR_NO_SESSION ? WA_OK : rc;
    }

    if (id >= WA_PREKEY_RETRY_MIN) {
        return wa_unit_del(u, name, 0);
    }

    bit = id % WA_PREKEY_BLOCK;

    if (!block_read(value, &bitmap) || (bitmap >> bit & 1) == 0) {
        return WA_OK;
    }

    at = block_offset(bitmap, bit);
    bitmap &= ~((uint64_t) 1 << bit);

    if (bitmap == 0) {
        return wa_unit_del(u, name, 0);
    }

    wa_wr_init(&w, &buf, PREKEY_BLOCK_MAX);
    wa_wr_u8(&w, PREKEY_VERSION);
    wr_u64(&w, bitmap);
    wa_wr_bytes(&w, value.p + PREKEY_HEAD, at - PREKEY_HEAD);
    wa_wr_bytes(&w, value.p + at + 32, value.n - at - 32);

    rc = w.err;

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&buf));
    }

    wa_buf_wipe(&buf);

    return rc;
}


static bool
block_read(wa_span_t in, uint64_t *bitmap)
{
    uint8_t  version;
    wa_rd_t  r;

    r = wa_rd(in);

    return wa_rd_u8(&r, &version) && version == PREKEY_VERSION
           && rd_u64(&r, bitmap)
           && wa_rd_left(&r)
              == (size_t) __builtin_popcountll(*bitmap) * 32;
}


/* Where the key of `bit` begins: behind those of the lower ids. */
static size_t
block_offset(uint64_t bitmap, uint32_t bit)
{
    uint64_t  below;

    below = bitmap & (((uint64_t) 1 << bit) - 1);

    return PREKEY_HEAD + (size_t) __builtin_popcountll(below) * 32;
}


wa_err_t
wa_prekey_take(wa_unit_t *u, uint32_t *id, uint8_t pub[32])
{
    char                  name[WA_PREKEY_NAME_LEN];
    uint8_t               value[1 + 32];
    wa_err_t              rc;
    wa_account_t         *a;
    wa_savepoint_t        sp;
    wa_prekey_counters_t  c;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    rc = wa_prekey_counters_get(a, &c);

    if (rc != WA_OK) {
        return rc;
    }

    if (c.retry_next < WA_PREKEY_RETRY_MIN
        || c.retry_next > WA_PREKEY_ID_MAX)
    {
        c.retry_next = WA_PREKEY_RETRY_MIN;
    }

    value[0] = PREKEY_VERSION;
    wa_account_random(a, value + 1, 32);
    wa_creds_clamp(value + 1);
    rc = wa_x25519_public(pub, value + 1);

    sp = wa_unit_savepoint(u);
    *id = c.retry_next++;

    if (rc == WA_OK) {
        wa_prekey_name(*id, name);
        rc = wa_unit_put(u, name, 0, wa_span(value, sizeof(value)));
    }

    wa_wipe(value, sizeof(value));

    if (rc == WA_OK && *id >= WA_PREKEY_RETRY_MIN + PREKEY_RETRY_KEPT) {
        wa_prekey_name(*id - PREKEY_RETRY_KEPT, name);
        rc = wa_unit_del(u, name, 0);
    }

    if (rc == WA_OK) {
        rc = wa_prekey_counters_put(u, &c);
    }

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
    }

    return rc;
}


/* ---- signed prekeys ---- */

wa_err_t
wa_prekey_signed_get(wa_account_t *a, uint32_t id, wa_signed_prekey_t *out)
{
    char                name[WA_PREKEY_NAME_LEN];
    uint8_t             version;
    wa_rd_t             r;
    uint64_t            created;
    wa_span_t           value, priv, pub, sig;

    if (a->creds != NULL && a->creds->signed_prekey.id == id) {
        *out = a->creds->signed_prekey;
        return WA_OK;
    }

    if (id > WA_PREKEY_ID_MAX) {
        return WA_ERR_NO_SESSION;
    }

    wa_prekey_signed_name(id, name);

    if (wa_record_get(a, name, 0, &value) != WA_OK) {
        return WA_ERR_STATE;
    }

    r = wa_rd(value);

    if (value.n != PREKEY_SPK_LEN || !wa_rd_u8(&r, &version)
        || version != PREKEY_VERSION || !wa_rd_u32(&r, &out->id)
        || !wa_rd_bytes(&r, 32, &priv) || !wa_rd_bytes(&r, 32, &pub)
        || !wa_rd_bytes(&r, 64, &sig) || !rd_u64(&r, &created))
    {
        return WA_ERR_NO_SESSION;
    }

    memcpy(out->key.priv, priv.p, 32);
    memcpy(out->key.pub, pub.p, 32);
    memcpy(out->signature, sig.p, 64);
    out->created_s = (int64_t) created;

    return WA_OK;
}


wa_err_t
wa_prekey_signed_put(wa_unit_t *u, const wa_signed_prekey_t *key)
{
    char      name[WA_PREKEY_NAME_LEN];
    wa_wr_t   w;
    wa_err_t  rc;
    wa_buf_t  buf = WA_BUF_EMPTY;

    wa_wr_init(&w, &buf, PREKEY_SPK_LEN);
    wa_wr_u8(&w, PREKEY_VERSION);
    wa_wr_u32(&w, key->id);
    wa_wr_bytes(&w, key->key.priv, 32);
    wa_wr_bytes(&w, key->key.pub, 32);
    wa_wr_bytes(&w, key->signature, 64);
    wr_u64(&w, (uint64_t) key->created_s);

    rc = w.err;

    if (rc == WA_OK) {
        wa_prekey_signed_name(key->id, name);
        rc = wa_unit_put(u, name, 0, wa_span_buf(&buf));
    }

    wa_buf_wipe(&buf);

    return rc;
}


wa_err_t
wa_prekey_renew(wa_unit_t *u)
{
    wa_err_t               rc;
    wa_account_t          *a;
    wa_signed_prekey_t     fresh;
    wa_prekey_counters_t   c;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    rc = wa_prekey_counters_get(a, &c);

    if (rc != WA_OK) {
        return rc;
    }

    if (!wa_prekey_signed_make(a, PREKEY_RENEW_SIGNED_STEP, &fresh)) {
        return WA_ERR_NOMEM;
    }

    /* A batch begins with a new block; what is too high begins again. */

    c.next_id += PREKEY_RENEW_STEP - c.next_id % WA_PREKEY_BLOCK;
    c.retry_next += PREKEY_RENEW_STEP;
    c.digest_s = 0;

    rc = wa_prekey_counters_put(u, &c);

    if (rc == WA_OK) {
        rc = wa_prekey_signed_put(u, &a->creds->signed_prekey);
    }

    if (rc == WA_OK) {
        a->creds->signed_prekey = fresh;
    }

    wa_wipe(&fresh, sizeof(fresh));

    return rc;
}


static void
wr_u64(wa_wr_t *w, uint64_t v)
{
    wa_wr_u32(w, (uint32_t) (v >> 32));
    wa_wr_u32(w, (uint32_t) v);
}


static bool
rd_u64(wa_rd_t *r, uint64_t *v)
{
    uint32_t  high, low;

    if (!wa_rd_u32(r, &high) || !wa_rd_u32(r, &low)) {
        return false;
    }

    *v = (uint64_t) high << 32 | low;

    return true;
}
