/*
 * Operations of the store, shared by ngx_http_wahub_store*.c.
 */
#ifndef NGX_HTTP_WAHUB_STORE_INT_H
#define NGX_HTTP_WAHUB_STORE_INT_H

#include "ngx_http_wahub_store.h"


struct ngx_http_wahub_store_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_queue_t                  stalled;    /* slots                      */
    ngx_event_t                  timer;      /* resumes them               */
    ngx_int_t                    script;
    ngx_pool_t                  *pool;       /* one command's arguments    */
};


/* A load (values in the order of its keys) or a commit. */
typedef struct {
    ngx_queue_t                  queue;      /* in slot->ops               */
    ngx_http_wahub_account_t    *slot;       /* NULL: forgotten            */
    ngx_http_wahub_store_t      *store;
    const wa_load_t             *load;
    const wa_commit_t           *commit;
    wa_span_t                   *values;     /* load                       */
    ngx_str_t                    url;        /* commit: of its hooks       */
    ngx_pool_t                  *pool;       /* load of several hashes     */
    ngx_uint_t                   pending;    /* replies to come            */
    unsigned                     sent:1;     /* some reply is to come      */
    unsigned                     failed:1;   /* to be repeated             */
    unsigned                     refused:1;  /* commit: for good           */
} ngx_http_wahub_op_t;


/* ngx_http_wahub_store_command.c: NGX_OK, or an error of the command. */
ngx_int_t ngx_http_wahub_store_send_load(ngx_http_wahub_op_t *op);
ngx_int_t ngx_http_wahub_store_send_commit(ngx_http_wahub_op_t *op);

/* A reply that is no answer: the operation will be repeated. */
void ngx_http_wahub_store_refused(ngx_http_wahub_op_t *op,
    ngx_http_wahub_redis_reply_t *reply);

/* op->pending is 0.  Frees the operation, or keeps it for a repetition. */
void ngx_http_wahub_store_answered(ngx_http_wahub_op_t *op);

#endif /* NGX_HTTP_WAHUB_STORE_INT_H */
