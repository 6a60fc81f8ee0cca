/*
 * <message> -> plaintext -> event, see wa_recv.h.
 *
 *     wa_recv_message    who and what; records that tell addresses
 *     recv_addressed     a PN/LID pair in the attributes is learnt
 *     recv_learned       records of the session
 *     recv_decrypt       one unit from here to its commit
 *     recv_seek          no session at the LID: is it still at the PN?
 *     recv_duplicate     an old ratchet key: was it this very message?
 *
 * A 1:1 message has one <enc> for each device, so the first pkmsg or msg is
 * the one meant for us.  Rooms: wa_recv_room.c.
 */
#include "wa_recv.h"

#include "wa_account_int.h"
#include "wa_device.h"
#include "wa_lid.h"
#include "wa_newsletter.h"
#include "wa_padding.h"
#include "wa_placeholder.h"
#include "wa_receipt.h"
#include "wa_recent.h"
#include "wa_recv_int.h"
#include "wa_retry.h"
#include "wa_signal_group.h"
#include "wa_unavailable.h"


/* Map records of sender and chat, sessions, prekeys, sender key, seen. */
#define RECV_KEYS_MAX  (4 * WA_LID_KEYS + 2 * WA_SIGNAL_KEYS + 3              \
        + WA_SIGNAL_PREKEY_KEYS + WA_PLACEHOLDER_KEYS + WA_APPSTATE_KEYS)


static wa_err_t recv_parse(wa_task_t *t, wa_recv_t *m);
static wa_err_t recv_parse_enc(const wa_node_t *st, wa_recv_t *m);
static void recv_parse_pair(const wa_node_t *st, wa_recv_t *m);
static size_t recv_map_keys(wa_task_t *t, wa_key_t *keys);
static bool recv_lookup_seen(wa_account_t *a, const wa_recv_t *m,
    const wa_key_t *session);
static void recv_addressed(wa_task_t *t, wa_err_t rc);
static void recv_learned(wa_task_t *t, wa_err_t rc);
static void recv_decrypt(wa_task_t *t, wa_err_t rc);
static wa_err_t recv_open(wa_unit_t *u, wa_task_t *t, wa_recv_t *m,
    wa_signal_plain_t *out);
static void recv_closed(wa_task_t *t, wa_unit_t *u, wa_err_t rc,
    const wa_signal_plain_t *out);
static void recv_content(wa_task_t *t, wa_unit_t *u, wa_span_t plain);
static void recv_failed(wa_task_t *t, wa_err_t rc, uint8_t reason);
static bool recv_seek(wa_task_t *t, wa_recv_t *m);
static void recv_sought(wa_task_t *t, wa_err_t rc);
static void recv_duplicate(wa_task_t *t, wa_err_t rc);
static void recv_ack(wa_task_t *t, unsigned error);


void
wa_recv_message(wa_task_t *t)
{
    size_t      n;
    wa_err_t    rc;
    wa_jid_t    from;
    wa_key_t    keys[RECV_KEYS_MAX];
    wa_recv_t  *m;

    if (wa_node_attr_jid(t->stanza, "from", &from)
        && wa_jid_is_newsletter(&from))
    {
        wa_newsletter_message(t);
        return;
    }

    if (wa_unavailable_is(t->stanza)) {
        wa_unavailable(t);
        return;
    }

    m = wa_arena_calloc(&t->arena, 1, sizeof(wa_recv_t));
    if (m == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = m;
    m->arena = &t->arena;
    rc = recv_parse(t, m);

    if (rc == WA_ERR_STATE) {
        recv_ack(t, 0);
        return;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "message stanza without address: %s",
               wa_err_name(rc));
        wa_task_end(t, rc == WA_ERR_NOMEM ? rc : WA_OK);
        return;
    }

    if (m->node == NULL) {
        wa_recv_unknown(t);
        return;
    }

    n = recv_map_keys(t, keys);

    t->resume = recv_addressed;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        recv_addressed(t, rc);
    }
}


void
wa_recv_free(wa_account_t *a)
{
    wa_recent_free(a);
    wa_receipts_free(a);
}


