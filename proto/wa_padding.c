/* Padding of message plaintext. */

#include "wa_padding.h"


wa_err_t
wa_padding_add(wa_buf_t *plain, uint8_t random)
{
    uint8_t  pad[16];
    size_t   k;

    k = (size_t) (random & 15) + 1;
    memset(pad, (int) k, k);

    return wa_buf_append(plain, pad, k);
}


wa_err_t
wa_padding_strip(wa_span_t *plain)
{
    size_t   i;
    uint8_t  k;

    if (plain->n == 0) {
        return WA_ERR_SYNTAX;
    }

    k = plain->p[plain->n - 1];

    if (k == 0 || k > plain->n) {
        return WA_ERR_SYNTAX;
    }

    for (i = plain->n - k; i < plain->n; i++) {
        if (plain->p[i] != k) {
            return WA_ERR_SYNTAX;
        }
    }

    plain->n -= k;

    return WA_OK;
}
