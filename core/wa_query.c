/*
 * Verbs and what their handlers share, see wa_query.h.
 */
#include "wa_query.h"

#include "wa_account_int.h"
#include "wa_alive.h"
#include "wa_alive_throttle.h"
#include "wa_call.h"
#include "wa_blocklist.h"
#include "wa_appstate.h"
#include "wa_group_query.h"
#include "wa_lookup.h"
#include "wa_history_verbs.h"
#include "wa_json.h"
#include "wa_media_verbs.h"
#include "wa_newsletter.h"
#include "wa_profile.h"
#include "wa_presence.h"
#include "wa_pair_code.h"
#include "wa_passkey.h"
#include "wa_profile_picture.h"
#include "wa_read.h"
#include "wa_settings.h"


typedef struct {
    const char   *name;
    wa_query_pt   handler;
    bool          offline;      /* needs no connection */
} query_verb_t;


static void query_offline(wa_account_t *a, uint64_t cmd_id);
static void query_tell(wa_account_t *a, const wa_cmd_t *cmd);


/* Events that the host makes: of files, and of what the history knows. */
static const char *const  query_events[] = {
    "media.ready", "media.failed", "chat.updated", "contact.updated"
};

static const query_verb_t  query_verbs[] = {
    { "account.health", wa_alive_query, true },
    { "event.tell", query_tell, true },
    { "message.read", wa_read_query, false },
    { "presence.set", wa_presence_query, false },
    { "presence.subscribe", wa_presence_watch_query, true },
    { "presence.unsubscribe", wa_presence_watch_query, true },
    { "presence.list", wa_presence_watch_query, true },
    { "privacy.get", wa_settings_query, false },
    { "privacy.set", wa_settings_query, false },
    { "privacy.list", wa_settings_list_query, false },
    { "privacy.except", wa_settings_list_query, false },
    { "blocklist.get", wa_blocklist_query, false },
    { "blocklist.set", wa_blocklist_query, false },
    { "pair.code", wa_pair_code_query, true },
    { "passkey.get", wa_passkey_get, true },
    { "passkey.answer", wa_passkey_answer, true },
    { "media.conn", wa_media_conn_query, false },
    { "media.retry", wa_media_retry_query, false },
    { "call.reject", wa_call_query, false },
    { "profile.about", wa_profile_about_query, false },
    { "contact.business", wa_profile_business_query, false },
    { "contact.check", wa_lookup_query, false },
    { "contact.about", wa_lookup_query, false },
    { "picture.get", wa_profile_picture_query, false },
    { "picture.set", wa_profile_picture_query, false },
    { "picture.remove", wa_profile_picture_query, false },
    { "history.next", wa_history_next_query, true },
    { "history.learn", wa_history_learn_query, true },
    { "history.done", wa_history_done_query, true },
    { "history.ask", wa_history_ask_query, false },
    { "channel.list", wa_newsletter_query, false },
    { "channel.get", wa_newsletter_query, false },
    { "channel.create", wa_newsletter_query, false },
    { "channel.update", wa_newsletter_query, false },
    { "channel.follow", wa_newsletter_query, false },
    { "channel.unfollow", wa_newsletter_query, false },
    { "channel.mute", wa_newsletter_query, false },
    { "channel.unmute", wa_newsletter_query, false },
    { "channel.delete", wa_newsletter_query, false },
    { "channel.messages", wa_newsletter_query, false },
    { "channel.live", wa_newsletter_query, false },
    { "channel.viewed", wa_newsletter_query, false },
    { "chat.change", wa_appstate_query, false },
    { "chat.clear", wa_appstate_query, false },
    { "chat.delete", wa_appstate_query, false },
    { "message.star", wa_appstate_query, false },
    { "message.hide", wa_appstate_query, false },
    { "label.edit", wa_appstate_query, false },
    { "label.chat", wa_appstate_query, false },
    { "label.message", wa_appstate_query, false },
    { "contact.save", wa_appstate_query, false },
    { "setting.push_name", wa_appstate_query, false },
    { "group.get", wa_group_query, true },
    { "group.metadata", wa_group_query, false },
    { "group.sync", wa_group_query, false },
    { "group.create", wa_group_query, false },
    { "group.leave", wa_group_query, false },
    { "group.subject", wa_group_query, false },
    { "group.description", wa_group_query, false },
    { "group.participants", wa_group_query, false },
    { "group.settings", wa_group_query, false },
    { "group.invite", wa_group_query, false },
    { "group.inspect", wa_group_query, false },
    { "group.join", wa_group_query, false },
    { "group.requests", wa_group_query, false },
    { "group.answer", wa_group_query, false },
    { "group.linked", wa_group_query, false },
    { "group.link", wa_group_query, false },
    { "group.unlink", wa_group_query, false },
    { NULL, NULL, false }
};


