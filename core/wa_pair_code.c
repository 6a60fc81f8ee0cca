/*
 * Linking by code, see wa_pair_code.h: asking for a code, showing it, the end
 * of it.
 */
#include <stdio.h>

#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_pair.h"
#include "wa_pair_code_int.h"
#include "wa_query.h"


/* A code is good for three minutes (zapo). */
#define CODE_LIFE_MS      180000

/* A caller is answered after this at the latest. */
#define CODE_ANSWER_MS    25000

#define CODE_NUMBER_MAX   20

/* Who we say we are: a browser and a system that exist, or the server
   answers 400; the same browser as in the QR code and DeviceProps. */
#define CODE_PLATFORM     "1"
#define CODE_DISPLAY      "Chrome (Linux)"


static void code_stretched(wa_task_t *t, wa_err_t rc);
static void code_answered(wa_task_t *t, wa_err_t rc);
static void code_failed(wa_account_t *a, wa_err_t rc, uint32_t code);


static bool
code_number(wa_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }

    return text.n >= 5 && text.n <= CODE_NUMBER_MAX;
}


static wa_pair_code_t *
code_get(wa_account_t *a)
{
    if (a->pair_code == NULL) {
        a->pair_code = wa_calloc(1, sizeof(wa_pair_code_t));
    }

    return a->pair_code;
}


/* Forgets the code, not who waits for one. */
static void
code_clear(wa_pair_code_t *c)
{
    wa_wipe(c->code, sizeof(c->code));
    wa_wipe(c->ephemeral_priv, sizeof(c->ephemeral_priv));
    c->ref_len = 0;
    c->hellos = 0;
    c->shown = false;
    c->typed = false;
    c->expires_at = 0;
}


void
wa_pair_code_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_span_t        number;
    wa_unit_t       *u;
    wa_pair_code_t  *c;

    number = wa_query_arg(cmd->args, "phone_number");

    if (!code_number(number)) {
        wa_account_reply(a, cmd->id, "INVALID_RECIPIENT",
                         "phone_number is not a phone number", NULL);
        return;
    }

    if (a->creds->linked || wa_life_leaving(a)) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "The account is linked already",
                         json_pack("{s:s}", "state",
                                   wa_state_name(wa_life_state(a))));
        return;
    }

    c = code_get(a);

    if (c != NULL && (c->asked || c->typed)) {
        wa_account_reply(a, cmd->id, "INVALID_STATE",
                         "A code is being made or used at this moment",
                         NULL);
        return;
    }

    if (c == NULL
        || json_object_set(a->life->meta, WA_PAIR_PHONE,
                           json_object_get(cmd->args, "phone_number")) != 0)
    {
        wa_account_reply(a, cmd->id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
        return;
    }

    wa_pair_code_pause(a);
    c->asked = true;
    c->notify = true;
    c->cmd_id = cmd->id;
    c->answer_by = a->now + CODE_ANSWER_MS;

    u = wa_unit_new(a);
    wa_life_put_meta(u);
    (void) wa_unit_commit(u, NULL);

    wa_pair_renew(a);
    wa_pair_code_begin(a);

    if (wa_conn_generation(a) == 0) {
        a->life->attempts = 0;
        wa_life_redial(a);
    }
}


bool
wa_pair_code_wanted(const wa_account_t *a)
{
    return !a->creds->linked && wa_meta_str(a, WA_PAIR_PHONE)[0] != '\0';
}


void
wa_pair_code_given(wa_account_t *a)
{
    wa_pair_code_t  *c;

    c = wa_pair_code_wanted(a) ? code_get(a) : NULL;

    if (c != NULL) {
        c->notify = true;
    }
}


bool
wa_pair_code_busy(const wa_account_t *a)
{
    const wa_pair_code_t  *c;

    c = a->pair_code;

    return c != NULL && (c->task != NULL || c->shown || c->typed);
}


bool
wa_pair_code_typed(const wa_account_t *a)
{
    return a->pair_code != NULL && a->pair_code->typed;
}


