/*
 * The struct of a Redis connection, shared by the files that know hiredis
 * (ngx_http_wahub_redis*.c) and private to them.
 */
#ifndef NGX_HTTP_WAHUB_REDIS_INT_H
#define NGX_HTTP_WAHUB_REDIS_INT_H

#include "ngx_http_wahub_redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>


#define NGX_HTTP_WAHUB_REDIS_SCRIPTS   16
#define NGX_HTTP_WAHUB_REDIS_CHANNELS  8
#define NGX_HTTP_WAHUB_REDIS_STATES    8
#define NGX_HTTP_WAHUB_SHA1_LEN        20


typedef struct ngx_http_wahub_redis_cmd_s  ngx_http_wahub_redis_cmd_t;

struct ngx_http_wahub_redis_cmd_s {
    ngx_http_wahub_redis_t           *redis;
    ngx_http_wahub_redis_pt           handler;
    void                             *data;
    ngx_http_wahub_redis_cmd_t       *next;      /* in the free list       */
};


typedef struct {
    const ngx_str_t                  *text;
    u_char                            sha[NGX_HTTP_WAHUB_SHA1_LEN * 2];
} ngx_http_wahub_redis_script_t;


typedef struct {
    ngx_str_t                         name;
    ngx_http_wahub_redis_message_pt   handler;
    void                             *data;
} ngx_http_wahub_redis_channel_t;


typedef struct {
    ngx_http_wahub_redis_state_pt     handler;
    void                             *data;
} ngx_http_wahub_redis_state_t;


/* Where the master is. */
typedef struct {
    ngx_sockaddr_t                    sockaddr;
    socklen_t                         socklen;
    ngx_uint_t                        version;   /* 0: not known yet       */
    in_port_t                         port;      /* of what is resolved    */
    ngx_msec_t                        asked_at;
    ngx_http_wahub_resolve_t         *resolve;
    ngx_str_t                         channel;
} ngx_http_wahub_redis_sentinel_t;


struct ngx_http_wahub_redis_s {
    ngx_http_wahub_worker_t          *worker;
    ngx_http_wahub_redis_conf_t      *conf;
    const char                       *name;

    redisAsyncContext                *ac;        /* NULL: down             */
    ngx_connection_t                 *connection;
    ngx_http_wahub_late_t             flush;
    ngx_event_t                       timer;     /* connect or tick        */
    ngx_uint_t                        addr;      /* next to try            */
    ngx_uint_t                        attempts;  /* since last up          */

    ngx_http_wahub_redis_cmd_t       *free;
    ngx_uint_t                        pending;
    ngx_msec_t                        heard;     /* last answer, or first
                                                    unanswered command     */
    u_char                           *buf;       /* one command's bytes    */
    size_t                            size;

    ngx_http_wahub_redis_script_t     scripts[NGX_HTTP_WAHUB_REDIS_SCRIPTS];
    ngx_uint_t                        nscripts;
    ngx_http_wahub_redis_channel_t    channels[NGX_HTTP_WAHUB_REDIS_CHANNELS];
    ngx_uint_t                        nchannels;
    ngx_http_wahub_redis_state_t      states[NGX_HTTP_WAHUB_REDIS_STATES];
    ngx_uint_t                        nstates;

    ngx_http_wahub_redis_sentinel_t  *finder;    /* a sentinel's own; NULL */
    ngx_uint_t                        place;     /* version of the master's
                                                    address connected to   */

#ifdef NGX_HTTP_WAHUB_REDIS_TLS
    ngx_ssl_conn_t                   *tls;       /* hiredis' own           */
#endif

    const char                       *trouble;   /* why it takes no writes;
                                                    NULL: it does          */
    const char                       *reason;    /* of a reset             */
    const char                       *refusal;   /* of the handshake, said */
    const char                       *last;      /* trouble before         */
    time_t                            since;     /* of `trouble`           */
    time_t                            cured;     /* end of `last`          */
    ngx_str_t                         probe_key;

    unsigned                          up:1;
    unsigned                          announced:1; /* up, told the states  */
    unsigned                          flushing:1;
    unsigned                          closing:1;
    unsigned                          refused:1; /* handshake, logged once */
    unsigned                          probing:1;
    unsigned                          relapsed:1; /* trouble is no news    */
};


/* ngx_http_wahub_redis_command without the question whether it is up. */
ngx_int_t ngx_http_wahub_redis_queue(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_pt handler, void *data, const ngx_str_t *argv,
    ngx_uint_t argc);

/* Tells everybody who asked (see ngx_http_wahub_redis_on_state). */
void ngx_http_wahub_redis_announce(ngx_http_wahub_redis_t *rc, ngx_uint_t up);

/*
 * ngx_http_wahub_redis_health.c: what is wrong with a server that answers
 * with an error, in words that follow its name in a sentence; NULL: the
 * error is about the command, not about the server.
 */
const char *ngx_http_wahub_redis_diagnose(const redisReply *r);

/* An error answer has come: takes note if it is the server's state. */
void ngx_http_wahub_redis_troubled(ngx_http_wahub_redis_t *rc,
    const redisReply *r);

/* Asks whether it takes writes. */
void ngx_http_wahub_redis_probe(ngx_http_wahub_redis_t *rc);

/* The end of the handshake, by its last answer; an error: refused. */
void ngx_http_wahub_redis_greeted(void *data,
    ngx_http_wahub_redis_reply_t *reply);

/* It does not let us in: says so once for each reason, and leaves. */
void ngx_http_wahub_redis_refuse(ngx_http_wahub_redis_t *rc,
    const char *reason, const ngx_str_t *text);

#ifdef NGX_HTTP_WAHUB_REDIS_TLS

/* ngx_http_wahub_redis_tls.c: a context that is being connected. */
ngx_int_t ngx_http_wahub_redis_secure(ngx_http_wahub_redis_t *rc,
    redisAsyncContext *ac);

/* What is wrong with the server's certificate; NULL: nothing known. */
const char *ngx_http_wahub_redis_distrust(ngx_http_wahub_redis_t *rc);

#endif

/* The master is known now, or is another one. */
void ngx_http_wahub_redis_moved(ngx_http_wahub_redis_t *rc);

/* ngx_http_wahub_redis_sentinel.c: NULL without one, or not known yet. */
ngx_http_wahub_redis_sentinel_t *ngx_http_wahub_sentinel_of(
    ngx_http_wahub_redis_t *rc);

/* First words on a connection to a sentinel. */
ngx_int_t ngx_http_wahub_sentinel_greet(ngx_http_wahub_redis_t *rc);

/* What we are connected to is not the master: another sentinel is asked. */
void ngx_http_wahub_sentinel_doubt(ngx_http_wahub_worker_t *w);

/* SUBSCRIBE to one of rc->channels; again is harmless. */
void ngx_http_wahub_redis_listen(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_channel_t *ch);

#endif /* NGX_HTTP_WAHUB_REDIS_INT_H */
