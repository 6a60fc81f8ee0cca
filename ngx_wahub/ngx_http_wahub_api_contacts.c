/*
 * Contacts and totals of messages, read from the history database (HTTP
 * contract 6.2, 7).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


static const ngx_http_wahub_filter_t  ngx_http_wahub_contact_filters[] = {
    { "search", NULL, offsetof(wa_archive_query_t, search) },
    { NULL, NULL, 0 }
};

/* Nothing sets these yet: an answer that ignored them would be wrong. */
static const char *const  ngx_http_wahub_contact_later[] = {
    "tag", "campaignId", NULL
};


static void ngx_http_wahub_contacts_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_contacts_one_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_stats_query(ngx_http_wahub_ctx_t *ctx);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_contacts_run_list(wa_sql_t *db, void *data)
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_contacts(db, &h->q, &h->page);

    return rc == WA_OK ? ngx_http_wahub_history_list(h) : rc;
}


static wa_err_t
ngx_http_wahub_contacts_run_one(wa_sql_t *db, void *data)
{
    json_t                    *json;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_contact(db, &h->q, h->ref, &json);

    if (rc != WA_OK || json == NULL) {
        return rc;
    }

    return ngx_http_wahub_history_body(h, json);
}


static wa_err_t
ngx_http_wahub_history_run_stats(wa_sql_t *db, void *data)
{
    json_t                    *json;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_stats(db, &h->q, &json);

    return rc == WA_OK ? ngx_http_wahub_history_body(h, json) : rc;
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_contacts_list(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_contacts_list_query);
    }
}


static void
ngx_http_wahub_contacts_list_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_absent(ctx, ngx_http_wahub_contact_later)
           != NGX_OK
        || ngx_http_wahub_history_filters(ctx, ngx_http_wahub_contact_filters,
                                          &q) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_contacts_run_list);
}


void
ngx_http_wahub_contacts_one(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_contacts_one_query);
}


static void
ngx_http_wahub_contacts_one_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_row(ctx, "CONTACT_NOT_FOUND",
                               ngx_http_wahub_contacts_run_one);
}


void
ngx_http_wahub_history_stats(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_history_stats_query);
}


static void
ngx_http_wahub_history_stats_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t           none;
    wa_archive_query_t  q;

    /* an answer about one thing: no list, no pages */

    ngx_str_set(&none, "");
    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_start(ctx, &q, &none, NULL, NULL,
                                 ngx_http_wahub_history_run_stats);
}
