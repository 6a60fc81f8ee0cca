/*
 * Connections to the history database and the jobs that use them.
 *
 *   writer    one, for the projection
 *   readers   a few, for the rows of the API; reads wait for a free one in
 *             a queue of bounded length
 *
 * A connection is used by one job at a time, so by one thread at a time.
 * It is made, and made again, inside the job: only threads wait for it.
 */
#include "ngx_http_wahub_sql.h"

#include "ngx_http_wahub_project.h"
#include "ngx_http_wahub_space.h"

#include "wa_project.h"


#define NGX_HTTP_WAHUB_SQL_READERS   2
#define NGX_HTTP_WAHUB_SQL_WAITING   128
#define NGX_HTTP_WAHUB_SQL_FRESH     1000       /* ms                    */
#define NGX_HTTP_WAHUB_SQL_COMPLAIN  10000      /* ms between log lines  */


typedef struct {
    wa_sql_t                    *db;
    unsigned                     busy:1;
} ngx_http_wahub_reader_t;


/* A read that waits for a reader. */
typedef struct {
    ngx_queue_t                  queue;
    ngx_http_wahub_sql_pt        run;
    ngx_http_wahub_sql_done_pt   done;
    void                        *data;
} ngx_http_wahub_waiting_t;


struct ngx_http_wahub_sql_s {
    ngx_http_wahub_worker_t     *worker;
    wa_sql_t                    *writer;
    ngx_http_wahub_reader_t      readers[NGX_HTTP_WAHUB_SQL_READERS];
    ngx_queue_t                  waiting;
    ngx_uint_t                   nwaiting;
    ngx_msec_t                   complained;
    ngx_msec_t                   used_at;    /* last success             */
    wa_err_t                     err;        /* as reported              */
    unsigned                     known:1;    /* reported at all          */
    unsigned                     checking:1;
};


typedef struct {
    ngx_http_wahub_sql_t        *sql;
    ngx_http_wahub_reader_t     *reader;     /* NULL: the writer         */
    wa_sql_t                    *db;
    ngx_http_wahub_sql_pt        run;
    ngx_http_wahub_sql_done_pt   done;
    void                        *data;
    wa_err_t                     err;
    char                         text[NGX_HTTP_WAHUB_SQL_ERROR];
} ngx_http_wahub_sql_job_t;


static ngx_int_t ngx_http_wahub_sql_post(ngx_http_wahub_sql_t *sql,
    ngx_http_wahub_reader_t *reader, ngx_http_wahub_sql_pt run,
    ngx_http_wahub_sql_done_pt done, void *data);
static void ngx_http_wahub_sql_run(void *data);
static void ngx_http_wahub_sql_done(void *data);
static void ngx_http_wahub_sql_next(ngx_http_wahub_sql_t *sql,
    ngx_http_wahub_reader_t *reader);
static void ngx_http_wahub_sql_complain(ngx_http_wahub_sql_job_t *job);


