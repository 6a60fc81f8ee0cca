/* Migrations: whole or not at all, one process at a time, never backwards. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wa_db.h"
#include "wa_schema.h"
#include "wa_sql_int.h"


#define OPENERS  6


static uint32_t
version(wa_sql_t *db)
{
    uint32_t  v;

    assert_int_equal(wa_schema_version(db, &v), WA_OK);

    return v;
}


/* Back to an empty database, as far as migrations can tell. */
static void
forget(wa_db_t *d)
{
    char  script[2048];

    wa_db_text(d->db, wa_sql_backend(d->db) == WA_SQL_SQLITE
                   ? "SELECT GROUP_CONCAT('DROP TABLE ' || name, ';')"
                     " FROM sqlite_master WHERE type = 'table'"
                     " AND name LIKE 'wa~_%' ESCAPE '~'"
                   : "SELECT STRING_AGG('DROP TABLE ' || tablename, ';')"
                     " FROM pg_catalog.pg_tables"
                     " WHERE schemaname = current_schema()", script,
               sizeof(script));
    assert_int_equal(wa_sql_script(d->db, script), WA_OK);
}


static void
steps_are_taken_in_order_and_once(void **state)
{
    wa_db_t  *d = *state;

    static const wa_migration_t  list[] = {
        { 1, "CREATE TABLE one (x INTEGER)" },
        { 2, "CREATE TABLE two (x INTEGER); INSERT INTO one (x) VALUES (1)" },
        { 3, "DROP TABLE two" }
    };

    forget(d);
    assert_int_equal(version(d->db), 0);
    assert_int_equal(wa_schema_migrate(d->db, list, 1), WA_OK);
    assert_int_equal(version(d->db), 1);
    assert_int_equal(wa_schema_migrate(d->db, list, 3), WA_OK);
    assert_int_equal(wa_schema_migrate(d->db, list, 3), WA_OK);
    assert_int_equal(version(d->db), 3);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM one"), 1);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_schema"), 3);
}


static void
a_step_that_fails_leaves_no_trace(void **state)
{
    wa_db_t        *d = *state;
    wa_sql_rows_t  *rows;

    static const wa_migration_t  list[] = {
        { 1, "CREATE TABLE one (x INTEGER)" },
        { 2, "CREATE TABLE two (x INTEGER); INSERT INTO one (x) VALUES (1);"
             "INSERT INTO nowhere (x) VALUES (1)" }
    };

    forget(d);
    assert_int_equal(wa_schema_migrate(d->db, list, 1), WA_OK);
    assert_int_equal(wa_schema_migrate(d->db, list, 2), WA_ERR_ARG);
    assert_non_null(strstr(wa_sql_error(d->db), "nowhere"));
    assert_int_equal(version(d->db), 1);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM one"), 0);
    assert_int_equal(wa_sql_query(d->db, "SELECT x FROM two", NULL, 0, &rows),
                     WA_ERR_ARG);
}


static void
a_newer_database_is_refused(void **state)
{
    wa_db_t   *d = *state;
    wa_sql_t  *db;

    assert_int_equal(version(d->db), WA_SCHEMA_VERSION);
    assert_int_equal(wa_sql_script(d->db, "INSERT INTO wa_schema (version)"
                                          " VALUES (999)"), WA_OK);

    db = wa_sql_create(&d->conf);
    assert_non_null(db);
    assert_int_equal(wa_sql_open(db), WA_ERR_VERSION);
    assert_non_null(strstr(wa_sql_error(db), "999"));
    assert_int_equal(wa_sql_begin(db), WA_ERR_STATE);

    /* Not for ever: an operator may put the old one back. */

    assert_int_equal(wa_sql_script(d->db, "DELETE FROM wa_schema"
                                          " WHERE version = 999"), WA_OK);
    assert_int_equal(wa_sql_open(db), WA_OK);
    wa_sql_free(db);
}


