/*
 * Sender keys, see wa_signal_group.h.  libsignal names a key by group,
 * sender and device; here the record's name is made before and the callbacks
 * use it, as one operation touches one key.
 */
#include <stdio.h>

#include <signal/curve.h>
#include <signal/group_cipher.h>
#include <signal/group_session_builder.h>
#include <signal/protocol.h>
#include <signal/sender_key_record.h>
#include <signal/sender_key_state.h>

#include "wa_signal_group.h"
#include "wa_signal_int.h"


/* Version byte and signature of a sender key message. */
#define GROUP_VERSION       0x33
#define GROUP_OVERHEAD      (1 + 64)

/* A distribution message is some 80 bytes. */
#define GROUP_SKDM_MAX      512


typedef struct {
    wa_signal_op_t                   op;
    wa_savepoint_t                   sp;
    signal_protocol_sender_key_name  name;
    char                             room[WA_JID_TEXT_MAX];
} group_op_t;


static bool group_name(const wa_jid_t *room, const wa_jid_t *sender,
    char name[WA_SIGNAL_SKEY_LEN]);
static wa_err_t group_begin(group_op_t *g, wa_unit_t *u,
    const wa_jid_t *room, const wa_jid_t *sender);
static wa_err_t group_end(group_op_t *g, int code);
static bool group_knows(group_op_t *g, sender_key_distribution_message *m,
    int *code);
static wa_err_t group_take(signal_buffer *bytes, wa_arena_t *arena,
    wa_span_t *out);


bool
wa_skey_need(const wa_jid_t *room, const wa_jid_t *sender, wa_arena_t *arena,
    wa_key_t *key)
{
    char  name[WA_SIGNAL_SKEY_LEN];

    key->day = 0;

    return group_name(room, sender, name)
           && wa_arena_dup_span(arena, wa_span_str(name), &key->name)
              == WA_OK;
}


bool
wa_skey_has(wa_account_t *a, const wa_jid_t *room, const wa_jid_t *sender)
{
    char       name[WA_SIGNAL_SKEY_LEN];
    wa_span_t  value;

    return group_name(room, sender, name)
           && wa_signal_record(a, name, &value) == WA_OK
           && value.p != NULL;
}


bool
wa_skey_is_old(wa_account_t *a, const wa_jid_t *room, const wa_jid_t *self)
{
    char       name[WA_SIGNAL_SKEY_LEN];
    wa_span_t  value;

    return group_name(room, self, name)
           && wa_signal_record(a, name, &value) == WA_OK
           && value.p != NULL && !wa_signal_of_era(a, value);
}


wa_err_t
wa_skey_process(wa_unit_t *u, const wa_jid_t *room, const wa_jid_t *sender,
    wa_span_t distribution)
{
    int                               code;
    wa_err_t                          rc;
    group_op_t                        g;
    signal_context                   *context;
    group_session_builder            *builder;
    sender_key_distribution_message  *m;

    if (distribution.n < 2 || distribution.n > GROUP_SKDM_MAX
        || distribution.p[0] != GROUP_VERSION)
    {
        return WA_ERR_SYNTAX;
    }

    rc = group_begin(&g, u, room, sender);
    if (rc != WA_OK) {
        return rc;
    }

    context = g.op.account->engine->signal->context;
    builder = NULL;
    m = NULL;

    code = sender_key_distribution_message_deserialize(&m, distribution.p,
                                                       distribution.n,
                                                       context);
    if (code == SG_SUCCESS && !group_knows(&g, m, &code)) {

        if (code == SG_SUCCESS) {
            code = group_session_builder_create(&builder,
                       g.op.account->engine->signal->store, context);
        }

        if (code == SG_SUCCESS) {
            code = group_session_builder_process_session(builder, &g.name,
                                                         m);
        }
    }

    if (builder != NULL) {
        group_session_builder_free(builder);
    }

    SIGNAL_UNREF(m);

    rc = group_end(&g, code);

    return rc == WA_ERR_DECRYPT ? WA_ERR_SYNTAX : rc;
}


