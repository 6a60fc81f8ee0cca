/*
 * Asking for the offline queue, batch by batch, see wa_offline.h.
 *
 * The next batch is asked for when as many stanzas came as the last request
 * allowed, or when none came for a while: servers may give fewer at a time.
 */
#include "wa_conn.h"
#include "wa_life.h"
#include "wa_offline.h"


/* Size of a batch, whatsapp-rust src/client/offline_resume.rs. */
#define OFFLINE_BATCH       200
#define OFFLINE_BATCH_TEXT  "200"

/* Silence after which the batch is taken to be at its end. */
#define OFFLINE_STALL_MS    3000

/* Requests in a row that bring nothing: the server counted otherwise. */
#define OFFLINE_STALLS_MAX  5


static void
offline_request(wa_account_t *a)
{
    wa_node_t   *ib, *batch;
    wa_arena_t   arena;

    a->offline.batch = OFFLINE_BATCH;
    a->offline.stall_at = a->now + OFFLINE_STALL_MS;

    wa_arena_init(&arena, 600);
    ib = wa_node_new(&arena, "ib");
    batch = wa_node_add_new(&arena, ib, "offline_batch");
    wa_node_set_str(&arena, batch, "count", OFFLINE_BATCH_TEXT);
    (void) wa_account_send_now(a, ib);
    wa_arena_free(&arena);
}


void
wa_offline_preview(wa_account_t *a, const wa_node_t *preview)
{
    uint64_t  count;

    if (!wa_node_attr_u64(preview, "count", &count)) {
        count = 0;
    }

    a->offline.conn_gen = wa_conn_generation(a);
    a->offline.left = count > UINT32_MAX ? UINT32_MAX : (uint32_t) count;
    a->offline.stalls = 0;
    wa_life_queued(a);
    offline_request(a);
}


bool
wa_offline_told(const wa_account_t *a)
{
    return a->offline.conn_gen == wa_conn_generation(a);
}


static bool
offline_waits(const wa_account_t *a)
{
    return a->offline.left != 0 && wa_offline_told(a);
}


void
wa_offline_seen(wa_account_t *a)
{
    wa_life_queued(a);

    if (!offline_waits(a)) {
        return;
    }

    a->offline.left--;
    a->offline.batch--;
    a->offline.stalls = 0;
    a->offline.stall_at = a->now + OFFLINE_STALL_MS;

    if (a->offline.batch == 0 && a->offline.left != 0) {
        offline_request(a);
    }
}


void
wa_offline_end(wa_account_t *a)
{
    a->offline.left = 0;
}


void
wa_offline_expire(wa_account_t *a)
{
    if (!offline_waits(a) || a->now < a->offline.stall_at) {
        return;
    }

    /* While we do not read, the silence is ours. */
    if (wa_account_paused(a)) {
        a->offline.stall_at = a->now + OFFLINE_STALL_MS;
        return;
    }

    if (++a->offline.stalls > OFFLINE_STALLS_MAX) {
        wa_offline_end(a);
        return;
    }

    offline_request(a);
}


wa_time_t
wa_offline_deadline(const wa_account_t *a)
{
    return offline_waits(a) ? a->offline.stall_at : -1;
}
