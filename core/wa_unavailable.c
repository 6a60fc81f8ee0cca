/*
 * Messages without their content, see wa_unavailable.h.
 */
#include "wa_unavailable.h"

#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_placeholder.h"
#include "wa_receipt.h"
#include "wa_retry.h"


#define UNAVAILABLE_KEYS  (3 + WA_LID_KEYS)


typedef struct {
    wa_stanza_key_t  key;
    wa_jid_t         from;
    wa_jid_t         chat;         /* bare, as in the stanza */
    wa_jid_t         sender;
    bool             from_me;
} unavailable_t;


static bool unavailable_parse(const wa_task_t *t, unavailable_t *n);
static void unavailable_loaded(wa_task_t *t, wa_err_t rc);
static const char *unavailable_reason(const wa_node_t *stanza);
static void unavailable_show(const wa_task_t *t, wa_jid_t *jid);
static void unavailable_ack(wa_task_t *t);


/* Channels send their texts as they are. */
bool
wa_unavailable_is(const wa_node_t *stanza)
{
    wa_jid_t  from;

    if (!wa_node_is(stanza, "message")
        || wa_node_attr_is(stanza, "type", "medianotify")
        || !wa_node_attr_jid(stanza, "from", &from)
        || wa_jid_is_newsletter(&from))
    {
        return false;
    }

    return wa_node_child(stanza, "enc") == NULL
           && wa_node_child(stanza, "plaintext") == NULL;
}


void
wa_unavailable(wa_task_t *t)
{
    size_t           n;
    wa_err_t         rc;
    wa_key_t         keys[UNAVAILABLE_KEYS];
    unavailable_t   *v;

    v = wa_arena_calloc(&t->arena, 1, sizeof(unavailable_t));
    if (v == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = v;
    rc = wa_stanza_key(t->account, t->stanza, &v->key);

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    if (!unavailable_parse(t, v)) {
        unavailable_ack(t);
        return;
    }

    keys[0].name = wa_span_str(v->key.rtry);
    keys[0].day = v->key.day;
    keys[1].name = wa_span_str(v->key.seen);
    keys[1].day = v->key.day;
    keys[2].name = wa_span_str(WA_PLACEHOLDER_RECORD);
    keys[2].day = 0;
    n = 3 + wa_lid_need(wa_jid_is_user(&v->chat) ? &v->chat : &v->sender,
                        &t->arena, keys + 3);

    t->resume = unavailable_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        unavailable_loaded(t, rc);
    }
}


/* False: nothing to tell. */
static bool
unavailable_parse(const wa_task_t *t, unavailable_t *v)
{
    wa_jid_t          author;
    const wa_node_t  *st;

    st = t->stanza;

    if (wa_node_attr(st, "id").n == 0
        || wa_node_attr_is(st, "category", "peer")
        || !wa_node_attr_jid(st, "from", &v->from))
    {
        return false;
    }

    author = v->from;
    v->chat = v->from;

    if (!wa_jid_is_user(&v->from)
        && (!wa_node_attr_jid(st, "participant", &author)
            || !wa_jid_is_user(&author)))
    {
        return false;
    }

    v->from_me = wa_account_is_self(t->account, &author);

    if (v->from_me && wa_jid_is_user(&v->from)) {
        (void) wa_node_attr_jid(st, "recipient", &v->chat);

    } else if (!v->from_me && wa_jid_is_list(&v->from)) {
        v->chat = author;
    }

    v->chat = wa_jid_is_user(&v->chat) ? wa_jid_person(&v->chat)
                                       : wa_jid_bare(&v->chat);
    v->sender = wa_jid_person(&author);

    return true;
}


static void
unavailable_loaded(wa_task_t *t, wa_err_t rc)
{
    bool             wanted;
    wa_jid_t         chat, sender;
    wa_span_t        told, seen;
    wa_unit_t       *u;
    const char      *reason;
    wa_account_t    *a;
    unavailable_t   *v;

    a = t->account;
    v = t->data;

    if (rc == WA_OK) {
        rc = wa_record_get(a, v->key.rtry, v->key.day, &told);
    }

    if (rc == WA_OK) {
        rc = wa_record_get(a, v->key.seen, v->key.day, &seen);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    chat = v->chat;
    sender = v->sender;
    unavailable_show(t, &chat);
    unavailable_show(t, &sender);
    reason = unavailable_reason(t->stanza);

    u = wa_unit_new(a);

    if (told.n == 0 && seen.n == 0) {
        wa_log(a, WA_LOG_INFO, "message without its content: %s", reason);

        /* 0 retry receipts so far: there is nobody to send one to. */

        (void) wa_unit_put(u, v->key.rtry, v->key.day, wa_span("\0", 1));

        wanted = strcmp(reason, "unavailable") == 0
                 && wa_placeholder_want(u, t->stanza, 0);
        rc = wa_retry_tell(u, wa_node_attr(t->stanza, "id"), &chat, &sender,
                           wanted, reason);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    /* A copy of an own message is cleared by nothing else. */

    if (v->from_me) {
        (void) wa_receipt_message(u, t->stanza, "sender", &v->chat);
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);

    wa_task_end(t, wa_unit_commit(u, NULL));
}


/* As events name it; only "unavailable" can be asked for. */
static const char *
unavailable_reason(const wa_node_t *stanza)
{
    size_t            i, n;
    wa_span_t         type;
    const wa_node_t  *node;

    static const char *const  kinds[] = { "view_once", "bot", "hosted" };

    node = wa_node_child(stanza, "unavailable");
    type = wa_node_attr(node, "type");

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        n = strlen(kinds[i]);

        /* "view_once", "view_once_unavailable_fanout" */

        if (type.n >= n && memcmp(type.p, kinds[i], n) == 0) {
            return kinds[i];
        }
    }

    return wa_node_attr_is(node, "hosted", "true") ? "hosted"
                                                   : "unavailable";
}


/* The phone address, when the map or the stanza tells it: of one person who
   is not us, whether writer or recipient. */
static void
unavailable_show(const wa_task_t *t, wa_jid_t *jid)
{
    size_t    i;
    wa_jid_t  pn;

    static const char *const  attrs[] = {
        "participant_pn", "sender_pn", "peer_recipient_pn", "recipient_pn"
    };

    if (wa_account_is_self(t->account, jid)) {
        *jid = wa_jid_bare(wa_account_self(t->account, WA_SERVER_PN));
        return;
    }

    if (!wa_jid_is_lid(jid)) {
        return;
    }

    if (wa_pn_of(t->account, jid, &pn)) {
        *jid = wa_jid_person(&pn);
        return;
    }

    for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {

        if (wa_node_attr_jid(t->stanza, attrs[i], &pn) && wa_jid_is_pn(&pn))
        {
            *jid = wa_jid_person(&pn);
            return;
        }
    }
}


static void
unavailable_ack(wa_task_t *t)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    rc = wa_ack_stanza(u, t->stanza, NULL, 0);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc == WA_ERR_NOMEM ? rc : WA_OK);
        return;
    }

    wa_task_end(t, wa_unit_commit(u, NULL));
}
