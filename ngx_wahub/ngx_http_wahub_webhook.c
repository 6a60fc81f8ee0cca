/*
 * Account webhooks in the `unified` format (HTTP contract 11.2).
 *
 *     committed hook -> queue of its account -> resolve -> check address
 *         -> POST -> remove from the shard's "hook" hash -> next one
 *
 * One delivery of an account is in flight at a time, queued by event id, and
 * none while older ones may still be found in Redis, so a receiver sees an
 * account's events in order.  A delivery is attempted once (reference 000:
 * fire and forget); until then it lies in Redis, where the next owner of
 * the shard finds it.
 */
#include "ngx_http_wahub_webhook.h"

#include "ngx_http_wahub_curl.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_ssrf.h"


#define NGX_HTTP_WAHUB_HOOK_TIMEOUT   5000          /* ms, contract 11.3 */
#define NGX_HTTP_WAHUB_HOOK_PARALLEL  128           /* in flight         */
#define NGX_HTTP_WAHUB_HOOK_QUEUE     10000         /* per account, 11.4 */
#define NGX_HTTP_WAHUB_HOOK_BYTES     (64 * 1024 * 1024)    /* in memory */


typedef struct ngx_http_wahub_delivery_s  ngx_http_wahub_delivery_t;

/* Exists while it has deliveries. */
typedef struct {
    ngx_str_node_t               node;          /* str: id, must be first */
    u_char                       id[WA_ACCOUNT_ID_LEN];
    ngx_queue_t                  deliveries;
    ngx_uint_t                   n;
    ngx_http_wahub_delivery_t   *current;
    ngx_queue_t                  waiting;       /* for a free place      */
    unsigned                     is_waiting:1;
} ngx_http_wahub_hooked_t;

/* One allocation with its texts behind it. */
struct ngx_http_wahub_delivery_s {
    ngx_queue_t                  link;
    ngx_http_wahub_webhooks_t   *hooks;
    ngx_http_wahub_hooked_t     *account;
    ngx_str_t                    url;
    ngx_str_t                    id;
    uint64_t                     ms;            /* of the id             */
    uint64_t                     seq;           /* ditto                 */
    ngx_str_t                    body;          /* with the event_id     */
    size_t                       size;
    ngx_uint_t                   shard;
    ngx_http_wahub_url_t         target;
    ngx_http_wahub_resolve_t    *resolve;
    ngx_http_wahub_addr_t       *addrs;         /* allowed; NULL so far  */
    ngx_uint_t                   naddrs;
    ngx_uint_t                   tried;
    ngx_http_wahub_transfer_t   *transfer;
};

struct ngx_http_wahub_webhooks_s {
    ngx_http_wahub_worker_t     *worker;
    ngx_http_wahub_dones_t      *dones;
    ngx_rbtree_t                 accounts;
    ngx_rbtree_node_t            sentinel;
    ngx_queue_t                  waiting;
    ngx_uint_t                   inflight;
    ngx_uint_t                   total;         /* queued and in flight  */
    size_t                       bytes;
};


static ngx_http_wahub_hooked_t *ngx_http_wahub_hooked_get(
    ngx_http_wahub_webhooks_t *hooks, const ngx_str_t *account);
static void ngx_http_wahub_hooked_run(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account);
static void ngx_http_wahub_hooked_free(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account);
static ngx_http_wahub_delivery_t *ngx_http_wahub_delivery_create(
    ngx_http_wahub_webhooks_t *hooks, const ngx_str_t *url,
    const ngx_str_t *id, const ngx_str_t *body);
static void ngx_http_wahub_delivery_trim(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account);
static const char *ngx_http_wahub_delivery_begin(
    ngx_http_wahub_delivery_t *d);
static void ngx_http_wahub_delivery_resolved(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n);
static const char *ngx_http_wahub_delivery_choose(
    ngx_http_wahub_delivery_t *d, const ngx_http_wahub_addr_t *addrs,
    ngx_uint_t n);
static const char *ngx_http_wahub_delivery_post(
    ngx_http_wahub_delivery_t *d);
