/*
 * History that our phone offers: kept until it is taken in, and what the
 * account does for that (WA_OP_QUERY).  The host hears of it by
 * WA_OUT_HISTORY and works with wa_history.h.
 *
 *     history.next   {} -> {id, type, chunk, progress?, message_id,
 *                    media_key?, file_sha256?, file_enc_sha256?,
 *                    direct_path?, inline?, mode, days, pn, lid?}, the oldest
 *                    piece that is due, or {}.  Bytes in base64
 *     history.learn  {pairs?: [[pn, lid]], ask?: [jid], salt?,
 *                    people?: [{jid, token?, received, issued, expiry,
 *                    expiry_set}], secrets?: [{ref, secret, options}]}
 *                    -> {pairs: who is known of those asked for}; at most
 *                    WA_HISTORY_LEARN_MAX of each
 *     history.done   {id, taken b, chats, contacts, messages, again?,
 *                    retry?} -> {}.  Taken in: history.sync is told, the
 *                    phone hears it.  Otherwise it comes again after a
 *                    pause, some times; `again`: as often as it takes,
 *                    `retry` false: not any more
 *     history.ask    {chat, oldest_id, oldest_from_me, oldest_timestamp,
 *                    count} -> {}: our phone is asked for older messages.
 *                    RATE_LIMIT_EXCEEDED {retry_after}: it does not answer
 *
 * All but the last work without a connection.  What is offered is in the
 * records hist and hist/<hash>.
 * Source: protocol notes on history sync; whatsmeow
 * BuildHistorySyncRequest.
 */
#ifndef WA_HISTORY_VERBS_H
#define WA_HISTORY_VERBS_H

#include "history.pb-c.h"

#include "wa_query.h"
#include "wa_recv_int.h"


#define WA_HISTORY_RECORD     "hist"
#define WA_HISTORY_LEARN_MAX  64u

/* Days of history that can be asked for. */
#define WA_HISTORY_DAYS_MAX   365

/* Account setting `history`. */
typedef enum {
    WA_HISTORY_MODE_NONE = 0,       /* only what is said of people */
    WA_HISTORY_MODE_RECENT,
    WA_HISTORY_MODE_FULL
} wa_history_mode_e;

typedef struct {
    wa_history_mode_e   mode;
    uint32_t            days;       /* 0: as many as the phone gives */
} wa_history_depth_t;


/* The setting of this account. */
wa_history_depth_t wa_history_depth(const wa_account_t *a);

/* {mode, days} of the account object; NULL: no memory. */
json_t *wa_history_depth_view(const wa_account_t *a);

/* {mode none|recent|full, days 0..365}, both optional.  WA_ERR_ARG. */
wa_err_t wa_history_depth_check(const json_t *v);

/* Keeps what a message of our phone offers.  Needs the record hist.
   WA_ERR_NOMEM: drop the unit. */
wa_err_t wa_history_offer(wa_unit_t *u, const wa_recv_t *m,
    const Wa__Message__HistorySyncNotification *n);

void wa_history_next_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_history_learn_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_history_done_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_history_ask_query(wa_account_t *a, const wa_cmd_t *cmd);

/* After a login: there may be some from before. */
void wa_history_online(wa_account_t *a);

void wa_history_expire(wa_account_t *a);
wa_time_t wa_history_deadline(const wa_account_t *a);      /* -1: none     */


/* ---- between its files ---- */

/* The list in the record, empty when there is none; in the arena.  The record
   is in memory.  WA_ERR_NOMEM. */
wa_err_t wa_history_list(wa_account_t *a, wa_arena_t *arena,
    Wa__HistoryList **list);
wa_err_t wa_history_list_put(wa_unit_t *u, const Wa__HistoryList *list);

#endif /* WA_HISTORY_VERBS_H */
