/*
 * The history database on PostgreSQL: the backend.  Only the files
 * wa_sql_pg* include libpq.
 *
 * The connection stays in pipeline mode: statements whose result nobody asks
 * for are sent and their answers read later, so that a batch of the
 * projection costs a few round trips, not one for each statement.
 *
 * Nothing waits for ever: each wait for the server ends after the timeout
 * and costs the connection, and the server itself ends what a client that
 * went away has left open.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wa_sql_pg_int.h"


/* An open transaction that nobody goes on with is ended after so many
   timeouts: its locks would hold up the shard's next owner. */
#define PG_IDLE_TIMES  2

/* pg_advisory_xact_lock() key of schema changes: "wahub" in ASCII. */
#define PG_LOCK_KEY    "512970880354"

#define PG_BYTEA_OID   17

/* Reads of an idle connection; an end of file stays readable for ever. */
#define PG_NEWS_MAX    4


static wa_err_t pg_connect(wa_sql_t *db);
static void pg_disconnect(wa_sql_t *db);
static bool pg_alive(wa_sql_t *db);
static wa_err_t pg_begin(wa_sql_t *db, bool schema);
static wa_err_t pg_commit(wa_sql_t *db);
static wa_err_t pg_rollback(wa_sql_t *db);
static wa_err_t pg_exec(wa_sql_t *db, wa_sql_stmt_t *stmt,
    const wa_sql_value_t *values, size_t n, int64_t *changed);
static wa_err_t pg_script(wa_sql_t *db, const char *script);
static wa_err_t pg_query(wa_sql_t *db, wa_sql_stmt_t *stmt,
    const wa_sql_value_t *values, size_t n, wa_sql_rows_t *rows);
static wa_err_t pg_next(wa_sql_rows_t *rows);
static bool pg_is_null(const wa_sql_rows_t *rows, size_t column);
static int64_t pg_integer(const wa_sql_rows_t *rows, size_t column);
static double pg_real(const wa_sql_rows_t *rows, size_t column);
static wa_span_t pg_text(const wa_sql_rows_t *rows, size_t column);
static void pg_rows_end(wa_sql_rows_t *rows);
static void pg_stmt_end(wa_sql_t *db, wa_sql_stmt_t *stmt);
static wa_err_t pg_dial(wa_sql_t *db);
static wa_err_t pg_configure(wa_sql_t *db);
static void pg_notice(void *arg, const char *message);
static wa_err_t pg_plain(wa_sql_t *db, const char *text);
static wa_err_t pg_send(wa_sql_t *db, wa_sql_stmt_t *stmt,
    const wa_sql_value_t *values, size_t n);
static wa_err_t pg_prepare(wa_sql_t *db, wa_sql_stmt_t *stmt);
static void pg_name(const wa_sql_t *db, const wa_sql_stmt_t *stmt, char *out,
    size_t cap);


const wa_sql_ops_t  wa_sql_pg_ops = {
    pg_connect,
    pg_disconnect,
    pg_alive,
    pg_begin,
    pg_commit,
    pg_rollback,
    pg_exec,
    pg_script,
    pg_query,
    pg_next,
    pg_is_null,
    pg_integer,
    pg_real,
    pg_text,
    pg_rows_end,
    pg_stmt_end
};


