/*
 * Our own prekeys: making, uploading, refilling, handing out, rotating.
 *
 *   prekeys     counters (see wa_prekey.c)
 *   pk/<n>      64 one-time private keys, ids n*64 .. n*64+63; a used one is
 *               wiped from its block, an empty block is deleted
 *   pk/r<id>    one key handed out in a retry receipt; such ids are
 *               above WA_PREKEY_RETRY_MIN and never uploaded
 *   spk/<id>    the signed prekey before the current one (which is in creds)
 *
 * Keys are durable before their public halves leave.  One upload at a time.
 * Facts: protocol 7.1.
 */
#ifndef WA_PREKEY_H
#define WA_PREKEY_H

#include "wa_account.h"
#include "wa_creds.h"
#include "wa_mem.h"
#include "wa_task.h"
#include "wa_unit.h"


#define WA_PREKEY_ID_MAX      0xFFFFFFu     /* ids are u24, 0 is not one   */
#define WA_PREKEY_RETRY_MIN   0xC00000u
#define WA_PREKEY_FIRST       812u          /* keys of the first upload    */
#define WA_PREKEY_REFILL      50u           /* and of later ones           */
#define WA_PREKEY_LOW         5u            /* refill below this           */


/* Memory of this part; NULL-safe, with the account. */
void wa_prekeys_free(wa_account_t *a);

/*
 * After every login: asks the server's count and refills when low, once a
 * day compares digests, rotates the signed prekey by age.  Runs as a task.
 */
void wa_prekey_after_login(wa_account_t *a);

/* The server says it is running low, or asks for a digest check
   (<notification type=encrypt>).  No-op while the same is running. */
void wa_prekey_low(wa_account_t *a);
void wa_prekey_digest_check(wa_account_t *a);

/* The connection is gone: forgets what was known about the server's side. */
void wa_prekey_offline(wa_account_t *a);

/* One-time keys the server holds, as far as known; -1: not known. */
int64_t wa_prekey_left(const wa_account_t *a);


/*
 * A fresh one-time key for a retry receipt: its private half goes into the
 * unit, so the receipt must be held by the same unit.  Needs the record
 * WA_PREKEY_RECORD.  WA_ERR_STATE, WA_ERR_NOMEM.
 */
#define WA_PREKEY_RECORD  "prekeys"

wa_err_t wa_prekey_take(wa_unit_t *u, uint32_t *id, uint8_t pub[32]);


/*
 * After a loss of records (wa_mend.h): another signed prekey in the
 * credentials, which the caller saves in the same unit, and ids that the lost
 * keys did not have.  The next login compares digests and uploads.  Needs the
 * record WA_PREKEY_RECORD.  WA_ERR_STATE, WA_ERR_SYNTAX, WA_ERR_NOMEM.
 */
wa_err_t wa_prekey_renew(wa_unit_t *u);


/* ---- for wa_signal.c ---- */

/* Record name of a one-time key / a signed prekey, for wa_task_need().
   buf of WA_PREKEY_NAME_LEN. */
#define WA_PREKEY_NAME_LEN  24

void wa_prekey_name(uint32_t id, char *buf);
void wa_prekey_signed_name(uint32_t id, char *buf);

/* Private half of one of our one-time keys.  WA_ERR_NO_SESSION: no such
   key (used up).  WA_ERR_STATE: record not in memory. */
wa_err_t wa_prekey_get(wa_account_t *a, uint32_t id, uint8_t priv[32]);

/* Wipes a used key from its record. */
wa_err_t wa_prekey_remove(wa_unit_t *u, uint32_t id);

/* A signed prekey, the current or an earlier one; errors as above. */
wa_err_t wa_prekey_signed_get(wa_account_t *a, uint32_t id,
    wa_signed_prekey_t *out);

#endif /* WA_PREKEY_H */
