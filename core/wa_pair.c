/*
 * QR linking.  The codes shown are made from refs of the server; each lives
 * for a while, then the next one is shown; when they are used up the
 * connection is replaced for new ones, until the overall limit.
 */
#include "wa_adv.h"
#include "wa_conn.h"
#include "wa_life_int.h"
#include "wa_pair.h"
#include "wa_pair_code.h"
#include "wa_passkey.h"
#include "wa_receipt.h"
#include "wa_signal.h"


/* whatsmeow qrchan.go: the first code 60 s, each further one 20 s. */
#define PAIR_FIRST_MS   60000
#define PAIR_NEXT_MS    20000
#define PAIR_REFS_MAX   16
#define PAIR_REF_MAX    512

/* QR type of a Chrome browser; the DeviceProps say the same. */
#define PAIR_CLIENT_TYPE  "1"
#define PAIR_LINK         "https://wa.me/settings/linked_devices#"


struct wa_pair_s {
    wa_buf_t    refs[PAIR_REFS_MAX];
    size_t      n_refs;
    size_t      shown;                 /* index of the code shown          */
    bool        active;                /* a code is shown                  */
    uint32_t    generation;            /* the connection of the refs       */
    wa_buf_t    text;                  /* NUL-terminated                   */
    wa_time_t   next_at;               /* its end, monotonic               */
    int64_t     expires_ms;            /* its end, unix ms                 */
    wa_time_t   give_up_at;            /* end of the whole attempt         */
};


static wa_err_t pair_text(wa_account_t *a);
static void pair_show(wa_account_t *a, size_t i, wa_time_t lasts_ms,
    const wa_node_t *held);
static void pair_refuse(wa_account_t *a, const wa_node_t *iq,
    wa_adv_fail_e fail);


static wa_err_t
pair_start(wa_account_t *a)
{
    if (a->pair == NULL) {
        a->pair = wa_calloc(1, sizeof(wa_pair_t));

        if (a->pair == NULL) {
            return WA_ERR_NOMEM;
        }
    }

    if (a->pair->give_up_at == 0) {
        a->pair->give_up_at = a->now + a->engine->conf.qr_timeout_ms;
    }

    return WA_OK;
}


static void
pair_clear(wa_pair_t *p)
{
    size_t  i;

    for (i = 0; i < p->n_refs; i++) {
        wa_buf_free(&p->refs[i]);
    }

    p->n_refs = 0;
    p->active = false;
    wa_buf_wipe(&p->text);
}


/* <iq type=result id to/> */
static wa_node_t *
pair_result(wa_arena_t *arena, const wa_node_t *iq)
{
    wa_node_t  *n;

    n = wa_node_new(arena, "iq");
    wa_node_set_str(arena, n, "to", "s.whatsapp.net");
    wa_node_set_str(arena, n, "type", "result");
    wa_node_set(arena, n, "id", wa_node_attr(iq, "id"));

    return n;
}


void
wa_pair_device(wa_account_t *a, const wa_node_t *iq)
{
    wa_span_t         ref;
    wa_pair_t        *p;
    wa_arena_t        arena;
    const wa_node_t  *c, *dev;

    if (a->creds->linked || pair_start(a) != WA_OK) {
        return;
    }

    p = a->pair;
    pair_clear(p);
    dev = wa_node_child(iq, "pair-device");

    for (c = wa_node_child(dev, "ref");
         c != NULL && p->n_refs < PAIR_REFS_MAX;
         c = wa_node_sibling(c, "ref"))
    {
        ref = wa_node_content(c);

        if (ref.n == 0 || ref.n > PAIR_REF_MAX
            || wa_buf_append_span(&p->refs[p->n_refs], ref) != WA_OK)
        {
            continue;
        }

        p->n_refs++;
    }

    p->generation = wa_conn_generation(a);
    wa_conn_keep_alive(a);
    wa_arena_init(&arena, 1000);

    if (p->n_refs == 0) {
        wa_log(a, WA_LOG_WARN, "the server sent no pairing refs");
        (void) wa_account_send_now(a, pair_result(&arena, iq));

    } else if (wa_pair_code_wanted(a)) {
        (void) wa_account_send_now(a, pair_result(&arena, iq));
        wa_pair_code_begin(a);

    } else {
        pair_show(a, 0, PAIR_FIRST_MS, pair_result(&arena, iq));
    }

    wa_arena_free(&arena);
}


