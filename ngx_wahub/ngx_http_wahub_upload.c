/*
 * Jobs on the files of a request, see ngx_http_wahub_upload.h.
 */
#include "ngx_http_wahub_upload_int.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_space.h"

#include "wa_crypto.h"
#include "wa_image.h"

#include <sys/mman.h>


/* JSON beyond this is not parsed in the event loop. */
#define NGX_HTTP_WAHUB_UPLOAD_JSON     131072

#define NGX_HTTP_WAHUB_UPLOAD_PICTURE  (64 * 1024 * 1024)


typedef struct {
    ngx_http_wahub_upload_job_t  *job;
} ngx_http_wahub_upload_task_t;

typedef struct {
    ngx_http_wahub_upload_t      *upload;
} ngx_http_wahub_upload_end_t;


static void ngx_http_wahub_upload_post(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_upload_job_t *job, ngx_http_wahub_job_pt run);
static void ngx_http_wahub_upload_done(void *data);


ngx_uint_t
ngx_http_wahub_upload_wanted(ngx_http_wahub_ctx_t *ctx)
{
    off_t                n;
    ngx_chain_t         *cl;
    ngx_table_elt_t     *type;
    ngx_http_request_t  *r = ctx->request;
    char                 boundary[WA_MULTIPART_BOUNDARY_MAX + 1];

    if ((ctx->route->account & NGX_HTTP_WAHUB_ACCOUNT_UPLOAD) == 0
        || r->request_body == NULL)
    {
        return 0;
    }

    type = r->headers_in.content_type;

    if (type != NULL
        && wa_multipart_boundary(ngx_http_wahub_span(&type->value),
                                 boundary))
    {
        return 1;
    }

    n = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        n += ngx_buf_size(cl->buf);
    }

    return n > NGX_HTTP_WAHUB_UPLOAD_JSON && ngx_http_wahub_body_is_json(r);
}


size_t
ngx_http_wahub_upload_limit(ngx_http_wahub_ctx_t *ctx)
{
    return (ctx->route->account & NGX_HTTP_WAHUB_ACCOUNT_UPLOAD)
           ? ngx_max(ctx->conf->max_upload, ctx->conf->max_body)
           : ctx->conf->max_body;
}


/* -- thread -------------------------------------------------------------- */

const char *
ngx_http_wahub_upload_code(wa_err_t rc)
{
    switch (rc) {

    case WA_ERR_FULL:
    case WA_ERR_IO:
    case WA_ERR_GONE:
    case WA_ERR_STATE:
    case WA_ERR_TIMEOUT:
        return "STORE_UNAVAILABLE";

    case WA_ERR_SYNTAX:
        return "INVALID_MEDIA";

    default:
        return "INTERNAL_ERROR";
    }
}


ssize_t
ngx_http_wahub_upload_bytes(ngx_http_wahub_upload_job_t *job, off_t offset,
    u_char *p, size_t n)
{
    n = (size_t) ngx_min((off_t) n, job->size - offset);

    if (job->fd != -1) {
        return pread(job->fd, p, n, offset);
    }

    ngx_memcpy(p, job->bytes.p + offset, n);

    return (ssize_t) n;
}


static void
ngx_http_wahub_upload_json(ngx_http_wahub_upload_job_t *job)
{
    off_t      done;
    u_char    *p;
    uint8_t    hash[32];
    ssize_t    n;
    wa_span_t  whole;

    p = ngx_alloc((size_t) job->size, ngx_cycle->log);
    if (p == NULL) {
        job->code = "INTERNAL_ERROR";
        return;
    }

    for (done = 0; done < job->size; done += n) {
        n = ngx_http_wahub_upload_bytes(job, done, p + done,
                                        (size_t) (job->size - done));
        if (n <= 0) {
            job->code = "INTERNAL_ERROR";
            break;
        }
    }

    whole = wa_span(p, (size_t) job->size);

    if (job->code == NULL && wa_sha256(&whole, 1, hash) != WA_OK) {
        job->code = "INTERNAL_ERROR";
    }

    if (job->code == NULL) {
        *ngx_hex_dump((u_char *) job->digest, hash, sizeof(hash)) = '\0';
        job->code = ngx_http_wahub_body_json(p, (size_t) job->size,
                                             &job->body, &job->message);
    }

    ngx_free(p);
}


