/*
 * Message plaintext <-> content model.
 *
 * A Message is a union of some hundred kinds, partly wrapped into each
 * other.  Decoding unwraps it and fills one flat struct with what an event
 * shows; kinds without a field there are still named.
 * Source: protocol notes on receiving (wrappers) and content recipes; field
 * numbers in proto/schema/message.proto.
 */
#ifndef WA_MESSAGE_H
#define WA_MESSAGE_H

#include "message.pb-c.h"

#include "wa_base.h"
#include "wa_jid.h"
#include "wa_mem.h"


#define WA_MESSAGE_SECRET_LEN  32

/* MessageAssociation.AssociationType MEDIA_ALBUM. */
#define WA_MESSAGE_ALBUM       1

/* Order of the names in the table of wa_kind_name(). */
typedef enum {
    WA_KIND_UNKNOWN = 0,
    WA_KIND_TEXT,
    WA_KIND_IMAGE,
    WA_KIND_VIDEO,
    WA_KIND_AUDIO,
    WA_KIND_DOCUMENT,
    WA_KIND_STICKER,
    WA_KIND_LOCATION,
    WA_KIND_CONTACT,
    WA_KIND_REACTION,
    WA_KIND_POLL,
    WA_KIND_POLL_UPDATE,          /* a vote, or an answer to an event      */
    WA_KIND_VIEW_ONCE,            /* its medium was not given to us        */
    WA_KIND_INTERACTIVE,
    WA_KIND_LIST,
    WA_KIND_BUTTONS,
    WA_KIND_PROTOCOL,
    WA_KIND_UNSUPPORTED,
    WA_KIND_TEMPLATE,
    WA_KIND_ORDER,
    WA_KIND_PRODUCT,
    WA_KIND_CALL,
    WA_KIND_EVENT,
    WA_KIND_MAX
} wa_kind_e;

/* What a payload sealed with the secret of an earlier message is for. */
typedef enum {
    WA_SEALED_NONE = 0,
    WA_SEALED_POLL_VOTE,
    WA_SEALED_EVENT_RESPONSE,
    WA_SEALED_REACTION,
    WA_SEALED_COMMENT,
    WA_SEALED_MESSAGE_EDIT,
    WA_SEALED_EVENT_EDIT,
    WA_SEALED_POLL_EDIT,
    WA_SEALED_POLL_ADD_OPTION,
    WA_SEALED_BOT                 /* what a bot answers                    */
} wa_sealed_e;

/* Where a medium is and how it is opened; p NULL, 0: not given. */
typedef struct {
    const char    *kind;          /* image video gif ptv audio ptt document
                                     sticker; NULL: no medium              */
    const char    *url;
    const char    *direct_path;
    wa_span_t      key;
    wa_span_t      sha256;        /* of the file                           */
    wa_span_t      enc_sha256;    /* of what is fetched                    */
    wa_span_t      thumbnail;     /* JPEG, of a sticker PNG                */
    wa_span_t      waveform;
    int64_t        key_timestamp; /* unix seconds                          */
    uint32_t       width;
    uint32_t       height;
} wa_medium_t;

/*
 * Strings are NUL-terminated, in the arena, not checked to be UTF-8; NULL:
 * absent.  A quoted message is reduced to its id, author and text.
 */
typedef struct {
    wa_kind_e      kind;
    bool           nothing;       /* no content at all (key distribution
                                     only): no event                       */
    const char    *text;          /* text or caption                       */
    const char    *mimetype;
    const char    *filename;
    uint64_t       file_len;      /* bytes; 0 unknown                      */
    uint32_t       seconds;
    wa_medium_t    medium;

    const char    *quoted_id;
    const char    *quoted_from;
    const char    *quoted_text;
    char         **mentions;
    size_t         n_mentions;
    bool           mentions_all;
    uint32_t       forward_score;
    bool           forwarded;
    bool           ephemeral;
    bool           view_once;
    uint32_t       expiration;    /* seconds                               */
    int64_t        expiration_set;  /* since when, unix s; 0 not told      */

    double         latitude;
    double         longitude;
    const char    *place_name;
    const char    *place_address;

    const char    *poll_name;
    const char   **poll_options;
    size_t         n_poll_options;

    const char    *emoji;         /* WA_KIND_REACTION; "" takes it back    */
    const Wa__MessageKey  *target;          /* of what refers to a message */
    const Wa__Message__ProtocolMessage  *protocol;  /* WA_KIND_PROTOCOL    */

    bool           edit;          /* WA_KIND_PROTOCOL: text is the new one
                                     of the target; was sealed             */
    wa_sealed_e    sealed;        /* the content is in here: wa_secret.h   */
    wa_span_t      sealed_iv;
    wa_span_t      sealed_payload;
    wa_span_t      sealed_id;     /* of WA_SEALED_BOT: under which it is
                                     sealed; with `edit`, that it changes  */
    int64_t        sent_ms;       /* a vote's or reaction's own time       */

    wa_span_t      secret;        /* 32 bytes for what will refer to this
                                     message; p NULL: none                 */
    bool           raw;           /* the fields above do not tell all      */
    const Wa__Message  *message;  /* unwrapped; for rarely read fields     */
    const Wa__MessageContextInfo  *info;    /* the outermost; NULL: none   */
    const Wa__MessageKey  *album;           /* it is one of its pictures   */

    bool           sent_copy;     /* was inside deviceSentMessage          */
    const char    *sent_to;       /* its destination                       */
} wa_content_t;


/*
 * Decodes an unpadded plaintext.  Everything in *out lives in the arena.
 * WA_ERR_SYNTAX, WA_ERR_LIMIT, WA_ERR_NOMEM: *out untouched.
 */
wa_err_t wa_message_decode(wa_span_t plain, wa_arena_t *arena,
    wa_content_t *out);

/* The same for a Message that is unpacked already. */
void wa_message_read(const Wa__Message *m, wa_arena_t *arena,
    wa_content_t *out);

/* Text or caption of a message, through its wrappers; NULL: none. */
const char *wa_message_text(const Wa__Message *m);

/* A push name that says something.  "-" stands for one that was never set
   (whatsmeow message.go, presence.go). */
bool wa_push_name_says(wa_span_t name);

/* Lower-case name of the HTTP contract ("text"); never NULL. */
const char *wa_kind_name(wa_kind_e kind);
/* The same in upper case. */
const char *wa_kind_name_upper(wa_kind_e kind);
/* One of those, in either case. */
bool wa_kind_is_name(wa_span_t word);


/*
 * Appends Message{deviceSentMessage{to, message}, messageContextInfo}: the
 * copy for our own other devices of a message to `to`.  `message` is the
 * recipient's Message bytes, `secret` (32 bytes, may be NULL) its own.
 */
wa_err_t wa_message_encode_copy(const wa_jid_t *to, wa_span_t message,
    const uint8_t *secret, wa_buf_t *out);

/* The message secret inside Message bytes; p NULL: none. */
wa_span_t wa_message_secret(wa_span_t message, wa_arena_t *arena);

#endif /* WA_MESSAGE_H */
