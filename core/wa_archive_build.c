/* Statements from filters, see wa_archive_int.h. */
#include "wa_archive_int.h"

#include <stdio.h>


/* An array that grows by rows. */
typedef struct {
    json_t  *list;
    json_t *(*item)(const wa_sql_rows_t *rows);
} array_t;


static void build_value(wa_build_t *b, const wa_sql_value_t *v);
static wa_span_t build_own(wa_build_t *b, size_t room);
static void build_columns(wa_build_t *b, const char *const *columns,
    wa_span_t text, bool part);
static wa_err_t array_row(void *data, const wa_sql_rows_t *rows);
static wa_err_t number_row(void *data, const wa_sql_rows_t *rows);


void
wa_build_init(wa_build_t *b)
{
    memset(b, 0, sizeof(*b));
}


void
wa_build_free(wa_build_t *b)
{
    size_t  i;

    wa_buf_free(&b->sql);

    for (i = 0; i < b->n_texts; i++) {
        wa_buf_wipe(&b->texts[i]);
    }
}


void
wa_build_add(wa_build_t *b, const char *literal)
{
    size_t  n;

    n = strlen(literal);

    if (b->rc == WA_OK) {
        b->rc = wa_buf_reserve(&b->sql, n + 1);
    }

    if (b->rc == WA_OK) {
        memcpy(b->sql.p + b->sql.n, literal, n + 1);
        b->sql.n += n;
    }
}


static void
build_value(wa_build_t *b, const wa_sql_value_t *v)
{
    char  name[16];

    if (b->n == WA_ARCHIVE_VALUES_MAX) {
        b->rc = WA_ERR_LIMIT;
        return;
    }

    b->v[b->n++] = *v;
    (void) snprintf(name, sizeof(name), "$%zu", b->n);
    wa_build_add(b, name);
}


void
wa_build_text(wa_build_t *b, wa_span_t text)
{
    json_t         *checked;
    wa_sql_value_t  v;

    memset(&v, 0, sizeof(v));
    v.type = WA_SQL_TEXT;
    v.s = text;

    /* PostgreSQL takes no other text, SQLite takes anything. */

    checked = json_stringn(text.n == 0 ? "" : (const char *) text.p, text.n);

    if (checked == NULL || (text.n > 0 && memchr(text.p, 0, text.n) != NULL))
    {
        b->rc = WA_ERR_ARG;
    }

    json_decref(checked);
    build_value(b, &v);
}


void
wa_build_int(wa_build_t *b, int64_t i)
{
    wa_sql_value_t  v;

    memset(&v, 0, sizeof(v));
    v.type = WA_SQL_INT;
    v.i = i;

    build_value(b, &v);
}


void
wa_build_cased(wa_build_t *b, wa_span_t text, bool upper)
{
    size_t     i;
    uint8_t   *p;
    wa_span_t  own;

    own = build_own(b, text.n);

    if (b->rc != WA_OK) {
        return;
    }

    p = b->texts[b->n_texts - 1].p;

    for (i = 0; i < text.n; i++) {
        p[i] = text.p[i];

        if (upper && p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (uint8_t) (p[i] - 'a' + 'A');

        } else if (!upper && p[i] >= 'A' && p[i] <= 'Z') {
            p[i] = (uint8_t) (p[i] - 'A' + 'a');
        }
    }

    own.n = text.n;
    wa_build_text(b, own);
}


/* SQLite's LOWER() knows ASCII only: so does this, for both. */
void
wa_build_part(wa_build_t *b, wa_span_t text)
{
    size_t     i, k;
    uint8_t    c, *p;
    wa_span_t  own;

    if (text.n > SIZE_MAX / 4) {
        b->rc = WA_ERR_LIMIT;
        return;
    }

    own = build_own(b, 2 * text.n + 2);

    if (b->rc != WA_OK) {
        return;
    }

    p = b->texts[b->n_texts - 1].p;
    k = 0;
    p[k++] = '%';

    for (i = 0; i < text.n; i++) {
        c = text.p[i];

        if (c == '%' || c == '_' || c == '!') {
            p[k++] = '!';
        }

        p[k++] = (c >= 'A' && c <= 'Z') ? (uint8_t) (c - 'A' + 'a') : c;
    }

    p[k++] = '%';
    own.n = k;

    wa_build_add(b, " LIKE ");
    wa_build_text(b, own);
    wa_build_add(b, " ESCAPE '!'");
}


/* Room for a parameter's text that lives as long as the statement. */
static wa_span_t
build_own(wa_build_t *b, size_t room)
{
    wa_buf_t  *buf;

    if (b->n_texts == sizeof(b->texts) / sizeof(b->texts[0])) {
        b->rc = WA_ERR_LIMIT;
        return wa_span_none();
    }

    buf = &b->texts[b->n_texts++];

    if (b->rc == WA_OK) {
        b->rc = wa_buf_reserve(buf, room + 1);
    }

    return wa_span(buf->p, 0);
}


