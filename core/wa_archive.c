/* Reading the history database: lists, see wa_archive.h. */
#include "wa_archive.h"

#include "wa_account_int.h"
#include "wa_archive_int.h"


#define ARCHIVE_RECENT     20
#define ARCHIVE_LIMIT_MAX  500

/* Where the last columns of both lists begin: ts, pos, shard. */
#define MESSAGE_PLACE      9
#define CHAT_PLACE         10

#define CHAT_COLUMNS                                                          \
    "jid, account_id, lid, COALESCE((SELECT n.name FROM wa_contacts n"        \
    "  WHERE n.account_id = wa_chats.account_id AND n.jid = wa_chats.jid),"   \
    " (SELECT g.name FROM wa_groups g"                                        \
    "  WHERE g.account_id = wa_chats.account_id AND g.jid = wa_chats.jid),"   \
    " name), is_group, is_archived, is_pinned,"                               \
    " mute_expiry, unread_count, last_body, last_ts, last_pos, shard,"        \
    " updated_ms, ephemeral_duration"


/* A page that fills. */
typedef struct {
    const wa_list_t    *list;
    wa_archive_page_t  *page;
    wa_place_t          last;
    uint32_t            left;
} filling_t;


static void list_tail(wa_build_t *b, const wa_archive_query_t *q,
    const wa_list_t *list, const wa_place_t *from);
static wa_err_t list_row(void *data, const wa_sql_rows_t *rows);
static void message_filter(wa_build_t *b, const wa_archive_query_t *q);
static void chat_filter(wa_build_t *b, const wa_archive_query_t *q);
static void chat_addresses(wa_build_t *b, const wa_archive_query_t *q,
    const char *column);
static json_t *chat_row(const wa_sql_rows_t *rows);


static const char *const  message_from[] = {
    "from_jid", "from_lid", "participant", NULL
};

static const char *const  message_texts[] = { "LOWER(body)", NULL };

static const wa_list_t  messages_list = {
    WA_ARCHIVE_MESSAGE_COLUMNS, "wa_messages", { "ts", "pos", "shard" },
    MESSAGE_PLACE, wa_archive_message_row, message_filter
};

static const wa_list_t  chats_list = {
    CHAT_COLUMNS, "wa_chats", { "last_ts", "last_pos", "shard" },
    CHAT_PLACE, chat_row, chat_filter
};


void
wa_archive_query_init(wa_archive_query_t *q, wa_span_t tenant)
{
    memset(q, 0, sizeof(*q));
    q->tenant = tenant;
    q->from_me = -1;
    q->has_media = -1;
    q->archived = -1;
    q->unread = -1;
    q->limit = 50;
}


wa_err_t
wa_archive_messages(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    size_t    i;
    json_t   *message;
    wa_err_t  rc;

    rc = wa_list_run(db, q, &messages_list, out);

    if (rc != WA_OK) {
        return rc;
    }

    json_array_foreach(out->items, i, message) {
        rc = wa_archive_attach(db, message, q->receipts, q->reactions);

        if (rc != WA_OK) {
            json_decref(out->items);
            out->items = NULL;
            break;
        }
    }

    return rc;
}


wa_err_t
wa_archive_chats(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &chats_list, out);
}


wa_err_t
wa_archive_chat(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t jid,
    json_t **out)
{
    json_t             *chat;
    wa_err_t            rc;
    wa_archive_page_t   page;
    wa_archive_query_t  recent;

    *out = NULL;
    rc = wa_list_one(db, q, &chats_list, jid, &chat);

    if (rc != WA_OK || chat == NULL) {
        return rc;
    }

    wa_archive_query_init(&recent, q->tenant);
    recent.account = wa_span_str(json_string_value(json_object_get(chat,
                                                       "account_id")));
    recent.chat = jid;
    recent.limit = ARCHIVE_RECENT;
    rc = wa_archive_messages(db, &recent, &page);

    if (rc == WA_OK
        && json_object_set_new(chat, "recent_messages", page.items) != 0)
    {
        rc = WA_ERR_NOMEM;
    }

    if (rc != WA_OK) {
        json_decref(chat);
        return rc;
    }

    *out = chat;

    return WA_OK;
}


wa_err_t
wa_list_one(wa_sql_t *db, const wa_archive_query_t *q, const wa_list_t *list,
    wa_span_t key, json_t **out)
{
    wa_err_t            rc;
    wa_archive_page_t   page;
    wa_archive_query_t  one;

    *out = NULL;

    wa_archive_query_init(&one, q->tenant);
    one.account = q->account;
    one.chat = key;
    one.limit = 1;
    rc = wa_list_run(db, &one, list, &page);

    if (rc == WA_OK) {
        *out = json_incref(json_array_get(page.items, 0));
        json_decref(page.items);
    }

    return rc;
}


