/*
 * Uploads, and which hosts there are, see ngx_http_wahub_wire.h.
 */
#include "ngx_http_wahub_file_int.h"
#include "ngx_http_wahub_wire_int.h"

#include "wa_b64.h"

#include <sys/mman.h>


#define NGX_HTTP_WAHUB_WIRE_ANSWER  65536


typedef struct {
    wa_buf_t                  text;
} ngx_http_wahub_pushed_t;


static void ngx_http_wahub_hosts_add(ngx_http_wahub_hosts_t *h,
    const char *name, size_t n);
static void ngx_http_wahub_wire_wave(ngx_http_wahub_push_t *p);
static wa_err_t ngx_http_wahub_wire_copy(ngx_http_wahub_push_t *p,
    wa_media_seal_t *m, u_char *chunk, wa_buf_t *out);
static ngx_http_wahub_wire_e ngx_http_wahub_wire_try(
    ngx_http_wahub_push_t *p, const char *host, const char *token);
static ngx_uint_t ngx_http_wahub_wire_answer(void *data, ngx_uint_t status,
    const u_char *bytes, size_t n);
static ngx_http_wahub_wire_e ngx_http_wahub_wire_pushed(
    ngx_http_wahub_push_t *p, ngx_http_wahub_pushed_t *a,
    ngx_uint_t status);
static ngx_uint_t ngx_http_wahub_wire_member(json_t *o, const char *name,
    char *out, size_t size);


/* -- hosts ---------------------------------------------------------------- */

void
ngx_http_wahub_wire_hosts(ngx_http_wahub_main_conf_t *wmcf,
    const json_t *conn, const char *use, ngx_http_wahub_hosts_t *out)
{
    size_t   i;
    json_t  *host, *name;

    ngx_memzero(out, sizeof(ngx_http_wahub_hosts_t));
    out->ca = (const char *) wmcf->trusted_certificate.data;

    name = json_object_get(conn, "auth");

    if (json_is_string(name)) {
        (void) ngx_cpystrn((u_char *) out->auth,
                           (u_char *) json_string_value(name),
                           sizeof(out->auth));
    }

    if (wmcf->media_host.len != 0) {
        ngx_http_wahub_hosts_add(out, (char *) wmcf->media_host.data,
                                 wmcf->media_host.len);
        return;
    }

    json_array_foreach(json_object_get(conn, "hosts"), i, host) {
        name = json_object_get(host, "hostname");

        if (json_is_string(name)
            && json_is_true(json_object_get(host, use)))
        {
            ngx_http_wahub_hosts_add(out, json_string_value(name),
                                     json_string_length(name));
        }
    }

    if (out->n == 0) {
        ngx_http_wahub_hosts_add(out, "mmg.whatsapp.net", 16);
        ngx_http_wahub_hosts_add(out, "mmg-fallback.whatsapp.net", 25);
    }
}


static void
ngx_http_wahub_hosts_add(ngx_http_wahub_hosts_t *h, const char *name,
    size_t n)
{
    if (h->n == NGX_HTTP_WAHUB_WIRE_HOSTS
        || ngx_http_wahub_wire_is_host(name, n) == 0)
    {
        return;
    }

    ngx_memcpy(h->hosts[h->n], name, n);
    h->hosts[h->n][n] = '\0';
    h->n++;
}


ngx_uint_t
ngx_http_wahub_wire_is_host(const char *name, size_t n)
{
    size_t  i;
    u_char  ch;

    if (n == 0 || n >= NGX_HTTP_WAHUB_WIRE_HOST) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        ch = (u_char) name[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-'
              || ch == ':'))
        {
            return 0;
        }
    }

    return 1;
}


/* -- sealing -------------------------------------------------------------- */

ngx_http_wahub_wire_e
ngx_http_wahub_wire_seal(ngx_http_wahub_push_t *p)
{
    u_char           *chunk;
    wa_buf_t          out = WA_BUF_EMPTY;
    wa_err_t          rc;
    wa_media_seal_t  *m;

    wa_random(p->key, sizeof(p->key));

    p->sealed = open((char *) p->folder.data,
                     O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (p->sealed == NGX_INVALID_FILE) {
        return ngx_http_wahub_wire_fail(p->error, "no temporary file",
                                        ngx_http_wahub_wire_local);
    }

    chunk = ngx_alloc(NGX_HTTP_WAHUB_FILE_CHUNK, ngx_cycle->log);
    rc = (chunk == NULL) ? WA_ERR_NOMEM
                         : wa_media_seal_create(&m, p->kind,
                                                p->bare ? NULL : p->key);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_wire_copy(p, m, chunk, &out);
        wa_media_seal_free(m);
    }

    if (chunk != NULL) {
        wa_wipe(chunk, NGX_HTTP_WAHUB_FILE_CHUNK);
        ngx_free(chunk);
    }

    wa_buf_free(&out);

    if (rc != WA_OK) {
        return ngx_http_wahub_wire_fail(p->error, "encrypting failed",
                                        rc == WA_ERR_GONE
                                        ? ngx_http_wahub_wire_stopped
                                        : ngx_http_wahub_wire_local);
    }

    if (p->voice) {
        ngx_http_wahub_wire_wave(p);
    }

    return ngx_http_wahub_wire_ok;
}


