/*
 * Key files.  The master reads them, before it gives up its rights; workers
 * inherit the memory.  The admin key's and the API keys' hashes are kept,
 * not the keys.
 */
#include "ngx_http_wahub_conf.h"

#include "wa_crypto.h"
#include "wa_filename.h"


#define NGX_HTTP_WAHUB_KEY_FILE_MAX  65536
#define NGX_HTTP_WAHUB_API_KEY_MIN   16
#define NGX_HTTP_WAHUB_API_KEY_LONG  256


/* Keys found in examples of the systems that wahub replaces. */
static const char *const ngx_http_wahub_samples[] = {
    "your-secret-api-key", "your_secret_api_key", "your-api-key-here",
    "change-me-please", "changeme-changeme", "my-secret-api-key",
    "your-super-secret-key", "your-secure-api-key", "0123456789abcdef",
    "1234567890123456", "aaaaaaaaaaaaaaaa"
};


typedef struct {
    u_char     *data;
    size_t      len;
} ngx_http_wahub_secret_t;


static void
ngx_http_wahub_conf_wipe(void *data)
{
    ngx_http_wahub_secret_t  *secret = data;

    wa_wipe(secret->data, secret->len);
}


/* The block is overwritten when the pool is destroyed. */
static ngx_int_t
ngx_http_wahub_conf_wipe_later(ngx_pool_t *pool, u_char *data, size_t len)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_wahub_secret_t  *secret;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_wahub_secret_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    secret = cln->data;
    secret->data = data;
    secret->len = len;
    cln->handler = ngx_http_wahub_conf_wipe;

    return NGX_OK;
}


/*
 * Reads a whole key file.  NGX_DECLINED: it does not exist.  A file that
 * others may read is used, with a warning.
 */
static ngx_int_t
ngx_http_wahub_conf_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        goto done;
    }

    if (ngx_file_size(&fi) > NGX_HTTP_WAHUB_KEY_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" is too large", name);
        goto done;
    }

    if (fi.st_mode & 077) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key file \"%V\" is accessible to others, "
                           "its mode should be 0600", name);
    }

    text->len = (size_t) ngx_file_size(&fi);

    text->data = ngx_pnalloc(cf->pool, text->len + 1);
    if (text->data == NULL
        || ngx_http_wahub_conf_wipe_later(cf->pool, text->data, text->len)
           != NGX_OK)
    {
        goto done;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.fd = fd;
    file.name = *name;
    file.log = cf->log;

    n = ngx_read_file(&file, text->data, text->len, 0);

    if (n == NGX_ERROR || (size_t) n != text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_file_n " \"%V\" failed", name);
        goto done;
    }

    text->data[text->len] = '\0';
    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


/* Cuts the next line off `text`, without spaces around it. */
static ngx_int_t
ngx_http_wahub_conf_line(ngx_str_t *text, ngx_str_t *line)
{
    u_char  *p, *last;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, LF);

    line->data = text->data;
    line->len = (p == NULL ? last : p) - text->data;

    text->len -= line->len + (p == NULL ? 0 : 1);
    text->data += line->len + (p == NULL ? 0 : 1);

    while (line->len > 0 && line->data[line->len - 1] <= ' ') {
        line->len--;
    }

    while (line->len > 0 && line->data[0] <= ' ') {
        line->len--;
        line->data++;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_conf_secret_line(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *line)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_conf_read(cf, file, &text);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "file \"%V\" does not exist", file);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_line(&text, line) != NGX_OK || line->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "file \"%V\" is empty",
                           file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_conf_unhex(const ngx_str_t *hex, u_char *out, size_t n)
{
    size_t     i;
    ngx_int_t  v;

    if (hex->len != n * 2) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        v = ngx_hextoi(hex->data + i * 2, 2);
        if (v == NGX_ERROR) {
            return NGX_ERROR;
        }

        out[i] = (u_char) v;
    }

    return NGX_OK;
}


