/*
 * Accounts whose records are in memory, in the order of their last verbs.
 * One that has given up all it can leaves the list until its next verb, so
 * that nobody looks at it twice.
 */
#include "wa_cache.h"
#include "wa_record_int.h"


/* What an account keeps between its pings. */
#define CACHE_IDLE_BYTES  (4 * 1024)


static void
cache_unlink(wa_account_t *a)
{
    wa_engine_t  *e;

    e = a->engine;

    if (!a->cached.linked) {
        return;
    }

    if (a->cached.newer != NULL) {
        a->cached.newer->cached.older = a->cached.older;

    } else {
        e->newest = a->cached.older;
    }

    if (a->cached.older != NULL) {
        a->cached.older->cached.newer = a->cached.newer;

    } else {
        e->oldest = a->cached.newer;
    }

    memset(&a->cached, 0, sizeof(a->cached));
}


static void
cache_link(wa_account_t *a)
{
    wa_engine_t  *e;

    e = a->engine;
    a->cached.older = e->newest;
    a->cached.linked = true;

    if (e->newest != NULL) {
        e->newest->cached.newer = a;

    } else {
        e->oldest = a;
    }

    e->newest = a;
}


void
wa_cache_used(wa_account_t *a)
{
    size_t         have, excess;
    wa_engine_t   *e;
    wa_account_t  *oldest;

    e = a->engine;

    if (e->newest != a) {
        cache_unlink(a);
        cache_link(a);
    }

    wa_store_trim(a, e->conf.cache_bytes);

    while (e->records > e->conf.records_bytes && e->oldest != NULL) {
        oldest = e->oldest;
        have = oldest->store->bytes;
        excess = e->records - e->conf.records_bytes;
        wa_store_trim(oldest, have > excess ? have - excess : 0);

        if (have <= excess || e->records > e->conf.records_bytes) {
            cache_unlink(oldest);
        }
    }
}


void
wa_cache_idle(wa_account_t *a)
{
    wa_store_trim(a, CACHE_IDLE_BYTES);
}


void
wa_cache_forget(wa_account_t *a)
{
    cache_unlink(a);
}
