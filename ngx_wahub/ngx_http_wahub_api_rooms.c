/*
 * Groups and stories, read from the history database (HTTP contract 6.2, 7).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"


static const ngx_http_wahub_filter_t  ngx_http_wahub_room_filters[] = {
    { "search", NULL, offsetof(wa_archive_query_t, search) },
    { NULL, NULL, 0 }
};


static void ngx_http_wahub_groups_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_stories_list_query(ngx_http_wahub_ctx_t *ctx);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_groups_run_list(wa_sql_t *db, void *data)
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_groups(db, &h->q, &h->page);

    return rc == WA_OK ? ngx_http_wahub_history_list(h) : rc;
}


static wa_err_t
ngx_http_wahub_stories_run_list(wa_sql_t *db, void *data)
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_stories(db, &h->q, &h->page);

    return rc == WA_OK ? ngx_http_wahub_history_list(h) : rc;
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_groups_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_groups_list_query);
    }
}


static void
ngx_http_wahub_groups_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_filters(ctx, ngx_http_wahub_room_filters, &q)
        != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_groups_run_list);
}


void
ngx_http_wahub_stories_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_stories_list_query);
    }
}


static void
ngx_http_wahub_stories_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_jid(ctx, "jid", &q.from) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "before", &q.before) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "after", &q.after) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_stories_run_list);
}
