/*
 * Delivery receipts of the offline queue, see wa_receipt_batch.h.
 */
#include "wa_receipt_batch.h"

#include "wa_account_int.h"
#include "wa_conn.h"
#include "wa_task.h"


/* Ids in one receipt: the server's own limit is 256. */
#define RECEIPTS_IDS_MAX    256

/* Chats and authors gathered at a time; one more sends them all. */
#define RECEIPTS_KEYS_MAX   32

/* Gathered at a time: the server counts what is not answered. */
#define RECEIPTS_TOTAL_MAX  128


typedef struct {
    wa_buf_t   text;                /* to, participant, type, ids          */
    size_t     len[3];
    bool       named;               /* there is a participant              */
    size_t     n;                   /* ids, each with a NUL                */
} receipts_t;

struct wa_receipts_s {
    receipts_t   list[RECEIPTS_KEYS_MAX];
    size_t       n;
    size_t       total;
    uint32_t     conn_gen;          /* the connection they are for         */
    wa_task_t   *timer;
};


static wa_receipts_t *receipts_get(wa_account_t *a);
static receipts_t *receipts_find(wa_receipts_t *rs,
    const wa_receipt_key_t *key);
static bool receipts_same(const receipts_t *r, const wa_receipt_key_t *key);
static wa_err_t receipts_key(receipts_t *r, const wa_receipt_key_t *key);
static void receipts_clear(wa_receipts_t *rs);
static void receipts_timer(wa_task_t *t, wa_err_t rc);
static void receipts_send(wa_account_t *a, const wa_receipt_key_t *key,
    wa_span_t ids, size_t n);


void
wa_receipts_add(wa_account_t *a, const wa_receipt_key_t *key, wa_span_t id)
{
    wa_err_t        rc;
    receipts_t     *r;
    wa_receipts_t  *rs;

    rs = receipts_get(a);

    if (rs == NULL) {
        receipts_send(a, key, id, 1);
        return;
    }

    if (rs->conn_gen != wa_conn_generation(a)) {
        receipts_clear(rs);
        rs->conn_gen = wa_conn_generation(a);
    }

    r = receipts_find(rs, key);

    if (r == NULL && rs->n == RECEIPTS_KEYS_MAX) {
        wa_receipts_flush(a);
    }

    rc = WA_OK;

    if (r == NULL) {
        r = &rs->list[rs->n];
        rc = receipts_key(r, key);
        rs->n += (rc == WA_OK);
    }

    if (rc == WA_OK) {
        rc = wa_buf_reserve(&r->text, id.n + 1);
    }

    if (rc != WA_OK) {
        receipts_send(a, key, id, 1);
        return;
    }

    (void) wa_buf_append_span(&r->text, id);
    (void) wa_buf_append(&r->text, "", 1);

    r->n++;
    rs->total++;

    if (r->n == RECEIPTS_IDS_MAX || rs->total >= RECEIPTS_TOTAL_MAX) {
        wa_receipts_flush(a);
        return;
    }

    if (rs->timer == NULL) {
        rs->timer = wa_task_new(a, "receipts", receipts_timer);

        if (rs->timer == NULL) {
            wa_receipts_flush(a);
            return;
        }

        (void) wa_task_sleep(rs->timer, a->now + WA_RECEIPTS_WAIT_MS);
    }
}


static wa_receipts_t *
receipts_get(wa_account_t *a)
{
    if (a->receipts == NULL) {
        a->receipts = wa_calloc(1, sizeof(wa_receipts_t));
    }

    return a->receipts;
}


static receipts_t *
receipts_find(wa_receipts_t *rs, const wa_receipt_key_t *key)
{
    size_t  i;

    for (i = 0; i < rs->n; i++) {

        if (receipts_same(&rs->list[i], key)) {
            return &rs->list[i];
        }
    }

    return NULL;
}


