/* Delivery receipts of the offline queue leave together. */
#include "wa_room_trio.h"

#include "wa_receipt_batch.h"


/* What waits for Bob comes from the offline queue. */
static void
mark_offline(room_t *r)
{
    size_t      k;
    wa_buf_t   *b;
    wa_node_t  *node;
    wa_span_t   copy;

    for (k = 0; k < r->side[1].n_queue; k++) {
        b = &r->side[1].queue[k];
        assert_int_equal(wa_arena_dup_span(&r->arena, wa_span_buf(b), &copy),
                         WA_OK);
        assert_int_equal(wa_node_unpack(copy, &r->arena, &node), WA_OK);
        wa_node_set_u64(&r->arena, node, "offline", k + 1);
        b->n = 0;
        assert_int_equal(wa_node_pack(node, b), WA_OK);
    }
}


static void
send_away(room_t *r, size_t from, size_t n)
{
    size_t  i;
    char    text[32];

    r->side[1].away = true;

    for (i = 0; i < n; i++) {
        (void) snprintf(text, sizeof(text), "text %zu", i);
        room_send(r, from, BOB_PN, text);
        room_run(r);
    }
}


/* How many ids the receipts of Bob name. */
static size_t
receipt_ids(const room_t *r)
{
    size_t            k, n;
    const wa_node_t  *item;

    n = 0;

    for (k = 0; k < r->n_log; k++) {

        if (r->from[k] != 1 || !wa_node_is(r->log[k], "receipt")) {
            continue;
        }

        n++;
        item = wa_node_child(wa_node_child(r->log[k], "list"), "item");

        for ( /* void */ ; item != NULL; item = wa_node_sibling(item, "item"))
        {
            n++;
        }
    }

    return n;
}


static void
receipts_of_an_author_are_one_stanza(void **state)
{
    room_t  *r = *state;

    send_away(r, 0, 3);
    send_away(r, 2, 2);
    mark_offline(r);
    room_back(r, 1);
    room_run(r);

    assert_int_equal(room_events(r, 1, "message.received"), 5);
    assert_int_equal(room_count(r, 1, "receipt", NULL), 0);

    wa_host_advance(r->side[1].h, WA_RECEIPTS_WAIT_MS);
    room_run(r);

    assert_int_equal(room_count(r, 1, "receipt", NULL), 2);
    assert_int_equal(room_count(r, 1, "receipt", "inactive"), 2);
    assert_int_equal(receipt_ids(r), 5);

    /* Alone as before. */

    room_send(r, 0, BOB_PN, "live");
    room_run(r);
    assert_int_equal(room_count(r, 1, "receipt", NULL), 3);
    assert_null(wa_node_child(room_last(r, 1, "receipt", NULL), "list"));

    /* Time passes, nothing is told twice. */

    wa_host_advance(r->side[1].h, 10 * WA_RECEIPTS_WAIT_MS);
    room_run(r);
    assert_int_equal(receipt_ids(r), 6);
}


/* The messages come again on the next connection. */
static void
receipts_end_with_their_connection(void **state)
{
    room_t  *r = *state;

    send_away(r, 0, 2);
    mark_offline(r);
    room_back(r, 1);
    room_run(r);

    wa_conn_close(room_account(r, 1));
    wa_conn_dial(room_account(r, 1));
    wa_host_advance(r->side[1].h, WA_RECEIPTS_WAIT_MS);
    room_run(r);
    assert_int_equal(receipt_ids(r), 0);
}


static void
nothing_is_told_before_it_is_durable(void **state)
{
    room_t  *r = *state;

    send_away(r, 0, 2);
    mark_offline(r);
    wa_host_hold(r->side[1].h, true);
    room_back(r, 1);
    wa_host_advance(r->side[1].h, 10 * WA_RECEIPTS_WAIT_MS);
    assert_false(room_step(r, 1));
    assert_int_equal(receipt_ids(r), 0);
}


#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(receipts_of_an_author_are_one_stanza),
        T(receipts_end_with_their_connection),
        T(nothing_is_told_before_it_is_durable)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
