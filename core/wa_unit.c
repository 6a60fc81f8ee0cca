/*
 * A unit is a list of operations in one arena.  Puts change the records in
 * memory at once and remember what was there (undo); events and effects are
 * only collected.  wa_unit_commit() flattens the list into a wa_commit_t and
 * keeps the effects until the store confirms.
 */
#include "wa_conn.h"
#include "wa_life.h"
#include "wa_node_codec.h"
#include "wa_out.h"
#include "wa_store.h"
#include "wa_task_int.h"
#include "wa_unit_int.h"


#define UNIT_ARENA_CHUNK  3000


typedef enum {
    OP_WRITE = 0,
    OP_EVENT,
    OP_FRAME,
    OP_REPLY
} wa_op_kind_e;

typedef struct wa_unit_op_s  wa_unit_op_t;

struct wa_unit_op_s {
    wa_unit_op_t  *prev;
    wa_unit_op_t  *next;
    wa_op_kind_e   kind;

    union {
        struct {
            char        *name;
            uint32_t     hash;         /* of name and day                  */
            uint32_t     day;
            bool         superseded;   /* written again later in the unit  */
            wa_span_t    sealed;       /* p NULL: delete                   */
            wa_prior_t   prior;
        } write;

        wa_event_t       event;

        wa_span_t        frame;        /* flag byte and packed node        */

        struct {
            uint64_t     id;
            const char  *code;
            const char  *message;
            json_t      *data;
        } reply;
    } u;
};

struct wa_unit_s {
    wa_account_t  *account;
    wa_arena_t     arena;
    wa_unit_op_t  *first;
    wa_unit_op_t  *last;
    size_t         n_ops;
    size_t         n_writes;
    size_t         n_events;
    wa_err_t       err;
    wa_commit_t    commit;
    wa_task_t     *then;
    uint32_t       conn_gen;           /* connection its frames are for    */
    wa_unit_t     *next;
};

struct wa_commits_s {
    wa_unit_t   *open;                 /* under construction               */
    wa_unit_t   *head;
    wa_unit_t  **tail;
    size_t       pending;
    uint64_t     seq;
};


static void unit_free(wa_unit_t *u);
static void unit_op_undo(wa_unit_t *u, wa_unit_op_t *op);
static void unit_op_forget(wa_unit_op_t *op);
static wa_err_t unit_flatten(wa_unit_t *u);
static size_t unit_supersede(wa_unit_t *u);
static void unit_release(wa_unit_t *u);


wa_err_t
wa_commits_create(wa_account_t *a)
{
    a->commits = wa_calloc(1, sizeof(wa_commits_t));

    if (a->commits == NULL) {
        return WA_ERR_NOMEM;
    }

    a->commits->tail = &a->commits->head;

    return WA_OK;
}


void
wa_commits_free(wa_account_t *a)
{
    wa_unit_t  *u, *next;

    if (a->commits == NULL) {
        return;
    }

    if (a->commits->open != NULL) {
        unit_free(a->commits->open);
    }

    for (u = a->commits->head; u != NULL; u = next) {
        next = u->next;
        unit_free(u);
    }

    wa_free(a->commits);
    a->commits = NULL;
}


void
wa_commits_set_seq(wa_account_t *a, uint64_t seq)
{
    a->commits->seq = seq;
}


wa_unit_t *
wa_unit_new(wa_account_t *a)
{
    wa_unit_t  *u;

    if (a->commits->open != NULL) {
        wa_log(a, WA_LOG_ERROR, "a unit is already open");
        return NULL;
    }

    u = wa_calloc(1, sizeof(wa_unit_t));
    if (u == NULL) {
        return NULL;
    }

    u->account = a;
    u->conn_gen = wa_conn_generation(a);
    wa_arena_init(&u->arena, UNIT_ARENA_CHUNK);
    a->commits->open = u;

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
        u->commit.create = true;
    }
}


void
wa_unit_mark_wipe(wa_unit_t *u)
{
    if (u != NULL) {
        u->commit.wipe = true;
    }
}


