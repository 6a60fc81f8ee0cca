/*
 * Pieces of history, written by wa_hist.h, into a database of wa_db.h.
 */
#ifndef WA_HIST_DB_H
#define WA_HIST_DB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wa_db.h"
#include "wa_hist.h"


#define NOW    1763700000
#define ANN    "15551234567@s.whatsapp.net"
#define LID    "100000012345678@lid"


static inline int64_t
number(wa_db_t *d, const char *query)
{
    return wa_db_int(d->db, query);
}


static inline const char *
look(wa_db_t *d, const char *query)
{
    static char  out[4096];

    wa_db_text(d->db, query, out, sizeof(out));

    return out;
}


static inline void
account(wa_db_t *d)
{
    assert_true(wa_db_event(d, 1, "session.created",
        "{\"account\":{\"name\":\"Shop\",\"state\":\"INIT\","
        "\"status\":\"INIT\"}}"));
}


/* Everything the account is told, as one array; answers nothing. */
static inline json_t *
learn(wa_history_t *h)
{
    json_t    *all, *args;
    wa_err_t   rc;

    all = json_array();

    while ((rc = wa_history_learn(h, &args)) == WA_OK) {
        json_array_append_new(all, args);
    }

    assert_int_equal(rc, WA_AGAIN);

    return all;
}


static inline wa_err_t
write_all(wa_history_t *h, wa_sql_t *db)
{
    wa_err_t  rc;

    do {
        rc = wa_history_write(h, db);
    } while (rc == WA_AGAIN);

    return rc;
}


/* Takes it in, as the account "a1" of wa_db.h. */
static inline wa_history_totals_t
take(wa_db_t *d, wa_history_conf_t *conf)
{
    json_t               *told;
    wa_err_t              rc;
    wa_history_t         *h;
    wa_history_totals_t   totals;

    assert_int_equal(wa_history_create(&h, conf), WA_OK);
    assert_int_equal(wa_history_scan(h), WA_OK);
    told = learn(h);
    json_decref(told);
    rc = write_all(h, d->db);

    if (rc != WA_OK) {
        fail_msg("%s: %s", wa_err_name(rc), wa_sql_error(d->db));
    }

    totals = *wa_history_totals(h);
    wa_history_free(h);

    return totals;
}


static inline wa_history_totals_t
take_written(wa_db_t *d, wa_hist_t *w)
{
    wa_buf_t              packed;
    wa_span_t             span;
    wa_history_conf_t     conf;
    wa_history_totals_t   totals;

    packed = wa_hist_pack(w);
    span = wa_span_buf(&packed);
    conf = wa_hist_conf(&span, NOW);
    totals = take(d, &conf);
    wa_buf_free(&packed);

    return totals;
}

#endif /* WA_HIST_DB_H */
