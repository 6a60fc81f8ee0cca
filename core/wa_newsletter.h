/*
 * Channels (newsletters): one writes, everybody reads, nothing is encrypted.
 *
 *   wa_newsletter.c          verbs of WA_OP_QUERY
 *   wa_newsletter_json.c     what the server tells about channels and their
 *                            messages -> JSON of the HTTP contract
 *   wa_newsletter_recv.c     messages, edits and counts -> events
 *   wa_newsletter_known.c    which message is which
 *   wa_newsletter_send.c     posts, edits, deletions and reactions
 *
 * A message of a channel has the id of its author's choice and a number of
 * the server's, which reactions, views and pages go by.
 */
#ifndef WA_NEWSLETTER_H
#define WA_NEWSLETTER_H

#include <jansson.h>

#include "wa_account.h"
#include "wa_event_message.h"
#include "wa_jid.h"
#include "wa_node.h"
#include "wa_recent.h"
#include "wa_task.h"
#include "wa_unit.h"


/* Messages of one page, and views of one report. */
#define WA_NEWSLETTER_PAGE_MAX  100

/* Messages of one live update or answer that are looked at. */
#define WA_NEWSLETTER_LIST_MAX  500


/*
 * Verbs "channel.*" (wa_query.h):
 *   list                                  -> array of channels
 *   get       key: address or invite      -> channel
 *   create    name, description?, accept_terms? b   -> channel
 *   update    jid, name?, description?    -> channel
 *   follow, unfollow, mute, unmute, delete  jid     -> {success, jid}
 *   messages  jid, limit?, before? (server_id)      -> array of messages
 *   live      jid                         -> {success, jid, duration s}
 *   viewed    jid, server_ids [i]         -> {success, jid, count}
 * Answers beside those of wa_query_failed(): INVALID_RECIPIENT, FORBIDDEN,
 * RESOURCE_NOT_FOUND, VALIDATION_ERROR, WHATSAPP_RATE_LIMIT.
 */
void wa_newsletter_query(wa_account_t *a, const wa_cmd_t *cmd);


/* ---- JSON ---- */

/*
 * A channel of the HTTP contract from the server's.  New reference; NULL: no
 * memory, or `meta` has no address of a channel.
 */
json_t *wa_newsletter_channel(wa_account_t *a, const json_t *meta);

/*
 * Array of the <message>s below a list node, at most WA_NEWSLETTER_LIST_MAX.
 * `brief`: only ids and counts, as live updates tell.  NULL: no memory.
 */
json_t *wa_newsletter_messages(wa_account_t *a, const wa_jid_t *channel,
    const wa_node_t *list, bool brief);


/* ---- receiving ---- */

/* Serial task of a <message> or <status> whose sender is a channel. */
void wa_newsletter_message(wa_task_t *t);

/* Serial task of <notification type=newsletter>. */
void wa_newsletter_notification(wa_task_t *t);

/* Members of mex notifications: events into the unit.  WA_ERR_NOMEM. */
wa_err_t wa_newsletter_told_join(wa_unit_t *u, const json_t *value);
wa_err_t wa_newsletter_told_leave(wa_unit_t *u, const json_t *value);
wa_err_t wa_newsletter_told_mute(wa_unit_t *u, const json_t *value);


/* ---- which message is which ---- */

typedef struct {
    uint64_t   server_id;         /* 0: not known                          */
    bool       from_me;
} wa_newsletter_known_t;

/*
 * The seen/<hash> record of a channel's message holds what is known of it.
 * `what` "" for the message itself; otherwise it names something that is
 * said about it, an edit.  Errors of wa_stanza_key().
 */
wa_err_t wa_newsletter_key(wa_account_t *a, const wa_jid_t *channel,
    wa_span_t id, const char *what, int64_t ts, wa_stanza_key_t *key);

/* Its names in every bucket, WA_BUCKET_DAYS at most; returns how many. */
size_t wa_newsletter_need(wa_account_t *a, const wa_stanza_key_t *key,
    wa_key_t *keys);

/* After wa_task_need() of those.  False: none of them exists. */
bool wa_newsletter_known(wa_account_t *a, const wa_stanza_key_t *key,
    wa_newsletter_known_t *out);

/* Writes it. */
wa_err_t wa_newsletter_put(wa_unit_t *u, const wa_stanza_key_t *key,
    const wa_newsletter_known_t *known);

#endif /* WA_NEWSLETTER_H */
