/*
 * Messages without their content: the server says that there is one and that
 * this device cannot have it (<unavailable>), or it has no <enc> at all.
 * Told once by message.undecryptable; our phone is asked for it, but for the
 * kinds that it never hands out (view-once, bots, hosted).
 * Source: protocol notes on retry receipts; Baileys messages-recv.
 */
#ifndef WA_UNAVAILABLE_H
#define WA_UNAVAILABLE_H

#include "wa_node.h"
#include "wa_task.h"


bool wa_unavailable_is(const wa_node_t *stanza);

/* Takes over the stanza task; ends it. */
void wa_unavailable(wa_task_t *t);

#endif /* WA_UNAVAILABLE_H */
