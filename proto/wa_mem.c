/*
 * The allocator hook and the arena.
 *
 *     chunks -> [ newest, being filled ] -> [ full ] -> [ large ] -> NULL
 *
 * An object above half of the chunk size gets a chunk of its own, put
 * behind the newest, so that it does not end the filling of that one.
 *
 * Under AddressSanitizer every object is a chunk: an overrun of an object
 * would otherwise land unnoticed in its neighbour.
 */

#include <stdlib.h>

#include "wa_limits.h"
#include "wa_mem.h"


#if defined(__SANITIZE_ADDRESS__)
#define WA_ARENA_EXACT  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WA_ARENA_EXACT  1
#endif
#endif

#ifndef WA_ARENA_EXACT
#define WA_ARENA_EXACT  0
#endif

#define WA_ARENA_ALIGN  8u

/* No object is larger (C11 7.22.3): a size above it is a wrapped one. */
#define WA_ALLOC_MAX    ((size_t) PTRDIFF_MAX)


struct wa_arena_chunk_s {
    wa_arena_chunk_t  *next;
    size_t             size;        /* bytes behind this header */
    size_t             used;
};

_Static_assert(sizeof(wa_arena_chunk_t) % WA_ARENA_ALIGN == 0,
               "objects start aligned");


/*
 * The one piece of process-wide state of this file: written by tests before
 * they start, read everywhere.
 */
static wa_mem_hooks_t  wa_mem_hooks = { malloc, realloc, free };


void
wa_mem_set_hooks(const wa_mem_hooks_t *hooks)
{
    static const wa_mem_hooks_t  standard = { malloc, realloc, free };

    wa_mem_hooks = (hooks != NULL) ? *hooks : standard;
}


void *
wa_alloc(size_t n)
{
    if (n > WA_ALLOC_MAX) {
        return NULL;
    }

    return wa_mem_hooks.alloc(n != 0 ? n : 1);
}


void *
wa_calloc(size_t count, size_t size)
{
    void    *p;
    size_t   n;

    if (!wa_mul_size(count, size, &n)) {
        return NULL;
    }

    p = wa_alloc(n);
    if (p != NULL) {
        memset(p, 0, n);
    }

    return p;
}


void *
wa_realloc(void *p, size_t n)
{
    if (n > WA_ALLOC_MAX) {
        return NULL;
    }

    return wa_mem_hooks.realloc(p, n != 0 ? n : 1);
}


void
wa_free(void *p)
{
    if (p != NULL) {
        wa_mem_hooks.free(p);
    }
}


void
wa_arena_init(wa_arena_t *a, size_t chunk_size)
{
    a->chunks = NULL;
    a->pool = NULL;
    a->chunk_size = (chunk_size != 0) ? chunk_size : WA_ARENA_CHUNK;
    a->limit = WA_STANZA_ARENA_MAX;
    a->total = 0;
}


void
wa_arena_init_pool(wa_arena_t *a, wa_arena_pool_t *pool)
{
    wa_arena_init(a, WA_ARENA_CHUNK);
    a->pool = pool;
}


void
wa_arena_pool_free(wa_arena_pool_t *pool)
{
    wa_arena_chunk_t  *c;

    while (pool->spares != NULL) {
        c = pool->spares;
        pool->spares = c->next;
        wa_free(c);
    }

    pool->count = 0;
}


void
wa_arena_set_limit(wa_arena_t *a, size_t limit)
{
    a->limit = limit;
}


static wa_arena_chunk_t *
wa_arena_chunk(wa_arena_t *a, size_t size)
{
    size_t             total, bytes;
    wa_arena_chunk_t  *c;

    if (!wa_add_size(a->total, size, &total) || total > a->limit) {
        return NULL;
    }

    if (!wa_add_size(sizeof(wa_arena_chunk_t), size, &bytes)) {
        return NULL;
    }

    if (a->pool != NULL && a->pool->spares != NULL && size == WA_ARENA_CHUNK)
    {
        c = a->pool->spares;
        a->pool->spares = c->next;
        a->pool->count--;

    } else {
        c = wa_alloc(bytes);
    }

    if (c == NULL) {
        return NULL;
    }

    c->next = NULL;
    c->size = size;
    c->used = 0;

    a->total = total;

    return c;
}


