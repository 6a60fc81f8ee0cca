/*
 * What the transfer of media needs of an account (WA_OP_QUERY):
 *
 *     media.conn   {refresh?: auth that was refused}
 *                  -> {auth, hosts: [{hostname, upload, download}]}
 *     media.retry  {message_id, chat, from_me, participant?, media_key,
 *                  peer? b: history, which is no message of a chat}
 *                  -> {direct_path}; MEDIA_NOT_FOUND: the phone has it no
 *                  more; OWNER_TIMEOUT: it did not answer within 60 s
 *
 * media_key is base64.
 */
#ifndef WA_MEDIA_VERBS_H
#define WA_MEDIA_VERBS_H

#include "wa_query.h"


/* Hosts and auth lately heard, requests that wait for the phone. */
typedef struct wa_media_state_s  wa_media_state_t;


/* The hosts, as the query answers them; NULL: not known, or not any more. */
const json_t *wa_media_conn(const wa_account_t *a);

/* For a task that asks for them by itself: the iq, and what to do with its
   answer. */
wa_node_t *wa_media_conn_iq(wa_arena_t *arena);
void wa_media_conn_take(wa_account_t *a, const wa_node_t *answer);

void wa_media_conn_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_media_retry_query(wa_account_t *a, const wa_cmd_t *cmd);

/* <notification type="mediaretry">; acknowledges it and ends the task. */
void wa_media_retry_notification(wa_task_t *t);

/* At the end of the account.  Its tasks still exist. */
void wa_media_state_free(wa_account_t *a);

#endif /* WA_MEDIA_VERBS_H */
