/*
 * A history database for one test: a fresh SQLite file, or a fresh schema of
 * a temporary PostgreSQL server.  One list of tests runs against both:
 *
 *     WA_DB_BOTH(test),              in the array of tests
 *     cmocka_run_group_tests(tests, NULL, wa_pg_end)
 */
#ifndef WA_DB_H
#define WA_DB_H

#include "wa_pg.h"
#include "wa_project.h"


typedef struct {
    wa_sql_conf_t   conf;
    wa_sql_t       *db;           /* open */
    char            dir[64];
    char            target[160];
} wa_db_t;

/* cmocka fixtures; *state is a wa_db_t. */
int wa_db_setup_sqlite(void **state);
int wa_db_setup_pg(void **state);
int wa_db_teardown(void **state);

#define WA_DB_SQLITE(f)                                                       \
    { #f " (sqlite)", f, wa_db_setup_sqlite, wa_db_teardown, NULL }
#define WA_DB_PG(f)                                                           \
    { #f " (postgresql)", f, wa_db_setup_pg, wa_db_teardown, NULL }
#define WA_DB_BOTH(f)  WA_DB_SQLITE(f), WA_DB_PG(f)

/*
 * An event of the log about a message, members NULL or 0: "message.received"
 * of account "a1", tenant "default", in the chat 15550002@s.whatsapp.net
 * (200@lid), a text "hello" at 100, status as the type says.
 */
typedef struct {
    const char  *type;
    const char  *id;              /* required; WhatsApp's is "W" + id */
    const char  *account;
    const char  *tenant;
    const char  *jid;
    const char  *lid;
    const char  *status;
    const char  *kind;
    const char  *body;
    const char  *push_name;
    const char  *source;
    bool         has_media;
    int64_t      ts;
} wa_db_message_t;

/* Projects one entry at shard 7, `ms`-0; fails the test if it cannot.
   True: it was taken over. */
bool wa_db_message(wa_db_t *d, uint64_t ms, const wa_db_message_t *m);

/* The same with an event's type and "data" of account "a1", as JSON. */
bool wa_db_event(wa_db_t *d, uint64_t ms, const char *type,
    const char *data);

/* The same with any body. */
bool wa_db_body(wa_db_t *d, uint32_t shard, uint64_t ms, wa_span_t body);

/* JSON text of the event; to be freed. */
char *wa_db_message_text(const wa_db_message_t *m);

/* Another open handle on the same database; fails the test if it cannot. */
wa_sql_t *wa_db_open(const wa_db_t *d);

/* Runs a query of one column and one row without parameters. */
int64_t wa_db_int(wa_sql_t *db, const char *query);
void wa_db_text(wa_sql_t *db, const char *query, char *out, size_t cap);

#endif /* WA_DB_H */
