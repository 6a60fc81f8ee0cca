/*
 * Whose presence is told, see wa_presence.h.
 *
 *     watch_known     the other address is in memory
 *     watch_listed    the list and the person's token are
 *     again_*         the whole list on a new connection
 */
#include "wa_presence.h"

#include "wa_conn.h"
#include "wa_hashes.h"
#include "wa_lid.h"
#include "wa_privacy.h"
#include "wa_settings.h"


/* Between two of the list; the server takes many at once for a robot. */
#define WATCH_PACE_MS    200
#define WATCH_PACE_SPAN  400

typedef struct {
    wa_query_t    query;                /* must be first                    */
    wa_jid_t      jid;
    bool          drop;
    bool          list;
} watch_t;

typedef struct {
    wa_jid_t     *jids;
    size_t        n;
    size_t        done;
    uint32_t      gen;
} again_t;


static void watch_known(wa_task_t *t, wa_err_t rc);
static wa_err_t watch_need(wa_task_t *t, const wa_jid_t *jid);
static void watch_listed(wa_task_t *t, wa_err_t rc);
static wa_err_t watch_change(wa_unit_t *u, const wa_jid_t *jids, size_t n,
    const wa_jid_t *jid, bool drop);
static wa_err_t watch_read(wa_account_t *a, wa_arena_t *arena,
    wa_jid_t **jids, size_t *n);
static wa_err_t watch_send(wa_account_t *a, wa_arena_t *arena,
    const wa_jid_t *jid, bool drop);
static void watch_answer(wa_task_t *t);
static void watch_shown(wa_task_t *t, wa_err_t rc);
static void again_listed(wa_task_t *t, wa_err_t rc);
static void again_next(wa_task_t *t, wa_err_t rc);
static void again_known(wa_task_t *t, wa_err_t rc);


void
wa_presence_watch_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    watch_t    *w;
    wa_err_t    rc;
    wa_key_t    keys[WA_LID_KEYS];
    wa_span_t   verb;
    wa_task_t  *t;

    t = wa_query_task(a, cmd, "watch", watch_known, sizeof(watch_t));

    if (t == NULL) {
        return;
    }

    w = t->data;
    verb = wa_query_arg(cmd->args, "verb");
    w->drop = wa_span_eq_str(verb, "presence.unsubscribe");
    w->list = wa_span_eq_str(verb, "presence.list");

    if (w->list) {
        watch_known(t, WA_OK);
        return;
    }

    if (!wa_query_arg_jid(cmd->args, "jid", &w->jid)
        || !wa_jid_is_user(&w->jid)
        || wa_account_is_self(a, &w->jid))
    {
        wa_query_refuse(t, "INVALID_RECIPIENT",
                        "The address is not that of another person");
        return;
    }

    w->jid = wa_jid_person(&w->jid);
    rc = wa_task_need(t, keys, wa_lid_need(&w->jid, &t->arena, keys));

    if (rc != WA_AGAIN) {
        watch_known(t, rc);
    }
}


static void
watch_known(wa_task_t *t, wa_err_t rc)
{
    watch_t  *w;

    w = t->data;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_lid_prefer(t->account, &w->jid);
    t->resume = watch_listed;
    rc = watch_need(t, &w->jid);

    if (rc != WA_AGAIN) {
        watch_listed(t, rc);
    }
}


static wa_err_t
watch_need(wa_task_t *t, const wa_jid_t *jid)
{
    size_t    n;
    wa_key_t  keys[WA_LID_KEYS + WA_PRIVACY_KEYS + 1];

    n = wa_lid_need(jid, &t->arena, keys);
    n += wa_privacy_need(jid, &t->arena, keys + n);
    keys[n].name = wa_span_str(WA_PRESENCE_RECORD);
    keys[n++].day = 0;

    return wa_task_need(t, keys, n);
}