bool
wa_pair_code_shown(const wa_account_t *a, char text[10], int64_t *expires_ms)
{
    const wa_pair_code_t  *c;

    c = a->pair_code;

    if (c == NULL || !c->shown) {
        return false;
    }

    (void) snprintf(text, 10, "%.4s-%.4s", c->code, c->code + 4);
    *expires_ms = c->expires_ms;

    return true;
}


/* -- making a code ------------------------------------------------------- */

bool
wa_code_task(wa_account_t *a, const char *what, wa_task_pt resume,
    const uint8_t *salt, const wa_code_work_t *given)
{
    wa_task_t       *t;
    wa_code_work_t  *work;
    wa_pair_code_t  *c;

    c = a->pair_code;
    t = wa_task_new(a, what, resume);
    work = (t == NULL) ? NULL
                       : wa_arena_calloc(&t->arena, 1, sizeof(wa_code_work_t));

    if (work == NULL) {

        if (t != NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
        }

        return false;
    }

    if (given != NULL) {
        *work = *given;
    }

    memcpy(work->code, c->code, sizeof(work->code));
    memcpy(work->salt, salt, sizeof(work->salt));
    work->generation = wa_conn_generation(a);
    work->stretch.password = wa_span_str(work->code);
    work->stretch.salt = wa_span(work->salt, sizeof(work->salt));
    work->stretch.iterations = WA_LINKCODE_ITERATIONS;
    t->data = work;
    c->task = t;

    if (wa_task_stretch(t, &work->stretch) != WA_AGAIN) {
        c->task = NULL;
        wa_task_end(t, WA_ERR_NOMEM);
        return false;
    }

    return true;
}


bool
wa_code_stale(wa_task_t *t)
{
    wa_code_work_t   *work;
    wa_account_t  *a;

    a = t->account;
    work = t->data;

    return a->pair_code == NULL || a->pair_code->task != t
           || work->generation != wa_conn_generation(a);
}


void
wa_code_end(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;

    if (a->pair_code != NULL && a->pair_code->task == t) {
        a->pair_code->task = NULL;
    }

    wa_wipe(t->data, sizeof(wa_code_work_t));
    wa_task_end(t, rc);
}


void
wa_code_retire(wa_task_t *t)
{
    wa_account_t  *a;

    a = t->account;
    wa_code_end(t, WA_ERR_GONE);

    if (a->pair_code != NULL && !a->pair_code->shown) {
        wa_pair_code_begin(a);
    }
}


void
wa_pair_code_begin(wa_account_t *a)
{
    uint8_t          random[WA_LINKCODE_RANDOM], salt[WA_LINKCODE_SALT];
    wa_pair_code_t  *c;

    if (!wa_pair_code_wanted(a) || !wa_pair_ready(a)) {
        return;
    }

    c = code_get(a);

    if (c == NULL || c->task != NULL || c->typed) {
        return;
    }

    code_clear(c);
    wa_account_random(a, random, sizeof(random));
    wa_account_random(a, salt, sizeof(salt));
    wa_account_random(a, c->ephemeral_priv, 32);
    wa_creds_clamp(c->ephemeral_priv);
    wa_linkcode_text(random, c->code);
    wa_wipe(random, sizeof(random));

    if (wa_x25519_public(c->ephemeral_pub, c->ephemeral_priv) != WA_OK
        || !wa_code_task(a, "pairing code", code_stretched, salt, NULL))
    {
        code_failed(a, WA_ERR_NOMEM, 0);
    }
}


wa_node_t *
wa_code_reg(wa_task_t *t, const char *stage, wa_node_t **iq)
{
    wa_jid_t    jid;
    wa_node_t  *reg;

    *iq = wa_node_iq(&t->arena, "set", "md");
    reg = wa_node_add_new(&t->arena, *iq, "link_code_companion_reg");

    if (wa_jid_make(&jid, wa_span_str(wa_meta_str(t->account,
                                                  WA_PAIR_PHONE)),
                    WA_SERVER_PN, 0) != WA_OK)
    {
        wa_node_fail(*iq, WA_ERR_STATE);
        return reg;
    }

    wa_node_set_jid(&t->arena, reg, "jid", &jid);
    wa_node_set_str(&t->arena, reg, "stage", stage);

    return reg;
}


