/*
 * A collection whose snapshot is broken: our phone is asked for it, once a
 * day at most, and what it sends is taken if it is whole.
 *
 *     recover_send       the request (COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY)
 *     wa_appstate_answered   the answer, kept: the phone says it once
 *     recover_listed     with the turn: answers that are kept, one by one
 *     recover_applied    taken, or not
 *     recover_clear      and forgotten
 *
 * Source: whatsmeow BuildAppStateRecoveryRequest, appstate.ProcessRecovery;
 * protocol notes, app state.  The phone does not recover critical_block.
 * The notification of a fatal exception is never sent: it would make the
 * phone log out all companions.
 */
#include <stdio.h>

#include "wa_appstate_int.h"
#include "wa_pb.h"
#include "wa_primary.h"


/* What an account keeps of an answer, packed or not. */
#define ANSWER_MAX   (3u * 1024 * 1024)

typedef WA_PRIMARY_REQUEST(SyncDCollectionFatalRecoveryRequest)  collection_t;
typedef Wa__Message__PeerDataOperationRequestResponseMessage  answer_t;

typedef struct {
    wa_as_input_t  in;
    unsigned       tried;               /* answers, by bit                 */
    unsigned       slot;
    char           name[WA_AS_NAME];    /* its record                      */
} recover_t;


static wa_err_t recover_send(wa_unit_t *u, wa_task_t *t, const void *what);
static wa_err_t recover_message(wa_unit_t *u, wa_task_t *t,
    wa_collection_e k, int64_t now);
static wa_err_t answer_keep(wa_unit_t *u, bool packed, wa_span_t bytes);
static void recover_need(wa_task_t *t, wa_task_pt then, bool answer);
static void recover_listed(wa_task_t *t, wa_err_t rc);
static void recover_loaded(wa_task_t *t, wa_err_t rc);
static void recover_applied(wa_task_t *t, wa_err_t rc);
static void recover_clear(wa_task_t *t, wa_err_t rc);
static void recover_next(wa_task_t *t, wa_err_t rc);


/* -- asking --------------------------------------------------------------- */

void
wa_as_recover_ask(wa_account_t *a, wa_collection_e c)
{
    if (c != WA_COLLECTION_CRITICAL_BLOCK) {
        wa_as_ask(a, recover_send, &c, sizeof(c));
    }
}


static wa_err_t
recover_send(wa_unit_t *u, wa_task_t *t, const void *what)
{
    int64_t                 now;
    wa_as_t                 as;
    wa_err_t                rc;
    wa_as_collection_t     *c;
    const wa_collection_e  *k;

    k = what;
    now = wa_unix_s(t->account);
    rc = wa_as_get(t->account, &as);
    c = &as.c[*k];

    if (rc != WA_OK
        || (c->asked != 0 && now >= c->asked
            && now - c->asked < WA_AS_AGAIN_S))
    {
        return rc;
    }

    c->asked = now;
    rc = recover_message(u, t, *k, now);

    if (rc == WA_OK) {
        rc = wa_as_put(u, &as);
    }

    if (rc == WA_OK) {
        wa_log(t->account, WA_LOG_WARN, "our phone is asked for app state %s",
               wa_collection_name(*k));
    }

    return rc;
}


static wa_err_t
recover_message(wa_unit_t *u, wa_task_t *t, wa_collection_e k, int64_t now)
{
    collection_t          collection;
    wa_primary_request_t  request;

    WA_PRIMARY_REQUEST_INIT(init)(&request);
    WA_PRIMARY_REQUEST_INIT(sync_dcollection_fatal_recovery_request__init)
        (&collection);

    collection.collection_name = (char *) (uintptr_t) wa_collection_name(k);
    collection.has_timestamp = 1;
    collection.timestamp = now;
    request.syncd_collection_fatal_recovery_request = &collection;

    return wa_primary_request(u, &t->arena,
                              WA_PRIMARY_DATA(
                                  COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY),
                              &request);
}


/* -- the answer ----------------------------------------------------------- */

wa_err_t
wa_appstate_answered(wa_unit_t *u, const answer_t *answer)
{
    size_t     i;
    wa_span_t  bytes;

    if (!answer->has_peer_data_operation_request_type
        || answer->peer_data_operation_request_type
           != WA_PRIMARY_DATA(COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY))
    {
        return WA_OK;
    }

    for (i = 0; i < answer->n_peer_data_operation_result; i++) {

        if (answer->peer_data_operation_result[i]
                ->syncd_snapshot_fatal_recovery_response == NULL)
        {
            continue;
        }

        bytes = wa_pb_span(&answer->peer_data_operation_result[i]
                               ->syncd_snapshot_fatal_recovery_response
                               ->collection_snapshot);

        return answer_keep(u, answer->peer_data_operation_result[i]
                                  ->syncd_snapshot_fatal_recovery_response
                                  ->is_compressed, bytes);
    }

    wa_log(wa_unit_account(u), WA_LOG_WARN,
           "our phone has no app state for us");

    return WA_OK;
}


/* A record: a byte that tells if the others are packed.  Which collection it
   is shows when it is read. */
