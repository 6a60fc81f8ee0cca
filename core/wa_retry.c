/*
 * Retry receipts that we send: "I could not decrypt this, send it again".
 */
#include "wa_retry.h"

#include "wa_account_int.h"
#include "wa_alive.h"
#include "wa_event_message.h"
#include "wa_placeholder.h"
#include "wa_prekey.h"
#include "wa_receipt.h"
#include "wa_recent.h"


/* Keys go along from the second attempt: the first may have failed only
   because messages overtook each other. */
#define RETRY_WITH_KEYS  2

/* The peer's answer, when it is there, takes less. */
#define RETRY_PHONE_S    5

typedef struct {
    wa_stanza_key_t  key;
    wa_jid_t         chat;
    wa_jid_t         sender;
    uint8_t          reason;
} retry_t;


static void retry_counted(wa_task_t *t, wa_err_t rc);
static wa_err_t retry_hold(wa_unit_t *u, wa_task_t *t, const retry_t *r,
    unsigned count);
static wa_err_t retry_keys(wa_unit_t *u, wa_arena_t *arena,
    wa_node_t *receipt);
static wa_span_t dup_be(wa_arena_t *arena, uint32_t v, size_t size);


void
wa_retry_request(wa_task_t *t, const wa_jid_t *chat, const wa_jid_t *sender,
    uint8_t reason)
{
    retry_t   *r;
    wa_err_t   rc;
    wa_key_t   keys[3];

    r = wa_arena_calloc(&t->arena, 1, sizeof(retry_t));
    if (r == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return;
    }

    r->chat = *chat;
    r->sender = *sender;
    r->reason = reason;

    rc = wa_stanza_key(t->account, t->stanza, &r->key);
    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    keys[0].name = wa_span_str(r->key.rtry);
    keys[0].day = r->key.day;
    keys[1].name = wa_span_str(WA_PREKEY_RECORD);
    keys[1].day = 0;
    keys[2].name = wa_span_str(WA_PLACEHOLDER_RECORD);
    keys[2].day = 0;

    t->data = r;
    t->resume = retry_counted;
    rc = wa_task_need(t, keys, 3);

    if (rc != WA_AGAIN) {
        retry_counted(t, rc);
    }
}


