/* Reading the history database: presence, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


/* Where the columns of the order begin. */
#define PRESENCE_PLACE  6


static void presence_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *presence_row(const wa_sql_rows_t *rows);


static const char *const  presence_addresses[] = {
    "jid", "lid", "chat_jid", NULL
};

static const wa_list_t  presence_list = {
    "account_id, jid, lid, chat_jid, status, last_seen, ms, pos, shard",
    "wa_presence", { "ms", "pos", "shard" },
    PRESENCE_PLACE, presence_row, presence_filter
};


wa_err_t
wa_archive_presence(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &presence_list, out);
}


static void
presence_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    wa_build_any(b, presence_addresses, q->chat);

    if (q->before != 0) {
        wa_build_add(b, " AND ms < ");
        wa_build_int(b, q->before * 1000);
    }

    if (q->after != 0) {
        wa_build_add(b, " AND ms >= ");
        wa_build_int(b, (q->after + 1) * 1000);
    }
}


static json_t *
presence_row(const wa_sql_rows_t *rows)
{
    char  at[32];

    (void) wa_iso_time(wa_sql_int(rows, PRESENCE_PLACE), at);

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
                     "account_id", wa_column_text(rows, 0),
                     "jid", wa_column_text(rows, 1),
                     "lid", wa_column_text(rows, 2),
                     "chat_jid", wa_column_text(rows, 3),
                     "status", wa_column_text(rows, 4),
                     "last_seen", wa_sql_is_null(rows, 5)
                                  ? json_null()
                                  : json_integer(wa_sql_int(rows, 5)),
                     "logged_at", at);
}
