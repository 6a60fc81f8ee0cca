/*
 * Messages to our own phone, see wa_primary.h.
 *
 *     reach_need      the records of a session with it, and the parent's
 *     reach_loaded    the phone's keys, if there is no session
 *     reach_fetched   the records again: some may have gone meanwhile
 */
#include "wa_primary.h"

#include "wa_account_int.h"
#include "wa_bundle.h"
#include "wa_hashes.h"
#include "wa_pb.h"
#include "wa_sent.h"
#include "wa_signal.h"


#define REACH_KEYS  (WA_SIGNAL_KEYS + WA_BUNDLE_KEYS + WA_PRIMARY_MORE)


typedef struct {
    wa_primary_need_pt  need;
    wa_err_t            fetched;
    bool                tried;          /* the phone's keys were fetched */
} reach_t;


static void reach_need(wa_task_t *t);
static void reach_loaded(wa_task_t *t, wa_err_t rc);
static void reach_fetched(wa_task_t *t, wa_err_t rc);
static wa_err_t primary_send(wa_unit_t *u, wa_arena_t *arena,
    wa_span_t bytes);


wa_jid_t
wa_primary_jid(const wa_account_t *a)
{
    const wa_jid_t  *self;

    self = wa_account_self(a, WA_SERVER_LID);

    if (self->server == WA_SERVER_NONE) {
        self = wa_account_self(a, WA_SERVER_PN);
    }

    return wa_jid_bare(self);
}


wa_err_t
wa_primary_reach(wa_task_t *parent, wa_primary_need_pt need)
{
    reach_t    *reach;
    wa_task_t  *t;

    t = wa_task_child(parent, "reach phone", reach_loaded);

    if (t == NULL) {
        return WA_ERR_NOMEM;
    }

    reach = wa_arena_calloc(&t->arena, 1, sizeof(reach_t));

    if (reach == NULL) {
        wa_task_end(t, WA_ERR_NOMEM);
        return WA_AGAIN;
    }

    reach->need = need;
    t->data = reach;
    reach_need(t);

    return WA_AGAIN;
}


static void
reach_need(wa_task_t *t)
{
    size_t     own, more, bundle;
    reach_t   *reach;
    wa_err_t   rc;
    wa_jid_t   phone;
    wa_key_t   keys[REACH_KEYS];

    reach = t->data;
    phone = wa_primary_jid(t->account);
    own = wa_signal_need(&phone, &t->arena, keys);
    bundle = wa_bundle_need(&phone, &t->arena, keys + own);
    more = reach->need(t->parent, keys + own + bundle);

    t->resume = reach_loaded;
    rc = own == 0 || bundle == 0 || more == 0
         ? WA_ERR_NOMEM : wa_task_need(t, keys, own + bundle + more);

    if (rc != WA_AGAIN) {
        reach_loaded(t, rc);
    }
}


static void
reach_loaded(wa_task_t *t, wa_err_t rc)
{
    reach_t   *reach;
    wa_jid_t   phone;

    reach = t->data;
    phone = wa_primary_jid(t->account);

    if (rc == WA_OK && !wa_account_online(t->account)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK && !reach->tried
        && !wa_signal_has_session(t->account, &phone))
    {
        reach->tried = true;
        t->resume = reach_fetched;
        rc = wa_bundle_fetch(t, &phone, 1, &reach->fetched);
    }

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}


static void
reach_fetched(wa_task_t *t, wa_err_t rc)
{
    reach_t  *reach;

    reach = t->data;

    if (rc == WA_OK) {
        rc = reach->fetched;
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    reach_need(t);
}


wa_err_t
wa_primary_request(wa_unit_t *u, wa_arena_t *arena,
    Wa__Message__PeerDataOperationRequestType type,
    wa_primary_request_t *request)
{
    wa_primary_message_t  message;

    request->has_peer_data_operation_request_type = 1;
    request->peer_data_operation_request_type = type;

    wa__message__protocol_message__init(&message);
    message.has_type = 1;
    message.type = WA_PRIMARY_TYPE(PEER_DATA_OPERATION_REQUEST_MESSAGE);
    message.peer_data_operation_request_message = request;

    return wa_primary_send(u, arena, &message);
}


wa_err_t
wa_primary_send(wa_unit_t *u, wa_arena_t *arena,
    wa_primary_message_t *message)
{
    wa_buf_t     bytes = WA_BUF_EMPTY;
    wa_err_t     rc;
    Wa__Message  outer;

    wa__message__init(&outer);
    outer.protocol_message = message;
    rc = WA_PB_PACK(&outer, &bytes);

    if (rc == WA_OK) {
        rc = primary_send(u, arena, wa_span_buf(&bytes));
    }

    wa_buf_free(&bytes);

    return rc;
}


/*
 * <message id to=<own PN> type=text category=peer push_priority=high_force>
 *     <meta appdata=default/><enc/>[<device-identity/>]
 */
static wa_err_t
primary_send(wa_unit_t *u, wa_arena_t *arena, wa_span_t bytes)
{
    bool           pkmsg;
    char           id[WA_MESSAGE_ID_LEN];
    uint8_t        random[16];
    wa_err_t       rc;
    wa_jid_t       phone, to;
    wa_node_t     *node, *meta, *enc;
    wa_account_t  *a;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    a = wa_unit_account(u);
    phone = wa_primary_jid(a);
    to = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    if (!wa_signal_has_session(a, &phone)) {
        return WA_ERR_NO_SESSION;
    }

    wa_account_random(a, random, sizeof(random));

    rc = wa_message_id(wa_unix_s(a), wa_span_str(to.user), random, id);

    if (rc == WA_OK) {
        pkmsg = false;
        rc = wa_sent_enc(u, arena, &phone, bytes, 0, &enc, &pkmsg);
    }

    if (rc != WA_OK) {
        return rc;
    }

    node = wa_node_new(arena, "message");

    wa_node_set(arena, node, "id", wa_span_str(id));
    wa_node_set_jid(arena, node, "to", &to);
    wa_node_set_str(arena, node, "type", "text");
    wa_node_set_str(arena, node, "category", "peer");
    wa_node_set_str(arena, node, "push_priority", "high_force");

    meta = wa_node_add_new(arena, node, "meta");
    wa_node_set_str(arena, meta, "appdata", "default");
    wa_node_add(arena, node, enc);

    if (pkmsg) {
        wa_sent_identity(a, arena, node);
    }

    return wa_unit_send(u, node);
}
