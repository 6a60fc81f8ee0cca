/*
 * History that our phone offers, see wa_history_verbs.h.
 */
#include "wa_history_verbs.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_event_message.h"
#include "wa_history.h"
#include "wa_life_int.h"
#include "wa_out.h"
#include "wa_pb.h"
#include "wa_receipt.h"


/* Pieces that wait: a phone offers some dozen. */
#define OFFER_MAX        512u

/* A moment for more to come, after an offer and after a login. */
#define OFFER_WAKE_MS    50
#define LOGIN_WAKE_MS    1000

/* Until the next attempt, s: the first ones are soon. */
#define DONE_TRIES       8u
#define DONE_PAUSE_S     15

#define NAME_LEN         (WA_STANZA_NAME_LEN + 8)


/* history.next and history.done. */
typedef struct {
    wa_query_t   query;
    char         id[WA_STANZA_NAME_LEN + 8];
    int64_t      chats;         /* history.done */
    int64_t      contacts;
    int64_t      messages;
    bool         taken;
    bool         again;
    bool         final;         /* it is not tried again */
} piece_t;

typedef Wa__HistoryList__Item  item_t;

typedef Wa__Message__HistorySyncNotification  notification_t;


static const char *const  depth_modes[] = { "none", "recent", "full" };


static void offer_wake(wa_account_t *a, wa_time_t ms);
static bool list_open(wa_task_t *t, wa_err_t rc, Wa__HistoryList **list);
static void next_listed(wa_task_t *t, wa_err_t rc);
static void next_loaded(wa_task_t *t, wa_err_t rc);
static json_t *next_json(wa_account_t *a, const char *id,
    const char *message_id, const notification_t *n);
static void done_loaded(wa_task_t *t, wa_err_t rc);
static void done_commit(wa_task_t *t, Wa__HistoryList *list, size_t i);
static wa_err_t done_taken(wa_unit_t *u, wa_task_t *t, bool last);
static void done_failed(const piece_t *p, item_t *item, wa_account_t *a,
    bool *gone);
static json_t *bytes_json(protobuf_c_boolean has,
    const ProtobufCBinaryData *b);
static bool id_valid(const char *id);


/* -- the setting ----------------------------------------------------------- */

wa_history_depth_t
wa_history_depth(const wa_account_t *a)
{
    unsigned              i;
    const char           *mode;
    const json_t         *v;
    wa_history_depth_t    d;

    v = json_object_get(a->life->meta, "history");
    mode = json_string_value(json_object_get(v, "mode"));

    d.mode = WA_HISTORY_MODE_RECENT;
    d.days = (uint32_t) json_integer_value(json_object_get(v, "days"));

    for (i = 0; mode != NULL && i <= WA_HISTORY_MODE_FULL; i++) {

        if (strcmp(mode, depth_modes[i]) == 0) {
            d.mode = (wa_history_mode_e) i;
        }
    }

    return d;
}


json_t *
wa_history_depth_view(const wa_account_t *a)
{
    wa_history_depth_t  depth;

    depth = wa_history_depth(a);

    return json_pack("{s:s, s:I}", "mode", depth_modes[depth.mode], "days",
                     (json_int_t) depth.days);
}


wa_err_t
wa_history_depth_check(const json_t *v)
{
    const char    *mode;
    json_int_t     n;
    const json_t  *days, *word;

    if (!json_is_object(v)) {
        return WA_ERR_ARG;
    }

    days = json_object_get(v, "days");
    word = json_object_get(v, "mode");
    n = json_integer_value(days);
    mode = json_string_value(word);

    if ((days != NULL && (!json_is_integer(days) || n < 0
                          || n > WA_HISTORY_DAYS_MAX))
        || (word != NULL && mode == NULL)
        || (mode != NULL && strcmp(mode, depth_modes[0]) != 0
            && strcmp(mode, depth_modes[1]) != 0
            && strcmp(mode, depth_modes[2]) != 0)
        || json_object_size(v)
           != (size_t) (days != NULL) + (size_t) (word != NULL))
    {
        return WA_ERR_ARG;
    }

    return WA_OK;
}


/* -- the list -------------------------------------------------------------- */