static wa_err_t
pg_connect(wa_sql_t *db)
{
    wa_pg_t     *pg;
    wa_err_t     rc;
    const char  *names[5], *values[5];

    pg = wa_calloc(1, sizeof(wa_pg_t));
    if (pg == NULL) {
        return WA_ERR_NOMEM;
    }

    db->impl = pg;

    names[0] = "dbname";
    values[0] = db->target;
    names[1] = "client_encoding";
    values[1] = "UTF8";
    names[2] = "fallback_application_name";
    values[2] = "wahub";
    names[3] = db->password[0] == '\0' ? NULL : "password";
    values[3] = db->password[0] == '\0' ? NULL : db->password;
    names[4] = NULL;
    values[4] = NULL;

    pg->conn = PQconnectStartParams(names, values, 1);

    if (pg->conn == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = pg_dial(db);

    return rc == WA_OK ? pg_configure(db) : rc;
}


static wa_err_t
pg_dial(wa_sql_t *db)
{
    wa_pg_t                       *pg = db->impl;
    wa_err_t                    rc;
    PostgresPollingStatusType   next;

    /* libpq: as if the last answer had been "writing". */

    next = PGRES_POLLING_WRITING;

    while (PQstatus(pg->conn) != CONNECTION_BAD
           && next != PGRES_POLLING_FAILED)
    {
        rc = wa_pg_wait(db, next == PGRES_POLLING_READING,
                        next != PGRES_POLLING_READING, db->timeout_ms);

        if (rc != WA_OK) {
            return rc;
        }

        next = PQconnectPoll(pg->conn);

        if (next == PGRES_POLLING_OK) {
            return WA_OK;
        }
    }

    return wa_sql_fail(db, WA_ERR_IO, PQerrorMessage(pg->conn));
}


static wa_err_t
pg_configure(wa_sql_t *db)
{
    wa_pg_t     *pg = db->impl;
    char         text[640];
    wa_err_t     rc;
    const char  *encoding;

    (void) PQsetNoticeProcessor(pg->conn, pg_notice, NULL);

    if (PQsetnonblocking(pg->conn, 1) != 0) {
        return wa_pg_lost(db);
    }

    encoding = PQparameterStatus(pg->conn, "server_encoding");

    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        return wa_sql_fail(db, WA_ERR_ARG,
                           "the database's encoding is not UTF8");
    }

    /* A commit is on disk when it is answered, whatever the server's
       default; keepalives are for a client machine that is gone. */

    (void) snprintf(text, sizeof(text),
        "SET statement_timeout = %d; SET lock_timeout = %d;"
        "SET idle_in_transaction_session_timeout = %lld;"
        "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
        "SET tcp_keepalives_count = 3; SET client_min_messages = error;"
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'",
        db->timeout_ms, db->timeout_ms,
        (long long) db->timeout_ms * PG_IDLE_TIMES);

    rc = pg_plain(db, text);

    if (rc == WA_OK && PQenterPipelineMode(pg->conn) != 1) {
        rc = wa_pg_lost(db);
    }

    return rc;
}


/* libpq writes them to stderr otherwise. */
static void
pg_notice(void *arg, const char *message)
{
    (void) arg;
    (void) message;
}


static void
pg_disconnect(wa_sql_t *db)
{
    wa_pg_t  *pg = db->impl;

    if (pg == NULL) {
        return;
    }

    PQfinish(pg->conn);
    wa_free(pg);
    db->impl = NULL;
}


/*
 * A server that went away while the connection was idle has said so: reading
 * what is there shows it without a round trip.
 */
static bool
pg_alive(wa_sql_t *db)
{
    int       i;
    wa_pg_t  *pg = db->impl;

    for (i = 0; i < PG_NEWS_MAX; i++) {

        if (PQstatus(pg->conn) != CONNECTION_OK) {
            return false;
        }

        if (!wa_pg_news(db)) {
            return true;
        }

        if (PQconsumeInput(pg->conn) != 1) {
            return false;
        }
    }

    return false;
}


static wa_err_t
pg_begin(wa_sql_t *db, bool schema)
{
    wa_pg_t  *pg = db->impl;
    wa_err_t  rc;

    rc = wa_pg_queued(db, PQsendQueryParams(pg->conn, "BEGIN", 0, NULL, NULL,
                                         NULL, NULL, 0), NULL);

    if (rc == WA_OK && schema) {
        rc = wa_pg_queued(db, PQsendQueryParams(pg->conn,
                           "SELECT pg_advisory_xact_lock(" PG_LOCK_KEY ")", 0,
                           NULL, NULL, NULL, NULL, 0), NULL);

        if (rc == WA_OK) {
            rc = wa_pg_drain(db, NULL);
        }

        if (rc != WA_OK) {
            (void) pg_rollback(db);
        }
    }

    return rc;
}


static wa_err_t
pg_commit(wa_sql_t *db)
{
    wa_pg_t      *pg = db->impl;
    wa_err_t   rc;
    PGresult  *res;

    rc = wa_pg_queued(db, PQsendQueryParams(pg->conn, "COMMIT", 0, NULL, NULL,
                                         NULL, NULL, 0), NULL);

    if (rc == WA_OK) {
        rc = wa_pg_drain(db, &res);
    }

    if (rc != WA_OK) {
        return rc;
    }

    /* A COMMIT of a failed transaction succeeds, as a ROLLBACK. */

    if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        rc = wa_sql_fail(db, WA_ERR_IO, "postgresql: was rolled back");
    }

    PQclear(res);

    return rc;
}


