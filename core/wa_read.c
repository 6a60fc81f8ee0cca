/*
 * Read receipts of our own, see wa_read.h.
 * Source: protocol notes, receipts; whatsmeow receipt.go.
 */
#include "wa_read.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_group.h"
#include "wa_lid.h"
#include "wa_receipt_int.h"
#include "wa_sent.h"
#include "wa_settings.h"


/* Messages that one receipt names. */
#define READ_IDS_STANZA  256

typedef struct {
    wa_query_t    query;          /* must be first                        */
    wa_jid_t      chat;
    wa_jid_t      sender;         /* server NONE: the chat's              */
    wa_span_t    *ids;            /* WhatsApp's                           */
    size_t        n_ids;
    bool          played;
    bool          asked;          /* for the privacy settings             */
} read_t;


static const char *read_ids(wa_task_t *t, read_t *r, const json_t *list);
static bool read_alone(const wa_jid_t *chat);
static void read_need(wa_task_t *t, wa_err_t rc);
static void read_known(wa_task_t *t, wa_err_t rc);
static void read_asked(wa_task_t *t, wa_err_t rc);
static wa_err_t read_author(wa_task_t *t, const read_t *r, wa_jid_t *author);
static const char *read_type(wa_account_t *a, const read_t *r);
static wa_err_t read_receipt(wa_unit_t *u, wa_task_t *t, const wa_jid_t *to,
    const wa_jid_t *author, const wa_span_t *ids, size_t n);


void
wa_read_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    read_t      *r;
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

    if (read_alone(&r->chat)) {
        memset(&r->sender, 0, sizeof(r->sender));

    } else if (wa_query_arg_jid(cmd->args, "sender", &r->sender)) {
        r->sender = wa_jid_bare(&r->sender);

    } else {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "sender: in groups it must be given");
        return;
    }

    r->played = json_is_true(json_object_get(cmd->args, "played"));

    code = read_ids(t, r, json_object_get(cmd->args, "message_ids"));

    if (code != NULL) {
        wa_query_refuse(t, code,
                        "message_ids: must be 1 to 500 ids of messages");
        return;
    }

    read_need(t, WA_OK);
}


/* The chat wrote what is in it. */
static bool
read_alone(const wa_jid_t *chat)
{
    return wa_jid_is_user(chat) || wa_jid_is_newsletter(chat);
}


static void
read_need(wa_task_t *t, wa_err_t rc)
{
    size_t     n;
    read_t    *r;
    wa_key_t   keys[2 * WA_LID_KEYS + 2];

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    r = t->data;
    n = wa_lid_need(&r->chat, &t->arena, keys);
    n += wa_lid_need(&r->sender, &t->arena, keys + n);
    n += wa_group_need(&r->chat, &t->arena, keys + n);
    keys[n].name = wa_span_str(WA_SETTINGS_RECORD);
    keys[n++].day = 0;

    t->resume = read_known;
    rc = wa_task_need(t, keys, n);

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
    wa_jid_t       to, author;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    r = t->data;

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = read_author(t, r, &author);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    /* Whoever wants not to be seen reading is not shown reading. */

    if (read_type(a, r) == NULL) {
        t->resume = read_asked;
        rc = wa_settings_ask(t);

        if (rc != WA_AGAIN) {
            wa_query_failed(t, rc);
        }

        return;
    }

    to = r->chat;
    wa_lid_prefer(a, &to);
    u = wa_unit_new(a);

    for (i = 0; i < r->n_ids && rc == WA_OK; i += n) {
        n = r->n_ids - i < READ_IDS_STANZA ? r->n_ids - i : READ_IDS_STANZA;
        rc = read_receipt(u, t, &to, &author, r->ids + i, n);
    }

    if (rc == WA_OK) {
        rc = wa_receipt_own(u, &r->chat, read_alone(&r->chat)
                                         ? &r->chat : &r->sender,
                            r->played ? "played" : "read", r->ids, r->n_ids,
                            wa_unix_s(a), false);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, r->query.cmd_id, NULL, NULL, json_object());
    }

    wa_query_settle(t, u, rc);
}


static void
read_asked(wa_task_t *t, wa_err_t rc)
{
    read_t     *r;
    wa_unit_t  *u;

    if (rc == WA_OK) {
        u = wa_unit_new(t->account);
        (void) wa_settings_keep(u, wa_node_child(t->answer, "privacy"));
        rc = wa_unit_commit(u, NULL);
    }

    r = t->data;
    r->asked = true;
    read_need(t, rc);
}


/* As the room names people: a receipt for another address reaches nobody. */
static wa_err_t
read_author(wa_task_t *t, const read_t *r, wa_jid_t *author)
{
    wa_err_t    rc;
    Wa__Group  *g;

    *author = r->sender;
    g = NULL;
    rc = WA_OK;

    if (wa_jid_is_group(&r->chat)) {
        rc = wa_group_get(t->account, &r->chat, &t->arena, &g);
    }

    if (rc == WA_OK && g != NULL) {
        *author = wa_group_address(t->account, g, &r->sender);

    } else if (rc == WA_OK && r->sender.server != WA_SERVER_NONE) {
        wa_lid_prefer(t->account, author);
    }

    return rc;
}


/* In groups everybody sees it, of channels nobody.  NULL: the settings are not
   known. */
static const char *
read_type(wa_account_t *a, const read_t *r)
{
    wa_span_t  value;

    if (wa_jid_is_newsletter(&r->chat)) {
        return "read-self";
    }

    if (!wa_jid_is_user(&r->chat)) {
        return r->played ? "played" : "read";
    }

    value = wa_settings_get(a, "readreceipts");

    if (value.p == NULL && !r->asked) {
        return NULL;
    }

    if (wa_span_eq_str(value, "none")) {
        return r->played ? "played-self" : "read-self";
    }

    return r->played ? "played" : "read";
}


/* <receipt id to type t [participant context]>[<list><item id/>*</list>] */
static wa_err_t
read_receipt(wa_unit_t *u, wa_task_t *t, const wa_jid_t *to,
    const wa_jid_t *author, const wa_span_t *ids, size_t n)
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
    wa_node_set_str(arena, receipt, "type", read_type(t->account, r));
    wa_node_set_u64(arena, receipt, "t", (uint64_t) wa_unix_s(t->account));

    if (author->server != WA_SERVER_NONE) {
        wa_node_set_jid(arena, receipt, "participant", author);
    }

    if (wa_jid_is_status(to)) {
        wa_node_set_str(arena, receipt, "context", "status");
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
