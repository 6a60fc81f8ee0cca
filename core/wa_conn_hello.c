/*
 * The handshake of a connection: IK with a server that is known, or XX; what
 * was learned about the server is kept for the next one.
 */
#include <stdio.h>

#include "wa_conn_int.h"

#include "wa_alive.h"
#include "wa_login.h"
#include "wa_out.h"
#include "wa_unit.h"


/* So many hellos of IK without an answer, and it is not tried any more. */
#define CONN_RESUMES       8


static wa_err_t conn_resume(wa_account_t *a, wa_buf_t *hello);
static void conn_learned(wa_account_t *a);


/* Intro and client hello leave in one WebSocket message. */
void
wa_conn_upgraded(wa_account_t *a)
{
    wa_err_t    rc;
    wa_buf_t    hello = WA_BUF_EMPTY;
    wa_conn_t  *c;

    c = a->conn;
    c->routed = a->creds->routing_info.n != 0 && wa_alive_routed(a);
    rc = wa_frame_intro(c->routed ? wa_span_buf(&a->creds->routing_info)
                                  : wa_span_none(), &hello);

    if (rc == WA_OK) {
        rc = wa_noise_init(&c->noise, NULL);
    }

    if (rc == WA_OK) {
        rc = conn_resume(a, &hello);
    }

    if (rc == WA_OK) {
        rc = wa_ws_send(c->ws, wa_span_buf(&hello), wa_outq_bytes(a));
    }

    wa_buf_free(&hello);

    if (rc != WA_OK) {
        wa_conn_fail(a, "cannot start the handshake");
        return;
    }

    c->phase = PHASE_HELLO;
    c->deadline = a->now + CONN_HELLO_MS;
}


/*
 * IK when the server is known from before, which saves a round trip; a server
 * that declines makes it XX by itself.  Where IK fails otherwise, and again
 * and again on this worker, something on the way does not like it.
 */
static wa_err_t
conn_resume(wa_account_t *a, wa_buf_t *hello)
{
    wa_err_t     rc;
    wa_buf_t     payload = WA_BUF_EMPTY;
    wa_conn_t   *c;
    wa_creds_t  *creds;

    c = a->conn;
    creds = a->creds;

    if (!creds->linked || a->resume_not
        || a->engine->resumes_failed == CONN_RESUMES
        || !wa_noise_server_valid(&creds->server, wa_unix_s(a)))
    {
        return wa_noise_client_hello(&c->noise, hello);
    }

    rc = wa_login_payload(a, &payload);

    if (rc == WA_OK) {
        rc = wa_noise_resume(&c->noise, creds->server.key, creds->noise.priv,
                             creds->noise.pub, wa_span_buf(&payload), hello);
    }

    wa_buf_wipe(&payload);
    c->resuming = (rc == WA_OK);

    return rc;
}


/* The handshake has ended: what it says about the next one. */
static void
conn_learned(wa_account_t *a)
{
    wa_unit_t  *u;
    wa_conn_t  *c;

    c = a->conn;
    a->resume_not = false;

    if (c->noise.resumed) {
        a->engine->resumes_failed = 0;
        return;
    }

    if (memcmp(&a->creds->server, &c->noise.server,
               sizeof(c->noise.server)) == 0)
    {
        return;
    }

    a->creds->server = c->noise.server;

    /* Until then it is saved with what the link brings. */

    if (!a->creds->linked) {
        return;
    }

    u = wa_unit_new(a);
    (void) wa_creds_save(u);
    (void) wa_unit_commit(u, NULL);
}


wa_err_t
wa_conn_hello(wa_account_t *a, wa_span_t frame)
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

    if (rc == WA_OK && finish.n > 0) {
        rc = wa_ws_send(c->ws, wa_span_buf(&finish), wa_outq_bytes(a));
    }

    wa_buf_wipe(&payload);
    wa_buf_free(&finish);

    if (rc == WA_OK) {
        c->phase = PHASE_OPEN;
        c->deadline = a->now + CONN_HELLO_MS;
        wa_frame_set_max(&c->frames, WA_FRAME_MAX);
        conn_learned(a);
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

    wa_conn_fail(a, why);

    return WA_OK;
}


/* A hello of IK that led nowhere: the next one is that of XX. */
void
wa_conn_unresumed(wa_account_t *a)
{
    a->resume_not = true;

    if (a->engine->resumes_failed < CONN_RESUMES) {
        a->engine->resumes_failed++;
    }
}