void
wa_build_owner(wa_build_t *b, wa_span_t tenant, wa_span_t account)
{
    wa_build_add(b, "tenant = ");
    wa_build_text(b, tenant);

    if (account.p != NULL) {
        wa_build_add(b, " AND account_id = ");
        wa_build_text(b, account);
    }
}


/* Whether one of the columns is the text, or has it as a part. */
static void
build_columns(wa_build_t *b, const char *const *columns, wa_span_t text,
    bool part)
{
    size_t  i;

    if (text.p == NULL) {
        return;
    }

    for (i = 0; columns[i] != NULL; i++) {
        wa_build_add(b, i == 0 ? " AND (" : " OR ");
        wa_build_add(b, columns[i]);

        if (part) {
            wa_build_part(b, text);
            continue;
        }

        wa_build_add(b, " = ");
        wa_build_text(b, text);
    }

    wa_build_add(b, ")");
}


void
wa_build_any(wa_build_t *b, const char *const *columns, wa_span_t text)
{
    build_columns(b, columns, text, false);
}


void
wa_build_search(wa_build_t *b, const char *const *columns, wa_span_t text)
{
    build_columns(b, columns, text, true);
}


void
wa_build_message(wa_build_t *b, const json_t *message)
{
    const json_t  *account, *id;

    account = json_object_get(message, "account_id");
    id = json_object_get(message, "id");

    wa_build_add(b, " WHERE account_id = ");
    wa_build_text(b, wa_span_str(json_string_value(account)));
    wa_build_add(b, " AND id = ");
    wa_build_text(b, wa_span_str(json_string_value(id)));
}


wa_err_t
wa_build_query(wa_build_t *b, wa_sql_t *db, wa_sql_rows_t **rows)
{
    if (b->rc != WA_OK) {
        return b->rc;
    }

    return wa_sql_query(db, (const char *) b->sql.p, b->v, b->n, rows);
}


wa_err_t
wa_build_each(wa_build_t *b, wa_sql_t *db,
    wa_err_t (*row)(void *data, const wa_sql_rows_t *rows), void *data)
{
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    rc = wa_build_query(b, db, &rows);

    if (rc == WA_OK) {

        do {
            rc = wa_sql_next(rows);

            if (rc == WA_OK) {
                rc = row(data, rows);
            }
        } while (rc == WA_OK);

        wa_sql_rows_free(rows);
    }

    wa_build_free(b);

    return rc == WA_AGAIN ? WA_OK : rc;
}


wa_err_t
wa_build_array(wa_build_t *b, wa_sql_t *db,
    json_t *(*item)(const wa_sql_rows_t *rows), json_t **out)
{
    array_t   a;
    wa_err_t  rc;

    a.list = json_array();
    a.item = item;
    rc = wa_build_each(b, db, array_row, &a);

    if (rc != WA_OK) {
        json_decref(a.list);
        a.list = NULL;
    }

    *out = a.list;

    return rc == WA_OK && a.list == NULL ? WA_ERR_NOMEM : rc;
}


static wa_err_t
array_row(void *data, const wa_sql_rows_t *rows)
{
    array_t  *a;

    a = data;

    return json_array_append_new(a->list, a->item(rows)) == 0 ? WA_OK
                                                              : WA_ERR_NOMEM;
}


wa_err_t
wa_build_number(wa_build_t *b, wa_sql_t *db, int64_t *out)
{
    return wa_build_each(b, db, number_row, out);
}


static wa_err_t
number_row(void *data, const wa_sql_rows_t *rows)
{
    int64_t  *out;

    out = data;
    *out = wa_sql_int(rows, 0);

    return WA_OK;
}


wa_err_t
wa_build_exec(wa_build_t *b, wa_sql_t *db, int64_t *changed)
{
    wa_err_t  rc;

    rc = b->rc;

    if (rc == WA_OK) {
        rc = wa_sql_exec(db, (const char *) b->sql.p, b->v, b->n, changed);
    }

    wa_build_free(b);

    return rc;
}


/* "ts.pos.shard" */
bool
wa_place_parse(wa_span_t cursor, wa_place_t *out)
{
    size_t      i, n;
    int64_t    *field[3];
    wa_span_t   rest;
    wa_place_t  p;

    field[0] = &p.ts;
    field[1] = &p.pos;
    field[2] = &p.shard;
    rest = cursor;

    for (i = 0; i < 3; i++) {

        for (n = 0; n < rest.n && rest.p[n] != '.'; n++) { /* void */ }

        if ((n == rest.n) != (i == 2)
            || !wa_span_i64(wa_span(rest.p, n), field[i]))
        {
            return false;
        }

        if (i < 2) {
            rest = wa_span(rest.p + n + 1, rest.n - n - 1);
        }
    }

    *out = p;

    return true;
}


void
wa_place_format(const wa_place_t *p, char *out, size_t cap)
{
    (void) snprintf(out, cap, "%lld.%lld.%lld", (long long) p->ts,
                    (long long) p->pos, (long long) p->shard);
}
