/*
 * Linking with a passkey, see wa_passkey.h.
 */
#include <stdio.h>

#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_pair.h"
#include "wa_passkey.h"
#include "wa_query.h"
#include "wa_receipt.h"
#include "wa_shortcake.h"


/* For both stages together, when the challenge says nothing else. */
#define PASSKEY_LIFE_MS      300000

/* The handoff key serves for five minutes (whatsmeow). */
#define PASSKEY_HANDOFF_MS   300000

#define PASSKEY_OPTIONS_MAX    16384    /* bytes */
#define PASSKEY_ASSERTION_MAX  16384
#define PASSKEY_CREDENTIAL_MAX 1364     /* base64url of 1023 bytes         */

/* DeviceProps.PlatformType, as in the client payload: Chrome. */
#define PASSKEY_DEVICE         1


struct wa_passkey_s {
    uint32_t    generation;             /* the connection it belongs to    */
    json_t     *options;                /* what the authenticator is asked */
    bool        sent;                   /* the prologue was taken          */
    bool        confirm;                /* the code is there               */
    bool        busy;                   /* an answer is on its way         */
    uint8_t     handoff[32];
    wa_time_t   handoff_until;
    uint8_t     ephemeral_priv[32];
    uint8_t     nonce[32];
    uint8_t     key[32];
    char        ref[WA_SHORTCAKE_REF];
    size_t      ref_len;
    char        code[WA_SHORTCAKE_CODE];
    wa_time_t   expires_at;
    int64_t     expires_ms;
};

/* Task of an answer. */
typedef struct {
    wa_query_t   query;
    uint32_t     generation;
    wa_span_t    credential;            /* its id, bytes                   */
    wa_span_t    assertion;             /* JSON                            */
} passkey_work_t;


static void passkey_begin(wa_account_t *a, wa_span_t options);
static void passkey_fetched(wa_task_t *t, wa_err_t rc);
static void passkey_confirm(wa_account_t *a, const wa_cmd_t *cmd);
static void passkey_ref(wa_task_t *t, wa_err_t rc);
static void passkey_taken(wa_task_t *t, wa_err_t rc);
static void passkey_confirmed(wa_task_t *t, wa_err_t rc);
static void passkey_opened(wa_task_t *t, wa_err_t rc);


/* NULL: nothing is pending on this connection. */
static wa_passkey_t *
passkey_of(const wa_account_t *a)
{
    return a->passkey != NULL
           && a->passkey->generation == wa_conn_generation(a)
           ? a->passkey : NULL;
}


bool
wa_passkey_pending(const wa_account_t *a)
{
    return passkey_of(a) != NULL;
}


void
wa_passkey_free(wa_account_t *a)
{
    wa_passkey_t  *p;

    p = a->passkey;

    if (p != NULL) {
        json_decref(p->options);
        wa_wipe(p, sizeof(*p));
        wa_free(p);
        a->passkey = NULL;
    }
}


static const char *
passkey_stage(const wa_passkey_t *p)
{
    return p->confirm ? "confirm" : "challenge";
}


void
wa_passkey_event(wa_unit_t *u)
{
    char           iso[32];
    wa_passkey_t  *p;

    p = passkey_of(wa_unit_account(u));

    if (p != NULL) {
        (void) wa_unit_event(u, "session.passkey",
            json_pack("{s:s, s:s, s:s*}", "stage", passkey_stage(p),
                      "expires_at", wa_iso_time(p->expires_ms, iso),
                      "code", p->confirm ? p->code : NULL));
    }
}


/* -- the server asks ----------------------------------------------------- */

static void
passkey_ack(wa_task_t *t)
{
    wa_unit_t  *u;

    u = wa_unit_new(t->account);
    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    (void) wa_unit_commit(u, NULL);
}


