/*
 * Directives about the way to WhatsApp: the client version, the numbers of
 * its queries, a proxy, a media server.
 */
#include "ngx_http_wahub_conf.h"
#include "ngx_http_wahub_proxy.h"
#include "ngx_http_wahub_wire.h"

#include "wa_version.h"


char *
ngx_http_wahub_conf_link(ngx_conf_t *cf, ngx_http_wahub_main_conf_t *wmcf)
{
    ngx_http_wahub_proxy_t  proxy;

    if (wmcf->client_version.len > 0
        && wa_version_parse(ngx_http_wahub_span(&wmcf->client_version),
                            &wmcf->client_build) != WA_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_client_version\" must be like "
                           "2.3000.1045649367");
        return NGX_CONF_ERROR;
    }

    if (wmcf->proxy.len > 0
        && ngx_http_wahub_proxy_parse(&wmcf->proxy, &proxy) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_proxy\" must be http:// or socks5://"
                           "[user:password@]host:port");
        return NGX_CONF_ERROR;
    }

    if (wmcf->version_url.len > 0
        && ngx_strncmp(wmcf->version_url.data, "https://", 8) != 0
        && ngx_strncmp(wmcf->version_url.data, "http://", 7) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_version_url\" must be an http or https "
                           "URL");
        return NGX_CONF_ERROR;
    }

    if (wmcf->media_host.len > 0
        && ngx_http_wahub_wire_is_host((char *) wmcf->media_host.data,
                                       wmcf->media_host.len)
           == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"wahub_media_host\" must be HOST or HOST:PORT");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* wahub_query_id NAME ID; */
char *
ngx_http_wahub_conf_query_id(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wahub_main_conf_t  *wmcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    switch (wa_mex_ids_set(&wmcf->query_ids, ngx_http_wahub_span(&value[1]),
                           ngx_http_wahub_span(&value[2])))
    {

    case WA_OK:
        return NGX_CONF_OK;

    case WA_ERR_DUPLICATE:
        return "is duplicate";

    case WA_ERR_GONE:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" knows no query \"%V\"", &cmd->name,
                           &value[1]);
        return NGX_CONF_ERROR;

    default:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" must be 1 to 20 digits, "
                           "not \"%V\"", &cmd->name, &value[1], &value[2]);
        return NGX_CONF_ERROR;
    }
}