/* Several processes meet a new database at once. */
static void
all_open_at_once(void **state)
{
    int        i, round, status, failed, pipes[2];
    char       c;
    pid_t      pids[OPENERS];
    wa_db_t   *d = *state;
    wa_sql_t  *db;

    for (round = 0; round < 5; round++) {
        forget(d);
        wa_sql_close(d->db);
        assert_int_equal(pipe(pipes), 0);

        for (i = 0; i < OPENERS; i++) {
            pids[i] = fork();

            if (pids[i] == 0) {
                (void) close(pipes[1]);
                (void) read(pipes[0], &c, 1);         /* the start */
                db = wa_sql_create(&d->conf);
                failed = (db == NULL || wa_sql_open(db) != WA_OK
                          || wa_sql_open(db) != WA_OK);
                wa_sql_free(db);
                _exit(failed);
            }

            assert_true(pids[i] > 0);
        }

        (void) close(pipes[0]);
        (void) close(pipes[1]);

        for (i = 0; i < OPENERS; i++) {
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_int_equal(status, 0);
        }

        assert_int_equal(wa_sql_open(d->db), WA_OK);
        assert_int_equal(version(d->db), WA_SCHEMA_VERSION);
        assert_int_equal(wa_db_int(d->db, "SELECT COUNT(*) FROM wa_schema"),
                         WA_SCHEMA_VERSION);
    }
}


/* The same on a file that does not exist yet: its journal changes too. */
static void
all_create_the_file_at_once(void **state)
{
    int            i, round, status, failed, pipes[2];
    char           c, path[200];
    pid_t          pids[OPENERS];
    size_t         k;
    wa_db_t       *d = *state;
    wa_sql_t      *db;
    wa_sql_conf_t  conf;

    static const char  *const ends[] = { "", "-wal", "-shm" };

    conf = d->conf;

    for (round = 0; round < 5; round++) {
        (void) snprintf(path, sizeof(path), "%s/new.db", d->dir);
        conf.target = path;
        assert_int_equal(pipe(pipes), 0);

        for (i = 0; i < OPENERS; i++) {
            pids[i] = fork();

            if (pids[i] == 0) {
                (void) close(pipes[1]);
                (void) read(pipes[0], &c, 1);
                db = wa_sql_create(&conf);
                failed = (db == NULL || wa_sql_open(db) != WA_OK);
                wa_sql_free(db);
                _exit(failed);
            }

            assert_true(pids[i] > 0);
        }

        (void) close(pipes[0]);
        (void) close(pipes[1]);

        for (i = 0; i < OPENERS; i++) {
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_int_equal(status, 0);
        }

        for (k = 0; k < 3; k++) {
            (void) snprintf(path, sizeof(path), "%s/new.db%s", d->dir,
                            ends[k]);
            (void) unlink(path);
        }
    }
}


static void
killed_in_the_middle(void **state)
{
    int        status;
    pid_t      pid;
    wa_db_t   *d = *state;
    wa_sql_t  *db;

    forget(d);
    wa_sql_close(d->db);
    pid = fork();

    if (pid == 0) {
        db = wa_sql_create(&d->conf);

        /* Connected, with what a first migration has done so far. */

        if (db == NULL || db->ops->connect(db) != WA_OK) {
            _exit(1);
        }

        db->connected = true;

        if (wa_sql_begin_schema(db) != WA_OK
            || wa_sql_script(db, "CREATE TABLE wa_schema (version INTEGER"
                                 "  PRIMARY KEY);"
                                 "CREATE TABLE wa_projection (x INTEGER);"
                                 "INSERT INTO wa_schema (version) VALUES (1)")
               != WA_OK)
        {
            _exit(2);
        }

        (void) raise(SIGKILL);
    }

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    assert_int_equal(wa_sql_open(d->db), WA_OK);
    assert_int_equal(version(d->db), WA_SCHEMA_VERSION);
    assert_int_equal(wa_db_int(d->db, "SELECT COUNT(epoch)"
                                      " FROM wa_projection"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(steps_are_taken_in_order_and_once),
        WA_DB_BOTH(a_step_that_fails_leaves_no_trace),
        WA_DB_BOTH(a_newer_database_is_refused),
        WA_DB_BOTH(all_open_at_once),
        WA_DB_SQLITE(all_create_the_file_at_once),
        WA_DB_BOTH(killed_in_the_middle)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
