/*
 * The history database (job side): blocking calls, made only by thread-pool
 * jobs; nothing here is seen by an account.  One handle belongs to one
 * thread at a time.
 *
 * Statements are written once for both backends: parameters are $1..$n
 * (SQLite reads them too), types and upserts the common subset; where the
 * two differ, the backend's file knows.
 */
#ifndef WA_SQL_H
#define WA_SQL_H

#include "wa_base.h"


typedef struct wa_sql_s       wa_sql_t;
typedef struct wa_sql_rows_s  wa_sql_rows_t;

typedef enum {
    WA_SQL_SQLITE = 0,
    WA_SQL_POSTGRESQL
} wa_sql_backend_e;

typedef struct {
    wa_sql_backend_e   backend;
    const char        *target;    /* file path, or postgresql:// URL without
                                     password                               */
    const char        *password;  /* NULL: none                             */
    int                timeout_ms;    /* connect, and lock or statement
                                     waits                                  */
} wa_sql_conf_t;

/* What a statement is given; text and bytes are borrowed for the call. */
typedef enum {
    WA_SQL_NULL = 0,
    WA_SQL_INT,
    WA_SQL_DOUBLE,
    WA_SQL_TEXT,
    WA_SQL_BYTES
} wa_sql_type_e;

typedef struct {
    wa_sql_type_e   type;
    int64_t         i;
    double          d;
    wa_span_t       s;
} wa_sql_value_t;

/*
 * Errors of all functions below:
 *   faults that a later attempt may not meet:
 *     WA_ERR_TIMEOUT  locked or slow beyond the timeout
 *     WA_ERR_IO       unreachable, connection lost, file not readable, no
 *                     right to it, read-only
 *     WA_ERR_FULL     no space left on the device, quota
 *   WA_ERR_NOMEM
 *   WA_ERR_VERSION    the schema is newer than this code
 *   WA_ERR_ARG        a constraint or a statement the backend does not take
 *   WA_ERR_FATAL      the database is damaged
 *   WA_ERR_STATE      not open (wa_sql_open() comes first, also after a
 *                     connection was lost), or rows are still held
 * wa_sql_error() has the backend's own words (no values of parameters, no
 * password); they are for the log.
 *
 * An error inside a transaction sticks: every call repeats it until
 * wa_sql_rollback(), and wa_sql_commit() rolls back and gives it.
 */

/* NULL only when out of memory.  Does not connect yet; `conf` is copied. */
wa_sql_t *wa_sql_create(const wa_sql_conf_t *conf);
void wa_sql_free(wa_sql_t *db);

/*
 * Connects if not connected, applies missing migrations (wa_schema) under a
 * lock that other processes respect.  Costs nothing when all is well: call
 * it before each job.  A handle must not cross a fork().
 */
wa_err_t wa_sql_open(wa_sql_t *db);

/* Drops the connection and an open transaction; wa_sql_open() reconnects. */
void wa_sql_close(wa_sql_t *db);

/* Never NULL; valid until the next call. */
const char *wa_sql_error(const wa_sql_t *db);
wa_sql_backend_e wa_sql_backend(const wa_sql_t *db);

/*
 * What was committed is on disk: SQLite runs with synchronous=FULL, a
 * PostgreSQL session never with synchronous_commit=off.  After WA_ERR_IO or
 * WA_ERR_TIMEOUT of wa_sql_commit() it is not known whether it happened.
 */
wa_err_t wa_sql_begin(wa_sql_t *db);        /* for writing */
wa_err_t wa_sql_commit(wa_sql_t *db);
void wa_sql_rollback(wa_sql_t *db);         /* also after any error */

/*
 * Runs one statement that gives no rows; *changed: how many it inserted,
 * updated or deleted.  With `changed` NULL inside a transaction the backend
 * may answer later: an error then comes from a following call, at the latest
 * from wa_sql_commit().
 */
wa_err_t wa_sql_exec(wa_sql_t *db, const char *statement,
    const wa_sql_value_t *values, size_t n, int64_t *changed);

/* Several statements separated by ';', without parameters (migrations). */
wa_err_t wa_sql_script(wa_sql_t *db, const char *script);

/*
 * A query (also INSERT ... RETURNING); rows are walked with wa_sql_next()
 * (WA_OK a row, WA_AGAIN the end) and must be freed before the next call on
 * `db`.  Columns count from 0; text and bytes are valid until the next row.
 */
wa_err_t wa_sql_query(wa_sql_t *db, const char *statement,
    const wa_sql_value_t *values, size_t n, wa_sql_rows_t **rows);
wa_err_t wa_sql_next(wa_sql_rows_t *rows);
bool wa_sql_is_null(const wa_sql_rows_t *rows, size_t column);
int64_t wa_sql_int(const wa_sql_rows_t *rows, size_t column);
double wa_sql_double(const wa_sql_rows_t *rows, size_t column);
wa_span_t wa_sql_text(const wa_sql_rows_t *rows, size_t column);
void wa_sql_rows_free(wa_sql_rows_t *rows);

#endif /* WA_SQL_H */
