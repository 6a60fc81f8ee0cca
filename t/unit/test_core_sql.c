/* The history database's contract (wa_sql.h), the same for both backends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_db.h"
#include "wa_failmem.h"
#include "wa_schema.h"


#define TABLE  "CREATE TABLE t (k BIGINT PRIMARY KEY, s TEXT, d DOUBLE"       \
              " PRECISION)"
#define INSERT "INSERT INTO t (k, s, d) VALUES ($1, $2, $3)"


static wa_sql_value_t
value_int(int64_t i)
{
    wa_sql_value_t  v;

    memset(&v, 0, sizeof(v));
    v.type = WA_SQL_INT;
    v.i = i;

    return v;
}


static wa_sql_value_t
value_span(wa_sql_type_e type, const void *p, size_t n)
{
    wa_sql_value_t  v;

    memset(&v, 0, sizeof(v));
    v.type = type;
    v.s = wa_span(p, n);

    return v;
}


static wa_err_t
insert(wa_sql_t *db, int64_t k, const char *s, int64_t *changed)
{
    wa_sql_value_t  v[3];

    v[0] = value_int(k);
    v[1] = value_span(WA_SQL_TEXT, s, strlen(s));
    memset(&v[2], 0, sizeof(v[2]));

    return wa_sql_exec(db, INSERT, v, 3, changed);
}


static void
table(wa_db_t *d)
{
    if (wa_sql_script(d->db, TABLE "; CREATE INDEX t_s ON t (s)") != WA_OK) {
        fail_msg("script: %s", wa_sql_error(d->db));
    }
}


static int64_t
count(wa_sql_t *db)
{
    return wa_db_int(db, "SELECT COUNT(*) FROM t");
}


static void
values_come_back_as_they_went(void **state)
{
    size_t          i;
    uint8_t         bytes[256];
    int64_t         changed;
    wa_db_t        *d = *state;
    wa_span_t       s;
    wa_sql_rows_t  *rows;
    wa_sql_value_t  v[4];
    const char     *script;

    static const char  text[] = "a'b\"c\\d$1?%_\xe2\x82\xac\xf0\x9f\x91\x8d";

    script = wa_sql_backend(d->db) == WA_SQL_SQLITE
                 ? "CREATE TABLE v (i BIGINT, d DOUBLE PRECISION, s TEXT,"
                   " b BLOB)"
                 : "CREATE TABLE v (i BIGINT, d DOUBLE PRECISION, s TEXT,"
                   " b BYTEA)";
    assert_int_equal(wa_sql_script(d->db, script), WA_OK);

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t) i;
    }

    v[0] = value_int(INT64_MIN);
    v[1].type = WA_SQL_DOUBLE;
    v[1].d = 0.1;
    v[2] = value_span(WA_SQL_TEXT, text, sizeof(text) - 1);
    v[3] = value_span(WA_SQL_BYTES, bytes, sizeof(bytes));

    assert_int_equal(wa_sql_exec(d->db, "INSERT INTO v (i, d, s, b)"
                                        " VALUES ($1, $2, $3, $4)",
                                 v, 4, &changed), WA_OK);
    assert_int_equal(changed, 1);

    /* Empty is not null. */

    v[0] = value_int(INT64_MAX);
    memset(&v[1], 0, sizeof(v[1]));
    v[2] = value_span(WA_SQL_TEXT, NULL, 0);
    v[3] = value_span(WA_SQL_BYTES, NULL, 0);
    assert_int_equal(wa_sql_exec(d->db, "INSERT INTO v (i, d, s, b)"
                                        " VALUES ($1, $2, $3, $4)",
                                 v, 4, NULL), WA_OK);

    /* Parameters may stand in any order and more than once. */

    v[0] = value_int(2);
    v[1] = value_int(INT64_MIN);
    assert_int_equal(wa_sql_query(d->db,
        "SELECT i, d, s, b FROM v WHERE i >= $2 AND $1 = CAST(2 AS BIGINT)"
        " AND i >= $2 ORDER BY i", v, 2, &rows), WA_OK);

    assert_int_equal(wa_sql_next(rows), WA_OK);
    assert_true(wa_sql_int(rows, 0) == INT64_MIN);
    assert_true(wa_sql_double(rows, 1) == 0.1);
    s = wa_sql_text(rows, 2);
    assert_int_equal(s.n, sizeof(text) - 1);
    assert_memory_equal(s.p, text, s.n);
    s = wa_sql_text(rows, 3);
    assert_int_equal(s.n, sizeof(bytes));
    assert_memory_equal(s.p, bytes, s.n);

    assert_int_equal(wa_sql_next(rows), WA_OK);
    assert_true(wa_sql_int(rows, 0) == INT64_MAX);
    assert_true(wa_sql_is_null(rows, 1));
    assert_false(wa_sql_is_null(rows, 2));
    assert_int_equal(wa_sql_text(rows, 2).n, 0);
    assert_false(wa_sql_is_null(rows, 3));

    assert_int_equal(wa_sql_next(rows), WA_AGAIN);
    assert_int_equal(wa_sql_next(rows), WA_AGAIN);
    wa_sql_rows_free(rows);
}


