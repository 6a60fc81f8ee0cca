/*
 * history.ask: older messages of a chat from our phone, see
 * wa_history_verbs.h.
 *
 *     ask_loaded     the list: is the phone to be asked again already?
 *     ask_reached    a session with the phone
 *     ask_send       one unit: the request, and that it was made
 *
 * What comes is offered like any other history.  A phone that does not
 * answer is left alone for a while, longer each time.
 */
#include "wa_history_verbs.h"

#include "wa_account_int.h"
#include "wa_primary.h"


/* Messages in one request; the official client asks for 50. */
#define ASK_COUNT_MAX   500

/* Between two requests, s; in vain: up to two hours. */
#define ASK_PAUSE_S     5
#define ASK_PAUSE_MAX   7200
#define ASK_FAILURES    12u

#define ASK_ID_MAX      128u

typedef struct {
    wa_query_t   query;
    wa_jid_t     chat;
    char        *id;
    int64_t      ts;
    int32_t      count;
    bool         from_me;
} ask_t;


static size_t ask_need(wa_task_t *t, wa_key_t *keys);
static void ask_loaded(wa_task_t *t, wa_err_t rc);
static void ask_reached(wa_task_t *t, wa_err_t rc);
static Wa__HistoryList *ask_list(wa_task_t *t, wa_err_t rc);
static void ask_send(wa_task_t *t, Wa__HistoryList *list);
static wa_err_t ask_message(wa_unit_t *u, wa_task_t *t);
static int64_t ask_pause(const Wa__HistoryList *list);


void
wa_history_ask_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    ask_t      *q;
    wa_err_t    rc;
    wa_jid_t    chat;
    wa_key_t    key;
    wa_span_t   id;
    wa_task_t  *t;
    json_int_t  ts, count;

    id = wa_query_arg(cmd->args, "oldest_id");
    ts = json_integer_value(json_object_get(cmd->args, "oldest_timestamp"));
    count = json_integer_value(json_object_get(cmd->args, "count"));

    if (!wa_query_arg_jid(cmd->args, "chat", &chat) || id.n == 0
        || id.n > ASK_ID_MAX || memchr(id.p, 0, id.n) != NULL || ts <= 0
        || count <= 0 || count > ASK_COUNT_MAX)
    {
        wa_account_reply(a, cmd->id, "INVALID_PARAMETER",
                         "No chat, or no message before which to begin",
                         NULL);
        return;
    }

    t = wa_query_task(a, cmd, "history ask", ask_loaded, sizeof(ask_t));

    if (t == NULL) {
        return;
    }

    q = t->data;
    q->chat = wa_jid_bare(&chat);
    q->id = wa_arena_strdup(&t->arena, id);
    q->ts = ts;
    q->count = (int32_t) count;
    q->from_me = json_is_true(json_object_get(cmd->args, "oldest_from_me"));

    if (q->id == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    (void) ask_need(t, &key);
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        ask_loaded(t, rc);
    }
}


static size_t
ask_need(wa_task_t *t, wa_key_t *keys)
{
    (void) t;
    keys->name = wa_span_str(WA_HISTORY_RECORD);
    keys->day = 0;

    return 1;
}


static void
ask_loaded(wa_task_t *t, wa_err_t rc)
{
    if (ask_list(t, rc) == NULL) {
        return;
    }

    t->resume = ask_reached;
    rc = wa_primary_reach(t, ask_need);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


/* Another request may have been made while the session was. */
static void
ask_reached(wa_task_t *t, wa_err_t rc)
{
    Wa__HistoryList  *list;

    list = ask_list(t, rc);

    if (list != NULL) {
        ask_send(t, list);
    }
}


/* NULL: the phone is not to be asked, and the command is answered. */
static Wa__HistoryList *
ask_list(wa_task_t *t, wa_err_t rc)
{
    ask_t            *q;
    int64_t           left;
    wa_account_t     *a;
    Wa__HistoryList  *list;

    q = t->data;
    a = t->account;

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = wa_history_list(a, &t->arena, &list);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return NULL;
    }

    left = list->asked + ask_pause(list) - wa_unix_s(a);

    if (list->asked <= wa_unix_s(a) && left > 0) {
        wa_account_reply(a, q->query.cmd_id, "RATE_LIMIT_EXCEEDED",
                         "The phone was asked a moment ago",
                         json_pack("{s:I}", "retry_after",
                                   (json_int_t) left));
        wa_task_end(t, WA_OK);
        return NULL;
    }

    return list;
}


static void
ask_send(wa_task_t *t, Wa__HistoryList *list)
{
    ask_t      *q;
    wa_err_t    rc;
    wa_unit_t  *u;

    q = t->data;
    u = wa_unit_new(t->account);
    rc = u == NULL ? WA_ERR_NOMEM : ask_message(u, t);

    if (rc == WA_OK) {
        list->has_asked = 1;
        list->asked = wa_unix_s(t->account);
        list->has_failures = 1;
        list->failures += list->failures < ASK_FAILURES;
        rc = wa_history_list_put(u, list);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, q->query.cmd_id, NULL, NULL, json_object());
    }

    wa_query_settle(t, u, rc);
}


/* The time is in seconds whatever the field's name says (whatsmeow). */
static wa_err_t
ask_message(wa_unit_t *u, wa_task_t *t)
{
    char                   chat[WA_JID_TEXT_MAX];
    char                   lid[WA_JID_TEXT_MAX];
    ask_t                 *q;
    wa_jid_t               self;
    wa_primary_request_t   request;

    WA_PRIMARY_REQUEST(HistorySyncOnDemandRequest)  ask;

    q = t->data;
    WA_PRIMARY_REQUEST_INIT(init)(&request);
    WA_PRIMARY_REQUEST_INIT(history_sync_on_demand_request__init)(&ask);

    if (wa_jid_format(&q->chat, chat, sizeof(chat)) == 0) {
        return WA_ERR_ARG;
    }

    ask.chat_jid = chat;
    ask.oldest_msg_id = q->id;
    ask.has_oldest_msg_from_me = 1;
    ask.oldest_msg_from_me = q->from_me;
    ask.has_on_demand_msg_count = 1;
    ask.on_demand_msg_count = q->count;
    ask.has_oldest_msg_timestamp_ms = 1;
    ask.oldest_msg_timestamp_ms = q->ts;

    self = wa_jid_bare(wa_account_self(t->account, WA_SERVER_LID));

    if (wa_jid_format(&self, lid, sizeof(lid)) != 0) {
        ask.account_lid = lid;
    }

    request.history_sync_on_demand_request = &ask;

    return wa_primary_request(u, &t->arena,
                              WA_PRIMARY_DATA(HISTORY_SYNC_ON_DEMAND),
                              &request);
}


/* Since the last request. */
static int64_t
ask_pause(const Wa__HistoryList *list)
{
    int64_t  pause;

    if (list->failures <= 1) {
        return list->failures == 0 ? 0 : ASK_PAUSE_S;
    }

    pause = (int64_t) ASK_PAUSE_S << (list->failures - 1);

    return pause < ASK_PAUSE_MAX ? pause : ASK_PAUSE_MAX;
}