static void ngx_http_wahub_delivery_posted(void *data,
    const ngx_http_wahub_outcome_t *outcome);
static void ngx_http_wahub_delivery_finish(ngx_http_wahub_delivery_t *d,
    ngx_uint_t status, const char *error);
static void ngx_http_wahub_delivery_end(ngx_http_wahub_delivery_t *d);
static void ngx_http_wahub_delivery_free(ngx_http_wahub_delivery_t *d);
static void ngx_http_wahub_webhook_wake(ngx_http_wahub_webhooks_t *hooks);
static void ngx_http_wahub_delivery_insert(
    ngx_http_wahub_hooked_t *account, ngx_http_wahub_delivery_t *d);


ngx_int_t
ngx_http_wahub_webhook_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = ngx_calloc(sizeof(ngx_http_wahub_webhooks_t), w->log);

    if (hooks == NULL) {
        return NGX_ERROR;
    }

    hooks->dones = ngx_http_wahub_dones_create(w);

    if (hooks->dones == NULL) {
        ngx_free(hooks);
        return NGX_ERROR;
    }

    hooks->worker = w;
    ngx_queue_init(&hooks->waiting);
    ngx_rbtree_init(&hooks->accounts, &hooks->sentinel,
                    ngx_str_rbtree_insert_value);
    w->webhooks = hooks;

    return NGX_OK;
}


void
ngx_http_wahub_webhook_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                *q;
    ngx_rbtree_node_t          *node;
    ngx_http_wahub_hooked_t    *account;
    ngx_http_wahub_delivery_t  *d;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = w->webhooks;

    if (hooks == NULL) {
        return;
    }

    while (hooks->accounts.root != &hooks->sentinel) {
        node = ngx_rbtree_min(hooks->accounts.root, &hooks->sentinel);
        account = (ngx_http_wahub_hooked_t *) (void *) node;

        while (ngx_queue_empty(&account->deliveries) == 0) {
            q = ngx_queue_head(&account->deliveries);
            d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);
            ngx_http_wahub_delivery_free(d);
        }

        ngx_http_wahub_hooked_free(hooks, account);
    }

    ngx_http_wahub_dones_free(hooks->dones);
    ngx_free(hooks);
    w->webhooks = NULL;
}


void
ngx_http_wahub_webhook_start(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, const ngx_str_t *url,
    const ngx_str_t *event_id, const ngx_str_t *body)
{
    ngx_http_wahub_hooked_t    *hooked;
    ngx_http_wahub_delivery_t  *d;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = w->webhooks;

    if (hooks == NULL || account->len != WA_ACCOUNT_ID_LEN || url->len == 0
        || body->len < 2 || body->data[0] != '{')
    {
        return;
    }

    d = ngx_http_wahub_delivery_create(hooks, url, event_id, body);
    hooked = (d == NULL) ? NULL : ngx_http_wahub_hooked_get(hooks, account);

    if (hooked == NULL) {
        if (d != NULL) {
            ngx_free(d);
        }

        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "no memory for a webhook of account \"%V\"", account);
        return;
    }

    d->account = hooked;
    ngx_http_wahub_delivery_insert(hooked, d);
    hooked->n++;
    hooks->total++;
    hooks->bytes += d->size;

    ngx_http_wahub_delivery_trim(hooks, hooked);
    ngx_http_wahub_hooked_run(hooks, hooked);
}


ngx_uint_t
ngx_http_wahub_webhook_pending(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account)
{
    ngx_str_t                 id = *account;
    ngx_http_wahub_hooked_t  *hooked;

    hooked = (ngx_http_wahub_hooked_t *) (void *) ngx_str_rbtree_lookup(
                 &w->webhooks->accounts, &id,
                 ngx_crc32_short(id.data, id.len));

    return hooked == NULL ? 0 : hooked->n;
}


ngx_uint_t
ngx_http_wahub_webhook_inflight(ngx_http_wahub_worker_t *w)
{
    return (w->webhooks == NULL) ? 0 : w->webhooks->total;
}


