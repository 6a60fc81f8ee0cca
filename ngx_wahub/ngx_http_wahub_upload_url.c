/*
 * Files that a URL names (HTTP contract 5.1, 11.5): fetched in a thread, from
 * an address that was checked, redirects included.
 *
 * The thread pool is everybody's and a server may be slow on purpose, so only
 * a few are fetched at a time and the others wait for their turn.
 */
#include "ngx_http_wahub_upload_int.h"

#include "ngx_http_wahub_curl_stream.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_ssrf.h"

#include <netdb.h>


#define NGX_HTTP_WAHUB_URLS_RUNNING    2
#define NGX_HTTP_WAHUB_URLS_WAITING    64
#define NGX_HTTP_WAHUB_URL_TIME        30000    /* ms, all of it         */
#define NGX_HTTP_WAHUB_URL_REDIRECTS   3
#define NGX_HTTP_WAHUB_URL_IGNORED     65536    /* bytes of other answers */


typedef struct {
    ngx_http_wahub_upload_job_t  *job;
} ngx_http_wahub_url_task_t;

/* One file, in a thread. */
typedef struct {
    ngx_http_wahub_upload_job_t  *job;
    ngx_http_wahub_file_t        *file;
    uint64_t                      ignored;
    int64_t                       deadline;     /* ms                    */
    wa_err_t                      failed;       /* of the file           */
} ngx_http_wahub_fetch_t;

/* Addresses that may be called, with the port. */
typedef struct {
    ngx_http_wahub_addr_t         addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
    ngx_uint_t                    n;
} ngx_http_wahub_targets_t;


static ngx_int_t ngx_http_wahub_url_start(ngx_http_wahub_upload_job_t *job);
static void ngx_http_wahub_url_run(void *data);
static void ngx_http_wahub_url_done(void *data);
static void ngx_http_wahub_url_next(void);
static void ngx_http_wahub_url_name(const ngx_str_t *url,
    char out[WA_FILENAME_MAX + 1]);
static ngx_uint_t ngx_http_wahub_url_resolve(
    ngx_http_wahub_upload_job_t *job, ngx_http_wahub_targets_t *to);
static ngx_uint_t ngx_http_wahub_url_hop(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_streamed_t *out);
static ngx_uint_t ngx_http_wahub_url_take(void *data, ngx_uint_t status,
    const u_char *p, size_t n);
