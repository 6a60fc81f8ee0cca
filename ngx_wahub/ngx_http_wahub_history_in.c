/*
 * One piece of history after the other, see ngx_http_wahub_history_in.h.
 *
 *     history.next -> pull (thread) -> scan (thread)
 *         -> history.learn, until all is told
 *         -> write (thread, SQL), some rows at a time
 *         -> history.learn -> history.done -> the next one
 *
 * A few accounts at a time, one piece of each.  Nothing of it is remembered
 * here: what a worker does not finish, the account's next owner finds in the
 * account's records, and rows that are there already do no harm.
 */
#include "ngx_http_wahub_history_in_int.h"

#include "ngx_http_wahub_account.h"
#include "ngx_http_wahub_sql.h"

#include "wa_b64.h"


#define NGX_HTTP_WAHUB_HISTORY_PARALLEL  2
#define NGX_HTTP_WAHUB_HISTORY_PAUSE     500        /* ms                */
#define NGX_HTTP_WAHUB_HISTORY_TRIES     60         /* of PAUSE each     */

/* ms; when the account could not be reached, as without Redis */
#define NGX_HTTP_WAHUB_HISTORY_LOST      5000


static void ngx_http_wahub_taking_next(ngx_http_wahub_history_in_t *h);
static void ngx_http_wahub_taking_later(ngx_http_wahub_taking_t *t,
    ngx_event_handler_pt handler, ngx_msec_t ms);
static void ngx_http_wahub_taking_begin(ngx_event_t *ev);
static void ngx_http_wahub_taking_offered(void *data,
    const ngx_http_wahub_result_t *result);
static ngx_int_t ngx_http_wahub_taking_conf(ngx_http_wahub_taking_t *t,
    wa_history_conf_t *conf);
static wa_err_t ngx_http_wahub_taking_read(void *ctx, uint64_t offset,
    uint8_t *buf, size_t cap, size_t *n);
static void ngx_http_wahub_taking_scan(void *data);
static void ngx_http_wahub_taking_scanned(void *data);
static void ngx_http_wahub_taking_learn(ngx_http_wahub_taking_t *t);
static void ngx_http_wahub_taking_learnt(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_taking_write(ngx_http_wahub_taking_t *t);
static void ngx_http_wahub_taking_rewrite(ngx_event_t *ev);
static wa_err_t ngx_http_wahub_taking_rows(wa_sql_t *db, void *data);
static void ngx_http_wahub_taking_wrote(void *data, wa_err_t err,
    const char *text);
static void ngx_http_wahub_taking_done(ngx_http_wahub_taking_t *t,
    json_t *args);
static void ngx_http_wahub_taking_told(void *data,
    const ngx_http_wahub_result_t *result);
static void ngx_http_wahub_taking_lost(ngx_http_wahub_taking_t *t);
static void ngx_http_wahub_taking_resume(ngx_event_t *ev);
static void ngx_http_wahub_taking_clear(ngx_http_wahub_taking_t *t);


ngx_int_t
ngx_http_wahub_history_in_init(ngx_http_wahub_worker_t *w)
{
    ngx_http_wahub_history_in_t  *h;

    h = ngx_calloc(sizeof(ngx_http_wahub_history_in_t), w->log);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->worker = w;
    ngx_queue_init(&h->accounts);
    w->history_in = h;

    return NGX_OK;
}


void
ngx_http_wahub_history_in_exit(ngx_http_wahub_worker_t *w)
{
    ngx_queue_t                  *q;
    ngx_http_wahub_taking_t      *t;
    ngx_http_wahub_history_in_t  *h = w->history_in;

    if (h == NULL) {
        return;
    }

    while (ngx_queue_empty(&h->accounts) == 0) {
        q = ngx_queue_head(&h->accounts);
        ngx_queue_remove(q);
        t = ngx_queue_data(q, ngx_http_wahub_taking_t, queue);
        ngx_http_wahub_taking_clear(t);
        ngx_free(t);
    }

    ngx_free(h);
    w->history_in = NULL;
}


void
ngx_http_wahub_history_in_wake(ngx_http_wahub_worker_t *w,
    const u_char id[WA_ACCOUNT_ID_LEN])
{
    ngx_queue_t                  *q;
    ngx_http_wahub_taking_t      *t;
    ngx_http_wahub_history_in_t  *h = w->history_in;

    if (h == NULL || w->draining) {
        return;
    }

    for (q = ngx_queue_head(&h->accounts);
         q != ngx_queue_sentinel(&h->accounts);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_http_wahub_taking_t, queue);

        if (ngx_memcmp(t->id, id, WA_ACCOUNT_ID_LEN) == 0) {
            t->again = 1;
            return;
        }
    }

    t = ngx_calloc(sizeof(ngx_http_wahub_taking_t), w->log);
    if (t == NULL) {
        return;
    }

    t->all = h;
    t->event.data = t;
    t->event.log = w->log;
    t->event.cancelable = 1;
    t->pull.file.fd = NGX_INVALID_FILE;
    ngx_memcpy(t->id, id, WA_ACCOUNT_ID_LEN);
    ngx_queue_insert_tail(&h->accounts, &t->queue);

    ngx_http_wahub_taking_next(h);
}