/* What is in flight ends by itself. */
void
ngx_http_wahub_webhook_forget(ngx_http_wahub_worker_t *w, ngx_uint_t shard)
{
    ngx_queue_t                *q, *next;
    ngx_rbtree_node_t          *node, *after;
    ngx_http_wahub_hooked_t    *account;
    ngx_http_wahub_delivery_t  *d;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = w->webhooks;

    if (hooks == NULL || hooks->accounts.root == &hooks->sentinel) {
        return;
    }

    node = ngx_rbtree_min(hooks->accounts.root, &hooks->sentinel);

    for ( /* void */ ; node != NULL; node = after) {
        after = ngx_rbtree_next(&hooks->accounts, node);
        account = (ngx_http_wahub_hooked_t *) (void *) node;

        for (q = ngx_queue_head(&account->deliveries);
             q != ngx_queue_sentinel(&account->deliveries);
             q = next)
        {
            next = ngx_queue_next(q);
            d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

            if (d->shard == shard && d != account->current) {
                ngx_http_wahub_delivery_free(d);
            }
        }

        if (account->n == 0) {
            ngx_http_wahub_hooked_free(hooks, account);
        }
    }
}


void
ngx_http_wahub_webhook_recovered(ngx_http_wahub_worker_t *w, ngx_uint_t shard)
{
    ngx_queue_t                *q;
    ngx_rbtree_node_t          *node, *after;
    ngx_http_wahub_hooked_t    *account;
    ngx_http_wahub_delivery_t  *d;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = w->webhooks;

    if (hooks->accounts.root == &hooks->sentinel) {
        return;
    }

    node = ngx_rbtree_min(hooks->accounts.root, &hooks->sentinel);

    for ( /* void */ ; node != NULL; node = after) {
        after = ngx_rbtree_next(&hooks->accounts, node);
        account = (ngx_http_wahub_hooked_t *) (void *) node;

        q = ngx_queue_head(&account->deliveries);
        d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

        if (account->n != 0 && d->shard == shard) {
            ngx_http_wahub_hooked_run(hooks, account);
        }
    }
}


/* ---- accounts ---- */

static ngx_http_wahub_hooked_t *
ngx_http_wahub_hooked_get(ngx_http_wahub_webhooks_t *hooks,
    const ngx_str_t *account)
{
    uint32_t                  hash;
    ngx_str_t                 id;
    ngx_str_node_t           *node;
    ngx_http_wahub_hooked_t  *hooked;

    id = *account;
    hash = ngx_crc32_short(id.data, id.len);
    node = ngx_str_rbtree_lookup(&hooks->accounts, &id, hash);

    if (node != NULL) {
        return (ngx_http_wahub_hooked_t *) (void *) node;
    }

    hooked = ngx_calloc(sizeof(ngx_http_wahub_hooked_t), hooks->worker->log);

    if (hooked == NULL) {
        return NULL;
    }

    ngx_memcpy(hooked->id, id.data, id.len);
    hooked->node.node.key = hash;
    hooked->node.str.data = hooked->id;
    hooked->node.str.len = id.len;
    ngx_queue_init(&hooked->deliveries);
    ngx_rbtree_insert(&hooks->accounts, &hooked->node.node);

    return hooked;
}


/* Starts the account's next delivery; frees an account without any. */
static void
ngx_http_wahub_hooked_run(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account)
{
    ngx_queue_t                *q;
    const char                 *error;
    ngx_http_wahub_shard_t     *shard;
    ngx_http_wahub_delivery_t  *d;

    while (account->current == NULL) {
        if (account->n == 0) {
            ngx_http_wahub_hooked_free(hooks, account);
            return;
        }

        if (hooks->inflight >= NGX_HTTP_WAHUB_HOOK_PARALLEL) {
            if (account->is_waiting == 0) {
                account->is_waiting = 1;
                ngx_queue_insert_tail(&hooks->waiting, &account->waiting);
            }

            return;
        }

        q = ngx_queue_head(&account->deliveries);
        d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

        shard = ngx_http_wahub_shard_get(hooks->worker, d->shard);

        if (shard->recovering || ngx_http_wahub_shard_sure(shard) == 0) {
            return;
        }

        account->current = d;
        hooks->inflight++;

        error = ngx_http_wahub_delivery_begin(d);

        if (error != NULL) {
            ngx_http_wahub_delivery_finish(d, 0, error);
            ngx_http_wahub_delivery_free(d);
        }
    }
}


