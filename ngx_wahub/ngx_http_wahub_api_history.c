/*
 * Messages and chats, read from the history database (HTTP contract 6.2).
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"
#include "wa_message.h"


#define NGX_HTTP_WAHUB_HISTORY_TEXT_MAX  256
#define NGX_HTTP_WAHUB_HISTORY_TIME_MAX  99999999999


static const char *const  ngx_http_wahub_directions[] = {
    "INBOUND", "OUTBOUND", NULL
};

static const char *const  ngx_http_wahub_statuses[] = {
    "QUEUED", "PENDING", "SENT", "DELIVERED", "READ", "PLAYED", "FAILED",
    "CANCELLED", "RECEIVED", NULL
};

static const char *const  ngx_http_wahub_receipts[] = { "receipts", NULL };
static const char *const  ngx_http_wahub_raw[] = { "raw", NULL };
static const char *const  ngx_http_wahub_reactions[] = { "reactions", NULL };

static const ngx_http_wahub_filter_t  ngx_http_wahub_message_filters[] = {
    { "type", NULL, offsetof(wa_archive_query_t, type) },
    { "search", NULL, offsetof(wa_archive_query_t, search) },
    { "direction", ngx_http_wahub_directions,
      offsetof(wa_archive_query_t, direction) },
    { "status", ngx_http_wahub_statuses,
      offsetof(wa_archive_query_t, status) },
    { NULL, NULL, 0 }
};

static const ngx_http_wahub_filter_t  ngx_http_wahub_chat_filters[] = {
    { "search", NULL, offsetof(wa_archive_query_t, search) },
    { NULL, NULL, 0 }
};

/* Filters of the contract that this version does not have: an answer that
   ignored them would be wrong. */
static const char *const  ngx_http_wahub_message_later[] = {
    "conversationId", "campaign", NULL
};


static void ngx_http_wahub_history_messages_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_message_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_message_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_history_chats_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_chat_query(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_history_chat_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static ngx_int_t ngx_http_wahub_history_include(ngx_http_wahub_ctx_t *ctx,
    wa_archive_query_t *q, ngx_uint_t single);
static ngx_int_t ngx_http_wahub_history_kind(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q);
static ngx_int_t ngx_http_wahub_history_order(ngx_http_wahub_ctx_t *ctx,
    wa_archive_query_t *q);


/* -- thread: queries and the shape of their answers ----------------------- */

wa_err_t
ngx_http_wahub_history_list(ngx_http_wahub_history_t *h)
{
    json_t      *items;
    json_int_t   limit, offset, total, pages;

    items = h->page.items;
    h->page.items = NULL;

    limit = h->q.limit;
    offset = h->q.offset;
    total = h->page.total;
    pages = (total + limit - 1) / limit;

    return ngx_http_wahub_history_body(h,
        json_pack("{s:b,s:o,s:I,s:I,s:I,s:{s:I,s:I,s:I,s:I,s:I}}",
                  "success", 1, "data", items, "total", total,
                  "limit", limit, "offset", offset, "pagination",
                  "page", offset / limit + 1, "limit", limit,
                  "total", total, "pages", pages, "totalPages", pages));
}


wa_err_t
ngx_http_wahub_history_page(wa_sql_t *db, void *data,
    wa_err_t (*list)(wa_sql_t *db, const wa_archive_query_t *q,
    wa_archive_page_t *out))
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = list(db, &h->q, &h->page);

    return rc == WA_OK ? ngx_http_wahub_history_list(h) : rc;
}


static wa_err_t
ngx_http_wahub_history_run_messages(wa_sql_t *db, void *data)
{
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_messages(db, &h->q, &h->page);

    if (rc == WA_OK) {
        rc = ngx_http_wahub_history_media(db, h, h->page.items);
    }

    return rc == WA_OK ? ngx_http_wahub_history_list(h) : rc;
}


