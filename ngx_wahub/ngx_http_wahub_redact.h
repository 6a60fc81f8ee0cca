/*
 * Keeps credentials in query strings out of logs.
 */
#ifndef NGX_HTTP_WAHUB_REDACT_H
#define NGX_HTTP_WAHUB_REDACT_H

#include "ngx_http_wahub.h"


/* Adds the handler to the configuration's earliest phase. */
ngx_int_t ngx_http_wahub_redact_install(ngx_conf_t *cf);

#endif /* NGX_HTTP_WAHUB_REDACT_H */
