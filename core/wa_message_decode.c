/*
 * Message plaintext -> content: wrappers, and what all kinds have in common;
 * see wa_message.h.
 */
#include "wa_limits.h"
#include "wa_message_int.h"
#include "wa_pb.h"


/* Wrappers inside wrappers: real messages have at most three (an edited,
   view-once image in a disappearing chat). */
#define MESSAGE_WRAP_MAX      8

/* Names a group of 1024 could be mentioned by. */
#define MESSAGE_MENTIONS_MAX  1024


typedef enum {
    WRAP_PLAIN = 0,
    WRAP_EPHEMERAL,
    WRAP_VIEW_ONCE
} wrap_e;

typedef struct {
    size_t  offset;         /* of a FutureProofMessage * in Wa__Message */
    wrap_e  what;
} wrap_t;


static const Wa__Message *message_unwrap(const Wa__Message *m,
    wa_content_t *c);
static void message_info(const Wa__MessageContextInfo *info,
    wa_content_t *c);
static void message_fill(const Wa__Message *m, wa_arena_t *arena,
    wa_content_t *c);
static bool message_fill_text(const Wa__Message *m, wa_content_t *c);


#define WRAP(field, what)  { offsetof(Wa__Message, field), what }

static const wrap_t  message_wraps[] = {
    WRAP(ephemeral_message, WRAP_EPHEMERAL),
    WRAP(view_once_message, WRAP_VIEW_ONCE),
    WRAP(view_once_message_v2, WRAP_VIEW_ONCE),
    WRAP(view_once_message_v2_extension, WRAP_VIEW_ONCE),
    WRAP(document_with_caption_message, WRAP_PLAIN),
    WRAP(edited_message, WRAP_PLAIN),
    WRAP(group_mentioned_message, WRAP_PLAIN),
    WRAP(bot_invoke_message, WRAP_PLAIN),
    WRAP(lottie_sticker_message, WRAP_PLAIN),
    WRAP(event_cover_image, WRAP_PLAIN),
    WRAP(status_mention_message, WRAP_PLAIN),
    WRAP(poll_creation_option_image_message, WRAP_PLAIN),
    WRAP(associated_child_message, WRAP_PLAIN),
    WRAP(group_status_mention_message, WRAP_PLAIN),
    WRAP(poll_creation_message_v4, WRAP_PLAIN),
    WRAP(status_add_yours, WRAP_PLAIN),
    WRAP(group_status_message, WRAP_PLAIN),
    WRAP(limit_sharing_message, WRAP_PLAIN),
    WRAP(bot_task_message, WRAP_PLAIN),
    WRAP(question_message, WRAP_PLAIN),
    WRAP(group_status_message_v2, WRAP_PLAIN),
    WRAP(bot_forwarded_message, WRAP_PLAIN),
    WRAP(question_reply_message, WRAP_PLAIN),
    WRAP(newsletter_admin_profile_message, WRAP_PLAIN),
    WRAP(newsletter_admin_profile_message_v2, WRAP_PLAIN),
    WRAP(spoiler_message, WRAP_PLAIN),
    WRAP(newsletter_admin_profile_status_message, WRAP_PLAIN),
    WRAP(bot_platform_registration_success_message, WRAP_PLAIN)
};


wa_err_t
wa_message_decode(wa_span_t plain, wa_arena_t *arena, wa_content_t *out)
{
    wa_err_t      rc;
    Wa__Message  *m;

    rc = WA_PB_UNPACK(wa__message__descriptor, plain, arena, &m);

    if (rc == WA_OK) {
        wa_message_read(m, arena, out);
    }

    return rc;
}


void
wa_message_read(const Wa__Message *m, wa_arena_t *arena, wa_content_t *out)
{
    wa_content_t  c;

    memset(&c, 0, sizeof(c));
    message_info(m->message_context_info, &c);

    if (m->device_sent_message != NULL
        && m->device_sent_message->message != NULL)
    {
        c.sent_copy = true;
        c.sent_to = m->device_sent_message->destination_jid;
        m = m->device_sent_message->message;
        message_info(m->message_context_info, &c);
    }

    m = message_unwrap(m, &c);
    message_info(m->message_context_info, &c);

    c.message = m;
    message_fill(m, arena, &c);

    if (c.target == NULL) {
        c.target = c.album;
    }

    *out = c;
}


