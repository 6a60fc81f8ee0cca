/*
 * libcurl on nginx events; the only file that includes it.
 *
 * Sockets are watched level-triggered: libcurl reads as much as it likes
 * and is called again.  It is never entered from its own callbacks; a
 * timer of 0 ms fires in the next turn of the loop.
 */
#include "ngx_http_wahub_curl.h"

#include <curl/curl.h>


#define NGX_HTTP_WAHUB_CURL_POOL      64        /* idle connections      */
#define NGX_HTTP_WAHUB_CURL_ANSWER    1048576   /* bytes read at most    */
#define NGX_HTTP_WAHUB_CURL_CONNECT   5000      /* ms                    */
#define NGX_HTTP_WAHUB_CURL_TO_LEN    (NGX_SOCKADDR_STRLEN + 16)


struct ngx_http_wahub_curl_s {
    ngx_connection_t            dummy;          /* for the timer's log   */
    ngx_event_t                 timer;
    ngx_http_wahub_worker_t    *worker;
    CURLM                      *multi;
    ngx_queue_t                 transfers;
};

struct ngx_http_wahub_transfer_s {
    ngx_queue_t                 link;
    ngx_http_wahub_curl_t      *curl;
    CURL                       *easy;
    struct curl_slist          *headers;
    struct curl_slist          *to;
    u_char                     *body;
    size_t                      received;
    ngx_http_wahub_curl_pt      handler;
    void                       *data;
};


static int ngx_http_wahub_curl_socket(CURL *easy, curl_socket_t s, int what,
    void *data, void *socket);
static ngx_connection_t *ngx_http_wahub_curl_watch(
    ngx_http_wahub_curl_t *curl, curl_socket_t s);
static void ngx_http_wahub_curl_unwatch(ngx_connection_t *c);
static ngx_int_t ngx_http_wahub_curl_want(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t wanted);
static void ngx_http_wahub_curl_ready(ngx_event_t *ev);
static int ngx_http_wahub_curl_timer(CURLM *multi, long timeout, void *data);
static void ngx_http_wahub_curl_expired(ngx_event_t *ev);
static void ngx_http_wahub_curl_collect(ngx_http_wahub_curl_t *curl);
static size_t ngx_http_wahub_curl_write(char *p, size_t size, size_t n,
    void *data);
static ngx_int_t ngx_http_wahub_curl_setup(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_post_t *post);
static ngx_int_t ngx_http_wahub_curl_options(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_post_t *post, const char *url);
static ngx_int_t ngx_http_wahub_curl_pin(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_addr_t *addr);
static ngx_int_t ngx_http_wahub_curl_append(struct curl_slist **list,
    const ngx_str_t *line);
static void ngx_http_wahub_curl_free(ngx_http_wahub_transfer_t *t);


ngx_int_t
ngx_http_wahub_curl_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_curl_t  *curl;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ngx_log_error(NGX_LOG_CRIT, w->log, 0, "curl_global_init() failed");
        return NGX_ERROR;
    }

    curl = ngx_calloc(sizeof(ngx_http_wahub_curl_t), w->log);

    if (curl == NULL) {
        return NGX_ERROR;
    }

    w->curl = curl;
    curl->worker = w;
    curl->dummy.fd = (ngx_socket_t) -1;
    ngx_queue_init(&curl->transfers);

    curl->timer.handler = ngx_http_wahub_curl_expired;
    curl->timer.data = curl;
    curl->timer.log = w->log;
    curl->timer.cancelable = 1;

    curl->multi = curl_multi_init();

    if (curl->multi == NULL) {
        return NGX_ERROR;
    }

    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION,
                      ngx_http_wahub_curl_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION,
                      ngx_http_wahub_curl_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS,
                      (long) NGX_HTTP_WAHUB_CURL_POOL);

    return NGX_OK;
}


void
ngx_http_wahub_curl_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t            *q;
    ngx_http_wahub_curl_t  *curl;

    curl = w->curl;

    if (curl == NULL) {
        return;
    }

    while (ngx_queue_empty(&curl->transfers) == 0) {
        q = ngx_queue_head(&curl->transfers);
        ngx_http_wahub_curl_free(
            ngx_queue_data(q, ngx_http_wahub_transfer_t, link));
    }

    if (curl->multi != NULL) {
        curl_multi_cleanup(curl->multi);
    }

    if (curl->timer.timer_set) {
        ngx_del_timer(&curl->timer);
    }

    ngx_free(curl);
    w->curl = NULL;
    curl_global_cleanup();
}


