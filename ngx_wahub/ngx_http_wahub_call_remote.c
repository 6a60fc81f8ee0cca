/*
 * Calls between workers: JSON over Redis channels, one channel per member.
 *
 *   command  {"v":1,"id":7,"from":"<member>","op":"send","account":"<id>",
 *             "args":{...},"deadline_ms":<unix ms>}
 *   answer   {"v":1,"re":7,"code":"..."?,"message":"..."?,"data":...?}
 *
 * The code NOT_OWNER stays between workers: the caller looks again.
 */
#include "ngx_http_wahub_call_int.h"
#include "ngx_http_wahub_redis.h"


#define NGX_HTTP_WAHUB_OWNER_TTL    5000
#define NGX_HTTP_WAHUB_MEMBER_MAX   255
#define NGX_HTTP_WAHUB_MESSAGE_MAX  (32 * 1024 * 1024)


static void ngx_http_wahub_call_publish(ngx_http_wahub_call_t *call,
    const ngx_str_t *member);


static ngx_http_wahub_owner_t *
ngx_http_wahub_call_owner(ngx_http_wahub_call_t *call)
{
    ngx_str_t  id;

    id.data = call->account;
    id.len = WA_ACCOUNT_ID_LEN;

    return &call->calls->owners[
                   ngx_http_wahub_shard_of(call->calls->worker->conf, &id)];
}


static void
ngx_http_wahub_call_forget(ngx_http_wahub_call_t *call)
{
    ngx_http_wahub_call_owner(call)->until = ngx_current_msec;
}


/* The holder is what the lease says in front of its last colon. */
static void
ngx_http_wahub_call_leased(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    u_char                  *p;
    ngx_str_t                lease;
    ngx_http_wahub_call_t   *call = data;
    ngx_http_wahub_owner_t  *owner;

    if (ngx_http_wahub_call_replied(call) == NGX_DONE) {
        return;
    }

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_error) {
        ngx_http_wahub_call_end(call, "STORE_UNAVAILABLE",
                                "The store is not reachable", NULL);
        return;
    }

    lease = ngx_http_wahub_redis_str(reply);

    while (lease.len > 0 && lease.data[lease.len - 1] != ':') {
        lease.len--;
    }

    if (lease.len < 2 || lease.len - 1 > NGX_HTTP_WAHUB_MEMBER_MAX) {
        /* nobody holds it now */
        ngx_http_wahub_call_retry(call);
        return;
    }

    lease.len--;

    owner = ngx_http_wahub_call_owner(call);

    p = ngx_alloc(lease.len, call->calls->worker->log);
    if (p == NULL) {
        ngx_http_wahub_call_end(call, "INTERNAL_ERROR", "out of memory",
                                NULL);
        return;
    }

    if (owner->member.data != NULL) {
        ngx_free(owner->member.data);
    }

    ngx_memcpy(p, lease.data, lease.len);
    owner->member.data = p;
    owner->member.len = lease.len;
    owner->until = ngx_current_msec + NGX_HTTP_WAHUB_OWNER_TTL;

    ngx_http_wahub_call_publish(call, &owner->member);
}


void
ngx_http_wahub_call_forward(ngx_http_wahub_call_t *call)
{
    u_char                    buf[NGX_HTTP_WAHUB_KEY_MAX];
    ngx_str_t                 argv[2], id;
    ngx_http_wahub_owner_t   *owner;
    ngx_http_wahub_worker_t  *w = call->calls->worker;

    owner = ngx_http_wahub_call_owner(call);

    if (owner->member.len != 0
        && (ngx_msec_int_t) (owner->until - ngx_current_msec) > 0)
    {
        ngx_http_wahub_call_publish(call, &owner->member);
        return;
    }

    id.data = call->account;
    id.len = WA_ACCOUNT_ID_LEN;

    ngx_str_set(&argv[0], "GET");
    ngx_http_wahub_key_shard(w->conf, ngx_http_wahub_shard_of(w->conf, &id),
                             "lease", buf, &argv[1]);

    if (ngx_http_wahub_redis_command(w->redis, ngx_http_wahub_call_leased,
                                     call, argv, 2)
        != NGX_OK)
    {
        ngx_http_wahub_call_end(call, "STORE_UNAVAILABLE",
                                "The store is not reachable", NULL);
        return;
    }

    call->pending++;
}


static void
ngx_http_wahub_call_published(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_call_t  *call = data;

    if (ngx_http_wahub_call_replied(call) == NGX_DONE || call->ended) {
        return;
    }

    if (ngx_http_wahub_redis_type(reply) != ngx_http_wahub_redis_integer) {
        /* it may have been published: the deadline decides */
        return;
    }

    if (ngx_http_wahub_redis_int(reply) == 0) {
        ngx_http_wahub_call_forget(call);
        ngx_http_wahub_call_retry(call);
    }
}


ngx_int_t
ngx_http_wahub_call_say(ngx_http_wahub_worker_t *w, const ngx_str_t *member,
    json_t *json, ngx_http_wahub_redis_pt handler, void *data)
{
    char       *text;
    u_char      channel[NGX_HTTP_WAHUB_PREFIX_MAX
                        + NGX_HTTP_WAHUB_MEMBER_MAX + 8];
    ngx_int_t   rc;
    ngx_str_t   argv[3];

    text = json_dumps(json, JSON_COMPACT);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&argv[0], "PUBLISH");
    argv[1].data = channel;
    argv[1].len = ngx_snprintf(channel, sizeof(channel), "%V:m:%V",
                               &w->conf->redis_prefix, member)
                  - channel;
    argv[2].data = (u_char *) text;
    argv[2].len = ngx_strlen(text);

    rc = ngx_http_wahub_redis_command(w->redis, handler, data, argv, 3);

    free(text);

    return rc;
}


