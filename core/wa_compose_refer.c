/*
 * Messages that change another one: reactions, edits, deletions, pins.
 */
#include "wa_compose_int.h"


/* Contract limits, bytes. */
#define REFER_EMOJI_MAX    32

/* Receivers ignore an edit that comes later (s). */
#define REFER_EDIT_WINDOW  (20 * 60)

/* How long something stays pinned: a week, unless told otherwise (s). */
#define REFER_PIN_DEFAULT  604800


static bool refer_target(wa_draft_t *d, const json_t *args);
static bool refer_value(wa_draft_t *d, const json_t *args);
static wa_err_t refer_refuse(wa_draft_t *d, const char *code,
    const char *message);


/* The contract's `target_id`; whose message it is may come along. */
static bool
refer_target(wa_draft_t *d, const json_t *args)
{
    if (!wa_arg_ref(d, args, "target_id", &d->target)) {
        wa_arg_bad(d, "target_id", "REQUIRED", "is required");
        return false;
    }

    return d->error.code == NULL;
}


/* Absent: true. */
static bool
refer_value(wa_draft_t *d, const json_t *args)
{
    return json_object_get(args, "value") == NULL
           || wa_arg_bool(d, args, "value");
}


void
wa_compose_reaction(wa_draft_t *d, const json_t *args)
{
    char                          *emoji;
    Wa__Message__ReactionMessage  *r;

    static char  nothing[] = "";

    r = wa_arg_new(d, sizeof(*r));

    if (r == NULL || !refer_target(d, args)) {
        return;
    }

    emoji = wa_arg_text(d, args, "emoji", REFER_EMOJI_MAX);

    if (!json_is_string(json_object_get(args, "emoji"))) {
        wa_arg_bad(d, "emoji", "REQUIRED", "is required");
    }

    wa__message__reaction_message__init(r);

    r->key = &d->key;
    r->text = emoji == NULL ? nothing : emoji;
    r->has_sender_timestamp_ms = 1;
    d->stamp = &r->sender_timestamp_ms;
    d->message.reaction_message = r;
}


void
wa_compose_edit(wa_draft_t *d, const json_t *args)
{
    char                              *text;
    Wa__Message__ProtocolMessage      *p;
    Wa__Message__ExtendedTextMessage  *ext;

    p = wa_arg_new(d, sizeof(*p));
    ext = wa_arg_new(d, sizeof(*ext));

    if (p == NULL || ext == NULL || !refer_target(d, args)) {
        return;
    }

    text = wa_arg_text(d, args, "text", WA_COMPOSE_TEXT_MAX);

    if (text == NULL) {
        wa_arg_refuse(d, "MISSING_CONTENT", "The text is missing");
        return;
    }

    wa__message__protocol_message__init(p);
    wa__message__extended_text_message__init(ext);

    ext->text = text;
    d->inner.extended_text_message = ext;

    p->key = &d->key;
    p->has_type = 1;
    p->type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT;
    p->edited_message = &d->inner;
    p->has_timestamp_ms = 1;
    d->stamp = &p->timestamp_ms;
    d->slot = &ext->context_info;
    d->window = REFER_EDIT_WINDOW;
    d->own = WA_COMPOSE_OWN;
    d->message.protocol_message = p;
}


void
wa_compose_delete(wa_draft_t *d, const json_t *args)
{
    const char                    *who;
    Wa__Message__ProtocolMessage  *p;

    p = wa_arg_new(d, sizeof(*p));

    if (p == NULL || !refer_target(d, args)) {
        return;
    }

    who = wa_arg_text(d, args, "for", REFER_EMOJI_MAX);

    if (who != NULL && strcmp(who, "everyone") != 0) {

        if (strcmp(who, "me") == 0) {
            wa_arg_refuse(d, "PROVIDER_UNSUPPORTED",
                          "Deleting for this account only is not available");

        } else {
            wa_arg_bad(d, "for", "INVALID", "must be everyone or me");
        }
    }

    wa__message__protocol_message__init(p);

    p->key = &d->key;
    p->has_type = 1;
    p->type = WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__REVOKE;
    d->own = WA_COMPOSE_OWN_OR_ADMIN;
    d->message.protocol_message = p;
}


