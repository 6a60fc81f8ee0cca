/*
 * Idempotency-Keys and clients' own ids, see wa_idem.h.
 */
#include "wa_idem.h"

#include "wa_b64.h"
#include "wa_crypto.h"
#include "wa_pb.h"
#include "wa_send.h"


/* HTTP contract 5.5. */
#define IDEM_LIFE_S  86400

#define IDEM_HASH_LEN        16
#define IDEM_REQUEST_ID_MAX  64


static bool idem_hex(const json_t *args, const char *name, uint8_t *out);
static wa_err_t idem_name(const char *prefix, const uint8_t *hash,
    char name[WA_IDEM_NAME_LEN]);
static const char *idem_code(const char *code);
static bool idem_busy_in(wa_account_t *a, const wa_send_t *first,
    const wa_send_t *s);
static Wa__ClientSend *idem_read(wa_task_t *t, const char *name,
    uint32_t day);
static void idem_reply(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, json_t *data);
static void idem_replay(wa_task_t *t, wa_send_t *s, const Wa__ClientSend *c);
static void idem_join(wa_account_t *a, wa_send_t *first, wa_send_t *s);
static void idem_refused(wa_account_t *a, wa_send_t *s);
static json_t *idem_error(const wa_send_t *s, unsigned provider_code);
static json_t *idem_result(wa_account_t *a, wa_send_t *s,
    const Wa__ClientSend *c, const char *status);
static void client_id_repeat(wa_task_t *t, wa_send_t *s,
    const Wa__ClientSend *c);


/* Error codes in records: a code is handed on by its address.  The first
   ones stand for a malformed request, and are kept. */
static const char  *idem_codes[] = {
    "VALIDATION_ERROR", "INVALID_PARAMETER", "CONFLICTING_PARAMETERS",
    "MISSING_RECIPIENT", "INVALID_RECIPIENT", "MISSING_CONTENT",
    "INVALID_MEDIA", "INVALID_MEDIA_TYPE", "INVALID_URL", "URL_NOT_ALLOWED",
    "MESSAGE_NOT_FOUND",
    "REACHOUT_LIMITED", "STALE_ADDRESS", "RECIPIENT_REFUSED",
    "WHATSAPP_RATE_LIMIT", "SEND_FAILED"
};

#define IDEM_CODES    (sizeof(idem_codes) / sizeof(idem_codes[0]))
#define IDEM_REFUSED  11


/* ---- the key of a command ---- */

wa_err_t
wa_idem_create(const json_t *args, wa_idem_t **idem)
{
    json_t      *v;
    uint8_t      hash[WA_SHA256_LEN];
    wa_idem_t   *i;

    *idem = NULL;
    args = json_object_get(args, "idempotency");

    if (args == NULL) {
        return WA_OK;
    }

    i = wa_calloc(1, sizeof(wa_idem_t));
    if (i == NULL) {
        return WA_ERR_NOMEM;
    }

    if (!idem_hex(args, "key", hash) || !idem_hex(args, "body", i->body)
        || idem_name("idem/", hash, i->name) != WA_OK)
    {
        wa_idem_free(i);
        return WA_ERR_ARG;
    }

    v = json_object_get(args, "refusal");

    if (json_is_object(v)) {
        i->refusal = json_incref(v);
    }

    v = json_object_get(args, "request_id");

    if (json_is_string(v) && json_string_length(v) <= IDEM_REQUEST_ID_MAX) {
        i->request_id = wa_send_dup(json_string_value(v),
                                    json_string_length(v));
    }

    *idem = i;

    return WA_OK;
}


static bool
idem_hex(const json_t *args, const char *name, uint8_t *out)
{
    json_t  *v;

    v = json_object_get(args, name);

    return json_is_string(v)
           && wa_hex_decode(wa_span(json_string_value(v),
                                    json_string_length(v)),
                            out, WA_SHA256_LEN)
              == WA_OK;
}


static wa_err_t
idem_name(const char *prefix, const uint8_t *hash,
    char name[WA_IDEM_NAME_LEN])
{
    wa_err_t  rc;
    wa_buf_t  text = WA_BUF_EMPTY;

    rc = wa_buf_append(&text, prefix, strlen(prefix));

    if (rc == WA_OK) {
        rc = wa_hex_encode(wa_span(hash, IDEM_HASH_LEN), &text);
    }

    if (rc == WA_OK && text.n >= WA_IDEM_NAME_LEN) {
        rc = WA_ERR_LIMIT;
    }

    if (rc == WA_OK) {
        memcpy(name, text.p, text.n);
        name[text.n] = '\0';
    }

    wa_buf_free(&text);

    return rc;
}