static void
ngx_http_wahub_call_publish(ngx_http_wahub_call_t *call,
    const ngx_str_t *member)
{
    json_t                   *json;
    int64_t                   deadline;
    ngx_int_t                 rc;
    ngx_http_wahub_worker_t  *w = call->calls->worker;

    if (member->len == w->member.len
        && ngx_memcmp(member->data, w->member.data, member->len) == 0)
    {
        /* ours on paper, not in fact: being handed over or taken */
        ngx_http_wahub_call_forget(call);
        ngx_http_wahub_call_retry(call);
        return;
    }

    deadline = ngx_http_wahub_wall_ms()
               + (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    json = json_pack("{s:i, s:I, s:s%, s:s, s:s%, s:O?, s:I}",
                     "v", 1, "id", (json_int_t) call->node.key,
                     "from", (char *) w->member.data, w->member.len,
                     "op", wa_op_name(call->op),
                     "account", (char *) call->account,
                     (size_t) WA_ACCOUNT_ID_LEN,
                     "args", call->args,
                     "deadline_ms", (json_int_t) deadline);

    if (json == NULL) {
        ngx_http_wahub_call_end(call, "INTERNAL_ERROR", "out of memory",
                                NULL);
        return;
    }

    call->sent = 1;

    rc = ngx_http_wahub_call_say(w, member, json,
                                 ngx_http_wahub_call_published, call);
    json_decref(json);

    if (rc != NGX_OK) {
        ngx_http_wahub_call_end(call, "STORE_UNAVAILABLE",
                                "The store is not reachable", NULL);
        return;
    }

    call->pending++;
}


/* -- incoming ------------------------------------------------------------ */

static void
ngx_http_wahub_call_answered(ngx_http_wahub_calls_t *cs, json_t *json)
{
    json_t                 *data;
    const char             *code;
    ngx_http_wahub_call_t  *call;

    call = ngx_http_wahub_call_get(cs,
                   (uint64_t) json_integer_value(json_object_get(json, "re")));

    if (call == NULL || call->ended) {
        return;
    }

    code = json_string_value(json_object_get(json, "code"));

    if (code != NULL && ngx_strcmp(code, "NOT_OWNER") == 0) {
        ngx_http_wahub_call_forget(call);
        ngx_http_wahub_call_retry(call);
        return;
    }

    data = json_object_get(json, "data");

    if (json_is_null(data)) {
        data = NULL;
    }

    ngx_http_wahub_call_end(call, code,
                            json_string_value(json_object_get(json,
                                                              "message")),
                            json_incref(data));
}


static void
ngx_http_wahub_call_asked(ngx_http_wahub_calls_t *cs, json_t *json)
{
    json_t      *args, *id;
    wa_op_e      op;
    const char  *from, *account, *name;
    ngx_str_t    member, uuid;

    id = json_object_get(json, "id");
    from = json_string_value(json_object_get(json, "from"));
    account = json_string_value(json_object_get(json, "account"));
    name = json_string_value(json_object_get(json, "op"));

    if (json_is_integer(id) == 0 || from == NULL || account == NULL
        || name == NULL || ngx_strlen(account) != WA_ACCOUNT_ID_LEN
        || from[0] == '\0' || ngx_strlen(from) > NGX_HTTP_WAHUB_MEMBER_MAX
        || wa_op_parse(wa_span(name, ngx_strlen(name)), &op) != WA_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cs->worker->log, 0,
                      "wahub: malformed command from another worker");
        return;
    }

    if (json_integer_value(json_object_get(json, "deadline_ms"))
        <= ngx_http_wahub_wall_ms())
    {
        /* its caller has been told already */
        return;
    }

    args = json_object_get(json, "args");

    if (json_is_object(args) == 0) {
        args = NULL;
    }

    member.data = (u_char *) (uintptr_t) from;
    member.len = ngx_strlen(from);
    uuid.data = (u_char *) (uintptr_t) account;
    uuid.len = WA_ACCOUNT_ID_LEN;

    if (ngx_http_wahub_redis_writable(cs->worker->redis) == 0) {
        ngx_http_wahub_call_answer(cs->worker, &member,
                                   (uint64_t) json_integer_value(id),
                                   "STORE_UNAVAILABLE",
                                   "The store takes no writes now", NULL);
        return;
    }

    if (ngx_http_wahub_command_run(cs->worker, &uuid, op, args,
                                   (uint64_t) json_integer_value(id), &member)
        == NGX_DECLINED)
    {
        ngx_http_wahub_call_answer(cs->worker, &member,
                                   (uint64_t) json_integer_value(id),
                                   "NOT_OWNER", "", NULL);
    }
}


void
ngx_http_wahub_call_message(void *data, const ngx_str_t *channel,
    const ngx_str_t *message)
{
    json_t                  *json;
    ngx_http_wahub_calls_t  *cs = data;

    if (message->len > NGX_HTTP_WAHUB_MESSAGE_MAX) {
        return;
    }

    json = json_loadb((char *) message->data, message->len,
                      JSON_ALLOW_NUL, NULL);

    if (json_is_object(json) == 0
        || json_integer_value(json_object_get(json, "v")) != 1)
    {
        ngx_log_error(NGX_LOG_WARN, cs->worker->log, 0,
                      "wahub: malformed message from another worker");
        json_decref(json);
        return;
    }

    if (json_object_get(json, "re") != NULL) {
        ngx_http_wahub_call_answered(cs, json);

    } else {
        ngx_http_wahub_call_asked(cs, json);
    }

    json_decref(json);
}