static void
a_transaction_is_all_or_nothing(void **state)
{
    int64_t    changed;
    wa_db_t   *d = *state;
    wa_sql_t  *other;

    table(d);
    other = wa_db_open(d);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(wa_sql_begin(d->db), WA_ERR_STATE);
    assert_int_equal(insert(d->db, 1, "one", NULL), WA_OK);
    assert_int_equal(insert(d->db, 2, "two", &changed), WA_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(count(d->db), 2);
    assert_int_equal(count(other), 0);
    wa_sql_rollback(d->db);
    assert_int_equal(count(d->db), 0);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(insert(d->db, 3, "three", NULL), WA_OK);
    assert_int_equal(wa_sql_commit(d->db), WA_OK);
    assert_int_equal(count(other), 1);
    assert_int_equal(wa_sql_commit(d->db), WA_ERR_STATE);

    wa_sql_free(other);
}


/* More than the pipeline holds, and no answer asked for. */
static void
many_statements(void **state)
{
    int       i;
    wa_db_t  *d = *state;

    table(d);
    assert_int_equal(wa_sql_begin(d->db), WA_OK);

    for (i = 0; i < 3000; i++) {
        assert_int_equal(insert(d->db, i, "text", NULL), WA_OK);

        if (i % 700 == 0) {
            assert_int_equal(count(d->db), i + 1);
        }
    }

    assert_int_equal(wa_sql_commit(d->db), WA_OK);
    assert_int_equal(count(d->db), 3000);
}


/* Large values in one go: sending and answering must not wait for each
   other. */
static void
large_values(void **state)
{
    int             i;
    char           *big;
    size_t          n;
    wa_db_t        *d = *state;
    wa_sql_value_t  v[3];

    n = 1024 * 1024;
    big = malloc(n);
    assert_non_null(big);
    memset(big, 'x', n);

    table(d);
    assert_int_equal(wa_sql_script(d->db, "DROP INDEX t_s"), WA_OK);
    assert_int_equal(wa_sql_begin(d->db), WA_OK);

    for (i = 0; i < 20; i++) {
        v[0] = value_int(i);
        v[1] = value_span(WA_SQL_TEXT, big, n);
        memset(&v[2], 0, sizeof(v[2]));
        assert_int_equal(wa_sql_exec(d->db, INSERT, v, 3, NULL), WA_OK);
    }

    assert_int_equal(wa_sql_commit(d->db), WA_OK);
    assert_int_equal(wa_db_int(d->db, "SELECT SUM(LENGTH(s)) FROM t"),
                     20 * 1024 * 1024);
    free(big);
}


static void
an_error_sticks_to_its_transaction(void **state)
{
    wa_db_t        *d = *state;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    table(d);
    assert_int_equal(insert(d->db, 1, "one", NULL), WA_OK);
    assert_int_equal(insert(d->db, 1, "again", NULL), WA_ERR_ARG);
    assert_int_equal(count(d->db), 1);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_OK);

    /* May be told late. */

    rc = insert(d->db, 1, "a secret", NULL);
    assert_true(rc == WA_OK || rc == WA_ERR_ARG);

    rc = wa_sql_query(d->db, "SELECT k FROM t", NULL, 0, &rows);
    assert_int_equal(rc, WA_ERR_ARG);
    assert_int_equal(insert(d->db, 3, "three", NULL), WA_ERR_ARG);
    assert_int_equal(wa_sql_commit(d->db), WA_ERR_ARG);
    assert_int_equal(count(d->db), 1);

    /* Told by the commit at the latest. */

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    rc = insert(d->db, 1, "a secret", NULL);
    assert_true(rc == WA_OK || rc == WA_ERR_ARG);
    assert_int_equal(wa_sql_commit(d->db), WA_ERR_ARG);
    assert_non_null(strstr(wa_sql_error(d->db), ": "));
    assert_null(strstr(wa_sql_error(d->db), "a secret"));

    /* And all is well after. */

    assert_int_equal(insert(d->db, 2, "two", NULL), WA_OK);
    assert_int_equal(count(d->db), 2);
}