wa_err_t
wa_idem_restore(const Wa__PendingSend *p, wa_idem_t **idem)
{
    wa_idem_t  *i;

    *idem = NULL;

    if (p->idem == NULL || p->idem->name == NULL
        || strlen(p->idem->name) >= WA_IDEM_NAME_LEN
        || p->idem->body.len != WA_SHA256_LEN)
    {
        return WA_OK;
    }

    i = wa_calloc(1, sizeof(wa_idem_t));
    if (i == NULL) {
        return WA_ERR_NOMEM;
    }

    memcpy(i->name, p->idem->name, strlen(p->idem->name) + 1);
    memcpy(i->body, p->idem->body.data, WA_SHA256_LEN);
    i->final = p->idem->final;
    *idem = i;

    return WA_OK;
}


void
wa_idem_free(wa_idem_t *idem)
{
    if (idem == NULL) {
        return;
    }

    json_decref(idem->refusal);
    wa_free(idem->request_id);
    wa_free(idem);
}


bool
wa_idem_refuse(wa_idem_t *idem, const char *code, const char *message,
    json_t *details)
{
    size_t  i;

    for (i = 0; i < IDEM_REFUSED; i++) {

        if (strcmp(idem_codes[i], code) == 0) {
            idem->refusal = json_pack("{s:s, s:s, s:o*}", "code", code,
                                      "message", message, "details",
                                      details);
            return idem->refusal != NULL;
        }
    }

    json_decref(details);

    return false;
}


static const char *
idem_code(const char *code)
{
    size_t  i;

    for (i = 0; i < IDEM_CODES - 1; i++) {

        if (strcmp(idem_codes[i], code) == 0) {
            break;
        }
    }

    return idem_codes[i];
}


bool
wa_idem_busy(wa_account_t *a, const wa_send_t *s)
{
    return idem_busy_in(a, a->sends->head, s)
           || idem_busy_in(a, a->sends->taken, s);
}


static bool
idem_busy_in(wa_account_t *a, const wa_send_t *first, const wa_send_t *s)
{
    for ( /* void */ ; first != NULL; first = first->next) {

        if (first->idem == NULL
            || strcmp(first->idem->name, s->idem->name) != 0)
        {
            continue;
        }

        if (memcmp(first->idem->body, s->idem->body, WA_SHA256_LEN) != 0) {
            wa_account_reply(a, s->cmd_id, "IDEMPOTENCY_KEY_REUSED", NULL,
                             NULL);
            return true;
        }

        if (first->asked || first->state < WA_SEND_COMMITTED) {
            wa_account_reply(a, s->cmd_id, "IDEMPOTENCY_IN_PROGRESS", NULL,
                             NULL);
            return true;
        }
    }

    return false;
}


/* ---- records ---- */

size_t
wa_idem_need(const wa_account_t *a, const wa_send_t *s, wa_key_t *keys)
{
    size_t    i;
    uint32_t  today;

    if (s->idem == NULL) {
        return 0;
    }

    today = wa_day(wa_unix_s(a));

    for (i = 0; i < WA_IDEM_KEYS && i < today; i++) {
        keys[i].name = wa_span_str(s->idem->name);
        keys[i].day = today - (uint32_t) i;
    }

    return i;
}


wa_err_t
wa_client_id_name(const char *client_id, char name[WA_IDEM_NAME_LEN])
{
    uint8_t    digest[WA_SHA256_LEN];
    wa_err_t   rc;
    wa_span_t  id;

    id = wa_span_str(client_id);
    rc = wa_sha256(&id, 1, digest);

    return rc != WA_OK ? rc : idem_name("cid/", digest, name);
}


/* NULL: there is none that can be read. */
static Wa__ClientSend *
idem_read(wa_task_t *t, const char *name, uint32_t day)
{
    wa_span_t        value;
    Wa__ClientSend  *c;

    if (wa_record_get(t->account, name, day, &value) != WA_OK
        || value.p == NULL
        || WA_PB_UNPACK(wa__client_send__descriptor, value, &t->arena, &c)
           != WA_OK)
    {
        return NULL;
    }

    if (c->id != NULL && (strlen(c->id) > WA_SENT_ID_MAX || c->to == NULL)) {
        return NULL;
    }

    return c;
}


/* ---- a key seen before ---- */

