/*
 * Messages that we know of but cannot read: our own phone has them, and is
 * asked to hand them out.
 *
 * What is wanted is listed in the record `wanted`, so that a restart forgets
 * nothing.  The list is bounded, every message is asked for at most three
 * times, and what comes by itself meanwhile is not asked for.  An answer is
 * taken from our phone alone, for what is on the list alone, once.
 * Source: protocol notes on retry receipts and peer data; whatsmeow
 * sendMessageResendRequest, Baileys requestPlaceholderResend.
 */
#ifndef WA_PLACEHOLDER_H
#define WA_PLACEHOLDER_H

#include "message.pb-c.h"

#include "wa_account.h"
#include "wa_recv_int.h"
#include "wa_task.h"
#include "wa_unit.h"


#define WA_PLACEHOLDER_RECORD  "wanted"

/* Messages wanted at a time. */
#define WA_PLACEHOLDER_MAX     128

/* Keys of wa_placeholder_need(). */
#define WA_PLACEHOLDER_KEYS    (1 + WA_PLACEHOLDER_MAX)

/*
 * Puts the message of this stanza on the list, to be asked for in `delay_s`
 * seconds.  Needs the record `wanted` in memory.  False: it is not asked for
 * (too old, not of a chat, the list is full, the unit failed).
 */
bool wa_placeholder_want(wa_unit_t *u, const wa_node_t *stanza,
    int64_t delay_s);

/* Records of wa_placeholder_take(): the list and, as far as that is in memory
   already, what tells which of it came by itself. */
size_t wa_placeholder_need(wa_account_t *a, wa_arena_t *arena,
    wa_key_t *keys);

/*
 * What our phone answered, m being the message that brought it: events of the
 * messages in it go into the unit.  WA_ERR_NOMEM: drop the unit.
 */
wa_err_t wa_placeholder_take(wa_unit_t *u, wa_arena_t *arena,
    const Wa__Message__PeerDataOperationRequestResponseMessage *answer);

/* After a login: goes on with what is on the list. */
void wa_placeholder_online(wa_account_t *a);

void wa_placeholder_expire(wa_account_t *a);
wa_time_t wa_placeholder_deadline(const wa_account_t *a);  /* -1: none     */

#endif /* WA_PLACEHOLDER_H */
