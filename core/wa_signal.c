/*
 * Operations on sessions.  Each one names the running operation in the
 * engine, lets libsignal work on it, and takes the answer out:
 *
 *     op_begin -> session_cipher_*  -> callbacks of wa_signal_store.c
 *              -> result into the arena -> op_end
 *
 * libsignal writes the identity of a pkmsg before it has checked the MAC,
 * so every failed operation rolls the unit back to where it began.
 */
#include <stdio.h>

#include <signal/curve.h>
#include <signal/protocol.h>
#include <signal/session_builder.h>
#include <signal/session_cipher.h>
#include <signal/session_pre_key.h>

#include "wa_bundle.h"
#include "wa_prekey.h"
#include "wa_signal_int.h"
#include "wa_signal_wire.h"


static bool signal_names(const wa_jid_t *jid, char *sess, char *ident);
static wa_err_t op_begin(wa_signal_op_t *op, wa_account_t *a, wa_unit_t *u,
    const wa_jid_t *jid);
static void op_end(wa_signal_op_t *op);
static wa_err_t op_error(const wa_signal_op_t *op, int code);
static wa_err_t signal_cipher_encrypt(wa_signal_op_t *op, wa_span_t padded,
    wa_arena_t *arena, const char **enc_type, wa_span_t *cipher);
static int signal_cipher_decrypt(wa_signal_op_t *op, bool pkmsg,
    wa_span_t in, signal_buffer **plain);
static uint8_t signal_retry_code(int code);
static int signal_bundle(wa_signal_op_t *op, const wa_bundle_t *b,
    session_pre_key_bundle **out);


wa_err_t
wa_signal_init(wa_engine_t *e)
{
    wa_err_t      rc;
    wa_signal_t  *s;

    s = wa_calloc(1, sizeof(wa_signal_t));
    if (s == NULL) {
        return WA_ERR_NOMEM;
    }

    e->signal = s;
    rc = WA_ERR_NOMEM;

    if (signal_context_create(&s->context, s) == SG_SUCCESS
        && signal_protocol_store_context_create(&s->store, s->context)
           == SG_SUCCESS)
    {
        rc = wa_signal_store_install(s);
    }

    if (rc != WA_OK) {
        wa_signal_shutdown(e);
    }

    return rc;
}


void
wa_signal_shutdown(wa_engine_t *e)
{
    wa_signal_t  *s;

    s = e->signal;

    if (s == NULL) {
        return;
    }

    if (s->store != NULL) {
        signal_protocol_store_context_destroy(s->store);
    }

    if (s->context != NULL) {
        signal_context_destroy(s->context);
    }

    wa_free(s);
    e->signal = NULL;
}


size_t
wa_signal_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys)
{
    char        sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    wa_span_t   names[WA_SIGNAL_KEYS];

    if (!signal_names(jid, sess, ident)
        || wa_arena_dup_span(arena, wa_span_str(sess), &names[0]) != WA_OK
        || wa_arena_dup_span(arena, wa_span_str(ident), &names[1]) != WA_OK)
    {
        return 0;
    }

    keys[0] = (wa_key_t) { names[0], 0 };
    keys[1] = (wa_key_t) { names[1], 0 };

    return WA_SIGNAL_KEYS;
}


wa_err_t
wa_signal_prekey_need(wa_span_t pkmsg, wa_arena_t *arena, wa_key_t *keys,
    size_t *n)
{
    char        name[WA_PREKEY_NAME_LEN];
    size_t      count;
    wa_err_t    rc;
    wa_span_t   text;
    wa_pkmsg_t  m;

    rc = wa_pkmsg_parse(pkmsg, &m);

    if (rc != WA_OK) {
        return rc;
    }

    count = 0;

    if (m.has_prekey && m.prekey_id <= WA_PREKEY_ID_MAX) {
        wa_prekey_name(m.prekey_id, name);
        rc = wa_arena_dup_span(arena, wa_span_str(name), &text);

        if (rc != WA_OK) {
            return rc;
        }

        keys[count++] = (wa_key_t) { text, 0 };
    }

    if (m.signed_id <= WA_PREKEY_ID_MAX) {
        wa_prekey_signed_name(m.signed_id, name);
        rc = wa_arena_dup_span(arena, wa_span_str(name), &text);

        if (rc != WA_OK) {
            return rc;
        }

        keys[count++] = (wa_key_t) { text, 0 };
    }

    *n = count;

    return WA_OK;
}