static wa_err_t
answer_keep(wa_unit_t *u, bool packed, wa_span_t bytes)
{
    bool           asked;
    char           name[WA_AS_NAME];
    size_t         i;
    wa_as_t        as;
    wa_buf_t       value = WA_BUF_EMPTY;
    wa_err_t       rc;
    unsigned       slot;
    wa_account_t  *a;

    a = wa_unit_account(u);
    rc = wa_as_get(a, &as);

    if (rc != WA_OK || wa_as_state(a) == NULL) {
        return rc == WA_OK ? WA_ERR_NOMEM : rc;
    }

    for (asked = false, i = 0; i < WA_COLLECTION_MAX; i++) {
        asked |= (as.c[i].asked != 0 && (as.c[i].dirty || !as.c[i].known));
    }

    for (slot = 0; (as.answers >> slot & 1) != 0; slot++) { /* void */ }

    if (!asked || slot >= WA_AS_ANSWERS || bytes.n == 0
        || bytes.n > ANSWER_MAX)
    {
        wa_log(a, WA_LOG_WARN, "our phone sent app state that is not wanted, "
               "or too long: %zu bytes", bytes.n);
        return WA_OK;
    }

    as.answers |= 1u << slot;
    (void) snprintf(name, sizeof(name), "as/answer/%u", slot);
    rc = wa_buf_append(&value, packed ? "\1" : "\0", 1);

    if (rc == WA_OK) {
        rc = wa_buf_append_span(&value, bytes);
    }

    if (rc == WA_OK) {
        rc = wa_unit_put(u, name, 0, wa_span_buf(&value));
    }

    wa_buf_wipe(&value);

    if (rc == WA_OK) {
        rc = wa_as_put(u, &as);
    }

    if (rc == WA_OK) {
        a->appstate->answered = true;
        wa_as_want(a, 0);
    }

    return rc;
}


/* -- taking it ------------------------------------------------------------ */

wa_err_t
wa_as_recover(wa_task_t *parent)
{
    wa_task_t  *t;

    t = wa_task_child(parent, "app state of our phone", recover_listed);

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    t->data = wa_arena_calloc(&t->arena, 1, sizeof(recover_t));

    if (t->data == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    recover_need(t, recover_listed, false);

    return WA_AGAIN;
}


static void
recover_need(wa_task_t *t, wa_task_pt then, bool answer)
{
    size_t      n;
    wa_err_t    rc;
    wa_key_t    keys[WA_APPSTATE_KEYS + 1];
    recover_t  *r;

    r = t->data;
    n = wa_appstate_need(keys);

    if (answer) {
        keys[n].name = wa_span_str(r->name);
        keys[n].day = 0;
        n++;
    }

    t->resume = then;
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        then(t, rc);
    }
}


static void
recover_listed(wa_task_t *t, wa_err_t rc)
{
    wa_as_t     as;
    unsigned    left;
    recover_t  *r;

    r = t->data;
    left = 0;

    if (rc == WA_OK) {
        rc = wa_as_get(t->account, &as);
    }

    if (rc == WA_OK) {
        left = as.answers & ~r->tried;
    }

    if (left == 0) {
        wa_task_end(t, rc);
        return;
    }

    for (r->slot = 0; (left >> r->slot & 1) == 0; r->slot++) { /* void */ }

    r->tried |= 1u << r->slot;
    (void) snprintf(r->name, sizeof(r->name), "as/answer/%u", r->slot);
    recover_need(t, recover_loaded, true);
}


static void
recover_loaded(wa_task_t *t, wa_err_t rc)
{
    wa_span_t   value;
    recover_t  *r;

    r = t->data;
    value = wa_span_none();

    if (rc == WA_OK) {
        rc = wa_record_get(t->account, r->name, 0, &value);
    }

    if (rc == WA_OK && value.n == 0) {
        rc = WA_ERR_SYNTAX;
    }

    if (rc == WA_OK) {
        memset(&r->in, 0, sizeof(r->in));
        r->in.snapshot = true;
        r->in.recovery = true;
        r->in.packed = (value.p[0] != 0);
        rc = wa_arena_dup_span(&t->arena,
                               wa_span(value.p + 1, value.n - 1),
                               &r->in.bytes);
    }

    t->resume = recover_applied;

    if (rc == WA_OK) {
        rc = wa_as_apply(t, &r->in);
    }

    if (rc != WA_AGAIN) {
        recover_applied(t, rc);
    }
}


/* What the account lacks to take it may come: it waits for the next login, or
   for keys. */
static void
recover_applied(wa_task_t *t, wa_err_t rc)
{
    recover_t     *r;
    wa_account_t  *a;

    a = t->account;
    r = t->data;

    switch (rc) {

    case WA_OK:
        wa_log(a, WA_LOG_INFO, "app state %s is what our phone sent",
               wa_collection_name(r->in.collection));
        a->appstate->wanted |= (uint8_t) (1u << r->in.collection);
        break;

    case WA_ERR_NO_SESSION:
        wa_as_key_ask(a, r->in.missing, r->in.n_missing);
        recover_need(t, recover_listed, false);
        return;

    case WA_ERR_AUTH:
    case WA_ERR_SYNTAX:
    case WA_ERR_LIMIT:
    case WA_ERR_STATE:
        wa_log(a, WA_LOG_WARN, "app state that our phone sent is not taken: "
               "%s", wa_err_name(rc));
        break;

    default:
        wa_task_end(t, rc);
        return;
    }

    recover_need(t, recover_clear, false);
}


static void
recover_clear(wa_task_t *t, wa_err_t rc)
{
    wa_as_t     as;
    wa_unit_t  *u;
    recover_t  *r;

    r = t->data;
    u = NULL;

    if (rc == WA_OK) {
        rc = wa_as_get(t->account, &as);
    }

    if (rc == WA_OK) {
        as.answers &= ~(1u << r->slot);
        u = wa_unit_new(t->account);
        (void) wa_unit_del(u, r->name, 0);
        (void) wa_as_put(u, &as);
        t->resume = recover_next;
        rc = wa_task_commit(t, u);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
recover_next(wa_task_t *t, wa_err_t rc)
{
    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    recover_need(t, recover_listed, false);
}
