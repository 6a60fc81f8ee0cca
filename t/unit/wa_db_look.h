/*
 * Looking into the history database of a test: one value by its query.
 */
#ifndef WA_DB_LOOK_H
#define WA_DB_LOOK_H

#include "wa_db.h"


/* As text, "" for null; until the next call. */
static inline const char *
look(wa_db_t *d, const char *query)
{
    static char  out[2048];

    wa_db_text(d->db, query, out, sizeof(out));

    return out;
}


static inline int64_t
number(wa_db_t *d, const char *query)
{
    return wa_db_int(d->db, query);
}

#endif /* WA_DB_LOOK_H */
