/*
 * Host names to addresses with getaddrinfo() in the thread pool: it honours
 * /etc/hosts and what containers configure, and may block for seconds.
 *
 * One entry per name; callers of a name that is being looked up wait in
 * its queue.  Entries live a minute after success, a second after failure;
 * the number of entries is bounded, the oldest idle one makes room.
 */
#include "ngx_http_wahub_resolve.h"

#include <netdb.h>


#define NGX_HTTP_WAHUB_NAMES_MAX     128
#define NGX_HTTP_WAHUB_NAME_LEN_MAX  255
#define NGX_HTTP_WAHUB_NAME_OK       60000
#define NGX_HTTP_WAHUB_NAME_FAILED   1000


typedef struct {
    ngx_queue_t                 queue;       /* newest first               */
    ngx_queue_t                 waiters;
    ngx_http_wahub_resolver_t  *resolver;
    ngx_event_t                 event;       /* answers waiters, posted    */
    ngx_msec_t                  expires;
    ngx_uint_t                  naddrs;
    ngx_http_wahub_addr_t       addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
    unsigned                    pending:1;
    size_t                      len;
    char                        name[NGX_HTTP_WAHUB_NAME_LEN_MAX + 1];
} ngx_http_wahub_name_t;


struct ngx_http_wahub_resolve_s {
    ngx_queue_t                 queue;
    ngx_http_wahub_resolve_pt   handler;
    void                       *data;
};


struct ngx_http_wahub_resolver_s {
    ngx_http_wahub_worker_t    *worker;
    ngx_queue_t                 names;
    ngx_uint_t                  n;
};


typedef struct {
    ngx_http_wahub_name_t      *entry;
    ngx_uint_t                  naddrs;
    ngx_http_wahub_addr_t       addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
    char                        name[NGX_HTTP_WAHUB_NAME_LEN_MAX + 1];
} ngx_http_wahub_lookup_t;


static ngx_http_wahub_name_t *ngx_http_wahub_name_get(
    ngx_http_wahub_resolver_t *rv, const ngx_str_t *host);
static ngx_int_t ngx_http_wahub_name_start(ngx_http_wahub_name_t *entry);
static void ngx_http_wahub_name_event(ngx_event_t *ev);
static void ngx_http_wahub_lookup_run(void *data);
static void ngx_http_wahub_lookup_done(void *data);


ngx_int_t
ngx_http_wahub_resolver_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_resolver_t  *rv;

    rv = ngx_calloc(sizeof(ngx_http_wahub_resolver_t), w->log);
    if (rv == NULL) {
        return NGX_ERROR;
    }

    rv->worker = w;
    ngx_queue_init(&rv->names);
    w->resolver = rv;

    return NGX_OK;
}


static void
ngx_http_wahub_name_free(ngx_http_wahub_name_t *entry)
{
    ngx_queue_t  *q;

    while (ngx_queue_empty(&entry->waiters) == 0) {
        q = ngx_queue_head(&entry->waiters);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_wahub_resolve_t, queue));
    }

    if (entry->event.posted) {
        ngx_delete_posted_event(&entry->event);
    }

    ngx_queue_remove(&entry->queue);
    entry->resolver->n--;
    ngx_free(entry);
}


void
ngx_http_wahub_resolver_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                *q;
    ngx_http_wahub_resolver_t  *rv = w->resolver;

    if (rv == NULL) {
        return;
    }

    while (ngx_queue_empty(&rv->names) == 0) {
        q = ngx_queue_head(&rv->names);
        ngx_http_wahub_name_free(
                             ngx_queue_data(q, ngx_http_wahub_name_t, queue));
    }

    ngx_free(rv);
    w->resolver = NULL;
}


ngx_http_wahub_resolve_t *
ngx_http_wahub_resolve(ngx_http_wahub_worker_t *w, const ngx_str_t *host,
    ngx_http_wahub_resolve_pt handler, void *data)
{
    ngx_str_t                  name;
    ngx_http_wahub_name_t     *entry;
    ngx_http_wahub_resolve_t  *rs;

    name = *host;

    if (name.len > 2 && name.data[0] == '[') {
        name.data++;
        name.len -= 2;
    }

    if (name.len == 0 || name.len > NGX_HTTP_WAHUB_NAME_LEN_MAX
        || ngx_strlchr(name.data, name.data + name.len, '\0') != NULL)
    {
        return NULL;
    }

    rs = ngx_alloc(sizeof(ngx_http_wahub_resolve_t), w->log);
    if (rs == NULL) {
        return NULL;
    }

    entry = ngx_http_wahub_name_get(w->resolver, &name);
    if (entry == NULL) {
        ngx_free(rs);
        return NULL;
    }

    rs->handler = handler;
    rs->data = data;
    ngx_queue_insert_tail(&entry->waiters, &rs->queue);

    if (entry->pending == 0) {
        ngx_post_event(&entry->event, &ngx_posted_events);
    }

    return rs;
}


void
ngx_http_wahub_resolve_cancel(ngx_http_wahub_resolve_t *rs)
{
    ngx_queue_remove(&rs->queue);
    ngx_free(rs);
}


