/*
 * Transfers in threads, see ngx_http_wahub_curl_stream.h.  Each has a handle
 * of its own: what threads share is set up by ngx_http_wahub_curl_init().
 */
#include "ngx_http_wahub_curl_stream.h"

#include <curl/curl.h>


#define NGX_HTTP_WAHUB_STREAM_CONNECT  10000    /* ms                    */
#define NGX_HTTP_WAHUB_STREAM_SLOW     1024     /* bytes/s ...           */
#define NGX_HTTP_WAHUB_STREAM_STILL    30       /* ... for so many s     */
#define NGX_HTTP_WAHUB_STREAM_BUFFER   131072L
#define NGX_HTTP_WAHUB_STREAM_RANGE    40

/* What a page is asked for as. */
#define NGX_HTTP_WAHUB_STREAM_BROWSER                                        \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " \
    "Chrome/140.0.0.0 Safari/537.36"


typedef struct {
    const ngx_http_wahub_stream_t  *stream;
    CURL                           *easy;
    uint64_t                        sent;
} ngx_http_wahub_streaming_t;


static ngx_uint_t ngx_http_wahub_stream_setup(ngx_http_wahub_streaming_t *t,
    struct curl_slist *headers, struct curl_slist *to, char *range);
static ngx_uint_t ngx_http_wahub_stream_browser(struct curl_slist **list);
static ngx_uint_t ngx_http_wahub_stream_header(struct curl_slist **list,
    const char *line);
static size_t ngx_http_wahub_stream_read(char *p, size_t size, size_t n,
    void *data);
static int ngx_http_wahub_stream_seek(void *data, curl_off_t offset,
    int origin);
static size_t ngx_http_wahub_stream_write(char *p, size_t size, size_t n,
    void *data);
static int ngx_http_wahub_stream_progress(void *data, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow);
static void ngx_http_wahub_stream_result(CURL *easy,
    ngx_http_wahub_streamed_t *out);


ngx_uint_t
ngx_http_wahub_stream_stopped(ngx_uint_t patient)
{
    return ngx_terminate || (patient == 0 && (ngx_quit || ngx_exiting));
}


wa_err_t
ngx_http_wahub_stream(const ngx_http_wahub_stream_t *s,
    ngx_http_wahub_streamed_t *out)
{
    char                         range[NGX_HTTP_WAHUB_STREAM_RANGE];
    u_char                       line[NGX_SOCKADDR_STRLEN + 4];
    size_t                       n;
    CURLcode                     rc;
    ngx_uint_t                   ok;
    ngx_sockaddr_t               sa;
    struct curl_slist           *headers, *to;
    ngx_http_wahub_streaming_t   t;

    ngx_memzero(out, sizeof(ngx_http_wahub_streamed_t));

    t.stream = s;
    t.sent = 0;
    t.easy = curl_easy_init();
    headers = NULL;
    to = NULL;

    if (t.easy == NULL) {
        return WA_ERR_NOMEM;
    }

    ok = ngx_http_wahub_stream_header(&headers, "Expect:");

    if (s->whatsapp) {
        ok &= ngx_http_wahub_stream_header(&headers,
                                  "Origin: https://web.whatsapp.com");
        ok &= ngx_http_wahub_stream_header(&headers,
                                  "Referer: https://web.whatsapp.com/");
    }

    if (s->browser) {
        ok &= ngx_http_wahub_stream_browser(&headers);
    }

    if (s->body != NGX_INVALID_FILE) {
        ok &= ngx_http_wahub_stream_header(&headers,
                                  "Content-Type: application/octet-stream");
    }

    if (s->addr != NULL) {
        sa = s->addr->sockaddr;
        line[0] = ':';
        line[1] = ':';
        n = 2 + ngx_sock_ntop(&sa.sockaddr, s->addr->socklen, line + 2,
                              NGX_SOCKADDR_STRLEN, 1);
        line[n] = '\0';
        ok &= ngx_http_wahub_stream_header(&to, (char *) line);
    }

    ok = ok && ngx_http_wahub_stream_setup(&t, headers, to, range);
    rc = ok ? curl_easy_perform(t.easy) : CURLE_OUT_OF_MEMORY;

    ngx_http_wahub_stream_result(t.easy, out);

    curl_easy_cleanup(t.easy);
    curl_slist_free_all(headers);
    curl_slist_free_all(to);

    if (rc == CURLE_OK) {
        return WA_OK;
    }

    out->error = curl_easy_strerror(rc);
    out->stopped = (rc == CURLE_ABORTED_BY_CALLBACK);

    return rc == CURLE_OUT_OF_MEMORY ? WA_ERR_NOMEM : WA_ERR_IO;
}


static ngx_uint_t
ngx_http_wahub_stream_setup(ngx_http_wahub_streaming_t *t,
    struct curl_slist *headers, struct curl_slist *to, char *range)
{
    CURL                           *e;
    ngx_uint_t                      bad;
    const ngx_http_wahub_stream_t  *s;

    e = t->easy;
    s = t->stream;
    bad = 0;

#define wahub_set(option, value)                                             \
    bad |= (curl_easy_setopt(e, option, value) != CURLE_OK)

