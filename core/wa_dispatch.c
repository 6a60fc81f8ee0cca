/*
 * Two kinds of stanzas: those handled at once, and those handled one after
 * another (serial), because they read and write records.
 */
#include "wa_call.h"
#include "wa_conn.h"
#include "wa_dispatch.h"
#include "wa_life.h"
#include "wa_login.h"
#include "wa_notify.h"
#include "wa_offline.h"
#include "wa_pair.h"
#include "wa_presence.h"
#include "wa_receipt.h"
#include "wa_recv.h"
#include "wa_send.h"
#include "wa_task_int.h"


typedef void (*wa_now_pt)(wa_account_t *a, const wa_node_t *node);
typedef void (*wa_serial_pt)(wa_task_t *t);

static void dispatch_iq(wa_account_t *a, const wa_node_t *iq);
static void dispatch_ack(wa_account_t *a, const wa_node_t *ack);
static void dispatch_end(wa_account_t *a, const wa_node_t *node);
static void dispatch_serial(wa_task_t *t, wa_err_t rc);
static void dispatch_unknown(wa_account_t *a, const wa_node_t *node);
static void dispatch_park(wa_account_t *a, wa_node_t *node,
    wa_arena_t *arena, const char *what);

static const struct {
    const char    *tag;
    wa_now_pt      now;
    wa_serial_pt   serial;
} handlers[] = {
    { "message", NULL, wa_recv_message },
    { "receipt", NULL, wa_receipt_stanza },
    { "ack", dispatch_ack, NULL },
    { "iq", dispatch_iq, NULL },
    { "notification", NULL, wa_notify_stanza },
    { "call", NULL, wa_call_stanza },
    { "appdata", NULL, wa_recv_message },
    { "status", NULL, wa_recv_message },
    { "ib", wa_login_ib, NULL },
    { "presence", NULL, wa_presence_stanza },
    { "chatstate", NULL, wa_chatstate_stanza },
    { "success", wa_login_success, NULL },
    { "failure", wa_login_failure, NULL },
    { "stream:error", wa_login_stream_error, NULL },
    { "xmlstreamend", dispatch_end, NULL }
};


void
wa_dispatch_stanza(wa_account_t *a, wa_node_t *node, wa_arena_t *arena)
{
    bool    offline;
    size_t  i;

    wa_log(a, WA_LOG_DEBUG, "stanza %.*s", (int) node->tag.n,
           (const char *) node->tag.p);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

        if (!wa_node_is(node, handlers[i].tag)) {
            continue;
        }

        if (handlers[i].now != NULL) {
            handlers[i].now(a, node);
            return;
        }

        offline = wa_node_attr(node, "offline").p != NULL;
        dispatch_park(a, node, arena, handlers[i].tag);

        /* Behind it: asking for more may end the connection, and with it what
           waits.  A stanza that waited alone would overtake the others. */

        if (offline) {
            wa_offline_seen(a);
        }

        return;
    }

    dispatch_unknown(a, node);
}


/* What wants an answer comes again until it gets one (whatsapp-rust
   client/node_io.rs). */
static void
dispatch_unknown(wa_account_t *a, const wa_node_t *node)
{
    wa_unit_t  *u;

    wa_log(a, WA_LOG_INFO, "unknown stanza %.*s",
           (int) (node->tag.n > 40 ? 40 : node->tag.n),
           (const char *) node->tag.p);

    if (a->creds->linked && wa_node_attr(node, "id").n != 0
        && wa_node_attr(node, "from").n != 0)
    {
        u = wa_unit_new(a);
        (void) wa_ack_stanza(u, node, NULL, WA_NACK_STANZA);
        (void) wa_unit_commit(u, NULL);
    }
}


static void
dispatch_park(wa_account_t *a, wa_node_t *node, wa_arena_t *arena,
    const char *what)
{
    wa_task_t  *t;

    t = wa_task_new(a, what, dispatch_serial);

    if (t == NULL) {
        return;                         /* the server sends it again       */
    }

    t->arena = *arena;
    wa_arena_init(arena, 0);
    t->stanza = node;
    wa_tasks_park(a, t);
}


static void
dispatch_serial(wa_task_t *t, wa_err_t rc)
{
    size_t  i;

    if (rc != WA_OK) {
        wa_task_end(t, rc);
        return;
    }

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {

        if (handlers[i].serial != NULL
            && wa_node_is(t->stanza, handlers[i].tag))
        {
            handlers[i].serial(t);
            return;
        }
    }
}


static void
dispatch_pong(wa_account_t *a, const wa_node_t *iq)
{
    wa_node_t   *n;
    wa_arena_t   arena;

    wa_arena_init(&arena, 600);
    n = wa_node_new(&arena, "iq");
    wa_node_set_str(&arena, n, "to", "s.whatsapp.net");
    wa_node_set_str(&arena, n, "type", "result");
    wa_node_set(&arena, n, "id", wa_node_attr(iq, "id"));
    (void) wa_account_send_now(a, n);
    wa_arena_free(&arena);
}


static void
dispatch_iq(wa_account_t *a, const wa_node_t *iq)
{
    if (wa_node_attr_is(iq, "type", "result")
        || wa_node_attr_is(iq, "type", "error"))
    {
        (void) wa_tasks_answer(a, iq);
        return;
    }

    if (wa_node_child(iq, "pair-device") != NULL) {
        wa_pair_device(a, iq);

    } else if (wa_node_child(iq, "pair-success") != NULL) {
        wa_pair_success(a, iq);

    } else if (wa_node_attr_is(iq, "xmlns", "urn:xmpp:ping")
               || wa_node_child(iq, "ping") != NULL)
    {
        dispatch_pong(a, iq);

    } else {
        wa_log(a, WA_LOG_INFO, "unknown iq from the server");
    }
}


static void
dispatch_ack(wa_account_t *a, const wa_node_t *ack)
{
    if (wa_node_attr_is(ack, "class", "message")) {
        wa_send_acked(a, ack);
    }
}


static void
dispatch_end(wa_account_t *a, const wa_node_t *node)
{
    (void) node;

    wa_login_stream_end(a);
}
