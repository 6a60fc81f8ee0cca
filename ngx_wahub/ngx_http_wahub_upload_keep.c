/*
 * Files of a request become the tenant's uploads; with an Idempotency-Key
 * once, and a repeat is given the first answer (core/wa_archive_once.h).
 *
 * What is kept under a key is {request_id, ids: [media id]} or {request_id,
 * refusal: {code, message?, details?}}: rows of uploads do not change, so the
 * first answer can be made again from them.
 */
#include "ngx_http_wahub_upload_int.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_sql.h"

#include "wa_archive_once.h"


static wa_err_t ngx_http_wahub_upload_files(wa_sql_t *db,
    ngx_http_wahub_upload_job_t *job);
static wa_err_t ngx_http_wahub_upload_once(wa_sql_t *db,
    ngx_http_wahub_upload_job_t *job);
static wa_err_t ngx_http_wahub_upload_known(wa_sql_t *db,
    ngx_http_wahub_upload_job_t *job, json_t *answer);
static json_t *ngx_http_wahub_upload_answer(
    ngx_http_wahub_upload_job_t *job);
static void ngx_http_wahub_upload_post_keep(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_upload_job_t *job, ngx_http_wahub_sql_done_pt done);
static void ngx_http_wahub_upload_kept(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_upload_refused(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_upload_replay(ngx_http_wahub_upload_job_t *job);


/* -- thread -------------------------------------------------------------- */

/* Maybe twice. */
static wa_err_t
ngx_http_wahub_upload_store(wa_sql_t *db, void *data)
{
    wa_err_t                      rc;
    ngx_http_wahub_upload_job_t  *job = data;

    if (job->idem == NULL) {
        return ngx_http_wahub_upload_files(db, job);
    }

    rc = wa_sql_begin(db);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_upload_once(db, job);

        if (rc == WA_OK) {
            rc = wa_sql_commit(db);

        } else {
            wa_sql_rollback(db);
        }
    }

    if (rc == WA_OK) {
        (void) wa_once_forget(db, job->now_ms);
    }

    return rc;
}


static wa_err_t
ngx_http_wahub_upload_files(wa_sql_t *db, ngx_http_wahub_upload_job_t *job)
{
    wa_err_t                rc;
    ngx_uint_t              i;
    ngx_http_wahub_part_t  *p;

    rc = WA_OK;

    for (i = 0; rc == WA_OK && i < job->upload->n; i++) {
        p = &job->upload->parts[i];

        if (p->id[0] == '\0') {
            wa_media_id_make(p->id);
        }

        wa_media_init(&p->row);
        p->row.id = wa_span_str(p->id);
        p->row.tenant = wa_span_str(job->tenant);
        p->row.created_ms = job->now_ms;

        if (p->filename[0] != '\0') {
            p->row.filename = wa_span_str(p->filename);
        }

        rc = ngx_http_wahub_file_keep(db, &p->file, &p->row);
    }

    return rc;
}


static wa_span_t
ngx_http_wahub_upload_text(const json_t *json)
{
    return wa_span(json_string_value(json), json_string_length(json));
}


/* In a transaction. */
static wa_err_t
ngx_http_wahub_upload_once(wa_sql_t *db, ngx_http_wahub_upload_job_t *job)
{
    json_t     *answer;
    wa_err_t    rc;
    wa_once_e   found;
    wa_once_t   once;

    once.key = ngx_http_wahub_upload_text(json_object_get(job->idem, "key"));
    once.body = ngx_http_wahub_upload_text(json_object_get(job->idem,
                                                           "body"));
    once.now_ms = job->now_ms;

    rc = wa_once_claim(db, &once, &found, &answer);

    if (rc != WA_OK) {
        return rc;
    }

    if (found == WA_ONCE_OTHER) {
        job->code = "IDEMPOTENCY_KEY_REUSED";
        return WA_OK;
    }

    if (found == WA_ONCE_KNOWN) {
        rc = ngx_http_wahub_upload_known(db, job, answer);
        json_decref(answer);
        return rc;
    }

    if (job->refusal == NULL) {
        rc = ngx_http_wahub_upload_files(db, job);

        if (rc != WA_OK) {
            return rc;
        }
    }

    answer = ngx_http_wahub_upload_answer(job);
    rc = (answer == NULL) ? WA_ERR_NOMEM
                          : wa_once_answer(db, &once, answer);
    json_decref(answer);

    return rc;
}


/* NULL: out of memory. */
static json_t *
ngx_http_wahub_upload_answer(ngx_http_wahub_upload_job_t *job)
{
    json_t      *ids, *request;
    ngx_uint_t   i;

    request = json_object_get(job->idem, "request_id");

    if (job->refusal != NULL) {
        return json_pack("{s:O,s:O}", "request_id", request,
                         "refusal", job->refusal);
    }

    ids = json_array();

    for (i = 0; i < job->upload->n; i++) {
        if (json_array_append_new(ids, json_string(job->upload->parts[i].id))
            != 0)
        {
            json_decref(ids);
            return NULL;
        }
    }

    return json_pack("{s:O,s:o}", "request_id", request, "ids", ids);
}


/* Our own commit may have happened before the connection was lost: that is
   no replay. */
static wa_err_t
ngx_http_wahub_upload_known(wa_sql_t *db, ngx_http_wahub_upload_job_t *job,
    json_t *answer)
{
    size_t                   i;
    json_t                  *id, *ids, *first;
    wa_err_t                 rc;
    ngx_http_wahub_part_t   *p;

    first = json_object_get(answer, "request_id");

    if (json_equal(first, json_object_get(job->idem, "request_id")) == 0) {
        job->replayed = 1;
        (void) json_object_set(job->idem, "first_id", first);
    }

    json_decref(job->refusal);
    job->refusal = json_incref(json_object_get(answer, "refusal"));

    if (job->refusal != NULL) {
        return WA_OK;
    }

    ids = json_object_get(answer, "ids");

    if (json_array_size(ids) > NGX_HTTP_WAHUB_UPLOAD_FILES) {
        return WA_ERR_FATAL;
    }

    json_array_foreach(ids, i, id) {
        p = &job->upload->parts[i];
        wa_media_free(&p->row);

        rc = wa_media_find(db, wa_span_str(job->tenant),
                           ngx_http_wahub_upload_text(id), &p->row);

        if (rc != WA_OK) {
            return rc;
        }

        job->upload->n = ngx_max(job->upload->n, i + 1);

        if (p->row.id.p == NULL) {
            return WA_ERR_FATAL;
        }
    }

    return WA_OK;
}


/* -- loop ---------------------------------------------------------------- */

void
ngx_http_wahub_upload_keep(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    json_t                       *idem;
    ngx_http_wahub_upload_job_t  *job;

    /* of a send it is the account's */

    idem = NULL;

    if (ctx->idem_next != NULL) {
        idem = ctx->idem;
        ctx->idem = NULL;
    }

    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        json_decref(idem);
        return;
    }

    job->idem = idem;

    ngx_http_wahub_upload_post_keep(ctx, job, ngx_http_wahub_upload_kept);
}


