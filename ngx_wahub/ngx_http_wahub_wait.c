/*
 * What a request waits for: Redis, a call to an account, a timer.
 *
 * A request may end before its answer arrives.  What was asked of Redis
 * then holds a wait object that has lost its context; it is freed by the
 * reply.  Calls and timers are cancelled.
 */
#include "ngx_http_wahub_wait.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_worker.h"


static void ngx_http_wahub_wait_sent(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_wait_t *wait, ngx_int_t rc);
static void ngx_http_wahub_wait_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_wait_result(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_wait_expired(ngx_event_t *ev);


ngx_http_wahub_wait_t *
ngx_http_wahub_wait_create(ngx_http_wahub_ctx_t *ctx, size_t size)
{
    ngx_http_wahub_wait_t  *wait;

    wait = ngx_calloc(size, ctx->request->connection->log);

    if (wait == NULL) {
        return NULL;
    }

    wait->ctx = ctx;
    wait->worker = ctx->worker;
    ctx->wait = wait;

    /* nothing else tells a leaving worker that somebody waits for Redis */

    wait->worker->waits++;
    ngx_http_wahub_worker_waits(wait->worker);

    return wait;
}


ngx_http_wahub_ctx_t *
ngx_http_wahub_wait_end(ngx_http_wahub_wait_t *wait)
{
    ngx_http_wahub_ctx_t  *ctx;

    ctx = wait->ctx;

    if (ctx != NULL) {
        ctx->wait = NULL;
    }

    wait->worker->waits--;
    ngx_http_wahub_worker_waits(wait->worker);
    ngx_free(wait);

    return ctx;
}


/* A request does not join a queue that does not move. */
static ngx_int_t
ngx_http_wahub_wait_check(ngx_http_wahub_ctx_t *ctx)
{
    return ngx_http_wahub_redis_answers(ctx->worker->redis) ? NGX_OK
                                                            : NGX_DECLINED;
}


/* The row's own answer to a store that is away, or the usual one. */
void
ngx_http_wahub_wait_failed(ngx_http_wahub_ctx_t *ctx)
{
    if (ctx->store_failed != NULL) {
        ctx->store_failed(ctx);
        return;
    }

    ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
}


void
ngx_http_wahub_wait_redis(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_reply_pt handler, const ngx_str_t *argv, ngx_uint_t argc)
{
    ngx_int_t               rc;
    ngx_http_wahub_wait_t  *wait;

    wait = ngx_http_wahub_wait_create(ctx, sizeof(ngx_http_wahub_wait_t));

    if (wait == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    wait->handler = handler;

    rc = ngx_http_wahub_wait_check(ctx);

    if (rc == NGX_OK) {
        rc = ngx_http_wahub_redis_command(ctx->worker->redis,
                                          ngx_http_wahub_wait_reply, wait,
                                          argv, argc);
    }

    ngx_http_wahub_wait_sent(ctx, wait, rc);
}


void
ngx_http_wahub_wait_eval(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_reply_pt handler, ngx_int_t script,
    const ngx_str_t *argv, ngx_uint_t nkeys, ngx_uint_t argc)
{
    ngx_int_t               rc;
    ngx_http_wahub_wait_t  *wait;

    wait = ngx_http_wahub_wait_create(ctx, sizeof(ngx_http_wahub_wait_t));

    if (wait == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    wait->handler = handler;

    rc = ngx_http_wahub_wait_check(ctx);

    if (rc == NGX_OK) {
        rc = ngx_http_wahub_redis_eval(ctx->worker->redis, script,
                                       ngx_http_wahub_wait_reply, wait, argv,
                                       nkeys, argc);
    }

    ngx_http_wahub_wait_sent(ctx, wait, rc);
}


static void
ngx_http_wahub_wait_sent(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_wait_t *wait, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        return;
    }

    (void) ngx_http_wahub_wait_end(wait);
    ngx_http_wahub_wait_failed(ctx);
}


static void
ngx_http_wahub_wait_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t                 text;
    ngx_uint_t                level;
    ngx_connection_t         *c;
    ngx_http_wahub_ctx_t     *ctx;
    ngx_http_wahub_wait_t    *wait;
    ngx_http_wahub_reply_pt   handler;

    wait = data;
    handler = wait->handler;
    ctx = ngx_http_wahub_wait_end(wait);

    if (ctx == NULL) {
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    if (reply == NULL) {
        ngx_http_wahub_wait_failed(ctx);

    } else if (ngx_http_wahub_redis_type(reply)
               == ngx_http_wahub_redis_error)
    {
        text = ngx_http_wahub_redis_str(reply);

        /* what is wrong with Redis itself has been said there */

        level = ngx_http_wahub_redis_writable(ctx->worker->redis)
                ? NGX_LOG_WARN : NGX_LOG_INFO;

        ngx_log_error(level, c->log, 0, "redis answered \"%V\"", &text);
        ngx_http_wahub_wait_failed(ctx);

    } else {
        handler(ctx, reply);
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_wahub_wait_call(ngx_http_wahub_ctx_t *ctx, wa_op_e op,
    json_t *args, ngx_msec_t timeout, ngx_http_wahub_result_pt handler)
{
    ctx->call_handler = handler;
    ctx->call = ngx_http_wahub_call(ctx->worker, &ctx->vars.account, op,
                                    args, timeout,
                                    ngx_http_wahub_wait_result, ctx);
    json_decref(args);

    if (ctx->call == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
    }
}


void
ngx_http_wahub_wait_query(ngx_http_wahub_ctx_t *ctx, const char *verb,
    ngx_msec_t timeout, ngx_http_wahub_result_pt handler)
{
    if (json_object_set_new(ctx->args, "verb", json_string(verb)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY, json_incref(ctx->args),
                             timeout, handler);
}


static void
ngx_http_wahub_wait_result(void *data, const ngx_http_wahub_result_t *result)
{
    ngx_connection_t      *c;
    ngx_http_wahub_ctx_t  *ctx;

    ctx = data;
    ctx->call = NULL;
    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    ctx->call_handler(ctx, result);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_wahub_wait_timer(ngx_http_wahub_ctx_t *ctx, ngx_msec_t delay,
    ngx_http_wahub_row_pt handler)
{
    ctx->timer_handler = handler;
    ctx->timer.handler = ngx_http_wahub_wait_expired;
    ctx->timer.data = ctx;
    ctx->timer.log = ctx->request->connection->log;

    ngx_add_timer(&ctx->timer, delay);
}


static void
ngx_http_wahub_wait_expired(ngx_event_t *ev)
{
    ngx_http_wahub_ctx_t  *ctx;

    ctx = ev->data;

    ngx_http_wahub_wait_resume(ctx, ctx->timer_handler);
}


void
ngx_http_wahub_wait_resume(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt handler)
{
    ngx_connection_t  *c;

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    handler(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_wahub_wait_cancel(ngx_http_wahub_ctx_t *ctx)
{
    if (ctx->wait != NULL) {
        ctx->wait->ctx = NULL;
        ctx->wait = NULL;
    }

    if (ctx->call != NULL) {
        ngx_http_wahub_call_cancel(ctx->call);
        ctx->call = NULL;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
}
