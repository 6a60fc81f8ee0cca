/*
 * Log lines that name their account.
 */
#ifndef NGX_HTTP_WAHUB_LOG_H
#define NGX_HTTP_WAHUB_LOG_H

#include "ngx_http_wahub.h"


/*
 * Appends `, account: "<session id>", jid: 4…17:4@s.whatsapp.net` to buf,
 * at most `len` bytes; returns the new end.  Nothing for NULL.  Phone
 * numbers are shortened: logs identify, they do not collect.
 */
u_char *ngx_http_wahub_log_account(u_char *buf, size_t len,
    const wa_account_t *a);

/* wa_engine_conf_t.log; ctx is the worker. */
void ngx_http_wahub_log_engine(void *ctx, const wa_account_t *a, int level,
    const char *line);

/* One line of the glue about an account (`a` may be NULL). */
void ngx_http_wahub_log_line(ngx_uint_t level, ngx_log_t *log,
    const wa_account_t *a, const char *fmt, ...);

#endif /* NGX_HTTP_WAHUB_LOG_H */