static void
ngx_http_wahub_hooked_free(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account)
{
    if (account->is_waiting) {
        ngx_queue_remove(&account->waiting);
    }

    ngx_rbtree_delete(&hooks->accounts, &account->node.node);
    ngx_free(account);
}


static void
ngx_http_wahub_webhook_wake(ngx_http_wahub_webhooks_t *hooks)
{
    ngx_queue_t              *q;
    ngx_http_wahub_hooked_t  *account;

    while (hooks->inflight < NGX_HTTP_WAHUB_HOOK_PARALLEL
           && ngx_queue_empty(&hooks->waiting) == 0)
    {
        q = ngx_queue_head(&hooks->waiting);
        account = ngx_queue_data(q, ngx_http_wahub_hooked_t, waiting);
        ngx_queue_remove(&account->waiting);
        account->is_waiting = 0;
        ngx_http_wahub_hooked_run(hooks, account);
    }
}


/* ---- one delivery ---- */

static ngx_http_wahub_delivery_t *
ngx_http_wahub_delivery_create(ngx_http_wahub_webhooks_t *hooks,
    const ngx_str_t *url, const ngx_str_t *id, const ngx_str_t *body)
{
    size_t                      size;
    u_char                     *p;
    ngx_http_wahub_delivery_t  *d;

    static const ngx_str_t  head = ngx_string("{\"event_id\":\"");

    size = sizeof(ngx_http_wahub_delivery_t) + url->len + 2 * id->len
           + head.len + body->len + 2;

    d = ngx_alloc(size, hooks->worker->log);

    if (d == NULL) {
        return NULL;
    }

    ngx_memzero(d, sizeof(ngx_http_wahub_delivery_t));
    d->hooks = hooks;
    d->size = size;
    d->shard = ngx_http_wahub_webhook_order(id, &d->ms, &d->seq);

    p = (u_char *) (d + 1);
    d->url.data = p;
    d->url.len = url->len;
    p = ngx_cpymem(p, url->data, url->len);

    d->id.data = p;
    d->id.len = id->len;
    p = ngx_cpymem(p, id->data, id->len);

    d->body.data = p;
    p = ngx_cpymem(p, head.data, head.len);
    p = ngx_cpymem(p, id->data, id->len);
    *p++ = '"';

    if (body->data[1] != '}') {
        *p++ = ',';
    }

    p = ngx_cpymem(p, body->data + 1, body->len - 1);
    d->body.len = (size_t) (p - d->body.data);

    return d;
}


ngx_uint_t
ngx_http_wahub_webhook_order(const ngx_str_t *id, uint64_t *ms,
    uint64_t *seq)
{
    u_char      *p, *last;
    uint64_t     part[3];
    ngx_uint_t   i;

    p = id->data;
    last = p + id->len;

    for (i = 0; i < 3; i++) {
        part[i] = 0;

        for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
            part[i] = part[i] * 10 + (uint64_t) (*p - '0');
        }

        if (p < last) {
            p++;
        }
    }

    *ms = part[0];
    *seq = part[1];

    return (ngx_uint_t) part[2];
}


/* What was found in Redis may be older than what is queued. */
static void
ngx_http_wahub_delivery_insert(ngx_http_wahub_hooked_t *account,
    ngx_http_wahub_delivery_t *d)
{
    ngx_queue_t                *q;
    ngx_http_wahub_delivery_t  *before;

    for (q = ngx_queue_last(&account->deliveries);
         q != ngx_queue_sentinel(&account->deliveries);
         q = ngx_queue_prev(q))
    {
        before = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

        if (before == account->current || before->ms < d->ms
            || (before->ms == d->ms && before->seq < d->seq))
        {
            break;
        }
    }

    ngx_queue_insert_after(q, &d->link);
}


