/*
 * Files of the media store, see ngx_http_wahub_file.h.
 */
#include "ngx_http_wahub_file_int.h"
#include "ngx_http_wahub_space.h"

#include "wa_b64.h"
#include "wa_crypto.h"

#include <dirent.h>
#include <openssl/evp.h>


#define NGX_HTTP_WAHUB_FILE_TEMP      ".tmp"
#define NGX_HTTP_WAHUB_FILE_TEMP_AGE  86400     /* s: its writer is gone  */


static void ngx_http_wahub_file_sweep(void *data);
static void ngx_http_wahub_file_swept(void *data);


typedef struct {
    ngx_http_wahub_files_t  *files;
} ngx_http_wahub_sweep_t;


ngx_int_t
ngx_http_wahub_file_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_files_t  *files;
    ngx_http_wahub_sweep_t  *sweep;

    files = ngx_calloc(sizeof(ngx_http_wahub_files_t), w->log);
    if (files == NULL) {
        return NGX_ERROR;
    }

    w->files = files;
    files->root = w->conf->media_path;

    if (files->root.len == 0) {
        return NGX_OK;
    }

    if (ngx_thread_mutex_create(&files->mutex, w->log) != NGX_OK) {
        return NGX_ERROR;
    }

    files->locked = 1;

    sweep = ngx_http_wahub_job_data(w, sizeof(ngx_http_wahub_sweep_t));

    if (sweep != NULL) {
        sweep->files = files;
        (void) ngx_http_wahub_job_post(sweep, ngx_http_wahub_file_sweep,
                                       ngx_http_wahub_file_swept);
    }

    return NGX_OK;
}


void
ngx_http_wahub_file_exit(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_files_t  *files = w->files;

    if (files == NULL) {
        return;
    }

    wa_mime_free(files->mime);

    if (files->locked) {
        (void) ngx_thread_mutex_destroy(&files->mutex, w->log);
    }

    ngx_free(files);
    w->files = NULL;
}


/* -- thread -------------------------------------------------------------- */

/* What a crash left behind. */
static void
ngx_http_wahub_file_sweep(void *data)
{
    DIR                     *dir;
    int                      fd;
    struct stat              st;
    struct dirent           *entry;
    ngx_http_wahub_sweep_t  *sweep = data;

    fd = ngx_http_wahub_file_folder(sweep->files, NGX_HTTP_WAHUB_FILE_TEMP,
                                    1);
    if (fd == -1) {
        return;
    }

    dir = fdopendir(fd);
    if (dir == NULL) {
        (void) close(fd);
        return;
    }

    for ( ;; ) {
        entry = readdir(dir);
        if (entry == NULL) {
            break;
        }

        if (entry->d_name[0] != '.'
            && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(st.st_mode)
            && time(NULL) - st.st_mtime > NGX_HTTP_WAHUB_FILE_TEMP_AGE)
        {
            (void) unlinkat(fd, entry->d_name, 0);
        }
    }

    (void) closedir(dir);
}


static void
ngx_http_wahub_file_swept(void *data)
{
}


wa_err_t
ngx_http_wahub_file_create(ngx_http_wahub_files_t *files,
    ngx_http_wahub_file_t *f)
{
    int     dir;
    u_char  random[16], name[2 * sizeof(random) + 1];

    if (files->root.len == 0) {
        return WA_ERR_STATE;
    }

    ngx_memzero(f, sizeof(ngx_http_wahub_file_t));
    f->fd = -1;
    f->width = -1;
    f->height = -1;
    f->duration = -1;

    wa_random(random, sizeof(random));
    *ngx_hex_dump(name, random, sizeof(random)) = '\0';

    dir = ngx_http_wahub_file_folder(files, NGX_HTTP_WAHUB_FILE_TEMP, 1);
    if (dir == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    f->fd = openat(dir, (char *) name,
                   O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (f->fd == -1) {
        (void) close(dir);
        return ngx_http_wahub_file_error(ngx_errno);
    }

    (void) close(dir);

    f->files = files;
    *ngx_sprintf(f->name, NGX_HTTP_WAHUB_FILE_TEMP "/%s", name) = '\0';

    f->digest = EVP_MD_CTX_new();

    if (f->digest == NULL
        || EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL) != 1)
    {
        ngx_http_wahub_file_drop(f);
        return WA_ERR_NOMEM;
    }

    return WA_OK;
}


wa_err_t
ngx_http_wahub_file_write(ngx_http_wahub_file_t *f, wa_span_t bytes)
{
    size_t   done;
    ssize_t  n;

    for (done = 0; done < bytes.n; done += (size_t) n) {
        n = write(f->fd, bytes.p + done, bytes.n - done);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return ngx_http_wahub_file_error(ngx_errno);
        }
    }

    f->size += bytes.n;

    return EVP_DigestUpdate(f->digest, bytes.p, bytes.n) == 1 ? WA_OK
                                                              : WA_ERR_NOMEM;
}


