/*
 * PBKDF2 for an account, in a thread.  The account is found again by its id;
 * tokens are unique in the worker, so one that was reloaded meanwhile does
 * not take the key for its own.
 */
#include "ngx_http_wahub_stretch.h"

#include "wa_crypto.h"


#define NGX_HTTP_WAHUB_STRETCH_MAX  64      /* bytes of password, of salt */


typedef struct {
    ngx_http_wahub_worker_t  *worker;
    uint64_t                  token;
    uint32_t                  iterations;
    wa_err_t                  err;
    size_t                    password_len;
    size_t                    salt_len;
    u_char                    password[NGX_HTTP_WAHUB_STRETCH_MAX];
    u_char                    salt[NGX_HTTP_WAHUB_STRETCH_MAX];
    u_char                    key[WA_KEY_LEN];
    u_char                    id[WA_ACCOUNT_ID_LEN];
} ngx_http_wahub_stretch_t;


static void ngx_http_wahub_stretch_run(void *data);
static void ngx_http_wahub_stretch_done(void *data);


ngx_int_t
ngx_http_wahub_stretch(ngx_http_wahub_account_t *slot,
    const wa_stretch_t *stretch)
{
    ngx_http_wahub_stretch_t  *job;

    if (stretch->password.n > NGX_HTTP_WAHUB_STRETCH_MAX
        || stretch->salt.n > NGX_HTTP_WAHUB_STRETCH_MAX)
    {
        return NGX_ERROR;
    }

    job = ngx_http_wahub_job_data(slot->worker,
                                  sizeof(ngx_http_wahub_stretch_t));
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->worker = slot->worker;
    job->token = stretch->token;
    job->iterations = stretch->iterations;
    job->password_len = stretch->password.n;
    job->salt_len = stretch->salt.n;
    ngx_memcpy(job->password, stretch->password.p, stretch->password.n);
    ngx_memcpy(job->salt, stretch->salt.p, stretch->salt.n);
    ngx_memcpy(job->id, slot->id, WA_ACCOUNT_ID_LEN);

    return ngx_http_wahub_job_post(job, ngx_http_wahub_stretch_run,
                                   ngx_http_wahub_stretch_done);
}


static void
ngx_http_wahub_stretch_run(void *data)
{
    ngx_http_wahub_stretch_t  *job = data;

    job->err = wa_pbkdf2(wa_span(job->password, job->password_len),
                         wa_span(job->salt, job->salt_len), job->iterations,
                         job->key, WA_KEY_LEN);
}


static void
ngx_http_wahub_stretch_done(void *data)
{
    wa_done_t                  done;
    wa_span_t                  key;
    ngx_str_t                  id;
    ngx_http_wahub_stretch_t  *job = data;
    ngx_http_wahub_account_t  *slot;

    id.data = job->id;
    id.len = WA_ACCOUNT_ID_LEN;
    slot = (job->worker->registry == NULL)
           ? NULL : ngx_http_wahub_account_find(job->worker, &id);

    if (slot != NULL) {
        key = wa_span(job->key, WA_KEY_LEN);

        ngx_memzero(&done, sizeof(wa_done_t));
        done.type = WA_DONE_STRETCH;
        done.token = job->token;
        done.err = job->err;
        done.values = &key;
        done.n = 1;

        ngx_http_wahub_account_done(slot, &done);
    }

    wa_wipe(job, sizeof(ngx_http_wahub_stretch_t));
}