bool
wa_signal_has_session(wa_account_t *a, const wa_jid_t *jid)
{
    char       sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    wa_span_t  value;

    return signal_names(jid, sess, ident)
           && wa_signal_record(a, sess, &value) == WA_OK
           && value.p != NULL && wa_signal_of_era(a, value);
}


bool
wa_signal_knows(wa_account_t *a, const wa_jid_t *jid)
{
    char       sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    wa_span_t  value;

    return signal_names(jid, sess, ident)
           && wa_signal_record(a, sess, &value) == WA_OK
           && value.p != NULL;
}


wa_err_t
wa_signal_encrypt(wa_unit_t *u, const wa_jid_t *to, wa_span_t padded,
    wa_arena_t *arena, const char **enc_type, wa_span_t *cipher)
{
    wa_err_t        rc;
    wa_account_t   *a;
    wa_savepoint_t  sp;
    wa_signal_op_t  op;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);

    if (!wa_signal_has_session(a, to)) {
        return WA_ERR_NO_SESSION;
    }

    rc = op_begin(&op, a, u, to);

    if (rc != WA_OK) {
        return rc;
    }

    sp = wa_unit_savepoint(u);
    op.ours = true;
    rc = signal_cipher_encrypt(&op, padded, arena, enc_type, cipher);
    op_end(&op);

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
    }

    return rc;
}


static wa_err_t
signal_cipher_encrypt(wa_signal_op_t *op, wa_span_t padded,
    wa_arena_t *arena, const char **enc_type, wa_span_t *cipher)
{
    int                  code;
    wa_err_t             rc;
    wa_signal_t         *s;
    signal_buffer       *bytes;
    session_cipher      *sc;
    ciphertext_message  *m;

    s = op->account->engine->signal;
    sc = NULL;
    m = NULL;

    code = session_cipher_create(&sc, s->store, &op->address, s->context);

    if (code == SG_SUCCESS) {
        code = session_cipher_encrypt(sc, padded.p, padded.n, &m);
    }

    if (code == SG_SUCCESS && op->err == WA_OK) {
        bytes = ciphertext_message_get_serialized(m);
        rc = wa_arena_dup_span(arena, wa_span(signal_buffer_data(bytes),
                                              signal_buffer_len(bytes)),
                               cipher);
        *enc_type = ciphertext_message_get_type(m) == CIPHERTEXT_PREKEY_TYPE
                    ? "pkmsg" : "msg";

    } else {
        rc = op_error(op, code);
    }

    SIGNAL_UNREF(m);

    if (sc != NULL) {
        session_cipher_free(sc);
    }

    return rc;
}


