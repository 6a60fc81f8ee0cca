/*
 * What the files of the media store share.
 */
#ifndef NGX_HTTP_WAHUB_FILE_INT_H
#define NGX_HTTP_WAHUB_FILE_INT_H

#include "ngx_http_wahub_file.h"


/* Of a worker; `mime` is made by the first job that needs it. */
struct ngx_http_wahub_files_s {
    ngx_str_t            root;       /* NUL-terminated; len 0: none      */
    ngx_thread_mutex_t   mutex;      /* of `mime`                        */
    wa_mime_t           *mime;
    unsigned             locked:1;   /* there is a mutex                 */
    unsigned             vague:1;    /* libmagic has no data base        */
};


/*
 * A folder below the root, "" the root itself, found by steps that follow no
 * link.  With `make` what is missing is made.  -1: ngx_errno says why.
 */
int ngx_http_wahub_file_folder(ngx_http_wahub_files_t *files,
    const char *path, ngx_uint_t make);

/* Of a system call on the store's files; that there is no room is noted. */
wa_err_t ngx_http_wahub_file_error(ngx_err_t err);

#endif /* NGX_HTTP_WAHUB_FILE_INT_H */