void
wa_unit_mark_reset(wa_unit_t *u)
{
    if (u != NULL) {
        u->commit.reset = true;
        wa_store_clear(u->account);
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
unit_op(wa_unit_t *u, wa_op_kind_e kind)
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
    u->n_writes += (op->kind == OP_WRITE);
    u->n_events += (op->kind == OP_EVENT);
}


static wa_err_t
unit_failed(wa_unit_t *u)
{
    return u == NULL ? WA_ERR_NOMEM : u->err;
}


static wa_err_t
unit_seal(wa_unit_t *u, const char *name, wa_span_t value, wa_span_t *out)
{
    wa_err_t  rc;
    wa_buf_t  sealed = WA_BUF_EMPTY;

    if (wa_record_is_plain(name)) {
        return wa_arena_dup_span(&u->arena, value, out);
    }

    rc = wa_record_seal(u->account, name, value, &sealed);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&u->arena, wa_span_buf(&sealed), out);
    }

    wa_buf_free(&sealed);

    return rc;
}


wa_err_t
wa_unit_put(wa_unit_t *u, const char *name, uint32_t day, wa_span_t value)
{
    wa_err_t       rc;
    wa_unit_op_t  *op;

    op = unit_op(u, OP_WRITE);

    if (op == NULL) {
        return unit_failed(u);
    }

    op->u.write.name = wa_arena_strdup(&u->arena, wa_span_str(name));
    op->u.write.hash = wa_record_hash(name, day);
    op->u.write.day = day;

    if (op->u.write.name == NULL) {
        return u->err = WA_ERR_NOMEM;
    }

    if (value.p != NULL) {
        rc = unit_seal(u, name, value, &op->u.write.sealed);

        if (rc != WA_OK) {
            return u->err = rc;
        }
    }

    rc = wa_store_put(u->account, name, day, value, &op->u.write.prior);

    if (rc != WA_OK) {
        return u->err = rc;
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_del(wa_unit_t *u, const char *name, uint32_t day)
{
    return wa_unit_put(u, name, day, wa_span_none());
}


wa_err_t
wa_unit_event(wa_unit_t *u, const char *type, json_t *data, json_t *unified)
{
    wa_err_t       rc;
    wa_unit_op_t  *op;

    op = unit_op(u, OP_EVENT);

    if (op == NULL) {
        json_decref(data);
        json_decref(unified);
        return unit_failed(u);
    }

    op->u.event.type = type;
    rc = wa_life_envelope(u->account, &u->arena, type, data, unified,
                          &op->u.event);

    if (rc != WA_OK) {
        return u->err = rc;
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_send(wa_unit_t *u, const wa_node_t *node)
{
    wa_err_t       rc;
    wa_buf_t       packed = WA_BUF_EMPTY;
    wa_unit_op_t  *op;

    op = unit_op(u, OP_FRAME);

    if (op == NULL) {
        return unit_failed(u);
    }

    rc = (node == NULL) ? WA_ERR_NOMEM : wa_node_pack(node, &packed);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(&u->arena, wa_span_buf(&packed),
                               &op->u.frame);
    }

    wa_buf_free(&packed);

    if (rc != WA_OK) {
        return u->err = rc;
    }

    unit_op_link(u, op);

    return WA_OK;
}


wa_err_t
wa_unit_reply(wa_unit_t *u, uint64_t cmd_id, const char *code,
    const char *message, json_t *data)
{
    wa_unit_op_t  *op;

    op = unit_op(u, OP_REPLY);

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
        u->n_writes -= (op->kind == OP_WRITE);
        u->n_events -= (op->kind == OP_EVENT);
        unit_op_undo(u, op);
    }
}


static void
unit_op_undo(wa_unit_t *u, wa_unit_op_t *op)
{
    if (op->kind == OP_WRITE) {
        wa_store_restore(u->account, op->u.write.name, op->u.write.day,
                         &op->u.write.prior);
    }

    unit_op_forget(op);
}


static void
unit_op_forget(wa_unit_op_t *op)
{
    if (op->kind == OP_WRITE) {
        wa_buf_wipe(&op->u.write.prior.value);

    } else if (op->kind == OP_REPLY) {
        json_decref(op->u.reply.data);
        op->u.reply.data = NULL;
    }
}


static void
unit_free(wa_unit_t *u)
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

    if (u->account->commits->open == u) {
        u->account->commits->open = NULL;
    }

    unit_free(u);
}


wa_err_t
wa_unit_commit(wa_unit_t *u, wa_task_t *then)
{
    wa_err_t       rc;
    wa_commits_t  *cs;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    cs = u->account->commits;
    rc = u->err;

    if (rc == WA_OK && u->account->gone) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = unit_flatten(u);
    }

    if (rc != WA_OK) {
        wa_unit_drop(u);
        return rc;
    }

    u->then = then;
    cs->open = NULL;

    if (u->n_writes + u->n_events == 0 && cs->head == NULL) {
        unit_release(u);
        return WA_OK;
    }

    if (u->n_writes + u->n_events > 0) {
        u->commit.seq = cs->seq + 1;

        if (wa_outq_commit(u->account, &u->commit) != WA_OK) {
            wa_unit_drop(u);
            return WA_ERR_NOMEM;
        }

        cs->seq++;
    }

    *cs->tail = u;
    cs->tail = &u->next;
    cs->pending++;

    return WA_OK;
}


