/*
 * Commands to accounts; the callers' interface is in ngx_http_wahub.h.
 */
#ifndef NGX_HTTP_WAHUB_CALL_H
#define NGX_HTTP_WAHUB_CALL_H

#include "ngx_http_wahub_account.h"


ngx_int_t ngx_http_wahub_calls_init(ngx_http_wahub_worker_t *w);

/* Callers are not answered any more.  NULL-safe. */
void ngx_http_wahub_calls_exit(ngx_http_wahub_worker_t *w);

/* The engine's answer to a command of this slot; takes reply->data. */
void ngx_http_wahub_call_reply(ngx_http_wahub_account_t *slot,
    const wa_reply_t *reply);

/*
 * Answers every command the slot has not answered.  `unsure`: the account
 * did not end in good order; what became of a send is then not known, and its
 * caller is told that.
 */
void ngx_http_wahub_call_abort(ngx_http_wahub_account_t *slot,
    const char *code, const char *message, ngx_uint_t unsure);

#endif /* NGX_HTTP_WAHUB_CALL_H */
