/*
 * The HTTP API: one context per request and the few ways a row of the
 * contract waits for something and answers.
 *
 * A request runs as a chain of functions, each of which ends by starting
 * exactly one thing: a Redis command, a call to an account, a timer, a
 * lookup, or the answer.  After that the context must not be touched: the
 * answer may have freed it.
 */
#ifndef NGX_HTTP_WAHUB_API_H
#define NGX_HTTP_WAHUB_API_H

#include "ngx_http_wahub.h"

#include "wa_jid.h"


#define NGX_HTTP_WAHUB_PARAMS_MAX   2
#define NGX_HTTP_WAHUB_CALL_TIMEOUT 10000       /* ms, account commands  */
#define NGX_HTTP_WAHUB_UUID_LEN     WA_ACCOUNT_ID_LEN

/* Which account a row works on, found before its handler runs. */
#define NGX_HTTP_WAHUB_ACCOUNT_NONE    0
#define NGX_HTTP_WAHUB_ACCOUNT_PATH    1        /* first path parameter  */
#define NGX_HTTP_WAHUB_ACCOUNT_SELECT  2        /* contract section 1    */
#define NGX_HTTP_WAHUB_ACCOUNT_KIND    3        /* mask of the above     */
#define NGX_HTTP_WAHUB_ACCOUNT_BRIEF   4        /* the row needs no view */
#define NGX_HTTP_WAHUB_ACCOUNT_UPLOAD  8        /* the row takes files   */


typedef struct ngx_http_wahub_ctx_s    ngx_http_wahub_ctx_t;
typedef struct ngx_http_wahub_route_s  ngx_http_wahub_route_t;
typedef struct ngx_http_wahub_wait_s   ngx_http_wahub_wait_t;
typedef struct ngx_http_wahub_upload_s ngx_http_wahub_upload_t;

typedef void (*ngx_http_wahub_row_pt)(ngx_http_wahub_ctx_t *ctx);

