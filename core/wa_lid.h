/*
 * PN <-> LID: which phone number belongs to which hidden address.  The only
 * home of that knowledge is the pair of records lid/<pn user>, pn/<lid user>;
 * our own pair is in the credentials.  A record pn/ that holds "?" says that
 * a chat is shown under the LID alone.  Facts: protocol 7.4.
 *
 * Sessions and device lists are kept under the LID once it is known, so
 * learning a pair moves them.
 */
#ifndef WA_LID_H
#define WA_LID_H

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_mem.h"
#include "wa_task.h"
#include "wa_unit.h"


/*
 * The record that tells the other address of `jid` (PN or LID): writes
 * WA_LID_KEYS key, returns 1; 0: not such an address, or out of memory.
 */
#define WA_LID_KEYS  1

size_t wa_lid_need(const wa_jid_t *jid, wa_arena_t *arena, wa_key_t *keys);

/*
 * The other address, with the device of the one given.  False: not known or
 * its record is not in memory (wa_lid_need()).
 */
bool wa_lid_of(wa_account_t *a, const wa_jid_t *pn, wa_jid_t *lid);
bool wa_pn_of(wa_account_t *a, const wa_jid_t *lid, wa_jid_t *pn);

/* Replaces a PN by its LID if that is known; leaves everything else. */
void wa_lid_prefer(wa_account_t *a, wa_jid_t *jid);

/* Asks the server anew for the LID of this number, which it says has changed,
   and learns the answer.  Nobody waits for it. */
void wa_lid_refresh(wa_account_t *a, const wa_jid_t *pn);

/*
 * A chat is shown under this LID, because its number is not known: when it
 * becomes known, chat.merged is told.  Does nothing if the number is known or
 * the LID's record is not in memory (wa_lid_need()).
 */
wa_err_t wa_lid_shown(wa_unit_t *u, const wa_jid_t *lid);

/* Puts the pair into a unit; the newest pair wins, older ones of either side
   are deleted, and where a chat was shown under another address before,
   chat.merged {from, into, lid} is told.  Needs both records; moves
   nothing. */
wa_err_t wa_lid_put(wa_unit_t *u, const wa_jid_t *pn, const wa_jid_t *lid);

/*
 * Learns a pair, e.g. from a stanza's attributes, and moves the sessions,
 * identities and device list of that person to the LID.  The device parts
 * of both addresses tell of a device that exists even if no list has it.
 *   WA_OK     known already (in memory): go on now
 *   WA_AGAIN  a child was started; the parent's resume gets WA_OK or an
 *             error (the pair is then not learnt)
 *   WA_ERR_ARG  not a PN and a LID;  WA_ERR_NOMEM
 * Our own pair is always known; another LID for our own PN (or the other
 * way round) is refused with WA_ERR_ARG.
 */
wa_err_t wa_lid_learn(wa_task_t *parent, const wa_jid_t *pn,
    const wa_jid_t *lid);

/*
 * Learns those of the pairs that are new all over: neither address has another
 * one yet, nobody's device list is known, no device is named.  All in one
 * commit; the others are left for wa_lid_learn().  More than WA_LID_NEW_MAX
 * pairs are left, too.
 *   WA_AGAIN  a child was started; the parent's resume gets WA_OK or an
 *             error (then none is learnt)
 *   WA_ERR_NOMEM
 */
#define WA_LID_NEW_MAX  64u

typedef struct {
    wa_jid_t   pn;
    wa_jid_t   lid;
} wa_lid_pair_t;

wa_err_t wa_lid_learn_new(wa_task_t *parent, const wa_lid_pair_t *pairs,
    size_t n);

/*
 * Finds the LID of a PN, asking the server when it is not known.
 *   WA_OK     *lid is set now (also when jid is a LID: a copy)
 *   WA_AGAIN  a child was started; at the parent's resume with WA_OK *lid is
 *             set, or still zero (server WA_SERVER_NONE): has none
 *   WA_ERR_ARG, WA_ERR_NOMEM
 * Errors at resume: WA_ERR_REFUSED, _TIMEOUT, _GONE, _NOMEM.
 */
wa_err_t wa_lid_resolve(wa_task_t *parent, const wa_jid_t *jid,
    wa_jid_t *lid);

/*
 * Serial stanza task of <notification type=contacts>: with <modify> a contact
 * changed the number, which is learnt.  Acknowledges the stanza and ends the
 * task.
 */
void wa_lid_notification(wa_task_t *t);

#endif /* WA_LID_H */
