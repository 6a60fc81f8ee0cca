/*
 * Media to and from WhatsApp for accounts, wherever their owner is.
 */
#ifndef NGX_HTTP_WAHUB_MEDIA_H
#define NGX_HTTP_WAHUB_MEDIA_H

#include "ngx_http_wahub.h"
#include "ngx_http_wahub_wire.h"


/* ---- out ---- */

typedef struct ngx_http_wahub_media_out_s  ngx_http_wahub_media_out_t;

/*
 * `code` NULL: `media` has what a message needs, under the names of a send's
 * arguments: kind, direct_path, url, media_key, file_sha256,
 * file_enc_sha256, file_length, media_key_timestamp, handle, waveform.
 * Otherwise a code of the HTTP contract and a sentence.  All die when it
 * returns.
 */
typedef void (*ngx_http_wahub_media_out_pt)(void *data, const char *code,
    const char *message, json_t *media);

/*
 * Encrypts and uploads the file, which it closes, also after an error.
 * Flags as below.  The handler is called once, never from inside this
 * function, unless cancelled.  NULL: out of memory, or the thread pool takes
 * no more.
 */
ngx_http_wahub_media_out_t *ngx_http_wahub_media_upload(
    ngx_http_wahub_worker_t *w, const ngx_str_t *account, wa_media_e kind,
    ngx_uint_t flags, ngx_fd_t fd, ngx_http_wahub_media_out_pt handler,
    void *data);

#define NGX_HTTP_WAHUB_MEDIA_BARE   1   /* not encrypted: newsletters    */
#define NGX_HTTP_WAHUB_MEDIA_VOICE  2   /* with the waveform of its Opus */

void ngx_http_wahub_media_out_cancel(ngx_http_wahub_media_out_t *out);

/* Ends all of w->uploads, OWNER_UNAVAILABLE.  No thread is left. */
void ngx_http_wahub_media_out_exit(ngx_http_wahub_worker_t *w);


/* ---- in ---- */

typedef struct ngx_http_wahub_media_in_s  ngx_http_wahub_media_in_t;

/* `error` NULL: the file is in the store and its row says so. */
typedef void (*ngx_http_wahub_media_in_pt)(void *data, const char *error);

/*
 * Downloads what a row of wa_media describes, asks the phone when the servers
 * do not have it, puts it into the store, settles the row and tells the
 * account (media.ready, media.failed).  Takes `row` over and leaves it
 * empty.  `asked`: somebody wants it now, whatever its size.  The handler
 * (may be NULL) as above.  NULL: out of memory; the row is lost for the
 * caller all the same.
 */
ngx_http_wahub_media_in_t *ngx_http_wahub_media_fetch(
    ngx_http_wahub_worker_t *w, wa_media_t *row, ngx_uint_t asked,
    ngx_http_wahub_media_in_pt handler, void *data);

/* The transfer goes on, without its handler. */
void ngx_http_wahub_media_in_forget(ngx_http_wahub_media_in_t *in);

/* Ends all of w->downloads, as failed.  No thread is left. */
void ngx_http_wahub_media_in_exit(ngx_http_wahub_worker_t *w);


/* ---- what came with messages ---- */

ngx_int_t ngx_http_wahub_media_init(ngx_http_wahub_worker_t *w);
void ngx_http_wahub_media_exit(ngx_http_wahub_worker_t *w);     /* NULL-safe */

/* There may be new rows of shards held here: fetches them, a few at a
   time. */
void ngx_http_wahub_media_look(ngx_http_wahub_worker_t *w);

#endif /* NGX_HTTP_WAHUB_MEDIA_H */
