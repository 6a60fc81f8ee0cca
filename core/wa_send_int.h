/*
 * Sending, shared between its files.
 *
 *   wa_send.c          commands in, the queue
 *   wa_compose.c       what they say -> Message bytes
 *   wa_send_timer.c    what becomes due
 *   wa_send_typing.c   what is shown before a message comes
 *   wa_send_repeat.c   what has no answer yet, after a login or a restart
 *   wa_send_prepare.c  one queued send -> unit with the stanza
 *   wa_send_again.c    the same for addresses that turned out stale
 *   wa_send_settle.c   server ack -> reply, unit with the event; JSON
 *   wa_send_change.c   what a reaction, edit or deletion did
 *   wa_send_device.c   answers that wait for a delivery receipt
 *   wa_idem.c          repeats by Idempotency-Key or client's own id
 */
#ifndef WA_SEND_INT_H
#define WA_SEND_INT_H

#include "wa_account_int.h"
#include "wa_compose.h"
#include "wa_hashes.h"
#include "wa_message.h"
#include "wa_sent.h"
#include "wa_task.h"


typedef struct wa_send_s  wa_send_t;
typedef struct wa_idem_s  wa_idem_t;

typedef enum {
    WA_SEND_QUEUED = 0,      /* waits for its turn; only in memory          */
    WA_SEND_PREPARING,       /* wa_send_prepare.c has it                    */
    WA_SEND_COMMITTED,       /* its unit is on the way to the store         */
    WA_SEND_DURABLE          /* its stanza left, or may leave               */
} wa_send_state_e;

/* Who gets it: this decides how the stanza is put together. */
typedef enum {
    WA_TARGET_NONE = 0,               /* cannot be written to              */
    WA_TARGET_USER,
    WA_TARGET_GROUP,
    WA_TARGET_STATUS,
    WA_TARGET_NEWSLETTER
} wa_target_e;

struct wa_send_s {
    wa_send_t        *next;
    wa_send_state_e   state;
    char              id[WA_SENT_ID_MAX + 1];
    uint64_t          cmd_id;
    bool              asked;          /* a command waits for the answer    */
    bool              wait_none;      /* it is answered when durable       */
    bool              wait_device;    /* when a device has told            */
    bool              dropped;        /* answered while being prepared     */
    bool              due;            /* to be repeated now                */
    bool              replayed;       /* the command is a repeat           */
    wa_jid_t          to;             /* as asked for, bare                */
    wa_jid_t          pn;             /* NONE: not known                   */
    wa_jid_t          lid;
    int64_t           ts;             /* unix seconds                      */
    wa_time_t         reply_at;       /* while asked                       */
    wa_time_t         repeat_at;      /* while durable                     */
    unsigned          attempts;
    char              phash[WA_PHASH_LEN];
    wa_draft_t       *draft;          /* until prepared                    */
    wa_buf_t          message;        /* Message bytes, once prepared      */
    char             *client_id;      /* NULL: none                        */
    char             *metadata;       /* JSON text; NULL: none             */
    char             *media_id;       /* of our store; NULL: no file       */
    wa_idem_t        *idem;           /* NULL: no Idempotency-Key          */
    wa_jid_t         *audience;       /* of a status; NULL: not told       */
    size_t            n_audience;
    const char       *told;           /* status by a receipt; NULL: none   */
    int64_t           told_ts;        /* unix seconds; 0: no receipt       */
    wa_task_t        *late;           /* wait_device: sleeps; NULL: none   */
    bool              cold;           /* the contact does not know us      */
    bool              issue;          /* our privacy token is due          */
    bool              renewed;        /* refused once, made anew           */
    const char       *group_mode;     /* of the stanza; NULL: none, or it
                                         was made before a restart         */
    bool              typed;          /* the chat was shown it             */
    wa_time_t         typing_until;   /* 0: it does not type               */
};

/* Contacts who are being given a privacy token at a time. */
#define WA_SEND_ISSUING  16

/* Whose device lists were dropped lately. */
#define WA_SEND_DOUBTS  4

typedef struct {
    wa_jid_t     user;
    wa_time_t    at;                  /* 0: free                           */
} wa_doubt_t;

