/*
 * The generated token tables; private to wa_token.c.
 *
 * A token's ordinal is its tag byte (1..235), or 236 + 256 * dictionary +
 * index.  Its text lies in the pool from start[ordinal] to
 * start[ordinal + 1].
 */

#ifndef WA_TOKEN_INT_H
#define WA_TOKEN_INT_H

#include <stdint.h>


#define WA_TOKEN_DICT_FIRST  236u
#define WA_TOKENS            (WA_TOKEN_DICT_FIRST + 4u * 256u)

/* Power of two: the hash is masked. */
#define WA_TOKEN_SLOTS       4096u

extern const char      wa_token_pool[];
extern const uint16_t  wa_token_start[WA_TOKENS + 1];

/* Open addressing: an ordinal, or 0 where a probe ends. */
extern const uint16_t  wa_token_slot[WA_TOKEN_SLOTS];


#endif /* WA_TOKEN_INT_H */
