/*
 * Taking in a piece of history that our phone sent (job side): what it says
 * of people goes to the account, what was written to the history database.
 *
 *     wa_history_create
 *     wa_history_scan       thread: who is in it, who is who
 *     wa_history_learn      loop: what the account is to learn, and is asked
 *     wa_history_learnt           for; until there is nothing more
 *     wa_history_write      thread: rows, some at a time, until all are there
 *     wa_history_learn      loop: secrets of polls, for votes to come
 *
 * Two passes over the same bytes, because a HistorySync tells at its end who
 * is who.  One message at a time is in memory; what stays is one entry for
 * each chat and each person.  Everything may be repeated: a message that is
 * there already, from an earlier piece or as it came live, stays as it is.
 * Source: protocol notes on history sync.
 */
#ifndef WA_HISTORY_H
#define WA_HISTORY_H

#include <jansson.h>

#include "wa_crypto.h"
#include "wa_history_source.h"
#include "wa_jid.h"
#include "wa_sql.h"


/* HistorySync.HistorySyncType */
typedef enum {
    WA_HISTORY_BOOTSTRAP = 0,
    WA_HISTORY_STATUS,
    WA_HISTORY_FULL,
    WA_HISTORY_RECENT,
    WA_HISTORY_PUSH_NAME,
    WA_HISTORY_OTHER,
    WA_HISTORY_ON_DEMAND
} wa_history_type_e;

/* Copied by wa_history_create(), but for `ctx`. */
typedef struct {
    const char          *account_id;
    const char          *session_id;
    const char          *tenant;
    uint32_t             shard;
    wa_jid_t             pn;            /* our own addresses; lid may be   */
    wa_jid_t             lid;           /* WA_SERVER_NONE                  */
    uint8_t              master_key[WA_KEY_LEN];
    int64_t              now_ms;        /* unix                            */
    int64_t              since_s;       /* older messages are left out; 0:
                                           none is                         */
    bool                 messages;      /* false: only what is said of
                                           people                          */
    wa_history_read_pt   read;          /* the packed bytes                */
    void                *ctx;
} wa_history_conf_t;

typedef struct {
    uint64_t   messages;                /* that were taken in or known     */
    uint64_t   chats;
    uint64_t   contacts;
    uint64_t   skipped;                 /* without content, too old, or not
                                           to be read                      */
} wa_history_totals_t;

typedef struct wa_history_s  wa_history_t;


/* WA_ERR_NOMEM. */
wa_err_t wa_history_create(wa_history_t **out,
    const wa_history_conf_t *conf);
void wa_history_free(wa_history_t *h);          /* NULL-safe; wipes        */

/* WA_ERR_SYNTAX, WA_ERR_LIMIT: it is no history; WA_ERR_IO, WA_ERR_NOMEM. */
wa_err_t wa_history_scan(wa_history_t *h);

/*
 * *args, a new reference: arguments of the account's verb "history.learn"
 * (wa_history_verbs.h).  WA_AGAIN: there is nothing more, for now.
 * WA_ERR_NOMEM.
 */
wa_err_t wa_history_learn(wa_history_t *h, json_t **args);

/* What the verb answered: {"pairs": [[pn, lid], ...]}. */
void wa_history_learnt(wa_history_t *h, const json_t *answer);

/*
 * One transaction.  WA_AGAIN: there is more, call again; WA_OK: all is
 * written.  WA_ERR_STATE: the database does not know the account yet, again
 * later; WA_ERR_GONE: the account was deleted.  Else errors of wa_sql.h and
 * of wa_history_scan().  After an error the next call begins at the start,
 * which does no harm.
 */
wa_err_t wa_history_write(wa_history_t *h, wa_sql_t *db);

/* Of what was written so far. */
const wa_history_totals_t *wa_history_totals(const wa_history_t *h);

#endif /* WA_HISTORY_H */
