/*
 * Verbs of WA_OP_QUERY that change app state; they answer {}, or {id} of a new
 * label:
 *
 *     chat.change    {jid, archived? b, pinned? b, muted? b,
 *                     muted_until? unix s, unread? b, last?}
 *     chat.clear     {jid, keep_starred? b, last?}
 *     chat.delete    {jid, last?}
 *     message.star   {jid, message_id, from_me, sender?, value b}
 *     message.hide   {jid, message_id, from_me, sender?, timestamp}
 *     label.edit     {id, name, color? i, deleted? b, new? b}
 *     label.chat     {id, jid, value b}
 *     label.message  {id, jid, message_id, value b}
 *     contact.save   {jid, name?, first_name?}   without a name: removed
 *     setting.push_name {name}                   what others are shown
 *
 * A new label gets the number `id`, or a later one if a label has that.
 * `last` is the chat's newest message, {id, from_me, sender?, timestamp}: a
 * phone applies the change to what is not newer.  Actions, their collections
 * and versions: protocol notes, app state.
 */
#include "wa_appstate_int.h"
#include "wa_event_message.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_query.h"


#define QUERY_TEXT_MAX  1024


typedef struct {
    wa_query_t             query;       /* must be first */
    const char            *verb;
    wa_jid_t               jid;         /* NONE: about none */
    wa_jid_t               sender;
    wa_span_t              chat;        /* text of jid */
    wa_appstate_change_t   changes[WA_APPSTATE_CHANGES];
    wa_span_t              texts[3];
    bool                   flags[4];
    bool                   given[4];
    int64_t                number;
    Wa__SyncActionValue__MessageRange  *range;
    size_t                 n;
    size_t                 done;
} query_t;

/* Places in flags and texts. */
enum { F_ARCHIVED = 0, F_PINNED, F_MUTED, F_UNREAD };
enum { F_VALUE = 0, F_FROM_ME, F_NEW };
enum { T_ID = 0, T_NAME, T_FIRST };


static const char *const  query_names[] = {
    "chat.change", "chat.clear", "chat.delete", "message.star",
    "message.hide", "label.edit", "label.chat", "label.message",
    "contact.save", "setting.push_name"
};


static const char *query_args(wa_task_t *t, query_t *q, const json_t *args);
static void query_flag(query_t *q, size_t i, const json_t *args,
    const char *name);
static bool query_text(wa_task_t *t, query_t *q, size_t i,
    const json_t *args, const char *name, bool required);
static wa_err_t query_range(wa_task_t *t, query_t *q, const json_t *last);
static void query_known(wa_task_t *t, wa_err_t rc);
static wa_err_t query_changes(wa_task_t *t, query_t *q);
static wa_err_t query_chat(wa_task_t *t, query_t *q);
static wa_err_t query_clear(wa_task_t *t, query_t *q);
static wa_err_t query_delete(wa_task_t *t, query_t *q);
static wa_err_t query_archive(wa_task_t *t, query_t *q);
static wa_err_t query_pin(wa_task_t *t, query_t *q);
static wa_err_t query_read(wa_task_t *t, query_t *q);
static wa_err_t query_mute(wa_task_t *t, query_t *q);
static wa_err_t query_message(wa_task_t *t, query_t *q);
static wa_err_t query_label(wa_task_t *t, query_t *q);
static wa_err_t query_contact(wa_task_t *t, query_t *q);
static wa_err_t query_push_name(wa_task_t *t, query_t *q);
static wa_appstate_change_t *query_add(wa_task_t *t, query_t *q,
    wa_collection_e c, int32_t version, const char *action);
static wa_appstate_change_t *query_add_chat(wa_task_t *t, query_t *q,
    wa_collection_e c, int32_t version, const char *action);
static void query_part(wa_appstate_change_t *c, wa_span_t part);
static void query_write(wa_task_t *t, wa_err_t rc);


#define VALUE(name)  Wa__SyncActionValue__ ## name

/* A zeroed, initialised part of a value in the task's arena. */
#define PART(t, v, field, Name, name)                                         \
    do {                                                                      \
        (v)->field = wa_arena_calloc(&(t)->arena, 1, sizeof(VALUE(Name)));    \
        if ((v)->field == NULL) {                                             \
            return WA_ERR_NOMEM;                                              \
        }                                                                     \
        wa__sync_action_value__ ## name ## __init((v)->field);                \
    } while (0)


