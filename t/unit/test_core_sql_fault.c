/*
 * Projection under faults: processes killed at any moment, two owners at
 * once, no space left, a server that goes away or says nothing.  What must
 * hold each time: the rows are those of the entries up to the position.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "wa_db.h"


#define SHARD   7
#define BATCH   20

/* Exit status of a projector whose shard has a new owner. */
#define FENCED  3


/* Entry `i` of an endless log: message number i. */
static char *
log_text(uint64_t i, const char *body)
{
    char             id[32];
    wa_db_message_t  m;

    memset(&m, 0, sizeof(m));
    (void) snprintf(id, sizeof(id), "m%llu", (unsigned long long) i);
    m.id = id;
    m.ts = (int64_t) (1000 + i);
    m.body = body;

    return wa_db_message_text(&m);
}


/* Projects entries from..from+n-1 (ids 1-i). */
static wa_err_t
log_project(wa_sql_t *db, uint64_t from, size_t n, uint64_t epoch,
    const char *body, size_t *applied, size_t *fenced)
{
    size_t          i;
    wa_err_t        rc;
    uint64_t        epochs[BATCH];
    wa_log_entry_t  e[BATCH];

    memset(e, 0, sizeof(e));
    memset(epochs, 0, sizeof(epochs));

    for (i = 0; i < n; i++) {
        e[i].shard = SHARD;
        e[i].id.ms = 1;
        e[i].id.seq = from + i;
        e[i].body = wa_span_str(log_text(from + i, body));
        epochs[i] = epoch;
    }

    rc = wa_project_batch(db, e, epochs, n, applied, fenced);

    for (i = 0; i < n; i++) {
        free((void *) (uintptr_t) e[i].body.p);
    }

    return rc;
}


static uint64_t
position(wa_sql_t *db)
{
    uint32_t     shard;
    wa_log_id_t  id;

    shard = SHARD;
    assert_int_equal(wa_project_positions(db, &shard, 1, &id), WA_OK);

    return id.seq;
}


/* The invariant, in one statement: a server may still be committing what a
   client sent before it was killed. */
static void
check(wa_sql_t *db)
{
    char       text[160];
    long long  n, events, last, messages, unread;

    wa_db_text(db, "SELECT CAST(p.seq AS TEXT) || ' ' ||"
                   " (SELECT COUNT(*) FROM wa_events) || ' ' ||"
                   " (SELECT COALESCE(MAX(seq), 0) FROM wa_events) || ' ' ||"
                   " (SELECT COUNT(*) FROM wa_messages) || ' ' ||"
                   " (SELECT COALESCE(SUM(unread_count), 0) FROM wa_chats)"
                   " FROM (SELECT COALESCE(MAX(seq), 0) AS seq"
                   "  FROM wa_projection WHERE shard = 7) p", text,
               sizeof(text));

    assert_int_equal(sscanf(text, "%lld %lld %lld %lld %lld", &n, &events,
                            &last, &messages, &unread), 5);

    if (events != n || last != n || messages != n || unread != n) {
        fail_msg("position, events, last event, messages, unread: %s", text);
    }
}


/* A projector: goes on from the stored position to `end`, or until killed.
   Writes a byte to `told` (-1: nowhere) when it is at work. */
static void
projector(const wa_db_t *d, uint64_t epoch, uint64_t end, int told)
{
    int        failed;
    size_t     fenced;
    uint64_t   at;
    wa_err_t   rc;
    wa_sql_t  *db;

    db = wa_sql_create(&d->conf);
    failed = (db == NULL || wa_sql_open(db) != WA_OK);

    for (at = failed ? end : position(db); failed == 0 && at < end;
         at += BATCH)
    {
        rc = log_project(db, at + 1, BATCH, epoch, NULL, NULL, &fenced);
        failed = (rc != WA_OK) ? 2 : fenced != 0 ? FENCED : 0;

        if (told >= 0) {
            (void) !write(told, "", 1);
            told = -1;
        }
    }

    wa_sql_free(db);
    _exit(failed);
}


static void
killed_at_any_moment(void **state)
{
    int              i, status, told[2];
    char             c;
    pid_t            pid;
    uint64_t         before;
    wa_db_t         *d = *state;
    struct timespec  t;

    before = 0;

    for (i = 0; i < 25; i++) {
        wa_sql_close(d->db);
        assert_int_equal(pipe(told), 0);
        pid = fork();

        if (pid == 0) {
            projector(d, 1, UINT32_MAX, told[1]);
        }

        assert_true(pid > 0);
        assert_int_equal(read(told[0], &c, 1), 1);
        (void) close(told[0]);
        (void) close(told[1]);

        /* Any moment: what counts is that they differ. */

        t.tv_sec = 0;
        t.tv_nsec = (i * 37) % 60 * 1000 * 1000L + i * 77777;
        (void) nanosleep(&t, NULL);
        (void) kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        assert_int_equal(wa_sql_open(d->db), WA_OK);
        assert_true(position(d->db) >= before);
        before = position(d->db);
        check(d->db);
    }

    assert_true(before > 0);
}


