/*
 * What the files of the glue share: configuration, the worker's root
 * object, and the services one file offers to the others.
 *
 * One ngx_http_wahub_worker_t exists in each nginx worker, made by
 * init_process, found through the main configuration
 * (ngx_http_wahub_worker_of).  It owns one Redis connection for commands,
 * one for subscriptions, the shards this worker holds and the accounts in
 * them.  Everything here runs in the worker's event loop unless it says
 * "thread".
 */
#ifndef NGX_HTTP_WAHUB_H
#define NGX_HTTP_WAHUB_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>

#include <jansson.h>

#include "wa_account.h"


#define NGX_HTTP_WAHUB_VERSION  "0.1.0"


/* ---- configuration ---- */

/* Which rows of the HTTP contract a location serves. */
#define NGX_HTTP_WAHUB_GROUP_ACCOUNTS   0x00000001
#define NGX_HTTP_WAHUB_GROUP_MESSAGES   0x00000002
#define NGX_HTTP_WAHUB_GROUP_CHATS      0x00000004
#define NGX_HTTP_WAHUB_GROUP_CONTACTS   0x00000008
#define NGX_HTTP_WAHUB_GROUP_GROUPS     0x00000010
#define NGX_HTTP_WAHUB_GROUP_MEDIA      0x00000020
#define NGX_HTTP_WAHUB_GROUP_WEBHOOKS   0x00000040
#define NGX_HTTP_WAHUB_GROUP_INBOUND    0x00000080
#define NGX_HTTP_WAHUB_GROUP_AUTH       0x00000100
#define NGX_HTTP_WAHUB_GROUP_STATS      0x00000200
#define NGX_HTTP_WAHUB_GROUP_TEMPLATES  0x00000400
#define NGX_HTTP_WAHUB_GROUP_CAMPAIGNS  0x00000800
#define NGX_HTTP_WAHUB_GROUP_STREAM     0x00001000
#define NGX_HTTP_WAHUB_GROUP_SNAPSHOT   0x00002000
#define NGX_HTTP_WAHUB_GROUP_METRICS    0x00004000
#define NGX_HTTP_WAHUB_GROUP_ADMIN      0x00008000
#define NGX_HTTP_WAHUB_GROUP_ALL        0x0000ffff

/* What a caller may do; an API key's scopes and a row's access class. */
#define NGX_HTTP_WAHUB_ACCESS_PUBLIC    0x00
#define NGX_HTTP_WAHUB_ACCESS_READ      0x01
#define NGX_HTTP_WAHUB_ACCESS_SEND      0x02
#define NGX_HTTP_WAHUB_ACCESS_MANAGE    0x04
#define NGX_HTTP_WAHUB_ACCESS_ADMIN     0x08

/* wahub_query_key */
#define NGX_HTTP_WAHUB_QUERY_KEY_OFF      0
#define NGX_HTTP_WAHUB_QUERY_KEY_STREAMS  1
#define NGX_HTTP_WAHUB_QUERY_KEY_ON       2

/* wahub_files */
#define NGX_HTTP_WAHUB_FILES_SIGNED       0
#define NGX_HTTP_WAHUB_FILES_PUBLIC       1
#define NGX_HTTP_WAHUB_FILES_PRIVATE      2

#define NGX_HTTP_WAHUB_KEY_HASH_LEN     32      /* SHA-256 */


