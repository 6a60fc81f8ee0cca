/*
 * Media: what an upload gave, as a message.
 */
#include "wa_compose_int.h"

#include "wa_crypto.h"
#include "wa_message.h"


/* Contract limits and ours, bytes. */
#define MEDIA_CAPTION_MAX   4096
#define MEDIA_NAME_MAX      255
#define MEDIA_MIME_MAX      255
#define MEDIA_PATH_MAX      2048
#define MEDIA_KEY_LEN       32
#define MEDIA_THUMB_MAX     131072
#define MEDIA_WAVE_MAX      1024

/* Of an album: fewer are no album, more are not shown as one. */
#define MEDIA_ALBUM_LEAST   2
#define MEDIA_ALBUM_MAX     100

#define MEDIA_FILE_MAX      (1LL << 40)
#define MEDIA_SIDE_MAX      100000
#define MEDIA_TIME_MAX      253402300799


/* Members that all media have. */
typedef struct {
    const json_t         *o;
    char                 *url;
    char                 *direct_path;
    char                 *mimetype;
    ProtobufCBinaryData   key;
    ProtobufCBinaryData   sha256;
    ProtobufCBinaryData   enc_sha256;
    ProtobufCBinaryData   thumbnail;
    bool                  has_key;
    bool                  has_sha256;
    bool                  has_enc_sha256;
    bool                  has_thumbnail;
    bool                  has_time;
    bool                  has_seconds;
    bool                  has_size;
    int64_t               length;
    int64_t               key_time;
    int64_t               seconds;
    int64_t               width;
    int64_t               height;
} medium_t;


static bool media_read(wa_draft_t *d, const json_t *args, medium_t *m);
static void media_album(wa_draft_t *d, const json_t *args);
static Wa__Message *media_message(wa_draft_t *d, const json_t *args,
    bool voice);
static Wa__Message *media_wrap(wa_draft_t *d,
    Wa__Message__FutureProofMessage **slot);


/* What the contract calls `media`, after the upload. */
static bool
media_read(wa_draft_t *d, const json_t *args, medium_t *m)
{
    memset(m, 0, sizeof(medium_t));

    m->o = json_object_get(args, "media");

    if (!json_is_object(m->o)) {
        wa_arg_refuse(d, "MISSING_CONTENT", "The medium is missing");
        return false;
    }

    m->mimetype = wa_arg_need(d, m->o, "mimetype", MEDIA_MIME_MAX);
    m->direct_path = wa_arg_need(d, m->o, "direct_path", MEDIA_PATH_MAX);
    m->url = wa_arg_text(d, m->o, "url", MEDIA_PATH_MAX);
    d->handle = wa_arg_text(d, m->o, "handle", MEDIA_PATH_MAX);

    m->has_sha256 = wa_arg_bytes(d, m->o, "file_sha256", WA_SHA256_LEN,
                                 WA_SHA256_LEN, &m->sha256);
    m->has_enc_sha256 = wa_arg_bytes(d, m->o, "file_enc_sha256",
                                     WA_SHA256_LEN, WA_SHA256_LEN,
                                     &m->enc_sha256);
    m->has_key = wa_arg_bytes(d, m->o, "media_key", MEDIA_KEY_LEN,
                              MEDIA_KEY_LEN, &m->key);
    m->has_thumbnail = wa_arg_bytes(d, m->o, "thumbnail", 1, MEDIA_THUMB_MAX,
                                    &m->thumbnail);

    m->has_time = wa_arg_int(d, m->o, "media_key_timestamp", 0,
                             MEDIA_TIME_MAX, &m->key_time);
    m->has_seconds = wa_arg_int(d, m->o, "seconds", 0, UINT32_MAX,
                                &m->seconds);
    m->has_size = wa_arg_int(d, m->o, "width", 1, MEDIA_SIDE_MAX, &m->width)
                  && wa_arg_int(d, m->o, "height", 1, MEDIA_SIDE_MAX,
                                &m->height);

    if (!m->has_sha256
        || !wa_arg_int(d, m->o, "file_length", 0, MEDIA_FILE_MAX,
                       &m->length))
    {
        wa_arg_bad(d, "media", "INVALID", "is not complete");
    }

    d->secret = true;

    return d->error.code == NULL;
}


