/*
 * Deliveries that were made and are still in their shard's "hook" hash: the
 * removal waits for Redis.  Without this list, whoever reads the hash again
 * after Redis was away would make them twice.
 */
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_webhook.h"


/* What is above this may be delivered again. */
#define NGX_HTTP_WAHUB_DONE_MAX  65536


typedef struct {
    ngx_queue_t                 link;
    ngx_http_wahub_dones_t     *dones;          /* NULL: the list is gone */
    ngx_uint_t                  shard;
    ngx_uint_t                  sent;           /* an answer will come   */
    ngx_str_t                   id;             /* behind the struct     */
} ngx_http_wahub_done_t;

struct ngx_http_wahub_dones_s {
    ngx_http_wahub_worker_t    *worker;
    ngx_queue_t                 list;
    ngx_uint_t                  n;
};


static void ngx_http_wahub_done_send(ngx_http_wahub_done_t *done);
static void ngx_http_wahub_done_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_done_state(void *data, ngx_uint_t up);
static void ngx_http_wahub_done_free(ngx_http_wahub_done_t *done);


ngx_http_wahub_dones_t *
ngx_http_wahub_dones_create(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_dones_t  *dones;

    dones = ngx_calloc(sizeof(ngx_http_wahub_dones_t), w->log);

    if (dones == NULL) {
        return NULL;
    }

    dones->worker = w;
    ngx_queue_init(&dones->list);

    if (ngx_http_wahub_redis_on_state(w->redis, ngx_http_wahub_done_state,
                                      dones)
        != NGX_OK)
    {
        ngx_free(dones);
        return NULL;
    }

    return dones;
}


void
ngx_http_wahub_dones_free(ngx_http_wahub_dones_t *dones)
{
    ngx_queue_t            *q;
    ngx_http_wahub_done_t  *done;

    while (ngx_queue_empty(&dones->list) == 0) {
        q = ngx_queue_head(&dones->list);
        done = ngx_queue_data(q, ngx_http_wahub_done_t, link);

        if (done->sent) {
            /* freed when its answer comes, or when Redis is closed */
            ngx_queue_remove(&done->link);
            done->dones = NULL;
            continue;
        }

        ngx_http_wahub_done_free(done);
    }

    ngx_free(dones);
}


void
ngx_http_wahub_dones_add(ngx_http_wahub_dones_t *dones, ngx_uint_t shard,
    const ngx_str_t *id)
{
    ngx_http_wahub_done_t  *done;

    if (dones->n >= NGX_HTTP_WAHUB_DONE_MAX) {
        return;
    }

    done = ngx_alloc(sizeof(ngx_http_wahub_done_t) + id->len,
                     dones->worker->log);

    if (done == NULL) {
        return;
    }

    done->dones = dones;
    done->shard = shard;
    done->sent = 0;
    done->id.len = id->len;
    done->id.data = (u_char *) (done + 1);
    ngx_memcpy(done->id.data, id->data, id->len);

    ngx_queue_insert_tail(&dones->list, &done->link);
    dones->n++;

    ngx_http_wahub_done_send(done);
}


ngx_uint_t
ngx_http_wahub_dones_has(ngx_http_wahub_dones_t *dones, const ngx_str_t *id)
{
    ngx_queue_t            *q;
    ngx_http_wahub_done_t  *done;

    for (q = ngx_queue_head(&dones->list);
         q != ngx_queue_sentinel(&dones->list);
         q = ngx_queue_next(q))
    {
        done = ngx_queue_data(q, ngx_http_wahub_done_t, link);

        if (done->id.len == id->len
            && ngx_memcmp(done->id.data, id->data, id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_wahub_done_send(ngx_http_wahub_done_t *done)
{
    u_char                    buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t                 argv[3];
    ngx_http_wahub_worker_t  *w;

    w = done->dones->worker;

    ngx_str_set(&argv[0], "HDEL");
    ngx_http_wahub_key_shard(w->conf, done->shard, "hook", buf, &argv[1]);
    argv[2] = done->id;

    if (ngx_http_wahub_redis_command(w->redis, ngx_http_wahub_done_reply,
                                     done, argv, 3)
        == NGX_OK)
    {
        done->sent = 1;
    }
}


static void
ngx_http_wahub_done_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_done_t  *done;

    done = data;

    if (done->dones == NULL) {
        ngx_free(done);
        return;
    }

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_integer) {
        ngx_http_wahub_done_free(done);
        return;
    }

    /* Redis is away, or takes no writes: when it is up again. */
    done->sent = 0;
}


static void
ngx_http_wahub_done_state(void *data, ngx_uint_t up)
{
    ngx_queue_t             *q;
    ngx_http_wahub_done_t   *done;
    ngx_http_wahub_dones_t  *dones;

    dones = data;

    if (up == 0) {
        return;
    }

    for (q = ngx_queue_head(&dones->list);
         q != ngx_queue_sentinel(&dones->list);
         q = ngx_queue_next(q))
    {
        done = ngx_queue_data(q, ngx_http_wahub_done_t, link);

        if (done->sent == 0) {
            ngx_http_wahub_done_send(done);
        }
    }
}


static void
ngx_http_wahub_done_free(ngx_http_wahub_done_t *done)
{
    ngx_queue_remove(&done->link);
    done->dones->n--;
    ngx_free(done);
}