typedef struct ngx_http_wahub_worker_s       ngx_http_wahub_worker_t;
typedef struct ngx_http_wahub_redis_s        ngx_http_wahub_redis_t;
typedef struct ngx_http_wahub_shards_s       ngx_http_wahub_shards_t;
typedef struct ngx_http_wahub_calls_s        ngx_http_wahub_calls_t;
typedef struct ngx_http_wahub_resolver_s     ngx_http_wahub_resolver_t;
typedef struct ngx_http_wahub_registry_s     ngx_http_wahub_registry_t;
typedef struct ngx_http_wahub_store_s        ngx_http_wahub_store_t;
typedef struct ngx_http_wahub_account_s      ngx_http_wahub_account_t;
typedef struct ngx_http_wahub_curl_s         ngx_http_wahub_curl_t;
typedef struct ngx_http_wahub_webhooks_s     ngx_http_wahub_webhooks_t;
typedef struct ngx_http_wahub_api_s          ngx_http_wahub_api_t;
typedef struct ngx_http_wahub_sql_s          ngx_http_wahub_sql_t;
typedef struct ngx_http_wahub_projector_s    ngx_http_wahub_projector_t;
typedef struct ngx_http_wahub_behind_s       ngx_http_wahub_behind_t;
typedef struct ngx_http_wahub_media_s        ngx_http_wahub_media_t;
typedef struct ngx_http_wahub_history_in_s   ngx_http_wahub_history_in_t;
typedef struct ngx_http_wahub_files_s        ngx_http_wahub_files_t;
typedef struct ngx_http_wahub_space_s        ngx_http_wahub_space_t;
typedef struct ngx_http_wahub_versions_s     ngx_http_wahub_versions_t;


typedef struct {
    u_char                      sha256[NGX_HTTP_WAHUB_KEY_HASH_LEN];
} ngx_http_wahub_key_hash_t;


typedef struct {
    ngx_str_t                   url;         /* without credentials, logs  */
    ngx_str_t                   path;        /* unix socket; len 0: TCP    */
    ngx_addr_t                 *addrs;       /* TCP, resolved at config;
                                                with a master: sentinels   */
    ngx_uint_t                  naddrs;
    ngx_str_t                   master;      /* its name; len 0: none      */
    ngx_str_t                   sentinel_password;      /* len 0: none     */
    ngx_str_t                   host;        /* NUL-terminated, TLS only   */
    ngx_str_t                   ca;          /* file; len 0: the one for
                                                WhatsApp                   */
    ngx_ssl_t                  *ssl;         /* NULL: no TLS               */
    ngx_flag_t                  tls;
    ngx_str_t                   user;        /* len 0: none                */
    ngx_str_t                   password;    /* len 0: none                */
    ngx_int_t                   db;
} ngx_http_wahub_redis_conf_t;


typedef struct {
    ngx_str_t                   url;
    ngx_str_t                   host;        /* NUL-terminated, no []      */
    ngx_str_t                   path;        /* NUL-terminated             */
    in_port_t                   port;        /* host order                 */
    unsigned                    tls:1;
    unsigned                    literal:1;   /* host is an IP address      */
} ngx_http_wahub_endpoint_t;


typedef struct {
    ngx_http_wahub_redis_conf_t  redis;
    ngx_str_t                    redis_prefix;

    ngx_str_t                    secret_key_file;
    ngx_str_t                    admin_key_file;
    ngx_str_t                    api_key_file;
    u_char                       secret_key[WA_KEY_LEN];
    u_char                       link_key[WA_KEY_LEN];  /* signs links to
                                                files                      */
    ngx_http_wahub_key_hash_t    admin_key;
    ngx_array_t                 *api_keys;   /* ngx_http_wahub_key_hash_t,
                                                tenant "default"; or NULL  */

    ngx_http_wahub_endpoint_t    endpoint;
    ngx_str_t                    proxy;      /* URL; len 0: none           */
    ngx_str_t                    client_version;        /* len 0: built in */
    uint32_t                     client_build;          /* 0: built in     */
    wa_mex_ids_t                 query_ids;  /* of channels' queries       */
    ngx_str_t                    version_url;           /* NUL-terminated;
                                                len 0: WhatsApp's          */
    ngx_str_t                    noise_root_key_hex;
    u_char                       noise_root_key[WA_KEY_LEN];
    ngx_str_t                    trusted_certificate;   /* PEM path,
                                                NUL-terminated, for curl   */
    ngx_ssl_t                   *ssl;        /* client side, verifying     */

    ngx_array_t                 *webhook_allow;         /* ngx_cidr_t,
                                                or NULL                    */

    ngx_str_t                    store;      /* path or postgresql:// URL,
                                                NUL-terminated             */
    ngx_uint_t                   store_postgresql;
    ngx_str_t                    store_password_file;
    ngx_str_t                    store_password;        /* len 0: none;
                                                NUL-terminated             */
    ngx_uint_t                   log_count;  /* of projected events, at    */
    time_t                       log_age;    /*  most, in a shard's log    */
    ngx_str_t                    media_path;
    ngx_str_t                    media_host;
    size_t                       max_media_size;        /* 0: no limit     */
    ngx_flag_t                   auto_download;
    ngx_str_t                    public_url; /* for links that no request
                                                asks for; NUL-terminated,
                                                as below                   */

    ngx_uint_t                   max_accounts;          /* 0: no limit     */
    ngx_uint_t                   shards;
    ngx_msec_t                   lease;
    ngx_msec_t                   qr_timeout;
    ngx_msec_t                   send_timeout;
    ngx_msec_t                   deaf_after;
    ngx_uint_t                   lookup_rate;        /* numbers an hour  */
    time_t                       presence_retention;
    ngx_str_t                    thread_pool_name;
    ngx_thread_pool_t           *thread_pool;

    ngx_flag_t                   enabled;    /* some location serves wahub */

    ngx_http_wahub_worker_t     *worker;     /* NULL outside workers       */
} ngx_http_wahub_main_conf_t;


