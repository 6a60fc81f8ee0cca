/* App state that our phone sends instead of a broken snapshot: what is taken
   of it, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_hist.h"
#include "wa_pb.h"
#include "wa_synced.h"


#define NAME    "regular_high"
#define ME      WA_COLLECTION_REGULAR_HIGH
#define ANSWER  "as/answer/0"

#define RECOVERY  8

#define ANSWER_TYPE(name)                                                     \
    Wa__Message__PeerDataOperationRequestResponseMessage##name
#define ANSWER_INIT(name)                                                     \
    wa__message__peer_data_operation_request_response_message__##name
#define RESULT(name)                                                          \
    ANSWER_TYPE(__PeerDataOperationResult##name)
#define RESULT_INIT(name)                                                     \
    ANSWER_INIT(peer_data_operation_result__##name)

typedef ANSWER_TYPE()  answer_t;
typedef RESULT()  result_t;
typedef RESULT(__SyncDSnapshotFatalRecoveryResponse)  snapshot_t;

/* What is wrong with an answer. */
typedef struct {
    bool         hash;
    bool         mac;
    bool         index;
    bool         key;
    bool         cut;
    uint64_t     version;
    const char  *name;
} wrong_t;

static const wrong_t  right = { .version = 2 };


/* Logged in; the collection is as it is after three broken snapshots, and
   our phone was asked `ago` seconds before, 0: not at all. */
