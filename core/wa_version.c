/*
 * The client version, see wa_version.h.
 */
#include <stdio.h>

#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_out.h"
#include "wa_version.h"


/* Should the host never answer. */
#define VERSION_WAIT_MS   120000

/* After looking in vain. */
#define VERSION_RETRY_MS  900000

#define VERSION_PREFIX    "2.3000."
#define VERSION_NAME      "client_revision"


static bool
version_digits(wa_span_t text, uint32_t *build)
{
    uint64_t  v;

    if (!wa_span_u64(text, &v) || v == 0 || v > UINT32_MAX) {
        return false;
    }

    *build = (uint32_t) v;

    return true;
}


wa_err_t
wa_version_parse(wa_span_t text, uint32_t *build)
{
    size_t  n;

    n = sizeof(VERSION_PREFIX) - 1;

    if (text.n <= n || memcmp(text.p, VERSION_PREFIX, n) != 0
        || !version_digits(wa_span(text.p + n, text.n - n), build))
    {
        return WA_ERR_SYNTAX;
    }

    return WA_OK;
}


void
wa_version_format(uint32_t build, char text[WA_VERSION_TEXT])
{
    (void) snprintf(text, WA_VERSION_TEXT, VERSION_PREFIX "%u",
                    (unsigned) build);
}


static bool
version_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}


/*
 * client_revision":1234,   also with escaped quotes, and then something that
 * is no digit: a number at the very end may go on in the next piece.
 */
static bool
version_look(wa_span_t in, uint32_t *build)
{
    size_t  i, k, n;

    n = sizeof(VERSION_NAME) - 1;

    for (i = 0; i + n < in.n; i++) {

        if (in.p[i] != 'c' || memcmp(in.p + i, VERSION_NAME, n) != 0) {
            continue;
        }

        k = i + n;

        while (k < in.n && (in.p[k] == '\\' || in.p[k] == '"'
                            || in.p[k] == ':' || in.p[k] == ' '))
        {
            k++;
        }

        for (i = k; i < in.n && i - k < 11 && version_digit(in.p[i]); i++) {
            /* void */
        }

        if (i > k && i < in.n && !version_digit(in.p[i])
            && version_digits(wa_span(in.p + k, i - k), build))
        {
            return true;
        }

        i = k - 1;
    }

    return false;
}


bool
wa_version_find(wa_version_find_t *f, wa_span_t piece)
{
    size_t   n;
    uint8_t  seam[2 * WA_VERSION_TAIL];

    if (f->build != 0) {
        return true;
    }

    /* What lies across the seam of two pieces, then the piece. */

    n = piece.n < WA_VERSION_TAIL ? piece.n : WA_VERSION_TAIL;
    memcpy(seam, f->tail, f->tail_len);
    memcpy(seam + f->tail_len, piece.p, n);

    if (version_look(wa_span(seam, f->tail_len + n), &f->build)
        || version_look(piece, &f->build))
    {
        return true;
    }

    if (piece.n >= WA_VERSION_TAIL) {
        memcpy(f->tail, piece.p + piece.n - WA_VERSION_TAIL,
               WA_VERSION_TAIL);
        f->tail_len = WA_VERSION_TAIL;
        return false;
    }

    n += f->tail_len;
    f->tail_len = n < WA_VERSION_TAIL ? n : WA_VERSION_TAIL;
    memcpy(f->tail, seam + n - f->tail_len, f->tail_len);

    return false;
}


void
wa_engine_set_version(wa_engine_t *e, uint32_t build)
{
    e->conf.build = build;
}


uint32_t
wa_engine_version(const wa_engine_t *e)
{
    return e->conf.build;
}


void
wa_version_refused(wa_account_t *a)
{
    wa_conn_close(a);

    /* Another account's refusal may have brought a newer one already. */

    if (a->engine->conf.build > a->build) {
        wa_life_move(a, WA_STATE_DISCONNECTED,
                     "the client version was too old (405)", 405);
        wa_life_redial(a);
        return;
    }

    wa_life_move(a, WA_STATE_DISCONNECTED, "the client version is too old "
                 "(405), looking for the present one", 405);
    a->life->dial_at = a->now + VERSION_WAIT_MS;
    a->version_asked = true;

    if (wa_outq_simple(a, WA_OUT_VERSION) != WA_OK) {
        wa_version_answered(a, WA_ERR_NOMEM, "out of memory");
    }
}


void
wa_version_answered(wa_account_t *a, wa_err_t err, const char *text)
{
    char  why[WA_REASON_MAX];

    if (!a->version_asked) {
        return;
    }

    a->version_asked = false;

    if (a->conn != NULL || a->quiesced
        || wa_life_state(a) != WA_STATE_DISCONNECTED)
    {
        return;
    }

    if (err == WA_OK) {
        wa_life_redial(a);
        return;
    }

    (void) snprintf(why, sizeof(why), "the client version is too old (405) "
                    "and no newer one was found: %s",
                    text == NULL ? "unknown" : text);

    /* Someone may find it, or set it, meanwhile. */

    wa_life_wait(a, why, 405, wa_unix_ms(a) + VERSION_RETRY_MS);
}
