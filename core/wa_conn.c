/*
 *     DIAL -> UPGRADE -> HELLO -> OPEN
 *
 * The phase is the handler for the next bytes.  Any error ends in
 * conn_fail(): the transport is closed and wa_life is told why.
 */
#include <stdio.h>

#include "wa_conn.h"
#include "wa_cache.h"
#include "wa_clientpayload.h"
#include "wa_dispatch.h"
#include "wa_frame.h"
#include "wa_life.h"
#include "wa_login.h"
#include "wa_noise.h"
#include "wa_node_codec.h"
#include "wa_out.h"
#include "wa_prekey.h"
#include "wa_task_int.h"
#include "wa_ws.h"


/* Times of protocol.md 1 and 5 (whatsmeow keepalive.go). */
#define CONN_DIAL_MS       30000
#define CONN_HELLO_MS      20000
#define CONN_PING_MIN_MS   20000
#define CONN_PING_SPAN_MS  10000
#define CONN_PONG_MS       20000

#define CONN_ORIGIN        "https://web.whatsapp.com"


typedef enum {
    PHASE_DIAL = 0,
    PHASE_UPGRADE,
    PHASE_HELLO,
    PHASE_OPEN
} wa_phase_e;

struct wa_conn_s {
    uint32_t       gen;
    uint8_t        phase;
    bool           online;
    bool           available;
    bool           alive;              /* pings run                        */
    bool           pinged;             /* a ping is unanswered             */
    wa_time_t      deadline;           /* of the phase, ping or pong       */
    wa_ws_t       *ws;
    wa_frame_rd_t  frames;
    wa_noise_t     noise;
    uint64_t       next_id;
    char           id_prefix[9];
};


static void conn_fail(wa_account_t *a, const char *why);
static void conn_upgraded(wa_account_t *a);
static wa_err_t conn_frames(wa_account_t *a, wa_span_t data);
static wa_err_t conn_frame(wa_account_t *a, wa_span_t frame);
static wa_err_t conn_hello(wa_account_t *a, wa_span_t frame);
static void conn_ping(wa_account_t *a);
static void conn_ping_later(wa_account_t *a);


void
wa_conn_dial(wa_account_t *a)
{
    uint8_t     r[4];
    wa_conn_t  *c;

    if (a->conn != NULL || a->gone || a->quiesced) {
        return;
    }

    c = wa_calloc(1, sizeof(wa_conn_t));

    if (c == NULL || wa_outq_simple(a, WA_OUT_CONNECT) != WA_OK) {
        wa_free(c);
        wa_life_conn_lost(a, "out of memory");
        return;
    }

    c->gen = ++a->conn_gens;
    c->phase = PHASE_DIAL;
    c->deadline = a->now + CONN_DIAL_MS;
    wa_frame_init(&c->frames, WA_FRAME_HANDSHAKE_MAX);

    wa_account_random(a, r, sizeof(r));
    (void) snprintf(c->id_prefix, sizeof(c->id_prefix), "%02X%02X%02X%02X",
                    r[0], r[1], r[2], r[3]);
    a->conn = c;
}


static void
conn_ws_random(void *data, uint8_t *p, size_t n)
{
    wa_account_random(data, p, n);
}


void
wa_conn_connected(wa_account_t *a, wa_err_t err, const char *text)
{
    wa_conn_t     *c;
    wa_ws_conf_t   conf;

    c = a->conn;

    if (c == NULL || c->phase != PHASE_DIAL) {
        return;
    }

    if (err != WA_OK) {
        wa_conn_close(a);
        wa_life_conn_lost(a, text != NULL ? text : "cannot connect");
        return;
    }

    conf.host = a->engine->conf.ws_host;
    conf.path = a->engine->conf.ws_path;
    conf.origin = CONN_ORIGIN;
    conf.random = conn_ws_random;
    conf.random_data = a;
    conf.spares = &a->engine->spares;

    c->phase = PHASE_UPGRADE;
    c->deadline = a->now + CONN_HELLO_MS;

    if (wa_ws_create(&c->ws, &conf, wa_outq_bytes(a)) != WA_OK) {
        conn_fail(a, "cannot start the WebSocket");
    }
}


void
wa_conn_closed(wa_account_t *a, const char *text)
{
    if (a->conn == NULL) {
        return;
    }

    wa_conn_close(a);
    wa_life_conn_lost(a, text != NULL ? text : "connection closed");
}


