/* A history database for one test, see wa_db.h. */
#include "wa_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>


int
wa_db_setup_sqlite(void **state)
{
    wa_db_t  *d;

    d = calloc(1, sizeof(*d));
    assert_non_null(d);

    (void) snprintf(d->dir, sizeof(d->dir), "/tmp/wahub-db.XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    (void) snprintf(d->target, sizeof(d->target), "%s/wahub.db", d->dir);

    d->conf.backend = WA_SQL_SQLITE;
    d->conf.target = d->target;
    d->conf.timeout_ms = 5000;
    d->db = wa_db_open(d);
    *state = d;

    return 0;
}


int
wa_db_teardown(void **state)
{
    char      path[200];
    size_t    i;
    wa_db_t  *d = *state;

    static const char  *const ends[] = { "", "-wal", "-shm" };

    wa_sql_free(d->db);

    for (i = 0; i < 3; i++) {
        (void) snprintf(path, sizeof(path), "%s%s", d->target, ends[i]);
        (void) unlink(path);
    }

    assert_int_equal(rmdir(d->dir), 0);
    free(d);

    return 0;
}


wa_sql_t *
wa_db_open(const wa_db_t *d)
{
    wa_sql_t  *db;

    db = wa_sql_create(&d->conf);
    assert_non_null(db);

    if (wa_sql_open(db) != WA_OK) {
        fail_msg("open: %s", wa_sql_error(db));
    }

    return db;
}


int64_t
wa_db_int(wa_sql_t *db, const char *query)
{
    int64_t         v;
    wa_sql_rows_t  *rows;

    if (wa_sql_query(db, query, NULL, 0, &rows) != WA_OK) {
        fail_msg("%s: %s", query, wa_sql_error(db));
    }

    if (wa_sql_next(rows) != WA_OK) {
        fail_msg("%s: no row; %s", query, wa_sql_error(db));
    }

    v = wa_sql_int(rows, 0);
    wa_sql_rows_free(rows);

    return v;
}


void
wa_db_text(wa_sql_t *db, const char *query, char *out, size_t cap)
{
    wa_span_t       s;
    wa_sql_rows_t  *rows;

    assert_int_equal(wa_sql_query(db, query, NULL, 0, &rows), WA_OK);

    if (wa_sql_next(rows) != WA_OK) {
        fail_msg("%s: no row; %s", query, wa_sql_error(db));
    }

    s = wa_sql_text(rows, 0);
    assert_true(s.n < cap);
    memcpy(out, s.p == NULL ? (const uint8_t *) "" : s.p, s.n);
    out[s.n] = '\0';
    wa_sql_rows_free(rows);
}
