/*
 * What all devices of an account know of a chat (HTTP contract 6.2): the
 * history says whose chat it is and which message is its last one, the rest
 * is a command.
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_route.h"

#include "wa_jid.h"


/* A patch may have to be made several times. */
#define NGX_HTTP_WAHUB_CHATS_TIMEOUT  30000
#define NGX_HTTP_WAHUB_CHATS_TS_MAX   99999999999

/* How long the history is waited for: 5, 10, 20 and 40 ms, then 50 each. */
#define NGX_HTTP_WAHUB_CHATS_TURNS    20
#define NGX_HTTP_WAHUB_CHATS_FIRST    5
#define NGX_HTTP_WAHUB_CHATS_PAUSE    50


static const ngx_http_wahub_field_t  ngx_http_wahub_chat_flags[] = {
    { "archived|is_archived", "archived", ngx_http_wahub_field_bool, 0, 0,
      0, 0 },
    { "pinned|is_pinned", "pinned", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "muted|is_muted", "muted", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { "unread", "unread", ngx_http_wahub_field_bool, 0, 0, 0, 0 },
    { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
};


static ngx_int_t ngx_http_wahub_chats_until(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_chats_find(ngx_http_wahub_ctx_t *ctx);
static wa_err_t ngx_http_wahub_chats_run(wa_sql_t *db, void *data);
static void ngx_http_wahub_chats_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static json_t *ngx_http_wahub_chats_last(json_t *chat);
static void ngx_http_wahub_chats_act(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_chats_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_chats_reread(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_chats_reread_done(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static ngx_uint_t ngx_http_wahub_chats_shows(ngx_http_wahub_ctx_t *ctx,
    json_t *chat);
static json_t *ngx_http_wahub_chats_object(ngx_http_wahub_ctx_t *ctx);


/* ctx->args: the verb's; later with the chat, "object". */
void
ngx_http_wahub_chats_patch(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, ngx_http_wahub_chat_flags, ctx->args)
        != NGX_OK
        || ngx_http_wahub_chats_until(ctx) != NGX_OK)
    {
        return;
    }

    if (json_object_size(ctx->args) == 0) {
        ngx_http_wahub_error_field(ctx, "archived", "REQUIRED",
            "at least one of archived, pinned, muted_until, muted, unread");
        return;
    }

    ngx_http_wahub_history_account(ctx, ngx_http_wahub_chats_find);
}


/* muted_until: unix s, null: not muted any more. */
static ngx_int_t
ngx_http_wahub_chats_until(ngx_http_wahub_ctx_t *ctx)
{
    int         rc;
    json_t     *until;
    json_int_t  ts;

    until = ngx_http_wahub_body_member(ctx, "muted_until|mute_expiry");

    if (until == NULL) {
        return NGX_OK;
    }

    if (json_object_get(ctx->args, "muted") != NULL) {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return NGX_ERROR;
    }

    ts = json_integer_value(until);

    if (json_is_null(until) == 0
        && (ts <= (json_int_t) ngx_time()
            || ts > NGX_HTTP_WAHUB_CHATS_TS_MAX))
    {
        ngx_http_wahub_error_field(ctx, "muted_until", "INVALID",
            "muted_until: must be a time to come, in unix seconds, or null");
        return NGX_ERROR;
    }

    rc = json_object_set_new(ctx->args, "muted",
                             json_boolean(json_is_integer(until)));

    if (json_is_integer(until)) {
        rc |= json_object_set(ctx->args, "muted_until", until);
    }

    if (rc != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_wahub_chats_delete(ngx_http_wahub_ctx_t *ctx)
{
    ctx->args = json_object();
    ngx_http_wahub_history_account(ctx, ngx_http_wahub_chats_find);
}


void
ngx_http_wahub_chats_clear(ngx_http_wahub_ctx_t *ctx)
{
    static const ngx_http_wahub_field_t  fields[] = {
        { "keep_starred", "keep_starred", ngx_http_wahub_field_bool, 0, 0,
          0, 0 },
        { NULL, NULL, ngx_http_wahub_field_text, 0, 0, 0, 0 }
    };

    ctx->args = json_object();

    if (ngx_http_wahub_body_fields(ctx, fields, ctx->args) == NGX_OK) {
        ngx_http_wahub_history_account(ctx, ngx_http_wahub_chats_find);
    }
}


static void
ngx_http_wahub_chats_find(ngx_http_wahub_ctx_t *ctx)
{
    ngx_http_wahub_history_row(ctx, ngx_http_wahub_chats_run,
                               ngx_http_wahub_chats_found);
}


static wa_err_t
ngx_http_wahub_chats_run(wa_sql_t *db, void *data)
{
    json_t                    *chat;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;

    rc = wa_archive_chat(db, &h->q, h->ref, &chat);

    if (rc != WA_OK || chat == NULL) {
        return rc;
    }

    wa_archive_chat_now(chat, h->links.now);

    return ngx_http_wahub_history_body(h, chat);
}


static void
ngx_http_wahub_chats_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    int         rc;
    json_t     *chat, *last;
    ngx_str_t  *account;

    if (body->n == 0) {
        ngx_http_wahub_history_again(ctx, "CHAT_NOT_FOUND",
                                     ngx_http_wahub_chats_find);
        return;
    }

    chat = json_loadb((const char *) body->p, body->n, JSON_ALLOW_NUL, NULL);
    wa_buf_free(body);

    account = ngx_palloc(ctx->request->pool, sizeof(ngx_str_t));
    last = ngx_http_wahub_chats_last(chat);
    (void) json_object_del(chat, "recent_messages");

    rc = json_object_set(ctx->args, "jid", json_object_get(chat, "jid"));

    if (last != NULL) {
        rc |= json_object_set_new(ctx->args, "last", last);
    }

    rc |= json_object_set_new(ctx->args, "object", chat);

    if (rc != 0 || account == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    /* lives as long as ctx->args */
    *account = ngx_http_wahub_json_str(json_object_get(chat, "account_id"));
    ngx_http_wahub_lookup_account(ctx, account, ngx_http_wahub_chats_act);
}


/* New reference; NULL: it has no messages. */
static json_t *
ngx_http_wahub_chats_last(json_t *chat)
{
    json_t  *m, *sender;

    m = json_array_get(json_object_get(chat, "recent_messages"), 0);
    sender = json_object_get(m, "participant");

    return json_is_string(json_object_get(m, "message_id")) == 0 ? NULL
           : json_pack("{s:O, s:O, s:O, s:O*}",
                       "id", json_object_get(m, "message_id"),
                       "from_me", json_object_get(m, "from_me"),
                       "timestamp", json_object_get(m, "timestamp"),
                       "sender", json_is_string(sender) ? sender : NULL);
}


static void
ngx_http_wahub_chats_act(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *args;

    static const char *const  verbs[] = {
        "chat.change", "chat.delete", "chat.clear"
    };

    args = json_copy(ctx->args);

    if (args == NULL
        || json_object_set_new(args, "verb",
                               json_string(verbs[ctx->route->arg])) != 0)
    {
        json_decref(args);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    (void) json_object_del(args, "object");
    (void) json_object_del(args, "again");

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY, args,
                             NGX_HTTP_WAHUB_CHATS_TIMEOUT,
                             ngx_http_wahub_chats_done);
}


static void
ngx_http_wahub_chats_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);
        return;
    }

    switch (ctx->route->arg) {

    case NGX_HTTP_WAHUB_CHATS_DELETE:
        ngx_http_wahub_answer_done(ctx, "Chat deleted");
        break;

    case NGX_HTTP_WAHUB_CHATS_CLEAR:
        ngx_http_wahub_answer_done(ctx, "Chat cleared");
        break;

    default:
        ngx_http_wahub_chats_reread(ctx);
    }
}


/* The history has the change, and what was changed before, in a moment. */
static void
ngx_http_wahub_chats_reread(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t            ref;
    wa_archive_query_t   q;

    ref = ngx_http_wahub_json_str(json_object_get(ctx->args, "jid"));
    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_then(ctx, &q, &ref, "CHAT_NOT_FOUND",
                                ngx_http_wahub_chats_run,
                                ngx_http_wahub_chats_reread_done);
}


static void
ngx_http_wahub_chats_reread_done(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    json_t      *chat;
    json_int_t   turn;

    chat = json_loadb((const char *) body->p, body->n, JSON_ALLOW_NUL, NULL);
    wa_buf_free(body);

    turn = json_integer_value(json_object_get(ctx->args, "turn"));
    (void) json_object_del(chat, "recent_messages");

    if (json_object_set_new(ctx->args, "object", json_incref(chat)) != 0
        || json_object_set_new(ctx->args, "turn", json_integer(turn + 1))
           != 0)
    {
        json_decref(chat);
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (turn < NGX_HTTP_WAHUB_CHATS_TURNS
        && ngx_http_wahub_chats_shows(ctx, chat) == 0)
    {
        json_decref(chat);
        ngx_http_wahub_wait_timer(ctx,
                                  ngx_min(NGX_HTTP_WAHUB_CHATS_FIRST << turn,
                                          NGX_HTTP_WAHUB_CHATS_PAUSE),
                                  ngx_http_wahub_chats_reread);
        return;
    }

    json_decref(chat);
    ngx_http_wahub_answer(ctx, NGX_HTTP_OK, ngx_http_wahub_chats_object(ctx));
}


static ngx_uint_t
ngx_http_wahub_chats_shows(ngx_http_wahub_ctx_t *ctx, json_t *chat)
{
    ngx_uint_t   i;
    json_t      *v, *until;
    json_int_t   unread;

    static const char *const  flags[][2] = {
        { "archived", "is_archived" }, { "pinned", "is_pinned" },
        { "muted", "is_muted" }
    };

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        v = json_object_get(ctx->args, flags[i][0]);

        if (v != NULL && v != json_object_get(chat, flags[i][1])) {
            return 0;
        }
    }

    until = json_object_get(ctx->args, "muted_until");

    if (until != NULL
        && json_equal(until, json_object_get(chat, "mute_expiry")) == 0)
    {
        return 0;
    }

    v = json_object_get(ctx->args, "unread");
    unread = json_integer_value(json_object_get(chat, "unread_count"));

    return v == NULL || (json_is_true(v) ? unread > 0 : unread == 0);
}


/* New reference; what the history does not have yet is laid over it. */
static json_t *
ngx_http_wahub_chats_object(ngx_http_wahub_ctx_t *ctx)
{
    int      rc;
    json_t  *o, *v;

    o = json_incref(json_object_get(ctx->args, "object"));
    rc = 0;
    v = json_object_get(ctx->args, "archived");

    if (v != NULL) {
        rc |= json_object_set(o, "is_archived", v);

        if (json_is_true(v)) {
            rc |= json_object_set_new(o, "is_pinned", json_false());
        }
    }

    v = json_object_get(ctx->args, "pinned");

    if (v != NULL) {
        rc |= json_object_set(o, "is_pinned", v);
    }

    v = json_object_get(ctx->args, "muted");

    if (v != NULL) {
        rc |= json_object_set(o, "is_muted", v);
        v = json_object_get(ctx->args, "muted_until");
        rc |= json_object_set_new(o, "mute_expiry",
                                  v == NULL ? json_null() : json_incref(v));
    }

    v = json_object_get(ctx->args, "unread");

    if (json_is_false(v)) {
        rc |= json_object_set_new(o, "unread_count", json_integer(0));

    } else if (json_is_true(v)
               && json_integer_value(json_object_get(o, "unread_count")) == 0)
    {
        rc |= json_object_set_new(o, "unread_count", json_integer(1));
    }

    if (rc != 0) {
        json_decref(o);
        return NULL;
    }

    return o;
}
