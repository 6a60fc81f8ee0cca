/*
 * Request bodies: JSON objects, and the fields of them that rows take.
 */
#ifndef NGX_HTTP_WAHUB_BODY_H
#define NGX_HTTP_WAHUB_BODY_H

#include "ngx_http_wahub_api.h"


#define NGX_HTTP_WAHUB_JSON_DEPTH  32


typedef enum {
    ngx_http_wahub_field_text = 0,      /* min..max bytes of UTF-8       */
    ngx_http_wahub_field_bool,
    ngx_http_wahub_field_number,        /* min..max                      */
    ngx_http_wahub_field_object,        /* max bytes as compact JSON     */
    ngx_http_wahub_field_url,           /* contract 11.5                 */
    ngx_http_wahub_field_proxy,         /* see ngx_http_wahub_proxy.h    */
    ngx_http_wahub_field_session,       /* [A-Za-z0-9_-]{1,64}           */
    ngx_http_wahub_field_phone,         /* a person's number             */
    ngx_http_wahub_field_history,       /* {mode, days}                  */
    ngx_http_wahub_field_refused        /* not in this version           */
} ngx_http_wahub_field_e;

/* One field of a body; a table ends with `names` NULL. */
typedef struct {
    const char               *names;    /* "user_id|userId"              */
    const char               *target;   /* member of the arguments       */
    ngx_http_wahub_field_e    type;
    size_t                    min;
    size_t                    max;
    unsigned                  required:1;
    unsigned                  nullable:1;       /* null is copied        */
} ngx_http_wahub_field_t;


/*
 * Parses what nginx has read into ctx->body (NULL for an empty body).
 * NULL: done; otherwise an error code, `*message` says more.
 */
const char *ngx_http_wahub_body_parse(ngx_http_wahub_ctx_t *ctx,
    const char **message);

/*
 * The same of bytes; any thread.  `*body` is a new reference, untouched when
 * a code is returned.
 */
const char *ngx_http_wahub_body_json(u_char *p, size_t n, json_t **body,
    const char **message);

/* By its Content-Type. */
ngx_uint_t ngx_http_wahub_body_is_json(ngx_http_request_t *r);

/*
 * The member with one of the names in "a|b|c", also looked for in the
 * member "content"; null counts as absent.  Borrowed.  Two with different
 * values set ctx->conflict.
 */
json_t *ngx_http_wahub_body_get(ngx_http_wahub_ctx_t *ctx,
    const char *names);

/* Like the above, top level only, null is returned as it is. */
json_t *ngx_http_wahub_body_member(ngx_http_wahub_ctx_t *ctx,
    const char *names);

/*
 * Copies the fields of the table into `args`.
 * NGX_OK; NGX_ERROR: the request has been answered, `args` is untouched
 * by this function as far as ownership goes.
 */
ngx_int_t ngx_http_wahub_body_fields(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *fields, json_t *args);

/* [A-Za-z0-9_-]{1,64} */
ngx_uint_t ngx_http_wahub_session_valid(const ngx_str_t *s);

#endif /* NGX_HTTP_WAHUB_BODY_H */