/*
 * WA_ERR_STATE: to be acknowledged and nothing else (newsletters,
 * unencrypted kinds).  WA_ERR_SYNTAX: cannot be answered.
 */
static wa_err_t
recv_parse(wa_task_t *t, wa_recv_t *m)
{
    wa_err_t          rc;
    wa_account_t     *a;
    const wa_node_t  *st;

    a = t->account;
    st = t->stanza;
    m->id = wa_node_attr(st, "id");

    if (m->id.n == 0 || wa_node_attr(st, "from").n == 0) {
        return WA_ERR_SYNTAX;
    }

    if (!wa_node_attr_jid(st, "from", &m->from)
        || (wa_node_is(st, "status") && !wa_jid_is_status(&m->from)))
    {
        return WA_ERR_STATE;
    }

    if (wa_jid_is_group(&m->from) || wa_jid_is_broadcast(&m->from)) {
        rc = wa_recv_room_parse(st, m);

    } else {
        rc = wa_recv_writes(&m->from) ? WA_OK : WA_ERR_STATE;
    }

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_stanza_key(a, st, &m->key);
    if (rc != WA_OK) {
        return rc;
    }

    m->ts = wa_stanza_time(a, st);
    m->from_me = wa_account_is_self(a, &m->from);
    m->peer = wa_node_attr_is(st, "category", "peer");
    m->chat = m->from;

    if (wa_push_name_says(wa_node_attr(st, "notify"))) {
        m->push_name = wa_node_attr(st, "notify");
    }

    if (m->from_me && m->room.server == WA_SERVER_NONE
        && wa_node_attr_jid(st, "recipient", &m->chat)
        && !wa_recv_writes(&m->chat))
    {
        return WA_ERR_STATE;
    }

    m->chat = wa_jid_person(&m->chat);
    m->enc = m->from;
    recv_parse_pair(st, m);

    return recv_parse_enc(st, m);
}


static wa_err_t
recv_parse_enc(const wa_node_t *st, wa_recv_t *m)
{
    wa_span_t         type;
    const wa_node_t  *enc, *direct, *shared;

    direct = NULL;
    shared = NULL;

    if (m->from.server == WA_SERVER_BOT) {
        return wa_recv_bot(st) ? WA_OK : WA_ERR_STATE;
    }

    for (enc = wa_node_child(st, "enc"); enc != NULL;
         enc = wa_node_sibling(enc, "enc"))
    {
        type = wa_node_attr(enc, "type");

        if (wa_span_eq_str(type, "msg") || wa_span_eq_str(type, "pkmsg")) {
            direct = (direct == NULL) ? enc : direct;

        } else if (wa_span_eq_str(type, "skmsg")
                   && m->room.server != WA_SERVER_NONE)
        {
            shared = (shared == NULL) ? enc : shared;
        }
    }

    if (direct == NULL && shared == NULL) {
        return wa_node_child(st, "enc") == NULL ? WA_ERR_STATE : WA_OK;
    }

    m->node = (shared == NULL) ? direct : shared;
    m->direct = (shared == NULL) ? NULL : direct;
    m->type = wa_node_attr(m->node, "type");

    return WA_OK;
}


/* Two addresses of the chat's person, when the attributes give both. */
static void
recv_parse_pair(const wa_node_t *st, wa_recv_t *m)
{
    size_t     i;
    wa_jid_t   other;
    bool       lid, room;

    static const char *const  of_sender[2][2] = {
        { "sender_lid", "sender_pn" },
        { "participant_lid", "participant_pn" }
    };
    static const char *const  of_chat[2][2] = {
        { "peer_recipient_lid", "recipient_lid" },
        { "peer_recipient_pn", "recipient_pn" }
    };

    lid = wa_jid_is_lid(&m->chat);
    room = m->room.server != WA_SERVER_NONE;
    other.server = WA_SERVER_NONE;

    if (!m->from_me) {
        if (!wa_node_attr_jid(st, of_sender[room][lid], &other)) {
            return;
        }

    } else if (!room) {
        for (i = 0; i < 2; i++) {
            if (wa_node_attr_jid(st, of_chat[lid][i], &other)) {
                break;
            }
        }
    }

    if (!wa_jid_is_user(&m->chat)) {
        return;
    }

    if (lid && other.server == WA_SERVER_PN) {
        m->lid = m->chat;
        m->pn = wa_jid_person(&other);
        m->pair = true;

    } else if (!lid && other.server == WA_SERVER_LID) {
        m->pn = m->chat;
        m->lid = wa_jid_person(&other);
        m->pair = true;
    }
}


