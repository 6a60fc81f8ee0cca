/*
 * Calls: the callers' side.
 *
 *   start (posted) --> local: command on the slot ----------> result
 *                  \-> remote: GET lease, PUBLISH, reply ---/
 *                  \-> nobody holds the shard: again in 100 ms, up to 2 s
 *
 * Results are always delivered from a posted event.  The timer of a call
 * is not cancelable: a leaving worker stays for its callers.
 */
#include "ngx_http_wahub_call_int.h"
#include "ngx_http_wahub_redis.h"
#include "ngx_http_wahub_shard.h"
#include "ngx_http_wahub_worker.h"


#define NGX_HTTP_WAHUB_CALL_RETRY     100
#define NGX_HTTP_WAHUB_CALL_PATIENCE  2000


static void ngx_http_wahub_call_event(ngx_event_t *ev);
static void ngx_http_wahub_call_timer(ngx_event_t *ev);
static void ngx_http_wahub_call_free(ngx_http_wahub_call_t *call);


ngx_int_t
ngx_http_wahub_calls_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_calls_t  *cs;

    cs = ngx_calloc(sizeof(ngx_http_wahub_calls_t), w->log);
    if (cs == NULL) {
        return NGX_ERROR;
    }

    w->calls = cs;
    cs->worker = w;
    cs->next_id = 1;
    ngx_queue_init(&cs->answers);
    ngx_rbtree_init(&cs->tree, &cs->sentinel, ngx_rbtree_insert_value);

    cs->owners = ngx_calloc(w->conf->shards * sizeof(ngx_http_wahub_owner_t),
                            w->log);
    if (cs->owners == NULL) {
        return NGX_ERROR;
    }

    cs->channel.data = ngx_alloc(w->conf->redis_prefix.len + sizeof(":m:")
                                 + w->member.len, w->log);
    if (cs->channel.data == NULL) {
        return NGX_ERROR;
    }

    cs->channel.len = ngx_sprintf(cs->channel.data, "%V:m:%V",
                                  &w->conf->redis_prefix, &w->member)
                      - cs->channel.data;

    return ngx_http_wahub_redis_subscribe(w->sub, &cs->channel,
                                          ngx_http_wahub_call_message, cs);
}


void
ngx_http_wahub_calls_exit(ngx_http_wahub_worker_t *w)
{
    ngx_uint_t               i;
    ngx_http_wahub_call_t   *call;
    ngx_http_wahub_calls_t  *cs = w->calls;

    if (cs == NULL) {
        return;
    }

    while (cs->tree.root != cs->tree.sentinel) {
        call = (ngx_http_wahub_call_t *) cs->tree.root;
        call->pending = 0;
        ngx_http_wahub_call_cancel(call);
    }

    ngx_http_wahub_answers_free(cs);

    if (cs->owners != NULL) {

        for (i = 0; i < w->conf->shards; i++) {
            if (cs->owners[i].member.data != NULL) {
                ngx_free(cs->owners[i].member.data);
            }
        }

        ngx_free(cs->owners);
    }

    if (cs->channel.data != NULL) {
        ngx_free(cs->channel.data);
    }

    ngx_free(cs);
    w->calls = NULL;
}


ngx_http_wahub_call_t *
ngx_http_wahub_call(ngx_http_wahub_worker_t *w, const ngx_str_t *account,
    wa_op_e op, json_t *args, ngx_msec_t timeout,
    ngx_http_wahub_call_pt handler, void *data)
{
    ngx_http_wahub_call_t   *call;
    ngx_http_wahub_calls_t  *cs = w->calls;

    if (account->len != WA_ACCOUNT_ID_LEN
        || cs->n >= NGX_HTTP_WAHUB_CALLS_MAX)
    {
        return NULL;
    }

    call = ngx_calloc(sizeof(ngx_http_wahub_call_t), w->log);
    if (call == NULL) {
        return NULL;
    }

    call->calls = cs;
    call->handler = handler;
    call->data = data;
    call->op = op;
    call->args = json_incref(args);
    call->deadline = ngx_current_msec + timeout;
    call->patience = ngx_current_msec
                     + ngx_min(timeout, NGX_HTTP_WAHUB_CALL_PATIENCE);
    ngx_memcpy(call->account, account->data, WA_ACCOUNT_ID_LEN);

    call->event.data = call;
    call->event.log = w->log;
    call->event.handler = ngx_http_wahub_call_event;

    call->timer.data = call;
    call->timer.log = w->log;
    call->timer.handler = ngx_http_wahub_call_timer;

    call->node.key = cs->next_id++;
    ngx_rbtree_insert(&cs->tree, &call->node);
    cs->n++;

    ngx_add_timer(&call->timer, timeout);
    ngx_post_event(&call->event, &ngx_posted_events);

    return call;
}


ngx_http_wahub_call_t *
ngx_http_wahub_call_get(ngx_http_wahub_calls_t *cs, uint64_t id)
{
    ngx_rbtree_node_t  *node;

    node = cs->tree.root;

    while (node != cs->tree.sentinel) {

        if (id == node->key) {
            return (ngx_http_wahub_call_t *) node;
        }

        node = (id < node->key) ? node->left : node->right;
    }

    return NULL;
}