/* A picture of an album of ours, the target, says so. */
static void
media_album(wa_draft_t *d, const json_t *args)
{
    Wa__MessageAssociation  *a;

    if (!wa_arg_ref(d, args, "target_id", &d->target)) {
        return;
    }

    a = wa_arg_new(d, sizeof(*a));

    if (a == NULL) {
        return;
    }

    wa__message_association__init(a);

    a->has_association_type = 1;
    a->association_type = WA_MESSAGE_ALBUM;
    a->parent_message_key = &d->key;
    d->own = WA_COMPOSE_OWN;
    d->about.message_association = a;
}


/* Where the content goes: to be seen once it is wrapped. */
static Wa__Message *
media_message(wa_draft_t *d, const json_t *args, bool voice)
{
    if (!wa_arg_bool(d, args, "view_once")) {
        return &d->message;
    }

    return media_wrap(d, voice ? &d->message.view_once_message_v2_extension
                               : &d->message.view_once_message_v2);
}


static Wa__Message *
media_wrap(wa_draft_t *d, Wa__Message__FutureProofMessage **slot)
{
    Wa__Message__FutureProofMessage  *f;

    f = wa_arg_new(d, sizeof(*f));

    if (f == NULL) {
        return &d->message;
    }

    wa__message__future_proof_message__init(f);

    f->message = &d->inner;
    *slot = f;

    return &d->inner;
}


/* Members of the same name in all kinds of media. */
#define MEDIA_COMMON(x, m)                                                   \
    (x)->url = (m)->url;                                                     \
    (x)->direct_path = (m)->direct_path;                                     \
    (x)->mimetype = (m)->mimetype;                                           \
    (x)->has_file_sha256 = 1;                                                \
    (x)->file_sha256 = (m)->sha256;                                          \
    (x)->has_file_enc_sha256 = (m)->has_enc_sha256;                          \
    (x)->file_enc_sha256 = (m)->enc_sha256;                                  \
    (x)->has_media_key = (m)->has_key;                                       \
    (x)->media_key = (m)->key;                                               \
    (x)->has_file_length = 1;                                                \
    (x)->file_length = (uint64_t) (m)->length;                               \
    (x)->has_media_key_timestamp = (m)->has_time;                            \
    (x)->media_key_timestamp = (m)->key_time

#define MEDIA_SIZE(x, m)                                                     \
    (x)->has_width = (m)->has_size;                                          \
    (x)->width = (uint32_t) (m)->width;                                      \
    (x)->has_height = (m)->has_size;                                         \
    (x)->height = (uint32_t) (m)->height

#define MEDIA_THUMBNAIL(x, m)                                                \
    (x)->has_jpeg_thumbnail = (m)->has_thumbnail;                            \
    (x)->jpeg_thumbnail = (m)->thumbnail

#define MEDIA_SECONDS(x, m)                                                  \
    (x)->has_seconds = (m)->has_seconds;                                     \
    (x)->seconds = (uint32_t) (m)->seconds


void
wa_compose_image(wa_draft_t *d, const json_t *args)
{
    medium_t                    m;
    Wa__Message                *at;
    Wa__Message__ImageMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL || !media_read(d, args, &m)) {
        return;
    }

    wa__message__image_message__init(x);
    MEDIA_COMMON(x, &m);
    MEDIA_SIZE(x, &m);
    MEDIA_THUMBNAIL(x, &m);

    x->caption = wa_arg_text(d, args, "caption", MEDIA_CAPTION_MAX);
    at = media_message(d, args, false);
    x->has_view_once = x->view_once = (at == &d->inner);
    at->image_message = x;
    media_album(d, args);
    d->slot = &x->context_info;
}


/* `gif`: plays without sound, over and over; `note`: round. */
void
wa_compose_video(wa_draft_t *d, const json_t *args)
{
    medium_t                    m;
    Wa__Message                *at;
    Wa__Message__VideoMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL || !media_read(d, args, &m)) {
        return;
    }

    wa__message__video_message__init(x);
    MEDIA_COMMON(x, &m);
    MEDIA_SIZE(x, &m);
    MEDIA_THUMBNAIL(x, &m);
    MEDIA_SECONDS(x, &m);

    x->has_gif_playback = x->gif_playback = wa_arg_bool(d, args, "gif");
    at = media_message(d, args, false);
    media_album(d, args);
    x->has_view_once = x->view_once = (at == &d->inner);
    d->slot = &x->context_info;

    if (wa_arg_bool(d, args, "note")) {
        at->ptv_message = x;

    } else {
        x->caption = wa_arg_text(d, args, "caption", MEDIA_CAPTION_MAX);
        at->video_message = x;
    }
}