void
wa_query_start(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t     i;
    wa_span_t  verb;

    verb = wa_query_arg(cmd->args, "verb");

    for (i = 0; query_verbs[i].name != NULL; i++) {

        if (!wa_span_eq_str(verb, query_verbs[i].name)) {
            continue;
        }

        if (query_verbs[i].offline || wa_account_online(a)) {
            query_verbs[i].handler(a, cmd);

        } else {
            query_offline(a, cmd->id);
        }

        return;
    }

    if (!wa_account_online(a)) {
        query_offline(a, cmd->id);
        return;
    }

    wa_account_reply(a, cmd->id, "INVALID_PARAMETER", "Unknown verb", NULL);
}


/* {type, data} -> {}, once the event is committed. */
static void
query_tell(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t       i;
    json_t      *data;
    wa_err_t     rc;
    wa_span_t    type;
    wa_unit_t   *u;
    const char  *name;

    type = wa_query_arg(cmd->args, "type");
    data = json_object_get(cmd->args, "data");
    name = NULL;

    for (i = 0; i < sizeof(query_events) / sizeof(query_events[0]); i++) {
        if (wa_span_eq_str(type, query_events[i])) {
            name = query_events[i];
        }
    }

    if (name == NULL || !json_is_object(data)) {
        wa_account_reply(a, cmd->id, "INVALID_PARAMETER", "No such event",
                         NULL);
        return;
    }

    u = wa_unit_new(a);
    (void) wa_unit_event(u, name, json_incref(data));
    (void) wa_unit_reply(u, cmd->id, NULL, NULL, json_object());
    rc = wa_unit_commit(u, NULL);

    if (rc != WA_OK) {
        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
    }
}


wa_task_t *
wa_query_task(wa_account_t *a, const wa_cmd_t *cmd, const char *what,
    wa_task_pt resume, size_t size)
{
    wa_task_t   *t;
    wa_query_t  *q;

    t = wa_task_new(a, what, resume);
    q = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, size);

    if (q == NULL) {

        if (t != NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
        }

        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
        return NULL;
    }

    q->cmd_id = cmd->id;
    t->data = q;

    return t;
}


/* A leaving account is READY at its next owner, who may be asked. */
static void
query_offline(wa_account_t *a, uint64_t cmd_id)
{
    if (a->quiesced) {
        wa_account_reply(a, cmd_id, "OWNER_UNAVAILABLE",
                         "The account is moving to another worker", NULL);
        return;
    }

    wa_account_reply(a, cmd_id, "ACCOUNT_NOT_READY",
                     "The account is not connected",
                     json_pack("{s:s}", "state",
                               wa_state_name(wa_account_state(a))));
}


void
wa_query_failed(wa_task_t *t, wa_err_t rc)
{
    bool           limit;
    wa_query_t    *q;
    wa_account_t  *a;

    a = t->account;
    q = t->data;

    switch (rc) {

    case WA_ERR_REFUSED:
        limit = t->iq_code == WA_CODE_RATE;
        wa_account_reply(a, q->cmd_id,
                         limit ? "WHATSAPP_RATE_LIMIT" : "SEND_FAILED",
                         limit ? "WhatsApp asks for fewer queries: try later"
                               : "WhatsApp refused",
                         json_pack("{s:I}", "provider_code",
                                   (json_int_t) t->iq_code));
        break;

    case WA_ERR_GONE:
        query_offline(a, q->cmd_id);
        break;

    case WA_ERR_TIMEOUT:
        wa_account_reply(a, q->cmd_id, "OWNER_TIMEOUT",
                         "WhatsApp did not answer", NULL);
        break;

    default:
        wa_account_reply(a, q->cmd_id, "INTERNAL_ERROR",
                         "The query failed", NULL);
    }

    wa_task_end(t, rc);
}


void
wa_query_settle(wa_task_t *t, wa_unit_t *u, wa_err_t rc)
{
    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_task_end(t, WA_OK);
}


void
wa_query_done(wa_task_t *t, json_t *data)
{
    wa_query_t  *q;

    q = t->data;

    if (data == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    wa_account_reply(t->account, q->cmd_id, NULL, NULL, data);
    wa_task_end(t, WA_OK);
}


void
wa_query_refuse(wa_task_t *t, const char *code, const char *message)
{
    wa_query_t  *q;

    q = t->data;
    wa_account_reply(t->account, q->cmd_id, code, message, NULL);
    wa_task_end(t, WA_OK);
}


wa_span_t
wa_query_arg(const json_t *args, const char *name)
{
    return wa_json_member(args, name);
}


bool
wa_query_arg_jid(const json_t *args, const char *name, wa_jid_t *jid)
{
    wa_span_t  text;

    text = wa_query_arg(args, name);

    return text.n != 0 && wa_jid_parse(text, jid) == WA_OK;
}
