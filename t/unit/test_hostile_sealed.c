/*
 * A person who means harm: what can be sealed under a real session.  Fields
 * of other types, messages in messages, lists without end, texts cut anywhere,
 * replays.  What is delivered is delivered once and as JSON, and the account
 * answers the next ping.
 */
#include "wa_hostile.h"

#include "wa_padding.h"
#include "wa_signal.h"


/* Delivers a plaintext under a real session. */
static void
deliver(bench_t *b, wa_span_t plain, const char *id, size_t times)
{
    wa_unit_t    *u;
    wa_node_t    *m, *enc;
    wa_span_t     cipher;
    wa_arena_t    arena;
    const char   *type;
    wa_account_t *a;

    a = room_account(b->room, 0);
    wa_arena_init(&arena, 0);
    u = wa_unit_new(a);
    assert_int_equal(wa_signal_encrypt(u, &b->room->side[VICTIM].lid, plain,
                                       &arena, &type, &cipher), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(b->room->side[0].h);

    m = wa_node_new(&arena, "message");
    wa_node_set_str(&arena, m, "id", id);
    wa_node_set_jid(&arena, m, "from", &b->room->side[0].lid);
    wa_node_set_str(&arena, m, "type", "text");
    wa_node_set_u64(&arena, m, "t", (uint64_t) wa_unix_s(a));
    enc = wa_node_add_new(&arena, m, "enc");
    wa_node_set_str(&arena, enc, "v", "2");
    wa_node_set_str(&arena, enc, "type", type);
    wa_node_bytes(enc, cipher);

    while (times-- > 0) {
        feed_node(b, m);
        wa_host_advance(host(b), WA_UNIT_PATIENCE_MS + 1);
    }

    wa_arena_free(&arena);
}


static void
meet(bench_t *b)
{
    b->seed = "sealed";
    room_send(b->room, 0, "15550109999@s.whatsapp.net", "hello");
    room_run(b->room);
    assert_int_equal(wa_host_event_count(host(b), "message.received"), 1);
}


/* A field of a protobuf around what is in `buf`. */
static void
wrap(wa_buf_t *buf, uint32_t field, wa_span_t inner)
{
    uint32_t  v;
    uint8_t   c;
    wa_buf_t  out = WA_BUF_EMPTY;

    for (v = field << 3 | 2; v >= 0x80; v >>= 7) {
        c = (uint8_t) (v | 0x80);
        assert_int_equal(wa_buf_append(&out, &c, 1), WA_OK);
    }

    c = (uint8_t) v;
    assert_int_equal(wa_buf_append(&out, &c, 1), WA_OK);

    for (v = (uint32_t) inner.n; v >= 0x80; v >>= 7) {
        c = (uint8_t) (v | 0x80);
        assert_int_equal(wa_buf_append(&out, &c, 1), WA_OK);
    }

    c = (uint8_t) v;
    assert_int_equal(wa_buf_append(&out, &c, 1), WA_OK);
    assert_int_equal(wa_buf_append_span(&out, inner), WA_OK);
    wa_buf_free(buf);
    *buf = out;
}


static void
seal(bench_t *b, wa_span_t padded, size_t i)
{
    char  id[32];

    (void) snprintf(id, sizeof(id), "3EBF%zu", i);
    deliver(b, padded, id, 1);
}


static void
seal_padded(bench_t *b, const wa_buf_t *plain, size_t i)
{
    wa_buf_t  padded = WA_BUF_EMPTY;

    assert_int_equal(wa_buf_append_span(&padded, wa_span_buf(plain)), WA_OK);
    assert_int_equal(wa_buf_append(&padded, "\x01", 1), WA_OK);
    seal(b, wa_span_buf(&padded), i);
    wa_buf_free(&padded);
}


/* Each field of a Message, in each wire type, with nothing sensible in it. */
static void
fields_of_other_types_are_told_or_refused(void **state)
{
    size_t     k;
    uint32_t   field;
    wa_buf_t   plain = WA_BUF_EMPTY;
    bench_t   *b = *state;

    static const char *const  inner[] = {
        "", "\x08\x96\x01", "\x0a\x7f", "\xff\xff\xff\xff\xff\xff",
        "\x0a\x02hi\x12\x02hi\x1a\x02hi\x22\x02hi"
    };

    meet(b);

    for (field = 1; field < 125; field++) {
        for (k = 0; k < sizeof(inner) / sizeof(inner[0]); k++) {
            wrap(&plain, field, wa_span_str(inner[k]));
            seal_padded(b, &plain, field * 10 + k);
        }
    }

    wa_buf_free(&plain);
    assert_true(wa_host_event_count(host(b), "message.received") > 100);
    check_events(b);
    check_alive(b);
}


/* Messages in messages: 40 is future-proof, 2 quoted in a text's context. */
static void
messages_in_messages_end_somewhere(void **state)
{
    size_t     i, k;
    wa_buf_t   plain = WA_BUF_EMPTY;
    bench_t   *b = *state;

    static const uint32_t  shells[] = { 31, 37, 40, 53, 55, 58, 62, 74 };

    meet(b);

    for (k = 0; k < sizeof(shells) / sizeof(shells[0]); k++) {
        plain.n = 0;
        wrap(&plain, 1, wa_span_str("deep"));

        for (i = 0; i < 300; i++) {
            wrap(&plain, 1, wa_span_buf(&plain));
            wrap(&plain, shells[k], wa_span_buf(&plain));

            if (i == 1 || i == 10 || i == 30 || i == 100 || i == 299) {
                seal_padded(b, &plain, k * 1000 + i);
            }
        }
    }

    plain.n = 0;
    wrap(&plain, 1, wa_span_str("quoted"));

    for (i = 0; i < 300; i++) {
        wrap(&plain, 3, wa_span_buf(&plain));
        wrap(&plain, 17, wa_span_buf(&plain));
        wrap(&plain, 6, wa_span_buf(&plain));

        if (i == 1 || i == 10 || i == 30 || i == 100 || i == 299) {
            seal_padded(b, &plain, 900000 + i);
        }
    }

    wa_buf_free(&plain);
    check_events(b);
    check_alive(b);
}


static void
a_text_cut_anywhere_and_any_padding(void **state)
{
    size_t      i;
    uint8_t     pad;
    wa_buf_t    text = WA_BUF_EMPTY, cut = WA_BUF_EMPTY;
    bench_t    *b = *state;

    meet(b);
    wrap(&text, 15, wa_span_str("333000333@s.whatsapp.net"));
    wrap(&text, 17, wa_span_buf(&text));
    assert_int_equal(wa_buf_append(&text, "\x0a\x05" "hello", 7), WA_OK);
    wrap(&text, 6, wa_span_buf(&text));

    for (i = 0; i < text.n; i++) {
        cut.n = 0;
        assert_int_equal(wa_buf_append(&cut, text.p, i), WA_OK);
        seal_padded(b, &cut, i);
    }

    for (pad = 0; pad < 255; pad++) {
        cut.n = 0;
        assert_int_equal(wa_buf_append_span(&cut, wa_span_buf(&text)),
                         WA_OK);
        assert_int_equal(wa_buf_append(&cut, &pad, 1), WA_OK);
        seal(b, wa_span_buf(&cut), 5000 + pad);
    }

    assert_true(wa_host_event_count(host(b), "message.received") > 1);
    wa_buf_free(&text);
    wa_buf_free(&cut);
    check_events(b);
    check_alive(b);
}


/* 60,000 mentions, and as many of other lists. */
static void
lists_without_end_are_bounded(void **state)
{
    size_t      i, k;
    wa_buf_t    list = WA_BUF_EMPTY;
    bench_t    *b = *state;

    static const struct {
        uint32_t     field;             /* of Message                      */
        uint32_t     inner;             /* of its content: the list        */
        const char  *item;
    } rows[] = {
        { 6, 17, "\x7a\x05" "1@lid" },          /* mentions, one context   */
        { 49, 3, "\x0a\x01o" },                 /* options of a poll       */
        { 13, 2, "\x0a\x01n\x82\x01\x01v" },    /* contacts                */
        { 50, 2, "\x0a\x00" },                  /* votes                   */
        { 36, 9, "\x0a\x01r" }                  /* sections of a list      */
    };

    meet(b);

    for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        wa_buf_t  all = WA_BUF_EMPTY;

        for (i = 0; i < 60000; i++) {
            if (k == 0) {
                assert_int_equal(wa_buf_append_span(&all,
                                     wa_span_str(rows[k].item)), WA_OK);
                continue;
            }

            assert_int_equal(wa_buf_append_span(&list,
                                 wa_span_str(rows[k].item)), WA_OK);
            wrap(&list, rows[k].inner, wa_span_buf(&list));
            assert_int_equal(wa_buf_append_span(&all, wa_span_buf(&list)),
                             WA_OK);
            list.n = 0;
        }

        if (k == 0) {
            wrap(&all, rows[k].inner, wa_span_buf(&all));
        }

        wrap(&all, rows[k].field, wa_span_buf(&all));
        seal_padded(b, &all, k);
        wa_buf_free(&all);
    }

    wa_buf_free(&list);
    check_events(b);
    check_alive(b);
    assert_true(wa_account_footprint(victim(b)) < 16u << 20);
}


/* The same ciphertext again and again, and after a restart. */
static void
a_replayed_message_is_delivered_once(void **state)
{
    size_t     i, n;
    bench_t   *b = *state;
    wa_buf_t   plain = WA_BUF_EMPTY;

    meet(b);
    wrap(&plain, 1, wa_span_str("once"));
    assert_int_equal(wa_buf_append(&plain, "\x01", 1), WA_OK);
    n = wa_host_event_count(host(b), "message.received");

    for (i = 0; i < 5; i++) {
        deliver(b, wa_span_buf(&plain), "3EBREPLAY", 20);
        room_restart(b->room, VICTIM);
    }

    assert_int_equal(wa_host_event_count(host(b), "message.received"),
                     n + 1);
    wa_buf_free(&plain);
    check_alive(b);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest  tests[] = {
        T(fields_of_other_types_are_told_or_refused),
        T(messages_in_messages_end_somewhere),
        T(a_text_cut_anywhere_and_any_padding),
        T(lists_without_end_are_bounded),
        T(a_replayed_message_is_delivered_once)
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