/* The options come along, or are to be asked for. */
void
wa_passkey_request(wa_task_t *t)
{
    wa_err_t       rc;
    wa_span_t      options;
    wa_node_t     *iq;
    wa_task_t     *fetch;
    wa_account_t  *a;

    a = t->account;
    passkey_ack(t);
    options = wa_node_child_content(t->stanza, "passkey_request_options");

    if (a->creds->linked) {
        wa_task_end(t, WA_OK);
        return;
    }

    if (options.n > 0) {
        passkey_begin(a, options);
        wa_task_end(t, WA_OK);
        return;
    }

    fetch = wa_task_new(a, "passkey options", passkey_fetched);

    if (fetch != NULL) {
        iq = wa_node_iq(&fetch->arena, "get", "md");
        wa_node_add_new(&fetch->arena, iq, "passkey_request_options");
        rc = wa_task_iq(fetch, iq);

        if (rc != WA_AGAIN) {
            wa_task_end(fetch, rc);
        }
    }

    wa_task_end(t, WA_OK);
}


static void
passkey_fetched(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;

    if (rc == WA_OK) {
        passkey_begin(a, wa_node_child_content(t->answer,
                                               "passkey_request_options"));

    } else if (rc != WA_ERR_GONE && !a->creds->linked) {
        wa_log(a, WA_LOG_WARN, "WhatsApp wants a passkey and does not say "
               "which: %s", wa_err_name(rc));
        u = wa_unit_new(a);
        wa_life_set(u, wa_life_state(a), "WhatsApp wants a passkey and does "
                    "not say which", 0);
        (void) wa_unit_commit(u, NULL);
    }

    wa_task_end(t, rc);
}


static void
passkey_begin(wa_account_t *a, wa_span_t options)
{
    json_t        *v;
    wa_unit_t     *u;
    wa_passkey_t  *p;

    v = options.n > PASSKEY_OPTIONS_MAX ? NULL
        : json_loadb((const char *) options.p, options.n, 0, NULL);

    if (!json_is_object(v) || a->creds->linked) {
        wa_log(a, WA_LOG_WARN, "the request for a passkey cannot be read");
        json_decref(v);
        return;
    }

    wa_passkey_free(a);
    p = wa_calloc(1, sizeof(wa_passkey_t));

    if (p == NULL
        || wa_shortcake_handoff(a->creds->adv_secret, p->handoff) != WA_OK)
    {
        json_decref(v);
        wa_free(p);
        return;
    }

    /* The secret that was in the QR code has done its work. */

    wa_account_random(a, a->creds->adv_secret, sizeof(a->creds->adv_secret));

    a->passkey = p;
    p->options = v;
    p->generation = wa_conn_generation(a);
    p->handoff_until = a->now + PASSKEY_HANDOFF_MS;
    p->expires_at = a->now + PASSKEY_LIFE_MS;
    p->expires_ms = wa_unix_ms(a) + PASSKEY_LIFE_MS;

    wa_pair_hide(a);
    wa_pair_renew(a);
    u = wa_unit_new(a);
    (void) wa_creds_save(u);
    wa_life_set(u, WA_STATE_PASSKEY, NULL, 0);
    (void) wa_unit_commit(u, NULL);
}


/* -- the person answers -------------------------------------------------- */

static void
passkey_none(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_account_reply(a, cmd->id, "RESOURCE_NOT_FOUND",
                     "No passkey is asked for", NULL);
}


/* "rpId" of the options, or of their "publicKey". */
static json_t *
passkey_member(const wa_passkey_t *p, const char *name)
{
    json_t  *v;

    v = json_object_get(p->options, name);

    return v != NULL ? v : json_object_get(json_object_get(p->options,
                                                           "publicKey"),
                                           name);
}


void
wa_passkey_get(wa_account_t *a, const wa_cmd_t *cmd)
{
    char           iso[32];
    wa_passkey_t  *p;

    p = passkey_of(a);

    if (p == NULL) {
        passkey_none(a, cmd);
        return;
    }

    wa_account_reply(a, cmd->id, NULL, NULL,
        json_pack("{s:s, s:O?, s:O, s:s?, s:s}", "stage", passkey_stage(p),
                  "rp_id", passkey_member(p, "rpId"),
                  "challenge", p->options,
                  "code", p->confirm ? p->code : NULL,
                  "expires_at", wa_iso_time(p->expires_ms, iso)));
}


