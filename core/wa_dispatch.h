/*
 * Stanza tag -> handler.  The table in wa_dispatch.c is the list of what the
 * account understands.
 */
#ifndef WA_DISPATCH_H
#define WA_DISPATCH_H

#include "wa_account_int.h"


/*
 * Takes a decoded stanza.  When it is parked for later, its memory goes
 * along: `arena` is then empty.
 */
void wa_dispatch_stanza(wa_account_t *a, wa_node_t *node,
    wa_arena_t *arena);

#endif /* WA_DISPATCH_H */
