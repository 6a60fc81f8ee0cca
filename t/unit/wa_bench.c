#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_bench.h"
#include "wa_crypto.h"


int
wa_bench_setup(void **state)
{
    wa_bench_t       *b;
    wa_node_t        *count;
    const wa_node_t  *iq;

    b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->host = wa_host_create();
    wa_host_make(b->host);
    b->peer = wa_peer_create(b->host);
    b->a = wa_host_account(b->host);
    b->arena = wa_peer_arena(b->peer);
    wa_peer_link(b->peer, "15550001:7@s.whatsapp.net",
                 "100000000000001:7@lid");
    wa_peer_login(b->peer);

    iq = wa_peer_expect(b->peer, "iq");
    count = wa_node_new(b->arena, "count");
    wa_node_set_u64(b->arena, count, "value", 500);
    wa_peer_result(b->peer, iq, count);

    do {
        iq = wa_peer_next(b->peer);
    } while (iq != NULL);

    *state = b;

    return 0;
}


int
wa_bench_teardown(void **state)
{
    wa_bench_t  *b = *state;

    if (b->task != NULL) {
        wa_task_end(b->task, WA_OK);
    }

    wa_peer_free(b->peer);
    wa_host_free(b->host);
    free(b);

    return 0;
}


wa_jid_t
wa_bench_jid(const char *text)
{
    wa_jid_t  j;

    assert_int_equal(wa_jid_parse(wa_span_str(text), &j), WA_OK);

    return j;
}


static void
bench_child_ended(wa_task_t *t, wa_err_t rc)
{
    wa_bench_t  *b;

    b = t->data;
    b->ended = true;
    b->rc = rc;
}


wa_task_t *
wa_bench_task(wa_bench_t *b)
{
    if (b->task != NULL) {
        wa_task_end(b->task, WA_OK);
    }

    b->task = wa_task_new(b->a, "test", bench_child_ended);
    assert_non_null(b->task);
    b->task->data = b;
    b->ended = false;

    return b->task;
}


void
wa_bench_run(wa_bench_t *b)
{
    (void) wa_account_expire(b->a, wa_host_now(b->host));
    wa_host_drain(b->host);
}


wa_err_t
wa_bench_finish(wa_bench_t *b, wa_err_t rc)
{
    if (rc != WA_AGAIN) {
        return rc;
    }

    wa_bench_run(b);
    assert_true(b->ended);

    return b->rc;
}


void
wa_bench_put(wa_bench_t *b, const char *name, const char *value)
{
    wa_unit_t  *u;

    u = wa_unit_new(b->a);
    assert_int_equal(wa_unit_put(u, name, 0, wa_span_str(value)), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(b->host);
}


bool
wa_bench_stored(wa_bench_t *b, const char *name)
{
    return wa_host_record(b->host, name, 0).p != NULL;
}


wa_span_t
wa_bench_sign(wa_bench_t *b, const wa_keypair_t *key, const char *prefix,
    wa_span_t one, wa_span_t two, wa_span_t three)
{
    uint8_t    random[64], *sig;
    wa_span_t  parts[4];

    parts[0] = wa_span(prefix, 2);
    parts[1] = one;
    parts[2] = two;
    parts[3] = three;
    wa_random(random, sizeof(random));
    sig = wa_arena_alloc(b->arena, 64);
    assert_int_equal(wa_xeddsa_sign(sig, key->priv, parts, 4, random),
                     WA_OK);

    return wa_span(sig, 64);
}


wa_span_t
wa_bench_pack(wa_bench_t *b, const ProtobufCMessage *m)
{
    wa_buf_t   buf = WA_BUF_EMPTY;
    wa_span_t  out;

    assert_int_equal(wa_pb_pack(m, &buf), WA_OK);
    assert_int_equal(wa_arena_dup_span(b->arena, wa_span_buf(&buf), &out),
                     WA_OK);
    wa_buf_free(&buf);

    return out;
}
