/*
 * Projection: from a body of the log to the event it says, see
 * wa_project_int.h.
 */
#include "wa_event_message.h"
#include "wa_json.h"
#include "wa_project_int.h"


/* Keys and other words; an index entry must stay small (PostgreSQL: 2.6 kB). */
#define EVENT_WORD_MAX  255

typedef struct {
    const char  *type;
    wa_err_t (*handle)(wa_ev_t *e);
} handler_t;


static void event_read(wa_ev_t *e);
static wa_err_t event_keep(wa_ev_t *e);
static wa_err_t event_body(wa_ev_t *e, wa_span_t *body);
static wa_err_t event_without(wa_ev_t *e, const char *name,
    wa_span_t *body);
static wa_err_t event_unknown_body(wa_ev_t *e, wa_span_t *body);
static wa_span_t clean(wa_ev_t *e, const char *p, size_t n);


static const handler_t  handlers[] = {
    { "message.received", wa_ev_on_message },
    { "message.echo", wa_ev_on_message },
    { "message.queued", wa_ev_on_message },
    { "message.sent", wa_ev_on_message },
    { "message.failed", wa_ev_on_message },
    { "message.receipt", wa_ev_on_receipt },
    { "message.reaction", wa_ev_on_reaction },
    { "message.edited", wa_ev_on_edited },
    { "message.deleted", wa_ev_on_deleted },
    { "message.starred", wa_ev_on_starred },
    { "poll.vote", wa_ev_on_vote },
    { "chat.merged", wa_ev_on_merged },
    { "chat.updated", wa_ev_on_chat },
    { "call", wa_ev_on_call },
    { "chat.cleared", wa_ev_on_chat_cleared },
    { "chat.deleted", wa_ev_on_chat_cleared },
    { "contact.updated", wa_ev_on_contact },
    { "label.updated", wa_ev_on_label },
    { "label.associated", wa_ev_on_label_link },
    { "setting.updated", wa_ev_on_setting },
    { "app_state.synced", wa_ev_on_app_state },
    { "group.updated", wa_ev_on_group },
    { "group.participants", wa_ev_on_group_people },
    { "presence.updated", wa_ev_on_presence },
    { "session.created", wa_ev_on_created },
    { "session.status", wa_ev_on_status },
    { "session.connected", wa_ev_on_connected },
    { "session.deleted", wa_ev_on_session_deleted }
};

/* Only ever beside app_state.synced. */
static const handler_t  kept_handler = { "app_state.kept", wa_ev_on_kept };


wa_err_t
wa_project_event(wa_sql_t *db, const wa_log_entry_t *entry,
    wa_batch_t *batch, wa_arena_t *arena)
{
    size_t    i;
    wa_ev_t   e;
    wa_err_t  rc;

    memset(&e, 0, sizeof(e));
    e.entry = entry;
    e.batch = batch;
    e.db = db;
    e.arena = arena;

    event_read(&e);
    rc = event_keep(&e);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

        if (rc == WA_OK && e.account.p != NULL
            && wa_span_eq_str(e.type, handlers[i].type))
        {
            rc = handlers[i].handle(&e);
            break;
        }
    }

    wa_buf_wipe(&e.text);

    return rc == WA_OK && e.nomem ? WA_ERR_NOMEM : rc;
}


/*
 * Many events that came beside one.  Each is as if it had come by itself,
 * but is no row of the table of events.
 */
wa_err_t
wa_ev_on_app_state(wa_ev_t *e)
{
    size_t          i;
    wa_ev_t         one;
    wa_err_t        rc;
    const wa_jv_t  *list, *v;

    list = wa_jv_get(wa_jv_read(e->entry->aside, e->arena), "events");
    rc = WA_OK;

    for (v = (list != NULL && list->type == WA_JV_ARRAY) ? list->u.child
                                                         : NULL;
         rc == WA_OK && v != NULL;
         v = v->next)
    {
        one = *e;
        one.type = wa_jv_str(v, "type");
        one.data = wa_jv_get(v, "data");
        one.bad = false;

        if (one.data == NULL) {
            continue;
        }

        if (wa_span_eq_str(one.type, kept_handler.type)) {
            rc = kept_handler.handle(&one);
        }

        for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

            if (rc == WA_OK && handlers[i].handle != wa_ev_on_app_state
                && wa_span_eq_str(one.type, handlers[i].type))
            {
                rc = handlers[i].handle(&one);
                break;
            }
        }

        e->nomem |= one.nomem;
    }

    return rc;
}


/* The envelope; what is not one has no type. */
static void
event_read(wa_ev_t *e)
{
    e->root = wa_jv_read(e->entry->body, e->arena);
    e->data = wa_jv_get(e->root, "data");
    e->type = wa_ev_key(e, e->root, "type");
    e->tenant = wa_ev_key(e, e->root, "tenant_id");
    e->account = wa_ev_word(e, e->root, "account_id");
    e->session = wa_ev_word(e, e->root, "session_id");
    e->at = wa_ev_key(e, e->root, "timestamp");

    if (e->bad || e->data == NULL || e->data->type != WA_JV_OBJECT) {
        e->type = wa_span_str("");
        e->account = wa_span_none();

        if (e->tenant.p == NULL) {
            e->tenant = wa_span_str("");
        }

        if (e->at.p == NULL) {
            e->at = wa_span_str("");
        }
    }

    e->bad = false;
}


