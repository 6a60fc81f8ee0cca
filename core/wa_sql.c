/*
 * The history database: what both backends have in common, see wa_sql.h.
 *
 * Order of calls, errors that stick to their transaction and the cache of
 * statements are kept here; wa_sql_sqlite.c and wa_sql_pg.c know libraries.
 */
#include "wa_sql.h"

#include "wa_mem.h"
#include "wa_schema.h"
#include "wa_sql_int.h"


static char *sql_dup(const char *s);
static wa_err_t sql_ready(wa_sql_t *db);
static wa_err_t sql_began(wa_sql_t *db, bool schema);
static wa_err_t sql_stmt(wa_sql_t *db, const char *text,
    wa_sql_stmt_t **out);
static void sql_stmts_free(wa_sql_t *db);
static wa_err_t sql_done(wa_sql_t *db, wa_err_t rc);


wa_sql_t *
wa_sql_create(const wa_sql_conf_t *conf)
{
    wa_sql_t  *db;

    db = wa_calloc(1, sizeof(wa_sql_t));
    if (db == NULL) {
        return NULL;
    }

    db->backend = conf->backend;
    db->ops = conf->backend == WA_SQL_SQLITE ? &wa_sql_sqlite_ops
                                             : &wa_sql_pg_ops;
    db->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : 1;
    db->target = sql_dup(conf->target);
    db->password = sql_dup(conf->password == NULL ? "" : conf->password);

    if (db->target == NULL || db->password == NULL) {
        wa_sql_free(db);
        return NULL;
    }

    return db;
}


void
wa_sql_free(wa_sql_t *db)
{
    if (db == NULL) {
        return;
    }

    wa_sql_close(db);
    wa_free(db->target);

    if (db->password != NULL) {
        wa_wipe(db->password, strlen(db->password));
        wa_free(db->password);
    }

    wa_free(db);
}


static char *
sql_dup(const char *s)
{
    char   *p;
    size_t  n;

    n = strlen(s) + 1;
    p = wa_alloc(n);

    if (p != NULL) {
        memcpy(p, s, n);
    }

    return p;
}


wa_err_t
wa_sql_open(wa_sql_t *db)
{
    wa_err_t  rc;

    if (db->connected) {

        if (db->in_tx || db->held || db->ops->alive(db)) {
            return WA_OK;
        }
    }

    wa_sql_close(db);
    db->error[0] = '\0';
    rc = db->ops->connect(db);

    if (rc == WA_OK) {
        db->connected = true;
        rc = wa_schema_apply(db);
    }

    if (rc != WA_OK) {
        wa_sql_close(db);
    }

    return rc;
}


void
wa_sql_close(wa_sql_t *db)
{
    if (db->held) {
        wa_sql_rows_free(&db->rows);
    }

    sql_stmts_free(db);
    db->ops->disconnect(db);
    db->connected = false;
    db->in_tx = false;
    db->tx_err = WA_OK;
}


const char *
wa_sql_error(const wa_sql_t *db)
{
    return db->error;
}


wa_sql_backend_e
wa_sql_backend(const wa_sql_t *db)
{
    return db->backend;
}


wa_err_t
wa_sql_fail(wa_sql_t *db, wa_err_t rc, const char *text)
{
    char   *p;
    size_t  n;

    /* A fault is often followed by others that only result from it. */

    if (db->tx_err != WA_OK) {
        return rc;
    }

    n = strnlen(text, sizeof(db->error) - 1);
    memcpy(db->error, text, n);
    db->error[n] = '\0';

    for (p = db->error; *p != '\0'; p++) {

        if ((unsigned char) *p < ' ' || *p == 0x7f) {
            *p = ' ';
        }
    }

    while (n > 0 && db->error[n - 1] == ' ') {
        db->error[--n] = '\0';
    }

    return rc;
}


static wa_err_t
sql_ready(wa_sql_t *db)
{
    if (!db->connected) {
        return db->in_tx ? db->tx_err : WA_ERR_STATE;
    }

    return db->held ? WA_ERR_STATE : db->tx_err;
}


/* Remembers the first error of a transaction. */
static wa_err_t
sql_done(wa_sql_t *db, wa_err_t rc)
{
    if (rc != WA_OK && db->in_tx && db->tx_err == WA_OK) {
        db->tx_err = rc;
    }

    return rc;
}


wa_err_t
wa_sql_begin(wa_sql_t *db)
{
    return sql_began(db, false);
}


wa_err_t
wa_sql_begin_schema(wa_sql_t *db)
{
    return sql_began(db, true);
}


static wa_err_t
sql_began(wa_sql_t *db, bool schema)
{
    wa_err_t  rc;

    rc = sql_ready(db);

    if (rc != WA_OK || db->in_tx) {
        return rc != WA_OK ? rc : WA_ERR_STATE;
    }

    rc = db->ops->begin(db, schema);
    db->in_tx = (rc == WA_OK);

    return rc;
}


wa_err_t
wa_sql_commit(wa_sql_t *db)
{
    wa_err_t  rc;

    if (!db->in_tx) {
        return WA_ERR_STATE;
    }

    rc = sql_ready(db);

    if (rc == WA_OK) {
        rc = sql_done(db, db->ops->commit(db));
    }

    if (rc != WA_OK) {
        wa_sql_rollback(db);
        return rc;
    }

    db->in_tx = false;

    return WA_OK;
}