static const Wa__Message *
message_unwrap(const Wa__Message *m, wa_content_t *c)
{
    size_t                                    i, depth;
    const Wa__Message__FutureProofMessage    *f;

    for (depth = 0; depth < MESSAGE_WRAP_MAX; depth++) {

        f = NULL;

        for (i = 0; i < sizeof(message_wraps) / sizeof(message_wraps[0]); i++)
        {
            memcpy(&f, (const uint8_t *) m + message_wraps[i].offset,
                   sizeof(f));

            if (f != NULL && f->message != NULL) {
                break;
            }

            f = NULL;
        }

        if (f == NULL) {
            break;
        }

        c->ephemeral |= (message_wraps[i].what == WRAP_EPHEMERAL);
        c->view_once |= (message_wraps[i].what == WRAP_VIEW_ONCE);
        m = f->message;
    }

    return m;
}


/* The outermost one counts; of those with a secret also the outermost. */
static void
message_info(const Wa__MessageContextInfo *info, wa_content_t *c)
{
    if (c->info == NULL) {
        c->info = info;
    }

    if (info != NULL && c->album == NULL && info->message_association != NULL
        && info->message_association->association_type == WA_MESSAGE_ALBUM)
    {
        c->album = info->message_association->parent_message_key;
    }

    if (info == NULL || c->secret.p != NULL || !info->has_message_secret
        || info->message_secret.len != WA_MESSAGE_SECRET_LEN)
    {
        return;
    }

    c->secret = wa_pb_span(&info->message_secret);
}


static void
message_fill(const Wa__Message *m, wa_arena_t *arena, wa_content_t *c)
{
    if (message_fill_text(m, c)
        || wa_message_fill_reference(m, c)
        || wa_message_fill_media(m, c)
        || wa_message_fill_place(m, c)
        || wa_message_fill_poll(m, arena, c)
        || wa_message_fill_answer(m, c)
        || wa_message_fill_business(m, c)
        || wa_message_fill_rest(m, c))
    {
        return;
    }

    /* Nothing known.  With nothing unknown either, it was sent only for the
       keys it carries. */

    c->kind = WA_KIND_UNKNOWN;
    c->nothing = (m->base.n_unknown_fields == 0);
    c->raw = true;
}


static bool
message_fill_text(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__ExtendedTextMessage  *x;

    if (m->conversation != NULL) {
        c->kind = WA_KIND_TEXT;
        c->text = m->conversation;
        return true;
    }

    x = m->extended_text_message;

    if (x == NULL) {
        return false;
    }

    c->kind = WA_KIND_TEXT;
    c->text = x->text;
    c->view_once |= (x->view_once != 0);
    c->raw = (x->matched_text != NULL || x->has_background_argb);
    wa_message_context(x->context_info, c);

    return true;
}


void
wa_message_context(const Wa__ContextInfo *ci, wa_content_t *c)
{
    if (ci == NULL) {
        return;
    }

    if (ci->stanza_id != NULL) {
        c->quoted_id = ci->stanza_id;
        c->quoted_from = ci->participant;

        if (ci->quoted_message != NULL) {
            c->quoted_text = wa_message_text(ci->quoted_message);
        }
    }

    c->mentions = ci->mentioned_jid;
    c->n_mentions = ci->n_mentioned_jid < MESSAGE_MENTIONS_MAX
                        ? ci->n_mentioned_jid : MESSAGE_MENTIONS_MAX;
    c->mentions_all = (ci->has_non_jid_mentions
                       && ci->non_jid_mentions != 0);
    c->forwarded |= (ci->has_is_forwarded && ci->is_forwarded);
    c->forward_score = ci->has_forwarding_score ? ci->forwarding_score : 0;

    if (ci->has_expiration && ci->expiration != 0) {
        c->expiration = ci->expiration;
        c->expiration_set = ci->has_ephemeral_setting_timestamp
                                ? ci->ephemeral_setting_timestamp : 0;
        c->ephemeral = true;
    }
}


const char *
wa_message_text(const Wa__Message *m)
{
    wa_content_t                             c;
    const Wa__Message__PollCreationMessage  *poll;

    memset(&c, 0, sizeof(c));
    m = message_unwrap(m, &c);

    if (m->conversation != NULL) {
        return m->conversation;
    }

    if (m->extended_text_message != NULL) {
        return m->extended_text_message->text;
    }

    if (wa_message_fill_media(m, &c) || wa_message_fill_place(m, &c)
        || wa_message_fill_answer(m, &c) || wa_message_fill_business(m, &c))
    {
        return c.text;
    }

    poll = wa_message_poll(m);

    if (poll != NULL) {
        return poll->name;
    }

    return m->event_message == NULL ? NULL : m->event_message->name;
}