wa_err_t
wa_list_run(wa_sql_t *db, const wa_archive_query_t *q, const wa_list_t *list,
    wa_archive_page_t *out)
{
    wa_err_t    rc;
    wa_build_t  b;
    wa_place_t  from;
    filling_t   f;

    memset(out, 0, sizeof(*out));
    memset(&f, 0, sizeof(f));

    if (q->cursor.p != NULL && !wa_place_parse(q->cursor, &from)) {
        return WA_ERR_SYNTAX;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT COUNT(*) FROM ");
    wa_build_add(&b, list->table);
    list->filter(&b, q);
    rc = wa_build_number(&b, db, &out->total);

    if (rc != WA_OK) {
        return rc;
    }

    f.list = list;
    f.page = out;
    f.left = q->limit > ARCHIVE_LIMIT_MAX ? ARCHIVE_LIMIT_MAX : q->limit;
    out->items = json_array();

    if (out->items == NULL) {
        return WA_ERR_NOMEM;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT ");
    wa_build_add(&b, list->columns);
    wa_build_add(&b, " FROM ");
    wa_build_add(&b, list->table);
    list->filter(&b, q);
    list_tail(&b, q, list, q->cursor.p == NULL ? NULL : &from);

    /* One more than asked tells whether there is a next page. */

    wa_build_add(&b, " LIMIT ");
    wa_build_int(&b, (int64_t) f.left + 1);

    if (q->offset != 0) {
        wa_build_add(&b, " OFFSET ");
        wa_build_int(&b, q->offset);
    }

    rc = wa_build_each(&b, db, list_row, &f);

    if (rc != WA_OK) {
        json_decref(out->items);
        out->items = NULL;
    }

    return rc;
}


static wa_err_t
list_row(void *data, const wa_sql_rows_t *rows)
{
    json_t     *item;
    filling_t  *f;

    f = data;

    if (f->left == 0) {
        wa_place_format(&f->last, f->page->next, sizeof(f->page->next));
        return WA_OK;
    }

    f->left--;
    f->last.ts = wa_sql_int(rows, f->list->place);
    f->last.pos = wa_sql_int(rows, f->list->place + 1);
    f->last.shard = wa_sql_int(rows, f->list->place + 2);

    item = f->list->row(rows);

    return json_array_append_new(f->page->items, item) == 0 ? WA_OK
                                                            : WA_ERR_NOMEM;
}


static void
list_tail(wa_build_t *b, const wa_archive_query_t *q, const wa_list_t *list,
    const wa_place_t *from)
{
    size_t  i;

    if (from != NULL) {
        wa_build_add(b, " AND (");

        for (i = 0; i < 3; i++) {
            wa_build_add(b, i == 0 ? "" : ", ");
            wa_build_add(b, list->keys[i]);
        }

        wa_build_add(b, q->ascending ? ") > (" : ") < (");
        wa_build_int(b, from->ts);
        wa_build_add(b, ", ");
        wa_build_int(b, from->pos);
        wa_build_add(b, ", ");
        wa_build_int(b, from->shard);
        wa_build_add(b, ")");
    }

    wa_build_add(b, " ORDER BY ");

    for (i = 0; i < 3; i++) {
        wa_build_add(b, i == 0 ? "" : ", ");
        wa_build_add(b, list->keys[i]);
        wa_build_add(b, q->ascending ? "" : " DESC");
    }
}


static void
status_filter(wa_build_t *b, wa_span_t words)
{
    size_t  i, from;

    if (memchr(words.p, ',', words.n) == NULL) {
        wa_build_add(b, " AND status = ");
        wa_build_cased(b, words, true);
        return;
    }

    for (i = 0, from = 0; i <= words.n; i++) {

        if (i < words.n && words.p[i] != ',') {
            continue;
        }

        wa_build_add(b, from == 0 ? " AND status IN (" : ", ");
        wa_build_text(b, wa_span(words.p + from, i - from));
        from = i + 1;
    }

    wa_build_add(b, ")");
}


void
wa_list_owner(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_build_add(b, " WHERE ");
    wa_build_owner(b, q->tenant, q->account);
}


void
wa_list_time(wa_build_t *b, const wa_archive_query_t *q)
{
    if (q->before != 0) {
        wa_build_add(b, " AND ts < ");
        wa_build_int(b, q->before);
    }

    if (q->after != 0) {
        wa_build_add(b, " AND ts > ");
        wa_build_int(b, q->after);
    }
}


static void
message_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    if (q->chat.p != NULL) {
        chat_addresses(b, q, "chat_jid");
    }

    wa_build_any(b, message_from, q->from);

    if (q->type.p != NULL) {
        wa_build_add(b, " AND type = ");
        wa_build_cased(b, q->type, false);
    }

    if (q->status.p != NULL) {
        status_filter(b, q->status);
    }

    if (q->direction.p != NULL) {
        wa_build_add(b, " AND from_me = ");
        wa_build_int(b, wa_span_eq_str(q->direction, "OUTBOUND") ? 1
                        : wa_span_eq_str(q->direction, "INBOUND") ? 0 : -1);
    }

    if (q->from_me >= 0) {
        wa_build_add(b, " AND from_me = ");
        wa_build_int(b, q->from_me != 0);
    }

    if (q->has_media >= 0) {
        wa_build_add(b, " AND has_media = ");
        wa_build_int(b, q->has_media != 0);
    }

    wa_list_time(b, q);
    wa_build_search(b, message_texts, q->search);
}


static void
chat_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    if (q->chat.p != NULL) {
        chat_addresses(b, q, "jid");
    }

    if (q->archived >= 0) {
        wa_build_add(b, " AND is_archived = ");
        wa_build_int(b, q->archived != 0);
    }

    if (q->unread >= 0) {
        wa_build_add(b, q->unread != 0 ? " AND unread_count > 0"
                                       : " AND unread_count = 0");
    }

    if (q->search.p != NULL) {
        wa_build_add(b, " AND (LOWER(name)");
        wa_build_part(b, q->search);
        wa_build_add(b, " OR EXISTS (SELECT 1 FROM wa_contacts n"
                        " WHERE n.account_id = wa_chats.account_id"
                        " AND n.jid = wa_chats.jid AND LOWER(n.name)");
        wa_build_part(b, q->search);
        wa_build_add(b, ") OR EXISTS (SELECT 1 FROM wa_groups g"
                        " WHERE g.account_id = wa_chats.account_id"
                        " AND g.jid = wa_chats.jid AND LOWER(g.name)");
        wa_build_part(b, q->search);
        wa_build_add(b, ") OR jid");
        wa_build_part(b, q->search);
        wa_build_add(b, ")");
    }
}


