/*
 * Sending over HTTP: what the rows' bodies have in common.
 */
#ifndef NGX_HTTP_WAHUB_SEND_H
#define NGX_HTTP_WAHUB_SEND_H

#include "ngx_http_wahub_api.h"


/*
 * route->arg of rows that send: how they answer, and the only kind of message
 * they take (ANY: the body's "type" says it).
 */
#define NGX_HTTP_WAHUB_SEND_ACCOUNT     0       /* send result           */
#define NGX_HTTP_WAHUB_SEND_MESSAGE     1       /* message object        */
#define NGX_HTTP_WAHUB_SEND_000         2
#define NGX_HTTP_WAHUB_SEND_001         3
#define NGX_HTTP_WAHUB_SEND_002         4
#define NGX_HTTP_WAHUB_SEND_003         5
#define NGX_HTTP_WAHUB_SEND_003_MEDIA   6
#define NGX_HTTP_WAHUB_SEND_STYLE       0xff

#define NGX_HTTP_WAHUB_KIND_ANY         0
#define NGX_HTTP_WAHUB_KIND_TEXT        0x0100
#define NGX_HTTP_WAHUB_KIND_IMAGE       0x0200
#define NGX_HTTP_WAHUB_KIND_VIDEO       0x0300
#define NGX_HTTP_WAHUB_KIND_AUDIO       0x0400
#define NGX_HTTP_WAHUB_KIND_DOCUMENT    0x0500
#define NGX_HTTP_WAHUB_KIND_STICKER     0x0600
#define NGX_HTTP_WAHUB_KIND_LOCATION    0x0700
#define NGX_HTTP_WAHUB_KIND_CONTACT     0x0800
#define NGX_HTTP_WAHUB_KIND_REACTION    0x0900
#define NGX_HTTP_WAHUB_KIND_POLL        0x0a00
#define NGX_HTTP_WAHUB_KIND_EVENT       0x0b00
#define NGX_HTTP_WAHUB_KIND_INVITE      0x0c00
#define NGX_HTTP_WAHUB_KIND_EDIT        0x0d00
#define NGX_HTTP_WAHUB_KIND_DELETE      0x0e00
#define NGX_HTTP_WAHUB_KIND_PIN         0x0f00
#define NGX_HTTP_WAHUB_KIND_KEEP        0x1000
#define NGX_HTTP_WAHUB_KIND_OTHER       0x1100  /* not from this provider */
#define NGX_HTTP_WAHUB_KIND_FILE        0x1200  /* what the file is       */
#define NGX_HTTP_WAHUB_KIND_ALBUM       0x1300
#define NGX_HTTP_WAHUB_KIND_STAR        0x1400
#define NGX_HTTP_WAHUB_SEND_KIND        0xff00


/*
 * Copies the kind and its members from the body to ctx->args, under the
 * names of the send command (wa_compose.h), which checks them.  Returns the
 * kind; NGX_ERROR: answered.
 */
ngx_int_t ngx_http_wahub_send_content(ngx_http_wahub_ctx_t *ctx);

/* A message that is a file: it has to be uploaded first. */
ngx_uint_t ngx_http_wahub_send_is_media(ngx_int_t kind);

/* The kind of message that carries such files; static, any text. */
const char *ngx_http_wahub_send_type(wa_span_t mime);

/*
 * Brings the file to WhatsApp's media servers, then submits; answers errors
 * by itself.  Everything else is in ctx->args.
 */
void ngx_http_wahub_send_media(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind);

/* As above, with what the page of a link in the text tells about itself;
   without when there is no such thing. */
void ngx_http_wahub_send_preview(ngx_http_wahub_ctx_t *ctx);

/*
 * Looks up in the history what the message refers to (quoted_id, target_id in
 * ctx->args), then runs ngx_http_wahub_send_referred().  Without the history
 * the account decides with what it has.
 */
void ngx_http_wahub_send_refer(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind);
void ngx_http_wahub_send_referred(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind);

/* Everything is in ctx->args: the command goes to the account. */
void ngx_http_wahub_send_submit(ngx_http_wahub_ctx_t *ctx);

/*
 * A star, or what is deleted for this account only: no message, a change of
 * what the account's own devices share.  The second does it (with what is in
 * ctx->args) and answers, as if it had been sent.
 */
ngx_uint_t ngx_http_wahub_send_is_mine(ngx_http_wahub_ctx_t *ctx,
    ngx_int_t kind);
void ngx_http_wahub_send_mine(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind);

#endif /* NGX_HTTP_WAHUB_SEND_H */