void
wa_appstate_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    size_t       i, n;
    query_t     *q;
    wa_err_t     rc;
    wa_key_t     keys[2 * WA_LID_KEYS];
    wa_task_t   *t;
    const char  *wrong;

    t = wa_query_task(a, cmd, "app state", query_known, sizeof(query_t));

    if (t == NULL) {
        return;
    }

    q = t->data;

    for (i = 0; i < sizeof(query_names) / sizeof(query_names[0]); i++) {

        if (wa_span_eq_str(wa_query_arg(cmd->args, "verb"),
                           query_names[i]))
        {
            q->verb = query_names[i];
        }
    }

    wrong = query_args(t, q, cmd->args);

    if (wrong != NULL) {
        wa_query_refuse(t, "VALIDATION_ERROR", wrong);
        return;
    }

    n = wa_lid_need(&q->jid, &t->arena, keys);
    n += wa_lid_need(&q->sender, &t->arena, keys + n);
    rc = wa_task_need(t, keys, n);

    if (rc != WA_AGAIN) {
        query_known(t, rc);
    }
}


/* NULL: they are as they should be. */
static const char *
query_args(wa_task_t *t, query_t *q, const json_t *args)
{
    bool       label;
    json_t    *v;

    label = strncmp(q->verb, "label.", 6) == 0;

    if (wa_query_arg_jid(args, "jid", &q->jid)) {
        q->jid = wa_jid_bare(&q->jid);

    } else if (strcmp(q->verb, "label.edit") != 0
               && strcmp(q->verb, "setting.push_name") != 0)
    {
        return "jid: is no address";
    }

    if (wa_query_arg_jid(args, "sender", &q->sender)) {
        q->sender = wa_jid_bare(&q->sender);
    }

    if (strcmp(q->verb, "chat.change") == 0) {
        query_flag(q, F_ARCHIVED, args, "archived");
        query_flag(q, F_PINNED, args, "pinned");
        query_flag(q, F_MUTED, args, "muted");
        query_flag(q, F_UNREAD, args, "unread");

    } else {
        query_flag(q, F_VALUE, args,
                   strcmp(q->verb, "label.edit") == 0 ? "deleted"
                   : strcmp(q->verb, "chat.clear") == 0 ? "keep_starred"
                   : "value");
        query_flag(q, F_FROM_ME, args, "from_me");
        query_flag(q, F_NEW, args, "new");
    }

    v = json_object_get(args, label ? "color"
                        : strcmp(q->verb, "chat.change") == 0
                          ? "muted_until" : "timestamp");
    q->number = json_is_integer(v) ? json_integer_value(v) : -1;

    if (!query_text(t, q, T_ID, args, label ? "id" : "message_id",
                    label || strncmp(q->verb, "message.", 8) == 0))
    {
        return "id: is missing";
    }

    if (!query_text(t, q, T_NAME, args,
                    strcmp(q->verb, "label.message") == 0 ? "message_id"
                                                          : "name",
                    strcmp(q->verb, "label.message") == 0
                    || strcmp(q->verb, "label.edit") == 0
                    || strcmp(q->verb, "setting.push_name") == 0)
        || !query_text(t, q, T_FIRST, args, "first_name", false))
    {
        return "name: is missing, or too long";
    }

    return query_range(t, q, json_object_get(args, "last")) == WA_OK
           ? NULL : "last: is not as it should be";
}


static void
query_flag(query_t *q, size_t i, const json_t *args, const char *name)
{
    const json_t  *v;

    v = json_object_get(args, name);
    q->given[i] = json_is_boolean(v);
    q->flags[i] = json_is_true(v);
}


static bool
query_text(wa_task_t *t, query_t *q, size_t i, const json_t *args,
    const char *name, bool required)
{
    wa_span_t  s;

    s = wa_query_arg(args, name);

    if (s.n == 0) {
        return !required;
    }

    return s.n <= QUERY_TEXT_MAX && memchr(s.p, 0, s.n) == NULL
           && (q->texts[i].p = (uint8_t *) wa_arena_strdup(&t->arena, s))
              != NULL
           && (q->texts[i].n = s.n) != 0;
}