static bool
receipts_same(const receipts_t *r, const wa_receipt_key_t *key)
{
    const uint8_t  *p;

    p = r->text.p;

    return r->named == (key->participant.p != NULL)
           && wa_span_eq(wa_span(p, r->len[0]), key->to)
           && wa_span_eq(wa_span(p + r->len[0], r->len[1]), key->participant)
           && wa_span_eq(wa_span(p + r->len[0] + r->len[1], r->len[2]),
                         key->type);
}


/* An unused entry; its ids follow. */
static wa_err_t
receipts_key(receipts_t *r, const wa_receipt_key_t *key)
{
    wa_err_t  rc;

    r->text.n = 0;
    r->n = 0;
    r->named = (key->participant.p != NULL);
    r->len[0] = key->to.n;
    r->len[1] = key->participant.n;
    r->len[2] = key->type.n;

    rc = wa_buf_append_span(&r->text, key->to);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&r->text, key->participant);
    }

    return rc == WA_OK ? wa_buf_append_span(&r->text, key->type) : rc;
}


static void
receipts_clear(wa_receipts_t *rs)
{
    size_t  i;

    for (i = 0; i < RECEIPTS_KEYS_MAX; i++) {
        wa_buf_free(&rs->list[i].text);
    }

    rs->n = 0;
    rs->total = 0;
}


void
wa_receipts_flush(wa_account_t *a)
{
    size_t             i, skip;
    receipts_t        *r;
    wa_receipts_t     *rs;
    wa_receipt_key_t   key;

    rs = a->receipts;

    if (rs == NULL || rs->n == 0) {
        return;
    }

    for (i = 0; i < rs->n && rs->conn_gen == wa_conn_generation(a); i++) {
        r = &rs->list[i];
        skip = r->len[0] + r->len[1];

        key.to = wa_span(r->text.p, r->len[0]);
        key.participant = r->named ? wa_span(r->text.p + r->len[0],
                                             r->len[1]) : wa_span_none();
        key.type = wa_span(r->text.p + skip, r->len[2]);
        skip += r->len[2];

        if (r->n != 0) {
            receipts_send(a, &key, wa_span(r->text.p + skip,
                                           r->text.n - skip), r->n);
        }
    }

    receipts_clear(rs);
}


static void
receipts_timer(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    (void) rc;

    a = t->account;
    a->receipts->timer = NULL;
    wa_task_end(t, WA_OK);
    wa_receipts_flush(a);
}


/* `ids`: n of them, each but perhaps the last ends with a NUL. */
static void
receipts_send(wa_account_t *a, const wa_receipt_key_t *key, wa_span_t ids,
    size_t n)
{
    size_t       i, len;
    wa_span_t    id;
    wa_node_t   *receipt, *list, *item;
    wa_arena_t   arena;

    wa_arena_init_pool(&arena, &a->engine->arenas);

    receipt = wa_node_new(&arena, "receipt");
    list = NULL;

    for (i = 0; i < n; i++) {
        for (len = 0; len < ids.n && ids.p[len] != '\0'; len++) {
            /* void */
        }

        id = wa_span(ids.p, len);
        len += (len < ids.n);
        ids = wa_span(ids.p + len, ids.n - len);

        if (i == 0) {
            wa_node_set(&arena, receipt, "id", id);
            continue;
        }

        if (list == NULL) {
            list = wa_node_add_new(&arena, receipt, "list");
        }

        item = wa_node_add_new(&arena, list, "item");
        wa_node_set(&arena, item, "id", id);
    }

    wa_node_set(&arena, receipt, "to", key->to);
    wa_node_set(&arena, receipt, "participant", key->participant);

    if (wa_span_eq_str(key->to, "status@broadcast")) {
        wa_node_set_str(&arena, receipt, "context", "status");
    }

    if (key->type.n != 0) {
        wa_node_set(&arena, receipt, "type", key->type);
    }

    (void) wa_account_send_now(a, receipt);
    wa_arena_free(&arena);
}


void
wa_receipts_free(wa_account_t *a)
{
    if (a->receipts != NULL) {
        receipts_clear(a->receipts);
        wa_free(a->receipts);
        a->receipts = NULL;
    }
}
