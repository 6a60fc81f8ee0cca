/* Rows of wa_once, see wa_archive_once.h. */
#include "wa_archive_once.h"

#include "wa_archive_int.h"
#include "wa_json.h"


#define ONCE_FORGET  100        /* rows at a time */


static wa_err_t once_read(wa_sql_t *db, const wa_once_t *o,
    wa_once_e *found, json_t **answer);


wa_err_t
wa_once_claim(wa_sql_t *db, const wa_once_t *o, wa_once_e *found,
    json_t **answer)
{
    int64_t     added;
    wa_err_t    rc;
    wa_build_t  b;

    *answer = NULL;
    *found = WA_ONCE_NEW;

    wa_build_init(&b);
    wa_build_add(&b, "DELETE FROM wa_once WHERE id = ");
    wa_build_text(&b, o->key);
    wa_build_add(&b, " AND created_ms <= ");
    wa_build_int(&b, o->now_ms - WA_ONCE_MS);
    rc = wa_build_exec(&b, db, NULL);

    if (rc != WA_OK) {
        return rc;
    }

    wa_build_init(&b);
    wa_build_add(&b, "INSERT INTO wa_once (id, body, answer, created_ms)"
                     " VALUES (");
    wa_build_text(&b, o->key);
    wa_build_add(&b, ", ");
    wa_build_text(&b, o->body);
    wa_build_add(&b, ", '', ");
    wa_build_int(&b, o->now_ms);
    wa_build_add(&b, ") ON CONFLICT (id) DO NOTHING");
    rc = wa_build_exec(&b, db, &added);

    if (rc != WA_OK || added == 1) {
        return rc;
    }

    return once_read(db, o, found, answer);
}


static wa_err_t
once_read(wa_sql_t *db, const wa_once_t *o, wa_once_e *found,
    json_t **answer)
{
    wa_err_t        rc;
    wa_build_t      b;
    wa_sql_rows_t  *rows;

    wa_build_init(&b);
    wa_build_add(&b, "SELECT body, answer FROM wa_once WHERE id = ");
    wa_build_text(&b, o->key);
    rc = wa_build_query(&b, db, &rows);

    if (rc != WA_OK) {
        wa_build_free(&b);
        return rc;
    }

    rc = wa_sql_next(rows);

    if (rc == WA_AGAIN) {
        rc = WA_ERR_FATAL;

    } else if (rc == WA_OK && !wa_span_eq(wa_sql_text(rows, 0), o->body)) {
        *found = WA_ONCE_OTHER;

    } else if (rc == WA_OK) {
        *found = WA_ONCE_KNOWN;
        *answer = wa_json_read(wa_sql_text(rows, 1));
        rc = json_is_object(*answer) ? WA_OK : WA_ERR_FATAL;
    }

    if (rc != WA_OK) {
        json_decref(*answer);
        *answer = NULL;
    }

    wa_sql_rows_free(rows);
    wa_build_free(&b);

    return rc;
}


wa_err_t
wa_once_answer(wa_sql_t *db, const wa_once_t *o, const json_t *answer)
{
    wa_buf_t    text;
    wa_err_t    rc;
    wa_build_t  b;

    memset(&text, 0, sizeof(text));
    rc = wa_json_write(answer, &text);

    if (rc != WA_OK) {
        wa_buf_free(&text);
        return rc;
    }

    wa_build_init(&b);
    wa_build_add(&b, "UPDATE wa_once SET answer = ");
    wa_build_text(&b, wa_span_buf(&text));
    wa_build_add(&b, " WHERE id = ");
    wa_build_text(&b, o->key);
    rc = wa_build_exec(&b, db, NULL);
    wa_buf_free(&text);

    return rc;
}


wa_err_t
wa_once_forget(wa_sql_t *db, int64_t now_ms)
{
    wa_build_t  b;

    wa_build_init(&b);
    wa_build_add(&b, "DELETE FROM wa_once WHERE id IN (SELECT id FROM"
                     " wa_once WHERE created_ms <= ");
    wa_build_int(&b, now_ms - WA_ONCE_MS);
    wa_build_add(&b, " ORDER BY created_ms, id LIMIT ");
    wa_build_int(&b, ONCE_FORGET);
    wa_build_add(&b, ")");

    return wa_build_exec(&b, db, NULL);
}
