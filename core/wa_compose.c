/*
 * Arguments -> Message bytes, see wa_compose.h.
 */
#include "wa_compose.h"

#include "wa_compose_int.h"
#include "wa_message.h"
#include "wa_pb.h"


/* Of a draft: the text, a quote of the same size, names. */
#define COMPOSE_ARENA_MAX  (8 * 1024 * 1024)

typedef struct {
    const char  *name;
    void       (*build)(wa_draft_t *d, const json_t *args);
} kind_t;


static void compose_unsupported(wa_draft_t *d, const json_t *args);
static void compose_options(wa_draft_t *d, const json_t *args);
static wa_err_t compose_context(wa_draft_t *d, const wa_compose_t *c);
static wa_err_t compose_quote(wa_draft_t *d, const wa_compose_t *c);
static wa_err_t compose_quoted(wa_draft_t *d, Wa__Message **out);
static void compose_strip(Wa__Message *m);
static bool compose_has_context(const wa_draft_t *d, const wa_compose_t *c);


static const kind_t  compose_kinds[] = {
    { "text", wa_compose_text },
    { "image", wa_compose_image },
    { "video", wa_compose_video },
    { "audio", wa_compose_audio },
    { "document", wa_compose_document },
    { "sticker", wa_compose_sticker },
    { "album", wa_compose_album },
    { "location", wa_compose_location },
    { "contact", wa_compose_contact },
    { "reaction", wa_compose_reaction },
    { "poll", wa_compose_poll },
    { "event", wa_compose_event },
    { "group_invite", wa_compose_invite },
    { "edit", wa_compose_edit },
    { "delete", wa_compose_delete },
    { "pin", wa_compose_pin },
    { "keep", wa_compose_keep },
    { NULL, compose_unsupported }
};


wa_draft_t *
wa_compose_parse(const json_t *args)
{
    const char    *type;
    wa_draft_t    *d;
    const kind_t  *k;

    d = wa_calloc(1, sizeof(wa_draft_t));

    if (d == NULL) {
        return NULL;
    }

    wa_arena_init(&d->arena, 0);
    wa_arena_set_limit(&d->arena, COMPOSE_ARENA_MAX);

    wa__message__init(&d->message);
    wa__message__init(&d->inner);
    wa__message_context_info__init(&d->about);
    wa__context_info__init(&d->context);
    wa__message_key__init(&d->key);

    type = json_string_value(json_object_get(args, "type"));

    for (k = compose_kinds; k->name != NULL; k++) {

        if (strcasecmp(type == NULL ? "text" : type, k->name) == 0) {
            break;
        }
    }

    d->type = k->name;
    k->build(d, args);
    compose_options(d, args);

    return d;
}


void
wa_draft_free(wa_draft_t *d)
{
    if (d != NULL) {
        wa_arena_free(&d->arena);
        wa_free(d);
    }
}


static void
compose_unsupported(wa_draft_t *d, const json_t *args)
{
    (void) args;

    wa_arg_refuse(d, "PROVIDER_UNSUPPORTED",
                  "This kind of message cannot be sent");
}


void
wa_compose_unknown(wa_draft_t *d)
{
    wa_arg_refuse(d, "MESSAGE_NOT_FOUND",
                  "The message that is referred to is not known");
}


/* ---- what all kinds have ---- */

