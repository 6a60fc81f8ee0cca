/*
 * Files that a URL names (HTTP contract 5.1, 11.5): fetched in a thread, from
 * an address that was checked, redirects included.
 *
 * The thread pool is everybody's and a server may be slow on purpose, so only
 * a few are fetched at a time and the others wait for their turn.
 */
#include "ngx_http_wahub_upload_int.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_fetch.h"
#include "ngx_http_wahub_ssrf.h"


#define NGX_HTTP_WAHUB_URLS_RUNNING    2
#define NGX_HTTP_WAHUB_URLS_WAITING    64
#define NGX_HTTP_WAHUB_URL_TIME        30000    /* ms, all of it         */


typedef struct {
    ngx_http_wahub_upload_job_t  *job;
} ngx_http_wahub_url_task_t;

/* One file, in a thread. */
typedef struct {
    ngx_http_wahub_file_t        *file;
    uint64_t                      max;          /* 0: no limit           */
    wa_err_t                      failed;
} ngx_http_wahub_url_file_t;


static ngx_int_t ngx_http_wahub_url_start(ngx_http_wahub_upload_job_t *job);
static void ngx_http_wahub_url_run(void *data);
static void ngx_http_wahub_url_done(void *data);
static void ngx_http_wahub_url_next(void);
static void ngx_http_wahub_url_name(const ngx_str_t *url,
    char out[WA_FILENAME_MAX + 1]);
static ngx_uint_t ngx_http_wahub_url_take(void *data, const u_char *p,
    size_t n);


/* Of this worker; loop. */
static ngx_queue_t  ngx_http_wahub_urls = { &ngx_http_wahub_urls,
                                            &ngx_http_wahub_urls };
static ngx_uint_t   ngx_http_wahub_urls_running;
static ngx_uint_t   ngx_http_wahub_urls_waiting;


void
ngx_http_wahub_upload_url(ngx_http_wahub_ctx_t *ctx, const ngx_str_t *url,
    const ngx_str_t *mime, const ngx_str_t *filename,
    ngx_http_wahub_row_pt next)
{
    ngx_str_t                     text;
    ngx_http_wahub_url_t          u;
    ngx_http_wahub_upload_job_t  *job;

    text = *url;

    if (ngx_http_wahub_url_parse(&text, &u) != NGX_OK) {
        ngx_http_wahub_error(ctx, "INVALID_URL", NULL);
        return;
    }

    if (ngx_http_wahub_url_check(&u, ctx->worker->conf->webhook_allow)
        != NGX_OK)
    {
        ngx_http_wahub_error(ctx, "URL_NOT_ALLOWED", NULL);
        return;
    }

    if (ngx_http_wahub_urls_waiting == NGX_HTTP_WAHUB_URLS_WAITING) {
        ngx_http_wahub_error(ctx, "RATE_LIMIT_EXCEEDED",
                             "Too many URLs are being fetched");
        return;
    }

    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        return;
    }

    job->conf = ctx->worker->conf;
    job->max_size = job->conf->max_media_size;
    (void) ngx_cpystrn((u_char *) job->url, text.data,
                       ngx_min(text.len + 1, sizeof(job->url)));
    (void) wa_mime_parse(ngx_http_wahub_span(mime), job->mime);

    if (filename->len != 0) {
        (void) wa_filename_clean(ngx_http_wahub_span(filename),
                                 job->filename);
    } else {
        ngx_http_wahub_url_name(&text, job->filename);
    }

    if (ngx_http_wahub_urls_running == NGX_HTTP_WAHUB_URLS_RUNNING) {
        ngx_queue_insert_tail(&ngx_http_wahub_urls, &job->link);
        ngx_http_wahub_urls_waiting++;
        return;
    }

    if (ngx_http_wahub_url_start(job) != NGX_OK) {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
    }
}


/* What the path ends with, as its author wrote it. */
static void
ngx_http_wahub_url_name(const ngx_str_t *url, char out[WA_FILENAME_MAX + 1])
{
    size_t      slash;
    u_char     *p, *end, *first, *dst, *src, name[WA_FILENAME_MAX];

    out[0] = '\0';
    end = url->data + url->len;

    for (p = url->data; p < end && *p != '?' && *p != '#'; p++) { /* void */ }

    end = p;
    first = NULL;
    slash = 0;

    /* the first two belong to the scheme */

    for (p = url->data; p < end; p++) {
        if (*p == '/' && ++slash > 2) {
            first = p + 1;
        }
    }

    if (first == NULL || first == end
        || (size_t) (end - first) > sizeof(name))
    {
        return;
    }

    src = first;
    dst = name;
    ngx_unescape_uri(&dst, &src, (size_t) (end - first), 0);

    (void) wa_filename_clean(wa_span(name, (size_t) (dst - name)), out);
}


