/*
 * Messages and counts of channels -> events, see wa_newsletter.h.
 *
 *     stanza -> what is known of the message -> unit: {seen, event, ack}
 *
 * Channels get no delivery receipts, only acks.  An edit comes with the id
 * of the message it changes, with the new content in place of the old; a
 * deletion is an edit to nothing.
 */
#include "wa_newsletter.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_message.h"
#include "wa_receipt.h"
#include "wa_recv_int.h"


#define RECV_ID_MAX   128
#define RECV_KEYS     (2 * WA_BUCKET_DAYS + 2)


typedef struct {
    wa_recv_t               m;
    wa_stanza_key_t         original;  /* of the message; m.key: of this   */
    wa_newsletter_known_t   known;
    uint64_t                server_id;
    int64_t                 edit_ms;   /* unix                             */
    bool                    edit;
    bool                    gone;
} channel_recv_t;


static bool recv_parse(wa_task_t *t, channel_recv_t *r);
static void recv_loaded(wa_task_t *t, wa_err_t rc);
static wa_err_t recv_content(wa_unit_t *u, wa_task_t *t, channel_recv_t *r);
static wa_err_t recv_edited(wa_unit_t *u, const channel_recv_t *r,
    const wa_content_t *c);
static wa_err_t recv_gone(wa_unit_t *u, const channel_recv_t *r);
static int64_t recv_edit_ms(const wa_task_t *t);
static void recv_ack(wa_task_t *t, unsigned error);
static wa_err_t told_chat(wa_unit_t *u, json_t *chat);


void
wa_newsletter_message(wa_task_t *t)
{
    size_t           n;
    wa_err_t         rc;
    wa_key_t        *keys;
    channel_recv_t  *r;

    r = wa_arena_calloc(&t->arena, 1, sizeof(channel_recv_t));
    keys = wa_arena_calloc(&t->arena, RECV_KEYS, sizeof(wa_key_t));

    if (r == NULL || keys == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = r;

    if (!recv_parse(t, r)) {
        recv_ack(t, 0);
        return;
    }

    n = wa_newsletter_need(t->account, &r->original, keys);

    if (r->edit) {
        n += wa_newsletter_need(t->account, &r->m.key, keys + n);
    }

    t->resume = recv_loaded;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        recv_loaded(t, rc);
    }
}


/* False: nothing but an ack follows (kinds that are not understood). */
static bool
recv_parse(wa_task_t *t, channel_recv_t *r)
{
    char              what[64];
    wa_recv_t        *m;
    wa_span_t         edit;
    const wa_node_t  *st;

    m = &r->m;
    st = t->stanza;
    m->id = wa_node_attr(st, "id");
    edit = wa_node_attr(st, "edit");

    if (m->id.n == 0 || m->id.n > RECV_ID_MAX
        || wa_node_child(st, "plaintext") == NULL
        || !wa_node_attr_jid(st, "from", &m->chat))
    {
        return false;
    }

    m->chat = wa_jid_bare(&m->chat);
    m->from = m->chat;
    m->enc = m->chat;
    m->show = m->chat;
    m->who = m->chat;
    m->ts = wa_stanza_time(t->account, st);
    m->push_name = wa_node_attr(st, "notify");
    m->plain = wa_node_child_content(st, "plaintext");
    m->from_me = wa_node_attr_is(st, "is_sender", "true");

    r->edit = (edit.n != 0);
    r->gone = (m->plain.n == 0 || wa_span_eq_str(edit, "7")
               || wa_span_eq_str(edit, "8"));

    if (!wa_node_attr_u64(st, "server_id", &r->server_id)
        || r->server_id > INT64_MAX)
    {
        r->server_id = 0;
    }

    if (wa_newsletter_key(t->account, &m->chat, m->id, "", m->ts,
                          &r->original) != WA_OK)
    {
        return false;
    }

    m->key = r->original;

    if (!r->edit) {
        return m->plain.n != 0;
    }

    r->edit_ms = recv_edit_ms(t);
    (void) snprintf(what, sizeof(what), "/%s/%lld", r->gone ? "gone" : "edit",
                    r->gone ? 0LL : (long long) r->edit_ms);

    return wa_newsletter_key(t->account, &m->chat, m->id, what, m->ts,
                             &m->key) == WA_OK;
}