/*
 * link ref , noise key , identity key , adv secret , client type
 * (the five-part form; four parts are refused since 2026)
 */
static wa_err_t
pair_text(wa_account_t *a)
{
    size_t              i;
    wa_err_t            rc;
    wa_buf_t            out = WA_BUF_EMPTY;
    wa_pair_t          *p;
    const wa_creds_t   *c;
    const uint8_t      *keys[3];

    p = a->pair;
    c = a->creds;
    keys[0] = c->noise.pub;
    keys[1] = c->identity.pub;
    keys[2] = c->adv_secret;

    rc = wa_buf_append_str(&out, PAIR_LINK);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&out, wa_span_buf(&p->refs[p->shown]));
    }

    for (i = 0; i < 3 && rc == WA_OK; i++) {
        rc = wa_buf_append(&out, ",", 1);

        if (rc == WA_OK) {
            rc = wa_b64_encode(wa_span(keys[i], 32), WA_B64_STD, &out);
        }
    }

    if (rc == WA_OK) {
        rc = wa_buf_append(&out, "," PAIR_CLIENT_TYPE,
                           sizeof("," PAIR_CLIENT_TYPE));
    }

    if (rc != WA_OK) {
        wa_buf_wipe(&out);
        return rc;
    }

    wa_buf_wipe(&p->text);
    wa_buf_move(&p->text, &out);

    return WA_OK;
}


/* Shows code i for so long; `held` (may be NULL) leaves when it is told. */
static void
pair_show(wa_account_t *a, size_t i, wa_time_t lasts_ms,
    const wa_node_t *held)
{
    bool        fresh;
    wa_unit_t  *u;
    wa_pair_t  *p;

    p = a->pair;
    p->shown = i;

    if (pair_text(a) != WA_OK) {
        return;
    }

    p->active = true;
    p->next_at = a->now + lasts_ms;
    p->expires_ms = wa_unix_ms(a) + lasts_ms;

    fresh = (wa_life_state(a) != WA_STATE_QR);
    u = wa_unit_new(a);

    /* The adv secret in the code must outlive us: it verifies the answer. */
    if (u != NULL && fresh) {
        (void) wa_creds_save(u);
    }

    wa_life_set(u, WA_STATE_QR, NULL, 0);

    if (u != NULL && !fresh) {
        wa_life_qr_event(u);
    }

    if (held != NULL) {
        (void) wa_unit_send(u, held);
    }

    (void) wa_unit_commit(u, NULL);
}


bool
wa_pair_code(const wa_account_t *a, const char **text, int64_t *expires_ms)
{
    if (a->pair == NULL || !a->pair->active) {
        return false;
    }

    *text = (const char *) a->pair->text.p;
    *expires_ms = a->pair->expires_ms;

    return true;
}


bool
wa_pair_ready(const wa_account_t *a)
{
    return a->pair != NULL && a->pair->n_refs > 0
           && a->pair->generation == wa_conn_generation(a)
           && a->pair->generation != 0;
}


void
wa_pair_renew(wa_account_t *a)
{
    if (pair_start(a) == WA_OK) {
        a->pair->give_up_at = a->now + a->engine->conf.qr_timeout_ms;
    }
}


void
wa_pair_hide(wa_account_t *a)
{
    if (a->pair != NULL) {
        a->pair->active = false;
        wa_buf_wipe(&a->pair->text);
    }
}


void
wa_pair_show_qr(wa_account_t *a)
{
    if (wa_pair_ready(a) && !a->pair->active) {
        pair_show(a, 0, PAIR_FIRST_MS, NULL);
    }
}


void
wa_pair_pause(wa_account_t *a)
{
    wa_pair_code_pause(a);

    if (a->pair != NULL) {
        pair_clear(a->pair);
    }
}