typedef struct {
    ngx_uint_t                   groups;     /* 0: not a wahub location    */
    size_t                       max_body;
    size_t                       max_upload;
    ngx_uint_t                   query_key;
    ngx_uint_t                   files;      /* FILES_*                    */
    ngx_str_t                    public_url; /* no "/" at its end; len 0:
                                                links are relative         */
    ngx_array_t                 *cors_origins;          /* ngx_str_t; "*"
                                                possible; or NULL          */
    ngx_flag_t                   cors_local;
    ngx_str_t                    anonymous;  /* tenant; len 0: none        */
    ngx_uint_t                   anonymous_access;      /* ACCESS_* bits   */
    ngx_str_t                    tenant;     /* pinned; default "default"  */
    ngx_flag_t                   tenant_pinned;
} ngx_http_wahub_loc_conf_t;


/*
 * The part of a request's context that nginx variables read.  It is the
 * first member of the API's own context, which the API sets with
 * ngx_http_set_ctx().  Memory: r->pool.  len 0: variable not found.
 */
typedef struct {
    ngx_str_t                    tenant;
    ngx_str_t                    account;
    ngx_str_t                    message_id;
    ngx_str_t                    user;         /* none in this version */
    ngx_str_t                    request_id;
    ngx_str_t                    error_code;
} ngx_http_wahub_vars_t;


extern ngx_module_t  ngx_http_wahub_module;


/* ---- the worker's root object ---- */

/*
 * Something to be done when a turn of the event loop ends, after all that
 * the turn brought: what many handlers write leaves in one system call.
 * Part of its owner's struct, all zero but `handler`.
 */
typedef struct ngx_http_wahub_late_s  ngx_http_wahub_late_t;

struct ngx_http_wahub_late_s {
    ngx_queue_t                  queue;
    void                       (*handler)(ngx_http_wahub_late_t *late);
    unsigned                     queued:1;
};

#define NGX_HTTP_WAHUB_READ_BUF  65536

struct ngx_http_wahub_worker_s {
    ngx_http_wahub_main_conf_t  *conf;
    ngx_log_t                   *log;
    ngx_str_t                    member;     /* this process in the cluster */

    wa_engine_t                 *engine;
    ngx_http_wahub_redis_t      *redis;      /* commands                   */
    ngx_http_wahub_redis_t      *sub;        /* subscriptions              */
    ngx_http_wahub_redis_t      *sentinel;   /* NULL: none in use          */
    ngx_http_wahub_store_t      *store;
    ngx_http_wahub_registry_t   *registry;
    ngx_http_wahub_shards_t     *shards;
    ngx_http_wahub_calls_t      *calls;
    ngx_http_wahub_resolver_t   *resolver;
    ngx_http_wahub_curl_t       *curl;
    ngx_http_wahub_webhooks_t   *webhooks;
    ngx_http_wahub_api_t        *api;
    ngx_http_wahub_sql_t        *sql;
    ngx_http_wahub_projector_t  *projector;
    ngx_http_wahub_behind_t     *behind;
    ngx_http_wahub_media_t      *media;
    ngx_http_wahub_history_in_t *history_in;
    ngx_http_wahub_files_t      *files;
    ngx_http_wahub_space_t      *space;
    ngx_http_wahub_versions_t   *versions;

