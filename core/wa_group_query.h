/*
 * Verbs of WA_OP_QUERY about groups.  All take "jid" but for create,
 * join, inspect and sync; people are an array of addresses "participants".
 *
 *   group.get            -> group object of the HTTP contract
 *   group.metadata       -> {id, subject, desc, ...}, fresh
 *   group.sync           -> {synced, failed, total}
 *   group.create         subject, participants, community? b, parent? jid
 *                        -> group object, result: [{jid, status}]
 *   group.leave
 *   group.subject        subject
 *   group.description    description ("" removes it)
 *   group.participants   participants, action add|remove|promote|demote
 *                        -> result: [{jid, status, invite?}]
 *   group.settings       any of announce b, locked b, join_approval b,
 *                        ephemeral_duration i (0 off),
 *                        member_add_mode all|admin: one at a time
 *   group.invite         revoke? b -> {code, link}
 *   group.inspect        code -> group object
 *   group.join           code -> {jid, pending b}
 *   group.requests       -> requests: [{jid, requested_at}]
 *   group.answer         participants, action approve|reject -> result
 *   group.linked         -> groups: [{jid, name}]
 *   group.link, group.unlink   groups [jid]
 *
 * Answers without a form here are {success: true}.  Errors: VALIDATION_ERROR,
 * GROUP_NOT_FOUND, those of wa_query_failed().
 */
#ifndef WA_GROUP_QUERY_H
#define WA_GROUP_QUERY_H

#include "wa_query.h"


/* One function for all others: the verb is in the arguments. */
void wa_group_query(wa_account_t *a, const wa_cmd_t *cmd);

#endif /* WA_GROUP_QUERY_H */