void
wa_code_bytes(wa_task_t *t, wa_node_t *reg, const char *tag, wa_span_t bytes)
{
    wa_node_bytes(wa_node_add_new(&t->arena, reg, tag), bytes);
}


static void
code_stretched(wa_task_t *t, wa_err_t rc)
{
    uint8_t          iv[WA_LINKCODE_IV];
    wa_node_t       *iq, *reg;
    wa_code_work_t  *work;
    wa_account_t    *a;
    wa_pair_code_t  *c;

    static const uint8_t  nonce[1];

    a = t->account;
    work = t->data;

    if (wa_code_stale(t)) {
        wa_code_retire(t);
        return;
    }

    c = a->pair_code;

    if (rc == WA_OK) {
        wa_account_random(a, iv, sizeof(iv));
        rc = wa_linkcode_wrap(t->key, work->salt, iv, c->ephemeral_pub,
                              work->wrapped);
    }

    if (rc == WA_OK) {
        reg = wa_code_reg(t, "companion_hello", &iq);
        wa_node_set_str(&t->arena, reg, "should_show_push_notification",
                        c->notify ? "true" : "false");
        wa_code_bytes(t, reg, "link_code_pairing_wrapped_companion_ephemeral_"
                   "pub", wa_span(work->wrapped, sizeof(work->wrapped)));
        wa_code_bytes(t, reg, "companion_server_auth_key_pub",
                   wa_span(a->creds->noise.pub, 32));
        wa_code_bytes(t, reg, "companion_platform_id",
                   wa_span_str(CODE_PLATFORM));
        wa_code_bytes(t, reg, "companion_platform_display",
                   wa_span_str(CODE_DISPLAY));
        wa_code_bytes(t, reg, "link_code_pairing_nonce",
                   wa_span(nonce, sizeof(nonce)));

        t->resume = code_answered;
        rc = wa_task_iq(t, iq);
    }

    if (rc != WA_AGAIN) {
        wa_code_end(t, rc);
        code_failed(a, rc, 0);
    }
}


static json_t *
code_answer(const wa_account_t *a)
{
    char     text[10], iso[32];
    int64_t  expires_ms;

    if (!wa_pair_code_shown(a, text, &expires_ms)) {
        return NULL;
    }

    return json_pack("{s:b, s:s, s:s}", "success", 1, "pairing_code", text,
                     "expires_at", wa_iso_time(expires_ms, iso));
}


/* Told to everybody: state CODE, its event, and who asked. */
static void
code_show(wa_account_t *a)
{
    bool             fresh;
    wa_unit_t       *u;
    wa_pair_code_t  *c;

    c = a->pair_code;
    c->shown = true;
    c->expires_at = a->now + CODE_LIFE_MS;
    c->expires_ms = wa_unix_ms(a) + CODE_LIFE_MS;
    fresh = (wa_life_state(a) != WA_STATE_CODE);

    wa_pair_hide(a);
    u = wa_unit_new(a);

    if (u != NULL && fresh) {
        (void) wa_creds_save(u);
    }

    wa_life_set(u, WA_STATE_CODE, NULL, 0);

    if (u != NULL && !fresh) {
        wa_life_state_event(u, WA_STATE_CODE);
    }

    if (u != NULL && c->asked) {
        c->asked = false;
        (void) wa_unit_reply(u, c->cmd_id, NULL, NULL, code_answer(a));
    }

    c->notify = false;
    (void) wa_unit_commit(u, NULL);
}


static void
code_answered(wa_task_t *t, wa_err_t rc)
{
    uint32_t         code;
    wa_span_t        ref;
    wa_account_t    *a;
    const wa_node_t *reg;
    wa_pair_code_t  *c;

    a = t->account;
    code = t->iq_code;

    if (wa_code_stale(t)) {
        wa_code_retire(t);
        return;
    }

    c = a->pair_code;
    reg = NULL;

    if (rc == WA_OK) {
        reg = wa_node_child(t->answer, "link_code_companion_reg");
        ref = wa_node_child_content(reg, "link_code_pairing_ref");

        if (ref.n == 0 || ref.n > WA_CODE_REF_MAX) {
            rc = WA_ERR_SYNTAX;

        } else {
            memcpy(c->ref, ref.p, ref.n);
            c->ref_len = ref.n;
        }
    }

    wa_code_end(t, rc);

    if (rc == WA_OK) {
        code_show(a);

    } else {
        code_failed(a, rc, code);
    }
}


