/* Rows of wa_media, see wa_archive_media.h. */
#include "wa_archive_media.h"

#include <stdio.h>

#include "wa_archive_int.h"
#include "wa_crypto.h"
#include "wa_json.h"
#include "wa_mem.h"


/* A column and its place in a wa_media_t. */
typedef struct {
    const char  *name;
    size_t       offset;
} column_t;

/* Order of COLUMNS: texts, then numbers, then the status. */
static const column_t  text_columns[] = {
    { "id", offsetof(wa_media_t, id) },
    { "tenant", offsetof(wa_media_t, tenant) },
    { "account_id", offsetof(wa_media_t, account) },
    { "message", offsetof(wa_media_t, message) },
    { "message_id", offsetof(wa_media_t, message_id) },
    { "kind", offsetof(wa_media_t, kind) },
    { "mime_type", offsetof(wa_media_t, mime) },
    { "filename", offsetof(wa_media_t, filename) },
    { "path", offsetof(wa_media_t, path) },
    { "hash", offsetof(wa_media_t, hash) },
    { "thumb", offsetof(wa_media_t, thumb) },
    { "error", offsetof(wa_media_t, error) },
    { "descriptor", offsetof(wa_media_t, descriptor) }
};

static const column_t  number_columns[] = {
    { "size", offsetof(wa_media_t, size) },
    { "width", offsetof(wa_media_t, width) },
    { "height", offsetof(wa_media_t, height) },
    { "duration", offsetof(wa_media_t, duration) },
    { "shard", offsetof(wa_media_t, shard) },
    { "retry_ms", offsetof(wa_media_t, retry_ms) },
    { "attempts", offsetof(wa_media_t, attempts) },
    { "created_ms", offsetof(wa_media_t, created_ms) }
};

#define N_TEXTS    (sizeof(text_columns) / sizeof(text_columns[0]))
#define N_NUMBERS  (sizeof(number_columns) / sizeof(number_columns[0]))

static const char *const  status_names[] = {
    "pending", "downloaded", "failed", "skipped", "expired"
};

#define N_STATUS  (sizeof(status_names) / sizeof(status_names[0]))


static wa_err_t media_one(wa_build_t *b, wa_sql_t *db, wa_media_t *out);
static wa_err_t media_elsewhere(wa_sql_t *db, wa_span_t tenant,
    wa_span_t ref, const wa_media_t *m);
static wa_err_t media_sent(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    wa_span_t ref, wa_media_t *out);
static wa_err_t media_read(const wa_sql_rows_t *rows, wa_media_t *out);
static wa_err_t media_own(wa_media_t *m);


static wa_span_t *
text_at(wa_media_t *m, size_t i)
{
    return (wa_span_t *) (void *) ((char *) m + text_columns[i].offset);
}


static int64_t *
number_at(wa_media_t *m, size_t i)
{
    return (int64_t *) (void *) ((char *) m + number_columns[i].offset);
}


void
wa_media_init(wa_media_t *m)
{
    memset(m, 0, sizeof(*m));
    m->size = -1;
    m->width = -1;
    m->height = -1;
    m->duration = -1;
    m->shard = WA_MEDIA_NO_SHARD;
}


void
wa_media_free(wa_media_t *m)
{
    wa_buf_wipe(&m->own);
    wa_media_init(m);
}


void
wa_media_list_free(wa_media_list_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        wa_media_free(&list->items[i]);
    }

    wa_free(list->items);
    memset(list, 0, sizeof(*list));
}


const char *
wa_media_status_name(wa_media_status_e status)
{
    return (size_t) status < N_STATUS ? status_names[status] : "failed";
}


void
wa_media_id_make(char out[WA_MEDIA_ID_LEN + 1])
{
    size_t   i;
    uint8_t  random[WA_MEDIA_ID_LEN / 2];

    static const char  hex[] = "0123456789abcdef";

    wa_random(random, sizeof(random));

    for (i = 0; i < sizeof(random); i++) {
        out[2 * i] = hex[random[i] >> 4];
        out[2 * i + 1] = hex[random[i] & 15];
    }

    out[WA_MEDIA_ID_LEN] = '\0';
}


bool
wa_media_id_valid(wa_span_t id)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < id.n; i++) {
        c = id.p[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }

    return id.n == WA_MEDIA_ID_LEN;
}


/* -- statements ----------------------------------------------------------- */

/* "$n" of a text that may be absent. */
static void
media_text(wa_build_t *b, wa_span_t text)
{
    if (text.p == NULL) {
        wa_build_add(b, "NULL");
        return;
    }

    wa_build_text(b, text);
}


static void
media_number(wa_build_t *b, int64_t number)
{
    if (number < 0) {
        wa_build_add(b, "NULL");
        return;
    }

    wa_build_int(b, number);
}


