/*
 * Refusing calls: by the account's settings, and because somebody asks; see
 * wa_call.h.
 */
#include "wa_call_int.h"

#include "wa_event_message.h"
#include "wa_life_int.h"
#include "wa_send.h"


/* A call that began longer ago is not refused any more: it has ended, or the
   phone rings in somebody's hand. */
#define CALL_FRESH_S    60

/* Nobody is told the same thing more often. */
#define CALL_TELL_S     3600

/* Bytes. */
#define CALL_TEXT_MAX   4096


typedef struct {
    wa_query_t  query;
    wa_span_t   id;
    const char *text;
} reject_t;


static void reject_loaded(wa_task_t *t, wa_err_t rc);
static void reject_commit(wa_task_t *t, Wa__CallList *list, wa_call_t *c);


/*
 * <call id to from><reject call-id call-creator count=0/></call>, persons
 * without device on both sides.
 */
wa_err_t
wa_call_refuse(wa_unit_t *u, wa_arena_t *arena, wa_call_t *c)
{
    wa_err_t       rc;
    wa_jid_t       creator, self;
    wa_node_t     *call, *reject;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);

    if (c->creator == NULL
        || wa_jid_parse(wa_span_str(c->creator), &creator) != WA_OK)
    {
        return WA_ERR_ARG;
    }

    creator = wa_jid_person(&creator);
    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    call = wa_node_new(arena, "call");
    wa_node_set(arena, call, "id", wa_account_next_id(a, arena));
    wa_node_set_jid(arena, call, "to", &creator);
    wa_node_set_jid(arena, call, "from", &self);

    reject = wa_node_add_new(arena, call, "reject");
    wa_node_set_str(arena, reject, "call-id", c->id);
    wa_node_set_jid(arena, reject, "call-creator", &creator);
    wa_node_set_str(arena, reject, "count", "0");

    rc = wa_unit_send(u, call);

    if (rc == WA_OK) {
        c->status = WA_CALL_REJECT;
        c->has_ended = 1;
        c->ended = wa_unix_s(a);
    }

    return rc;
}


bool
wa_call_unwanted(const wa_account_t *a, const wa_call_t *c)
{
    return !c->from_me && c->offered + CALL_FRESH_S > wa_unix_s(a)
           && wa_meta_bool(a, "reject_calls", false);
}


const char *
wa_call_text(const wa_account_t *a, const Wa__CallList *list, wa_call_t *c)
{
    size_t       i;
    wa_jid_t     caller, other;
    const char  *text;

    text = wa_meta_str(a, "reject_calls_text");

    if (text[0] == '\0' || !wa_call_caller(c, &caller)) {
        return NULL;
    }

    for (i = 0; i < list->n_calls; i++) {

        if (list->calls[i]->has_told
            && list->calls[i]->told + CALL_TELL_S > wa_unix_s(a)
            && wa_call_caller(list->calls[i], &other)
            && wa_jid_eq(&caller, &other))
        {
            return NULL;
        }
    }

    c->has_told = 1;
    c->told = wa_unix_s(a);

    return text;
}


/* A command of nobody's: hosts give theirs numbers from 1 on. */
void
wa_call_say(wa_account_t *a, const wa_call_t *c, const char *text)
{
    char      to[WA_JID_TEXT_MAX];
    json_t   *args;
    wa_cmd_t  cmd;
    wa_jid_t  caller;

    if (!wa_call_caller(c, &caller)
        || wa_jid_format(&caller, to, sizeof(to)) == 0)
    {
        return;
    }

    args = json_pack("{s:s, s:s, s:s}", "to", to, "type", "text", "text",
                     text);

    if (args == NULL) {
        return;
    }

    memset(&cmd, 0, sizeof(cmd));
    cmd.op = WA_OP_SEND;
    cmd.args = args;
    wa_send_start(a, &cmd);
    json_decref(args);
}


/* ---- call.reject ---- */

void
wa_call_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t    rc;
    wa_key_t    key;
    reject_t   *r;
    wa_span_t   text;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "call", reject_loaded, sizeof(reject_t));

    if (t == NULL) {
        return;
    }

    r = t->data;
    text = wa_query_arg(cmd->args, "text");

    if (wa_arena_dup_span(&t->arena, wa_query_arg(cmd->args, "id"), &r->id)
           != WA_OK
        || r->id.n == 0)
    {
        wa_query_refuse(t, "VALIDATION_ERROR", "id: is missing");
        return;
    }

    if (text.n > CALL_TEXT_MAX) {
        wa_query_refuse(t, "VALIDATION_ERROR", "text: is too long");
        return;
    }

    if (text.n != 0) {
        r->text = wa_arena_strdup(&t->arena, text);
    }

    key = (wa_key_t) { wa_span_str(WA_CALL_RECORD), 0 };
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        reject_loaded(t, rc);
    }
}


static void
reject_loaded(wa_task_t *t, wa_err_t rc)
{
    reject_t      *r;
    wa_call_t     *c;
    Wa__CallList  *list;

    r = t->data;

    if (rc == WA_OK && !wa_account_online(t->account)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = wa_calls_get(t->account, &t->arena, &list);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    c = wa_calls_find(list, r->id);

    if (c == NULL) {
        wa_query_refuse(t, "RESOURCE_NOT_FOUND", "There is no such call");
        return;
    }

    if (c->from_me || c->status >= WA_CALL_ACCEPT) {
        wa_query_refuse(t, "INVALID_STATE", c->from_me
                        ? "The account itself calls"
                        : "The call was answered or is over");
        return;
    }

    reject_commit(t, list, c);
}


static void
reject_commit(wa_task_t *t, Wa__CallList *list, wa_call_t *c)
{
    wa_err_t       rc;
    reject_t      *r;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    r = t->data;
    u = wa_unit_new(a);
    rc = wa_call_refuse(u, &t->arena, c);

    if (rc == WA_OK) {
        (void) wa_calls_put(u, list);
        (void) wa_call_event(u, c);
        rc = wa_unit_reply(u, r->query.cmd_id, NULL, NULL,
                           wa_call_json(a, c));
    }

    if (rc == WA_OK) {
        rc = wa_unit_commit(u, NULL);

    } else {
        wa_unit_drop(u);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (r->text != NULL) {
        wa_call_say(a, c, r->text);
    }

    wa_task_end(t, WA_OK);
}
