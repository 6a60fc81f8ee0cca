/*
 * The WebSocket object; private to wa_ws.c and wa_ws_upgrade.c.
 */

#ifndef WA_WS_INT_H
#define WA_WS_INT_H

#include "wa_wr.h"
#include "wa_ws.h"


struct wslay_frame_context;

/* base64 of a SHA-1 digest, and NUL. */
#define WA_WS_ACCEPT_LEN  29u

/* Until the answer to the upgrade is complete; then freed. */
typedef struct {
    char      accept[WA_WS_ACCEPT_LEN];     /* the answer that proves it */
    wa_buf_t  head;
} wa_ws_upgrade_t;

/* libwslay's context for one frame, coming or going. */
typedef struct wa_ws_parser_s {
    struct wslay_frame_context   *ctx;
    wa_ws_t                      *ws;       /* whose frame it is */
    wa_wr_t                       w;        /* where a sent one goes */
} wa_ws_parser_t;

struct wa_ws_s {
    wa_ws_upgrade_t              *upgrade;

    /*
     * libwslay's parser.  It lives from the first byte of a frame to the last
     * one; `given` and `used` tell when it holds nothing.
     */
    wa_ws_parser_t               *frames;
    uint64_t                      given;    /* bytes handed to it */
    uint64_t                      used;     /* bytes of complete frames */

    wa_span_t                     in;       /* during wa_ws_feed() only */
    uint64_t                      left;     /* payload of the open frame */
    wa_buf_t                      control;  /* payload of a control frame */

    void                        (*random)(void *data, uint8_t *p, size_t n);
    void                         *random_data;
    wa_ws_spares_t               *spares;   /* NULL: none */

    wa_err_t                      err;
    uint16_t                      close_code;
    uint16_t                      http_status;
    uint8_t                       state;    /* wa_ws_state_e */
    uint8_t                       message;  /* opcode being continued, or 0 */
    bool                          open;     /* inside a frame */
};

/* Makes ws->upgrade and appends the request; errors of wa_ws_create(). */
wa_err_t wa_ws_upgrade_start(wa_ws_t *ws, const wa_ws_conf_t *conf,
    wa_buf_t *out);

/*
 * Takes bytes of the answer from ws->in.  WA_AGAIN: incomplete.  WA_OK: the
 * connection is open, ws->in holds what follows the answer.
 */
wa_err_t wa_ws_upgrade_feed(wa_ws_t *ws);

void wa_ws_upgrade_free(wa_ws_t *ws);


#endif /* WA_WS_INT_H */
