/* Reading the history database: one message, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


/* The last second of the year 9999: a peer may write any number. */
#define MESSAGE_TS_MAX  253402300799


static wa_err_t message_find(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, bool whatsapp, json_t **out);
static wa_err_t message_list(wa_sql_t *db, const char *statement,
    json_t *message, const char *name);
static bool put(json_t *o, const char *name, const char *alias,
    json_t *value);
static json_t *span_json(wa_span_t s);
static json_t *seconds_json(int64_t ts);


wa_err_t
wa_archive_message(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t ref,
    json_t **out)
{
    json_t   *m;
    wa_err_t  rc;

    *out = NULL;
    m = NULL;

    rc = message_find(db, q, ref, false, &m);

    if (rc == WA_OK && m == NULL) {
        rc = message_find(db, q, ref, true, &m);
    }

    if (rc != WA_OK || m == NULL) {
        return rc;
    }

    rc = wa_archive_attach(db, m, true, true);

    if (rc == WA_OK && q->raw) {
        rc = wa_archive_raw(db, m);
    }

    if (rc != WA_OK) {
        json_decref(m);
        return rc;
    }

    *out = m;

    return WA_OK;
}


wa_err_t
wa_archive_attach(wa_sql_t *db, json_t *message, bool receipts,
    bool reactions)
{
    wa_err_t  rc;

    rc = WA_OK;

    if (receipts) {
        rc = message_list(db, "SELECT recipient_jid, status, ts"
                              " FROM wa_receipts"
                              " WHERE account_id = $1 AND id = $2"
                              " ORDER BY rank, ts", message, "receipts");
    }

    if (rc == WA_OK && reactions) {
        rc = message_list(db, "SELECT from_jid, emoji, ms FROM wa_reactions"
                              " WHERE account_id = $1 AND id = $2"
                              " ORDER BY ms", message, "reactions");
    }

    return rc == WA_OK ? wa_archive_votes(db, message) : rc;
}


/* Our own id is looked for in every account of the tenant: its index begins
   with the account. */
static wa_err_t
message_find(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t ref,
    bool whatsapp, json_t **out)
{
    json_t         *m;
    wa_err_t        rc;
    wa_build_t      b;
    wa_sql_rows_t  *rows;

    wa_build_init(&b);
    wa_build_add(&b, "SELECT " WA_ARCHIVE_MESSAGE_COLUMNS
                     " FROM wa_messages WHERE tenant = ");
    wa_build_text(&b, q->tenant);

    if (q->account.p != NULL) {
        wa_build_add(&b, " AND account_id = ");
        wa_build_text(&b, q->account);

    } else if (!whatsapp) {
        wa_build_add(&b, " AND account_id IN"
                         " (SELECT a.id FROM wa_accounts a"
                         " WHERE a.tenant = ");
        wa_build_text(&b, q->tenant);
        wa_build_add(&b, ")");
    }

    wa_build_add(&b, whatsapp ? " AND message_id = " : " AND id = ");
    wa_build_text(&b, ref);
    wa_build_add(&b, " ORDER BY ts DESC, pos DESC, shard DESC LIMIT 2");

    rc = wa_build_query(&b, db, &rows);

    if (rc != WA_OK) {
        wa_build_free(&b);
        return rc;
    }

    m = NULL;
    rc = wa_sql_next(rows);

    if (rc == WA_OK) {
        m = wa_archive_message_row(rows);
        rc = (m == NULL) ? WA_ERR_NOMEM : wa_sql_next(rows);

        if (rc == WA_OK && q->account.p == NULL) {
            rc = WA_ERR_AMBIGUOUS;
        }
    }

    wa_sql_rows_free(rows);
    wa_build_free(&b);

    if (rc != WA_OK && rc != WA_AGAIN) {
        json_decref(m);
        return rc;
    }

    *out = m;

    return WA_OK;
}


