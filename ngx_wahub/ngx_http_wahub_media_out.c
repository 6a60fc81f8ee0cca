/*
 * Uploads, see ngx_http_wahub_media.h.
 *
 *     seal (thread) -> media.conn -> push (thread) -> answer
 *                          ^             |
 *                          +-- 401, 403 -+   once, with another auth
 */
#include "ngx_http_wahub_media.h"
#include "ngx_http_wahub_space.h"

#include "wa_b64.h"


#define NGX_HTTP_WAHUB_MEDIA_CONN  15000        /* ms                    */


struct ngx_http_wahub_media_out_s {
    ngx_queue_t                    queue;       /* w->uploads            */
    ngx_http_wahub_worker_t       *worker;
    ngx_http_wahub_media_out_pt    handler;     /* NULL: cancelled       */
    void                          *data;
    ngx_http_wahub_call_t         *call;
    unsigned                       running:1;   /* a thread has it       */
    unsigned                       refreshed:1;
    u_char                         account[WA_ACCOUNT_ID_LEN];
    ngx_http_wahub_push_t          push;
};

typedef struct {
    ngx_http_wahub_media_out_t    *out;
    ngx_http_wahub_wire_e          result;
} ngx_http_wahub_media_job_t;


static ngx_int_t ngx_http_wahub_media_out_job(
    ngx_http_wahub_media_out_t *out, ngx_http_wahub_job_pt run,
    ngx_http_wahub_job_pt done);
static void ngx_http_wahub_media_out_seal(void *data);
static void ngx_http_wahub_media_out_sealed(void *data);
static void ngx_http_wahub_media_out_conn(ngx_http_wahub_media_out_t *out);
static void ngx_http_wahub_media_out_hosts(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_media_out_push(void *data);
static void ngx_http_wahub_media_out_pushed(void *data);
static json_t *ngx_http_wahub_media_out_object(
    ngx_http_wahub_media_out_t *out);
static json_t *ngx_http_wahub_media_out_b64(const u_char *p, size_t n);
static void ngx_http_wahub_media_out_end(ngx_http_wahub_media_out_t *out,
    const char *code, const char *message, json_t *media);
static void ngx_http_wahub_media_out_free(ngx_http_wahub_media_out_t *out);


ngx_http_wahub_media_out_t *
ngx_http_wahub_media_upload(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, wa_media_e kind, ngx_uint_t flags, ngx_fd_t fd,
    ngx_http_wahub_media_out_pt handler, void *data)
{
    ngx_http_wahub_media_out_t  *out;

    out = ngx_calloc(sizeof(ngx_http_wahub_media_out_t), w->log);

    if (out == NULL || account->len != WA_ACCOUNT_ID_LEN) {
        (void) ngx_close_file(fd);

        if (out != NULL) {
            ngx_free(out);
        }

        return NULL;
    }

    out->worker = w;
    out->handler = handler;
    out->data = data;
    ngx_queue_insert_tail(&w->uploads, &out->queue);
    ngx_memcpy(out->account, account->data, WA_ACCOUNT_ID_LEN);

    out->push.kind = kind;
    out->push.bare = ((flags & NGX_HTTP_WAHUB_MEDIA_BARE) != 0);
    out->push.voice = ((flags & NGX_HTTP_WAHUB_MEDIA_VOICE) != 0);
    out->push.source = fd;
    out->push.sealed = NGX_INVALID_FILE;
    out->push.folder = w->conf->media_path;

    if (ngx_http_wahub_media_out_job(out, ngx_http_wahub_media_out_seal,
                                     ngx_http_wahub_media_out_sealed)
        != NGX_OK)
    {
        ngx_http_wahub_media_out_free(out);
        return NULL;
    }

    return out;
}


void
ngx_http_wahub_media_out_cancel(ngx_http_wahub_media_out_t *out)
{
    out->handler = NULL;

    if (out->call != NULL) {
        ngx_http_wahub_call_cancel(out->call);
        out->call = NULL;
    }

    if (out->running == 0) {
        ngx_http_wahub_media_out_free(out);
    }
}


void
ngx_http_wahub_media_out_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                 *q;
    ngx_http_wahub_media_out_t  *out;

    while (ngx_queue_empty(&w->uploads) == 0) {
        q = ngx_queue_head(&w->uploads);
        out = ngx_queue_data(q, ngx_http_wahub_media_out_t, queue);

        if (out->call != NULL) {
            ngx_http_wahub_call_cancel(out->call);
            out->call = NULL;
        }

        if (out->handler == NULL) {
            ngx_http_wahub_media_out_free(out);
            continue;
        }

        ngx_http_wahub_media_out_end(out, "OWNER_UNAVAILABLE",
                                     "The worker is exiting", NULL);
    }
}