wa_err_t
wa_signal_decrypt(wa_unit_t *u, const wa_jid_t *from, wa_span_t enc_type,
    wa_span_t cipher, wa_arena_t *arena, wa_signal_plain_t *out)
{
    int              code;
    bool             pkmsg;
    wa_err_t         rc;
    wa_pkmsg_t       m;
    signal_buffer   *plain;
    wa_savepoint_t   sp;
    wa_signal_op_t   op;

    memset(out, 0, sizeof(*out));
    pkmsg = wa_span_eq_str(enc_type, "pkmsg");

    if (!pkmsg && !wa_span_eq_str(enc_type, "msg")) {
        return WA_ERR_SYNTAX;
    }

    rc = pkmsg ? wa_pkmsg_parse(cipher, &m) : wa_sigmsg_check(cipher);

    if (rc != WA_OK) {
        out->retry_code = WA_RETRY_INVALID_MESSAGE;
        return WA_ERR_DECRYPT;
    }

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = op_begin(&op, wa_unit_account(u), u, from);

    if (rc != WA_OK) {
        return rc;
    }

    sp = wa_unit_savepoint(u);
    plain = NULL;
    code = signal_cipher_decrypt(&op, pkmsg, cipher, &plain);
    rc = op_error(&op, code);
    op_end(&op);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span(signal_buffer_data(plain),
                                              signal_buffer_len(plain)),
                               &out->padded);
    }

    if (plain != NULL) {
        signal_buffer_bzero_free(plain);
    }

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
        out->retry_code = signal_retry_code(code);
        return rc;
    }

    out->identity_changed = pkmsg && op.identity_changed;

    return WA_OK;
}


static int
signal_cipher_decrypt(wa_signal_op_t *op, bool pkmsg, wa_span_t in,
    signal_buffer **plain)
{
    int                      code;
    wa_signal_t             *s;
    session_cipher          *sc;
    signal_message          *m;
    pre_key_signal_message  *pm;

    s = op->account->engine->signal;
    sc = NULL;
    m = NULL;
    pm = NULL;

    code = session_cipher_create(&sc, s->store, &op->address, s->context);

    if (code != SG_SUCCESS) {
        return code;
    }

    if (pkmsg) {
        code = pre_key_signal_message_deserialize(&pm, in.p, in.n,
                                                  s->context);
        if (code == SG_SUCCESS) {
            code = session_cipher_decrypt_pre_key_signal_message(sc, pm,
                                                                 NULL, plain);
        }

    } else {
        code = signal_message_deserialize(&m, in.p, in.n, s->context);

        if (code == SG_SUCCESS) {
            code = session_cipher_decrypt_signal_message(sc, m, NULL, plain);
        }
    }

    SIGNAL_UNREF(pm);
    SIGNAL_UNREF(m);
    session_cipher_free(sc);

    return code;
}


wa_err_t
wa_signal_session_drop(wa_unit_t *u, const wa_jid_t *jid)
{
    char  sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];

    if (!signal_names(jid, sess, ident)) {
        return WA_ERR_ARG;
    }

    return wa_unit_del(u, sess, 0);
}


wa_err_t
wa_signal_forget(wa_unit_t *u, const wa_jid_t *jid)
{
    char      sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    wa_err_t  rc;

    if (!signal_names(jid, sess, ident)) {
        return WA_ERR_ARG;
    }

    rc = wa_unit_del(u, sess, 0);

    return rc == WA_OK ? wa_unit_del(u, ident, 0) : rc;
}


/* Moves one record unless `to` has a value; `from` is gone afterwards. */
static wa_err_t
signal_move_record(wa_unit_t *u, const char *from, const char *to)
{
    wa_err_t       rc;
    wa_span_t      source, target;
    wa_account_t  *a;

    a = wa_unit_account(u);
    rc = wa_signal_record(a, from, &source);

    if (rc != WA_OK || source.p == NULL) {
        return rc;
    }

    rc = wa_signal_record(a, to, &target);

    if (rc == WA_OK && target.p == NULL) {
        rc = wa_unit_put(u, to, 0, source);
    }

    return rc == WA_OK ? wa_unit_del(u, from, 0) : rc;
}


wa_err_t
wa_signal_move(wa_unit_t *u, const wa_jid_t *from, const wa_jid_t *to)
{
    char            sess[2][WA_SIGNAL_NAME_LEN];
    char            ident[2][WA_SIGNAL_NAME_LEN];
    wa_err_t        rc;
    wa_savepoint_t  sp;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!signal_names(from, sess[0], ident[0])
        || !signal_names(to, sess[1], ident[1]))
    {
        return WA_ERR_ARG;
    }

    sp = wa_unit_savepoint(u);
    rc = signal_move_record(u, sess[0], sess[1]);

    if (rc == WA_OK) {
        rc = signal_move_record(u, ident[0], ident[1]);
    }

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
    }

    return rc;
}


