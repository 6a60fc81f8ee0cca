/*
 * libsignal's view of us: crypto from wa_crypto, randomness from the engine,
 * records of the account whose operation runs.  Callbacks only read memory
 * and stage changes in the operation's unit.
 */
#include <signal/curve.h>
#include <signal/session_pre_key.h>

#include "wa_crypto.h"
#include "wa_prekey.h"
#include "wa_signal_int.h"


#define STORE_POINT_LEN    33
#define STORE_POINT_TYPE   0x05


static int store_fail(wa_signal_t *s, wa_err_t err);
static int store_bytes(signal_buffer **out, const void *p, size_t n);


/* ---- crypto provider ---- */

static int
crypto_random(uint8_t *data, size_t len, void *ctx)
{
    wa_signal_t  *s = ctx;

    if (s->op == NULL) {
        return SG_ERR_UNKNOWN;
    }

    wa_account_random(s->op->account, data, len);

    return SG_SUCCESS;
}


static int
crypto_code(wa_err_t rc)
{
    return rc == WA_OK ? SG_SUCCESS
                       : rc == WA_ERR_NOMEM ? SG_ERR_NOMEM : SG_ERR_UNKNOWN;
}


/* libsignal hands whatever is in *hmac to the cleanup, also after a failed
   init, so it must always be set. */
static int
crypto_hmac_init(void **hmac, const uint8_t *key, size_t key_len, void *ctx)
{
    wa_err_t    rc;
    wa_hmac_t  *h;

    (void) ctx;

    rc = wa_hmac_create(&h, wa_span(key, key_len));
    *hmac = (rc == WA_OK) ? h : NULL;

    return crypto_code(rc);
}


static int
crypto_hmac_update(void *hmac, const uint8_t *data, size_t len, void *ctx)
{
    (void) ctx;

    return crypto_code(wa_hmac_update(hmac, wa_span(data, len)));
}


static int
crypto_hmac_final(void *hmac, signal_buffer **out, void *ctx)
{
    int       code;
    uint8_t   mac[WA_SHA256_LEN];
    wa_err_t  rc;

    (void) ctx;

    rc = wa_hmac_final(hmac, mac);
    code = (rc == WA_OK) ? store_bytes(out, mac, sizeof(mac))
                         : crypto_code(rc);
    wa_wipe(mac, sizeof(mac));

    return code;
}


static void
crypto_hmac_free(void *hmac, void *ctx)
{
    (void) ctx;

    wa_hmac_free(hmac);
}


static int
crypto_sha512_init(void **digest, void *ctx)
{
    wa_err_t      rc;
    wa_digest_t  *d;

    (void) ctx;

    rc = wa_sha512_create(&d);
    *digest = (rc == WA_OK) ? d : NULL;

    return crypto_code(rc);
}


static int
crypto_sha512_update(void *digest, const uint8_t *data, size_t len,
    void *ctx)
{
    (void) ctx;

    return crypto_code(wa_sha512_update(digest, wa_span(data, len)));
}


static int
crypto_sha512_final(void *digest, signal_buffer **out, void *ctx)
{
    int       code;
    uint8_t   hash[WA_SHA512_LEN];
    wa_err_t  rc;

    (void) ctx;

    rc = wa_sha512_final(digest, hash);
    code = (rc == WA_OK) ? store_bytes(out, hash, sizeof(hash))
                         : crypto_code(rc);
    wa_wipe(hash, sizeof(hash));

    return code;
}


static void
crypto_sha512_free(void *digest, void *ctx)
{
    (void) ctx;

    wa_sha512_free(digest);
}


/* Sessions use AES-256-CBC only. */
static bool
crypto_is_cbc(int cipher, size_t key_len, size_t iv_len)
{
    return cipher == SG_CIPHER_AES_CBC_PKCS5 && key_len == WA_KEY_LEN
           && iv_len == WA_AES_BLOCK;
}


static int
crypto_encrypt(signal_buffer **out, int cipher, const uint8_t *key,
    size_t key_len, const uint8_t *iv, size_t iv_len, const uint8_t *in,
    size_t in_len, void *ctx)
{
    int       code;
    wa_err_t  rc;
    wa_buf_t  buf = WA_BUF_EMPTY;

    (void) ctx;

    if (!crypto_is_cbc(cipher, key_len, iv_len)) {
        return SG_ERR_INVAL;
    }

    rc = wa_cbc_encrypt(key, iv, wa_span(in, in_len), &buf);
    code = (rc == WA_OK) ? store_bytes(out, buf.p, buf.n) : crypto_code(rc);
    wa_buf_free(&buf);

    return code;
}


