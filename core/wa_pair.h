/*
 * Linking by QR: the refs the server gave, the code shown now, and the
 * pair-success that ends it (protocol: whatsmeow pair.go, qrchan.go).
 */
#ifndef WA_PAIR_H
#define WA_PAIR_H

#include "wa_account_int.h"


/* <iq><pair-device>: answers it and shows the first code. */
void wa_pair_device(wa_account_t *a, const wa_node_t *iq);

/* <iq><pair-success>: verifies, makes it durable, then signs. */
void wa_pair_success(wa_account_t *a, const wa_node_t *iq);

/*
 * Serial <notification type=companion_reg_refresh>: a new adv secret, the
 * current code drawn again.  Ends the task.
 */
void wa_pair_refresh(wa_task_t *t);

/* The code shown now; false: none.  *expires_ms is unix ms. */
bool wa_pair_code(const wa_account_t *a, const char **text,
    int64_t *expires_ms);

/* <pair-device> came on this connection: it may be used for linking. */
bool wa_pair_ready(const wa_account_t *a);

/* The overall time limit begins anew: a person is at it. */
void wa_pair_renew(wa_account_t *a);

/* Another way of linking goes on: no QR code; one is shown again. */
void wa_pair_hide(wa_account_t *a);
void wa_pair_show_qr(wa_account_t *a);

/* The connection is gone and its codes with it; the overall time limit
   goes on.  wa_pair_free() forgets that as well. */
void wa_pair_pause(wa_account_t *a);
void wa_pair_free(wa_account_t *a);

void wa_pair_expire(wa_account_t *a);
wa_time_t wa_pair_deadline(const wa_account_t *a);

#endif /* WA_PAIR_H */
