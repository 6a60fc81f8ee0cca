/*
 * Configuration: creating, parsing, checking.  Everything a worker needs
 * from files is read here, by the master.
 */
#ifndef NGX_HTTP_WAHUB_CONF_H
#define NGX_HTTP_WAHUB_CONF_H

#include "ngx_http_wahub.h"


/* "cmd->post" of a directive that this version only checks. */
typedef enum {
    ngx_http_wahub_kind_flag = 1,
    ngx_http_wahub_kind_number,
    ngx_http_wahub_kind_time,
    ngx_http_wahub_kind_words
} ngx_http_wahub_kind_e;


/* Directive setters; what each accepts is said at its definition. */
char *ngx_http_wahub_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_event_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_query_id(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_group(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_public_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_anonymous(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_tenant(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wahub_conf_later(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * After the http block was read: defaults, combinations, key files, TLS.
 * Failures are logged with NGX_LOG_EMERG and end the start.
 */
void *ngx_http_wahub_conf_create_main(ngx_conf_t *cf);
char *ngx_http_wahub_conf_init_main(ngx_conf_t *cf, void *conf);
void *ngx_http_wahub_conf_create_loc(ngx_conf_t *cf);
char *ngx_http_wahub_conf_merge_loc(ngx_conf_t *cf, void *parent,
    void *child);
ngx_int_t ngx_http_wahub_conf_finish(ngx_conf_t *cf);

/* ngx_http_wahub_conf_key.c: secret key, admin key, API keys. */
ngx_int_t ngx_http_wahub_conf_keys(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);

/* First line of a file, without its end; wiped with cf->pool. */
ngx_int_t ngx_http_wahub_conf_secret_line(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *line);

/* ngx_http_wahub_conf_store.c: where the history is, how long events stay. */
ngx_int_t ngx_http_wahub_conf_store_finish(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);

/* ngx_http_wahub_conf_url.c: makes wmcf->redis.ssl if it is asked for. */
ngx_int_t ngx_http_wahub_conf_redis_tls(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);

/* ngx_http_wahub_conf_url.c: fills wmcf->redis from the default URL. */
char *ngx_http_wahub_conf_redis_url(ngx_conf_t *cf,
    ngx_http_wahub_redis_conf_t *rcf, ngx_str_t *url);
char *ngx_http_wahub_conf_endpoint_url(ngx_conf_t *cf,
    ngx_http_wahub_endpoint_t *ep, ngx_str_t *url);

/* ngx_http_wahub_conf_link.c: checks wahub_client_version, _version_url and
   _proxy, fills wmcf->client_build. */
char *ngx_http_wahub_conf_link(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);

#endif /* NGX_HTTP_WAHUB_CONF_H */
