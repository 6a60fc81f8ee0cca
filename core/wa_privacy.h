/*
 * What shows WhatsApp that a contact and we know each other: the tokens that
 * contacts give us and we give them, and what stands in for them.  A message
 * to somebody who gave us none may be refused (463).  Facts: protocol 7.8,
 * 7.9.
 *
 * Record trust/<user@server>, under the LID when known:  u8 version,
 * u32 u32 time of the contact's token, u32 u32 when ours was given (unix s,
 * 0: never), the contact's token.
 * Record nct: the salt of the tokens that stand in (wa_cstoken()).
 */
#ifndef WA_PRIVACY_H
#define WA_PRIVACY_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_node.h"
#include "wa_prepare.h"
#include "wa_task.h"
#include "wa_unit.h"


/* The longest token that is kept, bytes; real ones have some ten. */
#define WA_TRUST_TOKEN_MAX  512

typedef struct {
    int64_t    received_s;      /* of the contact's token; 0: none         */
    int64_t    issued_s;        /* when ours was given; 0: never           */
    wa_span_t  token;           /* borrowed, as wa_record_get() lends it   */
} wa_trust_t;


/* Names the records that wa_privacy_nodes() reads for a chat with `jid`:
   writes at most WA_PRIVACY_KEYS keys, returns how many; 0: no person's
   address, or out of memory. */
#define WA_PRIVACY_KEYS  2

size_t wa_privacy_need(const wa_jid_t *jid, wa_arena_t *arena,
    wa_key_t *keys);

/* What is known of a person; all zero when nothing is, or its record is not
   in memory. */
void wa_trust_get(wa_account_t *a, const wa_jid_t *jid, wa_trust_t *trust);

/* Keeps it.  WA_ERR_ARG: no person's address, or too long a token;
   WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_trust_put(wa_unit_t *u, const wa_jid_t *jid,
    const wa_trust_t *trust);

/* A pair was learnt: what was kept under the number moves to the LID, the
   newer token wins.  Needs both records, see wa_privacy_need(). */
wa_err_t wa_trust_move(wa_unit_t *u, const wa_jid_t *pn,
    const wa_jid_t *lid);

/* The salt, 1 to 64 bytes; empty: there is none any more.  WA_ERR_ARG,
   WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_privacy_salt(wa_unit_t *u, wa_span_t salt);


/*
 * Adds to the stanza of a 1:1 message what belongs beside its copies:
 * <reporting>, and <tctoken> or <cstoken>; tells in the send whether the
 * contact is cold (gave no token and never wrote) and whether our token is
 * due.  `answered`: a device of the contact has written to us.  Needs the
 * records of wa_privacy_need().  WA_ERR_NOMEM.
 */
wa_err_t wa_privacy_nodes(wa_task_t *t, wa_prepare_t *p, wa_node_t *stanza,
    bool answered);

/* Adds <reporting> to the stanza of any message: nothing for one without a
   secret, or of a kind that is not reported.  `lid`: the stanza names us by
   our LID.  WA_ERR_NOMEM. */
wa_err_t wa_privacy_reporting(wa_task_t *t, const wa_prepare_t *p, bool lid,
    wa_node_t *stanza);

/* Adds <tctoken> or <cstoken>, if there is one for this contact, to the
   stanza of a message that is sent again.  Needs the records of
   wa_privacy_need().  WA_ERR_NOMEM. */
wa_err_t wa_privacy_token(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, wa_node_t *stanza);

/* Adds <tctoken> alone, if there is a valid one of this contact, to what is
   asked about the contact: picture, presence, about.  Needs the records of
   wa_privacy_need().  WA_ERR_NOMEM. */
wa_err_t wa_privacy_tctoken(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, wa_node_t *node);

/* The same token as <privacy>, of a <participant> who is to join a group. */
wa_err_t wa_privacy_member(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *contact, wa_node_t *node);

/* The server took this send: gives the contact our token if it is due.
   Nobody waits for it; it is tried again with the next message. */
void wa_privacy_issue(wa_account_t *a, const wa_send_t *s);

/* The person registered anew: gives the token again, with the time it had,
   if one was given that is still valid. */
void wa_privacy_reissue(wa_account_t *a, const wa_jid_t *jid);

/* Serial stanza task of <notification type=privacy_token>: a contact gives
   us a token.  Acknowledges the stanza and ends the task. */
void wa_privacy_notification(wa_task_t *t);

#endif /* WA_PRIVACY_H */
