/*
 * Message plaintext <-> content model, see wa_message.h.
 */
#include "wa_message.h"

#include "wa_limits.h"
#include "wa_pb.h"
#include "wa_wr.h"


/* Wrappers inside wrappers: real messages have at most three (an edited,
   view-once image in a disappearing chat). */
#define MESSAGE_WRAP_MAX   8

/* Names a group of 1024 could be mentioned by. */
#define MESSAGE_MENTIONS_MAX  1024

/* Tags of hand-written fields: number << 3 | 2 (length-delimited). */
#define TAG_DEVICE_SENT    ((31u << 3) | 2u)
#define TAG_CONTEXT_INFO   ((35u << 3) | 2u)
#define TAG_DESTINATION    ((1u << 3) | 2u)
#define TAG_MESSAGE        ((2u << 3) | 2u)
#define TAG_SECRET         ((3u << 3) | 2u)


typedef enum {
    WRAP_PLAIN = 0,
    WRAP_EPHEMERAL,
    WRAP_VIEW_ONCE
} wrap_e;

typedef struct {
    size_t  offset;         /* of a FutureProofMessage * in Wa__Message */
    wrap_e  what;
} wrap_t;

typedef struct {
    const char  *lower;
    const char  *upper;
} kind_name_t;


static const Wa__Message *message_unwrap(const Wa__Message *m,
    wa_content_t *c);
static void message_fill(const Wa__Message *m, wa_arena_t *arena,
    wa_content_t *c);
static bool message_fill_media(const Wa__Message *m, wa_content_t *c);
static bool message_fill_place(const Wa__Message *m, wa_content_t *c);
static bool message_fill_answer(const Wa__Message *m, wa_content_t *c);
static bool message_fill_poll(const Wa__Message *m, wa_arena_t *arena,
    wa_content_t *c);
static bool message_fill_rest(const Wa__Message *m, wa_content_t *c);
static void message_context(const Wa__ContextInfo *ci, wa_content_t *c);
static const char *message_text(const Wa__Message *m);
static void wr_varint(wa_wr_t *w, uint64_t v);
static size_t varint_size(uint64_t v);


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
    WRAP(spoiler_message, WRAP_PLAIN)
};

/* By wa_kind_e. */
static const kind_name_t  kind_names[WA_KIND_MAX] = {
    { "unknown", "UNKNOWN" },
    { "text", "TEXT" },
    { "image", "IMAGE" },
    { "video", "VIDEO" },
    { "audio", "AUDIO" },
    { "document", "DOCUMENT" },
    { "sticker", "STICKER" },
    { "location", "LOCATION" },
    { "contact", "CONTACT" },
    { "reaction", "REACTION" },
    { "poll", "POLL" },
    { "poll_update", "POLL_UPDATE" },
    { "view_once", "VIEW_ONCE" },
    { "interactive", "INTERACTIVE" },
    { "list", "LIST" },
    { "buttons", "BUTTONS" },
    { "protocol", "PROTOCOL" },
    { "unsupported", "UNSUPPORTED" }
};


