/*
 * Files that the engine reads, see ngx_http_wahub_blob.h.
 *
 *     fetch --> (thread: pull, the first time; read a piece) --> the engine
 */
#include "ngx_http_wahub_blob.h"
#include "ngx_http_wahub_wire.h"
#include "ngx_http_wahub_worker.h"


typedef struct {
    ngx_queue_t                queue;       /* of the slot               */
    ngx_http_wahub_account_t  *slot;        /* NULL: nobody wants it     */
    ngx_http_wahub_worker_t   *worker;
    uint64_t                   token;
    uint64_t                   offset;
    ngx_http_wahub_pull_t      pull;
    ngx_http_wahub_wire_e      result;
    ngx_event_t                failed;      /* posted                    */
    size_t                     n;
    unsigned                   whole:1;     /* pulled                    */
    unsigned                   busy:1;      /* with a thread, or posted  */
    u_char                     piece[WA_FETCH_PIECE];
} ngx_http_wahub_blob_t;

typedef struct {
    ngx_http_wahub_blob_t     *blob;
} ngx_http_wahub_blob_job_t;


static ngx_http_wahub_blob_t *ngx_http_wahub_blob_find(
    ngx_http_wahub_account_t *slot, uint64_t token);
static ngx_http_wahub_blob_t *ngx_http_wahub_blob_create(
    ngx_http_wahub_account_t *slot, const wa_file_fetch_t *f);
static void ngx_http_wahub_blob_read(void *data);
static void ngx_http_wahub_blob_done(void *data);
static void ngx_http_wahub_blob_failed(ngx_event_t *ev);
static void ngx_http_wahub_blob_tell(ngx_http_wahub_blob_t *b);
static void ngx_http_wahub_blob_leave(ngx_http_wahub_blob_t *b);
static void ngx_http_wahub_blob_free(ngx_http_wahub_blob_t *b);


ngx_int_t
ngx_http_wahub_blob_fetch(ngx_http_wahub_account_t *slot,
    const wa_file_fetch_t *f)
{
    ngx_http_wahub_blob_t      *b;
    ngx_http_wahub_blob_job_t  *job;

    b = ngx_http_wahub_blob_find(slot, f->token);

    if (b == NULL) {
        b = ngx_http_wahub_blob_create(slot, f);
    }

    if (b == NULL) {
        return NGX_ERROR;
    }

    b->offset = f->offset;
    b->busy = 1;
    b->n = 0;

    if (b->result == ngx_http_wahub_wire_ok) {
        job = ngx_http_wahub_job_data(b->worker,
                                      sizeof(ngx_http_wahub_blob_job_t));

        if (job != NULL) {
            job->blob = b;

            if (ngx_http_wahub_job_post(job, ngx_http_wahub_blob_read,
                                        ngx_http_wahub_blob_done)
                == NGX_OK)
            {
                return NGX_OK;
            }
        }

        b->result = ngx_http_wahub_wire_again;
    }

    ngx_post_event(&b->failed, &ngx_posted_events);

    return NGX_OK;
}


static ngx_http_wahub_blob_t *
ngx_http_wahub_blob_find(ngx_http_wahub_account_t *slot, uint64_t token)
{
    ngx_queue_t            *q;
    ngx_http_wahub_blob_t  *b;

    for (q = ngx_queue_head(&slot->blobs);
         q != ngx_queue_sentinel(&slot->blobs);
         q = ngx_queue_next(q))
    {
        b = ngx_queue_data(q, ngx_http_wahub_blob_t, queue);

        if (b->token == token) {
            return b;
        }
    }

    return NULL;
}


static ngx_http_wahub_blob_t *
ngx_http_wahub_blob_create(ngx_http_wahub_account_t *slot,
    const wa_file_fetch_t *f)
{
    ngx_http_wahub_blob_t  *b;
    ngx_http_wahub_pull_t  *p;

    b = ngx_calloc(sizeof(ngx_http_wahub_blob_t), slot->worker->log);

    if (b == NULL) {
        return NULL;
    }

    b->slot = slot;
    b->worker = slot->worker;
    b->token = f->token;
    b->failed.data = b;
    b->failed.log = slot->worker->log;
    b->failed.handler = ngx_http_wahub_blob_failed;

    p = &b->pull;
    p->files = slot->worker->files;
    p->kind = f->kind;
    p->has_key = 1;
    ngx_memcpy(p->key, f->key, WA_KEY_LEN);

    if (f->sha256 != NULL) {
        p->has_sha256 = 1;
        ngx_memcpy(p->sha256, f->sha256, WA_SHA256_LEN);
    }

    if (f->enc_sha256 != NULL) {
        p->has_enc_sha256 = 1;
        ngx_memcpy(p->enc_sha256, f->enc_sha256, WA_SHA256_LEN);
    }

    ngx_http_wahub_wire_hosts(slot->worker->conf, f->conn, "download",
                              &p->hosts);

    if (ngx_http_wahub_wire_path_valid(f->path)) {
        ngx_memcpy(p->direct_path, f->path.p, f->path.n);

    } else {
        b->result = ngx_http_wahub_wire_gone;
    }

    ngx_queue_insert_tail(&slot->blobs, &b->queue);

    return b;
}