static wa_err_t
pg_rollback(wa_sql_t *db)
{
    wa_pg_t  *pg = db->impl;
    wa_err_t  rc;

    if (pg == NULL || PQstatus(pg->conn) != CONNECTION_OK) {
        return WA_ERR_IO;
    }

    /* What is still unanswered belongs to what is given up. */

    if (pg->n > 0) {
        (void) wa_pg_drain(db, NULL);
    }

    if (PQtransactionStatus(pg->conn) == PQTRANS_IDLE) {
        return WA_OK;
    }

    rc = wa_pg_queued(db, PQsendQueryParams(pg->conn, "ROLLBACK", 0, NULL, NULL,
                                         NULL, NULL, 0), NULL);

    return rc == WA_OK ? wa_pg_drain(db, NULL) : rc;
}


static wa_err_t
pg_exec(wa_sql_t *db, wa_sql_stmt_t *stmt, const wa_sql_value_t *values,
    size_t n, int64_t *changed)
{
    wa_err_t   rc;
    PGresult  *res;

    rc = pg_send(db, stmt, values, n);

    if (rc != WA_OK || (db->in_tx && changed == NULL)) {
        return rc;
    }

    rc = wa_pg_drain(db, &res);

    if (rc != WA_OK) {
        return rc;
    }

    if (PQntuples(res) > 0) {
        rc = wa_sql_fail(db, WA_ERR_ARG, "a statement gave rows");

    } else if (changed != NULL) {
        *changed = strtoll(PQcmdTuples(res), NULL, 10);
    }

    PQclear(res);

    return rc;
}


static wa_err_t
pg_query(wa_sql_t *db, wa_sql_stmt_t *stmt, const wa_sql_value_t *values,
    size_t n, wa_sql_rows_t *rows)
{
    wa_err_t   rc;
    PGresult  *res;

    rc = pg_send(db, stmt, values, n);

    if (rc == WA_OK) {
        rc = wa_pg_drain(db, &res);
    }

    if (rc == WA_OK) {
        rows->handle = res;
    }

    return rc;
}


/* The simple protocol takes several statements, outside of the pipeline. */
static wa_err_t
pg_script(wa_sql_t *db, const char *script)
{
    wa_pg_t  *pg = db->impl;
    wa_err_t  rc;

    rc = pg->n > 0 ? wa_pg_drain(db, NULL) : WA_OK;

    if (rc != WA_OK) {
        return rc;
    }

    if (PQexitPipelineMode(pg->conn) != 1) {
        return wa_pg_lost(db);
    }

    rc = pg_plain(db, script);

    if (db->impl != NULL && PQenterPipelineMode(pg->conn) != 1
        && rc == WA_OK)
    {
        rc = wa_pg_lost(db);
    }

    return rc;
}


static wa_err_t
pg_plain(wa_sql_t *db, const char *text)
{
    wa_pg_t      *pg = db->impl;
    wa_err_t   rc, first;
    PGresult  *res;

    if (PQsendQuery(pg->conn, text) != 1) {
        return wa_pg_lost(db);
    }

    first = WA_OK;

    for ( ;; ) {
        rc = wa_pg_result(db, &res);

        if (rc != WA_OK) {
            return rc;
        }

        if (res == NULL) {
            return first;
        }

        if (first == WA_OK) {
            first = wa_pg_fault(db, res);
        }

        PQclear(res);
    }
}


/*
 * Text goes as bytes with a length (binary format), so no byte of it ends it;
 * numbers as decimal text, which every numeric type reads.
 */
