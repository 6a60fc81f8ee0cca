/*
 * Messages that are files (HTTP contract 5.1): the file is in the store and
 * open; it is encrypted and uploaded, and the command gets what the upload
 * gave.
 */
#include "ngx_http_wahub_send.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_source.h"


/* A request whose file is on its way; heap. */
typedef struct {
    ngx_http_wahub_wait_t     wait;             /* must be first         */
} ngx_http_wahub_outgoing_t;


static void ngx_http_wahub_send_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_send_uploaded(void *data, const char *code,
    const char *message, json_t *media);
static void ngx_http_wahub_send_failed(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_send_media(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind)
{
    const char  *name;

    /* reference 002 calls the file by its kind */

    name = NULL;

    if ((ctx->route->arg & NGX_HTTP_WAHUB_SEND_STYLE)
        == NGX_HTTP_WAHUB_SEND_002)
    {
        name = json_string_value(json_object_get(ctx->args, "type"));
    }

    ngx_http_wahub_source_open(ctx,
                               kind == NGX_HTTP_WAHUB_KIND_STICKER, name,
                               ngx_http_wahub_send_opened);
}


static void
ngx_http_wahub_send_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    json_t                     *media;
    ngx_fd_t                    fd;
    ngx_str_t                   type, to;
    ngx_uint_t                  flags;
    wa_media_e                  kind;
    ngx_http_wahub_outgoing_t  *o;

    type = ngx_http_wahub_json_str(json_object_get(ctx->args, "type"));

    if (type.len == 4 && ngx_memcmp(type.data, "file", 4) == 0) {
        type = ngx_http_wahub_cstr(ngx_http_wahub_send_type(m->row.mime));
        (void) json_object_set_new(ctx->args, "type",
                                   ngx_http_wahub_json_text(&type));
    }

    to = ngx_http_wahub_json_str(json_object_get(ctx->args, "to"));
    media = ngx_http_wahub_source_media(ctx, m);

    if (wa_media_parse(ngx_http_wahub_span(&type), &kind) != WA_OK
        || json_object_set_new(ctx->args, "media", media) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    /* a document without a name has that of its file */

    if (kind == WA_MEDIA_DOCUMENT
        && json_object_get(ctx->args, "filename") == NULL
        && json_object_get(media, "filename") != NULL)
    {
        (void) json_object_set(ctx->args, "filename",
                               json_object_get(media, "filename"));
    }

    o = (void *) ngx_http_wahub_wait_create(ctx,
                                         sizeof(ngx_http_wahub_outgoing_t));

    if (o == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    flags = 0;

    if (to.len > 11
        && ngx_memcmp(to.data + to.len - 11, "@newsletter", 11) == 0)
    {
        flags |= NGX_HTTP_WAHUB_MEDIA_BARE;
    }

    if (kind == WA_MEDIA_AUDIO
        && json_is_true(json_object_get(ctx->args, "ptt")))
    {
        flags |= NGX_HTTP_WAHUB_MEDIA_VOICE;
    }

    fd = m->fd;
    m->fd = -1;

    if (ngx_http_wahub_media_upload(ctx->worker, &ctx->vars.account, kind,
                                    flags, fd, ngx_http_wahub_send_uploaded,
                                    o)
        == NULL)
    {
        (void) ngx_http_wahub_wait_end(&o->wait);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
    }
}


static void
ngx_http_wahub_send_uploaded(void *data, const char *code,
    const char *message, json_t *media)
{
    ngx_http_wahub_ctx_t       *ctx;
    ngx_http_wahub_outgoing_t  *o = data;

    ctx = ngx_http_wahub_wait_end(&o->wait);

    if (ctx == NULL) {
        return;
    }

    if (code != NULL) {
        ctx->state = json_pack("{s:s, s:s?}", "code", code, "message",
                               message);
        ngx_http_wahub_wait_resume(ctx, ngx_http_wahub_send_failed);
        return;
    }

    (void) json_object_update(json_object_get(ctx->args, "media"), media);

    ngx_http_wahub_wait_resume(ctx, ngx_http_wahub_send_submit);
}


/* ctx->state: {code, message}, a reference */
static void
ngx_http_wahub_send_failed(ngx_http_wahub_ctx_t *ctx)
{
    json_t                   *why = ctx->state;
    ngx_http_wahub_result_t   result;

    ctx->state = NULL;

    if (why == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_memzero(&result, sizeof(ngx_http_wahub_result_t));
    result.code = json_string_value(json_object_get(why, "code"));
    result.message = json_string_value(json_object_get(why, "message"));

    ngx_http_wahub_error_result(ctx, &result);
    json_decref(why);
}