static void *
wa_arena_take(wa_arena_chunk_t *c, size_t n)
{
    uint8_t  *p;

    p = (uint8_t *) (c + 1) + c->used;
    c->used += n;

    return p;
}


void *
wa_arena_alloc(wa_arena_t *a, size_t n)
{
    size_t             size;
    wa_arena_chunk_t  *c;

    if (!wa_add_size(n, WA_ARENA_ALIGN - 1, &size)) {
        return NULL;
    }

    size &= ~(size_t) (WA_ARENA_ALIGN - 1);

    c = a->chunks;

    if (!WA_ARENA_EXACT && c != NULL && size <= c->size - c->used) {
        return wa_arena_take(c, size);
    }

    if (WA_ARENA_EXACT || size > a->chunk_size / 2) {

        c = wa_arena_chunk(a, WA_ARENA_EXACT ? n : size);
        if (c == NULL) {
            return NULL;
        }

        if (a->chunks == NULL) {
            a->chunks = c;

        } else {
            c->next = a->chunks->next;
            a->chunks->next = c;
        }

        return wa_arena_take(c, c->size);
    }

    c = wa_arena_chunk(a, a->chunk_size);
    if (c == NULL) {
        return NULL;
    }

    c->next = a->chunks;
    a->chunks = c;

    return wa_arena_take(c, size);
}


void *
wa_arena_calloc(wa_arena_t *a, size_t count, size_t size)
{
    void    *p;
    size_t   n;

    if (!wa_mul_size(count, size, &n)) {
        return NULL;
    }

    p = wa_arena_alloc(a, n);
    if (p != NULL) {
        memset(p, 0, n);
    }

    return p;
}


void *
wa_arena_dup(wa_arena_t *a, const void *p, size_t n)
{
    void  *copy;

    copy = wa_arena_alloc(a, n);
    if (copy != NULL && n != 0) {
        memcpy(copy, p, n);
    }

    return copy;
}


char *
wa_arena_strdup(wa_arena_t *a, wa_span_t s)
{
    char    *copy;
    size_t   n;

    if (!wa_add_size(s.n, 1, &n)) {
        return NULL;
    }

    copy = wa_arena_alloc(a, n);
    if (copy == NULL) {
        return NULL;
    }

    if (s.n != 0) {
        memcpy(copy, s.p, s.n);
    }

    copy[s.n] = '\0';

    return copy;
}


wa_err_t
wa_arena_dup_span(wa_arena_t *a, wa_span_t s, wa_span_t *out)
{
    void  *copy;

    copy = wa_arena_dup(a, s.p, s.n);
    if (copy == NULL) {
        return WA_ERR_NOMEM;
    }

    *out = wa_span(copy, s.n);

    return WA_OK;
}


static void
wa_arena_release(wa_arena_t *a, wa_arena_chunk_t *c)
{
    wa_wipe(c + 1, c->used);
    a->total -= c->size;

    if (a->pool != NULL && a->pool->count < WA_ARENA_SPARES
        && c->size == WA_ARENA_CHUNK && !WA_ARENA_EXACT)
    {
        c->next = a->pool->spares;
        a->pool->spares = c;
        a->pool->count++;
        return;
    }

    wa_free(c);
}


void
wa_arena_reset(wa_arena_t *a)
{
    wa_arena_chunk_t  *c, *next, *kept;

    kept = NULL;

    for (c = a->chunks; c != NULL; c = next) {
        next = c->next;

        if (kept == NULL && !WA_ARENA_EXACT && c->size == a->chunk_size) {
            wa_wipe(c + 1, c->used);
            c->used = 0;
            c->next = NULL;
            kept = c;
            continue;
        }

        wa_arena_release(a, c);
    }

    a->chunks = kept;
}


void
wa_arena_free(wa_arena_t *a)
{
    wa_arena_chunk_t  *c, *next;

    for (c = a->chunks; c != NULL; c = next) {
        next = c->next;
        wa_arena_release(a, c);
    }

    a->chunks = NULL;
}