static wa_err_t
ngx_http_wahub_history_run_chats(wa_sql_t *db, void *data)
{
    size_t                     i;
    json_t                    *chat;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_chats(db, &h->q, &h->page);

    if (rc != WA_OK) {
        return rc;
    }

    json_array_foreach(h->page.items, i, chat) {
        wa_archive_chat_now(chat, h->links.now);
    }

    return ngx_http_wahub_history_list(h);
}


static wa_err_t
ngx_http_wahub_history_run_message(wa_sql_t *db, void *data)
{
    json_t                    *json;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_message(db, &h->q, h->ref, &json);

    if (rc != WA_OK || json == NULL) {
        return rc;
    }

    rc = ngx_http_wahub_history_media(db, h, json);

    if (rc != WA_OK) {
        json_decref(json);
        return rc;
    }

    return ngx_http_wahub_history_body(h, json);
}


static wa_err_t
ngx_http_wahub_history_run_chat(wa_sql_t *db, void *data)
{
    json_t                    *json;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_chat(db, &h->q, h->ref, &json);

    if (rc != WA_OK || json == NULL) {
        return rc;
    }

    wa_archive_chat_now(json, h->links.now);

    rc = ngx_http_wahub_history_media(db, h, json_object_get(json,
                                                  "recent_messages"));

    if (rc != WA_OK) {
        json_decref(json);
        return rc;
    }

    return ngx_http_wahub_history_body(h, json);
}


/* -- rows ---------------------------------------------------------------- */

void
ngx_http_wahub_history_messages(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 50) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_history_messages_query);
    }
}


static void
ngx_http_wahub_history_messages_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_absent(ctx, ngx_http_wahub_message_later)
           != NGX_OK
        || ngx_http_wahub_history_filters(ctx, ngx_http_wahub_message_filters,
                                          &q) != NGX_OK
        || ngx_http_wahub_history_kind(ctx, &q) != NGX_OK
        || ngx_http_wahub_history_jid(ctx, "chat", &q.chat) != NGX_OK
        || ngx_http_wahub_history_jid(ctx, "from", &q.from) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "before", &q.before) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "after", &q.after) != NGX_OK
        || ngx_http_wahub_history_flag(ctx, "from_me", &q.from_me) != NGX_OK
        || ngx_http_wahub_history_flag(ctx, "has_media", &q.has_media)
           != NGX_OK
        || ngx_http_wahub_history_include(ctx, &q, 0) != NGX_OK
        || ngx_http_wahub_history_order(ctx, &q) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_history_run_messages);
}


void
ngx_http_wahub_history_message(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_history_message_query);
}


static void
ngx_http_wahub_history_message_query(ngx_http_wahub_ctx_t *ctx)
{
    json_t              *text;
    wa_archive_query_t   q;

    /* what is no UTF-8 or too long, nobody has ever been given */

    text = ngx_http_wahub_json_text(&ctx->params[0]);

    if (text == NULL
        || ctx->params[0].len > NGX_HTTP_WAHUB_HISTORY_TEXT_MAX)
    {
        json_decref(text);
        ngx_http_wahub_error(ctx, "MESSAGE_NOT_FOUND", NULL);
        return;
    }

    json_decref(text);

    ctx->vars.message_id = ctx->params[0];
    ngx_http_wahub_history_query(ctx, NULL, &q);

    if (ngx_http_wahub_history_include(ctx, &q, 1) != NGX_OK) {
        return;
    }

    if (q.raw && (ctx->access & NGX_HTTP_WAHUB_ACCESS_MANAGE) == 0) {
        ngx_http_wahub_error(ctx, "INSUFFICIENT_SCOPE", NULL);
        return;
    }

    ngx_http_wahub_history_then(ctx, &q, &ctx->params[0], NULL,
                                ngx_http_wahub_history_run_message,
                                ngx_http_wahub_history_message_found);
}


static void
ngx_http_wahub_history_message_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body)
{
    ngx_http_wahub_history_found(ctx, body, "MESSAGE_NOT_FOUND",
                                 ngx_http_wahub_history_message_query);
}