/* Receipts or reactions of a message, as an array in it. */
static wa_err_t
message_list(wa_sql_t *db, const char *statement, json_t *message,
    const char *name)
{
    bool            receipts;
    json_t         *list, *item;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;
    wa_sql_value_t  v[2];

    receipts = (strcmp(name, "receipts") == 0);

    v[0].type = WA_SQL_TEXT;
    v[0].s = wa_span_str(json_string_value(json_object_get(message,
                                                           "account_id")));
    v[1].type = WA_SQL_TEXT;
    v[1].s = wa_span_str(json_string_value(json_object_get(message, "id")));

    rc = wa_sql_query(db, statement, v, 2, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    list = json_array();

    for ( ;; ) {
        rc = (list == NULL) ? WA_ERR_NOMEM : wa_sql_next(rows);

        if (rc != WA_OK) {
            break;
        }

        if (receipts) {
            item = json_pack("{s:o, s:o, s:I}",
                             "recipient_jid",
                             span_json(wa_sql_text(rows, 0)),
                             "status", span_json(wa_sql_text(rows, 1)),
                             "timestamp", (json_int_t) wa_sql_int(rows, 2));

        } else {
            item = json_pack("{s:o, s:o, s:I}",
                             "emoji", span_json(wa_sql_text(rows, 1)),
                             "from_jid", span_json(wa_sql_text(rows, 0)),
                             "timestamp",
                             (json_int_t) (wa_sql_int(rows, 2) / 1000));
        }

        if (item == NULL || json_array_append_new(list, item) != 0) {
            rc = WA_ERR_NOMEM;
            break;
        }
    }

    wa_sql_rows_free(rows);

    if (rc == WA_AGAIN && json_object_set(message, name, list) == 0) {
        rc = WA_OK;

    } else if (rc == WA_AGAIN) {
        rc = WA_ERR_NOMEM;
    }

    json_decref(list);

    return rc;
}


json_t *
wa_archive_message_row(const wa_sql_rows_t *rows)
{
    bool       ok;
    char       iso[32];
    json_t    *m;
    wa_span_t  s;

    s = wa_sql_text(rows, 0);
    m = json_loadb((const char *) s.p, s.n, JSON_ALLOW_NUL, NULL);

    if (!json_is_object(m)) {
        json_decref(m);
        return NULL;
    }

    /* The object is as the event had it: what the tables say is newer. */

    ok = put(m, "status", NULL, span_json(wa_sql_text(rows, 1)))
         && put(m, "is_starred", NULL,
                json_boolean(wa_sql_int(rows, 2) != 0))
         && put(m, "updated_at", "updatedAt",
                json_string(wa_iso_time(wa_sql_int(rows, 7), iso)))
         && put(m, "account_id", NULL, span_json(wa_sql_text(rows, 12)))
         && put(m, "id", NULL, span_json(wa_sql_text(rows, 13)));

    if (ok && !wa_sql_is_null(rows, 3)) {
        ok = put(m, "edited_at", NULL, span_json(wa_sql_text(rows, 3)))
             && put(m, "edit_type", NULL, json_integer(1))
             && put(m, "body", "text",
                    wa_sql_is_null(rows, 8)
                        ? json_null() : span_json(wa_sql_text(rows, 8)));
    }

    if (ok && !wa_sql_is_null(rows, 4)) {
        ok = put(m, "deleted_at", NULL, span_json(wa_sql_text(rows, 4)))
             && put(m, "is_deleted", NULL, json_true());
    }

    if (ok && !wa_sql_is_null(rows, 5)) {
        ok = put(m, "delivered_at", "deliveredAt",
                 seconds_json(wa_sql_int(rows, 5)));
    }

    if (ok && !wa_sql_is_null(rows, 6)) {
        ok = put(m, "read_at", "readAt",
                 seconds_json(wa_sql_int(rows, 6)));
    }

    if (!ok) {
        json_decref(m);
        return NULL;
    }

    return m;
}


/* Steals value.  `alias`: the other name the contract gives it. */
static bool
put(json_t *o, const char *name, const char *alias, json_t *value)
{
    if (alias != NULL && json_object_set(o, alias, value) != 0) {
        json_decref(value);
        return false;
    }

    return json_object_set_new(o, name, value) == 0;
}


static json_t *
span_json(wa_span_t s)
{
    return json_stringn(s.p == NULL ? "" : (const char *) s.p, s.n);
}


static json_t *
seconds_json(int64_t ts)
{
    char  iso[32];

    if (ts < 0 || ts > MESSAGE_TS_MAX) {
        return json_null();
    }

    return json_string(wa_iso_time(ts * 1000, iso));
}