/* When it was edited, unix ms; the stanza's own time is the message's. */
static int64_t
recv_edit_ms(const wa_task_t *t)
{
    int64_t  ms, now;

    now = wa_unix_ms(t->account);

    if (!wa_node_attr_i64(wa_node_child(t->stanza, "meta"), "msg_edit_t",
                          &ms)
        || ms <= 0 || ms > now + 86400000)
    {
        ms = wa_stanza_time(t->account, t->stanza) * 1000;
    }

    return ms;
}


static void
recv_loaded(wa_task_t *t, wa_err_t rc)
{
    bool                    before;
    wa_unit_t              *u;
    wa_account_t           *a;
    channel_recv_t         *r;
    wa_newsletter_known_t   known;

    a = t->account;
    r = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    before = wa_newsletter_known(a, &r->original, &r->known);

    if (r->edit) {
        r->m.from_me = r->m.from_me || (before && r->known.from_me);
        before = wa_newsletter_known(a, &r->m.key, &known);
    }

    if (before || wa_recent_has(a, r->m.key.brief)) {
        recv_ack(t, 0);
        return;
    }

    u = wa_unit_new(a);
    rc = (u == NULL) ? WA_ERR_NOMEM : recv_content(u, t, r);

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    known.server_id = r->server_id;
    known.from_me = r->m.from_me;
    (void) wa_newsletter_put(u, &r->m.key, &known);
    rc = wa_unit_commit(u, NULL);

    if (rc == WA_OK) {
        wa_recent_add(a, r->m.key.brief);
    }

    wa_task_end(t, rc);
}


/* Events and the ack.  What will never parse is not asked for again. */
static wa_err_t
recv_content(wa_unit_t *u, wa_task_t *t, channel_recv_t *r)
{
    unsigned      error;
    wa_err_t      rc;
    wa_content_t  c;

    error = 0;
    rc = r->gone ? recv_gone(u, r)
                 : wa_message_decode(r->m.plain, &t->arena, &c);

    if (rc == WA_ERR_NOMEM) {
        return rc;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "a channel's message does not "
               "parse: %s", wa_err_name(rc));
        error = WA_NACK_PROTOBUF;

    } else if (!r->gone && (c.kind == WA_KIND_PROTOCOL || c.sent_copy)) {
        wa_log(t->account, WA_LOG_WARN, "a channel sent a message that only "
               "own devices may send");

    } else if (!r->gone && !r->edit) {
        return wa_recv_deliver(u, t, &r->m, &c);

    } else if (!r->gone) {
        rc = recv_edited(u, r, &c);
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, error);

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


static wa_err_t
recv_edited(wa_unit_t *u, const channel_recv_t *r, const wa_content_t *c)
{
    char       ref[WA_MESSAGE_REF_LEN], when[32];
    json_t    *data;
    wa_err_t   rc;

    rc = wa_message_ref(wa_unit_account(u), r->m.from_me, &r->m.chat,
                        r->m.id, ref);
    if (rc != WA_OK) {
        return rc;
    }

    data = json_pack("{s:s, s:o, s:o, s:o, s:s}",
                     "id", ref,
                     "message_id", wa_json_span(r->m.id),
                     "chat_jid", wa_json_jid(&r->m.chat),
                     "body", wa_json_text(c->text),
                     "edited_at", wa_iso_time(r->edit_ms, when));

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "message.edited", data);
}