/* The last write of a name is the one that counts: the store may apply them
   in any order.  How many are left. */
static size_t
unit_supersede(wa_unit_t *u)
{
    size_t         n;
    wa_unit_op_t  *op, *later;

    n = 0;

    for (op = u->last; op != NULL; op = op->prev) {

        if (op->kind != OP_WRITE) {
            continue;
        }

        for (later = op->next; later != NULL; later = later->next) {

            if (later->kind == OP_WRITE
                && later->u.write.hash == op->u.write.hash
                && later->u.write.day == op->u.write.day
                && strcmp(later->u.write.name, op->u.write.name) == 0)
            {
                op->u.write.superseded = true;
                break;
            }
        }

        n += !op->u.write.superseded;
    }

    return n;
}


/*
 * Undo information is not needed any more: a commit that fails later ends
 * the account object.
 */
static wa_err_t
unit_flatten(wa_unit_t *u)
{
    size_t         w, e;
    wa_write_t    *writes;
    wa_event_t    *events;
    wa_unit_op_t  *op;

    writes = wa_arena_calloc(&u->arena, unit_supersede(u) + 1,
                             sizeof(wa_write_t));
    events = wa_arena_calloc(&u->arena, u->n_events + 1,
                             sizeof(wa_event_t));

    if (writes == NULL || events == NULL) {
        return WA_ERR_NOMEM;
    }

    w = 0;
    e = 0;

    for (op = u->first; op != NULL; op = op->next) {

        if (op->kind == OP_WRITE && !op->u.write.superseded) {
            writes[w].key.name = wa_span_str(op->u.write.name);
            writes[w].key.day = op->u.write.day;
            writes[w].value = op->u.write.sealed;
            w++;

        } else if (op->kind == OP_EVENT) {
            events[e++] = op->u.event;
        }
    }

    u->commit.writes = writes;
    u->commit.n_writes = w;
    u->commit.events = events;
    u->commit.n_events = e;

    return WA_OK;
}


wa_err_t
wa_commits_done(wa_account_t *a, uint64_t seq, wa_err_t err)
{
    bool           wiped;
    wa_unit_t     *u;
    wa_commits_t  *cs;

    cs = a->commits;
    u = cs->head;

    if (u == NULL || u->commit.seq != seq) {
        return WA_ERR_ARG;
    }

    if (err != WA_OK) {
        wa_log(a, WA_LOG_WARN, "commit %llu was refused, reloading",
               (unsigned long long) seq);
        wa_outq_gone(a, WA_GONE_RELOAD);
        return WA_OK;
    }

    /* Units with effects only ride behind the one they waited for. */
    do {
        cs->head = u->next;

        if (cs->head == NULL) {
            cs->tail = &cs->head;
        }

        cs->pending--;
        wiped = u->commit.wipe;
        unit_release(u);

        if (wiped) {
            wa_outq_gone(a, WA_GONE_DELETED);
            return WA_OK;
        }

        u = cs->head;
    } while (u != NULL && u->commit.seq == 0);

    return WA_OK;
}


static void
unit_release(wa_unit_t *u)
{
    wa_account_t  *a;
    wa_unit_op_t  *op;

    a = u->account;

    for (op = u->first; op != NULL; op = op->next) {

        if (op->kind == OP_FRAME) {
            if (u->conn_gen == wa_conn_generation(a)) {
                wa_conn_send_packed(a, op->u.frame);
            }

        } else if (op->kind == OP_REPLY) {
            (void) wa_outq_reply(a, op->u.reply.id, op->u.reply.code,
                                 op->u.reply.message, op->u.reply.data);
            op->u.reply.data = NULL;
        }
    }

    if (u->then != NULL) {
        wa_task_ready(u->then, WA_OK);
    }

    unit_free(u);
}


size_t
wa_commits_pending(const wa_account_t *a)
{
    return a->commits->pending;
}


size_t
wa_commits_footprint(const wa_account_t *a)
{
    size_t            n;
    const wa_unit_t  *u;

    n = sizeof(wa_commits_t);

    for (u = a->commits->head; u != NULL; u = u->next) {
        n += sizeof(*u) + u->arena.total;
    }

    return n;
}
