/*
 * Schema of the history database (job side): numbered migrations.
 *
 * A version is reached in one transaction that also writes its number, under
 * a lock against other processes: whoever crashes leaves a whole version.
 * A migration that was released is never changed; a change is a new one.
 */
#ifndef WA_SCHEMA_H
#define WA_SCHEMA_H

#include "wa_sql.h"


typedef struct {
    uint32_t     version;       /* 1, 2, ... without gaps */
    const char  *script;        /* the same for both backends */
} wa_migration_t;

/* What this code reads and writes. */
#define WA_SCHEMA_VERSION  1

/*
 * Brings a connected database to WA_SCHEMA_VERSION; nothing is written when
 * it is there.  Called by wa_sql_open().
 * WA_ERR_VERSION: it is newer, wa_sql_error() says what to do.  Else errors
 * of wa_sql.h, nothing was changed.
 */
wa_err_t wa_schema_apply(wa_sql_t *db);

/* The same with a given list of migrations, 1 to n. */
wa_err_t wa_schema_migrate(wa_sql_t *db, const wa_migration_t *list,
    size_t n);

/* The database's version, 0: empty. */
wa_err_t wa_schema_version(wa_sql_t *db, uint32_t *version);

#endif /* WA_SCHEMA_H */