static wa_err_t
media_exec(wa_build_t *b, wa_sql_t *db)
{
    wa_err_t  rc;

    rc = b->rc;

    if (rc == WA_OK) {
        rc = wa_sql_exec(db, (const char *) b->sql.p, b->v, b->n, NULL);
    }

    wa_build_free(b);

    return rc;
}


static void
media_columns(wa_build_t *b)
{
    size_t  i;

    for (i = 0; i < N_TEXTS; i++) {
        wa_build_add(b, text_columns[i].name);
        wa_build_add(b, ", ");
    }

    for (i = 0; i < N_NUMBERS; i++) {
        wa_build_add(b, number_columns[i].name);
        wa_build_add(b, ", ");
    }

    wa_build_add(b, "status");
}


void
wa_media_select(wa_build_t *b)
{
    wa_build_init(b);
    wa_build_add(b, "SELECT ");
    media_columns(b);
    wa_build_add(b, " FROM wa_media WHERE ");
}


wa_err_t
wa_media_add(wa_sql_t *db, const wa_media_t *m)
{
    size_t       i;
    wa_build_t   b;
    wa_media_t   row;

    row = *m;
    row.retry_ms = m->retry_ms < 0 ? 0 : m->retry_ms;
    row.attempts = m->attempts < 0 ? 0 : m->attempts;

    wa_build_init(&b);
    wa_build_add(&b, "INSERT INTO wa_media (");
    media_columns(&b);
    wa_build_add(&b, ") VALUES (");

    for (i = 0; i < N_TEXTS; i++) {
        media_text(&b, *text_at(&row, i));
        wa_build_add(&b, ", ");
    }

    for (i = 0; i < N_NUMBERS; i++) {

        if (number_columns[i].offset == offsetof(wa_media_t, shard)) {
            wa_build_int(&b, row.shard);

        } else {
            media_number(&b, *number_at(&row, i));
        }

        wa_build_add(&b, ", ");
    }

    wa_build_int(&b, row.status);
    wa_build_add(&b, ") ON CONFLICT (id) DO NOTHING");

    return media_exec(&b, db);
}


wa_err_t
wa_media_find(wa_sql_t *db, wa_span_t tenant, wa_span_t id, wa_media_t *out)
{
    wa_build_t  b;

    wa_media_select(&b);
    wa_build_add(&b, "id = ");
    wa_build_text(&b, id);

    if (tenant.p != NULL) {
        wa_build_add(&b, " AND tenant = ");
        wa_build_text(&b, tenant);
    }

    return media_one(&b, db, out);
}


/*
 * Two rows tell whether several accounts have the message: one account has
 * at most a few with the same id, and the newest of them is meant.
 */
wa_err_t
wa_media_of_message(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    wa_span_t ref, wa_media_t *out)
{
    size_t           i;
    wa_err_t         rc;
    wa_build_t       b;
    wa_media_list_t  list;

    wa_media_init(out);

    wa_media_select(&b);
    wa_build_add(&b, "tenant = ");
    wa_build_text(&b, tenant);

    if (account.p != NULL) {
        wa_build_add(&b, " AND account_id = ");
        wa_build_text(&b, account);
    }

    wa_build_add(&b, " AND (message = ");
    wa_build_text(&b, ref);
    wa_build_add(&b, " OR message_id = ");
    wa_build_text(&b, ref);
    wa_build_add(&b, ") ORDER BY created_ms DESC LIMIT 16");

    rc = wa_media_list(&b, db, &list);

    if (rc != WA_OK) {
        return rc;
    }

    for (i = 1; i < list.n; i++) {
        if (!wa_span_eq(list.items[i].account, list.items[0].account)) {
            wa_media_list_free(&list);
            return WA_ERR_AMBIGUOUS;
        }
    }

    if (list.n == 0) {
        wa_media_list_free(&list);
        return media_sent(db, tenant, account, ref, out);
    }

    if (account.p == NULL) {
        rc = media_elsewhere(db, tenant, ref, &list.items[0]);
    }

    if (rc == WA_OK) {
        *out = list.items[0];
        wa_media_init(&list.items[0]);
    }

    wa_media_list_free(&list);

    return rc;
}


/* WhatsApp's id is the same at both ends: whoever sent the file has a message
   and no row here. */
