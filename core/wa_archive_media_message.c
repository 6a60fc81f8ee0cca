/* Media inside message objects: what wa_media knows is laid over them. */
#include "wa_archive_media.h"

#include "wa_archive_int.h"


/* Messages asked about at once: a statement has so many parameters.  A file
   that was sent belongs to no message, which names it. */
#define LAY_BATCH  16u


static wa_err_t lay_batch(wa_sql_t *db, wa_span_t tenant, json_t **messages,
    size_t n, const wa_media_links_t *links);
static wa_err_t lay_one(json_t *message, const wa_media_t *m,
    const wa_media_links_t *links);


wa_err_t
wa_media_lay(wa_sql_t *db, wa_span_t tenant, json_t *messages,
    const wa_media_links_t *links)
{
    size_t     i, n;
    json_t    *message, *batch[LAY_BATCH];
    wa_err_t   rc;

    rc = WA_OK;
    n = 0;

    if (json_is_object(messages)) {
        return json_is_true(json_object_get(messages, "has_media"))
               ? lay_batch(db, tenant, &messages, 1, links) : WA_OK;
    }

    json_array_foreach(messages, i, message) {

        if (!json_is_true(json_object_get(message, "has_media"))) {
            continue;
        }

        batch[n++] = message;

        if (n == LAY_BATCH) {
            rc = lay_batch(db, tenant, batch, n, links);
            n = 0;
        }

        if (rc != WA_OK) {
            return rc;
        }
    }

    return n == 0 ? WA_OK : lay_batch(db, tenant, batch, n, links);
}


static bool
lay_is(const json_t *message, const char *member, wa_span_t text)
{
    const json_t  *value;

    value = json_object_get(message, member);

    return text.p != NULL && json_is_string(value)
           && wa_span_eq(wa_span(json_string_value(value),
                                 json_string_length(value)), text);
}


static wa_err_t
lay_batch(wa_sql_t *db, wa_span_t tenant, json_t **messages, size_t n,
    const wa_media_links_t *links)
{
    size_t           i, k;
    json_t          *id;
    wa_err_t         rc;
    wa_build_t       b;
    wa_media_list_t  list;

    wa_media_select(&b);
    wa_build_add(&b, "tenant = ");
    wa_build_text(&b, tenant);
    wa_build_add(&b, " AND message IN (");

    for (i = 0; i < n; i++) {
        id = json_object_get(messages[i], "id");
        wa_build_add(&b, i == 0 ? "" : ", ");
        wa_build_text(&b, wa_span(json_string_value(id),
                                  json_string_length(id)));
    }

    wa_build_add(&b, ") OR tenant = ");
    wa_build_text(&b, tenant);
    wa_build_add(&b, " AND id IN (");

    for (i = 0; i < n; i++) {
        id = json_object_get(messages[i], "media_id");
        wa_build_add(&b, i == 0 ? "" : ", ");
        wa_build_text(&b, wa_span(json_is_string(id) ? json_string_value(id)
                                                     : "",
                                  json_string_length(id)));
    }

    wa_build_add(&b, ") ORDER BY created_ms");
    rc = wa_media_list(&b, db, &list);

    for (k = 0; rc == WA_OK && k < list.n; k++) {
        for (i = 0; rc == WA_OK && i < n; i++) {
            if (lay_is(messages[i], "media_id", list.items[k].id)
                || (lay_is(messages[i], "id", list.items[k].message)
                    && lay_is(messages[i], "account_id",
                              list.items[k].account)))
            {
                rc = lay_one(messages[i], &list.items[k], links);
            }
        }
    }

    if (list.items != NULL) {
        wa_media_list_free(&list);
    }

    return rc;
}


/* One value under both of its names. */
static int
lay_set(json_t *message, const char *name, const char *other, json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return 0;
    }

    return json_object_set(message, name, value)
           | (other == NULL ? 0 : json_object_set(message, other, value));
}


static wa_err_t
lay_one(json_t *message, const wa_media_t *m,
    const wa_media_links_t *links)
{
    int      bad;
    json_t  *o;

    o = wa_media_object(m);

    if (o == NULL || wa_media_sign(o, m, links) != WA_OK) {
        json_decref(o);
        return WA_ERR_NOMEM;
    }

    bad = lay_set(message, "media_id", "mediaId", json_object_get(o, "id"))
          | lay_set(message, "media_url", "mediaUrl",
                    json_object_get(o, "url"))
          | lay_set(message, "media_status", NULL,
                    json_object_get(o, "download_status"))
          | lay_set(message, "media_mime_type", "mediaMimeType",
                    json_object_get(o, "mime_type"))
          | lay_set(message, "media_size", NULL,
                    json_object_get(o, "file_size"))
          | lay_set(message, "media_width", NULL, json_object_get(o, "width"))
          | lay_set(message, "media_height", NULL,
                    json_object_get(o, "height"));

    json_decref(o);

    return bad ? WA_ERR_NOMEM : WA_OK;
}