/* A state with this id and signing key: it was distributed before. */
static bool
group_knows(group_op_t *g, sender_key_distribution_message *m, int *code)
{
    bool                known;
    wa_span_t           value;
    signal_context     *context;
    sender_key_state   *state;
    sender_key_record  *record;

    if (wa_signal_record(g->op.account, g->op.skey, &value) != WA_OK) {
        g->op.err = WA_ERR_STATE;
        *code = SG_ERR_UNKNOWN;
        return false;
    }

    if (value.p == NULL) {
        return false;
    }

    context = g->op.account->engine->signal->context;
    record = NULL;
    state = NULL;

    *code = sender_key_record_deserialize(&record, value.p, value.n,
                                          context);
    if (*code != SG_SUCCESS) {
        return false;
    }

    known = sender_key_record_get_sender_key_state_by_id(record, &state,
                sender_key_distribution_message_get_id(m)) == SG_SUCCESS
            && state != NULL
            && ec_public_key_compare(
                   sender_key_state_get_signing_key_public(state),
                   sender_key_distribution_message_get_signature_key(m)) == 0;

    SIGNAL_UNREF(record);

    return known;
}


wa_err_t
wa_skey_decrypt(wa_unit_t *u, const wa_jid_t *room, const wa_jid_t *sender,
    wa_span_t cipher, wa_arena_t *arena, wa_signal_plain_t *out)
{
    int                  code;
    wa_err_t             rc;
    group_op_t           g;
    group_cipher        *gc;
    signal_buffer       *plain;
    signal_context      *context;
    sender_key_message  *m;

    memset(out, 0, sizeof(*out));
    out->retry_code = WA_RETRY_INVALID_MESSAGE;

    if (cipher.n <= GROUP_OVERHEAD || cipher.p[0] != GROUP_VERSION) {
        return WA_ERR_DECRYPT;
    }

    rc = group_begin(&g, u, room, sender);
    if (rc != WA_OK) {
        return rc;
    }

    context = g.op.account->engine->signal->context;
    gc = NULL;
    m = NULL;
    plain = NULL;

    code = sender_key_message_deserialize(&m, cipher.p, cipher.n, context);

    if (code == SG_SUCCESS) {
        code = group_cipher_create(&gc, g.op.account->engine->signal->store,
                                   &g.name, context);
    }

    if (code == SG_SUCCESS) {
        code = group_cipher_decrypt(gc, m, NULL, &plain);
    }

    if (gc != NULL) {
        group_cipher_free(gc);
    }

    SIGNAL_UNREF(m);

    rc = group_end(&g, code);

    if (rc == WA_OK) {
        rc = group_take(plain, arena, &out->padded);
        out->retry_code = 0;

        if (rc != WA_OK) {
            wa_unit_rollback(u, g.sp);
        }

    } else if (rc == WA_ERR_NO_SESSION) {
        out->retry_code = WA_RETRY_NO_SESSION;
    }

    if (plain != NULL) {
        signal_buffer_bzero_free(plain);
    }

    return rc;
}


wa_err_t
wa_skey_distribution(wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *self, wa_arena_t *arena, wa_span_t *distribution)
{
    int                               code;
    wa_err_t                          rc;
    group_op_t                        g;
    group_session_builder            *builder;
    sender_key_distribution_message  *m;

    rc = group_begin(&g, u, room, self);
    if (rc != WA_OK) {
        return rc;
    }

    g.op.ours = !wa_skey_is_old(g.op.account, room, self);
    builder = NULL;
    m = NULL;

    code = group_session_builder_create(&builder,
               g.op.account->engine->signal->store,
               g.op.account->engine->signal->context);

    if (code == SG_SUCCESS) {
        code = group_session_builder_create_session(builder, &m, &g.name);
    }

    rc = group_end(&g, code);

    if (rc == WA_OK) {
        rc = group_take(ciphertext_message_get_serialized(
                            (ciphertext_message *) m), arena, distribution);

        if (rc != WA_OK) {
            wa_unit_rollback(u, g.sp);
        }
    }

    if (builder != NULL) {
        group_session_builder_free(builder);
    }

    SIGNAL_UNREF(m);

    return rc;
}


