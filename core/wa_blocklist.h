/*
 * Whom the account has blocked.  WhatsApp keeps the list; here is only the
 * hash of the one seen last, record block, which a change is bound to.
 * Facts: protocol 15 (blocklist), 8.6 (account_sync).
 */
#ifndef WA_BLOCKLIST_H
#define WA_BLOCKLIST_H

#include "wa_query.h"
#include "wa_unit.h"


#define WA_BLOCKLIST_RECORD  "block"

/*
 * Verbs "blocklist.get" {}: {blocked [{jid, lid}]}, and "blocklist.set" {jid,
 * action block|unblock}: {jid, lid, blocked b}, event blocklist.updated
 * {action, people [{jid, lid}]}.  A change that is refused because the list
 * is another one than thought (409) is tried once more with its new hash.
 * INVALID_RECIPIENT, VALIDATION_ERROR; CONTACT_NOT_FOUND: the person has no
 * LID.
 */
void wa_blocklist_query(wa_account_t *a, const wa_cmd_t *cmd);

/* Serial stanza task of <notification type=account_sync> with <blocklist>:
   event blocklist.updated; {action "changed"} without people when the server
   does not say who. */
void wa_blocklist_notification(wa_task_t *t);

#endif /* WA_BLOCKLIST_H */
