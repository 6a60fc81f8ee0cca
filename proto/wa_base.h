/*
 * Words shared by every file of proto/ and core/: error codes, borrowed and
 * owned byte strings, checked sizes.
 *
 * Ownership is readable from the type: a wa_span_t is borrowed (never freed
 * by who holds it), a wa_buf_t owns its bytes and is ended by wa_buf_free()
 * or, when it held a secret, by wa_buf_wipe().
 */

#ifndef WA_BASE_H
#define WA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


/*
 * One list, grouped by what the caller should do.  wa_err_name() is expanded
 * from the same list, so a new code cannot be forgotten there.
 */
#define WA_ERR_LIST(X)                                                        \
    X(WA_OK,              0,    "done")                                       \
    X(WA_AGAIN,           -1,   "need more bytes or a store reply")           \
    X(WA_ERR_SYNTAX,      -100, "peer's bytes are wrong: drop the stanza")    \
    X(WA_ERR_LIMIT,       -101, "legal but too many, too long or too deep")   \
    X(WA_ERR_DECRYPT,     -200, "answer with a retry receipt")                \
    X(WA_ERR_NO_SESSION,  -201, "no Signal session with this device")         \
    X(WA_ERR_DUPLICATE,   -202, "seen before: acknowledge, do not deliver")   \
    X(WA_ERR_AUTH,        -203, "certificate, MAC or signature is not valid") \
    X(WA_ERR_ARG,         -300, "caller's mistake: HTTP 400")                 \
    X(WA_ERR_STATE,       -301, "not now: HTTP 409")                          \
    X(WA_ERR_TIMEOUT,     -302, "the peer did not answer in time")            \
    X(WA_ERR_GONE,        -303, "not connected, or the connection was lost")  \
    X(WA_ERR_REFUSED,     -304, "the peer answered with an error")            \
    X(WA_ERR_IO,          -400, "the store cannot be reached: again later")   \
    X(WA_ERR_FULL,        -401, "the store has no space left")                \
    X(WA_ERR_VERSION,     -402, "the store's schema is newer than this code") \
    X(WA_ERR_AMBIGUOUS,   -403, "several things have this name: HTTP 409")    \
    X(WA_ERR_FATAL,       -900, "the object is only good to free")            \
    X(WA_ERR_NOMEM,       -901, "out of memory")

typedef enum {
#define WA_ERR_ENUM_(name, value, text) name = value,
    WA_ERR_LIST(WA_ERR_ENUM_)
#undef WA_ERR_ENUM_
} wa_err_t;

/* The enumerator's name, "WA_ERR_UNKNOWN" for a value outside the list. */
const char *wa_err_name(wa_err_t err);


/* Milliseconds; which clock is said where a value of this type is used. */
typedef int64_t  wa_time_t;


/* Borrowed bytes.  p may be NULL only if n is 0 (absent, or empty). */
typedef struct {
    const uint8_t  *p;
    size_t          n;
} wa_span_t;

/* Owned bytes.  Valid when all zero; n <= cap; p is NULL when cap is 0. */
typedef struct {
    uint8_t  *p;
    size_t    n;
    size_t    cap;
} wa_buf_t;

#define WA_BUF_EMPTY   { NULL, 0, 0 }
#define WA_SPAN_EMPTY  { NULL, 0 }


static inline wa_span_t
wa_span(const void *p, size_t n)
{
    wa_span_t  s;

    s.p = p;
    s.n = n;

    return s;
}


/* Spans the characters of a C string, without its NUL. */
static inline wa_span_t
wa_span_str(const char *s)
{
    return wa_span(s, s == NULL ? 0 : strlen(s));
}


static inline wa_span_t
wa_span_none(void)
{
    return wa_span(NULL, 0);
}


static inline wa_span_t
wa_span_buf(const wa_buf_t *b)
{
    return wa_span(b->p, b->n);
}


/* Not constant time: for public bytes only, secrets go to wa_memeq(). */
static inline bool
wa_span_eq(wa_span_t a, wa_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


static inline bool
wa_span_eq_str(wa_span_t a, const char *s)
{
    return wa_span_eq(a, wa_span_str(s));
}


/*
 * Strict decimal text: digits only (i64: one leading '-'), no sign, space or
 * overflow.  False leaves *out untouched.
 */
bool wa_span_u64(wa_span_t text, uint64_t *out);
bool wa_span_i64(wa_span_t text, int64_t *out);


/* *out = a + b (or a * b); false and *out untouched when it overflows. */
static inline bool
wa_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) {
        return false;
    }

    *out = a + b;
    return true;
}


static inline bool
wa_mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }

    *out = a * b;
    return true;
}


/*
 * Makes room for `more` bytes behind b->n.  Grows by doubling, never shrinks.
 * WA_ERR_NOMEM: b is unchanged.  The span must not overlap b's own bytes.
 */
wa_err_t wa_buf_reserve(wa_buf_t *b, size_t more);
wa_err_t wa_buf_append(wa_buf_t *b, const void *p, size_t n);
wa_err_t wa_buf_append_span(wa_buf_t *b, wa_span_t s);
wa_err_t wa_buf_append_str(wa_buf_t *b, const char *s);

/* Drops the first n bytes (n <= b->n) and closes the gap. */
void wa_buf_consume(wa_buf_t *b, size_t n);

/* Releases the memory and leaves b empty; both may be called twice. */
void wa_buf_free(wa_buf_t *b);
void wa_buf_wipe(wa_buf_t *b);

/* Frees what dst held, hands it src's bytes, leaves src empty. */
void wa_buf_move(wa_buf_t *dst, wa_buf_t *src);

/* Overwrites memory in a way that the compiler does not remove. */
void wa_wipe(void *p, size_t n);


#endif /* WA_BASE_H */
