/*
 * What is sent: the arguments of WA_OP_SEND -> checked content -> Message
 * bytes.
 *
 *     wa_compose_parse     when the command comes: everything that can be
 *                          wrong with it is told then
 *     wa_compose_message   when its turn comes: chat, time, secret and the
 *                          messages it refers to are known
 *
 * A kind of message is a row of the table in wa_compose.c.
 * Source: protocol notes, content recipes; names of the arguments are those
 * of the HTTP contract.
 */
#ifndef WA_COMPOSE_H
#define WA_COMPOSE_H

#include <jansson.h>

#include "message.pb-c.h"

#include "wa_base.h"
#include "wa_jid.h"
#include "wa_mem.h"


/* Names a group of 1024 could be mentioned by. */
#define WA_COMPOSE_MENTIONS_MAX  1024

#define WA_COMPOSE_SECRET_LEN    32

/* Of a text, a caption's is shorter; bytes. */
#define WA_COMPOSE_TEXT_MAX      65536

/* Typing before a message comes, ms; HTTP contract 5.1. */
#define WA_COMPOSE_TYPING_MAX    10000

/* A message that the one to be sent refers to. */
typedef struct {
    wa_span_t   id;           /* WhatsApp's; p NULL: there is none         */
    wa_span_t   ref;          /* wahub's own id; p NULL: not given         */
    bool        known;        /* whose it is                               */
    bool        missing;      /* the history was asked and has none        */
    bool        from_me;
    wa_jid_t    sender;       /* bare; server NONE: not known              */
    wa_jid_t    lid;          /* its other address; server NONE: not known */
    wa_jid_t    chat;         /* where it is; server NONE: not known       */
    wa_span_t   message;      /* Message bytes; p NULL: not kept           */
    const char *text;         /* to be shown without them; NULL: none      */
    int64_t     timestamp;    /* unix seconds; 0: not known                */
} wa_compose_ref_t;

typedef struct {
    const char  *code;        /* of the HTTP contract; NULL: fine          */
    const char  *field;       /* NULL: not about one                       */
    const char  *problem;     /* REQUIRED, TOO_LONG, ...                   */
    char         message[160];
} wa_compose_error_t;

/* Whose message d->target has to be. */
typedef enum {
    WA_COMPOSE_ANYBODY = 0,
    WA_COMPOSE_OWN,
    WA_COMPOSE_OWN_OR_ADMIN   /* in a group anybody's: we are told if we may
                                 not                                       */
} wa_compose_own_e;

/* A message in the making; all it points to lives in its arena. */
typedef struct {
    wa_arena_t                arena;
    const char               *type;         /* lower case, of the contract */
    Wa__Message               message;
    Wa__Message               inner;        /* inside a wrapper            */
    Wa__MessageContextInfo    about;
    Wa__ContextInfo           context;
    Wa__ContextInfo         **slot;         /* the content's; NULL: it has
                                               no place for one            */
    Wa__MessageKey            key;          /* of `target`                 */
    int64_t                  *stamp;        /* wants the time in ms; NULL  */
    wa_compose_ref_t          quoted;
    wa_compose_ref_t          target;
    bool                      quote_optional;   /* an unknown one is left
                                                   out                     */
    wa_jid_t                 *mentions;
    size_t                    n_mentions;
    bool                      mention_all;
    uint32_t                  forward_score;        /* 0: not forwarded    */
    uint32_t                  expiration;   /* seconds                     */
    uint32_t                  typing_ms;    /* to be shown first; 0: not   */
    bool                      has_expiration;
    bool                      secret;       /* others may refer to it in
                                               secret: it carries a key    */
    char                     *handle;       /* of the upload, for channels;
                                               NULL: none                  */
    wa_compose_own_e          own;
    int64_t                   window;       /* s after which `target` is too
                                               old; 0: never               */
    wa_compose_error_t        error;
} wa_draft_t;

/* What is known only when a message is made; all borrowed. */
typedef struct {
    const wa_jid_t  *chat;    /* bare, as addressed                        */
    int64_t          now_ms;  /* unix milliseconds                         */
    const uint8_t   *secret;  /* WA_COMPOSE_SECRET_LEN bytes               */
    uint32_t         expiration;      /* the chat's setting, s; 0 none     */
    int64_t          expiration_set;  /* when, unix s; 0 not known         */
} wa_compose_t;


/*
 * A new draft from the arguments, `to` excepted.  Beside the contract's
 * members there are `media` (what the upload gave), `preview` (of a link) and
 * `refs` {quoted_id, target_id}, what the history knows of the messages that
 * are referred to (wa_archive_refer()), null: nothing; without a member nobody
 * has asked.  NULL: no memory.  With error.code set the draft only holds the
 * error; it is freed all the same.
 */
wa_draft_t *wa_compose_parse(const json_t *args);

/* Notes that a message it refers to does not exist. */
void wa_compose_unknown(wa_draft_t *d);

/* Wipes and frees; NULL is fine. */
void wa_draft_free(wa_draft_t *d);

/*
 * Whom the draft mentions, d->n_mentions of them, by the addresses that the
 * chat has for them (protocol 9.9): in the list, and @<user> in the text.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_compose_mentions_as(wa_draft_t *d, const wa_jid_t *as);

/*
 * Appends the Message bytes.  d->quoted and d->target are complete as far as
 * they can be.  WA_ERR_NOMEM, WA_ERR_LIMIT; WA_ERR_ARG: d->error says what
 * is wrong with the messages that are referred to.
 */
wa_err_t wa_compose_message(wa_draft_t *d, const wa_compose_t *c,
    wa_buf_t *out);

#endif /* WA_COMPOSE_H */
