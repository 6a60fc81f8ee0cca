/* A history database for one test, see wa_db.h. */
#include "wa_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>


int
wa_db_setup_sqlite(void **state)
{
    wa_db_t  *d;

    d = calloc(1, sizeof(*d));
    assert_non_null(d);

    (void) snprintf(d->dir, sizeof(d->dir), "/tmp/wahub-db.XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    (void) snprintf(d->target, sizeof(d->target), "%s/wahub.db", d->dir);

    d->conf.backend = WA_SQL_SQLITE;
    d->conf.target = d->target;
    d->conf.timeout_ms = 20000;
    d->db = wa_db_open(d);
    *state = d;

    return 0;
}


int
wa_db_setup_pg(void **state)
{
    char             sql[64];
    wa_db_t         *d;
    wa_sql_t        *db;
    wa_pg_server_t  *s;

    static int  serial;

    s = wa_pg_server();
    d = calloc(1, sizeof(*d));
    assert_non_null(d);

    d->conf.backend = WA_SQL_POSTGRESQL;
    d->conf.target = d->target;
    d->conf.timeout_ms = 20000;
    (void) snprintf(d->target, sizeof(d->target),
                    "postgresql://wahub@/postgres?host=%s", s->dir);

    db = wa_db_open(d);
    (void) snprintf(sql, sizeof(sql), "CREATE SCHEMA t%d", ++serial);
    assert_int_equal(wa_sql_script(db, sql), WA_OK);
    wa_sql_free(db);

    (void) snprintf(d->target + strlen(d->target), 40,
                    "&options=-csearch_path%%3Dt%d", serial);
    d->db = wa_db_open(d);
    *state = d;

    return 0;
}


int
wa_db_teardown(void **state)
{
    char      path[200];
    size_t    i;
    wa_db_t  *d = *state;

    static const char  *const ends[] = { "", "-wal", "-shm" };

    wa_sql_free(d->db);

    if (d->conf.backend == WA_SQL_POSTGRESQL) {
        free(d);
        return 0;
    }

    for (i = 0; i < 3; i++) {
        (void) snprintf(path, sizeof(path), "%s%s", d->target, ends[i]);
        (void) unlink(path);
    }

    assert_int_equal(rmdir(d->dir), 0);
    free(d);

    return 0;
}


wa_sql_t *
wa_db_open(const wa_db_t *d)
{
    wa_sql_t  *db;

    db = wa_sql_create(&d->conf);
    assert_non_null(db);

    if (wa_sql_open(db) != WA_OK) {
        fail_msg("open: %s", wa_sql_error(db));
    }

    return db;
}


int64_t
wa_db_int(wa_sql_t *db, const char *query)
{
    int64_t         v;
    wa_sql_rows_t  *rows;

    if (wa_sql_query(db, query, NULL, 0, &rows) != WA_OK) {
        fail_msg("%s: %s", query, wa_sql_error(db));
    }

    if (wa_sql_next(rows) != WA_OK) {
        fail_msg("%s: no row; %s", query, wa_sql_error(db));
    }

    v = wa_sql_int(rows, 0);
    wa_sql_rows_free(rows);

    return v;
}


void
wa_db_text(wa_sql_t *db, const char *query, char *out, size_t cap)
{
    wa_span_t       s;
    wa_sql_rows_t  *rows;

    assert_int_equal(wa_sql_query(db, query, NULL, 0, &rows), WA_OK);

    if (wa_sql_next(rows) != WA_OK) {
        fail_msg("%s: no row; %s", query, wa_sql_error(db));
    }

    s = wa_sql_text(rows, 0);
    assert_true(s.n < cap);
    memcpy(out, s.p == NULL ? (const uint8_t *) "" : s.p, s.n);
    out[s.n] = '\0';
    wa_sql_rows_free(rows);
}


static const char *
or_else(const char *s, const char *otherwise)
{
    return s == NULL ? otherwise : s;
}


char *
wa_db_message_text(const wa_db_message_t *m)
{
    int          me;
    char        *text, wid[300];
    json_t      *o;
    const char  *type, *jid, *lid;

    type = or_else(m->type, "message.received");
    jid = or_else(m->jid, "15550002@s.whatsapp.net");
    lid = or_else(m->lid, "200@lid");
    me = (strcmp(type, "message.received") != 0);
    (void) snprintf(wid, sizeof(wid), "W%s", m->id);

    o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:{"
                  "s:s, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?, s:s, s:s, s:b,"
                  "s:s, s:s, s:s?, s:I, s:s, s:s, s:b, s:b}}}",
                  "type", type,
                  "timestamp", "2026-11-21T10:00:00.000Z",
                  "tenant_id", or_else(m->tenant, "default"),
                  "account_id", or_else(m->account, "a1"),
                  "session_id", "s1",
                  "data", "message",
                  "id", m->id,
                  "message_id", wid,
                  "account_id", or_else(m->account, "a1"),
                  "remote_jid", jid,
                  "lid", lid,
                  "from_me", me,
                  "from_jid", me ? NULL : jid,
                  "from_lid", me ? NULL : lid,
                  "message_type", or_else(m->kind, "text"),
                  "type", "TEXT",
                  "has_media", (int) m->has_media,
                  "status", or_else(m->status, me ? "SENT" : "RECEIVED"),
                  "source", or_else(m->source, me ? "api" : "whatsapp"),
                  "push_name", me ? NULL : or_else(m->push_name, "Bo"),
                  "timestamp", (json_int_t) (m->ts == 0 ? 100 : m->ts),
                  "body", or_else(m->body, "hello"),
                  "text", or_else(m->body, "hello"),
                  "is_starred", 0,
                  "is_deleted", 0);
    assert_non_null(o);

    text = json_dumps(o, JSON_COMPACT);
    assert_non_null(text);
    json_decref(o);

    return text;
}


bool
wa_db_message(wa_db_t *d, uint64_t ms, const wa_db_message_t *m)
{
    bool   taken;
    char  *text;

    text = wa_db_message_text(m);
    taken = wa_db_body(d, 7, ms, wa_span_str(text));
    free(text);

    return taken;
}


bool
wa_db_event(wa_db_t *d, uint64_t ms, const char *type, const char *data)
{
    char  text[2048];

    assert_true(snprintf(text, sizeof(text), "{\"type\":\"%s\","
                         "\"timestamp\":\"2026-11-21T10:00:00.000Z\","
                         "\"tenant_id\":\"default\",\"account_id\":\"a1\","
                         "\"session_id\":\"s1\",\"data\":%s}", type, data)
                < (int) sizeof(text));

    return wa_db_body(d, 7, ms, wa_span_str(text));
}


bool
wa_db_body(wa_db_t *d, uint32_t shard, uint64_t ms, wa_span_t body)
{
    size_t          applied;
    uint64_t        epoch;
    wa_log_entry_t  e;

    memset(&e, 0, sizeof(e));
    e.shard = shard;
    e.id.ms = ms;
    e.body = body;
    epoch = 1;

    if (wa_project_batch(d->db, &e, &epoch, 1, &applied, NULL) != WA_OK) {
        fail_msg("batch: %s", wa_sql_error(d->db));
    }

    return applied == 1;
}
