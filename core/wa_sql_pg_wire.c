/*
 * PostgreSQL: sending, waiting and reading answers, see wa_sql_pg_int.h.
 */
#include <poll.h>
#include <stdio.h>

#include "wa_sql_pg_int.h"


/* The server gives up first, so its words are heard, ms. */
#define PG_GRACE_MS  1000


static wa_err_t pg_flush(wa_sql_t *db);
static wa_err_t pg_answer(wa_sql_t *db, PGresult **out);
static wa_err_t pg_class(const char *state);


/* After a timeout nobody knows what the server does: the connection is of no
   more use. */
wa_err_t
wa_pg_wait(wa_sql_t *db, bool in, bool out, int timeout_ms)
{
    int            n;
    wa_pg_t       *pg = db->impl;
    struct pollfd  p;

    p.fd = PQsocket(pg->conn);
    p.events = (short) ((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    p.revents = 0;

    if (p.fd < 0) {
        return wa_pg_lost(db);
    }

    n = poll(&p, 1, timeout_ms);

    /* A signal: whoever called looks again. */

    if (n != 0) {
        return WA_OK;
    }

    db->connected = false;

    return wa_sql_fail(db, WA_ERR_TIMEOUT,
                       "postgresql: no answer within the timeout");
}


/* Sends what is buffered; reads meanwhile, a full server reads no more. */
static wa_err_t
pg_flush(wa_sql_t *db)
{
    int       left;
    wa_pg_t  *pg = db->impl;
    wa_err_t  rc;

    for ( ;; ) {
        left = PQflush(pg->conn);

        if (left == 0) {
            return WA_OK;
        }

        if (left < 0) {
            return wa_pg_lost(db);
        }

        rc = wa_pg_wait(db, true, true, db->timeout_ms + PG_GRACE_MS);

        if (rc != WA_OK) {
            return rc;
        }

        if (PQconsumeInput(pg->conn) != 1) {
            return wa_pg_lost(db);
        }
    }
}


wa_err_t
wa_pg_result(wa_sql_t *db, PGresult **out)
{
    wa_pg_t  *pg = db->impl;
    wa_err_t  rc;

    *out = NULL;

    while (PQisBusy(pg->conn)) {
        rc = pg_flush(db);

        /* Sending reads too: the answer may be here, and nothing follows. */

        if (rc == WA_OK && !PQisBusy(pg->conn)) {
            break;
        }

        if (rc == WA_OK) {
            rc = wa_pg_wait(db, true, false, db->timeout_ms + PG_GRACE_MS);
        }

        if (rc != WA_OK) {
            return rc;
        }

        if (PQconsumeInput(pg->conn) != 1) {
            return wa_pg_lost(db);
        }
    }

    *out = PQgetResult(pg->conn);

    if (PQstatus(pg->conn) != CONNECTION_OK) {
        PQclear(*out);
        *out = NULL;
        return wa_pg_lost(db);
    }

    return WA_OK;
}


wa_err_t
wa_pg_queued(wa_sql_t *db, int sent, wa_sql_stmt_t *stmt)
{
    wa_pg_t  *pg = db->impl;

    if (sent != 1) {
        return wa_pg_lost(db);
    }

    pg->queue[pg->n++] = stmt;

    return WA_OK;
}


wa_err_t
wa_pg_room(wa_sql_t *db)
{
    wa_pg_t  *pg = db->impl;

    return pg->n < WA_PG_QUEUE_MAX ? WA_OK : wa_pg_drain(db, NULL);
}


wa_err_t
wa_pg_drain(wa_sql_t *db, PGresult **last)
{
    wa_pg_t      *pg = db->impl;
    size_t     i, n;
    wa_err_t   rc, first;
    PGresult  *res, *kept;

    if (PQpipelineSync(pg->conn) != 1) {
        return wa_pg_lost(db);
    }

    n = pg->n;
    pg->n = 0;
    kept = NULL;
    first = WA_OK;

    for (i = 0; i < n; i++) {
        rc = pg_answer(db, &res);

        if (rc != WA_OK) {
            PQclear(kept);
            return rc;
        }

        rc = wa_pg_fault(db, res);

        if (pg->queue[i] != NULL) {
            pg->queue[i]->state = (rc == WA_OK) ? WA_PG_READY : WA_PG_NEW;
        }

        if (first == WA_OK) {
            first = rc;
        }

        PQclear(kept);
        kept = res;
    }

    /* The synchronisation itself. */

    rc = wa_pg_result(db, &res);
    PQclear(res);

    if (rc != WA_OK || first != WA_OK || last == NULL) {
        PQclear(kept);
        return rc != WA_OK ? rc : first;
    }

    *last = kept;

    return WA_OK;
}


/* The result of one statement, and the end mark behind it. */
static wa_err_t
pg_answer(wa_sql_t *db, PGresult **out)
{
    wa_err_t   rc;
    PGresult  *res, *end;

    rc = wa_pg_result(db, &res);

    if (rc != WA_OK) {
        return rc;
    }

    if (res == NULL) {
        return wa_pg_lost(db);
    }

    rc = wa_pg_result(db, &end);

    if (rc != WA_OK || end != NULL) {
        PQclear(res);
        PQclear(end);
        return rc != WA_OK ? rc : wa_pg_lost(db);
    }

    *out = res;

    return WA_OK;
}


wa_err_t
wa_pg_lost(wa_sql_t *db)
{
    wa_pg_t     *pg = db->impl;
    char         text[256];
    const char  *words;

    db->connected = false;
    words = PQerrorMessage(pg->conn);
    (void) snprintf(text, sizeof(text), "postgresql: %s",
                    words[0] == '\0' ? "connection lost" : words);

    return wa_sql_fail(db, WA_ERR_IO, text);
}


wa_err_t
wa_pg_fault(wa_sql_t *db, const PGresult *res)
{
    char         text[256];
    wa_err_t     rc;
    const char  *state, *words;

    switch (PQresultStatus(res)) {

    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        return WA_OK;

    case PGRES_PIPELINE_ABORTED:
        return WA_ERR_STATE;

    default:
        break;
    }

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL) {
        return wa_pg_lost(db);
    }

    rc = pg_class(state);

    /* Words about data quote the data. */

    (void) snprintf(text, sizeof(text), "postgresql: %s (%s)",
                    strncmp(state, "22", 2) == 0 ? "a value is not accepted"
                    : words == NULL ? "error" : words, state);

    return wa_sql_fail(db, rc, text);
}


/* Of SQLSTATE, appendix A of PostgreSQL's manual. */
static wa_err_t
pg_class(const char *state)
{
    size_t  i;

    static const struct {
        const char  *begin;
        wa_err_t     rc;
    } classes[] = {
        { "53100", WA_ERR_FULL },
        { "57014", WA_ERR_TIMEOUT },          /* statement_timeout */
        { "55P03", WA_ERR_TIMEOUT },          /* lock_timeout */
        { "40", WA_ERR_TIMEOUT },             /* deadlock, serialization */
        { "XX001", WA_ERR_FATAL },
        { "XX002", WA_ERR_FATAL },
        { "42501", WA_ERR_IO },               /* no right to do it */
        { "25006", WA_ERR_IO },               /* a read-only replica */
        { "22", WA_ERR_ARG },
        { "23", WA_ERR_ARG },
        { "42", WA_ERR_ARG },
        { "54", WA_ERR_ARG },
        { "0A", WA_ERR_ARG }
    };

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {

        if (strncmp(state, classes[i].begin, strlen(classes[i].begin)) == 0) {
            return classes[i].rc;
        }
    }

    return WA_ERR_IO;
}


bool
wa_pg_news(const wa_sql_t *db)
{
    wa_pg_t       *pg = db->impl;
    struct pollfd  p;

    p.fd = PQsocket(pg->conn);
    p.events = POLLIN;
    p.revents = 0;

    return poll(&p, 1, 0) != 0;
}
