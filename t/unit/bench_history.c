/*
 * What taking in a history costs: MESSAGES messages of 500 chats, packed as a
 * phone does it, from a file into a fresh database.
 *
 *   bench_history MESSAGES
 *
 * Prints one JSON object: bytes packed and plain, messages per second, and by
 * how much the resident set grew at most meanwhile, in KiB, per backend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "wa_db.h"
#include "wa_hist.h"


#define CHATS  500
#define NOW    1763700000


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


/* KiB, of /proc/self/status. */
static long
resident(const char *what)
{
    char   line[256];
    long   n;
    FILE  *f;

    n = 0;
    f = fopen("/proc/self/status", "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {

        if (strncmp(line, what, strlen(what)) == 0) {
            n = atol(line + strlen(what));
        }
    }

    if (f != NULL) {
        (void) fclose(f);
    }

    return n;
}


static void
resident_reset(void)
{
    FILE  *f;

    f = fopen("/proc/self/clear_refs", "w");

    if (f != NULL) {
        (void) fputs("5", f);
        (void) fclose(f);
    }
}


/* In a process of its own, so that its memory is not ours. */
static void
make(const char *path, unsigned long messages)
{
    char            text[160], jid[64], id[40];
    FILE           *f;
    wa_buf_t        packed;
    wa_hist_t       w = { .depth = 0 };
    unsigned long   i, k, each;

    each = messages / CHATS;

    for (i = 0; i < CHATS; i++) {
        (void) snprintf(jid, sizeof(jid), "1555%07lu@s.whatsapp.net", i);
        wa_hist_begin(&w, 2);
        wa_hist_str(&w, 1, jid);

        for (k = 0; k < each; k++) {
            (void) snprintf(id, sizeof(id), "3EB0%08lX%08lX", i * 2654435761u,
                            k * 2246822519u);
            (void) snprintf(text, sizeof(text), "message %lu of chat %lu, as "
                            "long as what people write to each other: %lx",
                            k, i, (i + 1) * (k + 7) * 2654435761u);
            wa_hist_text(&w, jid, k % 3 == 0, id, NULL, text,
                         NOW - 60 * k - i, each - k);
        }

        wa_hist_varint(&w, 6, i % 7);
        wa_hist_end(&w);
    }

    for (i = 0; i < CHATS; i++) {
        (void) snprintf(jid, sizeof(jid), "1555%07lu@s.whatsapp.net", i);
        (void) snprintf(text, sizeof(text), "10000%07lu@lid", i);
        wa_hist_begin(&w, 15);
        wa_hist_str(&w, 1, jid);
        wa_hist_str(&w, 2, text);
        wa_hist_end(&w);
    }

    packed = wa_hist_pack(&w);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(packed.p, 1, packed.n, f), packed.n);
    assert_int_equal(fclose(f), 0);
    (void) printf("\"packed\":%zu,\"plain\":%zu", packed.n, w.b.n);
    (void) fflush(stdout);
}


static wa_err_t
read_file(void *ctx, uint64_t offset, uint8_t *buf, size_t cap, size_t *n)
{
    ssize_t  got;

    got = pread(*(int *) ctx, buf, cap, (off_t) offset);
    *n = got < 0 ? 0 : (size_t) got;

    return got < 0 ? WA_ERR_IO : WA_OK;
}


static void
backend(const char *name, int (*setup)(void **state), int fd)
{
    long                 before;
    void                *state;
    double               start, took;
    json_t              *args;
    wa_db_t             *d;
    wa_err_t             rc;
    wa_history_t        *h;
    wa_history_conf_t    conf;

    (void) setup(&state);
    d = state;
    (void) wa_db_event(d, 1, "session.created",
                       "{\"account\":{\"name\":\"Shop\",\"state\":\"INIT\","
                       "\"status\":\"INIT\"}}");

    conf = wa_hist_conf(NULL, NOW);
    conf.read = read_file;
    conf.ctx = &fd;

    resident_reset();
    before = resident("VmRSS:");
    start = now();

    assert_int_equal(wa_history_create(&h, &conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);

    while (wa_history_learn(h, &args) == WA_OK) {
        json_decref(args);
    }

    do {
        rc = wa_history_write(h, d->db);
    } while (rc == WA_AGAIN);

    took = now() - start;

    if (rc != WA_OK) {
        (void) fprintf(stderr, "%s: %s\n", wa_err_name(rc),
                       wa_sql_error(d->db));
        exit(1);
    }

    (void) printf(",\"%s\":{\"messages\":%llu,\"per_second\":%.0f,"
                  "\"grown_kib\":%ld}", name,
                  (unsigned long long) wa_history_totals(h)->messages,
                  (double) wa_history_totals(h)->messages / took,
                  resident("VmHWM:") - before);
    (void) fflush(stdout);

    wa_history_free(h);

    if (d->conf.backend == WA_SQL_POSTGRESQL) {
        (void) wa_sql_script(d->db, "DROP TABLE wa_messages");
    }

    (void) wa_db_teardown(&state);
}


int
main(int argc, char **argv)
{
    int             fd, status;
    char            path[] = "/tmp/wahub-history.XXXXXX";
    pid_t           pid;
    unsigned long   messages;

    messages = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (messages < CHATS) {
        (void) fprintf(stderr, "usage: bench_history MESSAGES\n");
        return 2;
    }

    fd = mkstemp(path);
    assert_true(fd != -1);
    (void) printf("{");
    (void) fflush(stdout);
    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        make(path, messages);
        _exit(0);
    }

    assert_true(waitpid(pid, &status, 0) == pid && status == 0);
    wa_pg_durable();
    backend("sqlite", wa_db_setup_sqlite, fd);
    backend("postgresql", wa_db_setup_pg, fd);
    (void) printf("}\n");
    (void) unlink(path);

    return wa_pg_end(NULL);
}