static size_t
recv_map_keys(wa_task_t *t, wa_key_t *keys)
{
    size_t      n;
    wa_recv_t  *m;

    m = t->data;
    n = wa_lid_need(&m->chat, &t->arena, keys);

    if (m->pair) {
        n += wa_lid_need(wa_jid_is_lid(&m->chat) ? &m->pn : &m->lid,
                         &t->arena, keys + n);
    }

    if (m->from_me) {
        n += wa_lid_need(&m->from, &t->arena, keys + n);
    }

    /* What our phone tells may be what it was asked for. */

    if (m->peer && m->from_me && m->from.device == 0) {
        n += wa_recv_primary_need(t->account, &t->arena, keys + n);
        n += wa_appstate_need(keys + n);
    }

    return n;
}


static void
recv_addressed(wa_task_t *t, wa_err_t rc)
{
    wa_jid_t    pn, lid;
    wa_recv_t  *m;

    m = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    t->resume = recv_learned;

    if (m->pair) {
        pn = m->pn;
        lid = m->lid;

        /* This device may be on no list yet; its session moves as well. */

        if (!m->from_me && !wa_jid_is_hosted(&m->from)) {
            pn.device = m->from.device;
            lid.device = m->from.device;
        }

        rc = wa_lid_learn(t, &pn, &lid);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    recv_learned(t, rc);
}


static void
recv_learned(wa_task_t *t, wa_err_t rc)
{
    size_t            n, more;
    wa_key_t          keys[RECV_KEYS_MAX];
    wa_recv_t        *m;
    wa_account_t     *a;
    const wa_node_t  *enc;

    a = t->account;
    m = t->data;

    if (rc != WA_OK) {

        if (rc == WA_ERR_NOMEM) {
            wa_task_end(t, rc);
            return;
        }

        wa_log(a, WA_LOG_INFO, "address pair not learnt: %s",
               wa_err_name(rc));
    }

    wa_lid_prefer(a, &m->enc);

    n = 0;

    if (m->room.server != WA_SERVER_NONE) {
        n = wa_skey_need(&m->room, &m->enc, &t->arena, &keys[0]);
    }

    more = wa_signal_need(&m->enc, &t->arena, keys + n);
    if (more == 0) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    n += more;
    m->asked = recv_lookup_seen(a, m, &keys[0]);

    if (m->asked) {
        keys[n].name = wa_span_str(m->key.seen);
        keys[n].day = m->key.day;
        n++;
    }

    enc = (m->direct == NULL) ? m->node : m->direct;

    if (wa_node_attr_is(enc, "type", "pkmsg")) {
        rc = wa_signal_prekey_need(wa_node_content(enc), &t->arena,
                                   keys + n, &more);
        if (rc == WA_ERR_NOMEM) {
            wa_task_end(t, rc);
            return;
        }

        n += (rc == WA_OK) ? more : 0;
    }

    /* The child may have waited: the map may have left memory. */

    n += recv_map_keys(t, keys + n);

    t->resume = recv_decrypt;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        recv_decrypt(t, rc);
    }
}


/*
 * True if the seen record is wanted before decryption.  While the session
 * was in memory all the time, the ring of lately seen messages covers what
 * the record would tell; a repeat of the same ciphertext is found by the
 * ratchet in any case.
 */
