/*
 * What app state costs the event loop: a snapshot of RECORDS contacts, a patch
 * in a file that changes all of them, and one that changes a single one.
 *
 *   bench_appstate RECORDS
 *
 * Prints one JSON object: for each of the three, seconds inside of the engine
 * and the longest time it kept the loop, and 99 of 100 calls, in ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_appstate_int.h"
#include "wa_chain.h"
#include "wa_peer.h"


#define CALLS  65536

typedef struct {
    wa_host_t   *h;
    wa_peer_t   *p;
    wa_chain_t   chain;
} bench_t;


static double  calls[CALLS];
static size_t  n_calls;


/* The linker puts these before the engine's own. */
wa_err_t __real_wa_account_feed(wa_account_t *a, wa_span_t in,
    wa_time_t now);
wa_err_t __real_wa_account_complete(wa_account_t *a, const wa_done_t *d,
    wa_time_t now);
wa_err_t __real_wa_account_expire(wa_account_t *a, wa_time_t now);
bool __real_wa_account_next(wa_account_t *a, wa_out_t *out);
wa_err_t __wrap_wa_account_feed(wa_account_t *a, wa_span_t in,
    wa_time_t now);
wa_err_t __wrap_wa_account_complete(wa_account_t *a, const wa_done_t *d,
    wa_time_t now);
wa_err_t __wrap_wa_account_expire(wa_account_t *a, wa_time_t now);
bool __wrap_wa_account_next(wa_account_t *a, wa_out_t *out);


/* CPU time of this thread: others share the machine. */
static double
clock_now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);

    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}


static void
took(double start)
{
    if (n_calls < CALLS) {
        calls[n_calls++] = clock_now() - start;
    }
}


wa_err_t
__wrap_wa_account_feed(wa_account_t *a, wa_span_t in, wa_time_t now)
{
    double    start;
    wa_err_t  rc;

    start = clock_now();
    rc = __real_wa_account_feed(a, in, now);
    took(start);

    return rc;
}


wa_err_t
__wrap_wa_account_complete(wa_account_t *a, const wa_done_t *d,
    wa_time_t now)
{
    double    start;
    wa_err_t  rc;

    start = clock_now();
    rc = __real_wa_account_complete(a, d, now);
    took(start);

    return rc;
}


wa_err_t
__wrap_wa_account_expire(wa_account_t *a, wa_time_t now)
{
    double    start;
    wa_err_t  rc;

    start = clock_now();
    rc = __real_wa_account_expire(a, now);
    took(start);

    return rc;
}


bool
__wrap_wa_account_next(wa_account_t *a, wa_out_t *out)
{
    bool    more;
    double  start;

    start = clock_now();
    more = __real_wa_account_next(a, out);
    took(start);

    return more;
}


static int
by_value(const void *a, const void *b)
{
    double  d;

    d = *(const double *) a - *(const double *) b;

    return d < 0 ? -1 : d > 0;
}


static void
print(const char *what, bool last)
{
    size_t  i;
    double  sum;

    for (sum = 0, i = 0; i < n_calls; i++) {
        sum += calls[i];
    }

    qsort(calls, n_calls, sizeof(calls[0]), by_value);
    (void) printf("\"%s\":{\"seconds\":%.3f,\"calls\":%zu,\"longest\":%.2f,"
                  "\"p99\":%.2f}%s", what, sum / 1e3, n_calls,
                  calls[n_calls - 1], calls[n_calls * 99 / 100],
                  last ? "" : ",");
    n_calls = 0;
}


/* The next iq about app state is answered with this of the collection. */
static void
give(bench_t *s, const char *tag, wa_hist_t *w)
{
    size_t            i;
    wa_as_t           as;
    wa_node_t        *sync, *c, *n;
    wa_arena_t       *arena;
    const wa_node_t  *iq;

    arena = wa_peer_arena(s->p);
    wa_as_want(wa_host_account(s->h),
               1u << WA_COLLECTION_CRITICAL_UNBLOCK_LOW);
    (void) wa_account_expire(wa_host_account(s->h), wa_host_now(s->h));
    wa_host_drain(s->h);

    for (i = 0; i < 100; i++) {
        iq = wa_peer_next(s->p);

        if (iq == NULL) {
            wa_peer_advance(s->p, 1000);

        } else if (wa_node_attr_is(iq, "xmlns", "w:sync:app:state")) {
            break;

        } else if (wa_node_is(iq, "iq")) {
            wa_peer_result(s->p, iq, NULL);
        }
    }

    assert_true(i < 100);
    sync = wa_node_new(arena, "sync");
    c = wa_node_add_new(arena, sync, "collection");
    wa_node_set_str(arena, c, "name", WA_CHAIN_NAME);
    n = wa_node_add_new(arena, c, tag);
    wa_node_bytes(n, wa_span_buf(&w->b));
    n_calls = 0;
    wa_peer_result(s->p, iq, sync);
    wa_peer_advance(s->p, 1000);

    while ((iq = wa_peer_next(s->p)) != NULL) {

        if (wa_node_is(iq, "iq")) {     /* for the hosts of media */
            wa_peer_result(s->p, iq, NULL);
            wa_peer_advance(s->p, 1000);
        }
    }

    assert_int_equal(wa_as_get(wa_host_account(s->h), &as), WA_OK);
    assert_memory_equal(as.c[WA_COLLECTION_CRITICAL_UNBLOCK_LOW].hash,
                        s->chain.hash, WA_LTHASH_LEN);
}


int
main(int argc, char **argv)
{
    bench_t        s;
    wa_node_t     *ib;
    wa_hist_t      w = { .depth = 0 };
    unsigned long  records;

    records = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (records == 0 || records > 100000) {
        (void) fprintf(stderr, "usage: bench_appstate RECORDS (<= 100000)\n");
        return 2;
    }

    wa_chain_init(&s.chain, records);
    s.h = wa_host_create();
    s.p = wa_peer_create(s.h);
    wa_host_make(s.h);
    wa_peer_link(s.p, "15550001:7@s.whatsapp.net", "100000000000001:7@lid");
    wa_chain_share(s.h);
    wa_peer_login(s.p);
    ib = wa_node_new(wa_peer_arena(s.p), "ib");
    (void) wa_node_add_new(wa_peer_arena(s.p), ib, "offline");
    wa_peer_send(s.p, ib);

    (void) printf("{");
    wa_chain_snapshot(&s.chain, s.h, "name", records, &w);
    give(&s, "snapshot", &w);
    print("snapshot", false);
    wa_chain_patch(&s.chain, s.h, "another", records, true, &w);
    give(&s, "patch", &w);
    print("file", false);
    wa_chain_patch(&s.chain, s.h, "third", 1, false, &w);
    give(&s, "patch", &w);
    print("single", true);
    (void) printf("}\n");

    wa_buf_free(&w.b);
    wa_chain_free(&s.chain);
    wa_peer_free(s.p);
    wa_host_free(s.h);

    return 0;
}