static int64_t ngx_http_wahub_url_clock(void);


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
    ngx_uint_t                    hops;
    ngx_http_wahub_part_t        *p;
    ngx_http_wahub_fetch_t        f;
    ngx_http_wahub_streamed_t     out;
    ngx_http_wahub_url_task_t    *task = data;
    ngx_http_wahub_upload_job_t  *job = task->job;

    p = &job->upload->parts[0];
    rc = ngx_http_wahub_file_create(job->files, &p->file);

    if (rc != WA_OK) {
        job->code = ngx_http_wahub_upload_code(rc);
        return;
    }

    job->upload->n = 1;
    ngx_memcpy(p->part, "file", sizeof("file"));
    ngx_memcpy(p->filename, job->filename, sizeof(p->filename));
    ngx_memcpy(p->file.mime, job->mime, sizeof(p->file.mime));

    ngx_memzero(&f, sizeof(f));
    f.job = job;
    f.file = &p->file;
    f.deadline = ngx_http_wahub_url_clock() + NGX_HTTP_WAHUB_URL_TIME;

    for (hops = 0; ngx_http_wahub_url_hop(&f, &out); hops++) {
        if (hops == NGX_HTTP_WAHUB_URL_REDIRECTS) {
            job->code = "INVALID_MEDIA";
            job->message = "The URL leads to too many others";
            return;
        }

        ngx_memcpy(job->url, out.location, sizeof(job->url));
    }

    if (job->code != NULL) {
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


/* One request.  1: go on with out->location; 0: done, or job->code. */
static ngx_uint_t
ngx_http_wahub_url_hop(ngx_http_wahub_fetch_t *f,
    ngx_http_wahub_streamed_t *out)
{
    int64_t                       left;
    wa_err_t                      rc;
    ngx_uint_t                    i;
    ngx_http_wahub_stream_t       s;
    ngx_http_wahub_targets_t      to;
    ngx_http_wahub_upload_job_t  *job = f->job;

    if (ngx_http_wahub_url_resolve(job, &to) == 0) {
        return 0;
    }

    ngx_memzero(&s, sizeof(ngx_http_wahub_stream_t));
    s.url = job->url;
    s.ca = job->conf->trusted_certificate.len == 0 ? ""
           : (char *) job->conf->trusted_certificate.data;
    s.body = NGX_INVALID_FILE;
    s.take = ngx_http_wahub_url_take;
    s.data = f;

    /* the next address when there was no answer at all */

    rc = WA_ERR_IO;
    ngx_memzero(out, sizeof(ngx_http_wahub_streamed_t));

    for (i = 0; i < to.n && rc == WA_ERR_IO && out->status == 0; i++) {
        left = f->deadline - ngx_http_wahub_url_clock();

        if (left <= 0 || out->stopped) {
            break;
        }

        s.addr = &to.addrs[i];
        s.timeout = (ngx_msec_t) left;
        f->ignored = 0;
        rc = ngx_http_wahub_stream(&s, out);
    }

    if (f->failed != WA_OK) {
        job->code = (f->failed == WA_ERR_LIMIT) ? "MEDIA_TOO_LARGE"
                    : ngx_http_wahub_upload_code(f->failed);

    } else if (rc == WA_ERR_NOMEM) {
        job->code = "INTERNAL_ERROR";

    } else if (out->status == 0 || (out->status / 100 == 2 && rc != WA_OK)) {
        job->code = "INVALID_MEDIA";
        job->message = "The URL's server did not send a whole file in time";

    } else if (out->status / 100 == 3 && out->location[0] != '\0') {
        return 1;

    } else if (out->status / 100 != 2) {
        job->code = "INVALID_MEDIA";
        job->message = "The URL's server does not give the file";
    }

    return 0;
}


/* 0: job->code says why. */
static ngx_uint_t
ngx_http_wahub_url_resolve(ngx_http_wahub_upload_job_t *job,
    ngx_http_wahub_targets_t *to)
{
    char                    host[NGX_HTTP_WAHUB_HOST_MAX + 1];
    ngx_str_t               text;
    struct addrinfo         hints, *res, *ai;
    ngx_http_wahub_url_t    u;
    ngx_http_wahub_addr_t  *addr;

    to->n = 0;
    text.data = (u_char *) job->url;
    text.len = ngx_strlen(job->url);

    if (ngx_http_wahub_url_parse(&text, &u) != NGX_OK
        || u.host.len > NGX_HTTP_WAHUB_HOST_MAX)
    {
        job->code = "INVALID_URL";
        return 0;
    }

    ngx_memcpy(host, u.host.data, u.host.len);
    host[u.host.len] = '\0';

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;

    if (getaddrinfo(host, NULL, &hints, &res) != 0) {
        job->code = "INVALID_MEDIA";
        job->message = "The URL's host is not known";
        return 0;
    }

    for (ai = res; ai != NULL && to->n < NGX_HTTP_WAHUB_ADDRS_MAX;
         ai = ai->ai_next)
    {
        if (ai->ai_addrlen > sizeof(ngx_sockaddr_t)
            || ngx_http_wahub_addr_check(ai->ai_addr,
                                         job->conf->webhook_allow)
               != NGX_OK)
        {
            continue;
        }

        addr = &to->addrs[to->n++];
        ngx_memcpy(&addr->sockaddr, ai->ai_addr, ai->ai_addrlen);
        addr->socklen = ai->ai_addrlen;
        ngx_inet_set_port(&addr->sockaddr.sockaddr, u.port);
    }

    freeaddrinfo(res);

    if (to->n == 0) {
        job->code = "URL_NOT_ALLOWED";
    }

    return to->n != 0;
}


/* What another answer says besides is of no interest; a long one is cut. */
static ngx_uint_t
ngx_http_wahub_url_take(void *data, ngx_uint_t status, const u_char *p,
    size_t n)
{
    ngx_http_wahub_fetch_t  *f = data;

    if (status / 100 != 2) {
        f->ignored += n;
        return f->ignored <= NGX_HTTP_WAHUB_URL_IGNORED;
    }

    if (f->job->max_size != 0 && n > f->job->max_size - f->file->size) {
        f->failed = WA_ERR_LIMIT;
        return 0;
    }

    f->failed = ngx_http_wahub_file_write(f->file, wa_span(p, n));

    return f->failed == WA_OK;
}


static int64_t
ngx_http_wahub_url_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