void
wa_conn_close(wa_account_t *a)
{
    wa_conn_t  *c;

    c = a->conn;

    if (c == NULL) {
        return;
    }

    if (c->ws != NULL && wa_ws_state(c->ws) == WA_WS_OPEN) {
        (void) wa_ws_close(c->ws, 1000, wa_outq_bytes(a));
    }

    a->conn = NULL;
    wa_ws_free(c->ws);
    wa_frame_free(&c->frames);
    wa_noise_wipe(&c->noise);
    wa_free(c);

    (void) wa_outq_simple(a, WA_OUT_CLOSE);
    wa_tasks_conn_lost(a);
    wa_prekey_offline(a);
}


static void
conn_fail(wa_account_t *a, const char *why)
{
    wa_log(a, WA_LOG_INFO, "%s", why);
    wa_conn_close(a);
    wa_life_conn_lost(a, why);
}


uint32_t
wa_conn_generation(const wa_account_t *a)
{
    return a->conn == NULL ? 0 : a->conn->gen;
}


wa_err_t
wa_conn_feed(wa_account_t *a, wa_span_t in)
{
    char         why[80];
    wa_err_t     rc;
    wa_buf_t     data = WA_BUF_EMPTY;
    uint32_t     gen;
    wa_conn_t   *c;

    c = a->conn;

    if (c == NULL || c->ws == NULL) {
        return WA_ERR_STATE;
    }

    gen = c->gen;
    rc = wa_ws_feed(c->ws, in, &data, wa_outq_bytes(a));

    if (c->phase == PHASE_UPGRADE && wa_ws_state(c->ws) != WA_WS_UPGRADE
        && rc == WA_OK)
    {
        conn_upgraded(a);
    }

    if (data.n > 0 && wa_conn_generation(a) == gen) {
        (void) conn_frames(a, wa_span_buf(&data));
    }

    wa_buf_free(&data);

    /* What was handled may have ended this connection. */
    if (wa_conn_generation(a) != gen) {
        return WA_OK;
    }

    if (rc != WA_OK) {
        if (c->phase == PHASE_UPGRADE && wa_ws_http_status(c->ws) != 0) {
            (void) snprintf(why, sizeof(why),
                            "server refused the WebSocket with status %u",
                            wa_ws_http_status(c->ws));
        } else {
            (void) snprintf(why, sizeof(why), "bad WebSocket bytes: %s",
                            wa_err_name(rc));
        }

        conn_fail(a, why);

    } else if (wa_ws_state(c->ws) == WA_WS_CLOSED
               || wa_ws_state(c->ws) == WA_WS_CLOSING)
    {
        conn_fail(a, "server closed the WebSocket");
    }

    return WA_OK;
}


/* Intro and client hello leave in one WebSocket message. */
static void
conn_upgraded(wa_account_t *a)
{
    wa_err_t    rc;
    wa_buf_t    hello = WA_BUF_EMPTY;
    wa_conn_t  *c;

    c = a->conn;
    rc = wa_frame_intro(wa_span_buf(&a->creds->routing_info), &hello);

    if (rc == WA_OK) {
        rc = wa_noise_init(&c->noise, NULL);
    }

    if (rc == WA_OK) {
        rc = wa_noise_client_hello(&c->noise, &hello);
    }

    if (rc == WA_OK) {
        rc = wa_ws_send(c->ws, wa_span_buf(&hello), wa_outq_bytes(a));
    }

    wa_buf_free(&hello);

    if (rc != WA_OK) {
        conn_fail(a, "cannot start the handshake");
        return;
    }

    c->phase = PHASE_HELLO;
    c->deadline = a->now + CONN_HELLO_MS;
}


static wa_err_t
conn_frames(wa_account_t *a, wa_span_t data)
{
    wa_err_t    rc;
    uint32_t    gen;
    wa_span_t   frame;
    wa_conn_t  *c;

    c = a->conn;
    gen = c->gen;

    rc = wa_frame_feed(&c->frames, data);

    while (rc == WA_OK) {
        rc = wa_frame_next(&c->frames, &frame);

        if (rc != WA_OK) {
            break;
        }

        rc = conn_frame(a, frame);

        if (wa_conn_generation(a) != gen) {
            return WA_OK;
        }
    }

    if (rc != WA_AGAIN) {
        conn_fail(a, "the server's bytes are not frames");
    }

    return rc;
}