ngx_http_wahub_transfer_t *
ngx_http_wahub_curl_post(ngx_http_wahub_worker_t *w,
    const ngx_http_wahub_post_t *post, ngx_http_wahub_curl_pt handler,
    void *data)
{
    ngx_http_wahub_transfer_t  *t;

    t = ngx_calloc(sizeof(ngx_http_wahub_transfer_t), w->log);

    if (t == NULL) {
        return NULL;
    }

    t->curl = w->curl;
    t->handler = handler;
    t->data = data;
    ngx_queue_insert_tail(&w->curl->transfers, &t->link);

    if (ngx_http_wahub_curl_setup(t, post) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0, "starting a transfer failed");
        ngx_http_wahub_curl_free(t);
        return NULL;
    }

    return t;
}


void
ngx_http_wahub_curl_cancel(ngx_http_wahub_transfer_t *t)
{
    ngx_http_wahub_curl_free(t);
}


static ngx_int_t
ngx_http_wahub_curl_setup(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_post_t *post)
{
    u_char     *url;
    ngx_int_t   rc;
    ngx_log_t  *log;

    log = t->curl->worker->log;
    t->easy = curl_easy_init();
    t->body = ngx_alloc(post->body.len + 1, log);
    url = ngx_alloc(post->url.len + 1, log);
    rc = NGX_ERROR;

    if (t->easy == NULL || t->body == NULL || url == NULL) {
        goto done;
    }

    ngx_memcpy(t->body, post->body.data, post->body.len);
    ngx_memcpy(url, post->url.data, post->url.len);
    url[post->url.len] = '\0';

    rc = ngx_http_wahub_curl_options(t, post, (char *) url);

    if (rc == NGX_OK
        && curl_multi_add_handle(t->curl->multi, t->easy) != CURLM_OK)
    {
        rc = NGX_ERROR;
    }

done:

    if (url != NULL) {
        ngx_free(url);
    }

    return rc;
}


/*
 * No CA path beside the bundle: with one libcurl parses the whole bundle
 * again for every connection.  No proxy from the environment, no
 * redirects, no signals.
 */
static ngx_int_t
ngx_http_wahub_curl_options(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_post_t *post, const char *url)
{
    CURL                        *e;
    ngx_str_t                   *ca;
    ngx_uint_t                   i, bad;

    static const ngx_str_t  no_expect = ngx_string("Expect:");

    e = t->easy;
    ca = &t->curl->worker->conf->trusted_certificate;
    bad = 0;

    for (i = 0; i < post->nheaders; i++) {
        bad |= (ngx_http_wahub_curl_append(&t->headers, &post->headers[i])
                != NGX_OK);
    }

    bad |= (ngx_http_wahub_curl_append(&t->headers, &no_expect) != NGX_OK);
    bad |= (ngx_http_wahub_curl_pin(t, &post->addr) != NGX_OK);

    bad |= (curl_easy_setopt(e, CURLOPT_URL, url) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https")
            != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_CONNECT_TO, t->to) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers)
            != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_USERAGENT,
                             "wahub/" NGX_HTTP_WAHUB_VERSION) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_POST, 1L) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_POSTFIELDS, (char *) t->body)
            != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t) post->body.len) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) post->timeout)
            != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                             (long) NGX_HTTP_WAHUB_CURL_CONNECT)
            != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                             ngx_http_wahub_curl_write) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_WRITEDATA, t) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_PRIVATE, t) != CURLE_OK);
    bad |= (curl_easy_setopt(e, CURLOPT_CAPATH, NULL) != CURLE_OK);

    if (ca->len > 0) {
        bad |= (curl_easy_setopt(e, CURLOPT_CAINFO, (char *) ca->data)
                != CURLE_OK);
    }

    return bad ? NGX_ERROR : NGX_OK;
}


/* "::<address>:<port>": whatever the URL's host, connect there. */
static ngx_int_t
ngx_http_wahub_curl_pin(ngx_http_wahub_transfer_t *t,
    const ngx_http_wahub_addr_t *addr)
{
    u_char             buf[NGX_HTTP_WAHUB_CURL_TO_LEN];
    ngx_str_t          line;
    ngx_sockaddr_t     sa;

    sa = addr->sockaddr;
    line.data = buf;
    buf[0] = ':';
    buf[1] = ':';
    line.len = 2 + ngx_sock_ntop(&sa.sockaddr, addr->socklen, buf + 2,
                                 NGX_SOCKADDR_STRLEN, 1);

    return ngx_http_wahub_curl_append(&t->to, &line);
}


static ngx_int_t
ngx_http_wahub_curl_append(struct curl_slist **list, const ngx_str_t *line)
{
    char               *text;
    struct curl_slist  *longer;

    text = ngx_alloc(line->len + 1, ngx_cycle->log);

    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text, line->data, line->len);
    text[line->len] = '\0';

    longer = curl_slist_append(*list, text);
    ngx_free(text);

    if (longer == NULL) {
        return NGX_ERROR;
    }

    *list = longer;

    return NGX_OK;
}


