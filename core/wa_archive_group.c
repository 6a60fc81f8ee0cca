/* Reading the history database: groups and stories, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"
#include "wa_json.h"


/* Where the columns of the order begin. */
#define GROUP_PLACE  3
#define STORY_PLACE  5

/* How long a status is shown, seconds. */
#define STORY_LIFE   86400


static wa_err_t group_time(void *data, const wa_sql_rows_t *rows);
static void group_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *group_row(const wa_sql_rows_t *rows);
static void past_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *past_row(const wa_sql_rows_t *rows);
static void story_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *story_row(const wa_sql_rows_t *rows);


static const char *const  group_texts[] = { "LOWER(name)", "jid", NULL };

static const char *const  story_writer[] = {
    "participant", "from_lid", NULL
};

static const wa_list_t  groups_list = {
    "object, first_seen_ms, updated_ms, first_seen_ms, pos, shard",
    "wa_groups", { "first_seen_ms", "pos", "shard" },
    GROUP_PLACE, group_row, group_filter
};

static const wa_list_t  stories_list = {
    "id, from_jid, type, body, object, ts, pos, shard, participant",
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


wa_err_t
wa_archive_group_since(wa_sql_t *db, const wa_archive_query_t *q,
    json_t *group)
{
    int          bad;
    size_t       i;
    json_t      *times, *member, *at;
    wa_err_t     rc;
    wa_span_t    jid;
    wa_build_t   b;
    const char  *who;

    times = json_object();

    if (times == NULL) {
        return WA_ERR_NOMEM;
    }

    jid = wa_span_str(json_string_value(json_object_get(group, "jid")));

    wa_build_init(&b);
    wa_build_add(&b, "SELECT '', first_seen_ms FROM wa_groups"
                     " WHERE account_id = ");
    wa_build_text(&b, q->account);
    wa_build_add(&b, " AND jid = ");
    wa_build_text(&b, jid);
    wa_build_add(&b, " UNION ALL SELECT jid, added_ms FROM wa_group_members"
                     " WHERE account_id = ");
    wa_build_text(&b, q->account);
    wa_build_add(&b, " AND group_jid = ");
    wa_build_text(&b, jid);

    rc = wa_build_each(&b, db, group_time, times);

    at = json_object_get(times, "");
    bad = json_object_set(group, "first_seen_at",
                          at == NULL ? json_null() : at);

    json_array_foreach(json_object_get(group, "participants"), i, member) {
        who = json_string_value(json_object_get(member, "jid"));
        at = (who == NULL) ? NULL : json_object_get(times, who);
        bad |= json_object_set(member, "added_at",
                               at == NULL ? json_null() : at);
    }

    json_decref(times);

    return rc == WA_OK && bad != 0 ? WA_ERR_NOMEM : rc;
}


/* {address: when}; "": the group itself. */
static wa_err_t
group_time(void *data, const wa_sql_rows_t *rows)
{
    char        at[32], name[WA_JID_TEXT_MAX + 1];
    json_t     *times;
    wa_span_t   jid;

    times = data;
    jid = wa_sql_text(rows, 0);

    if (jid.n > WA_JID_TEXT_MAX) {
        return WA_OK;
    }

    if (jid.n != 0) {
        memcpy(name, jid.p, jid.n);
    }

    name[jid.n] = '\0';
    (void) wa_iso_time(wa_sql_int(rows, 1), at);

    return json_object_set_new(times, name, json_string(at)) == 0
           ? WA_OK : WA_ERR_NOMEM;
}


static void
group_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);
    wa_build_add(b, " AND left_ms IS NULL");

    wa_build_search(b, group_texts, q->search);
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


/* -- who was in it --------------------------------------------------------- */

wa_err_t
wa_archive_group_past(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    wa_err_t    rc;
    wa_build_t  b;

    memset(out, 0, sizeof(*out));
    wa_build_init(&b);
    wa_build_add(&b, "SELECT COUNT(*)");
    past_filter(&b, q);
    rc = wa_build_number(&b, db, &out->total);

    if (rc != WA_OK) {
        return rc;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT p.jid, p.lid, p.reason, p.left_ts");
    past_filter(&b, q);
    wa_build_add(&b, " ORDER BY p.left_ts DESC, p.jid, p.account_id LIMIT ");
    wa_build_int(&b, q->limit);
    wa_build_add(&b, " OFFSET ");
    wa_build_int(&b, q->offset);

    return wa_build_array(&b, db, past_row, &out->items);
}


/* Who is in it again was not. */
static void
past_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_build_add(b, " FROM wa_group_past p WHERE p.group_jid = ");
    wa_build_text(b, q->chat);
    wa_build_add(b, " AND EXISTS (SELECT 1 FROM wa_accounts a"
                    " WHERE a.id = p.account_id AND a.tenant = ");
    wa_build_text(b, q->tenant);
    wa_build_add(b, ") AND NOT EXISTS (SELECT 1 FROM wa_group_members m"
                    " WHERE m.account_id = p.account_id"
                    " AND m.group_jid = p.group_jid"
                    " AND (m.jid = p.jid OR m.lid = p.lid))");

    if (q->account.p != NULL) {
        wa_build_add(b, " AND p.account_id = ");
        wa_build_text(b, q->account);
    }
}


static json_t *
past_row(const wa_sql_rows_t *rows)
{
    int64_t  left;

    left = wa_sql_int(rows, 3);

    return json_pack("{s:o, s:o, s:o, s:o, s:o}",
                     "jid", wa_column_text(rows, 0),
                     "participant_jid", wa_column_text(rows, 0),
                     "lid", wa_column_text(rows, 1),
                     "reason", wa_column_text(rows, 2),
                     "left_at", left > 0 ? json_integer(left) : json_null());
}


/* -- stories --------------------------------------------------------------- */

/* What was taken back, or is no post, is not shown. */
static void
story_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);
    wa_build_add(b, " AND chat_jid = 'status@broadcast'"
                    " AND deleted_at IS NULL AND status <> 'FAILED'"
                    " AND type <> 'protocol'");

    wa_build_any(b, story_writer, q->from);
    wa_list_time(b, q);
}


static json_t *
story_row(const wa_sql_rows_t *rows)
{
    char        until[32];
    json_t     *m, *row;
    int64_t     ts;
    wa_span_t   object;

    object = wa_sql_text(rows, 4);
    m = json_loadb((const char *) object.p, object.n, JSON_ALLOW_NUL, NULL);
    ts = wa_sql_int(rows, STORY_PLACE);
    (void) wa_iso_time((ts + STORY_LIFE) * 1000, until);

    row = json_pack("{s:o, s:o, s:I, s:o, s:o, s:s?, s:s}",
                    "id", wa_column_text(rows, 0),
                    "from_jid", wa_column_text(rows, 8),
                    "timestamp", (json_int_t) ts,
                    "message_type", wa_column_text(rows, 2),
                    "body", wa_column_text(rows, 3),
                    "media_id",
                    json_string_value(json_object_get(m, "media_id")),
                    "expires_at", until);
    json_decref(m);

    return row;
}
