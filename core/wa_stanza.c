/*
 * Content -> what is seen outside, see wa_stanza.h.
 */
#include "wa_stanza.h"

#include "wa_pb.h"


/* Wrappers inside wrappers. */
#define STANZA_WRAP_MAX  8


static const Wa__Message *stanza_unwrap(const Wa__Message *m,
    bool *view_once);
static void stanza_media(const Wa__Message *m, wa_stanza_attrs_t *x);
static void stanza_rest(const Wa__Message *m, wa_stanza_attrs_t *x);
static void stanza_change(const Wa__Message *m, wa_stanza_attrs_t *x);
static void stanza_protocol(const Wa__Message__ProtocolMessage *p,
    wa_stanza_attrs_t *x);
static void stanza_is(wa_stanza_attrs_t *x, const char *type,
    const char *mediatype);


wa_err_t
wa_stanza_attrs(wa_span_t message, wa_arena_t *arena, wa_stanza_attrs_t *out)
{
    wa_err_t      rc;
    Wa__Message  *m;

    rc = WA_PB_UNPACK(wa__message__descriptor, message, arena, &m);

    if (rc == WA_OK) {
        wa_stanza_of(m, out);
        return WA_OK;
    }

    memset(out, 0, sizeof(wa_stanza_attrs_t));
    out->type = "text";

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


void
wa_stanza_of(const Wa__Message *message, wa_stanza_attrs_t *out)
{
    bool                view_once;
    const Wa__Message  *m;

    memset(out, 0, sizeof(wa_stanza_attrs_t));

    out->type = "text";
    view_once = false;
    m = stanza_unwrap(message, &view_once);

    stanza_media(m, out);
    stanza_rest(m, out);
    stanza_change(m, out);

    if (view_once && out->mediatype != NULL) {
        out->meta_name = "view_once";
        out->meta_value = "true";
    }
}


static const Wa__Message *
stanza_unwrap(const Wa__Message *m, bool *view_once)
{
    unsigned                                depth;
    const Wa__Message__FutureProofMessage  *f;

    for (depth = 0; depth < STANZA_WRAP_MAX; depth++) {

        if (m->view_once_message != NULL || m->view_once_message_v2 != NULL
            || m->view_once_message_v2_extension != NULL)
        {
            *view_once = true;
        }

        f = m->ephemeral_message;
        f = f != NULL ? f : m->view_once_message;
        f = f != NULL ? f : m->view_once_message_v2;
        f = f != NULL ? f : m->view_once_message_v2_extension;
        f = f != NULL ? f : m->document_with_caption_message;
        f = f != NULL ? f : m->edited_message;
        f = f != NULL ? f : m->lottie_sticker_message;
        f = f != NULL ? f : m->group_mentioned_message;
        f = f != NULL ? f : m->poll_creation_message_v4;

        if (f == NULL || f->message == NULL) {
            break;
        }

        m = f->message;
    }

    return m;
}


static void
stanza_is(wa_stanza_attrs_t *x, const char *type, const char *mediatype)
{
    x->type = type;
    x->mediatype = mediatype;
}


static void
stanza_media(const Wa__Message *m, wa_stanza_attrs_t *x)
{
    if (m->image_message != NULL) {
        stanza_is(x, "media", "image");

    } else if (m->video_message != NULL) {
        stanza_is(x, "media", m->video_message->gif_playback ? "gif"
                                                             : "video");

    } else if (m->ptv_message != NULL) {
        stanza_is(x, "media", "ptv");

    } else if (m->audio_message != NULL) {
        stanza_is(x, "media", m->audio_message->ptt ? "ptt" : "audio");

    } else if (m->document_message != NULL) {
        stanza_is(x, "media", "document");

    } else if (m->sticker_message != NULL) {
        stanza_is(x, "media", "sticker");

    } else if (m->location_message != NULL) {
        stanza_is(x, "media", "location");

    } else if (m->live_location_message != NULL) {
        stanza_is(x, "media", "livelocation");

    } else if (m->contact_message != NULL) {
        stanza_is(x, "media", "vcard");

    } else if (m->contacts_array_message != NULL) {
        stanza_is(x, "media", "contact_array");

    } else if (m->group_invite_message != NULL
               || (m->extended_text_message != NULL
                   && m->extended_text_message->matched_text != NULL))
    {
        stanza_is(x, "media", "url");
    }
}


static void
stanza_rest(const Wa__Message *m, wa_stanza_attrs_t *x)
{
    if (m->list_response_message != NULL) {
        stanza_is(x, "media", "list_response");

    } else if (m->buttons_response_message != NULL) {
        stanza_is(x, "media", "buttons_response");

    } else if (m->interactive_response_message != NULL) {
        stanza_is(x, "media", "native_flow_response");

    } else if (m->poll_creation_message != NULL
               || m->poll_creation_message_v2 != NULL
               || m->poll_creation_message_v3 != NULL
               || m->poll_creation_message_v5 != NULL
               || m->poll_creation_message_v6 != NULL)
    {
        stanza_is(x, "poll", NULL);
        x->meta_name = "polltype";
        x->meta_value = "creation";

    } else if (m->event_message != NULL) {
        stanza_is(x, "event", NULL);
        x->meta_name = "event_type";
        x->meta_value = "creation";

    } else if (m->poll_update_message != NULL) {
        stanza_is(x, "poll", NULL);
        x->meta_name = "polltype";
        x->meta_value = "vote";
        x->hide = true;
    }
}


/* What changes another message. */
static void
stanza_change(const Wa__Message *m, wa_stanza_attrs_t *x)
{
    if (m->reaction_message != NULL) {
        stanza_is(x, "reaction", NULL);
        x->hide = true;

        if (m->reaction_message->text == NULL
            || m->reaction_message->text[0] == '\0')
        {
            x->edit = "7";
        }

    } else if (m->enc_reaction_message != NULL) {
        stanza_is(x, "reaction", NULL);
        x->hide = true;

    } else if (m->pin_in_chat_message != NULL) {
        x->edit = "2";
        x->hide = true;

    } else if (m->keep_in_chat_message != NULL) {

        /* 2 is the end of keeping; one's own is taken back. */

        if (m->keep_in_chat_message->keep_type == 2
            && m->keep_in_chat_message->key != NULL
            && m->keep_in_chat_message->key->from_me)
        {
            x->edit = "7";
        }

        x->hide = true;

    } else if (m->protocol_message != NULL) {
        stanza_protocol(m->protocol_message, x);
    }
}


static void
stanza_protocol(const Wa__Message__ProtocolMessage *p, wa_stanza_attrs_t *x)
{
    if (p->has_type
        && p->type == WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT)
    {
        x->edit = "1";
        x->hide = true;

    } else if (p->type == WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__REVOKE
               && p->key != NULL)
    {
        x->edit = p->key->from_me ? "7" : "8";
        x->hide = true;
    }
}


void
wa_stanza_message(const wa_stanza_attrs_t *x, wa_arena_t *arena,
    wa_node_t *message)
{
    wa_node_set_str(arena, message, "type", x->type);

    if (x->edit != NULL) {
        wa_node_set_str(arena, message, "edit", x->edit);
    }
}


void
wa_stanza_enc(const wa_stanza_attrs_t *x, wa_arena_t *arena, wa_node_t *enc)
{
    if (x->mediatype != NULL) {
        wa_node_set_str(arena, enc, "mediatype", x->mediatype);
    }

    if (x->hide) {
        wa_node_set_str(arena, enc, "decrypt-fail", "hide");
    }
}


void
wa_stanza_meta(const wa_stanza_attrs_t *x, wa_arena_t *arena,
    wa_node_t *message)
{
    wa_node_t  *meta;

    if (x->meta_name != NULL) {
        meta = wa_node_add_new(arena, message, "meta");
        wa_node_set_str(arena, meta, x->meta_name, x->meta_value);
    }
}
