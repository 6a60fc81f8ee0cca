/*
 * Media and files (HTTP contract 8).
 */
#include "ngx_http_wahub_api_media.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_history.h"
#include "ngx_http_wahub_idem.h"
#include "ngx_http_wahub_link.h"
#include "ngx_http_wahub_route.h"
#include "ngx_http_wahub_upload.h"


#define NGX_HTTP_WAHUB_LOOK_LIST  100


static void ngx_http_wahub_look_again(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_look_send_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_look_answer_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_look_answer_json(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);
static void ngx_http_wahub_look_stats_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_look_one_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_look_list_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_look_uploaded(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_look_kept(ngx_http_wahub_ctx_t *ctx);


/* -- thread -------------------------------------------------------------- */

static wa_span_t
ngx_http_wahub_look_account(ngx_http_wahub_look_t *m)
{
    return m->account[0] == '\0' ? wa_span_none() : wa_span_str(m->account);
}


static wa_err_t
ngx_http_wahub_look_run_stats(wa_sql_t *db, void *data)
{
    wa_err_t                 rc;
    json_t                  *stats;
    ngx_http_wahub_look_t   *m = data;

    rc = wa_media_stats(db, wa_span_str(m->tenant),
                        ngx_http_wahub_look_account(m), &stats);

    if (rc == WA_OK) {
        json_decref(m->json);
        m->json = stats;
    }

    return rc;
}


static wa_err_t
ngx_http_wahub_look_run_list(wa_sql_t *db, void *data)
{
    size_t                   i;
    json_t                  *items;
    wa_err_t                 rc;
    wa_media_list_t          list;
    ngx_http_wahub_look_t   *m = data;

    rc = wa_media_recent(db, wa_span_str(m->tenant),
                         ngx_http_wahub_look_account(m),
                         NGX_HTTP_WAHUB_LOOK_LIST, &list);

    if (rc != WA_OK) {
        return rc;
    }

    items = json_array();

    for (i = 0; i < list.n; i++) {
        if (json_array_append_new(items, ngx_http_wahub_look_json(m,
                                             &list.items[i])) != 0)
        {
            rc = WA_ERR_NOMEM;
            break;
        }
    }

    json_decref(m->json);
    m->json = json_pack("{s:o,s:I}", "media", items,
                        "count", (json_int_t) list.n);
    wa_media_list_free(&list);

    return m->json == NULL ? WA_ERR_NOMEM : rc;
}


/* "1.5 MB", as reference 002 writes sizes. */
static json_t *
ngx_http_wahub_look_size(json_int_t size)
{
    double      n;
    ngx_uint_t  i;

    static const char *const  units[] = { "KB", "MB", "GB", "TB" };

    if (size < 1024) {
        return json_sprintf("%lld B", (long long) size);
    }

    n = (double) size / 1024;

    for (i = 0; n >= 1024 && i < 3; i++) {
        n /= 1024;
    }

    return json_sprintf("%.1f %s", n, units[i]);
}


/* {stats:[{type, count, totalSize}]} out of the other form. */
static wa_err_t
ngx_http_wahub_look_run_sizes(wa_sql_t *db, void *data)
{
    size_t                   i;
    json_t                  *items, *type, *item;
    wa_err_t                 rc;
    ngx_http_wahub_look_t   *m = data;

    rc = ngx_http_wahub_look_run_stats(db, data);

    if (rc != WA_OK) {
        return rc;
    }

    items = json_array();

    json_array_foreach(json_object_get(m->json, "byType"), i, type) {
        item = json_pack("{s:O,s:O,s:o}",
                   "type", json_object_get(type, "mime_type"),
                   "count", json_object_get(type, "count"),
                   "totalSize", ngx_http_wahub_look_size(
                       json_integer_value(json_object_get(type, "size"))));

        if (json_array_append_new(items, item) != 0) {
            rc = WA_ERR_NOMEM;
        }
    }

    json_decref(m->json);
    m->json = json_pack("{s:o}", "stats", items);

    return m->json == NULL ? WA_ERR_NOMEM : rc;
}


/* -- reading ------------------------------------------------------------- */

/* There is no row, or not yet: its message may have been told of just now. */
static void
ngx_http_wahub_look_again(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    if (m->by_message == 0 && wa_media_id_valid(wa_span_str(m->ref)) == false)
    {
        ngx_http_wahub_error(ctx, "MEDIA_NOT_FOUND", NULL);
        return;
    }

    ngx_http_wahub_history_again(ctx, "MEDIA_NOT_FOUND",
                                 m->by_message ? ngx_http_wahub_look_one_query
                                               : ngx_http_wahub_files_get);
}


static void
ngx_http_wahub_look_answer_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    if (m->json == NULL) {
        ngx_http_wahub_look_again(ctx, m);
        return;
    }

    ngx_http_wahub_look_answer_json(ctx, m);
}


static void
ngx_http_wahub_look_send_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    if (m->row.id.p == NULL) {
        ngx_http_wahub_look_again(ctx, m);
        return;
    }

    ngx_http_wahub_look_send(ctx, m);
}


