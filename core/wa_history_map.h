/*
 * Who is who in a piece of history (job side): pairs of phone and hidden
 * addresses, and the people whose other address is still looked for.
 */
#ifndef WA_HISTORY_MAP_H
#define WA_HISTORY_MAP_H

#include "wa_jid.h"
#include "wa_mem.h"


/* People in one piece of history; what comes after them stays unknown. */
#define WA_HISTORY_PEOPLE_MAX  65536u

/* One address.  Owned by the map. */
typedef struct wa_history_person_s  wa_history_person_t;

struct wa_history_person_s {
    wa_history_person_t  *next;         /* in the order they came          */
    wa_history_person_t  *other;        /* the same person's other address;
                                           NULL: not known                 */
    uint8_t               server;       /* WA_SERVER_PN, WA_SERVER_LID     */
    uint8_t               user_len;
    char                  user[];       /* not terminated                  */
};

typedef struct {
    wa_arena_t             *arena;      /* borrowed                        */
    wa_history_person_t    *first;
    wa_history_person_t   **tail;
    wa_history_person_t   **slots;      /* by hash; a power of two         */
    size_t                  n_slots;
    size_t                  n;
    bool                    nomem;      /* somebody is missing for that    */
} wa_history_map_t;


/* Everything but the table of slots is in the arena.  WA_ERR_NOMEM. */
wa_err_t wa_history_map_init(wa_history_map_t *m, wa_arena_t *arena);
void wa_history_map_free(wa_history_map_t *m);      /* zeroed: fine         */

/*
 * The person with this address, added if new.  NULL: no person's address, too
 * many, or no memory (m->nomem tells).
 */
wa_history_person_t *wa_history_map_add(wa_history_map_t *m,
    const wa_jid_t *jid);

/* The two are one.  False: not a PN and a LID, or not known to be added.  A
   later pair wins. */
bool wa_history_map_pair(wa_history_map_t *m, const wa_jid_t *pn,
    const wa_jid_t *lid);

/* Fills in both addresses of jid's person, bare; one that is not known is
   WA_SERVER_NONE.  Adds nothing. */
void wa_history_map_find(const wa_history_map_t *m, const wa_jid_t *jid,
    wa_jid_t *pn, wa_jid_t *lid);

/* The address as a value. */
wa_jid_t wa_history_person_jid(const wa_history_person_t *p);

#endif /* WA_HISTORY_MAP_H */
