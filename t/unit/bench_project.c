/*
 * How fast the projection catches up: a log of events of 50 accounts into a
 * fresh database, batch after batch, each on disk before the next.
 *
 *   bench_project EVENTS BATCH RUNS
 *
 * Prints one JSON object: events per second of each run, per backend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "wa_db.h"


#define ACCOUNTS   50
#define CHATS      20
#define BATCH_MAX  5000
#define TEXT_MAX   4096

/* What a text event weighs in a running system: both names of each member. */
#define EVENT                                                                 \
    "{\"type\":\"%s\",\"timestamp\":\"2026-11-21T10:00:00.000Z\","            \
    "\"tenant_id\":\"default\",\"account_id\":\"%s\","                        \
    "\"session_id\":\"session-%d\",\"data\":%s}"
#define MESSAGE                                                               \
    "{\"message\":{\"id\":\"%016llx-3EB0%016llX\","                           \
    "\"message_id\":\"3EB0%016llX\",\"waMessageId\":\"3EB0%016llX\","         \
    "\"client_message_id\":null,\"clientMessageId\":null,"                    \
    "\"account_id\":\"%s\",\"session_id\":\"session-%d\","                    \
    "\"sessionId\":\"session-%d\",\"direction\":\"%s\",\"status\":\"%s\","    \
    "\"source\":\"%s\",\"timestamp\":%lld,\"metadata\":null,"                 \
    "\"remote_jid\":\"1555%07d@s.whatsapp.net\","                             \
    "\"jid\":\"1555%07d@s.whatsapp.net\",\"lid\":\"10000%07d@lid\","          \
    "\"from_jid\":%s1555%07d@s.whatsapp.net%s,"                               \
    "\"from_lid\":null,\"participant\":null,\"from_me\":%s,"                  \
    "\"from\":\"1555%07d\",\"to\":\"15550000001\","                           \
    "\"phone_number\":\"1555%07d\",\"push_name\":\"Contact %d\","             \
    "\"message_type\":\"text\",\"type\":\"TEXT\","                            \
    "\"body\":\"message %llu of the benchmark's log, of common length\","     \
    "\"text\":\"message %llu of the benchmark's log, of common length\","     \
    "\"quoted_id\":null,\"mentions\":[],\"is_forwarded\":false,"              \
    "\"forward_score\":0,\"is_starred\":false,\"is_broadcast\":false,"        \
    "\"is_ephemeral\":false,\"ephemeral_duration\":null,"                     \
    "\"is_view_once\":false,\"is_status\":false,\"edit_type\":0,"             \
    "\"is_deleted\":false,\"has_media\":false,"                               \
    "\"created_at\":\"2026-11-21T10:00:00.000Z\","                            \
    "\"createdAt\":\"2026-11-21T10:00:00.000Z\","                             \
    "\"updated_at\":\"2026-11-21T10:00:00.000Z\","                            \
    "\"updatedAt\":\"2026-11-21T10:00:00.000Z\"}}"
#define RECEIPT                                                               \
    "{\"id\":\"%016llx-3EB0%016llX\",\"message_id\":\"3EB0%016llX\","         \
    "\"chat_jid\":\"1555%07d@s.whatsapp.net\","                               \
    "\"recipient_jid\":\"1555%07d@s.whatsapp.net\",\"lid\":null,"             \
    "\"status\":\"delivered\",\"timestamp\":%lld}"


