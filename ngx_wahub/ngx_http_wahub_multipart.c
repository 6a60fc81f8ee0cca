/*
 * A multipart body becomes files and JSON (thread).  Pieces of 64 KiB go
 * from nginx's temporary file through the parser into ours; only what is no
 * file stays in memory, up to wahub_max_body.
 */
#include "ngx_http_wahub_upload_int.h"

#include "ngx_http_wahub_body.h"

#include "wa_crypto.h"


typedef struct {
    ngx_http_wahub_upload_job_t   *job;
    ngx_http_wahub_part_t         *part;       /* NULL: a field           */
    char                           name[WA_MULTIPART_NAME_MAX + 1];
    wa_buf_t                       value;      /* of a field              */
    wa_buf_t                       message;    /* JSON, as it came        */
    size_t                         fields;     /* bytes of all            */
} ngx_http_wahub_multipart_t;


static wa_err_t ngx_http_wahub_multipart_begin(void *data,
    const wa_part_t *part);
static wa_err_t ngx_http_wahub_multipart_body(void *data, wa_span_t bytes);
static wa_err_t ngx_http_wahub_multipart_end(void *data);
static wa_err_t ngx_http_wahub_multipart_feed(
    ngx_http_wahub_upload_job_t *job, wa_multipart_t *mp);
static void ngx_http_wahub_multipart_finish(ngx_http_wahub_multipart_t *m);


static const wa_multipart_handlers_t  ngx_http_wahub_multipart_handlers = {
    ngx_http_wahub_multipart_begin,
    ngx_http_wahub_multipart_body,
    ngx_http_wahub_multipart_end
};


void
ngx_http_wahub_multipart_read(ngx_http_wahub_upload_job_t *job)
{
    wa_err_t                     rc;
    wa_multipart_t              *mp;
    ngx_http_wahub_multipart_t   m;

    ngx_memzero(&m, sizeof(m));
    m.job = job;
    job->body = json_object();

    rc = wa_multipart_create(&mp, job->boundary,
                             &ngx_http_wahub_multipart_handlers, &m);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_multipart_feed(job, mp);
        wa_multipart_free(mp);
    }

    if (rc == WA_ERR_SYNTAX || rc == WA_ERR_LIMIT) {
        if (job->code == NULL) {
            job->code = "VALIDATION_ERROR";
            job->message = "The multipart body is not valid";
        }

    } else if (rc != WA_OK) {
        job->code = ngx_http_wahub_upload_code(rc);

    } else {
        ngx_http_wahub_multipart_finish(&m);
    }

    wa_buf_wipe(&m.value);
    wa_buf_wipe(&m.message);
}


