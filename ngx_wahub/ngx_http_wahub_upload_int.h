/*
 * A job on the files of a request, and the two readers of bodies.
 */
#ifndef NGX_HTTP_WAHUB_UPLOAD_INT_H
#define NGX_HTTP_WAHUB_UPLOAD_INT_H

#include "ngx_http_wahub_curl_stream.h"
#include "ngx_http_wahub_upload.h"
#include "ngx_http_wahub_wait.h"


/* Heap, outlives the request.  Loop and thread use it in turn. */
typedef struct {
    ngx_http_wahub_wait_t      wait;       /* must be first               */
    ngx_http_wahub_row_pt      next;
    ngx_http_wahub_upload_t   *upload;     /* the job's while it runs     */
    ngx_http_wahub_files_t    *files;

    ngx_fd_t                   fd;         /* the body; -1: `bytes`       */
    off_t                      size;
    wa_buf_t                   bytes;
    size_t                     max_body;   /* of what is no file          */
    size_t                     max_size;   /* of a file; of a URL's: 0:
                                              no limit                    */
    char                       boundary[WA_MULTIPART_BOUNDARY_MAX + 1];

    json_t                    *text;       /* base64, a reference         */
    ngx_queue_t                link;       /* of URLs that wait           */
    ngx_http_wahub_main_conf_t  *conf;     /* for a URL                   */
    char                       url[NGX_HTTP_WAHUB_STREAM_URL];
    char                       mime[WA_MIME_MAX];
    char                       filename[WA_FILENAME_MAX + 1];
    char                       tenant[WA_FILENAME_MAX + 1];
    int64_t                    now_ms;

    json_t                    *idem;       /* Idempotency-Key, or NULL    */
    json_t                    *refusal;    /* {code, message?, details?}  */
    unsigned                   replayed:1;

    json_t                    *body;       /* found                       */
    char                       digest[65]; /* of all that came            */
    const char                *code;       /* error, or NULL              */
    const char                *message;
} ngx_http_wahub_upload_job_t;


/* Loop.  Takes over ctx->upload; NULL: answered. */
ngx_http_wahub_upload_job_t *ngx_http_wahub_upload_job(
    ngx_http_wahub_ctx_t *ctx, ngx_http_wahub_row_pt next);

/* Loop: gives what was found to the request, if it is still there; ends the
   job. */
void ngx_http_wahub_upload_finish(ngx_http_wahub_upload_job_t *job);

/* Loop: ends a job that did not run. */
void ngx_http_wahub_upload_end(ngx_http_wahub_upload_job_t *job);

/* Thread: fills upload, body and digest from a multipart body. */
void ngx_http_wahub_multipart_read(ngx_http_wahub_upload_job_t *job);

/* Thread: up to `n` bytes of the body from `offset`; -1 an error. */
ssize_t ngx_http_wahub_upload_bytes(ngx_http_wahub_upload_job_t *job,
    off_t offset, u_char *p, size_t n);

/* Thread: the one part of an upload that is no form, its file open for
   writing, with the name and type that were given.  NULL: job->code is set. */
ngx_http_wahub_part_t *ngx_http_wahub_upload_only(
    ngx_http_wahub_upload_job_t *job);

/* The code that an error of ngx_http_wahub_file.h answers. */
const char *ngx_http_wahub_upload_code(wa_err_t rc);

#endif /* NGX_HTTP_WAHUB_UPLOAD_INT_H */
