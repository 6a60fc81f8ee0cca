/*
 * Account webhooks; what other files call is in ngx_http_wahub.h.
 */
#ifndef NGX_HTTP_WAHUB_WEBHOOK_H
#define NGX_HTTP_WAHUB_WEBHOOK_H

#include "ngx_http_wahub.h"


/* 1: that delivery of the account is queued or in flight here. */
ngx_uint_t ngx_http_wahub_webhook_known(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, const ngx_str_t *id);

#endif /* NGX_HTTP_WAHUB_WEBHOOK_H */
