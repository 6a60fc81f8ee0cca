/*
 * Idempotency-Key (HTTP contract 5.5), the HTTP side: the key and body of a
 * request are hashed and go along with the command; the account keeps what
 * was answered (core/wa_idem.h).  Uploads belong to no account: what they
 * were answered is in the history database (ngx_http_wahub_upload_keep.c).
 *
 * A request that is refused before it becomes a command is told to the
 * account, too, once that is known.  What was refused earlier (credential,
 * JSON, account) is decided anew each time.
 */
#ifndef NGX_HTTP_WAHUB_IDEM_H
#define NGX_HTTP_WAHUB_IDEM_H

#include "ngx_http_wahub_api.h"


/*
 * Reads the header into ctx->idem; without one that stays NULL.  NGX_OK;
 * NGX_ERROR: malformed, the request was answered.
 */
ngx_int_t ngx_http_wahub_idem_read(ngx_http_wahub_ctx_t *ctx);

/* Moves ctx->idem into the command.  NGX_ERROR: out of memory. */
ngx_int_t ngx_http_wahub_idem_args(ngx_http_wahub_ctx_t *ctx, json_t *args);

/*
 * The row is about to answer with an error: has it kept, and answers after
 * that.  NGX_DECLINED: nothing to keep, nothing was done and
 * `details` is still the caller's.
 */
ngx_int_t ngx_http_wahub_idem_keep(ngx_http_wahub_ctx_t *ctx,
    const char *code, ngx_uint_t status, const char *message,
    json_t *details);

/* Takes the mark of a replay out of a result and notes it in ctx. */
void ngx_http_wahub_idem_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);

#endif /* NGX_HTTP_WAHUB_IDEM_H */
