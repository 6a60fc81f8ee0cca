/*
 * Acks and receipts, see wa_receipt.h.
 */
#include "wa_receipt_int.h"

#include "wa_account_int.h"
#include "wa_conn.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_recent.h"
#include "wa_retry.h"
#include "wa_send.h"


typedef struct {
    wa_receipt_t  told;
    wa_jid_t      from;         /* the device that tells */
} receipt_t;


static void receipt_loaded(wa_task_t *t, wa_err_t rc);
static bool receipt_from(const wa_node_t *stanza, receipt_t *r);
static const char *receipt_status(wa_span_t type);
static wa_err_t receipt_once(wa_unit_t *u, const receipt_t *r,
    wa_span_t id, int64_t ts, uint64_t *brief);


wa_err_t
wa_ack_stanza(wa_unit_t *u, const wa_node_t *stanza, const char *type,
    unsigned error)
{
    wa_err_t    rc;
    wa_node_t  *ack;
    wa_span_t   id, from;
    wa_arena_t  arena;

    id = wa_node_attr(stanza, "id");
    from = wa_node_attr(stanza, "from");

    if (id.p == NULL || from.p == NULL) {
        return WA_ERR_SYNTAX;
    }

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_arena_init_pool(&arena, &wa_unit_account(u)->engine->arenas);

    ack = wa_node_new(&arena, "ack");

    wa_node_set(&arena, ack, "class", stanza->tag);
    wa_node_set(&arena, ack, "id", id);
    wa_node_set(&arena, ack, "to", from);
    wa_node_set(&arena, ack, "participant",
                wa_node_attr(stanza, "participant"));
    wa_node_set(&arena, ack, "recipient",
                wa_node_attr(stanza, "recipient"));

    if (type != NULL) {
        wa_node_set_str(&arena, ack, "type", type);

    } else if (!wa_node_is(stanza, "message")) {
        wa_node_set(&arena, ack, "type", wa_node_attr(stanza, "type"));
    }

    if (error != 0) {
        wa_node_set_u64(&arena, ack, "error", error);
    }

    rc = wa_unit_send(u, ack);

    wa_arena_free(&arena);

    return rc;
}


wa_err_t
wa_receipt_message(wa_unit_t *u, const wa_node_t *stanza, const char *type,
    const wa_jid_t *chat)
{
    wa_err_t           rc;
    wa_jid_t           bare;
    wa_node_t         *receipt;
    wa_span_t          id, from;
    wa_arena_t         arena;
    wa_account_t      *a;
    wa_receipt_key_t   key;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    id = wa_node_attr(stanza, "id");
    from = wa_node_attr(stanza, "from");

    if (id.p == NULL || from.p == NULL) {
        return WA_ERR_SYNTAX;
    }

    if (type == NULL && wa_node_attr(stanza, "offline").p != NULL) {
        key.to = from;
        key.participant = wa_node_attr(stanza, "participant");
        key.type = wa_span_str(wa_account_available(a) ? "" : "inactive");

        return wa_unit_receipt(u, &key, id);
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);

    receipt = wa_node_new(&arena, "receipt");

    wa_node_set(&arena, receipt, "id", id);

    wa_node_set(&arena, receipt, "to", from);
    wa_node_set(&arena, receipt, "participant",
                wa_node_attr(stanza, "participant"));

    if (wa_node_attr_is(stanza, "from", "status@broadcast")) {
        wa_node_set_str(&arena, receipt, "context", "status");
    }

    if (type != NULL) {
        wa_node_set_str(&arena, receipt, "type", type);

        if (strcmp(type, "sender") == 0 && chat != NULL) {
            bare = wa_jid_bare(chat);
            wa_node_set_jid(&arena, receipt, "recipient", &bare);
        }

    } else if (!wa_account_available(a)) {
        wa_node_set_str(&arena, receipt, "type", "inactive");
    }

    rc = wa_unit_send(u, receipt);

    wa_arena_free(&arena);

    return rc;
}


