/* Error names, owned byte strings, wiping. */

#include "wa_base.h"
#include "wa_mem.h"


/* Smallest allocation of a growing buffer: most frames fit. */
#define WA_BUF_MIN  64u


const char *
wa_err_name(wa_err_t err)
{
    switch (err) {

#define WA_ERR_CASE_(name, value, text)  case name: return #name;
    WA_ERR_LIST(WA_ERR_CASE_)
#undef WA_ERR_CASE_

    default:
        return "WA_ERR_UNKNOWN";
    }
}


bool
wa_span_u64(wa_span_t text, uint64_t *out)
{
    size_t    i;
    uint64_t  v;
    unsigned  digit;

    if (text.n == 0) {
        return false;
    }

    v = 0;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }

        digit = (unsigned) (text.p[i] - '0');

        if (v > (UINT64_MAX - digit) / 10) {
            return false;
        }

        v = v * 10 + digit;
    }

    *out = v;

    return true;
}


bool
wa_span_i64(wa_span_t text, int64_t *out)
{
    bool      negative;
    uint64_t  v;

    negative = (text.n != 0 && text.p[0] == '-');

    if (negative) {
        text.p++;
        text.n--;
    }

    if (!wa_span_u64(text, &v)) {
        return false;
    }

    if (v > (uint64_t) INT64_MAX) {

        if (!negative || v != (uint64_t) INT64_MAX + 1) {
            return false;
        }

        *out = INT64_MIN;
        return true;
    }

    *out = negative ? -(int64_t) v : (int64_t) v;

    return true;
}


wa_err_t
wa_buf_reserve(wa_buf_t *b, size_t more)
{
    size_t    need, cap;
    uint8_t  *p;

    if (!wa_add_size(b->n, more, &need)) {
        return WA_ERR_NOMEM;
    }

    if (need <= b->cap) {
        return WA_OK;
    }

    if (!wa_mul_size(b->cap, 2, &cap)) {
        return WA_ERR_NOMEM;
    }

    if (cap < need) {
        cap = need;
    }

    if (cap < WA_BUF_MIN) {
        cap = WA_BUF_MIN;
    }

    p = wa_realloc(b->p, cap);
    if (p == NULL) {
        return WA_ERR_NOMEM;
    }

    b->p = p;
    b->cap = cap;

    return WA_OK;
}


wa_err_t
wa_buf_append(wa_buf_t *b, const void *p, size_t n)
{
    wa_err_t  rc;

    if (n == 0) {
        return WA_OK;
    }

    rc = wa_buf_reserve(b, n);
    if (rc != WA_OK) {
        return rc;
    }

    memcpy(b->p + b->n, p, n);
    b->n += n;

    return WA_OK;
}


wa_err_t
wa_buf_append_span(wa_buf_t *b, wa_span_t s)
{
    return wa_buf_append(b, s.p, s.n);
}


wa_err_t
wa_buf_append_str(wa_buf_t *b, const char *s)
{
    return wa_buf_append_span(b, wa_span_str(s));
}


void
wa_buf_consume(wa_buf_t *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }

    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}


void
wa_buf_free(wa_buf_t *b)
{
    wa_free(b->p);

    b->p = NULL;
    b->n = 0;
    b->cap = 0;
}


void
wa_buf_wipe(wa_buf_t *b)
{
    wa_wipe(b->p, b->cap);
    wa_buf_free(b);
}


void
wa_buf_move(wa_buf_t *dst, wa_buf_t *src)
{
    if (dst == src) {
        return;
    }

    wa_buf_free(dst);

    *dst = *src;

    src->p = NULL;
    src->n = 0;
    src->cap = 0;
}


void
wa_wipe(void *p, size_t n)
{
    if (n != 0) {
        explicit_bzero(p, n);
    }
}
