/*
 * Incremental protobuf reader, see wa_pbstream.h.
 *
 *     KEY -> VALUE                     a number
 *         -> LENGTH -> OPEN -> KEY     entered
 *                           -> TAKE    its bytes
 *                           -> SKIP
 */

#include "wa_mem.h"
#include "wa_pbstream.h"


enum {
    WIRE_VARINT = 0,
    WIRE_64     = 1,
    WIRE_BYTES  = 2,
    WIRE_32     = 5
};


/* Largest field number of the protobuf language. */
#define PBSTREAM_NUMBER_MAX  ((1u << 29) - 1)

/* Bytes of the longest varint. */
#define PBSTREAM_VARINT_MAX  10u


typedef enum {
    STATE_KEY = 0,
    STATE_VARINT,
    STATE_FIXED,
    STATE_LENGTH,
    STATE_OPEN,
    STATE_TAKE,
    STATE_SKIP
} state_e;

struct wa_pbstream_s {
    wa_span_t   in;
    wa_buf_t    taken;
    uint64_t    pos;                        /* bytes used up so far        */
    uint64_t    ends[WA_PBSTREAM_DEPTH + 1];        /* of the input, where */
    uint32_t    numbers[WA_PBSTREAM_DEPTH + 1];     /* each level ends     */
    uint32_t    depth;
    uint32_t    number;
    uint32_t    wire;
    uint32_t    got;                        /* bytes of a number           */
    uint64_t    acc;
    uint64_t    left;                       /* bytes of the field          */
    state_e     state;
    bool        large;
    wa_err_t    err;
};


static wa_err_t stream_step(wa_pbstream_t *s, wa_pbstream_item_t *item,
    bool *ready);
static wa_err_t stream_key(wa_pbstream_t *s, wa_pbstream_item_t *item,
    bool *ready);
static wa_err_t stream_varint(wa_pbstream_t *s);
static wa_err_t stream_fixed(wa_pbstream_t *s);
static wa_err_t stream_length(wa_pbstream_t *s);
static wa_err_t stream_take(wa_pbstream_t *s, wa_pbstream_item_t *item,
    bool *ready);
static wa_err_t stream_skip(wa_pbstream_t *s, wa_pbstream_item_t *item,
    bool *ready);
static wa_span_t stream_use(wa_pbstream_t *s, uint64_t n);
static void stream_item(const wa_pbstream_t *s, wa_pbstream_item_t *item,
    wa_pbstream_e type);


wa_err_t
wa_pbstream_create(wa_pbstream_t **out)
{
    wa_pbstream_t  *s;

    s = wa_calloc(1, sizeof(wa_pbstream_t));
    if (s == NULL) {
        return WA_ERR_NOMEM;
    }

    s->ends[0] = UINT64_MAX;
    *out = s;

    return WA_OK;
}


void
wa_pbstream_free(wa_pbstream_t *s)
{
    if (s == NULL) {
        return;
    }

    wa_buf_wipe(&s->taken);
    wa_free(s);
}


void
wa_pbstream_feed(wa_pbstream_t *s, wa_span_t in)
{
    s->in = in;
}


wa_err_t
wa_pbstream_next(wa_pbstream_t *s, wa_pbstream_item_t *item)
{
    bool      ready;
    wa_err_t  rc;

    if (s->err != WA_OK) {
        return s->err;
    }

    if (s->state == STATE_OPEN) {
        s->state = STATE_SKIP;
    }

    if (s->state != STATE_TAKE) {
        s->taken.n = 0;
    }

    ready = false;

    do {
        rc = stream_step(s, item, &ready);
    } while (rc == WA_OK && !ready);

    if (rc != WA_OK && rc != WA_AGAIN) {
        s->err = rc;
    }

    return rc;
}


wa_err_t
wa_pbstream_enter(wa_pbstream_t *s)
{
    if (s->state != STATE_OPEN) {
        return WA_ERR_STATE;
    }

    if (s->depth == WA_PBSTREAM_DEPTH) {
        return WA_ERR_LIMIT;
    }

    s->depth++;
    s->ends[s->depth] = s->pos + s->left;
    s->numbers[s->depth] = s->number;
    s->state = STATE_KEY;

    return WA_OK;
}


wa_err_t
wa_pbstream_take(wa_pbstream_t *s, size_t max)
{
    if (s->state != STATE_OPEN) {
        return WA_ERR_STATE;
    }

    if (s->left > max) {
        s->large = true;
        s->state = STATE_SKIP;

    } else {
        s->state = STATE_TAKE;
    }

    return WA_OK;
}


wa_err_t
wa_pbstream_finish(const wa_pbstream_t *s)
{
    if (s->err != WA_OK) {
        return s->err;
    }

    return s->depth == 0 && s->state == STATE_KEY && s->got == 0
           ? WA_OK : WA_ERR_SYNTAX;
}


/* WA_OK and not *ready: on to the next state. */
static wa_err_t
stream_step(wa_pbstream_t *s, wa_pbstream_item_t *item, bool *ready)
{
    wa_err_t  rc;

    switch (s->state) {

    case STATE_KEY:
        return stream_key(s, item, ready);

    case STATE_VARINT:
    case STATE_FIXED:
        rc = s->state == STATE_VARINT ? stream_varint(s) : stream_fixed(s);

        if (rc == WA_OK) {
            stream_item(s, item, s->wire == WIRE_VARINT ? WA_PBSTREAM_VARINT
                                 : s->wire == WIRE_64 ? WA_PBSTREAM_FIXED64
                                                      : WA_PBSTREAM_FIXED32);
            item->value = s->acc;
            s->acc = 0;
            s->got = 0;
            s->state = STATE_KEY;
            *ready = true;
        }

        return rc;

    case STATE_LENGTH:
        rc = stream_length(s);

        if (rc == WA_OK) {
            stream_item(s, item, WA_PBSTREAM_OPEN);
            item->value = s->left;
            *ready = true;
        }

        return rc;

    case STATE_TAKE:
        return stream_take(s, item, ready);

    default:
        return stream_skip(s, item, ready);
    }
}