    wahub_set(CURLOPT_URL, s->url);
    wahub_set(CURLOPT_PROTOCOLS_STR, "http,https");
    wahub_set(CURLOPT_PROXY, "");
    wahub_set(CURLOPT_NOSIGNAL, 1L);
    wahub_set(CURLOPT_FOLLOWLOCATION, 0L);
    wahub_set(CURLOPT_HTTPHEADER, headers);
    wahub_set(CURLOPT_USERAGENT, s->browser
              ? NGX_HTTP_WAHUB_STREAM_BROWSER
              : "wahub/" NGX_HTTP_WAHUB_VERSION);
    wahub_set(CURLOPT_CONNECTTIMEOUT_MS,
              (long) NGX_HTTP_WAHUB_STREAM_CONNECT);
    wahub_set(CURLOPT_LOW_SPEED_LIMIT, (long) NGX_HTTP_WAHUB_STREAM_SLOW);
    wahub_set(CURLOPT_LOW_SPEED_TIME, (long) NGX_HTTP_WAHUB_STREAM_STILL);
    wahub_set(CURLOPT_TIMEOUT_MS, (long) s->timeout);
    wahub_set(CURLOPT_BUFFERSIZE, NGX_HTTP_WAHUB_STREAM_BUFFER);
    wahub_set(CURLOPT_WRITEFUNCTION, ngx_http_wahub_stream_write);
    wahub_set(CURLOPT_WRITEDATA, t);
    wahub_set(CURLOPT_XFERINFOFUNCTION, ngx_http_wahub_stream_progress);
    wahub_set(CURLOPT_XFERINFODATA, t);
    wahub_set(CURLOPT_NOPROGRESS, 0L);

    /* with a path beside the bundle the bundle is read again each time */

    wahub_set(CURLOPT_CAPATH, NULL);

    if (s->ca[0] != '\0') {
        wahub_set(CURLOPT_CAINFO, s->ca);
    }

    if (to != NULL) {
        wahub_set(CURLOPT_CONNECT_TO, to);
    }

    if (s->body != NGX_INVALID_FILE) {
        wahub_set(CURLOPT_POST, 1L);
        wahub_set(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) s->size);
        wahub_set(CURLOPT_UPLOAD_BUFFERSIZE, NGX_HTTP_WAHUB_STREAM_BUFFER);
        wahub_set(CURLOPT_READFUNCTION, ngx_http_wahub_stream_read);
        wahub_set(CURLOPT_READDATA, t);
        wahub_set(CURLOPT_SEEKFUNCTION, ngx_http_wahub_stream_seek);
        wahub_set(CURLOPT_SEEKDATA, t);

    } else if (s->from != 0) {
        *ngx_snprintf((u_char *) range, NGX_HTTP_WAHUB_STREAM_RANGE - 1,
                      "%uL-", s->from) = '\0';
        wahub_set(CURLOPT_RANGE, range);
    }

#undef wahub_set

    return bad == 0;
}


/* The first request of a person who opens a page. */
static ngx_uint_t
ngx_http_wahub_stream_browser(struct curl_slist **list)
{
    size_t       i;
    ngx_uint_t   ok;

    static const char  *const lines[] = {
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.9",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-User: ?1",
        "Upgrade-Insecure-Requests: 1"
    };

    ok = 1;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ok &= ngx_http_wahub_stream_header(list, lines[i]);
    }

    return ok;
}


static ngx_uint_t
ngx_http_wahub_stream_header(struct curl_slist **list, const char *line)
{
    struct curl_slist  *longer;

    longer = curl_slist_append(*list, line);

    if (longer == NULL) {
        return 0;
    }

    *list = longer;

    return 1;
}


static size_t
ngx_http_wahub_stream_read(char *p, size_t size, size_t n, void *data)
{
    size_t                       most;
    ssize_t                      got;
    ngx_http_wahub_streaming_t  *t = data;

    most = size * n;

    if (most > t->stream->size - t->sent) {
        most = (size_t) (t->stream->size - t->sent);
    }

    if (most == 0) {
        return 0;
    }

    got = pread(t->stream->body, p, most, (off_t) t->sent);

    if (got <= 0) {
        return CURL_READFUNC_ABORT;
    }

    t->sent += (uint64_t) got;

    return (size_t) got;
}


static int
ngx_http_wahub_stream_seek(void *data, curl_off_t offset, int origin)
{
    ngx_http_wahub_streaming_t  *t = data;

    if (origin != SEEK_SET || offset < 0
        || (uint64_t) offset > t->stream->size)
    {
        return CURL_SEEKFUNC_CANTSEEK;
    }

    t->sent = (uint64_t) offset;

    return CURL_SEEKFUNC_OK;
}


static size_t
ngx_http_wahub_stream_write(char *p, size_t size, size_t n, void *data)
{
    long                         status;
    ngx_http_wahub_streaming_t  *t = data;

    status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);

    return t->stream->take(t->stream->data, (ngx_uint_t) status,
                           (u_char *) p, size * n)
           ? size * n : 0;
}


static int
ngx_http_wahub_stream_progress(void *data, curl_off_t dltotal,
    curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
    ngx_http_wahub_streaming_t  *t = data;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    return (int) ngx_http_wahub_stream_stopped(t->stream->patient);
}


static void
ngx_http_wahub_stream_result(CURL *easy, ngx_http_wahub_streamed_t *out)
{
    long        status;
    char       *location;
    curl_off_t  after;

    status = 0;
    after = 0;
    location = NULL;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);

    out->status = (ngx_uint_t) status;
    out->retry_after = (after > 0 && after < 3600) ? (ngx_uint_t) after : 0;

    if (location != NULL && ngx_strlen(location) < sizeof(out->location)) {
        (void) ngx_cpystrn((u_char *) out->location, (u_char *) location,
                           sizeof(out->location));
    }
}
