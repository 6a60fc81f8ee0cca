/*
 * The unit: what one input changes.  Record writes, events, and effects
 * that are held until the store has confirmed the unit.
 *
 *     u = wa_unit_new(a);
 *     wa_unit_put(u, "sess/...", 0, span);      visible at once in memory
 *     wa_unit_event(u, "message.received", data, unified);
 *     wa_unit_send(u, ack);                     held
 *     wa_unit_commit(u);                        or wa_unit_drop(u)
 *
 * One unit is under construction at a time per account (handlers run to
 * completion); building two is a bug (an error in the log, NULL).  Every
 * function takes a failed or NULL unit and passes the first error on, so a
 * chain needs one check, at wa_unit_commit().
 */
#ifndef WA_UNIT_H
#define WA_UNIT_H

#include "wa_account.h"
#include "wa_jw.h"
#include "wa_node.h"
#include "wa_receipt_batch.h"
#include "wa_task.h"


typedef struct wa_unit_s  wa_unit_t;
typedef size_t            wa_savepoint_t;


/* NULL: out of memory or one is already open.  Never fails later for NULL. */
wa_unit_t *wa_unit_new(wa_account_t *a);
wa_account_t *wa_unit_account(wa_unit_t *u);

/* Marks the unit failed: its commit will answer `err`. */
void wa_unit_fail(wa_unit_t *u, wa_err_t err);

/* Copies name and value.  WA_ERR_LIMIT, WA_ERR_NOMEM. */
wa_err_t wa_unit_put(wa_unit_t *u, const char *name, uint32_t day,
    wa_span_t value);

/*
 * As wa_unit_put(), for what is written for every message and hardly ever
 * read: it leaves memory with its commit, so that it does not drive out the
 * sessions.
 */
wa_err_t wa_unit_put_cold(wa_unit_t *u, const char *name, uint32_t day,
    wa_span_t value);

wa_err_t wa_unit_del(wa_unit_t *u, const char *name, uint32_t day);

/*
 * Adds an event of the catalogue.  `type` is a literal.  Steals `data` (the
 * envelope's "data" object; NULL: {}).
 */
wa_err_t wa_unit_event(wa_unit_t *u, const char *type, json_t *data);

/*
 * The same without values in between, for what comes with every message:
 *
 *     wa_unit_event_begin(u, "message.receipt", &w);
 *     ... one value into w: "data" ...
 *     rc = wa_unit_event_end(u, &w);
 *
 * and then, if there is one, the account webhook's form of it:
 *
 *     wa_unit_hook_begin(u, &w);
 *     ... one value ...
 *     rc = wa_unit_hook_end(u, &w);
 *
 * and what is not for everybody (see `aside` of wa_event_t), in the same way:
 *
 *     wa_unit_aside_begin(u, &w);
 *     ... one object ...
 *     rc = wa_unit_aside_end(u, &w);
 *
 * Nothing else may be done with the unit between a begin and its end, which
 * always follows.
 */
void wa_unit_event_begin(wa_unit_t *u, const char *type, wa_jw_t *w);
wa_err_t wa_unit_event_end(wa_unit_t *u, wa_jw_t *w);
void wa_unit_hook_begin(wa_unit_t *u, wa_jw_t *w);
wa_err_t wa_unit_hook_end(wa_unit_t *u, wa_jw_t *w);
void wa_unit_aside_begin(wa_unit_t *u, wa_jw_t *w);
wa_err_t wa_unit_aside_end(wa_unit_t *u, wa_jw_t *w);

/*
 * Holds a stanza.  Packed now (the node may die), sealed and written when
 * the unit is confirmed, on the connection that is open at that moment if
 * it is the one of now; otherwise it is forgotten (the server will ask
 * again, or a pending send repeats it).
 */
wa_err_t wa_unit_send(wa_unit_t *u, const wa_node_t *node);

/* The same, packed by wa_node_pack() already. */
wa_err_t wa_unit_send_packed(wa_unit_t *u, wa_span_t packed);

/* Holds a delivery receipt that may leave together with others
   (wa_receipts_add()).  Copies; WA_ERR_NOMEM. */
wa_err_t wa_unit_receipt(wa_unit_t *u, const wa_receipt_key_t *key,
    wa_span_t id);

/* Holds an answer.  Steals `data`. */
wa_err_t wa_unit_reply(wa_unit_t *u, uint64_t cmd_id, const char *code,
    const char *message, json_t *data);

/* Undo of all puts, dels, events and effects since the savepoint. */
wa_savepoint_t wa_unit_savepoint(wa_unit_t *u);
void wa_unit_rollback(wa_unit_t *u, wa_savepoint_t sp);

/*
 * Hands the unit over; `u` is gone for the caller.  With writes or events
 * it becomes a WA_OUT_COMMIT or, together with its neighbours, a part of one;
 * with effects only it waits for the units before it.  `then` (may be NULL)
 * is resumed with WA_OK once confirmed.
 * On an earlier error everything is undone, `then` is NOT resumed and that
 * error is returned.
 */
wa_err_t wa_unit_commit(wa_unit_t *u, wa_task_t *then);

/*
 * The unit may wait a moment (WA_UNIT_PATIENCE_MS) for others to travel
 * with: what it confirms is true already and would be found out again after
 * a crash.
 */
#define WA_UNIT_PATIENCE_MS  20

void wa_unit_set_patient(wa_unit_t *u);

/* Undoes everything.  NULL-safe. */
void wa_unit_drop(wa_unit_t *u);

#endif /* WA_UNIT_H */