/*
 * No code.  What WhatsApp refused (400: no such number, 429: too many) it
 * would refuse again, so the number is forgotten and a QR code shown; without
 * a connection the next one tries anew.
 */
static void
code_failed(wa_account_t *a, wa_err_t rc, uint32_t code)
{
    char             why[80];
    bool             shown;
    wa_unit_t       *u;
    wa_pair_code_t  *c;

    c = a->pair_code;

    if (rc == WA_ERR_GONE || c == NULL) {
        return;
    }

    shown = (wa_life_state(a) == WA_STATE_CODE);
    code_clear(c);
    wa_pair_code_forget(a);
    (void) snprintf(why, sizeof(why), rc == WA_ERR_REFUSED
                    ? "WhatsApp gives no pairing code now (%u)"
                    : "the pairing code could not be made", (unsigned) code);
    wa_log(a, WA_LOG_WARN, "%s: %s", why, wa_err_name(rc));

    u = wa_unit_new(a);
    wa_life_put_meta(u);
    wa_life_set(u, wa_life_state(a), why, (int) code);

    if (c->asked) {
        c->asked = false;
        (void) wa_unit_reply(u, c->cmd_id,
                             rc == WA_ERR_REFUSED ? "SEND_FAILED"
                             : rc == WA_ERR_TIMEOUT ? "OWNER_TIMEOUT"
                             : "INTERNAL_ERROR", why,
                             rc == WA_ERR_REFUSED
                             ? json_pack("{s:I}", "provider_code",
                                         (json_int_t) code) : NULL);
    }

    (void) wa_unit_commit(u, NULL);

    /* The refs of the QR codes are old by now. */

    if (shown) {
        wa_conn_close(a);
        wa_life_redial(a);

    } else {
        wa_pair_show_qr(a);
    }
}


/* -- the end ------------------------------------------------------------- */

void
wa_pair_code_forget(wa_account_t *a)
{
    (void) json_object_del(a->life->meta, WA_PAIR_PHONE);
}


void
wa_pair_code_pause(wa_account_t *a)
{
    if (a->pair_code == NULL) {
        return;
    }

    /* Its task finds out that the connection is another one. */
    a->pair_code->task = NULL;
    code_clear(a->pair_code);
}


void
wa_pair_code_free(wa_account_t *a)
{
    wa_pair_code_t  *c;

    c = a->pair_code;

    if (c == NULL) {
        return;
    }

    if (c->asked && a->outq != NULL) {
        wa_account_reply(a, c->cmd_id, "ACCOUNT_NOT_READY",
                         "The account stopped linking",
                         json_pack("{s:s}", "state",
                                   wa_state_name(wa_life_state(a))));
    }

    code_clear(c);
    wa_free(c);
    a->pair_code = NULL;
}


void
wa_pair_code_expire(wa_account_t *a)
{
    wa_unit_t       *u;
    wa_pair_code_t  *c;

    c = a->pair_code;

    if (c == NULL) {
        return;
    }

    if (c->asked && a->now >= c->answer_by) {
        c->asked = false;
        wa_account_reply(a, c->cmd_id, "OWNER_TIMEOUT",
                         "WhatsApp did not answer in time", NULL);
    }

    if (c->expires_at == 0 || a->now < c->expires_at) {
        return;
    }

    /* Typed or not: no pair-success came. */
    wa_log(a, WA_LOG_INFO, "the pairing code ran out");
    c->task = NULL;
    code_clear(c);

    u = wa_unit_new(a);
    wa_life_put_view(u);
    (void) wa_unit_commit(u, NULL);

    wa_pair_code_begin(a);
}


wa_time_t
wa_pair_code_deadline(const wa_account_t *a)
{
    wa_time_t              at;
    const wa_pair_code_t  *c;

    c = a->pair_code;

    if (c == NULL) {
        return -1;
    }

    at = c->expires_at != 0 ? c->expires_at : -1;

    if (c->asked && (at < 0 || c->answer_by < at)) {
        at = c->answer_by;
    }

    return at;
}