static void
watch_listed(wa_task_t *t, wa_err_t rc)
{
    size_t         n;
    watch_t       *w;
    wa_jid_t      *jids;
    wa_unit_t     *u;
    wa_account_t  *a;

    a = t->account;
    w = t->data;

    if (rc == WA_OK) {
        rc = watch_read(a, &t->arena, &jids, &n);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    if (w->list) {
        watch_answer(t);
        return;
    }

    u = wa_unit_new(a);
    rc = watch_change(u, jids, n, &w->jid, w->drop);

    if (rc == WA_ERR_LIMIT) {
        wa_unit_drop(u);
        wa_query_refuse(t, "INVALID_STATE",
                        "There are 128 subscriptions already");
        return;
    }

    if (rc == WA_OK && wa_account_online(a)) {
        rc = watch_send(a, &t->arena, &w->jid, w->drop);
    }

    if (rc == WA_OK) {
        rc = wa_unit_reply(u, w->query.cmd_id, NULL, NULL,
                           json_pack("{s:o, s:b}", "person",
                                     wa_settings_person(a, &w->jid),
                                     "available",
                                     (int) wa_account_available(a)));
    }

    wa_query_settle(t, u, rc);
}


/* WA_ERR_LIMIT: the list is full. */
static wa_err_t
watch_change(wa_unit_t *u, const wa_jid_t *jids, size_t n,
    const wa_jid_t *jid, bool drop)
{
    char      text[WA_JID_TEXT_MAX];
    size_t    i, len, kept;
    wa_buf_t  buf = WA_BUF_EMPTY;
    wa_err_t  rc;

    if (u == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = WA_OK;
    kept = 0;

    for (i = 0; i <= n && rc == WA_OK; i++) {

        if (i < n ? wa_jid_eq(&jids[i], jid) : drop) {
            continue;
        }

        len = wa_jid_format(i < n ? &jids[i] : jid, text, sizeof(text) - 1);
        text[len++] = '\n';
        rc = (kept++ == WA_PRESENCE_WATCH_MAX)
             ? WA_ERR_LIMIT : wa_buf_append(&buf, text, len);
    }

    if (rc == WA_OK) {
        rc = (buf.n == 0) ? wa_unit_del(u, WA_PRESENCE_RECORD, 0)
                          : wa_unit_put(u, WA_PRESENCE_RECORD, 0,
                                        wa_span_buf(&buf));
    }

    wa_buf_free(&buf);

    return rc;
}


static wa_err_t
watch_read(wa_account_t *a, wa_arena_t *arena, wa_jid_t **jids, size_t *n)
{
    wa_span_t       text;
    const uint8_t  *end;

    *n = 0;
    *jids = wa_arena_calloc(arena, WA_PRESENCE_WATCH_MAX, sizeof(wa_jid_t));

    if (*jids == NULL) {
        return WA_ERR_NOMEM;
    }

    if (wa_record_get(a, WA_PRESENCE_RECORD, 0, &text) != WA_OK) {
        return WA_OK;
    }

    while (text.n > 0 && *n < WA_PRESENCE_WATCH_MAX) {
        end = memchr(text.p, '\n', text.n);

        if (end == NULL) {
            break;
        }

        *n += (wa_jid_parse(wa_span(text.p, (size_t) (end - text.p)),
                            *jids + *n) == WA_OK);
        text = wa_span(end + 1, text.n - (size_t) (end + 1 - text.p));
    }

    return WA_OK;
}


/* <presence type=subscribe to>[<tctoken/>]</presence> */
static wa_err_t
watch_send(wa_account_t *a, wa_arena_t *arena, const wa_jid_t *jid,
    bool drop)
{
    wa_node_t   *node;
    wa_span_t    token;
    wa_trust_t   trust;

    node = wa_node_new(arena, "presence");
    wa_node_set_str(arena, node, "type", drop ? "unsubscribe" : "subscribe");
    wa_node_set_jid(arena, node, "to", jid);
    wa_trust_get(a, jid, &trust);

    if (!drop && trust.token.n > 0
        && wa_tctoken_valid(trust.received_s, wa_unix_s(a))
        && wa_arena_dup_span(arena, trust.token, &token) == WA_OK)
    {
        wa_node_bytes(wa_node_add_new(arena, node, "tctoken"), token);
    }

    return wa_account_send_now(a, node);
}


/* ---- the list as an answer ---- */

static void
watch_answer(wa_task_t *t)
{
    size_t     i, n, k;
    wa_err_t   rc;
    wa_jid_t  *jids;
    wa_key_t  *keys;

    rc = watch_read(t->account, &t->arena, &jids, &n);
    keys = wa_arena_calloc(&t->arena, WA_PRESENCE_WATCH_MAX * WA_LID_KEYS + 1,
                           sizeof(wa_key_t));

    if (rc != WA_OK || keys == NULL) {
        wa_query_failed(t, WA_ERR_NOMEM);
        return;
    }

    for (i = 0, k = 0; i < n; i++) {
        k += wa_lid_need(&jids[i], &t->arena, keys + k);
    }

    keys[k].name = wa_span_str(WA_PRESENCE_RECORD);
    keys[k++].day = 0;
    t->resume = watch_shown;
    rc = wa_task_need(t, keys, k);

    if (rc != WA_AGAIN) {
        watch_shown(t, rc);
    }
}


static void
watch_shown(wa_task_t *t, wa_err_t rc)
{
    size_t     i, n;
    json_t    *list;
    wa_jid_t  *jids;

    if (rc == WA_OK) {
        rc = watch_read(t->account, &t->arena, &jids, &n);
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    list = json_array();

    for (i = 0; i < n; i++) {
        (void) json_array_append_new(list, wa_settings_person(t->account,
                                                              &jids[i]));
    }

    wa_query_done(t, json_pack("{s:o, s:b}", "subscriptions", list,
                               "available",
                               (int) wa_account_available(t->account)));
}


/* ---- on a new connection ---- */

void
wa_presence_watch(wa_account_t *a)
{
    again_t    *g;
    wa_err_t    rc;
    wa_key_t    key;
    wa_task_t  *t;

    if (a->presence.watched == wa_conn_generation(a)) {
        return;
    }

    t = wa_task_new(a, "watch again", again_listed);
    g = (t == NULL) ? NULL : wa_arena_calloc(&t->arena, 1, sizeof(again_t));

    if (g == NULL) {

        if (t != NULL) {
            wa_task_end(t, WA_ERR_NOMEM);
        }

        return;
    }

    g->gen = wa_conn_generation(a);
    a->presence.watched = g->gen;
    t->data = g;

    key.name = wa_span_str(WA_PRESENCE_RECORD);
    key.day = 0;
    rc = wa_task_need(t, &key, 1);

    if (rc != WA_AGAIN) {
        again_listed(t, rc);
    }
}


static void
again_listed(wa_task_t *t, wa_err_t rc)
{
    again_t  *g;

    g = t->data;

    if (rc == WA_OK) {
        rc = watch_read(t->account, &t->arena, &g->jids, &g->n);
    }

    again_next(t, rc);
}


static void
again_next(wa_task_t *t, wa_err_t rc)
{
    again_t       *g;
    wa_account_t  *a;

    a = t->account;
    g = t->data;

    if (rc != WA_OK || g->done == g->n || !wa_account_available(a)
        || g->gen != wa_conn_generation(a))
    {
        wa_task_end(t, rc);
        return;
    }

    t->resume = again_known;
    rc = watch_need(t, &g->jids[g->done]);

    if (rc != WA_AGAIN) {
        again_known(t, rc);
    }
}


static void
again_known(wa_task_t *t, wa_err_t rc)
{
    size_t         i, n;
    again_t       *g;
    uint8_t        random;
    wa_jid_t      *jids;
    wa_account_t  *a;

    a = t->account;
    g = t->data;

    if (rc == WA_OK) {
        rc = watch_read(a, &t->arena, &jids, &n);
    }

    /* Unless it was taken off the list meanwhile. */

    for (i = 0; rc == WA_OK && i < n; i++) {

        if (wa_jid_eq(&jids[i], &g->jids[g->done])) {
            rc = watch_send(a, &t->arena, &jids[i], false);
            break;
        }
    }

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    g->done++;
    wa_account_random(a, &random, 1);
    t->resume = again_next;
    rc = wa_task_sleep(t, a->now + WATCH_PACE_MS
                          + random * WATCH_PACE_SPAN / 256);

    if (rc != WA_AGAIN) {
        wa_task_end(t, rc);
    }
}
