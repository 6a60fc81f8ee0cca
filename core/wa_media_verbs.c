/*
 * Media hosts, phones that upload again, events, see wa_media_verbs.h.
 * Source: protocol notes, media: connection and hosts, media retry.
 */
#include "wa_media_verbs.h"

#include "wa_account_int.h"
#include "wa_b64.h"
#include "wa_conn.h"
#include "wa_event_message.h"
#include "wa_group.h"
#include "wa_lid.h"
#include "wa_media.h"
#include "wa_receipt.h"


#define MEDIA_HOSTS_MAX    16
#define MEDIA_TTL_MIN      60            /* s */
#define MEDIA_TTL_MAX      86400
#define MEDIA_RETRY_MS     60000
#define MEDIA_RETRIES_MAX  64            /* that wait at a time */
#define MEDIA_ID_MAX       128


typedef struct media_retry_s  media_retry_t;

struct media_retry_s {
    wa_query_t         query;            /* first */
    media_retry_t     *next;
    wa_task_t         *task;
    wa_span_t          id;               /* empty until it is asked for    */
    wa_span_t          asked;            /* the same                       */
    wa_jid_t           chat;
    wa_jid_t           author;           /* NONE: not told                 */
    bool               from_me;
    bool               peer;
    uint8_t            key[WA_KEY_LEN];
    wa_buf_t           path;             /* the phone's answer */
    bool               answered;
    wa_err_t           rc;
    wa_media_retry_e   result;
};

struct wa_media_state_s {
    json_t            *conn;             /* NULL: not known */
    wa_time_t          conn_until;
    media_retry_t     *retries;
    unsigned           n_retries;
};


static wa_media_state_t *media_state(wa_account_t *a);
static void conn_answered(wa_task_t *t, wa_err_t rc);
static json_t *conn_read(wa_account_t *a, const wa_node_t *n);
static json_t *conn_hosts(const wa_node_t *n);
static wa_err_t retry_read(wa_task_t *t, media_retry_t *r, wa_span_t id,
    const json_t *args);
static wa_err_t retry_need(wa_task_t *t, const media_retry_t *r);
static void retry_known(wa_task_t *t, wa_err_t rc);
static wa_err_t retry_named(wa_task_t *t, media_retry_t *r);
static wa_err_t retry_ask(wa_task_t *t, media_retry_t *r);
static void retry_ended(wa_task_t *t, wa_err_t rc);
static void retry_unlink(wa_account_t *a, media_retry_t *r);


static wa_media_state_t *
media_state(wa_account_t *a)
{
    if (a->media == NULL) {
        a->media = wa_calloc(1, sizeof(*a->media));
    }

    return a->media;
}


void
wa_media_state_free(wa_account_t *a)
{
    media_retry_t  *r;

    if (a->media == NULL) {
        return;
    }

    for (r = a->media->retries; r != NULL; r = r->next) {
        wa_buf_free(&r->path);
    }

    json_decref(a->media->conn);
    wa_free(a->media);
    a->media = NULL;
}


/* -- media.conn ------------------------------------------------------------ */

const json_t *
wa_media_conn(const wa_account_t *a)
{
    return a->media != NULL && a->now < a->media->conn_until
           ? a->media->conn : NULL;
}


wa_node_t *
wa_media_conn_iq(wa_arena_t *arena)
{
    wa_node_t  *iq;

    iq = wa_node_iq(arena, "set", "w:m");
    (void) wa_node_add_new(arena, iq, "media_conn");

    return iq;
}


void
wa_media_conn_take(wa_account_t *a, const wa_node_t *answer)
{
    json_decref(conn_read(a, wa_node_child(answer, "media_conn")));
}