void
wa_sql_rollback(wa_sql_t *db)
{
    if (db->held) {
        wa_sql_rows_free(&db->rows);
    }

    if (db->in_tx && db->connected && db->ops->rollback(db) != WA_OK) {

        /* Nobody knows what state it is in. */

        wa_sql_close(db);
    }

    db->in_tx = false;
    db->tx_err = WA_OK;
}


wa_err_t
wa_sql_exec(wa_sql_t *db, const char *statement,
    const wa_sql_value_t *values, size_t n, int64_t *changed)
{
    wa_err_t        rc;
    wa_sql_stmt_t  *stmt;

    rc = sql_ready(db);

    if (rc == WA_OK && n > WA_SQL_VALUES_MAX) {
        rc = WA_ERR_ARG;
    }

    if (rc == WA_OK) {
        rc = sql_stmt(db, statement, &stmt);
    }

    if (rc == WA_OK) {
        rc = db->ops->exec(db, stmt, values, n, changed);
    }

    return sql_done(db, rc);
}


wa_err_t
wa_sql_script(wa_sql_t *db, const char *script)
{
    wa_err_t  rc;

    rc = sql_ready(db);

    if (rc == WA_OK) {
        rc = db->ops->script(db, script);
    }

    return sql_done(db, rc);
}


wa_err_t
wa_sql_query(wa_sql_t *db, const char *statement,
    const wa_sql_value_t *values, size_t n, wa_sql_rows_t **rows)
{
    wa_err_t        rc;
    wa_sql_stmt_t  *stmt;

    rc = sql_ready(db);

    if (rc == WA_OK && n > WA_SQL_VALUES_MAX) {
        rc = WA_ERR_ARG;
    }

    if (rc == WA_OK) {
        rc = sql_stmt(db, statement, &stmt);
    }

    if (rc == WA_OK) {
        memset(&db->rows, 0, sizeof(db->rows));
        db->rows.db = db;
        db->rows.stmt = stmt;
        db->rows.row = -1;
        rc = db->ops->query(db, stmt, values, n, &db->rows);
    }

    if (rc == WA_OK) {
        db->held = true;
        *rows = &db->rows;
    }

    return sql_done(db, rc);
}


wa_err_t
wa_sql_next(wa_sql_rows_t *rows)
{
    wa_err_t  rc;

    rc = rows->db->ops->next(rows);

    return rc == WA_AGAIN ? rc : sql_done(rows->db, rc);
}


bool
wa_sql_is_null(const wa_sql_rows_t *rows, size_t column)
{
    return rows->db->ops->is_null(rows, column);
}


int64_t
wa_sql_int(const wa_sql_rows_t *rows, size_t column)
{
    return rows->db->ops->integer(rows, column);
}


double
wa_sql_double(const wa_sql_rows_t *rows, size_t column)
{
    return rows->db->ops->real(rows, column);
}


wa_span_t
wa_sql_text(const wa_sql_rows_t *rows, size_t column)
{
    return rows->db->ops->text(rows, column);
}


void
wa_sql_rows_free(wa_sql_rows_t *rows)
{
    if (rows == NULL || !rows->db->held) {
        return;
    }

    rows->db->held = false;
    rows->db->ops->rows_end(rows);
    wa_buf_free(&rows->bytes);
}


/*
 * The cache is filled once and never turned over: the statements of the
 * projection and the common reads come first, and a rare mix of filters
 * costs its preparation.
 */
static wa_err_t
sql_stmt(wa_sql_t *db, const char *text, wa_sql_stmt_t **out)
{
    size_t          i;
    uint32_t        hash;
    const char     *p;
    wa_sql_stmt_t  *stmt;

    /* Mostly one of ours, known by where it lies. */

    for (i = 0; i < db->n_stmts; i++) {
        stmt = &db->stmts[i];

        if (stmt->source == text && strcmp(stmt->text, text) == 0) {
            *out = stmt;
            return WA_OK;
        }
    }

    hash = 2166136261u;

    for (p = text; *p != '\0'; p++) {
        hash = (hash ^ (uint8_t) *p) * 16777619u;
    }

    for (i = 0; i < db->n_stmts; i++) {
        stmt = &db->stmts[i];

        if (stmt->hash == hash && strcmp(stmt->text, text) == 0) {
            *out = stmt;
            return WA_OK;
        }
    }

    if (db->n_stmts < WA_SQL_CACHE_MAX) {
        stmt = &db->stmts[db->n_stmts];

    } else {
        stmt = &db->once;
        db->ops->stmt_end(db, stmt);
        wa_free(stmt->text);
    }

    memset(stmt, 0, sizeof(*stmt));
    stmt->source = text;
    stmt->hash = hash;
    stmt->text = sql_dup(text);

    if (stmt->text == NULL) {
        return WA_ERR_NOMEM;
    }

    if (stmt != &db->once) {
        db->n_stmts++;
    }

    *out = stmt;

    return WA_OK;
}


static void
sql_stmts_free(wa_sql_t *db)
{
    size_t  i;

    for (i = 0; i < db->n_stmts; i++) {
        db->ops->stmt_end(db, &db->stmts[i]);
        wa_free(db->stmts[i].text);
    }

    db->n_stmts = 0;
    db->ops->stmt_end(db, &db->once);
    wa_free(db->once.text);
    memset(&db->once, 0, sizeof(db->once));
}