/* The entry of a name, known or being looked up; NULL: no room. */
static ngx_http_wahub_name_t *
ngx_http_wahub_name_get(ngx_http_wahub_resolver_t *rv, const ngx_str_t *host)
{
    ngx_queue_t            *q;
    ngx_http_wahub_name_t  *entry, *oldest;

    oldest = NULL;

    for (q = ngx_queue_head(&rv->names);
         q != ngx_queue_sentinel(&rv->names);
         q = ngx_queue_next(q))
    {
        entry = ngx_queue_data(q, ngx_http_wahub_name_t, queue);

        if (entry->len == host->len
            && ngx_strncasecmp((u_char *) entry->name, host->data, host->len)
               == 0)
        {
            if (entry->pending == 0 && entry->event.posted == 0
                && (ngx_msec_int_t) (ngx_current_msec - entry->expires) >= 0
                && ngx_http_wahub_name_start(entry) != NGX_OK)
            {
                return NULL;
            }

            return entry;
        }

        if (entry->pending == 0 && ngx_queue_empty(&entry->waiters)) {
            oldest = entry;
        }
    }

    if (rv->n >= NGX_HTTP_WAHUB_NAMES_MAX) {

        if (oldest == NULL) {
            return NULL;
        }

        ngx_http_wahub_name_free(oldest);
    }

    entry = ngx_calloc(sizeof(ngx_http_wahub_name_t), rv->worker->log);
    if (entry == NULL) {
        return NULL;
    }

    entry->resolver = rv;
    entry->len = host->len;
    ngx_memcpy(entry->name, host->data, host->len);
    ngx_queue_init(&entry->waiters);
    ngx_queue_insert_head(&rv->names, &entry->queue);
    rv->n++;

    entry->event.data = entry;
    entry->event.log = rv->worker->log;
    entry->event.handler = ngx_http_wahub_name_event;

    if (ngx_http_wahub_name_start(entry) != NGX_OK) {
        ngx_http_wahub_name_free(entry);
        return NULL;
    }

    return entry;
}


static ngx_int_t
ngx_http_wahub_name_start(ngx_http_wahub_name_t *entry)
{
    ngx_http_wahub_lookup_t  *lookup;

    lookup = ngx_http_wahub_job_data(entry->resolver->worker,
                                     sizeof(ngx_http_wahub_lookup_t));
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->entry = entry;
    ngx_memcpy(lookup->name, entry->name, entry->len + 1);

    if (ngx_http_wahub_job_post(lookup, ngx_http_wahub_lookup_run,
                                ngx_http_wahub_lookup_done)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    entry->pending = 1;

    return NGX_OK;
}


/* thread */
static void
ngx_http_wahub_lookup_run(void *data)
{
    struct addrinfo           hints, *res, *ai;
    ngx_http_wahub_addr_t    *addr;
    ngx_http_wahub_lookup_t  *lookup = data;

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;

    if (getaddrinfo(lookup->name, NULL, &hints, &res) != 0) {
        return;
    }

    for (ai = res; ai != NULL; ai = ai->ai_next) {

        if (lookup->naddrs == NGX_HTTP_WAHUB_ADDRS_MAX) {
            break;
        }

        if (ai->ai_addrlen > sizeof(ngx_sockaddr_t)
            || (ai->ai_family != AF_INET && ai->ai_family != AF_INET6))
        {
            continue;
        }

        addr = &lookup->addrs[lookup->naddrs++];
        ngx_memcpy(&addr->sockaddr, ai->ai_addr, ai->ai_addrlen);
        addr->socklen = ai->ai_addrlen;
    }

    freeaddrinfo(res);
}


static void
ngx_http_wahub_lookup_done(void *data)
{
    ngx_http_wahub_name_t    *entry;
    ngx_http_wahub_lookup_t  *lookup = data;

    entry = lookup->entry;

    entry->pending = 0;
    entry->naddrs = lookup->naddrs;
    ngx_memcpy(entry->addrs, lookup->addrs, sizeof(entry->addrs));

    entry->expires = ngx_current_msec
                     + (entry->naddrs ? NGX_HTTP_WAHUB_NAME_OK
                                      : NGX_HTTP_WAHUB_NAME_FAILED);

    ngx_http_wahub_name_event(&entry->event);
}


/*
 * Answers the waiters.  A handler may ask again, and may push this very
 * entry out of the table when the last waiter is gone: the loop works on a
 * copy of the answer and on a queue of its own.
 */
static void
ngx_http_wahub_name_event(ngx_event_t *ev)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q, waiters;
    ngx_http_wahub_addr_t      addrs[NGX_HTTP_WAHUB_ADDRS_MAX];
    ngx_http_wahub_name_t     *entry = ev->data;
    ngx_http_wahub_resolve_t  *rs;

    if (ngx_queue_empty(&entry->waiters)) {
        return;
    }

    n = entry->naddrs;
    ngx_memcpy(addrs, entry->addrs, sizeof(addrs));

    ngx_queue_init(&waiters);
    ngx_queue_add(&waiters, &entry->waiters);
    ngx_queue_init(&entry->waiters);

    while (ngx_queue_empty(&waiters) == 0) {
        q = ngx_queue_head(&waiters);
        ngx_queue_remove(q);

        rs = ngx_queue_data(q, ngx_http_wahub_resolve_t, queue);

        rs->handler(rs->data, addrs, n);

        ngx_free(rs);
    }
}
