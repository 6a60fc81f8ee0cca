/*
 * Contacts and totals of messages, read from the history database (HTTP
 * contract 6.2, 7).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
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


/* A patch may have to be made several times. */
#define NGX_HTTP_WAHUB_CONTACTS_TIMEOUT  30000


static void ngx_http_wahub_contacts_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_contacts_named(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_contacts_one_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_contacts_one_row(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_contacts_one_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static ngx_int_t ngx_http_wahub_contacts_id(ngx_http_wahub_ctx_t *ctx,
    ngx_str_t *account);
static void ngx_http_wahub_contacts_save(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_stats_query(ngx_http_wahub_ctx_t *ctx);


/* -- thread -------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_contacts_run_list(wa_sql_t *db, void *data)
{
    return ngx_http_wahub_history_page(db, data, wa_archive_contacts);
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
    ngx_str_t  account;

    if (ngx_http_wahub_contacts_id(ctx, &account) == NGX_OK) {

        if (ctx->vars.account.len == 0) {
            ctx->vars.account = account;
        }

        if (ngx_http_wahub_contacts_address(ctx) != NGX_OK) {
            return;
        }
    }

    ngx_http_wahub_contacts_one_row(ctx);
}


static void
ngx_http_wahub_contacts_one_row(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_row(ctx, ngx_http_wahub_contacts_run_one,
                               ngx_http_wahub_contacts_one_found);
}


static void
ngx_http_wahub_contacts_one_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    ngx_http_wahub_history_found(ctx, body, "CONTACT_NOT_FOUND",
                                 ngx_http_wahub_contacts_one_row);
}


/* A contact's id is its account's and its address.  NGX_DECLINED: the path
   has an address only. */
static ngx_int_t
ngx_http_wahub_contacts_id(ngx_http_wahub_ctx_t *ctx, ngx_str_t *account)
{
    account->data = ctx->params[0].data;
    account->len = NGX_HTTP_WAHUB_UUID_LEN;

    return ctx->params[0].len > account->len
           && account->data[account->len] == ':'
           && ngx_http_wahub_uuid_valid(account) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_wahub_contacts_address(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t  account;

    if (ngx_http_wahub_contacts_id(ctx, &account) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_http_wahub_str_eq(&ctx->vars.account, &account) == 0) {
        ngx_http_wahub_error(ctx, "CONTACT_NOT_FOUND", NULL);
        return NGX_ERROR;
    }

    ctx->params[0].data += account.len + 1;
    ctx->params[0].len -= account.len + 1;

    return NGX_OK;
}


void
ngx_http_wahub_contacts_select(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ngx_int_t  rc;
    ngx_str_t  account;

    rc = ngx_http_wahub_lookup_selector(ctx, &account);

    if (rc == NGX_ERROR) {
        return;
    }

    if (rc == NGX_DECLINED
        && ngx_http_wahub_contacts_id(ctx, &account) == NGX_OK)
    {
        ngx_http_wahub_lookup_account(ctx, &account, next);
        return;
    }

    ngx_http_wahub_lookup_selected(ctx, next);
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


/* -- the address book ------------------------------------------------------ */

/* {name, first_name?}; name null: taken out of it. */
void
ngx_http_wahub_contacts_name(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_contacts_select(ctx, ngx_http_wahub_contacts_save);
}


static void
ngx_http_wahub_contacts_save(ngx_http_wahub_ctx_t *ctx)
{
    char     jid[WA_JID_TEXT_MAX + 1];
    json_t  *name;

    static const ngx_http_wahub_field_t  fields[] = {
        { "name", "name", ngx_http_wahub_field_text, 1, 120, 0, 0 },
        { "first_name|short_name", "first_name", ngx_http_wahub_field_text,
          1, 120, 0, 0 },
        { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
    };

    ctx->args = json_object();
    name = ngx_http_wahub_body_member(ctx, "name");

    if (name == NULL) {
        ngx_http_wahub_error_field(ctx, "name", "REQUIRED",
                                   "name: is required, null removes it");
        return;
    }

    if (ngx_http_wahub_body_fields(ctx, fields, ctx->args) != NGX_OK) {
        return;
    }

    if (ngx_http_wahub_contacts_address(ctx) != NGX_OK
        || ngx_http_wahub_path_jid(ctx, 0, NULL, NULL, jid) != NGX_OK)
    {
        return;
    }

    if (json_object_set_new(ctx->args, "jid", json_string(jid)) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_query(ctx, "contact.save",
                              NGX_HTTP_WAHUB_CONTACTS_TIMEOUT,
                              ngx_http_wahub_contacts_named);
}


static void
ngx_http_wahub_contacts_named(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    ngx_http_wahub_answer_done(ctx, "Contact saved");
}