    u_char                      *read_buf;   /* for one read, by anybody   */
    wa_buf_t                     spare;      /* room of a peer's last write */
    ngx_queue_t                  late;       /* ngx_http_wahub_late_t      */
    ngx_queue_t                  downloads;  /* ngx_http_wahub_media_in_t  */
    ngx_queue_t                  uploads;    /* ngx_http_wahub_media_out_t */
    ngx_event_t                  late_event; /* posted, runs them          */
    ngx_uint_t                   late_tries;
    ngx_uint_t                   jobs;       /* thread tasks in flight     */
    ngx_uint_t                   waits;      /* requests waiting for Redis */
    unsigned                     draining:1; /* leaving: take no new work  */
    unsigned                     threads_gone:1;
};


static ngx_inline wa_span_t
ngx_http_wahub_span(const ngx_str_t *s)
{
    wa_span_t  span;

    span.p = s->data;
    span.n = s->len;

    return span;
}


/* NULL when this process runs no wahub (no location, or not a worker). */
static ngx_inline ngx_http_wahub_worker_t *
ngx_http_wahub_worker_of(ngx_http_request_t *r)
{
    ngx_http_wahub_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wahub_module);

    return wmcf->worker;
}


/* Counts for /health and metrics; accounts and states held HERE. */
typedef struct {
    ngx_uint_t                   accounts;
    ngx_uint_t                   ready;
    ngx_uint_t                   shards;
    ngx_uint_t                   members;    /* live, in the whole cluster */
} ngx_http_wahub_counts_t;

void ngx_http_wahub_worker_counts(ngx_http_wahub_worker_t *w,
    ngx_http_wahub_counts_t *counts);


/*
 * Keys.  All return text of at most NGX_HTTP_WAHUB_KEY_MAX bytes written
 * at `buf`, as `*key` (data == buf).
 *
 *   shard key    "<prefix>:{s<n>}:<name>"         (lease, hook, log, ...)
 *   account key  "<prefix>:{s<n>}:a:<id>"         n from the account id
 *   tenant key   "<prefix>:t:<tenant>"
 */
#define NGX_HTTP_WAHUB_KEY_MAX     256
#define NGX_HTTP_WAHUB_PREFIX_MAX  64

void ngx_http_wahub_key_shard(ngx_http_wahub_main_conf_t *wmcf,
    ngx_uint_t shard, const char *name, u_char *buf, ngx_str_t *key);
void ngx_http_wahub_key_account(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *id, u_char *buf, ngx_str_t *key);
void ngx_http_wahub_key_tenant(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *tenant, u_char *buf, ngx_str_t *key);

ngx_uint_t ngx_http_wahub_shard_of(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *id);

/* Unix milliseconds. */
int64_t ngx_http_wahub_wall_ms(void);


/* ---- ngx_http_wahub_redis.c ---- */

/* hiredis stays behind that file: replies are read through functions. */
typedef struct redisReply  ngx_http_wahub_redis_reply_t;

/*
 * `reply` NULL: the connection was lost before an answer; the command may
 * or may not have been executed.  The reply dies when the handler returns.
 * Never called from inside the function that queued the command.  The
 * handler is called exactly once for every NGX_OK, also at worker exit.
 */
typedef void (*ngx_http_wahub_redis_pt)(void *data,
    ngx_http_wahub_redis_reply_t *reply);

/* A message of a subscription. */
typedef void (*ngx_http_wahub_redis_message_pt)(void *data,
    const ngx_str_t *channel, const ngx_str_t *message);

/*
 * Queues one command.  argv is copied.  NGX_OK: the handler (may be NULL)
 * will be called.  NGX_DECLINED: Redis is away; NGX_ERROR: too many
 * commands queued or out of memory.  In both cases the handler is not
 * called.
 */
