/* What the API shows of wa_media: counts, and the Media object. */
#include "wa_archive_media.h"

#include <stdio.h>

#include "wa_account_int.h"
#include "wa_archive_int.h"


#define N_STATUS  (WA_MEDIA_EXPIRED + 1)


static json_t *
stats_of_types(wa_sql_rows_t *rows, wa_err_t *rc)
{
    json_t     *types, *type;
    wa_span_t   mime;

    types = json_array();

    while (types != NULL) {
        *rc = wa_sql_next(rows);

        if (*rc != WA_OK) {
            break;
        }

        mime = wa_sql_text(rows, 0);
        type = json_pack("{s:s%, s:I, s:I}", "mime_type",
                         mime.n == 0 ? "" : (const char *) mime.p, mime.n,
                         "count", (json_int_t) wa_sql_int(rows, 1),
                         "size", (json_int_t) wa_sql_int(rows, 2));

        if (type == NULL || json_array_append_new(types, type) != 0) {
            *rc = WA_ERR_NOMEM;
            break;
        }
    }

    return types;
}


/* Counts by status, and the bytes that are there. */
static wa_err_t
stats_counts(wa_sql_t *db, wa_build_t *b, int64_t counts[N_STATUS],
    int64_t *size)
{
    int64_t         status;
    wa_err_t        rc;
    wa_sql_rows_t  *rows;

    rc = wa_build_query(b, db, &rows);

    if (rc != WA_OK) {
        return rc;
    }

    for ( ;; ) {
        rc = wa_sql_next(rows);

        if (rc != WA_OK) {
            break;
        }

        status = wa_sql_int(rows, 0);

        if (status < 0 || status >= (int64_t) N_STATUS) {
            continue;
        }

        counts[status] = wa_sql_int(rows, 1);

        if (status == WA_MEDIA_DOWNLOADED) {
            *size = wa_sql_int(rows, 2);
        }
    }

    wa_sql_rows_free(rows);

    return rc == WA_AGAIN ? WA_OK : rc;
}


static void
stats_where(wa_build_t *b, wa_span_t tenant, wa_span_t account)
{
    wa_build_add(b, " FROM wa_media WHERE tenant = ");
    wa_build_text(b, tenant);

    if (account.p != NULL) {
        wa_build_add(b, " AND account_id = ");
        wa_build_text(b, account);
    }
}


wa_err_t
wa_media_stats(wa_sql_t *db, wa_span_t tenant, wa_span_t account,
    json_t **out)
{
    json_t         *types;
    int64_t         counts[N_STATUS], total, size;
    wa_err_t        rc;
    wa_build_t      b;
    wa_sql_rows_t  *rows;

    *out = NULL;
    memset(counts, 0, sizeof(counts));
    size = 0;

    wa_build_init(&b);
    wa_build_add(&b, "SELECT status, COUNT(*),"
                     " CAST(COALESCE(SUM(size), 0) AS BIGINT)");
    stats_where(&b, tenant, account);
    wa_build_add(&b, " GROUP BY status");
    rc = stats_counts(db, &b, counts, &size);
    wa_build_free(&b);

    if (rc != WA_OK) {
        return rc;
    }

    wa_build_init(&b);
    wa_build_add(&b, "SELECT mime_type, COUNT(*) AS n,"
                     " CAST(COALESCE(SUM(size), 0) AS BIGINT)");
    stats_where(&b, tenant, account);
    wa_build_add(&b, " GROUP BY mime_type ORDER BY n DESC, mime_type"
                     " LIMIT 100");
    rc = wa_build_query(&b, db, &rows);

    if (rc != WA_OK) {
        wa_build_free(&b);
        return rc;
    }

    types = stats_of_types(rows, &rc);
    wa_sql_rows_free(rows);
    wa_build_free(&b);

    if (types == NULL || rc != WA_AGAIN) {
        json_decref(types);
        return types == NULL ? WA_ERR_NOMEM : rc;
    }

    total = counts[WA_MEDIA_PENDING] + counts[WA_MEDIA_DOWNLOADED]
            + counts[WA_MEDIA_FAILED] + counts[WA_MEDIA_SKIPPED]
            + counts[WA_MEDIA_EXPIRED];

    *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}",
                     "total", (json_int_t) total,
                     "downloaded", (json_int_t) counts[WA_MEDIA_DOWNLOADED],
                     "pending", (json_int_t) (counts[WA_MEDIA_PENDING]
                                              + counts[WA_MEDIA_SKIPPED]),
                     "failed", (json_int_t) (counts[WA_MEDIA_FAILED]
                                             + counts[WA_MEDIA_EXPIRED]),
                     "totalSize", (json_int_t) size, "byType", types);

    return *out == NULL ? WA_ERR_NOMEM : WA_OK;
}


