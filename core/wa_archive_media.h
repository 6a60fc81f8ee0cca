/*
 * Media in the history database (job side): one row of wa_media for each
 * file that came with a message or was uploaded.  The bytes are on disk; a
 * row says where, and what is known of them.
 */
#ifndef WA_ARCHIVE_MEDIA_H
#define WA_ARCHIVE_MEDIA_H

#include <jansson.h>

#include "wa_filename.h"
#include "wa_sql.h"


#define WA_MEDIA_ID_LEN     32u       /* 128 random bits as lower case hex */
#define WA_MEDIA_NO_SHARD   (-1)      /* an upload: no account owns it */
#define WA_MEDIA_LIST_MAX   500u


/* Words of the HTTP contract's download_status, in this order. */
typedef enum {
    WA_MEDIA_PENDING = 0,             /* to be fetched */
    WA_MEDIA_DOWNLOADED,              /* `path` is there and whole */
    WA_MEDIA_FAILED,                  /* given up, `error` says why */
    WA_MEDIA_SKIPPED,                 /* too large, or not wanted by itself */
    WA_MEDIA_EXPIRED                  /* nobody has it any more */
} wa_media_status_e;

/*
 * A row.  Spans with p NULL are absent; -1 in a number is "not known".  Given
 * to a function here, spans are borrowed; given back, they point into `own`
 * and wa_media_free() ends them.
 */
typedef struct {
    wa_span_t           id;           /* WA_MEDIA_ID_LEN, the whole world's */
    wa_span_t           tenant;
    wa_span_t           account;      /* account id; absent: an upload */
    wa_span_t           message;      /* wahub's id of the message */
    wa_span_t           message_id;   /* WhatsApp's */
    wa_span_t           kind;         /* image video audio document sticker */
    wa_span_t           mime;
    wa_span_t           filename;     /* as its sender called it */
    wa_span_t           path;         /* below the tenant's folder */
    wa_span_t           hash;         /* SHA-256 of the content, hex */
    wa_span_t           thumb;        /* path of a JPEG */
    wa_span_t           error;
    wa_span_t           descriptor;   /* text of its own kind, for the wire:
                                         holds keys, so it comes sealed and
                                         is never shown */
    int64_t             size;         /* bytes */
    int64_t             width;        /* pixels */
    int64_t             height;
    int64_t             duration;     /* s */
    int64_t             shard;
    int64_t             retry_ms;     /* unix ms: not before */
    int64_t             attempts;     /* failed ones */
    int64_t             created_ms;   /* unix ms */
    wa_media_status_e   status;
    wa_buf_t            own;
} wa_media_t;

typedef struct {
    wa_media_t   *items;              /* WA_MEDIA_LIST_MAX at most */
    size_t        n;
} wa_media_list_t;


/* Nothing known: spans absent, numbers -1, status pending, no attempt. */
void wa_media_init(wa_media_t *m);
void wa_media_free(wa_media_t *m);
void wa_media_list_free(wa_media_list_t *list);

/* "pending", ... */
const char *wa_media_status_name(wa_media_status_e status);

/* Writes a new id and a NUL. */
void wa_media_id_make(char out[WA_MEDIA_ID_LEN + 1]);
bool wa_media_id_valid(wa_span_t id);


/*
 * Errors of all below: those of wa_sql.h, WA_ERR_ARG for text that is not
 * UTF-8.  None opens a transaction; all may be used inside one.
 */

/* Adds a row; one with this id that is there already stays as it is. */
wa_err_t wa_media_add(wa_sql_t *db, const wa_media_t *m);

/*
 * Finds by id.  tenant.p NULL: of any tenant.  WA_OK with out->id.p NULL:
 * there is none.  wa_media_free() after WA_OK.
 */
wa_err_t wa_media_find(wa_sql_t *db, wa_span_t tenant, wa_span_t id,
    wa_media_t *out);

/*
 * The same by message, wahub's or WhatsApp's id; account.p NULL: of any.
 * A file that the message sent names its account and message then, too.
 * WA_ERR_AMBIGUOUS: several accounts have it.
 */
wa_err_t wa_media_of_message(wa_sql_t *db, wa_span_t tenant,
    wa_span_t account, wa_span_t ref, wa_media_t *out);

/* The same: a row of the tenant whose content has this hash and is there. */
wa_err_t wa_media_same(wa_sql_t *db, wa_span_t tenant, wa_span_t hash,
    wa_media_t *out);

/*
 * The content is there: takes over mime, path, hash, thumb, size, width,
 * height, duration as far as `m` knows them, and makes the row DOWNLOADED.
 */
wa_err_t wa_media_stored(wa_sql_t *db, const wa_media_t *m);

/*
 * Another status but DOWNLOADED, with m->error, retry_ms, attempts; the
 * descriptor when `m` has one.  A row that is DOWNLOADED stays so.
 */
wa_err_t wa_media_settle(wa_sql_t *db, const wa_media_t *m);

/* Rows PENDING of these shards with retry_ms <= now_ms, oldest first. */
wa_err_t wa_media_pending(wa_sql_t *db, const uint32_t *shards,
    size_t n_shards, int64_t now_ms, uint32_t limit, wa_media_list_t *out);

/* The tenant's (account.p NULL: all accounts') newest rows. */
wa_err_t wa_media_recent(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    uint32_t limit, wa_media_list_t *out);

/*
 * {total, downloaded, pending, failed, totalSize, byType:[{mime_type, count,
 * size}]}; pending counts what is not there and may come, failed the rest.
 */
wa_err_t wa_media_stats(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    json_t **out);

/*
 * The contract's Media object (8.1), without "url" and "thumbnail_url": both
 * null.  NULL: out of memory, or text that is not UTF-8.
 */
json_t *wa_media_object(const wa_media_t *m);

/*
 * Puts signed links (wa_filename.h) into the object: "url", also of a file
 * that is not there yet, and "thumbnail_url" if there is one.  WA_ERR_NOMEM.
 */
wa_err_t wa_media_sign(json_t *object, const wa_media_t *m,
    const wa_media_links_t *links);

/*
 * Lays what wa_media knows over message objects, one or an array: media_id,
 * media_url (signed), media_status, type, size, width, height.
 */
wa_err_t wa_media_lay(wa_sql_t *db, wa_span_t tenant, json_t *messages,
    const wa_media_links_t *links);

#endif /* WA_ARCHIVE_MEDIA_H */
