/*
 * Statements put together from filters.  Texts of callers are literals; what
 * a client sent goes in as a parameter, never as text.
 */
#ifndef WA_ARCHIVE_INT_H
#define WA_ARCHIVE_INT_H

#include "wa_archive.h"
#include "wa_archive_media.h"


#define WA_ARCHIVE_VALUES_MAX  40


typedef struct {
    wa_buf_t        sql;          /* with a NUL behind sql.n */
    wa_buf_t        texts[4];     /* owned text of parameters */
    wa_sql_value_t  v[WA_ARCHIVE_VALUES_MAX];
    size_t          n;
    size_t          n_texts;
    wa_err_t        rc;           /* first failure */
} wa_build_t;

/* A place in a list: what its order compares. */
typedef struct {
    int64_t   ts;
    int64_t   pos;
    int64_t   shard;
} wa_place_t;


void wa_build_init(wa_build_t *b);
void wa_build_free(wa_build_t *b);

/* Appends a literal. */
void wa_build_add(wa_build_t *b, const char *literal);

/* Appends "$n" and makes its parameter; spans are borrowed. */
void wa_build_text(wa_build_t *b, wa_span_t text);
void wa_build_int(wa_build_t *b, int64_t i);

/* The same for ASCII letters in one case. */
void wa_build_cased(wa_build_t *b, wa_span_t text, bool upper);

/* Appends " LIKE $n ESCAPE '!'" for "`text` occurs"; the left side is to be
   in lower case. */
void wa_build_part(wa_build_t *b, wa_span_t text);

/* Appends "tenant = .. [AND account_id = ..]"; account.p NULL: of all. */
void wa_build_owner(wa_build_t *b, wa_span_t tenant, wa_span_t account);

/* Appends " AND (<column> = $n OR ..)", unless text.p is NULL; `columns` ends
   with NULL. */
void wa_build_any(wa_build_t *b, const char *const *columns, wa_span_t text);

/* The same for "`text` occurs", see wa_build_part(). */
void wa_build_search(wa_build_t *b, const char *const *columns,
    wa_span_t text);

/* Appends " WHERE account_id = .. AND id = .." of a message object. */
void wa_build_message(wa_build_t *b, const json_t *message);

/* Runs it; WA_ERR_NOMEM when building failed. */
wa_err_t wa_build_query(wa_build_t *b, wa_sql_t *db, wa_sql_rows_t **rows);

/* These run the statement and end `b`. */

/* Calls `row` for each until it fails; its error is returned. */
wa_err_t wa_build_each(wa_build_t *b, wa_sql_t *db,
    wa_err_t (*row)(void *data, const wa_sql_rows_t *rows), void *data);

/* An array of what `item` makes of each (NULL: out of memory); *out is NULL
   after an error. */
wa_err_t wa_build_array(wa_build_t *b, wa_sql_t *db,
    json_t *(*item)(const wa_sql_rows_t *rows), json_t **out);

/* The first column of the last row; without any, *out stays. */
wa_err_t wa_build_number(wa_build_t *b, wa_sql_t *db, int64_t *out);

/* No rows; `changed` as of wa_sql_exec(). */
wa_err_t wa_build_exec(wa_build_t *b, wa_sql_t *db, int64_t *changed);

bool wa_place_parse(wa_span_t cursor, wa_place_t *out);
void wa_place_format(const wa_place_t *p, char *out, size_t cap);

/* What lists of rows do not have in common. */
typedef struct {
    const char  *columns;
    const char  *table;
    const char  *keys[3];         /* the order, descending; integers */
    size_t       place;           /* column where these are */
    json_t      *(*row)(const wa_sql_rows_t *rows);    /* NULL: no memory */
    void (*filter)(wa_build_t *b, const wa_archive_query_t *q);
} wa_list_t;

/* A page of the list; errors as of wa_archive_messages(). */
wa_err_t wa_list_run(wa_sql_t *db, const wa_archive_query_t *q,
    const wa_list_t *list, wa_archive_page_t *out);

/* The one row that the filter finds with q->chat = `key`; *out NULL: none. */
wa_err_t wa_list_one(wa_sql_t *db, const wa_archive_query_t *q,
    const wa_list_t *list, wa_span_t key, json_t **out);

/* " WHERE tenant = .. [AND account_id = ..]" */
void wa_list_owner(wa_build_t *b, const wa_archive_query_t *q);

/* " AND ts < .. AND ts > ..", as far as asked for. */
void wa_list_time(wa_build_t *b, const wa_archive_query_t *q);

/* A column as JSON; NULL: out of memory. */
json_t *wa_column_text(const wa_sql_rows_t *rows, size_t column);
json_t *wa_column_bool(const wa_sql_rows_t *rows, size_t column);

/* One row of wa_archive_messages() as the contract's message object; NULL:
   out of memory. */
#define WA_ARCHIVE_MESSAGE_COLUMNS                                            \
    "object, status, is_starred, edited_at, deleted_at, delivered_ts,"        \
    " read_ts, updated_ms, body, ts, pos, shard, account_id, id, by_admin"
json_t *wa_archive_message_row(const wa_sql_rows_t *rows);

/* Adds what was asked for to such an object, and the tally of a poll. */
wa_err_t wa_archive_attach(wa_sql_t *db, json_t *message, bool receipts,
    bool reactions);

/* The tally of a poll or an event, "poll_results"; nothing for others. */
wa_err_t wa_archive_votes(wa_sql_t *db, json_t *message);

/* The message's bytes as they came, "raw", base64; null: not kept. */
wa_err_t wa_archive_raw(wa_sql_t *db, json_t *message);

/* Begins "SELECT ... FROM wa_media WHERE "; the caller goes on. */
void wa_media_select(wa_build_t *b);

/* Runs that and ends `b`; out->items is NULL after an error. */
wa_err_t wa_media_list(wa_build_t *b, wa_sql_t *db, wa_media_list_t *out);

#endif /* WA_ARCHIVE_INT_H */
