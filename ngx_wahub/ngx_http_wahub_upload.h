/*
 * Requests that carry files: multipart/form-data, and JSON too large to be
 * read in the event loop.  A row says so with NGX_HTTP_WAHUB_ACCOUNT_UPLOAD;
 * its handler then finds ctx->body as it would without files, and the files
 * in ctx->upload, examined and on disk but not kept (ngx_http_wahub_file.h).
 */
#ifndef NGX_HTTP_WAHUB_UPLOAD_H
#define NGX_HTTP_WAHUB_UPLOAD_H

#include "ngx_http_wahub_api.h"
#include "ngx_http_wahub_file.h"

#include "wa_filename.h"
#include "wa_multipart.h"


#define NGX_HTTP_WAHUB_UPLOAD_FILES  16


typedef struct {
    char                      part[WA_MULTIPART_NAME_MAX + 1];
    char                      filename[WA_FILENAME_MAX + 1];     /* clean */
    ngx_http_wahub_file_t     file;
    wa_media_t                row;        /* of a file that is kept       */
    char                      id[WA_MEDIA_ID_LEN + 1];
} ngx_http_wahub_part_t;

/* Heap; belongs to the request, or to the job that works on it. */
struct ngx_http_wahub_upload_s {
    ngx_http_wahub_part_t     parts[NGX_HTTP_WAHUB_UPLOAD_FILES];
    ngx_uint_t                n;
};


/* Does this request's body go through _read(): instead of _body_parse(). */
ngx_uint_t ngx_http_wahub_upload_wanted(ngx_http_wahub_ctx_t *ctx);

/* Most bytes that the body of the request's row may have. */
size_t ngx_http_wahub_upload_limit(ngx_http_wahub_ctx_t *ctx);

/*
 * Reads the body in a thread, then runs `next`; answers errors by itself.
 * Of a multipart body the part "message" is JSON and becomes ctx->body; other
 * parts without a file name are members of it, as strings.
 */
void ngx_http_wahub_upload_read(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);

/* The file of that part, NULL: none.  `name` NULL: the first one. */
ngx_http_wahub_part_t *ngx_http_wahub_upload_part(ngx_http_wahub_ctx_t *ctx,
    const char *name);

/*
 * Makes a file of base64 text (data URL or plain), in a thread, then runs
 * `next` with it as the part "file"; answers errors by itself (INVALID_MEDIA,
 * MEDIA_TOO_LARGE).  `mime` and `filename` may have len 0.
 */
void ngx_http_wahub_upload_base64(ngx_http_wahub_ctx_t *ctx, json_t *text,
    const ngx_str_t *mime, const ngx_str_t *filename,
    ngx_http_wahub_row_pt next);

/*
 * Fetches what an http or https URL names, up to wahub_max_media_size and
 * within 30 s, from an address that may be called (ngx_http_wahub_ssrf.h), in
 * a thread, then runs `next` as above; answers errors by itself (INVALID_URL,
 * URL_NOT_ALLOWED, MEDIA_FETCH_FAILED, INVALID_MEDIA of an empty file,
 * MEDIA_TOO_LARGE, RATE_LIMIT_EXCEEDED).
 * Without `filename` it has the name that the URL's path ends with.
 */
void ngx_http_wahub_upload_url(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *url, const ngx_str_t *mime, const ngx_str_t *filename,
    ngx_http_wahub_row_pt next);

/*
 * Makes a sticker (WebP) of the picture in `fd`, which stays the caller's, in
 * a thread, then runs `next` with it as the only file, the part "file";
 * answers errors by itself (INVALID_MEDIA).
 */
void ngx_http_wahub_upload_sticker(ngx_http_wahub_ctx_t *ctx, ngx_fd_t fd,
    ngx_http_wahub_row_pt next);

/*
 * Keeps all files of the request as uploads of the tenant, in a thread, then
 * runs `next`; each part's `row` is what wa_media then has.  Under an
 * Idempotency-Key (ctx->idem) that was used before, where ctx->idem_next says
 * that it is the upload's, these are the first request's rows.  Answers
 * errors by itself.
 */
void ngx_http_wahub_upload_keep(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);

/*
 * Answers with an error, {code, message?, details?}, which it takes over, and
 * keeps that under the request's Idempotency-Key.  If the same request
 * succeeded before, `next` runs as above instead.  NGX_DECLINED: `refusal`
 * is NULL, nothing was done.
 */
ngx_int_t ngx_http_wahub_upload_refuse(ngx_http_wahub_ctx_t *ctx,
    json_t *refusal, ngx_http_wahub_row_pt next);

/* Ends it, and the files that were not kept; NULL-safe.  Loop. */
void ngx_http_wahub_upload_free(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_upload_t *upload);

#endif /* NGX_HTTP_WAHUB_UPLOAD_H */
