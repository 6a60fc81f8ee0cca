/*
 * Trusted-contact tokens on their way: those that contacts give us, and ours
 * to them.
 *
 *     issue_start      not under way already?
 *     issue_ask        due?  <iq xmlns=privacy><tokens><token jid t/>
 *     issue_given      the time is kept
 */
#include "wa_hashes.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_receipt.h"


typedef struct {
    wa_jid_t  jid;
    bool      again;                    /* with the time it had            */
    int64_t   at_s;
} issue_t;

typedef struct {
    wa_jid_t   from;                    /* whose token, as kept            */
    wa_span_t  token;
    int64_t    made_s;
} notice_t;


static void issue_start(wa_account_t *a, const wa_jid_t *jid, bool again);
static void issue_ask(wa_task_t *t, wa_err_t rc);
static wa_node_t *issue_iq(wa_task_t *t, const issue_t *d);
static void issue_given(wa_task_t *t, wa_err_t rc);
static void issue_keep(wa_task_t *t, wa_err_t rc);
static void issue_end(wa_task_t *t, wa_err_t rc);
static bool notice_parse(wa_task_t *t, notice_t *d, wa_jid_t *pn,
    wa_jid_t *lid);
static void notice_learnt(wa_task_t *t, wa_err_t rc);
static void notice_known(wa_task_t *t, wa_err_t rc);
static void notice_keep(wa_task_t *t, wa_err_t rc);


/* ---- ours ---- */

void
wa_privacy_issue(wa_account_t *a, const wa_send_t *s)
{
    if (s->issue) {
        issue_start(a, s->lid.server != WA_SERVER_NONE ? &s->lid : &s->pn,
                    false);
    }
}


void
wa_privacy_reissue(wa_account_t *a, const wa_jid_t *jid)
{
    issue_start(a, jid, true);
}


/* Many messages to one contact may be under way before the first token is. */
static void
issue_start(wa_account_t *a, const wa_jid_t *jid, bool again)
{
    size_t       i;
    issue_t     *d;
    wa_key_t     keys[WA_PRIVACY_KEYS];
    wa_err_t     rc;
    wa_task_t   *t;
    wa_sends_t  *ss;

    ss = wa_sends_get(a);

    if (ss == NULL || ss->n_issuing == WA_SEND_ISSUING) {
        return;
    }

    for (i = 0; i < ss->n_issuing; i++) {
        if (wa_jid_eq_bare(&ss->issuing[i], jid)) {
            return;
        }
    }

    t = wa_task_new(a, "privacy token", issue_ask);
    if (t == NULL) {
        return;
    }

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (ss->issuing == NULL) {
        ss->issuing = wa_calloc(WA_SEND_ISSUING, sizeof(wa_jid_t));
    }

    if (d == NULL || ss->issuing == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    d->jid = wa_jid_person(jid);
    d->again = again;
    t->data = d;
    ss->issuing[ss->n_issuing++] = d->jid;

    rc = wa_privacy_need(&d->jid, &t->arena, keys) == 0
         ? WA_ERR_NOMEM : wa_task_need(t, keys, 1);

    if (rc != WA_AGAIN) {
        issue_ask(t, rc);
    }
}


static void
issue_ask(wa_task_t *t, wa_err_t rc)
{
    int64_t      now_s;
    issue_t     *d;
    wa_node_t   *iq;
    wa_trust_t   trust;

    d = t->data;

    if (rc != WA_OK) {
        issue_end(t, rc);
        return;
    }

    now_s = wa_unix_s(t->account);
    wa_trust_get(t->account, &d->jid, &trust);
    d->at_s = d->again ? trust.issued_s : now_s;

    if (d->again ? !wa_tctoken_valid(trust.issued_s, now_s)
                 : !wa_tctoken_due(trust.issued_s, now_s))
    {
        issue_end(t, WA_OK);
        return;
    }

    iq = issue_iq(t, d);
    t->resume = issue_given;
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        issue_end(t, rc);
    }
}


static wa_node_t *
issue_iq(wa_task_t *t, const issue_t *d)
{
    wa_node_t   *iq, *token;
    wa_arena_t  *a;

    a = &t->arena;
    iq = wa_node_iq(a, "set", "privacy");

    token = wa_node_add_new(a, wa_node_add_new(a, iq, "tokens"), "token");
    wa_node_set_jid(a, token, "jid", &d->jid);
    wa_node_set_u64(a, token, "t", (uint64_t) d->at_s);
    wa_node_set_str(a, token, "type", "trusted_contact");

    return iq;
}


static void
issue_given(wa_task_t *t, wa_err_t rc)
{
    issue_t   *d;
    wa_key_t   keys[WA_PRIVACY_KEYS];

    d = t->data;

    if (rc != WA_OK || d->again) {
        issue_end(t, rc);
        return;
    }

    t->resume = issue_keep;
    rc = wa_privacy_need(&d->jid, &t->arena, keys) == 0
         ? WA_ERR_NOMEM : wa_task_need(t, keys, 1);

    if (rc != WA_AGAIN) {
        issue_keep(t, rc);
    }
}


