/*
 * Rows that are answered from the history database: the query goes to a
 * thread, which gives back the whole body of the answer.
 */
#ifndef NGX_HTTP_WAHUB_HISTORY_H
#define NGX_HTTP_WAHUB_HISTORY_H

#include "ngx_http_wahub_page.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_wait.h"

#include "wa_archive.h"
#include "wa_archive_media.h"


/* Longest id of a message that is looked for. */
#define NGX_HTTP_WAHUB_HISTORY_ID_MAX  256

/* Takes what is in `body` and goes on with the request. */
typedef void (*ngx_http_wahub_history_pt)(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);

/* One query and its answer.  Heap, its own memory: outlives the request. */
typedef struct {
    ngx_http_wahub_wait_t        wait;       /* must be first            */
    ngx_pool_t                  *pool;       /* texts of the query       */
    wa_archive_query_t           q;
    wa_span_t                    ref;        /* of one message or chat   */
    json_t                      *extra;      /* members of the answer, or
                                                what is asked about      */
    const char                  *missing;    /* error code               */
    ngx_http_wahub_history_pt    then;       /* NULL: the answer is sent */
    wa_media_links_t             links;

    wa_archive_page_t            page;       /* items taken out          */
    wa_buf_t                     body;       /* empty: there is none     */
    unsigned                     list:1;
} ngx_http_wahub_history_t;


/*
 * Reads ?account= (and ?session_id=), then runs `next`, with the account
 * looked up; answers errors by itself.
 */
void ngx_http_wahub_history_account(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next);

/* Empty but for tenant, account and, with `page`, what it says. */
void ngx_http_wahub_history_query(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_page_t *page, wa_archive_query_t *q);

/*
 * Runs the query (thread: `run`, with a ngx_http_wahub_history_t) and
 * answers; ends the running function.  Copies `q` and `ref`; takes the
 * reference `extra`.  `missing` is the error code when there is no body.
 */
void ngx_http_wahub_history_start(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    const char *missing, ngx_http_wahub_sql_pt run);

/* A list by `jid`, `before` and `after`; ctx->state is its page. */
void ngx_http_wahub_history_of_person(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_sql_pt run);

/* The row of an address in the path, to `then`, empty: there is none; a
   malformed address is answered. */
void ngx_http_wahub_history_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then);

/* The same with a reference, whose answer goes to `then`; without `missing`
   also an empty one. */
void ngx_http_wahub_history_then(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, const char *missing,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then);

/* The same with something for `run` to work on, h->extra.  Takes that
   reference. */
void ngx_http_wahub_history_over(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q, const ngx_str_t *ref, json_t *extra,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then);

/*
 * What is told of is in the history a moment later: runs `find` again after
 * 60 and 240 ms, then answers `missing`.  Counts in ctx->args, which it makes
 * when there are none.  Ends the running function.
 */
void ngx_http_wahub_history_again(ngx_http_wahub_ctx_t *ctx,
    const char *missing, ngx_http_wahub_row_pt find);

/* Answers with the row; an empty `body` is looked for as above.  Takes what
   `body` has. */
void ngx_http_wahub_history_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body,
    const char *missing, ngx_http_wahub_row_pt find);

/* Thread: messages (an object or an array) learn of their media. */
wa_err_t ngx_http_wahub_history_media(wa_sql_t *db,
    ngx_http_wahub_history_t *h, json_t *messages);

/* Thread: `json` becomes the body.  Takes the reference. */
wa_err_t ngx_http_wahub_history_body(ngx_http_wahub_history_t *h,
    json_t *json);

/* Thread: a page of a list becomes the body (envelope L); takes its items. */
wa_err_t ngx_http_wahub_history_list(ngx_http_wahub_history_t *h);

/* Reads a page and does that; `data` is a ngx_http_wahub_history_t. */
wa_err_t ngx_http_wahub_history_page(wa_sql_t *db, void *data,
    wa_err_t (*list)(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out));


/* A filter whose value is one of a few words, or free text. */
typedef struct {
    const char                 *name;
    const char *const          *words;       /* NULL: any text           */
    size_t                      offset;      /* in wa_archive_query_t    */
} ngx_http_wahub_filter_t;

/* Query arguments into `q`.  NGX_ERROR: answered. */
ngx_int_t ngx_http_wahub_history_filters(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_filter_t *filter, wa_archive_query_t *q);
ngx_int_t ngx_http_wahub_history_flag(ngx_http_wahub_ctx_t *ctx,
    const char *name, int *flag);

/* An address, and a time in unix seconds.  NGX_ERROR: answered. */
ngx_int_t ngx_http_wahub_history_jid(ngx_http_wahub_ctx_t *ctx,
    const char *name, wa_span_t *span);
ngx_int_t ngx_http_wahub_history_time(ngx_http_wahub_ctx_t *ctx,
    const char *name, int64_t *time);

/* Refuses filters of the contract that there are none of. */
ngx_int_t ngx_http_wahub_history_absent(ngx_http_wahub_ctx_t *ctx,
    const char *const *names);

#endif /* NGX_HTTP_WAHUB_HISTORY_H */
