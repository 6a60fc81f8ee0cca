/*
 * A PostgreSQL server for a test program: its own cluster in a temporary
 * folder, on a unix socket, run as an unprivileged user.  It dies with the
 * program.
 */
#ifndef WA_PG_H
#define WA_PG_H

#include <sys/types.h>


typedef struct {
    char    dir[64];
    char    bin[128];
    uid_t   uid;              /* whom it runs as */
    gid_t   gid;
    pid_t   pid;              /* 0: does not run */
} wa_pg_server_t;

/* Before the first use: with fsync, which tests go without. */
void wa_pg_durable(void);

/* The program's one server, started when first asked for; fails the test if
   it cannot be. */
wa_pg_server_t *wa_pg_server(void);

/* Ends the server as `signal` does (SIGINT: at once and clean) and waits for
   its end; starts it again on the same data and waits until it answers. */
void wa_pg_stop(wa_pg_server_t *s, int signal);
void wa_pg_start(wa_pg_server_t *s);

/* Ends it and removes its folder; a cmocka group teardown. */
int wa_pg_end(void **state);

#endif /* WA_PG_H */