void
wa_compose_pin(wa_draft_t *d, const json_t *args)
{
    int64_t                         seconds;
    Wa__Message__PinInChatMessage  *p;

    p = wa_arg_new(d, sizeof(*p));

    if (p == NULL || !refer_target(d, args)) {
        return;
    }

    wa__message__pin_in_chat_message__init(p);

    p->key = &d->key;
    p->has_type = 1;
    p->type = WA__MESSAGE__PIN_IN_CHAT_MESSAGE__TYPE__UNPIN_FOR_ALL;
    p->has_sender_timestamp_ms = 1;
    d->stamp = &p->sender_timestamp_ms;
    seconds = REFER_PIN_DEFAULT;

    if (wa_arg_int(d, args, "duration", 1, 366 * 86400, &seconds)
        && seconds != 86400 && seconds != 604800 && seconds != 2592000)
    {
        wa_arg_bad(d, "duration", "OUT_OF_RANGE",
                   "must be 86400, 604800 or 2592000");
    }

    if (refer_value(d, args)) {
        p->type = WA__MESSAGE__PIN_IN_CHAT_MESSAGE__TYPE__PIN_FOR_ALL;
        d->about.has_message_add_on_duration_in_secs = 1;
        d->about.message_add_on_duration_in_secs = (uint32_t) seconds;
        d->message.message_context_info = &d->about;
    }

    d->message.pin_in_chat_message = p;
}


/* In a disappearing chat: stays after all. */
void
wa_compose_keep(wa_draft_t *d, const json_t *args)
{
    Wa__Message__KeepInChatMessage  *k;

    k = wa_arg_new(d, sizeof(*k));

    if (k == NULL || !refer_target(d, args)) {
        return;
    }

    wa__message__keep_in_chat_message__init(k);

    k->key = &d->key;
    k->has_keep_type = 1;
    k->keep_type = refer_value(d, args) ? 1 : 2;
    k->has_timestamp_ms = 1;
    d->stamp = &k->timestamp_ms;
    d->message.keep_in_chat_message = k;
}


/* ---- when its turn comes ---- */

static wa_err_t
refer_refuse(wa_draft_t *d, const char *code, const char *message)
{
    wa_arg_refuse(d, code, message);

    return WA_ERR_ARG;
}


wa_err_t
wa_compose_key(wa_draft_t *d, const wa_compose_t *c)
{
    bool               group;
    Wa__MessageKey    *key;
    wa_compose_ref_t  *t;

    t = &d->target;
    key = &d->key;
    group = wa_jid_is_group(c->chat);

    if (d->own != WA_COMPOSE_ANYBODY && !t->from_me) {

        if (!t->known) {
            return refer_refuse(d, "MESSAGE_NOT_FOUND",
                                "The message is not one of this account's");
        }

        if (d->own == WA_COMPOSE_OWN || !group) {
            return refer_refuse(d, "INVALID_STATE",
                                "It is not this account's message");
        }
    }

    if (d->window != 0 && t->timestamp > 0
        && c->now_ms / 1000 - t->timestamp > d->window)
    {
        return refer_refuse(d, "INVALID_STATE",
                            "The message is too old to be edited");
    }

    key->remote_jid = wa_compose_jid(d, c->chat);
    key->has_from_me = 1;
    key->from_me = t->from_me;
    key->id = wa_arena_strdup(&d->arena, t->id);

    if (group && !t->from_me) {

        if (t->sender.server == WA_SERVER_NONE) {
            return refer_refuse(d, "MESSAGE_NOT_FOUND",
                                "The message's author is not known");
        }

        key->participant = wa_compose_jid(d, &t->sender);

        if (key->participant == NULL) {
            return WA_ERR_NOMEM;
        }
    }

    return key->remote_jid == NULL || key->id == NULL ? WA_ERR_NOMEM : WA_OK;
}


/* A caption is edited together with its medium, as far as that is known. */
wa_err_t
wa_compose_caption(wa_draft_t *d)
{
    char                         *text;
    wa_err_t                      rc;
    Wa__Message                  *m;
    Wa__Message__ImageMessage    *image;
    Wa__Message__VideoMessage    *video;
    Wa__Message__DocumentMessage *document;

    if (d->inner.extended_text_message == NULL
        || d->target.message.p == NULL)
    {
        return WA_OK;
    }

    rc = wa_compose_open(d, d->target.message, &m);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    text = d->inner.extended_text_message->text;
    image = m->image_message;
    video = m->video_message;
    document = m->document_message;

    if (image != NULL) {
        image->caption = text;
        d->slot = &image->context_info;

    } else if (video != NULL) {
        video->caption = text;
        d->slot = &video->context_info;

    } else if (document != NULL) {
        document->caption = text;
        d->slot = &document->context_info;

    } else {
        return WA_OK;
    }

    d->inner.extended_text_message = NULL;
    d->inner.image_message = image;
    d->inner.video_message = image == NULL ? video : NULL;
    d->inner.document_message = image == NULL && video == NULL ? document
                                                               : NULL;
    *d->slot = NULL;

    return WA_OK;
}
