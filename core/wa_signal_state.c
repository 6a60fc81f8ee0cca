/*
 * What a session tells about its owner, see wa_signal.h; and of which era it
 * is, see wa_mend.h.
 *
 * The era follows the record as a field that libsignal's own format does not
 * have and passes over: number 15, four bytes.
 */
#include <signal/curve.h>
#include <signal/session_record.h>
#include <signal/session_state.h>

#include "wa_signal_int.h"


#define STATE_ERA_TAG  (15 << 3 | 5)
#define STATE_ERA_LEN  5


static void
state_era(const wa_account_t *a, uint8_t out[STATE_ERA_LEN])
{
    size_t  i;

    out[0] = STATE_ERA_TAG;

    for (i = 1; i < STATE_ERA_LEN; i++) {
        out[i] = (uint8_t) (a->creds->era >> (8 * (i - 1)));
    }
}


bool
wa_signal_of_era(const wa_account_t *a, wa_span_t value)
{
    uint8_t  era[STATE_ERA_LEN];

    if (a->creds == NULL || a->creds->era == 0) {
        return true;
    }

    state_era(a, era);

    return value.p != NULL && value.n > sizeof(era)
           && memcmp(value.p + value.n - sizeof(era), era, sizeof(era)) == 0;
}


wa_err_t
wa_signal_put(const wa_signal_op_t *op, const char *name, wa_span_t record,
    bool ours)
{
    uint8_t    era[STATE_ERA_LEN];
    wa_err_t   rc;
    wa_buf_t   value = WA_BUF_EMPTY;

    if (op->account->creds == NULL || op->account->creds->era == 0 || !ours) {
        return wa_unit_put(op->unit, name, 0, record);
    }

    state_era(op->account, era);
    rc = wa_buf_append_span(&value, record);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&value, wa_span(era, sizeof(era)));
    }

    if (rc == WA_OK) {
        rc = wa_unit_put(op->unit, name, 0, wa_span_buf(&value));
    }

    wa_buf_wipe(&value);

    return rc;
}


static session_record *
state_read(const wa_signal_op_t *op, wa_span_t value)
{
    session_record  *record;

    return session_record_deserialize(&record, value.p, value.n,
                                      op->account->engine->signal->context)
           == SG_SUCCESS ? record : NULL;
}


bool
wa_signal_same(const wa_signal_op_t *op, wa_span_t before, wa_span_t after)
{
    bool             same;
    session_record  *old, *new;
    ec_public_key   *a, *b;

    old = state_read(op, before);
    new = state_read(op, after);
    same = false;

    if (old != NULL && new != NULL) {
        a = session_state_get_alice_base_key(session_record_get_state(old));
        b = session_state_get_alice_base_key(session_record_get_state(new));
        same = a != NULL && b != NULL && ec_public_key_compare(a, b) == 0;
    }

    SIGNAL_UNREF(old);
    SIGNAL_UNREF(new);

    return same;
}


bool
wa_signal_answered(wa_account_t *a, const wa_jid_t *jid)
{
    bool             answered;
    char             address[WA_SIGNAL_NAME_LEN];
    char             name[WA_SIGNAL_NAME_LEN + sizeof("sess/")];
    wa_span_t        value;
    session_state   *state;
    session_record  *record;

    if (wa_jid_signal_address(jid, address, sizeof(address)) == 0) {
        return false;
    }

    (void) snprintf(name, sizeof(name), "sess/%s", address);

    if (wa_signal_record(a, name, &value) != WA_OK || value.p == NULL
        || session_record_deserialize(&record, value.p, value.n,
                                      a->engine->signal->context)
           != SG_SUCCESS)
    {
        return false;
    }

    state = session_record_get_state(record);
    answered = session_state_has_sender_chain(state)
               && session_state_has_unacknowledged_pre_key_message(state)
                  == 0;
    SIGNAL_UNREF(record);

    return answered;
}
