/*
 * What the transfer of media needs of an account (WA_OP_QUERY):
 *
 *     media.conn   {refresh?: auth that was refused}
 *                  -> {auth, hosts: [{hostname, upload, download}]}
 *     media.retry  {message_id, chat, from_me, participant?, media_key}
 *                  -> {direct_path}; MEDIA_NOT_FOUND: the phone has it no
 *                  more; OWNER_TIMEOUT: it did not answer within 60 s
 *     media.event  {type media.ready|media.failed, data} -> {}; also while
 *                  the account is not connected
 *
 * media_key is base64.
 */
#ifndef WA_MEDIA_VERBS_H
#define WA_MEDIA_VERBS_H

#include "wa_query.h"


/* Hosts and auth lately heard, requests that wait for the phone. */
typedef struct wa_media_state_s  wa_media_state_t;


void wa_media_conn_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_media_retry_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_media_event_query(wa_account_t *a, const wa_cmd_t *cmd);

/* <notification type="mediaretry">; acknowledges it and ends the task. */
void wa_media_retry_notification(wa_task_t *t);

/* At the end of the account.  Its tasks still exist. */
void wa_media_state_free(wa_account_t *a);

#endif /* WA_MEDIA_VERBS_H */