static ngx_int_t
ngx_http_wahub_url_start(ngx_http_wahub_upload_job_t *job)
{
    ngx_http_wahub_url_task_t  *task;

    task = ngx_http_wahub_job_data(job->wait.worker, sizeof(*task));

    if (task == NULL) {
        return NGX_ERROR;
    }

    task->job = job;

    if (ngx_http_wahub_job_post(task, ngx_http_wahub_url_run,
                                ngx_http_wahub_url_done)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wahub_urls_running++;

    return NGX_OK;
}


static void
ngx_http_wahub_url_done(void *data)
{
    ngx_http_wahub_url_task_t  *task = data;

    ngx_http_wahub_urls_running--;
    ngx_http_wahub_url_next();

    ngx_http_wahub_upload_finish(task->job);
}


/* Those whose clients have left are not fetched any more. */
static void
ngx_http_wahub_url_next(void)
{
    ngx_queue_t                  *q;
    ngx_http_wahub_upload_job_t  *job;

    while (ngx_queue_empty(&ngx_http_wahub_urls) == 0
           && ngx_http_wahub_urls_running < NGX_HTTP_WAHUB_URLS_RUNNING)
    {
        q = ngx_queue_head(&ngx_http_wahub_urls);
        job = ngx_queue_data(q, ngx_http_wahub_upload_job_t, link);
        ngx_queue_remove(q);
        ngx_http_wahub_urls_waiting--;

        if (job->wait.ctx == NULL) {
            ngx_http_wahub_upload_end(job);

        } else if (ngx_http_wahub_url_start(job) != NGX_OK) {
            job->code = "STORE_UNAVAILABLE";
            ngx_http_wahub_upload_finish(job);
        }
    }
}


/* -- thread -------------------------------------------------------------- */

static void
ngx_http_wahub_url_run(void *data)
{
    wa_err_t                      rc;
    ngx_uint_t                    whole;
    ngx_http_wahub_part_t        *p;
    ngx_http_wahub_fetch_t        f;
    ngx_http_wahub_url_file_t     to;
    ngx_http_wahub_url_task_t    *task = data;
    ngx_http_wahub_upload_job_t  *job = task->job;

    p = ngx_http_wahub_upload_only(job);

    if (p == NULL) {
        return;
    }

    to.file = &p->file;
    to.max = job->max_size;
    to.failed = WA_OK;

    ngx_memzero(&f, sizeof(ngx_http_wahub_fetch_t));
    f.conf = job->conf;
    f.deadline = ngx_http_wahub_fetch_clock() + NGX_HTTP_WAHUB_URL_TIME;
    f.take = ngx_http_wahub_url_take;
    f.data = &to;
    ngx_memcpy(f.url, job->url, sizeof(f.url));

    whole = ngx_http_wahub_fetch(&f);

    if (to.failed != WA_OK) {
        job->code = (to.failed == WA_ERR_LIMIT) ? "MEDIA_TOO_LARGE"
                    : ngx_http_wahub_upload_code(to.failed);
        return;
    }

    if (whole == 0) {
        job->code = f.code;
        job->message = f.message;
        return;
    }

    if (p->file.size == 0) {
        job->code = "INVALID_MEDIA";
        job->message = "The URL names an empty file";
        return;
    }

    rc = ngx_http_wahub_file_examine(&p->file, wa_span_str(p->filename));

    if (rc != WA_OK) {
        job->code = ngx_http_wahub_upload_code(rc);
    }
}


static ngx_uint_t
ngx_http_wahub_url_take(void *data, const u_char *p, size_t n)
{
    ngx_http_wahub_url_file_t  *to = data;

    if (to->max != 0 && n > to->max - to->file->size) {
        to->failed = WA_ERR_LIMIT;
        return 0;
    }

    to->failed = ngx_http_wahub_file_write(to->file, wa_span(p, n));

    return to->failed == WA_OK;
}
