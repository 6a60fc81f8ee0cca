/*
 * The account's life: its settings, its state (HTTP contract 4.3), the public
 * view of both, and what happens next when a connection ends.  Every change
 * of state goes through wa_life_set(): memory, view record, session.status
 * and the state's own event in one unit.
 */
#ifndef WA_LIFE_H
#define WA_LIFE_H

#include "wa_account_int.h"


wa_err_t wa_life_create(wa_account_t *a);
void wa_life_free(wa_account_t *a);

/* A new account from the arguments of WA_OP_CREATE.  Steals nothing. */
wa_err_t wa_life_init(wa_account_t *a, const json_t *args);

/* An existing one from its records "meta" and "view".
   WA_ERR_SYNTAX: not ours. */
wa_err_t wa_life_load(wa_account_t *a, wa_span_t meta, wa_span_t view);

/* Goes on where the records left off: connects, or stays stopped. */
void wa_life_begin(wa_account_t *a);

wa_state_e wa_life_state(const wa_account_t *a);

/*
 * Enters a state as part of `u`.  `reason` may be NULL; `code` 0: none.
 * Entering the present state again only refreshes the view.
 */
void wa_life_set(wa_unit_t *u, wa_state_e state, const char *reason,
    int code);

/* The same in a unit of its own. */
void wa_life_move(wa_account_t *a, wa_state_e state, const char *reason,
    int code);

/* Puts the present view (after a change of settings, QR or name). */
void wa_life_put_view(wa_unit_t *u);

/* New reference: the public object as it is stored. */
json_t *wa_life_view(wa_account_t *a);

/* New reference: the account object of HTTP contract 4.1, for events.  It
   shows no QR code: those have events of their own. */
json_t *wa_life_account(wa_account_t *a);

/* The connection ended by itself: what now? */
void wa_life_conn_lost(wa_account_t *a, const char *why);

/* The connection is up, but the server is not there: CONNECTING at once,
   though not for ever, and account.degraded. */
void wa_life_deaf(wa_account_t *a, const char *why);

/* The server wants a new connection (515): at once, but not for ever. */
void wa_life_restart(wa_account_t *a);

/* Reconnect at once, or after at least `min_ms` with backoff. */
void wa_life_redial(wa_account_t *a);
void wa_life_redial_later(wa_account_t *a, wa_time_t min_ms);

/* Ends in `state`; no reconnect until an operator asks. */
void wa_life_give_up(wa_account_t *a, wa_state_e state, const char *reason,
    int code);

/*
 * Ends in ERROR until a time (unix ms), which survives restarts; then it is
 * tried again.  0: no end is known, as wa_life_give_up().
 */
void wa_life_wait(wa_account_t *a, const char *reason, int code,
    int64_t until_ms);

/* The same, and the account is restricted for so long. */
void wa_life_ban(wa_account_t *a, const char *reason, int code,
    int64_t until_ms);

/* The server revoked the link: credentials are replaced by fresh ones. */
void wa_life_logged_out(wa_account_t *a, const char *reason);

/* Login ended well; messages that waited at the server come in. */
void wa_life_loading(wa_account_t *a);
void wa_life_ready(wa_account_t *a);

/* From now on the server may tell of those messages; one that says nothing of
   them for 5 s has none. */
void wa_life_listen(wa_account_t *a);

/* It told of them: READY comes with their end, or 30 s after the login. */
void wa_life_queued(wa_account_t *a);

void wa_life_expire(wa_account_t *a);
wa_time_t wa_life_deadline(const wa_account_t *a);

/* No reconnect any more (handover). */
void wa_life_quiesce(wa_account_t *a);

/* All commands but WA_OP_SEND. */
void wa_life_command(wa_account_t *a, const wa_cmd_t *cmd);

/* Begins an event: one value, "data", and the closing brace follow. */
void wa_life_envelope(wa_account_t *a, const char *type, wa_jw_t *w);

/* True while a command takes the account away (delete, logout). */
bool wa_life_leaving(const wa_account_t *a);

size_t wa_life_footprint(const wa_account_t *a);

#endif /* WA_LIFE_H */
