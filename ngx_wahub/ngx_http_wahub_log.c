/*
 * Log lines that name their account.
 */
#include "ngx_http_wahub_log.h"


/* "491701234517:4@s.whatsapp.net" -> "4…17:4@s.whatsapp.net" */
static u_char *
ngx_http_wahub_log_jid(u_char *p, u_char *last, const char *jid)
{
    size_t  user;

    user = strcspn(jid, ":@._");

    if (user <= 4) {
        return ngx_slprintf(p, last, "%s", jid);
    }

    return ngx_slprintf(p, last, "%c\xe2\x80\xa6%*s%s", jid[0], (size_t) 2,
                        jid + user - 2, jid + user);
}


u_char *
ngx_http_wahub_log_account(u_char *buf, size_t len, const wa_account_t *a)
{
    u_char      *p, *last;
    const char  *name, *jid;

    if (a == NULL) {
        return buf;
    }

    last = buf + len;

    name = wa_account_session_id(a);
    if (name[0] == '\0') {
        name = wa_account_id(a);
    }

    p = ngx_slprintf(buf, last, ", account: \"%s\"", name);

    jid = wa_account_jid(a);
    if (jid[0] != '\0') {
        p = ngx_slprintf(p, last, ", jid: ");
        p = ngx_http_wahub_log_jid(p, last, jid);
    }

    return p;
}


static u_char *
ngx_http_wahub_log_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    return ngx_http_wahub_log_account(buf, len, log->data);
}


void
ngx_http_wahub_log_line(ngx_uint_t level, ngx_log_t *log,
    const wa_account_t *a, const char *fmt, ...)
{
    u_char     *p, line[NGX_MAX_ERROR_STR];
    va_list     args;
    ngx_log_t   copy;

    if (log->log_level < level) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(line, line + sizeof(line), fmt, args);
    va_end(args);

    /* the handler reads the account while the line is written, only then */

    copy = *log;
    copy.handler = ngx_http_wahub_log_handler;
    copy.data = (void *) (uintptr_t) a;
    copy.action = NULL;

    ngx_log_error(level, &copy, 0, "wahub: %*s", (size_t) (p - line), line);
}


void
ngx_http_wahub_log_engine(void *ctx, const wa_account_t *a, int level,
    const char *line)
{
    ngx_http_wahub_worker_t  *w = ctx;

    static const ngx_uint_t  levels[] = {
        NGX_LOG_ERR, NGX_LOG_WARN, NGX_LOG_NOTICE, NGX_LOG_INFO
    };

    if (level >= 0 && level < (int) (sizeof(levels) / sizeof(levels[0]))) {
        ngx_http_wahub_log_line(levels[level], w->log, a, "%s", line);
        return;
    }

    if (w->log->log_level & NGX_LOG_DEBUG_HTTP) {
        ngx_http_wahub_log_line(NGX_LOG_DEBUG, w->log, a, "%s", line);
    }
}