wa_err_t
wa_receipt_history(wa_unit_t *u, const char *id)
{
    wa_err_t       rc;
    wa_jid_t       self;
    wa_node_t     *receipt;
    wa_arena_t     arena;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    wa_arena_init_pool(&arena, &a->engine->arenas);

    receipt = wa_node_new(&arena, "receipt");
    wa_node_set_str(&arena, receipt, "id", id);
    wa_node_set_jid(&arena, receipt, "to", &self);
    wa_node_set_str(&arena, receipt, "type", "hist_sync");
    rc = wa_unit_send(u, receipt);

    wa_arena_free(&arena);

    return rc;
}


void
wa_receipt_stanza(wa_task_t *t)
{
    size_t         n;
    wa_err_t       rc;
    wa_key_t       keys[WA_LID_KEYS];
    wa_span_t      type;
    receipt_t     *r;
    wa_account_t  *a;

    a = t->account;
    type = wa_node_attr(t->stanza, "type");

    if (wa_span_eq_str(type, "retry")
        || wa_span_eq_str(type, "enc_rekey_retry"))
    {
        wa_retry_answer(t);
        return;
    }

    r = wa_arena_calloc(&t->arena, 1, sizeof(receipt_t));
    if (r == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = r;
    r->told.status = receipt_status(type);

    if (wa_node_child(t->stanza, "participants") != NULL
        && r->told.status != NULL)
    {
        wa_receipt_group_stanza(t, r->told.status);
        return;
    }

    if (r->told.status == NULL || !receipt_from(t->stanza, r)) {
        wa_receipt_ack_only(t);
        return;
    }

    if (wa_account_is_self(a, &r->from)) {
        wa_receipt_own_stanza(t, r->told.status);
        return;
    }

    n = wa_lid_need(&r->from, &t->arena, keys);

    t->resume = receipt_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        receipt_loaded(t, rc);
    }
}


/* In a room each member tells. */
static bool
receipt_from(const wa_node_t *stanza, receipt_t *r)
{
    if (!wa_node_attr_jid(stanza, "from", &r->from)) {
        return false;
    }

    if (wa_jid_is_group(&r->from) || wa_jid_is_broadcast(&r->from)) {
        r->told.room = r->from;

        if (!wa_node_attr_jid(stanza, "participant", &r->from)) {
            return false;
        }
    }

    return wa_jid_is_user(&r->from);
}


/* NULL: nothing that changes the status of a message.  Of the "-self" kinds
   only own devices tell. */
static const char *
receipt_status(wa_span_t type)
{
    if (type.p == NULL) {
        return "delivered";
    }

    if (wa_span_eq_str(type, "read") || wa_span_eq_str(type, "read-self")) {
        return "read";
    }

    if (wa_span_eq_str(type, "played")
        || wa_span_eq_str(type, "played-self"))
    {
        return "played";
    }

    return NULL;
}


void
wa_receipt_person(wa_account_t *a, const wa_jid_t *jid, wa_jid_t *pn,
    wa_jid_t *lid)
{
    *pn = *jid;
    *lid = *jid;

    if (wa_jid_is_lid(jid)) {
        (void) wa_pn_of(a, jid, pn);

    } else if (!wa_lid_of(a, jid, lid)) {
        memset(lid, 0, sizeof(*lid));
    }

    *pn = wa_jid_person(pn);
    *lid = wa_jid_person(lid);
}


size_t
wa_receipt_ids(const wa_node_t *stanza, wa_span_t *ids)
{
    size_t            n;
    const wa_node_t  *item;

    n = 0;
    ids[n++] = wa_node_attr(stanza, "id");
    item = wa_node_child(wa_node_child(stanza, "list"), "item");

    while (item != NULL && n <= WA_RECEIPT_IDS_MAX) {
        ids[n++] = wa_node_attr(item, "id");
        item = wa_node_sibling(item, "item");
    }

    return n;
}