/* A voice note that cannot be drawn is sent all the same. */
static void
ngx_http_wahub_wire_wave(ngx_http_wahub_push_t *p)
{
    void         *map;
    size_t        size;
    struct stat   st;

    if (fstat(p->source, &st) == -1 || st.st_size <= 0
        || st.st_size > (off_t) WA_WAVE_FILE_MAX)
    {
        return;
    }

    size = (size_t) st.st_size;
    map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, p->source, 0);

    if (map == MAP_FAILED) {
        return;
    }

    p->has_wave = (wa_wave_opus(wa_span(map, size), p->wave) == WA_OK);
    (void) munmap(map, size);
}


static wa_err_t
ngx_http_wahub_wire_copy(ngx_http_wahub_push_t *p, wa_media_seal_t *m,
    u_char *chunk, wa_buf_t *out)
{
    off_t     at;
    ssize_t   n;
    wa_err_t  rc;

    for (at = 0;; at += n) {
        n = pread(p->source, chunk, NGX_HTTP_WAHUB_FILE_CHUNK, at);

        if (n <= 0) {
            break;
        }

        if (ngx_http_wahub_stream_stopped(1)) {
            return WA_ERR_GONE;
        }

        out->n = 0;
        rc = wa_media_seal_update(m, wa_span(chunk, (size_t) n), out);

        if (rc != WA_OK
            || ngx_http_wahub_wire_write(p->sealed, out) != NGX_OK)
        {
            return rc == WA_OK ? WA_ERR_IO : rc;
        }
    }

    if (n == -1) {
        return WA_ERR_IO;
    }

    out->n = 0;
    rc = wa_media_seal_final(m, out, &p->sums);

    if (rc == WA_OK && ngx_http_wahub_wire_write(p->sealed, out) != NGX_OK) {
        rc = WA_ERR_IO;
    }

    return rc;
}


