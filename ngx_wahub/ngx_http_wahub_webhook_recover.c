/*
 * Deliveries that were committed and never made: a crash, a takeover, or a
 * commit whose answer was lost.
 */
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_webhook.h"


/* A delivery read back from Redis. */
typedef struct {
    ngx_str_t                    id;            /* "<ms>-<seq>-<shard>" */
    uint64_t                     ms;
    uint64_t                     seq;
    json_t                      *hook;
} ngx_http_wahub_pending_t;


static void ngx_http_wahub_recover_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static ngx_int_t ngx_http_wahub_recover_all(ngx_http_wahub_shard_t *sh,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_recover_start(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_pending_t *pending);
static int ngx_libc_cdecl ngx_http_wahub_recover_compare(const void *one,
    const void *two);


void
ngx_http_wahub_webhook_recover(ngx_http_wahub_worker_t *w, ngx_uint_t shard)
{
    u_char                   buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t                argv[2];
    ngx_http_wahub_shard_t  *sh;

    sh = ngx_http_wahub_shard_get(w, shard);

    if (sh->recovering && sh->reading != 0) {
        /* what is asked for now was there when that was asked for */
        return;
    }

    sh->recovering = 1;

    ngx_str_set(&argv[0], "HGETALL");
    ngx_http_wahub_key_shard(w->conf, shard, "hook", buf, &argv[1]);

    /* otherwise the shard asks again */

    if (ngx_http_wahub_redis_command(w->redis, ngx_http_wahub_recover_reply,
                                     sh, argv, 2)
        == NGX_OK)
    {
        sh->reading++;
    }
}


static void
ngx_http_wahub_recover_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_shard_t   *sh = data;
    ngx_http_wahub_worker_t  *w;

    w = sh->worker;
    sh->reading--;

    if (sh->recovering == 0 || sh->reading != 0 || w->webhooks == NULL
        || ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_array
        || ngx_http_wahub_recover_all(sh, reply) != NGX_OK)
    {
        return;
    }

    sh->recovering = 0;
    ngx_http_wahub_webhook_recovered(w, sh->number);
}


static ngx_int_t
ngx_http_wahub_recover_all(ngx_http_wahub_shard_t *sh,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t                  text;
    ngx_uint_t                 i, n, shard;
    ngx_http_wahub_worker_t   *w;
    ngx_http_wahub_pending_t  *pending;

    w = sh->worker;
    n = ngx_http_wahub_redis_count(reply) / 2;

    if (n == 0) {
        return NGX_OK;
    }

    pending = ngx_calloc(n * sizeof(ngx_http_wahub_pending_t), w->log);

    if (pending == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        pending[i].id = ngx_http_wahub_redis_str(
                            ngx_http_wahub_redis_at(reply, 2 * i));
        text = ngx_http_wahub_redis_str(
                   ngx_http_wahub_redis_at(reply, 2 * i + 1));

        shard = ngx_http_wahub_webhook_order(&pending[i].id, &pending[i].ms,
                                             &pending[i].seq);
        if (shard == sh->number) {
            pending[i].hook = json_loadb((char *) text.data, text.len, 0,
                                         NULL);
        }
    }

    ngx_qsort(pending, n, sizeof(ngx_http_wahub_pending_t),
              ngx_http_wahub_recover_compare);

    for (i = 0; i < n; i++) {
        ngx_http_wahub_recover_start(w, &pending[i]);
        json_decref(pending[i].hook);
    }

    ngx_free(pending);

    return NGX_OK;
}


static void
ngx_http_wahub_recover_start(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_pending_t *pending)
{
    char        *text;
    ngx_str_t    account, url, body;
    const char  *s;

    s = json_string_value(json_object_get(pending->hook, "account"));
    account.data = (u_char *) s;
    account.len = (s == NULL) ? 0 : ngx_strlen(s);

    s = json_string_value(json_object_get(pending->hook, "url"));
    url.data = (u_char *) s;
    url.len = (s == NULL) ? 0 : ngx_strlen(s);

    if (account.len == 0
        || ngx_http_wahub_webhook_known(w, &account, &pending->id))
    {
        return;
    }

    text = json_dumps(json_object_get(pending->hook, "body"), JSON_COMPACT);

    if (text == NULL) {
        return;
    }

    body.data = (u_char *) text;
    body.len = ngx_strlen(text);

    ngx_http_wahub_webhook_start(w, &account, &url, &pending->id, &body);
    free(text);
}


static int ngx_libc_cdecl
ngx_http_wahub_recover_compare(const void *one, const void *two)
{
    const ngx_http_wahub_pending_t  *a, *b;

    a = one;
    b = two;

    if (a->ms != b->ms) {
        return a->ms < b->ms ? -1 : 1;
    }

    if (a->seq != b->seq) {
        return a->seq < b->seq ? -1 : 1;
    }

    return 0;
}
