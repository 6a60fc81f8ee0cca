/*
 * Asking our phone for messages that could not be read:
 *
 *     ask_start     the list
 *     ask_listed    which are due; what tells that they came by themselves
 *     ask_reached   a session with the phone
 *     ask_send      one unit: the request, and when to ask again
 */
#include "wa_account_int.h"
#include "wa_conn.h"
#include "wa_placeholder_int.h"
#include "wa_primary.h"


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


_Static_assert(1 + ASK_BATCH <= WA_PRIMARY_MORE,
               "room for the list and what tells that messages came");


typedef Wa__WantedList__Item  item_t;

typedef WA_PRIMARY_REQUEST(PlaceholderMessageResendRequest)  resend_t;


static void ask_start(wa_account_t *a);
static void ask_listed(wa_task_t *t, wa_err_t rc);
static void ask_reached(wa_task_t *t, wa_err_t rc);
static size_t ask_need(wa_task_t *t, wa_key_t *keys);
static size_t ask_due(const wa_account_t *a, const Wa__WantedList *list,
    size_t *due);
static wa_err_t ask_send(wa_unit_t *u, wa_task_t *t, Wa__WantedList *list);
static wa_err_t ask_message(wa_unit_t *u, wa_task_t *t, item_t *const *items,
    size_t n);
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
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    t = wa_task_new(a, "placeholder", ask_listed);
    if (t == NULL) {
        wa_wanted_wake(a, ASK_REST_MS);
        return;
    }

    a->wanted.asking = true;
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

    t->resume = ask_reached;
    rc = wa_primary_reach(t, ask_need);

    if (rc != WA_AGAIN) {
        ask_end(t, rc);
    }
}


/* The list, and what is due of it. */
static size_t
ask_need(wa_task_t *t, wa_key_t *keys)
{
    size_t           i, n, count, due[ASK_BATCH];
    wa_err_t         rc;
    Wa__WantedList  *list;

    keys[0].name = wa_span_str(WA_PLACEHOLDER_RECORD);
    keys[0].day = 0;
    n = 1;

    rc = wa_wanted_get(t->account, &t->arena, &list);
    count = (rc == WA_OK) ? ask_due(t->account, list, due) : 0;

    for (i = 0; i < count; i++) {

        if (list->items[due[i]]->seen != NULL) {
            keys[n].name = wa_span_str(list->items[due[i]]->seen);
            keys[n].day = list->items[due[i]]->day;
            n++;
        }
    }

    return rc == WA_ERR_NOMEM ? 0 : n;
}


static void
ask_reached(wa_task_t *t, wa_err_t rc)
{
    wa_unit_t       *u;
    wa_account_t    *a;
    Wa__WantedList  *list;

    a = t->account;

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
        rc = ask_message(u, t, items, n);
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
ask_message(wa_unit_t *u, wa_task_t *t, item_t *const *items, size_t n)
{
    size_t                 i;
    resend_t              *one, *all[ASK_BATCH];
    Wa__MessageKey        *key;
    wa_primary_request_t   request;

    WA_PRIMARY_REQUEST_INIT(init)(&request);

    for (i = 0; i < n; i++) {
        one = wa_arena_calloc(&t->arena, 1, sizeof(*one));
        key = wa_arena_calloc(&t->arena, 1, sizeof(*key));

        if (one == NULL || key == NULL) {
            return WA_ERR_NOMEM;
        }

        WA_PRIMARY_REQUEST_INIT(placeholder_message_resend_request__init)
            (one);
        wa__message_key__init(key);

        key->remote_jid = items[i]->chat;
        key->has_from_me = 1;
        key->from_me = items[i]->from_me;
        key->id = items[i]->id;
        key->participant = items[i]->from_me ? NULL : items[i]->participant;

        one->message_key = key;
        all[i] = one;
    }

    request.n_placeholder_message_resend_request = n;
    request.placeholder_message_resend_request = all;

    return wa_primary_request(u, &t->arena,
                              WA_PRIMARY_DATA(PLACEHOLDER_MESSAGE_RESEND),
                              &request);
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