ngx_int_t
ngx_http_wahub_upload_refuse(ngx_http_wahub_ctx_t *ctx, json_t *refusal,
    ngx_http_wahub_row_pt next)
{
    json_t                       *idem;
    ngx_http_wahub_upload_job_t  *job;

    if (refusal == NULL) {
        return NGX_DECLINED;
    }

    idem = ctx->idem;
    ctx->idem = NULL;
    job = ngx_http_wahub_upload_job(ctx, next);

    if (job == NULL) {
        json_decref(idem);
        json_decref(refusal);
        return NGX_OK;
    }

    job->idem = idem;
    job->refusal = refusal;

    ngx_http_wahub_upload_post_keep(ctx, job, ngx_http_wahub_upload_refused);

    return NGX_OK;
}


static void
ngx_http_wahub_upload_post_keep(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_upload_job_t *job, ngx_http_wahub_sql_done_pt done)
{
    if (ngx_http_wahub_sql_read(ctx->worker, ngx_http_wahub_upload_store,
                                done, job)
        != NGX_OK)
    {
        ngx_http_wahub_upload_end(job);
        ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
    }
}


static void
ngx_http_wahub_upload_kept(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_upload_job_t  *job = data;

    if (err != WA_OK) {
        job->code = (err == WA_ERR_NOMEM || err == WA_ERR_ARG
                     || err == WA_ERR_FATAL)
                    ? "INTERNAL_ERROR" : "STORE_UNAVAILABLE";
        job->replayed = 0;
        json_decref(job->refusal);
        job->refusal = NULL;
    }

    ngx_http_wahub_upload_replay(job);
    ngx_http_wahub_upload_finish(job);
}


/* Whether it could be kept or not, the request is refused. */
static void
ngx_http_wahub_upload_refused(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_upload_job_t  *job = data;

    if (err != WA_OK) {
        job->replayed = 0;
    }

    ngx_http_wahub_upload_replay(job);
    ngx_http_wahub_upload_finish(job);
}


static void
ngx_http_wahub_upload_replay(ngx_http_wahub_upload_job_t *job)
{
    ngx_str_t              id;
    ngx_http_wahub_ctx_t  *ctx = job->wait.ctx;

    if (ctx == NULL || job->replayed == 0) {
        return;
    }

    ctx->replayed = 1;
    id = ngx_http_wahub_json_str(json_object_get(job->idem, "first_id"));

    if (id.len > 0) {
        ctx->first_id.data = ngx_pstrdup(ctx->request->pool, &id);
        ctx->first_id.len = (ctx->first_id.data == NULL) ? 0 : id.len;
    }
}
