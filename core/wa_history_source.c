/*
 * A piece of history, field by field, see wa_history_source.h.
 */
#include "wa_history_source.h"

#include "wa_mem.h"


#define SOURCE_PACKED  16384u
#define SOURCE_PLAIN   65536u

/* A chunk of a real history has some 10 MB. */
#define SOURCE_MAX     ((uint64_t) 2 * 1024 * 1024 * 1024)


static wa_err_t source_more(wa_history_source_t *s, wa_span_t *out);


wa_err_t
wa_history_source_open(wa_history_source_t *s, wa_history_read_pt read,
    void *ctx)
{
    wa_err_t  rc;

    memset(s, 0, sizeof(*s));
    s->read = read;
    s->ctx = ctx;

    s->blocks = wa_alloc(SOURCE_PACKED + SOURCE_PLAIN);
    rc = s->blocks == NULL ? WA_ERR_NOMEM : WA_OK;

    if (rc == WA_OK) {
        rc = wa_inflater_create(&s->inflater, SOURCE_MAX);
    }

    if (rc == WA_OK) {
        rc = wa_pbstream_create(&s->stream);
    }

    if (rc != WA_OK) {
        wa_history_source_close(s);
    }

    return rc;
}


void
wa_history_source_close(wa_history_source_t *s)
{
    wa_inflater_free(s->inflater);
    wa_pbstream_free(s->stream);

    if (s->blocks != NULL) {
        wa_wipe(s->blocks, SOURCE_PACKED + SOURCE_PLAIN);
    }

    wa_free(s->blocks);
    memset(s, 0, sizeof(*s));
}


wa_err_t
wa_history_source_next(wa_history_source_t *s, wa_pbstream_item_t *item)
{
    wa_err_t   rc;
    wa_span_t  more;

    for ( ;; ) {
        rc = wa_pbstream_next(s->stream, item);

        if (rc != WA_AGAIN) {
            return rc;
        }

        rc = source_more(s, &more);

        if (rc == WA_AGAIN) {
            rc = wa_pbstream_finish(s->stream);
            return rc == WA_OK ? WA_AGAIN : rc;
        }

        if (rc != WA_OK) {
            return rc;
        }

        wa_pbstream_feed(s->stream, more);
    }
}


/* WA_AGAIN: that was all. */
static wa_err_t
source_more(wa_history_source_t *s, wa_span_t *out)
{
    size_t    n;
    uint8_t  *plain;
    wa_err_t  rc;

    plain = s->blocks + SOURCE_PACKED;

    for ( ;; ) {
        rc = wa_inflater_run(s->inflater, &s->in, plain, SOURCE_PLAIN, &n);

        if (rc == WA_OK && n != 0) {
            *out = wa_span(plain, n);
            return WA_OK;
        }

        if (rc != WA_OK && rc != WA_AGAIN) {
            return rc;
        }

        if (rc == WA_OK) {
            continue;
        }

        rc = s->read(s->ctx, s->offset, s->blocks, SOURCE_PACKED, &n);

        if (rc != WA_OK) {
            return rc;
        }

        if (n == 0) {
            return wa_inflater_ended(s->inflater) ? WA_AGAIN : WA_ERR_SYNTAX;
        }

        s->in = wa_span(s->blocks, n);
        s->offset += n;
    }
}