wa_err_t
wa_history_list(wa_account_t *a, wa_arena_t *arena, Wa__HistoryList **list)
{
    wa_err_t   rc;
    wa_span_t  value;

    rc = wa_record_get(a, WA_HISTORY_RECORD, 0, &value);

    if (rc != WA_OK) {
        return rc;
    }

    if (value.p != NULL) {
        rc = WA_PB_UNPACK(wa__history_list__descriptor, value, arena, list);

        if (rc == WA_OK || rc == WA_ERR_NOMEM) {
            return rc;
        }

        wa_log(a, WA_LOG_ERROR, "the list of history does not parse");
    }

    *list = wa_arena_calloc(arena, 1, sizeof(Wa__HistoryList));

    if (*list == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__history_list__init(*list);

    return WA_OK;
}


wa_err_t
wa_history_list_put(wa_unit_t *u, const Wa__HistoryList *list)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    rc = WA_PB_PACK(list, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_HISTORY_RECORD, 0,
                         packed.n == 0 ? wa_span_none()
                                       : wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


wa_err_t
wa_history_offer(wa_unit_t *u, const wa_recv_t *m, const notification_t *n)
{
    char               name[NAME_LEN];
    size_t             count;
    item_t             item, **items;
    wa_err_t           rc;
    wa_buf_t           packed = WA_BUF_EMPTY;
    wa_account_t      *a;
    Wa__HistoryList   *list;

    a = wa_unit_account(u);
    rc = wa_history_list(a, m->arena, &list);

    if (rc != WA_OK) {
        return rc;
    }

    count = list->n_items;
    items = wa_arena_calloc(m->arena, count + 1, sizeof(*items));

    if (items == NULL) {
        return WA_ERR_NOMEM;
    }

    if (count >= OFFER_MAX) {
        wa_log(a, WA_LOG_WARN, "our phone offers more history than is kept");
        return WA_OK;
    }

    if (count != 0) {
        memcpy(items, list->items, count * sizeof(*items));
    }

    (void) snprintf(name, sizeof(name), WA_HISTORY_RECORD "/%s",
                    m->key.seen + sizeof("seen/") - 1);

    wa__history_list__item__init(&item);
    item.name = name + sizeof(WA_HISTORY_RECORD);     /* behind the '/' */
    item.id = wa_arena_strdup(m->arena, m->id);
    item.has_timestamp = 1;
    item.timestamp = m->ts;
    items[count] = &item;
    list->items = items;
    list->n_items = count + 1;

    rc = item.id == NULL ? WA_ERR_NOMEM
                         : wa_pb_pack(&n->base, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, name, 0, wa_span_buf(&packed));
    }

    if (rc == WA_OK) {
        rc = wa_history_list_put(u, list);
    }

    wa_buf_wipe(&packed);

    if (rc == WA_OK) {
        offer_wake(a, OFFER_WAKE_MS);
    }

    return rc;
}


/* -- telling the host ------------------------------------------------------ */

void
wa_history_online(wa_account_t *a)
{
    offer_wake(a, LOGIN_WAKE_MS);
}


static void
offer_wake(wa_account_t *a, wa_time_t ms)
{
    if (a->history_at == 0 || a->now + ms < a->history_at) {
        a->history_at = a->now + ms;
    }
}


void
wa_history_expire(wa_account_t *a)
{
    if (a->history_at != 0 && a->now >= a->history_at
        && wa_account_online(a))
    {
        a->history_at = 0;
        (void) wa_outq_simple(a, WA_OUT_HISTORY);
    }
}


wa_time_t
wa_history_deadline(const wa_account_t *a)
{
    return a->history_at != 0 && wa_account_online(a) ? a->history_at : -1;
}


/* -- history.next ---------------------------------------------------------- */

void
wa_history_next_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "history next", next_listed, sizeof(piece_t));

    if (t == NULL) {
        return;
    }

    key.name = wa_span_str(WA_HISTORY_RECORD);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        next_listed(t, rc);
    }
}


/* False: the task has ended. */
static bool
list_open(wa_task_t *t, wa_err_t rc, Wa__HistoryList **list)
{
    if (rc == WA_OK) {
        rc = wa_history_list(t->account, &t->arena, list);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return false;
    }

    return true;
}


/* The first that is due; what waits is looked at again in time. */
static void
next_listed(wa_task_t *t, wa_err_t rc)
{
    size_t            i;
    int64_t           now, left;
    item_t           *item;
    piece_t          *p;
    wa_key_t          key;
    Wa__HistoryList  *list;

    if (!list_open(t, rc, &list)) {
        return;
    }

    p = t->data;
    now = wa_unix_s(t->account);
    item = NULL;

    for (i = 0; i < list->n_items && item == NULL; i++) {

        if (list->items[i]->name == NULL || list->items[i]->id == NULL) {
            continue;
        }

        left = list->items[i]->due - now;

        if (left <= 0) {
            item = list->items[i];

        } else {
            offer_wake(t->account, (left < 3600 ? left : 3600) * 1000);
        }
    }

    if (item == NULL) {
        wa_query_done(t, json_object());
        return;
    }

    (void) snprintf(p->id, sizeof(p->id), WA_HISTORY_RECORD "/%s",
                    item->name);
    key.name = wa_span_str(p->id);
    key.day = 0;
    t->resume = next_loaded;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        next_loaded(t, rc);
    }
}