static void
issue_keep(wa_task_t *t, wa_err_t rc)
{
    issue_t      *d;
    wa_unit_t    *u;
    wa_trust_t    trust;

    d = t->data;

    if (rc == WA_OK) {
        wa_trust_get(t->account, &d->jid, &trust);
        trust.issued_s = d->at_s;

        u = wa_unit_new(t->account);
        (void) wa_trust_put(u, &d->jid, &trust);
        wa_unit_set_patient(u);
        rc = wa_unit_commit(u, NULL);
    }

    issue_end(t, rc);
}


static void
issue_end(wa_task_t *t, wa_err_t rc)
{
    size_t       i;
    issue_t     *d;
    wa_sends_t  *ss;

    d = t->data;
    ss = t->account->sends;

    for (i = 0; i < ss->n_issuing; i++) {

        if (wa_jid_eq_bare(&ss->issuing[i], &d->jid)) {
            ss->issuing[i] = ss->issuing[--ss->n_issuing];
            break;
        }
    }

    if (ss->n_issuing == 0) {
        wa_free(ss->issuing);
        ss->issuing = NULL;
    }

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "privacy token not given: %s",
               wa_err_name(rc));
    }

    wa_task_end(t, rc);
}


/* ---- theirs ---- */

void
wa_privacy_notification(wa_task_t *t)
{
    wa_err_t   rc;
    wa_jid_t   pn, lid;
    notice_t  *d;

    d = wa_arena_calloc(&t->arena, 1, sizeof(*d));

    if (d == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = d;
    t->resume = notice_learnt;
    rc = notice_parse(t, d, &pn, &lid) ? wa_lid_learn(t, &pn, &lid) : WA_OK;

    if (rc != WA_AGAIN) {
        notice_learnt(t, rc);
    }
}


/*
 * <tokens><token type=trusted_contact t>bytes</token></tokens>.  The token's
 * own jid, if it has one, is ours.  True: both addresses of the contact are
 * there to be learnt.
 */
static bool
notice_parse(wa_task_t *t, notice_t *d, wa_jid_t *pn, wa_jid_t *lid)
{
    const wa_node_t  *token;

    if (!wa_node_attr_jid(t->stanza, "from", &d->from)
        || !wa_jid_is_user(&d->from))
    {
        d->from.server = WA_SERVER_NONE;
        return false;
    }

    d->from = wa_jid_person(&d->from);
    token = wa_node_child(wa_node_child(t->stanza, "tokens"), "token");

    for ( /* void */ ; token != NULL; token = wa_node_sibling(token, "token"))
    {
        if (wa_node_attr_is(token, "type", "trusted_contact")
            && wa_node_content(token).n > 0
            && wa_node_content(token).n <= WA_TRUST_TOKEN_MAX
            && wa_node_attr_i64(token, "t", &d->made_s) && d->made_s > 0)
        {
            d->token = wa_node_content(token);
            break;
        }
    }

    if (!wa_jid_is_pn(&d->from)
        || !wa_node_attr_jid(t->stanza, "sender_lid", lid)
        || !wa_jid_is_lid(lid))
    {
        return false;
    }

    *pn = d->from;
    *lid = wa_jid_person(lid);

    return true;
}


/* A number whose LID is known without the stanza saying so, too. */
static void
notice_learnt(wa_task_t *t, wa_err_t rc)
{
    wa_key_t   key;
    notice_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_log(t->account, WA_LOG_INFO, "privacy token: pair not learnt: %s",
               wa_err_name(rc));
    }

    if (d->token.n == 0) {
        notice_keep(t, WA_OK);
        return;
    }

    t->resume = notice_known;
    rc = wa_lid_need(&d->from, &t->arena, &key) == 0
         ? WA_ERR_NOMEM : wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        notice_known(t, rc);
    }
}


static void
notice_known(wa_task_t *t, wa_err_t rc)
{
    wa_key_t   keys[WA_PRIVACY_KEYS];
    notice_t  *d;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    wa_lid_prefer(t->account, &d->from);

    t->resume = notice_keep;
    rc = wa_privacy_need(&d->from, &t->arena, keys) == 0
         ? WA_ERR_NOMEM : wa_task_need(t, keys, 1);

    if (rc != WA_AGAIN) {
        notice_keep(t, rc);
    }
}


/* An older one than we have is only acknowledged. */
static void
notice_keep(wa_task_t *t, wa_err_t rc)
{
    notice_t     *d;
    wa_unit_t    *u;
    wa_trust_t    trust;

    d = t->data;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    u = wa_unit_new(t->account);

    if (d->token.n > 0) {
        wa_trust_get(t->account, &d->from, &trust);

        if (d->made_s >= trust.received_s) {
            trust.received_s = d->made_s;
            trust.token = d->token;
            (void) wa_trust_put(u, &d->from, &trust);
        }
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}
