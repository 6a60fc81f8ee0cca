#include <stdio.h>
#include <stdlib.h>

#include "wa_host.h"


#define HOST_RECORDS  4096
#define HOST_EVENTS   4096
#define HOST_LOADS    64
#define HOST_STRETCHES  8
#define HOST_WALL_MS  1767225600000

/* A broken expectation of the host itself ends the test program. */
#define HOST_CHECK(x)                                                         \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);           \
            exit(99);                                                         \
        }                                                                     \
    } while (0)


typedef struct {
    char       name[220];
    uint32_t   day;
    uint8_t   *p;
    size_t     n;
} host_record_t;

typedef struct {
    uint64_t   token;
    wa_err_t   err;
    uint8_t    key[WA_KEY_LEN];
} host_stretch_t;

typedef struct host_held_s  host_held_t;

struct host_held_s {
    host_held_t        *next;
    uint64_t            seq;
    const wa_commit_t  *commit;
};

struct wa_host_s {
    wa_engine_t    *engine;
    wa_account_t   *account;
    wa_time_t       now;
    host_record_t  *records;
    size_t          n_records;
    char           *types[HOST_EVENTS];
    char           *bodies[HOST_EVENTS];
    size_t          n_events;
    host_held_t    *held;
    bool            hold;
    uint64_t        seq;
    size_t          commits;
    size_t          last_writes;
    size_t          connects;
    size_t          closes;
    size_t              histories;
    size_t          replies;
    wa_reply_t      reply;
    char            message[256];
    wa_buf_t        written;
    host_stretch_t  stretches[HOST_STRETCHES];
    size_t          n_stretches;
    size_t          versions;
    bool            gone;
    wa_gone_e       why;
    char            path[128];
    wa_buf_t        file;
    size_t          piece;
    bool            asked;
    bool            has_file;
    uint64_t        token;
    uint64_t        offset;
    size_t          fetched;
};

static const char  host_id[] = "11111111-2222-4333-8444-555555555555";


wa_host_t *
wa_host_create(void)
{
    wa_host_t         *h;
    wa_engine_conf_t   conf;

    h = calloc(1, sizeof(*h));
    HOST_CHECK(h != NULL);
    h->records = calloc(HOST_RECORDS, sizeof(host_record_t));
    HOST_CHECK(h->records != NULL);
    h->now = 1000;

    memset(&conf, 0, sizeof(conf));
    memset(conf.master_key, 7, sizeof(conf.master_key));
    conf.ws_host = "wa.test";
    conf.ws_path = "/ws/chat";

    h->engine = wa_engine_create(&conf);
    HOST_CHECK(h->engine != NULL);
    wa_engine_set_clock(h->engine, HOST_WALL_MS + h->now, h->now);

    h->account = wa_account_create(h->engine, wa_span_str(host_id), h);
    HOST_CHECK(h->account != NULL);

    return h;
}


static void
host_held_free(wa_host_t *h)
{
    host_held_t  *next;

    while (h->held != NULL) {
        next = h->held->next;
        free(h->held);
        h->held = next;
    }
}


void
wa_host_free(wa_host_t *h)
{
    size_t  i;

    wa_account_free(h->account);
    wa_engine_free(h->engine);
    host_held_free(h);

    for (i = 0; i < h->n_events; i++) {
        free(h->types[i]);
        free(h->bodies[i]);
    }

    for (i = 0; i < h->n_records; i++) {
        free(h->records[i].p);
    }

    free(h->records);
    json_decref(h->reply.data);
    wa_buf_free(&h->written);
    wa_buf_free(&h->file);
    free(h);
}


wa_engine_t *
wa_host_engine(wa_host_t *h)
{
    return h->engine;
}


wa_account_t *
wa_host_account(wa_host_t *h)
{
    return h->account;
}


wa_time_t
wa_host_now(const wa_host_t *h)
{
    return h->now;
}


void
wa_host_reopen(wa_host_t *h)
{
    wa_account_free(h->account);
    host_held_free(h);
    h->gone = false;
    h->account = wa_account_create(h->engine, wa_span_str(host_id), h);
    HOST_CHECK(h->account != NULL);
    HOST_CHECK(wa_account_open(h->account, h->now) == WA_OK);
}


void
wa_host_restart(wa_host_t *h)
{
    wa_host_reopen(h);
    wa_host_drain(h);
}


