/* Reading the history database: calls, see wa_archive.h. */
#include "wa_archive_int.h"
#include "wa_json.h"


/* Where the columns of the order begin. */
#define CALL_PLACE  1


static void call_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *call_row(const wa_sql_rows_t *rows);


static const char *const  call_people[] = {
    "from_jid", "from_lid", "group_jid", NULL
};

static const wa_list_t  calls_list = {
    "object, ts, pos, shard", "wa_calls", { "ts", "pos", "shard" },
    CALL_PLACE, call_row, call_filter
};


wa_err_t
wa_archive_calls(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &calls_list, out);
}


static void
call_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    wa_build_any(b, call_people, q->from);
    wa_list_time(b, q);
}


/* As its last event told it. */
static json_t *
call_row(const wa_sql_rows_t *rows)
{
    return wa_json_read(wa_sql_text(rows, 0));
}