static ngx_int_t
ngx_http_wahub_media_out_job(ngx_http_wahub_media_out_t *out,
    ngx_http_wahub_job_pt run, ngx_http_wahub_job_pt done)
{
    ngx_http_wahub_media_job_t  *job;

    job = ngx_http_wahub_job_data(out->worker,
                                  sizeof(ngx_http_wahub_media_job_t));

    if (job == NULL) {
        return NGX_ERROR;
    }

    job->out = out;

    if (ngx_http_wahub_job_post(job, run, done) != NGX_OK) {
        return NGX_ERROR;
    }

    out->running = 1;

    return NGX_OK;
}


/* thread */
static void
ngx_http_wahub_media_out_seal(void *data)
{
    ngx_http_wahub_media_job_t  *job = data;

    job->result = ngx_http_wahub_wire_seal(&job->out->push);
}


static void
ngx_http_wahub_media_out_sealed(void *data)
{
    ngx_http_wahub_media_job_t  *job = data;
    ngx_http_wahub_media_out_t  *out = job->out;

    out->running = 0;

    if (out->handler == NULL) {
        ngx_http_wahub_media_out_free(out);
        return;
    }

    if (job->result == ngx_http_wahub_wire_local
        && ngx_http_wahub_space_full(out->worker,
                                     ngx_http_wahub_space_media))
    {
        ngx_http_wahub_media_out_end(out, "STORE_UNAVAILABLE",
                                     "There is no space left for files",
                                     NULL);
        return;
    }

    if (job->result != ngx_http_wahub_wire_ok) {
        ngx_log_error(NGX_LOG_ERR, out->worker->log, 0,
                      "wahub: a file cannot be prepared for its upload: %s",
                      out->push.error);
        ngx_http_wahub_media_out_end(out, "INTERNAL_ERROR",
                                     "The file could not be encrypted",
                                     NULL);
        return;
    }

    ngx_http_wahub_media_out_conn(out);
}


static void
ngx_http_wahub_media_out_conn(ngx_http_wahub_media_out_t *out)
{
    json_t     *args;
    ngx_str_t   account;

    args = json_pack("{s:s}", "verb", "media.conn");

    if (args != NULL && out->refreshed) {
        (void) json_object_set_new(args, "refresh",
                                   json_string(out->push.hosts.auth));
    }

    account.data = out->account;
    account.len = WA_ACCOUNT_ID_LEN;

    out->call = ngx_http_wahub_call(out->worker, &account, WA_OP_QUERY, args,
                                    NGX_HTTP_WAHUB_MEDIA_CONN,
                                    ngx_http_wahub_media_out_hosts, out);
    json_decref(args);

    if (out->call == NULL) {
        ngx_http_wahub_media_out_end(out, "INTERNAL_ERROR", "Out of memory",
                                     NULL);
    }
}


static void
ngx_http_wahub_media_out_hosts(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_media_out_t  *out = data;

    out->call = NULL;

    if (result->code != NULL) {
        ngx_http_wahub_media_out_end(out, result->code, result->message,
                                     NULL);
        return;
    }

    ngx_http_wahub_wire_hosts(out->worker->conf, result->data, "upload",
                              &out->push.hosts);

    if (ngx_http_wahub_media_out_job(out, ngx_http_wahub_media_out_push,
                                     ngx_http_wahub_media_out_pushed)
        != NGX_OK)
    {
        ngx_http_wahub_media_out_end(out, "INTERNAL_ERROR",
                                     "Too many files are under way", NULL);
    }
}


