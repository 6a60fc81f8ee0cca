/*
 * Jobs for the thread pool: copy in, value out, one completion event.
 *
 *   +---------------------------+------------------+
 *   | ngx_http_wahub_job_t      | the caller's data|   one malloc
 *   |  task.ctx -> itself       |                  |
 *   +---------------------------+------------------+
 *
 * A thread gets the address of the data only.  A worker that exits runs what
 * was posted to its end, but nginx does not deliver the completions any more:
 * their blocks go with the process, what they point to is its owner's.
 */
#include "ngx_http_wahub.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_worker.h"


typedef struct {
    ngx_thread_task_t         task;
    ngx_http_wahub_worker_t  *worker;
    ngx_http_wahub_job_pt     run;
    ngx_http_wahub_job_pt     done;
} ngx_http_wahub_job_t;


#define ngx_http_wahub_job_size                                              \
    ngx_align(sizeof(ngx_http_wahub_job_t), NGX_ALIGNMENT * 2)


#define NGX_HTTP_WAHUB_JOB_ENDS  1000           /* ms, see job_exit()      */


static ngx_uint_t ngx_http_wahub_job_threads(void);
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

    if (job->worker->threads_gone
        || ngx_thread_task_post(job->worker->conf->thread_pool, &job->task)
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
    ngx_http_wahub_space_look(w);
    job->done(ngx_http_wahub_job_payload(job));

    ngx_free(job);
    ngx_http_wahub_worker_left(w);
}


/*
 * nginx waits until its pool's threads have begun to end, not until they are
 * gone: the per-thread state of OpenSSL and others is freed after that, and
 * must not meet the end of the libraries in exit().  They are detached, so
 * the kernel is asked.
 */
void
ngx_http_wahub_job_exit(ngx_http_wahub_worker_t *w)
{
    ngx_msec_t  waited;

    w->threads_gone = 1;

    for (waited = 0; ngx_http_wahub_job_threads() > 1; waited++) {

        if (waited == NGX_HTTP_WAHUB_JOB_ENDS) {
            ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                          "wahub: exit with threads that do not end");
            return;
        }

        ngx_msleep(1);
    }
}


/* Of this process; 0 where nobody can tell. */
static ngx_uint_t
ngx_http_wahub_job_threads(void)
{
    ngx_dir_t   dir;
    ngx_str_t   name = ngx_string("/proc/self/task");
    ngx_uint_t  n;

    if (ngx_open_dir(&name, &dir) == NGX_ERROR) {
        return 0;
    }

    for (n = 0; ngx_read_dir(&dir) == NGX_OK; /* void */) {
        n += (ngx_de_name(&dir)[0] != '.');
    }

    (void) ngx_close_dir(&dir);

    return n;
}
