/*
 * WebSocket, client side (RFC 6455), bytes in and bytes out: the upgrade
 * request and its answer, then binary messages as one byte stream.  The only
 * file that uses libwslay; its callbacks touch buffers only.
 *
 * An open connection with nothing in flight holds one small struct: the
 * upgrade buffers are gone after the 101 and it has libwslay's context (with
 * its 4 KiB buffer) only while a frame is incomplete.
 */

#ifndef WA_WS_H
#define WA_WS_H

#include "wa_base.h"


typedef enum {
    WA_WS_UPGRADE = 0,          /* the answer to the upgrade is awaited */
    WA_WS_OPEN,
    WA_WS_CLOSING,              /* our close was sent, the peer's awaited */
    WA_WS_CLOSED,               /* close frames exchanged: shut the socket */
    WA_WS_FAILED                /* protocol error: drop the socket */
} wa_ws_state_e;

/*
 * What connections of one thread can share between frames: libwslay's
 * context, which would be allocated and zeroed for every frame, and random
 * bytes for masks, drawn for several frames at once.  Zeroed is empty.
 */
#define WA_WS_MASK_BYTES  64

typedef struct {
    struct wa_ws_parser_s  *idle;
    size_t                  left;       /* of masks, at the end */
    uint8_t                 masks[WA_WS_MASK_BYTES];
} wa_ws_spares_t;

typedef struct {
    const char  *host;          /* Host header: name, with :port if unusual */
    const char  *path;          /* begins with '/' */
    const char  *origin;        /* NULL: no Origin header */

    /* Random bytes for the key and the masks; NULL: wa_random(). */
    void       (*random)(void *data, uint8_t *p, size_t n);
    void        *random_data;

    wa_ws_spares_t  *spares;    /* outlives the connection; NULL: none */
} wa_ws_conf_t;

typedef struct wa_ws_s  wa_ws_t;


/*
 * Appends the upgrade request to out.  conf's strings are only used during
 * the call; random, random_data and spares stay in use.
 * WA_ERR_ARG: a string is empty or has characters that would break a header.
 */
wa_err_t wa_ws_create(wa_ws_t **ws, const wa_ws_conf_t *conf, wa_buf_t *out);
void wa_ws_free(wa_ws_t *ws);

/* Releases what is held; it may be used again. */
void wa_ws_spares_free(wa_ws_spares_t *spares);

/*
 * Takes all of `in`.  Payload of binary messages is appended to data (message
 * boundaries carry no meaning in this protocol and are dropped; text messages
 * are read and ignored); what must be answered (pong, close) to out.
 * WA_OK: look at wa_ws_state().
 * WA_ERR_SYNTAX: not a WebSocket answer or frame; wa_ws_http_status() tells
 * the HTTP status when the upgrade was refused.  out may hold a last close
 * frame worth sending.
 * WA_ERR_LIMIT: header or frame too long.  WA_ERR_NOMEM.
 * All errors are final and repeated; bytes already in data stay valid.
 */
wa_err_t wa_ws_feed(wa_ws_t *ws, wa_span_t in, wa_buf_t *data, wa_buf_t *out);

/*
 * Appends one masked binary message.  WA_ERR_STATE: not open.
 * After WA_ERR_NOMEM out is unchanged.
 */
wa_err_t wa_ws_send(wa_ws_t *ws, wa_span_t payload, wa_buf_t *out);
wa_err_t wa_ws_ping(wa_ws_t *ws, wa_span_t payload, wa_buf_t *out);

/* Appends a close frame; harmless when one was sent already. */
wa_err_t wa_ws_close(wa_ws_t *ws, uint16_t code, wa_buf_t *out);

wa_ws_state_e wa_ws_state(const wa_ws_t *ws);

/* The peer's close code, 1005 when it gave none, 0 before any close. */
uint16_t wa_ws_close_code(const wa_ws_t *ws);

/* Status of the upgrade answer, 0 before its status line was read. */
unsigned wa_ws_http_status(const wa_ws_t *ws);

/* Memory held by this object, bytes, without malloc's own overhead. */
size_t wa_ws_memory(const wa_ws_t *ws);


#endif /* WA_WS_H */
