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
    "  AND c.jid IN (wa_contacts.jid, wa_contacts.lid)),"                     \
    " COALESCE(name, notify_name), short_name, username, status_text,"        \
    " profile_pic_url, verified_name"


/* The last second of the year 9999: a peer may write any number. */
#define CONTACT_TS_MAX  253402300799


static void contact_filter(wa_build_t *b, const wa_archive_query_t *q);
static json_t *contact_row(const wa_sql_rows_t *rows);
static json_t *contact_id(const wa_sql_rows_t *rows);
static json_t *contact_time(const wa_sql_rows_t *rows, size_t column);


static const char *const  contact_addresses[] = { "jid", "lid", NULL };

static const char *const  contact_texts[] = {
    "LOWER(notify_name)", "LOWER(name)", "jid", "lid", NULL
};

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
    return wa_list_one(db, q, &contacts_list, jid, out);
}


static void
contact_filter(wa_build_t *b, const wa_archive_query_t *q)
{
    wa_list_owner(b, q);

    wa_build_any(b, contact_addresses, q->chat);
    wa_build_search(b, contact_texts, q->search);
}


/*
 * The name is that of the address book, else the one that the contact gave
 * itself; what nobody has told yet is null, so that the shape stays.
 */
static json_t *
contact_row(const wa_sql_rows_t *rows)
{
    char     seen[32], updated[32];
    json_t  *o;

    (void) wa_iso_time(wa_sql_int(rows, 5), seen);
    (void) wa_iso_time(wa_sql_int(rows, 6), updated);

    o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
                  " s:b, s:o, s:o, s:n, s:n, s:n, s:[], s:n, s:I, s:o, s:s,"
                  " s:s, s:s, s:s, s:s}",
                  "id", contact_id(rows),
                  "account_id", wa_column_text(rows, 0),
                  "jid", wa_column_text(rows, 1),
                  "lid", wa_column_text(rows, 2),
                  "phone_number", wa_column_text(rows, 3),
                  "phoneNumber", wa_column_text(rows, 3),
                  "name", wa_column_text(rows, 12),
                  "notify_name", wa_column_text(rows, 4),
                  "short_name", wa_column_text(rows, 13),
                  "username", wa_column_text(rows, 14),
                  "verified_name", wa_column_text(rows, 17),
                  "is_business", !wa_sql_is_null(rows, 17),
                  "profile_pic_url", wa_column_text(rows, 16),
                  "status_text", wa_column_text(rows, 15),
                  "email", "company",
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
