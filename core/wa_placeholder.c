/*
 * Messages wanted from our phone: the list, and what comes back, see
 * wa_placeholder.h.  The requests are in wa_placeholder_ask.c.
 */
#include "wa_account_int.h"
#include "wa_lid.h"
#include "wa_pb.h"
#include "wa_placeholder_int.h"
#include "webmessage.pb-c.h"


/* Older ones are not asked for, as the official client does. */
#define PLACEHOLDER_AGE_S   (14 * 86400)

/* Longer ids are nobody's. */
#define PLACEHOLDER_ID_MAX  128

#define PLACEHOLDER_NAME_MAX  256


#define PEER_DATA(name)                                                       \
    WA__MESSAGE__PEER_DATA_OPERATION_REQUEST_TYPE__##name


typedef Wa__Message__PeerDataOperationRequestResponseMessage  answer_t;

typedef Wa__WantedList__Item  item_t;


static item_t *want_item(wa_account_t *a, wa_arena_t *arena,
    const wa_node_t *stanza);
static bool want_chat(wa_account_t *a, wa_arena_t *arena,
    const wa_node_t *stanza, item_t *item);
static void want_pair(char **pn, char **lid, wa_arena_t *arena,
    const wa_jid_t *jid);
static bool want_other(wa_account_t *a, const wa_node_t *stanza,
    const wa_jid_t *person, bool from_me, wa_jid_t *other);
static char *jid_text(wa_arena_t *arena, const wa_jid_t *jid);
static wa_err_t take_one(wa_unit_t *u, wa_arena_t *arena,
    Wa__WantedList *list, wa_span_t bytes);
static wa_err_t take_message(wa_unit_t *u, wa_arena_t *arena,
    const item_t *item, const Wa__WebMessageInfo *info);


bool
wa_placeholder_want(wa_unit_t *u, const wa_node_t *stanza, int64_t delay_s)
{
    size_t            n;
    item_t           *item, **items;
    wa_err_t          rc;
    wa_arena_t        arena;
    wa_account_t     *a;
    Wa__WantedList   *list;

    if (u == NULL) {
        return false;
    }

    a = wa_unit_account(u);
    wa_arena_init_pool(&arena, &a->engine->arenas);

    item = want_item(a, &arena, stanza);
    rc = (item == NULL) ? WA_ERR_ARG : wa_wanted_get(a, &arena, &list);

    if (rc == WA_OK && list->n_items >= WA_PLACEHOLDER_MAX) {
        rc = WA_ERR_LIMIT;
    }

    if (rc == WA_OK) {
        n = list->n_items;
        items = wa_arena_calloc(&arena, n + 1, sizeof(*items));

        if (items == NULL) {
            rc = WA_ERR_NOMEM;

        } else {
            if (n != 0) {
                memcpy(items, list->items, n * sizeof(*items));
            }

            item->has_due = 1;
            item->due = wa_unix_s(a) + delay_s;
            items[n] = item;
            list->items = items;
            list->n_items = n + 1;
            rc = wa_wanted_put(u, list);
        }
    }

    wa_arena_free(&arena);

    if (rc == WA_OK) {
        wa_wanted_wake(a, delay_s * 1000 + 500);
    }

    return rc == WA_OK;
}


/* NULL: nothing to ask for, or no memory. */
static item_t *
want_item(wa_account_t *a, wa_arena_t *arena, const wa_node_t *stanza)
{
    item_t           *item;
    int64_t           ts;
    wa_span_t         id, name;
    wa_stanza_key_t   key;

    id = wa_node_attr(stanza, "id");
    ts = wa_stanza_time(a, stanza);

    if (id.n == 0 || id.n > PLACEHOLDER_ID_MAX
        || memchr(id.p, 0, id.n) != NULL
        || wa_node_attr_is(stanza, "category", "peer")
        || ts + PLACEHOLDER_AGE_S < wa_unix_s(a)
        || wa_stanza_key(a, stanza, &key) != WA_OK)
    {
        return NULL;
    }

    item = wa_arena_calloc(arena, 1, sizeof(item_t));
    if (item == NULL) {
        return NULL;
    }

    wa__wanted_list__item__init(item);

    item->id = wa_arena_strdup(arena, id);
    item->seen = wa_arena_strdup(arena, wa_span_str(key.seen));
    item->has_day = 1;
    item->day = key.day;
    item->has_timestamp = 1;
    item->timestamp = ts;

    name = wa_node_attr(stanza, "notify");

    if (wa_push_name_says(name) && name.n <= PLACEHOLDER_NAME_MAX
        && memchr(name.p, 0, name.n) == NULL)
    {
        item->push_name = wa_arena_strdup(arena, name);
    }

    if (item->id == NULL || item->seen == NULL
        || !want_chat(a, arena, stanza, item))
    {
        return NULL;
    }

    return item;
}


