/* Reading the history database: votes and raw messages, see
   wa_archive_int.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


static wa_err_t content_query(wa_sql_t *db, const char *statement,
    const json_t *message, wa_sql_rows_t **rows);
static json_t *votes_empty(const json_t *message);
static bool votes_add(json_t *results, const wa_sql_rows_t *rows);


wa_err_t
wa_archive_votes(wa_sql_t *db, json_t *message)
{
    json_t         *results;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    results = votes_empty(message);

    if (results == NULL) {
        return WA_OK;
    }

    rc = content_query(db, "SELECT voter, options FROM wa_votes"
                           " WHERE account_id = $1 AND id = $2"
                           " ORDER BY ms, voter", message, &rows);

    if (rc != WA_OK) {
        json_decref(results);
        return rc;
    }

    for ( ;; ) {
        rc = wa_sql_next(rows);

        if (rc != WA_OK) {
            break;
        }

        if (!votes_add(results, rows)) {
            rc = WA_ERR_NOMEM;
            break;
        }
    }

    wa_sql_rows_free(rows);

    if (rc != WA_AGAIN) {
        json_decref(results);
        return rc;
    }

    return json_object_set_new(message, "poll_results", results) == 0
               ? WA_OK : WA_ERR_NOMEM;
}


wa_err_t
wa_archive_raw(wa_sql_t *db, json_t *message)
{
    json_t         *raw;
    wa_err_t        rc;
    wa_span_t       s;
    wa_sql_rows_t  *rows;

    rc = content_query(db, "SELECT message FROM wa_raw"
                           " WHERE account_id = $1 AND id = $2", message,
                       &rows);

    if (rc != WA_OK) {
        return rc;
    }

    raw = NULL;
    rc = wa_sql_next(rows);

    if (rc == WA_OK) {
        s = wa_sql_text(rows, 0);
        raw = json_stringn(s.p == NULL ? "" : (const char *) s.p, s.n);

    } else if (rc == WA_AGAIN) {
        raw = json_null();
        rc = WA_OK;
    }

    wa_sql_rows_free(rows);

    if (rc != WA_OK) {
        return rc;
    }

    return json_object_set_new(message, "raw", raw) == 0 ? WA_OK
                                                         : WA_ERR_NOMEM;
}


static wa_err_t
content_query(wa_sql_t *db, const char *statement, const json_t *message,
    wa_sql_rows_t **rows)
{
    wa_sql_value_t  v[2];

    v[0].type = WA_SQL_TEXT;
    v[0].s = wa_span_str(json_string_value(json_object_get(message,
                                                           "account_id")));
    v[1].type = WA_SQL_TEXT;
    v[1].s = wa_span_str(json_string_value(json_object_get(message, "id")));

    return wa_sql_query(db, statement, v, 2, rows);
}


/* [{option, voters []}] of a poll or an event; NULL: of neither. */
static json_t *
votes_empty(const json_t *message)
{
    size_t       i;
    json_t      *option, *options, *results;
    const char  *type;

    type = json_string_value(json_object_get(message, "message_type"));

    if (type != NULL && strcmp(type, "poll") == 0) {
        options = json_incref(json_object_get(message, "poll_options"));

    } else if (type != NULL && strcmp(type, "event") == 0) {
        options = json_pack("[s, s, s]", "going", "not_going", "maybe");

    } else {
        return NULL;
    }

    results = json_array();

    json_array_foreach(options, i, option) {
        (void) json_array_append_new(results,
                                     json_pack("{s:O, s:[]}", "option",
                                               option, "voters"));
    }

    json_decref(options);

    return results;
}


static bool
votes_add(json_t *results, const wa_sql_rows_t *rows)
{
    bool        ok;
    size_t      i, k;
    json_t     *chosen, *options, *result;
    wa_span_t   s, voter;

    voter = wa_sql_text(rows, 0);
    s = wa_sql_text(rows, 1);
    options = json_loadb((const char *) s.p, s.n, JSON_ALLOW_NUL, NULL);
    ok = true;

    json_array_foreach(results, i, result) {

        json_array_foreach(options, k, chosen) {

            if (json_equal(chosen, json_object_get(result, "option"))) {
                ok &= json_array_append_new(
                          json_object_get(result, "voters"),
                          json_stringn((const char *) voter.p, voter.n)) == 0;
                break;
            }
        }
    }

    json_decref(options);

    return ok;
}
