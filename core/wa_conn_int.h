/*
 * A connection, private to wa_conn.c and wa_conn_hello.c.
 */
#ifndef WA_CONN_INT_H
#define WA_CONN_INT_H

#include "wa_alive_pulse.h"
#include "wa_conn.h"
#include "wa_frame.h"
#include "wa_noise.h"
#include "wa_ws.h"


/* How long a handshake may take, and a login after it; ms. */
#define CONN_HELLO_MS      20000


typedef enum {
    PHASE_DIAL = 0,
    PHASE_UPGRADE,
    PHASE_HELLO,
    PHASE_OPEN
} wa_phase_e;

struct wa_conn_s {
    uint32_t       gen;
    uint8_t        phase;
    bool           online;
    bool           available;
    bool           alive;              /* `pulse` is watched               */
    bool           routed;             /* the hello named a way in         */
    wa_time_t      deadline;           /* of the phase, or of the pulse    */
    wa_pulse_t     pulse;
    wa_ws_t       *ws;
    wa_frame_rd_t  frames;
    wa_noise_t     noise;
    bool           resuming;           /* the hello was that of IK         */
    uint64_t       next_id;
    char           id_prefix[9];
};


/* Sends intro and client hello; the connection may be gone after it. */
void wa_conn_upgraded(wa_account_t *a);

/* The server's hello.  WA_OK, also when the connection is gone after it. */
wa_err_t wa_conn_hello(wa_account_t *a, wa_span_t frame);

/* The hello was that of IK and led nowhere. */
void wa_conn_unresumed(wa_account_t *a);

/* Closes it and tells wa_life why. */
void wa_conn_fail(wa_account_t *a, const char *why);

#endif /* WA_CONN_INT_H */
