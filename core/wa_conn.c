/*
 *     DIAL -> UPGRADE -> HELLO -> OPEN
 *
 * The phase is the handler for the next bytes.  Any error ends in
 * wa_conn_fail(): the transport is closed and wa_life is told why.
 */
#include <stdio.h>

#include "wa_alive.h"
#include "wa_alive_pulse.h"
#include "wa_conn_int.h"
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


/* Times of protocol.md 1 and 5. */
#define CONN_DIAL_MS       30000

/* A server that has no room for us is left alone for this long at least. */
#define CONN_BUSY_MS       60000
#define CONN_HTTP_BUSY     429

#define CONN_ORIGIN        "https://web.whatsapp.com"


static wa_err_t conn_frames(wa_account_t *a, wa_span_t data);
static wa_err_t conn_frame(wa_account_t *a, wa_span_t frame);
static void conn_answered(wa_account_t *a, const wa_node_t *node);
static void conn_ping(wa_account_t *a);
static void conn_pulse(wa_account_t *a);


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
        wa_conn_fail(a, "cannot start the WebSocket");
    }
}


/* The way in may be the reason why there was no handshake. */
static void
conn_unrouted(wa_account_t *a)
{
    if (a->conn->phase == PHASE_HELLO && a->conn->routed) {
        wa_alive_set_routed(a, false);
    }
}


void
wa_conn_closed(wa_account_t *a, const char *text)
{
    if (a->conn == NULL) {
        return;
    }

    conn_unrouted(a);
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

    if (c->resuming && c->phase == PHASE_HELLO && !a->quiesced) {
        wa_conn_unresumed(a);
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


void
wa_conn_fail(wa_account_t *a, const char *why)
{
    wa_log(a, WA_LOG_INFO, "%s", why);
    conn_unrouted(a);
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
    bool         busy;
    wa_err_t     rc;
    wa_buf_t     data = WA_BUF_EMPTY;
    uint32_t     gen;
    wa_conn_t   *c;

    c = a->conn;

    if (c == NULL || c->ws == NULL) {
        return WA_ERR_STATE;
    }

    gen = c->gen;

    if (c->alive) {
        wa_pulse_heard(a, &c->pulse);
    }

    rc = wa_ws_feed(c->ws, in, &data, wa_outq_bytes(a));

    if (c->phase == PHASE_UPGRADE && wa_ws_state(c->ws) != WA_WS_UPGRADE
        && rc == WA_OK)
    {
        wa_conn_upgraded(a);
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

        busy = c->phase == PHASE_UPGRADE
               && wa_ws_http_status(c->ws) == CONN_HTTP_BUSY;
        wa_conn_fail(a, why);

        if (busy) {
            wa_life_redial_later(a, CONN_BUSY_MS);
        }

    } else if (wa_ws_state(c->ws) == WA_WS_CLOSED
               || wa_ws_state(c->ws) == WA_WS_CLOSING)
    {
        wa_conn_fail(a, "server closed the WebSocket");
    }

    return WA_OK;
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
        wa_conn_fail(a, "the server's bytes are not frames");
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
        return wa_conn_hello(a, frame);
    }

    if (c->phase != PHASE_OPEN) {
        return WA_ERR_SYNTAX;
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
        conn_answered(a, node);
        wa_dispatch_stanza(a, node, &arena);

    } else {
        wa_log(a, WA_LOG_INFO, "unreadable stanza of %zu bytes: %s",
               plain.n, wa_err_name(rc));
    }

    wa_arena_free(&arena);

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
        wa_conn_fail(a, "cannot send");
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
        wa_alive_set_routed(a, true);
        wa_conn_keep_alive(a);
    }
}


void
wa_conn_keep_alive(wa_account_t *a)
{
    if (a->conn != NULL) {
        a->conn->alive = true;
        wa_pulse_start(a, &a->conn->pulse);
        a->conn->deadline = wa_pulse_deadline(a, &a->conn->pulse);
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


void
wa_conn_set_available(wa_account_t *a, bool available)
{
    if (a->conn != NULL) {
        a->conn->available = available;
    }
}


/* Answers and acks show that the server hears us; the pong of a ping also
   how far away it is and what time it has. */
static void
conn_answered(wa_account_t *a, const wa_node_t *node)
{
    uint64_t    id;
    wa_time_t   rtt;
    wa_conn_t  *c;

    c = a->conn;
    wa_alive_stanza(a);

    if (!c->alive) {
        return;
    }

    if (wa_node_is(node, "iq")) {

        if (!wa_conn_iq_match(a, node, &id)
            || (!wa_node_attr_is(node, "type", "result")
                && !wa_node_attr_is(node, "type", "error")))
        {
            return;
        }

        if (c->pulse.pinged && id == c->pulse.ping_id) {
            rtt = a->now - c->pulse.pinged_at;
            wa_alive_pong(a, rtt);
            wa_alive_clock(a, node, rtt / 2);
        }

    } else if (!wa_node_is(node, "ack")) {
        return;
    }

    if (c->pulse.pinged) {
        wa_pulse_answered(a, &c->pulse);
        c->deadline = wa_pulse_deadline(a, &c->pulse);
        return;
    }

    wa_pulse_answered(a, &c->pulse);
}


/* <iq to=s.whatsapp.net type=get xmlns=w:p/> with an empty body, as whatsmeow
   sends it. */
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
    if (wa_pulse_idle(a, &a->conn->pulse)) {
        wa_cache_idle(a);
    }

    wa_pulse_pinged(a, &a->conn->pulse, id);
    (void) wa_account_send_now(a, iq);

    wa_arena_free(&arena);
}


static void
conn_pulse(wa_account_t *a)
{
    switch (wa_pulse_check(a, &a->conn->pulse)) {

    case WA_PULSE_DEAF:
        wa_log(a, WA_LOG_WARN, "nothing comes from the server");
        wa_life_deaf(a, "nothing comes from the server");
        return;

    case WA_PULSE_MUTE:
        wa_log(a, WA_LOG_WARN, "the server does not answer pings");
        wa_life_deaf(a, "server does not answer pings");
        return;

    case WA_PULSE_PING:
        conn_ping(a);
        break;

    default:
        break;
    }

    /* A ping that could not be sent has ended the connection. */
    if (a->conn != NULL) {
        a->conn->deadline = wa_pulse_deadline(a, &a->conn->pulse);
    }
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
        wa_pulse_excuse(a, &c->pulse);
        c->deadline = c->alive ? wa_pulse_deadline(a, &c->pulse)
                               : a->now + CONN_HELLO_MS;
        return;
    }

    switch (c->phase) {

    case PHASE_DIAL:
        wa_conn_fail(a, "connect timed out");
        return;

    case PHASE_UPGRADE:
    case PHASE_HELLO:
        wa_conn_fail(a, "handshake timed out");
        return;

    default:
        break;
    }

    if (!c->alive) {
        wa_conn_fail(a, "login timed out");

    } else {
        conn_pulse(a);
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