static int
crypto_decrypt(signal_buffer **out, int cipher, const uint8_t *key,
    size_t key_len, const uint8_t *iv, size_t iv_len, const uint8_t *in,
    size_t in_len, void *ctx)
{
    int       code;
    wa_err_t  rc;
    wa_buf_t  buf = WA_BUF_EMPTY;

    (void) ctx;

    if (!crypto_is_cbc(cipher, key_len, iv_len)) {
        return SG_ERR_INVAL;
    }

    rc = wa_cbc_decrypt(key, iv, wa_span(in, in_len), &buf);
    code = (rc == WA_OK) ? store_bytes(out, buf.p, buf.n) : crypto_code(rc);
    wa_buf_wipe(&buf);

    return code;
}


/* ---- sessions ---- */

static int
session_load(signal_buffer **record, signal_buffer **user_record,
    const signal_protocol_address *address, void *ctx)
{
    int           code;
    wa_err_t      rc;
    wa_span_t     value;
    wa_signal_t  *s = ctx;

    (void) user_record;
    (void) address;

    rc = wa_signal_record(s->op->account, s->op->sess, &value);

    if (rc != WA_OK) {
        return store_fail(s, rc);
    }

    if (value.p == NULL) {
        return 0;
    }

    code = store_bytes(record, value.p, value.n);

    return code == SG_SUCCESS ? 1 : code;
}


/*
 * One that was decrypted with stays what it was, unless another one of the
 * device's sessions, maybe from before this era, has taken its place.
 */
static int
session_store(const signal_protocol_address *address, uint8_t *record,
    size_t len, uint8_t *user_record, size_t user_len, void *ctx)
{
    bool          ours;
    wa_err_t      rc;
    wa_span_t     before, after;
    wa_signal_t  *s = ctx;

    (void) address;
    (void) user_record;
    (void) user_len;

    after = wa_span(record, len);
    ours = s->op->ours;

    if (!ours && s->op->account->creds != NULL
        && s->op->account->creds->era != 0)
    {
        rc = wa_signal_record(s->op->account, s->op->sess, &before);

        if (rc != WA_OK) {
            return store_fail(s, rc);
        }

        ours = wa_signal_of_era(s->op->account, before)
               && wa_signal_same(s->op, before, after);
    }

    return store_fail(s, wa_signal_put(s->op, s->op->sess, after, ours));
}


static int
session_contains(const signal_protocol_address *address, void *ctx)
{
    wa_err_t      rc;
    wa_span_t     value;
    wa_signal_t  *s = ctx;

    (void) address;

    rc = wa_signal_record(s->op->account, s->op->sess, &value);

    if (rc != WA_OK) {
        return store_fail(s, rc);
    }

    return value.p != NULL;
}


static int
session_delete(const signal_protocol_address *address, void *ctx)
{
    int           code;
    wa_signal_t  *s = ctx;

    (void) address;

    code = store_fail(s, wa_unit_del(s->op->unit, s->op->sess, 0));

    return code == SG_SUCCESS ? 1 : code;
}


/*
 * Not used by the operations of wa_signal.c; libsignal takes the whole table
 * and asserts that no entry is missing.
 */
static int
session_sub_devices(signal_int_list **sessions, const char *name,
    size_t len, void *ctx)
{
    (void) sessions;
    (void) name;
    (void) len;

    return store_fail(ctx, WA_ERR_STATE);
}


static int
session_delete_all(const char *name, size_t len, void *ctx)
{
    (void) name;
    (void) len;

    return store_fail(ctx, WA_ERR_STATE);
}


/* ---- prekeys ---- */

static int
prekey_pair(wa_signal_t *s, const uint8_t priv[32], const uint8_t pub[32],
    ec_key_pair **pair)
{
    int              code;
    uint8_t          point[STORE_POINT_LEN];
    ec_public_key   *q;
    ec_private_key  *d;

    q = NULL;
    d = NULL;
    point[0] = STORE_POINT_TYPE;
    memcpy(point + 1, pub, 32);

    code = curve_decode_point(&q, point, sizeof(point), s->context);

    if (code == SG_SUCCESS) {
        code = curve_decode_private_point(&d, priv, 32, s->context);
    }

    if (code == SG_SUCCESS) {
        code = ec_key_pair_create(pair, q, d);
    }

    SIGNAL_UNREF(q);
    SIGNAL_UNREF(d);

    return code;
}


