/*
 * Configuration structs: creation, defaults, checks, and the setters that
 * need more than a slot.
 */
#include "ngx_http_wahub_conf.h"


/* The production root of WhatsApp's Noise certificates, serial 0. */
#define NGX_HTTP_WAHUB_ROOT_KEY                                              \
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"

#define NGX_HTTP_WAHUB_ENDPOINT   "wss://web.whatsapp.com/ws/chat"
#define NGX_HTTP_WAHUB_REDIS      "redis://127.0.0.1:6379/0"
#define NGX_HTTP_WAHUB_CA_BUNDLE  "/etc/ssl/certs/ca-certificates.crt"


static char *ngx_http_wahub_conf_check(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);
static ngx_int_t ngx_http_wahub_conf_media(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);
static ngx_int_t ngx_http_wahub_conf_tls(ngx_conf_t *cf,
    ngx_http_wahub_main_conf_t *wmcf);


void *
ngx_http_wahub_conf_create_main(ngx_conf_t *cf)
{
    ngx_http_wahub_main_conf_t  *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wahub_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    /* zero: strings absent, no worker, redis.db 0 */

    wmcf->max_accounts = NGX_CONF_UNSET_UINT;
    wmcf->shards = NGX_CONF_UNSET_UINT;
    wmcf->log_count = NGX_CONF_UNSET_UINT;
    wmcf->lease = NGX_CONF_UNSET_MSEC;
    wmcf->qr_timeout = NGX_CONF_UNSET_MSEC;
    wmcf->send_timeout = NGX_CONF_UNSET_MSEC;
    wmcf->deaf_after = NGX_CONF_UNSET_MSEC;
    wmcf->lookup_rate = NGX_CONF_UNSET_UINT;
    wmcf->presence_retention = NGX_CONF_UNSET;
    wmcf->max_media_size = NGX_CONF_UNSET_SIZE;
    wmcf->auto_download = NGX_CONF_UNSET;

    return wmcf;
}


char *
ngx_http_wahub_conf_init_main(ngx_conf_t *cf, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    char       *rv;
    ngx_str_t   url;

    ngx_conf_init_uint_value(wmcf->max_accounts, 5);
    ngx_conf_init_uint_value(wmcf->shards, 256);
    ngx_conf_init_msec_value(wmcf->lease, 10000);
    ngx_conf_init_msec_value(wmcf->qr_timeout, 600000);
    ngx_conf_init_msec_value(wmcf->send_timeout, 20000);
    ngx_conf_init_msec_value(wmcf->deaf_after, 90000);
    ngx_conf_init_uint_value(wmcf->lookup_rate, 600);
    ngx_conf_init_value(wmcf->presence_retention, 7 * 86400);
    ngx_conf_init_size_value(wmcf->max_media_size, 100 * 1024 * 1024);
    ngx_conf_init_value(wmcf->auto_download, 1);

    if (wmcf->redis_prefix.len == 0) {
        ngx_str_set(&wmcf->redis_prefix, "wahub");
    }

    if (wmcf->noise_root_key_hex.len == 0) {
        ngx_str_set(&wmcf->noise_root_key_hex, NGX_HTTP_WAHUB_ROOT_KEY);
    }

    if (wmcf->trusted_certificate.len == 0) {
        ngx_str_set(&wmcf->trusted_certificate, NGX_HTTP_WAHUB_CA_BUNDLE);
    }

    if (wmcf->thread_pool_name.len == 0) {
        ngx_str_set(&wmcf->thread_pool_name, "default");
    }

    if (wmcf->endpoint.url.data == NULL) {
        ngx_str_set(&url, NGX_HTTP_WAHUB_ENDPOINT);

        rv = ngx_http_wahub_conf_endpoint_url(cf, &wmcf->endpoint, &url);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_http_wahub_conf_check(cf, wmcf);
}


static char *
ngx_http_wahub_conf_check(ngx_conf_t *cf, ngx_http_wahub_main_conf_t *wmcf)
{
    u_char      ch;
    ngx_uint_t  i;
    ngx_msec_t  time;

    static const struct {
        const char  *name;
        size_t       offset;
        ngx_msec_t   min;
        ngx_msec_t   max;
        const char  *range;
    } times[] = {
        { "wahub_lease", offsetof(ngx_http_wahub_main_conf_t, lease),
          2000, 3600000, "2s and 1h" },
        { "wahub_deaf_after", offsetof(ngx_http_wahub_main_conf_t, deaf_after),
          5000, 3600000, "5s and 1h" },
        { "wahub_qr_timeout", offsetof(ngx_http_wahub_main_conf_t, qr_timeout),
          1000, 86400000, "1s and 1d" },
        { "wahub_send_timeout",
          offsetof(ngx_http_wahub_main_conf_t, send_timeout),
          100, 3600000, "100ms and 1h" }
    };

    if (ngx_http_wahub_conf_link(cf, wmcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (wmcf->shards < 1 || wmcf->shards > 4096) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_shards\" must be between 1 and 4096");
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        time = *(ngx_msec_t *) (void *) ((u_char *) wmcf + times[i].offset);

        if (time < times[i].min || time > times[i].max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" must be between %s", times[i].name,
                               times[i].range);
            return NGX_CONF_ERROR;
        }
    }

    if (wmcf->redis_prefix.len > NGX_HTTP_WAHUB_PREFIX_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_redis_prefix\" is longer than %d",
                           NGX_HTTP_WAHUB_PREFIX_MAX);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < wmcf->redis_prefix.len; i++) {
        ch = wmcf->redis_prefix.data[i];

        /* braces would move the hash tag */

        if (ch <= ' ' || ch >= 0x7f || ch == '{' || ch == '}') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"wahub_redis_prefix\" has an invalid "
                               "character");
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * What only a configuration with a wahub location needs.  Runs in the
 * master, with its rights.
 */
