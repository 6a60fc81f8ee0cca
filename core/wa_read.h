/*
 * Messages of others that were read here.
 */
#ifndef WA_READ_H
#define WA_READ_H

#include "wa_query.h"


/* Messages in one command. */
#define WA_READ_IDS_MAX  500

/*
 * Verb "message.read" {jid, message_ids [1..WA_READ_IDS_MAX], sender?,
 * played? b}: receipts leave, message.receipt of ours tells of each message
 * and chat.updated that nothing is unread.  `sender` is the author of the
 * messages, in groups and of posts to the status.  `played`: they were heard
 * or opened, which the chat's count does not change.
 * With read receipts turned off in the privacy settings the author of a 1:1
 * chat is not told, only our other devices are; where the settings are not
 * known they are asked for first.
 * Answers {} or INVALID_RECIPIENT, VALIDATION_ERROR, MESSAGE_NOT_FOUND.
 */
void wa_read_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_READ_H */