void
wa_compose_audio(wa_draft_t *d, const json_t *args)
{
    int64_t                     colour;
    medium_t                    m;
    Wa__Message                *at;
    Wa__Message__AudioMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL || !media_read(d, args, &m)) {
        return;
    }

    (void) wa_arg_int(d, args, "duration", 0, UINT32_MAX, &m.seconds);
    m.has_seconds |= (m.seconds != 0);

    wa__message__audio_message__init(x);
    MEDIA_COMMON(x, &m);
    MEDIA_SECONDS(x, &m);

    x->has_ptt = x->ptt = wa_arg_bool(d, args, "ptt");
    x->has_waveform = wa_arg_bytes(d, m.o, "waveform", 1, MEDIA_WAVE_MAX,
                                   &x->waveform);

    if (wa_arg_int(d, args, "background_argb", 0, UINT32_MAX, &colour)) {
        x->has_background_argb = 1;
        x->background_argb = (uint32_t) colour;
    }

    at = media_message(d, args, true);
    x->has_view_once = x->view_once = (at == &d->inner);
    at->audio_message = x;
    d->slot = &x->context_info;
}


void
wa_compose_document(wa_draft_t *d, const json_t *args)
{
    medium_t                       m;
    Wa__Message                   *at;
    Wa__Message__DocumentMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL || !media_read(d, args, &m)) {
        return;
    }

    wa__message__document_message__init(x);
    MEDIA_COMMON(x, &m);
    MEDIA_THUMBNAIL(x, &m);

    x->file_name = wa_arg_text(d, args, "filename", MEDIA_NAME_MAX);

    if (x->file_name == NULL) {
        x->file_name = wa_arg_need(d, m.o, "filename", MEDIA_NAME_MAX);
    }

    x->title = x->file_name;
    x->caption = wa_arg_text(d, args, "caption", MEDIA_CAPTION_MAX);
    d->slot = &x->context_info;

    at = x->caption == NULL
         ? &d->message
         : media_wrap(d, &d->message.document_with_caption_message);

    at->document_message = x;
}


void
wa_compose_sticker(wa_draft_t *d, const json_t *args)
{
    medium_t                      m;
    Wa__Message__StickerMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL || !media_read(d, args, &m)) {
        return;
    }

    wa__message__sticker_message__init(x);
    MEDIA_COMMON(x, &m);
    MEDIA_SIZE(x, &m);

    x->has_is_animated = 1;
    x->is_animated = wa_arg_bool(d, m.o, "animated");
    x->has_png_thumbnail = m.has_thumbnail;
    x->png_thumbnail = m.thumbnail;
    x->has_sticker_sent_ts = 1;
    d->stamp = &x->sticker_sent_ts;
    d->message.sticker_message = x;
    d->slot = &x->context_info;
}


/* Announces the images and videos that follow, each with the album's id. */
void
wa_compose_album(wa_draft_t *d, const json_t *args)
{
    int64_t                     images, videos;
    Wa__Message__AlbumMessage  *x;

    x = wa_arg_new(d, sizeof(*x));

    if (x == NULL) {
        return;
    }

    images = 0;
    videos = 0;

    (void) wa_arg_int(d, args, "images", 0, MEDIA_ALBUM_MAX, &images);
    (void) wa_arg_int(d, args, "videos", 0, MEDIA_ALBUM_MAX, &videos);

    if (images + videos < MEDIA_ALBUM_LEAST
        || images + videos > MEDIA_ALBUM_MAX)
    {
        wa_arg_bad(d, "images", "OUT_OF_RANGE",
                   "and videos must be 2 to 100 together");
    }

    wa__message__album_message__init(x);

    x->has_expected_image_count = 1;
    x->expected_image_count = (uint32_t) images;
    x->has_expected_video_count = 1;
    x->expected_video_count = (uint32_t) videos;
    d->message.album_message = x;
    d->slot = &x->context_info;
    d->secret = true;
}
