/*
 * Fails every allocation in turn: the scenario runs once counting, then as
 * often as it allocated, each time with another allocation failing.
 *
 *     WA_FAILMEM_RUN(scenario, data);
 *
 * scenario(data) must clean up and return WA_OK when nothing failed; when
 * something did, any error is fine, a crash or a leak is not.
 */

#ifndef WA_FAILMEM_H
#define WA_FAILMEM_H

#include <stdlib.h>

#include "wa_base.h"
#include "wa_mem.h"


/* Test program's own: which allocation fails, and what is outstanding. */
static struct {
    size_t  count;
    size_t  fail_at;            /* 0: none */
    long    live;
} wa_failmem;


static inline bool
wa_failmem_fails(void)
{
    wa_failmem.count++;

    return wa_failmem.count == wa_failmem.fail_at;
}


static inline void *
wa_failmem_alloc(size_t n)
{
    if (wa_failmem_fails()) {
        return NULL;
    }

    wa_failmem.live++;

    return malloc(n);
}


static inline void *
wa_failmem_realloc(void *p, size_t n)
{
    if (wa_failmem_fails()) {
        return NULL;
    }

    wa_failmem.live += (p == NULL);

    return realloc(p, n);
}


static inline void
wa_failmem_free(void *p)
{
    wa_failmem.live--;
    free(p);
}


/* Runs one pass, returns the scenario's result. */
static inline wa_err_t
wa_failmem_pass(wa_err_t (*scenario)(void *data), void *data, size_t fail_at)
{
    wa_err_t  rc;

    static const wa_mem_hooks_t  hooks = {
        wa_failmem_alloc, wa_failmem_realloc, wa_failmem_free
    };

    wa_failmem.count = 0;
    wa_failmem.fail_at = fail_at;
    wa_failmem.live = 0;

    wa_mem_set_hooks(&hooks);
    rc = scenario(data);
    wa_mem_set_hooks(NULL);

    return rc;
}


#define WA_FAILMEM_RUN(scenario, data)                                        \
    do {                                                                      \
        size_t  fm_i, fm_n;                                                   \
                                                                              \
        assert_int_equal(wa_failmem_pass(scenario, data, 0), WA_OK);          \
        assert_int_equal(wa_failmem.live, 0);                                 \
        fm_n = wa_failmem.count;                                              \
        assert_true(fm_n > 0);                                                \
                                                                              \
        for (fm_i = 1; fm_i <= fm_n; fm_i++) {                                \
            assert_int_not_equal(wa_failmem_pass(scenario, data, fm_i),       \
                                 WA_OK);                                      \
            assert_int_equal(wa_failmem.live, 0);                             \
        }                                                                     \
    } while (0)


#endif /* WA_FAILMEM_H */
