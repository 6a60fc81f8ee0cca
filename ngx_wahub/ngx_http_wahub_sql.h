/*
 * The history database, seen from the event loop: thread jobs around
 * wa_sql.h, who uses which connection when, and whether it can be reached.
 */
#ifndef NGX_HTTP_WAHUB_SQL_H
#define NGX_HTTP_WAHUB_SQL_H

#include "ngx_http_wahub.h"

#include "wa_sql.h"


#define NGX_HTTP_WAHUB_SQL_TIMEOUT  5000        /* ms: lock, statement   */
#define NGX_HTTP_WAHUB_SQL_ERROR    256


/*
 * Thread.  `db` is connected and has the schema.  Called once more when it
 * returns WA_ERR_IO, on a new connection: what it does may be repeated.
 */
typedef wa_err_t (*ngx_http_wahub_sql_pt)(wa_sql_t *db, void *data);

/*
 * Loop.  Called exactly once for every NGX_OK.  `text` has the database's
 * own words for an error, "" without; both die when the handler returns.
 * A job that runs when the worker exits is not answered any more.
 */
typedef void (*ngx_http_wahub_sql_done_pt)(void *data, wa_err_t err,
    const char *text);


ngx_int_t ngx_http_wahub_sql_init(ngx_http_wahub_worker_t *w);

/* Who waits for a connection hears WA_ERR_IO: before parts that wait end. */
void ngx_http_wahub_sql_abandon(ngx_http_wahub_worker_t *w);

/* Both NULL-safe.  Thread jobs have ended. */
void ngx_http_wahub_sql_exit(ngx_http_wahub_worker_t *w);

/*
 * The projection's own connection; the caller runs one job at a time on it.
 * NGX_ERROR: out of memory, or the thread pool takes no more.
 */
ngx_int_t ngx_http_wahub_sql_write(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_sql_done_pt done, void *data);

/*
 * A read, on a connection of its own, not behind the projection.
 * NGX_BUSY: too many reads wait already.  NGX_ERROR as above.
 */
ngx_int_t ngx_http_wahub_sql_read(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_sql_done_pt done, void *data);

/* Thread: a query that succeeds when the database answers. */
wa_err_t ngx_http_wahub_sql_ping(wa_sql_t *db, void *data);

/* Somebody wants to know: looks whether the database is still there, if it
   was not used lately.  The next ngx_http_wahub_sql_up() tells. */
void ngx_http_wahub_sql_check(ngx_http_wahub_worker_t *w);

/*
 * What the projection or a check found: WA_OK, the database works; else why
 * it does not.  One log line for each change.
 */
void ngx_http_wahub_sql_report(ngx_http_wahub_worker_t *w, wa_err_t err,
    const char *text);

/* As last reported; 0 before the first report. */
ngx_uint_t ngx_http_wahub_sql_up(ngx_http_wahub_worker_t *w);

/* There was a report, of whatever. */
ngx_uint_t ngx_http_wahub_sql_known(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_SQL_H */
