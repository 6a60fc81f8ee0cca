/*
 * A mutation of app state -> events of the catalogue, see wa_appstate_int.h.
 *
 * Indexes and what they mean: protocol notes, app state.  What of a snapshot,
 * or of a patch of hundreds, is told would be a flood: it goes beside one
 * event for many, to the projection alone.
 *
 *     app_state.synced {collection, version, changes, snapshot, last}
 *     beside it  {"events": [{type, data}]}
 *
 * What has no meaning here is kept the same way, as it came, for a later
 * version of this program: {type: "app_state.kept", data: {index, removed,
 * raw}}.
 */
#include "wa_appstate_event.h"
#include "wa_b64.h"
#include "wa_event_message.h"
#include "wa_lid.h"


/* Longer ones are nobody's. */
#define EVENT_INDEX_MAX  1024
#define EVENT_ID_MAX     128


typedef struct {
    const char     *name;              /* index[0]                         */
    size_t          parts;             /* strings the index has at least   */
    unsigned        jid;               /* which one is an address; 0: none */
    wa_as_tell_pt   tell;
} kind_t;

typedef Wa__SyncActionValue__MessageRange  range_t;


static const kind_t *event_kind(const wa_as_item_t *item);
static void event_keep(wa_as_sink_t *s, const wa_as_item_t *item);
static void chat_tell(wa_as_sink_t *s, const wa_as_item_t *item,
    json_t *fields);
static json_t *range_until(const range_t *range);
static bool message_refs(wa_as_sink_t *s, const wa_as_item_t *item,
    wa_jid_t *show, char buf[WA_MESSAGE_REF_LEN], wa_span_t *ref);

