/*
 * The history database in one file: the only file that includes sqlite3.
 *
 * WAL with synchronous=FULL.  NORMAL would keep the database whole too, but a
 * power failure could take back the last commits, the stored position of the
 * projection among them; the event log may only be trimmed below a position
 * that stays.  A batch is one commit, so FULL costs one fsync a batch.
 */
#include <errno.h>
#include <stdio.h>

#include <sqlite3.h>

#include "wa_mem.h"
#include "wa_sql_int.h"


/* The WAL file is cut to this after a checkpoint, bytes. */
#define SQLITE_WAL_KEEP  "67108864"

/* Between attempts where the library does not wait by itself, ms. */
#define SQLITE_PAUSE_MS  10


static wa_err_t sqlite_connect(wa_sql_t *db);
static void sqlite_disconnect(wa_sql_t *db);
static bool sqlite_alive(wa_sql_t *db);
static wa_err_t sqlite_begin(wa_sql_t *db, bool schema);
static wa_err_t sqlite_commit(wa_sql_t *db);
static wa_err_t sqlite_rollback(wa_sql_t *db);
static wa_err_t sqlite_exec(wa_sql_t *db, wa_sql_stmt_t *stmt,
    const wa_sql_value_t *values, size_t n, int64_t *changed);
static wa_err_t sqlite_script(wa_sql_t *db, const char *script);
static wa_err_t sqlite_query(wa_sql_t *db, wa_sql_stmt_t *stmt,
    const wa_sql_value_t *values, size_t n, wa_sql_rows_t *rows);
static wa_err_t sqlite_next(wa_sql_rows_t *rows);
static bool sqlite_is_null(const wa_sql_rows_t *rows, size_t column);
static int64_t sqlite_integer(const wa_sql_rows_t *rows, size_t column);
static double sqlite_real(const wa_sql_rows_t *rows, size_t column);
static wa_span_t sqlite_text(const wa_sql_rows_t *rows, size_t column);
static void sqlite_rows_end(wa_sql_rows_t *rows);
static void sqlite_stmt_end(wa_sql_t *db, wa_sql_stmt_t *stmt);
static wa_err_t sqlite_wal(wa_sql_t *db);
static wa_err_t sqlite_prepare(wa_sql_t *db, wa_sql_stmt_t *stmt);
static wa_err_t sqlite_bind(wa_sql_t *db, sqlite3_stmt *s,
    const wa_sql_value_t *values, size_t n, sqlite3_destructor_type owner);
static wa_err_t sqlite_fault(wa_sql_t *db, int rc);
static wa_err_t sqlite_class(sqlite3 *h, int rc);


const wa_sql_ops_t  wa_sql_sqlite_ops = {
    sqlite_connect,
    sqlite_disconnect,
    sqlite_alive,
    sqlite_begin,
    sqlite_commit,
    sqlite_rollback,
    sqlite_exec,
    sqlite_script,
    sqlite_query,
    sqlite_next,
    sqlite_is_null,
    sqlite_integer,
    sqlite_real,
    sqlite_text,
    sqlite_rows_end,
    sqlite_stmt_end
};


static wa_err_t
sqlite_connect(wa_sql_t *db)
{
    int       rc;
    sqlite3  *h;
    wa_err_t  err;

    h = NULL;

    /* Serialised by the caller: one handle, one thread at a time. */

    rc = sqlite3_open_v2(db->target, &h,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                         | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                         NULL);
    db->impl = h;

    if (rc != SQLITE_OK) {
        return h == NULL ? WA_ERR_NOMEM : sqlite_fault(db, rc);
    }

    (void) sqlite3_busy_timeout(h, db->timeout_ms);

    err = sqlite_wal(db);

    if (err == WA_OK) {
        err = sqlite_script(db, "PRAGMA synchronous=FULL;"
                                "PRAGMA journal_size_limit=" SQLITE_WAL_KEEP);
    }

    return err;
}


/*
 * The change to WAL needs the file alone for a moment, and the library does
 * not wait for that: two processes that open a new file at once meet here.
 */
