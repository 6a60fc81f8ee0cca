/*
 * One entry of the log on its way into the tables.  wa_project.c keeps order
 * and position, wa_project_event.c reads the body, the others know what an
 * event of the catalogue (HTTP contract, 10.2) changes.
 *
 * Everything is one pass of writes: no row is read back, so a backend may
 * send a whole batch without waiting for answers.  What depends on a row is
 * said in the statement itself.  Chats follow from their messages: a batch
 * notes which ones it touched and writes each once, at its end.
 */
#ifndef WA_PROJECT_INT_H
#define WA_PROJECT_INT_H

#include "wa_jv.h"
#include "wa_project.h"


/* Characters of a chat's last message that are shown (HTTP contract, 6.2). */
#define WA_CHAT_BRIEF  "200"

/* Messages that are about another one. */
#define WA_CHANGE_TYPES  "('reaction', 'protocol', 'poll_update')"

/* A column of a chat's last message; in an upsert. */
#define WA_CHAT_IF_NEWER(column)                                              \
    " " #column " = CASE WHEN (excluded.last_ts, excluded.last_pos)"          \
    " >= (wa_chats.last_ts, wa_chats.last_pos)"                               \
    " THEN excluded." #column " ELSE wa_chats." #column " END,"

typedef struct wa_batch_chat_s  wa_batch_chat_t;

/* The chats of a batch (wa_project_chat.c).  Zeroed is empty. */
typedef struct {
    wa_batch_chat_t       *first;       /* in the order they came */
    wa_batch_chat_t      **tail;
    wa_batch_chat_t      **slots;       /* by hash, NULL: free */
    size_t                 n_slots;     /* a power of two */
    wa_arena_t             arena;
} wa_batch_t;

typedef struct {
    const wa_log_entry_t  *entry;
    wa_batch_t            *batch;
    wa_sql_t              *db;
    wa_arena_t            *arena;
    const wa_jv_t         *root;        /* NULL: not JSON */
    const wa_jv_t         *data;
    wa_span_t              type;
    wa_span_t              tenant;
    wa_span_t              account;     /* p NULL: of no account */
    wa_span_t              session;
    wa_span_t              at;
    wa_buf_t               text;        /* for written JSON */
    bool                   bad;         /* a member is not as it should be */
    bool                   nomem;
} wa_ev_t;

/* Parameters of a statement. */
typedef struct {
    wa_sql_value_t  v[32];
    size_t          n;
} wa_ev_args_t;


/*
 * Writes the entry to the table of events and what it says to the others.
 * Errors of wa_sql.h only: a body that says nothing is no error.  `arena` is
 * used up.
 */
wa_err_t wa_project_event(wa_sql_t *db, const wa_log_entry_t *entry,
    wa_batch_t *batch, wa_arena_t *arena);

/* For `n` entries at most.  WA_ERR_NOMEM. */
wa_err_t wa_batch_init(wa_batch_t *b, size_t n);
void wa_batch_free(wa_batch_t *b);

/* The message's row was written: its chat will be (wa_batch_flush()). */
wa_err_t wa_batch_chat(wa_ev_t *e, const wa_jv_t *m);

/* Writes the chats noted so far.  Whoever moves or removes messages or chats
   calls it first. */
wa_err_t wa_batch_flush(wa_batch_t *b, wa_sql_t *db);

/* Where a message stands in the log: grows within a shard. */
int64_t wa_ev_pos(const wa_ev_t *e);

/*
 * Members as text that both backends take.  p NULL: missing or no string.
 * A word too long to be part of a key sets e->bad, and so does a key that is
 * missing; a handler that sees it writes nothing and answers WA_OK, the body
 * is kept in the table of events all the same.
 */
wa_span_t wa_ev_text(wa_ev_t *e, const wa_jv_t *o, const char *name);
wa_span_t wa_ev_word(wa_ev_t *e, const wa_jv_t *o, const char *name);
wa_span_t wa_ev_key(wa_ev_t *e, const wa_jv_t *o, const char *name);
int64_t wa_ev_int(const wa_jv_t *o, const char *name);

/* Digits of a phone address; p NULL: it is none. */
wa_span_t wa_ev_phone(wa_span_t jid);

/* p NULL: null. */
void wa_ev_arg(wa_ev_args_t *a, wa_span_t s);
void wa_ev_arg_int(wa_ev_args_t *a, int64_t i);

wa_err_t wa_ev_run(wa_ev_t *e, const char *statement,
    const wa_ev_args_t *a);
wa_err_t wa_ev_exec(wa_sql_t *db, const char *statement,
    const wa_ev_args_t *a);

/* Keeps the message's bytes that came beside its event, if any. */
wa_err_t wa_ev_keep_raw(wa_ev_t *e, wa_span_t id);

wa_err_t wa_ev_on_message(wa_ev_t *e);
/* The row of the medium that came with a message, from what is beside it. */
wa_err_t wa_ev_medium(wa_ev_t *e, const wa_jv_t *m);

/* A GIF is a video to the media servers, and so on. */
wa_span_t wa_ev_media_kind(wa_span_t kind);

wa_err_t wa_ev_on_receipt(wa_ev_t *e);
wa_err_t wa_ev_on_reaction(wa_ev_t *e);
wa_err_t wa_ev_on_edited(wa_ev_t *e);
wa_err_t wa_ev_on_deleted(wa_ev_t *e);
wa_err_t wa_ev_on_starred(wa_ev_t *e);
wa_err_t wa_ev_on_vote(wa_ev_t *e);
wa_err_t wa_ev_on_merged(wa_ev_t *e);
wa_err_t wa_ev_on_chat(wa_ev_t *e);
wa_err_t wa_ev_on_call(wa_ev_t *e);
wa_err_t wa_ev_on_chat_cleared(wa_ev_t *e);
wa_err_t wa_ev_on_contact(wa_ev_t *e);
wa_err_t wa_ev_on_label(wa_ev_t *e);
wa_err_t wa_ev_on_label_link(wa_ev_t *e);
wa_err_t wa_ev_on_setting(wa_ev_t *e);
wa_err_t wa_ev_on_kept(wa_ev_t *e);
wa_err_t wa_ev_on_app_state(wa_ev_t *e);

/* What all devices know of a chat: archived, pinned, muted, marked as unread,
   or read up to a message.  WA_AGAIN: the event says nothing of it. */
wa_err_t wa_ev_chat_state(wa_ev_t *e, const wa_jv_t *chat);

wa_err_t wa_ev_on_group(wa_ev_t *e);
wa_err_t wa_ev_on_group_people(wa_ev_t *e);
wa_err_t wa_ev_on_presence(wa_ev_t *e);
wa_err_t wa_ev_on_created(wa_ev_t *e);
wa_err_t wa_ev_on_status(wa_ev_t *e);
wa_err_t wa_ev_on_connected(wa_ev_t *e);
wa_err_t wa_ev_on_session_deleted(wa_ev_t *e);

#endif /* WA_PROJECT_INT_H */