static void
next_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t            i;
    piece_t          *p;
    wa_span_t         value;
    const char       *name, *id;
    notification_t   *n;
    Wa__HistoryList  *list;

    if (!list_open(t, rc, &list)) {
        return;
    }

    p = t->data;
    name = p->id + sizeof(WA_HISTORY_RECORD);
    id = "";

    for (i = 0; i < list->n_items; i++) {

        if (list->items[i]->name != NULL
            && strcmp(list->items[i]->name, name) == 0)
        {
            id = list->items[i]->id;
        }
    }

    rc = wa_record_get(t->account, p->id, 0, &value);

    if (rc == WA_OK) {
        rc = WA_PB_UNPACK(wa__message__history_sync_notification__descriptor,
                          value, &t->arena, &n);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, next_json(t->account, name, id, n));
}


static json_t *
next_json(wa_account_t *a, const char *id, const char *message_id,
    const notification_t *n)
{
    json_t              *v;
    wa_jid_t             pn, lid;
    wa_history_depth_t   depth;

    depth = wa_history_depth(a);
    pn = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));
    lid = wa_jid_bare(wa_account_self(a, WA_SERVER_LID));

    v = json_pack("{s:s, s:s, s:i, s:I, s:s, s:I}", "id", id,
                  "message_id", message_id,
                  "type", n->has_sync_type ? (int) n->sync_type : -1,
                  "chunk", (json_int_t) n->chunk_order,
                  "mode", depth_modes[depth.mode],
                  "days", (json_int_t) depth.days);

    if (v == NULL) {
        return NULL;
    }

    if (n->has_progress) {
        (void) json_object_set_new(v, "progress",
                                   json_integer(n->progress));
    }

    if (n->direct_path != NULL) {
        (void) json_object_set_new(v, "direct_path",
                                   wa_json_text(n->direct_path));
    }

    (void) json_object_set_new(v, "media_key",
        bytes_json(n->has_media_key, &n->media_key));
    (void) json_object_set_new(v, "file_sha256",
        bytes_json(n->has_file_sha256, &n->file_sha256));
    (void) json_object_set_new(v, "file_enc_sha256",
        bytes_json(n->has_file_enc_sha256, &n->file_enc_sha256));
    (void) json_object_set_new(v, "inline",
        bytes_json(n->has_initial_hist_bootstrap_inline_payload,
                   &n->initial_hist_bootstrap_inline_payload));
    (void) json_object_set_new(v, "pn", wa_json_jid(&pn));
    (void) json_object_set_new(v, "lid", wa_json_jid(&lid));

    return v;
}


static json_t *
bytes_json(protobuf_c_boolean has, const ProtobufCBinaryData *b)
{
    json_t    *v;
    wa_buf_t   text = WA_BUF_EMPTY;

    v = NULL;

    if (!has || b->len == 0) {
        return json_null();
    }

    if (wa_b64_encode(wa_pb_span(b), WA_B64_STD, &text) == WA_OK) {
        v = wa_json_span(wa_span_buf(&text));
    }

    wa_buf_wipe(&text);

    return v;
}


/* -- history.done ---------------------------------------------------------- */

void
wa_history_done_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    piece_t     *p;
    wa_err_t     rc;
    wa_key_t     keys[2];
    wa_task_t   *t;
    const char  *id;

    id = json_string_value(json_object_get(cmd->args, "id"));

    if (id == NULL || !id_valid(id)) {
        wa_account_reply(a, cmd->id, "INVALID_PARAMETER", "No id", NULL);
        return;
    }

    t = wa_query_task(a, cmd, "history done", done_loaded, sizeof(piece_t));

    if (t == NULL) {
        return;
    }

    p = t->data;
    p->chats = json_integer_value(json_object_get(cmd->args, "chats"));
    p->contacts = json_integer_value(json_object_get(cmd->args,
                                                     "contacts"));
    p->messages = json_integer_value(json_object_get(cmd->args,
                                                     "messages"));
    p->taken = json_is_true(json_object_get(cmd->args, "taken"));
    p->again = json_is_true(json_object_get(cmd->args, "again"));
    p->final = json_is_false(json_object_get(cmd->args, "retry"));
    (void) snprintf(p->id, sizeof(p->id), WA_HISTORY_RECORD "/%s", id);

    keys[0].name = wa_span_str(WA_HISTORY_RECORD);
    keys[0].day = 0;
    keys[1].name = wa_span_str(p->id);
    keys[1].day = 0;
    rc = wa_task_need(t, keys, 2);

    if (rc != WA_AGAIN) {
        done_loaded(t, rc);
    }
}