bool
wa_idem_known(wa_task_t *t, wa_send_t *s)
{
    size_t           i, n;
    int64_t          now;
    wa_key_t         keys[WA_IDEM_KEYS];
    Wa__ClientSend  *c;

    if (s->idem == NULL) {
        return false;
    }

    now = wa_unix_s(t->account);
    n = wa_idem_need(t->account, s, keys);

    for (i = 0; i < n; i++) {
        c = idem_read(t, s->idem->name, keys[i].day);

        if (c != NULL && now - c->timestamp < IDEM_LIFE_S) {
            idem_replay(t, s, c);
            return true;
        }
    }

    s->idem->checked = true;

    if (s->idem->refusal != NULL) {
        idem_refused(t->account, s);
        return true;
    }

    return false;
}


/*
 * Held: the record in memory may be ahead of the store.
 */
static void
idem_reply(wa_account_t *a, wa_send_t *s, const char *code,
    const char *message, json_t *data)
{
    wa_err_t    rc;
    wa_unit_t  *u;

    s->asked = false;

    u = wa_unit_new(a);
    rc = (code == NULL && data == NULL) ? WA_ERR_NOMEM : WA_OK;

    if (rc != WA_OK) {
        wa_unit_fail(u, rc);
    }

    (void) wa_unit_reply(u, s->cmd_id, code, message, data);

    if (wa_unit_commit(u, NULL) != WA_OK) {
        wa_account_reply(a, s->cmd_id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
    }
}


static void
idem_replay(wa_task_t *t, wa_send_t *s, const Wa__ClientSend *c)
{
    json_t        *details;
    wa_send_t     *first;
    wa_account_t  *a;

    a = t->account;

    if (c->body.len != WA_SHA256_LEN
        || memcmp(c->body.data, s->idem->body, WA_SHA256_LEN) != 0)
    {
        idem_reply(a, s, "IDEMPOTENCY_KEY_REUSED", NULL, NULL);
        return;
    }

    if (c->code != NULL) {
        details = c->details == NULL ? json_object()
                                     : json_loads(c->details, 0, NULL);
        (void) json_object_set_new(details, "replayed",
                                   json_string(c->request_id == NULL
                                               ? "" : c->request_id));
        idem_reply(a, s, idem_code(c->code), c->message, details);
        return;
    }

    if (c->status == NULL || c->id == NULL) {
        idem_reply(a, s, NULL, NULL, NULL);
        return;
    }

    s->replayed = true;

    if (c->final || strcmp(c->status, "PENDING") != 0) {
        idem_reply(a, s, NULL, NULL, idem_result(a, s, c, c->status));
        return;
    }

    first = wa_send_find(a, wa_span_str(c->id));

    if (first == NULL) {
        (void) idem_result(a, s, c, NULL);
        idem_reply(a, s, "SEND_FAILED",
                   "The account was unlinked before WhatsApp confirmed the "
                   "message", idem_error(s, 0));

    } else if (s->wait_none) {
        idem_reply(a, s, NULL, NULL, idem_result(a, s, c, "PENDING"));

    } else {
        idem_join(a, first, s);
    }
}


/* Waits with the first send for what becomes of it. */
static void
idem_join(wa_account_t *a, wa_send_t *first, wa_send_t *s)
{
    if (first->asked || first->dropped) {
        idem_reply(a, s, "IDEMPOTENCY_IN_PROGRESS", NULL, NULL);
        return;
    }

    first->asked = true;
    first->replayed = true;
    first->wait_device = s->wait_device;
    first->cmd_id = s->cmd_id;
    first->reply_at = s->reply_at;
    s->asked = false;

    wa_send_watch(a, first);
}


/* Keeps the answer of a malformed request and gives it. */
static void
idem_refused(wa_account_t *a, wa_send_t *s)
{
    char            *details;
    json_t          *r, *data;
    wa_err_t         rc;
    wa_unit_t       *u;
    const char      *code, *message;
    Wa__ClientSend   c = WA__CLIENT_SEND__INIT;

    r = s->idem->refusal;
    code = json_string_value(json_object_get(r, "code"));
    code = idem_code(code == NULL ? "" : code);
    message = json_string_value(json_object_get(r, "message"));
    data = json_object_get(r, "details");
    details = json_is_object(data) ? json_dumps(data, JSON_COMPACT) : NULL;

    c.code = (char *) (uintptr_t) code;
    c.message = (char *) (uintptr_t) message;
    c.details = details;
    c.request_id = s->idem->request_id;
    c.has_body = 1;
    c.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));
    s->ts = wa_unix_s(a);
    s->id[0] = '\0';
    s->asked = false;

    u = wa_unit_new(a);
    rc = wa_idem_write(u, s->idem->name, s, &c);
    free(details);

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, s->cmd_id, code, message, json_incref(data));
    }

    if (rc != WA_OK) {
        wa_unit_fail(u, rc);
    }

    if (wa_unit_commit(u, NULL) != WA_OK) {
        wa_account_reply(a, s->cmd_id, code, message, json_incref(data));
    }
}


