/*
 * Commands, scripts and subscriptions on a Redis connection.
 */
#include "ngx_http_wahub_redis_int.h"

#include "wa_crypto.h"

#include <poll.h>


#define NGX_HTTP_WAHUB_REDIS_MAX  100000         /* commands not answered  */


static void ngx_http_wahub_redis_reply(redisAsyncContext *ac, void *reply,
    void *data);
static void ngx_http_wahub_redis_message(redisAsyncContext *ac, void *reply,
    void *data);


ngx_int_t
ngx_http_wahub_redis_add_script(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *text)
{
    wa_span_t                       span;
    uint8_t                         sha[NGX_HTTP_WAHUB_SHA1_LEN];
    ngx_http_wahub_redis_script_t  *script;

    if (rc->nscripts == NGX_HTTP_WAHUB_REDIS_SCRIPTS) {
        return NGX_ERROR;
    }

    span = ngx_http_wahub_span(text);

    if (wa_sha1(&span, 1, sha) != WA_OK) {
        return NGX_ERROR;
    }

    script = &rc->scripts[rc->nscripts];
    script->text = text;
    ngx_hex_dump(script->sha, sha, NGX_HTTP_WAHUB_SHA1_LEN);

    return rc->nscripts++;
}


static u_char *
ngx_http_wahub_redis_reserve(ngx_http_wahub_redis_t *rc, size_t size)
{
    if (size > rc->size) {

        if (rc->buf != NULL) {
            ngx_free(rc->buf);
            rc->size = 0;
        }

        size = ngx_align(size, 4096);

        rc->buf = ngx_alloc(size, rc->worker->log);
        if (rc->buf == NULL) {
            return NULL;
        }

        rc->size = size;
    }

    return rc->buf;
}


/* "*<n>" or "$<n>" and the end of the line: what ngx_sprintf() does, but
   most of a command's parts are short. */