static int
ended(pid_t pid)
{
    int  status;

    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFEXITED(status)) {
        fail_msg("a projector died: %d", status);
    }

    return WEXITSTATUS(status);
}


/* Former and new owner project the same log at the same time. */
static void
two_epochs_at_once(void **state)
{
    pid_t     former, owner;
    wa_db_t  *d = *state;

    wa_sql_close(d->db);
    former = fork();

    if (former == 0) {
        projector(d, 1, 40000, -1);
    }

    assert_true(former > 0);
    owner = fork();

    if (owner == 0) {
        projector(d, 2, 2000, -1);
    }

    assert_true(owner > 0);
    assert_int_equal(ended(owner), 0);
    assert_int_equal(ended(former), FENCED);

    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);
    assert_int_equal(wa_db_int(d->db, "SELECT epoch FROM wa_projection"), 2);
    assert_true(position(d->db) >= 2000);
}


static void
two_of_one_epoch_at_once(void **state)
{
    pid_t     one, other;
    wa_db_t  *d = *state;

    wa_sql_close(d->db);
    one = fork();

    if (one == 0) {
        projector(d, 5, 2000, -1);
    }

    other = fork();

    if (other == 0) {
        projector(d, 5, 2000, -1);
    }

    assert_true(one > 0 && other > 0);
    assert_int_equal(ended(one), 0);
    assert_int_equal(ended(other), 0);

    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);
    assert_int_equal(position(d->db), 2000);
}


static void
expect(wa_sql_t *db, wa_err_t wanted, wa_err_t rc)
{
    if (rc != wanted) {
        fail_msg("%s, not %s: %s", wa_err_name(rc), wa_err_name(wanted),
                 wa_sql_error(db));
    }
}


/* Projects until it fails, at most `most` batches; what it failed with. */
static wa_err_t
until_error(wa_sql_t *db, const char *body, int most)
{
    int       i;
    wa_err_t  rc;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < most; i++) {
        rc = log_project(db, position(db) + 1, BATCH, 1, body, NULL, NULL);
    }

    return rc;
}


static char *
large_body(void)
{
    char  *body;

    body = malloc(20001);
    assert_non_null(body);
    memset(body, 'x', 20000);
    body[20000] = '\0';

    return body;
}


static void
sqlite_has_no_space(wa_db_t *d, const char *body)
{
    int       i;
    char      text[64];
    wa_err_t  rc;

    for (i = 0; i < 3; i++) {
        rc = until_error(d->db, body, 200);

        if (rc != WA_ERR_FULL) {
            fail_msg("%s: %s", wa_err_name(rc), wa_sql_error(d->db));
        }

        assert_true(wa_sql_error(d->db)[0] != '\0');
        assert_int_equal(wa_sql_open(d->db), WA_OK);
    }

    check(d->db);
    wa_db_text(d->db, "PRAGMA integrity_check", text, sizeof(text));
    assert_string_equal(text, "ok");
}


/* A quota: the file may not grow beyond a size. */
static void
a_file_that_may_not_grow(void **state)
{
    char          *body;
    uint64_t       before;
    wa_db_t       *d = *state;
    struct rlimit  old, limit;

    body = large_body();
    assert_int_equal(log_project(d->db, 1, BATCH, 1, body, NULL, NULL),
                     WA_OK);

    (void) signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 4 * 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    sqlite_has_no_space(d, body);
    before = position(d->db);

    /* Space comes back: so does the projection, on the same handle. */

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    assert_int_equal(until_error(d->db, body, 5), WA_OK);
    assert_int_equal(position(d->db), before + 5 * BATCH);
    check(d->db);
    free(body);
}


/* A device that is full: its own small one, seen by this program only. */
static bool
small_device(const char *dir, const char *options)
{
    if (unshare(CLONE_NEWNS) != 0
        || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0
        || mount("tmpfs", dir, "tmpfs", 0, options) != 0)
    {
        print_message("no small device here (not root, or a container)\n");
        return false;
    }

    return true;
}


