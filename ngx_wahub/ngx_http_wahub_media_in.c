/*
 * One download, see ngx_http_wahub_media.h.
 *
 *     media.conn -> pull (thread) -> keep (thread, SQL) -> event.tell
 *                      ^    |
 *                      |    gone, corrupt: media.retry, once
 *                      +----+
 */
#include "ngx_http_wahub_media.h"

#include "ngx_http_wahub_api.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_sql.h"

#include "wa_descriptor.h"


#define NGX_HTTP_WAHUB_MEDIA_CONN      15000    /* ms                    */
#define NGX_HTTP_WAHUB_MEDIA_RETRY     70000
#define NGX_HTTP_WAHUB_MEDIA_EVENT     15000
#define NGX_HTTP_WAHUB_MEDIA_ATTEMPTS  6
#define NGX_HTTP_WAHUB_MEDIA_ROOM      1000     /* ms, a full disk       */


struct ngx_http_wahub_media_in_s {
    ngx_queue_t                   queue;        /* w->downloads          */
    ngx_http_wahub_worker_t      *worker;
    ngx_http_wahub_media_in_pt    handler;
    void                         *data;
    wa_media_t                    row;
    json_t                       *descriptor;
    json_t                       *object;       /* the Media, when kept  */
    const char                   *error;        /* of the settled row    */
    ngx_http_wahub_pull_t         pull;
    ngx_http_wahub_wire_e         result;
    ngx_event_t                   ended;        /* posted                */
    unsigned                      asked:1;      /* by a request          */
    unsigned                      phoned:1;     /* the phone was asked   */
    unsigned                      tell:1;       /* media.failed          */
};

typedef struct {
    ngx_http_wahub_media_in_t    *in;
} ngx_http_wahub_media_job_t;


static ngx_int_t ngx_http_wahub_media_in_open(ngx_http_wahub_media_in_t *in);
static ngx_int_t ngx_http_wahub_media_in_path(ngx_http_wahub_media_in_t *in,
    json_t *path);
static ngx_int_t ngx_http_wahub_media_in_ask(ngx_http_wahub_media_in_t *in,
    json_t *args, ngx_msec_t timeout, ngx_http_wahub_call_pt handler);
