/*
 * Posts, edits, deletions and reactions of channels, see wa_newsletter.h.
 *
 *     <message id to type [media_id]><plaintext [mediatype]>Message bytes
 *     <message id=<the post's> edit=3><plaintext>new content
 *     <message id=<the post's> edit=8><plaintext/>
 *     <message id server_id type=reaction [edit=7]><reaction [code]/>
 *
 * Nothing is padded or encrypted.  The server repeats nothing and counts no
 * deliveries: its ack, which tells the number, is all there is.
 */
#include "wa_newsletter.h"

#include "wa_compose_int.h"
#include "wa_newsletter_send.h"
#include "wa_pb.h"


/* A number of the server's has at most ten digits. */
#define SERVER_ID_DIGITS  10

/* The last of the media among the kinds of wa_newsletter_check(). */
#define CHECK_MEDIA  5


static bool send_is_edit(const wa_draft_t *d);
static bool send_is_delete(const wa_draft_t *d);
static void send_known(wa_task_t *t, wa_err_t rc);
static wa_err_t send_target(wa_account_t *a, wa_prepare_t *p);
static wa_err_t send_refuse(wa_draft_t *d, const char *code,
    const char *message);
static wa_err_t send_plaintext(wa_task_t *t, wa_prepare_t *p,
    wa_node_t *stanza);
static wa_err_t send_edited(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza);
static void send_reaction(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza);


const char *
wa_newsletter_check(wa_draft_t *d, const char **message)
{
    size_t  i;

    static const char *const  kinds[] = {
        "text", "image", "video", "audio", "document", "sticker", "poll",
        "reaction", "edit", "delete"
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(d->type, kinds[i]) == 0) {
            break;
        }
    }

    if (i == sizeof(kinds) / sizeof(kinds[0])) {
        *message = "Channels do not have this kind of message";
        return "PROVIDER_UNSUPPORTED";
    }

    if (i > 0 && i <= CHECK_MEDIA && d->handle == NULL) {
        *message = "The medium was not uploaded for a channel";
        return "INVALID_MEDIA";
    }

    if (d->quoted.id.p != NULL) {
        *message = "Channels have no answers";
        return "PROVIDER_UNSUPPORTED";
    }

    if (d->message.view_once_message_v2 != NULL
        || d->message.view_once_message_v2_extension != NULL)
    {
        *message = "Channels have no messages to be seen once";
        return "PROVIDER_UNSUPPORTED";
    }

    /* Nothing expires there, and how late an edit may be the server knows. */

    d->has_expiration = true;
    d->expiration = 0;
    d->window = 0;

    return NULL;
}


void
wa_newsletter_prepare(wa_task_t *t, wa_prepare_t *p, wa_task_pt ready)
{
    size_t            n;
    wa_err_t          rc;
    wa_key_t         *keys;
    wa_send_t        *s;
    wa_stanza_key_t   key;

    s = p->send;
    s->wait_device = false;
    p->ready = ready;

    /* Only a reaction must know more than the message's id. */

    if (s->draft->message.reaction_message == NULL
        || wa_newsletter_key(t->account, &p->chat, s->draft->target.id, "", 0,
                             &key) != WA_OK)
    {
        send_known(t, WA_OK);
        return;
    }

    keys = wa_arena_calloc(&t->arena, WA_BUCKET_DAYS, sizeof(wa_key_t));
    if (keys == NULL) {
        ready(t, WA_ERR_NOMEM);
        return;
    }

    n = wa_newsletter_need(t->account, &key, keys);
    t->resume = send_known;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        send_known(t, rc);
    }
}


static void
send_known(wa_task_t *t, wa_err_t rc)
{
    wa_prepare_t  *p;

    p = t->data;

    if (rc == WA_OK) {
        rc = send_target(t->account, p);
    }

    p->ready(t, rc);
}


