/*
 * Downloads, see ngx_http_wahub_wire.h.
 *
 * What arrives is decrypted on its way to a temporary file.  A transfer that
 * broke off goes on where it stopped, on whichever host; the MAC and both
 * digests are looked at before anybody gets the file.
 */
#include "ngx_http_wahub_file_int.h"
#include "ngx_http_wahub_wire_int.h"

#include "wa_b64.h"


#define NGX_HTTP_WAHUB_PULL_NOISE  65536        /* of an error's page    */
#define NGX_HTTP_WAHUB_PULL_STEP   100          /* ms                    */


typedef struct {
    ngx_http_wahub_pull_t    *pull;
    wa_media_open_t          *open;
    wa_buf_t                  out;
    uint64_t                  got;          /* bytes of the sealed file  */
    uint64_t                  from;         /* asked for, this time      */
    uint64_t                  noise;
    wa_err_t                  err;          /* not the network's         */
    unsigned                  large:1;
    unsigned                  began:1;      /* this transfer has bytes   */
} ngx_http_wahub_pulling_t;


static ngx_http_wahub_wire_e ngx_http_wahub_pull_rounds(
    ngx_http_wahub_pulling_t *t, const char *hash);
static ngx_http_wahub_wire_e ngx_http_wahub_pull_try(
    ngx_http_wahub_pulling_t *t, const char *host, const char *hash);
static wa_err_t ngx_http_wahub_pull_restart(ngx_http_wahub_pulling_t *t);
static ngx_uint_t ngx_http_wahub_pull_take(void *data, ngx_uint_t status,
    const u_char *bytes, size_t n);
static ngx_http_wahub_wire_e ngx_http_wahub_pull_status(
    ngx_http_wahub_pulling_t *t, ngx_uint_t status);
static ngx_http_wahub_wire_e ngx_http_wahub_pull_end(
    ngx_http_wahub_pulling_t *t);


