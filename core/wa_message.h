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
    WA_KIND_POLL_UPDATE,
    WA_KIND_VIEW_ONCE,
    WA_KIND_INTERACTIVE,
    WA_KIND_LIST,
    WA_KIND_BUTTONS,
    WA_KIND_PROTOCOL,
    WA_KIND_UNSUPPORTED,
    WA_KIND_MAX
} wa_kind_e;

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

    const char    *quoted_id;
    const char    *quoted_from;
    const char    *quoted_text;
    char         **mentions;
    size_t         n_mentions;
    uint32_t       forward_score;
    bool           forwarded;
    bool           ephemeral;
    bool           view_once;
    uint32_t       expiration;    /* seconds                               */

    double         latitude;
    double         longitude;
    const char    *place_name;
    const char    *place_address;

    const char    *poll_name;
    const char   **poll_options;
    size_t         n_poll_options;

    const char    *emoji;         /* WA_KIND_REACTION; "" takes it back    */
    const Wa__MessageKey  *target;          /* of a reaction, edit, revoke */
    const Wa__Message__ProtocolMessage  *protocol;  /* WA_KIND_PROTOCOL    */

    bool           sent_copy;     /* was inside deviceSentMessage          */
    const char    *sent_to;       /* its destination                       */
} wa_content_t;


/*
 * Decodes an unpadded plaintext.  Everything in *out lives in the arena.
 * WA_ERR_SYNTAX, WA_ERR_LIMIT, WA_ERR_NOMEM: *out untouched.
 */
wa_err_t wa_message_decode(wa_span_t plain, wa_arena_t *arena,
    wa_content_t *out);

/* Lower-case name of the HTTP contract ("text"); never NULL. */
const char *wa_kind_name(wa_kind_e kind);
/* The same in upper case. */
const char *wa_kind_name_upper(wa_kind_e kind);


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
