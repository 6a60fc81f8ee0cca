/*
 * The file of a piece of history, see ngx_http_wahub_history_in_int.h.
 */
#include "ngx_http_wahub_history_in_int.h"

#include "ngx_http_wahub_api.h"


#define NGX_HTTP_WAHUB_HISTORY_RETRY  70000         /* ms                */
#define NGX_HTTP_WAHUB_HISTORY_BYTES  ((uint64_t) 512 * 1024 * 1024)


static ngx_uint_t ngx_http_wahub_taking_describe(ngx_http_wahub_taking_t *t);
static ngx_uint_t ngx_http_wahub_taking_path(ngx_http_wahub_taking_t *t,
    json_t *path);
static void ngx_http_wahub_taking_hosts(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_taking_pull(void *data);
static void ngx_http_wahub_taking_pulled(void *data);
static void ngx_http_wahub_taking_phone(ngx_http_wahub_taking_t *t);
static void ngx_http_wahub_taking_phoned(void *data,
    const ngx_http_wahub_result_t *result);


void
ngx_http_wahub_taking_file(ngx_http_wahub_taking_t *t)
{
    if (ngx_http_wahub_taking_describe(t) == 0) {
        ngx_http_wahub_taking_failed(t, "neither a file nor a payload", 0, 0);
        return;
    }

    if (ngx_http_wahub_taking_ask(t, json_pack("{s:s}", "verb",
                                               "media.conn"),
                                  NGX_HTTP_WAHUB_HISTORY_CALL,
                                  ngx_http_wahub_taking_hosts)
        != NGX_OK)
    {
        ngx_http_wahub_taking_failed(t, "out of memory", 0, 1);
    }
}


static ngx_uint_t
ngx_http_wahub_taking_describe(ngx_http_wahub_taking_t *t)
{
    ngx_http_wahub_pull_t  *p = &t->pull;

    p->files = t->all->worker->files;
    p->kind = WA_MEDIA_HISTORY;
    p->max = NGX_HTTP_WAHUB_HISTORY_BYTES;
    p->has_key = ngx_http_wahub_json_key(t->piece, "media_key", p->key);
    p->has_sha256 = ngx_http_wahub_json_key(t->piece, "file_sha256",
                                            p->sha256);
    p->has_enc_sha256 = ngx_http_wahub_json_key(t->piece, "file_enc_sha256",
                                                p->enc_sha256);

    return p->has_key
           && ngx_http_wahub_taking_path(t,
                  json_object_get(t->piece, "direct_path"));
}


static ngx_uint_t
ngx_http_wahub_taking_path(ngx_http_wahub_taking_t *t, json_t *path)
{
    wa_span_t  text;

    if (!json_is_string(path)) {
        return 0;
    }

    text = wa_span(json_string_value(path), json_string_length(path));

    if (ngx_http_wahub_wire_path_valid(text) == 0) {
        return 0;
    }

    ngx_memcpy(t->pull.direct_path, text.p, text.n);
    t->pull.direct_path[text.n] = '\0';

    return 1;
}


static void
ngx_http_wahub_taking_hosts(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_taking_t  *t = data;

    ngx_http_wahub_wire_hosts(t->all->worker->conf,
                              result->code == NULL ? result->data : NULL,
                              "download", &t->pull.hosts);
    ngx_http_wahub_taking_start(t, ngx_http_wahub_taking_pull,
                                ngx_http_wahub_taking_pulled);
}


/* thread */
static void
ngx_http_wahub_taking_pull(void *data)
{
    ngx_http_wahub_taking_job_t  *job = data;

    job->taking->result = ngx_http_wahub_wire_pull(&job->taking->pull);
}


static void
ngx_http_wahub_taking_pulled(void *data)
{
    ngx_http_wahub_taking_job_t  *job = data;
    ngx_http_wahub_taking_t      *t = job->taking;

    switch (t->result) {

    case ngx_http_wahub_wire_ok:
        ngx_http_wahub_taking_open(t);
        return;

    case ngx_http_wahub_wire_gone:
    case ngx_http_wahub_wire_corrupt:

        if (t->phoned == 0) {
            ngx_http_wahub_taking_phone(t);
            return;
        }

        break;

    case ngx_http_wahub_wire_stopped:
        ngx_http_wahub_taking_end(t);
        return;

    default:
        break;
    }

    ngx_http_wahub_taking_failed(t, t->pull.error, 0, 1);
}


/* The phone uploads it once more. */
static void
ngx_http_wahub_taking_phone(ngx_http_wahub_taking_t *t)
{
    json_t  *args;

    t->phoned = 1;
    args = json_pack("{s:s, s:O, s:O, s:b, s:b, s:O}", "verb", "media.retry",
                     "message_id", json_object_get(t->piece, "message_id"),
                     "chat", json_object_get(t->piece, "pn"),
                     "from_me", 1, "peer", 1,
                     "media_key", json_object_get(t->piece, "media_key"));

    if (ngx_http_wahub_taking_ask(t, args, NGX_HTTP_WAHUB_HISTORY_RETRY,
                                  ngx_http_wahub_taking_phoned)
        != NGX_OK)
    {
        ngx_http_wahub_taking_failed(t, "out of memory", 0, 1);
    }
}


static void
ngx_http_wahub_taking_phoned(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_taking_t  *t = data;

    if (result->code == NULL
        && ngx_http_wahub_taking_path(t,
               json_object_get(result->data, "direct_path")))
    {
        ngx_http_wahub_taking_start(t, ngx_http_wahub_taking_pull,
                                    ngx_http_wahub_taking_pulled);
        return;
    }

    ngx_http_wahub_taking_failed(t, "neither the servers nor the phone have "
                                 "it", 0, 1);
}