static void
ngx_http_wahub_upload_run(void *data)
{
    ngx_http_wahub_upload_task_t  *task = data;

    if (task->job->boundary[0] != '\0') {
        ngx_http_wahub_multipart_read(task->job);
        return;
    }

    ngx_http_wahub_upload_json(task->job);
}


ngx_http_wahub_part_t *
ngx_http_wahub_upload_only(ngx_http_wahub_upload_job_t *job)
{
    wa_err_t                rc;
    ngx_http_wahub_part_t  *p;

    p = &job->upload->parts[0];
    rc = ngx_http_wahub_file_create(job->files, &p->file);

    if (rc != WA_OK) {
        job->code = ngx_http_wahub_upload_code(rc);
        return NULL;
    }

    job->upload->n = 1;
    ngx_memcpy(p->part, "file", sizeof("file"));
    ngx_memcpy(p->filename, job->filename, sizeof(p->filename));
    ngx_memcpy(p->file.mime, job->mime, sizeof(p->file.mime));

    return p;
}


static void
ngx_http_wahub_upload_decode(void *data)
{
    wa_err_t                       rc;
    wa_span_t                      text;
    ngx_http_wahub_part_t         *p;
    ngx_http_wahub_upload_task_t  *task = data;
    ngx_http_wahub_upload_job_t   *job = task->job;

    text = wa_span(json_string_value(job->text),
                   json_string_length(job->text));

    if (text.n / 4 > job->max_size / 3) {
        job->code = "MEDIA_TOO_LARGE";
        return;
    }

    p = ngx_http_wahub_upload_only(job);

    if (p == NULL) {
        return;
    }

    rc = ngx_http_wahub_file_write_base64(&p->file, text);

    if (rc == WA_OK && p->file.size == 0) {
        rc = WA_ERR_SYNTAX;
    }

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_examine(&p->file, wa_span_str(p->filename));
    }

    if (rc != WA_OK) {
        job->code = ngx_http_wahub_upload_code(rc);
    }
}


/* The body is a picture here. */
static void
ngx_http_wahub_upload_draw(void *data)
{
    void                          *map;
    size_t                         size;
    wa_err_t                       rc;
    wa_buf_t                       webp;
    ngx_http_wahub_part_t         *p;
    ngx_http_wahub_upload_task_t  *task = data;
    ngx_http_wahub_upload_job_t   *job = task->job;

    if (job->size <= 0 || job->size > NGX_HTTP_WAHUB_UPLOAD_PICTURE) {
        job->code = "INVALID_MEDIA";
        return;
    }

    size = (size_t) job->size;
    map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, job->fd, 0);

    if (map == MAP_FAILED) {
        job->code = "INTERNAL_ERROR";
        return;
    }

    ngx_memzero(&webp, sizeof(wa_buf_t));
    rc = wa_image_sticker(wa_span(map, size), &webp);
    (void) munmap(map, size);

    p = &job->upload->parts[0];

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_create(job->files, &p->file);
    }

    if (rc == WA_OK) {
        job->upload->n = 1;
        ngx_memcpy(p->part, "file", sizeof("file"));
        rc = ngx_http_wahub_file_write(&p->file, wa_span_buf(&webp));
    }

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_examine(&p->file, wa_span_none());
    }

    wa_buf_free(&webp);

    if (rc != WA_OK) {
        job->code = (rc == WA_ERR_LIMIT) ? "INVALID_MEDIA"
                                         : ngx_http_wahub_upload_code(rc);
    }
}


static void
ngx_http_wahub_upload_drop(void *data)
{
    ngx_uint_t                    i;
    ngx_http_wahub_upload_end_t  *end = data;

    for (i = 0; i < end->upload->n; i++) {
        ngx_http_wahub_file_drop(&end->upload->parts[i].file);
        wa_media_free(&end->upload->parts[i].row);
    }
}


