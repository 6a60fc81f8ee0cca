/*
 * Scripts that run inside Redis: each is one atomic step of the ownership
 * and commit protocol.
 */
#ifndef NGX_HTTP_WAHUB_SCRIPT_H
#define NGX_HTTP_WAHUB_SCRIPT_H

#include "ngx_http_wahub.h"


/* Answers of the commit script that are not a list of event ids. */
#define NGX_HTTP_WAHUB_COMMIT_FENCED    -1
#define NGX_HTTP_WAHUB_COMMIT_MISMATCH  -2
#define NGX_HTTP_WAHUB_COMMIT_ALREADY   -3

extern const ngx_str_t  ngx_http_wahub_script_commit;
extern const ngx_str_t  ngx_http_wahub_script_view;
extern const ngx_str_t  ngx_http_wahub_script_acquire;
extern const ngx_str_t  ngx_http_wahub_script_renew;
extern const ngx_str_t  ngx_http_wahub_script_release;
extern const ngx_str_t  ngx_http_wahub_script_member;
extern const ngx_str_t  ngx_http_wahub_script_cluster;
extern const ngx_str_t  ngx_http_wahub_script_trim;
extern const ngx_str_t  ngx_http_wahub_script_behind;

#endif /* NGX_HTTP_WAHUB_SCRIPT_H */