void
wa_host_advance(wa_host_t *h, wa_time_t ms)
{
    wa_time_t  at, end;

    end = h->now + ms;

    for ( ;; ) {
        at = wa_account_deadline(h->account);

        if (at < 0 || at > end) {
            break;
        }

        if (at > h->now) {
            h->now = at;
        }

        wa_engine_set_clock(h->engine, HOST_WALL_MS + h->now, h->now);
        (void) wa_account_expire(h->account, h->now);
        wa_host_drain(h);
    }

    h->now = end;
    wa_engine_set_clock(h->engine, HOST_WALL_MS + h->now, h->now);
}


static host_record_t *
host_find(const wa_host_t *h, const char *name, uint32_t day)
{
    size_t  i;

    for (i = 0; i < h->n_records; i++) {
        if (h->records[i].day == day
            && strcmp(h->records[i].name, name) == 0)
        {
            return &h->records[i];
        }
    }

    return NULL;
}


static void
host_write(wa_host_t *h, const wa_write_t *w)
{
    host_record_t  *r;

    r = host_find(h, (const char *) w->key.name.p, w->key.day);

    if (r == NULL) {
        HOST_CHECK(h->n_records < HOST_RECORDS);
        r = &h->records[h->n_records++];
        HOST_CHECK(w->key.name.n < sizeof(r->name));
        memcpy(r->name, w->key.name.p, w->key.name.n);
        r->name[w->key.name.n] = '\0';
        r->day = w->key.day;
    }

    free(r->p);
    r->p = NULL;
    r->n = 0;

    if (w->value.p != NULL) {
        r->p = malloc(w->value.n + 1);
        HOST_CHECK(r->p != NULL);
        memcpy(r->p, w->value.p, w->value.n);
        r->n = w->value.n;
    }
}


static void
host_apply(wa_host_t *h, const wa_commit_t *c)
{
    size_t      i;
    char        text[24];
    wa_write_t  seq;

    HOST_CHECK(c->seq == h->seq + 1);
    HOST_CHECK(c->create == (c->seq == 1));
    h->seq = c->seq;
    h->commits++;
    h->last_writes = c->n_writes;

    for (i = 0; i < h->n_records && (c->reset || c->wipe); i++) {
        if (h->records[i].day == 0 || c->wipe) {
            free(h->records[i].p);
            h->records[i].p = NULL;
        }
    }

    for (i = 0; i < c->n_writes && !c->wipe; i++) {
        host_write(h, &c->writes[i]);
    }

    if (!c->wipe) {
        (void) snprintf(text, sizeof(text), "%llu",
                        (unsigned long long) c->seq);
        seq.key.name = wa_span_str(WA_RECORD_SEQ);
        seq.key.day = 0;
        seq.value = wa_span_str(text);
        host_write(h, &seq);
    }

    for (i = 0; i < c->n_events; i++) {
        HOST_CHECK(h->n_events < HOST_EVENTS);
        h->types[h->n_events] = strdup(c->events[i].type);
        h->bodies[h->n_events] = strndup((const char *) c->events[i].body.p,
                                         c->events[i].body.n);
        h->n_events++;
    }
}


static void
host_done(wa_host_t *h, uint64_t seq, wa_err_t err)
{
    wa_done_t  d;

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_COMMIT;
    d.seq = seq;
    d.err = err;
    (void) wa_account_complete(h->account, &d, h->now);
}


/* Made here and now; the engine hears of it when it is drained. */
static void
host_stretch(host_stretch_t *x, const wa_stretch_t *job)
{
    x->token = job->token;
    x->err = wa_pbkdf2(job->password, job->salt, job->iterations, x->key,
                       sizeof(x->key));
}


static void
host_stretched(wa_host_t *h, const host_stretch_t *x)
{
    wa_done_t  d;
    wa_span_t  key;

    key = wa_span(x->key, sizeof(x->key));
    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_STRETCH;
    d.token = x->token;
    d.err = x->err;
    d.values = &key;
    d.n = 1;
    (void) wa_account_complete(h->account, &d, h->now);
}


