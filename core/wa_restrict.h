/*
 * What WhatsApp does not let an account do for now (HTTP contract 20, "early
 * warning"): events account.restricted {kind, until, code} and
 * account.restricted_cleared {kind, code}, and the member "restrictions" of
 * the view, from which they come back after a restart.
 */
#ifndef WA_RESTRICT_H
#define WA_RESTRICT_H

#include <jansson.h>

#include "wa_account.h"
#include "wa_jid.h"
#include "wa_unit.h"


typedef struct wa_send_s  wa_send_t;

/* Order of the contract's words in wa_restrict.c. */
typedef enum {
    WA_RESTRICT_REACHOUT = 0,   /* writing to who does not know us         */
    WA_RESTRICT_RATE,           /* so many messages                        */
    WA_RESTRICT_BAN,            /* anything                                */
    WA_RESTRICT_KINDS
} wa_restrict_e;

typedef struct {
    bool      on;
    unsigned  code;             /* WhatsApp's; 0: it gave none             */
    int64_t   until_ms;         /* unix; 0: not known                      */
} wa_restriction_t;

typedef struct {
    wa_restriction_t  of[WA_RESTRICT_KINDS];
    wa_jid_t          refused;  /* the last contact that 463 was about     */
    uint8_t           streak;   /* such contacts since one was taken       */
} wa_restrict_t;


/* Enters or renews a restriction, or ends it.  Events and view go into the
   unit; nothing happens when nothing changes. */
void wa_restrict_set(wa_unit_t *u, wa_restrict_e kind, unsigned code,
    int64_t until_ms);
void wa_restrict_clear(wa_unit_t *u, wa_restrict_e kind);

/*
 * What the server said to a send: `code` 0 taken, else why not.  One refused
 * contact may be that contact's matter; a second one in a row is ours.
 */
void wa_restrict_settled(wa_unit_t *u, const wa_send_t *s, unsigned code);

/* A notification's "xwa2_notify_account_reachout_timelock".  WA_OK. */
wa_err_t wa_restrict_timelock(wa_unit_t *u, const json_t *value);

/* New reference: an array for the view.  And back, from such an array or
   NULL. */
json_t *wa_restrict_view(const wa_account_t *a);
void wa_restrict_load(wa_account_t *a, const json_t *list);

/* When the next one ends by itself; -1: none does. */
wa_time_t wa_restrict_deadline(const wa_account_t *a);
void wa_restrict_expire(wa_account_t *a);

#endif /* WA_RESTRICT_H */