static u_char *
ngx_http_wahub_redis_length(u_char *p, u_char mark, size_t n)
{
    u_char  digits[NGX_SIZE_T_LEN], *d;

    d = digits + sizeof(digits);

    do {
        *--d = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    *p++ = mark;
    p = ngx_cpymem(p, d, digits + sizeof(digits) - d);
    *p++ = CR;
    *p++ = LF;

    return p;
}


ngx_int_t
ngx_http_wahub_redis_queue(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_pt handler, void *data, const ngx_str_t *argv,
    ngx_uint_t argc)
{
    u_char                      *buf, *p;
    size_t                       size;
    ngx_uint_t                   i;
    ngx_http_wahub_redis_cmd_t  *cmd;

    if (rc->pending >= NGX_HTTP_WAHUB_REDIS_MAX) {
        return NGX_ERROR;
    }

    size = 1 + NGX_SIZE_T_LEN + 2;

    for (i = 0; i < argc; i++) {
        size += 1 + NGX_SIZE_T_LEN + 2 + argv[i].len + 2;
    }

    buf = ngx_http_wahub_redis_reserve(rc, size);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_wahub_redis_length(buf, '*', argc);

    for (i = 0; i < argc; i++) {
        p = ngx_http_wahub_redis_length(p, '$', argv[i].len);
        p = ngx_cpymem(p, argv[i].data, argv[i].len);
        *p++ = CR;
        *p++ = LF;
    }

    cmd = rc->free;

    if (cmd != NULL) {
        rc->free = cmd->next;

    } else {
        cmd = ngx_alloc(sizeof(ngx_http_wahub_redis_cmd_t), rc->worker->log);
        if (cmd == NULL) {
            return NGX_ERROR;
        }
    }

    cmd->redis = rc;
    cmd->handler = handler;
    cmd->data = data;

    if (redisAsyncFormattedCommand(rc->ac, ngx_http_wahub_redis_reply, cmd,
                                   (char *) buf, p - buf)
        != REDIS_OK)
    {
        cmd->next = rc->free;
        rc->free = cmd;
        return NGX_ERROR;
    }

    if (rc->pending++ == 0) {
        rc->heard = ngx_current_msec;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_redis_command(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_pt handler, void *data, const ngx_str_t *argv,
    ngx_uint_t argc)
{
    if (rc->up == 0 || rc->ac == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_wahub_redis_queue(rc, handler, data, argv, argc);
}


ngx_int_t
ngx_http_wahub_redis_eval(ngx_http_wahub_redis_t *rc, ngx_int_t script,
    ngx_http_wahub_redis_pt handler, void *data, const ngx_str_t *argv,
    ngx_uint_t nkeys, ngx_uint_t argc)
{
    u_char      count[NGX_INT_T_LEN];
    ngx_str_t   small[32], *args;
    ngx_int_t   rv;

    if (rc->up == 0 || rc->ac == NULL) {
        return NGX_DECLINED;
    }

    args = small;

    if (argc + 3 > 32) {
        args = ngx_alloc((argc + 3) * sizeof(ngx_str_t), rc->worker->log);
        if (args == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&args[0], "EVALSHA");
    args[1].data = rc->scripts[script].sha;
    args[1].len = NGX_HTTP_WAHUB_SHA1_LEN * 2;
    args[2].data = count;
    args[2].len = ngx_sprintf(count, "%ui", nkeys) - count;
    ngx_memcpy(&args[3], argv, argc * sizeof(ngx_str_t));

    rv = ngx_http_wahub_redis_queue(rc, handler, data, args, argc + 3);

    if (args != small) {
        ngx_free(args);
    }

    return rv;
}


static void
ngx_http_wahub_redis_reply(redisAsyncContext *ac, void *reply, void *data)
{
    redisReply                  *r = reply;
    void                        *user;
    ngx_http_wahub_redis_t      *rc;
    ngx_http_wahub_redis_pt      handler;
    ngx_http_wahub_redis_cmd_t  *cmd = data;

    rc = cmd->redis;
    handler = cmd->handler;
    user = cmd->data;

    cmd->next = rc->free;
    rc->free = cmd;

    rc->pending--;
    rc->heard = ngx_current_msec;

    if (r == NULL) {
        rc->up = 0;

    } else if (r->type == REDIS_REPLY_ERROR
               && ngx_strncmp(r->str, "NOSCRIPT", sizeof("NOSCRIPT") - 1)
                  == 0)
    {
        ngx_http_wahub_redis_reset(rc, "scripts were flushed");
        r = NULL;

    } else if (r->type == REDIS_REPLY_ERROR) {
        ngx_http_wahub_redis_troubled(rc, r);
    }

    if (handler != NULL) {
        handler(user, r);
    }
}


void
ngx_http_wahub_redis_wait(ngx_http_wahub_redis_t *rc, ngx_msec_t timeout)
{
    struct pollfd   pfd;
    struct timeval  tv;
    ngx_msec_t      now, end;

    ngx_gettimeofday(&tv);
    now = tv.tv_sec * 1000 + tv.tv_usec / 1000;
    end = now + timeout;

    while (rc->ac != NULL && rc->pending != 0
           && (ngx_msec_int_t) (end - now) > 0)
    {
        redisAsyncHandleWrite(rc->ac);

        if (rc->ac == NULL) {
            return;
        }

        pfd.fd = rc->ac->c.fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, (int) (end - now)) > 0) {
            redisAsyncHandleRead(rc->ac);
        }

        ngx_gettimeofday(&tv);
        now = tv.tv_sec * 1000 + tv.tv_usec / 1000;
    }
}


ngx_int_t
ngx_http_wahub_redis_subscribe(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *channel, ngx_http_wahub_redis_message_pt handler,
    void *data)
{
    ngx_http_wahub_redis_channel_t  *ch;

    if (rc->nchannels == NGX_HTTP_WAHUB_REDIS_CHANNELS) {
        return NGX_ERROR;
    }

    ch = &rc->channels[rc->nchannels++];

    ch->name = *channel;
    ch->handler = handler;
    ch->data = data;

    if (rc->up) {
        ngx_http_wahub_redis_listen(rc, ch);
    }

    return NGX_OK;
}


void
ngx_http_wahub_redis_listen(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_channel_t *ch)
{
    (void) redisAsyncCommand(rc->ac, ngx_http_wahub_redis_message, rc,
                             "SUBSCRIBE %b", ch->name.data, ch->name.len);
}


/* Messages, and answers to SUBSCRIBE. */
static void
ngx_http_wahub_redis_message(redisAsyncContext *ac, void *reply, void *data)
{
    ngx_uint_t                       i;
    ngx_str_t                        channel, message;
    redisReply                      *r = reply;
    ngx_http_wahub_redis_t          *rc = data;
    ngx_http_wahub_redis_channel_t  *ch;

    if (r == NULL) {
        return;
    }

    rc->heard = ngx_current_msec;

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 3
        || r->element[0]->type != REDIS_REPLY_STRING
        || r->element[1]->type != REDIS_REPLY_STRING
        || r->element[2]->type != REDIS_REPLY_STRING
        || ngx_strcmp(r->element[0]->str, "message") != 0)
    {
        return;
    }

    channel.data = (u_char *) r->element[1]->str;
    channel.len = r->element[1]->len;
    message.data = (u_char *) r->element[2]->str;
    message.len = r->element[2]->len;

    for (i = 0; i < rc->nchannels; i++) {
        ch = &rc->channels[i];

        if (ch->name.len == channel.len
            && ngx_memcmp(ch->name.data, channel.data, channel.len) == 0)
        {
            ch->handler(ch->data, &channel, &message);
            return;
        }
    }
}
