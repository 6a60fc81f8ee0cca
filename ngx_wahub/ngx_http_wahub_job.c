/*
 * Jobs for the thread pool: copy in, value out, one completion event.
 *
 *   +---------------------------+------------------+
 *   | ngx_http_wahub_job_t      | the caller's data|   one malloc
 *   |  task.ctx -> itself       |                  |
 *   +---------------------------+------------------+
 *
 * A thread gets the address of the data only.  Completions that nginx does
 * not deliver any more (worker exit) leak their block, and the process.
 */
#include "ngx_http_wahub.h"
#include "ngx_http_wahub_worker.h"


typedef struct {
    ngx_thread_task_t         task;
    ngx_http_wahub_worker_t  *worker;
    ngx_http_wahub_job_pt     run;
    ngx_http_wahub_job_pt     done;
} ngx_http_wahub_job_t;


#define ngx_http_wahub_job_size                                              \
    ngx_align(sizeof(ngx_http_wahub_job_t), NGX_ALIGNMENT * 2)


static void ngx_http_wahub_job_thread(void *ctx, ngx_log_t *log);
static void ngx_http_wahub_job_event(ngx_event_t *ev);


static ngx_http_wahub_job_t *
ngx_http_wahub_job_of(void *data)
{
    return (void *) ((u_char *) data - ngx_http_wahub_job_size);
}


static void *
ngx_http_wahub_job_payload(ngx_http_wahub_job_t *job)
{
    return (u_char *) job + ngx_http_wahub_job_size;
}


void *
ngx_http_wahub_job_data(ngx_http_wahub_worker_t *w, size_t size)
{
    ngx_http_wahub_job_t  *job;

    job = ngx_calloc(ngx_http_wahub_job_size + size, w->log);
    if (job == NULL) {
        return NULL;
    }

    job->worker = w;
    job->task.ctx = job;

    return ngx_http_wahub_job_payload(job);
}


ngx_int_t
ngx_http_wahub_job_post(void *data, ngx_http_wahub_job_pt run,
    ngx_http_wahub_job_pt done)
{
    ngx_http_wahub_job_t  *job;

    job = ngx_http_wahub_job_of(data);

    job->run = run;
    job->done = done;
    job->task.handler = ngx_http_wahub_job_thread;
    job->task.event.handler = ngx_http_wahub_job_event;
    job->task.event.data = job;
    job->task.event.log = job->worker->log;

    if (ngx_thread_task_post(job->worker->conf->thread_pool, &job->task)
        != NGX_OK)
    {
        ngx_free(job);
        return NGX_ERROR;
    }

    job->worker->jobs++;

    return NGX_OK;
}


static void
ngx_http_wahub_job_thread(void *ctx, ngx_log_t *log)
{
    ngx_http_wahub_job_t  *job = ctx;

    job->run(ngx_http_wahub_job_payload(job));
}


static void
ngx_http_wahub_job_event(ngx_event_t *ev)
{
    ngx_http_wahub_job_t     *job = ev->data;
    ngx_http_wahub_worker_t  *w = job->worker;

    w->jobs--;
    job->done(ngx_http_wahub_job_payload(job));

    ngx_free(job);
    ngx_http_wahub_worker_left(w);
}
