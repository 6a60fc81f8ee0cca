/*
 * The WhatsApp server of a test, in memory: WebSocket, Noise responder with
 * a certificate chain of its own, and stanzas in and out.  It has no rules
 * of its own: the test answers what the account asks.
 */
#ifndef WA_PEER_H
#define WA_PEER_H

#include "wa_host.h"
#include "wa_jid.h"
#include "wa_node.h"


typedef struct wa_peer_s  wa_peer_t;

/* Makes the account of `h` trust this peer's root key.  Ends the program
   when something fails that is not under test. */
wa_peer_t *wa_peer_create(wa_host_t *h);
void wa_peer_free(wa_peer_t *p);

/* Gives the account the credentials of a linked device, durably. */
void wa_peer_link(wa_peer_t *p, const char *pn, const char *lid);

/* Opens the transport the account asked for and plays the handshake. */
void wa_peer_connect(wa_peer_t *p);

/*
 * Opens the transport the account asked for and plays the handshake, then
 * <success> and the answer to <active/>; stanzas after that wait in
 * wa_peer_next().
 */
void wa_peer_login(wa_peer_t *p);

/* The transport ends; the account is told. */
void wa_peer_drop(wa_peer_t *p);

/* Time passes while pings are answered. */
void wa_peer_advance(wa_peer_t *p, wa_time_t ms);

/* The next stanza of the account, alive until the peer is freed; NULL: none
   (pings are answered and not shown). */
const wa_node_t *wa_peer_next(wa_peer_t *p);

/* The next one, which must have this tag. */
const wa_node_t *wa_peer_expect(wa_peer_t *p, const char *tag);

/* Memory for nodes to be sent. */
wa_arena_t *wa_peer_arena(wa_peer_t *p);

void wa_peer_send(wa_peer_t *p, const wa_node_t *node);

/* Appends the transport bytes of a stanza; they must then be fed. */
void wa_peer_seal(wa_peer_t *p, const wa_node_t *node, wa_buf_t *out);

/* <iq type id=..> without content. */
wa_node_t *wa_peer_answer(wa_peer_t *p, const wa_node_t *iq,
    const char *type);

/* <iq type=result id=..> with one child (may be NULL), or an error. */
void wa_peer_result(wa_peer_t *p, const wa_node_t *iq, wa_node_t *child);
void wa_peer_error(wa_peer_t *p, const wa_node_t *iq, unsigned code);

#endif /* WA_PEER_H */
