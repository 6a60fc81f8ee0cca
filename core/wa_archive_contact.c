/* Reading the history database: contacts, see wa_archive.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


/* Where the columns of the order begin: first_seen_ms, pos, shard. */
#define CONTACT_PLACE  7

/* Messages are counted in the chat with the contact, under both addresses. */
#define CONTACT_COLUMNS                                                       \
    "account_id, jid, lid, phone_number, notify_name, first_seen_ms,"         \
    " updated_ms, first_seen_ms, pos, shard,"                                 \
    " (SELECT COUNT(*) FROM wa_messages m"                                    \
    "  WHERE m.tenant = wa_contacts.tenant"                                   \
    "  AND m.account_id = wa_contacts.account_id"                             \
    "  AND m.chat_jid IN (wa_contacts.jid, wa_contacts.lid)),"                \
    " (SELECT MAX(c.last_ts) FROM wa_chats c"                                 \
    "  WHERE c.account_id = wa_contacts.account_id"                           \
    "  AND c.jid IN (wa_contacts.jid, wa_contacts.lid))"


/* The last second of the year 9999: a peer may write any number. */
#define CONTACT_TS_MAX  253402300799


static void contact_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *contact_row(const wa_sql_rows_t *rows);
static json_t *contact_id(const wa_sql_rows_t *rows);
static json_t *contact_time(const wa_sql_rows_t *rows, size_t column);


static const wa_list_t  contacts_list = {
    CONTACT_COLUMNS, "wa_contacts", { "first_seen_ms", "pos", "shard" },
    CONTACT_PLACE, contact_row, contact_filter
};


wa_err_t
wa_archive_contacts(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out)
{
    return wa_list_run(db, q, &contacts_list, out);
}


wa_err_t
wa_archive_contact(wa_sql_t *db, const wa_archive_query_t *q, wa_span_t jid,
    json_t **out)
{
    wa_err_t            rc;
    wa_archive_page_t   page;
    wa_archive_query_t  one;

    *out = NULL;

    wa_archive_query_init(&one, q->tenant);
    one.account = q->account;
    one.chat = jid;
    one.limit = 1;

    rc = wa_archive_contacts(db, &one, &page);

    if (rc == WA_OK) {
        *out = json_incref(json_array_get(page.items, 0));
        json_decref(page.items);
    }

    return rc;
}


static void
contact_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    if (q->chat.p != NULL) {
        wa_build_add(b, " AND (jid = ");
        wa_build_text(b, q->chat);
        wa_build_add(b, " OR lid = ");
        wa_build_text(b, q->chat);
        wa_build_add(b, ")");
    }

    if (q->search.p != NULL) {
        wa_build_add(b, " AND (LOWER(notify_name)");
        wa_build_part(b, q->search);
        wa_build_add(b, " OR jid");
        wa_build_part(b, q->search);
        wa_build_add(b, " OR lid");
        wa_build_part(b, q->search);
        wa_build_add(b, ")");
    }
}


/*
 * The only name known so far is the one that the contact gave itself; what
 * nobody has told yet is null, so that the shape stays.
 */
static json_t *
contact_row(const wa_sql_rows_t *rows)
{
    char     seen[32], updated[32];
    json_t  *o;

    (void) wa_iso_time(wa_sql_int(rows, 5), seen);
    (void) wa_iso_time(wa_sql_int(rows, 6), updated);

    o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:n, s:b, s:n,"
                  " s:n, s:n, s:n, s:n, s:[], s:n, s:I, s:o, s:s, s:s, s:s,"
                  " s:s, s:s}",
                  "id", contact_id(rows),
                  "account_id", wa_column_text(rows, 0),
                  "jid", wa_column_text(rows, 1),
                  "lid", wa_column_text(rows, 2),
                  "phone_number", wa_column_text(rows, 3),
                  "phoneNumber", wa_column_text(rows, 3),
                  "name", wa_column_text(rows, 4),
                  "notify_name", wa_column_text(rows, 4),
                  "short_name",
                  "is_business", 0,
                  "profile_pic_url", "status_text", "email", "company",
                  "notes", "tags", "campaignId",
                  "totalMessages", (json_int_t) wa_sql_int(rows, 10),
                  "lastMessageAt", contact_time(rows, 11),
                  "first_seen_at", seen,
                  "created_at", seen, "createdAt", seen,
                  "updated_at", updated, "updatedAt", updated);

    return o;
}


/* The account and the address: what the row is found by. */
static json_t *
contact_id(const wa_sql_rows_t *rows)
{
    wa_span_t  account, jid;

    account = wa_sql_text(rows, 0);
    jid = wa_sql_text(rows, 1);

    return json_sprintf("%.*s:%.*s", (int) account.n,
                        (const char *) account.p, (int) jid.n,
                        (const char *) jid.p);
}


static json_t *
contact_time(const wa_sql_rows_t *rows, size_t column)
{
    char     iso[32];
    int64_t  ts;

    ts = wa_sql_is_null(rows, column) ? -1 : wa_sql_int(rows, column);

    if (ts < 0 || ts > CONTACT_TS_MAX) {
        return json_null();
    }

    return json_string(wa_iso_time(ts * 1000, iso));
}
