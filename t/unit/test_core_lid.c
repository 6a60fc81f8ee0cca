/* PN <-> LID: learning, moving sessions, finding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wa_account_int.h"
#include "wa_bench.h"
#include "wa_device_int.h"
#include "wa_lid.h"
#include "wa_signal.h"


static wa_err_t
learn(wa_bench_t *b, const char *pn, const char *lid)
{
    wa_jid_t  p, l;

    p = wa_bench_jid(pn);
    l = wa_bench_jid(lid);

    return wa_bench_finish(b, wa_lid_learn(wa_bench_task(b), &p, &l));
}


static void
assert_value(wa_bench_t *b, const char *name, const char *value)
{
    wa_span_t  s;

    assert_int_equal(wa_record_get(b->a, name, 0, &s), WA_OK);
    assert_true(wa_span_eq_str(s, value));
}


static void
a_pair_is_learnt_once(void **state)
{
    size_t     commits;
    wa_bench_t  *b = *state;
    wa_jid_t   pn, lid, out;

    pn = wa_bench_jid("15552222:5@s.whatsapp.net");
    lid = wa_bench_jid("200000000000002:5@lid");
    assert_false(wa_lid_of(b->a, &pn, &out));

    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);
    assert_true(wa_lid_of(b->a, &pn, &out));
    assert_true(wa_jid_eq(&out, &lid));
    assert_true(wa_pn_of(b->a, &lid, &out));
    assert_true(wa_jid_eq(&out, &pn));
    assert_false(wa_pn_of(b->a, &pn, &out));

    out = pn;
    wa_lid_prefer(b->a, &out);
    assert_true(wa_jid_eq(&out, &lid));

    commits = wa_host_commits(b->host);
    assert_int_equal(wa_lid_learn(wa_bench_task(b), &pn, &lid), WA_OK);
    wa_host_drain(b->host);
    assert_int_equal(wa_host_commits(b->host), commits);
}


static void
a_pair_is_known_after_a_restart(void **state)
{
    size_t     commits;
    wa_bench_t  *b = *state;
    wa_key_t   key;
    wa_jid_t   pn, lid, out;
    wa_arena_t arena;

    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);
    wa_task_end(b->task, WA_OK);
    b->task = NULL;
    wa_host_restart(b->host);
    b->a = wa_host_account(b->host);
    commits = wa_host_commits(b->host);

    pn = wa_bench_jid("15552222@s.whatsapp.net");
    lid = wa_bench_jid("200000000000002@lid");
    assert_false(wa_lid_of(b->a, &pn, &out));

    wa_arena_init(&arena, 0);
    assert_int_equal(wa_lid_need(&pn, &arena, &key), 1);
    assert_true(wa_span_eq_str(key.name, "lid/15552222"));
    assert_int_equal(wa_lid_need(&lid, &arena, &key), 1);
    assert_true(wa_span_eq_str(key.name, "pn/200000000000002"));
    wa_arena_free(&arena);

    /* Learning it again only reads. */
    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);
    assert_true(wa_lid_of(b->a, &pn, &out));
    assert_true(wa_jid_eq(&out, &lid));
    assert_int_equal(wa_host_commits(b->host), commits);
}


