/*
 * Message -> content: media, places, people, polls, and what refers to other
 * messages.
 */
#include "wa_message_int.h"
#include "wa_pb.h"


static bool fill_video(const Wa__Message *m, wa_content_t *c);
static void fill_absent(wa_content_t *c);
static bool fill_sealed(const Wa__Message *m, wa_content_t *c);
static wa_sealed_e sealed_kind(int32_t type);
static void fill_payload(wa_content_t *c, wa_sealed_e what,
    const ProtobufCBinaryData *iv, const ProtobufCBinaryData *payload);


/* Members that all media have under the same name. */
#define MEDIA_COMMON(msg, k, name)                                            \
    c->kind = (k);                                                            \
    c->mimetype = (msg)->mimetype;                                            \
    c->file_len = (msg)->has_file_length && (msg)->file_length <= INT64_MAX   \
                      ? (msg)->file_length : 0;                               \
    c->medium.kind = (name);                                                  \
    c->medium.url = (msg)->url;                                               \
    c->medium.direct_path = (msg)->direct_path;                               \
    c->medium.key = wa_pb_span(&(msg)->media_key);                            \
    c->medium.sha256 = wa_pb_span(&(msg)->file_sha256);                       \
    c->medium.enc_sha256 = wa_pb_span(&(msg)->file_enc_sha256);               \
    c->medium.key_timestamp = (msg)->has_media_key_timestamp                  \
                                  ? (msg)->media_key_timestamp : 0;           \
    wa_message_context((msg)->context_info, c)

#define MEDIA_PICTURE(msg)                                                    \
    c->medium.width = (msg)->has_width ? (msg)->width : 0;                    \
    c->medium.height = (msg)->has_height ? (msg)->height : 0


bool
wa_message_fill_media(const Wa__Message *m, wa_content_t *c)
{
    if (m->image_message != NULL) {
        MEDIA_COMMON(m->image_message, WA_KIND_IMAGE, "image");
        MEDIA_PICTURE(m->image_message);
        c->text = m->image_message->caption;
        c->view_once |= (m->image_message->view_once != 0);
        c->medium.thumbnail = wa_pb_span(&m->image_message->jpeg_thumbnail);

    } else if (m->audio_message != NULL) {
        MEDIA_COMMON(m->audio_message, WA_KIND_AUDIO,
                     m->audio_message->ptt ? "ptt" : "audio");
        c->seconds = m->audio_message->has_seconds
                         ? m->audio_message->seconds : 0;
        c->view_once |= (m->audio_message->view_once != 0);
        c->medium.waveform = wa_pb_span(&m->audio_message->waveform);

    } else if (m->document_message != NULL) {
        MEDIA_COMMON(m->document_message, WA_KIND_DOCUMENT, "document");
        c->text = m->document_message->caption;
        c->filename = m->document_message->file_name != NULL
                          ? m->document_message->file_name
                          : m->document_message->title;
        c->medium.thumbnail =
                             wa_pb_span(&m->document_message->jpeg_thumbnail);

    } else if (m->sticker_message != NULL) {
        MEDIA_COMMON(m->sticker_message, WA_KIND_STICKER, "sticker");
        MEDIA_PICTURE(m->sticker_message);
        c->medium.thumbnail = wa_pb_span(&m->sticker_message->png_thumbnail);

    } else if (!fill_video(m, c)) {
        return false;
    }

    fill_absent(c);

    return true;
}


static bool
fill_video(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__VideoMessage  *video;

    video = m->video_message != NULL ? m->video_message : m->ptv_message;

    if (video == NULL) {
        return false;
    }

    MEDIA_COMMON(video, WA_KIND_VIDEO,
                 video == m->ptv_message ? "ptv"
                 : video->gif_playback ? "gif" : "video");
    MEDIA_PICTURE(video);
    c->text = video->caption;
    c->seconds = video->has_seconds ? video->seconds : 0;
    c->view_once |= (video->view_once != 0);
    c->medium.thumbnail = wa_pb_span(&video->jpeg_thumbnail);

    return true;
}