/* The chat, and both addresses of its person; in a room of the writer. */
static bool
want_chat(wa_account_t *a, wa_arena_t *arena, const wa_node_t *stanza,
    item_t *item)
{
    bool      room;
    wa_jid_t  from, person, other;

    if (!wa_node_attr_jid(stanza, "from", &from)) {
        return false;
    }

    person = from;
    room = wa_jid_is_group(&from) || wa_jid_is_broadcast(&from);

    if (room && !wa_node_attr_jid(stanza, "participant", &person)) {
        return false;
    }

    item->has_from_me = 1;
    item->from_me = wa_account_is_self(a, &person);

    if (item->from_me && !room) {
        (void) wa_node_attr_jid(stanza, "recipient", &person);
    }

    if (!wa_jid_is_user(&person)) {
        return false;
    }

    person = wa_jid_person(&person);

    if (room) {
        from = wa_jid_bare(&from);
        item->chat = jid_text(arena, &from);
        item->participant = jid_text(arena, &person);

    } else {
        item->chat = jid_text(arena, &person);
    }

    want_pair(&item->pn, &item->lid, arena, &person);

    if (want_other(a, stanza, &person, item->from_me, &other)) {
        other = wa_jid_person(&other);
        want_pair(&item->pn, &item->lid, arena, &other);
    }

    return item->chat != NULL && (item->pn != NULL || item->lid != NULL)
           && (!room || item->participant != NULL);
}


static void
want_pair(char **pn, char **lid, wa_arena_t *arena, const wa_jid_t *jid)
{
    char  **which;

    which = wa_jid_is_lid(jid) ? lid : pn;
    *which = jid_text(arena, jid);
}


/* From the map in memory, or from the stanza. */
static bool
want_other(wa_account_t *a, const wa_node_t *stanza, const wa_jid_t *person,
    bool from_me, wa_jid_t *other)
{
    bool    lid;
    size_t  i;

    static const char *const  attrs[2][2][2] = {
        { { "sender_lid", "participant_lid" },
          { "sender_pn", "participant_pn" } },
        { { "peer_recipient_lid", "recipient_lid" },
          { "peer_recipient_pn", "recipient_pn" } }
    };

    lid = wa_jid_is_lid(person);

    if (lid ? wa_pn_of(a, person, other) : wa_lid_of(a, person, other)) {
        return true;
    }

    for (i = 0; i < 2; i++) {

        if (wa_node_attr_jid(stanza, attrs[from_me][lid][i], other)
            && (lid ? wa_jid_is_pn(other) : wa_jid_is_lid(other)))
        {
            return true;
        }
    }

    return false;
}


static char *
jid_text(wa_arena_t *arena, const wa_jid_t *jid)
{
    char  text[WA_JID_TEXT_MAX];

    if (wa_jid_format(jid, text, sizeof(text)) == 0) {
        return NULL;
    }

    return wa_arena_strdup(arena, wa_span_str(text));
}


size_t
wa_placeholder_need(wa_account_t *a, wa_arena_t *arena, wa_key_t *keys)
{
    size_t           i, n;
    Wa__WantedList  *list;

    keys[0].name = wa_span_str(WA_PLACEHOLDER_RECORD);
    keys[0].day = 0;
    n = 1;

    if (wa_wanted_get(a, arena, &list) != WA_OK) {
        return n;
    }

    for (i = 0; i < list->n_items && n < WA_PLACEHOLDER_KEYS; i++) {

        if (list->items[i]->seen != NULL) {
            keys[n].name = wa_span_str(list->items[i]->seen);
            keys[n].day = list->items[i]->day;
            n++;
        }
    }

    return n;
}


wa_err_t
wa_placeholder_take(wa_unit_t *u, wa_arena_t *arena, const answer_t *answer)
{
    size_t           i, before;
    wa_err_t         rc;
    wa_span_t        bytes;
    Wa__WantedList  *list;

    if (!answer->has_peer_data_operation_request_type
        || answer->peer_data_operation_request_type
           != PEER_DATA(PLACEHOLDER_MESSAGE_RESEND))
    {
        return WA_OK;
    }

    rc = wa_wanted_get(wa_unit_account(u), arena, &list);

    if (rc != WA_OK) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    before = list->n_items;

    for (i = 0; i < answer->n_peer_data_operation_result; i++) {

        if (answer->peer_data_operation_result[i]
                ->placeholder_message_resend_response == NULL)
        {
            continue;
        }

        bytes = wa_pb_span(&answer->peer_data_operation_result[i]
                               ->placeholder_message_resend_response
                               ->web_message_info_bytes);
        rc = take_one(u, arena, list, bytes);

        if (rc != WA_OK) {
            return rc;
        }
    }

    return list->n_items == before ? WA_OK : wa_wanted_put(u, list);
}


