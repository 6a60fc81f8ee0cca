/*
 * Messages in the rows of reference 002 (HTTP contract 6.2, M2).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_route.h"


/* Its status words, and which of ours they are (contract 5.3). */
typedef struct {
    const char   *word;
    const char   *ours;
} ngx_http_wahub_row_status_t;

/* What a message without text shows. */
typedef struct {
    const char   *type;
    const char   *emoji;
    const char   *text;
} ngx_http_wahub_row_type_t;


static const ngx_http_wahub_row_status_t  ngx_http_wahub_row_statuses[] = {
    { "SENT", "SENT,DELIVERED,READ,PLAYED" },
    { "RECEIVED", "" },
    { "FAILED", "FAILED,CANCELLED" },
    { "QUEUED", "QUEUED,PENDING" },
    { NULL, NULL }
};

static const ngx_http_wahub_row_type_t  ngx_http_wahub_row_types[] = {
    { "image", "📷", "📷 Image" },
    { "video", "🎥", "🎥 Video" },
    { "audio", "🎵", "🎵 Audio" },
    { "document", "📄", "📄 Document" },
    { "sticker", "🏷️", "🏷️ Sticker" },
    { "location", "📍", "📍 Location" },
    { "contact", "👤", "👤 Contact" },
    { NULL, NULL, NULL }
};


static void ngx_http_wahub_history_tenant_views(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_history_rows(ngx_http_wahub_ctx_t *ctx,
    json_t *extra);


/* -- thread -------------------------------------------------------------- */

/* What came in stays RECEIVED when it is read. */
static const char *
ngx_http_wahub_row_status(const json_t *message)
{
    size_t                              n;
    const char                         *p, *ours;
    const ngx_http_wahub_row_status_t  *st;

    if (!json_is_true(json_object_get(message, "from_me"))) {
        return "RECEIVED";
    }

    ours = json_string_value(json_object_get(message, "status"));
    ours = (ours == NULL) ? "" : ours;
    n = ngx_strlen(ours);

    for (st = ngx_http_wahub_row_statuses; st->word != NULL; st++) {

        for (p = st->ours; p != NULL; p = ngx_strchr(p, ',')) {
            p += (*p == ',');

            if (ngx_strncmp(p, ours, n) == 0
                && (p[n] == ',' || p[n] == '\0'))
            {
                return st->word;
            }
        }
    }

    return "SENT";
}


/* NULL: out of memory. */
/* Reference 002 has a path there, whatever links begin with here. */
static json_t *
ngx_http_wahub_row_path(const char *url)
{
    const char  *p, *path;

    static const char  files[] = "/files/";

    path = url;

    for (p = url; p != NULL; p = ngx_strstr(p + 1, files)) {
        path = (ngx_strncmp(p, files, sizeof(files) - 1) == 0) ? p : path;
    }

    return path == NULL ? json_null() : json_string(path);
}


static json_t *
ngx_http_wahub_row_metadata(json_t *message, const char *emoji)
{
    return json_pack("{s:O?,s:O?,s:O?,s:O?,s:s?,s:O?,s:o,s:O?,s:O?,s:O?}",
        "messageId", json_object_get(message, "message_id"),
        "timestamp", json_object_get(message, "timestamp"),
        "pushName", json_object_get(message, "push_name"),
        "mediaType", json_object_get(message, "mediaType"),
        "mediaEmoji", emoji,
        "fileName", json_object_get(message, "media_filename"),
        "filePath", ngx_http_wahub_row_path(json_string_value(
                        json_object_get(message, "media_url"))),
        "mimeType", json_object_get(message, "media_mime_type"),
        "fileSize", json_object_get(message, "media_size"),
        "fromMe", json_object_get(message, "from_me"));
}


static json_t *
ngx_http_wahub_row(json_t *message, wa_span_t tenant)
{
    json_t                           *body, *text;
    const char                       *type;
    const ngx_http_wahub_row_type_t  *rt;

    type = json_string_value(json_object_get(message, "message_type"));

    for (rt = ngx_http_wahub_row_types; rt->type != NULL; rt++) {
        if (type != NULL && ngx_strcmp(rt->type, type) == 0) {
            break;
        }
    }

    body = json_object_get(message, "body");

    if (rt->text != NULL && json_string_length(body) == 0) {
        text = json_string(rt->text);

    } else {
        text = json_incref(body);
    }

    return json_pack("{s:O?,s:O?,s:O?,s:o?,s:s,s:s,s:O?,s:s%,s:O?,s:O?,s:O?,"
                     "s:O?,s:o}",
        "id", json_object_get(message, "id"),
        "jid", json_object_get(message, "remote_jid"),
        "phone_number", json_object_get(message, "phone_number"),
        "message", text,
        "status", ngx_http_wahub_row_status(message),
        "platform", "WHATSAPP",
        "session_id", json_object_get(message, "session_id"),
        "tenant_id", (const char *) tenant.p, tenant.n,
        "created_at", json_object_get(message, "created_at"),
        "updated_at", json_object_get(message, "updated_at"),
        "error_message", json_object_get(message, "error_message"),
        "delivery_status", json_object_get(message, "status"),
        "metadata", ngx_http_wahub_row_metadata(message, rt->emoji));
}


static wa_err_t
ngx_http_wahub_history_run_rows(wa_sql_t *db, void *data)
{
    size_t                     i;
    json_t                    *message, *rows, *json;
    wa_err_t                   rc;
    json_int_t                 seen;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_messages(db, &h->q, &h->page);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_history_media(db, h, h->page.items);
    }

    if (rc != WA_OK) {
        return rc;
    }

    rows = json_array();

    json_array_foreach(h->page.items, i, message) {
        if (json_array_append_new(rows, ngx_http_wahub_row(message,
                                                           h->q.tenant))
            != 0)
        {
            json_decref(rows);
            rows = NULL;
            break;
        }
    }

    seen = (json_int_t) h->q.offset
           + (json_int_t) json_array_size(h->page.items);

    json_decref(h->page.items);
    h->page.items = NULL;

    json = json_pack("{s:o,s:I,s:I,s:I,s:b}", "messages", rows,
                     "total", (json_int_t) h->page.total,
                     "limit", (json_int_t) h->q.limit,
                     "offset", (json_int_t) h->q.offset,
                     "hasMore", h->q.cursor.n != 0
                                ? h->page.next[0] != '\0'
                                : seen < (json_int_t) h->page.total);

    if (json != NULL && h->extra != NULL
        && json_object_update(json, h->extra) != 0)
    {
        json_decref(json);
        json = NULL;
    }

    return ngx_http_wahub_history_body(h, json);
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_history_session(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_rows(ctx, NULL);
    }
}


