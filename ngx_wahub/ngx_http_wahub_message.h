/*
 * Answers to a send, in each reference's words (HTTP contract 5.2, 5.4,
 * 6.1).
 */
#ifndef NGX_HTTP_WAHUB_MESSAGE_H
#define NGX_HTTP_WAHUB_MESSAGE_H

#include "ngx_http_wahub_api.h"


/* 201 or 202 for native rows; 200 for a repeat and for references' rows. */
ngx_uint_t ngx_http_wahub_message_status(ngx_http_wahub_ctx_t *ctx,
    json_t *data);

/* The body for ctx->route->arg; `data` is the engine's send result. */
json_t *ngx_http_wahub_message_answer(ngx_http_wahub_ctx_t *ctx,
    json_t *data);

#endif /* NGX_HTTP_WAHUB_MESSAGE_H */
