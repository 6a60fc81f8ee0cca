/*
 * From a finished temporary file to one of the store, and back to a reader.
 */
#include "ngx_http_wahub_file_int.h"

#include "wa_crypto.h"
#include "wa_image.h"
#include "wa_ogg.h"

#include <openssl/evp.h>
#include <sys/mman.h>


#define NGX_HTTP_WAHUB_FILE_PICTURE_MAX  (64 * 1024 * 1024)


static wa_err_t ngx_http_wahub_file_sniff(ngx_http_wahub_file_t *f,
    wa_span_t filename);
static wa_err_t ngx_http_wahub_file_look(ngx_http_wahub_file_t *f);
static wa_err_t ngx_http_wahub_file_move(ngx_http_wahub_file_t *f,
    wa_span_t tenant, int64_t ms);
static ngx_uint_t ngx_http_wahub_file_reuse(ngx_http_wahub_file_t *f,
    wa_span_t tenant, const wa_media_t *same);


/* -- examining ----------------------------------------------------------- */

wa_err_t
ngx_http_wahub_file_examine(ngx_http_wahub_file_t *f, wa_span_t filename)
{
    wa_err_t      rc;
    struct stat   st;

    if (f->examined) {
        return WA_OK;
    }

    if (fdatasync(f->fd) == -1 || fstat(f->fd, &st) == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    f->size = (uint64_t) st.st_size;

    if (f->hashed == 0
        && EVP_DigestFinal_ex(f->digest, f->sha256, NULL) != 1)
    {
        return WA_ERR_NOMEM;
    }

    f->hashed = 1;
    *ngx_hex_dump((u_char *) f->hash, f->sha256, sizeof(f->sha256)) = '\0';

    rc = ngx_http_wahub_file_sniff(f, filename);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_look(f);
    }

    f->examined = (rc == WA_OK);

    return rc;
}


static wa_err_t
ngx_http_wahub_file_sniff(ngx_http_wahub_file_t *f, wa_span_t filename)
{
    char                     found[WA_MIME_MAX];
    u_char                  *head;
    bool                     sure;
    ssize_t                  n;
    const char              *named;
    ngx_http_wahub_files_t  *files = f->files;

    if (f->mime[0] != '\0') {
        return WA_OK;
    }

    head = ngx_alloc(WA_MIME_HEAD, ngx_cycle->log);
    if (head == NULL) {
        return WA_ERR_NOMEM;
    }

    n = pread(f->fd, head, WA_MIME_HEAD, 0);

    if (n == -1) {
        ngx_free(head);
        return ngx_http_wahub_file_error(ngx_errno);
    }

    ngx_memcpy(found, "application/octet-stream",
               sizeof("application/octet-stream"));
    sure = false;

    if (ngx_thread_mutex_lock(&files->mutex, ngx_cycle->log) == NGX_OK) {

        if (files->mime == NULL && files->vague == 0) {
            files->vague = (wa_mime_create(&files->mime) != WA_OK);
        }

        if (files->mime != NULL) {
            sure = wa_mime_sniff(files->mime, wa_span(head, (size_t) n),
                                 found);
        }

        (void) ngx_thread_mutex_unlock(&files->mutex, ngx_cycle->log);
    }

    ngx_free(head);

    named = sure ? NULL : wa_mime_of_name(filename);
    (void) ngx_cpystrn((u_char *) f->mime,
                       (u_char *) (named != NULL ? named : found),
                       WA_MIME_MAX);

    return WA_OK;
}


