/*
 * /api/whatsapp/session: reference 004 (HTTP contract 4.4).
 */
#include "ngx_http_wahub_route.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_page.h"
#include "ngx_http_wahub_view.h"


/* The summary's classes; they are disjoint and add up. */
typedef enum {
    ngx_http_wahub_class_connected = 0,
    ngx_http_wahub_class_disconnected,
    ngx_http_wahub_class_loading,
    ngx_http_wahub_class_qr,
    ngx_http_wahub_class_error,
    ngx_http_wahub_class_max
} ngx_http_wahub_class_e;

static const char  *ngx_http_wahub_classes[] = {
    "connected", "disconnected", "loading", "needsQR", "error"
};

/* Status words that are not a class name at the same time. */
static const char  *ngx_http_wahub_item_statuses[] = {
    "session_not_connected", "connecting", "qr_generated", "authenticated",
    "session_connected", "auth_failure", NULL
};


static void ngx_http_wahub_realtime_listed(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static ngx_http_wahub_class_e ngx_http_wahub_realtime_class(json_t *view);
static ngx_uint_t ngx_http_wahub_realtime_wanted(json_t *view,
    const ngx_str_t *status, const ngx_str_t *user);
static ngx_uint_t ngx_http_wahub_realtime_known(const ngx_str_t *status);
static ngx_int_t ngx_http_wahub_realtime_insert(json_t *list, json_t *view);


void
ngx_http_wahub_realtime_status(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *item;

    item = ngx_http_wahub_view_item(ctx->view);

    if (item == NULL
        || json_object_set_new(item, "qrImage",
                               ngx_http_wahub_view_qr_image(ctx->view)) != 0)
    {
        json_decref(item);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                          json_pack("{s:b,s:o}", "success", 1,
                                    "data", item));
}


void
ngx_http_wahub_realtime_list(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  status;

    rc = ngx_http_wahub_query(ctx->request, "status", &status);

    if (rc == NGX_ERROR
        || (rc == NGX_OK && ngx_http_wahub_realtime_known(&status) == 0))
    {
        ngx_http_wahub_error_query(ctx, "status");
        return;
    }

    ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_realtime_listed);
}


static ngx_uint_t
ngx_http_wahub_realtime_known(const ngx_str_t *status)
{
    ngx_str_t    word;
    ngx_uint_t   i;

    for (i = 0; i < ngx_http_wahub_class_max; i++) {
        word = ngx_http_wahub_cstr(ngx_http_wahub_classes[i]);

        if (ngx_http_wahub_str_eq(&word, status)) {
            return 1;
        }
    }

    for (i = 0; ngx_http_wahub_item_statuses[i] != NULL; i++) {
        word = ngx_http_wahub_cstr(ngx_http_wahub_item_statuses[i]);

        if (ngx_http_wahub_str_eq(&word, status)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_wahub_realtime_listed(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    size_t        i;
    json_t       *view, *list, *summary;
    ngx_str_t     status, user;
    json_int_t    counts[ngx_http_wahub_class_max], total;

    ngx_memzero(counts, sizeof(counts));
    ngx_str_null(&status);
    ngx_str_null(&user);
    (void) ngx_http_wahub_query(ctx->request, "status", &status);
    (void) ngx_http_wahub_query(ctx->request, "userId", &user);

    total = 0;
    list = json_array();

    json_array_foreach(views, i, view) {
        if (ngx_http_wahub_realtime_wanted(view, &status, &user) == 0) {
            continue;
        }

        total++;
        counts[ngx_http_wahub_realtime_class(view)]++;

        if (ngx_http_wahub_realtime_insert(list, view) != NGX_OK) {
            json_decref(list);
            ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
            return;
        }
    }

    while (json_array_size(list) > NGX_HTTP_WAHUB_LIMIT_MAX) {
        (void) json_array_remove(list, json_array_size(list) - 1);
    }

    summary = json_object();

    for (i = 0; i < ngx_http_wahub_class_max; i++) {
        (void) json_object_set_new(summary, ngx_http_wahub_classes[i],
                                   json_integer(counts[i]));
    }

    (void) json_object_set_new(summary, "total", json_integer(total));

    ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
        json_pack("{s:b,s:o,s:o,s:o}", "success", 1, "data", list,
                  "summary", summary, "timestamp",
                  ngx_http_wahub_json_iso(ngx_http_wahub_wall_ms())));
}


static ngx_http_wahub_class_e
ngx_http_wahub_realtime_class(json_t *view)
{
    ngx_str_t  qr;

    switch (ngx_http_wahub_view_state(view)) {

    case WA_STATE_READY:
        return ngx_http_wahub_class_connected;

    case WA_STATE_CONNECTING:
    case WA_STATE_LOADING:
    case WA_STATE_PASSKEY:
    case WA_STATE_AUTH:
        return ngx_http_wahub_class_loading;

    case WA_STATE_QR:
        qr = ngx_http_wahub_view_qr(view);

        return qr.len > 0 ? ngx_http_wahub_class_qr
                          : ngx_http_wahub_class_disconnected;

    case WA_STATE_AUTH_FAILURE:
    case WA_STATE_ERROR:
        return ngx_http_wahub_class_error;

    default:
        return ngx_http_wahub_class_disconnected;
    }
}


static ngx_uint_t
ngx_http_wahub_realtime_wanted(json_t *view, const ngx_str_t *status,
    const ngx_str_t *user)
{
    ngx_str_t               word, owner;
    ngx_http_wahub_class_e  class;

    if (user->len > 0) {
        owner = ngx_http_wahub_view_text(view, "user_id");

        if (owner.len == 0) {
            ngx_str_set(&owner, "system");
        }

        if (ngx_http_wahub_str_eq(&owner, user) == 0) {
            return 0;
        }
    }

    if (status->len == 0) {
        return 1;
    }

    class = ngx_http_wahub_realtime_class(view);
    word = ngx_http_wahub_cstr(ngx_http_wahub_classes[class]);

    if (ngx_http_wahub_str_eq(&word, status)) {
        return 1;
    }

    word = ngx_http_wahub_cstr(ngx_http_wahub_view_status_item(view));

    return ngx_http_wahub_str_eq(&word, status);
}


/* Newest update first. */
static ngx_int_t
ngx_http_wahub_realtime_insert(json_t *list, json_t *view)
{
    size_t       i;
    json_t      *item, *other;
    ngx_str_t    qr;
    const char  *updated, *before;

    item = ngx_http_wahub_view_item(view);

    if (item == NULL) {
        return NGX_ERROR;
    }

    qr = ngx_http_wahub_view_qr(view);
    updated = json_string_value(json_object_get(item, "updatedAt"));
    updated = (updated == NULL) ? "" : updated;

    if (json_object_set_new(item, "hasQR", json_boolean(qr.len > 0)) != 0
        || json_object_set_new(item, "lastUpdated", json_string(updated))
           != 0)
    {
        json_decref(item);
        return NGX_ERROR;
    }

    json_array_foreach(list, i, other) {
        before = json_string_value(json_object_get(other, "updatedAt"));

        if (strcmp(before == NULL ? "" : before, updated) < 0) {
            break;
        }
    }

    return json_array_insert_new(list, i, item) == 0 ? NGX_OK : NGX_ERROR;
}