static void ngx_http_wahub_media_in_hosts(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_media_in_start(ngx_http_wahub_media_in_t *in);
static void ngx_http_wahub_media_in_pull(void *data);
static void ngx_http_wahub_media_in_pulled(void *data);
static void ngx_http_wahub_media_in_phone(ngx_http_wahub_media_in_t *in);
static void ngx_http_wahub_media_in_phoned(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_media_in_later(ngx_http_wahub_media_in_t *in,
    const char *error);
static void ngx_http_wahub_media_in_settle(ngx_http_wahub_media_in_t *in,
    wa_media_status_e status, const char *error);
static wa_err_t ngx_http_wahub_media_in_keep(wa_sql_t *db, void *data);
static void ngx_http_wahub_media_in_kept(void *data, wa_err_t err,
    const char *text);
static wa_err_t ngx_http_wahub_media_in_write(wa_sql_t *db, void *data);
static void ngx_http_wahub_media_in_settled(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_media_in_tell(ngx_http_wahub_media_in_t *in);
static void ngx_http_wahub_media_in_told(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_media_in_end(ngx_http_wahub_media_in_t *in);
static void ngx_http_wahub_media_in_ended(ngx_event_t *ev);
static void ngx_http_wahub_media_in_free(ngx_http_wahub_media_in_t *in);


ngx_http_wahub_media_in_t *
ngx_http_wahub_media_fetch(ngx_http_wahub_worker_t *w, wa_media_t *row,
    ngx_uint_t asked, ngx_http_wahub_media_in_pt handler, void *data)
{
    json_t                      *args;
    ngx_http_wahub_media_in_t   *in;
    ngx_http_wahub_main_conf_t  *wmcf = w->conf;

    in = ngx_calloc(sizeof(ngx_http_wahub_media_in_t), w->log);

    if (in == NULL) {
        wa_media_free(row);
        return NULL;
    }

    in->worker = w;
    in->handler = handler;
    in->data = data;
    in->asked = (asked != 0);
    in->row = *row;
    wa_media_init(row);
    ngx_memzero(&row->own, sizeof(wa_buf_t));
    ngx_queue_insert_tail(&w->downloads, &in->queue);

    in->pull.files = w->files;
    in->pull.max = asked ? 0 : (uint64_t) wmcf->max_media_size;

    if (ngx_http_wahub_media_in_open(in) != NGX_OK) {
        in->tell = 1;
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_FAILED,
                                       "its keys are not known");
        return in;
    }

    if (asked == 0
        && (wmcf->auto_download == 0
            || (in->pull.max != 0 && in->row.size > 0
                && (uint64_t) in->row.size > in->pull.max)))
    {
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_SKIPPED,
                                       wmcf->auto_download
                                       ? "larger than is fetched by itself"
                                       : "not fetched by itself");
        return in;
    }

    /* nobody needs to be asked for a host that is configured */

    if (wmcf->media_host.len != 0) {
        ngx_http_wahub_wire_hosts(wmcf, NULL, "download", &in->pull.hosts);
        ngx_http_wahub_media_in_start(in);
        return in;
    }

    args = json_pack("{s:s}", "verb", "media.conn");

    if (ngx_http_wahub_media_in_ask(in, args, NGX_HTTP_WAHUB_MEDIA_CONN,
                                    ngx_http_wahub_media_in_hosts)
        != NGX_OK)
    {
        ngx_http_wahub_media_in_later(in, "out of memory");
    }

    return in;
}


void
ngx_http_wahub_media_in_forget(ngx_http_wahub_media_in_t *in)
{
    in->handler = NULL;
}


void
ngx_http_wahub_media_in_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                *q;
    ngx_http_wahub_media_in_t  *in;

    while (ngx_queue_empty(&w->downloads) == 0) {
        q = ngx_queue_head(&w->downloads);
        in = ngx_queue_data(q, ngx_http_wahub_media_in_t, queue);

        if (in->ended.posted) {
            ngx_delete_posted_event(&in->ended);
        }

        if (in->handler != NULL) {
            in->handler(in->data, "the worker leaves");
        }

        ngx_http_wahub_file_drop(&in->pull.file);
        ngx_http_wahub_media_in_free(in);
    }
}


/* Reads the row's descriptor. */
static ngx_int_t
ngx_http_wahub_media_in_open(ngx_http_wahub_media_in_t *in)
{
    wa_buf_t                     json = WA_BUF_EMPTY;
    wa_err_t                     rc;
    wa_media_e                   kind;
    ngx_http_wahub_pull_t       *p = &in->pull;
    ngx_http_wahub_main_conf_t  *wmcf = in->worker->conf;

    rc = wa_descriptor_open(wmcf->secret_key, in->row.id, in->row.descriptor,
                            &json);

    if (rc == WA_OK) {
        in->descriptor = json_loadb((char *) json.p, json.n, 0, NULL);
    }

    wa_buf_wipe(&json);

    if (!json_is_object(in->descriptor)
        || wa_media_parse(in->row.kind, &kind) != WA_OK)
    {
        return NGX_ERROR;
    }

    p->kind = kind;
    p->has_key = ngx_http_wahub_json_key(in->descriptor, "media_key", p->key);
    p->has_sha256 = ngx_http_wahub_json_key(in->descriptor, "file_sha256",
                                            p->sha256);
    p->has_enc_sha256 = ngx_http_wahub_json_key(in->descriptor,
                                                "file_enc_sha256",
                                                p->enc_sha256);

    /* something has to say what the file must be */

    if (p->has_sha256 == 0 && p->has_key == 0) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_media_in_path(in,
               json_object_get(in->descriptor, "direct_path"));
}


static ngx_int_t
ngx_http_wahub_media_in_path(ngx_http_wahub_media_in_t *in, json_t *path)
{
    wa_span_t  text;

    if (!json_is_string(path)) {
        return NGX_ERROR;
    }

    text = wa_span(json_string_value(path), json_string_length(path));

    if (ngx_http_wahub_wire_path_valid(text) == 0) {
        return NGX_ERROR;
    }

    ngx_memcpy(in->pull.direct_path, text.p, text.n);
    in->pull.direct_path[text.n] = '\0';

    return NGX_OK;
}


/* Takes the reference of `args`. */
static ngx_int_t
ngx_http_wahub_media_in_ask(ngx_http_wahub_media_in_t *in, json_t *args,
    ngx_msec_t timeout, ngx_http_wahub_call_pt handler)
{
    ngx_str_t               account;
    ngx_http_wahub_call_t  *call;

    account.data = (u_char *) in->row.account.p;
    account.len = in->row.account.n;

    call = (args == NULL || account.len != WA_ACCOUNT_ID_LEN)
           ? NULL
           : ngx_http_wahub_call(in->worker, &account, WA_OP_QUERY, args,
                                 timeout, handler, in);
    json_decref(args);

    return call == NULL ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_wahub_media_in_hosts(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_media_in_t  *in = data;

    ngx_http_wahub_wire_hosts(in->worker->conf,
                              result->code == NULL ? result->data : NULL,
                              "download", &in->pull.hosts);
    ngx_http_wahub_media_in_start(in);
}


static void
ngx_http_wahub_media_in_start(ngx_http_wahub_media_in_t *in)
{
    ngx_http_wahub_media_job_t  *job;

    job = ngx_http_wahub_job_data(in->worker,
                                  sizeof(ngx_http_wahub_media_job_t));

    if (job != NULL) {
        job->in = in;

        if (ngx_http_wahub_job_post(job, ngx_http_wahub_media_in_pull,
                                    ngx_http_wahub_media_in_pulled)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_http_wahub_media_in_later(in, "too much is under way");
}


/* thread */
static void
ngx_http_wahub_media_in_pull(void *data)
{
    wa_err_t                     rc;
    ngx_http_wahub_media_job_t  *job = data;
    ngx_http_wahub_media_in_t   *in = job->in;

    in->result = ngx_http_wahub_wire_pull(&in->pull);

    if (in->result != ngx_http_wahub_wire_ok) {
        return;
    }

    if (in->row.mime.n != 0) {
        (void) wa_mime_parse(in->row.mime, in->pull.file.mime);
    }

    rc = ngx_http_wahub_file_examine(&in->pull.file, in->row.filename);

    if (rc != WA_OK) {
        (void) ngx_cpystrn((u_char *) in->pull.error,
                           (u_char *) wa_err_name(rc),
                           sizeof(in->pull.error));
        in->result = ngx_http_wahub_wire_local;
        ngx_http_wahub_file_drop(&in->pull.file);
    }
}


static void
ngx_http_wahub_media_in_pulled(void *data)
{
    ngx_http_wahub_media_job_t  *job = data;
    ngx_http_wahub_media_in_t   *in = job->in;

    switch (in->result) {

    case ngx_http_wahub_wire_ok:

        if (ngx_http_wahub_sql_read(in->worker, ngx_http_wahub_media_in_keep,
                                    ngx_http_wahub_media_in_kept, in)
            != NGX_OK)
        {
            ngx_http_wahub_file_drop(&in->pull.file);
            ngx_http_wahub_media_in_later(in, "the database is busy");
        }

        return;

    case ngx_http_wahub_wire_gone:
    case ngx_http_wahub_wire_corrupt:

        if (in->phoned == 0 && in->pull.has_key) {
            ngx_http_wahub_media_in_phone(in);
            return;
        }

        in->tell = 1;
        ngx_http_wahub_media_in_settle(in,
            in->result == ngx_http_wahub_wire_gone ? WA_MEDIA_EXPIRED
                                                   : WA_MEDIA_FAILED,
            in->pull.error);
        return;

    case ngx_http_wahub_wire_large:
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_SKIPPED, in->pull.error);
        return;

    case ngx_http_wahub_wire_stopped:
        /* the shard's next owner takes it up */
        in->error = "the worker leaves";
        ngx_http_wahub_media_in_end(in);
        return;

    default:
        ngx_http_wahub_media_in_later(in, in->pull.error);
    }
}


/* -- the phone ------------------------------------------------------------ */

static void
ngx_http_wahub_media_in_phone(ngx_http_wahub_media_in_t *in)
{
    size_t                    i;
    json_t                   *args;

    static const char *const  names[] = {
        "message_id", "chat", "from_me", "participant", "media_key"
    };

    in->phoned = 1;
    args = json_pack("{s:s}", "verb", "media.retry");

    for (i = 0; args != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        (void) json_object_set(args, names[i],
                               json_object_get(in->descriptor, names[i]));
    }

    if (ngx_http_wahub_media_in_ask(in, args, NGX_HTTP_WAHUB_MEDIA_RETRY,
                                    ngx_http_wahub_media_in_phoned)
        != NGX_OK)
    {
        ngx_http_wahub_media_in_later(in, "out of memory");
    }
}


static void
ngx_http_wahub_media_in_phoned(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_media_in_t  *in = data;

    if (result->code == NULL
        && ngx_http_wahub_media_in_path(in,
               json_object_get(result->data, "direct_path"))
           == NGX_OK)
    {
        ngx_http_wahub_media_in_start(in);
        return;
    }

    if (result->code != NULL
        && ngx_strcmp(result->code, "MEDIA_NOT_FOUND") == 0)
    {
        in->tell = 1;
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_EXPIRED,
                                     "neither the servers nor the phone "
                                     "have the file");
        return;
    }

    ngx_http_wahub_media_in_later(in, "the phone did not answer");
}


/* -- the row -------------------------------------------------------------- */

/* Some time later, with growing pauses; at last not any more. */
static void
ngx_http_wahub_media_in_later(ngx_http_wahub_media_in_t *in,
    const char *error)
{
    int64_t  pause;

    /* not counted: a full disk says nothing against the file; it is looked
       for when there is room */

    if (in->asked == 0
        && ngx_http_wahub_space_full(in->worker, ngx_http_wahub_space_media))
    {
        in->row.retry_ms = ngx_http_wahub_wall_ms()
                           + NGX_HTTP_WAHUB_MEDIA_ROOM;
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_PENDING,
                                       "there is no space left for files");
        return;
    }

    in->row.attempts = (in->row.attempts < 0) ? 1 : in->row.attempts + 1;

    if (in->row.attempts >= NGX_HTTP_WAHUB_MEDIA_ATTEMPTS || in->asked) {
        in->tell = 1;
        ngx_http_wahub_media_in_settle(in, WA_MEDIA_FAILED, error);
        return;
    }

    /* 15 s, 1, 4, 16, 64 min */

    pause = (int64_t) 15000 << (2 * (in->row.attempts - 1));
    in->row.retry_ms = ngx_http_wahub_wall_ms() + pause;
    ngx_http_wahub_media_in_settle(in, WA_MEDIA_PENDING, error);
}


static void
ngx_http_wahub_media_in_settle(ngx_http_wahub_media_in_t *in,
    wa_media_status_e status, const char *error)
{
    in->error = error;
    in->row.status = status;
    in->row.error = wa_span_str(error);

    if (ngx_http_wahub_sql_read(in->worker, ngx_http_wahub_media_in_write,
                                ngx_http_wahub_media_in_settled, in)
        != NGX_OK)
    {
        in->tell = 0;
        ngx_http_wahub_media_in_end(in);
    }
}


/* thread */
static wa_err_t
ngx_http_wahub_media_in_write(wa_sql_t *db, void *data)
{
    wa_media_t                  row;
    ngx_http_wahub_media_in_t  *in = data;

    row = in->row;
    row.descriptor = wa_span_none();

    return wa_media_settle(db, &row);
}


static void
ngx_http_wahub_media_in_settled(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_media_in_t  *in = data;

    if (err == WA_OK && in->tell) {
        ngx_http_wahub_media_in_tell(in);
        return;
    }

    ngx_http_wahub_media_in_end(in);
}


/* thread; maybe twice */
static wa_err_t
ngx_http_wahub_media_in_keep(wa_sql_t *db, void *data)
{
    wa_err_t                     rc;
    wa_media_t                   row;
    wa_media_links_t             links;
    ngx_http_wahub_media_in_t   *in = data;
    ngx_http_wahub_main_conf_t  *wmcf = in->worker->conf;

    row = in->row;
    rc = ngx_http_wahub_file_keep(db, &in->pull.file, &row);

    if (rc != WA_OK) {
        return rc;
    }

    rc = wa_media_find(db, wa_span_none(), in->row.id, &row);

    if (rc != WA_OK) {
        return rc;
    }

    json_decref(in->object);
    in->object = (row.id.p == NULL) ? NULL : wa_media_object(&row);

    if (in->object != NULL) {
        ngx_memcpy(links.key, wmcf->link_key, WA_KEY_LEN);
        links.base = ngx_http_wahub_span(&wmcf->public_url);
        links.now = ngx_http_wahub_wall_ms() / 1000;
        rc = wa_media_sign(in->object, &row, &links);
        wa_wipe(&links, sizeof(links));
    }

    wa_media_free(&row);

    return rc;
}


static void
ngx_http_wahub_media_in_kept(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_media_in_t  *in = data;

    ngx_http_wahub_file_drop(&in->pull.file);

    if (err != WA_OK) {
        ngx_log_error(NGX_LOG_WARN, in->worker->log, 0,
                      "wahub: a file cannot be kept: %s %s",
                      wa_err_name(err), text);
        ngx_http_wahub_media_in_later(in, "it could not be kept");
        return;
    }

    in->error = NULL;
    ngx_http_wahub_media_in_tell(in);
}


/* -- the account ---------------------------------------------------------- */

static void
ngx_http_wahub_media_in_tell(ngx_http_wahub_media_in_t *in)
{
    json_t  *args, *data;

    if (in->error == NULL) {
        data = json_pack("{s:O}", "media", in->object);

    } else {
        data = json_pack("{s:s%, s:s}", "media_id", (char *) in->row.id.p,
                         in->row.id.n, "error", in->error);
    }

    if (data != NULL && in->row.message.n != 0) {
        (void) json_object_set_new(data, "message_id",
                   json_stringn((char *) in->row.message.p,
                                in->row.message.n));
    }

    args = json_pack("{s:s, s:s, s:o}", "verb", "event.tell", "type",
                     in->error == NULL ? "media.ready" : "media.failed",
                     "data", data);

    if (ngx_http_wahub_media_in_ask(in, args, NGX_HTTP_WAHUB_MEDIA_EVENT,
                                    ngx_http_wahub_media_in_told)
        != NGX_OK)
    {
        ngx_http_wahub_media_in_end(in);
    }
}


static void
ngx_http_wahub_media_in_told(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_media_in_t  *in = data;

    if (result->code != NULL) {
        ngx_log_error(NGX_LOG_WARN, in->worker->log, 0,
                      "wahub: account \"%*s\" was not told of a file: %s",
                      in->row.account.n, in->row.account.p, result->code);
    }

    ngx_http_wahub_media_in_end(in);
}


/* Not from inside the function that began it. */
static void
ngx_http_wahub_media_in_end(ngx_http_wahub_media_in_t *in)
{
    in->ended.data = in;
    in->ended.log = in->worker->log;
    in->ended.handler = ngx_http_wahub_media_in_ended;

    ngx_post_event(&in->ended, &ngx_posted_events);
}


static void
ngx_http_wahub_media_in_ended(ngx_event_t *ev)
{
    ngx_http_wahub_media_in_t  *in = ev->data;

    if (in->handler != NULL) {
        in->handler(in->data, in->error);
    }

    ngx_http_wahub_media_in_free(in);
}


static void
ngx_http_wahub_media_in_free(ngx_http_wahub_media_in_t *in)
{
    ngx_queue_remove(&in->queue);
    json_decref(in->object);
    json_decref(in->descriptor);
    wa_wipe(in->pull.key, sizeof(in->pull.key));
    wa_media_free(&in->row);
    ngx_free(in);
}
