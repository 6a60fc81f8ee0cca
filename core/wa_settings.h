/*
 * The account's privacy settings at WhatsApp: who sees when it was online, its
 * picture, its read receipts, ... and who may call it or add it to groups.
 * Facts: protocol 15 (privacy), 8.6 (account_sync).
 *
 * Record privacy: what WhatsApp told last, lines "<category> <value>\n" in its
 * own words.  It is not fetched before somebody needs it; from then on the
 * server tells of changes, and where it may have told in vain (a dirty mark)
 * the record is forgotten.
 */
#ifndef WA_SETTINGS_H
#define WA_SETTINGS_H

#include "wa_query.h"
#include "wa_unit.h"


#define WA_SETTINGS_RECORD  "privacy"

/* People in one change of an exception list. */
#define WA_SETTINGS_PEOPLE_MAX  256

/* The value of a category, e.g. "readreceipts", borrowed as wa_record_get()
   lends it.  p NULL: not known, or WA_SETTINGS_RECORD is not in memory. */
wa_span_t wa_settings_get(wa_account_t *a, const char *category);

/* Asks the server for all settings; waits and fails as wa_task_iq().  The
   answer's <privacy> is for wa_settings_keep(). */
wa_err_t wa_settings_ask(wa_task_t *t);

/* Takes over the categories of a <privacy> into the record; others stay as
   they are known.  WA_ERR_NOMEM, WA_ERR_LIMIT; WA_ERR_SYNTAX: NULL. */
wa_err_t wa_settings_keep(wa_unit_t *u, const wa_node_t *privacy);

/* Nothing is known any more. */
wa_err_t wa_settings_forget(wa_unit_t *u);

/*
 * Verbs (all answer an object):
 *   "privacy.get"   {}: asks WhatsApp; {last_seen, online, ...}
 *   "privacy.set"   {settings {name: value}}: one after the other; answers as
 *                   privacy.get.  VALIDATION_ERROR: no such name or value.
 *   "privacy.list"  {name}: {name, except [{jid, lid}]}, who is left out while
 *                   the value is "contact_blacklist"
 *   "privacy.except" {name, add [jid], remove [jid]}: changes that list and
 *                   sets that value; answers as privacy.list.  A list that
 *                   somebody else has changed meanwhile (409) is read again
 *                   and the change tried anew.
 * Names are those of the HTTP contract, or WhatsApp's own.  Event
 * privacy.updated {settings} tells of every change, whoever made it.
 */
void wa_settings_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_settings_list_query(wa_account_t *a, const wa_cmd_t *cmd);

/* WhatsApp's word for a name, with whether it has an exception list; NULL:
   there is no such setting. */
const char *wa_settings_category(wa_span_t name, bool *list);

/* And back; p NULL: the word itself is shown. */
const char *wa_settings_name(wa_span_t category);

/* New reference: {jid, lid} of a person, as far as the records of
   wa_lid_need() are in memory. */
json_t *wa_settings_person(wa_account_t *a, const wa_jid_t *jid);

/* Serial stanza task of <notification type=account_sync> with <privacy>. */
void wa_settings_notification(wa_task_t *t);

#endif /* WA_SETTINGS_H */