/* thread */
static void
ngx_http_wahub_blob_read(void *data)
{
    ssize_t                     n;
    ngx_http_wahub_blob_job_t  *job = data;
    ngx_http_wahub_blob_t      *b = job->blob;

    if (b->whole == 0) {
        b->result = ngx_http_wahub_wire_pull(&b->pull);

        if (b->result != ngx_http_wahub_wire_ok) {
            return;
        }

        b->whole = 1;
    }

    n = pread(b->pull.file.fd, b->piece, WA_FETCH_PIECE, (off_t) b->offset);

    if (n == -1) {
        b->result = ngx_http_wahub_wire_local;
        return;
    }

    b->n = (size_t) n;
}


static void
ngx_http_wahub_blob_done(void *data)
{
    ngx_http_wahub_blob_job_t  *job = data;

    ngx_http_wahub_blob_tell(job->blob);
}


static void
ngx_http_wahub_blob_failed(ngx_event_t *ev)
{
    ngx_http_wahub_blob_tell(ev->data);
}


static void
ngx_http_wahub_blob_tell(ngx_http_wahub_blob_t *b)
{
    wa_done_t  done;
    wa_span_t  piece;

    b->busy = 0;

    if (b->slot == NULL) {
        ngx_http_wahub_blob_free(b);
        return;
    }

    piece = wa_span(b->piece, b->n);
    ngx_memzero(&done, sizeof(wa_done_t));
    done.type = WA_DONE_FETCH;
    done.token = b->token;
    done.values = &piece;
    done.n = (b->n != 0);

    switch (b->result) {

    case ngx_http_wahub_wire_ok:
        done.err = WA_OK;
        break;

    case ngx_http_wahub_wire_gone:
        done.err = WA_ERR_GONE;
        break;

    case ngx_http_wahub_wire_corrupt:
        done.err = WA_ERR_AUTH;
        break;

    default:
        done.err = WA_ERR_IO;
    }

    if (done.err != WA_OK) {
        ngx_log_error(NGX_LOG_INFO, b->worker->log, 0,
                      "wahub: a file of app state: %s", b->pull.error);
    }

    /* may end the blob */
    ngx_http_wahub_account_done(b->slot, &done);
}


void
ngx_http_wahub_blob_end(ngx_http_wahub_account_t *slot, uint64_t token)
{
    ngx_http_wahub_blob_t  *b;

    b = ngx_http_wahub_blob_find(slot, token);

    if (b != NULL) {
        ngx_http_wahub_blob_leave(b);
    }
}


void
ngx_http_wahub_blob_forget(ngx_http_wahub_account_t *slot)
{
    ngx_queue_t  *q;

    while (ngx_queue_empty(&slot->blobs) == 0) {
        q = ngx_queue_head(&slot->blobs);
        ngx_http_wahub_blob_leave(ngx_queue_data(q, ngx_http_wahub_blob_t,
                                                 queue));
    }
}


/* A thread that is at it frees it. */
static void
ngx_http_wahub_blob_leave(ngx_http_wahub_blob_t *b)
{
    ngx_queue_remove(&b->queue);
    b->slot = NULL;

    if (b->busy == 0) {
        ngx_http_wahub_blob_free(b);
    }
}


static void
ngx_http_wahub_blob_free(ngx_http_wahub_blob_t *b)
{
    if (b->failed.posted) {
        ngx_delete_posted_event(&b->failed);
    }

    ngx_http_wahub_file_drop(&b->pull.file);
    wa_wipe(b->pull.key, sizeof(b->pull.key));
    wa_wipe(b->piece, sizeof(b->piece));
    ngx_free(b);
}