wa_err_t
wa_message_decode(wa_span_t plain, wa_arena_t *arena, wa_content_t *out)
{
    wa_err_t            rc;
    Wa__Message        *top;
    wa_content_t        c;
    const Wa__Message  *m;

    rc = WA_PB_UNPACK(wa__message__descriptor, plain, arena, &top);
    if (rc != WA_OK) {
        return rc;
    }

    memset(&c, 0, sizeof(c));
    m = top;

    if (m->device_sent_message != NULL
        && m->device_sent_message->message != NULL)
    {
        c.sent_copy = true;
        c.sent_to = m->device_sent_message->destination_jid;
        m = m->device_sent_message->message;
    }

    m = message_unwrap(m, &c);

    message_fill(m, arena, &c);

    *out = c;
    return WA_OK;
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


static void
message_fill(const Wa__Message *m, wa_arena_t *arena, wa_content_t *c)
{
    if (m->conversation != NULL) {
        c->kind = WA_KIND_TEXT;
        c->text = m->conversation;
        return;
    }

    if (m->extended_text_message != NULL) {
        c->kind = WA_KIND_TEXT;
        c->text = m->extended_text_message->text;
        message_context(m->extended_text_message->context_info, c);
        return;
    }

    if (m->protocol_message != NULL) {
        c->kind = WA_KIND_PROTOCOL;
        c->protocol = m->protocol_message;
        c->target = m->protocol_message->key;

        if (m->protocol_message->edited_message != NULL) {
            c->text = message_text(m->protocol_message->edited_message);
        }

        return;
    }

    if (m->reaction_message != NULL) {
        c->kind = WA_KIND_REACTION;
        c->target = m->reaction_message->key;
        c->emoji = m->reaction_message->text == NULL
                       ? "" : m->reaction_message->text;
        return;
    }

    if (message_fill_media(m, c) || message_fill_place(m, c)
        || message_fill_poll(m, arena, c) || message_fill_answer(m, c)
        || message_fill_rest(m, c))
    {
        return;
    }

    /* Nothing known.  With nothing unknown either, it was sent only for the
       keys it carries. */

    c->kind = WA_KIND_UNKNOWN;
    c->nothing = (m->base.n_unknown_fields == 0);
}


#define MEDIA_COMMON(msg, k)                                                  \
    c->kind = (k);                                                            \
    c->mimetype = (msg)->mimetype;                                            \
    c->file_len = (msg)->has_file_length ? (msg)->file_length : 0;            \
    message_context((msg)->context_info, c)


static bool
message_fill_media(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__VideoMessage  *video;

    if (m->image_message != NULL) {
        MEDIA_COMMON(m->image_message, WA_KIND_IMAGE);
        c->text = m->image_message->caption;
        c->view_once |= (m->image_message->view_once != 0);
        return true;
    }

    video = m->video_message != NULL ? m->video_message : m->ptv_message;

    if (video != NULL) {
        MEDIA_COMMON(video, WA_KIND_VIDEO);
        c->text = video->caption;
        c->seconds = video->has_seconds ? video->seconds : 0;
        c->view_once |= (video->view_once != 0);
        return true;
    }

    if (m->audio_message != NULL) {
        MEDIA_COMMON(m->audio_message, WA_KIND_AUDIO);
        c->seconds = m->audio_message->has_seconds
                         ? m->audio_message->seconds : 0;
        c->view_once |= (m->audio_message->view_once != 0);
        return true;
    }

    if (m->document_message != NULL) {
        MEDIA_COMMON(m->document_message, WA_KIND_DOCUMENT);
        c->text = m->document_message->caption;
        c->filename = m->document_message->file_name;
        return true;
    }

    if (m->sticker_message != NULL) {
        MEDIA_COMMON(m->sticker_message, WA_KIND_STICKER);
        return true;
    }

    return false;
}


static bool
message_fill_place(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__LocationMessage      *l;
    const Wa__Message__LiveLocationMessage  *live;

    l = m->location_message;

    if (l != NULL) {
        c->kind = WA_KIND_LOCATION;
        c->latitude = l->degrees_latitude;
        c->longitude = l->degrees_longitude;
        c->place_name = l->name;
        c->place_address = l->address;
        c->text = l->comment;
        message_context(l->context_info, c);
        return true;
    }

    live = m->live_location_message;

    if (live != NULL) {
        c->kind = WA_KIND_LOCATION;
        c->latitude = live->degrees_latitude;
        c->longitude = live->degrees_longitude;
        c->text = live->caption;
        message_context(live->context_info, c);
        return true;
    }

    if (m->contact_message != NULL) {
        c->kind = WA_KIND_CONTACT;
        c->text = m->contact_message->display_name;
        message_context(m->contact_message->context_info, c);
        return true;
    }

    if (m->contacts_array_message != NULL) {
        c->kind = WA_KIND_CONTACT;
        c->text = m->contacts_array_message->display_name;
        message_context(m->contacts_array_message->context_info, c);
        return true;
    }

    return false;
}


static bool
message_fill_poll(const Wa__Message *m, wa_arena_t *arena, wa_content_t *c)
{
    size_t                                  i;
    const Wa__Message__PollCreationMessage  *p;

    p = m->poll_creation_message;
    p = p != NULL ? p : m->poll_creation_message_v2;
    p = p != NULL ? p : m->poll_creation_message_v3;
    p = p != NULL ? p : m->poll_creation_message_v5;
    p = p != NULL ? p : m->poll_creation_message_v6;

    if (p == NULL) {

        if (m->poll_update_message == NULL) {
            return false;
        }

        c->kind = WA_KIND_POLL_UPDATE;
        return true;
    }

    c->kind = WA_KIND_POLL;
    c->poll_name = p->name;
    c->text = p->name;
    message_context(p->context_info, c);

    c->poll_options = wa_arena_calloc(arena, p->n_options, sizeof(char *));

    if (c->poll_options != NULL) {
        for (i = 0; i < p->n_options; i++) {
            c->poll_options[i] = p->options[i]->option_name;
        }

        c->n_poll_options = p->n_options;
    }

    return true;
}


/* Answers to buttons, lists and forms: the text a person would read. */
static bool
message_fill_answer(const Wa__Message *m, wa_content_t *c)
{
    if (m->buttons_response_message != NULL) {
        c->kind = WA_KIND_BUTTONS;
        c->text = m->buttons_response_message->selected_display_text;
        message_context(m->buttons_response_message->context_info, c);
        return true;
    }

    if (m->template_button_reply_message != NULL) {
        c->kind = WA_KIND_BUTTONS;
        c->text = m->template_button_reply_message->selected_display_text;
        message_context(m->template_button_reply_message->context_info, c);
        return true;
    }

    if (m->list_response_message != NULL) {
        c->kind = WA_KIND_LIST;
        c->text = m->list_response_message->title;
        message_context(m->list_response_message->context_info, c);
        return true;
    }

    if (m->interactive_response_message != NULL) {
        c->kind = WA_KIND_INTERACTIVE;
        message_context(m->interactive_response_message->context_info, c);
        return true;
    }

    return false;
}


/* Kinds that are known by name only. */
static bool
message_fill_rest(const Wa__Message *m, wa_content_t *c)
{
    if (m->group_invite_message != NULL) {
        c->text = m->group_invite_message->caption;
        c->kind = WA_KIND_UNSUPPORTED;
        return true;
    }

    if (m->comment_message != NULL && m->comment_message->message != NULL) {
        c->text = message_text(m->comment_message->message);
        c->kind = WA_KIND_UNSUPPORTED;
        return true;
    }

    if (m->keep_in_chat_message != NULL || m->pin_in_chat_message != NULL
        || m->enc_reaction_message != NULL
        || m->secret_encrypted_message != NULL
        || m->placeholder_message != NULL || m->album_message != NULL)
    {
        c->kind = WA_KIND_UNSUPPORTED;
        return true;
    }

    return false;
}


static void
message_context(const Wa__ContextInfo *ci, wa_content_t *c)
{
    if (ci == NULL) {
        return;
    }

    if (ci->stanza_id != NULL) {
        c->quoted_id = ci->stanza_id;
        c->quoted_from = ci->participant;

        if (ci->quoted_message != NULL) {
            c->quoted_text = message_text(ci->quoted_message);
        }
    }

    c->mentions = ci->mentioned_jid;
    c->n_mentions = ci->n_mentioned_jid < MESSAGE_MENTIONS_MAX
                        ? ci->n_mentioned_jid : MESSAGE_MENTIONS_MAX;
    c->forwarded |= (ci->has_is_forwarded && ci->is_forwarded);
    c->forward_score = ci->has_forwarding_score ? ci->forwarding_score : 0;

    if (ci->has_expiration && ci->expiration != 0) {
        c->expiration = ci->expiration;
        c->ephemeral = true;
    }
}


/* Text or caption of a message, through its wrappers; NULL: none. */
static const char *
message_text(const Wa__Message *m)
{
    wa_content_t  c;

    memset(&c, 0, sizeof(c));
    m = message_unwrap(m, &c);

    if (m->conversation != NULL) {
        return m->conversation;
    }

    if (m->extended_text_message != NULL) {
        return m->extended_text_message->text;
    }

    if (m->image_message != NULL) {
        return m->image_message->caption;
    }

    if (m->video_message != NULL) {
        return m->video_message->caption;
    }

    if (m->document_message != NULL) {
        return m->document_message->caption;
    }

    return NULL;
}


const char *
wa_kind_name(wa_kind_e kind)
{
    return kind_names[(unsigned) kind < WA_KIND_MAX ? kind : 0].lower;
}


const char *
wa_kind_name_upper(wa_kind_e kind)
{
    return kind_names[(unsigned) kind < WA_KIND_MAX ? kind : 0].upper;
}


wa_err_t
wa_message_encode_copy(const wa_jid_t *to, wa_span_t message,
    const uint8_t *secret, wa_buf_t *out)
{
    char     dest[WA_JID_TEXT_MAX];
    size_t   dest_len, inner;
    wa_wr_t  w;

    dest_len = wa_jid_format(to, dest, sizeof(dest));
    if (dest_len == 0) {
        return WA_ERR_ARG;
    }

    if (message.n > WA_PB_BYTES_MAX) {
        return WA_ERR_LIMIT;
    }

    inner = 1 + varint_size(dest_len) + dest_len
            + 1 + varint_size(message.n) + message.n;

    wa_wr_init(&w, out, WA_PB_BYTES_MAX);

    wr_varint(&w, TAG_DEVICE_SENT);
    wr_varint(&w, inner);
    wr_varint(&w, TAG_DESTINATION);
    wr_varint(&w, dest_len);
    wa_wr_bytes(&w, dest, dest_len);
    wr_varint(&w, TAG_MESSAGE);
    wr_varint(&w, message.n);
    wa_wr_span(&w, message);

    if (secret != NULL) {
        wr_varint(&w, TAG_CONTEXT_INFO);
        wr_varint(&w, 2 + 32);
        wr_varint(&w, TAG_SECRET);
        wr_varint(&w, 32);
        wa_wr_bytes(&w, secret, 32);
    }

    if (w.err != WA_OK) {
        wa_wr_undo(&w);
    }

    return w.err;
}


wa_span_t
wa_message_secret(wa_span_t message, wa_arena_t *arena)
{
    Wa__Message  *m;

    if (WA_PB_UNPACK(wa__message__descriptor, message, arena, &m) != WA_OK
        || m->message_context_info == NULL
        || !m->message_context_info->has_message_secret
        || m->message_context_info->message_secret.len != 32)
    {
        return wa_span_none();
    }

    return wa_pb_span(&m->message_context_info->message_secret);
}


static void
wr_varint(wa_wr_t *w, uint64_t v)
{
    while (v >= 0x80) {
        wa_wr_u8(w, (uint8_t) (v | 0x80));
        v >>= 7;
    }

    wa_wr_u8(w, (uint8_t) v);
}


static size_t
varint_size(uint64_t v)
{
    size_t  n;

    for (n = 1; v >= 0x80; n++) {
        v >>= 7;
    }

    return n;
}