/* Pictures and voice notes, by the content, whatever the type is said to be. */
static wa_err_t
ngx_http_wahub_file_look(ngx_http_wahub_file_t *f)
{
    void      *map;
    size_t     size;
    uint32_t   width, height, seconds;
    wa_err_t   rc;

    if (f->size == 0 || f->size > NGX_HTTP_WAHUB_FILE_PICTURE_MAX) {
        return WA_OK;
    }

    size = (size_t) f->size;
    map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, f->fd, 0);

    if (map == MAP_FAILED) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    rc = wa_image_examine(wa_span(map, size), &width, &height, &f->thumb);

    if (wa_ogg_opus_seconds(wa_span(map, size), &seconds) == WA_OK) {
        f->duration = seconds;
    }

    (void) munmap(map, size);

    if (width != 0 && height != 0) {
        f->width = width;
        f->height = height;
    }

    if (rc != WA_OK) {
        wa_buf_free(&f->thumb);
    }

    return rc == WA_ERR_NOMEM ? rc : WA_OK;
}


/* -- keeping ------------------------------------------------------------- */

wa_err_t
ngx_http_wahub_file_keep(wa_sql_t *db, ngx_http_wahub_file_t *f,
    wa_media_t *m)
{
    wa_err_t    rc;
    wa_media_t  same, row;

    if (f->path[0] == '\0') {
        rc = wa_media_same(db, m->tenant, wa_span_str(f->hash), &same);

        if (rc != WA_OK) {
            return rc;
        }

        rc = ngx_http_wahub_file_reuse(f, m->tenant, &same)
             ? WA_OK : ngx_http_wahub_file_move(f, m->tenant, m->created_ms);

        wa_media_free(&same);

        if (rc != WA_OK) {
            return rc == WA_ERR_GONE ? WA_ERR_IO : rc;
        }
    }

    m->path = wa_span_str(f->path);
    m->hash = wa_span_str(f->hash);
    m->mime = wa_span_str(f->mime);
    m->thumb = (f->thumb_path[0] == '\0') ? wa_span_none()
                                          : wa_span_str(f->thumb_path);
    m->size = (int64_t) f->size;
    m->width = f->width >= 0 ? f->width : m->width;
    m->height = f->height >= 0 ? f->height : m->height;
    m->duration = f->duration >= 0 ? f->duration : m->duration;
    m->status = WA_MEDIA_DOWNLOADED;

    rc = wa_media_find(db, wa_span_none(), m->id, &row);

    if (rc != WA_OK) {
        return rc;
    }

    rc = row.id.p == NULL ? wa_media_add(db, m) : wa_media_stored(db, m);
    wa_media_free(&row);

    return rc;
}


/* The content is in the store already, and still there. */
static ngx_uint_t
ngx_http_wahub_file_reuse(ngx_http_wahub_file_t *f, wa_span_t tenant,
    const wa_media_t *same)
{
    ngx_fd_t     fd;
    struct stat  st;

    if (same->id.p == NULL || same->path.n >= sizeof(f->path)
        || same->thumb.n >= sizeof(f->thumb_path)
        || ngx_http_wahub_file_open(f->files, tenant, same->path, &fd, &st)
           != WA_OK)
    {
        return 0;
    }

    (void) close(fd);

    if ((uint64_t) st.st_size != f->size) {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) f->path, (u_char *) same->path.p,
                       same->path.n + 1);

    if (same->thumb.n > 0) {
        (void) ngx_cpystrn((u_char *) f->thumb_path,
                           (u_char *) same->thumb.p, same->thumb.n + 1);
    }

    return 1;
}


