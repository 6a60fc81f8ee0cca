/*
 * An account that is logged in to a wa_peer, and a task on which child tasks
 * of core/ are tried.
 */
#ifndef WA_BENCH_H
#define WA_BENCH_H

#include "wa_account_int.h"
#include "wa_host.h"
#include "wa_pb.h"
#include "wa_peer.h"


typedef struct {
    wa_host_t     *host;
    wa_peer_t     *peer;
    wa_account_t  *a;
    wa_arena_t    *arena;       /* for nodes to be sent                    */
    wa_task_t     *task;        /* the parent in use                       */
    bool           ended;       /* its child ended, with rc                */
    wa_err_t       rc;
} wa_bench_t;

/* cmocka fixtures: 15550001:7, LID 100000000000001:7, with 500 prekeys. */
int wa_bench_setup(void **state);
int wa_bench_teardown(void **state);

wa_jid_t wa_bench_jid(const char *text);

/* A parent for a child task; it stays until the next one. */
wa_task_t *wa_bench_task(wa_bench_t *b);

/* Lets the account run. */
void wa_bench_run(wa_bench_t *b);

/* Of what the child's start answered: how it ended, without waiting for
   anything but records and commits. */
wa_err_t wa_bench_finish(wa_bench_t *b, wa_err_t rc);

/* Commits a record; tells whether the store has one. */
void wa_bench_put(wa_bench_t *b, const char *name, const char *value);
bool wa_bench_stored(wa_bench_t *b, const char *name);

/* In b->arena: a signature over prefix (2 bytes) and three parts, and the
   bytes of a protobuf. */
wa_span_t wa_bench_sign(wa_bench_t *b, const wa_keypair_t *key,
    const char *prefix, wa_span_t one, wa_span_t two, wa_span_t three);
wa_span_t wa_bench_pack(wa_bench_t *b, const ProtobufCMessage *m);

#endif /* WA_BENCH_H */