wa_err_t
wa_signal_remote_registration(wa_account_t *a, const wa_jid_t *jid,
    uint32_t *registration_id)
{
    int              code;
    wa_err_t         rc;
    uint32_t         id;
    wa_signal_t     *s;
    wa_signal_op_t   op;
    session_cipher  *sc;

    rc = op_begin(&op, a, NULL, jid);

    if (rc != WA_OK) {
        return rc;
    }

    s = a->engine->signal;
    sc = NULL;
    rc = WA_ERR_NO_SESSION;

    if (wa_signal_has_session(a, jid)) {
        code = session_cipher_create(&sc, s->store, &op.address, s->context);

        if (code == SG_SUCCESS) {
            code = session_cipher_get_remote_registration_id(sc, &id);
        }

        rc = op_error(&op, code);
    }

    if (sc != NULL) {
        session_cipher_free(sc);
    }

    op_end(&op);

    if (rc == WA_OK) {
        *registration_id = id;
    }

    return rc == WA_ERR_DECRYPT ? WA_ERR_NO_SESSION : rc;
}


bool
wa_signal_identity(wa_account_t *a, const wa_jid_t *jid, uint8_t key[32])
{
    char       sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    wa_span_t  value;

    if (!signal_names(jid, sess, ident)
        || wa_signal_record(a, ident, &value) != WA_OK
        || value.n != WA_POINT_LEN)
    {
        return false;
    }

    memcpy(key, value.p + 1, 32);

    return true;
}


wa_err_t
wa_signal_identity_save(wa_unit_t *u, const wa_jid_t *jid,
    const uint8_t key[32])
{
    char     sess[WA_SIGNAL_NAME_LEN], ident[WA_SIGNAL_NAME_LEN];
    uint8_t  point[WA_POINT_LEN];

    if (!signal_names(jid, sess, ident)) {
        return WA_ERR_ARG;
    }

    point[0] = 0x05;
    memcpy(point + 1, key, 32);

    return wa_unit_put(u, ident, 0, wa_span(point, sizeof(point)));
}


wa_err_t
wa_signal_session_start(wa_unit_t *u, const wa_jid_t *jid,
    const wa_bundle_t *b)
{
    int                      code;
    wa_err_t                 rc;
    wa_signal_t             *s;
    wa_savepoint_t           sp;
    wa_signal_op_t           op;
    session_builder         *builder;
    session_pre_key_bundle  *bundle;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = op_begin(&op, wa_unit_account(u), u, jid);

    if (rc != WA_OK) {
        return rc;
    }

    s = op.account->engine->signal;
    sp = wa_unit_savepoint(u);
    op.ours = true;
    builder = NULL;
    bundle = NULL;

    code = signal_bundle(&op, b, &bundle);

    if (code == SG_SUCCESS) {
        code = session_builder_create(&builder, s->store, &op.address,
                                      s->context);
    }

    if (code == SG_SUCCESS) {
        code = session_builder_process_pre_key_bundle(builder, bundle);
    }

    if (builder != NULL) {
        session_builder_free(builder);
    }

    SIGNAL_UNREF(bundle);

    rc = op_error(&op, code);
    op_end(&op);

    if (rc == WA_ERR_DECRYPT) {
        rc = (code == SG_ERR_INVALID_KEY) ? WA_ERR_AUTH : WA_ERR_SYNTAX;
    }

    if (rc != WA_OK) {
        wa_unit_rollback(u, sp);
    }

    return rc;
}


static int
signal_point(wa_signal_op_t *op, const uint8_t pub[32], ec_public_key **out)
{
    uint8_t  point[WA_POINT_LEN];

    point[0] = 0x05;
    memcpy(point + 1, pub, 32);

    return curve_decode_point(out, point, sizeof(point),
                              op->account->engine->signal->context);
}