/* Over a bound the account's oldest queued deliveries are given up. */
static void
ngx_http_wahub_delivery_trim(ngx_http_wahub_webhooks_t *hooks,
    ngx_http_wahub_hooked_t *account)
{
    ngx_uint_t                  dropped;
    ngx_queue_t                *q;
    ngx_http_wahub_delivery_t  *d;

    dropped = 0;

    while (account->n > NGX_HTTP_WAHUB_HOOK_QUEUE
           || (hooks->bytes > NGX_HTTP_WAHUB_HOOK_BYTES && account->n > 2))
    {
        q = ngx_queue_head(&account->deliveries);
        d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

        if (d == account->current) {
            q = ngx_queue_next(q);
            d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);
        }

        ngx_http_wahub_dones_add(hooks->dones, d->shard, &d->id);
        ngx_http_wahub_delivery_free(d);
        dropped++;
    }

    if (dropped > 0) {
        ngx_log_error(NGX_LOG_WARN, hooks->worker->log, 0,
                      "webhook queue of account \"%V\" is full, "
                      "%ui oldest given up", &account->node.str, dropped);
    }
}


/* NULL: under way; otherwise why not. */
static const char *
ngx_http_wahub_delivery_begin(ngx_http_wahub_delivery_t *d)
{
    if (ngx_http_wahub_url_parse(&d->url, &d->target) != NGX_OK) {
        return "not a valid URL";
    }

    d->resolve = ngx_http_wahub_resolve(d->hooks->worker, &d->target.host,
                                        ngx_http_wahub_delivery_resolved, d);

    return d->resolve == NULL ? "resolving is not possible now" : NULL;
}


static void
ngx_http_wahub_delivery_resolved(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n)
{
    const char                 *error;
    ngx_http_wahub_delivery_t  *d;

    d = data;
    d->resolve = NULL;

    error = ngx_http_wahub_delivery_choose(d, addrs, n);

    if (error == NULL) {
        error = ngx_http_wahub_delivery_post(d);
    }

    if (error != NULL) {
        ngx_http_wahub_delivery_finish(d, 0, error);
        ngx_http_wahub_delivery_end(d);
    }
}


/*
 * Keeps the addresses that may be called.  One that may not does no harm
 * beside them, since the connection goes to an address from this list.
 */
static const char *
ngx_http_wahub_delivery_choose(ngx_http_wahub_delivery_t *d,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n)
{
    ngx_uint_t                   i;
    ngx_http_wahub_addr_t       *addr;
    ngx_http_wahub_main_conf_t  *conf;

    if (n == 0) {
        return "host not found";
    }

    conf = d->hooks->worker->conf;
    d->addrs = ngx_alloc(n * sizeof(ngx_http_wahub_addr_t),
                         d->hooks->worker->log);

    if (d->addrs == NULL) {
        return "out of memory";
    }

    for (i = 0; i < n; i++) {
        addr = &d->addrs[d->naddrs];
        *addr = addrs[i];

        if (ngx_http_wahub_addr_check(&addr->sockaddr.sockaddr,
                                      conf->webhook_allow)
            == NGX_OK)
        {
            ngx_inet_set_port(&addr->sockaddr.sockaddr, d->target.port);
            d->naddrs++;
        }
    }

    return d->naddrs == 0 ? "address not allowed" : NULL;
}


static const char *
ngx_http_wahub_delivery_post(ngx_http_wahub_delivery_t *d)
{
    ngx_http_wahub_post_t  post;

    static const ngx_str_t  headers[] = {
        ngx_string("Content-Type: application/json"),
        ngx_string("X-Webhook-Event: message"),
        ngx_string("X-Webhook-Attempt: 1")
    };

    ngx_memzero(&post, sizeof(ngx_http_wahub_post_t));
    post.url = d->url;
    post.headers = headers;
    post.nheaders = sizeof(headers) / sizeof(ngx_str_t);
    post.body = d->body;
    post.timeout = NGX_HTTP_WAHUB_HOOK_TIMEOUT;
    post.addr = d->addrs[d->tried++];

    d->transfer = ngx_http_wahub_curl_post(d->hooks->worker, &post,
                                           ngx_http_wahub_delivery_posted,
                                           d);

    return d->transfer == NULL ? "out of memory" : NULL;
}