ngx_int_t ngx_http_wahub_redis_command(ngx_http_wahub_redis_t *rc,
    ngx_http_wahub_redis_pt handler, void *data, const ngx_str_t *argv,
    ngx_uint_t argc);

/*
 * Scripts: register once at worker start (before the event loop runs), run
 * by the id returned (NGX_ERROR: out of memory).  `text` is not copied.
 * Sent as EVALSHA; loaded at each connect.  argv holds the keys first.
 */
ngx_int_t ngx_http_wahub_redis_add_script(ngx_http_wahub_redis_t *rc,
    const ngx_str_t *text);
ngx_int_t ngx_http_wahub_redis_eval(ngx_http_wahub_redis_t *rc,
    ngx_int_t script, ngx_http_wahub_redis_pt handler, void *data,
    const ngx_str_t *argv, ngx_uint_t nkeys, ngx_uint_t argc);

/* Connected, authenticated, and answering within the watchdog's time. */
ngx_int_t ngx_http_wahub_redis_up(ngx_http_wahub_redis_t *rc);

typedef enum {
    ngx_http_wahub_redis_nil = 0,            /* also for a NULL reply      */
    ngx_http_wahub_redis_string,
    ngx_http_wahub_redis_status,
    ngx_http_wahub_redis_integer,
    ngx_http_wahub_redis_array,
    ngx_http_wahub_redis_error
} ngx_http_wahub_redis_type_e;

ngx_http_wahub_redis_type_e ngx_http_wahub_redis_type(
    ngx_http_wahub_redis_reply_t *reply);
int64_t ngx_http_wahub_redis_int(ngx_http_wahub_redis_reply_t *reply);
/* String, status or error text, borrowed; else { 0, NULL }. */
ngx_str_t ngx_http_wahub_redis_str(ngx_http_wahub_redis_reply_t *reply);
/* Array: number of elements and one of them; 0 and NULL otherwise. */
ngx_uint_t ngx_http_wahub_redis_count(ngx_http_wahub_redis_reply_t *reply);
ngx_http_wahub_redis_reply_t *ngx_http_wahub_redis_at(
    ngx_http_wahub_redis_reply_t *reply, ngx_uint_t i);


/* ---- ngx_http_wahub_call.c ---- */

/*
 * What came of a command to an account.  `code` NULL: success.  Codes are
 * those of the HTTP contract; besides the engine's own: ACCOUNT_NOT_FOUND,
 * OWNER_UNAVAILABLE, OWNER_TIMEOUT, STORE_UNAVAILABLE, SHUTTING_DOWN,
 * INTERNAL_ERROR.  All members die when the handler returns (take `data`
 * with json_incref).  On failure `data` is the details object or NULL.
 */
typedef struct {
    const char                  *code;
    const char                  *message;
    json_t                      *data;
} ngx_http_wahub_result_t;

typedef struct ngx_http_wahub_call_s  ngx_http_wahub_call_t;

typedef void (*ngx_http_wahub_call_pt)(void *data,
    const ngx_http_wahub_result_t *result);

/*
 * Runs `op` on the account, wherever its owner is.  `args` is an object or
 * NULL; the call takes its own reference.  The handler is called exactly
 * once, never from inside this function, unless the call is cancelled; the
 * handle is dead from then on.  NULL: out of memory, handler not called.
 * Cancelling forgets the answer, not the command.
 */
ngx_http_wahub_call_t *ngx_http_wahub_call(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, wa_op_e op, json_t *args, ngx_msec_t timeout,
    ngx_http_wahub_call_pt handler, void *data);
void ngx_http_wahub_call_cancel(ngx_http_wahub_call_t *call);


/* ---- ngx_http_wahub_resolve.c ---- */

#define NGX_HTTP_WAHUB_ADDRS_MAX  8

typedef struct {
    ngx_sockaddr_t               sockaddr;   /* port 0: caller sets it     */
    socklen_t                    socklen;
} ngx_http_wahub_addr_t;

typedef struct ngx_http_wahub_resolve_s  ngx_http_wahub_resolve_t;

