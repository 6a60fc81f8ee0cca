/*
 * A connection that hands nodes over without bytes.  This header replaces
 * wa_conn.c in the program that includes it: the linker takes these functions
 * and leaves the archive's object out.  Include it in exactly one file of a
 * test program.
 */
#ifndef WA_ROOM_CONN_H
#define WA_ROOM_CONN_H

#include <stdio.h>
#include <stdlib.h>

#include "wa_account_int.h"
#include "wa_conn.h"
#include "wa_dispatch.h"
#include "wa_node_codec.h"
#include "wa_task_int.h"


/* Stanzas that wait for the server. */
#define ROOM_OUT  512


typedef struct {
    uint8_t  *p;
    size_t    n;
} room_out_t;

struct wa_conn_s {
    uint32_t    gen;
    bool        online;
    bool        available;
    uint64_t    next_id;
    room_out_t  out[ROOM_OUT];
    size_t      n_out;
};


void
wa_conn_dial(wa_account_t *a)
{
    static uint32_t  gens;

    if (a->conn == NULL) {
        a->conn = calloc(1, sizeof(wa_conn_t));
        a->conn->gen = ++gens;
        a->conn->online = true;
    }
}


void
wa_conn_connected(wa_account_t *a, wa_err_t err, const char *text)
{
    (void) a;
    (void) err;
    (void) text;
}


void
wa_conn_close(wa_account_t *a)
{
    size_t  i;

    if (a->conn == NULL) {
        return;
    }

    for (i = 0; i < a->conn->n_out; i++) {
        free(a->conn->out[i].p);
    }

    free(a->conn);
    a->conn = NULL;
    wa_tasks_conn_lost(a);
}


void
wa_conn_closed(wa_account_t *a, const char *text)
{
    (void) text;
    wa_conn_close(a);
}


/* `in` is one packed node. */
wa_err_t
wa_conn_feed(wa_account_t *a, wa_span_t in)
{
    wa_err_t     rc;
    wa_node_t   *node;
    wa_arena_t   arena;

    wa_arena_init(&arena, 0);

    rc = wa_arena_dup_span(&arena, in, &in);

    if (rc == WA_OK) {
        rc = wa_node_unpack(in, &arena, &node);
    }

    if (rc == WA_OK) {
        wa_dispatch_stanza(a, node, &arena);
    }

    wa_arena_free(&arena);

    return rc;
}


uint32_t
wa_conn_generation(const wa_account_t *a)
{
    return a->conn == NULL ? 0 : a->conn->gen;
}


void
wa_conn_send_packed(wa_account_t *a, wa_span_t packed)
{
    room_out_t  *o;

    /* libc's own: this side of the room is never short of memory. */

    if (a->conn != NULL && a->conn->n_out < ROOM_OUT) {
        o = &a->conn->out[a->conn->n_out++];
        o->n = packed.n;
        o->p = malloc(packed.n);
        memcpy(o->p, packed.p, packed.n);
    }
}


void
wa_conn_iq_id(wa_account_t *a, wa_arena_t *arena, wa_node_t *iq,
    uint64_t *id)
{
    *id = ++a->conn->next_id;
    wa_node_set_u64(arena, iq, "id", *id);
}


bool
wa_conn_iq_match(wa_account_t *a, const wa_node_t *iq, uint64_t *id)
{
    return a->conn != NULL && wa_node_attr_u64(iq, "id", id);
}


void
wa_conn_set_online(wa_account_t *a)
{
    a->conn->online = true;
}


void
wa_conn_keep_alive(wa_account_t *a)
{
    (void) a;
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


void
wa_conn_expire(wa_account_t *a)
{
    (void) a;
}


wa_time_t
wa_conn_deadline(const wa_account_t *a)
{
    (void) a;

    return -1;
}


size_t
wa_conn_footprint(const wa_account_t *a)
{
    (void) a;

    return 0;
}


wa_err_t
wa_account_send_now(wa_account_t *a, const wa_node_t *node)
{
    wa_err_t  rc;
    wa_buf_t  packed = WA_BUF_EMPTY;

    if (a->conn == NULL) {
        return WA_ERR_GONE;
    }

    rc = node == NULL ? WA_ERR_NOMEM : wa_node_pack(node, &packed);

    if (rc == WA_OK) {
        wa_conn_send_packed(a, wa_span_buf(&packed));
    }

    wa_buf_free(&packed);

    return rc;
}


wa_span_t
wa_account_next_id(wa_account_t *a, wa_arena_t *arena)
{
    char    text[24];
    int     n;
    void   *copy;

    n = snprintf(text, sizeof(text), "%llu",
                 (unsigned long long) ++a->conn->next_id);
    copy = wa_arena_dup(arena, text, (size_t) n);

    return copy == NULL ? wa_span_none() : wa_span(copy, (size_t) n);
}

#endif /* WA_ROOM_CONN_H */
