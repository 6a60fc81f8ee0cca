/* Reading the history database: groups and stories, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"
#include "wa_json.h"


/* Where the columns of the order begin. */
#define GROUP_PLACE  3
#define STORY_PLACE  5

/* How long a status is shown, seconds. */
#define STORY_LIFE   86400


static void group_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *group_row(const wa_sql_rows_t *rows);
static void story_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *story_row(const wa_sql_rows_t *rows);


static const wa_list_t  groups_list = {
    "object, first_seen_ms, updated_ms, first_seen_ms, pos, shard",
    "wa_groups", { "first_seen_ms", "pos", "shard" },
    GROUP_PLACE, group_row, group_filter
};

static const wa_list_t  stories_list = {
    "id, from_jid, type, body,"
    " (SELECT MAX(f.id) FROM wa_media f WHERE f.tenant = wa_messages.tenant"
    "  AND f.message = wa_messages.id), ts, pos, shard, participant",
    "wa_messages", { "ts", "pos", "shard" },
    STORY_PLACE, story_row, story_filter
};


wa_err_t
wa_archive_groups(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &groups_list, out);
}


wa_err_t
wa_archive_stories(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &stories_list, out);
}


static void
group_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);
    wa_build_add(b, " AND left_ms IS NULL");

    if (q->search.p != NULL) {
        wa_build_add(b, " AND (LOWER(name)");
        wa_build_part(b, q->search);
        wa_build_add(b, " OR jid");
        wa_build_part(b, q->search);
        wa_build_add(b, ")");
    }
}


/* As its last event told it. */
static json_t *
group_row(const wa_sql_rows_t *rows)
{
    char     seen[32], updated[32];
    json_t  *o;

    o = wa_json_read(wa_sql_text(rows, 0));

    if (o == NULL) {
        return NULL;
    }

    (void) wa_iso_time(wa_sql_int(rows, 1), seen);
    (void) wa_iso_time(wa_sql_int(rows, 2), updated);

    if (json_object_set_new(o, "first_seen_at", json_string(seen)) != 0
        || json_object_set_new(o, "updated_at", json_string(updated)) != 0)
    {
        json_decref(o);
        return NULL;
    }

    return o;
}


/* What was taken back, or is no post, is not shown. */
static void
story_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);
    wa_build_add(b, " AND chat_jid = 'status@broadcast'"
                    " AND deleted_at IS NULL AND status <> 'FAILED'"
                    " AND type <> 'protocol'");

    if (q->from.p != NULL) {
        wa_build_add(b, " AND participant = ");
        wa_build_text(b, q->from);
    }

    if (q->before != 0) {
        wa_build_add(b, " AND ts < ");
        wa_build_int(b, q->before);
    }

    if (q->after != 0) {
        wa_build_add(b, " AND ts > ");
        wa_build_int(b, q->after);
    }
}


static json_t *
story_row(const wa_sql_rows_t *rows)
{
    char     until[32];
    int64_t  ts;

    ts = wa_sql_int(rows, STORY_PLACE);
    (void) wa_iso_time((ts + STORY_LIFE) * 1000, until);

    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:s}",
                     "id", wa_column_text(rows, 0),
                     "from_jid", wa_column_text(rows, 8),
                     "timestamp", (json_int_t) ts,
                     "message_type", wa_column_text(rows, 2),
                     "body", wa_column_text(rows, 3),
                     "media_id", wa_column_text(rows, 4),
                     "expires_at", until);
}
