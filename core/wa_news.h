/*
 * What messages made new (job side): chats that were none before, contacts
 * who were not known, and those who call themselves otherwise now.  The
 * projection marks their rows in the message's own transaction; who holds the
 * shard tells the accounts, then takes the marks away, so nothing is told
 * that is not in the history, and after a crash it is told again.  What the
 * phone's history and address book bring is not marked: history.sync and the
 * events of app state stand for it.
 */
#ifndef WA_NEWS_H
#define WA_NEWS_H

#include <jansson.h>

#include "wa_sql.h"


/* Marks, in the column "fresh"; 0: nothing to tell. */
#define WA_NEWS_CREATED  "1"
#define WA_NEWS_CHANGED  "2"

/* Rows told at once, of each kind. */
#define WA_NEWS_MAX      32u


/*
 * Marked rows of these shards as a new array of
 *
 *   {"type":"chat.updated", "account":id,
 *    "data":{"chat":Chat, "created":true}}
 *   {"type":"contact.updated", "account":id,
 *    "data":{"contact":{jid, lid, account_id, phone_number, name,
 *                       notify_name}, "created":bool}}
 *
 * NULL: there are none.  WA_ERR_NOMEM, errors of wa_sql.h.
 */
wa_err_t wa_news_find(wa_sql_t *db, const uint32_t *shards, size_t n,
    json_t **out);

/*
 * These were told.  A contact with yet another name by now is marked as
 * changed.  In a transaction of its own.  WA_ERR_NOMEM, errors of wa_sql.h.
 */
wa_err_t wa_news_told(wa_sql_t *db, const json_t *news);

#endif /* WA_NEWS_H */