static wa_err_t
event_keep(wa_ev_t *e)
{
    wa_ev_args_t  a = { .n = 0 };
    wa_err_t      rc;
    wa_span_t     body;

    rc = event_body(e, &body);

    if (rc != WA_OK) {
        return rc;
    }

    wa_ev_arg_int(&a, e->entry->shard);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.ms);
    wa_ev_arg_int(&a, (int64_t) e->entry->id.seq);
    wa_ev_arg(&a, e->tenant);
    wa_ev_arg(&a, e->account);
    wa_ev_arg(&a, e->type);
    wa_ev_arg(&a, e->at);
    wa_ev_arg(&a, body);

    return wa_ev_run(e,
        "INSERT INTO wa_events (shard, ms, seq, tenant, account_id,"
        " type, at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &a);
}


/* JSON that was read is UTF-8 without NUL: it is kept as it came. */
static wa_err_t
event_body(wa_ev_t *e, wa_span_t *body)
{
    if (e->root == NULL) {
        return event_unknown_body(e, body);
    }

    *body = e->entry->body;

    /* A picture of the code beside it, 2 kB each, useless after seconds. */

    if (wa_span_eq_str(e->type, "session.qr_code")) {
        return event_without(e, "qr_image", body);
    }

    return WA_OK;
}


/* The event less one member of its data. */
static wa_err_t
event_without(wa_ev_t *e, const char *name, wa_span_t *body)
{
    json_t    *root;
    wa_err_t   rc;

    root = wa_json_read(e->entry->body);

    if (root == NULL) {
        return WA_ERR_NOMEM;
    }

    (void) json_object_del(json_object_get(root, "data"), name);
    rc = wa_json_write(root, &e->text);
    json_decref(root);

    if (rc == WA_OK) {
        *body = wa_span_buf(&e->text);
    }

    return rc;
}


/* Any bytes, as text that both backends take. */
static wa_err_t
event_unknown_body(wa_ev_t *e, wa_span_t *body)
{
    json_t  *text;

    text = wa_json_span(e->entry->body);

    if (text == NULL) {
        return WA_ERR_NOMEM;
    }

    *body = clean(e, json_string_value(text), json_string_length(text));

    /* clean() copies only what has a NUL in it. */

    if (body->p == (const uint8_t *) json_string_value(text)) {
        *body = wa_span_none();

        if (wa_buf_append(&e->text, json_string_value(text),
                          json_string_length(text)) == WA_OK)
        {
            *body = e->text.n == 0 ? wa_span_str("") : wa_span_buf(&e->text);
        }
    }

    json_decref(text);

    return body->p == NULL ? WA_ERR_NOMEM : WA_OK;
}


/* A word that may be missing or null (p NULL). */
wa_span_t
wa_ev_word(wa_ev_t *e, const wa_jv_t *o, const char *key)
{
    wa_span_t  s;

    s = wa_ev_text(e, o, key);

    if (s.n > EVENT_WORD_MAX) {
        e->bad = true;
        return wa_span_none();
    }

    return s;
}


/* A word that must be there. */
wa_span_t
wa_ev_key(wa_ev_t *e, const wa_jv_t *o, const char *key)
{
    wa_span_t  s;

    s = wa_ev_word(e, o, key);

    if (s.p == NULL) {
        e->bad = true;
    }

    return s;
}


wa_span_t
wa_ev_text(wa_ev_t *e, const wa_jv_t *o, const char *key)
{
    wa_span_t  s;

    s = wa_jv_str(o, key);

    return s.p == NULL ? s : clean(e, (const char *) s.p, s.n);
}


int64_t
wa_ev_int(const wa_jv_t *o, const char *key)
{
    return wa_jv_int(o, key);
}


/* PostgreSQL's text has no NUL: it becomes U+FFFD, in both backends. */
static wa_span_t
clean(wa_ev_t *e, const char *p, size_t n)
{
    char   *copy;
    size_t  i, k, more;

    more = 0;

    for (i = 0; i < n; i++) {
        more += (p[i] == '\0') ? 2 : 0;
    }

    if (more == 0) {
        return wa_span(p, n);
    }

    copy = wa_arena_alloc(e->arena, n + more);

    if (copy == NULL) {
        e->nomem = true;
        return wa_span_none();
    }

    for (i = 0, k = 0; i < n; i++) {

        if (p[i] == '\0') {
            memcpy(copy + k, "\xef\xbf\xbd", 3);
            k += 3;

        } else {
            copy[k++] = p[i];
        }
    }

    return wa_span(copy, k);
}


void
wa_ev_arg(wa_ev_args_t *a, wa_span_t s)
{
    a->v[a->n].type = (s.p == NULL) ? WA_SQL_NULL : WA_SQL_TEXT;
    a->v[a->n++].s = s;
}


void
wa_ev_arg_int(wa_ev_args_t *a, int64_t i)
{
    a->v[a->n].type = WA_SQL_INT;
    a->v[a->n++].i = i;
}


wa_err_t
wa_ev_run(wa_ev_t *e, const char *statement, const wa_ev_args_t *a)
{
    return wa_ev_exec(e->db, statement, a);
}


wa_err_t
wa_ev_exec(wa_sql_t *db, const char *statement, const wa_ev_args_t *a)
{
    return wa_sql_exec(db, statement, a->v, a->n, NULL);
}