/* Its id, which is base64url; p NULL: no assertion. */
static wa_span_t
passkey_credential(const json_t *assertion)
{
    wa_span_t  id;

    id = wa_query_arg(assertion, "rawId");

    if (id.n == 0) {
        id = wa_query_arg(assertion, "id");
    }

    return id.n <= PASSKEY_CREDENTIAL_MAX
           && json_is_object(json_object_get(assertion, "response"))
           ? id : wa_span_none();
}


/* Copies what is sent: the id as bytes, the whole as JSON. */
static wa_err_t
passkey_copy(wa_task_t *t, const json_t *assertion)
{
    char            *text;
    wa_err_t         rc;
    wa_buf_t         id = WA_BUF_EMPTY;
    passkey_work_t  *work;

    work = t->data;
    rc = wa_b64_decode(passkey_credential(assertion), WA_B64_URL, &id);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&id),
                               &work->credential);
    }

    wa_buf_free(&id);
    text = (rc == WA_OK) ? json_dumps(assertion, JSON_COMPACT) : NULL;

    if (text == NULL) {
        return rc == WA_OK ? WA_ERR_NOMEM : rc;
    }

    rc = wa_arena_dup_span(&t->arena, wa_span_str(text), &work->assertion);
    free(text);

    return rc;
}


void
wa_passkey_answer(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t         rc;
    wa_node_t       *iq;
    wa_task_t       *t;
    wa_passkey_t    *p;
    passkey_work_t  *work;
    json_t          *assertion;

    p = passkey_of(a);

    if (p == NULL) {
        passkey_none(a, cmd);
        return;
    }

    if (json_is_true(json_object_get(cmd->args, "confirm"))) {
        passkey_confirm(a, cmd);
        return;
    }

    assertion = json_object_get(cmd->args, "assertion");

    if (passkey_credential(assertion).n == 0
        || json_dumpb(assertion, NULL, 0, JSON_COMPACT)
           > PASSKEY_ASSERTION_MAX)
    {
        wa_account_reply(a, cmd->id, "VALIDATION_ERROR",
                         "assertion: is not a PublicKeyCredential", NULL);
        return;
    }

    if (p->busy || p->sent) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "An assertion was given already", NULL);
        return;
    }

    t = wa_query_task(a, cmd, "passkey", passkey_ref,
                      sizeof(passkey_work_t));

    if (t == NULL) {
        return;
    }

    work = t->data;
    work->generation = p->generation;
    rc = passkey_copy(t, assertion);

    if (rc != WA_OK) {
        wa_query_refuse(t, "VALIDATION_ERROR",
                        "assertion: its id is not base64url");
        return;
    }

    p->busy = true;

    iq = wa_node_iq(&t->arena, "get", "md");
    wa_node_add_new(&t->arena, iq, "ref");
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        passkey_ref(t, rc);
    }
}


/* Ends the task of an answer that did not get through. */
static void
passkey_failed(wa_task_t *t, wa_err_t rc)
{
    wa_passkey_t    *p;
    passkey_work_t  *work;

    work = t->data;
    p = passkey_of(t->account);

    if (p != NULL && p->generation == work->generation) {
        p->busy = false;
    }

    wa_query_failed(t, rc);
}


static wa_node_t *
passkey_iq(wa_task_t *t, const char *tag, wa_node_t **iq)
{
    *iq = wa_node_iq(&t->arena, "set", "md");

    return wa_node_add_new(&t->arena, *iq, tag);
}


static wa_err_t
passkey_add(wa_task_t *t, wa_node_t *to, const char *tag, wa_span_t bytes)
{
    wa_err_t   rc;
    wa_span_t  copy;

    rc = wa_arena_dup_span(&t->arena, bytes, &copy);

    if (rc == WA_OK) {
        wa_node_bytes(wa_node_add_new(&t->arena, to, tag), copy);
    }

    return rc;
}