/* The server takes the medium out of a view-once message before companions
   get it. */
static void
fill_absent(wa_content_t *c)
{
    if (!c->view_once || c->medium.direct_path != NULL
        || c->medium.url != NULL)
    {
        return;
    }

    c->kind = WA_KIND_VIEW_ONCE;
    c->mimetype = NULL;
    c->file_len = 0;
    memset(&c->medium, 0, sizeof(c->medium));
}


bool
wa_message_fill_place(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__LocationMessage      *l;
    const Wa__Message__LiveLocationMessage  *live;

    l = m->location_message;
    live = m->live_location_message;

    if (l != NULL) {
        c->kind = WA_KIND_LOCATION;
        c->latitude = l->degrees_latitude;
        c->longitude = l->degrees_longitude;
        c->place_name = l->name;
        c->place_address = l->address;
        c->text = l->comment;
        wa_message_context(l->context_info, c);

    } else if (live != NULL) {
        c->kind = WA_KIND_LOCATION;
        c->latitude = live->degrees_latitude;
        c->longitude = live->degrees_longitude;
        c->text = live->caption;
        wa_message_context(live->context_info, c);

    } else if (m->contact_message != NULL) {
        c->kind = WA_KIND_CONTACT;
        c->text = m->contact_message->display_name;
        wa_message_context(m->contact_message->context_info, c);

    } else if (m->contacts_array_message != NULL) {
        c->kind = WA_KIND_CONTACT;
        c->text = m->contacts_array_message->display_name;
        wa_message_context(m->contacts_array_message->context_info, c);

    } else {
        return false;
    }

    c->raw = true;

    return true;
}


const Wa__Message__PollCreationMessage *
wa_message_poll(const Wa__Message *m)
{
    const Wa__Message__PollCreationMessage  *p;

    p = m->poll_creation_message;
    p = p != NULL ? p : m->poll_creation_message_v2;
    p = p != NULL ? p : m->poll_creation_message_v3;
    p = p != NULL ? p : m->poll_creation_message_v5;
    p = p != NULL ? p : m->poll_creation_message_v6;

    return p;
}


bool
wa_message_fill_poll(const Wa__Message *m, wa_arena_t *arena, wa_content_t *c)
{
    size_t                                  i;
    const Wa__Message__EventMessage        *e;
    const Wa__Message__PollCreationMessage *p;

    p = wa_message_poll(m);
    e = m->event_message;

    if (p != NULL) {
        c->kind = WA_KIND_POLL;
        c->raw = true;
        c->poll_name = p->name;
        c->text = p->name;
        wa_message_context(p->context_info, c);

        c->poll_options = wa_arena_calloc(arena, p->n_options,
                                          sizeof(char *));

        if (c->poll_options != NULL) {
            for (i = 0; i < p->n_options; i++) {
                c->poll_options[i] = p->options[i]->option_name;
            }

            c->n_poll_options = p->n_options;
        }

        return true;
    }

    if (e == NULL) {
        return false;
    }

    c->kind = WA_KIND_EVENT;
    c->raw = true;
    c->text = e->name;
    wa_message_context(e->context_info, c);

    if (e->location != NULL) {
        c->latitude = e->location->degrees_latitude;
        c->longitude = e->location->degrees_longitude;
        c->place_name = e->location->name;
        c->place_address = e->location->address;
    }

    return true;
}


