/*
 * Who is calling (HTTP contract 3.1, 3.2).
 */
#ifndef NGX_HTTP_WAHUB_AUTH_H
#define NGX_HTTP_WAHUB_AUTH_H

#include "ngx_http_wahub_api.h"


/*
 * Sets ctx->vars.tenant and ctx->access from the first credential present,
 * or from the location's anonymous tenant; leaves both empty when there is
 * neither.
 * NGX_OK; NGX_DECLINED: a credential was given and is not valid.
 */
ngx_int_t ngx_http_wahub_auth(ngx_http_wahub_ctx_t *ctx);

#endif /* NGX_HTTP_WAHUB_AUTH_H */