/* `reply` is neither NULL nor an error: those were answered already. */
typedef void (*ngx_http_wahub_reply_pt)(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
/* `result` of a call that succeeded or failed. */
typedef void (*ngx_http_wahub_result_pt)(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);


/* One row of the HTTP contract. */
struct ngx_http_wahub_route_s {
    ngx_uint_t                      method;     /* NGX_HTTP_GET, ...     */
    ngx_str_t                       path;       /* "/api/accounts/{id}"  */
    ngx_uint_t                      group;      /* GROUP_*               */
    ngx_uint_t                      access;     /* ACCESS_*              */
    ngx_uint_t                      account;    /* ACCOUNT_*             */
    ngx_http_wahub_row_pt           handler;
    ngx_int_t                       arg;        /* the handler's         */
    const char                     *about;
};


struct ngx_http_wahub_ctx_s {
    ngx_http_wahub_vars_t           vars;       /* must be first         */

    ngx_http_request_t             *request;
    ngx_http_wahub_loc_conf_t      *conf;
    ngx_http_wahub_worker_t        *worker;     /* NULL: no wahub here   */

    const ngx_http_wahub_route_t   *route;
    ngx_str_t                       path;       /* without a "/v1"       */
    ngx_str_t                       params[NGX_HTTP_WAHUB_PARAMS_MAX];
    ngx_uint_t                      allow;      /* methods of the path   */

    ngx_uint_t                      access;     /* ACCESS_* of the caller */
    json_t                         *body;       /* object, or NULL       */
    ngx_str_t                       raw;        /* its text              */
    ngx_http_wahub_upload_t        *upload;     /* files of the body, or
                                                   NULL                  */
    json_t                         *idem;       /* Idempotency-Key, until it
                                                   goes with a command   */
    ngx_http_wahub_row_pt           idem_next;  /* of an upload: answers
                                                   with the rows kept    */
    ngx_str_t                       first_id;   /* request whose answer is
                                                   given again           */

    json_t                         *view;       /* the row's account;
                                                   NULL: BRIEF, held here */
    ngx_str_t                       session;    /* its session_id        */
    ngx_str_t                       phone;      /* its number; len 0 none */
    ngx_str_t                       ref;        /* being looked up       */
    ngx_http_wahub_row_pt           next;       /* after a lookup        */
    void                          (*views_handler)(ngx_http_wahub_ctx_t *ctx,
                                                   json_t *views);

    ngx_http_wahub_wait_t          *wait;       /* Redis, list           */
    ngx_http_wahub_call_t          *call;
    ngx_http_wahub_result_pt        call_handler;
    ngx_event_t                     timer;
    ngx_http_wahub_row_pt           timer_handler;
    ngx_http_wahub_row_pt           store_failed;       /* NULL: 503     */
    void                           *state;      /* the row's own, r->pool */
    json_t                         *args;       /* ditto, a reference    */

    ngx_str_t                       origin;     /* to echo, or "*"       */
    ngx_uint_t                      retry_after;        /* s; 0: none    */
    ngx_int_t                       total;      /* X-Total-Count; -1 none */
    ngx_str_t                       link;       /* Link header           */
    ngx_str_t                       cache;      /* Cache-Control; len 0:
                                                   no-store              */
    ngx_chain_t                    *replaced;   /* body for nginx's own
                                                   error answers         */
    unsigned                        credentials:1;      /* CORS          */
    unsigned                        preflight:1;
    unsigned                        answered:1; /* by us, not by nginx   */
    unsigned                        conflict:1; /* see _body_get()       */
    unsigned                        replayed:1; /* a stored answer       */
};


/* Scripts and the start of this worker. */
struct ngx_http_wahub_api_s {
    ngx_int_t                       reserve;
    ngx_int_t                       unreserve;
    ngx_int_t                       view;
    time_t                          started;
    ngx_msec_t                      began;      /* the same, monotonic   */
    ngx_uint_t                      settled;    /* it is over            */
};


static ngx_inline ngx_http_wahub_ctx_t *
ngx_http_wahub_api_ctx(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_wahub_module);
}


/* ---- context (api.c) ---- */

/* The request's context, made at the first use.  NULL: out of memory. */
ngx_http_wahub_ctx_t *ngx_http_wahub_api_open(ngx_http_request_t *r);


/* ---- answers (answer.c): each ends the request ---- */

/* Takes the reference of `json`.  NULL `json`: 500. */
void ngx_http_wahub_answer(ngx_http_wahub_ctx_t *ctx, ngx_uint_t status,
    json_t *json);

/* {"success":true,"message":...}, 200 */
void ngx_http_wahub_answer_done(ngx_http_wahub_ctx_t *ctx,
    const char *message);

/* The same beside what a command gave; its error if it gave that. */
void ngx_http_wahub_answer_done_with(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result, const char *message);

/* What a command gave, 200: as it is, or as {"success":true,"data":...};
   its error if it gave that. */
