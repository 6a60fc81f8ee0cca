/*
 * Namespaces that are closed for a while, see wa_alive_throttle.h.
 */
#include "wa_alive_throttle.h"

#include "wa_account_int.h"


/* Namespaces closed at a time; the one that opens first makes room. */
#define THROTTLES         8

#define THROTTLE_MS       5000
#define THROTTLE_MAX_MS   (10 * 60 * 1000)
#define THROTTLE_STEPS    6


struct wa_throttles_s {
    struct {
        uint32_t   key;                 /* 0: free                         */
        uint8_t    step;                /* refusals in a row               */
        wa_time_t  until;
    } of[THROTTLES];
};


void
wa_throttles_free(wa_account_t *a)
{
    wa_free(a->throttles);
    a->throttles = NULL;
}


/* FNV-1a; namespaces are few and short. */
uint32_t
wa_throttle_key(wa_span_t xmlns)
{
    size_t    i;
    uint32_t  h;

    if (xmlns.n == 0) {
        return 0;
    }

    h = 2166136261u;

    for (i = 0; i < xmlns.n; i++) {
        h = (h ^ xmlns.p[i]) * 16777619u;
    }

    return h == 0 ? 1 : h;
}


static size_t
throttle_find(const wa_account_t *a, uint32_t key)
{
    size_t  i;

    for (i = 0; i < THROTTLES; i++) {
        if (a->throttles->of[i].key == key) {
            return i;
        }
    }

    return THROTTLES;
}


wa_time_t
wa_throttle_until(const wa_account_t *a, uint32_t key)
{
    size_t  i;

    if (a->throttles == NULL || key == 0) {
        return 0;
    }

    i = throttle_find(a, key);

    return i == THROTTLES || a->throttles->of[i].until <= a->now
           ? 0 : a->throttles->of[i].until;
}


static size_t
throttle_room(const wa_account_t *a, uint32_t key)
{
    size_t  i, k;

    k = throttle_find(a, key);

    if (k != THROTTLES) {
        return k;
    }

    k = 0;

    for (i = 0; i < THROTTLES; i++) {

        if (a->throttles->of[i].key == 0) {
            return i;
        }

        if (a->throttles->of[i].until < a->throttles->of[k].until) {
            k = i;
        }
    }

    return k;
}


void
wa_throttle_hit(wa_account_t *a, uint32_t key, const wa_node_t *error)
{
    size_t     i;
    uint8_t    r[2];
    uint64_t   s;
    wa_time_t  wait;

    if (a->throttles == NULL) {
        a->throttles = wa_calloc(1, sizeof(wa_throttles_t));
    }

    if (a->throttles == NULL || key == 0) {
        return;
    }

    i = throttle_room(a, key);

    if (a->throttles->of[i].key != key) {
        a->throttles->of[i].key = key;
        a->throttles->of[i].step = 0;
    }

    wait = (wa_time_t) THROTTLE_MS << a->throttles->of[i].step;

    if (a->throttles->of[i].step < THROTTLE_STEPS) {
        a->throttles->of[i].step++;
    }

    if (wa_node_attr_u64(error, "backoff", &s) && s > 0) {
        wait = s < THROTTLE_MAX_MS / 1000 ? (wa_time_t) s * 1000
                                          : THROTTLE_MAX_MS;
    }

    /* Up to a fifth later: not all accounts at the same moment. */
    wa_account_random(a, r, sizeof(r));
    wait += wait * ((r[0] << 8) | r[1]) / (5 * 65536);
    a->throttles->of[i].until = a->now + wait;

    wa_log(a, WA_LOG_WARN, "the server asks for fewer queries: a kind of "
           "them waits for %lld s", (long long) (wait + 999) / 1000);
}


void
wa_throttle_passed(wa_account_t *a, uint32_t key)
{
    size_t  i;

    if (a->throttles == NULL || key == 0) {
        return;
    }

    i = throttle_find(a, key);

    if (i != THROTTLES) {
        a->throttles->of[i].key = 0;
    }
}
