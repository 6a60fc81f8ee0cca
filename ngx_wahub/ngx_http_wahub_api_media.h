/*
 * What the rows of media share: a look at wa_media in a thread.
 */
#ifndef NGX_HTTP_WAHUB_API_MEDIA_H
#define NGX_HTTP_WAHUB_API_MEDIA_H

#include "ngx_http_wahub_file.h"
#include "ngx_http_wahub_sql.h"
#include "ngx_http_wahub_wait.h"

#include "wa_archive_media.h"


#define NGX_HTTP_WAHUB_LOOK_REF_MAX  255


typedef struct ngx_http_wahub_look_s  ngx_http_wahub_look_t;

/* Loop, with the request: `m` is whole, and ends when this returns. */
typedef void (*ngx_http_wahub_look_pt)(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);

/* One look.  Heap, outlives the request. */
struct ngx_http_wahub_look_s {
    ngx_http_wahub_wait_t     wait;          /* must be first            */
    ngx_http_wahub_look_pt   answer;
    ngx_http_wahub_files_t   *files;
    wa_media_links_t          links;
    char                      tenant[NGX_HTTP_WAHUB_LOOK_REF_MAX + 1];
    char                      account[NGX_HTTP_WAHUB_LOOK_REF_MAX + 1];
    char                      ref[NGX_HTTP_WAHUB_LOOK_REF_MAX + 1];
    unsigned                  by_message:1;  /* `ref` is a message's id  */
    unsigned                  open:1;        /* the file, too            */
    unsigned                  thumb:1;       /* not it but its thumbnail */
    unsigned                  both:1;        /* the thumbnail's bytes too */

    wa_media_t                row;           /* id.p NULL: none          */
    json_t                   *json;          /* what `run` made of it    */
    ngx_fd_t                  fd;            /* -1: not there            */
    struct stat               st;
    wa_buf_t                  picture;       /* JPEG; empty: none        */
};


/*
 * Runs `run` (thread, with a ngx_http_wahub_look_t) or, if NULL, the look
 * for `ref`, then `answer`; answers errors by itself; ends the running
 * function.  `tenant` len 0: any; `ref` NULL: none.
 */
void ngx_http_wahub_look_start(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *tenant, const ngx_str_t *ref, ngx_uint_t flags,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_look_pt answer);

#define NGX_HTTP_WAHUB_LOOK_BY_MESSAGE  1
#define NGX_HTTP_WAHUB_LOOK_OPEN        2
#define NGX_HTTP_WAHUB_LOOK_THUMB       4
#define NGX_HTTP_WAHUB_LOOK_BOTH        8

/* Thread: the Media object of a row with its links; NULL: out of memory. */
json_t *ngx_http_wahub_look_json(ngx_http_wahub_look_t *m,
    const wa_media_t *row);

/* Sends the open file and takes it over (api_media_send.c). */
void ngx_http_wahub_look_send(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_look_t *m);

#endif /* NGX_HTTP_WAHUB_API_MEDIA_H */