static void
ngx_http_wahub_look_answer_json(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    json_t  *json;

    json = m->json;
    m->json = NULL;

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, json);
}


void
ngx_http_wahub_files_get(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, &ctx->params[0], 0,
                               NULL, ngx_http_wahub_look_answer_row);
}


void
ngx_http_wahub_files_by_message(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_look_one_query);
}


static void
ngx_http_wahub_look_one_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_look_pt  answer;

    answer = (ctx->route->arg & NGX_HTTP_WAHUB_LOOK_OPEN)
             ? ngx_http_wahub_look_send_row : ngx_http_wahub_look_answer_row;

    ctx->vars.message_id = ctx->params[0];
    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, &ctx->params[0],
                               NGX_HTTP_WAHUB_LOOK_BY_MESSAGE
                               | (ngx_uint_t) ctx->route->arg, NULL, answer);
}


void
ngx_http_wahub_files_stats(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_look_stats_query);
}


static void
ngx_http_wahub_look_stats_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, NULL, 0,
        ctx->route->arg ? ngx_http_wahub_look_run_sizes
                        : ngx_http_wahub_look_run_stats,
        ngx_http_wahub_look_answer_json);
}


void
ngx_http_wahub_files_list(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_look_list_query);
}


static void
ngx_http_wahub_look_list_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_look_start(ctx, &ctx->vars.tenant, NULL, 0,
                               ngx_http_wahub_look_run_list,
                               ngx_http_wahub_look_answer_json);
}


/* -- files --------------------------------------------------------------- */

void
ngx_http_wahub_files_download(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_str_t    tenant;
    ngx_uint_t   thumb;
    const char  *code;

    thumb = 0;
    rc = ngx_http_wahub_query_bool(ctx->request, "thumb", &thumb);
    code = ngx_http_wahub_link_access(ctx, 0, &tenant);

    if (code != NULL) {
        ngx_http_wahub_error(ctx, code, NULL);
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_wahub_error_query(ctx, "thumb");
        return;
    }

    ngx_http_wahub_look_start(ctx, &tenant, &ctx->params[0],
                               NGX_HTTP_WAHUB_LOOK_OPEN
                               | (thumb ? NGX_HTTP_WAHUB_LOOK_THUMB : 0),
                               NULL, ngx_http_wahub_look_send);
}


/* The name is a key: <media id>.<ending of its type>. */
static void
ngx_http_wahub_look_send_file(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m)
{
    char         mime[WA_MIME_MAX];
    size_t       n;
    ngx_str_t   *session, *name;
    wa_span_t    account;
    const char  *extension;

    session = &ctx->params[0];
    name = &ctx->params[1];
    account = m->row.account;

    extension = wa_mime_parse(m->row.mime, mime) ? wa_mime_extension(mime)
                                                 : "bin";
    n = ngx_strlen(extension);

    /* a session may also go by its name, which is not looked up */

    if (m->row.id.p != NULL
        && (name->len != WA_MEDIA_ID_LEN + 1 + n
            || name->data[WA_MEDIA_ID_LEN] != '.'
            || ngx_memcmp(name->data + WA_MEDIA_ID_LEN + 1, extension, n) != 0
            || (session->len == NGX_HTTP_WAHUB_UUID_LEN
                && account.n == session->len
                && ngx_memcmp(session->data, account.p, account.n) != 0)))
    {
        ngx_http_wahub_error(ctx, "MEDIA_NOT_FOUND", NULL);
        return;
    }

    ngx_http_wahub_look_send(ctx, m);
}


void
ngx_http_wahub_files_file(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t    tenant, id;
    const char  *code;

    code = ngx_http_wahub_link_access(ctx, 1, &tenant);

    if (code != NULL) {
        ngx_http_wahub_error(ctx, code, NULL);
        return;
    }

    id.data = ctx->params[1].data;
    id.len = ngx_min(ctx->params[1].len, WA_MEDIA_ID_LEN);

    ngx_http_wahub_look_start(ctx, &tenant, &id, NGX_HTTP_WAHUB_LOOK_OPEN,
                               NULL, ngx_http_wahub_look_send_file);
}


/* -- uploads ------------------------------------------------------------- */