static void
sessions_and_devices_move_to_the_lid(void **state)
{
    wa_bench_t       *b = *state;
    wa_jid_t             pn;
    wa_unit_t           *u;
    wa_device_record_t   rec;

    pn = wa_bench_jid("15552222@s.whatsapp.net");
    wa_bench_put(b, "sess/15552222.0", "s0");
    wa_bench_put(b, "ident/15552222.0", "i0");
    wa_bench_put(b, "sess/15552222.3", "s3");
    wa_bench_put(b, "sess/15552222.9", "s9");
    wa_bench_put(b, "sess/15552222.4", "old");
    wa_bench_put(b, "sess/200000000000002_1.4", "kept");

    memset(&rec, 0, sizeof(rec));
    rec.fetched_s = 1767225600;
    rec.n = 3;
    rec.devices[1].id = 3;
    rec.devices[2].id = 4;
    u = wa_unit_new(b->a);
    assert_int_equal(wa_device_record_put(u, &pn, &rec), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(b->host);

    /* Device 9 is in no list, but it just wrote. */
    assert_int_equal(learn(b, "15552222:9@s.whatsapp.net",
                           "200000000000002:9@lid"), WA_OK);

    assert_value(b, "sess/200000000000002_1.0", "s0");
    assert_value(b, "ident/200000000000002_1.0", "i0");
    assert_value(b, "sess/200000000000002_1.3", "s3");
    assert_value(b, "sess/200000000000002_1.9", "s9");
    assert_value(b, "sess/200000000000002_1.4", "kept");
    assert_false(wa_bench_stored(b, "sess/15552222.0"));
    assert_false(wa_bench_stored(b, "ident/15552222.0"));
    assert_false(wa_bench_stored(b, "sess/15552222.3"));
    assert_false(wa_bench_stored(b, "sess/15552222.4"));
    assert_false(wa_bench_stored(b, "sess/15552222.9"));
    assert_false(wa_bench_stored(b, "dev/15552222@s.whatsapp.net"));
    assert_true(wa_bench_stored(b, "dev/200000000000002@lid"));
}


static void
the_newest_pair_wins(void **state)
{
    wa_bench_t  *b = *state;
    wa_jid_t   j, out;

    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);

    /* The number got another LID. */
    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000003@lid"), WA_OK);
    j = wa_bench_jid("200000000000002@lid");
    assert_false(wa_pn_of(b->a, &j, &out));
    j = wa_bench_jid("15552222@s.whatsapp.net");
    assert_true(wa_lid_of(b->a, &j, &out));
    assert_string_equal(out.user, "200000000000003");

    /* The LID got another number. */
    assert_int_equal(learn(b, "15553333@s.whatsapp.net",
                           "200000000000003@lid"), WA_OK);
    assert_false(wa_lid_of(b->a, &j, &out));
    j = wa_bench_jid("200000000000003@lid");
    assert_true(wa_pn_of(b->a, &j, &out));
    assert_string_equal(out.user, "15553333");
    assert_false(wa_bench_stored(b, "lid/15552222"));
    assert_false(wa_bench_stored(b, "pn/200000000000002"));
}


static void
assert_merged(wa_bench_t *b, size_t n, const char *from, const char *into,
    const char *lid)
{
    size_t   i;
    json_t  *event, *data;

    assert_int_equal(wa_host_event_count(b->host, "chat.merged"), n);

    for (i = wa_host_events(b->host); i > 0; i--) {
        if (strcmp(wa_host_event_type(b->host, i - 1), "chat.merged") == 0) {
            break;
        }
    }

    event = json_loads(wa_host_event_body(b->host, i - 1), 0, NULL);
    data = json_object_get(event, "data");
    assert_string_equal(json_string_value(json_object_get(data, "from")),
                        from);
    assert_string_equal(json_string_value(json_object_get(data, "into")),
                        into);
    assert_string_equal(json_string_value(json_object_get(data, "lid")),
                        lid);
    json_decref(event);
}


static wa_err_t
show(wa_bench_t *b, const char *jid)
{
    wa_err_t    rc;
    wa_jid_t    lid;
    wa_unit_t  *u;

    lid = wa_bench_jid(jid);
    u = wa_unit_new(b->a);
    rc = wa_lid_shown(u, &lid);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    wa_host_drain(b->host);

    return rc;
}


static void
a_chat_under_a_lid_is_merged_into_the_number(void **state)
{
    wa_jid_t     j, out;
    wa_bench_t  *b = *state;

    /* Nothing was shown under this LID. */
    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);
    assert_int_equal(show(b, "200000000000002@lid"), WA_OK);
    assert_value(b, "pn/200000000000002", "15552222");
    assert_int_equal(wa_host_event_count(b->host, "chat.merged"), 0);

    /* A record that is not in memory is left alone. */
    assert_int_equal(show(b, "200000000000003@lid"), WA_OK);
    assert_false(wa_bench_stored(b, "pn/200000000000003"));

    wa_bench_put(b, "pn/200000000000003", "?");
    j = wa_bench_jid("200000000000003@lid");
    assert_false(wa_pn_of(b->a, &j, &out));
    assert_int_equal(learn(b, "15553333:2@s.whatsapp.net",
                           "200000000000003:2@lid"), WA_OK);
    assert_merged(b, 1, "200000000000003@lid", "15553333@s.whatsapp.net",
                  "200000000000003@lid");
    assert_true(wa_pn_of(b->a, &j, &out));
    assert_int_equal(learn(b, "15553333@s.whatsapp.net",
                           "200000000000003@lid"), WA_OK);
    assert_int_equal(wa_host_event_count(b->host, "chat.merged"), 1);
}


