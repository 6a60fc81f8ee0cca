/*
 * The one error shape (HTTP contract 2.5) and the table of its codes.
 */
#ifndef NGX_HTTP_WAHUB_ERROR_H
#define NGX_HTTP_WAHUB_ERROR_H

#include "ngx_http_wahub_api.h"


/* Ends the request with `code`'s status.  `message` NULL: the table's. */
void ngx_http_wahub_error(ngx_http_wahub_ctx_t *ctx, const char *code,
    const char *message);

/* The same with details; takes the reference of `details` (may be NULL). */
void ngx_http_wahub_error_details(ngx_http_wahub_ctx_t *ctx,
    const char *code, const char *message, json_t *details);

/* The failure of a call, word for word. */
void ngx_http_wahub_error_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);

/* 400 VALIDATION_ERROR with one field. */
void ngx_http_wahub_error_field(ngx_http_wahub_ctx_t *ctx,
    const char *field, const char *code, const char *message);

/* 400 INVALID_PARAMETER naming a query argument. */
void ngx_http_wahub_error_query(ngx_http_wahub_ctx_t *ctx,
    const char *name);

/* For a content handler: sends and returns nginx's code. */
ngx_int_t ngx_http_wahub_error_send(ngx_http_wahub_ctx_t *ctx,
    const char *code, const char *message);

/*
 * Builds the body and sets what goes with the error (status, headers,
 * $wahub_error_code).  Takes the reference of `details`.  NULL: out of
 * memory.
 */
json_t *ngx_http_wahub_error_body(ngx_http_wahub_ctx_t *ctx,
    const char *code, const char *message, json_t *details,
    ngx_uint_t *status);

/* The code for a status that nginx itself chose. */
const char *ngx_http_wahub_error_of_status(ngx_uint_t status);

#endif /* NGX_HTTP_WAHUB_ERROR_H */