static bool
id_valid(const char *id)
{
    size_t  i;

    for (i = 0; id[i] != '\0'; i++) {

        if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'z')
              || (id[i] >= 'A' && id[i] <= 'Z')))
        {
            return false;
        }
    }

    return i != 0 && i < WA_STANZA_NAME_LEN;
}


static void
done_loaded(wa_task_t *t, wa_err_t rc)
{
    size_t            i;
    piece_t          *p;
    Wa__HistoryList  *list;

    if (!list_open(t, rc, &list)) {
        return;
    }

    p = t->data;

    for (i = 0; i < list->n_items; i++) {

        if (list->items[i]->name != NULL && list->items[i]->id != NULL
            && strcmp(list->items[i]->name,
                      p->id + sizeof(WA_HISTORY_RECORD)) == 0)
        {
            done_commit(t, list, i);
            return;
        }
    }

    /* somebody else was first, before a handover */

    wa_query_done(t, json_object());
}


static void
done_commit(wa_task_t *t, Wa__HistoryList *list, size_t i)
{
    bool           gone;
    item_t        *item;
    piece_t       *p;
    wa_err_t       rc;
    wa_unit_t     *u;
    wa_account_t  *a;

    p = t->data;
    a = t->account;
    item = list->items[i];
    gone = true;
    u = wa_unit_new(a);
    rc = u == NULL ? WA_ERR_NOMEM : WA_OK;

    if (rc == WA_OK && p->taken) {
        rc = done_taken(u, t, list->n_items == 1);

    } else if (rc == WA_OK) {
        done_failed(p, item, a, &gone);
    }

    if (rc == WA_OK && gone) {
        list->failures = 0;
        memmove(&list->items[i], &list->items[i + 1],
                (list->n_items - i - 1) * sizeof(list->items[0]));
        list->n_items--;
        rc = wa_unit_del(u, p->id, 0);

        if (rc == WA_OK) {
            rc = wa_receipt_history(u, item->id);
        }
    }

    if (rc == WA_OK) {
        rc = wa_history_list_put(u, list);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, ((wa_query_t *) t->data)->cmd_id, NULL, NULL,
                           json_object());
    }

    wa_query_settle(t, u, rc);
}


/* The event; a request for older messages is answered with it. */
static wa_err_t
done_taken(wa_unit_t *u, wa_task_t *t, bool last)
{
    int               type;
    json_t           *data;
    piece_t          *p;
    wa_err_t          rc;
    wa_span_t         value;
    notification_t   *n;

    static const char *const  types[] = {
        "initial", "status", "full", "recent", "push_name", "other",
        "on_demand"
    };

    p = t->data;
    rc = wa_record_get(t->account, p->id, 0, &value);

    if (rc == WA_OK) {
        rc = WA_PB_UNPACK(wa__message__history_sync_notification__descriptor,
                          value, &t->arena, &n);
    }

    if (rc != WA_OK) {
        return rc;
    }

    type = n->has_sync_type ? n->sync_type : -1;
    data = json_pack("{s:I, s:I, s:I, s:o, s:b, s:s?, s:s?}",
        "chats", (json_int_t) p->chats,
        "contacts", (json_int_t) p->contacts,
        "messages", (json_int_t) p->messages,
        "progress", n->has_progress ? json_integer(n->progress)
                                    : json_null(),
        "is_latest", (int) (last && (!n->has_progress || n->progress >= 100)),
        "sync_type", type >= 0 && type <= WA_HISTORY_ON_DEMAND
                     ? types[type] : NULL,
        "request_id", n->peer_data_request_session_id);

    return data == NULL ? WA_ERR_NOMEM
                        : wa_unit_event(u, "history.sync", data);
}


static void
done_failed(const piece_t *p, item_t *item, wa_account_t *a, bool *gone)
{
    int64_t  pause;

    if (p->again) {
        *gone = false;
        item->has_due = 1;
        item->due = wa_unix_s(a) + DONE_PAUSE_S;
        offer_wake(a, DONE_PAUSE_S * 1000);
        return;
    }

    item->has_attempts = 1;
    item->attempts++;
    *gone = item->attempts >= DONE_TRIES || p->final;

    if (*gone) {
        wa_log(a, WA_LOG_WARN, "a piece of the phone's history is given up");
        return;
    }

    pause = (int64_t) DONE_PAUSE_S << (item->attempts - 1);
    item->has_due = 1;
    item->due = wa_unix_s(a) + pause;
    offer_wake(a, pause * 1000);
}
