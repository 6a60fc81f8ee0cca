/*
 * Asking our phone for messages that could not be read:
 *
 *     ask_start     the list
 *     ask_listed    which are due; what tells that they came by themselves
 *     ask_loaded    a session with the phone, fetched if there is none
 *     ask_send      one unit: the request, and when to ask again
 */
#include "wa_account_int.h"
#include "wa_bundle.h"
#include "wa_conn.h"
#include "wa_pb.h"
#include "wa_placeholder_int.h"
#include "wa_primary.h"
#include "wa_signal.h"


/* Messages in one request. */
#define ASK_BATCH      16

/* How often one is asked for, and the time between. */
#define ASK_TRIES      3

/* After a login the offline queue comes first: much solves itself. */
#define ASK_LOGIN_MS   10000

/* More is due, or the time was rounded down. */
#define ASK_NEXT_MS    500

/* After a failure: the server's, or of memory. */
#define ASK_REST_MS    60000

#define ASK_KEYS_MAX   (1 + ASK_BATCH + WA_PRIMARY_KEYS)


#define PROTOCOL(name)  WA__MESSAGE__PROTOCOL_MESSAGE__TYPE__ ## name

#define PEER_DATA(name)                                                       \
    WA__MESSAGE__PEER_DATA_OPERATION_REQUEST_TYPE__##name

/* The names that protobuf-c makes are long. */
#define REQUEST_INIT(name)                                                    \
    wa__message__peer_data_operation_request_message__##name


typedef Wa__WantedList__Item  item_t;

typedef Wa__Message__PeerDataOperationRequestMessage  request_t;

#define REQUEST(name)  Wa__Message__PeerDataOperationRequestMessage__ ## name

typedef REQUEST(PlaceholderMessageResendRequest)  resend_t;

typedef struct {
    wa_err_t  fetched;
    bool      tried;           /* the phone's keys were fetched */
} ask_t;


static void ask_start(wa_account_t *a);
static void ask_listed(wa_task_t *t, wa_err_t rc);
static void ask_loaded(wa_task_t *t, wa_err_t rc);
static void ask_fetched(wa_task_t *t, wa_err_t rc);
static wa_err_t ask_need(wa_task_t *t);
static size_t ask_due(const wa_account_t *a, const Wa__WantedList *list,
    size_t *due);
static wa_err_t ask_send(wa_unit_t *u, wa_task_t *t, Wa__WantedList *list);
static wa_err_t ask_message(wa_arena_t *arena, item_t *const *items,
    size_t n, wa_buf_t *out);
static void ask_schedule(wa_account_t *a, const Wa__WantedList *list);
static void ask_end(wa_task_t *t, wa_err_t rc);


void
wa_wanted_wake(wa_account_t *a, wa_time_t ms)
{
    if (a->wanted.at == 0 || a->now + ms < a->wanted.at) {
        a->wanted.at = a->now + ms;
    }
}


void
wa_placeholder_online(wa_account_t *a)
{
    wa_wanted_wake(a, ASK_LOGIN_MS);
}


static bool
ask_ready(const wa_account_t *a)
{
    return a->wanted.at != 0 && !a->wanted.asking && wa_account_online(a);
}


void
wa_placeholder_expire(wa_account_t *a)
{
    if (ask_ready(a) && a->now >= a->wanted.at) {
        a->wanted.at = 0;
        ask_start(a);
    }
}


wa_time_t
wa_placeholder_deadline(const wa_account_t *a)
{
    return ask_ready(a) ? a->wanted.at : -1;
}


static void
ask_start(wa_account_t *a)
{
    ask_t      *ask;
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    t = wa_task_new(a, "placeholder", ask_listed);
    if (t == NULL) {
        wa_wanted_wake(a, ASK_REST_MS);
        return;
    }

    a->wanted.asking = true;
    ask = wa_arena_calloc(&t->arena, 1, sizeof(ask_t));

    if (ask == NULL) {
        ask_end(t, WA_ERR_NOMEM);
        return;
    }

    t->data = ask;
    key.name = wa_span_str(WA_PLACEHOLDER_RECORD);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        ask_listed(t, rc);
    }
}