static void
a_full_device(void **state)
{
    char      dir[64], target[128];
    char     *body;
    FILE     *ballast;
    wa_db_t  *d = *state;

    (void) strcpy(dir, "/tmp/wahub-full.XXXXXX");
    assert_non_null(mkdtemp(dir));

    if (!small_device(dir, "size=6m")) {
        (void) rmdir(dir);
        skip();
    }

    wa_sql_free(d->db);
    (void) snprintf(target, sizeof(target), "%s/wahub.db", dir);
    d->conf.target = target;
    d->db = wa_db_open(d);
    body = large_body();

    (void) snprintf(target + strlen(target), 10, ".fill");
    ballast = fopen(target, "w");
    assert_non_null(ballast);
    assert_int_equal(fwrite(body, 20000, 1, ballast), 1);
    target[strlen(target) - 5] = '\0';
    (void) fclose(ballast);

    sqlite_has_no_space(d, body);

    /* Somebody makes room. */

    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=60m"), 0);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    assert_int_equal(until_error(d->db, body, 5), WA_OK);
    check(d->db);

    free(body);
    wa_sql_free(d->db);
    d->conf.target = d->target;
    d->db = wa_db_open(d);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
    assert_int_equal(rmdir(dir), 0);
}


static void
a_full_tablespace(void **state)
{
    char             dir[64], sql[160];
    char            *body;
    uint64_t         before;
    wa_db_t         *d = *state;
    wa_sql_t        *db;
    wa_pg_server_t  *s;

    s = wa_pg_server();
    (void) strcpy(dir, "/tmp/wahub-full.XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void) snprintf(sql, sizeof(sql), "size=8m,mode=700,uid=%u,gid=%u",
                    (unsigned) s->uid, (unsigned) s->gid);

    if (!small_device(dir, sql)) {
        (void) rmdir(dir);
        skip();
    }

    /* The server has to see it too: it is started again in here. */

    wa_pg_stop(s, SIGINT);
    wa_pg_start(s);

    assert_int_equal(wa_sql_open(d->db), WA_OK);
    (void) snprintf(sql, sizeof(sql), "CREATE TABLESPACE small LOCATION '%s'",
                    dir);

    if (wa_sql_exec(d->db, sql, NULL, 0, NULL) != WA_OK) {
        fail_msg("tablespace: %s", wa_sql_error(d->db));
    }

    expect(d->db, WA_OK, wa_sql_script(d->db, "ALTER TABLE wa_events"
                                              " SET TABLESPACE small"));

    body = large_body();

    /* Compressible text takes little room: the index and rows do it. */

    expect(d->db, WA_OK, wa_sql_script(d->db, "ALTER TABLE wa_events ALTER"
                                              " body SET STORAGE EXTERNAL"));

    expect(d->db, WA_ERR_FULL, until_error(d->db, body, 200));
    assert_non_null(strstr(wa_sql_error(d->db), "53100"));
    check(d->db);
    before = position(d->db);
    assert_true(before > 0);

    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=60m"), 0);
    expect(d->db, WA_OK, until_error(d->db, body, 5));
    assert_int_equal(position(d->db), before + 5 * BATCH);
    check(d->db);

    db = d->db;
    expect(db, WA_OK, wa_sql_script(db, "ALTER TABLE wa_events"
                                        " SET TABLESPACE pg_default"));
    expect(db, WA_OK, wa_sql_exec(db, "DROP TABLESPACE small", NULL, 0,
                                  NULL));
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
    assert_int_equal(rmdir(dir), 0);
    free(body);
}


/* Begun, and one statement that has been answered. */
static void
half_a_transaction(wa_db_t *d)
{
    int64_t  changed;

    assert_int_equal(wa_sql_begin(d->db), WA_OK);
    assert_int_equal(wa_sql_exec(d->db, "INSERT INTO wa_projection"
                                        " (shard, ms, seq, epoch)"
                                        " VALUES (1, 1, 1, 1)",
                                 NULL, 0, &changed), WA_OK);
}


static void
the_server_goes_away(void **state)
{
    wa_err_t         rc;
    wa_db_t         *d = *state;
    wa_sql_rows_t   *rows;
    wa_pg_server_t  *s;

    s = wa_pg_server();
    assert_int_equal(log_project(d->db, 1, BATCH, 1, NULL, NULL, NULL),
                     WA_OK);

    /* While idle: the next open finds out and reconnects. */

    wa_pg_stop(s, SIGQUIT);
    assert_int_equal(wa_sql_open(d->db), WA_ERR_IO);
    assert_int_equal(log_project(d->db, 21, BATCH, 1, NULL, NULL, NULL),
                     WA_ERR_STATE);
    wa_pg_start(s);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);

    /* Restarted in between: not even an error. */

    wa_pg_stop(s, SIGQUIT);
    wa_pg_start(s);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);

    /* In the middle of a transaction. */

    half_a_transaction(d);
    wa_pg_stop(s, SIGQUIT);
    rc = wa_sql_query(d->db, "SELECT 1", NULL, 0, &rows);
    assert_int_equal(rc, WA_ERR_IO);
    assert_int_equal(wa_sql_commit(d->db), WA_ERR_IO);
    wa_pg_start(s);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);

    /* Between the last statement and the commit. */

    half_a_transaction(d);
    wa_pg_stop(s, SIGQUIT);
    assert_int_equal(wa_sql_commit(d->db), WA_ERR_IO);
    wa_pg_start(s);
    assert_int_equal(wa_sql_open(d->db), WA_OK);
    check(d->db);
    assert_int_equal(log_project(d->db, 21, BATCH, 1, NULL, NULL, NULL),
                     WA_OK);
    check(d->db);
}


