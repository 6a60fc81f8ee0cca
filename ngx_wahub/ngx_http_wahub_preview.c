/*
 * Previews of links (HTTP contract 5.1, "link_preview"): what the page tells
 * about itself goes with the text.  A page that says nothing, does not come
 * in time, or may not be called holds no message up: it goes without.
 */
#include "ngx_http_wahub_send.h"

#include "ngx_http_wahub_fetch.h"
#include "ngx_http_wahub_wait.h"

#include "wa_b64.h"
#include "wa_image.h"
#include "wa_page.h"


/* The thread pool is everybody's. */
#define NGX_HTTP_WAHUB_PREVIEWS       2
#define NGX_HTTP_WAHUB_PREVIEW_TIME   10000     /* ms, page and picture  */
#define NGX_HTTP_WAHUB_PREVIEW_IMAGE  4194304   /* bytes                 */


/* Heap, outlives the request. */
typedef struct {
    ngx_http_wahub_wait_t         wait;         /* must be first         */
    ngx_http_wahub_main_conf_t   *conf;
    char                          url[WA_PAGE_URL_MAX + 1];
    json_t                       *preview;      /* NULL: none            */
} ngx_http_wahub_previewing_t;

typedef struct {
    ngx_http_wahub_previewing_t  *preview;
} ngx_http_wahub_preview_task_t;

/* A file in memory. */
typedef struct {
    wa_buf_t                      bytes;
    size_t                        max;
} ngx_http_wahub_preview_file_t;


static void ngx_http_wahub_preview_run(void *data);
static void ngx_http_wahub_preview_done(void *data);
static ngx_uint_t ngx_http_wahub_preview_take(void *data, const u_char *p,
    size_t n);
static void ngx_http_wahub_preview_image(ngx_http_wahub_fetch_t *f,
    wa_span_t url, json_t *preview);


static ngx_uint_t  ngx_http_wahub_previews;     /* of this worker        */


void
ngx_http_wahub_send_preview(ngx_http_wahub_ctx_t *ctx)
{
    wa_span_t                       link;
    ngx_str_t                       text;
    ngx_http_wahub_previewing_t    *p;
    ngx_http_wahub_preview_task_t  *task;

    text = ngx_http_wahub_json_str(json_object_get(ctx->args, "text"));
    link = wa_page_link(ngx_http_wahub_span(&text));

    if (link.n == 0 || ngx_http_wahub_previews == NGX_HTTP_WAHUB_PREVIEWS) {
        ngx_http_wahub_send_submit(ctx);
        return;
    }

    p = (void *) ngx_http_wahub_wait_create(ctx, sizeof(*p));

    if (p == NULL) {
        ngx_http_wahub_send_submit(ctx);
        return;
    }

    p->conf = ctx->worker->conf;
    ngx_memcpy(p->url, link.p, link.n);
    p->url[link.n] = '\0';

    task = ngx_http_wahub_job_data(ctx->worker, sizeof(*task));

    if (task != NULL) {
        task->preview = p;

        if (ngx_http_wahub_job_post(task, ngx_http_wahub_preview_run,
                                    ngx_http_wahub_preview_done)
            == NGX_OK)
        {
            ngx_http_wahub_previews++;
            return;
        }
    }

    (void) ngx_http_wahub_wait_end(&p->wait);
    ngx_http_wahub_send_submit(ctx);
}


static void
ngx_http_wahub_preview_done(void *data)
{
    json_t                         *preview;
    ngx_http_wahub_ctx_t           *ctx;
    ngx_http_wahub_preview_task_t  *task = data;

    ngx_http_wahub_previews--;

    preview = task->preview->preview;
    ctx = ngx_http_wahub_wait_end(&task->preview->wait);

    if (ctx == NULL) {
        json_decref(preview);
        return;
    }

    if (preview != NULL) {
        (void) json_object_set_new(ctx->args, "preview", preview);
    }

    ngx_http_wahub_wait_resume(ctx, ngx_http_wahub_send_submit);
}


/* -- thread -------------------------------------------------------------- */

static void
ngx_http_wahub_preview_run(void *data)
{
    wa_page_t                       page;
    ngx_http_wahub_fetch_t          f;
    ngx_http_wahub_preview_file_t   file;
    ngx_http_wahub_preview_task_t  *task = data;
    ngx_http_wahub_previewing_t    *p = task->preview;

    ngx_memzero(&page, sizeof(wa_page_t));
    ngx_memzero(&file, sizeof(ngx_http_wahub_preview_file_t));
    file.max = WA_PAGE_MAX;

    ngx_memzero(&f, sizeof(ngx_http_wahub_fetch_t));
    f.conf = p->conf;
    f.deadline = ngx_http_wahub_fetch_clock() + NGX_HTTP_WAHUB_PREVIEW_TIME;
    f.take = ngx_http_wahub_preview_take;
    f.data = &file;
    ngx_memcpy(f.url, p->url, sizeof(p->url));

    /* the beginning of a long page is enough */

    if ((ngx_http_wahub_fetch(&f) || f.enough)
        && wa_page_read(wa_span_buf(&file.bytes), &page) == WA_OK
        && page.title.n != 0)
    {
        p->preview = json_pack("{s:s, s:s%}", "url", p->url, "title",
                               (char *) page.title.p, page.title.n);
    }

    wa_buf_free(&file.bytes);

    if (p->preview != NULL && page.description.n != 0) {
        (void) json_object_set_new(p->preview, "description",
                   json_stringn((char *) page.description.p,
                                page.description.n));
    }

    if (p->preview != NULL && page.image.n != 0) {
        ngx_http_wahub_preview_image(&f, wa_span_buf(&page.image),
                                     p->preview);
    }

    wa_page_free(&page);
}


static ngx_uint_t
ngx_http_wahub_preview_take(void *data, const u_char *p, size_t n)
{
    size_t                          fits;
    ngx_http_wahub_preview_file_t  *file = data;

    fits = ngx_min(n, file->max - file->bytes.n);

    return wa_buf_append(&file->bytes, p, fits) == WA_OK && fits == n;
}


/* Without one when anything is wrong with it. */
static void
ngx_http_wahub_preview_image(ngx_http_wahub_fetch_t *f, wa_span_t url,
    json_t *preview)
{
    uint32_t                       width, height;
    wa_buf_t                       thumb = WA_BUF_EMPTY;
    wa_buf_t                       text = WA_BUF_EMPTY;
    ngx_http_wahub_preview_file_t  file;

    ngx_memzero(&file, sizeof(ngx_http_wahub_preview_file_t));
    file.max = NGX_HTTP_WAHUB_PREVIEW_IMAGE;
    f->data = &file;
    ngx_memcpy(f->url, url.p, url.n);
    f->url[url.n] = '\0';

    if (ngx_http_wahub_fetch(f)
        && wa_image_examine(wa_span_buf(&file.bytes), &width, &height,
                            &thumb) == WA_OK
        && thumb.n != 0
        && wa_b64_encode(wa_span_buf(&thumb), WA_B64_STD, &text) == WA_OK)
    {
        (void) json_object_set_new(preview, "thumbnail",
                                   json_stringn((char *) text.p, text.n));
    }

    wa_buf_free(&file.bytes);
    wa_buf_free(&thumb);
    wa_buf_free(&text);
}