/* <notification type=contacts><modify old new old_lid new_lid/> */
static void
a_new_number_takes_the_chat_along(void **state)
{
    wa_jid_t          pn, lid;
    wa_node_t        *n, *m;
    wa_bench_t       *b = *state;
    const wa_node_t  *ack;

    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "200000000000002@lid"), WA_OK);

    n = wa_node_new(b->arena, "notification");
    wa_node_set_str(b->arena, n, "id", "n1");
    wa_node_set_str(b->arena, n, "type", "contacts");
    wa_node_set_str(b->arena, n, "from", "15552222@s.whatsapp.net");
    m = wa_node_add_new(b->arena, n, "modify");
    wa_node_set_str(b->arena, m, "old", "15552222@s.whatsapp.net");
    wa_node_set_str(b->arena, m, "new", "15553333@s.whatsapp.net");
    wa_node_set_str(b->arena, m, "new_lid", "200000000000002@lid");
    wa_peer_send(b->peer, n);

    ack = wa_peer_expect(b->peer, "ack");
    assert_true(wa_node_attr_is(ack, "type", "contacts"));
    assert_merged(b, 1, "15552222@s.whatsapp.net", "15553333@s.whatsapp.net",
                  "200000000000002@lid");
    pn = wa_bench_jid("15553333@s.whatsapp.net");
    assert_true(wa_lid_of(b->a, &pn, &lid));
    pn = wa_bench_jid("15552222@s.whatsapp.net");
    assert_false(wa_lid_of(b->a, &pn, &lid));
}


/* A phone's history: all that is new in one commit, the rest is left. */
static void
new_pairs_are_learnt_together(void **state)
{
    char                 text[64];
    size_t               i, commits;
    wa_bench_t          *b = *state;
    wa_jid_t             j, out;
    wa_unit_t           *u;
    wa_lid_pair_t        pairs[WA_LID_NEW_MAX + 1];
    wa_device_record_t   rec;

    for (i = 0; i <= WA_LID_NEW_MAX; i++) {
        (void) snprintf(text, sizeof(text), "15556%02zu@s.whatsapp.net", i);
        pairs[i].pn = wa_bench_jid(text);
        (void) snprintf(text, sizeof(text), "3000%02zu@lid", i);
        pairs[i].lid = wa_bench_jid(text);
    }

    /* Known, ours, twice, with devices, one of them named. */

    assert_int_equal(learn(b, "1555600@s.whatsapp.net", "400@lid"), WA_OK);
    pairs[1].pn = wa_bench_jid("15550001@s.whatsapp.net");
    pairs[2].pn = pairs[3].pn;
    memset(&rec, 0, sizeof(rec));
    rec.fetched_s = 1767225600;
    rec.n = 1;
    u = wa_unit_new(b->a);
    assert_int_equal(wa_device_record_put(u, &pairs[4].pn, &rec), WA_OK);
    assert_int_equal(wa_unit_commit(u, NULL), WA_OK);
    pairs[5].lid.device = 3;

    wa_bench_put(b, "sess/1555606.0", "s0");
    wa_bench_put(b, "ident/1555606.0", "i0");
    wa_bench_put(b, "pn/300007", "?");
    wa_host_drain(b->host);
    commits = wa_host_commits(b->host);

    assert_int_equal(wa_bench_finish(b,
                         wa_lid_learn_new(wa_bench_task(b), pairs,
                                          WA_LID_NEW_MAX + 1)),
                     WA_OK);
    assert_int_equal(wa_host_commits(b->host), commits + 1);

    for (i = 0; i <= WA_LID_NEW_MAX; i++) {
        j = wa_jid_bare(&pairs[i].lid);
        assert_int_equal(wa_pn_of(b->a, &j, &out),
                         i == 2 || (i > 5 && i < WA_LID_NEW_MAX));
    }

    assert_value(b, "lid/1555600", "400");
    assert_value(b, "lid/1555603", "300002");
    assert_false(wa_bench_stored(b, "lid/15550001"));
    assert_value(b, "sess/300006_1.0", "s0");
    assert_value(b, "ident/300006_1.0", "i0");
    assert_false(wa_bench_stored(b, "sess/1555606.0"));
    assert_merged(b, 1, "300007@lid", "1555607@s.whatsapp.net",
                  "300007@lid");

    /* Known by now: nothing is written. */

    assert_int_equal(wa_bench_finish(b,
                         wa_lid_learn_new(wa_bench_task(b), pairs + 6, 50)),
                     WA_OK);
    assert_int_equal(wa_bench_finish(b,
                         wa_lid_learn_new(wa_bench_task(b), pairs, 0)),
                     WA_OK);
    assert_int_equal(wa_host_commits(b->host), commits + 1);
}


