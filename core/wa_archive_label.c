/* Reading the history database: labels, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


/* Where the columns of the order begin. */
#define LABEL_PLACE  4


static void label_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *label_row(const wa_sql_rows_t *rows);
static wa_err_t label_number(void *data, const wa_sql_rows_t *rows);
static wa_err_t label_chats(wa_sql_t *db, json_t *label);
static json_t *label_chat(const wa_sql_rows_t *rows);


static const wa_list_t  labels_list = {
    "id, account_id, name, color, first_seen_ms, pos, shard",
    "wa_labels", { "first_seen_ms", "pos", "shard" },
    LABEL_PLACE, label_row, label_filter
};


wa_err_t
wa_archive_labels(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    size_t    i;
    json_t   *label;
    wa_err_t  rc;

    rc = wa_list_run(db, q, &labels_list, out);

    if (rc != WA_OK) {
        return rc;
    }

    json_array_foreach(out->items, i, label) {
        rc = label_chats(db, label);

        if (rc != WA_OK) {
            json_decref(out->items);
            out->items = NULL;
            break;
        }
    }

    return rc;
}


wa_err_t
wa_archive_label_next(wa_sql_t *db, wa_span_t account, int64_t *id)
{
    wa_build_t  b;

    *id = 1;
    wa_build_init(&b);
    wa_build_add(&b, "SELECT id FROM wa_labels WHERE account_id = ");
    wa_build_text(&b, account);

    return wa_build_each(&b, db, label_number, id);
}


/* The next one after all that are numbers. */
static wa_err_t
label_number(void *data, const wa_sql_rows_t *rows)
{
    int64_t   *id;
    uint64_t   n;

    id = data;

    if (wa_span_u64(wa_sql_text(rows, 0), &n) && n < INT32_MAX
        && (int64_t) n >= *id)
    {
        *id = (int64_t) n + 1;
    }

    return WA_OK;
}


static void
label_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    if (q->chat.p != NULL) {
        wa_build_add(b, " AND id = ");
        wa_build_text(b, q->chat);
    }
}


static json_t *
label_row(const wa_sql_rows_t *rows)
{
    return json_pack("{s:o, s:o, s:o, s:o}",
                     "id", wa_column_text(rows, 0),
                     "account_id", wa_column_text(rows, 1),
                     "name", wa_column_text(rows, 2),
                     "color", wa_column_text(rows, 3));
}


static wa_err_t
label_chats(wa_sql_t *db, json_t *label)
{
    json_t        *chats;
    wa_err_t       rc;
    wa_build_t     b;
    const json_t  *account, *id;

    account = json_object_get(label, "account_id");
    id = json_object_get(label, "id");

    wa_build_init(&b);
    wa_build_add(&b, "SELECT chat_jid FROM wa_label_links"
                     " WHERE message_id = '' AND account_id = ");
    wa_build_text(&b, wa_span_str(json_string_value(account)));
    wa_build_add(&b, " AND label_id = ");
    wa_build_text(&b, wa_span_str(json_string_value(id)));
    wa_build_add(&b, " ORDER BY chat_jid");
    rc = wa_build_array(&b, db, label_chat, &chats);

    if (rc == WA_OK && json_object_set_new(label, "chats", chats) != 0) {
        rc = WA_ERR_NOMEM;
    }

    return rc;
}


static json_t *
label_chat(const wa_sql_rows_t *rows)
{
    return wa_column_text(rows, 0);
}
