/*
 * Length framing: u24 big-endian length, then that many bytes; and the intro
 * that precedes the first frame of a connection.
 */

#ifndef WA_FRAME_H
#define WA_FRAME_H

#include "wa_base.h"


#define WA_FRAME_HEADER  3u

/* "WA", protocol 6, dictionary version 3; also the Noise prologue. */
#define WA_INTRO_LEN     4u
extern const uint8_t  wa_intro[WA_INTRO_LEN];


/*
 * Incremental reader.  Usage:
 *
 *     wa_frame_feed(&f, bytes);
 *     while ((rc = wa_frame_next(&f, &frame)) == WA_OK) { ... }
 *
 * until WA_AGAIN.  A frame that lies whole in the fed bytes is returned as a
 * span into them; only a frame cut by the end of the input is copied.  An
 * idle reader holds no memory.
 */
typedef struct {
    wa_buf_t   acc;             /* a frame whose end has not arrived yet */
    wa_span_t  in;              /* rest of the fed bytes, borrowed */
    uint32_t   max;             /* longest body accepted */
    bool       done;            /* acc was returned, drop it next time */
    wa_err_t   err;             /* poisoned: repeated by every call */
} wa_frame_rd_t;

void wa_frame_init(wa_frame_rd_t *f, uint32_t max);

/* The handshake ended: accept longer frames from now on. */
void wa_frame_set_max(wa_frame_rd_t *f, uint32_t max);

/*
 * `in` must stay valid until wa_frame_next() returned WA_AGAIN.
 * WA_ERR_STATE: the bytes of the last feed are not used up yet.
 */
wa_err_t wa_frame_feed(wa_frame_rd_t *f, wa_span_t in);

/*
 * The body of the next frame, valid until the next call; may be empty.
 * WA_AGAIN: feed more.  WA_ERR_LIMIT: length above max.  WA_ERR_NOMEM.
 * Both errors are final: the boundaries of the stream are lost.
 */
wa_err_t wa_frame_next(wa_frame_rd_t *f, wa_span_t *frame);

void wa_frame_free(wa_frame_rd_t *f);


/* Appends header and body.  WA_ERR_LIMIT: body above WA_FRAME_MAX. */
wa_err_t wa_frame_write(wa_span_t body, wa_buf_t *out);

/*
 * Appends the intro, preceded by the edge routing block when routing is not
 * empty.  WA_ERR_LIMIT: routing above WA_ROUTING_INFO_MAX.
 */
wa_err_t wa_frame_intro(wa_span_t routing, wa_buf_t *out);


#endif /* WA_FRAME_H */
