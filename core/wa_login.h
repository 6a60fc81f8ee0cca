/*
 * What happens around <success>: the payload that logs in, the queries that
 * follow, the offline queue, and every way the server ends a stream.
 */
#ifndef WA_LOGIN_H
#define WA_LOGIN_H

#include "wa_account_int.h"


/* Appends the ClientPayload: registration or login. */
wa_err_t wa_login_payload(wa_account_t *a, wa_buf_t *out);

void wa_login_success(wa_account_t *a, const wa_node_t *node);
void wa_login_failure(wa_account_t *a, const wa_node_t *node);
void wa_login_stream_error(wa_account_t *a, const wa_node_t *node);
void wa_login_stream_end(wa_account_t *a);
void wa_login_ib(wa_account_t *a, const wa_node_t *node);

/* The offline queue has ended, or there is none: READY, and what waits for
   that. */
void wa_login_queue_end(wa_account_t *a);

#endif /* WA_LOGIN_H */
