/*
 * Outputs are small nodes on a singly linked queue; transport bytes are kept
 * aside and come out before a CLOSE and after everything else, because
 * nothing else refers to their order.
 */
#include "wa_out.h"


typedef struct wa_outnode_s  wa_outnode_t;

struct wa_outnode_s {
    wa_outnode_t  *next;
    wa_out_t       out;
    char          *message;            /* owned copy behind reply.message */
    wa_buf_t       bytes;              /* owned, of a WRITE               */
};

struct wa_outq_s {
    wa_outnode_t   *head;
    wa_outnode_t  **tail;
    wa_outnode_t   *shown;             /* handed out last, freed next time */
    wa_buf_t        bytes;
    wa_buf_t        lent;              /* bytes handed out last            */
    wa_gone_e       gone;
    bool            gone_shown;
};


static void outq_node_free(wa_outnode_t *n, bool shown);


wa_err_t
wa_outq_create(wa_account_t *a)
{
    a->outq = wa_calloc(1, sizeof(wa_outq_t));
    if (a->outq == NULL) {
        return WA_ERR_NOMEM;
    }

    a->outq->tail = &a->outq->head;

    return WA_OK;
}


void
wa_outq_free(wa_account_t *a)
{
    wa_outnode_t  *n, *next;

    if (a->outq == NULL) {
        return;
    }

    for (n = a->outq->head; n != NULL; n = next) {
        next = n->next;
        outq_node_free(n, false);
    }

    if (a->outq->shown != NULL) {
        outq_node_free(a->outq->shown, true);
    }

    wa_buf_free(&a->outq->bytes);
    wa_buf_free(&a->outq->lent);
    wa_free(a->outq);
    a->outq = NULL;
}


/* A reply that was shown gave its data away. */
static void
outq_node_free(wa_outnode_t *n, bool shown)
{
    if (n->out.type == WA_OUT_REPLY && !shown) {
        json_decref(n->out.u.reply.data);
    }

    wa_buf_free(&n->bytes);
    wa_free(n->message);
    wa_free(n);
}


static wa_outnode_t *
outq_push(wa_account_t *a, wa_out_e type)
{
    wa_outnode_t  *n;

    n = wa_calloc(1, sizeof(wa_outnode_t));
    if (n == NULL) {
        return NULL;
    }

    n->out.type = type;
    *a->outq->tail = n;
    a->outq->tail = &n->next;

    return n;
}


static wa_err_t
outq_add(wa_account_t *a, const wa_out_t *out)
{
    wa_outnode_t  *n;

    n = outq_push(a, out->type);
    if (n == NULL) {
        return WA_ERR_NOMEM;
    }

    n->out = *out;

    return WA_OK;
}


wa_err_t
wa_outq_load(wa_account_t *a, const wa_load_t *load)
{
    wa_out_t  out = { .type = WA_OUT_LOAD, .u.load = load };

    return outq_add(a, &out);
}


wa_err_t
wa_outq_commit(wa_account_t *a, const wa_commit_t *commit)
{
    wa_out_t  out = { .type = WA_OUT_COMMIT, .u.commit = commit };

    return outq_add(a, &out);
}


wa_err_t
wa_outq_stretch(wa_account_t *a, const wa_stretch_t *stretch)
{
    wa_out_t  out = { .type = WA_OUT_STRETCH, .u.stretch = stretch };

    return outq_add(a, &out);
}


wa_err_t
wa_outq_fetch(wa_account_t *a, const wa_file_fetch_t *fetch)
{
    wa_out_t  out = { .type = WA_OUT_FETCH, .u.fetch = fetch };

    return outq_add(a, &out);
}


wa_err_t
wa_outq_fetched(wa_account_t *a, uint64_t token)
{
    wa_out_t  out = { .type = WA_OUT_FETCHED, .u.token = token };

    return outq_add(a, &out);
}