static void
ask_listed(wa_task_t *t, wa_err_t rc)
{
    size_t           due[ASK_BATCH];
    Wa__WantedList  *list;

    if (rc == WA_OK) {
        rc = wa_wanted_get(t->account, &t->arena, &list);
    }

    if (rc != WA_OK) {
        ask_end(t, rc);
        return;
    }

    if (ask_due(t->account, list, due) == 0) {
        ask_schedule(t->account, list);
        ask_end(t, WA_OK);
        return;
    }

    t->resume = ask_loaded;
    rc = ask_need(t);

    if (rc != WA_AGAIN) {
        ask_loaded(t, rc);
    }
}


/* The list, what is due of it, and the session with the phone. */
static wa_err_t
ask_need(wa_task_t *t)
{
    size_t           i, n, count, due[ASK_BATCH];
    wa_err_t         rc;
    wa_key_t         keys[ASK_KEYS_MAX];
    Wa__WantedList  *list;

    n = wa_primary_need(t->account, &t->arena, keys);
    if (n == 0) {
        return WA_ERR_NOMEM;
    }

    keys[n].name = wa_span_str(WA_PLACEHOLDER_RECORD);
    keys[n].day = 0;
    n++;

    rc = wa_wanted_get(t->account, &t->arena, &list);
    count = (rc == WA_OK) ? ask_due(t->account, list, due) : 0;

    for (i = 0; i < count; i++) {

        if (list->items[due[i]]->seen != NULL) {
            keys[n].name = wa_span_str(list->items[due[i]]->seen);
            keys[n].day = list->items[due[i]]->day;
            n++;
        }
    }

    return rc == WA_ERR_NOMEM ? rc : wa_task_need(t, keys, n);
}


static void
ask_loaded(wa_task_t *t, wa_err_t rc)
{
    ask_t           *ask;
    wa_jid_t         phone;
    wa_unit_t       *u;
    wa_account_t    *a;
    Wa__WantedList  *list;

    a = t->account;
    ask = t->data;
    phone = wa_primary_jid(a);

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK && !ask->tried && !wa_signal_has_session(a, &phone)) {
        ask->tried = true;
        t->resume = ask_fetched;
        rc = wa_bundle_fetch(t, &phone, 1, &ask->fetched);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_OK) {
        rc = wa_wanted_get(a, &t->arena, &list);
    }

    if (rc != WA_OK) {
        ask_end(t, rc);
        return;
    }

    u = wa_unit_new(a);
    rc = ask_send(u, t, list);

    if (rc != WA_OK) {
        wa_unit_drop(u);

    } else {
        rc = wa_unit_commit(u, NULL);
    }

    if (rc == WA_OK) {
        ask_schedule(a, list);
    }

    ask_end(t, rc);
}


static void
ask_fetched(wa_task_t *t, wa_err_t rc)
{
    ask_t  *ask;

    ask = t->data;

    if (rc == WA_OK) {
        rc = ask->fetched;
    }

    if (rc == WA_OK) {
        t->resume = ask_loaded;
        rc = ask_need(t);

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_OK) {
        ask_loaded(t, rc);
        return;
    }

    ask_end(t, rc);
}


/* Places in the list, ASK_BATCH at most. */
static size_t
ask_due(const wa_account_t *a, const Wa__WantedList *list, size_t *due)
{
    size_t   i, n;
    int64_t  now;

    now = wa_unix_s(a);
    n = 0;

    for (i = 0; i < list->n_items && n < ASK_BATCH; i++) {

        if (list->items[i]->due <= now) {
            due[n++] = i;
        }
    }

    return n;
}


