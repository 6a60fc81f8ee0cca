/*
 * Being there: whether the account is shown as online, who is told to us, and
 * who is typing.  Facts: protocol 15 (presence, chatstate), 16.
 *
 * An account is not available by itself: while a linked device is, the phone
 * shows no notifications.  It announces "unavailable", with its name, which
 * others would not see otherwise, once per login.  A command makes it
 * available for a time; the setting always_available whenever it is connected.
 * While it is not, WhatsApp sends little of others' presence, and delivery
 * receipts say "inactive".
 *
 * Record watch: whose presence is subscribed to, lines of addresses, the
 * oldest first.  The server forgets them with the connection; they are sent
 * anew when the account becomes available on another one.
 */
#ifndef WA_PRESENCE_H
#define WA_PRESENCE_H

#include "wa_query.h"
#include "wa_unit.h"


#define WA_PRESENCE_RECORD     "watch"

/* Subscriptions of one account. */
#define WA_PRESENCE_WATCH_MAX  128

/* How long "available" lasts when the command does not say, and at most;
   seconds. */
#define WA_PRESENCE_SECONDS      600
#define WA_PRESENCE_SECONDS_MAX  86400


/* The account became READY, its settings or its name changed: announces what
   is to be shown, unless that is shown already on this connection. */
void wa_presence_apply(wa_account_t *a);

/*
 * The account's own name, UTF-8 of at most WA_PRESENCE_NAME_MAX bytes, as the
 * server or an own device tells it: credentials and view, if it is another
 * one.  wa_presence_apply() shows it.  WA_ERR_ARG: empty or too long.
 */
#define WA_PRESENCE_NAME_MAX  200

wa_err_t wa_presence_name(wa_unit_t *u, wa_span_t name);

void wa_presence_free(wa_account_t *a);

/*
 * Verb "presence.set" {type, jid?, seconds?}: available or unavailable,
 * {available b, until_ms? i}; or composing, recording, paused to a chat, {}.
 * INVALID_STATE: the account's name is not known yet.
 *
 * Verbs "presence.subscribe" and "presence.unsubscribe" {jid}: {jid, lid,
 * available b}; "presence.list" {}: {subscriptions [{jid, lid}], available
 * b}.  INVALID_RECIPIENT; INVALID_STATE: there are as many as may be.
 */
void wa_presence_query(wa_account_t *a, const wa_cmd_t *cmd);
void wa_presence_watch_query(wa_account_t *a, const wa_cmd_t *cmd);

/* Sends the subscriptions anew, if this was not done on this connection. */
void wa_presence_watch(wa_account_t *a);

/*
 * Serial tasks of inbound <presence> and <chatstate>, which are not
 * acknowledged: event presence.updated {chat_jid, jid, lid, status,
 * last_seen}.  What is repeated within seconds, or comes in a flood, is
 * dropped.
 */
void wa_presence_stanza(wa_task_t *t);
void wa_chatstate_stanza(wa_task_t *t);

#endif /* WA_PRESENCE_H */