void
wa_media_conn_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_err_t           rc;
    wa_node_t         *iq;
    wa_task_t         *t;
    wa_span_t          old, auth;
    wa_media_state_t  *m;

    m = media_state(a);

    if (m != NULL && m->conn != NULL) {
        old = wa_query_arg(cmd->args, "refresh");
        auth = wa_query_arg(m->conn, "auth");

        if (a->now < m->conn_until
            && (old.p == NULL || !wa_span_eq(old, auth)))
        {
            wa_account_reply(a, cmd->id, NULL, NULL, json_incref(m->conn));
            return;
        }

        json_decref(m->conn);
        m->conn = NULL;
    }

    t = wa_query_task(a, cmd, "media_conn", conn_answered,
                      sizeof(wa_query_t));

    if (t == NULL) {
        return;
    }

    iq = wa_media_conn_iq(&t->arena);
    rc = wa_task_iq(t, iq);

    if (rc != WA_AGAIN) {
        wa_query_failed(t, rc);
    }
}


static void
conn_answered(wa_task_t *t, wa_err_t rc)
{
    json_t  *conn;

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    conn = conn_read(t->account, wa_node_child(t->answer, "media_conn"));

    if (conn == NULL) {
        wa_query_refuse(t, "SEND_FAILED",
                        "WhatsApp named no media servers");
        return;
    }

    wa_query_done(t, conn);
}


/* A new reference; NULL: no usable answer. */
static json_t *
conn_read(wa_account_t *a, const wa_node_t *n)
{
    json_t            *conn, *hosts;
    uint64_t           ttl;
    wa_span_t          auth;
    wa_media_state_t  *m;

    auth = wa_node_attr(n, "auth");
    hosts = conn_hosts(n);

    if (auth.n == 0 || json_array_size(hosts) == 0) {
        json_decref(hosts);
        return NULL;
    }

    conn = json_pack("{s:o, s:o}", "auth", wa_json_span(auth), "hosts",
                     hosts);
    m = media_state(a);

    if (conn == NULL || m == NULL) {
        return conn;
    }

    if (!wa_node_attr_u64(n, "ttl", &ttl) || ttl < MEDIA_TTL_MIN) {
        ttl = MEDIA_TTL_MIN;
    }

    if (ttl > MEDIA_TTL_MAX) {
        ttl = MEDIA_TTL_MAX;
    }

    json_decref(m->conn);
    m->conn = json_incref(conn);
    m->conn_until = a->now + (wa_time_t) ttl * 1000;

    return conn;
}


static json_t *
conn_hosts(const wa_node_t *n)
{
    size_t            i;
    json_t           *hosts;
    wa_span_t         name;
    const wa_node_t  *h;

    hosts = json_array();

    for (h = wa_node_child(n, "host"), i = 0;
         h != NULL && i < MEDIA_HOSTS_MAX;
         h = wa_node_sibling(h, "host"), i++)
    {
        name = wa_node_attr(h, "hostname");

        if (name.n == 0 || name.n > 253) {
            continue;
        }

        (void) json_array_append_new(hosts,
            json_pack("{s:o, s:b, s:b}", "hostname", wa_json_span(name),
                      "upload", wa_node_child(h, "upload") != NULL,
                      "download", wa_node_child(h, "download") != NULL));
    }

    return hosts;
}


/* -- media.retry ----------------------------------------------------------- */

void
wa_media_retry_query(wa_account_t *a, const wa_cmd_t *cmd)
{
    wa_buf_t           key = WA_BUF_EMPTY;
    wa_err_t           rc;
    wa_span_t          id;
    wa_task_t         *t;
    media_retry_t     *r;
    wa_media_state_t  *m;

    m = media_state(a);
    id = wa_query_arg(cmd->args, "message_id");
    rc = wa_b64_decode(wa_query_arg(cmd->args, "media_key"), WA_B64_STD,
                       &key);

    if (rc != WA_OK || key.n != WA_KEY_LEN || id.n == 0
        || id.n > MEDIA_ID_MAX)
    {
        wa_buf_wipe(&key);
        wa_account_reply(a, cmd->id, "INVALID_PARAMETER",
                         "Not what a message has", NULL);
        return;
    }

    if (m == NULL || m->n_retries >= MEDIA_RETRIES_MAX) {
        wa_buf_wipe(&key);
        wa_account_reply(a, cmd->id, "OWNER_UNAVAILABLE",
                         "Too many files are asked for", NULL);
        return;
    }

    t = wa_query_task(a, cmd, "media retry", retry_ended,
                      sizeof(media_retry_t));

    if (t == NULL) {
        wa_buf_wipe(&key);
        return;
    }

    r = t->data;
    memcpy(r->key, key.p, WA_KEY_LEN);
    wa_buf_wipe(&key);

    r->task = t;
    r->next = m->retries;
    m->retries = r;
    m->n_retries++;

    rc = retry_read(t, r, id, cmd->args);

    if (rc == WA_OK) {
        t->resume = retry_known;
        rc = retry_need(t, r);
    }

    if (rc != WA_AGAIN) {
        retry_known(t, rc);
    }
}


