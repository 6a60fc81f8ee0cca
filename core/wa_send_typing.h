/*
 * typing_ms of a send: for so long the chat shows that somebody is writing,
 * or recording, before the message comes.
 *
 *     prepare_known   it is no repeat: <chatstate>, and back into the queue
 *     send timer      the time is over: prepared once more
 *
 * Meanwhile only later sends to the same chat wait behind it.  Its caller's
 * patience goes on: typing takes at most half of it.
 * Source: protocol notes, chatstate; the phones forget a state that is not
 * followed by anything.
 */
#ifndef WA_SEND_TYPING_H
#define WA_SEND_TYPING_H

#include "wa_send_int.h"


/* Sends of an account that type at a time; more are sent without. */
#define WA_TYPING_MAX     64


/*
 * Called once the chat's records are in memory.  True: the send is back in
 * the queue and its timer is set; the caller lets go of it.  False: it is not
 * to type, or has done so.
 */
bool wa_typing_start(wa_account_t *a, wa_send_t *s);

/* It types no more, or did not; to be sent when its turn comes. */
void wa_typing_end(wa_account_t *a, wa_send_t *s);

/* The message will not come: the chat is told, if it was shown anything. */
void wa_typing_paused(wa_account_t *a, const wa_send_t *s);

/* It types, or waits for one before it in the same chat that does. */
bool wa_typing_waits(const wa_account_t *a, const wa_send_t *s);

#endif /* WA_SEND_TYPING_H */