static void
statements_that_are_wrong(void **state)
{
    wa_db_t        *d = *state;
    wa_sql_rows_t  *rows;

    table(d);
    assert_int_equal(wa_sql_query(d->db, "SELECT nothing FROM t", NULL, 0,
                                  &rows), WA_ERR_ARG);
    assert_int_equal(wa_sql_query(d->db, "SELEC 1", NULL, 0, &rows),
                     WA_ERR_ARG);
    assert_int_equal(wa_sql_exec(d->db, "DELETE FROM absent", NULL, 0, NULL),
                     WA_ERR_ARG);
    assert_int_equal(wa_sql_script(d->db, "CREATE TABLE u (x INTEGER);"
                                          "SELEC 1"), WA_ERR_ARG);

    /* A statement that failed may be right later. */

    assert_int_equal(wa_sql_script(d->db, "CREATE TABLE absent"
                                          " (x INTEGER)"), WA_OK);
    assert_int_equal(wa_sql_exec(d->db, "DELETE FROM absent", NULL, 0, NULL),
                     WA_OK);
}


static void
rows_are_held_one_at_a_time(void **state)
{
    wa_db_t        *d = *state;
    wa_sql_rows_t  *rows, *more;

    table(d);
    assert_int_equal(insert(d->db, 1, "one", NULL), WA_OK);
    assert_int_equal(wa_sql_query(d->db, "SELECT s FROM t", NULL, 0, &rows),
                     WA_OK);
    assert_int_equal(wa_sql_query(d->db, "SELECT k FROM t", NULL, 0, &more),
                     WA_ERR_STATE);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_ERR_STATE);
    assert_int_equal(wa_sql_next(rows), WA_OK);
    wa_sql_rows_free(rows);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_OK);
}


/* More different statements than are kept prepared. */
static void
more_statements_than_the_cache_holds(void **state)
{
    int             i, round;
    char            text[80];
    wa_db_t        *d = *state;
    wa_sql_value_t  v;

    table(d);

    for (round = 0; round < 2; round++) {
        assert_int_equal(wa_sql_begin(d->db), WA_OK);

        for (i = 0; i < 250; i++) {
            (void) snprintf(text, sizeof(text),
                            "INSERT INTO t (k, s) VALUES ($1, '%d')", i);
            v = value_int(round * 1000 + i);
            assert_int_equal(wa_sql_exec(d->db, text, &v, 1, NULL), WA_OK);
        }

        assert_int_equal(wa_sql_commit(d->db), WA_OK);
    }

    assert_int_equal(count(d->db), 500);
}


static void
closed_and_opened_again(void **state)
{
    wa_db_t  *d = *state;

    table(d);
    assert_int_equal(insert(d->db, 1, "one", NULL), WA_OK);
    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_OK);
    wa_sql_close(d->db);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_ERR_STATE);
    assert_int_equal(wa_sql_begin(d->db), WA_ERR_STATE);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    assert_int_equal(count(d->db), 1);
    assert_int_equal(insert(d->db, 2, "two", NULL), WA_OK);
}


