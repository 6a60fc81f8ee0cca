/*
 * GET /api and the health rows.
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_view.h"


static ngx_uint_t ngx_http_wahub_health_up(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_health_failed(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_health_views(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_health_answer(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t up, json_t *sessions, json_t *queue);


void
ngx_http_wahub_system_index(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *routes;

    routes = ngx_http_wahub_route_list(ctx);

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}",
                  "message", "WhatsApp Monitoring API v1.0",
                  "name", "wahub", "version", NGX_HTTP_WAHUB_VERSION,
                  "docs", "/api-docs", "openapi", "/api/openapi.json",
                  "endpoints", routes));
}


/* Redis serves, and what it holds is ours. */
static ngx_uint_t
ngx_http_wahub_health_up(ngx_http_wahub_ctx_t *ctx)
{
    return ngx_http_wahub_redis_writable(ctx->worker->redis)
           && ngx_http_wahub_shards_admitted(ctx->worker);
}


/* Sessions are shown to who may read them; others see only totals. */
void
ngx_http_wahub_system_health(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t  up;

    up = ngx_http_wahub_health_up(ctx);

    if (up && (ctx->access & NGX_HTTP_WAHUB_ACCESS_READ)) {
        ctx->store_failed = ngx_http_wahub_health_failed;
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_health_views);
        return;
    }

    ngx_http_wahub_health_answer(ctx, up, json_array(), json_object());
}


/* Redis went while it was asked for the accounts. */
static void
ngx_http_wahub_health_failed(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_health_answer(ctx, 0, json_array(), json_object());
}


static void
ngx_http_wahub_health_views(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t       i;
    json_t      *view, *sessions, *queue;
    const char  *session;

    sessions = json_array();
    queue = json_object();

    json_array_foreach(views, i, view) {
        session = json_string_value(json_object_get(view, "session_id"));

        if (session == NULL) {
            continue;
        }

        (void) json_array_append_new(sessions,
            json_pack("{s:s,s:b}", "sessionId", session, "connected",
                      ngx_http_wahub_view_state(view) == WA_STATE_READY));
        (void) json_object_set_new(queue, session,
                                   json_pack("{s:i}", "queueSize", 0));
    }

    ngx_http_wahub_health_answer(ctx, 1, sessions, queue);
}


/* Queues lie in Redis, so they are as healthy as that is. */
static void
ngx_http_wahub_health_answer(ngx_http_wahub_ctx_t *ctx, ngx_uint_t up,
    json_t *sessions, json_t *queue)
{
    json_t      *json;
    ngx_uint_t   ok, database;
    const char  *word;

    word = up ? "healthy" : "unhealthy";

    ngx_http_wahub_sql_check(ctx->worker);
    database = ngx_http_wahub_sql_up(ctx->worker);
    ok = (up && database);

    (void) json_object_set_new(queue, "totalProcessed", json_integer(0));

    json = json_pack("{s:s,s:o,s:I,s:s,s:{s:s,s:s,s:s},s:o,s:o}",
        "status", ok ? "ok" : "degraded",
        "timestamp", ngx_http_wahub_json_iso(ngx_http_wahub_wall_ms()),
        "uptime", (json_int_t) (ngx_time() - ctx->worker->api->started),
        "version", NGX_HTTP_WAHUB_VERSION,
        "services", "database", database ? "healthy" : "unhealthy",
        "redis", word, "queues", word,
        "sessions", sessions, "queue", queue);

    if (ok == 0) {
        ctx->retry_after = 2;
    }

    ngx_http_wahub_answer(ctx, ok ? NGX_HTTP_OK
                                  : NGX_HTTP_SERVICE_UNAVAILABLE, json);
}


void
ngx_http_wahub_system_live(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json_pack("{s:b}", "alive", 1));
}


void
ngx_http_wahub_system_ready(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t  ready;

    ngx_http_wahub_sql_check(ctx->worker);

    ready = (ngx_http_wahub_health_up(ctx)
             && ngx_http_wahub_sql_up(ctx->worker)
             && ctx->worker->draining == 0);

    if (ready == 0) {
        ctx->retry_after = 2;
    }

    ngx_http_wahub_answer(ctx, ready ? NGX_HTTP_OK
                                     : NGX_HTTP_SERVICE_UNAVAILABLE,
                          json_pack("{s:b}", "ready", (int) ready));
}