static wa_err_t
sqlite_wal(wa_sql_t *db)
{
    int  rc, waited;

    waited = 0;

    for ( ;; ) {
        rc = sqlite3_exec(db->impl, "PRAGMA journal_mode=WAL", NULL, NULL,
                          NULL);

        if ((rc & 0xff) != SQLITE_BUSY || waited >= db->timeout_ms) {
            return rc == SQLITE_OK ? WA_OK : sqlite_fault(db, rc);
        }

        (void) sqlite3_sleep(SQLITE_PAUSE_MS);
        waited += SQLITE_PAUSE_MS;
    }
}


static void
sqlite_disconnect(wa_sql_t *db)
{
    (void) sqlite3_close(db->impl);
    db->impl = NULL;
}


static bool
sqlite_alive(wa_sql_t *db)
{
    return db->impl != NULL;
}


static wa_err_t
sqlite_begin(wa_sql_t *db, bool schema)
{
    (void) schema;

    return sqlite_script(db, "BEGIN IMMEDIATE");
}


static wa_err_t
sqlite_commit(wa_sql_t *db)
{
    return sqlite_script(db, "COMMIT");
}


static wa_err_t
sqlite_rollback(wa_sql_t *db)
{
    /* Some errors (no space, I/O) have ended the transaction already. */

    if (sqlite3_get_autocommit(db->impl)) {
        return WA_OK;
    }

    return sqlite_script(db, "ROLLBACK");
}


static wa_err_t
sqlite_script(wa_sql_t *db, const char *script)
{
    int  rc;

    rc = sqlite3_exec(db->impl, script, NULL, NULL, NULL);

    return rc == SQLITE_OK ? WA_OK : sqlite_fault(db, rc);
}


static wa_err_t
sqlite_exec(wa_sql_t *db, wa_sql_stmt_t *stmt, const wa_sql_value_t *values,
    size_t n, int64_t *changed)
{
    int            rc;
    wa_err_t       err;
    sqlite3_stmt  *s;

    err = sqlite_prepare(db, stmt);

    if (err == WA_OK) {
        err = sqlite_bind(db, stmt->handle, values, n, SQLITE_STATIC);
    }

    if (err != WA_OK) {
        return err;
    }

    s = stmt->handle;
    rc = sqlite3_step(s);

    if (rc == SQLITE_DONE) {

        if (changed != NULL) {
            *changed = sqlite3_changes64(db->impl);
        }

    } else if (rc == SQLITE_ROW) {
        err = wa_sql_fail(db, WA_ERR_ARG, "a statement gave rows");

    } else {
        err = sqlite_fault(db, rc);
    }

    (void) sqlite3_reset(s);
    (void) sqlite3_clear_bindings(s);

    return err;
}


static wa_err_t
sqlite_query(wa_sql_t *db, wa_sql_stmt_t *stmt, const wa_sql_value_t *values,
    size_t n, wa_sql_rows_t *rows)
{
    wa_err_t  err;

    err = sqlite_prepare(db, stmt);

    if (err == WA_OK) {
        err = sqlite_bind(db, stmt->handle, values, n, SQLITE_TRANSIENT);
    }

    rows->handle = stmt->handle;

    return err;
}


/*
 * "$1" is a name to SQLite, numbered by its first place in the text; "?1" is
 * the number itself.  No statement of ours has '$' in a literal.
 */
static wa_err_t
sqlite_prepare(wa_sql_t *db, wa_sql_stmt_t *stmt)
{
    int            rc;
    char          *text;
    size_t         i, n;
    sqlite3_stmt  *s;

    if (stmt->handle != NULL) {
        return WA_OK;
    }

    n = strlen(stmt->text);
    text = wa_alloc(n + 1);

    if (text == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; i <= n; i++) {
        text[i] = (stmt->text[i] == '$') ? '?' : stmt->text[i];
    }

    s = NULL;
    rc = n > INT32_MAX ? SQLITE_TOOBIG
                       : sqlite3_prepare_v3(db->impl, text, (int) n + 1,
                                            SQLITE_PREPARE_PERSISTENT, &s,
                                            NULL);
    wa_free(text);

    if (rc != SQLITE_OK) {
        return sqlite_fault(db, rc);
    }

    stmt->handle = s;

    return WA_OK;
}


