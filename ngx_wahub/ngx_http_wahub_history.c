/*
 * A query to the history database in the name of a request.
 *
 * The request may end before its answer, and waits at most a few seconds;
 * the thread's result then goes to nobody.
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_link.h"
#include "ngx_http_wahub_lookup.h"


/* ms: longer than a statement may take, so that its own error comes first */
#define NGX_HTTP_WAHUB_HISTORY_DEADLINE  (NGX_HTTP_WAHUB_SQL_TIMEOUT + 2000)


static void ngx_http_wahub_history_open(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    const char *missing, ngx_http_wahub_sql_pt run,
    ngx_http_wahub_history_pt then);
static ngx_int_t ngx_http_wahub_history_copy(ngx_http_wahub_history_t *h,
    const wa_archive_query_t *q, const ngx_str_t *ref);
static void ngx_http_wahub_history_free(ngx_http_wahub_history_t *h);
static void ngx_http_wahub_history_late(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_done(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_history_answer(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_history_t *h);
static void ngx_http_wahub_history_error(ngx_http_wahub_ctx_t *ctx,
    wa_err_t err);


void
ngx_http_wahub_history_account(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ngx_int_t             rc, rs;
    ngx_str_t             account, session;
    ngx_http_request_t   *r = ctx->request;

    rc = ngx_http_wahub_query(r, "account", &account);
    rs = ngx_http_wahub_query(r, "session_id", &session);

    if (rc == NGX_ERROR || (rc == NGX_OK && account.len == 0)) {
        ngx_http_wahub_error_query(ctx, "account");
        return;
    }

    if (rs == NGX_ERROR || (rs == NGX_OK && session.len == 0)) {
        ngx_http_wahub_error_query(ctx, "session_id");
        return;
    }

    if (rc == NGX_OK && rs == NGX_OK
        && ngx_http_wahub_str_eq(&account, &session) == 0)
    {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (rc == NGX_DECLINED && rs == NGX_DECLINED) {
        next(ctx);
        return;
    }

    ngx_http_wahub_lookup_account(ctx, rc == NGX_OK ? &account : &session,
                                  next);
}


void
ngx_http_wahub_history_query(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_page_t *page, wa_archive_query_t *q)
{
    wa_archive_query_init(q, ngx_http_wahub_span(&ctx->vars.tenant));

    if (ctx->vars.account.len != 0) {
        q->account = ngx_http_wahub_span(&ctx->vars.account);
    }

    if (page != NULL) {
        q->limit = (uint32_t) page->limit;
        q->offset = (uint32_t) page->offset;
    }

    if (page != NULL && page->cursor.len != 0) {
        q->cursor = ngx_http_wahub_span(&page->cursor);
    }
}


void
ngx_http_wahub_history_start(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    const char *missing, ngx_http_wahub_sql_pt run)
{
    ngx_http_wahub_history_open(ctx, q, ref, extra, missing, run, NULL);
}


void
ngx_http_wahub_history_then(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, const char *missing,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then)
{
    ngx_http_wahub_history_open(ctx, q, ref, NULL, missing, run, then);
}


void
ngx_http_wahub_history_over(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then)
{
    ngx_http_wahub_history_open(ctx, q, ref, extra, NULL, run, then);
}


static void
ngx_http_wahub_history_open(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    const char *missing, ngx_http_wahub_sql_pt run,
    ngx_http_wahub_history_pt then)
{
    ngx_int_t                  rc;
    ngx_http_wahub_history_t  *h;

    h = (void *) ngx_http_wahub_wait_create(ctx,
                                        sizeof(ngx_http_wahub_history_t));
    if (h == NULL) {
        json_decref(extra);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_link_with(ctx, &h->links);
    h->extra = extra;
    h->missing = missing;
    h->then = then;
    h->list = (ref == NULL);

    rc = ngx_http_wahub_history_copy(h, q, ref);

    if (rc == NGX_OK) {
        rc = ngx_http_wahub_sql_read(ctx->worker, run,
                                     ngx_http_wahub_history_done, h);
    }

    if (rc != NGX_OK) {
        ngx_http_wahub_history_free(h);
        ngx_http_wahub_error(ctx, rc == NGX_BUSY ? "STORE_UNAVAILABLE"
                                                 : "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_HISTORY_DEADLINE,
                              ngx_http_wahub_history_late);
}


static ngx_int_t
ngx_http_wahub_history_copy(ngx_http_wahub_history_t *h,
    const wa_archive_query_t *q, const ngx_str_t *ref)
{
    u_char      *p;
    wa_span_t   *span;
    ngx_uint_t   i;

    h->q = *q;

    if (ref != NULL) {
        h->ref = ngx_http_wahub_span(ref);
    }

    h->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (h->pool == NULL) {
        return NGX_ERROR;
    }

    wa_span_t  *const spans[] = {
        &h->q.tenant, &h->q.account, &h->q.chat, &h->q.from, &h->q.type,
        &h->q.status, &h->q.direction, &h->q.search, &h->q.cursor, &h->ref
    };

    for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        span = spans[i];

        if (span->n == 0) {
            *span = wa_span_none();
            continue;
        }

        p = ngx_pnalloc(h->pool, span->n);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, span->p, span->n);
        span->p = p;
    }

    return NGX_OK;
}


static void
ngx_http_wahub_history_free(ngx_http_wahub_history_t *h)
{
    if (h->pool != NULL) {
        ngx_destroy_pool(h->pool);
    }

    wa_wipe(&h->links, sizeof(h->links));
    json_decref(h->extra);
    wa_buf_free(&h->body);

    (void) ngx_http_wahub_wait_end(&h->wait);
}


static void
ngx_http_wahub_history_late(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
}


void
ngx_http_wahub_history_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body,
    const char *missing, ngx_http_wahub_row_pt find)
{
    if (body->n == 0) {
        ngx_http_wahub_history_again(ctx, missing, find);
        return;
    }

    ngx_http_wahub_answer_bytes(ctx, "application/json", body);
}


void
ngx_http_wahub_history_again(ngx_http_wahub_ctx_t *ctx, const char *missing,
    ngx_http_wahub_row_pt find)
{
    json_int_t  turn;

    static const ngx_msec_t  pauses[] = { 60, 240 };

    if (ctx->args == NULL) {
        ctx->args = json_object();
    }

    turn = json_integer_value(json_object_get(ctx->args, "again"));

    if (turn >= (json_int_t) (sizeof(pauses) / sizeof(pauses[0]))
        || json_object_set_new(ctx->args, "again", json_integer(turn + 1))
           != 0)
    {
        ngx_http_wahub_error(ctx, missing, NULL);
        return;
    }

    ngx_http_wahub_wait_timer(ctx, pauses[turn], find);
}


/* -- thread -------------------------------------------------------------- */

static int
ngx_http_wahub_history_dump(const char *p, size_t n, void *data)
{
    return wa_buf_append(data, p, n) == WA_OK ? 0 : -1;
}


wa_err_t
ngx_http_wahub_history_media(wa_sql_t *db, ngx_http_wahub_history_t *h,
    json_t *messages)
{
    return wa_media_lay(db, h->q.tenant, messages, &h->links);
}


wa_err_t
ngx_http_wahub_history_body(ngx_http_wahub_history_t *h, json_t *json)
{
    int  rc;

    if (json == NULL) {
        return WA_ERR_NOMEM;
    }

    /* a second attempt on a new connection begins anew */

    wa_buf_free(&h->body);

    rc = json_dump_callback(json, ngx_http_wahub_history_dump, &h->body,
                            JSON_COMPACT);
    json_decref(json);

    return rc == 0 ? WA_OK : WA_ERR_NOMEM;
}


/* -- answer -------------------------------------------------------------- */

static void
ngx_http_wahub_history_done(void *data, wa_err_t err, const char *text)
{
    ngx_connection_t          *c;
    ngx_http_wahub_ctx_t      *ctx;
    ngx_http_wahub_history_t  *h = data;

    ctx = h->wait.ctx;

    if (ctx == NULL) {
        ngx_http_wahub_history_free(h);
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    if (err == WA_OK) {
        ngx_http_wahub_history_answer(ctx, h);

    } else {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0, "wahub history: %s: %s",
                       wa_err_name(err), text);

        ngx_http_wahub_history_free(h);
        ngx_http_wahub_history_error(ctx, err);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_wahub_history_answer(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_history_t *h)
{
    wa_buf_t                    body;
    ngx_int_t                   rc;
    const char                 *missing;
    ngx_http_wahub_history_pt   then;

    rc = NGX_OK;
    then = h->then;
    missing = h->missing;
    body = h->body;
    ngx_memzero(&h->body, sizeof(wa_buf_t));

    if (h->list) {
        rc = ngx_http_wahub_page_close_cursor(ctx,
                                              (ngx_int_t) h->page.total,
                                              h->page.next);
    }

    ngx_http_wahub_history_free(h);

    if (rc != NGX_OK) {
        wa_buf_free(&body);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (body.n == 0 && missing != NULL) {
        ngx_http_wahub_error(ctx, missing, NULL);
        return;
    }

    if (then != NULL) {

        if (ctx->timer.timer_set) {
            ngx_del_timer(&ctx->timer);
        }

        then(ctx, &body);
        return;
    }

    ngx_http_wahub_answer_bytes(ctx, "application/json", &body);
}


static void
ngx_http_wahub_history_error(ngx_http_wahub_ctx_t *ctx, wa_err_t err)
{
    switch (err) {

    case WA_ERR_SYNTAX:
        ngx_http_wahub_error_query(ctx, "cursor");
        return;

    case WA_ERR_AMBIGUOUS:
        ngx_http_wahub_error(ctx, "AMBIGUOUS_ID", NULL);
        return;

    case WA_ERR_ARG:
    case WA_ERR_NOMEM:
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;

    default:
        ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
        return;
    }
}