static int
prekey_load(signal_buffer **record, uint32_t id, void *ctx)
{
    int               code;
    uint8_t           priv[32], pub[32];
    wa_err_t          rc;
    wa_signal_t      *s = ctx;
    ec_key_pair      *pair;
    session_pre_key  *key;

    rc = wa_prekey_get(s->op->account, id, priv);

    if (rc == WA_ERR_NO_SESSION) {
        return SG_ERR_INVALID_KEY_ID;
    }

    if (rc == WA_OK) {
        rc = wa_x25519_public(pub, priv);
    }

    if (rc != WA_OK) {
        wa_wipe(priv, sizeof(priv));
        return store_fail(s, rc);
    }

    pair = NULL;
    key = NULL;
    code = prekey_pair(s, priv, pub, &pair);
    wa_wipe(priv, sizeof(priv));

    if (code == SG_SUCCESS) {
        code = session_pre_key_create(&key, id, pair);
    }

    if (code == SG_SUCCESS) {
        code = session_pre_key_serialize(record, key);
    }

    SIGNAL_UNREF(key);
    SIGNAL_UNREF(pair);

    return code;
}


static int
prekey_store(uint32_t id, uint8_t *record, size_t len, void *ctx)
{
    (void) id;
    (void) record;
    (void) len;

    return store_fail(ctx, WA_ERR_STATE);
}


static int
prekey_contains(uint32_t id, void *ctx)
{
    uint8_t       priv[32];
    wa_err_t      rc;
    wa_signal_t  *s = ctx;

    rc = wa_prekey_get(s->op->account, id, priv);
    wa_wipe(priv, sizeof(priv));

    return rc == WA_OK;
}


static int
prekey_remove(uint32_t id, void *ctx)
{
    wa_signal_t  *s = ctx;

    return store_fail(s, wa_prekey_remove(s->op->unit, id));
}


static int
signed_load(signal_buffer **record, uint32_t id, void *ctx)
{
    int                      code;
    wa_err_t                 rc;
    wa_signal_t             *s = ctx;
    ec_key_pair             *pair;
    wa_signed_prekey_t       spk;
    session_signed_pre_key  *key;

    rc = wa_prekey_signed_get(s->op->account, id, &spk);

    if (rc == WA_ERR_NO_SESSION) {
        return SG_ERR_INVALID_KEY_ID;
    }

    if (rc != WA_OK) {
        return store_fail(s, rc);
    }

    /* It is asked for when a pkmsg begins a new session, which is random. */

    s->op->ours = true;

    pair = NULL;
    key = NULL;
    code = prekey_pair(s, spk.key.priv, spk.key.pub, &pair);

    if (code == SG_SUCCESS) {
        code = session_signed_pre_key_create(&key, id,
                   (uint64_t) spk.created_s, pair, spk.signature,
                   sizeof(spk.signature));
    }

    if (code == SG_SUCCESS) {
        code = session_signed_pre_key_serialize(record, key);
    }

    SIGNAL_UNREF(key);
    SIGNAL_UNREF(pair);
    wa_wipe(&spk, sizeof(spk));

    return code;
}


static int
signed_contains(uint32_t id, void *ctx)
{
    wa_err_t            rc;
    wa_signal_t        *s = ctx;
    wa_signed_prekey_t  spk;

    rc = wa_prekey_signed_get(s->op->account, id, &spk);
    wa_wipe(&spk, sizeof(spk));

    return rc == WA_OK;
}


static int
signed_remove(uint32_t id, void *ctx)
{
    (void) id;

    return store_fail(ctx, WA_ERR_STATE);
}


/* ---- identities ---- */

static int
identity_pair(signal_buffer **public_data, signal_buffer **private_data,
    void *ctx)
{
    int                  code;
    uint8_t              point[STORE_POINT_LEN];
    wa_signal_t         *s = ctx;
    const wa_keypair_t  *own;

    if (s->op->account->creds == NULL) {
        return store_fail(s, WA_ERR_STATE);
    }

    own = &s->op->account->creds->identity;
    point[0] = STORE_POINT_TYPE;
    memcpy(point + 1, own->pub, 32);

    code = store_bytes(public_data, point, sizeof(point));

    if (code == SG_SUCCESS) {
        code = store_bytes(private_data, own->priv, sizeof(own->priv));

        if (code != SG_SUCCESS) {
            signal_buffer_free(*public_data);
            *public_data = NULL;
        }
    }

    return code;
}


static int
identity_registration(void *ctx, uint32_t *id)
{
    wa_signal_t  *s = ctx;

    if (s->op->account->creds == NULL) {
        return store_fail(s, WA_ERR_STATE);
    }

    *id = s->op->account->creds->registration_id;

    return SG_SUCCESS;
}


static int
identity_save(const signal_protocol_address *address, uint8_t *key,
    size_t len, void *ctx)
{
    wa_err_t      rc;
    wa_span_t     known;
    wa_signal_t  *s = ctx;

    (void) address;

    rc = wa_signal_record(s->op->account, s->op->ident, &known);

    if (rc != WA_OK) {
        return store_fail(s, rc);
    }

    if (known.p != NULL && wa_span_eq(known, wa_span(key, len))) {
        return SG_SUCCESS;
    }

    s->op->identity_changed = (known.p != NULL);

    return store_fail(s, wa_unit_put(s->op->unit, s->op->ident, 0,
                                     wa_span(key, len)));
}