/* Of ten events six are received texts, two sent ones, two their receipts. */
static size_t
event_text(unsigned long long i, char *out)
{
    int                 n, account, chat;
    bool                sent;
    char                data[TEXT_MAX], id[40];
    const char         *type;
    unsigned long long  m;

    account = (int) (i / 10 % ACCOUNTS);
    (void) snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", account);
    m = (i % 10 >= 8) ? i - 2 : i;
    chat = (int) (m * 7 % CHATS) + account * CHATS;
    sent = (i % 10 >= 6);

    if (i % 10 >= 8) {
        type = "message.receipt";
        n = snprintf(data, sizeof(data), RECEIPT, m, m, m, chat, chat,
                     1700000000LL + (long long) m);

    } else {
        type = sent ? "message.sent" : "message.received";
        n = snprintf(data, sizeof(data), MESSAGE, m, m, m, m, id, account,
                     account, sent ? "OUTBOUND" : "INBOUND",
                     sent ? "SENT" : "RECEIVED", sent ? "api" : "whatsapp",
                     1700000000LL + (long long) m, chat, chat, chat, "\"",
                     chat, "\"", sent ? "true" : "false", chat, chat, chat, m,
                     m);
    }

    assert_true(n > 0 && n < TEXT_MAX);
    n = snprintf(out, TEXT_MAX, EVENT, type, id, account, data);
    assert_true(n > 0 && n < TEXT_MAX);

    return (size_t) n;
}


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


/* Seconds; making the texts is not part of them. */
static double
catch_up(wa_db_t *d, size_t events, size_t batch)
{
    char            *texts;
    size_t           i, k, applied;
    double           start, took;
    uint64_t        *epochs;
    wa_log_entry_t  *e;

    texts = malloc(batch * TEXT_MAX);
    epochs = calloc(batch, sizeof(uint64_t));
    e = calloc(batch, sizeof(wa_log_entry_t));
    assert_true(texts != NULL && epochs != NULL && e != NULL);
    took = 0;

    for (i = 0; i < events; i += batch) {

        for (k = 0; k < batch; k++) {
            e[k].shard = (uint32_t) ((i + k) / 10 % ACCOUNTS);
            e[k].id.ms = 1700000000000 + (i + k) / 10;
            e[k].id.seq = (i + k) % 10;
            e[k].body = wa_span(texts + k * TEXT_MAX,
                                event_text(i + k, texts + k * TEXT_MAX));
            epochs[k] = 1;
        }

        start = now();

        if (wa_project_batch(d->db, e, epochs, batch, &applied, NULL)
            != WA_OK || applied != batch)
        {
            (void) fprintf(stderr, "batch: %s\n", wa_sql_error(d->db));
            exit(1);
        }

        took += now() - start;
    }

    free(texts);
    free(epochs);
    free(e);

    return took;
}


static void
backend(const char *name, int (*setup)(void **state), size_t events,
    size_t batch, int runs)
{
    int       i;
    void     *state;
    wa_db_t  *d;

    (void) printf("\"%s\":[", name);

    for (i = 0; i < runs; i++) {
        (void) setup(&state);
        d = state;
        (void) printf("%s%.0f", i == 0 ? "" : ",",
                      (double) events / catch_up(d, events, batch));
        (void) fflush(stdout);

        if (d->conf.backend == WA_SQL_POSTGRESQL) {
            (void) wa_sql_script(d->db, "DROP TABLE wa_messages;"
                                        "DROP TABLE wa_events");
        }

        (void) wa_db_teardown(&state);
    }

    (void) printf("]");
}


int
main(int argc, char **argv)
{
    int     runs;
    size_t  events, batch;

    events = (argc == 4) ? (size_t) atol(argv[1]) : 0;
    batch = (argc == 4) ? (size_t) atol(argv[2]) : 0;
    runs = (argc == 4) ? atoi(argv[3]) : 0;

    if (events == 0 || batch == 0 || batch > BATCH_MAX || runs <= 0
        || events % batch != 0)
    {
        (void) fprintf(stderr, "usage: bench_project EVENTS BATCH RUNS\n");
        return 2;
    }

    wa_pg_durable();
    (void) printf("{");
    backend("sqlite", wa_db_setup_sqlite, events, batch, runs);
    (void) printf(",");
    backend("postgresql", wa_db_setup_pg, events, batch, runs);
    (void) printf("}\n");

    return wa_pg_end(NULL);
}
