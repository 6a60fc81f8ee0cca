/* Reading the history database: totals, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


#define STATS_CHATS  20
#define STATS_DAYS   30
#define STATS_TYPES  64

/* The last day of the year 9999: a peer may write any time. */
#define STATS_DAY_MAX  2932896


typedef json_t *(*item_pt)(const wa_sql_rows_t *rows);


static wa_err_t stats_list(wa_sql_t *db, const wa_archive_query_t *q,
    const char *what, const char *tail, uint32_t limit, item_pt item,
    json_t **out);
static json_t *stats_type(const wa_sql_rows_t *rows);
static json_t *stats_chat(const wa_sql_rows_t *rows);
static json_t *stats_day(const wa_sql_rows_t *rows);
static void stats_sum(json_t *by_type, json_int_t *total,
    json_int_t *media);


wa_err_t
wa_archive_stats(wa_sql_t *db, const wa_archive_query_t *q, json_t **out)
{
    json_t      *types, *chats, *days;
    wa_err_t     rc;
    json_int_t   total, media;

    *out = NULL;
    types = NULL;
    chats = NULL;
    days = NULL;

    rc = stats_list(db, q, "SELECT type, COUNT(*), SUM(has_media)",
                    " GROUP BY type ORDER BY COUNT(*) DESC, type",
                    STATS_TYPES, stats_type, &types);

    if (rc == WA_OK) {
        rc = stats_list(db, q, "SELECT chat_jid, COUNT(*)",
                        " GROUP BY chat_jid ORDER BY COUNT(*) DESC, chat_jid",
                        STATS_CHATS, stats_chat, &chats);
    }

    if (rc == WA_OK) {
        rc = stats_list(db, q, "SELECT ts / 86400, COUNT(*)",
                        " GROUP BY ts / 86400 ORDER BY ts / 86400 DESC",
                        STATS_DAYS, stats_day, &days);
    }

    if (rc != WA_OK) {
        json_decref(types);
        json_decref(chats);
        json_decref(days);
        return rc;
    }

    stats_sum(types, &total, &media);

    *out = json_pack("{s:I, s:o, s:o, s:o, s:I}", "total", total,
                     "byType", types, "byChat", chats, "byDay", days,
                     "mediaCount", media);

    return *out == NULL ? WA_ERR_NOMEM : WA_OK;
}


static wa_err_t
stats_list(wa_sql_t *db, const wa_archive_query_t *q, const char *what,
    const char *tail, uint32_t limit, item_pt item, json_t **out)
{
    wa_build_t  b;

    wa_build_init(&b);
    wa_build_add(&b, what);
    wa_build_add(&b, " FROM wa_messages");
    wa_list_owner(&b, q);
    wa_build_add(&b, tail);
    wa_build_add(&b, " LIMIT ");
    wa_build_int(&b, limit);

    return wa_build_array(&b, db, item, out);
}


/* The last member is for stats_sum(). */
static json_t *
stats_type(const wa_sql_rows_t *rows)
{
    return json_pack("{s:o, s:I, s:I}",
                     "message_type", wa_column_text(rows, 0),
                     "count", (json_int_t) wa_sql_int(rows, 1),
                     "media", (json_int_t) wa_sql_int(rows, 2));
}


static json_t *
stats_chat(const wa_sql_rows_t *rows)
{
    return json_pack("{s:o, s:I}",
                     "remote_jid", wa_column_text(rows, 0),
                     "count", (json_int_t) wa_sql_int(rows, 1));
}


static json_t *
stats_day(const wa_sql_rows_t *rows)
{
    char     iso[32];
    int64_t  day;

    day = wa_sql_int(rows, 0);
    day = day < 0 ? 0 : day > STATS_DAY_MAX ? STATS_DAY_MAX : day;

    return json_pack("{s:s%, s:I}",
                     "day", wa_iso_time(day * 86400 * 1000, iso), (size_t) 10,
                     "count", (json_int_t) wa_sql_int(rows, 1));
}


static void
stats_sum(json_t *by_type, json_int_t *total, json_int_t *media)
{
    size_t   i;
    json_t  *item;

    *total = 0;
    *media = 0;

    json_array_foreach(by_type, i, item) {
        *total += json_integer_value(json_object_get(item, "count"));
        *media += json_integer_value(json_object_get(item, "media"));
        (void) json_object_del(item, "media");
    }
}
