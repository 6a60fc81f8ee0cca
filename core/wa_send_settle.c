/*
 * What became of a send: the server's ack, failures, and their JSON.
 */
#include "wa_device.h"
#include "wa_event_mention.h"
#include "wa_group.h"
#include "wa_group_send.h"
#include "wa_idem.h"
#include "wa_lid.h"
#include "wa_message.h"
#include "wa_newsletter_send.h"
#include "wa_privacy.h"
#include "wa_restrict.h"
#include "wa_send.h"
#include "wa_send_int.h"
#include "wa_send_typing.h"
#include "wa_status.h"


/* A mismatch of device lists drops them; not more often than this per
   contact, should the server count differently than we do. */
#define SETTLE_LISTS_MS  60000

typedef struct {
    unsigned     provider_code;
    const char  *code;
    const char  *message;
} refusal_t;


static const refusal_t *settle_refusal(uint64_t error);
static bool settle_temporary(uint64_t error);
static wa_err_t settle_unit(wa_unit_t *u, wa_send_t *s,
    const refusal_t *refusal, wa_arena_t *arena);
static wa_err_t settle_event(wa_unit_t *u, const wa_send_t *s,
    const refusal_t *refusal, wa_arena_t *arena);
static wa_err_t settle_refused(wa_unit_t *u, wa_send_t *s,
    const refusal_t *refusal);
static wa_err_t settle_keyed(wa_unit_t *u, wa_send_t *s);
static void settle_sent(wa_account_t *a, wa_send_t *s);
static bool settle_lists(wa_unit_t *u, const wa_send_t *s,
    const wa_node_t *ack, uint64_t error);
static bool settle_anew(wa_account_t *a, wa_send_t *s, const wa_node_t *ack,
    uint64_t error);
static void settle_unkeyed(wa_unit_t *u, const wa_send_t *s);
static bool settle_renamed(const wa_send_t *s, wa_span_t mode);
static bool settle_doubt(wa_account_t *a, const wa_jid_t *user);
static void settle(wa_account_t *a, wa_send_t *s, const refusal_t *refusal,
    const wa_node_t *ack, uint64_t error);


/* Codes of WhatsApp and the contract's words for them; the last is for all
   others. */
static const refusal_t  refusals[] = {
    { 463, "REACHOUT_LIMITED",
      "WhatsApp does not let this account write to this contact first" },
    { 479, "STALE_ADDRESS",
      "WhatsApp does not accept the recipient's address" },
    { 421, "STALE_ADDRESS",
      "WhatsApp does not accept the recipient's address" },
    { 420, "RECIPIENT_REFUSED", "WhatsApp refused the recipient" },
    { 429, "WHATSAPP_RATE_LIMIT", "WhatsApp limits this account's messages" },
    { 0, "SEND_FAILED", "WhatsApp refused the message" }
};


void
wa_send_acked(wa_account_t *a, const wa_node_t *ack)
{
    uint64_t    error;
    wa_send_t  *s;

    s = wa_send_find(a, wa_node_attr(ack, "id"));

    if (s == NULL || s->state != WA_SEND_DURABLE) {
        return;
    }

    if (!wa_node_attr_u64(ack, "error", &error)) {
        settle(a, s, NULL, ack, 0);
        return;
    }

    wa_log(a, WA_LOG_INFO, "server refused a message: %u", (unsigned) error);

    if (settle_temporary(error) && s->attempts < WA_SEND_ATTEMPTS_MAX) {
        return;                         /* repeated after its timeout */
    }

    if (settle_anew(a, s, ack, error)) {
        return;
    }

    settle(a, s, settle_refusal(error), ack, error);
}


/*
 * Addresses that are out of date are looked up and the message is made anew
 * for them, once.  Of a group: it names its members another way by now.
 */
static bool
settle_anew(wa_account_t *a, wa_send_t *s, const wa_node_t *ack,
    uint64_t error)
{
    wa_unit_t    *u;
    wa_target_e   target;

    /* 479 for a group is about the stanza itself. */

    target = wa_send_target(&s->to);

    if (s->renewed
        || (error != 421 && (error != 479 || target != WA_TARGET_USER))
        || (target != WA_TARGET_USER && target != WA_TARGET_GROUP))
    {
        return false;
    }

    u = wa_unit_new(a);

    if (u == NULL || !settle_lists(u, s, ack, error)) {
        wa_unit_drop(u);
        return false;
    }

    settle_unkeyed(u, s);

    if (wa_unit_commit(u, NULL) != WA_OK) {
        return false;
    }

    s->renewed = true;
    wa_send_prepare_again(a, s);

    return true;
}


void
wa_send_refuse(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, unsigned provider_code)
{
    refusal_t  r;

    r.provider_code = provider_code;
    r.code = code;
    r.message = message;

    settle(a, s, &r, NULL, 0);
}


