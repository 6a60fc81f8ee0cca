/*
 * WebSocket frames, client side.  libwslay's frame layer parses and builds
 * them; what a frame means (fragments, ping, close) is decided here, because
 * its event layer would keep 4 KiB of buffer per idle connection.
 */

#include <sys/types.h>

#include <wslay/wslay.h>

#include "wa_crypto.h"
#include "wa_limits.h"
#include "wa_mem.h"
#include "wa_wr.h"
#include "wa_ws_int.h"


/* RFC 6455 section 7.4.1. */
enum {
    WA_WS_CODE_PROTOCOL = 1002,
    WA_WS_CODE_NONE     = 1005,
    WA_WS_CODE_TOO_BIG  = 1009
};

/* Two bytes, then 0, 2 or 8 of length, then 4 of mask when there is one. */
#define WA_WS_LEN_7   126u
#define WA_WS_LEN_16  65536u


static void
wa_ws_random(void *data, uint8_t *p, size_t n)
{
    (void) data;

    wa_random(p, n);
}


static ssize_t
wa_ws_on_recv(uint8_t *buf, size_t len, int flags, void *data)
{
    size_t           n;
    wa_ws_t         *ws;
    wa_ws_parser_t  *parser;

    (void) flags;

    parser = data;
    ws = parser->ws;
    n = (len < ws->in.n) ? len : ws->in.n;

    if (n == 0) {
        return -1;
    }

    memcpy(buf, ws->in.p, n);
    ws->in = wa_span(ws->in.p + n, ws->in.n - n);
    ws->given += n;

    return (ssize_t) n;
}


static ssize_t
wa_ws_on_send(const uint8_t *p, size_t len, int flags, void *data)
{
    wa_ws_parser_t  *parser;

    (void) flags;

    parser = data;
    wa_wr_bytes(&parser->w, p, len);

    return (parser->w.err == WA_OK) ? (ssize_t) len : -1;
}


static int
wa_ws_on_mask(uint8_t *buf, size_t len, void *data)
{
    wa_ws_t         *ws;
    wa_ws_parser_t  *parser;
    wa_ws_spares_t  *s;

    parser = data;
    ws = parser->ws;
    s = ws->spares;

    if (s == NULL || len > sizeof(s->masks)) {
        ws->random(ws->random_data, buf, len);
        return 0;
    }

    if (s->left < len) {
        ws->random(ws->random_data, s->masks, sizeof(s->masks));
        s->left = sizeof(s->masks);
    }

    memcpy(buf, s->masks + sizeof(s->masks) - s->left, len);
    s->left -= len;

    return 0;
}


/* NULL: out of memory. */
static wa_ws_parser_t *
wa_ws_parser_take(wa_ws_t *ws)
{
    wa_ws_parser_t  *p;

    struct wslay_frame_callbacks  calls;

    if (ws->spares != NULL && ws->spares->idle != NULL) {
        p = ws->spares->idle;
        ws->spares->idle = NULL;
        p->ws = ws;

        return p;
    }

    p = wa_calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }

    p->ws = ws;

    calls.send_callback = wa_ws_on_send;
    calls.recv_callback = wa_ws_on_recv;
    calls.genmask_callback = wa_ws_on_mask;

    if (wslay_frame_context_init(&p->ctx, &calls, p) != 0) {
        wa_free(p);
        return NULL;
    }

    return p;
}


static void
wa_ws_parser_free(wa_ws_parser_t *p)
{
    if (p != NULL) {
        wslay_frame_context_free(p->ctx);
        wa_free(p);
    }
}


/* Back, between two frames. */
static void
wa_ws_parser_give(wa_ws_t *ws, wa_ws_parser_t *p)
{
    if (ws->spares == NULL || ws->spares->idle != NULL) {
        wa_ws_parser_free(p);
        return;
    }

    p->ws = NULL;
    ws->spares->idle = p;
}


void
wa_ws_spares_free(wa_ws_spares_t *spares)
{
    wa_ws_parser_free(spares->idle);
    wa_wipe(spares, sizeof(*spares));
}


wa_err_t
wa_ws_create(wa_ws_t **out_ws, const wa_ws_conf_t *conf, wa_buf_t *out)
{
    wa_ws_t   *ws;
    wa_err_t   rc;

    ws = wa_calloc(1, sizeof(*ws));
    if (ws == NULL) {
        return WA_ERR_NOMEM;
    }

    ws->random = (conf->random != NULL) ? conf->random : wa_ws_random;
    ws->random_data = conf->random_data;
    ws->spares = conf->spares;

    rc = wa_ws_upgrade_start(ws, conf, out);
    if (rc != WA_OK) {
        wa_ws_free(ws);
        return rc;
    }

    *out_ws = ws;

    return WA_OK;
}


static void
wa_ws_drop_frames(wa_ws_t *ws)
{
    wa_ws_parser_free(ws->frames);
    ws->frames = NULL;
    ws->given = 0;
    ws->used = 0;
}


void
wa_ws_free(wa_ws_t *ws)
{
    if (ws == NULL) {
        return;
    }

    wa_ws_upgrade_free(ws);
    wa_ws_drop_frames(ws);
    wa_buf_free(&ws->control);
    wa_free(ws);
}


