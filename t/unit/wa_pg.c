/* A PostgreSQL server for a test program, see wa_pg.h. */
#include "wa_pg.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "wa_sql.h"


/* A cluster is made in about 2 s here; a loaded machine takes longer. */
#define PG_START_MS  60000

static wa_pg_server_t  server;
static bool            durable;


void
wa_pg_durable(void)
{
    durable = true;
}


/* Debian keeps the programs out of the PATH. */
static void
pg_find(wa_pg_server_t *s)
{
    glob_t  g;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) != 0) {
        fail_msg("no PostgreSQL here: apt-get install postgresql");
    }

    (void) snprintf(s->bin, sizeof(s->bin), "%s",
                    g.gl_pathv[g.gl_pathc - 1]);
    *strrchr(s->bin, '/') = '\0';
    globfree(&g);
}


/* The child's side of fork(): not root, which PostgreSQL refuses to be. */
static void
pg_become(const wa_pg_server_t *s)
{
    int    fd;
    pid_t  parent;

    parent = getppid();

    if (getuid() == 0
        && (setgroups(0, NULL) != 0 || setgid(s->gid) != 0
            || setuid(s->uid) != 0))
    {
        _exit(126);
    }

    /* Also when the test crashes. */

    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != parent
        || chdir(s->dir) != 0)
    {
        _exit(126);
    }

    fd = open("log", O_CREAT | O_WRONLY | O_APPEND, 0600);
    (void) dup2(fd, 1);
    (void) dup2(fd, 2);
}


static void
pg_log(const wa_pg_server_t *s)
{
    char  command[128];

    (void) snprintf(command, sizeof(command), "tail -n 20 '%s/log' >&2",
                    s->dir);

    if (system(command) != 0) {
        print_error("no log\n");
    }
}


static void
pg_init(wa_pg_server_t *s)
{
    int    status;
    char   path[160];
    pid_t  pid;

    (void) snprintf(path, sizeof(path), "%s/initdb", s->bin);
    pid = fork();

    if (pid == 0) {
        pg_become(s);

        /* By its path: it looks for the server beside itself. */

        (void) execl(path, path, "-D", "data", "-U", "wahub", "-A",
                     "trust", "-E", "UTF8", "--no-locale", "--no-sync",
                     "--no-instructions", (char *) NULL);
        _exit(127);
    }

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (status != 0) {
        pg_log(s);
        fail_msg("initdb failed");
    }
}


static bool
pg_answers(const wa_pg_server_t *s)
{
    int    status;
    char   path[160];
    pid_t  pid;

    (void) snprintf(path, sizeof(path), "%s/pg_isready", s->bin);
    pid = fork();

    if (pid == 0) {
        pg_become(s);
        (void) execl(path, path, "-q", "-h", s->dir, (char *) NULL);
        _exit(127);
    }

    return waitpid(pid, &status, 0) == pid && status == 0;
}


void
wa_pg_start(wa_pg_server_t *s)
{
    int   i, status;
    char  path[160];

    static const struct timespec  pause = { 0, 20 * 1000 * 1000 };

    (void) snprintf(path, sizeof(path), "%s/postgres", s->bin);
    s->pid = fork();

    if (s->pid == 0) {
        pg_become(s);
        (void) execl(path, path, "-D", "data", "-k", s->dir, "-c",
                     "listen_addresses=", "-c", "max_connections=40",
                     "-c", durable ? "fsync=on" : "fsync=off",
                     "-c", durable ? "shared_buffers=128MB"
                                   : "shared_buffers=32MB",
                     (char *) NULL);
        _exit(127);
    }

    assert_true(s->pid > 0);

    for (i = 0; i < PG_START_MS / 20; i++) {

        if (pg_answers(s)) {
            return;
        }

        if (waitpid(s->pid, &status, WNOHANG) != 0) {
            break;
        }

        (void) nanosleep(&pause, NULL);
    }

    pg_log(s);
    fail_msg("postgres does not start");
}


void
wa_pg_stop(wa_pg_server_t *s, int signal)
{
    if (s->pid > 0) {
        (void) kill(s->pid, signal);
        (void) waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}


wa_pg_server_t *
wa_pg_server(void)
{
    struct passwd   *user;
    wa_pg_server_t  *s = &server;

    if (s->pid != 0) {
        return s;
    }

    pg_find(s);
    user = getpwnam("postgres");
    s->uid = (user == NULL) ? 65534 : user->pw_uid;
    s->gid = (user == NULL) ? 65534 : user->pw_gid;

    (void) snprintf(s->dir, sizeof(s->dir), "/tmp/wahub-pg.XXXXXX");
    assert_non_null(mkdtemp(s->dir));

    if (getuid() == 0) {
        assert_int_equal(chown(s->dir, s->uid, s->gid), 0);
    }

    pg_init(s);
    wa_pg_start(s);

    return s;
}


int
wa_pg_end(void **state)
{
    char  command[80];

    (void) state;

    if (server.dir[0] == '\0') {
        return 0;
    }

    wa_pg_stop(&server, SIGINT);
    (void) snprintf(command, sizeof(command), "rm -rf '%s'", server.dir);

    return system(command);
}
