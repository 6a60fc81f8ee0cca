/* Reading the history database: what a send needs to know of a message that
   it refers to, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


#define REFER_COLUMNS                                                         \
    "SELECT m.chat_jid, m.from_jid, m.from_lid, m.from_me, m.ts, m.body,"     \
    " m.deleted_at, r.message FROM wa_messages m LEFT JOIN wa_raw r"          \
    " ON r.account_id = m.account_id AND r.id = m.id"


static wa_err_t refer_find(wa_sql_t *db, const wa_archive_query_t *q,
    wa_span_t ref, const char *condition, json_t **out);
static json_t *refer_row(const wa_sql_rows_t *rows);


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

    return rc;
}


static wa_err_t
refer_find(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t ref,
    const char *condition, json_t **out)
{
    wa_err_t        rc;
    wa_build_t      b;
    wa_sql_rows_t  *rows;

    wa_build_init(&b);
    wa_build_add(&b, REFER_COLUMNS " WHERE m.account_id = ");
    wa_build_text(&b, q->account);
    wa_build_add(&b, " AND m.tenant = ");
    wa_build_text(&b, q->tenant);
    wa_build_add(&b, condition);
    wa_build_text(&b, ref);
    wa_build_add(&b, " ORDER BY m.ts DESC, m.pos DESC LIMIT 1");

    rc = wa_build_query(&b, db, &rows);

    if (rc == WA_OK) {
        rc = wa_sql_next(rows);

        if (rc == WA_OK) {
            *out = refer_row(rows);
            rc = *out == NULL ? WA_ERR_NOMEM : WA_OK;

        } else if (rc == WA_AGAIN) {
            rc = WA_OK;
        }

        wa_sql_rows_free(rows);
    }

    wa_build_free(&b);

    return rc;
}


/* What was deleted is shown to nobody any more. */
static json_t *
refer_row(const wa_sql_rows_t *rows)
{
    bool  gone;

    gone = !wa_sql_is_null(rows, 6);

    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
                     "chat", wa_column_text(rows, 0),
                     "sender", wa_column_text(rows, 1),
                     "sender_lid", wa_column_text(rows, 2),
                     "from_me", wa_column_bool(rows, 3),
                     "timestamp", (json_int_t) wa_sql_int(rows, 4),
                     "text", gone ? json_null() : wa_column_text(rows, 5),
                     "message", gone ? json_null()
                                     : wa_column_text(rows, 7));
}
