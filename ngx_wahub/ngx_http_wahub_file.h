/*
 * Media on disk.  Below wahub_media_path:
 *
 *     .tmp/<32 hex>                        being written
 *     <tenant>/YYYY/MM/DD/<sha256>.<ext>   kept: one for each content
 *     <tenant>/YYYY/MM/DD/<sha256>.thumb.jpg
 *
 * A file gets its name in the store only when it is whole and on the disk;
 * the row of wa_media that names it is written after that.
 *
 * Everything here blocks and is called from thread jobs, unless it says
 * "loop".
 */
#ifndef NGX_HTTP_WAHUB_FILE_H
#define NGX_HTTP_WAHUB_FILE_H

#include "ngx_http_wahub.h"

#include "wa_archive_media.h"
#include "wa_mime.h"


#define NGX_HTTP_WAHUB_FILE_NAME   48       /* ".tmp/<32 hex>", NUL       */
#define NGX_HTTP_WAHUB_FILE_CHUNK  65536
#define NGX_HTTP_WAHUB_FILE_HASH   32
#define NGX_HTTP_WAHUB_FILE_PATH   96       /* "YYYY/MM/DD/...", NUL      */


/*
 * A file that is not kept yet.  All zero is none; ended by _keep() or
 * _drop().  It belongs to one job, or to the loop, at a time.
 */
typedef struct {
    ngx_http_wahub_files_t   *files;        /* NULL: none                 */
    ngx_fd_t                  fd;           /* read and write             */
    u_char                    name[NGX_HTTP_WAHUB_FILE_NAME];
    void                     *digest;       /* of what was written so far */

    uint64_t                  size;
    u_char                    sha256[NGX_HTTP_WAHUB_FILE_HASH];
    char                      mime[WA_MIME_MAX];
    int64_t                   width;        /* pixels; -1: not known      */
    int64_t                   height;
    int64_t                   duration;     /* s; -1: not known           */
    wa_buf_t                  thumb;        /* JPEG, empty: none          */
    char                      hash[2 * NGX_HTTP_WAHUB_FILE_HASH + 1];
    char                      path[NGX_HTTP_WAHUB_FILE_PATH];
    char                      thumb_path[NGX_HTTP_WAHUB_FILE_PATH];
    unsigned                  hashed:1;     /* sha256 is that of the file */
    unsigned                  examined:1;
} ngx_http_wahub_file_t;


/* Loop, worker start.  Without wahub_media_path _create() gives
   WA_ERR_STATE. */
ngx_int_t ngx_http_wahub_file_init(ngx_http_wahub_worker_t *w);

/* NULL-safe.  Thread jobs have ended. */
void ngx_http_wahub_file_exit(ngx_http_wahub_worker_t *w);

/*
 * An empty file in the store's file system.  WA_ERR_IO, WA_ERR_FULL,
 * WA_ERR_NOMEM, WA_ERR_STATE.
 */
wa_err_t ngx_http_wahub_file_create(ngx_http_wahub_files_t *files,
    ngx_http_wahub_file_t *f);

/* Appends.  WA_ERR_IO, WA_ERR_FULL. */
wa_err_t ngx_http_wahub_file_write(ngx_http_wahub_file_t *f,
    wa_span_t bytes);

/* Appends base64 text, plain or a data URL (its type goes to f->mime unless
   that is set), either alphabet, padded or not.  Also WA_ERR_SYNTAX. */
wa_err_t ngx_http_wahub_file_write_base64(ngx_http_wahub_file_t *f,
    wa_span_t text);

/*
 * Brings what was written to the disk and finds out what it is: size, hash
 * (unless f->hashed: who wrote through f->fd by himself says both), f->mime
 * (unless set: from the content, then from `filename`), dimensions and a
 * thumbnail of a picture, the duration of a voice note (Opus in Ogg).  What
 * cannot be read has none of them.
 * WA_ERR_IO, WA_ERR_FULL, WA_ERR_NOMEM.
 */
wa_err_t ngx_http_wahub_file_examine(ngx_http_wahub_file_t *f,
    wa_span_t filename);

/*
 * Moves an examined file into the store (one that has this content already
 * is used instead) and makes the row DOWNLOADED: m->id, m->tenant and
 * m->created_ms are required; a row with this id is changed, otherwise `m`
 * is added.  Sets m->path, hash, thumb, mime, size, width, height, duration,
 * spans into `f`'s text, valid until _drop().  May be called again after an
 * error, as a job of ngx_http_wahub_sql_read() is.  Errors of wa_sql.h.
 */
wa_err_t ngx_http_wahub_file_keep(wa_sql_t *db, ngx_http_wahub_file_t *f,
    wa_media_t *m);

/* Closes it, and removes it if it was not kept.  Any thread; repeatable. */
void ngx_http_wahub_file_drop(ngx_http_wahub_file_t *f);

/*
 * Opens what a row names, m->path or m->thumb, for reading: a regular file
 * below the tenant's folder, no link on the way.  WA_ERR_GONE: it is not
 * there.  WA_ERR_IO.
 */
wa_err_t ngx_http_wahub_file_open(ngx_http_wahub_files_t *files,
    wa_span_t tenant, wa_span_t path, ngx_fd_t *fd, struct stat *st);

#endif /* NGX_HTTP_WAHUB_FILE_H */
