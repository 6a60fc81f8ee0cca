/*
 * PostgreSQL: what wa_sql_pg.c (the backend) and wa_sql_pg_wire.c (sending,
 * waiting, answers) share.
 *
 * Every fault of the connection itself ends it: db->connected is false and
 * only wa_sql_open() helps.
 */
#ifndef WA_SQL_PG_INT_H
#define WA_SQL_PG_INT_H

#include <postgresql/libpq-fe.h>

#include "wa_mem.h"
#include "wa_sql_int.h"


/* Statements without an answer; above it, answers are waited for. */
#define WA_PG_QUEUE_MAX  512

/* States of a cached statement. */
#define WA_PG_NEW        0
#define WA_PG_SENT       1
#define WA_PG_READY      2

typedef struct {
    PGconn         *conn;
    size_t          n;                        /* queued, unanswered */
    wa_sql_stmt_t  *queue[WA_PG_QUEUE_MAX + 4];   /* not NULL: its
                                                     preparation */
} wa_pg_t;


/* Waits until the socket is readable, or writable.  WA_ERR_TIMEOUT,
   WA_ERR_IO. */
wa_err_t wa_pg_wait(wa_sql_t *db, bool in, bool out, int timeout_ms);

/* Something has come in that nobody has read. */
bool wa_pg_news(const wa_sql_t *db);

/* The next result, *out NULL: the end of one. */
wa_err_t wa_pg_result(wa_sql_t *db, PGresult **out);

/* Notes what was sent (`sent`: libpq's 1 or 0); `stmt`: it prepares this
   one. */
wa_err_t wa_pg_queued(wa_sql_t *db, int sent, wa_sql_stmt_t *stmt);

/* Makes room in the queue for one statement and its preparation. */
wa_err_t wa_pg_room(wa_sql_t *db);

/*
 * Reads the answers to all that was sent, at least one statement.  The first
 * error is the one that counts, the rest was skipped because of it.  *last
 * (NULL: not wanted; set on WA_OK only): the result of the last statement.
 */
wa_err_t wa_pg_drain(wa_sql_t *db, PGresult **last);

/* The connection is gone: WA_ERR_IO. */
wa_err_t wa_pg_lost(wa_sql_t *db);

/* WA_OK when the result is one. */
wa_err_t wa_pg_fault(wa_sql_t *db, const PGresult *res);

#endif /* WA_SQL_PG_INT_H */