/* The chat's address in its key is set when it is known how it is written. */
static wa_err_t
query_range(wa_task_t *t, query_t *q, const json_t *last)
{
    wa_span_t                            id, sender;
    const json_t                        *ts;
    VALUE(RangeKey)                     *key;
    VALUE(RangeMessage)                 *m;

    q->range = wa_arena_calloc(&t->arena, 1, sizeof(*q->range));
    m = wa_arena_calloc(&t->arena, 1, sizeof(*m));
    key = wa_arena_calloc(&t->arena, 1, sizeof(*key));

    if (q->range == NULL || m == NULL || key == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__sync_action_value__message_range__init(q->range);
    wa__sync_action_value__range_message__init(m);
    wa__sync_action_value__range_key__init(key);

    id = wa_query_arg(last, "id");
    sender = wa_query_arg(last, "sender");
    ts = json_object_get(last, "timestamp");

    if (id.n == 0 || !json_is_integer(ts)) {
        return WA_OK;
    }

    key->id = wa_arena_strdup(&t->arena, id);
    key->has_from_me = 1;
    key->from_me = json_is_true(json_object_get(last, "from_me"));

    if (sender.n != 0 && !key->from_me && wa_jid_is_group(&q->jid)) {
        key->participant = wa_arena_strdup(&t->arena, sender);
    }

    m->key = key;
    m->has_timestamp = 1;
    m->timestamp = json_integer_value(ts);
    q->range->has_last_message_timestamp = 1;
    q->range->last_message_timestamp = m->timestamp;
    q->range->messages = wa_arena_calloc(&t->arena, 1, sizeof(m));

    if (q->range->messages == NULL || key->id == NULL) {
        return WA_ERR_NOMEM;
    }

    q->range->messages[0] = m;
    q->range->n_messages = 1;

    return WA_OK;
}


static void
query_known(wa_task_t *t, wa_err_t rc)
{
    char      text[WA_JID_TEXT_MAX];
    query_t  *q;

    q = t->data;

    if (rc == WA_OK && q->jid.server != WA_SERVER_NONE) {
        wa_lid_prefer(t->account, &q->jid);
        wa_lid_prefer(t->account, &q->sender);

        if (wa_jid_format(&q->jid, text, sizeof(text)) == 0) {
            rc = WA_ERR_ARG;

        } else {
            rc = wa_arena_dup_span(&t->arena, wa_span_str(text), &q->chat);
        }
    }

    if (rc == WA_OK && q->range->n_messages != 0) {
        q->range->messages[0]->key->remote_jid =
            wa_arena_strdup(&t->arena, q->chat);
    }

    if (rc == WA_OK) {
        rc = query_changes(t, q);
    }

    if (rc == WA_OK && q->n == 0) {
        wa_query_refuse(t, "VALIDATION_ERROR", "nothing is to be changed");
        return;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    query_write(t, WA_OK);
}


static wa_err_t
query_changes(wa_task_t *t, query_t *q)
{
    if (strncmp(q->verb, "chat.", 5) == 0) {
        return query_chat(t, q);
    }

    if (strncmp(q->verb, "message.", 8) == 0) {
        return query_message(t, q);
    }

    if (strncmp(q->verb, "label.", 6) == 0) {
        return query_label(t, q);
    }

    return strcmp(q->verb, "contact.save") == 0 ? query_contact(t, q)
                                                : query_push_name(t, q);
}


/* Whoever archives a chat unpins it. */
static wa_err_t
query_chat(wa_task_t *t, query_t *q)
{
    wa_err_t  rc;

    if (strcmp(q->verb, "chat.clear") == 0) {
        return query_clear(t, q);
    }

    if (strcmp(q->verb, "chat.delete") == 0) {
        return query_delete(t, q);
    }

    rc = WA_OK;

    if (q->given[F_ARCHIVED]) {
        rc = query_archive(t, q);
    }

    if (rc == WA_OK
        && (q->given[F_PINNED]
            || (q->given[F_ARCHIVED] && q->flags[F_ARCHIVED])))
    {
        rc = query_pin(t, q);
    }

    if (rc == WA_OK && q->given[F_UNREAD]) {
        rc = query_read(t, q);
    }

    if (rc == WA_OK && q->given[F_MUTED]) {
        rc = query_mute(t, q);
    }

    return rc;
}


static wa_err_t
query_clear(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_HIGH, 6, "clearChat");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    query_part(c, wa_span_str(q->flags[F_VALUE] ? "0" : "1"));
    query_part(c, wa_span_str("1"));
    PART(t, c->value, clear_chat_action, Range, range);
    c->value->clear_chat_action->message_range = q->range;

    return WA_OK;
}


static wa_err_t
query_delete(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_HIGH, 6, "deleteChat");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    query_part(c, wa_span_str("1"));
    PART(t, c->value, delete_chat_action, Range, range);
    c->value->delete_chat_action->message_range = q->range;

    return WA_OK;
}


