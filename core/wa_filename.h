/*
 * Names of files that others chose, and links to files that we sign.
 */
#ifndef WA_FILENAME_H
#define WA_FILENAME_H

#include "wa_base.h"


#define WA_FILENAME_MAX      255u     /* bytes of a name to be kept */
#define WA_FILENAME_KEY_MAX  160u     /* of the last part of /files/.../... */

/* 32 bytes in base64url and a NUL. */
#define WA_LINK_SIG_LEN      43u
#define WA_LINK_SECONDS      (7 * 86400)


/*
 * What may be kept of a name: its last component, UTF-8 (other bytes become
 * "_"), without control characters and leading dots.  False: nothing is
 * left, `out` is "".
 */
bool wa_filename_clean(wa_span_t name, char out[WA_FILENAME_MAX + 1]);

/* [A-Za-z0-9._-]{1,160}, not beginning with a dot, no two dots in a row. */
bool wa_filename_is_key(wa_span_t name);

/*
 * A Content-Disposition of RFC 6266, appended to `out`; `name` in UTF-8,
 * n 0: none.  WA_ERR_NOMEM.
 */
wa_err_t wa_filename_disposition(bool attachment, wa_span_t name,
    wa_buf_t *out);

/* Keys of links from the master key. */
wa_err_t wa_link_key(const uint8_t master[32], uint8_t key[32]);

/*
 * Appends `path`, "?exp=" (7 to 8 days from `now`, unix s: the same all day,
 * so that caches hold it) and "&sig=".  WA_ERR_NOMEM.
 */
wa_err_t wa_link_sign(const uint8_t key[32], wa_span_t path, int64_t now,
    wa_buf_t *out);

/* What signed links to media are made with. */
typedef struct {
    uint8_t     key[32];        /* wa_link_key()                          */
    wa_span_t   base;           /* before the path; empty: relative links */
    int64_t     now;            /* unix s                                 */
} wa_media_links_t;

/*
 * Appends the link to a medium's file, which may not be there yet:
 * "/files/<account>/<id>.<ending of its type>", signed.  `account` empty: an
 * upload, which belongs to none.  WA_ERR_NOMEM.
 */
wa_err_t wa_link_media(const wa_media_links_t *links, wa_span_t account,
    wa_span_t id, wa_span_t mime, wa_buf_t *out);

/* Constant time in the signature. */
bool wa_link_check(const uint8_t key[32], wa_span_t path, wa_span_t exp,
    wa_span_t sig, int64_t now);

#endif /* WA_FILENAME_H */