/* As many as may be at a time; each goes on with its account's next piece. */
static void
ngx_http_wahub_taking_next(ngx_http_wahub_history_in_t *h)
{
    ngx_queue_t              *q;
    ngx_http_wahub_taking_t  *t;

    for (q = ngx_queue_head(&h->accounts);
         q != ngx_queue_sentinel(&h->accounts)
         && h->running < NGX_HTTP_WAHUB_HISTORY_PARALLEL;
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_http_wahub_taking_t, queue);

        if (t->running == 0) {
            t->running = 1;
            h->running++;
            ngx_http_wahub_taking_later(t, ngx_http_wahub_taking_begin, 0);
        }
    }
}


static void
ngx_http_wahub_taking_later(ngx_http_wahub_taking_t *t,
    ngx_event_handler_pt handler, ngx_msec_t ms)
{
    t->event.handler = handler;

    if (ms == 0) {
        ngx_post_event(&t->event, &ngx_posted_events);

    } else {
        ngx_add_timer(&t->event, ms);
    }
}


static void
ngx_http_wahub_taking_begin(ngx_event_t *ev)
{
    ngx_http_wahub_taking_t  *t = ev->data;

    t->again = 0;

    if (ngx_http_wahub_taking_ask(t, json_pack("{s:s}", "verb",
                                               "history.next"),
                                  NGX_HTTP_WAHUB_HISTORY_CALL,
                                  ngx_http_wahub_taking_offered)
        != NGX_OK)
    {
        ngx_http_wahub_taking_lost(t);
    }
}