/* One whole masked frame, appended to out or not at all. */
static wa_err_t
wa_ws_frame(wa_ws_t *ws, uint8_t opcode, wa_span_t payload, wa_buf_t *out)
{
    ssize_t          n;
    wa_err_t         rc;
    wa_ws_parser_t  *parser;

    struct wslay_frame_iocb  iocb;

    parser = wa_ws_parser_take(ws);
    if (parser == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_wr_init(&parser->w, out, SIZE_MAX);
    memset(&iocb, 0, sizeof(iocb));

    iocb.fin = 1;
    iocb.opcode = opcode;
    iocb.payload_length = payload.n;
    iocb.mask = 1;
    iocb.data = payload.p;
    iocb.data_length = payload.n;

    do {
        n = wslay_frame_send(parser->ctx, &iocb);

        if (n < 0) {
            break;
        }

        if (n > 0) {
            iocb.data += n;
            iocb.data_length -= (size_t) n;
        }

    } while (iocb.data_length != 0);

    if (n < 0) {
        rc = (parser->w.err != WA_OK) ? parser->w.err : WA_ERR_NOMEM;
        wa_wr_undo(&parser->w);
        wa_ws_parser_free(parser);

        return rc;
    }

    wa_ws_parser_give(ws, parser);

    return WA_OK;
}


wa_err_t
wa_ws_send(wa_ws_t *ws, wa_span_t payload, wa_buf_t *out)
{
    if (ws->state != WA_WS_OPEN) {
        return WA_ERR_STATE;
    }

    return wa_ws_frame(ws, WSLAY_BINARY_FRAME, payload, out);
}


wa_err_t
wa_ws_ping(wa_ws_t *ws, wa_span_t payload, wa_buf_t *out)
{
    if (payload.n > WA_WS_CONTROL_MAX) {
        return WA_ERR_ARG;
    }

    if (ws->state != WA_WS_OPEN) {
        return WA_ERR_STATE;
    }

    return wa_ws_frame(ws, WSLAY_PING, payload, out);
}


wa_err_t
wa_ws_close(wa_ws_t *ws, uint16_t code, wa_buf_t *out)
{
    uint8_t   payload[2];
    wa_err_t  rc;

    if (ws->state != WA_WS_OPEN) {
        return WA_OK;
    }

    payload[0] = (uint8_t) (code >> 8);
    payload[1] = (uint8_t) code;

    rc = wa_ws_frame(ws, WSLAY_CONNECTION_CLOSE,
                     wa_span(payload, code == WA_WS_CODE_NONE ? 0 : 2), out);
    if (rc == WA_OK) {
        ws->state = WA_WS_CLOSING;
    }

    return rc;
}


/* -- receiving ------------------------------------------------------------ */

static uint64_t
wa_ws_header_len(const struct wslay_frame_iocb *f)
{
    if (f->payload_length < WA_WS_LEN_7) {
        return 2;
    }

    return (f->payload_length < WA_WS_LEN_16) ? 4 : 10;
}


/* The rules for a frame's header (RFC 6455 sections 5.2 to 5.5). */
static wa_err_t
wa_ws_begin(wa_ws_t *ws, const struct wslay_frame_iocb *f)
{
    if (f->rsv != WSLAY_RSV_NONE || f->mask != 0) {
        return WA_ERR_SYNTAX;
    }

    switch (f->opcode) {

    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:

        if (f->fin == 0 || f->payload_length > WA_WS_CONTROL_MAX) {
            return WA_ERR_SYNTAX;
        }

        break;

    case WSLAY_CONTINUATION_FRAME:

        if (ws->message == 0) {
            return WA_ERR_SYNTAX;
        }

        break;

    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:

        if (ws->message != 0) {
            return WA_ERR_SYNTAX;
        }

        ws->message = f->opcode;
        break;

    default:
        return WA_ERR_SYNTAX;
    }

    if (f->payload_length > WA_WS_FRAME_MAX) {
        return WA_ERR_LIMIT;
    }

    ws->left = f->payload_length;
    ws->open = true;

    return WA_OK;
}


static wa_err_t
wa_ws_on_close(wa_ws_t *ws, wa_buf_t *out)
{
    wa_err_t  rc;

    if (ws->control.n == 1) {
        return WA_ERR_SYNTAX;
    }

    ws->close_code = WA_WS_CODE_NONE;

    if (ws->control.n >= 2) {
        ws->close_code = (uint16_t) (ws->control.p[0] << 8
                                     | ws->control.p[1]);
    }

    rc = WA_OK;

    if (ws->state == WA_WS_OPEN) {
        rc = wa_ws_close(ws, ws->close_code, out);
    }

    ws->state = WA_WS_CLOSED;

    return rc;
}


/* The last byte of a frame was read. */
static wa_err_t
wa_ws_end(wa_ws_t *ws, const struct wslay_frame_iocb *f, wa_buf_t *out)
{
    wa_err_t  rc;

    ws->open = false;
    ws->used += wa_ws_header_len(f) + f->payload_length;

    switch (f->opcode) {

    case WSLAY_CONNECTION_CLOSE:
        rc = wa_ws_on_close(ws, out);
        break;

    case WSLAY_PING:
        rc = WA_OK;

        if (ws->state == WA_WS_OPEN) {
            rc = wa_ws_frame(ws, WSLAY_PONG, wa_span_buf(&ws->control), out);
        }

        break;

    case WSLAY_PONG:
        rc = WA_OK;
        break;

    default:

        if (f->fin != 0) {
            ws->message = 0;
        }

        return WA_OK;
    }

    wa_buf_free(&ws->control);

    return rc;
}


static wa_err_t
wa_ws_payload(wa_ws_t *ws, const struct wslay_frame_iocb *f, wa_buf_t *data,
    wa_buf_t *out)
{
    wa_err_t  rc;

    if (!ws->open) {

        rc = wa_ws_begin(ws, f);
        if (rc != WA_OK) {
            return rc;
        }
    }

    if (f->data_length != 0) {
        rc = WA_OK;

        if (wslay_is_ctrl_frame(f->opcode)) {
            rc = wa_buf_append(&ws->control, f->data, f->data_length);

        } else if (ws->message == WSLAY_BINARY_FRAME) {
            rc = wa_buf_append(data, f->data, f->data_length);
        }

        if (rc != WA_OK) {
            return rc;
        }
    }

    ws->left -= f->data_length;

    return (ws->left == 0) ? wa_ws_end(ws, f, out) : WA_OK;
}


static wa_err_t
wa_ws_frames(wa_ws_t *ws, wa_buf_t *data, wa_buf_t *out)
{
    ssize_t   n;
    wa_err_t  rc;

    struct wslay_frame_iocb  iocb;

    if (ws->in.n == 0) {
        return WA_OK;
    }

    if (ws->frames == NULL) {
        ws->frames = wa_ws_parser_take(ws);

        if (ws->frames == NULL) {
            return WA_ERR_NOMEM;
        }
    }

    while (ws->state != WA_WS_CLOSED) {

        memset(&iocb, 0, sizeof(iocb));

        n = wslay_frame_recv(ws->frames->ctx, &iocb);

        if (n == WSLAY_ERR_WANT_READ) {
            break;
        }

        if (n < 0) {
            return WA_ERR_SYNTAX;
        }

        rc = wa_ws_payload(ws, &iocb, data, out);
        if (rc != WA_OK) {
            return rc;
        }
    }

    /* Between frames, with nothing buffered: the parser can go. */

    if (ws->state == WA_WS_CLOSED) {
        wa_ws_drop_frames(ws);

    } else if (!ws->open && ws->given == ws->used) {
        wa_ws_parser_give(ws, ws->frames);
        ws->frames = NULL;
        ws->given = 0;
        ws->used = 0;
    }

    return WA_OK;
}


static wa_err_t
wa_ws_fail(wa_ws_t *ws, wa_err_t rc, wa_buf_t *out)
{
    if (rc == WA_ERR_SYNTAX) {
        (void) wa_ws_close(ws, WA_WS_CODE_PROTOCOL, out);

    } else if (rc == WA_ERR_LIMIT) {
        (void) wa_ws_close(ws, WA_WS_CODE_TOO_BIG, out);
    }

    ws->err = rc;
    ws->state = WA_WS_FAILED;

    wa_ws_upgrade_free(ws);
    wa_ws_drop_frames(ws);
    wa_buf_free(&ws->control);

    return rc;
}


wa_err_t
wa_ws_feed(wa_ws_t *ws, wa_span_t in, wa_buf_t *data, wa_buf_t *out)
{
    wa_err_t  rc;

    if (ws->err != WA_OK) {
        return ws->err;
    }

    ws->in = in;
    rc = WA_OK;

    if (ws->state == WA_WS_UPGRADE) {

        rc = wa_ws_upgrade_feed(ws);
        if (rc == WA_OK) {
            ws->state = WA_WS_OPEN;
        }
    }

    if (rc == WA_OK && ws->state != WA_WS_CLOSED) {
        rc = wa_ws_frames(ws, data, out);
    }

    ws->in = wa_span_none();

    if (rc == WA_AGAIN) {
        return WA_OK;
    }

    return (rc == WA_OK) ? WA_OK : wa_ws_fail(ws, rc, out);
}


wa_ws_state_e
wa_ws_state(const wa_ws_t *ws)
{
    return (wa_ws_state_e) ws->state;
}


uint16_t
wa_ws_close_code(const wa_ws_t *ws)
{
    return ws->close_code;
}


unsigned
wa_ws_http_status(const wa_ws_t *ws)
{
    return ws->http_status;
}


size_t
wa_ws_memory(const wa_ws_t *ws)
{
    /* libwslay does not tell: its frame buffer and some 200 bytes of state. */

    static const size_t  parser = 4096 + 200;

    size_t  n;

    n = sizeof(*ws) + ws->control.cap;

    if (ws->upgrade != NULL) {
        n += sizeof(*ws->upgrade) + ws->upgrade->head.cap;
    }

    if (ws->frames != NULL) {
        n += parser;
    }

    return n;
}