static wa_err_t
retry_read(wa_task_t *t, media_retry_t *r, wa_span_t id, const json_t *args)
{
    if (!wa_query_arg_jid(args, "chat", &r->chat)) {
        return WA_ERR_ARG;
    }

    if (!wa_query_arg_jid(args, "participant", &r->author)) {
        r->author.server = WA_SERVER_NONE;
    }

    r->from_me = json_is_true(json_object_get(args, "from_me"));
    r->peer = json_is_true(json_object_get(args, "peer"));

    return wa_arena_dup_span(&t->arena, id, &r->asked);
}


static wa_err_t
retry_need(wa_task_t *t, const media_retry_t *r)
{
    size_t    n;
    wa_key_t  keys[2 * WA_LID_KEYS + 1];

    n = wa_lid_need(&r->chat, &t->arena, keys);
    n += wa_lid_need(&r->author, &t->arena, keys + n);
    n += wa_group_need(&r->chat, &t->arena, keys + n);

    return wa_task_need(t, keys, n);
}


static void
retry_known(wa_task_t *t, wa_err_t rc)
{
    wa_account_t   *a;
    media_retry_t  *r;

    a = t->account;
    r = t->data;

    if (rc == WA_OK && !wa_account_online(a)) {
        rc = WA_ERR_GONE;
    }

    if (rc == WA_OK) {
        rc = retry_named(t, r);
    }

    if (rc == WA_OK) {
        rc = retry_ask(t, r);
    }

    if (rc == WA_OK) {
        t->resume = retry_ended;
        (void) wa_task_sleep(t, a->now + MEDIA_RETRY_MS);
        return;
    }

    retry_unlink(a, r);
    wa_query_failed(t, rc);
}


/* The phone looks the message up under the addresses it came with. */
static wa_err_t
retry_named(wa_task_t *t, media_retry_t *r)
{
    wa_err_t    rc;
    Wa__Group  *g;

    g = NULL;
    rc = WA_OK;

    if (wa_jid_is_group(&r->chat)) {
        rc = wa_group_get(t->account, &r->chat, &t->arena, &g);
    }

    wa_lid_prefer(t->account, &r->chat);

    if (rc != WA_OK || r->author.server == WA_SERVER_NONE) {
        return rc;
    }

    if (g != NULL) {
        r->author = wa_group_address(t->account, g, &r->author);

    } else {
        wa_lid_prefer(t->account, &r->author);
    }

    return WA_OK;
}