/* Errors other than WA_ERR_NOMEM say nothing about the rest. */
static wa_err_t
take_one(wa_unit_t *u, wa_arena_t *arena, Wa__WantedList *list,
    wa_span_t bytes)
{
    size_t                i;
    item_t               *item;
    wa_err_t              rc;
    wa_account_t         *a;
    Wa__WebMessageInfo   *info;

    a = wa_unit_account(u);
    rc = WA_PB_UNPACK(wa__web_message_info__descriptor, bytes, arena, &info);

    if (rc != WA_OK || info->key == NULL || info->key->id == NULL) {
        return rc == WA_ERR_NOMEM ? rc : WA_OK;
    }

    for (i = 0; i < list->n_items; i++) {
        item = list->items[i];

        if (item->id != NULL && strcmp(item->id, info->key->id) == 0
            && (item->from_me != 0)
               == (info->key->has_from_me && info->key->from_me))
        {
            break;
        }
    }

    if (i == list->n_items) {
        wa_log(a, WA_LOG_INFO, "our phone sent a message that is not wanted");
        return WA_OK;
    }

    wa_wanted_remove(list, i);

    if (wa_wanted_came(a, item)) {
        return WA_OK;
    }

    rc = take_message(u, arena, item, info);

    if (rc != WA_OK) {
        wa_log(a, WA_LOG_INFO, "a message of our phone does not parse: %s",
               wa_err_name(rc));
    }

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


static wa_err_t
take_message(wa_unit_t *u, wa_arena_t *arena, const item_t *item,
    const Wa__WebMessageInfo *info)
{
    wa_err_t       rc;
    wa_recv_t      m;
    wa_content_t   content;
    wa_account_t  *a;

    a = wa_unit_account(u);
    memset(&m, 0, sizeof(m));

    if (!info->has_message || item->chat == NULL || item->seen == NULL) {
        return WA_ERR_SYNTAX;
    }

    rc = wa_jid_parse(wa_span_str(item->chat), &m.chat);

    if (rc == WA_OK && item->participant != NULL) {
        m.room = m.chat;
        rc = wa_jid_parse(wa_span_str(item->participant), &m.chat);
    }

    if (rc == WA_OK && item->pn != NULL) {
        rc = wa_jid_parse(wa_span_str(item->pn), &m.pn);
    }

    if (rc == WA_OK && item->lid != NULL) {
        rc = wa_jid_parse(wa_span_str(item->lid), &m.lid);
    }

    m.plain = wa_pb_span(&info->message);

    if (rc == WA_OK) {
        rc = wa_message_decode(m.plain, arena, &content);
    }

    if (rc != WA_OK) {
        return rc;
    }

    m.id = wa_span_str(item->id);
    m.from = m.chat;
    m.pair = true;
    m.from_me = item->from_me != 0;
    m.ts = item->timestamp;

    if (item->push_name != NULL) {
        m.push_name = wa_span_str(item->push_name);
    }

    wa_recv_resolve(a, &m);

    rc = wa_recv_deliver_late(u, &m, &content);

    if (rc == WA_OK) {
        rc = wa_unit_put_cold(u, item->seen, item->day, wa_span("1", 1));
    }

    return rc;
}


wa_err_t
wa_wanted_get(wa_account_t *a, wa_arena_t *arena, Wa__WantedList **list)
{
    wa_err_t   rc;
    wa_span_t  value;

    rc = wa_record_get(a, WA_PLACEHOLDER_RECORD, 0, &value);

    if (rc != WA_OK) {
        return rc;
    }

    if (value.p != NULL) {
        rc = WA_PB_UNPACK(wa__wanted_list__descriptor, value, arena, list);

        if (rc == WA_OK || rc == WA_ERR_NOMEM) {
            return rc;
        }

        wa_log(a, WA_LOG_ERROR, "the list of wanted messages does not parse");
    }

    *list = wa_arena_calloc(arena, 1, sizeof(Wa__WantedList));

    if (*list == NULL) {
        return WA_ERR_NOMEM;
    }

    wa__wanted_list__init(*list);

    return WA_OK;
}


wa_err_t
wa_wanted_put(wa_unit_t *u, const Wa__WantedList *list)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (list->n_items == 0) {
        return wa_unit_del(u, WA_PLACEHOLDER_RECORD, 0);
    }

    rc = WA_PB_PACK(list, &packed);

    if (rc == WA_OK) {
        rc = wa_unit_put(u, WA_PLACEHOLDER_RECORD, 0, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


void
wa_wanted_remove(Wa__WantedList *list, size_t i)
{
    memmove(&list->items[i], &list->items[i + 1],
            (list->n_items - i - 1) * sizeof(list->items[0]));
    list->n_items--;
}


bool
wa_wanted_came(wa_account_t *a, const Wa__WantedList__Item *item)
{
    wa_span_t  value;

    return item->seen != NULL
           && wa_record_get(a, item->seen, item->day, &value) == WA_OK
           && value.p != NULL;
}