/* Two writers: the second waits as long as it was told. */
static void
a_lock_is_waited_for_not_for_ever(void **state)
{
    wa_db_t   *d = *state;
    wa_err_t   rc;
    wa_sql_t  *other;

    table(d);
    d->conf.timeout_ms = 200;
    other = wa_db_open(d);

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(insert(d->db, 1, "one", NULL), WA_OK);
    assert_int_equal(count(d->db), 1);

    rc = wa_sql_begin(other);

    if (rc == WA_OK) {
        rc = insert(other, 1, "one", NULL);
    }

    if (rc == WA_OK) {
        rc = wa_sql_commit(other);

    } else {
        wa_sql_rollback(other);
    }

    assert_int_equal(rc, WA_ERR_TIMEOUT);
    assert_int_equal(wa_sql_commit(d->db), WA_OK);

    assert_int_equal(wa_sql_open(other), WA_OK);
    assert_int_equal(insert(other, 2, "two", NULL), WA_OK);
    assert_int_equal(count(other), 2);
    wa_sql_free(other);
}


static void
a_target_that_is_not_there(void **state)
{
    size_t         i;
    wa_err_t       rc;
    wa_sql_t      *db;
    wa_sql_conf_t  conf;

    static const struct {
        wa_sql_backend_e  backend;
        const char       *target;
    } rows[] = {
        { WA_SQL_SQLITE, "/nonexistent/wahub.db" },
        { WA_SQL_SQLITE, "/" },
        { WA_SQL_POSTGRESQL, "postgresql://wahub@/x?host=/nonexistent" },
        { WA_SQL_POSTGRESQL, "postgresql://wahub@127.0.0.1:1/x" },
        { WA_SQL_POSTGRESQL, "postgresql://:not a url" }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&conf, 0, sizeof(conf));
        conf.backend = rows[i].backend;
        conf.target = rows[i].target;
        conf.password = "a-secret";
        conf.timeout_ms = 500;

        db = wa_sql_create(&conf);
        assert_non_null(db);
        rc = wa_sql_open(db);

        if (rc != WA_ERR_IO) {
            fail_msg("%s: %s", rows[i].target, wa_err_name(rc));
        }

        assert_true(wa_sql_error(db)[0] != '\0');
        assert_null(strstr(wa_sql_error(db), "a-secret"));
        assert_int_equal(wa_sql_begin(db), WA_ERR_STATE);
        wa_sql_free(db);
    }
}


static wa_err_t
memory_scenario(void *data)
{
    wa_db_t        *d = data;
    wa_err_t        rc;
    wa_sql_t       *db;
    wa_sql_value_t  v;

    db = wa_sql_create(&d->conf);

    if (db == NULL) {
        return WA_ERR_NOMEM;
    }

    v = value_int(1);
    rc = wa_sql_open(db);

    if (rc == WA_OK) {
        rc = wa_sql_begin(db);
    }

    if (rc == WA_OK) {
        rc = wa_sql_exec(db, "DELETE FROM wa_projection WHERE shard = $1", &v,
                         1, NULL);

        if (rc == WA_OK) {
            rc = wa_sql_commit(db);

        } else {
            wa_sql_rollback(db);
        }
    }

    wa_sql_free(db);

    return rc;
}


static void
every_allocation_may_fail(void **state)
{
    WA_FAILMEM_RUN(memory_scenario, *state);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(values_come_back_as_they_went),
        WA_DB_BOTH(a_transaction_is_all_or_nothing),
        WA_DB_BOTH(many_statements),
        WA_DB_BOTH(large_values),
        WA_DB_BOTH(an_error_sticks_to_its_transaction),
        WA_DB_BOTH(statements_that_are_wrong),
        WA_DB_BOTH(rows_are_held_one_at_a_time),
        WA_DB_BOTH(more_statements_than_the_cache_holds),
        WA_DB_BOTH(closed_and_opened_again),
        WA_DB_BOTH(a_lock_is_waited_for_not_for_ever),
        cmocka_unit_test(a_target_that_is_not_there),
        WA_DB_BOTH(every_allocation_may_fail)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
