/* Token look-up, both ways. */

#include "wa_token.h"
#include "wa_token_int.h"


/* FNV-1a, folded; tools/gen-token computes the same. */
static uint32_t
wa_token_hash(wa_span_t text)
{
    size_t    i;
    uint32_t  h;

    h = 2166136261u;

    for (i = 0; i < text.n; i++) {
        h = (h ^ text.p[i]) * 16777619u;
    }

    return (h ^ (h >> 16)) & (WA_TOKEN_SLOTS - 1);
}


static wa_span_t
wa_token_span(uint32_t ordinal)
{
    uint32_t  start;

    start = wa_token_start[ordinal];

    return wa_span(wa_token_pool + start,
                   wa_token_start[ordinal + 1] - start);
}


wa_span_t
wa_token_text(wa_token_t token)
{
    uint32_t   ordinal;
    wa_span_t  text;

    ordinal = token.index;

    if (token.table == WA_TOKEN_SINGLE) {

        if (ordinal >= WA_TOKEN_DICT_FIRST) {
            return wa_span_none();
        }

    } else {

        if (token.table > 3) {
            return wa_span_none();
        }

        ordinal += WA_TOKEN_DICT_FIRST + 256u * token.table;
    }

    text = wa_token_span(ordinal);

    return (text.n != 0) ? text : wa_span_none();
}


bool
wa_token_find(wa_span_t text, wa_token_t *token)
{
    uint32_t  i, ordinal;

    if (text.n == 0) {
        return false;
    }

    for (i = wa_token_hash(text);
         (ordinal = wa_token_slot[i]) != 0;
         i = (i + 1) & (WA_TOKEN_SLOTS - 1))
    {
        if (!wa_span_eq(wa_token_span(ordinal), text)) {
            continue;
        }

        if (ordinal < WA_TOKEN_DICT_FIRST) {
            token->table = WA_TOKEN_SINGLE;
            token->index = (uint8_t) ordinal;

        } else {
            ordinal -= WA_TOKEN_DICT_FIRST;
            token->table = (uint8_t) (ordinal >> 8);
            token->index = (uint8_t) (ordinal & 0xff);
        }

        return true;
    }

    return false;
}