static json_t *
media_json(wa_span_t text)
{
    return text.p == NULL ? json_null()
                          : json_stringn((const char *) text.p, text.n);
}


static json_t *
media_json_number(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}


/* The name that a download gets: what the sender said, or the id. */
static json_t *
media_json_name(const wa_media_t *m)
{
    size_t  n;

    if (m->filename.n > 0) {
        return media_json(m->filename);
    }

    /* "2025/01/15/<hash>.jpg" lends its ending */

    for (n = m->path.n; n > 0 && m->path.p[n - 1] != '.'; n--) { /* void */ }

    if (n == 0) {
        return media_json(m->id);
    }

    return json_pack("s%+%", m->id.p, m->id.n, m->path.p + n - 1,
                     m->path.n - n + 1);
}


json_t *
wa_media_object(const wa_media_t *m)
{
    char  iso[32];

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
                     " s:o, s:o, s:n, s:n, s:s, s:o, s:s}",
                     "id", media_json(m->id),
                     "message_id", media_json(m->message_id),
                     "account_id", media_json(m->account),
                     "mime_type", media_json(m->mime),
                     "file_size", media_json_number(m->size),
                     "filename", media_json_name(m),
                     "original_filename", media_json(m->filename),
                     "file_path", media_json(m->path),
                     "file_hash", media_json(m->hash),
                     "width", media_json_number(m->width),
                     "height", media_json_number(m->height),
                     "duration", media_json_number(m->duration),
                     "url", "thumbnail_url",
                     "download_status", wa_media_status_name(m->status),
                     "download_error", media_json(m->error),
                     "created_at", wa_iso_time(m->created_ms < 0 ? 0
                                               : m->created_ms, iso));
}


/* Frees the link.  WA_ERR_NOMEM, or it is a member of `object`. */
static wa_err_t
media_link(json_t *object, const char *member, wa_err_t rc, wa_buf_t *link)
{
    if (rc == WA_OK
        && json_object_set_new(object, member,
                               json_stringn((const char *) link->p, link->n))
           != 0)
    {
        rc = WA_ERR_NOMEM;
    }

    wa_buf_free(link);

    return rc;
}


wa_err_t
wa_media_sign(json_t *object, const wa_media_t *m,
    const wa_media_links_t *links)
{
    char      path[64];
    wa_err_t  rc;
    wa_buf_t  link = WA_BUF_EMPTY;

    rc = wa_link_media(links, m->account, m->id, m->mime, &link);
    rc = media_link(object, "url", rc, &link);

    if (rc != WA_OK || m->thumb.n == 0) {
        return rc;
    }

    (void) snprintf(path, sizeof(path), "/api/media/%.*s/download",
                    (int) m->id.n, (const char *) m->id.p);
    rc = wa_buf_append_span(&link, links->base);

    if (rc == WA_OK) {
        rc = wa_link_sign(links->key, wa_span_str(path), links->now, &link);
    }

    if (rc == WA_OK) {
        rc = wa_buf_append_str(&link, "&thumb=1");
    }

    return media_link(object, "thumbnail_url", rc, &link);
}