static bool
recv_lookup_seen(wa_account_t *a, const wa_recv_t *m,
    const wa_key_t *session)
{
    char       name[WA_RECORD_NAME_MAX + 1];
    wa_span_t  value;

    if (a->recent == NULL || wa_node_attr(m->node, "count").p != NULL
        || session->name.n >= sizeof(name))
    {
        return true;
    }

    memcpy(name, session->name.p, session->name.n);
    name[session->name.n] = '\0';

    return wa_record_get(a, name, session->day, &value) != WA_OK
           || value.p == NULL;
}


static void
recv_decrypt(wa_task_t *t, wa_err_t rc)
{
    wa_recv_t          *m;
    wa_span_t           value;
    wa_unit_t          *u;
    wa_account_t       *a;
    wa_signal_plain_t   out;

    a = t->account;
    m = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    wa_recv_resolve(a, m);
    m->known = wa_recent_has(a, m->key.brief);

    if (m->asked
        && wa_record_get(a, m->key.seen, m->key.day, &value) == WA_OK
        && value.p != NULL)
    {
        m->known = true;
    }

    u = wa_unit_new(a);
    if (u == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    memset(&out, 0, sizeof(out));
    rc = recv_open(u, t, m, &out);

    if (rc != WA_OK) {
        recv_closed(t, u, rc, &out);
        return;
    }

    if (out.identity_changed) {
        wa_log(a, WA_LOG_NOTICE, "a contact's device has a new identity key");

        if (m->from.device == 0 && !m->from_me) {
            (void) wa_identity_event(u, &m->pn, &m->lid);
        }
    }

    recv_content(t, u, out.padded);
}


static wa_err_t
recv_open(wa_unit_t *u, wa_task_t *t, wa_recv_t *m, wa_signal_plain_t *out)
{
    wa_err_t  rc;

    if (m->direct != NULL) {
        rc = wa_recv_room_key(u, t, m);

        if (rc != WA_OK) {
            return rc;
        }
    }

    if (wa_span_eq_str(m->type, "skmsg")) {
        return wa_skey_decrypt(u, &m->room, &m->enc,
                               wa_node_content(m->node), &t->arena, out);
    }

    return wa_signal_decrypt(u, &m->enc, m->type, wa_node_content(m->node),
                             &t->arena, out);
}


/* A sender key that came along stays, and so does the session's step. */
static void
recv_closed(wa_task_t *t, wa_unit_t *u, wa_err_t rc,
    const wa_signal_plain_t *out)
{
    uint8_t     reason;
    wa_err_t    done;
    wa_recv_t  *m;

    m = t->data;
    reason = m->reason != 0 ? m->reason : out->retry_code;

    if (!m->keyed || rc == WA_ERR_NOMEM || rc == WA_ERR_STATE) {
        wa_unit_drop(u);
        recv_failed(t, rc, reason);
        return;
    }

    m->direct = NULL;
    done = wa_unit_commit(u, NULL);

    if (done != WA_OK) {
        wa_task_end(t, done);
        return;
    }

    recv_failed(t, rc, reason);
}


/* The ratchet moved in `u`: whatever the plaintext holds, the unit stays. */
static void
recv_content(wa_task_t *t, wa_unit_t *u, wa_span_t plain)
{
    uint64_t       version;
    wa_err_t       rc;
    wa_recv_t     *m;
    wa_content_t   content;

    m = t->data;

    /* v=3 is another application's payload: no padding, other schema. */

    if (wa_node_attr_u64(m->node, "v", &version) && version != 2) {
        rc = WA_ERR_SYNTAX;

    } else {
        rc = wa_padding_strip(&plain);
    }

    if (rc == WA_OK && m->room.server != WA_SERVER_NONE) {
        rc = wa_recv_room_learn(u, t, m, plain);
    }

    if (rc == WA_OK) {
        rc = wa_message_decode(plain, &t->arena, &content);
    }

    if (rc == WA_OK && wa_recv_refer(t, u, &content, recv_learned)) {
        return;
    }

    if (rc == WA_OK) {
        m->plain = plain;
        rc = wa_recv_deliver(u, t, m, &content);

    } else if (rc != WA_ERR_NOMEM) {

        /* It came from the peer and will never parse: do not ask again. */

        wa_log(t->account, WA_LOG_INFO, "decrypted message does not parse: "
               "%s", wa_err_name(rc));
        rc = wa_ack_stanza(u, t->stanza, NULL, WA_NACK_PROTOBUF);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_unit_put_cold(u, m->key.seen, m->key.day, wa_span("1", 1));
    rc = wa_unit_commit(u, NULL);

    if (rc == WA_OK) {
        wa_recent_add(t->account, m->key.brief);

        if (m->business != 0) {
            wa_recent_add(t->account, m->business);
        }
    }

    wa_task_end(t, rc);
}


static void
recv_failed(wa_task_t *t, wa_err_t rc, uint8_t reason)
{
    wa_key_t    key;
    wa_recv_t  *m;

    m = t->data;

    if (rc == WA_ERR_NOMEM || rc == WA_ERR_STATE || rc == WA_ERR_FATAL) {
        wa_task_end(t, rc);
        return;
    }

    m->failed = rc;
    m->reason = reason;

    if (!m->sought && recv_seek(t, m)) {
        return;
    }

    if (m->known || m->asked || rc != WA_ERR_DUPLICATE) {
        recv_duplicate(t, WA_OK);
        return;
    }

    key.name = wa_span_str(m->key.seen);
    key.day = m->key.day;

    t->resume = recv_duplicate;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        recv_duplicate(t, rc);
    }
}


/*
 * When a person's LID was learnt, the sessions of the devices known by then
 * were moved to it.  Any other device's session follows with the first
 * message that needs it.  False: there can be none.
 */
static bool
recv_seek(wa_task_t *t, wa_recv_t *m)
{
    size_t         n;
    wa_err_t       rc;
    wa_jid_t       pn;
    wa_key_t       keys[RECV_KEYS_MAX];
    wa_account_t  *a;

    a = t->account;

    if (wa_signal_knows(a, &m->enc) || !wa_pn_of(a, &m->enc, &pn)) {
        return false;
    }

    m->sought = true;
    n = wa_signal_need(&pn, &t->arena, keys);
    n += wa_signal_need(&m->enc, &t->arena, keys + n);
    n += recv_map_keys(t, keys + n);

    t->resume = recv_sought;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        recv_sought(t, rc);
    }

    return true;
}