/* Everybody may register anew: identity_save() notices the change. */
static int
identity_trusted(const signal_protocol_address *address, uint8_t *key,
    size_t len, void *ctx)
{
    (void) address;
    (void) key;
    (void) len;
    (void) ctx;

    return 1;
}


/* ---- */

/* ---- sender keys ---- */

static int
skey_store(const signal_protocol_sender_key_name *name, uint8_t *record,
    size_t len, uint8_t *user, size_t user_len, void *ctx)
{
    wa_signal_t  *s = ctx;

    (void) name;
    (void) user;
    (void) user_len;

    return store_fail(s, wa_signal_put(s->op, s->op->skey,
                                       wa_span(record, len), s->op->ours));
}


static int
skey_load(signal_buffer **record, signal_buffer **user,
    const signal_protocol_sender_key_name *name, void *ctx)
{
    wa_err_t      rc;
    wa_span_t     value;
    wa_signal_t  *s = ctx;

    (void) user;
    (void) name;

    rc = wa_signal_record(s->op->account, s->op->skey, &value);

    if (rc != WA_OK) {
        return store_fail(s, rc);
    }

    if (value.p == NULL) {
        return 0;
    }

    return store_bytes(record, value.p, value.n) == SG_SUCCESS
           ? 1 : store_fail(s, WA_ERR_NOMEM);
}


wa_err_t
wa_signal_store_install(wa_signal_t *s)
{
    int                                    rc;
    signal_crypto_provider                 crypto;
    signal_protocol_session_store          sessions;
    signal_protocol_pre_key_store          prekeys;
    signal_protocol_signed_pre_key_store   signeds;
    signal_protocol_sender_key_store      skeys;
    signal_protocol_identity_key_store     identities;

    crypto = (signal_crypto_provider) {
        crypto_random, crypto_hmac_init, crypto_hmac_update,
        crypto_hmac_final, crypto_hmac_free, crypto_sha512_init,
        crypto_sha512_update, crypto_sha512_final, crypto_sha512_free,
        crypto_encrypt, crypto_decrypt, s
    };

    sessions = (signal_protocol_session_store) {
        session_load, session_sub_devices, session_store, session_contains,
        session_delete, session_delete_all, NULL, s
    };

    prekeys = (signal_protocol_pre_key_store) {
        prekey_load, prekey_store, prekey_contains, prekey_remove, NULL, s
    };

    signeds = (signal_protocol_signed_pre_key_store) {
        signed_load, prekey_store, signed_contains, signed_remove, NULL, s
    };

    identities = (signal_protocol_identity_key_store) {
        identity_pair, identity_registration, identity_save,
        identity_trusted, NULL, s
    };

    skeys = (signal_protocol_sender_key_store) {
        skey_store, skey_load, NULL, s
    };

    rc = signal_context_set_crypto_provider(s->context, &crypto);

    if (rc == SG_SUCCESS) {
        rc = signal_protocol_store_context_set_session_store(s->store,
                                                             &sessions);
    }

    if (rc == SG_SUCCESS) {
        rc = signal_protocol_store_context_set_pre_key_store(s->store,
                                                             &prekeys);
    }

    if (rc == SG_SUCCESS) {
        rc = signal_protocol_store_context_set_signed_pre_key_store(s->store,
                                                                    &signeds);
    }

    if (rc == SG_SUCCESS) {
        rc = signal_protocol_store_context_set_identity_key_store(s->store,
                                                                &identities);
    }

    if (rc == SG_SUCCESS) {
        rc = signal_protocol_store_context_set_sender_key_store(s->store,
                                                                &skeys);
    }

    return rc == SG_SUCCESS ? WA_OK : WA_ERR_NOMEM;
}


wa_err_t
wa_signal_record(wa_account_t *a, const char *name, wa_span_t *value)
{
    wa_err_t  rc;

    rc = wa_record_get(a, name, 0, value);

    return rc == WA_AGAIN ? WA_ERR_STATE : rc;
}


/* Remembers our own error: libsignal would only hand a number on. */
static int
store_fail(wa_signal_t *s, wa_err_t err)
{
    if (err == WA_OK) {
        return SG_SUCCESS;
    }

    if (s->op->err == WA_OK) {
        s->op->err = err;
    }

    return err == WA_ERR_NOMEM ? SG_ERR_NOMEM : SG_ERR_UNKNOWN;
}


static int
store_bytes(signal_buffer **out, const void *p, size_t n)
{
    signal_buffer  *b;

    b = signal_buffer_create(p, n);
    if (b == NULL) {
        return SG_ERR_NOMEM;
    }

    *out = b;

    return SG_SUCCESS;
}
