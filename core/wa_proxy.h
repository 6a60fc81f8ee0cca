/*
 * The account's own proxy.  Its URL may hold a password, so it is a record of
 * its own, "proxy", sealed; the settings, which everybody may read, have it
 * without (WA_PROXY_SETTING).  What the URL means is the host's business.
 */
#ifndef WA_PROXY_H
#define WA_PROXY_H

#include "wa_account_int.h"


#define WA_PROXY_RECORD   "proxy"
#define WA_PROXY_SETTING  "proxy"
#define WA_PROXY_MAX      1024          /* bytes */

/*
 * Takes member "proxy" of `args`, a URL or null; without it nothing happens.
 * *changed: it is another one now, to be saved with the settings.
 * WA_ERR_ARG: no string, too long; WA_ERR_NOMEM.
 */
wa_err_t wa_proxy_take(wa_account_t *a, const json_t *args, bool *changed);

/* The record, p NULL: none, at the opening of the account.  WA_ERR_NOMEM. */
wa_err_t wa_proxy_load(wa_account_t *a, wa_span_t record);

/* Puts or deletes the record. */
void wa_proxy_save(wa_unit_t *u);

void wa_proxy_free(wa_account_t *a);

#endif /* WA_PROXY_H */