/* The message that is changed: its id becomes ours, or its number. */
static wa_err_t
send_target(wa_account_t *a, wa_prepare_t *p)
{
    wa_send_t              *s;
    wa_draft_t             *d;
    wa_stanza_key_t         key;
    wa_newsletter_known_t   known;

    s = p->send;
    d = s->draft;

    if (send_is_edit(d) || send_is_delete(d)) {

        if (wa_send_find(a, d->target.id) != NULL) {
            return send_refuse(d, "INVALID_STATE",
                               "The message is still on its way");
        }

        memcpy(s->id, d->target.id.p, d->target.id.n);
        s->id[d->target.id.n] = '\0';
        p->same_id = true;

        return WA_OK;
    }

    if (d->message.reaction_message == NULL) {
        return WA_OK;
    }

    if (d->target.id.n <= SERVER_ID_DIGITS
        && wa_span_u64(d->target.id, &p->server_id))
    {
        return WA_OK;
    }

    if (wa_newsletter_key(a, &p->chat, d->target.id, "", 0, &key) != WA_OK
        || !wa_newsletter_known(a, &key, &known) || known.server_id == 0)
    {
        return send_refuse(d, "MESSAGE_NOT_FOUND",
                           "The channel's message is not known");
    }

    p->server_id = known.server_id;

    return WA_OK;
}


static bool
send_is_edit(const wa_draft_t *d)
{
    return d->message.protocol_message != NULL
           && d->message.protocol_message->edited_message != NULL;
}


static bool
send_is_delete(const wa_draft_t *d)
{
    return d->message.protocol_message != NULL
           && d->message.protocol_message->edited_message == NULL;
}


static wa_err_t
send_refuse(wa_draft_t *d, const char *code, const char *message)
{
    wa_arg_refuse(d, code, message);

    return WA_ERR_ARG;
}


wa_err_t
wa_newsletter_unit(wa_unit_t *u, wa_task_t *t, wa_prepare_t *p)
{
    wa_err_t      rc;
    wa_node_t    *stanza;
    wa_send_t    *s;
    wa_arena_t   *arena;

    s = p->send;
    arena = &t->arena;
    rc = WA_OK;

    stanza = wa_node_new(arena, "message");
    wa_node_set(arena, stanza, "id", wa_span_str(s->id));
    wa_node_set_jid(arena, stanza, "to", &p->chat);

    if (s->draft->message.reaction_message != NULL) {
        send_reaction(t, p, stanza);

    } else if (send_is_edit(s->draft) || send_is_delete(s->draft)) {
        rc = send_edited(t, p, stanza);

    } else {
        rc = send_plaintext(t, p, stanza);
    }

    return rc != WA_OK ? rc : wa_prepare_records(u, p, stanza);
}


static wa_err_t
send_plaintext(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza)
{
    wa_node_t   *plain;
    wa_send_t   *s;
    wa_arena_t  *arena;

    s = p->send;
    arena = &t->arena;

    wa_node_set_str(arena, stanza, "type", p->attrs.type);

    if (s->draft->handle != NULL) {
        wa_node_set_str(arena, stanza, "media_id", s->draft->handle);
    }

    plain = wa_node_add_new(arena, stanza, "plaintext");
    wa_stanza_enc(&p->attrs, arena, plain);
    wa_node_bytes(plain, wa_span_buf(&s->message));
    wa_stanza_meta(&p->attrs, arena, stanza);

    return WA_OK;
}


static wa_err_t
send_edited(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza)
{
    wa_err_t            rc;
    wa_buf_t            bytes = WA_BUF_EMPTY;
    wa_span_t           copy;
    wa_node_t          *plain;
    wa_arena_t         *arena;
    wa_stanza_attrs_t   attrs;

    arena = &t->arena;

    if (send_is_delete(p->send->draft)) {
        wa_node_set_str(arena, stanza, "type", "text");
        wa_node_set_str(arena, stanza, "edit", "8");
        plain = wa_node_add_new(arena, stanza, "plaintext");
        wa_node_bytes(plain, wa_span("", 0));
        return WA_OK;
    }

    wa_stanza_of(&p->send->draft->inner, &attrs);
    rc = WA_PB_PACK(&p->send->draft->inner, &bytes);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span_buf(&bytes), &copy);
    }

    wa_buf_wipe(&bytes);

    if (rc == WA_OK) {
        wa_node_set_str(arena, stanza, "type", attrs.type);
        wa_node_set_str(arena, stanza, "edit", "3");
        plain = wa_node_add_new(arena, stanza, "plaintext");
        wa_stanza_enc(&attrs, arena, plain);
        wa_node_bytes(plain, copy);
    }

    return rc;
}


