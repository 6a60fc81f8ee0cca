/* Chats and contacts that are to be told, see wa_news.h. */
#include "wa_news.h"

#include "wa_archive_int.h"
#include "wa_json.h"


/* Rows looked at: other owners' are among them until they tell theirs. */
#define NEWS_LOOK  "256"

#define CHATS                                                                 \
    "SELECT shard, tenant, account_id, jid FROM wa_chats"                     \
    " WHERE fresh <> 0 LIMIT " NEWS_LOOK

#define CONTACTS                                                              \
    "SELECT shard, fresh, account_id, jid, lid, phone_number,"                \
    " COALESCE(name, notify_name), notify_name FROM wa_contacts"              \
    " WHERE fresh <> 0 LIMIT " NEWS_LOOK


typedef json_t *(*news_row_pt)(const wa_sql_rows_t *rows);


static wa_err_t news_add(wa_sql_t *db, const char *statement,
    news_row_pt row, const uint32_t *shards, size_t n, json_t *out);
static json_t *news_chat(const wa_sql_rows_t *rows);
static json_t *news_contact(const wa_sql_rows_t *rows);
static wa_err_t news_fill(wa_sql_t *db, json_t *item);
static wa_err_t news_unmark(wa_sql_t *db, const json_t *item);


wa_err_t
wa_news_find(wa_sql_t *db, const uint32_t *shards, size_t n, json_t **out)
{
    size_t    i;
    json_t   *news, *item;
    wa_err_t  rc;

    *out = NULL;
    news = json_array();

    if (news == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = news_add(db, CHATS, news_chat, shards, n, news);

    for (i = 0; rc == WA_OK && i < json_array_size(news); i++) {
        item = json_array_get(news, i);
        rc = news_fill(db, item);
    }

    if (rc == WA_OK) {
        rc = news_add(db, CONTACTS, news_contact, shards, n, news);
    }

    if (rc != WA_OK || json_array_size(news) == 0) {
        json_decref(news);
        return rc;
    }

    *out = news;

    return WA_OK;
}


static wa_err_t
news_add(wa_sql_t *db, const char *statement, news_row_pt row,
    const uint32_t *shards, size_t n, json_t *out)
{
    size_t          i, added;
    json_t         *item;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    rc = wa_sql_query(db, statement, NULL, 0, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    added = 0;

    while (added < WA_NEWS_MAX) {
        rc = wa_sql_next(rows);

        if (rc != WA_OK) {
            break;
        }

        for (i = 0; i < n && shards[i] != (uint32_t) wa_sql_int(rows, 0);
             i++)
        { /* void */ }

        if (i == n) {
            continue;
        }

        item = row(rows);

        if (item == NULL || json_array_append_new(out, item) != 0) {
            rc = WA_ERR_NOMEM;
            break;
        }

        added++;
    }

    wa_sql_rows_free(rows);

    return rc == WA_AGAIN ? WA_OK : rc;
}


static json_t *
news_chat(const wa_sql_rows_t *rows)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "type", "chat.updated",
                     "tenant", wa_column_text(rows, 1),
                     "account", wa_column_text(rows, 2),
                     "jid", wa_column_text(rows, 3));
}


static json_t *
news_contact(const wa_sql_rows_t *rows)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:{s:{s:o, s:o, s:o, s:o, s:o,"
                     " s:o}, s:b}}", "type", "contact.updated",
                     "account", wa_column_text(rows, 2),
                     "jid", wa_column_text(rows, 3),
                     "name", wa_column_text(rows, 7),
                     "data", "contact",
                     "jid", wa_column_text(rows, 3),
                     "lid", wa_column_text(rows, 4),
                     "account_id", wa_column_text(rows, 2),
                     "phone_number", wa_column_text(rows, 5),
                     "name", wa_column_text(rows, 6),
                     "notify_name", wa_column_text(rows, 7),
                     "created", (int) (wa_sql_int(rows, 1) == 1));
}


/* The chat as the API shows it; one that cannot be shown has its address. */
static wa_err_t
news_fill(wa_sql_t *db, json_t *item)
{
    json_t              *chat;
    wa_err_t             rc;
    wa_archive_page_t    page;
    wa_archive_query_t   q;

    wa_archive_query_init(&q, wa_json_member(item, "tenant"));
    q.account = wa_json_member(item, "account");
    q.chat = wa_json_member(item, "jid");
    q.limit = 1;

    rc = wa_archive_chats(db, &q, &page);

    if (rc != WA_OK) {
        return rc;
    }

    chat = json_incref(json_array_get(page.items, 0));
    json_decref(page.items);

    if (!wa_span_eq(wa_json_member(chat, "jid"), q.chat)) {
        json_decref(chat);
        chat = json_pack("{s:O}", "jid", json_object_get(item, "jid"));
    }

    return json_object_set_new(item, "data",
                               json_pack("{s:o, s:b}", "chat", chat,
                                         "created", 1))
           == 0 ? WA_OK : WA_ERR_NOMEM;
}


wa_err_t
wa_news_told(wa_sql_t *db, const json_t *news)
{
    size_t         i;
    wa_err_t       rc;
    const json_t  *item;

    if (json_array_size(news) == 0) {
        return WA_OK;
    }

    rc = wa_sql_begin(db);

    json_array_foreach(news, i, item) {
        if (rc == WA_OK) {
            rc = news_unmark(db, item);
        }
    }

    if (rc == WA_OK) {
        rc = wa_sql_commit(db);
    }

    if (rc != WA_OK) {
        wa_sql_rollback(db);
    }

    return rc;
}


static wa_err_t
news_unmark(wa_sql_t *db, const json_t *item)
{
    bool            contact;
    size_t          i;
    wa_sql_value_t  v[3];

    static const char *const  names[] = { "account", "jid", "name" };

    contact = wa_span_eq_str(wa_json_member(item, "type"), "contact.updated");

    for (i = 0; i < 3; i++) {
        v[i].s = wa_json_member(item, names[i]);
        v[i].type = v[i].s.p == NULL ? WA_SQL_NULL : WA_SQL_TEXT;
    }

    return wa_sql_exec(db, contact
        ? "UPDATE wa_contacts SET fresh ="
          " CASE WHEN notify_name IS NOT DISTINCT FROM $3 THEN 0"
          " ELSE " WA_NEWS_CHANGED " END"
          " WHERE account_id = $1 AND jid = $2"
        : "UPDATE wa_chats SET fresh = 0 WHERE account_id = $1"
          " AND jid = $2", v, contact ? 3 : 2, NULL);
}
