/*
 * What wa_sql.c and the backends share.  A backend is one table of
 * functions; it owns db->impl and reports faults with wa_sql_fail().
 */
#ifndef WA_SQL_INT_H
#define WA_SQL_INT_H

#include "wa_sql.h"


/* Prepared statements a handle keeps; others are prepared for each use. */
#define WA_SQL_CACHE_MAX   96

/* Parameters of one statement. */
#define WA_SQL_VALUES_MAX  64

typedef struct {
    char        *text;        /* owned */
    const char  *source;      /* what it was copied from; may be gone */
    uint32_t     hash;
    int          state;       /* the backend's own; 0 at first */
    void        *handle;      /* the backend's own; NULL at first */
} wa_sql_stmt_t;

struct wa_sql_rows_s {
    wa_sql_t       *db;
    wa_sql_stmt_t  *stmt;     /* NULL: not a cached statement */
    void           *handle;   /* the backend's own */
    wa_buf_t        bytes;    /* a decoded column */
    int             row;      /* -1 before the first */
};

typedef struct {
    wa_err_t (*connect)(wa_sql_t *db);
    void (*disconnect)(wa_sql_t *db);
    bool (*alive)(wa_sql_t *db);
    /* Statements of the transaction; with `schema` no other process changes
       the schema until its end. */
    wa_err_t (*begin)(wa_sql_t *db, bool schema);
    wa_err_t (*commit)(wa_sql_t *db);
    wa_err_t (*rollback)(wa_sql_t *db);
    wa_err_t (*exec)(wa_sql_t *db, wa_sql_stmt_t *stmt,
        const wa_sql_value_t *values, size_t n, int64_t *changed);
    wa_err_t (*script)(wa_sql_t *db, const char *script);
    wa_err_t (*query)(wa_sql_t *db, wa_sql_stmt_t *stmt,
        const wa_sql_value_t *values, size_t n, wa_sql_rows_t *rows);
    wa_err_t (*next)(wa_sql_rows_t *rows);
    bool (*is_null)(const wa_sql_rows_t *rows, size_t column);
    int64_t (*integer)(const wa_sql_rows_t *rows, size_t column);
    double (*real)(const wa_sql_rows_t *rows, size_t column);
    wa_span_t (*text)(const wa_sql_rows_t *rows, size_t column);
    void (*rows_end)(wa_sql_rows_t *rows);
    void (*stmt_end)(wa_sql_t *db, wa_sql_stmt_t *stmt);
} wa_sql_ops_t;

struct wa_sql_s {
    const wa_sql_ops_t  *ops;
    wa_sql_backend_e     backend;
    char                *target;
    char                *password;
    int                  timeout_ms;
    void                *impl;
    bool                 connected;
    bool                 in_tx;
    bool                 held;          /* rows are out */
    wa_err_t             tx_err;        /* first one of the transaction */
    size_t               n_stmts;
    wa_sql_stmt_t        stmts[WA_SQL_CACHE_MAX];
    wa_sql_stmt_t        once;          /* one that found no room */
    wa_sql_rows_t        rows;
    char                 error[256];
};

extern const wa_sql_ops_t  wa_sql_sqlite_ops;
extern const wa_sql_ops_t  wa_sql_pg_ops;

/* Keeps the text (control bytes become blanks) and gives `rc` back. */
wa_err_t wa_sql_fail(wa_sql_t *db, wa_err_t rc, const char *text);

/* As wa_sql_begin(), for changing the schema. */
wa_err_t wa_sql_begin_schema(wa_sql_t *db);

#endif /* WA_SQL_INT_H */