/* n 0: not found or failed.  `addrs` dies when the handler returns. */
typedef void (*ngx_http_wahub_resolve_pt)(void *data,
    const ngx_http_wahub_addr_t *addrs, ngx_uint_t n);

/*
 * Finds the addresses of a host name or IP literal (IPv6 with or without
 * brackets) with the system's resolver, in the thread pool; answers are
 * kept about a minute.  The handler is called exactly once, never from
 * inside this function, unless cancelled.  NULL: out of memory or queue
 * full.
 */
ngx_http_wahub_resolve_t *ngx_http_wahub_resolve(ngx_http_wahub_worker_t *w,
    const ngx_str_t *host, ngx_http_wahub_resolve_pt handler, void *data);
void ngx_http_wahub_resolve_cancel(ngx_http_wahub_resolve_t *rs);


/* ---- ngx_http_wahub_job.c ---- */

/*
 * Work for the thread pool.  `run` is called in a thread with the job's
 * own copy of the data and must touch nothing else; `done` is called in
 * the loop with the same memory, which is freed when it returns.
 * ngx_http_wahub_job_data() gives zeroed memory of `size`; it is freed by
 * NGX_ERROR from ngx_http_wahub_job_post() (queue full) too.
 */
typedef void (*ngx_http_wahub_job_pt)(void *data);

void *ngx_http_wahub_job_data(ngx_http_wahub_worker_t *w, size_t size);
ngx_int_t ngx_http_wahub_job_post(void *data, ngx_http_wahub_job_pt run,
    ngx_http_wahub_job_pt done);

/* When a worker exits, after nginx has ended its thread pools: waits, 1 s at
   most, until their threads are gone.  No job is taken any more, and what
   those before had is free. */
void ngx_http_wahub_job_exit(ngx_http_wahub_worker_t *w);


/* ---- the HTTP side: api, curl, webhook ---- */

/* Content handler of every location with a group. */
ngx_int_t ngx_http_wahub_api_handler(ngx_http_request_t *r);

/* postconfiguration: filters. */
ngx_int_t ngx_http_wahub_api_postconfiguration(ngx_conf_t *cf);

/*
 * Worker start and end.  At start w->redis exists (not yet connected:
 * register scripts here), w->member is set.  NGX_ERROR: the worker runs
 * without wahub.  The exits are called in reverse order, also after a
 * start that failed; each must take NULL.
 */
ngx_int_t ngx_http_wahub_curl_init(ngx_http_wahub_worker_t *w);
ngx_int_t ngx_http_wahub_webhook_init(ngx_http_wahub_worker_t *w);
ngx_int_t ngx_http_wahub_api_init(ngx_http_wahub_worker_t *w);
void ngx_http_wahub_api_exit(ngx_http_wahub_worker_t *w);
void ngx_http_wahub_webhook_exit(ngx_http_wahub_worker_t *w);
void ngx_http_wahub_curl_exit(ngx_http_wahub_worker_t *w);

/*
 * A hook was committed (it lies in the shard's "hook" hash under
 * `event_id`, "<ms>-<seq>-<shard>"): send it.  `body` is the unified
 * payload without its "event_id".  Copies what it keeps.
 */
void ngx_http_wahub_webhook_start(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account, const ngx_str_t *url,
    const ngx_str_t *event_id, const ngx_str_t *body);

/*
 * Sends what lies pending in the shard's "hook" hash and is neither queued
 * nor in flight here already (also called when the event ids of a commit
 * are unknown, because its answer was lost).
 */
void ngx_http_wahub_webhook_recover(ngx_http_wahub_worker_t *w,
    ngx_uint_t shard);

/* The shard is another's now: forget what is queued for it. */
void ngx_http_wahub_webhook_forget(ngx_http_wahub_worker_t *w,
    ngx_uint_t shard);

/* Those of one account. */
ngx_uint_t ngx_http_wahub_webhook_pending(ngx_http_wahub_worker_t *w,
    const ngx_str_t *account);

/* Deliveries queued or in flight; a leaving worker waits for 0. */
ngx_uint_t ngx_http_wahub_webhook_inflight(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_H */
