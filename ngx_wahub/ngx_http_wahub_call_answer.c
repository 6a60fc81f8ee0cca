/*
 * Answers to callers on other workers.  An answer that nobody heard, because
 * Redis was away or the caller's subscription was not up again, is said once
 * more: its caller would sit out the whole deadline otherwise.
 */
#include "ngx_http_wahub_call_int.h"


/* Pauses double; together about as long as callers wait. */
#define NGX_HTTP_WAHUB_ANSWER_PAUSE  100
#define NGX_HTTP_WAHUB_ANSWER_TRIES  8


typedef struct {
    ngx_queue_t                queue;           /* in calls->answers     */
    ngx_event_t                timer;
    ngx_http_wahub_worker_t   *worker;
    json_t                    *json;
    ngx_uint_t                 tries;
    ngx_str_t                  from;            /* behind the struct     */
} ngx_http_wahub_said_t;


static void ngx_http_wahub_said_publish(ngx_http_wahub_said_t *said);
static void ngx_http_wahub_said_published(void *data,
    ngx_http_wahub_redis_reply_t *reply);
static void ngx_http_wahub_said_again(ngx_http_wahub_said_t *said);
static void ngx_http_wahub_said_timer(ngx_event_t *ev);
static void ngx_http_wahub_said_free(ngx_http_wahub_said_t *said);


void
ngx_http_wahub_call_answer(ngx_http_wahub_worker_t *w, const ngx_str_t *from,
    uint64_t call_id, const char *code, const char *message, json_t *data)
{
    json_t                 *json;
    ngx_http_wahub_said_t  *said;

    json = json_pack("{s:i, s:I, s:s?, s:s?, s:O?}",
                     "v", 1, "re", (json_int_t) call_id,
                     "code", code, "message", code == NULL ? NULL : message,
                     "data", data);

    said = (json == NULL) ? NULL
                          : ngx_calloc(sizeof(ngx_http_wahub_said_t)
                                       + from->len, w->log);
    if (said == NULL) {
        /* the caller's deadline ends it */
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "wahub: an answer to \"%V\" was lost", from);
        json_decref(json);
        return;
    }

    said->worker = w;
    said->json = json;
    said->from.len = from->len;
    said->from.data = (u_char *) (said + 1);
    ngx_memcpy(said->from.data, from->data, from->len);

    said->timer.data = said;
    said->timer.log = w->log;
    said->timer.handler = ngx_http_wahub_said_timer;
    said->timer.cancelable = 1;

    ngx_queue_insert_tail(&w->calls->answers, &said->queue);
    ngx_http_wahub_said_publish(said);
}


void
ngx_http_wahub_answers_free(ngx_http_wahub_calls_t *cs)
{
    ngx_queue_t  *q;

    while (ngx_queue_empty(&cs->answers) == 0) {
        q = ngx_queue_head(&cs->answers);
        ngx_http_wahub_said_free(ngx_queue_data(q, ngx_http_wahub_said_t,
                                                queue));
    }
}


static void
ngx_http_wahub_said_publish(ngx_http_wahub_said_t *said)
{
    if (ngx_http_wahub_call_say(said->worker, &said->from, said->json,
                                ngx_http_wahub_said_published, said)
        != NGX_OK)
    {
        ngx_http_wahub_said_again(said);
    }
}


static void
ngx_http_wahub_said_published(void *data, ngx_http_wahub_redis_reply_t *reply)
{
    ngx_http_wahub_said_t  *said = data;

    if (ngx_http_wahub_redis_type(reply) == ngx_http_wahub_redis_integer
        && ngx_http_wahub_redis_int(reply) > 0)
    {
        ngx_http_wahub_said_free(said);
        return;
    }

    ngx_http_wahub_said_again(said);
}


static void
ngx_http_wahub_said_again(ngx_http_wahub_said_t *said)
{
    if (said->tries == NGX_HTTP_WAHUB_ANSWER_TRIES) {
        ngx_log_error(NGX_LOG_INFO, said->worker->log, 0,
                      "wahub: an answer to \"%V\" was lost", &said->from);
        ngx_http_wahub_said_free(said);
        return;
    }

    ngx_add_timer(&said->timer, NGX_HTTP_WAHUB_ANSWER_PAUSE << said->tries);
    said->tries++;
}


static void
ngx_http_wahub_said_timer(ngx_event_t *ev)
{
    ngx_http_wahub_said_publish(ev->data);
}


static void
ngx_http_wahub_said_free(ngx_http_wahub_said_t *said)
{
    if (said->timer.timer_set) {
        ngx_del_timer(&said->timer);
    }

    ngx_queue_remove(&said->queue);
    json_decref(said->json);
    ngx_free(said);
}