static void
broken(sync_t *s, int64_t ago)
{
    wa_as_t           as;
    wa_node_t        *n;
    wa_unit_t        *u;
    const wa_node_t  *iq;

    sync_login(s);
    iq = sync_asked(s);
    assert_non_null(iq);
    n = wa_node_new(wa_peer_arena(s->p), "sync");
    wa_peer_result(s->p, iq, n);
    wa_peer_advance(s->p, 100);

    as = sync_known(s);
    assert_true(!as.c[ME].known && as.c[ME].dirty);
    as.c[ME].asked = (ago == 0) ? 0
                     : wa_unix_s(wa_host_account(s->h)) - ago;
    u = wa_unit_new(wa_host_account(s->h));
    assert_int_equal(wa_as_put(u, &as), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(s->h);
}


/* The records of the vectors' snapshot, opened. */
static void
recovery(sync_t *s, const wrong_t *w, wa_hist_t *out)
{
    uint8_t            copy[WA_LTHASH_LEN], version[2] = { 8 };
    wa_buf_t           plain = WA_BUF_EMPTY;
    wa_span_t          hash;
    wa_syncd_record_t  r;
    wa_syncd_reader_t  reader;

    version[1] = (uint8_t) w->version;
    wa_hist_bytes(out, 1, version, sizeof(version));
    wa_hist_str(out, 2, w->name != NULL ? w->name : NAME);
    wa_syncd_reader_init(&reader, WA_SYNCD_SNAPSHOT);
    assert_int_equal(wa_syncd_reader_feed(&reader, wa_vectors_hex(&s->v,
                         s->v.root, "snapshot_v2.syncd_snapshot_protobuf")),
                     WA_OK);

    while (wa_syncd_reader_next(&reader, &r) == WA_OK) {
        plain.n = 0;
        assert_int_equal(wa_syncd_open(&s->keys, &r, &plain), WA_OK);
        memcpy(copy, r.value_mac.p, r.value_mac.n);
        copy[3] ^= w->mac;
        plain.p[0] ^= (uint8_t) (w->index ? 0x70 : 0);
        wa_hist_begin(out, 3);
        wa_hist_bytes(out, 1, plain.p, plain.n);
        wa_hist_bytes(out, 2, w->key ? (const void *) "other"
                                     : (const void *) r.key_id.p,
                      w->key ? 5 : r.key_id.n);
        wa_hist_bytes(out, 3, copy, r.value_mac.n);
        wa_hist_end(out);
    }

    hash = wa_vectors_hex(&s->v, s->v.root, "snapshot_v2.lthash");
    memcpy(copy, hash.p, sizeof(copy));
    copy[100] ^= w->hash;
    wa_hist_bytes(out, 4, copy, sizeof(copy));
    out->b.n -= w->cut;
    wa_buf_free(&plain);
    wa_syncd_reader_free(&reader);
}


/* As its message is delivered. */
static void
phone_sends(sync_t *s, const wrong_t *w)
{
    answer_t     answer;
    result_t     result, *results[1] = { &result };
    wa_unit_t   *u;
    wa_hist_t    bytes = { .depth = 0 };
    snapshot_t   snapshot;

    recovery(s, w, &bytes);
    ANSWER_INIT(init)(&answer);
    RESULT_INIT(init)(&result);
    RESULT_INIT(sync_dsnapshot_fatal_recovery_response__init)(&snapshot);
    snapshot.has_collection_snapshot = 1;
    snapshot.collection_snapshot = wa_pb_bytes(wa_span_buf(&bytes.b));
    result.syncd_snapshot_fatal_recovery_response = &snapshot;
    answer.has_peer_data_operation_request_type = 1;
    answer.peer_data_operation_request_type = RECOVERY;
    answer.n_peer_data_operation_result = 1;
    answer.peer_data_operation_result = results;

    (void) sync_known(s);
    u = wa_unit_new(wa_host_account(s->h));
    assert_int_equal(wa_appstate_answered(u, &answer), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_buf_free(&bytes.b);
}


static void
run(sync_t *s)
{
    (void) wa_account_expire(wa_host_account(s->h), wa_host_now(s->h));
    wa_host_drain(s->h);
    wa_peer_advance(s->p, 100);
}


static void
check_taken(sync_t *s)
{
    wa_as_t           as;
    wa_span_t         hash;
    const wa_node_t  *iq, *c;

    iq = sync_asked(s);
    assert_non_null(iq);
    c = wa_node_child(wa_node_child(iq, "sync"), "collection");
    assert_true(wa_node_attr_is(c, "name", NAME));
    assert_true(wa_node_attr_is(c, "version", "2"));
    assert_true(wa_node_attr_is(c, "return_snapshot", "false"));

    as = sync_known(s);
    hash = wa_vectors_hex(&s->v, s->v.root, "snapshot_v2.lthash");
    assert_true(as.c[ME].known && as.c[ME].version == 2);
    assert_memory_equal(as.c[ME].hash, hash.p, hash.n);
    assert_int_equal(as.answers, 0);
    assert_int_equal(wa_host_record(s->h, ANSWER, 0).n, 0);
    assert_int_equal(wa_host_event_count(s->h, "app_state.synced"), 1);
}


static void
what_is_whole_is_taken(void **state)
{
    sync_t  *s = *state;

    broken(s, 5);
    phone_sends(s, &right);
    run(s);
    check_taken(s);
}


static void
it_is_kept_over_a_crash(void **state)
{
    sync_t     *s = *state;
    wa_node_t  *ib;

    broken(s, 5);
    wa_host_hold(s->h, true);
    phone_sends(s, &right);
    wa_host_drain(s->h);
    wa_host_confirm(s->h);
    run(s);
    assert_true(wa_host_held(s->h) != 0);
    assert_true(wa_host_record(s->h, ANSWER, 0).n != 0);
    wa_host_restart(s->h);
    wa_host_hold(s->h, false);
    wa_peer_login(s->p);
    ib = wa_node_new(wa_peer_arena(s->p), "ib");
    (void) wa_node_add_new(wa_peer_arena(s->p), ib, "offline");
    wa_peer_send(s->p, ib);
    assert_non_null(sync_asked(s));
    assert_int_equal(sync_known(s).c[ME].version, 2);
    assert_int_equal(sync_known(s).answers, 0);
    assert_int_equal(wa_host_event_count(s->h, "app_state.synced"), 1);
}


static void
what_is_wrong_is_not(void **state)
{
    size_t   i;
    sync_t  *s = *state;
    wa_as_t  as;

    static const wrong_t  wrong[] = {
        { .version = 2, .hash = true },
        { .version = 2, .mac = true },
        { .version = 2, .index = true },
        { .version = 2, .cut = true },
        { .version = 0 },
        { .version = 2, .name = "regular_middle" },
        { .version = 2, .name = "regular" }
    };

    broken(s, 5);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        phone_sends(s, &wrong[i]);
        assert_int_equal(wa_as_get(wa_host_account(s->h), &as), WA_OK);
        assert_int_equal(as.answers, 1);
        run(s);
        as = sync_known(s);
        assert_true(!as.c[ME].known && as.c[ME].dirty);
        assert_int_equal(as.answers, 0);
        assert_int_equal(wa_host_record(s->h, ANSWER, 0).n, 0);
    }

    assert_int_equal(wa_host_event_count(s->h, "app_state.synced"), 0);
    phone_sends(s, &right);
    run(s);
    check_taken(s);
}


static void
what_nobody_asked_for_is_not(void **state)
{
    sync_t  *s = *state;

    broken(s, 0);
    phone_sends(s, &right);
    run(s);
    assert_int_equal(sync_known(s).answers, 0);
    assert_int_equal(wa_host_record(s->h, ANSWER, 0).n, 0);
    assert_false(sync_known(s).c[ME].known);
}


static void
without_its_key_it_waits(void **state)
{
    wrong_t  w = { .version = 2, .key = true };
    sync_t  *s = *state;

    broken(s, 5);
    phone_sends(s, &w);
    run(s);
    assert_int_equal(sync_known(s).answers, 1);
    assert_false(sync_known(s).c[ME].known);

    /* another one is not in its place */

    phone_sends(s, &right);
    run(s);
    assert_non_null(sync_asked(s));
    assert_int_equal(sync_known(s).answers, 1);
    assert_int_equal(sync_known(s).c[ME].version, 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(what_is_whole_is_taken,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(it_is_kept_over_a_crash,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_not,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(what_nobody_asked_for_is_not,
                                        sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(without_its_key_it_waits,
                                        sync_setup, sync_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
