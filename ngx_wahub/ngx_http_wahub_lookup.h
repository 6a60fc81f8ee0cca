/*
 * Finding accounts: reads of Redis that any worker can do.
 */
#ifndef NGX_HTTP_WAHUB_LOOKUP_H
#define NGX_HTTP_WAHUB_LOOKUP_H

#include "ngx_http_wahub_api.h"


/* `views`: array of account views, oldest first; borrowed. */
typedef void (*ngx_http_wahub_views_pt)(ngx_http_wahub_ctx_t *ctx,
    json_t *views);


/*
 * The account with that id or session_id in the caller's tenant.  Sets
 * ctx->view (see there), ctx->session, ctx->phone and ctx->vars.account,
 * then runs `next`, maybe at once; answers 404 by itself.  `ref` must live
 * as long as the request.
 */
void ngx_http_wahub_lookup_account(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *ref, ngx_http_wahub_row_pt next);

/* The account that contract section 1 selects for a row without one. */
void ngx_http_wahub_lookup_selected(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);

/*
 * The selectors of the request: NGX_OK `ref` set, NGX_DECLINED none given,
 * NGX_ERROR answered (two different ones).
 */
ngx_int_t ngx_http_wahub_lookup_selector(ngx_http_wahub_ctx_t *ctx,
    ngx_str_t *ref);

/*
 * Every account of the tenant.  Reservations whose account never came to
 * be are removed on the way.
 */
void ngx_http_wahub_lookup_all(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_views_pt handler);

/* The tenant's default among the views, borrowed; NULL for none. */
json_t *ngx_http_wahub_lookup_default(json_t *views);

/* Takes `view` over as the request's account. */
void ngx_http_wahub_lookup_use(ngx_http_wahub_ctx_t *ctx, json_t *view);

/* Reads the view of ctx->vars.account again, then runs `next`. */
void ngx_http_wahub_lookup_again(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", lower case. */
ngx_uint_t ngx_http_wahub_uuid_valid(const ngx_str_t *s);

#endif /* NGX_HTTP_WAHUB_LOOKUP_H */
