/*
 * PATCH and DELETE of one message (HTTP contract 6.2), and the kinds of a send
 * that only change one for the account itself (5.1): the history says whose
 * account and chat it belongs to, the rest is a command like any other.
 */
#include "ngx_http_wahub_history.h"

#include "ngx_http_wahub_body.h"
#include "ngx_http_wahub_error.h"
#include "ngx_http_wahub_idem.h"
#include "ngx_http_wahub_lookup.h"
#include "ngx_http_wahub_route.h"
#include "ngx_http_wahub_send.h"


#define NGX_HTTP_WAHUB_CHANGE_MARGIN  5000      /* ms over send_timeout  */
#define NGX_HTTP_WAHUB_CHANGE_STATE   30000     /* ms                    */


static void ngx_http_wahub_change_find(ngx_http_wahub_ctx_t *ctx);
static wa_err_t ngx_http_wahub_change_run(wa_sql_t *db, void *data);
static int ngx_http_wahub_change_take(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_change_found(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_change_target(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_change_sent(ngx_http_wahub_ctx_t *ctx,
    wa_buf_t *body);
static void ngx_http_wahub_change_act(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_change_send(ngx_http_wahub_ctx_t *ctx,
    const char *type);
static void ngx_http_wahub_change_read(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static ngx_uint_t ngx_http_wahub_change_mine(ngx_http_wahub_ctx_t *ctx);
static void ngx_http_wahub_change_state(ngx_http_wahub_ctx_t *ctx,
    json_t *object);
static void ngx_http_wahub_change_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result);
static json_t *ngx_http_wahub_change_object(ngx_http_wahub_ctx_t *ctx);
static json_t *ngx_http_wahub_change_result(const json_t *object);


/* ctx->args: what is asked for; later with the message, "object", and what
   the command is to know of it, "refer". */
void
ngx_http_wahub_messages_patch(ngx_http_wahub_ctx_t *ctx)
{
    json_t     *text, *status, *starred;
    ngx_str_t   word;

    text = ngx_http_wahub_body_get(ctx, "text|body");
    status = ngx_http_wahub_body_get(ctx, "status");
    starred = ngx_http_wahub_body_get(ctx, "starred|is_starred");

    if (ctx->conflict
        || (text != NULL) + (status != NULL) + (starred != NULL) > 1)
    {
        ngx_http_wahub_error(ctx, "CONFLICTING_PARAMETERS", NULL);
        return;
    }

    if (starred != NULL && json_is_boolean(starred) == 0) {
        ngx_http_wahub_error_field(ctx, "starred", "INVALID_TYPE",
                                   "starred: must be true or false");
        return;
    }

    if (text == NULL && status == NULL && starred == NULL) {
        ngx_http_wahub_error_field(ctx, "text", "REQUIRED",
                                   "text: is required");
        return;
    }

    word = ngx_http_wahub_json_str(status);

    if (status != NULL
        && (word.len != 4 || ngx_memcmp(word.data, "READ", 4) != 0))
    {
        ngx_http_wahub_error_field(ctx, "status", "INVALID",
                                   "status: must be READ");
        return;
    }

    ctx->args = json_pack("{s:O*, s:O*}", "text", text, "starred", starred);

    if (ctx->args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_idem_read(ctx) == NGX_OK) {
        ngx_http_wahub_history_account(ctx, ngx_http_wahub_change_find);
    }
}


void
ngx_http_wahub_messages_delete(ngx_http_wahub_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  who;

    ngx_str_set(&who, "everyone");
    rc = ngx_http_wahub_query(ctx->request, "for", &who);

    if (rc == NGX_DECLINED) {
        ngx_str_set(&who, "everyone");
    }

    ctx->args = rc == NGX_ERROR
                ? NULL : json_pack("{s:o}", "for",
                                   ngx_http_wahub_json_text(&who));

    if (ctx->args == NULL) {
        ngx_http_wahub_error_query(ctx, "for");
        return;
    }

    if (ngx_http_wahub_idem_read(ctx) == NGX_OK) {
        ngx_http_wahub_history_account(ctx, ngx_http_wahub_change_find);
    }
}


static void
ngx_http_wahub_change_find(ngx_http_wahub_ctx_t *ctx)
{
    json_t              *text;
    wa_archive_query_t   q;

    text = ngx_http_wahub_json_text(&ctx->params[0]);
    json_decref(text);

    if (text == NULL || ctx->params[0].len > NGX_HTTP_WAHUB_HISTORY_ID_MAX) {
        ngx_http_wahub_error(ctx, "MESSAGE_NOT_FOUND", NULL);
        return;
    }

    ctx->vars.message_id = ctx->params[0];
    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_then(ctx, &q, &ctx->params[0], NULL,
                                ngx_http_wahub_change_run,
                                ngx_http_wahub_change_found);
}


/* Thread: {object, refer} */
static wa_err_t
ngx_http_wahub_change_run(wa_sql_t *db, void *data)
{
    json_t                    *object, *refer;
    wa_err_t                   rc;
    ngx_http_wahub_history_t  *h = data;
    wa_archive_query_t         q = h->q;

    rc = wa_archive_message(db, &h->q, h->ref, &object);

    if (rc != WA_OK || object == NULL) {
        return rc;
    }

    rc = ngx_http_wahub_history_media(db, h, object);

    q.account = wa_span_str(json_string_value(json_object_get(object,
                                                           "account_id")));
    refer = NULL;

    if (rc == WA_OK) {
        rc = wa_archive_refer(db, &q, h->ref, &refer);
    }

    if (rc != WA_OK) {
        json_decref(object);
        return rc;
    }

    return ngx_http_wahub_history_body(h, json_pack("{s:o, s:o?}", "object",
                                                    object, "refer", refer));
}


/* To ctx->args; not 0: out of memory. */
static int
ngx_http_wahub_change_take(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    int      rc;
    json_t  *found;

    found = json_loadb((const char *) body->p, body->n, JSON_ALLOW_NUL, NULL);
    wa_buf_free(body);

    rc = json_object_update(ctx->args, found);
    json_decref(found);

    return rc;
}


static void
ngx_http_wahub_change_found(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    int         rc;
    ngx_str_t   id, *account;

    if (body->n == 0) {
        ngx_http_wahub_history_again(ctx, "MESSAGE_NOT_FOUND",
                                     ngx_http_wahub_change_find);
        return;
    }

    rc = ngx_http_wahub_change_take(ctx, body);
    id = ngx_http_wahub_json_str(json_object_get(
             json_object_get(ctx->args, "object"), "account_id"));
    account = ngx_palloc(ctx->request->pool, sizeof(ngx_str_t));

    if (rc != 0 || account == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    *account = id;                      /* lives as long as ctx->args */
    ngx_http_wahub_lookup_account(ctx, account, ngx_http_wahub_change_act);
}


static void
ngx_http_wahub_change_act(ngx_http_wahub_ctx_t *ctx)
{
    json_t  *object;

    object = json_object_get(ctx->args, "object");

    if (ngx_http_wahub_change_mine(ctx)) {
        ngx_http_wahub_change_state(ctx, object);

    } else if (json_object_get(ctx->args, "for") != NULL) {
        ngx_http_wahub_change_send(ctx, "delete");

    } else if (json_object_get(ctx->args, "text") != NULL) {
        ngx_http_wahub_change_send(ctx, "edit");

    } else if (json_is_true(json_object_get(object, "from_me"))) {
        ngx_http_wahub_error(ctx, "INVALID_STATE", NULL);

    } else {
        ngx_http_wahub_change_read(ctx, object);
    }
}


static void
ngx_http_wahub_change_send(ngx_http_wahub_ctx_t *ctx, const char *type)
{
    json_t  *args, *object;

    object = json_object_get(ctx->args, "object");

    args = json_pack("{s:s, s:O, s:O, s:s, s:O*, s:O*, s:{s:O?}}",
                     "type", type,
                     "to", json_object_get(object, "remote_jid"),
                     "target_id", json_object_get(object, "id"),
                     "wait", "server",
                     "text", json_object_get(ctx->args, "text"),
                     "for", json_object_get(ctx->args, "for"),
                     "refs", "target_id", json_object_get(ctx->args,
                                                          "refer"));
    if (args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    if (ngx_http_wahub_idem_args(ctx, args) != NGX_OK) {
        json_decref(args);
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_SEND, args,
                             ctx->worker->conf->send_timeout
                             + NGX_HTTP_WAHUB_CHANGE_MARGIN,
                             ngx_http_wahub_change_done);
}


static void
ngx_http_wahub_change_read(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    json_t  *args, *sender;

    sender = json_object_get(object, "participant");

    args = json_pack("{s:s, s:O, s:[O], s:O*}", "verb", "message.read",
                     "jid", json_object_get(object, "remote_jid"),
                     "message_ids", json_object_get(object, "message_id"),
                     "sender", json_is_string(sender) ? sender : NULL);

    if (args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY, args,
                             NGX_HTTP_WAHUB_CALL_TIMEOUT,
                             ngx_http_wahub_change_done);
}


/* What only our own devices get to know: stars, deleted for me. */
static ngx_uint_t
ngx_http_wahub_change_mine(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t  who;

    who = ngx_http_wahub_json_str(json_object_get(ctx->args, "for"));

    return json_object_get(ctx->args, "starred") != NULL
           || (who.len == 2 && ngx_memcmp(who.data, "me", 2) == 0);
}


static void
ngx_http_wahub_change_state(ngx_http_wahub_ctx_t *ctx, json_t *object)
{
    json_t  *args, *sender, *starred;

    starred = json_object_get(ctx->args, "starred");
    sender = json_object_get(object, "participant");

    if (json_is_string(json_object_get(object, "message_id")) == 0) {
        ngx_http_wahub_error(ctx, "INVALID_STATE", NULL);
        return;
    }

    args = json_pack("{s:s, s:O, s:O, s:O, s:O, s:O*, s:O*}", "verb",
                     starred != NULL ? "message.star" : "message.hide",
                     "jid", json_object_get(object, "remote_jid"),
                     "message_id", json_object_get(object, "message_id"),
                     "from_me", json_object_get(object, "from_me"),
                     "timestamp", json_object_get(object, "timestamp"),
                     "sender", json_is_string(sender) ? sender : NULL,
                     "value", starred);

    if (args == NULL) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_wait_call(ctx, WA_OP_QUERY, args,
                             NGX_HTTP_WAHUB_CHANGE_STATE,
                             ngx_http_wahub_change_done);
}


/* -- a send --------------------------------------------------------------- */

ngx_uint_t
ngx_http_wahub_send_is_mine(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind)
{
    const char  *who;

    who = json_string_value(json_object_get(ctx->args, "for"));

    return kind == NGX_HTTP_WAHUB_KIND_STAR
           || (kind == NGX_HTTP_WAHUB_KIND_DELETE && who != NULL
               && ngx_strcmp(who, "me") == 0);
}


void
ngx_http_wahub_send_mine(ngx_http_wahub_ctx_t *ctx, ngx_int_t kind)
{
    json_t     *target, *value;
    ngx_str_t   ref;

    target = json_object_get(ctx->args, "target_id");
    value = json_object_get(ctx->args, "value");
    ref = ngx_http_wahub_json_str(target);

    if (target == NULL || (json_is_string(target) && ref.len == 0)) {
        ngx_http_wahub_error_field(ctx, "target_id", "REQUIRED",
                                   "target_id: is required");
        return;
    }

    if (json_is_string(target) == 0
        || (value != NULL && json_is_boolean(value) == 0))
    {
        target = json_is_string(target) ? value : target;
        ngx_http_wahub_error_field(ctx,
            target == value ? "value" : "target_id", "INVALID_TYPE",
            target == value ? "value: has the wrong type"
                            : "target_id: has the wrong type");
        return;
    }

    if (ref.len > NGX_HTTP_WAHUB_HISTORY_ID_MAX) {
        ngx_http_wahub_error(ctx, "MESSAGE_NOT_FOUND", NULL);
        return;
    }

    if (kind == NGX_HTTP_WAHUB_KIND_STAR
        && json_object_set_new(ctx->args, "starred",
                               json_boolean(value == NULL
                                            || json_is_true(value))) != 0)
    {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_change_target(ctx);
}


static void
ngx_http_wahub_change_target(ngx_http_wahub_ctx_t *ctx)
{
    ngx_str_t            ref;
    wa_archive_query_t   q;

    ref = ngx_http_wahub_json_str(json_object_get(ctx->args, "target_id"));

    ngx_http_wahub_history_query(ctx, NULL, &q);
    ngx_http_wahub_history_then(ctx, &q, &ref, NULL,
                                ngx_http_wahub_change_run,
                                ngx_http_wahub_change_sent);
}


static void
ngx_http_wahub_change_sent(ngx_http_wahub_ctx_t *ctx, wa_buf_t *body)
{
    if (body->n == 0) {
        ngx_http_wahub_history_again(ctx, "MESSAGE_NOT_FOUND",
                                     ngx_http_wahub_change_target);
        return;
    }

    if (ngx_http_wahub_change_take(ctx, body) != 0) {
        ngx_http_wahub_error(ctx, "INTERNAL_ERROR", NULL);
        return;
    }

    ngx_http_wahub_change_state(ctx, json_object_get(ctx->args, "object"));
}


/* As the engine tells of a send. */
static json_t *
ngx_http_wahub_change_result(const json_t *object)
{
    json_t  *id, *message_id, *session, *jid, *participant;

    id = json_object_get(object, "id");
    message_id = json_object_get(object, "message_id");
    session = json_object_get(object, "session_id");
    jid = json_object_get(object, "remote_jid");
    participant = json_object_get(object, "participant");

    return json_pack("{s:b, s:O, s:O, s:O, s:s, s:O?, s:O?, s:O?, s:O, s:O,"
                     " s:{s:O, s:O?, s:O, s:O*}, s:O?}",
                     "success", 1,
                     "id", id,
                     "message_id", message_id,
                     "messageId", message_id,
                     "status", "SENT",
                     "account_id", json_object_get(object, "account_id"),
                     "session_id", session,
                     "sessionId", session,
                     "to", jid,
                     "jid", jid,
                     "key", "remoteJid", jid,
                     "fromMe", json_object_get(object, "from_me"),
                     "id", message_id,
                     "participant", json_is_string(participant)
                                    ? participant : NULL,
                     "timestamp", json_object_get(object, "timestamp"));
}


/* -- answers -------------------------------------------------------------- */

static void
ngx_http_wahub_change_done(ngx_http_wahub_ctx_t *ctx,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_result_t  sent;

    if (result->code == NULL
        && ctx->route->handler == ngx_http_wahub_messages_send)
    {
        sent = *result;
        sent.data = ngx_http_wahub_change_result(json_object_get(ctx->args,
                                                                 "object"));
        ngx_http_wahub_messages_sent(ctx, &sent);
        json_decref(sent.data);
        return;
    }

    ngx_http_wahub_idem_result(ctx, result);

    if (result->code != NULL) {
        ngx_http_wahub_error_result(ctx, result);

    } else if (json_object_get(ctx->args, "for") != NULL) {
        ngx_http_wahub_answer_done(ctx, "Message deleted");

    } else {
        ngx_http_wahub_answer(ctx, NGX_HTTP_OK,
                              ngx_http_wahub_change_object(ctx));
    }
}


/* New reference; the history will have the change in a moment. */
static json_t *
ngx_http_wahub_change_object(ngx_http_wahub_ctx_t *ctx)
{
    int      rc;
    json_t  *object, *text;

    object = json_incref(json_object_get(ctx->args, "object"));
    text = json_object_get(ctx->args, "text");

    if (json_object_get(ctx->args, "starred") != NULL
        && json_object_set(object, "is_starred",
                           json_object_get(ctx->args, "starred")) != 0)
    {
        json_decref(object);
        return NULL;
    }

    if (text == NULL) {
        return object;
    }

    rc = json_object_set(object, "body", text);
    rc |= json_object_set(object, "text", text);
    rc |= json_object_set_new(object, "edit_type", json_integer(1));
    rc |= json_object_set_new(object, "edited_at",
                              ngx_http_wahub_json_iso((int64_t) ngx_time()
                                                      * 1000));
    if (rc != 0) {
        json_decref(object);
        return NULL;
    }

    return object;
}
