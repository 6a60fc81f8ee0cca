/*
 * The module: directives, variables, and where nginx calls in.
 */
#include "ngx_http_wahub_conf.h"
#include "ngx_http_wahub_space.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_ALL_CONF                                              \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_int_t ngx_http_wahub_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_wahub_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_wahub_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wahub_init_process(ngx_cycle_t *cycle);
static void ngx_http_wahub_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wahub_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_conf_enum_t  ngx_http_wahub_query_keys[] = {
    { ngx_string("off"), NGX_HTTP_WAHUB_QUERY_KEY_OFF },
    { ngx_string("streams"), NGX_HTTP_WAHUB_QUERY_KEY_STREAMS },
    { ngx_string("on"), NGX_HTTP_WAHUB_QUERY_KEY_ON },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_wahub_files_modes[] = {
    { ngx_string("signed"), NGX_HTTP_WAHUB_FILES_SIGNED },
    { ngx_string("public"), NGX_HTTP_WAHUB_FILES_PUBLIC },
    { ngx_string("private"), NGX_HTTP_WAHUB_FILES_PRIVATE },
    { ngx_null_string, 0 }
};


static ngx_uint_t  ngx_http_wahub_group_all = NGX_HTTP_WAHUB_GROUP_ALL;

static ngx_uint_t  ngx_http_wahub_groups[] = {
    NGX_HTTP_WAHUB_GROUP_ACCOUNTS,
    NGX_HTTP_WAHUB_GROUP_MESSAGES,
    NGX_HTTP_WAHUB_GROUP_CHATS,
    NGX_HTTP_WAHUB_GROUP_CONTACTS,
    NGX_HTTP_WAHUB_GROUP_GROUPS,
    NGX_HTTP_WAHUB_GROUP_MEDIA,
    NGX_HTTP_WAHUB_GROUP_WEBHOOKS,
    NGX_HTTP_WAHUB_GROUP_INBOUND,
    NGX_HTTP_WAHUB_GROUP_AUTH,
    NGX_HTTP_WAHUB_GROUP_STATS,
    NGX_HTTP_WAHUB_GROUP_TEMPLATES,
    NGX_HTTP_WAHUB_GROUP_CAMPAIGNS,
    NGX_HTTP_WAHUB_GROUP_STREAM,
    NGX_HTTP_WAHUB_GROUP_SNAPSHOT,
    NGX_HTTP_WAHUB_GROUP_METRICS,
    NGX_HTTP_WAHUB_GROUP_ADMIN
};


/* "post" values of directives that are only checked */
static ngx_http_wahub_kind_e  ngx_http_wahub_flag = ngx_http_wahub_kind_flag;
static ngx_http_wahub_kind_e  ngx_http_wahub_time = ngx_http_wahub_kind_time;
static ngx_http_wahub_kind_e  ngx_http_wahub_number
                                                = ngx_http_wahub_kind_number;
static ngx_http_wahub_kind_e  ngx_http_wahub_words
                                                 = ngx_http_wahub_kind_words;


/* One entry of a simple kind; the exceptions are written out. */

#define ngx_http_wahub_main(name, args, set, field)                          \
    { ngx_string(name), NGX_HTTP_MAIN_CONF|args, set,                        \
      NGX_HTTP_MAIN_CONF_OFFSET,                                             \
      offsetof(ngx_http_wahub_main_conf_t, field), NULL }

#define ngx_http_wahub_loc(name, args, set, field, post)                     \
    { ngx_string(name), NGX_HTTP_WAHUB_ALL_CONF|args, set,                   \
      NGX_HTTP_LOC_CONF_OFFSET,                                              \
      offsetof(ngx_http_wahub_loc_conf_t, field), post }

#define ngx_http_wahub_group(name, args, bits)                               \
    { ngx_string(name), NGX_HTTP_LOC_CONF|args, ngx_http_wahub_conf_group,   \
      NGX_HTTP_LOC_CONF_OFFSET, 0, bits }

#define ngx_http_wahub_later(name, context, args, kind)                      \
    { ngx_string(name), context|args, ngx_http_wahub_conf_later,             \
      0, 0, &ngx_http_wahub_##kind }


static ngx_command_t  ngx_http_wahub_commands[] = {

    ngx_http_wahub_main("wahub_redis", NGX_CONF_1MORE,
                        ngx_http_wahub_conf_redis, redis),
    ngx_http_wahub_main("wahub_redis_prefix", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, redis_prefix),
    ngx_http_wahub_main("wahub_secret_key_file", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_file, secret_key_file),
    ngx_http_wahub_main("wahub_admin_key_file", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_file, admin_key_file),
    ngx_http_wahub_main("wahub_api_key_file", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_file, api_key_file),

    ngx_http_wahub_main("wahub_endpoint", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_endpoint, endpoint),
    ngx_http_wahub_main("wahub_proxy", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, proxy),
    ngx_http_wahub_main("wahub_client_version", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, client_version),
    ngx_http_wahub_main("wahub_query_id", NGX_CONF_TAKE2,
                        ngx_http_wahub_conf_query_id, query_ids),
    ngx_http_wahub_main("wahub_version_url", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, version_url),
    ngx_http_wahub_main("wahub_noise_root_key", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, noise_root_key_hex),
    ngx_http_wahub_main("wahub_trusted_certificate", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, trusted_certificate),

    ngx_http_wahub_main("wahub_webhook_allow", NGX_CONF_1MORE,
                        ngx_http_wahub_conf_allow, webhook_allow),

    ngx_http_wahub_main("wahub_store", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_store, store),
    ngx_http_wahub_main("wahub_store_password_file", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, store_password_file),
    ngx_http_wahub_main("wahub_event_log", NGX_CONF_TAKE2,
                        ngx_http_wahub_conf_event_log, log_count),
    ngx_http_wahub_main("wahub_media_path", NGX_CONF_TAKE1,
                        ngx_http_wahub_conf_file, media_path),
    ngx_http_wahub_main("wahub_media_host", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, media_host),
    ngx_http_wahub_main("wahub_auto_download_media", NGX_CONF_FLAG,
                        ngx_conf_set_flag_slot, auto_download),
    ngx_http_wahub_main("wahub_max_media_size", NGX_CONF_TAKE1,
                        ngx_conf_set_size_slot, max_media_size),

    ngx_http_wahub_main("wahub_max_accounts", NGX_CONF_TAKE1,
                        ngx_conf_set_num_slot, max_accounts),
    ngx_http_wahub_main("wahub_shards", NGX_CONF_TAKE1,
                        ngx_conf_set_num_slot, shards),
    ngx_http_wahub_main("wahub_lease", NGX_CONF_TAKE1,
                        ngx_conf_set_msec_slot, lease),
    ngx_http_wahub_main("wahub_qr_timeout", NGX_CONF_TAKE1,
                        ngx_conf_set_msec_slot, qr_timeout),
    ngx_http_wahub_main("wahub_send_timeout", NGX_CONF_TAKE1,
                        ngx_conf_set_msec_slot, send_timeout),
    ngx_http_wahub_main("wahub_deaf_after", NGX_CONF_TAKE1,
                        ngx_conf_set_msec_slot, deaf_after),
    ngx_http_wahub_main("wahub_lookup_rate", NGX_CONF_TAKE1,
                        ngx_conf_set_num_slot, lookup_rate),
    ngx_http_wahub_main("wahub_presence_retention", NGX_CONF_TAKE1,
                        ngx_conf_set_sec_slot, presence_retention),
    ngx_http_wahub_main("wahub_thread_pool", NGX_CONF_TAKE1,
                        ngx_conf_set_str_slot, thread_pool_name),

    ngx_http_wahub_loc("wahub_max_body", NGX_CONF_TAKE1,
                       ngx_conf_set_size_slot, max_body, NULL),
    ngx_http_wahub_loc("wahub_max_upload", NGX_CONF_TAKE1,
                       ngx_conf_set_size_slot, max_upload, NULL),
    ngx_http_wahub_loc("wahub_files", NGX_CONF_TAKE1,
                       ngx_conf_set_enum_slot, files,
                       &ngx_http_wahub_files_modes),
    ngx_http_wahub_loc("wahub_public_url", NGX_CONF_TAKE1,
                       ngx_http_wahub_conf_public_url, public_url, NULL),
    ngx_http_wahub_loc("wahub_query_key", NGX_CONF_TAKE1,
                       ngx_conf_set_enum_slot, query_key,
                       &ngx_http_wahub_query_keys),
    ngx_http_wahub_loc("wahub_cors_origins", NGX_CONF_1MORE,
                       ngx_http_wahub_conf_origins, cors_origins, NULL),
    ngx_http_wahub_loc("wahub_cors_local", NGX_CONF_FLAG,
                       ngx_conf_set_flag_slot, cors_local, NULL),
    ngx_http_wahub_loc("wahub_anonymous", NGX_CONF_TAKE12,
                       ngx_http_wahub_conf_anonymous, anonymous, NULL),
    ngx_http_wahub_loc("wahub_tenant", NGX_CONF_TAKE1,
                       ngx_http_wahub_conf_tenant, tenant, NULL),

    ngx_http_wahub_group("wahub_api", NGX_CONF_NOARGS,
                         &ngx_http_wahub_group_all),
    ngx_http_wahub_group("wahub_accounts", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[0]),
    ngx_http_wahub_group("wahub_messages", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[1]),
    ngx_http_wahub_group("wahub_chats", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[2]),
    ngx_http_wahub_group("wahub_contacts", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[3]),
    ngx_http_wahub_group("wahub_groups", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[4]),
    ngx_http_wahub_group("wahub_media", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[5]),
    ngx_http_wahub_group("wahub_webhooks", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[6]),
    ngx_http_wahub_group("wahub_inbound", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[7]),
    ngx_http_wahub_group("wahub_auth", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[8]),
    ngx_http_wahub_group("wahub_stats", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[9]),
    ngx_http_wahub_group("wahub_templates", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[10]),
    ngx_http_wahub_group("wahub_campaigns", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[11]),
    ngx_http_wahub_group("wahub_stream", NGX_CONF_NOARGS|NGX_CONF_TAKE1,
                         &ngx_http_wahub_groups[12]),
    ngx_http_wahub_group("wahub_snapshot", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[13]),
    ngx_http_wahub_group("wahub_metrics", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[14]),
    ngx_http_wahub_group("wahub_admin", NGX_CONF_NOARGS,
                         &ngx_http_wahub_groups[15]),

    /* checked, without effect in this version */

    ngx_http_wahub_later("wahub_media_redirect", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_jwt_secret_file", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_jwt_refresh_secret_file", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_jwt_ttl", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_jwt_refresh_ttl", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_registration", NGX_HTTP_WAHUB_ALL_CONF,
                         NGX_CONF_FLAG, flag),
    ngx_http_wahub_later("wahub_default_account", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_rate_limit", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_1MORE, words),
    ngx_http_wahub_later("wahub_queue_poll", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_queue_retries", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, number),
    ngx_http_wahub_later("wahub_webhook", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_1MORE, words),
    ngx_http_wahub_later("wahub_webhook_timeout", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_webhook_retry", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_1MORE, time),
    ngx_http_wahub_later("wahub_webhook_retention", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_meta_verify_token_file", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_meta_app_secret_file", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_graph_endpoint", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_graph_version", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_cloud_account", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE4, words),
    ngx_http_wahub_later("wahub_inbound_secret_file",
                         NGX_HTTP_WAHUB_ALL_CONF, NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_inbound_unsigned", NGX_HTTP_WAHUB_ALL_CONF,
                         NGX_CONF_FLAG, flag),
    ngx_http_wahub_later("wahub_inbound_autocreate",
                         NGX_HTTP_WAHUB_ALL_CONF, NGX_CONF_FLAG, flag),
    ngx_http_wahub_later("wahub_inbound_rate", NGX_HTTP_WAHUB_ALL_CONF,
                         NGX_CONF_TAKE1, words),
    ngx_http_wahub_later("wahub_external_upstream", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE12, words),
    ngx_http_wahub_later("wahub_event_retention", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, time),
    ngx_http_wahub_later("wahub_stream_max", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, number),
    ngx_http_wahub_later("wahub_metrics_detail", NGX_HTTP_WAHUB_ALL_CONF,
                         NGX_CONF_FLAG, flag),
    ngx_http_wahub_later("wahub_cold_pace", NGX_HTTP_MAIN_CONF,
                         NGX_CONF_TAKE1, words),

      ngx_null_command
};


static ngx_http_module_t  ngx_http_wahub_module_ctx = {
    ngx_http_wahub_preconfiguration,       /* preconfiguration */
    ngx_http_wahub_postconfiguration,      /* postconfiguration */

    ngx_http_wahub_conf_create_main,       /* create main configuration */
    ngx_http_wahub_conf_init_main,         /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_wahub_conf_create_loc,        /* create location configuration */
    ngx_http_wahub_conf_merge_loc          /* merge location configuration */
};


ngx_module_t  ngx_http_wahub_module = {
    NGX_MODULE_V1,
    &ngx_http_wahub_module_ctx,            /* module context */
    ngx_http_wahub_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_wahub_init_module,            /* init module */
    ngx_http_wahub_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_wahub_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_wahub_variables[] = {

    { ngx_string("wahub_tenant"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, tenant), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wahub_account"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, account),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wahub_message_id"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, message_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wahub_user"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, user), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wahub_request_id"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, request_id),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("wahub_error_code"), NULL, ngx_http_wahub_variable,
      offsetof(ngx_http_wahub_vars_t, error_code),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_wahub_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_wahub_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_wahub_conf_finish(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wahub_api_postconfiguration(cf);
}


static ngx_http_wahub_main_conf_t *
ngx_http_wahub_cycle_conf(ngx_cycle_t *cycle)
{
    /* no http block: no configuration */

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    return ngx_http_cycle_get_module_main_conf(cycle, ngx_http_wahub_module);
}


static ngx_int_t
ngx_http_wahub_init_module(ngx_cycle_t *cycle)
{
    ngx_http_wahub_main_conf_t  *wmcf;

    wmcf = ngx_http_wahub_cycle_conf(cycle);

    if (wmcf == NULL || wmcf->enabled == 0) {
        return NGX_OK;
    }

    return ngx_http_wahub_space_share(cycle);
}


static ngx_int_t
ngx_http_wahub_init_process(ngx_cycle_t *cycle)
{
    ngx_http_wahub_main_conf_t  *wmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    wmcf = ngx_http_wahub_cycle_conf(cycle);

    if (wmcf == NULL || wmcf->enabled == 0) {
        return NGX_OK;
    }

    return ngx_http_wahub_worker_start(cycle, wmcf);
}


static void
ngx_http_wahub_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_wahub_main_conf_t  *wmcf;

    wmcf = ngx_http_wahub_cycle_conf(cycle);

    if (wmcf != NULL && wmcf->worker != NULL) {
        ngx_http_wahub_job_exit(wmcf->worker);
        ngx_http_wahub_worker_exit(wmcf);
    }
}


static ngx_int_t
ngx_http_wahub_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char     *ctx;
    ngx_str_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wahub_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = (ngx_str_t *) (void *) (ctx + data);

    if (s->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = s->data;
    v->len = s->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