ngx_uint_t
ngx_http_wahub_wire_path_valid(wa_span_t path)
{
    size_t  i;

    if (path.n < 2 || path.n >= NGX_HTTP_WAHUB_WIRE_PATH
        || path.p[0] != '/' || path.p[1] == '/')
    {
        return 0;
    }

    for (i = 0; i < path.n; i++) {

        if (path.p[i] <= 0x20 || path.p[i] >= 0x7f || path.p[i] == '#'
            || path.p[i] == '\\' || path.p[i] == '"')
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_wahub_wire_pause(ngx_uint_t round, ngx_uint_t patient)
{
    ngx_msec_t  waited;

    /* 0, 1, 4 s */

    for (waited = 0; waited < round * round * 1000;
         waited += NGX_HTTP_WAHUB_PULL_STEP)
    {
        if (ngx_http_wahub_stream_stopped(patient)) {
            break;
        }

        ngx_msleep(NGX_HTTP_WAHUB_PULL_STEP);
    }

    return ngx_http_wahub_stream_stopped(patient) ? NGX_ERROR : NGX_OK;
}


ngx_http_wahub_wire_e
ngx_http_wahub_wire_pull(ngx_http_wahub_pull_t *p)
{
    wa_buf_t                   hash = WA_BUF_EMPTY;
    wa_err_t                   rc;
    ngx_http_wahub_wire_e      result;
    ngx_http_wahub_pulling_t   t;

    ngx_memzero(&t, sizeof(ngx_http_wahub_pulling_t));
    t.pull = p;

    rc = ngx_http_wahub_file_create(p->files, &p->file);

    if (rc == WA_OK) {
        rc = wa_b64_encode(wa_span(p->enc_sha256, WA_SHA256_LEN), WA_B64_URL,
                           &hash);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append(&hash, "%3D", 4);
    }

    if (rc == WA_OK) {
        rc = ngx_http_wahub_pull_restart(&t);
    }

    if (rc != WA_OK) {
        result = ngx_http_wahub_wire_fail(p->error, wa_err_name(rc),
                                          ngx_http_wahub_wire_local);

    } else {
        result = ngx_http_wahub_pull_rounds(&t, (char *) hash.p);
    }

    wa_media_open_free(t.open);
    wa_buf_wipe(&t.out);
    wa_buf_free(&hash);

    if (result != ngx_http_wahub_wire_ok) {
        ngx_http_wahub_file_drop(&p->file);
    }

    return result;
}


/* Each host is asked; what the last one said counts, but bad content and
   missing files are only believed when all agree that there is no good one. */
static ngx_http_wahub_wire_e
ngx_http_wahub_pull_rounds(ngx_http_wahub_pulling_t *t, const char *hash)
{
    ngx_uint_t              i, round, unsure;
    ngx_http_wahub_wire_e   rc, worst;
    ngx_http_wahub_pull_t  *p = t->pull;

    worst = ngx_http_wahub_wire_again;

    for (round = 0; round < NGX_HTTP_WAHUB_WIRE_ROUNDS; round++) {

        if (ngx_http_wahub_wire_pause(round, 0) != NGX_OK) {
            return ngx_http_wahub_wire_stopped;
        }

        unsure = 0;

        for (i = 0; i < p->hosts.n; i++) {
            rc = ngx_http_wahub_pull_try(t, p->hosts.hosts[i], hash);

            switch (rc) {

            case ngx_http_wahub_wire_again:
                unsure = 1;
                break;

            case ngx_http_wahub_wire_gone:
            case ngx_http_wahub_wire_corrupt:
                worst = rc;

                if (ngx_http_wahub_pull_restart(t) != WA_OK) {
                    return ngx_http_wahub_wire_local;
                }

                break;

            default:
                return rc;
            }
        }

        if (unsure == 0) {
            return worst;
        }
    }

    return worst;
}


static ngx_http_wahub_wire_e
ngx_http_wahub_pull_try(ngx_http_wahub_pulling_t *t, const char *host,
    const char *hash)
{
    char                        url[NGX_HTTP_WAHUB_WIRE_PATH + 512];
    wa_err_t                    rc;
    ngx_http_wahub_pull_t      *p = t->pull;
    ngx_http_wahub_stream_t     s;
    ngx_http_wahub_streamed_t   out;

    (void) ngx_snprintf((u_char *) url, sizeof(url),
                        "https://%s%s%s%s%s%smms-type=%s&__wa-mms=%Z", host,
                        p->direct_path,
                        ngx_strchr(p->direct_path, '?') ? "&" : "?",
                        p->has_enc_sha256 ? "hash=" : "",
                        p->has_enc_sha256 ? hash : "",
                        p->has_enc_sha256 ? "&" : "",
                        wa_media_mms(p->kind));

    ngx_memzero(&s, sizeof(ngx_http_wahub_stream_t));
    s.url = url;
    s.ca = p->hosts.ca;
    s.body = NGX_INVALID_FILE;
    s.from = t->got;
    s.take = ngx_http_wahub_pull_take;
    s.data = t;
    s.whatsapp = 1;

    t->from = t->got;
    t->noise = 0;
    t->began = 0;

    rc = ngx_http_wahub_stream(&s, &out);

    if (t->err != WA_OK) {
        return ngx_http_wahub_wire_fail(p->error, wa_err_name(t->err),
                                        ngx_http_wahub_wire_local);
    }

    if (t->large) {
        return ngx_http_wahub_wire_fail(p->error, "the file is too large",
                                        ngx_http_wahub_wire_large);
    }

    if (out.stopped) {
        return ngx_http_wahub_wire_stopped;
    }

    if (rc != WA_OK) {
        return ngx_http_wahub_wire_fail(p->error,
                     out.error == NULL ? "out of memory" : out.error,
                     ngx_http_wahub_wire_again);
    }

    return ngx_http_wahub_pull_status(t, out.status);
}


/* From the first byte. */
static wa_err_t
ngx_http_wahub_pull_restart(ngx_http_wahub_pulling_t *t)
{
    ngx_http_wahub_pull_t  *p = t->pull;

    wa_media_open_free(t->open);
    t->open = NULL;
    t->got = 0;

    if (ftruncate(p->file.fd, 0) == -1
        || lseek(p->file.fd, 0, SEEK_SET) == -1)
    {
        return WA_ERR_IO;
    }

    return wa_media_open_create(&t->open, p->kind,
                                p->has_key ? p->key : NULL);
}


static ngx_uint_t
ngx_http_wahub_pull_take(void *data, ngx_uint_t status,
    const u_char *bytes, size_t n)
{
    ngx_http_wahub_pulling_t  *t = data;
    ngx_http_wahub_pull_t     *p = t->pull;

    if (status != 200 && status != 206) {
        t->noise += n;
        return t->noise <= NGX_HTTP_WAHUB_PULL_NOISE;
    }

    /* a server that does not know ranges begins again */

    if (t->began == 0 && t->from != 0 && status == 200) {
        t->err = ngx_http_wahub_pull_restart(t);
    }

    t->began = 1;
    t->got += n;

    if (p->max != 0 && t->got > p->max + 2 * WA_AES_BLOCK) {
        t->large = 1;
        return 0;
    }

    t->out.n = 0;

    if (t->err == WA_OK) {
        t->err = wa_media_open_update(t->open, wa_span(bytes, n), &t->out);
    }

    if (t->err == WA_OK
        && ngx_http_wahub_wire_write(p->file.fd, &t->out) != NGX_OK)
    {
        t->err = ngx_http_wahub_file_error(ngx_errno);
    }

    return t->err == WA_OK;
}


static ngx_http_wahub_wire_e
ngx_http_wahub_pull_status(ngx_http_wahub_pulling_t *t, ngx_uint_t status)
{
    ngx_http_wahub_pull_t  *p = t->pull;

    switch (status) {

    case 200:
    case 206:
        return ngx_http_wahub_pull_end(t);

    case 403:
    case 404:
    case 410:
        return ngx_http_wahub_wire_fail(p->error,
                                   "the media servers do not have the file",
                                        ngx_http_wahub_wire_gone);

    case 416:
        t->err = ngx_http_wahub_pull_restart(t);

        if (t->err != WA_OK) {
            return ngx_http_wahub_wire_local;
        }

        break;

    default:
        break;
    }

    (void) ngx_snprintf((u_char *) p->error, sizeof(p->error) - 1,
                        "the media server answered %ui%Z", status);

    return ngx_http_wahub_wire_again;
}


static ngx_http_wahub_wire_e
ngx_http_wahub_pull_end(ngx_http_wahub_pulling_t *t)
{
    wa_err_t                rc;
    wa_media_sums_t         sums;
    ngx_http_wahub_pull_t  *p = t->pull;

    t->out.n = 0;
    rc = wa_media_open_final(t->open, &t->out, &sums);

    if (rc == WA_ERR_NOMEM
        || (rc == WA_OK
            && ngx_http_wahub_wire_write(p->file.fd, &t->out) != NGX_OK))
    {
        return ngx_http_wahub_wire_fail(p->error, "writing failed",
                                        ngx_http_wahub_wire_local);
    }

    if (rc != WA_OK
        || (p->has_enc_sha256
            && !wa_memeq(sums.enc_sha256, p->enc_sha256, WA_SHA256_LEN))
        || (p->has_sha256
            && !wa_memeq(sums.sha256, p->sha256, WA_SHA256_LEN)))
    {
        return ngx_http_wahub_wire_fail(p->error,
                                     "the file is not what was announced",
                                        ngx_http_wahub_wire_corrupt);
    }

    ngx_memcpy(p->file.sha256, sums.sha256, WA_SHA256_LEN);
    p->file.hashed = 1;

    return ngx_http_wahub_wire_ok;
}