static void
compose_options(wa_draft_t *d, const json_t *args)
{
    int64_t  n;

    d->quote_optional = wa_arg_bool(d, args, "quoted_optional");

    if (d->error.code == NULL
        && !wa_arg_ref(d, args, "quoted_id", &d->quoted)
        && d->quote_optional && d->error.code != NULL
        && strcmp(d->error.code, "MESSAGE_NOT_FOUND") == 0)
    {
        memset(&d->error, 0, sizeof(d->error));
    }

    wa_compose_mentions(d, args);

    /* Who asks for it must not find that it can be seen for ever. */

    if (wa_arg_bool(d, args, "view_once")
        && d->message.view_once_message_v2 == NULL
        && d->message.view_once_message_v2_extension == NULL)
    {
        wa_arg_bad(d, "view_once", "INVALID",
                   "only images, videos and audio can be seen once");
    }

    if (wa_arg_bool(d, args, "forwarded")) {
        d->forward_score = 1;

        if (wa_arg_int(d, args, "forward_score", 1, 1000, &n)) {
            d->forward_score = (uint32_t) n;
        }
    }

    if (wa_arg_int(d, args, "expiration", 0, 366 * 86400, &n)) {
        d->expiration = (uint32_t) n;
        d->has_expiration = true;
    }

    if (wa_arg_int(d, args, "typing_ms", 0, WA_COMPOSE_TYPING_MAX, &n)) {
        d->typing_ms = (uint32_t) n;
    }
}


/* ---- when its turn comes ---- */

wa_err_t
wa_compose_message(wa_draft_t *d, const wa_compose_t *c, wa_buf_t *out)
{
    wa_err_t                           rc;
    Wa__Message__ExtendedTextMessage  *ext;

    rc = WA_OK;

    if (d->target.id.p != NULL) {
        rc = wa_compose_key(d, c);
    }

    if (rc == WA_OK) {
        rc = wa_compose_caption(d);
    }

    if (rc != WA_OK) {
        return rc;
    }

    if (d->slot != NULL && compose_has_context(d, c)) {
        rc = compose_context(d, c);

        if (rc != WA_OK) {
            return rc;
        }

        *d->slot = &d->context;
    }

    ext = d->message.extended_text_message;

    if (ext != NULL && ext->context_info == NULL
        && ext->matched_text == NULL && !ext->has_background_argb
        && !ext->has_text_argb && !ext->has_font)
    {
        d->message.conversation = ext->text;
        d->message.extended_text_message = NULL;
    }

    if (d->stamp != NULL) {
        *d->stamp = c->now_ms;
    }

    if (d->secret) {
        d->about.has_message_secret = 1;
        d->about.message_secret = wa_pb_bytes(
                                  wa_span(c->secret, WA_COMPOSE_SECRET_LEN));
        d->message.message_context_info = &d->about;
    }

    return WA_PB_PACK(&d->message, out);
}


static bool
compose_has_context(const wa_draft_t *d, const wa_compose_t *c)
{
    return d->quoted.id.p != NULL || d->n_mentions != 0 || d->mention_all
           || d->forward_score != 0
           || (d->has_expiration ? d->expiration : c->expiration) != 0;
}


static wa_err_t
compose_context(wa_draft_t *d, const wa_compose_t *c)
{
    size_t            i;
    wa_err_t          rc;
    Wa__ContextInfo  *ci;

    ci = &d->context;

    if (d->quoted.id.p != NULL) {
        rc = compose_quote(d, c);

        if (rc != WA_OK) {
            return rc;
        }
    }

    if (d->n_mentions != 0) {
        ci->mentioned_jid = wa_arena_calloc(&d->arena, d->n_mentions,
                                            sizeof(char *));
        if (ci->mentioned_jid == NULL) {
            return WA_ERR_NOMEM;
        }

        for (i = 0; i < d->n_mentions; i++) {
            ci->mentioned_jid[i] = wa_compose_jid(d, &d->mentions[i]);

            if (ci->mentioned_jid[i] == NULL) {
                return WA_ERR_NOMEM;
            }
        }

        ci->n_mentioned_jid = d->n_mentions;
    }

    if (d->mention_all) {
        ci->has_non_jid_mentions = 1;
        ci->non_jid_mentions = 1;
    }

    if (d->forward_score != 0) {
        ci->has_is_forwarded = 1;
        ci->is_forwarded = 1;
        ci->has_forwarding_score = 1;
        ci->forwarding_score = d->forward_score;
    }

    ci->expiration = d->has_expiration ? d->expiration : c->expiration;
    ci->has_expiration = (ci->expiration != 0);

    if (!d->has_expiration && ci->has_expiration && c->expiration_set != 0) {
        ci->has_ephemeral_setting_timestamp = 1;
        ci->ephemeral_setting_timestamp = c->expiration_set;
    }

    return WA_OK;
}


