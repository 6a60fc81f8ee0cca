/*
 * A victim in a room (wa_room.h) with one peer, and what must be true of it
 * whatever it was fed: it answers a ping, and what it tells is JSON.
 */
#ifndef WA_HOSTILE_H
#define WA_HOSTILE_H

#include "wa_room.h"


/* A host keeps so many events and records; a room is left before that. */
#define ROOM_FULL   3000

#define VICTIM      1


typedef struct {
    room_t      *room;
    const char  *seed;
    size_t       tries;
    size_t       rebuilt;
    size_t       answered;             /* questions of the victim's        */
    char         id[24];
} bench_t;


static inline void
room_make(bench_t *b)
{
    b->room = room_create();
    (void) room_add(b->room, "15550100001", "111000111", 3);
    (void) room_add(b->room, "15550109999", "99000099", 7);
}


static inline int
setup(void **state)
{
    static bench_t  b;

    memset(&b, 0, sizeof(b));
    room_make(&b);
    *state = &b;

    return 0;
}


static inline int
teardown(void **state)
{
    bench_t  *b = *state;

    room_free(b->room);

    return 0;
}


static inline wa_host_t *
host(bench_t *b)
{
    return b->room->side[VICTIM].h;
}


static inline wa_account_t *
victim(bench_t *b)
{
    return wa_host_account(host(b));
}


/* What it said; how much. */
static inline size_t
swallow(bench_t *b)
{
    size_t      i, n;
    wa_conn_t  *c;

    c = victim(b)->conn;

    if (c == NULL) {
        return 0;
    }

    n = c->n_out;

    for (i = 0; i < n; i++) {
        free(c->out[i].p);
    }

    c->n_out = 0;

    return n;
}


static inline void
check_events(bench_t *b)
{
    size_t   i;
    json_t  *o;

    for (i = 0; i < wa_host_events(host(b)); i++) {
        o = json_loads(wa_host_event_body(host(b), i), 0, NULL);

        if (!json_is_object(o)) {
            fail_msg("%s: an event that is not JSON: %s", b->seed,
                     wa_host_event_body(host(b), i));
        }

        json_decref(o);
    }
}


/* Of what nobody sealed only its kind may be told: "unknown". */
static inline void
check_forged(bench_t *b)
{
    size_t       i;
    json_t      *o, *type;

    for (i = 0; i < wa_host_events(host(b)); i++) {

        if (strcmp(wa_host_event_type(host(b), i), "message.received") != 0) {
            continue;
        }

        o = json_loads(wa_host_event_body(host(b), i), 0, NULL);
        type = json_object_get(json_object_get(json_object_get(o, "data"),
                                               "message"), "message_type");

        if (strcmp(json_string_value(type), "unknown") != 0) {
            fail_msg("%s: a forged message was delivered: %s", b->seed,
                     wa_host_event_body(host(b), i));
        }

        json_decref(o);
    }
}


static inline void
room_leave(bench_t *b)
{
    check_events(b);
    room_free(b->room);
    room_make(b);
    b->rebuilt++;
}


/* Online again, or a new room: some stanzas end an account's link. */
static inline void
recover(bench_t *b)
{
    wa_account_t  *a;

    a = victim(b);

    if (wa_host_events(host(b)) > ROOM_FULL
        || wa_host_records(host(b)) > ROOM_FULL
        || !a->creds->linked || wa_account_state(a) > WA_STATE_DISCONNECTED)
    {
        room_leave(b);
        return;
    }

    if (a->conn == NULL) {
        wa_conn_dial(a);
        room_ready(b->room, VICTIM);
        (void) swallow(b);
    }
}


static inline void
check_alive(bench_t *b)
{
    wa_node_t   *iq;
    wa_arena_t   arena;

    recover(b);
    wa_arena_init(&arena, 0);
    iq = wa_node_new(&arena, "iq");
    wa_node_set_str(&arena, iq, "id", "alive");
    wa_node_set_str(&arena, iq, "type", "get");
    wa_node_set_str(&arena, iq, "xmlns", "urn:xmpp:ping");
    (void) swallow(b);
    room_feed(b->room, VICTIM, iq);
    wa_arena_free(&arena);

    if (swallow(b) != 1) {
        fail_msg("%s: no answer to a ping, try %zu", b->seed, b->tries);
    }
}


static inline void
feed(bench_t *b, wa_span_t packed)
{
    size_t      i;
    wa_gone_e   why;
    uint8_t    *copy;

    /* The host does not read now: the server's answers do not come. */

    for (i = 0; i < 300 && wa_account_paused(victim(b)); i++) {
        wa_host_advance(host(b), 60 * 1000);
        (void) swallow(b);
        recover(b);
    }

    /* Exactly as long as it is, for the sanitizer. */

    copy = malloc(packed.n + 1);
    memcpy(copy, packed.p, packed.n);
    (void) wa_account_feed(victim(b), wa_span(copy, packed.n),
                           wa_host_now(host(b)));
    wa_host_drain(host(b));
    free(copy);
    (void) swallow(b);
    b->tries++;

    if (wa_host_gone(host(b), &why)) {
        fail_msg("%s: the account is gone, try %zu", b->seed, b->tries);
    }

    recover(b);
}


/* Has the victim ask what the seed answers, and gives the answer its id. */
static inline void
feed_ask(bench_t *b, wa_node_t *node)
{
    char     to[40];
    size_t   i;
    json_t  *args;

    static const struct {
        const char  *seed;
        wa_op_e      op;
        const char  *verb;
    } asks[] = {
        { "iq-usync", WA_OP_SEND, NULL },
        { "iq-keys", WA_OP_SEND, NULL },
        { "iq-groups", WA_OP_QUERY, "group.sync" },
        { "iq-group", WA_OP_QUERY, "group.metadata" },
        { "iq-media", WA_OP_QUERY, "media.conn" },
        { "iq-result", WA_OP_QUERY, "channel.list" },
        { "iq-error", WA_OP_QUERY, "group.metadata" }
    };

    for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (strcmp(b->seed, asks[i].seed) == 0) {
            break;
        }
    }

    if (i == sizeof(asks) / sizeof(asks[0])) {
        return;
    }

    if (asks[i].op == WA_OP_SEND) {
        (void) snprintf(to, sizeof(to), "1555%07zu@s.whatsapp.net",
                        b->tries % 9999999);
        args = json_pack("{s:s, s:s, s:s}", "to", to, "type", "text",
                         "text", "hello");

    } else {
        args = json_pack("{s:s, s:s}", "verb", asks[i].verb, "jid",
                         "120363000000000042@g.us");
    }

    wa_host_submit(host(b), asks[i].op, args);
    (void) swallow(b);
    recover(b);

    for (i = 0; victim(b)->conn != NULL && i < node->n_attrs; i++) {

        if (wa_span_eq_str(node->attrs[i].key, "id")) {
            (void) snprintf(b->id, sizeof(b->id), "%llu",
                            (unsigned long long) victim(b)->conn->next_id);
            node->attrs[i].value = wa_span_str(b->id);
        }
    }
}


static inline void
feed_node(bench_t *b, wa_node_t *node)
{
    size_t    before;
    wa_buf_t  packed = WA_BUF_EMPTY;

    feed_ask(b, node);
    before = wa_host_replies(host(b));

    if (wa_node_pack(node, &packed) == WA_OK) {
        feed(b, wa_span_buf(&packed));
    }

    b->answered += wa_host_replies(host(b)) > before;
    wa_buf_free(&packed);
}

#endif /* WA_HOSTILE_H */