void
ngx_http_wahub_call_cancel(ngx_http_wahub_call_t *call)
{
    call->dead = 1;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    if (call->event.posted) {
        ngx_delete_posted_event(&call->event);
    }

    ngx_rbtree_delete(&call->calls->tree, &call->node);
    call->calls->n--;

    if (call->args != NULL) {
        json_decref(call->args);
        call->args = NULL;
    }

    if (call->result != NULL) {
        json_decref(call->result);
        call->result = NULL;
    }

    /* otherwise the last Redis reply frees it */

    if (call->pending == 0) {
        ngx_http_wahub_call_free(call);
    }
}


static void
ngx_http_wahub_call_free(ngx_http_wahub_call_t *call)
{
    if (call->text != NULL) {
        ngx_free(call->text);
    }

    ngx_free(call);
}


ngx_int_t
ngx_http_wahub_call_replied(ngx_http_wahub_call_t *call)
{
    call->pending--;

    if (call->dead == 0) {
        return NGX_OK;
    }

    if (call->pending == 0) {
        ngx_http_wahub_call_free(call);
    }

    return NGX_DONE;
}


/* -- the result ---------------------------------------------------------- */

void
ngx_http_wahub_call_end(ngx_http_wahub_call_t *call, const char *code,
    const char *message, json_t *data)
{
    size_t   n, m;
    u_char  *p;

    if (call->ended) {
        json_decref(data);
        return;
    }

    call->ended = 1;
    call->result = data;

    if (code != NULL) {
        message = message == NULL ? "" : message;

        n = ngx_strlen(code) + 1;
        m = ngx_strlen(message) + 1;

        p = ngx_alloc(n + m, call->calls->worker->log);

        if (p == NULL) {
            call->code = "INTERNAL_ERROR";
            call->message = "out of memory";

        } else {
            call->text = p;
            call->code = (char *) p;
            call->message = (char *) p + n;
            ngx_memcpy(p, code, n);
            ngx_memcpy(p + n, message, m);
        }
    }

    ngx_post_event(&call->event, &ngx_posted_events);
}


static void
ngx_http_wahub_call_deliver(ngx_http_wahub_call_t *call)
{
    void                     *data;
    ngx_http_wahub_call_pt    handler;
    ngx_http_wahub_result_t   result;

    handler = call->handler;
    data = call->data;

    result.code = call->code;
    result.message = call->message;
    result.data = call->result;

    /* the texts stay until the handler has returned */

    call->result = NULL;
    call->pending++;
    ngx_http_wahub_call_cancel(call);

    handler(data, &result);

    json_decref(result.data);
    (void) ngx_http_wahub_call_replied(call);
}


static void
ngx_http_wahub_call_start(ngx_http_wahub_call_t *call)
{
    ngx_int_t                 rc;
    ngx_str_t                 account, here;
    ngx_http_wahub_worker_t  *w = call->calls->worker;

    if (ngx_http_wahub_redis_writable(w->redis) == 0) {
        /* before it starts: afterwards nobody knows whether it will be done */
        ngx_http_wahub_call_end(call, "STORE_UNAVAILABLE",
                                "The store takes no writes now", NULL);
        return;
    }

    account.data = call->account;
    account.len = WA_ACCOUNT_ID_LEN;
    ngx_str_null(&here);

    call->sent = 1;

    rc = ngx_http_wahub_command_run(w, &account, call->op, call->args,
                                    call->node.key, &here);
    if (rc == NGX_OK) {
        return;
    }

    call->sent = 0;

    ngx_http_wahub_call_forward(call);
}


static void
ngx_http_wahub_call_event(ngx_event_t *ev)
{
    ngx_http_wahub_call_t  *call = ev->data;

    if (call->ended) {
        ngx_http_wahub_call_deliver(call);
        return;
    }

    ngx_http_wahub_call_start(call);
}


void
ngx_http_wahub_call_retry(ngx_http_wahub_call_t *call)
{
    if (call->ended) {
        return;
    }

    call->sent = 0;

    if ((ngx_msec_int_t) (ngx_current_msec - call->patience) >= 0) {
        ngx_http_wahub_call_end(call, "OWNER_UNAVAILABLE",
                                "The account is changing its worker", NULL);
        return;
    }

    call->retry = 1;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    ngx_add_timer(&call->timer, NGX_HTTP_WAHUB_CALL_RETRY);
}


static void
ngx_http_wahub_call_timer(ngx_event_t *ev)
{
    ngx_msec_int_t          left;
    ngx_http_wahub_call_t  *call = ev->data;

    if (call->ended) {
        return;
    }

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    if (call->retry && left > 0) {
        call->retry = 0;
        ngx_add_timer(ev, (ngx_msec_t) left);
        ngx_http_wahub_call_start(call);
        return;
    }

    if (call->sent) {
        ngx_http_wahub_call_end(call, "OWNER_TIMEOUT",
                                "The account did not answer in time", NULL);
        return;
    }

    ngx_http_wahub_call_end(call, "OWNER_UNAVAILABLE",
                            "The account is changing its worker", NULL);
}