/* Our ephemeral key and the commitment, with the proof while it is good. */
static wa_err_t
passkey_add_payload(wa_task_t *t, wa_node_t *to, wa_passkey_t *p)
{
    uint8_t        pub[32], proof[32];
    wa_err_t       rc;
    wa_buf_t       payload = WA_BUF_EMPTY;
    wa_account_t  *a;

    a = t->account;
    wa_account_random(a, p->nonce, sizeof(p->nonce));
    wa_account_random(a, p->ephemeral_priv, sizeof(p->ephemeral_priv));
    wa_creds_clamp(p->ephemeral_priv);
    rc = wa_x25519_public(pub, p->ephemeral_priv);

    if (rc == WA_OK) {
        rc = wa_shortcake_prologue(pub, PASSKEY_DEVICE,
                                   wa_span(p->ref, p->ref_len), p->nonce,
                                   &payload);
    }

    if (rc == WA_OK) {
        rc = passkey_add(t, to, "prologue_payload", wa_span_buf(&payload));
    }

    if (rc == WA_OK && a->now < p->handoff_until) {
        rc = wa_shortcake_proof(p->handoff, wa_span_buf(&payload), proof);

        if (rc == WA_OK) {
            rc = passkey_add(t, to, "pairing_handoff_proof",
                             wa_span(proof, sizeof(proof)));
        }
    }

    wa_buf_free(&payload);

    return rc;
}


static void
passkey_ref(wa_task_t *t, wa_err_t rc)
{
    wa_span_t        ref;
    wa_node_t       *iq, *prologue;
    wa_passkey_t    *p;
    passkey_work_t  *work;

    work = t->data;
    p = passkey_of(t->account);

    if (rc == WA_OK && p == NULL) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        ref = wa_node_child_content(t->answer, "ref");
        rc = (ref.n == 0 || ref.n > sizeof(p->ref)) ? WA_ERR_SYNTAX : WA_OK;
    }

    if (rc != WA_OK) {
        passkey_failed(t, rc);
        return;
    }

    memcpy(p->ref, ref.p, ref.n);
    p->ref_len = ref.n;

    prologue = passkey_iq(t, "passkey_prologue", &iq);
    rc = passkey_add(t, prologue, "credential_id", work->credential);

    if (rc == WA_OK) {
        rc = passkey_add(t, prologue, "webauthn_assertion", work->assertion);
    }

    if (rc == WA_OK) {
        rc = passkey_add_payload(t, prologue, p);
    }

    if (rc == WA_OK) {
        t->resume = passkey_taken;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        passkey_failed(t, rc);
    }
}


static void
passkey_taken(wa_task_t *t, wa_err_t rc)
{
    wa_passkey_t  *p;

    p = passkey_of(t->account);

    if (rc == WA_OK && p == NULL) {
        rc = WA_ERR_GONE;
    }

    if (rc != WA_OK) {
        passkey_failed(t, rc);
        return;
    }

    p->busy = false;
    p->sent = true;
    wa_query_done(t, json_pack("{s:b, s:s}", "success", 1, "stage",
                               passkey_stage(p)));
}


/* -- the phone's part, and the confirmation ------------------------------ */