void
ngx_http_wahub_history_chats(ngx_http_wahub_ctx_t *ctx)
{
    if (ngx_http_wahub_page_open_cursor(ctx, 100) != NULL) {
        ngx_http_wahub_history_account(ctx,
                                       ngx_http_wahub_history_chats_query);
    }
}


static void
ngx_http_wahub_history_chats_query(ngx_http_wahub_ctx_t *ctx)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_filters(ctx, ngx_http_wahub_chat_filters, &q)
           != NGX_OK
        || ngx_http_wahub_history_flag(ctx, "archived", &q.archived)
           != NGX_OK
        || ngx_http_wahub_history_flag(ctx, "unread", &q.unread) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL,
                                 ngx_http_wahub_history_run_chats);
}


void
ngx_http_wahub_history_chat(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_history_chat_query);
}


static void
ngx_http_wahub_history_chat_query(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_row(ctx, ngx_http_wahub_history_run_chat,
                               ngx_http_wahub_history_chat_found);
}


static void
ngx_http_wahub_history_chat_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    ngx_http_wahub_history_found(ctx, body, "CHAT_NOT_FOUND",
                                 ngx_http_wahub_history_chat_query);
}


void
ngx_http_wahub_history_of_person(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_sql_pt run)
{
    wa_archive_query_t  q;

    ngx_http_wahub_history_query(ctx, ctx->state, &q);

    if (ngx_http_wahub_history_jid(ctx, "jid", &q.from) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "before", &q.before) != NGX_OK
        || ngx_http_wahub_history_time(ctx, "after", &q.after) != NGX_OK)
    {
        return;
    }

    ngx_http_wahub_history_start(ctx, &q, NULL, NULL, NULL, run);
}


void
ngx_http_wahub_history_row(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_sql_pt run, ngx_http_wahub_history_pt then)
{
    char                 jid[WA_JID_TEXT_MAX + 1];
    ngx_str_t            ref;
    wa_archive_query_t   q;

    if (ngx_http_wahub_path_jid(ctx, 0, NULL, NULL, jid) != NGX_OK) {
        return;
    }

    ref = ngx_http_wahub_cstr(jid);

    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_then(ctx, &q, &ref, NULL, run, then);
}


/* -- filters: NGX_ERROR answered ------------------------------------------ */