static wa_err_t
media_elsewhere(wa_sql_t *db, wa_span_t tenant, wa_span_t ref,
    const wa_media_t *m)
{
    wa_err_t        rc;
    wa_build_t      b;
    wa_sql_rows_t  *rows;

    if (!wa_span_eq(ref, m->message_id)) {
        return WA_OK;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT 1 FROM wa_messages WHERE tenant = ");
    wa_build_text(&b, tenant);
    wa_build_add(&b, " AND message_id = ");
    wa_build_text(&b, ref);
    wa_build_add(&b, " AND account_id <> ");
    wa_build_text(&b, m->account);
    wa_build_add(&b, " LIMIT 1");

    rc = wa_build_query(&b, db, &rows);

    if (rc == WA_OK) {
        rc = wa_sql_next(rows);
        rc = rc == WA_AGAIN ? WA_OK : rc == WA_OK ? WA_ERR_AMBIGUOUS : rc;
        wa_sql_rows_free(rows);
    }

    wa_build_free(&b);

    return rc;
}


/* A file that was sent belongs to no message: the message names it.  Here it
   is shown as that message's. */
static wa_err_t
media_sent(wa_sql_t *db, wa_span_t tenant, wa_span_t account, wa_span_t ref,
    wa_media_t *out)
{
    json_t              *message;
    wa_err_t             rc;
    wa_span_t            id;
    wa_archive_query_t   q;

    wa_archive_query_init(&q, tenant);
    q.account = account;
    rc = wa_archive_message(db, &q, ref, &message);

    if (rc != WA_OK || message == NULL) {
        return rc;
    }

    id = wa_json_member(message, "media_id");
    rc = id.n == 0 ? WA_OK : wa_media_find(db, tenant, id, out);

    if (rc == WA_OK && out->id.p != NULL) {
        out->account = wa_json_member(message, "account_id");
        out->message = wa_json_member(message, "id");
        out->message_id = wa_json_member(message, "message_id");
        rc = media_own(out);
    }

    json_decref(message);

    return rc;
}


wa_err_t
wa_media_same(wa_sql_t *db, wa_span_t tenant, wa_span_t hash,
    wa_media_t *out)
{
    wa_build_t  b;

    wa_media_select(&b);
    wa_build_add(&b, "tenant = ");
    wa_build_text(&b, tenant);
    wa_build_add(&b, " AND hash = ");
    wa_build_text(&b, hash);
    wa_build_add(&b, " AND status = ");
    wa_build_int(&b, WA_MEDIA_DOWNLOADED);
    wa_build_add(&b, " AND path IS NOT NULL LIMIT 1");

    return media_one(&b, db, out);
}


static void
media_set(wa_build_t *b, const char *column, wa_span_t text)
{
    if (text.p != NULL) {
        wa_build_add(b, ", ");
        wa_build_add(b, column);
        wa_build_add(b, " = ");
        wa_build_text(b, text);
    }
}


static void
media_set_number(wa_build_t *b, const char *column, int64_t number)
{
    if (number >= 0) {
        wa_build_add(b, ", ");
        wa_build_add(b, column);
        wa_build_add(b, " = ");
        wa_build_int(b, number);
    }
}


wa_err_t
wa_media_stored(wa_sql_t *db, const wa_media_t *m)
{
    wa_build_t  b;

    wa_build_init(&b);
    wa_build_add(&b, "UPDATE wa_media SET error = NULL, status = ");
    wa_build_int(&b, WA_MEDIA_DOWNLOADED);
    media_set(&b, "mime_type", m->mime);
    media_set(&b, "path", m->path);
    media_set(&b, "hash", m->hash);
    media_set(&b, "thumb", m->thumb);
    media_set_number(&b, "size", m->size);
    media_set_number(&b, "width", m->width);
    media_set_number(&b, "height", m->height);
    media_set_number(&b, "duration", m->duration);
    wa_build_add(&b, " WHERE id = ");
    wa_build_text(&b, m->id);

    return media_exec(&b, db);
}


wa_err_t
wa_media_settle(wa_sql_t *db, const wa_media_t *m)
{
    wa_build_t  b;

    wa_build_init(&b);
    wa_build_add(&b, "UPDATE wa_media SET status = ");
    wa_build_int(&b, m->status);
    wa_build_add(&b, ", error = ");
    media_text(&b, m->error);
    media_set(&b, "descriptor", m->descriptor);
    media_set_number(&b, "retry_ms", m->retry_ms);
    media_set_number(&b, "attempts", m->attempts);
    wa_build_add(&b, " WHERE id = ");
    wa_build_text(&b, m->id);
    wa_build_add(&b, " AND status <> ");
    wa_build_int(&b, WA_MEDIA_DOWNLOADED);

    return media_exec(&b, db);
}


wa_err_t
wa_media_pending(wa_sql_t *db, const uint32_t *shards, size_t n_shards,
    int64_t now_ms, uint32_t limit, wa_media_list_t *out)
{
    size_t      i;
    char        number[16];
    wa_build_t  b;

    memset(out, 0, sizeof(*out));

    if (n_shards == 0) {
        return WA_OK;
    }

    wa_media_select(&b);
    wa_build_add(&b, "status = ");
    wa_build_int(&b, WA_MEDIA_PENDING);
    wa_build_add(&b, " AND retry_ms <= ");
    wa_build_int(&b, now_ms);
    wa_build_add(&b, " AND shard IN (");

    /* our own numbers, and more of them than a statement has parameters */

    for (i = 0; i < n_shards; i++) {
        (void) snprintf(number, sizeof(number), "%s%u", i == 0 ? "" : ",",
                        shards[i]);
        wa_build_add(&b, number);
    }

    wa_build_add(&b, ") ORDER BY created_ms LIMIT ");
    wa_build_int(&b, limit > WA_MEDIA_LIST_MAX ? WA_MEDIA_LIST_MAX : limit);

    return wa_media_list(&b, db, out);
}


wa_err_t
wa_media_recent(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    uint32_t limit, wa_media_list_t *out)
{
    wa_build_t  b;

    wa_media_select(&b);
    wa_build_add(&b, "tenant = ");
    wa_build_text(&b, tenant);

    if (account.p != NULL) {
        wa_build_add(&b, " AND account_id = ");
        wa_build_text(&b, account);
    }

    wa_build_add(&b, " ORDER BY created_ms DESC, id LIMIT ");
    wa_build_int(&b, limit > WA_MEDIA_LIST_MAX ? WA_MEDIA_LIST_MAX : limit);

    return wa_media_list(&b, db, out);
}


/* -- rows ----------------------------------------------------------------- */

/* Ends `b`. */
static wa_err_t
media_one(wa_build_t *b, wa_sql_t *db, wa_media_t *out)
{
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    wa_media_init(out);
    rc = wa_build_query(b, db, &rows);

    if (rc == WA_OK) {
        rc = wa_sql_next(rows);

        if (rc == WA_OK) {
            rc = media_read(rows, out);
        }

        wa_sql_rows_free(rows);
    }

    wa_build_free(b);

    return rc == WA_AGAIN ? WA_OK : rc;
}


wa_err_t
wa_media_list(wa_build_t *b, wa_sql_t *db, wa_media_list_t *out)
{
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    memset(out, 0, sizeof(*out));
    out->items = wa_calloc(WA_MEDIA_LIST_MAX, sizeof(wa_media_t));

    if (out->items == NULL) {
        wa_build_free(b);
        return WA_ERR_NOMEM;
    }

    rc = wa_build_query(b, db, &rows);

    if (rc == WA_OK) {

        while (out->n < WA_MEDIA_LIST_MAX) {
            rc = wa_sql_next(rows);

            if (rc == WA_OK) {
                rc = media_read(rows, &out->items[out->n]);
            }

            if (rc != WA_OK) {
                break;
            }

            out->n++;
        }

        wa_sql_rows_free(rows);
    }

    wa_build_free(b);

    if (rc != WA_OK && rc != WA_AGAIN) {
        wa_media_list_free(out);
        return rc;
    }

    return WA_OK;
}


static wa_err_t
media_read(const wa_sql_rows_t *rows, wa_media_t *out)
{
    size_t     i;
    int64_t    status;
    wa_span_t  text;

    wa_media_init(out);

    for (i = 0; i < N_TEXTS; i++) {
        if (!wa_sql_is_null(rows, i)) {
            text = wa_sql_text(rows, i);
            *text_at(out, i) = text.n == 0 ? wa_span_str("") : text;
        }
    }

    for (i = 0; i < N_NUMBERS; i++) {
        if (!wa_sql_is_null(rows, N_TEXTS + i)) {
            *number_at(out, i) = wa_sql_int(rows, N_TEXTS + i);
        }
    }

    status = wa_sql_int(rows, N_TEXTS + N_NUMBERS);
    out->status = (status >= 0 && status < (int64_t) N_STATUS)
                  ? (wa_media_status_e) status : WA_MEDIA_FAILED;

    return media_own(out);
}


/* Texts of others' memory become the row's own.  On error it is empty. */
static wa_err_t
media_own(wa_media_t *m)
{
    size_t      i, room;
    wa_buf_t    own = WA_BUF_EMPTY;
    uint8_t    *p;
    wa_span_t  *text;

    room = 0;

    for (i = 0; i < N_TEXTS; i++) {
        text = text_at(m, i);

        if (text->p != NULL && !wa_add_size(room, text->n + 1, &room)) {
            wa_media_free(m);
            return WA_ERR_NOMEM;
        }
    }

    if (wa_buf_reserve(&own, room) != WA_OK) {
        wa_media_free(m);
        return WA_ERR_NOMEM;
    }

    for (i = 0; i < N_TEXTS; i++) {
        text = text_at(m, i);

        if (text->p == NULL) {
            continue;
        }

        p = own.p + own.n;

        if (text->n > 0) {
            memcpy(p, text->p, text->n);
        }

        p[text->n] = '\0';
        own.n += text->n + 1;
        *text = wa_span(p, text->n);
    }

    wa_buf_wipe(&m->own);
    m->own = own;

    return WA_OK;
}