/* 32 raw bytes, or 64 hex digits. */
static ngx_int_t
ngx_http_wahub_conf_secret_key(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_int_t  rc;
    ngx_str_t  text, line, *name;

    name = &wmcf->secret_key_file;

    if (name->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_secret_key_file\" is required");
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_conf_read(cf, name, &text);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret key file \"%V\" does not exist, make one "
                           "with \"head -c 32 /dev/urandom\"", name);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_wipe_later(cf->pool, wmcf->secret_key,
                                       WA_KEY_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (text.len == WA_KEY_LEN) {
        ngx_memcpy(wmcf->secret_key, text.data, WA_KEY_LEN);
        return NGX_OK;
    }

    if (ngx_http_wahub_conf_line(&text, &line) == NGX_OK
        && ngx_http_wahub_conf_unhex(&line, wmcf->secret_key, WA_KEY_LEN)
           == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "secret key file \"%V\" must hold 32 bytes or 64 hex "
                       "digits", name);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wahub_conf_hash(const ngx_str_t *key,
    ngx_http_wahub_key_hash_t *hash)
{
    wa_span_t  span;

    span = ngx_http_wahub_span(key);

    return wa_sha256(&span, 1, hash->sha256) == WA_OK ? NGX_OK : NGX_ERROR;
}


/* Makes the file with 32 random bytes in hex; `text` gets its content. */
static ngx_int_t
ngx_http_wahub_conf_admin_create(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    u_char    key[WA_KEY_LEN];
    ssize_t   n;
    ngx_fd_t  fd;

    text->len = WA_KEY_LEN * 2 + 1;

    text->data = ngx_pnalloc(cf->pool, text->len);
    if (text->data == NULL
        || ngx_http_wahub_conf_wipe_later(cf->pool, text->data, text->len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    wa_random(key, WA_KEY_LEN);
    *ngx_hex_dump(text->data, key, WA_KEY_LEN) = LF;
    wa_wipe(key, WA_KEY_LEN);

    /* a configuration test has no effects */

    if (ngx_test_config) {
        return NGX_OK;
    }

    fd = open((const char *) name->data,
              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "creating admin key file \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = ngx_write_fd(fd, text->data, text->len);

    if (n != (ssize_t) text->len || fsync(fd) == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "writing admin key file \"%V\" failed", name);
        (void) ngx_close_file(fd);
        (void) ngx_delete_file(name->data);
        return NGX_ERROR;
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                       "admin key file \"%V\" was created", name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_conf_admin_key(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_int_t  rc;
    ngx_str_t  text, line, *name;

    name = &wmcf->admin_key_file;

    if (name->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_admin_key_file\" is required");
        return NGX_ERROR;
    }

    rc = ngx_http_wahub_conf_read(cf, name, &text);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_wahub_conf_admin_create(cf, name, &text);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_line(&text, &line) != NGX_OK
        || line.len < NGX_HTTP_WAHUB_API_KEY_MIN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the key in \"%V\" is shorter than %d characters",
                           name, NGX_HTTP_WAHUB_API_KEY_MIN);
        return NGX_ERROR;
    }

    return ngx_http_wahub_conf_hash(&line, &wmcf->admin_key);
}


static ngx_int_t
ngx_http_wahub_conf_sample(const ngx_str_t *key)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(ngx_http_wahub_samples) / sizeof(char *); i++) {
        if (key->len == ngx_strlen(ngx_http_wahub_samples[i])
            && ngx_strncasecmp(key->data,
                               (u_char *) ngx_http_wahub_samples[i],
                               key->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* One key a line; lines that are empty or begin with "#" do not count. */
static ngx_int_t
ngx_http_wahub_conf_api_keys(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_int_t                   rc;
    ngx_str_t                   text, line, *name;
    ngx_http_wahub_key_hash_t  *hash;

    name = &wmcf->api_key_file;

    if (name->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_wahub_conf_read(cf, name, &text);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "API key file \"%V\" does not exist", name);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    wmcf->api_keys = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_wahub_key_hash_t));
    if (wmcf->api_keys == NULL) {
        return NGX_ERROR;
    }

    while (ngx_http_wahub_conf_line(&text, &line) == NGX_OK) {

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        if (line.len < NGX_HTTP_WAHUB_API_KEY_MIN
            || line.len > NGX_HTTP_WAHUB_API_KEY_LONG
            || ngx_http_wahub_conf_sample(&line))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a key in \"%V\" is too short, too long or a "
                               "well-known sample", name);
            return NGX_ERROR;
        }

        hash = ngx_array_push(wmcf->api_keys);
        if (hash == NULL
            || ngx_http_wahub_conf_hash(&line, hash) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_conf_keys(ngx_conf_t *cf, ngx_http_wahub_main_conf_t *wmcf)
{
    if (wa_crypto_init() != WA_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the cryptographic libraries do not start");
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_unhex(&wmcf->noise_root_key_hex,
                                  wmcf->noise_root_key, WA_KEY_LEN)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_noise_root_key\" must be 64 hex digits");
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_secret_key(cf, wmcf) != NGX_OK
        || ngx_http_wahub_conf_wipe_later(cf->pool, wmcf->link_key,
                                          WA_KEY_LEN) != NGX_OK
        || wa_link_key(wmcf->secret_key, wmcf->link_key) != WA_OK
        || ngx_http_wahub_conf_admin_key(cf, wmcf) != NGX_OK
        || ngx_http_wahub_conf_api_keys(cf, wmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