static void
our_own_pair_is_fixed(void **state)
{
    wa_bench_t  *b = *state;
    wa_jid_t   j, out;

    j = wa_bench_jid("15550001@s.whatsapp.net");
    assert_true(wa_lid_of(b->a, &j, &out));
    assert_string_equal(out.user, "100000000000001");
    assert_int_equal(out.device, 0);
    assert_int_equal(learn(b, "15550001@s.whatsapp.net",
                           "100000000000001@lid"), WA_OK);
    assert_int_equal(learn(b, "15550001@s.whatsapp.net",
                           "200000000000002@lid"), WA_ERR_ARG);
    assert_int_equal(learn(b, "15552222@s.whatsapp.net",
                           "100000000000001@lid"), WA_ERR_ARG);
    assert_int_equal(learn(b, "200000000000002@lid",
                           "15552222@s.whatsapp.net"), WA_ERR_ARG);
    assert_int_equal(learn(b, "1@g.us", "200000000000002@lid"),
                     WA_ERR_ARG);
}


static void
the_server_is_asked_for_an_unknown_lid(void **state)
{
    wa_bench_t       *b = *state;
    wa_jid_t          pn, lid;
    wa_node_t        *usync, *list, *user;
    wa_arena_t       *arena;
    const wa_node_t  *iq;

    arena = wa_peer_arena(b->peer);
    pn = wa_bench_jid("15554444@s.whatsapp.net");
    assert_int_equal(wa_lid_resolve(wa_bench_task(b), &pn, &lid), WA_AGAIN);
    wa_bench_run(b);
    iq = wa_peer_expect(b->peer, "iq");
    assert_true(wa_node_attr_is(iq, "xmlns", "usync"));
    assert_false(b->ended);

    usync = wa_node_new(arena, "usync");
    list = wa_node_add_new(arena, usync, "list");
    user = wa_node_add_new(arena, list, "user");
    wa_node_set_jid(arena, user, "jid", &pn);
    wa_node_set_str(arena, wa_node_add_new(arena, user, "lid"), "val",
                    "200000000000004@lid");
    wa_peer_result(b->peer, iq, usync);
    assert_true(b->ended);
    assert_int_equal(b->rc, WA_OK);
    assert_string_equal(lid.user, "200000000000004");
    assert_int_equal(lid.server, WA_SERVER_LID);

    /* Known now, and a LID is its own answer. */
    assert_int_equal(wa_lid_resolve(wa_bench_task(b), &pn, &lid), WA_OK);
    assert_string_equal(lid.user, "200000000000004");
    pn = lid;
    assert_int_equal(wa_lid_resolve(wa_bench_task(b), &pn, &lid), WA_OK);
    assert_true(wa_jid_eq(&pn, &lid));

    /* A number without an account. */
    pn = wa_bench_jid("15555555@s.whatsapp.net");
    assert_int_equal(wa_lid_resolve(wa_bench_task(b), &pn, &lid), WA_AGAIN);
    wa_bench_run(b);
    iq = wa_peer_expect(b->peer, "iq");
    usync = wa_node_new(arena, "usync");
    (void) wa_node_add_new(arena, usync, "list");
    wa_peer_result(b->peer, iq, usync);
    assert_true(b->ended);
    assert_int_equal(b->rc, WA_OK);
    assert_int_equal(lid.server, WA_SERVER_NONE);

    /* The connection ends meanwhile. */
    assert_int_equal(wa_lid_resolve(wa_bench_task(b), &pn, &lid), WA_AGAIN);
    wa_bench_run(b);
    wa_peer_drop(b->peer);
    assert_true(b->ended);
    assert_int_equal(b->rc, WA_ERR_GONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(a_pair_is_learnt_once,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_pair_is_known_after_a_restart,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(sessions_and_devices_move_to_the_lid,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(new_pairs_are_learnt_together,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(the_newest_pair_wins,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(
            a_chat_under_a_lid_is_merged_into_the_number,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(a_new_number_takes_the_chat_along,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(our_own_pair_is_fixed,
            wa_bench_setup, wa_bench_teardown),
        cmocka_unit_test_setup_teardown(the_server_is_asked_for_an_unknown_lid,
            wa_bench_setup, wa_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