/* Spans live for the call: a query, which is stepped later, copies them. */
static wa_err_t
sqlite_bind(wa_sql_t *db, sqlite3_stmt *s, const wa_sql_value_t *values,
    size_t n, sqlite3_destructor_type owner)
{
    int                    rc, at;
    size_t                 i;
    const wa_sql_value_t  *v;

    rc = SQLITE_OK;

    for (i = 0; i < n && rc == SQLITE_OK; i++) {
        v = &values[i];
        at = (int) i + 1;

        switch (v->type) {

        case WA_SQL_INT:
            rc = sqlite3_bind_int64(s, at, v->i);
            break;

        case WA_SQL_DOUBLE:
            rc = sqlite3_bind_double(s, at, v->d);
            break;

        case WA_SQL_TEXT:
            rc = sqlite3_bind_text64(s, at,
                                     v->s.n == 0 ? ""
                                                 : (const char *) v->s.p,
                                     v->s.n, owner, SQLITE_UTF8);
            break;

        case WA_SQL_BYTES:
            rc = v->s.n == 0 ? sqlite3_bind_zeroblob(s, at, 0)
                             : sqlite3_bind_blob64(s, at, v->s.p, v->s.n,
                                                   owner);
            break;

        default:
            rc = sqlite3_bind_null(s, at);
            break;
        }
    }

    if (rc != SQLITE_OK) {
        (void) sqlite3_clear_bindings(s);
        return sqlite_fault(db, rc);
    }

    return WA_OK;
}


static wa_err_t
sqlite_next(wa_sql_rows_t *rows)
{
    int  rc;

    /* A step after the end would run the statement again. */

    if (rows->row == INT32_MAX) {
        return WA_AGAIN;
    }

    rc = sqlite3_step(rows->handle);

    if (rc == SQLITE_ROW) {
        rows->row = 0;
        return WA_OK;
    }

    rows->row = INT32_MAX;

    return rc == SQLITE_DONE ? WA_AGAIN : sqlite_fault(rows->db, rc);
}


static bool
sqlite_is_null(const wa_sql_rows_t *rows, size_t column)
{
    return sqlite3_column_type(rows->handle, (int) column) == SQLITE_NULL;
}


static int64_t
sqlite_integer(const wa_sql_rows_t *rows, size_t column)
{
    return sqlite3_column_int64(rows->handle, (int) column);
}


static double
sqlite_real(const wa_sql_rows_t *rows, size_t column)
{
    return sqlite3_column_double(rows->handle, (int) column);
}


static wa_span_t
sqlite_text(const wa_sql_rows_t *rows, size_t column)
{
    const void  *p;

    p = sqlite3_column_blob(rows->handle, (int) column);

    return wa_span(p, p == NULL ? 0
                      : (size_t) sqlite3_column_bytes(rows->handle,
                                                      (int) column));
}


static void
sqlite_rows_end(wa_sql_rows_t *rows)
{
    (void) sqlite3_reset(rows->handle);
    (void) sqlite3_clear_bindings(rows->handle);
}


static void
sqlite_stmt_end(wa_sql_t *db, wa_sql_stmt_t *stmt)
{
    (void) db;
    (void) sqlite3_finalize(stmt->handle);
    stmt->handle = NULL;
}


static wa_err_t
sqlite_fault(wa_sql_t *db, int rc)
{
    char      text[256];
    wa_err_t  err;

    err = sqlite_class(db->impl, rc);

    (void) snprintf(text, sizeof(text), "sqlite: %s (code %d%s%s)",
                    sqlite3_errmsg(db->impl), rc,
                    err == WA_ERR_FULL ? ", no space" : "",
                    (rc & 0xff) == SQLITE_CANTOPEN ? ", path or rights" : "");

    return wa_sql_fail(db, err, text);
}


static wa_err_t
sqlite_class(sqlite3 *h, int rc)
{
    int  os;

    switch (rc & 0xff) {

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
        return WA_ERR_TIMEOUT;

    case SQLITE_FULL:
        return WA_ERR_FULL;

    case SQLITE_IOERR:
        /* Of a write to the WAL the library keeps no system error. */

        os = sqlite3_system_errno(h);

        if (os == 0) {
            os = errno;
        }

        return os == ENOSPC || os == EDQUOT || os == EFBIG ? WA_ERR_FULL
                                                           : WA_ERR_IO;

    case SQLITE_NOMEM:
        return WA_ERR_NOMEM;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return WA_ERR_FATAL;

    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
        return WA_ERR_IO;

    default:
        return WA_ERR_ARG;
    }
}