/* Details of a failure. */
static json_t *
idem_error(const wa_send_t *s, unsigned provider_code)
{
    json_t  *details;

    details = json_pack("{s:I, s:s}", "provider_code",
                        (json_int_t) provider_code, "message_id", s->id);

    if (s->replayed) {
        (void) json_object_set_new(details, "replayed", json_string(""));
    }

    return details;
}


/* The send result of the first message; `status` NULL: `s` becomes it, no
   more. */
static json_t *
idem_result(wa_account_t *a, wa_send_t *s, const Wa__ClientSend *c,
    const char *status)
{
    json_t  *data;

    memcpy(s->id, c->id, strlen(c->id) + 1);
    s->ts = c->has_sent ? c->sent : c->timestamp;
    s->cold = c->has_cold && c->cold;
    s->told_ts = c->has_receipt ? c->receipt : 0;

    if (status == NULL
        || wa_jid_parse(wa_span_str(c->to), &s->to) != WA_OK)
    {
        return NULL;
    }

    data = wa_send_result(a, s, status);

    if (c->repeated) {
        (void) json_object_set_new(data, "repeated", json_true());
    }

    return data;
}


/* ---- a client's own id seen before ---- */

bool
wa_client_id_known(wa_task_t *t, wa_send_t *s, const char *cid)
{
    uint32_t         today, i;
    Wa__ClientSend  *c;

    today = wa_day(wa_unix_s(t->account));

    for (i = 0; cid[0] != '\0' && i < WA_BUCKET_DAYS && i < today; i++) {
        c = idem_read(t, cid, today - i);

        if (c != NULL && c->id != NULL) {
            client_id_repeat(t, s, c);
            return true;
        }
    }

    return false;
}


/* The first message's result, also kept under a key that came with it. */
static void
client_id_repeat(wa_task_t *t, wa_send_t *s, const Wa__ClientSend *c)
{
    bool             pending;
    json_t          *data;
    wa_err_t         rc;
    wa_unit_t       *u;
    const char      *status;
    wa_account_t    *a;
    Wa__ClientSend   kept = WA__CLIENT_SEND__INIT;

    a = t->account;
    pending = (wa_send_find(a, wa_span_str(c->id)) != NULL);
    status = pending ? "PENDING" : c->status == NULL ? "SENT" : c->status;
    data = idem_result(a, s, c, status);

    if (c->code != NULL || (!pending && strcmp(status, "PENDING") == 0)) {
        json_decref(data);
        idem_reply(a, s, c->code == NULL ? "SEND_FAILED"
                                         : idem_code(c->code),
                   c->code == NULL ? "The account was unlinked before "
                                     "WhatsApp confirmed the message"
                                   : c->message, idem_error(s, 0));
        return;
    }

    (void) json_object_set_new(data, "repeated", json_true());

    if (s->idem == NULL || data == NULL) {
        idem_reply(a, s, NULL, NULL, data);
        return;
    }

    kept.has_body = 1;
    kept.body = wa_pb_bytes(wa_span(s->idem->body, WA_SHA256_LEN));
    kept.status = (char *) (uintptr_t) status;
    kept.has_repeated = 1;
    kept.repeated = 1;
    kept.has_final = 1;
    kept.final = 1;
    s->asked = false;

    /* The key counts from now on, the message is older. */

    kept.has_sent = 1;
    kept.sent = s->ts;
    s->ts = wa_unix_s(a);

    u = wa_unit_new(a);
    rc = wa_idem_write(u, s->idem->name, s, &kept);

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, s->cmd_id, NULL, NULL, json_incref(data));
    }

    if (rc != WA_OK) {
        wa_unit_fail(u, rc);
    }

    if (wa_unit_commit(u, NULL) != WA_OK) {
        wa_account_reply(a, s->cmd_id, "INTERNAL_ERROR", "Out of memory",
                         NULL);
    }

    json_decref(data);
}
