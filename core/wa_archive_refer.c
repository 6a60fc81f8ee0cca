/* Reading the history database: what a send needs to know of a message that
   it refers to, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"
#include "wa_event_message.h"


/* Messages asked about at once: a statement has so many parameters. */
#define AUTHORS_BATCH  16u

#define REFER_COLUMNS                                                         \
    "SELECT m.chat_jid, m.from_jid, m.from_lid, m.from_me, m.ts, m.body,"     \
    " m.deleted_at, r.message FROM wa_messages m LEFT JOIN wa_raw r"          \
    " ON r.account_id = m.account_id AND r.id = m.id"


/* Who wrote the messages asked about: {author: [message id]}. */
typedef struct {
    json_t  *of;
    size_t   found;
} authors_t;


static wa_err_t refer_find(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, const char *condition, json_t **out);
static wa_err_t refer_row(void *data, const wa_sql_rows_t *rows);
static wa_err_t authors_batch(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t chat, const json_t *refs, size_t first, authors_t *out);
static wa_err_t authors_row(void *data, const wa_sql_rows_t *rows);


wa_err_t
wa_archive_refer(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t ref,
    json_t **out)
{
    wa_err_t  rc;

    *out = NULL;

    rc = refer_find(db, q, ref, " AND m.id = ", out);

    if (rc == WA_OK && *out == NULL) {
        rc = refer_find(db, q, ref, " AND m.message_id = ", out);
    }

    if (rc != WA_OK) {
        json_decref(*out);
        *out = NULL;
    }

    return rc;
}


static wa_err_t
refer_find(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t ref,
    const char *condition, json_t **out)
{
    wa_build_t  b;

    wa_build_init(&b);
    wa_build_add(&b, REFER_COLUMNS " WHERE m.account_id = ");
    wa_build_text(&b, q->account);
    wa_build_add(&b, " AND m.tenant = ");
    wa_build_text(&b, q->tenant);
    wa_build_add(&b, condition);
    wa_build_text(&b, ref);
    wa_build_add(&b, " ORDER BY m.ts DESC, m.pos DESC LIMIT 1");

    return wa_build_each(&b, db, refer_row, out);
}


/* What was deleted is shown to nobody any more. */
static wa_err_t
refer_row(void *data, const wa_sql_rows_t *rows)
{
    bool      gone;
    json_t  **out;

    out = data;
    gone = !wa_sql_is_null(rows, 6);

    *out = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
                     "chat", wa_column_text(rows, 0),
                     "sender", wa_column_text(rows, 1),
                     "sender_lid", wa_column_text(rows, 2),
                     "from_me", wa_column_bool(rows, 3),
                     "timestamp", (json_int_t) wa_sql_int(rows, 4),
                     "text", gone ? json_null() : wa_column_text(rows, 5),
                     "message", gone ? json_null()
                                     : wa_column_text(rows, 7));

    return *out == NULL ? WA_ERR_NOMEM : WA_OK;
}


wa_err_t
wa_archive_authors(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t chat,
    const json_t *refs, json_t **out)
{
    size_t     i;
    wa_err_t   rc;
    authors_t  authors;

    *out = NULL;
    rc = WA_OK;
    authors.found = 0;
    authors.of = json_object();

    if (authors.of == NULL) {
        return WA_ERR_NOMEM;
    }

    for (i = 0; rc == WA_OK && i < json_array_size(refs); i += AUTHORS_BATCH)
    {
        rc = authors_batch(db, q, chat, refs, i, &authors);
    }

    if (rc == WA_OK && authors.found >= json_array_size(refs)) {
        *out = authors.of;

    } else {
        json_decref(authors.of);
    }

    return rc;
}


static wa_err_t
authors_batch(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t chat,
    const json_t *refs, size_t first, authors_t *out)
{
    size_t         i;
    wa_span_t      id;
    wa_build_t     b;
    const json_t  *v;

    wa_build_init(&b);
    wa_build_add(&b, "SELECT m.message_id, COALESCE(m.from_jid, m.from_lid),"
                     " m.from_me FROM wa_messages m WHERE m.account_id = ");
    wa_build_text(&b, q->account);
    wa_build_add(&b, " AND m.tenant = ");
    wa_build_text(&b, q->tenant);
    wa_build_add(&b, " AND m.chat_jid = ");
    wa_build_text(&b, chat);
    wa_build_add(&b, " AND m.message_id IN (");

    for (i = first; i < first + AUTHORS_BATCH; i++) {
        v = json_array_get(refs, i);

        if (v == NULL) {
            break;
        }

        id = wa_span(json_string_value(v), json_string_length(v));
        (void) wa_message_ref_parse(id, &id);
        wa_build_add(&b, i == first ? "" : ", ");
        wa_build_text(&b, id);
    }

    wa_build_add(&b, ")");

    return wa_build_each(&b, db, authors_row, out);
}


static wa_err_t
authors_row(void *data, const wa_sql_rows_t *rows)
{
    char        author[WA_JID_TEXT_MAX];
    json_t     *list;
    authors_t  *out;
    wa_span_t   jid;

    out = data;
    out->found++;
    jid = wa_sql_text(rows, 1);

    if (wa_sql_int(rows, 2) != 0 || jid.n == 0 || jid.n >= sizeof(author)) {
        return WA_OK;
    }

    memcpy(author, jid.p, jid.n);
    author[jid.n] = '\0';
    list = json_object_get(out->of, author);

    if (list == NULL) {
        list = json_array();

        if (list == NULL || json_object_set_new(out->of, author, list) != 0) {
            return WA_ERR_NOMEM;
        }
    }

    return json_array_append_new(list, wa_column_text(rows, 0)) == 0
           ? WA_OK : WA_ERR_NOMEM;
}