ngx_int_t
ngx_http_wahub_conf_finish(ngx_conf_t *cf)
{
    char                         *rv;
    ngx_str_t                     url;
    ngx_http_wahub_main_conf_t   *wmcf;
    ngx_http_wahub_redis_conf_t  *rcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wahub_module);

    if (wmcf->enabled == 0) {
        return NGX_OK;
    }

    rcf = &wmcf->redis;

    if (rcf->url.data == NULL) {
        ngx_str_set(&url, NGX_HTTP_WAHUB_REDIS);

        rv = ngx_http_wahub_conf_redis_url(cf, rcf, &url);
        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "redis url \"%V\" %s", &url, rv);
            return NGX_ERROR;
        }
    }

    if (rcf->user.len != 0 && rcf->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_redis\" has a user but no password");
        return NGX_ERROR;
    }

    wmcf->thread_pool = ngx_thread_pool_add(cf, &wmcf->thread_pool_name);
    if (wmcf->thread_pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_keys(cf, wmcf) != NGX_OK
        || ngx_http_wahub_conf_media(cf, wmcf) != NGX_OK
        || ngx_http_wahub_conf_store_finish(cf, wmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_wahub_conf_tls(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_conf_redis_tls(cf, wmcf);
}


/* Whether the workers may write there, each of them says. */
static ngx_int_t
ngx_http_wahub_conf_media(ngx_conf_t *cf, ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_file_info_t  fi;

    if (wmcf->media_path.len == 0) {
        return NGX_OK;
    }

    if (ngx_file_info(wmcf->media_path.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"wahub_media_path\" \"%V\" cannot be used",
                           &wmcf->media_path);
        return NGX_ERROR;
    }

    if (ngx_is_dir(&fi) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_media_path\" \"%V\" is not a directory",
                           &wmcf->media_path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_conf_tls(ngx_conf_t *cf, ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_conf_full_name(cf->cycle, &wmcf->trusted_certificate, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a file that was asked for is checked: webhooks need it too */

    if (wmcf->endpoint.tls == 0
        && ngx_strcmp(wmcf->trusted_certificate.data,
                      NGX_HTTP_WAHUB_CA_BUNDLE)
           == 0)
    {
        return NGX_OK;
    }

    wmcf->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (wmcf->ssl == NULL) {
        return NGX_ERROR;
    }

    wmcf->ssl->log = &cf->cycle->new_log;

    if (ngx_ssl_create(wmcf->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(wmcf->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = wmcf->ssl;

    return ngx_ssl_trusted_certificate(cf, wmcf->ssl,
                                       &wmcf->trusted_certificate, 8);
}


void *
ngx_http_wahub_conf_create_loc(ngx_conf_t *cf)
{
    ngx_http_wahub_loc_conf_t  *wlcf;

    wlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wahub_loc_conf_t));
    if (wlcf == NULL) {
        return NULL;
    }

    /* zero: no groups, strings absent, anonymous_access */

    wlcf->max_body = NGX_CONF_UNSET_SIZE;
    wlcf->max_upload = NGX_CONF_UNSET_SIZE;
    wlcf->query_key = NGX_CONF_UNSET_UINT;
    wlcf->files = NGX_CONF_UNSET_UINT;
    wlcf->cors_origins = NGX_CONF_UNSET_PTR;
    wlcf->cors_local = NGX_CONF_UNSET;
    wlcf->tenant_pinned = NGX_CONF_UNSET;

    return wlcf;
}


char *
ngx_http_wahub_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_wahub_loc_conf_t  *prev = parent;
    ngx_http_wahub_loc_conf_t  *conf = child;

    ngx_conf_merge_size_value(conf->max_body, prev->max_body, 1024 * 1024);
    ngx_conf_merge_size_value(conf->max_upload, prev->max_upload,
                              20 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->query_key, prev->query_key,
                              NGX_HTTP_WAHUB_QUERY_KEY_STREAMS);
    ngx_conf_merge_uint_value(conf->files, prev->files,
                              NGX_HTTP_WAHUB_FILES_SIGNED);
    ngx_conf_merge_ptr_value(conf->cors_origins, prev->cors_origins, NULL);
    ngx_conf_merge_value(conf->cors_local, prev->cors_local, 0);
    ngx_conf_merge_value(conf->tenant_pinned, prev->tenant_pinned, 0);
    ngx_conf_merge_str_value(conf->tenant, prev->tenant, "default");
    ngx_conf_merge_str_value(conf->public_url, prev->public_url, "");

    if (conf->anonymous.data == NULL) {
        conf->anonymous = prev->anonymous;
        conf->anonymous_access = prev->anonymous_access;
    }

    /* groups are the location's own, as a content handler is */

    return NGX_CONF_OK;
}


/* wahub_api; and one directive per group; "cmd->post" holds the bits. */
char *
ngx_http_wahub_conf_group(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_loc_conf_t  *wlcf = conf;

    ngx_str_t                   *value;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_wahub_main_conf_t  *wmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "sse") != 0
        && ngx_strcmp(value[1].data, "websocket") != 0)
    {
        return "must be \"sse\" or \"websocket\"";
    }

    wlcf->groups |= *(ngx_uint_t *) cmd->post;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_wahub_api_handler;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wahub_module);
    wmcf->enabled = 1;

    return NGX_CONF_OK;
}


/* A file name, made absolute against the configuration's folder. */
char *
ngx_http_wahub_conf_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *rv;
    ngx_str_t  *name;

    rv = ngx_conf_set_str_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    name = (ngx_str_t *) (void *) ((u_char *) conf + cmd->offset);

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* wahub_webhook_allow CIDR... */
char *
ngx_http_wahub_conf_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_cidr_t  *cidr;
    ngx_uint_t   i;

    if (wmcf->webhook_allow == NULL) {
        wmcf->webhook_allow = ngx_array_create(cf->pool, 4,
                                               sizeof(ngx_cidr_t));
        if (wmcf->webhook_allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(wmcf->webhook_allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(cidr, sizeof(ngx_cidr_t));

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid network \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of \"%V\" are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


/* "*", "https://crm.example.com[:PORT]", or "*." before the host */
static ngx_int_t
ngx_http_wahub_conf_origin(const ngx_str_t *origin)
{
    size_t   i, start;
    u_char  *p;

    p = origin->data;

    if (origin->len == 1 && p[0] == '*') {
        return NGX_OK;
    }

    if (ngx_strncmp(p, "https://", sizeof("https://") - 1) == 0) {
        start = sizeof("https://") - 1;

    } else if (ngx_strncmp(p, "http://", sizeof("http://") - 1) == 0) {
        start = sizeof("http://") - 1;

    } else {
        return NGX_ERROR;
    }

    if (origin->len > start + 2 && p[start] == '*' && p[start + 1] == '.') {
        start += 2;
    }

    if (start == origin->len) {
        return NGX_ERROR;
    }

    for (i = start; i < origin->len; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f
            || ngx_strchr("/*?#@,\"", p[i]) != NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* wahub_cors_origins ORIGIN... | * */
char *
ngx_http_wahub_conf_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_loc_conf_t  *wlcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (wlcf->cors_origins == NGX_CONF_UNSET_PTR) {
        wlcf->cors_origins = ngx_array_create(cf->pool, 4,
                                              sizeof(ngx_str_t));
        if (wlcf->cors_origins == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_wahub_conf_origin(&value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(wlcf->cors_origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* wahub_public_url http(s)://HOST[:PORT][/PATH] */
char *
ngx_http_wahub_conf_public_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wahub_loc_conf_t  *wlcf = conf;

    size_t                       i, start;
    ngx_str_t                   *url;
    ngx_http_wahub_main_conf_t  *wmcf;

    if (wlcf->public_url.data != NULL) {
        return "is duplicate";
    }

    url = (ngx_str_t *) cf->args->elts + 1;
    start = ngx_strncmp(url->data, "https://", 8) == 0 ? 8
            : ngx_strncmp(url->data, "http://", 7) == 0 ? 7 : 0;

    while (url->len > start && url->data[url->len - 1] == '/') {
        url->len--;
    }

    for (i = 0; i < url->len; i++) {
        if (url->data[i] <= ' ' || url->data[i] >= 0x7f
            || ngx_strchr("?#@\"\\", url->data[i]) != NULL)
        {
            return "is not the URL of a server";
        }
    }

    if (start == 0 || url->len == start || url->data[start] == '/') {
        return "is not the URL of a server";
    }

    wlcf->public_url = *url;

    /* Events and webhooks belong to no location. */

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wahub_module);

    if (wmcf->public_url.len == 0 || cf->cmd_type == NGX_HTTP_MAIN_CONF) {
        url->data[url->len] = '\0';
        wmcf->public_url = *url;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_wahub_conf_tenant_name(const ngx_str_t *name)
{
    size_t  i;
    u_char  ch;

    if (name->len == 0 || name->len > 64) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z')
            && (ch < '0' || ch > '9') && ch != '_' && ch != '-')
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* wahub_anonymous TENANT [role=TENANT_ADMIN|AGENT|BILLING_ADMIN] */
char *
ngx_http_wahub_conf_anonymous(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_loc_conf_t  *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->anonymous.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_wahub_conf_tenant_name(&value[1]) != NGX_OK) {
        return "has an invalid tenant name";
    }

    wlcf->anonymous = value[1];
    wlcf->anonymous_access = NGX_HTTP_WAHUB_ACCESS_READ
                             |NGX_HTTP_WAHUB_ACCESS_SEND
                             |NGX_HTTP_WAHUB_ACCESS_MANAGE;

    if (cf->args->nelts == 2
        || ngx_strcmp(value[2].data, "role=TENANT_ADMIN") == 0)
    {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "role=AGENT") == 0) {
        wlcf->anonymous_access = NGX_HTTP_WAHUB_ACCESS_READ
                                 |NGX_HTTP_WAHUB_ACCESS_SEND;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "role=BILLING_ADMIN") == 0) {
        wlcf->anonymous_access = 0;
        return NGX_CONF_OK;
    }

    return "has an invalid role";
}


/* wahub_tenant NAME */
char *
ngx_http_wahub_conf_tenant(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_loc_conf_t  *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->tenant.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_wahub_conf_tenant_name(&value[1]) != NGX_OK) {
        return "has an invalid tenant name";
    }

    wlcf->tenant = value[1];
    wlcf->tenant_pinned = 1;

    return NGX_CONF_OK;
}


/*
 * A directive of the contract without a use in this version: its values are
 * checked, so that a configuration stays valid, and the operator is told.
 */
char *
ngx_http_wahub_conf_later(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t              bad;
    ngx_str_t             *value;
    ngx_http_wahub_kind_e  kind;

    value = cf->args->elts;
    kind = *(ngx_http_wahub_kind_e *) cmd->post;

    switch (kind) {

    case ngx_http_wahub_kind_flag:
        bad = (ngx_strcasecmp(value[1].data, (u_char *) "on") != 0
               && ngx_strcasecmp(value[1].data, (u_char *) "off") != 0);
        break;

    case ngx_http_wahub_kind_number:
        bad = (ngx_atoi(value[1].data, value[1].len) == NGX_ERROR);
        break;

    case ngx_http_wahub_kind_time:
        bad = (ngx_parse_time(&value[1], 0) == (ngx_int_t) NGX_ERROR);
        break;

    default: /* ngx_http_wahub_kind_words */
        bad = (value[1].len == 0);
        break;
    }

    if (bad) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                       "\"%V\" has no effect in this version", &cmd->name);

    return NGX_CONF_OK;
}