/* The standard alphabet, also for text in the other one and with breaks. */
static size_t
ngx_http_wahub_file_letters(wa_span_t *text, u_char *out, size_t room)
{
    size_t  n;
    u_char  ch;

    for (n = 0; n < room && text->n > 0; text->p++, text->n--) {
        ch = *text->p;

        if (ch == '=' || ch == '\r' || ch == '\n') {
            continue;
        }

        out[n++] = (ch == '-') ? '+' : (ch == '_') ? '/' : ch;
    }

    return n;
}


wa_err_t
ngx_http_wahub_file_write_base64(ngx_http_wahub_file_t *f, wa_span_t text)
{
    size_t    n, colon;
    u_char    letters[4096];
    wa_err_t  rc;
    wa_buf_t  bytes;

    ngx_memzero(&bytes, sizeof(wa_buf_t));

    /* data:image/png;base64,... */

    if (text.n > 5 && ngx_strncasecmp((u_char *) text.p, (u_char *) "data:",
                                      5) == 0)
    {
        for (colon = 5; colon < text.n && text.p[colon] != ','; colon++) {
            /* void */
        }

        if (colon == text.n || colon < 5 + 7
            || ngx_memcmp(text.p + colon - 7, ";base64", 7) != 0)
        {
            return WA_ERR_SYNTAX;
        }

        if (f->mime[0] == '\0') {
            (void) wa_mime_parse(wa_span(text.p + 5, colon - 7 - 5),
                                 f->mime);
        }

        text = wa_span(text.p + colon + 1, text.n - colon - 1);
    }

    /* padding may only end it */

    for (n = text.n; n > 0 && text.p[n - 1] == '='; n--) { /* void */ }

    if (text.n - n > 2
        || ngx_strlchr((u_char *) text.p, (u_char *) text.p + n, '=')
           != NULL)
    {
        return WA_ERR_SYNTAX;
    }

    do {
        n = ngx_http_wahub_file_letters(&text, letters, sizeof(letters) - 4);

        if (n % 4 == 1) {
            return WA_ERR_SYNTAX;
        }

        while (n % 4 != 0) {
            letters[n++] = '=';
        }

        bytes.n = 0;
        rc = wa_b64_decode(wa_span(letters, n), WA_B64_STD, &bytes);

        if (rc == WA_OK) {
            rc = ngx_http_wahub_file_write(f, wa_span_buf(&bytes));
        }

    } while (rc == WA_OK && text.n > 0);

    wa_buf_free(&bytes);

    return rc;
}


void
ngx_http_wahub_file_drop(ngx_http_wahub_file_t *f)
{
    int  root;

    if (f->files == NULL) {
        return;
    }

    EVP_MD_CTX_free(f->digest);

    if (f->fd != -1) {
        (void) close(f->fd);
    }

    if (f->name[0] != '\0') {
        root = ngx_http_wahub_file_folder(f->files, "", 0);

        if (root != -1) {
            (void) unlinkat(root, (char *) f->name, 0);
            (void) close(root);
        }
    }

    wa_buf_free(&f->thumb);
    ngx_memzero(f, sizeof(ngx_http_wahub_file_t));
    f->fd = -1;
}


int
ngx_http_wahub_file_folder(ngx_http_wahub_files_t *files, const char *path,
    ngx_uint_t make)
{
    int       fd, next;
    char      step[256];
    size_t    n;

    fd = open((char *) files->root.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    while (fd != -1 && *path != '\0') {

        for (n = 0; path[n] != '\0' && path[n] != '/'; n++) {
            if (n == sizeof(step) - 1) {
                (void) close(fd);
                ngx_set_errno(ENAMETOOLONG);
                return -1;
            }

            step[n] = path[n];
        }

        step[n] = '\0';
        path += n;

        if (*path == '/') {
            path++;
        }

        if (make && mkdirat(fd, step, 0700) == 0) {
            (void) fsync(fd);
        }

        next = openat(fd, step, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        (void) close(fd);
        fd = next;
    }

    return fd;
}


wa_err_t
ngx_http_wahub_file_error(ngx_err_t err)
{
    switch (err) {

    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        ngx_http_wahub_space_lacking();
        return WA_ERR_FULL;

    case ENOENT:
    case ENOTDIR:
    case ELOOP:
        return WA_ERR_GONE;

    default:
        return WA_ERR_IO;
    }
}