void
ngx_http_wahub_files_upload(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *base64;
    ngx_str_t    mime, filename;
    ngx_uint_t   n;

    ctx->idem_next = ngx_http_wahub_look_kept;

    if (ngx_http_wahub_idem_read(ctx) != NGX_OK) {
        return;
    }

    n = (ctx->upload == NULL) ? 0 : ctx->upload->n;

    if (n > 0) {

        if (n > (ngx_uint_t) ctx->route->arg) {
            ngx_http_wahub_error_field(ctx, "file", "TOO_MANY",
                                       "file: there are too many files");
            return;
        }

        ngx_http_wahub_look_uploaded(ctx);
        return;
    }

    base64 = ngx_http_wahub_body_get(ctx, "base64");

    if (json_is_string(base64) == 0) {
        ngx_http_wahub_error_field(ctx, "file",
            base64 == NULL ? "REQUIRED" : "INVALID_TYPE",
            base64 == NULL ? "file: is required"
                           : "base64: has the wrong type");
        return;
    }

    mime = ngx_http_wahub_json_str(ngx_http_wahub_body_get(ctx,
                                       "mime_type|mimetype"));
    filename = ngx_http_wahub_json_str(ngx_http_wahub_body_get(ctx,
                                           "filename|fileName"));

    ngx_http_wahub_upload_base64(ctx, base64, &mime, &filename,
                                 ngx_http_wahub_look_uploaded);
}


static void
ngx_http_wahub_look_uploaded(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t               mime;
    ngx_http_wahub_part_t  *p;

    p = ngx_http_wahub_upload_part(ctx, NULL);
    mime = ngx_http_wahub_json_str(ngx_http_wahub_body_get(ctx,
                                       "mime_type|mimetype"));

    if (mime.len != 0 && ctx->upload->n == 1
        && wa_mime_parse(ngx_http_wahub_span(&mime), p->file.mime) == false)
    {
        ngx_http_wahub_error(ctx, "INVALID_MEDIA_TYPE", NULL);
        return;
    }

    ngx_http_wahub_upload_keep(ctx, ngx_http_wahub_look_kept);
}


/* What WhatsApp would send it as. */
static const char *
ngx_http_wahub_look_kind(wa_span_t mime)
{
    ngx_uint_t  i;

    static const char *const  kinds[] = { "image", "video", "audio" };

    for (i = 0; i < 3; i++) {
        if (mime.n > 5 && ngx_memcmp(mime.p, kinds[i], 5) == 0
            && mime.p[5] == '/')
        {
            return kinds[i];
        }
    }

    return "document";
}


static json_t *
ngx_http_wahub_look_of(ngx_http_wahub_ctx_t *ctx, ngx_http_wahub_part_t *p)
{
    json_t            *media;
    wa_err_t           rc;
    ngx_str_t          type;
    wa_media_links_t   links;

    /* the same links whenever it is answered again */

    ngx_http_wahub_link_with(ctx, &links);
    links.now = p->row.created_ms / 1000;
    media = wa_media_object(&p->row);
    rc = (media == NULL) ? WA_ERR_NOMEM
                         : wa_media_sign(media, &p->row, &links);
    wa_wipe(&links, sizeof(links));
    type = ngx_http_wahub_json_str(ngx_http_wahub_body_get(ctx, "type"));

    if (rc != WA_OK) {
        json_decref(media);
        return NULL;
    }

    /* reference 003's names for the same */

    if (json_object_set_new(media, "originalname",
            json_incref(json_object_get(media, "original_filename"))) != 0
        || json_object_set_new(media, "mimetype",
               json_incref(json_object_get(media, "mime_type"))) != 0
        || json_object_set_new(media, "size",
               json_incref(json_object_get(media, "file_size"))) != 0
        || json_object_set_new(media, "type", type.len != 0
               ? ngx_http_wahub_json_text(&type)
               : json_string(ngx_http_wahub_look_kind(p->row.mime))) != 0)
    {
        json_decref(media);
        return NULL;
    }

    return media;
}


static void
ngx_http_wahub_look_kept(ngx_http_wahub_ctx_t *ctx)
{
    json_t      *data, *files, *media;
    ngx_uint_t   i;

    if (ctx->route->arg == 1) {
        media = ngx_http_wahub_look_of(ctx, &ctx->upload->parts[0]);
        data = (media == NULL) ? NULL : media;

    } else {
        files = json_array();

        for (i = 0; i < ctx->upload->n; i++) {
            media = ngx_http_wahub_look_of(ctx, &ctx->upload->parts[i]);

            if (json_array_append_new(files, media) != 0) {
                json_decref(files);
                ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
                return;
            }
        }

        data = json_pack("{s:o,s:I}", "files", files,
                         "count", (json_int_t) ctx->upload->n);
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_CREATED,
                          data == NULL ? NULL
                          : json_pack("{s:b,s:o}", "success", 1,
                                      "data", data));
}
