/*
 * Reading the history database (job side): answers of the HTTP contract's
 * read rows, as JSON in its shapes.  Every query is bound to one tenant.
 */
#ifndef WA_ARCHIVE_H
#define WA_ARCHIVE_H

#include <jansson.h>

#include "wa_sql.h"


/* p NULL or -1: not asked.  Spans are borrowed for the call. */
typedef struct {
    wa_span_t   tenant;           /* required */
    wa_span_t   account;          /* account id */
    wa_span_t   chat;             /* jid, phone or LID form */
    wa_span_t   from;             /* jid of the sender */
    wa_span_t   type;             /* message type, either case */
    wa_span_t   status;           /* status word, or several in upper case
                                     with commas between */
    wa_span_t   direction;        /* INBOUND, OUTBOUND */
    wa_span_t   search;           /* part of the body; chats and contacts:
                                     of a name or address; case of A-Z is
                                     not looked at */
    int         from_me;          /* 0, 1 */
    int         has_media;
    int         archived;         /* chats: 0, 1 */
    int         unread;
    int64_t     before;           /* unix s, exclusive; 0 not asked */
    int64_t     after;
    wa_span_t   cursor;           /* opaque, as given out in
                                     wa_archive_page_t; p NULL: none */
    uint32_t    limit;            /* 1..500 */
    uint32_t    offset;
    bool        ascending;
    bool        receipts;         /* messages with "receipts" */
    bool        reactions;        /* messages with "reactions" */
    bool        raw;              /* one message with its bytes, "raw" */
} wa_archive_query_t;

typedef struct {
    json_t     *items;            /* new reference: array */
    int64_t     total;            /* of what the filters leave */
    char        next[64];         /* cursor of the next page; "" none */
} wa_archive_page_t;

/* Nothing asked but the tenant: limit 50, newest first. */
void wa_archive_query_init(wa_archive_query_t *q, wa_span_t tenant);

/*
 * Who wrote these messages of a chat of q->account: {author: [WhatsApp id]},
 * our own left out.  `refs` is an array of texts, either kind of id.  *out is
 * NULL when one of them is not known; a new reference otherwise.
 */
wa_err_t wa_archive_authors(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t chat, const json_t *refs, json_t **out);

/*
 * Members of the message object (contract 6.1) that it does not have become
 * null or false: an event leaves out what its message has not.
 * False: out of memory.
 */
bool wa_archive_fill(json_t *message);

/*
 * Lists, newest first unless `ascending` (messages: by time of WhatsApp, then
 * in the order of the log; chats: by their last message).  A cursor stays
 * true while rows come in.  Of the filters chats know account, chat, search,
 * archived, unread.
 * WA_ERR_SYNTAX: a cursor that is not ours.  WA_ERR_ARG: a filter that is
 * not UTF-8, or has a NUL in it (all functions below).  Else errors of
 * wa_sql.h.  out->items is NULL after any.
 */
wa_err_t wa_archive_messages(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);
wa_err_t wa_archive_chats(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/*
 * One message by wahub's or WhatsApp's id, with "receipts" and "reactions".
 * Of `q` tenant and account count.  *out: a new reference, NULL: there is
 * none.  WA_ERR_AMBIGUOUS: several have it and q->account was not given (with
 * an account: the newest).
 */
wa_err_t wa_archive_message(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, json_t **out);

/*
 * What a send needs to know of a message that it refers to, by either id:
 * {chat, sender?, sender_lid?, from_me, timestamp, text?, message?}, message
 * being its bytes in base64 where they are kept.  Of `q` tenant and account
 * count, both required; of several the newest.  *out: a new reference, NULL:
 * there is none.
 */
wa_err_t wa_archive_refer(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, json_t **out);

/* A chat that was muted until before `now` (unix s) is so no more. */
void wa_archive_chat_now(json_t *chat, int64_t now);

/* One chat by either address, with "recent_messages" (20 newest); of several
   accounts' the one with the newest message. */
wa_err_t wa_archive_chat(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t jid, json_t **out);

/*
 * Contacts, those first seen last first; of the filters account and search
 * count.  One by either address: of several accounts' the one first seen last;
 * *out NULL: there is none.
 */
wa_err_t wa_archive_contacts(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);
wa_err_t wa_archive_contact(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t jid, json_t **out);

/*
 * Groups that the account is in, those first seen last first; of the filters
 * account and search count.  Posts to the status that were not taken back,
 * the contract's stories, newest first: account, from, before and after.
 */
wa_err_t wa_archive_groups(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);
wa_err_t wa_archive_stories(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/*
 * Who has left a group or was removed from it, the last first: {jid,
 * participant_jid, lid?, reason left|removed, left_at? unix s}.  `chat` is
 * the group; of the filters account counts, a cursor does not.
 */
wa_err_t wa_archive_group_past(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/*
 * A group (contract 7, of q->account) learns when it was seen first and since
 * when its members are known: "first_seen_at", "added_at"; null: not written
 * yet.
 */
wa_err_t wa_archive_group_since(wa_sql_t *db, const wa_archive_query_t *q,
    json_t *group);

/* Calls, the newest first: account, from (a person or the group), before and
   after. */
wa_err_t wa_archive_calls(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/*
 * Who was there and who typed, newest first: account, chat (either address of
 * the person, or the chat), before and after.
 */
wa_err_t wa_archive_presence(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/* Labels, the newest last first, with the chats that have them; `chat` is the
   id of one.  Of the filters account counts. */
wa_err_t wa_archive_labels(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out);

/* The number that a new label of this account may have. */
wa_err_t wa_archive_label_next(wa_sql_t *db, wa_span_t account,
    int64_t *id);

/*
 * The contract's totals of messages: all, by type, by chat (the 20 with the
 * most), by day of UTC (the newest 30), with media.  Of `q` tenant and account
 * count.  *out: a new reference.
 */
wa_err_t wa_archive_stats(wa_sql_t *db, const wa_archive_query_t *q,
    json_t **out);

#endif /* WA_ARCHIVE_H */