static int64_t
now_ms(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}


/* A server that takes what it gets and does not answer. */
static void
the_server_says_nothing(void **state)
{
    pid_t      pid;
    int64_t    start;
    wa_db_t   *d = *state;
    wa_sql_t  *db;

    d->conf.timeout_ms = 300;
    db = wa_db_open(d);
    assert_int_equal(log_project(db, 1, BATCH, 1, NULL, NULL, NULL), WA_OK);

    pid = (pid_t) wa_db_int(db, "SELECT pg_backend_pid()");
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);

    start = now_ms();
    assert_int_equal(log_project(db, 21, BATCH, 1, NULL, NULL, NULL),
                     WA_ERR_TIMEOUT);
    assert_in_range(now_ms() - start, 300, 10000);

    /* A new connection is served by another process, which waits for what
       the stopped one may have locked, and no longer than told. */

    assert_int_equal(wa_sql_open(db), WA_OK);
    assert_int_equal(kill(pid, SIGCONT), 0);
    (void) log_project(db, 21, BATCH, 1, NULL, NULL, NULL);
    assert_int_equal(wa_sql_open(db), WA_OK);
    assert_int_equal(log_project(db, 21, BATCH, 1, NULL, NULL, NULL), WA_OK);
    wa_sql_free(db);
    check(d->db);
    assert_int_equal(position(d->db), 40);
}


/* An owner that stands still in a transaction holds the shard's row: the
   server ends it. */
static void
an_owner_stands_still(void **state)
{
    int        i;
    size_t     applied;
    wa_err_t   rc;
    wa_db_t   *d = *state;
    wa_sql_t  *former;

    d->conf.timeout_ms = 300;
    former = wa_db_open(d);
    assert_int_equal(log_project(former, 1, BATCH, 1, NULL, NULL, NULL),
                     WA_OK);
    assert_int_equal(wa_sql_begin(former), WA_OK);
    assert_int_equal(wa_sql_exec(former, "UPDATE wa_projection"
                                         " SET epoch = 1", NULL, 0,
                                 &(int64_t) { 0 }), WA_OK);

    rc = WA_ERR_TIMEOUT;

    for (i = 0; i < 40 && rc == WA_ERR_TIMEOUT; i++) {
        wa_sql_free(d->db);
        d->db = wa_db_open(d);
        rc = log_project(d->db, 21, BATCH, 2, NULL, &applied, NULL);
    }

    assert_int_equal(rc, WA_OK);
    assert_int_equal(applied, BATCH);
    assert_int_not_equal(wa_sql_commit(former), WA_OK);
    wa_sql_free(former);
    check(d->db);
}


static void
a_file_that_is_no_database(void **state)
{
    FILE           *f;
    char            path[200];
    wa_db_t        *d = *state;
    wa_sql_t       *db;
    wa_sql_conf_t   conf;

    conf = d->conf;
    (void) snprintf(path, sizeof(path), "%s/other", d->dir);
    conf.target = path;
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("This is a text file, longer than the header that "
                      "SQLite reads at the beginning of its files, which is "
                      "a hundred bytes.\n", f) > 0);
    (void) fclose(f);

    db = wa_sql_create(&conf);
    assert_non_null(db);
    assert_int_equal(wa_sql_open(db), WA_ERR_FATAL);
    wa_sql_free(db);
    assert_int_equal(unlink(path), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        WA_DB_BOTH(killed_at_any_moment),
        WA_DB_BOTH(two_epochs_at_once),
        WA_DB_BOTH(two_of_one_epoch_at_once),
        WA_DB_SQLITE(a_file_that_may_not_grow),
        WA_DB_SQLITE(a_full_device),
        WA_DB_SQLITE(a_file_that_is_no_database),
        WA_DB_PG(the_server_goes_away),
        WA_DB_PG(the_server_says_nothing),
        WA_DB_PG(an_owner_stands_still),
        WA_DB_PG(a_full_tablespace)
    };

    return cmocka_run_group_tests(tests, NULL, wa_pg_end);
}