/* Gives `from` its name in the folder `dir`. */
static wa_err_t
ngx_http_wahub_file_rename(ngx_http_wahub_file_t *from, int dir,
    const char *to)
{
    int  root, rc;

    root = ngx_http_wahub_file_folder(from->files, "", 0);
    if (root == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    rc = renameat(root, (char *) from->name, dir, to);
    (void) close(root);

    if (rc == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    from->name[0] = '\0';

    return WA_OK;
}


static wa_err_t
ngx_http_wahub_file_thumb(ngx_http_wahub_file_t *f, int dir,
    const char *name)
{
    wa_err_t                rc;
    ngx_http_wahub_file_t  t;

    rc = ngx_http_wahub_file_create(f->files, &t);

    if (rc != WA_OK) {
        return rc;
    }

    rc = ngx_http_wahub_file_write(&t, wa_span_buf(&f->thumb));

    if (rc == WA_OK && fdatasync(t.fd) == -1) {
        rc = ngx_http_wahub_file_error(ngx_errno);
    }

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_rename(&t, dir, name);
    }

    ngx_http_wahub_file_drop(&t);

    return rc;
}


static wa_err_t
ngx_http_wahub_file_move(ngx_http_wahub_file_t *f, wa_span_t tenant,
    int64_t ms)
{
    int          dir;
    char         folder[128], day[16], name[NGX_HTTP_WAHUB_FILE_PATH];
    char         thumb[NGX_HTTP_WAHUB_FILE_PATH];
    ngx_tm_t     tm;
    wa_err_t     rc;

    ngx_gmtime((time_t) (ms / 1000), &tm);
    *ngx_snprintf((u_char *) day, sizeof(day) - 1, "%4d/%02d/%02d",
                  tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday) = '\0';
    *ngx_snprintf((u_char *) folder, sizeof(folder) - 1, "%*s/%s",
                  tenant.n, tenant.p, day) = '\0';
    *ngx_snprintf((u_char *) name, sizeof(name) - 1, "%s.%s", f->hash,
                  wa_mime_extension(f->mime)) = '\0';
    *ngx_snprintf((u_char *) thumb, sizeof(thumb) - 1, "%s.thumb.jpg",
                  f->hash) = '\0';

    dir = ngx_http_wahub_file_folder(f->files, folder, 1);
    if (dir == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    rc = WA_OK;

    if (f->thumb.n != 0) {
        rc = ngx_http_wahub_file_thumb(f, dir, thumb);
    }

    if (rc == WA_OK) {
        rc = ngx_http_wahub_file_rename(f, dir, name);
    }

    if (rc == WA_OK && fsync(dir) == -1) {
        rc = ngx_http_wahub_file_error(ngx_errno);
    }

    (void) close(dir);

    if (rc != WA_OK) {
        return rc;
    }

    *ngx_snprintf((u_char *) f->path, sizeof(f->path) - 1, "%s/%s", day,
                  name) = '\0';

    if (f->thumb.n != 0) {
        *ngx_snprintf((u_char *) f->thumb_path, sizeof(f->thumb_path) - 1,
                      "%s/%s", day, thumb) = '\0';
    }

    return WA_OK;
}


/* -- reading ------------------------------------------------------------- */

wa_err_t
ngx_http_wahub_file_open(ngx_http_wahub_files_t *files, wa_span_t tenant,
    wa_span_t path, ngx_fd_t *fd, struct stat *st)
{
    int        dir;
    char       name[256];
    size_t     slash, total;
    wa_err_t   rc;

    if (files->root.len == 0) {
        return WA_ERR_GONE;
    }

    total = tenant.n + 1 + path.n;

    if (tenant.n == 0 || path.n == 0 || total >= sizeof(name)
        || ngx_strlchr((u_char *) path.p, (u_char *) path.p + path.n, '\0')
           != NULL)
    {
        return WA_ERR_GONE;
    }

    *ngx_sprintf((u_char *) name, "%*s/%*s", tenant.n, tenant.p, path.n,
                 path.p) = '\0';

    for (slash = total; name[slash] != '/'; slash--) { /* void */ }

    name[slash] = '\0';

    dir = ngx_http_wahub_file_folder(files, name, 0);
    if (dir == -1) {
        return ngx_http_wahub_file_error(ngx_errno);
    }

    *fd = openat(dir, name + slash + 1,
                 O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    rc = (*fd == -1) ? ngx_http_wahub_file_error(ngx_errno) : WA_OK;
    (void) close(dir);

    if (rc != WA_OK) {
        return rc;
    }

    if (fstat(*fd, st) == -1 || S_ISREG(st->st_mode) == 0) {
        (void) close(*fd);
        return WA_ERR_GONE;
    }

    return WA_OK;
}