static void
ngx_http_wahub_curl_free(ngx_http_wahub_transfer_t *t)
{
    if (t->easy != NULL) {
        curl_multi_remove_handle(t->curl->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }

    curl_slist_free_all(t->headers);
    curl_slist_free_all(t->to);

    if (t->body != NULL) {
        ngx_free(t->body);
    }

    ngx_queue_remove(&t->link);
    ngx_free(t);
}


/* ---- events ---- */

static int
ngx_http_wahub_curl_socket(CURL *easy, curl_socket_t s, int what,
    void *data, void *socket)
{
    ngx_connection_t       *c;
    ngx_http_wahub_curl_t  *curl;

    (void) easy;

    curl = data;
    c = socket;

    if (what == CURL_POLL_REMOVE) {
        if (c != NULL) {
            ngx_http_wahub_curl_unwatch(c);
            curl_multi_assign(curl->multi, s, NULL);
        }

        return 0;
    }

    if (c == NULL) {
        c = ngx_http_wahub_curl_watch(curl, s);

        if (c == NULL) {
            return -1;
        }
    }

    if (ngx_http_wahub_curl_want(c->read, NGX_READ_EVENT,
                                 what & CURL_POLL_IN) != NGX_OK
        || ngx_http_wahub_curl_want(c->write, NGX_WRITE_EVENT,
                                    what & CURL_POLL_OUT) != NGX_OK)
    {
        return -1;
    }

    return 0;
}


static ngx_connection_t *
ngx_http_wahub_curl_watch(ngx_http_wahub_curl_t *curl, curl_socket_t s)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(s, curl->worker->log);

    if (c == NULL) {
        return NULL;
    }

    c->data = curl;
    c->read->handler = ngx_http_wahub_curl_ready;
    c->write->handler = ngx_http_wahub_curl_ready;
    c->read->log = c->log;
    c->write->log = c->log;

    curl_multi_assign(curl->multi, s, c);

    return c;
}


/* The descriptor stays libcurl's. */
static void
ngx_http_wahub_curl_unwatch(ngx_connection_t *c)
{
    (void) ngx_http_wahub_curl_want(c->read, NGX_READ_EVENT, 0);
    (void) ngx_http_wahub_curl_want(c->write, NGX_WRITE_EVENT, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static ngx_int_t
ngx_http_wahub_curl_want(ngx_event_t *ev, ngx_int_t event, ngx_uint_t wanted)
{
    if (wanted && ev->active == 0) {
        return ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    if (wanted == 0 && ev->active) {
        return ngx_del_event(ev, event, 0);
    }

    return NGX_OK;
}


/* The connection may be gone after libcurl has run. */
static void
ngx_http_wahub_curl_ready(ngx_event_t *ev)
{
    int                     running;
    ngx_connection_t       *c;
    ngx_http_wahub_curl_t  *curl;

    c = ev->data;
    curl = c->data;

    curl_multi_socket_action(curl->multi, c->fd,
                             ev->write ? CURL_CSELECT_OUT : CURL_CSELECT_IN,
                             &running);
    ngx_http_wahub_curl_collect(curl);
}


/* Deleted first: nginx ignores a re-arm within 300 ms of the old time. */
static int
ngx_http_wahub_curl_timer(CURLM *multi, long timeout, void *data)
{
    ngx_http_wahub_curl_t  *curl;

    (void) multi;

    curl = data;

    if (curl->timer.timer_set) {
        ngx_del_timer(&curl->timer);
    }

    if (timeout >= 0) {
        ngx_add_timer(&curl->timer, (ngx_msec_t) timeout);
    }

    return 0;
}


static void
ngx_http_wahub_curl_expired(ngx_event_t *ev)
{
    int                     running;
    ngx_http_wahub_curl_t  *curl;

    curl = ev->data;

    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    ngx_http_wahub_curl_collect(curl);
}


static void
ngx_http_wahub_curl_collect(ngx_http_wahub_curl_t *curl)
{
    int                         left;
    long                        status;
    void                       *private, *data;
    CURLMsg                    *msg;
    CURLcode                    result;
    ngx_http_wahub_curl_pt      handler;
    ngx_http_wahub_outcome_t    outcome;
    ngx_http_wahub_transfer_t  *t;

    while ((msg = curl_multi_info_read(curl->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        result = msg->data.result;
        status = 0;
        private = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);

        t = private;
        handler = t->handler;
        data = t->data;
        outcome.status = (ngx_uint_t) status;
        outcome.error = (result == CURLE_OK) ? NULL
                                             : curl_easy_strerror(result);
        outcome.unreached = (result == CURLE_COULDNT_CONNECT);

        ngx_http_wahub_curl_free(t);
        handler(data, &outcome);
    }
}


/* The answer's body is of no interest; a long one is cut off. */
static size_t
ngx_http_wahub_curl_write(char *p, size_t size, size_t n, void *data)
{
    ngx_http_wahub_transfer_t  *t;

    (void) p;

    t = data;
    t->received += size * n;

    return t->received > NGX_HTTP_WAHUB_CURL_ANSWER ? 0 : size * n;
}