void ngx_http_wahub_answer_result(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
void ngx_http_wahub_answer_data(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);

/* `body` is taken over (and left empty) whatever happens. */
void ngx_http_wahub_answer_bytes(ngx_http_wahub_ctx_t *ctx,
    const char *content_type, wa_buf_t *body);

/* 204 without a body. */
void ngx_http_wahub_answer_empty(ngx_http_wahub_ctx_t *ctx);

/*
 * The same without ngx_http_finalize_request(): for a content handler
 * that returns the code.  Takes the reference of `json`.
 */
ngx_int_t ngx_http_wahub_answer_send(ngx_http_wahub_ctx_t *ctx,
    ngx_uint_t status, json_t *json);


/* ---- waiting (wait.c): each ends the running function ---- */

/*
 * Redis away, an error answer, or silence of two seconds: by itself 503
 * STORE_UNAVAILABLE, or ctx->store_failed.
 */
void ngx_http_wahub_wait_redis(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_reply_pt handler, const ngx_str_t *argv, ngx_uint_t argc);
void ngx_http_wahub_wait_eval(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_reply_pt handler, ngx_int_t script,
    const ngx_str_t *argv, ngx_uint_t nkeys, ngx_uint_t argc);

void ngx_http_wahub_wait_failed(ngx_http_wahub_ctx_t *ctx);

/* `op` on the account of ctx->vars.account.  Takes the reference `args`. */
void ngx_http_wahub_wait_call(ngx_http_wahub_ctx_t *ctx, wa_op_e op,
    json_t *args, ngx_msec_t timeout, ngx_http_wahub_result_pt handler);

/* The same for a verb of WA_OP_QUERY: its args are ctx->args. */
void ngx_http_wahub_wait_query(ngx_http_wahub_ctx_t *ctx, const char *verb,
    ngx_msec_t timeout, ngx_http_wahub_result_pt handler);

void ngx_http_wahub_wait_timer(ngx_http_wahub_ctx_t *ctx, ngx_msec_t delay,
    ngx_http_wahub_row_pt handler);

/*
 * Runs `handler` in the name of the request, then what nginx queued
 * meanwhile.  For callbacks of other files that hold a context.
 */
void ngx_http_wahub_wait_resume(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt handler);

/* Forgets everything the request waits for.  Idempotent. */
void ngx_http_wahub_wait_cancel(ngx_http_wahub_ctx_t *ctx);


/* ---- query (query.c) ---- */

/*
 * Decoded value of a query argument, first occurrence.  NGX_OK,
 * NGX_DECLINED absent, NGX_ERROR malformed escape or out of memory.
 */
ngx_int_t ngx_http_wahub_query(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/*
 * Integer argument, `value` untouched when absent.  NGX_ERROR: not a
 * number in min..max (the caller answers INVALID_PARAMETER).
 */
ngx_int_t ngx_http_wahub_query_int(ngx_http_request_t *r, const char *name,
    ngx_int_t min, ngx_int_t max, ngx_int_t *value);

/* true|false|1|0 */
ngx_int_t ngx_http_wahub_query_bool(ngx_http_request_t *r, const char *name,
    ngx_uint_t *value);

/*
 * The address in part `i` of the path, which `is` (NULL: any) holds of, as
 * text.  NGX_ERROR: answered, as "This is not the address of <what>".
 */
ngx_int_t ngx_http_wahub_path_jid(ngx_http_wahub_ctx_t *ctx, ngx_uint_t i,
    bool (*is)(const wa_jid_t *jid), const char *what,
    char text[WA_JID_TEXT_MAX + 1]);

/* First request header of that name (lower case), or NULL. */
ngx_str_t *ngx_http_wahub_header(ngx_http_request_t *r, const char *name);


/* ---- small helpers ---- */

static ngx_inline ngx_str_t
ngx_http_wahub_cstr(const char *s)
{
    ngx_str_t  str;

    str.data = (u_char *) s;
    str.len = ngx_strlen(s);

    return str;
}


static ngx_inline ngx_uint_t
ngx_http_wahub_str_eq(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/* Text of a JSON string, borrowed; { 0, NULL } for anything else. */
ngx_str_t ngx_http_wahub_json_str(const json_t *json);

/* The 32 bytes that member `name` of the object has in base64, copied to
   `out`; 0 when it has not. */
ngx_uint_t ngx_http_wahub_json_key(const json_t *o, const char *name,
    u_char out[32]);

/* A JSON string of `s`, which must be UTF-8; NULL otherwise. */
json_t *ngx_http_wahub_json_text(const ngx_str_t *s);

/* Now, or a Unix time in ms, as "2025-01-20T10:05:00.000Z". */
json_t *ngx_http_wahub_json_iso(int64_t ms);

#endif /* NGX_HTTP_WAHUB_API_H */