void
ngx_http_wahub_history_tenant(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_history_tenant_views);
    }
}


static void
ngx_http_wahub_history_tenant_views(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t   i;
    json_t  *view, *sessions, *session;

    sessions = json_array();

    json_array_foreach(views, i, view) {
        session = json_object_get(view, "session_id");

        if (session != NULL) {
            (void) json_array_append(sessions, session);
        }
    }

    ngx_http_wahub_history_rows(ctx, json_pack("{s:o}", "sessionIds",
                                               sessions));
}


/* Takes the reference `extra`. */
static void
ngx_http_wahub_history_rows(ngx_http_wahub_ctx_t *ctx, json_t *extra)
{
    ngx_int_t                           rc;
    ngx_str_t                           value;
    wa_archive_query_t                  q;
    const ngx_http_wahub_row_status_t  *st;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);
    q.ascending = true;

    rc = ngx_http_wahub_query(ctx->request, "status", &value);

    if (rc != NGX_DECLINED) {

        for (st = ngx_http_wahub_row_statuses; st->word != NULL; st++) {
            if (rc == NGX_OK && value.len == ngx_strlen(st->word)
                && ngx_memcmp(value.data, st->word, value.len) == 0)
            {
                break;
            }
        }

        if (st->word == NULL) {
            json_decref(extra);
            ngx_http_wahub_error_query(ctx, "status");
            return;
        }

        q.from_me = 0;

        if (ngx_strcmp(st->word, "RECEIVED") != 0) {
            q.from_me = 1;
            q.status = wa_span_str(st->ours);
        }
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, extra, NULL,
                                 ngx_http_wahub_history_run_rows);
}
