/*
 * What the history knows of messages that a send refers to: a quote has an
 * author and a content, a reaction in a group needs to know whose message it
 * is about.
 */
#include "ngx_http_wahub_send.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_wait.h"

#include "wa_archive.h"


#define NGX_HTTP_WAHUB_REFER_TENANT   256
#define NGX_HTTP_WAHUB_REFER_ID       128
#define NGX_HTTP_WAHUB_REFER_TIMEOUT  2000      /* ms, then without it   */
#define NGX_HTTP_WAHUB_REFER_AGAIN    300       /* ms                    */

#define NGX_HTTP_WAHUB_REFER_N        2


/* Heap: outlives the request. */
typedef struct {
    ngx_http_wahub_wait_t   wait;               /* must be first         */
    u_char                  tenant[NGX_HTTP_WAHUB_REFER_TENANT];
    u_char                  account[NGX_HTTP_WAHUB_UUID_LEN];
    u_char                  id[NGX_HTTP_WAHUB_REFER_N]
                              [NGX_HTTP_WAHUB_REFER_ID];
    wa_span_t               ref[NGX_HTTP_WAHUB_REFER_N];
    json_t                 *found[NGX_HTTP_WAHUB_REFER_N];
    wa_archive_query_t      q;
} ngx_http_wahub_refer_t;

/* The request's, in its pool. */
typedef struct {
    ngx_int_t               kind;
    unsigned                again:1;
} ngx_http_wahub_refer_state_t;


static const char *const  ngx_http_wahub_refer_names[] = {
    "quoted_id", "target_id"
};


static void ngx_http_wahub_refer_start(ngx_http_wahub_ctx_t *ctx);
static ngx_uint_t ngx_http_wahub_refer_copy(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_refer_t *rf);
static wa_err_t ngx_http_wahub_refer_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_refer_done(void *data, wa_err_t err,
    const char *text);
