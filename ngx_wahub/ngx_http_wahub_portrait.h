/*
 * The picture that a request brings for a profile or a group.
 */
#ifndef NGX_HTTP_WAHUB_PORTRAIT_H
#define NGX_HTTP_WAHUB_PORTRAIT_H

#include "ngx_http_wahub_source.h"


/*
 * What ngx_http_wahub_source_open() opened becomes a square JPEG, in a
 * thread; then `next` runs and finds its base64 as "image" in ctx->args, an
 * object: what verb picture.set takes.  Answers INVALID_MEDIA by itself.
 * Ends the running function.
 */
void ngx_http_wahub_portrait_make(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m, ngx_http_wahub_row_pt next);

#endif /* NGX_HTTP_WAHUB_PORTRAIT_H */