void
wa_pair_free(wa_account_t *a)
{
    wa_pair_code_free(a);
    wa_passkey_free(a);

    if (a->pair == NULL) {
        return;
    }

    pair_clear(a->pair);
    wa_free(a->pair);
    a->pair = NULL;
}


void
wa_pair_expire(wa_account_t *a)
{
    wa_pair_t  *p;

    wa_pair_code_expire(a);
    wa_passkey_expire(a);
    p = a->pair;

    if (p == NULL) {
        return;
    }

    if (a->now >= p->give_up_at) {
        wa_life_give_up(a, WA_STATE_AUTH_FAILURE,
                        wa_life_state(a) == WA_STATE_QR
                        ? "the QR code was not scanned in time"
                        : wa_life_state(a) == WA_STATE_CODE
                        ? "the pairing code was not used in time"
                        : wa_life_state(a) == WA_STATE_PASSKEY
                        ? "the passkey was not given in time"
                        : "the server gave no QR code in time", 0);
        return;
    }

    if (!p->active || a->now < p->next_at) {
        return;
    }

    if (p->shown + 1 < p->n_refs) {
        pair_show(a, p->shown + 1, PAIR_NEXT_MS, NULL);
        return;
    }

    if (wa_pair_code_busy(a)) {
        p->next_at = a->now + PAIR_NEXT_MS;
        return;
    }

    wa_log(a, WA_LOG_INFO, "pairing refs are used up, asking for new ones");
    pair_clear(p);
    wa_conn_close(a);
    wa_life_redial(a);
}


wa_time_t
wa_pair_deadline(const wa_account_t *a)
{
    wa_time_t         at, passkey_at;
    const wa_pair_t  *p;

    p = a->pair;
    at = wa_pair_code_deadline(a);
    passkey_at = wa_passkey_deadline(a);

    if (passkey_at >= 0 && (at < 0 || passkey_at < at)) {
        at = passkey_at;
    }

    if (p == NULL) {
        return at;
    }

    if (at < 0 || p->give_up_at < at) {
        at = p->give_up_at;
    }

    return p->active && p->next_at < at ? p->next_at : at;
}