static ngx_int_t ngx_http_wahub_refer_take(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_refer_t *rf, ngx_uint_t *missing);
static void ngx_http_wahub_refer_free(ngx_http_wahub_refer_t *rf);
static void ngx_http_wahub_refer_late(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_refer_next(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_send_refer(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind)
{
    ngx_uint_t                     i, n;
    ngx_http_wahub_refer_state_t  *state;

    n = 0;

    for (i = 0; i < NGX_HTTP_WAHUB_REFER_N; i++) {
        n += json_is_string(json_object_get(ctx->args,
                                            ngx_http_wahub_refer_names[i]));
    }

    if (n == 0) {
        ngx_http_wahub_send_referred(ctx, kind);
        return;
    }

    state = ngx_pcalloc(ctx->request->pool,
                        sizeof(ngx_http_wahub_refer_state_t));

    if (state == NULL
        || json_object_set_new(ctx->args, "quoted_optional",
               json_boolean((ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE)
                            == NGX_HTTP_WAHUB_SEND_001)) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    state->kind = kind;
    ctx->state = state;

    ngx_http_wahub_refer_start(ctx);
}


static void
ngx_http_wahub_refer_start(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_refer_t  *rf;

    rf = (void *) ngx_http_wahub_wait_create(ctx,
                                             sizeof(ngx_http_wahub_refer_t));
    if (rf == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_refer_copy(ctx, rf) == 0
        || ngx_http_wahub_sql_read(ctx->worker, ngx_http_wahub_refer_run,
                                   ngx_http_wahub_refer_done, rf)
           != NGX_OK)
    {
        ngx_http_wahub_refer_free(rf);
        ngx_http_wahub_refer_next(ctx);
        return;
    }

    ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_REFER_TIMEOUT,
                              ngx_http_wahub_refer_late);
}


/* 0: nothing to ask about; nobody was ever given a longer id. */
static ngx_uint_t
ngx_http_wahub_refer_copy(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_refer_t *rf)
{
    ngx_str_t   id;
    ngx_uint_t  i, n;

    if (ctx->vars.tenant.len > sizeof(rf->tenant)
        || ctx->vars.account.len > sizeof(rf->account))
    {
        return 0;
    }

    ngx_memcpy(rf->tenant, ctx->vars.tenant.data, ctx->vars.tenant.len);
    ngx_memcpy(rf->account, ctx->vars.account.data, ctx->vars.account.len);

    wa_archive_query_init(&rf->q, wa_span(rf->tenant, ctx->vars.tenant.len));
    rf->q.account = wa_span(rf->account, ctx->vars.account.len);
    n = 0;

    for (i = 0; i < NGX_HTTP_WAHUB_REFER_N; i++) {
        id = ngx_http_wahub_json_str(json_object_get(ctx->args,
                                         ngx_http_wahub_refer_names[i]));
        rf->ref[i] = wa_span_none();

        if (id.len == 0 || id.len > sizeof(rf->id[i])
            || ngx_strlchr(id.data, id.data + id.len, '\0') != NULL)
        {
            continue;
        }

        ngx_memcpy(rf->id[i], id.data, id.len);
        rf->ref[i] = wa_span(rf->id[i], id.len);
        n++;
    }

    return n;
}


/* -- thread --------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_refer_run(wa_sql_t *db, void *data)
{
    wa_err_t                 rc;
    ngx_uint_t               i;
    ngx_http_wahub_refer_t  *rf = data;

    rc = WA_OK;

    for (i = 0; i < NGX_HTTP_WAHUB_REFER_N && rc == WA_OK; i++) {

        if (rf->ref[i].p == NULL || rf->found[i] != NULL) {
            continue;
        }

        rc = wa_archive_refer(db, &rf->q, rf->ref[i], &rf->found[i]);
    }

    return rc;
}


/* -- answer --------------------------------------------------------------- */

static void
ngx_http_wahub_refer_done(void *data, wa_err_t err, const char *text)
{
    ngx_int_t                      rc;
    ngx_uint_t                     missing;
    ngx_connection_t              *c;
    ngx_http_wahub_ctx_t          *ctx;
    ngx_http_wahub_refer_t        *rf = data;
    ngx_http_wahub_refer_state_t  *state;

    ctx = rf->wait.ctx;

    if (ctx == NULL) {
        ngx_http_wahub_refer_free(rf);
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    rc = NGX_OK;
    missing = 0;
    state = ctx->state;

    if (err == WA_OK) {
        rc = ngx_http_wahub_refer_take(ctx, rf, &missing);

    } else {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0, "wahub refer: %s: %s",
                       wa_err_name(err), text);
    }

    ngx_http_wahub_refer_free(rf);

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (rc != NGX_OK) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);

    } else if (missing && state->again == 0) {

        /* a message is told before it is in the history */

        state->again = 1;
        ngx_http_wahub_wait_timer(ctx, NGX_HTTP_WAHUB_REFER_AGAIN,
                                  ngx_http_wahub_refer_start);

    } else {
        ngx_http_wahub_refer_next(ctx);
    }

    ngx_http_run_posted_requests(c);
}


/* What was found, and null for what was not, go with the command. */
static ngx_int_t
ngx_http_wahub_refer_take(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_refer_t *rf, ngx_uint_t *missing)
{
    int          rc;
    json_t      *refs;
    ngx_uint_t   i;

    refs = json_object();
    rc = 0;

    for (i = 0; i < NGX_HTTP_WAHUB_REFER_N; i++) {

        if (rf->ref[i].p == NULL) {
            continue;
        }

        *missing |= (rf->found[i] == NULL);

        rc |= json_object_set_new(refs, ngx_http_wahub_refer_names[i],
                                  rf->found[i] == NULL ? json_null()
                                                       : rf->found[i]);
        rf->found[i] = NULL;
    }

    rc |= json_object_set_new(ctx->args, "refs", refs);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wahub_refer_free(ngx_http_wahub_refer_t *rf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WAHUB_REFER_N; i++) {
        json_decref(rf->found[i]);
    }

    (void) ngx_http_wahub_wait_end(&rf->wait);
}


/* The history is slow: a message is not held up by it. */
static void
ngx_http_wahub_refer_late(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_wait_cancel(ctx);
    ngx_http_wahub_refer_next(ctx);
}


static void
ngx_http_wahub_refer_next(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  kind;

    kind = ((ngx_http_wahub_refer_state_t *) ctx->state)->kind;
    ctx->state = NULL;

    ngx_http_wahub_send_referred(ctx, kind);
}
