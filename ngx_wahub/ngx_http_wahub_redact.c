/*
 * nginx ends every log line of a request with its first line, and with it
 * the query.  Where that holds a credential of wahub, the copy that logs
 * read ($request, error_log) gets stars instead; nothing else reads it
 * after the request was parsed.
 */
#include "ngx_http_wahub_redact.h"


static ngx_int_t ngx_http_wahub_redact_handler(ngx_http_request_t *r);
static void ngx_http_wahub_redact_value(u_char *p, u_char *last);


/* Query arguments that carry credentials (HTTP contract 3.1). */
static const ngx_str_t  ngx_http_wahub_redact_names[] = {
    ngx_string("api_key="),
    ngx_string("token="),
    ngx_string("ticket="),
    ngx_string("sig="),
    ngx_null_string
};


ngx_int_t
ngx_http_wahub_redact_install(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *handler;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handler = ngx_array_push(
                  &cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);

    if (handler == NULL) {
        return NGX_ERROR;
    }

    *handler = ngx_http_wahub_redact_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_redact_handler(ngx_http_request_t *r)
{
    u_char                      *p, *last;
    ngx_uint_t                   i;
    ngx_http_wahub_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wahub_module);

    if (r->args.len == 0 || wmcf->enabled == 0) {
        return NGX_DECLINED;
    }

    p = ngx_pstrdup(r->pool, &r->request_line);

    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_line.data = p;
    last = p + r->request_line.len;

    for ( /* void */ ; p < last; p++) {
        if (*p != '?' && *p != '&') {
            continue;
        }

        for (i = 0; ngx_http_wahub_redact_names[i].len > 0; i++) {
            if ((size_t) (last - p - 1) > ngx_http_wahub_redact_names[i].len
                && ngx_strncmp(p + 1, ngx_http_wahub_redact_names[i].data,
                               ngx_http_wahub_redact_names[i].len) == 0)
            {
                ngx_http_wahub_redact_value(
                    p + 1 + ngx_http_wahub_redact_names[i].len, last);
            }
        }
    }

    return NGX_DECLINED;
}


static void
ngx_http_wahub_redact_value(u_char *p, u_char *last)
{
    while (p < last && *p != '&' && *p != ' ') {
        *p++ = '*';
    }
}
