/*
 * Sources of files, see ngx_http_wahub_source.h.
 *
 *     part, base64, URL  ->  ctx->upload  ->  kept  -+
 *     media_id  ------------------------------------ +->  open  ->  next
 *                              kept  <-  sticker  <--+
 */
#include "ngx_http_wahub_source.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_upload.h"

#include "wa_b64.h"


typedef struct {
    ngx_http_wahub_look_pt         next;
    ngx_str_t                      ref;      /* media id, r->pool        */
    ngx_str_t                      mime;     /* given                    */
    ngx_str_t                      filename;
    unsigned                       sticker:1;
} ngx_http_wahub_source_t;

/* What the body says; NULL: nothing. */
typedef struct {
    json_t                        *base64;
    json_t                        *url;
    json_t                        *id;
    json_t                        *part;
} ngx_http_wahub_given_t;


static ngx_int_t ngx_http_wahub_source_read(ngx_http_wahub_ctx_t *ctx,
    const char *name, ngx_http_wahub_given_t *given);
static void ngx_http_wahub_source_part(ngx_http_wahub_ctx_t *ctx,
    json_t *name);
static void ngx_http_wahub_source_had(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_source_kept(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_source_look(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_source_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);


/* A member of "media", or of the body itself. */
static json_t *
ngx_http_wahub_source_member(ngx_http_wahub_ctx_t *ctx, const char *inner,
    const char *outer)
{
    json_t  *media, *value;

    media = ngx_http_wahub_body_get(ctx, "media");
    value = json_object_get(media, inner);

    return value != NULL && json_is_null(value) == 0
           ? value : ngx_http_wahub_body_get(ctx, outer);
}


static ngx_uint_t
ngx_http_wahub_source_is_url(json_t *value)
{
    ngx_str_t  s;

    s = ngx_http_wahub_json_str(value);

    return (s.len > 7 && ngx_strncasecmp(s.data, (u_char *) "http://", 7)
                         == 0)
           || (s.len > 8 && ngx_strncasecmp(s.data, (u_char *) "https://", 8)
                            == 0);
}


void
ngx_http_wahub_source_open(ngx_http_wahub_ctx_t *ctx, ngx_uint_t sticker,
    const char *name, ngx_http_wahub_look_pt next)
{
    ngx_str_t                 text;
    ngx_http_wahub_given_t    given;
    ngx_http_wahub_source_t  *s;

    if (ngx_http_wahub_source_read(ctx, name, &given) != NGX_OK) {
        return;
    }

    s = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wahub_source_t));

    if (s == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ctx->state = s;
    s->next = next;
    s->sticker = sticker ? 1 : 0;
    s->mime = ngx_http_wahub_json_str(ngx_http_wahub_source_member(ctx,
                  "mime_type", "mime_type|mimetype"));
    s->filename = ngx_http_wahub_json_str(ngx_http_wahub_source_member(ctx,
                      "filename", "filename|fileName"));

    if (given.id != NULL) {
        s->ref = ngx_http_wahub_json_str(given.id);
        ngx_http_wahub_source_look(ctx);

    } else if (given.base64 != NULL) {
        ngx_http_wahub_upload_base64(ctx, given.base64, &s->mime,
                                     &s->filename,
                                     ngx_http_wahub_source_had);

    } else if (given.url == NULL) {
        ngx_http_wahub_source_part(ctx, given.part);

    } else {
        text = ngx_http_wahub_json_str(given.url);
        ngx_http_wahub_upload_url(ctx, &text, &s->mime, &s->filename,
                                  ngx_http_wahub_source_had);
    }
}


/* NGX_ERROR: answered. */
static ngx_int_t
ngx_http_wahub_source_read(ngx_http_wahub_ctx_t *ctx, const char *name,
    ngx_http_wahub_given_t *given)
{
    json_t      *other;
    ngx_uint_t   n;

    given->base64 = ngx_http_wahub_source_member(ctx, "base64", "base64");
    given->url = ngx_http_wahub_source_member(ctx, "url",
                                              "url|mediaUrl|media_url");
    given->id = ngx_http_wahub_source_member(ctx, "media_id",
                                             "media_id|mediaId");
    given->part = json_object_get(ngx_http_wahub_body_get(ctx, "media"),
                                  "part");
    other = (name == NULL) ? NULL : ngx_http_wahub_body_get(ctx, name);

    n = (given->base64 != NULL) + (given->url != NULL) + (given->id != NULL)
        + (given->part != NULL) + (other != NULL);

    if (n > 1 || ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    /* reference 002 has one member for both */

    if (ngx_http_wahub_source_is_url(other)) {
        given->url = other;

    } else if (other != NULL) {
        given->base64 = other;
    }

    if (n == 0 && ngx_http_wahub_upload_part(ctx, NULL) == NULL) {
        ngx_http_wahub_error(ctx, "MISSING_CONTENT", NULL);
        return NGX_ERROR;
    }

    if ((given->base64 != NULL && json_is_string(given->base64) == 0)
        || (given->url != NULL && json_is_string(given->url) == 0)
        || (given->id != NULL && json_is_string(given->id) == 0)
        || (given->part != NULL && json_is_string(given->part) == 0))
    {
        ngx_http_wahub_error_field(ctx, "media", "INVALID_TYPE",
                                   "media: has the wrong type");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The part that is named, else "file", else the only one. */
static void
ngx_http_wahub_source_part(ngx_http_wahub_ctx_t *ctx, json_t *name)
{
    ngx_http_wahub_part_t    *p, found;
    ngx_http_wahub_source_t  *s = ctx->state;

    p = ngx_http_wahub_upload_part(ctx, name == NULL ? "file"
                                        : json_string_value(name));

    if (p == NULL && name == NULL) {
        p = ngx_http_wahub_upload_part(ctx, NULL);
    }

    if (p == NULL) {
        ngx_http_wahub_error(ctx, "MISSING_CONTENT", NULL);
        return;
    }

    if (s->mime.len != 0
        && wa_mime_parse(ngx_http_wahub_span(&s->mime), p->file.mime)
           == false)
    {
        ngx_http_wahub_error(ctx, "INVALID_MEDIA_TYPE", NULL);
        return;
    }

    /* the first one is what goes on */

    if (p != &ctx->upload->parts[0]) {
        found = *p;
        *p = ctx->upload->parts[0];
        ctx->upload->parts[0] = found;
    }

    ngx_http_wahub_source_had(ctx);
}


/* There is a new file, the first of ctx->upload: others are not wanted. */
static void
ngx_http_wahub_source_had(ngx_http_wahub_ctx_t *ctx)
{
    while (ctx->upload->n > 1) {
        ngx_http_wahub_file_drop(
            &ctx->upload->parts[--ctx->upload->n].file);
    }

    ngx_http_wahub_upload_keep(ctx, ngx_http_wahub_source_kept);
}


static void
ngx_http_wahub_source_kept(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t                 id;
    ngx_http_wahub_source_t  *s = ctx->state;

    id = ngx_http_wahub_cstr(ctx->upload->parts[0].id);
    s->ref.data = ngx_pstrdup(ctx->request->pool, &id);
    s->ref.len = id.len;

    if (s->ref.data == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_source_look(ctx);
}


static void
ngx_http_wahub_source_look(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_source_t  *s = ctx->state;

    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, &s->ref,
                              NGX_HTTP_WAHUB_LOOK_OPEN
                              | NGX_HTTP_WAHUB_LOOK_BOTH, NULL,
                              ngx_http_wahub_source_opened);
}


static void
ngx_http_wahub_source_opened(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    char                      mime[WA_MIME_MAX];
    ngx_http_wahub_source_t  *s = ctx->state;

    if (m->row.id.p == NULL) {
        ngx_http_wahub_error(ctx, "MEDIA_NOT_FOUND", NULL);
        return;
    }

    if (m->fd == -1) {
        ngx_http_wahub_error_details(ctx, "MEDIA_NOT_FOUND", NULL,
            json_pack("{s:s}", "download_status",
                      wa_media_status_name(m->row.status)));
        return;
    }

    if (s->sticker && wa_mime_parse(m->row.mime, mime)
        && (wa_mime_is(mime, "image/jpeg") || wa_mime_is(mime, "image/png")))
    {
        s->sticker = 0;
        ngx_str_null(&s->mime);
        ngx_http_wahub_upload_sticker(ctx, m->fd, ngx_http_wahub_source_had);
        return;
    }

    s->next(ctx, m);
}


/* A member, unless there is nothing to say. */
static ngx_int_t
ngx_http_wahub_source_set(json_t *media, const char *name, json_t *value)
{
    return json_object_set_new(media, name, value) == 0 ? NGX_OK : NGX_ERROR;
}


json_t *
ngx_http_wahub_source_media(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_look_t *m)
{
    char                      mime[WA_MIME_MAX];
    json_t                   *media;
    wa_buf_t                  text;
    ngx_int_t                 rc;
    ngx_http_wahub_source_t  *s = ctx->state;

    if ((s->mime.len == 0
         || wa_mime_parse(ngx_http_wahub_span(&s->mime), mime) == false)
        && wa_mime_parse(m->row.mime, mime) == false)
    {
        ngx_memcpy(mime, "application/octet-stream",
                   sizeof("application/octet-stream"));
    }

    media = json_pack("{s:s,s:s%}", "mimetype", mime, "media_id",
                      m->row.id.p, m->row.id.n);
    rc = (media == NULL) ? NGX_ERROR : NGX_OK;

    if (rc == NGX_OK && m->row.width > 0 && m->row.height > 0) {
        rc = ngx_http_wahub_source_set(media, "width",
                                       json_integer(m->row.width))
             | ngx_http_wahub_source_set(media, "height",
                                         json_integer(m->row.height));
    }

    if (rc == NGX_OK && m->row.duration >= 0) {
        rc = ngx_http_wahub_source_set(media, "seconds",
                                       json_integer(m->row.duration));
    }

    if (rc == NGX_OK && (s->filename.len != 0 || m->row.filename.n != 0)) {
        rc = ngx_http_wahub_source_set(media, "filename",
                 s->filename.len != 0
                 ? ngx_http_wahub_json_text(&s->filename)
                 : json_stringn((char *) m->row.filename.p,
                                m->row.filename.n));
    }

    if (rc == NGX_OK && m->picture.n != 0) {
        ngx_memzero(&text, sizeof(wa_buf_t));

        if (wa_b64_encode(wa_span_buf(&m->picture), WA_B64_STD, &text)
            != WA_OK)
        {
            rc = NGX_ERROR;

        } else {
            rc = ngx_http_wahub_source_set(media, "thumbnail",
                     json_stringn((char *) text.p, text.n));
        }

        wa_buf_free(&text);
    }

    if (rc != NGX_OK) {
        json_decref(media);
        return NULL;
    }

    return media;
}
