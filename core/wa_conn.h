/*
 * One connection: WebSocket -> frames -> Noise -> nodes, and back.  Knows
 * when the link is dead; what a lost link means is decided in wa_life.c.
 */
#ifndef WA_CONN_H
#define WA_CONN_H

#include "wa_account_int.h"


/* Asks the host for a transport.  Harmless when there is one. */
void wa_conn_dial(wa_account_t *a);

/* The host's answers. */
void wa_conn_connected(wa_account_t *a, wa_err_t err, const char *text);
void wa_conn_closed(wa_account_t *a, const char *text);

/* WA_ERR_STATE: no transport. */
wa_err_t wa_conn_feed(wa_account_t *a, wa_span_t in);

/* Drops the connection; nothing is reported to wa_life. */
void wa_conn_close(wa_account_t *a);

/* Identifies the connection; 0: none. */
uint32_t wa_conn_generation(const wa_account_t *a);

/* Seals and queues a packed node (flag byte first).  No-op when the
   handshake has not ended. */
void wa_conn_send_packed(wa_account_t *a, wa_span_t packed);

/* Gives `iq` its id attribute; *id is the number in it. */
void wa_conn_iq_id(wa_account_t *a, wa_arena_t *arena, wa_node_t *iq,
    uint64_t *id);

/* True if the id of `iq` is one of this connection. */
bool wa_conn_iq_match(wa_account_t *a, const wa_node_t *iq, uint64_t *id);

/* <success> was handled: pings start, wa_account_online() is true. */
void wa_conn_set_online(wa_account_t *a);

/* Starts pings without a login (the QR wait). */
void wa_conn_keep_alive(wa_account_t *a);

/* We announced presence "available" on this connection. */
bool wa_account_available(const wa_account_t *a);
void wa_conn_set_available(wa_account_t *a, bool available);

void wa_conn_expire(wa_account_t *a);
wa_time_t wa_conn_deadline(const wa_account_t *a);
size_t wa_conn_footprint(const wa_account_t *a);

#endif /* WA_CONN_H */