static void
recv_sought(wa_task_t *t, wa_err_t rc)
{
    wa_jid_t       pn;
    wa_unit_t     *u;
    wa_recv_t     *m;
    wa_account_t  *a;

    a = t->account;
    m = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (!wa_pn_of(a, &m->enc, &pn) || !wa_signal_knows(a, &pn)) {
        recv_failed(t, m->failed, m->reason);
        return;
    }

    u = wa_unit_new(a);
    (void) wa_signal_move(u, &pn, &m->enc);
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    recv_learned(t, WA_OK);
}


/*
 * It did not decrypt.  If it was delivered before, that is why, and only the
 * receipt is repeated; a used ratchet key alone proves nothing.
 */
static void
recv_duplicate(wa_task_t *t, wa_err_t rc)
{
    wa_jid_t       sender;
    wa_unit_t     *u;
    wa_recv_t     *m;
    wa_span_t      value;
    wa_account_t  *a;

    a = t->account;
    m = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (!m->known
        && wa_record_get(a, m->key.seen, m->key.day, &value) == WA_OK
        && value.p != NULL)
    {
        m->known = true;
    }

    if (!m->known) {
        sender = m->from_me ? wa_jid_bare(wa_account_self(a, WA_SERVER_PN))
                            : m->show;
        wa_retry_request(t, wa_recv_chat(m), &sender, m->reason);
        return;
    }

    wa_log(a, WA_LOG_DEBUG, "message was delivered before");

    u = wa_unit_new(a);
    wa_recv_answer(u, t, m);
    rc = wa_unit_commit(u, NULL);

    wa_task_end(t, rc);
}


static void
recv_ack(wa_task_t *t, unsigned error)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    (void) wa_ack_stanza(u, t->stanza, NULL, error);
    rc = wa_unit_commit(u, NULL);

    wa_task_end(t, rc);
}