static void
send_reaction(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza)
{
    wa_node_t   *reaction;
    wa_arena_t  *arena;
    const char  *code;

    arena = &t->arena;
    code = p->send->draft->message.reaction_message->text;

    wa_node_set_str(arena, stanza, "type", "reaction");
    wa_node_set_u64(arena, stanza, "server_id", p->server_id);
    reaction = wa_node_add_new(arena, stanza, "reaction");

    if (code[0] == '\0') {
        wa_node_set_str(arena, stanza, "edit", "7");

    } else {
        wa_node_set_str(arena, reaction, "code", code);
    }
}


/* An edit has the id of its message: told as sent, it would be a second
   message of that id. */
wa_err_t
wa_newsletter_changed(wa_unit_t *u, const wa_send_t *s,
    const wa_content_t *c)
{
    bool           edit, ours;
    char           ref[WA_MESSAGE_REF_LEN], when[32];
    json_t        *data;
    wa_jid_t       self;
    wa_err_t       rc;
    wa_account_t  *a;

    if (!wa_jid_is_newsletter(&s->to) || c->target == NULL
        || c->target->id == NULL
        || (c->kind != WA_KIND_PROTOCOL && c->kind != WA_KIND_REACTION))
    {
        return WA_ERR_STATE;
    }

    a = wa_unit_account(u);
    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    ours = c->kind == WA_KIND_PROTOCOL || c->target->from_me;
    edit = c->kind == WA_KIND_PROTOCOL && c->protocol->edited_message != NULL;

    rc = wa_message_ref(a, ours, &s->to, wa_span_str(c->target->id), ref);
    if (rc != WA_OK) {
        return rc;
    }

    (void) wa_iso_time(wa_unix_ms(a), when);

    if (c->kind == WA_KIND_REACTION) {
        data = json_pack("{s:s, s:o, s:o, s:o, s:b, s:o}",
                         "target_id", ref,
                         "target_message_id", wa_json_text(c->target->id),
                         "chat_jid", wa_json_jid(&s->to),
                         "from_jid", wa_json_jid(&self),
                         "from_me", 1,
                         "emoji", wa_json_text(c->emoji));

    } else if (edit) {
        data = json_pack("{s:s, s:s, s:o, s:o, s:s}",
                         "id", ref, "message_id", s->id,
                         "chat_jid", wa_json_jid(&s->to),
                         "body", wa_json_text(c->text),
                         "edited_at", when);

    } else {
        data = json_pack("{s:s, s:s, s:o, s:n, s:s, s:s}",
                         "id", ref, "message_id", s->id,
                         "chat_jid", wa_json_jid(&s->to), "by_jid",
                         "for", "everyone", "deleted_at", when);
    }

    return data == NULL ? WA_ERR_NOMEM
           : wa_unit_event(u, c->kind == WA_KIND_REACTION ? "message.reaction"
                              : edit ? "message.edited" : "message.deleted",
                           data);
}


void
wa_newsletter_acked(wa_unit_t *u, const wa_send_t *s, const wa_node_t *ack)
{
    wa_stanza_key_t         key;
    wa_newsletter_known_t   known;

    known.from_me = true;

    if (!wa_jid_is_newsletter(&s->to)
        || wa_node_attr(ack, "error").p != NULL
        || !wa_node_attr_u64(ack, "server_id", &known.server_id)
        || known.server_id > INT64_MAX
        || wa_newsletter_key(wa_unit_account(u), &s->to, wa_span_str(s->id),
                             "", s->ts, &key) != WA_OK)
    {
        return;
    }

    (void) wa_newsletter_put(u, &key, &known);
}
