/*
 * A decrypted message -> events, records and receipts.
 */
#include "wa_recv_int.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_appstate.h"
#include "wa_event_mention.h"
#include "wa_expiry.h"
#include "wa_history_verbs.h"
#include "wa_lid.h"
#include "wa_placeholder.h"
#include "wa_profile.h"
#include "wa_receipt.h"
#include "wa_status.h"


#define PROTOCOL(name)  WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__ ## name

/* Ids of other clients have up to some forty characters. */
#define DELIVER_ID_MAX  128


static wa_err_t deliver_content(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_event(wa_unit_t *u, const char *type, json_t *data);
static wa_err_t deliver_message(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static void deliver_business(wa_unit_t *u, const wa_node_t *stanza,
    wa_recv_t *m);
static void deliver_chat(wa_account_t *a, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_protocol(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_history(wa_unit_t *u, const wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_keys(wa_unit_t *u, const wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_answer(wa_unit_t *u, const wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_edited(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_deleted(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_setting(wa_unit_t *u, const wa_recv_t *m,
    uint32_t seconds, int64_t set);
static wa_err_t deliver_expiry(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t deliver_reaction(wa_unit_t *u, wa_recv_t *m,
    const wa_content_t *c);
static wa_err_t target_ref(wa_unit_t *u, const wa_recv_t *m,
    const Wa__MessageKey *key, char out[WA_MESSAGE_REF_LEN]);
static bool is_primary(const wa_recv_t *m);


size_t
wa_recv_primary_need(wa_account_t *a, wa_arena_t *arena, wa_key_t *keys)
{
    size_t  n;

    n = wa_placeholder_need(a, arena, keys);
    keys[n].name = wa_span_str(WA_HISTORY_RECORD);
    keys[n].day = 0;

    return n + 1;
}


wa_err_t
wa_recv_deliver(wa_unit_t *u, wa_task_t *t, wa_recv_t *m,
    const wa_content_t *c)
{
    wa_err_t       rc;
    wa_account_t  *a;

    a = t->account;

    if ((c->sent_copy || m->peer) && !m->from_me) {

        /* Only our own devices may say what we sent. */

        wa_log(a, WA_LOG_WARN, "a contact sent a message that only own "
               "devices may send");

    } else if (!m->known) {
        deliver_chat(a, m, c);

        rc = deliver_content(u, m, c);
        if (rc != WA_OK) {
            return rc;
        }

        deliver_business(u, t->stanza, m);
    }

    wa_recv_answer(u, t, m);

    return WA_OK;
}


static wa_err_t
deliver_content(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    bool          done;
    wa_err_t      rc;
    wa_content_t  opened;

    if (c->sealed != WA_SEALED_NONE) {
        opened = *c;
        rc = wa_recv_sealed(u, m, c, &opened, &done);

        if (rc != WA_OK || done) {
            return rc;
        }

        c = &opened;
    }

    switch (c->kind) {

    case WA_KIND_PROTOCOL:
        return c->protocol != NULL ? deliver_protocol(u, m, c)
               : c->edit ? deliver_edited(u, m, c) : deliver_message(u, m, c);

    case WA_KIND_REACTION:
        return deliver_reaction(u, m, c);

    default:
        return (c->nothing || m->peer) ? WA_OK : deliver_message(u, m, c);
    }
}


wa_err_t
wa_recv_deliver_late(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    return deliver_content(u, m, c);
}


/* Steals data.  NULL is a failed allocation here, not an empty object. */
static wa_err_t
deliver_event(wa_unit_t *u, const char *type, json_t *data)
{
    return data == NULL ? WA_ERR_NOMEM : wa_unit_event(u, type, data);
}


void
wa_recv_answer(wa_unit_t *u, wa_task_t *t, const wa_recv_t *m)
{
    if (wa_jid_is_newsletter(&m->chat)) {
        (void) wa_ack_stanza(u, t->stanza, NULL, 0);
        return;
    }

    /* A receipt answers a <message> alone. */

    if (!wa_node_is(t->stanza, "message")) {
        (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    }

    if (!m->from_me) {
        (void) wa_receipt_message(u, t->stanza, NULL, NULL);
        return;
    }

    if (m->room.server != WA_SERVER_NONE) {
        (void) wa_receipt_message(u, t->stanza, "sender", NULL);

    } else if (m->peer) {
        (void) wa_receipt_message(u, t->stanza, "peer_msg", NULL);

    } else {
        (void) wa_receipt_message(u, t->stanza, "sender", &m->chat);
    }
}


/* A business's messages bring its name, every one; it is told when it was not
   lately (whatsmeow message.go, updateBusinessName). */
static void
deliver_business(wa_unit_t *u, const wa_node_t *stanza, wa_recv_t *m)
{
    json_t           *c;
    wa_span_t         parts[3];
    wa_account_t     *a;
    const wa_node_t  *n;

    n = wa_node_child(stanza, "verified_name");

    if (n == NULL || m->from_me) {
        return;
    }

    a = wa_unit_account(u);
    parts[0] = wa_span_str("verified_name");
    parts[1] = wa_span_str(m->who.user);
    parts[2] = wa_profile_verified(m->arena, n);

    if (parts[2].n == 0
        || wa_recent_brief(parts, 3, &m->business) != WA_OK
        || wa_recent_has(a, m->business))
    {
        m->business = 0;
        return;
    }

    c = wa_profile_contact(a, &m->show);

    if (c == NULL) {
        wa_unit_fail(u, WA_ERR_NOMEM);
        return;
    }

    (void) json_object_set_new(c, "verified_name", wa_json_span(parts[2]));
    (void) wa_unit_event(u, "contact.updated",
                         json_pack("{s:o}", "contact", c));
}


/*
 * The copy of what our phone sent names its chat inside.  The stanza usually
 * says it as well; where it does not, the chat still looks like our own.
 */
static void
deliver_chat(wa_account_t *a, wa_recv_t *m, const wa_content_t *c)
{
    wa_jid_t  to;

    if (!c->sent_copy || c->sent_to == NULL
        || m->room.server != WA_SERVER_NONE
        || wa_jid_parse(wa_span_str(c->sent_to), &to) != WA_OK
        || !wa_jid_is_user(&to)
        || wa_account_is_self(a, &to)
        || !wa_account_is_self(a, &m->chat))
    {
        return;
    }

    m->chat = wa_jid_person(&to);
    m->pair = false;
    wa_recv_resolve(a, m);
}


static wa_err_t
deliver_message(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    char                ref[WA_MESSAGE_REF_LEN], target[WA_MESSAGE_REF_LEN];
    char                medium[WA_MEDIUM_ID_SIZE];
    wa_jw_t             w;
    wa_err_t            rc;
    wa_account_t       *a;
    wa_message_view_t   v;

    a = wa_unit_account(u);

    if (wa_message_ref(a, m->from_me, &m->who, m->id, ref) != WA_OK
        || wa_lid_shown(u, &m->show) != WA_OK)
    {
        return WA_ERR_NOMEM;
    }

    memset(&v, 0, sizeof(v));

    v.message_id = m->id;
    v.ref = ref;
    v.chat = *wa_recv_chat(m);

    v.listed = wa_jid_is_list(&m->room);

    if (!wa_recv_in_room(m)) {
        v.chat_lid = m->lid;
    }

    v.sender = m->show;
    v.sender_lid = m->lid;
    v.from_me = m->from_me;
    v.timestamp = m->ts;
    v.push_name = m->from_me ? wa_span_none() : m->push_name;
    v.content = c;
    v.mentions = wa_mentions_find(a, c, &v.chat, m->arena);
    v.status = m->from_me ? "SENT" : "RECEIVED";
    v.source = m->from_me ? "phone" : "whatsapp";
    v.plain = m->plain;

    if (c->medium.direct_path != NULL || c->medium.url != NULL) {
        wa_medium_id(a, medium);
        v.media_id = medium;
    }

    if (c->target != NULL && target_ref(u, m, c->target, target) == WA_OK) {
        v.target_ref = target;
    }

    rc = wa_recv_secret_keep(u, c, ref);

    if (rc == WA_OK && c->expiration != 0) {
        rc = deliver_setting(u, m, c->expiration,
                             c->expiration_set != 0 ? c->expiration_set
                                                    : m->ts);
    }

    if (rc != WA_OK) {
        return rc;
    }

    wa_unit_event_begin(u, m->from_me ? "message.echo" : "message.received",
                        &w);
    wa_jw_open(&w, NULL, '{');
    wa_event_message(a, &v, WA_JW("message"), &w);
    wa_jw_close(&w, '}');
    rc = wa_unit_event_end(u, &w);

    if (rc == WA_OK && wa_event_has_aside(&v)) {
        wa_unit_aside_begin(u, &w);
        wa_event_aside(a, &v, &w);
        rc = wa_unit_aside_end(u, &w);
    }

    if (rc == WA_OK && wa_jid_is_status(&v.chat) && c->protocol == NULL) {
        rc = wa_status_event(u, ref, m->from_me ? NULL : &m->show, m->ts, c,
                             v.media_id);
    }

    if (rc != WA_OK || wa_account_webhook_url(a)[0] == '\0') {
        return rc;
    }

    wa_unit_hook_begin(u, &w);
    wa_event_unified(a, &v, &w);

    return wa_unit_hook_end(u, &w);
}


static wa_err_t
deliver_protocol(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    if (!c->protocol->has_type) {
        return WA_OK;
    }

    switch (c->protocol->type) {

    case WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__REVOKE:
        return deliver_deleted(u, m, c);

    case WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT:
        return deliver_edited(u, m, c);

    case PROTOCOL(EPHEMERAL_SETTING):
        return deliver_expiry(u, m, c);

    case WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_SHARE:
        return is_primary(m) ? deliver_keys(u, m, c) : WA_OK;

    case PROTOCOL(HISTORY_SYNC_NOTIFICATION):
        return is_primary(m) ? deliver_history(u, m, c) : WA_OK;

    case PROTOCOL(PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE):
        return is_primary(m) ? deliver_answer(u, m, c) : WA_OK;

    default:
        return WA_OK;
    }
}


/* What our phone was asked for (peer data operation). */
static wa_err_t
deliver_answer(wa_unit_t *u, const wa_recv_t *m, const wa_content_t *c)
{
    wa_err_t  rc;
    const Wa__Message__PeerDataOperationRequestResponseMessage  *answer;

    answer = c->protocol->peer_data_operation_request_response_message;

    if (answer == NULL) {
        return WA_OK;
    }

    rc = wa_placeholder_take(u, m->arena, answer);

    return rc == WA_OK ? wa_appstate_answered(u, answer) : rc;
}


/* The receipt that it was taken in (hist_sync) follows when it was. */
static wa_err_t
deliver_history(wa_unit_t *u, const wa_recv_t *m, const wa_content_t *c)
{
    if (c->protocol->history_sync_notification == NULL) {
        return WA_OK;
    }

    return wa_history_offer(u, m, c->protocol->history_sync_notification);
}


/* The phone gives these keys once. */
static wa_err_t
deliver_keys(wa_unit_t *u, const wa_recv_t *m, const wa_content_t *c)
{
    if (c->protocol->app_state_sync_key_share == NULL) {
        return WA_OK;
    }

    return wa_appstate_shared(u, m->arena,
                              c->protocol->app_state_sync_key_share);
}


static wa_err_t
deliver_edited(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    char      ref[WA_MESSAGE_REF_LEN], when[32];
    json_t   *data;
    int64_t   ms;

    if (target_ref(u, m, c->target, ref) != WA_OK) {
        return WA_OK;
    }

    /* Everyone changes only what they wrote. */

    if (!c->target->from_me) {
        return WA_OK;
    }

    ms = m->ts * 1000;

    if (c->protocol != NULL && c->protocol->has_timestamp_ms
        && c->protocol->timestamp_ms > 0
        && c->protocol->timestamp_ms / 1000 < m->ts + 86400)
    {
        ms = c->protocol->timestamp_ms;
    }

    data = json_pack("{s:s, s:o, s:o, s:o, s:s}",
                     "id", ref,
                     "message_id", wa_json_text(c->target->id),
                     "chat_jid", wa_json_jid(wa_recv_chat(m)),
                     "body", wa_json_text(c->text),
                     "edited_at", wa_iso_time(ms, when));

    return deliver_event(u, "message.edited", data);
}


static wa_err_t
deliver_deleted(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    char     ref[WA_MESSAGE_REF_LEN], when[32];
    json_t  *data;

    if (target_ref(u, m, c->target, ref) != WA_OK) {
        return WA_OK;
    }

    /* In a 1:1 chat everyone takes back only what they wrote; in a group
       admins do more, which the server checks. */

    if (!c->target->from_me && !wa_recv_in_room(m)) {
        return WA_OK;
    }

    data = json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}",
                     "id", ref,
                     "message_id", wa_json_text(c->target->id),
                     "chat_jid", wa_json_jid(wa_recv_chat(m)),
                     "by_jid", m->from_me ? json_null()
                                          : wa_json_jid(&m->show),
                     "for", "everyone",
                     "deleted_at", wa_iso_time(m->ts * 1000, when));

    return deliver_event(u, "message.deleted", data);
}


/* How long messages of this chat are kept from now on; 0: for ever. */
static wa_err_t
deliver_expiry(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    json_t    *data;
    int64_t    set;
    uint32_t   seconds;
    wa_err_t   rc;
    wa_jid_t   lid;

    memset(&lid, 0, sizeof(lid));

    if (m->room.server == WA_SERVER_NONE) {
        lid = m->lid;
    }

    seconds = c->protocol->has_ephemeral_expiration
                  ? c->protocol->ephemeral_expiration : 0;

    set = c->protocol->has_ephemeral_setting_timestamp
              ? c->protocol->ephemeral_setting_timestamp : m->ts;

    rc = deliver_setting(u, m, seconds, set);

    if (rc != WA_OK) {
        return rc;
    }

    data = json_pack("{s:{s:o, s:o, s:s, s:b, s:I}}", "chat",
                     "jid", wa_json_jid(wa_recv_chat(m)),
                     "lid", wa_json_jid(&lid),
                     "account_id", wa_unit_account(u)->id,
                     "is_group", (int) wa_jid_is_group(wa_recv_chat(m)),
                     "ephemeral_duration", (json_int_t) seconds);

    return deliver_event(u, "chat.updated", data);
}


/* For sends: under both addresses of the chat, whichever is written to. */
static wa_err_t
deliver_setting(wa_unit_t *u, const wa_recv_t *m, uint32_t seconds,
    int64_t set)
{
    wa_err_t  rc;

    if (m->room.server != WA_SERVER_NONE || m->peer) {
        return WA_OK;
    }

    rc = wa_expiry_put(u, &m->show, seconds, set);

    return rc == WA_OK && m->lid.server != WA_SERVER_NONE
           && !wa_jid_eq_bare(&m->lid, &m->show)
           ? wa_expiry_put(u, &m->lid, seconds, set) : rc;
}


static wa_err_t
deliver_reaction(wa_unit_t *u, wa_recv_t *m, const wa_content_t *c)
{
    char      ref[WA_MESSAGE_REF_LEN];
    json_t   *data;
    wa_jid_t  self;

    if (target_ref(u, m, c->target, ref) != WA_OK) {
        return WA_OK;
    }

    self = wa_jid_bare(wa_account_self(wa_unit_account(u), WA_SERVER_PN));

    data = json_pack("{s:s, s:o, s:o, s:o, s:b, s:o}",
                     "target_id", ref,
                     "target_message_id", wa_json_text(c->target->id),
                     "chat_jid", wa_json_jid(wa_recv_chat(m)),
                     "from_jid", wa_json_jid(m->from_me ? &self : &m->show),
                     "from_me", (int) m->from_me,
                     "emoji", wa_json_text(c->emoji));

    return deliver_event(u, "message.reaction", data);
}


/* Reference of the message a key points at.  WA_ERR_SYNTAX: no usable key. */
static wa_err_t
target_ref(wa_unit_t *u, const wa_recv_t *m, const Wa__MessageKey *key,
    char out[WA_MESSAGE_REF_LEN])
{
    bool           ours;
    wa_jid_t       author;
    wa_account_t  *a;

    a = wa_unit_account(u);

    if (!wa_recv_target(a, m, key, &ours, &author)) {
        return WA_ERR_SYNTAX;
    }

    return wa_message_ref(a, ours, &author, wa_span_str(key->id), out);
}


bool
wa_recv_target(wa_account_t *a, const wa_recv_t *m, const Wa__MessageKey *key,
    bool *ours, wa_jid_t *author)
{
    bool      own;
    size_t    n;
    wa_jid_t  jid;

    if (key == NULL || key->id == NULL) {
        return false;
    }

    n = strlen(key->id);
    own = (key->has_from_me && key->from_me);

    if (n == 0 || n > DELIVER_ID_MAX) {
        return false;
    }

    *author = m->who;
    *ours = (own == m->from_me);

    if (!wa_recv_in_room(m)) {
        return true;
    }

    /* In a room the key's writer, or whom it names. */

    if (!own && key->participant != NULL
        && wa_jid_parse(wa_span_str(key->participant), &jid) == WA_OK
        && wa_jid_is_user(&jid))
    {
        *author = wa_jid_person(&jid);
        wa_lid_prefer(a, author);
    }

    *ours = wa_account_is_self(a, author);

    return true;
}


void
wa_recv_resolve(wa_account_t *a, wa_recv_t *m)
{
    if (!m->pair) {
        memset(&m->pn, 0, sizeof(m->pn));
        memset(&m->lid, 0, sizeof(m->lid));

        if (wa_jid_is_lid(&m->chat)) {
            m->lid = m->chat;

            if (!wa_pn_of(a, &m->chat, &m->pn)) {
                m->pn.server = WA_SERVER_NONE;
            }

        } else {
            m->pn = m->chat;

            if (!wa_lid_of(a, &m->chat, &m->lid)) {
                m->lid.server = WA_SERVER_NONE;
            }
        }
    }

    m->show = m->pn.server != WA_SERVER_NONE ? m->pn : m->lid;
    m->who = m->lid.server != WA_SERVER_NONE ? m->lid : m->pn;
}


static bool
is_primary(const wa_recv_t *m)
{
    return m->from_me && m->from.device == 0;
}