/* -- loop ---------------------------------------------------------------- */

static void
ngx_http_wahub_upload_dropped(void *data)
{
    ngx_http_wahub_upload_end_t  *end = data;

    ngx_free(end->upload);
}


void
ngx_http_wahub_upload_free(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_upload_t *upload)
{
    ngx_http_wahub_upload_end_t  *end, here;

    if (upload == NULL) {
        return;
    }

    /* removing a large file takes time */

    if (upload->n > 0) {
        end = ngx_http_wahub_job_data(w, sizeof(*end));

        if (end != NULL) {
            end->upload = upload;

            if (ngx_http_wahub_job_post(end, ngx_http_wahub_upload_drop,
                                        ngx_http_wahub_upload_dropped)
                == NGX_OK)
            {
                return;
            }
        }
    }

    here.upload = upload;
    ngx_http_wahub_upload_drop(&here);
    ngx_free(upload);
}


ngx_http_wahub_part_t *
ngx_http_wahub_upload_part(ngx_http_wahub_ctx_t *ctx, const char *name)
{
    ngx_uint_t                i;
    ngx_http_wahub_upload_t  *upload = ctx->upload;

    for (i = 0; upload != NULL && i < upload->n; i++) {
        if (name == NULL || ngx_strcmp(upload->parts[i].part, name) == 0) {
            return &upload->parts[i];
        }
    }

    return NULL;
}


ngx_http_wahub_upload_job_t *
ngx_http_wahub_upload_job(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ngx_http_wahub_upload_job_t  *job;

    job = (void *) ngx_http_wahub_wait_create(ctx,
                                      sizeof(ngx_http_wahub_upload_job_t));
    if (job == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NULL;
    }

    job->next = next;
    job->fd = -1;
    job->files = ctx->worker->files;
    job->max_body = ctx->conf->max_body;
    job->max_size = ngx_http_wahub_upload_limit(ctx);
    job->now_ms = ngx_http_wahub_wall_ms();
    *ngx_cpymem(job->tenant, ctx->vars.tenant.data,
                ngx_min(ctx->vars.tenant.len, WA_FILENAME_MAX)) = '\0';

    job->upload = ctx->upload;
    ctx->upload = NULL;

    if (job->upload == NULL) {
        job->upload = ngx_calloc(sizeof(ngx_http_wahub_upload_t),
                                 ctx->request->connection->log);
    }

    if (job->upload == NULL) {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NULL;
    }

    return job;
}


static ngx_int_t
ngx_http_wahub_upload_body(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_upload_job_t *job)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = ctx->request->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;
        job->size += ngx_buf_size(b);

        /* nginx leaves all of it in the file, or all in memory */

        if (b->in_file) {
            job->fd = fcntl(b->file->fd, F_DUPFD_CLOEXEC, 0);

            if (job->fd == -1 || b->file_pos != 0 || cl->next != NULL) {
                return NGX_ERROR;
            }

        } else if (wa_buf_append(&job->bytes, b->pos,
                                 (size_t) (b->last - b->pos)) != WA_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_wahub_upload_read(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ngx_table_elt_t              *type;
    ngx_http_wahub_upload_job_t  *job;

    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        return;
    }

    type = ctx->request->headers_in.content_type;

    if (type == NULL
        || wa_multipart_boundary(ngx_http_wahub_span(&type->value),
                                 job->boundary) == false)
    {
        job->boundary[0] = '\0';
    }

    if (ngx_http_wahub_upload_body(ctx, job) != NGX_OK) {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (job->size > (off_t) job->max_size) {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "BODY_TOO_LARGE", NULL);
        return;
    }

    ngx_http_wahub_upload_post(ctx, job, ngx_http_wahub_upload_run);
}