struct wa_sends_s {
    wa_send_t   *head;                /* all, in the order they came       */
    wa_send_t  **tail;
    wa_send_t   *taken;               /* acked, their callers wait for a
                                         receipt (wa_send_device.c)        */
    size_t       n_taken;
    size_t       queued;
    size_t       typing;              /* of those; wa_send_typing.c        */
    size_t       unacked;             /* committed and durable ones        */
    wa_task_t   *timer;               /* sleeps until the next deadline    */
    bool         preparing;
    bool         restored;            /* record "pending" was read         */
    bool         repeating;
    bool         in_timer;
    wa_doubt_t  *doubts;              /* NULL until there is one           */
    uint8_t      next_doubt;
    wa_jid_t    *issuing;             /* NULL while there is none          */
    uint8_t      n_issuing;
};


/* The account's send state, made on first use.  NULL: out of memory. */
wa_sends_t *wa_sends_get(wa_account_t *a);

/* Starts the next queued send if there is room. */
void wa_send_next(wa_account_t *a);

/* Why one that was not sent was not, an error code: before its key was looked
   up nothing may be claimed. */
const char *wa_send_failure(const wa_send_t *s);

/* Makes the timer wake for this entry too. */
void wa_send_watch(wa_account_t *a, const wa_send_t *s);

wa_target_e wa_send_target(const wa_jid_t *to);

/* Finds an entry that waits for an ack. */
wa_send_t *wa_send_find(wa_account_t *a, wa_span_t id);

/* A copy with a NUL; NULL: out of memory. */
char *wa_send_dup(const char *p, size_t n);

void wa_send_free(wa_send_t *s);

/* Sends every durable stanza that is due, in order; before the first time,
   reads which ones there are.  No-op while this is going on. */
void wa_send_repeat(wa_account_t *a);

/* Unlinks; and frees.  False: not in the list. */
bool wa_send_detach(wa_account_t *a, wa_send_t *s);
void wa_send_remove(wa_account_t *a, wa_send_t *s);

/* The answer to an acked send is to wait for a device of the contact. */
bool wa_send_waits(const wa_account_t *a, const wa_send_t *s);

/* It does from now on; the entry belongs to wa_send_device.c. */
void wa_send_taken(wa_account_t *a, wa_send_t *s);

/* Those are answered with what is known. */
void wa_sends_taken_end(wa_account_t *a);

/* Record "pending" without `leave` (NULL: all) into the unit. */
wa_err_t wa_send_put_list(wa_unit_t *u, const wa_send_t *leave);

/* Takes the send from here; the entry is PREPARING. */
void wa_send_prepare(wa_account_t *a, wa_send_t *s);

/* The server does not accept the addresses of a durable send: a stanza for
   the devices as they are now, with the same id and Message. */
void wa_send_prepare_again(wa_account_t *a, wa_send_t *s);

/* Answers the command and forgets the entry; nothing was committed.
   `provider_code` 0: the server had no part in it. */
void wa_send_fail(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, unsigned provider_code);

/* Answers ACCOUNT_NOT_READY. */
void wa_send_not_ready(wa_account_t *a, wa_send_t *s);

/* Gives up a send that has its Message: message.failed, and the command's
   answer. */
void wa_send_refuse(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, unsigned provider_code);

/* wahub's id of the message that a key in a message of ours points at.
   WA_ERR_SYNTAX: nobody's. */
wa_err_t wa_send_target_ref(wa_unit_t *u, const wa_send_t *s,
    const Wa__MessageKey *key, char *out);

/* Tells what a message changed that the server has taken: message.reaction,
   message.edited, message.deleted; for others nothing. */
wa_err_t wa_send_changed(wa_unit_t *u, const wa_send_t *s,
    const wa_content_t *c);

/* The chat's address as it is shown. */
const wa_jid_t *wa_send_show(const wa_send_t *s);

/* The command is told that the message is accepted and durable. */
void wa_send_pending(wa_account_t *a, wa_send_t *s);

/* New reference: the send result of the HTTP contract.  NULL: no memory. */
json_t *wa_send_result(wa_account_t *a, const wa_send_t *s,
    const char *status);

#endif /* WA_SEND_INT_H */
