/*
 * One media file to or from WhatsApp's media servers: what a thread does.
 * Nothing here knows of accounts.
 */
#ifndef NGX_HTTP_WAHUB_WIRE_H
#define NGX_HTTP_WAHUB_WIRE_H

#include "ngx_http_wahub.h"
#include "ngx_http_wahub_file.h"

#include "wa_media.h"
#include "wa_wave.h"


#define NGX_HTTP_WAHUB_WIRE_HOSTS   8
#define NGX_HTTP_WAHUB_WIRE_HOST    262     /* name, ":port", NUL        */
#define NGX_HTTP_WAHUB_WIRE_PATH    2048    /* with its NUL              */
#define NGX_HTTP_WAHUB_WIRE_AUTH    1024
#define NGX_HTTP_WAHUB_WIRE_HANDLE  256
#define NGX_HTTP_WAHUB_WIRE_ERROR   160


typedef struct {
    char             hosts[NGX_HTTP_WAHUB_WIRE_HOSTS]
                          [NGX_HTTP_WAHUB_WIRE_HOST];
    ngx_uint_t       n;
    char             auth[NGX_HTTP_WAHUB_WIRE_AUTH];
    const char      *ca;                    /* of the configuration      */
} ngx_http_wahub_hosts_t;

/*
 * Loop.  From the answer of "media.conn", those for `use`: "upload" or
 * "download"; with wahub_media_host that one in their place.  `conn` NULL:
 * nobody could be asked, well-known ones.
 */
void ngx_http_wahub_wire_hosts(ngx_http_wahub_main_conf_t *wmcf,
    const json_t *conn, const char *use, ngx_http_wahub_hosts_t *out);

/* 1: letters, digits, '.', '-' and ':' only, and short enough. */
ngx_uint_t ngx_http_wahub_wire_is_host(const char *name, size_t n);


typedef enum {
    ngx_http_wahub_wire_ok = 0,
    ngx_http_wahub_wire_again,              /* no server answered well   */
    ngx_http_wahub_wire_auth,               /* upload: another one       */
    ngx_http_wahub_wire_gone,               /* not there any more        */
    ngx_http_wahub_wire_corrupt,            /* not what was announced    */
    ngx_http_wahub_wire_large,
    ngx_http_wahub_wire_local,              /* disk or memory, here      */
    ngx_http_wahub_wire_stopped             /* the worker leaves         */
} ngx_http_wahub_wire_e;


/* An upload.  Filled by the caller: the first block. */
typedef struct {
    ngx_http_wahub_hosts_t   hosts;
    wa_media_e               kind;
    unsigned                 bare:1;        /* newsletters: not sealed   */
    unsigned                 voice:1;       /* a waveform is wanted      */
    ngx_fd_t                 source;        /* plaintext, from its start */
    ngx_str_t                folder;        /* for the sealed copy       */

    ngx_fd_t                 sealed;
    u_char                   key[WA_KEY_LEN];
    wa_media_sums_t          sums;
    u_char                   wave[WA_WAVE_LEN];
    unsigned                 has_wave:1;
    char                     direct_path[NGX_HTTP_WAHUB_WIRE_PATH];
    char                     url[NGX_HTTP_WAHUB_WIRE_PATH];
    char                     handle[NGX_HTTP_WAHUB_WIRE_HANDLE];
    char                     error[NGX_HTTP_WAHUB_WIRE_ERROR];
} ngx_http_wahub_push_t;

/* Thread.  Makes a key and the sealed copy, a file without a name, and the
   waveform if there is to be one and the file has one. */
ngx_http_wahub_wire_e ngx_http_wahub_wire_seal(ngx_http_wahub_push_t *p);

/* Thread.  Uploads it; may be called again with other hosts. */
ngx_http_wahub_wire_e ngx_http_wahub_wire_push(ngx_http_wahub_push_t *p);


/* A download.  Filled by the caller: the first block. */
typedef struct {
    ngx_http_wahub_hosts_t   hosts;
    ngx_http_wahub_files_t  *files;
    wa_media_e               kind;
    char                     direct_path[NGX_HTTP_WAHUB_WIRE_PATH];
    u_char                   key[WA_KEY_LEN];
    u_char                   sha256[WA_SHA256_LEN];
    u_char                   enc_sha256[WA_SHA256_LEN];
    unsigned                 has_key:1;     /* without: it is not sealed */
    unsigned                 has_sha256:1;
    unsigned                 has_enc_sha256:1;
    uint64_t                 max;           /* bytes of plaintext; 0: any */

    ngx_http_wahub_file_t    file;          /* not examined              */
    char                     error[NGX_HTTP_WAHUB_WIRE_ERROR];
} ngx_http_wahub_pull_t;

/*
 * Thread.  ngx_http_wahub_wire_ok: pull->file is whole, verified, and the
 * caller's.  Otherwise there is none.
 */
ngx_http_wahub_wire_e ngx_http_wahub_wire_pull(ngx_http_wahub_pull_t *p);


/* A direct path as WhatsApp gives them. */
ngx_uint_t ngx_http_wahub_wire_path_valid(wa_span_t path);

#endif /* NGX_HTTP_WAHUB_WIRE_H */