static wa_err_t
conn_frame(wa_account_t *a, wa_span_t frame)
{
    wa_err_t     rc;
    wa_span_t    plain;
    wa_node_t   *node;
    wa_arena_t   arena;
    wa_conn_t   *c;

    c = a->conn;

    if (c->phase == PHASE_HELLO) {
        return conn_hello(a, frame);
    }

    if (c->phase != PHASE_OPEN) {
        return WA_ERR_SYNTAX;
    }

    if (c->alive) {
        conn_ping_later(a);
    }

    wa_arena_init_pool(&arena, &a->engine->arenas);
    rc = wa_noise_open(&c->noise, frame, &arena, &plain);

    if (rc != WA_OK) {
        wa_arena_free(&arena);
        return rc;
    }

    /* The stream goes on behind a node that cannot be read. */
    rc = wa_node_unpack(plain, &arena, &node);

    if (rc == WA_OK) {
        wa_dispatch_stanza(a, node, &arena);

    } else {
        wa_log(a, WA_LOG_INFO, "unreadable stanza of %zu bytes: %s",
               plain.n, wa_err_name(rc));
    }

    wa_arena_free(&arena);

    return WA_OK;
}


static wa_err_t
conn_hello(wa_account_t *a, wa_span_t frame)
{
    char        why[96];
    wa_err_t    rc;
    wa_buf_t    payload = WA_BUF_EMPTY, finish = WA_BUF_EMPTY;
    wa_conn_t  *c;

    c = a->conn;
    rc = wa_login_payload(a, &payload);

    if (rc == WA_OK) {
        rc = wa_noise_server_hello(&c->noise, frame,
                                   a->engine->conf.noise_root_key,
                                   a->creds->noise.priv,
                                   a->creds->noise.pub,
                                   wa_span_buf(&payload), wa_unix_s(a),
                                   &finish);
    }

    if (rc == WA_OK) {
        rc = wa_ws_send(c->ws, wa_span_buf(&finish), wa_outq_bytes(a));
    }

    wa_buf_wipe(&payload);
    wa_buf_free(&finish);

    if (rc == WA_OK) {
        c->phase = PHASE_OPEN;
        c->deadline = a->now + CONN_HELLO_MS;
        wa_frame_set_max(&c->frames, WA_FRAME_MAX);
        return WA_OK;
    }

    if (rc == WA_ERR_AUTH && c->noise.cert != WA_CERT_OK) {
        (void) snprintf(why, sizeof(why), "server certificate refused (%s)",
                        wa_cert_name((wa_cert_e) c->noise.cert));
        wa_log(a, WA_LOG_ERROR, "%s: this is not the server that the noise "
               "root key belongs to", why);
    } else {
        (void) snprintf(why, sizeof(why), "handshake failed: %s",
                        wa_err_name(rc));
    }

    conn_fail(a, why);

    return WA_OK;
}


void
wa_conn_send_packed(wa_account_t *a, wa_span_t packed)
{
    wa_err_t    rc;
    wa_buf_t    frame = WA_BUF_EMPTY;
    wa_conn_t  *c;

    c = a->conn;

    if (c == NULL || c->phase != PHASE_OPEN) {
        return;
    }

    rc = wa_noise_seal(&c->noise, packed, &frame);

    if (rc == WA_OK) {
        rc = wa_ws_send(c->ws, wa_span_buf(&frame), wa_outq_bytes(a));
    }

    wa_buf_free(&frame);

    if (rc != WA_OK) {
        conn_fail(a, "cannot send");
    }
}


