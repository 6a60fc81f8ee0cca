/* Reading the history database: votes and raw messages, see
   wa_archive_int.h. */
#include "wa_account_int.h"
#include "wa_archive_int.h"


static json_t *votes_empty(const json_t *message);
static wa_err_t votes_row(void *data, const wa_sql_rows_t *rows);
static wa_err_t raw_row(void *data, const wa_sql_rows_t *rows);


wa_err_t
wa_archive_votes(wa_sql_t *db, json_t *message)
{
    json_t      *results;
    wa_err_t     rc;
    wa_build_t   b;

    results = votes_empty(message);

    if (results == NULL) {
        return WA_OK;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT voter, options FROM wa_votes");
    wa_build_message(&b, message);
    wa_build_add(&b, " ORDER BY ms, voter");
    rc = wa_build_each(&b, db, votes_row, results);

    if (rc != WA_OK) {
        json_decref(results);
        return rc;
    }

    return json_object_set_new(message, "poll_results", results) == 0
               ? WA_OK : WA_ERR_NOMEM;
}


wa_err_t
wa_archive_raw(wa_sql_t *db, json_t *message)
{
    wa_build_t  b;

    if (json_object_set_new(message, "raw", json_null()) != 0) {
        return WA_ERR_NOMEM;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT message FROM wa_raw");
    wa_build_message(&b, message);

    return wa_build_each(&b, db, raw_row, message);
}


static wa_err_t
raw_row(void *data, const wa_sql_rows_t *rows)
{
    json_t  *message;

    message = data;

    return json_object_set_new(message, "raw", wa_column_text(rows, 0)) == 0
           ? WA_OK : WA_ERR_NOMEM;
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


static wa_err_t
votes_row(void *data, const wa_sql_rows_t *rows)
{
    bool        ok;
    size_t      i, k;
    json_t     *chosen, *options, *result, *results;
    wa_span_t   s, voter;

    results = data;
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

    return ok ? WA_OK : WA_ERR_NOMEM;
}
