/*
 * A history database for one test: a fresh SQLite file.
 */
#ifndef WA_DB_H
#define WA_DB_H

#include "wa_sql.h"


typedef struct {
    wa_sql_conf_t   conf;
    wa_sql_t       *db;           /* open */
    char            dir[64];
    char            target[160];
} wa_db_t;

/* cmocka fixtures; *state is a wa_db_t. */
int wa_db_setup_sqlite(void **state);
int wa_db_teardown(void **state);

/* Another open handle on the same database; fails the test if it cannot. */
wa_sql_t *wa_db_open(const wa_db_t *d);

/* Runs a query of one column and one row without parameters. */
int64_t wa_db_int(wa_sql_t *db, const char *query);
void wa_db_text(wa_sql_t *db, const char *query, char *out, size_t cap);

#endif /* WA_DB_H */