/* What changes, or tells something about, an earlier message. */
bool
wa_message_fill_reference(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__CommentMessage     *comment;
    const Wa__Message__ProtocolMessage    *protocol;
    const Wa__Message__ReactionMessage    *reaction;

    protocol = m->protocol_message;
    reaction = m->reaction_message;
    comment = m->comment_message;

    if (protocol != NULL) {
        c->kind = WA_KIND_PROTOCOL;
        c->protocol = protocol;
        c->target = protocol->key;

        if (protocol->edited_message != NULL) {
            c->text = wa_message_text(protocol->edited_message);
        }

        return true;
    }

    if (reaction != NULL) {
        c->kind = WA_KIND_REACTION;
        c->target = reaction->key;
        c->emoji = reaction->text == NULL ? "" : reaction->text;
        c->sent_ms = reaction->has_sender_timestamp_ms
                         ? reaction->sender_timestamp_ms : 0;
        return true;
    }

    if (m->pin_in_chat_message != NULL) {
        c->kind = WA_KIND_PROTOCOL;
        c->target = m->pin_in_chat_message->key;
        return true;
    }

    if (m->keep_in_chat_message != NULL) {
        c->kind = WA_KIND_PROTOCOL;
        c->target = m->keep_in_chat_message->key;
        return true;
    }

    if (comment != NULL && comment->message != NULL) {
        c->kind = WA_KIND_TEXT;
        c->raw = true;
        c->target = comment->target_message_key;
        c->text = wa_message_text(comment->message);
        return true;
    }

    return fill_sealed(m, c);
}


static bool
fill_sealed(const Wa__Message *m, wa_content_t *c)
{
    const Wa__Message__PollUpdateMessage        *vote;
    const Wa__EncReactionMessage       *r;
    const Wa__SecretEncryptedMessage   *s;
    const Wa__EncEventResponseMessage  *e;

    vote = m->poll_update_message;
    e = m->enc_event_response_message;
    s = m->secret_encrypted_message;

    if (vote != NULL) {
        c->kind = WA_KIND_POLL_UPDATE;
        c->target = vote->poll_creation_message_key;
        c->sent_ms = vote->has_sender_timestamp_ms
                         ? vote->sender_timestamp_ms : 0;

        if (vote->vote != NULL) {
            fill_payload(c, WA_SEALED_POLL_VOTE, &vote->vote->enc_iv,
                         &vote->vote->enc_payload);
        }

        return true;
    }

    if (e != NULL) {
        c->kind = WA_KIND_POLL_UPDATE;
        c->target = e->event_creation_message_key;
        fill_payload(c, WA_SEALED_EVENT_RESPONSE, &e->enc_iv,
                     &e->enc_payload);
        return true;
    }

    if (s != NULL) {
        c->kind = WA_KIND_UNSUPPORTED;
        c->target = s->target_message_key;
        c->raw = true;
        fill_payload(c, sealed_kind(s->secret_enc_type), &s->enc_iv,
                     &s->enc_payload);
        return true;
    }

    r = m->enc_reaction_message != NULL ? m->enc_reaction_message
                                        : m->enc_comment_message;

    if (r != NULL) {
        c->kind = WA_KIND_UNSUPPORTED;
        c->target = r->target_message_key;
        c->raw = true;
        fill_payload(c, r == m->enc_reaction_message ? WA_SEALED_REACTION
                                                     : WA_SEALED_COMMENT,
                     &r->enc_iv, &r->enc_payload);
        return true;
    }

    return false;
}


/* SecretEncType of the wire. */
static wa_sealed_e
sealed_kind(int32_t type)
{
    switch (type) {

    case 1:
        return WA_SEALED_EVENT_EDIT;

    case 2:
        return WA_SEALED_MESSAGE_EDIT;

    case 4:
        return WA_SEALED_POLL_EDIT;

    case 5:
        return WA_SEALED_POLL_ADD_OPTION;

    default:
        return WA_SEALED_NONE;
    }
}


static void
fill_payload(wa_content_t *c, wa_sealed_e what, const ProtobufCBinaryData *iv,
    const ProtobufCBinaryData *payload)
{
    c->sealed = what;
    c->sealed_iv = wa_pb_span(iv);
    c->sealed_payload = wa_pb_span(payload);
}
