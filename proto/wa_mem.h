/*
 * Memory: an injectable allocator (so that tests can fail every allocation in
 * turn) and the arena that holds everything of one stanza.
 */

#ifndef WA_MEM_H
#define WA_MEM_H

#include "wa_base.h"


typedef struct {
    void  *(*alloc)(size_t n);
    void  *(*realloc)(void *p, size_t n);
    void   (*free)(void *p);
} wa_mem_hooks_t;

/*
 * Replaces the allocator of the whole process; NULL restores libc's.
 * Call it only while nothing is allocated through the old one, before any
 * thread uses the library.
 */
void wa_mem_set_hooks(const wa_mem_hooks_t *hooks);

void *wa_alloc(size_t n);
void *wa_calloc(size_t count, size_t size);     /* zeroed, checked product */
void *wa_realloc(void *p, size_t n);
void wa_free(void *p);


typedef struct wa_arena_chunk_s  wa_arena_chunk_t;

/*
 * Chunks that wait for the next arena, at most WA_ARENA_SPARES of them: an
 * arena for each stanza, task and unit would otherwise ask malloc for some
 * kilobytes each time.  For one thread.  Zeroed is empty.
 */
#define WA_ARENA_SPARES  32

typedef struct {
    wa_arena_chunk_t  *spares;
    size_t             count;
} wa_arena_pool_t;

void wa_arena_pool_free(wa_arena_pool_t *pool);

/*
 * A bump allocator: objects are never freed one by one.  All memory comes
 * from wa_alloc() in chunks; nothing is allocated before the first object.
 */
typedef struct {
    wa_arena_chunk_t  *chunks;          /* newest first */
    wa_arena_pool_t   *pool;            /* NULL: none */
    size_t             chunk_size;      /* bytes of an ordinary chunk */
    size_t             limit;           /* bound on `total`, bytes */
    size_t             total;           /* bytes in all chunks */
} wa_arena_t;

/* chunk_size 0: WA_ARENA_CHUNK.  The bound starts as WA_STANZA_ARENA_MAX. */
void wa_arena_init(wa_arena_t *a, size_t chunk_size);
void wa_arena_set_limit(wa_arena_t *a, size_t limit);

/* Ordinary chunks come from the pool, which outlives the arena. */
void wa_arena_init_pool(wa_arena_t *a, wa_arena_pool_t *pool);

/* 8-byte aligned, not zeroed.  NULL: out of memory or over the bound. */
void *wa_arena_alloc(wa_arena_t *a, size_t n);
void *wa_arena_calloc(wa_arena_t *a, size_t count, size_t size);

/* Copies; wa_arena_strdup() adds a NUL behind the bytes of s. */
void *wa_arena_dup(wa_arena_t *a, const void *p, size_t n);
char *wa_arena_strdup(wa_arena_t *a, wa_span_t s);

/* As wa_arena_dup(); WA_ERR_NOMEM leaves *out untouched. */
wa_err_t wa_arena_dup_span(wa_arena_t *a, wa_span_t s, wa_span_t *out);

/*
 * Forgets all objects and wipes them (they may hold plaintext); keeps at most
 * one ordinary chunk for the next stanza.
 */
void wa_arena_reset(wa_arena_t *a);

/* Wipes and releases everything; the arena may be used again. */
void wa_arena_free(wa_arena_t *a);


#endif /* WA_MEM_H */
