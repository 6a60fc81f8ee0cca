/*
 * A new era, see wa_mend.h.  It counts in memory from the first moment; in
 * the store with one unit, which also takes the mark away that the host may
 * have left.  Without that unit the next load finds the same and begins
 * again.
 */
#include "wa_mend.h"

#include "wa_creds.h"
#include "wa_out.h"
#include "wa_prekey.h"
#include "wa_task_int.h"


typedef struct {
    void      (*then)(wa_account_t *a);
} mend_t;


static void mend_keys(wa_task_t *t, wa_err_t rc);
static void mend_done(wa_task_t *t, wa_err_t rc);


void
wa_mend_start(wa_account_t *a, void (*then)(wa_account_t *a))
{
    mend_t     *d;
    wa_key_t    key;
    wa_err_t    rc;
    wa_task_t  *t;

    wa_log(a, WA_LOG_WARN, "the store has forgotten what it had confirmed: "
           "sessions and keys are made anew");

    do {
        wa_account_random(a, (uint8_t *) &a->creds->era,
                          sizeof(a->creds->era));
    } while (a->creds->era == 0);

    t = wa_task_new(a, "mend", mend_keys);
    d = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, sizeof(mend_t));

    if (d == NULL) {
        wa_outq_gone(a, WA_GONE_RELOAD);
        return;
    }

    d->then = then;
    t->data = d;
    key.name = wa_span_str(WA_PREKEY_RECORD);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        mend_keys(t, rc);
    }
}


static void
mend_keys(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;

    if (rc == WA_OK) {
        u = wa_unit_new(a);
        t->resume = mend_done;

        rc = wa_prekey_renew(u);

        if (rc != WA_OK) {
            wa_unit_fail(u, rc);
        }

        (void) wa_creds_save(u);
        (void) wa_unit_del(u, WA_RECORD_BEHIND, 0);
        rc = wa_task_commit(t, u);
    }

    if (rc != WA_AGAIN) {
        mend_done(t, rc);
    }
}


static void
mend_done(wa_task_t *t, wa_err_t rc)
{
    mend_t         d;
    wa_account_t  *a;

    a = t->account;
    d = *(mend_t *) t->data;
    wa_task_end(t, rc);

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_ERROR, "its keys cannot be made anew: %s",
               wa_err_name(rc));
        wa_outq_gone(a, WA_GONE_RELOAD);
        return;
    }

    if (wa_account_online(a)) {
        wa_prekey_after_login(a);
    }

    if (d.then != NULL) {
        d.then(a);
    }
}