ngx_int_t
ngx_http_wahub_wire_write(ngx_fd_t fd, const wa_buf_t *bytes)
{
    size_t   at;
    ssize_t  n;

    for (at = 0; at < bytes->n; at += (size_t) n) {
        n = write(fd, bytes->p + at, bytes->n - at);

        if (n == -1) {

            if (ngx_errno == NGX_EINTR) {
                n = 0;
                continue;
            }

            (void) ngx_http_wahub_file_error(ngx_errno);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* -- uploading ------------------------------------------------------------ */

ngx_http_wahub_wire_e
ngx_http_wahub_wire_push(ngx_http_wahub_push_t *p)
{
    wa_buf_t               token = WA_BUF_EMPTY;
    wa_err_t               rc;
    ngx_uint_t             i, round;
    ngx_http_wahub_wire_e  last;

    /* base64url with its padding: 43 characters and one */

    rc = wa_b64_encode(wa_span(p->sums.enc_sha256, WA_SHA256_LEN),
                       WA_B64_URL, &token);

    if (rc == WA_OK) {
        rc = wa_buf_append(&token, "=", 2);
    }

    last = (rc == WA_OK) ? ngx_http_wahub_wire_again
                         : ngx_http_wahub_wire_local;

    for (round = 0; rc == WA_OK && round < NGX_HTTP_WAHUB_WIRE_ROUNDS;
         round++)
    {
        if (ngx_http_wahub_wire_pause(round, 1) != NGX_OK) {
            last = ngx_http_wahub_wire_stopped;
            break;
        }

        for (i = 0; i < p->hosts.n; i++) {
            last = ngx_http_wahub_wire_try(p, p->hosts.hosts[i],
                                           (char *) token.p);

            if (last != ngx_http_wahub_wire_again) {
                goto done;
            }
        }
    }

done:

    wa_buf_free(&token);

    return last;
}


static ngx_http_wahub_wire_e
ngx_http_wahub_wire_try(ngx_http_wahub_push_t *p, const char *host,
    const char *token)
{
    char                       *url;
    size_t                      size;
    u_char                     *end;
    wa_err_t                    rc;
    uintptr_t                   escaped;
    ngx_http_wahub_wire_e       result;
    ngx_http_wahub_stream_t     s;
    ngx_http_wahub_pushed_t     a;
    ngx_http_wahub_streamed_t   out;

    size = 3 * NGX_HTTP_WAHUB_WIRE_AUTH + NGX_HTTP_WAHUB_WIRE_HOST + 512;
    url = ngx_alloc(size, ngx_cycle->log);

    if (url == NULL) {
        return ngx_http_wahub_wire_local;
    }

    end = ngx_snprintf((u_char *) url, size,
                       "https://%s/%s%s/%s?auth=", host,
                       p->bare ? "newsletter/newsletter-" : "mms/",
                       wa_media_mms(p->kind), token);
    escaped = ngx_escape_uri(end, (u_char *) p->hosts.auth,
                             ngx_strlen(p->hosts.auth),
                             NGX_ESCAPE_URI_COMPONENT);
    end = (u_char *) escaped;
    end = ngx_cpymem(end, "&token=", 7);
    end = ngx_cpymem(end, token, ngx_strlen(token) - 1);
    (void) ngx_cpymem(end, "%3D", 4);

    ngx_memzero(&s, sizeof(ngx_http_wahub_stream_t));
    ngx_memzero(&a, sizeof(ngx_http_wahub_pushed_t));

    s.url = url;
    s.ca = p->hosts.ca;
    s.body = p->sealed;
    s.size = p->sums.enc_length;
    s.take = ngx_http_wahub_wire_answer;
    s.data = &a;
    s.whatsapp = 1;
    s.patient = 1;

    rc = ngx_http_wahub_stream(&s, &out);
    wa_wipe(url, size);
    ngx_free(url);

    if (rc == WA_OK) {
        result = ngx_http_wahub_wire_pushed(p, &a, out.status);

    } else if (out.stopped) {
        result = ngx_http_wahub_wire_stopped;

    } else {
        result = ngx_http_wahub_wire_fail(p->error,
                     out.error == NULL ? "out of memory" : out.error,
                     ngx_http_wahub_wire_again);
    }

    wa_buf_free(&a.text);

    return result;
}


static ngx_uint_t
ngx_http_wahub_wire_answer(void *data, ngx_uint_t status,
    const u_char *bytes, size_t n)
{
    ngx_http_wahub_pushed_t  *a = data;

    (void) status;

    return n <= NGX_HTTP_WAHUB_WIRE_ANSWER - a->text.n
           && wa_buf_append(&a->text, bytes, n) == WA_OK;
}


static ngx_http_wahub_wire_e
ngx_http_wahub_wire_pushed(ngx_http_wahub_push_t *p,
    ngx_http_wahub_pushed_t *a, ngx_uint_t status)
{
    json_t      *answer;
    ngx_uint_t   good;

    if (status == 401 || status == 403) {
        return ngx_http_wahub_wire_fail(p->error, "the upload was refused",
                                        ngx_http_wahub_wire_auth);
    }

    if (status != 200) {
        (void) ngx_snprintf((u_char *) p->error, sizeof(p->error) - 1,
                            "the media server answered %ui%Z", status);
        return ngx_http_wahub_wire_again;
    }

    answer = json_loadb((char *) a->text.p, a->text.n, 0, NULL);
    good = ngx_http_wahub_wire_member(answer, "direct_path", p->direct_path,
                                      sizeof(p->direct_path));
    (void) ngx_http_wahub_wire_member(answer, "url", p->url,
                                      sizeof(p->url));
    (void) ngx_http_wahub_wire_member(answer, "handle", p->handle,
                                      sizeof(p->handle));
    json_decref(answer);

    if (good == 0
        || ngx_http_wahub_wire_path_valid(wa_span_str(p->direct_path)) == 0)
    {
        return ngx_http_wahub_wire_fail(p->error,
                                        "the media server named no path",
                                        ngx_http_wahub_wire_again);
    }

    return ngx_http_wahub_wire_ok;
}


static ngx_uint_t
ngx_http_wahub_wire_member(json_t *o, const char *name, char *out,
    size_t size)
{
    json_t  *v;

    v = json_object_get(o, name);
    out[0] = '\0';

    if (!json_is_string(v) || json_string_length(v) >= size
        || json_string_length(v) == 0)
    {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) out, (u_char *) json_string_value(v),
                       size);

    return 1;
}
