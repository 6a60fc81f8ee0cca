/*
 * History on its way in, shared between its files.
 */
#ifndef NGX_HTTP_WAHUB_HISTORY_IN_INT_H
#define NGX_HTTP_WAHUB_HISTORY_IN_INT_H

#include "ngx_http_wahub_history_in.h"
#include "ngx_http_wahub_wire.h"

#include "wa_history.h"


#define NGX_HTTP_WAHUB_HISTORY_CALL  30000          /* ms                */


struct ngx_http_wahub_history_in_s {
    ngx_http_wahub_worker_t       *worker;
    ngx_queue_t                    accounts;
    ngx_uint_t                     running;
};

/* An account with history. */
typedef struct ngx_http_wahub_taking_s  ngx_http_wahub_taking_t;

struct ngx_http_wahub_taking_s {
    ngx_queue_t                    queue;
    ngx_http_wahub_history_in_t   *all;
    ngx_event_t                    event;       /* posted, and a timer   */
    json_t                        *piece;       /* answer of history.next */
    wa_history_t                  *history;
    ngx_http_wahub_pull_t          pull;
    wa_buf_t                       bytes;       /* came in the message   */
    wa_err_t                       err;
    ngx_http_wahub_wire_e          result;
    ngx_uint_t                     tries;
    u_char                         id[WA_ACCOUNT_ID_LEN + 1];
    unsigned                       running:1;
    unsigned                       again:1;     /* offered meanwhile     */
    unsigned                       lost:1;      /* begin again later     */
    unsigned                       phoned:1;
    unsigned                       written:1;
};

typedef struct {
    ngx_http_wahub_taking_t       *taking;
} ngx_http_wahub_taking_job_t;


/* Takes the reference of `args`.  Only of an account that is held here: who
   holds it elsewhere does the same there. */
ngx_int_t ngx_http_wahub_taking_ask(ngx_http_wahub_taking_t *t, json_t *args,
    ngx_msec_t timeout, ngx_http_wahub_call_pt handler);

/* A thread job; its data is a ngx_http_wahub_taking_job_t. */
void ngx_http_wahub_taking_start(ngx_http_wahub_taking_t *t,
    ngx_http_wahub_job_pt run, ngx_http_wahub_job_pt done);

/* Fetches the file (ngx_http_wahub_history_file.c). */
void ngx_http_wahub_taking_file(ngx_http_wahub_taking_t *t);

/* Its bytes are there. */
void ngx_http_wahub_taking_open(ngx_http_wahub_taking_t *t);

/* `again`: it is not the piece's fault; `retry` 0: it will never be good. */
void ngx_http_wahub_taking_failed(ngx_http_wahub_taking_t *t,
    const char *why, ngx_uint_t again, ngx_uint_t retry);

/* Without a word to the account. */
void ngx_http_wahub_taking_end(ngx_http_wahub_taking_t *t);

#endif /* NGX_HTTP_WAHUB_HISTORY_IN_INT_H */