static void
host_load(wa_host_t *h, const wa_load_t *load)
{
    size_t          i;
    wa_done_t       d;
    wa_span_t      *values;
    host_record_t  *r;

    values = calloc(load->n, sizeof(wa_span_t));
    HOST_CHECK(values != NULL);

    for (i = 0; i < load->n; i++) {
        r = host_find(h, (const char *) load->keys[i].name.p,
                      load->keys[i].day);

        if (r != NULL && r->p != NULL) {
            values[i] = wa_span(r->p, r->n);
        }
    }

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_LOAD;
    d.token = load->token;
    d.values = values;
    d.n = load->n;
    (void) wa_account_complete(h->account, &d, h->now);
    free(values);
}


static void
host_keep(wa_host_t *h, const wa_commit_t *c)
{
    host_held_t   *x, **px;

    x = calloc(1, sizeof(*x));
    HOST_CHECK(x != NULL);
    x->seq = c->seq;
    x->commit = c;

    for (px = &h->held; *px != NULL; px = &(*px)->next) {
        /* void */
    }

    *px = x;
}


static void
host_reply(wa_host_t *h, const wa_reply_t *r)
{
    json_decref(h->reply.data);
    h->reply = *r;
    h->replies++;

    if (r->message != NULL) {
        (void) snprintf(h->message, sizeof(h->message), "%s", r->message);
        h->reply.message = h->message;
    }
}


/* The piece is given after the drain, see wa_host_drain(). */
static void
host_file(wa_host_t *h, const wa_file_fetch_t *f)
{
    HOST_CHECK(!h->asked);
    h->asked = true;
    h->token = f->token;
    h->offset = f->offset;
    h->has_file = wa_span_eq_str(f->path, h->path);
}


static void
host_piece(wa_host_t *h)
{
    size_t     n;
    wa_done_t  d;
    wa_span_t  piece;

    h->asked = false;
    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_FETCH;
    d.token = h->token;
    d.err = h->has_file ? WA_OK : WA_ERR_GONE;

    if (h->has_file && h->offset < h->file.n) {
        n = h->file.n - h->offset;
        n = n < h->piece ? n : h->piece;
        piece = wa_span(h->file.p + h->offset, n);
        d.values = &piece;
        d.n = 1;
    }

    (void) wa_account_complete(h->account, &d, h->now);
}


void
wa_host_file(wa_host_t *h, const char *path, wa_span_t bytes, size_t piece)
{
    (void) snprintf(h->path, sizeof(h->path), "%s", path);
    h->file.n = 0;
    (void) wa_buf_append_span(&h->file, bytes);
    h->piece = piece;
}


size_t
wa_host_files_ended(const wa_host_t *h)
{
    return h->fetched;
}


/* Completions may not be given while draining: loads are gathered first. */
static size_t
host_take(wa_host_t *h, const wa_load_t **loads)
{
    size_t    n;
    wa_out_t  out;

    n = 0;

    while (wa_account_next(h->account, &out)) {

        switch (out.type) {

        case WA_OUT_LOAD:
            HOST_CHECK(n < HOST_LOADS);
            loads[n++] = out.u.load;
            break;

        case WA_OUT_COMMIT:
            host_keep(h, out.u.commit);
            break;

        case WA_OUT_CONNECT:
            h->connects++;
            break;

        case WA_OUT_CLOSE:
            h->closes++;
            break;

        case WA_OUT_WRITE:
            (void) wa_buf_append_span(&h->written, out.u.bytes);
            break;

        case WA_OUT_REPLY:
            host_reply(h, &out.u.reply);
            break;

        case WA_OUT_STRETCH:
            HOST_CHECK(h->n_stretches < HOST_STRETCHES);
            host_stretch(&h->stretches[h->n_stretches++], out.u.stretch);
            break;

        case WA_OUT_VERSION:
            h->versions++;
            break;

        case WA_OUT_HISTORY:
            h->histories++;
            break;

        case WA_OUT_FETCH:
            host_file(h, out.u.fetch);
            break;

        case WA_OUT_FETCHED:
            h->fetched++;
            break;

        case WA_OUT_GONE:
            h->gone = true;
            h->why = out.u.gone;
            break;

        default:
            HOST_CHECK(0);
        }
    }

    return n;
}


