/*
 * Taking in history, shared between its files.
 */
#ifndef WA_HISTORY_INT_H
#define WA_HISTORY_INT_H

#include "history.pb-c.h"
#include "webmessage.pb-c.h"

#include "wa_event_message.h"
#include "wa_history.h"
#include "wa_history_map.h"


/* Fields of messages that are held in memory, bytes. */
#define WA_HISTORY_MESSAGE_MAX  (1024u * 1024)
#define WA_HISTORY_FIELD_MAX    65536u
#define WA_HISTORY_TEXT_MAX     1024u

/* Numbers of HistorySync. */
enum {
    WA_HISTORY_CHAT        = 2,
    WA_HISTORY_STATUSES    = 3,
    WA_HISTORY_PUSHNAME    = 7,
    WA_HISTORY_PAST        = 12,
    WA_HISTORY_CALL        = 13,
    WA_HISTORY_MAPPING     = 15,
    WA_HISTORY_SALT        = 19
};

/* ... of Conversation; its messages are HistorySyncMsg */
enum {
    WA_HISTORY_CHAT_ID     = 1,
    WA_HISTORY_CHAT_MSG    = 2,
    WA_HISTORY_MSG_INFO    = 1,
    WA_HISTORY_MSG_ORDER   = 2
};

/* ... of WebMessageInfo */
enum {
    WA_HISTORY_INFO_KEY    = 1,
    WA_HISTORY_INFO_WHO    = 5
};

typedef struct wa_history_chat_s   wa_history_chat_t;
typedef struct wa_history_trust_s  wa_history_trust_t;

/* A chat, as the scan found it. */
struct wa_history_chat_s {
    wa_history_chat_t   *next;
    wa_jid_t             jid;               /* server NONE: none we know   */
    wa_span_t            name;
    int64_t              last_s;            /* unix                        */
    int64_t              expiry_s;          /* 0: none                     */
    int64_t              mute_s;            /* unix; -1 always, 0 no       */
    uint32_t             unread;
    bool                 archived;
    bool                 pinned;
};

/* What the account is to learn beside pairs. */
struct wa_history_trust_s {
    wa_history_trust_t  *next;
    wa_jid_t             jid;
    wa_span_t            token;             /* p NULL: none                */
    int64_t              received_s;
    int64_t              issued_s;
    int64_t              expiry_s;          /* -1: nothing is said         */
    int64_t              expiry_set_s;
};

/* Where the second pass is within a chat. */
typedef struct {
    wa_history_chat_t     *chat;            /* NULL: between chats         */
    Wa__WebMessageInfo    *info;            /* NULL: none, or not read     */
    uint64_t               order;
    bool                   large;           /* it was passed over          */
    char                   newest[WA_MESSAGE_REF_LEN];     /* "": none     */
    int64_t                newest_s;
    bool                   newest_mine;
    size_t                 n;               /* messages of the chat        */
} wa_history_place_t;

struct wa_history_s {
    char                   account_id[64];
    char                   session_id[128];
    char                   tenant[128];
    uint32_t               shard;
    wa_jid_t               lid;
    uint8_t                master_key[WA_KEY_LEN];
    wa_event_owner_t       owner;
    int64_t                since_s;
    bool                   messages;
    wa_history_read_pt     read;
    void                  *ctx;

    wa_history_source_t    source;
    wa_arena_t             keep;            /* chats, people               */
    wa_arena_t             arena;           /* one message                 */
    wa_history_map_t       map;
    wa_history_chat_t     *first;
    wa_history_chat_t    **tail;
    wa_history_chat_t     *next_chat;       /* second pass                 */
    wa_history_trust_t    *trust;
    wa_history_trust_t   **trust_tail;
    wa_history_trust_t     scanned;         /* of the chat being scanned   */
    wa_history_person_t   *at;              /* wa_history_learn()          */
    wa_span_t              salt;
    json_t                *secrets;
    unsigned               learnt;          /* what was given out so far   */

    wa_history_place_t     place;
    wa_history_totals_t    totals;
    bool                   nomem;           /* a text of a row is missing  */
    bool                   scanned_all;
    bool                   writing;         /* the second pass has begun   */
};


/*
 * Rows.  Within a transaction; errors of wa_sql.h.
 */

/* wa_project_history_row.c */
wa_err_t wa_history_row_message(wa_history_t *h, wa_sql_t *db,
    const wa_history_chat_t *chat, const Wa__WebMessageInfo *info,
    uint64_t order);

/* wa_project_history_chat.c */
wa_err_t wa_history_row_chat(wa_history_t *h, wa_sql_t *db,
    const wa_history_chat_t *chat);
wa_err_t wa_history_row_contact(wa_history_t *h, wa_sql_t *db,
    const wa_jid_t *jid, wa_span_t name);
wa_err_t wa_history_row_past(wa_history_t *h, wa_sql_t *db,
    const Wa__HistoryPastParticipants *past);

/* wa_project_history_call.c */
wa_err_t wa_history_row_call(wa_history_t *h, wa_sql_t *db,
    const Wa__HistoryCall *call);

/* What others did with the message: reactions, receipts, votes
   (wa_project_history_more.c). */
wa_err_t wa_history_row_more(wa_history_t *h, wa_sql_t *db,
    const wa_message_view_t *v, const Wa__WebMessageInfo *info);


/* As wa_jid_parse(), for text of a phone: only what a row can hold. */
bool wa_history_jid(wa_span_t text, wa_jid_t *jid);

/* The person's addresses as events show them: the number when it is known,
   else the LID; `lid` may be WA_SERVER_NONE. */
void wa_history_show(const wa_history_t *h, const wa_jid_t *jid,
    wa_jid_t *show, wa_jid_t *lid);

bool wa_history_is_self(const wa_history_t *h, const wa_jid_t *jid);

/* UTF-8 without NULs, as a row takes it, in h->arena; p NULL: none, or no
   memory, which h->nomem tells. */
wa_span_t wa_history_text(wa_history_t *h, const char *text);

/* The address's text in h->arena; p NULL: as above. */
wa_span_t wa_history_address(wa_history_t *h, const wa_jid_t *jid);

#endif /* WA_HISTORY_INT_H */