static void
retry_counted(wa_task_t *t, wa_err_t rc)
{
    bool               wanted;
    uint8_t            stored;
    retry_t           *r;
    unsigned           count;
    uint64_t           given;
    wa_span_t          value, id;
    wa_unit_t         *u;
    const wa_node_t   *enc;

    r = t->data;

    if (rc == WA_OK) {
        rc = wa_record_get(t->account, r->key.rtry, r->key.day, &value);
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    count = value.n == 1 ? value.p[0] + 1u : 1;

    /* The peer counts too: what it says survives our records. */

    enc = wa_node_child(t->stanza, "enc");

    if (wa_node_attr_u64(enc, "count", &given) && given >= count
        && given <= WA_RETRY_MAX)
    {
        count = (unsigned) given + 1;
    }

    id = wa_node_attr(t->stanza, "id");
    u = wa_unit_new(t->account);
    rc = WA_OK;

    wa_log(t->account, WA_LOG_INFO,
           "message does not decrypt, reason %u, attempt %u",
           (unsigned) r->reason, count);

    /* Told once.  `hide`: a receiver that cannot read it shows nothing. */

    if (value.n == 0) {
        wa_alive_count(u, WA_COUNT_DECRYPT);
        wanted = wa_placeholder_want(u, t->stanza, RETRY_PHONE_S);

        if (!wa_node_attr_is(enc, "decrypt-fail", "hide")) {
            rc = wa_retry_tell(u, id, &r->chat, &r->sender,
                               wanted || count <= WA_RETRY_MAX, "decrypt");
        }
    }

    if (rc == WA_OK && count <= WA_RETRY_MAX) {
        rc = retry_hold(u, t, r, count);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        wa_task_end(t, rc);
        return;
    }

    stored = (uint8_t) (count <= WA_RETRY_MAX + 1 ? count
                                                  : WA_RETRY_MAX + 1);

    if (value.n == 0 || stored != value.p[0]) {
        (void) wa_unit_put(u, r->key.rtry, r->key.day, wa_span(&stored, 1));
    }

    (void) wa_ack_stanza(u, t->stanza, NULL, 0);

    wa_task_end(t, wa_unit_commit(u, NULL));
}


wa_err_t
wa_retry_tell(wa_unit_t *u, wa_span_t id, const wa_jid_t *chat,
    const wa_jid_t *sender, bool retrying, const char *reason)
{
    json_t  *data;

    data = json_pack("{s:o, s:o, s:o, s:b, s:s}",
                     "message_id", wa_json_span(id),
                     "chat_jid", wa_json_jid(chat),
                     "from_jid", wa_json_jid(sender),
                     "retrying", (int) retrying,
                     "reason", reason);

    if (data == NULL) {
        return WA_ERR_NOMEM;
    }

    return wa_unit_event(u, "message.undecryptable", data);
}


/*
 * <receipt id to type=retry [participant recipient category]>
 *     <retry v=1 count id t [error]/><registration>be32</registration>
 *     [<keys>...]
 */
static wa_err_t
retry_hold(wa_unit_t *u, wa_task_t *t, const retry_t *r, unsigned count)
{
    size_t            i;
    wa_err_t          rc;
    wa_span_t         reg;
    wa_node_t        *receipt, *retry, *node;
    wa_arena_t       *arena;
    wa_account_t     *a;
    const wa_node_t  *st;

    static const char *const  copied[] = {
        "id", "participant", "recipient"
    };

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = t->account;
    st = t->stanza;
    arena = &t->arena;

    receipt = wa_node_new(arena, "receipt");

    for (i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        wa_node_set(arena, receipt, copied[i], wa_node_attr(st, copied[i]));
    }

    wa_node_set(arena, receipt, "to", wa_node_attr(st, "from"));
    wa_node_set_str(arena, receipt, "type", "retry");

    if (wa_node_attr_is(st, "category", "peer")) {
        wa_node_set_str(arena, receipt, "category", "peer");
    }

    retry = wa_node_add_new(arena, receipt, "retry");

    wa_node_set_str(arena, retry, "v", "1");
    wa_node_set_u64(arena, retry, "count", count);
    wa_node_set(arena, retry, "id", wa_node_attr(st, "id"));
    wa_node_set(arena, retry, "t", wa_node_attr(st, "t"));

    if (r->reason != 0) {
        wa_node_set_u64(arena, retry, "error", r->reason);
    }

    reg = dup_be(arena, a->creds->registration_id, 4);
    node = wa_node_add_new(arena, receipt, "registration");
    wa_node_bytes(node, reg);

    if (reg.p == NULL) {
        return WA_ERR_NOMEM;
    }

    if (count >= RETRY_WITH_KEYS) {
        rc = retry_keys(u, arena, receipt);
        if (rc != WA_OK) {
            return rc;
        }
    }

    return wa_unit_send(u, receipt);
}


static wa_err_t
retry_keys(wa_unit_t *u, wa_arena_t *arena, wa_node_t *receipt)
{
    uint8_t            *pub;
    uint32_t            id;
    wa_err_t            rc;
    wa_span_t           be;
    wa_node_t          *keys, *key;
    const wa_creds_t   *c;

    static const uint8_t  type = 5;             /* Curve25519 */

    c = wa_unit_account(u)->creds;

    pub = wa_arena_alloc(arena, 32);
    if (pub == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_prekey_take(u, &id, pub);
    if (rc != WA_OK) {
        return rc;
    }

    keys = wa_node_add_new(arena, receipt, "keys");

    wa_node_bytes(wa_node_add_new(arena, keys, "type"), wa_span(&type, 1));
    wa_node_bytes(wa_node_add_new(arena, keys, "identity"),
                  wa_span(c->identity.pub, 32));

    key = wa_node_add_new(arena, keys, "key");
    be = dup_be(arena, id, 3);
    wa_node_bytes(wa_node_add_new(arena, key, "id"), be);
    wa_node_bytes(wa_node_add_new(arena, key, "value"), wa_span(pub, 32));

    if (be.p == NULL) {
        return WA_ERR_NOMEM;
    }

    key = wa_node_add_new(arena, keys, "skey");
    be = dup_be(arena, c->signed_prekey.id, 3);
    wa_node_bytes(wa_node_add_new(arena, key, "id"), be);
    wa_node_bytes(wa_node_add_new(arena, key, "value"),
                  wa_span(c->signed_prekey.key.pub, 32));
    wa_node_bytes(wa_node_add_new(arena, key, "signature"),
                  wa_span(c->signed_prekey.signature, 64));

    if (be.p == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_node_bytes(wa_node_add_new(arena, keys, "device-identity"),
                  wa_span_buf(&c->device_identity));

    return WA_OK;
}


/* The low `size` bytes of v, big-endian; p NULL: out of memory. */
static wa_span_t
dup_be(wa_arena_t *arena, uint32_t v, size_t size)
{
    size_t    i;
    uint8_t  *p;

    p = wa_arena_alloc(arena, size);
    if (p == NULL) {
        return wa_span_none();
    }

    for (i = 0; i < size; i++) {
        p[i] = (uint8_t) (v >> (8 * (size - 1 - i)));
    }

    return wa_span(p, size);
}
