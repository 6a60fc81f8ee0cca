/*
 * What wa_signal.c (operations) and wa_signal_store.c (libsignal's view of
 * us) share.  One operation runs at a time per engine; it is found through
 * the engine, so one store context serves all accounts.
 */
#ifndef WA_SIGNAL_INT_H
#define WA_SIGNAL_INT_H

#include <signal/signal_protocol.h>

#include "wa_account_int.h"
#include "wa_signal.h"


/* "ident/" + user + suffix + device + NUL, with room. */
#define WA_SIGNAL_NAME_LEN  96

/* "skey/" + room + "/" + address + NUL. */
#define WA_SIGNAL_SKEY_LEN  200

typedef struct {
    wa_account_t            *account;
    wa_unit_t               *unit;          /* NULL: nothing may change    */
    signal_protocol_address  address;       /* name points to `user`       */
    char                     user[WA_SIGNAL_NAME_LEN];
    char                     sess[WA_SIGNAL_NAME_LEN];
    char                     ident[WA_SIGNAL_NAME_LEN];
    char                     skey[WA_SIGNAL_SKEY_LEN]; /* wa_signal_group.c */
    bool                     identity_changed;
    bool                     ours;          /* its session is of this era  */
    wa_err_t                 err;           /* our own, seen in a callback */
} wa_signal_op_t;

typedef struct wa_signal_s {
    signal_context                 *context;
    signal_protocol_store_context  *store;
    wa_signal_op_t                 *op;     /* the running one             */
} wa_signal_t;

/* Installs the callbacks; WA_ERR_NOMEM. */
wa_err_t wa_signal_store_install(wa_signal_t *s);

/* The record's value, p NULL: absent.  Not in memory: WA_ERR_STATE. */
wa_err_t wa_signal_record(wa_account_t *a, const char *name,
    wa_span_t *value);

/* wa_signal_state.c: whether a session or sender key may be written with. */
bool wa_signal_of_era(const wa_account_t *a, wa_span_t value);

/* Stages a session or sender key; `ours`: it is of this era. */
wa_err_t wa_signal_put(const wa_signal_op_t *op, const char *name,
    wa_span_t record, bool ours);

/* Two states of a record go on with the same session. */
bool wa_signal_same(const wa_signal_op_t *op, wa_span_t before,
    wa_span_t after);

/* What libsignal answered, as one of ours. */
wa_err_t wa_signal_code(int code);

#endif /* WA_SIGNAL_INT_H */