void
wa_outq_uncommit(wa_account_t *a)
{
    wa_outnode_t  *n, **pn;

    for (pn = &a->outq->head; (*pn)->next != NULL; pn = &(*pn)->next) {
        /* void */
    }

    n = *pn;
    *pn = NULL;
    a->outq->tail = pn;
    outq_node_free(n, false);
}


wa_err_t
wa_outq_reply(wa_account_t *a, uint64_t id, const char *code,
    const char *message, json_t *data)
{
    size_t         len;
    wa_outnode_t  *n;

    n = outq_push(a, WA_OUT_REPLY);
    if (n == NULL) {
        json_decref(data);
        return WA_ERR_NOMEM;
    }

    n->out.u.reply.id = id;
    n->out.u.reply.code = code;
    n->out.u.reply.data = data;

    if (message != NULL) {
        len = strlen(message) + 1;
        n->message = wa_alloc(len);

        if (n->message != NULL) {
            memcpy(n->message, message, len);
        }

        /* without memory the code alone must do */
        n->out.u.reply.message = n->message;
    }

    return WA_OK;
}


wa_err_t
wa_outq_simple(wa_account_t *a, wa_out_e type)
{
    wa_outnode_t  *n;

    if (type == WA_OUT_CLOSE && a->outq->bytes.n > 0) {
        n = outq_push(a, WA_OUT_WRITE);

        if (n != NULL) {
            wa_buf_move(&n->bytes, &a->outq->bytes);
            n->out.u.bytes = wa_span_buf(&n->bytes);
        }
    }

    return outq_push(a, type) == NULL ? WA_ERR_NOMEM : WA_OK;
}


void
wa_outq_gone(wa_account_t *a, wa_gone_e why)
{
    wa_outnode_t  *n, **pn;

    if (a->gone) {
        return;
    }

    a->gone = true;
    a->outq->gone = why;

    /* Answers still leave: they belong to units that were confirmed. */
    for (pn = &a->outq->head; *pn != NULL; /* void */) {
        n = *pn;

        if (n->out.type == WA_OUT_REPLY || n->out.type == WA_OUT_WRITE
            || n->out.type == WA_OUT_CLOSE)
        {
            pn = &n->next;
            continue;
        }

        *pn = n->next;
        outq_node_free(n, false);
    }

    a->outq->tail = pn;
}


wa_buf_t *
wa_outq_bytes(wa_account_t *a)
{
    return &a->outq->bytes;
}


bool
wa_outq_next(wa_account_t *a, wa_out_t *out)
{
    wa_outq_t     *q;
    wa_outnode_t  *n;

    q = a->outq;

    if (q->shown != NULL) {
        outq_node_free(q->shown, true);
        q->shown = NULL;
    }

    wa_buf_free(&q->lent);

    n = q->head;

    if (n != NULL) {
        q->head = n->next;

        if (q->head == NULL) {
            q->tail = &q->head;
        }

        *out = n->out;
        q->shown = n;
        return true;
    }

    if (q->bytes.n > 0) {
        wa_buf_move(&q->lent, &q->bytes);
        out->type = WA_OUT_WRITE;
        out->u.bytes = wa_span_buf(&q->lent);
        return true;
    }

    wa_buf_free(&q->bytes);

    if (a->gone && !q->gone_shown) {
        q->gone_shown = true;
        out->type = WA_OUT_GONE;
        out->u.gone = q->gone;
        return true;
    }

    return false;
}


bool
wa_outq_empty(const wa_account_t *a)
{
    return a->outq->head == NULL && a->outq->bytes.n == 0;
}


size_t
wa_outq_footprint(const wa_account_t *a)
{
    size_t               n;
    const wa_outnode_t  *o;

    n = sizeof(wa_outq_t) + a->outq->bytes.cap + a->outq->lent.cap;

    for (o = a->outq->head; o != NULL; o = o->next) {
        n += sizeof(*o) + o->bytes.cap;
    }

    return n;
}
