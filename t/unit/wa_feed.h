/*
 * Feeds a byte stream to an incremental parser in every way it can be cut:
 * whole, in two at every byte, byte by byte, and in pseudo-random pieces.
 * Every piece is a heap block of exactly its size, freed after the call, so
 * that sanitizers and valgrind see a read past its end or a kept pointer.
 */

#ifndef WA_FEED_H
#define WA_FEED_H

#include <stdlib.h>

#include "wa_base.h"


typedef struct {
    void  (*begin)(void *data);                 /* a fresh parser */
    void  (*feed)(void *data, wa_span_t piece);
    void  (*end)(void *data);                   /* check, and free it */
    void   *data;
} wa_feed_t;


/* Pieces of the sizes that next() gives; 0 means all that is left. */
static inline void
wa_feed_run(const wa_feed_t *f, wa_span_t in,
    size_t (*next)(size_t *state), size_t state)
{
    size_t    n, at;
    uint8_t  *piece;

    f->begin(f->data);

    for (at = 0; at < in.n; at += n) {
        n = next(&state);

        if (n == 0 || n > in.n - at) {
            n = in.n - at;
        }

        piece = malloc(n);
        if (piece == NULL) {
            abort();
        }

        memcpy(piece, in.p + at, n);
        f->feed(f->data, wa_span(piece, n));
        free(piece);
    }

    f->end(f->data);
}


/* The first piece has *state bytes, the second is the rest. */
static inline size_t
wa_feed_first(size_t *state)
{
    size_t  n;

    n = *state;
    *state = 0;

    return n;
}


static inline size_t
wa_feed_same(size_t *state)
{
    return *state;
}


/* 1..64, from a linear congruential generator (constants: Knuth's MMIX). */
static inline size_t
wa_feed_random(size_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;

    return 1 + (*state >> 33) % 64;
}


static inline void
wa_feed_all(const wa_feed_t *f, wa_span_t in)
{
    size_t  i;

    for (i = 0; i < in.n; i++) {
        wa_feed_run(f, in, wa_feed_first, i);
    }

    for (i = 1; i < 8; i++) {
        wa_feed_run(f, in, wa_feed_same, i);
    }

    for (i = 0; i < 64; i++) {
        wa_feed_run(f, in, wa_feed_random, i);
    }
}


#endif /* WA_FEED_H */