void
wa_passkey_continuation(wa_task_t *t)
{
    uint8_t        pub[32], nonce[32];
    wa_err_t       rc;
    wa_node_t     *iq, *n;
    wa_task_t     *next;
    wa_account_t  *a;
    wa_passkey_t  *p;

    a = t->account;
    p = passkey_of(a);
    passkey_ack(t);

    if (p == NULL || p->ref_len == 0 || p->confirm) {
        wa_task_end(t, WA_OK);
        return;
    }

    rc = wa_shortcake_primary(wa_node_child_content(t->stanza,
                                  "primary_ephemeral_identity"), pub, nonce);

    if (rc == WA_OK) {
        rc = wa_shortcake_key(p->ephemeral_priv, pub, PASSKEY_DEVICE,
                              wa_span(p->ref, p->ref_len), p->key);
    }

    if (rc == WA_OK) {
        rc = wa_shortcake_code(p->nonce, pub, nonce, p->code);
    }

    next = (rc == WA_OK) ? wa_task_new(a, "passkey nonce", passkey_opened)
                         : NULL;

    if (next == NULL) {
        wa_log(a, WA_LOG_WARN, "the phone's answer to the passkey cannot be "
               "used: %s", wa_err_name(rc));
        wa_task_end(t, WA_OK);
        return;
    }

    n = passkey_iq(next, "companion_nonce", &iq);
    wa_node_bytes(n, wa_span(p->nonce, sizeof(p->nonce)));
    rc = wa_task_iq(next, iq);

    if (rc != WA_AGAIN) {
        wa_task_end(next, rc);
    }

    wa_task_end(t, WA_OK);
}


/* The phone has our nonce: now both show the same code. */
static void
passkey_opened(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t     *u;
    wa_account_t  *a;
    wa_passkey_t  *p;

    a = t->account;
    p = passkey_of(a);

    if (rc == WA_OK && p != NULL) {
        p->confirm = true;
        u = wa_unit_new(a);
        wa_life_put_view(u);

        if (u != NULL) {
            wa_passkey_event(u);
        }

        (void) wa_unit_commit(u, NULL);

    } else if (p != NULL) {
        wa_log(a, WA_LOG_WARN, "the passkey did not serve: %s %u",
               wa_err_name(rc), (unsigned) t->iq_code);
        p->sent = false;
    }

    wa_task_end(t, rc);
}


static void
passkey_confirm(wa_account_t *a, const wa_cmd_t *cmd)
{
    uint8_t          iv[12];
    wa_err_t         rc;
    wa_buf_t         request = WA_BUF_EMPTY;
    wa_span_t        bytes;
    wa_node_t       *iq, *n;
    wa_task_t       *t;
    wa_passkey_t    *p;
    passkey_work_t  *work;

    p = passkey_of(a);

    if (!p->confirm || p->busy) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "There is nothing to confirm yet", NULL);
        return;
    }

    t = wa_query_task(a, cmd, "passkey", passkey_confirmed,
                      sizeof(passkey_work_t));

    if (t == NULL) {
        return;
    }

    work = t->data;
    work->generation = p->generation;
    p->busy = true;
    wa_account_random(a, iv, sizeof(iv));
    n = passkey_iq(t, "encrypted_pairing_request", &iq);
    rc = wa_shortcake_request(p->key, iv, a->creds->noise.pub,
                              a->creds->identity.pub, a->creds->adv_secret,
                              &request);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&t->arena, wa_span_buf(&request), &bytes);
    }

    if (rc == WA_OK) {
        wa_node_bytes(n, bytes);
        rc = wa_task_iq(t, iq);
    }

    wa_buf_wipe(&request);

    if (rc != WA_AGAIN) {
        passkey_failed(t, rc);
    }
}


static void
passkey_confirmed(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        passkey_failed(t, rc);
        return;
    }

    wa_query_done(t, json_pack("{s:b, s:s}", "success", 1, "stage",
                               "confirm"));
}


/* -- time ---------------------------------------------------------------- */

void
wa_passkey_expire(wa_account_t *a)
{
    wa_passkey_t  *p;

    p = passkey_of(a);

    if (p == NULL || a->now < p->expires_at) {
        return;
    }

    wa_log(a, WA_LOG_INFO, "the passkey did not come in time");
    wa_passkey_free(a);
    wa_conn_close(a);
    wa_life_redial(a);
}


wa_time_t
wa_passkey_deadline(const wa_account_t *a)
{
    const wa_passkey_t  *p;

    p = passkey_of(a);

    return p == NULL ? -1 : p->expires_at;
}