static void
receipt_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t         n, i, n_ids;
    int64_t        ts;
    uint64_t       briefs[WA_RECEIPT_IDS_MAX + 1];
    wa_span_t      ids[WA_RECEIPT_IDS_MAX + 1];
    wa_unit_t     *u;
    receipt_t     *r;
    wa_account_t  *a;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    a = t->account;
    r = t->data;
    n = 0;

    wa_receipt_person(a, &r->from, &r->told.pn, &r->told.lid);
    r->told.chat = r->told.pn;
    ts = wa_stanza_time(a, t->stanza);
    n_ids = wa_receipt_ids(t->stanza, ids);

    u = wa_unit_new(a);

    for (i = 0; i < n_ids && rc != WA_ERR_NOMEM; i++) {
        rc = receipt_once(u, r, ids[i], ts, &briefs[n]);
        n += (rc == WA_OK);
    }

    if (rc == WA_ERR_NOMEM) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);

    /* Unconfirmed, the server tells again. */

    wa_unit_set_patient(u);
    rc = wa_unit_commit(u, NULL);

    for (i = 0; i < n && rc == WA_OK; i++) {
        wa_recent_add(a, briefs[i]);
    }

    /* Those who wait for it (wait=device). */

    for (i = 0; i < n_ids && rc == WA_OK; i++) {
        wa_send_receipt(a, ids[i], r->told.status, ts);
    }

    wa_task_end(t, rc);
}


/* Every device of the peer tells by itself: once per person is enough.
   WA_ERR_DUPLICATE, WA_ERR_SYNTAX: no event. */
static wa_err_t
receipt_once(wa_unit_t *u, const receipt_t *r, wa_span_t id, int64_t ts,
    uint64_t *brief)
{
    wa_err_t   rc;
    wa_span_t  parts[5];

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (id.n == 0 || id.n > WA_RECEIPT_ID_LEN) {
        return WA_ERR_SYNTAX;
    }

    parts[0] = wa_span_str(r->told.status);
    parts[1] = wa_span("/", 1);
    parts[2] = wa_span_str(r->told.pn.user);
    parts[3] = wa_span("/", 1);
    parts[4] = id;

    rc = wa_recent_brief(parts, 5, brief);
    if (rc != WA_OK) {
        return rc;
    }

    return wa_recent_has(wa_unit_account(u), *brief)
           ? WA_ERR_DUPLICATE : wa_receipt_event(u, &r->told, id, ts);
}


wa_err_t
wa_receipt_event(wa_unit_t *u, const wa_receipt_t *r, wa_span_t id,
    int64_t timestamp)
{
    bool           ours;
    char           ref[WA_MESSAGE_REF_LEN];
    wa_jw_t        w;
    wa_err_t       rc;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    if (id.n == 0 || id.n > WA_RECEIPT_ID_LEN) {
        return WA_ERR_SYNTAX;
    }

    a = wa_unit_account(u);
    ours = (r->author.server == WA_SERVER_NONE);
    rc = wa_message_ref(a, ours, &r->author, id, ref);

    if (rc != WA_OK) {
        return rc;
    }

    wa_unit_event_begin(u, "message.receipt", &w);
    wa_jw_open(&w, NULL, '{');
    wa_jw_str(&w, WA_JW("id"), ref);
    wa_jw_text(&w, WA_JW("message_id"), id);
    wa_jw_jid(&w, WA_JW("chat_jid"), r->room.server != WA_SERVER_NONE
                                     ? &r->room : &r->chat);
    wa_jw_jid(&w, WA_JW("recipient_jid"), &r->pn);
    wa_jw_jid(&w, WA_JW("lid"), &r->lid);

    if (!ours) {
        wa_jw_bool(&w, WA_JW("from_me"), true);
    }

    wa_jw_str(&w, WA_JW("status"), r->status);
    wa_jw_int(&w, WA_JW("timestamp"), timestamp);
    wa_jw_close(&w, '}');

    return wa_unit_event_end(u, &w);
}


void
wa_receipt_ack_only(wa_task_t *t)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(t->account);

    rc = wa_ack_stanza(u, t->stanza, NULL, 0);

    if (rc == WA_ERR_SYNTAX) {
        wa_unit_drop(u);

    } else {
        rc = wa_unit_commit(u, NULL);
    }

    wa_task_end(t, rc);
}
