/*
 * Account lookups.
 *
 *     <prefix>:t:<tenant>       session_id -> "<account id>|<unix s>"
 *     <prefix>:{sN}:a:<id>      field "view": the account's public object
 *
 * An account belongs to the tenant that its view names; the tenant's hash
 * only leads there.  The worker that holds the account knows what the view
 * says without asking, and the row that sends wants no more than names.
 */
#include "ngx_http_wahub_lookup.h"

#include "ngx_http_wahub_account.h"
#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_view.h"
#include "ngx_http_wahub_wait.h"


/* A reservation without an account is dead after this time. */
#define NGX_HTTP_WAHUB_RESERVED_MAX  60     /* s */


/* Account hash, lease; channels. */
#define NGX_HTTP_WAHUB_VIEW_KEYS     2
#define NGX_HTTP_WAHUB_VIEW_ARGS     3


typedef struct ngx_http_wahub_list_s  ngx_http_wahub_list_t;

/* Room for the keys of one read. */
typedef struct {
    u_char                     account[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                     lease[NGX_HTTP_WAHUB_KEY_MAX];
    u_char                     channel[NGX_HTTP_WAHUB_KEY_MAX];
} ngx_http_wahub_lookup_keys_t;

typedef struct {
    ngx_http_wahub_list_t     *list;
    u_char                     session[64];
    size_t                     session_len;
    u_char                     value[64];   /* "<id>|<s>" */
    size_t                     value_len;
} ngx_http_wahub_entry_t;

/* One read per account, all in one pipeline. */
struct ngx_http_wahub_list_s {
    ngx_http_wahub_wait_t      wait;        /* must be first */
    ngx_http_wahub_worker_t   *worker;
    ngx_http_wahub_views_pt    handler;
    json_t                    *views;
    ngx_uint_t                 pending;
    ngx_str_t                  tenant;      /* in `name` */
    u_char                     name[64];
    unsigned                   failed:1;
    ngx_uint_t                 n;
    ngx_http_wahub_entry_t     entries[1];
};


static void ngx_http_wahub_lookup_by_id(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_lookup_by_session(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_lookup_session(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_lookup_view(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
static ngx_int_t ngx_http_wahub_lookup_here(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *id);
static void ngx_http_wahub_lookup_get(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *id, ngx_http_wahub_reply_pt handler);
static void ngx_http_wahub_lookup_read(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *id, ngx_http_wahub_lookup_keys_t *keys,
    ngx_str_t *argv);
static json_t *ngx_http_wahub_lookup_parse(const ngx_str_t *tenant,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_lookup_choose(ngx_http_wahub_ctx_t *ctx,
    json_t *views);
static void ngx_http_wahub_list_ids(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply);
static ngx_int_t ngx_http_wahub_list_send(ngx_http_wahub_list_t *list,
    ngx_uint_t i);
static void ngx_http_wahub_list_reply(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_list_stale(ngx_http_wahub_entry_t *entry);
static void ngx_http_wahub_list_end(ngx_http_wahub_list_t *list);
static json_t *ngx_http_wahub_list_sort(json_t *views);
static int ngx_libc_cdecl ngx_http_wahub_list_compare(const void *one,
    const void *two);


void
ngx_http_wahub_lookup_account(ngx_http_wahub_ctx_t *ctx,
    const ngx_str_t *ref, ngx_http_wahub_row_pt next)
{
    ctx->ref = *ref;
    ctx->next = next;

    if (ngx_http_wahub_uuid_valid(ref)) {

        if (ngx_http_wahub_lookup_here(ctx, ref) == NGX_OK) {
            next(ctx);
            return;
        }

        ngx_http_wahub_lookup_get(ctx, ref, ngx_http_wahub_lookup_by_id);
        return;
    }

    ngx_http_wahub_lookup_by_session(ctx);
}


/* A session_id may look like an id, so a miss is not the end. */
static void
ngx_http_wahub_lookup_by_id(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply)
{
    json_t  *view;

    view = ngx_http_wahub_lookup_parse(&ctx->vars.tenant, reply);

    if (view == NULL) {
        ngx_http_wahub_lookup_by_session(ctx);
        return;
    }

    ngx_http_wahub_lookup_use(ctx, view);
    json_decref(view);
    ctx->next(ctx);
}


static void
ngx_http_wahub_lookup_by_session(ngx_http_wahub_ctx_t *ctx)
{
    u_char     buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t  argv[3];

    if (ngx_http_wahub_session_valid(&ctx->ref) == 0) {
        ngx_http_wahub_error(ctx, "ACCOUNT_NOT_FOUND", NULL);
        return;
    }

    ngx_str_set(&argv[0], "HGET");
    ngx_http_wahub_key_tenant(ctx->worker->conf, &ctx->vars.tenant, buf,
                              &argv[1]);
    argv[2] = ctx->ref;

    ngx_http_wahub_wait_redis(ctx, ngx_http_wahub_lookup_session, argv, 3);
}


static void
ngx_http_wahub_lookup_session(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply)
{
    ngx_str_t  id;

    id = ngx_http_wahub_redis_str(reply);
    id.len = ngx_min(id.len, NGX_HTTP_WAHUB_UUID_LEN);

    if (ngx_http_wahub_uuid_valid(&id) == 0) {
        ngx_http_wahub_error(ctx, "ACCOUNT_NOT_FOUND", NULL);
        return;
    }

    if (ngx_http_wahub_lookup_here(ctx, &id) == NGX_OK) {
        ctx->next(ctx);
        return;
    }

    ngx_http_wahub_lookup_get(ctx, &id, ngx_http_wahub_lookup_view);
}


static void
ngx_http_wahub_lookup_view(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply)
{
    json_t  *view;

    view = ngx_http_wahub_lookup_parse(&ctx->vars.tenant, reply);

    if (view == NULL) {
        ngx_http_wahub_error(ctx, "ACCOUNT_NOT_FOUND", NULL);
        return;
    }

    ngx_http_wahub_lookup_use(ctx, view);
    json_decref(view);
    ctx->next(ctx);
}


void
ngx_http_wahub_lookup_again(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ctx->next = next;
    ngx_http_wahub_lookup_get(ctx, &ctx->vars.account,
                              ngx_http_wahub_lookup_view);
}


/*
 * NGX_DECLINED: ask the store, which also is the one to say that it is
 * away.  The names are copied: the slot may be gone before the request.
 */
static ngx_int_t
ngx_http_wahub_lookup_here(ngx_http_wahub_ctx_t *ctx, const ngx_str_t *id)
{
    u_char                    *p;
    ngx_str_t                  tenant, session, phone;
    ngx_uint_t                 number;
    ngx_http_wahub_worker_t   *w = ctx->worker;
    ngx_http_wahub_account_t  *slot;

    number = ngx_http_wahub_shard_of(w->conf, id);

    if ((ctx->route->account & NGX_HTTP_WAHUB_ACCOUNT_BRIEF) == 0
        || ngx_http_wahub_redis_up(w->redis) == 0
        || ngx_http_wahub_shard_serves(ngx_http_wahub_shard_get(w, number))
           == 0)
    {
        return NGX_DECLINED;
    }

    slot = ngx_http_wahub_account_find(w, id);

    if (slot == NULL || slot->quiesced) {
        return NGX_DECLINED;
    }

    /* the tenant of an account that is not loaded yet is "" */

    tenant = ngx_http_wahub_cstr(wa_account_tenant(slot->account));

    if (ngx_http_wahub_str_eq(&tenant, &ctx->vars.tenant) == 0) {
        return NGX_DECLINED;
    }

    session = ngx_http_wahub_cstr(wa_account_session_id(slot->account));
    phone = ngx_http_wahub_cstr(wa_account_jid(slot->account));

    p = ngx_pnalloc(ctx->request->pool, id->len + session.len + phone.len);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    ctx->vars.account.data = p;
    ctx->vars.account.len = id->len;
    p = ngx_cpymem(p, id->data, id->len);

    ctx->session.data = p;
    ctx->session.len = session.len;
    p = ngx_cpymem(p, session.data, session.len);

    ctx->phone.data = p;
    ctx->phone.len = phone.len;
    ngx_memcpy(p, phone.data, phone.len);

    return NGX_OK;
}


static void
ngx_http_wahub_lookup_get(ngx_http_wahub_ctx_t *ctx, const ngx_str_t *id,
    ngx_http_wahub_reply_pt handler)
{
    ngx_str_t                      argv[NGX_HTTP_WAHUB_VIEW_ARGS];
    ngx_http_wahub_lookup_keys_t   keys;

    ngx_http_wahub_lookup_read(ctx->worker->conf, id, &keys, argv);
    ngx_http_wahub_wait_eval(ctx, handler, ctx->worker->api->view, argv,
                             NGX_HTTP_WAHUB_VIEW_KEYS,
                             NGX_HTTP_WAHUB_VIEW_ARGS);
}


/* What the script reads: an account's view, and whether its shard has an
   owner: without one the view tells of a connection that is gone. */
static void
ngx_http_wahub_lookup_read(ngx_http_wahub_main_conf_t *wmcf,
    const ngx_str_t *id, ngx_http_wahub_lookup_keys_t *keys, ngx_str_t *argv)
{
    ngx_http_wahub_key_account(wmcf, id, keys->account, &argv[0]);
    ngx_http_wahub_key_shard(wmcf, ngx_http_wahub_shard_of(wmcf, id),
                             "lease", keys->lease, &argv[1]);

    argv[2].data = keys->channel;
    argv[2].len = (size_t) (ngx_snprintf(keys->channel,
                                         NGX_HTTP_WAHUB_KEY_MAX, "%V:m:",
                                         &wmcf->redis_prefix)
                            - keys->channel);
}


/* NULL: absent, unreadable, or another tenant's: all the same outside. */
static json_t *
ngx_http_wahub_lookup_parse(const ngx_str_t *tenant,
    ngx_http_wahub_redis_reply_t *reply)
{
    json_t     *view;
    ngx_str_t   text, owner;

    text = ngx_http_wahub_redis_str(ngx_http_wahub_redis_at(reply, 0));

    if (text.len == 0) {
        return NULL;
    }

    view = json_loadb((char *) text.data, text.len, 0, NULL);
    owner = ngx_http_wahub_view_text(view, "tenant_id");

    if (ngx_http_wahub_str_eq(&owner, tenant) == 0) {
        json_decref(view);
        return NULL;
    }

    if (ngx_http_wahub_redis_int(ngx_http_wahub_redis_at(reply, 1)) == 0) {
        ngx_http_wahub_view_orphan(view);
    }

    return view;
}


void
ngx_http_wahub_lookup_use(ngx_http_wahub_ctx_t *ctx, json_t *view)
{
    json_t     *old;
    u_char     *p;
    ngx_str_t   id;

    old = ctx->view;
    ctx->view = json_incref(view);
    json_decref(old);

    ctx->session = ngx_http_wahub_view_text(view, "session_id");
    ctx->phone = ngx_http_wahub_view_text(view, "phone_number");
    id = ngx_http_wahub_view_text(view, "id");

    if (ngx_http_wahub_str_eq(&id, &ctx->vars.account)) {
        return;
    }

    /* The variable is read when the view may be gone. */

    p = ngx_pstrdup(ctx->request->pool, &id);
    ctx->vars.account.data = p;
    ctx->vars.account.len = (p == NULL) ? 0 : id.len;
}


ngx_int_t
ngx_http_wahub_lookup_selector(ngx_http_wahub_ctx_t *ctx, ngx_str_t *ref)
{
    ngx_int_t   rc;
    ngx_str_t   query, *header;
    json_t     *value;

    ngx_str_null(ref);

    value = ngx_http_wahub_body_get(ctx, "account|account_id|session_id"
                                         "|sessionId|phoneNumberId");

    if (value != NULL && json_is_string(value) == 0) {
        ngx_http_wahub_error_field(ctx, "account", "INVALID_TYPE",
                                   "account: has the wrong type");
        return NGX_ERROR;
    }

    *ref = ngx_http_wahub_json_str(value);

    rc = ngx_http_wahub_query(ctx->request, "account", &query);

    if (rc == NGX_ERROR) {
        ngx_http_wahub_error_query(ctx, "account");
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        if (value != NULL && ngx_http_wahub_str_eq(ref, &query) == 0) {
            ctx->conflict = 1;
        }

        *ref = query;
    }

    header = ngx_http_wahub_header(ctx->request, "x-wahub-account");

    if (header != NULL) {
        if ((value != NULL || rc == NGX_OK)
            && ngx_http_wahub_str_eq(ref, header) == 0)
        {
            ctx->conflict = 1;
        }

        *ref = *header;
    }

    if (ctx->conflict) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    return (value == NULL && rc != NGX_OK && header == NULL) ? NGX_DECLINED
                                                             : NGX_OK;
}


void
ngx_http_wahub_lookup_selected(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_row_pt next)
{
    ngx_int_t  rc;
    ngx_str_t  ref;

    rc = ngx_http_wahub_lookup_selector(ctx, &ref);

    if (rc == NGX_ERROR) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_wahub_lookup_account(ctx, &ref, next);
        return;
    }

    ctx->next = next;
    ngx_http_wahub_lookup_all(ctx, ngx_http_wahub_lookup_choose);
}


static void
ngx_http_wahub_lookup_choose(ngx_http_wahub_ctx_t *ctx, json_t *views)
{
    json_t  *view;

    view = ngx_http_wahub_lookup_default(views);

    if (view == NULL) {
        ngx_http_wahub_error(ctx, "ACCOUNT_NOT_FOUND", NULL);
        return;
    }

    ngx_http_wahub_lookup_use(ctx, view);
    ctx->next(ctx);
}


/* The oldest with the flag; without any, the oldest. */
json_t *
ngx_http_wahub_lookup_default(json_t *views)
{
    size_t   i;
    json_t  *view;

    json_array_foreach(views, i, view) {
        if (json_is_true(json_object_get(view, "is_default"))) {
            return view;
        }
    }

    return json_array_get(views, 0);
}


void
ngx_http_wahub_lookup_all(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_views_pt handler)
{
    u_char     buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t  argv[2];

    ctx->views_handler = handler;

    ngx_str_set(&argv[0], "HGETALL");
    ngx_http_wahub_key_tenant(ctx->worker->conf, &ctx->vars.tenant, buf,
                              &argv[1]);

    ngx_http_wahub_wait_redis(ctx, ngx_http_wahub_list_ids, argv, 2);
}


static void
ngx_http_wahub_list_ids(ngx_http_wahub_ctx_t *ctx,
    ngx_http_wahub_redis_reply_t *reply)
{
    size_t                   size;
    ngx_str_t                session, value;
    ngx_uint_t               i, n;
    ngx_http_wahub_list_t   *list;
    ngx_http_wahub_entry_t  *entry;

    n = ngx_http_wahub_redis_count(reply) / 2;
    size = sizeof(ngx_http_wahub_list_t)
           + n * sizeof(ngx_http_wahub_entry_t);

    list = (ngx_http_wahub_list_t *) ngx_http_wahub_wait_create(ctx, size);

    if (list == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    list->worker = ctx->worker;
    list->handler = ctx->views_handler;
    list->views = json_array();
    list->tenant.data = list->name;
    list->tenant.len = ngx_min(ctx->vars.tenant.len, sizeof(list->name));
    ngx_memcpy(list->name, ctx->vars.tenant.data, list->tenant.len);

    for (i = 0; i < n; i++) {
        session = ngx_http_wahub_redis_str(
                      ngx_http_wahub_redis_at(reply, 2 * i));
        value = ngx_http_wahub_redis_str(
                    ngx_http_wahub_redis_at(reply, 2 * i + 1));

        if (session.len > sizeof(entry->session)
            || value.len > sizeof(entry->value)
            || value.len < NGX_HTTP_WAHUB_UUID_LEN)
        {
            continue;
        }

        entry = &list->entries[list->n++];
        entry->list = list;
        entry->session_len = session.len;
        ngx_memcpy(entry->session, session.data, session.len);
        entry->value_len = value.len;
        ngx_memcpy(entry->value, value.data, value.len);
    }

    /* The last one holds the list together until all are sent. */

    list->pending = 1;

    for (i = 0; i < list->n; i++) {
        if (ngx_http_wahub_list_send(list, i) != NGX_OK) {
            list->failed = 1;
            break;
        }
    }

    ngx_http_wahub_list_end(list);
}


static ngx_int_t
ngx_http_wahub_list_send(ngx_http_wahub_list_t *list, ngx_uint_t i)
{
    ngx_int_t                      rc;
    ngx_str_t                      argv[NGX_HTTP_WAHUB_VIEW_ARGS], id;
    ngx_http_wahub_entry_t        *entry;
    ngx_http_wahub_lookup_keys_t   keys;

    entry = &list->entries[i];
    id.data = entry->value;
    id.len = NGX_HTTP_WAHUB_UUID_LEN;

    ngx_http_wahub_lookup_read(list->worker->conf, &id, &keys, argv);

    rc = ngx_http_wahub_redis_eval(list->worker->redis,
                                   list->worker->api->view,
                                   ngx_http_wahub_list_reply, entry, argv,
                                   NGX_HTTP_WAHUB_VIEW_KEYS,
                                   NGX_HTTP_WAHUB_VIEW_ARGS);

    if (rc == NGX_OK) {
        list->pending++;
    }

    return rc;
}


static void
ngx_http_wahub_list_reply(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    json_t                  *view;
    ngx_connection_t        *c;
    ngx_http_wahub_ctx_t    *ctx;
    ngx_http_wahub_list_t   *list;
    ngx_http_wahub_entry_t  *entry;

    entry = data;
    list = entry->list;
    ctx = list->wait.ctx;
    c = (ctx == NULL) ? NULL : ctx->request->connection;

    if (reply == NULL
        || ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error)
    {
        list->failed = 1;

    } else if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_nil) {
        ngx_http_wahub_list_stale(entry);

    } else {
        view = ngx_http_wahub_lookup_parse(&list->tenant, reply);

        if (view != NULL && json_array_append_new(list->views, view) != 0) {
            list->failed = 1;
        }
    }

    ngx_http_wahub_list_end(list);

    if (c != NULL) {
        ngx_http_run_posted_requests(c);
    }
}


/* Removes a reservation that never became an account. */
static void
ngx_http_wahub_list_stale(ngx_http_wahub_entry_t *entry)
{
    u_char                  buf[NGX_HTTP_WAHUB_KEY_MAX], *p;
    size_t                  digits;
    ngx_str_t               argv[3];
    ngx_int_t               since;
    ngx_http_wahub_list_t  *list;

    list = entry->list;
    p = entry->value + NGX_HTTP_WAHUB_UUID_LEN;
    digits = entry->value_len - NGX_HTTP_WAHUB_UUID_LEN;

    since = (digits < 2 || *p != '|') ? 0 : ngx_atoi(p + 1, digits - 1);

    if (since == NGX_ERROR) {
        since = 0;
    }

    if (ngx_time() - since < NGX_HTTP_WAHUB_RESERVED_MAX) {
        return;
    }

    ngx_http_wahub_key_tenant(list->worker->conf, &list->tenant, buf,
                              &argv[0]);
    argv[1].data = entry->session;
    argv[1].len = entry->session_len;
    argv[2].data = entry->value;
    argv[2].len = entry->value_len;

    (void) ngx_http_wahub_redis_eval(list->worker->redis,
                                     list->worker->api->unreserve, NULL,
                                     NULL, argv, 1, 3);
}


static void
ngx_http_wahub_list_end(ngx_http_wahub_list_t *list)
{
    json_t                   *views;
    ngx_uint_t                failed;
    ngx_http_wahub_ctx_t     *ctx;
    ngx_http_wahub_views_pt   handler;

    if (--list->pending > 0) {
        return;
    }

    views = list->views;
    failed = list->failed;
    handler = list->handler;
    ctx = ngx_http_wahub_wait_end(&list->wait);

    if (ctx == NULL) {
        json_decref(views);
        return;
    }

    ngx_http_set_log_request(ctx->request->connection->log, ctx->request);

    if (failed) {
        json_decref(views);
        ngx_http_wahub_wait_failed(ctx);
        return;
    }

    views = ngx_http_wahub_list_sort(views);

    if (views == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    handler(ctx, views);
    json_decref(views);
}


/* Takes the reference; a new array, oldest account first. */
static json_t *
ngx_http_wahub_list_sort(json_t *views)
{
    size_t    i, n;
    json_t  **items, *sorted;

    n = json_array_size(views);
    items = ngx_alloc((n + 1) * sizeof(json_t *), ngx_cycle->log);
    sorted = json_array();

    if (items == NULL || sorted == NULL) {
        goto failed;
    }

    for (i = 0; i < n; i++) {
        items[i] = json_array_get(views, i);
    }

    ngx_qsort(items, n, sizeof(json_t *), ngx_http_wahub_list_compare);

    for (i = 0; i < n; i++) {
        if (json_array_append(sorted, items[i]) != 0) {
            goto failed;
        }
    }

    ngx_free(items);
    json_decref(views);

    return sorted;

failed:

    if (items != NULL) {
        ngx_free(items);
    }

    json_decref(sorted);
    json_decref(views);

    return NULL;
}


static int ngx_libc_cdecl
ngx_http_wahub_list_compare(const void *one, const void *two)
{
    int           rc;
    const char   *a, *b;
    json_t *const  *first, *const  *second;

    first = one;
    second = two;
    a = json_string_value(json_object_get(*first, "created_at"));
    b = json_string_value(json_object_get(*second, "created_at"));
    rc = strcmp(a == NULL ? "" : a, b == NULL ? "" : b);

    if (rc != 0) {
        return rc;
    }

    a = json_string_value(json_object_get(*first, "id"));
    b = json_string_value(json_object_get(*second, "id"));

    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}


ngx_uint_t
ngx_http_wahub_uuid_valid(const ngx_str_t *s)
{
    size_t  i;
    u_char  ch;

    if (s->len != NGX_HTTP_WAHUB_UUID_LEN) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (ch != '-') {
                return 0;
            }

            continue;
        }

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'f')) {
            return 0;
        }
    }

    return 1;
}
