/*
 * A look at wa_media in the name of a request.
 */
#include "ngx_http_wahub_api_media.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_link.h"

#include "wa_image.h"


static wa_err_t ngx_http_wahub_look_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_look_done(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_look_end(ngx_http_wahub_look_t *m);


static ngx_int_t
ngx_http_wahub_look_copy(char *to, const ngx_str_t *from)
{
    if (from->len > NGX_HTTP_WAHUB_LOOK_REF_MAX
        || ngx_strlchr(from->data, from->data + from->len, '\0') != NULL)
    {
        return NGX_ERROR;
    }

    *ngx_cpymem(to, from->data, from->len) = '\0';

    return NGX_OK;
}


void
ngx_http_wahub_look_start(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *tenant, const ngx_str_t *ref, ngx_uint_t flags,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_look_pt answer)
{
    ngx_int_t                rc;
    ngx_http_wahub_look_t  *m;

    m = (void *) ngx_http_wahub_wait_create(ctx,
                                            sizeof(ngx_http_wahub_look_t));
    if (m == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    m->fd = -1;
    m->answer = answer;
    m->files = ctx->worker->files;
    ngx_http_wahub_link_with(ctx, &m->links);
    m->by_message = (flags & NGX_HTTP_WAHUB_LOOK_BY_MESSAGE) ? 1 : 0;
    m->open = (flags & NGX_HTTP_WAHUB_LOOK_OPEN) ? 1 : 0;
    m->thumb = (flags & NGX_HTTP_WAHUB_LOOK_THUMB) ? 1 : 0;
    m->both = (flags & NGX_HTTP_WAHUB_LOOK_BOTH) ? 1 : 0;
    wa_media_init(&m->row);

    /* what is too long, nobody has been given */

    if (ngx_http_wahub_look_copy(m->tenant, tenant) != NGX_OK
        || ngx_http_wahub_look_copy(m->account, &ctx->vars.account)
           != NGX_OK
        || (ref != NULL && ngx_http_wahub_look_copy(m->ref, ref) != NGX_OK))
    {
        ngx_http_wahub_look_end(m);
        ngx_http_wahub_error(ctx, "MEDIA_NOT_FOUND", NULL);
        return;
    }

    rc = ngx_http_wahub_sql_read(ctx->worker,
                                 run == NULL ? ngx_http_wahub_look_run : run,
                                 ngx_http_wahub_look_done, m);

    if (rc != NGX_OK) {
        ngx_http_wahub_look_end(m);
        ngx_http_wahub_error(ctx, rc == NGX_BUSY ? "STORE_UNAVAILABLE"
                                                 : "INTERNAL_ERROR", NULL);
    }
}


/* -- thread -------------------------------------------------------------- */

static wa_span_t
ngx_http_wahub_look_optional(const char *text)
{
    return text[0] == '\0' ? wa_span_none() : wa_span_str(text);
}


/* A thumbnail that cannot be read is one that is not there. */
static void
ngx_http_wahub_look_picture(ngx_http_wahub_look_t *m)
{
    ssize_t      n;
    ngx_fd_t     fd;
    struct stat  st;

    if (ngx_http_wahub_file_open(m->files, m->row.tenant, m->row.thumb, &fd,
                                 &st) != WA_OK)
    {
        return;
    }

    if (st.st_size > 0 && st.st_size <= (off_t) WA_IMAGE_THUMB_MAX
        && wa_buf_reserve(&m->picture, WA_IMAGE_THUMB_MAX) == WA_OK)
    {
        n = pread(fd, m->picture.p, WA_IMAGE_THUMB_MAX, 0);
        m->picture.n = (n == (ssize_t) st.st_size) ? (size_t) n : 0;
    }

    (void) close(fd);
}


static wa_err_t
ngx_http_wahub_look_run(wa_sql_t *db, void *data)
{
    wa_err_t                 rc;
    ngx_http_wahub_look_t   *m = data;

    if (m->by_message) {
        rc = wa_media_of_message(db, wa_span_str(m->tenant),
                                 ngx_http_wahub_look_optional(m->account),
                                 wa_span_str(m->ref), &m->row);

    } else if (wa_media_id_valid(wa_span_str(m->ref))) {
        rc = wa_media_find(db, ngx_http_wahub_look_optional(m->tenant),
                           wa_span_str(m->ref), &m->row);

    } else {
        return WA_OK;
    }

    /* what is no UTF-8 is no id */

    if (rc == WA_ERR_ARG) {
        return WA_OK;
    }

    if (rc != WA_OK || m->row.id.p == NULL) {
        return rc;
    }

    if (m->open == 0) {
        m->json = ngx_http_wahub_look_json(m, &m->row);
        return m->json == NULL ? WA_ERR_NOMEM : WA_OK;
    }

    if (m->row.status != WA_MEDIA_DOWNLOADED) {
        return WA_OK;
    }

    rc = ngx_http_wahub_file_open(m->files, m->row.tenant,
                                  m->thumb ? m->row.thumb : m->row.path,
                                  &m->fd, &m->st);

    if (rc != WA_OK) {
        m->fd = -1;

    } else if (m->both && m->row.thumb.n != 0) {
        ngx_http_wahub_look_picture(m);
    }

    /* the disk's trouble is not that of the database's connection */

    return WA_OK;
}


json_t *
ngx_http_wahub_look_json(ngx_http_wahub_look_t *m, const wa_media_t *row)
{
    json_t  *json;

    json = wa_media_object(row);

    if (json != NULL && wa_media_sign(json, row, &m->links) != WA_OK) {
        json_decref(json);
        return NULL;
    }

    return json;
}


/* -- loop ---------------------------------------------------------------- */

static void
ngx_http_wahub_look_done(void *data, wa_err_t err, const char *text)
{
    ngx_connection_t        *c;
    ngx_http_wahub_ctx_t    *ctx;
    ngx_http_wahub_look_t   *m = data;

    ctx = m->wait.ctx;

    if (ctx == NULL) {
        ngx_http_wahub_look_end(m);
        return;
    }

    c = ctx->request->connection;
    ngx_http_set_log_request(c->log, ctx->request);

    /* the answer may end the request, and frees nothing of `m` */

    m->wait.ctx = NULL;
    ctx->wait = NULL;

    switch (err) {

    case WA_OK:
        m->answer(ctx, m);
        break;

    case WA_ERR_AMBIGUOUS:
        ngx_http_wahub_error(ctx, "AMBIGUOUS_ID", NULL);
        break;

    case WA_ERR_NOMEM:
    case WA_ERR_ARG:
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        break;

    default:
        ngx_http_wahub_error(ctx, "STORE_UNAVAILABLE", NULL);
        break;
    }

    ngx_http_wahub_look_end(m);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_wahub_look_end(ngx_http_wahub_look_t *m)
{
    if (m->fd != -1) {
        (void) close(m->fd);
    }

    wa_wipe(&m->links, sizeof(m->links));
    wa_media_free(&m->row);
    json_decref(m->json);
    wa_buf_free(&m->picture);

    (void) ngx_http_wahub_wait_end(&m->wait);
}
