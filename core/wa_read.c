/*
 * Read receipts of our own, see wa_read.h.
 * Source: protocol notes, receipts; whatsmeow receipt.go.
 */
#include "wa_read.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_sent.h"


/* Messages that one receipt names. */
#define READ_IDS_STANZA  256

typedef struct {
    wa_query_t    query;          /* must be first                        */
    wa_jid_t      chat;
    wa_jid_t      sender;         /* server NONE: the chat's              */
    wa_span_t    *ids;            /* WhatsApp's                           */
    size_t        n_ids;
} read_t;


static const char *read_ids(wa_task_t *t, read_t *r, const json_t *list);
static void read_known(wa_task_t *t, wa_err_t rc);
static wa_err_t read_receipt(wa_unit_t *u, wa_task_t *t, const wa_jid_t *to,
    const wa_span_t *ids, size_t n);
static void read_event(wa_unit_t *u, const wa_jid_t *chat);


void
wa_read_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    read_t      *r;
    wa_err_t     rc;
    wa_key_t     keys[WA_LID_KEYS];
    wa_task_t   *t;
    const char  *code;

    t = wa_query_task(a, cmd, "read", read_known, sizeof(read_t));

    if (t == NULL) {
        return;
    }

    r = t->data;

    if (!wa_query_arg_jid(cmd->args, "jid", &r->chat)) {
        wa_query_refuse(t, "INVALID_RECIPIENT", "The chat is no address");
        return;
    }

    r->chat = wa_jid_bare(&r->chat);

    if (wa_query_arg_jid(cmd->args, "sender", &r->sender)) {
        r->sender = wa_jid_bare(&r->sender);

    } else if (wa_jid_is_group(&r->chat)) {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "In groups the sender must be given");
        return;
    }

    code = read_ids(t, r, json_object_get(cmd->args, "message_ids"));

    if (code != NULL) {
        wa_query_refuse(t, code,
                        "message_ids must be 1 to 500 ids of messages");
        return;
    }

    rc = wa_task_need(t, keys, wa_lid_need(&r->chat, &t->arena, keys));

    if (rc != WA_AGAIN) {
        read_known(t, rc);
    }
}


/* NULL: all of them are ids. */
static const char *
read_ids(wa_task_t *t, read_t *r, const json_t *list)
{
    char           probe[WA_SENT_NAME_LEN];
    size_t         i, n;
    wa_span_t      id;
    const json_t  *v;

    n = json_array_size(list);

    if (n == 0 || n > WA_READ_IDS_MAX) {
        return "VALIDATION_ERROR";
    }

    r->ids = wa_arena_calloc(&t->arena, n, sizeof(wa_span_t));

    if (r->ids == NULL) {
        return "INTERNAL_ERROR";
    }

    for (i = 0; i < n; i++) {
        v = json_array_get(list, i);

        if (!json_is_string(v)) {
            return "VALIDATION_ERROR";
        }

        id = wa_span(json_string_value(v), json_string_length(v));
        (void) wa_message_ref_parse(id, &id);

        if (!wa_sent_name("out/", id, probe)) {
            return "MESSAGE_NOT_FOUND";
        }

        if (wa_arena_dup_span(&t->arena, id, &r->ids[i]) != WA_OK) {
            return "INTERNAL_ERROR";
        }
    }

    r->n_ids = n;

    return NULL;
}


static void
read_known(wa_task_t *t, wa_err_t rc)
{
    size_t         i, n;
    read_t        *r;
    wa_jid_t       to;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    r = t->data;

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    to = r->chat;
    wa_lid_prefer(a, &to);
    u = wa_unit_new(a);

    for (i = 0; i < r->n_ids && rc == WA_OK; i += n) {
        n = r->n_ids - i < READ_IDS_STANZA ? r->n_ids - i : READ_IDS_STANZA;
        rc = read_receipt(u, t, &to, r->ids + i, n);
    }

    if (rc == WA_OK) {
        read_event(u, &r->chat);
        rc = wa_unit_reply(u, r->query.cmd_id, NULL, NULL, json_object());
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

    wa_task_end(t, WA_OK);
}


/* <receipt id to type=read t [participant]>[<list><item id/>*</list>] */
static wa_err_t
read_receipt(wa_unit_t *u, wa_task_t *t, const wa_jid_t *to,
    const wa_span_t *ids, size_t n)
{
    size_t       i;
    read_t      *r;
    wa_node_t   *receipt, *list, *item;
    wa_arena_t  *arena;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    r = t->data;
    arena = &t->arena;
    receipt = wa_node_new(arena, "receipt");

    wa_node_set(arena, receipt, "id", ids[0]);
    wa_node_set_jid(arena, receipt, "to", to);
    wa_node_set_str(arena, receipt, "type", "read");
    wa_node_set_u64(arena, receipt, "t", (uint64_t) wa_unix_s(t->account));

    if (r->sender.server != WA_SERVER_NONE) {
        wa_node_set_jid(arena, receipt, "participant", &r->sender);
    }

    if (n > 1) {
        list = wa_node_add_new(arena, receipt, "list");

        for (i = 1; i < n; i++) {
            item = wa_node_add_new(arena, list, "item");
            wa_node_set(arena, item, "id", ids[i]);
        }
    }

    return wa_unit_send(u, receipt);
}


static void
read_event(wa_unit_t *u, const wa_jid_t *chat)
{
    wa_jid_t       shown;
    wa_account_t  *a;

    a = wa_unit_account(u);

    if (!wa_jid_is_lid(chat) || !wa_pn_of(a, chat, &shown)) {
        shown = *chat;
    }

    (void) wa_unit_event(u, "chat.updated",
                         json_pack("{s:{s:o, s:s, s:i}}", "chat",
                                   "jid", wa_json_jid(&shown),
                                   "account_id", a->id,
                                   "unread_count", 0));
}
