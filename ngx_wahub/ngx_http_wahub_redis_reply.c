/*
 * Reading Redis replies without knowing hiredis.
 */
#include "ngx_http_wahub_redis_int.h"


ngx_http_wahub_redis_type_e
ngx_http_wahub_redis_type(ngx_http_wahub_redis_reply_t *reply)
{
    if (reply == NULL) {
        return ngx_http_wahub_redis_nil;
    }

    switch (reply->type) {

    case REDIS_REPLY_STRING:
        return ngx_http_wahub_redis_string;

    case REDIS_REPLY_STATUS:
        return ngx_http_wahub_redis_status;

    case REDIS_REPLY_INTEGER:
        return ngx_http_wahub_redis_integer;

    case REDIS_REPLY_ARRAY:
        return ngx_http_wahub_redis_array;

    case REDIS_REPLY_ERROR:
        return ngx_http_wahub_redis_error;

    default:
        return ngx_http_wahub_redis_nil;
    }
}


int64_t
ngx_http_wahub_redis_int(ngx_http_wahub_redis_reply_t *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        return 0;
    }

    return reply->integer;
}


ngx_str_t
ngx_http_wahub_redis_str(ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t  s;

    ngx_str_null(&s);

    if (reply != NULL
        && (reply->type == REDIS_REPLY_STRING
            || reply->type == REDIS_REPLY_STATUS
            || reply->type == REDIS_REPLY_ERROR))
    {
        s.data = (u_char *) reply->str;
        s.len = reply->len;
    }

    return s;
}


ngx_uint_t
ngx_http_wahub_redis_count(ngx_http_wahub_redis_reply_t *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        return 0;
    }

    return reply->elements;
}


ngx_http_wahub_redis_reply_t *
ngx_http_wahub_redis_at(ngx_http_wahub_redis_reply_t *reply, ngx_uint_t i)
{
    if (i >= ngx_http_wahub_redis_count(reply)) {
        return NULL;
    }

    return reply->element[i];
}
