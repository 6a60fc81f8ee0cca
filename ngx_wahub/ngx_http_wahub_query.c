/*
 * Query arguments, addresses in the path and request headers.
 */
#include "ngx_http_wahub_api.h"

#include "ngx_http_wahub_error.h"


#define NGX_HTTP_WAHUB_PATH_JID_MAX  128


static ngx_int_t ngx_http_wahub_query_decode(ngx_http_request_t *r,
    u_char *p, u_char *last, ngx_str_t *value);
static ngx_int_t ngx_http_wahub_query_hex(u_char ch);


ngx_int_t
ngx_http_wahub_query(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *p, *last, *end, *eq;

    len = ngx_strlen(name);
    p = r->args.data;
    last = p + r->args.len;

    while (p < last) {
        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        eq = ngx_strlchr(p, end, '=');

        if (eq == NULL) {
            eq = end;
        }

        if ((size_t) (eq - p) == len && ngx_memcmp(p, name, len) == 0) {
            if (eq < end) {
                eq++;
            }

            return ngx_http_wahub_query_decode(r, eq, end, value);
        }

        p = end + 1;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_wahub_query_decode(ngx_http_request_t *r, u_char *p, u_char *last,
    ngx_str_t *value)
{
    u_char     *d;
    ngx_int_t   high, low;

    d = ngx_pnalloc(r->pool, (size_t) (last - p) + 1);

    if (d == NULL) {
        return NGX_ERROR;
    }

    value->data = d;

    while (p < last) {
        if (*p == '+') {
            *d++ = ' ';
            p++;
            continue;
        }

        if (*p != '%') {
            *d++ = *p++;
            continue;
        }

        if (last - p < 3) {
            return NGX_ERROR;
        }

        high = ngx_http_wahub_query_hex(p[1]);
        low = ngx_http_wahub_query_hex(p[2]);

        if (high < 0 || low < 0 || high + low == 0) {
            return NGX_ERROR;
        }

        *d++ = (u_char) ((high << 4) | low);
        p += 3;
    }

    *d = '\0';
    value->len = (size_t) (d - value->data);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wahub_query_hex(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}


ngx_int_t
ngx_http_wahub_query_int(ngx_http_request_t *r, const char *name,
    ngx_int_t min, ngx_int_t max, ngx_int_t *value)
{
    ngx_int_t  rc, n;
    ngx_str_t  text;

    rc = ngx_http_wahub_query(r, name, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    n = ngx_atoi(text.data, text.len);

    if (n == NGX_ERROR || n < min || n > max) {
        return NGX_ERROR;
    }

    *value = n;

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_query_bool(ngx_http_request_t *r, const char *name,
    ngx_uint_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_wahub_query(r, name, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    if ((text.len == 1 && text.data[0] == '1')
        || (text.len == 4 && ngx_memcmp(text.data, "true", 4) == 0))
    {
        *value = 1;
        return NGX_OK;
    }

    if ((text.len == 1 && text.data[0] == '0')
        || (text.len == 5 && ngx_memcmp(text.data, "false", 5) == 0))
    {
        *value = 0;
        return NGX_OK;
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_wahub_path_jid(ngx_http_wahub_ctx_t *ctx, ngx_uint_t i,
    bool (*is)(const wa_jid_t *jid), const char *what,
    char text[WA_JID_TEXT_MAX + 1])
{
    u_char     message[64];
    wa_jid_t   jid;
    ngx_str_t *part = &ctx->params[i];

    if (part->len <= NGX_HTTP_WAHUB_PATH_JID_MAX
        && wa_recipient_parse(ngx_http_wahub_span(part), text,
                              WA_JID_TEXT_MAX + 1)
           == WA_OK
        && (is == NULL || (wa_jid_parse(wa_span_str(text), &jid) == WA_OK
                           && is(&jid))))
    {
        return NGX_OK;
    }

    *ngx_snprintf(message, sizeof(message) - 1,
                  "This is not the address of %s", what ? what : "")
        = '\0';

    ngx_http_wahub_error(ctx, "INVALID_RECIPIENT",
                         what ? (char *) message : NULL);

    return NGX_ERROR;
}


ngx_str_t *
ngx_http_wahub_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);
    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
        {
            return &h[i].value;
        }
    }
}
