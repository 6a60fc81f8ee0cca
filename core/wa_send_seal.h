/*
 * Reactions in the announcement group of a community.  Its members do not see
 * one another, so what they say of a message is sealed with its secret
 * (protocol 9.2, 9.9; whatsmeow msgsecret.go).  The send keeps the reaction
 * itself, for its event; what leaves is p->wire.
 */
#ifndef WA_SEND_SEAL_H
#define WA_SEND_SEAL_H

#include "wa_prepare.h"


/* By both addresses of the author. */
#define WA_SEAL_KEYS  (2 * WA_BUCKET_DAYS)


/* Whether the send is such a reaction.  Needs the group's record. */
bool wa_seal_wants(wa_task_t *t, const wa_send_t *s);

/* Records of the secret of somebody else's message, WA_SEAL_KEYS at most;
   names are in the task's arena.  Returns how many. */
size_t wa_seal_need(wa_task_t *t, const wa_send_t *s, wa_key_t *keys);

/*
 * Sets p->wire and p->attrs.  Needs what wa_seal_need() names, and out/ of the
 * target.  A secret that is not known (the message came before us): nothing
 * is set, and the reaction leaves as it is.  WA_ERR_NOMEM, WA_ERR_LIMIT.
 */
wa_err_t wa_seal_reaction(wa_task_t *t, wa_prepare_t *p);

#endif /* WA_SEND_SEAL_H */