static wa_err_t
stream_key(wa_pbstream_t *s, wa_pbstream_item_t *item, bool *ready)
{
    uint64_t  key;
    wa_err_t  rc;

    if (s->got == 0 && s->depth != 0 && s->pos == s->ends[s->depth]) {
        s->number = s->numbers[s->depth];
        s->depth--;
        stream_item(s, item, WA_PBSTREAM_END);
        *ready = true;
        return WA_OK;
    }

    rc = stream_varint(s);

    if (rc != WA_OK) {
        return rc;
    }

    key = s->acc;
    s->acc = 0;
    s->got = 0;

    if (key >> 3 == 0 || key >> 3 > PBSTREAM_NUMBER_MAX) {
        return WA_ERR_SYNTAX;
    }

    s->number = (uint32_t) (key >> 3);
    s->wire = (uint32_t) (key & 7);

    switch (s->wire) {

    case WIRE_VARINT:
        s->state = STATE_VARINT;
        return WA_OK;

    case WIRE_64:
    case WIRE_32:
        s->state = STATE_FIXED;
        return WA_OK;

    case WIRE_BYTES:
        s->state = STATE_LENGTH;
        return WA_OK;

    default:
        return WA_ERR_SYNTAX;       /* groups: in no schema of ours */
    }
}


/* Goes on with s->acc, where the last piece ended. */
static wa_err_t
stream_varint(wa_pbstream_t *s)
{
    uint8_t  c;

    do {

        if (s->pos == s->ends[s->depth]) {
            return WA_ERR_SYNTAX;
        }

        if (s->in.n == 0) {
            return WA_AGAIN;
        }

        c = *stream_use(s, 1).p;

        /* The tenth byte has room for one bit. */

        if (s->got == PBSTREAM_VARINT_MAX
            || (s->got == PBSTREAM_VARINT_MAX - 1 && c > 1))
        {
            return WA_ERR_SYNTAX;
        }

        s->acc |= (uint64_t) (c & 0x7f) << (7 * s->got);
        s->got++;

    } while (c & 0x80);

    return WA_OK;
}


static wa_err_t
stream_fixed(wa_pbstream_t *s)
{
    uint32_t  n;

    n = s->wire == WIRE_64 ? 8 : 4;

    while (s->got < n) {

        if (s->pos == s->ends[s->depth]) {
            return WA_ERR_SYNTAX;
        }

        if (s->in.n == 0) {
            return WA_AGAIN;
        }

        s->acc |= (uint64_t) *stream_use(s, 1).p << (8 * s->got);
        s->got++;
    }

    return WA_OK;
}


static wa_err_t
stream_length(wa_pbstream_t *s)
{
    wa_err_t  rc;

    rc = stream_varint(s);

    if (rc != WA_OK) {
        return rc;
    }

    s->left = s->acc;
    s->acc = 0;
    s->got = 0;
    s->large = false;

    if (s->left > s->ends[s->depth] - s->pos) {
        return WA_ERR_SYNTAX;
    }

    s->state = STATE_OPEN;

    return WA_OK;
}


/* What is in one piece need not be copied. */
static wa_err_t
stream_take(wa_pbstream_t *s, wa_pbstream_item_t *item, bool *ready)
{
    wa_err_t   rc;
    wa_span_t  part;

    if (s->left > 0 && s->in.n == 0) {
        return WA_AGAIN;
    }

    part = stream_use(s, s->left);
    s->left -= part.n;

    if (s->left != 0 || s->taken.n != 0) {
        rc = wa_buf_append(&s->taken, part.p, part.n);

        if (rc != WA_OK) {
            return rc;
        }
    }

    if (s->left != 0) {
        return WA_AGAIN;
    }

    stream_item(s, item, WA_PBSTREAM_BYTES);
    item->bytes = s->taken.n != 0 ? wa_span_buf(&s->taken) : part;
    s->state = STATE_KEY;
    *ready = true;

    return WA_OK;
}


static wa_err_t
stream_skip(wa_pbstream_t *s, wa_pbstream_item_t *item, bool *ready)
{
    s->left -= stream_use(s, s->left).n;

    if (s->left != 0) {
        return WA_AGAIN;
    }

    s->state = STATE_KEY;

    if (s->large) {
        s->large = false;
        stream_item(s, item, WA_PBSTREAM_LARGE);
        *ready = true;
    }

    return WA_OK;
}


/* Up to n bytes of the piece. */
static wa_span_t
stream_use(wa_pbstream_t *s, uint64_t n)
{
    wa_span_t  part;

    if (n > s->in.n) {
        n = s->in.n;
    }

    part = wa_span(s->in.p, (size_t) n);
    s->pos += n;
    s->in.n -= (size_t) n;

    if (n != 0) {
        s->in.p += n;
    }

    return part;
}


static void
stream_item(const wa_pbstream_t *s, wa_pbstream_item_t *item,
    wa_pbstream_e type)
{
    item->type = type;
    item->number = s->number;
    item->depth = s->depth;
    item->value = 0;
    item->bytes = wa_span_none();
}
