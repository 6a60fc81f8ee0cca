/*
 * A unit is a list of operations in one arena.  Puts change the records in
 * memory at once and remember what was there (undo); events and effects are
 * only collected.  From wa_unit_commit() on the unit is wa_commit.c's.
 */
#include "wa_conn.h"
#include "wa_json.h"
#include "wa_life.h"
#include "wa_node_codec.h"
#include "wa_out.h"
#include "wa_store.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"


/* Above a text message's event; more than this is not kept for the next. */
#define UNIT_TEXT_GUESS   4096
#define UNIT_TEXT_KEPT    65536


static void unit_text(wa_unit_t *u, wa_jw_t *w);
static wa_err_t unit_text_keep(wa_unit_t *u, wa_jw_t *w, wa_span_t *out);
static void unit_op_undo(wa_unit_t *u, wa_unit_op_t *op);
static void unit_op_forget(wa_unit_op_t *op);


wa_unit_t *
wa_unit_new(wa_account_t *a)
{
    wa_unit_t  *u, **open;

    open = wa_commits_open(a);

    if (*open != NULL) {
        wa_log(a, WA_LOG_ERROR, "a unit is already open");
        return NULL;
    }

    u = wa_calloc(1, sizeof(wa_unit_t));
    if (u == NULL) {
        return NULL;
    }

    u->account = a;
    u->conn_gen = wa_conn_generation(a);
    wa_arena_init_pool(&u->arena, &a->engine->arenas);
    *open = u;

    return u;
}


wa_account_t *
wa_unit_account(wa_unit_t *u)
{
    return u->account;
}


void
wa_unit_mark_create(wa_unit_t *u)
{
    if (u != NULL) {
        u->create = true;
    }
}


void
wa_unit_mark_wipe(wa_unit_t *u)
{
    if (u != NULL) {
        u->wipe = true;
    }
}


void
wa_unit_mark_reset(wa_unit_t *u)
{
    wa_err_t  rc;

    if (u == NULL) {
        return;
    }

    /* What gathers is sealed from the records that are forgotten here. */

    rc = (u->n_writes == 0) ? wa_commits_flush(u->account) : WA_ERR_STATE;

    if (rc != WA_OK) {
        wa_unit_fail(u, rc);
        return;
    }

    u->reset = true;
    wa_store_clear(u->account);
}


void
wa_unit_set_patient(wa_unit_t *u)
{
    if (u != NULL) {
        u->patient = true;
    }
}


void
wa_unit_fail(wa_unit_t *u, wa_err_t err)
{
    if (u != NULL && u->err == WA_OK) {
        u->err = err;
    }
}


/* NULL: the unit failed, now or before. */
static wa_unit_op_t *
unit_op(wa_unit_t *u, wa_unit_op_e kind)
{
    wa_unit_op_t  *op;

    if (u == NULL || u->err != WA_OK) {
        return NULL;
    }

    op = wa_arena_calloc(&u->arena, 1, sizeof(wa_unit_op_t));

    if (op == NULL) {
        u->err = WA_ERR_NOMEM;
        return NULL;
    }

    op->kind = kind;

    return op;
}


static void
unit_op_link(wa_unit_t *u, wa_unit_op_t *op)
{
    op->prev = u->last;

    if (u->last != NULL) {
        u->last->next = op;

    } else {
        u->first = op;
    }

    u->last = op;
    u->n_ops++;
    u->n_writes += (op->kind == WA_UNIT_WRITE);
    u->n_events += (op->kind == WA_UNIT_EVENT);
}


static wa_err_t
unit_failed(wa_unit_t *u)
{
    return u == NULL ? WA_ERR_NOMEM : u->err;
}