static wa_err_t
compose_quote(wa_draft_t *d, const wa_compose_t *c)
{
    Wa__ContextInfo  *ci;

    ci = &d->context;

    ci->stanza_id = wa_arena_strdup(&d->arena, d->quoted.id);
    ci->participant = wa_compose_jid(d, d->quoted.sender.server
                                     == WA_SERVER_NONE ? c->chat
                                                       : &d->quoted.sender);

    if (ci->stanza_id == NULL || ci->participant == NULL) {
        return WA_ERR_NOMEM;
    }

    /* What is answered elsewhere: a group's message, or a status, to its
       author.  A person has two addresses, so chats are not compared. */

    if (d->quoted.chat.server != WA_SERVER_NONE
        && !wa_jid_eq_bare(&d->quoted.chat, c->chat)
        && (!wa_jid_is_user(&d->quoted.chat) || wa_jid_is_group(c->chat)))
    {
        ci->remote_jid = wa_compose_jid(d, &d->quoted.chat);

        if (ci->remote_jid == NULL) {
            return WA_ERR_NOMEM;
        }
    }

    return compose_quoted(d, &ci->quoted_message);
}


/* Without its bytes a quote shows a text or nothing, but leads to the
   message. */
static wa_err_t
compose_quoted(wa_draft_t *d, Wa__Message **out)
{
    wa_err_t      rc;
    Wa__Message  *m;

    static char  nothing[] = "";

    if (d->quoted.message.p != NULL) {
        rc = wa_compose_open(d, d->quoted.message, &m);

        if (rc == WA_OK) {
            compose_strip(m);
            *out = m;
            return WA_OK;
        }

        if (rc == WA_ERR_NOMEM) {
            return rc;
        }
    }

    m = wa_arena_alloc(&d->arena, sizeof(Wa__Message));
    if (m == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__message__init(m);

    m->conversation = nothing;

    if (d->quoted.text != NULL) {
        m->conversation = wa_arena_strdup(&d->arena,
                                          wa_span_str(d->quoted.text));
    }

    *out = m;

    return m->conversation == NULL ? WA_ERR_NOMEM : WA_OK;
}


wa_err_t
wa_compose_open(wa_draft_t *d, wa_span_t message, Wa__Message **out)
{
    wa_err_t      rc;
    wa_content_t  content;

    rc = wa_message_decode(message, &d->arena, &content);

    /* It lies in the draft's arena, so it may be written to. */

    if (rc == WA_OK) {
        *out = (Wa__Message *) (uintptr_t) content.message;
    }

    return rc;
}


#define STRIP(field)                                                         \
    if (m->field != NULL) {                                                  \
        m->field->context_info = NULL;                                       \
    }


/* A quote carries neither the secret nor the quotes of the quoted. */
static void
compose_strip(Wa__Message *m)
{
    m->message_context_info = NULL;
    m->sender_key_distribution_message = NULL;

    STRIP(extended_text_message)
    STRIP(image_message)
    STRIP(video_message)
    STRIP(ptv_message)
    STRIP(audio_message)
    STRIP(document_message)
    STRIP(sticker_message)
    STRIP(location_message)
    STRIP(live_location_message)
    STRIP(contact_message)
    STRIP(contacts_array_message)
    STRIP(poll_creation_message)
    STRIP(poll_creation_message_v3)
    STRIP(event_message)
}


char *
wa_compose_jid(wa_draft_t *d, const wa_jid_t *jid)
{
    char    buf[WA_JID_TEXT_MAX];
    size_t  n;

    n = wa_jid_format(jid, buf, sizeof(buf));

    return n == 0 ? NULL : wa_arena_strdup(&d->arena, wa_span(buf, n));
}
