/*
 * JSON of message events: the message object of the HTTP contract, and the
 * `unified` form of account webhooks.
 *
 * Members that do not apply to a message are left out, or null where a
 * consumer would look for them.
 */
#ifndef WA_EVENT_MESSAGE_H
#define WA_EVENT_MESSAGE_H

#include <jansson.h>

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_jw.h"
#include "wa_message.h"


/* wahub's own reference of a message: 32 hex digits and NUL. */
#define WA_MESSAGE_REF_LEN  65

/* A medium's id: 32 hex digits and NUL. */
#define WA_MEDIUM_ID_SIZE     33

/* What an account says of itself in its events.  Borrowed. */
typedef struct {
    const char          *id;
    const char          *session_id;
    wa_jid_t             self;        /* its phone address, bare           */
    int64_t              now_ms;      /* unix                              */
    const uint8_t       *master_key;  /* WA_KEY_LEN bytes, for asides      */
} wa_event_owner_t;

/* Bare; server NONE: not known. */
typedef struct {
    wa_jid_t             pn;
    wa_jid_t             lid;
} wa_mention_t;

/* Everything borrowed; addresses are bare. */
typedef struct {
    wa_span_t            message_id;
    const char          *ref;         /* wa_message_ref()                  */
    wa_jid_t             chat;        /* the phone address when known      */
    wa_jid_t             chat_lid;    /* server NONE: not known            */
    wa_jid_t             sender;      /* as above; ours when from_me       */
    wa_jid_t             sender_lid;
    bool                 from_me;
    bool                 listed;      /* sent to a broadcast list, whatever
                                         the chat                          */
    int64_t              timestamp;   /* unix seconds                      */
    wa_span_t            push_name;   /* p NULL: none                      */
    const wa_content_t  *content;
    const wa_mention_t  *mentions;    /* those of the content; NULL: as they
                                         stand there                       */
    const char          *status;      /* RECEIVED, SENT, FAILED, PENDING   */
    const char          *source;      /* whatsapp, phone, api, history     */
    const char          *client_id;
    const char          *metadata;    /* JSON text                         */
    const char          *error_code;
    const char          *error_message;
    unsigned             provider_code;   /* of the error; 0: none         */
    const char          *media_id;    /* NULL: no medium, or none of ours  */
    bool                 stored;      /* its file is in the store already  */
    const char          *target_ref;  /* of what the content refers to     */
    wa_span_t            plain;       /* Message bytes, for the aside      */
} wa_message_view_t;


/*
 * wahub's own id of a message: 16 hex digits of a hash over account, sender
 * and WhatsApp id, '-', the WhatsApp id; so it leads back to the message
 * without an index.  An id of an unusual form is hashed alone (32 digits).
 * The same message gives the same one, always.  `sender` (bare, the LID when
 * known) is not looked at when from_me.
 */
wa_err_t wa_message_ref(const wa_account_t *a, bool from_me,
    const wa_jid_t *sender, wa_span_t message_id,
    char out[WA_MESSAGE_REF_LEN]);

wa_err_t wa_message_ref_of(const char *account_id, bool from_me,
    const wa_jid_t *sender, wa_span_t message_id,
    char out[WA_MESSAGE_REF_LEN]);

/* The WhatsApp id in such an id; false: it is not one that leads back. */
bool wa_message_ref_parse(wa_span_t ref, wa_span_t *message_id);

/* Each writes one object; `metadata` of the view is put in as it is.  Those
   that take an owner are for job side and engine alike. */
void wa_event_message(wa_account_t *a, const wa_message_view_t *v,
    const char *name, wa_jw_t *w);
void wa_event_message_of(const wa_event_owner_t *o,
    const wa_message_view_t *v, const char *name, wa_jw_t *w);
void wa_event_unified(wa_account_t *a, const wa_message_view_t *v,
    wa_jw_t *w);

/*
 * What is kept beside the event and is not for everybody (wa_event_t):
 *
 *   {"media": {id, kind, mimetype, filename?, file_length?, seconds?, width?,
 *              height?, descriptor},
 *    "raw": Message bytes}
 *
 * The descriptor is sealed (wa_descriptor.h): {url, direct_path, media_key,
 * file_sha256, file_enc_sha256, media_key_timestamp, message_id, chat,
 * from_me, participant?}, bytes in base64.  "media" is there when the view
 * has a media_id whose file is not stored, "raw" when the content says that
 * the message object does not tell all.  False: there is nothing to keep.
 */
bool wa_event_has_aside(const wa_message_view_t *v);
void wa_event_aside(wa_account_t *a, const wa_message_view_t *v,
    wa_jw_t *w);

/* The medium's descriptor alone, appended.  WA_ERR_NOMEM. */
wa_err_t wa_event_descriptor(const wa_event_owner_t *o,
    const wa_message_view_t *v, wa_buf_t *out);

/* What stands in the events of this account. */
wa_event_owner_t wa_event_owner(const wa_account_t *a);

/* A new medium's id. */
void wa_medium_id(wa_account_t *a, char out[WA_MEDIUM_ID_SIZE]);

/* Text of a peer as a JSON string: bytes that are not UTF-8 become U+FFFD.
   NULL `text`: json null. */
json_t *wa_json_text(const char *text);
json_t *wa_json_span(wa_span_t text);
json_t *wa_json_jid(const wa_jid_t *jid);

#endif /* WA_EVENT_MESSAGE_H */
