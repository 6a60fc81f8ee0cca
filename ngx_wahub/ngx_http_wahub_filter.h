/*
 * Header and body filter of wahub locations: the headers that every answer
 * carries (HTTP contract 2.6, 2.8), and the one error shape for errors
 * that nginx or another module made (413, 405, 5xx, allow/deny, ...).
 */
#ifndef NGX_HTTP_WAHUB_FILTER_H
#define NGX_HTTP_WAHUB_FILTER_H

#include "ngx_http_wahub_api.h"


void ngx_http_wahub_filter_install(void);

/* Adds an output header.  `name` must outlive the request. */
ngx_int_t ngx_http_wahub_filter_add(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value);

#endif /* NGX_HTTP_WAHUB_FILTER_H */