wa_err_t
wa_account_send_now(wa_account_t *a, const wa_node_t *node)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (a->conn == NULL || a->conn->phase != PHASE_OPEN) {
        return WA_ERR_GONE;
    }

    if (node == NULL) {
        return WA_ERR_NOMEM;
    }

    rc = wa_node_pack(node, &packed);

    if (rc == WA_OK) {
        wa_conn_send_packed(a, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


void
wa_conn_iq_id(wa_account_t *a, wa_arena_t *arena, wa_node_t *iq,
    uint64_t *id)
{
    wa_span_t  text;

    text = wa_account_next_id(a, arena);
    *id = a->conn->next_id;

    if (text.p == NULL) {
        wa_node_fail(iq, WA_ERR_NOMEM);
        return;
    }

    wa_node_set(arena, iq, "id", text);
}


wa_span_t
wa_account_next_id(wa_account_t *a, wa_arena_t *arena)
{
    int        n;
    char       buf[32];
    wa_span_t  out;

    if (a->conn == NULL) {
        return wa_span_none();
    }

    n = snprintf(buf, sizeof(buf), "%s.%llu", a->conn->id_prefix,
                 (unsigned long long) ++a->conn->next_id);

    if (n < 0 || wa_arena_dup_span(arena, wa_span(buf, (size_t) n), &out)
                 != WA_OK)
    {
        return wa_span_none();
    }

    return out;
}


bool
wa_conn_iq_match(wa_account_t *a, const wa_node_t *iq, uint64_t *id)
{
    wa_span_t   text;
    wa_conn_t  *c;

    c = a->conn;
    text = wa_node_attr(iq, "id");

    if (c == NULL || text.n < 10 || memcmp(text.p, c->id_prefix, 8) != 0
        || text.p[8] != '.')
    {
        return false;
    }

    return wa_span_u64(wa_span(text.p + 9, text.n - 9), id);
}


void
wa_conn_set_online(wa_account_t *a)
{
    if (a->conn != NULL) {
        a->conn->online = true;
        wa_conn_keep_alive(a);
    }
}


void
wa_conn_keep_alive(wa_account_t *a)
{
    if (a->conn != NULL) {
        a->conn->alive = true;
        conn_ping_later(a);
    }
}


bool
wa_account_online(const wa_account_t *a)
{
    return a->conn != NULL && a->conn->online;
}


bool
wa_account_available(const wa_account_t *a)
{
    return a->conn != NULL && a->conn->available;
}


static void
conn_ping_later(wa_account_t *a)
{
    uint8_t  r[2];

    a->conn->pinged = false;

    /* Jitter once per quiet period, not per frame. */
    if (a->conn->deadline > a->now + CONN_PING_MIN_MS) {
        return;
    }

    wa_account_random(a, r, sizeof(r));
    a->conn->deadline = a->now + CONN_PING_MIN_MS
                        + ((r[0] << 8) | r[1]) % CONN_PING_SPAN_MS;
}


/* <iq to=s.whatsapp.net type=get xmlns=w:p/> with an empty body, as whatsmeow
   sends it; any traffic counts as the answer. */
static void
conn_ping(wa_account_t *a)
{
    uint64_t    id;
    wa_node_t  *iq;
    wa_arena_t  arena;

    wa_arena_init(&arena, 600);

    iq = wa_node_new(&arena, "iq");
    wa_conn_iq_id(a, &arena, iq, &id);
    wa_node_set_str(&arena, iq, "to", "s.whatsapp.net");
    wa_node_set_str(&arena, iq, "type", "get");
    wa_node_set_str(&arena, iq, "xmlns", "w:p");

    /* Nothing came for a while: let go of what the last traffic needed. */
    wa_cache_idle(a);

    a->conn->pinged = true;
    a->conn->deadline = a->now + CONN_PONG_MS;
    (void) wa_account_send_now(a, iq);

    wa_arena_free(&arena);
}


void
wa_conn_expire(wa_account_t *a)
{
    wa_conn_t  *c;

    c = a->conn;

    if (c == NULL || c->deadline > a->now) {
        return;
    }

    /* While we do not read, silence is ours. */
    if (wa_account_paused(a)) {
        c->deadline = a->now + CONN_PONG_MS;
        return;
    }

    switch (c->phase) {

    case PHASE_DIAL:
        conn_fail(a, "connect timed out");
        return;

    case PHASE_UPGRADE:
    case PHASE_HELLO:
        conn_fail(a, "handshake timed out");
        return;

    default:
        break;
    }

    if (!c->alive) {
        conn_fail(a, "login timed out");

    } else if (c->pinged) {
        conn_fail(a, "server does not answer pings");

    } else {
        conn_ping(a);
    }
}


wa_time_t
wa_conn_deadline(const wa_account_t *a)
{
    return a->conn == NULL ? -1 : a->conn->deadline;
}


size_t
wa_conn_footprint(const wa_account_t *a)
{
    if (a->conn == NULL) {
        return 0;
    }

    return sizeof(wa_conn_t) + wa_ws_memory(a->conn->ws)
           + a->conn->frames.acc.cap;
}