void
wa_host_drain(wa_host_t *h)
{
    bool              again;
    size_t            i, n;
    const wa_load_t  *loads[HOST_LOADS];

    do {
        n = host_take(h, loads);
        again = (n > 0);

        while (!h->hold && h->held != NULL) {
            wa_host_confirm(h);
            again = true;
        }

        for (i = 0; i < n; i++) {
            host_load(h, loads[i]);
        }

        while (h->n_stretches > 0) {
            again = true;
            host_stretched(h, &h->stretches[--h->n_stretches]);
        }

        if (h->asked) {
            host_piece(h);
            again = true;
        }
    } while (again);
}


void
wa_host_hold(wa_host_t *h, bool hold)
{
    h->hold = hold;

    if (!hold) {
        wa_host_drain(h);
    }
}


void
wa_host_version(wa_host_t *h, wa_err_t err, const char *text)
{
    wa_done_t  d;

    memset(&d, 0, sizeof(d));
    d.type = WA_DONE_VERSION;
    d.err = err;
    d.text = text;
    (void) wa_account_complete(h->account, &d, h->now);
    wa_host_drain(h);
}


size_t
wa_host_versions(const wa_host_t *h)
{
    return h->versions;
}


size_t
wa_host_held(const wa_host_t *h)
{
    size_t              n;
    const host_held_t  *x;

    n = 0;

    for (x = h->held; x != NULL; x = x->next) {
        n++;
    }

    return n;
}


void
wa_host_confirm(wa_host_t *h)
{
    host_held_t  *x;

    x = h->held;
    HOST_CHECK(x != NULL);
    h->held = x->next;
    host_apply(h, x->commit);
    host_done(h, x->seq, WA_OK);
    free(x);

    if (h->hold) {
        wa_host_drain(h);
    }
}


void
wa_host_refuse(wa_host_t *h)
{
    host_held_t  *x;

    x = h->held;
    HOST_CHECK(x != NULL);
    h->held = x->next;
    host_done(h, x->seq, WA_ERR_STATE);
    free(x);
    host_held_free(h);
    wa_host_drain(h);
}


void
wa_host_submit(wa_host_t *h, wa_op_e op, json_t *args)
{
    wa_cmd_t  cmd;

    cmd.id = 42;
    cmd.op = op;
    cmd.args = args;
    (void) wa_account_submit(h->account, &cmd, h->now);
    json_decref(args);
    wa_host_drain(h);
}


void
wa_host_make(wa_host_t *h)
{
    wa_host_submit(h, WA_OP_CREATE,
                   json_pack("{s:s, s:s, s:s}", "tenant_id", "default",
                             "session_id", "test", "name", "Test"));
    HOST_CHECK(h->replies == 1 && h->reply.code == NULL);
}


const wa_reply_t *
wa_host_reply(const wa_host_t *h)
{
    return &h->reply;
}


size_t
wa_host_replies(const wa_host_t *h)
{
    return h->replies;
}


size_t
wa_host_commits(const wa_host_t *h)
{
    return h->commits;
}


size_t
wa_host_last_writes(const wa_host_t *h)
{
    return h->last_writes;
}


size_t
wa_host_connects(const wa_host_t *h)
{
    return h->connects;
}


size_t
wa_host_histories(const wa_host_t *h)
{
    return h->histories;
}


size_t
wa_host_closes(const wa_host_t *h)
{
    return h->closes;
}


bool
wa_host_gone(const wa_host_t *h, wa_gone_e *why)
{
    *why = h->why;

    return h->gone;
}


wa_buf_t *
wa_host_written(wa_host_t *h)
{
    return &h->written;
}


size_t
wa_host_events(const wa_host_t *h)
{
    return h->n_events;
}


const char *
wa_host_event_type(const wa_host_t *h, size_t i)
{
    return h->types[i];
}


const char *
wa_host_event_body(const wa_host_t *h, size_t i)
{
    return h->bodies[i];
}


size_t
wa_host_event_count(const wa_host_t *h, const char *type)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < h->n_events; i++) {
        n += (strcmp(h->types[i], type) == 0);
    }

    return n;
}


wa_span_t
wa_host_record(const wa_host_t *h, const char *name, uint32_t day)
{
    const host_record_t  *r;

    r = host_find(h, name, day);

    return r == NULL || r->p == NULL ? wa_span_none() : wa_span(r->p, r->n);
}


size_t
wa_host_records(const wa_host_t *h)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < h->n_records; i++) {
        n += (h->records[i].p != NULL);
    }

    return n;
}
