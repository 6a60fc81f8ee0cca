/* Reading the history database: one message, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


/* The last second of the year 9999: a peer may write any number. */
#define MESSAGE_TS_MAX  253402300799


static const char *const  message_nulls[] = {
    "conversationId", "client_message_id", "clientMessageId", "from_jid",
    "participant", "phone_number", "push_name", "body", "text", "quoted_id",
    "quoted_body", "ephemeral_duration", "edited_at", "deleted_at",
    "media_id", "mediaId", "media_mime_type", "mediaMimeType", "media_size",
    "media_filename", "mediaFilename", "media_duration", "media_width",
    "media_height", "media_url", "mediaUrl", "mediaCaption", "mediaType",
    "media_status", "reaction_emoji", "reaction_target_id", "poll_name",
    "poll_options", "poll_results", "latitude", "longitude", "location_name",
    "location_address", "contacts", "template_name", "templateName",
    "template_params", "templateParams", "interactive", "error_code",
    "errorCode", "error_message", "errorMessage", "queued_at", "sent_at",
    "delivered_at", "deliveredAt", "read_at", "readAt", "failed_at",
    "failedAt", "metadata"
};

static const char *const  message_falses[] = {
    "is_forwarded", "is_starred", "is_broadcast", "is_ephemeral",
    "is_view_once", "is_status", "is_deleted", "has_media"
};


/* What else is known of a message: rows that name it. */
typedef struct {
    const char  *columns;
    const char  *order;
    json_t     *(*row)(const wa_sql_rows_t *rows);
} list_t;


static bool fill(json_t *o, const char *const *names, size_t n,
    json_t *value);
static wa_err_t message_find(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, bool whatsapp, json_t **out);
static wa_err_t message_list(wa_sql_t *db, json_t *message, const char *name,
    const list_t *list);
static json_t *receipt_row(const wa_sql_rows_t *rows);
static json_t *reaction_row(const wa_sql_rows_t *rows);
static bool put(json_t *o, const char *name, const char *alias,
    json_t *value);
static json_t *span_json(wa_span_t s);
static json_t *seconds_json(int64_t ts);


static const list_t  receipts_list = {
    "SELECT recipient_jid, status, ts FROM wa_receipts",
    " ORDER BY rank, ts", receipt_row
};

static const list_t  reactions_list = {
    "SELECT from_jid, emoji, ms FROM wa_reactions",
    " ORDER BY ms", reaction_row
};


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
        rc = message_list(db, message, "receipts", &receipts_list);
    }

    if (rc == WA_OK && reactions) {
        rc = message_list(db, message, "reactions", &reactions_list);
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
                     " FROM wa_messages WHERE ");
    wa_build_owner(&b, q->tenant, q->account);

    if (q->account.p == NULL && !whatsapp) {
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


static wa_err_t
message_list(wa_sql_t *db, json_t *message, const char *name,
    const list_t *list)
{
    json_t      *items;
    wa_err_t     rc;
    wa_build_t   b;

    wa_build_init(&b);
    wa_build_add(&b, list->columns);
    wa_build_message(&b, message);
    wa_build_add(&b, list->order);
    rc = wa_build_array(&b, db, list->row, &items);

    if (rc == WA_OK && json_object_set_new(message, name, items) != 0) {
        rc = WA_ERR_NOMEM;
    }

    return rc;
}


static json_t *
receipt_row(const wa_sql_rows_t *rows)
{
    return json_pack("{s:o, s:o, s:I}",
                     "recipient_jid", wa_column_text(rows, 0),
                     "status", wa_column_text(rows, 1),
                     "timestamp", (json_int_t) wa_sql_int(rows, 2));
}


static json_t *
reaction_row(const wa_sql_rows_t *rows)
{
    return json_pack("{s:o, s:o, s:I}",
                     "emoji", wa_column_text(rows, 1),
                     "from_jid", wa_column_text(rows, 0),
                     "timestamp",
                     (json_int_t) (wa_sql_int(rows, 2) / 1000));
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

    if (ok && wa_sql_int(rows, 14) != 0) {
        ok = put(m, "edit_type", NULL, json_integer(2));
    }

    if (ok && !wa_sql_is_null(rows, 5)) {
        ok = put(m, "delivered_at", "deliveredAt",
                 seconds_json(wa_sql_int(rows, 5)));
    }

    if (ok && !wa_sql_is_null(rows, 6)) {
        ok = put(m, "read_at", "readAt",
                 seconds_json(wa_sql_int(rows, 6)));
    }

    if (!ok || !wa_archive_fill(m)) {
        json_decref(m);
        return NULL;
    }

    return m;
}


bool
wa_archive_fill(json_t *message)
{
    return fill(message, message_nulls,
                sizeof(message_nulls) / sizeof(message_nulls[0]),
                json_null())
           && fill(message, message_falses,
                   sizeof(message_falses) / sizeof(message_falses[0]),
                   json_false());
}


/* `value` is one of those that are never freed. */
static bool
fill(json_t *o, const char *const *names, size_t n, json_t *value)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (json_object_get(o, names[i]) == NULL
            && json_object_set(o, names[i], value) != 0)
        {
            return false;
        }
    }

    return true;
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