/* A host with several addresses is asked at the next one. */
static void
ngx_http_wahub_delivery_posted(void *data,
    const ngx_http_wahub_outcome_t *outcome)
{
    const char                 *error;
    ngx_http_wahub_delivery_t  *d;

    d = data;
    d->transfer = NULL;
    error = outcome->error;

    if (outcome->unreached && d->tried < d->naddrs) {
        error = ngx_http_wahub_delivery_post(d);

        if (error == NULL) {
            return;
        }
    }

    ngx_http_wahub_delivery_finish(d, outcome->status, error);
    ngx_http_wahub_delivery_end(d);
}


/* The attempt was made: says how it went.  The host only, URLs hold keys. */
static void
ngx_http_wahub_delivery_finish(ngx_http_wahub_delivery_t *d,
    ngx_uint_t status, const char *error)
{
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = d->hooks;

    if (status < 200 || status > 299) {
        ngx_log_error(NGX_LOG_WARN, hooks->worker->log, 0,
                      "webhook delivery %V failed: status %ui, %s, "
                      "account: \"%V\", host: \"%V\"", &d->id, status,
                      error == NULL ? "refused by the receiver" : error,
                      &d->account->node.str, &d->target.host);
    } else {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, hooks->worker->log, 0,
                       "webhook %V delivered: %ui", &d->id, status);
    }

    ngx_http_wahub_dones_add(hooks->dones, d->shard, &d->id);
    d->account->current = NULL;
    hooks->inflight--;
}


/* Frees it and goes on; for deliveries that ended in a callback. */
static void
ngx_http_wahub_delivery_end(ngx_http_wahub_delivery_t *d)
{
    ngx_http_wahub_hooked_t    *account;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = d->hooks;
    account = d->account;

    ngx_http_wahub_delivery_free(d);
    ngx_http_wahub_hooked_run(hooks, account);
    ngx_http_wahub_webhook_wake(hooks);
}


static void
ngx_http_wahub_delivery_free(ngx_http_wahub_delivery_t *d)
{
    ngx_http_wahub_hooked_t    *account;
    ngx_http_wahub_webhooks_t  *hooks;

    hooks = d->hooks;
    account = d->account;

    if (d->resolve != NULL) {
        ngx_http_wahub_resolve_cancel(d->resolve);
    }

    if (d->transfer != NULL) {
        ngx_http_wahub_curl_cancel(d->transfer);
    }

    if (d->addrs != NULL) {
        ngx_free(d->addrs);
    }

    ngx_queue_remove(&d->link);
    account->n--;
    hooks->total--;
    hooks->bytes -= d->size;
    ngx_free(d);
}


ngx_uint_t
ngx_http_wahub_webhook_known(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, const ngx_str_t *id)
{
    uint32_t                    hash;
    ngx_str_t                   key;
    ngx_queue_t                *q;
    ngx_http_wahub_hooked_t    *hooked;
    ngx_http_wahub_delivery_t  *d;

    if (ngx_http_wahub_dones_has(w->webhooks->dones, id)) {
        return 1;
    }

    key = *account;
    hash = ngx_crc32_short(key.data, key.len);
    hooked = (ngx_http_wahub_hooked_t *) (void *)
                 ngx_str_rbtree_lookup(&w->webhooks->accounts, &key, hash);

    if (hooked == NULL) {
        return 0;
    }

    for (q = ngx_queue_head(&hooked->deliveries);
         q != ngx_queue_sentinel(&hooked->deliveries);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_http_wahub_delivery_t, link);

        if (d->id.len == id->len
            && ngx_memcmp(d->id.data, id->data, id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