static int
signal_bundle(wa_signal_op_t *op, const wa_bundle_t *b,
    session_pre_key_bundle **out)
{
    int             code;
    ec_public_key  *identity, *signed_key, *prekey;

    identity = NULL;
    signed_key = NULL;
    prekey = NULL;

    code = signal_point(op, b->identity, &identity);

    if (code == SG_SUCCESS) {
        code = signal_point(op, b->signed_pub, &signed_key);
    }

    if (code == SG_SUCCESS && b->has_prekey) {
        code = signal_point(op, b->prekey_pub, &prekey);
    }

    if (code == SG_SUCCESS) {
        code = session_pre_key_bundle_create(out, b->registration_id,
                   op->address.device_id, b->has_prekey ? b->prekey_id : 0,
                   prekey, b->signed_id, signed_key, b->signature,
                   sizeof(b->signature), identity);
    }

    SIGNAL_UNREF(identity);
    SIGNAL_UNREF(signed_key);
    SIGNAL_UNREF(prekey);

    return code;
}


static bool
signal_names(const wa_jid_t *jid, char *sess, char *ident)
{
    char  address[WA_SIGNAL_NAME_LEN - sizeof("ident/")];

    if (wa_jid_signal_address(jid, address, sizeof(address)) == 0) {
        return false;
    }

    snprintf(sess, WA_SIGNAL_NAME_LEN, "sess/%s", address);
    snprintf(ident, WA_SIGNAL_NAME_LEN, "ident/%s", address);

    return true;
}


static wa_err_t
op_begin(wa_signal_op_t *op, wa_account_t *a, wa_unit_t *u,
    const wa_jid_t *jid)
{
    size_t        n;
    wa_signal_t  *s;

    s = a->engine->signal;

    if (s->op != NULL) {
        return WA_ERR_STATE;
    }

    memset(op, 0, sizeof(*op));
    n = wa_jid_signal_name(jid, op->user, sizeof(op->user));

    if (n == 0 || !signal_names(jid, op->sess, op->ident)) {
        return WA_ERR_ARG;
    }

    op->account = a;
    op->unit = u;
    op->address.name = op->user;
    op->address.name_len = n;
    op->address.device_id = jid->device;
    s->op = op;

    return WA_OK;
}


static void
op_end(wa_signal_op_t *op)
{
    op->account->engine->signal->op = NULL;
}


static wa_err_t
op_error(const wa_signal_op_t *op, int code)
{
    return op->err != WA_OK ? op->err : wa_signal_code(code);
}


wa_err_t
wa_signal_code(int code)
{
    switch (code) {

    case SG_SUCCESS:
        return WA_OK;

    case SG_ERR_NOMEM:
        return WA_ERR_NOMEM;

    case SG_ERR_NO_SESSION:
        return WA_ERR_NO_SESSION;

    case SG_ERR_DUPLICATE_MESSAGE:
        return WA_ERR_DUPLICATE;

    default:
        return WA_ERR_DECRYPT;
    }
}


/* The form was checked before, so an invalid message is a wrong MAC. */
static uint8_t
signal_retry_code(int code)
{
    switch (code) {

    case SG_ERR_NO_SESSION:
        return WA_RETRY_NO_SESSION;

    case SG_ERR_INVALID_KEY:
        return WA_RETRY_INVALID_KEY;

    case SG_ERR_INVALID_KEY_ID:
        return WA_RETRY_INVALID_KEY_ID;

    case SG_ERR_INVALID_MAC:
    case SG_ERR_INVALID_MESSAGE:
        return WA_RETRY_BAD_MAC;

    case SG_ERR_LEGACY_MESSAGE:
    case SG_ERR_INVALID_VERSION:
    case SG_ERR_INVALID_PROTO_BUF:
        return WA_RETRY_INVALID_MESSAGE;

    default:
        return WA_RETRY_UNKNOWN;
    }
}