ngx_int_t
ngx_http_wahub_history_absent(ngx_http_wahub_ctx_t *ctx,
    const char *const *names)
{
    ngx_str_t  value;

    for ( /* void */ ; *names != NULL; names++) {
        if (ngx_http_wahub_query(ctx->request, *names, &value)
            != NGX_DECLINED)
        {
            ngx_http_wahub_error_query(ctx, *names);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wahub_history_word(const ngx_str_t *value, const char *const *words)
{
    for ( /* void */ ; *words != NULL; words++) {
        if (value->len == ngx_strlen(*words)
            && ngx_memcmp(value->data, *words, value->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_wahub_history_text(const ngx_str_t *value)
{
    json_t  *text;

    if (value->len > NGX_HTTP_WAHUB_HISTORY_TEXT_MAX) {
        return 0;
    }

    text = ngx_http_wahub_json_text(value);
    json_decref(text);

    return text != NULL;
}


ngx_int_t
ngx_http_wahub_history_filters(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_filter_t *filter, wa_archive_query_t *q)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    wa_span_t  *span;

    for ( /* void */ ; filter->name != NULL; filter++) {
        rc = ngx_http_wahub_query(ctx->request, filter->name, &value);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc == NGX_ERROR || value.len == 0
            || (filter->words == NULL
                ? ngx_http_wahub_history_text(&value) == 0
                : ngx_http_wahub_history_word(&value, filter->words) == 0))
        {
            ngx_http_wahub_error_query(ctx, filter->name);
            return NGX_ERROR;
        }

        span = (wa_span_t *) (void *) ((u_char *) q + filter->offset);
        *span = ngx_http_wahub_span(&value);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_history_jid(ngx_http_wahub_ctx_t *ctx, const char *name,
    wa_span_t *span)
{
    char       *jid;
    ngx_int_t   rc;
    ngx_str_t   value;

    rc = ngx_http_wahub_query(ctx->request, name, &value);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    jid = ngx_pnalloc(ctx->request->pool, WA_JID_TEXT_MAX + 1);

    if (rc == NGX_ERROR || jid == NULL || value.len > 128
        || wa_recipient_parse(ngx_http_wahub_span(&value), jid,
                              WA_JID_TEXT_MAX + 1)
           != WA_OK)
    {
        ngx_http_wahub_error_query(ctx, name);
        return NGX_ERROR;
    }

    *span = wa_span_str(jid);

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_history_time(ngx_http_wahub_ctx_t *ctx, const char *name,
    int64_t *time)
{
    ngx_int_t  value;

    value = 0;

    if (ngx_http_wahub_query_int(ctx->request, name, 0,
                                 NGX_HTTP_WAHUB_HISTORY_TIME_MAX, &value)
        == NGX_ERROR)
    {
        ngx_http_wahub_error_query(ctx, name);
        return NGX_ERROR;
    }

    *time = value;

    return NGX_OK;
}


ngx_int_t
ngx_http_wahub_history_flag(ngx_http_wahub_ctx_t *ctx, const char *name,
    int *flag)
{
    ngx_int_t   rc;
    ngx_uint_t  value;

    rc = ngx_http_wahub_query_bool(ctx->request, name, &value);

    if (rc == NGX_ERROR) {
        ngx_http_wahub_error_query(ctx, name);
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        *flag = (int) value;
    }

    return NGX_OK;
}


/* receipts and reactions, of a single message raw, with a comma between. */
static ngx_int_t
ngx_http_wahub_history_include(ngx_http_wahub_ctx_t *ctx,
    wa_archive_query_t *q, ngx_uint_t single)
{
    u_char     *p, *end, *last;
    ngx_int_t   rc;
    ngx_str_t   value, word;

    rc = ngx_http_wahub_query(ctx->request, "include", &value);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        ngx_http_wahub_error_query(ctx, "include");
        return NGX_ERROR;
    }

    last = value.data + value.len;

    for (p = value.data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        word.data = p;
        word.len = (size_t) (end - p);

        if (ngx_http_wahub_history_word(&word, ngx_http_wahub_receipts)) {
            q->receipts = true;

        } else if (ngx_http_wahub_history_word(&word,
                                               ngx_http_wahub_reactions))
        {
            q->reactions = true;

        } else if (single
                   && ngx_http_wahub_history_word(&word, ngx_http_wahub_raw))
        {
            q->raw = true;

        } else {
            ngx_http_wahub_error_query(ctx, "include");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* References 001 and 003 write the types in different cases. */
static ngx_int_t
ngx_http_wahub_history_kind(ngx_http_wahub_ctx_t *ctx,
    const wa_archive_query_t *q)
{
    if (q->type.p == NULL || wa_kind_is_name(q->type)) {
        return NGX_OK;
    }

    ngx_http_wahub_error_query(ctx, "type");

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wahub_history_order(ngx_http_wahub_ctx_t *ctx,
    wa_archive_query_t *q)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_http_wahub_query(ctx->request, "order", &value);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_OK && value.len == 3
        && ngx_strncasecmp(value.data, (u_char *) "asc", 3) == 0)
    {
        q->ascending = true;
        return NGX_OK;
    }

    if (rc == NGX_OK && value.len == 4
        && ngx_strncasecmp(value.data, (u_char *) "desc", 4) == 0)
    {
        return NGX_OK;
    }

    ngx_http_wahub_error_query(ctx, "order");

    return NGX_ERROR;
}
