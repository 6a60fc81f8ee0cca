/*
 * Messages of others that were read here.
 */
#ifndef WA_READ_H
#define WA_READ_H

#include "wa_query.h"


/* Messages in one command. */
#define WA_READ_IDS_MAX  500

/*
 * Verb "message.read" {jid, message_ids [1..WA_READ_IDS_MAX], sender?}: read
 * receipts leave, and chat.updated says that nothing is unread.  `sender` is
 * the author of the messages, in groups.
 * Answers {} or INVALID_RECIPIENT, VALIDATION_ERROR, MESSAGE_NOT_FOUND.
 */
void wa_read_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_READ_H */
