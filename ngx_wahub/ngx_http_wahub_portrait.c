/*
 * Pictures for profiles, see ngx_http_wahub_portrait.h.
 */
#include "ngx_http_wahub_portrait.h"

#include <sys/mman.h>

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_wait.h"

#include "wa_b64.h"
#include "wa_image.h"


/* Bytes of a picture that is read. */
#define NGX_HTTP_WAHUB_PORTRAIT_MAX  (32 * 1024 * 1024)


/* Heap, outlives the request.  Loop and thread use it in turn. */
typedef struct {
    ngx_http_wahub_wait_t        wait;         /* must be first          */
    ngx_http_wahub_row_pt        next;
    ngx_fd_t                     fd;
    size_t                       size;
    wa_buf_t                     text;         /* base64                 */
    wa_err_t                     failed;
} ngx_http_wahub_portrait_t;

typedef struct {
    ngx_http_wahub_portrait_t   *portrait;
} ngx_http_wahub_portrait_task_t;


static void ngx_http_wahub_portrait_run(void *data);
static void ngx_http_wahub_portrait_done(void *data);
static ngx_http_wahub_ctx_t *ngx_http_wahub_portrait_end(
    ngx_http_wahub_portrait_t *p);
static void ngx_http_wahub_portrait_bad(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_portrait_failed(ngx_http_wahub_ctx_t *ctx);


void
ngx_http_wahub_portrait_make(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m, ngx_http_wahub_row_pt next)
{
    ngx_http_wahub_portrait_t       *p;
    ngx_http_wahub_portrait_task_t  *task;

    if (m->st.st_size <= 0 || m->st.st_size > NGX_HTTP_WAHUB_PORTRAIT_MAX) {
        ngx_http_wahub_portrait_bad(ctx);
        return;
    }

    p = (void *) ngx_http_wahub_wait_create(ctx,
                                         sizeof(ngx_http_wahub_portrait_t));

    if (p == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    p->next = next;
    p->size = (size_t) m->st.st_size;
    p->fd = m->fd;
    m->fd = -1;

    task = ngx_http_wahub_job_data(ctx->worker, sizeof(*task));

    if (task != NULL) {
        task->portrait = p;

        if (ngx_http_wahub_job_post(task, ngx_http_wahub_portrait_run,
                                    ngx_http_wahub_portrait_done)
            == NGX_OK)
        {
            return;
        }
    }

    (void) ngx_http_wahub_portrait_end(p);
    ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
}


static void
ngx_http_wahub_portrait_run(void *data)
{
    void                            *map;
    wa_buf_t                         jpeg;
    ngx_http_wahub_portrait_t       *p;
    ngx_http_wahub_portrait_task_t  *task = data;

    p = task->portrait;
    map = mmap(NULL, p->size, PROT_READ, MAP_PRIVATE, p->fd, 0);

    if (map == MAP_FAILED) {
        p->failed = WA_ERR_IO;
        return;
    }

    ngx_memzero(&jpeg, sizeof(wa_buf_t));
    p->failed = wa_image_portrait(wa_span(map, p->size), &jpeg);
    (void) munmap(map, p->size);

    if (p->failed == WA_OK) {
        p->failed = wa_b64_encode(wa_span_buf(&jpeg), WA_B64_STD, &p->text);
    }

    wa_buf_free(&jpeg);
}


static void
ngx_http_wahub_portrait_done(void *data)
{
    wa_err_t                         failed;
    ngx_http_wahub_ctx_t            *ctx;
    ngx_http_wahub_row_pt            next;
    ngx_http_wahub_portrait_t       *p;
    ngx_http_wahub_portrait_task_t  *task = data;

    p = task->portrait;
    failed = p->failed;
    next = p->next;

    if (p->wait.ctx != NULL && failed == WA_OK
        && json_object_set_new(p->wait.ctx->args, "image",
                               json_stringn((char *) p->text.p, p->text.n))
           != 0)
    {
        failed = WA_ERR_NOMEM;
    }

    ctx = ngx_http_wahub_portrait_end(p);

    if (ctx == NULL) {
        return;
    }

    if (failed == WA_ERR_SYNTAX || failed == WA_ERR_LIMIT) {
        ngx_http_wahub_wait_resume(ctx, ngx_http_wahub_portrait_bad);
        return;
    }

    ngx_http_wahub_wait_resume(ctx, failed == WA_OK ? next
                                    : ngx_http_wahub_portrait_failed);
}


static ngx_http_wahub_ctx_t *
ngx_http_wahub_portrait_end(ngx_http_wahub_portrait_t *p)
{
    (void) ngx_close_file(p->fd);
    wa_buf_free(&p->text);

    return ngx_http_wahub_wait_end(&p->wait);
}


static void
ngx_http_wahub_portrait_bad(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_error(ctx, "INVALID_MEDIA",
                         "This is not a picture that can be shown");
}


static void
ngx_http_wahub_portrait_failed(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
}