static void on_archive(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_pin(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_mute(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_read(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_clear(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_delete(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_star(wa_as_sink_t *s, const wa_as_item_t *item);
static void on_hide(wa_as_sink_t *s, const wa_as_item_t *item);


static const kind_t  kinds[] = {
    { "archive", 2, 1, on_archive },
    { "pin_v1", 2, 1, on_pin },
    { "mute", 2, 1, on_mute },
    { "markChatAsRead", 2, 1, on_read },
    { "clearChat", 2, 1, on_clear },
    { "deleteChat", 2, 1, on_delete },
    { "star", 5, 1, on_star },
    { "deleteMessageForMe", 5, 1, on_hide },
    { "contact", 2, 1, wa_as_on_contact },
    { "lid_contact", 2, 1, wa_as_on_lid_contact },
    { "label_edit", 2, 0, wa_as_on_label },
    { "label_jid", 3, 2, wa_as_on_label_chat },
    { "label_message", 4, 2, wa_as_on_label_message },
    { "setting_pushName", 1, 0, wa_as_on_push_name },
    { "setting_locale", 1, 0, wa_as_on_locale },
    { "setting_unarchiveChats", 1, 0, wa_as_on_unarchive },
    { "time_format", 1, 0, wa_as_on_time },
    { "setting_disableLinkPreviews", 1, 0, wa_as_on_previews },
    { "nct_salt_sync", 1, 0, wa_as_on_salt },
    { "pnForLidChat", 2, 1, wa_as_on_nothing },
    { NULL, 0, 0, NULL }
};


void
wa_as_event(wa_as_sink_t *s, const wa_as_item_t *item)
{
    const kind_t  *k;

    s->n++;
    k = event_kind(item);

    if (k == NULL) {
        event_keep(s, item);

    } else if (item->op == WA_SYNCD_REMOVE || item->value != NULL) {
        k->tell(s, item);
    }
}


wa_err_t
wa_as_event_end(wa_as_sink_t *s, bool last)
{
    wa_jw_t   w;
    wa_err_t  rc;
    char     *text;

    rc = s->err;

    if (rc == WA_OK && (s->list != NULL || (!s->single && s->n != 0))) {
        rc = wa_unit_event(s->u, "app_state.synced",
                 json_pack("{s:s, s:I, s:I, s:b, s:b}",
                           "collection", wa_collection_name(s->collection),
                           "version", (json_int_t) s->version,
                           "changes", (json_int_t) s->n,
                           "snapshot", (int) s->snapshot,
                           "last", (int) last));

        text = (s->list == NULL) ? NULL : json_dumps(s->list, JSON_COMPACT);

        if (rc == WA_OK && s->list != NULL) {
            rc = (text == NULL) ? WA_ERR_NOMEM : WA_OK;
        }

        if (rc == WA_OK && text != NULL) {
            wa_unit_aside_begin(s->u, &w);
            wa_jw_open(&w, NULL, '{');
            wa_jw_raw(&w, WA_JW("events"), wa_span_str(text));
            wa_jw_close(&w, '}');
            rc = wa_unit_aside_end(s->u, &w);
        }

        free(text);
    }

    json_decref(s->list);
    s->list = NULL;

    return rc;
}


size_t
wa_as_event_jids(const wa_as_item_t *item, wa_jid_t *jids)
{
    size_t         n;
    const kind_t  *k;

    n = 0;
    k = event_kind(item);

    if (k == NULL || k->jid == 0) {
        return 0;
    }

    if (wa_jid_parse(item->part[k->jid], &jids[n]) == WA_OK) {
        jids[n] = wa_jid_bare(&jids[n]);
        n++;
    }

    if ((k->tell == on_star || k->tell == on_hide)
        && wa_jid_parse(item->part[4], &jids[n]) == WA_OK)
    {
        jids[n] = wa_jid_bare(&jids[n]);
        n++;
    }

    return n;
}


bool
wa_as_event_pair(const wa_as_item_t *item, wa_jid_t *pn, wa_jid_t *lid)
{
    wa_jid_t                    swap;
    wa_span_t                   a, b;
    const kind_t               *k;
    const Wa__SyncActionValue  *v;

    k = event_kind(item);
    v = item->value;

    if (k == NULL || v == NULL || item->op != WA_SYNCD_SET) {
        return false;
    }

    a = item->part[1];
    b = wa_span_none();

    if (k->tell == wa_as_on_nothing && v->pn_for_lid_chat_action != NULL) {
        b = wa_span_str(v->pn_for_lid_chat_action->pn_jid);

    } else if (k->tell == wa_as_on_contact && v->contact_action != NULL) {
        b = wa_span_str(v->contact_action->lid_jid != NULL
                        && v->contact_action->lid_jid[0] != '\0'
                        ? v->contact_action->lid_jid
                        : v->contact_action->pn_jid);
    }

    if (b.n == 0 || wa_jid_parse(a, pn) != WA_OK
        || wa_jid_parse(b, lid) != WA_OK)
    {
        return false;
    }

    if (wa_jid_is_lid(pn)) {
        swap = *pn;
        *pn = *lid;
        *lid = swap;
    }

    *pn = wa_jid_bare(pn);
    *lid = wa_jid_bare(lid);

    return wa_jid_is_pn(pn) && wa_jid_is_lid(lid);
}


static const kind_t *
event_kind(const wa_as_item_t *item)
{
    size_t  i;

    for (i = 0; kinds[i].name != NULL; i++) {

        if (item->n_parts >= kinds[i].parts
            && wa_span_eq_str(item->part[0], kinds[i].name))
        {
            return &kinds[i];
        }
    }

    return NULL;
}


bool
wa_as_chat(wa_as_sink_t *s, const wa_as_item_t *item, unsigned at,
    wa_jid_t *show, wa_jid_t *lid)
{
    wa_jid_t       pn;
    wa_account_t  *a;

    a = wa_unit_account(s->u);
    memset(lid, 0, sizeof(*lid));

    if (s->u == NULL || wa_jid_parse(item->part[at], show) != WA_OK
        || show->user_len == 0)
    {
        return false;
    }

    *show = wa_jid_bare(show);

    if (wa_jid_is_lid(show)) {
        *lid = *show;

        if (wa_pn_of(a, lid, &pn)) {
            *show = pn;
        }

    } else if (wa_jid_is_pn(show) && !wa_lid_of(a, show, lid)) {
        memset(lid, 0, sizeof(*lid));
    }

    return true;
}


void
wa_as_tell(wa_as_sink_t *s, const char *type, json_t *data)
{
    json_t  *one;

    if (data == NULL) {
        s->err = WA_ERR_NOMEM;
    }

    if (s->err != WA_OK) {
        json_decref(data);
        return;
    }

    if (s->single) {
        s->err = wa_unit_event(s->u, type, data);
        return;
    }

    if (s->list == NULL) {
        s->list = json_array();
    }

    one = json_pack("{s:s, s:o}", "type", type, "data", data);

    if (s->list == NULL || one == NULL
        || json_array_append_new(s->list, one) != 0)
    {
        s->err = WA_ERR_NOMEM;
    }
}


static void
event_keep(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool       single;
    wa_buf_t   text = WA_BUF_EMPTY;
    json_t    *data;

    if (s->err != WA_OK || item->index.n == 0
        || item->index.n > EVENT_INDEX_MAX)
    {
        return;
    }

    s->err = wa_b64_encode(item->raw, WA_B64_STD, &text);
    data = json_pack("{s:s, s:o, s:b, s:o}",
                     "collection", wa_collection_name(s->collection),
                     "index", wa_json_span(item->index),
                     "removed", (int) (item->op == WA_SYNCD_REMOVE),
                     "raw", wa_json_span(wa_span_buf(&text)));
    wa_buf_wipe(&text);

    /* Never by itself: nobody else can read it. */

    single = s->single;
    s->single = false;
    wa_as_tell(s, "app_state.kept", data);
    s->single = single;
}


/* -- chats ---------------------------------------------------------------- */

/* Steals fields. */
static void
chat_tell(wa_as_sink_t *s, const wa_as_item_t *item, json_t *fields)
{
    json_t    *chat;
    wa_jid_t   show, lid;

    if (fields == NULL) {
        s->err = WA_ERR_NOMEM;
        return;
    }

    if (!wa_as_chat(s, item, 1, &show, &lid)) {
        json_decref(fields);
        return;
    }

    chat = json_pack("{s:o, s:o, s:s, s:b}",
                     "jid", wa_json_jid(&show), "lid", wa_json_jid(&lid),
                     "account_id", wa_unit_account(s->u)->id,
                     "is_group", (int) wa_jid_is_group(&show));

    if (chat == NULL || json_object_update(chat, fields) != 0) {
        json_decref(chat);
        chat = NULL;
    }

    json_decref(fields);
    wa_as_tell(s, "chat.updated",
               chat == NULL ? NULL : json_pack("{s:o}", "chat", chat));
}


static void
on_archive(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool  on;

    on = item->op == WA_SYNCD_SET && item->value->archive_chat_action != NULL
         && item->value->archive_chat_action->archived;

    chat_tell(s, item, json_pack("{s:b}", "is_archived", (int) on));
}


static void
on_pin(wa_as_sink_t *s, const wa_as_item_t *item)
{
    bool  on;

    on = item->op == WA_SYNCD_SET && item->value->pin_action != NULL
         && item->value->pin_action->pinned;

    chat_tell(s, item, json_pack("{s:b}", "is_pinned", (int) on));
}


/* No end: for ever, or until it is taken back. */
static void
on_mute(wa_as_sink_t *s, const wa_as_item_t *item)
{
    int64_t                            end;
    const Wa__SyncActionValue__Mute   *m;

    m = item->op == WA_SYNCD_SET ? item->value->mute_action : NULL;

    if (m == NULL || !m->muted) {
        chat_tell(s, item, json_pack("{s:b, s:n}", "is_muted", 0,
                                     "mute_expiry"));
        return;
    }

    end = m->has_mute_end_timestamp ? m->mute_end_timestamp / 1000 : 0;

    chat_tell(s, item, end > 0
              ? json_pack("{s:b, s:I}", "is_muted", 1, "mute_expiry",
                          (json_int_t) end)
              : json_pack("{s:b, s:n}", "is_muted", 1, "mute_expiry"));
}


/* Up to a message, where the action says which: later ones are unread. */
static void
on_read(wa_as_sink_t *s, const wa_as_item_t *item)
{
    const Wa__SyncActionValue__MarkRead  *m;

    m = item->op == WA_SYNCD_SET ? item->value->mark_chat_as_read_action
                                 : NULL;

    if (m == NULL) {
        return;
    }

    chat_tell(s, item, m->read
              ? json_pack("{s:i, s:b, s:o*}", "unread_count", 0,
                          "marked_unread", 0, "read_until",
                          range_until(m->message_range))
              : json_pack("{s:b}", "marked_unread", 1));
}


/* Unix s of the last message it is about; NULL: not said. */
static json_t *
range_until(const range_t *range)
{
    size_t   i;
    int64_t  until;

    if (range == NULL) {
        return NULL;
    }

    until = range->has_last_message_timestamp
            ? range->last_message_timestamp : 0;

    for (i = 0; until <= 0 && i < range->n_messages; i++) {
        until = range->messages[i]->has_timestamp
                ? range->messages[i]->timestamp : 0;
    }

    return until > 0 ? json_integer(until) : NULL;
}


/* ["clearChat", jid, starred too "0"|"1", files too "0"|"1"] */
static void
on_clear(wa_as_sink_t *s, const wa_as_item_t *item)
{
    json_t         *data, *until;
    wa_jid_t        show, lid;
    const range_t  *range;

    if (item->op != WA_SYNCD_SET || item->value->clear_chat_action == NULL
        || !wa_as_chat(s, item, 1, &show, &lid))
    {
        return;
    }

    range = item->value->clear_chat_action->message_range;
    until = range_until(range);
    data = json_pack("{s:o, s:o, s:o*, s:b}",
                     "jid", wa_json_jid(&show), "lid", wa_json_jid(&lid),
                     "until", until,
                     "keep_starred", item->n_parts > 2
                     && wa_span_eq_str(item->part[2], "0"));

    wa_as_tell(s, "chat.cleared", data);
}


static void
on_delete(wa_as_sink_t *s, const wa_as_item_t *item)
{
    json_t         *data;
    wa_jid_t        show, lid;
    const range_t  *range;

    if (item->op != WA_SYNCD_SET || item->value->delete_chat_action == NULL
        || !wa_as_chat(s, item, 1, &show, &lid))
    {
        return;
    }

    range = item->value->delete_chat_action->message_range;
    data = json_pack("{s:o, s:o, s:o*}",
                     "jid", wa_json_jid(&show), "lid", wa_json_jid(&lid),
                     "until", range_until(range));

    wa_as_tell(s, "chat.deleted", data);
}


/* -- messages ------------------------------------------------------------- */

/*
 * [kind, chat, id, from me "0"|"1", sender or "0"].  In a group the writer
 * may be left out: WhatsApp's id is then the reference.
 */
static bool
message_refs(wa_as_sink_t *s, const wa_as_item_t *item, wa_jid_t *show,
    char buf[WA_MESSAGE_REF_LEN], wa_span_t *ref)
{
    bool       mine, known;
    wa_jid_t   lid, who;
    wa_span_t  id;

    id = item->part[2];

    if (id.n == 0 || id.n > EVENT_ID_MAX
        || !wa_as_chat(s, item, 1, show, &lid))
    {
        return false;
    }

    mine = wa_span_eq_str(item->part[3], "1");
    who = lid.server != WA_SERVER_NONE ? lid : *show;
    known = true;

    if (!mine && !wa_jid_is_user(show)) {
        known = wa_jid_parse(item->part[4], &who) == WA_OK
                && wa_jid_is_user(&who);

        if (known) {
            who = wa_jid_person(&who);
            wa_lid_prefer(wa_unit_account(s->u), &who);
        }
    }

    *ref = id;

    if (!known) {
        return true;
    }

    if (wa_message_ref(wa_unit_account(s->u), mine, &who, id, buf) != WA_OK) {
        return false;
    }

    *ref = wa_span_str(buf);

    return true;
}


static void
on_star(wa_as_sink_t *s, const wa_as_item_t *item)
{
    char       buf[WA_MESSAGE_REF_LEN];
    bool       on;
    wa_jid_t   show;
    wa_span_t  ref;

    if (!message_refs(s, item, &show, buf, &ref)) {
        return;
    }

    on = item->op == WA_SYNCD_SET && item->value->star_action != NULL
         && item->value->star_action->starred;

    wa_as_tell(s, "message.starred",
               json_pack("{s:o, s:o, s:o, s:b}", "id", wa_json_span(ref),
                         "message_id", wa_json_span(item->part[2]),
                         "chat_jid", wa_json_jid(&show),
                         "value", (int) on));
}


static void
on_hide(wa_as_sink_t *s, const wa_as_item_t *item)
{
    char       buf[WA_MESSAGE_REF_LEN], when[32];
    int64_t    ms;
    wa_jid_t   show;
    wa_span_t  ref;

    if (item->op != WA_SYNCD_SET
        || !message_refs(s, item, &show, buf, &ref))
    {
        return;
    }

    ms = item->value->has_timestamp && item->value->timestamp > 0
         ? item->value->timestamp : wa_unix_ms(wa_unit_account(s->u));

    wa_as_tell(s, "message.deleted",
               json_pack("{s:o, s:o, s:o, s:n, s:s, s:s}",
                         "id", wa_json_span(ref),
                         "message_id", wa_json_span(item->part[2]),
                         "chat_jid", wa_json_jid(&show), "by_jid",
                         "for", "me",
                         "deleted_at", wa_iso_time(ms, when)));
}