/* Leaves in `list` what is wanted from now on. */
static wa_err_t
ask_send(wa_unit_t *u, wa_task_t *t, Wa__WantedList *list)
{
    size_t     i, n, count, due[ASK_BATCH];
    item_t    *item, *items[ASK_BATCH];
    wa_err_t   rc;
    wa_buf_t   message = WA_BUF_EMPTY;

    static const int64_t  pause_s[ASK_TRIES] = { 600, 3600, 86400 };

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    count = ask_due(t->account, list, due);
    n = 0;

    for (i = count; i-- > 0; /* void */ ) {
        item = list->items[due[i]];

        if (item->asked >= ASK_TRIES || item->id == NULL || item->chat == NULL
            || wa_wanted_came(t->account, item))
        {
            wa_wanted_remove(list, due[i]);
            continue;
        }

        item->due = wa_unix_s(t->account) + pause_s[item->asked];
        item->has_asked = 1;
        item->asked++;
        items[n++] = item;
    }

    rc = WA_OK;

    if (n != 0) {
        rc = ask_message(&t->arena, items, n, &message);

        if (rc == WA_OK) {
            rc = wa_primary_send(u, &t->arena, wa_span_buf(&message));
        }

        wa_buf_free(&message);
    }

    if (rc == WA_OK && count != 0) {
        rc = wa_wanted_put(u, list);
    }

    if (rc == WA_OK && n != 0) {
        wa_log(t->account, WA_LOG_INFO, "our phone is asked for %u messages",
               (unsigned) n);
    }

    return rc;
}


static wa_err_t
ask_message(wa_arena_t *arena, item_t *const *items, size_t n, wa_buf_t *out)
{
    size_t                         i;
    resend_t                      *one, *all[ASK_BATCH];
    request_t                      request;
    Wa__Message                    message;
    Wa__MessageKey                *key;
    Wa__Message__ProtocolMessage   protocol;

    wa__message__init(&message);
    wa__message__protocol_message__init(&protocol);
    REQUEST_INIT(init)(&request);

    for (i = 0; i < n; i++) {
        one = wa_arena_calloc(arena, 1, sizeof(*one));
        key = wa_arena_calloc(arena, 1, sizeof(*key));

        if (one == NULL || key == NULL) {
            return WA_ERR_NOMEM;
        }

        REQUEST_INIT(placeholder_message_resend_request__init)(one);
        wa__message_key__init(key);

        key->remote_jid = items[i]->chat;
        key->has_from_me = 1;
        key->from_me = items[i]->from_me;
        key->id = items[i]->id;
        key->participant = items[i]->from_me ? NULL : items[i]->participant;

        one->message_key = key;
        all[i] = one;
    }

    request.has_peer_data_operation_request_type = 1;
    request.peer_data_operation_request_type =
        PEER_DATA(PLACEHOLDER_MESSAGE_RESEND);
    request.n_placeholder_message_resend_request = n;
    request.placeholder_message_resend_request = all;

    protocol.has_type = 1;
    protocol.type = PROTOCOL(PEER_DATA_OPERATION_REQUEST_MESSAGE);
    protocol.peer_data_operation_request_message = &request;
    message.protocol_message = &protocol;

    return WA_PB_PACK(&message, out);
}


static void
ask_schedule(wa_account_t *a, const Wa__WantedList *list)
{
    size_t   i;
    int64_t  now, left;

    now = wa_unix_s(a);

    for (i = 0; i < list->n_items; i++) {
        left = list->items[i]->due - now;
        left = left < 0 ? 0 : left > 86400 ? 86400 : left;
        wa_wanted_wake(a, left * 1000 + ASK_NEXT_MS);
    }
}


static void
ask_end(wa_task_t *t, wa_err_t rc)
{
    wa_account_t  *a;

    a = t->account;
    a->wanted.asking = false;

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_INFO, "our phone is not asked for messages: %s",
               wa_err_name(rc));
        wa_wanted_wake(a, ASK_REST_MS);
    }

    wa_task_end(t, rc);
}