static wa_err_t
query_archive(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_LOW, 3, "archive");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    PART(t, c->value, archive_chat_action, Archive, archive);
    c->value->archive_chat_action->has_archived = 1;
    c->value->archive_chat_action->archived = q->flags[F_ARCHIVED];
    c->value->archive_chat_action->message_range = q->range;

    return WA_OK;
}


static wa_err_t
query_pin(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_LOW, 5, "pin_v1");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    PART(t, c->value, pin_action, Pin, pin);
    c->value->pin_action->has_pinned = 1;
    c->value->pin_action->pinned = q->given[F_PINNED] && q->flags[F_PINNED];

    return WA_OK;
}


static wa_err_t
query_read(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_LOW, 3, "markChatAsRead");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    PART(t, c->value, mark_chat_as_read_action, MarkRead, mark_read);
    c->value->mark_chat_as_read_action->has_read = 1;
    c->value->mark_chat_as_read_action->read = !q->flags[F_UNREAD];
    c->value->mark_chat_as_read_action->message_range = q->range;

    return WA_OK;
}


static wa_err_t
query_mute(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_HIGH, 2, "mute");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    PART(t, c->value, mute_action, Mute, mute);
    c->value->mute_action->has_muted = 1;
    c->value->mute_action->muted = q->flags[F_MUTED];

    if (q->flags[F_MUTED]) {
        c->value->mute_action->has_mute_end_timestamp = 1;
        c->value->mute_action->mute_end_timestamp =
            q->number > 0 ? q->number * 1000 : -1;
    }

    return WA_OK;
}


static wa_err_t
query_message(wa_task_t *t, query_t *q)
{
    char                   text[WA_JID_TEXT_MAX];
    bool                   star;
    wa_err_t               rc;
    wa_span_t              who;
    wa_appstate_change_t  *c;

    star = (strcmp(q->verb, "message.star") == 0);
    who = wa_span_str("0");
    rc = WA_OK;

    if (!q->flags[F_FROM_ME] && !wa_jid_is_user(&q->jid)
        && wa_jid_format(&q->sender, text, sizeof(text)) != 0)
    {
        rc = wa_arena_dup_span(&t->arena, wa_span_str(text), &who);
    }

    c = query_add_chat(t, q, WA_COLLECTION_REGULAR_HIGH, star ? 2 : 3,
                       star ? "star" : "deleteMessageForMe");

    if (c == NULL || rc != WA_OK) {
        return WA_ERR_NOMEM;
    }

    query_part(c, q->texts[T_ID]);
    query_part(c, wa_span_str(q->flags[F_FROM_ME] ? "1" : "0"));
    query_part(c, who);

    if (star) {
        PART(t, c->value, star_action, Star, star);
        c->value->star_action->has_starred = 1;
        c->value->star_action->starred = q->flags[F_VALUE];
        return WA_OK;
    }

    PART(t, c->value, delete_message_for_me_action, DeleteForMe,
         delete_for_me);
    c->value->delete_message_for_me_action->has_delete_media = 1;
    c->value->delete_message_for_me_action->delete_media = 1;

    if (q->number > 0) {
        c->value->delete_message_for_me_action->has_message_timestamp = 1;
        c->value->delete_message_for_me_action->message_timestamp =
            q->number;
    }

    return WA_OK;
}


static wa_err_t
query_label(wa_task_t *t, query_t *q)
{
    bool                   edit, message;
    uint64_t               n;
    wa_appstate_change_t  *c;

    edit = (strcmp(q->verb, "label.edit") == 0);
    message = (strcmp(q->verb, "label.message") == 0);
    c = query_add(t, q, WA_COLLECTION_REGULAR, 3,
                  edit ? "label_edit" : message ? "label_message"
                                                : "label_jid");
    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    query_part(c, q->texts[T_ID]);

    if (edit) {

        if (q->flags[F_NEW] && wa_span_u64(q->texts[T_ID], &n)
            && n < INT32_MAX)
        {
            c->number = (uint32_t) n;
        }

        PART(t, c->value, label_edit_action, LabelEdit, label_edit);
        c->value->label_edit_action->name = (char *) (uintptr_t)
                                            q->texts[T_NAME].p;
        c->value->label_edit_action->has_color = 1;
        c->value->label_edit_action->color =
            q->number > 0 && q->number < 1000 ? (int32_t) q->number : 0;
        c->value->label_edit_action->has_deleted = 1;
        c->value->label_edit_action->deleted = q->flags[F_VALUE];
        return WA_OK;
    }

    query_part(c, q->chat);

    if (message) {
        query_part(c, q->texts[T_NAME]);
        query_part(c, wa_span_str("0"));
        query_part(c, wa_span_str("0"));
    }

    PART(t, c->value, label_association_action, LabelAssociation,
         label_association);
    c->value->label_association_action->has_labeled = 1;
    c->value->label_association_action->labeled = q->flags[F_VALUE];

    return WA_OK;
}


