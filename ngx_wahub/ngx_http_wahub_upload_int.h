/*
 * A job on the files of a request, and the two readers of bodies.
 */
#ifndef NGX_HTTP_WAHUB_UPLOAD_INT_H
#define NGX_HTTP_WAHUB_UPLOAD_INT_H

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
    size_t                     max_size;   /* of a file                   */
    char                       boundary[WA_MULTIPART_BOUNDARY_MAX + 1];

    json_t                    *text;       /* base64, a reference         */
    char                       mime[WA_MIME_MAX];
    char                       filename[WA_FILENAME_MAX + 1];
    char                       tenant[WA_FILENAME_MAX + 1];
    int64_t                    now_ms;

    json_t                    *body;       /* found                       */
    char                       digest[65]; /* of all that came            */
    const char                *code;       /* error, or NULL              */
    const char                *message;
} ngx_http_wahub_upload_job_t;


/* Thread: fills upload, body and digest from a multipart body. */
void ngx_http_wahub_multipart_read(ngx_http_wahub_upload_job_t *job);

/* Thread: up to `n` bytes of the body from `offset`; -1 an error. */
ssize_t ngx_http_wahub_upload_bytes(ngx_http_wahub_upload_job_t *job,
    off_t offset, u_char *p, size_t n);

/* The code that an error of ngx_http_wahub_file.h answers. */
const char *ngx_http_wahub_upload_code(wa_err_t rc);

#endif /* NGX_HTTP_WAHUB_UPLOAD_INT_H */