/*
 * A chat is asked for by its phone or its hidden address, and may have rows
 * under both: under the hidden one until the other was learned.
 */
static void
chat_addresses(wa_build_t *b, const wa_archive_query_t *q,
    const char *column)
{
    wa_build_add(b, " AND ");
    wa_build_add(b, column);
    wa_build_add(b, " IN (SELECT CAST(");
    wa_build_text(b, q->chat);
    wa_build_add(b, " AS TEXT) UNION SELECT c.jid FROM wa_chats c"
                    " WHERE c.tenant = ");
    wa_build_text(b, q->tenant);
    wa_build_add(b, " AND c.lid = ");
    wa_build_text(b, q->chat);
    wa_build_add(b, " UNION SELECT c.lid FROM wa_chats c WHERE c.tenant = ");
    wa_build_text(b, q->tenant);
    wa_build_add(b, " AND c.jid = ");
    wa_build_text(b, q->chat);
    wa_build_add(b, " AND c.lid IS NOT NULL)");
}


static json_t *
chat_row(const wa_sql_rows_t *rows)
{
    char     iso[32];
    int64_t  expiry;
    json_t  *o;

    /* -1: for ever */

    expiry = wa_sql_is_null(rows, 7) ? 0 : wa_sql_int(rows, 7);

    o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:I, s:I,"
                  " s:o, s:n, s:s, s:I}",
                  "jid", wa_column_text(rows, 0),
                  "account_id", wa_column_text(rows, 1),
                  "lid", wa_column_text(rows, 2),
                  "name", wa_column_text(rows, 3),
                  "is_group", wa_column_bool(rows, 4),
                  "is_archived", wa_column_bool(rows, 5),
                  "is_pinned", wa_column_bool(rows, 6),
                  "is_muted", (int) (expiry != 0),
                  "mute_expiry", expiry > 0 ? json_integer(expiry)
                                            : json_null(),
                  "unread_count", (json_int_t) wa_sql_int(rows, 8),
                  "last_message_ts", (json_int_t) wa_sql_int(rows, 10),
                  "last_message_body", wa_column_text(rows, 9),
                  "conversation_id",
                  "updated_at", wa_iso_time(wa_sql_int(rows, 13), iso),
                  "ephemeral_duration", (json_int_t) wa_sql_int(rows, 14));

    return o;
}


void
wa_archive_chat_now(json_t *chat, int64_t now)
{
    json_t  *expiry;

    expiry = json_object_get(chat, "mute_expiry");

    if (json_is_integer(expiry) && json_integer_value(expiry) <= now) {
        (void) json_object_set_new(chat, "is_muted", json_false());
        (void) json_object_set_new(chat, "mute_expiry", json_null());
    }
}


json_t *
wa_column_text(const wa_sql_rows_t *rows, size_t column)
{
    wa_span_t  s;

    if (wa_sql_is_null(rows, column)) {
        return json_null();
    }

    s = wa_sql_text(rows, column);

    return json_stringn(s.p == NULL ? "" : (const char *) s.p, s.n);
}


json_t *
wa_column_bool(const wa_sql_rows_t *rows, size_t column)
{
    return json_boolean(wa_sql_int(rows, column) != 0);
}