ngx_int_t
ngx_http_wahub_taking_ask(ngx_http_wahub_taking_t *t, json_t *args,
    ngx_msec_t timeout, ngx_http_wahub_call_pt handler)
{
    ngx_str_t                 id;
    ngx_http_wahub_call_t    *call;
    ngx_http_wahub_worker_t  *w = t->all->worker;

    id.data = t->id;
    id.len = WA_ACCOUNT_ID_LEN;

    call = (args == NULL || w->draining
            || ngx_http_wahub_account_find(w, &id) == NULL)
           ? NULL
           : ngx_http_wahub_call(w, &id, WA_OP_QUERY, args, timeout, handler,
                                 t);
    json_decref(args);

    return call == NULL ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_wahub_taking_offered(void *data,
    const ngx_http_wahub_result_t *result)
{
    json_t                   *text;
    ngx_http_wahub_taking_t  *t = data;

    if (result->code != NULL) {
        ngx_http_wahub_taking_lost(t);
        return;
    }

    if (json_object_get(result->data, "id") == NULL) {
        ngx_http_wahub_taking_end(t);
        return;
    }

    t->piece = json_incref(result->data);
    text = json_object_get(t->piece, "inline");

    if (json_is_string(text)) {

        if (wa_b64_decode(wa_span(json_string_value(text),
                                  json_string_length(text)),
                          WA_B64_STD, &t->bytes)
            != WA_OK)
        {
            ngx_http_wahub_taking_failed(t, "out of memory", 0, 1);
            return;
        }

        ngx_http_wahub_taking_open(t);
        return;
    }

    ngx_http_wahub_taking_file(t);
}


void
ngx_http_wahub_taking_start(ngx_http_wahub_taking_t *t,
    ngx_http_wahub_job_pt run, ngx_http_wahub_job_pt done)
{
    ngx_http_wahub_taking_job_t  *job;

    job = ngx_http_wahub_job_data(t->all->worker,
                                  sizeof(ngx_http_wahub_taking_job_t));

    if (job != NULL) {
        job->taking = t;

        if (ngx_http_wahub_job_post(job, run, done) == NGX_OK) {
            return;
        }
    }

    ngx_http_wahub_taking_failed(t, "too much is under way", 1, 1);
}


/* -- what is in it --------------------------------------------------------- */

void
ngx_http_wahub_taking_open(ngx_http_wahub_taking_t *t)
{
    wa_history_conf_t  conf;

    if (ngx_http_wahub_taking_conf(t, &conf) != NGX_OK
        || wa_history_create(&t->history, &conf) != WA_OK)
    {
        wa_wipe(&conf, sizeof(conf));
        ngx_http_wahub_taking_failed(t, "out of memory", 0, 1);
        return;
    }

    wa_wipe(&conf, sizeof(conf));
    ngx_http_wahub_taking_start(t, ngx_http_wahub_taking_scan,
                                ngx_http_wahub_taking_scanned);
}


static ngx_int_t
ngx_http_wahub_taking_conf(ngx_http_wahub_taking_t *t,
    wa_history_conf_t *conf)
{
    int64_t                    days;
    ngx_str_t                  id;
    const char                *pn, *lid, *mode;
    ngx_http_wahub_worker_t   *w = t->all->worker;
    ngx_http_wahub_account_t  *slot;

    id.data = t->id;
    id.len = WA_ACCOUNT_ID_LEN;
    slot = ngx_http_wahub_account_find(w, &id);
    ngx_memzero(conf, sizeof(wa_history_conf_t));

    pn = json_string_value(json_object_get(t->piece, "pn"));
    lid = json_string_value(json_object_get(t->piece, "lid"));
    mode = json_string_value(json_object_get(t->piece, "mode"));

    if (slot == NULL || slot->account == NULL || pn == NULL || mode == NULL
        || wa_jid_parse(wa_span_str(pn), &conf->pn) != WA_OK)
    {
        return NGX_ERROR;
    }

    if (lid != NULL) {
        (void) wa_jid_parse(wa_span_str(lid), &conf->lid);
    }

    conf->account_id = (char *) t->id;
    conf->session_id = wa_account_session_id(slot->account);
    conf->tenant = wa_account_tenant(slot->account);
    conf->shard = (uint32_t) ngx_http_wahub_shard_of(w->conf, &id);
    ngx_memcpy(conf->master_key, w->conf->secret_key, WA_KEY_LEN);
    conf->now_ms = ngx_http_wahub_wall_ms();
    conf->read = ngx_http_wahub_taking_read;
    conf->ctx = t;

    days = json_integer_value(json_object_get(t->piece, "days"));
    conf->since_s = days > 0 ? conf->now_ms / 1000 - days * 86400 : 0;

    /* What was asked for is wanted whatever the setting says. */

    switch (json_integer_value(json_object_get(t->piece, "type"))) {

    case WA_HISTORY_ON_DEMAND:
        conf->messages = true;
        conf->since_s = 0;
        break;

    case WA_HISTORY_FULL:
        conf->messages = (ngx_strcmp(mode, "full") == 0);
        break;

    default:
        conf->messages = (ngx_strcmp(mode, "none") != 0);
    }

    return NGX_OK;
}


/* thread */
static wa_err_t
ngx_http_wahub_taking_read(void *ctx, uint64_t offset, uint8_t *buf,
    size_t cap, size_t *n)
{
    ssize_t                   got;
    ngx_http_wahub_taking_t  *t = ctx;

    if (t->bytes.n != 0) {
        *n = offset >= t->bytes.n ? 0 : t->bytes.n - (size_t) offset;
        *n = *n < cap ? *n : cap;
        ngx_memcpy(buf, t->bytes.p + offset, *n);
        return WA_OK;
    }

    do {
        got = pread(t->pull.file.fd, buf, cap, (off_t) offset);
    } while (got == -1 && ngx_errno == NGX_EINTR);

    *n = got < 0 ? 0 : (size_t) got;

    return got < 0 ? WA_ERR_IO : WA_OK;
}


/* thread */
static void
ngx_http_wahub_taking_scan(void *data)
{
    ngx_http_wahub_taking_job_t  *job = data;

    job->taking->err = wa_history_scan(job->taking->history);
}


static void
ngx_http_wahub_taking_scanned(void *data)
{
    ngx_http_wahub_taking_job_t  *job = data;
    ngx_http_wahub_taking_t      *t = job->taking;

    if (t->err != WA_OK) {
        ngx_http_wahub_taking_failed(t, wa_err_name(t->err), 0,
                                     t->err != WA_ERR_SYNTAX
                                     && t->err != WA_ERR_LIMIT);
        return;
    }

    ngx_http_wahub_taking_learn(t);
}


static void
ngx_http_wahub_taking_learn(ngx_http_wahub_taking_t *t)
{
    json_t    *args;
    wa_err_t   rc;

    const wa_history_totals_t  *totals;

    rc = wa_history_learn(t->history, &args);

    if (rc == WA_OK) {

        if (ngx_http_wahub_taking_ask(t, args, NGX_HTTP_WAHUB_HISTORY_CALL,
                                      ngx_http_wahub_taking_learnt)
            != NGX_OK)
        {
            ngx_http_wahub_taking_lost(t);
        }

        return;
    }

    if (rc != WA_AGAIN) {
        ngx_http_wahub_taking_failed(t, wa_err_name(rc), 0, 1);
        return;
    }

    if (t->written == 0) {
        ngx_http_wahub_taking_write(t);
        return;
    }

    totals = wa_history_totals(t->history);
    ngx_http_wahub_taking_done(t,
        json_pack("{s:s, s:O, s:b, s:I, s:I, s:I}", "verb", "history.done",
                  "id", json_object_get(t->piece, "id"), "taken", 1,
                  "chats", (json_int_t) totals->chats,
                  "contacts", (json_int_t) totals->contacts,
                  "messages", (json_int_t) totals->messages));
}


static void
ngx_http_wahub_taking_learnt(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_taking_t  *t = data;

    if (result->code != NULL) {
        ngx_http_wahub_taking_failed(t, result->code, 0, 1);
        return;
    }

    wa_history_learnt(t->history, result->data);
    ngx_http_wahub_taking_learn(t);
}


/* -- rows ------------------------------------------------------------------ */

static void
ngx_http_wahub_taking_write(ngx_http_wahub_taking_t *t)
{
    if (t->all->worker->draining) {
        ngx_http_wahub_taking_end(t);
        return;
    }

    if (ngx_http_wahub_sql_read(t->all->worker, ngx_http_wahub_taking_rows,
                                ngx_http_wahub_taking_wrote, t)
        != NGX_OK)
    {
        ngx_http_wahub_taking_later(t, ngx_http_wahub_taking_rewrite,
                                    NGX_HTTP_WAHUB_HISTORY_PAUSE);
    }
}


static void
ngx_http_wahub_taking_rewrite(ngx_event_t *ev)
{
    ngx_http_wahub_taking_write(ev->data);
}


/* thread; maybe twice */
static wa_err_t
ngx_http_wahub_taking_rows(wa_sql_t *db, void *data)
{
    ngx_http_wahub_taking_t  *t = data;

    t->err = wa_history_write(t->history, db);

    /* neither is a fault of the database */

    return t->err == WA_AGAIN || t->err == WA_ERR_STATE
           || t->err == WA_ERR_GONE || t->err == WA_ERR_SYNTAX
           ? WA_OK : t->err;
}


static void
ngx_http_wahub_taking_wrote(void *data, wa_err_t err, const char *text)
{
    ngx_http_wahub_taking_t  *t = data;

    if (err != WA_OK) {
        ngx_http_wahub_taking_failed(t, text[0] != '\0' ? text
                                                        : wa_err_name(err),
                                     err != WA_ERR_NOMEM, 1);
        return;
    }

    switch (t->err) {

    case WA_OK:
        t->written = 1;
        ngx_http_wahub_taking_learn(t);
        return;

    case WA_AGAIN:
        /* others may have the connection in between */
        ngx_http_wahub_taking_later(t, ngx_http_wahub_taking_rewrite, 1);
        return;

    case WA_ERR_STATE:
        /* the projection has not written the account yet */

        if (t->tries++ < NGX_HTTP_WAHUB_HISTORY_TRIES) {
            ngx_http_wahub_taking_later(t, ngx_http_wahub_taking_rewrite,
                                        NGX_HTTP_WAHUB_HISTORY_PAUSE);
            return;
        }

        ngx_http_wahub_taking_failed(t, "the database does not know the "
                                     "account", 1, 1);
        return;

    case WA_ERR_GONE:
        ngx_http_wahub_taking_end(t);
        return;

    default:
        ngx_http_wahub_taking_failed(t, wa_err_name(t->err), 0, 1);
    }
}


/* -- the end --------------------------------------------------------------- */

void
ngx_http_wahub_taking_failed(ngx_http_wahub_taking_t *t, const char *why,
    ngx_uint_t again, ngx_uint_t retry)
{
    ngx_log_error(NGX_LOG_WARN, t->all->worker->log, 0,
                  "wahub: account \"%s\": history was not taken in: %s",
                  t->id, why);

    ngx_http_wahub_taking_done(t,
        json_pack("{s:s, s:O, s:b, s:b, s:b}", "verb", "history.done",
                  "id", json_object_get(t->piece, "id"), "taken", 0,
                  "again", (int) again, "retry", (int) retry));
}


static void
ngx_http_wahub_taking_done(ngx_http_wahub_taking_t *t, json_t *args)
{
    if (ngx_http_wahub_taking_ask(t, args, NGX_HTTP_WAHUB_HISTORY_CALL,
                                  ngx_http_wahub_taking_told)
        != NGX_OK)
    {
        ngx_http_wahub_taking_lost(t);
    }
}


/* On with the next piece, if there is one. */
static void
ngx_http_wahub_taking_told(void *data,
    const ngx_http_wahub_result_t *result)
{
    ngx_http_wahub_taking_t  *t = data;

    if (result->code != NULL) {
        ngx_http_wahub_taking_lost(t);
        return;
    }

    t->again = 1;
    ngx_http_wahub_taking_end(t);
}


/* The account did not hear it and knows the piece as before: nobody else
   would begin with it again before the next login. */
static void
ngx_http_wahub_taking_lost(ngx_http_wahub_taking_t *t)
{
    t->lost = 1;
    ngx_http_wahub_taking_end(t);
}


static void
ngx_http_wahub_taking_resume(ngx_event_t *ev)
{
    ngx_http_wahub_taking_t  *t = ev->data;

    t->running = 0;
    ngx_http_wahub_taking_next(t->all);
}


static void
ngx_http_wahub_taking_clear(ngx_http_wahub_taking_t *t)
{
    if (t->event.timer_set) {
        ngx_del_timer(&t->event);
    }

    if (t->event.posted) {
        ngx_delete_posted_event(&t->event);
    }

    if (t->pull.file.files != NULL) {
        ngx_http_wahub_file_drop(&t->pull.file);
    }

    wa_history_free(t->history);
    wa_buf_wipe(&t->bytes);
    json_decref(t->piece);
    wa_wipe(&t->pull, sizeof(ngx_http_wahub_pull_t));

    t->history = NULL;
    t->piece = NULL;
    t->pull.file.fd = NGX_INVALID_FILE;
    t->tries = 0;
    t->phoned = 0;
    t->written = 0;
}


void
ngx_http_wahub_taking_end(ngx_http_wahub_taking_t *t)
{
    ngx_str_t                     id;
    ngx_http_wahub_history_in_t  *h = t->all;

    ngx_http_wahub_taking_clear(t);
    h->running--;

    id.data = t->id;
    id.len = WA_ACCOUNT_ID_LEN;

    /* behind the others */

    ngx_queue_remove(&t->queue);

    if (h->worker->draining == 0 && t->lost
        && ngx_http_wahub_account_find(h->worker, &id) != NULL)
    {
        t->lost = 0;
        ngx_queue_insert_tail(&h->accounts, &t->queue);
        ngx_http_wahub_taking_later(t, ngx_http_wahub_taking_resume,
                                    NGX_HTTP_WAHUB_HISTORY_LOST);

    } else if (h->worker->draining == 0 && t->again) {
        t->lost = 0;
        t->running = 0;
        ngx_queue_insert_tail(&h->accounts, &t->queue);

    } else {
        ngx_free(t);
    }

    ngx_http_wahub_taking_next(h);
}
