/*
 * The transport of one account: name, TCP, TLS, bytes.
 */
#ifndef NGX_HTTP_WAHUB_PEER_H
#define NGX_HTTP_WAHUB_PEER_H

#include "ngx_http_wahub_account.h"


/*
 * Starts to connect to the endpoint; the engine hears WA_DONE_CONNECT
 * later, never from inside this call.  slot->peer is set unless memory is
 * short (then the failure is reported by a posted event of the slot's).
 */
ngx_int_t ngx_http_wahub_peer_open(ngx_http_wahub_account_t *slot);

/* Queues bytes; they leave at the end of the turn, or with a flush. */
void ngx_http_wahub_peer_send(ngx_http_wahub_peer_t *peer, wa_span_t bytes);
void ngx_http_wahub_peer_flush(ngx_http_wahub_peer_t *peer);

/* The engine takes input again. */
void ngx_http_wahub_peer_resume(ngx_http_wahub_peer_t *peer);

/*
 * Lets go of the slot.  _shutdown sends what is queued first (bounded in
 * time), _close does not.  The engine hears nothing.
 */
void ngx_http_wahub_peer_shutdown(ngx_http_wahub_peer_t *peer);
void ngx_http_wahub_peer_close(ngx_http_wahub_peer_t *peer);

#endif /* NGX_HTTP_WAHUB_PEER_H */
