/*
 * A file as an answer: nginx sends it (sendfile, ranges, conditions).
 */
#include "ngx_http_wahub_api_media.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_filter.h"
#include "ngx_http_wahub_link.h"

#include "wa_filename.h"


static ngx_int_t ngx_http_wahub_look_headers(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static ngx_int_t ngx_http_wahub_look_name(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m, const char *mime);
static ngx_int_t ngx_http_wahub_look_etag(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_look_undo(ngx_http_wahub_ctx_t *ctx);
static ngx_int_t ngx_http_wahub_look_body(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);


void
ngx_http_wahub_look_send(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = ctx->request;

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

    rc = ngx_http_wahub_look_headers(ctx, m);

    if (rc != NGX_OK) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    rc = ngx_http_wahub_look_body(ctx, m);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_wahub_look_undo(ctx);
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * 412 and 416 become error answers, with headers of their own.  What range
 * there is stays said.
 */
static void
ngx_http_wahub_look_undo(ngx_http_wahub_ctx_t *ctx)
{
    ngx_uint_t           i;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r = ctx->request;

    ngx_str_null(&ctx->cache);
    r->headers_out.etag = NULL;

    for (part = &r->headers_out.headers.part; part != NULL;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&h[i] != r->headers_out.content_range) {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_int_t
ngx_http_wahub_look_headers(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    char                 mime[WA_MIME_MAX];
    ngx_http_request_t  *r = ctx->request;

    if (m->thumb) {
        ngx_memcpy(mime, "image/jpeg", sizeof("image/jpeg"));

    } else if (wa_mime_parse(m->row.mime, mime) == false) {
        ngx_memcpy(mime, "application/octet-stream",
                   sizeof("application/octet-stream"));
    }

    r->headers_out.content_type.len = ngx_strlen(mime);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type.data = ngx_pnalloc(r->pool,
                                                   WA_MIME_MAX);
    if (r->headers_out.content_type.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(r->headers_out.content_type.data, mime,
               r->headers_out.content_type.len);
    r->headers_out.content_type_lowcase = NULL;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = m->st.st_size;
    r->headers_out.last_modified_time = (time_t) (m->row.created_ms / 1000);
    r->allow_ranges = 1;

    if (ctx->conf->files == NGX_HTTP_WAHUB_FILES_PUBLIC) {
        ngx_str_set(&ctx->cache, "public, max-age=31536000, immutable");

    } else {
        ngx_str_set(&ctx->cache, "private, max-age=31536000, immutable");
    }

    if (ngx_http_wahub_look_etag(ctx, m) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_look_name(ctx, m, mime);
}


/* Content-Disposition, and what a page that is shown must not do. */
static ngx_int_t
ngx_http_wahub_look_name(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m, const char *mime)
{
    wa_err_t             rc;
    wa_buf_t             text;
    ngx_str_t            value, asked;
    ngx_uint_t           attachment;
    ngx_http_request_t  *r = ctx->request;

    static const ngx_str_t  sandbox = ngx_string("sandbox; "
                                                 "default-src 'none'");

    attachment = (wa_mime_is_inline(mime) == false);

    if (attachment
        && ngx_http_wahub_filter_add(r, "Content-Security-Policy", &sandbox)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_query(r, "disposition", &asked) == NGX_OK
        && asked.len == sizeof("attachment") - 1
        && ngx_memcmp(asked.data, "attachment", asked.len) == 0)
    {
        attachment = 1;
    }

    ngx_memzero(&text, sizeof(wa_buf_t));

    rc = wa_filename_disposition(attachment, m->thumb ? wa_span_none()
                                                      : m->row.filename,
                                 &text);

    if (rc != WA_OK) {
        wa_buf_free(&text);
        return NGX_ERROR;
    }

    value.len = text.n;
    value.data = ngx_pnalloc(r->pool, text.n);

    if (value.data != NULL) {
        ngx_memcpy(value.data, text.p, text.n);
    }

    wa_buf_free(&text);

    return value.data == NULL
           ? NGX_ERROR
           : ngx_http_wahub_filter_add(r, "Content-Disposition", &value);
}


/* The content's hash: the same for ever. */
static ngx_int_t
ngx_http_wahub_look_etag(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    u_char               *p;
    ngx_table_elt_t      *h;
    ngx_http_request_t   *r = ctx->request;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "ETag");
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    p = ngx_pnalloc(r->pool, m->row.hash.n + sizeof("\"-thumb\""));
    if (p == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    h->value.data = p;
    h->value.len = (size_t) (ngx_sprintf(p, "\"%*s%s\"", m->row.hash.n,
                                         m->row.hash.p,
                                         m->thumb ? "-thumb" : "")
                             - p);
    r->headers_out.etag = h;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_look_body(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    ngx_buf_t                *b;
    ngx_int_t                 rc;
    ngx_chain_t               out;
    ngx_pool_cleanup_t       *cln;
    ngx_http_request_t       *r = ctx->request;
    ngx_pool_cleanup_file_t  *clnf;

    static u_char  name[] = "media";

    b = ngx_calloc_buf(r->pool);
    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));

    if (b == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (b->file == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = m->fd;
    clnf->name = name;
    clnf->log = r->pool->log;
    m->fd = -1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ctx->answered = (rc == NGX_OK);
        return rc;
    }

    ctx->answered = 1;
    b->file_pos = 0;
    b->file_last = m->st.st_size;
    b->in_file = b->file_last ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->file->fd = clnf->fd;
    b->file->name.data = name;
    b->file->name.len = sizeof(name) - 1;
    b->file->log = r->connection->log;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