static wa_err_t
unit_put(wa_unit_t *u, const char *name, uint32_t day, wa_span_t value,
    bool cold)
{
    wa_err_t       rc;
    wa_unit_op_t  *op;

    op = unit_op(u, WA_UNIT_WRITE);

    if (op == NULL) {
        return unit_failed(u);
    }

    rc = wa_store_put(u->account, name, day, value, &op->u.write.prior);

    if (rc != WA_OK) {
        return u->err = rc;
    }

    op->u.write.cold = cold;
    u->bytes += value.n;
    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_put(wa_unit_t *u, const char *name, uint32_t day, wa_span_t value)
{
    return unit_put(u, name, day, value, false);
}


wa_err_t
wa_unit_put_cold(wa_unit_t *u, const char *name, uint32_t day,
    wa_span_t value)
{
    return unit_put(u, name, day, value, true);
}


wa_err_t
wa_unit_del(wa_unit_t *u, const char *name, uint32_t day)
{
    return wa_unit_put(u, name, day, wa_span_none());
}


wa_err_t
wa_unit_event(wa_unit_t *u, const char *type, json_t *data)
{
    wa_jw_t  w;

    wa_unit_event_begin(u, type, &w);

    if (w.err == WA_OK) {
        w.err = (data == NULL) ? wa_buf_append(w.out, "{}", 2)
                               : wa_json_write(data, w.out);
    }

    json_decref(data);

    return wa_unit_event_end(u, &w);
}


void
wa_unit_event_begin(wa_unit_t *u, const char *type, wa_jw_t *w)
{
    unit_text(u, w);

    if (w->err != WA_OK) {
        return;
    }

    wa_life_envelope(u->account, type, w);

    /* The literal is kept until the end. */

    u->event_type = type;
}


wa_err_t
wa_unit_event_end(wa_unit_t *u, wa_jw_t *w)
{
    wa_unit_op_t  *op;

    wa_jw_close(w, '}');
    op = unit_op(u, WA_UNIT_EVENT);

    if (op == NULL) {
        return unit_failed(u);
    }

    op->u.event.type = u->event_type;

    if (unit_text_keep(u, w, &op->u.event.body) != WA_OK) {
        return u->err;
    }

    unit_op_link(u, op);

    return WA_OK;
}


void
wa_unit_hook_begin(wa_unit_t *u, wa_jw_t *w)
{
    unit_text(u, w);
}


wa_err_t
wa_unit_hook_end(wa_unit_t *u, wa_jw_t *w)
{
    if (u == NULL || u->err != WA_OK) {
        return unit_failed(u);
    }

    return unit_text_keep(u, w, &u->last->u.event.hook);
}


void
wa_unit_aside_begin(wa_unit_t *u, wa_jw_t *w)
{
    unit_text(u, w);
}


wa_err_t
wa_unit_aside_end(wa_unit_t *u, wa_jw_t *w)
{
    if (u == NULL || u->err != WA_OK) {
        return unit_failed(u);
    }

    return unit_text_keep(u, w, &u->last->u.event.aside);
}


/* A writer into the engine's one buffer for texts. */
static void
unit_text(wa_unit_t *u, wa_jw_t *w)
{
    if (u == NULL || u->err != WA_OK) {
        wa_jw_init(w, NULL);
        w->err = unit_failed(u);
        return;
    }

    wa_jw_init(w, &u->account->engine->text);
    w->out->n = 0;
    w->err = wa_buf_reserve(w->out, UNIT_TEXT_GUESS);
}


static wa_err_t
unit_text_keep(wa_unit_t *u, wa_jw_t *w, wa_span_t *out)
{
    if (w->err == WA_OK) {
        w->err = wa_arena_dup_span(&u->arena, wa_span_buf(w->out), out);
    }

    u->bytes += w->out->n;

    /* It held a message's text. */

    wa_wipe(w->out->p, w->out->n);
    w->out->n = 0;

    if (w->out->cap > UNIT_TEXT_KEPT) {
        wa_buf_free(w->out);
    }

    return u->err = w->err;
}


wa_err_t
wa_unit_send(wa_unit_t *u, const wa_node_t *node)
{
    wa_err_t   rc;
    wa_buf_t  *packed;

    if (u == NULL || u->err != WA_OK) {
        return unit_failed(u);
    }

    packed = &u->account->engine->text;
    packed->n = 0;
    rc = (node == NULL) ? WA_ERR_NOMEM : wa_node_pack(node, packed);

    return rc == WA_OK ? wa_unit_send_packed(u, wa_span_buf(packed))
                       : (u->err = rc);
}


wa_err_t
wa_unit_send_packed(wa_unit_t *u, wa_span_t packed)
{
    wa_unit_op_t  *op;

    op = unit_op(u, WA_UNIT_FRAME);

    if (op == NULL) {
        return unit_failed(u);
    }

    if (wa_arena_dup_span(&u->arena, packed, &op->u.frame) != WA_OK) {
        return u->err = WA_ERR_NOMEM;
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_receipt(wa_unit_t *u, const wa_receipt_key_t *key, wa_span_t id)
{
    wa_arena_t        *arena;
    wa_unit_op_t      *op;
    wa_receipt_key_t  *k;

    op = unit_op(u, WA_UNIT_RECEIPT);

    if (op == NULL) {
        return unit_failed(u);
    }

    arena = &u->arena;
    k = &op->u.receipt.key;

    if (wa_arena_dup_span(arena, key->to, &k->to) != WA_OK
        || wa_arena_dup_span(arena, key->type, &k->type) != WA_OK
        || wa_arena_dup_span(arena, id, &op->u.receipt.id) != WA_OK
        || (key->participant.p != NULL
            && wa_arena_dup_span(arena, key->participant, &k->participant)
               != WA_OK))
    {
        return u->err = WA_ERR_NOMEM;
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_reply(wa_unit_t *u, uint64_t cmd_id, const char *code,
    const char *message, json_t *data)
{
    wa_unit_op_t  *op;

    op = unit_op(u, WA_UNIT_REPLY);

    if (op == NULL) {
        json_decref(data);
        return unit_failed(u);
    }

    op->u.reply.id = cmd_id;
    op->u.reply.code = code;
    op->u.reply.data = data;

    if (message != NULL) {
        op->u.reply.message = wa_arena_strdup(&u->arena,
                                              wa_span_str(message));
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_savepoint_t
wa_unit_savepoint(wa_unit_t *u)
{
    return u == NULL ? 0 : u->n_ops;
}


void
wa_unit_rollback(wa_unit_t *u, wa_savepoint_t sp)
{
    wa_unit_op_t  *op;

    if (u == NULL) {
        return;
    }

    while (u->n_ops > sp) {
        op = u->last;
        u->last = op->prev;

        if (u->last != NULL) {
            u->last->next = NULL;

        } else {
            u->first = NULL;
        }

        u->n_ops--;
        u->n_writes -= (op->kind == WA_UNIT_WRITE);
        u->n_events -= (op->kind == WA_UNIT_EVENT);
        unit_op_undo(u, op);
    }
}


static void
unit_op_undo(wa_unit_t *u, wa_unit_op_t *op)
{
    if (op->kind == WA_UNIT_WRITE) {
        wa_store_restore(u->account, &op->u.write.prior);
    }

    unit_op_forget(op);
}


static void
unit_op_forget(wa_unit_op_t *op)
{
    if (op->kind == WA_UNIT_WRITE) {
        wa_buf_wipe(&op->u.write.prior.value);

    } else if (op->kind == WA_UNIT_REPLY) {
        json_decref(op->u.reply.data);
        op->u.reply.data = NULL;
    }
}


void
wa_unit_free(wa_unit_t *u)
{
    wa_unit_op_t  *op;

    for (op = u->first; op != NULL; op = op->next) {
        unit_op_forget(op);
    }

    wa_arena_free(&u->arena);
    wa_free(u);
}


void
wa_unit_drop(wa_unit_t *u)
{
    if (u == NULL) {
        return;
    }

    wa_unit_rollback(u, 0);

    if (*wa_commits_open(u->account) == u) {
        *wa_commits_open(u->account) = NULL;
    }

    wa_unit_free(u);
}


void
wa_unit_mark_writes(wa_unit_t *u)
{
    wa_unit_op_t  *op;

    for (op = u->first; op != NULL; op = op->next) {
        if (op->kind == WA_UNIT_WRITE) {
            wa_store_mark(u->account, op->u.write.prior.entry,
                          op->u.write.cold);
        }
    }
}


void
wa_unit_settle(wa_unit_t *u)
{
    wa_unit_op_t  *op;

    for (op = u->first; op != NULL; op = op->next) {

        if (op->kind != WA_UNIT_WRITE) {
            continue;
        }

        if (!u->create && !u->reset && !u->wipe) {
            wa_store_mark(u->account, op->u.write.prior.entry,
                          op->u.write.cold);
        }

        wa_buf_wipe(&op->u.write.prior.value);
    }
}