ngx_int_t
ngx_http_wahub_sql_init(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t             i;
    wa_sql_conf_t          conf;
    ngx_http_wahub_sql_t  *sql;

    sql = ngx_calloc(sizeof(ngx_http_wahub_sql_t), w->log);
    if (sql == NULL) {
        return NGX_ERROR;
    }

    w->sql = sql;
    sql->worker = w;
    sql->complained = ngx_current_msec - NGX_HTTP_WAHUB_SQL_COMPLAIN;
    ngx_queue_init(&sql->waiting);

    ngx_memzero(&conf, sizeof(wa_sql_conf_t));
    conf.backend = w->conf->store_postgresql ? WA_SQL_POSTGRESQL
                                             : WA_SQL_SQLITE;
    conf.target = (char *) w->conf->store.data;
    conf.timeout_ms = NGX_HTTP_WAHUB_SQL_TIMEOUT;

    if (w->conf->store_password.len != 0) {
        conf.password = (char *) w->conf->store_password.data;
    }

    sql->writer = wa_sql_create(&conf);
    if (sql->writer == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WAHUB_SQL_READERS; i++) {
        sql->readers[i].db = wa_sql_create(&conf);

        if (sql->readers[i].db == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_wahub_sql_abandon(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t               *q;
    ngx_http_wahub_sql_t      *sql = w->sql;
    ngx_http_wahub_waiting_t  *wt;

    if (sql == NULL) {
        return;
    }

    while (ngx_queue_empty(&sql->waiting) == 0) {
        q = ngx_queue_head(&sql->waiting);
        ngx_queue_remove(q);
        sql->nwaiting--;

        wt = ngx_queue_data(q, ngx_http_wahub_waiting_t, queue);
        wt->done(wt->data, WA_ERR_IO, "");
        ngx_free(wt);
    }
}


void
ngx_http_wahub_sql_exit(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t             i;
    ngx_http_wahub_sql_t  *sql = w->sql;

    if (sql == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_WAHUB_SQL_READERS; i++) {
        wa_sql_free(sql->readers[i].db);
    }

    wa_sql_free(sql->writer);
    ngx_free(sql);
    w->sql = NULL;
}


/* -- jobs ---------------------------------------------------------------- */

ngx_int_t
ngx_http_wahub_sql_write(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_sql_done_pt done, void *data)
{
    return ngx_http_wahub_sql_post(w->sql, NULL, run, done, data);
}


ngx_int_t
ngx_http_wahub_sql_read(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_sql_done_pt done, void *data)
{
    ngx_uint_t                 i;
    ngx_http_wahub_sql_t      *sql = w->sql;
    ngx_http_wahub_waiting_t  *wt;

    for (i = 0; i < NGX_HTTP_WAHUB_SQL_READERS; i++) {
        if (sql->readers[i].busy == 0) {
            return ngx_http_wahub_sql_post(sql, &sql->readers[i], run, done,
                                           data);
        }
    }

    if (sql->nwaiting >= NGX_HTTP_WAHUB_SQL_WAITING || w->threads_gone) {
        return NGX_BUSY;
    }

    wt = ngx_alloc(sizeof(ngx_http_wahub_waiting_t), sql->worker->log);
    if (wt == NULL) {
        return NGX_ERROR;
    }

    wt->run = run;
    wt->done = done;
    wt->data = data;
    ngx_queue_insert_tail(&sql->waiting, &wt->queue);
    sql->nwaiting++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_sql_post(ngx_http_wahub_sql_t *sql,
    ngx_http_wahub_reader_t *reader, ngx_http_wahub_sql_pt run,
    ngx_http_wahub_sql_done_pt done, void *data)
{
    ngx_http_wahub_sql_job_t  *job;

    job = ngx_http_wahub_job_data(sql->worker,
                                  sizeof(ngx_http_wahub_sql_job_t));
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->sql = sql;
    job->reader = reader;
    job->db = (reader == NULL) ? sql->writer : reader->db;
    job->run = run;
    job->done = done;
    job->data = data;

    if (ngx_http_wahub_job_post(job, ngx_http_wahub_sql_run,
                                ngx_http_wahub_sql_done)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reader != NULL) {
        reader->busy = 1;
    }

    return NGX_OK;
}


/* thread */
static void
ngx_http_wahub_sql_run(void *data)
{
    ngx_uint_t                 i;
    ngx_http_wahub_sql_job_t  *job = data;

    for (i = 0; i < 2; i++) {
        job->err = wa_sql_open(job->db);

        if (job->err == WA_OK) {
            job->err = job->run(job->db, job->data);
        }

        /* a connection that was lost while nobody used it shows here */

        if (job->err != WA_ERR_IO) {
            break;
        }
    }

    if (job->err != WA_OK) {
        (void) ngx_cpystrn((u_char *) job->text,
                           (u_char *) wa_sql_error(job->db),
                           NGX_HTTP_WAHUB_SQL_ERROR);
    }
}


static void
ngx_http_wahub_sql_done(void *data)
{
    ngx_http_wahub_sql_job_t  *job = data;

    if (job->err == WA_OK) {
        job->sql->used_at = ngx_current_msec;
    }

    if (job->reader != NULL) {
        job->reader->busy = 0;
        ngx_http_wahub_sql_complain(job);
        ngx_http_wahub_sql_next(job->sql, job->reader);
    }

    job->done(job->data, job->err, job->text);
}


static void
ngx_http_wahub_sql_next(ngx_http_wahub_sql_t *sql,
    ngx_http_wahub_reader_t *reader)
{
    ngx_queue_t               *q;
    ngx_http_wahub_waiting_t  *wt;

    while (reader->busy == 0 && ngx_queue_empty(&sql->waiting) == 0) {
        q = ngx_queue_head(&sql->waiting);
        ngx_queue_remove(q);
        sql->nwaiting--;

        wt = ngx_queue_data(q, ngx_http_wahub_waiting_t, queue);

        if (ngx_http_wahub_sql_post(sql, reader, wt->run, wt->done, wt->data)
            != NGX_OK)
        {
            wt->done(wt->data, WA_ERR_NOMEM, "");
        }

        ngx_free(wt);
    }
}


wa_err_t
ngx_http_wahub_sql_ping(wa_sql_t *db, void *data)
{
    uint32_t     shard;
    wa_log_id_t  position;

    (void) data;

    shard = 0;

    return wa_project_positions(db, &shard, 1, &position);
}


/* -- state --------------------------------------------------------------- */

static void
ngx_http_wahub_sql_checked(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_sql_t  *sql = data;

    sql->checking = 0;

    if (err != WA_OK && sql->err == WA_OK) {
        ngx_http_wahub_sql_report(sql->worker, err, text);
        ngx_http_wahub_project_retry(sql->worker);
    }
}


void
ngx_http_wahub_sql_check(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_sql_t  *sql = w->sql;

    if (sql->checking || w->draining || ngx_http_wahub_sql_up(w) == 0
        || ngx_current_msec - sql->used_at < NGX_HTTP_WAHUB_SQL_FRESH)
    {
        return;
    }

    if (ngx_http_wahub_sql_read(w, ngx_http_wahub_sql_ping,
                                ngx_http_wahub_sql_checked, sql)
        == NGX_OK)
    {
        sql->checking = 1;
    }
}


/* Reads fail one by one; the log hears of it now and then. */
static void
ngx_http_wahub_sql_complain(ngx_http_wahub_sql_job_t *job)
{
    ngx_http_wahub_sql_t  *sql = job->sql;

    switch (job->err) {

    case WA_OK:
    case WA_ERR_SYNTAX:
    case WA_ERR_AMBIGUOUS:
        return;

    default:
        break;
    }

    /* the projection says why, once */

    if (sql->known && sql->err == job->err) {
        return;
    }

    if (ngx_current_msec - sql->complained < NGX_HTTP_WAHUB_SQL_COMPLAIN) {
        return;
    }

    sql->complained = ngx_current_msec;

    ngx_log_error(NGX_LOG_WARN, sql->worker->log, 0,
                  "wahub: the history database does not answer a read: "
                  "%s: %s", wa_err_name(job->err), job->text);
}


void
ngx_http_wahub_sql_report(ngx_http_wahub_worker_t *w, wa_err_t err,
    const char *text)
{
    wa_err_t               was;
    ngx_uint_t             known;
    ngx_http_wahub_sql_t  *sql = w->sql;

    was = sql->err;
    known = sql->known;

    sql->err = err;
    sql->known = 1;

    if (err == WA_OK || err == WA_ERR_FULL) {
        ngx_http_wahub_space_set(w, ngx_http_wahub_space_history,
                                 err == WA_ERR_FULL);
    }

    if (known && was == err) {
        return;
    }

    switch (err) {

    case WA_OK:
        if (known) {
            ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                          "wahub: the history database works again");
        }

        return;

    case WA_ERR_FULL:
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "wahub: the history database has no space left: make "
                      "room on its disk; events wait in Redis, which grows "
                      "meanwhile (%s)", text);
        return;

    case WA_ERR_VERSION:
        ngx_log_error(NGX_LOG_EMERG, w->log, 0,
                      "wahub: the history database was made by a newer "
                      "wahub and is left alone: install that version, or "
                      "set another \"wahub_store\" (%s)", text);
        return;

    case WA_ERR_FATAL:
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "wahub: the history database is damaged: restore it "
                      "or set another \"wahub_store\"; events wait in Redis "
                      "(%s)", text);
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "wahub: the history database cannot be used, events "
                      "wait in Redis: %s: %s", wa_err_name(err), text);
        return;
    }
}


ngx_uint_t
ngx_http_wahub_sql_up(ngx_http_wahub_worker_t *w)
{
    return w->sql->known && w->sql->err == WA_OK;
}


ngx_uint_t
ngx_http_wahub_sql_known(ngx_http_wahub_worker_t *w)
{
    return w->sql->known;
}