void
ngx_http_wahub_upload_base64(ngx_http_wahub_ctx_t *ctx, json_t *text,
    const ngx_str_t *mime, const ngx_str_t *filename,
    ngx_http_wahub_row_pt next)
{
    ngx_http_wahub_upload_job_t  *job;

    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        return;
    }

    job->text = json_incref(text);
    (void) wa_mime_parse(ngx_http_wahub_span(mime), job->mime);
    (void) wa_filename_clean(ngx_http_wahub_span(filename), job->filename);

    ngx_http_wahub_upload_post(ctx, job, ngx_http_wahub_upload_decode);
}


void
ngx_http_wahub_upload_sticker(ngx_http_wahub_ctx_t *ctx, ngx_fd_t fd,
    ngx_http_wahub_row_pt next)
{
    struct stat                   st;
    ngx_http_wahub_upload_job_t  *job;

    ngx_http_wahub_upload_free(ctx->worker, ctx->upload);
    ctx->upload = NULL;

    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        return;
    }

    job->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (job->fd == -1 || fstat(job->fd, &st) == -1) {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    job->size = st.st_size;

    ngx_http_wahub_upload_post(ctx, job, ngx_http_wahub_upload_draw);
}


static void
ngx_http_wahub_upload_post(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_upload_job_t *job, ngx_http_wahub_job_pt run)
{
    ngx_http_wahub_upload_task_t  *task;

    task = ngx_http_wahub_job_data(ctx->worker, sizeof(*task));

    if (task != NULL) {
        task->job = job;

        if (ngx_http_wahub_job_post(task, run, ngx_http_wahub_upload_done)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_http_wahub_upload_end(job);
    ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
}


static void
ngx_http_wahub_upload_done(void *data)
{
    ngx_http_wahub_upload_task_t  *task = data;

    ngx_http_wahub_upload_finish(task->job);
}


void
ngx_http_wahub_upload_finish(ngx_http_wahub_upload_job_t *job)
{
    u_char                 *digest;
    json_t                 *refusal, *details;
    const char             *code, *message;
    ngx_connection_t       *c;
    ngx_http_wahub_ctx_t   *ctx;
    ngx_http_wahub_row_pt   next;

    ctx = job->wait.ctx;

    if (ctx == NULL) {
        ngx_http_wahub_upload_end(job);
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    code = job->code;
    message = job->message;
    refusal = job->refusal;
    details = NULL;
    next = job->next;
    job->refusal = NULL;

    if (code == NULL && refusal != NULL) {
        code = json_string_value(json_object_get(refusal, "code"));
        message = json_string_value(json_object_get(refusal, "message"));
        details = json_object_get(refusal, "details");
    }

    if (code != NULL && message == NULL
        && ngx_strcmp(code, "STORE_UNAVAILABLE") == 0
        && ngx_http_wahub_space_full(job->wait.worker,
                                     ngx_http_wahub_space_media))
    {
        message = "There is no space left for files";
    }

    if (code == NULL && job->body != NULL) {
        json_decref(ctx->body);
        ctx->body = job->body;
        job->body = NULL;

        digest = ngx_pnalloc(ctx->request->pool, sizeof(job->digest));

        if (digest != NULL) {
            ngx_memcpy(digest, job->digest, sizeof(job->digest));
            ctx->raw.data = digest;
            ctx->raw.len = sizeof(job->digest) - 1;

        } else {
            code = "INTERNAL_ERROR";
        }
    }

    ctx->upload = job->upload;
    job->upload = NULL;
    ngx_http_wahub_upload_end(job);

    if (code != NULL) {
        ngx_http_wahub_error_details(ctx, code, message,
                                     json_incref(details));

    } else {
        next(ctx);
    }

    json_decref(refusal);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_wahub_upload_end(ngx_http_wahub_upload_job_t *job)
{
    if (job->fd != -1) {
        (void) close(job->fd);
    }

    wa_buf_wipe(&job->bytes);
    json_decref(job->text);
    json_decref(job->body);
    json_decref(job->idem);
    json_decref(job->refusal);
    ngx_http_wahub_upload_free(job->wait.worker, job->upload);

    (void) ngx_http_wahub_wait_end(&job->wait);
}