static wa_err_t
ngx_http_wahub_multipart_feed(ngx_http_wahub_upload_job_t *job,
    wa_multipart_t *mp)
{
    off_t      offset;
    u_char    *piece;
    ssize_t    n;
    wa_err_t   rc;

    piece = ngx_alloc(NGX_HTTP_WAHUB_FILE_CHUNK, ngx_cycle->log);
    if (piece == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_OK;

    for (offset = 0; rc == WA_OK && offset < job->size; offset += n) {
        n = ngx_http_wahub_upload_bytes(job, offset, piece,
                                        NGX_HTTP_WAHUB_FILE_CHUNK);
        rc = n <= 0 ? WA_ERR_IO
                    : wa_multipart_feed(mp, wa_span(piece, (size_t) n));
    }

    ngx_free(piece);

    return rc == WA_OK ? wa_multipart_finish(mp) : rc;
}


/* -- parts --------------------------------------------------------------- */

static wa_err_t
ngx_http_wahub_multipart_file(ngx_http_wahub_multipart_t *m,
    const wa_part_t *part)
{
    wa_err_t                   rc;
    ngx_http_wahub_part_t     *p;
    ngx_http_wahub_upload_t   *upload = m->job->upload;

    if (upload->n == NGX_HTTP_WAHUB_UPLOAD_FILES) {
        m->job->code = "VALIDATION_ERROR";
        m->job->message = "The request has too many files";
        return WA_ERR_LIMIT;
    }

    p = &upload->parts[upload->n];
    rc = ngx_http_wahub_file_create(m->job->files, &p->file);

    if (rc != WA_OK) {
        return rc;
    }

    upload->n++;
    m->part = p;
    (void) ngx_cpystrn((u_char *) p->part, (u_char *) m->name,
                       sizeof(p->part));
    (void) wa_filename_clean(part->filename, p->filename);

    /* clients that do not know say "octet-stream" */

    if (part->type.p != NULL && wa_mime_parse(part->type, p->file.mime)
        && wa_mime_is(p->file.mime, "application/octet-stream"))
    {
        p->file.mime[0] = '\0';
    }

    return WA_OK;
}


static wa_err_t
ngx_http_wahub_multipart_begin(void *data, const wa_part_t *part)
{
    ngx_http_wahub_multipart_t  *m = data;

    m->part = NULL;
    m->value.n = 0;
    (void) ngx_cpystrn((u_char *) m->name, (u_char *) part->name.p,
                       part->name.n + 1);

    return part->filename.p == NULL ? WA_OK
                                    : ngx_http_wahub_multipart_file(m, part);
}


static wa_err_t
ngx_http_wahub_multipart_body(void *data, wa_span_t bytes)
{
    ngx_http_wahub_multipart_t  *m = data;

    if (m->part != NULL) {

        if (bytes.n > m->job->max_size
            || m->part->file.size > m->job->max_size - bytes.n)
        {
            m->job->code = "MEDIA_TOO_LARGE";
            return WA_ERR_LIMIT;
        }

        return ngx_http_wahub_file_write(&m->part->file, bytes);
    }

    if (bytes.n > m->job->max_body
        || m->fields > m->job->max_body - bytes.n)
    {
        m->job->code = "BODY_TOO_LARGE";
        return WA_ERR_LIMIT;
    }

    m->fields += bytes.n;

    return wa_buf_append_span(&m->value, bytes);
}


static wa_err_t
ngx_http_wahub_multipart_end(void *data)
{
    json_t                      *value;
    ngx_http_wahub_multipart_t  *m = data;

    if (m->part != NULL) {
        return ngx_http_wahub_file_examine(&m->part->file,
                                           wa_span_str(m->part->filename));
    }

    if (ngx_strcmp(m->name, "message") == 0 && m->message.n == 0) {
        wa_buf_move(&m->message, &m->value);
        return WA_OK;
    }

    value = json_stringn(m->value.n == 0 ? "" : (char *) m->value.p,
                         m->value.n);

    if (value == NULL || json_object_set_new(m->job->body, m->name, value)
                         != 0)
    {
        m->job->code = "VALIDATION_ERROR";
        m->job->message = "A part is not UTF-8";
        return WA_ERR_LIMIT;
    }

    return WA_OK;
}


/* -- the whole ----------------------------------------------------------- */

/* What an Idempotency-Key compares: the text, the contents, the names. */
static void
ngx_http_wahub_multipart_digest(ngx_http_wahub_multipart_t *m)
{
    char       *fields;
    uint8_t     hash[32];
    wa_span_t   parts[2 + 4 * NGX_HTTP_WAHUB_UPLOAD_FILES];
    ngx_uint_t  i, n;

    ngx_http_wahub_part_t    *p;
    ngx_http_wahub_upload_t  *upload = m->job->upload;

    fields = json_dumps(m->job->body, JSON_COMPACT|JSON_SORT_KEYS);

    parts[0] = wa_span_str(fields);
    parts[1] = wa_span_buf(&m->message);
    n = 2;

    for (i = 0; i < upload->n; i++) {
        p = &upload->parts[i];
        parts[n++] = wa_span(p->file.sha256, NGX_HTTP_WAHUB_FILE_HASH);

        /* with the NUL of each */

        parts[n++] = wa_span(p->part, ngx_strlen(p->part) + 1);
        parts[n++] = wa_span(p->filename, ngx_strlen(p->filename) + 1);
        parts[n++] = wa_span(p->file.mime, ngx_strlen(p->file.mime) + 1);
    }

    if (fields == NULL || wa_sha256(parts, n, hash) != WA_OK) {
        m->job->code = "INTERNAL_ERROR";

    } else {
        *ngx_hex_dump((u_char *) m->job->digest, hash, sizeof(hash)) = '\0';
    }

    free(fields);
}


static void
ngx_http_wahub_multipart_finish(ngx_http_wahub_multipart_t *m)
{
    json_t                       *message;
    ngx_http_wahub_upload_job_t  *job = m->job;

    ngx_http_wahub_multipart_digest(m);

    if (job->code != NULL || m->message.n == 0) {
        return;
    }

    job->code = ngx_http_wahub_body_json(m->message.p, m->message.n,
                                         &message, &job->message);
    if (job->code != NULL) {
        return;
    }

    /* what the message says itself counts more than a field */

    if (json_object_update(job->body, message) != 0) {
        job->code = "INTERNAL_ERROR";
    }

    json_decref(message);
}
