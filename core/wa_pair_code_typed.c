/*
 * The code was typed into the phone: what it sends, and what it gets.
 */
#include "wa_conn.h"
#include "wa_life.h"
#include "wa_pair_code_int.h"
#include "wa_receipt.h"


/* A code is good for a few attempts (zapo). */
#define CODE_HELLOS  3


static void code_typed(wa_account_t *a, const wa_node_t *reg);
static void code_opened(wa_task_t *t, wa_err_t rc);
static void code_stored(wa_task_t *t, wa_err_t rc);
static void code_finished(wa_task_t *t, wa_err_t rc);


void
wa_pair_code_notification(wa_task_t *t)
{
    wa_unit_t        *u;
    wa_account_t     *a;
    const wa_node_t  *reg;
    wa_pair_code_t   *c;

    a = t->account;
    c = a->pair_code;
    reg = wa_node_child(t->stanza, "link_code_companion_reg");

    u = wa_unit_new(a);
    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    (void) wa_unit_commit(u, NULL);

    if (c != NULL && !a->creds->linked && c->shown && c->task == NULL) {

        if (wa_node_attr_is(reg, "stage", "primary_hello")) {
            code_typed(a, reg);

        } else if (wa_node_attr_is(reg, "stage", "refresh_code")
                   && !c->typed)
        {
            wa_log(a, WA_LOG_INFO, "the server wants another pairing code");
            wa_pair_code_begin(a);
        }
    }

    wa_task_end(t, WA_OK);
}


/* Some come without the keys (whatsmeow): they are waited for. */
static void
code_typed(wa_account_t *a, const wa_node_t *reg)
{
    wa_span_t        ref, wrapped, identity;
    wa_code_work_t      work;
    wa_pair_code_t  *c;

    c = a->pair_code;
    ref = wa_node_child_content(reg, "link_code_pairing_ref");
    identity = wa_node_child_content(reg, "primary_identity_pub");
    wrapped = wa_node_child_content(reg,
                  "link_code_pairing_wrapped_primary_ephemeral_pub");

    if (wrapped.n != WA_LINKCODE_WRAPPED || identity.n != 32
        || !wa_span_eq(ref, wa_span(c->ref, c->ref_len)))
    {
        wa_log(a, WA_LOG_INFO, "an incomplete answer to the pairing code");
        return;
    }

    if (c->hellos == CODE_HELLOS) {
        wa_log(a, WA_LOG_WARN, "the pairing code was tried too often");
        return;
    }

    c->hellos++;
    memset(&work, 0, sizeof(work));
    memcpy(work.wrapped, wrapped.p, sizeof(work.wrapped));
    memcpy(work.primary_identity, identity.p, 32);

    (void) wa_code_task(a, "pairing finish", code_opened, work.wrapped, &work);
}


/* The phone's key is known; the adv secret must be durable before the
   bundle leaves, as it verifies what comes back. */
static void
code_opened(wa_task_t *t, wa_err_t rc)
{
    uint8_t              random[76], primary[32];
    wa_unit_t           *u;
    wa_code_work_t         *work;
    wa_account_t        *a;
    wa_pair_code_t      *c;
    wa_linkcode_keys_t   k;

    a = t->account;
    work = t->data;

    if (wa_code_stale(t)) {
        wa_code_retire(t);
        return;
    }

    c = a->pair_code;

    if (rc == WA_OK) {
        rc = wa_linkcode_unwrap(t->key, work->wrapped, primary);
    }

    if (rc == WA_OK) {
        wa_account_random(a, random, sizeof(random));
        k.ephemeral_priv = c->ephemeral_priv;
        k.identity_priv = a->creds->identity.priv;
        k.identity_pub = a->creds->identity.pub;
        k.primary_ephemeral = primary;
        k.primary_identity = work->primary_identity;
        k.salt = random;
        k.nonce = random + 32;
        k.random = random + 44;
        rc = wa_linkcode_bundle(&k, work->bundle, a->creds->adv_secret);
        wa_wipe(random, sizeof(random));
    }

    if (rc == WA_OK) {
        c->typed = true;
        u = wa_unit_new(a);
        (void) wa_creds_save(u);
        t->resume = code_stored;
        rc = wa_task_commit(t, u);
    }

    if (rc != WA_AGAIN) {
        wa_log(a, WA_LOG_WARN, "the phone's answer to the pairing code is "
               "not valid: %s", wa_err_name(rc));
        c->typed = false;
        wa_code_end(t, rc);
    }
}


static void
code_stored(wa_task_t *t, wa_err_t rc)
{
    wa_node_t       *iq, *reg;
    wa_code_work_t  *work;
    wa_account_t    *a;
    wa_pair_code_t  *c;

    a = t->account;
    work = t->data;

    if (wa_code_stale(t)) {
        wa_code_retire(t);
        return;
    }

    c = a->pair_code;
    reg = wa_code_reg(t, "companion_finish", &iq);
    wa_code_bytes(t, reg, "link_code_pairing_wrapped_key_bundle",
               wa_span(work->bundle, sizeof(work->bundle)));
    wa_code_bytes(t, reg, "companion_identity_public",
               wa_span(a->creds->identity.pub, 32));
    wa_code_bytes(t, reg, "link_code_pairing_ref",
               wa_span(c->ref, c->ref_len));

    t->resume = code_finished;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        c->typed = false;
        wa_code_end(t, rc);
    }
}


/*
 * Taken: pair-success follows, unless the person mistyped; then the code
 * stays, as the phone lets him try again.
 */
static void
code_finished(wa_task_t *t, wa_err_t rc)
{
    wa_account_t    *a;
    wa_pair_code_t  *c;

    a = t->account;
    c = a->pair_code;

    if (wa_code_stale(t)) {
        wa_code_retire(t);
        return;
    }

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_WARN, "the pairing code did not serve: %s %u",
               wa_err_name(rc), (unsigned) t->iq_code);
        c->typed = false;
    }

    wa_code_end(t, rc);
}