/* Sends the receipt that asks for it. */
static wa_err_t
retry_ask(wa_task_t *t, media_retry_t *r)
{
    uint8_t        iv[WA_GCM_NONCE_LEN];
    wa_buf_t       sealed = WA_BUF_EMPTY;
    wa_err_t       rc;
    wa_jid_t       self;
    wa_node_t     *receipt, *child, *part;
    wa_span_t      bytes, nonce;
    wa_arena_t    *arena;
    wa_account_t  *a;

    a = t->account;
    arena = &t->arena;

    wa_account_random(a, iv, sizeof(iv));
    rc = wa_media_retry_seal(r->key, r->asked, iv, &sealed);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span_buf(&sealed), &bytes);
    }

    wa_buf_free(&sealed);

    if (rc == WA_OK) {
        rc = wa_arena_dup_span(arena, wa_span(iv, sizeof(iv)), &nonce);
    }

    if (rc != WA_OK) {
        return rc;
    }

    self = wa_jid_bare(wa_account_self(a, WA_SERVER_PN));

    r->id = r->asked;
    receipt = wa_node_new(arena, "receipt");
    wa_node_set(arena, receipt, "id", r->id);
    wa_node_set_jid(arena, receipt, "to", &self);
    wa_node_set_str(arena, receipt, "type", "server-error");

    if (r->peer) {
        wa_node_set_str(arena, receipt, "category", "peer");
    }

    child = wa_node_add_new(arena, receipt, "encrypt");
    part = wa_node_add_new(arena, child, "enc_p");
    wa_node_bytes(part, bytes);
    part = wa_node_add_new(arena, child, "enc_iv");
    wa_node_bytes(part, nonce);

    /* What our phone sent us, as a piece of its history, is in no chat. */

    if (!r->peer) {
        child = wa_node_add_new(arena, receipt, "rmr");
        wa_node_set_jid(arena, child, "jid", &r->chat);
        wa_node_set_str(arena, child, "from_me", r->from_me ? "true"
                                                            : "false");

        if (r->author.server != WA_SERVER_NONE) {
            wa_node_set_jid(arena, child, "participant", &r->author);
        }
    }

    rc = wa_node_ok(receipt);

    return rc == WA_OK ? wa_account_send_now(a, receipt) : rc;
}


static void
retry_ended(wa_task_t *t, wa_err_t rc)
{
    json_t         *data;
    media_retry_t  *r;

    r = t->data;
    data = NULL;

    if (rc == WA_OK) {
        rc = r->answered ? r->rc : WA_ERR_TIMEOUT;
    }

    if (rc == WA_OK && r->result == WA_MEDIA_RETRY_OK) {
        data = json_pack("{s:o}", "direct_path",
                         wa_json_span(wa_span_buf(&r->path)));
    }

    retry_unlink(t->account, r);

    if (rc == WA_OK && r->result != WA_MEDIA_RETRY_OK) {
        wa_query_refuse(t, "MEDIA_NOT_FOUND",
                        "The phone does not have the file");
        return;
    }

    if (rc != WA_OK) {
        wa_query_failed(t, rc);
        return;
    }

    wa_query_done(t, data);
}


static void
retry_unlink(wa_account_t *a, media_retry_t *r)
{
    media_retry_t  **p;

    for (p = &a->media->retries; *p != NULL; p = &(*p)->next) {

        if (*p == r) {
            *p = r->next;
            a->media->n_retries--;
            break;
        }
    }

    wa_buf_free(&r->path);
    wa_wipe(r->key, sizeof(r->key));
}


void
wa_media_retry_notification(wa_task_t *t)
{
    wa_span_t         id;
    wa_unit_t        *u;
    wa_account_t     *a;
    media_retry_t    *r;
    const wa_node_t  *n, *enc;

    a = t->account;
    n = t->stanza;
    id = wa_node_attr(n, "id");
    enc = wa_node_child(n, "encrypt");

    for (r = a->media == NULL ? NULL : a->media->retries;
         r != NULL;
         r = r->next)
    {
        if (r->answered || !wa_span_eq(r->id, id)) {
            continue;
        }

        if (enc == NULL) {
            r->rc = WA_OK;
            r->result = WA_MEDIA_RETRY_NOT_FOUND;

        } else {
            r->rc = wa_media_retry_open(r->key, r->id,
                                        wa_node_child_content(enc, "enc_iv"),
                                        wa_node_child_content(enc, "enc_p"),
                                        &r->result, &r->path);
        }

        /* Whoever may write to us cannot end the wait with a wrong seal. */

        if (r->rc == WA_OK) {
            r->answered = true;
            wa_task_ready(r->task, WA_OK);

        } else {
            wa_log(a, WA_LOG_WARN, "an answer to a media retry does not "
                   "open: %s", wa_err_name(r->rc));
        }
    }

    u = wa_unit_new(a);
    (void) wa_ack_stanza(u, n, NULL, 0);
    wa_task_end(t, wa_unit_commit(u, NULL));
}