static wa_err_t
recv_gone(wa_unit_t *u, const channel_recv_t *r)
{
    char       ref[WA_MESSAGE_REF_LEN], when[32];
    json_t    *data;
    wa_err_t   rc;

    rc = wa_message_ref(wa_unit_account(u), r->m.from_me, &r->m.chat,
                        r->m.id, ref);
    if (rc != WA_OK) {
        return rc;
    }

    data = json_pack("{s:s, s:o, s:o, s:n, s:s, s:s}",
                     "id", ref,
                     "message_id", wa_json_span(r->m.id),
                     "chat_jid", wa_json_jid(&r->m.chat),
                     "by_jid",
                     "for", "everyone",
                     "deleted_at", wa_iso_time(r->edit_ms, when));

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "message.deleted", data);
}


static void
recv_ack(wa_task_t *t, unsigned error)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    (void) wa_ack_stanza(u, t->stanza, NULL, error);
    rc = wa_unit_commit(u, NULL);

    wa_task_end(t, rc);
}


/* ---- counts and changes of channels ---- */

/*
 * <live_updates><message server_id id><views_count/><reactions/>: what is
 * seen and said of messages, without who did.
 */
void
wa_newsletter_notification(wa_task_t *t)
{
    json_t           *messages;
    wa_jid_t          jid;
    wa_err_t          rc;
    wa_unit_t        *u;
    wa_account_t     *a;
    const wa_node_t  *live, *list;

    a = t->account;
    u = wa_unit_new(a);
    rc = WA_OK;

    live = wa_node_child(t->stanza, "live_updates");
    list = wa_node_child(live, "messages");
    list = (list == NULL) ? live : list;

    if (u != NULL && wa_node_attr_jid(t->stanza, "from", &jid)
        && wa_jid_is_newsletter(&jid)
        && wa_node_child(list, "message") != NULL)
    {
        messages = wa_newsletter_messages(a, &jid, list, true);
        rc = (messages == NULL) ? WA_ERR_NOMEM
             : wa_unit_event(u, "chat.updated",
                             json_pack("{s:{s:o, s:s, s:b}, s:o}",
                                       "chat", "jid", wa_json_jid(&jid),
                                       "account_id", a->id,
                                       "is_group", 0,
                                       "messages", messages));
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


wa_err_t
wa_newsletter_told_join(wa_unit_t *u, const json_t *value)
{
    json_t        *channel, *chat;
    wa_account_t  *a;

    a = wa_unit_account(u);
    channel = wa_newsletter_channel(a, value);

    if (channel == NULL) {
        return WA_OK;
    }

    chat = json_pack("{s:O, s:s, s:O, s:b}",
                     "jid", json_object_get(channel, "jid"),
                     "account_id", a->id,
                     "name", json_object_get(channel, "name"),
                     "is_group", 0);
    json_decref(channel);

    return told_chat(u, chat);
}


wa_err_t
wa_newsletter_told_leave(wa_unit_t *u, const json_t *value)
{
    const json_t  *id;

    id = json_object_get(value, "id");

    return !json_is_string(id) ? WA_OK
           : wa_unit_event(u, "chat.deleted",
                           json_pack("{s:O}", "jid", id));
}


wa_err_t
wa_newsletter_told_mute(wa_unit_t *u, const json_t *value)
{
    const json_t  *id, *mute;

    id = json_object_get(value, "id");
    mute = json_object_get(value, "mute");

    if (!json_is_string(id) || !json_is_string(mute)) {
        return WA_OK;
    }

    return told_chat(u, json_pack("{s:O, s:s, s:b, s:b}", "jid", id,
                                  "account_id", wa_unit_account(u)->id,
                                  "is_group", 0, "is_muted",
                                  strcmp(json_string_value(mute), "ON")
                                  == 0));
}


/* Steals it.  NULL: out of memory. */
static wa_err_t
told_chat(wa_unit_t *u, json_t *chat)
{
    json_t  *data;

    data = json_pack("{s:o}", "chat", chat);

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "chat.updated", data);
}