static const refusal_t *
settle_refusal(uint64_t error)
{
    const refusal_t  *r;

    for (r = refusals; r->provider_code != 0; r++) {
        if (r->provider_code == error) {
            return r;
        }
    }

    return r;
}


/* The server's own trouble: the same stanza may pass later. */
static bool
settle_temporary(uint64_t error)
{
    return error == 408 || error == 500 || error == 503;
}


static void
settle(wa_account_t *a, wa_send_t *s, const refusal_t *refusal,
    const wa_node_t *ack, uint64_t error)
{
    wa_err_t     rc;
    wa_unit_t   *u;
    refusal_t    told;
    wa_arena_t   arena;

    if (refusal != NULL) {
        told = *refusal;

        if (told.provider_code == 0 && error <= 999) {
            told.provider_code = (unsigned) error;
        }

        refusal = &told;
    }

    if (refusal == NULL && s->idem == NULL && !wa_send_waits(a, s)) {
        settle_sent(a, s);
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);
    u = wa_unit_new(a);

    rc = settle_unit(u, s, refusal, &arena);

    if (rc == WA_OK) {
        (void) settle_lists(u, s, ack, error);
        wa_newsletter_acked(u, s, ack);
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    wa_arena_free(&arena);

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_ERROR, "what became of a message is not kept: %s",
               wa_err_name(rc));

        /* It stays pending, and its repeat brings another ack; one that is
           not pending yet only has its caller. */

        if (s->state < WA_SEND_COMMITTED && refusal != NULL) {
            wa_send_fail(a, s, refusal->code, refusal->message,
                         refusal->provider_code);
        }

        return;
    }

    if (refusal == NULL) {
        wa_privacy_issue(a, s);
    }

    if (refusal == NULL && wa_send_waits(a, s)) {
        wa_send_taken(a, s);

    } else {
        wa_send_remove(a, s);
    }

    wa_send_next(a);
}


static wa_err_t
settle_unit(wa_unit_t *u, wa_send_t *s, const refusal_t *refusal,
    wa_arena_t *arena)
{
    char      name[WA_SENT_NAME_LEN];
    wa_err_t  rc;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!wa_sent_name("pend/", wa_span_str(s->id), name)) {
        return WA_ERR_ARG;
    }

    rc = wa_unit_put_cold(u, name, 0, wa_span_none());

    if (rc == WA_OK) {
        rc = wa_send_put_list(u, s);
    }

    if (rc == WA_OK && refusal != NULL) {
        settle_unkeyed(u, s);
    }

    if (rc == WA_OK) {
        rc = wa_idem_settle(u, s, refusal == NULL ? NULL : refusal->code,
                            refusal == NULL ? NULL : refusal->message,
                            refusal == NULL ? 0 : refusal->provider_code);
    }

    if (rc != WA_OK) {
        return rc;
    }

    rc = settle_event(u, s, refusal, arena);

    if (rc == WA_OK) {
        wa_restrict_settled(u, s, refusal == NULL ? 0
                                                  : refusal->provider_code);
    }

    if (rc != WA_OK || !s->asked
        || (refusal == NULL && wa_send_waits(wa_unit_account(u), s)))
    {
        wa_unit_set_patient(u);
        return rc;
    }

    return refusal == NULL ? settle_keyed(u, s) : settle_refused(u, s, refusal);
}


