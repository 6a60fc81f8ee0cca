/*
 * Messages wanted from our phone, shared between the files of it.
 */
#ifndef WA_PLACEHOLDER_INT_H
#define WA_PLACEHOLDER_INT_H

#include "store.pb-c.h"

#include "wa_placeholder.h"


/* The list; never NULL with WA_OK.  WA_AGAIN: not in memory. */
wa_err_t wa_wanted_get(wa_account_t *a, wa_arena_t *arena,
    Wa__WantedList **list);

wa_err_t wa_wanted_put(wa_unit_t *u, const Wa__WantedList *list);

/* Takes item i out. */
void wa_wanted_remove(Wa__WantedList *list, size_t i);

/* True if it came by itself meanwhile; its record seen is in memory. */
bool wa_wanted_came(wa_account_t *a, const Wa__WantedList__Item *item);

/* Has the list looked at in `ms`, unless that is to happen earlier. */
void wa_wanted_wake(wa_account_t *a, wa_time_t ms);

#endif /* WA_PLACEHOLDER_INT_H */
