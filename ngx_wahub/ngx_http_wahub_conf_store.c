/*
 * Directives of the history database and of the event log.
 */
#include "ngx_http_wahub_conf.h"


#define NGX_HTTP_WAHUB_SQLITE      "sqlite:"
#define NGX_HTTP_WAHUB_POSTGRESQL  "postgresql://"

/* Below wahub_media_path, when nothing else is said. */
#define NGX_HTTP_WAHUB_STORE_FILE  "/history.db"


static char *ngx_http_wahub_conf_store_file(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf, ngx_str_t *path);
static ngx_uint_t ngx_http_wahub_conf_store_secret(const ngx_str_t *url);


/* wahub_store sqlite:PATH | postgresql://[USER@]HOST[:PORT]/NAME[?...] */
char *
ngx_http_wahub_conf_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    ngx_str_t  *value, path;

    if (wmcf->store.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    path = value[1];

    if (ngx_strncmp(path.data, NGX_HTTP_WAHUB_POSTGRESQL,
                    sizeof(NGX_HTTP_WAHUB_POSTGRESQL) - 1)
        == 0)
    {
        if (ngx_http_wahub_conf_store_secret(&path)) {
            return "must not contain a password: "
                   "use \"wahub_store_password_file\"";
        }

        wmcf->store = path;
        wmcf->store_postgresql = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(path.data, NGX_HTTP_WAHUB_SQLITE,
                    sizeof(NGX_HTTP_WAHUB_SQLITE) - 1)
        != 0)
    {
        return "must begin with \"sqlite:\" or \"postgresql://\"";
    }

    path.data += sizeof(NGX_HTTP_WAHUB_SQLITE) - 1;
    path.len -= sizeof(NGX_HTTP_WAHUB_SQLITE) - 1;

    return ngx_http_wahub_conf_store_file(cf, wmcf, &path);
}


static char *
ngx_http_wahub_conf_store_file(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf, ngx_str_t *path)
{
    if (path->len == 0) {
        return "has no path";
    }

    if (ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wmcf->store = *path;

    return NGX_CONF_OK;
}


/* "user:secret@" before the first slash, or among the parameters. */
static ngx_uint_t
ngx_http_wahub_conf_store_secret(const ngx_str_t *url)
{
    u_char  *p, *at, *colon, *last, *host;

    host = url->data + sizeof(NGX_HTTP_WAHUB_POSTGRESQL) - 1;
    last = url->data + url->len;

    p = host;

    while (p < last && *p != '/' && *p != '?') {
        p++;
    }

    at = ngx_strlchr(host, p, '@');
    colon = ngx_strlchr(host, p, ':');

    if (at != NULL && colon != NULL && colon < at) {
        return 1;
    }

    return ngx_strlcasestrn(p, last, (u_char *) "password=",
                            sizeof("password=") - 2)
           != NULL;
}


/* wahub_event_log COUNT TIME */
char *
ngx_http_wahub_conf_event_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    ngx_int_t   count;
    ngx_int_t   age;
    ngx_str_t  *value;

    if (wmcf->log_count != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    count = ngx_atoi(value[1].data, value[1].len);

    if (count == NGX_ERROR || count < 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid number \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    age = ngx_parse_time(&value[2], 1);

    if (age == (ngx_int_t) NGX_ERROR || age < 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    wmcf->log_count = (ngx_uint_t) count;
    wmcf->log_age = (time_t) age;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_wahub_conf_store_finish(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_str_t  path, line;

    ngx_conf_init_uint_value(wmcf->log_count, 10000);

    if (wmcf->log_age == 0) {
        wmcf->log_age = 24 * 3600;
    }

    if (wmcf->store.len == 0) {

        if (wmcf->media_path.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "neither \"wahub_store\" nor "
                               "\"wahub_media_path\" says where the history "
                               "database is to be");
            return NGX_ERROR;
        }

        path.len = wmcf->media_path.len
                   + sizeof(NGX_HTTP_WAHUB_STORE_FILE) - 1;
        path.data = ngx_pnalloc(cf->pool, path.len + 1);
        if (path.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(path.data, "%V" NGX_HTTP_WAHUB_STORE_FILE "%Z",
                    &wmcf->media_path);

        if (ngx_http_wahub_conf_store_file(cf, wmcf, &path) != NGX_CONF_OK) {
            return NGX_ERROR;
        }
    }

    if (wmcf->store_password_file.len == 0) {
        return NGX_OK;
    }

    if (wmcf->store_postgresql == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_store_password_file\" is for "
                           "\"wahub_store postgresql://...\" only");
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_secret_line(cf, &wmcf->store_password_file, &line)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the file's text is followed by a byte of its own */

    line.data[line.len] = '\0';
    wmcf->store_password = line;

    return NGX_OK;
}