static wa_err_t
settle_event(wa_unit_t *u, const wa_send_t *s, const refusal_t *refusal,
    wa_arena_t *arena)
{
    char                ref[WA_MESSAGE_REF_LEN];
    char                target[WA_MESSAGE_REF_LEN];
    wa_jw_t             w;
    wa_err_t            rc;
    wa_account_t       *a;
    wa_content_t        content;
    wa_message_view_t   v;

    a = wa_unit_account(u);

    if (wa_message_decode(wa_span_buf(&s->message), arena, &content) != WA_OK
        || wa_message_ref(a, true, NULL, wa_span_str(s->id), ref) != WA_OK)
    {
        return WA_ERR_NOMEM;
    }

    if (refusal == NULL) {
        rc = wa_newsletter_changed(u, s, &content);

        if (rc != WA_ERR_STATE) {
            return rc;
        }
    }

    memset(&v, 0, sizeof(v));

    v.message_id = wa_span_str(s->id);
    v.ref = ref;
    v.chat = *wa_send_show(s);
    v.chat_lid = s->lid;
    v.from_me = true;
    v.timestamp = s->ts;
    v.content = &content;
    v.mentions = wa_mentions_find(a, &content, &v.chat, arena);
    v.plain = wa_span_buf(&s->message);
    v.status = refusal == NULL ? "SENT" : "FAILED";
    v.source = "api";
    v.client_id = s->client_id;
    v.metadata = s->metadata;
    v.media_id = s->media_id;
    v.stored = true;

    if (content.target != NULL
        && wa_send_target_ref(u, s, content.target, target) == WA_OK)
    {
        v.target_ref = target;
    }

    if (refusal != NULL) {
        v.error_code = refusal->code;
        v.error_message = refusal->message;
        v.provider_code = refusal->provider_code;
    }

    wa_unit_event_begin(u, refusal == NULL ? "message.sent"
                                           : "message.failed", &w);
    wa_jw_open(&w, NULL, '{');
    wa_event_message(a, &v, WA_JW("message"), &w);

    if (refusal != NULL) {
        wa_jw_open(&w, WA_JW("error"), '{');
        wa_jw_str(&w, WA_JW("code"), refusal->code);
        wa_jw_str(&w, WA_JW("message"), refusal->message);
        wa_jw_int(&w, WA_JW("provider_code"), refusal->provider_code);
        wa_jw_close(&w, '}');
    }

    wa_jw_close(&w, '}');

    rc = wa_unit_event_end(u, &w);

    if (rc == WA_OK && wa_event_has_aside(&v)) {
        wa_unit_aside_begin(u, &w);
        wa_event_aside(a, &v, &w);
        rc = wa_unit_aside_end(u, &w);
    }

    if (rc == WA_OK && refusal == NULL && wa_jid_is_status(&s->to)
        && content.protocol == NULL)
    {
        rc = wa_status_event(u, ref, NULL, s->ts, &content, v.media_id);
    }

    return rc != WA_OK || refusal != NULL ? rc
                                          : wa_send_changed(u, s, &content);
}


/*
 * Held, unlike the good news: the repeat after a crash might be taken, and
 * the answer would have been wrong.
 */
static wa_err_t
settle_refused(wa_unit_t *u, wa_send_t *s, const refusal_t *refusal)
{
    json_t  *data;

    data = json_pack("{s:I, s:s}", "provider_code",
                     (json_int_t) refusal->provider_code,
                     "message_id", s->id);

    if (s->replayed) {
        (void) json_object_set_new(data, "replayed", json_string(""));
    }

    return wa_unit_reply(u, s->cmd_id, refusal->code, refusal->message, data);
}


/* Under an Idempotency-Key the answer is what the key will always tell. */
static wa_err_t
settle_keyed(wa_unit_t *u, wa_send_t *s)
{
    json_t  *data;

    data = wa_send_result(wa_unit_account(u), s,
                          s->told != NULL ? s->told : "SENT");

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_reply(u, s->cmd_id, NULL, NULL, data);
}


/*
 * The server has the message, whatever becomes of our records: the answer
 * does not wait for them.  After a crash the message is still pending, is
 * repeated with its id, and the server acknowledges it again.
 */
static void
settle_sent(wa_account_t *a, wa_send_t *s)
{
    json_t  *data;

    if (!s->asked) {
        return;
    }

    s->asked = false;
    data = wa_send_result(a, s, s->told != NULL ? s->told : "SENT");

    if (data == NULL) {
        wa_account_reply(a, s->cmd_id, "INTERNAL_ERROR", "Out of memory",
                         NULL);

    } else {
        wa_account_reply(a, s->cmd_id, NULL, NULL, data);
    }
}


/*
 * The server says that it knows other devices than we wrote to: ask again
 * before the next message.  True: the lists were dropped.
 */
static bool
settle_lists(wa_unit_t *u, const wa_send_t *s, const wa_node_t *ack,
    uint64_t error)
{
    bool             doubt;
    wa_jid_t         self;
    wa_span_t        phash;
    wa_account_t    *a;
    const wa_jid_t  *user;

    a = wa_unit_account(u);
    phash = wa_node_attr(ack, "phash");

    doubt = (error == 420 || error == 421 || error == 479)
            || wa_node_attr_is(ack, "refresh_lid", "true")
            || (phash.n != 0 && s->phash[0] != '\0'
                && !wa_span_eq_str(phash, s->phash))
            || settle_renamed(s, wa_node_attr(ack, "addressing_mode"));

    user = s->lid.server != WA_SERVER_NONE ? &s->lid : &s->pn;

    if (wa_jid_is_group(&s->to) || wa_jid_is_status(&s->to)) {
        user = &s->to;
    }

    if (!doubt || !settle_doubt(a, user)) {
        return false;
    }

    if (wa_jid_is_status(&s->to)) {
        wa_log(a, WA_LOG_INFO, "an audience is not as we knew it");
        wa_status_doubt(u, s);
        return true;
    }

    if (user == &s->to) {
        wa_log(a, WA_LOG_INFO, "a group is not as we knew it");
        (void) wa_group_forget(u, user);
        return true;
    }

    wa_log(a, WA_LOG_INFO, "device lists are out of date");

    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    (void) wa_devices_forget(u, user);
    (void) wa_devices_forget(u, &self);

    if (wa_node_attr_is(ack, "refresh_lid", "true")
        && s->pn.server != WA_SERVER_NONE)
    {
        wa_lid_refresh(a, &s->pn);
    }

    return true;
}