wa_err_t
wa_skey_encrypt(wa_unit_t *u, const wa_jid_t *room, const wa_jid_t *self,
    wa_span_t padded, wa_arena_t *arena, wa_span_t *cipher)
{
    int                  code;
    wa_err_t             rc;
    group_op_t           g;
    group_cipher        *gc;
    ciphertext_message  *m;

    if (u != NULL && wa_skey_is_old(wa_unit_account(u), room, self)) {
        return WA_ERR_NO_SESSION;
    }

    rc = group_begin(&g, u, room, self);
    if (rc != WA_OK) {
        return rc;
    }

    g.op.ours = true;
    gc = NULL;
    m = NULL;

    code = group_cipher_create(&gc, g.op.account->engine->signal->store,
                               &g.name,
                               g.op.account->engine->signal->context);

    if (code == SG_SUCCESS) {
        code = group_cipher_encrypt(gc, padded.p, padded.n, &m);
    }

    rc = group_end(&g, code);

    if (rc == WA_OK) {
        rc = group_take(ciphertext_message_get_serialized(m), arena, cipher);

        if (rc != WA_OK) {
            wa_unit_rollback(u, g.sp);
        }
    }

    if (gc != NULL) {
        group_cipher_free(gc);
    }

    SIGNAL_UNREF(m);

    return rc;
}


wa_err_t
wa_skey_drop(wa_unit_t *u, const wa_jid_t *room, const wa_jid_t *sender)
{
    char  name[WA_SIGNAL_SKEY_LEN];

    return group_name(room, sender, name) ? wa_unit_del(u, name, 0)
                                          : WA_ERR_ARG;
}


static wa_err_t
group_take(signal_buffer *bytes, wa_arena_t *arena, wa_span_t *out)
{
    return wa_arena_dup_span(arena, wa_span(signal_buffer_data(bytes),
                                            signal_buffer_len(bytes)), out);
}


static bool
group_name(const wa_jid_t *room, const wa_jid_t *sender,
    char name[WA_SIGNAL_SKEY_LEN])
{
    char  text[WA_JID_TEXT_MAX], address[WA_SIGNAL_NAME_LEN];
    int   n;

    if (wa_jid_format(room, text, sizeof(text)) == 0
        || wa_jid_signal_address(sender, address, sizeof(address)) == 0)
    {
        return false;
    }

    n = snprintf(name, WA_SIGNAL_SKEY_LEN, "skey/%s/%s", text, address);

    return n > 0 && n < WA_SIGNAL_SKEY_LEN;
}


static wa_err_t
group_begin(group_op_t *g, wa_unit_t *u, const wa_jid_t *room,
    const wa_jid_t *sender)
{
    wa_signal_t  *s;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    s = wa_unit_account(u)->engine->signal;

    if (s->op != NULL) {
        return WA_ERR_STATE;
    }

    memset(g, 0, sizeof(*g));

    if (!group_name(room, sender, g->op.skey)
        || wa_jid_format(room, g->room, sizeof(g->room)) == 0)
    {
        return WA_ERR_ARG;
    }

    g->op.account = wa_unit_account(u);
    g->op.unit = u;
    g->op.address.name = g->op.user;
    g->op.address.name_len = wa_jid_signal_name(sender, g->op.user,
                                                sizeof(g->op.user));
    g->op.address.device_id = sender->device;
    g->name.group_id = g->room;
    g->name.group_id_len = strlen(g->room);
    g->name.sender = g->op.address;
    g->sp = wa_unit_savepoint(u);
    s->op = &g->op;

    return WA_OK;
}


static wa_err_t
group_end(group_op_t *g, int code)
{
    wa_err_t  rc;

    g->op.account->engine->signal->op = NULL;

    if (g->op.err != WA_OK) {
        rc = g->op.err;

    } else {
        rc = wa_signal_code(code);
    }

    if (rc != WA_OK) {
        wa_unit_rollback(g->op.unit, g->sp);
    }

    return rc;
}