static wa_err_t
pg_send(wa_sql_t *db, wa_sql_stmt_t *stmt, const wa_sql_value_t *values,
    size_t n)
{
    int                    lengths[WA_SQL_VALUES_MAX];
    int                    formats[WA_SQL_VALUES_MAX];
    int                    sent;
    wa_pg_t               *pg = db->impl;
    char                   numbers[WA_SQL_VALUES_MAX][32], name[16];
    size_t                 i;
    wa_err_t               rc;
    const char            *p[WA_SQL_VALUES_MAX];
    const wa_sql_value_t  *v;

    rc = wa_pg_room(db);

    if (rc == WA_OK) {
        rc = pg_prepare(db, stmt);
    }

    for (i = 0; rc == WA_OK && i < n; i++) {
        v = &values[i];
        p[i] = numbers[i];
        lengths[i] = 0;
        formats[i] = 0;

        switch (v->type) {

        case WA_SQL_INT:
            (void) snprintf(numbers[i], sizeof(numbers[i]), "%lld",
                            (long long) v->i);
            break;

        case WA_SQL_DOUBLE:
            (void) snprintf(numbers[i], sizeof(numbers[i]), "%.17g", v->d);
            break;

        case WA_SQL_TEXT:
        case WA_SQL_BYTES:
            p[i] = v->s.n == 0 ? "" : (const char *) v->s.p;
            formats[i] = 1;
            lengths[i] = (int) v->s.n;

            if (v->s.n > INT32_MAX) {
                rc = wa_sql_fail(db, WA_ERR_ARG, "a value is too long");
            }

            break;

        default:
            p[i] = NULL;
            break;
        }
    }

    if (rc != WA_OK) {
        return rc;
    }

    if (stmt == &db->once) {
        sent = PQsendQueryParams(pg->conn, stmt->text, (int) n, NULL, p,
                                 lengths, formats, 0);

    } else {
        pg_name(db, stmt, name, sizeof(name));
        sent = PQsendQueryPrepared(pg->conn, name, (int) n, p, lengths,
                                   formats, 0);
    }

    return wa_pg_queued(db, sent, NULL);
}


static wa_err_t
pg_prepare(wa_sql_t *db, wa_sql_stmt_t *stmt)
{
    wa_pg_t  *pg = db->impl;
    char      name[16];
    wa_err_t  rc;

    if (stmt == &db->once || stmt->state != WA_PG_NEW) {
        return WA_OK;
    }

    pg_name(db, stmt, name, sizeof(name));

    rc = wa_pg_queued(db, PQsendPrepare(pg->conn, name, stmt->text, 0, NULL),
                   stmt);

    if (rc == WA_OK && stmt->state == WA_PG_NEW) {
        stmt->state = WA_PG_SENT;
    }

    return rc;
}


static wa_err_t
pg_next(wa_sql_rows_t *rows)
{
    if (rows->row + 1 >= PQntuples(rows->handle)) {
        return WA_AGAIN;
    }

    rows->row++;

    return WA_OK;
}


static bool
pg_is_null(const wa_sql_rows_t *rows, size_t column)
{
    return PQgetisnull(rows->handle, rows->row, (int) column) == 1;
}


static int64_t
pg_integer(const wa_sql_rows_t *rows, size_t column)
{
    return strtoll(PQgetvalue(rows->handle, rows->row, (int) column), NULL,
                   10);
}


static double
pg_real(const wa_sql_rows_t *rows, size_t column)
{
    return strtod(PQgetvalue(rows->handle, rows->row, (int) column), NULL);
}


static wa_span_t
pg_text(const wa_sql_rows_t *rows, size_t column)
{
    char           *p;
    size_t          n;
    wa_buf_t       *bytes;
    unsigned char  *raw;

    p = PQgetvalue(rows->handle, rows->row, (int) column);
    n = (size_t) PQgetlength(rows->handle, rows->row, (int) column);

    if (PQftype(rows->handle, (int) column) != PG_BYTEA_OID) {
        return wa_span(p, n);
    }

    raw = PQunescapeBytea((const unsigned char *) p, &n);

    if (raw == NULL) {
        return wa_span_none();
    }

    /* Valid until the next row: one decoded column at a time is kept. */

    bytes = &rows->db->rows.bytes;
    bytes->n = 0;

    if (wa_buf_append(bytes, raw, n) != WA_OK) {
        n = 0;
    }

    PQfreemem(raw);

    return wa_span(bytes->p, n);
}


static void
pg_rows_end(wa_sql_rows_t *rows)
{
    PQclear(rows->handle);
    rows->handle = NULL;
}


/* Prepared statements end with the connection. */
static void
pg_stmt_end(wa_sql_t *db, wa_sql_stmt_t *stmt)
{
    (void) db;

    stmt->state = WA_PG_NEW;
}


static void
pg_name(const wa_sql_t *db, const wa_sql_stmt_t *stmt, char *out, size_t cap)
{
    (void) snprintf(out, cap, "w%zu", (size_t) (stmt - db->stmts));
}
