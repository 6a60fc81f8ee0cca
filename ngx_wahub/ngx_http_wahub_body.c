/*
 * JSON bodies.
 */
#include "ngx_http_wahub_body.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_pair.h"
#include "ngx_http_wahub_proxy.h"
#include "ngx_http_wahub_ssrf.h"

#include "wa_history_verbs.h"


static ngx_int_t ngx_http_wahub_body_collect(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_uint_t ngx_http_wahub_body_depth(ngx_str_t *body);
static json_t *ngx_http_wahub_body_find(ngx_http_wahub_ctx_t *ctx,
    json_t *object, const char *names, json_t *found, ngx_uint_t nulls);
static const char *ngx_http_wahub_body_field(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *field, json_t *value,
    const char **message);
static void ngx_http_wahub_body_refuse(json_t *errors,
    const ngx_http_wahub_field_t *field, const char *code,
    const char *message);


const char *
ngx_http_wahub_body_parse(ngx_http_wahub_ctx_t *ctx, const char **message)
{
    ngx_int_t            rc;
    ngx_str_t            body;
    ngx_http_request_t  *r;

    r = ctx->request;
    *message = NULL;

    rc = ngx_http_wahub_body_collect(r, &body);

    if (rc != NGX_OK) {
        return "INTERNAL_ERROR";
    }

    if (body.len > ctx->conf->max_body) {
        return "BODY_TOO_LARGE";
    }

    ctx->raw = body;

    if (body.len == 0) {
        return NULL;
    }

    if (ngx_http_wahub_body_is_json(r) == 0) {
        return "UNSUPPORTED_CONTENT_TYPE";
    }

    return ngx_http_wahub_body_json(body.data, body.len, &ctx->body,
                                    message);
}


const char *
ngx_http_wahub_body_json(u_char *p, size_t n, json_t **body,
    const char **message)
{
    json_t        *json;
    ngx_str_t      text;
    json_error_t   error;

    text.data = p;
    text.len = n;

    if (ngx_http_wahub_body_depth(&text) > NGX_HTTP_WAHUB_JSON_DEPTH) {
        *message = "The body is nested too deeply";
        return "INVALID_JSON";
    }

    json = json_loadb((char *) p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                      &error);

    if (json == NULL) {
        if (json_error_code(&error) == json_error_duplicate_key) {
            *message = "The body has a member name twice";
        }

        return "INVALID_JSON";
    }

    if (json_is_object(json) == 0) {
        json_decref(json);
        *message = "The body must be a JSON object";
        return "INVALID_JSON";
    }

    *body = json;

    return NULL;
}


/* In one piece, also when nginx spooled it to a file. */
static ngx_int_t
ngx_http_wahub_body_collect(ngx_http_request_t *r, ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    size_t        len;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    cl = r->request_body->bufs;
    b = cl->buf;

    if (cl->next == NULL && b->in_file == 0) {
        body->data = b->pos;
        body->len = (size_t) (b->last - b->pos);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, (size_t) size + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (b->in_file == 0) {
            p = ngx_cpymem(p, b->pos, (size_t) (b->last - b->pos));
            continue;
        }

        len = (size_t) (b->file_last - b->file_pos);
        n = ngx_read_file(b->file, p, len, b->file_pos);

        if (n < 0 || (size_t) n != len) {
            return NGX_ERROR;
        }

        p += len;
    }

    body->len = (size_t) (p - body->data);

    return NGX_OK;
}


ngx_uint_t
ngx_http_wahub_body_is_json(ngx_http_request_t *r)
{
    u_char      ch;
    ngx_str_t  *type;

    static const ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    if (type->len < json.len
        || ngx_strncasecmp(type->data, json.data, json.len) != 0)
    {
        return 0;
    }

    if (type->len == json.len) {
        return 1;
    }

    ch = type->data[json.len];

    return ch == ';' || ch == ' ';
}


/*
 * Deepest nesting, counted before the parser runs, because the parser
 * recurses.
 */
static ngx_uint_t
ngx_http_wahub_body_depth(ngx_str_t *body)
{
    u_char      *p, *last;
    ngx_uint_t   depth, max, quoted;

    depth = 0;
    max = 0;
    quoted = 0;
    last = body->data + body->len;

    for (p = body->data; p < last; p++) {
        if (quoted) {
            if (*p == '\\') {
                p++;

            } else if (*p == '"') {
                quoted = 0;
            }

            continue;
        }

        switch (*p) {

        case '"':
            quoted = 1;
            break;

        case '{':
        case '[':
            depth++;
            max = ngx_max(max, depth);
            break;

        case '}':
        case ']':
            if (depth > 0) {
                depth--;
            }

            break;

        default:
            break;
        }
    }

    return max;
}


json_t *
ngx_http_wahub_body_get(ngx_http_wahub_ctx_t *ctx, const char *names)
{
    json_t  *found;

    found = ngx_http_wahub_body_find(ctx, ctx->body, names, NULL, 0);

    return ngx_http_wahub_body_find(ctx,
                                    json_object_get(ctx->body, "content"),
                                    names, found, 0);
}


json_t *
ngx_http_wahub_body_member(ngx_http_wahub_ctx_t *ctx, const char *names)
{
    return ngx_http_wahub_body_find(ctx, ctx->body, names, NULL, 1);
}


static json_t *
ngx_http_wahub_body_find(ngx_http_wahub_ctx_t *ctx, json_t *object,
    const char *names, json_t *found, ngx_uint_t nulls)
{
    size_t       len;
    json_t      *value;
    const char  *end;

    if (json_is_object(object) == 0) {
        return found;
    }

    for ( ;; ) {
        end = strchr(names, '|');
        len = (end == NULL) ? ngx_strlen(names) : (size_t) (end - names);
        value = json_object_getn(object, names, len);

        if (json_is_null(value) && nulls == 0) {
            value = NULL;
        }

        if (value != NULL && found != NULL
            && json_equal(value, found) == 0)
        {
            ctx->conflict = 1;
        }

        if (found == NULL) {
            found = value;
        }

        if (end == NULL) {
            return found;
        }

        names = end + 1;
    }
}


ngx_int_t
ngx_http_wahub_body_fields(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *fields, json_t *args)
{
    json_t      *value, *errors;
    const char  *code, *message, *answer;

    errors = json_array();
    answer = "VALIDATION_ERROR";

    for ( /* void */ ; fields->names != NULL; fields++) {
        value = ngx_http_wahub_body_member(ctx, fields->names);
        code = ngx_http_wahub_body_field(ctx, fields, value, &message);

        if (code != NULL) {
            if (ngx_strcmp(code, "INVALID_URL") == 0
                || ngx_strcmp(code, "URL_NOT_ALLOWED") == 0)
            {
                answer = code;
            }

            ngx_http_wahub_body_refuse(errors, fields, code, message);
            continue;
        }

        if (value == NULL || (json_is_null(value) && fields->nullable == 0)) {
            continue;
        }

        if (json_object_set(args, fields->target, value) != 0) {
            json_decref(errors);
            ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
            return NGX_ERROR;
        }
    }

    if (ctx->conflict) {
        json_decref(errors);
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    if (json_array_size(errors) == 0) {
        json_decref(errors);
        return NGX_OK;
    }

    message = json_string_value(json_object_get(json_array_get(errors, 0),
                                                "message"));
    value = json_string(message == NULL ? "" : message);
    ngx_http_wahub_error_details(ctx, answer, json_string_value(value),
                                 json_pack("{s:o}", "fields", errors));
    json_decref(value);

    return NGX_ERROR;
}


static void
ngx_http_wahub_body_refuse(json_t *errors,
    const ngx_http_wahub_field_t *field, const char *code,
    const char *message)
{
    size_t       len;
    const char  *end;

    end = strchr(field->names, '|');
    len = (end == NULL) ? ngx_strlen(field->names)
                        : (size_t) (end - field->names);

    (void) json_array_append_new(errors,
        json_pack("{s:s%,s:s,s:o}", "field", field->names, len,
                  "code", code, "message",
                  json_sprintf("%.*s: %s", (int) len, field->names,
                               message)));
}


/* Its name is looked up later, by the worker that connects. */
static const char *
ngx_http_wahub_body_proxy(ngx_http_wahub_ctx_t *ctx, json_t *value,
    const char **message)
{
    ngx_str_t               text;
    const char             *code;
    ngx_http_wahub_proxy_t  proxy;

    text = ngx_http_wahub_json_str(value);
    code = NULL;

    if (text.len == 0
        || ngx_http_wahub_proxy_parse(&text, &proxy) != NGX_OK)
    {
        *message = "is not http:// or socks5://[user:password@]host:port";
        code = "INVALID_URL";

    } else if (ngx_http_wahub_proxy_check(&proxy,
                                          ctx->worker->conf->webhook_allow)
               != NGX_OK)
    {
        *message = "points to an address that may not be called";
        code = "URL_NOT_ALLOWED";
    }

    wa_wipe(&proxy, sizeof(ngx_http_wahub_proxy_t));

    return code;
}


static const char *
ngx_http_wahub_body_text(const ngx_http_wahub_field_t *field,
    const json_t *value, const char **message)
{
    size_t  len;

    if (json_is_string(value) == 0) {
        return "INVALID_TYPE";
    }

    len = json_string_length(value);

    if (len < field->min) {
        *message = "is required";
        return "REQUIRED";
    }

    *message = "is too long";

    return len <= field->max ? NULL : "TOO_LONG";
}


/* NULL: the value is good (or absent). */
static const char *
ngx_http_wahub_body_field(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_field_t *field, json_t *value,
    const char **message)
{
    double                number;
    size_t                len;
    u_char                digits[NGX_HTTP_WAHUB_NUMBER_MAX];
    ngx_str_t             text, number_text;
    ngx_http_wahub_url_t  url;

    if (value == NULL || json_is_null(value)) {
        *message = "is required";

        return (field->required && (value == NULL || field->nullable == 0))
               ? "REQUIRED" : NULL;
    }

    text = ngx_http_wahub_json_str(value);
    *message = "has the wrong type";

    switch (field->type) {

    case ngx_http_wahub_field_refused:

        *message = "is not available in this version";
        return "UNSUPPORTED";

    case ngx_http_wahub_field_bool:

        return json_is_boolean(value) ? NULL : "INVALID_TYPE";

    case ngx_http_wahub_field_number:

        if (json_is_number(value) == 0) {
            return "INVALID_TYPE";
        }

        number = json_number_value(value);
        *message = "is out of range";

        return (number >= (double) field->min
                && number <= (double) field->max)
               ? NULL : "OUT_OF_RANGE";

    case ngx_http_wahub_field_object:

        if (json_is_object(value) == 0) {
            return "INVALID_TYPE";
        }

        len = json_dumpb(value, NULL, 0, JSON_COMPACT);
        *message = "is too large";

        return len <= field->max ? NULL : "TOO_LONG";

    case ngx_http_wahub_field_history:

        *message = "must be {mode none|recent|full, days 0..365}";

        return wa_history_depth_check(value) == WA_OK ? NULL : "INVALID";

    case ngx_http_wahub_field_session:

        *message = "must be 1 to 64 of A-Z a-z 0-9 _ -";

        return (json_is_string(value) && ngx_http_wahub_session_valid(&text))
               ? NULL : "INVALID";

    case ngx_http_wahub_field_phone:

        *message = "is not a phone number";

        return ngx_http_wahub_pair_number(&text, digits, &number_text)
               == NGX_OK ? NULL : "INVALID";

    case ngx_http_wahub_field_proxy:

        return ngx_http_wahub_body_proxy(ctx, value, message);

    case ngx_http_wahub_field_url:

        *message = "is not a valid http or https URL";

        if (json_is_string(value) == 0
            || ngx_http_wahub_url_parse(&text, &url) != NGX_OK)
        {
            return "INVALID_URL";
        }

        *message = "points to an address that may not be called";

        return ngx_http_wahub_url_check(&url,
                                        ctx->worker->conf->webhook_allow)
               == NGX_OK ? NULL : "URL_NOT_ALLOWED";

    default: /* ngx_http_wahub_field_text */

        return ngx_http_wahub_body_text(field, value, message);
    }
}


ngx_uint_t
ngx_http_wahub_session_valid(const ngx_str_t *s)
{
    size_t  i;
    u_char  ch;

    if (s->len == 0 || s->len > 64) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if ((ch < '0' || ch > '9') && (ch < 'A' || ch > 'Z')
            && (ch < 'a' || ch > 'z') && ch != '_' && ch != '-')
        {
            return 0;
        }
    }

    return 1;
}
