/*
 * What was read on another device of ours:
 *
 *     <receipt from=<own device> recipient=<chat> type=read[-self] id t/>
 *     <receipt from=<room> participant=<own device> recipient=<author> ../>
 *
 * Source: protocol 8.3; whatsmeow receipt.go, message.go (the sender of a
 * message that was read in a group is in `recipient`).
 */
#include "wa_receipt_int.h"

#include "wa_account_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_recent.h"


typedef struct {
    wa_jid_t     chat;
    wa_jid_t     author;
    const char  *status;
} own_t;


static void own_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t own_chat(wa_unit_t *u, const wa_jid_t *chat, bool phone);


void
wa_receipt_own_stanza(wa_task_t *t, const char *status)
{
    own_t     *o;
    wa_err_t   rc;
    wa_key_t   keys[WA_LID_KEYS];

    o = wa_arena_calloc(&t->arena, 1, sizeof(own_t));

    if (o == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    o->status = status;

    /* "delivered": that device has its copy. */

    if (strcmp(status, "delivered") == 0
        || !wa_node_attr_jid(t->stanza, "from", &o->chat)
        || !wa_node_attr_jid(t->stanza, "recipient", &o->author)
        || !wa_jid_is_user(&o->author)
        || wa_account_is_self(t->account, &o->author))
    {
        wa_receipt_ack_only(t);
        return;
    }

    if (wa_jid_is_user(&o->chat) || wa_jid_is_list(&o->chat)) {
        o->chat = wa_jid_person(&o->author);
    }

    t->data = o;
    t->resume = own_loaded;
    rc = wa_task_need(t, keys, wa_lid_need(&o->author, &t->arena, keys));

    if (rc != WA_AGAIN) {
        own_loaded(t, rc);
    }
}


static void
own_loaded(wa_task_t *t, wa_err_t rc)
{
    own_t      *o;
    wa_span_t   ids[WA_RECEIPT_IDS_MAX + 1];
    wa_unit_t  *u;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    o = t->data;
    u = wa_unit_new(t->account);

    rc = wa_receipt_own(u, &o->chat, &o->author, o->status, ids,
                        wa_receipt_ids(t->stanza, ids),
                        wa_stanza_time(t->account, t->stanza), true);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_unit_set_patient(u);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


wa_err_t
wa_receipt_own(wa_unit_t *u, const wa_jid_t *chat, const wa_jid_t *author,
    const char *status, const wa_span_t *ids, size_t n, int64_t timestamp,
    bool phone)
{
    size_t         i;
    wa_err_t       rc;
    wa_receipt_t   r;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    memset(&r, 0, sizeof(r));
    r.status = status;
    r.pn = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    r.lid = wa_jid_bare(wa_account_self(a, WA_SERVER_LID));
    wa_receipt_person(a, author, &r.chat, &r.author);

    if (r.author.server == WA_SERVER_NONE) {
        r.author = r.chat;
    }

    if (!wa_jid_is_user(chat)) {
        r.room = *chat;
    }

    rc = WA_OK;

    for (i = 0; i < n && rc != WA_ERR_NOMEM; i++) {
        rc = wa_receipt_event(u, &r, ids[i], timestamp);
    }

    if (rc == WA_ERR_NOMEM) {
        return rc;
    }

    return strcmp(status, "read") != 0 || wa_jid_is_broadcast(chat) ? WA_OK
           : own_chat(u, r.room.server != WA_SERVER_NONE ? &r.room : &r.chat,
                      phone);
}


static wa_err_t
own_chat(wa_unit_t *u, const wa_jid_t *chat, bool phone)
{
    wa_account_t  *a;

    a = wa_unit_account(u);

    return wa_unit_event(u, "chat.updated",
                         json_pack("{s:{s:o, s:s, s:i, s:s*}}", "chat",
                                   "jid", wa_json_jid(chat),
                                   "account_id", a->id,
                                   "unread_count", 0,
                                   "source", phone ? "phone" : NULL));
}