void
wa_pair_refresh(wa_task_t *t)
{
    wa_unit_t     *u;
    wa_pair_t     *p;
    wa_account_t  *a;

    a = t->account;
    p = a->pair;
    u = wa_unit_new(a);

    if (!a->creds->linked && !wa_pair_code_typed(a)
        && !wa_passkey_pending(a))
    {
        wa_account_random(a, a->creds->adv_secret,
                          sizeof(a->creds->adv_secret));
        (void) wa_creds_save(u);

        if (p != NULL && p->active && pair_text(a) == WA_OK) {
            wa_life_put_view(u);
            wa_life_qr_event(u);
        }
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}


static void
pair_refuse(wa_account_t *a, const wa_node_t *iq, wa_adv_fail_e fail)
{
    wa_node_t   *n, *e;
    wa_arena_t   arena;

    static const struct {
        const char  *code;
        const char  *text;
    } answers[] = {
        { "500", "internal-error" },
        { "500", "internal-error" },
        { "401", "hmac-mismatch" },
        { "401", "signature-mismatch" }
    };

    wa_arena_init(&arena, 1000);

    n = wa_node_new(&arena, "iq");
    wa_node_set_str(&arena, n, "to", "s.whatsapp.net");
    wa_node_set_str(&arena, n, "type", "error");
    wa_node_set(&arena, n, "id", wa_node_attr(iq, "id"));
    e = wa_node_add_new(&arena, n, "error");
    wa_node_set_str(&arena, e, "code", answers[fail].code);
    wa_node_set_str(&arena, e, "text", answers[fail].text);
    (void) wa_account_send_now(a, n);

    wa_arena_free(&arena);

    wa_life_give_up(a, WA_STATE_AUTH_FAILURE,
                    fail == WA_ADV_FAIL_HMAC
                    ? "the phone's answer is not for this QR code"
                    : fail == WA_ADV_FAIL_SIGNATURE
                    ? "the phone's signature is not valid"
                    : "the pairing answer cannot be read", 0);
}


/* Takes what the answer says into the credentials. */
static wa_err_t
pair_take(wa_account_t *a, const wa_node_t *success, const wa_adv_t *adv)
{
    wa_err_t          rc;
    wa_jid_t          jid;
    uint64_t          number;
    wa_span_t         s;
    wa_creds_t       *c;
    const wa_node_t  *dev;

    c = a->creds;
    dev = wa_node_child(success, "device");

    /* The login names the account by this number. */
    if (!wa_node_attr_jid(dev, "jid", &jid) || !wa_jid_is_pn(&jid)
        || !wa_span_u64(wa_span_str(jid.user), &number))
    {
        return WA_ERR_SYNTAX;
    }

    c->jid = jid;

    if (!wa_node_attr_jid(dev, "lid", &c->lid) || !wa_jid_is_lid(&c->lid)) {
        memset(&c->lid, 0, sizeof(c->lid));
    }

    c->device_identity.n = 0;
    rc = wa_buf_append_span(&c->device_identity, adv->stored);

    if (rc == WA_OK) {
        s = wa_node_attr(wa_node_child(success, "platform"), "name");
        c->platform.n = 0;
        rc = wa_buf_append_span(&c->platform, s);
    }

    if (rc == WA_OK) {
        s = wa_node_attr(wa_node_child(success, "biz"), "name");
        c->business_name.n = 0;
        rc = wa_buf_append_span(&c->business_name, s);
    }

    c->linked = (rc == WA_OK);

    return rc;
}


/*
 * The account's own identity key becomes the trusted identity of its
 * primary device, under both addresses.
 */
static void
pair_trust(wa_unit_t *u, const wa_creds_t *c, const wa_adv_t *adv)
{
    wa_jid_t  jid;

    jid = wa_jid_bare(&c->jid);
    (void) wa_signal_identity_save(u, &jid, adv->account_key);

    jid = wa_jid_bare(&c->lid);

    if (wa_jid_is_lid(&jid)) {
        (void) wa_signal_identity_save(u, &jid, adv->account_key);
    }
}


void
wa_pair_success(wa_account_t *a, const wa_node_t *iq)
{
    uint8_t           random[64];
    wa_err_t          rc;
    wa_adv_t          adv;
    wa_unit_t        *u;
    wa_node_t        *n, *sign, *di;
    wa_arena_t        arena;
    wa_adv_fail_e     fail;
    const wa_node_t  *success;

    if (a->creds->linked) {
        return;
    }

    success = wa_node_child(iq, "pair-success");
    fail = WA_ADV_FAIL_FORMAT;
    wa_arena_init(&arena, 0);
    wa_account_random(a, random, sizeof(random));

    rc = wa_adv_pair(wa_node_child_content(success, "device-identity"),
                     a->creds->adv_secret, a->creds->identity.priv,
                     a->creds->identity.pub, random, &arena, &adv, &fail);

    if (rc == WA_OK) {
        rc = pair_take(a, success, &adv);
    }

    if (rc != WA_OK) {
        wa_arena_free(&arena);
        pair_refuse(a, iq, fail);
        return;
    }

    n = pair_result(&arena, iq);
    sign = wa_node_add_new(&arena, n, "pair-device-sign");
    di = wa_node_add_new(&arena, sign, "device-identity");
    wa_node_set_u64(&arena, di, "key-index", adv.key_index);
    wa_node_bytes(di, adv.reply);

    /* Everything durable before the signature leaves. */
    u = wa_unit_new(a);
    (void) wa_creds_save(u);
    pair_trust(u, a->creds, &adv);
    wa_pair_free(a);
    wa_pair_code_forget(a);
    wa_life_put_meta(u);
    wa_life_set(u, WA_STATE_AUTH, NULL, 0);
    (void) wa_unit_send(u, n);
    (void) wa_unit_commit(u, NULL);

    wa_arena_free(&arena);
}
