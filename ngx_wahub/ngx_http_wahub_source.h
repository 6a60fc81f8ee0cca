/*
 * Where the file of a message to be sent comes from (HTTP contract 5.1):
 * a part of the form, base64, a URL, or a file that wahub has already.
 */
#ifndef NGX_HTTP_WAHUB_SOURCE_H
#define NGX_HTTP_WAHUB_SOURCE_H

#include "ngx_http_wahub_api_media.h"


/*
 * Finds the one source in the body, keeps what is new in the store, opens
 * it and calls `next`: m->fd is the plain file (to be taken, -1 left behind,
 * or it is closed), m->row what is known of it, m->picture a thumbnail.
 * Answers errors by itself: MISSING_CONTENT, CONFLICTING_PARAMETERS,
 * INVALID_MEDIA, MEDIA_NOT_FOUND, MEDIA_TOO_LARGE, INVALID_URL,
 * URL_NOT_ALLOWED, MEDIA_FETCH_FAILED.  Ends the running function.
 *
 * `sticker`: a JPEG or PNG becomes a WebP first.  `name`: a further name of
 * the member with base64 or a URL ("image"), NULL: none.
 */
void ngx_http_wahub_source_open(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t sticker, const char *name, ngx_http_wahub_look_pt next);

/*
 * What the send command's "media" says of the file itself, apart from its
 * upload: mimetype, width, height, seconds, thumbnail, filename, media_id.
 * NULL: out of memory.
 */
json_t *ngx_http_wahub_source_media(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_look_t *m);

#endif /* NGX_HTTP_WAHUB_SOURCE_H */