/* Nobody got the sender key that was in what the server refused. */
static void
settle_unkeyed(wa_unit_t *u, const wa_send_t *s)
{
    if (wa_jid_is_group(&s->to) || wa_jid_is_status(&s->to)) {
        (void) wa_group_holders_forget(u, &s->to);
    }
}


/* The group names its members otherwise than the stanza did. */
static bool
settle_renamed(const wa_send_t *s, wa_span_t mode)
{
    return s->group_mode != NULL && mode.n != 0
           && !wa_span_eq_str(mode, s->group_mode);
}


/* Notes a doubt about this contact's devices; false: noted lately, or there
   is no memory to note it. */
static bool
settle_doubt(wa_account_t *a, const wa_jid_t *user)
{
    size_t       i;
    wa_sends_t  *sends;

    sends = a->sends;

    if (sends->doubts == NULL) {
        sends->doubts = wa_calloc(WA_SEND_DOUBTS, sizeof(wa_doubt_t));
    }

    if (sends->doubts == NULL) {
        return false;
    }

    for (i = 0; i < WA_SEND_DOUBTS; i++) {
        if (sends->doubts[i].at != 0
            && a->now - sends->doubts[i].at < SETTLE_LISTS_MS
            && wa_jid_eq_bare(&sends->doubts[i].user, user))
        {
            return false;
        }
    }

    sends->doubts[sends->next_doubt].user = *user;
    sends->doubts[sends->next_doubt].at = a->now;
    sends->next_doubt = (uint8_t) ((sends->next_doubt + 1) % WA_SEND_DOUBTS);

    return true;
}


const wa_jid_t *
wa_send_show(const wa_send_t *s)
{
    if (s->pn.server != WA_SERVER_NONE) {
        return &s->pn;
    }

    return s->lid.server != WA_SERVER_NONE ? &s->lid : &s->to;
}


json_t *
wa_send_result(wa_account_t *a, const wa_send_t *s, const char *status)
{
    char     ref[WA_MESSAGE_REF_LEN];
    json_t  *jid, *data;

    if (wa_message_ref(a, true, NULL, wa_span_str(s->id), ref) != WA_OK) {
        return NULL;
    }

    jid = wa_json_jid(wa_send_show(s));

    data = json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:O, "
                     "s:{s:o, s:b, s:s}, s:I}",
                     "success", 1,
                     "id", ref,
                     "message_id", s->id,
                     "messageId", s->id,
                     "status", status,
                     "account_id", a->id,
                     "session_id", wa_account_session_id(a),
                     "sessionId", wa_account_session_id(a),
                     "to", jid,
                     "jid", jid,
                     "key", "remoteJid", jid, "fromMe", 1, "id", s->id,
                     "timestamp", (json_int_t) s->ts);

    /* One that overtakes the ack says nothing while there is none. */

    if (s->told_ts != 0 && strcmp(status, "PENDING") != 0) {
        (void) json_object_set_new(data, "receipt",
                                   json_integer((json_int_t) s->told_ts));
    }

    if (s->cold) {
        (void) json_object_set_new(data, "cold", json_true());
    }

    if (s->replayed) {
        (void) json_object_set_new(data, "replayed", json_string(""));
    }

    return data;
}


void
wa_send_fail(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, unsigned provider_code)
{
    json_t  *details;

    if (s->asked) {
        details = NULL;

        if (provider_code != 0) {
            details = json_pack("{s:I}", "provider_code",
                                (json_int_t) provider_code);
        }

        wa_account_reply(a, s->cmd_id, code, message, details);
    }

    wa_typing_paused(a, s);
    wa_send_remove(a, s);
    wa_send_next(a);
}


void
wa_send_not_ready(wa_account_t *a, wa_send_t *s)
{
    if (s->asked && a->quiesced) {

        /* The state stays READY for the next owner, who may be asked. */
        wa_account_reply(a, s->cmd_id, "OWNER_UNAVAILABLE",
                         "The account is moving to another worker", NULL);

    } else if (s->asked) {
        wa_account_reply(a, s->cmd_id, "ACCOUNT_NOT_READY",
                         "The account is not connected",
                         json_pack("{s:s}", "state",
                                   wa_state_name(wa_account_state(a))));
    }

    wa_send_remove(a, s);
}