/* Under the number, as phones do; the hidden address stands inside. */
static wa_err_t
query_contact(wa_task_t *t, query_t *q)
{
    char                       text[WA_JID_TEXT_MAX];
    wa_jid_t                   pn, lid;
    wa_span_t                  index;
    VALUE(Contact)            *v;
    wa_appstate_change_t      *c;

    lid = q->jid;
    pn = q->jid;
    index = q->chat;

    if (wa_jid_is_lid(&q->jid) && wa_pn_of(t->account, &q->jid, &pn)
        && (wa_jid_format(&pn, text, sizeof(text)) == 0
            || wa_arena_dup_span(&t->arena, wa_span_str(text), &index)
               != WA_OK))
    {
        return WA_ERR_NOMEM;
    }

    c = query_add(t, q, WA_COLLECTION_CRITICAL_UNBLOCK_LOW, 2, "contact");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    query_part(c, index);
    PART(t, c->value, contact_action, Contact, contact);

    if (q->texts[T_NAME].n == 0) {
        c->op = WA_SYNCD_REMOVE;
        return WA_OK;
    }

    v = c->value->contact_action;
    v->full_name = (char *) (uintptr_t) q->texts[T_NAME].p;
    v->first_name = q->texts[T_FIRST].n == 0
                    ? NULL : (char *) (uintptr_t) q->texts[T_FIRST].p;
    v->has_save_on_primary_addressbook = 1;
    v->save_on_primary_addressbook = 1;

    if (wa_jid_is_lid(&lid)) {
        v->lid_jid = wa_arena_strdup(&t->arena, q->chat);
    }

    return WA_OK;
}


static wa_err_t
query_push_name(wa_task_t *t, query_t *q)
{
    wa_appstate_change_t  *c;

    c = query_add(t, q, WA_COLLECTION_CRITICAL_BLOCK, 1,
                  "setting_pushName");

    if (c == NULL) {
        return WA_ERR_NOMEM;
    }

    PART(t, c->value, push_name_setting, PushName, push_name);
    c->value->push_name_setting->name = (char *) (uintptr_t)
                                        q->texts[T_NAME].p;

    return WA_OK;
}


/* NULL: no memory. */
static wa_appstate_change_t *
query_add(wa_task_t *t, query_t *q, wa_collection_e collection,
    int32_t version, const char *action)
{
    wa_appstate_change_t  *c;

    c = &q->changes[q->n];
    c->value = wa_arena_calloc(&t->arena, 1, sizeof(*c->value));

    if (c->value == NULL) {
        return NULL;
    }

    wa__sync_action_value__init(c->value);
    c->collection = collection;
    c->op = WA_SYNCD_SET;
    c->version = version;
    query_part(c, wa_span_str(action));
    q->n++;

    return c;
}


/* The same for a change of the chat: its address is in the index. */
static wa_appstate_change_t *
query_add_chat(wa_task_t *t, query_t *q, wa_collection_e collection,
    int32_t version, const char *action)
{
    wa_appstate_change_t  *c;

    c = query_add(t, q, collection, version, action);

    if (c != NULL) {
        query_part(c, q->chat);
    }

    return c;
}


static void
query_part(wa_appstate_change_t *c, wa_span_t part)
{
    c->index[c->n_index++] = part;
}


/* One collection after the other. */
static void
query_write(wa_task_t *t, wa_err_t rc)
{
    size_t    n;
    query_t  *q;

    q = t->data;

    if (rc == WA_OK && q->done < q->n) {

        for (n = 1; q->done + n < q->n; n++) {

            if (q->changes[q->done + n].collection
                != q->changes[q->done].collection)
            {
                break;
            }
        }

        t->resume = query_write;
        rc = wa_appstate_write(t, &q->changes[q->done], n);
        q->done += n;

        if (rc == WA_AGAIN) {
            return;
        }
    }

    if (rc == WA_ERR_STATE) {
        wa_query_refuse(t, "INVALID_STATE", "The phone has not shared its "
                        "keys of the app state yet");
        return;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, q->verb[0] == 'l' && q->flags[F_NEW]
                     ? json_pack("{s:o}", "id",
                                 wa_json_span(q->changes[0].index[1]))
                     : json_object());
}
