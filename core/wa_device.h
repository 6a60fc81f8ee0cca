/*
 * Device lists: which devices a user has linked.  Record dev/<user@server>
 * under the user's LID when known, else the PN; filled by usync, dropped by
 * notifications.  Facts: protocol 7.5 (usync), 7.6 (phash), 7.7 (identity).
 */
#ifndef WA_DEVICE_H
#define WA_DEVICE_H

#include "wa_account.h"
#include "wa_hashes.h"
#include "wa_jid.h"
#include "wa_task.h"
#include "wa_unit.h"


/* Users in one call; a usync answer about more is split by the caller. */
#define WA_DEVICE_USERS_MAX  1024

/* Devices of one user that are kept (the server allows far fewer). */
#define WA_DEVICES_PER_USER  64

typedef struct {
    wa_jid_t   jid;             /* bare; the LID when known, else as asked;
                                   server WA_SERVER_NONE: not on WhatsApp  */
    size_t     first;           /* its devices: list->devices[first ..]    */
    size_t     n;
} wa_device_user_t;

typedef struct {
    wa_device_user_t  *users;   /* one per user asked, in that order       */
    size_t             n_users;
    wa_jid_t          *devices; /* addressed as users[i].jid; hosted ones
                                   with the hosted server; without the one
                                   we are                                  */
    size_t             n_devices;
} wa_device_list_t;


/*
 * Child task: the devices of these users (PN or LID, device part ignored),
 * from records or from the server, which is asked for all unknown ones at
 * once and tells their LIDs too (learnt as wa_lid_learn() does).
 *   WA_AGAIN  started; at the parent's resume with WA_OK *out is filled
 *             (its arrays live in the parent's arena)
 *   WA_OK     *out is filled now: all was in memory
 *   WA_ERR_ARG: n is 0 or too big, or not a user address;  WA_ERR_NOMEM
 * Errors at resume: WA_ERR_REFUSED, _TIMEOUT, _GONE, _NOMEM.
 */
wa_err_t wa_devices_resolve(wa_task_t *parent, const wa_jid_t *users,
    size_t n, wa_device_list_t *out);

/* Forgets the list of a user (one address, or both if the pair is in
   memory): the next resolve asks the server.  No record is needed. */
wa_err_t wa_devices_forget(wa_unit_t *u, const wa_jid_t *user);

/* The hash over a whole device set, to compare with an ack's phash. */
wa_err_t wa_devices_phash(const wa_jid_t *devices, size_t n,
    char out[WA_PHASH_LEN]);


/* Serial stanza tasks; all acknowledge the stanza and end the task. */

/* <notification type=devices>: sessions and identities of removed devices
   are dropped; the list, too, unless its hash is then as told. */
void wa_device_notification(wa_task_t *t);

/* <notification type=account_sync><devices>: the same for our own. */
void wa_device_own_notification(wa_task_t *t);

/* <notification type=encrypt from=user><identity/>: that user registered
   anew: sessions and identities of all devices are dropped, and
   identity.changed is told. */
void wa_identity_notification(wa_task_t *t);

/* Event identity.changed {jid, lid} of a person; `pn` or `lid` may be
   WA_SERVER_NONE.  WA_ERR_NOMEM. */
wa_err_t wa_identity_event(wa_unit_t *u, const wa_jid_t *pn,
    const wa_jid_t *lid);

#endif /* WA_DEVICE_H */