/* thread */
static void
ngx_http_wahub_media_out_push(void *data)
{
    ngx_http_wahub_media_job_t  *job = data;

    job->result = ngx_http_wahub_wire_push(&job->out->push);
}


static void
ngx_http_wahub_media_out_pushed(void *data)
{
    json_t                      *media;
    ngx_http_wahub_media_job_t  *job = data;
    ngx_http_wahub_media_out_t  *out = job->out;

    out->running = 0;

    if (out->handler == NULL) {
        ngx_http_wahub_media_out_free(out);
        return;
    }

    if (job->result == ngx_http_wahub_wire_auth && out->refreshed == 0) {
        out->refreshed = 1;
        ngx_http_wahub_media_out_conn(out);
        return;
    }

    if (job->result != ngx_http_wahub_wire_ok) {
        ngx_log_error(NGX_LOG_WARN, out->worker->log, 0,
                      "wahub: account \"%*s\": an upload failed: %s",
                      (size_t) WA_ACCOUNT_ID_LEN, out->account,
                      out->push.error);
        ngx_http_wahub_media_out_end(out, "MEDIA_SEND_FAILED",
                                     "The file could not be uploaded", NULL);
        return;
    }

    media = ngx_http_wahub_media_out_object(out);

    ngx_http_wahub_media_out_end(out, media == NULL ? "INTERNAL_ERROR" : NULL,
                                 "Out of memory", media);
    json_decref(media);
}


static json_t *
ngx_http_wahub_media_out_object(ngx_http_wahub_media_out_t *out)
{
    json_t                 *o;
    int                     bad;
    ngx_http_wahub_push_t  *p = &out->push;

    o = json_pack("{s:s, s:s, s:o, s:I, s:I}",
                  "kind", wa_media_name(p->kind),
                  "direct_path", p->direct_path,
                  "file_sha256",
                      ngx_http_wahub_media_out_b64(p->sums.sha256,
                                                   WA_SHA256_LEN),
                  "file_length", (json_int_t) p->sums.length,
                  "media_key_timestamp", (json_int_t) ngx_time());

    if (o == NULL) {
        return NULL;
    }

    bad = 0;

    if (p->url[0] != '\0') {
        bad |= json_object_set_new(o, "url", json_string(p->url));
    }

    if (p->handle[0] != '\0') {
        bad |= json_object_set_new(o, "handle", json_string(p->handle));
    }

    if (p->has_wave) {
        bad |= json_object_set_new(o, "waveform",
                   ngx_http_wahub_media_out_b64(p->wave, WA_WAVE_LEN));
    }

    if (p->bare == 0) {
        bad |= json_object_set_new(o, "media_key",
                   ngx_http_wahub_media_out_b64(p->key, WA_KEY_LEN));
        bad |= json_object_set_new(o, "file_enc_sha256",
                   ngx_http_wahub_media_out_b64(p->sums.enc_sha256,
                                                WA_SHA256_LEN));
    }

    if (bad) {
        json_decref(o);
        return NULL;
    }

    return o;
}


static json_t *
ngx_http_wahub_media_out_b64(const u_char *p, size_t n)
{
    json_t    *v;
    wa_buf_t   text = WA_BUF_EMPTY;

    if (wa_b64_encode(wa_span(p, n), WA_B64_STD, &text) != WA_OK) {
        return NULL;
    }

    v = json_stringn((char *) text.p, text.n);
    wa_buf_wipe(&text);

    return v;
}


static void
ngx_http_wahub_media_out_end(ngx_http_wahub_media_out_t *out,
    const char *code, const char *message, json_t *media)
{
    void                         *data;
    ngx_http_wahub_media_out_pt   handler;

    handler = out->handler;
    data = out->data;
    ngx_http_wahub_media_out_free(out);

    handler(data, code, message, media);
}


static void
ngx_http_wahub_media_out_free(ngx_http_wahub_media_out_t *out)
{
    ngx_queue_remove(&out->queue);

    if (out->push.source != NGX_INVALID_FILE) {
        (void) ngx_close_file(out->push.source);
    }

    if (out->push.sealed != NGX_INVALID_FILE) {
        (void) ngx_close_file(out->push.sealed);
    }

    wa_wipe(out->push.key, sizeof(out->push.key));
    ngx_free(out);
}
